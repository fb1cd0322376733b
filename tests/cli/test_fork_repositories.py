"""The kinds of repositories that a fork may lie in, and upstreams that have what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.conftest import (
    CHANGED,
    CLUSTER,
    META,
    clone,
    commit_all,
    git,
    listing,
    run,
    tree_id,
    write_tree,
)
from cli.test_fork import (
    CARRIER,
    at,
    branch,
    moved,
    other_commit,
    refs,
    refused,
    states,
    status,
    sync,
)

NEWER = "v2.25.0"


@pytest.fixture
def fork(repo: Path) -> Path:
    """Return a repository with the releases v2.24.0 and, one commit later, v2.25.0."""
    git(repo, "tag", "v2.24.0")
    (repo / "README.md").write_text("Newer.\n")
    commit_all(repo, "Newer")
    git(repo, "tag", "-a", "-m", "Newer", NEWER)
    return repo


def works(top: Path, *options: str | Path) -> dict[str, str]:
    """Check that a repository is synced and judged, once for good; return what was made."""
    made = {name: one["after"] for name, one in sync(top, *options).items()}
    assert set(states(top, *options).values()) == {"has"}
    before = refs(top)
    assert {one["action"] for one in sync(top, *options).values()} == {"keep"}
    assert refs(top) == before
    assert {name: at(top, name) for name in made} == made
    assert git(top, "fsck", "--strict", "--no-dangling") == ""
    return made


def forget(top: Path, revision: str) -> None:
    """Delete a loose object of a repository."""
    name = at(top, revision)
    (top / ".git" / "objects" / name[:2] / name[2:]).unlink()


class TestKinds:
    def test_all_of_them_get_the_same_commits(self, fork: Path, tmp_path: Path) -> None:
        bare = clone(fork, tmp_path / "bare.git", "--mirror")
        packed = clone(fork, tmp_path / "packed")
        git(packed, "pack-refs", "--all")
        git(packed, "gc", "--quiet")
        detached = clone(fork, tmp_path / "detached")
        git(detached, "checkout", "--quiet", "--detach", "v2.24.0")
        endings = clone(fork, tmp_path / "endings", "-c", "core.autocrlf=true")
        git(fork, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
        places = (bare, packed, detached, endings, tmp_path / "linked")
        made = works(bare)
        assert set(made) == {CARRIER, "v2.25.0-ccm"}
        for place in places[1:]:
            assert {name: one["after"] for name, one in sync(place).items()} == made
            assert set(states(place).values()) == {"has"}
        changed = git(endings, "diff", "--name-only", "v2.24.0", CARRIER).split("\n")
        assert changed == CHANGED
        assert at(fork, CARRIER) == made[CARRIER]

    def test_branches_in_packed_refs_move(self, fork: Path) -> None:
        sync(fork)
        git(fork, "pack-refs", "--all")
        moved(fork, "v2.24.0")
        done = sync(fork)
        assert [done[name]["action"] for name in (CARRIER, "v2.25.0-ccm")] == ["update", "keep"]
        assert at(fork, CARRIER) == done[CARRIER]["after"]

    def test_branch_of_another_work_tree(self, fork: Path, tmp_path: Path) -> None:
        sync(fork)
        linked = tmp_path / "linked"
        git(fork, "worktree", "add", "--quiet", str(linked), CARRIER)
        old = at(fork, CARRIER)
        moved(fork, "v2.24.0")
        for place in (fork, linked):
            done = sync(place, "--force", code=3)[CARRIER]
            assert done["action"] == "refuse" and str(linked) in done["why"]
        assert at(fork, CARRIER) == old
        shutil.rmtree(linked)
        git(fork, "worktree", "prune")
        assert sync(fork)[CARRIER]["action"] == "update"

    def test_head_of_a_bare_repository_is_not_checked_out(self, fork: Path, tmp_path: Path) -> None:
        sync(fork)
        bare = clone(fork, tmp_path / "bare.git", "--mirror")
        git(bare, "symbolic-ref", "HEAD", f"refs/heads/{CARRIER}")
        moved(bare, "v2.24.0")
        assert sync(bare)[CARRIER]["action"] == "update"

    @pytest.mark.parametrize("name", ["a b", 'ä:"b\\c'])
    def test_alternates(self, fork: Path, tmp_path: Path, name: str) -> None:
        origin = fork.rename(tmp_path / name)
        shared = tmp_path / f"{name}-2"
        git(tmp_path, "clone", "--quiet", "--shared", "--no-checkout", str(origin), str(shared))
        before = listing(origin)
        works(shared)
        assert listing(origin) == before

    def test_submodule(self, fork: Path, tmp_path: Path) -> None:
        top = tmp_path / "super"
        git(tmp_path, "init", "--quiet", str(top))
        git(top, "submodule", "--quiet", "add", str(fork), "kubespray")
        commit_all(top)
        inner = top / "kubespray"
        before = git(top, "status", "--porcelain")
        works(inner)
        assert git(top, "status", "--porcelain") == before
        git(inner, "checkout", "--quiet", CARRIER)
        moved(inner, "v2.24.0")
        assert "checked out" in sync(inner, code=3)[CARRIER]["why"]
        refused("fork", "status", top, said="has no release of Kubespray")

    def test_sha256(self, files: dict[str, bytes], tmp_path: Path) -> None:
        top = tmp_path / "sha256"
        write_tree(top, files)
        commit_all(top, init=True, options=("--object-format=sha256",))
        git(top, "tag", "v2.24.0")
        made = works(top)
        assert len(made[CARRIER]) == 64
        mails = run("patch", top, "--rev", "v2.24.0").out
        git(top, "apply", data=mails)
        git(top, "add", "--all")
        assert git(top, "write-tree") == tree_id(top, CARRIER)

    def test_subtree_of_a_monorepo(self, files: dict[str, bytes], tmp_path: Path) -> None:
        top = tmp_path / "mono"
        write_tree(top / "deploy" / "kube spray", files)
        (top / "app.py").write_text("print()\n")
        commit_all(top, init=True)
        git(top, "branch", "release-1-acme")
        inner = top / "deploy" / "kube spray"
        kept = [name for name in listing(top) if not name.startswith(".git/")]
        works(inner, "--onto", "release-*-acme")
        assert [name for name in listing(top) if not name.startswith(".git/")] == kept
        changed = git(top, "diff", "--name-only", "main", "release-1-acme-ccm").split("\n")
        assert changed == [f"deploy/kube spray/{path}" for path in CHANGED]
        assert states(top, "--onto", "release-*-acme") == {"release-1-acme": "unreadable"}


class TestParts:
    """Clones that lack some of the objects."""

    @pytest.fixture
    def server(self, fork: Path) -> str:
        git(fork, "config", "uploadpack.allowFilter", "true")
        git(fork, "config", "uploadpack.allowAnySHA1InWant", "true")
        return f"file://{fork}"

    @pytest.mark.parametrize("lacks", ["blob:none", "tree:0"])
    def test_partial_clone(self, fork: Path, server: str, tmp_path: Path, lacks: str) -> None:
        part = clone(server, tmp_path / "part", f"--filter={lacks}", "--no-checkout")
        assert works(part) == {name: one["after"] for name, one in sync(fork).items()}

    def test_partial_clone_whose_origin_is_gone(
        self, fork: Path, server: str, tmp_path: Path
    ) -> None:
        part = clone(server, tmp_path / "part", "--filter=blob:none", "--no-checkout")
        fork.rename(tmp_path / "gone")
        result = run("fork", "status", part)
        assert result.code in (1, 2) and "Traceback" not in result.err
        assert result.code == 2 or b"cannot be judged" in result.out

    def test_shallow_clone(self, fork: Path, server: str, tmp_path: Path) -> None:
        part = clone(server, tmp_path / "part", "--depth=1", "--no-tags")
        git(part, "fetch", "--quiet", "--depth=1", "--tags")
        assert works(part) == {name: one["after"] for name, one in sync(fork).items()}

    def test_shallow_clone_in_continuous_integration(
        self, fork: Path, server: str, tmp_path: Path
    ) -> None:
        sync(fork)
        part = clone(server, tmp_path / "part", "--depth=1", "--no-single-branch")
        git(part, "fetch", "--quiet", "--depth=1", "--tags")
        assert states(part) == {"v2.24.0": "has", NEWER: "has"}
        assert run("fork", "verify", part).code == 0

    def test_single_branch_in_continuous_integration(
        self, fork: Path, server: str, tmp_path: Path
    ) -> None:
        sync(fork)
        part = clone(server, tmp_path / "part", "--depth=1", f"--branch={CARRIER}")
        words = ("--branch-template", "{release}", "--releases", "v2*")
        assert run("fork", "verify", part, *words).code == 0
        refused("fork", "verify", part, said="v2.24.0")


class TestBroken:
    def test_no_repository(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
        for name in ("status", "sync", "verify"):
            refused("fork", name, tmp_path / "folder", said="is not in a git repository")
            refused("fork", name, tmp_path / "file", said="is no directory")
            refused("fork", name, tmp_path / "nowhere", said="is no directory")

    def test_no_commits(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "--quiet", "empty")
        for name in ("status", "sync", "verify"):
            refused("fork", name, tmp_path / "empty", said="has no release of Kubespray")

    @pytest.mark.parametrize("damage", ["gone", "garbage", "empty"])
    def test_broken_blob_concerns_its_release_alone(
        self, fork: Path, files: dict[str, bytes], damage: str
    ) -> None:
        # The first of what is read of a release is broken; the others come in the same go.
        assert min(files) != CLUSTER
        first, *_ = sorted(path for path in files if path.startswith("playbooks/"))
        fresh = {path: data + b"# Newer.\n" for path, data in files.items() if b"---" in data[:4]}
        git(fork, "tag", "v2.26.0", other_commit(fork, "next", dict(fresh), "main"))
        newest = {path: data + b"# Newest.\n" for path, data in fresh.items()}
        git(fork, "tag", "v2.27.0", other_commit(fork, "next", dict(newest)))
        name = at(fork, f"v2.26.0:{first}")
        path = fork / ".git" / "objects" / name[:2] / name[2:]
        path.unlink()
        if damage != "gone":
            path.write_bytes(b"garbage" if damage == "garbage" else b"")
        found = status(fork)
        assert {release: one["branch"]["state"] for release, one in found.items()} == {
            "v2.24.0": "missing", NEWER: "missing", "v2.26.0": "unreadable", "v2.27.0": "missing",
        }  # fmt: skip
        assert name in found["v2.26.0"]["error"]
        for release in ("v2.24.0", "v2.27.0"):
            assert [one["state"] for one in found[release]["patches"]] == ["needed"] * 2
        done = sync(fork, code=3)
        assert [one["action"] for one in done.values()] == ["create", "create", "refuse", "create"]
        made = git(fork, "show", f"v2.27.0-ccm:{META}")
        assert made.endswith("# Newest.") and "Exists" in made

    def test_tree_that_is_gone(self, fork: Path) -> None:
        forget(fork, "v2.25.0^{tree}")
        assert states(fork) == {"v2.24.0": "missing", NEWER: "unreadable"}

    def test_commit_that_is_gone(self, fork: Path) -> None:
        forget(fork, "v2.25.0^{commit}")
        result = run("fork", "status", fork)
        assert result.code in (1, 2) and "Traceback" not in result.err
        assert result.code == 1 or "missing object" in result.err


class TestSigning:
    @pytest.fixture
    def fails(self, fork: Path) -> Path:
        """Return a repository where signing is asked for and cannot be done."""
        git(fork, "config", "commit.gpgSign", "true")
        git(fork, "config", "tag.gpgSign", "true")
        git(fork, "config", "gpg.program", "false")
        git(fork, "config", "gpg.format", "openpgp")
        return fork

    @pytest.fixture
    def key(self, fork: Path, tmp_path: Path) -> Path:
        """Set a repository up to sign by SSH; return the key's path."""
        maker = shutil.which("ssh-keygen")
        if maker is None:
            pytest.skip("there is no ssh-keygen")
        key = tmp_path / "key"
        words = [maker, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(words, check=True)
        (tmp_path / "signers").write_text(f"jane@example.org {Path(f'{key}.pub').read_text()}")
        git(fork, "config", "gpg.format", "ssh")
        git(fork, "config", "user.signingKey", str(key))
        git(fork, "config", "gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))
        return key

    def test_nothing_is_signed_unasked(self, fails: Path) -> None:
        works(fails)
        assert "gpgsig" not in git(fails, "cat-file", "commit", CARRIER)

    def test_signing_that_fails(self, fails: Path) -> None:
        before = refs(fails)
        refused("fork", "sync", fails, "--sign", said="sign")
        assert refs(fails) == before
        assert sync(fails)[CARRIER]["action"] == "create"

    def test_signed(self, fork: Path, key: Path) -> None:
        plain = sync(fork, "--dry-run")[CARRIER]["after"]
        made = sync(fork, "--sign")[CARRIER]["after"]
        assert made == at(fork, CARRIER) != plain
        for commit in (CARRIER, f"{CARRIER}~1"):
            git(fork, "verify-commit", commit)
        assert at(fork, f"{CARRIER}~2") == at(fork, "v2.24.0")
        assert tree_id(fork, CARRIER) == tree_id(fork, plain)
        facts = git(fork, "log", "-2", "--format=%an %ae %at %ct %B", CARRIER)
        assert facts == git(fork, "log", "-2", "--format=%an %ae %at %ct %B", plain)
        assert branch(fork) == ("has", "", 0)
        for options in ((), ("--sign",)):
            assert sync(fork, *options)[CARRIER]["action"] == "keep"
        assert git(fork, "fsck", "--strict", "--no-dangling") == ""

    def test_signed_branch_moves(self, fork: Path, key: Path) -> None:
        sync(fork, "--sign")
        moved(fork, "v2.24.0")
        assert branch(fork)[::2] == ("behind", 0)
        assert sync(fork, "--sign")[CARRIER]["action"] == "update"
        git(fork, "verify-commit", CARRIER)


class TestUpstream:
    @pytest.fixture
    def mine(self, fork: Path, tmp_path: Path) -> Path:
        """Return a fork of the repository, now upstream, from before its newer release."""
        mine = tmp_path / "mine"
        git(tmp_path, "init", "--quiet", str(mine))
        git(mine, "remote", "add", "up", str(fork))
        git(mine, "fetch", "--quiet", "--no-tags", "up", "refs/tags/v2.24.0:refs/tags/v2.24.0")
        git(mine, "checkout", "--quiet", "-B", "main", "v2.24.0")
        (mine / ".git" / "FETCH_HEAD").unlink()
        missing = subprocess.run(
            ["git", "cat-file", "-e", at(fork, f"{NEWER}^{{commit}}")], cwd=mine, check=False
        )
        assert missing.returncode != 0
        return mine

    def test_status_leaves_the_fork_alone(self, fork: Path, mine: Path) -> None:
        before, theirs = listing(mine), listing(fork)
        assert states(mine, "--upstream", fork) == {"v2.24.0": "missing", NEWER: "missing"}
        assert sync(mine, "--upstream", fork, "--dry-run")
        assert listing(mine) == before and listing(fork) == theirs
        (cached,) = Path(os.environ["XDG_CACHE_HOME"]).glob("kubespray-patchgen/releases/*.git")
        git(cached, "cat-file", "-e", at(fork, f"{NEWER}^{{commit}}"))

    def test_sync_makes_branches_and_nothing_else(self, fork: Path, mine: Path) -> None:
        before, theirs = refs(mine), listing(fork)
        dry = sync(mine, "--upstream", fork, "--dry-run")
        made = sync(mine, "--upstream", fork)
        assert made == dry
        names = {f"refs/heads/{name}": one["after"] for name, one in made.items()}
        assert refs(mine) == before | names
        assert not (mine / ".git" / "FETCH_HEAD").exists()
        assert listing(fork) == theirs
        assert at(mine, "v2.25.0-ccm~2") == at(fork, f"{NEWER}^{{commit}}")
        assert git(mine, "fsck", "--strict", "--no-dangling") == ""
        again = listing(mine / ".git")
        assert {one["action"] for one in sync(mine, "--upstream", fork).values()} == {"keep"}
        assert listing(mine / ".git") == again
        assert set(states(mine, "--upstream", fork).values()) == {"has"}
        assert made == sync(fork)

    def test_remote_and_path_are_the_same(
        self, fork: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = status(mine, "--upstream", fork)
        assert status(mine, "--upstream", "up") == expected
        assert status(mine, "--upstream", f"file://{fork}") == expected
        monkeypatch.chdir(fork.parent)
        assert status(mine, "--upstream", fork.name) == expected

    def test_head_that_moves_on(self, fork: Path, mine: Path) -> None:
        git(fork, "branch", "release-2.24")
        words = ("--upstream", fork, "--releases", "release-2.24")
        first = sync(mine, *words)["release-2.24-ccm"]["after"]
        assert branch(mine, *words, release="release-2.24") == ("has", "", 0)
        other_commit(fork, "release-2.24", {"more.txt": b"1\n"})
        assert branch(mine, *words, release="release-2.24")[::2] == ("behind", 0)
        second = sync(mine, *words)["release-2.24-ccm"]
        assert (second["action"], second["before"]) == ("update", first)
        assert git(mine, "show", "release-2.24-ccm:more.txt") == "1"
        assert branch(mine, *words, release="release-2.24") == ("has", "", 0)
        mail = other_commit(mine, "release-2.24-ccm", {"acme.txt": b"1\n"})
        other_commit(fork, "release-2.24", {"more.txt": b"2\n"})
        assert branch(mine, *words, release="release-2.24")[::2] == ("behind", 1)
        assert sync(mine, *words, code=3)["release-2.24-ccm"]["action"] == "refuse"
        assert at(mine, "release-2.24-ccm") == mail

    def test_onto_with_its_releases(self, fork: Path, mine: Path) -> None:
        git(mine, "branch", "acme-2.25.0")
        words = ("--upstream", fork, "--onto", "acme-{version}")
        assert states(mine, *words) == {"acme-2.25.0": "missing"}
        assert list(sync(mine, *words)) == ["acme-2.25.0-ccm"]

    def test_tags_that_lead_to_no_commit(self, fork: Path, mine: Path) -> None:
        git(fork, "tag", "v2.26.0", "main^{tree}")
        git(fork, "tag", "-a", "-m", "x", "v2.26.1", f"main:{CLUSTER}")
        git(fork, "tag", "-a", "-m", "x", "v2.26.2", NEWER)
        expected = {"v2.24.0": "missing", NEWER: "missing", "v2.26.2": "missing"}
        assert states(mine, "--upstream", fork) == expected
        sync(mine, "--upstream", fork)
        assert states(mine, "--upstream", fork) == dict.fromkeys(expected, "has")

    def test_head_that_becomes_a_folder(self, fork: Path, mine: Path) -> None:
        words = ("--upstream", fork, "--releases", "release*")
        other_commit(fork, "release", {"more.txt": b"1\n"}, "main")
        assert states(mine, *words) == {"release": "missing"}
        git(fork, "branch", "--move", "release", "release/2.24")
        other_commit(fork, "release/2.24", {"more.txt": b"2\n"})
        assert states(mine, *words) == {"release/2.24": "missing"}

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "file:///nowhere", "nowhere"])
    def test_unreachable(self, mine: Path, url: str) -> None:
        before = listing(mine)
        for name in ("status", "sync"):
            refused("fork", name, mine, "--upstream", url, said="git ls-remote failed")
        assert listing(mine) == before

    @pytest.mark.parametrize("mine_is", ["sha1", "sha256"])
    def test_another_object_format(
        self, fork: Path, files: dict[str, bytes], tmp_path: Path, mine_is: str
    ) -> None:
        other = tmp_path / "other"
        write_tree(other, files)
        commit_all(other, init=True, options=("--object-format=sha256",))
        git(other, "tag", "v2.26.0")
        here, there = (fork, other) if mine_is == "sha1" else (other, fork)
        before = listing(here)
        for words in (("status",), ("sync", "--dry-run"), ("sync",)):
            refused("fork", words[0], here, *words[1:], "--upstream", there, said="sha256")
        assert listing(here) == before
