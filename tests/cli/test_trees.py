"""Where a Kubespray may lie: the program finds it, reads it, and its patch applies there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    TITLES,
    am,
    clone,
    commit_all,
    git,
    listing,
    patch,
    patched,
    run,
    tree_id,
    write_tree,
)

OLD_USE = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"


def changed_files(patch_of: bytes) -> list[str]:
    """Return the paths that a patch changes, as its `+++` lines name them."""
    lines = patch_of.decode().splitlines()
    return [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ ")]


def base_lines(mails: bytes) -> set[str]:
    return {line for line in mails.decode().splitlines() if line.startswith("Base: ")}


def apply(top: Path, mails: bytes) -> None:
    """Apply mails to the files of a work tree, without the commits that git am makes."""
    git(top, "apply", data=mails)


def expect(top: Path, files: dict[str, bytes]) -> None:
    """Check that a directory holds the sample as patched by hand."""
    for path, data in patched(files).items():
        assert (top / path).read_bytes() == data, path


def test_work_tree(repo: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    mails = patch(repo)
    assert changed_files(mails) == CHANGED
    assert base_lines(mails) == {f"Base: {git(repo, 'rev-parse', 'HEAD')}"}
    other = clone(repo, tmp_path / "other")
    apply(other, mails)
    expect(other, files)


def test_current_directory_is_the_default(repo: Path) -> None:
    assert patch(cwd=repo) == patch(repo)


def test_uncommitted_changes_are_read_as_they_are(repo: Path, files: dict[str, bytes]) -> None:
    (repo / CLUSTER).write_bytes(b"# Ours.\n" + files[CLUSTER].replace(OLD_USE, b""))
    result = run("patch", repo)
    assert result.code == 0
    # Without the role use in cluster.yml there is nothing to move.
    assert changed_files(result.out) == [META]
    committed = patch(repo, "--rev", "HEAD")
    assert changed_files(committed) == CHANGED


def test_uncommitted_changes_are_told_in_the_base(repo: Path, files: dict[str, bytes]) -> None:
    (repo / CLUSTER).write_bytes(b"# Ours.\n" + files[CLUSTER])
    head = git(repo, "rev-parse", "HEAD")
    assert base_lines(patch(repo)) == {f"Base: {head} with uncommitted changes"}
    git(repo, "checkout", "--quiet", "--", CLUSTER)
    (repo / "README.md").write_text("A file that the series does not touch.\n")
    assert base_lines(patch(repo)) == {f"Base: {head}"}


def test_revision_with_nothing_checked_out(repo: Path, tmp_path: Path) -> None:
    other = clone(repo, tmp_path / "other", "--no-checkout")
    assert sorted(path.name for path in other.iterdir()) == [".git"]
    mails = patch(other, "--rev", "v1")
    assert changed_files(mails) == CHANGED
    assert base_lines(mails) == {f"Base: v1 ({git(repo, 'rev-parse', 'v1')})"}
    assert sorted(path.name for path in other.iterdir()) == [".git"]


def test_revision_is_not_the_work_tree(repo: Path) -> None:
    am(repo, patch(repo))
    assert patch(repo) == b""
    assert changed_files(patch(repo, "--rev", "v1")) == CHANGED
    assert changed_files(patch(repo, "--rev", "HEAD~1")) == [META]


def test_annotated_tag(repo: Path) -> None:
    git(repo, "tag", "--annotate", "--message=the tag", "v2")
    # The base is the commit, not the tag's own object.
    assert base_lines(patch(repo, "--rev", "v2")) == {f"Base: v2 ({git(repo, 'rev-parse', 'v1')})"}


def test_bare_repository(repo: Path, tmp_path: Path) -> None:
    bare = clone(repo, tmp_path / "bare.git", "--bare")
    assert patch(bare, "--rev", "v1") == patch(repo, "--rev", "v1")


def test_bare_repository_without_revision(repo: Path, tmp_path: Path) -> None:
    bare = clone(repo, tmp_path / "bare.git", "--bare")
    result = run("patch", bare)
    assert (result.code, result.out) == (2, b"")
    assert "bare repository" in result.err and "--rev" in result.err


def test_plain_directory(plain: Path, repo: Path, files: dict[str, bytes]) -> None:
    mails = patch(plain)
    assert base_lines(mails) == {"Base: a directory that is no repository"}
    apply(repo, mails)
    expect(repo, files)


@pytest.fixture
def subtree(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Return a repository that holds the sample below `vendor/kubespray`."""
    top = tmp_path / "mono"
    write_tree(top, {"README.md": b"Ours.\n"})
    write_tree(top / "vendor/kubespray", files)
    commit_all(top, init=True)
    return top


class TestSubtree:
    def test_paths_are_relative_to_the_tree(self, subtree: Path, files: dict[str, bytes]) -> None:
        mails = patch(subtree / "vendor/kubespray")
        assert changed_files(mails) == CHANGED
        am(subtree, mails, "--directory=vendor/kubespray")
        expect(subtree / "vendor/kubespray", files)

    def test_relative_to_repo(self, subtree: Path, files: dict[str, bytes]) -> None:
        mails = patch(subtree / "vendor/kubespray", "--relative-to-repo")
        assert changed_files(mails) == [f"vendor/kubespray/{path}" for path in CHANGED]
        apply(subtree, mails)
        expect(subtree / "vendor/kubespray", files)

    def test_both_give_the_same_tree(self, subtree: Path, tmp_path: Path) -> None:
        other = clone(subtree, tmp_path / "other")
        below = subtree / "vendor/kubespray"
        one = am(other, patch(below), "--directory=vendor/kubespray")
        assert am(subtree, patch(below, "--relative-to-repo")) == one

    @pytest.mark.parametrize("folder", ["vendor/kubespray", "vendor/kubespray/"])
    def test_revision_with_folder(self, subtree: Path, folder: str) -> None:
        result = patch(subtree, "--rev", f"HEAD:{folder}", "--relative-to-repo")
        assert changed_files(result) == [f"vendor/kubespray/{path}" for path in CHANGED]
        assert changed_files(patch(subtree, "--rev", f"HEAD:{folder}")) == CHANGED

    def test_revision_of_the_folder(self, subtree: Path) -> None:
        """The folder's path with --rev means the same folder in that revision."""
        below = subtree / "vendor/kubespray"
        assert patch(below, "--rev", "HEAD") == patch(subtree, "--rev", "HEAD:vendor/kubespray")

    def test_revision_with_folder_in_a_bare_repository(self, subtree: Path, tmp_path: Path) -> None:
        bare = clone(subtree, tmp_path / "bare.git", "--bare")
        assert changed_files(patch(bare, "--rev", "main:vendor/kubespray")) == CHANGED

    def test_top_gives_a_hint(self, subtree: Path) -> None:
        result = run("patch", subtree)
        assert (result.code, result.out) == (2, b"")
        assert "there is one in 'vendor/kubespray'" in result.err

    def test_apply_and_commit(self, subtree: Path, files: dict[str, bytes]) -> None:
        below = subtree / "vendor/kubespray"
        expected = am(subtree, patch(below), "--directory=vendor/kubespray")
        git(subtree, "reset", "--quiet", "--hard", "HEAD~2")
        assert run("patch", below, "--commit").code == 0
        assert tree_id(subtree) == expected
        assert git(subtree, "status", "--porcelain") == ""
        git(subtree, "reset", "--quiet", "--hard", "HEAD~2")
        assert run("patch", below, "--apply").code == 0
        expect(below, files)

    def test_no_such_folder(self, subtree: Path) -> None:
        result = run("patch", subtree, "--rev", "HEAD:vendor/nothing")
        assert (result.code, result.out) == (2, b"")
        assert "vendor/nothing" in result.err

    def test_folder_is_a_file(self, subtree: Path) -> None:
        result = run("patch", subtree, "--rev", "HEAD:README.md")
        assert (result.code, result.out) == (2, b"")
        assert "README.md" in result.err


def test_submodule(repo: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    write_tree(mono, {"README.md": b"Ours.\n"})
    commit_all(mono, init=True)
    git(mono, "submodule", "--quiet", "add", str(repo), "kubespray")
    git(mono, "commit", "--quiet", "--message=Add the submodule")
    mails = patch(mono / "kubespray")
    # The submodule is a repository of its own, so there is no path above it.
    assert changed_files(mails) == CHANGED
    assert patch(mono / "kubespray", "--relative-to-repo") == mails
    assert base_lines(mails) == {f"Base: {git(repo, 'rev-parse', 'HEAD')}"}
    assert run("patch", mono / "kubespray", "--commit").code == 0
    expect(mono / "kubespray", files)
    assert git(mono / "kubespray", "rev-list", "--count", "v1..HEAD") == "2"
    # The repository around it sees a new commit in the submodule, and is not changed itself.
    assert git(mono, "status", "--porcelain") == "M kubespray"


def test_submodule_in_a_revision(repo: Path, tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    write_tree(mono, {"README.md": b"Ours.\n"})
    commit_all(mono, init=True)
    git(mono, "submodule", "--quiet", "add", str(repo), "kubespray")
    git(mono, "commit", "--quiet", "--message=Add the submodule")
    result = run("patch", mono, "--rev", "HEAD:kubespray")
    assert (result.code, result.out) == (2, b"")
    assert "'kubespray' is a submodule" in result.err


def test_submodule_not_initialised(repo: Path, tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    write_tree(mono, {"README.md": b"Ours.\n"})
    commit_all(mono, init=True)
    git(mono, "submodule", "--quiet", "add", str(repo), "kubespray")
    git(mono, "commit", "--quiet", "--message=Add the submodule")
    other = clone(mono, tmp_path / "other")
    result = run("patch", other / "kubespray")
    assert (result.code, result.out) == (2, b"")
    assert "is not a Kubespray tree" in result.err


def test_linked_work_tree(repo: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repo, "worktree", "add", "--quiet", "-b", "side", str(linked))
    assert patch(linked) == patch(repo)
    before = listing(repo / "playbooks")
    assert run("patch", linked, "--commit").code == 0
    expect(linked, files)
    assert git(linked, "status", "--porcelain") == ""
    assert git(repo, "rev-list", "--count", "main..side") == "2"
    # The other work tree and its branch stay as they are.
    assert git(repo, "rev-parse", "main") == git(repo, "rev-parse", "v1")
    assert listing(repo / "playbooks") == before


def test_detached_head(repo: Path, files: dict[str, bytes]) -> None:
    git(repo, "checkout", "--quiet", "--detach")
    assert base_lines(patch(repo)) == {f"Base: {git(repo, 'rev-parse', 'v1')}"}
    assert run("patch", repo, "--commit").code == 0
    expect(repo, files)
    assert git(repo, "rev-list", "--count", "v1..HEAD") == "2"
    assert git(repo, "rev-parse", "main") == git(repo, "rev-parse", "v1")
    assert git(repo, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def test_packed_refs_and_objects(repo: Path) -> None:
    loose = patch(repo, "--rev", "v1")
    git(repo, "gc", "--quiet")
    git(repo, "pack-refs", "--all")
    assert not list((repo / ".git/refs/tags").iterdir())
    assert patch(repo, "--rev", "v1") == loose
    assert run("patch", repo, "--commit").code == 0
    assert git(repo, "rev-list", "--count", "v1..main") == "2"


def test_shallow_clone(repo: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    git(repo, "commit", "--quiet", "--allow-empty", "--message=Another")
    shallow = clone(f"file://{repo}", tmp_path / "shallow", "--depth=1")
    assert git(shallow, "rev-parse", "--is-shallow-repository") == "true"
    assert patch(shallow) == patch(repo)
    apply(shallow, patch(shallow))
    expect(shallow, files)


def test_sha256_repository(plain: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    top = plain
    commit_all(top, init=True, options=("--object-format=sha256",))
    mails = patch(top)
    blob = git(top, "rev-parse", f"HEAD:{CLUSTER}")
    assert len(blob) == 64
    assert f"index {blob}..".encode() in mails
    assert patch(top, "--rev", "HEAD") == mails
    other = clone(top, tmp_path / "other")
    expected = am(other, mails)
    expect(other, files)
    assert run("patch", top, "--commit").code == 0
    assert tree_id(top) == expected


@pytest.fixture
def windows(repo: Path, tmp_path: Path) -> Path:
    """Return a clone whose files have CR LF on disk and LF in the repository."""
    top = clone(repo, tmp_path / "windows", "-c", "core.autocrlf=true")
    assert b"\r\n" in (top / CLUSTER).read_bytes()
    return top


class TestCrlf:
    def test_patch_applies_to_the_repository(
        self, windows: Path, repo: Path, files: dict[str, bytes]
    ) -> None:
        mails = patch(windows)
        assert b"\r" not in mails
        assert mails == patch(repo)
        apply(repo, mails)
        expect(repo, files)

    def test_apply_keeps_it_on_disk(self, windows: Path, files: dict[str, bytes]) -> None:
        assert run("patch", windows, "--apply").code == 0
        for path, data in patched(files).items():
            assert (windows / path).read_bytes() == data.replace(b"\n", b"\r\n")
        assert git(windows, "diff", "--name-only").split() == CHANGED

    def test_commit(self, windows: Path, repo: Path, files: dict[str, bytes]) -> None:
        assert run("patch", windows, "--commit").code == 0
        assert tree_id(windows) == am(repo, patch(repo))
        assert git(windows, "status", "--porcelain") == ""
        for path, data in patched(files).items():
            assert (windows / path).read_bytes() == data.replace(b"\n", b"\r\n")

    def test_autocrlf_with_uncommitted_change(self, windows: Path, repo: Path) -> None:
        """A file that is changed is still LF for git, so the patch is LF and applies."""
        with (windows / CLUSTER).open("ab") as stream:
            stream.write(b"# Ours.\r\n")
        diff = patch(windows, "--format", "diff")
        assert b"\r" not in diff
        git(repo, "apply", "--check", data=diff)

    def test_crlf_in_the_repository(
        self, plain: Path, files: dict[str, bytes], tmp_path: Path
    ) -> None:
        """Where git itself has CR LF, so has the patch."""
        (plain / CLUSTER).write_bytes(files[CLUSTER].replace(b"\n", b"\r\n"))
        commit_all(plain, init=True)
        result = run("patch", plain)
        assert result.code == 0
        assert "git am --keep-cr" in result.err
        am(plain, result.out, "--keep-cr")
        expected = patched(files)[CLUSTER].replace(b"\n", b"\r\n")
        assert (plain / CLUSTER).read_bytes() == expected


class TestLinks:
    """Symbolic links inside the tree are followed, and the file behind them is changed."""

    @pytest.mark.parametrize("revision", [(), ("--rev", "HEAD")], ids=["disk", "revision"])
    @pytest.mark.parametrize(
        ("moved", "to", "changed"),
        [
            ("playbooks", "books", ["books/cluster.yml", META]),
            ("playbooks/cluster.yml", "playbooks/real.yml", ["playbooks/real.yml", META]),
            ("roles", "parts", [CLUSTER, META.replace("roles/", "parts/")]),
            (
                "roles/kubernetes-apps/kubelet-csr-approver",
                "roles/kubernetes-apps/approver",
                [CLUSTER, "roles/kubernetes-apps/approver/meta/main.yml"],
            ),
        ],
        ids=["playbooks", "playbook", "roles", "role"],
    )
    def test_inside(
        self, plain: Path, moved: str, to: str, changed: list[str], revision: tuple[str, ...]
    ) -> None:
        (plain / moved).rename(plain / to)
        (plain / moved).symlink_to(Path(to).name)
        commit_all(plain, init=True)
        mails = patch(plain, *revision)
        assert changed_files(mails) == changed
        am(plain, mails)
        assert (plain / moved).is_symlink()
        assert patch(plain, *revision) == b""

    @pytest.mark.parametrize("revision", [(), ("--rev", "HEAD")], ids=["disk", "revision"])
    @pytest.mark.parametrize("absolute", [False, True])
    def test_playbook_outside(
        self, plain: Path, tmp_path: Path, revision: tuple[str, ...], absolute: bool
    ) -> None:
        outside = tmp_path / "outside.yml"
        (plain / CLUSTER).rename(outside)
        (plain / CLUSTER).symlink_to(outside if absolute else "../../outside.yml")
        commit_all(plain, init=True)
        before = outside.read_bytes()
        result = run("patch", plain, *revision, "--only", "approver-after-ccm")
        assert (result.code, result.out) == (2, b""), result.err
        assert outside.read_bytes() == before

    def test_tree_named_by_a_link(self, repo: Path, files: dict[str, bytes]) -> None:
        link = repo.parent / "link"
        link.symlink_to(repo)
        assert patch(link) == patch(repo)
        assert run("patch", link, "--commit").code == 0
        expect(repo, files)
        assert git(repo, "status", "--porcelain") == ""

    def test_tree_below_the_top_named_by_a_link(
        self, subtree: Path, files: dict[str, bytes]
    ) -> None:
        link = subtree.parent / "link"
        link.symlink_to(subtree / "vendor/kubespray")
        paths = changed_files(patch(link, "--relative-to-repo"))
        assert paths == [f"vendor/kubespray/{path}" for path in CHANGED]
        assert run("patch", link, "--commit").code == 0
        expect(subtree / "vendor/kubespray", files)
        assert git(subtree, "status", "--porcelain") == ""


@pytest.mark.parametrize("ignored", [False, True], ids=["untracked", "ignored"])
def test_directory_that_git_does_not_track(
    tmp_path: Path, plain: Path, files: dict[str, bytes], ignored: bool
) -> None:
    """An unpacked release in someone's repository belongs to no repository."""
    mono = tmp_path / "mono"
    write_tree(mono, {".gitignore": b"unpacked/\n" if ignored else b"# nothing\n"})
    git(tmp_path, "init", "--quiet", "mono")
    git(mono, "add", ".gitignore")
    git(mono, "commit", "--quiet", "--message=Ours")
    unpacked = mono / "unpacked"
    shutil.copytree(plain, unpacked)
    mails = patch(unpacked)
    assert mails == patch(plain)
    assert base_lines(mails) == {"Base: a directory that is no repository"}
    # Nothing of it is uncommitted in the sense of --apply; --commit has nowhere to commit to.
    refused = run("patch", unpacked, "--commit")
    assert (refused.code, refused.out) == (2, b"")
    assert "git work tree" in refused.err
    assert run("patch", unpacked, "--apply").code == 0
    expect(unpacked, files)


class TestEnvironmentOfAHook:
    """Git sets variables for its hooks; they name another repository, and TREE is meant."""

    @pytest.fixture(autouse=True)
    def other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        top = tmp_path / "hooked"
        write_tree(top, {"README.md": b"Ours.\n"})
        commit_all(top, "Ours", init=True)
        monkeypatch.setenv("GIT_DIR", str(top / ".git"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(top / ".git/index"))
        return top

    def plainly(self, *arguments: str | Path) -> bytes:
        with pytest.MonkeyPatch.context() as context:
            context.delenv("GIT_DIR", raising=False)
            context.delenv("GIT_INDEX_FILE", raising=False)
            return patch(*arguments)

    def test_plain_directory(self, plain: Path) -> None:
        assert patch(plain) == self.plainly(plain)

    def test_sample(self) -> None:
        assert patch("--sample") == self.plainly("--sample")

    def test_repository(self, plain: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = listing(other)
        with monkeypatch.context() as context:
            context.delenv("GIT_DIR")
            context.delenv("GIT_INDEX_FILE")
            commit_all(plain, init=True)
        assert patch(plain) == self.plainly(plain)
        assert patch(plain, "--rev", "HEAD") == self.plainly(plain, "--rev", "HEAD")
        assert run("patch", plain, "--commit").code == 0
        assert listing(other) == before
        monkeypatch.delenv("GIT_DIR", raising=False)
        monkeypatch.delenv("GIT_INDEX_FILE", raising=False)
        assert git(plain, "log", "--format=%s").splitlines()[:2] == TITLES[::-1]
        assert git(plain, "status", "--porcelain") == ""


class TestRelease:
    """Releases come from KUBESPRAY_URL, once, and are used without it afterwards."""

    @pytest.fixture
    def upstream(self, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a bare upstream with two commits before the tag v9.1.0 and a branch."""
        git(repo, "commit", "--quiet", "--allow-empty", "--message=Second")
        git(repo, "tag", "v9.1.0")
        git(repo, "tag", "--annotate", "--message=annotated", "v9.2.0")
        git(repo, "branch", "release-9.1")
        bare = clone(repo, tmp_path / "upstream.git", "--bare")
        monkeypatch.setenv("KUBESPRAY_URL", f"file://{bare}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return bare

    def stores(self, tmp_path: Path) -> list[Path]:
        return list((tmp_path / "cache").rglob("*.git"))

    def test_fetched_once_and_usable_offline(self, upstream: Path, tmp_path: Path) -> None:
        first = patch("--release", "v9.1.0")
        assert changed_files(first) == CHANGED
        commit = git(upstream, "rev-parse", "v9.1.0")
        assert base_lines(first) == {f"Base: v9.1.0 ({commit})"}
        upstream.rename(tmp_path / "gone")
        assert patch("--release", "v9.1.0") == first

    def test_tag_is_never_fetched_again(self, upstream: Path, repo: Path) -> None:
        first = patch("--release", "v9.1.0")
        am(repo, patch(repo))
        git(repo, "push", "--quiet", "--force", str(upstream), "HEAD:refs/tags/v9.1.0")
        assert patch("--release", "v9.1.0") == first

    def test_shallow_and_nothing_else(self, upstream: Path, tmp_path: Path) -> None:
        patch("--release", "v9.1.0")
        (store,) = self.stores(tmp_path)
        assert git(store, "rev-parse", "--is-bare-repository") == "true"
        assert git(store, "rev-list", "--count", "v9.1.0") == "1"
        assert git(upstream, "rev-list", "--count", "v9.1.0") == "2"
        assert git(store, "for-each-ref", "--format=%(refname)") == "refs/tags/v9.1.0"

    def test_two_releases_share_a_store(self, upstream: Path, tmp_path: Path) -> None:
        patch("--release", "v9.1.0")
        mails = patch("--release", "v9.2.0")
        commit = git(upstream, "rev-parse", "v9.2.0^{commit}")
        assert base_lines(mails) == {f"Base: v9.2.0 ({commit})"}
        assert len(self.stores(tmp_path)) == 1

    def test_patch_applies(self, upstream: Path, repo: Path, files: dict[str, bytes]) -> None:
        apply(repo, patch("--release", "v9.1.0"))
        expect(repo, files)

    def test_unknown(self, upstream: Path) -> None:
        result = run("patch", "--release", "v9.9.9")
        assert (result.code, result.out) == (2, b"")
        assert "no release 'v9.9.9'" in result.err and str(upstream) in result.err

    def test_upstream_cannot_be_reached(self, upstream: Path) -> None:
        shutil.rmtree(upstream)
        result = run("patch", "--release", "v9.1.0")
        assert (result.code, result.out) == (2, b"")
        assert "cannot be reached" in result.err

    @pytest.mark.parametrize("name", ["", "-x", "--help", "../x", "a..b", "v1 v2", "v1\n", "~/x"])
    def test_no_name(self, upstream: Path, name: str, tmp_path: Path) -> None:
        result = run("patch", f"--release={name}")
        assert (result.code, result.out) == (2, b"")
        assert "is not the name of a release" in result.err
        assert not self.stores(tmp_path)

    def test_branch_is_fetched_again(self, upstream: Path, repo: Path, tmp_path: Path) -> None:
        assert changed_files(patch("--release", "release-9.1")) == CHANGED
        am(repo, patch(repo))
        git(repo, "push", "--quiet", str(upstream), "HEAD:refs/heads/release-9.1")
        assert patch("--release", "release-9.1") == b""
        upstream.rename(tmp_path / "gone")
        assert patch("--release", "release-9.1") == b""

    def test_branch_that_was_rewritten(self, upstream: Path, repo: Path) -> None:
        patch("--release", "release-9.1")
        git(repo, "commit", "--quiet", "--amend", "--allow-empty", "--message=Other")
        git(repo, "push", "--quiet", "--force", str(upstream), "HEAD:refs/heads/release-9.1")
        mails = patch("--release", "release-9.1")
        assert base_lines(mails) == {f"Base: release-9.1 ({git(repo, 'rev-parse', 'HEAD')})"}

    def test_url_is_part_of_the_cache(
        self, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patch("--release", "v9.1.0")
        monkeypatch.setenv("KUBESPRAY_URL", f"file://{tmp_path}/nowhere.git")
        result = run("patch", "--release", "v9.1.0")
        assert (result.code, result.out) == (2, b"")

    def test_cache_cannot_be_written(
        self, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("no directory")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        result = run("patch", "--release", "v9.1.0")
        assert (result.code, result.out) == (2, b"")
        assert "XDG_CACHE_HOME" in result.err

    def test_sha256_upstream(
        self,
        upstream: Path,
        plain: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        commit_all(plain, init=True, options=("--object-format=sha256",))
        git(plain, "tag", "v1")
        monkeypatch.setenv("KUBESPRAY_URL", f"file://{plain}")
        assert changed_files(patch("--release", "v1")) == CHANGED

    def test_apply_needs_a_tree_on_disk(self, upstream: Path) -> None:
        result = run("patch", "--release", "v9.1.0", "--apply")
        assert (result.code, result.out) == (2, b"")
        assert "--release" in result.err


@pytest.mark.parametrize(
    "named",
    [
        (".", "--sample"),
        (".", "--release", "v1"),
        ("--sample", "--release", "v1"),
        ("--sample", "--rev", "v1"),
        ("--release", "v1", "--rev", "v1"),
        (".", "..", "--rev", "v1"),
    ],
)
@pytest.mark.parametrize("name", ["patch", "order"])
def test_two_trees_are_wrong_usage(repo: Path, name: str, named: tuple[str, ...]) -> None:
    result = run(name, *named, cwd=repo)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith("Usage: kubespray-patchgen")


def test_every_kind_of_tree_gives_the_same_diff(
    repo: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = clone(repo, tmp_path / "bare.git", "--bare")
    monkeypatch.setenv("KUBESPRAY_URL", str(bare))
    ways: list[tuple[str | Path, ...]] = [
        (repo,), (plain,), (repo, "--rev", "v1"), (bare, "--rev", "main"),
        ("--release", "v1"),
    ]  # fmt: skip
    diffs = {patch(*way, "--format", "diff") for way in ways}
    assert len(diffs) == 1
    orders = {
        json.dumps(json.loads(run("order", *way, "--format", "json").out)["playbooks"])
        for way in ways
    }
    assert len(orders) == 1
