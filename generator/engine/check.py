"""The whole check: playbooks run through in a scenario, and what was found as a report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from generator.engine.detect.approver import ENABLED, ROLE, before_dns, of_variables, place_of
from generator.engine.detect.deadlock import deadlocks
from generator.engine.detect.events import Events
from generator.engine.detect.interpret import run_through
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.pending import blocked_providers, pending
from generator.engine.detect.ran import Ran, nodes_at_start
from generator.engine.finding import Assumption, Checked, Finding, Report, Unread
from generator.engine.patch import SemanticPatch
from generator.model.facts import INITIALIZED, facts
from generator.model.flatten import Following
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.scenario import NODES, REPORTED, Scenario
from generator.model.step import Order
from generator.model.value import as_text
from generator.model.variables import naming
from generator.model.written import Files, repeated_key
from generator.text.document import Place

PLAYBOOKS = ("cluster", "upgrade_cluster", "recover_control_plane")
"""The playbooks that are checked without more: those that deploy workloads on their own."""

_SHOWN = (*REPORTED, ENABLED, "kube_network_plugin")
"""Variables that the report always begins with."""


@dataclass
class _Unread:
    """What could not be read, each thing once.

    Messages may begin with their place; the line and column there are the better ones.
    """

    found: dict[Unread, None] = field(default_factory=dict)

    def __call__(self, place: Place, message: str) -> None:
        begin = rf"{re.escape(place.path)}(?::(\d+))?(?::(\d+))?: (.*)"
        said = re.fullmatch(begin, message, re.DOTALL)
        if said is not None:
            place = Place(place.path, int(said[1] or place.line), int(said[2] or place.column))
            message = said[3]
        self.found[Unread(place, message)] = None


def check(
    kubespray: Kubespray,
    playbooks: Iterable[str],
    scenario: Scenario,
    patches: Iterable[SemanticPatch],
) -> Report:
    """Return what there is to say of some playbooks of a tree; `playbooks` are paths.

    `patches` are the semantic patches that may be named as cures. Raises UnusableInput where a
    playbook cannot be run through.
    """
    unread = _Unread()
    manifests, files = Manifests(kubespray, unread), Files(kubespray, unread)
    runs = []
    for playbook in playbooks:
        order = kubespray.run(playbook, Following(naming(scenario, files), unread))
        events = run_through(kubespray, order, scenario, manifests, files)
        _tell_lost(order, events, unread)
        nodes = nodes_at_start(playbook_stem(playbook), scenario)
        runs.append(Ran(kubespray, playbook, order, events, nodes, scenario, files))
    blind = tuple(left for left in unread.found if _decides(kubespray, left.place.path))
    for place, key in kubespray.repeated_keys():
        unread(place, repeated_key(place, key))
    chosen = tuple(patches)
    found = [finding for ran in runs for finding in _findings(ran, chosen)]
    telling = [ran for ran in runs if ran.uses(ROLE)] or runs
    about = {finding: None for ran in telling[:1] for finding in of_variables(ran, chosen)}
    return Report(
        base=kubespray.tree.base,
        assumptions=tuple(_assumptions(runs[0], scenario)) if runs else (),
        playbooks=tuple(Checked(ran.playbook, ran.nodes) for ran in runs),
        findings=(*found, *about),
        unread=tuple(unread.found),
        unasked=tuple(name for name in scenario.given if name not in files.asked),
        blind=blind,
    )


def _decides(kubespray: Kubespray, path: str) -> bool:
    """Tell whether a file has a say in where the approver or a cloud controller manager runs."""
    roles = (kubespray.role_named(role) for role in (ROLE, *facts()[INITIALIZED].roles))
    return any(
        role is not None and path.startswith(f"{role}/") and not path.endswith(".j2")
        and bool({"meta", "tasks"} & set(path[len(role) :].split("/")))
        for role in roles
    )  # fmt: skip


def _tell_lost(order: Order, events: Events, unread: _Unread) -> None:
    """Tell of roles and task files that are used but cannot be followed.

    Not of those whose names only the machine decides: they are common, and the system's own. Nor
    of a task file that includes itself at run time, which is how tasks are repeated.
    """
    reasons = {step.place: step for step in order.steps if step.unresolved is not None}
    for begun in events.begun:
        step = reasons.get(begun.moment.run.task.place) if begun.lost else None
        again = step is not None and step.use.is_dynamic and "ring" in (step.unresolved or "")
        if step is not None and not step.use.is_template and not again:
            kind = "role" if step.use.is_role else "task file"
            unread(step.place, f"{step.place}: the {kind} '{step.use.name}' cannot be followed: "
                   f"{step.unresolved}.")  # fmt: skip


def _findings(ran: Ran, patches: tuple[SemanticPatch, ...]) -> Iterator[Finding]:
    yield from deadlocks(ran, patches)
    yield from blocked_providers(ran)
    yield from before_dns(ran, patches)
    yield from pending(ran)


def _assumptions(ran: Ran, scenario: Scenario) -> Iterator[Assumption]:
    """Give the variables that decide most, and all that was given on the command line."""
    for name in dict.fromkeys((*_SHOWN, *scenario.given)):
        setting = scenario.setting(name)
        if setting is not None:
            source = str(setting.place) if setting.place else setting.source
            yield Assumption(name, as_text(setting.value), source)
            continue
        place = place_of(ran, name)
        value = ran.text_of(name, ROLE)
        source = "nobody sets it" if value == "undefined" else f"default, {place}"
        yield Assumption(name, value, source)
    if scenario.nodes is not None:
        yield Assumption(NODES, scenario.nodes, "--set")
