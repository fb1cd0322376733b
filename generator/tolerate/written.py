"""Tolerations as text, in block style and in flow style (which JSON is)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

from generator.text.document import Document, Mapping, Scalar
from generator.text.words import plain

Data: TypeAlias = "str | dict[str, Data] | list[Data]"
"""What is written: texts, and mappings and lists of them."""

_SAFE = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_./]*")
_BLANK = re.compile(r"[ \t]*")
_OLD_BOOLEANS = ("y", "n")


def scalar(text: str, quoted: bool = False) -> str:
    """Return a text as a scalar: in double quotes where it is asked for, or would be no text."""
    safe = _SAFE.fullmatch(text) and isinstance(plain(text), str)
    if quoted or not safe or text.lower() in _OLD_BOOLEANS:
        return json.dumps(text, ensure_ascii=False)
    return text


def block_pair(key: str, data: Data, offset: int, step: int) -> list[str]:
    """Return a pair of a mapping as lines in block style.

    `offset` is how far lists stand to the right of their keys, `step` how far mappings do.
    """
    if isinstance(data, str):
        return [f"{scalar(key)}: {scalar(data, key == 'value')}"]
    return [f"{scalar(key)}:", *block_below(data, offset, step)]


def block_below(data: Data, offset: int, step: int) -> list[str]:
    """Return the lines of a list or a mapping as they stand below their key."""
    if isinstance(data, dict):
        margin, pairs = " " * step, data.items()
        return [
            margin + line for key, value in pairs for line in block_pair(key, value, offset, step)
        ]
    assert isinstance(data, list)
    return [" " * offset + line for item in data for line in block_item(item)]


def block_item(item: Data) -> list[str]:
    """Return a mapping of texts as an item of a list, its dash in column 0."""
    assert isinstance(item, dict)
    first, *rest = (line for key, value in item.items() for line in block_pair(key, value, 0, 2))
    return [f"- {first}", *(f"  {line}" for line in rest)]


@dataclass(frozen=True, slots=True)
class Flow:
    """How collections in flow style are written in a place.

    `margin` is the indentation of a mapping's keys where each has a line of its own, and `step`
    what each level adds to it; `margin` is None where all stands on one line.
    """

    quoted: bool = False
    colon: str = ": "
    comma: str = ", "
    pad: str = ""
    margin: str | None = None
    step: str = "  "

    def write(self, data: Data, margin: str | None = None, key: str = "") -> str:
        """Return data in this style; with a `margin`, over lines whose last one it indents."""
        if isinstance(data, str):
            return scalar(data, self.quoted or key == "value")
        inner = None if margin is None else margin + self.step
        if isinstance(data, dict):
            parts = [self.pair(name, value, inner) for name, value in data.items()]
            return self._enclosed("{", parts, "}", margin, self.pad)
        return self._enclosed("[", [self.write(item, inner) for item in data], "]", margin, "")

    def pair(self, key: str, data: Data, margin: str | None = None) -> str:
        """Return a pair of a mapping in this style."""
        return f"{scalar(key, self.quoted)}{self.colon}{self.write(data, margin, key)}"

    def _enclosed(
        self, opening: str, parts: list[str], closing: str, margin: str | None, pad: str
    ) -> str:
        if margin is None:
            return f"{opening}{pad}{self.comma.join(parts)}{pad}{closing}"
        lines = f",\n{margin}{self.step}".join(parts)
        return f"{opening}\n{margin}{self.step}{lines}\n{margin}{closing}"


def flow_of(document: Document, mapping: Mapping, root: Mapping | None = None) -> Flow:
    """Return the style that a mapping in flow style is written in.

    An empty mapping takes after the document's `root`. Only where the keys are in quotes, as in
    JSON, is a new value written over lines.
    """
    if not mapping.pairs:
        return Flow(_quoted(root)) if root is not None else Flow()
    text, (first, value) = document.text, mapping.pairs[0]
    quoted = _quoted(mapping)
    colon = text[first.end : value.start]
    if not re.fullmatch(r":[ \t]*", colon) or (colon == ":" and not quoted):
        colon = ": "
    comma = "," + colon[1:]
    if len(mapping.pairs) > 1:
        between = text[value.end : mapping.pairs[1][0].start]
        comma = between if re.fullmatch(r",[ \t]*", between) else comma
    opening = text.index("{", mapping.start) + 1
    pad = text[opening : first.start]
    margin = margin_of(document, mapping.pairs[-1][0].start)
    line = document.line_start(mapping.start)
    outer = text[line : _blank_end(text, line)]
    step = "  "
    if margin is not None and margin.startswith(outer) and margin != outer:
        step = margin[len(outer) :]
    return Flow(quoted, colon, comma, pad if not pad.strip(" ") else "", margin, step)


def margin_of(document: Document, offset: int) -> str | None:
    """Return what stands before an offset on its line where that is blank, None elsewhere."""
    line = document.line_start(offset)
    return document.text[line:offset] if _blank_end(document.text, line) >= offset else None


def _blank_end(text: str, offset: int) -> int:
    """Return where spaces and tabs end; a line may be very long, so it is not copied."""
    found = _BLANK.match(text, offset)
    return found.end() if found else offset


def _quoted(mapping: Mapping | None) -> bool:
    pairs = mapping.pairs if mapping is not None else ()
    return bool(pairs) and all(isinstance(key, Scalar) and key.style == '"' for key, _ in pairs)
