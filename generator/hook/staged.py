"""What is being committed: the index, and which of its files can matter."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generator.exits import UnusableInput
from generator.tree.git import Repository, repository_at, run_git

if TYPE_CHECKING:
    from generator.tree.index import IndexTree
    from generator.tree.revision import RevisionTree

_READ = (
    r"ansible\.cfg|galaxy\.yml"
    r"|[^/]*(cluster|scale|reset|remove|recover|upgrade)[^/]*\.ya?ml"
    r"|(extra_)?playbooks/.*\.ya?ml"
    r"|roles/.*/(meta|tasks|handlers|defaults|vars|templates|files)/.*"
)

WAKES = rf"(^|/)(kubespray|{_READ})$"
"""What wakes the hooks, as `.pre-commit-hooks.yaml` has it: wherever Kubespray lies.

A submodule shows by its own path only, for which there is the usual name.
"""

_MATTERS = re.compile(rf"({_READ})\Z", re.DOTALL)
"""The files of a Kubespray, from its own top, that can have a say."""


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
    the current directory is in no work tree, or the folder is not in it.
    """
    repository = repository_at(Path())
    if repository is None or repository.top is None:
        raise UnusableInput("the current directory is in no git work tree; run the hook in one.")
    wanted = _real(folder)
    if not wanted.is_relative_to(repository.top):
        raise UnusableInput(f"{folder} is not below the top of the repository.")
    if not wanted.is_dir():
        raise UnusableInput(
            f"{folder} is no folder of the work tree; name Kubespray's with --tree, or take the "
            "hook out where there is none any more."
        )
    below = wanted.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    return Commit(repository, prefix, _index(repository, repository.top, outside))


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
    beside = _of_inventory(commit, inventory) if inventory is not None else ()
    return not paths or any(
        _is_of_kubespray(commit, path) or path.startswith(beside) for path in paths
    )


def _is_of_kubespray(commit: Commit, path: str) -> bool:
    """Tell whether a path is one that can matter, or that of the submodule itself."""
    if not path.startswith(commit.prefix):
        return f"{path}/" == commit.prefix
    return _MATTERS.match(path.removeprefix(commit.prefix)) is not None


def staged_tree(commit: Commit) -> IndexTree | RevisionTree:
    """Return the Kubespray that is staged; of a submodule, the commit of it that is.

    Raises UnusableInput where there is none.
    """
    from generator.tree.index import IndexTree
    from generator.tree.locate import require_kubespray
    from generator.tree.refs import lacking
    from generator.tree.revision import RevisionTree

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
    folder_name = commit.prefix.rstrip("/")
    if lacking(inner, [staged]):
        raise UnusableInput(
            f"{folder_name} lacks the commit {staged} that is staged for it; run "
            f"`git -C {folder_name} fetch`."
        )
    revision = RevisionTree(inner, staged, f"{staged} of {folder_name}")
    require_kubespray(revision)
    return revision


def _index(repository: Repository, top: Path, outside: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that names the index, where git gave this repository's hook another.

    Hooks start at the top of the work tree (githooks(5)), so a relative name is meant from there.
    One in another repository's folder, recognised by its `HEAD`, is that one's.
    """
    name = outside.get("GIT_INDEX_FILE")
    if name is None:
        return {}
    index = top / name
    own = run_git(repository.directory, "rev-parse", "--absolute-git-dir")
    if (index.parent / "HEAD").exists() and _real(index.parent) != _real(Path(own)):
        return {}
    return {"GIT_INDEX_FILE": str(index)}


def _of_inventory(commit: Commit, inventory: str) -> tuple[str, ...]:
    """Return how the paths of an inventory begin, from the repository's top.

    That is a folder, or a file with the variables beside it; nothing where it is outside.
    """
    if inventory == "-":
        return ()
    path = _real(Path(inventory))
    if not path.is_relative_to(commit.top):
        return ()
    below = path.relative_to(commit.top).as_posix()
    if path.is_dir():
        return ("" if below == "." else f"{below}/",)
    beside = below.rpartition("/")[0]
    folder = f"{beside}/" if beside else ""
    return (below, f"{folder}group_vars/", f"{folder}host_vars/")


def _real(path: Path) -> Path:
    # Not Path.resolve, which fails for a link to itself.
    return Path(os.path.realpath(path))
