"""Nodes as plain data, read as Ansible's YAML reader takes them (YAML 1.1, PyYAML's rules)."""

from __future__ import annotations

from typing import Any

from generator.text import words
from generator.text.document import Document, Mapping, Node, Scalar, Sequence
from generator.text.yaml import MAX_DEPTH


class TooMuch(Exception):
    """Aliases that stand for more nodes, or deeper ones, than anybody writes."""


class Dangling(Exception):
    """An alias whose anchor is not in the document before it."""


def plain(document: Document, node: Node | None, budget: int = 20_000, strict: bool = False) -> Any:
    """Return a node as None, booleans, numbers, texts, lists and dictionaries.

    Of a key that stands twice the last one counts. Raises TooMuch where it has, aliases
    followed, more than `budget` nodes. An alias that leads nowhere is null, or raises Dangling
    where this is `strict`.
    """
    return _Reader(document, budget, strict).read(node)


class _Reader:
    def __init__(self, document: Document, budget: int, strict: bool) -> None:
        self._document = document
        self._strict = strict
        self._budget = budget
        self._depth = 0

    def read(self, node: Node | None) -> Any:
        self._budget -= 1
        if self._budget < 0 or self._depth > MAX_DEPTH:
            raise TooMuch
        target = self._document.follow(node)
        if target is None:
            if self._strict and node is not None:
                raise Dangling
            return None
        if isinstance(target, Scalar):
            return scalar(target)
        self._depth += 1
        try:
            if isinstance(target, Sequence):
                return [self.read(item) for item in target.items]
            return self._mapping(target) if isinstance(target, Mapping) else None
        finally:
            self._depth -= 1

    def _mapping(self, node: Mapping) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key, value in node.pairs:
            if isinstance(key, Scalar) and key.value == "<<" and not key.style:
                sources = self.read(value)
                for source in sources if isinstance(sources, list) else [sources]:
                    if isinstance(source, dict):
                        merged = source | merged
                continue
            named = self._document.follow(key)
            name = scalar(named) if isinstance(named, Scalar) else str(self.read(named))
            own[name] = self.read(value)
        return merged | own


def scalar(node: Scalar) -> Any:
    """Return a scalar's value; one with a tag, or in quotes, is text."""
    return node.value if node.style or node.tag else words.plain(node.value)
