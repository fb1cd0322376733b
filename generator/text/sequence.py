"""Items of YAML sequences: take one out, put one in, as lines of the file.

An item goes with its dash, everything behind it on its lines, and the comment lines that
stand directly above it at its indentation. A commented-out sibling (`# - x`) is no comment
on the item below it and stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.text.document import Alias, Document, Mapping, Node, Route, Scalar, Sequence
from generator.text.edit import Edit, apply, newline_at, node_at, refuse
from generator.text.shape import Shape, at, put, shape, with_item, without_item
from generator.text.yaml import dump, parse


@dataclass(frozen=True)
class ItemText:
    """An item on its own: lines without newlines, the dash of the item in column 0."""

    lines: tuple[str, ...]

    def indented(self, column: int, newline: str) -> str:
        """Return the lines with the dash in `column`, each one ended by `newline`."""
        margin = " " * column
        return "".join((margin + line if line else line) + newline for line in self.lines)


@dataclass(frozen=True)
class _Lines:
    """Where an item stands: its lines from `start` to `end`, its dash, and its column."""

    start: int
    end: int
    dash: int
    column: int


def item_of(data: object, offset: int) -> tuple[ItemText, Shape]:
    """Return plain data as an item in block style, and its shape.

    `offset` is how far lists stand to the right of their keys.
    """
    lines = dump([data], offset).rstrip("\n").split("\n")
    text = ItemText(tuple(line[offset:] for line in lines))
    root = parse("an entry", "\n".join(text.lines)).root
    assert isinstance(root, Sequence)
    return text, shape(root.items[0])


def has_anchor_or_alias(node: Node) -> bool:
    """Tell whether a node carries an anchor or an alias anywhere inside, so is not its own."""
    if isinstance(node, Alias) or node.anchor is not None:
        return True
    if isinstance(node, Sequence):
        return any(has_anchor_or_alias(item) for item in node.items)
    if isinstance(node, Mapping):
        return any(
            has_anchor_or_alias(key) or has_anchor_or_alias(value) for key, value in node.pairs
        )
    return False


def take(document: Document, route: Route, what: str) -> ItemText:
    """Return the text of the item at `route`, whose last part is its index in a sequence.

    Raises Unsafe where the item is not lines of its own or is shared by an anchor.
    """
    sequence, index = _sequence(document, route[:-1], what), route[-1]
    assert isinstance(index, int)
    item = sequence.items[index]
    if has_anchor_or_alias(item):
        raise refuse(document, item, what, "it holds a YAML anchor or alias")
    lines = _lines(document, sequence, index, what)
    text = document.text[lines.start : lines.end].removesuffix("\n")
    rows = [row.removesuffix("\r") for row in text.split("\n")]
    return ItemText(tuple(_dedent(row, lines.column) for row in rows))


def remove(document: Document, route: Route, what: str) -> Document:
    """Return the document without the item at `route`; the last one leaves `[]` behind.

    Raises Unsafe where the item is not lines of its own.
    """
    sequence, index = _sequence(document, route[:-1], what), route[-1]
    assert isinstance(index, int)
    if has_anchor_or_alias(sequence.items[index]):
        raise refuse(document, sequence.items[index], what, "it holds a YAML anchor or alias")
    expected = without_item(shape(document.root), route[:-1], index)
    lines = _lines(document, sequence, index, what)
    start, end = lines.start, lines.end
    edits = []
    if len(sequence.items) == 1:
        edits.append(_emptied(document, route[:-1], what))
    elif _spaced(document, sequence):
        start, end = _with_blank_lines(document, start, end, above=index > 0)
    text = document.text
    if end == len(text) and not text.endswith("\n"):
        # Blank lines above go along: none of them could end the file without a newline.
        start = len(text[:start].rstrip("\r\n"))
    return apply(document, [*edits, Edit(start, end, "")], expected, what)


def insert(
    document: Document, route: Route, index: int, text: ItemText, item: Shape, what: str
) -> Document:
    """Return the document with an item put before the one at `index` of the sequence at `route`.

    `item` is the shape of what `text` says. An empty list (`[]`, or a key with no value)
    becomes a list in block style. Raises Unsafe where the list is in flow style or shared.
    """
    node = node_at(document, route, what)
    empty = isinstance(node, Scalar) and node.value == "" and not node.style
    if empty or (isinstance(node, Sequence) and not node.items):
        return _insert_first(document, route, text, item, what)
    sequence = _sequence(document, route, what)
    expected = with_item(shape(document.root), route, index, item)
    column = _lines(document, sequence, 0, what).column
    spaced = _spaced(document, sequence)
    if index == 0:
        place = _lines(document, sequence, 0, what).start
    else:
        place = document.line_end(sequence.items[index - 1].end)
    newline = newline_at(document, place)
    new = text.indented(column, newline)
    if spaced:
        new = newline + new if index > 0 else new + newline
    if place == len(document.text) and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    return apply(document, [Edit(place, place, new)], expected, what)


def sequence_offset(document: Document) -> int:
    """Return how far lists stand to the right of their keys in a file: 2, or 0.

    The first list in block style under a key decides; 2 where there is none.
    """
    pending = list(document.roots)
    while pending:
        node = pending.pop(0)
        if isinstance(node, Sequence):
            pending.extend(node.items)
        elif isinstance(node, Mapping) and not node.flow:
            for _, value in node.pairs:
                if isinstance(value, Sequence) and not value.flow:
                    offset = document.column(value.start) - document.column(node.start)
                    return 0 if offset <= 0 else 2
                pending.append(value)
    return 2


def _sequence(document: Document, route: Route, what: str) -> Sequence:
    node = node_at(document, route, what)
    if isinstance(node, Alias) or node.anchor is not None:
        raise refuse(document, node, what, "the list is shared by a YAML anchor or alias")
    if not isinstance(node, Sequence):
        raise refuse(document, node, what, "a list is expected there")
    if node.flow:
        raise refuse(document, node, what, "the list is written on one line in brackets")
    return node


def _lines(document: Document, sequence: Sequence, index: int, what: str) -> _Lines:
    text, item = document.text, sequence.items[index]
    column = document.column(sequence.start)
    dash = _dash(document, sequence, index)
    if dash is None or text[document.line_start(dash) : dash].strip(" "):
        raise refuse(document, item, what, "its dash does not begin a line")
    first = document.line_start(dash)
    floor = document.line_end(sequence.items[index - 1].end) if index else 0
    while first > floor:
        above = document.line_start(first - 1)
        line = text[above:first].rstrip("\r\n")
        comment = line[column:]
        if line[:column].strip(" ") or not comment.startswith("#") or above < floor:
            break
        if comment.lstrip("# ").startswith("- "):
            break
        first = above
    return _Lines(first, document.line_end(item.end), dash, column)


def _dash(document: Document, sequence: Sequence, index: int) -> int | None:
    if index == 0:
        return sequence.start
    column, item = document.column(sequence.start), sequence.items[index]
    at_line = document.line_end(sequence.items[index - 1].end)
    while at_line <= item.start and at_line < len(document.text):
        dash = at_line + column
        margin = document.text[at_line:dash]
        if not margin.strip(" ") and document.text[dash : dash + 1] == "-":
            return dash
        at_line = document.line_end(at_line)
    return None


def _with_blank_lines(document: Document, start: int, end: int, above: bool) -> tuple[int, int]:
    """Return a span of lines with the blank lines directly above it, or directly below."""
    text = document.text
    if above:
        while start and not text[document.line_start(start - 1) : start].strip():
            start = document.line_start(start - 1)
    else:
        while end < len(text) and not text[end : document.line_end(end)].strip():
            end = document.line_end(end)
    return start, end


def _spaced(document: Document, sequence: Sequence) -> bool:
    """Tell whether blank lines stand between the items of a sequence, as a rule."""
    gaps = [
        document.text[document.line_end(before.end) : document.line_start(after.start)]
        for before, after in zip(sequence.items, sequence.items[1:], strict=False)
    ]
    blank = [gap for gap in gaps if any(not line.strip() for line in gap.splitlines())]
    return len(blank) * 2 > len(gaps)


def _dedent(line: str, column: int) -> str:
    margin = len(line) - len(line.lstrip(" "))
    return line[min(margin, column) :]


def _emptied(document: Document, route: Route, what: str) -> Edit:
    """Return the edit that writes `[]` behind the key whose list loses its last item."""
    colon = _colon(document, route, what)
    return Edit(colon, colon, " []")


def _colon(document: Document, route: Route, what: str) -> int:
    """Return the offset behind the colon of the key at `route`."""
    mapping = node_at(document, route[:-1], what) if route else None
    if not isinstance(mapping, Mapping) or mapping.flow:
        raise refuse(document, mapping, what, "the list does not stand under a key of its own")
    named = [k for k, _ in mapping.pairs if isinstance(k, Scalar) and k.value == route[-1]]
    found = re.compile(r"[ \t]*:").match(document.text, named[-1].end)
    if found is None:
        raise refuse(document, mapping, what, "no colon follows the list's key on its line")
    return found.end()


def _insert_first(
    document: Document, route: Route, text: ItemText, item: Shape, what: str
) -> Document:
    node = document.node(route)
    if has_anchor_or_alias(node):
        raise refuse(document, node, what, "the list is shared by a YAML anchor or alias")
    mapping = document.node(route[:-1])
    colon = _colon(document, route, what)
    end = document.line_end(max(node.end, colon))
    newline = newline_at(document, colon)
    new = text.indented(document.column(mapping.start) + sequence_offset(document), newline)
    edits = [Edit(colon, node.end, "")] if isinstance(node, Sequence) else []
    if end == len(document.text) and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    tree = shape(document.root)
    old = at(tree, route)
    filled = Sequence(0, 0, (), False) if not isinstance(old, Sequence) else old
    expected = with_item(put(tree, route, filled), route, 0, item)
    return apply(document, [*edits, Edit(end, end, new)], expected, what)
