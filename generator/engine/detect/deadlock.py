"""Deadlocks: waits whose pods need what comes later, or never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from generator.engine.detect.codes import codes
from generator.engine.detect.cures import fixed_by, left_alone, tolerated_by
from generator.engine.detect.events import Applied, Waited
from generator.engine.detect.match import waited_for
from generator.engine.detect.needs import Missing, missing
from generator.engine.detect.provide import Provision, entry_place
from generator.engine.detect.ran import NEW, Ran
from generator.engine.detect.tolerated import advice, requests_for
from generator.engine.finding import Evidence, Finding, Severity
from generator.engine.patch import SemanticPatch
from generator.model.facts import INITIALIZED, READY
from generator.model.toleration import UNINITIALIZED
from generator.model.wait import Wait
from generator.model.workload import Pod

PROVIDER = {INITIALIZED: "the cloud controller manager", READY: "the network plugin"}
"""What people call what provides a fact."""


def deadlocks(ran: Ran, patches: Iterable[SemanticPatch]) -> Iterator[Finding]:
    """Give a finding for each wait in a run that cannot end."""
    chosen = tuple(patches)
    for waited in ran.events.waited:
        for applied in (*waited_for(waited, ran.workloads), *_initializing(ran, waited)):
            lacking = tuple(missing(applied, waited.moment.at, ran.provisions, ran.needed))
            if lacking:
                yield _finding(ran, waited, applied, lacking, chosen)
                break
        else:
            yield from _nodes(ran, waited)


def lacking_in_waits(ran: Ran) -> set[tuple[object, int]]:
    """Return the workloads, by place and moment, that waits of a run wait for in vain."""
    found: set[tuple[object, int]] = set()
    for waited in ran.events.waited:
        for applied in waited_for(waited, ran.workloads):
            if any(missing(applied, waited.moment.at, ran.provisions, ran.needed)):
                found.add((applied.workload.place, applied.moment.at))
    return found


def _finding(
    ran: Ran,
    waited: Waited,
    applied: Applied,
    lacking: tuple[Missing, ...],
    patches: tuple[SemanticPatch, ...],
) -> Finding:
    wait, moment, workload = waited.wait, waited.moment, applied.workload
    code = _code(wait, lacking)
    severity: Severity = "error" if ran.nodes == NEW and wait.fatal else "warning"
    forbidden = tuple(left_alone(moment, ran, patches))
    reasons = [_because(one) for one in lacking]
    if ran.nodes != NEW and not forbidden:
        reasons.append(
            "The nodes of a running cluster are initialized already, so this blocks only where "
            "they are not, when all nodes are new, say."
        )
    reasons += [" ".join(left.why.split()) for _, left in forbidden]
    tolerated = tolerated_by(ran, lacking, patches)
    cures = fixed_by(moment, lacking, patches, tolerated)
    requests = requests_for(one for one in tolerated if one[0].id in cures)
    return Finding(
        code=code,
        severity=severity,
        playbook=ran.playbook,
        place=entry_place(moment),
        message=f"{workload} is waited for {_before(lacking)}.",
        why=" ".join([_waits(wait), *reasons, *_near_miss(workload.pod)]),
        cure=" ".join([*_cures(lacking, bool(forbidden)), *advice(requests)]),
        blocking=severity == "error",
        conditions=_conditions(ran, waited, lacking),
        fixed_by=cures,
        references=codes()[code].references,
        evidence=tuple(_evidence(waited, applied, lacking)),
        requests=requests,
    )


def _initializing(ran: Ran, waited: Waited) -> Iterator[Applied]:
    """Give the cloud controller manager that a wait for initialized nodes waits for."""
    provision = ran.provisions[INITIALIZED]
    if waited.wait.target.kind != "initialized nodes" or provision is None:
        return
    if provision.workload is not None and provision.moment.at <= waited.moment.at:
        yield Applied(provision.workload, provision.moment)


_OF_NODES = {"nodes": READY, "initialized nodes": INITIALIZED}
"""What nodes need that are waited for, by what is waited for."""


def _nodes(ran: Ran, waited: Waited) -> Iterator[Finding]:
    """Give a finding where a task waits for nodes and nothing makes them as they shall be yet."""
    fact = _OF_NODES.get(waited.wait.target.kind)
    if fact is None or fact not in ran.needed:
        return
    if waited.moment.hangs_on_result:
        # What runs only where the machines hold something already is no part of a first run.
        return
    provision = ran.provisions[fact]
    if provision is not None and provision.moment.at <= waited.moment.at:
        return
    who, state = PROVIDER[fact], "ready" if fact == READY else "initialized"
    code = "deadlock-unprovided" if provision is None else "deadlock-order"
    code = code if waited.wait.fatal else "slow-wait"
    severity: Severity = "error" if ran.nodes == NEW and waited.wait.fatal else "warning"
    later = [Evidence(provision.place, f"what provides it: {who}")] if provision else []
    yield Finding(
        code, severity, ran.playbook, entry_place(waited.moment),
        f"Nodes are waited for before {who} runs.",
        f"{_waits(waited.wait)} Nodes are not {state} before {who} runs on them.",
        f"Run the step after {who}." if provision else "Do not wait for the nodes.",
        severity == "error", ran.conditions(waited.moment, fact), (), codes()[code].references,
        (Evidence(waited.wait.place, f"the wait: {waited.wait.how}"), *later),
    )  # fmt: skip


def _code(wait: Wait, lacking: tuple[Missing, ...]) -> str:
    if not wait.fatal:
        return "slow-wait"
    never = any(one.provision is None for one in lacking)
    return "deadlock-unprovided" if never else "deadlock-order"


def _before(lacking: tuple[Missing, ...]) -> str:
    never = [PROVIDER[one.fact] for one in lacking if one.provision is None]
    later = [PROVIDER[one.fact] for one in lacking if one.provision is not None]
    parts = [f"before {' and '.join(later)} can have run"] if later else []
    parts += [f"although {' and '.join(never)} is deployed by no step"] if never else []
    return ", ".join(parts)


def _waits(wait: Wait) -> str:
    known = wait.seconds is not None
    after = f"after {duration(wait.seconds or 0)}" if known else "when its time is up"
    end = "the playbook ends there" if wait.fatal else "the playbook goes on without them"
    return f"The wait ({wait.how}) gives up {after}, and {end}."


def _because(one: Missing) -> str:
    may = "may not" if one.unsure is not None else "do not"
    if one.fact == INITIALIZED:
        reason = (
            f"New nodes carry the taint {UNINITIALIZED.key}:{UNINITIALIZED.effect}, which its pods "
            f"{may} tolerate, until the cloud controller manager takes it off"
        )
    else:
        reason = (
            "Nodes are not ready until the network plugin runs on them, and its pods are not on "
            "the host's network or do not tolerate that"
        )
    return f"{reason}; {_when(one)}."


def _when(one: Missing) -> str:
    if one.provision is None:
        return "no step of the playbook deploys one for these variables"
    return f"that comes only with {one.provision.place}"


def _near_miss(pod: Pod) -> Iterator[str]:
    """Give a sentence where a toleration names the taint's key but does not match it."""
    for entry in pod.tolerations:
        if isinstance(entry, dict) and entry.get("key") == UNINITIALIZED.key:
            yield (
                "There is a toleration with that key, but it does not match the taint, whose "
                'value is "true" and whose effect is NoSchedule: use the operator Exists.'
            )
            return


def _cures(lacking: tuple[Missing, ...], forbidden: bool) -> Iterator[str]:
    facts = {one.fact: one for one in lacking}
    tolerate = f"let its pods tolerate {UNINITIALIZED.key} (operator Exists, effect NoSchedule)"
    places = [str(one.provision.place) for one in lacking if one.provision is not None]
    last = lacking[-1] if places else None
    if forbidden:
        yield "Do not move the step."
    elif places and last is not None:
        tail = f", or {tolerate}" if set(facts) == {INITIALIZED} else ""
        yield f"Run the step after {' and '.join(places)}{tail}."
    if INITIALIZED in facts and (forbidden or not places):
        yield f"{tolerate[:1].upper()}{tolerate[1:]}."
    if INITIALIZED in facts and facts[INITIALIZED].provision is None:
        yield "The order of the steps does not help."
    if READY in facts and facts[READY].provision is None:
        yield "Install the network plugin first, or do not wait for these pods."


def _conditions(ran: Ran, waited: Waited, lacking: tuple[Missing, ...]) -> tuple[str, ...]:
    known = ran.conditions(waited.moment, *(one.fact for one in lacking))
    open_ones = []
    for one in lacking:
        for name in sorted(one.unsure or ()):
            open_ones.append(f"{name.strip('<>')} is not known")
        if one.unsure is not None and not one.unsure:
            open_ones.append(f"the tolerations of {one.workload} are not known")
    return tuple(dict.fromkeys((*known, *open_ones)))


def _evidence(waited: Waited, applied: Applied, lacking: tuple[Missing, ...]) -> Iterator[Evidence]:
    yield Evidence(waited.wait.place, f"the wait: {waited.wait.how}")
    yield Evidence(applied.workload.place, f"what it waits for: {applied.workload}")
    for provision in (one.provision for one in lacking):
        if provision is not None:
            yield Evidence(provision.place, f"what provides it: {_provider(provision)}")


def _provider(provision: Provision) -> str:
    return str(provision.workload) if provision.workload else PROVIDER[provision.fact]


def duration(seconds: int) -> str:
    """Return a time in words: `5 minutes`, `90 seconds`."""
    if seconds and seconds % 60 == 0:
        return f"{seconds // 60} minute{'s' if seconds != 60 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
