"""From a tree and chosen semantic patches to a verified series of changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from generator.engine.operations import Changed, NotNeeded
from generator.engine.patch import SemanticPatch
from generator.engine.verify import verify
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.tree.base import FILE, Base


@dataclass(frozen=True)
class FileChange:
    """One file before and after; None where it is not there. `mode` is git's."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: str


@dataclass(frozen=True)
class Applied:
    """A semantic patch that changes the tree; `found` are sentences on what was wrong."""

    patch: SemanticPatch
    found: tuple[str, ...]
    files: tuple[FileChange, ...]


@dataclass(frozen=True)
class Skipped:
    """A semantic patch that the tree does not need; `reasons` are sentences.

    `already` where the tree has all of it, not where it does not concern the tree.
    """

    patch: SemanticPatch
    reasons: tuple[str, ...]
    already: bool = False


@dataclass(frozen=True)
class Refused:
    """A semantic patch that applies but cannot be done or verified safely."""

    patch: SemanticPatch
    error: Unsafe


@dataclass(frozen=True)
class Series:
    """What the chosen semantic patches do to one tree, in order.

    `after` is the tree as it is then.
    """

    base: Base
    outcomes: tuple[Applied | Skipped, ...]
    after: Kubespray = field(repr=False)

    @property
    def applied(self) -> tuple[Applied, ...]:
        """The patches that change something."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Applied))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The patches that are not needed."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Skipped))

    @property
    def files(self) -> tuple[FileChange, ...]:
        """Every file that changes, from before the first to after the last patch, sorted."""
        whole: dict[str, FileChange] = {}
        for change in (change for applied in self.applied for change in applied.files):
            first = whole.get(change.path, change)
            whole[change.path] = FileChange(change.path, first.before, change.after, first.mode)
        return tuple(whole[path] for path in sorted(whole))


def plan(kubespray: Kubespray, patches: Iterable[SemanticPatch]) -> Series:
    """Return the verified series of the patches on a tree.

    Raises Unsafe where a patch applies but cannot be done, or its result is not as promised.
    """
    chosen = tuple(patches)
    outcomes: list[Applied | Skipped] = []
    current = kubespray
    for patch in chosen:
        outcome, current = _apply(current, patch)
        outcomes.append(outcome)
    for patch in chosen:
        again, _ = _apply(current, patch, check=False)
        if isinstance(again, Applied):
            raise Unsafe(
                f"{again.files[0].path}: semantic patch '{patch.id}' would change the patched tree "
                f"once more ({again.found[0]}). Nothing was emitted; please report this."
            )
    return Series(kubespray.tree.base, tuple(outcomes), current)


def try_each(
    kubespray: Kubespray, patches: Iterable[SemanticPatch]
) -> tuple[Applied | Skipped | Refused, ...]:
    """Return what each patch does to a tree on top of those before it; refused ones do nothing."""
    outcomes: list[Applied | Skipped | Refused] = []
    current = kubespray
    for patch in patches:
        try:
            outcome, current = _apply(current, patch)
            outcomes.append(outcome)
        except Unsafe as error:
            outcomes.append(Refused(patch, error))
    return tuple(outcomes)


def _apply(
    kubespray: Kubespray, patch: SemanticPatch, check: bool = True
) -> tuple[Applied | Skipped, Kubespray]:
    missing = [role for role in patch.needs_roles if kubespray.role_named(role) is None]
    if missing:
        return Skipped(patch, (f"the tree has no role {missing[0]}",)), kubespray
    reasons: list[str] = []
    found: list[str] = []
    already = True
    files: dict[str, bytes] = {}
    current = kubespray
    for operation in patch.operations:
        outcome = operation.apply(current)
        if isinstance(outcome, NotNeeded):
            reasons.append(outcome.reason)
            already = already and outcome.already
            continue
        assert isinstance(outcome, Changed)
        found.append(outcome.found)
        files.update(outcome.files)
        current = current.changed(outcome.files)
    if not files:
        if already and patch.obsolete is not None:
            reasons.append(f"upstream has it since {patch.obsolete.since}")
        return Skipped(patch, tuple(reasons), already), kubespray
    if check:
        verify(patch, kubespray, current, files)
    changes = tuple(
        FileChange(path, _before(kubespray, path), data, kubespray.tree.mode(path) or FILE)
        for path, data in sorted(files.items())
    )
    return Applied(patch, tuple(found), changes), current


def _before(kubespray: Kubespray, path: str) -> bytes | None:
    return kubespray.tree.raw(path) if kubespray.tree.mode(path) else None
