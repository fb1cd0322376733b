"""What a run provides, and when: the facts that pods need (facts.yml), in a known scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from generator.engine.detect.chart import workload_of
from generator.engine.detect.events import Applied, Events, Moment
from generator.model.facts import INITIALIZED, facts
from generator.model.role import could_mean, same_role
from generator.model.toleration import UNINITIALIZED
from generator.model.workload import Workload
from generator.text.document import Place


@dataclass(frozen=True, slots=True)
class Provision:
    """What provides a fact in a run: from `moment` on it is there.

    `workload` is what is put in, None where a role provides the fact by itself; `place` is where
    the play's entry stands that leads there. `lost` tells that it cannot be followed, so that it
    may provide the fact or not.
    """

    fact: str
    moment: Moment
    place: Place
    workload: Workload | None = None
    lost: bool = False


def workloads_in(events: Events) -> tuple[Applied, ...]:
    """Return all that is put into the cluster, releases among it, in order."""
    released = [Applied(workload_of(one), one.moment) for one in events.released]
    return tuple(sorted([*events.applied, *released], key=lambda applied: applied.moment.at))


def providing(events: Events, name: str) -> tuple[Provision, ...]:
    """Return all that may provide a fact in a run, in order."""
    return tuple(sorted(_providing(events, name), key=lambda provision: provision.moment.at))


def provision(events: Events, name: str) -> Provision | None:
    """Return what provides a fact, None where nothing does.

    The first that surely acts; where none surely does, the last of those that may.
    """
    able = [one for one in providing(events, name) if _able(one)]
    sure = [one for one in able if not one.moment.unsure and not one.lost]
    return sure[0] if sure else able[-1] if able else None


def _able(one: Provision) -> bool:
    """Tell whether pods that shall take the taint off can run on nodes that carry it."""
    if one.fact != INITIALIZED or one.workload is None:
        return True
    return one.workload.pod.tolerates(UNINITIALIZED) is not False


def _providing(events: Events, name: str) -> Iterator[Provision]:
    fact = facts()[name]
    for applied in workloads_in(events):
        workload, moment = applied.workload, applied.moment
        if not fact.concerns(moment.run.roles):
            continue
        if fact.kinds and workload.kind not in fact.kinds:
            continue
        if fact.named and not (workload.name or "").startswith(fact.named):
            continue
        yield Provision(name, moment, entry_place(moment), workload)
    for begun in events.begun:
        # What cannot be followed gets the benefit of the doubt: it may provide the fact.
        lost = begun.lost and (
            fact.concerns(begun.moment.run.roles) or _may_be(begun.role, fact.roles)
        )
        if lost or any(same_role(begun.role, role) for role in fact.by_itself):
            yield Provision(name, begun.moment, entry_place(begun.moment), lost=lost)


def _may_be(name: str, roles: tuple[str, ...]) -> bool:
    """Tell whether a role's name that a template makes may come out as one of some roles."""
    return "{{" in name and any(could_mean(name, role) for role in roles)


def entry_place(moment: Moment) -> Place:
    """Return where the play's entry stands that leads to a task; the task's own place without."""
    chain = moment.run.chain
    return chain[0].place if chain else moment.run.task.place
