"""What `overlay verify` and `overlay refresh` print, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.overlay.manifest import Manifest, OverlayBase, base_data
from generator.overlay.refresh import Summary
from generator.overlay.state import Verdict
from generator.tree.base import Base

_SENTENCES = {
    "clean": "the tree is the one that the overlay was made for",
    "applied": "the tree has the overlay",
    "stale": "the tree changed below the overlay",
    "drifted": "the overlay was edited",
    "missing": "the overlay, or a file of it, is not there",
}


def verify_report(
    base: Base, manifest: Manifest | None, found: Verdict, command: str | None
) -> dict[str, Any]:
    """Return what `verify` found; `command` is what to run next."""
    return {
        "schema": "kubespray-patchgen/overlay-verify/1",
        "base": {"name": base.name, "commit": base.commit},
        "overlay": base_data(manifest.base) if manifest is not None else None,
        "state": found.state,
        "reason": found.reason,
        "files": [{"path": file.path, "state": file.state} for file in found.files],
        "next": command,
    }


def verify_text(found: Verdict, command: str | None) -> list[str]:
    """Return what `verify` found as lines: the state, a line a file in trouble, and what next."""
    # What one file's line says is not said twice.
    told = found.state in _SENTENCES and (found.reason is None or found.of(found.state))
    sentence = _SENTENCES[found.state] if told else found.reason
    if found.state == "applied" and not found.files:
        sentence = "the overlay holds no files"
    lines = [f"{found.state}: {sentence}"]
    for file in found.files:
        if file.state != found.state or file.reason is not None:
            reason = f" ({file.reason})" if file.reason is not None else ""
            lines.append(f"  {file.path}: {file.state}{reason}")
    return lines if command is None else [*lines, f"next: {command}"]


def refresh_report(found: Summary, replaced: bool) -> dict[str, Any]:
    """Return what `refresh` did."""
    return {
        "schema": "kubespray-patchgen/overlay-refresh/1",
        "base": {"from": base_data(found.old), "to": base_data(found.new)},
        "replaced": replaced,
        "patches": [
            {
                "id": patch.id,
                "version": patch.version,
                "state": patch.became,
                "needed": patch.needed,
                "reasons": list(patch.reasons),
            }
            for patch in found.patches
        ],
        "files": {
            "changed": list(found.changed),
            "added": list(found.added),
            "dropped": list(found.dropped),
            "unchanged": list(found.unchanged),
        },
        "new_patches": list(found.offered),
        "empty": found.is_empty,
    }


def refresh_text(found: Summary, replaced: bool) -> list[str]:
    """Return what `refresh` did, as lines."""
    return list(_refresh_lines(found, replaced))


def _refresh_lines(found: Summary, replaced: bool) -> Iterator[str]:
    same = found.old == found.new
    yield f"base: {_named(found.old)}" + (" (the same)" if same else f" -> {_named(found.new)}")
    for patch in found.patches:
        why = f": {'; '.join(patch.reasons)}" if patch.reasons else ""
        yield f"{patch.id}: {patch.became}{why}"
    groups = (
        ("changed", found.changed), ("added", found.added), ("dropped", found.dropped),
        ("unchanged", found.unchanged),
    )  # fmt: skip
    for what, paths in groups:
        for path in paths:
            yield f"{what}: {path}"
    for identity in found.offered:
        yield f"new: {identity}; add it with --with {identity}"
    if found.is_empty:
        yield "Nothing is left in the overlay: the tree needs none of its patches. Delete it."
    if not replaced:
        yield "The overlay is up to date; nothing was changed."


def _named(base: OverlayBase) -> str:
    name = base.name or base.describe
    identity = base.commit or base.tree
    more = ", with uncommitted changes" if base.uncommitted else ""
    return f"{name} ({identity[:12]}{more})" if name else f"{identity[:12]}{more}"
