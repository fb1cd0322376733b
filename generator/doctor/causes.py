"""The causes, each with its sentence and its next command; figures and names come from findings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from generator.doctor.cluster import Node, Pod
from generator.doctor.diagnosis import (
    APPROVER_PENDING,
    CCM_FAILING,
    CCM_PENDING,
    CSR_DENIED,
    CSR_PENDING,
    INEFFECTIVE,
    NO_CCM,
    NODE_STUCK,
    Cause,
    Findings,
    Waiting,
)
from generator.doctor.known import DNS
from generator.doctor.state import (
    ABSENT,
    FAILING,
    OFF,
    PENDING,
    WORKING,
    Component,
    State,
    component,
    owner_of,
    ready_pods,
    state_of,
)
from generator.doctor.wording import argument, count, names, quoted
from generator.model.toleration import UNINITIALIZED, Toleration

_PATIENCE = 60
"""Seconds that a request may be pending while an approver works."""

_JUST_JOINED = 120
"""Seconds in which a cloud controller manager that works may not have come to a node."""

WATCH = "kubespray-patchgen doctor --watch"
"""What to run where time may be all that is needed."""

_NOT_READY = "node.kubernetes.io/not-ready"
_LOOKUP = re.compile(r"\bdns\b|lookup|no such host|resol", re.IGNORECASE)


def ccm_causes(findings: Findings) -> Iterator[Cause]:
    """Give what is wrong with the cloud controller manager, and with nodes although it works."""
    state, nodes = findings.ccm_state, findings.cluster.nodes
    tainted = [node for node in nodes if not node.initialized]
    if state.state == WORKING:
        yield from _stuck(findings, tainted)
    elif state.state == ABSENT:
        # It may well be there where the user cannot see it.
        if tainted and not _hidden(findings):
            yield _no_ccm(findings, tainted)
    elif state.state == FAILING:
        yield _ccm_failing(findings)
    elif tainted or (state.state != OFF and ready_pods(findings.ccm)[1]):
        yield from _ineffective_ccm(findings)
        yield _ccm_pending(findings)


def approver_causes(findings: Findings) -> Iterator[Cause]:
    """Give tolerations that do not match, and what keeps the approver from running."""
    wrong = _wrong(findings, unlike=findings.ccm)
    own = {_key(pod) for pod in findings.approver.pods}
    wrong.sort(key=lambda each: _key(each.pod) not in own)
    if wrong:
        yield _ineffective(findings, wrong)
    state, part = findings.approver_state, findings.approver
    if state.state not in (PENDING, FAILING):
        return
    what = f"kubelet-csr-approver ({_called(part)})"
    if state.state == FAILING:
        yield Cause(
            APPROVER_PENDING,
            f"{what} is not ready: {quoted(state.why)}. No serving request is approved until it "
            "is, and Kubespray's Helm step waits for it.",
            _logs(part, state),
        )
    else:
        yield Cause(
            APPROVER_PENDING,
            f"{what} does not start: {_why_pending(findings, part, state)}. Kubespray's Helm step "
            "waits for it and fails after five minutes; `kubespray-patchgen patch` is the lasting "
            "cure where the cloud provider's taint is what keeps it.",
            _next_pending(findings, part, state),
        )


def request_causes(findings: Findings) -> Iterator[Cause]:
    """Give the kubelet serving requests that are denied, and those that nobody decides."""
    denied = findings.requests("denied", "failed")
    if denied:
        yield _denied(findings, [each.node for each in denied], denied[0].message, denied[0].name)
    works = findings.approver_state.state == WORKING
    now = findings.cluster.now
    pending = [
        each
        for each in findings.requests("pending")
        if not works or each.created is None or now - each.created > _PATIENCE
    ]
    if not pending:
        return
    reason = {
        WORKING: "although kubelet-csr-approver runs; its log says why it leaves them",
        ABSENT: "and no kubelet-csr-approver is in the cluster; a failed Helm release may have "
        "been taken away again",
        OFF: "and kubelet-csr-approver is scaled to zero",
    }.get(findings.approver_state.state, "because kubelet-csr-approver does not run")
    if findings.approver_state.state == ABSENT and _unseen(findings):
        reason = "; whether an approver runs cannot be told"
    which = "--field-selector spec.signerName=kubernetes.io/kubelet-serving"
    yield Cause(
        CSR_PENDING,
        f"{count(len(pending), 'kubelet serving request')} pending "
        f"({names(each.node for each in pending)}), {reason}.",
        _logs(findings.approver, findings.approver_state) if works else f"kubectl get csr {which}",
    )


def _no_ccm(findings: Findings, tainted: Sequence[Node]) -> Cause:
    waited = findings.approver_state.state == PENDING
    hint = (
        " kubelet-csr-approver waits for that, and a Kubespray that waits for the approver never "
        "comes to the cloud controller manager."
        if waited
        else ""
    )
    return Cause(
        NO_CCM,
        f"{_wait(tainted, findings, 'a cloud controller manager')}, and the cluster has "
        f"none.{hint} With external_cloud_provider 'manual', unset or without a role in "
        "Kubespray, deploying one is up to you.",
        "kubespray-patchgen check -i inventory/mycluster/hosts.yaml",
    )


def _ccm_failing(findings: Findings) -> Cause:
    state, part = findings.ccm_state, findings.ccm
    tainted = [node for node in findings.cluster.nodes if not node.initialized]
    effect = f"; {_wait(tainted, findings)}" if tainted else "; new nodes would wait for it"
    return Cause(
        CCM_FAILING,
        f"The cloud controller manager ({_called(part)}) does not work: {quoted(state.why)}"
        f"{effect}. Most often that is an address or credentials of the cloud; its log says which.",
        _logs(part, state),
    )


def _ccm_pending(findings: Findings) -> Cause:
    state, part = findings.ccm_state, findings.ccm
    tainted = [node for node in findings.cluster.nodes if not node.initialized]
    effect = f" {_wait(tainted, findings)}." if tainted else ""
    return Cause(
        CCM_PENDING,
        f"The cloud controller manager ({_called(part)}) does not start: "
        f"{_why_pending(findings, part, state)}.{effect}",
        _next_pending(findings, part, state),
    )


def _stuck(findings: Findings, tainted: Sequence[Node]) -> Iterator[Cause]:
    bare = [node for node in findings.cluster.nodes if node.initialized and not node.addresses]
    if not tainted and not bare:
        return
    part = findings.ccm
    first = (list(tainted) or bare)[0]
    total, now = len(findings.cluster.nodes), findings.cluster.now
    said = []
    ages = [now - node.since for node in tainted if node.since is not None]
    young = bool(ages) and max(ages) < _JUST_JOINED and not bare
    if tainted:
        said.append(
            f"{_are(len(tainted), total)} uninitialised ({names(n.name for n in tainted)}) "
            f"although the cloud controller manager ({_called(part)}) works"
        )
        missing = [node.name for node in tainted if not node.addresses]
        if missing:
            said.append(f"without an address: {names(missing)}")
        if young:
            said.append("all of them joined less than two minutes ago and may just need time")
        said.append("the cloud may not know the machine by the node's name or provider ID")
    if bare:
        said.append(
            f"{_are(len(bare), total)} initialised but without an address "
            f"({names(n.name for n in bare)})"
        )
    yield Cause(
        NODE_STUCK,
        f"{'; '.join(said)}.",
        WATCH
        if young
        else f"{_logs(part, findings.ccm_state)} | grep -F -- {argument(first.name)}",
    )


def _ineffective_ccm(findings: Findings) -> Iterator[Cause]:
    state, part = findings.ccm_state, findings.ccm
    own = {_key(pod) for pod in part.pods}
    wrong = [each for each in _wrong(findings) if _key(each.pod) in own]
    if wrong:
        yield _ineffective(findings, wrong)
    elif state.verdict is not None and state.verdict.ineffective:
        # A DaemonSet that makes no pods at all for such nodes.
        entry, name = state.verdict.ineffective[0], f"{part.namespace}/{part.name}"
        yield _useless(entry, [name], part.namespace, part.kind, part.name)


def _ineffective(findings: Findings, wrong: Sequence[Waiting]) -> Cause:
    first = wrong[0]
    workload = owner_of(findings.cluster, first.pod)
    kind, name = (workload.kind.lower(), workload.name) if workload else ("pod", first.pod.name)
    pods = [f"{each.pod.namespace}/{each.pod.name}" for each in wrong]
    return _useless(first.verdict.ineffective[0], pods, first.pod.namespace, kind, name)


def _useless(entry: Toleration, of: list[str], namespace: str, kind: str, name: str) -> Cause:
    shape = f"operator {entry.operator}, " + (
        f"value '{entry.value}'" if entry.value else "no value"
    )
    shape += f", effect {entry.effect}" if entry.effect else ""
    return Cause(
        INEFFECTIVE,
        f"The toleration of {names(of)} names the taint but does not match it ({quoted(shape)}): "
        f'the taint\'s value is "{UNINITIALIZED.value}" and its effect {UNINITIALIZED.effect}. '
        "Use operator Exists with effect NoSchedule.",
        f"kubectl -n {argument(namespace)} get {kind} {argument(name)} -o yaml "
        "| kubespray-patchgen tolerate --fix-ineffective - | kubectl apply -f -",
    )


def _denied(findings: Findings, nodes: Sequence[str], message: str, name: str) -> Cause:
    what = f"{count(len(nodes), 'kubelet serving request')} denied ({names(nodes)})"
    said = f": {quoted(message)}" if message else ""
    hint = ""
    command = f"kubectl describe csr {argument(name)}"
    if _LOOKUP.search(message):
        hint = " The approver looks host names up, and what it does not find it denies for good."
        dns = component(findings.cluster, DNS)
        state = state_of(findings.cluster, dns)
        if state.state in (PENDING, FAILING):
            hint += f" CoreDNS ({_called(dns)}) does not run."
            command = f"kubectl -n {argument(dns.namespace)} get pods -l k8s-app=kube-dns -o wide"
        elif findings.approver_state.state == WORKING:
            command = _logs(findings.approver, findings.approver_state)
    return Cause(CSR_DENIED, f"{what}{said}.{hint} Kubelet asks again by itself.", command)


def _why_pending(findings: Findings, part: Component, state: State) -> str:
    if state.state == OFF:
        return "it is scaled to zero"
    if state.why == "unknown":
        return "none of its pods is ready, and the pods themselves could not be read"
    reason = ""
    if state.verdict is None:
        reason = quoted(state.why) or "its pod is on a node but has not started"
    elif "nodes" in findings.cluster.unread:
        reason = "its pod is not scheduled, and the nodes could not be read"
    elif not state.verdict.allowed:
        reason = "no node has the labels or the name that its pods ask for"
    elif state.taints:
        reason = f"no node is left whose taints it tolerates ({names(map(str, state.taints))})"
        if any(taint.key == _NOT_READY for taint in state.taints):
            reason += f"; nodes are not ready: {_unready(findings)}"
    else:
        reason = "its taints are no obstacle, but no pod of it is placed"
    if state.event is not None and not state.taints:
        reason += f" ({quoted(state.event.reason)}: {quoted(state.event.message)})"
    return reason


def _unready(findings: Findings) -> str:
    said = (node.message for node in findings.cluster.nodes if not node.ready and node.message)
    return quoted(next(said, "the network plugin may be missing"))


def _next_pending(findings: Findings, part: Component, state: State) -> str:
    namespace, name = argument(part.namespace), argument(part.name)
    if state.state == OFF:
        return f"kubectl -n {namespace} scale {part.kind} {name} --replicas=1"
    if state.verdict is not None and not state.verdict.allowed:
        return "kubectl get nodes --show-labels"
    if any(taint.key == _NOT_READY for taint in state.taints):
        node = next((n.name for n in findings.cluster.nodes if not n.ready), "")
        return f"kubectl describe node {argument(node)}" if node else "kubectl get nodes"
    if part.workloads and any(taint.key == UNINITIALIZED.key for taint in state.taints):
        wrong = state.verdict is not None and state.verdict.ineffective
        option = "--fix-ineffective " if wrong else ""
        return (
            f"kubectl -n {namespace} get {part.kind} {name} -o yaml "
            f"| kubespray-patchgen tolerate {option}- | kubectl apply -f -"
        )
    if state.pod is not None:
        return f"kubectl -n {argument(state.pod.namespace)} describe pod {argument(state.pod.name)}"
    return f"kubectl -n {namespace} describe {part.kind} {name}"


def _logs(part: Component, state: State) -> str:
    """Return the command that shows the log of the pod to look at."""
    if state.pod is None:
        return (
            f"kubectl -n {argument(part.namespace)} logs "
            f"{part.kind}/{argument(part.name)} --tail=100"
        )
    crashed = state.state == FAILING and any(each.restarts for each in state.pod.containers)
    previous = " --previous" if crashed else ""
    return (
        f"kubectl -n {argument(state.pod.namespace)} logs {argument(state.pod.name)}"
        f"{previous} --tail=100"
    )


def _wait(tainted: Sequence[Node], findings: Findings, what: str = "it") -> str:
    return (
        f"{count(len(tainted), 'node')} of {len(findings.cluster.nodes)} "
        f"{'waits' if len(tainted) == 1 else 'wait'} for {what} "
        f"({names(node.name for node in tainted)})"
    )


def _are(number: int, total: int) -> str:
    return f"{count(number, 'node')} of {total} {'is' if number == 1 else 'are'}"


def _called(part: Component) -> str:
    return quoted(f"{part.kind} {part.namespace}/{part.name}")


def _wrong(findings: Findings, unlike: Component | None = None) -> list[Waiting]:
    """Return the waiting pods with a toleration that does not match, without a component's."""
    left_out = {_key(pod) for pod in unlike.pods} if unlike else set()
    return [
        each
        for each in findings.waiting
        if each.verdict.ineffective and _key(each.pod) not in left_out
    ]


def _key(pod: Pod) -> tuple[str, str]:
    return pod.namespace, pod.name


def _hidden(findings: Findings) -> bool:
    """Tell whether a cloud controller manager may be there unseen."""
    return "pods" in findings.cluster.unread or _unseen(findings)


def _unseen(findings: Findings) -> bool:
    return bool(findings.cluster.rights) and bool(
        {"pods", "daemonsets", "deployments"} & set(findings.cluster.unread)
    )
