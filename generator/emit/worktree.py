"""Applying a series to the files of a work tree or a plain directory, or committing it there."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from generator.emit.files import write_all, written
from generator.emit.message import commit_message
from generator.engine.series import FileChange, Series
from generator.exits import Unsafe, UnusableInput
from generator.tree.base import Tree
from generator.tree.directory import DirectoryTree
from generator.tree.git import feed_git, run_git
from generator.tree.worktree import WorkTree


def uncommitted(tree: Tree, series: Series) -> list[str]:
    """Return the files of a series that differ from the last commit of their work tree."""
    paths = [change.path for change in series.files]
    return tree.uncommitted(paths) if isinstance(tree, WorkTree) and paths else []


def apply_series(tree: Tree, series: Series, force: bool = False) -> list[str]:
    """Write the files of a series where they lie; return their paths.

    Raises UnusableInput where the tree is not on disk or cannot be written, and Unsafe where a
    file has uncommitted changes and `force` is not given. Then nothing is changed.
    """
    if not isinstance(tree, DirectoryTree):
        raise UnusableInput(
            "--apply and --commit change files on disk; name a work tree or a directory, "
            "without --rev, --release or --sample."
        )
    if not force:
        _refuse_uncommitted(tree, series)
    write_all(tree.top, _on_disk(tree, series))
    return [change.path for change in series.files]


def commit_series(tree: Tree, series: Series) -> list[str]:
    """Commit a series on the checked-out branch, one commit a patch; return the commits' ids.

    The commits carry the user's own identity. Nothing but the files of the series is committed,
    whatever is staged; no hook is run and nothing is signed. Raises UnusableInput where the tree
    is no git work tree, and Unsafe where a file has uncommitted changes.
    """
    if not isinstance(tree, WorkTree):
        raise UnusableInput("--commit needs a git work tree; name one, without --rev.")
    head = tree.base.commit
    if head is None:
        raise UnusableInput(f"{tree.base.name} has no commit yet; make the first one, then retry.")
    _refuse_uncommitted(tree, series)
    repository = tree.repository.top or tree.top
    commits = _commits(repository, tree, series, head)
    paths = [tree.prefix + change.path for change in series.files]
    subject = f"kubespray-patchgen: {', '.join(applied.patch.id for applied in series.applied)}"
    with written(tree.top, _on_disk(tree, series)):
        try:
            run_git(repository, "update-index", "--add", "--", *paths)
            run_git(repository, "update-ref", "-m", subject, "HEAD", commits[-1], head)
        except BaseException:
            run_git(repository, "reset", "--quiet", head, "--", *paths)
            raise
    return commits


def _refuse_uncommitted(tree: Tree, series: Series) -> None:
    changed = uncommitted(tree, series)
    if changed:
        raise Unsafe(
            f"{changed[0]} has uncommitted changes; commit or stash them first, "
            "or use --apply --force to change the file as it is."
        )


def _on_disk(tree: DirectoryTree, series: Series) -> dict[str, bytes | None]:
    files: dict[str, bytes | None] = {}
    for change in series.files:
        data = change.after
        if data is not None and isinstance(tree, WorkTree):
            data = tree.on_disk(change.path, data)
        files[change.path] = data
    return files


def _commits(repository: Path, tree: WorkTree, series: Series, head: str) -> list[str]:
    """Write the commits into the object database, by an index of their own."""
    commits: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kubespray-patchgen-") as directory:
        environment = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
        run_git(repository, "read-tree", head, env=environment)
        for applied in series.applied:
            for change in applied.files:
                _stage(repository, tree.prefix, change, environment)
            tree_id = run_git(repository, "write-tree", env=environment)
            message = commit_message(applied, series.base)
            parent = commits[-1] if commits else head
            commits.append(_commit(repository, tree_id, parent, message))
    return commits


def _stage(repository: Path, prefix: str, change: FileChange, environment: dict[str, str]) -> None:
    assert change.after is not None
    blob = feed_git(repository, change.after, "hash-object", "-w", "--stdin")
    entry = f"{change.mode},{blob},{prefix}{change.path}"
    run_git(repository, "update-index", "--add", "--cacheinfo", entry, env=environment)


def _commit(repository: Path, tree_id: str, parent: str, message: str) -> str:
    try:
        return feed_git(
            repository, message.encode(), "commit-tree", "--no-gpg-sign", tree_id, "-p", parent
        )
    except UnusableInput as error:
        if not re.search("identity|ident name|no (email|name) was given", str(error)):
            raise
        raise UnusableInput(
            "git does not know who you are; set user.name and user.email with `git config`, "
            "then try again."
        ) from None
