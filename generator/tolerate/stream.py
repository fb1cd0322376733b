"""A file of manifests in pieces: one YAML document each, so that large files need little memory.

A line that begins with `---` ends a document wherever it stands (YAML 1.2.2, section 9.1.2), so
a file can be cut there before anything is parsed. JSON is read as the YAML in flow style that
it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from generator.exits import UnusableInput
from generator.text.document import Document, Mapping, Node, Sequence
from generator.text.yaml import MAX_BYTES, parse

MAX_STREAM = 64 * 1024 * 1024
"""A larger file is refused; it is held in memory once."""

TEMPLATE = (
    "this is a template, not a manifest: use `kubespray-patchgen patch` for a Kubespray tree, "
    "or render it first (`helm template`)."
)

_BOM = b"\xef\xbb\xbf"
_MARKER = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_END = re.compile(rb"\.\.\.[ \t\r\n]")
_TEMPLATE = re.compile(r"^[ \t]*(?:-[ \t]+)*\{[{%#]|:[ \t]+\{\{", re.MULTILINE)
# Half of a pair that JSON writes for a character beyond U+FFFF, or a backslash that is escaped.
_SURROGATE = re.compile(r"\\\\|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file; its document counts offsets and lines from the part's beginning.

    `start` is the part's offset in the file's bytes and `above` counts the lines before it.
    """

    document: Document
    start: int
    above: int

    def where(self, node: Node) -> str:
        """Return path and line of a node, for the reader."""
        return f"{self.document.path}:{self.above + self.document.line(node.start)}"

    def unusable(self, node: Node, text: str) -> UnusableInput:
        """Return the error that names a node's line; `text` is a sentence."""
        return UnusableInput(f"{self.where(node)}: {text}")


def pieces(path: str, data: bytes) -> Iterator[Piece]:
    """Give the parsed parts of a file in their order.

    Raises UnusableInput naming the line of what is not UTF-8, not YAML or a template, and the
    limit of what is too large.
    """
    if b"\0" in data:
        raise UnusableInput(f"{path} is a binary file; manifests are UTF-8 text.")
    above, before = 0, 0
    for start, end in _cuts(data):
        above += data.count(b"\n", before, start)
        before = start
        if end - start > MAX_BYTES:
            raise UnusableInput(
                f"{path}:{above + 1}: a document of {end - start} bytes begins here; the limit "
                "for one document is 8 MiB. Split a long list into documents of their own."
            )
        piece = Piece(read_piece(path, _decoded(path, data[start:end], above), above), start, above)
        _refuse_expressions(piece)
        yield piece


def read_piece(path: str, text: str, above: int = 0) -> Document:
    """Parse one part of a file; `above` counts the lines before it, for messages only.

    Raises UnusableInput naming file and line where it is not YAML.
    """
    readable = text
    if text.lstrip().startswith(("{", "[")):
        readable = _SURROGATE.sub(lambda match: _harmless(match[0]), text)
    try:
        document = parse(path, readable)
    except UnusableInput as error:
        found = _TEMPLATE.search(text)
        if found:
            line = above + text.count("\n", 0, found.end()) + 1
            raise UnusableInput(f"{path}:{line}: {TEMPLATE}") from None
        raise _located(path, readable, above, error) from None
    return replace(document, text=text) if readable is not text else document


def _located(path: str, text: str, above: int, error: UnusableInput) -> UnusableInput:
    """Return the error of the parser with the line of the whole file."""
    if above:
        try:
            parse(path, "\n" * above + text)
        except UnusableInput as located:
            return located
    return error


def _harmless(escape: str) -> str:
    """Return an escape of the same length that the YAML parser takes: it wants no surrogates."""
    return escape if escape == "\\\\" else "\\ufffd"


def _cuts(data: bytes) -> Iterator[tuple[int, int]]:
    """Give start and end of each part; a directive belongs to the document behind it."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    for marker in _MARKER.finditer(data):
        cut = _with_directives(data, start, marker.start())
        if cut > start:
            yield start, cut
            start = cut
    if start < len(data):
        yield start, len(data)


def _with_directives(data: bytes, floor: int, marker: int) -> int:
    """Return where the directives above a marker begin, or the marker where there are none."""
    first = line = marker
    while line > floor:
        above = max(data.rfind(b"\n", floor, line - 1) + 1, floor)
        text = data[above:line]
        if text.startswith(b"%"):
            first = above
        elif text.strip() and not text.lstrip().startswith(b"#"):
            # What looks like a directive is content, unless the document above has ended.
            return first if _END.match(text) else marker
        line = above
    return first


def _decoded(path: str, data: bytes, above: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = above + data[: error.start].count(b"\n") + 1
        raise UnusableInput(f"{path}:{line}: the file is not UTF-8; save it as UTF-8.") from None


def _refuse_expressions(piece: Piece) -> None:
    """Raise UnusableInput where a value is a template's expression without quotes.

    `{{ x }}` is YAML, too: a mapping whose key is a mapping, which no manifest holds.
    """
    text = piece.document.text
    if "{{" not in text:
        return
    pending: list[Node] = list(piece.document.roots)
    while pending:
        node = pending.pop()
        if isinstance(node, Sequence):
            pending.extend(node.items)
        elif isinstance(node, Mapping):
            for key, value in node.pairs:
                if isinstance(key, Mapping) and node.flow and text.startswith("{{", node.start):
                    raise piece.unusable(node, TEMPLATE)
                pending.append(value)
