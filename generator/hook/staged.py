"""What is being committed: the index, and which of its files can matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.git import Repository, repository_at, run_git
from generator.tree.index import IndexTree
from generator.tree.locate import require_kubespray
from generator.tree.revision import RevisionTree

MATTERS = re.compile(
    r"(^|/)(ansible\.cfg|galaxy\.yml"
    r"|(playbooks/|extra_playbooks/)?[^/]*(cluster|scale|reset|remove|recover|upgrade)[^/]*\.ya?ml"
    r"|(extra_)?playbooks/.*\.ya?ml"
    r"|roles/.*/(meta|tasks|handlers|defaults|vars|templates|files)/.*)$"
)
"""The files of a Kubespray that can have a say; `.pre-commit-hooks.yaml` has it as `files`."""


@dataclass(frozen=True)
class Commit:
    """A repository whose index is about to be committed.

    `prefix` is Kubespray's folder in it, with a final slash, or empty. `environment` names the
    index where it is not the usual one.
    """

    repository: Repository
    prefix: str
    environment: Mapping[str, str]

    @property
    def top(self) -> Path:
        """The top of the work tree."""
        assert self.repository.top is not None
        return self.repository.top


def commit_at(folder: Path, outside: Mapping[str, str]) -> Commit:
    """Return what is being committed of the Kubespray in a folder below the current directory.

    `outside` are git's variables that the program was started with. Raises UnusableInput where
    the current directory is in no work tree, or the folder is not below its top.
    """
    repository = repository_at(Path())
    if repository is None or repository.top is None:
        raise UnusableInput("the current directory is in no git work tree; run the hook in one.")
    wanted = (Path.cwd() / folder).resolve()
    if not wanted.is_relative_to(repository.top):
        raise UnusableInput(f"{folder} is not below the top of the repository.")
    below = wanted.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    return Commit(repository, prefix, _index(repository, outside))


def staged_paths(commit: Commit) -> list[str]:
    """Return the paths, from the repository's top, that the commit changes."""
    listing = run_git(
        commit.top, "diff", "--cached", "--name-only", "--no-renames", "--no-ext-diff", "-z",
        "--ignore-submodules=dirty", env=dict(commit.environment),
    )  # fmt: skip
    return [path for path in listing.split("\0") if path]


def can_matter(commit: Commit, paths: list[str], inventory: str | None) -> bool:
    """Tell whether a commit of some paths can change what is found.

    One that changes nothing can: the hook was asked to look at all files.
    """
    beside = _below_top(commit, inventory) if inventory is not None else None
    return not paths or any(
        (path.startswith(commit.prefix) and MATTERS.search(path) is not None)
        or f"{path}/" == commit.prefix
        or (beside is not None and (path == beside or path.startswith(f"{beside}/")))
        for path in paths
    )  # fmt: skip


def staged_tree(commit: Commit) -> IndexTree | RevisionTree:
    """Return the Kubespray that is staged; of a submodule, the commit of it that is.

    Raises UnusableInput where there is none.
    """
    tree = IndexTree(commit.repository, commit.prefix, commit.environment)
    staged = tree.submodule
    if staged is None:
        require_kubespray(tree)
        return tree
    folder = commit.top / commit.prefix
    inner = repository_at(folder) if folder.is_dir() else None
    if inner is None or inner.top != folder:
        raise UnusableInput(
            f"{commit.prefix.rstrip('/')} is a submodule that is not checked out; run "
            "`git submodule update --init` first."
        )
    revision = RevisionTree(inner, staged, staged)
    require_kubespray(revision)
    return revision


def _index(repository: Repository, outside: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that names the index, where git gave this repository's hook another."""
    name = outside.get("GIT_INDEX_FILE")
    if name is None:
        return {}
    own = run_git(repository.directory, "rev-parse", "--absolute-git-dir")
    other = outside.get("GIT_DIR")
    if other is not None and Path(other).resolve() != Path(own).resolve():
        return {}
    return {"GIT_INDEX_FILE": str(Path(name).absolute())}


def _below_top(commit: Commit, inventory: str) -> str | None:
    """Return an inventory's path from the repository's top, None where it is outside."""
    path = Path(inventory).resolve()
    inside = path.is_relative_to(commit.top)
    return path.relative_to(commit.top).as_posix() if inside else None
