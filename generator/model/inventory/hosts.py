"""Host patterns of inventory files: ranges, and ports behind a colon.

Source: Ansible documentation, "How to build your inventory", "Adding ranges of hosts".
"""

from __future__ import annotations

import ipaddress
import re
import string

MAX_HOSTS = 10_000
"""As many hosts may come from the ranges of one file."""

_MAX_RANGES = 8
_MAX_DIGITS = 18

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\[\]]+)\]:([0-9]{1,9})")
_WITH_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,9})")


class HostPatterns:
    """Expands the patterns of one file; how many hosts its ranges gave is counted."""

    def __init__(self) -> None:
        self._given = 0

    def expand(self, pattern: str) -> tuple[list[str], int | None]:
        """Return the hosts that a pattern names, and their port.

        Raises ValueError, with a reason that ends a sentence, where it is no pattern.
        """
        name, port = _split_port(pattern)
        if "[" not in name:
            return [name], port
        if name.count("[") > _MAX_RANGES:
            raise ValueError(f"a host has more than {_MAX_RANGES} ranges.")
        found = [""]
        rest = name
        while "[" in rest:
            head, _, rest = rest.partition("[")
            inner, closed, rest = rest.partition("]")
            if not closed:
                raise ValueError("a host's range has no closing bracket.")
            values = _range(inner, MAX_HOSTS)
            self._count(len(found) * len(values))
            found = [f"{begin}{head}{value}" for begin in found for value in values]
        return [f"{begin}{rest}" for begin in found], port

    def _count(self, hosts: int) -> None:
        self._given += hosts
        if self._given > MAX_HOSTS:
            raise ValueError(_TOO_MANY)


_TOO_MANY = f"its host ranges stand for more than {MAX_HOSTS} hosts."


def _split_port(pattern: str) -> tuple[str, int | None]:
    """Take the port off, as Ansible does: only from what looks like a host's name or address."""
    if found := _BRACKETED.fullmatch(pattern):
        return (found[1], int(found[2])) if _is_address(found[1]) else (pattern, None)
    if (found := _WITH_PORT.fullmatch(pattern)) and _HOST.fullmatch(found[1]):
        return found[1], int(found[2])
    return pattern, None


def _is_address(text: str) -> bool:
    if _HOST.fullmatch(text):
        return True
    try:
        return "%" not in text and bool(ipaddress.IPv6Address(text).packed)
    except ValueError:
        return False


def _range(inner: str, limit: int) -> list[str]:
    """Return what stands for a range: `1:3`, `01:10:2`, `a:c`."""
    bounds = inner.split(":")
    if len(bounds) not in (2, 3) or not bounds[1]:
        raise ValueError("a host's range needs a begin, a colon and an end.")
    first, last = bounds[0] or "0", bounds[1]
    step = _number(bounds[2]) if len(bounds) == 3 else 1
    if step < 1:
        raise ValueError("the step of a host's range must be at least 1.")
    letters = string.ascii_letters
    if first in letters and last in letters:
        begin, end = letters.index(first), letters.index(last)
        if begin > end:
            raise ValueError("a host's range ends before it begins.")
        return list(letters[begin : end + 1 : step])
    width = len(first) if first.startswith("0") and len(first) > 1 else 0
    if width and width != len(last):
        raise ValueError("begin and end of a host's range differ in length.")
    numbers = range(_number(first), _number(last) + 1, step)
    if len(numbers) > limit:
        raise ValueError(_TOO_MANY)
    return [str(number).zfill(width) for number in numbers]


def _number(digits: str) -> int:
    if not re.fullmatch(f"[0-9]{{1,{_MAX_DIGITS}}}", digits):
        raise ValueError("a host's range needs two numbers or two letters.")
    return int(digits)
