"""Whose commits a branch holds: those of the series, or other people's, too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.tree.objects import ObjectReader

_TRAILER = re.compile(r"^Semantic-patch: (\S+) \(version (\d{1,6})\)$", re.MULTILINE)
_COMPONENT = re.compile(r"^Component: (\S+)$", re.MULTILINE)
_DAY = 24 * 60 * 60
_MAX_BYTES = 1024 * 1024
_MAX_COMMITS = 1000


@dataclass(frozen=True)
class Commit:
    """What matters of a commit; see gitformat-commit in git's documentation, "commit object"."""

    object_id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    committer: str
    message: str

    @property
    def seconds(self) -> int:
        """When it was committed, in seconds since 1970."""
        return _moment(self.committer)[0]


@dataclass(frozen=True)
class Carried:
    """The commits of the series at the tip of a branch, the newest first, and what is below."""

    own: tuple[Commit, ...]
    below: str


def read_commit(reader: ObjectReader, object_id: str) -> Commit:
    """Return a commit; raises UnusableInput where the repository lacks it."""
    data = reader.blob(object_id, _MAX_BYTES)
    if data is None:
        raise UnusableInput(f"the commit {object_id} is larger than 1 MiB, the limit.")
    head, _, message = data.partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for row in head.decode("utf-8", "replace").split("\n"):
        key, _, value = row.partition(" ")
        fields.setdefault(key, []).append(value)
    return Commit(
        object_id,
        fields.get("tree", [""])[0],
        tuple(fields.get("parent", ())),
        fields.get("author", [""])[0],
        fields.get("committer", [""])[0],
        message.decode("utf-8", "replace"),
    )


def is_ours(reader: ObjectReader, commit: Commit) -> bool:
    """Tell whether a semantic patch made a commit on a branch, and nobody has changed it since.

    The dates of such a commit follow from its patch and its parent: the first moment of a day
    (UTC), or the moment of the parent where that is later. Whoever amends, rebases or picks one
    sets the time of doing so.
    """
    if len(commit.parents) != 1 or _TRAILER.search(commit.message) is None:
        return False
    moment = _moment(commit.committer)
    if moment != _moment(commit.author) or moment[1] != "+0000":
        return False
    try:
        before = read_commit(reader, commit.parents[0]).seconds
    except UnusableInput:
        # A shallow history ends here: nobody can tell.
        return False
    return commit.seconds == before or (commit.seconds > before and commit.seconds % _DAY == 0)


def made_of(commit: Commit) -> tuple[str, int]:
    """Return the id and the version of the semantic patch that a commit of ours names."""
    found = _TRAILER.search(commit.message)
    return (found[1], int(found[2])) if found else ("", 0)


def components_of(commit: Commit) -> tuple[str, ...]:
    """Return the components of its semantic patch for which a commit of ours was made."""
    found = _TRAILER.search(commit.message)
    return tuple(_COMPONENT.findall(commit.message, found.end())) if found else ()


def carried(reader: ObjectReader, tip: str, base: str) -> Carried:
    """Return the commits of the series at a branch's tip, and the commit that they stand on.

    What is below the commit `base` is not looked at.
    """
    own: list[Commit] = []
    below = tip
    while below != base and len(own) < _MAX_COMMITS:
        commit = read_commit(reader, below)
        if not is_ours(reader, commit):
            break
        own.append(commit)
        below = commit.parents[0]
    return Carried(tuple(own), below)


def _moment(signature: str) -> tuple[int, str]:
    """Return the seconds since 1970 and the zone of an author's or committer's line."""
    found = re.search(r" (\d{1,12}) ([+-]\d{4})$", signature)
    return (int(found[1]), found[2]) if found else (0, "")
