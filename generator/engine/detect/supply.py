"""What the steps of a run need of each other: each need with what provides it, in time or not.

Where `check` tells only what is wrong, this tells what is right as well, for those who draw it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from generator.engine.detect.approver import asking_dns
from generator.engine.detect.events import Applied, Moment, Waited
from generator.engine.detect.match import waited_for
from generator.engine.detect.needs import missing
from generator.engine.detect.provide import Provision
from generator.engine.detect.ran import NEW, Ran
from generator.engine.finding import Severity
from generator.model.expression import condition
from generator.model.facts import DNS, INITIALIZED, READY, facts
from generator.model.role import same_role
from generator.model.step import TaskRun
from generator.model.task import ROLE
from generator.model.toleration import UNINITIALIZED
from generator.model.variables import Memory, Scope
from generator.model.workload import Workload

HELM, APISERVER = "helm", "apiserver"
"""The facts that a role provides by running, without putting a workload into the cluster."""

_NOTHING: Mapping[str, Provision | None] = {INITIALIZED: None, READY: None}


@dataclass(frozen=True, slots=True)
class Need:
    """A fact that is needed at a moment, and the moment from which on it is there.

    `supply` is None where nothing provides it. `severity` says how bad it is that it is not there
    in time, None where it is there. `unsure` tells that the need itself is not certain.
    """

    fact: str
    moment: Moment
    supply: TaskRun | None
    severity: Severity | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wait with the workload that it waits for, None where it waits for the nodes.

    `spared` tells that the workload's pods tolerate the cloud provider's taint.
    """

    waited: Waited
    workload: Workload | None
    spared: bool = False


def waits_of(ran: Ran) -> Iterator[Waiting]:
    """Give the waits of a run for something that it puts into the cluster, or for the nodes.

    Of several workloads that are waited for, or one that is put in several times, the last one.
    """
    for waited in ran.events.waited:
        meant = list(waited_for(waited, ran.workloads))
        if meant:
            yield Waiting(waited, meant[-1].workload, _spared(meant))
        elif _waits_for_nodes(waited):
            yield Waiting(waited, None)


def needs_of(ran: Ran) -> Iterator[Need]:
    """Give all that waits, Helm releases and lookups of names need in a run."""
    for waited in ran.events.waited:
        severity: Severity = "error" if ran.nodes == NEW and waited.wait.fatal else "warning"
        for applied in waited_for(waited, ran.workloads):
            yield from _of_pods(ran, waited, applied, severity)
        if _waits_for_nodes(waited) and READY in ran.needed:
            supply = ran.provisions[READY]
            early = supply is not None and supply.moment.at <= waited.moment.at
            yield Need(READY, waited.moment, _run(supply), None if early else severity)
    yield from _of_names(ran)
    helm = beginning(ran, HELM)
    for released in ran.events.released:
        before = helm is not None and helm[0] <= released.moment.at
        if helm is not None and before:
            yield Need(HELM, released.moment, helm[1])


def suppliers(ran: Ran) -> Mapping[str, tuple[TaskRun, Workload | None]]:
    """Return the task of a run that provides each fact, with the workload that it puts in.

    Facts that nothing provides are left out.
    """
    found: dict[str, tuple[TaskRun, Workload | None]] = {}
    for fact in facts():
        provision = ran.provisions[fact]
        if fact in (HELM, APISERVER):
            begun = beginning(ran, fact)
            if begun is not None:
                found[fact] = (begun[1], None)
        elif provision is not None and not provision.lost:
            found[fact] = (provision.moment.run, provision.workload)
        elif provision is not None:
            found[fact] = (provision.moment.run, None)
    return found


def beginning(ran: Ran, fact: str) -> tuple[int, TaskRun] | None:
    """Return when a role begins for the first time that provides a fact by running at all."""
    for at, run in enumerate(ran.order.tasks):
        if run.task.module != ROLE:
            continue
        if any(same_role(run.roles[-1], role) for role in facts()[fact].roles):
            scope = Scope.at(ran.files, ran.scenario, Memory(), run)
            if all(condition(text, scope) is not False for text in run.when):
                return at, run
    return None


def pending_at(ran: Ran) -> Iterator[tuple[Applied, tuple[str, ...]]]:
    """Give each workload that is put in before its pods can run, and the facts that it lacks."""
    if ran.nodes != NEW:
        return
    for applied in ran.workloads:
        lacking = missing(applied, applied.moment.at, ran.provisions, ran.needed)
        facts_lacking = tuple(one.fact for one in lacking)
        if facts_lacking:
            yield applied, facts_lacking


def _of_pods(ran: Ran, waited: Waited, applied: Applied, severity: Severity) -> Iterator[Need]:
    at = waited.moment.at
    lacking = {one.fact for one in missing(applied, at, ran.provisions, ran.needed)}
    for one in missing(applied, at, _NOTHING, ran.needed):
        supply = ran.provisions[one.fact]
        bad = severity if one.fact in lacking else None
        yield Need(one.fact, waited.moment, _run(supply), bad, one.unsure is not None)


def _of_names(ran: Ran) -> Iterator[Need]:
    supply = ran.provisions[DNS]
    if ran.nodes != NEW or supply is None:
        return
    for released in asking_dns(ran):
        early = released.moment.at >= supply.moment.at
        yield Need(DNS, released.moment, _run(supply), None if early else "warning")


def _waits_for_nodes(waited: Waited) -> bool:
    return waited.wait.target.kind == "nodes" and not waited.moment.hangs_on_result


def _spared(meant: list[Applied]) -> bool:
    return all(one.workload.pod.tolerates(UNINITIALIZED) is True for one in meant)


def _run(supply: Provision | None) -> TaskRun | None:
    return supply.moment.run if supply is not None else None
