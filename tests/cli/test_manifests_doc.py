"""The commands of docs/manifests.md, run on files made for them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli.conftest import write_tree
from cli.test_forks_doc import commands, run_all
from generator.commands.tolerate import command as tolerate

DOC = (Path(__file__).parents[2] / "docs/manifests.md").read_text("utf-8")

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-1}
spec:
  template:
    spec:
      containers: []
"""

JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"containers": []}}}}


def test_commands(tmp_path: Path) -> None:
    write_tree(tmp_path, {
        "approver.yaml": POD.encode(),
        "manifests/web.yaml": POD.encode(),
        "manifests/job.json": json.dumps(JOB).encode(),
        "values.yaml": b"controller:\n  replicas: 1\n",
    })  # fmt: skip
    printed = run_all(commands(DOC), tmp_path)
    assert printed.startswith("--- a/manifests/web.yaml")
    key = "node.cloudprovider.kubernetes.io/uninitialized"
    for name in ("approver.yaml", "manifests/web.yaml", "values.yaml", "job.json"):
        assert (tmp_path / name).read_text().count(key) == 1
    assert "maintenance" in (tmp_path / "manifests/web.yaml").read_text()
    assert (tmp_path / "manifests/job.json").read_text() == json.dumps(JOB)


def test_options() -> None:
    """The table has every option of the command."""
    known = {
        name for option in tolerate.params if isinstance(option, click.Option)
        for name in option.opts
    }  # fmt: skip
    told = {row.split("`")[1].split()[0] for row in DOC.splitlines() if row.startswith("| `")}
    assert told == known - {"--help"}
