"""What `check` makes of tasks that wait for nodes to be initialized, the patch's own among them."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import (
    CCM,
    EVERYTHING,
    EXISTS,
    TAINT,
    Tree,
    codes,
    events,
    kubespray_like,
    of_code,
    patched,
    play,
    report,
    role,
    text,
)

from generator.engine.finding import Finding

ID = "wait-for-node-initialization"
FIXED = kubespray_like(approver_first=False)
LATE = kubespray_like(approver_first=False, plugin_last=True)
NEEDS_NETWORK = (EXISTS,)
"""Tolerations of a cloud controller manager that needs a node that is ready."""

WAIT = f"""
- name: Wait
  ansible.builtin.command: "{{{{ bin_dir }}}}/kubectl get nodes -o json"
  register: nodes
  until: "'{TAINT}' not in nodes.stdout"
  retries: 6
  delay: 10
"""


def waiting(files: Tree, tasks: str = WAIT, where: str = CCM) -> Tree:
    """Return a tree one of whose roles waits."""
    return files | {f"roles/{where}/tasks/main.yml": text(tasks)}


def the_wait(files: Tree, **given: Any) -> list[Finding]:
    """Return what is found about waits, the approver's left out."""
    found = report(files, **given)
    waits = ("deadlock-order", "deadlock-unprovided", "slow-wait")
    return [
        one for code in waits for one in of_code(found, code)
        if "approver" not in one.message
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(FIXED, id="network first"),
        pytest.param(LATE, id="network last"),
        pytest.param(kubespray_like(), id="approver first"),
    ],
)
@pytest.mark.parametrize("provider", ["vsphere", "manual"])
def test_patch_brings_no_finding(files: Tree, provider: str) -> None:
    before = report(files, external_cloud_provider=provider)
    after = report(patched(files, ID), external_cloud_provider=provider)
    assert codes(after) == codes(before)


def test_patch_is_seen_as_a_wait() -> None:
    """It ends the play where it is in vain; how long it takes depends on variables."""
    tree = patched(kubespray_like(approver_first=False, ccm=NEEDS_NETWORK), ID)
    files = {path: tree.tree.raw(path).decode() for path in _paths(tree)}
    found = events(files)
    (waited,) = (one for one in found.waited if one.wait.target.kind == "initialized nodes")
    assert waited.wait.fatal
    assert waited.wait.place.path == f"roles/{CCM}/tasks/{ID}.yml"
    assert the_wait(files) == []
    # Without the condition that guards it, it would be a deadlock where the network comes last.
    late = kubespray_like(approver_first=False, plugin_last=True, ccm=NEEDS_NETWORK)
    wait = f"roles/{CCM}/tasks/{ID}.yml"
    unguarded = {**late, wait: files[wait], f"roles/{CCM}/tasks/main.yml": files[
        f"roles/{CCM}/tasks/main.yml"], f"roles/{CCM}/defaults/main.yml": files[
        f"roles/{CCM}/defaults/main.yml"]}  # fmt: skip
    (finding,) = the_wait(unguarded)
    assert (finding.code, finding.severity, finding.blocking) == ("deadlock-order", "error", True)
    assert finding.message.startswith("DaemonSet vsphere-ccm is waited for before the network")
    assert the_wait(patched_files(late)) == []


def patched_files(files: Tree) -> Tree:
    tree = patched(files, ID)
    return {path: tree.tree.raw(path).decode() for path in _paths(tree)}


def _paths(tree: Any, folder: str = "") -> list[str]:
    found = []
    for name in tree.tree.names(folder):
        path = f"{folder}/{name}" if folder else name
        found += [path] if tree.tree.mode(path) else _paths(tree, path)
    return found


def test_wait_behind_the_provider() -> None:
    assert the_wait(waiting(FIXED)) == []


def test_wait_before_the_provider() -> None:
    files = waiting(FIXED, where="network_plugin/flannel")
    files["roles/network_plugin/flannel/tasks/main.yml"] += FIXED[
        "roles/network_plugin/flannel/tasks/main.yml"
    ]
    (finding,) = the_wait(files)
    assert (finding.code, finding.severity) == ("deadlock-order", "error")
    assert finding.message == "Nodes are waited for before the cloud controller manager runs."
    assert "after 1 minute" in finding.why


def test_wait_where_nothing_provides() -> None:
    (finding,) = the_wait(waiting(FIXED), external_cloud_provider="manual")
    assert (finding.code, finding.severity) == ("deadlock-unprovided", "error")
    assert "external_cloud_provider=manual" in finding.conditions


def test_wait_without_a_cloud() -> None:
    assert the_wait(waiting(FIXED), cloud_provider="") == []


def test_wait_in_a_running_cluster_is_a_warning() -> None:
    files = waiting(FIXED, where="network_plugin")
    found = report(files, "upgrade_cluster.yml")
    severities = {one.severity for one in found.findings if one.message.startswith("Nodes")}
    assert severities == {"warning"}


@pytest.mark.parametrize(
    ("tolerations", "count"), [(NEEDS_NETWORK, 1), ((EVERYTHING,), 0)], ids=["no", "yes"]
)
def test_provider_that_tolerates_missing_network(tolerations: tuple[str, ...], count: int) -> None:
    files = kubespray_like(approver_first=False, plugin_last=True, ccm=tolerations)
    assert len(the_wait(waiting(files))) == count


BLOCK = "- block:\n" + "".join(f"    {line}\n" for line in WAIT.strip().splitlines())
ENDS = {
    "fail": ("  rescue:\n    - debug:\n    - fail: {msg: a}\n", "deadlock-unprovided"),
    "full name": ("  rescue:\n    - ansible.builtin.fail:\n", "deadlock-unprovided"),
    "perhaps": ("  rescue:\n    - fail: {msg: a}\n      when: b\n", "slow-wait"),
    "not at the end": ("  rescue:\n    - fail:\n      when: a\n    - debug:\n", "slow-wait"),
    "ignored": ("  rescue:\n    - fail:\n      ignore_errors: true\n", "slow-wait"),
    "rescued": ("  rescue:\n    - debug:\n", "slow-wait"),
    "no rescue": ("", "deadlock-unprovided"),
    "the block ignores": ("  rescue:\n    - fail:\n  ignore_errors: true\n", "slow-wait"),
}


@pytest.mark.parametrize(("rescue", "code"), ENDS.values(), ids=ENDS)
def test_rescue_that_fails_is_none(rescue: str, code: str) -> None:
    files = waiting(FIXED, BLOCK + rescue)
    assert [one.code for one in the_wait(files, external_cloud_provider="manual")] == [code]


@pytest.mark.parametrize(
    "tasks",
    [
        WAIT.replace(TAINT, "example.org/other"),
        WAIT.replace("get nodes -o json", "get nodes -o name").replace(TAINT, "x"),
        WAIT.replace("until:", "failed_when:"),
        WAIT.replace("kubectl get", "kubectl describe"),
    ],
)
def test_other_tasks_are_no_such_wait(tasks: str) -> None:
    found = events({"cluster.yml": play("app"), **role("app", tasks)})
    assert [one for one in found.waited if one.wait.target.kind == "initialized nodes"] == []
