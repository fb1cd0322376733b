"""Helm as the judge of `tolerate`: as its post-renderer, and of values that it renders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import generator
from generator.model.toleration import UNINITIALIZED, tolerates
from generator.tolerate.files import tolerate_values
from generator.tolerate.inject import Wish

from .helm import helm, why_not

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: probe\nversion: 1.0.0\n",
    "values.yaml": "controller:\n  tolerations:\n    - key: own\n      operator: Exists\n",
    "templates/all.yaml": """\
# All that the chart has.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-controller
spec:
  template:
    spec:
      containers:
        - name: main
          image: "x:1"
      {{- with .Values.controller.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ .Release.Name }}-job
spec:
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-text
data:
  text: |
    kind: Pod
    spec: {}
""",
}


@pytest.fixture(scope="module")
def binary() -> Path:
    found = helm()
    if found is None:
        pytest.skip(why_not())
    return found


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    for name, text in CHART.items():
        (tmp_path / "chart" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chart" / name).write_text(text)
    return tmp_path / "chart"


def render(binary: Path, chart: Path, *options: str) -> dict[str, Any]:
    """Return the objects that `helm template` prints, by their kinds."""
    done = subprocess.run(
        [binary, "template", "probe", str(chart), *options],
        capture_output=True, timeout=120, env=_environment(chart.parent),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(done.stdout)}


def _environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    folders = {name: str(home / name) for name in ("HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME")}
    code = Path(generator.__file__).resolve().parents[1]
    return {**kept, **folders, "HELM_CONFIG_HOME": str(home / "config"), "PYTHONPATH": str(code)}


def deployment(objects: dict[str, Any]) -> list[Any]:
    entries: list[Any] = objects["Deployment"]["spec"]["template"]["spec"]["tolerations"]
    return entries


def test_as_a_post_renderer(binary: Path, chart: Path) -> None:
    """Helm 3 runs a program with the manifests on standard input (Helm 4 wants a plugin)."""
    version = subprocess.run([binary, "version", "--short"], capture_output=True, text=True)
    if not version.stdout.startswith("v3."):
        pytest.skip(f"the post-renderer of {version.stdout.strip()} is a plugin")
    script = chart.parent / "tolerate.sh"
    start = "import generator.cli as c; c.COMMANDS.setdefault('tolerate', ''); c.main()"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" tolerate\n')
    script.chmod(0o755)
    plain, changed = render(binary, chart), render(binary, chart, f"--post-renderer={script}")
    assert not tolerates(deployment(plain), UNINITIALIZED)
    assert tolerates(deployment(changed), UNINITIALIZED)
    assert deployment(changed)[:-1] == deployment(plain)
    job = changed["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert tolerates(job.pop("tolerations"), UNINITIALIZED)
    deployment(changed).pop()
    assert changed == plain


@pytest.mark.parametrize(
    ("values", "says_so"),
    [
        ("{}\n", True),
        ("# nothing\n", True),
        ("other: 1\r\n", True),
        ("controller: {}\n", True),
        ("controller:\n  tolerations: []\n", True),
        ("controller:\n  tolerations:\n  - key: user\n    operator: Exists\n", False),
    ],
)
def test_values_give_pods_that_tolerate(
    binary: Path, chart: Path, values: str, says_so: bool
) -> None:
    """The list of the values takes the place of the chart's; we say so where the list is new."""
    wish, path = Wish((UNINITIALIZED,)), ("controller", "tolerations")
    outcome = tolerate_values("values.yaml", values.encode(), wish, path)
    (chart.parent / "values.yaml").write_bytes(outcome.after())
    entries = deployment(render(binary, chart, f"--values={chart.parent / 'values.yaml'}"))
    assert tolerates(entries, UNINITIALIZED)
    assert "own" not in [entry["key"] for entry in entries]
    assert any("Helm replaces lists" in line for line in outcome.lines) == says_so
    if not says_so:
        assert entries[0] == {"key": "user", "operator": "Exists"}
