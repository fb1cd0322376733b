"""Role uses: how plays, role dependencies and tasks say that a role shall run.

Source: Ansible documentation, "Roles", "ansible.builtin.import_role" and
"ansible.builtin.include_role".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from generator.text.document import Document, Mapping, Node, Place, Route, Scalar, Sequence

Kind = Literal["role", "dependency", "import_role", "include_role", "import_tasks", "include_tasks"]

_TASK_KINDS: dict[str, Kind] = {
    "import_role": "import_role",
    "include_role": "include_role",
    "import_tasks": "import_tasks",
    "include_tasks": "include_tasks",
    "include": "include_tasks",
}

_KEYWORDS = frozenset(
    """
    role name src tags when vars become become_user become_method become_flags become_exe
    delegate_to delegate_facts environment any_errors_fatal ignore_errors ignore_unreachable
    connection port remote_user no_log run_once check_mode diff debugger module_defaults
    collections throttle timeout
    """.split()  # noqa: SIM905
)
"""Keywords of a role's entry (Ansible documentation, "Playbook Keywords").

Every other key is a parameter of the role.
"""


@dataclass(frozen=True, slots=True)
class Use:
    """A role's or task file's entry in a play, among a role's dependencies, or in tasks.

    `route` leads to the entry in the file that `place` names; `tags` and `when` are those of
    the entry and of the blocks around it; `params` are name and source text.
    """

    kind: Kind
    name: str
    place: Place
    route: Route
    tags: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    tasks_from: str = "main"
    apply_tags: tuple[str, ...] = ()

    @property
    def is_role(self) -> bool:
        """Tell whether this brings a role rather than a task file."""
        return self.kind not in ("import_tasks", "include_tasks")

    @property
    def is_dynamic(self) -> bool:
        """Tell whether Ansible decides only at run time what this brings, and with which tags."""
        return self.kind in ("include_role", "include_tasks")

    @property
    def is_template(self) -> bool:
        """Tell whether the name is made by a template."""
        return "{{" in self.name or "{%" in self.name


def role_uses(
    document: Document, node: Node | None, route: Route, kind: Literal["role", "dependency"]
) -> Iterator[Use]:
    """Give the role uses of a play's `roles` or a role's `dependencies`, in order."""
    node = document.follow(node)
    if not isinstance(node, Sequence):
        return
    for index, entry in enumerate(node.items):
        item = document.follow(entry)
        place, here = document.place(entry), (*route, index)
        if isinstance(item, Scalar) and item.value:
            yield Use(kind, item.value, place, here)
        elif isinstance(item, Mapping):
            named = document.value(item, "role") or document.value(item, "name")
            name = text_of(document, named or document.value(item, "src"))
            yield Use(
                kind, name, place, here,
                tags_of(document, item), when_of(document, item), _params(document, item),
            )  # fmt: skip


def tags_of(document: Document, mapping: Mapping) -> tuple[str, ...]:
    """Return the tags of an entry, which may be a list or a text with commas."""
    words = words_of(document, document.value(mapping, "tags"))
    return tuple(tag.strip() for word in words for tag in word.split(",") if tag.strip())


def when_of(document: Document, mapping: Mapping) -> tuple[str, ...]:
    """Return the conditions of an entry, all of which must hold."""
    return words_of(document, document.value(mapping, "when"))


def words_of(document: Document, node: Node | None) -> tuple[str, ...]:
    """Return a scalar, or a list of them, as texts."""
    node = document.follow(node)
    if isinstance(node, Sequence):
        return tuple(text_of(document, item) for item in node.items)
    return (text_of(document, node),) if node is not None and text_of(document, node) else ()


def text_of(document: Document, node: Node | None) -> str:
    """Return a scalar's value; of a collection its source, on one line."""
    node = document.follow(node)
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return node.value
    return " ".join(document.text[node.start : node.end].split())


def uses_of_task(document: Document, task: Mapping, use: Use) -> Iterator[Use]:
    """Give the uses that a task makes: one for each key that brings a role or a task file.

    `use` holds what they have in common: place, route, tags and conditions.
    """
    for key in task.key_names():
        kind = _TASK_KINDS.get(short_name(key))
        if kind is not None:
            named = _named(document, task, key, replace(use, kind=kind))
            yield from _loop(document, task, named)


def short_name(key: str) -> str:
    """Return the short name of a module of Ansible's own."""
    return key.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def _named(document: Document, task: Mapping, key: str, use: Use) -> Use:
    """Return the use with what the module's arguments say: `name=x`, a bare name, or a mapping."""
    value = document.value(task, key)
    main = "name" if use.is_role else "file"
    apply = document.value(task, "apply")
    given: dict[str, str] = {}
    if isinstance(value, Scalar):
        given = _free_form(value.value, main)
    for source in (document.value(task, "args"), value):
        if isinstance(source, Mapping):
            apply = document.value(source, "apply") or apply
            given |= {name: text_of(document, source.get(name)) for name in source.key_names()}
    name = given.get(main) or (given.get("role", "") if use.is_role else given.get("_raw", ""))
    apply_tags = tags_of(document, apply) if isinstance(apply, Mapping) else ()
    tasks_from = given.get("tasks_from") or "main"
    return replace(use, name=name, tasks_from=tasks_from, apply_tags=apply_tags)


def _free_form(text: str, main: str) -> dict[str, str]:
    if "=" not in text.split("{{")[0]:
        return {main: text}
    try:
        words = shlex.split(text)
    except ValueError:
        return {main: text}
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    return pairs if main in pairs or "role" in pairs else {main: words[0], **pairs}


def _loop(document: Document, task: Mapping, use: Use) -> Iterator[Use]:
    """Give one use for each item where a template in the name goes over a literal loop."""
    items = document.value(task, "loop") or document.value(task, "with_items")
    match = re.fullmatch(r"([^{]*)\{\{\s*item(?:\.(\w+))?\s*\}\}([^{]*)", use.name)
    if match is None or not isinstance(items, Sequence):
        yield use
        return
    names = []
    for entry in items.items:
        item = document.follow(entry)
        if match[2] and isinstance(item, Mapping):
            item = document.value(item, match[2])
        if not isinstance(item, Scalar) or "{{" in item.value:
            yield use
            return
        names.append(match[1] + item.value + match[3])
    for name in names:
        yield replace(use, name=name)


def _params(document: Document, mapping: Mapping) -> tuple[tuple[str, str], ...]:
    own = [
        (key.value, text_of(document, value))
        for key, value in mapping.pairs
        if isinstance(key, Scalar) and key.value not in _KEYWORDS and key.value != "<<"
    ]
    variables = document.value(mapping, "vars")
    if isinstance(variables, Mapping):
        own += [(name, text_of(document, variables.get(name))) for name in variables.key_names()]
    return tuple(own)
