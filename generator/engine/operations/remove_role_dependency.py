"""Remove a dependency from a role's meta/main.yml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.model.role import same_role
from generator.text.sequence import remove


@dataclass(frozen=True)
class RemoveRoleDependency:
    """Remove the dependency on role `dependency` from `role`."""

    role: str
    dependency: str

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> RemoveRoleDependency:
        """Read the operation from a patch file."""
        fields.only(["role", "dependency"])
        return cls(fields.text("role"), fields.text("dependency"))

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Make role {self.role} no longer depend on role {self.dependency}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the role's meta file without the dependency."""
        folder = kubespray.role_named(self.role)
        listed = kubespray.meta(folder).dependencies if folder else ()
        found = [use for use in listed if same_role(use.name, self.dependency)]
        if not found:
            return NotNeeded(f"{self.role} does not depend on {self.dependency}", True)
        what = f"remove the dependency on '{self.dependency}'"
        if len(found) > 1:
            raise Unsafe(
                f"{found[0].place}: cannot {what} safely: it stands again at {found[1].place}. "
                "Remove one of them by hand."
            )
        document = kubespray.document(found[0].place.path)
        assert document is not None
        result = remove(document, found[0].route, what)
        return changed(result, f"{found[0].place} depends on {self.dependency}")
