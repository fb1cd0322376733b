"""Where everything in a sheet stands: one row below the other, arrows beside the boxes.

Ordinary arrows run to the left of the boxes. Those that the picture is about, which come too late
or did so before the patches, run to the right, each with its words beside the box that it leaves.
A row is as high as its box and those words, so that nothing can lie on anything else; an arrow
has a lane of its own for each box that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from generator.picture.icons import icon
from generator.picture.measure import fitted, lines_of, width
from generator.picture.model import Arrow, Band, Box, Fold, Mark, MarkKind, Sheet, Verdict
from generator.picture.shapes import Drawing, Group, Line, Rect, Shape, Text, number
from generator.picture.words import count, cut, fact_words, short, shown

PAD, GAP = 12, 8
BOX, NOTE, LANE = 270, 146, 13
"""Widths of boxes, of the words beside them, and of an arrow's lane."""

SIZE, SMALL, HEADING = 12.5, 11, 15
"""Sizes of texts; a line is 1.35 times as high."""

_MOST_LANES = 8
_MOST_NAMES = 40
VERDICTS: dict[Verdict, str] = {
    "blocks": "the deployment fails", "warns": "a warning", "fine": "nothing blocks",
}  # fmt: skip
"""How a sheet is, in a few words."""

_COLOURS: dict[Verdict, str] = {"blocks": "red", "warns": "amber", "fine": "green"}
_VERDICT_ICONS: dict[Verdict, MarkKind] = {"blocks": "fails", "warns": "harm", "fine": "spared"}
_INK: dict[MarkKind, str] = {
    "provides": "blue", "waits": "t", "fails": "red", "harm": "amber", "pending": "m",
    "moved": "green", "added": "green", "spared": "green",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """How wide the parts of a sheet are, the same for all sheets of a picture.

    `left` and `right` are the numbers of lanes; `notes` tells whether there are words to the right.
    """

    left: int
    right: int
    notes: bool

    @property
    def box(self) -> float:
        """Where boxes begin."""
        return PAD + 8 + LANE * self.left

    @property
    def lanes(self) -> float:
        """Where the lanes to the right begin."""
        return self.box + BOX

    @property
    def note(self) -> float:
        """Where the words to the right begin."""
        return self.lanes + 16 + LANE * self.right

    @property
    def width(self) -> float:
        """How wide a sheet is."""
        return self.note + NOTE + PAD if self.notes else self.lanes + PAD


@dataclass(slots=True)
class _Column:
    """Shapes placed so far, and the height that they take."""

    y: float = 0
    shapes: list[Shape] = field(default_factory=list)
    boxes: dict[str, Rect] = field(default_factory=dict)


def frame(sheets: Iterable[Sheet]) -> Frame:
    """Return the frame that fits all sheets of a picture."""
    left = right = 0
    notes = False
    for sheet in sheets:
        order = {key: at for at, key in enumerate(sheet.boxes())}
        plain, told = (_lanes(sheet.arrows, order, flag) for flag in (False, True))
        left = max([left, *(lane + 1 for lane in plain.values())])
        right = max([right, *(lane + 1 for lane in told.values())])
        notes = notes or bool(told)
    return Frame(left, right, notes)


def head(sheet: Sheet, wide: float) -> Drawing:
    """Return what stands above a sheet: how it is, in a few words and in a sentence."""
    colour, y = _COLOURS[sheet.verdict], 22.0
    words = fitted(f"{shown(sheet.heading)}: {VERDICTS[sheet.verdict]}", (wide - 22) / 1.1, HEADING)
    shapes: list[Shape] = [
        *icon(_VERDICT_ICONS[sheet.verdict], 4, y - 11, colour),
        Text(22, y, words, f"{colour} bold", HEADING, wide - 22),
    ]
    for line in lines_of(shown(sheet.sentence, 400), wide, SIZE, most=5):
        y += SIZE * 1.4
        shapes.append(Text(0, y, line, "t", SIZE, wide))
    return Drawing(wide, y + 10, tuple(shapes))


def body(sheet: Sheet, frame: Frame) -> Drawing:
    """Return a sheet's plays with their steps, and the arrows between these."""
    order = {key: at for at, key in enumerate(sheet.boxes())}
    notes = _notes(sheet)
    column = _Column()
    for band in sheet.bands:
        _band(column, band, frame, notes)
    arrows = _arrows(sheet.arrows, order, column.boxes, frame, notes)
    return Drawing(frame.width, max(column.y - GAP, 0), (*column.shapes, *arrows))


def fold_words(fold: Fold) -> str:
    """Return what stands for folded steps."""
    return f"{count(len(fold.names), 'more role')}"


def fold_title(fold: Fold) -> str:
    """Return the names of folded steps, cut where they are many."""
    names = [shown(name, 60) for name in fold.names[:_MOST_NAMES]]
    left = len(fold.names) - len(names)
    return ", ".join(names) + (f" and {left} more" if left else "")


def band_words(band: Band) -> tuple[str, str]:
    """Return a play's name with its number, and its hosts; what stands for folded plays."""
    roles = sum(len(row.names) for row in band.rows if isinstance(row, Fold))
    if len(band.numbers) > 1:
        return f"Plays {band.numbers[0]} to {band.numbers[-1]}: {count(roles, 'role')}", ""
    name = f"Play {band.numbers[0]}: {shown(band.name) or '(no name)'}"
    if band.is_folded:
        return f"{name}: {count(roles, 'role')}", ""
    return name, f"hosts: {shown(band.hosts)}"


def note_words(arrows: Sequence[Arrow], titles: dict[str, str]) -> str:
    """Return the words beside a box that arrows of one state leave."""
    who = " and ".join(dict.fromkeys(titles[arrow.target] for arrow in arrows))
    facts = tuple(dict.fromkeys(fact for arrow in arrows for fact in arrow.facts))
    what, state = fact_words(facts), arrows[0].state
    come = "comes" if facts in (("dns",), ("helm",)) else "come"
    if state == "early":
        return f"{what} {come} in time now for {who}"
    if state in ("never", "doubtful"):
        return f"{who} needs {what}: nobody provides them"
    return f"{what} {come} too late for {who}"


def _band(column: _Column, band: Band, frame: Frame, notes: dict[str, list[_Note]]) -> None:
    top, place = column.y, len(column.shapes)
    column.y += 6
    # No wider than the boxes, so that no arrow runs through a text.
    words, hosts = band_words(band) if band.numbers else ("", "")
    for line in lines_of(words, BOX / (1 if band.is_folded else 1.1), SIZE, most=3):
        column.y += SIZE * 1.35
        ink = "m" if band.is_folded else "t bold"
        column.shapes.append(Text(frame.box, column.y, line, ink, SIZE, BOX))
    if hosts:
        column.y += SMALL * 1.4
        line = fitted(hosts, BOX, SMALL)
        column.shapes.append(Text(frame.box, column.y, line, "m", SMALL, BOX))
    column.y += 8
    if not band.is_folded:
        for row in band.rows:
            if isinstance(row, Fold):
                _fold(column, row, frame)
            elif not row.marks and not row.nobody:
                _plain(column, row, frame)
            else:
                _box(column, row, frame, notes.get(row.key, []))
        column.y += 2
    back: Shape = Rect(0, top, frame.width, column.y - top, "band")
    title = "; ".join(fold_title(row) for row in band.rows if isinstance(row, Fold))
    if band.is_folded and title:
        back = Group(title, (back, *column.shapes[place:]))
        del column.shapes[place:]
    column.shapes.insert(place, back)
    column.y += GAP


def _fold(column: _Column, fold: Fold, frame: Frame) -> None:
    rect = Rect(frame.box, column.y, BOX, 22, "fold none dots", 11)
    text = Text(rect.x + 12, rect.y + 15, fold_words(fold), "m", SMALL, BOX - 24)
    column.shapes.append(Group(fold_title(fold), (rect, text)))
    column.y = rect.bottom + GAP


def _plain(column: _Column, box: Box, frame: Frame) -> None:
    rect = Rect(frame.box, column.y, BOX, 20, "fold none", 4)
    room = BOX - 16
    text = Text(rect.x + 8, rect.y + 14, fitted(shown(box.title), room, SMALL, mono=True),
                "m mono", SMALL, room)  # fmt: skip
    column.shapes.append(Group(_title(box), (rect, text)))
    column.boxes[box.key] = rect
    column.y = rect.bottom + 4


def _title(box: Box) -> str:
    through = f", brought by {shown(box.through)}" if box.through else ""
    place = f", {shown(box.place)}" if box.place else ""
    return f"{shown(box.title)}{through}{place}"


def _box(column: _Column, box: Box, frame: Frame, notes: list[_Note]) -> None:
    inside: list[Shape] = []
    x, room = frame.box + 14, BOX - 24
    y = column.y + 4
    for line in lines_of(shown(box.title), room, SIZE, mono=True, most=3):
        y += SIZE * 1.35
        inside.append(Text(x, y, line, "t mono bold", SIZE, room))
    below = f"brought by {shown(box.through)}" if box.through else shown(box.place)
    for line in lines_of(below, room, SMALL, most=2):
        y += SMALL * 1.4
        inside.append(Text(x, y, line, "m", SMALL, room))
    for mark in box.marks:
        y += 3
        y = _mark(inside, mark, x, y, room)
    high = max(y + 8 - column.y, sum(note.height for note in notes) + 6 * len(notes), 38)
    rect = Rect(frame.box, column.y, BOX, high, _border(box))
    bar: tuple[Shape, ...] = ()
    if box.has("provides"):
        bar = (Rect(rect.x, rect.y, 6, rect.height, "blue", 3),)
    column.shapes.append(Group(_title(box), (rect, *bar, *inside)))
    column.boxes[box.key] = rect
    at = rect.y + 3
    for note in notes:
        column.shapes += note.shapes(frame.note, at)
        note.at = at + note.height / 2
        at += note.height + 6
    column.y = rect.bottom + GAP


def _border(box: Box) -> str:
    if box.nobody:
        return "box dash sred thick"
    if box.has("fails"):
        return "box sred thick"
    if box.has("harm"):
        return "box samber thick"
    return "box sgreen thick" if box.has("moved", "added", "spared") else "box thin"


def _mark(inside: list[Shape], mark: Mark, x: float, y: float, room: float) -> float:
    """Add a mark's sign and words; return where they end."""
    ink = _INK[mark.kind]
    bold = " bold" if mark.kind in ("fails", "moved", "added") else ""
    inside += icon(mark.kind, x, y + 4, ink)
    factor = 1.1 if bold else 1
    for line in lines_of(shown(mark.text, 300), (room - 17) / factor, SIZE, most=5):
        y += SIZE * 1.3
        inside.append(Text(x + 17, y, line, f"{ink}{bold}", SIZE, room - 17))
    return y


@dataclass(slots=True)
class _Note:
    """The words beside a box that arrows leave; `at` is the height at which these do."""

    lines: list[str]
    colour: str
    arrows: list[Arrow]
    at: float = 0

    @property
    def height(self) -> float:
        return len(self.lines) * SIZE * 1.3 + 12

    def shapes(self, x: float, y: float) -> list[Shape]:
        shapes: list[Shape] = [
            Rect(x, y, NOTE, self.height, f"b{self.colour} s{self.colour} thin", 8)
        ]
        for at, line in enumerate(self.lines, start=1):
            names = "t bold" if self.colour == "red" else "t"
            shapes.append(Text(x + 9, y + 4 + at * SIZE * 1.3, line, names, SIZE, NOTE - 16))
        return shapes


def _notes(sheet: Sheet) -> dict[str, list[_Note]]:
    """Return the words beside boxes that told arrows leave, those of a state together."""
    titles = {key: cut(short(shown(box.title)), 60) for key, box in sheet.boxes().items()}
    found: dict[str, dict[str, list[Arrow]]] = {}
    for arrow in sheet.arrows:
        if arrow.is_told:
            found.setdefault(arrow.source, {}).setdefault(arrow.state, []).append(arrow)
    return {
        source: [
            _Note(
                lines_of(note_words(arrows, titles), (NOTE - 16) / 1.1, SIZE, most=7),
                _colour(arrows[0]),
                arrows,
            )
            for arrows in by_state.values()
        ]
        for source, by_state in found.items()
    }


def _colour(arrow: Arrow) -> str:
    if arrow.state == "early":
        return "green" if arrow.cured else "blue"
    return "red" if arrow.state in ("late", "never") else "amber"


def _lanes(arrows: Iterable[Arrow], order: dict[str, int], told: bool) -> dict[str, int]:
    """Return a lane for each box that arrows lead to; the shortest ways are next to the boxes."""
    spans: dict[str, list[int]] = {}
    for arrow in arrows:
        if arrow.is_told is told:
            spans.setdefault(arrow.target, [order[arrow.target]]).append(order[arrow.source])
    lanes: dict[str, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for target in sorted(spans, key=lambda key: (max(spans[key]) - min(spans[key]), order[key])):
        begin, end = min(spans[target]), max(spans[target])
        free = (
            at for at, others in enumerate(taken)
            if all(end < other[0] or begin > other[1] for other in others)
        )  # fmt: skip
        lane = next(free, len(taken) if len(taken) < _MOST_LANES else _MOST_LANES - 1)
        if lane == len(taken):
            taken.append([])
        taken[lane].append((begin, end))
        lanes[target] = lane
    return lanes


def _arrows(
    arrows: Sequence[Arrow],
    order: dict[str, int],
    boxes: dict[str, Rect],
    frame: Frame,
    notes: dict[str, list[_Note]],
) -> list[Shape]:
    told, plain = (_lanes(arrows, order, flag) for flag in (True, False))
    levels = {
        id(arrow): note.at for source in notes.values() for note in source
        for arrow in note.arrows
    }  # fmt: skip
    rank = {"blue": 0, "green": 1, "amber": 2, "red": 3}
    shapes: list[Shape] = []
    for arrow in sorted(arrows, key=lambda arrow: rank[_colour(arrow)]):
        source, target = boxes[arrow.source], boxes[arrow.target]
        into = target.y + min(target.height * 0.3, 30)
        colour = _colour(arrow)
        if arrow.is_told:
            x = frame.lanes + 18 + LANE * told[arrow.target]
            level = levels[id(arrow)]
            names = {"early": "thick", "late": "heavy"}.get(arrow.state, "thick dash")
            shapes.append(Line(f"M{number(frame.note)} {number(level)}H{number(source.right)}",
                               f"line s{colour} {names}"))  # fmt: skip
            shapes += _way(source.right, level, x, target.right, into, colour, names)
        else:
            x = frame.box - 10 - LANE * plain[arrow.target]
            level = source.bottom - min(source.height * 0.3, 30)
            shapes += _way(source.x, level, x, target.x, into, colour, "thin")
    return shapes


def _way(
    x1: float, y1: float, lane: float, x2: float, y2: float, colour: str, names: str
) -> list[Shape]:
    """Return an arrow from one edge along a lane to another edge, with its head there."""
    side = 1 if lane > x2 else -1
    end = x2 + side * 8
    path = f"M{number(x1)} {number(y1)}H{number(lane)}V{number(y2)}H{number(end)}"
    tip = f"M{number(x2 + side)} {number(y2)}l{number(side * 10)} -5.5v11z"
    return [Line(path, f"line s{colour} {names}"), Line(tip, colour)]


def sign(kind: MarkKind) -> Drawing:
    """Return a sign of the legend alone."""
    return Drawing(12, 12, tuple(icon(kind, 1, 1, _INK[kind])))


def legend(wide: float) -> Drawing:
    """Return what the signs mean, in two columns."""
    shapes: list[Shape] = []
    column, y = wide / 2 if wide > 700 else wide, 0.0
    across = 2 if wide > 700 else 1
    for at, (kind, words) in enumerate(LEGEND):
        x = column * (at % across)
        if at % across == 0:
            y += 20
        ink = _INK[kind]
        shapes += icon(kind, x + 2, y - 10, ink)
        room = column - 28
        shapes.append(Text(x + 20, y, fitted(words, room, SMALL), "m", SMALL, room))
    return Drawing(wide, y + 6, tuple(shapes))


LEGEND: tuple[tuple[MarkKind, str], ...] = (
    ("provides", "provides what later steps need"),
    ("waits", "waits until pods run"),
    ("fails", "the deployment fails here; red arrows come too late"),
    ("harm", "does harm, or fails on new nodes only"),
    ("pending", "pods start later; nothing waits for them"),
    ("moved", "moved by the patch; green arrows come in time now"),
)
"""Signs and what they mean."""


def text_width(text: Text) -> float:
    """Return how wide a placed text is at most."""
    return width(text.text, text.size, text.is_mono) * (1.1 if text.is_bold and not text.is_mono
                                                        else 1)  # fmt: skip
