"""Which components of semantic patches would let a workload run on nodes with the taint.

An operation is tried on the tree before it is named, each once: nothing is promised that the
patch would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import TypeAlias

from generator.engine.choice import with_components
from generator.engine.detect.ran import Ran, Tried
from generator.engine.finding import Request
from generator.engine.operations.base import Changed
from generator.engine.operations.tolerate_workload import TolerateWorkload
from generator.engine.patch import SemanticPatch
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.model.toleration import UNINITIALIZED, tolerates
from generator.model.workload import Workload
from generator.text.document import Mapping, Scalar, data_of
from generator.tree.base import find

Letting: TypeAlias = "tuple[SemanticPatch, TolerateWorkload]"
"""A patch with the operation that lets a workload's pods tolerate the taint."""


def letting(ran: Ran, workload: Workload, patches: Iterable[SemanticPatch]) -> Iterator[Letting]:
    """Give the patches that would let a workload's pods tolerate the taint, with the operation."""
    for patch in patches:
        for number, operation in enumerate((patch.whole or patch).operations):
            if (
                isinstance(operation, TolerateWorkload)
                and operation.covers(ran.kubespray, workload.place.path, workload.name)
                and tolerates([operation.toleration], UNINITIALIZED)
                and _helps(ran, (patch.id, number), operation, workload)
            ):
                yield patch, operation


def requests_for(found: Iterable[Letting]) -> tuple[Request, ...]:
    """Return what asks for the components of such operations."""
    return tuple(
        Request(
            with_components(patch.id, [operation.component.name]),
            " ".join((operation.component.unwise or "").split()) or None,
        )
        for patch, operation in found
    )


def advice(requests: Iterable[Request]) -> Iterator[str]:
    """Give a sentence for each request, on what it does and whether that is wise."""
    for request in requests:
        yield f"The option --with {request.option} lets its pods tolerate the taint."
        if request.unwise is not None:
            yield f"That is unwise: {request.unwise}"


def _helps(ran: Ran, key: tuple[str, int], operation: TolerateWorkload, workload: Workload) -> bool:
    """Tell whether an operation changes the manifest of a workload, or a default that counts.

    A default does not where the scenario sets the variable: its value replaces the whole list.
    """
    if key not in ran.tried:
        ran.tried[key] = _tried(ran.kubespray, operation)
    tried, place = ran.tried[key], workload.place
    path = find(ran.kubespray.tree, place.path) or place.path
    if any(place.line in lines for lines in tried.documents.get(path, ())):
        return True
    names = tried.variables
    return bool(names) and all(ran.scenario.setting(name) is None for name in names)


def _tried(kubespray: Kubespray, operation: TolerateWorkload) -> Tried:
    """Return what an operation changes; nothing where it would end with an error."""
    try:
        outcome = operation.apply(kubespray)
    except (Unsafe, UnusableInput):
        return Tried()
    if not isinstance(outcome, Changed):
        return Tried()
    documents: dict[str, tuple[range, ...]] = {}
    variables: frozenset[str] = frozenset()
    after = kubespray.changed(outcome.files)
    for path, data in outcome.files.items():
        if "/defaults/" in path:
            variables |= _variables(path, kubespray, after)
        else:
            documents[path] = _documents(kubespray.tree.raw(path), data)
    return Tried(documents, variables)


def _documents(before: bytes, after: bytes) -> tuple[range, ...]:
    """Return the lines, from 1, of the YAML documents of a text in which something changes."""
    old, new = before.splitlines(), after.splitlines()
    starts = [1, *(at for at, line in enumerate(old, 1) if line.startswith(b"---"))]
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    # What is inserted stands behind the line before it.
    changed = {max(first, 1) for step, first, _, _, _ in steps if step != "equal"}
    ends = [*starts[1:], len(old) + 1]
    spans = (range(start, end) for start, end in zip(starts, ends, strict=True))
    return tuple(lines for lines in spans if any(at in lines for at in changed))


def _variables(path: str, before: Kubespray, after: Kubespray) -> frozenset[str]:
    old, new = _top(path, before), _top(path, after)
    return frozenset(name for name, value in new.items() if name not in old or old[name] != value)


def _top(path: str, kubespray: Kubespray) -> dict[str, object]:
    document = kubespray.document(path)
    root = document.root if document is not None else None
    pairs = root.pairs if isinstance(root, Mapping) else ()
    return {key.value: data_of(value) for key, value in pairs if isinstance(key, Scalar)}
