"""Talking to the user on standard error, and keeping a tree's own texts harmless there."""

from __future__ import annotations

import click


def say(text: str) -> None:
    """Tell the user something that is no data, on standard error."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Return a line with control characters written out, so that no terminal acts on them."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
