"""The commit message of a semantic patch, rendered from templates/commit-message.txt.j2."""

from __future__ import annotations

import datetime

from generator.emit.templates import template
from generator.engine.series import Applied
from generator.tree.base import Base


def commit_message(applied: Applied, base: Base, uncommitted: bool = False) -> str:
    """Return the message for one patch of a series made for `base`.

    `uncommitted` tells that files of the series differ from the base's commit.
    """
    text = template("commit-message.txt.j2").render(
        patch=applied.patch,
        found=applied.found,
        base=_base_line(base) + (" with uncommitted changes" if uncommitted else ""),
    )
    return text.rstrip("\n") + "\n"


def seconds_of(date: str) -> int:
    """Return the first moment of a semantic patch's date (UTC), in seconds since 1970."""
    day = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc)
    return int(day.timestamp())


def _base_line(base: Base) -> str:
    if base.commit is None:
        return base.revision or "a directory that is no repository"
    named = base.revision and base.revision not in ("HEAD", base.commit)
    return f"{base.revision} ({base.commit})" if named else base.commit
