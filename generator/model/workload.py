"""Workloads: what puts pods into the cluster, and on which nodes those pods can run.

Source: Kubernetes documentation, "Workloads", "Taints and Tolerations" (nodes that are not ready
carry node.kubernetes.io/not-ready:NoSchedule, and pods on the host's network need no network
plugin to start).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from generator.model.toleration import Taint, toleration_from
from generator.model.value import Unknown, Value
from generator.text.document import Place

NOT_READY = Taint("node.kubernetes.io/not-ready", "NoSchedule")

KINDS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob", "Pod")
"""Kinds of objects that hold a pod's specification."""

RELEASE = "Helm release"
"""What stands in the place of a kind where Helm, or a program like it, installs the workloads."""


@dataclass(frozen=True, slots=True)
class Pod:
    """What decides where a workload's pods can run.

    `tolerations` are entries as in a manifest; an Unknown among them stands for entries that
    are not known, a tuple (entry, Unknown) for one that may be there. `host_network` is None
    where it is not known. `host_paths` are the host's folders that are mounted.
    """

    tolerations: tuple[Value, ...] = ()
    host_network: bool | None = False
    labels: Mapping[str, Value] = field(default_factory=dict)
    host_paths: tuple[str, ...] = ()

    def tolerates(self, taint: Taint) -> bool | Unknown:
        """Tell whether the pods tolerate a taint."""
        names: set[str] = set()
        unsure = False
        for entry in self.tolerations:
            if isinstance(entry, Unknown):
                unsure, names = True, names | entry.names
                continue
            maybe = entry[1] if isinstance(entry, tuple) else None
            data = entry[0] if isinstance(entry, tuple) else entry
            holes = [part for part in data.values() if isinstance(part, Unknown)] if isinstance(
                data, Mapping
            ) else []  # fmt: skip
            if holes:
                unsure = True
                names.update(*(hole.names for hole in holes))
                continue
            toleration = toleration_from(data)
            if toleration is not None and toleration.matches(taint):
                if maybe is None:
                    return True
                unsure, names = True, names | maybe.names
        return Unknown(frozenset(names)) if unsure else False


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that a manifest, or a Helm release, puts into the cluster.

    `place` is where its kind, or the release, is named. `name` and `namespace` are None where
    they are not known.
    """

    kind: str
    name: str | None
    namespace: str | None
    place: Place
    pod: Pod

    def __str__(self) -> str:
        return f"{self.kind} {self.name or '(its name is made by a template)'}"
