"""What cannot be used is refused: one or two sentences, a code, no traceback, nothing written."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import (
    CLUSTER,
    META,
    Result,
    clone,
    command,
    commit_all,
    environment,
    git,
    listing,
    patch,
    run,
    start,
)

ROOT = "cluster.yml"
"""The playbook at the top, which imports the one in playbooks/."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    before = time.monotonic()
    yield
    assert time.monotonic() - before < seconds


def refused(result: Result, code: int = 2) -> str:
    """Check that a run was refused as it should be; return what it said."""
    assert result.code == code, result
    assert result.out == b""
    assert "Traceback" not in result.err
    assert result.err.startswith("kubespray-patchgen: "), result.err
    text = result.err.removeprefix("kubespray-patchgen: ").strip()
    assert "\n" not in text, text
    assert all(char.isprintable() for char in text), text
    sentences = re.split(r"[.;:?](?= )", text)
    assert text.endswith(".") and len(text) < 600, text
    assert len(re.split(r"\.(?= [A-Z])", text)) <= 2, sentences
    return text


class TestTree:
    """What is named as the tree is none."""

    def test_not_kubespray(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        text = refused(run("patch", tmp_path / "empty"))
        assert "empty is not a Kubespray tree" in text and "name the top of a Kubespray" in text

    @pytest.mark.parametrize("below", ["kubespray", "vendor/kubespray", "a/b/kubespray"])
    def test_hint_where_one_is_below(self, plain: Path, tmp_path: Path, below: str) -> None:
        target = tmp_path / "mono" / below
        target.parent.mkdir(parents=True)
        plain.rename(target)
        text = refused(run("patch", tmp_path / "mono"))
        assert f"there is one in '{below}'" in text

    def test_no_hint_for_a_playbook_alone(self, tmp_path: Path) -> None:
        """Somebody's own cluster.yml is no Kubespray; pointing there would lead nowhere."""
        (tmp_path / "mono/ours").mkdir(parents=True)
        (tmp_path / "mono/ours/cluster.yml").write_text("- hosts: all\n")
        assert "there is one in" not in refused(run("patch", tmp_path / "mono"))

    def test_roles_alone(self, plain: Path) -> None:
        shutil.rmtree(plain / "playbooks")
        (plain / ROOT).unlink()
        assert "is not a Kubespray tree" in refused(run("patch", plain))

    def test_missing(self, tmp_path: Path) -> None:
        text = refused(run("patch", tmp_path / "nothing"))
        assert f"{tmp_path}/nothing: there is no such directory." in text

    def test_file(self, plain: Path) -> None:
        text = refused(run("patch", plain / ROOT))
        assert "cluster.yml is a file; name the directory" in text

    def test_fifo(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        refused(run("patch", tmp_path / "fifo"))

    def test_link_to_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("nothing")
        refused(run("patch", tmp_path / "link"))

    @pytest.mark.parametrize("name", ["no\nsuch", "no\x1b[31msuch", "no\x07such"])
    def test_name_with_control_characters(self, tmp_path: Path, name: str) -> None:
        """A name must not speak to the terminal, nor break the message into lines."""
        assert "there is no such directory" in refused(run("patch", tmp_path / name))

    def test_empty_name(self, plain: Path) -> None:
        """An empty variable of a script is not the current directory."""
        result = run("patch", "", cwd=plain)
        assert (result.code, result.out) == (2, b"")

    def test_git_directory(self, repo: Path) -> None:
        assert "is not a Kubespray tree" in refused(run("patch", repo / ".git"))

    def test_long_name(self, tmp_path: Path) -> None:
        refused(run("patch", tmp_path / ("x" * 300)))


class TestRevision:
    @pytest.mark.parametrize(
        "revision",
        [
            "", " ", "-x", "--help", "-", "nothing", "v1..HEAD", "HEAD~9", "0" * 40, "f" * 40,
            "v1\n", "v1\nx", "v1\x1b[31m", "v1\tx", "v1^{tree}", "v1 --all", ":", ":roles",
            "HEAD@{9}", "refs/heads/*", "é",
        ],
    )  # fmt: skip
    def test_no_commit(self, repo: Path, revision: str) -> None:
        before = listing(repo)
        text = refused(run("patch", repo, f"--rev={revision}"))
        assert "revision" in text
        assert listing(repo) == before

    @pytest.mark.parametrize(
        "revision",
        ["HEAD:nothing", "HEAD:../x", "HEAD:/", "HEAD:README.md", "HEAD:roles", "HEAD:-x"],
    )
    def test_no_tree_in_the_folder(self, repo: Path, revision: str) -> None:
        if revision == "HEAD:/":
            assert patch(repo, "--rev", revision) == patch(repo, "--rev", "HEAD")
            return
        text = refused(run("patch", repo, "--rev", revision))
        assert text.count("'") % 2 == 0, text
        assert "ls-tree" not in text, text

    def test_plain_directory(self, plain: Path) -> None:
        assert "is not in a git repository" in refused(run("patch", plain, "--rev", "v1"))

    def test_blob(self, repo: Path) -> None:
        blob = git(repo, "rev-parse", f"HEAD:{ROOT}")
        refused(run("patch", repo, "--rev", blob))

    def test_nothing_committed(self, plain: Path) -> None:
        git(plain, "init", "--quiet")
        refused(run("patch", plain, "--rev", "HEAD"))


def bomb() -> bytes:
    """Return a playbook with an alias bomb: expanded it would have 9 ** 30 entries."""
    rows = ["- hosts: all\n  vars:\n    a0: &a0 [x]\n"]
    for number in range(1, 31):
        items = ", ".join([f"*a{number - 1}"] * 9)
        rows.append(f"    a{number}: &a{number} [{items}]\n")
    return ("".join(rows) + "  roles: *a30\n").encode()


class TestPlaybook:
    """The playbook cannot be read: the message names file and line."""

    @pytest.mark.parametrize(
        ("data", "place", "words"),
        [
            (b"", CLUSTER, "is empty"),
            (b"---\n# nothing\n", CLUSTER, "playbook is"),
            (b"- hosts: all\n  name: \xff\n", f"{CLUSTER}:2", "not UTF-8"),
            ("- hosts: all\n".encode("utf-16"), f"{CLUSTER}:1", "not UTF-8"),
            (b"- hosts: all\n  roles: [\n", f"{CLUSTER}:3:1", "not valid YAML"),
            (b"- hosts: all\n\tname: x\n", f"{CLUSTER}:2:1", "not valid YAML"),
            (b"- hosts: all\n  name: 'x\n", f"{CLUSTER}:3:1", "not valid YAML"),
            (b"- hosts: all\n  name: \x00x\n", f"{CLUSTER}:2", "not valid YAML"),
            (b"- hosts: *nothing\n", CLUSTER, ""),
            (b"hosts: all\nroles: []\n", f"{CLUSTER}:1", "a playbook is a list"),
            (b"just words\n", f"{CLUSTER}:1", "a playbook is a list"),
            (b"- hosts: all\n- words\n", f"{CLUSTER}:2", "a play is a mapping"),
            (b"- hosts: all\n---\n- hosts: all\n", CLUSTER, "holds 2 YAML documents"),
            (b"- a: " + b"[" * 300 + b"]" * 300 + b"\n", f"{CLUSTER}:1", "nested deeper"),
            (b"- a: " + b"[" * 200_000, f"{CLUSTER}:1", "nested deeper"),
            (b"- a:\n" + b"".join(b" " * n + b"- \n" for n in range(4, 900)), CLUSTER, "nested"),
            (b"- import_playbook: nothing.yml\n", f"{CLUSTER}:1", "'nothing.yml'"),
            (b"- import_playbook: ../../x.yml\n", f"{CLUSTER}:1", "'../../x.yml'"),
            (b"- import_playbook: '{{ x }}.yml'\n", f"{CLUSTER}:1", "made by a template"),
            (b"- import_playbook: cluster.yml\n", CLUSTER, "imports itself"),
            (b"- import_playbook: ../cluster.yml\n", ROOT, "imports itself"),
            (b"- import_playbook: /etc/passwd\n", f"{CLUSTER}:1", "'/etc/passwd'"),
            (b"- import_playbook:\n", CLUSTER, ""),
        ],
    )  # fmt: skip
    def test_refused(self, plain: Path, data: bytes, place: str, words: str) -> None:
        (plain / CLUSTER).write_bytes(data)
        before = listing(plain)
        with within(10):
            result = run("order", plain)
        if not words and result.code == 0:
            return  # Ansible's matter, not ours: no deployment starts from such a file.
        text = refused(result)
        assert re.search(rf"(^|[\s(]){re.escape(place)}\b", text), text
        assert words in text, text
        assert listing(plain) == before
        assert refused(run("patch", plain, "--only", "approver-after-ccm", "--apply")) == text
        assert listing(plain) == before

    def test_alias_bomb(self, plain: Path) -> None:
        (plain / CLUSTER).write_bytes(bomb())
        with within(10):
            result = run("patch", plain)
        assert result.code in (0, 2) and "Traceback" not in result.err

    def test_ring_of_roles(self, plain: Path) -> None:
        """Two roles that depend on each other are Ansible's error; here they end."""
        (plain / "roles/helm-apps/meta").mkdir(exist_ok=True)
        (plain / "roles/helm-apps/meta/main.yml").write_text(
            "dependencies:\n  - role: kubernetes-apps/helm\n"
        )
        (plain / "roles/kubernetes-apps/helm/meta").mkdir(exist_ok=True)
        (plain / "roles/kubernetes-apps/helm/meta/main.yml").write_text(
            "dependencies:\n  - role: helm-apps\n"
        )
        with within(20):
            result = run("order", plain)
        assert result.code in (0, 2) and "Traceback" not in result.err

    def test_explosion_of_roles(self, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Twenty roles that each bring the next one twice would make a million steps."""
        monkeypatch.setattr("generator.model.flatten.MAX_STEPS", 1000)
        for number in range(20):
            meta = plain / f"roles/r{number}/meta/main.yml"
            meta.parent.mkdir(parents=True)
            use = f"  - {{ role: r{number + 1}, x: %d }}\n"
            meta.write_text("dependencies:\n" + use % 1 + use % 2)
        with (plain / CLUSTER).open("a") as stream:
            stream.write("\n- hosts: all\n  roles: [r0]\n")
        with within(30):
            text = refused(run("order", plain))
        assert "steps" in text

    def test_huge_file(self, plain: Path) -> None:
        with (plain / CLUSTER).open("r+b") as stream:
            stream.truncate(100_000_000)
        with within(10):
            text = refused(run("patch", plain))
        assert CLUSTER in text and "8 MiB" in text

    def test_huge_file_in_a_revision(self, plain: Path) -> None:
        with (plain / CLUSTER).open("ab") as stream:
            stream.write(b"#" * 9_000_000 + b"\n")
        commit_all(plain, init=True)
        text = refused(run("patch", plain, "--rev", "HEAD"))
        assert CLUSTER in text and "8 MiB" in text

    def test_huge_file_that_does_not_matter(self, plain: Path) -> None:
        with (plain / "image.qcow2").open("wb") as stream:
            stream.truncate(100_000_000)
        with within(10):
            assert patch(plain)

    @pytest.mark.parametrize("path", [CLUSTER, META])
    @pytest.mark.parametrize("kind", ["directory", "broken link", "outside", "ring", "fifo"])
    def test_no_file(self, plain: Path, path: str, kind: str, tmp_path: Path) -> None:
        """Never hangs, never reads what lies outside, and does not pretend that all is well."""
        (tmp_path / "outside.yml").write_bytes((plain / path).read_bytes())
        (plain / path).unlink()
        if kind == "directory":
            (plain / path).mkdir()
        elif kind == "fifo":
            os.mkfifo(plain / path)
        else:
            targets = {
                "broken link": "nothing.yml",
                "outside": str(tmp_path / "outside.yml"),
                "ring": Path(path).name,
            }
            (plain / path).symlink_to(targets[kind])
        needed = "approver-tolerations" if path == META else "approver-after-ccm"
        # A process of its own can be ended where it hangs.
        runner = start if kind == "fifo" else run
        result = runner("patch", plain, "--only", needed)
        if path == META:
            assert "Traceback" not in result.err and result.out == b""
            assert result.code in (0, 2, 3)
        else:
            assert "cluster.yml" in refused(result)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_unreadable(self, plain: Path) -> None:
        (plain / CLUSTER).chmod(0)
        assert "Permission denied" in refused(run("patch", plain))

    def test_invalid_meta(self, plain: Path) -> None:
        (plain / META).write_text("dependencies: [\n")
        assert f"{META}:2:1: this is not valid YAML" in refused(run("patch", plain))

    def test_name_that_speaks_to_the_terminal(self, plain: Path) -> None:
        with (plain / CLUSTER).open("a") as stream:
            stream.write('\n- name: "\\e[31mred\\n\\x07"\n  hosts: all\n')
        result = run("order", plain)
        assert result.code == 0
        assert b"\x1b" not in result.out and b"\x07" not in result.out

    def test_name_that_the_terminal_cannot_show(self, plain: Path) -> None:
        with (plain / CLUSTER).open("a", encoding="utf-8") as stream:
            stream.write("\n- name: Größe 节点\n  hosts: all\n")
        result = start("order", plain, PYTHONIOENCODING="ascii")
        assert result.code == 0 and "Traceback" not in result.err


GOOD = """\
id: my-own
version: 1
date: 2026-01-01
title: Add a file
why: Because.
operations:
  - add-file: {path: NEW.md, template: new.md}
"""


class TestPatchFiles:
    @pytest.fixture
    def patches(self, tmp_path: Path) -> Path:
        directory = tmp_path / "patches"
        directory.mkdir()
        (directory / "new.md").write_text("New.\n")
        return directory

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("", "", "a mapping"),
            ("# nothing\n", "", "a mapping"),
            ("- a\n", ":1", "a mapping"),
            ("id: [\n", ":2:1", "not valid YAML"),
            (GOOD + "wrong: 1\n", ":8", "unknown key 'wrong'"),
            (GOOD + "id: other\n", ":8", "stands twice"),
            (GOOD.replace("id: my-own", "id: My Own"), ":1", "'id' in a semantic patch must"),
            (GOOD.replace("id: my-own\n", ""), ":1", "lacks the key 'id'"),
            (GOOD.replace("version: 1", "version: one"), ":2", "a whole number"),
            (GOOD.replace("2026-01-01", "yesterday"), ":3", "year-month-day"),
            (GOOD.replace("2026-01-01", "2026-13-45"), ":3", "year-month-day"),
            (GOOD.replace("add-file", "add-fiel"), ":7", "unknown operation 'add-fiel'"),
            (GOOD.replace("path: NEW.md", "paht: NEW.md"), ":7", "unknown key 'paht'"),
            (GOOD.replace("path: NEW.md", "path: ../NEW.md"), ":7", "plain path"),
            (GOOD.replace("path: NEW.md", "path: /etc/x"), ":7", "plain path"),
            (GOOD.split("operations")[0], ":1", "lacks the key 'operations'"),
            (GOOD.split("  - add")[0], "", "operations"),
            (GOOD + "default: maybe\n", ":8", "true or false"),
            (GOOD + "excludes: other\n", ":8", "a list of texts"),
            (GOOD.replace("my-own", "approver-after-ccm"), "", "'approver-after-ccm'"),
            (GOOD + "---\n" + GOOD, "", "2 YAML documents"),
            (GOOD.replace("Because.", "&a Because.\nreferences: *a"), "", ""),
        ],
    )  # fmt: skip
    def test_wrong(self, patches: Path, text: str, line: str, words: str) -> None:
        path = patches / "mine.yml"
        path.write_text(text)
        said = refused(run("patch", "--sample", "--patch-dir", patches, "--with", "my-own"))
        assert f"{path}{line}" in said, said
        assert words in said, said

    @pytest.mark.parametrize("key", ["excludes", "comes-with"])
    def test_names_an_unknown_one(self, patches: Path, key: str) -> None:
        (patches / "mine.yml").write_text(GOOD + f"{key}: [nothing-such]\n")
        text = refused(run("patch", "--sample", "--patch-dir", patches, "--with", "my-own"))
        assert "'my-own'" in text and "'nothing-such'" in text

    def test_not_utf8(self, patches: Path) -> None:
        (patches / "mine.yml").write_bytes(b"id: \xff\n")
        assert f"{patches}/mine.yml:1: the file is not UTF-8" in refused(
            run("patches", "list", "--patch-dir", patches)
        )

    def test_good_one(self, patches: Path, plain: Path) -> None:
        """The table above is about the errors, not about what it starts from."""
        (patches / "mine.yml").write_text(GOOD)
        diff = patch(plain, "--patch-dir", patches, "--only", "my-own", "--format", "diff")
        assert b"+++ b/NEW.md\n@@ -0,0 +1 @@\n+New.\n" in diff

    def test_directory_is_missing(self, tmp_path: Path) -> None:
        text = refused(run("patch", "--sample", "--patch-dir", tmp_path / "nothing"))
        assert f"{tmp_path}/nothing" in text

    def test_directory_is_a_file(self, plain: Path) -> None:
        refused(run("patch", "--sample", "--patch-dir", plain / ROOT))

    def test_file_is_a_directory(self, patches: Path) -> None:
        (patches / "mine.yml").mkdir()
        assert "mine.yml" in refused(run("patches", "list", "--patch-dir", patches))

    def test_file_is_a_fifo(self, patches: Path) -> None:
        os.mkfifo(patches / "mine.yml")
        # Were it opened for reading, nobody would ever write into it.
        result = start("patches", "list", "--patch-dir", patches, timeout=10)
        assert "mine.yml" in refused(result)

    def test_huge_file(self, patches: Path) -> None:
        with (patches / "mine.yml").open("wb") as stream:
            stream.truncate(100_000_000)
        with within(5):
            assert "8 MiB" in refused(run("patches", "list", "--patch-dir", patches))

    def test_template_is_missing(self, patches: Path, plain: Path) -> None:
        (patches / "mine.yml").write_text(GOOD)
        (patches / "new.md").unlink()
        text = refused(run("patch", plain, "--patch-dir", patches, "--only", "my-own"))
        assert "new.md" in text


class TestChoice:
    @pytest.mark.parametrize("option", ["--only", "--with", "--without"])
    def test_unknown(self, option: str) -> None:
        text = refused(run("patch", "--sample", option, "nothing"))
        assert "'nothing'" in text and "approver-after-ccm, approver-tolerations" in text

    def test_excluding(self) -> None:
        ids = ("--with", "backport-12141", "--with", "approver-after-ccm")
        text = refused(run("patch", "--sample", *ids))
        assert "'approver-after-ccm' and 'backport-12141' exclude each other" in text

    def test_show_unknown(self) -> None:
        assert "'nothing'" in refused(run("patches", "show", "nothing"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("patch", "-o", "out", "--apply"), "choose one of -o, --apply and --commit"),
        (("patch", "-o", "out", "--commit"), "choose one of -o, --apply and --commit"),
        (("patch", "--apply", "--commit"), "choose one of -o, --apply and --commit"),
        (("patch", "--force"), "--force goes with --apply"),
        (("patch", "--commit", "--force"), "--force goes with --apply"),
        (("patch", "--format", "diff", "-o", "out"), "--format diff is printed"),
        (("patch", "--format", "yaml"), "'yaml'"),
        (("patch", "--nothing"), "--nothing"),
        (("patch", "--format"), "--format"),
        (("patch", ".", "extra"), "extra"),
        (("nothing",), "nothing"),
        (("patches", "nothing"), "nothing"),
        (("patches", "show"), "ID"),
        (("order", "--format", "svgg"), "'svgg'"),
        (("order", "--only", "approver-after-ccm"), "--patched"),
        (("order", "--without", "approver-after-ccm"), "--patched"),
    ],
)
def test_usage(plain: Path, words: tuple[str, ...], said: str) -> None:
    before = listing(plain)
    result = run(*words, cwd=plain)
    assert (result.code, result.out) == (2, b"")
    assert "Traceback" not in result.err and said in result.err
    assert result.err.startswith(("Usage: kubespray-patchgen", "Error: Option"))
    assert listing(plain) == before


def test_no_such_playbook(plain: Path) -> None:
    text = refused(run("order", plain, "-p", "nothing.yml"))
    assert "no playbook 'nothing.yml'; it has cluster.yml" in text


def test_demo_into_what_exists(tmp_path: Path) -> None:
    text = refused(run("demo", "--keep", tmp_path))
    assert "exists already" in text


class TestReadOnly:
    """As root nothing is read-only by its mode, so the answer of the system is simulated."""

    @pytest.fixture
    def no_access(self, monkeypatch: pytest.MonkeyPatch) -> None:
        access = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))

    @pytest.mark.usefixtures("no_access")
    def test_file(self, plain: Path) -> None:
        before = listing(plain)
        result = run("patch", plain, "--apply")
        last = result.err.splitlines()[-1]
        assert (result.code, result.out) == (2, b"")
        assert CLUSTER in last and "read-only" in last and "nothing was changed" in last
        assert listing(plain) == before

    @pytest.mark.parametrize("way", ["--apply", "-o"])
    def test_file_system(
        self, plain: Path, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*arguments: object, **options: object) -> None:
            raise OSError(30, "Read-only file system", str(tmp_path))

        before = listing(tmp_path)
        with monkeypatch.context() as context:
            context.setattr("generator.emit.files.tempfile.mkstemp", denied)
            context.setattr(Path, "mkdir", denied)
            result = run("patch", plain, *([way] if way == "--apply" else [way, tmp_path / "out"]))
        assert (result.code, result.out) == (2, b"")
        assert "Read-only file system" in result.err.splitlines()[-1]
        assert listing(tmp_path) == before


class TestGit:
    def test_missing(self, repo: Path, tmp_path: Path) -> None:
        result = start("patch", repo, PATH=str(tmp_path))
        assert "git was not found" in refused(result)

    def test_missing_where_it_is_needed_late(self, plain: Path, tmp_path: Path) -> None:
        """In no repository git is needed only to make the patch."""
        result = start("patch", plain, PATH=str(tmp_path))
        assert (result.code, result.out) == (2, b"")
        assert "git was not found" in result.err.splitlines()[-1]

    def test_missing_where_it_is_not_needed(self, tmp_path: Path) -> None:
        result = start("order", "--sample", PATH=str(tmp_path))
        assert result.code == 0

    def test_refuses_the_owner(self, repo: Path) -> None:
        result = start("patch", repo, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
        text = refused(result)
        assert "repo" in text and "git config --global --add safe.directory" in text

    def test_broken_configuration(self, repo: Path) -> None:
        (repo / ".git/config").write_text("[core\n")
        assert "config" in refused(run("patch", repo))

    @pytest.mark.parametrize("path", [CLUSTER, META, "playbooks/facts.yml"])
    def test_corrupted_object(self, repo: Path, path: str) -> None:
        corrupt(repo, git(repo, "rev-parse", f"HEAD:{path}"), b"no object\n")
        refused(run("patch", repo, "--rev", "HEAD"))

    def test_cut_object(self, repo: Path) -> None:
        blob = git(repo, "rev-parse", f"HEAD:{CLUSTER}")
        whole = loose(repo, blob).read_bytes()
        corrupt(repo, blob, whole[: len(whole) // 2])
        refused(run("patch", repo, "--rev", "HEAD"))

    def test_missing_object(self, repo: Path) -> None:
        blob = git(repo, "rev-parse", f"HEAD:{CLUSTER}")
        loose(repo, blob).unlink()
        text = refused(run("patch", repo, "--rev", "HEAD"))
        assert blob in text or CLUSTER in text

    @pytest.mark.parametrize("what", ["HEAD^{tree}", "HEAD:playbooks", "HEAD"])
    def test_corrupted_tree(self, repo: Path, what: str) -> None:
        corrupt(repo, git(repo, "rev-parse", what), b"no object\n")
        refused(run("patch", repo, "--rev", "HEAD"))

    def test_pointer_to_nowhere(self, plain: Path) -> None:
        """A submodule or linked work tree that was moved away from its repository."""
        (plain / ".git").write_text("gitdir: /nowhere/at/all\n")
        result = run("patch", plain, "--commit")
        assert (result.code, result.out) == (2, b"")

    def test_nothing_of_the_tree_is_run(self, repo: Path, tmp_path: Path) -> None:
        """A repository's attributes name a filter, its config a pager, an editor, an ssh."""
        marker = tmp_path / "marker"
        for key in (
            "core.pager",
            "core.editor",
            "core.sshCommand",
            "diff.external",
            "core.askPass",
        ):
            git(repo, "config", key, f"touch '{marker}'")
        other = clone(repo, tmp_path / "other", "--bare")
        assert patch(repo) and patch(other, "--rev", "v1")
        assert not marker.exists()


def loose(repo: Path, name: str) -> Path:
    return repo / ".git/objects" / name[:2] / name[2:]


def corrupt(repo: Path, name: str, data: bytes) -> None:
    path = loose(repo, name)
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.fixture
def pipe() -> Iterator[Callable[..., tuple[int, str]]]:
    """Return a function that runs the program with a stdout of our making."""

    def run_into(stdout: int, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            command(*words), stdout=stdout, stderr=subprocess.PIPE, env=environment(), timeout=60
        )
        return done.returncode, done.stderr.decode()

    yield run_into


class TestOutput:
    @pytest.mark.parametrize(
        "words", [("patch", "--sample"), ("order", "--sample"), ("patches", "list"), ("--help",)]
    )
    def test_reader_is_gone(
        self, pipe: Callable[..., tuple[int, str]], words: tuple[str, ...]
    ) -> None:
        """As behind `| head`: nothing went wrong, so the code is 0 and nothing is said of it."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            code, said = pipe(writer, *words)
        finally:
            os.close(writer)
        assert "Traceback" not in said and "Broken pipe" not in said, said
        assert "Exception ignored" not in said
        assert code == 0

    def test_head(self) -> None:
        words = " ".join(command("order", "--sample", "-p", "all", "--format", "json"))
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{words} | head -c 10"],
            capture_output=True, env=environment(), timeout=60,
        )  # fmt: skip
        assert done.stdout == b'{\n  "schem'
        assert done.stderr == b"" and done.returncode == 0

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize("words", [("patch", "--sample"), ("patches", "list")])
    def test_disk_is_full(
        self, pipe: Callable[..., tuple[int, str]], words: tuple[str, ...]
    ) -> None:
        with Path("/dev/full").open("wb") as full:
            code, said = pipe(full.fileno(), *words)
        assert code == 2
        assert "Traceback" not in said and "Exception ignored" not in said
        assert "No space left on device" in said.splitlines()[-1]

    def test_stdout_is_closed(self) -> None:
        """The patch went nowhere, so all is not well."""
        words = [sys.executable, "-c", CLOSED.format(1), *command("patch", "--sample")]
        done = subprocess.run(words, capture_output=True, env=environment(), timeout=60)
        assert b"Traceback" not in done.stderr
        assert done.returncode == 2

    def test_stderr_is_closed(self) -> None:
        words = [sys.executable, "-c", CLOSED.format(2), *command("patch", "--sample")]
        done = subprocess.run(words, capture_output=True, env=environment(), timeout=60)
        assert done.returncode == 0
        assert done.stdout == patch("--sample")

    def test_stdin_is_closed(self) -> None:
        words = [sys.executable, "-c", CLOSED.format(0), *command("patch", "--sample")]
        done = subprocess.run(words, capture_output=True, env=environment(), timeout=60)
        assert done.returncode == 0
        assert done.stdout == patch("--sample")


CLOSED = "import os, sys; os.close({}); os.execv(sys.argv[1], sys.argv[1:])"
"""Python code that runs a program with one of its standard streams closed."""
