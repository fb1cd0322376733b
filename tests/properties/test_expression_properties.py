"""Properties of the evaluator of expressions.

With all variables known it agrees with Jinja2 itself; with one of them unknown it says the same,
or that it does not know; and no text makes it fail.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from string import Formatter
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, TemplateError, UndefinedError
from jinja2 import Undefined as JinjaUndefined

from generator.model.expression import condition, render, value_of
from generator.model.value import Undefined, Unknown

VARIABLES: dict[str, Any] = {
    "yes": True,
    "no": False,
    "two": 2,
    "half": 0.5,
    "nothing": None,
    "word": "Ab",
    "empty": "",
    "letters": ["a", "b", "Ab"],
    "mixed": [2, "a", None, 2],
    "inner": [[1], ["a", [2]]],
    "void": [],
    "map": {"a": 1, "b": [2, "a"], "m": {"x": 1}},
    "maps": [{"a": 1, "b": True}, {"a": "a"}, {"b": False}],
}

NAMES = st.sampled_from(sorted(VARIABLES))
ATOMS = st.one_of(
    NAMES,
    NAMES,
    st.sampled_from(
        ["1", "0", "3", "1.5", "'a'", "'Ab'", "''", "true", "false", "none", "[]", "{}"]
    ),
    st.sampled_from(["nobody | default(two)", "map.a", "map['b']", "map.m.x", "letters[0]"]),
)
HIDDEN = st.sets(NAMES, min_size=2, max_size=9)
COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
PURE = st.sampled_from(
    [
        *("lower", "upper", "length", "first", "last", "list", "join", "join('-')"),
        *("default('a')", "default('a',true)"),
    ]
)
MORE = st.sampled_from(
    [
        *("bool", "int", "string", "sort", "unique", "flatten", "reverse", "dict2items", "max"),
        *("map('lower')", "map(attribute='a',default=1)", "select", "reject('equalto',2)"),
        *("selectattr('a','defined')", "rejectattr('b')", "replace('a','b')", "trim", "to_json"),
    ]
)
TWO = st.sampled_from(["union", "difference", "intersect", "combine", "default"])
KINDS = st.sampled_from(["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"])
TESTS = st.sampled_from(["defined", "none", "string", "mapping", "number", "sequence", "truthy"])


PURE_FORMS = [
    *("({} {compare} {})", "({} {compare} {} {compare} {})", "({} {sign} {})", "({} ~ {})"),
    *("(not {})", "(-{})", "({} if {} else {})", "[{}, {}]", "{{'a': {}, 'b': {}}}", "({}){item}"),
    *("(({}) | {pure})", "(({}) | {pure})", "({} is {kind})"),
]
"""What Jinja2 alone has; `{}` is an expression."""

LOGIC = ["({} and {})", "({} or {})", "(not {})"]

EXTENDED = [
    *PURE_FORMS,
    # Of booleans alone: one on the right makes a boolean of an unknown left side.
    *("((not {}) and ({} {compare} {}))", "(({} is defined) or ({} {compare} {}))"),
    *("(({}) | {more})", "(({}) | {more})", "(({}) | {two}({}))", "({} | ternary({}, {}))"),
    *("({} | combine({}, recursive=true, list_merge='{merge}'))", "({} is {test})"),
    "({} is subset({}))",
]
"""These, and some that Ansible adds."""

WORDS = {
    "compare": COMPARISONS,
    "sign": st.sampled_from(["+", "-", "*", "/", "//"]),
    "item": st.sampled_from(["[0]", "[-1]", "[1:]", "[:1]", "['a']", ".a"]),
    "kind": st.sampled_from(["none", "string", "mapping"]),
    "pure": PURE,
    "more": MORE,
    "two": TWO,
    "merge": KINDS,
    "test": TESTS,
}


@st.composite
def expressions(draw: st.DrawFn, forms: list[str], depth: int = 3) -> str:
    """Draw an expression that is made of some forms."""
    if not depth or not draw(st.integers(0, 5)):
        return draw(ATOMS)
    parts = []
    for text, field, _, _ in Formatter().parse(draw(st.sampled_from(forms))):
        parts.append(text)
        if field is not None:
            parts.append(draw(WORDS[field] if field else expressions(forms, depth - 1)))
    return "".join(parts)


@lru_cache(maxsize=1)
def jinja() -> Environment:
    """Return an environment that fails where an undefined variable is used, as Ansible does."""
    environment = Environment(undefined=StrictUndefined)
    for name in ("none", "string", "mapping"):
        environment.tests[name] = strict(environment.tests[name])
    return environment


def strict(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def checked(value: Any) -> bool:
        if isinstance(value, JinjaUndefined):
            raise UndefinedError
        return test(value)

    return checked


def has_undefined(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_undefined, value.values()))
    if isinstance(value, list):
        return any(map(has_undefined, value))
    return isinstance(value, JinjaUndefined)


def same(left: Any, right: Any) -> bool:
    return bool(left == right) and repr(left) == repr(right)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@settings(max_examples=200)
@given(expressions(PURE_FORMS + LOGIC))
@example("(0 or '' or nothing)")
@example("(yes == 1)")
@example("[two, 1.5] | join")
@example("((map) | first)")
def test_it_agrees_with_jinja(expression: str) -> None:
    try:
        compiled = jinja().compile_expression(expression, undefined_to_none=False)
        expected = compiled(VARIABLES)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError):
        event("an error")
        return
    found = value_of(expression, lookup)
    if has_undefined(expected) or "undefined" in str(expected).lower():
        # Jinja2 leaves it in a list, and fails later or not at all.
        event("undefined")
        assert isinstance(found, (Undefined, Unknown, list, dict))
    else:
        event(type(expected).__name__)
        assert same(found, expected)
        assert condition(expression, lookup) is bool(expected)


def lookup(name: str) -> Any:
    return VARIABLES[name] if name in VARIABLES else Undefined(name)


def covers(general: Any, exact: Any) -> bool:
    """Tell whether a partly unknown value may turn out to be the exact one."""
    if isinstance(general, Unknown):
        return True
    if isinstance(general, list) and isinstance(exact, list):
        return _covers_list(general, exact)
    if isinstance(general, dict) and isinstance(exact, dict):
        known = all(key in exact and covers(value, exact[key]) for key, value in general.items())
        return known and (type(general) is not dict or len(general) == len(exact))
    return same(general, exact)


def _covers_list(general: list[Any], exact: list[Any]) -> bool:
    holes = [index for index, item in enumerate(general) if isinstance(item, Unknown)]
    if not holes:
        return len(general) == len(exact) and all(map(covers, general, exact))
    before, after = general[: holes[0]], general[holes[-1] + 1 :]
    if len(general) - len(holes) > len(exact):
        return False
    start = all(map(covers, before, exact))
    end = all(map(covers, reversed(after), reversed(exact)))
    sure = [item for item in general if not isinstance(item, Unknown)]
    return start and end and all(any(covers(item, other) for other in exact) for item in sure)


@settings(max_examples=250)
@given(expressions(EXTENDED), HIDDEN)
@example("((letters) | union(mixed))", {"letters"})
@example("(((letters + [two]) | unique) | last)", {"letters"})
@example("(map | combine({'b': [3]}, recursive=true, list_merge='append_rp'))", {"map"})
@example("((mixed == [2]) or (word == 'Ab'))", {"mixed"})
def test_what_is_not_known_changes_no_answer(expression: str, hidden: set[str]) -> None:
    def partly(name: str) -> Any:
        return Unknown(frozenset({name})) if name in hidden else lookup(name)

    text = "{{ " + expression + " }}"
    exact, found = render(text, lookup), render(text, partly)
    if "Unknown" in repr(exact):
        event("an error, maybe inside of a list")
        return
    if not same(found, exact):
        event("unknown" if isinstance(found, Unknown) else "partly known")
        assert covers(found, exact)
    if isinstance(found, Unknown):
        # Or of a variable that nobody sets.
        assert found.names & VARIABLES.keys() <= hidden
    holds, exactly = condition(expression, partly), condition(expression, lookup)
    assert isinstance(holds, Unknown) or isinstance(exactly, Unknown) or holds == exactly


@settings(max_examples=100)
@given(expressions(LOGIC), HIDDEN)
def test_unknown_truth_changes_no_condition(expression: str, hidden: set[str]) -> None:
    def partly(name: str) -> Any:
        return Unknown(frozenset({name})) if name in hidden else lookup(name)

    for text in (expression, f"not {expression}", f"(1 if {expression} else 0)"):
        exact, found = condition(text, lookup), condition(text, partly)
        assert isinstance(exact, bool)
        assert found == exact or (isinstance(found, Unknown) and found.names <= hidden)


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "-", "(", ")", "[", "]", "{", "}", "'", '"', "\\"),
        *(
            " ",
            "\n",
            ".",
            ",",
            ":",
            "|",
            "~",
            "=",
            "==",
            "<",
            "+",
            "*",
            "**",
            "//",
            "%",
            "1",
            "9.5",
        ),
        *("if", "else", "endif", "for", "in", "endfor", "set", "is", "not", "and", "raw", "endraw"),
        *("a", "map", "letters", "length", "default", "combine", "items", "lookup", "range", "é"),
        *("*a", "**a", "x=1", "loop", "block", "macro", "1e400", "0x", "join", "map", "(1)"),
    ]
)


@settings(max_examples=250)
@given(
    st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["{}", "{{{{{}}}}}", "{{%{}%}}"])
)
@example("map.a*a", "{{{{{}}}}}")
@example("range(*a)", "{{{{{}}}}}")
@example("letters|join(**a)", "{{{{{}}}}}")
@example("a is defined(*a)", "{{{{{}}}}}")
def test_no_text_makes_it_fail(text: str, frame: str) -> None:
    whole = frame.format(text)
    render(whole, lookup)
    assert isinstance(condition(whole, lookup), (bool, Unknown))
    assert isinstance(condition(text, lookup), (bool, Unknown))
