"""Flattening: in which order Ansible runs a playbook, on small trees.

Expected orders are worked out by hand from Ansible's documentation ("Roles", "Tags",
"Controlling playbook execution"), not taken from the program.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generator.exits import UnusableInput
from generator.model import flatten as module
from generator.model import kubespray as kubespray_module
from generator.model.kubespray import Kubespray
from generator.model.step import Order, Step
from generator.text import yaml
from generator.text.document import Document
from generator.tree.base import Base, Tree
from generator.tree.directory import DirectoryTree
from generator.tree.memory import MemoryTree

TASK = "- debug:\n"


def kubespray(files: dict[str, str]) -> Kubespray:
    """Return a tree of these files; a value without an ending newline gets one."""
    data = {path: (text.strip("\n") + "\n").encode() for path, text in files.items()}
    return Kubespray(MemoryTree(data, "the tree"))


def order(files: dict[str, str], playbook: str = "site.yml") -> Order:
    return kubespray(files).order(playbook)


def roles(files: dict[str, str], playbook: str = "site.yml") -> list[str]:
    return [step.role for step in order(files, playbook).steps]


def plain_roles(*names: str) -> dict[str, str]:
    return {f"roles/{name}/tasks/main.yml": TASK for name in names}


def only(files: dict[str, str], role: str) -> Step:
    found = [step for step in order(files).steps if step.role == role]
    assert len(found) == 1, found
    return found[0]


def test_imported_playbooks_stand_where_they_are_imported() -> None:
    files = {
        "site.yml": """
- import_playbook: sub/first.yml
- hosts: all
  roles: [b]
- ansible.builtin.import_playbook: sub/last.yml
""",
        "sub/first.yml": "- hosts: all\n  roles: [a]\n",
        "sub/last.yml": "- import_playbook: deeper.yml\n- hosts: all\n  roles: [d]\n",
        "sub/deeper.yml": "- hosts: all\n  roles: [c]\n",
        **plain_roles("a", "b", "c", "d"),
    }
    result = order(files)
    assert [step.role for step in result.steps] == ["a", "b", "c", "d"]
    assert [step.number for step in result.steps] == [1, 2, 3, 4]
    assert [step.play_number for step in result.steps] == [1, 2, 3, 4]
    assert result.files == ("site.yml", "sub/first.yml", "sub/last.yml", "sub/deeper.yml")
    assert [step.place.path for step in result.steps] == [
        "sub/first.yml",
        "site.yml",
        "sub/deeper.yml",
        "sub/last.yml",
    ]


def test_a_playbook_imported_twice_runs_twice() -> None:
    files = {
        "site.yml": "- import_playbook: a.yml\n- import_playbook: a.yml\n",
        "a.yml": "- hosts: all\n  roles: [a]\n",
        **plain_roles("a"),
    }
    assert roles(files) == ["a", "a"]
    assert [step.repeats for step in order(files).steps] == [None, None]


def test_dependencies_come_first_depth_first() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [top, last]\n",
        "roles/top/meta/main.yml": "dependencies: [one, { role: two }]\n",
        "roles/one/meta/main.yml": "dependencies:\n  - name: deep\n",
        **plain_roles("two", "deep", "last"),
    }
    assert roles(files) == ["deep", "one", "two", "top", "last"]
    deep = only(files, "deep")
    assert deep.roles == ("top", "one", "deep")
    assert [use.kind for use in deep.chain] == ["role", "dependency", "dependency"]
    assert deep.place.path == "roles/one/meta/main.yml"
    assert deep.entry_place.path == "site.yml"
    assert deep.entry == (0, "roles", 0)


def test_names_relative_to_the_parent_role() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [group/policy]\n",
        "roles/group/policy/meta/main.yml": "dependencies:\n  - policy/calico\n  - other\n",
        "roles/group/policy/calico/tasks/main.yml": TASK,
        "roles/group/other/tasks/main.yml": TASK,
    }
    assert roles(files) == ["group/policy/calico", "group/other", "group/policy"]


def test_roles_folder_comes_before_the_parent_roles_folder() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [group/top]\n",
        "roles/group/top/meta/main.yml": "dependencies: [both]\n",
        **plain_roles("both", "group/both"),
    }
    assert roles(files) == ["both", "group/top"]


def test_roles_beside_the_playbook_come_first() -> None:
    files = {
        "site.yml": "- import_playbook: sub/a.yml\n- hosts: all\n  roles: [a]\n",
        "sub/a.yml": "- hosts: all\n  roles: [a]\n",
        "sub/roles/a/tasks/main.yml": TASK,
        **plain_roles("a"),
    }
    assert [step.path for step in order(files).steps] == ["sub/roles/a", "roles/a"]


def test_roles_path_of_the_configuration() -> None:
    files = {
        "ansible.cfg": "[defaults]\nroles_path = ~/mine:$HOME/x:extra/roles:../outside\n",
        "site.yml": "- hosts: all\n  roles: [a, b]\n",
        "extra/roles/a/tasks/main.yml": TASK,
        **plain_roles("b"),
    }
    assert [step.path for step in order(files).steps] == ["extra/roles/a", "roles/b"]


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        pytest.param("a", "a", True, id="plain"),
        pytest.param("a", "{ role: a }", True, id="other notation"),
        pytest.param("{ role: a, x: 1 }", "{ role: a, x: 1 }", True, id="equal parameters"),
        pytest.param("{ role: a, tags: [t] }", "{ role: a, tags: t }", True, id="equal tags"),
        pytest.param("{ role: a, x: 1 }", "{ role: a, x: 2 }", False, id="other parameter"),
        pytest.param("{ role: a, x: 1 }", "a", False, id="one with a parameter"),
        pytest.param("{ role: a, when: c }", "a", False, id="one with a condition"),
        pytest.param("{ role: a, when: c }", "{ role: a, when: d }", False, id="other condition"),
        pytest.param("{ role: a, tags: t }", "{ role: a, tags: u }", False, id="other tags"),
        pytest.param("{ role: a, vars: { x: 1 } }", "a", False, id="variables"),
    ],
)
def test_equal_role_uses_run_once_a_play(first: str, second: str, again: bool) -> None:
    files = {
        "site.yml": f"- hosts: all\n  roles:\n    - {first}\n    - {second}\n",
        **plain_roles("a"),
    }
    assert [step.repeats for step in order(files).steps] == [None, 1 if again else None]


def test_equal_dependencies_run_once_a_play() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [x, y]\n- hosts: all\n  roles: [x]\n",
        "roles/x/meta/main.yml": "dependencies: [a]\n",
        "roles/y/meta/main.yml": "dependencies: [a]\n",
        **plain_roles("a"),
    }
    assert roles(files) == ["a", "x", "a", "y", "a", "x"]
    assert [step.repeats for step in order(files).steps] == [None, None, 1, None, None, None]


@pytest.mark.parametrize("word", ["true", "yes", "True", "on"])
def test_allow_duplicates(word: str) -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [a, a]\n",
        "roles/a/meta/main.yml": f"allow_duplicates: {word}\ndependencies: []\n",
    }
    assert [step.repeats for step in order(files).steps] == [None, None]


def test_allow_duplicates_false() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [a, a]\n",
        "roles/a/meta/main.yml": "allow_duplicates: false\n",
    }
    assert [step.repeats for step in order(files).steps] == [None, 1]


def test_imported_roles_run_as_often_as_they_are_imported() -> None:
    files = {
        "site.yml": """
- hosts: all
  tasks:
    - import_role: { name: a }
    - import_role: { name: a }
""",
        **plain_roles("a"),
    }
    assert [step.repeats for step in order(files).steps] == [None, None]


def test_tags_and_conditions_are_inherited() -> None:
    files = {
        "site.yml": "- import_playbook: a.yml\n  tags: t-import\n  when: c-import\n",
        "a.yml": """
- hosts: all
  tags: [t-play, t-more]
  roles:
    - { role: top, tags: "t-role, t-import", when: [c-role, c-also] }
  tasks:
    - block:
        - import_role:
            name: stat
          tags: t-task
          when: c-task
      tags: t-block
      when: c-block
""",
        "roles/top/meta/main.yml": """
dependencies:
  - { role: dep, tags: t-dep, when: c-dep }
""",
        **plain_roles("dep", "stat"),
    }
    dep, top, stat = order(files).steps
    assert dep.tags == ("t-import", "t-play", "t-more", "t-role", "t-dep")
    assert dep.when == ("c-import", "c-role", "c-also", "c-dep")
    assert top.tags == ("t-import", "t-play", "t-more", "t-role")
    assert top.when == ("c-import", "c-role", "c-also")
    assert stat.tags == ("t-import", "t-play", "t-more", "t-block", "t-task")
    assert stat.when == ("c-import", "c-block", "c-task")


def test_import_role_hands_its_tags_on_and_include_role_only_those_of_apply() -> None:
    files = {
        "site.yml": """
- hosts: all
  tags: t-play
  tasks:
    - import_role:
        name: one
      tags: t-import
    - include_role:
        name: two
        apply:
          tags: [t-apply]
      tags: t-include
""",
        "roles/one/meta/main.yml": "dependencies: [a]\n",
        "roles/two/meta/main.yml": "dependencies: [b]\n",
        **plain_roles("a", "b"),
    }
    assert only(files, "a").tags == ("t-play", "t-import")
    assert only(files, "one").tags == ("t-play", "t-import")
    assert only(files, "b").tags == ("t-play", "t-apply")
    assert only(files, "two").tags == ("t-play", "t-include")


def test_sections_run_in_ansibles_order_whatever_the_files_order_is() -> None:
    files = {
        "site.yml": """
- hosts: all
  post_tasks:
    - import_role: { name: post }
  tasks:
    - import_role: { name: task }
  roles: [role]
  pre_tasks:
    - import_role: { name: pre }
""",
        **plain_roles("post", "task", "role", "pre"),
    }
    assert roles(files) == ["pre", "role", "task", "post"]
    assert [step.entry for step in order(files).steps] == [
        (0, "pre_tasks", 0),
        (0, "roles", 0),
        (0, "tasks", 0),
        (0, "post_tasks", 0),
    ]


def test_task_files_with_constant_names() -> None:
    files = {
        "site.yml": """
- hosts: all
  roles: [top]
  tasks:
    - ansible.builtin.import_tasks: tasks/more.yml
      tags: t-import
      when: c-import
    - include_tasks:
        file: tasks/some.yml
        apply: { tags: t-apply }
      tags: t-include
""",
        "tasks/more.yml": "- import_role: { name: more }\n  tags: t-more\n",
        "tasks/some.yml": "- import_role: { name: some }\n",
        "roles/top/tasks/main.yml": "- include_tasks: inner.yml\n- import_tasks: sub/x.yml\n",
        "roles/top/tasks/inner.yml": "- import_role: { name: inner }\n",
        "roles/top/tasks/sub/x.yml": "- import_tasks: y.yml\n",
        "roles/top/tasks/sub/y.yml": "- import_role: { name: beside }\n",
        **plain_roles("more", "some", "inner", "beside"),
    }
    assert roles(files) == ["top", "inner", "beside", "more", "some"]
    more, some = only(files, "more"), only(files, "some")
    assert more.tags == ("t-import", "t-more") and more.when == ("c-import",)
    assert some.tags == ("t-apply",)
    assert [use.kind for use in more.chain] == ["import_tasks", "import_role"]
    assert more.entry == (0, "tasks", 0)


def test_tasks_from_another_file_than_main() -> None:
    files = {
        "site.yml": """
- hosts: all
  tasks:
    - import_role:
        name: a
        tasks_from: other.yml
""",
        "roles/a/tasks/main.yml": "- import_role: { name: wrong }\n",
        "roles/a/tasks/other.yml": "- import_role: { name: right }\n",
        **plain_roles("wrong", "right"),
    }
    assert roles(files) == ["a", "right"]


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("import_role: { name: x }", id="import_role"),
        pytest.param("include_role: { name: x }", id="include_role"),
        pytest.param("ansible.builtin.import_role: { name: x }", id="full name"),
        pytest.param("ansible.legacy.include_role: { name: x }", id="legacy name"),
        pytest.param("include_role: name=x", id="free form"),
        pytest.param("include_role: name='x' tasks_from=main", id="free form, quoted"),
        pytest.param("import_role: { role: x }", id="role for name"),
        pytest.param("include_role:\n  args:\n    name: x", id="args"),
        pytest.param("block:\n    - import_role: { name: x }", id="block"),
        pytest.param("block: []\n  rescue:\n    - import_role: { name: x }", id="rescue"),
        pytest.param("block: []\n  always:\n    - import_role: { name: x }", id="always"),
        pytest.param("name: n\n  import_role: &a { name: x }", id="anchor"),
    ],
)
def test_how_a_task_brings_a_role(task: str) -> None:
    files = {
        "site.yml": f"- hosts: all\n  tasks:\n  - {task.replace(chr(10), chr(10) + '  ')}\n",
        **plain_roles("x"),
    }
    assert roles(files) == ["x"]


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("debug: { msg: import_role }", id="another module"),
        pytest.param("community.general.import_role: { name: x }", id="another collection"),
        pytest.param("name: import_role x", id="only a name"),
        pytest.param("vars: { import_role: { name: x } }", id="a variable of that name"),
        pytest.param("block: []", id="empty block"),
    ],
)
def test_what_brings_no_role(task: str) -> None:
    files = {"site.yml": f"- hosts: all\n  tasks:\n    - {task}\n", **plain_roles("x")}
    assert roles(files) == []


@pytest.mark.parametrize(
    ("loop", "name", "expected"),
    [
        pytest.param("loop: [a, b]", "{{ item }}", ["a", "b"], id="loop"),
        pytest.param("with_items: [b, a]", "{{item}}", ["b", "a"], id="with_items"),
        pytest.param("loop: [a, b]", "group/{{ item }}", ["group/a", "group/b"], id="prefix"),
        pytest.param(
            "loop: [{ n: a }, { n: b }]", "{{ item.n }}", ["a", "b"], id="field of mappings"
        ),
    ],
)
def test_literal_loops(loop: str, name: str, expected: list[str]) -> None:
    files = {
        "site.yml": f"""
- hosts: all
  tasks:
    - include_role: {{ name: '{name}' }}
      {loop}
""",
        **plain_roles("a", "b", "group/a", "group/b"),
    }
    result = order(files)
    assert [step.role for step in result.steps] == expected
    assert all(step.unresolved is None for step in result.steps)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param("include_role: { name: '{{ x }}' }", "template", id="role by variable"),
        pytest.param(
            "include_role: { name: '{{ item }}' }\n      loop: '{{ list }}'", "template", id="loop"
        ),
        pytest.param(
            "include_role: { name: '{{ item }}' }\n      loop: [a, '{{ b }}']",
            "template",
            id="loop that is literal in part",
        ),
        pytest.param("include_role: { name: 'x/{% if y %}z{% endif %}' }", "template", id="block"),
        pytest.param("include_tasks: '{{ x }}.yml'", "template", id="tasks by variable"),
        pytest.param("import_role: { name: missing }", "no such role", id="no such role"),
        pytest.param("import_role: { name: ../../x }", "no such role", id="outside of the tree"),
        pytest.param("import_role: { name: /x }", "no such role", id="absolute"),
        pytest.param("import_tasks: missing.yml", "no such task file", id="no such task file"),
        pytest.param("import_tasks: ../x.yml", "no such task file", id="tasks outside"),
        pytest.param("import_role: {}", "", id="no name"),
        pytest.param("import_role:", "", id="no arguments"),
    ],
)
def test_what_cannot_be_followed_is_reported_in_its_place(entry: str, reason: str) -> None:
    files = {
        "site.yml": f"""
- hosts: all
  tasks:
    - import_role: {{ name: a }}
    - {entry}
    - import_role: {{ name: b }}
""",
        **plain_roles("a", "b"),
    }
    first, unknown, last = order(files).steps
    assert (first.role, last.role) == ("a", "b")
    assert unknown.unresolved is not None and reason in unknown.unresolved
    assert (unknown.place.path, unknown.place.line) == ("site.yml", 4)
    assert unknown not in order(files).resolved


def test_rings_of_playbooks_are_refused() -> None:
    files = {"site.yml": "- import_playbook: a.yml\n", "a.yml": "- import_playbook: site.yml\n"}
    with pytest.raises(UnusableInput, match=r"site\.yml imports itself through a\.yml"):
        order(files)


def test_rings_of_dependencies_are_cut_and_reported() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [a]\n",
        "roles/a/meta/main.yml": "dependencies: [b]\n",
        "roles/b/meta/main.yml": "dependencies: [a]\n",
    }
    result = order(files)
    assert any("ring" in (step.unresolved or "") for step in result.steps)
    assert {step.role for step in result.resolved} == {"a", "b"}


def test_rings_of_task_files_are_cut_and_reported() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [a]\n",
        "roles/a/tasks/main.yml": "- include_tasks: main.yml\n  when: more\n",
    }
    result = order(files)
    assert "ring" in (result.steps[-1].unresolved or "")
    assert len(result.steps) == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, r"site\.yml: there is no such playbook", id="missing"),
        pytest.param({"site.yml": "# nothing"}, r"site\.yml is empty", id="empty"),
        pytest.param({"site.yml": "a: 1"}, r"site\.yml:1: a playbook is a list", id="mapping"),
        pytest.param({"site.yml": "- hosts: a\n- b"}, r"site\.yml:2: a play is", id="text"),
        pytest.param(
            {"site.yml": "- hosts: a\n- import_playbook: b.yml"},
            r"site\.yml:2: the imported playbook 'b\.yml' is not in the tree",
            id="import of nothing",
        ),
        pytest.param(
            {"site.yml": "- import_playbook: '{{ x }}.yml'"},
            r"site\.yml:1: the imported playbook .* is made by a template",
            id="import by a template",
        ),
        pytest.param(
            {"site.yml": "- import_playbook: ../a.yml"},
            r"site\.yml:1: .*'\.\./a\.yml' is not in the tree",
            id="import from outside",
        ),
        pytest.param({"site.yml": "--- []\n--- []"}, r"holds 2 YAML documents", id="documents"),
        pytest.param({"site.yml": "- hosts: [a"}, r"site\.yml:2:1: .*not valid", id="not YAML"),
    ],
)
def test_unusable_playbooks(files: dict[str, str], message: str) -> None:
    with pytest.raises(UnusableInput, match=message):
        order(files)


def test_step_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 20)
    names = [f"r{number}" for number in range(30)]
    files = {
        "site.yml": f"- hosts: all\n  roles: [{', '.join(names[:9])}]\n",
        **plain_roles(*names),
    }
    assert len(order(files).steps) == 9
    files["site.yml"] = f"- hosts: all\n  roles: [{', '.join(names)}]\n"
    with pytest.raises(UnusableInput, match=r"site\.yml:2: .*more than 20 "):
        order(files)


class Counting(MemoryTree):
    """A tree that does not let itself be asked for files without end."""

    def __init__(self, files: dict[str, bytes], limit: int) -> None:
        super().__init__(files, "the tree")
        self.left = limit

    def mode(self, path: str) -> str | None:
        self.left -= 1
        assert self.left > 0, "the tree was asked too often: the way grows without a limit"
        return super().mode(path)


def doubling_playbooks(levels: int) -> dict[str, str]:
    """Return playbooks each of which imports the next one twice, the last a play of nothing."""
    files = {
        f"p{n}.yml": f"- import_playbook: p{n + 1}.yml\n" * 2 for n in range(levels)
    }  # fmt: skip
    return {**files, f"p{levels}.yml": "- hosts: all\n", "site.yml": "- import_playbook: p0.yml"}


def doubling_tasks(levels: int) -> dict[str, str]:
    files = {
        f"roles/a/tasks/t{n}.yml": f"- import_tasks: t{n + 1}.yml\n" * 2 for n in range(levels)
    }
    return {
        **files,
        f"roles/a/tasks/t{levels}.yml": TASK,
        "roles/a/tasks/main.yml": "- import_tasks: t0.yml\n",
        "site.yml": "- hosts: all\n  roles: [a]\n",
    }


@pytest.mark.parametrize("grow", [doubling_playbooks, doubling_tasks])
def test_files_that_double_and_bring_nothing(grow: Callable[[int], dict[str, str]]) -> None:
    """Thirty levels are a billion imports without a single step: refused, not followed."""
    data = {path: text.encode() for path, text in grow(30).items()}
    with pytest.raises(UnusableInput, match="more than"):
        Kubespray(Counting(data, 2_000_000)).order("site.yml")


def test_files_that_double_a_few_times_are_fine() -> None:
    assert roles(doubling_tasks(3)) == ["a"]
    assert len(order(doubling_playbooks(3)).plays) == 8


def test_aliases_and_merge_keys_in_plays() -> None:
    files = {
        "site.yml": """
- hosts: all
  vars:
    use: &use { role: a, tags: t }
    more: &more [b, *use]
  roles:
    - *use
    - <<: *use
      role: c
- hosts: all
  roles: *more
- &play
  hosts: some
  roles: [d]
- <<: *play
  hosts: others
- *play
""",
        **plain_roles("a", "b", "c", "d"),
    }
    result = order(files)
    assert [step.role for step in result.steps] == ["a", "c", "b", "a", "d", "d", "d"]
    assert [step.tags for step in result.steps[:2]] == [("t",), ("t",)]
    assert [play.hosts for play in result.plays] == ["all", "all", "some", "others", "some"]


def test_plays_say_on_what_they_run() -> None:
    files = {
        "site.yml": """
- name: One
  hosts: [a, "b:!c"]
  serial: [1, "20%"]
- hosts: "{{ target | default('all') }}"
  gather_facts: false
"""
    }
    one, two = order(files).plays
    assert (one.name, one.hosts, one.serial) == ("One", "a:b:!c", ("1", "20%"))
    assert (two.name, two.hosts, two.serial) == ("", "{{ target | default('all') }}", ())
    assert (two.place.path, two.place.line, two.route) == ("site.yml", 4, (1,))


@pytest.mark.parametrize(
    "name", ["ns.kube.group.a", "ns.kube.group/a", "group/a"], ids=["dots", "slash", "short"]
)
def test_role_names_of_the_trees_own_collection(name: str) -> None:
    files = {
        "galaxy.yml": "namespace: ns\nname: kube\n",
        "site.yml": f"- hosts: all\n  roles: ['{name}']\n- import_playbook: ns.kube.sub\n",
        "playbooks/sub.yml": "- hosts: all\n  roles: [b]\n",
        **plain_roles("group/a", "b"),
    }
    assert roles(files) == ["group/a", "b"]


def test_role_names_of_other_collections_are_not_the_trees() -> None:
    files = {
        "galaxy.yml": "namespace: ns\nname: kube\n",
        "site.yml": "- hosts: all\n  roles: [other.kube.a, ns.kubernetes.a]\n",
        **plain_roles("a"),
    }
    assert [step.unresolved for step in order(files).steps] == ["the tree has no such role"] * 2


def on_disk(top: Path, files: dict[str, str], links: dict[str, str]) -> Tree:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, "utf-8")
    for path, target in links.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).symlink_to(target)
    return DirectoryTree(top, Base("the tree"))


def test_links_inside_the_tree_are_followed(tmp_path: Path) -> None:
    files = {
        "playbooks/a.yml": "- hosts: all\n  roles: [one, two]\n",
        "roles/real/tasks/main.yml": TASK,
        "roles/two/tasks/real.yml": "- import_role: { name: three }\n",
        "roles/three/tasks/main.yml": TASK,
    }
    links = {
        "extra/roles": "../roles",
        "extra/a.yml": "../playbooks/a.yml",
        "roles/one": "real",
        "roles/two/tasks/main.yml": "real.yml",
    }
    tree = on_disk(tmp_path, files, links)
    result = Kubespray(tree).order("extra/a.yml")
    assert len(result.steps) == 3
    assert all(step.unresolved is None for step in result.steps)
    assert [step.role for step in result.steps][1:] == ["two", "three"]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        pytest.param("roles/x", "../../outside/roles/x", id="role"),
        pytest.param("roles/x/tasks/main.yml", "../../../../outside/tasks.yml", id="task file"),
        pytest.param("roles/x", "x", id="ring"),
        pytest.param("roles/x", "missing", id="to nothing"),
    ],
)
def test_links_that_leave_the_tree_are_not_followed(tmp_path: Path, link: str, target: str) -> None:
    outside = {"outside/roles/x/tasks/main.yml": TASK, "outside/tasks.yml": TASK}
    on_disk(tmp_path, outside, {})
    tree = on_disk(tmp_path / "top", {"site.yml": "- hosts: all\n  roles: [x]\n"}, {link: target})
    result = Kubespray(tree).order("site.yml")
    assert "outside" not in str([step.path for step in result.steps])
    if link == "roles/x":
        assert [step.unresolved for step in result.steps] == ["the tree has no such role"]


def test_absolute_links_are_not_followed(tmp_path: Path) -> None:
    on_disk(tmp_path, {"outside/site.yml": "- hosts: all\n"}, {})
    target = str(tmp_path / "outside" / "site.yml")
    tree = on_disk(tmp_path / "top", {"a.yml": "- hosts: all\n"}, {"site.yml": target})
    with pytest.raises(UnusableInput, match="no such playbook"):
        Kubespray(tree).order("site.yml")
    assert Kubespray(tree).playbooks() == ("a.yml",)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("cluster", "cluster.yml", id="stem"),
        pytest.param("cluster.yml", "cluster.yml", id="name"),
        pytest.param("playbooks/cluster.yml", "playbooks/cluster.yml", id="path"),
        pytest.param("upgrade_cluster", "upgrade-cluster.yml", id="dash for underscore"),
        pytest.param("upgrade-cluster.yml", "upgrade-cluster.yml", id="as it is"),
        pytest.param("other", "playbooks/other.yaml", id="other ending"),
        pytest.param("vars", None, id="no playbook"),
        pytest.param("missing", None, id="missing"),
    ],
)
def test_playbook_names(asked: str, found: str | None) -> None:
    play = "- hosts: all\n"
    files = {
        "cluster.yml": play,
        "playbooks/cluster.yml": play,
        "upgrade-cluster.yml": play,
        "playbooks/other.yaml": play,
        "vars.yml": "a: 1\n",
        "broken.yml": "[",
    }
    assert kubespray(files).playbook_named(asked) == found


def test_every_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [a, a, b]\n" * 3,
        "roles/a/meta/main.yml": "dependencies: [b]\n",
        **plain_roles("a", "b"),
    }
    parsed: list[str] = []

    def parse(path: str, text: str) -> Document:
        parsed.append(path)
        return yaml.parse(path, text)

    monkeypatch.setattr(kubespray_module, "parse", parse)
    order(files)
    assert sorted(parsed) == sorted(set(parsed))
    assert "roles/b/tasks/main.yml" not in parsed, "a task file that brings nothing is not parsed"


def test_a_use_without_a_name_is_told_from_a_template() -> None:
    steps = order(
        {"site.yml": "- hosts: all\n  roles:\n  - {role: }\n  - {role: '{{ x }}'}\n"}
    ).steps
    assert [step.unresolved for step in steps] == [
        "it has no name",
        "its name is made by a template",
    ]
