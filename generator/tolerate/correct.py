"""An entry that looks like the right toleration made one: operator Exists, no value."""

from __future__ import annotations

from typing import Any

from generator.exits import UnusableInput
from generator.text.document import Mapping, Node, Scalar, data_of
from generator.text.edit import Edit, newline_at
from generator.tolerate.places import column, unsafe
from generator.tolerate.stream import Piece
from generator.tolerate.written import flow_of, margin_of, scalar

EXISTS = "Exists"


def corrected(piece: Piece, entry: Node) -> tuple[list[Edit], dict[str, Any]]:
    """Return the edits that correct an entry of a list of tolerations, and its data then.

    Raises Unsafe where the entry is an alias, holds one, or cannot be taken apart.
    """
    if not isinstance(entry, Mapping):
        raise unsafe(piece, entry, "the entry to be corrected is a YAML alias")
    try:
        data = data_of(entry)
    except UnusableInput as error:
        raise unsafe(piece, entry, str(error).rstrip(".")) from None
    if "<<" in data:
        raise unsafe(piece, entry, "the entry takes keys from elsewhere by `<<`")
    edits = _edits(piece, entry)
    data["operator"] = EXISTS
    data.pop("value", None)
    return edits, data


def _edits(piece: Piece, entry: Mapping) -> list[Edit]:
    operator, value = _index(entry, "operator"), _index(entry, "value")
    if operator is None and value is None:
        return [_added(piece, entry)]
    if operator is None:
        assert value is not None
        return [_renamed(piece, entry, value), _set(piece, entry, value)]
    return [
        _set(piece, entry, operator),
        *([] if value is None else [_removed(piece, entry, value)]),
    ]


def _index(entry: Mapping, name: str) -> int | None:
    names = [key.value if isinstance(key, Scalar) else None for key, _ in entry.pairs]
    return names.index(name) if name in names else None


def _set(piece: Piece, entry: Mapping, index: int) -> Edit:
    """Return the edit that makes a value `Exists`; it keeps the quotes that the operator had."""
    key, value = entry.pairs[index]
    if not isinstance(value, Scalar) or value.style in ("|", ">"):
        raise unsafe(piece, value, "the operator is not written on one line")
    if value.anchor or value.tag:
        raise unsafe(piece, value, "the operator carries a YAML anchor or tag")
    quote = value.style if isinstance(key, Scalar) and key.value == "operator" else ""
    if entry.flow and isinstance(key, Scalar) and key.style:
        quote = key.style
    new = f"{quote}{EXISTS}{quote}"
    at_colon = piece.document.text[value.start - 1 : value.start] == ":" and not quote
    return Edit(value.start, value.end, f" {new}" if at_colon else new)


def _renamed(piece: Piece, entry: Mapping, index: int) -> Edit:
    key = entry.pairs[index][0]
    quote = key.style if isinstance(key, Scalar) else ""
    return Edit(key.start, key.end, f"{quote}operator{quote}")


def _added(piece: Piece, entry: Mapping) -> Edit:
    """Return the edit that puts the operator behind the key."""
    document, index = piece.document, _index(entry, "key")
    assert index is not None
    end = entry.pairs[index][1].end
    if entry.flow:
        style = flow_of(document, entry)
        between = style.comma if style.margin is None else f",{newline_at(document, end)}"
        new = between + (style.margin or "") + style.pair("operator", EXISTS)
        return Edit(end, end, new)
    place, newline = document.line_end(end), newline_at(document, end)
    new = " " * column(document, entry) + f"operator: {scalar(EXISTS)}" + newline
    if place == len(document.text) and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    return Edit(place, place, new)


def _removed(piece: Piece, entry: Mapping, index: int) -> Edit:
    document, (key, value) = piece.document, entry.pairs[index]
    text = document.text
    following = entry.pairs[index + 1][0] if index + 1 < len(entry.pairs) else None
    if entry.flow:
        if index:
            before = entry.pairs[index - 1]
            start, end = max(before[0].end, before[1].end), max(key.end, value.end)
        else:
            assert following is not None
            start, end = key.start, following.start
    elif margin_of(document, key.start) is not None:
        start, end = document.line_start(key.start), document.line_end(max(key.end, value.end))
        if end == len(text) and not text.endswith("\n"):
            start = len(text[:start].rstrip("\r\n"))
    else:
        # The key behind it moves up to the dash.
        assert following is not None
        start, end = key.start, following.start
    if "#" in text[max(key.end, value.end) : end].partition("\n")[2] or (
        entry.flow and "#" in text[start : key.start]
    ):
        raise unsafe(piece, key, "a comment stands between its keys")
    return Edit(start, end, "")
