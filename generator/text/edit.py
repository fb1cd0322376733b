"""Edits: spans of one document and the text that takes their place.

An edit is right when the new text parses and its data is exactly what was meant; `apply`
holds every edit against that and refuses it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from generator.exits import Unsafe, UnusableInput
from generator.text.document import Document, Node, Route
from generator.text.shape import Shape, shapes
from generator.text.yaml import parse


@dataclass(frozen=True)
class Edit:
    """The code points from `start` to `end` (exclusive) give way to `new`."""

    start: int
    end: int
    new: str


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made, from the bottom up so that offsets stay valid.

    Raises ValueError where two edits overlap.
    """
    limit = len(text)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        if edit.end > limit or edit.start > edit.end:
            raise ValueError(f"edits overlap at {edit.start}")
        text = text[: edit.start] + edit.new + text[edit.end :]
        limit = edit.start
    return text


def apply(document: Document, edits: Iterable[Edit], expected: Shape, what: str) -> Document:
    """Make the edits and return the document as parsed again.

    `expected` is the shape of the whole result and `what` names the edit for the reader.
    Raises Unsafe where the result does not parse or its data is not the expected one.
    """
    changed = list(edits)
    line = document.line(min((edit.start for edit in changed), default=0))
    text = splice(document.text, changed)
    try:
        result = parse(document.path, text)
    except UnusableInput as error:
        raise unsafe(document, line, what, f"the result would not parse ({error})") from None
    if shapes(result) != (expected,):
        raise unsafe(document, line, what, "the result would hold other data than intended")
    return result


def node_at(document: Document, route: Route, what: str) -> Node:
    """Return the node at the end of a route; raises Unsafe where it leads nowhere."""
    for length in range(len(route) + 1):
        try:
            node = document.node(route[:length])
        except KeyError:
            line = document.line(document.node(route[: length - 1]).start) if length > 1 else 1
            lost = f"'{route[length - 1]}' stands behind a YAML alias, or is not there"
            raise unsafe(document, line, what, lost) from None
    return node


def refuse(document: Document, node: Node | None, what: str, why: str) -> Unsafe:
    """Return the error for an edit that cannot be made at a node."""
    return unsafe(document, document.line(node.start) if node else 1, what, why)


def unsafe(document: Document, line: int, what: str, why: str) -> Unsafe:
    """Return the error for an edit that cannot be made at a line."""
    return Unsafe(f"{document.path}:{line}: cannot {what} safely: {why}. Edit this place by hand.")


def newline_at(document: Document, offset: int) -> str:
    """Return the line ending in use at an offset: that of the nearest line before, or after."""
    before = document.text.rfind("\n", 0, offset)
    nearest = before if before >= 0 else document.text.find("\n", offset)
    return "\r\n" if nearest > 0 and document.text[nearest - 1] == "\r" else "\n"
