"""What files were parsed to, kept for other revisions that hold the same ones.

Releases have most of their files in common. A file's path and the id of its content decide what it
is parsed to, so each content is parsed once however many revisions are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from generator.model.playbook import Import, Play
from generator.model.role import Meta
from generator.model.use import Use
from generator.text.document import Document

Key: TypeAlias = tuple[str, str]
"""A path in the tree (links followed), and the id of the content there."""


@dataclass(frozen=True)
class Shelf:
    """Parsed files of one repository's revisions."""

    documents: dict[Key, Document] = field(default_factory=dict)
    entries: dict[Key, tuple[Play | Import, ...]] = field(default_factory=dict)
    metas: dict[Key, Meta] = field(default_factory=dict)
    task_uses: dict[Key, tuple[Use, ...]] = field(default_factory=dict)
