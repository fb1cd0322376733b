"""The values of variables, and of conditions, against those that Ansible itself gives a role.

The plays of a release's own cluster.yml are run by the Ansible that it pins, with everything taken
away that does something: the roles keep their defaults, vars and dependencies, and their tasks are
ours, which print. Where the program says that it does not know, nothing is compared.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oracles import ansible, checkout
from ruamel.yaml import YAML

from generator.model.expression import condition
from generator.model.flatten import Following
from generator.model.scenario import Scenario, Setting, reported
from generator.model.step import TaskRun
from generator.model.task import ROLE
from generator.model.value import OpenMapping, Undefined, Unknown, Value
from generator.model.variables import Files, Memory, Scope, naming
from generator.text.document import Place

from . import Release

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

ASKED = ("v2.24.0", "v2.27.1", "v2.31.0")

SECONDS = 300


ROLES = (
    "kubernetes/control-plane",
    "kubernetes/node",
    "network_plugin/calico",
    "kubernetes-apps/external_cloud_controller/vsphere",
    "kubernetes-apps/kubelet-csr-approver",
    "kubernetes-apps/metallb",
    "kubernetes-apps/ansible",
    "kubernetes-apps/helm",
    "helm-apps",
)
"""The roles that print."""

VARIABLES = """
bin_dir kubectl kube_config_dir kube_cert_dir kube_network_plugin dns_mode deploy_coredns
kubelet_csr_approver_enabled kubelet_csr_approver_values kubelet_rotate_server_certificates
kubelet_rotate_certificates helm_enabled metallb_enabled metallb_namespace metallb_speaker_enabled
metallb_config metallb_version coredns_manifests coredns_replicas coredns_deployment_nodeselector
external_cloud_provider cloud_provider typha_enabled typha_replicas calico_apiserver_enabled
calico_datastore calico_version enable_network_policy kube_network_plugin_multus container_manager
enable_nodelocaldns nodelocaldns_ip cluster_name dns_domain kube_service_addresses
kube_proxy_mode kube_version kube_major_version local_release_dir k8s_image_pull_policy
registry_enabled ingress_nginx_enabled external_vsphere_cloud_controller_image_tag vsphere_csi_enabled
dashboard_enabled releases repositories no_such_variable
""".split()

BASE: Mapping[str, Value] = {"metallb_enabled": True, "kube_proxy_strict_arp": True}
"""What the inventory says beside the reported case."""

GIVEN: Mapping[str, Value] = {"typha_enabled": True, "kubelet_csr_approver_values": {"a": [1]}}
"""What the command line says."""

UNDEFINED = "oracle: undefined"

_PRINT = "{{ lookup('vars', item, default='%s') | to_json | b64encode }}" % UNDEFINED


@dataclass(frozen=True)
class Context:
    """A role in a play, as the program sees it and as Ansible does.

    `values` holds what Ansible gives for each variable (Refused where it fails), `ran` whether a
    task under a condition ran (Refused where the condition fails).
    """

    role: str
    scope: Scope
    conditions: tuple[str, ...]
    values: Mapping[str, Any]
    ran: Mapping[str, Any]


@pytest.fixture(scope="module")
def contexts(
    revision: str,
    mirror: Path,
    url: str,
    ansible_pins: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Context]]:
    bin_dir = ansible.ansible_for(ansible_pins[revision])
    if bin_dir is None:
        pytest.skip(ansible.why_not(ansible_pins[revision]))
    top = tmp_path_factory.mktemp(f"variables-{revision}")
    tree = checkout.export(url, revision, top / "tree")
    release = Release(revision, mirror)
    try:
        yield list(_asked(release, tree, top / "run", bin_dir))
    finally:
        release.close()


def _asked(release: Release, tree: Path, top: Path, bin_dir: Path) -> Iterator[Context]:
    files = Files(release.before, _nothing)
    given = {name: Setting(value, "--set") for name, value in GIVEN.items()}
    base = {name: Setting(value, "inventory") for name, value in BASE.items()}
    scenario = Scenario(given, reported() | base)
    cluster = release.before.playbook_named("cluster")
    assert cluster is not None
    order = release.before.run(cluster, Following(naming(scenario, files), _nothing))
    wanted: dict[str, tuple[TaskRun, tuple[str, ...]]] = {}
    for role in ROLES:
        own = [run for run in order.tasks if run.roles and run.roles[-1] == role]
        begins = [run for run in own if run.task.module == ROLE]
        if not begins:
            continue
        first = begins[0]
        when = (
            text for run in own for text in run.when
            if run.play_number == first.play_number and not run.task.node.get("vars")
            and not any(holder.get("vars") for holder in run.task.around)
            and run.chain == first.chain and "item" not in text
        )  # fmt: skip
        wanted[role] = (first, tuple(dict.fromkeys(when)))
    chosen = {first.play_number: first.play for first, _ in wanted.values()}
    playbook = [_play(tree, play.place.path, play.route) for play in chosen.values()]
    answers = _run(tree, top, bin_dir, playbook, {role: when for role, (_, when) in wanted.items()})
    for role, (first, when) in wanted.items():
        scope = Scope(files, scenario, Memory(), first)
        values, ran = answers[role]
        yield Context(role, scope, when, values, ran)


def _play(tree: Path, path: str, route: tuple[str | int, ...]) -> dict[str, Any]:
    """A play with its roles and variables alone; the conditions of the roles are left out."""
    data = _load(tree / path)
    for key in route:
        data = data[key]
    roles = [_use(use) for use in data["roles"]]
    kept = {key: data[key] for key in ("vars",) if key in data}
    return {"hosts": "node1", "gather_facts": False, "roles": roles, **kept}


def _use(use: Any) -> Any:
    """A role's use without what decides whether it runs."""
    return {key: value for key, value in use.items() if key != "when"} if isinstance(
        use, dict
    ) else use  # fmt: skip


def _run(
    tree: Path,
    top: Path,
    bin_dir: Path,
    playbook: list[dict[str, Any]],
    wanted: Mapping[str, tuple[str, ...]],
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    for folder in sorted((tree / "roles").rglob("*")):
        if folder.name in ("defaults", "vars") and folder.is_dir():
            shutil.copytree(folder, top / folder.relative_to(tree), dirs_exist_ok=True)
    for meta in sorted((tree / "roles").rglob("meta/main.y*ml")):
        uses = (_load(meta) or {}).get("dependencies") or []
        _write(top / meta.relative_to(tree), {"dependencies": [_use(use) for use in uses]})
    for tasks in sorted((tree / "roles").rglob("tasks")):
        _write(top / tasks.relative_to(tree) / "main.yml", [])
    for role, conditions in wanted.items():
        _write(top / "roles" / role / "tasks" / "main.yml", [*_tasks(role, conditions)])
    _write(top / "playbook.yml", playbook)
    _write(top / "given.yml", dict(GIVEN))
    variables = {name: setting.value for name, setting in reported().items()} | dict(BASE)
    hosts = {"node1": {"ansible_connection": "local"}}
    groups = {name: {"hosts": hosts} for name in ("kube_control_plane", "kube_node", "etcd")}
    members = {"children": {"kube_control_plane": {}, "kube_node": {}}}
    everything = {"vars": variables, "children": groups | {"k8s_cluster": members}}
    _write(top / "inventory.yml", {"all": everything})
    environment = ansible._sealed(bin_dir, top, None)
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
    done = subprocess.run(
        [str(bin_dir / "ansible-playbook"), "-i", "inventory.yml", "-e", "@given.yml",
         "playbook.yml"],
        env=environment, cwd=top, stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", timeout=SECONDS, check=False,
    )  # fmt: skip
    try:
        plays = json.loads(done.stdout)["plays"]
    except ValueError:
        raise AssertionError(f"Ansible ran nothing:\n{done.stderr}{done.stdout}") from None
    answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {role: ({}, {}) for role in wanted}
    for task in (task for play in plays for task in play["tasks"]):
        kind, _, role = task["task"]["name"].partition(" of ")
        result = task["hosts"].get("node1")
        if role not in answers or result is None:
            continue
        values, ran = answers[role]
        if kind == "variables":
            for name, item in zip(VARIABLES, result["results"], strict=True):
                values.setdefault(name, _printed(item))
        elif kind.startswith("condition "):
            text = wanted[role][int(kind.rpartition(" ")[2])]
            ran.setdefault(text, _happened(result))
    return answers


def _tasks(role: str, conditions: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    yield {
        "name": f"variables of {role}",
        "ansible.builtin.debug": {"msg": _PRINT},
        "loop": VARIABLES,
        "ignore_errors": True,
    }
    for number, text in enumerate(conditions):
        yield {
            "name": f"condition {number} of {role}",
            "ansible.builtin.debug": {"msg": "ran"},
            "when": text,
            "ignore_errors": True,
        }


def _printed(item: Mapping[str, Any]) -> Any:
    if item.get("failed"):
        return ansible.Refused(str(item.get("msg")))
    return json.loads(base64.b64decode(item["msg"]))


def _happened(result: Mapping[str, Any]) -> Any:
    if result.get("failed"):
        return ansible.Refused(str(result.get("msg")))
    return not result.get("skipped", False)


def _load(path: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)  # type: ignore[assignment]
    yaml.allow_duplicate_keys = True
    return yaml.load(path)


def _write(path: Path, data: Any) -> None:
    """Write data as JSON, which is YAML that no quoting rule can change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def _nothing(place: Place, message: str) -> None:
    """Leave what cannot be read to other tests."""


def open_parts(value: Value) -> bool:
    """Whether a value, or a part of it, is not known."""
    if isinstance(value, dict):
        return isinstance(value, OpenMapping) or any(map(open_parts, value.values()))
    if isinstance(value, list):
        return any(map(open_parts, value))
    return isinstance(value, Unknown | Undefined)


@pytest.mark.parametrize("revision", ASKED, scope="module")
class TestAgainstAnsible:
    def test_variables(self, contexts: list[Context]) -> None:
        compared, wrong = 0, []
        for context in contexts:
            for name in VARIABLES:
                said, real = context.scope(name), context.values[name]
                if isinstance(said, Undefined):
                    compared += 1
                    if real != UNDEFINED and not isinstance(real, ansible.Refused):
                        wrong.append((context.role, name, said, real))
                elif not open_parts(said):
                    compared += 1
                    if isinstance(real, ansible.Refused) or json.dumps(said) != json.dumps(real):
                        wrong.append((context.role, name, said, real))
        assert wrong == []
        assert len(contexts) >= 7
        assert compared > 0.8 * len(contexts) * len(VARIABLES)

    def test_conditions(self, contexts: list[Context]) -> None:
        compared, wrong = 0, []
        for context in contexts:
            for text in context.conditions:
                said, real = condition(text, context.scope), context.ran[text]
                if isinstance(said, bool):
                    compared += 1
                    if said != real:
                        wrong.append((context.role, text, said, real))
        assert wrong == []
        assert compared >= 100
