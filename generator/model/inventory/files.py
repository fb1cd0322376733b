"""The files of an inventory on disk, read without harm.

Paths are texts that begin as the user wrote them, so that places can name them. Links are
followed, as Ansible follows them; what is no regular file is never opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from generator.model.inventory.setting import FileProblem, encodable
from generator.text.document import Place
from generator.text.yaml import MAX_BYTES

VAULT = b"$ANSIBLE_VAULT;"
"""How a file begins that ansible-vault encrypted (Ansible documentation, "Ansible Vault")."""


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder; the empty folder is the current one."""
    return f"{folder.rstrip('/')}/{name}" if folder else name


def folder_of(path: str) -> str:
    """Return the folder that a path is in, empty for the current one."""
    head, slash, _ = path.rpartition("/")
    return head or slash


def extension(name: str) -> str:
    """Return a name's ending with its dot; a dot in front of a name begins no ending."""
    return os.path.splitext(name)[1]  # noqa: PTH122


def start_of(path: str) -> Place:
    """Return the place where a file begins."""
    return Place(encodable(path), 1)


def problem(path: str, reason: str) -> FileProblem:
    """Return the problem that a whole file has."""
    return FileProblem(start_of(path), reason)


def exists(path: str) -> bool:
    """Tell whether something is there, even a link to nothing."""
    return os.path.lexists(path)


def is_folder(path: str) -> bool:
    """Tell whether a path, or what it links to, is a folder."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def is_dangling(path: str) -> bool:
    """Tell whether a path is a link to nothing."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114


def is_program(path: str) -> bool:
    """Tell whether somebody may run a file."""
    try:
        return bool(Path(path).stat().st_mode & 0o111)
    except (OSError, ValueError):
        return False


def names(folder: str) -> list[str]:
    """Return the names in a folder, sorted; raises FileProblem where it cannot be listed."""
    try:
        return sorted(entry.name for entry in Path(folder).iterdir())
    except (OSError, ValueError) as error:
        raise problem(folder, f"the folder cannot be listed ({_why(error)}).") from None


def identity(path: str) -> tuple[int, int]:
    """Return what tells a folder from others; raises FileProblem where it cannot be read."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        raise problem(path, f"it cannot be read ({_why(error)}).") from None
    return status.st_dev, status.st_ino


def read(path: str) -> bytes:
    """Return the bytes of a regular file.

    Raises FileProblem where it is none, cannot be read, or is larger than 8 MiB.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise problem(path, "it is neither a file nor a link to one.")
        # Without O_NONBLOCK, opening what has become a pipe in between would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = f"it cannot be read ({_why(error)})."
        if isinstance(error, FileNotFoundError) and Path(path).is_symlink():
            reason = "it is a symbolic link to nothing."
        raise problem(path, reason) from None
    if len(data) > MAX_BYTES:
        raise problem(path, "it is larger than 8 MiB, the limit for a file of an inventory.")
    return data


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
