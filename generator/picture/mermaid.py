"""Pictures as Mermaid flowcharts, as GitHub and others draw them in Markdown.

Source: Mermaid's documentation, "Flowcharts" (subgraphs, shapes, links, styling) and "Directives";
a diagram of more than 50,000 characters or 500 links is refused with the settings that it begins
with (`maxTextSize`, `maxEdges`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from generator.picture.layout import VERDICTS, band_words, fold_words, note_words
from generator.picture.model import Arrow, Band, Box, Fold, MarkKind, Picture, Sheet, State
from generator.picture.svg import headline
from generator.picture.words import cut, fact_words, short, shown

MAX_TEXT = 49_000
"""A diagram is kept below this many characters: names in folds are left out beyond."""

_LONGEST = 80

_CLASSES = (
    "classDef provides stroke:#2f6fb5,stroke-width:2px",
    "classDef fails stroke:#c0392b,stroke-width:4px",
    "classDef harm stroke:#a86a12,stroke-width:3px",
    "classDef changed stroke:#2b8a4b,stroke-width:4px",
    "classDef fold stroke-dasharray:3 3",
    "classDef nobody stroke:#c0392b,stroke-width:3px,stroke-dasharray:7 5",
)
_COLOURS: dict[State, str] = {
    "late": "#c0392b", "never": "#c0392b", "harmful": "#a86a12", "doubtful": "#a86a12",
    "early": "#2b8a4b",
}  # fmt: skip
_SIGNS: dict[MarkKind, str] = {
    "provides": "◆ ", "waits": "", "fails": "✗ ", "harm": "⚠ ", "pending": "", "moved": "➜ ",
    "added": "+ ", "spared": "✓ ",
}  # fmt: skip
_MAX_LINKS = 480
_PLAIN = (frozenset(" _./:,…-()'=+@!?"), frozenset(" /…"))
_NOBODY = "nobody"


def mermaid(picture: Picture, everything: bool = False) -> str:
    """Return a picture as a flowchart; with `everything` the names of folded steps are in it."""
    text = _flowchart(picture, 10_000 if everything else 0)
    for names in (200, 100, 40, 0) if everything else ():
        if len(text) <= MAX_TEXT:
            break
        text = _flowchart(picture, names)
    return text


def too_much(text: str) -> bool:
    """Tell whether Mermaid refuses a diagram with the settings that it begins with."""
    return len(text) > MAX_TEXT or sum("->" in line or "=>" in line
                                       for line in text.splitlines()) > _MAX_LINKS  # fmt: skip


def escaped(text: str, longest: int = _LONGEST) -> str:
    """Return a text for a label in quotes; what could mean something there is a code (`#35;`).

    At its beginning that is more, for Mermaid takes some lines for lists or headings.
    """
    text = shown(text, longest)
    begin = len(text) - len(text.lstrip("0123456789"))
    return "".join(
        char if char.isalnum() or char in _PLAIN[at <= begin] else f"#{ord(char)};"
        for at, char in enumerate(text)
    )


class _Writer:
    """Writes one flowchart; counts its links, for styles name them by number."""

    def __init__(self, names: int) -> None:
        self.lines: list[str] = []
        self.styles: list[str] = []
        self.links = 0
        self._names = names

    def sheet(self, sheet: Sheet, name: str) -> None:
        """Write a sheet: what it is, and below that its plays.

        No subgraph holds it all: Mermaid's layout begins with the last of nested subgraphs, and
        takes the ordinary links for those that go backwards.
        """
        ids = {key: f"{name}{at}" for at, key in enumerate(sheet.boxes())}
        colour = {"blocks": "fails", "warns": "harm", "fine": "changed"}[sheet.verdict]
        words = f"{escaped(sheet.heading)}: {VERDICTS[sheet.verdict]}"
        self.lines.append(f'{name}["{words}<br/>{escaped(sheet.sentence, 300)}"]:::{colour}')
        chain = [name]
        for at, band in enumerate(sheet.bands):
            chain += self._band(band, f"{name}b{at}", ids)
        for one, other in pairwise(chain):
            if other != ids.get(_NOBODY):
                self._link(f"{one} --> {other}")
        titles = {key: cut(short(box.title), _LONGEST) for key, box in sheet.boxes().items()}
        for arrow in sheet.arrows:
            self._arrow(arrow, ids, titles)

    def _band(self, band: Band, name: str, ids: dict[str, str]) -> list[str]:
        words, hosts = band_words(band) if band.numbers else ("", "")
        if band.is_folded:
            names = self._listed(name for row in band.rows if isinstance(row, Fold)
                                 for name in row.names)  # fmt: skip
            self.lines.append(f'{name}["{escaped(words)}{names}"]:::fold')
            return [name]
        if not band.numbers:
            return [self._row(row, f"{name}r", ids) for row in band.rows]
        # One line: Mermaid leaves room for no more.
        title = escaped(f"{words}, {hosts}", 120)
        self.lines.append(f'subgraph {name}["{title}"]')
        self.lines.append("direction TB")
        chain = [self._row(row, f"{name}f{at}", ids) for at, row in enumerate(band.rows)]
        self.lines.append("end")
        return chain

    def _row(self, row: Box | Fold, name: str, ids: dict[str, str]) -> str:
        if isinstance(row, Fold):
            self.lines.append(
                f'{name}["{escaped(fold_words(row))}{self._listed(row.names)}"]:::fold'
            )
            return name
        lines = [escaped(row.title)]
        if row.through:
            lines.append(f"brought by {escaped(row.through)}")
        lines += [f"{_SIGNS[mark.kind]}{escaped(mark.text, 160)}" for mark in row.marks]
        begin, end = _shape(row)
        self.lines.append(f'{ids[row.key]}{begin}"{"<br/>".join(lines)}"{end}{_style(row)}')
        return ids[row.key]

    def _listed(self, names: Iterable[str]) -> str:
        """Return the names of folded steps as far as they are wanted, each on its line."""
        wanted = list(names)
        lines = [escaped(name) for name in wanted[: self._names]]
        if self._names and len(wanted) > len(lines):
            lines.append(f"and {len(wanted) - len(lines)} more")
        return "".join(f"<br/>{line}" for line in lines)

    def _arrow(self, arrow: Arrow, ids: dict[str, str], titles: dict[str, str]) -> None:
        words = escaped(fact_words(arrow.facts))
        source, target = ids[arrow.source], ids[arrow.target]
        if not arrow.is_told:
            self._link(f'{source} -. "{words}" .-> {target}')
            return
        words = escaped(note_words([arrow], titles), 200)
        line = f'{source} == "{words}" ==> {target}'
        self.styles.append(
            f"linkStyle {self.links} stroke:{_COLOURS[arrow.state]},stroke-width:4px"
        )
        self._link(line)

    def _link(self, line: str) -> None:
        self.lines.append(line)
        self.links += 1


def _flowchart(picture: Picture, names: int) -> str:
    writer = _Writer(names)
    for sheet, name in zip(picture.sheets, ("before", "after"), strict=False):
        writer.sheet(sheet, name)
    words = " ".join(f"{sheet.heading}: {sheet.sentence}" for sheet in picture.sheets)
    lines = [
        "flowchart TB",
        f"accTitle: {_plain_line(headline(picture))}",
        f"accDescr: {_plain_line(shown(words, 800))}",
        *writer.lines, *_CLASSES, *writer.styles,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _plain_line(text: str) -> str:
    """Return a text for a line that is read to its end, with no sign that could end it."""
    return "".join(char if char.isalnum() or char in _PLAIN[0] else " " for char in text)


def _shape(box: Box) -> tuple[str, str]:
    if box.has("waits"):
        return "{{", "}}"
    return ("(", ")") if box.has("provides") else ("[", "]")


def _style(box: Box) -> str:
    if box.nobody:
        return ":::nobody"
    if box.has("fails"):
        return ":::fails"
    if box.has("harm"):
        return ":::harm"
    if box.has("moved", "added", "spared"):
        return ":::changed"
    return ":::provides" if box.has("provides") else ""
