"""`fork status`, `fork sync` and `fork verify` on the branches of one small fork."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    TITLES,
    am,
    clone,
    command,
    environment,
    git,
    listing,
    patched,
    run,
    start,
    tree_id,
)

ORDER, TOLERATION = "approver-after-ccm", "approver-tolerations"
USE = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
CARRIER = "v2.24.0-ccm"

LATER = "1804133167 +0100"
"""When other people commit: later than the patches, and at no day's first moment."""


@pytest.fixture
def fork(repo: Path) -> Path:
    """Return a repository with the release v2.24.0."""
    git(repo, "tag", "v2.24.0")
    return repo


@pytest.fixture(scope="session")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the synced repository is kept once it is made."""
    return tmp_path_factory.mktemp("synced") / ".git"


@pytest.fixture
def synced(fork: Path, _kept: Path) -> Path:
    """Return that repository with its branch in place: synced once, then copied."""
    if not _kept.exists():
        sync(fork)
        shutil.copytree(fork / ".git", _kept)
    else:
        shutil.copytree(
            _kept, fork / ".git", ignore=shutil.ignore_patterns("index"), dirs_exist_ok=True
        )
    return fork


def status(fork: Path, *options: str | Path) -> dict[str, dict[str, Any]]:
    """Return what `fork status` says of each revision, by its name."""
    result = run("fork", "status", fork, "--format", "json", *options)
    assert result.code in (0, 1), result.err
    report = json.loads(result.out)
    assert report["done"] == (result.code == 0)
    return {revision["release"]: revision for revision in report["revisions"]}


def states(fork: Path, *options: str | Path) -> dict[str, str]:
    """Return the state of each revision's branch."""
    return {name: one["branch"]["state"] for name, one in status(fork, *options).items()}


def branch(fork: Path, *options: str | Path, release: str = "v2.24.0") -> tuple[str, str, int]:
    """Return how the branch for a release stands: its state, why, and the commits of others."""
    found = status(fork, *options)[release]["branch"]
    return found["state"], found["why"] or "", found["others"]


def sync(fork: Path, *options: str | Path, code: int = 0) -> dict[str, dict[str, Any]]:
    """Return what `fork sync` does to each branch, by its name."""
    result = run("fork", "sync", fork, "--format", "json", *options)
    assert result.code == code, (result.err, result.out)
    return {one["branch"]: one for one in json.loads(result.out)["branches"]}


def refused(*words: str | Path, said: str) -> None:
    """Check that a command is unusable, says so in a line or two, and prints nothing else."""
    result = run(*words)
    assert (result.code, result.out) == (2, b""), result
    assert said in result.err
    assert result.err.count("\n") <= (4 if result.err.startswith("Usage:") else 2), result.err
    assert "Traceback" not in result.err


def refs(top: Path) -> dict[str, str]:
    """Return all refs of a repository with what they are at."""
    rows = git(top, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(row.split(" ") for row in rows)


def at(top: Path, name: str) -> str:
    return git(top, "rev-parse", "--verify", name)


def other_commit(
    top: Path, name: str, files: dict[str, bytes | None], start_at: str | None = None
) -> str:
    """Commit as another person does on a branch, in the format of git-fast-import(1)."""
    who = f"Other <other@example.org> {LATER}"
    rows = [
        f"commit refs/heads/{name}\nauthor {who}\ncommitter {who}\ndata 5\nOurs\n"
        f"from {at(top, f'{start_at or name}^{{commit}}')}\n".encode()
    ]
    for path, data in files.items():
        if data is None:
            rows.append(f'D "{path}"\n'.encode())
        else:
            rows.append(b'M 644 inline "%s"\ndata %d\n%s\n' % (path.encode(), len(data), data))
    git(top, "fast-import", "--quiet", "--force", data=b"".join(rows))
    return at(top, name)


def amended(top: Path, name: str, *options: str) -> str:
    """Amend a branch's last commit, in a work tree of its own; return the commit."""
    place = top.parent / "amended"
    git(top, "worktree", "add", "--quiet", str(place), name)
    (place / "acme.txt").write_bytes(b"1\n")
    git(place, "add", "--all")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            patch.setenv(variable, LATER)
        git(place, "commit", "--quiet", "--amend", "--no-edit", *options)
    git(top, "worktree", "remove", "--force", str(place))
    return at(top, name)


def moved(top: Path, release: str) -> str:
    """Let a release move on by a commit that changes nothing; return it."""
    words = ("commit-tree", f"{release}^{{tree}}", "-p", f"{release}^{{commit}}", "-m", "More")
    commit = git(top, *words)
    git(top, "tag", "--force", release, commit)
    return commit


class TestPatchStates:
    def state(self, fork: Path) -> dict[str, str]:
        return {one["id"]: one["state"] for one in status(fork)["v2.24.0"]["patches"]}

    def retag(self, fork: Path, files: dict[str, bytes | None]) -> None:
        git(fork, "tag", "--force", "v2.24.0", other_commit(fork, "next", files, "main"))

    def test_needed(self, fork: Path) -> None:
        assert self.state(fork) == {ORDER: "needed", TOLERATION: "needed"}

    @pytest.mark.parametrize(
        ("version", "state"),
        [("2.27.1", "in"), ("2.28.0", "obsolete"), ("2.29.1", "obsolete"), ("10.0.0", "obsolete"),
         ("9" * 5000 + ".1", "in")],
    )  # fmt: skip
    def test_already_there(
        self, fork: Path, files: dict[str, bytes], version: str, state: str
    ) -> None:
        self.retag(fork, {**patched(files), "galaxy.yml": f"version: {version}\n".encode()})
        found = self.state(fork)
        assert found == {ORDER: state, TOLERATION: "in"}
        assert branch(fork)[0] == "unneeded"

    def test_does_not_concern_the_release(self, fork: Path) -> None:
        self.retag(fork, {str(Path(META).parent.parent): None})
        assert self.state(fork) == {ORDER: "inapplicable", TOLERATION: "inapplicable"}
        assert run("fork", "status", fork).code == 0

    def test_conflict(self, fork: Path, files: dict[str, bytes]) -> None:
        # Two uses of the role with different conditions cannot both be moved.
        twice = files[CLUSTER].replace(USE, USE.replace(b" }", b', when: "x == 1" }') + USE)
        self.retag(fork, {CLUSTER: twice})
        revision = status(fork)["v2.24.0"]
        assert self.state(fork) == {ORDER: "conflict", TOLERATION: "needed"}
        assert CLUSTER in revision["error"]
        result = run("fork", "sync", fork)
        assert result.code == 3
        assert "left alone" in result.out.decode() and "Traceback" not in result.err
        assert f"refs/heads/{CARRIER}" not in refs(fork)

    def test_no_kubespray(self, fork: Path) -> None:
        self.retag(fork, {"playbooks": None, "cluster.yml": None})
        git(fork, "tag", "v2.25.0", "main")
        found = status(fork)
        assert "not a Kubespray" in found["v2.24.0"]["error"]
        assert found["v2.24.0"]["branch"]["state"] == "unreadable"
        assert found["v2.25.0"]["branch"]["state"] == "missing"
        assert sync(fork, code=3)["v2.25.0-ccm"]["action"] == "create"


class TestBranchStates:
    def test_missing_then_has(self, fork: Path) -> None:
        assert branch(fork) == ("missing", "", 0)
        sync(fork)
        assert branch(fork) == ("has", "", 0)

    def test_nothing_of_the_series(self, fork: Path) -> None:
        git(fork, "branch", CARRIER, "v2.24.0")
        assert branch(fork) == ("behind", "has nothing of the series", 0)

    def test_another_series(self, fork: Path) -> None:
        sync(fork, "--only", ORDER)
        state, why, others = branch(fork)
        assert (state, others) == ("behind", 0) and "another series" in why
        assert branch(fork, "--only", ORDER)[0] == "has"

    def test_release_moved_on(self, synced: Path) -> None:
        moved(synced, "v2.24.0")
        state, why, others = branch(synced)
        assert (state, others) == ("behind", 0) and "older state of v2.24.0" in why

    def test_commits_of_others_on_top(self, synced: Path) -> None:
        other_commit(synced, CARRIER, {"acme.txt": b"1\n"})
        assert branch(synced) == ("has", "", 1)
        other_commit(synced, CARRIER, {"acme.txt": b"2\n"})
        assert branch(synced) == ("has", "", 2)

    def test_commits_of_others_below(self, fork: Path, files: dict[str, bytes]) -> None:
        other_commit(fork, CARRIER, {"acme.txt": b"1\n"}, "v2.24.0")
        state, why, others = branch(fork)
        assert (state, others) == ("differs", 1)
        assert ORDER in why and TOLERATION in why
        other_commit(fork, CARRIER, dict(patched(files)))
        assert branch(fork) == ("has", "", 2)

    def test_series_undone_by_others(self, synced: Path, files: dict[str, bytes]) -> None:
        other_commit(synced, CARRIER, {CLUSTER: files[CLUSTER]})
        state, why, others = branch(synced)
        assert (state, others) == ("differs", 1)
        assert ORDER in why and TOLERATION not in why

    def test_others_and_release_moved_on(self, synced: Path) -> None:
        other_commit(synced, CARRIER, {"acme.txt": b"1\n"})
        moved(synced, "v2.24.0")
        state, why, others = branch(synced)
        assert (state, others) == ("behind", 1) and "lacks commits of v2.24.0" in why

    def test_merge_of_the_release_counts_as_others(self, synced: Path) -> None:
        commit = moved(synced, "v2.24.0")
        tree = at(synced, f"{CARRIER}^{{tree}}")
        words = ("commit-tree", tree, "-p", CARRIER, "-p", commit, "-m", "Merge")
        git(synced, "branch", "--force", CARRIER, git(synced, *words))
        assert branch(synced) == ("has", "", 1)

    @pytest.mark.parametrize("how", [(), ("--reset-author",), ("--date=now",)])
    def test_amended_commit_is_anothers(self, synced: Path, how: tuple[str, ...]) -> None:
        commit = amended(synced, CARRIER, *how)
        state, _, others = branch(synced)
        assert (state, others) == ("has", 1)
        moved(synced, "v2.24.0")
        assert sync(synced, code=3)[CARRIER]["action"] == "refuse"
        assert at(synced, CARRIER) == commit

    def test_nothing_to_carry_any_more(self, synced: Path, files: dict[str, bytes]) -> None:
        below = other_commit(synced, "next", dict(patched(files)), "main")
        git(synced, "tag", "--force", "v2.24.0", below)
        state, why, _ = branch(synced)
        assert (state, why) == ("unneeded", "can be deleted")
        assert sync(synced)[CARRIER]["action"] == "keep"

    @pytest.mark.parametrize("kind", ["yaml", "orphan"])
    def test_unreadable_branch_is_left_alone(self, synced: Path, kind: str) -> None:
        if kind == "yaml":
            commit = other_commit(synced, CARRIER, {CLUSTER: b"- a: [\n"})
        else:
            tree = git(synced, "mktree", data=b"")
            commit = git(synced, "commit-tree", tree, "-m", "Something else")
            git(synced, "branch", "--force", CARRIER, commit)
        state, why, _ = branch(synced)
        assert state == "unreadable" and why
        assert sync(synced, code=3)[CARRIER]["action"] == "refuse"
        assert at(synced, CARRIER) == commit
        sync(synced, "--force")
        assert branch(synced)[0] == "has"

    def test_revision_that_ends_in_the_series(self, fork: Path) -> None:
        git(fork, "branch", "release-2.24-acme")
        sync(fork, "--onto", "release-*", "--only", ORDER)
        git(fork, "branch", "--force", "release-2.24-acme", "release-2.24-acme-ccm")
        git(fork, "branch", "--delete", "--force", "release-2.24-acme-ccm")
        name, onto = "release-2.24-acme", ("--onto", "release-*-acme")
        assert branch(fork, *onto, release=name)[0] == "missing"
        made = sync(fork, *onto)[f"{name}-ccm"]
        assert branch(fork, *onto, release=name) == ("has", "", 0)
        assert sync(fork, *onto)[f"{name}-ccm"]["before"] == made["after"]
        assert git(fork, "rev-list", "--count", f"{name}..{name}-ccm") == "1"


class TestReports:
    def test_json(self, fork: Path) -> None:
        git(fork, "branch", "release-2.24")
        sync(fork)
        words = ("fork", "status", fork, "--releases", "*2.24*", "--format", "json")
        result = run(*words)
        report = json.loads(result.out)
        assert result.code == 1
        assert set(report) == {"schema", "done", "revisions"}
        assert report["schema"] == "kubespray-patchgen/fork-status/1"
        assert report["done"] is False
        assert [one["release"] for one in report["revisions"]] == ["v2.24.0", "release-2.24"]
        has, missing = report["revisions"]
        assert set(has) == set(missing) == {"release", "commit", "error", "patches", "branch"}
        assert has["commit"] == at(fork, "v2.24.0^{commit}") and has["error"] is None
        assert [set(one) for one in has["patches"]] == [{"id", "version", "state", "reasons"}] * 2
        assert [one["id"] for one in has["patches"]] == [ORDER, TOLERATION]
        assert all(one["version"] == 1 and one["reasons"] for one in has["patches"])
        assert has["branch"] == {
            "name": CARRIER, "state": "has", "commit": at(fork, CARRIER),
            "ref": f"refs/heads/{CARRIER}", "others": 0, "why": None,
        }  # fmt: skip
        assert missing["branch"] == {
            "name": "release-2.24-ccm", "state": "missing", "commit": None, "ref": None,
            "others": 0, "why": None,
        }  # fmt: skip
        assert run(*words).out == result.out

    def test_json_of_sync_and_verify(self, fork: Path) -> None:
        git(fork, "tag", "v2.25.0")
        dry = json.loads(run("fork", "sync", fork, "--dry-run", "--format", "json").out)
        done = json.loads(run("fork", "sync", fork, "--format", "json").out)
        assert dry.pop("dry_run") is True and done.pop("dry_run") is False
        assert dry == done
        assert done["schema"] == "kubespray-patchgen/fork-sync/1"
        for one in done["branches"]:
            assert set(one) == {"branch", "release", "action", "why", "before", "after"}
            assert (one["action"], one["before"]) == ("create", None)
            assert one["after"] == at(fork, one["branch"])
        report = json.loads(run("fork", "verify", fork, "--format", "json").out)
        assert report["schema"] == "kubespray-patchgen/fork-verify/1" and report["done"] is True

    @pytest.mark.parametrize(
        "name", ["a|b", "c`d", "``x``", "`e", "f`", "<b>x", "@acme", "a&lt;b", "_x_", "x\u2028y"]
    )
    def test_markdown(self, fork: Path, name: str) -> None:
        git(fork, "branch", name)
        result = run("fork", "status", fork, "--releases", name, "--format", "markdown")
        if not name.isprintable():
            assert result.code == 2 and "cannot be the name" in result.err
            return
        title, blank, *table = result.out.decode().split("\n")[:5]
        assert title.startswith("### ") and blank == ""
        head, rule, row = (cells(line) for line in table)
        assert head == ["release", ORDER, TOLERATION, "branch", "state"]
        assert rule == ["---"] * 5
        assert [code(row[0]), code(row[3])] == [name, f"{name}-ccm"]
        assert row[1:3] == ["needed", "needed"] and "missing" in row[4]

    def test_markdown_reasons(self, fork: Path) -> None:
        commit = other_commit(fork, "next", {"cluster.yml": None, "playbooks": None}, "main")
        git(fork, "tag", "v2.25.0", commit)
        text = run("fork", "status", fork, "--format", "markdown").out.decode()
        assert re.search(r"\n\n- v2\.25\.0: .*not a Kubespray.*\n\n", text)
        # One blank line ends the table; nothing else may stand in it.
        table = text.split("\n\n")[1].split("\n")
        assert len(table) == 4 and {len(cells(line)) for line in table} == {5}

    def test_text(self, fork: Path) -> None:
        lines = run("fork", "status", fork).out.decode().split("\n")
        assert lines[0].split() == ["release", ORDER, TOLERATION, "branch"]
        assert lines[1].split() == ["v2.24.0", "needed", "needed", f"{CARRIER}:", "missing"]
        assert [line for line in lines if line != line.rstrip()] == []

    def test_verify_looks_at_branches_that_are_there(self, fork: Path) -> None:
        refused("fork", "verify", fork, said="fork sync")
        sync(fork)
        git(fork, "tag", "v2.25.0")
        result = run("fork", "verify", fork)
        assert result.code == 0 and b"v2.25.0" not in result.out
        assert b"| `v2.24.0` |" in result.out
        moved(fork, "v2.24.0")
        assert run("fork", "verify", fork).code == 1
        assert run("fork", "verify", fork, "--releases", "v2.24.*", "--format", "text").code == 1

    def test_revisions_themselves(self, fork: Path, files: dict[str, bytes]) -> None:
        git(fork, "branch", "release-2.24")
        words = (fork, "--branch-template", "{release}", "--releases", "release-*")
        result = run("fork", "verify", *words)
        assert result.code == 1 and b"lacks" in result.out
        assert run("fork", "status", *words).code == 1
        other_commit(fork, "release-2.24", dict(patched(files)))
        assert run("fork", "verify", *words).code == 0
        before = refs(fork)
        refused("fork", "sync", *words, said="--branch-template")
        assert refs(fork) == before

    def test_no_progress_bar_in_a_pipe(self, fork: Path) -> None:
        result = start("fork", "sync", fork)
        assert (result.code, result.err) == (0, "")
        assert b"\r" not in result.out


class TestHarmless:
    def test_status_writes_nothing(self, synced: Path) -> None:
        moved(synced, "v2.24.0")
        git(synced, "tag", "v2.25.0")
        before = listing(synced)
        for words in (
            ("status",),
            ("verify",),
            ("status", "--format", "json"),
            ("sync", "--dry-run"),
        ):
            run("fork", words[0], synced, *words[1:])
        assert listing(synced) == before

    def test_no_hook_is_run(self, fork: Path, tmp_path: Path) -> None:
        marker = tmp_path / "hook-ran"
        for folder in (fork / ".git" / "hooks", fork / "hooks"):
            folder.mkdir(exist_ok=True)
            for name in (
                "reference-transaction", "post-checkout", "pre-commit", "post-commit", "commit-msg",
                "prepare-commit-msg", "post-rewrite", "pre-auto-gc", "update", "post-update",
                "pre-push", "post-index-change",
            ):  # fmt: skip
                (folder / name).write_text(f"#!/bin/sh\necho {name} >> '{marker}'\n")
                (folder / name).chmod(0o755)
        git(fork, "branch", "trial")
        assert marker.exists(), "the hooks of this test do not work"
        for setting in (".git/hooks", "hooks"):
            git(fork, "config", "core.hooksPath", str(fork / setting))
            marker.unlink(missing_ok=True)
            run("fork", "status", fork)
            sync(fork)
            run("fork", "verify", fork)
            assert not marker.exists(), marker.read_text()
            marker.touch()
            git(fork, "tag", f"v2.25.{len(setting)}")

    def test_nothing_is_pushed(self, fork: Path, tmp_path: Path) -> None:
        mine = clone(fork, tmp_path / "mine")
        git(mine, "config", "push.default", "matching")
        before = listing(fork / ".git")
        sync(mine)
        assert listing(fork / ".git") == before
        assert at(mine, CARRIER)

    def test_work_tree_and_index_stay(self, fork: Path) -> None:
        (fork / CLUSTER).write_bytes(b"# Unfinished.\n")
        (fork / "new.txt").write_bytes(b"")
        git(fork, "add", "new.txt")
        kept = {name: one for name, one in listing(fork).items() if not name.startswith(".git")}
        index = (fork / ".git" / "index").read_bytes()
        sync(fork)
        now = {name: one for name, one in listing(fork).items() if not name.startswith(".git")}
        assert (now, (fork / ".git" / "index").read_bytes()) == (kept, index)


class TestSync:
    def test_commits(self, fork: Path, files: dict[str, bytes]) -> None:
        made = sync(fork)[CARRIER]
        assert (made["action"], made["before"], made["why"]) == ("create", None, None)
        assert made["after"] == at(fork, CARRIER)
        rows = git(
            fork, "log", "--reverse", "--format=%s|%an <%ae>|%cn <%ce>", f"v2.24.0..{CARRIER}"
        )
        me = "Jane Tester <jane@example.org>"
        assert rows.split("\n") == [f"{title}|{me}|{me}" for title in TITLES]
        changed = git(fork, "diff", "--name-only", "v2.24.0", CARRIER).split("\n")
        assert changed == CHANGED
        for path, data in patched(files).items():
            assert git(fork, "show", f"{CARRIER}:{path}") == data.decode().strip()
        assert git(fork, "fsck", "--strict", "--no-dangling") == ""

    def test_same_tree_as_git_am(self, fork: Path) -> None:
        git(fork, "tag", "v2.25.0", other_commit(fork, "next", {"a.txt": b"a\n"}, "main"))
        sync(fork)
        for release in ("v2.24.0", "v2.25.0"):
            result = run("patch", fork, "--rev", release)
            git(fork, "checkout", "--quiet", release)
            assert am(fork, result.out) == tree_id(fork, f"{release}-ccm")

    def test_second_run_changes_nothing(self, fork: Path) -> None:
        git(fork, "tag", "v2.25.0")
        first = sync(fork)
        before = listing(fork / ".git")
        second = sync(fork)
        assert listing(fork / ".git") == before
        assert [one["action"] for one in second.values()] == ["keep", "keep"]
        assert [one["after"] for one in second.values()] == [one["after"] for one in first.values()]

    def test_same_ids_again_after_the_branch_was_deleted(self, fork: Path) -> None:
        first = sync(fork)[CARRIER]
        git(fork, "branch", "--delete", "--force", CARRIER)
        assert sync(fork, "--dry-run")[CARRIER] == first
        assert sync(fork)[CARRIER] == first
        assert at(fork, CARRIER) == first["after"]

    def test_same_ids_in_another_clone_and_at_another_time(
        self, fork: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = clone(fork, tmp_path / "other")
        first = sync(fork)
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            monkeypatch.setenv(name, LATER)
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        assert sync(other) == first

    def test_dry_run_names_what_the_real_run_makes(self, fork: Path) -> None:
        sync(fork, "--only", ORDER)
        git(fork, "tag", "v2.25.0")
        before = listing(fork / ".git")
        dry = sync(fork, "--dry-run")
        assert listing(fork / ".git") == before
        assert "would be" in run("fork", "sync", fork, "--dry-run").out.decode()
        assert dry == sync(fork)
        assert {name: one["action"] for name, one in dry.items()} == {
            CARRIER: "update", "v2.25.0-ccm": "create"
        }  # fmt: skip

    def test_update(self, fork: Path) -> None:
        old = sync(fork)[CARRIER]["after"]
        base = moved(fork, "v2.24.0")
        new = sync(fork)[CARRIER]
        assert (new["action"], new["before"]) == ("update", old)
        assert git(fork, "merge-base", CARRIER, base) == base
        assert branch(fork) == ("has", "", 0)

    def test_branch_without_the_series_is_moved(self, fork: Path) -> None:
        git(fork, "branch", CARRIER, "v2.24.0")
        assert sync(fork)[CARRIER]["action"] == "update"

    def test_commits_of_others_are_kept(self, fork: Path) -> None:
        git(fork, "tag", "v2.25.0")
        sync(fork)
        commit = other_commit(fork, CARRIER, {"acme.txt": b"1\n"})
        moved(fork, "v2.24.0")
        moved(fork, "v2.25.0")
        done = sync(fork, code=3)
        assert (done[CARRIER]["action"], done["v2.25.0-ccm"]["action"]) == ("refuse", "update")
        assert "1 commit of others" in done[CARRIER]["why"]
        assert at(fork, CARRIER) == commit
        assert states(fork) == {"v2.24.0": "behind", "v2.25.0": "has"}
        assert run("fork", "sync", fork, "--dry-run").code == 3

    def test_force_moves_and_the_reflog_remembers(self, synced: Path) -> None:
        commit = other_commit(synced, CARRIER, {"acme.txt": b"1\n"})
        moved(synced, "v2.24.0")
        assert sync(synced, "--force", "--dry-run")[CARRIER]["action"] == "update"
        assert at(synced, CARRIER) == commit
        assert sync(synced, "--force")[CARRIER]["before"] == commit
        assert at(synced, f"{CARRIER}@{{1}}") == commit
        assert "fork sync" in git(synced, "reflog", "-1", CARRIER)
        assert branch(synced) == ("has", "", 0)

    def test_force_back_to_commits_from_before(self, fork: Path, files: dict[str, bytes]) -> None:
        made = sync(fork)[CARRIER]["after"]
        other_commit(fork, CARRIER, {CLUSTER: files[CLUSTER]})
        assert sync(fork, "--force")[CARRIER]["after"] == made == at(fork, CARRIER)

    @pytest.mark.parametrize("where", ["main work tree", "another", "not born yet", "in a rebase"])
    def test_checked_out_branch_is_never_touched(
        self, fork: Path, tmp_path: Path, where: str
    ) -> None:
        git(fork, "tag", "v2.25.0")
        place = fork
        if where == "not born yet":
            git(fork, "symbolic-ref", "HEAD", f"refs/heads/{CARRIER}")
        else:
            sync(fork)
            moved(fork, "v2.24.0")
        if where == "main work tree":
            git(fork, "checkout", "--quiet", CARRIER)
        elif where == "another":
            place = tmp_path / "with | odd `name"
            git(fork, "worktree", "add", "--quiet", str(place), CARRIER)
        elif where == "in a rebase":
            git(fork, "checkout", "--quiet", CARRIER)
            words = ("-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-i", "HEAD~1")
            git(fork, *words)
        before = {name: one for name, one in refs(fork).items() if CARRIER in name}
        for options in ((), ("--force",)):
            done = sync(fork, *options, code=3)
            assert done[CARRIER]["action"] == "refuse"
            assert str(place) in done[CARRIER]["why"]
            assert {name: one for name, one in refs(fork).items() if CARRIER in name} == before
        assert states(fork)["v2.25.0"] == "has"

    def test_checked_out_branch_that_has_its_series_is_fine(self, synced: Path) -> None:
        git(synced, "checkout", "--quiet", CARRIER)
        assert sync(synced)[CARRIER]["action"] == "keep"


class TestRefsInTheWay:
    @pytest.mark.parametrize("kind", ["below", "above", "symbolic", "lock"])
    def test_no_ref_changes_at_all(self, fork: Path, kind: str) -> None:
        git(fork, "tag", "v2.23.0")
        git(fork, "tag", "v2.25.0")
        options: tuple[str, ...] = ()
        if kind == "below":
            git(fork, "branch", f"{CARRIER}/x")
        elif kind == "above":
            git(fork, "branch", "ccm")
            options = ("--branch-template", "ccm/{release}")
        elif kind == "symbolic":
            git(fork, "symbolic-ref", f"refs/heads/{CARRIER}", "refs/heads/main")
        else:
            (fork / ".git" / "refs" / "heads" / f"{CARRIER}.lock").touch()
        before = refs(fork)
        refused("fork", "sync", fork, *options, said="update-ref failed")
        assert refs(fork) == before
        locks = [path.name for path in (fork / ".git").rglob("*.lock")]
        assert locks == ([f"{CARRIER}.lock"] if kind == "lock" else [])

    def test_lock_that_is_gone(self, fork: Path) -> None:
        lock = fork / ".git" / "refs" / "heads" / f"{CARRIER}.lock"
        lock.touch()
        assert run("fork", "sync", fork).code == 2
        lock.unlink()
        assert sync(fork)[CARRIER]["action"] == "create"

    def test_objects_cannot_be_written(self, fork: Path) -> None:
        # The folder for packs is a file; nobody could write there, not even root.
        folder = fork / ".git" / "objects" / "pack"
        folder.rmdir()
        folder.write_bytes(b"")
        before = refs(fork)
        refused("fork", "sync", fork, said="git index-pack failed")
        assert refs(fork) == before


class TestIdentity:
    def who(self, fork: Path) -> list[str]:
        return git(fork, "log", "-1", "--format=%an|%ae|%cn|%ce", CARRIER).split("|")

    def test_from_configuration(self, fork: Path) -> None:
        git(fork, "config", "user.name", "Zoë Ünal")
        git(fork, "config", "user.email", "zoe@example.org")
        sync(fork)
        assert self.who(fork) == ["Zoë Ünal", "zoe@example.org"] * 2

    def test_author_of_its_own(self, fork: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_AUTHOR_NAME", "Release Bot")
        sync(fork)
        assert self.who(fork)[::2] == ["Release Bot", "Jane Tester"]
        assert branch(fork) == ("has", "", 0)
        moved(fork, "v2.24.0")
        assert sync(fork)[CARRIER]["action"] == "update"

    def test_series_of_a_colleague_is_kept(
        self, fork: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = sync(fork)[CARRIER]["after"]
        monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
        monkeypatch.setenv("GIT_COMMITTER_NAME", "Somebody Else")
        assert branch(fork) == ("has", "", 0)
        assert sync(fork)[CARRIER]["after"] == made

    @pytest.mark.parametrize("value", ["", "garbage"])
    def test_dates_of_the_environment_do_not_matter(
        self, fork: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("GIT_AUTHOR_DATE", value)
        monkeypatch.setenv("GIT_COMMITTER_DATE", value)
        assert sync(fork)[CARRIER]["action"] == "create"

    def test_unknown(self, fork: Path) -> None:
        git(fork, "config", "--global", "--remove-section", "user")
        git(fork, "config", "user.useConfigOnly", "true")
        before = listing(fork / ".git")
        refused("fork", "sync", fork, said="git config")
        assert listing(fork / ".git") == before
        assert states(fork) == {"v2.24.0": "missing"}


class TestDates:
    def dates(self, fork: Path, name: str) -> list[tuple[str, str]]:
        rows = git(fork, "log", "-3", "--format=%ad %cd", "--date=raw", name).split("\n")
        return [(row[: len(row) // 2], row[len(row) // 2 + 1 :]) for row in rows]

    def test_follow_from_the_patches(self, synced: Path) -> None:
        *own, base = self.dates(synced, CARRIER)
        for author, committer in own:
            assert author == committer and author.endswith(" +0000")
            assert int(author.split()[0]) % 86400 == 0
            assert int(author.split()[0]) > int(base[1].split()[0])

    def test_never_before_the_release(self, fork: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", "2099-01-02T03:04:05-0700")
        young = moved(fork, "v2.24.0")
        first = sync(fork)[CARRIER]
        *own, base = self.dates(fork, CARRIER)
        assert base[1].endswith(" -0700")
        assert [int(one[1].split()[0]) for one in own] == [int(base[1].split()[0])] * 2
        assert branch(fork) == ("has", "", 0)
        assert git(fork, "merge-base", CARRIER, young) == young
        git(fork, "branch", "--delete", "--force", CARRIER)
        assert sync(fork)[CARRIER] == first
        moved(fork, "v2.24.0")
        assert sync(fork)[CARRIER]["action"] == "update"

    @pytest.mark.parametrize("date", ["-5 +0000", "9" * 30 + " +0000", "12 +9999"])
    def test_absurd_dates(self, fork: Path, date: str) -> None:
        data = git(fork, "cat-file", "commit", "main").replace(" 1767323045 +0000", f" {date}")
        words = ("hash-object", "-t", "commit", "-w", "--stdin", "--literally")
        commit = git(fork, *words, data=f"{data}\n".encode())
        git(fork, "update-ref", "refs/tags/v2.25.0", commit)
        assert states(fork) == {"v2.24.0": "missing", "v2.25.0": "missing"}
        result = run("fork", "sync", fork)
        assert result.code in (0, 2, 3) and "Traceback" not in result.err


class TestInterrupted:
    ROUNDS = 6

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
    def test_every_ref_is_old_or_new(self, fork: Path, how: signal.Signals) -> None:
        git(fork, "tag", "v2.25.0")
        ways = (("--only", ORDER), ("--only", TOLERATION))
        wanted: list[dict[str, str]] = []
        for options in ways:
            sync(fork, *options)
            wanted.append(refs(fork))
        assert wanted[0].keys() == wanted[1].keys() and wanted[0] != wanted[1]
        began = time.monotonic()
        assert start("fork", "sync", fork, *ways[0]).code == 0
        whole = time.monotonic() - began
        codes = []
        for number in range(self.ROUNDS):
            process = subprocess.Popen(
                command("fork", "sync", fork, *ways[(number + 1) % 2]), env=environment(),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
            time.sleep(whole * (0.4 + 0.65 * number / self.ROUNDS))
            if process.poll() is not None:
                pass
            elif how is signal.SIGINT:
                # As a terminal does it: the gits that the program has started get it, too.
                os.killpg(process.pid, how)
            else:
                process.kill()
            _, err = process.communicate(timeout=30)
            codes.append(process.returncode)
            assert b"Traceback" not in err
            settle(fork)
            now = refs(fork)
            assert now.keys() == wanted[0].keys()
            assert all(now[name] in (wanted[0][name], wanted[1][name]) for name in now)
        for options, expected in zip(ways, wanted, strict=True):
            sync(fork, *options)
            assert refs(fork) == expected
        assert git(fork, "fsck", "--strict", "--no-dangling") == ""
        ended = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[how]
        # Python itself ends by the signal where that comes when everything is done.
        assert ended in codes and set(codes) <= {0, ended, -how}


def settle(top: Path) -> None:
    """Wait until a git that outlives the program has ended: its locks are gone."""
    for _ in range(100):
        time.sleep(0.05)
        if not list((top / ".git").rglob("*.lock")):
            return
    raise AssertionError("a lock is left")


class TestScope:
    def test_kinds_of_refs(self, fork: Path) -> None:
        git(fork, "tag", "-a", "-m", "x", "v2.25.0", "main")
        git(fork, "tag", "-a", "-m", "x", "v2.25.1", "v2.25.0")
        git(fork, "tag", "v2.26.0", "main^{tree}")
        git(fork, "tag", "-a", "-m", "x", "v2.26.1", f"main:{CLUSTER}")
        git(fork, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
        git(fork, "symbolic-ref", "refs/tags/v2.27.0", "refs/heads/main")
        head = at(fork, "main")
        assert {name: one["commit"] for name, one in status(fork).items()} == dict.fromkeys(
            ("v2.24.0", "v2.25.0", "v2.25.1"), head
        )
        assert set(status(fork, "--releases", "*")) == {
            "v1", "v2.24.0", "v2.25.0", "v2.25.1", "main"
        }  # fmt: skip

    def test_remote_branches(self, fork: Path, tmp_path: Path) -> None:
        git(fork, "branch", "release-2.24")
        made = sync(fork, "--releases", "*2.24*")
        mine = clone(fork, tmp_path / "mine")
        found = status(mine)
        assert set(found) == {"v2.24.0", "release-2.24"}
        assert found["v2.24.0"]["branch"]["ref"] == f"refs/remotes/origin/{CARRIER}"
        assert found["v2.24.0"]["branch"]["why"] == f"origin/{CARRIER}"
        assert run("fork", "verify", mine).code == 0
        before = refs(mine)
        assert {one["action"] for one in sync(mine).values()} == {"keep"}
        assert refs(mine) == before
        moved(mine, "v2.24.0")
        assert "origin/" in branch(mine)[1]
        new = sync(mine)[CARRIER]
        assert (new["action"], new["before"]) == ("create", None)
        assert refs(mine)[f"refs/remotes/origin/{CARRIER}"] == made[CARRIER]["after"]

    def test_remote_branch_with_commits_of_others(self, synced: Path, tmp_path: Path) -> None:
        other_commit(synced, CARRIER, {"acme.txt": b"1\n"})
        mine = clone(synced, tmp_path / "mine")
        moved(mine, "v2.24.0")
        assert sync(mine, code=3)[CARRIER]["action"] == "refuse"
        assert f"refs/heads/{CARRIER}" not in refs(mine)

    def test_onto(self, fork: Path) -> None:
        for name in ("release-2.24.0-acme", "release-2.9.0-acme", "v2.24.0-next"):
            other_commit(fork, name, {"acme.txt": name.encode()}, "v2.24.0")
        sync(fork)
        assert list(status(fork, "--onto", "release-*-acme")) == [
            "release-2.9.0-acme", "release-2.24.0-acme"
        ]  # fmt: skip
        assert list(status(fork, "--onto", "release-{version}-acme")) == ["release-2.24.0-acme"]
        assert list(status(fork, "--onto", "{release}-next")) == ["v2.24.0-next"]
        made = sync(fork, "--onto", "release-*-acme")
        assert set(made) == {"release-2.9.0-acme-ccm", "release-2.24.0-acme-ccm"}
        for name in made:
            assert at(fork, f"{name}~2") == at(fork, name.removesuffix("-ccm"))
        everything = status(fork, "--onto", "*")
        assert CARRIER not in everything and "release-2.9.0-acme-ccm" not in everything

    def test_own_branch_moves_on(self, fork: Path) -> None:
        name, onto = "release-2.24-acme", ("--onto", "release-*-acme")
        other_commit(fork, name, {"acme.txt": b"1\n"}, "v2.24.0")
        sync(fork, *onto)
        other_commit(fork, name, {"acme.txt": b"2\n"})
        assert branch(fork, *onto, release=name)[::2] == ("behind", 0)
        assert sync(fork, *onto)[f"{name}-ccm"]["action"] == "update"
        assert git(fork, "show", f"{name}-ccm:acme.txt") == "2"

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--releases", "nothing-*"), "no tag and no branch is called 'nothing-*'"),
            (("--releases", ""), "no tag and no branch is called ''"),
            (("--onto", "nothing-*"), "nothing-*"),
            (("--onto", "x-{version}"), "x-{version}"),
            (("--onto", "{other}"), "{other}"),
            (("--onto", "r*", "--releases", "v*"), "--releases"),
            (("--onto", "r*", "--upstream", "."), "--upstream"),
            (("--branch-template", "ccm"), "must hold {release}"),
            (("--branch-template", "{release} x"), "'v2.24.0 x' cannot be the name of a branch"),
            (("--branch-template", "-{release}"), "cannot be the name of a branch"),
            (("--branch-template", "{release}.lock"), "cannot be the name of a branch"),
            (("--branch-template", "{release}\n"), "cannot be the name of a branch"),
            (("--upstream", ""), "neither a remote nor an address"),
            (("--upstream", "--upload-pack=touch x"), "neither a remote nor an address"),
            (("--upstream", "ext::touch x"), "not allowed"),
            (("--upstream", "nowhere"), "nowhere"),
            (("--upstream", "x" * 5000), "File name too long"),
        ],
    )  # fmt: skip
    def test_unusable(self, fork: Path, options: tuple[str, ...], said: str) -> None:
        before = listing(fork)
        refused("fork", "sync", fork, *options, said=said)
        assert listing(fork) == before

    @pytest.mark.parametrize("name", ["a\u2028b", "a\x85b", "a\N{SUPERSCRIPT TWO}", "1\u06655"])
    def test_odd_names_elsewhere_do_not_matter(self, fork: Path, name: str) -> None:
        git(fork, "branch", name)
        git(fork, "tag", f"t{name}")
        assert states(fork) == {"v2.24.0": "missing"}
        assert set(sync(fork, "--upstream", str(fork))) == {CARRIER}

    def test_release_with_an_absurd_number(self, fork: Path) -> None:
        git(fork, "pack-refs", "--all")
        packed = fork / ".git" / "packed-refs"
        row = f"{at(fork, 'main')} refs/tags/v{'9' * 5000}.1.0\n"
        packed.write_text(packed.read_text() + row)
        assert states(fork) == {"v2.24.0": "missing"}

    def test_current_directory_is_the_default(self, fork: Path) -> None:
        assert run("fork", "status", cwd=fork).out == run("fork", "status", fork).out

    def test_help(self) -> None:
        for name in ("status", "sync", "verify"):
            result = run("fork", name, "--help")
            assert result.code == 0 and b"Exit codes:" in result.out


def cells(line: str) -> list[str]:
    """Return the cells of a row of a Markdown table: a pipe with a backslash is text (GFM 4.10)."""
    assert line.startswith("| ") and line.endswith(" |")
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [part.strip().replace("\\|", "|") for part in parts]


def code(cell: str) -> str:
    """Return the text of a code span that is all of a cell (CommonMark 6.1)."""
    spans = list(_spans(cell))
    assert len(spans) == 1 and spans[0][0] == cell, cell
    text = spans[0][1]
    padded = text.startswith(" ") and text.endswith(" ") and text.strip()
    return text[1:-1] if padded else text


def _spans(text: str) -> Iterator[tuple[str, str]]:
    """Give the code spans of a text: a run of backticks up to the next one of equal length."""
    runs = list(re.finditer("`+", text))
    index = 0
    while index < len(runs):
        opening = runs[index]
        closing = next((one for one in runs[index + 1 :] if len(one[0]) == len(opening[0])), None)
        if closing is None:
            index += 1
            continue
        yield text[opening.start() : closing.end()], text[opening.end() : closing.start()]
        index = runs.index(closing) + 1
