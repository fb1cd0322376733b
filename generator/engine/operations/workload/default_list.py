"""Adds an entry to the list that is a variable's default in a role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.engine.operations.workload.site_check import covers
from generator.engine.operations.workload.site_edit import flow_entry
from generator.model.kubespray import Kubespray
from generator.model.toleration import toleration_from
from generator.text.document import Document, Node, Place, Scalar, Sequence
from generator.text.document import Mapping as MappingNode
from generator.text.edit import Edit, apply, refuse
from generator.text.mapping import replace_value
from generator.text.sequence import has_anchor_or_alias, insert, item_of, sequence_offset
from generator.text.shape import shape, with_item
from generator.text.yaml import parse
from generator.tree.base import find, names

_COMMON = ("kubespray-defaults", "kubespray_defaults")
_NULLS = ("", "~", "null", "Null", "NULL")
_FOLDERS = ("roles", "playbooks", "extra_playbooks")
_ENDINGS = (".yml", ".yaml", ".j2")
_MAX_DEPTH = 8


@dataclass(frozen=True)
class Default:
    """The default of a variable: the document that gives it, and its value there."""

    document: Document
    name: str
    node: Node

    @property
    def place(self) -> Place:
        """Where the value begins."""
        return self.document.place(self.node)

    @property
    def is_list(self) -> bool:
        """Whether the value is a list, or null, which means none."""
        return isinstance(self.node, Sequence) or (
            isinstance(self.node, Scalar) and not self.node.style and self.node.value in _NULLS
        )

    def has(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether the list tolerates already what an entry does."""
        wanted = toleration_from(entry)
        items = self.node.items if isinstance(self.node, Sequence) else ()
        return wanted is not None and any(covers(item, wanted) for item in items)

    def extended(self, entry: Mapping[str, Any], what: str) -> Document:
        """Return the document with an entry behind the last one of the list.

        Raises Unsafe where it is shared by an anchor, or written in a way that cannot be edited.
        """
        document, node, route = self.document, self.node, (self.name,)
        if has_anchor_or_alias(node):
            raise refuse(document, node, what, "the list holds a YAML anchor or alias")
        text, item = item_of(dict(entry), sequence_offset(document))
        if isinstance(node, Sequence) and node.items and not node.flow:
            return insert(document, route, len(node.items), text, item, what)
        if isinstance(node, Sequence) and node.items:
            edit = Edit(node.items[-1].end, node.items[-1].end, f", {flow_entry(dict(entry))}")
            expected = with_item(shape(document.root), route, len(node.items), item)
            return apply(document, [edit], expected, what)
        margin = " " * sequence_offset(document)
        source = "".join(f"\n{margin}{line}" for line in text.lines)
        value = shape(parse("the new list", source).root)
        return replace_value(document, route, source, value, what)


def default_of(kubespray: Kubespray, role: str, name: str) -> Default | None:
    """Return the default that a role gives a variable, or the role of all defaults; None if none.

    Raises UnusableInput where a file of defaults cannot be read.
    """
    folders = (kubespray.role_named(found) for found in (role, *_COMMON))
    for folder in (folder for folder in folders if folder):
        for path in _defaults(kubespray, folder):
            document = kubespray.document(path)
            root = document.root if document else None
            node = root.get(name) if isinstance(root, MappingNode) else None
            if document is not None and node is not None:
                return Default(document, name, node)
    return None


def _defaults(kubespray: Kubespray, folder: str) -> Iterator[str]:
    for path in (f"{folder}/defaults/main.yml", f"{folder}/defaults/main.yaml"):
        if kubespray.exists(path):
            yield path
    for name in names(kubespray.tree, f"{folder}/defaults/main"):
        if name.endswith((".yml", ".yaml")):
            yield f"{folder}/defaults/main/{name}"


def uses_of(kubespray: Kubespray, name: str) -> Iterator[Place]:
    """Give the places where the tree's roles and playbooks name a variable, comments left out."""
    word = re.compile(rb"(?<![\w.-])" + re.escape(name.encode()) + rb"(?![\w-])")
    kubespray.tree.read_ahead(_may_name)
    paths = (path for folder in _FOLDERS for path in _files(kubespray, folder, 0))
    for path in dict.fromkeys(paths):
        data = kubespray.tree.raw(path)
        if name.encode() not in data:
            continue
        for number, line in enumerate(data.split(b"\n"), 1):
            if word.search(line) and not line.lstrip().startswith(b"#"):
                yield Place(path, number)


def _may_name(path: str) -> bool:
    return path.startswith(_FOLDERS) and path.endswith(_ENDINGS)


def _files(kubespray: Kubespray, folder: str, depth: int) -> Iterator[str]:
    for name in names(kubespray.tree, folder) if depth < _MAX_DEPTH else ():
        path = f"{folder}/{name}"
        if not name.endswith(_ENDINGS):
            # Whatever has no other names below is no folder.
            yield from _files(kubespray, path, depth + 1)
        elif (real := find(kubespray.tree, path)) is not None:
            yield real
