"""Command lines: what of kubectl, Helm and the like is read from them."""

from __future__ import annotations

from typing import Any

import pytest

from generator.engine.detect.command import (
    UNSURE,
    Command,
    commands,
    kind_of,
    known,
    seconds,
    selector,
    targets,
)
from generator.model.wait import Target

PROGRAMS = frozenset({"kubectl", "helm", "cilium"})


def read(text: str) -> list[Command]:
    return list(commands(text, PROGRAMS))


def only(text: str) -> Command:
    (command,) = read(text)
    return command


def waited(text: str) -> list[tuple[Any, ...]]:
    """Return kind, name, namespace and labels of what the only command of a text is about."""
    found = targets(only(text))
    return [(one.kind, one.name, one.namespace, dict(one.labels)) for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kubectl rollout status deploy/x", [("Deployment", "x", None, {})]),
        ("kubectl rollout status deployment x", [("Deployment", "x", None, {})]),
        ("kubectl -n a rollout status ds/x --timeout=2m", [("DaemonSet", "x", "a", {})]),
        ("kubectl --namespace=a rollout status sts x", [("StatefulSet", "x", "a", {})]),
        ("kubectl --namespace a rollout status sts/x", [("StatefulSet", "x", "a", {})]),
        ("kubectl rollout status -n a deploy/x deploy/y", [
            ("Deployment", "x", "a", {}), ("Deployment", "y", "a", {}),
        ]),
        ("kubectl wait --for=condition=ready pod -l a=b,c=d --timeout=90s",
         [("pods", None, None, {"a": "b", "c": "d"})]),
        ("kubectl wait --for condition=ready po --selector a=b",
         [("pods", None, None, {"a": "b"})]),
        ("kubectl wait --for=condition=ready pod x y",
         [("pods", "x", None, {}), ("pods", "y", None, {})]),
        ("kubectl wait --for=condition=ready pods --all -n a", [("pods", None, "a", {})]),
        ("kubectl --kubeconfig /etc/k/admin.conf --context c wait pod/x",
         [("pods", "x", None, {})]),
        ("kubectl --kubeconfig=/etc/k/admin.conf wait pod/x", [("pods", "x", None, {})]),
        ('kubectl wait "pod/x" -n "a b"', [("pods", "x", "a b", {})]),
        ("kubectl wait --for=condition=established crd/x.y.z", [("crd", "x.y.z", None, {})]),
        (f"kubectl -n {UNSURE} wait pod/x", [("pods", "x", None, {})]),
        (f"kubectl wait pod/a-{UNSURE} -n a", [("pods", None, "a", {})]),
        ("sudo -u root kubectl wait pod/x", [("pods", "x", None, {})]),
        ("KUBECONFIG=/etc/k kubectl wait pod/x", [("pods", "x", None, {})]),
        ("/usr/local/bin/kubectl wait pod/x", [("pods", "x", None, {})]),
        (f"{UNSURE}/kubectl wait pod/x", [("pods", "x", None, {})]),
        ("kubectl wait", []),
    ],
)  # fmt: skip
def test_what_a_command_of_kubectl_is_about(text: str, expected: list[Any]) -> None:
    assert waited(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "kubectl --request-timeout 10s wait pod/x",
        "kubectl -s https://api:6443 wait pod/x",
        "kubectl -v 5 wait pod/x",
        "kubectl --as admin wait pod/x",
        "kubectl --token t wait pod/x",
    ],
)
def test_global_flags_with_a_value_are_no_verb(text: str) -> None:
    assert only(text).words == ("wait", "pod/x")


@pytest.mark.parametrize(
    "text",
    ["kubectl wait pod/x > /dev/null", "kubectl wait pod/x 2>/dev/null", "kubectl wait pod/x 2>&1"],
)
def test_where_output_goes_is_no_word(text: str) -> None:
    assert waited(text) == [("pods", "x", None, {})]


def test_short_flags_may_hold_their_value() -> None:
    assert waited("kubectl -na wait pods -lapp=x") == [("pods", None, "a", {"app": "x"})]


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("kubectl apply -f a && kubectl wait pod/x", ["apply", "wait"]),
        ("kubectl apply -f a&&kubectl wait pod/x", ["apply", "wait"]),
        ("kubectl apply -f a; kubectl wait pod/x", ["apply", "wait"]),
        ("kubectl apply -f a || kubectl wait pod/x", ["apply", "wait"]),
        ("kubectl apply -f a\nkubectl wait pod/x\n", ["apply", "wait"]),
        ("kubectl get pods -o name | grep x | xargs kubectl delete", ["get", "delete"]),
        ("echo a | kubectl apply -f -", ["apply"]),
        ("x=$(kubectl get pods) && echo $x", ["get"]),
        ("if kubectl get ns x; then kubectl wait pod/y; fi", ["get", "wait"]),
        ("helm repo add a b && helm install x a/y --wait", ["repo", "install"]),
        ("echo nothing to do", []),
        ("cp kubectl.old kubelet", []),
        ("", []),
        ("   \n\n ", []),
        ("| && ;;", []),
    ],
)
def test_commands_of_a_shell_text(text: str, verbs: list[str]) -> None:
    assert [command.words[0] for command in read(text)] == verbs


def test_a_line_that_goes_on_is_one_command() -> None:
    text = "kubectl wait \\\n  --for=condition=ready \\\n  pod -l a=b\nkubectl apply -f c\n"
    first, second = read(text)
    assert (first.words, first.flag("-l")) == (("wait", "pod"), "a=b")
    assert second.words == ("apply",)


@pytest.mark.parametrize(
    "text",
    [
        "# kubectl wait pod/x\nkubectl apply -f a\n",
        "# don't kubectl wait pod/x\nkubectl apply -f a\n",
        "kubectl apply -f a # and then kubectl wait pod/x\n",
    ],
)
def test_comments_of_a_shell_run_nothing(text: str) -> None:
    assert only(text) == Command("kubectl", ("apply",), (("-f", "a"),))


def test_a_quote_without_end_does_not_hide_the_command() -> None:
    assert only("kubectl wait pod/x --for='condition=ready").words == ("wait", "pod/x")


def test_a_quote_keeps_signs_of_the_shell_as_they_are() -> None:
    command = only("kubectl get pods -o jsonpath='{range .items[*]}{.a | b};{end}' -l 'a=b'")
    assert command.words == ("get", "pods")
    assert command.flag("-o") == "jsonpath={range .items[*]}{.a | b};{end}"
    assert command.flag("--selector", "-l") == "a=b"


def test_flags() -> None:
    text = "kubectl -f a apply --filename=b -f - --wait --prune=false --dry-run=0"
    command = only(text)
    assert command.words == ("apply",)
    files = [value for name, value in command.flags if name in ("-f", "--filename")]
    assert files == ["a", "b", "-"]
    assert command.has("--wait")
    assert not command.has("--prune") and not command.has("--dry-run") and not command.has("-x")
    assert command.flag("-n", "--namespace") is None
    words = command.all_words()
    assert {"apply", "--wait", "true", "-"} <= set(words)


def test_a_flag_without_its_value_at_the_end() -> None:
    assert only("kubectl wait pod/x -n").flags == (("-n", ""),)


@pytest.mark.parametrize(
    ("text", "words", "flags"),
    [
        ("helm upgrade --install rel repo/chart --wait", ("upgrade", "rel", "repo/chart"),
         ("--install", "--wait")),
        ("helm --kubeconfig /etc/k install rel ./chart --atomic --timeout 5m",
         ("install", "rel", "./chart"), ("--kubeconfig", "--atomic", "--timeout")),
        ("cilium install --version 1.2 --wait", ("install",), ("--version", "--wait")),
        ("helm install rel chart -f values.yml --set a=b --set-string c=d",
         ("install", "rel", "chart"), ("-f", "--set", "--set-string")),
        ("helm --kube-context c install rel chart", ("install", "rel", "chart"),
         ("--kube-context",)),
    ],
)  # fmt: skip
def test_installers(text: str, words: tuple[str, ...], flags: tuple[str, ...]) -> None:
    command = only(text)
    assert command.words == words
    assert tuple(name for name, _ in command.flags) == flags


def test_a_line_that_nobody_writes_is_left_out() -> None:
    assert read("kubectl wait pod/x " + "a" * 5_000_000) == []
    assert read("kubectl wait pod/x " + ";" * 60_000)[0].words == ("wait", "pod/x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90), ("2m", 120), ("5m30s", 330), ("1h", 3600), ("1h1m1s", 3661), ("1.5m", 90),
        ("300", 300), ("0", 0), ("0s", 0), ("500ms", 0), ("1500ms", 1), ("10m0s", 600),
        ("", None), ("x", None), ("-1s", None), ("1d", None), ("2m 3s", None), ("s", None),
        ("1e3s", None), ("٣s", None), ("9" * 400, None), (UNSURE, None), (f"{UNSURE}s", None),
        (None, None),
    ],
)  # fmt: skip
def test_durations(text: str | None, expected: int | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected", "more"),
    [
        ("a=b", {"a": "b"}, False),
        ("a==b", {"a": "b"}, False),
        ("a=b,c=d", {"a": "b", "c": "d"}, False),
        ("a = b, c = d", {"a": "b", "c": "d"}, False),
        ("app.kubernetes.io/name=x", {"app.kubernetes.io/name": "x"}, False),
        ("a=", {"a": ""}, False),
        ("", {}, False),
        # There is more to it than labels with one value each.
        ("a!=b,c=d", {"c": "d"}, True),
        ("a in (x, y),c=d", {"c": "d"}, True),
        ("a", {}, True),
        ("!a", {}, True),
        (f"a={UNSURE},c=d", {"c": "d"}, True),
        (f"{UNSURE}=b", {}, True),
        (UNSURE, {}, True),
    ],
)
def test_selectors(text: str, expected: dict[str, str], more: bool) -> None:
    assert selector(text) == (expected, more)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("deploy", "Deployment"), ("deployments.apps", "Deployment"), ("Deployment", "Deployment"),
        ("deployment.v1.apps", "Deployment"), ("ds", "DaemonSet"), ("daemonset", "DaemonSet"),
        ("sts", "StatefulSet"), ("rs", "ReplicaSet"), ("job.batch", "Job"), ("cj", "CronJob"),
        ("pod", "pods"), ("po", "pods"), ("Pod", "pods"), ("no", "nodes"), ("node", "nodes"),
        ("crd", "crd"), ("ippools.crd.example.org", "ippools.crd.example.org"),
    ],
)  # fmt: skip
def test_kinds(word: str, kind: str) -> None:
    assert kind_of(word) == kind


def test_known_words() -> None:
    assert [known(word) for word in ("a", "", None, f"a{UNSURE}")] == ["a", None, None, None]


def test_targets_as_people_read_them() -> None:
    assert str(Target("pods", labels={"a": "b", "c": "d"})) == "pods with a=b,c=d"
    assert str(Target("Deployment", "x")) == "Deployment x"
    assert str(Target("release", "x")) == "Helm release x"
