"""The operation `tolerate-workload`, held against Jinja2's own rendering before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jinja2 import StrictUndefined
from oracles.rendered_jinja import documents, render
from trees import TAINT, kubespray, text

from generator.engine.fields import Fields
from generator.engine.operations import OPERATIONS, Changed, NotNeeded, Operation
from generator.engine.operations.tolerate_workload import TolerateWorkload
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.text.yaml import parse

ENTRY = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}
OTHER = {"key": "other", "operator": "Exists"}

ROLE = "roles/app"
MANIFEST = f"{ROLE}/templates/app.yml.j2"
DEFAULTS = f"{ROLE}/defaults/main.yml"
TASKS = {f"{ROLE}/tasks/main.yml": "- name: Nothing\n  debug:\n    msg: nothing\n"}

OPERATION = f"""
component: app
role: app
workloads: [app]
toleration: {json.dumps(ENTRY)}
"""

HEAD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
"""


def operation(source: str = OPERATION) -> Operation:
    document = parse("patch.yml", source)
    return OPERATIONS["tolerate-workload"](Fields(document, document.root, "it"), Path())


def tree(files: Mapping[str, str | bytes]) -> Kubespray:
    given = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in files.items()
    }
    return kubespray({**TASKS, **given})


def applied(files: Mapping[str, str | bytes], source: str = OPERATION) -> dict[str, str]:
    """The files that the operation changes; a second time it must have nothing to do."""
    before = tree(files)
    outcome = operation(source).apply(before)
    assert isinstance(outcome, Changed), outcome
    again = operation(source).apply(before.changed(outcome.files))
    assert isinstance(again, NotNeeded) and again.already, again
    return {path: data.decode() for path, data in outcome.files.items()}


def spec_of(document: Any) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]["template"]["spec"]
    return spec


def assert_only_the_entry(before: str, after: str, name: str = "app") -> None:
    """Two manifests differ by the entry alone, and have it once, in a workload's pods."""
    old, new = documents(before), documents(after)
    for one in new:
        if one.get("kind") == "Deployment" and one["metadata"]["name"].startswith(name):
            entries = spec_of(one)["tolerations"]
            assert entries.count(ENTRY) == 1
            entries.remove(ENTRY)
    for one in (*old, *new):
        spec = spec_of(one) if one.get("kind") == "Deployment" else {}
        if not spec.get("tolerations"):
            spec.pop("tolerations", None)
    assert new == old


@dataclass(frozen=True)
class Case:
    """The pod specification of a template, and the values that its variables are tried with.

    `diff` are the lines that must go and come, where that matters.
    """

    spec: str
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    defaults: str | None = None
    diff: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        return HEAD + "".join(f"      {line}\n" if line[:1] not in ("{", "") else f"{line}\n"
                              for line in text(self.spec).splitlines())  # fmt: skip

    def variables(self) -> list[dict[str, Any]]:
        """All choices of values; UNSET leaves a variable out."""
        choices = product(*self.values.values())
        named = [dict(zip(self.values, choice, strict=True)) for choice in choices]
        return [{name: value for name, value in one.items() if value is not UNSET} for one in named]


UNSET = object()
FLAG = (True, False)
LISTS = ([OTHER], [OTHER, {"key": "third", "effect": "NoExecute"}])

ADDED = (f"+        - key: {TAINT}", "+          operator: Exists", "+          effect: NoSchedule")

CASES = {
    "no tolerations": Case(
        """
        hostNetwork: true
        containers:
          - name: app
        """,
        diff=("+      tolerations:", *ADDED),
    ),
    "no tolerations, lists at their keys": Case(
        """
        containers:
        - name: app
        """,
        diff=("+      tolerations:", *(f"+{line[3:]}" for line in ADDED)),
    ),
    "a comment on the containers": Case(
        """
        hostNetwork: true
        # The only one.
        containers:
          - name: app
        """
    ),
    "a block list": Case(
        """
        tolerations:
          - key: other
            operator: Exists
        # What comes next.
        containers: []
        """,
        diff=ADDED,
    ),
    "a list that others append to": Case(
        """
        tolerations:
          - key: first  # of all
            effect: NoSchedule
        {% if extra is defined %}
          {{ extra | list | to_nice_yaml(indent=2) | indent(8) }}
        {% endif %}
        containers: []
        """,
        {"extra": (*LISTS, UNSET)},
        diff=ADDED,
    ),
    "appended with whitespace control": Case(
        """
        tolerations:
          - key: first
            effect: NoSchedule
        {% if extra %}
          {{ extra | list | to_nice_yaml(indent=2) | indent(8) }}
        {%- endif %}
        containers: []
        """,
        {"extra": (*LISTS, [], None)},
        diff=ADDED,
    ),
    "literal entries in an if behind others": Case(
        """
        tolerations:
          - key: first
        {% if more %}
          - key: second
        {% endif %}
        containers: []
        """,
        {"more": FLAG},
        diff=ADDED,
    ),
    "a list in brackets": Case(
        "tolerations: [{key: other, operator: Exists}]  # short\ncontainers: []",
    ),
    "a list in brackets, as JSON": Case(
        'tolerations: [{"key": "other"}]\ncontainers: []',
    ),
    "an empty list": Case("tolerations: []\ncontainers: []"),
    "null": Case("tolerations: null  # none\ncontainers: []"),
    "nothing": Case("tolerations:\ncontainers: []"),
    "a tilde": Case("tolerations: ~\ncontainers: []"),
    "a key in an if": Case(
        """
        {% if wanted %}
        tolerations:
          - key: other
        {% endif %}
        containers: []
        """,
        {"wanted": FLAG},
        diff=("+      tolerations:", *ADDED, "-      tolerations:"),
    ),
    "a key in an if, at the end of the file": Case(
        """
        containers: []
        {% if wanted %}
        tolerations:
          - key: other
        {% endif %}
        """,
        {"wanted": FLAG},
    ),
    "a key behind another in an if": Case(
        """
        {% if wanted %}
        hostNetwork: true
        tolerations:
          - key: other
        {% endif %}
        containers: []
        """,
        {"wanted": FLAG},
        diff=(*ADDED, "+{% else %}", "+      tolerations:", *ADDED),
    ),
    "a key behind another, the end trims": Case(
        """
        {% if wanted %}
        hostNetwork: true
        tolerations:
          - key: other

        {%- endif %}

        containers: []
        """,
        {"wanted": FLAG},
    ),
    "a key in if and else": Case(
        """
        {% if wanted %}
        tolerations:
          - key: one
        {% else %}
        tolerations:
          - key: two
          - key: three
        {% endif %}
        containers: []
        """,
        {"wanted": FLAG},
        diff=(*ADDED, *ADDED),
    ),
    "a key in elif alone": Case(
        """
        {% if one %}
        hostNetwork: true
        {% elif two %}
        tolerations:
          - key: other
        {% endif %}
        containers: []
        """,
        {"one": FLAG, "two": FLAG},
    ),
    "a key in an else alone": Case(
        """
        {% if one %}
        hostNetwork: true
        {% else %}
        tolerations: [{key: other}]
        {% endif %}
        containers: []
        """,
        {"one": FLAG},
    ),
    "nested ifs": Case(
        """
        {% if one %}
        {% if two %}
        tolerations:
          - key: other
        {% endif %}
        {% endif %}
        containers: []
        """,
        {"one": FLAG, "two": FLAG},
    ),
    "nested ifs with other keys": Case(
        """
        {% if one %}
        hostNetwork: true
        {% if two %}
        hostPID: true
        tolerations:
          - key: other
        {% endif %}
        {% endif %}
        containers: []
        """,
        {"one": FLAG, "two": FLAG},
    ),
    "a key in an if, all entries in ifs": Case(
        """
        {% if not untainted or extra is defined %}
        tolerations:
        {% if not untainted %}
          - key: other
        {% endif %}
        {% if extra is defined %}
          {{ extra | list | to_nice_yaml(indent=2) | indent(8) }}
        {% endif %}
        {% endif %}
        containers: []
        """,
        {"untainted": FLAG, "extra": (*LISTS, UNSET)},
    ),
    "a loop": Case(
        """
        tolerations:
        {% for key in keys %}
          - key: {{ key }}
            operator: Exists
        {% endfor %}
        containers: []
        """,
        {"keys": ([], ["a"], ["a", "b"])},
        diff=ADDED,
    ),
    "a loop in an if": Case(
        """
        {% if keys %}
        tolerations:
        {% for key in keys %}
          - key: {{ key }}
        {% endfor %}
        {% endif %}
        containers: []
        """,
        {"keys": ([], ["a"], ["a", "b"])},
    ),
    "an attribute in an if": Case(
        """
        {% if config.tolerations is defined %}
        tolerations:
          {{ config.tolerations | to_nice_yaml(indent=2) | indent(width=8) }}
        {%- endif %}
        containers: []
        """,
        {"config": ({}, {"tolerations": [OTHER]}, {"tolerations": []})},
    ),
    "an attribute in an if of two conditions": Case(
        """
        {% if forced or config.tolerations is defined %}
        tolerations:
          {{ config.tolerations | to_nice_yaml(indent=2) | indent(width=8) }}
        {% endif %}
        containers: []
        """,
        {"forced": FLAG, "config": ({"tolerations": [OTHER]}, {"tolerations": []})},
    ),
    "a variable without a default": Case(
        """
        {% if extra is defined %}
        tolerations:
          {{ extra | to_nice_yaml(indent=2) | indent(8) }}
        {% endif %}
        containers: []
        """,
        {"extra": (*LISTS, [], UNSET)},
    ),
    "a block scalar with the word in it": Case(
        """
        containers:
          - name: app
            command:
              - |
                tolerations:
                  - key: other
        """,
        diff=("+      tolerations:", *ADDED),
    ),
    "a condition around other keys": Case(
        """
        {% if one %}
        hostNetwork: true
        {% else %}
        hostPID: true
        {% endif %}
        containers:
          - name: app
            image: "{{ image }}:{{ tag }}"
        {% if two %}
            tty: true
        {% endif %}
        """,
        {"one": FLAG, "two": FLAG, "image": ("a",), "tag": ("b",)},
    ),
}


def diff(before: str, after: str) -> tuple[str, ...]:
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("final", [True, False], ids=["newline", "no-newline"])
def test_manifests_differ_by_the_toleration_alone(case: Case, newline: str, final: bool) -> None:
    source = case.template.replace("\n", newline)
    source = source if final else source.removesuffix(newline)
    after = applied({MANIFEST: source})[MANIFEST]
    for variables in case.variables():
        texts = (render(one, variables, StrictUndefined) for one in (source, after))
        assert_only_the_entry(*texts)
    assert after.count("\n") == after.count(newline)
    assert after.endswith(newline) == final
    assert not case.diff or diff(source, after) == case.diff
    kept = [line for line in source.split(newline) if not _may_change(line)]
    rest = [line for line in after.split(newline) if not _may_change(line)]
    assert not [line for line in kept if line not in rest]


def _may_change(line: str) -> bool:
    """Whether a line may be written anew: a condition, the end of one, or a list on its line."""
    return line.strip().startswith(("{%", "tolerations: "))


VALUES = {
    "empty": "list: []\n",
    "null": "list: null\n",
    "tilde": "list: ~  # none\n",
    "nothing": "list:\nlast: 1\n",
    "block": "list:\n  - key: other\n    operator: Exists\nlast: 1\n",
    "block at the key": "list:\n- key: other\n  operator: Exists\n",
    "flow": "list: [{key: other, operator: Exists}]\n",
    "no newline": "first: 1\nlist: []",
    "crlf": "first: 1\r\nlist: []\r\nlast: 2\r\n",
}

SPECS = {
    "always": "tolerations:\n  {{ list | to_nice_yaml(indent=2) | indent(8) }}\ncontainers: []",
    "if true": """
        {% if list %}
        tolerations:
          {{ list | to_nice_yaml(indent=2) | indent(width=8) }}
        {% endif %}
        containers: []
        """,
    "if defined": """
        {% if list is defined %}
        tolerations:
          {{ list | to_nice_yaml | indent(8) }}
        {%- endif %}
        containers: []
        """,
    "in one line": "tolerations: {{ list | to_json }}\ncontainers: []",
    "in brackets": "tolerations: {{ list }}\ncontainers: []",
    "others append": """
        tolerations:
          {{ list | to_nice_yaml(indent=2) | indent(width=8) -}}
          {% if more is defined %}
          {{ more.list | to_nice_yaml(indent=2) | indent(width=8) -}}
          {% endif %}
        containers: []
        """,
}


@pytest.mark.parametrize("defaults", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_the_default_of_a_variable(spec: str, defaults: str) -> None:
    template = Case(spec).template
    files = applied({MANIFEST: template, DEFAULTS: "---\n" + defaults})
    assert set(files) == {DEFAULTS}
    old, new = documents("---\n" + defaults)[0], documents(files[DEFAULTS])[0]
    assert new == old | {"list": [*(old["list"] or []), ENTRY]}
    before = render(template, old | {"list": old["list"] or []}, StrictUndefined)
    assert_only_the_entry(before, render(template, new, StrictUndefined))


def test_what_is_found_names_the_variable_and_the_inventory() -> None:
    outcome = operation().apply(
        tree({MANIFEST: Case(SPECS["if true"]).template, DEFAULTS: "list: []\n"})
    )
    assert isinstance(outcome, Changed)
    assert outcome.found.startswith(f"{DEFAULTS}:1: 'list'")
    assert "an inventory that sets it replaces this list" in outcome.found


def test_a_default_in_the_role_of_all_defaults() -> None:
    path = "roles/kubespray-defaults/defaults/main/main.yml"
    files = {
        MANIFEST: Case(SPECS["if true"]).template,
        path: "list: []\n",
        "roles/kubespray-defaults/tasks/main.yml": "[]\n",
    }
    assert set(applied(files)) == {path}


def test_a_default_that_would_not_come_out_is_not_extended() -> None:
    spec = """
        {% if other %}
        tolerations:
          {{ list | to_nice_yaml(indent=2) | indent(8) }}
        {% endif %}
        containers: []
        """
    template = Case(spec).template
    after = applied({MANIFEST: template, DEFAULTS: "list: []\n"})
    assert set(after) == {MANIFEST}
    for other, entries in product(FLAG, ([], [OTHER])):
        variables = {"other": other, "list": entries}
        texts = (render(one, variables, StrictUndefined) for one in (template, after[MANIFEST]))
        assert_only_the_entry(*texts)


class TestAVariableOfSeveral:
    TWO = (
        Case(SPECS["if true"]).template
        + "---\n"
        + Case(SPECS["if true"]).template.replace("name: app", "name: second")
    )

    def test_all_are_meant(self) -> None:
        source = OPERATION.replace("[app]", "[app, second]")
        assert set(applied({MANIFEST: self.TWO, DEFAULTS: "list: []\n"}, source)) == {DEFAULTS}

    def test_another_workload_is_not_meant(self) -> None:
        refused({MANIFEST: self.TWO, DEFAULTS: "list: []\n"}, f"{MANIFEST}:21", "'list'")

    @pytest.mark.parametrize("path", [f"{ROLE}/tasks/main.yml", "roles/other/templates/x.conf.j2"])
    def test_it_is_used_elsewhere(self, path: str) -> None:
        files = {
            MANIFEST: Case(SPECS["if true"]).template,
            DEFAULTS: "list: []\n",
            path: "- debug:\n    msg: '{{ list | length }}'\n",
        }
        refused(files, f"{path}:2", "used here for something else")

    def test_comments_and_longer_names_do_not_count(self) -> None:
        files = {
            MANIFEST: Case(SPECS["if true"]).template,
            DEFAULTS: "# list: of others\nlist: []\nmy_list: []\nx: '{{ other.list }}'\n",
        }
        assert set(applied(files)) == {DEFAULTS}


def refused(files: Mapping[str, str | bytes], *words: str, source: str = OPERATION) -> None:
    with pytest.raises(Unsafe) as error:
        operation(source).apply(tree(files))
    for word in words:
        assert word in str(error.value), error.value


REFUSED = {
    "an expression": ("tolerations:\n  {{ list | to_nice_yaml | indent(8) }}\ncontainers: []", ""),
    "another filter": ("tolerations: {{ list | mine }}\ncontainers: []", "list: []\n"),
    "a text as default": (SPECS["always"], "list: '{{ other }}'\n"),
    "a shared default": (SPECS["always"], "list: &a [{key: x}]\nother: *a\n"),
    "an alias in a default": (SPECS["always"], "other: &a {key: x}\nlist: [*a]\n"),
    "an alias": ("x: &a [{key: x}]\ntolerations: *a\ncontainers: []", ""),
    "an anchor": ("tolerations: &a [{key: x}]\nx: *a\ncontainers: []", ""),
    "a word": ("tolerations: all\ncontainers: []", ""),
    "a mapping": ("tolerations: {}\ncontainers: []", ""),
    "twice": ("tolerations: []\ncontainers: []\ntolerations: []", ""),
    "twice in ifs": (
        "{% if a %}\ntolerations: []\n{% endif %}\ncontainers: []\n"
        "{% if b %}\ntolerations: []\n{% endif %}",
        "",
    ),
    "all in an include": ("{% include 'containers.yml' %}\ncontainers: []", ""),
    "a statement inside a line": (
        "hostPID: true{% if a %}\n\ntolerations: [{key: x}]{% endif %}\n\ncontainers: []",
        "",
    ),
    "no key for sure": ("{% if a %}\ncontainers: []\n{% endif %}", ""),
}


@pytest.mark.parametrize(("spec", "defaults"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_verified_is_refused(spec: str, defaults: str) -> None:
    refused({MANIFEST: Case(spec).template, DEFAULTS: "---\n" + defaults}, "safely", "by hand")


def test_too_many_conditions_are_refused() -> None:
    ifs = "".join(f"{{% if a{i} %}}\n  - key: k{i}\n{{% endif %}}\n" for i in range(9))
    refused({MANIFEST: Case(f"tolerations:\n{ifs}containers: []").template}, "too many conditions")


ALREADY = {
    "everything": "tolerations:\n  - operator: Exists\ncontainers: []",
    "the effect": "tolerations:\n  - operator: Exists\n    effect: NoSchedule\ncontainers: []",
    "with its value": f"tolerations: [{{key: {TAINT}, value: 'true'}}]\ncontainers: []",
    "in both branches": (
        "{% if a %}\ntolerations: [{operator: Exists}]\n{% else %}\n"
        "tolerations:\n  - operator: Exists\n{% endif %}\ncontainers: []"
    ),
    "beside others": (
        "tolerations:\n  - operator: Exists\n{% if a is defined %}\n"
        "  {{ a | to_nice_yaml | indent(8) }}\n{% endif %}\ncontainers: []"
    ),
}


@pytest.mark.parametrize("spec", ALREADY.values(), ids=ALREADY.keys())
def test_what_is_tolerated_already(spec: str) -> None:
    outcome = operation().apply(tree({MANIFEST: Case(spec).template}))
    assert isinstance(outcome, NotNeeded) and outcome.already
    assert f"{MANIFEST}:7" in outcome.reason


NOT_ENOUGH = {
    "another effect": "tolerations: [{operator: Exists, effect: NoExecute}]\ncontainers: []",
    "another value": f"tolerations: [{{key: {TAINT}, value: 'x'}}]\ncontainers: []",
    "in one branch": "{% if a %}\ntolerations: [{operator: Exists}]\n{% endif %}\ncontainers: []",
}


@pytest.mark.parametrize("spec", NOT_ENOUGH.values(), ids=NOT_ENOUGH.keys())
def test_what_does_not_tolerate_it(spec: str) -> None:
    assert f"key: {TAINT}, operator" in (after := applied({MANIFEST: Case(spec).template})[
        MANIFEST]) or f"- key: {TAINT}\n" in after  # fmt: skip


def test_a_default_that_tolerates_already() -> None:
    files = {MANIFEST: Case(SPECS["if true"]).template, DEFAULTS: "list: [{operator: Exists}]\n"}
    outcome = operation().apply(tree(files))
    assert isinstance(outcome, NotNeeded) and outcome.already


class TestWhere:
    SPEC = Case("containers: []").template

    def test_no_such_role(self) -> None:
        outcome = operation(OPERATION.replace("role: app", "role: gone")).apply(tree({}))
        assert outcome == NotNeeded("app: the tree has no role gone")

    def test_no_such_workload(self) -> None:
        files = {MANIFEST: self.SPEC.replace("name: app", "name: apple")}
        outcome = operation().apply(tree(files))
        assert outcome == NotNeeded("app: role app has no workload 'app'")

    @pytest.mark.parametrize("name", ["app{{ suffix }}", '"app{{ suffix }}"', "'app'", '"app"'])
    def test_names(self, name: str) -> None:
        before = self.SPEC.replace("name: app", f"name: {name}")
        after = applied({MANIFEST: before})[MANIFEST]
        variables = {"suffix": "-b"}
        texts = [render(one, variables, StrictUndefined) for one in (before, after)]
        assert_only_the_entry(*texts)

    @pytest.mark.parametrize(
        "path", [f"{ROLE}/files/a.yml", f"{ROLE}/templates/deep/er/b.yaml.j2",
                 f"{ROLE}/templates/c.yaml"]
    )  # fmt: skip
    def test_wherever_the_file_is(self, path: str) -> None:
        assert set(applied({path: self.SPEC})) == {path}

    def test_braces_in_a_plain_manifest_are_text(self) -> None:
        before = Case('containers:\n  - args: ["{{ a }}", "{% if %}"]').template
        path = f"{ROLE}/files/a.yml"
        after = applied({path: before})[path]
        assert_only_the_entry(before, after)

    def test_several_files_and_workloads(self) -> None:
        one, two = MANIFEST, f"{ROLE}/templates/b.yml.j2"
        second = self.SPEC.replace("name: app", "name: second")
        source = OPERATION.replace("[app]", "[app, second]")
        after = applied({one: self.SPEC + "---\n" + second, two: second}, source)
        assert after[one].count(TAINT) == 2 and after[two].count(TAINT) == 1

    def test_places_are_those_of_the_tree_as_it_was(self) -> None:
        second = self.SPEC.replace("name: app", "name: second")
        files = {MANIFEST: self.SPEC + "---\n" + second}
        outcome = operation(OPERATION.replace("[app]", "[app, second]")).apply(tree(files))
        assert isinstance(outcome, Changed)
        assert re.findall(r"yml.j2:(\d+)", outcome.found) == ["7", "16"]

    def test_what_is_never_yaml_is_left_alone(self) -> None:
        lines = ("{% if a -%}", "hostPID: true", "{% endif %}", "hostNetwork: true")
        broken = self.SPEC + "".join(f"      {line}\n" for line in lines)
        second = self.SPEC.replace("name: app", "name: second")
        outcome = operation().apply(tree({MANIFEST: broken}))
        assert outcome == NotNeeded(
            f"app: {MANIFEST}:7 is left alone, because what it gives is never YAML"
        )
        source = OPERATION.replace("[app]", "[app, second]")
        both = operation(source).apply(tree({MANIFEST: broken + "---\n" + second}))
        assert isinstance(both, Changed) and "left alone" in both.found
        assert both.files[MANIFEST].decode().startswith(broken)

    @pytest.mark.parametrize(
        ("kind", "way"),
        [("Pod", ["spec"]), ("DaemonSet", ["spec", "template", "spec"]),
         ("CronJob", ["spec", "jobTemplate", "spec", "template", "spec"])],
    )  # fmt: skip
    def test_kinds(self, kind: str, way: list[str]) -> None:
        lines = [f"kind: {kind}", "metadata:", "  name: app"]
        lines += ["  " * depth + f"{part}:" for depth, part in enumerate(way)]
        lines.append("  " * len(way) + "containers: []")
        after = applied({MANIFEST: "\n".join(lines) + "\n"})[MANIFEST]
        (spec,) = documents(after)
        for part in way:
            spec = spec[part]
        assert spec == {"containers": [], "tolerations": [ENTRY]}

    def test_items_of_a_list(self) -> None:
        item = "".join(f"    {line}\n" for line in self.SPEC.splitlines())
        item = f"  - {item.lstrip()}"
        both = item + item.replace("name: app", "name: other")
        before = f"kind: List\nitems:\n{both}"
        after = documents(applied({MANIFEST: before})[MANIFEST])[0]["items"]
        assert [spec_of(one).get("tolerations") for one in after] == [[ENTRY], None]

    def test_only_the_one_of_the_name(self) -> None:
        other = self.SPEC.replace("name: app", "name: apple")
        before = f"{other}---\n{self.SPEC}---\n{other}"
        after = applied({MANIFEST: before})[MANIFEST]
        assert after.startswith(other) and after.endswith(other)
        assert_only_the_entry(self.SPEC, after[len(other) + 4 : -len(other) - 4])

    def test_the_same_workload_in_two_branches(self) -> None:
        other = self.SPEC.replace("containers: []", "hostNetwork: true\n      containers: []")
        before = f"{{% if a %}}\n---\n{self.SPEC}{{% else %}}\n---\n{other}{{% endif %}}\n"
        after = applied({MANIFEST: before})[MANIFEST]
        for flag in FLAG:
            assert_only_the_entry(
                *(render(one, {"a": flag}, StrictUndefined) for one in (before, after))
            )

    def test_branches_of_one_document_that_repeat_all_of_it(self) -> None:
        other = self.SPEC.replace("containers: []", "hostNetwork: true\n      containers: []")
        refused({MANIFEST: f"{{% if a %}}\n{self.SPEC}{{% else %}}\n{other}{{% endif %}}\n"})

    def test_a_broken_document_beside_it(self) -> None:
        broken = "kind: Secret\nmetadata:\n  name: app\n a: b: c\n"
        before = f"{broken}---\n{self.SPEC}---\n{broken}"
        after = applied({MANIFEST: before})[MANIFEST]
        assert after.startswith(broken) and after.endswith(broken)
        assert after.count(TAINT) == 1


UNREADABLE = {
    "not a template": HEAD + "      {% if %}\n      containers: []\n",
    "not YAML": HEAD + "      containers: [\n",
    "not UTF-8": (HEAD + "      containers: []\n      x: ").encode() + b"\xff\n",
    "a key of two": HEAD + "      a: b: c\n",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_manifest_that_cannot_be_read(content: str | bytes) -> None:
    refused({MANIFEST: content}, MANIFEST, "safely", "by hand")


def test_much_text_in_many_choices_is_refused_at_once() -> None:
    ifs = "".join(f"{{% if a{i} %}}\n  - key: k{i}\n{{% endif %}}\n" for i in range(6))
    text = "  # x\n" * 100_000
    spec = f"tolerations:\n{ifs}containers: []\nx: |\n{text}"
    refused({MANIFEST: Case(spec).template}, "too many conditions")


def test_unreadable_manifests_of_others_do_not_matter() -> None:
    other = UNREADABLE["not a template"]
    assert isinstance(other, str)
    files = {MANIFEST: Case("containers: []").template, f"{ROLE}/templates/b.yml.j2":
             other.replace("name: app", "name: apple")}  # fmt: skip
    assert set(applied(files)) == {MANIFEST}


def test_a_huge_manifest_is_refused() -> None:
    content = Case("containers: []").template + "# x\n" * 600_000
    refused({MANIFEST: content}, "2 MiB")


FIELDS = {
    "component: all": "must be words with dashes",
    "component: 'A B'": "must be words with dashes",
    "workloads: []": "must be a list",
    "workloads: app": "must be a list of texts",
    "toleration: {}": "must be a mapping that is not empty",
    "toleration: [x]": "must be a mapping that is not empty",
    "role: ''": "must be a text",
    "more: 1": "unknown key 'more'",
}


@pytest.mark.parametrize(("line", "message"), FIELDS.items())
def test_fields_are_read_strictly(line: str, message: str) -> None:
    key = line.partition(":")[0]
    kept = re.sub(rf"(?m)^{key}:.*\n", "", OPERATION)
    with pytest.raises(UnusableInput, match=message):
        operation(f"{kept}{line}\n")


def test_the_component_and_what_it_covers() -> None:
    read = operation(OPERATION + "unwise: >-\n  It needs\n  more.\n")
    assert isinstance(read, TolerateWorkload)
    assert (read.component.name, read.component.unwise) == ("app", "It needs more.")
    assert read.describe() == f"In role app, let the pods of 'app' tolerate {TAINT}."
    there = tree({})
    assert read.covers(there, MANIFEST, "app-second")
    assert not read.covers(there, MANIFEST, "other")
    assert not read.covers(there, MANIFEST, None)
    assert not read.covers(there, "roles/apple/templates/app.yml.j2", "app")
