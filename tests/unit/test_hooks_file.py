"""`.pre-commit-hooks.yaml`, and what wakes the hooks, against the program and real releases."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from generator.cli import cli
from generator.engine.check import check
from generator.engine.choice import Choice, choose
from generator.engine.patch import load_patches
from generator.engine.series import plan
from generator.hook import staged
from generator.hook.staged import WAKES
from generator.model.kubespray import Kubespray
from generator.model.scenario import Scenario, Setting, reported
from generator.resources import resource_dir
from generator.tree.base import Tree
from generator.tree.locate import Wanted, open_tree
from generator.tree.memory import MemoryTree
from generator.tree.sample import sample_files

TOP = Path(__file__).resolve().parents[2]
HOOKS: list[dict[str, Any]] = YAML(typ="safe").load(
    (TOP / ".pre-commit-hooks.yaml").read_text("utf-8")
)
BY_ID = {hook["id"]: hook for hook in HOOKS}
ORDER, FIX, TOLERATIONS = (
    "kubespray-ccm-order",
    "kubespray-ccm-order-fix",
    "kubespray-ccm-tolerations",
)

# The keys of a hook that pre-commit knows (its documentation, "Creating new hooks").
KNOWN = {
    "id", "name", "entry", "language", "files", "exclude", "types", "types_or", "exclude_types",
    "always_run", "fail_fast", "verbose", "pass_filenames", "require_serial", "description",
    "language_version", "minimum_pre_commit_version", "args", "stages",
}  # fmt: skip

WAKING = [
    "cluster.yml", "playbooks/cluster.yml", "upgrade-cluster.yml", "playbooks/upgrade_cluster.yml",
    "recover_control_plane.yml", "scale.yml", "playbooks/facts.yml", "ansible.cfg", "galaxy.yml",
    "extra_playbooks/upgrade-only-k8s.yml", "roles/kubernetes-apps/meta/main.yml",
    "roles/kubernetes-apps/ansible/templates/coredns-deployment.yml.j2",
    "roles/helm-apps/tasks/main.yml", "roles/kubespray_defaults/vars/main/checksums.yml",
    "roles/kubespray-defaults/defaults/main/main.yml", "roles/a/handlers/main.yml",
]  # fmt: skip
QUIET = [
    "README.md", "docs/cluster.md", "docs/operations/upgrades.md", ".gitlab-ci.yml", "LICENSE",
    "OWNERS", "requirements.txt", "Dockerfile", "Vagrantfile", "mkdocs.yml", "logo/logo.svg",
    "roles/kubernetes-apps/OWNERS", "inventory/sample/inventory.ini", "scripts/collect-info.yaml",
    "inventory/sample/group_vars/all/all.yml", "tests/scripts/rebase.sh", ".github/dependabot.yml",
]  # fmt: skip
# The pattern of pre-commit cannot know Kubespray's folder; the hooks do, and end at once.
QUIET_BELOW_ITS_TOP = [
    "contrib/azurerm/roles/generate-inventory/tasks/main.yml", "contrib/dind/dind-cluster.yaml",
    "tests/cloud_playbooks/roles/packet-ci/tasks/main.yml", "test-infra/image-builder/cluster.yml",
    "inventory/sample/group_vars/k8s_cluster/k8s-cluster.yml",
    ".github/workflows/upgrade-patch-versions.yml",
]  # fmt: skip


def wakes(path: str) -> bool:
    """Tell what pre-commit makes of a path: it searches."""
    return re.search(WAKES, path) is not None


def matters(path: str) -> bool:
    """Tell what the hooks make of a path below Kubespray's top."""
    return staged._MATTERS.match(path) is not None


class TestFile:
    def test_hooks(self) -> None:
        assert [hook["id"] for hook in HOOKS] == [ORDER, FIX, TOLERATIONS]

    @pytest.mark.parametrize("hook", HOOKS, ids=list(BY_ID))
    def test_keys(self, hook: dict[str, Any]) -> None:
        assert set(hook) <= KNOWN
        assert all(isinstance(hook[key], str) and hook[key] for key in ("id", "name", "entry"))
        assert hook["language"] == "python"
        # pre-commit fills a line of 80 columns with the name and the outcome.
        assert len(hook["name"]) <= 64
        re.compile(hook["files"])

    @pytest.mark.parametrize("hook", HOOKS, ids=list(BY_ID))
    def test_entries_are_commands(self, hook: dict[str, Any]) -> None:
        program, *words = shlex.split(hook["entry"])
        assert program == "kubespray-patchgen"
        assert f'{program} = "generator.cli:main"' in (TOP / "pyproject.toml").read_text("utf-8")
        result = CliRunner().invoke(cli, [*words, "--help"])
        assert result.exit_code == 0 and "Exit codes:" in result.output
        wrong = CliRunner().invoke(cli, [*words, "--no-such-option"], standalone_mode=False)
        assert isinstance(wrong.exception, click.NoSuchOption)

    @pytest.mark.parametrize("name", [ORDER, FIX])
    def test_hooks_of_the_whole_tree(self, name: str) -> None:
        """They are run once, told no names, and woken by a submodule, which is no file."""
        hook = BY_ID[name]
        assert hook["pass_filenames"] is False and hook["require_serial"] is True
        assert hook["types"] == [] and hook["files"] == WAKES

    def test_the_hook_for_manifests(self) -> None:
        """It gets names, and none where the user names no files."""
        hook = BY_ID[TOLERATIONS]
        assert "pass_filenames" not in hook and hook["types_or"] == ["yaml", "json"]
        assert not any(re.search(hook["files"], path) for path in (*WAKING, *QUIET, "a.yaml"))

    def test_pages_tell_of_all(self) -> None:
        readme, page = ((TOP / name).read_text("utf-8") for name in ("README.md", "docs/ci.md"))
        for name, hook in BY_ID.items():
            assert f"`{name}`" in page and hook["entry"].split(" ", 1)[1] in page
        assert "`hook check`, `hook fix`" in readme


def test_who_ends_with_1() -> None:
    """The README names the commands for which exit code 1 has a meaning; their help tells it."""
    readme = (TOP / "README.md").read_text("utf-8")
    (row,) = re.findall(r"^\| 1 \| (.*) \|$", readme, re.MULTILINE)
    named = re.findall(r"`([a-z][^`]*)`", row)
    assert {"check", "hook", "tolerate --check", "overlay verify"} <= set(named)
    for words in named:
        told = CliRunner().invoke(cli, [*words.split(" --")[0].split(), "--help"]).output
        assert re.search(r"^ +1 +\S", told.split("Exit codes:")[1], re.MULTILINE), words


class TestWhatWakes:
    @pytest.mark.parametrize("path", WAKING)
    def test_wakes(self, path: str) -> None:
        assert wakes(path) and matters(path)
        assert wakes(f"vendor/kubespray/{path}")

    @pytest.mark.parametrize("path", QUIET)
    def test_quiet(self, path: str) -> None:
        assert not wakes(path) and not matters(path)

    @pytest.mark.parametrize("path", QUIET_BELOW_ITS_TOP)
    def test_quiet_below_its_top(self, path: str) -> None:
        assert not matters(path)

    @pytest.mark.parametrize("path", ["kubespray", "vendor/kubespray"])
    def test_a_submodule(self, path: str) -> None:
        assert wakes(path) and not matters(path)
        assert not wakes(f"{path}-old") and not wakes(f"{path}/README.md")

    def test_what_matters_wakes(self) -> None:
        """pre-commit must not be quiet where the hook would look."""
        for path in (*WAKING, *QUIET, *QUIET_BELOW_ITS_TOP, *sample_files()):
            assert wakes(path) or not matters(path), path


def judged(tree: Tree, variables: Iterable[tuple[str, str]] = ()) -> object:
    """Return all that the hooks find in a tree: findings, and the edits of the default series."""
    patches = load_patches([resource_dir("patches")])
    given = {name: Setting(value, f"--set {name}={value}") for name, value in variables}
    kubespray = Kubespray(tree)
    names = ("cluster", "upgrade_cluster", "recover_control_plane")
    playbooks = [path for path in map(kubespray.playbook_named, names) if path is not None]
    report = check(kubespray, playbooks, Scenario(given, reported(), None), tuple(patches.values()))
    series = plan(Kubespray(tree), choose(patches, Choice((), (), ())))
    changes = {change.path: change.after for change in series.files}
    assert report.findings
    return report.findings, report.unread, changes


def without_say(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a tree that matter."""
    kept = {path: data for path, data in files.items() if matters(path)}
    assert len(kept) < len(files)
    return kept


def test_other_files_of_the_sample_have_no_say() -> None:
    files = dict(sample_files()) | {"docs/a.md": b"text\n"}
    whole, part = (MemoryTree(each, "a tree") for each in (files, without_say(files)))
    assert judged(whole) == judged(part)


@pytest.mark.releases
@pytest.mark.parametrize("revision,variables", [
    ("v2.22.0", ()), ("v2.27.1", ()), ("v2.31.0", (("external_cloud_provider", "manual"),)),
])  # fmt: skip
def test_other_files_of_a_release_have_no_say(
    revision: str, mirror: Path, variables: tuple[tuple[str, str], ...]
) -> None:
    """A tree of only those files that matter gives the same findings and the same patches."""
    tree: Any = open_tree(Wanted(mirror, revision))
    try:
        entries = {path: mode for path, (mode, _) in tree.entries.items() if path not in tree.links}
        tree.read_ahead(lambda path: path in entries)
        files = {path: tree.raw(path) for path in entries if len(tree.raw(path)) < 2**20}
    finally:
        tree.close()
    part = without_say(files)
    # Far fewer files than all can wake a hook, and the playbooks and roles are among them.
    assert 0.4 < len(part) / len(files) < 0.75
    assert judged(MemoryTree(files, "a"), variables) == judged(MemoryTree(part, "a"), variables)
    assert all(map(wakes, part))
