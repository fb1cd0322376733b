"""Which semantic patches cure a finding, and which cures are ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from generator.engine.detect.events import Moment
from generator.engine.detect.needs import Missing
from generator.engine.detect.provide import entry_place
from generator.engine.detect.ran import Ran
from generator.engine.detect.tolerated import Letting, letting
from generator.engine.operations.merge_value import MergeValue
from generator.engine.operations.move_role_use import MoveRoleUse
from generator.engine.patch import LeftAlone, SemanticPatch
from generator.model.facts import INITIALIZED
from generator.model.kubespray import playbook_stem
from generator.model.role import same_role
from generator.model.toleration import UNINITIALIZED, tolerates


def fixed_by(
    moment: Moment,
    lacking: tuple[Missing, ...],
    patches: Iterable[SemanticPatch],
    tolerated: Iterable[Letting] = (),
) -> tuple[str, ...]:
    """Return the ids of the patches that cure a wait, those made by default first.

    Each of them cures all that is lacking; where none does, each cures a part of it. `tolerated`
    are those that let the workload's pods tolerate the taint (`tolerated_by`).
    """
    let = {patch.id for patch, _ in tolerated}
    able = [
        (patch, _cured(patch, moment, lacking) | ({INITIALIZED} if patch.id in let else set()))
        for patch in sorted(patches, key=_order)
    ]
    whole = [patch for patch, facts in able if len(facts) == len(lacking)]
    found = whole or [patch for patch, facts in able if facts]
    default = [patch for patch in found if patch.default]
    return tuple(patch.id for patch in default or found)


def tolerated_by(
    ran: Ran, lacking: tuple[Missing, ...], patches: Iterable[SemanticPatch]
) -> tuple[Letting, ...]:
    """Return the patches that let the pods tolerate the taint which is all that they lack."""
    if {one.fact for one in lacking} != {INITIALIZED}:
        return ()
    return tuple(letting(ran, lacking[0].workload, patches))


def left_alone(
    moment: Moment, ran: Ran, patches: Iterable[SemanticPatch]
) -> Iterator[tuple[SemanticPatch, LeftAlone]]:
    """Give the patches that move the role of a moment, but not here, and why not."""
    for patch in patches:
        for left in patch.leaves_alone:
            here = playbook_stem(left.playbook) == playbook_stem(ran.playbook)
            if here and any(_moves(operation, moment) for operation in patch.operations):
                yield patch, left


def _order(patch: SemanticPatch) -> tuple[bool, str]:
    return not patch.default, patch.id


def _cured(patch: SemanticPatch, moment: Moment, lacking: tuple[Missing, ...]) -> set[str]:
    return {
        one.fact for operation in patch.operations for one in lacking
        if _cures(operation, moment, one)
    }  # fmt: skip


def _cures(operation: object, moment: Moment, missing: Missing) -> bool:
    if isinstance(operation, MoveRoleUse):
        there = playbook_stem(entry_place(moment).path) == playbook_stem(operation.playbook)
        later = missing.provision is not None and missing.fact in operation.after
        return there and later and _moves(operation, moment)
    if isinstance(operation, MergeValue):
        same = any(same_role(role, operation.role) for role in moment.run.roles)
        return same and missing.fact == INITIALIZED and tolerates(operation.entries, UNINITIALIZED)
    return False


def _moves(operation: object, moment: Moment) -> bool:
    """Tell whether an operation moves the role that stands in the play and leads to a moment."""
    return isinstance(operation, MoveRoleUse) and any(
        same_role(role, operation.role) for role in moment.run.roles
    )
