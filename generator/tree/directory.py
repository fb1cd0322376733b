"""A plain directory: an unpacked release, an installed collection, or files on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES
from generator.tree.base import EXECUTABLE, FILE, LINK, Base


class DirectoryTree:
    """The files below a directory, read when asked for."""

    prefix = ""
    links: frozenset[str] | None = None

    def __init__(self, top: Path, base: Base) -> None:
        self.top = top
        self.base = base
        self._top = f"{top}/"

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Do nothing: the system reads files fast enough one by one."""

    def mode(self, path: str) -> str | None:
        """Return the git mode that a file would have, None for folders and special files."""
        try:
            kind = os.lstat(self._top + path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise UnusableInput(f"{path}: cannot be read ({_why(error)}).") from None
        if stat.S_ISLNK(kind):
            return LINK
        if not stat.S_ISREG(kind):
            return None
        return EXECUTABLE if kind & stat.S_IXUSR else FILE

    def raw(self, path: str) -> bytes:
        """Return a file's bytes as they are on disk, or a link's target."""
        real = Path(self._top + path)
        try:
            if real.is_symlink():
                return os.fsencode(real.readlink())
            size = real.stat().st_size
            if size > MAX_BYTES:
                raise UnusableInput(f"{path} has {size} bytes; the limit is 8 MiB.")
            return real.read_bytes()
        except OSError as error:
            raise UnusableInput(f"{path}: cannot be read ({_why(error)}).") from None

    def names(self, directory: str) -> list[str]:
        """Return the names in a folder; a folder that is not there is empty."""
        try:
            with os.scandir(self._top + directory) as entries:
                return sorted(entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            where = directory or str(self.top)
            raise UnusableInput(f"{where}: cannot be read ({_why(error)}).") from None


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
