"""Pictures of real releases say what `check` says, and can be looked at."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from generator.engine.finding import Report
from generator.engine.patch import load_patches
from generator.engine.runs import Through, run_playbook
from generator.picture.build import picture
from generator.picture.html import html
from generator.picture.layout import frame
from generator.picture.mermaid import mermaid, too_much
from generator.picture.model import Picture, Sheet
from generator.picture.svg import svg
from generator.resources import resource_dir

from . import APPROVER, CCM, Release
from .checking import (
    DEFAULT,
    MANUAL,
    Checks,
    Variables,
    no_cloud,
    paths,
    scenario_of,
)
from .conftest import FEW, LAST

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
from test_picture_layout import assert_placed

pytestmark = pytest.mark.releases


@dataclass
class Pictures:
    """The pictures of one release; what was asked for once is kept."""

    release: Release
    checks: Checks
    _runs: dict[tuple[object, ...], Through] = field(default_factory=dict)

    def through(
        self, playbook: str, variables: Variables, *, patched: bool, nodes: str | None = None
    ) -> Through:
        key = (playbook, repr(sorted(variables.items())), patched, nodes)
        if key not in self._runs:
            kubespray = self.release.series.after if patched else self.release.before
            (path,) = paths(kubespray, (playbook,))
            cures = tuple(load_patches([resource_dir("patches")]).values())
            scenario = scenario_of(variables, nodes)
            self._runs[key] = run_playbook(kubespray, path, scenario, cures)
        return self._runs[key]

    def picture(
        self,
        playbook: str = "cluster",
        variables: Variables = DEFAULT,
        *,
        nodes: str | None = None,
        everything: bool = False,
    ) -> Picture:
        before = self.through(playbook, variables, patched=False, nodes=nodes)
        applied = bool(self.release.series.applied)
        after = self.through(playbook, variables, patched=True, nodes=nodes) if applied else None
        return picture(self.release.name, before, after, everything=everything)

    def report(self, playbook: str, variables: Variables, *, patched: bool) -> Report:
        return self.checks.report(variables, (playbook,), patched=patched)


@pytest.fixture(scope="session")
def pictures(release: Release) -> Pictures:
    return Pictures(release, Checks(release))


def backwards(sheet: Sheet) -> list[tuple[str, str, tuple[str, ...]]]:
    """The arrows that go backwards: who provides, who needs, and what."""
    boxes = sheet.boxes()
    order = list(boxes)
    return [
        (boxes[arrow.source].title, boxes[arrow.target].title, arrow.facts)
        for arrow in sheet.arrows
        if order.index(arrow.source) >= order.index(arrow.target)
    ]


def is_drawn(drawn: Picture) -> None:
    """All formats can be written, are well-formed, and nothing lies on anything else."""
    written = svg(drawn)
    ElementTree.fromstring(written.encode("utf-8"))
    assert svg(drawn) == written
    assert "<script" not in html([drawn])
    assert not too_much(mermaid(drawn))
    assert not too_much(mermaid(drawn, everything=True))
    wide = frame(drawn.sheets)
    for sheet in drawn.sheets:
        assert_placed(sheet, wide)


def test_deadlock_goes_backwards_and_the_patch_turns_it(pictures: Pictures) -> None:
    """cluster.yml with vsphere: as figures of the releases have it, and as `check` says."""
    release = pictures.release
    drawn = pictures.picture()
    before, after = drawn.sheets[0], drawn.sheets[-1]
    ends = [end for end in backwards(before) if "nodes-initialized" in end[2]]
    if release.order_is_wrong:
        assert ends == [(f"{CCM}/vsphere", APPROVER, ("nodes-initialized",))]
        assert before.verdict == "blocks"
        (box,) = [box for box in after.boxes().values() if box.title == APPROVER]
        assert box.has("moved") and box.has("spared")
        assert [arrow.facts for arrow in after.arrows if arrow.cured] == [
            ("nodes-initialized",), ("dns",)
        ]  # fmt: skip
    else:
        assert backwards(before) == [] and before.verdict == "fine"
    assert backwards(after) == [] and after.verdict == "fine"


@pytest.mark.parametrize(
    ("playbook", "variables"),
    [("cluster", DEFAULT), ("upgrade_cluster", DEFAULT), ("cluster", MANUAL)],
    ids=["cluster", "upgrade", "manual"],
)
def test_says_what_check_says(pictures: Pictures, playbook: str, variables: Variables) -> None:
    agrees(pictures, playbook, variables)


@pytest.mark.only_on(LAST)
@pytest.mark.parametrize(
    ("playbook", "variables"),
    [
        ("upgrade_cluster", MANUAL),
        ("cluster", no_cloud("flannel")),
        ("upgrade_cluster", no_cloud("flannel")),
    ],
    ids=["upgrade-manual", "flannel", "upgrade-flannel"],
)
def test_says_more_of_what_check_says(
    pictures: Pictures, playbook: str, variables: Variables
) -> None:
    agrees(pictures, playbook, variables)


def agrees(pictures: Pictures, playbook: str, variables: Variables) -> None:
    drawn = pictures.picture(playbook, variables)
    for sheet, patched in zip(drawn.sheets, (False, True), strict=False):
        report = pictures.report(playbook, variables, patched=patched)
        found = {f.severity for f in report.findings if f.playbook is not None}
        worst = "blocks" if "error" in found else "warns" if "warning" in found else "fine"
        assert sheet.verdict == worst, (playbook, variables, patched)
        codes = [f.code for f in report.findings if f.code.startswith(("deadlock", "slow"))]
        bad = [a for a in sheet.arrows if a.state != "early" and a.facts != ("dns",)]
        assert bool(bad) == bool(codes)
        assert any(a.source == "nobody" for a in bad) == ("deadlock-unprovided" in codes)


def test_is_drawn(pictures: Pictures) -> None:
    is_drawn(pictures.picture())


@pytest.mark.only_on(LAST)
@pytest.mark.parametrize(
    ("playbook", "variables"),
    [("cluster", MANUAL), ("upgrade_cluster", DEFAULT), ("cluster", no_cloud("flannel"))],
    ids=["manual", "upgrade", "flannel"],
)
def test_others_are_drawn(pictures: Pictures, playbook: str, variables: Variables) -> None:
    is_drawn(pictures.picture(playbook, variables))


@pytest.mark.only_on(FEW)
@pytest.mark.parametrize("playbook", ["scale", "reset", "remove_node", "recover_control_plane"])
def test_other_playbooks_are_drawn(pictures: Pictures, playbook: str) -> None:
    is_drawn(pictures.picture(playbook))


@pytest.mark.only_on(FEW)
def test_every_step_is_drawn(pictures: Pictures) -> None:
    drawn = pictures.picture(everything=True)
    is_drawn(drawn)
    for sheet in drawn.sheets:
        titles = [box.title for box in sheet.boxes().values()]
        assert titles == [step.title for step in sheet.steps]


def test_folded_picture_is_small(pictures: Pictures) -> None:
    """What a stranger looks at has a dozen boxes, not two hundred steps."""
    for sheet in pictures.picture().sheets:
        assert len(sheet.steps) > 80
        assert 4 <= len(sheet.boxes()) <= 12
