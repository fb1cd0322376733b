"""A role's entry in a play, written as a task that imports the role.

Source: Ansible documentation, "ansible.builtin.import_role".
"""

from __future__ import annotations

import re

from generator.text.document import Document, Mapping, Node, Route, Scalar, Sequence
from generator.text.edit import refuse
from generator.text.sequence import ItemText, has_anchor_or_alias, take
from generator.text.shape import Shape, shape
from generator.text.yaml import parse

_SAME_FOR_TASKS = frozenset(
    """
    tags when vars become become_user become_method become_flags become_exe delegate_to
    delegate_facts environment any_errors_fatal ignore_errors ignore_unreachable connection port
    remote_user no_log run_once check_mode diff debugger module_defaults collections throttle
    timeout
    """.split()  # noqa: SIM905
)
"""Keywords of a role's entry that a task takes with the same meaning."""


def as_task(document: Document, route: Route, offset: int, what: str) -> tuple[ItemText, Shape]:
    """Return a role's entry as a task; values are written as they stand in the file.

    Comments above the entry and behind it stand above the task. `offset` is how far lists stand
    to the right of their keys. Raises Unsafe where a value is written over several lines in a
    way that cannot be taken over, where a comment stands inside, or where an anchor does.
    """
    entry = document.node(route)
    if has_anchor_or_alias(entry):
        raise refuse(document, entry, what, "it holds a YAML anchor or alias")
    name: Node | None = entry
    pairs: tuple[tuple[Node, Node], ...] = ()
    if isinstance(entry, Mapping):
        name, pairs = entry.get("role") or entry.get("name"), entry.pairs
    if not isinstance(name, Scalar):
        raise refuse(document, entry, what, "it has no name")
    lines = [
        *_comments(document, route, what),
        f"- name: Run {name.value.rsplit('/', 1)[-1]}",
        "  ansible.builtin.import_role:",
        f"    name: {_inline(document, name, what)}",
    ]
    params: list[str] = []
    for key, value in pairs:
        word = key.value if isinstance(key, Scalar) else ""
        if word in ("role", "name"):
            continue
        if word == "src":
            raise refuse(document, key, what, "a task has no 'src'")
        written = _written(document, word, value, offset, what)
        if word in _SAME_FOR_TASKS:
            lines += [f"  {line}" for line in written]
        else:
            params += [f"    {line}" for line in written]
    if params and "  vars:" in lines:
        raise refuse(document, entry, what, "it has both parameters and vars")
    if params:
        lines += ["  vars:", *params]
    root = parse("the task", "\n".join(lines)).root
    assert isinstance(root, Sequence)
    return ItemText(tuple(lines)), shape(root.items[0])


def _comments(document: Document, route: Route, what: str) -> list[str]:
    rows = list(take(document, route, what).lines)
    above = []
    while rows[0].startswith("#"):
        above.append(rows.pop(0))
    behind = [match[1] for row in rows if (match := re.search(r"\s(#.*)$", row))]
    if behind and len(rows) > 1:
        raise refuse(document, document.node(route), what, "a comment stands inside it")
    return above + behind


def _written(document: Document, key: str, value: Node, offset: int, what: str) -> list[str]:
    if isinstance(value, Sequence) and not value.flow:
        margin = " " * offset
        return [f"{key}:", *(f"{margin}- {_inline(document, v, what)}" for v in value.items)]
    if isinstance(value, Mapping) and not value.flow:
        pairs = (
            f"  {_inline(document, k, what)}: {_inline(document, v, what)}" for k, v in value.pairs
        )
        return [f"{key}:", *pairs]
    return [f"{key}: {_inline(document, value, what)}"]


def _inline(document: Document, node: Node, what: str) -> str:
    block = not isinstance(node, Scalar) and not getattr(node, "flow", False)
    source = document.text[node.start : node.end]
    if block or "\n" in source:
        raise refuse(document, node, what, "the value is written over several lines")
    return source
