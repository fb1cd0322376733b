"""Which workloads of a file are meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from generator.tolerate.workloads import SPECS, Found

_NAMES = ("kind", "name", "namespace")
_HOW = "write kind=K, name=N and namespace=S with commas between them, or [S/]Kind/name, or Kind"


@dataclass(frozen=True, slots=True)
class Selector:
    """What a workload must be like; `*`, `?` and `[...]` stand for parts of a word.

    A workload that names no namespace has the empty one here.
    """

    kind: str = "*"
    name: str = "*"
    namespace: str = "*"

    def selects(self, found: Found) -> bool:
        """Tell whether a workload is meant; a kind's letters may be large or small."""
        return (
            fnmatchcase(found.kind.lower(), self.kind.lower())
            and fnmatchcase(found.name, self.name)
            and fnmatchcase(found.namespace, self.namespace)
        )


def selector_from(text: str) -> Selector:
    """Return the selector that a user writes: `kind=K,name=N`, `Kind`, `Kind/name`, `ns/Kind/name`.

    Raises ValueError with a sentence where it is none.
    """
    parts = _conditions(text) if "=" in text else _short(text)
    if not all(parts.values()):
        raise ValueError(f"'{text}' has an empty part; {_HOW}.")
    selector = Selector(**parts)
    known = {kind.lower() for kind in SPECS}
    if not set("*?[") & set(selector.kind) and selector.kind.lower() not in known:
        raise ValueError(f"no workload is of kind '{selector.kind}'; there are {', '.join(SPECS)}.")
    return selector


def selected(selectors: Iterable[Selector], found: Found) -> bool:
    """Tell whether one of the selectors means a workload, or there is none."""
    wanted = tuple(selectors)
    return not wanted or any(selector.selects(found) for selector in wanted)


def _conditions(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for condition in text.split(","):
        name, sign, value = (part.strip() for part in condition.partition("="))
        if not sign or name not in _NAMES or name in parts:
            raise ValueError(f"'{text}' cannot be read; {_HOW}.")
        parts[name] = value
    return parts


def _short(text: str) -> dict[str, str]:
    words = text.split("/")
    if len(words) > 3:
        raise ValueError(f"'{text}' cannot be read; {_HOW}.")
    names = {1: ("kind",), 2: ("kind", "name"), 3: ("namespace", "kind", "name")}[len(words)]
    return dict(zip(names, words, strict=True))
