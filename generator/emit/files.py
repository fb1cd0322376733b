"""Writing files: all of them or none."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from generator.exits import UnusableInput

_WAITING = ".kubespray-patchgen-"
_OURS = re.compile(r"series|\d{4}-[a-z0-9-]+\.patch")


def write_series(directory: Path, ids: list[str], mails: list[bytes]) -> list[str]:
    """Write mails as numbered files, and `series` with their names; return the names.

    A series that was written there before is replaced. Raises UnusableInput where the directory
    holds anything else, or cannot be written; then nothing in it changes.
    """
    names = [f"{number:04d}-{name}.patch" for number, name in enumerate(ids, start=1)]
    files = dict(zip(names, mails, strict=True))
    files["series"] = "".join(f"{name}\n" for name in names).encode()
    directory = directory.resolve()
    present = _listing(directory)
    foreign = [name for name in present if not _OURS.fullmatch(name)]
    if foreign:
        raise UnusableInput(
            f"{directory} holds '{foreign[0]}', which is no file of a series; "
            "name a new or empty directory."
        )
    older: dict[str, bytes | None] = dict.fromkeys(present)
    write_all(directory, {**older, **files})
    return names


def write_all(top: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files below a directory, keeping their modes; None deletes one.

    Raises UnusableInput where one cannot be written; then all are as before.
    """
    with written(top, files):
        pass


@contextmanager
def written(
    top: Path, files: Mapping[str, bytes | None], executable: Container[str] = ()
) -> Iterator[None]:
    """Write files below a directory; put the old ones back where the block raises.

    A file keeps its mode; of those that were not there, the `executable` ones become so.
    Raises UnusableInput where one cannot be written; then all are as before.
    """
    change = _Change()
    try:
        staged = [
            (top / path, change.stage(top / path, data, path in executable))
            for path, data in files.items()
        ]
        for target, new in staged:
            change.put(target, new)
        yield
    except OSError as error:
        change.undo()
        raise UnusableInput(
            f"{error.filename or top}: cannot be written ({error.strerror}); nothing was changed."
        ) from None
    except BaseException:
        change.undo()
        raise
    finally:
        change.clean_up()


@dataclass
class _Change:
    """Files that are being replaced: what was put where, and folders for what waits beside."""

    made: list[tuple[Path, Path | None]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    beside: dict[Path, Path] = field(default_factory=dict)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def stage(self, target: Path, data: bytes | None, executable: bool) -> Path | None:
        """Write the new bytes beside their target, with its mode; None for one to be deleted."""
        if data is None:
            return None
        self.folders += [parent for parent in target.parents if not parent.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(13, "it is read-only", str(target))
        new = self._beside(target) / f"new-{target.name}"
        new.write_bytes(data)
        if target.exists():
            shutil.copymode(target, new)
        else:
            new.chmod(0o755 if executable else 0o644)
        return new

    def put(self, target: Path, new: Path | None) -> None:
        """Put the new file in its place, and keep a copy of the old one until all are put."""
        kept = None
        if target.exists():
            kept = self._beside(target) / f"old-{target.name}"
            shutil.copy2(target, kept)
        self.made.append((target, kept))
        if new is None:
            target.unlink()
        else:
            new.replace(target)

    def undo(self) -> None:
        """Put back what was there before."""
        for target, kept in reversed(self.made):
            if kept is None:
                target.unlink(missing_ok=True)
            else:
                kept.replace(target)
        self.clean_up()
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def clean_up(self) -> None:
        """Remove what waited beside the targets."""
        self.stack.close()

    def _beside(self, target: Path) -> Path:
        """Return a folder on the file system of a target, from where a file moves in one go."""
        if target.parent not in self.beside:
            folder = tempfile.TemporaryDirectory(
                prefix=_WAITING, dir=target.parent, ignore_cleanup_errors=True
            )
            self.beside[target.parent] = Path(self.stack.enter_context(folder))
        return self.beside[target.parent]


def _listing(directory: Path) -> list[str]:
    try:
        names = (entry.name for entry in directory.iterdir())
        return [name for name in names if not name.startswith(_WAITING)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusableInput(f"{directory} cannot be used ({error.strerror}).") from None
