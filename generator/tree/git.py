"""Git repositories: which one a path lies in, and its objects, read without a checkout.

Git is run through GitPython with the repository's own hooks and file-system monitor off:
a tree is untrusted input and nothing of it is run.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from generator.exits import UnusableInput

if TYPE_CHECKING:
    from git import Git

HARMLESS = (
    "--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
)  # fmt: skip

_OF_ANOTHER_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS", "GIT_DIFF_OPTS", "GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)  # fmt: skip
"""What git sets for hooks and aliases; see `git rev-parse --local-env-vars`."""


def forget_other_repository() -> dict[str, str]:
    """Drop variables by which git would read another repository than the one that is named.

    Return those that were set.
    """
    found = {name: os.environ.pop(name, None) for name in _OF_ANOTHER_REPOSITORY}
    return {name: value for name, value in found.items() if value is not None}


def git_in(directory: Path) -> Git:
    """Return GitPython's command for a directory; raises UnusableInput where git is missing."""
    git: Git = _gitpython().Git(str(directory))
    return git


def _gitpython() -> ModuleType:
    # Without this GitPython raises on import where there is no git.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import git

    return git


def run_git(directory: Path, *arguments: str, **options: Any) -> str:
    """Run git in a directory and return what it prints, without the final newline.

    Raises UnusableInput with git's own first line where it fails.
    """
    git = _gitpython()
    command = ["git", *HARMLESS, *arguments]
    try:
        result = git_in(directory).execute(command, **options)
    except git.exc.GitCommandNotFound:
        raise UnusableInput("git was not found; install it and put it on PATH.") from None
    except git.exc.GitCommandError as error:
        reason = first_line(error.stderr).rstrip(".")
        raise UnusableInput(f"git {_subcommand(arguments)} failed: {reason}.") from None
    return str(result)


def _subcommand(arguments: tuple[str, ...]) -> str:
    """Return what git was asked to do, without the settings before it (`-c name=value`)."""
    rest = list(arguments)
    while rest[0] == "-c":
        del rest[:2]
    return rest[0]


def feed_git(directory: Path, data: bytes, *arguments: str, **options: Any) -> str:
    """Run git as `run_git` does, with data on its standard input."""
    with tempfile.TemporaryFile() as source:
        source.write(data)
        source.seek(0)
        return run_git(directory, *arguments, istream=source, **options)


def exit_code(directory: Path, *arguments: str, **environment: str) -> int:
    """Run git in a directory for its answer by exit code; what it prints is dropped."""
    done = git_in(directory).execute(
        ["git", *HARMLESS, *arguments], env=environment or None, with_extended_output=True,
        with_exceptions=False,
    )  # fmt: skip
    status = done[0]
    assert isinstance(status, int)
    return status


def sealed(home: Path) -> dict[str, str]:
    """Return an environment in which git reads no configuration of user or machine."""
    return {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1",
        "GIT_DIR": str(home), "GIT_CONFIG_COUNT": "0", "LC_ALL": "C", "TZ": "UTC",
    }  # fmt: skip


def first_line(stderr: object) -> str:
    """Return what git complained of, as one line without its prefix.

    Warnings and traces may stand before it.
    """
    text = str(stderr).strip()
    quoted = re.fullmatch(r"stderr: '(.*)'", text, re.DOTALL)
    lines = [line.strip() for line in (quoted[1] if quoted else text).splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    first = next(iter([*complaints, *lines]), "no reason was given")
    return first.removeprefix("fatal: ").removeprefix("error: ")


@dataclass(frozen=True)
class Repository:
    """A repository and the place in it that a path names.

    `top` is the work tree's top, None in a bare repository; `prefix` is the path below it,
    with a final slash, or empty.
    """

    directory: Path
    top: Path | None
    prefix: str
    hash_name: str


def repository_at(path: Path) -> Repository | None:
    """Return the repository that a directory lies in, None where it lies in none.

    Raises UnusableInput where git refuses the repository (an owner it does not trust, say).
    """
    if not _may_be_in_repository(path):
        return None
    asked = ("--is-bare-repository", "--is-inside-work-tree", "--show-object-format")
    try:
        answer = run_git(path, "rev-parse", *asked, "--show-prefix")
    except UnusableInput as error:
        if "dubious ownership" in str(error):
            raise UnusableInput(
                f"git does not trust {path}, which belongs to someone else; if you do, run "
                f"`git config --global --add safe.directory {path.resolve()}`."
            ) from None
        if "not a git repository" in str(error):
            return None
        raise
    bare, inside, hash_name, *prefix = answer.split("\n")
    if inside == "true":
        below = prefix[0] if prefix else ""
        resolved = path.resolve()
        top = resolved.parents[below.count("/") - 1] if below else resolved
        return Repository(path, top, below, hash_name)
    if bare == "true":
        return Repository(path, None, "", hash_name)
    return None


def _may_be_in_repository(path: Path) -> bool:
    """Tell whether git can find a repository for a directory, without asking git.

    It looks at the directory and those above for an entry `.git`, or for a repository itself,
    which has an entry `HEAD` (gitrepository-layout(5)).
    """
    real = path.resolve()
    return any(
        os.path.lexists(folder / name) for folder in (real, *real.parents)
        for name in (".git", "HEAD")
    )  # fmt: skip


def commit_of(repository: Repository, revision: str) -> str:
    """Return the full id of the commit that a revision names.

    Raises UnusableInput where the revision begins with a dash or names no commit.
    """
    if revision.startswith("-") or not revision.isprintable() or not revision.strip():
        raise UnusableInput(f"'{revision}' is not a revision; name a tag, a branch or a commit.")
    try:
        return run_git(
            repository.directory, "rev-parse", "--verify", "--quiet", "--end-of-options",
            f"{revision}^{{commit}}",
        )  # fmt: skip
    except UnusableInput:
        raise UnusableInput(
            f"the repository {repository.directory} has no revision '{revision}'; "
            "fetch it, or name one that `git tag` or `git branch` lists."
        ) from None
