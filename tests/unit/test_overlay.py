"""Overlays: their record, the ids in it, and what a tree is to one."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from generator.emit.files import written
from generator.engine.patch import SemanticPatch, load_patches
from generator.engine.series import Applied, FileChange, Series
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.overlay.base import public_url
from generator.overlay.lay import apply_overlay, require_whole, revert_overlay
from generator.overlay.make import contents, manifest_for, replace_directory, require_ours
from generator.overlay.manifest import (
    Manifest,
    OverlayBase,
    OverlayFile,
    OverlayPatch,
    check_path,
    manifest_of,
    manifest_text,
    read_manifest,
)
from generator.overlay.merge import merge
from generator.overlay.refresh import before, chosen_again, undone
from generator.overlay.state import looked_at, verdict
from generator.overlay.stored import stored_at
from generator.resources import resource_dir
from generator.tree.base import Base
from generator.tree.directory import DirectoryTree
from generator.tree.ids import blob_id, directory_entries, object_id, tree_entries, tree_id
from generator.tree.memory import MemoryTree

FILE, EXECUTABLE = "100644", "100755"
ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40

BASE = OverlayBase(ONE)
PATCH = OverlayPatch("one-patch", 1, True)
OLD, NEW = b"one\ntwo\n", b"one\n2\n"


def git(where: Path, *arguments: str, data: bytes | None = None) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=where, input=data, capture_output=True, check=True,
        env=kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    return done.stdout.decode().strip()


@cache
def shipped() -> dict[str, SemanticPatch]:
    return load_patches([resource_dir("patches")])


def series_of(*changes: FileChange) -> Series:
    outcome = Applied(shipped()["approver-after-ccm"], ("it is wrong",), changes)
    return Series(Base("here"), (outcome,), Kubespray(MemoryTree({}, "nothing")))


CHANGES = (
    FileChange("a/changed.yml", OLD, NEW, FILE),
    FileChange("a/new/added.sh", None, NEW, EXECUTABLE),
    FileChange("deleted.sh", OLD, None, EXECUTABLE),
)


def overlay(out: Path, *changes: FileChange) -> Path:
    series = series_of(*(changes or CHANGES))
    replace_directory(out, contents(series, manifest_for(series, BASE)))
    return out


def put(path: Path, data: bytes, mode: str = FILE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if mode == EXECUTABLE else 0o644)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return overlay(tmp_path / "overlay")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Return a directory that the overlay was made for."""
    put(tmp_path / "tree/a/changed.yml", OLD)
    put(tmp_path / "tree/a/other.yml", b"other\n")
    put(tmp_path / "tree/deleted.sh", OLD, EXECUTABLE)
    return tmp_path / "tree"


def tree(top: Path) -> DirectoryTree:
    return DirectoryTree(top, Base("here"))


def look(out: Path, top: Path) -> dict[str, str]:
    found = looked_at(stored_at(out), tree(top))
    return {"": found.state, **{file.path: file.state for file in found.files}}


def everything(top: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in top.rglob("*") if path.is_file() or path.is_symlink())
    return {
        path.relative_to(top).as_posix(): (
            path.lstat().st_mode,
            os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes(),
        )
        for path in files
    }


class TestManifest:
    def test_text(self) -> None:
        """The file's format, which other programs may read."""
        base = OverlayBase(
            ONE, "sha1", "v2.24.0", "v2.24.0-3-g0123456789ab", TWO, "https://x.org/k", True
        )
        files = (
            OverlayFile("a/b.yml", FILE, ONE, TWO),
            OverlayFile("c", EXECUTABLE, None, THREE),
            OverlayFile("d", FILE, THREE, None),
        )
        patches = (PATCH, OverlayPatch("other", 3, False))
        assert manifest_text(Manifest(base, patches, files)) == textwrap.dedent(
            f"""\
            schema: kubespray-patchgen/overlay/1
            base:
              name: v2.24.0
              describe: v2.24.0-3-g0123456789ab
              commit: '{TWO}'
              tree: '{ONE}'
              object-format: sha1
              url: https://x.org/k
              uncommitted: true
            patches:
              - id: one-patch
                version: 1
                needed: true
              - id: other
                version: 3
                needed: false
            files:
              - path: a/b.yml
                mode: '100644'
                before: '{ONE}'
                after: '{TWO}'
              - path: c
                mode: '100755'
                before: null
                after: '{THREE}'
              - path: d
                mode: '100644'
                before: '{THREE}'
                after: null
            """
        )

    @pytest.mark.parametrize(
        "manifest",
        [
            Manifest(BASE, (), ()),
            Manifest(OverlayBase("a" * 64, "sha256"), (PATCH,), ()),
            Manifest(OverlayBase(ONE, "sha1", "null", "12345", None, "true"), (), ()),
            Manifest(OverlayBase(ONE, "sha1", "a: b # c", "~", None, "git@h:p"), (), ()),
            Manifest(BASE, (), (OverlayFile("a b/ü: c #d", FILE, None, TWO),)),
            Manifest(BASE, (), (OverlayFile("null", FILE, None, TWO),)),
            Manifest(BASE, (), (OverlayFile("- x", FILE, None, "1e" + "2" * 38),)),
        ],
    )
    def test_read_back(self, manifest: Manifest) -> None:
        assert manifest_of("overlay.yml", manifest_text(manifest).encode()) == manifest

    GOOD = manifest_text(Manifest(BASE, (PATCH,), (OverlayFile("a/b.yml", FILE, ONE, TWO),)))

    BAD: Mapping[str, tuple[str, str]] = {
        "unknown key": ("schema:", "made-at: today\nschema:"),
        "unknown key in base": ("  describe:", "  host: here\n  describe:"),
        "unknown key in a file": ("    mode:", "    owner: me\n    mode:"),
        "unknown key in a patch": ("    needed:", "    why: so\n    needed:"),
        "other schema": ("overlay/1", "overlay/2"),
        "missing schema": ("schema: kubespray-patchgen/overlay/1\n", ""),
        "absolute path": ("a/b.yml", "/etc/passwd"),
        "path that leaves": ("a/b.yml", "a/../../b"),
        "path of dots": ("a/b.yml", ".."),
        "path to git": ("a/b.yml", "a/.git/hooks/post-checkout"),
        "path to git in capitals": ("a/b.yml", ".GiT/config"),
        "path that is not normal": ("a/b.yml", "a//b.yml"),
        "path with a dot": ("a/b.yml", "./a/b.yml"),
        "path of a folder": ("a/b.yml", "a/b/"),
        "empty path": ("a/b.yml", "''"),
        "path with a control character": ("a/b.yml", '"a\\x1b[2Jb"'),
        "path with a newline": ("a/b.yml", '"a\\nb"'),
        "path with a backslash": ("a/b.yml", "a\\b"),
        "path that is a number": ("a/b.yml", "5"),
        "path that is a list": ("a/b.yml", "[a]"),
        "mode of a link": (FILE, "120000"),
        "mode of a folder": (FILE, "40000"),
        "short id": (TWO, "2" * 39),
        "id in capitals": (TWO, "A" * 40),
        "long id": (TWO, "2" * 64),
        "same before and after": (TWO, ONE),
        "no ids": (f"before: '{ONE}'\n    after: '{TWO}'", "before: null\n    after: null"),
        "id is a mapping": (f"after: '{TWO}'", "after: {a: b}"),
        "missing key of a file": (f"    after: '{TWO}'\n", ""),
        "no tree": (f"tree: '{ONE}'", "tree: null"),
        "unknown object format": ("object-format: sha1", "object-format: md5"),
        "object format is a list": ("object-format: sha1", "object-format: [sha1]"),
        "needed is a word": ("needed: true", "needed: maybe"),
        "version is a word": ("version: 1", "version: one"),
        "id with a path": ("id: one-patch", "id: ../one"),
        "url is a number": ("url: null", "url: 5"),
        "describe of two lines": ("describe: null", 'describe: "a\\nb"'),
        "files is a text": ("files:", "files: none\nnone:"),
        "files is null": ("files:\n", "files:\nbase2:\n"),
        "a key twice": ("schema:", "schema: x\nschema:"),
        "an alias": ("url: null", "url: *x"),
        "no YAML": ("schema:", "schema: ]["),
        "a list": ("schema:", "- schema:"),
        "two documents": ("schema:", "---\na: b\n---\nschema:"),
    }  # fmt: skip

    @pytest.mark.parametrize(("old", "new"), BAD.values(), ids=BAD.keys())
    def test_bad(self, old: str, new: str, tmp_path: Path) -> None:
        assert manifest_of("good", self.GOOD.encode()).files[0].path == "a/b.yml"
        assert old in self.GOOD
        path = put(tmp_path / "overlay.yml", self.GOOD.replace(old, new, 1).encode())
        with pytest.raises(UnusableInput) as raised:
            read_manifest(path)
        said = str(raised.value)
        assert said.startswith(str(path)) and "overlay create" in said
        assert re.search(r"overlay\.yml(:\d+)?", said)

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff\xfe", b"", b"a: \0", b"[" * 5000, b"x: " + b"[" * 300 + b"]" * 300,
            b"a: &a [x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nschema: [*c, *c, *c]\n",
        ],
    )  # fmt: skip
    def test_hostile(self, data: bytes, tmp_path: Path) -> None:
        with pytest.raises(UnusableInput, match=r"overlay\.yml"):
            read_manifest(put(tmp_path / "overlay.yml", data))

    def test_no_file(self, tmp_path: Path) -> None:
        put(tmp_path / "real.yml", self.GOOD.encode())
        (tmp_path / "overlay.yml").symlink_to("real.yml")
        with pytest.raises(UnusableInput, match="no file"):
            read_manifest(tmp_path / "overlay.yml")
        with pytest.raises(UnusableInput, match="no file"):
            read_manifest(tmp_path)

    @pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")])
    def test_paths_in_each_others_way(self, paths: tuple[str, ...]) -> None:
        files = tuple(OverlayFile(path, FILE, None, TWO) for path in paths)
        with pytest.raises(UnusableInput, match=f"'{paths[0]}|'{paths[1]}"):
            manifest_of("overlay.yml", manifest_text(Manifest(BASE, (), files)).encode())

    @pytest.mark.parametrize("path", ["a", "a/b", ".github/x", "a.git/b", ".gitignore", "ü", "a b"])
    def test_good_path(self, path: str) -> None:
        assert check_path(path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("https://me:token@host.org:8443/a/b.git", "https://host.org:8443/a/b.git"),
        ("https://token@host.org/a?private_token=x#y", "https://host.org/a"),
        ("ssh://git:word@host.org:22/a", "ssh://git@host.org:22/a"),
        ("https://me:token@[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("git@host.org:a/b.git", "git@host.org:a/b.git"),
        ("host.org:a/b", "host.org:a/b"),
        ("me:token@host.org:a", None),
        ("/srv/git/kubespray", None),
        ("../kubespray", None),
        ("./a:b", None),
        ("C:\\kubespray", None),
        ("file:///srv/git/kubespray", None),
        ("ext::sh -c x", None),
        ("https://[bad/a", None),
        ("https://host.org:port/a", None),
        ("https://host.org/\x1b[2J", None),
        ("", None),
    ],
)
def test_public_url(url: str, expected: str | None) -> None:
    assert public_url(url) == expected


class TestIds:
    """Git itself is the oracle."""

    @pytest.fixture(params=["sha1", "sha256"])
    def repository(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        top = tmp_path / "repo"
        top.mkdir()
        git(top, "init", "--quiet", "--template=", f"--object-format={request.param}")
        return top

    def hash_name(self, top: Path) -> str:
        return git(top, "rev-parse", "--show-object-format")

    @pytest.mark.parametrize("data", [b"", b"a", b"a\r\n", b"\0\xff", b"x" * 3_000_000])
    def test_blob(self, repository: Path, data: bytes) -> None:
        name = self.hash_name(repository)
        expected = git(repository, "hash-object", "--stdin", "--no-filters", data=data)
        assert blob_id(data, name) == expected
        put(repository / "file", data)
        assert directory_entries(repository, name) == {"file": (FILE, expected)}

    def test_tree(self, repository: Path) -> None:
        """Names that sort otherwise than as text, links, modes, and what git does not track."""
        name = self.hash_name(repository)
        for path in ("a/x", "a.b", "a-b/x", "a0", "a/b/c/d", "ü/é", "Z", "b/\udcff", "a=b", "a b"):
            put(repository / path, path.encode("utf-8", "surrogateescape"))
        put(repository / "run.sh", b"#!/bin/sh\n", EXECUTABLE)
        (repository / "link").symlink_to("a")
        (repository / "a/away").symlink_to("/nowhere/at all")
        (repository / "empty/er").mkdir(parents=True)
        os.mkfifo(repository / "pipe")
        git(repository, "add", "--all")
        expected = git(repository, "write-tree")
        found = directory_entries(repository, name)
        assert tree_id(found, name) == expected
        assert "link/x" not in found and "pipe" not in found
        assert not any(path.startswith(".git/") for path in found)

    def test_nested_repository_is_no_part(self, repository: Path) -> None:
        put(repository / "sub/.git/config", b"x")
        put(repository / "sub/.GIT/config", b"x")
        put(repository / "sub/a", b"x")
        assert set(directory_entries(repository)) == {"sub/a"}

    def test_without(self, repository: Path) -> None:
        put(repository / "keep/a", b"x")
        put(repository / "keep/out/a", b"x")
        assert set(directory_entries(repository, without={"keep/out"})) == {"keep/a"}

    def test_empty(self, repository: Path) -> None:
        name = self.hash_name(repository)
        assert tree_id({}, name) == git(repository, "write-tree") == object_id("tree", b"", name)

    def test_deep(self, tmp_path: Path) -> None:
        """Deeper than Python's own limit of recursion."""
        entries = {"/".join(["d"] * 1500): (FILE, ONE)}
        assert len(tree_id(entries)) == 40

    def test_through_a_tree(self, repository: Path) -> None:
        put(repository / "a/b", b"x")
        put(repository / "c", b"y")
        memory = MemoryTree({"a/b": b"x", "c": b"y"}, "memory")
        assert tree_entries(memory) == directory_entries(repository)

    def test_unreadable(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableInput, match="cannot be read"):
            directory_entries(tmp_path / "nothing")


class TestLayout:
    def test_files(self, out: Path) -> None:
        found = everything(out)
        assert set(found) == {
            "overlay.yml", "README.md", ".gitattributes", "files/a/changed.yml",
            "files/a/new/added.sh",
            "originals/a/changed.yml", "originals/deleted.sh",
        }  # fmt: skip
        assert found["files/a/new/added.sh"] == (0o100755, NEW)
        assert found["originals/deleted.sh"] == (0o100755, OLD)
        assert found["originals/a/changed.yml"] == (0o100644, OLD)
        assert found["overlay.yml"][0] == 0o100644

    def test_the_same_bytes(self, out: Path, tmp_path: Path) -> None:
        assert everything(overlay(tmp_path / "again")) == everything(out)

    def test_readme(self, tmp_path: Path) -> None:
        gone = FileChange("roles/it's/a file", OLD, None, FILE)
        text = (overlay(tmp_path / "o", *CHANGES[:2], gone) / "README.md").read_text()
        for part in (
            "approver-after-ccm", "    changed  a/changed.yml", "    added    a/new/added.sh",
            "    deleted  roles/it's/a file", "COPY overlay/files/ /kubespray/",
            "rm -f -- vendor/kubespray/'roles/it'\"'\"'s/a file'",
            "RUN rm -f -- /kubespray/'roles/it'\"'\"'s/a file'",
            "ansible_collections/kubernetes_sigs/kubespray", "overlay verify", "overlay refresh",
            f"tree id: {ONE}",
        ):  # fmt: skip
            assert part in text, part
        assert text.endswith("\n") and "\n\n\n" not in text and str(tmp_path) not in text
        assert all(len(line) <= 100 or "`" in line for line in text.splitlines())

    def test_a_change_back_is_none(self, tmp_path: Path) -> None:
        series = series_of(FileChange("a", OLD, OLD, FILE), *CHANGES)
        manifest = manifest_for(series, BASE)
        assert [file.path for file in manifest.files] == [change.path for change in CHANGES]
        assert "files/a" not in contents(series, manifest)

    def test_a_path_that_cannot_be_kept(self) -> None:
        series = series_of(FileChange("a\nb", OLD, NEW, FILE))
        with pytest.raises(Unsafe, match="cannot be kept as an overlay"):
            contents(series, manifest_for(series, BASE))


class TestPlace:
    """Where an overlay may be put, and that it is put there whole or not at all."""

    def test_parents_are_made(self, tmp_path: Path) -> None:
        overlay(tmp_path / "new/er/overlay")
        assert sorted(path.name for path in (tmp_path / "new/er").iterdir()) == ["overlay"]

    def test_replaced(self, out: Path) -> None:
        overlay(out, CHANGES[0])
        assert set(everything(out)) == {
            "overlay.yml", "README.md", ".gitattributes", "files/a/changed.yml",
            "originals/a/changed.yml",
        }  # fmt: skip
        assert [path.name for path in out.parent.iterdir()] == ["overlay"]

    @pytest.mark.parametrize("which", [1, 2])
    @pytest.mark.parametrize("error", [PermissionError(13, "not allowed"), KeyboardInterrupt()])
    def test_interrupted(
        self, out: Path, which: int, error: BaseException, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever of the two renames fails, the old overlay is there, and nothing else."""
        old, rename, calls = everything(out), Path.rename, []

        def failing(self: Path, target: Path) -> Path:
            calls.append(self)
            if len(calls) == which:
                raise error
            return rename(self, target)

        with monkeypatch.context() as context:
            context.setattr(Path, "rename", failing)
            with pytest.raises((UnusableInput, KeyboardInterrupt)):
                overlay(out, CHANGES[0])
        assert len(calls) >= which
        assert everything(out) == old
        assert [path.name for path in out.parent.iterdir()] == ["overlay"]

    def test_interrupted_while_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: Path, data: bytes) -> int:
            raise OSError(28, "No space left on device", str(self))

        with monkeypatch.context() as context:
            context.setattr(Path, "write_bytes", full)
            with pytest.raises(UnusableInput, match="No space left"):
                overlay(tmp_path / "new/overlay")
        assert list(tmp_path.iterdir()) == []

    def test_ours(self, out: Path, tmp_path: Path) -> None:
        assert require_ours(out)
        assert not require_ours(tmp_path / "nothing")
        (tmp_path / "empty").mkdir()
        assert not require_ours(tmp_path / "empty")

    @pytest.mark.parametrize("name", ["notes.txt", ".git", "files2", "Overlay.yml"])
    def test_foreign_file(self, out: Path, name: str) -> None:
        put(out / name, b"mine\n")
        with pytest.raises(UnusableInput, match=f"holds '{re.escape(name)}'"):
            require_ours(out)

    def test_not_ours(self, out: Path, tmp_path: Path) -> None:
        put(tmp_path / "file", b"")
        (tmp_path / "dangling").symlink_to("nowhere")
        put(tmp_path / "other/README.md", b"Mine.\n")
        put(tmp_path / "broken/overlay.yml", b"hello\n")
        for name in ("file", "dangling", "other", "broken"):
            with pytest.raises(UnusableInput, match=name):
                require_ours(tmp_path / name)

    def test_through_a_link(self, out: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(out)
        overlay(tmp_path / "link", CHANGES[0])
        assert (tmp_path / "link").is_symlink() and not (out / "originals/deleted.sh").exists()


class TestStates:
    def test_clean(self, out: Path, top: Path) -> None:
        assert look(out, top) == {
            "": "clean", "a/changed.yml": "clean", "a/new/added.sh": "clean",
            "deleted.sh": "clean",
        }  # fmt: skip

    def test_applied(self, out: Path, top: Path) -> None:
        apply(out, top)
        assert set(look(out, top).values()) == {"applied"}

    def test_partial(self, out: Path, top: Path) -> None:
        put(top / "a/changed.yml", NEW)
        found = look(out, top)
        assert (found[""], found["a/changed.yml"], found["deleted.sh"]) == (
            "partial", "applied", "clean",
        )  # fmt: skip

    def test_empty_overlay(self, tmp_path: Path, top: Path) -> None:
        series = series_of()
        replace_directory(tmp_path / "o", contents(series, manifest_for(series, BASE)))
        assert look(tmp_path / "o", top) == {"": "applied"}

    @pytest.mark.parametrize(
        ("path", "what"),
        [
            ("a/changed.yml", "other bytes"), ("a/changed.yml", "gone"),
            ("a/changed.yml", "mode"), ("a/changed.yml", "folder"), ("a/changed.yml", "link"),
            ("a/changed.yml", "pipe"), ("a/new/added.sh", "other bytes"),
            ("a/new/added.sh", "folder"), ("a/new/added.sh", "link"), ("a/new", "file"),
            ("a/new", "link"), ("deleted.sh", "other bytes"), ("deleted.sh", "mode"),
            ("deleted.sh", "folder"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("applied", [False, True])
    def test_stale(self, out: Path, top: Path, path: str, what: str, applied: bool) -> None:
        if applied:
            apply(out, top)
        target = top / path
        before = target.read_bytes() if target.is_file() else OLD
        if what == "gone":
            target.unlink()
        elif what == "mode":
            put(target, before)
            target.chmod(0o644 if path == "deleted.sh" else 0o755)
        else:
            if target.is_dir():
                (target / "added.sh").unlink()
                target.rmdir()
            target.unlink(missing_ok=True)
            target.parent.mkdir(exist_ok=True)
            if what in ("other bytes", "file"):
                put(target, b"other\n", EXECUTABLE)
            elif what == "folder":
                target.mkdir()
            elif what == "pipe":
                os.mkfifo(target)
            else:
                target.symlink_to("/etc" if path == "a/new" else "/etc/passwd")
        state, as_left = look(out, top), everything(top)
        name = "a/new/added.sh" if path == "a/new" else path
        assert (state[""], state[name]) == ("stale", "stale")
        for way in (apply, revert):
            with pytest.raises(Unsafe, match=re.escape(name)):
                way(out, top)
        assert everything(top) == as_left

    @pytest.mark.parametrize(
        "path", ["files/a/changed.yml", "files/a/new/added.sh", "originals/deleted.sh"]
    )
    @pytest.mark.parametrize("what", ["bytes", "mode", "link", "folder"])
    def test_drifted(self, out: Path, top: Path, path: str, what: str) -> None:
        target = out / path
        data = target.read_bytes()
        if what == "mode":
            target.chmod(target.stat().st_mode ^ 0o111)
        else:
            target.unlink()
        if what == "bytes":
            put(target, data + b"x", EXECUTABLE if "sh" in path else FILE)
        elif what == "link":
            target.symlink_to(put(out.parent / "copy", data))
        elif what == "folder":
            put(target / "x", b"")
        found = look(out, top)
        assert found[""] == ("missing" if what == "folder" else "drifted")
        assert found["a/changed.yml"] == "clean"
        with pytest.raises((Unsafe, UnusableInput), match=path):
            require_whole(stored_at(out))

    def test_a_file_more(self, out: Path, top: Path) -> None:
        put(out / "files/mine.yml", b"")
        found = look(out, top)
        assert (found[""], found["files/mine.yml"]) == ("drifted", "drifted")

    def test_readme_may_be_edited(self, out: Path, top: Path) -> None:
        put(out / "README.md", b"Ours.\n")
        assert look(out, top)[""] == "clean"

    @pytest.mark.parametrize("path", ["files/a/changed.yml", "originals/deleted.sh"])
    def test_file_is_missing(self, out: Path, top: Path, path: str) -> None:
        (out / path).unlink()
        put(out / "files/more", b"")
        put(top / "a/changed.yml", b"other\n")
        found = look(out, top)
        assert (found[""], found[path]) == ("missing", "missing")
        assert (found["files/more"], found["a/changed.yml"]) == ("drifted", "stale")
        with pytest.raises(UnusableInput, match=path):
            require_whole(stored_at(out))

    def test_missing(self, tmp_path: Path, top: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("nothing", "empty"):
            found = looked_at(stored_at(tmp_path / name), tree(top))
            assert (found.state, [file.state for file in found.files]) == ("missing", ["missing"])
        with pytest.raises(UnusableInput, match="not a directory"):
            stored_at(put(tmp_path / "file", b""))

    def test_folder_of_the_overlay_is_a_link(self, out: Path, top: Path, tmp_path: Path) -> None:
        """Nothing is read through it, though the right files are behind it."""
        (out / "files").rename(tmp_path / "elsewhere")
        (out / "files").symlink_to(tmp_path / "elsewhere")
        stored = stored_at(out)
        assert not any(path.startswith("files/") for path in stored.data)
        assert look(out, top)[""] == "missing"

    def test_no_kubespray_is_not_planned(self, out: Path, top: Path) -> None:
        patches = shipped().values()
        assert verdict(stored_at(out), tree(top), patches).state == "clean"


def apply(out: Path, top: Path) -> list[str]:
    stored = stored_at(out)
    return apply_overlay(stored, tree(top), looked_at(stored, tree(top)))


def revert(out: Path, top: Path) -> list[str]:
    stored = stored_at(out)
    return revert_overlay(stored, tree(top), looked_at(stored, tree(top)))


class TestLay:
    def test_there_and_back(self, out: Path, top: Path) -> None:
        old = everything(top)
        assert apply(out, top) == [change.path for change in CHANGES]
        assert everything(top) == {
            "a/changed.yml": (0o100644, NEW), "a/other.yml": (0o100644, b"other\n"),
            "a/new/added.sh": (0o100755, NEW),
        }  # fmt: skip
        assert apply(out, top) == []
        assert revert(out, top) == [change.path for change in CHANGES]
        assert everything(top) == old and not (top / "a/new").exists()
        assert revert(out, top) == []

    def test_partial(self, out: Path, top: Path) -> None:
        put(top / "a/changed.yml", NEW)
        assert apply(out, top) == ["a/new/added.sh", "deleted.sh"]
        assert look(out, top)[""] == "applied"
        put(top / "a/changed.yml", OLD)
        assert revert(out, top) == ["a/new/added.sh", "deleted.sh"]
        assert look(out, top)[""] == "clean"

    def test_folders_that_hold_more_stay(self, out: Path, top: Path) -> None:
        apply(out, top)
        put(top / "a/new/mine", b"")
        revert(out, top)
        assert (top / "a/new/mine").exists()

    @pytest.mark.parametrize("which", [1, 2])
    def test_all_or_nothing(
        self, out: Path, top: Path, which: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, replace, calls = everything(top), Path.replace, []

        def failing(self: Path, target: Path) -> Path:
            calls.append(self)
            if len(calls) == which:
                raise PermissionError(13, "not allowed", str(target))
            return replace(self, target)

        with monkeypatch.context() as context:
            context.setattr(Path, "replace", failing)
            with pytest.raises(UnusableInput, match="nothing was changed"):
                apply(out, top)
        assert everything(top) == old and not (top / "a/new").exists()

    def test_original_is_needed(self, out: Path, top: Path) -> None:
        apply(out, top)
        put(out / "originals/deleted.sh", b"edited\n", EXECUTABLE)
        as_left = everything(top)
        with pytest.raises(Unsafe, match=r"originals/deleted\.sh"):
            revert(out, top)
        assert everything(top) == as_left

    def test_new_files_of_the_overlay_are_not_needed_to_revert(self, out: Path, top: Path) -> None:
        apply(out, top)
        put(out / "files/a/changed.yml", b"edited\n")
        assert len(revert(out, top)) == 3

    def test_executable(self, tmp_path: Path) -> None:
        """Only a new file takes a mode; one that is there keeps its own."""
        there = put(tmp_path / "there", OLD)
        with written(tmp_path, {"there": NEW, "new": NEW, "plain": NEW}, {"there", "new"}):
            pass
        assert [path.stat().st_mode & 0o777 for path in (there, tmp_path / "new")] == [0o644, 0o755]
        assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o644


class TestMerge:
    LINES = tuple(b"%d\n" % number for number in range(40))

    def test_both(self) -> None:
        ours, theirs = list(self.LINES), list(self.LINES)
        ours[3], theirs[30] = b"ours\n", b"theirs\n"
        expected = list(ours)
        expected[30] = b"theirs\n"
        merged = merge("a", b"".join(ours), b"".join(self.LINES), b"".join(theirs))
        assert merged == b"".join(expected)

    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    def test_conflict_names_our_line(self, end: bytes) -> None:
        """Not that of the merged file, where the overlay's own lines come before it."""
        ours, theirs = list(self.LINES), list(self.LINES)
        theirs[5] = b"5\nmore\nand more\n"
        ours[20], theirs[20] = b"ours\n", b"theirs\n"
        texts = [b"".join(lines).replace(b"\n", end) for lines in (ours, self.LINES, theirs)]
        with pytest.raises(Unsafe, match=r"^a/b\.yml:21: .* \(1 conflict\)"):
            merge("a/b.yml", *texts)

    def test_conflict_in_lines_that_stand_elsewhere_too(self) -> None:
        ours, theirs = list(self.LINES), list(self.LINES)
        for at in (2, 20, 38):
            ours[at] = b"the same\n"
        theirs[5], theirs[20] = b"5\nmore\n", b"theirs\n"
        with pytest.raises(Unsafe, match=r"^a:21: "):
            merge("a", b"".join(ours), b"".join(self.LINES), b"".join(theirs))

    def test_conflicts_are_counted(self) -> None:
        ours, theirs = list(self.LINES), list(self.LINES)
        for at in (5, 20, 35):
            ours[at], theirs[at] = b"ours\n", b"theirs\n"
        with pytest.raises(Unsafe, match=r"^a:6: .* \(3 conflicts\)"):
            merge("a", b"".join(ours), b"".join(self.LINES), b"".join(theirs))

    def test_more_conflicts_than_an_exit_code_counts(self) -> None:
        base = [b"%d\n" % number for number in range(2000)]
        ours = [b"o\n" if n % 5 == 0 else line for n, line in enumerate(base)]
        theirs = [b"t\n" if n % 5 == 0 else line for n, line in enumerate(base)]
        with pytest.raises(Unsafe, match=r"^a:1: .*conflicts"):
            merge("a", b"".join(ours), b"".join(base), b"".join(theirs))

    def test_ours_is_gone(self) -> None:
        with pytest.raises(Unsafe, match=r"^a:\d+: "):
            merge("a", b"", b"1\n2\n", b"1\n3\n")

    def test_binary(self) -> None:
        with pytest.raises(Unsafe, match=r"git cannot merge this file: .*[Bb]inary.* Nothing was"):
            merge("a", b"\0ours", b"\0base", b"\0theirs")

    def test_settings_do_not_matter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "config", b"[merge\nnonsense")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
        assert merge("a", b"1\n", b"1\n", b"2\n") == b"2\n"


class TestRefresh:
    def test_seen_as_before(self, out: Path, top: Path) -> None:
        old = {path: (tree(top).mode(path), data) for path, (_, data) in everything(top).items()}
        apply(out, top)
        stored = stored_at(out)
        held = undone(stored, tree(top))
        assert list(held) == [change.path for change in CHANGES]
        seen = before(stored, tree(top), held)
        assert {path: (seen.mode(path), seen.raw(path)) for path in old} == old
        assert seen.mode("a/new/added.sh") is None and seen.names("") == ["a", "deleted.sh"]

    def test_some_only(self, out: Path, top: Path) -> None:
        """Where the tree has not all of it, the files are the tree's own."""
        put(top / "a/changed.yml", NEW)
        assert undone(stored_at(out), tree(top)) == {}
        put(top / "deleted.sh", b"other\n", EXECUTABLE)
        assert undone(stored_at(out), tree(top)) == {}

    def test_original_is_gone(self, out: Path, top: Path) -> None:
        apply(out, top)
        (out / "originals/a/changed.yml").unlink()
        with pytest.raises(Unsafe, match=r"originals/a/changed\.yml"):
            undone(stored_at(out), tree(top))

    def test_choice(self) -> None:
        patches = shipped()
        ids = ("approver-tolerations", "approver-after-ccm")
        manifest = Manifest(BASE, tuple(OverlayPatch(name, 1, False) for name in ids), ())

        def chosen(*arguments: tuple[str, ...]) -> list[str]:
            return [patch.id for patch in chosen_again(manifest, patches, *arguments)]

        assert chosen() == ["approver-after-ccm", "approver-tolerations"]
        assert chosen((), ("approver-after-ccm",)) == ["approver-tolerations"]
        assert chosen((), ids) == []
        assert chosen(("backport-12141",), ("approver-after-ccm",)) == [
            "approver-tolerations", "backport-12141",
        ]  # fmt: skip
        with pytest.raises(UnusableInput, match="exclude each other"):
            chosen(("backport-12141",))
        with pytest.raises(UnusableInput, match="no semantic patch 'x'"):
            chosen(("x",))

    def test_unknown_patch(self) -> None:
        patches = shipped()
        manifest = Manifest(BASE, (PATCH,), ())
        with pytest.raises(UnusableInput, match=r"'one-patch'.*--patch-dir.*--without one-patch"):
            chosen_again(manifest, patches)
        assert chosen_again(manifest, patches, (), ("one-patch",)) == ()
