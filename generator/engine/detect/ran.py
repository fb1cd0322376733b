"""A playbook that was run through, with what all detectors ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from generator.engine.detect.events import Applied, Events, Moment
from generator.engine.detect.provide import Provision, provision, workloads_in
from generator.model.expression import condition
from generator.model.facts import INITIALIZED, facts
from generator.model.kubespray import Kubespray
from generator.model.role import same_role
from generator.model.scenario import Scenario
from generator.model.step import Order
from generator.model.value import Undefined, Unknown, as_text
from generator.model.variables import Memory, Scope
from generator.model.written import Files

NEW, RUNNING = "new", "initialized"
"""What nodes a run starts with: all of them new, or those of a running cluster."""

_STARTS_RUNNING = ("upgrade_cluster", "scale", "remove_node", "reset")
"""Playbooks for a cluster that runs already; its nodes are initialized, ready and have DNS."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What an operation of a semantic patch would change in the tree; nothing where it refuses.

    `documents` are the lines of YAML documents in manifests, by path; `variables` are names of
    defaults.
    """

    documents: Mapping[str, tuple[range, ...]] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ran:
    """A run of one playbook; `nodes` is NEW or RUNNING.

    `tried` keeps what operations of patches would change in the tree (tolerated.py); runs of the
    same tree may share it.
    """

    kubespray: Kubespray
    playbook: str
    order: Order
    events: Events
    nodes: str
    scenario: Scenario
    files: Files
    tried: dict[tuple[str, int], Tried] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def workloads(self) -> tuple[Applied, ...]:
        """All that is put into the cluster, in order."""
        return workloads_in(self.events)

    @cached_property
    def provisions(self) -> Mapping[str, Provision | None]:
        """What provides each fact, None where nothing does."""
        return {name: provision(self.events, name) for name in facts()}

    @cached_property
    def needed(self) -> frozenset[str]:
        """The facts that anything can need in the scenario.

        Where the cluster runs already, only new nodes can need anything: not to be tainted.
        """
        scope = self.scope()
        if scope is None:
            return frozenset()
        counted = [INITIALIZED] if self.nodes == RUNNING else facts()
        return frozenset(
            name for name in counted
            if condition(facts()[name].needed, scope) is not False
            and self.unknown_choice(name) is None
            and self._chosen(name) not in facts()[name].elsewhere
        )  # fmt: skip

    def _chosen(self, fact: str) -> str | None:
        """Return the value that chooses who provides a fact, None where that is not known."""
        by = facts()[fact].chosen_by
        scope = self.scope() if by else None
        value = scope(by) if scope and by else None
        return value if isinstance(value, str) and value else None

    def unknown_choice(self, fact: str) -> str | None:
        """Return the value that chooses who provides a fact where the tree has no such role.

        Nothing can be said of the fact then: Kubespray itself refuses such values, or a fork
        knows more than its roles' names tell.
        """
        said = facts()[fact]
        value = self._chosen(fact)
        if value is None or value in (*said.no_role, *said.elsewhere):
            return None
        roles = [f"{role}/{value}" for role in said.roles]
        known = any(self.kubespray.role_named(role) is not None for role in roles)
        return None if known else value

    def uses(self, role: str) -> bool:
        """Tell whether the playbook uses a role."""
        return any(same_role(name, role) for run in self.order.tasks for name in run.roles)

    def scope(self, role: str | None = None) -> Scope | None:
        """Return the variables as a role's tasks see them, else those of the last play's.

        None where the playbook does not use the role, or has no tasks at all.
        """
        runs = [
            run for run in self.order.tasks
            if run.roles and (role is None or same_role(run.roles[-1], role))
        ]  # fmt: skip
        return Scope.at(self.files, self.scenario, Memory(), runs[-1]) if runs else None

    def text_of(self, name: str, role: str | None = None) -> str:
        """Return a variable's value, as a role's tasks see it, as people write it."""
        scope = self.scope(role) or self.scope()
        value = scope(name) if scope else Undefined(name)
        return "undefined" if isinstance(value, Undefined) else as_text(value)

    def conditions(self, moment: Moment, *facts_named: str) -> tuple[str, ...]:
        """Return the variables under which something happens, as `name=value`, then what is open.

        Those that decide who provides some facts are among them.
        """
        leaves = {name: value for name, value in moment.leaves if value != ""}
        unknown = []
        scope = self.scope()
        for name in (name for fact in facts_named for name in facts()[fact].hangs_on):
            value = scope(name) if scope else Undefined(name)
            if isinstance(value, Unknown):
                unknown.append(f"{name} is not known")
            elif not isinstance(value, Undefined):
                leaves[name] = as_text(value)
        known = [f"{name}={value}" for name, value in sorted(leaves.items())]
        given = [text for text in known if self.scenario.setting(text.split("=")[0])]
        others = (text for text in known if text not in given)
        return tuple(dict.fromkeys((*given, *others, *unknown, *moment.unsure)))


def nodes_at_start(playbook_stem: str, scenario: Scenario) -> str:
    """Return what nodes a playbook starts with: what the scenario says, else what it is for."""
    if scenario.nodes is not None:
        return scenario.nodes
    return RUNNING if playbook_stem in _STARTS_RUNNING else NEW
