"""The contract of `check` on the command line, on a small tree of our own."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import (
    Result,
    clone,
    command,
    commit_all,
    environment,
    git,
    listing,
    run,
    start,
    write_tree,
)
from generator.engine.detect.codes import codes

PLAYBOOK = "playbooks/cluster.yml"
UPGRADE = "playbooks/upgrade_cluster.yml"
DEFAULTS = "roles/kubespray-defaults/defaults/main.yml"
HELM = "roles/helm-apps/tasks/main.yml"
APPROVER = "roles/kubernetes-apps/kubelet-csr-approver"
VSPHERE = "roles/kubernetes-apps/external_cloud_controller/vsphere"


def manifest(kind: str, name: str, spec: str = "") -> str:
    """Return a manifest; `spec` are lines of its pods' spec."""
    lines = "".join(f"      {line}\n" for line in spec.splitlines())
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\n"
        "  namespace: kube-system\nspec:\n  template:\n    metadata:\n      labels:\n"
        f"        app: {name}\n    spec:\n{lines}      containers: []\n"
    )


def applying(file: str) -> str:
    """Return the tasks that put a template of their role into the cluster."""
    return f"""\
- name: Write {file}
  ansible.builtin.template:
    src: {file}.j2
    dest: "{{{{ kube_config_dir }}}}/{file}"
- name: Apply {file}
  ansible.builtin.command: "{{{{ bin_dir }}}}/kubectl apply -f {{{{ kube_config_dir }}}}/{file}"
"""


TOLERANT = "hostNetwork: true\ntolerations:\n  - operator: Exists"

TREE = {
    "cluster.yml": "- import_playbook: playbooks/cluster.yml\n",
    "upgrade-cluster.yml": "- import_playbook: playbooks/upgrade_cluster.yml\n",
    "recover-control-plane.yml": "- import_playbook: playbooks/recover_control_plane.yml\n",
    "scale.yml": "- import_playbook: playbooks/scale.yml\n",
    PLAYBOOK: """\
- name: Nodes
  hosts: k8s_cluster
  roles:
    - { role: kubespray-defaults }
    - { role: network_plugin, tags: network }
    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }
- name: Apps
  hosts: kube_control_plane
  roles:
    - { role: kubespray-defaults }
    - { role: kubernetes-apps/external_cloud_controller, tags: external-cloud-controller }
    - { role: kubernetes-apps, tags: apps }
""",
    UPGRADE: """\
- name: Control plane
  hosts: kube_control_plane
  serial: 1
  roles:
    - { role: kubespray-defaults }
    - { role: network_plugin, tags: network }
    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }
- name: Apps
  hosts: kube_control_plane
  roles:
    - { role: kubespray-defaults }
    - { role: kubernetes-apps/external_cloud_controller, tags: external-cloud-controller }
    - { role: kubernetes-apps, tags: apps }
""",
    "playbooks/recover_control_plane.yml": "- import_playbook: cluster.yml\n",
    "playbooks/scale.yml": "- hosts: kube_node\n  roles: [{ role: kubespray-defaults }]\n",
    DEFAULTS: """\
bin_dir: /usr/local/bin
kube_config_dir: /etc/kubernetes
kube_network_plugin: calico
dns_mode: coredns
metrics_server_enabled: false
kubelet_rotate_server_certificates: false
""",
    "roles/network_plugin/meta/main.yml": """\
dependencies:
  - { role: network_plugin/calico, when: kube_network_plugin == 'calico' }
""",
    "roles/network_plugin/calico/tasks/main.yml": applying("calico.yml"),
    "roles/network_plugin/calico/templates/calico.yml.j2": manifest(
        "DaemonSet", "calico-node", TOLERANT
    ),
    f"{APPROVER}/defaults/main.yml": """\
kubelet_csr_approver_enabled: "{{ kubelet_rotate_server_certificates }}"
kubelet_csr_approver_values: {}
""",
    f"{APPROVER}/meta/main.yml": """\
dependencies:
  - role: helm-apps
    when:
      - inventory_hostname == groups['kube_control_plane'][0]
      - kubelet_csr_approver_enabled
    releases:
      - name: kubelet-csr-approver
        namespace: kube-system
        chart_ref: kubelet-csr-approver/kubelet-csr-approver
        wait: true
        values: "{{ kubelet_csr_approver_values }}"
""",
    "roles/helm-apps/tasks/main.yml": """\
- name: Install releases
  kubernetes.core.helm:
    name: "{{ item.name }}"
    namespace: "{{ item.namespace }}"
    chart_ref: "{{ item.chart_ref }}"
    wait: "{{ item.wait }}"
    values: "{{ item['values'] }}"
  loop: "{{ releases }}"
""",
    "roles/kubernetes-apps/external_cloud_controller/meta/main.yml": """\
dependencies:
  - role: kubernetes-apps/external_cloud_controller/vsphere
    when:
      - cloud_provider == "external"
      - external_cloud_provider == "vsphere"
      - inventory_hostname == groups['kube_control_plane'][0]
""",
    f"{VSPHERE}/tasks/main.yml": applying("ccm.yml"),
    f"{VSPHERE}/templates/ccm.yml.j2": manifest(
        "DaemonSet", "vsphere-cloud-controller-manager", TOLERANT
    ),
    "roles/kubernetes-apps/meta/main.yml": """\
dependencies:
  - role: kubernetes-apps/ansible
  - { role: kubernetes-apps/metrics_server, when: metrics_server_enabled }
""",
    "roles/kubernetes-apps/ansible/tasks/main.yml": applying("coredns.yml"),
    "roles/kubernetes-apps/ansible/templates/coredns.yml.j2": manifest("Deployment", "coredns"),
    "roles/kubernetes-apps/metrics_server/tasks/main.yml": applying("metrics.yml"),
    "roles/kubernetes-apps/metrics_server/templates/metrics.yml.j2": manifest(
        "Deployment", "metrics-server"
    ),
}
"""A Kubespray in miniature: the approver's release is waited for before the CCM comes."""

FILES = {path: text.encode() for path, text in TREE.items()}

DROPPED = "- { key: dedicated, operator: Exists, effect: NoSchedule }"
UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a plain directory with the small tree."""
    write_tree(tmp_path / "tree", FILES)
    return tmp_path / "tree"


@pytest.fixture
def vendored(tmp_path: Path) -> Path:
    """Return a repository that holds the small tree in vendor/kubespray."""
    top = tmp_path / "mono"
    write_tree(top / "vendor/kubespray", FILES)
    commit_all(top, init=True)
    return top


def replaced(tree: Path, path: str, old: str, new: str) -> None:
    """Replace a text that stands in a file of the tree exactly once."""
    text = (tree / path).read_text()
    assert text.count(old) == 1
    (tree / path).write_text(text.replace(old, new))


def tolerating(tree: Path) -> None:
    """Let the approver tolerate the taint by default, so that it waits in vain nowhere."""
    replaced(
        tree, f"{APPROVER}/defaults/main.yml", "_values: {}",
        f"_values: {{tolerations: [{{key: {UNINITIALIZED}, operator: Exists}}]}}",
    )  # fmt: skip


def report(*words: str | Path, code: int | None = None) -> dict[str, Any]:
    """Run `check --format json` and return what it prints; the code is told by the findings."""
    result = run("check", *words, "--format", "json")
    assert "Traceback" not in result.err
    assert result.code in ((0, 1) if code is None else (code,)), result.err
    data = json.loads(result.out)
    assert isinstance(data, dict)
    if "--strict" not in words:
        assert result.code == (1 if data["summary"]["error"] else 0)
    return data


def found(data: dict[str, Any], *, notes: bool = False) -> set[tuple[str, str, str]]:
    """Return code, severity and playbook of each finding, without the notes."""
    return {
        (one["code"], one["severity"], one["playbook"] or "")
        for one in data["findings"] if notes or one["severity"] != "note"
    }  # fmt: skip


def one(data: dict[str, Any], code: str) -> dict[str, Any]:
    """Return the only finding with a code."""
    (finding,) = [finding for finding in data["findings"] if finding["code"] == code]
    assert isinstance(finding, dict)
    return finding


def scenario(data: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return value and source of each variable that was assumed."""
    return {row["name"]: (row["value"], row["source"]) for row in data["scenario"]}


CLUSTER_ERROR = ("deadlock-order", "error", "cluster.yml")
REPORTED = {
    CLUSTER_ERROR,
    ("approver-before-dns", "warning", "cluster.yml"),
    ("deadlock-order", "warning", "upgrade-cluster.yml"),
    ("deadlock-order", "error", "recover-control-plane.yml"),
    ("approver-before-dns", "warning", "recover-control-plane.yml"),
}


class TestFindings:
    """The small tree is the reported case, so the other tests have something to print."""

    def test_reported_case(self, tree: Path) -> None:
        data = report(tree)
        assert found(data, notes=True) == REPORTED
        assert data["unread"] == []
        finding = next(f for f in data["findings"] if f["playbook"] == "cluster.yml")
        assert (finding["path"], finding["line"], finding["column"]) == (PLAYBOOK, 6, 7)
        assert finding["blocking"] is True
        assert finding["fixed_by"] == ["approver-after-ccm", "approver-tolerations"]
        assert "cloud_provider=external" in finding["conditions"]
        evidence = {(seen["path"], seen["line"]) for seen in finding["evidence"]}
        assert (PLAYBOOK, 11) in evidence and (f"{APPROVER}/meta/main.yml", 10) in evidence

    def test_every_place_exists(self, tree: Path) -> None:
        data = report(tree)
        places = [*data["findings"], *(e for f in data["findings"] for e in f["evidence"])]
        assert len(places) > 10
        for place in places:
            lines = (tree / place["path"]).read_text().splitlines()
            assert 1 <= place["line"] <= len(lines)
            assert 1 <= place["column"] <= len(lines[place["line"] - 1])

    def test_nothing_is_left_when_it_tolerates(self, tree: Path) -> None:
        tolerating(tree)
        assert {code for code, *_ in found(report(tree, code=0))} == {"approver-before-dns"}

    def test_what_it_says_is_what_patch_cures(self, tree: Path) -> None:
        assert run("patch", tree, "--apply").code == 0
        assert "error" not in {severity for _, severity, _ in found(report(tree, code=0))}

    def test_keys(self, tree: Path) -> None:
        """What docs/json.md documents, no more and no less."""
        data = report(tree)
        assert data.keys() == {
            "schema", "base", "scenario", "playbooks", "findings", "unread", "summary",
        }  # fmt: skip
        assert data["schema"] == "kubespray-patchgen/check/1"
        assert data["base"] == {"name": str(tree), "commit": None}
        place = {"path", "line", "column"}
        for finding in data["findings"]:
            assert finding.keys() == place | {
                "code", "severity", "playbook", "message", "why", "cure", "blocking", "conditions",
                "fixed_by", "with", "references", "evidence",
            }  # fmt: skip
            assert finding["code"] in codes()
            assert all(seen.keys() == place | {"text"} for seen in finding["evidence"])
            assert all(one.startswith("https://") for one in finding["references"])
        assert data["summary"] == {"error": 2, "warning": 3, "note": 0}


def test_line_separators_of_unicode_do_not_break_lines(tree: Path) -> None:
    """Python takes U+2028 for the end of a line, JSON does not."""
    for style in ("json", "sarif"):
        result = run("check", tree, "--set", "dns_mode=a\u2028b\x85c", "--format", style)
        assert "a\u2028b" in json.dumps(json.loads(result.out), ensure_ascii=False)


def test_closed_standard_input(tree: Path) -> None:
    words = [sys.executable, "-m", "generator", "check", str(tree), "-i", "-"]
    done = subprocess.run(["sh", "-c", shlex.join(words) + " <&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and "standard input is closed" in done.stderr


class TestExitCodes:
    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_error_is_1(self, tree: Path, style: str) -> None:
        assert run("check", tree, "--format", style).code == 1

    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_warning_is_0_and_with_strict_1(self, tree: Path, style: str) -> None:
        words = ("check", tree, "-p", "upgrade-cluster", "--format", style)
        assert [run(*words).code, run(*words, "--strict").code] == [0, 1]

    def test_nothing_is_0(self, tree: Path) -> None:
        result = run("check", tree, "-p", "scale", "--strict")
        assert (result.code, result.err) == (0, "")
        assert result.out.endswith(b"running cluster): nothing found.\n\nNothing found.\n")

    def test_note_is_0(self, tree: Path) -> None:
        tolerating(tree)
        bypassing = "_values: {bypassDnsResolution: true, providerRegex: ^node, "
        replaced(tree, f"{APPROVER}/defaults/main.yml", "_values: {", bypassing)
        coming = ("--set", "metrics_server_enabled=true", "-p", "upgrade-cluster")
        replaced(
            tree, UPGRADE,
            "    - { role: kubernetes-apps/external_cloud_controller, tags: "
            "external-cloud-controller }\n    - { role: kubernetes-apps, tags: apps }\n",
            "    - { role: kubernetes-apps, tags: apps }\n"
            "    - { role: kubernetes-apps/external_cloud_controller, tags: ccm }\n",
        )  # fmt: skip
        data = report(tree, *coming, "--set", "nodes=new", "--strict")
        notes = [f for f in data["findings"] if f["severity"] == "note"]
        assert {f["code"] for f in notes} == {"pending"} and len(notes) == 2
        assert {f["severity"] for f in data["findings"]} == {"note"}
        assert run("check", tree, *coming, "--set", "nodes=new", "--strict").code == 0

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--format", "yaml"), "'yaml'"),
            (("--format",), "--format"),
            (("--nothing",), "--nothing"),
            (("--set",), "--set"),
            (("-i",), "-i"),
            (("-p",), "-p"),
            (("--explain",), "--explain"),
            (("extra", "words"), "words"),
            (("--sample", "--release", "v2.24.0"), "name one tree"),
            (("--sample", "--rev", "HEAD"), "name one tree"),
            (("--set", "name"), "--set name: write NAME=VALUE"),
            (("--set", ""), "write NAME=VALUE"),
            (("--set", "=value"), "write NAME=VALUE"),
            (("--set", "my-name=value"), "write NAME=VALUE"),
            (("--set", "my name=value"), "write NAME=VALUE"),
            (("--set", "a.b=value"), "write NAME=VALUE"),
            (("--set", "1a=value"), "write NAME=VALUE"),
            (("--set", "nodes=old"), "nodes is new or initialized"),
            (("--set", "nodes="), "nodes is new or initialized"),
            (("--set", "good=1", "--set", "bad"), "--set bad: write NAME=VALUE"),
        ],
    )  # fmt: skip
    def test_wrong_usage_is_2(self, tree: Path, words: tuple[str, ...], said: str) -> None:
        result = run("check", *words, cwd=tree)
        assert (result.code, result.out) == (2, b"")
        assert said in result.err and "Traceback" not in result.err

    @pytest.mark.parametrize("words", [(), ("--format", "json"), ("--format", "sarif")])
    def test_not_a_tree_is_2(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        result = run("check", tmp_path, *words)
        assert (result.code, result.out) == (2, b"")
        assert "is not a Kubespray tree" in result.err
        assert "there is no such directory" in run("check", tmp_path / "x", *words).err

    def test_interrupted_is_130(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("generator.engine.check.check", interrupted)
        result = run("check", tree)
        assert (result.code, result.out, result.err) == (
            130, b"", "\nkubespray-patchgen: interrupted.\n",
        )  # fmt: skip

    def test_interrupted_while_it_waits_for_an_inventory(self, tree: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", SAYING_WHEN_IT_READS, "check", str(tree), "-i", "-"],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stderr is not None
            assert process.stderr.readline() == b"reading\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, b"", b"\nkubespray-patchgen: interrupted.\n")


SAYING_WHEN_IT_READS = """
import io, os, sys
from generator.cli import main

class Telling(io.FileIO):
    def read(self, size=-1):
        os.write(2, b"reading\\n")
        return super().read(size)

class Stream:
    buffer = Telling(0)

sys.stdin = Stream()
main()
"""
"""Runs the program so that it tells when it begins to read standard input."""


class TestSet:
    def test_beats_everything(self, tree: Path) -> None:
        data = report(tree, "--set", "cloud_provider=")
        assert scenario(data)["cloud_provider"] == ('""', "--set cloud_provider=")
        assert {code for code, *_ in found(data)} == {"approver-before-dns"}

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("x=", '""'), ("x=1", "1"), ("x=a=b=c", "a=b=c"), ("x==", "="), ("x=true", "true"),
            ("x=yes", "true"), ("x=No", "false"), ("x=null", "null"), ("x=[1, a]", "[1, 'a']"),
            ("x={a: 1}", "{'a': 1}"), ("x='1'", "1"), ("x=''", '""'), ("x= a ", "a"),
            ("x=[", "["), ("x=a: b: c", "a: b: c"), ("x={{ kube_network_plugin }}-x", None),
            ("x=#", "#"), ("x=größe", "größe"), ("x=0.5", "0.5"), ("x=*a", "*a"), ("x=%", "%"),
        ],
    )  # fmt: skip
    def test_values(self, tree: Path, text: str, shown: str | None) -> None:
        data = report(tree, "-p", "scale", "--set", text)
        if shown is not None:
            assert scenario(data)["x"] == (shown, f"--set {text}")

    def test_boolean_words_decide(self, tree: Path) -> None:
        for word, errors in (("true", 2), ("yes", 2), ("false", 0), ("no", 0), ("", 0)):
            data = report(tree, "--set", f"kubelet_csr_approver_enabled={word}")
            assert data["summary"]["error"] == errors, word

    def test_template_is_worked_out(self, tree: Path) -> None:
        value = "kubelet_csr_approver_enabled={{ kube_network_plugin == 'calico' }}"
        assert found(report(tree, "--set", value)) == REPORTED
        data = report(tree, "--set", value, "--set", "kube_network_plugin=flannel")
        assert not any(code == "deadlock-order" for code, *_ in found(data))

    def test_mapping_counts(self, tree: Path) -> None:
        values = f"{{tolerations: [{{key: {UNINITIALIZED}, operator: Exists}}]}}"
        data = report(tree, "--set", f"kubelet_csr_approver_values={values}")
        assert data["summary"]["error"] == 0

    def test_last_one_counts(self, tree: Path) -> None:
        words = ("--set", "cloud_provider=", "--set", "cloud_provider=external")
        assert found(report(tree, *words)) == REPORTED

    def test_nodes(self, tree: Path) -> None:
        def severities(nodes: str) -> dict[str, str]:
            data = report(tree, "--set", f"nodes={nodes}")
            assert scenario(data)["nodes"] == (nodes, "--set")
            assert {row["nodes"] for row in data["playbooks"]} == {nodes}
            return {p: s for code, s, p in found(data) if code == "deadlock-order"}

        names = ("cluster.yml", "upgrade-cluster.yml", "recover-control-plane.yml")
        assert severities("new") == dict.fromkeys(names, "error")
        assert set(severities("initialized").values()) <= {"warning"}

    def test_without_nodes_each_playbook_has_its_own(self, tree: Path) -> None:
        assert {row["playbook"]: row["nodes"] for row in report(tree)["playbooks"]} == {
            "cluster.yml": "new", "upgrade-cluster.yml": "initialized",
            "recover-control-plane.yml": "new",
        }  # fmt: skip

    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_misspelled_name_is_told(self, tree: Path, style: str) -> None:
        result = run("check", tree, "--set", "kube_netwrok_plugin=calico", "--format", style)
        assert result.code == 1
        assert result.err == (
            "--set kube_netwrok_plugin: nothing that was checked asks for this variable; is it "
            "misspelled?\n"
        )

    def test_name_that_is_asked_for_is_not_told(self, tree: Path) -> None:
        assert run("check", tree, "--set", "metrics_server_enabled=true").err == ""

    def test_control_characters_stay_harmless(self, tree: Path) -> None:
        result = run("check", tree, "--set", "cloud_provider=\x1b[31mred\n\x07")
        assert result.code in (0, 1)
        for text in (result.out.decode(), result.err):
            assert all(char.isprintable() or char == "\n" for char in text)


HOSTS = """\
all:
  hosts:
    node1: {}
    node2: {}
  children:
    kube_control_plane: { hosts: { node1: {} } }
    kube_node: { hosts: { node2: {} } }
    etcd: { hosts: { node1: {} } }
    k8s_cluster: { children: { kube_control_plane: {}, kube_node: {} } }
"""

INI = """\
[kube_control_plane]
node1
[kube_node]
node2
[etcd]
node1
[k8s_cluster:children]
kube_control_plane
kube_node
"""

GROUP_VARS = """\
# Ours.
cloud_provider: external
external_cloud_provider: vsphere
kubelet_rotate_server_certificates: true
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Return the folder of an inventory in YAML that describes the reported case."""
    folder = tmp_path / "inventory"
    write_tree(folder, {"hosts.yml": HOSTS.encode(), "group_vars/all.yml": GROUP_VARS.encode()})
    return folder


def listed(variables: dict[str, Any]) -> bytes:
    """Return what `ansible-inventory --list` prints for two hosts with some variables."""
    names = ("kube_control_plane", "kube_node")
    return json.dumps(
        {
            "_meta": {"hostvars": {"node1": variables, "node2": variables}},
            "all": {"children": ["ungrouped", "k8s_cluster", "etcd"]},
            "k8s_cluster": {"children": list(names)},
            "kube_control_plane": {"hosts": ["node1"]},
            "kube_node": {"hosts": ["node2"]},
            "etcd": {"hosts": ["node1"]},
        }
    ).encode()


CLOUD = {
    "cloud_provider": "external", "external_cloud_provider": "vsphere",
    "kubelet_rotate_server_certificates": True,
}  # fmt: skip


def piped(data: bytes, *words: str | Path) -> Result:
    """Run `check` with data on standard input, in a process of its own."""
    done = subprocess.run(
        command("check", *words), input=data, capture_output=True, env=environment(), timeout=60
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


class TestInventory:
    def test_takes_the_place_of_the_reported_case(self, tree: Path, inventory: Path) -> None:
        (inventory / "group_vars/all.yml").write_text("dns_mode: coredns\n")
        data = report(tree, "-i", inventory / "hosts.yml")
        assert found(data) == set()
        assert scenario(data)["cloud_provider"] == ("undefined", "nobody sets it")
        assert scenario(data)["kubelet_rotate_server_certificates"][0] == "false"

    @pytest.mark.parametrize("named", ["hosts.yml", "", "hosts.ini", "hosts"])
    def test_files(self, tree: Path, inventory: Path, named: str) -> None:
        if named in ("hosts.ini", "hosts"):
            (inventory / "hosts.yml").unlink()
            (inventory / named).write_text(INI)
        data = report(tree, "-i", inventory / named)
        assert found(data) == REPORTED
        where = f"{inventory}/group_vars/all.yml:2"
        assert scenario(data)["cloud_provider"] == ("external", where)

    def test_set_beats_it(self, tree: Path, inventory: Path) -> None:
        data = report(tree, "-i", inventory / "hosts.yml", "--set", "cloud_provider=")
        assert scenario(data)["cloud_provider"] == ('""', "--set cloud_provider=")
        assert not any(code == "deadlock-order" for code, *_ in found(data))

    def test_relative_path(self, tree: Path, inventory: Path) -> None:
        result = run("check", "../tree", "-i", "hosts.yml", "--format", "json", cwd=inventory)
        data = json.loads(result.out)
        assert scenario(data)["cloud_provider"] == ("external", "group_vars/all.yml:2")

    def test_host_vars_beat_group_vars(self, tree: Path, inventory: Path) -> None:
        write_tree(inventory, {"host_vars/node1.yml": b"external_cloud_provider: manual\n"})
        data = report(tree, "-i", inventory / "hosts.yml")
        assert ("deadlock-unprovided", "error", "cluster.yml") in found(data)
        where = f"{inventory}/host_vars/node1.yml:1"
        assert scenario(data)["external_cloud_provider"] == ("manual", where)

    def test_another_host_does_not_count(self, tree: Path, inventory: Path) -> None:
        write_tree(inventory, {"host_vars/node2.yml": b"external_cloud_provider: manual\n"})
        assert found(report(tree, "-i", inventory / "hosts.yml")) == REPORTED

    def test_listing_on_standard_input(self, tree: Path) -> None:
        result = piped(listed(CLOUD), tree, "-i", "-", "--format", "json")
        data = json.loads(result.out)
        assert result.code == 1 and found(data) == REPORTED
        assert scenario(data)["cloud_provider"][0] == "external"
        result = piped(listed({}), tree, "-i", "-", "--format", "json")
        assert result.code == 0 and found(json.loads(result.out)) == set()

    def test_listing_in_a_file(self, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "listing.json").write_bytes(listed(CLOUD))
        assert found(report(tree, "-i", tmp_path / "listing.json")) == REPORTED

    @pytest.mark.parametrize(
        "data",
        [b"", b"{", b"[]", b'"text"', b"null", b"{}", b"\xff", b"all:\n  hosts: {}\n", b"\0",
         b"[" * 100_000, b'{"_meta": 5}', b'{"all": {"hosts": ["a"]}, "all": 5}'],
    )  # fmt: skip
    def test_no_listing(self, tree: Path, data: bytes) -> None:
        result = piped(data, tree, "-i", "-")
        assert "Traceback" not in result.err
        if result.code != 0:
            assert (result.code, result.out) == (2, b"")
            assert "standard input" in result.err

    @pytest.mark.parametrize(
        "text",
        ["!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n", "!unsafe '{{ x }}'\n"],
    )
    def test_values_that_nobody_knows(self, tree: Path, inventory: Path, text: str) -> None:
        with (inventory / "group_vars/all.yml").open("a") as stream:
            stream.write(f"secret: {text}kube_network_plugin: {text}")
        result = run("check", tree, "-i", inventory / "hosts.yml")
        assert result.code in (0, 1) and b"6162" not in result.out and "6162" not in result.err

    def test_vault_decides_a_condition(self, tree: Path, inventory: Path) -> None:
        """What cannot be known may hold: it is listed under the conditions."""
        path = inventory / "group_vars/all.yml"
        path.write_text(path.read_text().replace("vsphere", "!vault |\n  $ANSIBLE_VAULT;1.1\n  61"))
        data = report(tree, "-i", inventory / "hosts.yml")
        finding = next(f for f in data["findings"] if f["code"].startswith("deadlock"))
        assert any("external_cloud_provider" in words for words in finding["conditions"])
        assert scenario(data)["external_cloud_provider"][0] == "unknown"

    def test_whole_file_in_a_vault(self, tree: Path, inventory: Path) -> None:
        secret = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"
        write_tree(inventory, {"group_vars/k8s_cluster.yml": secret})
        result = run("check", tree, "-i", inventory / "hosts.yml", "--format", "json")
        assert result.code == 1
        assert f"{inventory}/group_vars/k8s_cluster.yml" in result.err
        assert [left["path"] for left in json.loads(result.out)["unread"]] == [
            f"{inventory}/group_vars/k8s_cluster.yml"
        ]

    def test_program_is_not_run(self, tree: Path, tmp_path: Path) -> None:
        script = tmp_path / "hosts"
        script.write_text(f"#!/bin/sh\ntouch {tmp_path}/marker\necho '{{}}'\n")
        script.chmod(0o755)
        result = run("check", tree, "-i", script)
        assert (result.code, result.out) == (2, b"")
        assert "this is a program" in result.err and "-i -" in result.err
        assert not (tmp_path / "marker").exists()

    @pytest.mark.parametrize("name", ["nothing.yml", "", "no\nsuch\x1b[31m"])
    def test_there_is_none(self, tree: Path, tmp_path: Path, name: str) -> None:
        named = str(tmp_path / name) if name else ""
        result = run("check", tree, "-i", named)
        assert (result.code, result.out) == (2, b"")
        assert "inventory" in result.err and result.err.count("\n") == 1

    def test_one_of_the_tree_itself(self, tree: Path) -> None:
        """-i is a path for the user's directory, not for the tree's."""
        write_tree(tree / "inventory/x", {"hosts.yml": HOSTS.encode()})
        assert run("check", tree, "-i", "inventory/x/hosts.yml").code == 2
        assert run("check", ".", "-i", "inventory/x/hosts.yml", cwd=tree).code == 0

    def test_order_of_options_does_not_matter(self, tree: Path, inventory: Path) -> None:
        words = ["-i", str(inventory / "hosts.yml"), "--set", "nodes=new", "-p", "cluster"]
        assert run("check", tree, *words).out == run("check", *words, tree).out


FINDINGS: dict[str, tuple[str, str, str]] = {
    "no-ccm": (
        GROUP_VARS.replace("vsphere", "nimbus"), ":3", "Set external_cloud_provider to one of",
    ),
    "approver-off": (
        GROUP_VARS + "kubelet_csr_approver_enabled: false\n", ":5",
        "Set kubelet_csr_approver_enabled: true",
    ),
    "values-drop-toleration": (
        f"{GROUP_VARS}\nkubelet_csr_approver_values:\n  tolerations:\n  {DROPPED}\n", ":6",
        f"{{key: {UNINITIALIZED}, operator: Exists, effect: NoSchedule}}",
    ),
    "toleration-ineffective": (
        f"{GROUP_VARS}kubelet_csr_approver_values:\n  tolerations:\n"
        f"    - {{key: {UNINITIALIZED}, operator: Equal, effect: NoSchedule}}\n", ":5",
        f"{{key: {UNINITIALIZED}, operator: Exists, effect: NoSchedule}}",
    ),
    "provider-regex-missing": (
        f"{GROUP_VARS}kubelet_csr_approver_values: {{bypassDnsResolution: true}}\n", ":5",
        "Set providerRegex in kubelet_csr_approver_values",
    ),
    "no-network-plugin": (
        f"{GROUP_VARS}kube_network_plugin: nimbus\n", ":5", "Set kube_network_plugin to one",
    ),
    "approver-without-dns": (
        f"{GROUP_VARS}dns_mode: none\n", ":5", "Let CoreDNS be deployed",
    ),
}  # fmt: skip
"""Codes, with variables that bring each, the line to look at, and the advice."""


class TestInventoryFindings:
    @pytest.mark.parametrize("code", FINDINGS)
    def test_says_what_to_write_where(self, tree: Path, inventory: Path, code: str) -> None:
        text, line, advice = FINDINGS[code]
        path = inventory / "group_vars/all.yml"
        path.write_text(text)
        if code == "approver-without-dns":
            replaced(tree, "roles/kubernetes-apps/meta/main.yml",
                     "role: kubernetes-apps/ansible",
                     "{role: kubernetes-apps/ansible, when: dns_mode == 'coredns'}")  # fmt: skip
        data = report(tree, "-i", inventory / "hosts.yml")
        finding = one(data, code)
        assert f"{finding['path']}:{finding['line']}" == f"{path}{line}"
        assert finding["playbook"] is None and advice in finding["cure"]
        assert finding["severity"] == codes()[code].severity
        assert finding["conditions"]
        said = run("check", tree, "-i", inventory / "hosts.yml").out.decode()
        assert f"at {path}{line}\n" in said and f"[{code}]" in said

    @pytest.mark.parametrize("code", FINDINGS)
    def test_not_without_cause(self, tree: Path, inventory: Path, code: str) -> None:
        data = report(tree, "-i", inventory / "hosts.yml")
        assert code not in {code for code, *_ in found(data, notes=True)}

    @pytest.mark.parametrize("code", FINDINGS)
    def test_on_the_command_line(self, tree: Path, code: str) -> None:
        """The same by --set: then the option is the place, or the tree's own default."""
        text = FINDINGS[code][0].removeprefix(GROUP_VARS)
        if code in ("no-ccm", "values-drop-toleration", "toleration-ineffective",
                    "approver-without-dns"):  # fmt: skip
            return
        name, _, value = text.strip().partition(": ")
        data = report(tree, "--set", f"{name}={value}")
        assert FINDINGS[code][2] in one(data, code)["cure"]


class TestPlaybooks:
    def names(self, *words: str | Path) -> list[str]:
        return [row["playbook"] for row in report(*words)["playbooks"]]

    def test_those_that_deploy(self, tree: Path) -> None:
        assert self.names(tree) == [
            "cluster.yml", "upgrade-cluster.yml", "recover-control-plane.yml",
        ]  # fmt: skip

    def test_of_those_only_what_there_is(self, tree: Path) -> None:
        (tree / "recover-control-plane.yml").unlink()
        (tree / "playbooks/recover_control_plane.yml").unlink()
        (tree / "upgrade-cluster.yml").unlink()
        assert self.names(tree) == ["cluster.yml", UPGRADE]

    @pytest.mark.parametrize(
        ("named", "path"),
        [
            ("cluster", "cluster.yml"), ("cluster.yml", "cluster.yml"), (PLAYBOOK, PLAYBOOK),
            ("upgrade_cluster", "upgrade-cluster.yml"), ("upgrade-cluster", "upgrade-cluster.yml"),
            ("scale", "scale.yml"), (UPGRADE, UPGRADE),
        ],
    )  # fmt: skip
    def test_one(self, tree: Path, named: str, path: str) -> None:
        assert self.names(tree, "-p", named) == [path]

    def test_several_in_their_order(self, tree: Path) -> None:
        assert self.names(tree, "-p", "scale", "-p", "cluster") == ["scale.yml", "cluster.yml"]

    def test_all(self, tree: Path) -> None:
        names = self.names(tree, "-p", "all")
        assert {"cluster.yml", "scale.yml", "upgrade-cluster.yml"} <= set(names)
        assert names == self.names(tree, "-p", "scale", "-p", "all")

    @pytest.mark.parametrize("name", ["nothing", "", "/etc/passwd", "roles", "a\x1b[31m\nb"])
    def test_unknown(self, tree: Path, name: str) -> None:
        result = run("check", tree, "-p", name)
        assert (result.code, result.out) == (2, b"")
        assert "has no playbook" in result.err and "it has cluster.yml" in result.err
        assert "\x1b" not in result.err and result.err.count("\n") == 1

    def test_no_playbook(self, tree: Path) -> None:
        result = run("check", tree, "-p", DEFAULTS)
        assert (result.code, result.out) == (2, b"")
        assert f"{DEFAULTS}:1" in result.err


class TestFormats:
    @pytest.mark.parametrize("style", ["json", "sarif"])
    def test_json(self, tree: Path, style: str) -> None:
        result = run("check", tree, "--format", style)
        assert isinstance(json.loads(result.out), dict)
        assert result.out.endswith(b"}\n") and result.err == ""

    def test_sarif(self, tree: Path) -> None:
        data = json.loads(run("check", tree, "--format", "sarif").out)
        assert data["version"] == "2.1.0"
        (of_run,) = data["runs"]
        assert len(of_run["results"]) == len(report(tree)["findings"])
        rules = {rule["id"] for rule in of_run["tool"]["driver"]["rules"]}
        assert {result["ruleId"] for result in of_run["results"]} <= rules

    def test_github(self, tree: Path) -> None:
        lines = run("check", tree, "--format", "github").out.decode().splitlines()
        assert [line.split(" ")[0] for line in lines] == ["::error"] * 2 + ["::warning"] * 3
        assert all(f"file={PLAYBOOK}" in line or f"file={UPGRADE}" in line for line in lines)

    def test_text(self, tree: Path) -> None:
        result = run("check", tree)
        text = result.out.decode()
        assert text.startswith(f"Checked {tree}\n\nAssumed\n") and result.err == ""
        assert f"at {PLAYBOOK}:6\n" in text and "[deadlock-order]" in text
        assert text.endswith("\n2 errors, 3 warnings.\n")
        assert text.index("error: ") < text.index("warning: ")

    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_talk_is_not_among_the_data(self, tree: Path, style: str) -> None:
        with (tree / PLAYBOOK).open("a") as stream:
            stream.write("    - { role: nothing-such }\n")
        words = ("check", tree, "--set", "misspelled=1", "--format", style)
        result = run(*words)
        said = result.err.splitlines()
        assert len(said) == 2 and "'nothing-such'" in said[0] and "misspelled" in said[1]
        assert f"{PLAYBOOK}:13" in said[0]
        # What could not be read is data, too; that a name is perhaps misspelled is none.
        assert b"nothing-such" in result.out and b"is it misspelled" not in result.out

    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_same_input_same_bytes(self, tree: Path, inventory: Path, style: str) -> None:
        words = ("check", tree, "-i", inventory, "-p", "all", "--format", style)
        first = run(*words).out
        assert first and first == run(*words).out
        for seed in ("1", "2"):
            assert start(*words, PYTHONHASHSEED=seed, LC_ALL="C", TZ="Asia/Tokyo").out == first

    def test_order_of_the_files_on_disk_does_not_matter(self, tree: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        write_tree(other, dict(sorted(FILES.items(), reverse=True)))
        first, second = (run("check", ".", cwd=top).out for top in (tree, other))
        assert first == second.replace(bytes(other), bytes(tree))


class TestExplain:
    @pytest.mark.parametrize("code", codes())
    def test_every_code(self, code: str) -> None:
        result = run("check", "--explain", code)
        assert (result.code, result.err) == (0, "")
        text = result.out.decode()
        known = codes()[code]
        assert text.startswith(f"{code} ({known.severity}): ")
        assert all(reference in text for reference in known.references)
        assert all(len(line) <= 96 or "https://" in line for line in text.splitlines()[1:])

    @pytest.mark.parametrize("code", ["nothing", "", "DEADLOCK-ORDER", "a\x1b[31mb\n"])
    def test_unknown(self, code: str) -> None:
        result = run("check", "--explain", code)
        assert (result.code, result.out) == (2, b"")
        assert "there is no code" in result.err and "deadlock-order, " in result.err
        assert result.err.count("\n") == 1 and "\x1b" not in result.err

    def test_needs_no_tree(self, tmp_path: Path) -> None:
        assert run("check", "--explain", "pending", cwd=tmp_path).code == 0

    def test_every_code_that_is_found(self, tree: Path) -> None:
        for code in {code for code, *_ in found(report(tree))}:
            assert run("check", "--explain", code).code == 0


class TestTrees:
    """What may be named as TREE; paths are relative to the tree."""

    def paths(self, *words: str | Path) -> set[str]:
        data = report(*words)
        seen = {seen["path"] for f in data["findings"] for seen in f["evidence"]}
        return {f["path"] for f in data["findings"]} | seen

    @pytest.fixture
    def expected(self, tree: Path) -> set[str]:
        paths = self.paths(tree)
        assert {PLAYBOOK, UPGRADE} <= paths
        return paths

    def test_current_directory(self, tree: Path, expected: set[str]) -> None:
        result = run("check", "--format", "json", cwd=tree)
        assert {f["path"] for f in json.loads(result.out)["findings"]} <= expected

    def test_work_tree(self, vendored: Path, expected: set[str]) -> None:
        assert self.paths(vendored / "vendor/kubespray") == expected

    def test_work_tree_and_not_what_is_committed(self, vendored: Path) -> None:
        tree = vendored / "vendor/kubespray"
        tolerating(tree)
        assert report(tree)["summary"]["error"] == 0
        data = report(tree, "--rev", "HEAD")
        assert data["summary"]["error"] == 2
        assert data["base"]["commit"] == git(vendored, "rev-parse", "HEAD")

    def test_bare(self, tree: Path, tmp_path: Path, expected: set[str]) -> None:
        commit_all(tree, init=True)
        bare = clone(tree, tmp_path / "bare.git", "--bare")
        assert self.paths(bare, "--rev", "main") == expected
        result = run("check", bare)
        assert (result.code, result.out) == (2, b"") and "--rev" in result.err

    def test_bare_with_a_folder(self, vendored: Path, tmp_path: Path, expected: set[str]) -> None:
        bare = clone(vendored, tmp_path / "bare.git", "--bare")
        assert self.paths(bare, "--rev", "main:vendor/kubespray") == expected

    def test_sample(self) -> None:
        data = report("--sample", "-p", "cluster")
        assert CLUSTER_ERROR in found(data) and data["unread"] == []

    def test_unknown_revision(self, vendored: Path) -> None:
        result = run("check", vendored / "vendor/kubespray", "--rev", "nothing")
        assert (result.code, result.out) == (2, b"") and "nothing" in result.err

    @pytest.mark.parametrize("style", ["json", "sarif", "github"])
    def test_relative_to_repo(self, vendored: Path, style: str) -> None:
        tree = vendored / "vendor/kubespray"
        words = ("check", tree, "--format", style)
        plain, moved = run(*words).out, run(*words, "--relative-to-repo").out
        assert b"vendor/kubespray/playbooks/cluster.yml" in moved
        if style == "json":
            data = json.loads(moved)
            for finding in data["findings"]:
                for place in (finding, *finding["evidence"]):
                    assert (vendored / place["path"]).is_file(), place
            assert {f["playbook"] for f in data["findings"]} == {
                f["playbook"] for f in json.loads(plain)["findings"]
            }
        elif style == "sarif":
            uris = {
                place["physicalLocation"]["artifactLocation"]["uri"]
                for result in json.loads(moved)["runs"][0]["results"]
                for place in result["locations"]
            }
            assert uris and all((vendored / uri).is_file() for uri in uris)
        else:
            files = re.findall(rb"file=([^,]+),", moved)
            assert files and all((vendored / name.decode()).is_file() for name in files)

    def test_relative_to_repo_in_a_revision(self, vendored: Path) -> None:
        data = report(vendored / "vendor/kubespray", "--rev", "HEAD", "--relative-to-repo")
        assert all(f["path"].startswith("vendor/kubespray/") for f in data["findings"])

    def test_relative_to_repo_at_its_top(self, tree: Path) -> None:
        commit_all(tree, init=True)
        words = ("check", tree, "--format", "json")
        assert run(*words).out == run(*words, "--relative-to-repo").out

    def test_relative_to_repo_keeps_an_inventorys_paths(
        self, vendored: Path, inventory: Path
    ) -> None:
        (inventory / "group_vars/all.yml").write_text(FINDINGS["no-ccm"][0])
        words = (vendored / "vendor/kubespray", "-i", inventory / "hosts.yml")
        finding = one(report(*words, "--relative-to-repo"), "no-ccm")
        assert finding["path"] == str(inventory / "group_vars/all.yml")

    def test_nothing_is_written(self, vendored: Path, inventory: Path, tmp_path: Path) -> None:
        tree = vendored / "vendor/kubespray"
        (tree / DEFAULTS).touch()  # So that git would like to refresh its index.
        before = listing(tmp_path)
        for style in ("text", "json", "sarif", "github"):
            run("check", tree, "-p", "all", "--format", style)
            run("check", tree, "--rev", "HEAD", "-i", inventory, "--relative-to-repo")
        assert listing(tmp_path) == before

    def test_read_only_process(self, tree: Path) -> None:
        """No home and no folder for a cache: a plain directory needs neither."""
        result = start("check", tree, HOME="/nowhere", XDG_CACHE_HOME="/nowhere")
        assert result.code == 1 and result.out == run("check", tree).out


class TestOutput:
    def test_reader_is_gone(self, tree: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                command("check", tree), stdout=writer, stderr=subprocess.PIPE, env=environment(),
                timeout=60,
            )  # fmt: skip
        finally:
            os.close(writer)
        assert (done.returncode, done.stderr) == (0, b"")

    def test_head(self, tree: Path) -> None:
        words = " ".join(command("check", tree, "-p", "all", "--format", "json"))
        done = subprocess.run(
            ["bash", "-c", f"{words} | head -c 10"], capture_output=True, env=environment(),
            timeout=60,
        )  # fmt: skip
        assert (done.stdout, done.stderr) == (b'{\n  "schem', b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_disk_is_full(self, tree: Path) -> None:
        """Then code 1 would say that the report had been written."""
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command("check", tree), stdout=full, stderr=subprocess.PIPE, env=environment(),
                timeout=60,
            )  # fmt: skip
        assert done.returncode == 2 and b"Traceback" not in done.stderr
        assert b"No space left on device" in done.stderr

    def test_any_encoding_of_the_terminal(self, tree: Path) -> None:
        replaced(tree, PLAYBOOK, "tags: network }", "tags: network, when: größe is defined }")
        for encoding in ("ascii", "latin-1", "utf-8"):
            result = start("check", tree, PYTHONIOENCODING=encoding)
            assert result.code == 1 and "Traceback" not in result.err


HOSTILE = "ev\x1b[31m\n::error::il"


class TestHostileNames:
    """Texts of a tree reach a terminal, or GitHub's log, as harmless as any others."""

    @pytest.fixture
    def hostile(self, tree: Path) -> Path:
        """Return the tree with names that speak to terminals wherever it has names."""
        quoted = json.dumps(HOSTILE)
        role = f"roles/{HOSTILE}"
        wait = f"""\
- ansible.builtin.include_tasks: {json.dumps(HOSTILE + ".yml")}
- name: {quoted}
  ansible.builtin.command: "kubectl -n kube-system rollout status deployment/coredns --timeout=1m"
  when: {json.dumps("some_fact == '" + HOSTILE.replace(chr(10), " ") + "'")}
"""
        write_tree(tree, {
            f"{role}/tasks/main.yml": wait.encode(),
            f"{role}/defaults/main.yml": f"metrics_server_enabled: {quoted}\n".encode(),
        })  # fmt: skip
        replaced(tree, PLAYBOOK, "kubernetes-apps, tags: apps }",
                 f"kubernetes-apps, tags: apps }}\n    - {{ role: {quoted} }}\n"
                 f"    - {{ role: {json.dumps('gone' + HOSTILE)} }}")  # fmt: skip
        return tree

    @pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
    def test_are_written_out(self, hostile: Path, style: str) -> None:
        words = ("check", hostile, "--format", style, "--set", f"kube_network_plugin={HOSTILE}")
        result = run(*words)
        assert result.code in (0, 1) and "gone" in result.err
        for text in (result.out.decode(), result.err):
            assert "\x1b" not in text and all(c.isprintable() or c == "\n" for c in text)
        commands = {"github": ("::error file=", "::warning ", "::notice file=")}.get(style, ())
        for line in (result.out.decode() + result.err).splitlines():
            assert not line.lstrip().startswith("::") or line.startswith(commands)
        if style in ("json", "sarif"):
            json.loads(result.out)

    def test_json_tells_them_as_they_are(self, hostile: Path) -> None:
        data = report(hostile)
        assert any(HOSTILE in left["path"] or HOSTILE in left["message"] for left in data["unread"])

    def test_name_of_the_tree(self, tree: Path, tmp_path: Path) -> None:
        tree.rename(tmp_path / HOSTILE.replace("/", ""))
        result = run("check", tmp_path / HOSTILE)
        assert result.code == 1
        assert all(c.isprintable() or c == "\n" for c in result.out.decode())


GOLDEN = Path(__file__).parent.parent / "golden"

SHOWN: dict[str, tuple[str, ...]] = {
    "check-sample": ("--sample",),
    "check-sample-manual": ("--sample", "-p", "cluster", "--set", "external_cloud_provider=manual"),
    "check-sample-new-nodes": ("--sample", "-p", "upgrade_cluster", "--set", "nodes=new"),
    "check-sample-github": ("--sample", "--format", "github"),
    "check-sample-json": ("--sample", "-p", "cluster", "--format", "json"),
    "check-sample-scale": ("--sample", "-p", "scale"),
    **{f"explain-{code}": ("--explain", code) for code in codes()},
}
"""Golden files and the words that make them; UPDATE_GOLDEN=1 renews them."""


class TestGolden:
    @pytest.mark.parametrize("name", SHOWN)
    def test_golden(self, name: str) -> None:
        result = run("check", *SHOWN[name])
        assert result.code in (0, 1) and result.err == ""
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_bytes(result.out)
        assert result.out.decode() == path.read_text(encoding="utf-8")

    def test_none_is_left_over(self) -> None:
        found = {path.stem for pattern in ("check-sample*", "explain-*")
                 for path in GOLDEN.glob(pattern)}  # fmt: skip
        assert found == set(SHOWN)

    @pytest.mark.parametrize("name", [name for name in SHOWN if "json" not in name])
    def test_lines(self, name: str) -> None:
        text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
        assert text.isascii() and text.endswith("\n") and not text.endswith("\n\n")
        assert not any(line != line.rstrip() for line in text.splitlines())


def test_fast_enough(tree: Path) -> None:
    """A tree this small is a matter of a moment: nothing heavy is done that it does not need."""
    before = time.process_time()
    assert run("check", tree).code == 1
    assert time.process_time() - before < 2


@pytest.fixture(autouse=True)
def _no_surprise(recwarn: pytest.WarningsRecorder) -> Iterator[None]:
    yield
    assert [str(warning.message) for warning in recwarn] == []
