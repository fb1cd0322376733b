"""What a playbook needs that imports the tree's own and does all three stages.

`import_playbook` takes variables, which count as those of its plays (Ansible documentation,
"Understanding variable precedence"), but no tags to run or skip. So stage 1 turns the approver off
by its variable, and stage 3 is a play of its own with the approver's role, under the keywords of
the play that the tree has it in.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import Any

from generator.engine.detect.approver import ENABLED, ROLE
from generator.engine.detect.provide import workloads_in
from generator.engine.detect.ran import Ran
from generator.engine.runs import run_playbooks
from generator.exits import Unsafe
from generator.model.role import same_role
from generator.model.scenario import Setting
from generator.model.step import Step
from generator.model.use import Use
from generator.stage.blocked import of_approver
from generator.stage.decide import Asked, Staged
from generator.text.document import Mapping, Node, Scalar, Sequence
from generator.text.plain import TooMuch, plain

_DEFAULTS = "kubespray-defaults"
"""The role that has the defaults of the whole tree; every play of upstream's begins with it."""

_KEPT = frozenset(
    """
    any_errors_fatal become become_exe become_flags become_method become_user connection
    environment gather_facts gather_subset ignore_unreachable max_fail_percentage no_log order
    port remote_user strategy throttle timeout vars
    """.split()  # noqa: SIM905
)
"""Keywords of a play that mean the same in a play of the stages."""

_LEFT = frozenset({"name", "hosts", "tags", "roles", "pre_tasks", "tasks", "post_tasks", "serial"})
"""Keywords that say which tasks run, where stage 3 runs others, or none on more hosts at once."""

_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")

_PATH = re.compile(r"[\w./+@~-]+")
"""Ansible cuts the name of an imported playbook at blanks, and takes braces for a template."""


@dataclass(frozen=True)
class Imported:
    """What the stages are made of: the path to import, and stage 3's play.

    `keywords` are those of the play, `roles` its entries, as plain data. `defaults` is the role
    that has the tree's defaults, None where there is none.
    """

    path: str
    off: str
    hosts: str
    keywords: dict[str, Any]
    defaults: str | None
    roles: tuple[dict[str, Any], ...]


def imported(asked: Asked, staged: Staged, path: str) -> Imported:
    """Return what a playbook of the stages needs; `path` leads from it to the tree's playbook.

    Raises Unsafe where the tree's play cannot be done without in stage 3, or the approver not be
    turned off by its variable.
    """
    if not _PATH.fullmatch(path) or path.startswith("~"):
        raise Unsafe(
            f"{path!r} cannot be imported by an Ansible playbook: it has characters that Ansible "
            "takes for something else. Use --format sh, or a path without them."
        )
    _require_switch(asked, staged)
    step = _only_step(staged)
    keywords = _keywords(asked, step)
    defaults = _defaults(step)
    entries: list[dict[str, Any]] = [{"role": defaults}] if defaults else []
    entry: dict[str, Any] = {"role": step.role}
    if step.when:
        entry["when"] = list(step.when)
    return Imported(path, ENABLED, step.play.hosts, keywords, defaults, (*entries, entry))


def _only_step(staged: Staged) -> Step:
    """Return the approver's step."""
    steps = [step for step in staged.order.of_role(ROLE) if step.repeats is None]
    if len(steps) != 1:
        named = ", ".join(str(step.place) for step in steps)
        raise Unsafe(_refusal(f"{staged.playbook} runs the approver more than once ({named})"))
    step = steps[0]
    if any(use.params or use.kind not in ("role", "dependency") for use in step.chain):
        raise Unsafe(_refusal(f"{step.place}: the approver gets its parameters from its entry, or "
                              "is included by a task"))  # fmt: skip
    return step


def _keywords(asked: Asked, step: Step) -> dict[str, Any]:
    """Return the keywords of the approver's play that stage 3's must have, too."""
    play = step.play
    document = asked.kubespray.document(play.place.path)
    try:
        data = plain(document, document.node(play.route)) if document is not None else None
    except TooMuch:
        data = None
    if not isinstance(data, dict):
        raise Unsafe(_refusal(f"{play.place}: the approver's play is too large to be read"))
    odd = [str(key) for key in data if key not in _KEPT | _LEFT]
    if odd:
        raise Unsafe(_refusal(f"{play.place}: the approver's play has the keyword '{odd[0]}'"))
    if play.when or play.place.path in _given_variables(asked):
        raise Unsafe(_refusal(f"{play.place}: the approver's play is imported under a condition, "
                              "or with variables of its own"))  # fmt: skip
    return {key: value for key, value in data.items() if key in _KEPT}


def _given_variables(asked: Asked) -> set[str]:
    """Return the playbook files that are imported with variables."""
    kubespray, found = asked.kubespray, set[str]()
    for path in kubespray.imported_files(asked.playbook):
        document = kubespray.document(path)
        root = document.root if document is not None else None
        for item in root.items if document and isinstance(root, Sequence) else ():
            entry = document.follow(item) if document else None
            if not isinstance(entry, Mapping) or entry.get("vars") is None:
                continue
            for name in (_text(entry.get(key)) for key in _IMPORTS):
                target = kubespray.playbook_path(name, posixpath.dirname(path)) if name else None
                found.update(kubespray.imported_files(target) if target else ())
    return found


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) else ""


def _defaults(step: Step) -> str | None:
    """Return the role with the tree's defaults as the approver's play names it."""
    for use in step.play.items:
        if isinstance(use, Use) and use.is_role and same_role(use.name, _DEFAULTS):
            return use.name
    return None


def _require_switch(asked: Asked, staged: Staged) -> None:
    """Raise Unsafe unless the variable turns the approver off, and nothing else.

    It is tried with the weight of an inventory's variables, which is less than that of an
    import's.
    """
    if ENABLED in asked.scenario.given:
        raise Unsafe(
            f"--set {ENABLED} beats the variables of an imported playbook, as -e does, so stage 1 "
            "could not turn the approver off. Put it into the inventory, or use --format sh."
        )
    off = {**asked.scenario.base, ENABLED: Setting(False, "stage 1")}
    scenario = replace(asked.scenario, base=off)
    (without,) = run_playbooks(asked.kubespray, (asked.playbook,), scenario).runs
    if any(of_approver(released.moment) for released in without.events.released):
        raise Unsafe(_refusal(f"{ENABLED}=false does not turn the approver off in this tree"))
    if _others(staged.run) != _others(without):
        raise Unsafe(_refusal(f"{ENABLED}=false changes more than the approver in this tree"))


def _others(run: Ran) -> list[tuple[str, ...]]:
    """Return what happens in a run beside the approver's doing."""
    applied = [
        (str(one.workload), str(one.workload.place), str(one.moment.at))
        for one in workloads_in(run.events) if not of_approver(one.moment)
    ]  # fmt: skip
    waited = [
        (str(one.wait.place), str(one.moment.at))
        for one in run.events.waited if not of_approver(one.moment)
    ]  # fmt: skip
    return [*applied, *waited]


def _refusal(why: str) -> str:
    return f"{why}, so a playbook cannot do the stages. Use --format sh."
