"""Whether a role that moves to another play runs there as it did before."""

from __future__ import annotations

from generator.engine.operations.only_on import covers, runs_only_on
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.model.step import Step
from generator.text.document import Mapping
from generator.text.shape import shape

_PLAY_KEYWORDS = (
    "become", "become_exe", "become_flags", "become_method", "become_user", "check_mode",
    "collections", "connection", "environment", "ignore_errors", "module_defaults", "no_log",
    "remote_user", "run_once", "strategy", "vars", "vars_files",
)  # fmt: skip
"""Keywords of a play that change how a role in it runs (Ansible docs, "Playbook Keywords")."""


def check_other_play(kubespray: Kubespray, source: Step, target: Step, only_on: str) -> None:
    """Raise Unsafe where the role of `source` would run otherwise in the play of `target`.

    Where the hosts of the plays differ, the role must act on the host `only_on` alone, and the
    other play must have that host.
    """
    if source.play == target.play:
        return
    here, there = source.play, target.play
    if here.when != there.when or here.tags != there.tags:
        raise _unsafe(source, f"it has other conditions or tags than the play at {there.place}")
    _check_keywords(kubespray, source, target)
    if here.hosts == there.hosts:
        return
    if not covers(there.hosts, only_on):
        why = f"the hosts '{there.hosts}' of the play at {there.place} may leave out {only_on}"
        raise _unsafe(source, f"{why}, where the role acts")
    unbound = runs_only_on(kubespray, source, only_on)
    if unbound is not None:
        raise Unsafe(
            f"{unbound}: cannot move role '{source.role}' safely: nothing limits this to "
            f"{only_on}, and the plays have different hosts ('{here.hosts}', '{there.hosts}'). "
            "Move it by hand."
        )


def _check_keywords(kubespray: Kubespray, source: Step, target: Step) -> None:
    origin = kubespray.document(source.play.place.path)
    goal = kubespray.document(target.play.place.path)
    assert origin is not None and goal is not None
    here, there = origin.node(source.play.route), goal.node(target.play.route)
    if not isinstance(here, Mapping) or not isinstance(there, Mapping):
        raise _unsafe(source, f"it, or the play at {target.play.place}, is a YAML alias")
    for keyword in _PLAY_KEYWORDS:
        if shape(origin.value(here, keyword)) != shape(goal.value(there, keyword)):
            raise _unsafe(source, f"its '{keyword}' is not that of the play at {target.play.place}")


def _unsafe(source: Step, why: str) -> Unsafe:
    return Unsafe(
        f"{source.play.place}: cannot move role '{source.role}' out of this play safely: {why}. "
        "Move it by hand."
    )
