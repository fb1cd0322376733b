"""The doctor's parts: reading dumps, judging taints, causes, wording, watching."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from doctor.objects import (
    CCM,
    CONTROL_PLANE,
    EQUAL,
    TAINT,
    TOLERATES,
    UNINITIALIZED,
    approver,
    csr,
    listed,
    node,
    pod,
    stamp,
)
from doctor.situations import ALL, MANUAL, PROXY, SITUATIONS, Situation, nodes
from hypothesis import given
from hypothesis import strategies as st

from generator.doctor.build import cluster_from
from generator.doctor.cluster import Cluster, Node, Pod, Rules, Term
from generator.doctor.diagnose import diagnose
from generator.doctor.diagnosis import CODES
from generator.doctor.dump import cluster_of_dump
from generator.doctor.known import APPROVER, sorts
from generator.doctor.known import CCM as CCM_SORT
from generator.doctor.live import Unreachable
from generator.doctor.read import seconds, thing_from
from generator.doctor.report import doctor_report, doctor_text
from generator.doctor.rights import RESOURCES, cluster_role
from generator.doctor.schedule import judge
from generator.doctor.watch import watch
from generator.doctor.wording import argument, quoted, span
from generator.exits import UnusableInput
from generator.model.toleration import Taint, Toleration
from generator.text.document import data_of
from generator.text.yaml import parse


def dumped(*objects: Any) -> bytes:
    return json.dumps(listed(*objects), indent=4).encode()


def codes(cluster: Cluster) -> list[str]:
    return [cause.code for cause in diagnose(cluster).causes]


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_situation(situation: Situation) -> None:
    diagnosis = diagnose(cluster_of_dump("dump.json", dumped(*situation.objects)))
    assert [cause.code for cause in diagnosis.causes] == situation.codes
    assert set(situation.codes) <= set(CODES)
    report = doctor_report(diagnosis)
    assert [n["name"] for n in report["nodes"] if not n["initialized"]] == situation.stuck
    assert diagnosis.healthy == (not situation.codes and not situation.stuck)
    for cause in diagnosis.causes:
        assert cause.message.endswith(".") and shlex.split(cause.next)
    *_, verdict, command = doctor_text(diagnosis)
    if situation.codes:
        assert verdict == f"Diagnosis: {diagnosis.causes[0].message}"
        assert command == f"Next: {diagnosis.causes[0].next}"
    else:
        assert verdict.startswith("Diagnosis: healthy") and command == "Next: nothing to do."


def test_every_code_has_a_situation() -> None:
    assert {code for each in SITUATIONS.values() for code in each.codes} == set(CODES)


def message(name: str, code: str) -> tuple[str, str]:
    cluster = cluster_of_dump("d", dumped(*SITUATIONS[name].objects))
    cause = next(each for each in diagnose(cluster).causes if each.code == code)
    return cause.message, cause.next


def test_messages_name_what_keeps_it() -> None:
    text, command = message("ccm-crashing", "ccm-failing")
    assert "CrashLoopBackOff, exit code 1" in text and "--previous" in command
    text, command = message("ccm-pending-on-not-ready-nodes", "ccm-pending")
    assert "node.kubernetes.io/not-ready:NoSchedule" in text and TAINT not in text
    assert "cni plugin not initialized" in text and command == "kubectl describe node cp-1"
    text, _ = message("ccm-without-secret", "ccm-pending")
    assert 'FailedMount: secret "cpi" not found' in text
    text, command = message("ccm-scaled-to-zero", "ccm-pending")
    assert "scaled to zero" in text and "scale deployment aws-cloud" in command
    text, command = message("one-node-of-many-stuck", "node-stuck")
    assert "n-40" in text and command.endswith("| grep -F -- n-40")
    text, command = message("node-joined-just-now", "node-stuck")
    assert "may just need time" in text and command.endswith("doctor --watch")
    text, _ = message("nodes-without-addresses", "node-stuck")
    assert "without an address: w-3" in text
    text, command = message("toleration-equal-without-value", "toleration-ineffective")
    assert "operator Equal, no value" in text
    assert "get deployment kubelet-csr-approver" in command and "--fix-ineffective" in command
    text, _ = message("approver-denied-by-dns", "csr-denied")
    assert "no such host" in text and "looks host names up" in text
    text, _ = message("approver-pending-on-its-own", "approver-pending")
    assert CONTROL_PLANE["key"] in text and TAINT not in text


def test_nodes_that_are_gone_are_not_told_of() -> None:
    text, _ = message("nobody-approves", "csr-pending")
    assert text.startswith("1 kubelet serving request pending (w-1)")


def test_the_approver_comes_first_of_many_useless_tolerations() -> None:
    others = [pod(f"other-{number}", tolerations=[EQUAL]) for number in range(9)]
    wrong = SITUATIONS["toleration-equal-without-value"].objects
    cluster = cluster_of_dump("d", dumped(*others, *wrong))
    causes = [each for each in diagnose(cluster).causes if each.code == "toleration-ineffective"]
    assert len(causes) == 1 and "get deployment kubelet-csr-approver" in causes[0].next
    assert "kubelet-csr-approver-7d9-x, kube-system/other-0" in causes[0].message
    assert "and 5 more" in causes[0].message


def test_the_scheduler_s_words_do_not_matter() -> None:
    old, new = (SITUATIONS[name].objects for name in ("old-wording", "new-wording"))
    first, second = (doctor_report(diagnose(cluster_of_dump("d", dumped(*o)))) for o in (old, new))
    assert first == second and first["pending"][0]["taints"] == [f"{TAINT}=true:NoSchedule"]


def test_how_long_is_told_from_the_dump_alone() -> None:
    cluster = cluster_of_dump("d", dumped(node("a", UNINITIALIZED, minutes=2), node("b"), *PROXY))
    # The newest stamp is the heartbeat, ten minutes after the start.
    assert cluster.now == seconds(stamp(10))
    assert [each["tainted_for"] for each in doctor_report(diagnose(cluster))["nodes"]] == [
        480,
        None,
    ]
    assert any("a: uninitialised for 8 min" in line for line in doctor_text(diagnose(cluster)))


def test_the_approver_s_release() -> None:
    cluster = cluster_of_dump("d", dumped(*nodes(), *PROXY, *approver(on="w-1")))
    assert doctor_report(diagnose(cluster))["approver"] == {
        "kind": "deployment", "namespace": "kube-system", "name": "kubelet-csr-approver",
        "ready": 1, "wanted": 1, "release": "kubelet-csr-approver",
        "chart": "kubelet-csr-approver-1.1.0",
    }  # fmt: skip


@pytest.mark.parametrize("name, image, is_ccm", [
    ("vsphere-cloud-controller-manager", "", True),
    ("openstack-cloud-controller-manager-abcde", "", True),
    ("hcloud-cloud-controller-manager", "", True),
    ("huawei-cloud-controller-manager", "", True),
    ("oci-cloud-controller-manager", "", True),
    ("cpi", "registry.example.org/cloud-pv-vsphere/cloud-provider-vsphere:v1", True),
    ("hetzner-ccm", "", True),
    ("kube-controller-manager-cp-1", "registry.example.org/kube-controller-manager:v1", False),
    ("vsphere-csi-controller", "registry.example.org/csi/driver:v3", False),
    ("calico-kube-controllers", "", False),
])  # fmt: skip
def test_what_is_a_cloud_controller_manager(name: str, image: str, is_ccm: bool) -> None:
    assert sorts()[CCM_SORT].fits(name, {}, [image] if image else []) is is_ccm
    assert not sorts()[APPROVER].fits(name, {}, [image])


def test_hcloud_s_misspelt_label_is_known() -> None:
    assert sorts()[CCM_SORT].fits("x", {"k8s-app": "hcloud-cloud-controller-manger"}, [])


# Dumps.


def things(cluster: Cluster) -> tuple[Any, ...]:
    return cluster.nodes, cluster.pods, cluster.workloads, cluster.requests, cluster.events


OBJECTS = [*SITUATIONS["ccm-crashing"].objects, *SITUATIONS["ccm-without-secret"].objects[-1:]]


def yaml_of(data: Any) -> str:
    from generator.text.yaml import dump

    # Without anchors for what is there twice.
    return dump(json.loads(json.dumps(data)), sequence_offset=0)


@pytest.mark.parametrize("data", [
    json.dumps(listed(*OBJECTS)).encode(),
    json.dumps(OBJECTS).encode(),
    "\n".join(json.dumps(each, indent=1) for each in OBJECTS).encode(),
    b"---\n" + "\n---\n".join(json.dumps(each) for each in OBJECTS).encode() + b"\n...\n",
    json.dumps(listed(*OBJECTS[:4])).encode() + json.dumps(listed(*OBJECTS[4:])).encode(),
    json.dumps(listed(listed(*OBJECTS[:4]), *OBJECTS[4:])).encode(),
    b"\xef\xbb\xbf" + json.dumps(listed(*OBJECTS, {"kind": "Secret"}, 7)).encode(),
    json.dumps(listed(*OBJECTS)).encode("utf-16"),
    yaml_of(listed(*OBJECTS)).encode(),
    "---\n".join(yaml_of(each) for each in OBJECTS).encode(),
    yaml_of({"kind": "List", "items": OBJECTS}).encode(),
], ids=["list", "array", "stream", "documents", "two-lists", "nested", "bom", "utf-16", "yaml",
        "yaml-documents", "kind-first"])  # fmt: skip
def test_every_shape_of_a_dump_means_the_same(data: bytes) -> None:
    assert things(cluster_of_dump("d", data)) == things(cluster_from("d", OBJECTS))


@pytest.mark.parametrize("kind_first", [True, False])
def test_items_of_a_typed_list_have_its_kind(kind_first: bool) -> None:
    bare = [{k: v for k, v in each.items() if k != "kind"} for each in nodes()]
    said: dict[str, Any] = {"kind": "NodeList"}
    data = {**said, "items": bare} if kind_first else {"items": bare, **said}
    assert [n.name for n in cluster_of_dump("d", json.dumps(data).encode()).nodes] == ALL


def test_large_yaml_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generator.doctor.dump._CHUNK", 300)
    assert things(cluster_of_dump("d", yaml_of(listed(*OBJECTS)).encode())) == things(
        cluster_from("d", OBJECTS)
    )


@given(st.data())
def test_a_dump_that_is_cut_off_names_the_line(data: st.DataObject) -> None:
    whole = json.dumps(listed(*MANUAL), indent=2)
    cut = data.draw(st.integers(1, len(whole) - 1))
    text = whole[:cut]
    with pytest.raises(UnusableInput) as caught:
        cluster_of_dump("d.json", text.encode())
    line = text.rstrip().count("\n") + 1
    assert str(caught.value).startswith(f"d.json:{line}: the dump is cut off: the file ends")


def test_yaml_that_is_cut_off() -> None:
    text = yaml_of(listed(*MANUAL))
    lines = text[: text.index("\nkind: List")].split("\n")
    for keep in (len(lines), len(lines) // 2):
        part = "\n".join(lines[:keep]) + "\n"
        with pytest.raises(UnusableInput, match=rf"^d:{keep}: the dump is cut off"):
            cluster_of_dump("d", part.encode())


@pytest.mark.parametrize("data, said", [
    (b"", "d is empty"),
    (b" \n\n", "d is empty"),
    (b'{"items": [1,, 2]}', r"d:1:14: this is not valid JSON in item 2"),
    (b'{"a" 1}', "d:1:6: this is not valid JSON: ':' is expected"),
    (b"{'a': 1}", "d:1:2: .* double quotes"),
    (b'{"kind": "Pod"} x', "d:1:17: this is not valid JSON"),
    (b'{"items": ' + b"[" * 100_000, "nested too deep"),
    (b'{"a": ' + b"1" * 5000 + b"}", "a number is too long"),
    (b"NAME STATUS\ncp-1 Ready\n", "this is no object of a cluster"),
    (b"a: [", "not valid YAML"),
    (b"a: &x [1]\nb: *x\n", "^d: the alias"),
    (b"apiVersion: v1\nitems:\n- a: 1\n- b: [\nkind: List\n", "^d:5:1: this is not valid YAML"),
    (b"\xff\xfe\x00", "not UTF-1"),
    (b"{\n\xff}", "d:2: this is not UTF-8"),
    (b"\x00\x01", "not valid YAML"),
    (b'{"kind": "List", "items": []}', "holds no nodes"),
    (b"kind: Deployment\nmetadata: {name: a}\n", "holds no nodes"),
])  # fmt: skip
def test_dumps_that_cannot_be_used(data: bytes, said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        cluster_of_dump("d", data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["metadata", "name", "spec", "status", "taints", "conditions", "key",
                         "containerStatuses", "state", "waiting", "reason", "tolerations"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from([each.kind for each in RESOURCES]), _JSON, _JSON, _JSON)
def test_objects_of_any_shape_are_survived(kind: str, meta: Any, spec: Any, status: Any) -> None:
    odd = {"kind": kind, "metadata": meta, "spec": spec, "status": status}
    named = {**odd, "metadata": {"name": CCM}}
    cluster = cluster_of_dump("d", json.dumps(listed(*nodes(UNINITIALIZED), odd, named)).encode())
    json.dumps(doctor_report(diagnose(cluster)))
    assert list(doctor_text(diagnose(cluster)))


def test_ten_thousand_pods_take_seconds() -> None:
    waiting = [
        pod(f"p-{n}", affinity=f"n-{n % 5000}", tolerations=[EQUAL]) for n in range(5000)
    ]  # fmt: skip
    bare = [pod(f"q-{n}", selector={"kubernetes.io/hostname": "n-1"}) for n in range(5000)]
    many = [node(f"n-{n}", UNINITIALIZED) for n in range(5000)]
    data = dumped(*many, *waiting, *bare, *PROXY)
    start = time.perf_counter()
    report = doctor_report(diagnose(cluster_of_dump("d", data)))
    assert time.perf_counter() - start < 20
    assert len(report["pending"]) == 10_000 and len(report["nodes"]) == 5000
    assert len(list(doctor_text(diagnose(cluster_of_dump("d", dumped(*many)))))) < 40


# Scheduling.


HARD = Taint(TAINT, "NoSchedule", "true")
PLANE = Taint("node-role.kubernetes.io/control-plane", "NoSchedule")
SOFT = Taint("a", "PreferNoSchedule")


def verdict(rules: Rules, *found: Node) -> tuple[int, int, bool]:
    said = judge([rules], found)[rules]
    return said.allowed, said.free, said.waits


def test_a_pod_waits_where_the_taint_is_in_its_way_and_no_node_is_free() -> None:
    tainted, free, plane = Node("a", (HARD,)), Node("b", (SOFT,)), Node("c", (PLANE,))
    exists = Toleration(TAINT, "Exists", "", "NoSchedule")
    assert verdict(Rules(), tainted) == (1, 0, True)
    assert verdict(Rules(), tainted, free) == (2, 1, False)
    assert verdict(Rules(), plane) == (1, 0, False)
    assert verdict(Rules((exists,)), tainted) == (1, 1, False)
    assert verdict(Rules(selector=(("x", "y"),)), tainted) == (0, 0, False)


@pytest.mark.parametrize("operator, values, allowed", [
    ("In", ("1", "5"), 1), ("In", ("1",), 0), ("NotIn", ("1",), 1), ("NotIn", ("5",), 0),
    ("Exists", (), 1), ("DoesNotExist", (), 0), ("Gt", ("4",), 1), ("Gt", ("5",), 0),
    ("Lt", ("6",), 1), ("Lt", ("x",), 0), ("Odd", ("5",), 0),
])  # fmt: skip
def test_node_affinity(operator: str, values: tuple[str, ...], allowed: int) -> None:
    found = Node("a", labels={"k": "5"})
    rules = Rules(terms=(Term(), Term((("k", operator, values),))))
    assert verdict(rules, found)[0] == allowed


def test_a_daemonset_s_pod_is_judged_on_its_node_alone() -> None:
    rules = thing_from(pod("p", affinity="b"))
    assert isinstance(rules, Pod)
    assert verdict(rules.rules, Node("a"), Node("b", (HARD,))) == (1, 0, True)
    assert verdict(rules.rules, Node("a")) == (0, 0, False)


@given(st.lists(st.sampled_from([HARD, PLANE, SOFT]), max_size=3, unique=True))
def test_what_tolerates_everything_is_free_everywhere(taints: list[Taint]) -> None:
    assert verdict(Rules((Toleration(operator="Exists"),)), Node("a", tuple(taints))) == (
        1,
        1,
        False,
    )


def test_only_pods_that_have_no_node_wait() -> None:
    cluster = cluster_of_dump(
        "d", dumped(*MANUAL, pod("late", on="w-1", waiting="PodInitializing"))
    )
    assert [each["name"] for each in doctor_report(diagnose(cluster))["pending"]] == [
        "kubelet-csr-approver-7d9-x"
    ]


# What cannot be seen.


def test_no_ccm_is_not_claimed_where_it_cannot_be_seen() -> None:
    def partly(*names: str) -> Cluster:
        rights = tuple(each.right for each in RESOURCES if each.name in names)
        return cluster_from("d", nodes(UNINITIALIZED), unread=names, rights=rights)

    for name in ("pods", "daemonsets", "deployments"):
        diagnosis = diagnose(partly(name))
        assert not diagnosis.causes and not diagnosis.healthy
        assert name in diagnosis.sentence and diagnosis.next.endswith("--rbac")
    assert codes(partly("events")) == ["no-ccm"]


def test_a_dump_of_nodes_alone_says_what_is_missing() -> None:
    cluster = cluster_of_dump("d", dumped(*nodes(UNINITIALIZED)))
    assert cluster.unread == ("pods", "deployments", "daemonsets")
    diagnosis = diagnose(cluster)
    assert not diagnosis.causes and "pods" in diagnosis.sentence


# Wording.


def test_texts_of_a_cluster_are_harmless() -> None:
    assert quoted("a\x1b[31m\nb") == "a?[31m b"
    assert len(quoted("x" * 10_000)) < 210
    for secret in ("password=hunter2", "token: hunter2", 'api_key="hunter2"', "Bearer hunter2",
                   "https://me:hunter2@vc.example.org", "clientSecret = hunter2"):  # fmt: skip
        assert "hunter2" not in quoted(f"login with {secret} failed")
    assert quoted('secret "cpi" not found') == 'secret "cpi" not found'
    assert shlex.split(argument("a; rm -rf $(b) `c`")) == ["a; rm -rf $(b) `c`"]


def test_names_of_a_cluster_are_no_commands() -> None:
    evil = "cp-1; reboot #"
    cluster = cluster_of_dump("d", dumped(
        *SITUATIONS["ccm-crashing"].objects[3:], node(evil, UNINITIALIZED), csr("a`b`", evil),
        pod("$(boom)-ccm", on=evil, waiting="Error"),
    ))  # fmt: skip
    for cause in diagnose(cluster).causes:
        lexer = shlex.shlex(cause.next, posix=True, punctuation_chars=True)
        lexer.commenters = ""
        assert not {";", "#", "$", "`"} & set(lexer)


def test_spans() -> None:
    assert [span(n) for n in (0, 119, 120, 7200, 172_800)] == [
        "0 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
    ]


def test_the_role_allows_listing_and_nothing_else() -> None:
    role = data_of(parse("role", cluster_role()).root)
    assert (role["apiVersion"], role["kind"]) == ("rbac.authorization.k8s.io/v1", "ClusterRole")
    allowed = {(rule["apiGroups"][0], name) for rule in role["rules"] for name in rule["resources"]}
    assert allowed == {(each.group, each.name) for each in RESOURCES}
    assert all(rule["verbs"] == ["list"] for rule in role["rules"])
    assert not any("secret" in name or "*" in name for _, name in allowed)


# Watching.


class Clock:
    """Time that goes by only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def watched(answers: list[list[Any] | Exception], timeout: float) -> tuple[bool, int, float]:
    clock, shown = Clock(), []
    left = iter(answers)

    def read() -> Cluster:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return cluster_from("d", answer)

    done = watch(read, shown.append, timeout, 5, clock, clock.sleep)
    return done, len(shown), clock.now


def test_watching_ends_when_all_are_initialised_or_at_the_timeout() -> None:
    tainted, fine = nodes(UNINITIALIZED), nodes()
    assert watched([fine], 60) == (True, 1, 0)
    assert watched([[], tainted, [*tainted[:1], *fine[1:]], fine], 60) == (True, 4, 15)
    assert watched([tainted] * 4, 12) == (False, 4, 12)


def test_watching_outlives_an_api_server_that_starts_anew() -> None:
    tainted, gone = nodes(UNINITIALIZED), Unreachable("gone")
    assert watched([tainted, gone, gone, gone, nodes()], 60) == (True, 2, 20)
    with pytest.raises(Unreachable):
        watched([tainted, gone, gone, gone, gone], 60)
    with pytest.raises(Unreachable):
        watched([gone], 60)
    with pytest.raises(UnusableInput):
        watched([tainted, UnusableInput("expired")], 60)


def test_tolerations_used_here_are_what_they_are_called() -> None:
    taint = Taint(TAINT, UNINITIALIZED["effect"], UNINITIALIZED["value"])
    assert not Toleration(EQUAL["key"], "Equal", "", "NoSchedule").matches(taint)
    assert Toleration(TOLERATES["key"], "Exists", "", "NoSchedule").matches(taint)


def test_the_docs_have_every_code_and_every_key() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/doctor.md").read_text("utf-8")
    table, schema = (text.split(f"\n| {head} |")[1].split("\n\n")[0] for head in ("code", "key"))
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) == set(CODES)
    cluster = cluster_of_dump("d", dumped(*nodes()))
    told = {
        word for row in schema.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert told == set(doctor_report(diagnose(cluster)))
