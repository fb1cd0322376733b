"""Variables with the places they stand at, and what is told of files that are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from generator.exits import UnusableInput
from generator.model.value import Unknown, Value
from generator.text.document import Place

Unread: TypeAlias = tuple[Place, str]
"""Where something was left out, and why, as a plain sentence."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable's value and the place that it comes from."""

    value: Value
    place: Place


Settings: TypeAlias = Mapping[str, Setting]


class FileProblem(UnusableInput):
    """A file cannot be read: the place, and a reason that ends a sentence."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason

    def left_out(self, what: str = "The file") -> Unread:
        """Return the problem as a note that something is left out."""
        return self.place, f"{what} is left out: {self.reason}"


def named(value: Value, name: str) -> Value:
    """Return a variable's value where what is unknown hangs on that variable."""
    if isinstance(value, Unknown):
        return Unknown(frozenset((name,)))
    if isinstance(value, list):
        return [named(item, name) for item in value]
    if isinstance(value, dict):
        return {key: named(item, name) for key, item in value.items()}
    return value


def encodable(text: str) -> str:
    """Return a text that can be written as UTF-8: half a surrogate pair becomes U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def brief(value: object, longest: int = _LONGEST) -> str:
    """Return a name or value for a message: short, and without control characters."""
    text = "".join(char if char.isprintable() else "?" for char in str(value)[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
