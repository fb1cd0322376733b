"""The tag by which a role is left out and later run alone, found in the tree and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generator.exits import Unsafe
from generator.model.step import Order
from generator.stage.selection import SPECIAL, Tagged
from generator.text.document import Place


@dataclass(frozen=True)
class Chosen:
    """A tag that selects a role with what it brings, and nothing else.

    `places` are where the role is used. `brings` are the roles that run with it, in their order,
    the role itself last. `again` are plays with tasks that run in every stage, being tagged
    `always`.
    """

    tag: str
    places: tuple[Place, ...]
    brings: tuple[str, ...]
    again: tuple[str, ...]


def choose_tag(order: Order, tasks: Iterable[Tagged], role: str) -> Chosen:
    """Return the tag of a role that a playbook uses.

    Raises Unsafe where none selects the role and what it brings, and nothing else.
    """
    steps = order.of_role(role)
    listed = tuple(tasks)
    candidates = _candidates(tuple(step.tags[::-1] for step in steps))
    if not candidates:
        raise Unsafe(
            f"{steps[0].place}: the role {steps[0].role} has no tag by which it could be left out "
            "and run alone. Give its entry a tag of its own (tags: kubelet-csr-approver), or use "
            "the patch (kubespray-patchgen patch)."
        )
    complaints = {}
    for tag in candidates:
        wrong = next(_wrong(listed, role, tag), None)
        if wrong is None:
            return Chosen(
                tag, tuple(dict.fromkeys(step.place for step in steps)),
                _brought(order, role), _again(order),
            )  # fmt: skip
        complaints[tag] = wrong
    tag, wrong = next(iter(complaints.items()))
    raise Unsafe(
        f"{steps[0].place}: the role {steps[0].role} cannot be selected by its tag '{tag}': "
        f"{wrong}. Give its entry a tag of its own, or use the patch (kubespray-patchgen patch)."
    )


def _candidates(uses: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the tags that all uses of a role have, the innermost of the first one first."""
    return tuple(
        tag for tag in uses[0]
        if all(tag in others for others in uses) and tag not in SPECIAL and _is_usable(tag)
    )  # fmt: skip


def _is_usable(tag: str) -> bool:
    """Tell whether a tag can be given on a command line; a template is none before a run."""
    return tag.isprintable() and not tag.startswith(("-", "@")) and not set(tag) & set("{},")


def _wrong(tasks: Iterable[Tagged], role: str, tag: str) -> Iterator[str]:
    """Give what is wrong with a tag, as clauses."""
    for task in tasks:
        usual, first = task.runs(), task.runs(skip=tag)
        third = task.runs(only=tag)
        if task.may_have(tag):
            yield f"a tag of {task} is made by a template, and may come out as the same"
        elif task.is_of(role):
            if first:
                yield f"{task} would run in stage 1 all the same"
            elif usual and not third:
                yield f"{task} would not run in stage 3"
            elif third and not usual:
                yield f"{task} would run in stage 3, though a whole run leaves it out"
        elif usual and not first:
            yield f"{task} would be left out of stage 1, too"
        elif third and not (usual and task.is_always):
            yield f"{task} would run in stage 3, too"


def _brought(order: Order, role: str) -> tuple[str, ...]:
    steps = [
        step for step in order.resolved
        if any(same in step.roles for same in (one.role for one in order.of_role(role)))
    ]  # fmt: skip
    return tuple(dict.fromkeys(step.role for step in steps))


def _again(order: Order) -> tuple[str, ...]:
    """Return the names of the plays that are tagged `always`."""
    return tuple(dict.fromkeys(play.name or play.hosts for play in order.plays
                               if "always" in play.tags))  # fmt: skip
