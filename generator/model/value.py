"""Values of variables where not everything can be known.

A value is plain data (None, bool, int, float, str, list, dict), or one of the classes here, which
may also stand inside lists and mappings: a list with an Unknown among its items may hold more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = Any

Leaves = frozenset[tuple[str, str]]
"""Names of variables with their values as text: what a value was worked out from."""

MAX_PARTS = 20_000
"""The largest value of upstream's, that of `downloads`, has about 700 (v2.22.0 to v2.31.0)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known before the deployment runs.

    `names` are the user's variables that it hangs on, for `conditions` of a finding; none where
    it hangs on the machines alone (facts, which host a task runs on). What hangs on the result of
    a task is listed by its name in angle brackets.
    """

    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Undefined:
    """What a variable is that nobody has set."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of a file of the tree, rendered or as it is: `lookup('template', name)`."""

    name: str
    rendered: bool


class OpenMapping(dict[Any, Any]):
    """A mapping some of whose keys are not known: what is missing in it may be there."""


@dataclass(frozen=True, slots=True)
class Known:
    """A value, what it was worked out from, and the names that no task had set then."""

    value: Value
    leaves: Leaves
    unset: frozenset[str]


def is_huge(value: Value) -> bool:
    """Tell whether a value, written out, has more parts than anybody writes.

    Values share parts in memory, so that a few lines can stand for gigabytes.
    """
    pending, count = [value], 0
    while pending:
        part = pending.pop()
        if isinstance(part, dict | list):
            count += len(part)
            if count > MAX_PARTS:
                return True
            pending += part.values() if isinstance(part, dict) else part
    return False


def result_of(name: str) -> str:
    """Return the name under which Unknown lists what hangs on the result of a task."""
    return f"<{name}>"


def is_result(name: str) -> bool:
    """Tell whether a name in Unknown stands for the result of a task, not for a variable."""
    return name.startswith("<")


def as_text(value: Value) -> str:
    """Return a value as people write it: `true`, `[]`, `external`, `""`."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return value or '""'
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
