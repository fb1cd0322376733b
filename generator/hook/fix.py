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
from generator.tree.base import resolve
from generator.tree.git import repository_at
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
    folder = commit.top / commit.prefix
    repository = repository_at(folder)
    assert repository is not None
    work = WorkTree(repository, folder)
    left: dict[str, str] = {}
    remaining = tuple(patches)
    # Without a patch the others may change less, or more: all is worked out anew.
    while differing := _differing(tree, work, series):
        for applied in series.applied:
            mixed = [change.path for change in applied.files if change.path in differing]
            if mixed:
                left[applied.patch.id] = f"{mixed[0]} {differing[mixed[0]]}"
        remaining = _without(remaining, left)
        series = plan(Kubespray(tree), remaining)
    files = {
        change.path: work.on_disk(change.path, change.after) if change.after is not None else None
        for change in series.files
    }
    write_all(folder, files)
    return Fixed(series, tuple(files), tuple(f"{name}: {why}" for name, why in left.items()))


def _without(patches: tuple[SemanticPatch, ...], left: dict[str, str]) -> tuple[SemanticPatch, ...]:
    """Return the patches without those that are left, and tell of those that go with them."""
    while True:
        for patch in patches:
            gone = [name for name in patch.comes_with if name in left]
            if gone and patch.id not in left:
                left[patch.id] = f"it must come with {gone[0]}"
                break
        else:
            return tuple(patch for patch in patches if patch.id not in left)


def _differing(tree: IndexTree, work: WorkTree, series: Series) -> dict[str, str]:
    """Return the files of a series that are not in the work tree as they are staged, and why.

    The bytes are compared: git does not look at files that it is told to take as unchanged.
    """
    found = {}
    for change in series.files:
        if resolve(work, change.path) != change.path:
            found[change.path] = "is a link, or its folder is one"
        elif change.before is None and work.mode(change.path) is not None:
            found[change.path] = "is there already, but is not staged"
        elif change.before is not None and work.mode(change.path) is None:
            found[change.path] = "is staged, but is not in the work tree"
        elif change.before is not None and work.raw(change.path) != tree.raw(change.path):
            found[change.path] = "has other content in the work tree than is staged"
    return found
