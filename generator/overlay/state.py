"""How a tree stands to an overlay: what `verify` says and what the other commands go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from generator.engine.patch import SemanticPatch
from generator.engine.series import plan
from generator.exits import PatchgenError
from generator.model.kubespray import Kubespray
from generator.overlay.manifest import Manifest, OverlayFile, OverlayPatch
from generator.overlay.stored import Stored, modes_count
from generator.tree.base import EXECUTABLE, FILE, LINK, Tree
from generator.tree.ids import blob_id
from generator.tree.locate import is_kubespray
from generator.tree.memory import ChangedTree
from generator.tree.worktree import WorkTree

State: TypeAlias = Literal["clean", "applied", "partial", "stale", "drifted", "missing"]

_FROM_THE_WORST: tuple[State, ...] = ("missing", "drifted", "stale")


@dataclass(frozen=True, slots=True)
class FileState:
    """One file: of the tree, or, where it is drifted or missing, of the overlay's directory.

    `kind` is what is at the path in the tree: `file`, `nothing`, or what is in the way.
    """

    path: str
    state: State
    reason: str | None = None
    kind: str = "file"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An overlay and a tree as a whole, and file by file."""

    state: State
    reason: str | None
    files: tuple[FileState, ...]

    def of(self, state: State) -> tuple[FileState, ...]:
        """Return the files in a state."""
        return tuple(file for file in self.files if file.state == state)


def verdict(stored: Stored, tree: Tree, patches: Iterable[SemanticPatch]) -> Verdict:
    """Return the state of a tree with an overlay.

    `patches` are those of the overlay that the program knows: laid over the tree in memory, the
    overlay must leave nothing for them to do. Raises UnusableInput where the tree cannot be read.
    """
    found = looked_at(stored, tree)
    if found.state not in ("clean", "applied", "partial") or not is_kubespray(tree):
        return found
    reason = left_to_do(tree, laid(stored), patches)
    return found if reason is None else Verdict("stale", reason, found.files)


def looked_at(stored: Stored, tree: Tree) -> Verdict:
    """Return the state of a tree with an overlay, as far as the overlay's own files tell."""
    troubles = [FileState(one.path, one.state, one.reason) for one in stored.troubles]
    in_tree: list[FileState] = []
    if stored.manifest is not None:
        in_tree = [_of_file(tree, file, stored.manifest) for file in stored.manifest.files]
    files = (*in_tree, *troubles)
    for state in _FROM_THE_WORST:
        those = [file for file in files if file.state == state]
        if those:
            more = f", and {len(those) - 1} more" if len(those) > 1 else ""
            return Verdict(state, f"{those[0].path}: {those[0].reason}{more}", files)
    states = {file.state for file in in_tree}
    if len(states) > 1:
        return Verdict("partial", "some files are as before, some as the overlay has them", files)
    return Verdict(states.pop() if states else "applied", None, files)


def laid(stored: Stored) -> dict[str, bytes | None]:
    """Return the files of a tree as the overlay has them; None for those it deletes."""
    assert stored.manifest is not None
    return {file.path: stored.after(file) for file in stored.manifest.files}


def left_to_do(
    tree: Tree, files: Mapping[str, bytes | None], patches: Iterable[SemanticPatch]
) -> str | None:
    """Return why a tree with some files changed still needs one of the patches, None if none."""
    try:
        series = plan(Kubespray(ChangedTree(tree, files)), patches)
    except PatchgenError as error:
        return str(error).rstrip(".")
    if not series.applied:
        return None
    first = series.applied[0]
    return f"semantic patch '{first.patch.id}' is still needed: {first.found[0]}"


def known_patches(
    manifest: Manifest | None, patches: Mapping[str, SemanticPatch]
) -> tuple[tuple[SemanticPatch, ...], tuple[str, ...]]:
    """Return the patches of an overlay in the order of application, and what is not known.

    Each is limited to the overlay's components. Not known are ids, and `ID=NAME` for components.
    """
    had = {patch.id: patch for patch in manifest.patches} if manifest is not None else {}
    known = tuple(
        patch.limited_to(had[patch.id].components) if patch.components else patch
        for patch in patches.values() if patch.id in had
    )  # fmt: skip
    unknown = [identity for identity in had if identity not in patches]
    unknown += [
        f"{patch.id}={name}" for patch in had.values() for name in lost_components(patch, patches)
    ]
    return known, tuple(unknown)


def lost_components(had: OverlayPatch, patches: Mapping[str, SemanticPatch]) -> tuple[str, ...]:
    """Return the components of an overlay's patch that the patch of today does not have."""
    patch = patches.get(had.id)
    if patch is None:
        return ()
    names = {component.name for component in patch.components}
    return tuple(name for name in had.components if name not in names)


def _of_file(tree: Tree, file: OverlayFile, manifest: Manifest) -> FileState:
    kind = _kind(tree, file.path)
    if kind == "nothing":
        if file.before is None:
            return FileState(file.path, "clean", None, kind)
        if file.after is None:
            return FileState(file.path, "applied", None, kind)
        return FileState(file.path, "stale", "the tree has no such file", kind)
    if kind != "file":
        return FileState(file.path, "stale", kind, kind)
    identity = blob_id(tree.raw(file.path), manifest.base.hash_name)
    if identity not in (file.before, file.after):
        taken = "the tree has a file of its own there" if file.before is None else None
        return FileState(file.path, "stale", taken or "the tree has another version of it")
    mode = tree.mode(file.path)
    if mode != file.mode and not (isinstance(tree, WorkTree) and not modes_count(tree.repository)):
        return FileState(file.path, "stale", f"its mode is {mode}, not {file.mode}")
    return FileState(file.path, "clean" if identity == file.before else "applied")


def _kind(tree: Tree, path: str) -> str:
    """Return `file` or `nothing`, or a sentence on what else is there; follows no link."""
    parts = path.split("/")
    for length in range(1, len(parts)):
        parent = "/".join(parts[:length])
        mode = tree.mode(parent)
        if mode == LINK:
            return f"its folder {parent} is a symbolic link"
        if mode is not None:
            return f"its folder {parent} is a file"
    mode = tree.mode(path)
    if mode in (FILE, EXECUTABLE):
        return "file"
    if mode == LINK:
        return "it is a symbolic link"
    folder, _, name = path.rpartition("/")
    return "it is a folder, or no file" if name in tree.names(folder) else "nothing"
