"""`wait-for-node-initialization` on every real release: what it adds, and what that waits for.

What git takes, what Ansible lists, and what `check` says of the wait.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from oracles import ansible, checkout
from oracles.ansible import ASKED, ListedPlay, ListedTask

from generator.emit.mail import diff
from generator.engine.check import check
from generator.engine.finding import Finding
from generator.engine.patch import load_patches
from generator.engine.series import Series, plan
from generator.model.kubespray import Kubespray
from generator.resources import resource_dir
from generator.tree.base import read

from . import CCM, Release, chosen, loaded, meanings, order_of
from .checking import BOTH, paths, scenario_of
from .conftest import FEW, LAST

pytestmark = pytest.mark.releases

only_last = pytest.mark.only_on(LAST)
only_few = pytest.mark.only_on(FEW)

ID = "wait-for-node-initialization"
DEFAULT = ("approver-after-ccm", "approver-tolerations")
TOP = f"roles/{CCM}"
DEFAULTS, TASKS, WAIT = f"{TOP}/defaults/main.yml", f"{TOP}/tasks/main.yml", f"{TOP}/tasks/{ID}.yml"
TASK = "Wait until no node carries the taint of nodes that are not initialized"

FIRST = "inventory_hostname == groups['kube_control_plane'][0]"
PROVIDERS = ("openstack", "vsphere", "hcloud", "huaweicloud", "oci")
LATE = ("flannel", "kube-ovn", "weave", "kube-router")
"""Network plugins that a role behind the cloud controller managers starts up to v2.28."""


def providers(release: Release) -> tuple[str, ...]:
    """The providers with a role, by hand from upstream's history."""
    count = 3 if release.version < (2, 23) else 4 if release.version < (2, 27) else 5
    return PROVIDERS[:count]


def starts_late(release: Release) -> bool:
    return release.version < (2, 29)


@pytest.fixture(scope="session")
def series(release: Release) -> Iterator[Series]:
    yield release.planned(ID)


def block(series: Series) -> dict[str, Any]:
    (found,) = loaded(read(series.after.tree, WAIT))
    assert isinstance(found, dict)
    return found


def test_adds_three_files(series: Series) -> None:
    assert [change.path for change in series.files] == [DEFAULTS, TASKS, WAIT]
    assert all((change.before, change.mode) == (None, "100644") for change in series.files)
    assert [task["name"] for task in loaded(read(series.after.tree, TASKS))] == [
        "Wait for the initialization of nodes"
    ]
    assert loaded(read(series.after.tree, DEFAULTS)) == {
        "external_cloud_controller_wait_timeout": 600,
        "external_cloud_controller_wait_interval": 10,
    }
    again = plan(series.after, chosen(ID))
    assert not again.files and all(skipped.already for skipped in again.skipped)


def test_conditions_are_those_of_the_release(release: Release, series: Series) -> None:
    names = providers(release)
    when = block(series)["when"]
    assert f"external_cloud_provider in {list(names)}" in when
    assert FIRST in when and "not ansible_check_mode" in when
    assert [one for one in when if one.startswith("cloud_provider ==")] == [
        'cloud_provider == "external"'
    ]
    late = [one for one in when if one.startswith("kube_network_plugin is not defined")]
    plugins = ["canal"] * (release.version < (2, 22)) + list(LATE)
    assert late == [
        f"kube_network_plugin is not defined or not (kube_network_plugin in {plugins})"
    ] * starts_late(release)
    tags = ["external-cloud-controller", *(f"external-{name}" for name in names), ID]
    assert block(series)["tags"] == tags


def test_variables_are_those_of_the_release(release: Release, series: Series) -> None:
    """All that the task file uses, and nobody registers, stands in some defaults of the tree."""
    text = read(series.after.tree, WAIT).decode()
    for name in ("bin_dir", "kube_config_dir", "kube_network_plugin"):
        assert name in text
        texts = (read(release.tree, path).decode() for path in _defaults(release))
        assert any(re.search(rf"(?m)^{name}:", text) for text in texts), name


def _defaults(release: Release) -> Iterator[str]:
    for role in ("kubespray-defaults", "kubespray_defaults"):
        for folder in (f"roles/{role}/defaults", f"roles/{role}/defaults/main"):
            for name in release.tree.names(folder):
                if name.endswith((".yml", ".yaml")):
                    yield f"{folder}/{name}"


def test_order_stays(release: Release, series: Series) -> None:
    for playbook in BOTH:
        assert meanings(order_of(series.after, playbook)) == meanings(
            order_of(release.before, playbook)
        )


def test_git_takes_it(
    release: Release, series: Series, mirror: Path, git_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = git_environment | {"GIT_DIR": str(mirror), "GIT_INDEX_FILE": str(tmp_path / "i")}

    def git(*arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], env=environment, input=stdin, capture_output=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    git("read-tree", str(series.base.commit))
    git("apply", "--cached", "--check", "--whitespace=error-all", stdin=diff(series))


@pytest.mark.only_on(("v2.22.2", "v2.27.1", "master"))
def test_goes_with_every_other_patch(release: Release) -> None:
    others: tuple[tuple[str, ...], ...] = (
        ("", "approver-after-ccm", "backport-12141"),
        ("", "approver-tolerations"),
        ("", "system-tolerations=all"),
    )
    for picked in itertools.product(*others):
        names = [name for name in picked if name]
        found = release.planned(*names, ID)
        assert [applied.patch.id for applied in found.applied if applied.patch.id == ID] == [ID]
        changed = {change.path: change.after for change in found.files}
        alone = {change.path: change.after for change in release.planned(ID).files}
        assert {path: changed[path] for path in alone} == alone


# What `check` says.


def errors(kubespray: Kubespray, playbooks: tuple[str, ...], **variables: str) -> list[Finding]:
    patches = load_patches([resource_dir("patches")]).values()
    scenario = scenario_of(variables)
    report = check(kubespray, paths(kubespray, playbooks), scenario, patches)
    return [one for one in report.findings if one.severity == "error"]


@only_last
def test_nothing_is_found_with_the_default_patches(release: Release) -> None:
    after = release.planned(*DEFAULT, ID).after
    assert errors(after, BOTH) == []


@only_few
@pytest.mark.parametrize("plugin", ["flannel", "kube-ovn", "kube-router", "cilium", "cni"])
def test_no_network_plugin_makes_it_a_deadlock(
    release: Release, series: Series, plugin: str
) -> None:
    before = errors(release.before, ("cluster",), kube_network_plugin=plugin)
    after = errors(series.after, ("cluster",), kube_network_plugin=plugin)
    assert [one.message for one in after] == [one.message for one in before]


@only_few
@pytest.mark.parametrize("provider", [*PROVIDERS, "manual"])
def test_no_provider_makes_it_a_deadlock(release: Release, series: Series, provider: str) -> None:
    before = errors(release.before, ("cluster",), external_cloud_provider=provider)
    after = errors(series.after, ("cluster",), external_cloud_provider=provider)
    assert [one.message for one in after] == [one.message for one in before]


@only_few
def test_without_its_conditions_it_would_be_one(release: Release, series: Series) -> None:
    """The check sees the wait: without conditions it is in vain where nothing provides."""
    bare = block(series) | {"when": [FIRST]}
    after = series.after.changed({WAIT: json.dumps([bare]).encode()})
    found = [one.message for one in errors(after, ("cluster",), external_cloud_provider="manual")]
    assert "Nodes are waited for before the cloud controller manager runs." in found
    late = [one.message for one in errors(after, ("cluster",), kube_network_plugin="flannel")]
    name = "DaemonSet vsphere-cloud-controller-manager is waited for before the network plugin"
    assert any(message.startswith(name) for message in late) == starts_late(release)


# What Ansible lists.

ASKED_OF_EACH: tuple[tuple[str, ...], ...] = (
    ("cluster",),
    ("upgrade_cluster",),
    ("cluster", "--tags", "external-vsphere"),
    ("upgrade_cluster", "--skip-tags", ID),
)
Listings = dict[tuple[str, ...], list[ListedPlay]]


@pytest.fixture(scope="session")
def listings(
    url: str,
    mirror: Path,
    ansible_pins: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Listings | str]:
    """By release, playbook and options, what Ansible lists of the patched tree; or why not."""
    top = tmp_path_factory.mktemp("trees")

    def ask(name: str) -> Listings | str:
        bin_dir = ansible.ansible_for(ansible_pins[name])
        if bin_dir is None:
            return ansible.why_not(ansible_pins[name])
        release = Release(name, mirror)
        try:
            tree = checkout.export(url, name, top / name)
            for change in release.planned(ID).files:
                assert change.after is not None
                (tree / change.path).parent.mkdir(exist_ok=True)
                (tree / change.path).write_bytes(change.after)
            found = {}
            for asked in ASKED_OF_EACH:
                path = order_of(release.before, asked[0]).playbook
                found[asked] = ansible.list_tasks(bin_dir, tree, path, *asked[1:])
        finally:
            release.close()
        return found

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(ansible_pins, pool.map(ask, ansible_pins), strict=True))


@pytest.mark.ansible
@pytest.mark.parametrize("revision", ASKED, scope="session")
def test_listed_behind_the_controller_managers(
    revision: str, release: Release, listings: dict[str, Any]
) -> None:
    found = listings.get(revision, "the repository has no such release")
    if isinstance(found, str):
        pytest.skip(found)
    for playbook in BOTH:
        every = tasks(found[playbook,])
        (wait,) = waits(every)
        assert wait.role == CCM
        assert wait.tags == {
            "external-cloud-controller", *(f"external-{name}" for name in providers(release)), ID
        }  # fmt: skip
        managers = [at for at, task in enumerate(every) if (task.role or "").startswith(f"{CCM}/")]
        # Nothing comes between the last of them and the wait.
        assert managers and max(managers) == every.index(wait) - 1
    assert len(waits(tasks(found["cluster", "--tags", "external-vsphere"]))) == 1
    rest = tasks(found["upgrade_cluster", "--skip-tags", ID])
    assert rest == [task for task in tasks(found["upgrade_cluster",]) if ID not in task.tags]
    assert len(rest) == len(tasks(found["upgrade_cluster",])) - 1


def tasks(plays: list[ListedPlay]) -> list[ListedTask]:
    return [task for play in plays for task in play.tasks]


def waits(listed: list[ListedTask]) -> list[ListedTask]:
    return [task for task in listed if task.name == TASK]
