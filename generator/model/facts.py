"""Facts: what a step provides to the steps behind it, read from facts.yml beside this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generator.model.role import same_role
from generator.model.step import Order, Step
from generator.text.document import data_of
from generator.text.yaml import parse

INITIALIZED, READY, DNS = "nodes-initialized", "nodes-ready", "dns"
"""The facts that pods need."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What provides a fact; see facts.yml."""

    roles: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    named: str = ""
    without: tuple[str, ...] = ()
    by_itself: tuple[str, ...] = ()
    needed: str = "true"
    hangs_on: tuple[str, ...] = ()
    chosen_by: str | None = None
    no_role: tuple[str, ...] = ()
    hangs_by: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def concerns(self, roles: Iterable[str]) -> bool:
        """Tell whether one of the roles that lead to a task is one that provides this."""
        names = tuple(roles)
        return _any_below(names, self.roles) and not _any_below(names, self.without)


@cache
def facts() -> Mapping[str, Fact]:
    """Return all facts by name."""
    path = Path(__file__).with_name("facts.yml")
    data = data_of(parse(path.name, path.read_text("utf-8")).root)
    return {
        name: Fact(
            roles=tuple(said["roles"]),
            kinds=tuple(said.get("kinds", ())),
            named=said.get("named", ""),
            without=tuple(said.get("without", ())),
            by_itself=tuple(said.get("by-itself", ())),
            needed=said.get("needed", "true"),
            hangs_on=tuple(said.get("hangs-on", ())),
            chosen_by=said.get("chosen-by"),
            no_role=tuple(said.get("no-role", ())),
            hangs_by=tuple(said.get("hangs-by", ())),
            elsewhere=tuple(said.get("elsewhere", ())),
        )
        for name, said in data.items()
    }


@cache
def providers() -> dict[str, tuple[str, ...]]:
    """Return the roles that provide each fact."""
    return {name: fact.roles for name, fact in facts().items()}


def providing_steps(order: Order, fact: str) -> tuple[Step, ...]:
    """Return the first step of each role that provides a fact in a playbook."""
    found = []
    for role in providers()[fact]:
        step = next((step for step in order.resolved if same_role(step.role, role)), None)
        if step is not None:
            found.append(step)
    return tuple(found)


def _any_below(names: tuple[str, ...], tops: tuple[str, ...]) -> bool:
    return any(same_role(name[: len(top)], top) and name[len(top) : len(top) + 1] in ("", "/")
               for name in names for top in tops)  # fmt: skip
