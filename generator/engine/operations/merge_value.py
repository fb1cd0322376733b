"""Merge entries into a list inside a value, whatever variable the value comes from.

What a variable brings is kept: its other keys as they are, its own list in full. Helm replaces
lists, so what a chart had by default is listed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.operations.base import Changed, NotNeeded, changed, role_document
from generator.engine.operations.expression import merged_list, merged_mapping
from generator.engine.operations.jinja import entries_of, entries_under, expression_source
from generator.engine.operations.selector import read_steps, select
from generator.model.kubespray import Kubespray
from generator.model.toleration import UNINITIALIZED, Toleration, toleration_from
from generator.text.document import Document, Mapping, Node, Route, Scalar, Sequence, data_of
from generator.text.edit import refuse
from generator.text.mapping import add_key, replace_value
from generator.text.sequence import has_anchor_or_alias, insert, item_of, sequence_offset
from generator.text.shape import shape
from generator.text.yaml import parse


@dataclass(frozen=True)
class Replaced:
    """The entries that the list had by default: by the value of a variable of the role."""

    variable: str
    known: dict[str, list[Any]]
    otherwise: list[Any]

    def entries(self, kubespray: Kubespray, role: str) -> list[Any]:
        """Return the entries for the version that the role's defaults name."""
        document = role_document(kubespray, role, "defaults/main.yml")
        root = document.root if document else None
        node = root.get(self.variable) if isinstance(root, Mapping) else None
        version = node.value if isinstance(node, Scalar) else ""
        return self.known.get(version, self.otherwise)


@dataclass(frozen=True)
class MergeValue:
    """Merge `entries` into the list `into` of the mapping that stands at `at`.

    `at` leads there in `file` of `role`; see selector.py.
    """

    role: str
    file: str
    at: tuple[Any, ...]
    into: str
    entries: list[Any]
    replaced: Replaced | None

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> MergeValue:
        """Read the operation from a patch file."""
        fields.only(["role", "file", "at", "list", "entries", "replaced"])
        entries = fields.data("entries")
        if not isinstance(entries, list) or not entries:
            raise fields.wrong("entries", "a list that is not empty")
        inner = fields.inner("replaced")
        replaced = None
        if inner is not None:
            inner.only(["variable", "known", "otherwise"])
            known, otherwise = inner.data("known"), inner.data("otherwise")
            if not isinstance(known, dict) or not all(isinstance(v, list) for v in known.values()):
                raise inner.wrong("known", "a mapping of versions to lists")
            if not isinstance(otherwise, list):
                raise inner.wrong("otherwise", "a list")
            replaced = Replaced(inner.text("variable"), known, otherwise)
        return cls(
            fields.text("role"), fields.text("file"), read_steps(fields, "at"),
            fields.text("list"), entries, replaced,
        )  # fmt: skip

    def describe(self) -> str:
        """Return what the operation does."""
        names = ", ".join(_label(entry) for entry in self.entries)
        return f"In {self.file} of role {self.role}, merge into the list '{self.into}': {names}."

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        """Return the role's file with the entries merged."""
        document = role_document(kubespray, self.role, self.file)
        if document is None:
            return NotNeeded(f"the tree has no {self.file} of role {self.role}")
        what = f"merge '{self.into}'"
        route, present = select(document, self.at, what)
        node = document.node(route) if present else None
        place = document.place(node or document.node(route[:-1]))
        if all(_covered(entry, self._present(document, node)) for entry in self.entries):
            return NotNeeded(f"{place} has the entries in '{self.into}' already", True)
        defaults = self.replaced.entries(kubespray, self.role) if self.replaced else []
        wanted = [*defaults, *self.entries]
        return changed(
            self._written(document, route, node, wanted, what),
            f"{place} has no entry in '{self.into}' for {', '.join(map(_label, self.entries))}",
        )

    def _present(self, document: Document, node: Node | None) -> list[Any]:
        """Return the entries that the value brings in any case, as far as they are literal."""
        if isinstance(node, Mapping):
            inner = document.value(node, self.into)
            if isinstance(inner, Sequence) and has_anchor_or_alias(node):
                raise refuse(document, inner, "merge entries", "it holds a YAML anchor or alias")
            if isinstance(inner, Sequence):
                return [data_of(item) for item in inner.items]
            return entries_of(inner.value) if isinstance(inner, Scalar) else []
        return entries_under(node.value, self.into) if isinstance(node, Scalar) else []

    def _written(
        self, document: Document, route: Route, node: Node | None, wanted: list[Any], what: str
    ) -> Document:
        if node is None:
            source = self._block(document, wanted)
            return add_key(document, route[:-1], str(route[-1]), source, _shape_of(source), what)
        if isinstance(node, Mapping) and not node.pairs:
            source = self._block(document, wanted)
            document = replace_value(document, route, source.lstrip(" "), _shape_of(source), what)
            return document
        if isinstance(node, Mapping):
            return self._into_mapping(document, route, node, wanted, what)
        if not isinstance(node, Scalar):
            raise refuse(document, node, what, "the value is neither a mapping nor a template")
        expression = expression_source(node.value)
        if expression is None:
            raise refuse(document, node, what, "the value is not one template from end to end")
        source = merged_mapping(expression, self.into, wanted)
        return _put_template(document, route, source, what)

    def _into_mapping(
        self, document: Document, route: Route, node: Mapping, wanted: list[Any], what: str
    ) -> Document:
        inner, there = node.get(self.into), (*route, self.into)
        if inner is None:
            source = self._block(document, wanted).split(f"{self.into}:", 1)[1]
            source = re.sub(r"(?m)^  ", "", source)
            return add_key(document, route, self.into, source, _shape_of(source), what)
        if isinstance(inner, Sequence):
            present = self._present(document, node)
            for entry in wanted:
                if not _covered(entry, present):
                    text, item = item_of(entry, sequence_offset(document))
                    here = document.node(there)
                    position = len(here.items) if isinstance(here, Sequence) else 0
                    document = insert(document, there, position, text, item, what)
            return document
        expression = expression_source(inner.value) if isinstance(inner, Scalar) else None
        if expression is None:
            raise refuse(document, inner, what, f"'{self.into}' is neither a list nor a template")
        return _put_template(document, there, merged_list(expression, wanted), what)

    def _block(self, document: Document, wanted: list[Any]) -> str:
        """Return a mapping with the list alone, as it stands below a key."""
        offset = sequence_offset(document)
        lines = [f"\n  {self.into}:"]
        for entry in wanted:
            text, _ = item_of(entry, offset)
            lines += [" " * (2 + offset) + line for line in text.lines]
        return "\n".join(lines)


def _covered(entry: Any, present: list[Any]) -> bool:
    """Tell whether an entry is in a list, or a toleration there tolerates all that it does."""
    if entry in present:
        return True
    wanted = toleration_from(entry)
    others = (toleration_from(other) for other in present)
    if wanted is None or not wanted.key:
        return False
    return any(other is not None and _does_as_much(other, wanted) for other in others)


def _does_as_much(other: Toleration, wanted: Toleration) -> bool:
    """Tell whether a toleration can stand for a wanted one.

    For the cloud provider's taint it need not tolerate more than that: its value is known.
    """
    if wanted.key == UNINITIALIZED.key and wanted.matches(UNINITIALIZED):
        return other.matches(UNINITIALIZED)
    return other.subsumes(wanted)


def _label(entry: Any) -> str:
    """Return what a message calls an entry: its key or name, or all of it."""
    named = entry.get("key") or entry.get("name") if isinstance(entry, dict) else None
    return str(named or entry)


def _put_template(document: Document, route: Route, template: str, what: str) -> Document:
    """Write a template as the value at a route: folded over lines, or quoted inside braces."""
    nodes = [document.node(route[:length]) for length in range(len(route))]
    if any(getattr(node, "flow", False) for node in nodes):
        flat = " ".join(line.strip() for line in template.split("\n"))
        source = '"' + flat.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        source = ">-\n" + "\n".join(f"  {line}" for line in template.split("\n"))
    return replace_value(document, route, source, _shape_of(f"x: {source}", "x"), what)


def _shape_of(source: str, key: str | None = None) -> Any:
    root = parse("the new value", source).root
    if key is None:
        return shape(root)
    assert isinstance(root, Mapping)
    return shape(root.get(key))
