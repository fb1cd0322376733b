"""Move a role use behind the last step that provides what the role needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.as_task import as_task
from generator.engine.operations.base import (
    Changed,
    NotNeeded,
    changed,
    direct_entry,
    order_of,
    there,
)
from generator.engine.operations.only_on import limits
from generator.engine.operations.other_play import check_other_play
from generator.exits import Unsafe
from generator.model.facts import providers, providing_steps
from generator.model.kubespray import Kubespray
from generator.model.role import could_mean
from generator.model.step import Order, Step
from generator.text.document import Document, Mapping, Route, Sequence
from generator.text.mapping import add_key
from generator.text.sequence import insert, remove, sequence_offset, take
from generator.text.shape import shape


@dataclass(frozen=True)
class MoveRoleUse:
    """Move `role` in `playbook` behind the last step that provides one of the facts `after`.

    `only_on` (`kube_control_plane[0]`, say) is the one host on which the role acts: where the
    hosts of the two plays differ, this is checked in the role's files.
    """

    playbook: str
    role: str
    after: tuple[str, ...]
    only_on: str

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> MoveRoleUse:
        """Read the operation from a patch file."""
        fields.only(["playbook", "role", "after", "only-on"])
        return cls(
            fields.text("playbook"), fields.text("role"),
            fields.words("after", providers()), fields.text("only-on", default="*"),
        )  # fmt: skip

    def describe(self) -> str:
        """Return what the operation does."""
        facts = ", ".join(self.after)
        return (
            f"In the playbook {self.playbook}, move the use of role {self.role} behind the last "
            f"step that provides one of these facts: {facts}."
        )

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the playbook file, or files, with the role use moved."""
        order = order_of(kubespray, self.playbook)
        if order is None:
            return NotNeeded(f"the tree has no playbook {self.playbook}")
        target = last_provider(order, self.after)
        if target is None:
            return NotNeeded(f"{order.playbook} has no step that provides what the role needs")
        self._refuse_templates(order)
        steps = order.of_role(self.role)
        early = [step for step in steps if step.number < target.number]
        if not steps:
            return NotNeeded(f"{order.playbook} does not use {self.role}")
        if not early:
            return NotNeeded(
                f"{order.playbook} runs {there(steps[0])} after {there(target)} already", True
            )
        source = self._single(order, steps, early)
        later = [
            f"{fact} ({step.role}, {step.entry_place})" for fact, step in self._later(order, source)
        ]
        found = f"{there(source)} runs before what it needs: {'; '.join(later)}"
        if len(early) == len(steps):
            return Changed(self._moved(kubespray, source, target), found)
        again = next(step for step in steps if step not in early)
        self._check_conditions(kubespray, source, again)
        document = _document(kubespray, source)
        result = remove(document, source.entry, f"remove role '{self.role}'")
        return changed(result, f"{found}; it runs again behind them, through {again.entry_place}")

    def _later(self, order: Order, source: Step) -> list[tuple[str, Step]]:
        """Return the facts that are provided only after a step, each with the step that does."""
        return [
            (fact, step)
            for fact in self.after
            for step in providing_steps(order, fact)
            if step.number > source.number
        ]

    def _single(self, order: Order, steps: tuple[Step, ...], early: list[Step]) -> Step:
        """Return the one step to move; raises Unsafe where there is another candidate."""
        for step in early:
            direct_entry(order, step, f"move role '{self.role}'")
        direct = [step for step in steps if len(step.chain) == 1]
        if len(direct) > 1:
            places = " and ".join(str(step.place) for step in direct)
            raise Unsafe(
                f"{early[0].place}: cannot move role '{self.role}' safely: {order.playbook} uses "
                f"it more than once ({places}). Remove one of them by hand."
            )
        return early[0]

    def _check_conditions(self, kubespray: Kubespray, source: Step, again: Step) -> None:
        """Raise Unsafe where the later use may not run although the earlier one would."""
        own = kubespray.meta(again.path).dependencies if again.path else ()
        known = {*source.when, *(condition for use in own for condition in use.when)}
        for condition in again.when:
            if condition not in known and not limits(condition, self.only_on):
                raise Unsafe(
                    f"{again.place}: cannot remove the earlier use of role '{self.role}' "
                    f"({source.place}) safely: this one runs only when {condition}. "
                    "Remove one of them by hand."
                )

    def _refuse_templates(self, order: Order) -> None:
        """Raise Unsafe where a role name made by a template may be the role, or what it needs."""
        meant = [self.role, *(role for fact in self.after for role in providers()[fact])]
        for step in order.steps:
            use = step.use
            if not (use.is_role and use.is_template):
                continue
            role = next((role for role in meant if could_mean(use.name, role)), None)
            if role is not None:
                raise Unsafe(
                    f"{step.place}: cannot tell whether the role name '{use.name}', made by a "
                    f"template, means '{role}'. Write the name out, then try again."
                )

    def _moved(self, kubespray: Kubespray, source: Step, target: Step) -> dict[str, bytes]:
        check_other_play(kubespray, source, target, self.only_on)
        origin, goal = _document(kubespray, source), _document(kubespray, target)
        what = f"move role '{self.role}'"
        if origin.path != goal.path:
            with_use = _put(origin, goal, source, target, what)
            without = remove(origin, source.entry, what)
            return {doc.path: doc.text.encode() for doc in (with_use, without)}
        goal = _put(origin, goal, source, target, what)
        where = source.entry
        same_list = where[:-1] == target.entry[:-1]
        if same_list and isinstance(where[-1], int) and where[-1] > _index(target.entry):
            where = (*where[:-1], where[-1] + 1)
        result = remove(goal, where, what)
        return {result.path: result.text.encode()}


def last_provider(order: Order, facts: tuple[str, ...]) -> Step | None:
    """Return the last of the steps that first provide one of the facts.

    None where the cloud controller manager, or whatever provides the first fact, is not there.
    """
    if not providing_steps(order, facts[0]):
        return None
    steps = [step for fact in facts for step in providing_steps(order, fact)]
    return max(steps, key=lambda step: step.number)


def _put(origin: Document, goal: Document, source: Step, target: Step, what: str) -> Document:
    """Return the target's file with the use put behind the target's entry."""
    text, item = take(origin, source.entry, what), shape(origin.node(source.entry))
    play = target.play.route
    section = str(target.entry[len(play)])
    task = source.use.kind != "role"
    if task == (section != "roles"):
        return insert(goal, target.entry[:-1], _index(target.entry) + 1, text, item, what)
    if not task:
        text, item = as_task(origin, source.entry, sequence_offset(goal), what)
        return insert(goal, target.entry[:-1], _index(target.entry) + 1, text, item, what)
    node = goal.node(play)
    assert isinstance(node, Mapping)
    if node.get("tasks") is not None:
        return insert(goal, (*play, "tasks"), 0, text, item, what)
    offset = " " * sequence_offset(goal)
    lines = "".join(f"\n{offset}{line}" if line else "\n" for line in text.lines)
    tasks = Sequence(0, 0, (item,) if item is not None else (), flow=False)
    return add_key(goal, play, "tasks", lines, tasks, what)


def _document(kubespray: Kubespray, step: Step) -> Document:
    document = kubespray.document(step.play.place.path)
    assert document is not None
    return document


def _index(entry: Route) -> int:
    assert isinstance(entry[-1], int)
    return entry[-1]
