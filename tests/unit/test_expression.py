"""Expressions: what is known, what is not, and what must not take the machine down."""

from __future__ import annotations

import time
from typing import Any

import pytest

from generator.model.expression import Lookup, condition, render, render_data, truth, value_of
from generator.model.value import FileText, OpenMapping, Undefined, Unknown

VARIABLES: dict[str, Any] = {
    "yes_": True,
    "no_": False,
    "one": 1,
    "half": 0.5,
    "nothing": None,
    "word": "Hello",
    "empty": "",
    "off_text": "false",
    "plugin": "calico",
    "numbers": [3, 1, 2],
    "plugins": ["calico", "flannel", "calico"],
    "nested": [1, [2, [3, None]]],
    "map": {"a": {"b": [10, 20]}, "x-y": 5, "flag": False},
    "people": [
        {"name": "ann", "age": 3, "on": True},
        {"name": "bob", "age": 5, "on": False},
        {"name": "eve"},
    ],
    "result": {"skipped": True, "changed": False, "failed": False},
    "low": {"a": 1, "m": {"x": 1, "l": [1, 2]}, "l": [1, 2]},
    "high": {"b": 2, "m": {"y": 2, "l": [2, 3]}, "l": [2, 3]},
}

UNKNOWNS: dict[str, Any] = {
    "u": Unknown(frozenset({"u"})),
    "w": Unknown(frozenset({"w"})),
    "machine": Unknown(),
    "open": OpenMapping({"known": 1}),
    "some": [1, Unknown(frozenset({"u"}))],
    "half_known": {"a": 1, "b": Unknown(frozenset({"u"}))},
    "text_of_file": FileText("x.yml", True),
}

U = Unknown(frozenset({"u"}))
W = Unknown(frozenset({"w"}))
UW = Unknown(frozenset({"u", "w"}))


def lookup(name: str) -> Any:
    if name in VARIABLES:
        return VARIABLES[name]
    return UNKNOWNS[name] if name in UNKNOWNS else Undefined(name)


def value(expression: str, given: Lookup = lookup) -> Any:
    return value_of(expression, given)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal, of the same types all the way down."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        # A set of names has no order of its own.
        return type(left) is type(right) and bool(left == right)
    return bool(left == right) and repr(left) == repr(right)


KNOWN: list[tuple[str, Any]] = [
    # Literals and names
    ("'a'", "a"),
    ("[1, 'b', none]", [1, "b", None]),
    ("(1, 2)", [1, 2]),
    ("{'a': one, 'b': [word]}", {"a": 1, "b": ["Hello"]}),
    ("1.5", 1.5),
    ("true", True),
    ("True", True),
    # Arithmetic
    ("one + 2 * 3", 7),
    ("7 // 2", 3),
    ("7 % 4", 3),
    ("7 / 2", 3.5),
    ("2 ** 10", 1024),
    ("-one", -1),
    ("(2 ** (32 - 24)) - 2", 254),
    ("'a' + 'b'", "ab"),
    ("'ab' * 2", "abab"),
    ("2 * [1]", [1, 1]),
    ("[1] + [2]", [1, 2]),
    ("word ~ one ~ none ~ true", "Hello1NoneTrue"),
    # Comparison
    ("one == 1.0", True),
    ("one == '1'", False),
    ("plugin != 'flannel'", True),
    ("1 < 2 < 3", True),
    ("1 < 2 > 3", False),
    ("'7.0u1' >= '7.0'", True),
    ("numbers == [3, 1, 2]", True),
    ("plugin in ['calico', 'canal']", True),
    ("plugin not in ['calico', 'canal']", False),
    ("'al' in plugin", True),
    ("'a' in map", True),
    ("[1] in [[1], 2]", True),
    # Logic
    ("yes_ and word", "Hello"),
    ("no_ or plugin", "calico"),
    ("empty or nothing", None),
    ("not empty", True),
    ("'a' if yes_ else 'b'", "a"),
    ("'a' if empty else 'b'", "b"),
    ("no_ and nobody", False),
    # Members
    ("map.a.b[1]", 20),
    ("map['a']['b'][-1]", 20),
    ("map.a.b.0", 10),
    ("map['x-y']", 5),
    ("word[1:3]", "el"),
    ("numbers[:2]", [3, 1]),
    ("numbers[::-1]", [2, 1, 3]),
    ("word[0]", "H"),
    ("{'items': 1}['items']", 1),
    # Methods
    ("'a,b'.split(',')", ["a", "b"]),
    ("'a b'.split()", ["a", "b"]),
    ("word.lower()", "hello"),
    ("word.upper()", "HELLO"),
    ("word.startswith('He')", True),
    ("word.endswith('x')", False),
    ("word.find('l')", 2),
    ("' x '.strip()", "x"),
    ("'xxa'.lstrip('x')", "a"),
    ("'a.b'.replace('.', '-')", "a-b"),
    ("','.join(plugins)", "calico,flannel,calico"),
    ("'a\nb'.splitlines()", ["a", "b"]),
    ("'a\\nb' | length", 4),
    ("map.keys() | list", ["a", "x-y", "flag"]),
    ("{'a': 1}.items() | list", [["a", 1]]),
    ("{'a': 1}.values() | list", [1]),
    ("map.get('nope', 7)", 7),
    ("map.get('x-y')", 5),
    # default
    ("nobody | default('x')", "x"),
    ("nobody.deeper['still'] | default([])", []),
    ("map.nope.deeper | default(1)", 1),
    ("empty | default('x')", ""),
    ("empty | default('x', true)", "x"),
    ("nobody | d(other) | default(5)", 5),
    ("nobody | default", ""),
    ("[] | first | default('none')", "none"),
    ("numbers[9] | default(0)", 0),
    # Simple filters
    ("'yes' | bool", True),
    ("'True' | bool", True),
    ("'no' | bool", False),
    ("'what' | bool", False),
    ("1 | bool", True),
    ("2 | bool", False),
    ("'12' | int", 12),
    ("'12.9' | int", 12),
    ("'x' | int", 0),
    ("'x' | int(3)", 3),
    ("'ff' | int(base=16)", 255),
    ("'1.5' | float", 1.5),
    ("12 | string", "12"),
    ("true | string", "True"),
    ("'abc' | list", ["a", "b", "c"]),
    ("true | lower", "true"),
    ("word | upper", "HELLO"),
    ("'  a ' | trim", "a"),
    ("'a-b' | replace('-', '_')", "a_b"),
    ("plugins | length", 3),
    ("map | count", 3),
    ("word | length", 5),
    ("plugins | first", "calico"),
    ("plugins | last", "calico"),
    ("numbers | join('-')", "3-1-2"),
    ("people | join('+', attribute='name')", "ann+bob+eve"),
    ("numbers | sort", [1, 2, 3]),
    ("numbers | sort(reverse=true)", [3, 2, 1]),
    ("['b', 'A', 'c'] | sort", ["A", "b", "c"]),
    ("people[:2] | sort(attribute='age', reverse=true) | map(attribute='name')", ["bob", "ann"]),
    ("plugins | unique", ["calico", "flannel"]),
    ("['a', 'A', 'b'] | unique", ["a", "b"]),
    ("[1, 2] | union([2, 3])", [1, 2, 3]),
    ("['a', 'A'] | union([])", ["a", "A"]),
    ("[1, 2, 2] | difference([1])", [2]),
    ("[1, 2, 3] | intersect([3, 2])", [2, 3]),
    ("[{'a': 1}, {'a': 1}, 2] | difference([2])", [{"a": 1}]),
    ("yes_ | ternary('a', 'b')", "a"),
    ("empty | ternary('a', 'b')", "b"),
    ("none | ternary('a', 'b', 'c')", "c"),
    ("numbers | max", 3),
    ("numbers | min", 1),
    ("numbers | sum", 6),
    ("people[:2] | sum(attribute='age')", 8),
    ("-5 | abs", 5),
    ("(-5) | abs", 5),
    ("42.55 | round(1, 'floor')", 42.5),
    ("2.7 | round | int", 3),
    ("numbers | reverse | list", [2, 1, 3]),
    ("nested | flatten", [1, 2, 3]),
    ("nested | flatten(levels=1)", [1, 2, [3, None]]),
    ("'/a/b.c' | basename", "b.c"),
    ("'/a/b.c' | dirname", "/a"),
    ("'a b' | quote", "'a b'"),
    ("'a;b' | split(';')", ["a", "b"]),
    ("'hé' | b64encode", "aMOp"),
    ("'a\nb' | indent(2)", "a\n  b"),
    ("'a\n\nb' | indent(2, true)", "  a\n\n  b"),
    ("word | mandatory", "Hello"),
    ("{'a': [1, true]} | to_json", '{"a": [1, true]}'),
    ("'{\"a\": [1, true]}' | from_json", {"a": [1, True]}),
    ("map | to_json | from_json == map", True),
    ("[1] | ansible.builtin.union([2])", [1, 2]),
    # Mappings and lists of them
    ("{'a': 1} | dict2items", [{"key": "a", "value": 1}]),
    ("{'a': 1} | dict2items('k', 'v')", [{"k": "a", "v": 1}]),
    ("[{'key': 'a', 'value': 1}] | items2dict", {"a": 1}),
    ("people | map(attribute='name') | list", ["ann", "bob", "eve"]),
    ("people | map(attribute='age', default=0) | list", [3, 5, 0]),
    ("['A', 'b'] | map('upper') | list", ["A", "B"]),
    ("[0, 1, '', 'x'] | select | list", [1, "x"]),
    ("[0, 1, '', 'x'] | reject | list", [0, ""]),
    ("numbers | select('equalto', 1) | list", [1]),
    ("numbers | reject('in', [1, 2]) | list", [3]),
    ("people | selectattr('age', 'defined') | map(attribute='name') | list", ["ann", "bob"]),
    ("people | rejectattr('age', 'defined') | map(attribute='name') | list", ["eve"]),
    ("people | selectattr('name', '==', 'bob') | map(attribute='age') | first", 5),
    ("people | selectattr('name', 'in', ['eve']) | list", [{"name": "eve"}]),
    ("people[:2] | selectattr('on') | list | length", 1),
    # combine
    ("low | combine({'a': 2})", {"a": 2, "m": {"x": 1, "l": [1, 2]}, "l": [1, 2]}),
    ("low.m | combine(high.m, {'z': 3})", {"x": 1, "l": [2, 3], "y": 2, "z": 3}),
    ("(low | combine(high)).m", {"y": 2, "l": [2, 3]}),
    ("(low | combine(high, recursive=true)).m", {"x": 1, "l": [2, 3], "y": 2}),
    ("low | combine(high, list_merge='keep') == low", False),
    ("(low | combine(high, list_merge='keep')).l", [1, 2]),
    ("(low | combine(high, list_merge='append')).l", [1, 2, 2, 3]),
    ("(low | combine(high, list_merge='prepend')).l", [2, 3, 1, 2]),
    ("(low | combine(high, list_merge='append_rp')).l", [1, 2, 3]),
    ("(low | combine(high, list_merge='prepend_rp')).l", [2, 3, 1]),
    ("(low | combine(high, recursive=true, list_merge='append_rp')).m.l", [1, 2, 3]),
    ("low | combine(low, list_merge='append') == low", True),
    ("[low, {'a': 3}] | combine | dict2items | length", 3),
    # Versions
    ("'1.10' is version('1.9', '>=')", True),
    ("'v1.28.0' is version('v1.27', '>')", True),
    ("'1.2.3' is version('1.2.3')", True),
    ("'1.2' is version_compare('1.2.1', 'lt')", True),
    ("'1.2rc1' is version('1.2', '!=')", True),
    ("1.5 is version(1.4, 'gt')", True),
    # Tests
    ("nobody is defined", False),
    ("nobody is not defined", True),
    ("map.nope is defined", False),
    ("map.a.b is defined", True),
    ("nobody.x.y is undefined", True),
    ("nothing is none", True),
    ("yes_ is true", True),
    ("no_ is false", True),
    ("one is true", False),
    ("word is string", True),
    ("one is number and half is number", True),
    ("one is integer", True),
    ("yes_ is integer", False),
    ("yes_ is boolean", True),
    ("map is mapping", True),
    ("numbers is mapping", False),
    ("numbers is sequence and word is iterable", True),
    ("one is iterable", False),
    ("one is equalto 1", True),
    ("one is eq(2)", False),
    ("one is ne(2)", True),
    ("one is in [1, 2]", True),
    ("numbers is contains(1)", True),
    ("[1, 2] is subset(numbers)", True),
    ("[1, 9] is subset(numbers)", False),
    ("numbers is superset([1])", True),
    ("result is skipped", True),
    ("result is changed", False),
    ("result is failed", False),
    ("result is succeeded and result is success", True),
    ("result is ansible.builtin.failed", False),
    ("word is truthy", True),
    ("'no' is falsy(convert_bool=true)", True),
    ("3 is odd", True),
    ("3 is even", False),
    ("yes_ is sameas true", True),
    # Calls
    ("range(3) | list", [0, 1, 2]),
    ("range(1, 6, 2) | list", [1, 3, 5]),
    ("dict(a=1)", {"a": 1}),
    ("lookup('vars', 'plugin')", "calico"),
]
"""Each of these gives the same in Ansible 2.15."""


@pytest.mark.parametrize(("expression", "expected"), KNOWN, ids=[case[0] for case in KNOWN])
def test_known(expression: str, expected: Any) -> None:
    assert same(value(expression), expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Logic with three values
        ("u", U),
        ("u and w", UW),
        ("u and false", False),
        ("false and u", False),
        ("u or true", True),
        ("not u", U),
        ("u and 'text'", U),
        ("'text' and u", U),
        ("'' or u", U),
        ("u or ''", U),
        ("u or w == 1", UW),
        ("machine and u", U),
        # Operations
        ("u == 1", U),
        ("u != w", UW),
        ("1 < u", U),
        ("1 > 2 > u", False),
        ("u + 1", U),
        ("-u", U),
        ("u ~ 'x' ~ w", UW),
        ("'a' if u else 'a'", "a"),
        ("'a' if u else 'b'", U),
        ("1 if u else true", U),
        ("u if true else w", U),
        ("u if w else u", UW),
        # Members
        ("u.a.b", U),
        ("u[0]", U),
        ("map[u]", U),
        ("open.known", 1),
        ("open.other", Unknown()),
        ("open['other']", Unknown()),
        ("open.get('other', 1)", Unknown()),
        ("half_known.b.c", U),
        ("half_known.a", 1),
        ("some[0]", 1),
        ("some[1]", U),
        ("some[-1]", U),
        ("([u] + [5])[-1]", 5),
        ("some[:1]", U),
        ("u.split(',')", U),
        # Containers
        ("[1, u]", [1, U]),
        ("[nobody]", [Unknown(frozenset({"nobody"}))]),
        ("{'a': u}", {"a": U}),
        ("{u: 1}", U),
        ("[1] + u", [1, U]),
        ("u + [1]", [U, 1]),
        ("[1] | union(u)", [1, U]),
        ("1 in some", True),
        ("2 in some", U),
        ("2 not in some", U),
        ("u in [1, w]", UW),
        ("u in []", False),
        ("1 in u", U),
        ("'known' in open", True),
        ("'other' in open", Unknown()),
        ("some == [2, u]", False),
        ("some == [1, 2]", U),
        ("some == []", False),
        ("some == 1", False),
        ("open == {'known': 2}", False),
        ("open == {}", False),
        ("open == {'known': 1}", Unknown()),
        ("half_known == {'a': 1}", False),
        ("half_known == {'a': 2, 'b': 1}", False),
        ("half_known == {'a': 1, 'b': 1}", U),
        # Filters
        ("u | default('x')", U),
        ("u | default('x', true)", U),
        ("u | default(w)", UW),
        ("u | bool", U),
        ("u | int + 1", U),
        ("'x' | replace('x', u)", U),
        ("some | length", U),
        ("open | length", Unknown()),
        ("some | length > 0", U),
        ("some | first", 1),
        ("some | last", U),
        ("some | join(',')", U),
        ("some | sort", U),
        ("5 in (u | union([5]))", True),
        ("u | union([5]) | first", U),
        ("some | unique | first", U),
        ("1 in (some | unique)", True),
        ("[1, 2] | difference(u)", U),
        ("[1, 2] | difference(some)", U),
        ("[1] | difference(some)", []),
        ("[] | difference(u)", []),
        ("1 in ([1, 2] | intersect(some))", True),
        ("u | ternary('a', 'b')", U),
        ("u | ternary('a', 'a')", "a"),
        ("low | combine(u)", U),
        ("u | combine({'a': 1})", OpenMapping({"a": 1})),
        ("(u | combine({'a': 1})).a", 1),
        ("(u | combine({'a': 1})).b", Unknown()),
        ("(u | combine({'a': {'b': 1}}, recursive=true)).a.c", Unknown()),
        ("(u | combine({'a': [1]}, list_merge='append_rp')).a", [U, 1]),
        ("({'a': 1, 'b': 2} | combine(u, {'a': 3})).a", 3),
        ("({'a': 1, 'b': 2} | combine(u, {'a': 3})).b", Unknown()),
        ("({'a': [1]} | combine({'a': u}, list_merge='append')).a", U),
        ("half_known | dict2items | map(attribute='value')", [1, U]),
        ("open | dict2items | length", Unknown()),
        ("some | select('equalto', 1) | list", [1, U]),
        ("people | map('regex_replace', '^', 'x')", Unknown()),
        ("people | map('extract', u)", U),
        ("['a'] | select('match', 'a')", Unknown()),
        ("u | regex_replace('a', 'b')", U),
        ("word | regex_search('a')", Unknown()),
        ("numbers | zip(u)", U),
        ("word | no_such_filter(u, x=w)", UW),
        ("half_known | to_json", U),
        ("low | to_yaml", Unknown()),
        # Tests
        ("u is defined", U),
        ("open.other is defined", Unknown()),
        ("u is version('1.2', '>=')", U),
        ("'1.2' is version('1.x', '>=')", Unknown()),
        ("u is no_such_test(w)", UW),
        ("word is match('H')", Unknown()),
        ("u is skipped", U),
        ("low is changed", Unknown()),
        ("2 is in some", U),
        ("[1, 5] is subset(some)", U),
        ("[5] is superset(some)", False),
        ("'1.2' is version('1.2', '~')", Unknown()),
        ("'' is version('1.2')", Unknown()),
        ("'1.2' is version('1.2', strict=true)", Unknown()),
        # As old releases of Ansible had it
        ("'2.0' | version('1.0', '<')", False),
        # Undefined ones, where Ansible fails
        ("nobody == 1", Unknown(frozenset({"nobody"}))),
        ("not nobody", Unknown(frozenset({"nobody"}))),
        ("map.nope == 1", Unknown(frozenset({"map.nope"}))),
        ("nobody | lower", Unknown(frozenset({"nobody"}))),
        ("nobody | mandatory", Unknown(frozenset({"nobody"}))),
        ("nobody is string", Unknown(frozenset({"nobody"}))),
        ("nobody | combine(low)", Unknown(frozenset({"nobody"}))),
        ("nobody.lower()", Unknown(frozenset({"nobody"}))),
        ("nobody", Undefined("nobody")),
        ("map['nope']", Undefined("map.nope")),
        ("nobody.a.b", Undefined("nobody")),
        # Calls
        ("lookup('template', 'a.j2')", FileText("a.j2", True)),
        ("lookup('ansible.builtin.template', 'a.j2')", FileText("a.j2", True)),
        ("lookup('file', 'a' ~ '.yml')", FileText("a.yml", False)),
        ("lookup('file', u)", U),
        ("lookup('env', 'HOME')", Unknown()),
        ("query('fileglob', u)", U),
        ("now()", Unknown()),
        ("text_of_file | from_yaml", FileText("x.yml", True)),
        ("text_of_file ~ 'x'", Unknown()),
        ("text_of_file == 'x'", Unknown()),
        # Errors of types
        ("1 < 'a'", Unknown()),
        ("1 + 'a'", Unknown()),
        ("1 / 0", Unknown()),
        ("[1] in {'a': 1}", Unknown()),
        ("word.__class__", Unknown()),
        ("word.upper", Unknown()),
        ("map.items", Unknown()),
        ("numbers.append(1)", Unknown()),
        ("'%s' % word", Unknown()),
    ],
)
def test_unknown(expression: str, expected: Any) -> None:
    found = value(expression)
    assert same(found, expected)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no braces", "no braces"),
        ("", ""),
        ("{{ 'a\\n' }}{% if 'a\\n' == 'a\n' %}!{% endif %}", "a\\n!"),
        ("a{# a comment #}", "a"),
        ("  {{ numbers }}\n", [3, 1, 2]),
        ("{{- yes_ -}}", True),
        ("{{ nothing }}", None),
        ("a {{ word }} b", "a Hello b"),
        ("{{ one }}/{{ yes_ }}/{{ nothing }}/{{ numbers }}", "1/True//[3, 1, 2]"),
        ("{{ word }}{{ u }}{{ nobody }}", Unknown(frozenset({"u", "nobody"}))),
        ("{% if yes_ %}a{% else %}b{% endif %}", "a"),
        ("{% if no_ %}a{% elif one == 1 %}b{% else %}c{% endif %}", "b"),
        ("{% if no_ %}a{% endif %}", ""),
        ("{%- if yes_ -%} {{ numbers }} {%- endif -%}", [3, 1, 2]),
        ("{% if yes_ %}True{% else %}False{% endif %}", True),
        ("{% if no_ %}True{% else %}False{% endif %}", False),
        ("{% if u %}a{% else %}b{% endif %}", U),
        ("{% if no_ and u %}a{% else %}b{% endif %}", "b"),
        ("{% if yes_ %}a{% else %}{{ u }}{% endif %}", "a"),
        ("{% set x = one + 1 %}{{ x }} {{ x * 2 }}", "2 4"),
        ("{% set a, b = [1, 2] %}{{ b }}{{ a }}", "21"),
        ("{% set x = 1 %}{% if yes_ %}{% set x = 2 %}{% endif %}-{{ x }}", "-2"),
        ("{% for n in numbers %}{{ n }}{% if not loop.last %},{% endif %}{% endfor %}", "3,1,2"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;"),
        ("{% for n in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for n in numbers if n > 1 %}{{ loop.index }}{{ n }} {% endfor %}", "13 22 "),
        ("{% set x = 0 %}{% for n in numbers %}{% set x = n %}{% endfor %}-{{ x }}", "-0"),
        ("{% for n in u %}x{% endfor %}", U),
        ("{% for n in some %}x{% endfor %}", U),
        ("{% set l = [] %}{% for n in numbers %}{{ l.append(n) }}{% endfor %}{{ l }}", Unknown()),
        ("{% raw %}{{ x }}{% endraw %}!", "{{ x }}!"),
        ("{% macro f() %}{% endmacro %}x", Unknown()),
        ("{% include 'x' %}", Unknown()),
        ("{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}", Unknown()),
    ],
)
def test_templates(text: str, expected: Any) -> None:
    assert same(render(text, lookup), expected)


def test_data_is_rendered_inside() -> None:
    data = {"{{ k }}": ["{{ one }}", {"a": "x{{ word }}"}], "n": 1, "u": "{{ u }}"}
    expected = {"{{ k }}": [1, {"a": "xHello"}], "n": 1, "u": U}
    assert same(render_data(data, lookup), expected)
    assert render_data(["{{ nobody }}"], lookup) == [Unknown(frozenset({"nobody"}))]
    assert render_data("{{ nobody }}", lookup) == Undefined("nobody")
    found = render_data(OpenMapping({"a": "{{ one }}"}), lookup)
    assert found == {"a": 1} and isinstance(found, OpenMapping)
    assert render_data(UNKNOWNS["text_of_file"], lookup) == FileText("x.yml", True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("yes", True),
        ("No", False),
        ("", True),
        ("plugin == 'calico'", True),
        ("plugin", True),
        ("numbers", True),
        ("numbers | length == 4", False),
        ("empty", False),
        # Asked of ansible-core 2.15: a text is not evaluated again, 2.19 refuses it.
        ("off_text", True),
        ("off_text | bool", False),
        ("'a\\n' | length == 2", True),
        ("{{ off_text }}", False),
        ("{{ yes_ and one == 1 }}", True),
        ("{{ empty }}", False),
        ("plugin == '{{ plugin }}'", True),
        ("{{ plugin }} == 'x'", Unknown(frozenset({"calico"}))),
        ("u", U),
        ("u and empty", False),
        ("u or word", True),
        ("not (u and empty)", True),
        ("(u or word) and u", U),
        ("('x' if u else 'y') == 'z'", U),
        ("'x' if u else 'y'", True),
        ("nobody", Unknown(frozenset({"nobody"}))),
        ("nobody and false", False),
        ("nobody is defined and nobody", False),
        ("nobody | default(false)", False),
        ("some", True),
        ("[u]", U),
        ("open", True),
        ("a b", Unknown()),
        ("a }} b", Unknown()),
        ("a %} b", Unknown()),
        ("(a", Unknown()),
        ("{{ a", Unknown()),
        ("{#", Unknown()),
    ],
)
def test_conditions(expression: str | bool, expected: Any) -> None:
    assert same(condition(expression, lookup), expected)


def test_truth() -> None:
    assert truth("false") is True
    assert truth([]) is False
    assert truth(Undefined("a")) == Unknown(frozenset({"a"}))
    assert truth(Undefined()) == Unknown()
    assert truth(OpenMapping()) == Unknown()
    assert truth(OpenMapping({"a": 1})) is True
    assert truth(FileText("a", True)) == Unknown()
    assert truth([U, W]) == UW


BOMBS = {
    "power": "10 ** 10 ** 10",
    "negative power of power": "(2 ** 9999) ** (2 ** 9999)",
    "product": "(2 ** 9000) * (2 ** 9000)",
    "text": "'a' * 10 ** 9",
    "list": "[0] * 10 ** 9",
    "format": "'%1000000000d' % 1",
    "format by a test": "'%1000000000d' is odd",
    "format by a filter": "'%1000000000d' | round(20, 'ceil')",
    "rounding": "5 | round(-10 ** 9)",
    "range": "range(10 ** 9)",
    "range beyond a word": "range(10 ** 30)",
    "shifted range": "range(0, 10 ** 40, 10 ** 8)",
    "indent": "'a' | indent(10 ** 9)",
    "replace": "('a' * 30000) | replace('a', 'b' * 30000)",
    "replace method": "('a' * 30000).replace('', 'b' * 30000)",
    "join": "[1] * 90000 | join('x' * 90000)",
    "join method": "('x' * 90000).join(['a'] * 90000)",
    "parentheses": "(" * 3000 + "1" + ")" * 3000,
    "brackets": "[" * 3000 + "1" + "]" * 3000,
    "negations": "not " * 3000 + "1",
    "minuses": "-" * 3000 + "1",
    "sums": "1" + " + 1" * 3000,
    "conjunctions": "a" + " and a" * 3000,
    "attributes": "map" + ".a" * 3000,
    "filters": "1" + " | string" * 3000,
    "digits": "9" * 20000,
    "hexadecimal digits": "0x" + "f" * 20000,
    "too long": "'" + "a" * 70000 + "'",
    "deep JSON": "('[' * 30000 ~ ']' * 30000) | from_json",
    "deep JSON within the limits": "('[' * 500 ~ ']' * 500) | from_json",
    "many digits as number": "('9' * 90000) | int",
    "strip": "('a' * 90000 ~ 'b').strip('c' * 90000)",
    "regex": "('a' * 30000) | regex_search('(a+)+$')",
    "text of an escape": "'\\N{no such thing}'",
    "surrogates": "'\\ud800' | b64encode",
    "quadratic": "range(10000) | list | difference([[1]] * 90000)",
    "comparison": "[[1]] * 90000 | unique",
}


@pytest.mark.parametrize("expression", BOMBS.values(), ids=BOMBS)
def test_bombs(expression: str) -> None:
    start = time.perf_counter()
    assert isinstance(condition(f"({expression}) == 1", lookup), (bool, Unknown))
    render("{{ " + expression + " }}", lookup)
    render("x{{ [" + expression + "] }}", lookup)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == [a, u] }}",
        "{{ [[[[0] * 90000] * 90000] * 90000] * 90000 }}",
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | flatten }}",
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | no_such_filter }}",
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ {'a': a} | combine(u) }}x",
        "{% set a = 'ab' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
        "{% set a = [1, u] %}" + "{% set a = a + a %}" * 60 + "{{ a | join }}",
        "{% set a = 2 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = [a] %}" * 2000 + "{{ a == a }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}" * 12 + "x" + "{% endfor %}" * 12,
        "{% if a %}" * 3000,
        "{% if a %}" * 1000 + "{% endif %}" * 1000,
        "{{ a }}" * 9000,
    ],
)
def test_template_bombs(text: str) -> None:
    start = time.perf_counter()
    found = render(text, lookup)
    assert isinstance(found, (Unknown, str))
    assert time.perf_counter() - start < 3


def test_deep_and_shared_data_gives_unknown() -> None:
    deep: Any = "{{ one }}"
    for _ in range(5000):
        deep = [deep]
    shared: Any = ["{{ one }}"]
    for _ in range(60):
        shared = [shared, shared]
    found = render_data(deep, lookup)
    for _ in range(64):
        assert isinstance(found, list)
        found = found[0]
    assert found == Unknown()
    assert render_data(shared, lookup) == Unknown()
    assert condition("deep == deep", lambda name: deep) == Unknown()
    assert value("a == b", lambda name: shared) == Unknown()


def test_errors_of_the_lookup_are_not_hidden() -> None:
    def failing(name: str) -> Any:
        raise TypeError(name)

    with pytest.raises(TypeError, match="a"):
        condition("1 + a", failing)
    with pytest.raises(TypeError, match="a"):
        render("{{ [a] | join }}", failing)


def test_a_name_set_by_the_template_is_not_looked_up() -> None:
    asked: list[str] = []

    def noting(name: str) -> Any:
        asked.append(name)
        return 1

    render("{% set x = y %}{{ x }}{% for i in [1] %}{{ i }}{{ loop.index }}{% endfor %}", noting)
    assert asked == ["y"]
