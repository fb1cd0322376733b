"""What `check` finds in trees of Kubespray's shape, and that the patches it names cure it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from unit.trees import (
    APPROVER,
    CCM,
    EVERYTHING,
    EXISTS,
    TAINT,
    Tree,
    applying,
    codes,
    kubespray_like,
    manifest,
    of_code,
    one,
    patched,
    play,
    report,
    role,
)

from generator.engine.finding import Finding, Report

PLAYBOOKS = ("cluster.yml", "upgrade_cluster.yml", "recover_control_plane.yml")

LIKE = kubespray_like()
FIXED = kubespray_like(approver_first=False)
PLUGIN_LAST = kubespray_like(plugin_last=True)

MANUAL: dict[str, Any] = {"external_cloud_provider": "manual"}
NO_CLOUD: dict[str, Any] = {"cloud_provider": ""}
BYPASS: dict[str, Any] = {
    "kubelet_csr_approver_values": {"bypassDnsResolution": True, "providerRegex": "^node-[0-9]+$"}
}


def line(files: Tree, finding: Finding) -> str:
    return files[finding.place.path].splitlines()[finding.place.line - 1]


def lines_of_evidence(files: Tree, finding: Finding) -> list[str]:
    found = (evidence.place for evidence in finding.evidence)
    return [files[place.path].splitlines()[place.line - 1].strip() for place in found]


def deadlocks(found: Report) -> list[tuple[str, str | None, str]]:
    return [
        (finding.code, finding.playbook, finding.severity)
        for finding in found.findings
        if finding.code in ("deadlock-order", "deadlock-unprovided", "slow-wait")
    ]


def test_the_reported_case() -> None:
    found = report(LIKE, *PLAYBOOKS)
    assert deadlocks(found) == [
        ("deadlock-order", "cluster.yml", "error"),
        ("deadlock-order", "upgrade_cluster.yml", "warning"),
        ("deadlock-order", "recover_control_plane.yml", "error"),
    ]
    assert found.unread == ()
    first = found.findings[0]
    assert APPROVER in line(LIKE, first)
    assert first.place.path == "cluster.yml"
    assert first.blocking
    assert first.conditions == (
        "cloud_provider=external",
        "external_cloud_provider=vsphere",
        "kubelet_rotate_server_certificates=true",
    )
    waits, what, provider = lines_of_evidence(LIKE, first)
    assert waits == "wait: true"
    assert "kubelet-csr-approver" in what
    assert CCM in provider
    assert "5 minutes" in first.why and TAINT in first.why
    assert first.fixed_by == ("approver-after-ccm", "approver-tolerations")


def test_recover_control_plane_points_into_the_playbook_that_it_imports() -> None:
    found = one(report(LIKE, "recover_control_plane.yml"), "deadlock-order")
    assert (found.playbook, found.place.path) == ("recover_control_plane.yml", "cluster.yml")


def test_an_upgrade_blocks_only_with_new_nodes_and_its_order_stays() -> None:
    warned = one(report(LIKE, "upgrade_cluster.yml"), "deadlock-order")
    assert (warned.severity, warned.blocking) == ("warning", False)
    assert warned.fixed_by == ("approver-tolerations",)
    assert "Do not move" in warned.cure
    assert "version skew" in warned.why
    failing = one(report(LIKE, "upgrade_cluster.yml", nodes="new"), "deadlock-order")
    assert (failing.severity, failing.blocking) == ("error", True)
    assert report(LIKE, "cluster.yml", nodes="initialized").count("error") == 0


def test_the_order_since_upstream_changed_it() -> None:
    assert codes(report(FIXED, "cluster.yml")) == []


@pytest.mark.parametrize("files", [LIKE, FIXED], ids=["before", "after"])
def test_no_order_helps_where_nobody_deploys_a_controller(files: Tree) -> None:
    found = one(report(files, **MANUAL), "deadlock-unprovided")
    assert found.severity == "error"
    assert found.fixed_by == ("approver-tolerations",)
    assert "order of the steps does not help" in found.cure
    assert "external_cloud_provider=manual" in found.conditions
    assert len(found.evidence) == 2


def test_no_cloud() -> None:
    assert deadlocks(report(LIKE, **NO_CLOUD)) == []
    found = one(report(PLUGIN_LAST, **NO_CLOUD), "deadlock-order")
    assert found.fixed_by == ("approver-after-ccm",)
    assert "kube_network_plugin=flannel" in found.conditions
    assert "cloud_provider" not in " ".join(found.conditions)
    assert TAINT not in found.why
    provider = found.evidence[-1].place
    assert (
        "kubernetes-apps/network_plugin"
        in PLUGIN_LAST[provider.path].splitlines()[provider.line - 1]
    )


def test_two_facts_are_missing_at_once() -> None:
    found = one(report(PLUGIN_LAST), "deadlock-order")
    # The toleration alone would not make the nodes ready.
    assert found.fixed_by == ("approver-after-ccm",)
    assert len(found.evidence) == 4


def test_rotation_is_off() -> None:
    assert codes(report(LIKE, kubelet_rotate_server_certificates=False)) == []
    assert codes(report(LIKE, kubelet_csr_approver_enabled=False)) == ["approver-off"]


def test_a_plugin_that_is_the_users_own() -> None:
    found = report(LIKE, kube_network_plugin="cni", **BYPASS)
    assert deadlocks(found) == [("deadlock-unprovided", "cluster.yml", "error")]
    assert "network plugin" in found.findings[0].message
    files = {
        path: content.replace("wait: true", "wait: \"{{ kube_network_plugin != 'cni' }}\"").replace(
            "release_common_opts: {}",
            "release_common_opts: {atomic: \"{{ kube_network_plugin != 'cni' }}\"}",
        )
        for path, content in LIKE.items()
    }
    assert deadlocks(report(files, kube_network_plugin="cni")) == []
    assert deadlocks(report(files)) == [("deadlock-order", "cluster.yml", "error")]


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([{"key": TAINT, "operator": "Exists"}], []),
        ([{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}], []),
        ([{"key": TAINT, "operator": "Equal", "value": "true"}], []),
        ([{"operator": "Exists"}], []),
        ([{"key": TAINT}], ["deadlock-order", "toleration-ineffective"]),
        ([{"key": TAINT, "operator": "Equal", "effect": "NoSchedule"}],
         ["deadlock-order", "toleration-ineffective"]),
        ([{"key": TAINT, "operator": "Exists", "effect": "NoExecute"}],
         ["deadlock-order", "toleration-ineffective"]),
        ([{"key": "a", "operator": "Exists"}], ["deadlock-order", "values-drop-toleration"]),
        ([], ["deadlock-order", "values-drop-toleration"]),
        (None, ["deadlock-order"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("given", [True, False], ids=["--set", "inventory"])
def test_tolerations_that_the_user_gives(
    tolerations: Any, expected: list[str], given: bool
) -> None:
    values: dict[str, Any] = {"kubelet_csr_approver_values": {
        **BYPASS["kubelet_csr_approver_values"], "tolerations": tolerations,
    }}  # fmt: skip
    base = {
        "cloud_provider": "external", "external_cloud_provider": "vsphere",
        "kubelet_rotate_server_certificates": True,
    }  # fmt: skip
    found = report(LIKE, **values) if given else report(LIKE, base=base | values)
    assert codes(found) == expected
    for finding in found.findings:
        if finding.playbook is None:
            assert finding.severity == "warning"
            in_inventory = (finding.place.path, finding.place.line) == ("inventory/all.yml", 3)
            assert in_inventory is not given
    near = [
        finding.why
        for finding in of_code(found, "deadlock-order")
        if "does not match" in finding.why
    ]
    assert bool(near) is ("toleration-ineffective" in expected)


def test_values_of_an_inventory_hold_templates() -> None:
    values: dict[str, Any] = {
        "kubelet_csr_approver_values": {"tolerations": "{{ mine }}"},
        "mine": [{"key": "a"}],
    }
    assert "values-drop-toleration" in codes(report(LIKE, **values))
    values["mine"] = [{"key": TAINT, "operator": "Exists"}]
    assert codes(report(LIKE, **values)) == ["approver-before-dns"]


def test_the_regex_is_missing() -> None:
    values: dict[str, Any] = {"kubelet_csr_approver_values": {"bypassDnsResolution": True}}
    assert "provider-regex-missing" in codes(report(LIKE, **values))
    assert "provider-regex-missing" not in codes(report(LIKE, **BYPASS))
    assert "provider-regex-missing" not in codes(report(LIKE))


def test_the_approver_asks_a_dns_that_is_not_there_yet() -> None:
    found = one(report(LIKE), "approver-before-dns")
    assert (found.severity, found.playbook) == ("warning", "cluster.yml")
    assert APPROVER in line(LIKE, found)
    assert "dns_mode=coredns" in found.conditions
    assert len(found.evidence) == 2
    assert "approver-before-dns" not in codes(report(LIKE, **BYPASS))
    assert "approver-before-dns" not in codes(report(FIXED))
    assert "approver-before-dns" not in codes(report(LIKE, "upgrade_cluster.yml"))
    assert "approver-before-dns" in codes(report(LIKE, "upgrade_cluster.yml", nodes="new"))


def test_there_is_no_dns_at_all() -> None:
    for mode, expected in (("none", True), ("manual", False), ("coredns", False)):
        found = codes(report(FIXED, dns_mode=mode))
        assert ("approver-without-dns" in found) is expected, mode
    assert "approver-without-dns" not in codes(report(FIXED, dns_mode="none", **BYPASS))


@pytest.mark.parametrize("provider", ["", "nobody-has-this"])
def test_no_controller_for_the_provider(provider: str) -> None:
    found = report(FIXED, external_cloud_provider=provider)
    told = one(found, "no-ccm")
    assert told.playbook is None
    assert "vsphere" in told.cure
    assert "deadlock-unprovided" in codes(found)
    assert "no-ccm" not in codes(report(FIXED, **MANUAL))
    assert "no-ccm" not in codes(report(FIXED, **NO_CLOUD))


def test_no_role_for_the_plugin() -> None:
    found = report(LIKE, kube_network_plugin="gone", **NO_CLOUD, **BYPASS)
    assert codes(found) == ["no-network-plugin"]
    assert "gone" in found.findings[0].message


@pytest.mark.parametrize(
    ("ccm", "expected"),
    [
        ((), ["ccm-blocked"]),
        ((f"{{key: {TAINT}, effect: NoSchedule}}",), ["ccm-blocked"]),
        ((f"{{key: {TAINT}, operator: Equal}}",), ["ccm-blocked"]),
        ((f"{{key: {TAINT}, value: 'true'}}",), []),
        ((EXISTS,), []),
        ((EVERYTHING,), []),
        (("{key: '{{ nobody_sets_this }}', operator: Exists}",), []),
    ],
)
def test_a_controller_that_its_own_taint_keeps_away(
    ccm: tuple[str, ...], expected: list[str]
) -> None:
    files = kubespray_like(approver_first=False, ccm=ccm)
    found = report(files)
    assert [finding.code for finding in of_code(found, "ccm-blocked")] == expected
    if expected:
        told = one(found, "ccm-blocked")
        assert told.severity == "error"
        assert line(files, told) == "kind: DaemonSet"
        assert one(report(files, "upgrade_cluster.yml"), "ccm-blocked").severity == "warning"
        assert of_code(report(files, **MANUAL), "ccm-blocked") == []
        # Nobody takes the taint off then.
        assert "deadlock-unprovided" in codes(found)


def test_pods_that_stay_pending() -> None:
    files = LIKE | role("kubernetes/control-plane", applying(), app=manifest(name="early"))
    found = one(report(files), "pending")
    assert (found.severity, found.blocking, found.fixed_by) == ("note", False, ())
    assert found.place.path == "roles/kubernetes/control-plane/templates/app.yml.j2"
    assert line(files, found) == "kind: Deployment"
    assert "early" in found.message
    assert of_code(report(files, "cluster.yml", nodes="initialized"), "pending") == []
    tolerant = manifest(name="early", tolerations=[EVERYTHING], host_network=True)
    files = LIKE | role("kubernetes/control-plane", applying(), app=tolerant)
    assert of_code(report(files), "pending") == []


def test_what_is_applied_twice_is_one_note() -> None:
    files = LIKE | role(
        "kubernetes/control-plane", applying() + applying(), app=manifest(name="early")
    )
    assert len(of_code(report(files), "pending")) == 1


def early(tasks: str, app: str = manifest(name="early"), files: Tree = FIXED) -> Tree:
    """Return a tree whose control plane role, before all providers, has these tasks as well."""
    return files | role("kubernetes/control-plane", applying() + tasks, app=app)


WAITS = "- command: kubectl -n kube-system rollout status deploy/early --timeout=90s\n"


@pytest.mark.parametrize(
    ("tasks", "code", "severity"),
    [
        (WAITS, "deadlock-order", "error"),
        (WAITS + "  ignore_errors: true\n", "slow-wait", "warning"),
        (WAITS + "  failed_when: false\n", "slow-wait", "warning"),
        ("- block:\n    - command: kubectl rollout status deploy/early\n  rescue:\n    - debug:\n",
         "slow-wait", "warning"),
        ("- command: kubectl wait --for=condition=ready pod -l k8s-app=early\n",
         "deadlock-order", "error"),
        ("- command: kubectl wait --for=condition=ready pod -l k8s-app==early -n kube-system\n",
         "deadlock-order", "error"),
        ("- command: kubectl wait --for=condition=ready pods --all -n kube-system\n",
         "deadlock-order", "error"),
        ("- command: kubectl wait --for=condition=ready pod/early-5f4-x\n",
         "deadlock-order", "error"),
        ("- kubernetes.core.k8s: {template: app.yml.j2, wait: true}\n", "deadlock-order", "error"),
        ("- kubernetes.core.k8s_info: {kind: Pod, label_selectors: [k8s-app=early], wait: true}\n",
         "deadlock-order", "error"),
    ],
)  # fmt: skip
def test_waits_for_pods_that_cannot_run_yet(tasks: str, code: str, severity: str) -> None:
    files = early(tasks)
    found = report(files)
    told = one(found, code)
    assert (told.severity, told.blocking) == (severity, severity == "error")
    assert "roles/kubernetes/control-plane/tasks/main.yml" in {e.place.path for e in told.evidence}
    assert told.fixed_by == ()
    assert of_code(found, "pending") == []


@pytest.mark.parametrize(
    "tasks",
    [
        "- command: kubectl -n other rollout status deploy/early\n",
        "- command: kubectl rollout status ds/early\n",
        "- command: kubectl rollout status deploy/earl\n",
        "- command: kubectl wait --for=condition=ready pod -l k8s-app=other\n",
        "- command: kubectl wait --for=condition=ready pod -l k8s-app=early,tier=x\n",
        "- command: kubectl wait --for=condition=ready pod/earl\n",
        "- command: kubectl wait --for=delete pod -l k8s-app=early\n",
        WAITS + "  when: false\n",
        WAITS + "  when: cloud_provider != 'external'\n",
    ],
)
def test_waits_for_something_else(tasks: str) -> None:
    assert deadlocks(report(early(tasks))) == []


@pytest.mark.parametrize("flag", ["'k8s-app in (other)'", "k8s-app!=early", "{{ theirs }}=x", "a"])
def test_a_selector_that_cannot_be_read_is_no_proof(flag: str) -> None:
    tasks = f"- command: kubectl -n kube-system wait pod --for=condition=ready -l {flag}\n"
    assert deadlocks(report(early(tasks))) == []


def test_conditions_that_are_not_known_are_listed() -> None:
    files = early(WAITS + "  when: nobody_sets_this\n")
    found = one(report(files), "deadlock-order")
    assert found.conditions[-1] == "nobody_sets_this"


def test_a_toleration_that_is_not_known_is_listed() -> None:
    app = manifest(name="early", tolerations="{{ theirs }}", host_network=True)
    found = one(report(early(WAITS, app)), "deadlock-order")
    assert "theirs is not known" in found.conditions
    assert "may not" in found.why


def test_a_wait_behind_the_providers_is_none() -> None:
    files = FIXED | role("kubernetes-apps/ansible", applying() + WAITS, app=manifest(name="early"))
    assert codes(report(files, **BYPASS)) == []


def test_a_file_that_a_pod_writes() -> None:
    tasks = "- wait_for: {path: /etc/cni/net.d/10.conf, timeout: 60}\n"
    volume = "volumes: [{name: a, hostPath: {path: /etc/cni/net.d}}]\n"
    app = manifest("DaemonSet", "early", pod=volume)
    assert deadlocks(report(early(tasks, app))) == [("deadlock-order", "cluster.yml", "error")]
    tolerant = manifest("DaemonSet", "early", [EVERYTHING], host_network=True, pod=volume)
    assert deadlocks(report(early(tasks, tolerant))) == []
    elsewhere = app.replace("/etc/cni/net.d", "/etc/cni/net")
    assert deadlocks(report(early(tasks, elsewhere))) == []
    top = app.replace("/etc/cni/net.d", "/")
    assert deadlocks(report(early(tasks, top))) == []


NODES = "- command: kubectl wait --for=condition=Ready nodes --all --timeout=60s\n"


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (NODES, [("deadlock-order", "cluster.yml", "error")]),
        (NODES + "  failed_when: false\n", [("slow-wait", "cluster.yml", "warning")]),
        ("- command: kubectl get nodes\n  register: x\n  until: \"'NotReady' not in x.stdout\"\n",
         [("deadlock-order", "cluster.yml", "error")]),
        ("- command: kubectl get node {{ inventory_hostname }}\n  register: x\n"
         "  until: x.rc == 0\n",
         []),
    ],
)  # fmt: skip
def test_waits_for_nodes(tasks: str, expected: list[Any]) -> None:
    assert deadlocks(report(early(tasks, files=PLUGIN_LAST | FIXED), **NO_CLOUD)) == expected


def test_helm_of_ones_own() -> None:
    tasks = "- kubernetes.core.helm: {name: mine, chart_ref: repo/mine, wait: true, values: %s}\n"
    behind = FIXED["cluster.yml"].replace("tags: network}", "tags: network}\n    - mine", 1)
    files = FIXED | {"cluster.yml": behind}
    told = one(report(files | role("mine", tasks % "{}")), "deadlock-order")
    assert any("not known" in condition for condition in told.conditions)
    values = f"{{controller: {{tolerations: [{EXISTS}]}}}}"
    assert codes(report(files | role("mine", tasks % values))) == []


def test_the_wait_of_a_release_without_a_role() -> None:
    files = early("- command: cilium install --wait\n", files=FIXED)
    assert deadlocks(report(files)) == []


# The patches that a finding names remove it.

CASES: dict[str, tuple[Tree, dict[str, Any]]] = {
    "reported": (LIKE, {}),
    "manual": (LIKE, MANUAL),
    "manual, the new order": (FIXED, MANUAL),
    "plugin last": (PLUGIN_LAST, {}),
    "plugin last, manual": (PLUGIN_LAST, MANUAL),
    "plugin last, no cloud": (PLUGIN_LAST, NO_CLOUD),
    "controller blocked": (kubespray_like(ccm=()), {}),
    "unset": (LIKE, {"external_cloud_provider": ""}),
    "tolerations of the user's": (
        LIKE, {"kubelet_csr_approver_values": {"tolerations": [{"key": "a"}]}},
    ),
    "ineffective": (LIKE, {"kubelet_csr_approver_values": {"tolerations": [{"key": TAINT}]}}),
}  # fmt: skip


@cache
def before(case: str) -> Report:
    files, given = CASES[case]
    return report(files, *PLAYBOOKS, **given)


@cache
def after(case: str, *ids: str) -> Report:
    """Return the report on a case's tree with some semantic patches."""
    files, given = CASES[case]
    return report(patched(files, *ids), *PLAYBOOKS, **given)


KEYS = [
    (name, finding.code, finding.playbook)
    for name in CASES
    for finding in before(name).findings
    if finding.fixed_by
]


@pytest.mark.parametrize(("case", "code", "playbook"), sorted(set(KEYS), key=str))
def test_what_a_finding_names_removes_it(case: str, code: str, playbook: str | None) -> None:
    for finding in of_code(before(case), code):
        if finding.playbook != playbook or not finding.fixed_by:
            continue
        left = [one for one in after(case, *finding.fixed_by).findings if one.playbook == playbook]
        # What stays Pending is not all cured by what cures one.
        same = [one for one in left if code != "pending" or one.message == finding.message]
        assert code not in {one.code for one in same}
        # Nor does a cure bring anything to this playbook that was not there.
        assert {one.code for one in left} <= {one.code for one in before(case).findings}


ORDERS = sorted({(case, playbook) for case, code, playbook in KEYS if code == "deadlock-order"})


@pytest.mark.parametrize(("case", "playbook"), ORDERS)
def test_each_patch_that_cures_a_wait_is_enough(case: str, playbook: str) -> None:
    for finding in of_code(before(case), "deadlock-order"):
        for name in finding.fixed_by if finding.playbook == playbook else ():
            left = after(case, name).findings
            assert ("deadlock-order", playbook) not in {(one.code, one.playbook) for one in left}


@pytest.mark.parametrize("case", [name for name in CASES if name != "controller blocked"])
def test_the_default_patches_leave_no_error(case: str) -> None:
    assert after(case, "approver-after-ccm", "approver-tolerations").count("error") == 0


def test_there_are_findings_to_cure() -> None:
    assert {code for _, code, _ in KEYS} >= {
        "deadlock-order", "deadlock-unprovided", "approver-before-dns", "values-drop-toleration",
    }  # fmt: skip
    assert len(KEYS) > 15


@pytest.mark.parametrize("case", CASES)
def test_every_finding_rests_on_lines_that_are_there(case: str) -> None:
    files = CASES[case][0]
    for finding in before(case).findings:
        places = [finding.place, *(evidence.place for evidence in finding.evidence)]
        for place in places:
            content = files[place.path].splitlines()
            assert 1 <= place.line <= len(content) and content[place.line - 1].strip(), finding
            assert 1 <= place.column <= len(content[place.line - 1]), finding
        assert finding.evidence or finding.playbook is None
        for said in (finding.message, finding.why, finding.cure):
            assert said and "\n" not in said and said.endswith("."), finding
            assert said[0].isupper() or said.startswith(("kube", "cloud_provider")), finding


# What cannot be followed.


def test_roles_that_are_not_there() -> None:
    meta = f"dependencies: [kubernetes-apps/gone, {CCM}/vsphere]\n"
    files = LIKE | {f"roles/{CCM}/meta/main.yml": meta}
    found = report(files)
    assert [unread.place.path for unread in found.unread] == [f"roles/{CCM}/meta/main.yml"]
    assert "kubernetes-apps/gone" in found.unread[0].message
    assert deadlocks(found)


def test_a_provider_that_cannot_be_followed_may_provide() -> None:
    entry = f"{{role: {CCM}, tags: x}}"
    files = {
        path: content.replace(f"{{role: {CCM}, tags: external-cloud-controller}}", entry)
        for path, content in FIXED.items()
    } | {f"roles/{CCM}/meta/main.yml": f"dependencies: [{CCM}/gone]\n"}
    assert deadlocks(report(files, **BYPASS)) == []


@pytest.mark.parametrize(
    "content",
    ["- template: [\n", "- a: b: c\n", b"\xff\xfe", "a: &a [*a]\n", "- &a\n  kube: *a\n",
     "- kube: {a: 1, a: 2}\n", "x" * 1_000_000, "- debug: {msg: " + "a" * 1_000_000 + "}\n",
     "[" * 5_000, "{% if %}\n", "- !!python/object:os.system {}\n", "\t- a\n"],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("where", ["tasks", "meta", "defaults", "vars", "templates"])
def test_one_role_that_cannot_be_read_does_not_stop_the_rest(
    content: str | bytes, where: str
) -> None:
    name = "app.yml.j2" if where == "templates" else "main.yml"
    extra = b"\n# kubectl, kind: Pod\n"
    raw = content.encode() if isinstance(content, str) else content
    files: dict[str, str | bytes] = {
        **LIKE,
        **role("kubernetes/control-plane", applying() + "- debug: {msg: '{{ x }}'}\n  when: a\n",
               app=manifest(name="early")),
    }  # fmt: skip
    files[f"roles/kubernetes/control-plane/{where}/{name}"] = raw + extra
    found = report(files)
    assert ("deadlock-order", "cluster.yml", "error") in deadlocks(found)
    path = f"roles/kubernetes/control-plane/{where}/{name}"
    assert all(unread.place.path == path for unread in found.unread)


def test_the_place_of_a_meta_that_cannot_be_read() -> None:
    path = "roles/kubernetes/control-plane/meta/main.yml"
    found = report(LIKE | {path: "dependencies: [\n"})
    assert {unread.place.path for unread in found.unread} == {path}


def test_a_task_file_that_is_no_yaml_is_told() -> None:
    files = LIKE | {"roles/kubernetes/control-plane/tasks/main.yml": "- kube: [\n- x: {\n"}
    found = report(files)
    (unread,) = found.unread
    assert unread.place.path == "roles/kubernetes/control-plane/tasks/main.yml"
    assert unread.message.startswith("this is not valid YAML")
    assert deadlocks(found)


def test_a_key_that_stands_twice_is_told_and_the_last_one_counts() -> None:
    path = f"roles/{APPROVER}/defaults/main.yml"
    files = LIKE | {path: LIKE[path] + "kubelet_csr_approver_enabled: false\n"}
    found = report(files)
    assert deadlocks(found) == []
    (unread,) = found.unread
    assert (unread.place.path, unread.place.line) == (path, 4)
    assert "kubelet_csr_approver_enabled" in unread.message


@pytest.mark.parametrize("kind", ["dependencies", "tasks"])
def test_roles_in_a_ring_end(kind: str) -> None:
    files = LIKE | role(
        "kubernetes/control-plane",
        "- include_role: {name: kubernetes/control-plane}\n" if kind == "tasks" else "",
        meta="dependencies: [second]\n" if kind == "dependencies" else "",
    )
    files |= role("second", meta="dependencies: [kubernetes/control-plane]\n")
    assert deadlocks(report(files))


def test_a_tree_without_the_approver() -> None:
    files = {"cluster.yml": play("app"), **role("app")}
    found = report(files, kube_network_plugin="cni", **MANUAL)
    assert codes(found) == []


@pytest.mark.parametrize(
    "value", [None, 5, [1], {"a": 1}, "{{", "{{ x", "{{ external_cloud_provider }}"]
)
def test_settings_that_make_no_sense(value: Any) -> None:
    names = ("external_cloud_provider", "kube_network_plugin", "cloud_provider", "dns_mode",
             "kubelet_csr_approver_values", "kubelet_rotate_server_certificates")  # fmt: skip
    for name in names:
        report(LIKE, *PLAYBOOKS, **{name: value})


def test_nodes_are_waited_for_before_the_network_but_those_of_a_running_cluster_are_ready() -> None:
    wait = "- command: kubectl wait --for=condition=ready nodes --all\n"
    files = FIXED | role("kubernetes/control-plane", wait)
    found = report(files, *PLAYBOOKS)
    told = [one for one in found.findings if one.message.startswith("Nodes are waited for")]
    assert {(one.playbook, one.code, one.severity) for one in told} == {
        ("cluster.yml", "deadlock-order", "error"),
        ("recover_control_plane.yml", "deadlock-order", "error"),
    }
    after_all = report(files, *PLAYBOOKS, nodes="initialized")
    assert not [one for one in after_all.findings if one.message.startswith("Nodes")]


def test_a_role_name_that_a_template_makes_may_bring_the_network() -> None:
    text, use = FIXED["cluster.yml"], "{role: network_plugin, tags: network}"
    assert text.count(use) == 1
    theirs = text.replace(use, "{role: '{{ theirs }}', tags: network}")
    assert deadlocks(report(FIXED | {"cluster.yml": theirs}, "cluster.yml", **NO_CLOUD)) == []
    without = text.replace(f"    - {use}\n", "")
    assert deadlocks(report(FIXED | {"cluster.yml": without}, "cluster.yml", **NO_CLOUD))


def test_a_task_file_that_is_no_list_is_told_although_it_says_nothing_of_a_cluster() -> None:
    path = "roles/kubernetes-apps/ansible/tasks/main.yml"
    (unread,) = report(LIKE | {path: "a: [\n"}).unread
    assert unread.place.path == path


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"key": TAINT, "effect": "NoSchedule"}, "toleration-ineffective"),
        ({"key": "other", "operator": "Exists"}, "values-drop-toleration"),
    ],
)
def test_what_is_wrong_with_the_values_is_cured_by_the_patch_that_merges(
    entry: dict[str, str], code: str
) -> None:
    values = {"kubelet_csr_approver_values": {"tolerations": [entry]}}
    (finding,) = of_code(report(LIKE, **values), code)
    assert finding.fixed_by == ("approver-tolerations",)
    assert not of_code(report(patched(LIKE, "approver-tolerations"), **values), code)
    assert of_code(report(patched(LIKE, "approver-after-ccm"), **values), code)
