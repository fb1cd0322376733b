"""From a tree and chosen semantic patches to a verified series of changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from generator.engine.operations import Changed, NotNeeded, Operation
from generator.engine.patch import SemanticPatch, component_of
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
    """A semantic patch that changes the tree; `found` are sentences on what was wrong.

    `components` are the names of those that it changes something for, `idle` why it has nothing
    to do for others that were chosen, by name.
    """

    patch: SemanticPatch
    found: tuple[str, ...]
    files: tuple[FileChange, ...]
    components: tuple[str, ...] = ()
    idle: tuple[tuple[str, str], ...] = ()


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
    unneeded: list[tuple[Operation, NotNeeded]] = []
    found: list[str] = []
    done: list[Operation] = []
    files: dict[str, bytes] = {}
    current = kubespray
    for operation in patch.operations:
        outcome = _outcome(patch, operation, current)
        if isinstance(outcome, NotNeeded):
            unneeded.append((operation, outcome))
            continue
        assert isinstance(outcome, Changed)
        found.append(outcome.found)
        done.append(operation)
        files.update(outcome.files)
        current = current.changed(outcome.files)
    idle = _idle(unneeded, done)
    if not files:
        return _skipped(patch, unneeded, idle), kubespray
    if check:
        verify(patch, kubespray, current, files)
    changes = tuple(
        FileChange(path, _before(kubespray, path), data, kubespray.tree.mode(path) or FILE)
        for path, data in sorted(files.items())
    )
    return Applied(patch, tuple(found), changes, _names(done), tuple(idle.items())), current


def _outcome(
    patch: SemanticPatch, operation: Operation, kubespray: Kubespray
) -> Changed | NotNeeded:
    try:
        return operation.apply(kubespray)
    except Unsafe as error:
        component = component_of(operation)
        if component is None:
            raise
        option = f"--without {patch.id}={component.name}"
        raise Unsafe(f"{error} All but this component is done with {option}.") from None


def _names(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Return the components of some operations, each once."""
    found = (component_of(operation) for operation in operations)
    return tuple(dict.fromkeys(component.name for component in found if component is not None))


def _idle(
    unneeded: Iterable[tuple[Operation, NotNeeded]], done: Iterable[Operation]
) -> dict[str, str]:
    """Return the components for which nothing is to do, with the reason.

    Where a part of one is as wanted and the tree lacks another, the first is the reason.
    """
    busy = set(_names(done))
    reasons: dict[str, NotNeeded] = {}
    for operation, outcome in unneeded:
        for name in _names([operation]):
            known = reasons.get(name)
            if name not in busy and (known is None or (outcome.already and not known.already)):
                reasons[name] = outcome
    # An operation may begin its reason with the component's name; it is told before it.
    return {name: it.reason.removeprefix(f"{name}: ") for name, it in reasons.items()}


def _skipped(
    patch: SemanticPatch, unneeded: Iterable[tuple[Operation, NotNeeded]], idle: dict[str, str]
) -> Skipped:
    """Return what is said of a patch that changes nothing.

    The tree has all of it where that is so of every operation; of components, those that the tree
    lacks do not count.
    """
    own = [outcome for operation, outcome in unneeded if component_of(operation) is None]
    of_components = [outcome for operation, outcome in unneeded if component_of(operation)]
    already = all(outcome.already for outcome in own) and (
        not of_components or any(outcome.already for outcome in of_components)
    )
    reasons = [outcome.reason for outcome in own]
    reasons += [f"{name}: {reason}" for name, reason in idle.items()]
    if already and patch.obsolete is not None:
        reasons.append(f"upstream has it since {patch.obsolete.since}")
    return Skipped(patch, tuple(reasons), already)


def _before(kubespray: Kubespray, path: str) -> bytes | None:
    return kubespray.tree.raw(path) if kubespray.tree.mode(path) else None
