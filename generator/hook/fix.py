"""Applying the patches to the work tree for a commit that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generator.emit.files import write_all
from generator.engine.patch import SemanticPatch
from generator.engine.series import Series, plan
from generator.exits import UnusableInput
from generator.hook.staged import Commit, staged_tree
from generator.model.kubespray import Kubespray
from generator.tree.git import repository_at, run_git
from generator.tree.index import IndexTree
from generator.tree.worktree import WorkTree


@dataclass(frozen=True)
class Fixed:
    """What was done: paths that were changed, and why which patch was left out.

    Paths are relative to Kubespray's folder.
    """

    series: Series
    changed: tuple[str, ...]
    left: tuple[str, ...]


def fix(commit: Commit, patches: Sequence[SemanticPatch]) -> Fixed:
    """Write what the patches change in the staged Kubespray into the work tree.

    A file whose staged content is not the one in the work tree is left alone, and every patch
    that would change it. Raises UnusableInput where the Kubespray is a submodule that needs a
    patch, and Unsafe where a patch cannot be done.
    """
    tree = staged_tree(commit)
    try:
        series = plan(Kubespray(tree), patches)
        if not isinstance(tree, IndexTree):
            if series.applied:
                raise UnusableInput(
                    f"{commit.prefix.rstrip('/')} is a submodule, whose files a hook cannot "
                    "change; carry the patches as an overlay (`kubespray-patchgen overlay create`)."
                )
            return Fixed(series, (), ())
        return _written(commit, tree, series, patches)
    finally:
        tree.close()


def _written(
    commit: Commit, tree: IndexTree, series: Series, patches: Sequence[SemanticPatch]
) -> Fixed:
    left: list[str] = []
    remaining = list(patches)
    partly = _partly_staged(commit, series)
    while partly:
        # Without a patch the others may change less, or more: all is worked out anew.
        for applied in series.applied:
            mixed = [change.path for change in applied.files if change.path in partly]
            if mixed:
                remaining.remove(applied.patch)
                left.append(f"{applied.patch.id}: {mixed[0]} is staged in part only")
        series = plan(Kubespray(tree), remaining)
        partly = _partly_staged(commit, series)
    folder = commit.top / commit.prefix
    repository = repository_at(folder)
    assert repository is not None
    work = WorkTree(repository, folder)
    files = {
        change.path: work.on_disk(change.path, change.after) if change.after is not None else None
        for change in series.files
    }
    write_all(folder, files)
    return Fixed(series, tuple(files), tuple(left))


def _partly_staged(commit: Commit, series: Series) -> set[str]:
    """Return the files of a series whose bytes in the work tree are not the staged ones."""
    if not series.files:
        return set()
    listing = run_git(
        commit.top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", "--",
        *(f":(literal){commit.prefix}{change.path}" for change in series.files),
        env=dict(commit.environment),
    )  # fmt: skip
    return {path.removeprefix(commit.prefix) for path in listing.split("\0") if path}
