"""The embedded sample tree has the shape of release v2.24.0, and words of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from oracles.ansible import ansible_for, list_tasks, why_not
from ruamel.yaml import YAML

from generator.tree.sample import sample_files

APPROVER = "kubernetes-apps/kubelet-csr-approver"
CCM = "kubernetes-apps/external_cloud_controller"
ENTRIES = (
    "cluster.yml",
    "upgrade-cluster.yml",
    "scale.yml",
    "recover-control-plane.yml",
    "remove-node.yml",
    "reset.yml",
)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sample_files()


def load(files: dict[str, bytes], path: str) -> Any:
    return YAML(typ="safe").load(files[path])


def plays(files: dict[str, bytes], path: str) -> Iterator[dict[str, Any]]:
    """Yield a playbook's plays in Ansible's order, imports expanded."""
    for entry in load(files, path):
        if target := entry.get("ansible.builtin.import_playbook"):
            yield from plays(files, str(PurePosixPath(path).parent / target))
        else:
            yield entry


def places(files: dict[str, bytes], path: str, role: str) -> list[tuple[int, int]]:
    """Return the numbers of play and role use, from 1, at which a playbook uses a role."""
    return [
        (number, place)
        for number, play in enumerate(plays(files, path), 1)
        for place, use in enumerate(play.get("roles", ()), 1)
        if use["role"] == role
    ]


def test_same_bytes_in_sorted_order(files: dict[str, bytes]) -> None:
    again = sample_files()
    assert list(files) == sorted(files)
    assert list(again.items()) == list(files.items())


def test_small(files: dict[str, bytes]) -> None:
    assert 100 < len(files) < 150
    assert sum(map(len, files.values())) < 62 * 1024


def test_paths_stay_inside(files: dict[str, bytes]) -> None:
    for path in files:
        assert PurePosixPath(path).as_posix() == path
        assert not path.startswith("/") and ".." not in path.split("/")


def test_text(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        text = content.decode()
        assert text.endswith("\n") and not text.endswith("\n\n"), path
        assert not re.search(r"[ \t\r]$", text, re.MULTILINE), path
        # Delimiters of the templates that the tree is rendered from.
        assert not re.search(r"<<|>>|<%|%>|<#|#>", text), path


def test_yaml(files: dict[str, bytes]) -> None:
    paths = [path for path in files if path.endswith((".yml", ".yaml"))]
    assert len(paths) > 100
    for path in paths:
        assert files[path].startswith(b"---\n"), path
        assert load(files, path), path


def test_nothing_of_a_machine_or_a_registry(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        text = content.decode()
        assert not re.search(r"/(tmp|work|root|Users|opt)/", text), path
        assert set(re.findall(r"\w+://([^/\s\"]+)", text)) <= {"charts.example.org"}, path
        hosts = re.findall(r"\b[\w-]+(?:\.[\w-]+)*\.(?:org|com|io|dev|net)\b", text)
        owned = {"charts.example.org", "images.example.org"}
        kinds = {"k8s.io", "kubernetes.io"}  # names of keys and API groups, no registries
        assert all(h in owned or ".".join(h.split(".")[-2:]) in kinds for h in hosts), path


# The figures of release v2.24.0: number of plays, place of the approver, place of the CCM.
@pytest.mark.parametrize(
    ("entry", "count", "approver", "ccm"),
    [
        ("cluster.yml", 19, [(15, 5)], [(18, 2)]),
        ("upgrade-cluster.yml", 21, [(15, 5)], [(16, 2)]),
        ("recover-control-plane.yml", 29, [(24, 5)], [(27, 2)]),
        ("scale.yml", 16, [], []),
        ("remove-node.yml", 12, [], []),
        ("reset.yml", 10, [], []),
    ],
)
def test_order_is_the_releases(
    files: dict[str, bytes],
    entry: str,
    count: int,
    approver: list[tuple[int, int]],
    ccm: list[tuple[int, int]],
) -> None:
    assert len(list(plays(files, entry))) == count
    assert places(files, entry, APPROVER) == approver
    assert places(files, entry, CCM) == ccm


@pytest.mark.parametrize("name", ["cluster", "upgrade_cluster"])
def test_approver_before_ccm(files: dict[str, bytes], name: str) -> None:
    path = f"playbooks/{name}.yml"
    assert places(files, path, APPROVER) < places(files, path, CCM)
    # One line each, as in the field: a move is two lines of a patch.
    uses = rb"^    - \{ role: (\S+), tags: \S+ \}$"
    one_line = [use.decode() for use in re.findall(uses, files[path], re.MULTILINE)]
    assert one_line.index(APPROVER) < one_line.index(CCM)


def roles_reached(files: dict[str, bytes], entry: str) -> set[str]:
    """Return the roles that a playbook uses, with their dependencies."""
    pending = [use["role"] for play in plays(files, entry) for use in play.get("roles", ())]
    reached: set[str] = set()
    while pending:
        role = pending.pop()
        if role in reached:
            continue
        reached.add(role)
        if f"roles/{role}/meta/main.yml" not in files:
            continue
        for dependency in load(files, f"roles/{role}/meta/main.yml")["dependencies"]:
            name = dependency["role"]
            beside = f"{PurePosixPath(role).parent}/{name}"
            relative = any(path.startswith(f"roles/{beside}/") for path in files)
            pending.append(beside if relative else name)
    return reached


@pytest.mark.parametrize("entry", ENTRIES)
def test_roles_reached_are_there(files: dict[str, bytes], entry: str) -> None:
    for role in roles_reached(files, entry):
        assert any(path.startswith(f"roles/{role}/") for path in files), role


@pytest.mark.parametrize("entry", ["cluster.yml", "upgrade-cluster.yml"])
def test_dependencies_reached(files: dict[str, bytes], entry: str) -> None:
    relative = "kubernetes-apps/policy_controller/calico"  # named policy_controller/calico
    wanted = {"helm-apps", "kubernetes-apps/helm", "kubernetes-apps/ansible", relative}
    assert wanted | {f"{CCM}/vsphere"} <= roles_reached(files, entry)


def test_approver_waits_with_helm(files: dict[str, bytes]) -> None:
    (dependency,) = load(files, f"roles/{APPROVER}/meta/main.yml")["dependencies"]
    assert dependency["role"] == "helm-apps"
    assert dependency["when"] == [
        "inventory_hostname == groups['kube_control_plane'][0]",
        "kubelet_csr_approver_enabled",
    ]
    (release,) = dependency["releases"]
    assert (release["name"], release["wait"]) == ("kubelet-csr-approver", True)
    assert release["values"] == "{{ kubelet_csr_approver_values }}"
    defaults = load(files, f"roles/{APPROVER}/defaults/main.yml")
    assert defaults["kubelet_csr_approver_enabled"] == "{{ kubelet_rotate_server_certificates }}"
    assert defaults["kubelet_csr_approver_chart_version"] == "0.2.8"
    assert defaults["kubelet_csr_approver_values"] == {}
    helm = files["roles/helm-apps/tasks/main.yml"]
    assert b"--wait" in helm and b"--atomic" in helm


def test_cloud_defaults(files: dict[str, bytes]) -> None:
    defaults = load(files, "roles/kubespray-defaults/defaults/main/main.yml")
    assert defaults["kubelet_rotate_server_certificates"] is False
    assert defaults["kube_network_plugin"] == "calico"
    assert not {"cloud_provider", "external_cloud_provider"} & defaults.keys()


@pytest.mark.parametrize("provider", ["openstack", "vsphere", "hcloud", "huaweicloud"])
def test_ccm_tolerates_its_taint(files: dict[str, bytes], provider: str) -> None:
    home = f"roles/{CCM}/{provider}/templates/"
    (text,) = (content for path, content in files.items() if path.startswith(home))
    manifest = text.decode()
    assert "\nkind: DaemonSet\n" in manifest
    assert (
        "        - key: node.cloudprovider.kubernetes.io/uninitialized\n"
        '          value: "true"\n'
        "          effect: NoSchedule\n"
    ) in manifest


def test_calico_workloads(files: dict[str, bytes]) -> None:
    home = "roles/network_plugin/calico/templates/"
    assert b"tolerations:\n        - operator: Exists\n" in files[f"{home}calico-node.yml.j2"]
    assert b"tolerations" not in files[f"{home}calico-typha.yml.j2"]


@pytest.mark.ansible
@pytest.mark.parametrize("entry", ENTRIES)
def test_ansible_lists_it(files: dict[str, bytes], entry: str, tmp_path: Path) -> None:
    """With the Ansible that v2.24.0 pins, after which the sample is shaped."""
    pin = "ansible==8.5.0"
    bin_dir = ansible_for(pin)
    if bin_dir is None:
        pytest.skip(why_not(pin))
    for path, content in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    assert len(list_tasks(bin_dir, tmp_path, entry)) == len(list(plays(files, entry)))
