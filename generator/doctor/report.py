"""The diagnosis as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from generator.doctor.cluster import Node
from generator.doctor.diagnosis import Diagnosis
from generator.doctor.state import Component, ready_pods
from generator.doctor.wording import count, names, quoted, span

_LINES = 20
"""Lines of one list in the text; JSON has them all."""


def doctor_report(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what `doctor --format json` prints; docs/doctor.md describes it."""
    findings = diagnosis.findings
    cluster = findings.cluster
    return {
        "schema": "kubespray-patchgen/doctor/1",
        "source": cluster.source,
        "initialized": diagnosis.initialized,
        "nodes": [
            {
                "name": node.name,
                "initialized": node.initialized,
                "ready": node.ready,
                "addresses": node.addresses,
                "tainted_for": tainted_for(node, cluster.now),
            }
            for node in cluster.nodes
        ],
        "ccm": _component(findings.ccm),
        "approver": _component(findings.approver),
        "requests": {
            state: len(findings.requests(state))
            for state in ("approved", "pending", "denied", "failed")
        },
        "pending": [
            {
                "namespace": each.pod.namespace,
                "name": each.pod.name,
                "taints": [str(taint) for taint in each.verdict.taints],
                "ineffective": bool(each.verdict.ineffective),
            }
            for each in findings.waiting
        ],
        "causes": [
            {"code": cause.code, "message": cause.message, "next": cause.next}
            for cause in diagnosis.causes
        ],
        "missing_rights": list(cluster.rights),
        "unread": list(cluster.unread),
        "diagnosis": diagnosis.sentence,
        "next": diagnosis.next,
    }


def doctor_text(diagnosis: Diagnosis) -> Iterator[str]:
    """Give the lines that `doctor` prints; the last two are the diagnosis and what to run."""
    findings = diagnosis.findings
    cluster = findings.cluster
    yield from _nodes(cluster.nodes, cluster.now)
    yield f"Cloud controller manager: {_described(findings.ccm)}"
    yield f"kubelet-csr-approver: {_described(findings.approver)}"
    asked = [
        f"{len(found)} {state}"
        for state in ("approved", "pending", "denied", "failed")
        if (found := findings.requests(state))
    ]
    yield f"Kubelet serving requests, the newest of each node: {', '.join(asked) or 'none'}"
    if findings.waiting:
        pods = count(len(findings.waiting), "pod")
        yield f"{pods} Pending because of the cloud provider's taint:"
        lines = [
            f"  {quoted(each.pod.namespace)}/{quoted(each.pod.name)}"
            + (", toleration does not match" if each.verdict.ineffective else "")
            for each in findings.waiting
        ]
        yield from _limited(lines)
    for right in cluster.rights:
        yield f"Missing right: {right}"
    unseen = cluster.unread[:0] if cluster.rights else cluster.unread
    if unseen:
        yield f"Not there to be read: {', '.join(unseen)}"
    if diagnosis.causes:
        yield ""
        yield "Causes, the root first:"
        for number, cause in enumerate(diagnosis.causes, start=1):
            yield f"  {number}. {cause.code}: {cause.message}"
            yield f"     {cause.next}"
    yield ""
    yield f"Diagnosis: {diagnosis.sentence}"
    yield f"Next: {diagnosis.next or 'nothing to do.'}"


def tainted_for(node: Node, now: int) -> int | None:
    """Return for how many seconds a node has had the taint, None where it has none or no time."""
    if node.initialized or node.since is None:
        return None
    return max(0, now - node.since)


def progress_line(nodes: Sequence[Node], now: int) -> str:
    """Return one line about how far the nodes are."""
    stuck = [node for node in nodes if not node.initialized]
    done = f"{len(nodes) - len(stuck)} of {count(len(nodes), 'node')} initialised"
    if not stuck:
        return f"{done}."
    longest = max((tainted_for(node, now) or 0 for node in stuck), default=0)
    return f"{done}; waiting for {names(n.name for n in stuck)} (up to {span(longest)})."


def _nodes(nodes: Sequence[Node], now: int) -> Iterator[str]:
    stuck = [node for node in nodes if not node.initialized]
    yield f"Nodes: {len(nodes)}, initialised: {len(nodes) - len(stuck)}"
    lines = []
    for node in nodes:
        since = tainted_for(node, now)
        said = (
            [] if node.initialized else ["uninitialised" + (f" for {span(since)}" if since else "")]
        )
        said += [] if node.ready else ["not ready"]
        said += [] if node.addresses else ["no address"]
        if said:
            lines.append(f"  {quoted(node.name)}: {', '.join(said)}")
    yield from _limited(lines)


def _limited(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"  and {len(lines) - _LINES} more"


def _described(part: Component) -> str:
    if not part.workloads and not part.pods:
        return "none found"
    ready, wanted = ready_pods(part)
    helm = ""
    if part.workloads and part.workloads[0].release:
        chart = part.workloads[0].chart
        helm = f", Helm release {part.workloads[0].release}" + (f" of {chart}" if chart else "")
    return quoted(f"{part.kind} {part.namespace}/{part.name}, {ready} of {wanted} ready{helm}")


def _component(part: Component) -> dict[str, Any] | None:
    if not part.workloads and not part.pods:
        return None
    ready, wanted = ready_pods(part)
    workload = part.workloads[0] if part.workloads else None
    return {
        "kind": part.kind,
        "namespace": part.namespace,
        "name": part.name,
        "ready": ready,
        "wanted": wanted,
        "release": (workload.release if workload else "") or None,
        "chart": (workload.chart if workload else "") or None,
    }
