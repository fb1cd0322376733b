"""Edits of lists and mappings, case by case: tests/cases/edits/<name>/.

A case is `input.yml`, `operation.yml`, and `expected.yml` or, in the operation, `refused` with a
part of the reason and the `line` that the message must name. A new case needs no code.

`operation.yml` knows `operation` (take, remove, insert, move, replace, add-key), `route`, and what
that one needs: `index` and `item` (insert), `to` and `index` (move: put in, then taken out, as
the engine does), `key` (add-key), `source` and `value` (replace, add-key: the text, and the data
that it says). `layout` may hold `crlf` and `no-final-newline`: then input and expectation are
turned into it before the test, because editors and git like to repair such files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from generator.exits import Unsafe
from generator.text.document import Document, Route, Scalar, Sequence
from generator.text.mapping import add_key, replace_value
from generator.text.sequence import ItemText, insert, item_of, remove, sequence_offset, take
from generator.text.shape import Shape, shape
from generator.text.yaml import decode, dump, parse

CASES = sorted((Path(__file__).parents[1] / "cases" / "edits").iterdir())

WHAT = "edit the example"


def load(data: bytes) -> Any:
    return YAML(typ="safe", pure=True).load(data)


def laid_out(data: bytes, layout: str) -> bytes:
    """Return a file of a case in the layout that the case asks for."""
    known = {"", "crlf", "no-final-newline"}
    wanted = {word.strip() for word in layout.split(",")}
    assert wanted <= known, layout
    if "no-final-newline" in wanted:
        data = data.removesuffix(b"\n")
    return data.replace(b"\n", b"\r\n") if "crlf" in wanted else data


def value_shape(operation: dict[str, Any]) -> Shape:
    """Return the shape of a value that is given as data, as the source says it."""
    if isinstance(operation["value"], str):
        quoted = operation["source"][:1] in ("'", '"', ">", "|")
        return Scalar(0, 0, operation["value"], "quoted" if quoted else "")
    return shape(parse("value", dump(operation["value"])).root)


def take_item(document: Document, operation: dict[str, Any]) -> str:
    return take(document, tuple(operation["route"]), WHAT).indented(0, "\n")


def remove_item(document: Document, operation: dict[str, Any]) -> str:
    return remove(document, tuple(operation["route"]), WHAT).text


def insert_item(document: Document, operation: dict[str, Any]) -> str:
    text, item = item_of(operation["item"], sequence_offset(document))
    route, index = tuple(operation["route"]), operation["index"]
    return insert(document, route, index, text, item, WHAT).text


def move_item(document: Document, operation: dict[str, Any]) -> str:
    route: Route = tuple(operation["route"])
    to: Route = tuple(operation["to"])
    text, item = take(document, route, WHAT), shape(document.node(route))
    result = insert(document, to, operation["index"], text, item, WHAT)
    return remove(result, route, WHAT).text


def replace(document: Document, operation: dict[str, Any]) -> str:
    route, source = tuple(operation["route"]), operation["source"]
    return replace_value(document, route, source, value_shape(operation), WHAT).text


def add(document: Document, operation: dict[str, Any]) -> str:
    route, key, source = tuple(operation["route"]), operation["key"], operation["source"]
    return add_key(document, route, key, source, value_shape(operation), WHAT).text


OPERATIONS: dict[str, Callable[[Document, dict[str, Any]], str]] = {
    "take": take_item,
    "remove": remove_item,
    "insert": insert_item,
    "move": move_item,
    "replace": replace,
    "add-key": add,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    operation = load((case / "operation.yml").read_bytes())
    layout = operation.get("layout", "")
    data = laid_out((case / "input.yml").read_bytes(), layout)
    document = parse("input.yml", decode("input.yml", data))
    run = OPERATIONS[operation["operation"]]
    if "refused" in operation:
        assert not (case / "expected.yml").exists()
        with pytest.raises(Unsafe) as error:
            run(document, operation)
        line = operation.get("line", 1)
        assert str(error.value).startswith(f"input.yml:{line}: cannot {WHAT} safely: ")
        assert operation["refused"] in str(error.value)
        return
    expected = (case / "expected.yml").read_bytes()
    if operation["operation"] != "take":
        expected = laid_out(expected, layout)
    assert run(document, operation).encode() == expected


@pytest.mark.parametrize("kind", [*OPERATIONS, "refused"])
def test_every_operation_has_cases(kind: str) -> None:
    loaded = [load((case / "operation.yml").read_bytes()) for case in CASES]
    count = sum(kind in (operation["operation"], *operation) for operation in loaded)
    assert count >= 4 if kind != "take" else count >= 3


@pytest.mark.parametrize(
    ("data", "offset", "lines"),
    [
        pytest.param("x", 2, ("- x",), id="text"),
        pytest.param({"a": 1, "b": True}, 2, ("- a: 1", "  b: true"), id="mapping"),
        pytest.param({"a": ["b"]}, 2, ("- a:", "    - b"), id="list, indented"),
        pytest.param({"a": ["b"]}, 0, ("- a:", "  - b"), id="list, not indented"),
        pytest.param({"a": {"b": "c"}}, 0, ("- a:", "    b: c"), id="mapping in a mapping"),
        pytest.param({"a": []}, 2, ("- a: []",), id="empty list"),
    ],
)
def test_item_of(data: object, offset: int, lines: tuple[str, ...]) -> None:
    text, item = item_of(data, offset)
    assert text == ItemText(lines)
    root = parse("item", "\n".join(lines)).root
    assert isinstance(root, Sequence) and item == shape(root.items[0])


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        pytest.param("a:\n  - b\n", 2, id="two"),
        pytest.param("a:\n- b\n", 0, id="none"),
        pytest.param("a:\n    - b\n", 2, id="four counts as two"),
        pytest.param("a: [b]\n", 2, id="flow says nothing"),
        pytest.param("a: [b]\nc:\n- d\n", 0, id="first in block style"),
        pytest.param("- a\n- b\n", 2, id="none under a key"),
        pytest.param("- a:\n  - b\n", 0, id="in an item"),
        pytest.param("", 2, id="empty file"),
    ],
)
def test_sequence_offset(text: str, offset: int) -> None:
    assert sequence_offset(parse("a.yml", text)) == offset
