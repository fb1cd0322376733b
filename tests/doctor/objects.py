"""API objects in the shape in which kubectl prints them, as small as the doctor needs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

Object = dict[str, Any]

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
UNINITIALIZED: Object = {"key": TAINT, "value": "true", "effect": "NoSchedule"}
CONTROL_PLANE: Object = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
NOT_READY: Object = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
TOLERATES: Object = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}
EQUAL: Object = {"key": TAINT, "operator": "Equal", "effect": "NoSchedule"}
START = datetime(2026, 1, 2, 3, 0, 0, tzinfo=timezone.utc)

CCM = "vsphere-cloud-controller-manager"
CCM_TOLERATIONS = [UNINITIALIZED, CONTROL_PLANE]
"""What Kubespray gives it for vsphere."""

OLD_WORDING = (
    "0/3 nodes are available: 3 node(s) had untolerated taint "
    "{node.cloudprovider.kubernetes.io/uninitialized: true}."
)
NEW_WORDING = "0/3 nodes are available: 3 node(s) had untolerated taint(s)."


def stamp(minutes: float = 0) -> str:
    """Return a time stamp so many minutes after the cluster's beginning."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(
    name: str,
    *taints: Object,
    ready: bool = True,
    address: bool = True,
    control_plane: bool = False,
    minutes: float = 0,
) -> Object:
    labels = {"kubernetes.io/hostname": name}
    if control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
    addresses = [{"type": "Hostname", "address": name}]
    if address:
        addresses.append({"type": "InternalIP", "address": "192.0.2.7"})
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "message": "kubelet is posting ready status" if ready else "cni plugin not initialized",
        "lastHeartbeatTime": stamp(10),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "creationTimestamp": stamp(minutes)},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"conditions": [condition], "addresses": addresses},
    }


def pod(
    name: str,
    on: str = "",
    ready: bool = True,
    tolerations: list[Object] | None = None,
    waiting: str = "",
    restarts: int = 0,
    app: str = "",
    selector: Object | None = None,
    affinity: str = "",
    image: str = "registry.example.org/app:1",
    namespace: str = "kube-system",
    crashed: float | None = None,
) -> Object:
    """Return a pod: Pending without a node or where it waits, else Running."""
    running = bool(on) and not waiting
    state: Object = {"running": {"startedAt": stamp(5)}} if running else {}
    if waiting:
        state = {"waiting": {"reason": waiting}}
    status: Object = {
        "phase": "Running" if on and (running or restarts) else "Pending",
        "conditions": [{"type": "Ready", "status": "True" if running and ready else "False"}],
    }
    if on:
        last = {"terminated": {"exitCode": 1, "finishedAt": stamp(crashed or 4)}}
        status["containerStatuses"] = [{
            "name": "c", "ready": running and ready, "restartCount": restarts, "state": state,
            "lastState": last if restarts else {},
        }]  # fmt: skip
    spec: Object = {"containers": [{"name": "c", "image": image}]}
    if tolerations:
        spec["tolerations"] = tolerations
    if on:
        spec["nodeName"] = on
    if selector:
        spec["nodeSelector"] = selector
    if affinity:
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [affinity]}]}
        required = {"nodeSelectorTerms": [term]}
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        spec["affinity"] = {"nodeAffinity": {key: required}}
    labels = {"app": app} if app else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels,
                     "creationTimestamp": stamp(1)},
        "spec": spec,
        "status": status,
    }  # fmt: skip


def daemonset(
    name: str,
    wanted: int,
    ready: int,
    tolerations: list[Object] | None = None,
    selector: Object | None = None,
    namespace: str = "kube-system",
) -> Object:
    template: Object = {"containers": [{"name": "c", "image": "registry.example.org/app:1"}]}
    template |= {"tolerations": tolerations} if tolerations else {}
    template |= {"nodeSelector": selector} if selector else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": stamp()},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"spec": template}},
        "status": {"desiredNumberScheduled": wanted, "numberReady": ready},
    }


def deployment(name: str, wanted: int, ready: int, **metadata: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system", "creationTimestamp": stamp(),
                     **metadata},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": name}}, "template": {}},
        "status": {"readyReplicas": ready} if ready else {},
    }  # fmt: skip


def csr(name: str, of: str, condition: str = "", message: str = "", minutes: float = 5) -> Object:
    status: Object = {}
    if condition:
        status = {"conditions": [{"type": condition, "message": message,
                                  "lastUpdateTime": stamp(minutes)}]}  # fmt: skip
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name, "creationTimestamp": stamp(minutes)},
        "spec": {"signerName": "kubernetes.io/kubelet-serving", "username": f"system:node:{of}"},
        "status": status,
    }


def event(about: str, reason: str, message: str, kind: str = "Pod") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.1", "namespace": "kube-system",
                     "creationTimestamp": stamp(6)},
        "involvedObject": {"kind": kind, "namespace": "kube-system", "name": about},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": stamp(6),
    }  # fmt: skip


def ccm(*pods: Object, ready: int = 0, wanted: int = 1) -> list[Object]:
    """Return vsphere's cloud controller manager as Kubespray deploys it, with its pods."""
    selector = {"node-role.kubernetes.io/control-plane": ""}
    return [daemonset(CCM, wanted, ready, CCM_TOLERATIONS, selector), *pods]


def ccm_pod(name: str = f"{CCM}-x", **said: Any) -> Object:
    selector = {"node-role.kubernetes.io/control-plane": ""}
    return pod(name, app=CCM, tolerations=CCM_TOLERATIONS, selector=selector, **said)


def approver(ready: int = 1, **said: Any) -> list[Object]:
    """Return the approver as Helm installs it, with one pod."""
    name = "kubelet-csr-approver"
    metadata = {
        "labels": {"helm.sh/chart": "kubelet-csr-approver-1.1.0"},
        "annotations": {"meta.helm.sh/release-name": name},
    }
    said.setdefault("tolerations", [CONTROL_PLANE])
    return [deployment(name, 1, ready, **metadata), pod(f"{name}-7d9-x", app=name, **said)]


def listed(*objects: Object) -> Object:
    """Return the list that kubectl prints."""
    return {"apiVersion": "v1", "items": list(objects), "kind": "List",
            "metadata": {"resourceVersion": ""}}  # fmt: skip
