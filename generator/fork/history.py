"""Whose commits a branch holds: those of the series, or other people's, too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.tree.objects import ObjectReader

_TRAILER = re.compile(r"^Semantic-patch: \S+ \(version \d+\)$", re.MULTILINE)
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
        found = re.search(r" (\d+) [+-]\d{4}$", self.committer)
        return int(found[1]) if found else 0

    @property
    def is_ours(self) -> bool:
        """Whether a semantic patch made it, and nobody has changed it since.

        Whoever amends, rebases or picks a commit leaves its author's date and sets the
        committer's; ours have one date and one identity.
        """
        untouched = self.author == self.committer and len(self.parents) == 1
        return untouched and _TRAILER.search(self.message) is not None


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


def carried(reader: ObjectReader, tip: str) -> Carried:
    """Return the commits of the series at a branch's tip, and the commit that they stand on."""
    own: list[Commit] = []
    below = tip
    while len(own) < _MAX_COMMITS:
        commit = read_commit(reader, below)
        if not commit.is_ours:
            break
        own.append(commit)
        below = commit.parents[0]
    return Carried(tuple(own), below)
