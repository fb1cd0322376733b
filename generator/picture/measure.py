"""How wide texts are at most, and breaking them into lines; no font is read.

Which fonts a reader has is not known, so widths are those of wide ones (DejaVu Sans, Verdana),
and of monospaced ones, where a character takes 0.6 of the size.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MONO = 0.61
"""The width of a character of a monospaced font, as a part of its size."""

_NARROW = frozenset("iljtfrI.,:;'|!()[]{} -/\\`\"")
_WIDE = frozenset("mwMW@%—…")

_PATHS = re.compile(r"[^/]*/+|[^/]+")
_PARTS = re.compile(r"[^_.:-]*[_.:-]+|[^_.:-]+")
"""Parts of a word behind which a line may end: those of a path, and smaller ones in need."""


def width(text: str, size: float, mono: bool = False) -> float:
    """Return how wide a text is at most in pixels; bold texts are a tenth wider."""
    return sum(_part(char, mono) for char in text) * size


def lines_of(text: str, room: float, size: float, mono: bool = False, most: int = 6) -> list[str]:
    """Return a text broken into lines that fit a room; what is more than `most` lines is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for at, part in enumerate(_parts(word, room, size, mono)):
            gap = " " if line and at == 0 else ""
            if line and width(line + gap + part, size, mono) > room:
                lines.append(line)
                line, gap = "", ""
            line += gap + part
            while width(line, size, mono) > room:
                end = _fitting(line, room, size, mono)
                lines.append(line[:end])
                line = line[end:]
        if len(lines) > most:
            break
    if line:
        lines.append(line)
    if len(lines) > most:
        last = lines[most - 1]
        while last and width(f"{last}…", size, mono) > room:
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last}…"]
    return lines


def fitted(text: str, room: float, size: float, mono: bool = False) -> str:
    """Return a text that fits a room on one line; what is left out of its middle is '…'."""
    if width(text, size, mono) <= room:
        return text
    keep = len(text)
    while keep > 1:
        keep -= max(1, keep // 16)
        head = (keep + 1) // 2
        cut = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if width(cut, size, mono) <= room:
            return cut
    return "…"


def _parts(word: str, room: float, size: float, mono: bool) -> Iterator[str]:
    """Give the parts of a word between which it may be broken, none wider than need be."""
    if width(word, size, mono) <= room and "/" not in word:
        yield word
        return
    for path in _PATHS.findall(word):
        if width(path, size, mono) <= room:
            yield path
        else:
            yield from _PARTS.findall(path)


def _fitting(line: str, room: float, size: float, mono: bool) -> int:
    """Return how many characters of a line fit, one at least."""
    end, taken = 0, 0.0
    for char in line:
        taken += _part(char, mono) * size
        if taken > room and end:
            break
        end += 1
    return end


def _part(char: str, mono: bool) -> float:
    if not char.isascii():
        wide = unicodedata.east_asian_width(char) in "WF"
        return 1.0 if char == "…" and not mono else 1.1 if wide else MONO if char == "…" else 1.0
    if mono:
        return MONO
    if char in _NARROW:
        return 0.42
    if char in _WIDE:
        return 1.0
    return 0.73 if char.isupper() else 0.63
