"""Add a file to the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded
from generator.engine.operations.from_template import plain_path, template_bytes
from generator.engine.operations.new_file import check_free
from generator.engine.operations.values import DependenciesOf
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.text.filling import fill
from generator.text.yaml import decode
from generator.tree.base import find, read


@dataclass(frozen=True)
class AddFile:
    """Add the file `path`, of the tree or of `role`, with the text of `template`.

    A template is looked for beside the patch file, then in the program's own templates/. Without
    `values` it is copied as it is, because Ansible's own braces shall reach the tree; else it is
    filled with what each of them is in the tree.
    """

    path: str
    template: str
    folder: Path
    role: str = ""
    values: Mapping[str, DependenciesOf] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddFile:
        """Read the operation from a patch file."""
        fields.only(["role", "path", "template", "values"])
        path, template = plain_path(fields, "path"), plain_path(fields, "template")
        role = fields.text("role") if fields.has("role") else ""
        named = fields.inner("values")
        values = {}
        for name, inner in named.each() if named else ():
            if not name.isidentifier():
                raise fields.wrong("values", "names of letters, digits and underscores")
            values[name] = DependenciesOf.read(inner)
        return cls(path, template, folder, role, values)

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Add the file {self.path}{f' to role {self.role}' if self.role else ''}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the file to be added."""
        folder = kubespray.role_named(self.role) if self.role else ""
        if folder is None:
            return NotNeeded(f"the tree has no role {self.role}")
        path = f"{folder}/{self.path}" if folder else self.path
        new = self._text(kubespray)
        if find(kubespray.tree, path) is not None:
            if read(kubespray.tree, path) == new:
                return NotNeeded(f"{path} is there already", True)
            raise Unsafe(
                f"{path}:1: cannot add this file safely: the tree has another one there. "
                "Compare the two and remove or rename one."
            )
        check_free(kubespray, path, "add this file")
        return Changed({path: new}, f"{path} is missing")

    def _text(self, kubespray: Kubespray) -> bytes:
        data = template_bytes(self.folder, self.template)
        if not self.values:
            return data
        values = {name: value.of(kubespray) for name, value in self.values.items()}
        return fill(self.template, decode(self.template, data), values).encode()
