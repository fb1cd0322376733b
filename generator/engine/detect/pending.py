"""Workloads that stay Pending without anybody waiting, and providers that cannot run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from generator.engine.detect.codes import codes
from generator.engine.detect.cures import tolerated_by
from generator.engine.detect.deadlock import PROVIDER, lacking_in_waits
from generator.engine.detect.events import Applied
from generator.engine.detect.needs import Missing, missing
from generator.engine.detect.provide import Provision, entry_place, providing
from generator.engine.detect.ran import NEW, Ran
from generator.engine.detect.tolerated import advice, requests_for
from generator.engine.finding import Evidence, Finding
from generator.engine.patch import SemanticPatch
from generator.model.facts import INITIALIZED, READY, facts
from generator.model.toleration import UNINITIALIZED
from generator.model.workload import Workload


def pending(ran: Ran, patches: Iterable[SemanticPatch] = ()) -> Iterator[Finding]:
    """Give a note for each workload that is put in before its pods can run; one for each place.

    None where the nodes are those of a running cluster, on which they run at once.
    """
    if ran.nodes != NEW:
        return
    waited = lacking_in_waits(ran)
    seen = set()
    known = tuple(patches)
    for applied in ran.workloads:
        place = applied.workload.place
        lacking = tuple(missing(applied, applied.moment.at, ran.provisions, ran.needed))
        if not lacking or place in seen or (place, applied.moment.at) in waited:
            continue
        seen.add(place)
        evidence = [Evidence(entry_place(applied.moment), "the playbook puts it in here")]
        evidence += [
            Evidence(one.provision.place, f"what provides it: {PROVIDER[one.fact]}")
            for one in lacking if one.provision is not None
        ]  # fmt: skip
        names = (name for one in lacking for name in sorted(one.unsure or ()))
        unsure = [f"{name.strip('<>')} is not known" for name in names]
        tolerated = tolerated_by(ran, lacking, known)
        requests = requests_for(tolerated)
        yield Finding(
            code="pending",
            severity="note",
            playbook=ran.playbook,
            place=place,
            message=f"{applied.workload} stays Pending until {_until(lacking)}.",
            why=" ".join(_why(one) for one in lacking),
            cure=" ".join(["Nothing waits for it; it starts by itself then.", *advice(requests)]),
            conditions=tuple(dict.fromkeys(
                (*ran.conditions(applied.moment, *(one.fact for one in lacking)), *unsure)
            )),
            fixed_by=tuple(dict.fromkeys(patch.id for patch, _ in tolerated)),
            references=codes()["pending"].references,
            evidence=tuple(evidence),
            requests=requests,
        )  # fmt: skip


def blocked_providers(ran: Ran) -> Iterator[Finding]:
    """Give an error for each cloud controller manager that cannot run on a new node.

    Its pods do not tolerate the taint that they shall take off, or need a network that needs
    them in turn.
    """
    if INITIALIZED not in ran.needed:
        return
    for provision in providing(ran.events, INITIALIZED):
        workload = provision.workload
        if workload is None:
            continue
        if workload.pod.tolerates(UNINITIALIZED) is False:
            yield _blocked(
                ran, provision, workload,
                f"{workload} does not tolerate the taint that it shall take off.",
                f"Every new node carries {UNINITIALIZED}, so its pods are never scheduled and no "
                "node is ever initialized.",
                f"Let its pods tolerate {UNINITIALIZED.key} with the operator Exists.",
            )  # fmt: skip
        elif workload.pod.host_network is False and READY in ran.needed:
            for other in _network_waits_for(ran):
                yield _blocked(
                    ran, provision, workload,
                    f"{workload} needs a network that needs it first.",
                    f"Its pods are not on the host's network, which needs {other.workload}, whose "
                    f"pods do not tolerate {UNINITIALIZED.key}: each waits for the other.",
                    f"Put its pods on the host's network, or let {other.workload} tolerate the "
                    "taint.",
                    (Evidence(other.workload.place, "what the network needs"),),
                )  # fmt: skip


def _network_waits_for(ran: Ran) -> Iterator[Applied]:
    """Give the workloads that the network needs and that no tainted node takes."""
    for applied in ran.workloads:
        workload = applied.workload
        needed = workload.name in facts()[READY].hangs_by
        if needed and workload.pod.tolerates(UNINITIALIZED) is False:
            yield applied


def _blocked(
    ran: Ran, provision: Provision, workload: Workload, message: str, why: str, cure: str,
    evidence: tuple[Evidence, ...] = (),
) -> Finding:  # fmt: skip
    return Finding(
        code="ccm-blocked",
        severity="error" if ran.nodes == NEW else "warning",
        playbook=ran.playbook,
        place=workload.place,
        message=message,
        why=why,
        cure=cure,
        conditions=ran.conditions(provision.moment, INITIALIZED),
        references=codes()["ccm-blocked"].references,
        evidence=(Evidence(provision.place, "the playbook puts it in here"), *evidence),
    )


def _until(lacking: tuple[Missing, ...]) -> str:
    names = [(PROVIDER[one.fact], one.provision is not None) for one in lacking]
    words = (f"{name} runs" if later else f"you have installed {name}" for name, later in names)
    return " and ".join(words)


def _why(one: Missing) -> str:
    if one.fact == INITIALIZED:
        return f"Its pods do not tolerate {UNINITIALIZED.key}."
    return "Its pods need a node that is ready."
