"""Filling text to a width without breaking names, paths and addresses."""

from __future__ import annotations

import textwrap


def paragraphs(text: str, width: int) -> str:
    """Fill each paragraph anew; paragraphs are apart by blank lines."""
    return "\n\n".join(_fill(" ".join(part.split()), width) for part in text.split("\n\n"))


def bullet(text: str, width: int) -> str:
    """Return a text as an item of a list."""
    return _fill(text, width, "- ", "  ")


def _fill(text: str, width: int, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=others,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
