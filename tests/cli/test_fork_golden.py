"""What people read of `fork` and `overlay`, held against golden files.

Renewed by `UPDATE_GOLDEN=1 pytest tests/cli/test_fork_golden.py`; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.conftest import CLUSTER, Result, commit_all, git, run, write_tree
from cli.test_golden import shown

GOLDEN = Path(__file__).parent.parent / "golden"

FORK = {
    "fork-status": ("status",),
    "fork-status-markdown": ("status", "--format", "markdown"),
    "fork-status-json": ("status", "--format", "json"),
    "fork-verify": ("verify",),
    "fork-sync-dry-run": ("sync", "--dry-run"),
    "fork-sync": ("sync",),
    "fork-sync-json": ("sync", "--format", "json"),
}


def hold(name: str, text: str) -> None:
    """Hold a text against its golden file."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def fork(repo: Path) -> Path:
    """Return a fork with a branch in every state, made of the sample and of small changes."""
    top = (repo / CLUSTER).read_text()

    def release(name: str, files: dict[str, str]) -> None:
        write_tree(repo, {path: text.encode() for path, text in files.items()})
        commit_all(repo, name)
        git(repo, "tag", name)

    # Needed, and its branch missing.
    git(repo, "tag", "v2.24.0")
    # Its branch has its series, and somebody's commit on top.
    release("v2.25.0", {"one.txt": "1\n"})
    assert run("fork", "sync", repo, "--releases", "v2.25.0").code == 0
    git(repo, "switch", "--quiet", "v2.25.0-ccm")
    write_tree(repo, {"ours.txt": b"ours\n"})
    commit_all(repo, "Ours")
    git(repo, "switch", "--quiet", "main")
    # Its branch carries one patch of two.
    release("v2.26.0", {"two.txt": "2\n"})
    assert run("fork", "sync", repo, "--releases", "v2.26.0", "--only", "approver-tolerations")
    # Its branch has commits of others and nothing of the series.
    release("v2.26.1", {"three.txt": "3\n"})
    git(repo, "switch", "--quiet", "--create", "v2.26.1-ccm")
    write_tree(repo, {"ours.txt": b"ours\n"})
    commit_all(repo, "Ours")
    git(repo, "switch", "--quiet", "main")
    # Two uses of the role: refused.
    use = "    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
    release("v2.27.0", {CLUSTER: top.replace(use, use + use)})
    # No Kubespray any more.
    git(repo, "rm", "--quiet", "-r", "playbooks", "cluster.yml")
    commit_all(repo, "Gone")
    git(repo, "tag", "v2.27.1")
    git(repo, "reset", "--quiet", "--hard", "v2.26.1")
    # The order is there, as upstream has it; then all is.
    assert run("patch", repo, "--only", "backport-12141", "--apply").code == 0
    release("v2.28.0", {"galaxy.yml": "namespace: a\nname: b\nversion: 2.28.0\n"})
    assert run("patch", repo, "--apply").code == 0
    release("v2.29.0", {"galaxy.yml": "namespace: a\nname: b\nversion: 2.29.0\n"})
    return repo


@pytest.mark.parametrize(("name", "words"), FORK.items(), ids=FORK.keys())
def test_fork(fork: Path, name: str, words: tuple[str, ...]) -> None:
    result = run("fork", *words, cwd=fork)
    codes = {"status": 1, "verify": 1, "sync": 3}
    assert result.code == codes[words[0]], result.err
    hold(name, shown(result))


def test_overlay(plain: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, Result]] = []

    def step(*words: str) -> None:
        steps.append((" ".join(words), run("overlay", *words, cwd=tmp_path)))

    step("create", "plain", "overlay")
    step("verify", "overlay", "plain")
    step("apply", "overlay", "plain")
    step("verify", "overlay", "plain")
    step("revert", "overlay", "plain")
    (plain / CLUSTER).write_bytes(b"# ours\n" + (plain / CLUSTER).read_bytes())
    step("verify", "overlay", "plain")
    step("apply", "overlay", "plain")
    step("refresh", "overlay", "plain")
    step("verify", "overlay", "plain")
    (tmp_path / "overlay/files" / CLUSTER).write_bytes(b"edited\n")
    step("verify", "overlay", "plain")
    step("refresh", "overlay", "plain")
    step("verify", "nowhere", "plain")
    assert [result.code for _, result in steps] == [0, 0, 0, 0, 0, 1, 3, 0, 0, 1, 3, 1]
    hold("overlay", "\n".join(f"$ overlay {words}\n{shown(result)}" for words, result in steps))
    hold("overlay-readme", (tmp_path / "overlay/README.md").read_text())
    hold("overlay-yml", (tmp_path / "overlay/overlay.yml").read_text())
