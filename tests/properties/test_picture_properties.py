"""Pictures of any names and any needs: well-formed, in place, harmless, and always the same."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from generator.picture.html import html
from generator.picture.layout import frame
from generator.picture.measure import fitted, lines_of, width
from generator.picture.mermaid import escaped, mermaid
from generator.picture.model import Arrow, Band, Box, Fold, Listed, Mark, Picture, Sheet
from generator.picture.svg import svg
from generator.picture.words import shown

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
from test_picture_layout import assert_placed

# Any characters, those that cannot be encoded as well, and what has a meaning somewhere.
NAMES = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=30),
    st.sampled_from(
        ["", " ", "\n", "]]>", "</svg>", "<script>", "&amp;", "\u202e", "\ud800", '"', "`x`", "end",
         "%%{init: {}}%%", "x" * 3000, "1. a", "- b", "\u0301" * 50, "日本", "{{ role }}"]
    ),
)  # fmt: skip
KINDS = st.sampled_from(
    ("provides", "waits", "fails", "harm", "pending", "moved", "added", "spared")
)
MARKS = st.lists(st.builds(Mark, KINDS, NAMES), max_size=4).map(tuple)
FOLDS = st.builds(Fold, st.lists(NAMES, min_size=1, max_size=5).map(tuple))
STATES = st.sampled_from(("early", "late", "harmful", "never", "doubtful"))
FACTS = st.lists(
    st.sampled_from(("nodes-initialized", "nodes-ready", "dns", "helm")), min_size=1, max_size=2
).map(tuple)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    """A sheet of a few plays, with arrows between any of its boxes."""
    bands, keys = [], []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        rows: list[Box | Fold] = []
        for _ in range(draw(st.integers(0, 4))):
            if draw(st.booleans()):
                rows.append(draw(FOLDS))
                continue
            keys.append(f"s{len(keys)}")
            rows.append(Box(keys[-1], draw(NAMES), draw(NAMES), draw(NAMES), draw(MARKS)))
        bands.append(Band((number,), draw(NAMES), draw(NAMES), tuple(rows)))
    ends = st.sampled_from(keys) if keys else st.nothing()
    arrows = st.builds(Arrow, ends, ends, FACTS, STATES, st.booleans())
    found = draw(st.lists(arrows, max_size=8)) if keys else []
    steps = st.builds(Listed, st.integers(1, 4), st.integers(0, 5), NAMES, NAMES, st.booleans())
    return Sheet(
        draw(NAMES), draw(st.sampled_from(("blocks", "warns", "fine"))), draw(NAMES), tuple(bands),
        tuple(found), tuple((band.name, band.hosts) for band in bands),
        tuple(draw(st.lists(steps, max_size=3))),
    )  # fmt: skip


PICTURES = st.builds(
    Picture, NAMES, NAMES, st.lists(NAMES, max_size=2).map(tuple),
    st.lists(sheets(), min_size=1, max_size=2).map(tuple), NAMES,
    st.lists(NAMES, max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(PICTURES)
def test_svg_is_xml_of_known_elements(picture: Picture) -> None:
    written = svg(picture)
    tree = ElementTree.fromstring(written.encode("utf-8"))
    elements = {"svg", "title", "desc", "style", "rect", "text", "path", "g"}
    assert {node.tag.split("}")[1] for node in tree.iter()} <= elements
    attributes = {name for node in tree.iter() for name in node.attrib}
    assert not any(name.startswith("on") or "href" in name for name in attributes)
    assert all(char.isprintable() or char == "\n" for char in written)
    assert svg(picture) == written


@settings(max_examples=25, deadline=None)
@given(PICTURES)
def test_everything_is_in_its_place(picture: Picture) -> None:
    wide = frame(picture.sheets)
    for sheet in picture.sheets:
        assert_placed(sheet, wide)


class Reader(HTMLParser):
    """Reads a page as browsers do; tells elements, attributes, and whether all are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@settings(max_examples=15, deadline=None)
@given(st.lists(PICTURES, min_size=1, max_size=2))
def test_html_has_known_elements(pictures: list[Picture]) -> None:
    page = html(pictures)
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert not reader.seen & {"script", "link", "img", "iframe", "object", "a", "form", "image"}
    assert not any(name.startswith("on") or name in ("href", "src") for name in reader.attributes)
    assert all(char.isprintable() or char == "\n" for char in page)
    page.encode("utf-8")


@settings(max_examples=25, deadline=None)
@given(PICTURES, st.booleans())
def test_mermaid_has_known_lines(picture: Picture, everything: bool) -> None:
    label = r'"(?:[^"%`<>\n]|<br/>)*"'
    node = rf"(?:\[{label}\]|\({label}\)|\{{\{{{label}\}}\}})(?::::[a-z]+)?"
    link = rf"(?:-->|-\. {label} \.->|== {label} ==>)"
    known = re.compile(
        rf"flowchart TB|acc(?:Title|Descr): .*|subgraph \w+\[{label}\]|direction TB|end|\w+{node}"
        rf"|\w+ {link} \w+|classDef \w+ [\w:,#\- ]+|linkStyle \d+ stroke:#\w+,stroke-width:4px"
    )
    for line in mermaid(picture, everything).removesuffix("\n").split("\n"):
        assert known.fullmatch(line), line


@given(NAMES, st.integers(1, 60))
def test_shown_is_short_and_harmless(text: str, longest: int) -> None:
    found = shown(text, longest)
    assert len(found) <= longest and (found.isprintable() or not found)
    assert shown(found, longest) == found


@given(NAMES.map(shown), st.floats(20, 300), st.sampled_from([11, 12.5]), st.booleans())
def test_lines_fit(text: str, room: float, size: float, mono: bool) -> None:
    assert all(width(line, size, mono) <= room for line in lines_of(text, room, size, mono))
    assert width(fitted(text, room, size, mono), size, mono) <= max(room, size * 1.1)


@given(NAMES.map(shown))
def test_no_character_of_a_text_is_lost(text: str) -> None:
    broken = lines_of(text, 60, 12.5, most=10_000)
    assert "".join("".join(broken).split()) == "".join(text.split())


@given(NAMES)
def test_labels_are_one_line_of_harmless_characters(text: str) -> None:
    assert not set(escaped(text)) & set('"`<>{}[]|%&\\*~^$\n')
