"""`stage` on real releases: when it helps, and what its tags select by Ansible's own word.

Ansible is asked about the last release of each line with the version that it pins: `--list-tasks`
of the whole playbook must be that of stage 1 plus the approver's tasks, and that of stage 3 the
approver's tasks plus what is tagged `always`. It lists nothing that is included at run time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from oracles import ansible, checkout
from oracles.ansible import ASKED, ListedPlay, ListedTask

from generator.engine.detect.approver import ENABLED
from generator.engine.patch import load_patches
from generator.exits import Unsafe
from generator.model.facts import INITIALIZED, READY
from generator.resources import resource_dir
from generator.stage.decide import Asked, Needless, Staged, decide
from generator.stage.imported import imported
from generator.stage.runbook import Setting, runbook_playbook, runbook_script, runbook_text

from . import APPROVER, Release
from .checking import DEFAULT, MANUAL, Variables, no_cloud, paths, scenario_of

pytestmark = pytest.mark.releases

TAG = "kubelet-csr-approver"
BRINGS = ("kubernetes-apps/helm", "helm-apps", APPROVER)
SETTING = Setting("/srv/kubespray", "/srv/inventory.ini", 600, 10)

CUSTOM_CNI: Variables = {
    "kube_network_plugin": "custom_cni",
    "custom_cni_chart_release_name": "mine",
    "custom_cni_chart_ref": "example/mine",
}


def asked(
    release: Release,
    variables: Variables = DEFAULT,
    playbook: str = "cluster",
    own_ccm: bool = False,
) -> Asked:
    (path,) = paths(release.before, (playbook,))
    patches = tuple(load_patches([resource_dir("patches")]).values())
    return Asked(release.before, path, scenario_of(variables), patches, own_ccm)


def refused(question: Asked) -> str:
    with pytest.raises(Unsafe) as error:
        decide(question)
    return str(error.value)


class TestWhenItHelps:
    @pytest.mark.parametrize("playbook", ["cluster", "recover_control_plane"])
    def test_the_reported_case(self, release: Release, playbook: str) -> None:
        found = decide(asked(release, playbook=playbook))
        if not release.order_is_wrong:
            assert isinstance(found, Needless)
            return
        assert isinstance(found, Staged)
        assert (found.chosen.tag, found.chosen.brings) == (TAG, BRINGS)
        assert found.needs == {INITIALIZED}
        controller = found.controller.workload if found.controller else None
        assert controller is not None and "vsphere-cloud-controller-manager" in str(controller)

    def test_the_patched_tree_needs_none(self, release: Release) -> None:
        question = asked(release)
        tree = release.series.after
        path = tree.playbook_named("cluster") or ""
        patched = Asked(tree, path, question.scenario, question.patches)
        assert isinstance(decide(patched), Needless)

    def test_without_rotation(self, release: Release) -> None:
        found = decide(asked(release, {"kubelet_rotate_server_certificates": False}))
        assert isinstance(found, Needless) and not found.others

    def test_nobody_takes_the_taint_off(self, release: Release) -> None:
        if not release.has_approver:
            assert isinstance(decide(asked(release, MANUAL)), Needless)
            return
        text = refused(asked(release, MANUAL))
        assert "--own-ccm" in text and "approver-tolerations" in text

    def test_with_a_ccm_of_their_own(self, release: Release) -> None:
        found = decide(asked(release, MANUAL, own_ccm=True))
        if not release.has_approver:
            assert isinstance(found, Needless)
            return
        assert isinstance(found, Staged) and found.own_ccm and found.controller is None
        assert (found.chosen.tag, found.chosen.brings) == (TAG, BRINGS)

    def test_upgrade(self, release: Release) -> None:
        """Upstream has the approver before the CCM there from v2.23.0 on, on purpose."""
        question = asked(release, playbook="upgrade_cluster")
        if release.version < (2, 23):
            assert isinstance(decide(question), Needless)
        else:
            assert "the approver must come first" in refused(question)

    def test_no_cloud(self, release: Release) -> None:
        """Up to v2.27 the approver comes before the DaemonSets of some network plugins."""
        found = decide(asked(release, no_cloud("flannel")))
        if release.order_is_wrong:
            assert isinstance(found, Staged) and found.needs == {READY}
        else:
            assert isinstance(found, Needless)

    def test_what_blocks_besides(self, release: Release) -> None:
        if release.version < (2, 24):
            pytest.skip("custom_cni by Helm came in v2.24")
        if release.order_is_wrong:
            text = refused(asked(release, CUSTOM_CNI))
            assert "Helm release mine" in text and "does not cure" in text
        else:
            found = decide(asked(release, CUSTOM_CNI))
            assert isinstance(found, Needless)
            assert any("Helm release mine" in other.message for other in found.others)

    def test_every_form(self, release: Release) -> None:
        question = asked(release, MANUAL, own_ccm=True)
        found = decide(question)
        if isinstance(found, Needless):
            return
        made = imported(question, found, found.playbook)
        assert (made.off, made.roles[-1]["role"]) == (ENABLED, APPROVER)
        assert made.defaults in ("kubespray-defaults", "kubespray_defaults")
        assert f"--skip-tags {TAG}" in runbook_text(found, SETTING)
        assert f"tag={TAG}\n" in runbook_script(found, SETTING)
        assert f"{ENABLED}: false" in runbook_playbook(found, SETTING, made)


@dataclass(frozen=True)
class Listings:
    """What Ansible lists for cluster.yml whole and by its stages, and for the playbook form."""

    whole: list[ListedPlay]
    first: list[ListedPlay]
    third: list[ListedPlay]
    playbook: list[ListedPlay]
    resumed: list[ListedPlay]


@pytest.fixture(scope="session")
def listed(
    revision: str,
    url: str,
    mirror: Path,
    ansible_pins: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Listings:
    if revision not in ansible_pins:
        pytest.skip(f"the repository has no {revision}")
    bin_dir = ansible.ansible_for(ansible_pins[revision])
    if bin_dir is None:
        pytest.skip(ansible.why_not(ansible_pins[revision]))
    release = Release(revision, mirror)
    try:
        question = asked(release, MANUAL, own_ccm=True)
        found = decide(question)
        assert isinstance(found, Staged)
        tree = checkout.export(url, revision, tmp_path_factory.mktemp("staged") / revision)
        made = imported(question, found, found.playbook)
        (tree / "stage.yml").write_text(runbook_playbook(found, SETTING, made))
    finally:
        release.close()
    tag = found.chosen.tag
    wanted = [
        (found.playbook,),
        (found.playbook, "--skip-tags", tag),
        (found.playbook, "--tags", tag),
        ("stage.yml",),
        ("stage.yml", "--tags", "stage-2,stage-3"),
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        made_of = pool.map(lambda words: ansible.list_tasks(bin_dir, tree, *words), wanted)
        return Listings(*made_of)


def is_meant(task: ListedTask) -> bool:
    """Whether a task is one of those for the sake of which there are stages."""
    return TAG in task.tags and task.role in BRINGS


def key(play: ListedPlay) -> tuple[str, str]:
    return play.hosts, play.name


def short(tasks: tuple[ListedTask, ...]) -> list[tuple[str | None, str]]:
    return [(task.role, task.name) for task in tasks]


@pytest.mark.ansible
@pytest.mark.parametrize("revision", ASKED, scope="session")
class TestByAnsible:
    def test_stage_1_leaves_out_what_is_meant(self, listed: Listings) -> None:
        assert list(map(key, listed.whole)) == list(map(key, listed.first))
        left_out: list[ListedTask] = []
        for whole, first in zip(listed.whole, listed.first, strict=True):
            meant = [task for task in whole.tasks if is_meant(task)]
            assert list(first.tasks) == [task for task in whole.tasks if not is_meant(task)]
            left_out += meant
        assert {"Install Helm Applications", "Add Helm repositories"} <= {
            task.name for task in left_out
        }

    def test_stage_3_runs_what_is_meant(self, listed: Listings) -> None:
        meant = [task for play in listed.whole for task in play.tasks if is_meant(task)]
        runs = [task for play in listed.third for task in play.tasks if is_meant(task)]
        assert runs == meant
        # What runs besides is part of stage 1, too.
        again = Counter(task for play in listed.third for task in play.tasks) - Counter(meant)
        assert not again - Counter(task for play in listed.first for task in play.tasks)
        assert all("always" in task.tags for task in again)

    def test_helm_is_installed_in_stage_3(self, listed: Listings) -> None:
        """The role comes along; in stage 1 only the applications bring it, for helm_enabled."""

        def helm(plays: list[ListedPlay]) -> list[ListedTask]:
            return [t for p in plays for t in p.tasks if t.role == "kubernetes-apps/helm"]

        third = helm(listed.third)
        names = [task.name for task in third]
        assert "Helm | Copy helm binary from download dir" in names
        last = max(i for i, task in enumerate(_tasks(listed.third)) if task in third)
        installs = [
            i for i, t in enumerate(_tasks(listed.third)) if is_meant(t) and t.role == "helm-apps"
        ]
        assert last < min(installs)
        assert all({"helm", "apps"} & task.tags or "network" in task.tags
                   for task in helm(listed.first))  # fmt: skip

    def test_the_playbook_imports_the_whole(self, listed: Listings) -> None:
        count = len(listed.whole)
        assert len(listed.playbook) == count + 2
        for whole, here in zip(listed.whole, listed.playbook, strict=False):
            assert key(whole) == key(here)
            assert short(whole.tasks) == short(here.tasks)
            assert all("stage-1" in task.tags for task in here.tasks)

    def test_the_playbook_ends_with_the_approver(self, listed: Listings) -> None:
        meant = [task for play in listed.whole for task in play.tasks if is_meant(task)]
        # Both plays begin with the tree's defaults, which have tasks in some releases.
        defaults = [task for task in short(listed.playbook[-2].tasks) if task[0]]
        last = [task for task in short(listed.playbook[-1].tasks) if task[0]]
        assert last == [*defaults, *short(tuple(meant))]
        wanted = next(play for play in listed.whole if any(map(is_meant, play.tasks)))
        assert listed.playbook[-1].hosts == wanted.hosts

    def test_the_playbook_goes_on(self, listed: Listings) -> None:
        for play in listed.resumed[:-2]:
            assert all("always" in task.tags for task in play.tasks)
        assert short(listed.resumed[-1].tasks) == short(listed.playbook[-1].tasks)
        assert short(listed.resumed[-2].tasks) == short(listed.playbook[-2].tasks)
        assert any("always" in task.tags for play in listed.resumed[:-2] for task in play.tasks)


def _tasks(plays: list[ListedPlay]) -> list[ListedTask]:
    return [task for play in plays for task in play.tasks]
