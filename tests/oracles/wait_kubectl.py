"""kubectl, for tests that run what a patch adds to a tree."""

from __future__ import annotations

from pathlib import Path

from .packed import packed


def kubectl() -> Path | None:
    """The kubectl binary; None where it can't be had."""
    found = _found()
    return found if isinstance(found, Path) else None


def why_not() -> str:
    """Why ``kubectl`` gives None, as one line for pytest.skip; empty where it doesn't."""
    found = _found()
    return found if isinstance(found, str) else ""


def _found() -> Path | str:
    return packed("kubectl", ("version", "--client"), "Client Version: v")
