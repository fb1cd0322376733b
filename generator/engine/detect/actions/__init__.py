"""What modules of Ansible do to the cluster, or wait for; a module here for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from generator.engine.detect.actions.applying import apply_file, apply_objects
from generator.engine.detect.actions.doing import Doing
from generator.engine.detect.actions.keeping import (
    begin_role,
    lose,
    place_copy,
    place_template,
    set_fact,
)
from generator.engine.detect.actions.releasing import release
from generator.engine.detect.actions.running import run_command
from generator.engine.detect.actions.waiting import wait_for_file, wait_for_objects
from generator.model.task import LOST, ROLE

__all__ = ["ACTIONS", "Doing"]

ACTIONS: Mapping[str, Callable[[Doing], None]] = {
    ROLE: begin_role,
    LOST: lose,
    "template": place_template,
    "copy": place_copy,
    "set_fact": set_fact,
    "kube": apply_file,
    "k8s": apply_objects,
    "k8s_info": wait_for_objects,
    "community.kubernetes.k8s": apply_objects,
    "kubernetes.core.k8s": apply_objects,
    "community.kubernetes.k8s_info": wait_for_objects,
    "kubernetes.core.k8s_info": wait_for_objects,
    "helm": release,
    "community.kubernetes.helm": release,
    "kubernetes.core.helm": release,
    "command": run_command,
    "shell": run_command,
    "raw": run_command,
    "wait_for": wait_for_file,
}
"""By the module's name, short where it is one of Ansible's own; all others have no say."""
