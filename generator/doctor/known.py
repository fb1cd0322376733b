"""Which workloads are a cloud controller manager or the approver, read from known.yml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from generator.text.document import data_of
from generator.text.yaml import parse

CCM, APPROVER, DNS = "ccm", "approver", "dns"
"""The sorts that known.yml describes."""


@dataclass(frozen=True, slots=True)
class Sort:
    """How the workloads of one sort are recognised; see known.yml."""

    names: tuple[str, ...]
    images: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    unless: tuple[str, ...]

    def fits(self, name: str, labels: Mapping[str, str], images: Iterable[str]) -> bool:
        """Tell whether a workload or pod with this name, these labels and images is of the sort."""
        if _any_fits(name, self.unless):
            return False
        if _any_fits(name, self.names):
            return True
        if any(fnmatchcase(labels.get(key, ""), pattern) for key, pattern in self.labels):
            return True
        return any(_any_fits(image, self.images) for image in images)


@cache
def sorts() -> Mapping[str, Sort]:
    """Return all sorts by name."""
    path = Path(__file__).with_name("known.yml")
    data = data_of(parse(path.name, path.read_text("utf-8")).root)
    return {
        name: Sort(
            names=tuple(said["names"]),
            images=tuple(said["images"]),
            labels=tuple(said["labels"].items()),
            unless=tuple(said["unless"]),
        )
        for name, said in data.items()
    }


def _any_fits(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
