"""What lies below a directory on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from generator.exits import UnusableInput
from generator.tree.base import EXECUTABLE, FILE


def files_below(
    top: Path, left_out: Callable[[str], bool] = lambda path: False
) -> Iterator[tuple[str, os.stat_result]]:
    """Give path and state of all that lies below a directory and is no folder.

    Links are not followed. `left_out` is asked of every path, with all below it. Raises
    UnusableInput where a folder cannot be read.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{top}/{folder}") as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if left_out(path):
                        continue
                    about = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(about.st_mode):
                        folders.append(path)
                    else:
                        yield path, about
        except OSError as error:
            where = folder or str(top)
            raise UnusableInput(f"{where}: cannot be read ({error.strerror}).") from None


def file_mode(about: os.stat_result) -> str | None:
    """Return git's mode of a regular file, None of anything else."""
    if not stat.S_ISREG(about.st_mode):
        return None
    return EXECUTABLE if about.st_mode & stat.S_IXUSR else FILE
