"""What a plain word of YAML means to Ansible: YAML 1.1's types as PyYAML knows them.

Source: the type repository of YAML 1.1 (bool, float, int, null), and PyYAML's resolver where
the two differ: `y` is text, `0o17` is text, a float's exponent needs a sign and a dot before it.
Dates stay text.
"""

from __future__ import annotations

import re
from typing import Any

_LONGEST_NUMBER = 4300
"""Longer words stay text: Python's own limit, for converting takes quadratic time."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))

_BOOL = {
    spelling: value
    for word, value in (
        *(("yes", True), ("true", True), ("on", True)),
        *(("no", False), ("false", False), ("off", False)),
    )
    for spelling in (word, word.capitalize(), word.upper())
}

_WHOLE = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])*)")

_BROKEN = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def plain(word: str) -> Any:
    """Return what a word without quotes and tag means: null, boolean, number or text."""
    if word in _NULL:
        return None
    if word in _BOOL:
        return _BOOL[word]
    if len(word) <= _LONGEST_NUMBER and word[0] in "-+.0123456789":
        try:
            if _WHOLE.fullmatch(word):
                return whole(word)
            if _BROKEN.fullmatch(word):
                return broken(word)
        except (ValueError, OverflowError):
            pass
    return word


def boolean(word: str) -> bool:
    """Return the boolean that a word says; raises ValueError where it says none."""
    try:
        return _BOOL[word.lower()]
    except KeyError:
        raise ValueError(word) from None


def whole(word: str) -> int:
    """Return the whole number that a word says; raises ValueError where it says none."""
    sign, digits = _signed(word)
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    if digits.startswith("0"):
        return sign * int(digits, 8)
    return sign * int(_by_sixties([int(part) for part in digits.split(":")]))


def broken(word: str) -> float:
    """Return the number with a point that a word says; raises ValueError where it says none."""
    sign, digits = _signed(word.lower())
    if digits in (".inf", ".nan"):
        return sign * float(digits[1:])
    return sign * float(_by_sixties([float(part) for part in digits.split(":")]))


def _signed(word: str) -> tuple[int, str]:
    digits = word.replace("_", "")
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("too long for a number")
    sign = -1 if digits.startswith("-") else 1
    return sign, digits[1:] if digits[:1] in ("-", "+") else digits


def _by_sixties(parts: list[Any]) -> Any:
    """Return a number with base 60, as in hours, minutes and seconds."""
    number = parts[0]
    for part in parts[1:]:
        number = number * 60 + part
    return number
