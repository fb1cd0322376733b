"""Commits in the format of git-fast-import(1), which writes many of them in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generator.engine.series import FileChange


@dataclass(frozen=True)
class NewCommit:
    """A commit to be written: `author` and `committer` are `Name <mail>`, `seconds` since 1970.

    `files` are changes with the bytes that the commit gives each, None for a deleted file.
    """

    author: str
    committer: str
    seconds: int
    message: str
    files: tuple[tuple[FileChange, bytes | None], ...]


def commit_rows(
    branch: str, commit: NewCommit, prefix: str = "", parent: str | None = None, mark: int = 0
) -> Iterator[bytes]:
    """Give a commit on a branch, on top of what it is at or of `parent`, a commit's full id.

    `prefix` is put before every path. A `mark` that is not 0 names the commit in the import's
    list of marks.
    """
    text = commit.message.encode("utf-8", "surrogateescape")
    yield f"commit refs/heads/{branch}\n".encode()
    if mark:
        yield f"mark :{mark}\n".encode()
    for role, who in (("author", commit.author), ("committer", commit.committer)):
        row = f"{role} {who} {commit.seconds} +0000\n"
        yield row.encode("utf-8", "surrogateescape")
    yield b"data %d\n%s\n" % (len(text), text)
    if parent is not None:
        yield f"from {parent}\n".encode()
    yield from _files(commit.files, prefix)
    yield b"\n"


def _files(files: Iterable[tuple[FileChange, bytes | None]], prefix: str) -> Iterator[bytes]:
    for change, data in files:
        path = _quoted(prefix + change.path)
        if data is None:
            yield b"D %s\n" % path
        else:
            yield b"M %s inline %s\n" % (change.mode.encode(), path)
            yield b"data %d\n%s\n" % (len(data), data)


def _quoted(path: str) -> bytes:
    data = path.encode("utf-8", "surrogateescape")
    escaped = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped
