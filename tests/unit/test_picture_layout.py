"""How a picture is placed and written: nothing overlaps or is cut off, names cannot do harm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest
from test_picture import BOTH, one, through, two
from trees import APPROVER, kubespray, kubespray_like, play, role

from generator.picture import palette
from generator.picture.build import picture
from generator.picture.html import html
from generator.picture.layout import Frame, body, frame, head, legend, text_width
from generator.picture.measure import fitted, lines_of, width
from generator.picture.mermaid import MAX_TEXT, escaped, mermaid, too_much
from generator.picture.model import Arrow, Band, Box, Fold, Mark, Picture, Sheet
from generator.picture.shapes import Drawing, Group, Line, Rect, Shape, Text, number
from generator.picture.svg import svg
from generator.picture.words import count, cut, listed, short, shown

EVIL = "\u202e</text><script>alert(1)</script>&\x00\x07\n\"'`#;end{{x}}%%{init}--><!--"
LONG = "kubernetes-apps/" + "x" * 10_000


def flat(shapes: tuple[Shape, ...]) -> Iterator[Rect | Text | Line]:
    for shape in shapes:
        if isinstance(shape, Group):
            yield from flat(shape.shapes)
        else:
            yield shape


def rects(drawing: Drawing, *names: str) -> list[Rect]:
    return [s for s in flat(drawing.shapes) if isinstance(s, Rect) and s.names.split()[0] in names]


def texts(drawing: Drawing) -> list[Text]:
    return [shape for shape in flat(drawing.shapes) if isinstance(shape, Text)]


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.right and other.x < one.right
        and one.y < other.bottom and other.y < one.bottom
    )  # fmt: skip


def extent(text: Text) -> Rect:
    """Where a text may reach, generously."""
    return Rect(text.x, text.y - text.size, text_width(text), text.size * 1.3, "")


def segments(line: Line) -> list[Rect]:
    """The straight parts of an arrow, as thin rectangles."""
    found = []
    match = re.fullmatch(r"M(\S+) (\S+)H(\S+)V(\S+)H(\S+)", line.path)
    assert match is not None
    x1, y1, lane, y2, x2 = map(float, match.groups())
    for ax, ay, bx, by in ((x1, y1, lane, y1), (lane, y1, lane, y2), (lane, y2, x2, y2)):
        found.append(Rect(min(ax, bx), min(ay, by), abs(bx - ax) + 0.1, abs(by - ay) + 0.1, ""))
    return found


def assert_placed(sheet: Sheet, wide: Frame) -> None:
    """Nothing lies on anything else, no text is wider than its room, all is in the drawing."""
    drawing = body(sheet, wide)
    boxes = rects(drawing, "box", "fold")
    notes = rects(drawing, "bred", "bamber", "bgreen", "bblue")
    for one_, other in combinations([*boxes, *notes], 2):
        assert not overlap(one_, other), (one_, other)
    for one_, other in combinations(rects(drawing, "band"), 2):
        assert not overlap(one_, other)
    for text in texts(drawing):
        assert text_width(text) <= text.room + 0.01, text
        reach = extent(text)
        assert reach.x >= 0 and reach.right <= drawing.width and reach.bottom <= drawing.height
        holders = [r for r in (*boxes, *notes, *rects(drawing, "band")) if overlap(reach, r)]
        inner = [r for r in holders if r in boxes or r in notes]
        assert len(inner) <= 1, text
        (holder,) = inner or holders
        assert holder.x <= reach.x and reach.right <= holder.right, text
        assert holder.y <= reach.y + 2 and reach.bottom <= holder.bottom + 2, text
    arrows = [
        s
        for s in flat(drawing.shapes)
        if isinstance(s, Line) and s.names.startswith("line") and "V" in s.path and not s.x
    ]
    for arrow in arrows:
        for part in segments(arrow):
            for text in texts(drawing):
                assert not overlap(part, extent(text)), (arrow, text)
            assert part.x >= 0 and part.right <= drawing.width
            assert not any(
                part.x > box.x + 1 and part.right < box.right - 1 and overlap(part, box)
                for box in boxes
            )


def made(*boxes: Box, arrows: tuple[Arrow, ...] = (), name: str = "p", hosts: str = "h") -> Sheet:
    return Sheet("Before", "blocks", "Why.", (Band((1,), name, hosts, boxes),), arrows,
                 ((name, hosts),), ())  # fmt: skip


def plain_box(key: str, title: str = "role", text: str = "provides Helm") -> Box:
    return Box(key, title, "by", "a.yml:1", (Mark("provides", text),))


class TestPlaced:
    @pytest.mark.parametrize("everything", [False, True])
    @pytest.mark.parametrize("given", [{}, {"external_cloud_provider": "manual"}])
    def test_small_tree(self, given: dict[str, Any], everything: bool) -> None:
        sheet = one(kubespray_like(), everything=everything, **given)
        assert_placed(sheet, frame([sheet]))

    def test_before_and_after(self) -> None:
        drawn = two(kubespray_like(), *BOTH)
        wide = frame(drawn.sheets)
        assert wide == Frame(left=1, right=1, notes=True)
        for sheet in drawn.sheets:
            assert_placed(sheet, wide)

    def test_long_names(self) -> None:
        boxes = [plain_box("a", LONG, LONG), plain_box("b", "日本語" * 500, "ß" * 900)]
        arrow = Arrow("b", "a", ("helm",), "late")
        sheet = made(*boxes, arrows=(arrow,), name=LONG, hosts=LONG)
        assert_placed(sheet, frame([sheet]))
        drawing = body(sheet, frame([sheet]))
        assert drawing.height < 700

    def test_many_arrows_to_one_box(self) -> None:
        boxes = [plain_box(f"k{at}") for at in range(30)]
        arrows = tuple(Arrow(f"k{at}", "k0", ("helm",), "late") for at in range(1, 30))
        sheet = made(*boxes, arrows=arrows)
        assert frame([sheet]).right == 1
        assert_placed(sheet, frame([sheet]))

    def test_lanes_are_apart_where_ways_overlap(self) -> None:
        boxes = [plain_box(f"k{at}") for at in range(6)]
        arrows = (
            Arrow("k5", "k0", ("helm",), "late"), Arrow("k4", "k1", ("helm",), "late"),
            Arrow("k3", "k2", ("helm",), "late"),
        )  # fmt: skip
        sheet = made(*boxes, arrows=arrows)
        assert frame([sheet]) == Frame(left=0, right=3, notes=True)
        assert_placed(sheet, frame([sheet]))
        ways = [s.path for s in flat(body(sheet, frame([sheet])).shapes)
                if isinstance(s, Line) and "V" in s.path and "heavy" in s.names]  # fmt: skip
        lanes = {path.split("H")[1].split("V")[0] for path in ways}
        assert len(ways) == len(lanes) == 3

    def test_lanes_are_shared_where_they_do_not(self) -> None:
        boxes = [plain_box(f"k{at}") for at in range(4)]
        arrows = (Arrow("k1", "k0", ("helm",), "late"), Arrow("k3", "k2", ("helm",), "late"))
        assert frame([made(*boxes, arrows=arrows)]).right == 1

    def test_lanes_have_an_end(self) -> None:
        boxes = [plain_box(f"k{at}") for at in range(40)]
        arrows = tuple(Arrow(f"k{39 - at}", f"k{at}", ("helm",), "early") for at in range(20))
        sheet = made(*boxes, arrows=arrows)
        assert frame([sheet]).left == 8
        assert_placed(sheet, frame([sheet]))

    def test_a_box_that_needs_itself(self) -> None:
        sheet = made(plain_box("a"), arrows=(Arrow("a", "a", ("helm",), "late"),))
        assert_placed(sheet, frame([sheet]))

    def test_two_states_beside_one_box(self) -> None:
        boxes = [plain_box(f"k{at}") for at in range(3)]
        arrows = (Arrow("k2", "k0", ("helm",), "late"), Arrow("k2", "k1", ("dns",), "harmful"))
        sheet = made(*boxes, arrows=arrows)
        assert_placed(sheet, frame([sheet]))
        assert len(rects(body(sheet, frame([sheet])), "bred", "bamber")) == 2

    def test_late_arrow_ends_above_where_it_begins(self) -> None:
        sheet = one(kubespray_like())
        drawing = body(sheet, frame([sheet]))
        (late,) = [s for s in flat(drawing.shapes) if isinstance(s, Line)
                   and "heavy" in s.names and "V" in s.path]  # fmt: skip
        match = re.fullmatch(r"M\S+ (\S+)H\S+V(\S+)H\S+", late.path)
        assert match is not None and float(match[2]) < float(match[1])

    def test_head_and_legend_fit(self) -> None:
        sheet = one(kubespray_like())
        for drawing in (head(sheet, 300), legend(1000), legend(400)):
            for text in texts(drawing):
                assert text_width(text) <= text.room + 0.01
                assert text.x + text_width(text) <= drawing.width and text.y <= drawing.height


class TestMeasure:
    def test_width(self) -> None:
        assert width("ab", 10, mono=True) == pytest.approx(12.2)
        assert width("日", 10) == pytest.approx(11)
        assert width("i", 10) < width("a", 10) < width("A", 10) < width("W", 10)

    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("", []),
            ("one two", ["one two"]),
            ("one two three", ["one two", "three"]),
            ("apps/approver", ["apps/", "approver"]),
            ("external_cloud", ["external_", "cloud"]),
            ("aaaaaaaaaaaaaaaa", ["aaaaaaaaaa", "aaaaaa"]),
        ],
    )
    def test_lines(self, text: str, lines: list[str]) -> None:
        """Ten characters of a monospaced font fit a line."""
        assert lines_of(text, 61.5, 10, mono=True) == lines

    def test_most(self) -> None:
        assert lines_of("a b c d", 7, 10, mono=True, most=2) == ["a", "…"]

    def test_fitted(self) -> None:
        assert fitted("short", 61.5, 10, mono=True) == "short"
        assert fitted("abcdefghijklmnop", 61.5, 10, mono=True) == "abcde…mnop"
        assert fitted("abc", 1, 10) == "…"

    @pytest.mark.parametrize(
        ("value", "text"), [(1, "1"), (1.0, "1"), (2.25, "2.2"), (1e6, "1000000")]
    )
    def test_number(self, value: float, text: str) -> None:
        assert number(value) == text


class TestWords:
    @pytest.mark.parametrize(
        ("text", "harmless"),
        [
            ("plain name", "plain name"),
            ("two\nlines\there", "two lines here"),
            ("\u202eevil", "\\u202eevil"),
            ("a\x00b\x07", "a\\x00b\\x07"),
            ("\udc80", "\\udc80"),
            ("役割 ünï", "役割 ünï"),
            ("\u2066x\u200b", "\\u2066x\\u200b"),
        ],
    )
    def test_shown(self, text: str, harmless: str) -> None:
        assert shown(text) == harmless

    def test_long(self) -> None:
        assert shown("ab" * 5000, 9) == "abab…abab"
        assert cut("abcdef", 6) == "abcdef" and cut("abcdefg", 6) == "abc…fg"

    def test_others(self) -> None:
        assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"
        assert (count(1, "role"), count(2, "role")) == ("1 role", "2 roles")
        assert short("kubernetes-apps/kubelet-csr-approver") == "kubelet-csr-approver"
        assert short("network_plugin") == "network_plugin" and short("etcd/x") == "etcd/x"


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one_: str, other: str) -> float:
    light, dark = sorted((luminance(one_), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class TestPalette:
    def test_contrast_of_known_colours(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)

    @pytest.mark.parametrize("scheme", ["LIGHT", "DARK"])
    def test_contrast(self, scheme: str) -> None:
        colours = getattr(palette, scheme)
        for ink, ground in palette.TEXTS:
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for ink, ground in palette.LINES:
            assert contrast(colours[ink], colours[ground]) >= 3, (ink, ground)

    def test_every_class_has_a_rule(self) -> None:
        """What shapes are called, the style rules know."""
        drawn = two(kubespray_like(), *BOTH)
        tree = ElementTree.fromstring(svg(drawn).encode())
        used = {name for node in tree.iter() for name in node.get("class", "").split()}
        rules = palette.svg_rules()
        known = set(re.findall(r"\.([a-z]+)[{,]", rules))
        assert used <= known

    def test_both_schemes_name_the_same(self) -> None:
        assert palette.LIGHT.keys() == palette.DARK.keys()


def evil_picture(text: str) -> Picture:
    boxes = (plain_box("s1", text, text), Box("s2", text, text, text, (Mark("waits", text),)))
    arrow = Arrow("s2", "s1", ("helm",), "late")
    sheet = Sheet(
        text, "blocks", text,
        (
            Band((1, 2), "", "", (Fold((text, text)),)),
            Band((3,), text, text, (*boxes, Fold((text,)))),
        ),
        (arrow,), ((text, text),), (),
    )  # fmt: skip
    return Picture(text, text, (text,), (sheet,), text, (text,))


class TestWriters:
    @pytest.mark.parametrize("text", [EVIL, LONG, "]]>", "<!DOCTYPE", "--", "\ufffe", "\U0001f600"])
    def test_svg_is_well_formed(self, text: str) -> None:
        written = svg(evil_picture(text))
        tree = ElementTree.fromstring(written.encode())
        assert {node.tag.split("}")[1] for node in tree.iter()} <= {
            "svg", "title", "desc", "style", "rect", "text", "path", "g",
        }  # fmt: skip
        assert "\u202e" not in written and "\x00" not in written

    def test_svg_needs_nothing_else(self) -> None:
        written = svg(two(kubespray_like(), *BOTH))
        assert re.findall(r"https?://[^\s\"<]+", written) == ["http://www.w3.org/2000/svg"]
        assert not re.search(r"href|url\(|@import|<script|<image|<foreignObject|\son\w+=", written)
        assert "prefers-color-scheme:dark" in written

    def test_svg_has_a_title(self) -> None:
        tree = ElementTree.fromstring(svg(two(kubespray_like(), *BOTH)).encode())
        ids = {node.get("id"): node.text for node in tree if node.get("id")}
        assert tree.get("role") == "img"
        assert [ids[name] for name in (tree.get("aria-labelledby") or "").split()] == [
            "What cluster.yml does in order: tree",
            "Before: kubelet-csr-approver needs initialized nodes, which only a later step "
            "provides: external_cloud_controller/vsphere. After the patch: Nothing waits for what "
            "comes later, or never.",
        ]

    @pytest.mark.parametrize("text", [EVIL, LONG, "{{ x }}", "{% x %}"])
    def test_html_escapes(self, text: str) -> None:
        page = html([evil_picture(text)])
        assert "<script" not in page and "\u202e" not in page and "x" * 2000 not in page
        assert re.findall(r"<!--|-->", page) == []

    def test_html_may_do_nothing(self) -> None:
        page = html([two(kubespray_like(), *BOTH)])
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
        assert policy is not None
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; "
            r"form-action 'none'", policy[1],
        )  # fmt: skip
        assert not re.search(r"<script|<link|\sstyle=|\son\w+=|href=|src=", page)

    def test_html_of_several_has_each_id_once(self) -> None:
        drawn = two(kubespray_like(), *BOTH)
        page = html([drawn, drawn])
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)) == 8
        assert page.count("<h1>") == 1

    def test_html_lists_all_steps(self) -> None:
        drawn = two(kubespray_like(), *BOTH)
        page = html([drawn])
        assert page.count("<code>") == sum(len(sheet.steps) for sheet in drawn.sheets)

    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("kubernetes-apps/x_y.z", "kubernetes-apps/x_y.z"),
            ('a"b', "a#34;b"),
            ("a#b;c", "a#35;b#59;c"),
            ("`x` <b> & {{y}}", "#96;x#96; #60;b#62; #38; #123;#123;y#125;#125;"),
            ("- item", "#45; item"),
            ("1. item", "1#46; item"),
            ("a%%b", "a#37;#37;b"),
            ("*b*", "#42;b#42;"),
            ("\u202ex", "#92;u202ex"),
        ],
    )
    def test_mermaid_label(self, text: str, label: str) -> None:
        assert escaped(text) == label

    @pytest.mark.parametrize("text", [EVIL, LONG])
    def test_mermaid_lines(self, text: str) -> None:
        """No name of the tree ends a label, begins a line, or makes one a comment."""
        for line in mermaid(evil_picture(text), everything=True).splitlines()[3:]:
            assert line.count('"') in (0, 2) and "%%" not in line and "`" not in line
            assert "<" not in re.sub(r"<br/>", "", line)

    def test_mermaid_stays_within_limits(self) -> None:
        names = tuple(f"kubernetes-apps/role{at}" for at in range(3000))
        sheet = made(plain_box("a"), Fold(names))  # type: ignore[arg-type]
        drawn = Picture("p", "t", (), (sheet,), "")
        listed_ = mermaid(drawn, everything=True)
        assert len(listed_) <= MAX_TEXT and not too_much(listed_)
        assert "and 2800 more" in listed_ and "role199<br/>" in listed_
        assert "role0" not in mermaid(drawn)

    def test_mermaid_that_is_too_much(self) -> None:
        sheet = made(*(plain_box(f"k{at}") for at in range(600)))
        assert too_much(mermaid(Picture("p", "t", (), (sheet,), "")))

    def test_same_bytes_again(self) -> None:
        first, second = (two(kubespray_like(), *BOTH) for _ in range(2))
        assert svg(first) == svg(second)
        assert html([first]) == html([second])
        assert mermaid(first) == mermaid(second)

    def test_many_steps(self) -> None:
        """2,000 uses of a role: folded they are short, in full they are a list."""
        files = kubespray_like() | role("r")
        files["cluster.yml"] += play(*(f"{{role: r, tags: t{at}}}" for at in range(2000)))
        ran = through(kubespray(files))
        assert len(svg(picture("t", ran, None))) < 40_000
        whole = picture("t", ran, None, everything=True)
        (sheet,) = whole.sheets
        assert len(sheet.boxes()) == 2000 + 12
        tree = ElementTree.fromstring(svg(whole).encode())
        assert sum(node.tag.endswith("}g") for node in tree.iter()) == 2000 + 12
        assert APPROVER in html([whole])
