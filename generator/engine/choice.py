"""Which semantic patches are applied: what a user asks for, and what goes with it or against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from generator.engine.patch import SemanticPatch
from generator.exits import UnusableInput


@dataclass(frozen=True)
class Choice:
    """Which semantic patches a user wants: these only, or the default ones with and without."""

    only: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def choose(patches: Mapping[str, SemanticPatch], choice: Choice) -> tuple[SemanticPatch, ...]:
    """Return the chosen patches, in the order in which they are applied.

    A patch that is asked for displaces default ones that it excludes, and brings those that
    must come with it. Raises UnusableInput for an unknown id, and where two patches that are
    asked for exclude each other.
    """
    for identity in (*choice.only, *choice.also, *choice.without):
        if identity not in patches:
            raise UnusableInput(
                f"there is no semantic patch '{identity}'; `kubespray-patchgen patches list` "
                f"shows them: {', '.join(patches)}."
            )
    left_out = set(choice.without)
    asked = _with_companions(patches, {*choice.only, *choice.also} - left_out)
    by_default = {p.id for p in patches.values() if p.default and not choice.only} - left_out
    wanted = asked | _with_companions(patches, by_default)
    for identity in wanted & left_out:
        raise UnusableInput(
            f"the semantic patch '{identity}' must come with another one that is chosen; "
            "leave both out, or none."
        )
    chosen = [patch for patch in patches.values() if patch.id in wanted]
    displaced = {
        patch.id for patch in chosen
        if patch.id not in asked and any(_exclude(patch, patches[other]) for other in asked)
    }  # fmt: skip
    chosen = [patch for patch in chosen if patch.id not in displaced]
    for index, one in enumerate(chosen):
        for other in chosen[index + 1 :]:
            if _exclude(one, other):
                raise UnusableInput(
                    f"the semantic patches '{one.id}' and '{other.id}' exclude each other; "
                    "choose one of them."
                )
    return tuple(chosen)


def _with_companions(patches: Mapping[str, SemanticPatch], ids: Iterable[str]) -> set[str]:
    """Return the ids with those that must come with them, and with those, and so on."""
    found: set[str] = set()
    pending = list(ids)
    while pending:
        identity = pending.pop()
        if identity not in found:
            found.add(identity)
            pending.extend(patches[identity].comes_with)
    return found


def _exclude(one: SemanticPatch, other: SemanticPatch) -> bool:
    return one.id != other.id and (other.id in one.excludes or one.id in other.excludes)
