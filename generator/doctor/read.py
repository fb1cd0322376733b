"""From an API object, as JSON says it, to what the doctor keeps of it.

Objects come from a cluster or a file that may hold anything: what is missing or of another type
counts as not given. Field names are those of the Kubernetes API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TypeAlias

from generator.doctor.cluster import (
    Container,
    Csr,
    Event,
    Node,
    Pod,
    Requirement,
    Rules,
    Term,
    Workload,
)
from generator.model.toleration import UNINITIALIZED, Taint, toleration_from

Thing: TypeAlias = Node | Pod | Workload | Csr | Event

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z", re.ASCII)


def thing_from(data: Mapping[str, Any]) -> Thing | None:
    """Return what an object says, None for a kind that is not asked for or one without a name."""
    kind = data.get("kind")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None or not _text(data, "metadata", "name"):
        return None
    if kind != "Event" and _at(data, "metadata", "deletionTimestamp"):
        return None
    found: Thing = reader(data)
    return found


def seconds(stamp: Any) -> int | None:
    """Return a time stamp of the API as seconds since 1970, None where it is none."""
    found = _STAMP.fullmatch(stamp) if isinstance(stamp, str) else None
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    return int(moment.replace(tzinfo=timezone.utc).timestamp())


def newest(data: Mapping[str, Any]) -> str:
    """Return the newest time stamp of an object, empty where it has none.

    All stamps of the API end in Z, so their order is that of the texts.
    """
    found = (stamp for stamp in _stamps(data) if isinstance(stamp, str) and _STAMP.fullmatch(stamp))
    return max(found, default="")


def _stamps(data: Mapping[str, Any]) -> Iterator[Any]:
    yield _at(data, "metadata", "creationTimestamp")
    for condition in _items(data, "status", "conditions"):
        for key in ("lastHeartbeatTime", "lastTransitionTime", "lastUpdateTime"):
            yield _at(condition, key)
    for status in _statuses(data):
        yield _at(status, "state", "running", "startedAt")
        for state in ("state", "lastState"):
            yield _at(status, state, "terminated", "finishedAt")
    if data.get("kind") == "Event":
        yield from (data.get("lastTimestamp"), data.get("eventTime"))
        yield _at(data, "series", "lastObservedTime")


def _node(data: Mapping[str, Any]) -> Node:
    taints = tuple(
        Taint(_text(each, "key"), _text(each, "effect"), _word(each.get("value")))
        for each in _items(data, "spec", "taints")
    )
    added = [
        seconds(each.get("timeAdded"))
        for each in _items(data, "spec", "taints")
        if each.get("key") == UNINITIALIZED.key
    ]
    created = seconds(_at(data, "metadata", "creationTimestamp"))
    readiness = [
        each for each in _items(data, "status", "conditions") if each.get("type") == "Ready"
    ]
    return Node(
        name=_text(data, "metadata", "name"),
        taints=taints,
        labels=_labels(data, "metadata", "labels"),
        # Kubelet registers the node with the taint and writes no time.
        since=next((time for time in added if time is not None), created),
        ready=any(each.get("status") == "True" for each in readiness),
        message=next((_text(each, "message") for each in readiness), ""),
        addresses=any(
            each.get("type") in ("InternalIP", "ExternalIP") and each.get("address")
            for each in _items(data, "status", "addresses")
        ),
    )


def _pod(data: Mapping[str, Any]) -> Pod:
    ready = any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in _items(data, "status", "conditions")
    )
    phase = _text(data, "status", "phase")
    return Pod(
        namespace=_text(data, "metadata", "namespace"),
        name=_text(data, "metadata", "name"),
        labels=_labels(data, "metadata", "labels"),
        images=_images(data, "spec"),
        phase=phase,
        node=_text(data, "spec", "nodeName"),
        ready=ready and phase == "Running",
        rules=_rules(data, "spec"),
        owner=next((_text(e, "kind") for e in _items(data, "metadata", "ownerReferences")), ""),
        containers=tuple(_container(status) for status in _statuses(data)),
    )


def _container(status: Mapping[str, Any]) -> Container:
    ended = _at(status, "state", "terminated") or _at(status, "lastState", "terminated")
    return Container(
        ready=status.get("ready") is True,
        restarts=_number(status.get("restartCount")),
        waiting=_text(status, "state", "waiting", "reason"),
        exit_code=_number(ended.get("exitCode")) if isinstance(ended, Mapping) else None,
        finished=seconds(_at(ended, "finishedAt")),
        running=isinstance(_at(status, "state", "running"), Mapping),
    )


def _workload(data: Mapping[str, Any]) -> Workload:
    kind = _text(data, "kind")
    if kind == "DaemonSet":
        wanted = _number(_at(data, "status", "desiredNumberScheduled"))
        ready = _number(_at(data, "status", "numberReady"))
    else:
        said = _at(data, "spec", "replicas")
        wanted = 1 if said is None else _number(said)
        ready = _number(_at(data, "status", "readyReplicas"))
    labels = _labels(data, "metadata", "labels")
    return Workload(
        kind=kind,
        namespace=_text(data, "metadata", "namespace"),
        name=_text(data, "metadata", "name"),
        labels=labels,
        images=_images(data, "spec", "template", "spec"),
        selector=tuple(_labels(data, "spec", "selector", "matchLabels").items()),
        rules=_rules(data, "spec", "template", "spec"),
        wanted=wanted,
        ready=ready,
        release=_text(data, "metadata", "annotations", "meta.helm.sh/release-name"),
        chart=labels.get("helm.sh/chart", ""),
    )


def _csr(data: Mapping[str, Any]) -> Csr:
    conditions = {_text(each, "type"): each for each in _items(data, "status", "conditions")}
    state = next((name for name in ("Denied", "Failed", "Approved") if name in conditions), "")
    return Csr(
        name=_text(data, "metadata", "name"),
        signer=_text(data, "spec", "signerName"),
        requestor=_text(data, "spec", "username"),
        state=state.lower() or "pending",
        created=seconds(_at(data, "metadata", "creationTimestamp")),
        message=_text(conditions.get(state), "message"),
    )


def _event(data: Mapping[str, Any]) -> Event:
    at = data.get("lastTimestamp") or data.get("eventTime")
    return Event(
        kind=_text(data, "involvedObject", "kind"),
        namespace=_text(data, "involvedObject", "namespace"),
        name=_text(data, "involvedObject", "name"),
        reason=_text(data, "reason"),
        message=_text(data, "message"),
        at=seconds(at),
    )


def _rules(data: Mapping[str, Any], *path: str) -> Rules:
    tolerations = (toleration_from(each) for each in _items(data, *path, "tolerations"))
    required = _at(
        data, *path, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = None
    if isinstance(required, Mapping):
        terms = tuple(
            Term(_requirements(each, "matchExpressions"), _requirements(each, "matchFields"))
            for each in _items(required, "nodeSelectorTerms")
        )
    return Rules(
        tolerations=tuple(each for each in tolerations if each is not None),
        selector=tuple(_labels(data, *path, "nodeSelector").items()),
        terms=terms,
    )


def _requirements(term: Mapping[str, Any], key: str) -> tuple[Requirement, ...]:
    return tuple(
        (
            _text(each, "key"),
            _text(each, "operator"),
            tuple(_word(value) for value in _list(each.get("values"))),
        )
        for each in _items(term, key)
    )


def _images(data: Mapping[str, Any], *path: str) -> tuple[str, ...]:
    return tuple(_text(each, "image") for each in _items(data, *path, "containers"))


def _statuses(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("initContainerStatuses", "containerStatuses"):
        yield from _items(data, "status", key)


def _labels(data: Mapping[str, Any], *path: str) -> dict[str, str]:
    found = _at(data, *path)
    if not isinstance(found, Mapping):
        return {}
    return {str(key): _word(value) for key, value in found.items()}


def _items(data: Any, *path: str) -> list[Mapping[str, Any]]:
    return [each for each in _list(_at(data, *path)) if isinstance(each, Mapping)]


def _text(data: Any, *path: str) -> str:
    found = _at(data, *path)
    return found if isinstance(found, str) else ""


def _at(data: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def _list(data: Any) -> list[Any]:
    return data if isinstance(data, list) else []


def _number(data: Any) -> int:
    return data if isinstance(data, int) else 0


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int)) else ""


_READERS: Mapping[str, Any] = {
    "Node": _node,
    "Pod": _pod,
    "Deployment": _workload,
    "DaemonSet": _workload,
    "CertificateSigningRequest": _csr,
    "Event": _event,
}
