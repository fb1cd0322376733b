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
from generator.model.step import Order, TaskRun
from generator.model.task import ROLE
from generator.model.value import OpenMapping, Undefined, Unknown, Value
from generator.model.variables import Memory, Scope, naming
from generator.model.written import Files
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
"""The roles whose variables are compared; conditions are those of all roles in their plays."""

VARIABLES = """
bin_dir kubectl kube_config_dir kube_cert_dir kube_network_plugin dns_mode deploy_coredns
kubelet_csr_approver_enabled kubelet_csr_approver_values kubelet_rotate_server_certificates
kubelet_rotate_certificates helm_enabled metallb_enabled metallb_namespace metallb_speaker_enabled
metallb_config metallb_version coredns_manifests coredns_replicas coredns_deployment_nodeselector
external_cloud_provider cloud_provider typha_enabled typha_replicas calico_apiserver_enabled
calico_datastore calico_version enable_network_policy kube_network_plugin_multus container_manager
enable_nodelocaldns nodelocaldns_ip cluster_name dns_domain kube_service_addresses
kube_proxy_mode kube_version kube_major_version local_release_dir k8s_image_pull_policy
registry_enabled ingress_nginx_enabled external_vsphere_cloud_controller_image_tag
vsphere_csi_enabled dashboard_enabled releases repositories no_such_variable
""".split()  # noqa: SIM905

BASE: Mapping[str, Value] = {"metallb_enabled": True, "kube_proxy_strict_arp": True}
"""What the inventory says beside the reported case."""

GIVEN: Mapping[str, Value] = {"typha_enabled": True, "kubelet_csr_approver_values": {"a": [1]}}
"""What the command line says."""

UNDEFINED = "oracle: undefined"

_PRINT = "{{ lookup('vars', item, default='" + UNDEFINED + "') | to_json | b64encode }}"


@dataclass(frozen=True)
class Context:
    """A role in a play, as the program sees it and as Ansible does.

    `values` holds what Ansible gives for each variable (Refused where it fails), `ran` whether a
    task under a condition ran (Refused where the condition fails). `conditions` are those of which
    the program knows whether they hold.
    """

    role: str
    scope: Scope
    conditions: tuple[str, ...]
    values: Mapping[str, Any]
    ran: Mapping[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """Where a role begins, conditions of its tasks, and the number of its play among those run."""

    first: TaskRun
    conditions: tuple[str, ...]
    play: int


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
    begun: dict[str, TaskRun] = {}
    for run in order.tasks:
        if run.task.module == ROLE:
            begun.setdefault(run.roles[-1], run)
    shown = {begun[role].play_number: begun[role].play for role in ROLES if role in begun}
    wanted = {}
    for role, first in begun.items():
        if first.play_number in shown:
            scope = Scope(files, scenario, Memory(), first)
            known = (
                text
                for text in _conditions(order, files, first)
                if isinstance(condition(text, scope), bool)
            )
            wanted[role] = _Wanted(first, tuple(known), list(shown).index(first.play_number))
    playbook = [_play(tree, play.place.path, play.route) for play in shown.values()]
    answers = _run(tree, top, bin_dir, playbook, wanted)
    for role, one in wanted.items():
        values, ran = answers[role]
        if values or ran:  # Otherwise one of the tasks that were taken away brings the role in.
            scope = Scope(files, scenario, Memory(), one.first)
            yield Context(role, scope, one.conditions, values, ran)


def _conditions(order: Order, files: Files, first: TaskRun) -> Iterator[str]:
    """Give the conditions of a role's tasks that see no variables but those of the role."""
    found: dict[str, None] = {}
    for run in order.tasks:
        depth = len(first.chain)
        own = run.play_number == first.play_number and run.roles == first.roles
        if not own or run.chain[:depth] != first.chain:
            continue
        holders = (run.task.node, *run.task.around)
        alone = not any(holder.get("vars") for holder in holders)
        if alone and not any(files.parameters(use) for use in run.chain[depth:]):
            found |= dict.fromkeys(text for text in run.when if "item" not in text)
    yield from found


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
    wanted: Mapping[str, _Wanted],
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    for folder in sorted((tree / "roles").rglob("*")):
        if folder.name in ("defaults", "vars") and folder.is_dir():
            shutil.copytree(folder, top / folder.relative_to(tree), dirs_exist_ok=True)
    for meta in sorted((tree / "roles").rglob("meta/main.y*ml")):
        uses = (_load(meta) or {}).get("dependencies") or []
        _write(top / meta.relative_to(tree), {"dependencies": [_use(use) for use in uses]})
    for tasks in sorted((tree / "roles").rglob("tasks")):
        _write(top / tasks.relative_to(tree) / "main.yml", [])
    for role, one in wanted.items():
        _write(top / "roles" / role / "tasks" / "main.yml", [*_tasks(role, one.conditions)])
    _write(top / "playbook.yml", playbook)
    _write(top / "given.yml", dict(GIVEN))
    variables = {name: setting.value for name, setting in reported().items()} | dict(BASE)
    hosts = {"node1": {"ansible_connection": "local"}}
    groups = {name: {"hosts": hosts} for name in ("kube_control_plane", "kube_node", "etcd")}
    members: dict[str, Any] = {"children": {"kube_control_plane": {}, "kube_node": {}}}
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
    for number, task in ((n, task) for n, play in enumerate(plays) for task in play["tasks"]):
        kind, _, role = task["task"]["name"].rpartition(" : ")[2].partition(" of ")
        result = task["hosts"].get("node1")
        if role not in answers or wanted[role].play != number or result is None:
            continue
        values, ran = answers[role]
        if kind == "variables":
            for name, item in zip(VARIABLES, result["results"], strict=True):
                values.setdefault(name, _printed(item))
        elif kind.startswith("condition "):
            text = wanted[role].conditions[int(kind.removeprefix("condition "))]
            ran.setdefault(text, _happened(result))
    return answers


def _tasks(role: str, conditions: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if role in ROLES:
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
    yaml.version = (1, 1)
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
            for name in VARIABLES if context.values else ():
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
        shown = [context for context in contexts if context.values]
        assert len(shown) >= 7
        assert compared > 0.8 * len(shown) * len(VARIABLES)

    def test_conditions(self, contexts: list[Context]) -> None:
        compared, wrong = 0, []
        for context in contexts:
            for text in context.conditions:
                said, real = condition(text, context.scope), context.ran[text]
                compared += 1
                # Where a condition fails, its task does not run either.
                if said != (False if isinstance(real, ansible.Refused) else real):
                    wrong.append((context.role, text, said, real))
        assert wrong == []
        assert compared >= 100
