"""Taints and tolerations, with Kubernetes' matching rules in full.

Source: Kubernetes documentation, "Taints and Tolerations", and the API reference of
core/v1 Toleration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Taint:
    """A node's taint."""

    key: str
    effect: str
    value: str = ""

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


UNINITIALIZED = Taint("node.cloudprovider.kubernetes.io/uninitialized", "NoSchedule", "true")
"""What kubelet sets with an external cloud provider, and the cloud controller manager takes off.

Its value is "true" (Kubernetes documentation, "Cloud Controller Manager Administration").
"""


@dataclass(frozen=True)
class Toleration:
    """A pod's toleration; an empty key, value or effect is one that is not given."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def matches(self, taint: Taint) -> bool:
        """Tell whether this toleration tolerates a taint.

        An empty effect matches every effect; an empty key with operator Exists matches every
        key; operator Equal, the default, compares the values, and Exists does not.
        """
        if self.effect and self.effect != taint.effect:
            return False
        if not self.key:
            return self.operator == "Exists"
        if self.key != taint.key:
            return False
        if self.operator == "Exists":
            return not self.value
        return self.operator == "Equal" and self.value == taint.value

    def subsumes(self, other: Toleration) -> bool:
        """Tell whether this toleration tolerates every taint that another one tolerates."""
        if self.effect and self.effect != other.effect:
            return False
        if not self.key:
            return self.operator == "Exists"
        if self.key != other.key or (self.operator == "Exists" and self.value):
            return False
        return self.operator == "Exists" or self == Toleration(
            other.key, other.operator, other.value, self.effect
        )


def toleration_from(data: Any) -> Toleration | None:
    """Return the toleration that a manifest's entry says, None where it is none."""
    if not isinstance(data, Mapping):
        return None
    return Toleration(
        key=str(data.get("key") or ""),
        operator=str(data.get("operator") or "Equal"),
        value=_word(data.get("value")),
        effect=str(data.get("effect") or ""),
    )


def tolerates(entries: Iterable[Any], taint: Taint) -> bool:
    """Tell whether a list of entries as they stand in a manifest tolerates a taint."""
    found = (toleration_from(entry) for entry in entries)
    return any(toleration is not None and toleration.matches(taint) for toleration in found)


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
