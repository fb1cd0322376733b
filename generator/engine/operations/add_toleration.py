"""Add a toleration to a pod specification, or to a file of Helm values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed, role_document
from generator.engine.operations.selector import read_steps, select
from generator.model.kubespray import Kubespray
from generator.model.toleration import toleration_from
from generator.text.document import Mapping, Scalar, Sequence, data_of
from generator.text.edit import refuse
from generator.text.mapping import add_key
from generator.text.sequence import has_anchor_or_alias, insert, item_of, sequence_offset
from generator.text.shape import shape
from generator.text.yaml import parse


@dataclass(frozen=True)
class AddToleration:
    """Add `toleration` to the tolerations of the mapping at `at` in `file` of `role`.

    The file is plain YAML with one document; a template of Jinja2 is not.
    """

    role: str
    file: str
    at: tuple[Any, ...]
    toleration: dict[str, Any]

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddToleration:
        """Read the operation from a patch file."""
        fields.only(["role", "file", "at", "toleration"])
        data = fields.data("toleration")
        if toleration_from(data) is None or not data:
            raise fields.wrong("toleration", "a mapping that is not empty")
        return cls(fields.text("role"), fields.text("file"), read_steps(fields, "at"), data)

    def describe(self) -> str:
        """Return what the operation does."""
        return f"In {self.file} of role {self.role}, add a toleration."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the file with the toleration."""
        document = role_document(kubespray, self.role, self.file)
        if document is None:
            return NotNeeded(f"the tree has no {self.file} of role {self.role}")
        what = "add a toleration"
        route, present = select(document, self.at, what)
        holder = document.node(route) if present else document.root
        if not present or not isinstance(holder, Mapping):
            assert holder is not None
            raise refuse(document, holder, what, "the pod specification is not there")
        place, there = document.place(holder), (*route, "tolerations")
        listed = holder.get("tolerations")
        text, item = item_of(self.toleration, sequence_offset(document))
        if listed is None:
            offset = " " * sequence_offset(document)
            source = "".join(f"\n{offset}{line}" for line in text.lines)
            value = shape(parse("the new list", source).root)
            result = add_key(document, route, "tolerations", source, value, what)
            return changed(result, f"{place} has no tolerations")
        wanted = toleration_from(self.toleration)
        assert wanted is not None
        entries = listed.items if isinstance(listed, Sequence) else ()
        if not isinstance(listed, Sequence) and not (
            isinstance(listed, Scalar) and listed.value == "" and not listed.style
        ):
            raise refuse(document, listed, what, "its tolerations are not a list")
        if has_anchor_or_alias(listed):
            raise refuse(document, listed, what, "it holds a YAML anchor or alias")
        found = (toleration_from(data_of(entry)) for entry in entries)
        if any(toleration is not None and toleration.subsumes(wanted) for toleration in found):
            return NotNeeded(f"{place} tolerates the taint already", True)
        result = insert(document, there, len(entries), text, item, what)
        return changed(result, f"{place} does not tolerate the taint")
