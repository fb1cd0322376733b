"""Laying an overlay over a tree on disk, and taking it off again: all of it or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from generator.emit.files import written
from generator.exits import Unsafe, UnusableInput
from generator.overlay.manifest import OverlayFile
from generator.overlay.state import FileState, Verdict
from generator.overlay.stored import ORIGINALS, Stored
from generator.tree.base import EXECUTABLE
from generator.tree.directory import DirectoryTree
from generator.tree.worktree import WorkTree

_WHEN_STALE = (
    "Nothing was changed; run `kubespray-patchgen overlay refresh`, or use --3way to merge."
)


def require_whole(stored: Stored) -> None:
    """Raise where an overlay is not there or not as it was made.

    UnusableInput where files are missing, Unsafe where one was edited.
    """
    require_there(stored)
    for one in stored.troubles:
        if one.state == "missing":
            raise UnusableInput(
                f"{stored.directory / one.path}: the file is missing; restore it, or make the "
                "overlay anew with `kubespray-patchgen overlay refresh`."
            )
    require_unedited(stored)


def require_there(stored: Stored) -> None:
    """Raise UnusableInput where there is no overlay."""
    if stored.manifest is None:
        raise UnusableInput(
            f"{stored.directory}: {stored.troubles[0].reason}; "
            "make one with `kubespray-patchgen overlay create`."
        )


def require_unedited(stored: Stored) -> None:
    """Raise Unsafe where a file of an overlay is not the one that was made."""
    for one in stored.troubles:
        if one.state == "drifted":
            raise Unsafe(
                f"{stored.directory / one.path}: {one.reason}: the overlay was edited. Take the "
                "edit back, or make the overlay anew with `kubespray-patchgen overlay refresh "
                "--force`."
            )


def apply_overlay(stored: Stored, tree: DirectoryTree, found: Verdict) -> list[str]:
    """Write the overlay's files that the tree does not have yet; return their paths.

    `found` is the tree's state. Raises Unsafe where it is stale, and UnusableInput where a file
    cannot be written; then nothing is changed.
    """
    if found.state == "stale":
        raise Unsafe(_stale(found, "overlay.yml knows it", _WHEN_STALE))
    missing = _in(stored, found.of("clean"))
    put(tree, {file.path: stored.after(file) for file in missing}, missing)
    return [file.path for file in missing]


def revert_overlay(stored: Stored, tree: DirectoryTree, found: Verdict) -> list[str]:
    """Write the files from before where the tree has the overlay's; return their paths.

    Raises Unsafe where a file of the tree is neither, or an original is not the one that was
    kept, and UnusableInput where a file cannot be written; then nothing is changed.
    """
    assert stored.manifest is not None
    for file in stored.manifest.files:
        if not stored.has_original(file):
            raise Unsafe(
                f"{stored.directory / ORIGINALS / file.path}: the file is not the one that was "
                "kept, so the tree cannot be brought back; restore it, or use git."
            )
    if found.of("stale"):
        raise Unsafe(_stale(found, "the overlay left it", "Bring the file back with git."))
    there = _in(stored, found.of("applied"))
    put(tree, {file.path: stored.before(file) for file in there}, there)
    return [file.path for file in there]


def put(
    tree: DirectoryTree, files: Mapping[str, bytes | None], modes: Iterable[OverlayFile]
) -> None:
    """Write files of a tree with git's line endings turned as on disk; None deletes one.

    A folder that is empty then goes, too. Raises UnusableInput where one cannot be written; then
    nothing is changed.
    """
    executable = {file.path for file in modes if file.mode == EXECUTABLE}
    disk = {path: _on_disk(tree, path, data) for path, data in files.items()}
    with written(tree.top, disk, executable):
        pass
    for path, data in files.items():
        if data is None:
            _remove_empty(tree.top, path)


def _on_disk(tree: DirectoryTree, path: str, data: bytes | None) -> bytes | None:
    if data is None or not isinstance(tree, WorkTree):
        return data
    return tree.on_disk(path, data)


def _remove_empty(top: Path, path: str) -> None:
    """Remove the folders of a path that hold nothing any more; git has no empty ones."""
    with contextlib.suppress(OSError):
        for folder in (top / path).parents:
            if folder == top:
                return
            folder.rmdir()


def _in(stored: Stored, states: Iterable[FileState]) -> list[OverlayFile]:
    assert stored.manifest is not None
    paths = {state.path for state in states}
    return [file for file in stored.manifest.files if file.path in paths]


def _stale(found: Verdict, known: str, way: str) -> str:
    named = "; ".join(f"{file.path}: {file.reason}" for file in found.of("stale"))
    if not named:
        return f"the tree is not what the overlay was made for ({found.reason}). {way}"
    return f"the tree is not as {known} ({named}). {way}"
