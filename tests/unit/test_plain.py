"""Nodes as plain data: what Ansible's YAML reader makes of them (PyYAML's, YAML 1.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.text.document import Document, Scalar
from generator.text.plain import TooMuch, plain, scalar
from generator.text.yaml import parse


def read(text: str, budget: int = 20_000) -> Any:
    document = parse("a.yml", text)
    return plain(document, document.root, budget)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("yes", True), ("Yes", True), ("on", True), ("true", True), ("TRUE", True),
        ("no", False), ("off", False), ("False", False), ("OFF", False),
        ("y", "y"), ("n", "n"), ("yEs", "yEs"),
        ("", None), ("~", None), ("null", None), ("Null", None), ("none", "none"), ("None", "None"),
        ("0", 0), ("-1", -1), ("+12", 12), ("1_000", 1000), ("010", 8), ("0o10", "0o10"),
        ("0x1F", 31), ("0b101", 5), ("1:30", 90), ("1.5", 1.5), ("-0.5", -0.5), (".5", 0.5),
        ("1e3", "1e3"), ("1.0e+3", 1000.0), ("1.2.3", "1.2.3"), ("v1.2", "v1.2"),
        ("08", "08"), ("1_", 1), ("-", "-"), ("+", "+"), ("0.2.8", "0.2.8"),
        ("2026-11-23", "2026-11-23"), ("a b", "a b"), ("10m", "10m"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_plain_words(word: str, expected: Any) -> None:
    found = scalar(Scalar(0, len(word), word))
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", ["'yes'", '"1"', "|\n  no\n", ">\n  1\n", "!!str 1", "! true"])
def test_what_is_quoted_or_tagged_is_text(text: str) -> None:
    assert isinstance(read(f"a: {text}\n")["a"], str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("a: [1, yes, {b: c}]\n", {"a": [1, True, {"b": "c"}]}),
        ("- a\n- - b\n", ["a", ["b"]]),
        ("a:\n", {"a": None}),
        ("a: 1\na: 2\n", {"a": 2}),
        ("1: a\nyes: b\n~: c\n", {True: "b", None: "c"}),
        ("'1': a\n", {"1": "a"}),
        ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        ("a: {q: 3, <<: {p: 1, q: 2}}\n", {"a": {"q": 3, "p": 1}}),
        ("a: {<<: [{p: 1}, {p: 2, q: 2}]}\n", {"a": {"p": 1, "q": 2}}),
        ("a: {'<<': {p: 1}}\n", {"a": {"<<": {"p": 1}}}),
        ("a: {<<: 5, b: 1}\n", {"a": {"b": 1}}),
        ("&k a: 1\n*k : 2\n", {"a": 2}),
    ],
)
def test_collections(text: str, expected: Any) -> None:
    assert read(text) == expected


def test_keys_that_are_collections_become_text() -> None:
    assert list(read("{[a, b]: c, {d: e}: f}\n").values()) == ["c", "f"]
    assert all(isinstance(key, str) for key in read("{[a]: c, {d: e}: f}\n"))


def test_what_is_copied_is_not_shared() -> None:
    found = read("a: &x [1]\nb: *x\n")
    found["a"].append(2)
    assert found["b"] == [1]


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x]\n"]
    lines += [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, levels)
    ]  # fmt: skip
    return "".join(lines)


def test_aliases_that_stand_for_too_much() -> None:
    assert len(read(bomb(3))["a2"]) == 10
    with pytest.raises(TooMuch):
        read(bomb(9))


@pytest.mark.parametrize(
    "text", ["&a [*a]\n", "&a {b: *a}\n", "a: &a {b: [*a, *a]}\n", "&a {<<: *a}\n"]
)
def test_an_alias_inside_its_own_anchor(text: str) -> None:
    with pytest.raises(TooMuch):
        read(text)


def test_the_budget_counts_nodes() -> None:
    assert read("[a, b]\n", budget=3) == ["a", "b"]
    with pytest.raises(TooMuch):
        read("[a, b]\n", budget=2)


def test_what_is_not_there() -> None:
    assert plain(Document("a.yml", "", ()), None) is None


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab: -#'\"{[\n", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(DATA)
def test_what_json_says_comes_back(data: Any) -> None:
    import json

    assert read(json.dumps({"x": data}))["x"] == data
