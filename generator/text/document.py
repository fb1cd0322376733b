"""A YAML document as nodes with exact spans. The only module that knows the YAML library.

Nodes are composed here from the library's parse events, not by its composer, because then
an alias keeps a span of its own and is never expanded (no alias bomb), duplicate keys do no
harm, and both parsers of the library (libyaml's and the pure one) serve.

All offsets count code points of `Document.text`, end exclusive.
"""

from __future__ import annotations

import bisect
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from generator.exits import UnusableInput

MAX_BYTES = 8 * 1024 * 1024
"""A larger file is refused: the largest YAML file of any Kubespray release has 0.6 MiB."""

MAX_DEPTH = 200
"""Deeper nesting is refused: no reader of the tree needs it and recursion would end in a crash."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no YAML file may hold (YAML 1.2.2, production c-printable)."""

_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile(r"^[ ]*-", re.MULTILINE)

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
        found = None
        for name, value in self.pairs:
            if isinstance(name, Scalar) and name.value == key:
                found = value
        return found

    def key_names(self) -> tuple[str, ...]:
        """Return the keys that are scalars, in the file's order."""
        return tuple(name.value for name, _ in self.pairs if isinstance(name, Scalar))


Node: TypeAlias = Scalar | Alias | Sequence | Mapping


@dataclass(frozen=True)
class Document:
    """The text of one file and the nodes of the YAML documents in it."""

    path: str
    text: str
    roots: tuple[Node, ...]

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
        return [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]

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
    def _anchors(self) -> dict[str, Node]:
        anchors: dict[str, Node] = {}
        pending: list[Node] = list(reversed(self.roots))
        while pending:
            node = pending.pop()
            if isinstance(node, Alias):
                continue
            if node.anchor is not None:
                anchors[node.anchor] = node
            if isinstance(node, Sequence):
                pending.extend(reversed(node.items))
            elif isinstance(node, Mapping):
                for key, value in reversed(node.pairs):
                    pending.extend((value, key))
        return anchors

    def follow(self, node: Node | None) -> Node | None:
        """Return the node that an alias stands for, any other node as it is.

        An alias of an alias, or of nothing, gives None.
        """
        if isinstance(node, Alias):
            node = self._anchors.get(node.name)
        return None if isinstance(node, Alias) else node

    def value(self, mapping: Mapping, key: str) -> Node | None:
        """Return a key's value as a YAML reader sees it, through aliases and one merge key."""
        own = self.follow(mapping.get(key))
        if own is not None:
            return own
        merged = self.follow(mapping.get("<<"))
        sources = merged.items if isinstance(merged, Sequence) else (merged,)
        for source in sources:
            base = self.follow(source)
            if isinstance(base, Mapping) and base.get(key) is not None:
                return self.follow(base.get(key))
        return None


def decode(path: str, data: bytes) -> str:
    """Decode a file of the tree.

    Raises UnusableInput naming the byte where it is not UTF-8, or the size where too large.
    """
    if len(data) > MAX_BYTES:
        raise UnusableInput(f"{path} has {len(data)} bytes; the limit for a YAML file is 8 MiB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnusableInput(
            f"{path}:{line}: the file is not UTF-8 (byte {error.start}); save it as UTF-8."
        ) from None


def parse(path: str, text: str) -> Document:
    """Parse a YAML file of the tree.

    Raises UnusableInput naming file, line and column where it is not YAML or nested too deep.
    """
    shift = 1 if text.startswith("\ufeff") else 0
    events = _events(path, text[shift:])
    return Document(path, text, tuple(_compose(path, text, events, shift)))


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


def dump(data: object, sequence_offset: int = 2) -> str:
    """Write plain data as block style YAML, one line for each scalar, keys in their order.

    `sequence_offset` is how far a list stands to the right of its key: 2 or 0.
    """
    from ruamel.yaml import YAML

    writer = YAML()
    writer.width = 2**31 - 1
    writer.indent(mapping=2, sequence=2 + sequence_offset, offset=sequence_offset)
    stream = io.StringIO()
    writer.dump(data, stream)
    return stream.getvalue()


def _events(path: str, text: str) -> Iterator[Any]:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield from _parser_events(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context or "").split())
        raise UnusableInput(f"{path}{where}: this is not valid YAML: {problem}.") from None
    except YAMLError as error:
        reason = getattr(error, "reason", "the file cannot be read as YAML")
        found = _FORBIDDEN.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise UnusableInput(f"{path}:{line}: this is not valid YAML: {reason}.") from None


def _parser_events(text: str) -> Iterator[Any]:
    """Give libyaml's events, or those of the pure parser where libyaml is not installed."""
    try:
        from ruamel.yaml.cyaml import CSafeLoader
    except ImportError:
        from ruamel.yaml import YAML

        yield from YAML(typ="safe", pure=True).parse(text)
        return
    loader = CSafeLoader(text)
    while (event := loader.get_event()) is not None:
        yield event


@dataclass(slots=True)
class _Open:
    """A collection whose end is not yet reached."""

    event: Any
    mapping: bool
    children: list[Node]


def _compose(path: str, text: str, events: Iterator[Any], shift: int) -> Iterator[Node]:
    opened: list[_Open] = []
    for event in events:
        kind = type(event).__name__
        node: Node
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(opened) >= MAX_DEPTH:
                line = event.start_mark.line + 1
                raise UnusableInput(f"{path}:{line}: nested deeper than {MAX_DEPTH} levels.")
            opened.append(_Open(event, kind == "MappingStartEvent", []))
            continue
        if kind == "ScalarEvent":
            node = _scalar(text, event, shift)
        elif kind == "AliasEvent":
            node = Alias(event.start_mark.index + shift, event.end_mark.index + shift, event.anchor)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            node = _close(text, opened.pop(), event.end_mark.index + shift, shift)
        else:
            continue
        if opened:
            opened[-1].children.append(node)
        else:
            yield node


def _scalar(text: str, event: Any, shift: int) -> Scalar:
    start, end = event.start_mark.index + shift, event.end_mark.index + shift
    style = event.style or ""
    if style in ("|", ">"):
        # The parser's span of a block scalar runs on into the blank lines behind it.
        end = start + len(text[start:end].rstrip())
    return Scalar(start, end, event.value, style, _tag(event), event.anchor)


def _close(text: str, collection: _Open, end: int, shift: int) -> Node:
    event, children = collection.event, collection.children
    start = event.start_mark.index + shift
    if not event.flow_style:
        place = _after_colon if collection.mapping else _after_dash
        for index, child in enumerate(children):
            if child.start == child.end and isinstance(child, Scalar):
                before = children[index - 1].end if index else start
                at = place(text, before, child)
                children[index] = replace(child, start=at, end=at)
        # A block collection's own end overshoots into blank lines and comments.
        end = max([start, *(child.end for child in children)])
    if collection.mapping:
        pairs = tuple(zip(children[::2], children[1::2], strict=True))
        return Mapping(start, end, pairs, bool(event.flow_style), _tag(event), event.anchor)
    return Sequence(start, end, tuple(children), bool(event.flow_style), _tag(event), event.anchor)


def _after_colon(text: str, key_end: int, value: Scalar) -> int:
    """Return where a missing value belongs: behind the colon, or behind a key that has none.

    The parsers place it there, or at the next token, which may be lines further on.
    """
    found = _COLON.match(text, key_end)
    return found.end() if found and found.end() <= value.start else min(key_end, value.start)


def _after_dash(text: str, item_end: int, item: Scalar) -> int:
    """Return where a missing item belongs: behind its dash."""
    if text[item.start - 1 : item.start] == "-":
        return item.start
    found = _DASH.search(text, item_end, item.start)
    return found.end() if found else item.start


def _tag(event: Any) -> str | None:
    # Libraries differ in how they hold an explicit tag: a string, or an object that prints as one.
    tag = event.ctag if hasattr(event, "ctag") else event.tag
    return str(tag) if tag is not None and str(tag) != "None" else None
