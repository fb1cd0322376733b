"""A git work tree: files as they lie on disk, with what git knows of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.base import Base
from generator.tree.directory import DirectoryTree
from generator.tree.git import Repository, run_git


class WorkTree(DirectoryTree):
    """The files of a work tree, changed or not.

    Where git turns line endings on checkout (`core.autocrlf`, `eol` attributes) a file is read
    as git has it, so that a patch applies to the repository; `on_disk` turns it back.
    """

    def __init__(self, repository: Repository, directory: Path) -> None:
        super().__init__(directory, Base(str(directory)))
        self.repository = repository
        self.prefix = repository.prefix
        self.base = Base(
            name=str(directory), commit=_head(repository),
            hash_name=repository.hash_name,
        )  # fmt: skip

    def raw(self, path: str) -> bytes:
        """Return a file's bytes, with git's line endings."""
        data = super().raw(path)
        turned = b"\r\n" in data and self._turned(path)
        return data.replace(b"\r\n", b"\n") if turned else data

    def on_disk(self, path: str, data: bytes) -> bytes:
        """Return new bytes of a file as they belong on disk, given those with git's endings."""
        if self.mode(path) is None or b"\r\n" in data or b"\r\n" not in super().raw(path):
            return data
        return data.replace(b"\n", b"\r\n") if self._turned(path) else data

    def uncommitted(self, paths: list[str]) -> list[str]:
        """Return those of the paths that differ from the last commit or are not tracked."""
        answer = run_git(
            self.top, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames",
            "--ignored", "--", *(f":(literal){path}" for path in paths),
        )  # fmt: skip
        changed = (row[3:] for row in answer.split("\0") if row)
        return [path.removeprefix(self.prefix) for path in changed]

    def _turned(self, path: str) -> bool:
        """Tell whether git stores a file with LF that it checked out with CR LF."""
        try:
            row = run_git(self.top, "ls-files", "--eol", "--", f":(literal){path}")
        except UnusableInput:
            return False
        index, work, attribute = [*row.partition("\t")[0].split(), "", "", ""][:3]
        converts = attribute.startswith(("attr/text", "attr/eol")) or self._autocrlf
        return index == "i/lf" and work == "w/crlf" and attribute != "attr/-text" and converts

    @cached_property
    def _autocrlf(self) -> bool:
        try:
            setting = run_git(self.top, "config", "--get", "core.autocrlf")
        except UnusableInput:
            return False
        return setting.lower() in ("true", "yes", "on", "1", "input")


def _head(repository: Repository) -> str | None:
    """Return the commit that is checked out, None before the first one."""
    try:
        return run_git(repository.directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except UnusableInput:
        return None
