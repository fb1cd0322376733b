"""The commits of many series, written into a repository's object database in one go.

They are made in a repository of their own in a temporary directory, which sees the objects of the
user's as its alternate: what they will be is known before anything of the user's is touched. The
same series by the same person on the same commit gives the same ids.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from generator.emit.message import commit_message, seconds_of
from generator.emit.scratch import scratch_repository
from generator.emit.stream import NewCommit, commit_rows
from generator.engine.series import Series
from generator.exits import UnusableInput
from generator.fork.history import Commit, read_commit
from generator.fork.repository import Fork
from generator.tree.git import feed_git, run_git
from generator.tree.objects import ObjectReader

ANY_DATE = {"GIT_AUTHOR_DATE": "", "GIT_COMMITTER_DATE": ""}
"""Dates of the user's environment have no say; git takes an empty one for none."""


@dataclass(frozen=True)
class Chain:
    """The commits of one series, the oldest first."""

    commits: tuple[Commit, ...]

    @property
    def tip(self) -> str:
        """The id of the last one."""
        return self.commits[-1].object_id


@dataclass(frozen=True)
class Drafts:
    """Commits that are made but not yet in the user's repository: a chain for each series.

    `pack` is None where the repository has all of their objects from before.
    """

    chains: tuple[Chain, ...]
    pack: Path | None


@contextmanager
def drafted(fork: Fork, wanted: Sequence[tuple[str, Series]]) -> Iterator[Drafts]:
    """Give the commits of some series, each on top of a commit of the fork.

    `wanted` are the commits' full ids with the series that go on top. Raises UnusableInput where
    git does not know who the user is, or the repository lacks something.
    """
    author, committer = identity(fork.repository.directory)
    with scratch_repository(fork.repository.hash_name) as (repository, environment):
        environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.pathsep.join(
            _alternate(one.directory) for one in fork.repositories
        )
        stream, marks = repository / "stream", repository / "marks"
        with stream.open("wb") as out:
            mark = 0
            for number, (parent, series) in enumerate(wanted):
                for row in _rows(fork, number, parent, series, author, committer, mark):
                    out.write(row)
                mark += len(series.applied)
        with stream.open("rb") as source:
            run_git(
                repository, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet",
                f"--export-marks={marks}", istream=source, env=environment,
            )  # fmt: skip
        reader = ObjectReader(repository, environment=environment)
        try:
            yield _drafts(repository, reader, marks, [series for _, series in wanted])
        finally:
            reader.close()


def install(fork: Fork, drafts: Drafts) -> None:
    """Put drafted commits into the fork's object database; no branch is touched.

    Raises UnusableInput where that cannot be written.
    """
    if drafts.pack is None:
        return
    with drafts.pack.open("rb") as source:
        # At the top: it goes back to the directory where it was called, whatever `.git` is.
        top = fork.repository.top or fork.repository.directory
        run_git(top, "index-pack", "--stdin", "--fix-thin", istream=source)


def signed(fork: Fork, chain: Chain) -> str:
    """Write a chain of installed commits once more, signed as git is set up; return the tip.

    Raises UnusableInput where git cannot sign.
    """
    parent = chain.commits[0].parents[0]
    for commit in chain.commits:
        date = f"{commit.seconds} +0000"
        parent = feed_git(
            fork.repository.directory, commit.message.encode("utf-8", "surrogateescape"),
            "commit-tree", "--gpg-sign", commit.tree, "-p", parent,
            env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
        )  # fmt: skip
    return parent


def identity(directory: Path) -> tuple[str, str]:
    """Return the user as author and as committer, each as `Name <mail>`.

    Raises UnusableInput where git does not know who that is.
    """
    try:
        author = run_git(directory, "var", "GIT_AUTHOR_IDENT", env=ANY_DATE)
        committer = run_git(directory, "var", "GIT_COMMITTER_IDENT", env=ANY_DATE)
    except UnusableInput:
        raise UnusableInput(
            "git does not know who you are; set user.name and user.email with `git config`, "
            "then try again."
        ) from None
    return author[: author.rindex(">") + 1], committer[: committer.rindex(">") + 1]


def _rows(
    fork: Fork, number: int, parent: str, series: Series, author: str, committer: str, mark: int
) -> Iterator[bytes]:
    below: str | None = parent
    seconds = read_commit(fork.reader(parent), parent).seconds
    for applied in series.applied:
        # A commit is never older than the one that it stands on: git's walks rely on that.
        seconds = max(seconds, seconds_of(applied.patch.date))
        mark += 1
        commit = NewCommit(
            author, committer, seconds, commit_message(applied, series.base),
            tuple((change, change.after) for change in applied.files),
        )  # fmt: skip
        yield from commit_rows(f"draft-{number}", commit, fork.repository.prefix, below, mark)
        below = None


def _drafts(
    repository: Path, reader: ObjectReader, marks: Path, series: Sequence[Series]
) -> Drafts:
    ids = {}
    for row in marks.read_text("ascii").splitlines():
        mark, _, object_id = row.partition(" ")
        ids[int(mark[1:])] = object_id
    chains = []
    done = 0
    for one in series:
        numbers = range(done + 1, done + 1 + len(one.applied))
        chains.append(Chain(tuple(read_commit(reader, ids[number]) for number in numbers)))
        done += len(one.applied)
    packs = (repository / "objects" / "pack").glob("*.pack")
    return Drafts(tuple(chains), next(packs, None))


def _alternate(directory: Path) -> str:
    """Return a repository's object directory as git wants it in its list of alternates."""
    path = run_git(directory, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    if os.pathsep in path or path.startswith('"'):
        escaped = re.sub(r'(["\\])', r"\\\1", path)
        return f'"{escaped}"'
    return path
