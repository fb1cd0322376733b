"""What every tree can do, whatever it is made of.

Paths are relative to the tree's top, with forward slashes. Trees are untrusted: symbolic
links are followed only inside the tree, and nothing above its top is ever read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from generator.exits import UnusableInput

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"
"""Git's modes for the three kinds of entry that matter here."""

MAX_LINKS = 40
"""As many symbolic links as Linux follows in one path."""


@dataclass(frozen=True)
class Base:
    """What a series is made for.

    `name` is what messages call it (a directory, a revision). `commit` is the full id of the
    revision, None where the tree is in no repository, and `revision` a name by which the tree
    is known everywhere (a tag, not a directory). `hash_name` is the repository's object
    format, sha1 or sha256.
    """

    name: str
    commit: str | None = None
    revision: str | None = None
    hash_name: str = "sha1"


class Tree(Protocol):
    """A set of files under one top."""

    @property
    def base(self) -> Base:
        """What the tree is, for messages and for the patch's base line."""

    @property
    def prefix(self) -> str:
        """The tree's path below the top of its repository, with a final slash, or empty."""

    @property
    def links(self) -> frozenset[str] | None:
        """The paths of all symbolic links, None where only a look at each path can tell."""

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Read all files whose paths matter, where that is faster than one by one."""

    def mode(self, path: str) -> str | None:
        """Return the git mode of a file or link, None where there is no such entry."""

    def raw(self, path: str) -> bytes:
        """Return a file's bytes, or a link's target; raises UnusableInput if unreadable."""

    def content_id(self, path: str) -> str | None:
        """Return an id of a file's content, None where only its bytes tell."""

    def names(self, directory: str) -> list[str]:
        """Return the sorted names of the files, links and folders in a folder ('' is the top)."""


def normal(path: str) -> str | None:
    """Return a path without `.` and `..`, None where it leaves the tree."""
    result = posixpath.normpath(path) if path else "."
    if result.startswith(("/", "../")) or result == "..":
        return None
    return "" if result == "." else result


def resolve(tree: Tree, path: str) -> str | None:
    """Follow the symbolic links in a path; None where it leaves the tree or loops."""
    path_inside = normal(path)
    if path_inside is None or not _may_hold_link(tree, path_inside):
        return path_inside
    pending = path_inside.split("/")
    done: list[str] = []
    links = 0
    while pending:
        done.append(pending.pop(0))
        here = "/".join(done)
        if not here or tree.mode(here) != LINK:
            continue
        links += 1
        target = tree.raw(here).decode("utf-8", "surrogateescape")
        done.pop()
        joined = normal("/".join([*done, target, *pending])) if target[:1] != "/" else None
        if links > MAX_LINKS or joined is None:
            return None
        done, pending = [], joined.split("/")
    return "/".join(done)


def _may_hold_link(tree: Tree, path: str) -> bool:
    links = tree.links
    if links is None:
        return any(tree.mode(here) == LINK for here in _on_the_way(path))
    return path in links or path.startswith(_as_folders(links))


@lru_cache(maxsize=8)
def _as_folders(links: frozenset[str]) -> tuple[str, ...]:
    return tuple(f"{link}/" for link in links)


def _on_the_way(path: str) -> Iterator[str]:
    """Give the folders that a path leads through, the outermost first, then the path itself."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
    if path:
        yield path


def find(tree: Tree, path: str) -> str | None:
    """Return the path of the regular file that a path names, None where there is none."""
    real = resolve(tree, path)
    return real if real and tree.mode(real) in (FILE, EXECUTABLE) else None


def names(tree: Tree, directory: str) -> list[str]:
    """Return the names in a folder, through links inside the tree; none where it leaves it."""
    real = resolve(tree, directory)
    return tree.names(real) if real is not None else []


def read(tree: Tree, path: str) -> bytes:
    """Return the bytes of a file, through links inside the tree.

    Raises UnusableInput where there is none.
    """
    real = find(tree, path)
    if real is None:
        raise UnusableInput(f"{path}: there is no such file in {tree.base.name}.")
    return tree.raw(real)
