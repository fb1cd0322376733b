"""Git repositories: which one a path lies in, and its objects, read without a checkout.

Git is run through GitPython with the repository's own hooks and file-system monitor off:
a tree is untrusted input and nothing of it is run.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from generator.exits import UnusableInput

if TYPE_CHECKING:
    from git import Git

_HARMLESS = (
    "--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
)  # fmt: skip

_OF_ANOTHER_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS", "GIT_DIFF_OPTS", "GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)  # fmt: skip
"""What git sets for hooks and aliases; see `git rev-parse --local-env-vars`."""


def forget_other_repository() -> None:
    """Drop variables by which git would read another repository than the one that is named."""
    for name in _OF_ANOTHER_REPOSITORY:
        os.environ.pop(name, None)


def git_in(directory: Path) -> Git:
    """Return GitPython's command for a directory; raises UnusableInput where git is missing."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import Git

    return Git(str(directory))


def run_git(directory: Path, *arguments: str, **options: Any) -> str:
    """Run git in a directory and return what it prints, without the final newline.

    Raises UnusableInput with git's own first line where it fails.
    """
    from git.exc import GitCommandError, GitCommandNotFound

    command = ["git", *_HARMLESS, *arguments]
    try:
        result = git_in(directory).execute(command, **options)
    except GitCommandNotFound:
        raise UnusableInput("git was not found; install it and put it on PATH.") from None
    except GitCommandError as error:
        raise UnusableInput(f"git {arguments[0]} failed: {first_line(error.stderr)}") from None
    return str(result)


Progress: TypeAlias = Callable[[float], None]
"""Is told how much of a transfer is done, from 0 to 1."""


def fetch(directory: Path, url: str, refspec: str, progress: Progress | None = None) -> None:
    """Fetch one ref without its history; raises UnusableInput where that fails."""
    from git import RemoteProgress
    from git.cmd import handle_process_output
    from git.exc import GitCommandError

    class Meter(RemoteProgress):
        def update(
            self, op_code: int, cur_count: str | float, max_count: str | float | None = None,
            message: str = "",
        ) -> None:  # fmt: skip
            if progress is not None and max_count and op_code & self.RECEIVING:
                progress(float(cur_count) / float(max_count))

    meter = Meter()
    process: Any = git_in(directory).execute(
        ["git", *_HARMLESS, "fetch", "--progress", "--depth=1", "--no-tags", "--end-of-options",
         url, refspec],
        as_process=True, universal_newlines=True, env={"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    handle_process_output(process, None, meter.new_message_handler(), decode_streams=False)
    try:
        process.wait()
    except GitCommandError as error:
        said = "\n".join(meter.error_lines) or error.stderr
        raise UnusableInput(f"git fetch failed: {first_line(said)}") from None


def sealed(home: Path) -> dict[str, str]:
    """Return an environment in which git reads no configuration of user or machine."""
    return {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1",
        "GIT_DIR": str(home), "GIT_CONFIG_COUNT": "0", "LC_ALL": "C", "TZ": "UTC",
    }  # fmt: skip


def first_line(stderr: object) -> str:
    """Return what git complained of, as one line without its prefix."""
    text = str(stderr).strip()
    quoted = re.fullmatch(r"stderr: '(.*)'", text, re.DOTALL)
    text = quoted[1] if quoted else text
    for line in text.splitlines():
        if line.strip():
            return line.strip().removeprefix("fatal: ").removeprefix("error: ")
    return "no reason was given"


@dataclass(frozen=True)
class Repository:
    """A repository and the place in it that a path names.

    `top` is the work tree's top, None in a bare repository; `prefix` is the path below it,
    with a final slash, or empty.
    """

    directory: Path
    top: Path | None
    prefix: str
    hash_name: str


def repository_at(path: Path) -> Repository | None:
    """Return the repository that a directory lies in, None where it lies in none.

    Raises UnusableInput where git refuses the repository (an owner it does not trust, say).
    """
    asked = ("--is-bare-repository", "--is-inside-work-tree", "--show-object-format")
    try:
        answer = run_git(path, "rev-parse", *asked, "--show-prefix")
    except UnusableInput as error:
        if "dubious ownership" in str(error):
            raise UnusableInput(
                f"git does not trust {path}, which belongs to someone else; if you do, run "
                f"`git config --global --add safe.directory {path.resolve()}`."
            ) from None
        if "not a git repository" in str(error):
            return None
        raise
    bare, inside, hash_name, *prefix = answer.split("\n")
    if inside == "true":
        below = prefix[0] if prefix else ""
        resolved = path.resolve()
        top = resolved.parents[below.count("/") - 1] if below else resolved
        return Repository(path, top, below, hash_name)
    if bare == "true":
        return Repository(path, None, "", hash_name)
    return None


def commit_of(repository: Repository, revision: str) -> str:
    """Return the full id of the commit that a revision names.

    Raises UnusableInput where the revision begins with a dash or names no commit.
    """
    if revision.startswith("-") or not revision.strip() or not revision.isprintable():
        raise UnusableInput(f"'{revision}' is not a revision; name a tag, a branch or a commit.")
    try:
        return run_git(
            repository.directory, "rev-parse", "--verify", "--quiet", "--end-of-options",
            f"{revision}^{{commit}}",
        )  # fmt: skip
    except UnusableInput:
        raise UnusableInput(
            f"the repository {repository.directory} has no revision '{revision}'; "
            "fetch it, or name one that `git tag` or `git branch` lists."
        ) from None


_AT_ONCE = 100
"""Requests that surely fit into a pipe's buffer, so that neither side waits for the other."""


class ObjectReader:
    """Blobs of one repository, read through a single `git cat-file --batch`."""

    def __init__(self, directory: Path) -> None:
        self._process: Any = git_in(directory).execute(
            ["git", *_HARMLESS, "cat-file", "--batch"], as_process=True, istream=subprocess.PIPE
        )

    def blob(self, object_id: str, limit: int) -> bytes | None:
        """Return a blob's bytes, None where it is larger than `limit` bytes.

        Raises UnusableInput where the repository lacks the object.
        """
        return self.blobs([object_id], limit).get(object_id)

    def blobs(self, object_ids: list[str], limit: int) -> dict[str, bytes]:
        """Return the bytes of blobs by id, without those larger than `limit` bytes.

        Raises UnusableInput where the repository lacks one or cannot read it.
        """
        found: dict[str, bytes] = {}
        for start in range(0, len(object_ids), _AT_ONCE):
            asked = object_ids[start : start + _AT_ONCE]
            try:
                self._process.stdin.write(b"".join(b"%s\n" % name.encode() for name in asked))
                self._process.stdin.flush()
            except BrokenPipeError:
                raise _unreadable(asked[0]) from None
            for object_id in asked:
                data = self._next(object_id, limit)
                if data is not None:
                    found[object_id] = data
        return found

    def _next(self, object_id: str, limit: int) -> bytes | None:
        header = self._process.stdout.readline().split()
        if len(header) != 3:
            raise _unreadable(object_id)
        size = int(header[2])
        if size <= limit:
            data = bytes(self._process.stdout.read(size + 1))
            if len(data) != size + 1:
                raise _unreadable(object_id)
            return data[:size]
        left = size + 1
        while left > 0:
            read = self._process.stdout.read(min(left, limit))
            if not read:
                raise _unreadable(object_id)
            left -= len(read)
        return None

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
