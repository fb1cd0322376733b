"""Waits: tasks that do not return until something is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from generator.text.document import Place


@dataclass(frozen=True, slots=True)
class Target:
    """What is waited for; what is None or empty is not limited.

    `kind` is "pods", "nodes", "initialized nodes" (the taint of new ones is to go), "file",
    "release", or the kind of a workload. `name` is the object's name, the file's path, or that of
    the release. `open` tells that a part of the label selector is not among `labels`: it is not
    known, or no equality.
    """

    kind: str
    name: str | None = None
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    open: bool = False

    def __str__(self) -> str:
        labels = ",".join(f"{key}={value}" for key, value in self.labels.items())
        what = {"release": "Helm release", "pods": "pods"}.get(self.kind, self.kind)
        return " ".join(filter(None, (what, self.name or "", f"with {labels}" if labels else "")))


@dataclass(frozen=True, slots=True)
class Wait:
    """A task that waits for its target at most `seconds` (None where that is not known).

    `how` says what makes it wait, in the words of the tree (`atomic`, `kubectl wait`). `fatal`
    tells that the play ends where the time is up. `place` is the line that makes it wait.
    """

    target: Target
    how: str
    place: Place
    seconds: int | None
    fatal: bool
