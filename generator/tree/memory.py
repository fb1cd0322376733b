"""Trees in memory: a set of files, or another tree with some files changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from generator.exits import UnusableInput
from generator.tree.base import FILE, Base, Tree


class MemoryTree:
    """A tree made of a mapping of paths to bytes; every file is a regular one."""

    prefix = ""
    links: frozenset[str] = frozenset()

    def __init__(self, files: Mapping[str, bytes], name: str) -> None:
        self._files = dict(files)
        self.base = Base(name, revision=name)

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Do nothing: all is in memory."""

    def mode(self, path: str) -> str | None:
        """Return the mode of a regular file where the path is one."""
        return FILE if path in self._files else None

    def raw(self, path: str) -> bytes:
        """Return a file's bytes."""
        try:
            return self._files[path]
        except KeyError:
            raise UnusableInput(f"{path}: there is no such file in {self.base.name}.") from None

    def content_id(self, path: str) -> None:
        """Return None: nothing is cheaper here than the bytes."""

    def names(self, directory: str) -> list[str]:
        """Return the names in a folder."""
        start = f"{directory}/" if directory else ""
        inside = (path[len(start) :] for path in self._files if path.startswith(start))
        return sorted({path.split("/", 1)[0] for path in inside})


class ChangedTree:
    """A tree with some files changed, added or (None) deleted; the tree below stays as it is."""

    def __init__(self, below: Tree, files: Mapping[str, bytes | None]) -> None:
        self._below = below
        self._files = dict(files)
        self.base = below.base
        self.prefix = below.prefix

    @property
    def links(self) -> frozenset[str] | None:
        """The links of the tree below: a change is never one."""
        return self._below.links

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Let the tree below read ahead."""
        self._below.read_ahead(matters)

    def mode(self, path: str) -> str | None:
        """Return an entry's mode; a changed file keeps the one it had."""
        if path in self._files and self._files[path] is None:
            return None
        return self._below.mode(path) or (FILE if path in self._files else None)

    def raw(self, path: str) -> bytes:
        """Return a file's bytes as changed."""
        data = self._files.get(path)
        if data is not None:
            return data
        return self._below.raw(path)

    def content_id(self, path: str) -> str | None:
        """Return the id that the tree below gives a file, None for a changed one."""
        return None if path in self._files else self._below.content_id(path)

    def names(self, directory: str) -> list[str]:
        """Return the names in a folder as changed."""
        start = f"{directory}/" if directory else ""
        names = set(self._below.names(directory))
        for path, data in self._files.items():
            if not path.startswith(start):
                continue
            name, _, more = path[len(start) :].partition("/")
            if data is not None:
                names.add(name)
            elif not more:
                names.discard(name)
        return sorted(names)
