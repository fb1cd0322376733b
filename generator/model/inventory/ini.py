"""Inventory files in INI style.

Source: Ansible documentation, "How to build your inventory", and the page of the plugin
`ansible.builtin.ini`: values are Python literals where they can be, else text.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from generator.model.inventory.content import decoded
from generator.model.inventory.hosts import HostPatterns
from generator.model.inventory.setting import FileProblem, Setting, brief, encodable
from generator.model.inventory.statement import (
    AddChild,
    AddGroup,
    AddHost,
    SetVariable,
    Statement,
)
from generator.model.value import Value
from generator.text.document import Place
from generator.text.yaml import MAX_DEPTH

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")

_SPECIAL = re.compile(r"[\\'\"#]")
_SPACE = re.compile(r"[ \t\r\n]+")

_LONGEST_LINE = 16_384
"""A longer line is refused: splitting a line takes quadratic time."""


def read_ini(path: str, data: bytes, known: Iterable[str]) -> tuple[Statement, ...]:
    """Return what an INI file says; `known` are the groups of the files before it.

    Raises FileProblem naming the line that cannot be read.
    """
    path = encodable(path)
    return tuple(_Reader(path, known).statements(decoded(path, data).splitlines()))


class _Reader:
    """Reads the lines of one file, one after the other."""

    def __init__(self, path: str, known: Iterable[str]) -> None:
        self.path = path
        self.patterns = HostPatterns()
        self.known = set(known)
        # Groups that are used, but not yet declared: where, and the groups that they are part of.
        self.pending: dict[str, tuple[Place, list[str]]] = {}
        self.group = "ungrouped"
        self.kind = "hosts"

    def statements(self, lines: Iterable[str]) -> Iterator[Statement]:
        for number, raw in enumerate(lines, 1):
            line = raw.strip()
            place = Place(self.path, number, len(raw) - len(raw.lstrip()) + 1)
            if not line or line[0] in "#;":
                continue
            if len(line) > _LONGEST_LINE:
                reason = f"the line is longer than {_LONGEST_LINE} characters."
                raise FileProblem(place, reason)
            if section := _SECTION.fullmatch(line):
                yield from self._section(place, section[1], section[2] or "hosts")
            elif line.startswith("[") and line.endswith("]"):
                raise FileProblem(place, f"{brief(line)} is no section; mind spaces in its name.")
            elif self.kind == "hosts":
                yield from self._hosts(place, line)
            elif self.kind == "vars":
                yield self._variable(place, line)
            else:
                yield from self._child(place, line)
        for name, (place, parents) in self.pending.items():
            where = f"[{brief(parents[0])}:children]" if parents else f"[{brief(name)}:vars]"
            reason = f"{where} names the group {brief(name)}, which is declared nowhere."
            raise FileProblem(place, reason)

    def _section(self, place: Place, name: str, kind: str) -> Iterator[Statement]:
        if kind not in ("hosts", "children", "vars"):
            reason = f"sections are hosts, vars or children, not {brief(kind)}."
            raise FileProblem(place, reason)
        self.group, self.kind = name, kind
        if name not in self.known:
            if kind == "vars":
                self.pending.setdefault(name, (place, []))
            self.known.add(name)
            yield AddGroup(name)
        if kind != "vars" and name in self.pending:
            for parent in self.pending.pop(name)[1]:
                yield AddChild(parent, name)

    def _hosts(self, place: Place, line: str) -> Iterator[Statement]:
        try:
            pattern, *words = split_words(line)
            names, port = self.patterns.expand(pattern)
        except ValueError as error:
            reason = f"{brief(line)} is not read as a host: {error}"
            raise FileProblem(place, f"{reason.rstrip('.')}.") from None
        if not pattern or pattern == "---" or (pattern.endswith(":") and port is None):
            raise FileProblem(place, f"{brief(line)} is no host; is the file YAML?")
        settings = dict(self._setting(place, word) for word in words)
        for name in names:
            yield AddHost(encodable(name), self.group, Setting(port, place) if port else None)
            for key, setting in settings.items():
                yield SetVariable(encodable(name), key, setting)

    def _setting(self, place: Place, word: str) -> tuple[str, Setting]:
        name, equals, value = word.partition("=")
        if not equals:
            raise FileProblem(place, f"behind a host, name=value is expected, not {brief(word)}.")
        return encodable(name), Setting(literal(value), place)

    def _variable(self, place: Place, line: str) -> Statement:
        name, equals, value = line.partition("=")
        if not equals:
            raise FileProblem(place, f"name=value is expected, not {brief(line)}.")
        setting = Setting(literal(value.strip()), place)
        return SetVariable(self.group, encodable(name.strip()), setting)

    def _child(self, place: Place, line: str) -> Iterator[Statement]:
        found = _GROUP.fullmatch(line)
        if not found:
            raise FileProblem(place, f"a group's name is expected, not {brief(line)}.")
        if found[1] in self.known:
            yield AddChild(self.group, found[1])
        else:
            self.pending.setdefault(found[1], (place, []))[1].append(self.group)


def split_words(line: str) -> list[str]:
    """Split a line as a shell does, up to a comment; raises ValueError for an open quote."""
    if _SPECIAL.search(line):
        return shlex.split(line, comments=True)
    return [word for word in _SPACE.split(line) if word]  # Many times as fast.


def literal(text: str) -> Value:
    """Return what a value in an INI file means: a Python literal where it is one, else text."""
    try:
        with warnings.catch_warnings():
            # A backslash that escapes nothing is no mistake here.
            warnings.simplefilter("ignore")
            return _plain(ast.literal_eval(text), 0)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return encodable(text)


def _plain(value: Any, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_plain_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if value is ...:
        return "..."
    return encodable(str(value)) if isinstance(value, (str, complex)) else value


def _plain_key(key: Any) -> Any:
    return encodable(key) if isinstance(key, str) else key
