"""Whether a role acts on one host only, whatever hosts its play has.

Source: Ansible documentation, "Patterns: targeting hosts and groups", and the condition
`inventory_hostname == groups['kube_control_plane'][0]` by which Kubespray limits roles.
"""

from __future__ import annotations

import re

from generator.model.kubespray import Kubespray
from generator.model.role import role_file
from generator.model.step import Step
from generator.model.use import when_of
from generator.text.document import Mapping, Place, Sequence

_ALL_GROUPS = frozenset({"all", "*", "k8s_cluster"})
"""Groups that hold every host of the control plane."""


def covers(hosts: str, host: str) -> bool:
    """Tell whether a play's hosts surely include one host, given as `group[0]`."""
    group = host.partition("[")[0]
    parts = [part.strip() for part in re.split(r"[:,](?![^\[]*\])", hosts)]
    if any(part.startswith(("!", "&")) for part in parts):
        return False
    return bool({group, host, *_ALL_GROUPS} & set(parts))


def limits(condition: str, host: str) -> bool:
    """Tell whether a `when` condition is the one that limits a task to a host, `group[0]`."""
    parts = re.split(r"\s+and\s+", condition.strip())
    if len(parts) > 1 and not re.search(r"\s(or|if|else)\s|\bnot\s*\(", condition):
        return any(limits(part, host) for part in parts)
    group, _, index = host.removesuffix("]").partition("[")
    text = re.sub(r"\s+", "", condition).replace('"', "'").strip("()")
    first = [f"groups['{group}'][{index}]", f"groups.{group}[{index}]"]
    if index == "0":
        first += [f"groups['{group}']|first", f"(groups['{group}']|first)"]
    return any(
        text in (f"inventory_hostname=={one}", f"{one}==inventory_hostname") for one in first
    )


def runs_only_on(kubespray: Kubespray, step: Step, host: str) -> Place | None:
    """Return the first entry of a step's role that is not limited to a host, None if all are.

    Looked at are the conditions of the role use, of the role's dependencies and of its tasks.
    """
    if any(limits(condition, host) for condition in step.use.when) or step.path is None:
        return None
    for use in kubespray.meta(step.path).dependencies:
        if not any(limits(condition, host) for condition in use.when):
            return use.place
    path = role_file(kubespray.tree, step.path, "tasks")
    document = kubespray.document(path) if path else None
    if document is None or not isinstance(document.root, Sequence):
        return None
    for item in document.root.items:
        task = document.follow(item)
        conditions = when_of(document, task) if isinstance(task, Mapping) else ()
        if not any(limits(condition, host) for condition in conditions):
            return document.place(item)
    return None
