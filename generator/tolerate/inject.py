"""The tolerations of one list: which are missing, and the edits that add or correct them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from generator.exits import Unsafe, UnusableInput
from generator.model.toleration import Taint
from generator.text.document import Mapping, Node, Sequence
from generator.text.edit import Edit
from generator.tolerate.correct import corrected
from generator.tolerate.places import is_empty, new_items, new_pair, new_value, offset_for, unsafe
from generator.tolerate.stream import Piece, read_piece
from generator.tolerate.taints import Entry, correctable, entries_of, entry_for, resembling
from generator.tolerate.verify import Meant, as_meant
from generator.tolerate.workloads import Obstacle, Search
from generator.tolerate.written import Data

_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the taints to be tolerated, and whether to correct what looks like it."""

    taints: tuple[Taint, ...]
    fix: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What has been found to be done in one piece of a file, and what to tell about it."""

    piece: Piece
    search: Search
    wish: Wish
    edits: list[Edit] = field(default_factory=list)
    meant: Meant = field(default_factory=Meant)
    lines: list[str] = field(default_factory=list)
    known: dict[int, tuple[Entry, ...]] = field(default_factory=dict)


def inject(
    work: Work, holder: Mapping, key: str, subject: str, at: Node, obstacle: Obstacle | None
) -> bool:
    """Plan what makes the list under `key` of a mapping tolerate the taints; tell whether any is.

    `subject` and `at` name it for the reader. What tolerates already is left alone. Raises
    UnusableInput where the list is none, and Unsafe where it cannot be edited.
    """
    listed, blocked = work.search.step(holder, key)
    entries = _entries(work, listed, subject)
    missing, fixes = _shortcomings(work, entries, subject)
    if not missing and not fixes:
        return False
    obstacle = obstacle or blocked
    if obstacle is not None:
        raise unsafe(work.piece, obstacle.node, obstacle.why)
    for entry in fixes:
        _correct(work, entry)
    if missing:
        _add(work, holder, key, listed, [dict(entry_for(taint)) for taint in missing])
    taints = ", ".join(str(taint) for taint in [*missing, *fixes.values()])
    work.lines.append(f"{work.piece.where(at)}: {subject}: toleration of {taints}")
    return True


def result(work: Work) -> str:
    """Return the text of the piece with all edits made.

    Raises Unsafe where it does not parse, or holds other data than what is meant.
    """
    document = work.piece.document
    text = joined(document.text, work.edits)
    try:
        after = read_piece(document.path, text, work.piece.above)
        verified = as_meant(document, after, work.meant)
    except UnusableInput:
        verified = False
    if not verified:
        line = work.piece.above + document.line(min(edit.start for edit in work.edits))
        raise Unsafe(
            f"{document.path}:{line}: a toleration cannot be added safely: the result would hold "
            "other data than intended. Edit this place by hand."
        )
    return text


def joined(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made, in one pass; raises ValueError where two overlap."""
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < done:
            raise ValueError(f"edits overlap at {edit.start}")
        parts += [text[done : edit.start], edit.new]
        done = edit.end
    return "".join([*parts, text[done:]])


def _entries(work: Work, listed: Node | None, subject: str) -> tuple[Entry, ...]:
    if listed is None or (is_empty(listed) and not isinstance(listed, Mapping)):
        return ()
    if not isinstance(listed, Sequence):
        raise work.piece.unusable(listed, f"{subject}: the tolerations are no list.")
    # Many workloads may name the same list by an alias.
    if id(listed) not in work.known:
        work.known[id(listed)] = entries_of(work.piece, listed)
    return work.known[id(listed)]


def _shortcomings(
    work: Work, entries: tuple[Entry, ...], subject: str
) -> tuple[list[Taint], dict[Entry, Taint]]:
    """Return the taints that need a new entry, and the entries that are to be corrected."""
    missing: list[Taint] = []
    fixes: dict[Entry, Taint] = {}
    for taint in work.wish.taints:
        if any(entry.toleration.matches(taint) for entry in entries):
            continue
        likes = list(resembling(entries, taint))
        usable = [entry for entry, _ in likes if correctable(entry.toleration, taint)]
        fixed = usable[0] if work.wish.fix and usable else None
        for entry, why in likes[:_MAX_NAMED]:
            how = _remedy(entry is fixed, entry in usable)
            where = work.piece.where(entry.node)
            work.lines.append(f"{where}: {subject}: this does not tolerate {taint}: {why}; {how}")
        if fixed is None:
            missing.append(taint)
        else:
            fixes[fixed] = taint
    return missing, fixes


def _remedy(fixed: bool, usable: bool) -> str:
    if fixed:
        return "corrected to operator Exists"
    if usable:
        return "another entry is added beside it (--fix-ineffective corrects it instead)"
    return "another entry is added beside it"


def _correct(work: Work, entry: Entry) -> None:
    shared = work.search.shared(entry.node)
    if shared is not None:
        raise unsafe(work.piece, shared.node, shared.why)
    edits, data = corrected(work.piece, entry.node)
    work.edits.extend(edits)
    work.meant.replaced[id(entry.node)] = data


def _add(
    work: Work, holder: Mapping, key: str, listed: Node | None, entries: list[dict[str, str]]
) -> None:
    items: list[Data] = [dict(entry) for entry in entries]
    if isinstance(listed, Sequence) and listed.items:
        work.edits.append(new_items(work.piece, listed, items, holder))
        work.meant.appended[id(listed)] = list(entries)
        return
    offset = offset_for(work.piece.document, holder)
    if listed is None:
        work.edits.append(new_pair(work.piece, holder, key, items, offset, 2))
        work.meant.added[id(holder)] = {key: list(entries)}
    else:
        work.edits.extend(new_value(work.piece, holder, key, items, offset, 2))
        work.meant.replaced[id(listed)] = list(entries)
