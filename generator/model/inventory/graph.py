"""Groups and hosts of an inventory, and which of a host's groups is the stronger one.

Source: Ansible documentation, "How to build your inventory", "How variables are merged": all is
the weakest group, a child stronger than its parent; among groups of equal depth the one with the
greater `ansible_group_priority` wins, then the one whose name sorts last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from generator.exits import UnusableInput
from generator.model.inventory.setting import Setting, Unread, brief
from generator.model.inventory.statement import (
    AddChild,
    AddGroup,
    AddHost,
    SetVariable,
    Statement,
)

ALL = "all"
UNGROUPED = "ungrouped"

MAX_MEMBERSHIPS = 1_000_000
"""As many pairs of group and host are listed; more is no inventory of a cluster."""

_PRIORITY = "ansible_group_priority"


@dataclass(slots=True)
class _Group:
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Setting] = field(default_factory=dict)
    priority: int = 1


class Graph:
    """The groups and hosts that statements add up to; settle it before asking it."""

    def __init__(self) -> None:
        self.unread: list[Unread] = []
        self._groups = {ALL: _Group(), UNGROUPED: _Group()}
        self._groups[ALL].children[UNGROUPED] = None
        self._hosts: dict[str, dict[str, Setting]] = {}
        self._depths: dict[str, int] = {}
        self._parents: dict[str, set[str]] = {}

    @property
    def group_names(self) -> Iterable[str]:
        """The names of the groups so far."""
        return self._groups.keys()

    def apply(self, statements: Iterable[Statement]) -> None:
        """Add what a file says."""
        for statement in statements:
            if isinstance(statement, AddGroup):
                self._groups.setdefault(statement.name, _Group())
            elif isinstance(statement, AddHost):
                self._add_host(statement)
            elif isinstance(statement, AddChild):
                self._groups[statement.parent].children[statement.child] = None
            else:
                self._set(statement)

    def _add_host(self, statement: AddHost) -> None:
        if statement.name not in self._hosts:
            port = {} if statement.port is None else {"ansible_port": statement.port}
            self._hosts[statement.name] = port
        self._groups[statement.group].hosts[statement.name] = None

    def _set(self, statement: SetVariable) -> None:
        group = self._groups.get(statement.owner)
        if group is None:
            # Variables of a host that is in no group are nobody's.
            self._hosts.get(statement.owner, {})[statement.name] = statement.setting
        elif statement.name != _PRIORITY:
            group.variables[statement.name] = statement.setting
        else:
            try:
                group.priority = int(statement.setting.value)
            except (TypeError, ValueError, OverflowError):
                what = f"The {_PRIORITY} of the group {brief(statement.owner)} is left out"
                self.unread.append((statement.setting.place, f"{what}: it is no whole number."))

    def settle(self) -> None:
        """Put every group under all, and every host without a group into ungrouped.

        To be done again where statements follow. Raises UnusableInput where groups are part of
        each other.
        """
        children = {child for group in self._groups.values() for child in group.children}
        for name in self._groups:
            if name != ALL and name not in children:
                self._groups[ALL].children[name] = None
        grouped = {
            host
            for name, group in self._groups.items()
            if name not in (ALL, UNGROUPED)
            for host in group.hosts
        }
        direct = {**self._groups[UNGROUPED].hosts, **dict.fromkeys(self._hosts)}
        self._groups[UNGROUPED].hosts = {host: None for host in direct if host not in grouped}
        self._parents = {name: set() for name in self._groups}
        for name, group in self._groups.items():
            for child in group.children:
                self._parents[child].add(name)
        try:
            for name in TopologicalSorter(self._parents).static_order():
                above = (self._depths[parent] for parent in self._parents[name])
                self._depths[name] = 1 + max(above, default=-1)
        except CycleError as error:
            loop = " > ".join(brief(name) for name in reversed(error.args[1][:5]))
            raise UnusableInput(
                f"groups of the inventory are part of each other: {loop}; take one of them out."
            ) from None

    def groups_of(self, host: str) -> list[str]:
        """Return the groups that a host is in, the strongest last; all is not among them."""
        pending = [name for name, group in self._groups.items() if host in group.hosts]
        found: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending.extend(self._parents[name])
        return sorted(
            found - {ALL},
            key=lambda name: (self._depths[name], self._groups[name].priority, name),
        )

    def hosts_of(self, group: str) -> Iterator[str]:
        """Give a group's hosts in Ansible's order: its own, its children's, then theirs."""
        given: set[str] = set()
        for name in self._with_descendants(group):
            own = [host for host in self._groups[name].hosts if host not in given]
            given.update(own)
            yield from own

    def _with_descendants(self, group: str) -> Iterator[str]:
        seen: dict[str, None] = {group: None}
        level = [group] if group in self._groups else []
        while level:
            yield from level
            below = [child for name in level for child in self._groups[name].children]
            level = [name for name in dict.fromkeys(below) if name not in seen]
            seen.update(dict.fromkeys(level))

    def group_variables(self, group: str) -> Mapping[str, Setting]:
        """Return the variables that inventory files give a group."""
        return self._groups[group].variables

    def host_variables(self, host: str) -> Mapping[str, Setting]:
        """Return the variables that inventory files give a host."""
        return self._hosts[host]

    def members(self) -> dict[str, tuple[str, ...]]:
        """Return the hosts of each group with those of its children, sorted.

        Raises UnusableInput where there are too many to list.
        """
        found: dict[str, set[str]] = {}
        count = 0
        for name in sorted(self._groups, key=lambda name: -self._depths[name]):
            group = self._groups[name]
            found[name] = set(group.hosts).union(*(found[child] for child in group.children))
            count += len(found[name])
            if count > MAX_MEMBERSHIPS:
                raise UnusableInput(
                    f"the groups of the inventory have more than {MAX_MEMBERSHIPS} hosts in all."
                )
        return {name: tuple(sorted(found[name])) for name in self._groups}
