"""What `wait-for-node-initialization` is made of: its operations and the values that it works out.

Beside each table of what must be done stands one of what must be refused, or left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from generator.engine.patch import load_patch
from generator.engine.series import Skipped, plan
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.resources import resource_dir
from generator.text.filling import as_yaml, fill
from generator.tree.memory import MemoryTree

Files = dict[str, bytes]

ID = "wait-for-node-initialization"
CCM = "kubernetes-apps/external_cloud_controller"
TOP = f"roles/{CCM}"
META, TASKS = f"{TOP}/meta/main.yml", f"{TOP}/tasks/main.yml"
DEFAULTS, WAIT = f"{TOP}/defaults/main.yml", f"{TOP}/tasks/{ID}.yml"
FIRST = "inventory_hostname == groups['kube_control_plane'][0]"
EXTERNAL = "cloud_provider == 'external'"

NEW_TASKS = b"""\
---
- name: Wait for the initialization of nodes
  ansible.builtin.import_tasks: wait-for-node-initialization.yml
"""
NEW_DEFAULTS = (resource_dir("templates") / ID / "defaults.yml").read_bytes()

HEAD = "id: mine\nversion: 1\ndate: 2026-01-31\ntitle: A title\nwhy: A reason\n"


def loaded(data: bytes) -> Any:
    return YAML(typ="safe", pure=True).load(data.decode())


def dependency(name: str, *when: str, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"role": f"{CCM}/{name}", "when": list(when), "tags": list(tags)}


def provider(name: str, *more: str) -> dict[str, Any]:
    given_when = (EXTERNAL, *more, f'external_cloud_provider == "{name}"', FIRST)
    return dependency(name, *given_when, tags=("external-cloud-controller", f"external-{name}"))


def tree(*dependencies: dict[str, Any], meta: str | None = None) -> Files:
    """A tree whose role has these dependencies, each of which applies something."""
    text = meta if meta is not None else json.dumps({"dependencies": list(dependencies)})
    names = ("vsphere", "hcloud", "oci", "acme")
    return {
        "cluster.yml": f"- hosts: all\n  roles:\n    - {CCM}\n    - {NETWORK}\n".encode(),
        META: text.encode(),
        **{f"{TOP}/{name}/tasks/main.yml": b"- command: kubectl apply -f x\n" for name in names},
    }


NETWORK = "kubernetes-apps/network_plugin"
BOTH = (provider("vsphere"), provider("hcloud"))


def applied(files: Files) -> Files:
    """The files that the patch changes; the second time it changes none."""
    patch = load_patch(resource_dir("patches") / f"{ID}.yml")
    series = plan(Kubespray(MemoryTree(files, "the tree")), [patch])
    changed = {one.path: one.after for one in series.files if one.after is not None}
    again = plan(Kubespray(MemoryTree({**files, **changed}, "the tree")), [patch])
    assert not again.applied and all(one.already for one in again.skipped)
    return changed


def conditions(files: Files) -> list[str]:
    """The conditions of the wait, without those that are always the same."""
    (block,) = loaded(applied(files)[WAIT])
    assert block["when"][-1] == "not ansible_check_mode"
    assert block["when"][-2] == "kube_network_plugin | default('') not in ['cni', 'none']" or (
        "is not defined or not" in block["when"][-2]
    )
    return [one for one in block["when"][:-1] if not one.startswith("kube_network_plugin |")]


def test_adds_three_files() -> None:
    changed = applied(tree(*BOTH))
    assert set(changed) == {TASKS, DEFAULTS, WAIT}
    assert changed[TASKS] == NEW_TASKS and changed[DEFAULTS] == NEW_DEFAULTS
    (block,) = loaded(changed[WAIT])
    assert block["tags"] == [
        "external-cloud-controller", "external-vsphere", "external-hcloud", ID,
    ]  # fmt: skip
    assert [next(iter(set(task) - {"name", "vars", "when"})) for task in block["rescue"]] == (
        ["ansible.builtin.fail"] * 3
    )
    assert "when" not in block["rescue"][-1]


def test_is_left_out_without_the_role() -> None:
    patch = load_patch(resource_dir("patches") / f"{ID}.yml")
    files = {"cluster.yml": b"- hosts: all\n", "roles/a/tasks/main.yml": b"- debug:\n"}
    (outcome,) = plan(Kubespray(MemoryTree(files, "the tree")), [patch]).outcomes
    assert isinstance(outcome, Skipped) and not outcome.already


def test_folder_of_the_role_may_be_spelled_otherwise() -> None:
    files = {
        path.replace("external_cloud_controller", "external-cloud-controller"): data.replace(
            b"external_cloud_controller", b"external-cloud-controller"
        )
        for path, data in tree(*BOTH).items()
    }
    assert set(applied(files)) == {
        path.replace("external_cloud_controller", "external-cloud-controller")
        for path in (TASKS, DEFAULTS, WAIT)
    }


IN_BOTH = "external_cloud_provider in ['vsphere', 'hcloud']"
CONDITIONS: dict[str, tuple[Files, list[str]]] = {
    "two providers": (tree(*BOTH), [EXTERNAL, FIRST, IN_BOTH]),
    "guards stay in front": (
        tree(
            provider("vsphere", "external_cloud_provider is defined"),
            provider("oci", "external_cloud_provider is defined"),
        ),
        [
            EXTERNAL, "external_cloud_provider is defined", FIRST,
            "external_cloud_provider in ['vsphere', 'oci']",
        ],
    ),
    "one provider": (
        tree(provider("vsphere")), [EXTERNAL, 'external_cloud_provider == "vsphere"', FIRST]
    ),
    "a third with a condition of its own": (
        tree(*BOTH, dependency("acme", EXTERNAL, "acme | bool or x", FIRST)),
        [
            EXTERNAL, FIRST,
            '(external_cloud_provider == "vsphere") or (external_cloud_provider == "hcloud") or '
            "(acme | bool or x)",
        ],
    ),
    "one with two": (
        tree(provider("vsphere"), provider("hcloud", "hcloud_token is defined")),
        [
            EXTERNAL, FIRST,
            '(external_cloud_provider == "vsphere") or '
            '((hcloud_token is defined) and (external_cloud_provider == "hcloud"))',
        ],
    ),
    "one needs less than another": (
        tree(provider("vsphere"), dependency("acme", EXTERNAL, FIRST)), [EXTERNAL, FIRST]
    ),
    "nothing says on which host": (
        tree(dependency("vsphere", "p == 'vsphere'"), dependency("oci", "p == 'oci'")),
        ["p in ['vsphere', 'oci']", FIRST],
    ),
    "a text, over several lines": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when: >-\n    a ==\n    'b' and\n    c\n"),
        ["a == 'b' and c", FIRST],
    ),
    "another way to name the host": (
        tree(dependency("oci", "a", "groups['kube_control_plane'] | first == inventory_hostname")),
        ["a", "groups['kube_control_plane'] | first == inventory_hostname"],
    ),
    "booleans": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when: [yes, a]\n"), ["true", "a", FIRST]
    ),
    "an alias": (
        tree(meta=f"dependencies:\n- {{role: {CCM}/oci, when: &w [a, b]}}\n"
                  f"- {{role: {CCM}/acme, when: *w}}\n"),
        ["a", "b", FIRST],
    ),
    "a dependency that puts nothing in": (
        tree({"role": "helper"}, *BOTH) | {"roles/helper/tasks/main.yml": b"- debug:\n"},
        [EXTERNAL, FIRST, IN_BOTH],
    ),
    "a role of another collection": (
        tree(*BOTH, {"role": "acme.cloud.ccm", "when": [EXTERNAL, "acme", FIRST]}),
        [
            EXTERNAL, FIRST,
            '(external_cloud_provider == "vsphere") or (external_cloud_provider == "hcloud") or '
            "(acme)",
        ],
    ),
    "quotes of the other kind": (
        tree(dependency("oci", "p == \"a'b\""), dependency("acme", "p == 'c'")),
        ["(p == \"a'b\") or (p == 'c')", FIRST],
    ),
    "a word that YAML takes for something else": (
        tree(dependency("oci", "'a: b #c' in d")),
        ["'a: b #c' in d", FIRST],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions(files: Files, expected: list[str]) -> None:
    assert conditions(files) == expected


NO_CONDITIONS: dict[str, tuple[Files, str, str]] = {
    "no meta": (
        {p: d for p, d in tree(*BOTH).items() if p != META} | {DEFAULTS: b"a: 1\n"},
        f"{META}:1", "no dependency",
    ),
    "no dependencies": (tree(), f"{META}:1", "no dependency"),
    "empty meta": (tree(meta=""), f"{META}:1", "no dependency"),
    "none that puts anything in": (
        tree({"role": "helper", "when": ["a"]}) | {"roles/helper/tasks/main.yml": b"- debug:\n"},
        f"{META}:1", "no dependency",
    ),
    "no when": (
        tree(meta=f"dependencies:\n  - role: {CCM}/oci\n    tags: x\n"), f"{META}:2", "no `when`"
    ),
    "only a name": (tree(meta=f"dependencies:\n- {CCM}/oci\n"), f"{META}:2", "no `when`"),
    "empty when": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when: []\n"), f"{META}:2", "no `when`"
    ),
    "braces": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when:\n  - a\n  - '{{{{ x }}}}'\n"),
        f"{META}:5", "cannot be understood",
    ),
    "not an expression": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when: a ==\n"),
        f"{META}:3", "cannot be understood",
    ),
    "a mapping": (
        tree(meta=f"dependencies:\n- role: {CCM}/oci\n  when: {{a: b}}\n"),
        f"{META}:3", "cannot be understood",
    ),
    "a role's name made by a template": (
        tree(meta=f"dependencies:\n- role: '{CCM}/{{{{ p }}}}'\n"), f"{META}:2", "no `when`"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "at", "why"), NO_CONDITIONS.values(), ids=NO_CONDITIONS)
def test_no_conditions(files: Files, at: str, why: str) -> None:
    with pytest.raises(Unsafe) as error:
        applied(files)
    assert str(error.value).startswith(f"{at}: ") and why in str(error.value)


@pytest.mark.parametrize(
    "meta", ["[a, b]", "dependencies: {a: b}", "dependencies:\n- [a]\n", "a: b: c", "\xff"]
)
def test_broken_meta(meta: str) -> None:
    """A file that is no meta file, or not even YAML, is named."""
    files = tree(meta="") | {META: meta.encode("latin-1")}
    with pytest.raises((UnusableInput, Unsafe), match=META):
        applied(files)


def network(*names: str, before: bool = False) -> Files:
    """A tree with network plugins that are applied behind the cloud controller manager, or not."""
    listed = [
        {"role": f"{NETWORK}/{name}", "when": f"kube_network_plugin == '{name}'"} for name in names
    ]
    listed += [{"role": f"{NETWORK}/multus", "when": "kube_network_plugin_multus"}]
    roles = [NETWORK, CCM] if before else [CCM, NETWORK]
    tasks = dict.fromkeys((*names, "multus"), b"- kube: {filename: x}\n")
    tasks["calico"] = b"# nothing yet\n"
    return tree(*BOTH) | {
        "cluster.yml": f"- hosts: all\n  roles: {json.dumps(roles)}\n".encode(),
        f"roles/{NETWORK}/meta/main.yml": json.dumps({"dependencies": listed}).encode(),
        **{f"roles/{NETWORK}/{name}/tasks/main.yml": data for name, data in tasks.items()},
    }


def test_network_plugins_that_start_later() -> None:
    """Without them the cloud controller manager cannot run: nothing waits."""
    late = "kube_network_plugin is not defined or not (kube_network_plugin in ['flannel', 'weave'])"
    assert conditions(network("calico", "flannel", "weave"))[-1] == late
    only = "kube_network_plugin is not defined or not (kube_network_plugin == 'flannel')"
    assert conditions(network("flannel"))[-1] == only


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(network("flannel", before=True), id="they start before"),
        pytest.param(network("calico"), id="they do nothing"),
        pytest.param(network(), id="multus is none"),
        pytest.param({p: d for p, d in network("flannel").items() if p != "cluster.yml"},
                     id="no cluster.yml"),
    ],
)  # fmt: skip
def test_network_plugins_that_do_not(files: Files) -> None:
    assert conditions(files) == [EXTERNAL, FIRST, IN_BOTH]


ENTRY = NEW_TASKS.removeprefix(b"---\n")
ROWS = ENTRY.splitlines(keepends=True)
PRESENT_TASKS: dict[str, tuple[bytes, bytes]] = {
    "a task": (b"---\n- debug:\n", b"---\n- debug:\n" + ENTRY),
    "without final newline": (b"- debug:", b"- debug:\n" + ENTRY.rstrip(b"\n")),
    "CRLF": (b"- debug:\r\n", b"- debug:\r\n" + ENTRY.replace(b"\n", b"\r\n")),
    "blank lines between": (
        b"- debug:\n\n- debug: {msg: a}\n", b"- debug:\n\n- debug: {msg: a}\n\n" + ENTRY
    ),
    "a comment at the end": (b"- debug:\n# end\n", b"- debug:\n" + ENTRY + b"# end\n"),
    "empty": (b"", ENTRY),
    "only a mark": (b"---\n", b"---\n" + ENTRY),
    "only a comment": (b"---\n# nothing", b"---\n# nothing\n" + ENTRY),
    "indented": (b" - debug:\n", b" - debug:\n" + b"".join(b" " + r for r in ROWS)),
    "there already": (b"- debug:\n" + ENTRY, b"- debug:\n" + ENTRY),
    "there already, in another style": (
        b"- {name: Wait for the initialization of nodes,\n"
        b"   ansible.builtin.import_tasks: wait-for-node-initialization.yml}\n",
    ) * 2,
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), PRESENT_TASKS.values(), ids=PRESENT_TASKS)
def test_tasks_that_are_there(before: bytes, after: bytes) -> None:
    files = tree(*BOTH) | {TASKS: before}
    assert {TASKS: before, **applied(files)}[TASKS] == after


@pytest.mark.parametrize("name", ["main.yaml", "main"])
def test_tasks_by_another_name(name: str) -> None:
    path = f"{TOP}/tasks/{name}"
    changed = applied(tree(*BOTH) | {path: b"- debug:\n"})
    assert set(changed) == {path, DEFAULTS, WAIT}


NO_TASKS: dict[str, Files] = {
    "a mapping": {TASKS: b"a: b\n"},
    "one line": {TASKS: b"[{debug: }]\n"},
    "an empty list": {TASKS: b"[]\n"},
    "another task of this name": {
        TASKS: b"- debug:\n- name: Wait for the initialization of nodes\n  debug:\n"
    },
    "another file of this name": {WAIT: b"- debug:\n"},
    "a folder of this name": {f"{WAIT}/x.yml": b"- debug:\n"},
    "a file in the way": {f"{TOP}/tasks": b"x"},
    "a folder in the place of the tasks": {f"{TASKS}/x": b"x"},
}


@pytest.mark.parametrize("more", NO_TASKS.values(), ids=NO_TASKS)
def test_tasks_are_refused(more: Files) -> None:
    with pytest.raises(Unsafe, match=rf"^{TOP}/tasks[^:]*:\d+: cannot add"):
        applied(tree(*BOTH) | more)


@pytest.mark.parametrize("data", [b"\xff", b"- a: b: c\n", b"- debug:\n---\n- debug:\n"])
def test_broken_tasks(data: bytes) -> None:
    with pytest.raises(UnusableInput, match=TASKS):
        applied(tree(*BOTH) | {TASKS: data})


def test_file_of_other_conditions_is_out_of_date() -> None:
    """A later release has one provider more, so the file that was added says too little."""
    files = tree(provider("vsphere"))
    later = tree(*BOTH) | applied(files)
    with pytest.raises(Unsafe, match=f"^{WAIT}:1: .*has another one there"):
        applied(later)


VARIABLES = NEW_DEFAULTS.removeprefix(b"---\n")
PRESENT_DEFAULTS: dict[str, tuple[bytes, bytes]] = {
    "others": (b"---\na: 1\n", b"---\na: 1\n\n" + VARIABLES),
    "without final newline": (b"a: 1", b"a: 1\n\n" + VARIABLES.rstrip(b"\n")),
    "CRLF": (b"a: 1\r\n", b"a: 1\r\n\r\n" + VARIABLES.replace(b"\n", b"\r\n")),
    "empty": (b"---\n", b"---\n" + VARIABLES),
    "anchors": (b"a: &x [1]\nb: *x\n", b"a: &x [1]\nb: *x\n\n" + VARIABLES),
    "with other values": (
        b"external_cloud_controller_wait_timeout: 5\n"
        b"external_cloud_controller_wait_interval: 1\n",
    ) * 2,
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), PRESENT_DEFAULTS.values(), ids=PRESENT_DEFAULTS)
def test_defaults_that_are_there(before: bytes, after: bytes) -> None:
    files = tree(*BOTH) | {DEFAULTS: before}
    assert {DEFAULTS: before, **applied(files)}[DEFAULTS] == after


NO_DEFAULTS: dict[str, Files] = {
    "a list": {DEFAULTS: b"- a\n"},
    "in braces": {DEFAULTS: b"{a: 1}\n"},
    "only one of them": {DEFAULTS: b"external_cloud_controller_wait_timeout: 5\n"},
    "a folder": {f"{TOP}/defaults/main/a.yml": b"a: 1\n"},
    "a file in the way": {f"{TOP}/defaults": b"x"},
}


@pytest.mark.parametrize("more", NO_DEFAULTS.values(), ids=NO_DEFAULTS)
def test_defaults_are_refused(more: Files) -> None:
    with pytest.raises(Unsafe, match=rf"^{TOP}/defaults[^:]*:\d+: cannot add"):
        applied(tree(*BOTH) | more)


def users(folder: Path, operation: str, files: Files) -> Files:
    """The files that a user's patch with one operation changes."""
    (folder / "mine.yml").write_text(f"{HEAD}operations:\n  - {operation}\n", "utf-8")
    series = plan(Kubespray(MemoryTree(files, "the tree")), [load_patch(folder / "mine.yml")])
    return {one.path: one.after for one in series.files if one.after is not None}


OF = f"{{dependencies-of: {CCM}, on: 'kube_control_plane[0]'}}"


def test_users_template(tmp_path: Path) -> None:
    text = (
        "a: [[ ccm.when | join(' and ') | yaml ]]\n"
        "[% for t in ccm.tags %]\n# [[ t ]]\n[% endfor %]\nb: '{{ c }}'\n"
    )
    (tmp_path / "t.yml").write_text(text)
    operation = f"add-file: {{path: x.yml, template: t.yml, values: {{ccm: {OF}}}}}"
    expected = (
        f'a: {EXTERNAL} and external_cloud_provider == "vsphere" and {FIRST}\n'
        "# external-cloud-controller\n# external-vsphere\nb: '{{ c }}'\n"
    )
    assert users(tmp_path, operation, tree(provider("vsphere"))) == {"x.yml": expected.encode()}


def test_without_values_a_template_is_copied(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_bytes(b"a: [[ b ]]\r\n")
    operation = "add-file: {path: x.yml, template: t.yml}"
    assert users(tmp_path, operation, tree(*BOTH)) == {"x.yml": b"a: [[ b ]]\r\n"}


BAD_TEMPLATES: dict[str, tuple[str, str]] = {
    "unknown name": ("[[ nobody ]]", "'nobody' is undefined"),
    "unknown attribute": ("[[ ccm.nothing ]]", "nothing"),
    "syntax": ("\n[% for %]\n", r"t\.yml:2: "),
    "unknown filter": ("[[ ccm.when | attr('x') ]]", "attr"),
    "a call": ("[[ ccm.when.index('a') ]]", "not safely callable"),
    "underscores": ("[[ ccm.__class__ ]]", "unsafe|undefined"),
    "a large power": ("[[ 'a' * 10 ** 10 ]]", "operator"),
    "another file": ("[% include '/etc/passwd' %]", "loader"),
    "range": ("[% for i in range(9) %]x[% endfor %]", "not safely callable"),
    "no YAML": ("a: b: c\n", r"t\.yml:1:\d+: this is not valid YAML"),
    "yaml of a list": ("a: [[ ccm.when | yaml ]]\n", "one text"),
}


@pytest.mark.parametrize(("text", "why"), BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_bad_templates(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "t.yml").write_text(text)
    operation = f"add-file: {{path: x.yml, template: t.yml, values: {{ccm: {OF}}}}}"
    with pytest.raises(UnusableInput, match=why) as error:
        users(tmp_path, operation, tree(*BOTH))
    assert str(error.value).startswith("t.yml")


def test_templates_that_grow(tmp_path: Path) -> None:
    loops = "".join(f"[% for a{n} in ccm.when[0] %]" for n in range(6))
    (tmp_path / "t.txt").write_text(f"{loops}{'x' * 1000}{'[% endfor %]' * 6}")
    operation = f"add-file: {{path: x.txt, template: t.txt, values: {{ccm: {OF}}}}}"
    with pytest.raises(UnusableInput, match="8 MiB"):
        users(tmp_path, operation, tree(*BOTH))


BAD_FIELDS: dict[str, tuple[str, str]] = {
    "unknown value": ("add-file: {path: x, template: t, values: {a: {b: c}}}", "unknown key 'b'"),
    "a value that is a text": ("add-file: {path: x, template: t, values: {a: b}}", "mapping"),
    "a value's name": (f"add-file: {{path: x, template: t, values: {{a-b: {OF}}}}}", "'values'"),
    "a value's name twice": (
        f"add-file: {{path: x, template: t, values: {{a: {OF}, a: {OF}}}}}", "twice"
    ),
    "a host that is none": (
        "add-file: {path: x, template: t, values: {a: {dependencies-of: b, on: c}}}", "'on'"
    ),
    "behind without in": (
        "add-file: {path: x, template: t, values: {a: {dependencies-of: b, behind: c}}}", "'behind'"
    ),
    "a role that is a list": ("add-file: {role: [], path: x, template: t}", "'role'"),
    "a task without a name": ("add-task: {role: a, task: {debug: }}", "lacks the key 'name'"),
    "a task that is a text": ("add-task: {role: a, task: b}", "mapping"),
    "no task": ("add-task: {role: a}", "lacks the key 'task'"),
    "a task by file": ("add-task: {role: a, task: {name: b}, file: c}", "unknown key 'file'"),
    "defaults outside": ("add-defaults: {role: a, template: ../x}", "'template'"),
    "defaults without a role": ("add-defaults: {template: x}", "lacks the key 'role'"),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "why"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_bad_fields(tmp_path: Path, operation: str, why: str) -> None:
    with pytest.raises(UnusableInput, match=why) as error:
        users(tmp_path, operation, tree(*BOTH))
    assert f"{tmp_path}/mine.yml:7: " in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "a mapping of variables"), ("", "a mapping of variables"), ("{}\n", "a mapping"),
        ("a: b: c", "not valid YAML"),
    ],
)  # fmt: skip
def test_bad_defaults(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "d.yml").write_text(text)
    with pytest.raises(UnusableInput, match=rf"^d\.yml:1.*{why}"):
        users(tmp_path, f"add-defaults: {{role: {CCM}, template: d.yml}}", tree(*BOTH))


@pytest.mark.parametrize(
    "operation",
    [
        "add-file: {role: none, path: x.yml, template: t.yml}",
        "add-task: {role: none, task: {name: a}}",
        "add-defaults: {role: none, template: t.yml}",
    ],
)
def test_role_that_is_not_there(tmp_path: Path, operation: str) -> None:
    (tmp_path / "t.yml").write_text("a: 1\n")
    assert users(tmp_path, operation, tree(*BOTH)) == {}


@given(st.text())
def test_text_as_yaml(text: str) -> None:
    """A text that YAML can hold at all comes back from one line."""
    try:
        written = as_yaml(text)
    except ValueError:
        return
    if not text.isprintable():
        return
    assert "\n" not in written
    assert loaded(f"- {written}\n".encode()) == [text]


@given(st.text(st.sampled_from("[]{}%# \n'\"ab")))
def test_ansibles_braces_stay(text: str) -> None:
    """Without the delimiters of ours a text stays as it is."""
    if not any(mark in text for mark in ("[[", "[%", "[#")):
        assert fill("t.txt", text, {}) == text
