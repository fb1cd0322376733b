"""Remove a role use from a playbook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed, direct_entry, order_of
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.text.sequence import remove


@dataclass(frozen=True)
class RemoveRoleUse:
    """Remove the use of `role` from the plays of `playbook`; role dependencies stay."""

    playbook: str
    role: str

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> RemoveRoleUse:
        """Read the operation from a patch file."""
        fields.only(["playbook", "role"])
        return cls(fields.text("playbook"), fields.text("role"))

    def describe(self) -> str:
        """Return what the operation does."""
        return f"In the playbook {self.playbook}, remove the use of role {self.role}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the playbook file without the role use."""
        order = order_of(kubespray, self.playbook)
        direct = (
            [s for s in order.of_role(self.role) if s.use.kind != "dependency"] if order else []
        )
        if order is None or not direct:
            return NotNeeded(f"the playbook {self.playbook} does not use {self.role} itself", True)
        step = direct[0]
        direct_entry(order, step, f"remove role '{self.role}'")
        if len(direct) > 1:
            raise Unsafe(
                f"{step.place}: cannot remove role '{self.role}' safely: {order.playbook} uses it "
                f"again at {direct[1].place}. Remove one of them by hand."
            )
        document = kubespray.document(step.play.place.path)
        assert document is not None
        result = remove(document, step.entry, f"remove role '{self.role}'")
        return changed(result, f"{step.place} uses {self.role}")
