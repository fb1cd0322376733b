"""`doctor` as users run it: on dumps, on a live cluster, following it; and what it refuses."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doctor.objects import UNINITIALIZED, listed, node
from doctor.server import Api, kubeconfig, serving
from doctor.situations import ALL, SITUATIONS, nodes

from cli.conftest import Result, environment, run

REAL = os.environ.get("KUBECONFIG", "")
"""The kubeconfig of a real cluster, if there is one."""


@pytest.fixture(autouse=True)
def _command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def saved(folder: Path, name: str) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(listed(*SITUATIONS[name].objects), indent=4))
    return path


# Dumps.


def test_a_dump_of_a_sick_cluster(tmp_path: Path) -> None:
    path = saved(tmp_path, "ccm-crashing")
    result = run("doctor", "--from", str(path))
    assert result.code == 1 and result.err == ""
    lines = result.out.decode().splitlines()
    assert lines[0] == "Nodes: 3, initialised: 0"
    assert lines[-2].startswith("Diagnosis: The cloud controller manager")
    assert lines[-1].startswith(
        "Next: kubectl -n kube-system logs vsphere-cloud-controller-manager"
    )
    assert run("doctor", "--from", str(path)) == result


def test_a_dump_of_a_healthy_cluster_as_json(tmp_path: Path) -> None:
    path = saved(tmp_path, "healthy")
    result = run("doctor", "--from", str(path), "--format", "json")
    report = json.loads(result.out)
    assert result.code == 0
    assert report["schema"] == "kubespray-patchgen/doctor/1"
    assert report["source"] == str(path)
    assert report["causes"] == report["missing_rights"] == []
    assert report["nodes"][1] == {
        "name": "w-1", "initialized": True, "ready": True, "addresses": True, "tainted_for": None,
    }  # fmt: skip


def test_the_causes_as_json(tmp_path: Path) -> None:
    path = saved(tmp_path, "toleration-equal-without-value")
    result = run("doctor", "--from", str(path), "--format", "json")
    causes = json.loads(result.out)["causes"]
    assert result.code == 1 and all(set(each) == {"code", "message", "next"} for each in causes)
    assert [each["code"] for each in causes] == [
        "no-ccm", "toleration-ineffective", "approver-pending",
    ]  # fmt: skip


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.dumps(listed(*SITUATIONS["healthy"].objects)).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    result = run("doctor", "--from", "-", "--format", "json")
    assert result.code == 0 and json.loads(result.out)["source"] == "standard input"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_dump_that_is_cut_off(tmp_path: Path, keep: float) -> None:
    path = saved(tmp_path, "healthy")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    line = path.read_text().rstrip().count("\n") + 1
    result = run("doctor", "--from", str(path))
    assert result.code == 2 and result.out == b""
    assert f"{path}:{line}: the dump is cut off" in result.err and "Traceback" not in result.err


def test_names_that_would_act_on_a_terminal(tmp_path: Path) -> None:
    evil = "n\x1b[2J\u202e\ud800"
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(listed(*nodes(UNINITIALIZED), node(evil, UNINITIALIZED))))
    for shape in ("text", "json"):
        result = run("doctor", "--from", str(path), "--format", shape)
        assert result.code == 1
        assert all(char.isprintable() or char == "\n" for char in result.out.decode() + result.err)
    assert evil in [each["name"] for each in json.loads(result.out)["nodes"]]


@pytest.mark.parametrize("words, said", [
    (["--from", "missing.json"], "missing.json"),
    (["--from", "."], "."),
    (["--from", "missing.json", "--watch"], "--from reads a file"),
    (["--from", "missing.json", "--context", "a"], "--from reads a file"),
    (["--timeout", "0"], "--timeout"), (["--interval", "nan"], "--interval"),
    (["--timeout", "inf"], "--timeout"), (["--format", "xml"], "--format"),
    (["--kubeconfig", ""], "empty"), (["surplus"], "surplus"),
])  # fmt: skip
def test_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("doctor", *words)
    assert result.code == 2 and said in result.err and "Traceback" not in result.err


def test_the_role_is_printed_without_a_cluster() -> None:
    from ruamel.yaml import YAML

    result = run("doctor", "--rbac")
    role = YAML(typ="safe").load(result.out)
    assert result.code == 0 and role["kind"] == "ClusterRole"
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} <= {"get", "list", "watch"}
    assert "secrets" not in {name for rule in role["rules"] for name in rule["resources"]}


def test_without_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    for name in ("kubernetes.client", "kubernetes.config"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run("doctor", "--kubeconfig", str(kubeconfig(tmp_path / "k", 1)))
    assert result.code == 2 and "kubespray-patchgen[cluster]" in result.err
    assert run("doctor", "--from", str(saved(tmp_path, "healthy"))).code == 0


# A live cluster.


@pytest.fixture
def client() -> None:
    """Skip without the official client."""
    pytest.importorskip("kubernetes", reason="needs the extra [cluster]")


@pytest.fixture
def ask(tmp_path: Path, client: None) -> Iterator[Callable[..., Result]]:
    """Return what serves an API and runs the doctor on it."""

    def asked(api: Api, *words: str) -> Result:
        with serving(api):
            path = kubeconfig(tmp_path / "config", api.port)
            return run("doctor", "--kubeconfig", str(path), *words)

    yield asked


Ask = Callable[..., Result]


@pytest.mark.parametrize("name", ["healthy", "ccm-crashing", "approver-denied-by-dns"])
def test_a_live_cluster_says_the_same_as_its_dump(ask: Ask, name: str) -> None:
    situation = SITUATIONS[name]
    api = Api(situation.objects, page=2)
    result = ask(api, "--format", "json")
    report = json.loads(result.out)
    assert [each["code"] for each in report["causes"]] == situation.codes
    assert [each["name"] for each in report["nodes"]] == ALL
    assert report["source"] == f"http://127.0.0.1:{api.port}" and result.err == ""
    assert {method for method, _ in api.asked} == {"GET"}
    assert not any("secret" in path for _, path in api.asked)


def test_a_list_that_expires_is_read_again(ask: Ask) -> None:
    result = ask(Api(SITUATIONS["healthy"].objects, page=2, expire_once=True), "--format", "json")
    assert len(json.loads(result.out)["nodes"]) == 3 and result.code == 0


@pytest.mark.parametrize("kind, right", [
    ("Event", "list events"), ("Pod", "list pods"), ("DaemonSet", "list daemonsets.apps"),
    ("CertificateSigningRequest", "list certificatesigningrequests.certificates.k8s.io"),
])  # fmt: skip
def test_a_missing_right_is_named_and_the_rest_is_told(ask: Ask, kind: str, right: str) -> None:
    result = ask(Api(SITUATIONS["ccm-crashing"].objects, status={kind: 403}), "--format", "json")
    report = json.loads(result.out)
    assert report["missing_rights"] == [right] and right in result.err
    assert result.code == 1 and len(report["nodes"]) == 3
    assert "s3cret" not in result.err + result.out.decode()
    if kind == "Event":
        assert [each["code"] for each in report["causes"]] == SITUATIONS["ccm-crashing"].codes


def test_without_the_right_to_nodes_nothing_is_called_healthy(ask: Ask) -> None:
    result = ask(Api(SITUATIONS["healthy"].objects, status={"Node": 403}))
    assert result.code == 2 and b"cannot be told" in result.out and "list nodes" in result.err
    assert ask(Api([], status={"Node": 403}), "--watch").code == 2


@pytest.mark.parametrize("status, said", [
    (401, "does not accept your credentials"), (403, "no right to list anything"),
    (503, "answers 503"), (500, "answers 500"), (404, "no right to list anything"),
])  # fmt: skip
def test_an_api_server_that_refuses(ask: Ask, status: int, said: str) -> None:
    result = ask(Api([], status={"": status} | dict.fromkeys(
        ("Node", "Pod", "Event", "Deployment", "DaemonSet", "CertificateSigningRequest"), status
    )))  # fmt: skip
    assert result.code == 2 and said in result.err and result.out == b""
    assert "s3cret" not in result.err and "Traceback" not in result.err


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 99_999, b'{"items": 3}'])
def test_an_answer_that_is_none(ask: Ask, body: bytes) -> None:
    result = ask(Api([], body=body))
    assert "Traceback" not in result.err
    assert result.code == (1 if b"items" in body else 2)


def test_an_api_server_that_does_not_answer_in_time(ask: Ask) -> None:
    start = time.monotonic()
    result = ask(Api([], delay=1.5), "--timeout", "0.3")
    assert result.code == 2 and "no answer in time" in result.err
    assert time.monotonic() - start < 5


def test_an_api_server_that_is_not_there(tmp_path: Path, client: None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = run("doctor", "--kubeconfig", str(kubeconfig(tmp_path / "k", port)))
    assert result.code == 2 and "connection refused" in result.err
    assert f"127.0.0.1:{port}" in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize("text, said", [
    (None, "k"), ("", "not a valid kubeconfig"), ("[1]", "not a valid kubeconfig"),
    ("a: [", "not a valid kubeconfig"), ("apiVersion: v1\nkind: Config\n", "cannot be used"),
    ("\x00", "not a valid kubeconfig"),
])  # fmt: skip
def test_kubeconfigs_that_cannot_be_used(
    tmp_path: Path, client: None, text: str | None, said: str
) -> None:
    path = tmp_path / "k"
    if text is not None:
        path.write_text(text)
    result = run("doctor", "--kubeconfig", str(path))
    assert result.code == 2 and said in result.err and "Traceback" not in result.err


def test_which_cluster_is_meant(
    tmp_path: Path, client: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("doctor")
    assert result.code == 2 and "there is no kubeconfig" in result.err
    with serving(Api(SITUATIONS["healthy"].objects)) as api:
        path = kubeconfig(tmp_path / "k", api.port)
        result = run("doctor", "--kubeconfig", str(path), "--context", "other")
        assert result.code == 2 and "no context 'other'" in result.err
        assert run("doctor", "--kubeconfig", str(path), "--context", "stand-in").code == 0
        monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}{os.pathsep}{path}")
        assert run("doctor").code == 0


def test_in_a_pod_its_own_cluster_is_meant(
    tmp_path: Path, client: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    monkeypatch.setattr("generator.doctor.live._TOKEN", token)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = run("doctor")
    assert result.code == 2 and "the pod's own cluster cannot be used" in result.err
    result = run("doctor", "--kubeconfig", str(tmp_path / "none"))
    assert result.code == 2 and "none" in result.err


def test_a_server_that_speaks_no_tls(tmp_path: Path, client: None) -> None:
    with serving(Api([])) as api:
        path = kubeconfig(tmp_path / "k", api.port)
        path.write_text(path.read_text().replace("http://", "https://"))
        result = run("doctor", "--kubeconfig", str(path))
    assert result.code == 2 and "no secure connection" in result.err


# Following.


def initialise(name: str) -> Callable[[Api], None]:
    """Return a change of a stand-in that takes the taint off a node."""

    def change(api: Api) -> None:
        api.objects = [
            node(name) if each["kind"] == "Node" and each["metadata"]["name"] == name else each
            for each in api.objects
        ]

    return change


def nothing(_: Api) -> None:
    """Change nothing."""


def test_following_until_all_are_initialised(ask: Ask) -> None:
    tainted = [node(name, UNINITIALIZED) for name in ALL]
    api = Api([*tainted, *SITUATIONS["healthy"].objects[3:]])
    api.changes = [nothing, nothing, *(initialise(name) for name in ALL)]
    result = ask(api, "--watch", "--interval", "0.05", "--timeout", "20", "--format", "json")
    assert result.code == 0 and json.loads(result.out)["initialized"] is True
    lines = result.err.splitlines()
    assert [line[:11] for line in lines] == [f"{done} of 3 node" for done in range(4)]
    assert "waiting for w-1, w-2" in lines[1] and lines[-1] == "3 of 3 nodes initialised."


def test_following_gives_up_at_the_timeout(ask: Ask) -> None:
    api = Api(SITUATIONS["ccm-crashing"].objects)
    start = time.monotonic()
    result = ask(api, "--watch", "--interval", "0.1", "--timeout", "0.5")
    assert result.code == 1 and time.monotonic() - start < 5
    assert "Gave up after 0.5 seconds." in result.err
    assert result.err.count("initialised") == 1 and b"ccm-failing" in result.out


def test_following_survives_an_api_server_that_is_away_for_a_moment(ask: Ask) -> None:
    def status(number: int) -> Callable[[Api], None]:
        return lambda api: api.status.update({"Node": number})

    api = Api(SITUATIONS["one-node-of-many-stuck"].objects)
    api.changes = [
        nothing,
        status(503),
        status(500),
        lambda a: (status(200)(a), initialise("n-40")(a))[0],
    ]
    assert ask(api, "--watch", "--interval", "0.05", "--timeout", "20").code == 0


def test_a_bar_on_a_terminal(tmp_path: Path, client: None) -> None:
    pty = pytest.importorskip("pty", reason="terminals are POSIX's")
    api = Api([node("a", UNINITIALIZED), node("b"), *SITUATIONS["healthy"].objects[3:]])
    api.changes = [nothing, initialise("a")]
    master, slave = pty.openpty()
    with serving(api):
        path = kubeconfig(tmp_path / "k", api.port)
        done = subprocess.run(
            [sys.executable, "-m", "generator", "doctor", "--kubeconfig", str(path), "--watch",
             "--interval", "0.05"],
            stderr=slave, stdout=subprocess.PIPE, env=environment(), timeout=30,
        )  # fmt: skip
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    assert done.returncode == 0 and done.stdout.endswith(b"Next: nothing to do.\n")
    assert "1/2" in shown and "2/2" in shown and "Nodes initialised" in shown
    assert "waiting for" not in shown


def test_interrupted(tmp_path: Path, client: None) -> None:
    with serving(Api(SITUATIONS["no-ccm"].objects)) as api:
        words = ["--kubeconfig", str(kubeconfig(tmp_path / "k", api.port)), "--watch"]
        process = subprocess.Popen(
            [sys.executable, "-m", "generator", "doctor", *words],
            stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        assert process.stderr is not None
        assert "0 of 3 nodes" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 130 and rest.strip() == "kubespray-patchgen: interrupted."


@pytest.mark.skipif(not REAL, reason="KUBECONFIG names no real cluster")
def test_a_real_cluster(client: None) -> None:
    """It is only read. What it answers is not known, but the report is whole."""
    result = run("doctor", "--kubeconfig", REAL, "--format", "json")
    if "not reached" in result.err:
        pytest.skip(result.err)
    report = json.loads(result.out)
    assert report["schema"] == "kubespray-patchgen/doctor/1"
    assert bool(report["nodes"]) or "list nodes" in report["missing_rights"] or result.code == 1
    assert result.code == 1 or not report["causes"]


@pytest.mark.parametrize(("name", "said"), [
    ("folder", "is a directory"), ("nowhere", "is not there"), ("latin.json", "not UTF-8 text"),
])  # fmt: skip
def test_what_is_no_dump_is_told_with_a_way_out(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.json").write_bytes(b'{"kind": "\xff\xfe"}')
    result = run("doctor", "--from", tmp_path / name)
    assert result.code == 2
    assert said in result.err and ("kubectl get" in result.err or "save" in result.err)
