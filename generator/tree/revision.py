"""A revision of a repository, read from its object database; nothing is checked out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES
from generator.tree.base import EXECUTABLE, FILE, LINK, Base, normal
from generator.tree.git import Repository, run_git
from generator.tree.objects import ObjectReader
from generator.tree.partial import fetch_blobs

_SUBMODULE = "160000"


class RevisionTree:
    """The files of one commit, below a folder of it."""

    def __init__(
        self,
        repository: Repository,
        commit: str,
        name: str,
        prefix: str = "",
        reader: ObjectReader | None = None,
    ) -> None:
        """Take a commit's full id; `reader` is one that other trees of the repository share."""
        self.prefix = prefix
        self.base = Base(name, commit, name, hash_name=repository.hash_name)
        self._repository = repository
        self._shared = reader
        self._ahead: dict[str, bytes] = {}

    @cached_property
    def entries(self) -> dict[str, tuple[str, str]]:
        """Paths to mode and object id, from one listing."""
        where = f"{self.base.commit}:{self.prefix.rstrip('/')}"
        if self.prefix:
            self._require_folder()
        listing = run_git(
            self._repository.directory, "ls-tree", "-r", "-z", "--full-tree", where,
            strip_newline_in_stdout=False,
        )  # fmt: skip
        entries = {}
        for row in listing.split("\0"):
            if row:
                facts, _, path = row.partition("\t")
                mode, _, object_id = facts.split(" ")
                entries[path] = (mode, object_id)
        return entries

    def _require_folder(self) -> None:
        folder = self.prefix.rstrip("/")
        assert self.base.commit is not None
        row = ""
        if normal(folder) is not None:
            row = run_git(
                self._repository.directory, "ls-tree", "--full-tree", self.base.commit, "--", folder
            )
        if not row:
            raise UnusableInput(f"revision {self.base.name} has no folder '{folder}'.")
        if " blob " in row:
            raise UnusableInput(f"'{folder}' is a file; name the folder of a Kubespray after ':'.")
        if row.startswith(_SUBMODULE):
            raise UnusableInput(
                f"'{folder}' is a submodule: its files are in a repository of its own. "
                f"Name that one as the tree, with a revision of its own."
            )

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
        assert self.base.commit is not None
        fetch_blobs(self._repository.directory, self.base.commit, ids)
        blobs = self._reader.blobs(ids, MAX_BYTES)
        for path, object_id in wanted:
            if object_id in blobs:
                self._ahead[path] = blobs[object_id]

    def mode(self, path: str) -> str | None:
        """Return an entry's mode; a submodule is no file."""
        entry = self.entries.get(path)
        return entry[0] if entry and entry[0] != _SUBMODULE else None

    def raw(self, path: str) -> bytes:
        """Return a blob's bytes."""
        if path in self._ahead:
            return self._ahead[path]
        entry = self.entries.get(path)
        if entry is None or entry[0] == _SUBMODULE:
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
