"""Semantic patches: what shall hold in a tree and why, read from YAML files.

The format is described in docs/patches.md; unknown keys are errors.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations import OPERATIONS, Operation
from generator.engine.operations.base import Component
from generator.exits import UnusableInput
from generator.model.facts import providers
from generator.text.document import Place
from generator.text.yaml import MAX_BYTES, decode, parse

_KEYS = (
    "id", "version", "date", "title", "default", "why", "references", "needs", "excludes",
    "comes-with", "obsolete", "leaves-alone", "order", "operations",
)  # fmt: skip

ALL = "all"
"""What stands for every component of a patch but the unwise ones; no component is called so."""

_WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Promise:
    """In a playbook, `role` comes after every step that provides one of the facts `after`."""

    playbook: str
    role: str
    after: tuple[str, ...]


@dataclass(frozen=True)
class OrderEffect:
    """What a patch may change in orders: the place of role `moves`, in the playbooks `within`.

    `within` are playbook names, None for all. A playbook that imports one of them follows it.
    """

    moves: str
    within: tuple[str, ...] | None
    promises: tuple[Promise, ...]


@dataclass(frozen=True)
class LeftAlone:
    """A playbook that a patch does not change although one might expect it, and why."""

    playbook: str
    why: str


@dataclass(frozen=True)
class Obsolete:
    """From which release on upstream has what a patch does, and how."""

    since: str
    why: str


@dataclass(frozen=True)
class SemanticPatch:
    """One semantic patch.

    `date` (year-month-day) is that of its last change; `place` is where its id stands. `whole` is
    the patch as it was read, where this one is limited to some of its components.
    """

    id: str
    version: int
    date: str
    title: str
    default: bool
    why: str
    references: tuple[str, ...]
    needs_roles: tuple[str, ...]
    excludes: tuple[str, ...]
    comes_with: tuple[str, ...]
    obsolete: Obsolete | None
    leaves_alone: tuple[LeftAlone, ...]
    order: OrderEffect | None
    operations: tuple[Operation, ...]
    place: Place | None = None
    whole: SemanticPatch | None = field(default=None, repr=False)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that the patch knows, in the order of its file; none for most patches."""
        return _components((self.whole or self).operations)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the components that it is limited to, in the order of its file."""
        return tuple(component.name for component in _components(self.operations))

    def limited_to(self, names: Collection[str]) -> SemanticPatch:
        """Return the patch with the operations of some components, and those of no component."""
        whole = self.whole or self
        operations = []
        for operation in whole.operations:
            component = component_of(operation)
            if component is None or component.name in names:
                operations.append(operation)
        return replace(whole, operations=tuple(operations), whole=whole)


def component_of(operation: object) -> Component | None:
    """Return the component that an operation is for, None where it is for none."""
    component = getattr(operation, "component", None)
    return component if isinstance(component, Component) else None


def is_word(text: str) -> bool:
    """Tell whether a text may name a semantic patch or a component: words with dashes between."""
    return _WORDS.fullmatch(text) is not None


def load_patches(directories: Iterable[Path]) -> dict[str, SemanticPatch]:
    """Return the semantic patches of some directories by id, sorted by file name.

    Raises UnusableInput where a directory or file cannot be read, a file is no semantic patch,
    or an id stands twice.
    """
    patches: dict[str, SemanticPatch] = {}
    for directory in directories:
        if not directory.is_dir():
            raise UnusableInput(f"{directory}: there is no such directory of semantic patches.")
        for path in sorted([*directory.glob("*.yml"), *directory.glob("*.yaml")]):
            patch = load_patch(path)
            if patch.id in patches:
                raise UnusableInput(
                    f"{patch.place}: another semantic patch has the id '{patch.id}' "
                    f"({patches[patch.id].place}); give this one a name of its own."
                )
            patches[patch.id] = patch
    for patch in patches.values():
        for other in (*patch.comes_with, *patch.excludes):
            if other not in patches:
                raise UnusableInput(
                    f"the semantic patch '{patch.id}' names '{other}', which is not there; "
                    "name its directory with --patch-dir."
                )
    return patches


def load_patch(path: Path) -> SemanticPatch:
    """Return the semantic patch of a file; raises UnusableInput where it is none."""
    document = parse(str(path), decode(str(path), _bytes(path)))
    fields = Fields(document, document.root, "a semantic patch")
    fields.only(_KEYS)
    identity = fields.text("id")
    if not is_word(identity):
        raise fields.wrong("id", "words with dashes between")
    if not _is_date(fields.text("date")):
        raise fields.wrong("date", "a day as year-month-day, from 1970 on")
    operations: list[Operation] = []
    for node in fields.children("operations"):
        kind, inner = Fields(document, node, "an operation").single()
        if kind not in OPERATIONS:
            raise UnusableInput(
                f"{document.place(node)}: unknown operation '{kind}'; "
                f"known are {', '.join(OPERATIONS)}."
            )
        operation = OPERATIONS[kind](Fields(document, inner, f"'{kind}'"), path.parent)
        _check_component(operation, operations, document.place(node))
        operations.append(operation)
    needs = fields.inner("needs")
    if needs is not None:
        needs.only(["roles"])
    return SemanticPatch(
        place=fields.place("id"),
        id=identity,
        version=fields.integer("version"),
        date=fields.text("date"),
        title=fields.text("title"),
        default=fields.flag("default"),
        why=fields.text("why"),
        references=fields.texts("references"),
        needs_roles=needs.texts("roles") if needs else (),
        excludes=fields.texts("excludes"),
        comes_with=fields.texts("comes-with"),
        obsolete=_obsolete(fields.inner("obsolete")),
        leaves_alone=tuple(
            _left_alone(Fields(document, node, "'leaves-alone'"))
            for node in fields.children("leaves-alone", required=False)
        ),
        order=_order(fields.inner("order")),
        operations=tuple(operations),
    )


def _components(operations: Iterable[Operation]) -> tuple[Component, ...]:
    """Return the components of operations, each once; one may say for all why it is unwise."""
    found: dict[str, Component] = {}
    for operation in operations:
        component = component_of(operation)
        if component is not None and (
            component.name not in found or found[component.name].unwise is None
        ):
            found[component.name] = component
    return tuple(found.values())


def _check_component(operation: Operation, others: Iterable[Operation], place: Place) -> None:
    component = component_of(operation)
    if component is None:
        return
    if not is_word(component.name) or component.name == ALL:
        raise UnusableInput(
            f"{place}: the component '{component.name}' must be called by words with dashes "
            f"between, and not '{ALL}'."
        )
    for other in _components(others):
        reasons = {component.unwise, other.unwise} - {None}
        if other.name == component.name and len(reasons) > 1:
            raise UnusableInput(
                f"{place}: the component '{component.name}' is unwise for two reasons; say them "
                "in one operation, or the same in each."
            )


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UnusableInput(f"{path}: this is no file; a semantic patch is expected there.")
        if path.stat().st_size > MAX_BYTES:
            raise UnusableInput(f"{path}: the file is larger than 8 MiB, the limit.")
        return path.read_bytes()
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be read ({error.strerror}).") from None


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and datetime.date.fromisoformat(text).year >= 1970
    except ValueError:
        return False


def _obsolete(fields: Fields | None) -> Obsolete | None:
    if fields is None:
        return None
    fields.only(["since", "why"])
    return Obsolete(fields.text("since"), fields.text("why"))


def _left_alone(fields: Fields) -> LeftAlone:
    fields.only(["playbook", "why"])
    return LeftAlone(fields.text("playbook"), fields.text("why"))


def _order(fields: Fields | None) -> OrderEffect | None:
    if fields is None:
        return None
    fields.only(["moves", "in", "promise-in", "after"])
    moves, within = fields.text("moves"), fields.texts("in", required=True)
    facts = fields.words("after", providers())
    promises = tuple(Promise(name, moves, facts) for name in fields.texts("promise-in"))
    return OrderEffect(moves, None if within == ("all",) else within, promises)
