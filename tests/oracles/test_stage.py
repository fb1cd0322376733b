"""The playbook form of `stage`, really run by Ansible, with roles that only say their names.

The runbook is made for a small tree of Kubespray's shape; then every role's tasks are replaced by
one that writes the role's name to a log, and kubectl by a stand-in. So the order in which Ansible
runs the roles of the three stages can be read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from unit.trees import kubespray_like

from oracles import ansible

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
CCM = "kubernetes-apps/external_cloud_controller/vsphere"

INVENTORY = """\
node1 ansible_connection=local ansible_python_interpreter={python}
[kube_control_plane]
node1
[etcd]
node1
[kube_node]
node1
[k8s_cluster:children]
kube_control_plane
kube_node
[all:vars]
cloud_provider=external
external_cloud_provider=vsphere
kubelet_rotate_server_certificates=True
bin_dir={bin_dir}
"""

PINS = ("v2.22.2", "v2.24.3", "v2.31.0", "newest")
"""Releases whose Ansible is asked: the oldest, the reported one's, the last one's; and a newer."""

HELM = """\
dependencies:
  - role: kubernetes-apps/helm
"""


@dataclass(frozen=True)
class Site:
    """A tree with its runbook, an inventory, a log, and what kubectl shall answer."""

    top: Path
    bin_dir: Path
    playbook: Path

    def answer(self, text: str) -> None:
        (self.top / "nodes").write_text(text)

    def run(self, *words: str) -> tuple[int, str, list[str]]:
        """Run Ansible; return its exit code, what it said, and the log."""
        (self.top / "log").write_text("")
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        done = subprocess.run(
            [str(self.bin_dir / "ansible-playbook"), "-i", "../hosts", str(self.playbook), *words],
            cwd=self.top / "tree",
            env=kept
            | {
                "PATH": f"{self.bin_dir}:{os.environ['PATH']}",
                "HOME": str(self.top),
                "LC_ALL": "C.UTF-8",
                "STAGE_LOG": str(self.top / "log"),
                "ANSIBLE_NOCOLOR": "true",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        log = (self.top / "log").read_text().splitlines()
        return done.returncode, done.stdout + done.stderr, log


@pytest.fixture(params=PINS)
def site(request: pytest.FixtureRequest, ansible_pins: Mapping[str, str], tmp_path: Path) -> Site:
    pin = ansible.NEWEST if request.param == "newest" else ansible_pins.get(request.param)
    bin_dir = ansible.ansible_for(pin) if pin else None
    if pin is None or bin_dir is None:
        pytest.skip(ansible.why_not(pin) if pin else f"the repository has no {request.param}")
    tree = tmp_path / "tree"
    _write(tree)
    playbook = tmp_path / "run books" / "stage.yml"
    program = [sys.executable, "-m", "generator", "stage", str(tree), "--format", "playbook"]
    options = ["-o", str(playbook), "--timeout", "1", "--interval", "1"]
    subprocess.run([*program, *options], check=True, capture_output=True)
    for role in sorted(path.parent for path in tree.glob("roles/**/*.yml")):
        if role.name not in ("tasks", "meta"):
            continue
        name = role.parent.relative_to(tree / "roles").as_posix()
        say = {"name": "Log", "ansible.builtin.shell": f'echo "{name}" >> "$STAGE_LOG"'}
        (role.parent / "tasks").mkdir(exist_ok=True)
        (role.parent / "tasks/main.yml").write_text(json.dumps([say]))
    (tmp_path / "hosts").write_text(INVENTORY.format(python=sys.executable, bin_dir=tmp_path))
    kubectl = f'#!/bin/sh\necho kubectl >> "$STAGE_LOG"\ncat "{tmp_path / "nodes"}"\n'
    (tmp_path / "kubectl").write_text(kubectl)
    (tmp_path / "kubectl").chmod(0o755)
    return Site(tmp_path, bin_dir, playbook)


def _write(top: Path) -> None:
    files = kubespray_like() | {
        "ansible.cfg": "[defaults]\nroles_path = roles\ngathering = explicit\n",
        "roles/helm-apps/meta/main.yml": HELM,
        "roles/kubernetes-apps/helm/tasks/main.yml": "- debug:\n",
    }
    for path, data in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(data)


def test_the_stages(site: Site) -> None:
    site.answer("node1   True   <none>\n")
    code, said, log = site.run()
    assert code == 0, said
    assert log.count("helm-apps") == 1 and log.count(CCM) == 1
    waited = log.index("kubectl")
    assert log.index(CCM) < waited
    behind = [role for role in log[waited:] if role != "kubectl"]
    wanted = ["kubernetes-apps/helm", "helm-apps", "kubernetes-apps/kubelet-csr-approver"]
    assert behind == wanted
    assert "kubernetes-apps/helm" not in log[:waited]


def test_a_node_that_is_not_initialised(site: Site) -> None:
    site.answer(f"node1   True   <none>\nnode2   True   other,{TAINT}\nnode3 False {TAINT}\n")
    code, said, log = site.run("--tags", "stage-2,stage-3")
    assert code != 0 and log.count("kubectl") >= 2
    words = " ".join(said.split())
    assert "After 1 seconds these nodes are not initialised: node2, node3." in words
    assert "daemonset/vsphere-ccm" in words
    assert "helm-apps" not in log and CCM not in log
    site.answer("node1   True   <none>\n")
    code, said, log = site.run("--tags", "stage-3")
    assert code == 0, said
    assert "helm-apps" in log and "kubectl" not in log and CCM not in log


def test_the_whole_playbook_would_run_it_first(site: Site) -> None:
    """The stand-ins show the order: without stages the approver comes before the CCM."""
    site.answer("")
    whole = Site(site.top, site.bin_dir, site.top / "tree" / "cluster.yml")
    code, said, log = whole.run()
    assert code == 0, said
    assert log.index("helm-apps") < log.index(CCM)
    code, said, log = whole.run("--skip-tags", "kubelet-csr-approver")
    assert code == 0 and "helm-apps" not in log and CCM in log
    code, said, log = whole.run("--tags", "kubelet-csr-approver")
    wanted = ["kubernetes-apps/helm", "helm-apps", "kubernetes-apps/kubelet-csr-approver"]
    assert code == 0 and log == wanted
