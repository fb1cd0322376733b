"""Documents: every node knows exactly where it stands, and no file can hurt the reader."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from generator.exits import UnusableInput
from generator.text.document import (
    Alias,
    Document,
    Mapping,
    Node,
    Place,
    Route,
    Scalar,
    Sequence,
    data_of,
)
from generator.text.shape import shapes
from generator.text.yaml import MAX_BYTES, MAX_DEPTH, decode, dump, parse

GRIN = "\N{GRINNING FACE}"


def source(text: str, route: Route) -> str:
    """Return what a node's span holds."""
    document = parse("a.yml", text)
    node = document.node(route)
    return document.text[node.start : node.end]


def root(text: str) -> Node:
    node = parse("a.yml", text).root
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("text", "route", "span"),
    [
        pytest.param("a: word\n", ("a",), "word", id="plain"),
        pytest.param("a: word # why\n", ("a",), "word", id="plain before a comment"),
        pytest.param("a: two words \t\n", ("a",), "two words", id="plain before blanks"),
        pytest.param("a: 'it''s' \n", ("a",), "'it''s'", id="single quotes"),
        pytest.param('a: "x\\"y"\n', ("a",), '"x\\"y"', id="double quotes"),
        pytest.param('a: "x\n  y" # z\n', ("a",), '"x\n  y"', id="quotes over two lines"),
        pytest.param("a: x\n  y\n\n# z\n", ("a",), "x\n  y", id="plain over two lines"),
        pytest.param("a:\nb: 1\n", ("a",), "", id="no value"),
        pytest.param("a: [x, y]  # z\n", ("a",), "[x, y]", id="flow sequence"),
        pytest.param("a: { b: c }\n\n", ("a",), "{ b: c }", id="flow mapping"),
        pytest.param("a: [x,\n  y\n  ]\n", ("a",), "[x,\n  y\n  ]", id="flow over lines"),
        pytest.param("a: []\n", ("a",), "[]", id="empty flow"),
        pytest.param("a: &x [y]\n", ("a",), "&x [y]", id="anchor is inside"),
        pytest.param("a: !t [y]\n", ("a",), "!t [y]", id="tag is inside"),
        pytest.param("a: &x y\nb: *x\n", ("b",), "*x", id="alias"),
        pytest.param(
            "a:\n  - x\n  - y  # z\n\n# later\n\nb: 1\n", ("a",), "- x\n  - y", id="block sequence"
        ),
        pytest.param("a:\n- x\n\n# z\n", ("a",), "- x", id="block sequence, not indented"),
        pytest.param(
            "a:\n  b:\n    c: d\n\n  # z\n", ("a",), "b:\n    c: d", id="block mapping in another"
        ),
        pytest.param("- a: 1\n  b:\n\n- c\n", (0,), "a: 1\n  b:", id="last leaf has no value"),
        pytest.param("- - x\n\n- y\n", (0,), "- x", id="sequence in a sequence"),
        pytest.param("a: |\n  x\n  y\n\n\nb: 1\n", ("a",), "|\n  x\n  y", id="literal"),
        pytest.param("a: >-\n  x\n  y\n# z\nb: 1\n", ("a",), ">-\n  x\n  y", id="folded"),
        pytest.param("a: |+\n  x\n\nb: 1\n", ("a",), "|+\n  x", id="literal that keeps"),
        pytest.param("a: |2-\n    x\n", ("a",), "|2-\n    x", id="literal with indentation"),
        pytest.param("a: | # z\n  x\n", ("a",), "| # z\n  x", id="literal with a comment"),
        pytest.param("- a: |\n    x\n\n\n- b\n", (0,), "a: |\n    x", id="block scalar as leaf"),
        pytest.param("a: {b: [c, {d: e}]}\n", ("a", "b", 1, "d"), "e", id="deep in flow"),
        pytest.param("a:\r\n  - x\r\n\r\nb: 1\r\n", ("a",), "- x", id="CRLF block"),
        pytest.param("a: |\r\n  x\r\n\r\nb: 1\r\n", ("a",), "|\r\n  x", id="CRLF literal"),
        pytest.param("a: é\nb: [ü]\n", ("b",), "[ü]", id="behind Latin letters"),
        pytest.param(f"{GRIN}: x{GRIN}\nb: [y]\n", (GRIN,), f"x{GRIN}", id="non-BMP key, value"),
        pytest.param(f"a: {GRIN}{GRIN}\nb: [y]\n", ("b",), "[y]", id="behind non-BMP"),
        pytest.param("\ufeffa: x\nb: [y]\n", ("a",), "x", id="behind a byte order mark"),
        pytest.param("\ufeffa: x\nb: [y]\n", ("b",), "[y]", id="a line behind a mark"),
        pytest.param("---\na: x\n...\n", ("a",), "x", id="between markers"),
    ],
)
def test_span(text: str, route: Route, span: str) -> None:
    assert source(text, route) == span


@pytest.mark.parametrize(
    ("text", "end"),
    [
        pytest.param("a:\n  ? x\n# z\n\nb: 1\n", "a:\n  ? x", id="set"),
        pytest.param("a:\n  ? x\n  ? y\n\n# z\nb: 1\n", "a:\n  ? x\n  ? y", id="set of two"),
        pytest.param("a:\n  -\n\n# z\nb: 1\n", "a:\n  -", id="empty item"),
        pytest.param("a:\n  - x:\n\n# z\nb: 1\n", "a:\n  - x:", id="key without value"),
        pytest.param("a:\n  -\n  -\n\n# z\nb: 1\n", "a:\n  -\n  -", id="two empty items"),
        pytest.param("a:\n  - x\n  -\nb: 1\n", "a:\n  - x\n  -", id="last item is empty"),
    ],
)
def test_block_collection_ends_at_its_last_leaf_that_is_empty(text: str, end: str) -> None:
    node = parse("a.yml", text).node(("a",))
    assert text[: node.end] == end


@pytest.mark.parametrize(
    ("text", "route", "place"),
    [
        pytest.param("a:\n  - x\n  - y\n", ("a", 1), Place("a.yml", 3, 5), id="item"),
        pytest.param("a:\r\n  - x\r\n  - y\r\n", ("a", 1), Place("a.yml", 3, 5), id="CRLF"),
        pytest.param("é: {ü: ö}", ("é", "ü"), Place("a.yml", 1, 8), id="code points count"),
        pytest.param("a: x", ("a",), Place("a.yml", 1, 4), id="no final newline"),
    ],
)
def test_place(text: str, route: Route, place: Place) -> None:
    document = parse("a.yml", text)
    assert document.place(document.node(route)) == place
    assert str(place) == f"a.yml:{place.line}"


@pytest.mark.parametrize(
    ("offset", "line", "column", "start", "end"),
    [
        pytest.param(0, 1, 0, 0, 5, id="first"),
        pytest.param(4, 1, 4, 0, 5, id="newline belongs to its line"),
        pytest.param(5, 2, 0, 5, 7, id="second"),
        pytest.param(7, 3, 0, 7, 11, id="last, without newline"),
        pytest.param(11, 3, 4, 7, 11, id="end of the text"),
    ],
)
def test_lines(offset: int, line: int, column: int, start: int, end: int) -> None:
    document = parse("a.yml", "a: x\n#\nb: y")
    assert (document.line(offset), document.column(offset)) == (line, column)
    assert (document.line_start(offset), document.line_end(offset)) == (start, end)


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(("b",), id="no such key"),
        pytest.param(("a", 2), id="behind the last item"),
        pytest.param(("a", "x"), id="key of a sequence"),
        pytest.param((0,), id="index of a mapping"),
        pytest.param(("a", 0, "x"), id="key of a scalar"),
        pytest.param(("c", 0), id="through an alias"),
    ],
)
def test_route_that_leads_nowhere(route: Route) -> None:
    with pytest.raises(KeyError):
        parse("a.yml", "a: &x [1, 2]\nc: *x\n").node(route)


def test_duplicate_keys_are_all_there_and_the_last_counts() -> None:
    node = root("a: 1\nb: 2\na: 3\n")
    assert isinstance(node, Mapping)
    assert node.key_names() == ("a", "b", "a")
    value = node.get("a")
    assert isinstance(value, Scalar) and value.value == "3"
    with pytest.raises(UnusableInput):
        data_of(node)


def test_several_documents() -> None:
    document = parse("a.yml", "--- a\n--- [b]\n---\n")
    assert [type(node) for node in document.roots] == [Scalar, Sequence, Scalar]
    with pytest.raises(UnusableInput, match=r"a\.yml holds 3 YAML documents"):
        _ = document.root


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n", "\ufeff"])
def test_empty_file_has_no_root(text: str) -> None:
    assert parse("a.yml", text).roots == ()
    assert parse("a.yml", text).root is None


def laughs(levels: int) -> str:
    """Return a document that would be 10 to the power of `levels` texts, were it expanded."""
    lines = ["l0: &l0 [lol]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels + 1)]
    return "\n".join(lines) + "\n"


def test_aliases_are_not_expanded() -> None:
    began = time.perf_counter()
    document = parse("a.yml", laughs(10))
    assert time.perf_counter() - began < 0.5
    node = document.node(("l10",))
    assert isinstance(node, Sequence)
    assert [item.name for item in node.items if isinstance(item, Alias)] == ["l9"] * 10
    assert shapes(document) == shapes(document)
    with pytest.raises(UnusableInput, match="alias"):
        data_of(document.root)


def test_alias_is_followed_one_step() -> None:
    document = parse("a.yml", "a: &x [1]\nb: *x\nc: *gone\nd: &y\n  <<: {k: v}\n")
    assert document.follow(document.node(("b",))) is document.node(("a",))
    assert document.follow(document.node(("c",))) is None
    assert document.follow(document.node(("a",))) is document.node(("a",))
    assert document.follow(None) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("m: {k: own}", "own", id="own"),
        pytest.param("b: &b {k: base}\nm:\n  <<: *b\n", "base", id="merged"),
        pytest.param("b: &b {k: base}\nm:\n  <<: *b\n  k: own\n", "own", id="own beats merged"),
        pytest.param(
            "b: &b {k: one}\nc: &c {k: two}\nm:\n  <<: [*b, *c]\n", "one", id="first of several"
        ),
        pytest.param("v: &v x\nm: {k: *v}\n", "x", id="alias"),
        pytest.param("m: {<<: {k: written out}}\n", "written out", id="merged, no alias"),
    ],
)
def test_value_through_aliases_and_merge_keys(text: str, value: str) -> None:
    document = parse("a.yml", text)
    mapping = document.node(("m",))
    assert isinstance(mapping, Mapping)
    found = document.value(mapping, "k")
    assert isinstance(found, Scalar) and found.value == value
    assert document.value(mapping, "other") is None


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param("[1, -2, 0, 007, 1.5, 0x1]", [1, -2, 0, "007", "1.5", "0x1"], id="numbers"),
        pytest.param("[true, False, null, ~, yes]", [True, False, None, None, "yes"], id="words"),
        pytest.param("['1', \"true\", '']", ["1", "true", ""], id="quoted is text"),
        pytest.param("!t 1", "1", id="tagged is text"),
        pytest.param("{a: {b: [c]}, d: }", {"a": {"b": ["c"]}, "d": None}, id="nested"),
        pytest.param("", None, id="empty"),
        pytest.param("9" * 5000, "9" * 5000, id="a number as long as no number is"),
    ],
)
def test_data(text: str, data: Any) -> None:
    assert data_of(parse("a.yml", text).root) == data


@pytest.mark.parametrize("offset", [0, 2])
def test_dump_reads_back(offset: int) -> None:
    data = {"a": [{"b": "x" * 300, "c": ["true", True, None, 5]}], "d": "é: # \n"}
    written = dump(data, offset)
    assert data_of(parse("a.yml", written).root) == data
    assert written.split("\n")[1].startswith(" " * offset + "- b: ")


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_depth_limit() -> None:
    assert MAX_DEPTH == 200
    assert parse("a.yml", nested(MAX_DEPTH)).root is not None
    with pytest.raises(UnusableInput, match=r"a\.yml:3: nested deeper than 200 levels"):
        parse("a.yml", "\n\n" + nested(MAX_DEPTH + 1))
    deep = "".join("  " * level + "a:\n" for level in range(MAX_DEPTH + 1))
    with pytest.raises(UnusableInput, match=r"a\.yml:201: nested deeper"):
        parse("a.yml", deep)


def test_size_limit() -> None:
    assert decode("a.yml", b"#" * MAX_BYTES) == "#" * MAX_BYTES
    with pytest.raises(UnusableInput, match=r"a\.yml has 8388609 bytes; the limit .* 8 MiB"):
        decode("a.yml", b"#" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"a: \xff\n", r"a\.yml:1: the file is not UTF-8 \(byte 3\)", id="Latin-1"),
        pytest.param(b"a: 1\nb: x\nc: \xc3(", r"a\.yml:3: .*\(byte 13\)", id="on line 3"),
        pytest.param("a: ü".encode("utf-16"), r"a\.yml:1: .*\(byte 0\)", id="UTF-16"),
        pytest.param(b"a: \xed\xa0\x80\n", r"a\.yml:1: .*\(byte 3\)", id="surrogate"),
    ],
)
def test_bytes_that_are_not_utf8(data: bytes, message: str) -> None:
    with pytest.raises(UnusableInput, match=message):
        decode("a.yml", data)


def test_decoding_keeps_every_character() -> None:
    text = "\ufeffa: é\r\nb: \u2028" + GRIN
    assert decode("a.yml", text.encode()) == text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param("a: [1\n", r"a\.yml:2:1", id="bracket not closed"),
        pytest.param("a: 1\n b: 2\n", r"a\.yml:2:3", id="wrong indentation"),
        pytest.param("a: b: c\n", r"a\.yml:1:5", id="colon in a value"),
        pytest.param("a: 'x\n", r"a\.yml:2:1", id="quote not closed"),
        pytest.param("a:\n\t- b\n", r"a\.yml:2:1", id="tab as indentation"),
        pytest.param("a: @b\n", r"a\.yml:1:4", id="reserved character"),
        pytest.param("a: 1\n]\n", r"a\.yml:2:1", id="bracket not opened"),
        pytest.param("é: ü\nb: 1\nc: \x01\n", r"a\.yml:3", id="control character"),
        pytest.param("a: \x00\n", r"a\.yml:1", id="null character"),
    ],
)
def test_invalid_yaml_names_the_place(text: str, where: str) -> None:
    with pytest.raises(UnusableInput, match=rf"^{where}: this is not valid YAML: .+\.$"):
        parse("a.yml", text)


def parse_pure(text: str) -> Document:
    """Parse with the library's parser in Python, as where libyaml is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "ruamel.yaml.cyaml", None)
        return parse("a.yml", text)


def test_the_other_parser_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    original = YAML.parse

    def parse_events(self: YAML, stream: Any) -> Any:
        used.append("pure" if self.pure else "libyaml")
        return original(self, stream)

    monkeypatch.setattr(YAML, "parse", parse_events)
    parse_pure("a: 1")
    assert used == ["pure"]


CORPUS = [
    "a: 1\n",
    "a:\n  - b: c\n    d: e # f\n\n  # g\n  - { h: i }\n",
    "- &x a\n- *x\n- &y {b: c}\n- <<: *y\n",
    "a: |\n  b\n\n  c\n\n\nd: >-\n  e\n  f\n# g\nh: |+\n  i\n\n",
    "a: |2\n    b\n   c\n",
    "--- # a\nb: 'c''d'\n--- !t\ne: \"\\u00e9\\n\"\n...\n---\n",
    "? a\n: b\n? [c, d]\n: - e\n  - f\n",
    "!!str a: !t:u b\n!<tag:x> c: ! d\n",
    "a:\nb: ~\nc: ''\nd:\n  -\n  - e:\n",
    "[a, [b, {c: d, e}], 'f', \"g\", ]\n",
    "a: b\n  c\n  d\n'e f': \"g\n\n  h\"\n",
    "a:\r\n- b\r\n-  c\r\n\r\n# d\r\ne: |\r\n  f\r\n",
    f"é: ü\n{GRIN}: [{GRIN}, x]\n",
    "\ufeffa: b\n",
    "a: b\t\nc:\td\n",
    "a: {{ b }}\n",
    'a: "{{ b }}"\nc: "{% if d %}e{% endif %}"\n',
    "- a\n-\n  - b\n- - c\n",
    "a: -b\nc: ?d\ne: :f\ng: h#i\n",
]


def check_both_parsers(text: str) -> None:
    """Compare the parsers' nodes; the pure one may refuse blanks with a tab behind a value."""
    try:
        pure = parse_pure(text).roots
    except UnusableInput:
        assert "\t" in text
    else:
        assert parse("a.yml", text).roots == pure


@pytest.mark.parametrize("text", CORPUS)
def test_both_parsers_give_the_same_nodes(text: str) -> None:
    check_both_parsers(text)


SCALARS = st.sampled_from(
    ["x", "two words", "'q'", '"d"', "''", "é", GRIN, "~", "true", "12", "a#b", "*no", "&no"]
).filter(lambda word: word[0] not in "*&")
COMMENTS = st.sampled_from(["", "", "", " # c", "  # - d", " "])
TAILS = COMMENTS | st.just(" \t")


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Draw the lines of a block collection."""
    mapping = draw(st.booleans())
    lines: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        head = f"k{number}:" if mapping else "-"
        kind = draw(st.sampled_from(["scalar", "scalar", "flow", "literal", "none", "block"]))
        if kind == "block" and depth < 3:
            lines += [head + draw(COMMENTS), *("  " + x for x in draw(blocks(depth + 1)))]
        elif kind == "flow":
            one, two = draw(SCALARS), draw(SCALARS)
            lines.append(f"{head} [{one}, {{k: {two}}}]{draw(TAILS)}")
        elif kind == "literal":
            style = draw(st.sampled_from(["|", ">", "|-", ">+"]))
            lines += [f"{head} {style}", "    text", *draw(st.sampled_from([[], ["    more"]]))]
        elif kind == "none":
            lines.append(head + draw(COMMENTS))
        else:
            lines.append(f"{head} {draw(SCALARS)}{draw(TAILS)}")
        lines += draw(st.sampled_from([[], [], [""], ["# between"], ["", "# apart", ""]]))
    return lines


@st.composite
def yaml_texts(draw: st.DrawFn) -> str:
    """Draw a YAML document in a layout of any kind."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [*draw(st.sampled_from([[], ["---"], ["# top"]])), *draw(blocks())]
    return (
        draw(st.sampled_from(["", "\ufeff"]))
        + newline.join(lines)
        + draw(st.sampled_from([newline, ""]))
    )


@settings(max_examples=60, deadline=None)
@given(yaml_texts())
def test_both_parsers_agree_on_drawn_yaml(text: str) -> None:
    check_both_parsers(text)


def nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Sequence):
        for item in node.items:
            yield from nodes(item)
    elif isinstance(node, Mapping):
        for key, value in node.pairs:
            yield from nodes(key)
            yield from nodes(value)


@settings(max_examples=60, deadline=None)
@given(yaml_texts())
def test_spans_of_drawn_yaml(text: str) -> None:
    """No span begins or ends with a blank or with a line that is only a comment."""
    document = parse("a.yml", text)
    for node in (n for top in document.roots for n in nodes(top)):
        inside = text[node.start : node.end]
        assert inside == inside.strip(), repr(inside)
        assert not inside.split("\n")[-1].lstrip().startswith("#"), repr(inside)
        if isinstance(node, Sequence | Mapping):
            children = [n for n in nodes(node) if n is not node]
            assert all(node.start <= n.start and n.end <= node.end for n in children)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="-:?[]{}&*!|>'\"%@`#, \n\tab\r\ufeff", max_size=30))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parser in (lambda t: parse("a.yml", t), parse_pure):
        try:
            parser(text)
        except UnusableInput as error:
            assert str(error).startswith("a.yml")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        parse("a.yml", decode("a.yml", data))
    except UnusableInput as error:
        assert str(error).startswith("a.yml")
