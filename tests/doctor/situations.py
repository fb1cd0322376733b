"""Situations of clusters, and which causes the doctor must find in each, the root first."""

from __future__ import annotations

from dataclasses import dataclass

from doctor.objects import (
    CONTROL_PLANE,
    EQUAL,
    NEW_WORDING,
    NOT_READY,
    OLD_WORDING,
    TOLERATES,
    UNINITIALIZED,
    Object,
    approver,
    ccm,
    ccm_pod,
    csr,
    daemonset,
    deployment,
    event,
    node,
    pod,
)


@dataclass(frozen=True)
class Situation:
    """Objects of a cluster, the codes expected, and the nodes that are not initialised."""

    objects: list[Object]
    codes: list[str]
    stuck: list[str]


def nodes(*taints: Object, ready: bool = True) -> list[Object]:
    """Return one control plane node and two others, all with these taints."""
    first = node("cp-1", CONTROL_PLANE, *taints, control_plane=True, ready=ready)
    return [first, *(node(name, *taints, ready=ready) for name in ("w-1", "w-2"))]


ALL = ["cp-1", "w-1", "w-2"]
WORKS = ccm(ccm_pod(on="cp-1"), ready=1)
PROXY = [daemonset("kube-proxy", 3, 3), pod("kube-proxy-a", on="cp-1", app="kube-proxy")]
APPROVED = [csr(f"csr-{name}", name, "Approved") for name in ALL]
DNS_DENIED = "denied: lookup w-1 on 192.0.2.53:53: no such host"
MANUAL = [*nodes(UNINITIALIZED), *PROXY, *approver(0)]


def waiting(wording: str) -> list[Object]:
    return [*MANUAL, event("kubelet-csr-approver-7d9-x", "FailedScheduling", wording)]


SITUATIONS = {
    "healthy": Situation([*nodes(), *PROXY, *WORKS, *approver(on="w-1"), *APPROVED], [], []),
    "healthy-without-a-cloud": Situation([*nodes(), *PROXY], [], []),
    "no-ccm": Situation([*nodes(UNINITIALIZED), *PROXY], ["no-ccm"], ALL),
    "manual-without-ccm": Situation(
        [*MANUAL, pod("coredns-1")], ["no-ccm", "approver-pending"], ALL
    ),
    "old-wording": Situation(waiting(OLD_WORDING), ["no-ccm", "approver-pending"], ALL),
    "new-wording": Situation(waiting(NEW_WORDING), ["no-ccm", "approver-pending"], ALL),
    "ccm-crashing": Situation(
        [*nodes(UNINITIALIZED), *PROXY, *approver(0), csr("csr-1", "w-1"),
         *ccm(ccm_pod(on="cp-1", waiting="CrashLoopBackOff", restarts=7))],
        ["ccm-failing", "approver-pending", "csr-pending"], ALL,
    ),
    "ccm-crashing-but-ready-just-now": Situation(
        [*nodes(UNINITIALIZED), *PROXY,
         *ccm(ccm_pod(on="cp-1", restarts=7, crashed=8), ready=1)],
        ["ccm-failing"], ALL,
    ),
    "ccm-without-image": Situation(
        [*nodes(UNINITIALIZED), *PROXY, *ccm(ccm_pod(on="cp-1", waiting="ImagePullBackOff"))],
        ["ccm-failing"], ALL,
    ),
    "ccm-without-secret": Situation(
        [*nodes(UNINITIALIZED), *PROXY, *ccm(ccm_pod(on="cp-1", waiting="ContainerCreating")),
         event("vsphere-cloud-controller-manager-x", "FailedMount", 'secret "cpi" not found')],
        ["ccm-pending"], ALL,
    ),
    "ccm-pending-on-not-ready-nodes": Situation(
        [*nodes(UNINITIALIZED, NOT_READY, ready=False), *PROXY, *ccm(ccm_pod())],
        ["ccm-pending"], ALL,
    ),
    "ccm-of-which-no-pod-is-made": Situation(
        [*nodes(UNINITIALIZED, NOT_READY, ready=False), *PROXY, *ccm(wanted=0)],
        ["ccm-pending"], ALL,
    ),
    "ccm-scaled-to-zero": Situation(
        [*nodes(UNINITIALIZED), *PROXY, deployment("aws-cloud-controller-manager", 0, 0)],
        ["ccm-pending"], ALL,
    ),
    "ccm-with-a-useless-toleration": Situation(
        [*nodes(UNINITIALIZED), *PROXY,
         pod("my-ccm-x", app="my-ccm", tolerations=[EQUAL, CONTROL_PLANE]),
         deployment("my-ccm", 1, 0), *approver(0)],
        ["toleration-ineffective", "ccm-pending", "approver-pending"], ALL,
    ),
    "daemonset-ccm-with-a-useless-toleration": Situation(
        [*nodes(UNINITIALIZED), *PROXY, daemonset("my-ccm", 0, 0, [EQUAL, CONTROL_PLANE])],
        ["toleration-ineffective", "ccm-pending"], ALL,
    ),
    "approver-pending-on-its-own": Situation(
        [node("cp-1", CONTROL_PLANE, control_plane=True), *PROXY, *WORKS,
         *approver(0, tolerations=[TOLERATES]), csr("csr-1", "cp-1")],
        ["approver-pending", "csr-pending"], [],
    ),
    "approver-crashing": Situation(
        [*nodes(), *PROXY, *WORKS, *approver(0, on="w-1", waiting="CrashLoopBackOff", restarts=4)],
        ["approver-pending"], [],
    ),
    "approver-denied-by-dns": Situation(
        [*nodes(), *PROXY, *WORKS, *approver(on="w-1"), *APPROVED[:1],
         csr("csr-old", "w-1", "Approved", minutes=1), csr("csr-1", "w-1", "Denied", DNS_DENIED)],
        ["csr-denied"], [],
    ),
    "denied-once-approved-later": Situation(
        [*nodes(), *PROXY, *WORKS, *approver(on="w-1"),
         csr("csr-new", "w-1", "Approved", minutes=7), csr("csr-1", "w-1", "Denied", DNS_DENIED)],
        [], [],
    ),
    "asked-just-now": Situation(
        [*nodes(), *PROXY, *WORKS, *approver(on="w-1"), csr("csr-1", "w-1", minutes=9.5)], [], [],
    ),
    "nobody-approves": Situation(
        [*nodes(), *PROXY, *WORKS, csr("csr-1", "w-1"), csr("csr-2", "gone")], ["csr-pending"], [],
    ),
    "one-node-of-many-stuck": Situation(
        [*nodes(), *(node(f"n-{number}") for number in range(40)), node("n-40", UNINITIALIZED),
         *PROXY, *WORKS, *approver(on="w-1")],
        ["node-stuck"], ["n-40"],
    ),
    "node-joined-just-now": Situation(
        [*nodes(), node("w-3", UNINITIALIZED, minutes=9), *PROXY, *WORKS], ["node-stuck"], ["w-3"],
    ),
    "ccm-of-which-a-pod-was-evicted": Situation(
        [*nodes(UNINITIALIZED, NOT_READY, ready=False), *PROXY, *ccm(ccm_pod()),
         {**ccm_pod("evicted"), "status": {"phase": "Failed", "reason": "Evicted"}}],
        ["ccm-pending"], ALL,
    ),
    "nodes-without-addresses": Situation(
        [*nodes(), node("w-3", UNINITIALIZED, address=False), *PROXY, *WORKS], ["node-stuck"],
        ["w-3"],
    ),
    "initialised-without-an-address": Situation(
        [*nodes(), node("w-3", address=False), *PROXY, *WORKS], ["node-stuck"], [],
    ),
    "control-plane-only": Situation(
        [*(node(f"cp-{n}", CONTROL_PLANE, control_plane=True) for n in (1, 2, 3)), *PROXY, *WORKS,
         *approver(on="cp-2")],
        [], [],
    ),
    "control-plane-only-waiting": Situation(
        [*(node(f"cp-{n}", CONTROL_PLANE, UNINITIALIZED, control_plane=True) for n in (1, 2, 3)),
         *PROXY, *approver(0)],
        ["no-ccm", "approver-pending"], ["cp-1", "cp-2", "cp-3"],
    ),
    "toleration-equal-without-value": Situation(
        [*nodes(UNINITIALIZED), *PROXY, *approver(0, tolerations=[CONTROL_PLANE, EQUAL])],
        ["no-ccm", "toleration-ineffective", "approver-pending"], ALL,
    ),
}  # fmt: skip
