"""Finds the pod specifications of named workloads in a manifest, template or not.

The ways to them are those of Kubernetes' API reference (workload resources).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from generator.model.workload import KINDS
from generator.text.document import Document, Mapping, Node, Scalar, Sequence

TOLERATIONS = "tolerations"

_WAYS = {"Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}
_WAY_OF_OTHERS = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class PodSpec:
    """The pod specification of a workload, with the key under which it stands.

    `root` is the YAML document that holds it.
    """

    kind: str
    name: str
    root: Node
    key: Scalar
    spec: Mapping

    def tolerations(self) -> list[tuple[Scalar, Node]]:
        """Return the pairs that give tolerations: one, unless branches of a template show."""
        return [
            (key, value) for key, value in self.spec.pairs
            if isinstance(key, Scalar) and key.value == TOLERATIONS
        ]  # fmt: skip


def pod_specs(
    document: Document, names: tuple[str, ...], text: str, sign: str
) -> Iterator[PodSpec]:
    """Give the pod specifications of the workloads with one of the names.

    Names are read from `text`, which has the document's offsets. One that goes on with `sign`,
    which begins an expression or stands for one, counts as the part before that.
    """
    for root in document.roots:
        yield from _below(root, root, names, text, sign)


def _below(
    root: Node, node: Node | None, names: tuple[str, ...], text: str, sign: str
) -> Iterator[PodSpec]:
    if not isinstance(node, Mapping):
        return
    kind = node.get("kind")
    if not isinstance(kind, Scalar):
        return
    if kind.value == "List":
        items = node.get("items")
        for item in items.items if isinstance(items, Sequence) else ():
            yield from _below(root, item, names, text, sign)
    about = node.get("metadata")
    name = about.get("name") if isinstance(about, Mapping) else None
    if kind.value not in KINDS or not isinstance(name, Scalar):
        return
    source = text[name.start : name.end].strip("\"'")
    if source.partition(sign)[0] in names:
        found = _at(node, _WAYS.get(kind.value, _WAY_OF_OTHERS))
        if found is not None:
            yield PodSpec(kind.value, source, root, *found)


def _at(node: Node, way: tuple[str, ...]) -> tuple[Scalar, Mapping] | None:
    key: Scalar | None = None
    for part in way:
        pairs = node.pairs if isinstance(node, Mapping) else ()
        # Of a key that stands twice the last one counts.
        found = [(k, v) for k, v in pairs if isinstance(k, Scalar) and k.value == part]
        if not found:
            return None
        key, node = found[-1]
    return (key, node) if isinstance(node, Mapping) and key is not None else None
