"""Runs through a playbook's tasks as Ansible would, with nothing executed.

Conditions have three values; loops over known lists are followed item by item, and what tasks
register or set is kept where it can be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from generator.engine.detect.actions import ACTIONS, Doing
from generator.engine.detect.actions.matter import may_matter
from generator.engine.detect.events import Applied, Begun, Events, Moment, Released, Waited
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.placed import Placed
from generator.model.expression import condition, render_data
from generator.model.kubespray import Kubespray
from generator.model.scenario import Scenario
from generator.model.step import Order, TaskRun
from generator.model.value import Leaves, OpenMapping, Undefined, Unknown, Value, is_result
from generator.model.variables import Memory, Scope
from generator.model.written import Files
from generator.text.document import Mapping as MappingNode
from generator.text.document import Node
from generator.text.plain import TooMuch, plain

MAX_TURNS = 500
"""A loop over more items is not followed item by item; upstream's longest has fewer than 50."""

MAX_ALL_TURNS = 5_000
"""Nor is any loop once those before it had more turns than this; upstream's have about 500."""


def run_through(
    kubespray: Kubespray,
    order: Order,
    scenario: Scenario,
    manifests: Manifests,
    files: Files,
) -> Events:
    """Return what happens in a run of a playbook; `order` must have its tasks."""
    run = _Run(kubespray, scenario, manifests, files)
    for at, task_run in enumerate(order.tasks):
        run.task(at, task_run)
    return Events(tuple(run.begun), tuple(run.applied), tuple(run.waited), tuple(run.released))


@dataclass
class _Run:
    """The state of one run."""

    kubespray: Kubespray
    scenario: Scenario
    manifests: Manifests
    files: Files
    memory: Memory = field(default_factory=Memory)
    placed: Placed = field(default_factory=Placed)
    begun: list[Begun] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    waited: list[Waited] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    turns: int = 0
    _scopes: dict[tuple[int, int], Scope] = field(default_factory=dict)

    def task(self, at: int, run: TaskRun) -> None:
        """Take a task into account, once for each turn of its loop."""
        action = ACTIONS.get(run.task.module)
        if action is None or not may_matter(run, self.kubespray):
            return
        scope = self._scope(run)
        if run.task.module == "set_fact" and _loop_node(run) is None:
            self._set_facts(at, run, scope)
            return
        results = []
        for items in self._turns(run, scope):
            inside = scope.inside_loop(items) if items else scope
            moment = self._moment(at, run, inside)
            if moment is None:
                results.append({"skipped": True, "changed": False, "failed": False, **items})
                continue
            doing = Doing(self.kubespray, self.manifests, self.memory, self.placed,
                          inside, run, moment)  # fmt: skip
            action(doing)
            self.begun += doing.begun
            self.applied += doing.applied
            self.waited += doing.waited
            self.released += doing.released
            results.append({"skipped": False, "failed": False, **items})
        self._register(run, results, looped=_loop_node(run) is not None)

    def _set_facts(self, at: int, run: TaskRun, scope: Scope) -> None:
        """Note what a task sets, to be worked out where it is needed."""
        still = scope.frozen()
        arguments = run.task.document.value(run.task.node, run.task.key)
        for key in arguments.key_names() if isinstance(arguments, MappingNode) else ():
            node = arguments.get(key) if isinstance(arguments, MappingNode) else None
            self.memory.values[key] = partial(self._fact, at, run, still, key, node)

    def _fact(self, at: int, run: TaskRun, scope: Scope, name: str, node: Node | None) -> Value:
        moment = self._moment(at, run, scope)
        if moment is None or moment.hangs_on_result:
            # In a first run the machines hold nothing that would make the task run.
            return scope.memory.value(name)
        if moment.unsure:
            return Unknown(frozenset({name}))
        try:
            value = render_data(plain(run.task.document, node), scope)
        except TooMuch:
            return Unknown(frozenset({name}))
        return Unknown(frozenset({value.name})) if isinstance(value, Undefined) else value

    def _scope(self, run: TaskRun) -> Scope:
        """Return the variables as a task sees them, the same for all tasks of one task list."""
        if any(holder.get("vars") for holder in (run.task.node, *run.task.around)):
            return Scope.at(self.files, self.scenario, self.memory, run)
        key = (run.play_number, id(run.chain))
        if key not in self._scopes:
            self._scopes[key] = Scope.at(self.files, self.scenario, self.memory, run)
        return self._scopes[key]

    def _turns(self, run: TaskRun, scope: Scope) -> Iterator[Mapping[str, Value]]:
        """Give the variables of each turn of a task's loop; one turn without any where it has none.

        Of a loop over what is not known there is one turn with an unknown item.
        """
        loop = _loop_node(run)
        if loop is None:
            yield {}
            return
        name = _loop_variable(run)
        value = _loop_items(run, scope, *loop)
        if value is None or len(value) > MAX_TURNS or self.turns > MAX_ALL_TURNS:
            yield {name: Unknown()}
            return
        self.turns += len(value)
        for item in value:
            yield {name: item}

    def _moment(self, at: int, run: TaskRun, scope: Scope) -> Moment | None:
        """Return when a task runs and under what conditions, None where it surely does not."""
        unsure: list[str] = []
        results: set[str] = set()
        leaves: Leaves = frozenset()
        for text in run.when:
            value, used = scope.traced(("when", text), partial(condition, text, scope))
            if value is False:
                return None
            leaves |= used
            if isinstance(value, Unknown):
                results |= {name for name in value.names if is_result(name)}
                if value.names - results:
                    unsure.append(" ".join(text.split()))
        return Moment(at, run, tuple(dict.fromkeys(unsure)), leaves, bool(results))

    def _register(self, run: TaskRun, results: list[dict[str, Value]], looped: bool) -> None:
        node = run.task.node.get("register")
        name = getattr(node, "value", "")
        if not name:
            return
        if looped:
            self.memory.values[name] = {"results": results}
        else:
            only = results[0] if results else {"skipped": True}
            self.memory.values[name] = only if only.get("skipped") else OpenMapping(only)


def _loop_node(run: TaskRun) -> tuple[str, Node | None] | None:
    """Return the keyword of a task's loop with its node, None where it has no loop."""
    for key in run.task.node.key_names():
        if key == "loop" or key.startswith("with_"):
            return key, run.task.document.value(run.task.node, key)
    return None


def _loop_variable(run: TaskRun) -> str:
    control = run.task.document.value(run.task.node, "loop_control")
    named = control.get("loop_var") if isinstance(control, MappingNode) else None
    return getattr(named, "value", "") or "item"


def _loop_items(run: TaskRun, scope: Scope, keyword: str, node: Node | None) -> list[Value] | None:
    """Return what a loop goes over, None where that is not known.

    `with_items` opens lists inside the list, one level deep (Ansible documentation, "Loops").
    """
    if keyword not in ("loop", "with_items", "with_list", "with_flattened"):
        return None

    def items_of() -> Value:
        try:
            return render_data(plain(run.task.document, node), scope)
        except TooMuch:
            return Unknown()

    value, _ = scope.traced(("loop", run.task.place), items_of)
    if keyword in ("loop", "with_list"):
        return value if isinstance(value, list) and not _holes(value) else None
    items: list[Value] = []
    for item in value if isinstance(value, list) else [value]:
        items += item if isinstance(item, list) else [item]
    return None if _holes(items) else items


def _holes(items: list[Value]) -> bool:
    return any(isinstance(item, Unknown | Undefined) for item in items)
