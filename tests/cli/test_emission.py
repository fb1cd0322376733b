"""What the program emits: mails, diffs, directories, changed files, commits; and nothing else."""

from __future__ import annotations

import email
import os
import re
import signal
import subprocess
import textwrap
import time
from email.message import Message
from pathlib import Path

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    TITLES,
    am,
    clone,
    command,
    commit_all,
    environment,
    git,
    listing,
    patch,
    patched,
    run,
    start,
    tree_id,
)
from generator.emit.files import write_series
from generator.exits import UnusableInput

NAMES = ["0001-approver-after-ccm.patch", "0002-approver-tolerations.patch"]


def split(mails: bytes) -> list[Message]:
    """Return the mails of a series, split where git splits them."""
    parts = re.split(rb"^(?=From 0{40} )", mails, flags=re.MULTILINE)
    return [email.message_from_bytes(part.split(b"\n", 1)[1]) for part in parts if part.strip()]


def body(mail: Message) -> str:
    """Return the commit message below the subject."""
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().split("\n---\n")[0]


def is_patched(top: Path, files: dict[str, bytes]) -> bool:
    return all((top / path).read_bytes() == data for path, data in patched(files).items())


def is_as_before(top: Path, files: dict[str, bytes]) -> bool:
    return all((top / path).read_bytes() == files[path] for path in CHANGED)


class TestSameTreeOnEveryWay:
    """However the series reaches a tree, the tree is the same."""

    @pytest.fixture
    def expected(self, repo: Path, files: dict[str, bytes], tmp_path: Path) -> str:
        """Return the id of the tree that has the two files as patched by hand."""
        other = clone(repo, tmp_path / "expected")
        for path, data in patched(files).items():
            (other / path).write_bytes(data)
        git(other, "add", "--all")
        return git(other, "write-tree")

    def test_am(self, repo: Path, expected: str) -> None:
        assert am(repo, patch(repo)) == expected
        assert git(repo, "log", "--format=%s", "v1..").splitlines() == TITLES[::-1]
        assert git(repo, "status", "--porcelain") == ""

    def test_apply_of_the_mails(self, repo: Path, expected: str) -> None:
        git(repo, "apply", "--index", data=patch(repo))
        assert git(repo, "write-tree") == expected

    def test_apply_of_the_diff(self, repo: Path, expected: str) -> None:
        git(repo, "apply", "--index", data=patch(repo, "--format", "diff"))
        assert git(repo, "write-tree") == expected

    def test_numbered_files(self, repo: Path, expected: str, tmp_path: Path) -> None:
        assert patch(repo, "-o", tmp_path / "out") == b""
        names = (tmp_path / "out/series").read_text().splitlines()
        assert names == NAMES
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*NAMES, "series"]
        for name in names:
            git(repo, "am", "--quiet", str(tmp_path / "out" / name))
        assert tree_id(repo) == expected

    def test_written(self, repo: Path, expected: str) -> None:
        assert patch(repo, "--apply") == b""
        # The index is not touched; the work tree alone is.
        assert git(repo, "diff", "--cached", "--name-only") == ""
        assert git(repo, "diff", "--name-only").splitlines() == CHANGED
        git(repo, "add", "--all")
        assert git(repo, "write-tree") == expected

    def test_committed(self, repo: Path, expected: str) -> None:
        assert patch(repo, "--commit") == b""
        assert tree_id(repo) == expected

    def test_reverse(self, repo: Path, files: dict[str, bytes]) -> None:
        diff = patch(repo, "--format", "diff")
        assert run("patch", repo, "--apply").code == 0
        git(repo, "apply", "--reverse", data=diff)
        assert is_as_before(repo, files)

    def test_files_hold_the_mails(self, repo: Path, tmp_path: Path) -> None:
        patch(repo, "-o", tmp_path / "out")
        parts = [(tmp_path / "out" / name).read_bytes() for name in NAMES]
        assert b"\n".join(parts) == patch(repo)


class TestMessage:
    @pytest.fixture
    def mails(self, repo: Path) -> list[Message]:
        return split(patch(repo, "--rev", "v1"))

    def test_one_a_patch(self, mails: list[Message]) -> None:
        subjects = [" ".join(str(mail["Subject"]).split()) for mail in mails]
        assert subjects == [f"[PATCH {n}/2] {title}" for n, title in enumerate(TITLES, start=1)]

    def test_alone_it_has_no_number(self, repo: Path) -> None:
        (mail,) = split(patch(repo, "--only", "approver-tolerations"))
        assert " ".join(str(mail["Subject"]).split()) == f"[PATCH] {TITLES[1]}"

    def test_reason_and_finding(self, mails: list[Message]) -> None:
        first, second = (" ".join(body(mail).split()) for mail in mails)
        assert "only the cloud controller manager takes it off" in first
        assert "The playbook upgrade_cluster is left alone." in first
        assert f"({CLUSTER}:52) runs before what it needs" in first
        assert "do not tolerate the taint" in second
        assert f"Found in this tree: - {META}:17 has no entry in 'tolerations'" in second

    def test_references(self, mails: list[Message]) -> None:
        for mail in mails:
            references = body(mail).split("\nReferences:\n")[1].split("\n\n")[0].splitlines()
            assert references and all(line.startswith("- https://") for line in references)
            assert "- https://github.com/kubernetes-sigs/kubespray/pull/12141" in references

    def test_last_lines(self, mails: list[Message], repo: Path) -> None:
        base = f"Base: v1 ({git(repo, 'rev-parse', 'v1')})"
        for mail, name in zip(mails, ("approver-after-ccm", "approver-tolerations"), strict=True):
            last = body(mail).splitlines()[-2:]
            assert last == [f"Semantic-patch: {name} (version 1)", base]

    def test_width(self, mails: list[Message]) -> None:
        for mail in mails:
            for line in body(mail).splitlines():
                # A word that is longer than the line cannot be wrapped: a URL, the base's id.
                assert len(line) <= 72 or len(line.split()) <= 2 or line.startswith("Base: "), line
            assert len(TITLES[0]) <= 72 and len(TITLES[1]) <= 72

    def test_no_trace_of_the_machine(self, repo: Path, plain: Path, tmp_path: Path) -> None:
        text = patch(repo) + patch(plain)
        for trace in (tmp_path, Path.home(), Path.cwd(), "plain", os.uname().nodename, "Jane"):
            assert str(trace).encode() not in text, trace
        assert not re.search(rb"(?<![\w.:/-])/(tmp|home|root|usr|var|work)/", text)

    def test_author_and_date(self, mails: list[Message]) -> None:
        for mail in mails:
            assert mail["From"] == "kubespray-patchgen <kubespray-patchgen@noreply.invalid>"
            assert re.fullmatch(r"\w{3}, \d+ \w{3} \d{4} 00:00:00 \+0000", str(mail["Date"]))


CONFIGS = {
    "diff": """
        [diff]
            noprefix = true
            mnemonicPrefix = true
            relative = true
            algorithm = patience
            context = 9
            interHunkContext = 9
            renames = copies
            wsErrorHighlight = all
            statGraphWidth = 10
            suppressBlankEmpty = true
            indentHeuristic = false
            orderFile = ~/order
        [color]
            ui = always
        """,
    "prefixes": """
        [diff]
            srcPrefix = x/
            dstPrefix = y/
        """,
    "format": """
        [format]
            signature = me
            headers = X-Me: me
            attach = true
            thread = true
            numbered = true
            from = me@example.org
            coverLetter = true
            suffix = .txt
            to = you@example.org
            subjectPrefix = OURS
            signOff = true
            notes = true
            useAutoBase = true
            pretty = short
        [log]
            showSignature = true
            date = relative
        """,
    "endings": """
        [core]
            autocrlf = true
            eol = crlf
            safecrlf = true
            abbrev = 5
            attributesFile = ~/attributes
        [diff "x"]
            textconv = tac
        """,
    "rest": """
        [commit]
            gpgSign = true
        [gpg]
            program = false
        [i18n]
            commitEncoding = latin1
            logOutputEncoding = latin1
        [init]
            templateDir = ~/none
        """,
}


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    """Keep what is expected from one test to the next."""
    return {}


class TestSameBytes:
    """The same tree gives the same bytes, whoever asks and wherever."""

    @pytest.fixture
    def expected(self, plain: Path, known: dict[str, bytes]) -> bytes:
        if not known:
            known["bytes"] = self.again(plain)
        return known["bytes"]

    def again(self, top: Path) -> bytes:
        return patch(top) + patch(top, "--format", "diff")

    def test_twice(self, plain: Path, expected: bytes) -> None:
        assert self.again(plain) == expected

    @pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
    def test_configuration_of_the_user(
        self, plain: Path, expected: bytes, config: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        home = tmp_path / "elsewhere"
        home.mkdir()
        (home / "order").write_text("roles/*\nplaybooks/*\n")
        (home / "attributes").write_text("*.yml diff=x -text\n")
        (home / ".gitconfig").write_text(textwrap.dedent(config))
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.delenv("GIT_CONFIG_GLOBAL")
        assert self.again(plain) == expected

    @pytest.mark.parametrize("config", ["diff", "format", "rest"])
    def test_configuration_of_the_repository(self, repo: Path, config: str, tmp_path: Path) -> None:
        mails = patch(repo)
        with (repo / ".git/config").open("a") as stream:
            stream.write(textwrap.dedent(CONFIGS[config]))
        assert patch(repo) == mails

    @pytest.mark.parametrize(
        "variables",
        [
            {"TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.ISO-8859-9"},
            {"GIT_AUTHOR_NAME": "Somebody", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00"},
            {"GIT_DIFF_OPTS": "--unified=9"},
            {"GIT_EXTERNAL_DIFF": "false", "GIT_LITERAL_PATHSPECS": "1", "GIT_NAMESPACE": "x"},
            {"GIT_CONFIG_PARAMETERS": "'diff.noprefix=true' 'diff.context=9'"},
            {"GIT_DEFAULT_HASH": "sha256", "SOURCE_DATE_EPOCH": "1"},
            {"GIT_TRACE": "1"},
            {"TERM": "dumb", "COLUMNS": "40"},
        ],
        ids=lambda variables: "-".join(variables),
    )
    def test_environment(
        self,
        plain: Path,
        expected: bytes,
        variables: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert self.again(plain) == expected

    def test_configuration_by_numbered_variables(
        self, plain: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "diff.noprefix")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
        assert self.again(plain) == expected

    def test_objects_stay_out_of_a_foreign_database(
        self, plain: Path, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """GIT_OBJECT_DIRECTORY is set in receive hooks and names the repository's own."""
        (tmp_path / "objects").mkdir()
        monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
        assert self.again(plain) == expected
        assert listing(tmp_path / "objects") == {}

    def test_other_processes(self, plain: Path, tmp_path: Path) -> None:
        (tmp_path / "here").mkdir()
        one = start("patch", plain, PYTHONHASHSEED="1")
        other = start(
            "patch", "../plain", cwd=tmp_path / "here", PYTHONHASHSEED="2", TZ="Asia/Tokyo"
        )
        assert one.code == other.code == 0
        assert one.out == other.out == patch(plain)


class TestNothingNeeded:
    @pytest.fixture
    def done(self, repo: Path) -> Path:
        am(repo, patch(repo))
        return repo

    @pytest.mark.parametrize(
        "way", [(), ("--format", "diff"), ("--apply",), ("--commit",), ("-o", "out")]
    )
    def test_silent(self, done: Path, way: tuple[str, ...], tmp_path: Path) -> None:
        before = listing(done)
        result = run("patch", done, *way, cwd=tmp_path)
        assert (result.code, result.out) == (0, b"")
        assert result.err.splitlines()[-1] == "Nothing to do: no patch is needed."
        assert listing(done) == before
        assert not (tmp_path / "out").exists()

    def test_a_part_is_needed(self, repo: Path) -> None:
        run("patch", repo, "--only", "approver-after-ccm", "--commit")
        result = run("patch", repo)
        (mail,) = split(result.out)
        assert TITLES[1] in " ".join(str(mail["Subject"]).split())
        assert "approver-after-ccm: nothing to do: " in result.err
        assert "no patch is needed" not in result.err

    def test_an_older_series_does_not_stay(self, done: Path, repo: Path, tmp_path: Path) -> None:
        """The directory's contents follow from the tree alone, not from what was there."""
        patch(repo, "--rev", "v1", "-o", tmp_path / "out")
        patch(done, "-o", tmp_path / "out")
        left = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert left in ([], ["series"])


class TestApply:
    def test_mode_is_kept(self, repo: Path, files: dict[str, bytes]) -> None:
        (repo / CLUSTER).chmod(0o755)
        (repo / META).chmod(0o640)
        commit_all(repo, "Make it executable")
        assert b"100755\n" in patch(repo)
        assert run("patch", repo, "--apply").code == 0
        assert is_patched(repo, files)
        assert (repo / CLUSTER).stat().st_mode & 0o7777 == 0o755
        assert (repo / META).stat().st_mode & 0o7777 == 0o640

    def test_mode_is_kept_in_a_commit(self, repo: Path) -> None:
        (repo / CLUSTER).chmod(0o755)
        commit_all(repo, "Make it executable")
        assert run("patch", repo, "--commit").code == 0
        assert git(repo, "ls-tree", "HEAD", CLUSTER).startswith("100755 ")
        assert git(repo, "status", "--porcelain") == ""

    def test_says_what_it_changed(self, repo: Path) -> None:
        result = run("patch", repo, "--apply")
        assert result.err.splitlines()[-2:] == [f"changed {path}" for path in CHANGED]

    def test_only_these_files(self, plain: Path) -> None:
        before = listing(plain)
        run("patch", plain, "--apply")
        after = listing(plain)
        assert before.keys() == after.keys()
        assert sorted(path for path in before if before[path] != after[path]) == CHANGED

    @pytest.mark.parametrize("state", ["modified", "staged", "untracked", "ignored"])
    @pytest.mark.parametrize("way", ["--apply", "--commit"])
    def test_refuses_uncommitted_changes(
        self, repo: Path, files: dict[str, bytes], state: str, way: str
    ) -> None:
        self.uncommitted(repo, files, state)
        before = listing(repo)
        result = run("patch", repo, way)
        assert (result.code, result.out) == (3, b"")
        assert f"{META} has uncommitted changes" in result.err
        assert listing(repo) == before

    @pytest.mark.parametrize("state", ["modified", "staged", "untracked"])
    def test_force(self, repo: Path, files: dict[str, bytes], state: str) -> None:
        self.uncommitted(repo, files, state)
        assert run("patch", repo, "--apply", "--force").code == 0
        assert (repo / CLUSTER).read_bytes() == patched(files)[CLUSTER]
        assert (repo / META).read_bytes() == patched(files)[META] + b"# Ours.\n"

    def uncommitted(self, repo: Path, files: dict[str, bytes], state: str) -> None:
        if state in ("untracked", "ignored"):
            git(repo, "rm", "--quiet", "--cached", META)
            (repo / ".gitignore").write_text("meta/\n" if state == "ignored" else "\n")
            git(repo, "add", ".gitignore")
            git(repo, "commit", "--quiet", "--message=Forget it")
        (repo / META).write_bytes(files[META] + b"# Ours.\n")
        if state == "staged":
            git(repo, "add", META)

    def test_mode_alone_is_a_change(self, repo: Path) -> None:
        (repo / META).chmod(0o755)
        assert run("patch", repo, "--apply").code == 3

    def test_other_files_do_not_matter(self, repo: Path, files: dict[str, bytes]) -> None:
        (repo / "README.md").write_text("modified\n")
        (repo / "new.yml").write_text("untracked\n")
        (repo / "staged.yml").write_text("staged\n")
        git(repo, "add", "staged.yml")
        (repo / "playbooks/facts.yml").write_bytes(files["playbooks/facts.yml"] + b"# Ours.\n")
        before = git(repo, "status", "--porcelain")
        assert run("patch", repo, "--apply").code == 0
        assert is_patched(repo, files)
        after = git(repo, "status", "--porcelain")
        assert sorted(set(after.splitlines()) - set(before.splitlines())) == [
            f" M {path}" for path in CHANGED
        ]

    def test_a_file_touched_only_is_no_change(self, repo: Path, files: dict[str, bytes]) -> None:
        os.utime(repo / META, (1, 1))
        assert run("patch", repo, "--apply").code == 0
        assert is_patched(repo, files)

    @pytest.mark.parametrize("way", ["--apply", "--commit"])
    def test_all_or_nothing(self, repo: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
        before, head = listing(repo / "playbooks") | listing(repo / "roles"), tree_id(repo)
        self.fail_at(monkeypatch, 2, OSError(28, "No space left on device"))
        result = run("patch", repo, way)
        assert (result.code, result.out) == (2, b"")
        assert "No space left on device" in result.err and "nothing was changed" in result.err
        assert listing(repo / "playbooks") | listing(repo / "roles") == before
        assert git(repo, "status", "--porcelain", "--ignored") == ""
        assert tree_id(repo) == head

    @pytest.mark.parametrize("way", ["--apply", "--commit"])
    @pytest.mark.parametrize("number", [1, 2])
    def test_interrupted(
        self, repo: Path, way: str, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = listing(repo / "playbooks") | listing(repo / "roles")
        self.fail_at(monkeypatch, number, KeyboardInterrupt())
        result = run("patch", repo, way)
        assert (result.code, result.out) == (130, b"")
        assert result.err.splitlines()[-1] == "kubespray-patchgen: interrupted."
        assert listing(repo / "playbooks") | listing(repo / "roles") == before
        assert git(repo, "status", "--porcelain", "--ignored") == ""

    def fail_at(self, monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
        """Let the replacing of the file of this number fail, once."""
        replace, calls = Path.replace, []

        def failing(self: Path, target: Path) -> Path:
            calls.append(target)
            if len(calls) == number:
                raise error
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", failing)

    @pytest.mark.parametrize("where", [("--rev", "v1"), ("--rev", "HEAD")])
    @pytest.mark.parametrize("way", ["--apply", "--commit"])
    def test_needs_files_on_disk(self, repo: Path, where: tuple[str, ...], way: str) -> None:
        before = listing(repo)
        result = run("patch", repo, *where, way)
        assert (result.code, result.out) == (2, b"")
        assert "--rev" in result.err
        assert listing(repo) == before

    @pytest.mark.parametrize("way", ["--apply", "--commit"])
    def test_the_sample_is_not_on_disk(self, way: str) -> None:
        result = run("patch", "--sample", way)
        assert (result.code, result.out) == (2, b"")

    def test_json_with_apply(self, repo: Path, files: dict[str, bytes]) -> None:
        result = run("patch", repo, "--apply", "--format", "json")
        assert result.code == 0 and result.out.startswith(b"{")
        assert is_patched(repo, files)


class TestCommit:
    def test_one_commit_a_patch(self, repo: Path) -> None:
        result = run("patch", repo, "--commit")
        assert (result.code, result.out) == (0, b"")
        rows = git(repo, "log", "--format=%s|%an|%ae|%cn", "v1..").splitlines()
        assert rows == [
            f"{title}|Jane Tester|jane@example.org|Jane Tester" for title in TITLES[::-1]
        ]
        assert git(repo, "show", "--format=", "--name-only", "HEAD~1") == CLUSTER
        assert git(repo, "show", "--format=", "--name-only", "HEAD") == META
        for made in git(repo, "log", "--reverse", "--format=%H", "v1..").split():
            assert f"committed {made[:12]} " in result.err
        assert git(repo, "status", "--porcelain") == ""
        git(repo, "fsck", "--strict", "--full")

    def test_message_is_the_mails(self, repo: Path) -> None:
        mail = split(patch(repo))[1]
        run("patch", repo, "--commit")
        assert git(repo, "log", "-1", "--format=%b").strip() == body(mail).strip()

    def test_reflog_says_who(self, repo: Path) -> None:
        run("patch", repo, "--commit")
        assert "kubespray-patchgen" in git(repo, "reflog", "-1", "--format=%gs")
        assert git(repo, "rev-parse", "HEAD@{1}") == git(repo, "rev-parse", "v1")

    def test_what_is_staged_stays_staged(self, repo: Path) -> None:
        (repo / "README.md").write_text("staged\n")
        (repo / "new.yml").write_text("new\n")
        git(repo, "add", "README.md", "new.yml")
        git(repo, "rm", "--quiet", "--cached", "ansible.cfg")
        (repo / "README.md").write_text("staged, and changed again\n")
        before = git(repo, "status", "--porcelain")
        assert run("patch", repo, "--commit").code == 0
        assert git(repo, "status", "--porcelain") == before
        assert git(repo, "diff", "--name-only", "v1", "HEAD").splitlines() == CHANGED
        assert git(repo, "show", ":README.md") == "staged"

    def test_no_hook_runs(self, repo: Path, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        hooks = repo / ".git/hooks"
        hooks.mkdir(exist_ok=True)
        for name in (
            "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-index-change",
            "reference-transaction", "post-checkout", "fsmonitor-watchman",
        ):  # fmt: skip
            (hooks / name).write_text(f"#!/bin/sh\necho {name} >> '{marker}'\n")
            (hooks / name).chmod(0o755)
        git(repo, "config", "core.fsmonitor", str(hooks / "fsmonitor-watchman"))
        assert patch(repo)
        assert patch(repo, "--rev", "HEAD")
        assert run("patch", repo, "--commit").code == 0
        assert not marker.exists()
        # The hooks would run if git were asked as usual.
        git(repo, "commit", "--quiet", "--allow-empty", "--message=Usual")
        assert "pre-commit" in marker.read_text()

    def test_hooks_path_of_the_user(self, repo: Path, tmp_path: Path) -> None:
        (tmp_path / "hooks").mkdir()
        hook = tmp_path / "hooks/reference-transaction"
        hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/marker'\nexit 1\n")
        hook.chmod(0o755)
        git(repo, "config", "core.hooksPath", str(tmp_path / "hooks"))
        assert run("patch", repo, "--commit").code == 0
        assert not (tmp_path / "marker").exists()

    def test_nothing_is_signed(self, repo: Path) -> None:
        git(repo, "config", "commit.gpgSign", "true")
        git(repo, "config", "gpg.program", "false")
        assert run("patch", repo, "--commit").code == 0
        assert "gpgsig" not in git(repo, "cat-file", "commit", "HEAD")

    def test_refuses_without_a_first_commit(self, plain: Path) -> None:
        git(plain, "init", "--quiet")
        git(plain, "add", "--all")
        before = listing(plain)
        result = run("patch", plain, "--commit")
        assert (result.code, result.out) == (2, b"")
        assert "has no commit yet" in result.err
        assert listing(plain) == before

    def test_plain_directory(self, plain: Path) -> None:
        before = listing(plain)
        result = run("patch", plain, "--commit")
        assert (result.code, result.out) == (2, b"")
        assert "git work tree" in result.err
        assert listing(plain) == before

    def test_identity_is_missing(self, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = repo.parent / "nobody"
        config.write_text("[user]\n useConfigOnly = true\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        before = listing(repo / "playbooks")
        result = run("patch", repo, "--commit")
        assert (result.code, result.out) == (2, b"")
        last = result.err.splitlines()[-1]
        assert "user.name" in last and "user.email" in last
        assert listing(repo / "playbooks") == before
        assert git(repo, "rev-parse", "HEAD") == git(repo, "rev-parse", "v1")
        assert git(repo, "status", "--porcelain") == ""

    def test_index_is_locked(self, repo: Path, files: dict[str, bytes]) -> None:
        """Another git is at work: nothing changes, not half of it."""
        lock = repo / ".git/index.lock"
        lock.touch()
        result = run("patch", repo, "--commit")
        assert (result.code, result.out) == (2, b"")
        assert "index.lock" in result.err
        lock.unlink()
        assert git(repo, "rev-parse", "HEAD") == git(repo, "rev-parse", "v1")
        assert is_as_before(repo, files)
        assert git(repo, "status", "--porcelain") == ""

    def test_branch_is_locked(self, repo: Path, files: dict[str, bytes]) -> None:
        lock = repo / ".git/refs/heads/main.lock"
        lock.touch()
        result = run("patch", repo, "--commit")
        assert (result.code, result.out) == (2, b"")
        lock.unlink()
        assert git(repo, "rev-parse", "HEAD") == git(repo, "rev-parse", "v1")
        assert is_as_before(repo, files)
        assert git(repo, "status", "--porcelain") == ""

    def test_branch_moves_meanwhile(
        self, repo: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A commit that somebody makes in between is not lost."""
        replace = Path.replace

        def busy(self: Path, target: Path) -> Path:
            if target.name == "cluster.yml":
                git(repo, "commit", "--quiet", "--allow-empty", "--message=Theirs")
            return replace(self, target)

        with monkeypatch.context() as context:
            context.setattr(Path, "replace", busy)
            result = run("patch", repo, "--commit")
        assert (result.code, result.out) == (2, b"")
        assert git(repo, "log", "-1", "--format=%s") == "Theirs"
        assert is_as_before(repo, files)

    def test_second_time(self, repo: Path) -> None:
        run("patch", repo, "--commit")
        head = git(repo, "rev-parse", "HEAD")
        assert run("patch", repo, "--commit").code == 0
        assert git(repo, "rev-parse", "HEAD") == head


class TestUntouched:
    """Plain `patch` leaves the repository as it is, to the last byte of .git."""

    @pytest.mark.parametrize(
        "way", [(), ("--format", "diff"), ("--format", "json"), ("--rev", "v1")]
    )
    def test_nothing_changes(self, repo: Path, way: tuple[str, ...]) -> None:
        (repo / "README.md").write_text("modified\n")
        (repo / "new.yml").write_text("new\n")
        git(repo, "add", "new.yml")
        # What git would note in the index on the way: files whose time alone has changed.
        for path in (CLUSTER, META):
            os.utime(repo / path, (1_000_000_000, 1_000_000_000))
        before = listing(repo)
        assert ".git/index" in before
        assert patch(repo, *way)
        assert listing(repo) == before

    def test_order_and_output(self, repo: Path, tmp_path: Path) -> None:
        for path in (CLUSTER, META):
            os.utime(repo / path, (1_000_000_000, 1_000_000_000))
        before = listing(repo)
        assert run("order", repo).code == 0
        assert run("patch", repo, "-o", tmp_path / "out").code == 0
        assert listing(repo) == before

    def test_temporary_files_are_gone(
        self, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "scratch").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
        patch(repo)
        patch(repo, "--commit")
        assert listing(tmp_path / "scratch") == {}


class TestOutput:
    def test_new_directory_with_parents(self, plain: Path, tmp_path: Path) -> None:
        result = run("patch", plain, "-o", tmp_path / "a/b/out")
        assert (result.code, result.out) == (0, b"")
        assert sorted(listing(tmp_path / "a/b")) == [
            "out", *(f"out/{name}" for name in (*NAMES, "series")),
        ]  # fmt: skip
        assert f"wrote {tmp_path / 'a/b/out/series'}" in result.err

    def test_existing_empty_directory(self, plain: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir(mode=0o700)
        patch(plain, "-o", tmp_path / "out")
        assert sorted(listing(tmp_path / "out")) == [*NAMES, "series"]
        assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700

    def test_current_directory(self, plain: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        result = run("patch", plain, "-o", ".", cwd=tmp_path / "out")
        assert result.code == 0, result.err
        assert sorted(listing(tmp_path / "out")) == [*NAMES, "series"]

    def test_link_to_a_directory(self, plain: Path, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "out").symlink_to("real")
        patch(plain, "-o", tmp_path / "out")
        assert (tmp_path / "out").is_symlink()
        assert sorted(listing(tmp_path / "real")) == [*NAMES, "series"]

    @pytest.mark.parametrize(
        "name", ["notes.txt", "0003-ours.patch.orig", ".hidden", "SERIES", "sub"]
    )
    def test_foreign_file(self, plain: Path, tmp_path: Path, name: str) -> None:
        (tmp_path / "out").mkdir()
        if name == "sub":
            (tmp_path / "out/sub").mkdir()
        else:
            (tmp_path / "out" / name).write_text("mine\n")
        before = listing(tmp_path)
        result = run("patch", plain, "-o", tmp_path / "out")
        assert (result.code, result.out) == (2, b"")
        assert f"'{name}'" in result.err
        assert listing(tmp_path) == before

    @pytest.mark.parametrize("kind", ["file", "below a file"])
    def test_no_directory(self, plain: Path, tmp_path: Path, kind: str) -> None:
        (tmp_path / "out").write_text("mine\n")
        target = tmp_path / "out" if kind == "file" else tmp_path / "out/below"
        result = run("patch", plain, "-o", target)
        assert (result.code, result.out) == (2, b"")
        assert "Not a directory" in result.err
        assert (tmp_path / "out").read_text() == "mine\n"

    def test_older_series_is_replaced(self, plain: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        patch(plain, "-o", out)
        patch(plain, "-o", out, "--only", "approver-tolerations")
        assert sorted(listing(out)) == ["0001-approver-tolerations.patch", "series"]
        assert (out / "series").read_text() == "0001-approver-tolerations.patch\n"
        patch(plain, "-o", out)
        assert sorted(listing(out)) == [*NAMES, "series"]

    def test_same_bytes(self, plain: Path, tmp_path: Path) -> None:
        patch(plain, "-o", tmp_path / "one")
        patch(plain, "-o", tmp_path / "two")
        patch(plain, "-o", tmp_path / "two")
        assert listing(tmp_path / "one") == listing(tmp_path / "two")

    @pytest.mark.parametrize(
        ("method", "number"),
        [("replace", 1), ("replace", 2), ("replace", 3), ("unlink", 1), ("rename", 1)],
    )
    @pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
    def test_broken_off(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        number: int,
        error: BaseException,
    ) -> None:
        """Wherever it ends, the older series is whole and nothing lies beside it."""
        results = tmp_path / "results"
        write_series(results / "out", ["older"], [b"an older mail"])
        before = listing(results)
        real, calls = getattr(Path, method), []

        def failing(path: Path, *arguments: object, **options: object) -> object:
            if results in path.parents:
                calls.append(path)
                if len(calls) == number:
                    raise error
            return real(path, *arguments, **options)

        with monkeypatch.context() as context:
            context.setattr(Path, method, failing)
            try:
                write_series(results / "out", ["one", "two"], [b"first", b"second"])
            except (KeyboardInterrupt, UnusableInput):
                assert len(calls) >= number
                assert listing(results) == before
            else:
                assert len(calls) < number
                names = ["0001-one.patch", "0002-two.patch", "series"]
                assert sorted(listing(results / "out")) == names

    def test_interrupted(
        self, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Path.replace

        def interrupted(path: Path, target: Path) -> Path:
            if "results" in path.parts:
                raise KeyboardInterrupt
            return real(path, target)

        (tmp_path / "results").mkdir()
        monkeypatch.setattr(Path, "replace", interrupted)
        result = run("patch", plain, "-o", tmp_path / "results/out")
        assert (result.code, result.out) == (130, b"")
        assert listing(tmp_path / "results") == {}


def test_interrupted_from_outside(plain: Path, tmp_path: Path) -> None:
    """A real signal while a git runs: exit 130, one last line, nothing on stdout, no traceback."""
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch '{tmp_path}/running'\nexec sleep 20\n")
    slow.chmod(0o755)
    process = subprocess.Popen(
        command("patch", plain),
        env=environment(PATH=f"{slow.parent}:{os.environ['PATH']}"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not (tmp_path / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err.decode()
    assert out == b""
    assert err.decode().strip().splitlines()[-1] == "kubespray-patchgen: interrupted."
