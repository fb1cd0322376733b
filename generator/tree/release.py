"""Releases of upstream, kept in the user's cache: fetched shallow and once, then offline."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from generator.exits import UnusableInput
from generator.tree.git import HARMLESS, Repository, first_line, git_in, run_git
from generator.tree.refs import Ref, lacking
from generator.tree.revision import RevisionTree

UPSTREAM = "https://github.com/kubernetes-sigs/kubespray"

Progress: TypeAlias = Callable[[float], None]
"""Is told how much of a transfer is done, from 0 to 1."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def upstream_url() -> str:
    """Return the repository that releases come from: KUBESPRAY_URL, or the public one."""
    return os.environ.get("KUBESPRAY_URL") or UPSTREAM


def open_release(
    name: str, url: str, cache: Path, progress: Progress | None = None
) -> RevisionTree:
    """Return a release of the repository at `url`, by its tag or branch.

    A tag that the cache has is never fetched again; a branch is fetched anew where the
    repository can be reached and served from the cache where not. `progress` is told how far a
    fetch is. Raises UnusableInput where neither has the release.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise UnusableInput(f"'{name}' is not the name of a release; v2.24.0 is one.")
    store = _store(url, cache)
    tag, branch = f"refs/tags/{name}", f"refs/heads/{name}"
    commit = _commit(store, tag)
    if commit is None:
        try:
            commit = _fetch(store, url, [tag, branch], progress)
        except UnusableInput as error:
            commit = _commit(store, branch)
            if commit is None:
                raise UnusableInput(
                    f"release '{name}' is not in the cache, and {url} cannot be reached: {error}"
                ) from None
    if commit is None:
        raise UnusableInput(
            f"{url} has no release '{name}'; `git ls-remote --tags {url}` lists them."
        )
    return RevisionTree(Repository(store, None, "", _hash_name(store)), commit, name)


def fetched_commits(
    refs: Iterable[Ref], url: str, cache: Path, progress: Progress | None = None
) -> Repository:
    """Return the cache's repository for a URL, with the commits of some of its refs.

    Those that it lacks are fetched together, without their history. Raises UnusableInput where
    that fails.
    """
    wanted = {ref.commit: ref for ref in refs}
    store = _store(url, cache)
    _make(store, "sha256" if any(len(commit) == 64 for commit in wanted) else "sha1")
    repository = Repository(store, None, "", _hash_name(store))
    missing = [wanted[commit] for commit in lacking(repository, wanted)]
    if missing:
        # By commit, not by name: names change their meaning, and one may be the folder of another.
        refspecs = [f"+{ref.name}:refs/commits/{ref.commit}" for ref in missing]
        _transfer(store, url, refspecs, progress)
    return repository


def _store(url: str, cache: Path) -> Path:
    """Return the path of the cache's bare repository for a URL, whether it is there or not."""
    return cache / "releases" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"


def _make(store: Path, hash_name: str) -> None:
    """Make the bare repository where it is not there yet."""
    if store.is_dir():
        return
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store.parent) as staging:
            made = Path(staging) / "new.git"
            run_git(
                store.parent, "init", "--quiet", "--bare", "--template=",
                f"--object-format={hash_name}", str(made),
            )  # fmt: skip
            try:
                made.rename(store)
            except OSError:
                if not store.is_dir():
                    raise
    except OSError as error:
        raise UnusableInput(
            f"the cache {store.parent} cannot be written ({error.strerror}); "
            "set XDG_CACHE_HOME to a directory that can."
        ) from None


def _fetch(store: Path, url: str, refs: list[str], progress: Progress | None) -> str | None:
    """Fetch the first of the refs that the repository has; None where it has none of them.

    Raises UnusableInput where the repository cannot be read.
    """
    quiet = {"GIT_TERMINAL_PROMPT": "0"}
    listing = run_git(Path(), "ls-remote", "--end-of-options", url, *refs, env=quiet)
    rows = [row.split("\t") for row in listing.splitlines() if "\t" in row]
    ids = {ref: object_id for object_id, ref in rows}
    for ref in refs:
        if ref in ids:
            _make(store, "sha256" if len(ids[ref]) == 64 else "sha1")
            _transfer(store, url, [f"+{ref}:{ref}"], progress)
            return _commit(store, ref)
    return None


def _commit(store: Path, ref: str) -> str | None:
    if not store.is_dir():
        return None
    try:
        return run_git(store, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except UnusableInput:
        return None


def _hash_name(store: Path) -> str:
    return run_git(store, "rev-parse", "--show-object-format")


def _transfer(
    directory: Path, url: str, refspecs: list[str], progress: Progress | None = None
) -> None:
    """Fetch refs without their history; raises UnusableInput where that fails."""
    from git import RemoteProgress
    from git.cmd import handle_process_output
    from git.exc import GitCommandError

    class Meter(RemoteProgress):
        def update(
            self, op_code: int, cur_count: str | float, max_count: str | float | None = None,
            message: str = "",
        ) -> None:  # fmt: skip
            if progress is not None and max_count and op_code & self.RECEIVING:
                progress(float(cur_count) / float(max_count))

    meter = Meter()
    process: Any = git_in(directory).execute(
        ["git", *HARMLESS, "fetch", "--progress", "--depth=1", "--no-tags", "--end-of-options",
         url, *refspecs],
        as_process=True, universal_newlines=True, env={"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    handle_process_output(process, None, meter.new_message_handler(), decode_streams=False)
    try:
        process.wait()
    except GitCommandError as error:
        said = "\n".join(meter.error_lines) or error.stderr
        raise UnusableInput(f"git fetch failed: {first_line(said).rstrip('.')}.") from None
