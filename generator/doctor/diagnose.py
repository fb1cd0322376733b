"""From a cluster to a diagnosis: the causes in the order in which one makes the next."""

from __future__ import annotations

from collections.abc import Iterator

from generator.doctor.causes import WATCH, approver_causes, ccm_causes, request_causes
from generator.doctor.cluster import KUBELET_SERVING, Cluster, Csr
from generator.doctor.diagnosis import Cause, Diagnosis, Findings, Waiting
from generator.doctor.known import APPROVER, CCM
from generator.doctor.schedule import judge
from generator.doctor.state import component, state_of
from generator.doctor.wording import count, names

RBAC = "kubespray-patchgen doctor --rbac"


def diagnose(cluster: Cluster) -> Diagnosis:
    """Return the diagnosis of a cluster."""
    findings = find(cluster)
    causes = tuple(_causes(findings))
    sentence, command = _verdict(findings, causes)
    return Diagnosis(findings, causes, sentence, command)


def find(cluster: Cluster) -> Findings:
    """Return the parts of a cluster that the causes are made of."""
    ccm, approver = component(cluster, CCM), component(cluster, APPROVER)
    loose = [pod for pod in cluster.pods if pod.phase == "Pending" and not pod.node]
    verdicts = judge((pod.rules for pod in loose), cluster.nodes)
    return Findings(
        cluster=cluster,
        ccm=ccm,
        ccm_state=state_of(cluster, ccm),
        approver=approver,
        approver_state=state_of(cluster, approver),
        waiting=tuple(
            Waiting(pod, verdicts[pod.rules]) for pod in loose if verdicts[pod.rules].waits
        ),
        asked=newest_requests(cluster),
    )


def newest_requests(cluster: Cluster) -> tuple[Csr, ...]:
    """Return the newest request for a serving certificate of each node that there is.

    Kubelet asks again where nobody answers; what it asked before matters no more.
    """
    known = {node.name for node in cluster.nodes}
    newest: dict[str, Csr] = {}
    for each in cluster.requests:
        if each.signer != KUBELET_SERVING or (known and each.node not in known):
            continue
        before = newest.get(each.node)
        if before is None or (before.created or 0) <= (each.created or 0):
            newest[each.node] = each
    return tuple(newest.values())


def _causes(findings: Findings) -> Iterator[Cause]:
    yield from ccm_causes(findings)
    yield from approver_causes(findings)
    yield from request_causes(findings)


def _verdict(findings: Findings, causes: tuple[Cause, ...]) -> tuple[str, str]:
    cluster = findings.cluster
    stuck = [node.name for node in cluster.nodes if not node.initialized]
    if causes:
        return causes[0].message, causes[0].next
    if "nodes" in cluster.unread:
        return "whether nodes are initialised cannot be told without the right to list them.", RBAC
    if not cluster.nodes:
        return "no node has registered with the API server yet.", WATCH
    if stuck:
        missing = ", ".join(cluster.unread)
        return (
            f"{count(len(stuck), 'node')} of {len(cluster.nodes)} still uninitialised "
            f"({names(stuck)}); why cannot be told without {missing}.",
            RBAC if cluster.rights else "kubectl get pods,daemonsets,deployments -A",
        )
    return f"healthy: all nodes are initialised ({len(cluster.nodes)}).", ""
