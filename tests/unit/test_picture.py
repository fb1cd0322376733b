"""What a picture shows: steps, marks, needs and what the patches did, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from trees import (
    APPROVER,
    CCM,
    EXISTS,
    applying,
    kubespray,
    kubespray_like,
    manifest,
    patched,
    patches,
    play,
    role,
    scenario,
)

from generator.engine.runs import Through, run_playbook
from generator.model.kubespray import Kubespray
from generator.picture.build import picture
from generator.picture.draft import draft
from generator.picture.model import Arrow, Box, Fold, Picture, Sheet

BOTH = ("approver-after-ccm", "approver-tolerations")
VSPHERE = f"{CCM}/vsphere"
FLANNEL = "network_plugin/flannel"
COREDNS = "kubernetes-apps/ansible"


def through(
    tree: Kubespray, playbook: str = "cluster.yml", nodes: str | None = None, **given: Any
) -> Through:
    return run_playbook(tree, playbook, scenario(given, nodes=nodes), patches().values())


def one(
    files: Mapping[str, str | bytes], playbook: str = "cluster.yml", nodes: str | None = None,
    everything: bool = False, **given: Any,
) -> Sheet:  # fmt: skip
    """The only sheet of a tree's picture without patches."""
    ran = through(kubespray(files), playbook, nodes, **given)
    (sheet,) = picture("tree", ran, None, everything=everything).sheets
    return sheet


def two(
    files: dict[str, str], *ids: str, playbook: str = "cluster.yml", **given: Any
) -> Picture:  # fmt: skip
    """A tree's picture before and after some patches."""
    before = through(kubespray(files), playbook, **given)
    after = through(patched(files, *(ids or BOTH)), playbook, **given)
    return picture("tree", before, after)


def rows(sheet: Sheet) -> list[list[str | int]]:
    """The rows of each band: a box by its title, a fold by the number of its roles."""
    return [
        [row.title if isinstance(row, Box) else len(row.names) for row in band.rows]
        for band in sheet.bands
    ]


def arrows(sheet: Sheet) -> list[tuple[str, str, tuple[str, ...], str, bool]]:
    """The arrows, with titles for keys."""
    boxes = sheet.boxes()
    return [
        (boxes[a.source].title, boxes[a.target].title, a.facts, a.state, a.cured)
        for a in sheet.arrows
    ]


def box(sheet: Sheet, title: str) -> Box:
    (found,) = [box for box in sheet.boxes().values() if box.title == title]
    return found


def marks(sheet: Sheet, title: str) -> list[tuple[str, str]]:
    return [(mark.kind, mark.text) for mark in box(sheet, title).marks]


def goes_back(sheet: Sheet, arrow: Arrow) -> bool:
    order = list(sheet.boxes())
    return order.index(arrow.source) > order.index(arrow.target)


class TestReportedCase:
    """cluster.yml of the tree in Kubespray's shape, with the approver before the CCM."""

    def test_rows(self) -> None:
        sheet = one(kubespray_like())
        assert rows(sheet) == [
            # defaults | control plane | flannel | network_plugin | the approver without helm-apps
            [1, "kubernetes/control-plane", FLANNEL, 1, APPROVER],
            # defaults | vsphere | the CCM's own, network_plugin | coredns | kubernetes-apps
            [1, VSPHERE, 2, COREDNS, 1],
        ]
        assert [(band.numbers, band.hosts) for band in sheet.bands] == [
            ((1,), "k8s_cluster"), ((2,), "kube_control_plane"),
        ]  # fmt: skip

    def test_arrows(self) -> None:
        assert arrows(one(kubespray_like())) == [
            (FLANNEL, APPROVER, ("nodes-ready",), "early", False),
            (VSPHERE, APPROVER, ("nodes-initialized",), "late", False),
            (COREDNS, APPROVER, ("dns",), "harmful", False),
        ]

    def test_late_ones_go_backwards_and_no_others(self) -> None:
        sheet = one(kubespray_like())
        assert [goes_back(sheet, arrow) for arrow in sheet.arrows] == [False, True, True]

    def test_marks(self) -> None:
        sheet = one(kubespray_like())
        assert marks(sheet, "kubernetes/control-plane") == [("provides", "provides the API server")]
        assert marks(sheet, FLANNEL) == [("provides", "provides ready nodes (DaemonSet flannel)")]
        assert marks(sheet, VSPHERE) == [
            ("provides", "provides initialized nodes (DaemonSet vsphere-ccm)")
        ]
        assert marks(sheet, APPROVER) == [
            ("waits", "waits up to 5 minutes for Helm release kubelet-csr-approver"),
            ("fails", "the deployment fails here: initialized nodes come only later"),
            ("harm", "its lookups fail: DNS in the cluster comes only later"),
        ]

    def test_verdict(self) -> None:
        sheet = one(kubespray_like())
        assert sheet.verdict == "blocks"
        assert sheet.sentence == (
            "kubelet-csr-approver needs initialized nodes, which only a later step provides: "
            "external_cloud_controller/vsphere."
        )

    def test_through_and_place(self) -> None:
        sheet = one(kubespray_like())
        assert (box(sheet, VSPHERE).through, box(sheet, APPROVER).through) == (CCM, "")
        assert box(sheet, APPROVER).place == "cluster.yml:6"

    def test_in_order_from_the_start(self) -> None:
        sheet = one(kubespray_like(approver_first=False))
        assert (sheet.verdict, sheet.sentence) == (
            "fine", "Nothing waits for what comes later, or never."
        )  # fmt: skip
        assert {state for *_, state, _ in arrows(sheet)} == {"early"}
        assert not any(goes_back(sheet, arrow) for arrow in sheet.arrows)

    def test_everything(self) -> None:
        """All steps have a box then, also helm-apps, which runs on the approver's behalf."""
        sheet = one(kubespray_like(), everything=True)
        assert not any(isinstance(row, Fold) for band in sheet.bands for row in band.rows)
        titles = [box.title for box in sheet.boxes().values()]
        assert titles == [step.title for step in sheet.steps]
        assert titles.index("helm-apps") + 1 == titles.index(APPROVER)
        assert box(sheet, "helm-apps").marks == ()

    def test_list_of_steps(self) -> None:
        sheet = one(kubespray_like())
        assert sheet.plays == (("", "k8s_cluster"), ("", "kube_control_plane"))
        first = [(step.depth, step.title) for step in sheet.steps if step.play == 1]
        assert first == [
            (0, "kubespray-defaults"), (0, "kubernetes/control-plane"), (1, FLANNEL),
            (0, "network_plugin"), (1, "helm-apps"), (0, APPROVER),
        ]  # fmt: skip


class TestPatched:
    def test_the_move(self) -> None:
        before, after = two(kubespray_like(), "approver-after-ccm").sheets
        assert (before.heading, after.heading) == ("Before", "After the patch")
        assert after.verdict == "fine"
        assert rows(after)[1] == [1, VSPHERE, 2, COREDNS, 1, APPROVER]
        assert marks(after, APPROVER) == [
            ("moved", "moved here by the patch, from play 1"),
            ("waits", "waits up to 5 minutes for Helm release kubelet-csr-approver"),
        ]
        assert arrows(after) == [
            (FLANNEL, APPROVER, ("nodes-ready",), "early", False),
            (VSPHERE, APPROVER, ("nodes-initialized",), "early", True),
            (COREDNS, APPROVER, ("dns",), "early", True),
        ]
        assert not any(goes_back(after, arrow) for arrow in after.arrows)

    def test_nothing_else_is_marked_as_moved(self) -> None:
        _, after = two(kubespray_like()).sheets
        changed = [b.title for b in after.boxes().values() if b.has("moved", "added")]
        assert changed == [APPROVER]

    def test_move_and_toleration(self) -> None:
        """What was late is drawn in time, although the pods could do without it now."""
        _, after = two(kubespray_like()).sheets
        assert ("spared", "its pods tolerate the taint of new nodes now") in marks(after, APPROVER)
        cured = [arrow[:4] for arrow in arrows(after) if arrow[4]]
        assert cured == [
            (VSPHERE, APPROVER, ("nodes-initialized",), "early"),
            (COREDNS, APPROVER, ("dns",), "early"),
        ]

    def test_toleration_alone(self) -> None:
        """It cures the wait, not the lookups; no arrow goes where nothing is needed any more."""
        _, after = two(kubespray_like(), "approver-tolerations").sheets
        assert after.verdict == "warns"
        assert arrows(after) == [
            (FLANNEL, APPROVER, ("nodes-ready",), "early", False),
            (COREDNS, APPROVER, ("dns",), "harmful", False),
        ]
        assert [kind for kind, _ in marks(after, APPROVER)] == ["waits", "harm", "spared"]

    def test_one_of_two_waits_is_not_spared(self) -> None:
        """A box is said to tolerate the taint where all that it waits for does."""
        wait = "- command: kubectl -n kube-system rollout status deployment/%s\n"
        rest = applying("a") + applying("b") + wait % "a" + wait % "b"
        spared = {
            tolerant: draft(through(kubespray(kubespray_like() | {
                "cluster.yml": play("two"),
                **role("two", rest, a=manifest(name="a", tolerations=[EXISTS]),
                       b=manifest(name="b", tolerations=[EXISTS] if tolerant else [])),
            }))).spared
            for tolerant in (True, False)
        }  # fmt: skip
        assert spared == {True: {"s1"}, False: set()}

    def test_what_changes_nothing_is_drawn_once(self) -> None:
        files = kubespray_like() | {"scale.yml": play("kubernetes/control-plane", APPROVER)}
        drawn = two(files, "approver-after-ccm", playbook="scale.yml")
        (sheet,) = drawn.sheets
        assert sheet.heading == "As it is, and as it stays"
        assert drawn.said.startswith("The chosen patches change nothing")

    def test_after_alone(self) -> None:
        drawn = picture("tree", None, through(patched(kubespray_like(), *BOTH)))
        (sheet,) = drawn.sheets
        assert (sheet.heading, sheet.verdict) == ("After the patch", "fine")
        assert not box(sheet, APPROVER).has("moved")

    def test_added(self) -> None:
        """Upstream's way of it makes the approver a dependency of kubernetes-apps everywhere."""
        files = kubespray_like()
        files["roles/kubernetes-apps/meta/main.yml"] = (
            "---\ndependencies:\n  - role: kubernetes-apps/ansible\n    tags: x\n"
        )
        new = files | {
            "roles/kubernetes-apps/meta/main.yml": files["roles/kubernetes-apps/meta/main.yml"]
            + f"  - role: {APPROVER}\n"
        }
        before = through(kubespray(files))
        after = through(kubespray(new))
        _, sheet = picture("tree", before, after).sheets
        found = [b for b in sheet.boxes().values() if b.title == APPROVER]
        assert [b.has("added") for b in found] == [False, True]
        assert [b.through for b in found] == ["", "kubernetes-apps"]


class TestOtherCases:
    def test_nobody(self) -> None:
        sheet = one(kubespray_like(approver_first=False), external_cloud_provider="manual")
        assert sheet.verdict == "blocks"
        assert sheet.sentence == (
            "kubelet-csr-approver needs initialized nodes, which no step provides."
        )
        last = sheet.bands[-1]
        assert last.numbers == () and [row.title for row in last.rows if isinstance(row, Box)] == [
            "nobody"
        ]
        assert box(sheet, "nobody").nobody
        assert ("nobody", APPROVER, ("nodes-initialized",), "never", False) in arrows(sheet)
        assert ("fails", "the deployment fails here: initialized nodes come from no step") in marks(
            sheet, APPROVER
        )

    def test_nobody_is_gone_with_the_toleration(self) -> None:
        files = kubespray_like(approver_first=False)
        drawn = two(files, "approver-tolerations", external_cloud_provider="manual")
        _, after = drawn.sheets
        assert after.verdict == "fine"
        assert "nobody" not in after.boxes()
        assert box(after, APPROVER).has("spared")

    def test_late_network(self) -> None:
        """Without a cloud, with a plugin whose DaemonSet comes behind the approver."""
        files = kubespray_like(plugin_last=True)
        sheet = one(files, cloud_provider="", external_cloud_provider="")
        assert (
            "kubernetes-apps/network_plugin/flannel", APPROVER, ("nodes-ready",), "late", False
        ) in arrows(sheet)  # fmt: skip

    def test_running_cluster(self) -> None:
        sheet = one(kubespray_like(), "upgrade_cluster.yml")
        assert sheet.verdict == "warns"
        assert sheet.sentence.startswith("Only where nodes are new: kubelet-csr-approver needs")
        (arrow,) = [arrow for arrow in arrows(sheet) if arrow[2] == ("nodes-initialized",)]
        assert arrow[3] == "harmful"

    def test_new_nodes_in_an_upgrade(self) -> None:
        assert one(kubespray_like(), "upgrade_cluster.yml", nodes="new").verdict == "blocks"

    def test_ccm_that_cannot_run(self) -> None:
        sheet = one(kubespray_like(ccm=()))
        assert sheet.verdict == "blocks"
        assert box(sheet, VSPHERE).has("fails")

    def test_tolerated_from_the_start(self) -> None:
        files = kubespray_like() | role("app", applying(), app=manifest(tolerations=[EXISTS]))
        files["cluster.yml"] += play("app")
        assert "app" not in [b.title for b in one(files).boxes().values()]

    def test_pending(self) -> None:
        files = kubespray_like() | role("app", applying(), app=manifest())
        files["cluster.yml"] = play("app") + files["cluster.yml"]
        sheet = one(files)
        assert marks(sheet, "app") == [
            ("pending", "Deployment app stays Pending until there are initialized nodes and ready "
                        "nodes")
        ]  # fmt: skip

    def test_task_of_a_play(self) -> None:
        """What the play itself waits for has a box of its own, behind the roles before it."""
        more = """
        post_tasks:
          - command: kubectl -n kube-system rollout status deployment/app
        """
        files = kubespray_like() | role("app", applying(), app=manifest())
        files["cluster.yml"] = play("app", more=more) + files["cluster.yml"]
        sheet = one(files)
        assert rows(sheet)[0] == ["app", "a task of the play"]
        late = [a for a in arrows(sheet) if a[1] == "a task of the play"]
        assert {(a[0], a[3]) for a in late} == {(VSPHERE, "late"), (FLANNEL, "late")}

    def test_helm_comes_first(self) -> None:
        files = kubespray_like() | role("kubernetes-apps/helm")
        meta = "dependencies: [kubernetes-apps/helm]\n"
        sheet = one(files | {"roles/helm-apps/meta/main.yml": meta})
        assert ("kubernetes-apps/helm", APPROVER, ("helm",), "early", False) in arrows(sheet)
        assert box(sheet, "kubernetes-apps/helm").through == APPROVER

    def test_plays_without_boxes_are_one_band(self) -> None:
        files = kubespray_like() | role("a") | role("b")
        files["cluster.yml"] = play("a") + play("b") + play() + files["cluster.yml"] + play("a")
        sheet = one(files)
        assert [band.numbers for band in sheet.bands] == [(1, 2, 3), (4,), (5,), (6,)]
        assert sheet.bands[0].rows == (Fold(("a", "b")),)

    def test_no_plays_that_matter(self) -> None:
        sheet = one(kubespray_like() | {"cluster.yml": play("kubespray-defaults")})
        assert (sheet.verdict, sheet.boxes(), sheet.arrows) == ("fine", {}, ())

    @pytest.mark.parametrize("value", ["false", "no"])
    def test_approver_that_is_off(self, value: str) -> None:
        sheet = one(kubespray_like(), kubelet_csr_approver_enabled=value == "yes")
        assert box(sheet, APPROVER).marks == ()
        assert sheet.verdict == "fine"

    def test_scenario_is_told(self) -> None:
        ran = through(kubespray(kubespray_like()), dns_mode="none")
        assert picture("tree", ran, None).scenario == (
            "cloud_provider=external", "external_cloud_provider=vsphere",
            "kubelet_rotate_server_certificates=true", "kube_network_plugin=flannel",
            "dns_mode=none", "all nodes new",
        )  # fmt: skip
