"""The program's own text templates."""

from __future__ import annotations

import shlex
from functools import cache, partial
from typing import TYPE_CHECKING

from generator.emit.wrap import bullet, paragraphs
from generator.resources import resource_dir

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH = 72
"""Columns of a commit message, as git's own documentation asks for."""


@cache
def template(name: str) -> Template:
    """Return a template of `templates/`; a name in it that is not given is an error.

    The filters `paragraphs` and `bullet` fill text to the width of a commit message, `quoted`
    quotes a word for a shell.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource_dir("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["bullet"] = partial(bullet, width=WIDTH)
    environment.filters["paragraphs"] = partial(paragraphs, width=WIDTH)
    environment.filters["quoted"] = shlex.quote
    return environment.get_template(name)
