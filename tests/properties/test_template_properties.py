"""Properties of masking, held against drawn templates whose parts are known, and Jinja2 itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from jinja2 import Environment, TemplateSyntaxError
from ruamel.yaml import YAML

from generator.exits import UnusableInput
from generator.text import template as module
from generator.text.template import Conditions, lex, parse_masked

PATH = "a.yml.j2"
NAMES = ("a", "b", "c")
NEWLINES = ("\n", "\r\n", "\r")

TEXTS = st.sampled_from(
    ["key: value", "- item", "  ", "\t", "# x", "é: 😀", "}}", "%}", "#}", "'", "\x85", "x" * 250]
)
EXPRESSIONS = st.sampled_from(
    ["{{ a }}", "{{- b|c -}}", "{{ '}}' }}", "{{ {'a': {}} }}", "{{ a\n|b }}", "{{''}}", "{{+ a }}"]
)
STATEMENTS = st.sampled_from(
    ["{% set a = 1 %}", "{%- set b=[1] -%}", "{# {{ a\n{% #}", "{#- é -#}", "{% include 'a' %}"]
)
RAWS = st.sampled_from(["{{ a }}", "{% if %}", "a\nb", "{#", "{{" + "x" * 250 + "{{"])
SIGNS = st.sampled_from(["", "-", "+"])


@dataclass(frozen=True)
class Piece:
    """A part of a template, and what must become of it."""

    text: str
    kind: str
    conditions: Conditions
    hidden: bool


Known = dict[str, "bool | None"]


@st.composite
def pieces(draw: st.DrawFn, known: Known, around: Conditions = (), depth: int = 0) -> list[Piece]:
    """Draw a template in pieces; `hidden` is not yet known for those of an `if`."""
    found: list[Piece] = []
    for _ in range(draw(st.integers(0, 4))):
        kinds = [
            "text",
            "newline",
            "expression",
            "statement",
            "raw",
            *(["if", "for"] * (depth < 3)),
        ]
        kind = draw(st.sampled_from(kinds))
        if kind == "text":
            found.append(Piece(draw(TEXTS), "text", around, False))
        elif kind == "newline":
            found.append(Piece(draw(st.sampled_from(NEWLINES)), "text", around, False))
        elif kind == "expression":
            found.append(Piece(draw(EXPRESSIONS), "expression", around, False))
        elif kind == "statement":
            found.append(Piece(draw(STATEMENTS), "blank", around, False))
        elif kind == "raw":
            found.append(draw(statements("raw", around)))
            found.append(Piece(draw(RAWS), "text", around, False))
            found.append(draw(statements("endraw", around)))
        elif kind == "for":
            found.append(draw(statements("for x in y", around)))
            found += draw(pieces(known, around, depth + 1))
            found.append(draw(statements("endfor", around)))
        else:
            found += draw(choices(known, around, depth))
    return found


@st.composite
def statements(draw: st.DrawFn, inside: str, around: Conditions) -> Piece:
    before, behind = draw(SIGNS), draw(SIGNS)
    # Jinja2 takes no plus sign there.
    behind = "" if inside == "raw" and behind == "+" else behind
    return Piece(f"{{%{before} {inside} {behind}%}}", "blank", around, False)


@st.composite
def choices(draw: st.DrawFn, known: Known, around: Conditions, depth: int) -> list[Piece]:
    """Draw an `if` with its branches; the later ones of one on a single line are hidden."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    heads = ["if " + names[0], *("elif " + name for name in names[1:])]
    wanted = [
        (*((name, False) for name in names[:index]), (name, True))
        for index, name in enumerate(names)
    ]
    if draw(st.booleans()):
        heads.append("else")
        wanted.append(tuple((name, False) for name in names))
    parts: list[tuple[Piece, list[Piece], Conditions]] = []
    for head, own in zip(heads, wanted, strict=True):
        conditions = (*around, *own)
        statement = draw(statements(head, around))
        parts.append((statement, draw(pieces(known, conditions, depth + 1)), conditions))
    inline = not re.search(
        r"[\r\n]",
        "".join(
            statement.text + "".join(piece.text for piece in body) for statement, body, _ in parts
        ),
    )
    found: list[Piece] = []
    shown = False
    for statement, body, conditions in parts:
        possible = all(known.get(name) in (None, truth) for name, truth in conditions)
        hidden = not possible or (inline and shown)
        shown = shown or not hidden
        hide = [Piece(one.text, one.kind, one.conditions, one.hidden or hidden) for one in body]
        found += [statement, *hide]
    return [*found, draw(statements("endif", around))]


KNOWN = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([True, False, None]))


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Known, list[Piece]]:
    known = draw(KNOWN)
    return known, draw(pieces(known))


@given(drawn())
def test_masking_touches_jinja_and_hidden_branches_only(case: tuple[Known, list[Piece]]) -> None:
    known, parts = case
    text = "".join(part.text for part in parts)
    template = lex(PATH, text)
    masked = template.masked(known.get)
    assert len(masked) == len(text)
    assert [(at, char) for at, char in enumerate(masked) if char in "\r\n"] == [
        (at, char) for at, char in enumerate(text) if char in "\r\n"
    ]
    place = 0
    for part in parts:
        found = masked[place : place + len(part.text)]
        if part.hidden or part.kind == "blank":
            assert found.strip(" \r\n") == ""
        elif part.kind == "text":
            assert found == part.text
        else:
            assert re.fullmatch(r"(#?x*)([\r\n][ \r\n]*)?| *", found)
        assert template.conditions_at(place) == part.conditions or not part.text
        place += len(part.text)
    inside = [part for part in parts if part.kind == "expression"]
    assert [text[one.start : one.end] for one in template.expressions] == [p.text for p in inside]
    event(f"hidden: {any(part.hidden for part in parts)}")


@given(drawn())
def test_lexing_in_chunks_changes_nothing(case: tuple[Known, list[Piece]]) -> None:
    text = "".join(part.text for part in case[1])
    assert lex(PATH, text) == whole(text)


def whole(text: str) -> object:
    """Lex without chunks; gives the error's text where refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 10**9)
        return outcome(text)


def outcome(text: str) -> object:
    try:
        return lex(PATH, text)
    except UnusableInput as error:
        return str(error)


SIGNS_OF_JINJA = ["{{", "}}", "{%", "%}", "{#", "#}", "{", "}", "-", "+", "'", '"', "(", ")", "="]
WORDS = ["a", "if", "endif", "elif", "else", "for x in y", "endfor", "raw", "endraw", "set", "1"]
TAGS = ["{% if a %}", "{% endif %}", "{% raw %}", "{% endraw %}", "{{ a }}", "x" * 250]
SOUP = st.lists(
    st.sampled_from([*SIGNS_OF_JINJA, *WORDS, *TAGS, "\n", "\r\n", " ", "\\", "."]), max_size=25
).map("".join)


@given(SOUP)
@example("{{ a }}{{" + " " * 300 + "{{ a }}")
@example("{% raw %}" + "x" * 300 + "{{ a }}" + "x" * 300 + "{% endraw %}")
@example("{{ '" + "x" * 300 + "{{ }}' }}")
@example("{% if a %}{%endif-%} {%-")
def test_any_text_is_read_or_refused(text: str) -> None:
    found, full = outcome(text), whole(text)
    # Of several mistakes either may be named.
    assert found == full or (isinstance(found, str) and isinstance(full, str))
    if isinstance(found, str):
        assert found.startswith(f"{PATH}:")
        # Jinja2 lets a comment begin where the file ends.
        if "'{#' has no end" not in found:
            with pytest.raises(TemplateSyntaxError):
                Environment(keep_trailing_newline=True).parse(text)
        return
    masked = lex(PATH, text).masked()
    assert len(masked) == len(text)
    try:
        parse_masked(lex(PATH, text))
    except UnusableInput as error:
        event(str(error).split(":")[-1])


CONDITIONS = st.sampled_from(["a", "b", "c", "not a", "a and b", "(b or c)", "a == b"])


class Writer:
    """Draws lines of YAML with statements between them; no key stands twice."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0

    def key(self) -> str:
        self.count += 1
        return f"k{self.count}"

    def lines(self, line: Callable[[int], list[str]], margin: int, depth: int) -> list[str]:
        found: list[str] = []
        for _ in range(self.draw(st.integers(1, 2))):
            kind = self.draw(st.sampled_from(["line", "line", "if", "for", "blank", "raw"]))
            if kind == "blank":
                blanks = ["{# a: b #}", "{% set d = 1 %}", "", "# {{ '' }}", "{# a\n b: c #}"]
                found.append(self.draw(st.sampled_from(blanks)))
            elif kind == "raw":
                found += ["{% raw %}", *self.raw(line, margin), "{% endraw %}"]
            elif kind == "line" or depth > 2:
                found += line(margin)
            else:
                found += self.block(kind, line, margin, depth)
        return found

    def raw(self, line: Callable[[int], list[str]], margin: int) -> list[str]:
        start = "- b" if line == self.item else self.key()
        return [" " * margin + f"{start}: '{{{{ {{% {{#'"]

    def block(
        self, kind: str, line: Callable[[int], list[str]], margin: int, depth: int
    ) -> list[str]:
        sign = self.draw(st.sampled_from(["", "+"]))
        if kind == "for":
            return [
                f"{{% for x in [1] {sign}%}}",
                *self.lines(line, margin, depth + 1),
                "{% endfor %}",
            ]
        found = [f"{{% if {self.draw(CONDITIONS)} %}}", *self.lines(line, margin, depth + 1)]
        if self.draw(st.booleans()):
            found += [f"{{% elif {self.draw(CONDITIONS)} {sign}%}}"]
            found += self.lines(line, margin, depth + 1)
        if self.draw(st.booleans()):
            found += ["{% else %}", *self.lines(line, margin, depth + 1)]
        return [*found, "{% endif %}"]

    def pair(self, margin: int) -> list[str]:
        start = " " * margin + self.key()
        kind = self.draw(st.sampled_from(["plain", "inline", "quoted", "items", "pairs"]))
        condition = self.draw(CONDITIONS)
        if kind == "plain":
            return [f"{start}: 'é # {{'"]
        if kind == "inline":
            end = self.draw(st.sampled_from([" # end", " ", "{{ '' }}"]))
            return [f"{start}: {{% if {condition} %}}[x]{{%- else %}}{{y: 1}}{{% endif %}}{end}"]
        if kind == "quoted":
            return [f"{start}: {{%- if {condition} %}} 'x'{{% elif a %}} \"y\"{{% endif %}} # end"]
        line, deeper = (self.item, 0) if kind == "items" else (self.pair, 2)
        if margin > 4:
            return [f"{start}: 1"]
        return [f"{start}:", *self.lines(line, margin + deeper, 2 if margin else 1)]

    def item(self, margin: int) -> list[str]:
        return [" " * margin + f"- {self.key()}: 1", " " * margin + "  b: 2"]


@st.composite
def manifests(draw: st.DrawFn) -> str:
    writer = Writer(draw)
    text = "\n".join(writer.lines(writer.pair, 0, 0)) + draw(st.sampled_from(["", "\n"]))
    return text.replace("\n", draw(st.sampled_from(NEWLINES[:2])))


@given(manifests(), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_decided_templates_say_what_jinja_renders(
    text: str, truths: tuple[bool, bool, bool]
) -> None:
    """As Ansible renders templates: with `trim_blocks`."""
    values = dict(zip(NAMES, truths, strict=True))
    rendered = Environment(trim_blocks=True).from_string(text).render(values)
    masked = lex(PATH, text).masked(lambda source: bool(eval(source, {}, dict(values))))
    assert load(masked) == load(rendered)
    event(f"branches: {min(text.count('{% if'), 3)}")


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@given(manifests())
def test_undecided_templates_parse(text: str) -> None:
    template = lex(PATH, text)
    document = parse_masked(template)
    assert document.text == template.masked()
