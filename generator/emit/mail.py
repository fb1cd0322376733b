"""A series as mails for `git am`, or as one diff for `git apply`.

Git itself writes them, from commits in a repository of its own in a temporary directory: the
user's repository is not touched, no configuration of the user's or the machine's is read, and
dates are those of the semantic patches, so the same series gives the same bytes.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.emit.message import commit_message
from generator.engine.series import FileChange, Series
from generator.tree.git import run_git, sealed

AUTHOR = "kubespray-patchgen <kubespray-patchgen@noreply.invalid>"

_DIFF_OPTIONS = (
    "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--binary",
    "--diff-algorithm=myers", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


def mails(series: Series, prefix: str = "", uncommitted: bool = False) -> list[bytes]:
    """Return one mail for each patch that changes something.

    `prefix` is put before every path. `uncommitted` is told in the messages.
    """
    if not series.applied:
        return []
    with _repository(series, prefix, uncommitted) as repository:
        out = repository / "mails"
        run_git(
            repository, "format-patch", "--quiet", "--zero-commit", "--no-signature",
            "--encode-email-headers", "--subject-prefix=PATCH", *_DIFF_OPTIONS,
            f"--output-directory={out}", "base..series", env=sealed(repository),
        )  # fmt: skip
        return [path.read_bytes() for path in sorted(out.iterdir())]


def diff(series: Series, prefix: str = "") -> bytes:
    """Return the whole series as one diff; empty where nothing changes."""
    if not series.applied:
        return b""
    with _repository(series, prefix, False) as repository:
        out = repository / "series.diff"
        run_git(
            repository, "diff", *_DIFF_OPTIONS, f"--output={out}", "base", "series",
            env=sealed(repository),
        )  # fmt: skip
        return out.read_bytes()


@contextmanager
def _repository(series: Series, prefix: str, uncommitted: bool) -> Iterator[Path]:
    """Give a bare repository with the branches `base` and `series`, of the files that change."""
    with tempfile.TemporaryDirectory(prefix="kubespray-patchgen-") as directory:
        repository = Path(directory)
        environment = sealed(repository)
        run_git(
            repository, "init", "--quiet", "--bare", "--template=",
            f"--object-format={series.base.hash_name}", ".", env=environment,
        )  # fmt: skip
        stream = repository / "stream"
        stream.write_bytes(b"".join(_stream(series, prefix, uncommitted)))
        with stream.open("rb") as source:
            run_git(repository, "fast-import", "--quiet", istream=source, env=environment)
        yield repository


def _stream(series: Series, prefix: str, uncommitted: bool) -> Iterator[bytes]:
    """Give the commits in the format of git-fast-import(1)."""
    first = series.applied[0].patch.date
    before = [change for change in series.files if change.before is not None]
    yield _commit("base", first, "base", [(change, change.before) for change in before], prefix)
    yield b"reset refs/heads/series\nfrom refs/heads/base\n\n"
    for applied in series.applied:
        message = commit_message(applied, series.base, uncommitted)
        files = [(change, change.after) for change in applied.files]
        yield _commit("series", applied.patch.date, message, files, prefix)


def _commit(
    branch: str, date: str, message: str, files: list[tuple[FileChange, bytes | None]], prefix: str
) -> bytes:
    text = message.encode()
    rows = [
        f"commit refs/heads/{branch}\ncommitter {AUTHOR} {_seconds(date)} +0000\n".encode(),
        b"data %d\n%s\n" % (len(text), text),
    ]
    for change, data in files:
        path = _quoted(prefix + change.path)
        if data is None:
            rows.append(b"D %s\n" % path)
        else:
            rows.append(b"M %s inline %s\n" % (change.mode.encode(), path))
            rows.append(b"data %d\n%s\n" % (len(data), data))
    return b"".join(rows) + b"\n"


def _seconds(date: str) -> int:
    day = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc)
    return int(day.timestamp())


def _quoted(path: str) -> bytes:
    data = path.encode("utf-8", "surrogateescape")
    escaped = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped
