"""Let the pods of workloads tolerate a taint, in the manifests and templates of a role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, Component, NotNeeded
from generator.engine.operations.workload.edits import WorkloadEdits
from generator.model.kubespray import Kubespray
from generator.model.toleration import toleration_from
from generator.tree.base import find

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class TolerateWorkload:
    """Add `toleration` to the pods of the `workloads` of a role, whatever file they stand in.

    A workload's name is that in its manifest, up to the first expression. Where a variable with a
    default in the role gives the tolerations, the default is extended instead of the template.
    """

    component: Component
    role: str
    workloads: tuple[str, ...]
    toleration: dict[str, Any]

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> TolerateWorkload:
        """Read the operation from a patch file."""
        fields.only(["component", "unwise", "role", "workloads", "toleration"])
        name = fields.text("component")
        if not _NAME.fullmatch(name) or name == "all":
            raise fields.wrong("component", "words with dashes between, and not 'all'")
        data = fields.data("toleration")
        if not data or toleration_from(data) is None:
            raise fields.wrong("toleration", "a mapping that is not empty")
        workloads = fields.texts("workloads", required=True)
        if not workloads:
            raise fields.wrong("workloads", "a list that is not empty")
        component = Component(name, " ".join(fields.text("unwise", "").split()) or None)
        return cls(component, fields.text("role"), workloads, data)

    def describe(self) -> str:
        """Return what the operation does."""
        return (
            f"In role {self.role}, let the pods of {_listed(self.workloads)} tolerate {self._key}."
        )

    def covers(self, kubespray: Kubespray, path: str, name: str | None) -> bool:
        """Tell whether a workload of a name, in a file of the tree, is one of the operation's.

        The name is the one in the cluster, which may go on behind the one in the manifest.
        """
        folder = kubespray.role_named(self.role)
        inside = folder is not None and path.startswith(f"{folder}/")
        return inside and name is not None and name.startswith(self.workloads)

    @property
    def _key(self) -> str:
        return str(self.toleration.get("key") or "every taint")

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the files with the toleration."""
        folder = kubespray.role_named(self.role)
        if folder is None:
            return NotNeeded(f"{self.component.name}: the tree has no role {self.role}")
        what = f"add a toleration for '{self.component.name}'"
        work = WorkloadEdits(kubespray, self.role, self.workloads, self.toleration, what)
        paths = (find(kubespray.tree, path) for path in kubespray.manifests(folder))
        for path in dict.fromkeys(path for path in paths if path):
            work.file(path)
        left = [
            f"{place} is left alone, because what it gives is never YAML" for place in work.broken
        ]
        if work.files:
            return Changed(work.files, "; ".join([*work.found, *left]))
        if work.already:
            place = work.already[0]
            return NotNeeded(f"{self.component.name}: {place} tolerates the taint already", True)
        if left:
            return NotNeeded(f"{self.component.name}: {left[0]}")
        names = _listed(self.workloads)
        return NotNeeded(f"{self.component.name}: role {self.role} has no workload {names}")


def _listed(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
