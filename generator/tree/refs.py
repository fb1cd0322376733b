"""A repository's tags and branches, and how its commits hang together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.git import Repository, exit_code, feed_git, run_git

TAGS, HEADS, REMOTES = "refs/tags/", "refs/heads/", "refs/remotes/"


@dataclass(frozen=True)
class Ref:
    """A tag or branch and the commit that it leads to; `name` is the full one (refs/...)."""

    name: str
    commit: str

    @property
    def short(self) -> str:
        """The name without its kind: `v2.24.0`, `main`, `origin/main`."""
        return self.name.split("/", 2)[2]

    @property
    def alone(self) -> str:
        """The name without its kind and, of a remote-tracking branch, without its remote."""
        return self.short.partition("/")[2] if self.name.startswith(REMOTES) else self.short


def refs_of(repository: Repository) -> tuple[Ref, ...]:
    """Return all tags, branches and remote-tracking branches that lead to a commit.

    Symbolic ones, such as `origin/HEAD`, are left out.
    """
    # Only names and ids: the objects of some may be lost, and others are of use all the same.
    listing = run_git(
        repository.directory, "for-each-ref", "--format=%(refname) %(objectname) %(symref)",
        TAGS, HEADS, REMOTES,
    )  # fmt: skip
    rows = [row.split(" ") for row in listing.split("\n") if row]
    named = [(name, object_id) for name, object_id, symbolic in rows if not symbolic]
    commits = _commits_of(repository, [object_id for _, object_id in named])
    return tuple(Ref(name, commits[own]) for name, own in named if own in commits)


def _commits_of(repository: Repository, object_ids: list[str]) -> dict[str, str]:
    """Return the commit that each tag or commit leads to; nothing for what leads to none."""
    asked = list(dict.fromkeys(object_ids))
    data = "".join(f"{object_id}^{{commit}}\n" for object_id in asked).encode()
    answer = feed_git(
        repository.directory, data, "cat-file", "--batch-check=%(objectname) %(objecttype)"
    )
    rows = (row.split(" ") for row in answer.split("\n"))
    return {own: row[0] for own, row in zip(asked, rows, strict=False) if row[1:] == ["commit"]}


def refs_at(url: str, directory: Path) -> tuple[Ref, ...]:
    """Return the tags and branches of the repository at a URL, with their commits.

    `directory` is where git runs, so that the names of its remotes serve as well. Raises
    UnusableInput where the repository cannot be read.
    """
    listing = run_git(
        directory, "ls-remote", "--tags", "--heads", "--end-of-options", url,
        env={"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    rows = [row.split("\t") for row in listing.split("\n") if "\t" in row]
    ids = {name: object_id for object_id, name in rows}
    # An annotated tag is followed by a row for the commit that it leads to.
    return tuple(
        Ref(name, ids.get(f"{name}^{{}}", object_id))
        for name, object_id in ids.items() if not name.endswith("^{}")
    )  # fmt: skip


def checked_out(repository: Repository) -> dict[str, str]:
    """Return the branches that are checked out, by full name, with the work tree's path.

    Those that are being rebased or bisected there count, a bare repository's HEAD does not.
    """
    listing = run_git(repository.directory, "worktree", "list", "--porcelain")
    found = {}
    path, bare = "", False
    for row in [*listing.split("\n"), ""]:
        key, _, value = row.partition(" ")
        if key == "worktree":
            path, bare = value, False
        elif key == "bare":
            bare = True
        elif key == "branch" and not bare:
            found[value] = path
    return found | _in_use(repository)


def _in_use(repository: Repository) -> dict[str, str]:
    """Return the branches to which a rebase or bisection will return, with git's folder for it."""
    common = Path(
        run_git(
            repository.directory, "rev-parse", "--path-format=absolute", "--git-common-dir"
        )
    )  # fmt: skip
    found = {}
    for folder in [common, *sorted(common.glob("worktrees/*"))]:
        for name in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
            with contextlib.suppress(OSError):
                branch = (folder / name).read_text("utf-8", "surrogateescape").strip()
                branch = branch if branch.startswith(HEADS) else f"{HEADS}{branch}"
                found[branch] = str(folder)
    return found


def is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    """Tell whether a commit is part of another one's history; of its own it is."""
    return (
        older == newer
        or exit_code(repository.directory, "merge-base", "--is-ancestor", older, newer) == 0
    )


def have_common_history(repository: Repository, one: str, other: str) -> bool:
    """Tell whether two commits have an ancestor in common, as far as the repository knows."""
    return exit_code(repository.directory, "merge-base", one, other) == 0


def commits_between(repository: Repository, older: str, newer: str, most: int) -> list[str]:
    """Return the commits of the second one's history that the first one's has not, newest first.

    No more than `most`.
    """
    return run_git(
        repository.directory, "rev-list", f"--max-count={most}", f"{older}..{newer}"
    ).split()


def lacking(repository: Repository, commits: Iterable[str]) -> frozenset[str]:
    """Return those of some commits that a repository does not have."""
    kinds = kinds_of(repository, commits)
    return frozenset(commit for commit, kind in kinds.items() if kind == "missing")


def kinds_of(repository: Repository, object_ids: Iterable[str]) -> dict[str, str]:
    """Return what each of some objects is: `commit`, `tree`, `blob`, `tag` or `missing`."""
    asked = list(dict.fromkeys(object_ids))
    if not asked:
        return {}
    data = "".join(f"{object_id}\n" for object_id in asked).encode()
    answer = feed_git(repository.directory, data, "cat-file", "--batch-check=%(objecttype)")
    rows = (row.rpartition(" ")[2] for row in answer.split("\n"))
    return dict(zip(asked, rows, strict=True))


def remote_names(repository: Repository) -> frozenset[str]:
    """Return the names of a repository's remotes."""
    return frozenset(name for name in run_git(repository.directory, "remote").split("\n") if name)


def url_of(repository: Repository, remote: str) -> str:
    """Return the address of a remote, with the user's own rewriting of addresses."""
    return run_git(repository.directory, "ls-remote", "--get-url", remote)


def fetch_history(repository: Repository, url: str, refs: Iterable[Ref]) -> None:
    """Fetch commits with their history into a repository; no branch or tag of it is touched.

    Raises UnusableInput where that fails.
    """
    run_git(
        repository.directory, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
        "--no-auto-maintenance", "--no-recurse-submodules", "--end-of-options", url,
        *(ref.name for ref in refs), env={"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip


def require_branch_name(repository: Repository, name: str) -> None:
    """Raise UnusableInput where a branch cannot have a name (git-check-ref-format(1))."""
    if (
        name.startswith("-")
        or not name.isprintable()
        or exit_code(repository.directory, "check-ref-format", f"{HEADS}{name}")
    ):
        raise UnusableInput(f"'{name}' cannot be the name of a branch.")
