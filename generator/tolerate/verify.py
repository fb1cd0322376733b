"""What a document holds after its edits, held against what it should hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from generator.exits import UnusableInput
from generator.text.document import Alias, Document, Mapping, Node, Scalar, Sequence, data_of


@dataclass(frozen=True, slots=True)
class Meant:
    """What shall change: by the identity of a node of before, the plain data of after.

    `added` are pairs behind a mapping's last one, `appended` items behind a list's last one, and
    `replaced` whole values. `root` is what a document without any content gets.
    """

    added: dict[int, dict[str, Any]] = field(default_factory=dict)
    appended: dict[int, list[Any]] = field(default_factory=dict)
    replaced: dict[int, Any] = field(default_factory=dict)
    root: list[Any] = field(default_factory=list)


def as_meant(before: Document, after: Document, meant: Meant) -> bool:
    """Tell whether `after` holds what `before` does, with what is meant and nothing else.

    Tags, anchors, aliases and whether a scalar is quoted count; layout and comments do not.
    """
    try:
        return _agree(before, after, meant)
    except UnusableInput:
        # What is new holds an alias or a key twice, which is never meant.
        return False


def _agree(before: Document, after: Document, meant: Meant) -> bool:
    if [data_of(root) for root in after.roots[len(before.roots) :]] != meant.root:
        return False
    if len(after.roots) < len(before.roots):
        return False
    pending: list[tuple[Node, Node]] = list(zip(before.roots, after.roots, strict=False))
    while pending:
        old, new = pending.pop()
        if id(old) in meant.replaced:
            if data_of(new) != meant.replaced[id(old)]:
                return False
            continue
        inner = _inner(old, new, meant)
        if inner is None:
            return False
        pending.extend(inner)
    return True


def _inner(old: Node, new: Node, meant: Meant) -> list[tuple[Node, Node]] | None:
    """Return the pairs of nodes that are to be compared next, None where two nodes differ."""
    if isinstance(old, Alias) or isinstance(new, Alias):
        same = isinstance(old, Alias) and isinstance(new, Alias) and old.name == new.name
        return [] if same else None
    if type(old) is not type(new) or old.tag != new.tag or old.anchor != new.anchor:
        return None
    if isinstance(old, Scalar) and isinstance(new, Scalar):
        return [] if (old.value, bool(old.style)) == (new.value, bool(new.style)) else None
    if isinstance(old, Sequence) and isinstance(new, Sequence):
        more = [data_of(item) for item in new.items[len(old.items) :]]
        if len(new.items) < len(old.items) or more != meant.appended.get(id(old), []):
            return None
        return list(zip(old.items, new.items, strict=False))
    assert isinstance(old, Mapping) and isinstance(new, Mapping)
    extra = new.pairs[len(old.pairs) :]
    added = data_of(Mapping(0, 0, extra, False)) if extra else {}
    if len(new.pairs) < len(old.pairs) or added != meant.added.get(id(old), {}):
        return None
    pairs = zip(old.pairs, new.pairs, strict=False)
    return [nodes for one, other in pairs for nodes in zip(one, other, strict=True)]
