"""Playbooks run through in a scenario, with what could not be read on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from generator.engine.detect.approver import ROLE, before_dns, of_variables
from generator.engine.detect.deadlock import deadlocks
from generator.engine.detect.events import Events
from generator.engine.detect.interpret import run_through
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.pending import blocked_providers
from generator.engine.detect.ran import Ran, nodes_at_start
from generator.engine.finding import Finding, Unread
from generator.engine.patch import SemanticPatch
from generator.model.facts import INITIALIZED, facts
from generator.model.flatten import Following
from generator.model.inventory.setting import brief
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.scenario import Scenario
from generator.model.step import Order
from generator.model.variables import naming
from generator.model.written import Files, repeated_key
from generator.text.document import Place


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


@dataclass(frozen=True)
class Runs:
    """Playbooks of one tree, run through in one scenario.

    `blind` are those of `unread` without which nothing can be said of the order. `files` are the
    variables of the tree.
    """

    runs: tuple[Ran, ...]
    scenario: Scenario
    blind: tuple[Unread, ...]
    files: Files
    _unread: _Unread

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read so far: findings may look at more files."""
        return tuple(self._unread.found)

    @property
    def unasked(self) -> tuple[str, ...]:
        """The variables given by the user that nothing has asked for so far."""
        return tuple(name for name in self.scenario.given if name not in self.files.asked)


def run_playbooks(kubespray: Kubespray, playbooks: Iterable[str], scenario: Scenario) -> Runs:
    """Run through playbooks, which are paths.

    Raises UnusableInput where one cannot be run through.
    """
    unread = _Unread()
    manifests, files = Manifests(kubespray, unread), Files(kubespray, unread)
    runs: list[Ran] = []
    for playbook in playbooks:
        order = kubespray.run(playbook, Following(naming(scenario, files), unread))
        events = run_through(kubespray, order, scenario, manifests, files)
        _tell_lost(order, events, unread)
        nodes = nodes_at_start(playbook_stem(playbook), scenario)
        tried = runs[0].tried if runs else {}
        runs.append(Ran(kubespray, playbook, order, events, nodes, scenario, files, tried))
    blind = tuple(left for left in unread.found if _decides(kubespray, left.place.path))
    for place, key in kubespray.repeated_keys():
        unread(place, repeated_key(place, key))
    return Runs(tuple(runs), scenario, blind, files, unread)


def blocking(ran: Ran, patches: tuple[SemanticPatch, ...]) -> Iterator[Finding]:
    """Give the findings of a run without the notes; `patches` may be named as cures."""
    yield from deadlocks(ran, patches)
    yield from blocked_providers(ran)
    yield from before_dns(ran, patches)


@dataclass(frozen=True)
class Through:
    """A run of one playbook, its findings without the notes, and what could not be read.

    `unasked` are variables given by the user that nothing asked for.
    """

    ran: Ran
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    unasked: tuple[str, ...]


def run_playbook(
    kubespray: Kubespray, playbook: str, scenario: Scenario, patches: Iterable[SemanticPatch]
) -> Through:
    """Run through one playbook; `patches` are the semantic patches that may be named as cures.

    Raises UnusableInput where the playbook cannot be run through.
    """
    all_runs = run_playbooks(kubespray, (playbook,), scenario)
    (ran,) = all_runs.runs
    cures = tuple(patches)
    found = (*blocking(ran, cures), *of_variables(ran, cures))
    return Through(ran, found, all_runs.unread, all_runs.unasked)


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
            named = f"the {kind} '{brief(step.use.name, 200)}'"
            unread(step.place, f"{step.place}: {named} cannot be followed: {step.unresolved}.")
