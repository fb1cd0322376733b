"""Reading a saved dump: JSON or YAML, a list, single objects, or many of both in one file.

JSON is read object by object, so that of a large dump only its text is held in memory.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from generator.doctor.build import cluster_from
from generator.doctor.cluster import Cluster
from generator.exits import UnusableInput
from generator.text.document import data_of
from generator.text.yaml import MAX_BYTES, parse

MAX_DUMP = 256 * 1024 * 1024
"""A larger dump is refused; 10,000 pods on 5,000 nodes need about half of it."""

HOW = "`kubectl get nodes,pods,deployments,daemonsets,csr,events -A -o json`"
"""What saves a dump."""

_CHUNK = MAX_BYTES // 8
_BETWEEN = re.compile(r"(?:\s+|^(?:---|\.\.\.)(?=\s|\Z))*", re.MULTILINE)
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ITEMS = re.compile(r"^items:[ \t]*\r?\n(?=- )", re.MULTILINE)
_TOP = re.compile(r"^(?![ \t\r\n#]|- |-$)", re.MULTILINE)
_ITEM = re.compile(r"^-(?=[ \r\n])", re.MULTILINE)
_KIND = re.compile(r"^kind:[ \t]*\S", re.MULTILINE)
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def cluster_of_dump(name: str, data: bytes) -> Cluster:
    """Return the cluster that a dump describes; `name` is what the user calls the file.

    Raises UnusableInput naming file and line where it is neither JSON nor YAML, is cut off, or
    holds no node.
    """
    text = _decoded(name, data)
    if not text or text.isspace():
        raise UnusableInput(f"{name} is empty; save a dump with {HOW}.")
    cluster = cluster_from(name, _objects(name, text))
    if not cluster.nodes:
        raise UnusableInput(f"{name} holds no nodes; save a dump with {HOW}.")
    unread = []
    # Every node runs at least static pods, and no cluster is without workloads for long.
    if not cluster.pods:
        unread.append("pods")
    if not cluster.workloads:
        unread += ["deployments", "daemonsets"]
    return replace(cluster, unread=tuple(unread))


def _decoded(name: str, data: bytes) -> str:
    if len(data) > MAX_DUMP:
        raise UnusableInput(
            f"{name} is larger than 256 MiB, which is the limit for a dump. "
            "Save it without events, or with the pods of kube-system only."
        )
    # What a redirection in Windows PowerShell writes.
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding, called = ("utf-16", "UTF-16") if utf16 else ("utf-8-sig", "UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnusableInput(
            f"{name}:{line}: this is not {called} text; save a dump with {HOW}."
        ) from None


def _objects(name: str, text: str) -> Iterator[Mapping[str, Any]]:
    start = _BETWEEN.match(text, 0)
    at = start.end() if start else 0
    reader = _json(text, at) if text.startswith(("{", "["), at) else _yaml(name, text)
    try:
        yield from reader
    except _Broken as broken:
        raise _unusable(name, text, broken) from None
    except RecursionError:
        raise UnusableInput(
            f"{name}: an object is nested too deep to be one of a cluster."
        ) from None


class _Broken(Exception):
    """JSON that is wrong at an offset; `item` counts the items of its list."""

    def __init__(self, at: int, problem: str, item: int = 0) -> None:
        super().__init__(problem)
        self.at, self.problem, self.item = at, problem, item


def _unusable(name: str, text: str, broken: _Broken) -> UnusableInput:
    where = f" in item {broken.item} of the list" if broken.item else ""
    if _cut_off(text, broken):
        line = text.count("\n", 0, len(text.rstrip())) + 1
        return UnusableInput(
            f"{name}:{line}: the dump is cut off: the file ends{where or ' in an object'}. "
            "Save it again, and look whether the disk is full."
        )
    line = text.count("\n", 0, broken.at) + 1
    column = broken.at - text.rfind("\n", 0, broken.at)
    return UnusableInput(
        f"{name}:{line}:{column}: this is not valid JSON{where}: {broken.problem}."
    )


def _cut_off(text: str, broken: _Broken) -> bool:
    """Tell whether it is the end of the text that is wrong."""
    rest = text[broken.at : broken.at + 12].rstrip()
    return (
        not rest
        or broken.problem.startswith("Unterminated string")
        or (broken.at >= len(text.rstrip()) - 6 and broken.problem.startswith("Invalid \\"))
        or any(word.startswith(rest) for word in ("true", "false", "null", "-"))
    )


def _json(text: str, at: int) -> Iterator[Mapping[str, Any]]:
    while at < len(text):
        if text[at] == "{":
            at = yield from _object(text, at)
        elif text[at] == "[":
            at = yield from _array(text, at, None, [])
        else:
            raise _Broken(at, "an object is expected here")
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at


def _object(text: str, at: int) -> Generator[Mapping[str, Any], None, int]:
    """Give the object at an offset, or the items of the list that it is; return its end."""
    own: dict[str, Any] = {}
    loose: list[dict[str, Any]] = []
    items = False
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return at + 1
    while True:
        if not text.startswith('"', at):
            raise _Broken(at, "a key in double quotes is expected here")
        key, at = _value(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        if key == "items" and text.startswith("[", at):
            items = True
            at = yield from _array(text, at, own.get("kind"), loose)
        else:
            own[key], at = _value(text, at)
        at = _skip(text, at)
        if text.startswith("}", at):
            break
        at = _skip(text, _expect(text, at, ","))
    if not items:
        yield own
    for item in loose:
        yield _with_kind(item, own.get("kind"))
    return at + 1


def _array(
    text: str, at: int, kind: Any, loose: list[dict[str, Any]]
) -> Generator[Mapping[str, Any], None, int]:
    """Give the items of a list that starts at an offset; return its end.

    Items of a typed list (PodList) have no kind. Where the list's own is not known yet, they
    are put into `loose`.
    """
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return at + 1
    for number in range(1, len(text)):
        try:
            item, at = _value(text, at)
            at = _skip(text, at)
            last = text.startswith("]", at)
            at = at + 1 if last else _skip(text, _expect(text, at, ","))
        except _Broken as broken:
            raise _Broken(broken.at, broken.problem, number) from None
        if isinstance(item, dict):
            if "kind" in item or kind is not None:
                yield from _flat(_with_kind(item, kind))
            else:
                loose.append(item)
        if last:
            break
    return at


def _with_kind(item: dict[str, Any], kind: Any) -> Mapping[str, Any]:
    if "kind" in item or not isinstance(kind, str):
        return item
    return {**item, "kind": kind.removesuffix("List")}


def _flat(data: Any) -> Iterator[Mapping[str, Any]]:
    """Give an object, or all those of a list, of whatever depth."""
    pending = [data]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            pending.extend(reversed(each))
        elif isinstance(each, dict):
            items = each.get("items")
            if isinstance(items, list):
                kind = each.get("kind")
                pending.extend(
                    _with_kind(item, kind) for item in reversed(items) if isinstance(item, dict)
                )
            else:
                yield each


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _Broken(error.pos, error.msg) from None
    except StopIteration as error:
        raise _Broken(int(error.value), "a value is expected here") from None
    except ValueError:
        # Python turns no text of thousands of digits into a number.
        raise _Broken(at, "a number is too long") from None


def _expect(text: str, at: int, sign: str) -> int:
    if not text.startswith(sign, at):
        raise _Broken(at, f"'{sign}' is expected here")
    return at + 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _yaml(name: str, text: str) -> Iterator[Mapping[str, Any]]:
    starts = [0, *(marker.end() for marker in _MARKER.finditer(text))]
    ends = [*(marker.start() for marker in _MARKER.finditer(text)), len(text)]
    for start, end in zip(starts, ends, strict=True):
        listed = _ITEMS.search(text, start, end)
        if listed is None:
            data = _parsed(name, text, start, end)
            if data is not None and not isinstance(data, dict):
                line = text.count("\n", 0, start) + 1
                raise UnusableInput(
                    f"{name}:{line}: this is no object of a cluster; save a dump with {HOW}."
                )
            yield from _flat(data)
            continue
        top = _TOP.search(text, listed.end(), end)
        stop = top.start() if top else end
        # kubectl writes the kind behind the items, so a list without one has lost its end.
        if not _KIND.search(text, start, listed.start()) and not _KIND.search(text, stop, end):
            line = text.count("\n", 0, len(text[:end].rstrip())) + 1
            raise UnusableInput(
                f"{name}:{line}: the dump is cut off: the list that ends here has no kind. "
                "Save it again, and look whether the disk is full."
            )
        for first, last in _chunks(text, listed.end(), stop):
            yield from _flat(_parsed(name, text, first, last))


def _chunks(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Give start and end of runs of whole items, of about one MiB each."""
    first = start
    for item in _ITEM.finditer(text, start, stop):
        if item.start() - first > _CHUNK:
            yield first, item.start()
            first = item.start()
    yield first, stop


def _parsed(name: str, text: str, start: int, end: int) -> Any:
    part = text[start:end]
    if len(part) > MAX_BYTES:
        line = text.count("\n", 0, start) + 1
        raise UnusableInput(
            f"{name}:{line}: a document of more than 8 MiB begins here; save the dump as JSON."
        )
    try:
        return data_of(parse(name, part).root)
    except UnusableInput:
        above = text.count("\n", 0, start)
    try:
        # Once more, with the lines counted from the top of the file.
        return data_of(parse(name, "\n" * above + part).root)
    except UnusableInput as error:
        said = str(error)
        raise UnusableInput(said if said.startswith(name) else f"{name}: {said}") from None
