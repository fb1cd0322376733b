"""Variables by Ansible's precedence, where a task of a small tree runs."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import Tree, kubespray, play, role, scenario, text

from generator.engine.detect.interpret import run_through
from generator.engine.detect.manifest import Manifests
from generator.model.flatten import Following
from generator.model.scenario import Scenario
from generator.model.step import TaskRun
from generator.model.value import Undefined, Unknown, Value, as_text
from generator.model.variables import Memory, Scope, naming
from generator.model.written import Files
from generator.text.document import Place

LOOK = "- command: kubectl version\n"


def scopes(files: Tree, wanted: Scenario | None = None) -> tuple[list[Scope], list[str]]:
    """Return the scope of each command of cluster.yml, and what was said while reading."""
    tree = kubespray(files)
    said: list[str] = []

    def unread(place: Place, message: str) -> None:
        said.append(message)

    wanted = wanted or Scenario()
    found = Files(tree, unread)
    order = tree.run("cluster.yml", Following(naming(wanted, found), unread))
    runs = [run for run in order.tasks if run.task.module == "command"]
    return [Scope(found, wanted, Memory(), run) for run in runs], said


def scope(files: Tree, **given: Any) -> Scope:
    """Return the scope of the first command."""
    return scopes(files, scenario(given, base={}))[0][0]


def only(defaults: str, **more: Any) -> Tree:
    return {"cluster.yml": play("app"), **role("app", LOOK, defaults=defaults, **more)}


LEVELS = ("given", "parameter", "fact", "task", "block", "vars", "play", "inventory", "default")
"""From the strongest to the weakest, as Ansible's documentation says in "Understanding variable
precedence"."""


@pytest.mark.parametrize("strongest", range(len(LEVELS) + 1))
def test_precedence(strongest: int) -> None:
    on = LEVELS[strongest:]

    def where(level: str, source: str) -> str:
        return source if level in on else ""

    entry = where("parameter", "{role: app, x: parameter}") or "app"
    block = (
        "- block:\n    - command: kubectl wait pod/{{ x }}\n"
        + where("task", "      vars: {x: task}\n")
        + where("block", "  vars: {x: block}\n")
    )
    files = {
        "cluster.yml": play(entry, more=where("play", "vars: {x: play}")),
        **role(
            "app", where("fact", "- set_fact: {x: fact}\n") + block,
            defaults=where("default", "x: default\n"), variables=where("vars", "x: vars\n"),
        ),
    }  # fmt: skip
    tree = kubespray(files)
    given = {"x": "given"} if "given" in on else {}
    wanted = scenario(given, base={"x": "inventory"} if "inventory" in on else {})
    found = Files(tree, lambda place, message: None)
    order = tree.run("cluster.yml", Following(naming(wanted, found), lambda *_: None))
    events = run_through(tree, order, wanted, Manifests(tree, lambda *_: None), found)
    (waited,) = events.waited
    assert waited.wait.target.name == (on[0] if on else None)


@pytest.mark.parametrize(
    ("playbook", "expected"),
    [
        (play("{role: app, x: parameter}"), "parameter"),
        (play("{role: app, vars: {x: inner}}"), "inner"),
        (play("{role: outer, x: around}"), "around"),
        (play(more="tasks:\n  - import_role: {name: app}\n    vars: {x: given}"), "given"),
        (play(more="tasks:\n  - include_role: {name: app}\n    vars: {x: '{{ y }}', y: 1}"), 1),
        (play(more="tasks:\n  - include_tasks: t.yml\n    vars: {x: file}"), "file"),
        (play("app"), "default"),
    ],
)
def test_what_uses_give(playbook: str, expected: Any) -> None:
    files = {
        "cluster.yml": playbook, "t.yml": LOOK, **role("app", LOOK, defaults="x: default\n"),
        **role("outer", meta="dependencies: [app]\n"),
    }  # fmt: skip
    assert scope(files)("x") == expected


def test_a_parameter_of_the_inner_use_beats_that_of_the_outer() -> None:
    files = {
        "cluster.yml": play("{role: outer, x: outer, y: outer}"),
        **role("app", LOOK),
        **role("outer", meta="dependencies:\n  - {role: app, x: inner}\n"),
    }
    found = scope(files)
    assert (found("x"), found("y")) == ("inner", "outer")


def test_defaults_of_other_roles_of_the_play() -> None:
    files = {
        "cluster.yml": play("first", "app", "last") + play("elsewhere"),
        **role("first", defaults="a: first\nb: first\nc: first\n"),
        **role("app", LOOK, defaults="a: app\n", meta="dependencies: [below]\n"),
        **role("below", defaults="c: below\nd: below\n"),
        **role("last", defaults="b: last\n"),
        **role("elsewhere", defaults="e: elsewhere\n"),
    }
    found = scope(files)
    assert [found(name) for name in "abcd"] == ["app", "last", "below", "below"]
    assert isinstance(found("e"), Undefined)


def test_vars_of_a_role_beat_defaults_and_inventory() -> None:
    files = only("x: default\ny: default\n", variables="x: vars\n")
    found = scopes(files, scenario({}, base={"x": "inventory", "y": "inventory"}))[0][0]
    assert (found("x"), found("y")) == ("vars", "inventory")


@pytest.mark.parametrize("folder", ["defaults", "vars"])
def test_a_folder_of_files(folder: str) -> None:
    files = {
        "cluster.yml": play("app"), **role("app", LOOK),
        f"roles/app/{folder}/main/b.yml": "x: 2\n",
        f"roles/app/{folder}/main/a.yml": "x: 1\ny: 1\n",
        f"roles/app/{folder}/main/note.txt": "z: 1\n",
    }  # fmt: skip
    found = scope(files)
    assert (found("x"), found("y")) == (2, 1)
    assert isinstance(found("z"), Undefined)


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ("x: '{{ y }}'\ny: '{{ z }}'\nz: [1, yes]\n", [1, True]),
        ("x: '{{ y }}-{{ z }}'\ny: a\nz: 1\n", "a-1"),
        ("x: {a: '{{ y }}'}\ny: 1\n", {"a": 1}),
        ("x: \"{{ 'a' if y else 'b' }}\"\ny: no\n", "b"),
        ("x: \"{{ nobody | default(y) }}\"\ny: a\n", "a"),
        ("x: \"{{ y is defined }}\"\n", False),
        ("x: \"{{ y is defined }}\"\ny:\n", True),
        ("x: \"{{ y is not defined or y }}\"\ny: off\n", False),
        ("x: &a [1]\ny: 2\n", [1]),
        ("x:\n  - a\n# a comment\n\n  - b\ny: 1\n", ["a", "b"]),
        ("x: |\n  y: 1\n  z\ny: 5\n", "y: 1\nz\n"),
        ("x: 'a\n\n  b'\ny: 1\n", "a\nb"),
        ("x: {\n  a: 1,\n  b: 2\n}\ny: 1\n", {"a": 1, "b": 2}),
        ("z: &a {p: 1}\nx: {<<: *a, q: 2}\n", {"p": 1, "q": 2}),
        ("x: 1\nx: 2\n", 2),
        ("x  : 1\n", 1),
        ("'x': 1\n", 1),
        ("\"x\": 1\n", 1),
        ("{x: 1}\n", 1),
        ("---\n# x: 2\nx: 1\n...\n", 1),
        ("y: |\n  x: 2\nx: 1\n", 1),
        ("y: 'a\nx: 2'\nx: 1\n", 1),
        ("x: 1\r\ny: 2\r\n", 1),
    ],
)  # fmt: skip
def test_defaults(defaults: str, expected: Any) -> None:
    assert scope(only(defaults))("x") == expected


@pytest.mark.parametrize(
    "defaults",
    ["x: '{{ x }}'\n", "x: '{{ y }}'\ny: '{{ x }}'\n", "x: \"{{ {'a': 1} | combine(x) }}\"\n",
     "x: ['{{ y }}']\ny: '{{ x | first }}'\n"],
)  # fmt: skip
def test_values_that_refer_to_themselves_are_not_known(defaults: str) -> None:
    value = scope(only(defaults))("x")
    parts = value if isinstance(value, list) else [value]
    assert all(isinstance(part, Unknown) for part in parts)


def test_a_chain_of_many_variables_ends() -> None:
    lines = [f"x{n}: '{{{{ x{n + 1} }}}}'\n" for n in range(2_000)]
    value = scope(only("".join(lines) + "x2000: 1\n"))("x0")
    assert value == 1 or isinstance(value, Unknown)


def test_variables_of_the_machine_are_not_known() -> None:
    found = scope(only("x: '{{ inventory_hostname }}'\ny: \"{{ groups['all'] | length }}\"\n"))
    for name in ("ansible_os_family", "groups", "hostvars", "inventory_hostname", "x", "y"):
        assert found(name) == Unknown(), name


def test_what_tasks_may_set_is_not_known() -> None:
    files = {
        "cluster.yml": play("app", "other"),
        **role("app", LOOK),
        **role("other", "- stat: {path: a}\n  register: seen\n- set_fact:\n    counted: 1\n"),
    }
    found = scope(files)
    assert found("seen") == Unknown(frozenset({"<seen>"}))
    assert found("counted") == Unknown(frozenset({"<counted>"}))
    assert isinstance(found("see"), Undefined)


def test_facts_without_a_block_style() -> None:
    files = {
        "cluster.yml": play("app", "other"), **role("app", LOOK),
        **role("other", "- set_fact: {counted: 1}\n- set_fact: summed=1\n"),
    }  # fmt: skip
    found = scope(files)
    assert isinstance(found("counted"), Unknown)
    assert isinstance(found("summed"), Unknown)


def test_items_of_a_loop() -> None:
    found = scope(only("x: '{{ item.a }}'\ny: 1\n"))
    first = found.inside_loop({"item": {"a": "first"}})
    second = found.inside_loop({"item": {"a": "second"}})
    assert [first("x"), second("x"), first("x")] == ["first", "second", "first"]
    assert isinstance(found("x"), Undefined | Unknown)
    assert isinstance(found("item"), Undefined)
    both = first.inside_loop({"inner": 3})
    assert (both("inner"), both("x"), both("y")) == (3, "first", 1)


def test_facts_change_from_task_to_task() -> None:
    found = scope(only("x: '{{ y }}'\ny: default\n"))
    found.memory.values["y"] = "first"
    assert found("x") == "first"
    still = found.frozen()
    found.memory.values["y"] = "second"
    assert (found("x"), still("x")) == ("second", "first")


def test_a_fact_that_is_worked_out_once() -> None:
    calls: list[int] = []

    def late() -> Value:
        calls.append(1)
        return 5

    memory = Memory({"x": late})
    assert [memory.value("x"), memory.value("x"), len(calls)] == [5, 5, 1]


def test_leaves_are_what_a_value_was_worked_out_from() -> None:
    found = scope(only("x: '{{ y and not z }}'\ny: yes\nz: '{{ w }}'\nw: []\nv: 1\n"), given="a")
    value, leaves = found.traced("k", lambda: found("x"))
    assert value is True
    assert leaves == {("y", "true"), ("w", "[]")}
    assert found.traced("l", lambda: found("given"))[1] == {("given", "a")}
    assert found.traced("m", lambda: found("nobody"))[1] == {("nobody", "")}
    # What is known already still tells what it was worked out from.
    assert found.traced("n", lambda: found("x"))[1] == leaves


def test_a_scenario_in_templates() -> None:
    found = scope(only("y: 1\n"), x="{{ y ~ z }}", z="{{ y }}")
    assert (found("x"), found("z")) == ("11", 1)
    assert scope(only("y: 1\n"), y="")("y") == ""
    assert scope(only("y: 1\n"), y=None)("y") is None


@pytest.mark.parametrize(
    "defaults",
    ["x: [\ny: 1\n", "x: !vault |\n  abc\ny: 1\n", "x: !unknown a\ny: 1\n", "x: {a: 1\ny: 1\n",
     "x: *nobody\ny: 1\n", "x: &x [*x]\ny: 1\n",
     "x: &a [1]\nz: &b [" + ", ".join(["*a"] * 10) + "]\ny: 1\n"],
)  # fmt: skip
def test_one_value_that_cannot_be_read_leaves_the_others(defaults: str) -> None:
    found = scope(only(defaults))
    assert found("y") == 1
    found("x")
    found("z")


def test_what_cannot_be_read_is_told() -> None:
    (found,), said = scopes(only("x: [\ny: 1\n"))
    assert isinstance(found("x"), Unknown)
    assert len(said) == 1 and said[0].startswith("roles/app/defaults/main.yml:")


def test_an_alias_bomb_in_defaults_is_not_known() -> None:
    lines = ["a0: &a0 [x]\n"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)]
    (found,), said = scopes(only("".join(lines) + "y: 1\n"))
    assert isinstance(found("a11"), Unknown)
    assert found("y") == 1
    assert len(said) == 1


@pytest.mark.parametrize("defaults", ["", "---\n", "# nothing\n", "- a\n", "5\n", "a\n", "{}\n"])
def test_files_without_variables(defaults: str) -> None:
    files = only("") | {"roles/app/defaults/main.yml": defaults}
    assert isinstance(scope(files)("x"), Undefined)


def test_a_file_of_megabytes() -> None:
    found = scope(only("x: " + "a" * 5_000_000 + "\ny: 1\n"))
    assert found("y") == 1


def test_where_a_default_is_written() -> None:
    found = scope(only("---\n# one\nx: 1\n\ny:\n  - a\nz: 2\n"))
    written = [found.default(name) for name in "xyz"]
    assert [one and (one.path, one.line) for one in written] == [
        ("roles/app/defaults/main.yml", line) for line in (3, 5, 7)
    ]
    assert found.default("w") is None


def test_names_that_were_asked_for() -> None:
    found = scope(only("x: '{{ y }}'\ny: 1\n"))
    found("x")
    assert found.files.asked == {"x", "y"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"), (False, "false"), (None, "null"), ("", '""'), ("a", "a"), ([], "[]"),
        (5, "5"), (Unknown(), "unknown"), ("a" * 100, "a" * 100),
        ([1] * 100, "[" + "1, " * 18 + "1,..."),
    ],
)  # fmt: skip
def test_values_as_people_write_them(value: Value, expected: str) -> None:
    assert as_text(value)[:57] == expected[:57]
    assert len(as_text(value)) <= max(60, len(expected))


def test_a_name_is_worked_out_where_it_stands() -> None:
    wanted = scenario({"x": "given"}, base={})
    tree = kubespray(only(text("y: 1\n")))
    name = naming(wanted, Files(tree, lambda place, message: None))
    order = tree.run("cluster.yml", Following(name, lambda *_: None))
    run: TaskRun = order.tasks[-1]
    assert name("a-{{ x }}.yml", run) == "a-given.yml"
    assert name("{{ nobody }}", run) is None
    assert name("{{ y }}", run) is None
