"""What a variable is where a task runs, by Ansible's rules of precedence.

Source: Ansible documentation, "Understanding variable precedence". Which machine a task runs on
is not known, so what hangs on that alone is unknown and counts as possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from generator.model.expression import render, render_data
from generator.model.scenario import Scenario
from generator.model.step import TaskRun
from generator.model.value import (
    Known,
    Leaves,
    Undefined,
    Unknown,
    Value,
    as_text,
    is_huge,
    result_of,
)
from generator.model.written import Files, Written, value_at
from generator.text.document import Document
from generator.text.document import Mapping as MappingNode

_OF_THE_MACHINE = re.compile(
    r"inventory_hostname.*|groups|group_names|hostvars|ansible_.*|playbook_dir|role_path|omit|"
    r"inventory_dir|inventory_file|play_hosts|role_name|environment|vars"
)
"""Variables of Ansible's own (Ansible documentation, "Special Variables") and facts."""

_OF_LOOPS = frozenset({"item", "ansible_loop", "ansible_index_var"})


NOT_SET = object()
"""What a value to be worked out later comes to where the task that sets it does not run."""


@dataclass
class Memory:
    """What tasks of a run have set so far: facts and registered results.

    A value that is a function is worked out when it is asked for.
    """

    values: dict[str, Value | Callable[[], Value]] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """Return what was set; NOT_SET where that turns out to be nothing."""
        value = self.values.get(name, NOT_SET)
        if callable(value):
            value = self.values[name] = value()
        return value


@dataclass
class Scope:
    """The variables as the tasks at one place of a run see them.

    Called with a name it gives the variable's value, Undefined where nobody sets it. What a value
    was worked out from is noted in `leaves`. Values are kept, but not those that hang on what
    changes from task to task (`passing`).
    """

    files: Files
    scenario: Scenario
    memory: Memory
    run: TaskRun
    items: Mapping[str, Value] = field(default_factory=dict)
    leaves: set[tuple[str, str]] = field(default_factory=set)
    passing: bool = False
    unset: set[str] = field(default_factory=set)
    _known: dict[object, Known] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    @classmethod
    def at(cls, files: Files, scenario: Scenario, memory: Memory, run: TaskRun) -> Scope:
        """Return the variables as a task sees them; what others know that see the same, it knows.

        Not with variables of the task's own, or of a block around it.
        """
        scope = cls(files, scenario, memory, run)
        if not any(holder.get("vars") for holder in (run.task.node, *run.task.around)):
            scope._known = files.known(run)
        return scope

    def __call__(self, name: str) -> Value:
        """Return a variable's value."""
        if name in self._under_way:
            return Unknown(frozenset({name}))
        self._under_way.add(name)
        value, leaves = self.traced(name, lambda: self._value(name))
        self._under_way.discard(name)
        self.leaves |= leaves
        return value

    def inside_loop(self, items: Mapping[str, Value]) -> Scope:
        """Return the same scope for one turn of a loop."""
        turn = Scope(self.files, self.scenario, self.memory, self.run, {**self.items, **items})
        turn._known = self._known
        return turn

    def frozen(self) -> Scope:
        """Return the same scope with the memory as it is now."""
        memory = Memory(dict(self.memory.values))
        still = Scope(self.files, self.scenario, memory, self.run, self.items)
        still._known = self._known
        return still

    def traced(self, key: object, work: Callable[[], Value]) -> tuple[Value, Leaves]:
        """Return what some work gives and what it was worked out from; kept under a key."""
        known = self._known.get(key)
        if known is not None and self.memory.values.keys().isdisjoint(known.unset):
            self.unset |= known.unset
            return known.value, known.leaves
        before = self.leaves, self.passing, self.unset
        self.leaves, self.passing, self.unset = set(), False, set()
        value = work()
        if is_huge(value):
            value = Unknown(frozenset({str(key)})) if isinstance(key, str) else Unknown()
        leaves = frozenset(self.leaves)
        if not self.passing:
            self._known[key] = Known(value, leaves, frozenset(self.unset))
        before[2].update(self.unset)
        self.leaves, self.passing, self.unset = before[0], before[1] or self.passing, before[2]
        return value, leaves

    def _value(self, name: str) -> Value:
        if name in self.items or name in _OF_LOOPS:
            self.passing = True
            return self.items.get(name, Undefined(name))
        self.files.asked.add(name)
        given = self.scenario.given.get(name)
        if given is not None:
            return self._leaf(name, given.value)
        for raw in self._of_the_run(name):
            return render_data(raw, self)
        if name in self.memory.values:
            self.passing = True
            value = self.memory.value(name)
            if value is not NOT_SET:
                return value
        self.unset.add(name)
        for raw in self._of_the_task(name):
            return render_data(raw, self)
        base = self.scenario.base.get(name)
        if base is not None:
            return self._leaf(name, base.value)
        written = self.default(name)
        if written is not None:
            return self._leaf(name, self.files.value(written, name))
        if _OF_THE_MACHINE.fullmatch(name):
            return Unknown()
        if self.files.set_by_task(name):
            return Unknown(frozenset({result_of(name)}))
        self.leaves.add((name, ""))
        return Undefined(name)

    def _leaf(self, name: str, raw: Value) -> Value:
        """Return a variable's value; where it is no template, it is a leaf."""
        before = len(self.leaves)
        value = render_data(raw, self)
        if len(self.leaves) == before:
            self.leaves.add((name, as_text(value)))
        return value

    def _of_the_run(self, name: str) -> Iterator[Value]:
        """Give what the uses that lead here set, the innermost first."""
        for use in reversed(self.run.chain):
            found = self.files.parameters(use).get(name)
            if found is not None:
                yield value_at(*found, name)

    def _of_the_task(self, name: str) -> Iterator[Value]:
        task = self.run.task
        for holder in (task.node, *reversed(task.around)):
            yield from _in_vars(task.document, holder, name)
        for folder in reversed(self.run.folders):
            written = self.files.written(folder, "vars").get(name)
            if written is not None:
                yield self.files.value(written, name)
        shared = self.files.written_in_play(self.run.play, self.run.basedir, "vars").get(name)
        if shared is not None:
            yield self.files.value(shared, name)
        of_play = self.files.of_play(self.run.play).get(name)
        if of_play is not None:
            yield value_at(*of_play, name)

    def default(self, name: str) -> Written | None:
        """Return where the default of a variable is written, None without one."""
        for folder in reversed(self.run.folders):
            written = self.files.written(folder, "defaults").get(name)
            if written is not None:
                return written
        return self.files.written_in_play(self.run.play, self.run.basedir, "defaults").get(name)


def naming(scenario: Scenario, files: Files) -> Callable[[str, TaskRun], str | None]:
    """Return what works out names of roles and task files; what tasks set is not known to it."""

    def name(template: str, run: TaskRun) -> str | None:
        value = render(template, Scope.at(files, scenario, Memory(), run))
        return value if isinstance(value, str) else None

    return name


def _in_vars(document: Document, holder: MappingNode, name: str) -> Iterator[Value]:
    variables = document.value(holder, "vars") if holder.get("vars") else None
    node = variables.get(name) if isinstance(variables, MappingNode) else None
    if node is not None:
        yield value_at(document, node, name)
