"""What waits in vain in a playbook run: the approver, which staging is for, and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generator.engine.detect.approver import ROLE
from generator.engine.detect.deadlock import deadlocks
from generator.engine.detect.events import Applied, Moment, Waited
from generator.engine.detect.match import waited_for
from generator.engine.detect.needs import Missing, missing
from generator.engine.detect.pending import blocked_providers
from generator.engine.detect.provide import entry_place
from generator.engine.detect.ran import Ran
from generator.engine.finding import Finding
from generator.engine.patch import SemanticPatch
from generator.model.role import same_role


@dataclass(frozen=True, slots=True)
class Stuck:
    """A wait that cannot end: `lacking` is what the pods need and do not have by then."""

    waited: Waited
    applied: Applied
    lacking: tuple[Missing, ...]


def of_approver(moment: Moment) -> bool:
    """Tell whether something happens in the approver's role, or in what that brings."""
    return any(same_role(role, ROLE) for role in moment.run.roles)


def stuck_approver(run: Ran) -> tuple[Stuck, ...]:
    """Return the waits of the approver that cannot end, and end the playbook."""
    return tuple(stuck for stuck in _stuck(run) if of_approver(stuck.waited.moment))


def _stuck(run: Ran) -> Iterator[Stuck]:
    for waited in run.events.waited:
        if not waited.wait.fatal:
            continue
        for applied in waited_for(waited, run.workloads):
            lacking = tuple(missing(applied, waited.moment.at, run.provisions, run.needed))
            if lacking:
                yield Stuck(waited, applied, lacking)
                break


def of_stuck(found: Iterable[Finding], stuck: Iterable[Stuck]) -> tuple[Finding, ...]:
    """Return those of a check's findings that tell of some waits."""
    keys = {
        (entry_place(one.waited.moment), one.waited.wait.place, str(one.applied.workload))
        for one in stuck
    }  # fmt: skip
    return tuple(
        finding for finding in found
        if finding.evidence and any(
            finding.place == entry and finding.evidence[0].place == wait
            and finding.message.startswith(f"{workload} ") for entry, wait, workload in keys
        )
    )  # fmt: skip


def blocking(run: Ran, patches: Iterable[SemanticPatch]) -> tuple[Finding, ...]:
    """Return what makes a run of the playbook fail: errors, the approver's own among them."""
    found = (*deadlocks(run, patches), *blocked_providers(run))
    return tuple(finding for finding in found if finding.severity == "error")
