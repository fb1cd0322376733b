"""A unified diff made from the edits themselves, in time that grows with the file only.

Source of the format: GNU diffutils manual, "Detailed Description of Unified Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from generator.tolerate.files import ByteEdit, Outcome

_CONTEXT = 3
_NO_NEWLINE = b"\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines from `start` on, counted from 0, that give way to new ones."""

    start: int
    old: list[bytes]
    new: list[bytes]


def unified_diff(outcome: Outcome) -> bytes:
    """Return the change of a file as `git apply` and `patch -p1` take it; empty without one."""
    if not outcome.edits:
        return b""
    name = outcome.path.lstrip("/").encode("utf-8", "surrogateescape")
    # A tab ends a name that holds spaces, as git writes it.
    name += b"\t" if b" " in name else b""
    parts = [b"--- a/%s\n+++ b/%s\n" % (name, name)]
    lines = _lines(outcome.before)
    shift = 0
    for hunk in _hunks(list(_changes(outcome))):
        first = max(hunk[0].start - _CONTEXT, 0)
        last = min(hunk[-1].start + len(hunk[-1].old) + _CONTEXT, len(lines))
        body, at, grown = [], first, 0
        for change in hunk:
            body += [b" " + line for line in lines[at : change.start]]
            body += [b"-" + line for line in change.old] + [b"+" + line for line in change.new]
            at = change.start + len(change.old)
            grown += len(change.new) - len(change.old)
        body += [b" " + line for line in lines[at:last]]
        parts.append(_header(first, last - first, shift, grown))
        parts += [line if line.endswith(b"\n") else line + _NO_NEWLINE for line in body]
        shift += grown
    return b"".join(parts)


def _header(first: int, count: int, shift: int, grown: int) -> bytes:
    new = count + grown
    # A side without lines names the line before it.
    old_start = first + (count > 0)
    new_start = first + shift + (new > 0)
    return b"@@ -%d,%d +%d,%d @@\n" % (old_start, count, new_start, new)


def _hunks(changes: list[_Change]) -> Iterator[list[_Change]]:
    """Give the changes in groups whose contexts do not touch."""
    group: list[_Change] = []
    for change in changes:
        if group and change.start - group[-1].start - len(group[-1].old) > 2 * _CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _changes(outcome: Outcome) -> Iterator[_Change]:
    """Give the edits as changes of whole lines, those on the same lines together."""
    before = outcome.before
    line = counted = 0
    for group in _on_lines(before, outcome.edits):
        start = before.rfind(b"\n", 0, group[0].start) + 1
        end = _line_end(before, group[-1].end)
        parts, at = [], start
        for edit in group:
            parts += [before[at : edit.start], edit.new]
            at = edit.end
        old, new = _lines(before[start:end]), _lines(b"".join([*parts, before[at:end]]))
        line += before.count(b"\n", counted, start)
        counted = start
        same = _common(old, new)
        tail = _common(old[same:][::-1], new[same:][::-1])
        yield _Change(line + same, old[same : len(old) - tail], new[same : len(new) - tail])


def _on_lines(before: bytes, edits: tuple[ByteEdit, ...]) -> Iterator[list[ByteEdit]]:
    group: list[ByteEdit] = []
    for edit in edits:
        if group and before.rfind(b"\n", 0, edit.start) + 1 >= _line_end(before, group[-1].end):
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _line_end(data: bytes, offset: int) -> int:
    found = data.find(b"\n", offset)
    return len(data) if found < 0 else found + 1


def _lines(data: bytes) -> list[bytes]:
    rows = data.split(b"\n")
    return [row + b"\n" for row in rows[:-1]] + ([rows[-1]] if rows[-1] else [])


def _common(one: list[bytes], other: list[bytes]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
