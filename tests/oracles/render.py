"""Ansible as an oracle for templates: what a tree's manifests are for its own defaults.

Each template is rendered by the `template` lookup of the Ansible that a release pins, with the
defaults of the tree's roles, a small inventory, and made-up values for what exists only while
Kubespray runs. What that cannot render is refused, the same way before and after a patch.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import ansible
from .ansible import Refused

_INSIDE = Path(__file__).with_name("render_inside.py")
_SECONDS = 300

OWN = {"key": "example.org/own", "operator": "Exists", "effect": "NoSchedule"}
"""What a user's variables tolerate in some variants."""

_HOST = {
    "ansible_host": "10.0.0.1", "ip": "10.0.0.1", "access_ip": "10.0.0.1", "main_ip": "10.0.0.1",
    "main_access_ip": "10.0.0.1", "ansible_hostname": "node1", "ansible_fqdn": "node1",
    "ansible_architecture": "x86_64", "etcd_member_name": "etcd1",
    "ansible_default_ipv4": {"address": "10.0.0.1", "interface": "eth0", "gateway": "10.0.0.254"},
    "ansible_default_ipv6": {}, "node_labels": {}, "kubelet_cgroups_cpuset": "0",
}  # fmt: skip
_GROUPS = {
    "all": ["node1", "node2"], "kube_control_plane": ["node1"], "kube_node": ["node1", "node2"],
    "etcd": ["node1"], "k8s_cluster": ["node1", "node2"], "calico_rr": [], "bastion": [],
    "kube-master": ["node1"], "kube-node": ["node1", "node2"], "k8s-cluster": ["node1", "node2"],
}  # fmt: skip
_METALLB = {
    "speaker": {}, "controller": {}, "address_pools": {}, "layer2": [],
    "layer3": {"defaults": {}, "communities": {}, "metallb_peers": {}},
}  # fmt: skip
VARIABLES: Mapping[str, Any] = {
    **_HOST,
    "inventory_hostname": "node1", "inventory_hostname_short": "node1",
    "group_names": ["kube_control_plane", "kube_node", "etcd", "k8s_cluster"],
    "groups": _GROUPS, "hostvars": {name: dict(_HOST) for name in _GROUPS["all"]},
    "play_hosts": _GROUPS["all"], "ansible_play_hosts": _GROUPS["all"],
    "ansible_play_batch": _GROUPS["all"], "inventory_dir": "/inventory",
    "ansible_managed": "Ansible managed", "ansible_facts": {**_HOST, "os_family": "Debian"},
    "ansible_os_family": "Debian", "ansible_distribution": "Ubuntu", "ansible_user_id": "root",
    "ansible_distribution_major_version": "24", "ansible_kernel": "6.8.0",
    "ansible_memtotal_mb": 8192, "ansible_processor_vcpus": 4, "ansible_python": {"version": {}},
    "ansible_service_mgr": "systemd", "omit": "__omit__", "ansible_env": {"HOME": "/root"},
    "ansible_interfaces": ["lo", "eth0"], "ansible_selinux": {"status": "disabled"},
    "cloud_provider": "external", "external_cloud_provider": "manual",
    "kubelet_rotate_server_certificates": True, "coredns_ordinal_suffix": "",
    "etcd_access_addresses": "https://10.0.0.1:2379", "etcd_metrics_addresses": "",
    "scheduler_plugins_version": "0.31.8", "kube_token_auth": False,
    "metallb_config": _METALLB, "clusterIP": "10.233.0.3", "nodelocaldns_ip": "169.254.25.10",
}  # fmt: skip
"""A small inventory, and what Ansible and Kubespray's tasks set while they run."""

_NAME = re.compile(r"\b\w*tolerations?\b(?!\s*[:(])")


REPLACING = "own tolerations"
"""The set of variables in which a user's list stands in the place of a role's default."""


@dataclass(frozen=True)
class State:
    """A tree with some files as they shall be.

    `templates` are those that are wanted, by name of the set of variables.
    """

    name: str
    templates: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes]


def variants(names: Iterable[str], asks: bool = True) -> dict[str, dict[str, Any]]:
    """Sets of variables: the defaults; all switches on; a user's own lists too; all the other way.

    `names` are the variables with tolerations; those that a role has as defaults are known.
    `asks` tells that the templates ask whether MetalLB's tolerations are there before they use
    them; those of v2.22.0 do not.
    """
    users = {"tolerations": [OWN], "toleration_names": sorted(names)}
    metallb = {**_METALLB, "speaker": {"tolerations": [OWN]}, "controller": {"tolerations": [OWN]}}
    none = {**_METALLB, "speaker": {"tolerations": []}, "controller": {"tolerations": []}}
    usual: dict[str, Any] = {} if asks else {"values": {"metallb_config": none}}
    return {
        "defaults": usual,
        "everything on": {"booleans": "on", **usual},
        REPLACING: {"booleans": "on", **users, "values": {"metallb_config": metallb}},
        "the other way": {"booleans": "other", **usual},
    }


def toleration_names(templates: Iterable[bytes]) -> set[str]:
    """The variables with tolerations that templates ask for."""
    found: set[str] = set()
    for data in templates:
        inner = re.findall(rb"{[{%](.*?)[%}]}", data, re.DOTALL)
        for text in inner:
            found |= {
                name for name in _NAME.findall(text.decode("utf-8", "replace"))
                if name not in ("toleration", "tolerations")
            }  # fmt: skip
    return found


def rendered(
    bin_dir: Path,
    tree: Path,
    states: Sequence[State],
    sets: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, dict[str, str | Refused]]]:
    """What comes out: by name of the state, name of the set of variables, and template.

    The files of the tree are as before afterwards.
    """
    job = {
        "tree": str(tree),
        "variables": VARIABLES,
        "variants": sets,
        "states": [
            {
                "name": state.name,
                "templates": {name: list(paths) for name, paths in state.templates.items()},
                "files": {path: data.decode("utf-8") for path, data in state.files.items()},
            }
            for state in states
        ],
    }
    environment = ansible._sealed(bin_dir, tree.parent, None)
    done = subprocess.run(
        [str(bin_dir / "python"), "-I", str(_INSIDE)],
        input=json.dumps(job),
        env=environment,
        cwd=tree,
        capture_output=True,
        encoding="utf-8",
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"Ansible rendered nothing:\n{done.stderr.strip()[-3000:]}")
    found = json.loads(done.stdout)
    return {
        state: {
            variant: {path: _result(*result) for path, result in results.items()}
            for variant, results in by_variant.items()
        }
        for state, by_variant in found.items()
    }


def _result(kind: str, text: str) -> str | Refused:
    return text if kind == "text" else Refused(text)
