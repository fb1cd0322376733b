"""The program's order of real releases against figures that were read off Ansible's listings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oracles import checkout
from oracles.checkout import URL

from generator.model.kubespray import Kubespray
from generator.model.step import Step

from . import APPROVER, CCM, Release, loaded, order_of

pytestmark = pytest.mark.releases

FIGURES: dict[str, Any] = loaded(Path(__file__).with_name("figures.yml").read_bytes())
PLAYBOOKS = (
    "cluster",
    "upgrade_cluster",
    "scale",
    "recover_control_plane",
    "remove_node",
    "reset",
)


def name_now(name: str) -> str:
    """The figure's name where the repository has it at the figure's commit, else the commit."""
    try:
        same = checkout.resolve(URL, name) == FIGURES[name]["commit"]
    except LookupError:
        same = False
    return name if same else FIGURES[name]["commit"]


def figure(step: Step) -> list[object]:
    """A step as the figures give it."""
    place = step.entry_place
    at = f"{place.path}:{place.line}"
    return [step.play_number, int(step.entry[-1]) + 1, at, *step.roles[:-1]]


@pytest.mark.parametrize("name", FIGURES)
def test_as_in_the_figures(name: str, mirror: Path, request: pytest.FixtureRequest) -> None:
    commit = FIGURES[name]["commit"]
    try:
        checkout.resolve(URL, commit)
    except LookupError:
        pytest.skip(f"the repository has no commit {commit}, the one that {name} was at")
    request.node.user_properties.append(("kubespray revision", name_now(name)))
    release = Release(commit, mirror)
    try:
        kubespray = Kubespray(release.tree)
        for playbook in PLAYBOOKS:
            known = FIGURES[name]["playbooks"].get(playbook, {})
            order = order_of(kubespray, playbook)
            for role, key in ((APPROVER, "approver"), (CCM, "ccm")):
                found = [figure(step) for step in order.of_role(role)]
                assert found == known.get(key, []), f"{key} in {playbook} of {name}"
    finally:
        release.close()


def test_the_figures_are_of_every_kind() -> None:
    """Guards against a figures file that says nothing."""
    uses = [use for figures in FIGURES.values() for use in figures["playbooks"].values()]
    assert len(FIGURES) >= 36
    assert sum("approver" in use for use in uses) > 90 and sum("ccm" in use for use in uses) > 90
    assert any(len(row) > 3 for use in uses for row in use.get("approver", ()))
