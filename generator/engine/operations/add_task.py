"""Add a task to the end of a role's tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed, role_document
from generator.engine.operations.new_file import is_empty, new_file, onto_empty
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.text.document import Document, Mapping, Node, Scalar, Sequence
from generator.text.edit import refuse
from generator.text.sequence import insert, item_of, sequence_offset
from generator.text.shape import shape

_FILE = "tasks/main.yml"


@dataclass(frozen=True)
class AddTask:
    """Make `task` (plain data) the last of `role`'s own tasks, in tasks/main.yml.

    Where the role has no such file, it is added.
    """

    role: str
    task: dict[str, Any]

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> AddTask:
        """Read the operation from a patch file."""
        fields.only(["role", "task"])
        inner = fields.inner("task")
        if inner is not None:
            inner.text("name")
        return cls(fields.text("role"), fields.data("task"))

    def describe(self) -> str:
        """Return what the operation does."""
        return f"Make '{self.task['name']}' the last task of role {self.role}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the role's task file with the task."""
        folder = kubespray.role_named(self.role)
        if folder is None:
            return NotNeeded(f"the tree has no role {self.role}")
        what = f"add the task '{self.task['name']}'"
        document = role_document(kubespray, self.role, _FILE)
        if document is None:
            text, _ = item_of(self.task, 2)
            return new_file(kubespray, f"{folder}/{_FILE}", "\n".join(text.lines), what)
        found = f"{document.path} has no task '{self.task['name']}'"
        text, item = item_of(self.task, sequence_offset(document))
        if is_empty(document):
            return changed(onto_empty(document, "\n".join(text.lines), what), found)
        if not isinstance(document.root, Sequence):
            raise refuse(document, document.root, what, "a list of tasks is expected there")
        for entry in document.root.items:
            if shape(document.follow(entry)) == item:
                return NotNeeded(f"{document.place(entry)} has the task already", True)
            if _name(document, entry) == self.task["name"]:
                raise Unsafe(
                    f"{document.place(entry)}: cannot {what} safely: the role has another task of "
                    "this name. Compare the two and remove or rename one."
                )
        result = insert(document, (), len(document.root.items), text, item, what)
        return changed(result, found)


def _name(document: Document, entry: Node) -> str:
    task = document.follow(entry)
    name = document.value(task, "name") if isinstance(task, Mapping) else None
    return name.value if isinstance(name, Scalar) else ""
