"""Whole files: read, changed in memory, and told about. Nothing is written here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from generator.exits import UnusableInput
from generator.text.edit import Edit
from generator.tolerate.inject import Wish, Work, inject, result
from generator.tolerate.selector import Selector, selected
from generator.tolerate.stream import MAX_STREAM, TEMPLATE, Piece, pieces, read_piece
from generator.tolerate.values import inject_values
from generator.tolerate.workloads import Search


@dataclass(frozen=True, slots=True)
class ByteEdit:
    """The bytes from `start` to `end` (exclusive) give way to `new`."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file: its edits in their order, what to tell, and how many workloads.

    `changed`, `tolerant`, `unselected` and `bare` count workloads: those that are edited, those
    that tolerate already, those that no selector means, and those without a pod specification.
    """

    path: str
    before: bytes
    edits: tuple[ByteEdit, ...]
    lines: tuple[str, ...]
    changed: int = 0
    tolerant: int = 0
    unselected: int = 0
    bare: int = 0

    def after(self) -> bytes:
        """Return the file's bytes with the edits made."""
        parts, done = [], 0
        for edit in self.edits:
            parts += [self.before[done : edit.start], edit.new]
            done = edit.end
        return b"".join([*parts, self.before[done:]]) if parts else self.before


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that the user names.

    Raises UnusableInput where it is no regular file, a template of Jinja2 by its name, too large
    or not readable.
    """
    if path.suffix == ".j2":
        raise UnusableInput(f"{path}: {TEMPLATE}")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnusableInput(f"{path} is a directory; name the files in it.")
        if not stat.S_ISREG(mode):
            raise UnusableInput(f"{path} is no regular file; hand it over on standard input (`-`).")
        with path.open("rb") as source:
            data = source.read(MAX_STREAM + 1)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read ({error.strerror}).") from None
    return limited(str(path), data)


def limited(path: str, data: bytes) -> bytes:
    """Return the bytes; raises UnusableInput where there are more than are taken."""
    if len(data) > MAX_STREAM:
        limit = f"the limit is {MAX_STREAM // 2**20} MiB"
        raise UnusableInput(f"{path} is too large: {limit}. Split it.")
    return data


def tolerate_manifests(
    path: str, data: bytes, wish: Wish, selectors: Iterable[Selector] = ()
) -> Outcome:
    """Return what becomes of a file of manifests.

    Raises UnusableInput and Unsafe, each naming a line.
    """
    chosen = tuple(selectors)
    edits: list[ByteEdit] = []
    lines: list[str] = []
    changed = tolerant = unselected = bare = 0
    kinds: set[bool] = set()
    for piece in pieces(path, data):
        work = Work(piece, Search(piece), wish)
        kinds |= work.search.kinds()
        for found in work.search.workloads():
            if not selected(chosen, found):
                unselected += 1
            elif found.spec is None:
                bare += 1
                where = piece.where(found.node)
                work.lines.append(f"{where}: {found} has no pod specification; left alone")
            elif inject(work, found.spec, "tolerations", str(found), found.node, found.obstacle):
                changed += 1
            else:
                tolerant += 1
        lines += work.lines
        edits += _made(work)
    if kinds == {False}:
        lines.append(f"{path}: no `kind` is given; for a file of Helm values use --values PATH")
    return Outcome(path, data, tuple(edits), tuple(lines), changed, tolerant, unselected, bare)


def tolerate_values(path: str, data: bytes, wish: Wish, keys: tuple[str, ...]) -> Outcome:
    """Return what becomes of a file of Helm values, with its list at the path of `keys`.

    Raises UnusableInput and Unsafe, each naming a line.
    """
    found = list(pieces(path, data)) or [Piece(read_piece(path, ""), len(data), 0)]
    filled = [piece for piece in found if piece.document.roots]
    count = sum(len(piece.document.roots) for piece in filled)
    if count > 1:
        raise UnusableInput(f"{path} holds {count} YAML documents; a file of values is one.")
    piece = filled[0] if filled else found[-1]
    work = Work(piece, Search(piece), wish)
    changed = inject_values(work, keys)
    return Outcome(
        path, data, tuple(_made(work)), tuple(work.lines), int(changed), int(not changed)
    )


def resolved(path: Path) -> Path:
    """Return the file behind symbolic links, which is the one that is written.

    Raises UnusableInput where the links lead in a circle.
    """
    try:
        return Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read ({error.strerror}).") from None


def _made(work: Work) -> list[ByteEdit]:
    """Return the verified edits of a piece as edits of the file's bytes."""
    if not work.edits:
        return []
    result(work)
    return list(_bytes_of(work.piece, work.edits))


def _bytes_of(piece: Piece, edits: Iterable[Edit]) -> list[ByteEdit]:
    text, done, at = piece.document.text, 0, piece.start
    made = []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        at += len(text[done : edit.start].encode())
        end = at + len(text[edit.start : edit.end].encode())
        made.append(ByteEdit(at, end, edit.new.encode()))
        done, at = edit.end, end
    return made
