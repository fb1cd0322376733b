"""The default series on every real release: git takes it, and it does what it says, no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from oracles import checkout

from generator.emit.mail import diff, mails
from generator.engine.series import Applied, plan
from generator.model.facts import providers
from generator.model.kubespray import Kubespray
from generator.model.role import same_role

from . import APPROVER, CCM, META, Release, chosen, helm_release, loaded, meanings, order_of, stems

pytestmark = pytest.mark.releases

ORDER, TOLERATIONS = "approver-after-ccm", "approver-tolerations"
CLUSTER = "playbooks/cluster.yml"
# Three releases that differ most, for what is slow.
THREE = ("v2.22.2", "v2.27.1", "v2.31.0")


def git(
    directory: Path, *arguments: str, environment: Mapping[str, str], stdin: bytes | None = None
) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env=dict(environment),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def clone(
    mirror: Path, git_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A clone of the mirror, whose work tree goes from release to release."""
    directory = tmp_path_factory.mktemp("clone") / "kubespray"
    options = ("clone", "--quiet", "--shared", "--no-checkout", str(mirror), str(directory))
    git(mirror, *options, environment=git_environment)
    return directory


class Repository:
    """The clone with one release checked out, in the tests' own git environment."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = environment

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        return git(self.directory, *arguments, environment=self.environment, stdin=stdin)

    def go_to(self, commit: str) -> None:
        self.git("checkout", "--quiet", "--force", "--detach", commit)

    def tree(self) -> str:
        """The id of the tree of all files as they are in the work tree."""
        self.git("add", "--all")
        return self.git("write-tree")

    def state(self) -> tuple[str, str]:
        return self.git("rev-parse", "HEAD"), self.git("status", "--porcelain", "--ignored")


@pytest.fixture
def repository(clone: Path, git_environment: dict[str, str]) -> Repository:
    return Repository(clone, git_environment)


def changed_lines(before: bytes, after: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines removed and added, where one stretch of lines is exchanged for another."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[start : len(old) - end], new[start : len(new) - end]


def test_which_patches_are_needed(release: Release) -> None:
    expected = [ORDER] * release.order_is_wrong + [TOLERATIONS] * release.has_approver
    assert [applied.patch.id for applied in release.series.applied] == expected
    assert len(release.series.outcomes) == 2
    assert all(skipped.reasons for skipped in release.series.skipped)


def test_nothing_to_do_behind_it(release: Release) -> None:
    again = plan(release.series.after, chosen())
    assert not again.applied and not again.files


def test_git_takes_it(release: Release, repository: Repository) -> None:
    """`git apply`, `git am` and writing the files give one and the same tree."""
    series = release.series
    if not release.has_approver:
        assert diff(series) == b"" and mails(series) == []
        return
    commit = series.base.commit
    assert commit == repository.git("rev-parse", f"{commit}^{{commit}}")
    repository.go_to(commit)
    assert repository.state() == (commit, "")
    for change in series.files:
        assert repository.git("ls-files", "--stage", change.path).startswith(change.mode)
        assert change.after is not None
        (repository.directory / change.path).write_bytes(change.after)
    wanted = repository.tree()
    assert wanted != repository.git("rev-parse", f"{commit}^{{tree}}")

    repository.go_to(commit)
    patch = diff(series)
    repository.git("apply", "--check", "--whitespace=error-all", stdin=patch)
    repository.git("apply", "--index", stdin=patch)
    assert repository.git("write-tree") == wanted

    repository.go_to(commit)
    repository.git("am", "--quiet", stdin=b"\n".join(mails(series)))
    assert repository.git("rev-parse", "HEAD^{tree}") == wanted
    count = len(series.applied)
    assert repository.git("rev-list", "--count", f"{commit}..HEAD") == str(count)
    assert repository.state()[1] == ""


def test_lines(release: Release) -> None:
    """The order costs one line removed and one added; the toleration, one line exchanged."""
    for applied in release.series.applied:
        (change,) = applied.files
        assert change.before is not None and change.after is not None
        old, new = change.before.splitlines(True), change.after.splitlines(True)
        if applied.patch.id == ORDER:
            assert change.path == CLUSTER
            removed, added = changed_lines(change.before, change.after)
            # The line goes from one end of the stretch to the other; the rest stays.
            assert removed[1:] == added[:-1] and removed[0] == added[-1] in old
            assert sorted(old) == sorted(new)
        else:
            assert change.path == META
            removed, added = changed_lines(change.before, change.after)
            listed = 3 if chart_version(release) == "0.2.8" else 2
            assert (len(removed), len(added)) == (1, 3 + listed)


def chart_version(release: Release) -> str:
    defaults = release.data(f"roles/{APPROVER}/defaults/main.yml")
    return str(defaults["kubelet_csr_approver_chart_version"])


def test_approver_is_behind_what_it_needs(release: Release) -> None:
    """In every playbook that runs cluster.yml: behind the CNI's start, the CCM and CoreDNS."""
    if not release.has_approver:
        return
    for name in ("cluster", "recover_control_plane"):
        order = order_of(release.series.after, name)
        assert "cluster" in stems(order)
        approvers = order.of_role(APPROVER)
        assert len([step for step in approvers if step.repeats is None]) == 1
        for role in ("network_plugin", "kubernetes-apps/network_plugin", CCM,
                     "kubernetes-apps/ansible"):  # fmt: skip
            needed = order.of_role(role)
            # From v2.28.0 on no DaemonSet starts in kubernetes-apps/network_plugin.
            assert needed or (role == "kubernetes-apps/network_plugin" and not
                              release.order_is_wrong)  # fmt: skip
            assert all(step.number < approvers[0].number for step in needed), role


def test_nothing_else_moves(release: Release) -> None:
    """The other playbooks keep their orders; cluster.yml keeps all but the approver's place."""
    untouched = set()
    for playbook in release.before.playbooks():
        before, after = release.before.order(playbook), release.series.after.order(playbook)
        assert [play.name for play in before.plays] == [play.name for play in after.plays]
        if "cluster" in stems(before) and release.order_is_wrong:
            kept = [
                [meaning for step, meaning in zip(order.steps, meanings(order), strict=True)
                 if not any(same_role(role, APPROVER) for role in step.roles)]
                for order in (before, after)
            ]  # fmt: skip
            assert kept[0] == kept[1]
            assert len(before.steps) == len(after.steps)
        else:
            assert meanings(before) == meanings(after)
            untouched |= stems(before)
    assert {"upgrade_cluster", "scale", "reset", "remove_node"} <= untouched


def test_data_of_the_playbook(release: Release) -> None:
    """By a parser of its own: the approver's entry is the last of the CCM's play, all else is."""
    applied = by_id(release).get(ORDER)
    if applied is None:
        assert not release.order_is_wrong
        return
    (change,) = applied.files
    assert change.before is not None and change.after is not None
    before, after = loaded(change.before), loaded(change.after)
    taken = [
        play["roles"].pop(index)
        for play in before
        for index, use in reversed(list(enumerate(play.get("roles", ()))))
        if use["role"] == APPROVER
    ]
    assert len(taken) == 1
    (there,) = (
        play for play in before if CCM in [use["role"] for use in play.get("roles", ())]
    )  # fmt: skip
    there["roles"].append(taken[0])
    assert after == before


def test_data_of_the_meta(release: Release) -> None:
    """By a parser of its own: only `values` of the approver's release is another text."""
    applied = by_id(release).get(TOLERATIONS)
    if applied is None:
        assert not release.has_approver
        return
    (change,) = applied.files
    assert change.before is not None and change.after is not None
    before, after = loaded(change.before), loaded(change.after)
    old, new = helm_release(before).pop("values"), helm_release(after).pop("values")
    assert before == after
    assert old == "{{ kubelet_csr_approver_values }}"
    assert new.startswith("{{ kubelet_csr_approver_values ") and new.endswith("}}")
    assert "\n\n" not in new and "uninitialized" in new


def by_id(release: Release) -> dict[str, Applied]:
    return {applied.patch.id: applied for applied in release.series.applied}


def test_same_bytes_again(release: Release) -> None:
    again = plan(Kubespray(release.tree), chosen())
    assert mails(again) == mails(release.series)
    assert diff(again) == diff(release.series)


def test_the_providers_are_in_every_release(release: Release) -> None:
    """A provider that upstream renames would be a need that no check sees."""
    order = order_of(release.before, "cluster")
    for fact, roles in providers().items():
        assert any(order.of_role(role) for role in roles), fact


# The command line, on three releases.


def run(
    *arguments: str | Path, environment: Mapping[str, str], directory: Path, seed: str = "0"
) -> subprocess.CompletedProcess[bytes]:
    root = Path(__file__).parents[2]
    given = [os.fspath(argument) for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "generator", *given],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.mark.parametrize("revision", THREE, scope="session")
class TestCommandLine:
    """The program itself, in a process of its own, with git sealed."""

    def test_bare_repository(
        self, release: Release, mirror: Path, git_environment: dict[str, str], tmp_path: Path
    ) -> None:
        """Two processes with two hash seeds, and the Python functions, give the same bytes."""
        wanted = b"\n".join(mails(release.series))
        for seed in ("1", "2"):
            done = run(
                "patch", mirror, "--rev", release.name,
                environment=git_environment, directory=tmp_path, seed=seed,
            )  # fmt: skip
            assert done.stdout == wanted
        assert not list(tmp_path.iterdir())

    def test_work_tree(self, release: Release, repository: Repository, tmp_path: Path) -> None:
        environment = repository.environment
        commit = release.series.base.commit
        assert commit is not None
        repository.go_to(commit)
        before = repository.state()
        top = repository.directory
        done = run("patch", top, "--format=diff", environment=environment, directory=tmp_path)
        assert done.stdout == diff(release.series)
        assert repository.state() == before

        run("patch", top, "--apply", environment=environment, directory=tmp_path)
        assert wanted_files(release) == on_disk(top, wanted_files(release))
        changed = repository.git("diff", "--name-only", "HEAD").splitlines()
        assert changed == sorted(wanted_files(release))
        applied = repository.tree()

        repository.go_to(commit)
        mail = run("patch", top, environment=environment, directory=tmp_path).stdout
        repository.git("am", "--quiet", stdin=mail)
        assert repository.git("rev-parse", "HEAD^{tree}") == applied

        repository.go_to(commit)
        run("patch", top, "--commit", environment=environment, directory=tmp_path)
        assert repository.git("rev-parse", "HEAD^{tree}") == applied
        assert repository.state()[1] == ""
        again = run("patch", top, environment=environment, directory=tmp_path)
        assert again.stdout == b"" and b"Nothing to do" in again.stderr

    def test_plain_directory(
        self, release: Release, url: str, git_environment: dict[str, str], tmp_path: Path
    ) -> None:
        tree = checkout.export(url, release.name, tmp_path / "tree")
        done = run(
            "patch", tree, "--format=diff", environment=git_environment, directory=tmp_path
        )  # fmt: skip
        assert done.stdout == diff(release.series)
        git(tree, "apply", environment=git_environment, stdin=done.stdout)
        assert wanted_files(release) == on_disk(tree, wanted_files(release))
        again = run("patch", tree, environment=git_environment, directory=tmp_path)
        assert again.stdout == b""

    def test_submodule(
        self, release: Release, mirror: Path, git_environment: dict[str, str], tmp_path: Path
    ) -> None:
        """A submodule is a repository of its own: paths begin at its top, always."""
        outer = tmp_path / "outer"
        git(tmp_path, "init", "--quiet", str(outer), environment=git_environment)
        add = ("submodule", "--quiet", "add", "--reference", str(mirror))
        git(outer, *add, str(mirror), "vendor/kubespray", environment=git_environment)
        inner = outer / "vendor" / "kubespray"
        git(inner, "checkout", "--quiet", "--detach", release.name, environment=git_environment)
        git(outer, "add", "--all", environment=git_environment)
        git(outer, "commit", "--quiet", "--message=one", environment=git_environment)
        for extra in ((), ("--relative-to-repo",)):
            done = run(
                "patch", "vendor/kubespray", "--format=diff", *extra,
                environment=git_environment, directory=outer,
            )  # fmt: skip
            assert done.stdout == diff(release.series)
        mail = run("patch", inner, environment=git_environment, directory=tmp_path).stdout
        git(inner, "am", "--quiet", environment=git_environment, stdin=mail)
        assert wanted_files(release) == on_disk(inner, wanted_files(release))

    def test_subtree(
        self, release: Release, repository: Repository, url: str, tmp_path: Path
    ) -> None:
        """Below the top of a repository paths begin at the tree, or at the repository's top."""
        environment = repository.environment
        outer = tmp_path / "outer"
        git(tmp_path, "init", "--quiet", str(outer), environment=environment)
        checkout.export(url, release.name, outer / "vendor" / "kubespray")
        git(outer, "add", "--all", "--force", environment=environment)
        git(outer, "commit", "--quiet", "--message=one", environment=environment)
        for source in (("vendor/kubespray",), ("vendor/kubespray", "--rev=HEAD")):
            done = run(
                "patch", *source, "--format=diff", environment=environment, directory=outer
            )  # fmt: skip
            assert done.stdout == diff(release.series)
            done = run(
                "patch", *source, "--relative-to-repo", environment=environment, directory=outer
            )  # fmt: skip
            git(outer, "am", "--quiet", environment=environment, stdin=done.stdout)
            assert git(outer, "status", "--porcelain", environment=environment) == ""
            found = on_disk(outer / "vendor" / "kubespray", wanted_files(release))
            assert wanted_files(release) == found
            git(outer, "reset", "--quiet", "--hard", "main", environment=environment)
            git(outer, "reset", "--quiet", "--hard", root_of(outer, environment),
                environment=environment)  # fmt: skip


def root_of(repository: Path, environment: Mapping[str, str]) -> str:
    return git(repository, "rev-list", "--max-parents=0", "HEAD", environment=environment)


def wanted_files(release: Release) -> dict[str, bytes | None]:
    return {change.path: change.after for change in release.series.files}


def on_disk(top: Path, paths: Sequence[str] | Mapping[str, object]) -> dict[str, bytes | None]:
    return {path: (top / path).read_bytes() for path in paths}
