"""The commit message of a semantic patch, rendered from templates/commit-message.txt.j2."""

from __future__ import annotations

import datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from generator.emit.wrap import bullet, paragraphs
from generator.engine.series import Applied
from generator.resources import resource_dir
from generator.tree.base import Base

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH = 72
"""Columns of a commit message, as git's own documentation asks for."""


def commit_message(applied: Applied, base: Base, uncommitted: bool = False) -> str:
    """Return the message for one patch of a series made for `base`.

    `uncommitted` tells that files of the series differ from the base's commit.
    """
    text = _template().render(
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


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource_dir("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["bullet"] = partial(bullet, width=WIDTH)
    environment.filters["paragraphs"] = partial(paragraphs, width=WIDTH)
    return environment.get_template("commit-message.txt.j2")
