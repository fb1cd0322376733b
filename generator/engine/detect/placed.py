"""Files that tasks lay down on a machine, and the files of the tree that they come from."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from generator.engine.detect.events import Moment
from generator.model.variables import Scope


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the tree as a task laid it down: rendered from a template, or as it is."""

    path: str
    rendered: bool
    scope: Scope
    moment: Moment


@dataclass
class Placed:
    """All files laid down so far in a run."""

    _by_path: dict[str, Source | None] = field(default_factory=dict)
    _by_role: dict[str, list[Source]] = field(default_factory=dict)
    _applied: set[int] = field(default_factory=set)

    def put(self, destination: str | None, path: str, source: Source | None) -> None:
        """Note a file; `destination` may be a folder, and None where it is not known.

        `source` is None where the tree's file at `path` holds no workload.
        """
        if destination is not None:
            name = posixpath.basename(path).removesuffix(".j2")
            self._by_path[posixpath.normpath(destination)] = source
            self._by_path[posixpath.normpath(posixpath.join(destination, name))] = source
        if source is None:
            return
        for folder in source.moment.run.folders[-1:]:
            self._by_role.setdefault(folder, []).append(source)

    def at(self, path: str) -> Source | None:
        """Return the file at a path of the machine, None where no task laid one down."""
        source = self._by_path.get(posixpath.normpath(path))
        if source is not None:
            self._applied.add(id(source))
        return source

    def knows(self, path: str) -> bool:
        """Tell whether a task has laid down a file of the tree at a path of the machine."""
        return posixpath.normpath(path) in self._by_path

    def left_by(self, folder: str) -> list[Source]:
        """Return the files that a role has laid down and nobody has applied so far."""
        left = [s for s in self._by_role.get(folder, ()) if id(s) not in self._applied]
        self._applied.update(map(id, left))
        return left
