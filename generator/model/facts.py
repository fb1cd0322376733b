"""Facts: what a step provides to the steps behind it, read from facts.yml beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from generator.model.role import same_role
from generator.model.step import Order, Step
from generator.text.document import data_of
from generator.text.yaml import parse


@cache
def providers() -> dict[str, tuple[str, ...]]:
    """Return the roles that provide each fact."""
    path = Path(__file__).with_name("facts.yml")
    data = data_of(parse(path.name, path.read_text("utf-8")).root)
    return {fact: tuple(roles) for fact, roles in data.items()}


def providing_steps(order: Order, fact: str) -> tuple[Step, ...]:
    """Return the first step of each role that provides a fact in a playbook."""
    found = []
    for role in providers()[fact]:
        step = next((step for step in order.resolved if same_role(step.role, role)), None)
        if step is not None:
            found.append(step)
    return tuple(found)
