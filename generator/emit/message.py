"""The commit message of a semantic patch, rendered from templates/commit-message.txt.j2."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import TYPE_CHECKING

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


def _base_line(base: Base) -> str:
    if base.commit is None:
        return "a directory that is no repository"
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
    environment.filters["bullet"] = _bullet
    environment.filters["paragraphs"] = _paragraphs
    return environment.get_template("commit-message.txt.j2")


def _paragraphs(text: str) -> str:
    """Fill each paragraph anew, to the width of a commit message."""
    filled = (
        textwrap.fill(" ".join(part.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n")
    )
    return "\n\n".join(filled)


def _bullet(sentence: str) -> str:
    return textwrap.fill(
        sentence, WIDTH, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
