"""The reasoning behind a code, as text for people."""

from __future__ import annotations

from generator.emit.wrap import bullet, paragraphs
from generator.engine.detect.codes import codes
from generator.exits import UnusableInput

_WIDTH = 96


def explanation(code: str) -> str:
    """Return what `check --explain` prints; raises UnusableInput for a code that is none."""
    found = codes().get(code)
    if found is None:
        known = ", ".join(codes())
        raise UnusableInput(f"there is no code '{code}'; there are {known}.")
    parts = [
        f"{found.code} ({found.severity}): {found.title}.",
        paragraphs(found.text.strip(), _WIDTH),
    ]
    parts.append("\n".join(bullet(reference, _WIDTH) for reference in found.references))
    return "\n\n".join(parts)
