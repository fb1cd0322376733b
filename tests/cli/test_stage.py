"""`stage`: its forms, and the script really run against stand-ins for Ansible and kubectl."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.conftest import CLUSTER, META, Result, listing, run, write_tree
from cli.test_golden import GOLDEN, shown

TAG = "kubelet-csr-approver"
TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
USE = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"

OWN = ("--set", "external_cloud_provider=manual", "--own-ccm")
NO_CLOUD = (
    "--set", "cloud_provider=", "--set", "external_cloud_provider=",
    "--set", "kube_network_plugin=flannel",
)  # fmt: skip

SHOWN: dict[str, tuple[str, ...]] = {
    "stage-sample": (),
    "stage-sample-sh": ("--format", "sh"),
    "stage-sample-playbook": ("--format", "playbook"),
    "stage-sample-json": ("--format", "json"),
    "stage-sample-own-ccm": OWN,
    "stage-sample-needless": ("--set", "kubelet_rotate_server_certificates=false"),
}


@pytest.mark.parametrize(("name", "words"), SHOWN.items(), ids=SHOWN.keys())
def test_golden(name: str, words: tuple[str, ...]) -> None:
    result = run("stage", "--sample", *words)
    assert result.code == 0, result.err
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown(result), encoding="utf-8")
    assert shown(result) == path.read_text(encoding="utf-8")


def changed(plain: Path, path: str, before: bytes, after: bytes) -> None:
    data = (plain / path).read_bytes()
    assert data.count(before) == 1
    (plain / path).write_bytes(data.replace(before, after))


def refused(*words: str | Path, code: int = 3) -> str:
    result = run("stage", *words)
    assert (result.code, result.out) == (code, b"")
    # The small trees of these tests lack roles, which is told first.
    *others, last = result.err.splitlines()
    assert last.startswith("kubespray-patchgen: ")
    assert all(line.endswith("the tree has no such role.") for line in others), others
    return last


class TestWhetherItHelps:
    @pytest.mark.parametrize("style", ["text", "sh", "playbook"])
    def test_nothing_to_stage(self, style: str) -> None:
        off = ("--set", "kubelet_csr_approver_enabled=false")
        result = run("stage", "--sample", *off, "--format", style)
        assert (result.code, result.out) == (0, b"")
        assert result.err.startswith("Nothing to stage: cluster.yml installs no ")

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            (("--set", "nodes=initialized"), "starts from nodes that are initialised already"),
            (("-p", "scale"), "does not run kubelet-csr-approver"),
            (("--set", "cloud_provider=", "--set", "external_cloud_provider="), "does not block"),
        ],
    )
    def test_reasons(self, words: tuple[str, ...], reason: str) -> None:
        result = run("stage", "--sample", *words)
        assert (result.code, result.out) == (0, b"")
        assert reason in result.err and result.err.startswith("Nothing to stage: ")

    def test_nothing_is_written_then(self, tmp_path: Path) -> None:
        result = run("stage", "--sample", "-p", "scale", "--format", "sh", "-o", tmp_path / "s")
        assert result.code == 0 and list(tmp_path.iterdir()) == []

    def test_nobody_takes_the_taint_off(self) -> None:
        text = refused("--sample", "--set", "external_cloud_provider=manual")
        assert "--own-ccm" in text and "--only approver-tolerations" in text

    def test_no_network(self) -> None:
        text = refused("--sample", "--set", "kube_network_plugin=cni")
        assert "network plugin" in text and "kubelet_csr_approver_enabled=false" in text

    @pytest.mark.parametrize("words", [(), ("--set", "nodes=new")])
    def test_upgrade(self, words: tuple[str, ...]) -> None:
        text = refused("--sample", "-p", "upgrade-cluster", *words)
        assert "rotation" in text and "approver-tolerations" in text

    def test_what_blocks_besides(self) -> None:
        cni = ("kube_network_plugin=custom_cni", "custom_cni_chart_release_name=mine")
        words = [word for one in (*cni, "custom_cni_chart_ref=a/b") for word in ("--set", one)]
        text = refused("--sample", *words)
        assert "does not cure" in text and "Helm release mine is waited for" in text

    def test_other_errors_are_told_where_there_is_nothing_to_stage(self) -> None:
        cni = ("kube_network_plugin=custom_cni", "custom_cni_chart_release_name=mine")
        off = ("custom_cni_chart_ref=a/b", "kubelet_csr_approver_enabled=false")
        words = [word for one in (*cni, *off) for word in ("--set", one)]
        result = run("stage", "--sample", *words)
        assert (result.code, result.out) == (0, b"")
        assert "Helm release mine is waited for" in result.err

    def test_patched_tree(self, repo: Path) -> None:
        assert run("patch", repo, "--apply").code == 0
        result = run("stage", repo)
        assert (result.code, result.out) == (0, b"") and "does not block" in result.err


class TestTag:
    def test_a_role_that_cannot_be_read(self, plain: Path) -> None:
        """What hides the deadlock must not pass for "nothing to stage"."""
        (plain / "roles/kubernetes-apps/kubelet-csr-approver/meta/main.yml").write_text("a: [\n")
        result = run("stage", plain)
        assert (result.code, result.out) == (2, b"")
        assert "nothing can be said of the approver's order" in result.err.splitlines()[-1]

    def test_of_a_fork(self, plain: Path) -> None:
        changed(plain, CLUSTER, USE, USE.replace(b"tags: kubelet", b"tags: our own-kubelet"))
        out = run("stage", plain).out.decode()
        assert "--skip-tags 'our own-kubelet-csr-approver'\n" in out
        assert "--tags 'our own-kubelet-csr-approver'\n" in out

    def test_none(self, plain: Path) -> None:
        changed(plain, CLUSTER, USE, USE.replace(b", tags: kubelet-csr-approver", b""))
        assert f"{CLUSTER}:52: the role" in refused(plain)

    def test_shared(self, plain: Path) -> None:
        changed(plain, CLUSTER, USE, USE.replace(b"tags: kubelet-csr-approver", b"tags: network"))
        text = refused(plain)
        assert "'network'" in text and "left out of stage 1, too" in text

    def test_the_better_one_of_two(self, plain: Path) -> None:
        changed(plain, CLUSTER, USE, USE.replace(b"tags: kub", b"tags: [network, kub")
                .replace(b"approver }", b"approver] }"))  # fmt: skip
        assert f"--skip-tags {TAG}\n" in run("stage", plain).out.decode()

    def test_a_task_elsewhere_has_it(self, plain: Path) -> None:
        tasks = plain / "roles/kubernetes-apps/helm/tasks/main.yml"
        other = plain / "roles/kubernetes-apps/ansible/tasks/main.yml"
        assert tasks.exists()
        other.write_bytes(other.read_bytes() + b"\n- name: Mine\n  debug:\n  tags: [a, %s]\n"
                          % TAG.encode())  # fmt: skip
        assert "the task 'Mine'" in refused(plain)


class TestForms:
    def test_tree_and_inventory(self, plain: Path, tmp_path: Path) -> None:
        inventory = tmp_path / "it's mine" / "hosts.yml"
        inventory.parent.mkdir()
        inventory.write_text(
            "all: {children: {kube_control_plane: {hosts: {n1: }}, k8s_cluster: {children: "
            "{kube_control_plane: }}}, vars: {cloud_provider: external, external_cloud_provider: "
            "vsphere, kubelet_rotate_server_certificates: true}}\n"
        )
        out = run("stage", plain, "-i", inventory).out.decode()
        assert f"  cd {plain}\n" in out
        assert f"ansible-playbook -i {shlex.quote(str(inventory))} cluster.yml --skip" in out
        data = json.loads(run("stage", plain, "-i", inventory, "--format", "json").out)
        assert data["stages"][0]["command"][:3] == ["ansible-playbook", "-i", str(inventory)]

    def test_a_listing_is_no_inventory_for_ansible(self, plain: Path, tmp_path: Path) -> None:
        variables = {
            "cloud_provider": "external", "external_cloud_provider": "vsphere",
            "kubelet_rotate_server_certificates": True,
        }  # fmt: skip
        listed = {
            "_meta": {"hostvars": {"n1": variables}},
            "kube_control_plane": {"hosts": ["n1"]},
            "k8s_cluster": {"hosts": ["n1"]},
        }
        (tmp_path / "listing.json").write_text(json.dumps(listed))
        out = run("stage", plain, "-i", tmp_path / "listing.json").out.decode()
        assert "ansible-playbook -i INVENTORY cluster.yml" in out

    def test_json(self) -> None:
        data = json.loads(run("stage", "--sample", "--format", "json").out)
        assert data["schema"] == "kubespray-patchgen/stage/1"
        assert data["needed"] is True and data["tag"] == TAG
        assert [stage["number"] for stage in data["stages"]] == [1, 2, 3]
        assert data["stages"][1]["taint"] == TAINT

    def test_json_of_nothing(self) -> None:
        result = run("stage", "--sample", "--format", "json", "-p", "scale")
        data = json.loads(result.out)
        assert (data["needed"], data["stages"]) == (False, []) and data["reason"]

    def test_playbook_beside_the_tree(self, plain: Path, tmp_path: Path) -> None:
        target = tmp_path / "out" / "stage.yml"
        result = run("stage", plain, "--format", "playbook", "-o", target)
        assert result.code == 0, result.err
        plays = YAML(typ="safe").load(target.read_text())
        assert plays[0]["ansible.builtin.import_playbook"] == "../plain/cluster.yml"
        assert plays[0]["vars"] == {"kubelet_csr_approver_enabled": False}
        assert [play.get("tags") for play in plays] == [["stage-1"], ["stage-2"], ["stage-3"]]
        assert plays[2]["hosts"] == "k8s_cluster"
        assert plays[2]["roles"][-1] == {"role": "kubernetes-apps/kubelet-csr-approver"}

    def test_absolute(self, plain: Path) -> None:
        result = run("stage", plain, "--format", "playbook", "--absolute")
        plays = YAML(typ="safe").load(result.out.decode())
        assert plays[0]["ansible.builtin.import_playbook"] == str(plain / "cluster.yml")

    def test_a_path_that_ansible_would_cut(self, plain: Path) -> None:
        other = plain.rename(plain.parent / "my kubespray")
        assert "--format sh" in refused(other, "--format", "playbook", "--absolute")

    def test_playbook_of_a_revision_has_no_place(self, tmp_path: Path) -> None:
        refused("--sample", "--format", "playbook", "--absolute", code=2)
        refused("--sample", "--format", "playbook", "-o", tmp_path / "x.yml", code=2)

    def test_the_switch_is_given(self) -> None:
        on = ("--set", "kubelet_csr_approver_enabled=true")
        assert "--format sh" in refused("--sample", "--format", "playbook", *on)

    def test_a_tree_without_the_switch(self, plain: Path) -> None:
        changed(plain, META, b"      - kubelet_csr_approver_enabled\n", b"")
        assert run("stage", plain, "--format", "sh").code == 0
        assert "does not turn the approver off" in refused(plain, "--format", "playbook")

    def test_a_play_with_more(self, plain: Path) -> None:
        named = b"- name: Join the nodes and give them a network\n"
        changed(plain, CLUSTER, named, named + b"  handlers: [{name: h, debug: }]\n")
        assert "'handlers'" in refused(plain, "--format", "playbook")

    def test_waits_for_ready_nodes(self, plain: Path) -> None:
        """Without a cloud there is no taint: the approver waits for the network."""
        flannel = b"      when: kube_network_plugin == 'flannel'\n"
        meta = b"dependencies:\n    - role: kubernetes-apps/network_plugin/flannel\n" + flannel
        role = plain / "roles/kubernetes-apps/network_plugin"
        (role / "meta/main.yml").write_bytes(meta)
        (role / "flannel/tasks").mkdir(parents=True)
        (role / "flannel/templates").mkdir()
        (role / "flannel/tasks/main.yml").write_text(
            "- template: {src: f.yml.j2, dest: /etc/f.yml}\n"
            "- kube: {filename: /etc/f.yml, state: latest}\n"
        )
        (role / "flannel/templates/f.yml.j2").write_text(
            "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: f, namespace: kube-system}\n"
            "spec: {template: {spec: {hostNetwork: true, tolerations: [{operator: Exists}], "
            "containers: []}}}\n"
        )
        result = run("stage", plain, *NO_CLOUD)
        assert "2. Wait until every node is ready\n" in result.out.decode(), result.err
        script = run("stage", plain, *NO_CLOUD, "--format", "sh").out.decode()
        assert '[ "$ready" = True ]' in script

    def test_nothing_is_changed(self, plain: Path) -> None:
        before = listing(plain)
        for style in ("text", "sh", "playbook", "json"):
            assert run("stage", plain, "--format", style).code == 0
        assert listing(plain) == before

    def test_same_bytes_twice(self, plain: Path) -> None:
        one, two = (run("stage", plain, "--format", "sh") for _ in range(2))
        assert one.out == two.out


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ("--absolute",),
            ("-p", "all"),
            ("--timeout", "0"),
            ("--interval", "x"),
            ("-o", ""),
            ("--format", "html"),
        ],
    )
    def test_wrong(self, words: tuple[str, ...]) -> None:
        result = run("stage", "--sample", *words)
        assert (result.code, result.out) == (2, b"") and "Traceback" not in result.err

    def test_no_such_playbook(self) -> None:
        assert "no playbook 'deploy'" in refused("--sample", "-p", "deploy", code=2)

    def test_no_kubespray(self, tmp_path: Path) -> None:
        refused(tmp_path, code=2)

    def test_a_directory_in_the_way(self, tmp_path: Path) -> None:
        refused("--sample", "--format", "sh", "-o", tmp_path, code=2)


ODD: Mapping[str, bytes] = {
    "crlf": USE.replace(b"\n", b"\r\n"),
    "anchor": USE.replace(b"tags: kubelet-csr-approver", b"tags: &t [kubelet-csr-approver]"),
    "text with commas": USE.replace(b"tags: kubelet-csr-approver", b'tags: "a, kubelet"'),
}


class TestOddTrees:
    @pytest.mark.parametrize("entry", ODD.values(), ids=ODD.keys())
    def test_still_works(self, plain: Path, entry: bytes) -> None:
        changed(plain, CLUSTER, USE, entry)
        result = run("stage", plain)
        assert result.code == 0 and b"--skip-tags kubelet" in result.out, result.err

    def test_crlf_everywhere(self, plain: Path, files: Mapping[str, bytes]) -> None:
        write_tree(plain, {path: data.replace(b"\n", b"\r\n") for path, data in files.items()})
        assert b"--skip-tags kubelet-csr-approver" in run("stage", plain).out

    @pytest.mark.parametrize(
        "tags", [b"tags: {a: b}", b"tags: [[x]]", b'tags: "{{ x }}"', b"tags: -x", b"tags: always"]
    )
    def test_odd_tags(self, plain: Path, tags: bytes) -> None:
        changed(plain, CLUSTER, USE, USE.replace(b"tags: kubelet-csr-approver", tags))
        result = run("stage", plain)
        assert result.code in (0, 2, 3) and "Traceback" not in result.err
        if tags != b"tags: [[x]]" and tags != b"tags: {a: b}":
            assert result.code == 3, result.out

    def test_unreadable_task_file(self, plain: Path) -> None:
        """What is left out could be selected."""
        path = plain / "roles/kubernetes-apps/ansible/tasks/main.yml"
        path.write_bytes(b"- debug:\n  tags: [\n")
        result = run("stage", plain)
        assert result.code == 2 and "roles/kubernetes-apps/ansible/tasks/main.yml" in result.err

    def test_not_utf8(self, plain: Path) -> None:
        path = plain / "roles/kubernetes-apps/ansible/tasks/main.yml"
        path.write_bytes(b"- name: \xff\n  debug:\n  tags: x\n")
        result = run("stage", plain)
        assert result.code == 2 and "Traceback" not in result.err

    def test_a_ring_of_aliases(self, plain: Path) -> None:
        (plain / "roles/kubernetes-apps/ansible/tasks/main.yml").write_text(
            "- &a {name: a, tags: x, block: [*a, *a]}\n"
        )
        result = run("stage", plain)
        assert result.code in (0, 2) and "Traceback" not in result.err

    def test_a_name_of_many_lines(self, plain: Path) -> None:
        """The tree's name stands in a comment of the script: it must not end it."""
        other = plain.rename(plain.parent / "a\ntouch pwned; b'\"$(touch pwned)")
        result = run("stage", other, "--format", "sh", "-o", other.parent / "s.sh")
        assert result.code == 0
        done = subprocess.run(
            ["bash", str(other.parent / "s.sh"), "--help"], cwd=other.parent, capture_output=True
        )
        assert done.returncode == 0 and not (other.parent / "pwned").exists()


# The script, run.

ANSIBLE = """\
#!{python}
import os, signal, sys, time
from pathlib import Path
log = Path(os.environ["STUB"]) / "log"
with log.open("a") as stream:
    stream.write(repr((os.getcwd(), sys.argv[1:])) + "\\n")
stage = "1" if "--skip-tags" in sys.argv else "3"
hang = Path(os.environ["STUB"]) / f"hang{{stage}}"
if hang.exists():
    hang.unlink()
    (hang.parent / "hanging").touch()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    time.sleep(30)
fail = Path(os.environ["STUB"]) / f"fail{{stage}}"
sys.exit(int(fail.read_text()) if fail.exists() else 0)
"""

KUBECTL = """\
#!{python}
import os, sys
from pathlib import Path
stub = Path(os.environ["STUB"])
with (stub / "asked").open("a") as stream:
    stream.write(repr(sys.argv[1:]) + "\\n")
answers = sorted((stub / "nodes").iterdir())
answer = answers[0]
if len(answers) > 1:
    answer.rename(stub / "gone")
    answer = stub / "gone"
text = answer.read_text()
if text.startswith("fail"):
    sys.exit("The connection to the server was refused")
print("Warning: something is old", file=sys.stderr)
print(text, end="")
"""

GOOD = "n1   True   <none>\nn2   True   node-role.kubernetes.io/control-plane\n"
BAD = f"n1   True   <none>\nn2   False   other,{TAINT},more\nn3   False   {TAINT}\n"


@dataclass
class Stubs:
    """A script in a folder with stand-ins for Ansible and kubectl."""

    top: Path
    tree: Path
    script: Path

    def nodes(self, *answers: str) -> None:
        """What kubectl answers, the last one again and again."""
        folder = self.top / "nodes"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, answer in enumerate(answers):
            (folder / f"{number:03}").write_text(answer)

    def environment(self) -> dict[str, str]:
        path = f"{self.top / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "STUB": str(self.top)}

    def run(self, *words: str, timeout: int = 30) -> Result:
        done = subprocess.run(
            ["bash", str(self.script), *words], cwd=self.top, env=self.environment(),
            capture_output=True, timeout=timeout,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr.decode())

    def runs(self) -> list[list[str]]:
        """The arguments of each run of Ansible; all ran at the top of the tree."""
        log = self.top / "log"
        found: list[Any] = (
            [eval(line) for line in log.read_text().splitlines()] if log.exists() else []
        )
        assert all(Path(cwd) == self.tree for cwd, _ in found)
        return [words for _, words in found]

    def stages(self) -> list[str]:
        return ["1" if "--skip-tags" in words else "3" for words in self.runs()]


@pytest.fixture
def stubs(plain: Path, tmp_path: Path) -> Stubs:
    return made(plain, tmp_path)


def made(plain: Path, tmp_path: Path, *words: str) -> Stubs:
    tree = plain.rename(tmp_path / "it's a tree")
    script = tmp_path / "stage.sh"
    result = run("stage", tree, "--format", "sh", "-o", script, "--interval", "1", *words)
    assert result.code == 0, result.err
    assert os.access(script, os.X_OK)
    (tmp_path / "bin").mkdir()
    for name, text in (("ansible-playbook", ANSIBLE), ("kubectl", KUBECTL)):
        (tmp_path / "bin" / name).write_text(text.format(python=sys.executable))
        (tmp_path / "bin" / name).chmod(0o755)
    found = Stubs(tmp_path, tree, script)
    found.nodes(GOOD)
    return found


class TestScript:
    def test_happy(self, stubs: Stubs) -> None:
        done = stubs.run("-i", "my hosts.ini", "--become", "-e", "a='b c' $x")
        assert (done.code, done.out) == (0, b""), done.err
        playbook = str(stubs.tree / "cluster.yml")
        extra = ["-i", "my hosts.ini", "--become", "-e", "a='b c' $x"]
        assert stubs.runs() == [
            [*extra, "--skip-tags", TAG, playbook],
            [*extra, "--tags", TAG, playbook],
        ]
        assert "all 2 nodes are initialised" in done.err and "all stages are done" in done.err

    def test_what_kubectl_is_asked(self, stubs: Stubs) -> None:
        assert stubs.run().code == 0
        (words,) = map(eval, (stubs.top / "asked").read_text().splitlines())
        assert words[:4] == ["--request-timeout=30s", "get", "nodes", "--no-headers"]
        assert words[5].startswith("custom-columns=NAME:.metadata.name,READY:")

    def test_inventory_of_the_runbook(self, plain: Path, tmp_path: Path) -> None:
        inventory = tmp_path / 'the "inventory" & more.ini'
        inventory.write_text(
            "[kube_control_plane]\nn1\n[k8s_cluster:children]\nkube_control_plane\n"
            "[all:vars]\ncloud_provider=external\nexternal_cloud_provider=vsphere\n"
            "kubelet_rotate_server_certificates=true\n"
        )
        stubs = made(plain, tmp_path, "-i", str(inventory))
        assert stubs.run().code == 0
        assert [words[:2] for words in stubs.runs()] == [["-i", str(inventory)]] * 2

    def test_waits(self, stubs: Stubs) -> None:
        stubs.nodes("fail", "", BAD, GOOD)
        done = stubs.run()
        assert done.code == 0 and stubs.stages() == ["1", "3"]
        assert "waiting for nodes, 3 in all: n2 n3" in done.err
        assert "n1" not in done.err.split("in all:")[2].split("\n")[0]

    def test_a_taint_that_only_looks_alike(self, stubs: Stubs) -> None:
        stubs.nodes(f"n1 True {TAINT}-not,x{TAINT}\n")
        assert stubs.run().code == 0

    @pytest.mark.parametrize("stage", ["1", "3"])
    def test_failing_stage_and_going_on(self, stubs: Stubs, stage: str) -> None:
        (stubs.top / f"fail{stage}").write_text("4")
        done = stubs.run("-v")
        assert (
            done.code == 4 and f"stage {stage} failed (ansible-playbook ended with 4)" in done.err
        )
        (stubs.top / f"fail{stage}").unlink()
        asked = len((stubs.top / "asked").read_text().splitlines()) if stage == "3" else 0
        done = stubs.run("-v")
        assert done.code == 0
        assert stubs.stages() == (["1", "1", "3"] if stage == "1" else ["1", "3", "3"])
        if stage == "3":
            assert len((stubs.top / "asked").read_text().splitlines()) == asked

    def test_done_already(self, stubs: Stubs) -> None:
        assert stubs.run().code == 0
        done = stubs.run()
        assert done.code == 0 and stubs.stages() == ["1", "3"]
        assert done.err.count("is done already") == 3

    def test_time_out(self, stubs: Stubs) -> None:
        stubs.nodes(BAD)
        done = stubs.run("--wait-timeout", "1")
        assert done.code == 1 and stubs.stages() == ["1"]
        assert "after 1 seconds these nodes are not initialised: n2 n3" in done.err
        assert "daemonset/vsphere-cloud-controller-manager" in done.err
        stubs.nodes(GOOD)
        assert stubs.run("--wait-timeout", "1").code == 0 and stubs.stages() == ["1", "3"]

    def test_time_out_without_nodes(self, stubs: Stubs) -> None:
        stubs.nodes("")
        done = stubs.run("--wait-timeout", "0")
        assert done.code == 1 and "the cluster has no node" in done.err

    def test_no_kubeconfig(self, stubs: Stubs) -> None:
        stubs.nodes("fail")
        done = stubs.run("--wait-timeout", "0")
        assert done.code == 1 and "set KUBECONFIG" in done.err
        assert "The connection to the server was refused" in done.err

    def test_from(self, stubs: Stubs) -> None:
        assert stubs.run("--from", "3").code == 0
        assert stubs.stages() == ["3"] and not (stubs.top / "asked").exists()
        assert stubs.run("--from", "1").code == 0
        assert stubs.stages() == ["3", "1", "3"]
        assert stubs.run("--from", "2").code == 0
        assert stubs.stages() == ["3", "1", "3", "3"]

    def test_other_arguments(self, stubs: Stubs) -> None:
        assert stubs.run("-i", "one").code == 0
        done = stubs.run("-i", "two")
        assert done.code == 2 and "other arguments" in done.err
        assert stubs.run("--from", "1", "-i", "two").code == 0

    @pytest.mark.parametrize(
        "words",
        [
            ("--from", "4"), ("--from",), ("--from", ""), ("--wait-timeout", "x"),
            ("--wait-interval", "0"), ("--wait-interval", "-1"), ("--tree", "/nowhere"),
            ("--tags", "x"), ("-t", "x"), ("-tx",), ("--skip-tags=x",), ("-e", "a=b", "--check"),
            ("--list-tasks",), ("--syntax-check",), ("--start-at-task", "x"),
        ],
    )  # fmt: skip
    def test_wrong_usage(self, stubs: Stubs, words: tuple[str, ...]) -> None:
        done = stubs.run(*words)
        assert done.code == 2 and done.err.startswith("stage: ") and stubs.runs() == []

    def test_state_that_cannot_be_written(self, stubs: Stubs) -> None:
        done = stubs.run("--state", "/nowhere/at/all")
        assert done.code == 2 and "cannot be written" in done.err and stubs.runs() == []

    def test_state_of_its_own(self, stubs: Stubs) -> None:
        assert stubs.run("--state", "my state").code == 0
        assert (stubs.top / "my state").read_text().endswith("stage 3 done\n")

    def test_the_state_holds_no_secrets(self, stubs: Stubs) -> None:
        assert stubs.run("--state", "state", "-e", "password=hunter2").code == 0
        assert "hunter2" not in (stubs.top / "state").read_text()

    @pytest.mark.parametrize("missing", ["ansible-playbook", "kubectl"])
    def test_missing_programs(self, stubs: Stubs, missing: str) -> None:
        (stubs.top / "bin" / missing).unlink()
        tools = stubs.top / "tools"
        tools.mkdir()
        for name in ("bash", "grep", "cat", "sleep", "cksum"):
            (tools / name).symlink_to(shutil.which(name) or "")
        environment = {**stubs.environment(), "PATH": f"{stubs.top / 'bin'}:{tools}"}
        done = subprocess.run(
            ["bash", str(stubs.script)], cwd=stubs.top, env=environment, capture_output=True
        )
        assert done.returncode == 2 and f"{missing} is not found" in done.stderr.decode()
        assert stubs.runs() == []

    def test_help(self, stubs: Stubs) -> None:
        done = stubs.run("--help")
        assert done.code == 0 and b"--from N" in done.out and stubs.runs() == []

    def test_two_dashes(self, stubs: Stubs) -> None:
        assert stubs.run("--", "--from", "1").code == 0
        assert stubs.runs()[0][:2] == ["--from", "1"]

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted_while_waiting(self, stubs: Stubs, number: int, code: int) -> None:
        stubs.nodes(BAD)
        process = self._started(stubs)
        self._until(stubs.top / "asked")
        time.sleep(0.3)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=10)
        assert process.returncode == code and b"interrupted in stage 2" in err
        stubs.nodes(GOOD)
        assert stubs.run().code == 0 and stubs.stages() == ["1", "3"]

    def test_interrupted_in_ansible(self, stubs: Stubs) -> None:
        (stubs.top / "hang1").touch()
        process = self._started(stubs)
        self._until(stubs.top / "hanging")
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 130 and b"interrupted in stage 1" in err
        assert stubs.run().code == 0 and stubs.stages() == ["1", "1", "3"]

    def _started(self, stubs: Stubs) -> subprocess.Popen[bytes]:
        # Non-interactive shells ignore SIGINT in what they start in the background; this is not.
        return subprocess.Popen(
            ["bash", str(stubs.script)], cwd=stubs.top, env=stubs.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def _until(self, path: Path) -> None:
        end = time.monotonic() + 10
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert path.exists()

    def test_own_ccm(self, plain: Path, tmp_path: Path) -> None:
        stubs = made(plain, tmp_path, *OWN)
        done = stubs.run()
        assert done.code == 0 and "install your own cloud controller manager now" in done.err


@pytest.mark.parametrize("words", [(), OWN])
def test_shellcheck(words: tuple[str, ...], tmp_path: Path) -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed")
    script = tmp_path / "stage.sh"
    assert run("stage", "--sample", "--format", "sh", "-o", script, *words).code == 0
    done = subprocess.run([program, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


DOC = (Path(__file__).parents[2] / "docs/stages.md").read_text("utf-8")


def test_commands_of_the_doc(plain: Path, tmp_path: Path) -> None:
    from cli.test_forks_doc import commands, run_all

    plain.rename(tmp_path / "kubespray")
    (tmp_path / "inventory/prod").mkdir(parents=True)
    (tmp_path / "inventory/prod/hosts.yml").write_text(
        "kube_control_plane: {hosts: {n1: {cloud_provider: external, external_cloud_provider: "
        "vsphere, kubelet_rotate_server_certificates: true}}}\n"
    )
    printed = run_all(commands(DOC), tmp_path)
    assert "1. Deploy everything but the approver" in printed
    assert (tmp_path / "stage.sh").exists() and (tmp_path / "kubespray/stage.yml").exists()


def test_codes_of_the_doc() -> None:
    rows = [row.split(" | ") for row in DOC.splitlines() if row.startswith("| ")][2:]
    assert {row[2].strip(" |") for row in rows} == {"0", "3"}
    assert all(("refused" in row[1]) == (row[2].strip(" |") == "3") for row in rows)
