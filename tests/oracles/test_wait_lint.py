"""The files that `wait-for-node-initialization` adds pass ansible-lint's strictest profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import wait_lint
from .wait_cluster import ID, ROLE, lay, patched, tree

ADDED = ("defaults/main.yml", "tasks/main.yml", f"tasks/{ID}.yml")


@pytest.fixture(scope="module")
def bin_dir() -> Path:
    found = wait_lint.linter()
    if found is None:
        pytest.skip(wait_lint.why_not())
    return found


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """The role with nothing but what the patch adds."""
    files = patched(tree())
    return lay(
        {path: files[path] for name in ADDED for path in (f"roles/{ROLE}/{name}",)}, tmp_path
    )


def test_passes(bin_dir: Path, top: Path) -> None:
    assert wait_lint.complaints(bin_dir, top, f"roles/{ROLE}") == []


def test_it_would_complain(bin_dir: Path, top: Path) -> None:
    """A module's short name, a variable without the role's prefix, a change that is none."""
    path = top / f"roles/{ROLE}/tasks/{ID}.yml"
    text = path.read_text()
    for old, new in (
        ("ansible.builtin.command", "command"),
        ("external_cloud_controller_wait_nodes", "wait_nodes"),
        ("      changed_when: false\n", ""),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    found = "\n".join(wait_lint.complaints(bin_dir, top, f"roles/{ROLE}"))
    for rule in ("fqcn", "no-role-prefix", "no-changed-when"):
        assert rule in found
