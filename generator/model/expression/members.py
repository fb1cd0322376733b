"""Attributes and items of values, and lists of them."""

from __future__ import annotations

from typing import Any

from generator.model.expression.known import Work, bag, is_blank, missing, unknown
from generator.model.value import OpenMapping, Undefined, Unknown, Value


def member(work: Work, value: Value, key: Value, methods_first: bool = False) -> Value:
    """Return `value[key]`, or `value.key` with `methods_first`: Jinja2 prefers methods there.

    A key that is missing gives an Undefined without a name; one that an open mapping may have,
    and a method that is not called, an Unknown. A member of what is undefined is undefined too.
    """
    if isinstance(value, Undefined):
        return value
    if is_blank(value) or is_blank(key):
        return unknown(work, value if is_blank(value) else None, key)
    if isinstance(key, (list, dict)):
        return unknown(work, key)
    if methods_first and hasattr(type(value), str(key)):
        return Unknown()
    if isinstance(value, dict):
        if key in value:
            return value[key]
        if isinstance(value, OpenMapping):
            return Unknown()
    elif isinstance(value, (list, str)) and isinstance(key, int):
        return _at(work, value, key)
    if isinstance(key, str) and hasattr(type(value), key):
        return Unknown()
    return Undefined()


def path(work: Work, value: Value, dotted: Value) -> Value:
    """Return the member at the end of a path as `map(attribute='a.b.0')` takes it."""
    keys: list[Any] = [dotted] if isinstance(dotted, int) else str(dotted).split(".")
    for key in keys:
        work.charge(1)
        index = isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 9
        value = member(work, value, int(key) if index else key)
    return value


def items_of(work: Work, value: Value) -> list[Value]:
    """Return what a loop over a value goes through.

    Raises TypeError where it cannot be looped over, also where that is not known.
    """
    if isinstance(value, OpenMapping):
        return bag(value)
    if isinstance(value, (str, list, dict)):
        work.charge(len(value) // 8)
        return list(value)
    raise TypeError


def known_items(work: Work, value: Value) -> tuple[list[Value], list[Unknown]]:
    """Return the items of a list that are known throughout, and what stands for the others."""
    known: list[Value] = []
    unsure: list[Unknown] = []
    for item in items_of(work, value):
        if work.plain(item):
            known.append(item)
        else:
            unsure.append(missing(item) if isinstance(item, Undefined) else unknown(work, item))
    return known, unsure


def _at(work: Work, value: Any, index: int) -> Value:
    if isinstance(value, list) and any(isinstance(item, Unknown) for item in value):
        # What stands in front of the first Unknown, or behind the last one, is sure.
        before = value[: index + 1] if index >= 0 else value[index:]
        enough = len(value) > index if index >= 0 else len(value) >= -index
        if not enough or any(isinstance(item, Unknown) for item in before):
            return unknown(work, *(item for item in value if isinstance(item, Unknown)))
    try:
        return value[index]
    except IndexError:
        return Undefined()
