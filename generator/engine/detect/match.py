"""Which workloads a wait waits for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from generator.engine.detect.events import Applied, Waited
from generator.model.value import Unknown, Value
from generator.model.wait import Target
from generator.model.workload import RELEASE


def waited_for(waited: Waited, applied: tuple[Applied, ...]) -> Iterator[Applied]:
    """Give the workloads, put in before a wait or by it, that it waits for.

    Source: reference of kubectl (resources by name and by label), Ansible documentation of
    `wait_for` (a file, here one below a directory of the host that pods can write to).
    """
    target = waited.wait.target
    for one in applied:
        if one.moment.at <= waited.moment.at and _is_meant(target, one):
            yield one


def _is_meant(target: Target, applied: Applied) -> bool:
    workload = applied.workload
    if target.kind == "file":
        return any(_is_below(target.name or "", path) for path in workload.pod.host_paths)
    if target.kind == "release":
        return workload.kind == RELEASE and (target.name is None or workload.name == target.name)
    if workload.kind == RELEASE or target.kind not in ("pods", workload.kind):
        return False
    if target.namespace and workload.namespace and target.namespace != workload.namespace:
        return False
    if target.name is not None:
        return _names(target, workload.name)
    if target.labels:
        labels = workload.pod.labels
        return all(_has(labels.get(key), value) for key, value in target.labels.items())
    if target.open:
        return False
    return target.namespace is not None and target.namespace == workload.namespace


def _names(target: Target, name: str | None) -> bool:
    """Tell whether a target's name is a workload's; a pod's begins with it."""
    if name is None or target.name is None:
        return False
    return target.name == name or (target.kind == "pods" and target.name.startswith(f"{name}-"))


def _has(label: Value, wanted: str) -> bool:
    return isinstance(label, Unknown) or (label is not None and str(label) == wanted)


def _is_below(path: str, folder: str) -> bool:
    folder = posixpath.normpath(folder)
    return folder not in ("/", ".") and posixpath.normpath(path).startswith(f"{folder}/")
