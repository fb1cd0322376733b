"""Filters of lists and mappings whose items may be unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from generator.model.expression.known import (
    Work,
    bag,
    contains,
    equal,
    is_blank,
    missing,
    negated,
    truth,
    unknown,
)
from generator.model.expression.members import items_of, known_items, path
from generator.model.expression.tests import apply_test
from generator.model.value import OpenMapping, Undefined, Unknown, Value


def union(work: Work, left: Value, right: Value) -> Value:
    """Return all items of two lists, each once; with an unknown list, more may be there."""
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return unknown(work, left, right)
    first, holes = known_items(work, [left] if is_blank(left) else left)
    second, others = known_items(work, [right] if is_blank(right) else right)
    items = distinct(work, [*first, *second])
    if not holes and others:
        # What the first list begins with is sure.
        return [*items, unknown(work, *others)]
    return bag(items, *holes, *others) if holes else items


def unique(
    work: Work, value: Value, case_sensitive: Value = False, attribute: Value = None
) -> Value:
    """Return each item once; texts that differ in case alone are the same."""
    if attribute is not None:
        return unknown(work, value)
    known, holes = known_items(work, value)
    fold = None if case_sensitive else _folded
    items = distinct(work, known, fold)
    return bag(items, *holes) if holes else items


def difference(work: Work, left: Value, right: Value) -> Value:
    """Return the items of a list that are not in another one."""
    return _chosen(work, left, lambda item: negated(contains(work, right, item)))


def intersect(work: Work, left: Value, right: Value) -> Value:
    """Return the items of a list that are in another one too."""
    return _chosen(work, left, lambda item: contains(work, right, item))


def select(work: Work, value: Value, test: Value = None, *arguments: Value) -> Value:
    """Return the items for which a test holds, or the true ones."""
    return _tested(work, value, None, test, arguments, keep=True)


def reject(work: Work, value: Value, test: Value = None, *arguments: Value) -> Value:
    """Return the items for which a test does not hold, or the untrue ones."""
    return _tested(work, value, None, test, arguments, keep=False)


def selectattr(
    work: Work, value: Value, attribute: Value, test: Value = None, *arguments: Value
) -> Value:
    """Return the items for whose attribute a test holds."""
    return _tested(work, value, attribute, test, arguments, keep=True)


def rejectattr(
    work: Work, value: Value, attribute: Value, test: Value = None, *arguments: Value
) -> Value:
    """Return the items for whose attribute a test does not hold."""
    return _tested(work, value, attribute, test, arguments, keep=False)


def attributes(work: Work, value: Value, attribute: Value, default: Value = None) -> Value:
    """Return the attribute of each item: `map(attribute=...)`."""
    found: list[Value] = []
    for item in items_of(work, value):
        one = path(work, item, attribute)
        if isinstance(one, Undefined):
            one = missing(one) if default is None else default
        found.append(one)
    return found


def first(work: Work, value: Value) -> Value:
    """Return the first item, Undefined where there is none."""
    items = items_of(work, value)
    return items[0] if items else Undefined()


def last(work: Work, value: Value) -> Value:
    """Return the last item, Undefined where there is none."""
    items = items_of(work, value)
    return items[-1] if items else Undefined()


def length(work: Work, value: Value) -> Value:
    """Return how many items there are."""
    if isinstance(value, str):
        return len(value)
    items = items_of(work, value)
    holes = [item for item in items if isinstance(item, Unknown)] if _may_vary(value) else []
    return unknown(work, *holes) if holes else len(items)


def to_list(work: Work, value: Value) -> Value:
    """Return the items as a list: the keys of a mapping, the characters of a text."""
    return items_of(work, value)


def reverse(work: Work, value: Value) -> Value:
    """Return a text or list from behind."""
    return value[::-1] if isinstance(value, str) else items_of(work, value)[::-1]


def flatten(work: Work, value: Value, levels: Value = None, skip_nulls: Value = True) -> Value:
    """Return the items of lists inside of lists; nulls are left out."""
    if not isinstance(value, list) or not (levels is None or isinstance(levels, int)):
        return unknown(work, value)
    found: list[Value] = []
    for item in value:
        work.charge(1)
        if skip_nulls and (item is None or item in ("None", "null")):
            continue
        if isinstance(item, list) and (levels is None or levels >= 1):
            deeper = None if levels is None else levels - 1
            found.extend(flatten(work, item, deeper, skip_nulls))
        else:
            found.append(item)
    return found


def dict2items(
    work: Work, value: Value, key_name: Value = "key", value_name: Value = "value"
) -> Value:
    """Return the pairs of a mapping as mappings with a key and a value."""
    if not isinstance(value, dict):
        raise TypeError
    work.charge(len(value))
    items = [{key_name: key, value_name: item} for key, item in value.items()]
    return bag(items) if isinstance(value, OpenMapping) else items


def items2dict(
    work: Work, value: Value, key_name: Value = "key", value_name: Value = "value"
) -> Value:
    """Return the mapping that `dict2items` takes apart."""
    pairs: dict[Any, Value] = {}
    is_open = False
    for item in items_of(work, value):
        key = item if isinstance(item, Unknown) else item[key_name]
        if is_blank(key):
            is_open = True
            # A later item with the same key would win.
            pairs = {name: unknown(work, old) for name, old in pairs.items()}
        else:
            pairs[key] = item[value_name]
    return OpenMapping(pairs) if is_open else pairs


def distinct(
    work: Work, items: list[Value], key: Callable[[Value], Value] | None = None
) -> list[Value]:
    """Return known items, each once."""
    found: list[Value] = []
    seen: set[Any] = set()
    others: list[Value] = []
    for item in items:
        mark = key(item) if key else item
        if isinstance(mark, (list, dict)):
            work.charge(len(others))
            if any(equal(work, mark, other) is True for other in others):
                continue
            others.append(mark)
        elif mark in seen:
            continue
        else:
            seen.add(mark)
        found.append(item)
    return found


def _chosen(work: Work, value: Value, keep: Callable[[Value], bool | Unknown]) -> Value:
    """Return the items to keep, each once."""
    if is_blank(value):
        return unknown(work, value)
    known, holes = known_items(work, value)
    kept: list[Value] = []
    for item in known:
        stays = keep(item)
        if isinstance(stays, Unknown):
            holes.append(unknown(work, stays, item))
        elif stays:
            kept.append(item)
    items = distinct(work, kept)
    if not holes:
        return items
    return bag(items, *holes) if items else unknown(work, *holes)


def _tested(
    work: Work,
    value: Value,
    attribute: Value,
    test: Value,
    arguments: tuple[Value, ...],
    keep: bool,
) -> Value:
    found: list[Value] = []
    for item in items_of(work, value):
        work.charge(1)
        subject = item if attribute is None else path(work, item, attribute)
        holds = (
            truth(subject)
            if test is None
            else apply_test(work, str(test), subject, list(arguments), {})
        )
        if isinstance(holds, Unknown):
            found.append(unknown(work, holds, item))
        elif holds == keep:
            found.append(item)
    holes = [item for item in found if isinstance(item, Unknown)]
    return unknown(work, *holes) if holes and len(holes) == len(found) else found


def _may_vary(value: Value) -> bool:
    return isinstance(value, (list, OpenMapping))


def _folded(value: Value) -> Value:
    return value.lower() if isinstance(value, str) else value
