"""Semantic patches that are chosen by component, through every command that has the choice.

The operation of these tests writes a mark into a file; the patch stands in a directory of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.conftest import Result, am, git, listing, patch, run, tree_id
from generator.engine.fields import Fields
from generator.engine.operations import OPERATIONS
from generator.engine.operations.base import Changed, Component, NotNeeded
from generator.model.kubespray import Kubespray

DNS = "roles/kubernetes-apps/ansible/templates/coredns-deployment.yml.j2"
SCALER = "roles/kubernetes-apps/ansible/templates/dns-autoscaler.yml.j2"
TYPHA = "roles/network_plugin/calico/templates/calico-typha.yml.j2"
CSI = "roles/helm-apps/README.md"
RISKY = "The driver asks for what the cloud controller manager writes."

PATCH = f"""\
id: marks
version: 1
date: 2026-11-22
title: Mark components
why: A test.
operations:
  - mark: {{component: coredns, path: {DNS}}}
  - mark: {{component: dns-autoscaler, path: {SCALER}}}
  - mark: {{component: calico-typha, path: {TYPHA}}}
  - mark: {{component: csi-driver, path: {CSI}, unwise: "{RISKY}"}}
"""


@dataclass(frozen=True)
class Mark:
    component: Component
    path: str

    @classmethod
    def read(cls, fields: Fields, folder: Path) -> Mark:
        fields.only(["component", "unwise", "path"])
        component = Component(fields.text("component"), fields.text("unwise", "") or None)
        return cls(component, fields.text("path"))

    def apply(self, kubespray: Kubespray) -> Changed | NotNeeded:
        if kubespray.tree.mode(self.path) is None:
            return NotNeeded(f"the tree has no {self.path}")
        data = kubespray.tree.raw(self.path)
        mark = f"# {self.component.name}\n".encode()
        if mark in data:
            return NotNeeded(f"{self.path} is marked", True)
        return Changed({self.path: data + mark}, f"{self.path} is not marked")

    def describe(self) -> str:
        return f"Mark {self.path}."


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of the patch, whose operation is known while the test runs."""
    monkeypatch.setitem(OPERATIONS, "mark", Mark.read)
    found = tmp_path / "own"
    found.mkdir()
    (found / "marks.yml").write_text(PATCH)
    return found


@pytest.fixture
def own(directory: Path) -> list[str]:
    return ["--patch-dir", str(directory)]


def changed(diff: bytes) -> list[str]:
    """Return the paths that a diff changes."""
    return [line[6:] for line in diff.decode().splitlines() if line.startswith("+++ b/")]


class TestPatch:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--only", "marks=coredns"], [DNS]),
            (["--only", "marks=dns-autoscaler,coredns"], [DNS, SCALER]),
            (["--only", "marks=coredns", "--with", "marks=dns-autoscaler"], [DNS, SCALER]),
            (["--only", "marks=all"], [DNS, SCALER]),
            (["--only", "marks=all", "--without", "marks=coredns"], [SCALER]),
            (["--only", "marks=all,csi-driver"], [CSI, DNS, SCALER]),
            (["--only", "marks=coredns", "--without", "marks=coredns"], []),
        ],
    )
    def test_choice(
        self, repo: Path, own: list[str], options: Sequence[str], expected: list[str]
    ) -> None:
        if CSI in expected:
            (repo / CSI).write_text("text\n")
        out = patch(repo, *own, *options, "--format", "diff")
        assert changed(out) == expected

    def test_beside_the_default_ones(self, repo: Path, own: list[str]) -> None:
        out = patch(repo, *own, "--with", "marks=coredns")
        assert out.count(b"Semantic-patch: ") == 3
        assert b"Subject: [PATCH 3/3] Mark components: coredns\n" in out
        assert b"Semantic-patch: marks (version 1)\nComponent: coredns\nBase: " in out
        am(repo, out)
        assert patch(repo, *own, "--with", "marks=coredns") == b""

    def test_talk(self, repo: Path, own: list[str]) -> None:
        result = run("patch", repo, *own, "--only", "marks=all,csi-driver")
        assert result.code == 0
        assert result.err.splitlines() == [
            f"marks: csi-driver is unwise: {RISKY}",
            f"marks: {DNS} is not marked; {SCALER} is not marked.",
            f"marks: nothing to do for calico-typha: the tree has no {TYPHA}.",
            f"marks: nothing to do for csi-driver: the tree has no {CSI}.",
        ]

    def test_none_of_them_is_there(self, repo: Path, own: list[str]) -> None:
        result = run("patch", repo, *own, "--only", "marks=calico-typha")
        assert (result.code, result.out) == (0, b"")
        assert result.err.splitlines() == [
            f"marks: nothing to do: calico-typha: the tree has no {TYPHA}.",
            "Nothing to do: no patch is needed.",
        ]

    def test_same_bytes_in_every_order(self, repo: Path, own: list[str]) -> None:
        ways = [
            [*own, *(word for name in order for word in ("--with", f"marks={name}"))]
            for order in itertools.permutations(("coredns", "calico-typha", "dns-autoscaler"))
        ]
        ways += [[*own, "--with", "marks=all"], [*own, "--with", "marks=dns-autoscaler,coredns"]]
        assert len({patch(repo, *way) for way in ways}) == 1

    def test_json(self, repo: Path, own: list[str]) -> None:
        words = ("--only", "marks=coredns,calico-typha", "--format", "json")
        (found,) = json.loads(patch(repo, *own, *words))["patches"]
        assert found["components"] == ["coredns"] and found["files"] == [DNS]

    def test_apply_and_commit(self, repo: Path, own: list[str]) -> None:
        result = run("patch", repo, *own, "--only", "marks=all", "--commit")
        assert result.code == 0
        subject = "Mark components: coredns, dns-autoscaler"
        assert git(repo, "log", "-1", "--format=%s") == subject
        assert f" {subject}\n" in result.err
        assert git(repo, "log", "-1", "--format=%(trailers:key=Component,valueonly)").split() == [
            "coredns", "dns-autoscaler",
        ]  # fmt: skip
        assert run("patch", repo, *own, "--only", "marks=all", "--apply").code == 0
        assert git(repo, "status", "--porcelain") == ""

    @pytest.mark.parametrize(
        ("words", "part"),
        [
            (("--with", "marks"), "wants components: marks=NAME[,NAME...], or marks=all"),
            (("--only", "marks"), "It has coredns, dns-autoscaler, calico-typha; unwise, by name"),
            (("--only", "marks="), "patches show marks` says why): csi-driver."),
            (("--with", "marks=cordns"), "no component 'cordns'; did you mean coredns?"),
            (("--with", "marks=x"), "no component 'x'; it has coredns, "),
            (("--with", "marks=coredns;rm -rf"), "no component 'coredns;rm -rf'"),
            (("--with", "marks=core\ndns\x1b"), "no component 'core\\ndns\\x1b'"),
            (("--with", "marks='coredns'"), "did you mean coredns?"),
            (("--with", "backport-12141=all"), "'backport-12141' has no components"),
            (("--without", "approver-after-ccm=x"), "'approver-after-ccm' has no components"),
            (("--without", "marks=all"), "name it alone"),
            (("--with", "=coredns"), "no semantic patch ''"),
            (("--with", "--"), "no semantic patch '--'"),
        ],
    )
    def test_wrong(self, repo: Path, own: list[str], words: tuple[str, ...], part: str) -> None:
        result = run("patch", repo, *own, *words)
        assert (result.code, result.out) == (2, b"")
        assert part in result.err and result.err.count("\n") == 1


def test_order(repo: Path, own: list[str]) -> None:
    result = run("order", repo, *own, "--patched", "--only", "marks=csi-driver")
    assert result.code == 0 and f"csi-driver is unwise: {RISKY}" in result.err
    assert run("order", repo, *own, "--patched", "--only", "marks").code == 2


class TestOverlay:
    def create(self, repo: Path, out: Path, own: list[str], *words: str) -> None:
        assert run("overlay", "create", repo, out, *own, *words).code == 0

    def refresh(self, repo: Path, out: Path, own: list[str], *words: str) -> Result:
        return run("overlay", "refresh", out, repo, *own, *words)

    def files(self, out: Path) -> list[str]:
        top = out / "files"
        return sorted(path for path in listing(top) if (top / path).is_file())

    def test_records_the_choice(self, repo: Path, own: list[str], tmp_path: Path) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=calico-typha,coredns")
        text = (out / "overlay.yml").read_text()
        # What is not in this tree may be in the next.
        assert "    components:\n      - coredns\n      - calico-typha\n" in text
        assert "  Components: coredns, calico-typha.\n" in (out / "README.md").read_text()
        assert self.files(out) == [DNS]

    def test_verify_plans_with_it(self, repo: Path, own: list[str], tmp_path: Path) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=coredns")
        for state in ("clean", "applied"):
            result = run("overlay", "verify", out, repo, *own)
            assert (result.code, result.err) == (0, "") and state in result.out.decode()
            assert run("overlay", "apply", out, repo, *own).code == 0
        # Another component comes with the next release: nobody asked for it.
        git(repo, "checkout", "--quiet", "--", ".")
        (repo / TYPHA).parent.mkdir(parents=True)
        (repo / TYPHA).write_text("kind: Deployment\n")
        assert run("overlay", "verify", out, repo, *own).code == 0

    def test_verify_misses_a_chosen_one(self, repo: Path, own: list[str], tmp_path: Path) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=all")
        (repo / TYPHA).parent.mkdir(parents=True)
        (repo / TYPHA).write_text("kind: Deployment\n")
        result = run("overlay", "verify", out, repo, *own)
        assert result.code == 1 and f"{TYPHA} is not marked" in result.out.decode()
        assert self.refresh(repo, out, own).code == 0
        assert self.files(out) == [DNS, SCALER, TYPHA]

    def test_refresh(self, repo: Path, own: list[str], tmp_path: Path) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=coredns")
        before = listing(out)
        assert self.refresh(repo, out, own).code == 0 and listing(out) == before
        assert self.refresh(repo, out, own, "--with", "marks=dns-autoscaler").code == 0
        assert self.files(out) == [DNS, SCALER]
        result = self.refresh(repo, out, own, "--with", "marks=csi-driver")
        assert result.code == 0 and f"csi-driver is unwise: {RISKY}" in result.err
        assert self.refresh(repo, out, own, "--without", "marks=coredns,csi-driver").code == 0
        assert self.files(out) == [SCALER]
        assert self.refresh(repo, out, own, "--without", "marks").code == 0
        assert self.files(out) == []

    def test_the_choice_in_another_order(self, repo: Path, own: list[str], tmp_path: Path) -> None:
        self.create(repo, tmp_path / "a", own, "--with", "marks=coredns,calico-typha")
        self.create(
            repo, tmp_path / "b", own, "--with", "marks=calico-typha", "--with", "marks=coredns"
        )
        assert listing(tmp_path / "a") == listing(tmp_path / "b")

    def test_a_component_is_gone(
        self, repo: Path, own: list[str], directory: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=coredns,dns-autoscaler")
        lines = PATCH.splitlines(keepends=True)
        (directory / "marks.yml").write_text("".join(x for x in lines if SCALER not in x))
        result = run("overlay", "verify", out, repo, *own)
        assert result.code == 0
        assert "marks=dns-autoscaler: this component is not known" in result.err
        result = self.refresh(repo, out, own)
        assert result.code == 2 and "--without marks=dns-autoscaler" in result.err
        assert self.refresh(repo, out, own, "--without", "marks=dns-autoscaler").code == 0
        assert self.files(out) == [DNS]

    @pytest.mark.parametrize("wrong", ["[]", "all", "[all]", "[coredns, coredns]", "[a b]"])
    def test_record_is_not_valid(
        self, repo: Path, own: list[str], tmp_path: Path, wrong: str
    ) -> None:
        out = tmp_path / "overlay"
        self.create(repo, out, own, "--only", "marks=coredns")
        text = (out / "overlay.yml").read_text()
        assert "components:\n      - coredns\n" in text
        (out / "overlay.yml").write_text(
            text.replace("components:\n      - coredns\n", f"components: {wrong}\n")
        )
        result = run("overlay", "verify", out, repo, *own)
        assert result.code == 2 and "'components' in a patch of the overlay must be" in result.err


class TestFork:
    BRANCH = "v2.24.0-ccm"

    @pytest.fixture
    def fork(self, repo: Path) -> Path:
        git(repo, "tag", "v2.24.0")
        return repo

    def branch(self, fork: Path, *words: str) -> str:
        """Return the state of the branch, with what is lacking."""
        result = run("fork", "status", fork, "--format", "json", *words)
        (one,) = [x for x in json.loads(result.out)["revisions"] if x["release"] == "v2.24.0"]
        assert (result.code == 0) == (one["branch"]["state"] == "has")
        return f"{one['branch']['state']} {one['branch']['why'] or ''}".strip()

    def sync(self, fork: Path, *words: str) -> Result:
        return run("fork", "sync", fork, *words)

    def test_another_choice_is_another_series(self, fork: Path, own: list[str]) -> None:
        first = [*own, "--only", "marks=coredns"]
        second = [*own, "--only", "marks=coredns,dns-autoscaler"]
        assert self.sync(fork, *first).code == 0
        assert self.branch(fork, *first) == "has"
        assert self.branch(fork, *second) == "behind has another series than today's"
        assert run("fork", "verify", fork, *second).code == 1
        tree = tree_id(fork, self.BRANCH)
        # The commits are ours, made with another choice: sync moves the branch without --force.
        assert self.sync(fork, *second).code == 0
        assert self.branch(fork, *second) == "has"
        assert self.branch(fork, *first) == "behind has another series than today's"
        assert self.sync(fork, *first).code == 0
        assert tree_id(fork, self.BRANCH) == tree

    def test_a_second_run_changes_nothing(self, fork: Path, own: list[str]) -> None:
        assert self.sync(fork, *own, "--with", "marks=coredns,dns-autoscaler").code == 0
        tip = git(fork, "rev-parse", self.BRANCH)
        for way in (["--with", "marks=all"], ["--with", "marks=dns-autoscaler,coredns"]):
            assert self.sync(fork, *own, *way).code == 0
            assert git(fork, "rev-parse", self.BRANCH) == tip
            git(fork, "branch", "-D", self.BRANCH)
            assert self.sync(fork, *own, *way).code == 0
            assert git(fork, "rev-parse", self.BRANCH) == tip

    def test_somebody_changed_our_commit(self, fork: Path, own: list[str]) -> None:
        """Its dates are as they were, but not what it holds: it is not moved without --force."""
        first = [*own, "--only", "marks=coredns"]
        second = [*own, "--only", "marks=dns-autoscaler"]
        assert self.sync(fork, *first).code == 0
        message = git(fork, "log", "-1", "--format=%B", self.BRANCH)
        date = git(fork, "log", "-1", "--format=%cI", self.BRANCH)
        git(fork, "checkout", "--quiet", "-b", "work", self.BRANCH)
        (fork / SCALER).write_text("by hand\n")
        git(fork, "add", "--all")
        tree = git(fork, "write-tree")
        parent = git(fork, "rev-parse", f"{self.BRANCH}^")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("GIT_AUTHOR_DATE", date)
            patched.setenv("GIT_COMMITTER_DATE", date)
            made = git(fork, "commit-tree", tree, "-p", parent, "-m", message)
        git(fork, "branch", "--force", self.BRANCH, made)
        for words in (first, second):
            result = self.sync(fork, *words)
            assert result.code == 3 and "of others" in result.out.decode()

    def test_components_that_nobody_knows(
        self, fork: Path, own: list[str], directory: Path
    ) -> None:
        """A component that is gone made the commit: nobody can tell that somebody changed it."""
        assert self.sync(fork, *own, "--only", "marks=coredns,dns-autoscaler").code == 0
        lines = PATCH.splitlines(keepends=True)
        (directory / "marks.yml").write_text("".join(x for x in lines if SCALER not in x))
        words = [*own, "--only", "marks=coredns"]
        assert self.branch(fork, *words) == "behind has another series than today's"
        assert self.sync(fork, *words).code == 0 and self.branch(fork, *words) == "has"

    def test_what_the_release_lacks(self, fork: Path, own: list[str]) -> None:
        words = [*own, "--only", "marks=calico-typha"]
        result = run("fork", "status", fork, *words, "--format", "json")
        (one,) = [x for x in json.loads(result.out)["revisions"] if x["release"] == "v2.24.0"]
        assert (result.code, one["branch"]["state"]) == (0, "unneeded")
        assert one["patches"][0]["state"] == "inapplicable"
        assert self.sync(fork, *words).code == 0
        assert git(fork, "branch", "--list", self.BRANCH) == ""

    def test_wrong(self, fork: Path, own: list[str]) -> None:
        for command in ("status", "verify", "sync"):
            result = run("fork", command, fork, *own, "--with", "marks")
            assert result.code == 2 and "wants components" in result.err


class TestHook:
    def fix(self, where: Path, *words: str) -> Result:
        return run("hook", "fix", *words, cwd=where)

    def test_fix(self, repo: Path, own: list[str]) -> None:
        git(repo, "rm", "--cached", "--quiet", "README.md")
        words = [*own, "--only", "marks=dns-autoscaler,csi-driver"]
        (repo / SCALER).write_text("kind: Deployment\n")
        git(repo, "add", SCALER)
        result = self.fix(repo, *words)
        assert result.code == 1 and f"changed {SCALER}\n" in result.err
        assert "csi-driver is unwise" in result.err
        assert git(repo, "diff", "--name-only") == SCALER
        git(repo, "add", SCALER)
        assert self.fix(repo, *words).code == 0

    def test_wrong_only_where_it_matters(self, repo: Path, own: list[str]) -> None:
        (repo / "notes.txt").write_text("x")
        git(repo, "add", "notes.txt")
        assert self.fix(repo, *own, "--with", "marks").code == 0
        (repo / SCALER).write_text("kind: Deployment\n")
        git(repo, "add", SCALER)
        assert self.fix(repo, *own, "--with", "marks").code == 2


def test_show(own: list[str]) -> None:
    text = run("patches", "show", "marks", *own).out.decode()
    assert "Applied only on request (--with marks=NAME,...).\n" in text
    assert f"  csi-driver\n    - Unwise: {RISKY}\n    - Mark {CSI}.\n" in text
    assert text.index("  calico-typha\n") < text.index("Components that are unwise")
    (found,) = json.loads(run("patches", "show", "marks", *own, "--format", "json").out)["patches"]
    assert found["components"][-1] == {"name": "csi-driver", "unwise": RISKY}
