"""Writing files: all of them or none."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from generator.exits import UnusableInput

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
def written(top: Path, files: Mapping[str, bytes | None]) -> Iterator[None]:
    """Write files below a directory; put the old ones back where the block raises.

    Raises UnusableInput where one cannot be written; then all are as before.
    """
    made: list[tuple[Path, Path | None]] = []
    folders: list[Path] = []
    with contextlib.ExitStack() as stack:
        try:
            staged = [_stage(stack, folders, top / path, data) for path, data in files.items()]
            for target, new in staged:
                made.append((target, _set_aside(stack, target)))
                if new is None:
                    target.unlink()
                else:
                    new.replace(target)
            yield
        except OSError as error:
            _undo(made, folders)
            raise UnusableInput(
                f"{error.filename or top}: cannot be written ({error.strerror}); "
                "nothing was changed."
            ) from None
        except BaseException:
            _undo(made, folders)
            raise


def _stage(
    stack: contextlib.ExitStack, folders: list[Path], target: Path, data: bytes | None
) -> tuple[Path, Path | None]:
    """Write the new bytes beside their target, with its mode; None for one to be deleted."""
    if data is None:
        return target, None
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    folders.extend(missing)
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, "it is read-only", str(target))
    handle, name = tempfile.mkstemp(prefix=".kubespray-patchgen-", dir=target.parent)
    new = Path(name)
    stack.callback(_drop, new)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    if target.exists():
        shutil.copymode(target, new)
    else:
        new.chmod(0o644)
    return target, new


def _set_aside(stack: contextlib.ExitStack, target: Path) -> Path | None:
    """Keep a copy of a file until all are written; None where there is none."""
    if not target.exists():
        return None
    handle, name = tempfile.mkstemp(prefix=".kubespray-patchgen-", dir=target.parent)
    os.close(handle)
    kept = Path(name)
    stack.callback(_drop, kept)
    shutil.copy2(target, kept)
    return kept


def _drop(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


def _undo(made: list[tuple[Path, Path | None]], folders: list[Path]) -> None:
    for target, kept in reversed(made):
        if kept is None:
            target.unlink(missing_ok=True)
        else:
            kept.replace(target)
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _listing(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusableInput(f"{directory} cannot be used ({error.strerror}).") from None
