"""docs/ci.md: every YAML block is parsed, and its commands are run on made repositories."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.conftest import CHANGED, commit_all, environment, git, patched, run, write_tree
from generator import exits
from generator.tree.sample import sample_files

DOC = (Path(__file__).parents[2] / "docs/ci.md").read_text("utf-8")
HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"

_HOSTS = b"all: {hosts: {n1: {}}, children: {kube_control_plane: {hosts: {n1: {}}}}}\n"
_VARIABLES = (
    b"cloud_provider: external\nexternal_cloud_provider: vsphere\n"
    b"kubelet_rotate_server_certificates: true\n"
)
_POD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: []\n"


def fences(language: str, heading: str = "") -> list[str]:
    """Return the blocks of a language, of the whole page or of one section."""
    text = DOC.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0] if heading else DOC
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def loaded(text: str) -> Any:
    """Return the data of a YAML text; a key that stands twice is an error."""
    return YAML(typ="safe", pure=True).load(text)


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column is headed so, its head first."""
    rows = DOC.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()
    return [
        [cell.strip() for cell in row.strip("| ").split(" | ")]
        for row in rows
        if row[:5] != "| ---"
    ]


def shell(lines: list[str], where: Path) -> tuple[int, str, str]:
    """Run lines as a job does, in one shell that ends at the first line that fails."""
    program = f"{shlex.quote(sys.executable)} -m generator"
    head = [
        "set -eo pipefail",
        f'kubespray-patchgen() {{ {program} "$@"; }}',
        'pipx() { test "$1 $2" = "run kubespray-patchgen"; shift 2; kubespray-patchgen "$@"; }',
    ]
    done = subprocess.run(
        ["bash", "-c", "\n".join([*head, *lines])], cwd=where, env=environment(), text=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert "Usage:" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def installs(line: str) -> bool:
    """Tell whether a line installs the program; that is not tried here."""
    words = shlex.split(line)
    return words[0] in ("pip", "pipx") and words[1] == "install"


def commands(job: dict[str, Any]) -> list[str]:
    """Return what a GitLab job runs, without what it installs."""
    lines = [line for line in job["script"] if not installs(line)]
    assert len(lines) < len(job["script"])
    return lines


@pytest.fixture
def kubespray(repo: Path) -> Path:
    """Return a repository with the sample and an inventory."""
    write_tree(repo, {
        "inventory/prod/hosts.yml": _HOSTS, "inventory/prod/group_vars/all.yml": _VARIABLES,
    })  # fmt: skip
    commit_all(repo)
    return repo


@pytest.fixture
def cured(kubespray: Path, files: dict[str, bytes]) -> Path:
    """Return the same, with the patches."""
    write_tree(kubespray, patched(files))
    commit_all(kubespray)
    return kubespray


def test_every_block_is_known() -> None:
    """A new block of the page is a new test."""
    assert (len(fences("yaml")), len(fences("sh"))) == (5, 1)
    assert len(re.findall(r"^```", DOC, re.MULTILINE)) == 2 * 6
    for text in fences("yaml"):
        assert isinstance(loaded(text), dict)


class TestPreCommit:
    def test_hooks_exist(self) -> None:
        offered = {hook["id"]: hook for hook in loaded(HOOKS.read_text("utf-8"))}
        used = [
            hook["id"] for text in fences("yaml", "pre-commit")
            for repository in loaded(text)["repos"] for hook in repository["hooks"]
        ]  # fmt: skip
        assert set(used[:3]) == set(offered) and set(used) == set(offered)
        told = {row[0].strip("`"): row[1].strip("`") for row in table("hook")[1:]}
        assert told == {name: hook["entry"] for name, hook in offered.items()}

    def test_the_revision_is_this_version(self) -> None:
        from generator import __version__

        for text in fences("yaml", "pre-commit"):
            (repository,) = loaded(text)["repos"]
            assert repository["repo"] == "https://git.example.org/kubespray-patchgen.git"
            assert repository["rev"] == f"v{__version__}"

    def test_what_the_hooks_run(
        self, kubespray: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first configuration with --all-files, and again with all that was changed staged."""
        offered = {hook["id"]: hook for hook in loaded(HOOKS.read_text("utf-8"))}
        (repository,) = loaded(fences("yaml", "pre-commit")[0])["repos"]
        write_tree(kubespray, {"manifests/a.yaml": _POD, "other/b.yaml": _POD})
        monkeypatch.setenv("PRE_COMMIT", "1")
        codes = []
        for _ in range(2):
            git(kubespray, "add", "--all")
            for hook in repository["hooks"]:
                entry = shlex.split(offered[hook["id"]]["entry"])[1:]
                named = [
                    path for path in ("manifests/a.yaml", "other/b.yaml")
                    if "files" in hook and re.search(hook["files"], path)
                ]  # fmt: skip
                codes.append(run(*entry, *named, cwd=kubespray).code)
        assert codes == [1, 1, 1, 0, 0, 1]
        assert {path: (kubespray / path).read_bytes() for path in CHANGED} == patched(files)

    def test_the_arguments_of_the_second(self, kubespray: Path, tmp_path: Path) -> None:
        (hook,) = loaded(fences("yaml", "pre-commit")[1])["repos"][0]["hooks"]
        top = tmp_path / "mono"
        write_tree(top / "deploy/kubespray", {
            path.relative_to(kubespray).as_posix(): path.read_bytes()
            for path in kubespray.rglob("*")
            if path.is_file() and path.relative_to(kubespray).parts[0] not in (".git", "inventory")
        })  # fmt: skip
        (kubespray / "inventory").rename(top / "inventory")
        commit_all(top, init=True)
        result = run("hook", "check", *hook["args"], cwd=top)
        assert result.code == 1 and b"inventory/prod/group_vars/all.yml:1" in result.out
        for path in (
            "deploy/kubespray/roles/a/tasks/main.yml", "inventory/prod/group_vars/all.yml",
        ):  # fmt: skip
            assert re.search(hook["files"], path)
        for path in ("README.md", "inventory/test/hosts.yml", "deploy/kubespray-old/a.yml"):
            assert not re.search(hook["files"], path)


class TestGitHub:
    @pytest.fixture
    def steps(self) -> list[dict[str, Any]]:
        (text,) = fences("yaml", "GitHub")
        workflow = loaded(text)
        assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
        (job,) = workflow["jobs"].values()
        found: list[dict[str, Any]] = job["steps"]
        for step in found:
            assert ("uses" in step) != ("run" in step)
        assert sum(installs(step["run"]) for step in found if "run" in step) == 1
        return found

    def runs(self, steps: list[dict[str, Any]]) -> list[str]:
        """Return the lines that are run, each in a shell of its own, but for the installation."""
        return [step["run"] for step in steps if "run" in step and not installs(step["run"])]

    def test_a_tree_that_blocks(self, steps: list[dict[str, Any]], kubespray: Path) -> None:
        annotate, report = self.runs(steps)
        code, out, _ = shell([annotate], kubespray)
        assert code == 1 and "::error file=playbooks/cluster.yml,line=52" in out
        assert shell([report], kubespray)[0] == 0
        (upload,) = [step for step in steps if "sarif" in step.get("uses", "")]
        sarif = json.loads((kubespray / upload["with"]["sarif_file"]).read_text("utf-8"))
        assert sarif["version"] == "2.1.0" and sarif["runs"][0]["results"]

    def test_a_tree_that_does_not(self, steps: list[dict[str, Any]], cured: Path) -> None:
        assert [shell([line], cured)[0] for line in self.runs(steps)] == [0, 0]

    def test_no_tree(self, steps: list[dict[str, Any]], tmp_path: Path) -> None:
        """What cannot be checked fails, and so does what would upload it."""
        assert [shell([line], tmp_path)[0] for line in self.runs(steps)] == [2, 1]

    def test_what_comes_after_a_failure(self, steps: list[dict[str, Any]]) -> None:
        """The report is made and uploaded where the first check has failed."""
        conditions = [step.get("if") for step in steps]
        assert conditions[-2:] == ["always()", "always()"] and not any(conditions[:-2])


class TestGitLab:
    def test_check(self, kubespray: Path, files: dict[str, bytes]) -> None:
        (text,) = fences("yaml", "GitLab")
        (job,) = loaded(text).values()
        code, out, _ = shell(commands(job), kubespray)
        assert code == 1 and "[deadlock-order]" in out
        (kept,) = job["artifacts"]["paths"]
        assert job["artifacts"]["when"] == "always"
        assert json.loads((kubespray / kept).read_text("utf-8"))["runs"][0]["results"]
        write_tree(kubespray, patched(files))
        assert shell(commands(job), kubespray)[0] == 0

    def test_fork_verify(self, repo: Path) -> None:
        (text,) = fences("yaml", "The branches of a fork")
        (job,) = loaded(text).values()
        assert job["variables"]["GIT_DEPTH"] == 0
        write_tree(repo, sample_files())
        commit_all(repo)
        git(repo, "tag", "v2.24.0")
        assert run("fork", "sync", repo).code == 0
        assert shell(commands(job), repo)[0] == 0
        git(repo, "branch", "--force", "v2.24.0-ccm", "v2.24.0")
        assert shell(commands(job), repo)[0] == 1


def test_anywhere(kubespray: Path, files: dict[str, bytes]) -> None:
    (text,) = fences("sh", "Anywhere")
    first, second, third = text.splitlines()
    assert shell([first], kubespray)[0] == 1
    assert shell([second], kubespray)[0] == 1
    code, out, _ = shell([third], kubespray)
    assert code == 0 and out.count("diff --git") == 2
    write_tree(kubespray, patched(files))
    assert shell([first], kubespray)[0] == 0
    assert shell([third], kubespray)[1] == ""


def test_exit_codes() -> None:
    """Every code there is, and every cell that the help of a command has a line for."""
    head, *rows = table("exit code")
    assert [row[0] for row in rows] == [
        str(code) for code in
        (exits.OK, exits.FOUND, exits.UNUSABLE, exits.UNSAFE, exits.INTERRUPTED)
    ]  # fmt: skip
    for column, cell in enumerate(head, start=1):
        for words in re.findall(r"`([^`]+)`", cell):
            told = run(*(word for word in words.split() if word[0] != "-"), "--help").out.decode()
            codes = set(re.findall(r"^ +(\d+) ", told.split("Exit codes:")[1], re.MULTILINE))
            assert {row[0] for row in rows if row[column] != "-"} == codes, words


def test_nothing_of_ours_is_named() -> None:
    """Addresses are examples, and no package index is named by its host."""
    hosts = set(re.findall(r"https?://([^/\s)]+)", DOC))
    assert hosts <= {"git.example.org", "github.com"}
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", DOC):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
