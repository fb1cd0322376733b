"""A cluster that kubectl can ask for its nodes, and Kubespray's role that waits for it.

The API server is a stand-in with a script: each list of nodes is the next answer of it, the last
one is given for ever. The tree is one of our own in the shape of Kubespray's.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doctor import server

from generator.engine.choice import Choice, choose
from generator.engine.patch import load_patches
from generator.engine.series import plan
from generator.model.kubespray import Kubespray
from generator.resources import resource_dir
from generator.tree.memory import MemoryTree

ID = "wait-for-node-initialization"
ROLE = "kubernetes-apps/external_cloud_controller"
KEY = "node.cloudprovider.kubernetes.io/uninitialized"
TAINT = {"key": KEY, "value": "true", "effect": "NoSchedule"}
OTHER = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

FIRST = "inventory_hostname == groups['kube_control_plane'][0]"

Answer = int | bytes | list[dict[str, Any]]
"""What the API server says: a status, a body, or nodes."""

_DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "nodes", "singularName": "node", "namespaced": False, "kind": "Node",
             "verbs": ["get", "list"]},
        ],
    },
}  # fmt: skip


def node(name: str, *taints: Mapping[str, str]) -> dict[str, Any]:
    """A node with these taints."""
    spec = {"taints": list(taints)} if taints else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec}


@dataclass
class Cluster:
    """The script of an API server's answers; `asked` counts the lists of nodes so far."""

    script: list[Answer]
    asked: int = 0
    port: int = 0
    methods: set[str] = field(default_factory=set)

    def answer(self, method: str, target: str) -> tuple[int, bytes]:
        """Status and body for a request."""
        self.methods.add(method)
        path = target.partition("?")[0]
        if path in _DISCOVERY:
            return 200, json.dumps(_DISCOVERY[path]).encode()
        if path != "/api/v1/nodes":
            return 404, b"{}"
        said = self.script[min(self.asked, len(self.script) - 1)]
        self.asked += 1
        if isinstance(said, int):
            text = "the server is currently unable to handle the request"
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                      "message": text, "code": said}  # fmt: skip
            return said, json.dumps(status).encode()
        if isinstance(said, bytes):
            return 200, said
        return 200, json.dumps({"kind": "NodeList", "apiVersion": "v1", "items": said}).encode()


@contextmanager
def serving(*script: Answer) -> Iterator[Cluster]:
    """Serve a cluster on a port of its own."""
    with server.serving(Cluster(list(script))) as cluster:
        yield cluster


def tree(guarded: bool = True) -> dict[str, bytes]:
    """A tree with two cloud controller managers; without guards as later releases write it."""
    guard = ["cloud_provider is defined", "external_cloud_provider is defined"] if guarded else []
    dependencies = [
        {
            "role": f"{ROLE}/{name}",
            "when": [*guard, 'cloud_provider == "external"', f'external_cloud_provider == "{name}"',
                     FIRST],
            "tags": ["external-cloud-controller", f"external-{name}"],
        }
        for name in ("vsphere", "hcloud")
    ]  # fmt: skip
    files: dict[str, Any] = {f"roles/{ROLE}/meta/main.yml": {"dependencies": dependencies}}
    for name in ("vsphere", "hcloud"):
        task = {"name": f"Put in {name}", "ansible.builtin.debug": {"msg": "kubectl apply"}}
        files[f"roles/{ROLE}/{name}/tasks/main.yml"] = [task]
    files["playbooks/cluster.yml"] = [_play()]
    return {path: json.dumps(data, indent=2).encode() for path, data in files.items()}


def _play(number: int = 0, variables: Mapping[str, object] | None = None) -> dict[str, object]:
    """The play that uses the role, as in Kubespray; its last task has a name of its own."""
    last = f"Go on {number}" if number else "Go on"
    return {
        "name": f"Install Kubernetes apps {number}",
        "hosts": "kube_control_plane",
        "gather_facts": False,
        "any_errors_fatal": "{{ any_errors_fatal | default(true) }}",
        "vars": dict(variables or {}),
        "roles": [{"role": ROLE, "tags": "external-cloud-controller"}],
        "post_tasks": [{"name": last, "ansible.builtin.debug": {"msg": "on"}, "tags": "always"}],
    }


def with_plays(top: Path, cases: Sequence[Mapping[str, object]]) -> None:
    """Let the playbook of a tree use the role in several plays, with these variables."""
    plays = [_play(number, variables) for number, variables in enumerate(cases, start=1)]
    (top / "playbooks/cluster.yml").write_text(json.dumps(plays), encoding="utf-8")


def patched(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a tree with the patch applied."""
    chosen = choose(load_patches([resource_dir("patches")]), Choice(only=(ID,)))
    series = plan(Kubespray(MemoryTree(dict(files), "the tree")), chosen)
    return {**files, **{change.path: change.after or b"" for change in series.files}}


def lay(files: Mapping[str, bytes], top: Path) -> Path:
    """Write files below a directory."""
    for path, data in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
    return top


@dataclass(frozen=True)
class Played:
    """What a run of ansible-playbook gave: its exit code, and by task name what each host said."""

    code: int
    tasks: Mapping[str, Mapping[str, dict[str, Any]]]
    output: str

    def message(self, host: str = "node1") -> str:
        """Return the message of the last task, among those that failed, on a host."""
        failed = [
            hosts[host] for hosts in self.tasks.values()
            if host in hosts and hosts[host].get("failed")
        ]  # fmt: skip
        return str(failed[-1]["msg"]) if failed else ""

    def ran(self, name: str) -> list[str]:
        """Return the hosts on which a task was not skipped."""
        said = self.tasks.get(name, {})
        return [host for host, result in said.items() if not result.get("skipped")]


def play(
    bin_dir: Path,
    top: Path,
    cluster: Cluster | None,
    kubectl: Path | None,
    *arguments: str,
    **variables: object,
) -> Played:
    """Run the tree's playbook against a cluster; without `kubectl` there is none on the machine."""
    machine = top / "machine"
    for folder in ("bin", "etc", "home"):
        (machine / folder).mkdir(parents=True, exist_ok=True)
    if kubectl is not None and not (machine / "bin/kubectl").exists():
        (machine / "bin/kubectl").symlink_to(kubectl)
    server = f"http://127.0.0.1:{cluster.port if cluster else 9}"
    (machine / "etc/admin.conf").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }))  # fmt: skip
    hosts = "\n".join(f"node{number} ansible_connection=local" for number in (1, 2, 3))
    interpreter = "ansible_python_interpreter={{ ansible_playbook_python }}"
    (machine / "inventory").write_text(
        f"[kube_control_plane]\n{hosts}\n\n[all:vars]\n{interpreter}\n"
    )
    (machine / "ansible.cfg").write_text(f"[defaults]\nroles_path = {top / 'roles'}\n")
    given = {
        "bin_dir": str(machine / "bin"),
        "kube_config_dir": str(machine / "etc"),
        "kube_network_plugin": "calico",
        "cloud_provider": "external",
        "external_cloud_provider": "vsphere",
        "external_cloud_controller_wait_timeout": 2,
        "external_cloud_controller_wait_interval": 1,
        **variables,
    }
    extra = json.dumps({name: value for name, value in given.items() if value is not None})
    done = subprocess.run(
        [bin_dir / "ansible-playbook", "-i", machine / "inventory", "--extra-vars", extra,
         *arguments, top / "playbooks/cluster.yml"],
        cwd=machine, env=_environment(bin_dir, machine), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    if "{" not in done.stdout:
        raise AssertionError(f"Ansible ran nothing:\n{done.stdout}\n{done.stderr}")
    data = json.loads(done.stdout[done.stdout.index("{") :])
    tasks: dict[str, dict[str, Any]] = {}
    for task in (task for each in data["plays"] for task in each["tasks"]):
        said = tasks.setdefault(task["task"]["name"].rpartition(" : ")[2], {})
        for host, result in task["hosts"].items():
            # Of several plays the one counts in which the host was not skipped.
            if not result.get("skipped") or host not in said:
                said[host] = result
    return Played(done.returncode, tasks, done.stdout)


def _environment(bin_dir: Path, machine: Path) -> dict[str, str]:
    return {
        "ANSIBLE_CONFIG": str(machine / "ansible.cfg"),
        "ANSIBLE_HOME": str(machine / "home"),
        "ANSIBLE_LOCAL_TEMP": str(machine / "home/tmp"),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "HOME": str(machine / "home"),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join((str(bin_dir), os.environ.get("PATH", os.defpath))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
