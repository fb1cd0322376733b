"""A revision of a repository, read from its object database; nothing is checked out."""

from __future__ import annotations

from functools import cached_property

from generator.exits import UnusableInput
from generator.tree.base import Base, normal
from generator.tree.blobs import SUBMODULE, BlobTree
from generator.tree.git import Repository, run_git
from generator.tree.objects import ObjectReader


class RevisionTree(BlobTree):
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
        super().__init__(repository, reader)
        self.prefix = prefix
        self.base = Base(name, commit, name, hash_name=repository.hash_name)

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
        if row.startswith(SUBMODULE):
            raise UnusableInput(
                f"'{folder}' is a submodule: its files are in a repository of its own. "
                f"Name that one as the tree, with a revision of its own."
            )
