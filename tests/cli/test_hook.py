"""`hook check` and `hook fix`: what is staged counts, and nothing else is touched."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    Result,
    clone,
    commit_all,
    environment,
    git,
    listing,
    patched,
    run,
    start,
    write_tree,
)
from generator.tree.sample import sample_files

DEFAULTS = "roles/kubernetes-apps/kubelet-csr-approver/defaults/main.yml"
CCM = "approver-after-ccm"
TOLERATIONS = "approver-tolerations"
HERE = f"{shlex.quote(sys.executable)} -m generator"

_APPROVED = """\
all:
  hosts:
    node1:
  children:
    kube_control_plane:
      hosts:
        node1:
"""
BLOCKS = (
    "cloud_provider: external\nexternal_cloud_provider: vsphere\n"
    "kubelet_rotate_server_certificates: true\n"
)
HARMLESS = "cloud_provider: ''\nkubelet_rotate_server_certificates: false\n"


def cure(top: Path, files: dict[str, bytes], *paths: str) -> None:
    """Write the files of the sample as the default series leaves them."""
    after = patched(files)
    write_tree(top, {path: after[path] for path in paths or CHANGED})


def spoil(top: Path, files: dict[str, bytes], *paths: str) -> None:
    """Write the files as they are before a patch."""
    write_tree(top, {path: files[path] for path in paths or CHANGED})


def check(where: Path, *options: str | Path) -> Result:
    return run("hook", "check", *options, cwd=where)


def fix(where: Path, *options: str | Path) -> Result:
    return run("hook", "fix", *options, cwd=where)


def silent(result: Result) -> bool:
    """Tell whether a run found nothing, and said nothing."""
    return (result.code, result.out, result.err) == (0, b"", "")


def found(result: Result) -> bool:
    """Tell whether a check found the deadlock, and nothing went wrong otherwise."""
    return result.code == 1 and b"[deadlock-order]" in result.out and b"Checked " in result.out


def told(result: Result, *parts: str) -> None:
    """The run refused with one or two sentences that hold these parts."""
    assert result.code == 2 and result.out == b"", result
    for part in parts:
        assert part in result.err, (part, result.err)
    assert "Traceback" not in result.err and result.err.count("\n") == 1


def changes(before: dict[str, tuple[int, str]], top: Path) -> set[str]:
    """Return the paths that are not as they were."""
    after = listing(top)
    return {path for path in before | after if before.get(path) != after.get(path)}


def install(repository: Path, script: str) -> None:
    """Make a script the pre-commit hook of a repository."""
    hook = Path(git(repository, "rev-parse", "--path-format=absolute", "--git-path", "hooks"))
    hook.mkdir(exist_ok=True)
    (hook / "pre-commit").write_text(f"#!/bin/sh\n{script}\n".replace("kubespray-patchgen", HERE))
    (hook / "pre-commit").chmod(0o755)


def committing(where: Path, *arguments: str) -> Result:
    """Run a git command whose hook runs the program; it may fail."""
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=environment(), capture_output=True, timeout=120
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


class TestWhatIsStaged:
    """The index is checked: not the work tree, not the last commit."""

    def test_finds_what_blocks(self, repo: Path) -> None:
        before = listing(repo)
        result = check(repo)
        assert found(result)
        assert b"Checked what is staged" in result.out and b"playbooks/cluster.yml:52" in result.out
        assert "patch --apply" in result.err
        assert changes(before, repo) == set()

    def test_the_same_findings_as_check(self, repo: Path) -> None:
        """The report is that of `check`, but for the name of what was checked."""
        ours, plain = check(repo).out, run("check", repo).out
        assert ours.split(b"\n", 1)[1] == plain.split(b"\n", 1)[1]

    def test_nothing_to_say_of_a_cured_tree(self, repo: Path, files: dict[str, bytes]) -> None:
        cure(repo, files)
        commit_all(repo)
        before = listing(repo)
        assert silent(check(repo)) and silent(fix(repo))
        assert changes(before, repo) == set()

    def test_bad_in_the_work_tree_only(self, repo: Path, files: dict[str, bytes]) -> None:
        cure(repo, files)
        commit_all(repo)
        (repo / DEFAULTS).write_bytes((repo / DEFAULTS).read_bytes() + b"# more\n")
        git(repo, "add", DEFAULTS)
        spoil(repo, files)
        assert silent(check(repo))
        assert silent(fix(repo))
        assert (repo / CLUSTER).read_bytes() == files[CLUSTER]

    def test_bad_in_the_index_only(self, repo: Path, files: dict[str, bytes]) -> None:
        cure(repo, files)
        commit_all(repo)
        spoil(repo, files)
        git(repo, "add", ".")
        cure(repo, files)
        assert found(check(repo))

    def test_untracked_files_have_no_say(self, repo: Path) -> None:
        """Without its meta/main.yml the approver's role installs nothing."""
        git(repo, "rm", "--quiet", "--cached", META)
        assert silent(check(repo))
        git(repo, "commit", "--quiet", "--message=Without")
        assert silent(check(repo))
        git(repo, "add", META)
        assert found(check(repo))

    def test_work_tree_without_its_files(self, repo: Path) -> None:
        for path in CHANGED:
            (repo / path).unlink()
        assert found(check(repo))

    def test_intent_to_add_is_not_staged(self, repo: Path, files: dict[str, bytes]) -> None:
        """git add -N: the commit will not hold the file, so neither does what is checked."""
        git(repo, "rm", "--quiet", "--cached", META)
        git(repo, "commit", "--quiet", "--message=Without")
        cure(repo, files, CLUSTER)
        git(repo, "add", CLUSTER)
        assert silent(check(repo)) and silent(fix(repo))
        git(repo, "add", "--intent-to-add", META)
        assert silent(check(repo)) and silent(fix(repo))

    def test_settings_of_the_user_do_not_matter(self, repo: Path, files: dict[str, bytes]) -> None:
        cure(repo, files, CLUSTER)
        git(repo, "add", CLUSTER)
        (repo / CLUSTER).write_bytes((repo / CLUSTER).read_bytes() + b"# more\n")
        mark = repo.parent / "ran"
        for name, value in {
            "diff.relative": "true", "diff.noprefix": "true", "diff.external": f"touch {mark}",
            "diff.ignoreSubmodules": "all", "color.ui": "always", "core.quotePath": "true",
            "diff.renames": "copies", "core.fsmonitor": f"touch {mark}", "diff.context": "0",
            "core.hooksPath": str(mark),
        }.items():  # fmt: skip
            git(repo, "config", name, value)
        assert silent(check(repo))
        assert fix(repo).code == 1
        assert (repo / META).read_bytes() == patched(files)[META]
        assert not mark.exists()


class TestWhatWakes:
    """A commit that changes nothing that can matter ends at once, however bad the tree is."""

    @pytest.fixture
    def broken(self, repo: Path) -> Path:
        """Return a repository whose committed tree cannot be read: who looks at it ends with 2."""
        (repo / CLUSTER).write_text("{ no yaml\n")
        (repo / "docs").mkdir()
        (repo / "docs/cluster.md").write_text("text\n")
        (repo / "roles/kubernetes-apps/OWNERS").write_text("me\n")
        commit_all(repo)
        return repo

    @pytest.mark.parametrize("path", [
        "README.md", "docs/cluster.md", "docs/new.md", "roles/kubernetes-apps/OWNERS", ".gitignore",
        ".gitlab-ci.yml", "inventory/mine/hosts.ini",
    ])  # fmt: skip
    def test_unaffected(self, broken: Path, path: str) -> None:
        (broken / path).parent.mkdir(parents=True, exist_ok=True)
        (broken / path).write_text("changed\n")
        git(broken, "add", "--all")
        assert silent(check(broken)) and silent(check(broken, "--strict")) and silent(fix(broken))

    @pytest.mark.parametrize("path", [
        "ansible.cfg", "cluster.yml", DEFAULTS, "roles/new/tasks/main.yml", "galaxy.yml",
        "roles/kubernetes-apps/external_cloud_controller/vsphere/templates/new.yml.j2",
        "extra_playbooks/upgrade-only-k8s.yml", "upgrade-cluster.yml",
        "roles/kubernetes-apps/meta/main.yml",
    ])  # fmt: skip
    def test_affected(self, broken: Path, path: str) -> None:
        (broken / path).parent.mkdir(parents=True, exist_ok=True)
        before = (broken / path).read_bytes() if (broken / path).exists() else b""
        (broken / path).write_bytes(before + b"# changed\n")
        git(broken, "add", "--all")
        told(check(broken), f"{CLUSTER}:")

    def test_nothing_is_staged(self, broken: Path) -> None:
        """So it is with `pre-commit run --all-files`: everything is looked at."""
        told(check(broken), f"{CLUSTER}:")
        told(fix(broken), f"{CLUSTER}:")

    def test_deleted(self, broken: Path) -> None:
        git(broken, "rm", "--quiet", "docs/cluster.md")
        assert silent(check(broken))
        git(broken, "rm", "--quiet", DEFAULTS)
        told(check(broken), f"{CLUSTER}:")

    @pytest.mark.parametrize(
        "names", [(DEFAULTS, "old.txt"), ("README.md", "roles/new/tasks/main.yml")]
    )
    def test_renamed(self, broken: Path, names: tuple[str, str]) -> None:
        """Both names of a file count, whatever git thinks of renames."""
        (broken / names[1]).parent.mkdir(parents=True, exist_ok=True)
        git(broken, "mv", *names)
        told(check(broken), f"{CLUSTER}:")

    def test_another_mode(self, broken: Path) -> None:
        git(broken, "update-index", "--chmod=+x", DEFAULTS)
        told(check(broken), f"{CLUSTER}:")

    def test_all_files_are_wanted_while_something_else_is_staged(
        self, broken: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """pre-commit has chosen by `files:`, and says that it is there (PRE_COMMIT=1)."""
        (broken / "README.md").write_text("changed\n")
        git(broken, "add", "--all")
        monkeypatch.setenv("PRE_COMMIT", "1")
        told(check(broken), f"{CLUSTER}:")
        told(fix(broken), f"{CLUSTER}:")

    @pytest.mark.parametrize("name", [
        'ä"\t\\x', "a\nb",
    ])  # fmt: skip
    def test_names_that_git_quotes(self, broken: Path, name: str) -> None:
        write_tree(broken, {f"roles/{name}/tasks/main.yml": b"[]\n"})
        git(broken, "add", "--all")
        told(check(broken), f"{CLUSTER}:")

    def test_names_that_are_no_text(self, broken: Path) -> None:
        folder = broken / os.fsdecode(b"roles/\xff\xfe/tasks")
        folder.mkdir(parents=True)
        (folder / "main.yml").write_text("[]\n")
        git(broken, "add", "--all")
        told(check(broken), f"{CLUSTER}:")


class TestFix:
    """The work tree gets what the patches change; the index stays."""

    def test_changes_two_files(self, repo: Path, files: dict[str, bytes]) -> None:
        before = listing(repo)
        result = fix(repo)
        assert (result.code, result.out) == (1, b"")
        assert all(f"changed {path}\n" in result.err for path in CHANGED)
        assert CCM in result.err and TOLERATIONS in result.err
        assert changes(before, repo) == set(CHANGED)
        assert {path: (repo / path).read_bytes() for path in CHANGED} == patched(files)
        git(repo, "add", "--update")
        assert silent(fix(repo)) and silent(check(repo))

    def test_again_before_staging(self, repo: Path, files: dict[str, bytes]) -> None:
        fix(repo)
        before = listing(repo)
        result = fix(repo)
        assert result.code == 1 and "tage" in result.err
        assert changes(before, repo) == set()

    def test_modes_are_kept(self, repo: Path, files: dict[str, bytes]) -> None:
        git(repo, "update-index", "--chmod=+x", CLUSTER)
        (repo / CLUSTER).chmod(0o755)
        (repo / META).chmod(0o640)
        git(repo, "commit", "--quiet", "--message=Mode")
        assert fix(repo).code == 1
        assert (repo / CLUSTER).stat().st_mode & 0o777 == 0o755
        assert (repo / META).stat().st_mode & 0o777 == 0o640
        assert {path: (repo / path).read_bytes() for path in CHANGED} == patched(files)
        assert "mode" not in git(repo, "diff", "--summary")

    def test_only_one(self, repo: Path, files: dict[str, bytes]) -> None:
        before = listing(repo)
        assert fix(repo, "--only", TOLERATIONS).code == 1
        assert changes(before, repo) == {META}
        git(repo, "add", ".")
        assert silent(fix(repo, "--only", TOLERATIONS))
        result = fix(repo, "--without", TOLERATIONS)
        assert result.code == 1 and (repo / CLUSTER).read_bytes() == patched(files)[CLUSTER]

    @pytest.mark.parametrize(("path", "other", "left"), [
        (CLUSTER, META, CCM), (META, CLUSTER, TOLERATIONS),
    ])  # fmt: skip
    def test_partly_staged(
        self, repo: Path, files: dict[str, bytes], path: str, other: str, left: str
    ) -> None:
        (repo / path).write_bytes(files[path] + b"# staged\n")
        git(repo, "add", path)
        (repo / path).write_bytes(files[path] + b"# staged\n# not staged\n")
        before = listing(repo)
        result = fix(repo)
        assert result.code == 1
        assert f"{left}: {path} has other content in the work tree than is staged" in result.err
        assert f"changed {other}" in result.err and f"changed {path}" not in result.err
        assert changes(before, repo) == {other}
        assert (repo / other).read_bytes() == patched(files)[other]

    def test_both_partly_staged(self, repo: Path, files: dict[str, bytes]) -> None:
        for path in CHANGED:
            (repo / path).write_bytes(files[path] + b"# not staged\n")
        before = listing(repo)
        result = fix(repo)
        assert result.code == 1 and "changed " not in result.err
        assert changes(before, repo) == set()

    def test_other_files_may_be_partly_staged(self, repo: Path, files: dict[str, bytes]) -> None:
        (repo / DEFAULTS).write_bytes(files[DEFAULTS] + b"# not staged\n")
        before = listing(repo)
        assert "left out" not in fix(repo).err
        assert changes(before, repo) == set(CHANGED)

    def test_deleted_in_the_work_tree(self, repo: Path) -> None:
        (repo / META).unlink()
        result = fix(repo)
        assert result.code == 1 and f"changed {CLUSTER}" in result.err
        assert META in result.err and not (repo / META).exists()

    @pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
    def test_edits_that_git_was_told_to_overlook(
        self, repo: Path, files: dict[str, bytes], flag: str
    ) -> None:
        """A version of one's own, hidden from git, is still one's own."""
        own = files[CLUSTER] + b"# mine\n"
        (repo / CLUSTER).write_bytes(own)
        git(repo, "update-index", f"--{flag}", CLUSTER)
        result = fix(repo)
        assert (repo / CLUSTER).read_bytes() == own
        assert result.code == 1 and CLUSTER in result.err
        assert (repo / META).read_bytes() == patched(files)[META]

    def test_a_link_in_the_place_of_a_folder(self, repo: Path, files: dict[str, bytes]) -> None:
        """What lies behind it is not of this repository and stays."""
        elsewhere = repo.parent / "elsewhere"
        (repo / "roles").rename(elsewhere)
        (repo / "roles").symlink_to(elsewhere)
        before = listing(elsewhere)
        result = fix(repo)
        assert result.code == 1 and META in result.err
        assert changes(before, elsewhere) == set()

    def test_a_link_to_the_file(self, repo: Path, files: dict[str, bytes]) -> None:
        real = (repo / META).with_name("real.yml")
        (repo / META).rename(real)
        (repo / META).symlink_to("real.yml")
        commit_all(repo)
        assert fix(repo).code == 1
        assert (repo / META).is_symlink() and real.read_bytes() == patched(files)[META]

    def test_line_endings_that_git_turns(self, repo: Path, files: dict[str, bytes]) -> None:
        git(repo, "config", "core.autocrlf", "true")
        for path in CHANGED:
            (repo / path).unlink()
        git(repo, "checkout", "--", *CHANGED)
        assert b"\r\n" in (repo / CLUSTER).read_bytes()
        assert found(check(repo))
        assert fix(repo).code == 1
        for path, after in patched(files).items():
            assert (repo / path).read_bytes() == after.replace(b"\n", b"\r\n")
        git(repo, "add", "--update")
        assert git(repo, "show", f":{CLUSTER}").encode() == patched(files)[CLUSTER].strip()
        assert silent(fix(repo)) and silent(check(repo))

    def test_line_endings_that_are_stored(self, repo: Path, files: dict[str, bytes]) -> None:
        write_tree(repo, {path: files[path].replace(b"\n", b"\r\n") for path in CHANGED})
        commit_all(repo)
        assert fix(repo, "--only", CCM).code == 1
        assert (repo / CLUSTER).read_bytes() == patched(files)[CLUSTER].replace(b"\n", b"\r\n")

    def test_what_cannot_be_done_safely(self, repo: Path, files: dict[str, bytes]) -> None:
        use = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
        twice = files[CLUSTER].replace(use, use + use)
        assert twice != files[CLUSTER]
        (repo / CLUSTER).write_bytes(twice)
        commit_all(repo)
        before = listing(repo)
        result = fix(repo)
        assert result.code == 3 and f"{CLUSTER}:52" in result.err
        assert changes(before, repo) == set()

    def test_a_new_file_whose_name_is_taken(self, repo: Path, tmp_path: Path) -> None:
        """An untracked file of the user's with the name of a new one is not overwritten."""
        own = _patch_dir(tmp_path, adds="playbooks/pause.yml")
        (repo / "playbooks/pause.yml").write_text("# mine\n")
        result = fix(repo, "--patch-dir", own, "--only", "adds")
        assert (repo / "playbooks/pause.yml").read_text() == "# mine\n"
        assert result.code in (1, 2, 3) and "playbooks/pause.yml" in result.err

    def test_a_new_file(self, repo: Path, tmp_path: Path) -> None:
        own = _patch_dir(tmp_path, adds="playbooks/pause.yml")
        before = listing(repo)
        assert fix(repo, "--patch-dir", own, "--only", "adds").code == 1
        assert changes(before, repo) == {"playbooks/pause.yml"}
        assert (repo / "playbooks/pause.yml").read_text() == "[]\n"
        git(repo, "add", "--all")
        assert silent(fix(repo, "--patch-dir", own, "--only", "adds"))

    def test_a_patch_that_must_come_with_one_that_is_left_out(
        self, repo: Path, files: dict[str, bytes], tmp_path: Path
    ) -> None:
        own = _patch_dir(tmp_path, adds="playbooks/pause.yml", comes_with=TOLERATIONS)
        (repo / META).write_bytes(files[META] + b"# not staged\n")
        before = listing(repo)
        result = fix(repo, "--patch-dir", own, "--only", "adds", "--with", TOLERATIONS)
        assert result.code in (1, 3) and TOLERATIONS in result.err
        assert changes(before, repo) == set()


def _patch_dir(folder: Path, adds: str, comes_with: str = "") -> Path:
    """Return a folder with a semantic patch of the user's that adds a file."""
    folder = folder / "own"
    folder.mkdir()
    (folder / "adds.yml").write_text(
        "id: adds\nversion: 1\ndate: 2026-11-22\ntitle: Add a playbook\ndefault: false\n"
        "why: |\n  Because.\n"
        f"comes-with: [{comes_with}]\n"
        f"operations:\n  - add-file: {{path: {adds}, template: pause.txt}}\n"
    )
    (folder / "pause.txt").write_text("[]\n")
    return folder


class TestScenario:
    def test_set(self, repo: Path) -> None:
        assert found(check(repo))
        assert silent(check(repo, "--set", "cloud_provider="))
        assert found(check(repo, "--set", "external_cloud_provider=manual")) is False

    def test_strict(self, repo: Path, files: dict[str, bytes]) -> None:
        """With the toleration alone the approver still runs before DNS: a warning."""
        cure(repo, files, META)
        git(repo, "add", META)
        assert silent(check(repo))
        result = check(repo, "--strict")
        assert result.code == 1 and b"[approver-before-dns]" in result.out

    def test_strict_of_a_cured_tree(self, repo: Path) -> None:
        """The whole sample, of which nothing is left out, and its upgrade: nothing is left."""
        write_tree(repo, sample_files())
        git(repo, "add", "--all")
        assert fix(repo).code == 1
        git(repo, "add", "--all")
        result, plain = check(repo, "--strict"), run("check", repo, "--strict")
        assert (result.code, plain.code) == (0, 0), (result, plain)
        assert silent(result)

    def test_strict_where_something_is_left_out(self, repo: Path, files: dict[str, bytes]) -> None:
        cure(repo, files)
        git(repo, "add", ".")
        assert silent(check(repo))
        result = check(repo, "--strict")
        assert result.code == 1 and "bastion-ssh-config" in result.err

    @pytest.mark.parametrize("options", [("--set", "a"), ("--set", "nodes=x"), ("--tree", "")])
    def test_usage(self, repo: Path, options: tuple[str, ...]) -> None:
        result = check(repo, *options)
        assert result.code == 2 and "Usage:" in result.err

    def test_unknown_patch(self, repo: Path) -> None:
        told(fix(repo, "--only", "nix"), "nix", "patches list")

    @pytest.fixture
    def inventory(self, repo: Path) -> Path:
        """Return the variables of an inventory that is committed in the repository."""
        write_tree(repo, {
            "inventory/prod/hosts.yml": _APPROVED.encode(),
            "inventory/prod/group_vars/all.yml": HARMLESS.encode(),
            "inventory/prod/readme.txt": b"text\n",
        })  # fmt: skip
        commit_all(repo)
        return repo / "inventory/prod/group_vars/all.yml"

    @pytest.mark.parametrize("named", [
        "inventory/prod",
        "inventory/prod/hosts.yml",
    ])  # fmt: skip
    def test_an_inventory_of_the_repository(self, repo: Path, inventory: Path, named: str) -> None:
        """Its variables wake the check: they are part of the commit."""
        assert silent(check(repo, "-i", named))
        inventory.write_text(BLOCKS)
        git(repo, "add", "--all")
        result = check(repo, "-i", named)
        assert found(result) and b"inventory/prod/group_vars/all.yml:1" in result.out
        assert found(check(repo, "-i", repo / named))

    def test_another_inventory_does_not_wake(self, repo: Path, inventory: Path) -> None:
        inventory.write_text(BLOCKS)
        commit_all(repo)
        write_tree(repo, {"inventory/test/hosts.yml": _APPROVED.encode()})
        git(repo, "add", "--all")
        assert silent(check(repo, "-i", "inventory/prod"))

    def test_the_inventory_of_the_work_tree_is_read(self, repo: Path, inventory: Path) -> None:
        """As --help says; where pre-commit runs the hook, it has put the rest aside."""
        inventory.write_text(BLOCKS)
        git(repo, "add", "--all")
        inventory.write_text(HARMLESS)
        assert silent(check(repo, "-i", "inventory/prod"))

    def test_an_inventory_outside(self, repo: Path, tmp_path: Path) -> None:
        write_tree(tmp_path / "prod", {
            "hosts.yml": _APPROVED.encode(), "group_vars/all.yml": HARMLESS.encode(),
        })  # fmt: skip
        assert silent(check(repo, "-i", tmp_path / "prod"))
        (tmp_path / "prod/group_vars/all.yml").write_text(BLOCKS)
        assert found(check(repo, "-i", tmp_path / "prod"))

    def test_an_inventory_at_the_top(self, repo: Path) -> None:
        """It and its variables wake the check, and not whatever else lies beside them."""
        write_tree(repo, {"hosts.yml": _APPROVED.encode(), "group_vars/all.yml": HARMLESS.encode()})
        commit_all(repo)
        (repo / "group_vars/all.yml").write_text(BLOCKS)
        git(repo, "add", "--all")
        assert found(check(repo, "-i", "hosts.yml"))
        git(repo, "commit", "--quiet", "--message=Blocks")
        (repo / "README.md").write_text("more\n")
        git(repo, "add", "--all")
        assert silent(check(repo, "-i", "hosts.yml"))

    def test_another_hash(self, files: dict[str, bytes], tmp_path: Path) -> None:
        """SHA-256, with an empty file staged and one that is only intended."""
        top = tmp_path / "sha256"
        write_tree(top, files | {"empty": b""})
        commit_all(top, init=True, options=("--object-format=sha256",))
        write_tree(top, {"playbooks/recover_control_plane.yml": files[CLUSTER]})
        git(top, "add", "--intent-to-add", "playbooks/recover_control_plane.yml")
        assert found(check(top))
        assert fix(top).code == 1
        assert {path: (top / path).read_bytes() for path in CHANGED} == patched(files)

    def test_no_inventory(self, repo: Path) -> None:
        told(check(repo, "-i", "nix"), "nix")

    def test_what_of_an_inventory_is_not_read(self, repo: Path, inventory: Path) -> None:
        """`check` says it, so the hook does."""
        inventory.with_name("kube_control_plane.yml").write_text("{ no yaml\n")
        commit_all(repo)
        assert "kube_control_plane.yml" in run("check", repo, "-i", "inventory/prod", cwd=repo).err
        assert "kube_control_plane.yml" in check(repo, "-i", "inventory/prod").err


class TestWhere:
    """Kubespray below the top, several work trees, and places that are none."""

    @pytest.fixture
    def monorepo(self, repo: Path, tmp_path: Path) -> Path:
        """Return a repository that holds the tree in deploy/kubespray."""
        top = tmp_path / "mono"
        top.mkdir()
        (repo / ".git").rename(tmp_path / "git-of-the-tree")
        (top / "deploy").mkdir()
        repo.rename(top / "deploy/kubespray")
        (top / "README.md").write_text("ours\n")
        write_tree(top, {"roles/ours/tasks/main.yml": b"[]\n"})
        commit_all(top, init=True)
        return top

    def test_a_subtree(self, monorepo: Path, files: dict[str, bytes]) -> None:
        below = ("--tree", "deploy/kubespray")
        assert found(check(monorepo, *below))
        before = listing(monorepo)
        result = fix(monorepo, *below)
        assert result.code == 1 and f"changed deploy/kubespray/{CLUSTER}" in result.err
        assert changes(before, monorepo) == {f"deploy/kubespray/{path}" for path in CHANGED}
        git(monorepo, "add", "--update")
        assert silent(check(monorepo, *below)) and silent(fix(monorepo, *below))

    def test_a_partly_staged_file_of_a_subtree(
        self, monorepo: Path, files: dict[str, bytes]
    ) -> None:
        path = monorepo / "deploy/kubespray" / CLUSTER
        path.write_bytes(files[CLUSTER] + b"# not staged\n")
        before = listing(monorepo)
        assert CCM in fix(monorepo, "--tree", "deploy/kubespray").err
        assert changes(before, monorepo) == {f"deploy/kubespray/{META}"}

    def test_other_files_of_the_repository(self, monorepo: Path) -> None:
        """Roles of one's own beside Kubespray have no say."""
        write_tree(monorepo, {"roles/ours/tasks/main.yml": b"# more\n", "cluster.yml": b"[]\n"})
        git(monorepo, "add", "--all")
        assert silent(check(monorepo, "--tree", "deploy/kubespray"))
        write_tree(monorepo, {f"deploy/kubespray/{DEFAULTS}": b"# more\n"})
        git(monorepo, "add", "--all")
        assert found(check(monorepo, "--tree", "deploy/kubespray"))

    def test_a_folder_whose_name_begins_alike(self, monorepo: Path) -> None:
        write_tree(monorepo, {f"deploy/kubespray-old/{DEFAULTS}": b"# more\n"})
        git(monorepo, "add", "--all")
        assert silent(check(monorepo, "--tree", "deploy/kubespray"))

    @pytest.mark.parametrize("name", ["a*b", ":(top)x", "sp ace", "ü", "-x"])
    def test_odd_names_of_the_folder(self, monorepo: Path, name: str) -> None:
        (monorepo / "deploy/kubespray").rename(monorepo / "deploy" / name)
        commit_all(monorepo)
        assert found(check(monorepo, "--tree", f"deploy/{name}"))
        assert fix(monorepo, "--tree", f"deploy/{name}").code == 1
        assert len(git(monorepo, "diff", "--name-only").split("\n")) == 2

    def test_the_current_directory_is_below_the_top(
        self, monorepo: Path, files: dict[str, bytes]
    ) -> None:
        """--tree is taken from there; without it Kubespray is there."""
        assert found(check(monorepo / "deploy", "--tree", "kubespray"))
        assert found(check(monorepo / "deploy/kubespray"))
        assert found(check(monorepo, "--tree", monorepo / "deploy/kubespray"))
        assert fix(monorepo / "deploy/kubespray/roles", "--tree", "..").code == 1
        assert (monorepo / "deploy/kubespray" / META).read_bytes() == patched(files)[META]

    def test_no_kubespray(self, monorepo: Path) -> None:
        told(check(monorepo), "not a Kubespray tree", "'deploy/kubespray'")
        told(fix(monorepo, "--tree", "deploy"), "not a Kubespray tree", "'kubespray'")

    def test_a_folder_that_is_misspelled(self, monorepo: Path) -> None:
        """Also where the commit concerns something else: else the hook would never check."""
        told(check(monorepo, "--tree", "deploy/kubesprai"), "deploy/kubesprai")
        (monorepo / "README.md").write_text("more\n")
        git(monorepo, "add", "--all")
        told(check(monorepo, "--tree", "deploy/kubesprai"), "deploy/kubesprai")

    def test_a_path_outside(self, repo: Path, tmp_path: Path) -> None:
        for path in ("..", "/", str(tmp_path), "../other"):
            told(check(repo, "--tree", path), path, "not below the top")
            told(fix(repo, "--tree", path), path, "not below the top")

    def test_a_link_that_leads_outside(self, repo: Path, plain: Path) -> None:
        (repo / "away").symlink_to(plain)
        before = listing(plain)
        told(fix(repo, "--tree", "away"), "not below the top")
        assert changes(before, plain) == set()

    def test_a_link_to_itself(self, repo: Path) -> None:
        (repo / "loop").symlink_to("loop")
        told(check(repo, "--tree", "loop"), "loop")

    def test_no_repository(self, plain: Path) -> None:
        before = listing(plain)
        told(check(plain), "no git work tree")
        told(fix(plain), "no git work tree")
        assert changes(before, plain) == set()

    def test_a_bare_repository(self, repo: Path, tmp_path: Path) -> None:
        bare = clone(repo, tmp_path / "bare.git", "--bare")
        told(check(bare), "no git work tree")
        told(fix(bare), "no git work tree")

    def test_an_index_that_is_no_index(self, repo: Path) -> None:
        (repo / ".git/index").write_bytes(b"DIRC garbage that is long enough for a header")
        told(check(repo), "git")
        told(fix(repo), "git")

    def test_a_sparse_checkout(self, repo: Path, files: dict[str, bytes]) -> None:
        git(repo, "sparse-checkout", "set", "--sparse-index", "playbooks")
        assert not (repo / "roles").exists()
        assert found(check(repo))
        result = fix(repo)
        assert result.code == 1 and (repo / CLUSTER).read_bytes() == patched(files)[CLUSTER]

    def test_a_file_outside_of_a_sparse_checkout(self, repo: Path) -> None:
        """git does not stage what is written there, so it is not written."""
        git(repo, "sparse-checkout", "set", "playbooks")
        result = fix(repo)
        assert result.code == 1 and META in result.err
        assert not (repo / "roles").exists()

    def test_a_linked_work_tree(self, repo: Path, files: dict[str, bytes]) -> None:
        other = repo.parent / "other"
        git(repo, "worktree", "add", "--quiet", str(other))
        cure(repo, files)
        git(repo, "add", ".")
        assert silent(check(repo)) and found(check(other))
        before = listing(repo)
        assert fix(other).code == 1
        assert {path: (other / path).read_bytes() for path in CHANGED} == patched(files)
        assert changes(before, repo) == set()


class TestSubmodule:
    @pytest.fixture
    def outer(self, repo: Path, files: dict[str, bytes], tmp_path: Path) -> Path:
        """Return a repository with Kubespray as a submodule; its branch `cured` is fine."""
        top = tmp_path / "outer"
        top.mkdir()
        git(top, "init", "--quiet")
        git(top, "submodule", "--quiet", "add", str(repo), "vendor/kubespray")
        (top / "README.md").write_text("ours\n")
        commit_all(top)
        inner = top / "vendor/kubespray"
        git(inner, "switch", "--quiet", "--create", "cured")
        cure(inner, files)
        commit_all(inner)
        git(inner, "checkout", "--quiet", "v1")
        return top

    BELOW = ("--tree", "vendor/kubespray")

    def test_the_staged_commit_is_checked(self, outer: Path) -> None:
        assert found(check(outer, *self.BELOW))
        git(outer / "vendor/kubespray", "checkout", "--quiet", "cured")
        assert found(check(outer, *self.BELOW))
        git(outer, "add", "vendor/kubespray")
        assert silent(check(outer, *self.BELOW)) and silent(fix(outer, *self.BELOW))
        git(outer / "vendor/kubespray", "checkout", "--quiet", "v1")
        assert silent(check(outer, *self.BELOW))
        git(outer, "commit", "--quiet", "--message=Cured")
        git(outer, "add", "vendor/kubespray")
        assert found(check(outer, *self.BELOW))

    def test_changes_within_have_no_say(self, outer: Path, files: dict[str, bytes]) -> None:
        """Neither the work tree nor the index of the submodule is what is committed."""
        inner = outer / "vendor/kubespray"
        cure(inner, files)
        git(inner, "add", ".")
        assert found(check(outer, *self.BELOW))

    def test_other_commits(self, outer: Path) -> None:
        (outer / "README.md").write_text("more\n")
        git(outer, "add", "README.md")
        assert silent(check(outer, *self.BELOW)) and silent(fix(outer, *self.BELOW))

    def test_fix_refuses_where_something_is_needed(self, outer: Path) -> None:
        before = listing(outer)
        told(fix(outer, *self.BELOW), "vendor/kubespray", "submodule", "overlay create")
        assert changes(before, outer) == set()

    def test_not_checked_out(self, outer: Path) -> None:
        git(outer, "submodule", "--quiet", "deinit", "--force", "vendor/kubespray")
        for result in (check(outer, *self.BELOW), fix(outer, *self.BELOW)):
            told(result, "vendor/kubespray", "git submodule update --init")

    def test_a_commit_that_is_not_there(self, outer: Path) -> None:
        git(outer, "update-index", "--cacheinfo", f"160000,{'1' * 40},vendor/kubespray")
        told(check(outer, *self.BELOW), "vendor/kubespray")

    def test_within_the_submodule(self, outer: Path) -> None:
        inner = outer / "vendor/kubespray"
        assert found(check(inner))
        before = listing(outer)
        assert fix(inner).code == 1
        assert changes(before, outer) == {f"vendor/kubespray/{path}" for path in CHANGED}

    def test_a_commit_within_the_submodule(self, outer: Path) -> None:
        inner = outer / "vendor/kubespray"
        install(inner, "kubespray-patchgen hook check")
        (inner / DEFAULTS).write_text("# more\n")
        git(inner, "add", DEFAULTS)
        assert committing(inner, "commit", "--message=More").code == 1


@dataclass(frozen=True)
class Story:
    """A commit as git makes it, its hook being ours."""

    repo: Path
    files: dict[str, bytes]

    def head(self) -> str:
        return git(self.repo, "rev-parse", "HEAD")

    def refused(self, *arguments: str) -> Result:
        """Commit, which the hook must refuse for what it found."""
        head = self.head()
        result = committing(self.repo, "commit", "--message=Try", *arguments)
        assert result.code == 1 and "deadlock-order" in result.out.decode() + result.err, result
        assert self.head() == head
        return result

    def done(self, *arguments: str) -> None:
        """Commit, which the hook must let pass."""
        result = committing(self.repo, "commit", "--message=Try", *arguments)
        assert result.code == 0, result


@pytest.fixture
def story(repo: Path, files: dict[str, bytes]) -> Story:
    install(repo, "kubespray-patchgen hook check")
    return Story(repo, files)


class TestCommits:
    """`git commit` in all its forms, with a hook of git's own that runs the program."""

    def test_staged(self, story: Story) -> None:
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        git(story.repo, "add", DEFAULTS)
        story.refused()
        cure(story.repo, story.files)
        story.refused()
        git(story.repo, "add", "--update")
        story.done()

    def test_all_that_is_tracked(self, story: Story) -> None:
        """git commit -a: the index of the commit is another one (GIT_INDEX_FILE)."""
        cure(story.repo, story.files)
        story.done("--all")
        spoil(story.repo, story.files)
        story.refused("--all")
        assert git(story.repo, "diff", "--name-only").split("\n") == CHANGED

    def test_some_paths(self, story: Story) -> None:
        """git commit FILE: what is staged beside it is not in the commit."""
        cure(story.repo, story.files)
        git(story.repo, "add", CLUSTER, META)
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        story.refused(DEFAULTS)
        story.done(CLUSTER)
        story.done(DEFAULTS, META)

    def test_from_a_folder(self, story: Story) -> None:
        cure(story.repo, story.files)
        result = committing(story.repo / "roles", "commit", "--all", "--message=Try")
        assert result.code == 0, result

    @pytest.mark.parametrize("where", ["roles", ".git"])
    def test_a_hook_that_goes_elsewhere(self, story: Story, where: str) -> None:
        """git gives the index's name relative to the top, wherever the hook goes."""
        target = "--tree .." if where == "roles" else ""
        back = "" if where == "roles" else "cd .. && "
        install(story.repo, f"cd {where} && {back}kubespray-patchgen hook check {target}")
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        git(story.repo, "add", DEFAULTS)
        story.refused()
        cure(story.repo, story.files)
        story.done("--all")
        spoil(story.repo, story.files)
        story.refused("--all")

    def test_amended(self, story: Story) -> None:
        (story.repo / "README.md").write_text("more\n")
        git(story.repo, "add", "README.md")
        story.done("--amend")
        # Nothing is staged then, so everything is looked at.
        story.refused("--amend")
        cure(story.repo, story.files)
        story.done("--amend", "--all")
        story.done("--amend")
        assert git(story.repo, "rev-list", "--count", "HEAD") == "1"

    def test_unrelated(self, story: Story) -> None:
        (story.repo / "README.md").write_text("more\n")
        story.done("--all")

    def test_a_merge(self, story: Story) -> None:
        git(story.repo, "switch", "--quiet", "--create", "other")
        cure(story.repo, story.files, CLUSTER)
        git(story.repo, "commit", "--quiet", "--all", "--no-verify", "--message=One")
        git(story.repo, "switch", "--quiet", "main")
        ours = story.files[CLUSTER].replace(b"tags: apps }\n", b"tags: [apps] }\n")
        assert ours != story.files[CLUSTER]
        (story.repo / CLUSTER).write_bytes(ours)
        git(story.repo, "commit", "--quiet", "--all", "--no-verify", "--message=Two")
        assert committing(story.repo, "merge", "other").code == 1
        for result in (check(story.repo), fix(story.repo)):
            told(result, CLUSTER, "merge")
        spoil(story.repo, story.files, CLUSTER)
        git(story.repo, "add", CLUSTER)
        story.refused()
        cure(story.repo, story.files, CLUSTER)
        git(story.repo, "add", CLUSTER)
        story.done()
        assert len(git(story.repo, "rev-list", "--parents", "-1", "HEAD").split()) == 3

    def test_a_merge_elsewhere(self, story: Story) -> None:
        """A conflict in a file that has no say; git itself refuses the commit."""
        for branch in ("other", "main"):
            git(story.repo, "switch", "--quiet", *(["--create"] * (branch == "other")), branch)
            (story.repo / "README.md").write_text(branch)
            git(story.repo, "commit", "--quiet", "--all", "--no-verify", "--message=One")
        assert committing(story.repo, "merge", "other").code == 1
        assert check(story.repo).code in (0, 2) and fix(story.repo).code in (0, 2)
        assert committing(story.repo, "commit", "--message=x").code == 128

    def test_the_first_commit(self, plain: Path, files: dict[str, bytes]) -> None:
        git(plain, "init", "--quiet", "--template=")
        install(plain, "kubespray-patchgen hook check")
        told(check(plain), "not a Kubespray tree")
        git(plain, "add", "--all")
        assert committing(plain, "commit", "--message=First").code == 1
        assert fix(plain).code == 1
        git(plain, "add", "--all")
        assert committing(plain, "commit", "--message=First").code == 0
        assert git(plain, "rev-list", "--count", "HEAD") == "1"

    def test_in_a_linked_work_tree(self, story: Story) -> None:
        other = story.repo.parent / "other"
        git(story.repo, "worktree", "add", "--quiet", str(other))
        (other / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        assert committing(other, "commit", "--all", "--message=Try").code == 1
        cure(other, story.files)
        assert committing(other, "commit", "--all", "--message=Try").code == 0
        assert git(story.repo, "status", "--porcelain") == ""

    def test_the_hook_that_fixes(self, story: Story) -> None:
        install(story.repo, "kubespray-patchgen hook fix")
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        first = committing(story.repo, "commit", "--all", "--message=Try")
        assert first.code == 1 and f"changed {CLUSTER}" in first.err
        assert {p: (story.repo / p).read_bytes() for p in CHANGED} == patched(story.files)
        # As git says of -a with a hook that fails: the index is as it was.
        assert git(story.repo, "diff", "--cached", "--name-only") == ""
        story.done("--all")
        assert git(story.repo, "status", "--porcelain") == ""

    def test_the_hook_that_fixes_some_paths(self, story: Story) -> None:
        """git commit FILE: a file that is staged, but not of this commit, is left alone."""
        install(story.repo, "kubespray-patchgen hook fix")
        (story.repo / CLUSTER).write_bytes(story.files[CLUSTER] + b"# staged\n")
        git(story.repo, "add", CLUSTER)
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        result = committing(story.repo, "commit", "--message=Try", DEFAULTS)
        assert result.code == 1 and f"{CCM}: {CLUSTER}" in result.err
        assert (story.repo / CLUSTER).read_bytes() == story.files[CLUSTER] + b"# staged\n"
        assert (story.repo / META).read_bytes() == patched(story.files)[META]

    def test_a_hook_of_another_repository(self, story: Story, plain: Path) -> None:
        """Its index is not ours: the hook of one runs the program in another."""
        git(plain, "init", "--quiet", "--template=")
        cure(plain, story.files)
        commit_all(plain)
        install(story.repo, f"cd {plain} && kubespray-patchgen hook check")
        (story.repo / DEFAULTS).write_bytes(story.files[DEFAULTS] + b"# more\n")
        story.done("--all")


@pytest.mark.parametrize("call", [check, fix])
def test_an_empty_index_name(
    repo: Path, call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is set to nothing is as good as none, or is refused plainly."""
    monkeypatch.setenv("GIT_INDEX_FILE", "")
    result = call(repo)
    assert result.code in (1, 2) and "Traceback" not in result.err


def test_in_a_process_of_its_own(repo: Path) -> None:
    """What is printed goes to standard output, what is said to standard error."""
    result = start("hook", "check", cwd=repo)
    assert result.code == 1 and result.out.startswith(b"Checked what is staged\n")
    assert result.err.endswith("`kubespray-patchgen patch --apply` makes the change.\n")
    assert start("hook", "fix", cwd=repo).out == b""
