"""Playbooks: plays, what they run on, and what they bring, section by section.

Source: Ansible documentation, "Playbook Keywords" and "Controlling playbook execution": a
play runs pre_tasks, roles, tasks, post_tasks, in this order whatever the file's order is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.task import Task, task_items
from generator.model.use import Use, role_uses, tags_of, text_of, when_of, words_of
from generator.text.document import Document, Mapping, Place, Route, Sequence

SECTIONS = ("pre_tasks", "roles", "tasks", "post_tasks")

_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "include")


@dataclass(frozen=True)
class Play:
    """A play; `route` leads to it in the file that `place` names.

    `items` are its role uses and tasks in the order in which they run. `when` holds the
    conditions under which its playbook is imported. In an order, `tags` and `when` include those
    of the imports that lead to the play.
    """

    name: str
    hosts: str
    place: Place
    route: Route
    tags: tuple[str, ...]
    serial: tuple[str, ...]
    items: tuple[Use | Task, ...]
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Import:
    """An import_playbook entry."""

    name: str
    place: Place
    tags: tuple[str, ...]
    when: tuple[str, ...]


def is_playbook(document: Document) -> bool:
    """Tell whether a file is a list of plays and imports."""
    if len(document.roots) != 1 or not isinstance(document.roots[0], Sequence):
        return False
    entries = [document.follow(item) for item in document.roots[0].items]
    plays = [
        entry for entry in entries
        if isinstance(entry, Mapping) and {"hosts", *_IMPORTS} & set(entry.key_names())
    ]  # fmt: skip
    return bool(plays) and len(plays) == len(entries)


def entries_of(document: Document) -> Iterator[Play | Import]:
    """Give the plays and imports of a playbook file, in order.

    Raises UnusableInput where the file is empty or no playbook.
    """
    root = document.root
    if root is None:
        raise UnusableInput(f"{document.path} is empty; a playbook is expected there.")
    if not isinstance(root, Sequence):
        line = document.line(root.start)
        raise UnusableInput(f"{document.path}:{line}: a playbook is a list of plays; this is not.")
    for index, entry in enumerate(root.items):
        node = document.follow(entry)
        if not isinstance(node, Mapping):
            line = document.line(entry.start)
            raise UnusableInput(f"{document.path}:{line}: a play is a mapping; this is not.")
        imported = next((key for key in _IMPORTS if node.get(key) is not None), None)
        if imported and "hosts" not in node.key_names():
            name = text_of(document, document.value(node, imported))
            place = document.place(entry)
            yield Import(name, place, tags_of(document, node), when_of(document, node))
        else:
            yield _play(document, node, (index,))


def _play(document: Document, node: Mapping, route: Route) -> Play:
    items: list[Use | Task] = []
    for section in SECTIONS:
        inner, there = document.value(node, section), (*route, section)
        if section == "roles":
            items += role_uses(document, inner, there, "role")
        else:
            items += task_items(document, inner, there)
    return Play(
        name=text_of(document, document.value(node, "name")),
        hosts=":".join(words_of(document, document.value(node, "hosts"))),
        place=Place(document.path, document.line(node.start), document.column(node.start) + 1),
        route=route,
        tags=tags_of(document, node),
        serial=words_of(document, document.value(node, "serial")),
        items=tuple(items),
    )
