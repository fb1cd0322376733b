"""Laying an overlay over a tree that changed below it: git's own three-way merge, file by file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from generator.engine.patch import SemanticPatch
from generator.exits import Unsafe, UnusableInput
from generator.overlay.lay import put
from generator.overlay.manifest import OverlayFile
from generator.overlay.state import Verdict, left_to_do
from generator.overlay.stored import Stored
from generator.text.yaml import decode, parse
from generator.tree.directory import DirectoryTree
from generator.tree.git import HARMLESS, first_line, git_in, sealed
from generator.tree.worktree import WorkTree

_OURS = "tree"
_MARKER = b"<<<<<<< tree"
_MOST_CONFLICTS = 127
"""What git-merge-file(1) exits with for this many conflicts or more; above are errors."""

_ENOUGH = 5
"""So many lines of a conflict tell where it is."""


def merge_overlay(
    stored: Stored,
    tree: DirectoryTree,
    found: Verdict,
    patches: Iterable[SemanticPatch],
    force: bool = False,
) -> list[str]:
    """Merge what the overlay changes into the files of a tree; return the paths written.

    The merged tree is verified before anything is written: it must be YAML still, and leave
    `patches` nothing to do. Raises Unsafe where there is a conflict, where a file has uncommitted
    changes and `force` is not given, or where the result is not what the patches want.
    """
    assert stored.manifest is not None
    states = {state.path: state for state in found.files}
    wanted: dict[str, bytes | None] = {}
    for file in stored.manifest.files:
        state = states[file.path]
        if state.state == "clean":
            wanted[file.path] = stored.after(file)
        elif state.state == "stale":
            wanted[file.path] = _merged(stored, tree, file, state.kind, state.reason)
    _refuse_uncommitted(tree, list(wanted), force)
    for path, data in wanted.items():
        _require_readable(path, data)
    reason = left_to_do(tree, wanted, patches)
    if reason is not None:
        raise Unsafe(
            f"the files merge, but the result is not what the patches want ({reason}). "
            "Nothing was changed; run `kubespray-patchgen overlay refresh`."
        )
    changed = {path: data for path, data in wanted.items() if not _has(tree, path, data)}
    put(tree, changed, stored.manifest.files)
    return list(changed)


def merge(path: str, ours: bytes, base: bytes, theirs: bytes) -> bytes:
    """Return git's merge of two versions of a file that both come from a third.

    Raises Unsafe naming file and line (of `ours`) where they conflict, or where git cannot merge.
    """
    with tempfile.TemporaryDirectory(prefix="kubespray-patchgen-") as name:
        directory = Path(name)
        for side, data in (("ours", ours), ("base", base), ("theirs", theirs)):
            (directory / side).write_bytes(data)
        labels = ("-L", _OURS, "-L", "before", "-L", "overlay")
        code, _, complaint = git_in(directory).execute(
            ["git", *HARMLESS, "merge-file", *labels, "ours", "base", "theirs"],
            with_extended_output=True, with_exceptions=False, env=sealed(directory),
        )  # fmt: skip
        merged = (directory / "ours").read_bytes()
    if code == 0:
        return merged
    if 0 < code <= _MOST_CONFLICTS:
        raise Unsafe(
            f"{path}:{_line(ours, merged)}: the tree and the overlay changed the same lines "
            f"({code} {'conflict' if code == 1 else 'conflicts'}). Nothing was changed; run "
            "`kubespray-patchgen overlay refresh`."
        )
    raise Unsafe(
        f"{path}: git cannot merge this file: {first_line(complaint)}. Nothing was changed; run "
        "`kubespray-patchgen overlay refresh`."
    )


def _merged(
    stored: Stored, tree: DirectoryTree, file: OverlayFile, kind: str, reason: str | None
) -> bytes:
    before, after = stored.before(file), stored.after(file)
    if kind == "file" and before is not None and after is not None:
        return merge(file.path, tree.raw(file.path), before, after)
    what = "deletes" if after is None else "adds" if before is None else "changes"
    raise Unsafe(
        f"{file.path}:1: this cannot be merged: the overlay {what} the file, and {reason}. "
        "Nothing was changed; run `kubespray-patchgen overlay refresh`."
    )


def _line(ours: bytes, merged: bytes) -> int:
    """Return the line of our version at which the first conflict begins.

    Found by our lines in the conflict: of those that are the same, the ones nearest to where the
    conflict stands in the merged file.
    """
    lines = merged.split(b"\n")
    marker = next(i for i, line in enumerate(lines) if line.rstrip(b"\r") == _MARKER)
    part = lines[marker + 1 :]
    end = next(i for i, line in enumerate(part) if line.startswith(b"======="))
    mine = [line.rstrip(b"\r") for line in part[: min(end, _ENOUGH)]]
    own = [line.rstrip(b"\r") for line in ours.split(b"\n")]
    places = [i for i in range(len(own)) if mine and own[i : i + len(mine)] == mine]
    return min(places, key=lambda place: abs(place - marker), default=min(marker, len(own))) + 1


def _refuse_uncommitted(tree: DirectoryTree, paths: list[str], force: bool) -> None:
    changed = tree.uncommitted(paths) if isinstance(tree, WorkTree) and paths else []
    if changed and not force:
        raise Unsafe(
            f"{changed[0]} has uncommitted changes; commit or stash them first, "
            "or use --force to merge into the file as it is."
        )


def _require_readable(path: str, data: bytes | None) -> None:
    if data is None or not path.endswith((".yml", ".yaml")):
        return
    try:
        parse(path, decode(path, data))
    except UnusableInput as error:
        raise Unsafe(f"merged, the file cannot be read: {error} Nothing was changed.") from None


def _has(tree: DirectoryTree, path: str, data: bytes | None) -> bool:
    if tree.mode(path) is None:
        return data is None
    return tree.raw(path) == data
