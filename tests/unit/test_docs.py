"""README and docs are held against the program."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from generator import exits
from generator.cli import COMMANDS, cli
from generator.engine.detect.codes import codes
from generator.engine.operations import OPERATIONS
from generator.engine.patch import load_patch, load_patches
from generator.model.facts import providers
from generator.resources import resource_dir

CODES = tuple(codes().values())

TOP = Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text("utf-8")
FORMAT = (TOP / "docs/patches.md").read_text("utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column is headed so."""
    table = text.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].split("\n")[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_commands_of_the_readme_are_those_there_are() -> None:
    named = {word for row in rows(README, "command") for word in re.findall(r"`([a-z]+)", row[0])}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("line", [
    line for fence in fences(README, "sh") for line in fence.splitlines()
    if line.startswith("kubespray-patchgen")
])  # fmt: skip
def test_lines_of_the_readme_are_understood(line: str) -> None:
    """Every option and command in them exists; the trees in them do not (exit 2, no usage)."""
    words = shlex.split(line.split("#")[0].split("|")[0])[1:]
    result = CliRunner().invoke(cli, words)
    assert not isinstance(result.exception, click.UsageError)
    assert "Usage:" not in result.output


def test_exit_codes_of_the_readme() -> None:
    assert [row[0] for row in rows(README, "exit code")] == [
        str(code) for code in
        (exits.OK, exits.FOUND, exits.UNUSABLE, exits.UNSAFE, exits.INTERRUPTED)
    ]  # fmt: skip


def test_patches_of_the_readme() -> None:
    shipped = load_patches([resource_dir("patches")])
    told = {row[0].strip("`"): row[1] == "yes" for row in rows(README, "id")}
    assert told == {patch.id: patch.default for patch in shipped.values()}


def test_the_readme_sets_up_in_two_commands_that_ci_runs_too() -> None:
    set_up, tests = (fence.strip() for fence in fences(README, "sh")[:2])
    assert set_up.endswith("kubespray-patchgen demo") and "\n" not in set_up
    assert tests == ".venv/bin/pytest -q"
    ci = (TOP / ".ci/run").read_text("utf-8")
    assert 'kubespray-patchgen" demo' in ci and 'pytest" -q' in ci


def test_the_patch_of_the_docs_is_one(tmp_path: Path) -> None:
    (tmp_path / "patch.yml").write_text(fences(FORMAT, "yaml")[0], "utf-8")
    patch = load_patch(tmp_path / "patch.yml")
    assert patch.id == "pause-before-apps"
    assert patch.order is not None and patch.order.within is None


def test_operations_and_facts_of_the_docs() -> None:
    assert [row[0].strip("`") for row in rows(FORMAT, "operation")] == list(OPERATIONS)
    sentence = FORMAT.split("Facts are ", 1)[1].split(";", 1)[0]
    assert re.findall(r"`([a-z-]+)`", sentence) == list(providers())


def test_all_codes_are_in_the_docs() -> None:
    """docs/findings.md is what the codes say; UPDATE_GOLDEN=1 writes it anew."""
    path = TOP / "docs/findings.md"
    wanted = findings_page()
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(wanted, "utf-8")
    assert path.read_text("utf-8") == wanted


def findings_page() -> str:
    rows = [f"| [`{one.code}`](#{one.code}) | {one.severity} | {one.title} |" for one in CODES]
    parts = [
        "# Findings",
        "What `check` can report. The severity is that of a first deployment; where a playbook\n"
        "starts from a running cluster, an error becomes a warning, because only new nodes are\n"
        "concerned "
        "(`--set nodes=new` makes it an error there, too).",
        "\n".join(["| code | severity | means |", "| --- | --- | --- |", *rows]),
    ]
    for one in CODES:
        parts += [f"## {one.code}", f"{one.title} ({one.severity}).", one.text.strip()]
        parts.append("\n".join(f"- <{reference}>" for reference in one.references))
    return "\n\n".join(parts) + "\n"


def test_every_code_is_used_by_the_program() -> None:
    sources = "".join(path.read_text("utf-8") for path in (TOP / "generator").rglob("*.py"))
    for one in CODES:
        assert f'"{one.code}"' in sources, one.code


def test_codes_in_the_program_are_known() -> None:
    detect = (TOP / "generator/engine/detect").glob("*.py")
    sources = "".join(path.read_text("utf-8") for path in detect)
    named = set(re.findall(r'code="([a-z-]+)"|codes\(\)\["([a-z-]+)"\]', sources))
    assert {a or b for a, b in named} <= {one.code for one in CODES}


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README + FORMAT):
        assert (TOP / target).exists(), target


def test_every_schema_of_json_is_in_the_docs() -> None:
    text = (TOP / "docs/json.md").read_text("utf-8")
    named = set(re.findall(r"^## `(.*)`$", text, re.MULTILINE))
    told = {schema for row in named for schema in row.split("`, `")}
    sources = "\n".join(path.read_text("utf-8") for path in (TOP / "generator").rglob("*.py"))
    found = set(re.findall(r'"schema": f?"(kubespray-patchgen/[^"]+)"', sources))
    found |= {
        found_one.replace("{name}", name) for found_one in found for name in ("status", "verify")
    }
    assert {schema for schema in found if "{" not in schema} == told


def test_keys_of_the_fork_reports_are_in_the_docs() -> None:
    text = (TOP / "docs/json.md").read_text("utf-8")
    for name in ("fork-status-json", "fork-sync-json"):
        golden = (TOP / f"tests/golden/{name}.txt").read_text("utf-8")
        data = json.loads(golden.partition("--- standard error ---")[0])
        section = text.split(f"`{data['schema']}`", 1)[1]
        assert {key for key in _keys(data) if f"`{key}`" not in section} <= {"schema", "id"}


def _keys(data: object) -> set[str]:
    if isinstance(data, dict):
        return set(data) | {key for value in data.values() for key in _keys(value)}
    return {key for value in data for key in _keys(value)} if isinstance(data, list) else set()
