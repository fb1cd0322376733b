"""Tasks whose module waits and does nothing else."""

from __future__ import annotations

from generator.engine.detect.actions.doing import Doing, text_of
from generator.engine.detect.command import UNSURE, kind_of, seconds, selector
from generator.model.expression import truth
from generator.model.value import Unknown
from generator.model.wait import Target

_FILE_SECONDS = 300
_OBJECT_SECONDS = 120
"""How long `wait_for` and `k8s_info` wait without more (their documentation)."""


def wait_for_file(doing: Doing) -> None:
    """`wait_for` with a path: until a file is there, which a pod may have to write."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown):
        return
    path = text_of(doing.value(arguments.get("path")))
    if path is None or doing.value(arguments.get("state")) in ("absent", "drained", "stopped"):
        return
    limit = doing.value(arguments.get("timeout"))
    seconds_given = seconds(str(limit))
    doing.wait(Target("file", path), "wait_for", _FILE_SECONDS if limit is None else seconds_given)


def wait_for_objects(doing: Doing) -> None:
    """`kubernetes.core.k8s_info` with `wait`, or repeated with `until`."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown):
        return
    given = {key: doing.value(raw) for key, raw in arguments.items()}
    waits = truth(given.get("wait")) is not False
    if not waits and not doing.has("until"):
        return
    labels = given.get("label_selectors") or []
    words = [word if isinstance(word, str) else UNSURE for word in labels] if isinstance(
        labels, list
    ) else []  # fmt: skip
    limit = given.get("wait_timeout")
    allowed = _OBJECT_SECONDS if limit is None else seconds(str(limit))
    selected, is_open = selector(",".join(words))
    target = Target(
        kind_of(str(given.get("kind"))), text_of(given.get("name")),
        text_of(given.get("namespace")), selected, is_open,
    )  # fmt: skip
    doing.wait(target, "k8s_info", allowed if waits else doing.retries())
