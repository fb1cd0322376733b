"""A repository of our own in a temporary directory, for what git writes best itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.tree.git import run_git, sealed


@contextmanager
def scratch_repository(hash_name: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a bare repository of an object format, and the environment to run git in it.

    No configuration of the user's or the machine's is read there, and no template copied.
    """
    with tempfile.TemporaryDirectory(prefix="kubespray-patchgen-") as directory:
        repository = Path(directory)
        environment = sealed(repository)
        run_git(
            repository, "init", "--quiet", "--bare", "--template=",
            f"--object-format={hash_name}", ".", env=environment,
        )  # fmt: skip
        yield repository, environment
