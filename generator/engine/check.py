"""The whole check: playbooks run through in a scenario, and what was found as a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from generator.engine.detect.approver import ENABLED, ROLE, of_variables, place_of
from generator.engine.detect.pending import pending
from generator.engine.detect.ran import Ran
from generator.engine.finding import Assumption, Checked, Finding, Report
from generator.engine.patch import SemanticPatch
from generator.engine.runs import blocking, run_playbooks
from generator.model.kubespray import Kubespray
from generator.model.scenario import NODES, REPORTED, Scenario
from generator.model.value import as_text

PLAYBOOKS = ("cluster", "upgrade_cluster", "recover_control_plane")
"""The playbooks that are checked without more: those that deploy workloads on their own."""

_SHOWN = (*REPORTED, ENABLED, "kube_network_plugin")
"""Variables that the report always begins with."""


def check(
    kubespray: Kubespray,
    playbooks: Iterable[str],
    scenario: Scenario,
    patches: Iterable[SemanticPatch],
) -> Report:
    """Return what there is to say of some playbooks of a tree; `playbooks` are paths.

    `patches` are the semantic patches that may be named as cures. Raises UnusableInput where a
    playbook cannot be run through.
    """
    through = run_playbooks(kubespray, playbooks, scenario)
    runs, chosen = through.runs, tuple(patches)
    found = [finding for ran in runs for finding in _findings(ran, chosen)]
    telling = [ran for ran in runs if ran.uses(ROLE)] or runs
    about = {finding: None for ran in telling[:1] for finding in of_variables(ran, chosen)}
    return Report(
        base=kubespray.tree.base,
        assumptions=tuple(_assumptions(runs[0], scenario)) if runs else (),
        playbooks=tuple(Checked(ran.playbook, ran.nodes) for ran in runs),
        findings=(*found, *about),
        unread=through.unread,
        unasked=through.unasked,
        blind=through.blind,
    )


def _findings(ran: Ran, patches: tuple[SemanticPatch, ...]) -> Iterator[Finding]:
    yield from blocking(ran, patches)
    yield from pending(ran, patches)


def _assumptions(ran: Ran, scenario: Scenario) -> Iterator[Assumption]:
    """Give the variables that decide most, and all that was given on the command line."""
    for name in dict.fromkeys((*_SHOWN, *scenario.given)):
        setting = scenario.setting(name)
        if setting is not None:
            source = str(setting.place) if setting.place else setting.source
            yield Assumption(name, as_text(setting.value), source)
            continue
        place = place_of(ran, name)
        value = ran.text_of(name, ROLE)
        source = "nobody sets it" if value == "undefined" else f"default, {place}"
        yield Assumption(name, value, source)
    if scenario.nodes is not None:
        yield Assumption(NODES, scenario.nodes, "--set")
