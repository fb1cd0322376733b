"""The ids that git gives to files and folders, worked out without a repository.

See gitformat-pack(5) and git-hash-object(1): the hash of the object's kind, its size and its bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container, Mapping
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.base import LINK, Tree
from generator.tree.walk import file_mode, files_below

_FOLDER = "40000"
_AT_ONCE = 1024 * 1024
"""As many bytes of a file are in memory at a time."""


def blob_id(data: bytes, hash_name: str = "sha1") -> str:
    """Return the id of a file's bytes, 40 or 64 hexadecimal digits for sha1 or sha256."""
    return object_id("blob", data, hash_name)


def object_id(kind: str, data: bytes, hash_name: str = "sha1") -> str:
    """Return the id of an object of a kind (`blob`, `tree`, `commit`) with these bytes."""
    digest = hashlib.new(hash_name, b"%s %d\0" % (kind.encode(), len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def tree_id(entries: Mapping[str, tuple[str, str]], hash_name: str = "sha1") -> str:
    """Return the id of a folder, given the mode and the id of every file below it by path.

    Folders without files do not count, as git has none.
    """
    folders: dict[str, dict[bytes, tuple[str, str]]] = {"": {}}
    for path, (mode, identity) in entries.items():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[os.fsencode(name)] = (mode, identity)
        while folder:
            folder, _, _ = folder.rpartition("/")
            if folder in folders:
                break
            folders[folder] = {}
    for folder in sorted(folders, key=lambda path: path.count("/") if path else -1, reverse=True):
        made = _folder_id(folders[folder], hash_name)
        if not folder:
            return made
        above, _, name = folder.rpartition("/")
        folders[above][os.fsencode(name)] = (_FOLDER, made)
    raise AssertionError("the top is always among the folders")


def _folder_id(entries: Mapping[bytes, tuple[str, str]], hash_name: str) -> str:
    # Git sorts a folder's name as if a slash ended it.
    ordered = sorted(entries.items(), key=lambda item: item[0] + b"/" * (item[1][0] == _FOLDER))
    rows = (
        b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(identity))
        for name, (mode, identity) in ordered
    )
    return object_id("tree", b"".join(rows), hash_name)


def directory_entries(
    top: Path, hash_name: str = "sha1", without: Container[str] = ()
) -> dict[str, tuple[str, str]]:
    """Return mode and id of every file and link below a directory, by path.

    Links are not followed. Left out is what git does not track: `.git`, sockets and the like;
    and the paths `without`, with all below them. Raises UnusableInput where something cannot be
    read.
    """
    found = {}

    def left_out(path: str) -> bool:
        return path in without or path.rpartition("/")[2].lower() == ".git"

    for path, about in files_below(top, left_out):
        real = f"{top}/{path}"
        try:
            if stat.S_ISLNK(about.st_mode):
                target = os.fsencode(os.readlink(real))  # noqa: PTH115
                found[path] = (LINK, blob_id(target, hash_name))
            elif mode := file_mode(about):
                found[path] = (mode, _streamed(real, about.st_size, hash_name))
        except OSError as error:
            raise UnusableInput(f"{path}: cannot be read ({error.strerror}).") from None
    return found


def tree_entries(tree: Tree) -> dict[str, tuple[str, str]]:
    """Return mode and id of every file of a tree, by path, read through the tree itself.

    For small trees: those on disk have `directory_entries`, revisions have theirs already.
    """
    found = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        for name in tree.names(folder):
            path = f"{folder}/{name}" if folder else name
            mode = tree.mode(path)
            if mode is None:
                folders.append(path)
            else:
                found[path] = (mode, blob_id(tree.raw(path), tree.base.hash_name))
    return found


def _streamed(real: str, size: int, hash_name: str) -> str:
    digest = hashlib.new(hash_name, b"blob %d\0" % size, usedforsecurity=False)
    left = size
    with open(real, "rb", buffering=0) as file:  # noqa: PTH123
        while data := file.read(_AT_ONCE):
            left -= len(data)
            digest.update(data)
            if left < 0:
                break
    if left:
        raise UnusableInput(f"{real} changed while it was read; try again.")
    return digest.hexdigest()
