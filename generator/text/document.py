"""A YAML document as nodes with exact spans, and what is asked of them.

All offsets count code points of `Document.text`, end exclusive.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from generator.exits import UnusableInput

Route: TypeAlias = tuple["str | int", ...]
"""The way from a document's root to a node: keys of mappings and indexes of sequences."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file of the tree; line and column count from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar: `style` is `''` (plain), `'`, `"`, `|` or `>`."""

    start: int
    end: int
    value: str
    style: str = ""
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias (`*name`), with its own span."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence; the end of one in block style is the end of its last leaf."""

    start: int
    end: int
    items: tuple[Node, ...]
    flow: bool
    tag: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; pairs keep the file's order, a key that stands twice is there twice."""

    start: int
    end: int
    pairs: tuple[tuple[Node, Node], ...]
    flow: bool
    tag: str | None = None
    anchor: str | None = None

    def get(self, key: str) -> Node | None:
        """Return the value of `key`, the last one where it stands twice (as Ansible takes it)."""
        for name, value in reversed(self.pairs):
            if isinstance(name, Scalar) and name.value == key:
                return value
        return None

    def key_names(self) -> tuple[str, ...]:
        """Return the keys that are scalars, in the file's order."""
        return tuple(name.value for name, _ in self.pairs if isinstance(name, Scalar))


Node: TypeAlias = Scalar | Alias | Sequence | Mapping


@dataclass(frozen=True)
class Document:
    """The text of one file and the nodes of the YAML documents in it.

    `repeated` are the keys that stand in their mapping for a second time.
    """

    path: str
    text: str
    roots: tuple[Node, ...]
    repeated: tuple[Scalar, ...] = ()

    @property
    def root(self) -> Node | None:
        """The only document's root, None in an empty file.

        Raises UnusableInput where the file holds several documents.
        """
        if len(self.roots) > 1:
            raise UnusableInput(
                f"{self.path} holds {len(self.roots)} YAML documents; one is expected there."
            )
        return self.roots[0] if self.roots else None

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(newline.end() for newline in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        """Return the line of an offset, counted from 1."""
        return bisect.bisect_right(self._line_starts, offset)

    def column(self, offset: int) -> int:
        """Return the column of an offset, counted from 0."""
        return offset - self._line_starts[self.line(offset) - 1]

    def place(self, node: Node) -> Place:
        """Return where a node begins."""
        return Place(self.path, self.line(node.start), self.column(node.start) + 1)

    def line_start(self, offset: int) -> int:
        """Return where the line of an offset begins."""
        return self._line_starts[self.line(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Return where the line of an offset ends: behind its newline, or the end of the text."""
        line = self.line(offset)
        return self._line_starts[line] if line < len(self._line_starts) else len(self.text)

    def node(self, route: Route) -> Node:
        """Return the node at the end of a route; raises KeyError where it leads nowhere."""
        node: Node | None = self.root
        for part in route:
            if isinstance(part, int) and isinstance(node, Sequence) and part < len(node.items):
                node = node.items[part]
            elif isinstance(part, str) and isinstance(node, Mapping):
                node = node.get(part)
            else:
                node = None
            if node is None:
                raise KeyError(route)
        if node is None:
            raise KeyError(route)
        return node

    @cached_property
    def _anchors(self) -> dict[str, list[Node]]:
        """The nodes with each anchor, in the file's order."""
        anchors: dict[str, list[Node]] = {}
        pending: list[Node] = list(reversed(self.roots))
        while pending:
            node = pending.pop()
            if isinstance(node, Alias):
                continue
            if node.anchor is not None:
                anchors.setdefault(node.anchor, []).append(node)
            if isinstance(node, Sequence):
                pending.extend(reversed(node.items))
            elif isinstance(node, Mapping):
                for key, value in reversed(node.pairs):
                    pending.extend((value, key))
        return anchors

    def follow(self, node: Node | None) -> Node | None:
        """Return the node that an alias stands for, any other node as it is.

        That is the last node before it with its anchor; an alias of nothing gives None.
        """
        if not isinstance(node, Alias):
            return node
        anchored = self._anchors.get(node.name, [])
        index = bisect.bisect_left(anchored, node.start, key=lambda found: found.start)
        return anchored[index - 1] if index else None

    def value(self, mapping: Mapping, key: str) -> Node | None:
        """Return a key's value as a YAML reader sees it, through aliases and one merge key."""
        node = mapping.get(key)
        own = self.follow(node) if node is not None else None
        if own is not None:
            return own
        merged = mapping.get("<<")
        if merged is None:
            return None
        merged = self.follow(merged)
        sources = merged.items if isinstance(merged, Sequence) else (merged,)
        for source in sources:
            base = self.follow(source)
            if isinstance(base, Mapping) and base.get(key) is not None:
                return self.follow(base.get(key))
        return None


def data_of(node: Node | None, trusted: Document | None = None) -> Any:
    """Return a node as plain Python data, with texts, whole numbers, booleans and null.

    For the program's own data files and for short literals. Aliases are followed in a
    `trusted` document only, because a few lines of them can mean gigabytes; elsewhere they
    raise UnusableInput, as a key does that stands twice or is no plain word.
    """
    if isinstance(node, Alias) and trusted is not None:
        node = trusted.follow(node)
    if node is None:
        return None
    if isinstance(node, Sequence):
        return [data_of(item, trusted) for item in node.items]
    if isinstance(node, Mapping):
        keys = node.key_names()
        if len(set(keys)) != len(node.pairs):
            raise UnusableInput("a mapping has a key that stands twice or is not a plain word.")
        values = (data_of(value, trusted) for _, value in node.pairs)
        return dict(zip(keys, values, strict=True))
    if isinstance(node, Alias):
        raise UnusableInput(f"the alias *{node.name} is not read here; write its value out.")
    if node.style or node.tag:
        return node.value
    words = {"true": True, "false": False, "null": None, "~": None, "": None}
    if node.value.lower() in words:
        return words[node.value.lower()]
    return int(node.value) if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", node.value) else node.value
