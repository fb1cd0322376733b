"""The JSON that `ansible-inventory --list` prints, and that inventory scripts print.

Source: Ansible documentation, "Developing dynamic inventory", "Inventory script conventions".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.model.inventory.content import Content
from generator.model.inventory.setting import FileProblem, brief
from generator.model.inventory.statement import (
    AddChild,
    AddGroup,
    AddHost,
    SetVariable,
    Statement,
)
from generator.model.value import Value

_META = "_meta"


def is_listing(content: Content) -> bool:
    """Tell whether groups are written as `ansible-inventory --list` does: with lists.

    In YAML, a list of hosts is a mistake instead.
    """
    if not content.is_json:
        return False
    data: Mapping[Any, Value] = content.data
    return _META in data or any(
        isinstance(group, list)
        or (
            isinstance(group, dict)
            and any(isinstance(group.get(part), list) for part in ("hosts", "children"))
        )
        for group in data.values()
    )


def read_listing(content: Content) -> tuple[Statement, ...]:
    """Return what a listing says; raises FileProblem where it is none."""
    return tuple(_Reader(content).statements())


class _Reader:
    def __init__(self, content: Content) -> None:
        self.content = content

    def statements(self) -> Iterator[Statement]:
        groups = {name: body for name, body in self.content.data.items() if name != _META}
        for name, body in groups.items():
            parts = {"hosts": body} if isinstance(body, list) else body
            if not isinstance(parts, dict) or not name:
                raise self._problem(f"{brief(name)} is no group.")
            yield AddGroup(name)
            for host in self._names(name, parts, "hosts"):
                yield AddHost(host, name)
            yield from self._variables(name, self._mapping(parts.get("vars"), f"{name}.vars"))
            for child in self._names(name, parts, "children"):
                yield AddGroup(child)
                yield AddChild(name, child)
        yield from self._host_variables()

    def _host_variables(self) -> Iterator[Statement]:
        meta = self._mapping(self.content.data.get(_META), _META)
        hosts = self._mapping(meta.get("hostvars"), f"{_META}.hostvars")
        for host, variables in hosts.items():
            yield from self._variables(host, self._mapping(variables, f"{_META}.hostvars.{host}"))

    def _names(self, group: str, parts: Mapping[str, Value], part: str) -> list[str]:
        names = parts.get(part) or []
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            raise self._problem(f"the {part} of the group {brief(group)} must be a list of names.")
        return names

    def _mapping(self, value: Value, name: str) -> Mapping[str, Value]:
        if not isinstance(value, (dict, type(None))):
            raise self._problem(f"{brief(name)} must be a mapping.")
        return value or {}

    def _variables(self, owner: str, mapping: Mapping[str, Value]) -> Iterator[Statement]:
        for entry in self.content.variables(owner, mapping):
            if isinstance(entry, SetVariable):
                yield entry

    def _problem(self, reason: str) -> FileProblem:
        return FileProblem(self.content.start, reason)
