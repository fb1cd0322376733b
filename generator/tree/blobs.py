"""A tree whose files are blobs of a repository: what revisions and the index have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES
from generator.tree.base import EXECUTABLE, FILE, LINK, Base
from generator.tree.git import Repository
from generator.tree.objects import ObjectReader
from generator.tree.partial import fetch_blobs

SUBMODULE = "160000"
"""Git's mode for the commit of another repository."""


class BlobTree(ABC):
    """Files whose bytes are in an object database; nothing is checked out."""

    base: Base
    prefix: str

    def __init__(self, repository: Repository, reader: ObjectReader | None = None) -> None:
        """Take the repository; `reader` is one that other trees of the repository share."""
        self._repository = repository
        self._shared = reader
        self._ahead: dict[str, bytes] = {}

    @property
    @abstractmethod
    def entries(self) -> dict[str, tuple[str, str]]:
        """Paths to mode and object id."""

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        folders: dict[str, set[str]] = {}
        for path in self.entries:
            while path:
                path, _, name = path.rpartition("/")
                if name in folders.setdefault(path, set()):
                    break
                folders[path].add(name)
        return folders

    @cached_property
    def _reader(self) -> ObjectReader:
        return self._shared or ObjectReader(self._repository.directory)

    @cached_property
    def links(self) -> frozenset[str]:
        """The paths of all symbolic links."""
        return frozenset(path for path, (mode, _) in self.entries.items() if mode == LINK)

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Read all blobs whose paths matter in a few round trips, each blob once."""
        wanted = [
            (path, object_id)
            for path, (mode, object_id) in self.entries.items()
            if mode in (FILE, EXECUTABLE) and path not in self._ahead and matters(path)
        ]
        ids = list(dict.fromkeys(object_id for _, object_id in wanted))
        if self.base.commit is not None:
            fetch_blobs(self._repository.directory, self.base.commit, ids)
        blobs = self._reader.blobs(ids, MAX_BYTES)
        for path, object_id in wanted:
            if object_id in blobs:
                self._ahead[path] = blobs[object_id]

    def mode(self, path: str) -> str | None:
        """Return an entry's mode; a submodule is no file."""
        entry = self.entries.get(path)
        return entry[0] if entry and entry[0] != SUBMODULE else None

    def raw(self, path: str) -> bytes:
        """Return a blob's bytes."""
        if path in self._ahead:
            return self._ahead[path]
        entry = self.entries.get(path)
        if entry is None or entry[0] == SUBMODULE:
            raise UnusableInput(f"{path}: there is no such file in {self.base.name}.")
        try:
            data = self._reader.blob(entry[1], MAX_BYTES)
        except UnusableInput as error:
            raise UnusableInput(f"{path} in {self.base.name}: {error}") from None
        if data is None:
            raise UnusableInput(f"{path} in {self.base.name} is larger than 8 MiB, the limit.")
        return data

    def content_id(self, path: str) -> str | None:
        """Return a file's blob id."""
        entry = self.entries.get(path)
        return entry[1] if entry else None

    def names(self, directory: str) -> list[str]:
        """Return the names in a folder."""
        return sorted(self._folders.get(directory, ()))

    def close(self) -> None:
        """End the process that reads the objects, where this tree started one."""
        if "_reader" in self.__dict__ and self._shared is None:
            self._reader.close()
