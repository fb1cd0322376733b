"""Tests: what stands behind `is`.

Sources: Jinja documentation, "List of Builtin Tests"; Ansible documentation, "Tests".
"""

from __future__ import annotations

from collections.abc import Callable

from generator.model.expression import version
from generator.model.expression.known import (
    FAILURES,
    Work,
    all_of,
    contains,
    equal,
    is_blank,
    negated,
    text_of,
    truth,
    unknown,
)
from generator.model.expression.members import items_of
from generator.model.value import Undefined, Unknown, Value


def apply_test(
    work: Work, name: str, value: Value, arguments: list[Value], keywords: dict[str, Value]
) -> bool | Unknown:
    """Tell whether a test holds; Unknown for one that is not known here."""
    name = name.removeprefix("ansible.builtin.")
    if name in ("defined", "undefined"):
        if isinstance(value, Unknown):
            return value
        return isinstance(value, Undefined) == (name == "undefined")
    test = _TESTS.get(name)
    given = (*arguments, *keywords.values())
    if test is None or is_blank(value) or any(map(is_blank, given)):
        return unknown(work, value, *given)
    try:
        return test(work, value, *arguments, **keywords)
    except FAILURES:
        return unknown(work, value, *given)


def _of_kind(*kinds: type) -> Callable[[Work, Value], bool]:
    return lambda work, value: isinstance(value, kinds)


def _number(work: Work, value: Value) -> bool:
    # A boolean is a number to Jinja2, as it is to Python.
    return isinstance(value, (int, float))


def _integer(work: Work, value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _equal(work: Work, value: Value, other: Value) -> bool | Unknown:
    return equal(work, value, other)


def _not_equal(work: Work, value: Value, other: Value) -> bool | Unknown:
    return negated(equal(work, value, other))


def _same(work: Work, value: Value, other: Value) -> bool | Unknown:
    """Two names of one object: certain for null and booleans alone."""
    if value is None or isinstance(value, bool) or other is None or isinstance(other, bool):
        return value is other
    return False if type(value) is not type(other) else unknown(work, value, other)


def _order(sign: str) -> Callable[[Work, Value, Value], bool | Unknown]:
    def test(work: Work, value: Value, other: Value) -> bool | Unknown:
        if not (work.plain(value) and work.plain(other)):
            return unknown(work, value, other)
        return version.OPERATORS[sign](value, other)

    return test


def _in(work: Work, value: Value, container: Value) -> bool | Unknown:
    return contains(work, container, value)


def _contains(work: Work, container: Value, item: Value) -> bool | Unknown:
    return contains(work, container, item)


def _subset(work: Work, value: Value, other: Value) -> bool | Unknown:
    return all_of(work, (contains(work, other, item) for item in items_of(work, value)))


def _superset(work: Work, value: Value, other: Value) -> bool | Unknown:
    return _subset(work, other, value)


def _all(work: Work, value: Value) -> bool | Unknown:
    return all_of(work, (truth(item) for item in items_of(work, value)))


def _any(work: Work, value: Value) -> bool | Unknown:
    return negated(all_of(work, (negated(truth(item)) for item in items_of(work, value))))


def _remainder(rest: int) -> Callable[[Work, Value], bool]:
    def test(work: Work, value: Value) -> bool:
        # Not a text: there `%` would format.
        if not isinstance(value, (int, float)):
            raise TypeError
        return value % 2 == rest

    return test


def _truthy(work: Work, value: Value, convert_bool: Value = False) -> bool | Unknown:
    if convert_bool:
        word = str(value).lower() if isinstance(value, (str, int)) else None
        if word in ("true", "yes", "on", "y", "t", "1"):
            return True
        if word in ("false", "no", "off", "n", "f", "0"):
            return False
    return truth(value)


def _falsy(work: Work, value: Value, convert_bool: Value = False) -> bool | Unknown:
    return negated(_truthy(work, value, convert_bool))


def _version(
    work: Work,
    value: Value,
    other: Value,
    operator: Value = "eq",
    strict: Value = None,
    version_type: Value = None,
) -> bool | Unknown:
    if strict or version_type not in (None, "loose"):
        return unknown(work, value, other)
    texts = text_of(work, value), text_of(work, other)
    if not isinstance(texts[0], str) or not isinstance(texts[1], str):
        return unknown(work, value, other)
    return version.compare(texts[0], texts[1], operator)


def _result(key: str, positive: bool = True) -> Callable[[Work, Value], bool | Unknown]:
    """Return a test of a task's result by a boolean that the result has."""

    def test(work: Work, value: Value) -> bool | Unknown:
        said = value.get(key) if isinstance(value, dict) else None
        return said is positive if isinstance(said, bool) else unknown(work, said)

    return test


_TESTS: dict[str, Callable[..., bool | Unknown]] = {
    "none": _of_kind(type(None)),
    "true": lambda work, value: value is True,
    "false": lambda work, value: value is False,
    "string": _of_kind(str),
    "number": _number,
    "integer": _integer,
    "float": _of_kind(float),
    "boolean": _of_kind(bool),
    "mapping": _of_kind(dict),
    "sequence": _of_kind(str, list, dict),
    "iterable": _of_kind(str, list, dict),
    "callable": _of_kind(),
    "sameas": _same,
    **dict.fromkeys(("equalto", "==", "eq"), _equal),
    **dict.fromkeys(("ne", "!="), _not_equal),
    **dict.fromkeys(("lt", "<", "lessthan"), _order("<")),
    **dict.fromkeys(("gt", ">", "greaterthan"), _order(">")),
    **dict.fromkeys(("le", "<="), _order("<=")),
    **dict.fromkeys(("ge", ">="), _order(">=")),
    "in": _in,
    "contains": _contains,
    **dict.fromkeys(("subset", "issubset"), _subset),
    **dict.fromkeys(("superset", "issuperset"), _superset),
    "all": _all,
    "any": _any,
    "odd": _remainder(1),
    "even": _remainder(0),
    "truthy": _truthy,
    "falsy": _falsy,
    **dict.fromkeys(("version", "version_compare"), _version),
    **dict.fromkeys(("failed", "failure"), _result("failed")),
    **dict.fromkeys(("succeeded", "success", "successful"), _result("failed", positive=False)),
    **dict.fromkeys(("changed", "change"), _result("changed")),
    **dict.fromkeys(("skipped", "skip"), _result("skipped")),
    "unreachable": _result("unreachable"),
    "reachable": _result("unreachable", positive=False),
}
