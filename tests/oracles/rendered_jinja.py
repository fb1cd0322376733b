"""Renders manifest templates as Ansible's template module does, with Jinja2 itself.

Newlines behind statements are trimmed, blanks before them are kept, and the filters that write
YAML are stood in for by functions that do the same (Ansible documentation, module template).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, Undefined
from ruamel.yaml import YAML

MARGIN = 4


def render(template: str, variables: Mapping[str, Any], undefined: type[Undefined]) -> str:
    """The text that a template gives; the first line may change settings, as Ansible has it."""
    lstrip = template.startswith("#jinja2:") and "lstrip_blocks: True" in template.split("\n")[0]
    environment = Environment(
        trim_blocks=True, lstrip_blocks=lstrip, keep_trailing_newline=True, undefined=undefined
    )
    environment.filters |= {
        "to_nice_yaml": lambda data, indent=MARGIN, **_: dumped(data, indent),
        "to_yaml": lambda data, indent=2, **_: dumped(data, indent),
        "to_json": json.dumps,
        "to_nice_json": lambda data: json.dumps(data, indent=MARGIN),
    }
    environment.filters = Others(environment.filters, lambda value, *_, **__: value)
    environment.tests = Others(environment.tests, lambda *_: True)
    return environment.from_string(template).render(**variables)


class Others(dict[str, Any]):
    """Filters or tests of Jinja2; Ansible's others are all the same one."""

    def __init__(self, known: Mapping[str, Any], other: Callable[..., Any]) -> None:
        super().__init__(known)
        self._other = other

    def __missing__(self, name: str) -> Callable[..., Any]:
        return self._other

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]


def documents(text: str, *, repeated: bool = False) -> list[Any]:
    """The YAML documents of a text; raises where one is none, or a key stands twice.

    With `repeated` keys may, as they do in some of upstream's; the first one counts.
    """
    reader = YAML(typ="safe")
    reader.allow_duplicate_keys = repeated
    return [document for document in reader.load_all(text) if document]


def dumped(data: Any, indent: int) -> str:
    """Data as YAML over lines, lists as far to the right as their keys; a comment for none."""
    if isinstance(data, Undefined):
        return f"# {data}\n"
    if data == [] or not isinstance(data, list | dict):
        return "[]\n" if data == [] else f"{json.dumps(data, default=str)}\n"
    writer = YAML()
    writer.indent(mapping=indent, sequence=indent, offset=0)
    stream = io.StringIO()
    writer.dump(data, stream)
    return stream.getvalue()
