"""Add a dependency to a role's meta/main.yml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.operations.base import (
    Changed,
    NotNeeded,
    changed,
    role_document,
)
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.model.role import role_name, same_role
from generator.text.document import Mapping, Sequence
from generator.text.edit import refuse
from generator.text.mapping import add_key
from generator.text.sequence import insert, item_of, sequence_offset


@dataclass(frozen=True)
class AddRoleDependency:
    """Add `dependency` (its entry as plain data) to `role`, before the one on role `before`.

    Where the role has no such dependency, it comes last.
    """

    role: str
    dependency: dict[str, Any]
    before: str

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddRoleDependency:
        """Read the operation from a patch file."""
        fields.only(["role", "dependency", "before"])
        inner = fields.inner("dependency")
        if inner is not None:
            inner.text("role")
        return cls(
            fields.text("role"), fields.data("dependency"), fields.text("before", default="-")
        )

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Make role {self.dependency['role']} a dependency of role {self.role}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the role's meta file with the dependency."""
        folder = kubespray.role_named(self.role)
        document = role_document(kubespray, self.role, "meta/main.yml")
        there = kubespray.role_named(self.dependency["role"])
        name = role_name(there) if there else self.dependency["role"]
        if folder is None:
            return NotNeeded(f"the tree has no role {self.role}")
        if document is None or not isinstance(document.root, Mapping):
            raise Unsafe(
                f"{folder}/meta/main.yml: cannot add a dependency on '{name}' safely: the role has "
                "no list of dependencies there. Add it by hand."
            )
        listed = kubespray.meta(folder).dependencies
        present = next((use for use in listed if same_role(use.name, name)), None)
        if present is not None:
            return NotNeeded(f"{self.role} depends on {name} already ({present.place})", True)
        positions = [i for i, use in enumerate(listed) if same_role(use.name, self.before)]
        position = positions[0] if positions else len(listed)
        what = f"add a dependency on '{name}'"
        offset = sequence_offset(document)
        text, item = item_of({**self.dependency, "role": name}, offset)
        node = document.root.get("dependencies")
        if node is None:
            source = "".join(f"\n{' ' * offset}{line}" for line in text.lines)
            only = Sequence(0, 0, (item,) if item is not None else (), flow=False)
            result = add_key(document, (), "dependencies", source, only, what)
            return changed(result, f"{document.path} has no dependency on {name}")
        if isinstance(node, Sequence) and len(node.items) != len(listed):
            raise refuse(document, node, what, "an entry of this list is not a role")
        result = insert(document, ("dependencies",), position, text, item, what)
        return changed(result, f"{document.path} has no dependency on {name}")
