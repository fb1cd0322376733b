"""Reading and writing YAML. The only module that knows the YAML library.

Nodes are composed here from the library's parse events, not by its composer, because then
an alias keeps a span of its own and is never expanded (no alias bomb), duplicate keys do no
harm, and both parsers of the library (libyaml's and the pure one) serve.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from generator.exits import UnusableInput
from generator.text.document import Alias, Document, Mapping, Node, Scalar, Sequence

MAX_BYTES = 8 * 1024 * 1024
"""A larger file is refused: the largest of upstream's has 0.2 MiB (checksums.yml)."""

MAX_DEPTH = 200
"""Deeper nesting is refused: no reader of the tree needs it and recursion would end in a crash."""

_FORBIDDEN = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""What no YAML file may hold (YAML 1.2.2, production c-printable)."""

_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile(r"^[ ]*-", re.MULTILINE)


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
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    shift = 1 if text.startswith("\ufeff") else 0
    try:
        repeated: list[Scalar] = []
        roots = tuple(_compose(path, text, _events(text[shift:]), shift, repeated))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context or "").split())
        raise UnusableInput(f"{path}{where}: this is not valid YAML: {problem}.") from None
    except YAMLError as error:
        reason = getattr(error, "reason", "the file cannot be read as YAML")
        found = re.search(_FORBIDDEN, text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise UnusableInput(f"{path}:{line}: this is not valid YAML: {reason}.") from None
    return Document(path, text, roots, tuple(repeated))


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


def _events(text: str) -> Iterator[Any]:
    """Return libyaml's events, or those of the pure parser where libyaml is not installed."""
    try:
        # Not its loader: that is a cycle, so each text would stay until garbage is collected.
        from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        from ruamel.yaml import YAML

        events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
        return events
    return iter(CParser(text).get_event, None)


@dataclass(slots=True)
class _Open:
    """A collection whose end is not yet reached."""

    event: Any
    mapping: bool
    children: list[Node]


def _compose(
    path: str, text: str, events: Iterator[Any], shift: int, repeated: list[Scalar]
) -> Iterator[Node]:
    opened: list[_Open] = []
    for event in events:
        kind = type(event).__name__
        node: Node
        # Most events are scalars.
        if kind == "ScalarEvent":
            node = _scalar(text, event, shift)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(opened) >= MAX_DEPTH:
                line = event.start_mark.line + 1
                raise UnusableInput(f"{path}:{line}: nested deeper than {MAX_DEPTH} levels.")
            opened.append(_Open(event, kind == "MappingStartEvent", []))
            continue
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            node = _close(text, opened.pop(), event.end_mark.index + shift, shift)
            if isinstance(node, Mapping):
                repeated += _repeated(node)
        elif kind == "AliasEvent":
            node = Alias(event.start_mark.index + shift, event.end_mark.index + shift, event.anchor)
        else:
            continue
        if opened:
            opened[-1].children.append(node)
        else:
            yield node


def _repeated(mapping: Mapping) -> list[Scalar]:
    """Return the keys of a mapping that have stood there before; merge keys may."""
    names = mapping.key_names()
    if len(set(names)) == len(names):
        return []
    seen: set[str] = set()
    found = []
    for key, _ in mapping.pairs:
        if isinstance(key, Scalar) and key.value != "<<":
            if key.value in seen:
                found.append(key)
            seen.add(key.value)
    return found


def _scalar(text: str, event: Any, shift: int) -> Scalar:
    start, end = event.start_mark.index + shift, event.end_mark.index + shift
    style, tag = event.style or "", event.ctag
    if style in ("|", ">"):
        # The parser's span of a block scalar runs on into the blank lines behind it.
        end = start + len(text[start:end].rstrip())
    return Scalar(start, end, event.value, style, None if tag is None else str(tag), event.anchor)


def _close(text: str, collection: _Open, end: int, shift: int) -> Node:
    event, children = collection.event, collection.children
    start = event.start_mark.index + shift
    if not event.flow_style:
        for index, child in enumerate(children):
            if child.start == child.end and isinstance(child, Scalar):
                place = _after_colon if collection.mapping else _after_dash
                before = children[index - 1].end if index else start
                at = place(text, before, child)
                children[index] = replace(child, start=at, end=at)
        # A block collection's own end overshoots into blank lines and comments.
        end = max([start, *(child.end for child in children[-2:])])
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
    # An explicit tag is an object that prints as one.
    return None if event.ctag is None else str(event.ctag)
