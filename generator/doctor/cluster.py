"""What the doctor knows of a cluster: as much of each object as its questions need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from generator.model.toleration import UNINITIALIZED, Taint, Toleration

Requirement: TypeAlias = tuple[str, str, tuple[str, ...]]
"""Key, operator and values of a node selector's requirement."""

KUBELET_SERVING = "kubernetes.io/kubelet-serving"
"""The signer of kubelets' serving certificates (Kubernetes docs, "Certificates and CSRs")."""


@dataclass(frozen=True, slots=True)
class Term:
    """A node selector term: all that it requires of a node's labels and of its name."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides on which nodes a pod may run.

    `terms` is the required node affinity, of which one term must hold; None is none at all.
    """

    tolerations: tuple[Toleration, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    terms: tuple[Term, ...] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node; times are seconds since 1970, `message` says why it is not ready."""

    name: str
    taints: tuple[Taint, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    since: int | None = None
    ready: bool = False
    message: str = ""
    addresses: bool = False

    @property
    def initialized(self) -> bool:
        """True where the cloud provider's taint is gone, whatever its value or effect was."""
        return all(taint.key != UNINITIALIZED.key for taint in self.taints)


@dataclass(frozen=True, slots=True)
class Container:
    """How a container of a pod is: `waiting` and `exit_code` say why it does not run."""

    ready: bool = False
    restarts: int = 0
    waiting: str = ""
    exit_code: int | None = None
    finished: int | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that is not being deleted; `node` is empty until it is scheduled."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    images: tuple[str, ...]
    phase: str
    node: str
    ready: bool
    rules: Rules
    owner: str = ""
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or DaemonSet; `selector` are the labels of its pods.

    `release` and `chart` are what Helm writes on it, empty without Helm.
    """

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    images: tuple[str, ...]
    selector: tuple[tuple[str, str], ...]
    rules: Rules
    wanted: int
    ready: int
    release: str = ""
    chart: str = ""


@dataclass(frozen=True, slots=True)
class Csr:
    """A certificate signing request; `state` is pending, approved, denied or failed."""

    name: str
    signer: str
    requestor: str
    state: str
    created: int | None = None
    message: str = ""

    @property
    def node(self) -> str:
        """The node that asks."""
        return self.requestor.removeprefix("system:node:")


@dataclass(frozen=True, slots=True)
class Event:
    """A warning about an object."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as it was at one moment.

    `now` is that moment, `unread` are the resources that could not be read, and `rights` those
    of them that the user has no right to list.
    """

    source: str
    now: int
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    workloads: tuple[Workload, ...] = ()
    requests: tuple[Csr, ...] = ()
    events: tuple[Event, ...] = ()
    unread: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
