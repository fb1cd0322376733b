"""Add variables to a role's defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed, role_document
from generator.engine.operations.from_template import plain_path, template_bytes
from generator.engine.operations.new_file import is_empty, new_file, onto_empty
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.text.document import Document, Mapping
from generator.text.edit import Edit, apply, newline_at, refuse
from generator.text.shape import shape
from generator.text.yaml import decode, parse

_FILE = "defaults/main.yml"


@dataclass(frozen=True)
class AddDefaults:
    """Add the variables of `template`, with its comments, to the end of `role`'s defaults.

    The template is a YAML file with a mapping. Where the role has no defaults/main.yml, the
    template becomes it. Variables that are there already keep the value that they have.
    """

    role: str
    template: str
    folder: Path

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddDefaults:
        """Read the operation from a patch file."""
        fields.only(["role", "template"])
        return cls(fields.text("role"), plain_path(fields, "template"), folder)

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Add variables to the defaults of role {self.role}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the role's defaults with the variables."""
        folder = kubespray.role_named(self.role)
        if folder is None:
            return NotNeeded(f"the tree has no role {self.role}")
        text, wanted = self._variables()
        names = wanted.key_names()
        what = f"add the default of '{names[0]}'"
        if kubespray.tree.names(f"{folder}/defaults/main"):
            # Ansible takes a folder of this name instead of the file.
            raise Unsafe(
                f"{folder}/defaults/main:1: cannot {what} safely: the role's defaults are a folder "
                f"of files. Write {', '.join(names)} into one of them by hand, and leave this "
                "patch out."
            )
        document = role_document(kubespray, self.role, _FILE)
        if document is None:
            return new_file(kubespray, f"{folder}/{_FILE}", text, what)
        found = f"{document.path} has no {names[0]}"
        if is_empty(document):
            return changed(onto_empty(document, text, what), found)
        root = document.root
        if not isinstance(root, Mapping) or root.flow:
            raise refuse(document, root, what, "a mapping is expected there, not in braces")
        there = [name for name in names if document.value(root, name) is not None]
        if len(there) == len(names):
            return NotNeeded(f"{document.path} has {names[0]} already", True)
        if there:
            raise refuse(
                document, document.value(root, there[0]), what, f"only {there[0]} is there"
            )
        return changed(_append(document, root, text, wanted, what), found)

    def _variables(self) -> tuple[str, Mapping]:
        """Return the template's lines behind the mark that begins it, and its mapping."""
        text = decode(self.template, template_bytes(self.folder, self.template))
        text = text.removeprefix("---\n").strip("\n")
        document = parse(self.template, text)
        if not isinstance(document.root, Mapping) or not document.root.pairs:
            raise UnusableInput(f"{self.template}:1: a mapping of variables is expected there.")
        return text, document.root


def _append(document: Document, root: Mapping, text: str, wanted: Mapping, what: str) -> Document:
    end = document.line_end(root.end)
    newline = newline_at(document, end)
    margin = " " * document.column(root.start)
    lines = [margin + line if line else line for line in ("", *text.split("\n"))]
    new = "".join(line + newline for line in lines)
    if end == len(document.text) and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    old, more = shape(root), shape(wanted)
    assert isinstance(old, Mapping) and isinstance(more, Mapping)
    expected = Mapping(0, 0, (*old.pairs, *more.pairs), old.flow, anchor=old.anchor, tag=old.tag)
    return apply(document, [Edit(end, end, new)], expected, what)
