"""Texts to trees, by Jinja2's own parser. Nothing is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

Node: TypeAlias = Any
"""A node of jinja2.nodes."""

MAX_TEXT = 64 * 1024
"""A longer text is not parsed: the longest of upstream's has 4 KiB."""

MAX_NESTING = 100
"""A tree that is deeper is not evaluated: the walk recurses."""

_CACHED_TEXT = 512
"""Longer texts are parsed each time, so that no tree of files can fill the memory with trees."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LITERALS = frozenset({"true", "false", "none", "True", "False", "None", "not"})


def bare_name(text: str) -> str | None:
    """Return the variable that an expression consists of, None where it is more than one."""
    return text if _NAME.fullmatch(text) and text not in _LITERALS else None


def parse_template(text: str) -> Node | None:
    """Return the tree of a template text, None where it is none that can be evaluated."""
    if len(text) > MAX_TEXT:
        return None
    return _cached_template(text) if len(text) <= _CACHED_TEXT else _parse(_template, text)


def parse_expression(text: str) -> Node | None:
    """Return the tree of a bare expression, None where it is none that can be evaluated."""
    if len(text) > MAX_TEXT:
        return None
    return _cached_expression(text) if len(text) <= _CACHED_TEXT else _parse(_expression, text)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment

    # As Ansible sets it up.
    return Environment(trim_blocks=True, keep_trailing_newline=True)


@lru_cache(maxsize=4096)
def _cached_template(text: str) -> Node | None:
    return _parse(_template, text)


@lru_cache(maxsize=4096)
def _cached_expression(text: str) -> Node | None:
    return _parse(_expression, text)


def _template(text: str) -> Node:
    return _parser(_with_literal_backslashes(text) if "\\" in text else text, None).parse()


def _with_literal_backslashes(text: str) -> str:
    """Double the backslashes of texts inside of `{{ }}`, where Ansible takes them literally."""
    inside, parts = False, []
    for _, kind, part in _environment().lex(text):
        if kind in ("variable_begin", "variable_end"):
            inside = kind == "variable_begin"
        parts.append(part.replace("\\", "\\\\") if inside and kind == "string" else part)
    return "".join(parts)


def _expression(text: str) -> Node:
    from jinja2 import TemplateSyntaxError

    parser = _parser(text, "variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("more than one expression", 1)
    return expression


def _parser(text: str, state: str | None) -> Any:
    from jinja2.lexer import TokenStream
    from jinja2.parser import Parser

    parser = Parser(_environment(), text, state=state)
    # All tokens at once: where nesting is too deep, Python 3.12 would complain on stderr about
    # the lexer's generator, which it cannot close any more.
    parser.stream = TokenStream(iter(list(parser.stream)), None, None)
    return parser


def _parse(parser: Callable[[str], Node], text: str) -> Node | None:
    from jinja2 import TemplateError

    try:
        tree = parser(text)
    except (TemplateError, ValueError, ArithmeticError, MemoryError):
        # Not only syntax: a whole number of thousands of digits is a ValueError.
        return None
    return tree if _shallow(tree) else None


def _shallow(tree: Node) -> bool:
    level = [tree]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return True
    return False
