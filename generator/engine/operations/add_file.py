"""Add a file to the tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.resources import resource_dir
from generator.text.yaml import MAX_BYTES
from generator.tree.base import find, normal, read, resolve


@dataclass(frozen=True)
class AddFile:
    """Add the file `path` with the text of `template`.

    A template is looked for beside the patch file, then in the program's own templates/; it is
    copied as it is, because Ansible's own braces shall reach the tree.
    """

    path: str
    template: str
    folder: Path

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddFile:
        """Read the operation from a patch file."""
        fields.only(["path", "template"])
        path, template = fields.text("path"), fields.text("template")
        for field, name in (("path", path), ("template", template)):
            if not name or name != normal(name):
                raise fields.wrong(field, "a plain path that leaves no folder")
        return cls(path, template, folder)

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Add the file {self.path}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the file to be added."""
        new = self._text()
        if find(kubespray.tree, self.path) is not None:
            if read(kubespray.tree, self.path) == new:
                return NotNeeded(f"{self.path} is there already", True)
            raise Unsafe(
                f"{self.path}:1: cannot add this file safely: the tree has another one there. "
                "Compare the two and remove or rename one."
            )
        if resolve(kubespray.tree, self.path) != self.path:
            raise Unsafe(f"{self.path}:1: cannot add this file safely: a link is in its path.")
        parts = self.path.split("/")
        parents = ("/".join(parts[:length]) for length in range(1, len(parts)))
        if kubespray.tree.names(self.path) or any(kubespray.exists(parent) for parent in parents):
            raise Unsafe(
                f"{self.path}:1: cannot add this file safely: a folder has its name, or a file "
                "that of one of its folders."
            )
        return Changed({self.path: new}, f"{self.path} is missing")

    def _text(self) -> bytes:
        for folder in (self.folder, resource_dir("templates")):
            path = folder / self.template
            if path.is_file() and path.stat().st_size <= MAX_BYTES:
                return path.read_bytes()
        raise UnusableInput(f"{self.template}: there is no such template beside the patch file.")
