"""What is known of a value, and a limit to the work of one evaluation.

A list with an Unknown among its items may hold any number of others in its place. What stands
before the first Unknown and behind the last one stands there for sure; what is between them is
in the list, anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from generator.model.value import FileText, OpenMapping, Undefined, Unknown, Value

MAX_SIZE = 100_000
"""A list with more items, or a text with more characters, is not built."""

MAX_DEPTH = 64
"""Data nested deeper is not looked into."""

MAX_BITS = 10_000
"""A whole number of more bits is not computed."""

BUDGET = 200_000
"""How many nodes and items one evaluation may touch: less than a second."""


FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What an operation raises that does not go with its operands: Ansible fails there."""


class TooMuch(Exception):
    """The evaluation ends here: it would be too much work, or is not implemented."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.names = names


class Work:
    """What is left of the work that one evaluation may do."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = BUDGET

    def charge(self, amount: int) -> None:
        """Take `amount` off; raises TooMuch where nothing is left."""
        self.left -= amount
        if self.left < 0:
            raise TooMuch

    def plain(self, value: Value) -> bool:
        """Tell whether everything in a value is known.

        Raises TooMuch for data that is nested too deep or too large to be compared or written
        out: after this call both are safe.
        """
        if not isinstance(value, (list, dict)):
            return not is_blank(value)
        known, level = True, [value]
        for _ in range(MAX_DEPTH):
            below: list[Value] = []
            for item in level:
                if isinstance(item, dict):
                    self.charge(2 * len(item) + 1)
                    known = known and not isinstance(item, OpenMapping)
                    below.extend(item)
                    below.extend(item.values())
                elif isinstance(item, list):
                    self.charge(len(item) + 1)
                    below.extend(item)
                elif isinstance(item, str):
                    self.charge(len(item) // 64)
                elif is_blank(item):
                    known = False
            if not below:
                return known
            level = below
        raise TooMuch


def is_blank(value: Value) -> TypeGuard[Unknown | Undefined | FileText]:
    """Tell whether nothing is known of a value, the kind of its data included."""
    return isinstance(value, (Unknown, Undefined, FileText))


def missing(value: Undefined) -> Unknown:
    """Return what the use of an undefined variable gives: Ansible fails there."""
    return Unknown(frozenset({value.name}) if value.name else frozenset())


def names_in(work: Work, *values: Value) -> frozenset[str]:
    """Return the names that values hang on."""
    found: set[str] = set()
    level: list[Value] = list(values)
    for _ in range(MAX_DEPTH):
        below: list[Value] = []
        for value in level:
            if isinstance(value, Unknown):
                found |= value.names
            elif isinstance(value, Undefined):
                found |= missing(value).names
            elif isinstance(value, dict):
                work.charge(len(value) + 1)
                below.extend(value.values())
            elif isinstance(value, list):
                work.charge(len(value) + 1)
                below.extend(value)
        if not below:
            break
        level = below
    return frozenset(found)


def unknown(work: Work, *values: Value) -> Unknown:
    """Return the Unknown that comes from values."""
    return Unknown(names_in(work, *values))


def truth(value: Value) -> bool | Unknown:
    """Tell whether a value counts as true: what is empty, zero or null does not."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Undefined):
        return missing(value)
    if isinstance(value, FileText):
        return Unknown()
    if isinstance(value, list) and value:
        if all(isinstance(item, Unknown) for item in value):
            return Unknown(frozenset[str]().union(*(item.names for item in value)))
        return True
    if isinstance(value, OpenMapping) and not value:
        return Unknown()
    return bool(value)


def built(work: Work, value: Value) -> Value:
    """Return a value that an expression has built, for use outside.

    Raises TooMuch where it is nested too deep, or holds the same list so many times over that
    nobody could walk through it.
    """
    work.plain(value)
    return value


def negated(value: bool | Unknown) -> bool | Unknown:
    """Return the opposite of a truth."""
    return value if isinstance(value, Unknown) else not value


def all_of(work: Work, parts: Iterable[bool | Unknown]) -> bool | Unknown:
    """Return whether all parts are true: false where one is false, whatever is unknown."""
    unsure: list[Unknown] = []
    for part in parts:
        if isinstance(part, Unknown):
            unsure.append(part)
        elif not part:
            return False
    return unknown(work, *unsure) if unsure else True


def equal(work: Work, left: Value, right: Value) -> bool | Unknown:
    """Tell whether two values are equal."""
    if is_blank(left) or is_blank(right):
        return unknown(work, left, right)
    if not isinstance(left, (list, dict)) or not isinstance(right, (list, dict)):
        return bool(left == right)
    plain = work.plain(left), work.plain(right)
    return bool(left == right) if all(plain) else _equal(work, left, right)


def contains(work: Work, container: Value, item: Value) -> bool | Unknown:
    """Tell whether `item in container` holds; raises TypeError where it is an error."""
    if is_blank(container):
        return unknown(work, container, item)
    if isinstance(container, str):
        return unknown(work, item) if is_blank(item) else item in container
    if isinstance(container, dict):
        if is_blank(item):
            return False if _certainly_empty(container) else unknown(work, item)
        return True if item in container else _else_open(container)
    if not isinstance(container, list):
        raise TypeError
    work.charge(len(container) // 8)
    if not isinstance(item, (list, dict)) and not is_blank(item):
        # A text or number is found, or not, at once.
        if item in container:
            return True
        work.charge(len(container))
        unsure = [other for other in container if is_blank(other)]
        return unknown(work, *unsure) if unsure else False
    unsure = []
    for other in container:
        found = equal(work, item, other)
        if found is True:
            return True
        if found is not False:
            unsure.append(found)
    return unknown(work, *unsure) if unsure else False


def text_of(work: Work, value: Value) -> str | Unknown:
    """Return a value as text, as `string` and `~` make it."""
    if isinstance(value, str):
        return value
    if not work.plain(value):
        return unknown(work, value)
    return str(value)


def bag(items: Iterable[Value], *unsure: Unknown) -> list[Value]:
    """Return a list that has the items, and may have others anywhere."""
    hole = Unknown(frozenset[str]().union(*(one.names for one in unsure)))
    return [hole, *items, hole]


def bounded(value: Value) -> Value:
    """Return a new value, or Unknown where it is larger than anything real."""
    if isinstance(value, (str, list, dict)):
        return Unknown() if len(value) > MAX_SIZE else value
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return Unknown()
    return value


def _certainly_empty(container: dict[Any, Any]) -> bool:
    return not container and not isinstance(container, OpenMapping)


def _else_open(container: dict[Any, Any]) -> bool | Unknown:
    return Unknown() if isinstance(container, OpenMapping) else False


def _equal(work: Work, left: Value, right: Value) -> bool | Unknown:
    if is_blank(left) or is_blank(right):
        return unknown(work, left, right)
    if isinstance(left, list) and isinstance(right, list):
        return _equal_lists(work, left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        for one, other in ((left, right), (right, left)):
            if not isinstance(other, OpenMapping) and any(key not in other for key in one):
                return False
        same = all_of(work, (_equal(work, left[key], right[key]) for key in left if key in right))
        is_open = isinstance(left, OpenMapping) or isinstance(right, OpenMapping)
        return Unknown() if same is True and is_open else same
    return bool(left == right)


def _equal_lists(work: Work, left: list[Value], right: list[Value]) -> bool | Unknown:
    holes = [item for item in (*left, *right) if isinstance(item, Unknown)]
    if not holes:
        if len(left) != len(right):
            return False
        return all_of(work, (_equal(work, a, b) for a, b in zip(left, right, strict=True)))
    for one, other in ((left, right), (right, left)):
        sure = sum(not isinstance(item, Unknown) for item in one)
        if sure > len(other) and not any(isinstance(item, Unknown) for item in other):
            return False
    for a, b in zip(left, right, strict=False):
        if isinstance(a, Unknown) or isinstance(b, Unknown):
            break
        if _equal(work, a, b) is False:
            return False
    return unknown(work, *holes)
