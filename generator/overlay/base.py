"""Where the tree that an overlay is made for comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from generator.exits import UnusableInput
from generator.overlay.manifest import OverlayBase, OverlayFile
from generator.tree.base import Tree
from generator.tree.directory import DirectoryTree
from generator.tree.git import Repository, repository_at, run_git
from generator.tree.ids import directory_entries, tree_entries, tree_id
from generator.tree.locate import Wanted
from generator.tree.revision import RevisionTree
from generator.tree.worktree import WorkTree

_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:[^\s\\@]+")
"""How git-clone(1) lets one write an address of ssh: [user@]host:path."""

_Entries = dict[str, tuple[str, str]]


def base_of(
    tree: Tree, wanted: Wanted, out: Path, undone: Mapping[str, OverlayFile], uncommitted: bool
) -> OverlayBase:
    """Return what an overlay says of the tree that it is made for.

    `out` is left out of a directory that it lies in. `undone` are files of an overlay that the
    tree holds already: the base is the tree without it. Raises UnusableInput where the tree
    cannot be read.
    """
    entries = _entries(tree, out)
    for path, file in undone.items():
        if file.before is None:
            entries.pop(path, None)
        else:
            entries[path] = (file.mode, file.before)
    revision, commit = tree.base.revision, tree.base.commit
    describe, url = _described(tree, wanted)
    return OverlayBase(
        tree=tree_id(entries, tree.base.hash_name),
        hash_name=tree.base.hash_name,
        name=revision if revision not in (None, "HEAD", commit) else None,
        describe=describe,
        commit=commit,
        url=url,
        uncommitted=uncommitted,
    )


def public_url(url: str) -> str | None:
    """Return a repository's address without what only its owner may know.

    None where it is a path of this machine, which says nothing elsewhere. Of https the user and
    what stands behind `?` go too: tokens are put there; ssh needs its user.
    """
    if not url.isprintable() or " " in url:
        return None
    if "://" not in url:
        return url if _SCP.fullmatch(url) else None
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if not parts.hostname or parts.scheme not in ("http", "https", "ssh", "git", "git+ssh"):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = f"{parts.username}@" if parts.username and "ssh" in parts.scheme else ""
    return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, "", ""))


def _entries(tree: Tree, out: Path) -> _Entries:
    if isinstance(tree, RevisionTree):
        return dict(tree.entries)
    if isinstance(tree, WorkTree) and tree.base.commit is not None:
        # What is committed counts, not what else lies in the work tree.
        head = RevisionTree(tree.repository, tree.base.commit, "HEAD", tree.prefix)
        try:
            return dict(head.entries)
        except UnusableInput:
            pass
    if isinstance(tree, DirectoryTree):
        top = tree.top.resolve()
        inside = out.is_relative_to(top) and out != top
        without = {out.relative_to(top).as_posix()} if inside else set()
        return directory_entries(top, tree.base.hash_name, without)
    return tree_entries(tree)


def _described(tree: Tree, wanted: Wanted) -> tuple[str | None, str | None]:
    """Return what git describe says, and the address that the repository came from."""
    if wanted.release is not None:
        from generator.tree.release import upstream_url

        return wanted.release, public_url(upstream_url())
    if tree.base.commit is None or wanted.sample:
        return None, None
    repository = tree.repository if isinstance(tree, WorkTree) else repository_at(wanted.path)
    if repository is None:
        return None, None
    # Of fixed length, else it is as long as this clone's objects need.
    asked = ("describe", "--tags", "--always", "--abbrev=12", tree.base.commit)
    return _answer(repository, *asked), public_url(
        _answer(repository, "config", "--get", "remote.origin.url") or ""
    )


def _answer(repository: Repository, *question: str) -> str | None:
    try:
        return run_git(repository.directory, *question).strip() or None
    except UnusableInput:
        return None
