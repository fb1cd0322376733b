"""`system-tolerations` on every real release: what it changes, and what that renders to."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from jinja2 import Undefined
from jinja2.runtime import missing
from oracles.rendered_jinja import documents, render
from ruamel.yaml.error import YAMLError

from generator.engine.check import check
from generator.engine.finding import Report
from generator.engine.operations import Changed, NotNeeded
from generator.engine.operations.tolerate_workload import TolerateWorkload
from generator.engine.patch import SemanticPatch, load_patch
from generator.engine.series import Applied, FileChange, Series, plan
from generator.model.workload import KINDS
from generator.resources import resource_dir
from generator.tree.base import read

from . import Release
from .checking import paths, scenario_of
from .conftest import FEW

pytestmark = pytest.mark.releases

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
ENTRY = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}

# Since which release a component is there, and since which it is not; None for always.
COMPONENTS: Mapping[str, tuple[tuple[int, int] | None, tuple[int, int] | None]] = {
    "calico-apiserver": (None, None),
    "calico-kube-controllers": (None, None),
    "calico-typha": (None, None),
    "coredns": (None, None),
    "dns-autoscaler": (None, None),
    "hubble": (None, (2, 28)),
    "kube-ovn-pinger": (None, None),
    "metallb-controller": (None, None),
    "metrics-server": (None, None),
    "cert-manager": (None, None),
    "dashboard": (None, (2, 31)),
    "ingress-nginx": (None, (2, 31)),
    "local-path-provisioner": (None, None),
    "local-volume-provisioner": (None, None),
    "metallb-speaker": (None, None),
    "node-feature-discovery": ((2, 25), None),
    "registry": (None, None),
    "scheduler-plugins": ((2, 25), None),
    "snapshot-controller": (None, None),
}

# Lines that may go: a key that moves, a condition that asks for more, a default that was empty.
MAY_GO = (
    r"      tolerations:", r"\{% if .* is defined %\}", r"[a-z_]+_tolerations: (\[\]|null)",
)  # fmt: skip


@cache
def patch() -> SemanticPatch:
    return load_patch(resource_dir("patches") / "system-tolerations.yml")


def operations() -> list[TolerateWorkload]:
    return [one for one in patch().operations if isinstance(one, TolerateWorkload)]


@pytest.fixture(scope="session")
def planned(release: Release) -> Series:
    """All components, the unwise ones included."""
    return plan(release.before, [patch()])


def is_there(release: Release, name: str) -> bool:
    since, until = COMPONENTS[name]
    return (since is None or release.version >= since) and (
        until is None or release.version < until
    )


def covered(release: Release) -> None:
    if release.version < (2, 22):
        pytest.skip("releases from v2.22 on")


def test_each_component_alone(release: Release) -> None:
    covered(release)
    assert {operation.component.name for operation in operations()} == set(COMPONENTS)
    for operation in operations():
        name = operation.component.name
        outcome = operation.apply(release.before)
        if not is_there(release, name):
            assert isinstance(outcome, NotNeeded) and not outcome.already, name
            assert outcome.reason.startswith(f"{name}: ")
            continue
        assert isinstance(outcome, Changed), (name, outcome)
        again = operation.apply(release.before.changed(outcome.files))
        assert isinstance(again, NotNeeded) and again.already


def test_lines_come_and_hardly_any_goes(release: Release, planned: Series) -> None:
    covered(release)
    (applied,) = planned.outcomes
    assert isinstance(applied, Applied)
    for change in applied.files:
        old, new = (lines(data) for data in (change.before, change.after))
        changes = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
        gone = [line[2:] for line in changes if line[0] == "-"]
        assert all(any(re.fullmatch(one, line) for one in MAY_GO) for line in gone), gone
        come = "\n".join(line[2:] for line in changes if line[0] == "+")
        assert come.count(TAINT) >= 1
        assert len(gone) <= 4


def lines(data: bytes | None) -> list[str]:
    assert data is not None
    return data.decode().splitlines()


class Anything(Undefined):
    """A variable that nobody sets: a word where it is written, and true; an attribute is not."""

    __slots__ = ()

    def __str__(self) -> str:
        return "word"

    def __bool__(self) -> bool:
        return self._undefined_obj is missing

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, name: Any) -> Any:
        return self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self

    def __add__(self, other: Any) -> Any:
        return self

    __radd__ = __sub__ = __mul__ = __add__

    def __int__(self) -> int:
        return 1

    def __lt__(self, other: Any) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __hash__(self) -> int:
        return 1


WHOLE = re.compile(
    rf"      tolerations:\n +- key: {TAINT}\n +operator: Exists\n +effect: NoSchedule\n"
)

OTHERS = [{"key": "other", "operator": "Exists"}]

# What decides over tolerations, off and on.
OFF: Mapping[str, Any] = {
    "masters_are_not_tainted": True,
    "dashboard_master_toleration": False,
    "metrics_server_extra_tolerations": [],
    "metallb_config": {"controller": {"tolerations": []}},
    "metallb_speaker_enabled": True,
    "item": {"key": "word", "value": {}},
}
ON: Mapping[str, Any] = {
    **OFF,
    "masters_are_not_tainted": False,
    "dashboard_master_toleration": True,
    "metrics_server_extra_tolerations": OTHERS,
    "dns_extra_tolerations": OTHERS,
    "dns_autoscaler_extra_tolerations": OTHERS,
    "policy_controller_extra_tolerations": OTHERS,
    "metallb_config": {
        "controller": {"tolerations": OTHERS}, "speaker": {"tolerations": OTHERS},
    },
}  # fmt: skip
UNSET: Mapping[str, Any] = {
    name: value for name, value in OFF.items()
    if name not in ("metrics_server_extra_tolerations", "metallb_config")
} | {"metallb_config": {"controller": {}}}  # fmt: skip
LAST = {"metrics_server_extra_tolerations": []}


def defaults(data: bytes | None) -> dict[str, Any]:
    found = documents((data or b"").decode())
    return {
        name: value for name, value in (found[0] if found else {}).items()
        if name.endswith("_tolerations")
    }  # fmt: skip


def role_of(path: str) -> str:
    return re.split(r"/(?:templates|defaults)/", path)[0]


def templates(release: Release, planned: Series) -> Iterator[tuple[str, bytes, bytes]]:
    """The templates that change, or whose role's defaults do, before and after."""
    changed = {change.path: change for change in planned.files}
    for role in {role_of(path) for path in changed}:
        for path in release.before.manifests(role):
            change = changed.get(path)
            data = read(release.tree, path)
            yield path, data, (change.after or b"") if change else data


@cache
def pods(template: bytes, values: str, lists: str) -> tuple[Any, ...]:
    """The documents that a template renders to; the text of those that are no YAML.

    In v2.22.0 a webhook of MetalLB is none, in v2.23.0 Hubble.
    """
    given = {"OFF": OFF, "ON": ON, "UNSET": UNSET}[values] | dict(json.loads(lists))
    text = render(template.decode(), given, Anything)
    return tuple(document for part in text.split("\n---") for document in parsed(part))


def parsed(text: str) -> list[Any]:
    try:
        return documents(text, repeated=True)
    except YAMLError:
        return [text]


def spec_in(document: Any) -> dict[str, Any] | None:
    if not isinstance(document, dict) or document.get("kind") not in KINDS:
        return None
    spec = document["spec"]
    spec = spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec
    found: dict[str, Any] = spec["template"]["spec"]
    return found


@pytest.mark.parametrize("values", ["OFF", "ON", "UNSET"])
def test_rendered_manifests_differ_by_the_toleration(
    release: Release, planned: Series, values: str
) -> None:
    covered(release)
    names = {name for operation in operations() for name in operation.workloads}
    changed = {change.path: change for change in planned.files}
    seen = set()
    for path, before, after in templates(release, planned):
        own: FileChange | None = changed.get(f"{role_of(path)}/defaults/main.yml")
        old = defaults(own.before if own else read_or_empty(release, role_of(path)))
        new = defaults(own.after) if own else old
        was, now = (
            pods(data, values, json.dumps(lists)) for data, lists in ((before, old), (after, new))
        )
        assert len(was) == len(now), path
        for one, other in zip(was, now, strict=True):
            if isinstance(one, str):
                assert one in (other, WHOLE.sub("", other)), path
                continue
            left, right = spec_in(one), spec_in(other)
            name = one["metadata"]["name"].removesuffix("word") if left is not None else ""
            if left is None or right is None or name not in names:
                assert one == other, path
                continue
            seen.add(name)
            entries = right["tolerations"]
            assert entries.count(ENTRY) == 1, path
            rest = [entry for entry in entries if entry != ENTRY]
            assert rest == (left.get("tolerations") or []), path
            assert without_tolerations(one) == without_tolerations(other), path
    assert {"coredns", "controller", "metrics-server", "calico-typha", "registry"} <= seen


def without_tolerations(document: Any) -> Any:
    found = copy.deepcopy(document)
    spec = spec_in(found)
    assert spec is not None
    spec.pop("tolerations", None)
    return found


def read_or_empty(release: Release, role: str) -> bytes:
    path = f"{role}/defaults/main.yml"
    return read(release.tree, path) if release.before.exists(path) else b""


EVERYTHING = {
    "external_cloud_provider": "manual",
    **dict.fromkeys(
        ("typha_enabled", "calico_apiserver_enabled", "cilium_enable_hubble",
         "cilium_hubble_install", "cilium_hubble_tls_generate", "cert_manager_enabled",
         "dashboard_enabled", "ingress_nginx_enabled", "node_feature_discovery_enabled",
         "csi_snapshot_controller_enabled", "scheduler_plugins_enabled", "registry_enabled",
         "local_path_provisioner_enabled", "local_volume_provisioner_enabled",
         "deploy_netchecker", "metrics_server_enabled", "metallb_enabled",
         "metallb_speaker_enabled", "enable_dns_autoscaler"),
        True,
    ),
}  # fmt: skip

STORAGE = re.compile(r"/(csi_driver|alb_ingress_controller|cephfs_provisioner|rbd_provisioner)/")


@pytest.mark.only_on(FEW)
@pytest.mark.parametrize("plugin", ["calico", "cilium", "kube-ovn"])
def test_nothing_of_it_is_found_pending_again(
    release: Release, planned: Series, plugin: str
) -> None:
    scenario = scenario_of({**EVERYTHING, "kube_network_plugin": plugin})

    def found(kubespray: Any) -> Report:
        return check(kubespray, paths(kubespray, ("cluster",)), scenario, ())

    before, after = found(release.before), found(planned.after)
    assert {"coredns", "controller"} <= set(waiting(before))
    left = [
        finding.message for finding in after.findings
        if finding.code in ("pending", "deadlock-unprovided", "deadlock-order")
        and not STORAGE.search(finding.place.path) and "approver" not in finding.message
    ]  # fmt: skip
    assert left == []


def waiting(report: Report) -> Iterator[str]:
    for finding in report.findings:
        match = re.match(r"\w+ (\S+) (?:stays Pending|is waited for)", finding.message)
        if match:
            yield match[1]
