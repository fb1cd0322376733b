"""The filter `combine`.

Source: Ansible documentation, ansible.builtin.combine: later mappings win; with `recursive` the
mappings inside are combined too; `list_merge` says what becomes of lists under the same key.
"""

from __future__ import annotations

from typing import Any

from generator.model.expression.known import Work, bag, contains, equal, is_blank, unknown
from generator.model.value import OpenMapping, Undefined, Unknown, Value

KINDS = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def combine(
    work: Work, *terms: Value, recursive: Value = False, list_merge: Value = "replace"
) -> Value:
    """Combine mappings, or lists of them.

    What comes after something unknown gives an open mapping with the later keys.

    Raises TypeError where something else is to be combined, ValueError for an unknown kind.
    """
    if not isinstance(recursive, bool) or list_merge not in KINDS:
        raise ValueError
    mappings = [inner for term in terms for inner in (term if isinstance(term, list) else [term])]
    mappings = [mapping for mapping in mappings if mapping not in (None, "None", "null")]
    if not all(isinstance(mapping, dict) or is_blank(mapping) for mapping in mappings):
        raise TypeError
    if any(isinstance(mapping, Undefined) for mapping in mappings):
        return unknown(work, *mappings)
    for mapping in mappings:
        # Not too deep for what follows.
        work.plain(mapping)
    result: Value = mappings.pop() if mappings else {}
    # From the last to the first, as Ansible does it.
    for mapping in reversed(mappings):
        if is_blank(result):
            result = unknown(work, mapping, result)
        elif is_blank(mapping):
            hole = unknown(work, mapping)
            result = OpenMapping(
                {key: _over(hole, result[key], recursive, str(list_merge)) for key in result}
            )
        else:
            result = _mappings(work, mapping, result, recursive, str(list_merge))
    return result


def _mappings(
    work: Work, low: dict[Any, Value], high: dict[Any, Value], recursive: bool, kind: str
) -> dict[Any, Value]:
    work.charge(len(low) + len(high))
    is_open = isinstance(low, OpenMapping) or isinstance(high, OpenMapping)
    if not is_open and (not low or equal(work, low, high) is True):
        return high
    pairs = dict(low)
    if isinstance(high, OpenMapping):
        # It may override every key.
        pairs = {key: unknown(work, value) for key, value in low.items()}
    for key, value in high.items():
        if key in low:
            pairs[key] = _values(work, low[key], value, recursive, kind)
        elif isinstance(low, OpenMapping):
            pairs[key] = _over(Unknown(), value, recursive, kind)
        else:
            pairs[key] = value
    return OpenMapping(pairs) if is_open else pairs


def _values(work: Work, low: Value, high: Value, recursive: bool, kind: str) -> Value:
    """Return what comes of two values under the same key."""
    if isinstance(low, dict) and isinstance(high, dict):
        return _mappings(work, low, high, True, kind) if recursive else high
    if isinstance(low, list) and isinstance(high, list):
        return _lists(work, low, high, kind)
    if is_blank(high):
        # It wins as it is over what it cannot be merged with.
        mapping = recursive and (is_blank(low) or isinstance(low, dict))
        sequence = kind != "replace" and (is_blank(low) or isinstance(low, list))
        return unknown(work, low, high) if mapping or sequence else high
    return _over(unknown(work, low), high, recursive, kind) if is_blank(low) else high


def _over(hole: Unknown, high: Value, recursive: bool, kind: str) -> Value:
    """Return what comes of a value that is laid over something unknown, or over nothing."""
    if isinstance(high, dict) and recursive:
        return OpenMapping({key: _over(hole, high[key], recursive, kind) for key in high})
    if isinstance(high, list) and kind == "keep":
        return hole
    if isinstance(high, list) and kind.startswith("append"):
        return [hole, *high]
    if isinstance(high, list) and kind.startswith("prepend"):
        return [*high, hole]
    return high


def _lists(work: Work, low: list[Value], high: list[Value], kind: str) -> Value:
    work.charge(len(low) + len(high))
    if kind in ("replace", "keep"):
        return high if kind == "replace" else low
    if kind.endswith("_rp"):
        found = [(item, contains(work, high, item)) for item in low]
        unsure = [there for _, there in found if isinstance(there, Unknown)]
        low = [item for item, there in found if there is False]
        if unsure:
            low = bag(low, *unsure)
    return [*low, *high] if kind.startswith("append") else [*high, *low]
