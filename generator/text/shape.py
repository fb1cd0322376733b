"""The data of a YAML document as comparable values: what an edit may and may not change.

Two documents with equal shapes mean the same to every YAML reader; comments, layout and the
choice between block and flow style do not show. Quoted and plain scalars stay apart, because
`"true"` and `true` are different data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from generator.text.document import Alias, Document, Mapping, Node, Route, Scalar, Sequence

Shape: TypeAlias = Node | None


def shape(node: Node | None) -> Shape:
    """Return a node without its spans and styles; equal shapes are equal data."""
    if node is None:
        return None
    if isinstance(node, Scalar):
        style = "" if node.style == "" else "quoted"
        return replace(node, start=0, end=0, style=style)
    if isinstance(node, Alias):
        return replace(node, start=0, end=0)
    if isinstance(node, Sequence):
        items = tuple(_shape(item) for item in node.items)
        return replace(node, start=0, end=0, items=items, flow=False)
    pairs = tuple((_shape(key), _shape(value)) for key, value in node.pairs)
    return replace(node, start=0, end=0, pairs=pairs, flow=False)


def shapes(document: Document) -> tuple[Shape, ...]:
    """Return the shapes of all YAML documents of a file."""
    return tuple(shape(root) for root in document.roots)


def put(tree: Shape, route: Route, new: Shape) -> Shape:
    """Return the shape with the value at `route` replaced; raises KeyError where there is none."""
    if not route:
        return new
    head, rest = route[0], route[1:]
    if isinstance(tree, Sequence) and isinstance(head, int) and head < len(tree.items):
        items = list(tree.items)
        items[head] = _node(put(items[head], rest, new))
        return replace(tree, items=tuple(items))
    if isinstance(tree, Mapping) and isinstance(head, str):
        keys = [key.value if isinstance(key, Scalar) else None for key, _ in tree.pairs]
        if head in keys:
            # A key that stands twice: the last one counts, as for Ansible.
            place = len(keys) - 1 - keys[::-1].index(head)
            pairs = list(tree.pairs)
            key, value = pairs[place]
            pairs[place] = (key, _node(put(value, rest, new)))
            return replace(tree, pairs=tuple(pairs))
    raise KeyError(route)


def at(tree: Shape, route: Route) -> Shape:
    """Return the shape at the end of a route; raises KeyError where it leads nowhere."""
    for part in route:
        if isinstance(tree, Sequence) and isinstance(part, int) and part < len(tree.items):
            tree = tree.items[part]
        elif isinstance(tree, Mapping) and isinstance(part, str) and tree.get(part) is not None:
            tree = tree.get(part)
        else:
            raise KeyError(route)
    return tree


def without_item(tree: Shape, route: Route, index: int) -> Shape:
    """Return the shape with one item of the sequence at `route` taken out."""
    sequence = at(tree, route)
    assert isinstance(sequence, Sequence)
    items = sequence.items[:index] + sequence.items[index + 1 :]
    return put(tree, route, replace(sequence, items=items))


def with_item(tree: Shape, route: Route, index: int, item: Shape) -> Shape:
    """Return the shape with an item put before the one at `index` of the sequence at `route`."""
    sequence = at(tree, route)
    assert isinstance(sequence, Sequence)
    items = (*sequence.items[:index], _node(item), *sequence.items[index:])
    return put(tree, route, replace(sequence, items=items))


def with_key(tree: Shape, route: Route, key: str, value: Shape) -> Shape:
    """Return the shape with a key put behind the last one of the mapping at `route`."""
    mapping = at(tree, route)
    assert isinstance(mapping, Mapping)
    pairs = (*mapping.pairs, (Scalar(0, 0, key), _node(value)))
    return put(tree, route, replace(mapping, pairs=pairs))


def _shape(node: Node) -> Node:
    return _node(shape(node))


def _node(value: Shape) -> Node:
    return Scalar(0, 0, "") if value is None else value
