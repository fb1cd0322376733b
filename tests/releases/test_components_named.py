"""The components that `check` names on real releases: each cures what it is named for."""

from __future__ import annotations

import re

import pytest

from generator.engine.check import check
from generator.engine.finding import Finding, Report
from generator.engine.patch import load_patches
from generator.engine.series import plan
from generator.model.kubespray import Kubespray
from generator.resources import resource_dir

from . import Release
from .checking import BOTH, paths, scenario_of
from .conftest import LAST

# What v2.23.0 has is broken in one place.
pytestmark = [pytest.mark.releases, pytest.mark.only_on((*LAST, "v2.23.0"))]

ID = "system-tolerations"

ON = dict.fromkeys(
    (
        "calico_apiserver_enabled", "cert_manager_enabled", "csi_snapshot_controller_enabled",
        "dashboard_enabled", "enable_network_policy", "ingress_nginx_enabled",
        "kube_proxy_strict_arp", "local_path_provisioner_enabled",
        "local_volume_provisioner_enabled", "metallb_enabled", "metrics_server_enabled",
        "node_feature_discovery_enabled", "registry_enabled", "scheduler_plugins_enabled",
        "typha_enabled",
    ),
    True,
)  # fmt: skip
SCENARIOS = {
    "calico": {**ON, "external_cloud_provider": "manual"},
    "cilium": {
        "external_cloud_provider": "manual", "kube_network_plugin": "cilium",
        "cilium_enable_hubble": True, "cilium_hubble_install": True,
    },
    "kube-ovn": {"external_cloud_provider": "manual", "kube_network_plugin": "kube-ovn"},
}  # fmt: skip


def report(kubespray: Kubespray, name: str) -> Report:
    patches = load_patches([resource_dir("patches")]).values()
    return check(kubespray, paths(kubespray, BOTH), scenario_of(SCENARIOS[name]), patches)


def about(finding: Finding) -> tuple[str, str | None, str]:
    return finding.code, finding.playbook, re.sub(r":\d+", "", finding.message)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_is_a_cure(release: Release, name: str) -> None:
    before = report(release.before, name).findings
    named = [finding for finding in before if finding.requests]
    options = {request.option for finding in named for request in finding.requests}
    components = {option.removeprefix(f"{ID}=") for option in options}
    assert {finding.fixed_by for finding in named} <= {(ID,)}
    if name == "calico" and release.has_approver:
        # What every release since then has; the controller of MetalLB is waited for.
        expected = {"coredns", "dns-autoscaler", "calico-kube-controllers", "calico-typha"}
        assert components >= expected | {"metrics-server", "metallb-controller"}
    patch = load_patches([resource_dir("patches")])[ID].limited_to(components)
    series = plan(release.before, [patch])
    assert {name for applied in series.applied for name in applied.components} == components
    after = {about(finding) for finding in report(series.after, name).findings}
    assert not after & {about(finding) for finding in named}
    # Nor does anything come that was not there.
    assert after <= {about(finding) for finding in before}


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_stays_pending_has_a_component_or_is_not_offered(
    release: Release, name: str
) -> None:
    """The patch has no component for a workload: one of those that are left out on purpose."""
    left = {
        finding.place.path for finding in report(release.before, name).findings
        if finding.code == "pending" and not finding.requests
        and "cloud controller manager" in finding.message
        and "network plugin" not in finding.message
    }  # fmt: skip
    # In v2.23.0 what the first half of this template gives is no YAML, whatever the variables.
    broken = {"roles/network_plugin/cilium/templates/hubble/deploy.yml.j2"}
    assert left == (broken if (release.name, name) == ("v2.23.0", "cilium") else set())
