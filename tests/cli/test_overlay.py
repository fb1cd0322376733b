"""`overlay`: made, held against a tree, laid over it, taken off, made anew; and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    Result,
    clone,
    commit_all,
    git,
    listing,
    patch,
    patched,
    run,
    write_tree,
)
from generator.overlay.manifest import manifest_text, read_manifest

USE = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
COMMANDS = ("create", "verify", "apply", "revert", "refresh")


def do(*arguments: str | Path, cwd: Path | None = None) -> Result:
    """Run `overlay`; nothing that a user can cause ends in a traceback."""
    result = run("overlay", *arguments, cwd=cwd)
    assert "Traceback" not in result.err
    return result


def ok(*arguments: str | Path, cwd: Path | None = None) -> str:
    result = do(*arguments, cwd=cwd)
    assert result.code == 0, result.err
    return result.out.decode()


def verified(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    result = do("verify", *arguments, "--format", "json", cwd=cwd)
    report: dict[str, Any] = json.loads(result.out)
    assert result.code == (0 if report["state"] in ("clean", "applied") else 1)
    return report


def state(*arguments: str | Path) -> str:
    return str(verified(*arguments)["state"])


def refused(code: int, top: Path, *arguments: str | Path) -> str:
    """Run a command that must refuse, and leave everything below `top` as it was."""
    before = listing(top)
    result = do(*arguments)
    assert (result.code, result.out) == (code, b""), result.err
    assert listing(top) == before
    return result.err


def contents(top: Path) -> dict[str, tuple[int, str]]:
    """Return the files of a tree; folders without files do not count."""
    return {
        path: found for path, found in listing(top).items()
        if found[1] and not path.startswith(".git/")
    }  # fmt: skip


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1, data
    path.write_bytes(data.replace(old, new))


@pytest.fixture
def out(plain: Path, tmp_path: Path) -> Path:
    """Return an overlay for the plain directory."""
    ok("create", plain, tmp_path / "overlay")
    return tmp_path / "overlay"


@pytest.fixture
def of_repo(repo: Path, tmp_path: Path) -> Path:
    """Return an overlay for the repository."""
    ok("create", repo, tmp_path / "overlay")
    return tmp_path / "overlay"


class TestCreate:
    def test_layout(self, repo: Path, of_repo: Path, files: dict[str, bytes]) -> None:
        found = sorted(path for path, (_, what) in listing(of_repo).items() if what)
        assert found == sorted(
            [".gitattributes", "README.md", "overlay.yml"]
            + [f"{folder}/{path}" for folder in ("files", "originals") for path in CHANGED]
        )
        for path in CHANGED:
            assert (of_repo / "files" / path).read_bytes() == patched(files)[path]
            assert (of_repo / "originals" / path).read_bytes() == files[path]

    def test_record(self, repo: Path, of_repo: Path) -> None:
        """Git is the oracle for every id."""
        manifest = read_manifest(of_repo / "overlay.yml")
        base = manifest.base
        assert base.commit == git(repo, "rev-parse", "HEAD")
        assert base.tree == git(repo, "rev-parse", "HEAD^{tree}")
        assert (base.describe, base.name, base.url, base.uncommitted) == ("v1", None, None, False)
        assert [(one.id, one.version, one.needed) for one in manifest.patches] == [
            ("approver-after-ccm", 1, True), ("approver-tolerations", 1, True),
        ]  # fmt: skip
        assert [file.path for file in manifest.files] == CHANGED
        for file in manifest.files:
            assert file.mode == "100644"
            assert file.before == git(repo, "rev-parse", f"HEAD:{file.path}")
            assert file.after == git(repo, "hash-object", str(of_repo / "files" / file.path))

    def test_says_what_was_found(self, repo: Path, tmp_path: Path) -> None:
        said = do("create", repo, tmp_path / "o").err
        assert f"({CLUSTER}:52) runs before what it needs" in said
        assert f"changed: {META}" in said and f"wrote {tmp_path / 'o'}" in said

    def test_same_tree_same_bytes(self, repo: Path, of_repo: Path, tmp_path: Path) -> None:
        """Wherever it lies, and whatever is in OUT already."""
        other = clone(repo, tmp_path / "other")
        ok("create", other, tmp_path / "second")
        ok("create", ".", tmp_path / "third", cwd=other)
        ok("create", tmp_path / "fourth", cwd=other)
        ok("create", repo, of_repo)
        for name in ("second", "third", "fourth"):
            assert listing(tmp_path / name) == listing(of_repo)

    def test_no_trace_of_the_machine(self, of_repo: Path, out: Path) -> None:
        for top in (of_repo, out):
            text = (top / "overlay.yml").read_text() + (top / "README.md").read_text()
            assert not re.search(r"/(tmp|home|root|usr|work)/|20\d\d-", text)

    def test_revision(self, repo: Path, of_repo: Path, tmp_path: Path) -> None:
        commit = git(repo, "rev-parse", "HEAD")
        (repo / "more").write_text("x")
        commit_all(repo, "More")
        ok("create", "--rev", "v1", repo, tmp_path / "o")
        base = read_manifest(tmp_path / "o/overlay.yml").base
        assert (base.name, base.describe, base.commit) == ("v1", "v1", commit)
        assert base.tree == git(repo, "rev-parse", "v1^{tree}")
        ok("create", repo, tmp_path / "p")
        described = read_manifest(tmp_path / "p/overlay.yml").base.describe
        assert described == "v1-1-g" + git(repo, "rev-parse", "--short=12", "HEAD")

    def test_plain_directory(self, plain: Path, out: Path, repo: Path) -> None:
        (plain / "run.sh").write_text("x")
        (plain / "run.sh").chmod(0o755)
        (plain / "link").symlink_to("/nowhere")
        (plain / "empty").mkdir()
        ok("create", plain, out)
        base = read_manifest(out / "overlay.yml").base
        assert (base.name, base.describe, base.commit, base.url) == (None, None, None, None)
        git(plain, "init", "--quiet", "--template=")
        git(plain, "add", "--all")
        assert base.tree == git(plain, "write-tree")

    def test_inside_the_tree(self, plain: Path, repo: Path) -> None:
        """The overlay is no part of the tree that it is made for."""
        for top in (plain, repo):
            ok("create", top, top / "vendor/overlay")
            first = listing(top)
            ok("create", top, top / "vendor/overlay")
            assert listing(top) == first
            ok("create", top, top.parent / "outside")
            assert (
                listing(top.parent / "outside") == listing(top / "vendor/overlay") or top == plain
            )

    def test_sample(self, tmp_path: Path) -> None:
        ok("create", "--sample", tmp_path / "o")
        manifest = read_manifest(tmp_path / "o/overlay.yml")
        assert (manifest.base.name, manifest.base.commit) == ("the embedded sample", None)
        assert [file.path for file in manifest.files] == CHANGED
        assert state(tmp_path / "o", "--sample") == "clean"

    def test_release(self, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBESPRAY_URL", str(repo))
        ok("create", "--release", "v1", tmp_path / "o")
        base = read_manifest(tmp_path / "o/overlay.yml").base
        assert (base.name, base.describe, base.url) == ("v1", "v1", None)
        assert base.commit == git(repo, "rev-parse", "v1")
        assert base.tree == git(repo, "rev-parse", "v1^{tree}")

    def test_address(self, repo: Path, tmp_path: Path) -> None:
        git(repo, "remote", "add", "origin", "https://me:secret@example.org/k.git")
        ok("create", repo, tmp_path / "o")
        text = (tmp_path / "o/overlay.yml").read_text()
        assert "url: https://example.org/k.git\n" in text and "secret" not in text

    def test_uncommitted(self, repo: Path, tmp_path: Path) -> None:
        (repo / "README.md").write_text("Changed.\n")
        ok("create", repo, tmp_path / "o")
        assert not read_manifest(tmp_path / "o/overlay.yml").base.uncommitted
        change(repo / CLUSTER, USE, b"    # Ours.\n" + USE)
        ok("create", repo, tmp_path / "o")
        assert read_manifest(tmp_path / "o/overlay.yml").base.uncommitted

    def test_sha256(self, plain: Path, tmp_path: Path) -> None:
        commit = commit_all(plain, init=True, options=("--object-format=sha256",))
        ok("create", plain, tmp_path / "o")
        manifest = read_manifest(tmp_path / "o/overlay.yml")
        assert (manifest.base.hash_name, manifest.base.commit) == ("sha256", commit)
        assert manifest.base.tree == git(plain, "rev-parse", "HEAD^{tree}")
        assert manifest.files[0].before == git(plain, "rev-parse", f"HEAD:{CLUSTER}")
        ok("apply", tmp_path / "o", plain)
        assert state(tmp_path / "o", plain) == "applied"

    def test_before_the_first_commit(self, plain: Path, out: Path) -> None:
        git(plain, "init", "--quiet", "--template=")
        git(plain, "add", "--all")
        ok("create", plain, out)
        assert read_manifest(out / "overlay.yml").base.tree == git(plain, "write-tree")

    def test_below_the_top_of_a_repository(self, tmp_path: Path, files: dict[str, bytes]) -> None:
        top = tmp_path / "outer"
        write_tree(top / "vendor/kubespray", files)
        commit_all(top, init=True)
        ok("create", "vendor/kubespray", "overlay", cwd=top)
        manifest = read_manifest(top / "overlay/overlay.yml")
        assert manifest.base.tree == git(top, "rev-parse", "HEAD:vendor/kubespray")
        assert [file.path for file in manifest.files] == CHANGED
        ok("apply", "overlay", "vendor/kubespray", cwd=top)
        assert git(top, "diff", "--name-only").split() == [
            f"vendor/kubespray/{path}" for path in CHANGED
        ]
        assert verified("overlay", "vendor/kubespray", cwd=top)["state"] == "applied"

    def test_choice(self, plain: Path, out: Path) -> None:
        ok("create", "--only", "approver-tolerations", plain, out)
        manifest = read_manifest(out / "overlay.yml")
        assert [one.id for one in manifest.patches] == ["approver-tolerations"]
        assert [file.path for file in manifest.files] == [META]
        # What the older overlay held is gone.
        assert not (out / "files" / CLUSTER).exists()

    def test_what_is_not_needed_is_recorded(self, plain: Path, out: Path) -> None:
        patch(plain, "--apply", "--only", "approver-after-ccm")
        ok("create", "--force", plain, out)
        manifest = read_manifest(out / "overlay.yml")
        assert [(one.id, one.needed) for one in manifest.patches] == [
            ("approver-after-ccm", False), ("approver-tolerations", True),
        ]  # fmt: skip

    def test_nothing_needed(self, plain: Path, tmp_path: Path) -> None:
        patch(plain, "--apply")
        result = do("create", plain, tmp_path / "o")
        assert result.code == 0 and "no patch is needed" in result.err
        assert not (tmp_path / "o").exists()
        ok("create", "--sample", tmp_path / "o")
        result = do("create", "--force", plain, tmp_path / "o")
        assert result.code == 0 and "without files" in result.err
        assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
            ".gitattributes", "README.md", "overlay.yml",
        ]  # fmt: skip
        assert "can\nbe deleted" in (tmp_path / "o/README.md").read_text()
        assert state(tmp_path / "o", plain) == "applied"

    @pytest.mark.parametrize(
        "words",
        [
            (), ("a", "b", "c"), ("--release", "v1", "a", "b"), ("--sample", "a", "b"),
            ("--sample", "--release", "v1", "a"), ("--sample", "--rev", "v1", "a"), ("a", ""),
        ],
    )  # fmt: skip
    def test_usage(self, words: tuple[str, ...], tmp_path: Path) -> None:
        assert do("create", *words, cwd=tmp_path).code == 2
        assert list(tmp_path.iterdir()) == []

    def test_foreign_directory(self, plain: Path, out: Path, tmp_path: Path) -> None:
        (out / "notes.txt").write_text("mine")
        for words in ((), ("--force",)):
            assert "notes.txt" in refused(2, tmp_path, "create", *words, plain, out)
        shutil.copytree(plain, tmp_path / "copy")
        assert "no part of an overlay" in refused(2, tmp_path, "create", plain, tmp_path / "copy")
        assert "no part of an overlay" in refused(2, tmp_path, "create", plain, plain)

    def test_edited(self, plain: Path, out: Path, tmp_path: Path) -> None:
        good = listing(out)
        (out / "files" / CLUSTER).write_bytes(b"edited\n")
        assert f"files/{CLUSTER}" in refused(3, tmp_path, "create", plain, out)
        ok("create", "--force", plain, out)
        assert listing(out) == good

    def test_tree_has_it_already(self, plain: Path, out: Path, tmp_path: Path) -> None:
        ok("apply", out, plain)
        assert "overlay refresh" in refused(3, tmp_path, "create", plain, out)

    def test_links_in_the_overlay_are_not_followed(
        self, plain: Path, out: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(out / "files", tmp_path / "precious")
        shutil.rmtree(out / "files")
        (out / "files").symlink_to(tmp_path / "precious")
        precious = listing(tmp_path / "precious")
        assert state(out, plain) == "missing"
        ok("create", "--force", plain, out)
        assert listing(tmp_path / "precious") == precious
        assert not (out / "files").is_symlink() and state(out, plain) == "clean"


class TestSameTreeOnEveryWay:
    def test_as_git_applies_the_patch(self, repo: Path, of_repo: Path, tmp_path: Path) -> None:
        other = clone(repo, tmp_path / "other")
        git(other, "apply", "--index", data=patch(repo, "--format", "diff"))
        ok("apply", of_repo, repo)
        git(repo, "add", "--all")
        assert git(repo, "write-tree") == git(other, "write-tree")

    def test_as_copied(self, plain: Path, out: Path, tmp_path: Path) -> None:
        """The way without this program that the README shows."""
        copy = shutil.copytree(plain, tmp_path / "copy")
        subprocess.run(["cp", "-R", f"{out}/files/.", str(copy)], check=True)
        ok("apply", out, plain)
        assert listing(plain) == listing(copy)
        assert state(out, copy) == "applied"

    def test_there_and_back(self, plain: Path, out: Path) -> None:
        before = listing(plain)
        ok("apply", out, plain)
        after = listing(plain)
        assert after != before
        assert "already" in do("apply", out, plain).err and listing(plain) == after
        ok("revert", out, plain)
        assert listing(plain) == before
        assert "does not have" in do("revert", out, plain).err and listing(plain) == before

    def test_only_the_work_tree_changes(self, repo: Path, of_repo: Path) -> None:
        ok("apply", of_repo, repo)
        assert git(repo, "diff", "--cached", "--name-only") == ""
        assert git(repo, "diff", "--name-only").split() == CHANGED
        ok("revert", of_repo, repo)
        assert git(repo, "status", "--porcelain") == ""

    def test_own_patch_that_adds_a_file(self, plain: Path, tmp_path: Path) -> None:
        own = tmp_path / "patches"
        own.mkdir()
        (own / "wait.yml").write_text(
            "id: add-wait\nversion: 2\ndate: 2026-01-02\ntitle: Add a file\nwhy: It is missing.\n"
            "references: []\noperations:\n"
            "  - add-file: {path: roles/kubernetes-apps/wait/tasks/main.yml, template: wait.txt}\n"
        )
        (own / "wait.txt").write_text("# Nothing yet.\n[]\n")
        words = ("--patch-dir", own)
        out, before = tmp_path / "o", listing(plain)
        ok("create", *words, "--only", "add-wait", plain, out)
        assert [(file.before, file.mode) for file in read_manifest(out / "overlay.yml").files] == [
            (None, "100644")
        ]
        assert "    added    roles/kubernetes-apps/wait" in (out / "README.md").read_text()
        ok("apply", out, plain, *words)
        assert (plain / "roles/kubernetes-apps/wait/tasks/main.yml").is_file()
        result = do("verify", out, plain)
        assert result.code == 0 and "add-wait: this semantic patch is not known" in result.err
        assert do("verify", out, plain, *words).err == ""
        assert "--patch-dir" in refused(2, tmp_path, "refresh", out, plain)
        assert "still needed" in ok("refresh", out, plain, *words)
        ok("revert", out, plain)
        assert listing(plain) == before
        assert "add-wait: dropped" in ok("refresh", out, plain, "--without", "add-wait")


def edit_overlay(plain: Path, out: Path) -> None:
    (out / "originals" / META).write_bytes(b"edited\n")


def lose_a_file(plain: Path, out: Path) -> None:
    (out / "files" / META).unlink()


def lay_some(plain: Path, out: Path) -> None:
    shutil.copy(out / "files" / META, plain / META)


def change_below(plain: Path, out: Path) -> None:
    change(plain / CLUSTER, USE, USE.replace(b"tags:", b"tags :"))


def change_beside(plain: Path, out: Path) -> None:
    """Another file that the playbook imports runs the approver, too."""
    with (plain / "playbooks/boilerplate.yml").open("ab") as file:
        file.write(b"\n- name: More\n  hosts: kube_control_plane[0]\n  roles:\n" + USE)


STATES: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "drifted": ("drifted", edit_overlay),
    "missing": ("missing", lose_a_file),
    "missing-all": ("missing", lambda plain, out: shutil.rmtree(out)),
    "partial": ("partial", lay_some),
    "stale": ("stale", change_below),
    "stale-beside": ("stale", change_beside),
}

NEXT = {
    "drifted": "refresh --force {out} {plain}", "missing": "refresh --force {out} {plain}",
    "missing-all": "create {plain} {out}", "partial": "apply {out} {plain}",
    "stale": "refresh {out} {plain}", "stale-beside": "refresh {out} {plain}",
}  # fmt: skip


class TestVerify:
    def test_clean(self, plain: Path, out: Path) -> None:
        report = verified(out, plain)
        assert list(report) == ["schema", "base", "overlay", "state", "reason", "files", "next"]
        assert report["schema"] == "kubespray-patchgen/overlay-verify/1"
        assert report["base"] == {"name": str(plain), "commit": None}
        assert report["overlay"]["tree"] == read_manifest(out / "overlay.yml").base.tree
        assert (report["state"], report["reason"]) == ("clean", None)
        assert report["files"] == [{"path": path, "state": "clean"} for path in CHANGED]
        assert report["next"] == f"kubespray-patchgen overlay apply {out} {plain}"

    def test_applied(self, plain: Path, out: Path) -> None:
        ok("apply", out, plain)
        report = verified(out, plain)
        assert (report["state"], report["next"]) == ("applied", None)
        assert ok("verify", out, plain) == "applied: the tree has the overlay\n"
        assert ok("verify", out, cwd=plain) == "applied: the tree has the overlay\n"

    @pytest.mark.parametrize("case", STATES)
    def test_state(self, case: str, plain: Path, out: Path, tmp_path: Path) -> None:
        expected, cause = STATES[case]
        cause(plain, out)
        before = listing(tmp_path)
        report = verified(out, plain)
        result = do("verify", out, plain)
        assert listing(tmp_path) == before
        assert (report["state"], result.code) == (expected, 1)
        lines = result.out.decode().splitlines()
        assert lines[0].startswith(f"{expected}: ") and report["reason"]
        following = NEXT[case].format(out=out, plain=plain)
        assert lines[-1] == f"next: kubespray-patchgen overlay {following}"
        assert report["next"] == f"kubespray-patchgen overlay {following}"
        named = {file["path"]: file["state"] for file in report["files"]}
        if case == "drifted":
            assert named[f"originals/{META}"] == "drifted" and named[META] == "clean"
        if case == "missing":
            assert named[f"files/{META}"] == "missing"
        if case == "partial":
            assert named == {CLUSTER: "clean", META: "applied"}
        if case == "stale":
            assert named == {CLUSTER: "stale", META: "clean"}
            assert f"  {CLUSTER}: stale (the tree has another version of it)" in lines
        if case == "stale-beside":
            assert "stale" not in named.values() and "boilerplate.yml" in lines[0]

    def test_what_is_next_works(self, plain: Path, out: Path) -> None:
        """Every command that verify names leads to a good state in the end."""
        for case, (_, cause) in STATES.items():
            if case == "stale-beside":
                # A person must say which of the two is meant.
                continue
            if not out.exists():
                ok("create", plain, out)
            cause(plain, out)
            for _ in range(3):
                following = verified(out, plain)["next"]
                if following is not None:
                    words = following.split()
                    assert run(*words[1:]).code == 0, words
            assert state(out, plain) == "applied"
            ok("revert", out, plain)

    def test_revision(self, repo: Path, of_repo: Path) -> None:
        report = verified(of_repo, repo, "--rev", "v1")
        assert report["state"] == "clean" and report["next"] is None
        assert report["base"] == {"name": "v1", "commit": git(repo, "rev-parse", "v1")}
        change_below(repo, of_repo)
        commit_all(repo)
        assert state(of_repo, repo, "--rev", "v1") == "clean"
        following = verified(of_repo, repo, "--rev", "HEAD")["next"]
        assert following.endswith(f"refresh {of_repo} {repo} --rev HEAD")

    def test_committed(self, repo: Path, of_repo: Path) -> None:
        ok("apply", of_repo, repo)
        commit_all(repo, "Overlay")
        assert state(of_repo, repo) == state(of_repo, repo, "--rev", "HEAD") == "applied"

    def test_other_version_of_a_patch(self, plain: Path, out: Path) -> None:
        change(
            out / "overlay.yml",
            b"approver-tolerations\n    version: 1",
            b"approver-tolerations\n    version: 0",
        )
        result = do("verify", out, plain)
        assert result.code == 0 and "has version 0, this program 1" in result.err

    def test_no_kubespray(self, out: Path, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        assert "not a Kubespray tree" in refused(2, tmp_path, "verify", out, tmp_path / "other")

    def test_line_with_control_characters(self, plain: Path, out: Path) -> None:
        (out / "files/\x1b[2J").write_text("")
        result = do("verify", out, plain)
        assert result.code == 1 and b"\x1b" not in result.out and b"\\x1b[2J" in result.out

    @pytest.mark.parametrize("command", COMMANDS)
    def test_bad_record(self, command: str, plain: Path, out: Path, tmp_path: Path) -> None:
        change(out / "overlay.yml", CLUSTER.encode(), b"../../../etc/passwd")
        words = (plain, out) if command == "create" else (out, plain)
        said = refused(2, tmp_path, command, *words)
        assert f"{out}/overlay.yml:" in said and "plain path inside the tree" in said


class TestApply:
    @pytest.mark.parametrize(
        ("cause", "code"),
        [
            (edit_overlay, 3), (lose_a_file, 2), (change_below, 3), (change_beside, 3),
            (lambda plain, out: shutil.rmtree(out), 2),
        ],
    )  # fmt: skip
    def test_refused(
        self, cause: Callable[[Path, Path], None], code: int, plain: Path, out: Path, tmp_path: Path
    ) -> None:
        cause(plain, out)
        said = refused(code, tmp_path, "apply", out, plain)
        if cause is change_below:
            assert CLUSTER in said and "--3way" in said and "overlay refresh" in said

    def test_partial(self, plain: Path, out: Path) -> None:
        lay_some(plain, out)
        assert do("apply", out, plain).err == f"changed {CLUSTER}\n"
        assert state(out, plain) == "applied"

    def test_through_a_link(self, plain: Path, out: Path, tmp_path: Path) -> None:
        """A folder of the tree leads out of it; nothing is read or written there."""
        folder = plain / META.rpartition("/")[0]
        folder.rename(tmp_path / "outside")
        folder.symlink_to(tmp_path / "outside")
        assert verified(out, plain)["state"] == "stale"
        for words in ((), ("--3way",)):
            said = refused(3, tmp_path, "apply", out, plain, *words)
            assert "symbolic link" in said and META in said
        assert "symbolic link" in refused(3, tmp_path, "revert", out, plain)

    def test_file_is_a_link(self, plain: Path, out: Path, tmp_path: Path) -> None:
        (plain / META).rename(tmp_path / "outside.yml")
        (plain / META).symlink_to(tmp_path / "outside.yml")
        for words in ((), ("--3way",)):
            assert "symbolic link" in refused(3, tmp_path, "apply", out, plain, *words)

    def test_bare_repository(self, repo: Path, of_repo: Path, tmp_path: Path) -> None:
        bare = clone(repo, tmp_path / "bare.git", "--bare")
        assert "bare repository" in refused(2, tmp_path, "apply", of_repo, bare)
        assert do("apply", of_repo, repo, "--rev", "v1").code == 2
        assert do("apply", of_repo, repo, "--force").code == 2

    def test_executable_bit(self, plain: Path, tmp_path: Path) -> None:
        (plain / META).chmod(0o755)
        before = listing(plain)
        ok("create", plain, tmp_path / "o")
        assert (tmp_path / "o/files" / META).stat().st_mode & 0o777 == 0o755
        ok("apply", tmp_path / "o", plain)
        assert (plain / META).stat().st_mode & 0o777 == 0o755
        ok("revert", tmp_path / "o", plain)
        assert listing(plain) == before
        (plain / META).chmod(0o644)
        assert state(tmp_path / "o", plain) == "stale"

    def test_file_system_without_modes(self, repo: Path, of_repo: Path) -> None:
        git(repo, "config", "core.fileMode", "false")
        for path in CHANGED:
            (repo / path).chmod(0o755)
        assert state(of_repo, repo) == "clean"
        ok("apply", of_repo, repo)
        assert state(of_repo, repo) == "applied"

    def test_crlf(self, plain: Path, tmp_path: Path) -> None:
        """In a plain directory bytes are bytes."""
        for path in CHANGED:
            (plain / path).write_bytes((plain / path).read_bytes().replace(b"\n", b"\r\n"))
        before = listing(plain)
        ok("create", plain, tmp_path / "o")
        ok("apply", tmp_path / "o", plain)
        for path in CHANGED:
            data = (plain / path).read_bytes()
            assert data.count(b"\n") == data.count(b"\r\n")
        ok("revert", tmp_path / "o", plain)
        assert listing(plain) == before

    def test_autocrlf(
        self, repo: Path, of_repo: Path, tmp_path: Path, files: dict[str, bytes]
    ) -> None:
        """Git's line endings are compared, those on disk are written."""
        windows = clone(repo, tmp_path / "windows", "-c", "core.autocrlf=true")
        before = contents(windows)
        assert b"\r\n" in (windows / CLUSTER).read_bytes()
        assert state(of_repo, windows) == "clean"
        ok("apply", of_repo, windows)
        for path in CHANGED:
            expected = patched(files)[path].replace(b"\n", b"\r\n")
            assert (windows / path).read_bytes() == expected
        assert state(of_repo, windows) == "applied"
        ok("revert", of_repo, windows)
        assert contents(windows) == before and git(windows, "status", "--porcelain") == ""

    def test_git_keeps_an_overlay_byte_for_byte(
        self, plain: Path, out: Path, tmp_path: Path
    ) -> None:
        before = listing(out)
        commit_all(out, init=True)
        windows = clone(out, tmp_path / "windows", "-c", "core.autocrlf=true")
        shutil.rmtree(windows / ".git")
        assert listing(windows) == before
        ok("apply", windows, plain)

    def test_overlay_in_an_autocrlf_repository(
        self, plain: Path, out: Path, tmp_path: Path
    ) -> None:
        """The overlay's own files may have got other line endings on checkout, too."""
        # Somebody took out what keeps git from that.
        (out / ".gitattributes").unlink()
        commit_all(out, init=True)
        windows = clone(out, tmp_path / "windows", "-c", "core.autocrlf=true")
        shutil.rmtree(out)
        outer = tmp_path / "outer"
        shutil.copytree(windows, outer / "overlay", ignore=shutil.ignore_patterns(".git"))
        git(outer, "init", "--quiet")
        git(outer, "config", "core.autocrlf", "true")
        git(outer, "add", "--all")
        assert b"\r\n" in (outer / "overlay/files" / CLUSTER).read_bytes()
        ok("apply", outer / "overlay", plain)
        assert b"\r\n" not in (plain / CLUSTER).read_bytes()


class TestThreeWay:
    TOP = b"# Ours, at the top.\n"

    def upstream(self, top: Path) -> None:
        """Change the overlay's file far from what it changes."""
        (top / CLUSTER).write_bytes(self.TOP + (top / CLUSTER).read_bytes())

    def test_merged(self, repo: Path, of_repo: Path, files: dict[str, bytes]) -> None:
        self.upstream(repo)
        commit_all(repo, "Upstream")
        refused(3, repo, "apply", of_repo, repo)
        result = do("apply", of_repo, repo, "--3way")
        assert result.code == 0 and "overlay refresh" in result.err
        assert (repo / CLUSTER).read_bytes() == self.TOP + patched(files)[CLUSTER]
        assert (repo / META).read_bytes() == patched(files)[META]
        assert git(repo, "diff", "--name-only").split() == CHANGED
        # What it advises.
        ok("refresh", of_repo, repo, "--rev", "HEAD")
        assert state(of_repo, repo) == "applied"

    def test_as_git_merges(self, repo: Path, of_repo: Path, tmp_path: Path) -> None:
        diff = patch(repo, "--format", "diff")
        self.upstream(repo)
        commit_all(repo, "Upstream")
        other = clone(repo, tmp_path / "other")
        git(other, "apply", "--3way", data=diff)
        ok("apply", of_repo, repo, "--3way")
        git(repo, "add", "--all")
        assert git(repo, "write-tree") == git(other, "write-tree")

    def test_plain_directory(self, plain: Path, out: Path, files: dict[str, bytes]) -> None:
        self.upstream(plain)
        ok("apply", out, plain, "--3way")
        assert (plain / CLUSTER).read_bytes() == self.TOP + patched(files)[CLUSTER]

    def test_autocrlf(
        self, repo: Path, of_repo: Path, tmp_path: Path, files: dict[str, bytes]
    ) -> None:
        self.upstream(repo)
        commit_all(repo, "Upstream")
        windows = clone(repo, tmp_path / "windows", "-c", "core.autocrlf=true")
        ok("apply", of_repo, windows, "--3way")
        expected = (self.TOP + patched(files)[CLUSTER]).replace(b"\n", b"\r\n")
        assert (windows / CLUSTER).read_bytes() == expected

    def test_not_stale(self, plain: Path, out: Path) -> None:
        """Without need it is as without the option."""
        assert "Merged" not in do("apply", out, plain, "--3way").err
        assert state(out, plain) == "applied"
        assert "already" in do("apply", out, plain, "--3way").err

    def test_conflict(self, repo: Path, of_repo: Path) -> None:
        change(repo / CLUSTER, USE, USE.replace(b"tags: kubelet", b"tags: our-kubelet"))
        commit_all(repo, "Upstream")
        said = refused(3, repo, "apply", of_repo, repo, "--3way")
        line = (repo / CLUSTER).read_bytes().split(b"our-kubelet")[0].count(b"\n") + 1
        found = re.search(re.escape(CLUSTER) + r":(\d+): ", said)
        # Git's conflict begins at most at the unchanged line before.
        assert found and abs(int(found[1]) - line) <= 1 and "1 conflict" in said

    def test_gone(self, repo: Path, of_repo: Path) -> None:
        (repo / META).unlink()
        commit_all(repo, "Upstream")
        said = refused(3, repo, "apply", of_repo, repo, "--3way")
        assert f"{META}:1: this cannot be merged" in said

    def test_uncommitted(self, repo: Path, of_repo: Path, files: dict[str, bytes]) -> None:
        self.upstream(repo)
        said = refused(3, repo, "apply", of_repo, repo, "--3way")
        assert "uncommitted changes" in said and CLUSTER in said and "--force" in said
        ok("apply", of_repo, repo, "--3way", "--force")
        assert (repo / CLUSTER).read_bytes() == self.TOP + patched(files)[CLUSTER]

    def test_merges_but_is_wrong(self, repo: Path, of_repo: Path) -> None:
        """Upstream runs the approver a second time, which no merge of lines sees."""
        more = b"- name: Early\n  hosts: kube_control_plane[0]\n  roles:\n" + USE + b"\n"
        data = (repo / CLUSTER).read_bytes()
        at = data.index(b"- name: ")
        (repo / CLUSTER).write_bytes(data[:at] + more + data[at:])
        commit_all(repo, "Upstream")
        said = refused(3, repo, "apply", of_repo, repo, "--3way")
        assert "not what the patches want" in said

    def test_merges_to_no_yaml(
        self, repo: Path, of_repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.upstream(repo)
        commit_all(repo, "Upstream")
        monkeypatch.setattr("generator.overlay.merge.merge", lambda *_: b"a: [\n")
        assert f"{CLUSTER}:" in refused(3, repo, "apply", of_repo, repo, "--3way")


class TestRevert:
    def test_stale(self, plain: Path, out: Path, tmp_path: Path) -> None:
        ok("apply", out, plain)
        (plain / META).write_bytes(b"other\n")
        assert META in refused(3, tmp_path, "revert", out, plain)

    def test_edited_original(self, plain: Path, out: Path, tmp_path: Path) -> None:
        ok("apply", out, plain)
        edit_overlay(plain, out)
        assert f"originals/{META}" in refused(3, tmp_path, "revert", out, plain)

    def test_missing(self, plain: Path, out: Path, tmp_path: Path) -> None:
        shutil.rmtree(out)
        assert "overlay create" in refused(2, tmp_path, "revert", out, plain)

    def test_a_change_beside_does_not_matter(self, plain: Path, out: Path) -> None:
        change_beside(plain, out)
        before = listing(plain)
        shutil.copytree(out / "files", plain, dirs_exist_ok=True)
        ok("revert", out, plain)
        assert {path: found[1] for path, found in listing(plain).items()} == {
            path: found[1] for path, found in before.items()
        }


class TestRefresh:
    def report(self, *words: str | Path) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(ok("refresh", *words, "--format", "json"))
        return report

    def test_nothing_changes(self, repo: Path, of_repo: Path) -> None:
        before = listing(of_repo)
        said = ok("refresh", of_repo, repo)
        assert said.endswith("The overlay is up to date; nothing was changed.\n")
        assert listing(of_repo) == before

    def test_new_base(self, repo: Path, of_repo: Path) -> None:
        old = read_manifest(of_repo / "overlay.yml").base
        change(repo / CLUSTER, USE, b"    # Upstream's.\n" + USE)
        commit_all(repo, "Upstream")
        report = self.report(of_repo, repo)
        assert report["schema"] == "kubespray-patchgen/overlay-refresh/1"
        assert report["base"]["from"]["commit"] == old.commit
        assert report["base"]["to"]["commit"] == git(repo, "rev-parse", "HEAD")
        assert [one["state"] for one in report["patches"]] == ["still needed"] * 2
        assert report["files"] == {
            "changed": [CLUSTER], "added": [], "dropped": [], "unchanged": [META],
        }  # fmt: skip
        assert (report["replaced"], report["empty"]) == (True, False)
        again = self.report(of_repo, repo)
        assert not again["replaced"] and again["files"]["unchanged"] == CHANGED
        ok("apply", of_repo, repo)
        assert state(of_repo, repo) == "applied"

    @pytest.mark.parametrize("commit", [False, True])
    def test_applied(self, repo: Path, of_repo: Path, commit: bool) -> None:
        """What the tree has of the overlay is seen as it was before; the base's tree, too."""
        ok("apply", of_repo, repo)
        if commit:
            commit_all(repo, "Overlay")
        old = read_manifest(of_repo / "overlay.yml")
        report = self.report(of_repo, repo)
        new = read_manifest(of_repo / "overlay.yml")
        assert report["replaced"] == commit
        assert (new.files, new.patches, new.base.tree) == (old.files, old.patches, old.base.tree)
        assert not new.base.uncommitted
        assert state(of_repo, repo) == "applied"

    def test_applied_to_a_directory(self, plain: Path, out: Path) -> None:
        before = listing(out)
        ok("apply", out, plain)
        assert not self.report(out, plain)["replaced"]
        assert listing(out) == before

    def test_upstream_has_it_and_back(self, repo: Path, of_repo: Path) -> None:
        patch(repo, "--commit", "--only", "approver-after-ccm")
        first = self.report(of_repo, repo)
        assert [one["state"] for one in first["patches"]] == ["unnecessary now", "still needed"]
        assert first["patches"][0]["reasons"] and not first["patches"][0]["needed"]
        assert first["files"]["dropped"] == [CLUSTER]
        assert not (of_repo / "files" / CLUSTER).exists()
        second = self.report(of_repo, repo)
        assert second["patches"][0]["state"] == "still unnecessary" and not second["replaced"]
        back = self.report(of_repo, repo, "--rev", "v1")
        assert [one["state"] for one in back["patches"]] == ["needed again", "still needed"]
        assert back["files"]["added"] == [CLUSTER]

    def test_release_has_the_very_files(
        self, repo: Path, of_repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What upstream released is upstream's own, not this overlay laid over something."""
        patch(repo, "--commit")
        git(repo, "tag", "v2")
        monkeypatch.setenv("KUBESPRAY_URL", str(repo))
        report = self.report(of_repo, "--release", "v2")
        assert [one["state"] for one in report["patches"]] == ["unnecessary now"] * 2
        assert report["empty"]

    def test_nothing_is_left(self, repo: Path, of_repo: Path) -> None:
        patch(repo, "--commit")
        shutil.rmtree(of_repo)
        ok("create", "--rev", "v1", repo, of_repo)
        # Not by this overlay's files: they are upstream's now, in other words.
        for path in CHANGED:
            (repo / path).write_bytes((repo / path).read_bytes() + b"# Upstream's.\n")
        commit_all(repo, "Upstream")
        report = self.report(of_repo, repo)
        assert report["empty"] and report["files"]["dropped"] == CHANGED
        assert "Delete it." in ok("refresh", of_repo, repo)

    def test_with_and_without(self, plain: Path, out: Path) -> None:
        words = ("--without", "approver-after-ccm", "--with", "backport-12141")
        report = self.report(out, plain, *words)
        assert {one["id"]: one["state"] for one in report["patches"]} == {
            "approver-tolerations": "still needed", "backport-12141": "new",
            "approver-after-ccm": "dropped",
        }  # fmt: skip
        # It is a default one, but the other excludes it.
        assert report["new_patches"] == []
        again = self.report(out, plain)
        assert not again["replaced"]

    def test_new_default_patch_is_named(self, plain: Path, out: Path) -> None:
        ok("create", "--only", "approver-tolerations", plain, out)
        said = ok("refresh", out, plain)
        assert "new: approver-after-ccm; add it with --with approver-after-ccm\n" in said
        assert self.report(out, plain, "--with", "approver-after-ccm")["new_patches"] == []

    def test_edited(self, plain: Path, out: Path, tmp_path: Path) -> None:
        good = listing(out)
        edit_overlay(plain, out)
        assert f"originals/{META}" in refused(3, tmp_path, "refresh", out, plain)
        assert self.report(out, plain, "--force")["replaced"]
        assert listing(out) == good

    def test_edited_and_applied(self, plain: Path, out: Path, tmp_path: Path) -> None:
        """The files from before are gone, so they cannot be made up."""
        ok("apply", out, plain)
        edit_overlay(plain, out)
        said = refused(3, tmp_path, "refresh", out, plain, "--force")
        assert f"originals/{META}" in said

    def test_missing(self, plain: Path, out: Path, tmp_path: Path) -> None:
        shutil.rmtree(out)
        assert "overlay create" in refused(2, tmp_path, "refresh", out, plain)

    def test_foreign(self, plain: Path, out: Path, tmp_path: Path) -> None:
        (out / "notes.txt").write_text("mine")
        assert "notes.txt" in refused(2, tmp_path, "refresh", out, plain, "--force")

    def test_patch_that_is_not_known(self, plain: Path, out: Path, tmp_path: Path) -> None:
        change(out / "overlay.yml", b"id: approver-after-ccm", b"id: our-own")
        said = refused(2, tmp_path, "refresh", out, plain)
        assert "'our-own'" in said and "--patch-dir" in said and "--without our-own" in said
        assert "our-own: dropped" in ok("refresh", out, plain, "--without", "our-own")


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str) -> None:
    text = ok(name, "--help")
    for part in ("Usage: kubespray-patchgen overlay", "Example", "Exit codes:", "  130  inter"):
        assert part in text, part


def test_record_of_another_program_version(plain: Path, out: Path) -> None:
    """What this program reads it writes again, byte for byte."""
    text = (out / "overlay.yml").read_text()
    assert manifest_text(read_manifest(out / "overlay.yml")) == text
