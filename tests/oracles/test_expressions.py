"""Expressions, templates and conditions as the program works them out, held against Ansible.

The program may say that it does not know; what it does say must be what the Ansible says that a
release pins. How much it does not know is part of the test, so that it cannot hide there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from generator.model.expression import condition, render_data
from generator.model.value import Undefined, Unknown

from . import ansible
from .ansible import Refused

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

RELEASES = ("v2.22.2", "v2.24.3", "v2.27.1", "v2.31.0")
"""With ansible-core 2.12, 2.14, 2.16 and 2.17 or 2.18: the series that releases ask for."""

VARIABLES: dict[str, Any] = {
    "word": "calico",
    "other": "{{ word }}-typha",
    "empty": "",
    "spaced": "  a b  ",
    "quoted": 'it\'s "so"',
    "unicode": "größe 😀",
    "multi": "one\ntwo\n",
    "path": "/etc/kubernetes/addons/x.yml.j2",
    "one": 1,
    "zero": 0,
    "minus": -3,
    "half": 0.5,
    "big": 10000000000,
    "indirect": "{{ one }}",
    "twice": "{{ indirect }}",
    "truth": True,
    "lie": False,
    "yes_text": "yes",
    "no_text": "no",
    "true_text": "true",
    "false_text": "false",
    "true_title": "True",
    "false_title": "False",
    "one_text": "1",
    "zero_text": "0",
    "nothing": None,
    "none_text": "None",
    "null_text": "null",
    "letters": ["a", "b", "c"],
    "numbers": [3, 1, 2],
    "mixed": [1, "1", True, None, 1.5],
    "doubled": ["a", "b", "a"],
    "deep": [1, [2, [3, [4]]]],
    "hollow": [],
    "templated_list": ["{{ word }}", "{{ one }}", ["{{ word }}-x"]],
    "known": {"a": 1, "b": "two"},
    "tree": {"x": {"y": {"z": 5}, "n": None}, "list": [1, 2], "flag": True},
    "void": {},
    "templated_dict": {"name": "{{ word }}", "inner": {"n": "{{ one + 1 }}"}},
    "left": {"a": 1, "l": [1, 2], "d": {"x": 1, "m": [1]}},
    "right": {"b": 2, "l": [2, 3], "d": {"y": 2, "m": [2, 1]}},
    "people": [
        {"name": "ann", "age": 30, "on": True, "at": {"city": "Rome"}},
        {"name": "bob", "age": 25, "on": False, "at": {"city": "Oslo"}},
        {"name": "eve", "on": True, "at": {}},
    ],
    "pairs": [{"key": "a", "value": 1}, {"key": "b", "value": [2]}],
    "version": "v1.28.3",
    "plain_version": "1.28.3",
    "tolerations": [
        {"key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists"},
        {"key": "dedicated", "operator": "Equal", "value": "infra", "effect": "NoExecute"},
    ],
    "defaults": {"wait": False, "atomic": "{{ truth }}", "values": {}},
    "releases": [{"name": "x", "wait": True}, {"name": "y", "values": {"a": [1]}}],
    "json_text": '{"a": [1, null, true]}',
    "yaml_text": "a: [1, ~, yes]\nb: no\n",
    "looks_like_list": "[1, 2]",
    "looks_like_dict": "{'a': 1}",
    "hostname": "node1.example.org",
}

_UNKNOWN = 0.15
"""How much of what Ansible can work out the program may not know."""

_GROUP = 24

_CHANCE = re.compile(r"\b(?:union|intersect|difference)\(")
"""Filters that give a set's items in any order, from ansible-core 2.15 on."""

_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")

EXPRESSIONS: list[str] = [
    # Plain values and their types.
    *VARIABLES,
    "1", "-1", "1.0", "1e3", "true", "True", "false", "none", "None", "'text'", '"text"', "''",
    "[]", "{}", "()", "[1, 'a', true]", "{'a': 1, 'b': [2]}", "(1, 2)", "'it\\'s'", '"a\\nb"',
    "'a' 'b'",
    # Arithmetic, comparison, logic.
    "one + 1", "one - 2", "one * 3", "7 / 2", "7 // 2", "7 % 3", "2 ** 10", "-one", "+one",
    "big * 10", "half + 1", "one / one", "one_text + '2'", "one ~ 2", "word ~ '-' ~ one",
    "nothing ~ 'x'", "truth ~ ''", "half ~ ''", "letters ~ ''", "letters + ['d']",
    "hollow + letters",
    "word * 2", "[0] * 3", "one_text + 1", "word + one",
    "one == 1", "one == 1.0", "one == '1'", "one == true", "zero == false", "one_text == 1",
    "word == 'calico'", "word != 'calico'", "word < 'd'", "word > 'Z'", "one < 2", "one >= half",
    "1 < 2 < 3", "1 < 3 < 2", "letters == ['a', 'b', 'c']", "known == {'b': 'two', 'a': 1}",
    "nothing == none", "nothing == ''", "empty == ''", "letters < ['b']", "one < '2'",
    "mixed == mixed",
    "truth and lie", "truth or lie", "not truth", "not empty", "not hollow", "not nothing",
    "word or 'x'", "empty or 'x'", "word and one", "hollow or known", "zero or nothing",
    "not (one == 1 and word == 'x')", "'a' if truth else 'b'", "'a' if empty else 'b'",
    "'a' if lie", "one if one > 2 else two | default('z')",
    # Membership.
    "'cal' in word", "'x' not in word", "'' in word", "'a' in letters", "'ab' in letters",
    "1 in numbers", "'1' in numbers", "true in mixed", "1 in mixed", "'a' in known", "1 in known",
    "'a' in known.values()", "none in mixed", "'a' in ''", "one in [1, 2]", "word in ['calico']",
    "'x' in nothing",
    # Members.
    "known.a", "known['a']", "known.missing | default('d')", "tree.x.y.z", "tree['x']['y'].z",
    "tree.x.n", "tree.missing.deeper | default('d')", "letters[0]", "letters[-1]", "letters[1:]",
    "letters[:-1]", "letters[::-1]", "word[0]", "word[1:3]", "word[-1]", "letters.0",
    "letters[9] | default(5)",
    "people[0].name", "people[2].age | default(1)", "templated_dict.inner.n",
    "templated_dict.name", "templated_list[2][0]", "known.get('a')", "known.get('z')",
    "known.get('z', 4)", "tree.list", "known[word] | default('none')", "known.keys() | list",
    "known.values() | list", "known.items() | list", "known.missing", "word.missing | default(1)",
    # Defined or not.
    "word is defined", "missing is defined", "missing is undefined", "known.a is defined",
    "known.z is defined", "known.z.y is defined", "missing.a is defined",
    "missing.a.b is undefined",
    "nothing is defined", "tree.x.n is defined", "tree.x.n.m is defined", "letters[0] is defined",
    "letters[7] is defined", "tree['x'].q is not defined", "missing | default('d')",
    "missing | default(none)", "missing | default([])", "missing | default({})",
    "missing | default(word)", "missing | d(5)", "missing.a | default(1)",
    "missing.a.b | default(1)", "nothing | default('d')", "nothing | default('d', true)",
    "empty | default('d')", "empty | default('d', true)", "lie | default('d', true)",
    "zero | default(7, true)", "hollow | default([1], true)", "void | default({'a': 1}, true)",
    "word | default('d', boolean=true)", "missing | default('d', true) | upper",
    "missing | default(omit) is defined", "missing", "missing ~ 'x'", "missing == 'x'",
    "missing or 'x'", "not missing", "[missing]", "missing | length", "missing | bool",
    "missing | default(other_missing)", "missing | default(other_missing | default(3))",
    "undef() is defined",
    # Booleans.
    *(f"{name} | bool" for name in (
        "yes_text", "no_text", "true_text", "false_text", "true_title", "false_title", "one_text",
        "zero_text", "one", "zero", "truth", "lie", "empty", "nothing", "word", "minus", "half",
        "none_text", "'on'", "'off'", "'y'", "'n'", "'t'", "'f'", "'YES'", "'oN'", "' true '",
        "'TRUE'", "1.0", "'1.0'", "2", "'enabled'", "hollow", "letters",
    )),
    *(f"{name} is {test}" for name in ("truth", "one", "yes_text", "nothing", "'True'")
      for test in ("truthy", "falsy", "true", "false", "boolean", "sameas true")),
    "yes_text is truthy(convert_bool=true)", "no_text is truthy(convert_bool=true)",
    "word | ternary('a', 'b')", "empty | ternary('a', 'b')", "nothing | ternary('a', 'b', 'c')",
    "nothing | ternary('a', 'b')", "false_text | ternary('a', 'b')", "zero | ternary(1, 2)",
    "(one == 1) | ternary(letters, known)", "lie | ternary(true_val='a', false_val='b')",
    # Kinds.
    *(f"{name} is {test}" for name in ("word", "one", "half", "letters", "known", "nothing",
    "truth")
      for test in ("string", "number", "mapping", "sequence", "iterable", "none", "integer")),
    "one is odd", "2 is even", "9 is divisibleby 3", "word is lower", "word is upper",
    "one is eq 1", "one is lt 2", "one is ge(2)", "one is ne 3", "one is greaterthan 0",
    "word is in ['calico']", "'a' is in letters", "one is equalto(1)", "half is float",
    # Numbers and texts.
    "one_text | int", "'1.9' | int", "1.9 | int", "word | int", "word | int(7)", "empty | int",
    "'0x1f' | int(base=16)", "'ff' | int(0, 16)", "truth | int", "nothing | int", "' 5 ' | int",
    "'1.5' | float", "word | float", "one | float", "minus | abs", "2.567 | round",
    "2.567 | round(1)", "2.1 | round(0, 'ceil')", "2.5 | round | int",
    "2.9 | round(method='floor')",
    "one | string", "truth | string", "nothing | string", "half | string", "letters | string",
    "known | string", "big | string", "1e20 | string", "word | upper", "word | capitalize",
    "'ABC' | lower", "'a b' | title", "spaced | trim", "'xxaxx' | trim('x')", "word | length",
    "word | count", "unicode | length", "word | replace('c', 'k')", "word | replace('c', 'k', 1)",
    "word | first", "word | last", "word | reverse", "word | list", "multi | trim", "quoted",
    "multi.splitlines()", "multi.split('\\n')", "'a,b,,c'.split(',')", "'a b  c'.split()",
    "'a,b' | split(',')", "'a b' | split", "word.startswith('cal')", "word.endswith(('x', 'o'))",
    "word.upper()", "spaced.strip()", "'v1.2'.lstrip('v')", "word.find('i')",
    "word.replace('c', '')",
    "'-'.join(letters)", "'%s-%d' | format(word, one)", "'%s' % word", "'{}-{}'.format(word, one)",
    "word | quote", "quoted | quote", "empty | quote", "path | basename", "path | dirname",
    "path | splitext", "path | basename | splitext | first", "['a', 'b', '/c'] | path_join",
    "word | b64encode", "'Y2FsaWNv' | b64decode", "word | hash('sha1')", "word | indent",
    "multi | indent(2)", "multi | indent(2, true)", "word | center(10)", "word | wordcount",
    "word | truncate(3)", "'<a>' | e", "'<a>' | escape", "hostname.split('.')[0]",
    "hostname | regex_replace('\\\\..*', '')", "word is match('cal')", "word is search('lic')",
    "word is regex('^c')",
    # Lists.
    "letters | length", "hollow | length", "known | length", "letters | first", "letters | last",
    "hollow | first | default('none')", "letters | join(',')", "letters | join",
    "numbers | join('-')",
    "mixed | join(',')", "people | join(',', attribute='name')", "letters | reverse | list",
    "numbers | sort", "numbers | sort(reverse=true)", "people[:2] | sort(attribute='age')",
    "['b', 'A', 'c'] | sort", "['b', 'A', 'c'] | sort(case_sensitive=true)", "numbers | min",
    "numbers | max", "numbers | sum", "people[:2] | sum(attribute='age')", "hollow | sum",
    "doubled | unique", "doubled | unique | length", "mixed | unique", "['a', 'A'] | unique",
    "letters | union(['d', 'a'])", "letters | union([])", "[1, 1] | union([2, 2])",
    "letters | difference(['a'])", "doubled | difference(['b'])",
    "letters | intersect(['c', 'a', 'z'])",
    "letters | symmetric_difference(['a', 'z'])", "tolerations | union([tolerations[0]])",
    "tolerations | union([{'operator': 'Exists'}])", "[{'a': 1}] | union([{'a': 1.0}])",
    "tolerations | difference([tolerations[1]])", "[true] | union([1])",
    "deep | flatten", "deep | flatten(levels=1)", "deep | flatten(1)",
    "[1, none, [none]] | flatten",
    "[1, [none]] | flatten(skip_nulls=false)", "[letters, numbers] | flatten",
    "[[], [1]] | flatten",
    "numbers | map('string') | list", "letters | map('upper') | list", "letters | map('upper')",
    "people | map(attribute='name') | list",
    "people | map(attribute='at.city', default='?') | list",
    "people | map(attribute='age', default=0) | list", "people | map(attribute='name') | join(' ')",
    "letters | map('regex_replace', '^', 'x-') | list", "[['a'], ['b']] | map('first') | list",
    "['a', 'z'] | map('extract', {'a': 1, 'z': 2}) | list", "'a' | extract(known)",
    "[1, 2] | map('int') | map('string') | join('')", "people | map(attribute='on') | list",
    "people | selectattr('on') | map(attribute='name') | list",
    "people | rejectattr('on') | map(attribute='name') | list",
    "people | selectattr('name', 'equalto', 'bob') | list",
    "people | selectattr('name', '==', 'bob') | map(attribute='age') | first",
    "people | selectattr('age', 'defined') | map(attribute='name') | list",
    "people | selectattr('age', 'undefined') | map(attribute='name') | list",
    "people | selectattr('name', 'in', ['ann', 'eve']) | list | length",
    "people | rejectattr('name', 'in', ['ann']) | map(attribute='name') | list",
    "people | selectattr('at.city', 'defined') | map(attribute='name') | list",
    "people[:2] | selectattr('age', 'gt', 27) | map(attribute='name') | list",
    "people | selectattr('name', 'match', 'a') | list | length",
    "mixed | select | list", "mixed | select('string') | list", "mixed | reject('none') | list",
    "numbers | select('gt', 1) | list", "numbers | select('odd') | list",
    "letters | reject('equalto', 'a') | list", "letters | select('in', ['a']) | list",
    "numbers | reject('in', [1]) | list", "letters | zip(numbers) | list",
    "letters | batch(2) | list",
    "letters | slice(2) | list", "letters | product(['x']) | list",
    "[1, 2] | zip_longest([3]) | list",
    "people | groupby('on') | length", "letters | random(seed=1) | length", "range(3) | list",
    "range(1, 7, 2) | list", "range(3)", "letters | count", "[[1, 2], [3]] | sum(start=[])",
    "letters | list", "'abc' | list", "letters | subelements('x')", "deep | first",
    "letters | last | upper",
    "numbers | map('int') | sum", "letters.index('b')", "doubled.count('a')",
    # Mappings.
    "known | dict2items", "void | dict2items", "known | dict2items(key_name='k', value_name='v')",
    "pairs | items2dict", "people[:2] | items2dict('name', 'age')", "hollow | items2dict",
    "known | dict2items | items2dict", "known | list", "known | dictsort", "known | items | list",
    "dict(a=1, b=word)", "dict([['a', 1]])", "known | combine({'a': 2})",
    "known | combine({'c': 3}, {'a': none})", "known | combine({})", "void | combine(known)",
    "known | combine([{'a': 5}, {'d': 1}])", "[known, {'a': 9}] | combine", "left | combine(right)",
    "left | combine(right, recursive=true)",
    "left | combine(right, {'d': {'x': 9}}, recursive=True)",
    *(f"left | combine(right, list_merge='{merge}')" for merge in _MERGES),
    *(f"left | combine(right, recursive=true, list_merge='{merge}')" for merge in _MERGES),
    "defaults | combine(releases[0])", "defaults | combine({}, releases[1])",
    "defaults | combine(releases[1], recursive=true)", "known | combine(missing | default({}))",
    "known | combine(nothing | default({}, true))", "known | combine(nothing)",
    "known | combine('x')",
    "{'tolerations': [{'operator': 'Exists'}] | union(void.t | default([]))}",
    "{'a': {'b': one}} | combine({'a': {'c': word}}, recursive=true)", "{word: one}",
    "{one: 1}", "tree.x | combine({'q': 1})", "known.items() | map('first') | list",
    "known.pop('a')", "known | rekey_on_member('a')",
    # Versions.
    *(f"plain_version is version('{than}', '{how}')" for than in ("1.28.3", "1.28", "1.3", "1.29.0")
      for how in ("<", "<=", "==", "!=", ">=", ">", "lt", "ge")),
    "version is version('v1.25', '>=')", "version is version('1.25', '>=')",
    "version.lstrip('v') is version('1.29', '<')", "version | regex_replace('v', '')",
    "plain_version is version('1.28.3')", "plain_version is version_compare('1.2', 'gt')",
    "'2.12.5' is version('2.12', '>=')", "'1.0-rc1' is version('1.0', '<')",
    "'1.0.0-rc.1' is version('1.0.0', '<', strict=false)", "'1.10' is version('1.9', '>')",
    "'' is version('1.0', '<')", "1.2 is version('1.10', '<')",
    "'v1.30.0' is version('v1.29.5', 'gt', version_type='semver')",
    "'1.30.0' is version('1.29.5', 'gt', version_type='semver')",
    "'1.30' is version('1.29', 'xx')",
    # JSON and YAML.
    "known | to_json", "letters | to_json", "word | to_json", "nothing | to_json",
    "unicode | to_json",
    "tree | to_json", "known | to_nice_json", "known | to_yaml", "known | to_nice_yaml",
    "json_text | from_json", "json_text", "yaml_text | from_yaml", "'a' | from_json",
    "known | to_json | from_json", "letters | to_json | from_json | first", "'[1, 2]' | from_yaml",
    "known | to_json(indent=2)", "looks_like_list", "looks_like_dict", "looks_like_list | length",
    "'1: 2' | from_yaml", "'- a\\n- b' | from_yaml_all | list", "void | to_json", "half | to_json",
    # Other things that roles of the field use.
    "omit is defined", "one is defined and one == 1", "lookup('vars', 'word')",
    "lookup('ansible.builtin.vars', 'missing', default='d')", "vars['word']", "vars.word",
    "query('items', letters)", "lookup('items', letters)", "lookup('dict', known)",
    "(letters | length) > 2", "letters | length > 2", "one | string == '1'", "not word in letters",
    "not (word in letters)", "-one | abs", "word ~ '_' ~ (one + 1) | string", "1 + one * 2",
    "'a' ~ 'b' == 'ab'", "word is not none and word != ''", "[word, other, indirect, twice]",
    "{'a': templated_list, 'b': templated_dict}", "empty | default('x', true) ~ word",
    "(people | length > 2) | ternary('many', 'few')", "letters | type_debug",
    "'10.233.0.0/18' | ansible.utils.ipaddr('net')",
    "known | ansible.builtin.combine({'a': 3})", "word | mandatory", "missing | mandatory",
    "word | no_such_filter", "word is no_such_test", "no_such_function()",
]  # fmt: skip

TEMPLATES: list[Any] = [
    "plain", "", "a {{ word }} b", "{{ word }}{{ one }}", "{{ one }}{{ one }}",
    "{{ one }}.{{ zero }}",
    "{{ word }}\n", "{{ word }} ", " {{ one }}", "{{ one }} ", "{{ letters }}x", "x{{ known }}",
    "{{ truth }}{{ lie }}", "{{ nothing }}x", "{{ nothing }}", "{{ empty }}",
    "{{ empty }}{{ empty }}",
    "[{{ one }}, {{ zero }}]", "{'a': {{ one }}}", "['{{ word }}']", '["{{ word }}"]',
    '{"a": {{ letters | to_json }}}', "{{ true_text }}", "{{ 'True' }}", "{{ '1' }}",
    "{{ one_text }}",
    "{{ 'Tr' }}ue", "{{ one == 1 }}", "{{ 'Fal' }}se", "tr{{ 'ue' }}", "{{ '[1]' }}", "{{ half }}",
    "{% if truth %}a{% else %}b{% endif %}", "{% if lie %}a{% endif %}",
    "{% if one %}{{ one }}{% endif %}",
    "{% if lie %}a{% elif one == 1 %}b{% endif %}", "{%- if truth -%} a {%- endif -%}",
    "{% for x in letters %}{{ x }}{% endfor %}", "{% for x in letters %}{{ x }},{% endfor %}",
    "{% for x in letters %}{{ loop.index }}{{ '' if loop.last else '-' }}{% endfor %}",
    "{% for k, v in known.items() %}{{ k }}={{ v }} {% endfor %}",
    "{% for x in numbers if x > 1 %}{{ x }} {% endfor %}",
    "{% for x in hollow %}a{% else %}b{% endfor %}",
    "{% set x = word %}{{ x }}", "{% set x = 1 %}{{ x + 1 }}",
    "{% set x, y = 1, 2 %}{{ x }}{{ y }}",
    "{% set x = [] %}{% for i in letters %}{% set _ = x.append(i) %}{% endfor %}{{ x }}",
    "{% set ns = namespace(a=0) %}{% for i in numbers %}{% set ns.a = ns.a + i %}{% endfor %}"
    "{{ ns.a }}",
    "{# comment #}{{ word }}", "a{# comment #}", "{% raw %}{{ word }}{% endraw %}",
    "{{ '{{' }} word }}", "{{ word -}} x", "x {{- word }}", "{{ 'a' }}\n{{ 'b' }}\n", "{{word}}",
    "{{ missing }}", "a{{ missing }}", "{{ missing | default('') }}",
    "{{ missing | default('') }}x",
    "{% if missing is defined %}a{% else %}b{% endif %}", "{{ quoted }}!", "{{ multi }}",
    "{{ multi }}x",
    "{{ unicode }}!", "{{ 'a' if truth else 'b' }}", "https://{{ hostname }}:{{ 6443 }}/x",
    "{{ 10 }}{{ '' }}", "0{{ one }}", "{{ one }}e3", "0x{{ one }}f", "{{ letters | join(',') }}",
    "{{ truth | ternary('--wait', '') }} {{ lie | ternary('--atomic', '') }}",
    ["{{ word }}", {"a": "{{ one }}", "b": ["x{{ one }}"]}], {"k": "{{ nothing }}"},
    {"{{ word }}": "{{ word }}"}, ["{{ letters }}", "{{ missing | default([]) }}"],
    "{{ defaults | combine({'a': 1}, releases[0]) }}", "{{ tolerations | to_nice_yaml }}",
    "{{ known }}", "{{ known }}{{ empty }}", "{{ empty }}{{ truth }}", "{{ nothing }}{{ truth }}",
]  # fmt: skip

CONDITIONS: list[Any] = [
    True, False, None, "true", "false", "True", "False", "", "1", "0", "1 == 1", "truth",
    "lie", "not lie", "word", "empty", "one", "zero", "nothing", "letters", "hollow", "yes_text",
    "no_text",
    "true_text", "false_text", "missing", "missing is defined", "missing is defined and missing.x",
    "missing is not defined or missing == 'x'", "missing | default(false)", "missing | default('')",
    "word == 'calico'", "word == \"calico\"", "word in ['calico', 'flannel']", "'cal' in word",
    "word != 'cni' and truth", "truth and not lie", "lie or one == 1", "truth | bool",
    "no_text | bool", "not no_text | bool", "one | int > 0", "one_text | int == 1",
    "word | length > 0",
    "letters | length", "hollow | length > 0", "tree.flag", "tree.x.y.z == 5", "tree.missing",
    "tree.missing | default(true)", "tree.missing is defined",
    "plain_version is version('1.20', '>=')",
    "version is version('v1.29', '<')", "'a' in known", "known.a", "inventory_hostname == 'node1'",
    "inventory_hostname in groups['kube_control_plane']", "groups['kube_node'] | length > 3",
    "(truth and lie) or word == 'calico'", "not (truth and lie)", "'yes'", "'false'", "''",
    "none", "[]", "[1]", "word is match('cal')", "yes_text == 'yes'",
    "{{ truth }}", "{{ lie }}", "{{ word }}", "{{ word == 'calico' }}", "{{ 'true' }}",
    "{{ 'lie' }}",
    "indirect", "twice", "other", "half", "void", "known", "mixed", "one and word",
    "empty or hollow",
    ["truth", "one == 1"], ["truth", "lie"], ["lie", "missing"], ["truth", "missing"], [],
    "word | bool", "'yes' | bool", "truth == true", "truth == 'True'", "one == '1'",
    "nothing is none",
    "nothing == ''", "lie is sameas false", "true_text | bool and one",
]  # fmt: skip


DEVIATIONS = {
    # A number behind a variable that is itself a template: Ansible makes a text of it each time
    # but the first.
    "{{ indirect }}", "{{ twice }}", "{{ [twice] }}", "{{ [word, other, indirect, twice] }}",
    "{{ [[word, other, indirect, twice]] }}",
    # What Python prints of tuples and ranges.
    "{{ () }}", "{{ (1, 2) }}", "{{ [range(3)] }}",
    # What the filter `string` gives is never converted.
    "{{ truth | string }}",
}  # fmt: skip
"""Templates that Ansible gives another type; one that deviates no more has to leave this list."""


class _Lookup:
    """Variables as the program's scope gives them: each rendered when it is asked for."""

    def __call__(self, name: str) -> object:
        if name in ("inventory_hostname", "groups", "omit", "vars"):
            return Unknown()
        return render_data(VARIABLES[name], self) if name in VARIABLES else Undefined(name)


def known(value: object) -> bool:
    """Whether a value is one in all its parts."""
    if isinstance(value, dict):
        return all(map(known, value)) and all(map(known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(known, value))
    return not isinstance(value, Unknown | Undefined)


def same(one: object, other: object) -> bool:
    """Whether two values of JSON are equal, types and all."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def bag(value: object) -> object:
    """A value with each of its lists sorted, for filters whose order is chance."""
    if isinstance(value, list):
        return sorted(map(bag, value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def complaint(value: object, answer: object, in_order: bool = True) -> str | None:
    """What is wrong with a value that the program gives, None where nothing is.

    Where Ansible fails, a deployment fails: the program then has to know nothing.
    """
    if isinstance(value, Undefined):
        return None if isinstance(answer, Refused) else f"undefined, but Ansible: {answer!r}"
    if not known(value):
        return None
    if isinstance(answer, Refused):
        return f"{value!r}, but Ansible fails: {answer.message[:200]}"
    if same(value, answer) or (not in_order and same(bag(value), bag(answer))):
        return None
    return f"{value!r}, but Ansible: {answer!r}"


def complaints(
    sources: Iterable[object], answers: Iterable[object]
) -> tuple[dict[str, str], list[str]]:
    """What is wrong, by source; and the sources of which the program knows nothing."""
    wrong, unknown = {}, []
    for source, answer in zip(sources, answers, strict=True):
        value = render_data(source, _Lookup())
        found = complaint(value, answer, not _CHANCE.search(str(source)))
        if found is not None:
            wrong[str(source)] = found
        elif not known(value) and not isinstance(answer, Refused):
            unknown.append(str(source))
    return wrong, unknown


def asked(bin_dir: Path, sources: Sequence[object]) -> list[object]:
    """What Ansible makes of sources: many in each play, fewer where it refuses one of them."""
    answers: dict[int, object] = {}
    groups = [range(at, min(at + _GROUP, len(sources))) for at in range(0, len(sources), _GROUP)]
    while groups:
        cases = [([sources[at] for at in group], VARIABLES) for group in groups]
        split: list[range] = []
        for group, given in zip(groups, ansible.attempt_many(bin_dir, cases), strict=True):
            if isinstance(given, list):
                answers.update(zip(group, given, strict=True))
            elif len(group) == 1:
                answers[group[0]] = given
            else:
                part = -(-len(group) // 4)
                split += [group[at : at + part] for at in range(0, len(group), part)]
        groups = split
    return [answers[at] for at in range(len(sources))]


def sole() -> list[str]:
    """Templates that are one expression each, as a role's parameter holds them."""
    return ["{{ " + expression + " }}" for expression in dict.fromkeys(EXPRESSIONS)]


def inside() -> list[str]:
    """Templates in which the expression stands in a list, so that its type is kept."""
    return ["{{ [" + expression + "] }}" for expression in dict.fromkeys(EXPRESSIONS)]


@pytest.fixture
def bin_dir(revision: str, ansible_pins: Mapping[str, str]) -> Path:
    if revision not in ansible_pins:
        pytest.skip(f"the repository has no {revision}")
    found = ansible.ansible_for(ansible_pins[revision])
    if found is None:
        pytest.skip(ansible.why_not(ansible_pins[revision]))
    return found


@pytest.mark.parametrize("revision", RELEASES, scope="session")
def test_values(bin_dir: Path) -> None:
    sources = [*sole(), *inside(), *TEMPLATES]
    wrong, unknown = complaints(sources, asked(bin_dir, sources))
    assert {source: why for source, why in wrong.items() if source not in DEVIATIONS} == {}
    assert wrong.keys() >= DEVIATIONS
    assert len(unknown) <= _UNKNOWN * len(sources), unknown
    print(f"{len(sources)} sources, {len(unknown)} unknown: {unknown}")


@pytest.mark.parametrize("revision", RELEASES, scope="session")
def test_conditions(bin_dir: Path, tmp_path: Path) -> None:
    tasks = [
        {"name": f"Condition {number}", "ansible.builtin.debug": {"msg": "x"}, "when": when,
         "ignore_errors": True}
        for number, when in enumerate(CONDITIONS)
    ]  # fmt: skip
    path = tmp_path / "roles" / "asked" / "tasks" / "main.yml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(tasks), encoding="utf-8")
    said = ansible.run_role(bin_dir, tmp_path, "asked", VARIABLES)
    assert len(said) == len(CONDITIONS)
    wrong, unknown = {}, []
    for when, host in zip(CONDITIONS, said, strict=True):
        value = holds(when)
        answer = "fails" if host.get("failed") else not host.get("skipped", False)
        if isinstance(value, Unknown):
            if answer != "fails":
                unknown.append(when)
        elif value is not answer:
            wrong[str(when)] = f"{value}, but Ansible: {answer} ({host.get('msg')})"
    assert wrong == {}
    assert len(unknown) <= _UNKNOWN * len(CONDITIONS), unknown
    print(f"{len(CONDITIONS)} conditions, {len(unknown)} unknown: {unknown}")


def holds(when: Any) -> bool | Unknown:
    """Whether all entries of a `when` hold; one that surely does not decides."""
    values = [condition(entry, _Lookup()) for entry in (when if isinstance(when, list) else [when])]
    if False in values:
        return False
    unknown = [value for value in values if isinstance(value, Unknown)]
    return unknown[0] if unknown else True


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (1, True), (True, 1), ("1", 1), (1, 1.0), (None, ""), ([], ()), ("a", Refused("no")),
        (Undefined("x"), ""), ([1], [1, 2]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_seen(value: object, answer: object) -> None:
    if value == []:
        assert complaint(value, answer) is None  # JSON knows lists only.
        return
    assert complaint(value, answer)


def test_what_is_not_known_is_no_wrong_value() -> None:
    assert complaint([Unknown()], [1]) is None
    assert complaint({"a": Unknown()}, Refused("no")) is None
    assert complaint(Undefined("x"), Refused("no")) is None
