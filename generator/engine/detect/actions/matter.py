"""Which tasks can have to do with the cluster at all, told without working anything out."""

from __future__ import annotations

import re

from generator.model.facts import facts
from generator.model.kubespray import Kubespray
from generator.model.role import same_role
from generator.model.step import TaskRun
from generator.model.task import ROLE
from generator.text.document import Mapping, Scalar

_PROGRAM = re.compile(r"kubectl|helm|cilium", re.IGNORECASE)
"""A command without any of these neither puts anything into the cluster nor waits for it."""


_VERB = re.compile(
    r"apply|create|replace|wait|rollout|install|upgrade|status|(?:kubectl|helm|cilium) +['\"]?\{"
)
"""Without any of these, or a verb that a template makes, only a repeated command can wait."""


def may_matter(run: TaskRun, kubespray: Kubespray) -> bool:
    """Tell whether a task may put something in, wait, or prepare that.

    The beginning of a role matters where that alone provides a fact. A command matters where it
    names one of the programs, itself or in a variable's name; files matter where a role on the
    way here has manifests of workloads, or a template names them.
    """
    task = run.task
    if task.module == ROLE:
        return any(
            same_role(run.roles[-1], role) for fact in facts().values() for role in fact.by_itself
        )
    if task.module in ("command", "shell", "raw"):
        text = task.document.text[task.node.start : task.node.end]
        looped = task.node.get("until") is not None
        return _PROGRAM.search(text) is not None and (looped or _VERB.search(text) is not None)
    if task.module in ("template", "copy"):
        arguments = task.document.value(task.node, task.key)
        source = arguments.get("src") if isinstance(arguments, Mapping) else None
        made = isinstance(source, Scalar) and "{{" in source.value
        if made and run.folders and kubespray.applies(run.folders[-1]):
            return True
        return not run.folders or any(map(kubespray.manifests, run.folders))
    if task.module == "wait_for":
        arguments = task.document.value(task.node, task.key)
        return isinstance(arguments, Scalar) or (
            isinstance(arguments, Mapping) and "path" in arguments.key_names()
        )
    return True
