"""The commit message of a semantic patch, rendered from templates/commit-message.txt.j2."""

from __future__ import annotations

import datetime

from generator.emit.templates import WIDTH, template
from generator.engine.series import Applied
from generator.tree.base import Base


def commit_message(applied: Applied, base: Base, uncommitted: bool = False) -> str:
    """Return the message for one patch of a series made for `base`.

    `uncommitted` tells that files of the series differ from the base's commit.
    """
    text = template("commit-message.txt.j2").render(
        subject=subject(applied),
        patch=applied.patch,
        found=applied.found,
        components=applied.components,
        base=_base_line(base) + (" with uncommitted changes" if uncommitted else ""),
    )
    return text.rstrip("\n") + "\n"


def subject(applied: Applied) -> str:
    """Return the first line of a patch's message: its title, with its components where they fit."""
    title = applied.patch.title
    named = f"{title}: {', '.join(applied.components)}"
    return named if applied.components and len(named) <= WIDTH else title


def seconds_of(date: str) -> int:
    """Return the first moment of a semantic patch's date (UTC), in seconds since 1970."""
    day = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc)
    return int(day.timestamp())


def _base_line(base: Base) -> str:
    if base.commit is None:
        return base.revision or "a directory that is no repository"
    named = base.revision and base.revision not in ("HEAD", base.commit)
    return f"{base.revision} ({base.commit})" if named else base.commit
