"""Texts of a cluster made harmless: for the terminal, for the shell, and without secrets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

_LENGTH = 200
_SHOWN = 5

_SECRET = re.compile(
    r"""(?ix) ( \b [\w-]* (?: passw(?:or)?d | token | secret | api[_-]?key | credential s? ) [\w-]*
        ["']? \s* [=:] \s* ["']? | \b (?: bearer | basic ) \s+ ) [^\s"',;]+"""
)
_LOGIN = re.compile(r"(://)[^/\s@]+@")


def quoted(text: str) -> str:
    """Return a text of the cluster in a sentence: one line, short, and without what looks secret.

    Messages of kubelet and of controllers hold no secrets on purpose; a password in an address
    or behind a name that says what it is becomes three dots.
    """
    line = " ".join(text[: 4 * _LENGTH].split())
    line = _LOGIN.sub(r"\1...@", _SECRET.sub(r"\1...", line))
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}..."


def argument(text: str) -> str:
    """Return a name of the cluster as an argument that a shell takes as it is."""
    return shlex.quote(quoted(text))


def names(found: Iterable[str]) -> str:
    """Return the first names of many, and how many more there are."""
    every = list(found)
    shown = ", ".join(quoted(name) for name in every[:_SHOWN])
    return shown if len(every) <= _SHOWN else f"{shown} and {len(every) - _SHOWN} more"


def count(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def span(seconds: int) -> str:
    """Return a time in the unit that a reader wants."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
