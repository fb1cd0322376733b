"""Calls: lookups, `range`, and the methods of texts and mappings. All others are Unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from generator.model.expression.known import (
    FAILURES,
    MAX_SIZE,
    TooMuch,
    Work,
    bag,
    is_blank,
    names_in,
    text_of,
    unknown,
)
from generator.model.expression.members import items_of
from generator.model.value import FileText, OpenMapping, Undefined, Unknown, Value

if TYPE_CHECKING:
    from generator.model.expression.evaluate import Evaluation

MAX_RANGE = 10_000
"""A longer range is not built."""

_CHANGES = frozenset(
    {"append", "extend", "insert", "remove", "pop", "popitem"}
    | {"clear", "update", "setdefault", "sort", "reverse"}
)
"""Methods that change what a variable holds: nothing that follows would be right."""


def call_name(
    evaluation: Evaluation, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return what a call of a function gives."""
    work = evaluation.work
    blank = unknown(work, *arguments, *keywords.values())
    if any(is_blank(value) for value in (*arguments, *keywords.values())):
        return blank
    if name == "range" and not keywords:
        return _range(work, arguments)
    if name == "dict" and not arguments:
        return dict(keywords)
    if name == "undef":
        return Undefined()
    if name == "lookup" and len(arguments) == 2 and not keywords:
        plugin, what = arguments
        if isinstance(plugin, str) and isinstance(what, str):
            kind = plugin.removeprefix("ansible.builtin.")
            if kind in ("template", "file"):
                return FileText(what, rendered=kind == "template")
            if kind == "vars":
                return evaluation.name(what)
    return blank


def call_method(
    work: Work, target: Value, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return what a call of a method gives.

    Raises TooMuch for one that changes what it is called on.
    """
    given = (*arguments, *keywords.values())
    if name in _CHANGES:
        raise TooMuch(names_in(work, target, *given))
    call = _METHODS.get((dict if isinstance(target, dict) else type(target), name))
    if call is None or keywords or any(is_blank(value) for value in arguments):
        return unknown(work, target, *given)
    try:
        return call(work, target, *arguments)
    except FAILURES:
        return unknown(work, target, *given)


def search(work: Work, text: str, *parts: Any) -> None:
    """Charge for going through a text in search of others."""
    longest = max((len(part) for part in parts if isinstance(part, str)), default=0)
    work.charge(len(text) // 64 + len(text) * longest // 1024)


def replaced(work: Work, text: str, old: str, new: str, count: int = -1) -> Value:
    """Return a text with a part replaced, Unknown where the result would be too long."""
    search(work, text)
    times = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + times * len(new) > MAX_SIZE:
        return Unknown()
    return text.replace(old, new, count)


def joined(work: Work, separator: str, items: list[Value]) -> Value:
    """Return items as one text, Unknown where one is unknown or the result would be too long."""
    texts: list[str] = []
    size = 0
    for item in items:
        text = text_of(work, item)
        if isinstance(text, Unknown):
            return unknown(work, *items)
        size += len(text) + len(separator)
        if size > MAX_SIZE + len(separator):
            return Unknown()
        texts.append(text)
    return separator.join(texts)


def _range(work: Work, arguments: list[Value]) -> Value:
    try:
        numbers = range(*arguments)
    except (TypeError, ValueError):
        return unknown(work, *arguments)
    # Not len(): it fails for what does not fit into a machine word.
    if numbers and abs(numbers[-1] - numbers[0]) // abs(numbers.step) >= MAX_RANGE:
        return Unknown()
    work.charge(len(numbers) // 8)
    return list(numbers)


def _of_text(name: str) -> Callable[..., Value]:
    """Return a method of str whose result is not longer than what goes in."""
    method = getattr(str, name)

    def call(work: Work, text: str, *arguments: Any) -> Value:
        search(work, text, *arguments)
        plain = (tuple(value) if isinstance(value, list) else value for value in arguments)
        result = method(text, *plain)
        return list(result) if isinstance(result, tuple) else result

    return call


def _replace(work: Work, text: str, *arguments: Any) -> Value:
    return replaced(work, text, *arguments)


def _join(work: Work, separator: str, items: Value) -> Value:
    parts = items_of(work, items)
    if not all(isinstance(part, str) for part in parts):
        return unknown(work, items)
    return joined(work, separator, parts)


def _items(work: Work, mapping: dict[Any, Value]) -> Value:
    work.charge(len(mapping))
    return _list_of(mapping, [[key, value] for key, value in mapping.items()])


def _keys(work: Work, mapping: dict[Any, Value]) -> Value:
    return _list_of(mapping, list(mapping))


def _values(work: Work, mapping: dict[Any, Value]) -> Value:
    return _list_of(mapping, list(mapping.values()))


def _list_of(mapping: dict[Any, Value], items: list[Value]) -> Value:
    return bag(items) if isinstance(mapping, OpenMapping) else items


def _get(work: Work, mapping: dict[Any, Value], key: Value, default: Value = None) -> Value:
    if key in mapping:
        return mapping[key]
    return Unknown() if isinstance(mapping, OpenMapping) else default


_SHORT = (
    "capitalize count endswith find index isalnum isalpha isascii isdigit islower isnumeric"
    " isspace isupper lower lstrip partition removeprefix removesuffix rfind rindex rpartition"
    " rsplit rstrip split splitlines startswith strip swapcase title upper"
)

_METHODS: dict[tuple[type, str], Callable[..., Value]] = {
    **{(str, name): _of_text(name) for name in _SHORT.split()},
    (str, "replace"): _replace,
    (str, "join"): _join,
    (dict, "items"): _items,
    (dict, "keys"): _keys,
    (dict, "values"): _values,
    (dict, "get"): _get,
}
