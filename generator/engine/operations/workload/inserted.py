"""Expressions that insert a list into a manifest: `{{ list | to_nice_yaml | indent(8) }}`.

The filters are Ansible's and Jinja's; they are read, never run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINES = ("to_nice_yaml", "to_yaml")
_FORMATS = (*_LINES, "to_json", "to_nice_json", "indent", "trim")
_KEEPS = ("list", "unique")
_DEFAULTS = ("default", "d")
_BASE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*(?:\([^()|]*\))?")


@dataclass(frozen=True, slots=True)
class Inserted:
    """A list that an expression writes out.

    `value` is the source of the list; `variable` is the variable's name, None where the list is
    an attribute of one. `lines` tells that it is written over lines, so it stands below its key.
    """

    value: str
    variable: str | None
    lines: bool


def inserted(source: str) -> Inserted | None:
    """Return what an expression inserts, None where it is not a list that is written out."""
    base, *filters = (part.strip() for part in source.split("|"))
    calls = [_CALL.fullmatch(part) for part in filters]
    if not _BASE.fullmatch(base) or not all(calls):
        return None
    names = [call[1] for call in calls if call]
    kept = next((at for at, name in enumerate(names) if name in _FORMATS), len(names))
    before, formats = names[:kept], names[kept:]
    if not {*before} <= {*_KEEPS, *_DEFAULTS} or not {*formats} <= {*_FORMATS}:
        return None
    defaults = [part for part, name in zip(filters, before, strict=False) if name in _DEFAULTS]
    value = " | ".join([base, *defaults])
    variable = None if "." in base else base
    return Inserted(value, variable, any(name in _LINES for name in formats))
