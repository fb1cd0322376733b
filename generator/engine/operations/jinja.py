"""What a Jinja2 expression says for certain, found without evaluating it.

A template of a tree is untrusted: it is parsed, never evaluated, and no constant is folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import nodes

_KEEPS_LISTS = ("append", "append_rp", "prepend", "prepend_rp")
"""Ways of `combine` to merge lists in which the entries of both sides stay."""


class _Unknown(Exception):
    """An expression whose value is not written out."""


def expression_source(template: str) -> str | None:
    """Return the expression that a template is from end to end, None where it is anything else."""
    if _expression(template) is None:
        return None
    return template.strip().removeprefix("{{").removesuffix("}}").strip("-+ \t\r\n")


def entries_under(template: str, key: str) -> list[Any]:
    """Return the entries that the list under a key surely has in the mapping of a template."""
    expression = _expression(template)
    return _under(expression, key) if expression is not None else []


def entries_of(template: str) -> list[Any]:
    """Return the entries that the list of a template surely has."""
    expression = _expression(template)
    return _entries(expression) if expression is not None else []


def _expression(template: str) -> nodes.Expr | None:
    from jinja2 import Environment, TemplateSyntaxError, nodes

    try:
        body = Environment().parse(template.strip()).body
    except (TemplateSyntaxError, RecursionError, ValueError, OverflowError):
        return None
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    only = body[0].nodes[0]
    return None if isinstance(only, nodes.TemplateData) else only


def _under(expression: nodes.Expr, key: str) -> list[Any]:
    from jinja2 import nodes

    if isinstance(expression, nodes.Dict):
        return [entry for value in _values(expression, key) for entry in _entries(value)]
    if not isinstance(expression, nodes.Filter) or expression.node is None:
        return []
    if expression.name != "combine":
        return _under(expression.node, key) if expression.name == "default" else []
    parts = [expression.node, *expression.args]
    if _keyword(expression, "list_merge") in _KEEPS_LISTS:
        return [entry for part in parts for entry in _under(part, key)]
    for part in reversed(parts):
        if not isinstance(part, nodes.Dict):
            return _under(part, key)
        if _values(part, key):
            return _under(part, key)
    return []


def _entries(expression: nodes.Expr) -> list[Any]:
    from jinja2 import nodes

    if isinstance(expression, nodes.List):
        return [value for item in expression.items for value in _constant(item)]
    if isinstance(expression, nodes.Add):
        return _entries(expression.left) + _entries(expression.right)
    if isinstance(expression, nodes.Filter) and expression.node is not None:
        if expression.name == "union":
            return [e for part in (expression.node, *expression.args) for e in _entries(part)]
        if expression.name in ("default", "list", "unique"):
            return _entries(expression.node)
    return []


def _values(mapping: nodes.Dict, key: str) -> list[nodes.Expr]:
    from jinja2 import nodes

    return [
        pair.value for pair in mapping.items
        if isinstance(pair.key, nodes.Const) and pair.key.value == key
    ]  # fmt: skip


def _keyword(expression: nodes.Filter, name: str) -> Any:
    from jinja2 import nodes

    for keyword in expression.kwargs:
        if keyword.key == name and isinstance(keyword.value, nodes.Const):
            return keyword.value.value
    return None


def _constant(expression: nodes.Expr) -> list[Any]:
    """Return a literal's value in a list, an empty list where it is not written out."""
    try:
        return [_literal(expression)]
    except _Unknown:
        return []


def _literal(expression: nodes.Expr) -> Any:
    from jinja2 import nodes

    if isinstance(expression, nodes.Const):
        return expression.value
    if isinstance(expression, nodes.List):
        return [_literal(item) for item in expression.items]
    if isinstance(expression, nodes.Dict):
        return {_literal(pair.key): _literal(pair.value) for pair in expression.items}
    raise _Unknown
