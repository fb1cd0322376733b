"""Plain work trees of any revision of a repository, by way of a bare mirror in the cache."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

from . import cache_dir, locked

URL = os.environ.get("KUBESPRAY_URL", "")
"""The repository that the tests on real releases read; without it they are skipped."""

_HEADS = "+refs/heads/*:refs/heads/*"
# Set inside a git hook or an alias; they would send our commands to the user's repository.
_LOCAL_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
_QUIET = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false")


def export(url: str, rev: str, target: Path) -> Path:
    """Write the files of revision ``rev`` into the new or empty directory ``target``.

    ``git archive`` would honour the tree's export-ignore attributes and ``git worktree`` would
    run hooks and leave a record in the mirror; an index of its own has neither effect.
    """
    repository = mirror(url)
    commit = resolve(url, rev)
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    with tempfile.TemporaryDirectory(prefix="oracle-git-") as scratch:
        environment = _sealed(Path(scratch)) | {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        options = ("-c", "core.autocrlf=false", f"--git-dir={repository}", f"--work-tree={target}")
        _git(*options, "read-tree", commit, environment=environment, directory=target)
        _git(*options, "checkout-index", "--all", environment=environment, directory=target)
    return target


def resolve(url: str, rev: str) -> str:
    """The full id of the commit that a tag, branch or commit expression names."""
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="oracle-git-") as scratch:
        try:
            return _git(
                f"--git-dir={mirror(url)}", *arguments, environment=_sealed(Path(scratch))
            ).strip()
        except AssertionError as error:
            raise LookupError(f"{url} has no revision {rev}") from error


def names(url: str) -> list[str]:
    """The names of the tags and branches of ``url``."""
    with tempfile.TemporaryDirectory(prefix="oracle-git-") as scratch:
        arguments = ("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags", "refs/heads")
        listed = _git(f"--git-dir={mirror(url)}", *arguments, environment=_sealed(Path(scratch)))
    return listed.split()


def show(url: str, rev: str, path: str) -> bytes:
    """The bytes of a file of revision ``rev``, as git stores them; of a link, its target."""
    with tempfile.TemporaryDirectory(prefix="oracle-git-") as scratch:
        done = subprocess.run(
            ["git", f"--git-dir={mirror(url)}", "cat-file", "blob", f"{rev}:{path}"],
            env=_sealed(Path(scratch)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    if done.returncode:
        raise LookupError(f"{url} has no file {path} in {rev}")
    return done.stdout


@functools.cache
def mirror(url: str) -> Path:
    """The bare mirror of ``url`` in the cache, brought up to date once a process.

    The user's git configuration stays in force here, as it may say how to reach the URL.
    Where it can't be reached, a mirror of an earlier session is better than no test.
    """
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    repository = cache_dir() / "mirrors" / f"{Path(url).stem or 'repository'}-{digest}.git"
    with locked(repository):
        if not repository.is_dir():
            _clone(url, repository)
            return repository
        try:
            fetch = ("fetch", "--quiet", "--force", "--prune", "--tags", "--no-write-fetch-head")
            _git(*_QUIET, f"--git-dir={repository}", *fetch, url, _HEADS, environment=_reaching())
        except AssertionError as error:
            warnings.warn(f"using an earlier mirror of {url}: {error}", stacklevel=2)
    return repository


def _clone(url: str, repository: Path) -> None:
    """Clone beside the final place and rename, so that an interrupted clone is never used."""
    with tempfile.TemporaryDirectory(prefix="clone-", dir=repository.parent) as scratch:
        fresh = Path(scratch, "bare")
        clone = ("clone", "--quiet", "--bare", "--template=", "--", url, str(fresh))
        _git(*_QUIET, *clone, environment=_reaching())
        fresh.rename(repository)


def _reaching() -> dict[str, str]:
    """The user's environment, without what would point git at another repository."""
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES}
    return kept | {"GIT_TERMINAL_PROMPT": "0"}


def _sealed(home: Path) -> dict[str, str]:
    """An environment in which neither the user's nor the system's git settings count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
    }


def _git(*arguments: str, environment: Mapping[str, str], directory: Path | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments],
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout
