"""`fork` over all real releases at once: what it finds, what it makes, that it makes it once.

The repository is a bare clone of the mirror that borrows its objects, so nothing is checked out
and nothing is written to the mirror.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import revisions
from oracles import checkout

from generator.cli import main
from generator.emit.mail import mails
from generator.model.kubespray import Kubespray
from generator.model.toleration import UNINITIALIZED
from generator.tree.locate import Wanted, open_tree

from . import APPROVER, CCM, META, Release, contents, helm_release, loaded, order_of
from .test_patch import git

pytestmark = pytest.mark.releases

FIGURES: dict[str, Any] = loaded((Path(__file__).parent / "figures.yml").read_bytes())
ORDER, TOLERATION = "approver-after-ccm", "approver-tolerations"
CLUSTER, APPS = "playbooks/cluster.yml", "roles/kubernetes-apps/meta/main.yml"

Environment = dict[str, str]
Refs = dict[str, str]


@dataclass(frozen=True)
class Said:
    """How one run of the program ended, and what it printed."""

    code: int
    out: bytes
    err: str

    @property
    def data(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


def run(environment: Environment, *arguments: str | Path) -> Said:
    """Run the program in this process, with another environment."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(environment):
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["kubespray-patchgen", *map(str, arguments)])
        code: object = 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    assert isinstance(out.buffer, io.BytesIO)
    return Said(code, out.buffer.getvalue(), err.getvalue())


def refs_of(top: Path, environment: Environment) -> Refs:
    listing = git(top, "for-each-ref", "--format=%(refname) %(objectname)", environment=environment)
    return {name: commit for name, _, commit in (row.partition(" ") for row in listing.split("\n"))}


@dataclass(frozen=True)
class Fork:
    """A fork, and what was said on it: before a sync, by it, and by a second one."""

    top: Path
    environment: Environment
    before: Said
    synced: Said
    refs: Refs
    again: Said
    refs_again: Refs

    def git(self, *arguments: str) -> str:
        return git(self.top, *arguments, environment=self.environment)

    def revision(self, said: Said, name: str) -> dict[str, Any]:
        (found,) = (one for one in said.data["revisions"] if one["release"] == name)
        return dict(found)


@pytest.fixture(scope="session")
def shared(
    mirror: Path, git_environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return what makes bare clones of the mirror with its tags and heads."""

    def make(name: str) -> Path:
        top = tmp_path_factory.mktemp(name) / "kubespray.git"
        options = ("clone", "--quiet", "--shared", "--bare", "--template=", str(mirror), str(top))
        git(mirror, *options, environment=git_environment)
        return top

    return make


@pytest.fixture(scope="session")
def fork(url: str, git_environment: Environment, shared: Callable[[str], Path]) -> Fork:
    """One `fork status` and one `fork sync` over every revision that the tests cover."""
    top = shared("fork")
    wanted = [f"--releases={name}" for name in revisions(checkout.names(url))]

    def said(action: str) -> Said:
        return run(git_environment, "fork", action, top, *wanted, "--format=json")

    before = said("status")
    synced = said("sync")
    refs = refs_of(top, git_environment)
    again = said("sync")
    refs_again = refs_of(top, git_environment)
    return Fork(top, git_environment, before, synced, refs, again, refs_again)


def order_is_wrong(release: Release) -> bool:
    """By the figures, where they are of the revision's commit."""
    figures = FIGURES.get(release.name)
    if figures is None or figures["commit"] != release.tree.base.commit:
        return release.order_is_wrong
    uses = figures["playbooks"]["cluster"]
    (ccm,) = uses["ccm"]
    return any(use[:2] < ccm[:2] for use in uses.get("approver", ()))


def states(release: Release) -> dict[str, str]:
    """What each patch is on a revision: upstream has the order from v2.28.0 on, never the rest."""
    if not release.has_approver:
        return {ORDER: "inapplicable", TOLERATION: "inapplicable"}
    order = "needed" if order_is_wrong(release) else "obsolete"
    return {ORDER: order, TOLERATION: "needed"}


def test_what_is_needed(fork: Fork, release: Release) -> None:
    found = fork.revision(fork.before, release.name)
    assert found["error"] is None
    assert found["commit"] == release.tree.base.commit
    assert {one["id"]: one["state"] for one in found["patches"]} == states(release)
    branch = found["branch"]
    assert branch["name"] == f"{release.name}-ccm"
    assert (branch["commit"], branch["others"]) == (None, 0)
    assert branch["state"] == ("missing" if release.has_approver else "unneeded")


def test_same_tree_as_git_am(fork: Fork, release: Release, work_tree: Path) -> None:
    """The branch holds what `git am` makes of the mails of `patch --rev`, a commit for each."""
    name = f"refs/heads/{release.name}-ccm"
    exported = b"\n".join(mails(release.series))
    if release.name in ("v2.24.0", "v2.28.0", "master"):
        # Those are the mails; test_patch.py has more on that.
        assert run(fork.environment, "patch", fork.top, "--rev", release.name).out == exported
    if not release.has_approver:
        assert name not in fork.refs and exported == b""
        return
    base, tip = release.tree.base.commit, fork.refs[name]
    assert base is not None
    git(work_tree, "checkout", "--quiet", "--force", "--detach", base,
        environment=fork.environment)  # fmt: skip
    git(work_tree, "am", "--quiet", environment=fork.environment, stdin=exported)
    applied = git(work_tree, "log", "--format=%T %s", "HEAD", f"^{base}",
                  environment=fork.environment)  # fmt: skip
    assert fork.git("log", "--format=%T %s", tip, f"^{base}") == applied
    count = list(states(release).values()).count("needed")
    assert len(applied.splitlines()) == count
    assert fork.git("rev-parse", f"{tip}~{count}") == base


@pytest.fixture(scope="session")
def work_tree(fork: Fork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose work tree has only the files that the series changes."""
    directory = tmp_path_factory.mktemp("work") / "kubespray"
    environment = fork.environment
    git(fork.top, "clone", "--quiet", "--shared", "--no-checkout", str(fork.top), str(directory),
        environment=environment)  # fmt: skip
    git(directory, "sparse-checkout", "set", "--no-cone", f"/{CLUSTER}", f"/{META}",
        environment=environment)  # fmt: skip
    return directory


def test_the_branch_is_right(fork: Fork, release: Release) -> None:
    """By the tree that was committed: the order, and the list that Helm is given."""
    if not release.has_approver:
        return
    with opened(fork.top, fork.refs[f"refs/heads/{release.name}-ccm"]) as kubespray:
        assert_order(kubespray)
        values = helm_release(loaded(contents(kubespray.tree, [META])[META] or b""))["values"]
        assert re.search(r"uninitialized', 'operator': 'Exists', 'effect': 'NoSchedule'", values)


@contextlib.contextmanager
def opened(top: Path, revision: str) -> Iterator[Kubespray]:
    tree = open_tree(Wanted(top, revision))
    try:
        yield Kubespray(tree)
    finally:
        tree.close()  # type: ignore[attr-defined]


def assert_order(kubespray: Kubespray) -> None:
    order = order_of(kubespray, "cluster")
    (approver,) = (step for step in order.of_role(APPROVER) if step.repeats is None)
    for role in (CCM, "network_plugin", "kubernetes-apps/ansible"):
        needed = order.of_role(role)
        assert needed and all(step.number < approver.number for step in needed), role


def test_second_sync_changes_nothing(fork: Fork, release: Release) -> None:
    (again,) = (one for one in fork.again.data["branches"] if one["release"] == release.name)
    assert again["action"] == "keep" and again["before"] == again["after"]
    assert again["after"] == fork.refs.get(f"refs/heads/{release.name}-ccm")


def test_all_of_it(fork: Fork, url: str) -> None:
    covered = revisions(checkout.names(url))
    assert len(covered) >= 36 or "v2.24.0" not in covered
    assert (fork.before.code, fork.synced.code) == (1, 0)
    assert fork.again.code == 0
    assert fork.refs_again == fork.refs
    made = {name for name in fork.refs if name.endswith("-ccm")}
    assert len(made) == len([name for name in covered if name not in ("v2.20.0", "v2.21.0")])
    actions = {one["branch"]: one["action"] for one in fork.synced.data["branches"]}
    assert {f"refs/heads/{name}" for name in actions if actions[name] == "create"} == made


def test_mirrors_refs_are_as_before(fork: Fork, mirror: Path) -> None:
    theirs = refs_of(mirror, fork.environment)
    assert {name: fork.refs.get(name) for name in theirs} == theirs
    assert not [name for name in theirs if name.endswith("-ccm")]


def test_objects_are_sound(
    fork: Fork, shared: Callable[[str], Path], git_environment: Environment
) -> None:
    """git's own checks of every new object, and that all is there that they name."""
    other = shared("receiver")
    git(other, "-c", "fetch.fsckObjects=true", "-c", "fetch.unpackLimit=1", "fetch", "--quiet",
        str(fork.top), "refs/heads/*-ccm:refs/heads/*-ccm",
        environment=git_environment)  # fmt: skip
    assert refs_of(other, git_environment) == fork.refs
    git(other, "fsck", "--connectivity-only", "--no-dangling", environment=git_environment)


def test_the_same_again_elsewhere(
    fork: Fork, shared: Callable[[str], Path], git_environment: Environment
) -> None:
    """Another clone, another day: the same person's commits have the same ids."""
    other = shared("other")
    later = git_environment | {
        "GIT_AUTHOR_DATE": "2030-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    chosen = [f"--releases={name}" for name in ("v2.22.2", "v2.27.1", "v2.31.0", "master")]
    assert run(later, "fork", "sync", other, *chosen).code == 0
    made = {name: commit for name, commit in refs_of(other, later).items() if "-ccm" in name}
    assert len(made) == 4
    assert made.items() <= fork.refs.items()


# In continuous integration.


@pytest.fixture(scope="session")
def fresh(fork: Fork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone where only the remote has our branches, and nothing is checked out."""
    top, environment = tmp_path_factory.mktemp("fresh") / "kubespray", fork.environment
    git(fork.top, "clone", "--quiet", "--shared", "--no-checkout", str(fork.top), str(top),
        environment=environment)  # fmt: skip
    assert git(top, "branch", "--format=%(refname:short)", environment=environment) == "master"
    return top


def test_verify_in_a_fresh_clone(fork: Fork, fresh: Path) -> None:
    """All branches that the remote has are looked at, unasked, and have their series."""
    passed = run(fork.environment, "fork", "verify", fresh, "--format=json")
    assert passed.code == 0
    branches = [one["branch"] for one in passed.data["revisions"]]
    ours = {name.removeprefix("refs/heads/") for name in fork.refs if name.endswith("-ccm")}
    assert {one["name"] for one in branches} == ours
    assert {one["ref"] for one in branches} == {f"refs/remotes/origin/{name}" for name in ours}
    assert {(one["state"], one["others"]) for one in branches} == {("has", 0)}


def test_verify_where_one_lacks_something(fork: Fork, fresh: Path) -> None:
    """A branch that lacks its last commit fails; one that is not there is no concern."""
    environment = fork.environment
    for name, revision in (("v2.24.0-ccm", "origin/v2.24.0-ccm~1"), ("v2.24.3-ccm", "v2.24.3")):
        commit = git(fresh, "rev-parse", revision, environment=environment)
        git(fresh, "update-ref", f"refs/remotes/origin/{name}", commit, environment=environment)
    git(fresh, "update-ref", "-d", "refs/remotes/origin/v2.24.1-ccm", environment=environment)
    failed = run(environment, "fork", "verify", fresh, "--releases=v2.24.*")
    assert failed.code == 1
    marks = {
        name: row.count("✅") - row.count("❌")
        for row in failed.out.decode().splitlines() for name in re.findall(r"`(v2\S+-ccm)`", row)
    }  # fmt: skip
    assert marks == {"v2.24.0-ccm": -1, "v2.24.2-ccm": 1, "v2.24.3-ccm": -1}


# Release branches of a fork's own.

TAGS = ("v2.22.2", "v2.24.3", "v2.26.1", "v2.27.1", "v2.28.1", "v2.31.0")
USE = re.compile(rb"^( *)- \{ role: kubernetes-apps/kubelet-csr-approver, .*\n", re.MULTILINE)
LAST_USE = re.compile(rb"^( *)- \{ role: kubernetes-apps, .*\n", re.MULTILINE)
CHANGES = ("far", "near")


def names_of_forks(url: str) -> list[tuple[str, str]]:
    known = checkout.names(url)
    return [(tag, change) for tag in TAGS if tag in known for change in CHANGES]


def far(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Work of a fork's own in the same files, some lines away from what the series changes."""
    play = b"\n- name: Acme's own\n  hosts: kube_control_plane\n  roles:\n    - { role: acme/a }\n"
    return {
        CLUSTER: b"# Acme's own Kubespray.\n" + files[CLUSTER].rstrip(b"\n") + b"\n" + play,
        META: files[META].replace(b"---\n", b"---\n# Acme's own.\n", 1),
        APPS: files[APPS].rstrip(b"\n") + b"\n  - role: acme/b\n    tags: [acme]\n",
        "roles/acme/a/tasks/main.yml": b"---\n- ansible.builtin.debug:\n",
        "roles/acme/b/tasks/main.yml": b"---\n- ansible.builtin.debug:\n",
    }


def near(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same on the very lines: roles on both sides, other tags, comments, another order."""
    changed = far(files)

    def beside(found: re.Match[bytes]) -> bytes:
        indent = found[1]
        line = found[0].rstrip(b"\n") + b"  # acme: here\n"
        return indent + b"- { role: acme/a }\n" + line + indent + b"- { role: acme/b }\n"

    cluster = USE.sub(beside, changed[CLUSTER])
    cluster, count = LAST_USE.subn(beside, cluster)
    assert count == 1
    values = b'        values: "{{ kubelet_csr_approver_values }}"\n'
    assert changed[META].count(values) == 1
    meta = changed[META].replace(values, b"        # acme: ours\n" + values + b"        # end\n")
    return changed | {CLUSTER: cluster, META: meta}


@dataclass(frozen=True)
class Onto:
    """A fork with release branches of its own, after a sync."""

    top: Path
    environment: Environment
    synced: Said
    refs: Refs

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        return git(self.top, *arguments, environment=self.environment, stdin=stdin)

    def shown(self, revision: str, path: str) -> bytes:
        with opened(self.top, revision) as kubespray:
            data = contents(kubespray.tree, [path])[path]
        assert data is not None
        return data


@pytest.fixture(scope="session")
def onto(url: str, git_environment: Environment, shared: Callable[[str], Path]) -> Onto:
    top = shared("onto")
    rows = []
    for tag, change in names_of_forks(url):
        with opened(top, tag) as kubespray:
            before = {
                path: data or b""
                for path, data in contents(kubespray.tree, [CLUSTER, META, APPS]).items()
            }
            commit = kubespray.tree.base.commit
        after = {"far": far, "near": near}[change](before)
        rows.append(
            f"commit refs/heads/release-{tag}-{change}-acme\n"
            "committer Joe Fork <joe@example.com> 1767300000 +0100\n"
            f"data 4\nOurs\nfrom {commit}\n".encode()
        )
        for path, data in after.items():
            rows.append(f"M 644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    git(top, "fast-import", "--quiet", environment=git_environment, stdin=b"".join(rows))
    pattern = ("--onto", "release-v*-acme", "--format=json")
    synced = run(git_environment, "fork", "sync", top, *pattern)
    refs = refs_of(top, git_environment)
    again = run(git_environment, "fork", "sync", top, *pattern)
    assert again.code == 0 and refs_of(top, git_environment) == refs
    return Onto(top, git_environment, synced, refs)


@pytest.mark.only_on(TAGS)
@pytest.mark.parametrize("change", CHANGES)
def test_onto_branches_of_a_fork(onto: Onto, release: Release, change: str) -> None:
    own = f"release-{release.name}-{change}-acme"
    assert onto.synced.code == 0
    old, new = onto.refs[f"refs/heads/{own}"], onto.refs[f"refs/heads/{own}-ccm"]
    wanted = [path for path, needed in ((CLUSTER, order_is_wrong(release)), (META, True)) if needed]
    assert onto.git("diff-tree", "-r", "--name-only", old, new).splitlines() == wanted
    for path in wanted:
        before, after = onto.shown(old, path), onto.shown(new, path)
        if path == CLUSTER:
            # The line itself moves, as the fork has it, right behind the last that it needs.
            (use,) = USE.finditer(before)
            (last,) = LAST_USE.finditer(before)
            assert (b"# acme: here" in use[0]) == (change == "near")
            assert before.index(use[0]) < before.index(last[0])
            assert after == before.replace(use[0], b"").replace(last[0], last[0] + use[0])
        else:
            removed = b'        values: "{{ kubelet_csr_approver_values }}"\n'
            head, _, rest = before.partition(removed)
            assert after.startswith(head + b"        values: >-\n") and after.endswith(rest)
            merged = after[len(head) : len(after) - len(rest)]
            assert b"acme" not in merged and UNINITIALIZED.key.encode() in merged
    with opened(onto.top, new) as kubespray:
        assert_order(kubespray)


@pytest.mark.only_on(TAGS)
def test_onto_is_what_git_merges(onto: Onto, fork: Fork, release: Release) -> None:
    """Where the fork's work is elsewhere in the files, git can merge the release's own series
    with it, and its tree is ours."""
    own = f"refs/heads/release-{release.name}-far-acme"
    onto.git("fetch", "--quiet", "--no-tags", str(fork.top), f"refs/heads/{release.name}-ccm")
    series = fork.refs[f"refs/heads/{release.name}-ccm"]
    merged = onto.git("merge-tree", "--write-tree", own, series)
    assert merged == onto.git("rev-parse", f"{own}-ccm^{{tree}}")
