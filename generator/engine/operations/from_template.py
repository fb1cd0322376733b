"""The text of a template that a semantic patch names."""

from __future__ import annotations

from pathlib import Path

from generator.engine.fields import Fields
from generator.exits import UnusableInput
from generator.resources import resource_dir
from generator.text.yaml import MAX_BYTES
from generator.tree.base import normal


def plain_path(fields: Fields, field: str) -> str:
    """Return a field that is a path; raises UnusableInput where it leaves its folder."""
    path = fields.text(field)
    if path != normal(path):
        raise fields.wrong(field, "a plain path that leaves no folder")
    return path


def template_bytes(folder: Path, name: str) -> bytes:
    """Return a template's bytes: the one beside the patch file, else the program's own."""
    for place in (folder, resource_dir("templates")):
        path = place / name
        try:
            if path.is_file() and path.stat().st_size <= MAX_BYTES:
                return path.read_bytes()
        except OSError as error:
            raise UnusableInput(f"{path}: cannot be read ({error.strerror}).") from None
    raise UnusableInput(f"{name}: there is no such template beside the patch file.")
