"""The engine on trees that are written in other hands than the sample's.

Each case changes the text of the embedded sample; what must come out is worked out by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jinja2 import ChainableUndefined, Environment
from ruamel.yaml import YAML

from generator.engine.choice import Choice, choose
from generator.engine.patch import SemanticPatch, load_patch, load_patches
from generator.engine.series import Series, plan
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.model.role import same_role
from generator.resources import resource_dir
from generator.tree.memory import MemoryTree
from generator.tree.sample import sample_files

SAMPLE = sample_files()
PATCHES = load_patches([resource_dir("patches")])

ORDER, TOLERATIONS, BACKPORT = "approver-after-ccm", "approver-tolerations", "backport-12141"

CLUSTER = "playbooks/cluster.yml"
META = "roles/kubernetes-apps/kubelet-csr-approver/meta/main.yml"
APPS_META = "roles/kubernetes-apps/meta/main.yml"
APPROVER = "kubernetes-apps/kubelet-csr-approver"
CCM_ROLE = "kubernetes-apps/external_cloud_controller"

USE = f"    - {{ role: {APPROVER}, tags: kubelet-csr-approver }}\n"
CCM = f"    - {{ role: {CCM_ROLE}, tags: external-cloud-controller }}\n"
APPS = "    - { role: kubernetes-apps, tags: apps }\n"
APPS_PLAY = "- name: Deploy what runs inside the cluster\n  hosts: kube_control_plane\n"
LATE_PLAY = "- name: Let the hosts use the cluster's DNS\n"
NODES_PLAY = "- name: Join the nodes and give them a network\n"
KUBEADM = "    - { role: kubernetes/kubeadm,"
CLIENT = "    - { role: kubernetes/client,"
VALUES = '        values: "{{ kubelet_csr_approver_values }}"\n'

Files = dict[str, bytes]


def with_text(path: str, *changes: tuple[str, str], files: Mapping[str, bytes] = SAMPLE) -> Files:
    """Return the sample with the text of one file changed; what is replaced must be there."""
    text = files[path].decode()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return {**files, path: text.encode()}


def cluster(*changes: tuple[str, str]) -> Files:
    return with_text(CLUSTER, *changes)


def play_of(files: Files, title: str, following: str) -> str:
    text = files[CLUSTER].decode()
    return text[text.index(title) : text.index(following)]


def planned(files: Files, only: str) -> Series:
    chosen = choose(PATCHES, Choice(only=(only,)))
    return plan(Kubespray(MemoryTree(files, "the tree")), chosen)


def after(files: Files, only: str) -> Files:
    """Return the tree as it is after a patch that must apply, held against a second plan."""
    series = planned(files, only)
    assert [outcome.patch.id for outcome in series.applied] == [only]
    result = {**files, **{c.path: c.after for c in series.files if c.after is not None}}
    again = planned(result, only)
    assert again.applied == () and again.files == ()
    return result


def role_order(files: Files, playbook: str = "cluster.yml") -> list[str]:
    order = Kubespray(MemoryTree(files, "the tree")).order(playbook)
    return [step.role.replace("-", "_") for step in order.steps]


def check_order(files: Files) -> None:
    """The approver comes after all that it needs, and once."""
    roles = role_order(files)
    approver = APPROVER.replace("-", "_")
    assert roles.count(approver) == 1
    needed = [
        CCM_ROLE,
        "network_plugin",
        "kubernetes-apps/network_plugin",
        "kubernetes-apps/ansible",
    ]
    for role in needed:
        assert roles.index(role.replace("-", "_")) < roles.index(approver), role


def rows(data: bytes) -> list[bytes]:
    return data.split(b"\n")


@dataclass(frozen=True)
class Moved:
    """A tree, and the lines that the patch must take out and put in, by hand."""

    files: Files
    out: str
    into: str = ""
    behind: str = APPS
    changed: dict[str, str] = field(default_factory=dict)


def written(use: str, *more: tuple[str, str]) -> Moved:
    """The approver's use written in another way, which must arrive as it is."""
    return Moved(cluster((USE, use), *more), use, use)


IN_TASKS = f"""\
    - name: Approve
      # which needs a word
      ansible.builtin.import_role:
        name: {APPROVER}
      tags: [kubelet-csr-approver]
"""
CCM_TASKS = f"""\
  tasks:
    - name: Cloud
      ansible.builtin.import_role:
        name: {CCM_ROLE}
    - name: Applications
      import_role:
        name: kubernetes-apps
"""
AS_TASK = f"""\
    - name: Run kubelet-csr-approver
      ansible.builtin.import_role:
        name: {APPROVER}
      tags: kubelet-csr-approver
"""
APPS_USES = play_of(SAMPLE, APPS_PLAY, LATE_PLAY).partition("  roles:\n")[2]
FORKS_PLAY = """\
- name: A play of the fork's own
  hosts: all
  roles:
    - { role: kubernetes/client, tags: fork }

"""

MOVES: dict[str, Moved] = {
    "as it is": written(USE),
    "block style": written(
        f"    - role: {APPROVER}\n      tags:\n        - kubelet-csr-approver\n"
    ),
    "quoted": written(f'    - {{ "role": \'{APPROVER}\', tags: "kubelet-csr-approver" }}\n'),
    "a plain name": written(f"    - {APPROVER}\n"),
    "name for role": written(f"    - {{ name: {APPROVER}, tags: [a, b] }}\n"),
    "comments above and behind": written(
        f"    # signs what kubelets ask for\n    # (all of them)\n    - role: {APPROVER}  # here\n"
        "      # inside\n      tags: kubelet-csr-approver  # so\n"
    ),
    "tags as a list": written(f"    - {{ role: {APPROVER}, tags: [one, two], x: 'y' }}\n"),
    "tabs behind values": written(f"    - role: {APPROVER}\t# here\n      tags: a\t\n"),
    "over two lines": written(f"    - {{ role: {APPROVER},\n        tags: a }}\n"),
    "conditions": written(
        f"    - role: {APPROVER}\n      when:\n        - a\n        - b == 'c'\n"
    ),
    "play renamed": written(USE, ("Deploy what runs inside the cluster", "Anwendungen")),
    "plays without names": written(USE, ("- name: Deploy what runs inside the cluster\n  ", "- ")),
    "first in its play": Moved(
        cluster((USE, ""), (KUBEADM, USE + KUBEADM)),
        USE,
        USE,
    ),
    "much earlier": Moved(
        cluster((USE, ""), (CLIENT, USE + CLIENT)),
        USE,
        USE,
    ),
    "a fork's own role behind the applications": Moved(
        cluster((APPS, APPS + "    - { role: kubernetes/client, tags: fork }\n")), USE, USE
    ),
    "a fork's own play between": Moved(cluster((APPS_PLAY, FORKS_PLAY + APPS_PLAY)), USE, USE),
    "cloud and applications in plays of their own": Moved(
        cluster((CCM, CCM + "\n- name: Applications\n  hosts: kube_control_plane\n"
                 "  gather_facts: false\n  environment: \"{{ proxy_disable_env }}\"\n  roles:\n")),
        USE,
        USE,
    ),
    "applications before the cloud": Moved(
        cluster((CCM, ""), (APPS, APPS + CCM)), USE, USE, behind=CCM
    ),
    "comment behind the applications": Moved(
        cluster((APPS, APPS[:-1] + "  # the rest\n    # and no more\n")),
        USE,
        USE,
        behind=APPS[:-1] + "  # the rest\n",
    ),
    "commented-out use left behind": Moved(
        cluster((USE, "    # - { role: old }\n" + USE + "    # - { role: older }\n")), USE, USE
    ),
    "the approver in tasks": Moved(
        cluster((USE, "    - { role: kubernetes/tokens }\n  tasks:\n    - debug:\n" + IN_TASKS)),
        IN_TASKS,
        "  tasks:\n" + IN_TASKS,
    ),
    "cloud and applications in tasks": Moved(
        cluster((CCM, ""), (APPS, CCM_TASKS)), USE, AS_TASK, behind=CCM_TASKS
    ),
    "all in tasks": Moved(
        cluster((USE, "  tasks:\n    - debug:\n" + IN_TASKS), (CCM, ""), (APPS, CCM_TASKS)),
        IN_TASKS,
        IN_TASKS,
        behind=CCM_TASKS,
    ),
    "lists not indented": Moved(
        with_text(CLUSTER, ("    - {", "  - {")), USE[2:], USE[2:], behind=APPS[2:]
    ),
    "only one of the two plays indented": Moved(
        cluster((APPS_USES, APPS_USES.replace("    - {", "      - {"))),
        USE,
        "  " + USE,
        behind="  " + APPS,
    ),
    "a duplicate key in both plays": written(
        USE, ("  gather_facts: false\n", "  gather_facts: true\n  gather_facts: false\n")
    ),
    "another patch's anchor elsewhere": written(
        USE, (APPS_PLAY, FORKS_PLAY.replace("hosts: all", "hosts: &h all") + APPS_PLAY)
    ),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", MOVES.values(), ids=MOVES)
def test_move(case: Moved, newline: str) -> None:
    """The use goes, arrives behind the last one that it needs, and no other line changes."""
    text = case.files[CLUSTER].decode()
    assert text.count(case.out) == 1 and text.count(case.behind) == 1
    without = text.replace(case.out, "")
    wanted = without.replace(case.behind, case.behind + case.into)
    files = {**case.files, CLUSTER: text.replace("\n", newline).encode()}
    result = after(files, ORDER)
    assert result[CLUSTER].decode() == wanted.replace("\n", newline)
    assert {path for path in files if files[path] != result[path]} == {CLUSTER}
    check_order(result)


def test_move_to_the_end_of_a_file_without_final_newline() -> None:
    text = SAMPLE[CLUSTER].decode()
    text = text[: text.index(LATE_PLAY)].rstrip("\n")
    assert text.endswith(APPS.rstrip("\n"))
    result = after({**SAMPLE, CLUSTER: text.encode()}, ORDER)
    assert result[CLUSTER].decode() == text.replace(USE, "") + "\n" + USE.rstrip("\n")
    check_order(result)


ONLY_ROLE = f"""\
- name: Approve
  hosts: kube_control_plane
  environment: "{{{{ proxy_disable_env }}}}"
  roles:
{USE}
"""


def test_move_of_the_only_role_of_a_play() -> None:
    files = cluster((USE, ""), (APPS_PLAY, ONLY_ROLE + APPS_PLAY))
    result = after(files, ORDER)
    wanted = files[CLUSTER].decode().replace("  roles:\n" + USE, "  roles: []\n")
    assert result[CLUSTER].decode() == wanted.replace(APPS, APPS + USE)


def test_move_to_another_file() -> None:
    apps = play_of(SAMPLE, APPS_PLAY, LATE_PLAY)
    files = cluster((apps, "- import_playbook: apps.yml\n\n"))
    files["playbooks/apps.yml"] = b"---\n" + apps.encode()
    result = after(files, ORDER)
    assert result[CLUSTER].decode() == files[CLUSTER].decode().replace(USE, "")
    moved = files["playbooks/apps.yml"].decode().replace(APPS, APPS + USE)
    assert result["playbooks/apps.yml"].decode() == moved
    check_order(result)


def test_full_names_of_modules_and_roles() -> None:
    own = "kubernetes_sigs.kubespray."
    use = f"    - {{ role: {own}{APPROVER}, tags: kubelet-csr-approver }}\n".replace(
        "kubernetes-apps/", "kubernetes-apps."
    )
    files = cluster((USE, use), (f"role: {CCM_ROLE},", f"role: {own}{CCM_ROLE.replace('/', '.')},"))
    files["galaxy.yml"] = b"namespace: kubernetes_sigs\nname: kubespray\n"
    result = after(files, ORDER)
    text = files[CLUSTER].decode()
    assert result[CLUSTER].decode() == text.replace(use, "").replace(APPS, APPS + use)


@pytest.mark.parametrize("only", [ORDER, TOLERATIONS, BACKPORT])
@pytest.mark.parametrize(
    "renamed",
    [
        pytest.param("kubernetes-apps/kubelet_csr_approver", id="the role"),
        pytest.param("kubernetes_apps/kubelet_csr_approver", id="the role and its folder"),
    ],
)
def test_underscores_for_dashes(renamed: str, only: str) -> None:
    """A fork that has renamed the approver's role; its own names are kept."""
    old = f"roles/{APPROVER}/"
    files = {path.replace(old, f"roles/{renamed}/"): data for path, data in SAMPLE.items()}
    use = f"    - {{ role: {renamed}, tags: kubelet-csr-approver }}\n"
    for path in (CLUSTER, "playbooks/upgrade_cluster.yml"):
        files = with_text(path, (USE, use), files=files)
    result = after(files, only)
    text = files[CLUSTER].decode()
    if only == ORDER:
        assert result[CLUSTER].decode() == text.replace(use, "").replace(APPS, APPS + use)
    elif only == BACKPORT:
        assert result[CLUSTER].decode() == text.replace(use, "")
    else:
        changed = [path for path in files if files[path] != result[path]]
        assert changed == [f"roles/{renamed}/meta/main.yml"]


NO_MOVES: dict[str, tuple[Files, str]] = {
    "right order already": (cluster((USE, ""), (APPS, APPS + USE)), "already"),
    "upstream's form": (
        with_text(
            APPS_META,
            ("  - role: kubernetes-apps/metallb\n",
             f"  - role: {APPROVER}\n    tags: [kubelet-csr-approver]\n"
             "  - role: kubernetes-apps/metallb\n"),
            files=cluster((USE, "")),
        ),
        "already",
    ),
    "the use is commented out": (cluster((USE, "    # " + USE.lstrip())), "does not use"),
    "the use is gone": (cluster((USE, "")), "does not use"),
    "no role": (
        {path: data for path, data in SAMPLE.items() if APPROVER not in path},
        "has no role",
    ),
    "no cloud controller's role": (
        {path: data for path, data in SAMPLE.items() if CCM_ROLE not in path},
        "has no role",
    ),
    "no playbook": (
        {path: data for path, data in SAMPLE.items() if not path.endswith("cluster.yml")},
        "no playbook cluster",
    ),
    "the cloud controller is not used": (cluster((CCM, "")), "no step that provides"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "reason"), NO_MOVES.values(), ids=NO_MOVES)
def test_nothing_to_move(files: Files, reason: str) -> None:
    series = planned(files, ORDER)
    assert series.applied == () and series.files == ()
    (skipped,) = series.skipped
    assert reason in skipped.reasons[0]


def line_of(files: Files, part: str, path: str = CLUSTER) -> int:
    lines = files[path].decode().split("\n")
    found = [number for number, line in enumerate(lines, 1) if part in line]
    assert found, part
    return found[0]


@dataclass(frozen=True)
class Refused:
    """A tree that must be refused, at the first line that holds `at`, with `word` as reason."""

    files: Files
    at: str
    word: str
    path: str = CLUSTER


ANCHOR = f"- hosts: all\n  vars:\n    use: &use {{ role: {APPROVER}, tags: x }}\n\n"
CONDITION = "      - inventory_hostname == groups['kube_control_plane'][0]\n"
IN_BLOCK = f"  tasks:\n    - block:\n        - import_role:\n            name: {APPROVER}\n"

REFUSALS: dict[str, Refused] = {
    "the use is an alias": Refused(
        cluster((USE, "    - *use\n"), (NODES_PLAY, ANCHOR + NODES_PLAY)), "- *use", "alias"
    ),
    "the use is anchored": Refused(
        cluster((USE, USE.replace("- {", "- &use {"))), "- &use", "anchor"
    ),
    "a merge key in the use": Refused(
        cluster((USE, f"    - role: {APPROVER}\n      <<: &m {{ tags: x }}\n")), APPROVER, "anchor"
    ),
    "two uses before": Refused(
        cluster(("    - { role: network_plugin, tags", USE + "    - { role: network_plugin, tags")),
        APPROVER,
        "more than once",
    ),
    "one use before, one behind": Refused(
        cluster((APPS, APPS + USE)), APPROVER, "more than once"
    ),
    "a name made by a template": Refused(
        cluster(("    - { role: kubernetes/client,", '    - { role: "{{ extra }}",')),
        "{{ extra }}",
        "template",
    ),
    "a name made by a template in part": Refused(
        cluster(("    - { role: kubernetes/client,", '    - { role: "kubernetes-apps/{{ x }}",')),
        "kubernetes-apps/{{ x }}",
        "template",
    ),
    "the role acts on every host": Refused(
        with_text(META, (CONDITION, "")), "- role: helm-apps", "nothing limits", META
    ),
    "a task of the role acts on every host": Refused(
        {**SAMPLE, META.replace("meta", "tasks"): b"---\n- debug:\n"},
        "- debug:",
        "nothing limits",
        META.replace("meta", "tasks"),
    ),
    "become differs": Refused(
        cluster((APPS_PLAY, APPS_PLAY + "  become: true\n")), NODES_PLAY.strip(), "'become'"
    ),
    "environment differs": Refused(
        cluster((play_of(SAMPLE, APPS_PLAY, LATE_PLAY),
                 play_of(SAMPLE, APPS_PLAY, LATE_PLAY).replace(
                     '  environment: "{{ proxy_disable_env }}"\n', ""))),
        NODES_PLAY.strip(),
        "'environment'",
    ),
    "the play has tags": Refused(
        cluster((APPS_PLAY, APPS_PLAY + "  tags: apps\n")), NODES_PLAY.strip(), "tags"
    ),
    "the use stands in a block": Refused(cluster((USE, IN_BLOCK)), "- import_role:", "block"),
    "the role comes as a dependency of another": Refused(
        with_text(
            "roles/network_plugin/meta/main.yml",
            ("dependencies:\n", f"dependencies:\n  - role: {APPROVER}\n"),
            files=cluster((USE, "")),
        ),
        APPROVER,
        "brought",
        "roles/network_plugin/meta/main.yml",
    ),
    "the hosts leave the control plane out": Refused(
        cluster((APPS_PLAY, APPS_PLAY.replace("kube_control", "k8s_cluster:!kube_control"))),
        NODES_PLAY.strip(),
        "may leave out kube_control_plane[0]",
    ),
    "the hosts are made by a template": Refused(
        cluster((APPS_PLAY, APPS_PLAY.replace("kube_control_plane", '"{{ target }}"'))),
        NODES_PLAY.strip(),
        "may leave out",
    ),
    "the list of the uses is in brackets": Refused(
        cluster((USE, ""), (APPS_PLAY, "- hosts: kube_control_plane\n"
                 '  environment: "{{ proxy_disable_env }}"\n'
                 f"  roles: [{APPROVER}]\n\n" + APPS_PLAY)),
        f"roles: [{APPROVER}]",
        "brackets",
    ),
    "the play is an alias": Refused(
        cluster((NODES_PLAY, NODES_PLAY.replace("- name", "- &p\n  name")),
                (APPS_PLAY, "- *p\n\n" + APPS_PLAY)),
        "- role: helm-apps",
        "",
        "*",
    ),
    "the roles come by a merge key": Refused(
        cluster(("---\n", "---\n- hosts: all\n  vars:\n    base: &base\n      roles:\n"
                 "        - kubernetes-apps/external_cloud_controller\n"
                 "        - kubernetes-apps\n\n"),
                (play_of(SAMPLE, APPS_PLAY, LATE_PLAY),
                 APPS_PLAY + '  environment: "{{ proxy_disable_env }}"\n  <<: *base\n\n')),
        "",
        "",
        "*",
    ),
    "the import of the play has a condition": Refused(
        {
            **cluster((play_of(SAMPLE, APPS_PLAY, LATE_PLAY),
                       "- import_playbook: apps.yml\n  when: install_apps\n\n")),
            "playbooks/apps.yml": b"---\n" + play_of(SAMPLE, APPS_PLAY, LATE_PLAY).encode(),
        },
        "",
        "",
        "*",
    ),
    "the import of the play has tags": Refused(
        {
            **cluster((play_of(SAMPLE, APPS_PLAY, LATE_PLAY),
                       "- import_playbook: apps.yml\n  tags: apps\n\n")),
            "playbooks/apps.yml": b"---\n" + play_of(SAMPLE, APPS_PLAY, LATE_PLAY).encode(),
        },
        "",
        "",
        "*",
    ),
    "the second use never runs": Refused(
        with_text(APPS_META, ("  - role: kubernetes-apps/metallb\n",
                              f"  - role: {APPROVER}\n    when: false\n"
                              "  - role: kubernetes-apps/metallb\n")),
        "",
        "",
        "*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_move_is_refused(case: Refused) -> None:
    with pytest.raises(Unsafe) as error:
        planned(case.files, ORDER)
    message = str(error.value)
    path, line = message.split(":")[:2]
    assert path in case.files and line.isdigit()
    if case.path != "*":
        assert (path, int(line)) == (case.path, line_of(case.files, case.at, case.path))
    assert case.word in message


def test_names_made_by_templates_that_cannot_mean_the_role() -> None:
    use = '    - { role: "container-engine/{{ container_manager }}" }\n'
    files = cluster(("    - { role: kubernetes/client,", use + "    - { role: kubernetes/client,"))
    check_order(after(files, ORDER))


def test_name_of_many_templates_is_judged_at_once() -> None:
    name = "{{ a }}" * 6 + "!"
    files = cluster(("    - { role: kubernetes/client,", f'    - {{ role: "{name}",'))
    check_order(after(files, ORDER))


def test_keywords_of_a_use_stay_keywords_in_tasks() -> None:
    """A task takes the same keywords; what is none of them is a parameter."""
    use = USE.replace(" }", ", remote_user: admin, connection: local, answer: 42 }")
    files = cluster((USE, use), (CCM, ""), (APPS, CCM_TASKS))
    result = after(files, ORDER)
    plays = YAML(typ="safe", pure=True).load(result[CLUSTER])
    (task,) = [
        task
        for play in plays
        for task in play.get("tasks", ())
        if same_role(task.get("ansible.builtin.import_role", {}).get("name", ""), APPROVER)
    ]
    assert task["remote_user"] == "admin" and task["connection"] == "local"
    assert task["vars"] == {"answer": 42}


def test_comments_of_a_use_stand_above_the_task() -> None:
    use = "    # for the rotation\n" + USE.rstrip("\n") + "  # keep me\n"
    result = after(cluster((USE, use), (CCM, ""), (APPS, CCM_TASKS)), ORDER)
    above = result[CLUSTER].decode().split("    - name: Run kubelet-csr-approver\n")[0]
    assert above.endswith("    # for the rotation\n    # keep me\n")


OURS = {
    "key": "node.cloudprovider.kubernetes.io/uninitialized",
    "operator": "Exists",
    "effect": "NoSchedule",
}
MASTER = {"key": "node-role.kubernetes.io/master", "operator": "Equal", "effect": "NoSchedule"}
CONTROL_PLANE = {**MASTER, "key": "node-role.kubernetes.io/control-plane"}
CHART = [MASTER, CONTROL_PLANE]
MINE = {"key": "dedicated", "operator": "Exists"}


def combine(one: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """Ansible's filter, as it is without options."""
    for other in others:
        one = {**one, **other}
    return one


def union(one: list[Any], other: list[Any]) -> list[Any]:
    """Ansible's filter: both lists, each entry once."""
    return [entry for n, entry in enumerate([*one, *other]) if entry not in [*one, *other][:n]]


def resolved(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return what Ansible makes of a value with templates."""
    if isinstance(value, dict):
        return {key: resolved(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, variables) for inner in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    environment = Environment(undefined=ChainableUndefined)
    environment.filters.update(combine=combine, union=union)
    expression = value.strip().removeprefix("{{").removesuffix("}}")
    return environment.compile_expression(expression)(**variables)


def helm_values(data: bytes, variables: Mapping[str, Any]) -> Any:
    meta = YAML(typ="safe", pure=True).load(data)
    (release,) = meta["dependencies"][0]["releases"]
    return resolved(release["values"], variables)


def release_values(values: str) -> Files:
    return with_text(META, (VALUES, values))


BLOCK_MINE = """\
        values:
          tolerations:
            - key: dedicated
              operator: Exists
"""
BLOCK_EQUAL = """\
        values:
          tolerations:
            - key: node.cloudprovider.kubernetes.io/uninitialized
              operator: Equal
              effect: NoSchedule
"""
EQUAL = {**OURS, "operator": "Equal"}

MERGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the variable": (
        VALUES,
        {"kubelet_csr_approver_values": {"a": 1, "tolerations": [MINE]}},
        {"a": 1, "tolerations": [*CHART, OURS, MINE]},
    ),
    "the variable, empty": (
        VALUES, {"kubelet_csr_approver_values": {}}, {"tolerations": [*CHART, OURS]}
    ),
    "the variable, null": (
        VALUES, {"kubelet_csr_approver_values": None}, {"tolerations": [*CHART, OURS]}
    ),
    "the variable, not defined": (VALUES, {}, {"tolerations": [*CHART, OURS]}),
    "a user's list of null": (
        VALUES,
        {"kubelet_csr_approver_values": {"tolerations": None}},
        {"tolerations": [*CHART, OURS]},
    ),
    "our toleration in the inventory": (
        VALUES,
        {"kubelet_csr_approver_values": {"tolerations": [OURS]}},
        {"tolerations": [*CHART, OURS]},
    ),
    "another variable, single quotes": (
        "        values: '{{mine}}'\n", {"mine": {"b": 2}}, {"b": 2, "tolerations": [*CHART, OURS]}
    ),
    "an expression": (
        "        values: \"{{ {'c': 3} | combine(mine | default({})) }}\"\n",
        {"mine": {"b": 2}},
        {"b": 2, "c": 3, "tolerations": [*CHART, OURS]},
    ),
    "an expression with a condition": (
        "        values: \"{{ one if which else two }}\"\n",
        {"which": False, "one": {"a": 1}, "two": {"tolerations": [MINE]}},
        {"tolerations": [*CHART, OURS, MINE]},
    ),
    "an expression over lines": (
        "        values: >-\n          {{ mine |\n             combine({'d': 4}) }}\n",
        {"mine": {}},
        {"d": 4, "tolerations": [*CHART, OURS]},
    ),
    "tolerations only where the variable has none": (
        "        values: \"{{ mine | default({'tolerations': ["
        "{'key': 'node.cloudprovider.kubernetes.io/uninitialized', 'operator': 'Exists'}]}) }}\"\n",
        {"mine": {"tolerations": [MINE]}},
        {"tolerations": [*CHART, OURS, MINE]},
    ),
    "tolerations that the variable replaces": (
        "        values: \"{{ {'tolerations': [{'key': "
        "'node.cloudprovider.kubernetes.io/uninitialized', 'operator': 'Exists'}]}"
        " | combine(mine) }}\"\n",
        {"mine": {"tolerations": [MINE]}},
        {"tolerations": [*CHART, OURS, MINE]},
    ),
    "a mapping": (
        "        values:\n          a: 1  # one\n", {}, {"a": 1, "tolerations": [*CHART, OURS]}
    ),
    "a mapping with tolerations": (BLOCK_MINE, {}, {"tolerations": [MINE, *CHART, OURS]}),
    "Equal without a value does not count": (
        BLOCK_EQUAL, {}, {"tolerations": [EQUAL, *CHART, OURS]}
    ),
    "another effect does not count": (
        BLOCK_EQUAL.replace("Equal", "Exists").replace("NoSchedule", "NoExecute"),
        {},
        {"tolerations": [{**OURS, "effect": "NoExecute"}, *CHART, OURS]},
    ),
    "a mapping with no tolerations yet": (
        "        values:\n          tolerations: []\n", {}, {"tolerations": [*CHART, OURS]}
    ),
    "a mapping with a template for the list": (
        '        values:\n          a: 1\n          tolerations: "{{ mine }}"\n',
        {"mine": [MINE]},
        {"a": 1, "tolerations": [*CHART, OURS, MINE]},
    ),
    "empty braces": ("        values: {}\n", {}, {"tolerations": [*CHART, OURS]}),
    "missing": ("", {}, {"tolerations": [*CHART, OURS]}),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("values", "variables", "expected"), MERGES.values(), ids=MERGES)
def test_merge(
    values: str, variables: dict[str, Any], expected: dict[str, Any], newline: str
) -> None:
    """What Helm gets holds the chart's own tolerations, ours and the user's."""
    files = release_values(values)
    files = {**files, META: files[META].replace(b"\n", newline.encode())}
    result = after(files, TOLERATIONS)
    assert {path for path in files if files[path] != result[path]} == {META}
    found = helm_values(result[META], variables)
    assert sorted(found) == sorted(expected)
    key = "tolerations"
    assert sorted(map(str, found[key])) == sorted(map(str, expected[key]))
    assert {k: v for k, v in found.items() if k != key} == {
        k: v for k, v in expected.items() if k != key
    }
    assert len(found[key]) == len(expected[key])
    rest = files[META].decode().replace(values.replace("\n", newline), "") if values else ""
    for line in rest.split("\n"):
        assert line in result[META].decode().split("\n")
    assert result[META].count(b"\r") == (result[META].count(b"\n") if newline == "\r\n" else 0)
    for line in set(rows(result[META])) - set(rows(files[META])):
        assert line.rstrip(b"\r") == line.rstrip(), "blanks at the end of a new line"


def test_merge_in_a_mapping_in_braces() -> None:
    """Braces are edited or refused; never is anything lost."""
    files = release_values("        values: { a: 1 }\n")
    try:
        result = after(files, TOLERATIONS)
    except Unsafe as error:
        assert str(error).startswith(f"{META}:{line_of(files, 'values:', META)}: ")
        assert "braces" in str(error)
    else:
        assert helm_values(result[META], {})["a"] == 1


def test_the_charts_own_tolerations_follow_its_version() -> None:
    defaults = META.replace("meta", "defaults")
    line = "kubelet_csr_approver_chart_version: 0.2.8"
    files = with_text(defaults, (line, line.replace("0.2.8", "1.1.0")))
    found = helm_values(after(files, TOLERATIONS)[META], {})
    assert found == {"tolerations": [CONTROL_PLANE, OURS]}
    files = with_text(defaults, (line, line.replace("0.2.8", '"{{ pinned }}"')))
    found = helm_values(after(files, TOLERATIONS)[META], {})
    assert found == {"tolerations": [*CHART, OURS]}


ALREADY: dict[str, str] = {
    "the same": BLOCK_EQUAL.replace("Equal", "Exists"),
    "every effect": BLOCK_EQUAL.replace("Equal", "Exists").replace(
        "              effect: NoSchedule\n", ""
    ),
    "every taint": "        values:\n          tolerations:\n            - operator: Exists\n",
    "in braces": "        values: { tolerations: [{ operator: Exists }] }\n",
    "in a template": (
        "        values: \"{{ mine | combine({'tolerations': [{'key': "
        "'node.cloudprovider.kubernetes.io/uninitialized', 'operator': 'Exists'}]}) }}\"\n"
    ),
}


@pytest.mark.parametrize("values", ALREADY.values(), ids=ALREADY)
def test_nothing_to_merge(values: str) -> None:
    series = planned(release_values(values), TOLERATIONS)
    assert series.applied == () and series.files == ()
    assert "already" in series.skipped[0].reasons[0]


def test_nothing_to_merge_without_the_role() -> None:
    files = {path: data for path, data in SAMPLE.items() if APPROVER not in path}
    assert "has no role" in planned(files, TOLERATIONS).skipped[0].reasons[0]


NO_MERGES: dict[str, tuple[Files, str]] = {
    "plain text": (release_values("        values: some text\n"), "values: some text"),
    "text around a template": (
        release_values('        values: "x{{ kubelet_csr_approver_values }}"\n'), "values:"
    ),
    "two templates": (release_values('        values: "{{ a }}{{ b }}"\n'), "values:"),
    "a statement": (release_values('        values: "{% if a %}{{ b }}{% endif %}"\n'), "values:"),
    "a list": (release_values("        values:\n          - a\n"), "          - a"),
    "tolerations are a text": (
        release_values("        values:\n          tolerations: none\n"), "tolerations:"
    ),
    "an anchor": (release_values("        values: &v {}\n"), "values:"),
    "an alias among the tolerations": (
        with_text(META, (VALUES, "        values:\n          tolerations:\n            - *t\n"),
                  ("    release_common_opts: {}\n", "    release_common_opts: &t {}\n")),
        "- *t",
    ),
    "no entry of that name": (
        with_text(META, ("- name: kubelet-csr-approver\n", "- name: other\n")), "- name: other"
    ),
    "two entries of that name": (
        with_text(META, (VALUES, VALUES + "      - name: kubelet-csr-approver\n")),
        "- name: kubelet-csr-approver",
    ),
    "no releases": (
        with_text(META, ("    releases:\n", "    others:\n")), "- role: helm-apps"
    ),
    "no dependency on helm-apps": (
        with_text(META, ("- role: helm-apps", "- role: helm-apps-2")), "- role: helm-apps-2"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "at"), NO_MERGES.values(), ids=NO_MERGES)
def test_merge_is_refused(files: Files, at: str) -> None:
    with pytest.raises(Unsafe) as error:
        planned(files, TOLERATIONS)
    path, line = str(error.value).split(":")[:2]
    assert path == META
    # A block's refusal may name the list or the key that it stands under.
    assert abs(int(line) - line_of(files, at, META)) <= 1


HEAD = """\
id: mine
version: 1
date: 2026-01-31
title: A title
why: A reason
"""


def user_patch(folder: Path, operations: str, head: str = HEAD) -> SemanticPatch:
    path = folder / "mine.yml"
    path.write_text(f"{head}operations:\n{operations}", "utf-8")
    return load_patch(path)


def mine(folder: Path, operations: str, files: Files, head: str = HEAD) -> Files:
    """Return the files that a user's patch changes, held against a second plan."""
    patch = user_patch(folder, operations, head)
    series = plan(Kubespray(MemoryTree(files, "the tree")), [patch])
    changed = {c.path: c.after for c in series.files if c.after is not None}
    again = plan(Kubespray(MemoryTree({**files, **changed}, "the tree")), [patch])
    assert again.files == ()
    return changed


SMALL: Files = {
    "cluster.yml": b"- hosts: all\n  roles:\n    - a\n    - { role: b }  # two\n    - c\n",
    "roles/a/meta/main.yml": b"dependencies:\n  - role: c\n    when: x\n",
    "roles/a/files/pod.yml": b"kind: Pod\nspec:\n  containers:\n    - name: one\n",
    "roles/a/vars/main.yml": b'values: "{{ given }}"\nother: { k: v }\n',
    "roles/b/tasks/main.yml": b"- debug:\n",
    "roles/b/meta/main.yml": b"galaxy_info:\n  author: someone\n",
    "roles/c/tasks/main.yml": b"- debug:\n",
    "roles/e/meta/main.yml": b"dependencies: []\n",
}

ANY_ORDER = HEAD + "order:\n  moves: {role}\n  in: [all]\n  after: [dns]\n"


def test_user_add_file(tmp_path: Path) -> None:
    (tmp_path / "task.yml").write_bytes(b"- debug: { msg: '{{ x }}' }\n")
    operation = "  - add-file: { path: roles/new/tasks/main.yml, template: task.yml }\n"
    changed = mine(tmp_path, operation, SMALL)
    assert changed == {"roles/new/tasks/main.yml": b"- debug: { msg: '{{ x }}' }\n"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("cluster.yml", id="another file is there"),
        pytest.param("roles/a", id="a folder is there"),
        pytest.param("cluster.yml/x.yml", id="below a file"),
    ],
)
def test_user_add_file_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "task.yml").write_bytes(b"- debug:\n")
    with pytest.raises(Unsafe, match=f"^{path}"):
        mine(tmp_path, f"  - add-file: {{ path: {path}, template: task.yml }}\n", SMALL)


def test_user_add_file_without_template(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"missing\.yml"):
        mine(tmp_path, "  - add-file: { path: x.yml, template: missing.yml }\n", SMALL)


POD = """\
  - add-toleration:
      role: a
      file: files/pod.yml
      at: [spec]
      toleration: { key: k, operator: Exists }
"""
POD_BEFORE = b"kind: Pod\nspec:\n  containers:\n    - name: one\n"
POD_AFTER = POD_BEFORE + b"  tolerations:\n    - key: k\n      operator: Exists\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(b"", b"  tolerations:\n    - key: k\n      operator: Exists\n", id="none"),
        pytest.param(
            b"  tolerations:\n    - key: j  # j\n",
            b"  tolerations:\n    - key: j  # j\n    - key: k\n      operator: Exists\n",
            id="others",
        ),
        pytest.param(
            b"  tolerations: []\n",
            b"  tolerations:\n    - key: k\n      operator: Exists\n",
            id="empty",
        ),
        pytest.param(
            b"  tolerations:\n  nodeName: x\n",
            b"  tolerations:\n    - key: k\n      operator: Exists\n  nodeName: x\n",
            id="no value",
        ),
    ],
)
def test_user_add_toleration(tmp_path: Path, more: bytes, expected: bytes) -> None:
    files = {**SMALL, "roles/a/files/pod.yml": POD_BEFORE + more}
    assert mine(tmp_path, POD, files) == {"roles/a/files/pod.yml": POD_BEFORE + expected}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b"  tolerations:\n    - operator: Exists\n", id="every taint"),
        pytest.param(b"  tolerations: [{ key: k, operator: Exists }]\n", id="the same, in flow"),
    ],
)
def test_user_add_toleration_not_needed(tmp_path: Path, more: bytes) -> None:
    assert mine(tmp_path, POD, {**SMALL, "roles/a/files/pod.yml": POD_BEFORE + more}) == {}


def test_user_add_toleration_without_the_file(tmp_path: Path) -> None:
    assert mine(tmp_path, POD.replace("pod.yml", "other.yml"), SMALL) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(b"kind: Pod\n", 1, id="no specification"),
        pytest.param(b"kind: Pod\nspec: none\n", 2, id="a text"),
        pytest.param(b"spec:\n  tolerations: none\n", 2, id="tolerations are a text"),
        pytest.param(b"spec: { a: b }\n", 1, id="in braces"),
        pytest.param(b"x: &x {}\nspec:\n  tolerations:\n    - *x\n", 4, id="an alias"),
        pytest.param(b"x: &x []\nspec:\n  tolerations: *x\n", 3, id="an alias for all"),
    ],
)
def test_user_add_toleration_is_refused(tmp_path: Path, text: bytes, line: int) -> None:
    with pytest.raises(Unsafe, match=rf"^roles/a/files/pod\.yml:{line}:"):
        mine(tmp_path, POD, {**SMALL, "roles/a/files/pod.yml": text})


def test_user_remove_role_dependency(tmp_path: Path) -> None:
    operation = "  - remove-role-dependency: { role: a, dependency: c }\n"
    changed = mine(tmp_path, operation, SMALL, ANY_ORDER.replace("{role}", "c"))
    assert changed == {"roles/a/meta/main.yml": b"dependencies: []\n"}
    assert mine(tmp_path, operation.replace(": a,", ": b,"), SMALL) == {}


def test_user_remove_role_dependency_that_stands_twice(tmp_path: Path) -> None:
    files = {**SMALL, "roles/a/meta/main.yml": b"dependencies:\n  - c\n  - b\n  - c\n"}
    with pytest.raises(Unsafe, match=r"^roles/a/meta/main\.yml:2: .*again at .*:4"):
        mine(tmp_path, "  - remove-role-dependency: { role: a, dependency: c }\n", files)


DEPENDENCY = """\
  - add-role-dependency:
      role: {role}
      dependency: { role: b, tags: [x] }
"""


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        pytest.param(
            "a",
            b"dependencies:\n  - role: c\n    when: x\n  - role: b\n    tags:\n      - x\n",
            id="last",
        ),
        pytest.param("e", b"dependencies:\n  - role: b\n    tags:\n      - x\n", id="first"),
    ],
)
def test_user_add_role_dependency(tmp_path: Path, role: str, expected: bytes) -> None:
    head = ANY_ORDER.replace("{role}", "b")
    changed = mine(tmp_path, DEPENDENCY.replace("{role}", role), SMALL, head)
    assert changed == {f"roles/{role}/meta/main.yml": expected}


def test_user_add_role_dependency_before_another(tmp_path: Path) -> None:
    operation = DEPENDENCY.replace("{role}", "a") + "      before: c\n"
    changed = mine(tmp_path, operation, SMALL, ANY_ORDER.replace("{role}", "b"))
    expected = b"dependencies:\n  - role: b\n    tags:\n      - x\n  - role: c\n    when: x\n"
    assert changed == {"roles/a/meta/main.yml": expected}


@pytest.mark.parametrize("role", ["b", "c"], ids=["no list of dependencies", "no meta"])
def test_user_add_role_dependency_where_there_is_no_list(tmp_path: Path, role: str) -> None:
    operation = DEPENDENCY.replace("{ role: b", "{ role: e").replace("{role}", role)
    try:
        changed = mine(tmp_path, operation, SMALL, ANY_ORDER.replace("{role}", "e"))
    except Unsafe as error:
        assert str(error).startswith(f"roles/{role}/meta/main.yml")
    else:
        assert b"role: e" in changed[f"roles/{role}/meta/main.yml"]


def test_user_patch_that_changes_more_of_the_order_than_it_says(tmp_path: Path) -> None:
    with pytest.raises(Unsafe, match="more of the order"):
        mine(tmp_path, DEPENDENCY.replace("{role}", "a"), SMALL)


@pytest.mark.parametrize("playbook", ["cluster", "cluster.yml", "recover-control-plane"])
def test_user_patch_that_does_not_keep_its_promise(tmp_path: Path, playbook: str) -> None:
    """Here the approver would come with the network plugin, before DNS."""
    order = f"moves: {APPROVER}, in: [all], promise-in: [{playbook}], after: [dns]"
    head = HEAD + f"order: {{ {order} }}\n"
    operation = f"""\
  - add-role-dependency:
      role: network_plugin
      dependency: {{ role: {APPROVER} }}
"""
    with pytest.raises(Unsafe, match=r"^roles/network_plugin/meta/main\.yml:\d+: .* provides dns"):
        mine(tmp_path, operation, cluster((USE, "")), head)


def test_user_remove_role_use(tmp_path: Path) -> None:
    operation = "  - remove-role-use: { playbook: cluster, role: b }\n"
    changed = mine(tmp_path, operation, SMALL, ANY_ORDER.replace("{role}", "b"))
    assert changed == {"cluster.yml": b"- hosts: all\n  roles:\n    - a\n    - c\n"}
    assert mine(tmp_path, operation.replace("role: b", "role: e"), SMALL) == {}
    assert mine(tmp_path, operation.replace("cluster", "other"), SMALL) == {}


MERGE = """\
  - merge-value:
      role: a
      file: vars/main.yml
      at: [values]
      list: my-list
      entries: [one, { k: "it's" }]
"""


def test_user_merge_value(tmp_path: Path) -> None:
    changed = mine(tmp_path, MERGE, SMALL)
    data = YAML(typ="safe", pure=True).load(changed["roles/a/vars/main.yml"])
    given = {"my-list": ["zero"], "a": 1}
    assert resolved(data["values"], {"given": given, "list": ["wrong"]}) == {
        "my-list": ["one", {"k": "it's"}, "zero"],
        "a": 1,
    }
    assert data["other"] == {"k": "v"}


FIELD_ERRORS: dict[str, tuple[str, str, int, str]] = {
    "unknown key": (HEAD + "extra: 1\n", POD, 6, "unknown key 'extra'"),
    "key twice": (HEAD + "title: again\n", POD, 6, "'title' stands twice"),
    "missing key": (HEAD.replace("title: A title\n", ""), POD, 1, "lacks the key 'title'"),
    "no operations": (HEAD, "  []\n", 7, "operations"),
    "id of other characters": (HEAD.replace("mine", "Mine_1"), POD, 1, "'id'"),
    "date of another form": (HEAD.replace("2026-01-31", "January"), POD, 3, "'date'"),
    "version is a text": (HEAD.replace("version: 1", "version: one"), POD, 2, "whole number"),
    "default is a text": (HEAD + "default: maybe\n", POD, 6, "true or false"),
    "references is a text": (HEAD + "references: x\n", POD, 6, "list of texts"),
    "needs is a list": (HEAD + "needs: [a]\n", POD, 6, "mapping"),
    "needs of unknown kind": (HEAD + "needs: { role: a }\n", POD, 6, "unknown key 'role'"),
    "title is a list": (HEAD.replace("A title", "[a]"), POD, 4, "a text"),
    "unknown fact": (
        HEAD + "order: { moves: a, in: [all], after: [coffee] }\n", POD, 6, "nodes-ready"
    ),
    "unknown operation": (HEAD, "  - shout: { loudly: true }\n", 7, "unknown operation 'shout'"),
    "operation is a text": (HEAD, "  - add-file\n", 7, "mapping"),
    "two operations in one": (HEAD, "  - { add-file: {}, merge-value: {} }\n", 7, "one key"),
    "unknown key of an operation": (HEAD, POD + "      x: y\n", 12, "unknown key 'x'"),
    "missing key of an operation": (HEAD, POD.replace("      role: a\n", ""), 8, "'role'"),
    "unknown fact of an operation": (
        HEAD, "  - move-role-use: { playbook: a, role: b, after: [tea] }\n", 7, "nodes-ready"
    ),
    "a way that is a text": (HEAD, POD.replace("[spec]", "spec"), 10, "'at'"),
    "a way with a wide step": (HEAD, POD.replace("[spec]", "[{ a: b, c: d }]"), 10, "'at'"),
    "an empty way": (HEAD, POD.replace("[spec]", "[]"), 10, "'at'"),
    "toleration is a text": (
        HEAD, POD.replace("{ key: k, operator: Exists }", "none"), 11, "'toleration'"
    ),
    "toleration with a key twice": (
        HEAD, POD.replace("{ key: k,", "{ key: k, key: j,"), 11, "twice"
    ),
    "toleration by an alias": (HEAD.replace("A title", "&t A title"),
                               POD.replace("{ key: k, operator: Exists }", "*t"), 11, "alias"),
    "entries is a text": (HEAD, MERGE.replace('[one, { k: "it\'s" }]', "one"), 12, "'entries'"),
    "no entries": (HEAD, MERGE.replace('[one, { k: "it\'s" }]', "[]"), 12, "'entries'"),
    "known is a number": (
        HEAD, MERGE + "      replaced: { variable: v, known: 3, otherwise: [] }\n", 13, "'known'"
    ),
    "known holds a text": (
        HEAD, MERGE + "      replaced: { variable: v, known: { 1.0: a }, otherwise: [] }\n", 13,
        "'known'",
    ),
    "otherwise is a text": (
        HEAD, MERGE + "      replaced: { variable: v, known: {}, otherwise: no }\n", 13,
        "'otherwise'",
    ),
    "dependency without a role": (
        HEAD, "  - add-role-dependency: { role: a, dependency: { tags: x } }\n", 7, "'role'"
    ),
    "path outside of the tree": (
        HEAD, "  - add-file: { path: ../x.yml, template: a }\n", 7, "'path'"
    ),
    "absolute template": (HEAD, "  - add-file: { path: x.yml, template: /a }\n", 7, "'template'"),
    "not YAML": (HEAD, "  - [\n", 8, "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("head", "operations", "line", "word"), FIELD_ERRORS.values(), ids=FIELD_ERRORS
)
def test_patch_files_are_read_strictly(
    tmp_path: Path, head: str, operations: str, line: int, word: str
) -> None:
    with pytest.raises(UnusableInput) as error:
        user_patch(tmp_path, operations, head)
    message = str(error.value).removeprefix(str(tmp_path / "mine.yml"))
    assert message.startswith(f":{line}:"), message
    assert word in message


@pytest.mark.parametrize(
    "data", [b"", b"- a\n", b"text", b"\xff"], ids=["empty", "list", "text", "not UTF-8"]
)
def test_files_that_are_no_patch(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mine.yml").write_bytes(data)
    with pytest.raises(UnusableInput, match=r"mine\.yml:1: "):
        load_patches([tmp_path])


def test_an_id_that_stands_twice(tmp_path: Path) -> None:
    user_patch(tmp_path, POD, HEAD.replace("mine", ORDER))
    with pytest.raises(UnusableInput, match=rf"mine\.yml:1: .*'{ORDER}'"):
        load_patches([resource_dir("patches"), tmp_path])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no such directory"):
        load_patches([tmp_path / "none"])


def some_patches(folder: Path, **heads: str) -> dict[str, SemanticPatch]:
    for name, more in heads.items():
        text = HEAD.replace("mine", name) + more + "operations:\n" + POD
        (folder / f"{name}.yml").write_text(text, "utf-8")
    return load_patches([folder])


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        pytest.param(Choice(), ["a", "b"], id="the default ones"),
        pytest.param(Choice(only=("c",)), ["c"], id="one only"),
        pytest.param(Choice(only=("b", "a")), ["a", "b"], id="two, in the files' order"),
        pytest.param(Choice(also=("c",)), ["b", "c"], id="displaces what it excludes"),
        pytest.param(Choice(without=("a",)), ["b"], id="without one"),
        pytest.param(Choice(also=("d",)), ["a", "b", "d", "e", "f"], id="brings its company"),
        pytest.param(Choice(only=("d",)), ["d", "e", "f"], id="company of company"),
    ],
)
def test_choice(tmp_path: Path, choice: Choice, chosen: list[str]) -> None:
    patches = some_patches(
        tmp_path,
        a="default: true\n",
        b="default: true\n",
        c="excludes: [a]\n",
        d="comes-with: [e]\n",
        e="comes-with: [f]\n",
        f="",
    )
    assert [patch.id for patch in choose(patches, choice)] == chosen


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        pytest.param(Choice(only=("x",)), "no semantic patch 'x'", id="only"),
        pytest.param(Choice(also=("x",)), "no semantic patch 'x'", id="with"),
        pytest.param(Choice(without=("x",)), "no semantic patch 'x'", id="without"),
        pytest.param(Choice(only=("a", "c")), "'a' and 'c' exclude each other", id="both"),
    ],
)
def test_choice_is_refused(tmp_path: Path, choice: Choice, message: str) -> None:
    patches = some_patches(tmp_path, a="", b="", c="excludes: [a]\n")
    with pytest.raises(UnusableInput, match=message):
        choose(patches, choice)


def test_backport_where_the_applications_have_no_list_of_dependencies() -> None:
    """The list is begun, and the DNS that the applications would bring stays where it is."""
    files = cluster((APPS, "    - { role: kubernetes-apps/ansible, tags: apps }\n" + APPS))
    files = {**files, APPS_META: b"---\ngalaxy_info: {}\n"}
    result = after(files, BACKPORT)
    meta = YAML(typ="safe", pure=True).load(result[APPS_META])
    assert [entry["role"] for entry in meta["dependencies"]] == [APPROVER]
    assert meta["galaxy_info"] == {}
    check_order(result)


@pytest.mark.parametrize("only", [ORDER, TOLERATIONS, BACKPORT])
def test_same_tree_in_same_bytes_out(only: str) -> None:
    one, two = planned(SAMPLE, only), planned(dict(reversed(SAMPLE.items())), only)
    assert one.files == two.files and one.files


def test_default_patches_leave_the_upgrade_alone() -> None:
    series = plan(Kubespray(MemoryTree(SAMPLE, "the tree")), choose(PATCHES, Choice()))
    assert [change.path for change in series.files] == [CLUSTER, META]


def test_a_broken_playbook_elsewhere_does_not_matter() -> None:
    files = cluster()
    files["acme.yml"] = b"- import_playbook: playbooks/acme.yml\n"
    files["playbooks/acme.yml"] = b"hosts: all\n"
    assert after(files, ORDER)["acme.yml"] == files["acme.yml"]


@pytest.mark.parametrize("name", ["{{ apps_role }}", "kubernetes-apps/{{ dns_role }}"])
def test_a_template_that_may_bring_what_the_role_needs(name: str) -> None:
    """Behind the last provider that is known there may be another: DNS, by a name not known."""
    apps = "{ role: kubernetes-apps, tags: apps }"
    files = cluster((apps, f'{{ role: "{name}", tags: apps }}'))
    line = files[CLUSTER].decode().split(name)[0].count("\n") + 1
    with pytest.raises(Unsafe, match=f"^{CLUSTER}:{line}: .*{re.escape(name)}"):
        planned(files, ORDER)


def test_a_template_that_cannot_bring_it() -> None:
    apps = "    - { role: kubernetes-apps, tags: apps }\n"
    extra = '    - { role: "acme/{{ flavour }}", tags: acme }\n'
    assert after(cluster((apps, apps + extra)), ORDER)


def test_an_upgrade_that_imports_the_cluster_playbook() -> None:
    """The patch says that it leaves upgrades alone, so it may not reach one by an import."""
    files = cluster()
    files["upgrade-cluster.yml"] = b"- import_playbook: playbooks/cluster.yml\n"
    with pytest.raises(Unsafe, match=r"order of upgrade-cluster\.yml than it promises"):
        planned(files, ORDER)
