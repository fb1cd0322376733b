"""The index of a repository: what a commit would hold, whatever lies in the work tree."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from generator.exits import UnusableInput
from generator.tree.base import Base
from generator.tree.blobs import SUBMODULE, BlobTree
from generator.tree.git import Repository, run_git
from generator.tree.ids import blob_id


class IndexTree(BlobTree):
    """The files that are staged, below a folder of the repository.

    `environment` names another index than the repository's own, as git gives one to the hooks of
    `git commit -a` (githooks(5): GIT_INDEX_FILE).
    """

    def __init__(
        self, repository: Repository, prefix: str, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(repository)
        self.prefix = prefix
        self.base = Base("what is staged", hash_name=repository.hash_name)
        self._environment = dict(environment or {})

    @cached_property
    def entries(self) -> dict[str, tuple[str, str]]:
        """Paths to mode and object id, from one listing.

        Raises UnusableInput where a merge has not been resolved.
        """
        assert self._repository.top is not None
        listing = run_git(
            self._repository.top, "ls-files", "--stage", "-z", "--full-name",
            self._pathspec,
            strip_newline_in_stdout=False, env=self._environment,
        )  # fmt: skip
        entries = {}
        for row in listing.split("\0"):
            if row:
                facts, _, path = row.partition("\t")
                mode, object_id, stage = facts.split(" ")
                if stage != "0":
                    raise UnusableInput(f"{path}: the merge is not resolved; resolve it first.")
                entries[path.removeprefix(self.prefix)] = (mode, object_id)
        if any(object_id == blob_id(b"", self.base.hash_name) for _, object_id in entries.values()):
            for path in self._only_intended():
                entries.pop(path.removeprefix(self.prefix), None)
        return entries

    def _only_intended(self) -> list[str]:
        """Return the files that `git add --intent-to-add` named: a commit will not have them.

        They stand in the index as empty ones, and git compares them as new in the work tree.
        """
        assert self._repository.top is not None
        listing = run_git(
            self._repository.top, "diff", "--name-only", "--diff-filter=A", "--no-renames",
            "--no-ext-diff", "--ignore-submodules=all", "-z", "--", self._pathspec,
            env=self._environment,
        )  # fmt: skip
        return [path for path in listing.split("\0") if path]

    @property
    def _pathspec(self) -> str:
        return f":(top,literal){self.prefix.rstrip('/')}" if self.prefix else ":(top)"

    @property
    def submodule(self) -> str | None:
        """The commit that is staged, where the tree's folder is a submodule."""
        mode, object_id = self.entries.get(self.prefix.rstrip("/"), ("", ""))
        return object_id if mode == SUBMODULE else None
