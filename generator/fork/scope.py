"""From what the user names to a fork that can be read and the revisions that are meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from generator.exits import UnusableInput
from generator.fork.repository import Fork, opened_fork
from generator.fork.select import Target, onto_patterns, select
from generator.fork.template import BranchTemplate
from generator.tree.git import Repository, repository_at
from generator.tree.refs import (
    HEADS,
    REMOTES,
    Ref,
    fetch_history,
    kinds_of,
    lacking,
    refs_at,
    refs_of,
    remote_names,
    require_branch_name,
    url_of,
)
from generator.tree.release import Progress, fetched_commits


@dataclass(frozen=True)
class Scope:
    """What the user named: a repository, patterns of revisions, and how branches are called.

    `upstream` is a remote's name or an address; `onto` a pattern of the fork's own branches, which
    the series then stands on instead of on releases.
    """

    path: Path
    releases: tuple[str, ...]
    upstream: str | None
    onto: str | None
    template: BranchTemplate


@contextmanager
def opened(
    scope: Scope, fetch: bool, cache: Path, progress: Progress | None = None
) -> Iterator[tuple[Fork, tuple[Target, ...]]]:
    """Give the fork and the revisions that are meant, the oldest release first.

    Commits that the fork lacks are fetched from upstream: into the fork where `fetch` says so (no
    branch or tag of it changes), otherwise into the cache. Raises UnusableInput where there is no
    such repository, or a pattern matches nothing.
    """
    repository = _repository(scope.path)
    own = refs_of(repository)
    url = _url(repository, scope.upstream) if scope.upstream is not None else None
    refs = refs_at(url, repository.directory) if url is not None else own
    targets = _targets(scope, own, refs)
    for target in targets:
        require_branch_name(repository, target.branch)
    absent = lacking(repository, [target.commit for target in targets]) if url else frozenset()
    missing = [ref for ref in refs if ref.commit in absent]
    store = None
    if url is not None and missing and fetch:
        fetch_history(repository, url, missing)
        absent = frozenset()
    elif url is not None and missing:
        store = fetched_commits(missing, url, cache, progress)
        _require_same_hash(repository, store)
    # What a tag of another repository leads to can be seen only when it is here.
    kinds = kinds_of(repository, (t.commit for t in targets if t.commit not in absent))
    kinds |= kinds_of(store, absent) if store is not None else {}
    commits = tuple(target for target in targets if kinds[target.commit] == "commit")
    with opened_fork(repository, store, absent) as fork:
        yield fork, commits


def _repository(path: Path) -> Repository:
    if not path.is_dir():
        raise UnusableInput(f"{path} is no directory; name a git repository.")
    repository = repository_at(path)
    if repository is None:
        raise UnusableInput(f"{path} is not in a git repository; name a clone of the fork.")
    return repository


def _url(repository: Repository, upstream: str) -> str:
    """Return the address of upstream; a path is taken from where the user stands."""
    if upstream in remote_names(repository):
        return url_of(repository, upstream)
    if upstream.startswith("-") or not upstream.strip():
        raise UnusableInput(f"'{upstream}' is neither a remote nor an address of a repository.")
    return str(Path(upstream).resolve()) if Path(upstream).exists() else upstream


def _targets(scope: Scope, own: tuple[Ref, ...], refs: tuple[Ref, ...]) -> tuple[Target, ...]:
    if scope.onto is None:
        return select(refs, own, scope.releases, scope.template)
    branches = tuple(ref for ref in own if ref.name.startswith((HEADS, REMOTES)))
    patterns: tuple[str, ...] = (scope.onto,)
    if "{" in scope.onto:
        releases = select(refs, own, scope.releases, scope.template)
        patterns = onto_patterns(scope.onto, [target.release for target in releases])
        patterns = tuple(
            pattern for pattern in patterns
            if any(fnmatchcase(ref.alone, pattern) for ref in branches)
        )  # fmt: skip
        if not patterns:
            raise UnusableInput(
                f"no branch is called like '{scope.onto}' for any of the {len(releases)} releases."
            )
    return select(branches, own, patterns, scope.template)


def _require_same_hash(one: Repository, other: Repository) -> None:
    if one.hash_name != other.hash_name:
        raise UnusableInput(
            f"{one.directory} keeps its objects by {one.hash_name} and upstream by "
            f"{other.hash_name}; git cannot hold both in one repository."
        )
