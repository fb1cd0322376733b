"""An overlay as it lies on disk, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from generator.exits import UnusableInput
from generator.overlay.manifest import NAME, Manifest, OverlayFile, read_manifest
from generator.tree.base import Base
from generator.tree.directory import DirectoryTree
from generator.tree.git import Repository, repository_at, run_git
from generator.tree.ids import blob_id
from generator.tree.walk import file_mode, files_below

README = "README.md"
FILES = "files"
ORIGINALS = "originals"
ATTRIBUTES = ".gitattributes"
PARTS = frozenset({NAME, README, ATTRIBUTES, FILES, ORIGINALS})
"""What stands at the top of an overlay."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file of the overlay, by its path there, that is not as `overlay.yml` says."""

    path: str
    state: Literal["drifted", "missing"]
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An overlay on disk; `manifest` is None where there is none.

    `data` are the bytes of its files that are as they should be, by their path in the overlay.
    """

    directory: Path
    manifest: Manifest | None
    troubles: tuple[Trouble, ...]
    data: dict[str, bytes] = field(repr=False)

    def after(self, file: OverlayFile) -> bytes | None:
        """Return a file's bytes with the overlay, None for one that it deletes."""
        return None if file.after is None else self.data[f"{FILES}/{file.path}"]

    def before(self, file: OverlayFile) -> bytes | None:
        """Return a file's bytes from before, None for one that the overlay adds."""
        return None if file.before is None else self.data[f"{ORIGINALS}/{file.path}"]

    def has_original(self, file: OverlayFile) -> bool:
        """Tell whether the bytes from before are there, unchanged."""
        return file.before is None or f"{ORIGINALS}/{file.path}" in self.data


def stored_at(directory: Path) -> Stored:
    """Return the overlay of a directory, held against its `overlay.yml`.

    A directory that is not there, or has no `overlay.yml`, gives one that is missing. Links are
    not followed. Raises UnusableInput where the directory is none or cannot be read, or its
    `overlay.yml` is not valid.
    """
    if not os.path.lexists(directory):
        return Stored(directory, None, (Trouble(NAME, "missing", "there is no overlay"),), {})
    if not directory.is_dir():
        raise UnusableInput(f"{directory} is not a directory; name that of an overlay.")
    if not os.path.lexists(directory / NAME):
        said = f"the directory has no {NAME}, so it is no overlay"
        return Stored(directory, None, (Trouble(NAME, "missing", said),), {})
    manifest = read_manifest(directory / NAME)
    repository = repository_at(directory)
    there = {path: file_mode(about) for path, about in files_below(directory)}
    troubles: list[Trouble] = []
    data: dict[str, bytes] = {}
    expected = dict(_expected(manifest))
    reader = _reader(directory, repository)
    for path, (mode, identity) in expected.items():
        if path not in there:
            troubles.append(Trouble(path, "missing", "it is not there"))
        elif (kind := there.pop(path)) is None:
            troubles.append(Trouble(path, "drifted", "it is no regular file"))
        elif blob_id(found := reader.raw(path), manifest.base.hash_name) != identity:
            troubles.append(Trouble(path, "drifted", f"its content is not the one in {NAME}"))
        elif kind != mode and modes_count(repository):
            troubles.append(Trouble(path, "drifted", f"its mode is {kind}, not {mode}"))
        else:
            data[path] = found
    for path in sorted(there.keys() - {NAME, README, ATTRIBUTES}):
        troubles.append(Trouble(path, "drifted", f"{NAME} does not name it"))
    return Stored(directory, manifest, tuple(troubles), data)


def modes_count(repository: Repository | None) -> bool:
    """Tell whether the executable bits of files mean anything where they lie.

    git-config(1): core.fileMode is false on file systems that do not keep them.
    """
    if repository is None:
        return True
    try:
        asked = ("config", "--type=bool", "--get", "core.fileMode")
        return run_git(repository.directory, *asked) != "false"
    except UnusableInput:
        return True


def _expected(manifest: Manifest) -> Iterator[tuple[str, tuple[str, str]]]:
    for file in manifest.files:
        if file.after is not None:
            yield f"{FILES}/{file.path}", (file.mode, file.after)
        if file.before is not None:
            yield f"{ORIGINALS}/{file.path}", (file.mode, file.before)


def _reader(directory: Path, repository: Repository | None) -> DirectoryTree:
    """Return what reads the overlay's files, with git's line endings where git turned them."""
    if repository is None or repository.top is None:
        return DirectoryTree(directory, Base(str(directory)))
    from generator.tree.worktree import WorkTree

    return WorkTree(repository, directory)
