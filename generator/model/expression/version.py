"""Comparison of versions as the test `version` does it.

Source: Ansible documentation, "Comparing versions": the loose kind, which is the default. It
compares runs of digits as numbers and all else as text, part by part.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}

_PART = re.compile(r"(\d+|[a-z]+|\.)")


def compare(left: str, right: str, sign: str) -> bool:
    """Compare two versions; a `v` in front counts as text, so both must have it, or none.

    Raises ValueError for an empty version or another sign, and TypeError where a number meets a
    text, as in `1.2` and `1.x`.
    """
    if not left or not right or sign not in OPERATORS:
        raise ValueError
    return OPERATORS[sign](_parts(left), _parts(right))


def _parts(version: str) -> list[int | str]:
    return [
        int(part) if part.isdecimal() else part
        for part in _PART.split(version.strip())
        if part and part != "."
    ]
