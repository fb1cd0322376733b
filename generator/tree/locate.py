"""From what the user named to the tree that is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generator.exits import UnusableInput
from generator.tree.base import Base, Tree, find, names
from generator.tree.directory import DirectoryTree
from generator.tree.git import Repository, commit_of, repository_at, run_git
from generator.tree.memory import MemoryTree

if TYPE_CHECKING:
    from generator.tree.release import Progress
    from generator.tree.revision import RevisionTree


@dataclass(frozen=True)
class Wanted:
    """What the user named: a path, with or without a revision, a release, or the sample."""

    path: Path = Path()
    revision: str | None = None
    release: str | None = None
    sample: bool = False


def open_tree(wanted: Wanted, progress: Progress | None = None) -> Tree:
    """Return the Kubespray tree that is wanted; `progress` is told how far a fetch is.

    Raises UnusableInput where there is none, or where it is not a Kubespray tree.
    """
    tree = _open(wanted, progress)
    require_kubespray(tree)
    return tree


def is_kubespray(tree: Tree, folder: str = "") -> bool:
    """Tell whether a folder has Kubespray's shape: a cluster playbook and roles of its own."""
    below = f"{folder}/" if folder else ""
    playbook = find(tree, f"{below}playbooks/cluster.yml") or find(tree, f"{below}cluster.yml")
    roles = names(tree, f"{below}roles") if playbook else []
    return any(name.startswith("kubernetes") for name in roles)


def require_kubespray(tree: Tree) -> None:
    """Raise UnusableInput, with a hint, where a tree is not a Kubespray tree."""
    if is_kubespray(tree):
        return
    below = _kubespray_below(tree)
    hint = f"there is one in '{below}': name that." if below else "name the top of a Kubespray."
    raise UnusableInput(
        f"{tree.base.name} is not a Kubespray tree (no cluster.yml with roles/kubernetes-apps "
        f"beside it); {hint}"
    )


def _open(wanted: Wanted, progress: Progress | None) -> Tree:
    if wanted.sample:
        from generator.tree.sample import sample_files

        return MemoryTree(sample_files(), "the embedded sample")
    if wanted.release is not None:
        from platformdirs import user_cache_path

        from generator.tree.release import open_release, upstream_url

        cache = user_cache_path("kubespray-patchgen")
        return open_release(wanted.release, upstream_url(), cache, progress)
    path = wanted.path
    if not path.exists():
        raise UnusableInput(f"{path}: there is no such directory.")
    if not path.is_dir():
        raise UnusableInput(f"{path} is a file; name the directory of a Kubespray tree.")
    repository = repository_at(path)
    if wanted.revision is not None:
        return _revision(path, repository, wanted.revision)
    if repository is None or (repository.top is not None and not _tracked(repository)):
        return DirectoryTree(path, Base(str(path)))
    if repository.top is None:
        raise UnusableInput(
            f"{path} is a bare repository: it has no files of its own; say which revision "
            "with --rev, for instance --rev v2.24.0."
        )
    from generator.tree.worktree import WorkTree

    return WorkTree(repository, path)


def _revision(path: Path, repository: Repository | None, revision: str) -> RevisionTree:
    if repository is None:
        raise UnusableInput(f"{path} is not in a git repository, so it has no revisions.")
    try:
        name, folder, commit = revision, "", commit_of(repository, revision)
    except UnusableInput:
        name, colon, folder = revision.partition(":")
        if not colon:
            raise
        commit = commit_of(repository, name)
    from generator.tree.revision import RevisionTree

    prefix = f"{folder.strip('/')}/" if folder.strip("/") else repository.prefix
    return RevisionTree(repository, commit, name, prefix)


def _tracked(repository: Repository) -> bool:
    """Tell whether git tracks anything below the path (an unpacked release may lie in a fork)."""
    try:
        first = run_git(repository.directory, "ls-files", "--", "cluster.yml", "playbooks", "roles")
    except UnusableInput:
        return True
    return bool(first) or not repository.prefix


def _kubespray_below(tree: Tree) -> str | None:
    """Return the folder of a Kubespray at most three levels down, None where there is none."""
    folders = [""]
    for _ in range(3):
        deeper = []
        for folder in folders:
            for name in names(tree, folder)[:200]:
                path = f"{folder}/{name}" if folder else name
                if is_kubespray(tree, path):
                    return path
                if not name.startswith(".") and tree.mode(path) is None:
                    deeper.append(path)
        folders = deeper[:200]
    return None
