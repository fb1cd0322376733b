"""Templates of files for Ansible, filled with values: Ansible's own braces stay as they are.

The delimiters are `[[ ]]`, `[% %]` and `[# #]`. Whoever writes a semantic patch writes the
template, so it is filled in Jinja's sandbox, with nothing but the values and one filter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES, dump, parse

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_FILTERS = ("default", "first", "join", "last", "length", "list", "lower", "replace", "upper")

_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template can make Python raise."""


def fill(name: str, text: str, values: Mapping[str, Any]) -> str:
    """Return a template with the values in their places; its filter `yaml` writes a text as YAML.

    A name that is not given is an error. Where `name` says so (`.yml`, `.yml.j2`), the result
    must be YAML. Raises UnusableInput naming the template and, where it is known, the line.
    """
    from jinja2 import TemplateError, TemplateSyntaxError

    parts: list[str] = []
    size = 0
    try:
        for part in _environment().from_string(text).generate(**values):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise ValueError("the result is larger than 8 MiB, the limit")
    except TemplateSyntaxError as error:
        raise UnusableInput(f"{name}:{error.lineno}: {_plain(error)}.") from None
    except (*_FAILURES, TemplateError) as error:
        raise UnusableInput(f"{name}: the template cannot be filled: {_plain(error)}.") from None
    filled = "".join(parts)
    if re.search(r"\.ya?ml(\.j2)?$", name):
        parse(name, filled)
    return filled


def as_yaml(value: object) -> str:
    """Return a text, number or boolean as YAML, on one line, quoted where it must be."""
    if not isinstance(value, str | int | float | bool):
        raise ValueError("the filter yaml takes one text, number or boolean")
    return dump([value], 0).removeprefix("- ").rstrip("\n")


def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "%"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            raise SecurityError(f"the operator {operator} is not known here")

        def is_safe_callable(self, obj: Any) -> bool:
            return False

    environment = Environment(
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.clear()
    known = environment.filters
    environment.filters = {name: known[name] for name in _FILTERS} | {"yaml": as_yaml}
    return environment


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
