"""The taints to be tolerated, and the entries of a list of tolerations.

Source: Kubernetes documentation, "Taints and Tolerations" and "Labels and Selectors" (syntax of
keys and values); API reference of core/v1 Toleration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.toleration import UNINITIALIZED, Taint, Toleration
from generator.text.document import Mapping, Node, Scalar, Sequence
from generator.text.words import plain
from generator.tolerate.stream import Piece

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_TAINT = re.compile(
    rf"(?P<key>(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_WORD})"
    rf"(?:=(?P<value>(?:{_WORD})?))?:(?P<effect>{'|'.join(EFFECTS)})"
)


def taint_from(text: str) -> Taint:
    """Return the taint that `key[=value]:effect` names, as kubectl writes it.

    Raises ValueError with a sentence where it names none.
    """
    found = _TAINT.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no taint; write key[=value]:effect, {', '.join(EFFECTS)}.")
    return Taint(found["key"], found["effect"], found["value"] or "")


def wanted_taints(more: Iterable[Taint]) -> tuple[Taint, ...]:
    """Return the cloud provider's taint and those that are wanted beside it, each one once."""
    own = (UNINITIALIZED.key, UNINITIALIZED.effect)
    others = (taint for taint in more if (taint.key, taint.effect) != own)
    return tuple(dict.fromkeys([UNINITIALIZED, *others]))


def compares_value(taint: Taint) -> bool:
    """Tell whether the entry for a taint compares its value; for the default it need not."""
    return bool(taint.value) and taint != UNINITIALIZED


def entry_for(taint: Taint) -> dict[str, str]:
    """Return the toleration of a taint as it stands in a manifest."""
    if compares_value(taint):
        named = {"operator": "Equal", "value": taint.value}
    else:
        named = {"operator": "Exists"}
    return {"key": taint.key, **named, "effect": taint.effect}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list of tolerations: the node that stands there, and what it says."""

    node: Node
    toleration: Toleration


def entries_of(piece: Piece, listed: Sequence) -> tuple[Entry, ...]:
    """Return the entries of a list of tolerations.

    Raises UnusableInput where one is no mapping, or holds what the API server takes for no text.
    """
    return tuple(Entry(item, _toleration(piece, item)) for item in listed.items)


def resembling(entries: Iterable[Entry], taint: Taint) -> Iterator[tuple[Entry, str]]:
    """Give the entries with a taint's key that do not match it, each one with the reason."""
    for entry in entries:
        found = entry.toleration
        if found.key != taint.key or found.matches(taint):
            continue
        if found.operator == "Equal" and found.value and found.value != taint.value:
            yield entry, f'operator Equal compares values, and its value is "{found.value}"'
        elif found.operator == "Equal" and not found.value and taint.value:
            yield entry, "operator Equal compares values, and it has none"
        elif found.operator == "Exists" and found.value:
            yield entry, "with operator Exists there must be no value"
        elif found.operator not in ("Equal", "Exists"):
            yield entry, f"its operator is {found.operator}"
        elif found.effect and found.effect != taint.effect:
            yield entry, f"its effect is {found.effect}"


def correctable(found: Toleration, taint: Taint) -> bool:
    """Tell whether an entry matches a taint once its operator is Exists and its value gone."""
    if found.key != taint.key or found.operator.lower() not in ("equal", "exists"):
        return False
    return found.effect in ("", taint.effect) and not compares_value(taint)


def _toleration(piece: Piece, item: Node) -> Toleration:
    mapping = piece.document.follow(item)
    if not isinstance(mapping, Mapping):
        raise piece.unusable(item, "this toleration is no mapping with key, operator and effect.")
    texts = {name: _text(piece, mapping, name) for name in ("key", "operator", "value", "effect")}
    return Toleration(texts["key"], texts["operator"] or "Equal", texts["value"], texts["effect"])


def _text(piece: Piece, mapping: Mapping, name: str) -> str:
    node = piece.document.value(mapping, name)
    if node is None or is_null(node):
        return ""
    if not isinstance(node, Scalar):
        raise piece.unusable(node, f"the {name} of this toleration is no text.")
    if not node.style and not node.tag and not isinstance(plain(node.value), str):
        raise UnusableInput(
            f"{piece.where(node)}: the {name} of this toleration is {node.value}, which is no "
            f'text to the API server; put it in quotes ("{node.value}").'
        )
    return node.value


def is_null(node: Node) -> bool:
    """Tell whether a node is null, written out or left out."""
    if not isinstance(node, Scalar) or node.style or node.tag:
        return False
    return plain(node.value) is None
