"""The scenario: the variables under which a playbook is run through, and who sets each.

Without more it is the reported one (Kubespray pull request 12141): an external cloud provider
whose cloud controller manager Kubespray deploys, and kubelets that rotate their serving
certificates. All other variables are as the tree's own defaults say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from generator.model.value import Value
from generator.text.document import Place

REPORTED: Mapping[str, Value] = {
    "cloud_provider": "external",
    "external_cloud_provider": "vsphere",
    "kubelet_rotate_server_certificates": True,
}
"""The variables of the reported case."""

NODES = "nodes"
"""The name that is no variable of Kubespray's but says what nodes a run starts with."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable's value, who says so, and the place in a file where there is one."""

    value: Value
    source: str
    place: Place | None = None


@dataclass(frozen=True)
class Scenario:
    """Variables by name: `given` beat everything else, `base` stand in an inventory's place.

    `nodes` is "new", "initialized", or None where each playbook says what it starts from.
    """

    given: Mapping[str, Setting] = field(default_factory=dict)
    base: Mapping[str, Setting] = field(default_factory=dict)
    nodes: str | None = None

    def setting(self, name: str) -> Setting | None:
        """Return what the scenario says of a variable, None where it says nothing."""
        return self.given.get(name) or self.base.get(name)


def reported() -> dict[str, Setting]:
    """Return the settings of the reported case."""
    return {name: Setting(value, "assumed") for name, value in REPORTED.items()}
