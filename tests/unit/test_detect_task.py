"""Tasks in task lists: blocks opened, conditions joined, modules told from keywords."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from generator.exits import UnusableInput
from generator.model.task import LOST, ROLE, Task, role_task, task_items, task_uses
from generator.model.use import Use
from generator.text.document import Place
from generator.text.yaml import parse


def items(text: str) -> list[Use | Task]:
    document = parse("tasks/main.yml", text)
    return list(task_items(document, document.root, ()))


def tasks(text: str) -> list[Task]:
    return [item for item in items(text) if isinstance(item, Task)]


def only(text: str) -> Task:
    (task,) = tasks(text)
    return task


@pytest.mark.parametrize(
    ("text", "module", "key"),
    [
        ("- debug:\n", "debug", "debug"),
        ("- {name: a, command: b, when: c}\n", "command", "command"),
        ("- ansible.builtin.command: b\n", "command", "ansible.builtin.command"),
        ("- ansible.legacy.shell: b\n", "shell", "ansible.legacy.shell"),
        ("- kubernetes.core.k8s: {}\n", "kubernetes.core.k8s", "kubernetes.core.k8s"),
        ("- with_items: [a]\n  with_dict: {}\n  register: x\n  kube: {}\n", "kube", "kube"),
        ("- tags: a\n  become: yes\n  until: x\n  retries: 1\n  delay: 2\n  args: {}\n"
         "  environment: {}\n  no_log: yes\n  delegate_to: a\n  vars: {}\n  notify: b\n"
         "  helm: {}\n",
         "helm", "helm"),
    ],
)  # fmt: skip
def test_the_module(text: str, module: str, key: str) -> None:
    task = only(text)
    assert (task.module, task.key) == (module, key)


@pytest.mark.parametrize(
    "text", ["", "- name: nothing\n", "- a\n", "a: b\n", "5\n", "- []\n", "- block: a\n", "- {}\n"]
)
def test_no_tasks(text: str) -> None:
    assert tasks(text) == []


def test_places_and_routes() -> None:
    first, use, last = items(
        "# one\n- debug:\n- block:\n    - import_role: {name: a}\n- kube: {}\n"
    )
    assert isinstance(first, Task) and isinstance(last, Task) and isinstance(use, Use)
    assert [first.place, use.place, last.place] == [
        Place("tasks/main.yml", line, column) for line, column in ((2, 3), (4, 7), (5, 3))
    ]
    assert use.route == (1, "block", 0)


def test_conditions_come_from_the_blocks_around() -> None:
    text = """
- when: [a, b]
  block:
    - when: c
      block:
        - debug:
          when: d
        - debug:
  always:
    - debug:
"""
    assert [task.when for task in tasks(text)] == [
        ("a", "b", "c", "d"), ("a", "b", "c"), ("a", "b"),
    ]  # fmt: skip
    assert [len(task.around) for task in tasks(text)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "- block: [{debug: }]\n  rescue: [{debug: }]\n  always: [{debug: }]\n",
            [True, False, False],
        ),
        ("- block: [{debug: }]\n  always: [{debug: }]\n", [False, False]),
        ("- block: [{block: [{debug: }]}]\n  rescue: [{debug: }]\n", [True, False]),
        ("- block: [{block: [{debug: }], rescue: [{debug: }]}]\n", [True, False]),
        ("- block: [{debug: }]\n  ignore_errors: yes\n", [True]),
        ("- block: [{debug: }]\n  ignore_errors: 'True'\n", [True]),
        ("- block: [{debug: }]\n  ignore_errors: no\n", [False]),
        ("- block: [{debug: }]\n  ignore_errors: '{{ x }}'\n", [False]),
        ("- block: [{debug: }]\n  ignore_errors: yes\n  rescue: [{debug: }]\n", [True, True]),
        ("- debug:\n", [False]),
    ],
)
def test_what_is_rescued(text: str, expected: list[bool]) -> None:
    assert [task.rescued for task in tasks(text)] == expected


def test_roles_and_task_files_are_uses() -> None:
    text = "- include_tasks: a.yml\n- debug:\n- ansible.builtin.import_role: {name: b}\n"
    kinds: list[Any] = [item.kind if isinstance(item, Use) else item.module for item in items(text)]
    assert kinds == ["include_tasks", "debug", "import_role"]
    document = parse("tasks/main.yml", text)
    assert [use.name for use in task_uses(document, document.root, ())] == ["a.yml", "b"]


def test_aliases_of_tasks() -> None:
    found = tasks("- &a\n  debug:\n  when: x\n- *a\n- block: [*a]\n  when: y\n")
    assert [task.when for task in found] == [("x",), ("x",), ("y", "x")]


def test_blocks_in_a_ring_end() -> None:
    assert len(tasks("- &a\n  block: [*a, {debug: }]\n")) < 100
    assert tasks("- block: &b\n    - block: *b\n") == []


def test_blocks_that_grow_end() -> None:
    text = "- block: &a0 [{debug: }]\n" + "".join(
        f"- block: &a{n} [{{block: *a{n - 1}}}, {{block: *a{n - 1}}}]\n" for n in range(1, 6)
    )
    assert len(tasks(text)) == sum(2**n for n in range(6))


def test_blocks_that_explode() -> None:
    text = "- block: &a0 [{debug: }]\n" + "".join(
        f"- block: &a{n} [{{block: *a{n - 1}}}, {{block: *a{n - 1}}}]\n" for n in range(1, 40)
    )
    document = parse("tasks/main.yml", text)
    limit = 100_000
    try:
        found = list(islice(task_items(document, document.root, ()), limit))
    except UnusableInput:
        return
    assert len(found) < limit


def test_what_stands_for_a_role() -> None:
    task = role_task(Place("a.yml", 3))
    assert (task.module, task.place, task.when) == (ROLE, Place("a.yml", 3), ())
    assert role_task(Place("a.yml", 3), LOST).module == LOST
