"""Values of YAML mappings: replace one, or add a key with its value."""

from __future__ import annotations

from generator.text.document import Document, Mapping, Route
from generator.text.edit import Edit, apply, newline_at, node_at, refuse
from generator.text.sequence import has_anchor_or_alias
from generator.text.shape import Shape, put, shape, with_key


def replace_value(
    document: Document, route: Route, source: str, value: Shape, what: str
) -> Document:
    """Return the document with the value at `route` written anew.

    `source` is YAML as it shall stand behind the key; its further lines are indented from the
    key's column. `value` is the shape of what it says. Raises Unsafe where the value is shared
    by an anchor, or where `source` has several lines inside a collection in flow style.
    """
    node = node_at(document, route, what)
    if has_anchor_or_alias(node):
        raise refuse(document, node, what, "the value holds a YAML anchor or alias")
    if "\n" in source and _in_flow(document, route):
        raise refuse(document, node, what, "it stands in a mapping that is written in braces")
    column = _column(document, route)
    new = _indented(source, column, newline_at(document, node.start))
    start = node.start
    if source.startswith("\n"):
        start = len(document.text[:start].rstrip(" "))
    elif document.text[start - 1 : start] == ":":
        new = f" {new}"
    expected = put(shape(document.root), route, value)
    return apply(document, [Edit(start, node.end, new)], expected, what)


def add_key(
    document: Document, route: Route, key: str, source: str, value: Shape, what: str
) -> Document:
    """Return the document with `key: source` as the last pair of the mapping at `route`.

    `source` may begin with a newline, then the value stands on lines of its own. Raises Unsafe
    where the mapping is in flow style or shared.
    """
    mapping = node_at(document, route, what)
    if not isinstance(mapping, Mapping):
        raise refuse(document, mapping, what, "a mapping is expected there")
    if mapping.anchor is not None:
        raise refuse(document, mapping, what, "the mapping is shared by a YAML anchor")
    if mapping.flow:
        raise refuse(document, mapping, what, "the mapping is written in braces")
    column = document.column(mapping.start)
    place = document.line_end(mapping.end)
    newline = newline_at(document, place)
    pair = f"{key}:{source}" if source.startswith("\n") else f"{key}: {source}"
    new = " " * column + _indented(pair, column, newline) + newline
    if place == len(document.text) and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    expected = with_key(shape(document.root), route, key, value)
    return apply(document, [Edit(place, place, new)], expected, what)


def _indented(source: str, column: int, newline: str) -> str:
    first, *rest = source.split("\n")
    margin = " " * column
    return newline.join([first, *(margin + line if line else line for line in rest)])


def _column(document: Document, route: Route) -> int:
    """Return the column of the mapping that holds the value."""
    return document.column(document.node(route[:-1]).start)


def _in_flow(document: Document, route: Route) -> bool:
    nodes = [document.node(route[:length]) for length in range(len(route))]
    return any(getattr(node, "flow", False) for node in nodes)
