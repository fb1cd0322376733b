"""A series as mails for `git am`, or as one diff for `git apply`.

Git itself writes them, from commits in a repository of its own in a temporary directory: the
user's repository is not touched, no configuration of the user's or the machine's is read, and
dates are those of the semantic patches, so the same series gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.emit.message import commit_message, seconds_of
from generator.emit.scratch import scratch_repository
from generator.emit.stream import NewCommit, commit_rows
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
    with scratch_repository(series.base.hash_name) as (repository, environment):
        stream = repository / "stream"
        stream.write_bytes(b"".join(_stream(series, prefix, uncommitted)))
        with stream.open("rb") as source:
            run_git(repository, "fast-import", "--quiet", istream=source, env=environment)
        yield repository


def _stream(series: Series, prefix: str, uncommitted: bool) -> Iterator[bytes]:
    """Give the files before the series as one commit, and one for each patch on top of it."""
    first = series.applied[0].patch.date
    before = tuple((change, change.before) for change in series.files if change.before is not None)
    yield from commit_rows("base", _commit(first, "base", before), prefix)
    yield b"reset refs/heads/series\nfrom refs/heads/base\n\n"
    for applied in series.applied:
        message = commit_message(applied, series.base, uncommitted)
        files = tuple((change, change.after) for change in applied.files)
        yield from commit_rows("series", _commit(applied.patch.date, message, files), prefix)


def _commit(
    date: str, message: str, files: tuple[tuple[FileChange, bytes | None], ...]
) -> NewCommit:
    return NewCommit(AUTHOR, AUTHOR, seconds_of(date), message, files)
