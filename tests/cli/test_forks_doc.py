"""The commands of docs/forks.md, run one after the other on repositories made for them.

The addresses there are examples; git is told to take local repositories for them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import clone, commit_all, environment, git, run, write_tree

DOC = (Path(__file__).parents[2] / "docs/forks.md").read_text("utf-8")
UPSTREAM = "https://github.com/kubernetes-sigs/kubespray"
FORK = "https://git.example.org/acme/kubespray.git"
CLUSTER_REPOSITORY = "https://git.example.org/acme/cluster.git"


def section(title: str) -> str:
    """Return a section of the page with the sections below it."""
    return DOC.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands(text: str) -> list[tuple[str, int]]:
    """Return the command lines of a text with the exit codes that it tells of."""
    found = []
    for fence in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in fence.splitlines():
            command, _, told = line.partition("  # exits with ")
            found.append((command, int(told.partition(":")[0] or 0)))
    return found


def run_all(lines: list[tuple[str, int]], where: Path) -> str:
    """Run command lines in one shell, each of which must end as told; return what they print."""
    script = ["kubespray-patchgen() { " + f"'{sys.executable}' -m generator \"$@\"; }}"]
    for line, code in lines:
        script += [line, f'rc=$?; test $rc = {code} || {{ echo "ended with $rc" >&2; exit 9; }}']
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=where, env=environment(), text=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def upstream(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Return a repository of releases: v2.28.0 has the order that v2.24.0 lacks."""
    top = tmp_path / "upstream"
    write_tree(top, files | {"galaxy.yml": b"namespace: a\nname: b\nversion: 2.24.0\n"})
    commit_all(top, "First", init=True)
    git(top, "tag", "v2.24.0")
    (top / "README.md").write_text("more\n")
    commit_all(top, "More")
    git(top, "tag", "v2.26.0")
    ordered = run("patch", top, "--only", "backport-12141", "--apply")
    assert ordered.code == 0, ordered.err
    write_tree(top, {"galaxy.yml": b"namespace: a\nname: b\nversion: 2.28.0\n"})
    commit_all(top, "Order")
    git(top, "tag", "v2.28.0")
    _stands_for(UPSTREAM, top)
    return top


@pytest.fixture
def fork(tmp_path: Path, upstream: Path) -> Path:
    """Return a fork without the newest release, with a release branch of its own."""
    work = clone(upstream, tmp_path / "work")
    git(work, "tag", "--delete", "v2.28.0")
    git(work, "reset", "--quiet", "--hard", "v2.26.0")
    git(work, "switch", "--quiet", "--create", "release-2.26.0-acme")
    (work / "acme.txt").write_text("ours\n")
    commit_all(work, "Ours")
    git(work, "remote", "remove", "origin")
    bare = clone(work, tmp_path / "fork.git", "--bare")
    git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
    _stands_for(FORK, bare)
    return bare


@pytest.fixture
def cluster(tmp_path: Path, upstream: Path) -> Path:
    """Return a repository that has Kubespray as a submodule, at v2.24.0."""
    work = tmp_path / "cluster-work"
    write_tree(work, {"README.md": b"our cluster\n"})
    git(work, "init", "--quiet")
    git(work, "submodule", "--quiet", "add", UPSTREAM, "vendor/kubespray")
    git(work / "vendor/kubespray", "checkout", "--quiet", "v2.24.0")
    commit_all(work, "Kubespray v2.24.0")
    bare = clone(work, tmp_path / "cluster.git", "--bare")
    _stands_for(CLUSTER_REPOSITORY, bare)
    return bare


def _stands_for(url: str, repository: Path) -> None:
    git(repository, "config", "--global", f"url.{repository}.insteadOf", url)


def test_branches_of_a_fork(fork: Path, tmp_path: Path) -> None:
    before = git(fork, "for-each-ref")
    lines = commands(section("Branches of a fork"))
    # In the fresh clone of the page's last lines the release branch has been pushed.
    run_all(lines[:6], tmp_path)
    assert git(fork, "for-each-ref", "--format=%(refname:short)", "refs/heads/*-ccm") == (
        "v2.24.0-ccm\nv2.26.0-ccm"
    )
    printed = run_all(lines[1:2] + lines[6:], tmp_path)
    assert "v2.28.0-ccm" in printed and "created" in printed
    clone_of_fork = tmp_path / "kubespray"
    assert git(clone_of_fork, "log", "-1", "--format=%(trailers:key=Semantic-patch,valueonly)")
    assert (clone_of_fork / "acme.txt").read_text() == "ours\n"
    assert before != git(fork, "for-each-ref")


def test_a_submodule_with_an_overlay(cluster: Path, tmp_path: Path) -> None:
    printed = run_all(commands(section("A submodule with an overlay")), tmp_path)
    assert "applied" in printed and "stale" in printed
    work = tmp_path / "cluster"
    assert git(work, "status", "--porcelain") == ""
    assert "v2.28.0" in (work / "overlay/overlay.yml").read_text()
    assert "approver-after-ccm" in printed and "unnecessary" in printed


def test_a_container_image(upstream: Path, tmp_path: Path) -> None:
    text = section("A container image")
    lines = commands(text)
    run_all(lines[:1], tmp_path)
    (source, target), *_ = re.findall(r"^COPY (\S+) (\S+)$", text, re.MULTILINE)
    assert target == "/kubespray/"
    image = clone(upstream, tmp_path / "image")
    git(image, "checkout", "--quiet", "v2.24.0")
    # What COPY does with a folder: its content goes into the target.
    subprocess.run(["cp", "-R", f"{tmp_path}/{source}.", f"{image}/"], check=True)
    assert run("overlay", "verify", tmp_path / "overlay", image).code == 0
    assert run("patch", image, "--format", "diff").out == b""
    run_all(lines[1:], tmp_path)


def test_every_state_is_explained(files: dict[str, bytes]) -> None:
    """Each state that the program knows stands in a table of the page."""
    from typing import get_args

    from generator.fork.report import _STATES
    from generator.fork.standing import BranchState
    from generator.overlay.state import State

    cells = set(re.findall(r"^\| `?([^|`]+?)`? \|", DOC, re.MULTILINE))
    assert {_STATES[state] for state in get_args(BranchState)} <= cells
    assert set(get_args(State)) <= cells
