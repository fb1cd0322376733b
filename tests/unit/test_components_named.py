"""Which component of `system-tolerations` the check names for a workload, and whether it cures."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import (
    EXISTS,
    Tree,
    applying,
    kubespray,
    kubespray_like,
    manifest,
    of_code,
    patches,
    report,
    role,
)

from generator.emit.check_json import check_report
from generator.emit.check_text import text
from generator.engine.finding import Finding, Request
from generator.engine.operations.base import Changed, NotNeeded
from generator.engine.operations.tolerate_workload import TolerateWorkload
from generator.engine.series import plan
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray

ID = "system-tolerations"
MANUAL: dict[str, Any] = {"external_cloud_provider": "manual"}
LIKE = kubespray_like()
APPS = "roles/kubernetes-apps/meta/main.yml"

METALLB = kubespray_like() | {
    APPS: "dependencies: [kubernetes-apps/ansible, kubernetes-apps/metallb]\n",
    **role(
        "kubernetes-apps/metallb",
        applying()
        + "- command: kubectl -n metallb-system wait --timeout=2m "
        "--for=condition=ready pods -l app=metallb\n",
        app=manifest(name="controller", namespace="metallb-system").replace(
            "k8s-app: controller", "app: metallb"
        ),
    ),
}  # fmt: skip

LISTED = "tolerations:\n        {{ metrics_server_extra_tolerations | to_nice_yaml | indent(8) }}"
METRICS = kubespray_like() | {
    APPS: "dependencies: [kubernetes-apps/metrics_server]\n",
    **role(
        "kubernetes-apps/metrics_server",
        applying(),
        defaults="metrics_server_extra_tolerations:\n  - {key: example.org/own}\n",
        app=manifest(name="metrics-server", pod=LISTED),
    ),
}  # fmt: skip


def finding(files: Tree, name: str, code: str = "pending", **given: Any) -> Finding:
    """The finding on a workload in cluster.yml."""
    found = of_code(report(files, **{**MANUAL, **given}), code)
    (one,) = [one for one in found if one.message.startswith(f"Deployment {name} ")]
    return one


def after(files: Tree, component: str) -> Kubespray:
    patch = patches()[ID].limited_to({component})
    series = plan(kubespray(files), [patch])
    assert [applied.components for applied in series.applied] == [(component,)]
    return series.after


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The components of operations that were tried on the tree."""
    names: list[str] = []
    apply = TolerateWorkload.apply

    def counting(self: TolerateWorkload, kubespray: Kubespray) -> Changed | NotNeeded:
        names.append(self.component.name)
        return apply(self, kubespray)

    monkeypatch.setattr(TolerateWorkload, "apply", counting)
    return names


CASES = {
    "coredns": (LIKE, "coredns", "pending", "coredns"),
    "metallb": (METALLB, "controller", "deadlock-unprovided", "metallb-controller"),
    "by a default": (METRICS, "metrics-server", "pending", "metrics-server"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_named_and_cures(case: str) -> None:
    files, name, code, component = CASES[case]
    found = finding(files, name, code)
    assert found.fixed_by == (ID,)
    assert found.requests == (Request(f"{ID}={component}"),)
    advice = f"The option --with {ID}={component} lets its pods tolerate the taint."
    assert found.cure.endswith(advice)
    left = report(after(files, component), **MANUAL).findings
    assert not [one for one in left if f"Deployment {name} " in one.message]


def test_formats() -> None:
    found = report(LIKE, **MANUAL)
    (told,) = [
        one for one in check_report(found)["findings"]
        if one["code"] == "pending" and "coredns" in one["message"]
    ]  # fmt: skip
    assert (told["fixed_by"], told["with"]) == ([ID], [f"{ID}=coredns"])
    shown = text(found, on_request={ID})
    assert f"(cure: --with {ID}=coredns)" in shown
    shown = " ".join(text(report(METALLB, **MANUAL), on_request={ID}).split())
    assert f"{ID} (kubespray-patchgen patch --with {ID}=metallb-controller)" in shown


def test_nothing_is_tried_where_nothing_is_pending(tried: list[str]) -> None:
    report(LIKE)
    assert tried == []


def test_each_operation_is_tried_once(tried: list[str]) -> None:
    report(METALLB, "cluster.yml", "upgrade_cluster.yml", "recover_control_plane.yml", **MANUAL)
    assert sorted(tried) == ["coredns", "metallb-controller"]


def test_what_only_the_patch_cannot_read_does_not_end_the_check() -> None:
    files = {**METRICS, "roles/kubernetes-apps/metrics_server/defaults/main.yml": "a: ["}
    found = finding(files, "metrics-server")
    assert (found.fixed_by, found.requests) == ((), ())


def test_not_where_the_patch_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(self: TolerateWorkload, kubespray: Kubespray) -> Changed:
        raise Unsafe("x")

    monkeypatch.setattr(TolerateWorkload, "apply", refusing)
    found = finding(LIKE, "coredns")
    assert (found.fixed_by, found.requests) == ((), ())
    assert found.cure == "Nothing waits for it; it starts by itself then."


def test_not_where_a_user_replaces_the_default() -> None:
    """The patch extends the role's list; the one of an inventory stands in its place."""
    own = {"metrics_server_extra_tolerations": [{"key": "example.org/mine"}]}
    assert finding(METRICS, "metrics-server", **own).fixed_by == ()
    inventory = {**MANUAL, "cloud_provider": "external", "kubelet_rotate_server_certificates": True}
    (one,) = [
        one for one in of_code(report(METRICS, base={**inventory, **own}), "pending")
        if "metrics-server" in one.message
    ]  # fmt: skip
    assert one.fixed_by == ()
    assert finding(METRICS, "metrics-server", unrelated="x").fixed_by == (ID,)


def test_not_for_a_workload_of_another_role() -> None:
    other = kubespray_like() | {
        APPS: "dependencies: [kubernetes-apps/own]\n",
        **role("kubernetes-apps/own", applying(), app=manifest(name="coredns")),
    }
    assert finding(other, "coredns").fixed_by == ()


def test_not_for_another_document_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """One workload of a file is changed, and the other, which cannot be, is not promised."""
    first, second = "kubernetes-dashboard", "kubernetes-metrics-scraper"
    two = manifest(name=first) + "---\n" + manifest(name=second)
    (path,) = (path for path in LIKE if path.endswith("templates/coredns.yml.j2"))
    files = LIKE | {path: two}
    assert finding(files, first).fixed_by == (ID,)
    assert finding(files, second).fixed_by == (ID,)
    apply = TolerateWorkload.apply

    def half(self: TolerateWorkload, kubespray: Kubespray) -> Changed | NotNeeded:
        outcome = apply(self, kubespray)
        assert isinstance(outcome, Changed)
        head = outcome.files[path].partition(b"---")[0]
        return Changed({path: head + b"---\n" + two.encode().partition(b"---\n")[2]}, "x")

    monkeypatch.setattr(TolerateWorkload, "apply", half)
    assert finding(files, first).fixed_by == (ID,)
    assert finding(files, second).fixed_by == ()


def test_not_where_the_network_is_lacking_too() -> None:
    """The toleration alone would leave it Pending: its nodes are not ready."""
    found = finding(kubespray_like(plugin_last=True) | {
        "cluster.yml": kubespray_like()["cluster.yml"].replace(
            "    - {role: kubernetes-apps/network_plugin, tags: network}\n", ""
        )
    }, "coredns")  # fmt: skip
    assert found.fixed_by == ()


def test_unwise_ones_say_so() -> None:
    registry = kubespray_like() | {
        APPS: "dependencies: [kubernetes-apps/registry]\n",
        **role("kubernetes-apps/registry", applying(), app=manifest(name="registry")),
    }
    found = finding(registry, "registry")
    (component,) = [one for one in patches()[ID].components if one.name == "registry"]
    assert found.requests == (Request(f"{ID}=registry", component.unwise),)
    assert found.cure.endswith(f"That is unwise: {component.unwise}")
    # A note harms nobody: people are not led to what is unwise.
    assert "--with" not in text(report(registry, **MANUAL), on_request={ID})


def test_default_patches_come_first() -> None:
    """An approver that waits is cured by default, whatever else could be asked for."""
    found = of_code(report(METALLB), "deadlock-order")
    assert [one.requests for one in found if "approver" in one.message] == [()]


def test_already_tolerating_is_not_pending() -> None:
    files = LIKE | {
        path: manifest(name="coredns", tolerations=[EXISTS])
        for path in LIKE if path.endswith("templates/coredns.yml.j2")
    }  # fmt: skip
    found = of_code(report(files, **MANUAL), "pending")
    assert not [one for one in found if "coredns" in one.message]
