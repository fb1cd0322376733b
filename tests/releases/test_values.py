"""The values that Helm gets for the approver, worked out by Ansible itself.

The patched `values:` of a release's role is evaluated with the Ansible that the release pins,
beside the value without the patch: both see the same variables, so what an inventory may hold
has the same meaning in both, and only the list of tolerations may differ.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from oracles import ansible, helm
from oracles.ansible import Refused

from generator.model.toleration import UNINITIALIZED, Taint, Toleration, tolerates
from generator.tree.base import read

from . import APPROVER, META, Release, helm_release, loaded

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

RELEASES = (
    *("v2.22.2", "v2.23.3", "v2.24.3", "v2.25.1"),
    *("v2.27.1", "v2.29.1", "v2.31.0", "master"),
)
VALUES = "kubelet_csr_approver_values"
CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "NoSchedule")
MASTER = Taint("node-role.kubernetes.io/master", "NoSchedule")
OURS = {"key": UNINITIALIZED.key, "operator": "Exists", "effect": "NoSchedule"}
MINE = {"key": "dedicated", "operator": "Equal", "value": "infra", "effect": "NoExecute"}

# What an inventory may say: other variables too, for values that are templates.
USERS: dict[str, dict[str, Any]] = {
    "absent": {},
    "empty": {VALUES: {}},
    "null": {VALUES: None},
    "other keys": {VALUES: {"bypassDnsResolution": True, "providerRegex": "^node-[0-9]+$"}},
    "nested keys and lists": {
        VALUES: {
            "extraArgs": ["--a", "--b=c"],
            "resources": {"limits": {"cpu": 1, "memory": "64Mi"}, "requests": {}},
            "loggingLevel": 0,
            "ratio": 1.5,
            "enabled": True,
            "disabled": False,
            "quoted number": "1",
            "quoted truth": "true",
            "text": "multi\nline 'quoted' \"twice\" \\ back",
            "n": None,
            "empty": "",
            "none": [],
        }
    },
    "tolerations null": {VALUES: {"tolerations": None, "replicas": 2}},
    "tolerations empty": {VALUES: {"tolerations": [], "replicas": 2}},
    "one toleration": {VALUES: {"tolerations": [MINE]}},
    "a duplicate of ours": {VALUES: {"tolerations": [OURS, MINE, OURS]}},
    "equal without value": {
        VALUES: {"tolerations": [{"key": UNINITIALIZED.key, "effect": "NoSchedule"}]}
    },
    "exists alone": {VALUES: {"tolerations": [{"operator": "Exists"}]}},
    "seconds": {VALUES: {"tolerations": [{**MINE, "tolerationSeconds": 300}]}},
    "unicode": {VALUES: {"text": "é 😀 ß", "tolerations": [{**MINE, "value": "größe"}]}},
    "a template": {VALUES: "{{ mine }}", "mine": {"a": [1], "tolerations": [MINE]}},
    "a template to nothing": {VALUES: "{{ mine | default({}) }}"},
    "templates inside": {
        VALUES: {
            "image": {"tag": "{{ word }}-{{ number }}", "pullPolicy": "{{ word }}"},
            "number": "{{ number }}",
            "tolerations": "{{ list + [mine] }}",
        },
        "list": [{"key": "{{ word }}", "operator": "Exists"}],
        "mine": MINE,
        "word": "x",
        "number": 3,
    },
    "braces to keep": {VALUES: {"text": "{% raw %}{{ not ours }}{% endraw %}"}},
}


def variables(release: Release, user: Mapping[str, Any]) -> dict[str, Any]:
    """The role's defaults, and the inventory's variables over them."""
    return {**release.data(f"roles/{APPROVER}/defaults/main.yml"), **user}


def complaints(result: object, before: object, chart: list[Taint]) -> list[str]:
    """What is wrong with the values that Helm gets, compared with those without the patch."""
    if not isinstance(result, dict):
        return [f"the values are {result!r}"]
    plain = {} if before is None else before
    assert isinstance(plain, dict)
    listed = result.get("tolerations")
    if not isinstance(listed, list):
        return [f"the tolerations are {listed!r}"]
    found = []
    for taint in (UNINITIALIZED, *chart):
        if not tolerates(listed, taint):
            found.append(f"{taint} is not tolerated")
    for entry in plain.get("tolerations") or []:
        if not any(same(entry, other) for other in listed):
            found.append(f"the user's {entry} is gone")
    if any(same(one, other) for i, one in enumerate(listed) for other in listed[:i]):
        found.append("an entry stands twice")
    if set(result) - {"tolerations"} != set(plain) - {"tolerations"}:
        found.append(f"keys {sorted(result)}, the user's are {sorted(plain)}")
    for key in sorted(set(result) & set(plain) - {"tolerations"}):
        if not same(result[key], plain[key]):
            found.append(f"{key} is {result[key]!r}, the user's is {plain[key]!r}")
    return found


def same(one: object, other: object) -> bool:
    """Whether two values of JSON are equal, types and all: 1 is not true, nor "1"."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def chart_tolerates(release: Release) -> list[Taint]:
    """The taints that the release's chart tolerates by default."""
    version = variables(release, {})["kubelet_csr_approver_chart_version"]
    return [CONTROL_PLANE, MASTER] if version == "0.2.8" else [CONTROL_PLANE]


def bin_dir_for(requirement: str) -> Path:
    found = ansible.ansible_for(requirement)
    if found is None:
        pytest.skip(ansible.why_not(requirement))
    return found


def patched_values(release: Release) -> tuple[str, str]:
    """The template of the values before and after the patch."""
    before, after = (
        helm_release(loaded(read(kubespray.tree, META)))["values"]
        for kubespray in (release.before, release.series.after)
    )
    return before, after


def check_all(bin_dir: Path, release: Release) -> None:
    before, after = patched_values(release)
    given = {name: variables(release, user) for name, user in USERS.items()}
    cases = [(template, held) for held in given.values() for template in (before, after)]
    results = ansible.attempt_many(bin_dir, cases)
    chart = chart_tolerates(release)
    wrong = {}
    for name, plain, result in zip(USERS, results[::2], results[1::2], strict=True):
        assert not isinstance(plain, Refused), f"{name}: {plain}"
        if found := complaints(result, plain, chart):
            wrong[name] = found
    assert wrong == {}


@pytest.fixture
def pin(revision: str, ansible_pins: Mapping[str, str]) -> str:
    if revision not in ansible_pins:
        pytest.skip(f"the repository has no {revision}")
    return ansible_pins[revision]


@pytest.mark.parametrize("revision", RELEASES, scope="session")
def test_values(release: Release, pin: str) -> None:
    check_all(bin_dir_for(pin), release)


@pytest.mark.parametrize("revision", ["v2.24.3", "master"], scope="session")
@pytest.mark.usefixtures("pin")
def test_values_by_the_newest_ansible(release: Release) -> None:
    """Of the series that follows those which any release asks for; it templates in another way."""
    check_all(bin_dir_for(ansible.NEWEST), release)


@pytest.mark.parametrize("revision", ["v2.24.3", "master"], scope="session")
@pytest.mark.parametrize("newest", [False, True], ids=["pinned", "newest"])
def test_values_as_text(release: Release, pin: str, newest: bool) -> None:
    """A text (`-e name={...}`) is refused aloud: neither it nor our entry is dropped in silence."""
    bin_dir = bin_dir_for(ansible.NEWEST if newest else pin)
    held = variables(release, {VALUES: json.dumps({"bypassDnsResolution": True})})
    (result,) = ansible.attempt_many(bin_dir, [(patched_values(release)[1], held)])
    assert isinstance(result, ansible.Refused)
    assert "combine" in result.message


TRAPS = {
    "equal without value": f"{{{{ {VALUES} | combine({{'tolerations': [{{'key': "
    f"'{UNINITIALIZED.key}', 'operator': 'Equal', 'effect': 'NoSchedule'}}, {{'key': "
    f"'{CONTROL_PLANE.key}', 'operator': 'Exists'}}, {{'key': '{MASTER.key}', "
    f"'operator': 'Exists'}}]}}) }}}}",
    "the chart's list is dropped": f"{{{{ {VALUES} | combine({{'tolerations': [{{'key': "
    f"'{UNINITIALIZED.key}', 'operator': 'Exists', 'effect': 'NoSchedule'}}]}}) }}}}",
    "the user's list is dropped": f"{{{{ {VALUES} | combine({{'tolerations': "
    "[{'operator': 'Exists'}]}) }}",
    "the user wins": f"{{{{ {{'tolerations': [{{'operator': 'Exists'}}]}} | combine({VALUES}) }}}}",
    "no patch": f"{{{{ {VALUES} }}}}",
    "all are texts": f"{{{{ {VALUES} | string }}}}",
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("revision", ["v2.24.3", "v2.31.0"], scope="session")
def test_the_checks_can_fail(release: Release, pin: str, trap: str) -> None:
    """With each of the known traps some inventory is found whose pods would not run."""
    bin_dir = bin_dir_for(pin)
    given = [variables(release, USERS[name]) for name in ("one toleration", "other keys")]
    results = ansible.evaluate_many(bin_dir, [(TRAPS[trap], held) for held in given])
    plain = ansible.evaluate_many(bin_dir, [(patched_values(release)[0], held) for held in given])
    chart = chart_tolerates(release)
    assert any(complaints(*pair, chart) for pair in zip(results, plain, strict=True))


def test_the_checks_compare_types() -> None:
    listed = [OURS, {"key": CONTROL_PLANE.key, "operator": "Exists"}]
    for one, other in ((1, True), (1, "1"), (None, ""), ([], {}), (1, 1.0)):
        values = {"tolerations": listed, "a": one}
        assert not complaints(values, {"a": one}, [CONTROL_PLANE])
        assert complaints(values, {"a": other}, [CONTROL_PLANE])
    assert complaints({"tolerations": [*listed, OURS]}, {}, [CONTROL_PLANE])
    assert complaints({"tolerations": listed}, {}, [CONTROL_PLANE, MASTER])


@pytest.mark.parametrize("revision", RELEASES, scope="session")
def test_the_role_gives_them_to_helm_apps(release: Release, pin: str, tmp_path: Path) -> None:
    """The role itself runs: its dependency's arguments pass the release's argument spec.

    In place of helm-apps' tasks, which need a cluster, one shows what they would get.
    """
    bin_dir = bin_dir_for(pin)
    role = tmp_path / "roles" / APPROVER
    spec = "roles/helm-apps/meta/argument_specs.yml"
    for path in (META, f"roles/{APPROVER}/defaults/main.yml", spec):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read(release.series.after.tree, path))
    assert (role / "meta" / "main.yml").is_file()
    shown = {"ansible.builtin.debug": {"msg": "{{ releases | to_json | b64encode }}"}}
    tasks = tmp_path / "roles" / "helm-apps" / "tasks" / "main.yml"
    tasks.parent.mkdir()
    tasks.write_text(json.dumps([{"name": "Show", **shown}]), encoding="utf-8")

    held = {
        "kubelet_rotate_server_certificates": True,
        "kube_network_plugin": "calico",
        "proxy_env": {},
        VALUES: {"replicas": 2, "tolerations": [MINE]},
    }
    results = ansible.run_role(bin_dir, tmp_path, APPROVER, held)
    assert [result.get("failed", False) for result in results] == [False] * len(results)
    (message,) = (result["msg"] for result in results if "releases" not in result and "msg" in
                  result and not str(result["msg"]).startswith("The arg spec"))  # fmt: skip
    (given,) = json.loads(base64.b64decode(message))
    assert given["name"] == "kubelet-csr-approver"
    assert complaints(given["values"], held[VALUES], chart_tolerates(release)) == []

    # The spec is in force: what is no mapping is refused.
    refused = ansible.run_role(bin_dir, tmp_path, APPROVER, {**held, VALUES: "text"})
    assert any(result.get("failed") for result in refused)


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: approver\nversion: 0.1.0\n",
    "values.yaml": "replicas: 1\nunset: {}\ntolerations:\n  - key: "
    "node-role.kubernetes.io/control-plane\n    operator: Exists\n    effect: NoSchedule\n",
    "templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: approver
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: approver}
  template:
    metadata:
      labels: {app: approver}
    spec:
      containers: [{name: approver, image: example.org/approver}]
      tolerations: {{- toYaml .Values.tolerations | nindent 8 }}
""",
}


@pytest.mark.parametrize("revision", ["v2.31.0"], scope="session")
def test_the_pods_tolerate_by_helm(release: Release, pin: str, tmp_path: Path) -> None:
    """Helm itself merges the values into a chart with a default list like the approver's."""
    binary = helm.helm()
    if binary is None:
        pytest.skip(helm.why_not())
    for name, text in CHART.items():
        target = tmp_path / "chart" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for user in ("absent", "one toleration", "tolerations null", "templates inside"):
        held = variables(release, USERS[user])
        before, after = ansible.evaluate_many(
            bin_dir_for(pin), [(template, held) for template in patched_values(release)]
        )
        assert not tolerates(pod_tolerations(binary, tmp_path, before), UNINITIALIZED)
        listed = pod_tolerations(binary, tmp_path, after)
        assert tolerates(listed, UNINITIALIZED) and tolerates(listed, CONTROL_PLANE)
        wanted = after["tolerations"] if isinstance(after, dict) else None
        assert same(listed, wanted)


def pod_tolerations(binary: Path, directory: Path, values: object) -> list[Any]:
    (directory / "values.json").write_text(json.dumps(values), encoding="utf-8")
    done = subprocess.run(
        [binary, "template", "approver", "chart", "--values", "values.json"],
        cwd=directory,
        env={"HOME": str(directory), "PATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    manifest = loaded(done.stdout.encode())
    found: list[Any] = manifest["spec"]["template"]["spec"].get("tolerations") or []
    return found


def test_the_tolerations_of_the_trap() -> None:
    """The premise: operator Equal without a value does not match the taint."""
    assert not Toleration(UNINITIALIZED.key, "Equal", "", "NoSchedule").matches(UNINITIALIZED)
