"""From the way that a patch file describes to a route in the file at hand."""

from __future__ import annotations

from typing import Any

from generator.engine.fields import Fields
from generator.exits import Unsafe
from generator.model.role import same_role
from generator.text.document import Document, Mapping, Node, Route, Scalar, Sequence


def read_steps(fields: Fields, name: str) -> tuple[Any, ...]:
    """Return the steps of a way, each a key or a mapping of one key and the value it must have.

    Raises UnusableInput where the field is anything else.
    """
    steps = fields.data(name)
    good = isinstance(steps, list) and all(
        isinstance(step, str)
        or (isinstance(step, dict) and [type(value) for value in step.values()] == [str])
        for step in steps
    )
    if not good or not steps:
        raise fields.wrong(name, "a list of keys and of mappings such as {role: x}")
    return tuple(steps)


def select(document: Document, steps: tuple[Any, ...], what: str) -> tuple[Route, bool]:
    """Return the route that steps lead to, and whether the value at its end is there.

    Only the last key may be missing. Raises Unsafe where the way ends before, or forks.
    """
    route: Route = ()
    node: Node | None = document.root
    for step in steps:
        last = len(route) == len(steps) - 1
        if isinstance(step, str):
            if not isinstance(node, Mapping) or (node.get(step) is None and not last):
                raise _lost(document, node, what, f"has no key '{step}'")
            node, route = node.get(step), (*route, step)
            continue
        (key, value), *_ = step.items()
        matching = _matching(node, key, value)
        if len(matching) != 1:
            found = f"has {len(matching)} entries with {key}: {value}, not one"
            raise _lost(document, node, what, found)
        assert isinstance(node, Sequence)
        node, route = node.items[matching[0]], (*route, matching[0])
    return route, node is not None


def _matching(node: Node | None, key: str, value: str) -> list[int]:
    items = node.items if isinstance(node, Sequence) else ()
    found = []
    for index, item in enumerate(items):
        name = item.get(key) if isinstance(item, Mapping) else None
        if isinstance(name, Scalar) and same_role(name.value, value):
            found.append(index)
    return found


def _lost(document: Document, node: Node | None, what: str, why: str) -> Unsafe:
    line = document.line(node.start) if node is not None else 1
    return Unsafe(
        f"{document.path}:{line}: cannot {what} safely: this {why}. Edit this place by hand."
    )
