"""Where new keys and items go in a document, as edits; nothing is verified here."""

from __future__ import annotations

import re

from generator.exits import Unsafe
from generator.text.document import Document, Mapping, Node, Scalar, Sequence
from generator.text.edit import Edit, newline_at
from generator.tolerate.stream import Piece
from generator.tolerate.taints import is_null
from generator.tolerate.written import (
    Data,
    Flow,
    block_below,
    block_item,
    block_pair,
    flow_of,
    margin_of,
)

_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile(r"^[ ]*(?=-[ \t\r\n])", re.MULTILINE)
_KEEPS = re.compile(r"[|>][1-9]?\+")


def offset_for(document: Document, holder: Mapping) -> int:
    """Return how far a new list in a mapping stands to the right of its key.

    As the mapping's own lists in block style do, else as the document's, else 2.
    """
    if holder.flow:
        return 2
    own = _list_offset(document, holder)
    any_other = _list_offset(document, *document.roots) if own is None else own
    return 2 if any_other is None else any_other


def _list_offset(document: Document, *roots: Node) -> int | None:
    """Return how far the first list in block style below one of the roots stands to the right."""
    pending = list(reversed(roots))
    while pending:
        node = pending.pop()
        if isinstance(node, Sequence):
            pending.extend(reversed(node.items))
        if not isinstance(node, Mapping) or node.flow:
            continue
        for _, value in reversed(node.pairs):
            pending.append(value)
        for _, value in node.pairs:
            if isinstance(value, Sequence) and not value.flow and value.items:
                return max(dash_column(document, value) - column(document, node), 0)
    return None


def mapping_step(document: Document, root: Node) -> int:
    """Return how far mappings stand to the right of their keys: as the root's first one, or 2."""
    if isinstance(root, Mapping) and not root.flow:
        for _, value in root.pairs:
            if isinstance(value, Mapping) and not value.flow and value.pairs:
                return max(column(document, value) - column(document, root), 1)
    return 2


def column(document: Document, mapping: Mapping) -> int:
    """Return the column of a mapping's keys; the mapping may begin with an anchor or a tag."""
    if mapping.anchor is None and mapping.tag is None:
        return document.column(mapping.start)
    return document.column(mapping.pairs[0][0].start)


def dash_column(document: Document, listed: Sequence) -> int:
    """Return the column of the dashes of a list in block style."""
    if listed.anchor is None and listed.tag is None:
        return document.column(listed.start)
    found = _DASH.search(document.text, listed.start)
    return len(found[0]) if found else 0


def new_pair(piece: Piece, mapping: Mapping, key: str, data: Data, offset: int, step: int) -> Edit:
    """Return the edit that adds a key behind the last one of a mapping.

    Raises Unsafe where the text cannot take it.
    """
    document = piece.document
    if mapping.flow:
        return _new_flow_pair(piece, mapping, key, data)
    lines = block_pair(key, data, offset, step)
    return _lines(piece, mapping, column(document, mapping), lines)


def new_value(
    piece: Piece, mapping: Mapping, key: str, data: Data, offset: int, step: int
) -> list[Edit]:
    """Return the edits that write a list or a mapping in place of a key's empty value.

    Raises Unsafe where the value carries an anchor, a tag or a comment.
    """
    document, value = piece.document, mapping.get(key)
    assert value is not None
    if getattr(value, "anchor", None) or getattr(value, "tag", None):
        raise unsafe(piece, value, "its empty value carries a YAML anchor or tag")
    if "#" in document.text[value.start : value.end]:
        raise unsafe(piece, value, "a comment stands inside its empty value")
    if mapping.flow:
        style = flow_of(document, mapping)
        new = style.write(data, style.margin if style.quoted else None)
        if document.text[value.start - 1] not in " \t\n" and style.colon != ":":
            new = f" {new}"
        return [Edit(value.start, value.end, _with_newlines(document, value.start, new))]
    named = [name for name, _ in mapping.pairs if isinstance(name, Scalar) and name.value == key]
    found = _COLON.match(document.text, named[-1].end)
    if found is None:
        raise unsafe(piece, value, "no colon follows the key on its line")
    margin = " " * column(document, mapping)
    lines = [margin + line for line in block_below(data, offset, step)]
    edits = [Edit(found.end(), value.end, "")] if value.end > found.end() else []
    return [*edits, _inserted(document, document.line_end(max(value.end, found.end())), lines)]


def new_items(piece: Piece, listed: Sequence, items: list[Data], holder: Mapping) -> Edit:
    """Return the edit that adds items behind the last one of a list that has some.

    Raises Unsafe where the text cannot take them.
    """
    if listed.flow:
        return _new_flow_items(piece, listed, items, holder)
    lines = [line for item in items for line in block_item(item)]
    if _spaced(piece.document, listed):
        lines = [line for item in items for line in ("", *block_item(item))]
    return _lines(piece, listed, dash_column(piece.document, listed), lines)


def unsafe(piece: Piece, node: Node, why: str) -> Unsafe:
    """Return the error for a place that cannot be edited."""
    return Unsafe(
        f"{piece.where(node)}: a toleration cannot be added safely: {why}. Edit this place by hand."
    )


def is_empty(node: Node) -> bool:
    """Tell whether a value is null, `[]` or `{}`: nothing that a new value would take away."""
    if isinstance(node, Sequence):
        return not node.items
    return not node.pairs if isinstance(node, Mapping) else is_null(node)


def _lines(piece: Piece, node: Node, margin: int, lines: list[str]) -> Edit:
    """Return the edit that puts lines behind the last line of a collection in block style."""
    document, last = piece.document, _last_leaf(node)
    place = document.line_end(last.end)
    if isinstance(last, Scalar) and last.style in ("|", ">"):
        if document.text[-1:] != "\n" and place == len(document.text):
            why = "its last text ends with the file, without a newline; add one there"
            raise unsafe(piece, last, why)
        header = document.text[last.start : document.line_end(last.start)]
        # With `+`, blank lines behind the text belong to it.
        while _KEEPS.search(header) and place < len(document.text):
            end = document.line_end(place)
            if document.text[place:end].strip():
                break
            place = end
    return _inserted(document, place, [" " * margin + line if line else "" for line in lines])


def _inserted(document: Document, place: int, lines: list[str]) -> Edit:
    """Return the edit that puts lines where a line begins, or at the end of the text."""
    newline = newline_at(document, place)
    new = "".join(line + newline for line in lines)
    if place == len(document.text) and document.text and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    return Edit(place, place, new)


def _last_leaf(node: Node) -> Node:
    while isinstance(node, (Mapping, Sequence)) and not node.flow:
        node = node.pairs[-1][1] if isinstance(node, Mapping) else node.items[-1]
    return node


def _new_flow_pair(piece: Piece, mapping: Mapping, key: str, data: Data) -> Edit:
    document = piece.document
    roots = [root for root in document.roots if isinstance(root, Mapping) and root.flow]
    style = flow_of(document, mapping, roots[0] if roots else None)
    if not mapping.pairs:
        opening = document.text.index("{", mapping.start) + 1
        if "#" in document.text[opening : mapping.end]:
            raise unsafe(piece, mapping, "a comment stands inside the empty mapping")
        return Edit(opening, mapping.end - 1, style.pair(key, data))
    name, value = mapping.pairs[-1]
    new = style.pair(key, data, style.margin if style.quoted else None)
    between = style.comma if style.margin is None else f",\n{style.margin}"
    place = max(name.end, value.end)
    return Edit(place, place, _with_newlines(document, place, between + new))


def _new_flow_items(piece: Piece, listed: Sequence, items: list[Data], holder: Mapping) -> Edit:
    document, last = piece.document, listed.items[-1]
    like = last if isinstance(last, Mapping) and last.pairs else holder
    style = flow_of(document, like) if like.flow else Flow()
    margin = margin_of(document, last.start)
    comma = style.comma
    if len(listed.items) > 1:
        between = document.text[listed.items[-2].end : last.start]
        comma = between if re.fullmatch(r",[ \t]*", between) else comma
    over_lines = style.quoted and style.margin is not None
    inner = (style.margin or "").removesuffix(style.step) if over_lines else None
    separator = comma if margin is None else f",\n{margin}"
    new = "".join(separator + style.write(item, inner) for item in items)
    return Edit(last.end, last.end, _with_newlines(document, last.end, new))


def _with_newlines(document: Document, place: int, new: str) -> str:
    return new.replace("\n", newline_at(document, place)) if "\n" in new else new


def _spaced(document: Document, listed: Sequence) -> bool:
    """Tell whether blank lines stand between the items of a list, as a rule."""
    gaps = [
        document.text[document.line_end(before.end) : document.line_start(after.start)]
        for before, after in zip(listed.items, listed.items[1:], strict=False)
    ]
    blank = [gap for gap in gaps if any(not line.strip() for line in gap.splitlines())]
    return len(blank) * 2 > len(gaps)
