"""Helm as an oracle: what a chart becomes with some values."""

from __future__ import annotations

from pathlib import Path

from .packed import packed


def helm() -> Path | None:
    """The helm binary; None where it can't be had."""
    found = _found()
    return found if isinstance(found, Path) else None


def why_not() -> str:
    """Why ``helm`` gives None, as one line for pytest.skip; empty where it doesn't."""
    found = _found()
    return found if isinstance(found, str) else ""


def _found() -> Path | str:
    return packed("helm", ("version", "--short"), "v")
