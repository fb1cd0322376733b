"""The content of one file, JSON or YAML, as data with the places of its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.exits import UnusableInput
from generator.model.inventory.nodes import NodeReader
from generator.model.inventory.setting import FileProblem, Setting, Unread, brief, encodable, named
from generator.model.inventory.statement import SetVariable
from generator.model.value import Unknown, Value
from generator.text.document import Place
from generator.text.yaml import MAX_DEPTH, decode, parse

_LONGEST_NUMBER = 4300


@dataclass(frozen=True)
class Content:
    """A file's data; `place` says where a key of a mapping in it stands."""

    path: str
    data: Value
    place: Callable[[Mapping[Any, Value], Any], Place]
    unread: tuple[Unread, ...] = ()
    is_json: bool = False

    @property
    def start(self) -> Place:
        """Where the file begins."""
        return Place(self.path, 1)

    def variables(self, owner: str, mapping: Mapping[Any, Value]) -> Iterator[SetVariable | Unread]:
        """Give the variables of a mapping in the file, and notes on names that are none."""
        for name, value in mapping.items():
            place = self.place(mapping, name)
            if isinstance(name, str):
                yield SetVariable(owner, name, Setting(named(value, name), place))
            else:
                yield place, f"The key {brief(name)} is left out: no variable has such a name."


def load(path: str, data: bytes) -> Content:
    """Return the content of a file that is JSON or YAML, as Ansible tries them in turn.

    Raises FileProblem where it is neither, is not UTF-8, nested too deep or an alias bomb.
    """
    path = encodable(path)
    text = decoded(path, data)
    if text.lstrip(" \t\r\n").startswith("{"):
        try:
            return _from_json(path, text)
        except ValueError:
            pass  # YAML's flow style begins like JSON.
    return _from_yaml(path, text)


def decoded(path: str, data: bytes) -> str:
    """Return a file's text; raises FileProblem where it is not UTF-8."""
    try:
        return decode(path, data)
    except UnusableInput as error:
        raise _placed(path, error) from None


def load_json(path: str, data: bytes) -> Content:
    """Return the content of a text that must be JSON; raises FileProblem where it is not."""
    try:
        return _from_json(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FileProblem(Place(path, 1), "this is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = Place(path, error.lineno, error.colno)
        raise FileProblem(place, f"this is not valid JSON: {error.msg}.") from None
    except ValueError as error:
        raise FileProblem(Place(path, 1), f"this is not valid JSON: {error}.") from None


def _from_json(path: str, text: str) -> Content:
    start = Place(path, 1)
    deep = FileProblem(start, f"nested deeper than {MAX_DEPTH} levels.")
    try:
        data = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise deep from None
    return Content(path, _adapted(data, 0, deep), lambda mapping, key: start, is_json=True)


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number has too many digits")
    return int(digits)


def _adapted(value: Any, depth: int, deep: FileProblem) -> Value:
    """Return JSON's data with what Ansible writes for encrypted and for unsafe texts read."""
    if depth > MAX_DEPTH:
        raise deep
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [_adapted(item, depth + 1, deep) for item in value]
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            return Unknown()
        if "__ansible_unsafe" in value:
            return _adapted(value["__ansible_unsafe"], depth + 1, deep)
        return {encodable(key): _adapted(item, depth + 1, deep) for key, item in value.items()}
    return value


def _from_yaml(path: str, text: str) -> Content:
    try:
        document = parse(path, text)
    except UnusableInput as error:
        raise _placed(path, error) from None
    if len(document.roots) > 1:
        place = document.place(document.roots[1])
        raise FileProblem(place, "a second YAML document begins; one is expected.")
    reader = NodeReader(document)
    data = reader.data(document.roots[0]) if document.roots else None

    def place_of(mapping: Mapping[Any, Value], key: Any) -> Place:
        offset = reader.offsets.get(id(mapping), {}).get(key, 0)
        return Place(path, document.line(offset), document.column(offset) + 1)

    return Content(path, data, place_of, tuple(reader.unread))


def _placed(path: str, error: UnusableInput) -> FileProblem:
    """Take the place out of a message that begins with it, as those of generator.text do."""
    message = str(error)
    found = re.match(r":(\d+)(?::(\d+))?: ", message[len(path) :])
    if not message.startswith(path) or not found:
        return FileProblem(Place(path, 1), message)
    place = Place(path, int(found[1]), int(found[2] or 1))
    return FileProblem(place, message[len(path) + found.end() :])
