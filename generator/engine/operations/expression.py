"""Templates of Jinja2 that merge entries into what an expression gives.

They run on every ansible-core that a release of Kubespray asks for (2.12 and later): `combine`
and `union` are filters of Ansible's, see its documentation, "Using filters to manipulate data".
An expression that gives nothing, or null, counts as empty.
"""

from __future__ import annotations

import json
import re
from typing import Any


def merged_mapping(expression: str, into: str, wanted: list[Any]) -> str:
    """Return the template that merges a list into the mapping that an expression gives."""
    given = _operand(expression)
    rows = "".join(f"  {_literal(entry)},\n" for entry in wanted)
    return (
        f"{{{{ {given} | default({{}}, true) | combine({{'{into}': [\n{rows}"
        f"] | union({_item(given, into)} | default([], true))}}) }}}}"
    )


def merged_list(expression: str, wanted: list[Any]) -> str:
    """Return the template that merges entries into the list that an expression gives."""
    rows = "".join(f"  {_literal(entry)},\n" for entry in wanted)
    return f"{{{{ [\n{rows}] | union({_operand(expression)} | default([], true)) }}}}"


def _operand(expression: str) -> str:
    """Return an expression as filters can follow it."""
    return expression if re.fullmatch(r"[\w.]+", expression) else f"({expression})"


def _item(name: str, key: str) -> str:
    """Return the expression for a mapping's item; a dash in a dotted name would be a minus."""
    return f"{name}.{key}" if key.isidentifier() else f"{name}[{_literal(key)}]"


def _literal(entry: Any) -> str:
    """Return plain data as an expression of Jinja2, texts in single quotes."""
    if isinstance(entry, dict):
        pairs = (f"{_literal(key)}: {_literal(value)}" for key, value in entry.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(entry, list):
        return "[" + ", ".join(_literal(item) for item in entry) + "]"
    if isinstance(entry, str):
        return "'" + entry.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "none" if entry is None else json.dumps(entry)
