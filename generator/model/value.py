"""Values of variables where not everything can be known.

A value is plain data (None, bool, int, float, str, list, dict), or one of the classes here, which
may also stand inside lists and mappings: a list with an Unknown among its items may hold more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = Any


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
