"""What a Jinja2 expression says for certain, found without evaluating it."""

from __future__ import annotations

from typing import Any


def literal_entries(template: str, key: str) -> list[Any]:
    """Return the literal list entries that stand under a key of a mapping in a template.

    A template of a tree is untrusted: it is parsed, never evaluated. One that does not parse
    has no entries.
    """
    from jinja2 import Environment, TemplateSyntaxError, nodes

    try:
        parsed = Environment().parse(template)
    except (TemplateSyntaxError, RecursionError):
        return []
    entries: list[Any] = []
    for pair in parsed.find_all(nodes.Pair):
        if not isinstance(pair.key, nodes.Const) or pair.key.value != key:
            continue
        found = [pair.value] if isinstance(pair.value, nodes.List) else []
        for listed in [*found, *pair.value.find_all(nodes.List)]:
            for item in listed.items:
                try:
                    entries.append(item.as_const())
                except nodes.Impossible:
                    continue
    return entries
