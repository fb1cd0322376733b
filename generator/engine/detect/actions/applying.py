"""Tasks that put manifests into the cluster through a module.

Kubespray's own module `kube` hands its `wait` to `kubectl apply --wait`, which waits for deleted
objects to be gone, not for pods to be ready (reference of kubectl): it is no wait.
"""

from __future__ import annotations

from generator.engine.detect.actions.doing import Doing, key_place
from generator.engine.detect.command import seconds
from generator.engine.detect.manifest import workloads_of
from generator.model.expression import truth
from generator.model.value import FileText, Unknown, Value
from generator.model.wait import Target
from generator.model.workload import Workload

_GONE = ("absent", "stopped", "reloaded", "exists")

_SECONDS = 120
"""How long kubernetes.core.k8s waits without more (its documentation, `wait_timeout`)."""


def apply_file(doing: Doing) -> None:
    """`kube`: `kubectl apply -f` of files on the machine."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown) or doing.value(arguments.get("state")) in _GONE:
        return
    named = doing.value(arguments.get("filename"))
    if named is None:
        return
    if isinstance(named, str):
        named = named.split(",")
    for path in named if isinstance(named, list) else [named]:
        doing.apply_path(path)


def apply_objects(doing: Doing) -> None:
    """`kubernetes.core.k8s`: manifests from a template, a file or the task itself."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown) or doing.value(arguments.get("state")) in _GONE:
        return
    before = len(doing.applied)
    for path in _paths(doing.value(arguments.get("template"))):
        doing.apply_text(FileText(path, True) if isinstance(path, str) else path)
    if "src" in arguments:
        doing.apply_path(doing.value(arguments["src"]))
    for key in ("definition", "resource_definition"):
        data = doing.value(arguments.get(key))
        doing.apply_text(data)
        doing.apply(workloads_of(data, doing.run.task.place))
    if truth(doing.value(arguments.get("wait"))) is not False:
        limit = doing.value(arguments.get("wait_timeout"))
        allowed = _SECONDS if limit is None else seconds(str(limit))
        for applied in doing.applied[before:]:
            doing.wait(target_of(applied.workload), "wait", allowed, key_place(doing, "wait"))


def target_of(workload: Workload) -> Target:
    """Return what a wait for one workload waits for."""
    return Target(workload.kind, workload.name, workload.namespace)


def _paths(value: Value) -> list[Value]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return [item.get("path") if isinstance(item, dict) else item for item in listed]
