"""What an inventory file says, one thing after the other, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from generator.model.inventory.setting import Setting


@dataclass(frozen=True, slots=True)
class AddGroup:
    """There is a group of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class AddHost:
    """A host is in a group; `port` counts where the host was not known before."""

    name: str
    group: str
    port: Setting | None = None


@dataclass(frozen=True, slots=True)
class AddChild:
    """A group is part of another one."""

    parent: str
    child: str


@dataclass(frozen=True, slots=True)
class SetVariable:
    """A group or host has a variable; where both have the name `owner`, it is the group's."""

    owner: str
    name: str
    setting: Setting


Statement: TypeAlias = AddGroup | AddHost | AddChild | SetVariable
