"""Filters: what stands behind `|`.

Sources: Jinja documentation, "List of Builtin Filters"; Ansible documentation, "Using filters to
manipulate data". Filters that take regular expressions are not run: a stranger's expression may
take for ever.
"""

from __future__ import annotations

import base64
import json
import math
import posixpath
import shlex
from collections.abc import Callable
from typing import Any

from generator.model.expression import lists
from generator.model.expression.calls import joined, replaced, search
from generator.model.expression.known import (
    FAILURES,
    MAX_SIZE,
    Work,
    is_blank,
    missing,
    text_of,
    truth,
    unknown,
)
from generator.model.expression.members import items_of, path
from generator.model.expression.merge import combine
from generator.model.expression.tests import apply_test as apply_test
from generator.model.value import FileText, Undefined, Unknown, Value

_STILL_THE_FILE = ("from_yaml", "from_yaml_all", "list", "string", "trim")
"""Filters through which the text of a file stays what it holds."""


def apply_filter(
    work: Work, name: str, value: Value, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return what a filter makes of a value; Unknown for one that is not known here."""
    name = name.removeprefix("ansible.builtin.")
    if isinstance(value, FileText) and name in _STILL_THE_FILE:
        return value
    given = (*arguments, *keywords.values())
    call = _OPEN.get(name)
    if call is None and not is_blank(value) and not any(map(is_blank, given)):
        call = _PARTLY.get(name)
        if call is None and work.plain(value) and all(map(work.plain, given)):
            call = _KNOWN.get(name)
    if call is None:
        return unknown(work, value, *given)
    try:
        return call(work, value, *arguments, **keywords)
    except FAILURES:
        return unknown(work, value, *given)


def _default(work: Work, value: Value, default_value: Value = "", boolean: Value = False) -> Value:
    if isinstance(value, Undefined):
        return default_value
    if isinstance(value, FileText):
        return value
    empty = truth(boolean)
    if isinstance(value, Unknown) or isinstance(empty, Unknown):
        return unknown(work, value, default_value, empty)
    if not empty:
        return value
    holds = truth(value)
    if isinstance(holds, Unknown):
        return unknown(work, value, default_value)
    return value if holds else default_value


def _mandatory(work: Work, value: Value, msg: Value = None) -> Value:
    return missing(value) if isinstance(value, Undefined) else value


def _ternary(
    work: Work, value: Value, true_val: Value, false_val: Value, none_val: Value = None
) -> Value:
    if value is None and none_val is not None:
        return none_val
    holds = truth(value)
    if isinstance(holds, bool):
        return true_val if holds else false_val
    same = type(true_val) is type(false_val) and none_val is None
    if same and not isinstance(true_val, (list, dict, Unknown)) and true_val == false_val:
        return true_val
    return unknown(work, value, true_val, false_val, none_val)


def _map(work: Work, value: Value, *arguments: Value, **keywords: Value) -> Value:
    if not arguments:
        return lists.attributes(work, value, **keywords)
    name = str(arguments[0]).removeprefix("ansible.builtin.")
    if name not in _OPEN and name not in _PARTLY and name not in _KNOWN:
        return unknown(work, value, *arguments, *keywords.values())
    found: list[Value] = []
    for item in items_of(work, value):
        work.charge(1)
        one = apply_filter(work, name, item, list(arguments[1:]), keywords)
        found.append(missing(one) if isinstance(one, Undefined) else one)
    return found


def _bool(work: Work, value: Value) -> Value:
    if value is None or isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else value
    return word in ("yes", "on", "1", "true", 1)


def _int(work: Work, value: Value, default: Value = 0, base: Value = 10) -> Value:
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        pass
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(work: Work, value: Value, default: Value = 0.0) -> Value:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _of_text(method: Callable[..., Value]) -> Callable[..., Value]:
    """Return a filter that takes its value as text."""

    def call(work: Work, value: Value, *arguments: Value, **keywords: Value) -> Value:
        text = text_of(work, value)
        search(work, str(text), *arguments)
        return text if isinstance(text, Unknown) else method(text, *arguments, **keywords)

    return call


def _replace(work: Work, value: Value, old: Value, new: Value, count: Value = None) -> Value:
    texts = text_of(work, value), text_of(work, old), text_of(work, new)
    text, before, after = map(str, texts)
    return replaced(work, text, before, after, -1 if count is None else count)


def _join(work: Work, value: Value, d: Value = "", attribute: Value = None) -> Value:
    items = items_of(work, value)
    if attribute is not None:
        items = [path(work, item, attribute) for item in items]
    return joined(work, str(d), items)


def _sort(
    work: Work,
    value: Value,
    reverse: Value = False,
    case_sensitive: Value = False,
    attribute: Value = None,
) -> Value:
    items = items_of(work, value)
    key = _key(work, case_sensitive, attribute)
    # A list is compared item by item, n log n times.
    work.charge(len(items))
    return sorted(items, key=key, reverse=bool(reverse))


def _most(choose: Callable[..., Value]) -> Callable[..., Value]:
    def call(
        work: Work, value: Value, case_sensitive: Value = False, attribute: Value = None
    ) -> Value:
        items = items_of(work, value)
        return choose(items, key=_key(work, case_sensitive, attribute)) if items else Undefined()

    return call


def _key(work: Work, case_sensitive: Value, attribute: Value) -> Callable[[Value], Any]:
    def key(item: Value) -> Any:
        value = item if attribute is None else path(work, item, attribute)
        return value.lower() if isinstance(value, str) and not case_sensitive else value

    return key


def _sum(work: Work, value: Value, attribute: Value = None, start: Value = 0) -> Value:
    items = items_of(work, value)
    if attribute is not None:
        items = [path(work, item, attribute) for item in items]
    if not all(isinstance(item, (int, float)) for item in (*items, start)):
        raise TypeError
    return sum(items, start)


def _round(work: Work, value: Value, precision: Value = 0, method: Value = "common") -> Value:
    if not isinstance(value, (int, float)) or not -20 <= precision <= 20:
        raise ValueError
    if method == "common":
        return round(value, precision)
    factor = 10**precision
    return {"ceil": math.ceil, "floor": math.floor}[method](value * factor) / factor


def _indent(text: str, width: Value = 4, first: Value = False, blank: Value = False) -> Value:
    margin = width if isinstance(width, str) else " " * min(width, MAX_SIZE)
    lines = (text + "\n").splitlines()
    if len(text) + len(margin) * len(lines) > MAX_SIZE:
        return Unknown()
    head, *rest = lines
    rest = [margin + line if line or blank else line for line in rest]
    return "\n".join([margin + head if first and (head or blank) else head, *rest])


def _trim(text: str, chars: Value = None) -> Value:
    return text.strip(chars)


def _to_json(work: Work, value: Value) -> Value:
    return json.dumps(value)


def _from_json(work: Work, value: Value) -> Value:
    if not isinstance(value, str) or len(value) > MAX_SIZE:
        raise TypeError
    data = json.loads(value)
    work.plain(data)
    return data


def _quote(work: Work, value: Value) -> Value:
    return shlex.quote("" if value is None else str(value))


def _base64(text: str) -> Value:
    return base64.b64encode(text.encode()).decode()


def _version(work: Work, value: Value, *arguments: Value, **keywords: Value) -> Value:
    return apply_test(work, "version", value, list(arguments), keywords)


_OPEN: dict[str, Callable[..., Value]] = {
    "default": _default,
    "d": _default,
    "mandatory": _mandatory,
    "ternary": _ternary,
    "union": lists.union,
    "difference": lists.difference,
    "intersect": lists.intersect,
    "combine": combine,
}
"""Filters that may take a value of which nothing is known."""

_PARTLY: dict[str, Callable[..., Value]] = {
    "first": lists.first,
    "last": lists.last,
    "length": lists.length,
    "count": lists.length,
    "list": lists.to_list,
    "reverse": lists.reverse,
    "unique": lists.unique,
    "flatten": lists.flatten,
    "dict2items": lists.dict2items,
    "items2dict": lists.items2dict,
    "select": lists.select,
    "reject": lists.reject,
    "selectattr": lists.selectattr,
    "rejectattr": lists.rejectattr,
    "map": _map,
}
"""Filters of lists and mappings in which something may be unknown."""

_KNOWN: dict[str, Callable[..., Value]] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "string": _of_text(str),
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "capitalize": _of_text(str.capitalize),
    "trim": _of_text(_trim),
    "indent": _of_text(_indent),
    "split": _of_text(str.split),
    "splitlines": _of_text(str.splitlines),
    "basename": _of_text(posixpath.basename),
    "dirname": _of_text(posixpath.dirname),
    "b64encode": _of_text(_base64),
    "quote": _quote,
    "replace": _replace,
    "join": _join,
    "sort": _sort,
    "max": _most(max),
    "min": _most(min),
    "sum": _sum,
    "abs": lambda work, value: abs(value),
    "round": _round,
    "to_json": _to_json,
    "from_json": _from_json,
    # The part of YAML that is JSON: nothing else is read here.
    "from_yaml": _from_json,
    "version": _version,
    "version_compare": _version,
}
"""Filters of values that are known throughout."""
