"""Oracles: independent sources of truth (git, Ansible) that the tests compare the program with.

What they fetch or build is large, so it is kept between sessions in one cache directory;
this module knows that directory and keeps two sessions from building the same entry.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "KUBESPRAY_PATCHGEN_TEST_CACHE"


def cache_dir() -> Path:
    """Where mirrors and virtual environments are kept between test sessions."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser().resolve()
    return Path(platformdirs.user_cache_dir("kubespray-patchgen-tests"))


@contextmanager
def locked(entry: Path) -> Iterator[None]:
    """Hold the cache entry ``entry`` for this process while it is looked at or built."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    with entry.with_name(f"{entry.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
