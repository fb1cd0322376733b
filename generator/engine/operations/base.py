"""What all operations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.model.role import role_file
from generator.model.step import Order, Step
from generator.text.document import Document


@dataclass(frozen=True)
class NotNeeded:
    """The tree has nothing to change; `reason` is a sentence.

    `already` tells that the tree is as wanted, rather than without what the operation works on.
    """

    reason: str
    already: bool = False


@dataclass(frozen=True)
class Changed:
    """Files as they shall be; `found` is a sentence on what was wrong, with its place."""

    files: Mapping[str, bytes]
    found: str


@dataclass(frozen=True)
class Component:
    """A part of the cluster that a semantic patch may be limited to.

    `unwise` is a sentence on why it is left alone unless it is asked for by name, None where
    nothing speaks against it.
    """

    name: str
    unwise: str | None = None


class Operation(Protocol):
    """One operation of a semantic patch."""

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return what changes; raises Unsafe where it cannot be done for sure."""

    def describe(self) -> str:
        """Return a sentence on what the operation does, for `patches show`."""


def changed(document: Document, found: str) -> Changed:
    """Return the outcome of an operation that wrote one document anew."""
    return Changed({document.path: document.text.encode()}, found)


def order_of(kubespray: Kubespray, playbook: str) -> Order | None:
    """Return the order of a playbook by name, None where the tree has no such playbook."""
    path = kubespray.playbook_named(playbook)
    return kubespray.order(path) if path else None


def direct_entry(order: Order, step: Step, what: str) -> None:
    """Raise Unsafe where a step's role stands in no list of its play itself."""
    if len(step.chain) > 1:
        raise Unsafe(
            f"{step.place}: cannot {what} safely: role '{step.role}' is brought into "
            f"{order.playbook} from here, through {step.chain[0].name} ({step.entry_place}). "
            "Edit this place by hand."
        )
    if step.entry != step.use.route:
        raise Unsafe(
            f"{step.place}: cannot {what} safely: role '{step.role}' stands in a block. "
            "Edit this place by hand."
        )


def role_document(kubespray: Kubespray, role: str, file: str) -> Document | None:
    """Return a role's file (`meta/main.yml`, say), under either ending, None where missing."""
    folder = kubespray.role_named(role)
    if folder is None:
        return None
    parent, _, name = file.rpartition("/")
    path = role_file(kubespray.tree, folder, parent, name.rsplit(".", 1)[0])
    return kubespray.document(path or f"{folder}/{file}")


def there(step: Step) -> str:
    """Return how a message names a step: its role, and where its play uses it."""
    return f"{step.role} ({step.entry_place})"
