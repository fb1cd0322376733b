"""Blobs straight from a repository's object database."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.exits import UnusableInput
from generator.tree.git import HARMLESS, git_in

_AT_ONCE = 100
"""Requests that surely fit into a pipe's buffer, so that neither side waits for the other."""


class ObjectReader:
    """Objects of one repository, read through a single `git cat-file --batch`.

    One that `remembers` keeps every object that it has read, for trees that share it.
    """

    def __init__(
        self,
        directory: Path,
        remembers: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._environment = dict(environment) if environment else None
        self._remembered: dict[str, bytes] | None = {} if remembers else None
        self._process = self._start()

    def _start(self) -> Any:
        return git_in(self._directory).execute(
            ["git", *HARMLESS, "cat-file", "--batch"], as_process=True, istream=subprocess.PIPE,
            env=self._environment,
        )  # fmt: skip

    def blob(self, object_id: str, limit: int) -> bytes | None:
        """Return a blob's bytes, None where it is larger than `limit` bytes.

        Raises UnusableInput where the repository lacks the object.
        """
        return self.blobs([object_id], limit).get(object_id)

    def blobs(self, object_ids: list[str], limit: int) -> dict[str, bytes]:
        """Return the bytes of blobs by id, without those larger than `limit` bytes.

        Raises UnusableInput where the repository lacks one or cannot read it.
        """
        known = self._remembered or {}
        found = {name: known[name] for name in object_ids if name in known}
        missing = [name for name in object_ids if name not in found]
        for start in range(0, len(missing), _AT_ONCE):
            found.update(self._answers(missing[start : start + _AT_ONCE], limit))
        if self._remembered is not None:
            self._remembered.update(found)
        return found

    def _answers(self, asked: list[str], limit: int) -> dict[str, bytes]:
        """Return the answers to some requests; all are read, also where one is an error.

        What is left unread would be taken for the answer to the next request.
        """
        try:
            self._process.stdin.write(b"".join(b"%s\n" % name.encode() for name in asked))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._restarted(asked[0]) from None
        found: dict[str, bytes] = {}
        lost: list[str] = []
        for object_id in asked:
            header = self._process.stdout.readline().split()
            if header[:1] != [object_id.encode()]:
                raise self._restarted(object_id)
            if len(header) != 3:
                lost.append(object_id)
                continue
            data = self._body(object_id, int(header[2]), limit)
            if data is not None:
                found[object_id] = data
        if lost:
            raise _unreadable(lost[0])
        return found

    def _body(self, object_id: str, size: int, limit: int) -> bytes | None:
        if size <= limit:
            data = bytes(self._process.stdout.read(size + 1))
            if len(data) != size + 1:
                raise self._restarted(object_id)
            return data[:size]
        left = size + 1
        while left > 0:
            read = self._process.stdout.read(min(left, limit))
            if not read:
                raise self._restarted(object_id)
            left -= len(read)
        return None

    def _restarted(self, object_id: str) -> UnusableInput:
        """Return the error for an object over which git ended, and start it anew for the next."""
        self.close()
        self._process = self._start()
        return _unreadable(object_id)

    def close(self) -> None:
        """End the process, however it fared: what mattered was said when it was read."""
        from git.exc import GitCommandError

        with contextlib.suppress(GitCommandError, OSError):
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()


def _unreadable(object_id: str) -> UnusableInput:
    return UnusableInput(
        f"git cannot read the object {object_id} of the repository; `git fsck` tells more."
    )
