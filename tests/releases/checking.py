"""What `check` finds in one revision, scenario by scenario; each scenario is run once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from generator.engine.check import check
from generator.engine.detect.events import Applied, Events
from generator.engine.detect.interpret import run_through
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.provide import workloads_in
from generator.engine.finding import Finding, Report
from generator.engine.patch import load_patches
from generator.model.flatten import Following
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.scenario import Scenario, Setting, reported
from generator.model.value import Value
from generator.model.variables import naming
from generator.model.written import Files
from generator.resources import resource_dir
from generator.text.document import Place
from generator.tree.base import find, read

from . import Release

Variables = Mapping[str, Value]

ALL = ("cluster", "upgrade_cluster", "recover_control_plane")
BOTH = ("cluster", "upgrade_cluster")
CLUSTER = ("cluster",)
UPGRADE = ("upgrade_cluster",)

DEFAULT: Variables = {}
MANUAL: Variables = {"external_cloud_provider": "manual"}


def no_cloud(plugin: str) -> Variables:
    """No cloud provider at all, with a network plugin."""
    return {
        "cloud_provider": "", "external_cloud_provider": "", "kube_network_plugin": plugin,
    }  # fmt: skip


def scenario_of(variables: Variables, nodes: str | None = None) -> Scenario:
    """The reported case with some variables changed, as `--set` changes them."""
    given = {name: Setting(value, f"--set {name}={value}") for name, value in variables.items()}
    return Scenario(given, reported(), nodes)


def told(report: Report, code: str, playbook: str | None = None) -> list[Finding]:
    """The findings of a code, in all playbooks or in one, named as `cluster`."""
    return [
        finding for finding in report.findings
        if finding.code == code and playbook in (None, playbook_stem(finding.playbook or ""))
    ]  # fmt: skip


def at(place: Place) -> str:
    return f"{place.path}:{place.line}"


@dataclass
class Checks:
    """The checks of one release; what was asked for once is kept."""

    release: Release
    _reports: dict[tuple[object, ...], Report] = field(default_factory=dict)
    _lines: dict[str, int | None] = field(default_factory=dict)

    def report(
        self,
        variables: Variables = DEFAULT,
        playbooks: Iterable[str] = BOTH,
        *,
        nodes: str | None = None,
        patched: bool = False,
    ) -> Report:
        """What is found with some variables in some playbooks, before or after the patches."""
        key = (repr(sorted(variables.items())), tuple(playbooks), nodes, patched)
        if key not in self._reports:
            kubespray = self.release.series.after if patched else self.release.before
            patches = load_patches([resource_dir("patches")]).values()
            scenario = scenario_of(variables, nodes)
            self._reports[key] = check(kubespray, paths(kubespray, playbooks), scenario, patches)
        return self._reports[key]

    def reports(self, *, patched: bool = False) -> list[Report]:
        """All reports that were asked for so far, of the release or of its patched tree."""
        return [report for key, report in self._reports.items() if key[-1] == patched]

    def applied(self, playbook: str, variables: Variables) -> tuple[Applied, ...]:
        """All that a playbook puts into the cluster with some variables, in order."""
        return workloads_in(self.events(playbook, variables))

    def events(self, playbook: str, variables: Variables) -> Events:
        """What happens in a run of a playbook with some variables."""
        kubespray, scenario = self.release.before, scenario_of(variables)
        files = Files(kubespray, _nothing)
        (path,) = paths(kubespray, (playbook,))
        order = kubespray.run(path, Following(naming(scenario, files), _nothing))
        manifests = Manifests(kubespray, _nothing)
        return run_through(kubespray, order, scenario, manifests, files)

    def has_line(self, place: Place) -> bool:
        """Whether the release has the file, and the file the line, of a place."""
        if place.path not in self._lines:
            tree = self.release.tree
            found = find(tree, place.path) is not None
            self._lines[place.path] = len(read(tree, place.path).splitlines()) if found else None
        lines = self._lines[place.path]
        return lines is not None and 1 <= place.line <= lines


def paths(kubespray: Kubespray, playbooks: Iterable[str]) -> list[str]:
    """Where a tree has some playbooks."""
    found = [kubespray.playbook_named(name) for name in playbooks]
    assert all(found), f"{list(playbooks)} are at {found}"
    return [path for path in found if path]


def _nothing(place: Place, message: str) -> None:
    """Leave what cannot be read to the tests of reports."""
