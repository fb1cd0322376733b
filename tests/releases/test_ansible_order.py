"""The program's order against the one that Ansible itself lists, before and after the patch.

Each release is asked with the Ansible that it pins. The listing shows what is static, by the
names that role uses are written with, and only roles with a named task; a role that Ansible will
skip at run time, because the play had it already, is listed all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from oracles import ansible, checkout
from oracles.ansible import ASKED, ListedPlay, ListedTask

from generator.model.kubespray import Kubespray
from generator.model.step import Order, Step
from generator.tree.base import Tree

from . import CCM, Release, loaded, order_of

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

MINIMUM = int(os.environ.get("KUBESPRAY_PATCHGEN_MIN_ANSIBLE", "10"))
PLAYBOOKS = ("cluster", "upgrade_cluster")
STATIC = ("role", "dependency", "import_role")


@dataclass(frozen=True)
class Listings:
    """What Ansible lists for a release before and after the patch, by playbook; or why not."""

    before: Mapping[str, list[ListedPlay]]
    after: Mapping[str, list[ListedPlay]]
    problem: str = ""


@pytest.fixture(scope="session")
def listings(
    url: str,
    mirror: Path,
    ansible_pins: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Listings]:
    top = tmp_path_factory.mktemp("trees")

    def ask(name: str) -> Listings:
        bin_dir = ansible.ansible_for(ansible_pins[name])
        if bin_dir is None:
            return Listings({}, {}, ansible.why_not(ansible_pins[name]))
        release = Release(name, mirror)
        try:
            tree = checkout.export(url, name, top / name)
            paths = {
                playbook: order_of(release.before, playbook).playbook for playbook in PLAYBOOKS
            }
            before = {key: ansible.list_tasks(bin_dir, tree, path) for key, path in paths.items()}
            for change in release.series.files:
                assert change.after is not None
                (tree / change.path).write_bytes(change.after)
            after = {key: ansible.list_tasks(bin_dir, tree, path) for key, path in paths.items()}
        finally:
            release.close()
        return Listings(before, after)

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(ansible_pins, pool.map(ask, ansible_pins), strict=True))


@pytest.fixture
def listed(revision: str, listings: dict[str, Listings]) -> Listings:
    if revision not in listings:
        pytest.skip(f"the repository has no {revision}")
    if listings[revision].problem:
        pytest.skip(listings[revision].problem)
    return listings[revision]


@pytest.mark.parametrize("revision", ASKED, scope="session")
class TestListed:
    def test_same_order(
        self, release: Release, listed: Listings, request: pytest.FixtureRequest
    ) -> None:
        request.node.user_properties.append(("order compared with ansible", release.name))
        for kubespray, plays in (
            (release.before, listed.before),
            (release.series.after, listed.after),
        ):
            shown = roles_shown(*plays.values())
            for playbook in PLAYBOOKS:
                order = order_of(kubespray, playbook)
                assert differences(kubespray, order, plays[playbook], shown) == []

    def test_approver_by_ansible(self, release: Release, listed: Listings) -> None:
        """Ansible lists the approver's Helm release behind the CCM and CoreDNS, or did already."""
        behind = [approver_is_last(plays["cluster"]) for plays in (listed.before, listed.after)]
        assert behind == [not release.order_is_wrong, True]

    def test_nothing_else_moves(self, listed: Listings) -> None:
        assert listed.before["upgrade_cluster"] == listed.after["upgrade_cluster"]
        before, after = listed.before["cluster"], listed.after["cluster"]
        assert [(play.number, play.hosts, play.name, play.tags) for play in before] == [
            (play.number, play.hosts, play.name, play.tags) for play in after
        ]
        for one, other in zip(before, after, strict=True):
            assert without_approver(one.tasks) == without_approver(other.tasks)
        assert sorted(map(repr, all_tasks(before))) == sorted(map(repr, all_tasks(after)))


def test_enough_releases_were_compared(listings: dict[str, Listings]) -> None:
    compared = [name for name, listed in listings.items() if not listed.problem]
    problems = {listed.problem for listed in listings.values()} - {""}
    print(f"compared with Ansible's own listing: {len(compared)} releases: {', '.join(compared)}")
    assert len(compared) >= MINIMUM, f"set KUBESPRAY_PATCHGEN_MIN_ANSIBLE to allow this: {problems}"


def test_the_comparison_can_fail(listings: dict[str, Listings], mirror: Path) -> None:
    """A listing in another order, with a tag or a role too few or too many, is told apart."""
    name = next((name for name, listed in listings.items() if not listed.problem), None)
    if name is None:
        pytest.skip("no release could be listed")
    plays, shown = listings[name].before["cluster"], roles_shown(*listings[name].before.values())
    release = Release(name, mirror)
    try:
        kubespray, order = release.before, order_of(release.before, "cluster")
        index = order.of_role(CCM)[0].play_number - 1
        play = plays[index]
        wrong: list[Iterable[ListedTask]] = [
            reversed(play.tasks),
            [ListedTask(task.role, task.name, frozenset()) for task in play.tasks],
            [ListedTask(task.role, task.name, task.tags | {"x"}) for task in play.tasks],
            [ListedTask("no/such", task.name, task.tags) for task in play.tasks],
            [task for task in play.tasks if task.role != "kubernetes-apps/ansible"],
            [],
        ]

        def differ(tasks: Iterable[ListedTask]) -> list[str]:
            other = ListedPlay(play.number, play.hosts, play.name, play.tags, tuple(tasks))
            changed = [*plays[:index], other, *plays[index + 1 :]]
            return differences(kubespray, order, changed, shown)

        assert differ(play.tasks) == []
        assert all(differ(tasks) for tasks in wrong)
        assert differences(kubespray, order, plays[:-1], shown)
    finally:
        release.close()


def all_tasks(plays: Iterable[ListedPlay]) -> list[ListedTask]:
    return [task for play in plays for task in play.tasks]


def without_approver(tasks: Iterable[ListedTask]) -> tuple[ListedTask, ...]:
    return tuple(task for task in tasks if "kubelet-csr-approver" not in task.tags)


def approver_is_last(plays: list[ListedPlay]) -> bool:
    """Whether the approver's release comes behind every task of the CCM, the CNI and CoreDNS."""
    tasks = all_tasks(plays)
    approver = [index for index, task in enumerate(tasks) if is_approver(task)]
    needed = [
        index
        for index, task in enumerate(tasks)
        if (task.role or "").startswith((f"{CCM}/", "network_plugin/", "kubernetes-apps/ansible"))
    ]
    assert approver and needed
    return min(approver) > max(needed)


def is_approver(task: ListedTask) -> bool:
    return task.role == "helm-apps" and "kubelet-csr-approver" in task.tags


# The comparison.


@dataclass(frozen=True)
class Stretch:
    """Where a listing may show a step's own tasks: it does in at least one of a step's."""

    name: str
    step: Step


def roles_shown(*playbooks: Iterable[ListedPlay]) -> set[str]:
    """The roles that Ansible shows anywhere in some listings."""
    return {task.role for plays in playbooks for task in all_tasks(plays) if task.role}


def differences(
    kubespray: Kubespray, order: Order, plays: list[ListedPlay], shown: set[str]
) -> list[str]:
    """What is not alike in an order and a listing, as sentences.

    Roles that Ansible shows in none of a release's listings are left out of the comparison: all
    their tasks are dynamic or have no name.
    """
    ours = [(play.hosts, play.name or play.hosts) for play in order.plays]
    theirs = [(play.hosts, play.name) for play in plays]
    if ours != theirs:
        return [f"plays: ours {ours}, Ansible's {theirs}"]
    found = []
    for play in plays:
        steps = [step for step in order.steps if step.play_number == play.number and static(step)]
        found += _in_play(kubespray.tree, play, steps, shown)
    return found


def static(step: Step) -> bool:
    """Whether Ansible knows the step before it runs."""
    return step.use.kind in STATIC and not any(use.is_dynamic for use in step.chain)


def _in_play(tree: Tree, play: ListedPlay, steps: list[Step], shown: set[str]) -> list[str]:
    runs = [
        (name, list(tasks))
        for name, tasks in groupby((task for task in play.tasks if task.role), lambda t: t.role)
    ]
    expected = [
        (name, [stretch.step for stretch in stretches])
        for name, stretches in groupby(_stretches(steps, shown), lambda s: s.name)
    ]
    where = f"play {play.number} ({play.name})"
    matched: dict[int, list[ListedTask]] = {}
    position = 0
    for name, tasks in runs:
        start = position
        while position < len(expected) and expected[position][0] != name:
            position += 1
        if position == len(expected):
            return [f"{where}: Ansible has {name} behind {_names(expected[:start])[-3:]}; we don't"]
        candidates = expected[position][1]
        for step in candidates:
            matched.setdefault(step.number, []).extend(tasks)
        position += 1
        if complaint := _tags(tree, tasks, candidates):
            return [f"{where}: {complaint}"]
    missing = [step for step in steps if step.use.name in shown and step.number not in matched]
    return [f"{where}: we have {step.use.name} ({step.place}); Ansible not" for step in missing]


def _names(expected: list[tuple[str, list[Step]]]) -> list[str]:
    return [name for name, _ in expected]


def _stretches(steps: list[Step], shown: set[str]) -> Iterator[Stretch]:
    """Where each step's tasks may be listed: once, and again behind each role it imports."""
    for index, step in enumerate(steps):
        if step.use.name in shown:
            yield Stretch(step.use.name, step)
        following = steps[index + 1] if index + 1 < len(steps) else None
        yield from _resumed(steps, step, following, shown)


def _resumed(
    steps: list[Step], step: Step, following: Step | None, shown: set[str]
) -> Iterator[Stretch]:
    """The importing roles that go on behind `step`, the innermost first."""
    for depth in range(len(step.chain) - 1, 0, -1):
        use = step.chain[depth]
        if following and following.chain[: depth + 1] == step.chain[: depth + 1]:
            return
        if use.kind != "import_role":
            continue
        parent = [
            other for other in steps
            if other.number < step.number and other.chain == _role_chain(step, depth)
        ]  # fmt: skip
        if parent and parent[-1].use.name in shown:
            yield Stretch(parent[-1].use.name, parent[-1])


def _role_chain(step: Step, depth: int) -> tuple[Any, ...]:
    """The chain of the role whose tasks hold the use at `depth`: imports of files left out."""
    while depth and not step.chain[depth - 1].is_role:
        depth -= 1
    return step.chain[:depth]


def _tags(tree: Tree, tasks: list[ListedTask], candidates: list[Step]) -> str:
    """What is wrong with the tags of a role's tasks in a row; empty where nothing is."""
    wanted = [frozenset(step.tags) for step in candidates]
    name = candidates[0].use.name
    for task in tasks:
        if not any(tags <= task.tags for tags in wanted):
            return f"{name}: {task.name!r} lacks tags of {list(map(sorted, wanted))}"
    common = frozenset.intersection(*(task.tags for task in tasks))
    if common in wanted:
        return ""
    # What all tasks have in common beyond the step's tags they must have of their own.
    own = _own_tags(tree, candidates[0].path or "")
    if any(common - tags <= own for tags in wanted):
        return ""
    return f"{name}: tasks have {sorted(common)}, the step {list(map(sorted, wanted))}"


def _own_tags(tree: Tree, role: str) -> frozenset[str]:
    """All tags in a role's task files."""
    found: set[str] = set()
    for name in tree.names(f"{role}/tasks"):
        if name.endswith((".yml", ".yaml")):
            found.update(_tags_in(loaded(tree.raw(f"{role}/tasks/{name}"))))
    return frozenset(found)


def _tags_in(data: Any) -> Iterator[str]:
    if isinstance(data, list):
        for item in data:
            yield from _tags_in(item)
    elif isinstance(data, dict):
        tags = data.get("tags") or ()
        yield from tags.split(",") if isinstance(tags, str) else map(str, tags)
        for section in ("block", "rescue", "always"):
            yield from _tags_in(data.get(section))
