"""Making an overlay anew for another base, and saying what became of its patches and files."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from generator.engine.choice import Choice, choose, with_components
from generator.engine.patch import SemanticPatch
from generator.engine.series import Applied, Series
from generator.exits import Unsafe, UnusableInput
from generator.overlay.manifest import Manifest, OverlayBase, OverlayFile
from generator.overlay.state import looked_at, lost_components
from generator.overlay.stored import ORIGINALS, Stored
from generator.tree.base import Tree
from generator.tree.memory import ChangedTree

Became: TypeAlias = Literal[
    "still needed", "unnecessary now", "needed again", "still unnecessary", "new", "dropped"
]


@dataclass(frozen=True, slots=True)
class PatchChange:
    """What became of a patch; `reasons` say why the new base does or does not need it."""

    id: str
    version: int
    became: Became
    needed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """An overlay before and after it was made anew.

    `offered` are patches that the program applies by default and that the overlay lacks.
    """

    old: OverlayBase
    new: OverlayBase
    patches: tuple[PatchChange, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    unchanged: tuple[str, ...]
    offered: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the new overlay holds no files."""
        return not (self.changed or self.added or self.unchanged)


class TreeBefore(ChangedTree):
    """A tree that holds an overlay's files, seen as it was before."""

    def __init__(self, below: Tree, files: Mapping[str, bytes | None], modes: Mapping[str, str]):
        super().__init__(below, files)
        self._modes = dict(modes)

    def mode(self, path: str) -> str | None:
        """Return an entry's mode, for a file that comes back the one that it had."""
        return self._modes.get(path) or super().mode(path)


def is_held(stored: Stored, tree: Tree) -> bool:
    """Tell whether a tree holds every file of an overlay, and the overlay has some."""
    applied = looked_at(stored, tree).of("applied")
    files = stored.manifest.files if stored.manifest is not None else ()
    return bool(files) and len(applied) == len(files)


def undone(stored: Stored, tree: Tree) -> dict[str, OverlayFile]:
    """Return the files of an overlay, by path, where a tree holds all of them already.

    Where it holds some only, upstream may have come to the same ones, and they count as its own.
    Raises Unsafe where a file from before, as which it is to be seen, was not kept.
    """
    if not is_held(stored, tree):
        return {}
    assert stored.manifest is not None
    files = {file.path: file for file in stored.manifest.files}
    for path, file in files.items():
        if not stored.has_original(file):
            raise Unsafe(
                f"{stored.directory / ORIGINALS / path}: the file is not the one that was kept, "
                "and the tree has the overlay's; restore it, or bring the tree back with git."
            )
    return files


def before(stored: Stored, tree: Tree, files: Mapping[str, OverlayFile]) -> Tree:
    """Return a tree without the files of an overlay that it holds."""
    if not files:
        return tree
    return TreeBefore(
        tree,
        {path: stored.before(file) for path, file in files.items()},
        {path: file.mode for path, file in files.items() if file.before is not None},
    )


def chosen_again(
    manifest: Manifest,
    patches: Mapping[str, SemanticPatch],
    also: Sequence[str] = (),
    without: Sequence[str] = (),
) -> tuple[SemanticPatch, ...]:
    """Return the patches of an overlay with their components, with and without some.

    Raises UnusableInput where one is not known, or two exclude each other.
    """
    lost = {
        (patch.id, name) for patch in manifest.patches for name in lost_components(patch, patches)
    }
    lost |= {(patch.id, "") for patch in manifest.patches if patch.id not in patches}
    dropped = {pair for text in without for pair in _pairs(text)}
    again = []
    for patch in manifest.patches:
        if (patch.id, "") in dropped:
            continue
        _refuse_lost(patch.id, [name for one, name in lost - dropped if one == patch.id])
        names = [name for name in patch.components if (patch.id, name) not in lost]
        if names or not patch.components:
            again.append(with_components(patch.id, names))
    only = (*again, *also)
    if not only:
        # Without any, all default ones would be meant.
        return ()
    left_out = tuple(text for each in without for text in _without_lost(each, lost))
    return choose(patches, Choice(only=only, without=left_out))


def _without_lost(text: str, lost: Container[tuple[str, str]]) -> Iterator[str]:
    """Give what `--without` names, without what nobody knows any more."""
    pairs = _pairs(text)
    known = [name for identity, name in pairs if (identity, name) not in lost]
    if len(known) == len(pairs):
        yield text
    elif known:
        yield with_components(pairs[0][0], known)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return what `--without` names: an id with each component, which is empty for all of it."""
    identity, _, listed = text.partition("=")
    return [(identity, name.strip()) for name in listed.split(",")]


def _refuse_lost(identity: str, names: Sequence[str]) -> None:
    """Raise UnusableInput where an overlay has what nobody knows: components, or a patch ("")."""
    if "" in names:
        raise UnusableInput(
            f"the overlay has the semantic patch '{identity}', which is not there; name its "
            f"directory with --patch-dir, or drop it with --without {identity}."
        )
    if names:
        raise UnusableInput(
            f"the overlay has '{min(names)}' of the semantic patch '{identity}', which has no such "
            f"component; drop it with --without {with_components(identity, sorted(names))}."
        )


def summary(
    old: Manifest, new: Manifest, series: Series, patches: Mapping[str, SemanticPatch],
    without: Iterable[str] = (),
) -> Summary:  # fmt: skip
    """Return what became of an overlay's patches and files."""
    had = {file.path: file for file in old.files}
    has = {file.path: file for file in new.files}
    both = sorted(had.keys() & has.keys())
    return Summary(
        old=old.base,
        new=new.base,
        patches=_patches(old, series),
        changed=tuple(path for path in both if had[path] != has[path]),
        added=tuple(sorted(has.keys() - had.keys())),
        dropped=tuple(sorted(had.keys() - has.keys())),
        unchanged=tuple(path for path in both if had[path] == has[path]),
        offered=_offered(new, patches, set(without)),
    )


def _patches(old: Manifest, series: Series) -> tuple[PatchChange, ...]:
    had = {patch.id: patch for patch in old.patches}
    found = []
    for outcome in series.outcomes:
        patch, needed = outcome.patch, isinstance(outcome, Applied)
        reasons = outcome.found if isinstance(outcome, Applied) else outcome.reasons
        before = had.pop(patch.id, None)
        became = "new" if before is None else _became(before.needed, needed)
        found.append(PatchChange(patch.id, patch.version, became, needed, reasons))
    found += [PatchChange(gone.id, gone.version, "dropped", False) for gone in had.values()]
    return tuple(found)


def _became(needed_before: bool, needed: bool) -> Became:
    if needed:
        return "still needed" if needed_before else "needed again"
    return "unnecessary now" if needed_before else "still unnecessary"


def _offered(
    new: Manifest, patches: Mapping[str, SemanticPatch], without: set[str]
) -> tuple[str, ...]:
    chosen = {patch.id for patch in new.patches}
    excluded = {other for identity in chosen for other in patches[identity].excludes}
    return tuple(
        patch.id for patch in patches.values()
        if patch.default and patch.id not in chosen | excluded | without
        and not chosen & set(patch.excludes)
    )  # fmt: skip
