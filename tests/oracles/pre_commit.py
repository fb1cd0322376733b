"""pre-commit itself as an oracle: it installs our hooks and runs them as it does for a user.

The program pre-commit gets a virtual environment of its own in the cache, and its home is there,
too, so that what it installs for a hook is installed once.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from . import cache_dir, locked

TOP = Path(__file__).resolve().parents[2]

_REQUIREMENT = "pre-commit>=4"
_INSTALL_SECONDS = 600
_RUN_SECONDS = 300
# What a hook's environment is built from; nothing else of a checkout matters for it.
_SOURCES = ("generator", "templates", "patches")
_SOURCE_FILES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
_COMMIT = {
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z", "GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip
# They would have a hook's environment built elsewhere, or import this checkout.
_UNWANTED = frozenset({"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"})


@functools.cache
def pre_commit() -> Path | str:
    """The program, or why it cannot be had.

    A failure is kept in this process's memory alone: the next session may have a network.
    """
    identity = "\n".join((_REQUIREMENT, sys.version, sys.base_prefix))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    directory = cache_dir() / "pre-commit" / f"venv-{sys.implementation.cache_tag}-{digest}"
    program = directory / "bin" / "pre-commit"
    try:
        with locked(directory):
            if not (directory / "complete").exists():
                shutil.rmtree(directory, ignore_errors=True)
                _build(sys.executable, "-m", "venv", str(directory))
                pip = (str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet")
                _build(*pip, "--no-input", "--disable-pip-version-check", _REQUIREMENT)
                _build(str(program), "--version")
                (directory / "complete").write_text(_REQUIREMENT, encoding="utf-8")
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"pre-commit cannot be installed: {str(error).strip().splitlines()[-1]}"
    return program


@functools.cache
def checkout() -> Path:
    """A repository that holds what a hook's environment is built from, as this checkout has it.

    The same files give the same commit, for which pre-commit keeps what it has installed.
    """
    place = cache_dir() / "pre-commit" / "kubespray-patchgen"
    with locked(place):
        if not (place / ".git").is_dir():
            place.mkdir(parents=True, exist_ok=True)
            _git(place, "init", "--quiet", "--template=", "--initial-branch=main")
        before = _git(place, "rev-parse", "--verify", "--quiet", "main", required=False)
        _fill(place)
        _git(place, "add", "--all", "--force")
        tree = _git(place, "write-tree")
        commit = _git(place, "commit-tree", "-m", "As it is", tree)
        _git(place, "reset", "--quiet", "--hard", commit)
        if before not in ("", commit):
            program = pre_commit()
            if isinstance(program, Path):
                # It forgets the environments of earlier states.
                _build(str(program), "gc", more={"PRE_COMMIT_HOME": str(home())})
    return place


def revision() -> str:
    """The commit that `checkout` is at."""
    return _git(checkout(), "rev-parse", "HEAD")


def home() -> Path:
    """Where pre-commit keeps the environments of hooks."""
    return cache_dir() / "pre-commit" / "home"


def environment(outside: Mapping[str, str]) -> dict[str, str]:
    """The variables with which pre-commit is run.

    `outside` are those of the session: they say how pip reaches packages. Those of git are the
    ones of this moment, which the test has sealed.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    pip = {name: value for name, value in outside.items() if name.startswith("PIP_")}
    pip = {name: value for name, value in pip.items() if name not in _UNWANTED}
    # Settings of pip for the user are found by HOME, which a test has turned elsewhere.
    if "PIP_CONFIG_FILE" not in pip:
        pip |= _pip_configuration(outside)
    return kept | pip | {"PRE_COMMIT_HOME": str(home()), "PRE_COMMIT_COLOR": "never"}


def run(
    where: Path, *arguments: str, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run pre-commit in a repository; both its outputs are in `stdout`."""
    program = pre_commit()
    assert isinstance(program, Path), program
    return subprocess.run(
        [str(program), *arguments], cwd=where, env=dict(variables), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=_RUN_SECONDS, check=False,
    )  # fmt: skip


def _pip_configuration(outside: Mapping[str, str]) -> dict[str, str]:
    home = Path(outside.get("HOME", "/nonexistent"))
    configuration = Path(outside.get("XDG_CONFIG_HOME", home / ".config"))
    for candidate in (configuration / "pip" / "pip.conf", home / ".pip" / "pip.conf"):
        if candidate.is_file():
            return {"PIP_CONFIG_FILE": str(candidate)}
    return {}


def _fill(place: Path) -> None:
    """Replace all files below a directory, but for its repository."""
    for entry in place.iterdir():
        if entry.name == ".git":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in _SOURCES:
        shutil.copytree(TOP / name, place / name, ignore=skip)
    for name in _SOURCE_FILES:
        shutil.copy(TOP / name, place / name)


def _git(where: Path, *arguments: str, required: bool = True) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=false", "-c", "gc.auto=0", *arguments],
        cwd=where,
        env=kept | _COMMIT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if required and done.returncode:
        raise AssertionError(f"git {arguments[0]} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def _build(*command: str, more: Mapping[str, str] | None = None) -> None:
    """Run a step of the build with the user's settings, for these say how to reach packages."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    done = subprocess.run(
        command, env=kept | dict(more or {}), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=_INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stderr.strip() or done.stdout.strip() or "no output")
