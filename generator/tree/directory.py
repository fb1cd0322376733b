"""A plain directory: an unpacked release, an installed collection, or files on disk."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES
from generator.tree.base import EXECUTABLE, FILE, LINK, Base


class DirectoryTree:
    """The files below a directory, read when asked for.

    What kind of entry a path is, and what a folder holds, the system is asked once: every path
    that is looked for asks about all folders on its way. A tree that has been written to is
    another tree.
    """

    prefix = ""
    links: frozenset[str] | None = None

    def __init__(self, top: Path, base: Base) -> None:
        self.top = top
        self.base = base
        self._top = f"{top}/"
        self._modes: dict[str, str | None] = {}
        self._names: dict[str, list[str]] = {}

    def read_ahead(self, matters: Callable[[str], bool]) -> None:
        """Do nothing: the system reads files fast enough one by one."""

    def mode(self, path: str) -> str | None:
        """Return the git mode that a file would have, None for folders and special files."""
        if path not in self._modes:
            self._modes[path] = self._mode(path)
        return self._modes[path]

    def _mode(self, path: str) -> str | None:
        try:
            kind = os.lstat(self._top + path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            if _is_no_name(error):
                return None
            raise UnusableInput(f"{path}: cannot be read ({_why(error)}).") from None
        if stat.S_ISLNK(kind):
            return LINK
        if not stat.S_ISREG(kind):
            return None
        return EXECUTABLE if kind & stat.S_IXUSR else FILE

    def raw(self, path: str) -> bytes:
        """Return a file's bytes as they are on disk, or a link's target."""
        real = self._top + path
        # Not by way of pathlib, which is slower: a run reads more than 1,000 times.
        try:
            about = os.lstat(real)
            if stat.S_ISLNK(about.st_mode):
                return os.fsencode(os.readlink(real))  # noqa: PTH115
            if about.st_size > MAX_BYTES:
                raise UnusableInput(f"{path} has {about.st_size} bytes; the limit is 8 MiB.")
            with open(real, "rb", buffering=0) as file:  # noqa: PTH123
                return file.readall()
        except OSError as error:
            raise UnusableInput(f"{path}: cannot be read ({_why(error)}).") from None

    def content_id(self, path: str) -> None:
        """Return None: nothing is cheaper here than the bytes."""

    def names(self, directory: str) -> list[str]:
        """Return the names in a folder; a folder that is not there is empty."""
        if directory not in self._names:
            self._names[directory] = self._listed(directory)
        return self._names[directory]

    def _listed(self, directory: str) -> list[str]:
        try:
            return sorted(os.listdir(self._top + directory))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if _is_no_name(error):
                return []
            where = directory or str(self.top)
            raise UnusableInput(f"{where}: cannot be read ({_why(error)}).") from None


def _is_no_name(error: Exception) -> bool:
    """Tell whether an error means that no file can have such a name: it is too long."""
    return isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
