"""Inventory files in YAML: groups with hosts, vars and children.

Source: Ansible documentation, "How to build your inventory", and the page of the plugin
`ansible.builtin.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.model.inventory.content import Content
from generator.model.inventory.hosts import HostPatterns
from generator.model.inventory.setting import FileProblem, Setting, Unread, brief
from generator.model.inventory.statement import (
    AddChild,
    AddGroup,
    AddHost,
    SetVariable,
    Statement,
)
from generator.model.value import Value
from generator.text.document import Place

_PARTS = ("hosts", "vars", "children")


def read_groups(content: Content) -> tuple[tuple[Statement, ...], tuple[Unread, ...]]:
    """Return what a YAML inventory says, and what in it says nothing.

    Raises FileProblem naming the line that cannot be an inventory's.
    """
    reader = _Reader(content)
    statements = tuple(reader.groups(content.data or {}))
    return statements, tuple(reader.unread)


class _Reader:
    """Reads the groups of one file; `unread` grows while it does."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.patterns = HostPatterns()
        self.unread: list[Unread] = []

    def groups(self, groups: Mapping[Any, Value]) -> Iterator[Statement]:
        for name, body in groups.items():
            yield from self._group(name, body, self.content.place(groups, name))

    def _group(self, name: Any, body: Value, place: Place) -> Iterator[Statement]:
        if not isinstance(body, (dict, type(None))):
            self.unread.append((place, f"{brief(name)} is left out: it is no group."))
            return
        if not isinstance(name, str) or not name:
            raise FileProblem(place, f"a group's name must be text, not {brief(name)}.")
        yield AddGroup(name)
        parts: dict[Any, Value] = body or {}
        for part, value in parts.items():
            where = self.content.place(parts, part)
            if part in _PARTS:
                yield from self._part(name, part, value, where)
            elif value is not None:
                words = f"{brief(part)} in the group {brief(name)} is left out"
                self.unread.append((where, f"{words}: only hosts, vars and children count."))

    def _part(self, group: str, part: str, value: Value, place: Place) -> Iterator[Statement]:
        entries = {value: None} if isinstance(value, str) else value
        if entries is None:
            return
        if not isinstance(entries, dict):
            reason = f"the {part} of the group {brief(group)} must be a mapping."
            raise FileProblem(place, reason)
        if part == "vars":
            yield from self._variables(group, entries)
            return
        for name, body in entries.items():
            # An entry that was written as text stands where its part does.
            where = self.content.place(entries, name) if entries is value else place
            if part == "children":
                yield from self._group(name, body, where)
                if isinstance(body, (dict, type(None))):
                    yield AddChild(group, name)
            else:
                yield from self._hosts(group, name, body, where)

    def _hosts(self, group: str, pattern: Any, body: Value, place: Place) -> Iterator[Statement]:
        if not isinstance(pattern, str) or not pattern:
            reason = f"a host's name must be text, not {brief(pattern)}; put it in quotes."
            raise FileProblem(place, reason)
        if body and not isinstance(body, dict):
            reason = f"the variables of the host {brief(pattern)} must be a mapping."
            raise FileProblem(place, reason)
        try:
            names, port = self.patterns.expand(pattern)
        except ValueError as error:
            raise FileProblem(place, f"{brief(pattern)}: {error}") from None
        for name in names:
            yield AddHost(name, group, Setting(port, place) if port else None)
            yield from self._variables(name, body or {})

    def _variables(self, owner: str, mapping: Mapping[Any, Value]) -> Iterator[Statement]:
        for entry in self.content.variables(owner, mapping):
            if isinstance(entry, SetVariable):
                yield entry
            else:
                self.unread.append(entry)
