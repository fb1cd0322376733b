"""Tasks that install Helm releases through a module, Kubespray's helm-apps among them.

`atomic` waits, too (reference of "helm install"). Without a time-out Helm waits five minutes.
"""

from __future__ import annotations

from generator.engine.detect.actions.doing import Doing, item_of, key_place, text_of
from generator.engine.detect.command import seconds
from generator.engine.detect.events import Released
from generator.model.expression import render, truth
from generator.model.use import Use
from generator.model.value import Unknown
from generator.model.wait import Target
from generator.text.document import Document, Mapping, Node, Place, Scalar, Sequence

HELM_SECONDS = 300

_CHART_KEYS = ("chart_ref", "chart")
_MAX_NODES = 2_000


def release(doing: Doing) -> None:
    """`kubernetes.core.helm`: a chart is installed, and waited for where it says so."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown):
        return
    given = {key: doing.value(raw) for key, raw in arguments.items() if key != "_raw"}
    if item_of(given, "state", "release_state") == "absent":
        return
    name = text_of(item_of(given, "name", "release_name"))
    written = _written(doing, name)
    values = item_of(given, "values", "release_values")
    doing.released.append(
        Released(
            name,
            text_of(item_of(given, "namespace", "release_namespace")),
            text_of(item_of(given, *_CHART_KEYS)),
            Unknown() if given.get("values_files") else values,
            _place(written, "name", "release_name") or doing.run.task.place,
            doing.moment,
        )
    )
    waiting = {key: truth(given.get(key)) for key in ("wait", "atomic")}
    if all(value is False for value in waiting.values()):
        return
    how = [key for key, value in waiting.items() if value is not False]
    limit = item_of(given, "wait_timeout", "timeout", "update_repo_timeout")
    place = _place(written, *how) or _place(written, "name") or key_place(doing, "wait")
    doing.wait(
        Target("release", name), f"Helm's {' and '.join(how)}",
        HELM_SECONDS if limit is None else seconds(str(limit)), place,
    )  # fmt: skip


def _written(doing: Doing, name: str | None) -> tuple[Document, Mapping] | None:
    """Return the mapping in which the release is written out: in a role's use, or in the task."""
    for use in (*reversed(doing.run.chain), None):
        for document, mapping in _release_mappings(doing, use):
            written = mapping.get("name") or mapping.get("release_name")
            text = written.value if isinstance(written, Scalar) else ""
            if name is None or render(text, doing.scope) == name:
                return document, mapping
    return None


def _release_mappings(doing: Doing, use: Use | None) -> list[tuple[Document, Mapping]]:
    if use is None:
        document, node = doing.run.task.document, doing.run.task.node
    else:
        found = doing.kubespray.document(use.place.path)
        at = found.follow(found.node(use.route)) if found else None
        if found is None or not isinstance(at, Mapping):
            return []
        document, node = found, at
    mappings: list[tuple[Document, Mapping]] = []
    pending: list[Node] = [node]
    for _ in range(_MAX_NODES):
        if not pending:
            break
        here = pending.pop(0)
        if isinstance(here, Sequence):
            pending += here.items
        elif isinstance(here, Mapping):
            pending += [value for _, value in here.pairs]
            if set(_CHART_KEYS) & set(here.key_names()):
                mappings.append((document, here))
    return mappings


def _place(written: tuple[Document, Mapping] | None, *keys: str) -> Place | None:
    """Return where the first of some keys stands."""
    if written is None:
        return None
    document, mapping = written
    for key in keys:
        for name, _ in mapping.pairs:
            if isinstance(name, Scalar) and name.value == key:
                return document.place(name)
    return None
