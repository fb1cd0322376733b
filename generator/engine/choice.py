"""Which semantic patches are applied: what a user asks for, and what goes with it or against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from generator.engine.operations.base import Component
from generator.engine.patch import ALL, SemanticPatch
from generator.exits import UnusableInput


@dataclass(frozen=True)
class Choice:
    """Which semantic patches a user wants: these only, or the default ones with and without.

    Each text is the id of a patch, or `ID=NAME[,NAME...]` with names of its components; `all`
    names every one of them that is not unwise. Names add up, and those of `without` are taken off.
    """

    only: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def choose(patches: Mapping[str, SemanticPatch], choice: Choice) -> tuple[SemanticPatch, ...]:
    """Return the chosen patches, in the order in which they are applied.

    A patch that is asked for displaces default ones that it excludes, and brings those that
    must come with it. One with components is limited to those that are named; where it is not
    asked for, to all that are not unwise. Raises UnusableInput for an unknown id or component,
    for a patch with components that is asked for without a name, and where two patches that are
    asked for exclude each other.
    """
    asked_for = _read(patches, (*choice.only, *choice.also))
    taken_off = _read(patches, choice.without)
    left_out = {text for text in choice.without if "=" not in text}
    for identity, names in taken_off.items():
        if ALL in names:
            raise UnusableInput(
                f"'{ALL}' cannot be taken off; to leave out '{identity}', name it alone."
            )
    limits = {
        patch.id: _limit(patch, asked_for.get(patch.id), taken_off.get(patch.id, ()))
        for patch in patches.values()
        if patch.components and patch.id not in left_out
    }
    # Without its last component nothing is left of a patch.
    left_out |= {identity for identity, names in limits.items() if not names}
    asked = _with_companions(patches, asked_for.keys() - left_out)
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
    return tuple(
        patch.limited_to(limits[patch.id]) if patch.id in limits else patch for patch in chosen
    )


def unwise(patches: Iterable[SemanticPatch]) -> Iterator[tuple[SemanticPatch, Component]]:
    """Give the unwise components to which chosen patches are limited, each with its patch."""
    for patch in patches:
        for component in patch.components:
            if component.unwise is not None and component.name in patch.chosen:
                yield patch, component


def with_components(identity: str, names: Iterable[str]) -> str:
    """Return what asks for some components of a patch: `ID=NAME,NAME`; the id alone for none."""
    listed = ",".join(names)
    return f"{identity}={listed}" if listed else identity


def _read(patches: Mapping[str, SemanticPatch], texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the patches that are named, by id, with the names of components that they are given.

    Raises UnusableInput for what is not known.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        identity, equals, listed = text.partition("=")
        patch = patches.get(identity)
        if patch is None:
            raise UnusableInput(
                f"there is no semantic patch '{identity}'; `kubespray-patchgen patches list` "
                f"shows them: {', '.join(patches)}."
            )
        names = tuple(name.strip() for name in listed.split(",")) if equals else ()
        for name in names:
            _require_component(patch, name)
        found[identity] = (*found.get(identity, ()), *names)
    return found


def _require_component(patch: SemanticPatch, name: str) -> None:
    if not patch.components:
        raise UnusableInput(
            f"the semantic patch '{patch.id}' has no components to choose from; name it alone."
        )
    known = [component.name for component in patch.components]
    if not name:
        raise _nothing_named(patch)
    if name not in (ALL, *known):
        near = get_close_matches(name, known, 3)
        those = f"did you mean {' or '.join(near)}?" if near else f"it has {_listed(patch)}."
        raise UnusableInput(f"the semantic patch '{patch.id}' has no component '{name}'; {those}")


def _limit(
    patch: SemanticPatch, asked: tuple[str, ...] | None, taken_off: Collection[str]
) -> set[str]:
    """Return the components that a patch is limited to.

    `asked` are the names that it was asked for with, None where nobody asked for it.
    """
    wise = {component.name for component in patch.components if component.unwise is None}
    if asked is None:
        return wise - set(taken_off)
    if not asked:
        raise _nothing_named(patch)
    named = set(asked) - {ALL} | (wise if ALL in asked else set())
    if not named:
        raise UnusableInput(
            f"'{patch.id}={ALL}' means nothing: all of its components are unwise, so each is "
            f"asked for by name. It has {_listed(patch)}."
        )
    return named - set(taken_off)


def _nothing_named(patch: SemanticPatch) -> UnusableInput:
    return UnusableInput(
        f"the semantic patch '{patch.id}' wants components: {patch.id}=NAME[,NAME...], or "
        f"{patch.id}={ALL} for those that are not unwise. It has {_listed(patch)}."
    )


def _listed(patch: SemanticPatch) -> str:
    """Return the components of a patch as words, the unwise ones apart."""
    wise = [component.name for component in patch.components if component.unwise is None]
    others = [component.name for component in patch.components if component.unwise is not None]
    parts = [", ".join(wise)] if wise else []
    if others:
        shown = f"`kubespray-patchgen patches show {patch.id}` says why"
        parts.append(f"unwise, by name only ({shown}): {', '.join(others)}")
    return "; ".join(parts)


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
