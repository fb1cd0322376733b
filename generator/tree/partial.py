"""Clones without all of their objects (`git clone --filter=...`), see git's "partial clone".

Git fetches an object that is missing when it is asked for, each with a connection of its own;
what is needed is fetched together here before that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.git import feed_git, run_git


def fetch_blobs(directory: Path, commit: str, wanted: Iterable[str]) -> None:
    """Fetch those blobs of a commit that are wanted and that a partial clone lacks, together.

    Nothing is done in a whole clone, nor where the remote does not give them this way: then git
    asks for them one by one.
    """
    remote = _promisor(directory)
    if remote is None:
        return
    missing = _missing(directory, commit) & set(wanted)
    if not missing:
        return
    asked = "".join(f"{object_id}\n" for object_id in sorted(missing)).encode()
    try:
        feed_git(
            directory, asked, "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet",
            "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
            "--no-recurse-submodules", "--filter=blob:none", "--stdin", remote,
            env={"GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except UnusableInput:
        return


@lru_cache(maxsize=8)
def _promisor(directory: Path) -> str | None:
    """Return the remote that has what a partial clone lacks, None for a whole clone."""
    try:
        rows = run_git(
            directory, "config", "--type=bool", "--get-regexp", r"^remote\..*\.promisor$"
        ).splitlines()
    except UnusableInput:
        return None
    names = (row.removeprefix("remote.").rpartition(".promisor ") for row in rows)
    return next((name for name, _, value in names if value == "true"), None)


def _missing(directory: Path, commit: str) -> set[str]:
    """Return the objects of a commit that are not there; none of them is fetched."""
    listing = run_git(directory, "rev-list", "--objects", "--missing=print", "--no-walk", commit)
    return {row[1:] for row in listing.splitlines() if row.startswith("?")}
