"""Templates: masked text is YAML with the template's offsets, and no file can hurt the reader."""

from __future__ import annotations

import time

import pytest

from generator.exits import UnusableInput
from generator.text import template as module
from generator.text.document import Mapping, Scalar, data_of
from generator.text.template import (
    MAX_NESTING,
    MAX_TOKENS,
    Assignment,
    Expression,
    Loop,
    Template,
    is_template,
    lex,
    parse_each,
    parse_masked,
)
from generator.text.yaml import MAX_BYTES

MASKS = [
    pytest.param("a: 1\n", "a: 1\n", id="plain"),
    pytest.param("", "", id="empty"),
    pytest.param("a: {{ b }}\n", "a: xxxxxxx\n", id="value"),
    pytest.param("a: {{ b }}", "a: xxxxxxx", id="no final newline"),
    pytest.param("a: {{ b }}\r\nc: d\r\n", "a: xxxxxxx\r\nc: d\r\n", id="crlf"),
    pytest.param("a: {{ b }}\rc: d\r", "a: xxxxxxx\rc: d\r", id="cr"),
    pytest.param("a: {{ b }} # c\n", "a: xxxxxxx # c\n", id="comment behind"),
    pytest.param("- {{ b }}\n", "- xxxxxxx\n", id="item"),
    pytest.param('a: "{{ b }}"\n', 'a: "xxxxxxx"\n', id="quoted"),
    pytest.param("{{ a }}: {{ b }}\n", "xxxxxxx: xxxxxxx\n", id="key"),
    pytest.param("a: {{ b }}:{{ c }}\n", "a: xxxxxxx:xxxxxxx\n", id="two in one scalar"),
    pytest.param('a: {{ {"}}": [1]} }}\n', "a: xxxxxxxxxxxxxxxxx\n", id="braces inside"),
    pytest.param("a: {{ b |\n  c }} # d\n", "a: xxxxxx\n       # d\n", id="over two lines"),
    pytest.param("a:\n  {{ b }}\nc: d\n", "a:\n  #xxxxxx\nc: d\n", id="alone"),
    pytest.param("{{- b -}}  \n", "#xxxxxxxx  \n", id="alone with signs"),
    pytest.param("  {{ b\n | c }}\n", "  #xxx\n       \n", id="alone over two lines"),
    pytest.param("  {{ b }}  # c\n", "  #xxxxxx  # c\n", id="alone but for a comment"),
    pytest.param("{{ b }}#c\n", "xxxxxxx#c\n", id="no comment"),
    pytest.param("{{ a }} {{ b }}\n", "xxxxxxx xxxxxxx\n", id="two beside each other"),
    pytest.param("{% if a %}{{ b }}{% endif %}\n", " " * 10 + "#xxxxxx" + " " * 11 + "\n", id="if"),
    pytest.param("a: b{{ '' }}\n", "a: b        \n", id="empty text"),
    pytest.param("{# a\n {{ b }} #}c: d\n", "    \n           c: d\n", id="comment"),
    pytest.param(
        "{% raw -%}\na: '{{ b }}'\n{%- endraw %}\n",
        "          \na: '{{ b }}'\n             \n",
        id="raw",
    ),
    pytest.param("a: 1\n{% set b = 1 %}\n", "a: 1\n               \n", id="statement"),
    pytest.param(
        "{% set b %}c: d\n{% endset %}e: f", " " * 15 + "\n" + " " * 12 + "e: f", id="set"
    ),
    pytest.param("{% macro b() %}c: d{% endmacro %}\n", " " * 33 + "\n", id="macro"),
    pytest.param("é: {{ b }}\n😀: c\n", "é: xxxxxxx\n😀: c\n", id="code points"),
    pytest.param("#jinja2: lstrip_blocks: True\na: {{ b }}\n", None, id="header"),
    pytest.param(
        "a: b{% if c %}-d{% endif %}\n", "a: b          -d           \n", id="inside a word"
    ),
    pytest.param(
        "a: {% if b %}[c]{% else %}[d]{% endif %}\n",
        "a:           [c]                        \n",
        id="alternatives in a line",
    ),
    pytest.param(
        "a:\n{% if b %}\n- c\n{% else %}\n- d\n{% endif %}\n",
        "a:\n          \n- c\n          \n- d\n           \n",
        id="alternatives in lines",
    ),
    pytest.param(
        "a: {% for b in c %}d{% else %}e{% endfor %}\n",
        "a:                 d                       \n",
        id="for else in a line",
    ),
    pytest.param(
        "{% for b in c %}\n- d\n{% else %}\n- e\n{% endfor %}\n",
        "                \n- d\n          \n- e\n            \n",
        id="for else in lines",
    ),
]


@pytest.mark.parametrize(("text", "masked"), MASKS)
def test_masks(text: str, masked: str | None) -> None:
    found = lex("a.yml.j2", text).masked()
    assert found == (text.replace("{{ b }}", "xxxxxxx") if masked is None else masked)
    assert len(found) == len(text)


CHAIN = "{% if a %}\nx: 1\n{% elif b %}\nx: 2\n{% else %}\nx: 3\n{% endif %}\n"


@pytest.mark.parametrize(
    ("known", "values"),
    [
        ({}, "123"),
        ({"a": True}, "1"),
        ({"a": False}, "23"),
        ({"b": True}, "12"),
        ({"b": False}, "13"),
        ({"a": False, "b": False}, "3"),
        ({"a": True, "b": True}, "1"),
    ],
)
def test_impossible_branches_are_hidden(known: dict[str, bool], values: str) -> None:
    masked = lex("a.yml.j2", CHAIN).masked(known.get)
    assert "".join(filter(str.isdigit, masked)) == values
    assert masked.count("\n") == CHAIN.count("\n")


def test_a_line_shows_the_first_branch_that_is_possible() -> None:
    template = lex("a.yml.j2", "a: {% if b %}c{% elif d %}e{% else %}f{% endif %}\n")
    assert template.masked({"b": False}.get).split() == ["a:", "e"]
    assert template.masked({"b": False, "d": False}.get).split() == ["a:", "f"]


def test_only_the_first_branch_on_demand() -> None:
    template = lex("a.yml.j2", CHAIN)
    assert template.masked(first_only=True).split() == ["x:", "1"]
    assert template.masked({"a": False}.get, first_only=True).split() == ["x:", "2"]


def test_each_source_is_decided_once() -> None:
    asked: list[str] = []
    lex("a.yml.j2", CHAIN * 2).masked(asked.append)
    assert sorted(asked) == ["a", "b"]


def test_conditions() -> None:
    text = "0{% if a %}1{% if b  == 'x' -%}2{% endif %}3{% elif c %}4{% else %}5{% endif %}6"
    template = lex("a.yml.j2", text)
    expected = {
        "0": (),
        "1": (("a", True),),
        "2": (("a", True), ("b  == 'x'", True)),
        "3": (("a", True),),
        "4": (("a", False), ("c", True)),
        "5": (("a", False), ("c", False)),
        "6": (),
    }
    found = {digit: template.conditions_at(text.index(digit)) for digit in expected}
    assert found == expected


def test_what_a_template_holds() -> None:
    text = "{% set a.b = c == 1 -%}\n{%- for d, e in f if g %}{{- h | i(j=1) -}}{% endfor %}"
    template = lex("a.yml.j2", text)
    assert template.assignments == (Assignment(0, 23, "a.b", "c == 1"),)
    start = text.index("{{")
    assert template.loops == (Loop(start, text.index("{% end"), "d, e in f if g"),)
    assert template.expressions == (
        Expression(start, text.index("{% end"), "h | i(j=1)", alone=True),
    )


def test_a_block_set_is_no_assignment() -> None:
    assert lex("a.yml.j2", "{% set a | b(c=1) %}d{% endset %}").assignments == ()


def test_the_body_of_a_loop_ends_at_its_else() -> None:
    text = "{% for a in b %}c{% else %}d{% endfor %}"
    template = lex("a.yml.j2", text)
    assert [text[loop.start : loop.end] for loop in template.loops] == ["c"]
    assert template.branches == ()


def test_expression_at() -> None:
    text = "a: {{ b }}\nc: {{ d }}-{{ e }}\nf: g\n"
    template = lex("a.yml.j2", text)
    root = parse_masked(template).root
    assert isinstance(root, Mapping)
    found = [template.expression_at(value.start, value.end) for _, value in root.pairs]
    assert [one and one.source for one in found] == ["b", None, None]
    assert template.expression_at(3, 9) is None, "only half of it is inside"


@pytest.mark.parametrize(
    ("path", "expected"), [("a/b.yml.j2", True), ("a.yaml.j2", True), ("a.yml", False)]
)
def test_is_template(path: str, expected: bool) -> None:
    assert is_template(path) is expected


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param(
            "a:\n{% for b in c %}\n  - d: {{ b }}\n    e: 1\n{% endfor %}\n",
            {"a": [{"d": "xxxxxxx", "e": 1}]},
            id="loop of items",
        ),
        pytest.param(
            "a:\n{{ b | to_nice_yaml | indent(8) }}\nc: 1\n", {"a": None, "c": 1}, id="inserted"
        ),
        pytest.param(
            "a: [{% if b %}'c'{% else %}'d'{% endif %}]\n", {"a": ["c"]}, id="flow in a line"
        ),
        pytest.param(
            "a:\n{% if b %}\n  - c\n{% else %}\n  d: 1\n{% endif %}\n",
            {"a": ["c"]},
            id="first branch only",
        ),
        pytest.param(
            "a: |\n{% if b and c and d %}\n  e\n{% endif %}\n  f\ng: 1\n",
            {"a": ["e", "f"], "g": 1},
            id="statement at the head of a block scalar",
        ),
        pytest.param(
            "a: |\n  b\n{{ c | indent }}\n  d\ne: 1\n",
            {"a": ["b", "d"], "e": 1},
            id="lines inside a block scalar",
        ),
        pytest.param(
            "a: b\n  {{ c }}\n  d\ne: 1\n",
            {"a": ["b", "d"], "e": 1},
            id="lines inside a plain scalar",
        ),
        pytest.param("{{ a }}", None, id="nothing but an expression"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_parses(text: str, data: object, newline: str) -> None:
    text = text.replace("\n", newline)
    document = parse_masked(lex("a.yml.j2", text))
    found = data_of(document.root)
    if isinstance(found, dict) and isinstance(found.get("a"), str):
        found["a"] = found["a"].split()
    assert found == data
    assert len(document.text) == len(text)
    assert document.text.count("\n") == text.count("\n")


def test_spans_are_those_of_the_template() -> None:
    text = "{% if a %}\nb: |\n{% if c %}\n  d\n{% endif %}\n{% endif %}\ne: 'f'\n"
    document = parse_masked(lex("a.yml.j2", text))
    root = document.root
    assert isinstance(root, Mapping)
    value = root.get("e")
    assert isinstance(value, Scalar)
    assert text[value.start : value.end] == "'f'"
    assert document.line(value.start) == 7


BROKEN = (
    "---\na: 1\n---\n{% if a %}\nb: [\n{% endif %}\n---\n{% if a %}\n- c\n{% else %}\nd: 1\n"
    "{% endif %}\n---\né: {{ f }}\n"
)


def test_documents_around_a_broken_one() -> None:
    template = lex("a.yml.j2", BROKEN)
    with pytest.raises(UnusableInput, match=r"^a\.yml\.j2:[67]:"):
        parse_masked(template)
    document, errors = parse_each(template)
    assert [data_of(root) for root in document.roots] == [{"a": 1}, ["c"], {"é": "xxxxxxx"}]
    assert [str(error).split(" ")[0] for error in errors] == ["a.yml.j2:7:1:"]
    last = document.roots[-1]
    assert isinstance(last, Mapping)
    assert [BROKEN[node.start : node.end] for node in last.pairs[0]] == ["é", "{{ f }}"]


def test_a_template_that_parses_has_no_errors() -> None:
    document, errors = parse_each(lex("a.yml.j2", "a: 1\n---\nb: 2\n"))
    assert (len(document.roots), errors) == (2, ())


def test_one_broken_document_gives_its_error() -> None:
    document, errors = parse_each(lex("a.yml.j2", "a: [\n"))
    assert (document.roots, len(errors)) == ((), 1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n{% if a %}\n", 2, "'if' has no 'endif'"),
        ("{% endif %}\n", 1, "'endif' stands without 'if'"),
        ("\n\r\n{% if a %}{% endfor %}\n", 3, "stands without 'for' inside 'if'"),
        ("{% elif a %}", 1, "'elif' stands without 'if'"),
        ("{% for a in b %}\n{% elif a %}{% endfor %}", 2, "'elif' stands without 'if'"),
        ("{% if a %}{% else %}\r{% else %}{% endif %}", 2, "'else' stands without 'if'"),
        ("{% endraw %}", 1, "'endraw' stands without 'raw'"),
        ("{% set a %}", 1, "'set' has no 'endset'"),
        ("\n{{ a", 2, "'{{' has no end"),
        ("{{ a }}" + " " * 500 + "\n{% if", 2, "'{%' has no end"),
        ("{{ a }}{{", 1, "'{{' has no end"),
        ("\n{# a", 2, "Missing end of comment tag"),
        ("\n{% raw %} ", 2, "Missing end of raw directive"),
        ("{{ a }}" + "\n" * 500 + "{{ a ) }}", 501, "unexpected ')'"),
        ("\n{{ a ? }}", 2, "unexpected char '?'"),
        ("#jinja2: variable_start_string:'[%', trim_blocks: False\n", 1, "other delimiters"),
    ],
)
def test_refuses(text: str, line: int, words: str) -> None:
    with pytest.raises(UnusableInput) as raised:
        lex("a.yml.j2", text)
    assert str(raised.value).startswith(f"a.yml.j2:{line}: ")
    assert words in str(raised.value)


def nested(depth: int) -> str:
    return "{% if a %}" * depth + "{% endif %}" * depth


def chain(length: int) -> str:
    return "{% if a %}" + "{% elif a %}" * (length - 1) + "{% endif %}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (nested(MAX_NESTING + 1), "nested deeper than 100 levels"),
        (chain(MAX_NESTING + 1), "more than 100 conditions"),
        ("{{ a }}" * (MAX_TOKENS // 5 + 1), "more than 100000 Jinja2 tokens"),
        ("é" * (MAX_BYTES // 2 + 1), "the limit for a YAML file is 8 MiB"),
    ],
)
def test_refuses_what_is_too_much(text: str, words: str) -> None:
    with pytest.raises(UnusableInput, match=words):
        lex("a.yml.j2", text)


@pytest.mark.parametrize("text", [nested(MAX_NESTING), chain(MAX_NESTING)])
def test_takes_what_is_just_not_too_much(text: str) -> None:
    assert len(lex("a.yml.j2", text).branches) == MAX_NESTING


MEGABYTES = 4_000_000


@pytest.mark.parametrize(
    "piece",
    ["{{ a }}", "{% if a %}", "{", "a", "{# ", "| \n", "- }}"],
)
def test_a_long_line_takes_seconds_at_most(piece: str) -> None:
    text = piece * (MEGABYTES // len(piece))
    started = time.perf_counter()
    read("{{ a }}" + text)
    assert time.perf_counter() - started < 20


def test_a_long_line_with_few_constructs_takes_seconds_at_most() -> None:
    started = time.perf_counter()
    template = read(("{{ a }}" + " " * 400) * (MEGABYTES // 407))
    assert template is not None
    assert len(template.expressions) == MEGABYTES // 407
    assert time.perf_counter() - started < 20


def read(text: str) -> Template | None:
    """Lex and mask a text; None where it is refused."""
    try:
        template = lex("a.yml.j2", text)
    except UnusableInput:
        return None
    assert len(template.masked()) == len(text)
    return template


def test_the_lexer_is_made_once() -> None:
    lex("a.yml.j2", "{{ a }}")
    assert module._lexer() is module._lexer()
