"""What the pods of a workload need before they can run, and whether a run has it by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from generator.engine.detect.events import Applied
from generator.engine.detect.provide import Provision
from generator.model.facts import INITIALIZED, READY
from generator.model.toleration import UNINITIALIZED
from generator.model.value import Unknown
from generator.model.workload import NOT_READY, Workload


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that a workload needs and that is not there at a moment.

    `provision` is what provides it later, None where nothing does. `unsure` holds the variables
    because of which the workload may do without, none where it surely cannot.
    """

    fact: str
    workload: Workload
    provision: Provision | None
    unsure: frozenset[str] | None = None


def missing(
    applied: Applied, at: int, provisions: Mapping[str, Provision | None], needed: frozenset[str]
) -> Iterator[Missing]:
    """Give what a workload needs and does not have at a moment; `needed` are facts that count."""
    for fact in (INITIALIZED, READY):
        if fact not in needed:
            continue
        provision = provisions[fact]
        if provision is not None:
            own = provision.moment.at == applied.moment.at and provision.workload is not None
            if own or provision.moment.at <= at:
                continue
        without = _can_do_without(applied.workload, fact)
        if without is not True:
            unsure = without.names if isinstance(without, Unknown) else None
            yield Missing(fact, applied.workload, provision, unsure)


def _can_do_without(workload: Workload, fact: str) -> bool | Unknown:
    """Tell whether a workload's pods run where a fact is not there."""
    pod = workload.pod
    if fact == INITIALIZED:
        return pod.tolerates(UNINITIALIZED)
    if pod.host_network is False:
        return False
    tolerates = pod.tolerates(NOT_READY)
    return Unknown() if pod.host_network is None and tolerates is True else tolerates
