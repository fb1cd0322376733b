"""What people read, held against golden files; and what programs read, by its keys.

A golden file is renewed by `UPDATE_GOLDEN=1 pytest tests/cli/test_golden.py`; read the
difference before you keep it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

from cli.conftest import CHANGED, Result, run, start
from generator.cli import COMMANDS, cli
from generator.resources import resource_dir

GOLDEN = Path(__file__).parent.parent / "golden"

SHIPPED = sorted(path.stem for path in resource_dir("patches").glob("*.yml"))


def below_groups() -> list[tuple[str, str]]:
    """Return the commands below commands, such as `patches list`."""
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in COMMANDS}
    return [
        (name, below) for name, group in found.items() if isinstance(group, click.Group)
        for below in group.commands
    ]  # fmt: skip


SHOWN: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    **{f"help-{name}": (name, "--help") for name in COMMANDS},
    **{f"help-{name}-{below}": (name, below, "--help") for name, below in below_groups()},
    "patches-list": ("patches", "list"),
    **{f"patches-show-{name}": ("patches", "show", name) for name in SHIPPED},
    "order-sample": ("order", "--sample"),
    "order-sample-patched": ("order", "--sample", "--patched"),
    "demo": ("demo",),
    "patch-sample": ("patch", "--sample"),
    "patch-sample-backport": ("patch", "--sample", "--only", "backport-12141"),
}
"""Golden files and the words that make them."""


def shown(result: Result) -> str:
    """Return what a run printed, and what it said besides."""
    text = result.out.decode()
    return f"{text}--- standard error ---\n{result.err}" if result.err else text


@pytest.mark.parametrize(("name", "words"), SHOWN.items(), ids=SHOWN.keys())
def test_golden(name: str, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.code == 0, result.err
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown(result), encoding="utf-8")
    assert shown(result) == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    """Those of `check`, `fork`, `overlay`, `stage` and pictures have tests of their own."""
    others = ("check-", "explain-", "fork-", "overlay", "order-picture-", "stage-")
    found = {path.stem for path in GOLDEN.iterdir() if not path.stem.startswith(others)}
    assert found == set(SHOWN)


@pytest.mark.parametrize("words", [("--help",), ("patch", "--help"), ("order", "--sample")])
def test_terminal_does_not_matter(words: tuple[str, ...]) -> None:
    """Of the terminal only its width counts, and only in help."""
    here = run(*words)
    there = start(*words, TERM="xterm-256color", LC_ALL="C", NO_COLOR="", CLICOLOR_FORCE="1")
    assert (there.code, there.out) == (0, here.out)


@pytest.mark.parametrize("width", ["40", "80", "300"])
@pytest.mark.parametrize("name", [name for name in SHOWN if name.startswith("help")])
def test_width_of_help(name: str, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    result = run(*SHOWN[name])
    assert result.code == 0
    # Examples and tables of codes keep their lines; what is filled ends at 96.
    assert all(len(line) <= 96 for line in result.out.decode().splitlines())


@pytest.mark.parametrize("name", SHOWN)
def test_lines(name: str) -> None:
    text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert text.isascii()
    if name.startswith(("help", "patches-list")):
        assert not any(line != line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", [name for name in SHOWN if name.startswith("help-")])
def test_help_names_codes_and_examples(name: str) -> None:
    text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert "Examples:" in text or "Example:" in text
    for part in ("Usage: kubespray-patchgen", "Exit codes:", "  130  interrupted"):
        assert part in text, part


def test_every_command_is_in_the_overview() -> None:
    text = run("--help").out.decode()
    for name, line in COMMANDS.items():
        assert f"  {name}" in text and line.rstrip(".") in text.replace("\n          ", " ")


def test_version() -> None:
    from generator import __version__

    assert run("--version").out.decode() == f"kubespray-patchgen, version {__version__}\n"


def test_no_command_shows_help() -> None:
    result = run()
    assert result.code in (0, 2) and "Usage: kubespray-patchgen" in result.out.decode() + result.err


BASE = {"name", "commit"}
PLACE = {"path", "line", "column"}


def report(*words: str | Path) -> dict[str, Any]:
    result = run(*words, "--format", "json")
    assert result.code == 0, result.err
    text = result.out.decode()
    assert text.endswith("}\n")
    data = json.loads(text)
    assert isinstance(data, dict)
    return data


class TestJson:
    """The keys that docs/json.md documents, no more and no less."""

    def test_patch(self, repo: Path) -> None:
        data = report("patch", repo)
        assert data.keys() == {"schema", "base", "patches", "files"}
        assert data["schema"] == "kubespray-patchgen/patch/1"
        assert data["base"].keys() == BASE
        assert data["base"]["name"] == str(repo) and len(data["base"]["commit"]) == 40
        assert data["files"] == CHANGED
        keys = {"id", "version", "needed", "reasons", "files", "components"}
        assert [outcome.keys() for outcome in data["patches"]] == [keys, keys]
        assert [(o["id"], o["needed"], o["files"]) for o in data["patches"]] == [
            ("approver-after-ccm", True, CHANGED[:1]),
            ("approver-tolerations", True, CHANGED[1:]),
        ]

    def test_patch_not_needed(self, repo: Path) -> None:
        assert run("patch", repo, "--apply").code == 0
        data = report("patch", repo)
        assert [(o["needed"], o["files"]) for o in data["patches"]] == [(False, []), (False, [])]
        assert data["files"] == [] and all(o["reasons"] for o in data["patches"])

    def test_patch_of_no_repository(self, plain: Path) -> None:
        assert report("patch", plain)["base"] == {"name": str(plain), "commit": None}

    def test_order(self) -> None:
        data = report("order", "--sample")
        assert data.keys() == {"schema", "base", "playbooks"}
        assert data["schema"] == "kubespray-patchgen/order/1"
        assert data["base"].keys() == BASE
        (playbook,) = data["playbooks"]
        assert playbook.keys() == {"playbook", "files", "plays", "steps"}
        assert playbook["playbook"] == "cluster.yml"
        assert playbook["files"][:2] == ["cluster.yml", "playbooks/cluster.yml"]
        assert [play["number"] for play in playbook["plays"]] == list(range(1, 20))
        for play in playbook["plays"]:
            assert play.keys() == {"number", "name", "hosts", "serial"} | PLACE
        assert [step["number"] for step in playbook["steps"]] == list(range(1, 90))
        for step in playbook["steps"]:
            assert step.keys() == PLACE | {
                "number", "play", "role", "kind", "name", "depth", "through", "tags", "when",
                "parameters", "repeats", "unresolved",
            }  # fmt: skip

    def test_order_of_the_step_that_matters(self) -> None:
        (playbook,) = report("order", "--sample")["playbooks"]
        wanted = "kubernetes-apps/kubelet-csr-approver"
        (step,) = [s for s in playbook["steps"] if s["role"] == wanted]
        assert step == {
            "number": 53,
            "play": 15,
            "role": wanted,
            "kind": "role",
            "name": wanted,
            "depth": 0,
            "through": [],
            "tags": ["kubelet-csr-approver"],
            "when": [],
            "parameters": {},
            "repeats": None,
            "unresolved": None,
            "path": "playbooks/cluster.yml",
            "line": 52,
            "column": 7,
        }

    def test_order_of_all(self) -> None:
        data = report("order", "--sample", "-p", "all")
        names = [playbook["playbook"] for playbook in data["playbooks"]]
        assert {"cluster.yml", "upgrade-cluster.yml", "scale.yml", "reset.yml"} <= set(names)
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("words", [("list",), *(("show", name) for name in SHIPPED)])
    def test_patches(self, words: tuple[str, ...]) -> None:
        data = report("patches", *words)
        assert data.keys() == {"schema", "patches"}
        assert data["schema"] == "kubespray-patchgen/patches/1"
        assert [p["id"] for p in data["patches"]] == (SHIPPED if len(words) == 1 else [words[1]])
        for patch in data["patches"]:
            assert patch.keys() == {
                "id", "version", "date", "title", "default", "why", "references", "needs_roles",
                "excludes", "comes_with", "obsolete_since", "leaves_alone", "operations",
                "components",
            }  # fmt: skip
            assert patch["operations"] and patch["references"]
            for left in patch["leaves_alone"]:
                assert left.keys() == {"playbook", "why"}
