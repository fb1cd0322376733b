"""Where the pod specifications are in a file of manifests.

Source: Kubernetes API reference: the kinds that hold a pod template, and `List`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from generator.exits import Unsafe
from generator.text.document import Alias, Mapping, Node, Scalar, Sequence
from generator.tolerate.stream import Piece
from generator.tolerate.taints import is_null

_TEMPLATE = ("spec", "template", "spec")

SPECS = {
    "Deployment": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
}
"""The kinds that hold a pod's specification, and where."""

_GROUPS = ("", "apps", "batch", "extensions")
"""Their API groups: another group's kind of the same name is another kind."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an edit at a node, or below it, would change more than it should."""

    node: Node
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """A workload in a file: `node` names its kind; `spec` is None where it has none.

    `name` and `namespace` are empty where they are not given.
    """

    kind: str
    name: str
    namespace: str
    node: Node
    spec: Mapping | None
    obstacle: Obstacle | None

    def __str__(self) -> str:
        name = f"{self.kind}/{self.name or '(no name)'}"
        return f"{self.namespace}/{name}" if self.namespace else name


@dataclass(frozen=True)
class Search:
    """The search for workloads in one piece of a file."""

    piece: Piece

    def workloads(self) -> Iterator[Found]:
        """Give the workloads in the file's order.

        Raises UnusableInput where the way to a pod's specification is of a wrong type, and
        Unsafe where a list of objects stands behind an alias.
        """
        for root in self.piece.document.roots:
            yield from self._objects(root, "", None)

    def kinds(self) -> set[bool]:
        """Tell of the mappings at the top whether they say what kind they are."""
        roots = [root for root in self.piece.document.roots if isinstance(root, Mapping)]
        return {root.get("kind") is not None for root in roots if root.pairs}

    def step(self, mapping: Mapping, key: str) -> tuple[Node | None, Obstacle | None]:
        """Return a key's value as a reader of YAML sees it, and why it cannot be edited there."""
        own = mapping.get(key)
        value = self.piece.document.value(mapping, key)
        if own is None:
            merged = mapping.get("<<")
            why = "it takes keys from elsewhere by `<<`"
            return value, None if merged is None else Obstacle(merged, why)
        if isinstance(own, Alias):
            return value, Obstacle(own, f"*{own.name} is a YAML alias")
        if mapping.key_names().count(key) > 1:
            return value, Obstacle(own, f"the key '{key}' stands twice in its mapping")
        return value, self.shared(own)

    def shared(self, node: Node) -> Obstacle | None:
        """Return why a node itself cannot be edited: its anchor is used elsewhere."""
        if id(node) not in self._shared:
            return None
        anchor = getattr(node, "anchor", "")
        return Obstacle(node, f"other places share it by the YAML anchor &{anchor}")

    @cached_property
    def _shared(self) -> frozenset[int]:
        """The nodes that an alias stands for, by identity."""
        document = self.piece.document
        if "*" not in document.text or "&" not in document.text:
            return frozenset()
        targets: set[int] = set()
        pending: list[Node] = list(document.roots)
        while pending:
            node = pending.pop()
            if isinstance(node, Alias):
                targets.add(id(document.follow(node)))
            elif isinstance(node, Sequence):
                pending.extend(node.items)
            elif isinstance(node, Mapping):
                for pair in node.pairs:
                    pending.extend(pair)
        return frozenset(targets)

    def _objects(self, node: Node, implied: str, obstacle: Obstacle | None) -> Iterator[Found]:
        """Give the workloads of an object; `implied` is the kind that its list gives it."""
        target = self.piece.document.follow(node)
        if not isinstance(target, Mapping):
            return
        named = self.piece.document.value(target, "kind")
        kind = named.value if isinstance(named, Scalar) and named.value else implied
        if isinstance(node, Alias):
            obstacle = obstacle or Obstacle(node, f"*{node.name} is a YAML alias")
        obstacle = obstacle or self.shared(target)
        if kind.endswith("List"):
            yield from self._items(node, target, kind.removesuffix("List"), obstacle)
        elif kind in SPECS and self._group(target) in _GROUPS:
            spec, blocked = self._spec(target, kind)
            names = self._name(target, "name"), self._name(target, "namespace")
            yield Found(kind, *names, named or target, spec, obstacle or blocked)

    def _items(
        self, node: Node, target: Mapping, implied: str, obstacle: Obstacle | None
    ) -> Iterator[Found]:
        if isinstance(node, Alias):
            # Lists of aliases of lists would multiply, and one may hold itself.
            raise Unsafe(
                f"{self.piece.where(node)}: *{node.name} is a YAML alias of a list of objects, "
                "which cannot be edited safely. Write its objects out."
            )
        items, blocked = self.step(target, "items")
        if isinstance(items, Sequence):
            for item in items.items:
                yield from self._objects(item, implied, obstacle or blocked)

    def _spec(self, target: Mapping, kind: str) -> tuple[Mapping | None, Obstacle | None]:
        holder, blocked = target, None
        for depth, key in enumerate(SPECS[kind], start=1):
            node, obstacle = self.step(holder, key)
            blocked = blocked or obstacle
            if node is None or is_null(node):
                return None, None
            if not isinstance(node, Mapping):
                where = ".".join(SPECS[kind][:depth])
                raise self.piece.unusable(node, f"{where} of this {kind} is no mapping.")
            holder = node
        return holder, blocked

    def _group(self, target: Mapping) -> str:
        version = self.piece.document.value(target, "apiVersion")
        group, slash, _ = version.value.partition("/") if isinstance(version, Scalar) else [""] * 3
        return group if slash else ""

    def _name(self, target: Mapping, key: str) -> str:
        metadata = self.piece.document.value(target, "metadata")
        if not isinstance(metadata, Mapping):
            return ""
        name = self.piece.document.value(metadata, key)
        return name.value if isinstance(name, Scalar) and not is_null(name) else ""
