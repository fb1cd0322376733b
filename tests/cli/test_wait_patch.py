"""`wait-for-node-initialization` through the command line: made, applied, carried, refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Result, am, git, listing, patch, run, tree_id

ID = "wait-for-node-initialization"
ONLY = ("--only", ID)
TOP = "roles/kubernetes-apps/external_cloud_controller"
META, TASKS = f"{TOP}/meta/main.yml", f"{TOP}/tasks/main.yml"
ADDED = [f"{TOP}/defaults/main.yml", TASKS, f"{TOP}/tasks/{ID}.yml"]


def test_mail_is_taken_by_git(repo: Path) -> None:
    mails = patch(*ONLY, repo)
    assert mails == patch(*ONLY, repo)
    git(repo, "apply", "--check", data=mails)
    after = am(repo, mails)
    assert git(repo, "diff", "--name-only", "v1", "HEAD").split() == ADDED
    assert git(repo, "diff", "--diff-filter=A", "--name-only", "v1", "HEAD").split() == ADDED
    message = git(repo, "log", "-1", "--format=%B")
    assert f"Semantic-patch: {ID} (version 1)" in message and "manual" in message
    again = run("patch", *ONLY, repo)
    assert (again.code, again.out) == (0, b"") and "already" in again.err
    assert tree_id(repo) == after


@pytest.mark.parametrize(
    "words",
    [
        ("--with", ID),
        ("--with", ID, "--without", "approver-after-ccm", "--with", "backport-12141"),
        ("--with", ID, "--without", "approver-tolerations"),
        ("--with", ID, "--with", "system-tolerations=all"),
    ],
)
def test_goes_with_the_others(repo: Path, words: tuple[str, ...]) -> None:
    alone = patch(*ONLY, repo)
    am(repo, patch(*words, repo))
    for path in ADDED:
        assert f"+++ b/{path}".encode() in alone and (repo / path).is_file()
    again = run("patch", *words, repo)
    assert (again.code, again.out) == (0, b"")


def test_writes_a_directory(plain: Path) -> None:
    before = listing(plain)
    assert run("patch", "--apply", *ONLY, plain).code == 0
    new = {path for path in listing(plain) if path not in before and "." in Path(path).name}
    assert new == set(ADDED)
    assert {path: listing(plain)[path][1] for path in before} == {
        path: found[1] for path, found in before.items()
    }


def test_overlay_carries_it(plain: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "overlay", listing(plain)
    assert run("overlay", "create", *ONLY, plain, out).code == 0
    assert run("overlay", "apply", out, plain).code == 0
    assert all((plain / path).is_file() for path in ADDED)
    assert run("overlay", "verify", out, plain).code == 0
    assert run("overlay", "revert", out, plain).code == 0
    assert listing(plain) == before


def findings(tree: Path, *words: str) -> Counter[tuple[Any, ...]]:
    result = run("check", "--format", "json", *words, tree)
    assert result.code in (0, 1), result.err
    return Counter(
        (found["code"], found["severity"], found["playbook"], found["message"])
        for found in json.loads(result.out)["findings"]
    )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--set", "external_cloud_provider=manual"),
        ("--set", "kube_network_plugin=flannel"),
        ("--set", "kube_network_plugin=cni"),
        ("--set", "nodes=new"),
    ],
)
def test_check_finds_nothing_new(plain: Path, words: tuple[str, ...]) -> None:
    before = findings(plain, *words)
    assert run("patch", "--apply", *ONLY, plain).code == 0
    assert findings(plain, *words) == before
    assert run("patch", "--apply", plain).code == 0
    after = findings(plain, *words)
    assert not [one for one in after if one[2] == "cluster.yml" and one[1] == "error"]


def test_show_says_what_it_is_about() -> None:
    said = run("patches", "show", ID, "--format", "json")
    data = json.loads(said.out)
    text = json.dumps(data)
    assert "manual" in text and "scale" in text and "upgrade_cluster" in text


def refused(code: int, *words: str | Path, said: str) -> Result:
    result = run("patch", *words)
    assert (result.code, result.out) == (code, b""), result.err
    assert said in result.err and "Traceback" not in result.err
    assert result.err.count("\n") <= 2
    return result


BAD_TREES: dict[str, tuple[str, bytes | None, int, str]] = {
    "no meta": (META, None, 3, f"{META}:1: cannot tell when"),
    "meta is no YAML": (META, b"a: b: c\n", 2, f"{META}:1"),
    "meta is a list": (META, b"- a\n", 3, f"{META}:1: cannot tell when"),
    "meta is not UTF-8": (META, b"a: \xff\n", 2, f"{META}:1: the file is not UTF-8"),
    "a dependency without when": (META, b"dependencies:\n- oci\n", 3, f"{META}:2: cannot tell"),
    "a condition in braces": (
        META, b"dependencies:\n- role: oci\n  when: '{{ a }}'\n", 3, f"{META}:3: cannot tell"
    ),
    "deep": (META, b"dependencies: " + b"[" * 5000 + b"]" * 5000, 2, META),
    "bomb": (
        META,
        b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)
        ) + b"dependencies:\n- {role: oci, when: *m}\n",
        3, META,
    ),
    "tasks are a mapping": (TASKS, b"a: b\n", 3, f"{TASKS}:1: cannot add the task"),
    "tasks are no YAML": (TASKS, b"- a: b: c\n", 2, f"{TASKS}:1"),
    "tasks are huge": (TASKS, b"# x\n" * (9 * 2**18), 2, "8 MiB"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "data", "code", "said"), BAD_TREES.values(), ids=BAD_TREES)
def test_bad_trees(plain: Path, path: str, data: bytes | None, code: int, said: str) -> None:
    target = plain / path
    if data is None:
        target.unlink()
        target.parent.rmdir()
        (plain / TOP / "tasks").mkdir()
    else:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
    refused(code, *ONLY, plain, said=said)


@pytest.mark.parametrize("link", ["tasks", "defaults", TASKS.removeprefix(f"{TOP}/")])
def test_links_out_of_the_tree(plain: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (plain / TOP / link).parent.mkdir(exist_ok=True)
    (plain / TOP / link).symlink_to(outside)
    refused(3, *ONLY, plain, said="link")
    assert list(outside.iterdir()) == []


def test_a_file_of_the_fork_is_kept(plain: Path) -> None:
    """One task is added to those of the fork, and nothing else."""
    (plain / TOP / "tasks").mkdir()
    (plain / TASKS).write_bytes(b"---\n# ours\n- name: Ours\n  debug:\n")
    assert run("patch", "--apply", *ONLY, plain).code == 0
    assert (plain / TASKS).read_bytes() == (
        b"---\n# ours\n- name: Ours\n  debug:\n"
        b"- name: Wait for the initialization of nodes\n"
        b"  ansible.builtin.import_tasks: wait-for-node-initialization.yml\n"
    )


def test_users_template_with_an_error(plain: Path, tmp_path: Path) -> None:
    own = tmp_path / "own patches"
    own.mkdir()
    (own / "mine.yml").write_text(
        "id: mine\nversion: 1\ndate: 2026-01-31\ntitle: A title\nwhy: A reason\noperations:\n"
        "- add-file:\n    path: x.yml\n    template: x.j2\n    values:\n"
        "      a: {dependencies-of: kubernetes-apps/external_cloud_controller}\n"
    )
    refused(2, "--patch-dir", own, "--only", "mine", plain, said="x.j2: there is no such template")
    (own / "x.j2").write_text("a\n[[ a.b \n")
    refused(2, "--patch-dir", own, "--only", "mine", plain, said="x.j2:2: ")
    (own / "x.j2").write_bytes(b"\xff[[ a ]]")
    refused(2, "--patch-dir", own, "--only", "mine", plain, said="x.j2:1: the file is not UTF-8")


def test_fork_carries_it_and_makes_it_anew(repo: Path) -> None:
    """A later release has one provider more: its branch has the file with that one."""
    git(repo, "tag", "v2.24.0")
    meta = (repo / META).read_text()
    last = meta[meta.rindex("  - role: ") :]
    name = last.splitlines()[0].rpartition("/")[2]
    (repo / META).write_text(meta + last.replace(name, "acme"))
    git(repo, "commit", "--quiet", "--all", "--message", "Another provider")
    git(repo, "tag", "v2.25.0")
    words = ("--with", ID, "--format", "json")
    result = run("fork", "sync", repo, *words)
    assert result.code == 0, result.err
    branches = [one["branch"] for one in json.loads(result.out)["branches"]]
    assert len(branches) == 2
    texts = [git(repo, "show", f"{branch}:{ADDED[2]}") for branch in branches]
    assert sorted("acme" in text for text in texts) == [False, True]
    assert run("fork", "status", repo, *words).code == 0
