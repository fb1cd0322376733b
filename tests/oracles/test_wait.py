"""The task file of `wait-for-node-initialization`, run by Ansible with a real kubectl.

The API server is a stand-in, the tree one of our own; the oldest and the newest Ansible of those
that the releases ask for run it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from . import ansible, wait_kubectl
from .wait_cluster import (
    KEY,
    OTHER,
    TAINT,
    lay,
    node,
    patched,
    play,
    serving,
    tree,
    with_plays,
)  # fmt: skip

OLDEST = "ansible==5.7.1"

WAIT = "Wait until no node carries the taint of nodes that are not initialized"

NEW = [node("one", OTHER, TAINT), node("two", TAINT), node("three")]
DONE = [node("one", OTHER), node("two"), node("three")]


def _ansible(requirement: str) -> Path:
    found = ansible.ansible_for(requirement)
    if found is None:
        pytest.skip(ansible.why_not(requirement))
    return found


@pytest.fixture(scope="module", params=[OLDEST, ansible.NEWEST], ids=["oldest", "newest"])
def either(request: pytest.FixtureRequest) -> Path:
    return _ansible(request.param)


@pytest.fixture(scope="module")
def newest() -> Path:
    return _ansible(ansible.NEWEST)


@pytest.fixture(scope="module")
def kubectl() -> Path:
    found = wait_kubectl.kubectl()
    if found is None:
        pytest.skip(wait_kubectl.why_not())
    return found


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return lay(patched(tree()), tmp_path)


def test_passes_when_the_taint_goes(either: Path, kubectl: Path, top: Path) -> None:
    """Through an API server that fails, one that knows no nodes yet, and two that are new."""
    with serving(503, b"<html>", [], NEW, DONE) as cluster:
        played = play(either, top, cluster, kubectl, external_cloud_controller_wait_timeout=20)
    assert played.code == 0, played.output
    assert cluster.asked == 5 and cluster.methods == {"GET"}
    assert played.ran(WAIT) == ["node1"]
    assert played.ran("Put in vsphere") == ["node1"] and played.ran("Put in hcloud") == []
    assert not played.tasks[WAIT]["node1"]["changed"]
    assert played.ran("Go on") == ["node1", "node2", "node3"]
    assert list(played.tasks).index(WAIT) > list(played.tasks).index("Put in vsphere")
    assert "s3cret" not in played.output


def test_passes_at_the_first_look_in_a_running_cluster(
    newest: Path, kubectl: Path, top: Path
) -> None:
    with serving(DONE) as cluster:
        played = play(newest, top, cluster, kubectl, external_cloud_controller_wait_timeout=600)
    assert (played.code, cluster.asked) == (0, 1), played.output


def test_names_the_nodes_where_the_taint_stays(either: Path, kubectl: Path, top: Path) -> None:
    with serving(NEW) as cluster:
        played = play(either, top, cluster, kubectl)
    assert played.code == 2
    # At once, and after each of two seconds.
    assert cluster.asked == 3
    assert "Go on" not in played.tasks
    message = played.message()
    assert f"After 2 seconds 2 of 3 nodes still carry the taint {KEY}: one, two." in message
    for hint in (
        "(vsphere)", "kubectl -n kube-system get pods", "kubectl -n kube-system logs",
        "credentials", "name that its machine has", "kubectl describe node one",
    ):  # fmt: skip
        assert hint in message
    assert "three" not in message and "s3cret" not in played.output


def test_many_nodes_are_not_all_named(newest: Path, kubectl: Path, top: Path) -> None:
    with serving([node(f"w{number}", TAINT) for number in range(1, 31)]) as cluster:
        played = play(newest, top, cluster, kubectl, external_cloud_controller_wait_timeout=1)
    assert "30 of 30 nodes" in played.message()
    assert "w19, w20, ..." in played.message() and "w21" not in played.message()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(503, "unable to handle the request", id="API fails"),
        pytest.param(b"<html>", "Its last answer: ", id="no JSON"),
    ],
)
def test_says_that_the_api_server_fails(
    newest: Path, kubectl: Path, top: Path, answer: int | bytes, said: str
) -> None:
    with serving(answer) as cluster:
        played = play(newest, top, cluster, kubectl, external_cloud_controller_wait_timeout=1)
    assert played.code == 2 and cluster.asked >= 2
    assert "kubectl could not list them" in played.message() and said in played.message()
    assert "last answer: none" not in played.message() and "still carry" not in played.message()


def test_says_that_nobody_answers(newest: Path, kubectl: Path, top: Path) -> None:
    played = play(newest, top, None, kubectl, external_cloud_controller_wait_timeout=1)
    assert played.code == 2
    assert "refused" in played.message()


def test_ends_early_without_kubectl(either: Path, top: Path) -> None:
    played = play(either, top, None, None, external_cloud_controller_wait_timeout=600)
    assert played.code == 2
    assert "bin/kubectl could not be started" in played.message()


def test_no_nodes_are_not_enough(newest: Path, kubectl: Path, top: Path) -> None:
    with serving([]) as cluster:
        played = play(newest, top, cluster, kubectl, external_cloud_controller_wait_timeout=1)
    assert played.code == 2 and cluster.asked == 2
    assert "no node at all" in played.message()


def test_a_taint_whose_key_only_begins_so_is_another(
    newest: Path, kubectl: Path, top: Path
) -> None:
    others = [{**TAINT, "key": f"{KEY}-not"}, {**TAINT, "key": f"x.{KEY}"}]
    with serving([node("one", *others), node(f"two-{KEY}"[:30])]) as cluster:
        assert play(newest, top, cluster, kubectl).code == 0


def test_does_not_wait_where_nothing_would_end_it(either: Path, kubectl: Path, top: Path) -> None:
    cases: list[dict[str, object]] = [
        {"cloud_provider": "external", "external_cloud_provider": "manual"},
        {"cloud_provider": "external", "external_cloud_provider": "acme"},
        {"cloud_provider": "external"},
        {"cloud_provider": "", "external_cloud_provider": "vsphere"},
        {},
        {"cloud_provider": "external", "external_cloud_provider": "vsphere",
         "kube_network_plugin": "cni"},
    ]  # fmt: skip
    with_plays(top, cases)
    unset = dict.fromkeys(("cloud_provider", "external_cloud_provider", "kube_network_plugin"))
    with serving(NEW) as cluster:
        played = play(either, top, cluster, kubectl, **unset)
    assert (played.code, cluster.asked) == (0, 0), played.output
    assert played.ran(WAIT) == []
    for number in range(1, len(cases) + 1):
        assert played.ran(f"Go on {number}") == ["node1", "node2", "node3"]


def test_a_dry_run_does_not_ask(either: Path, top: Path) -> None:
    played = play(either, top, None, None, "--check")
    assert played.code == 0, played.output
    assert played.ran(WAIT) == []


@pytest.mark.parametrize(
    ("arguments", "waits"),
    [
        (("--tags", "external-vsphere"), True),
        (("--tags", "network"), False),
        (("--skip-tags", "wait-for-node-initialization"), False),
        (("--limit", "node2"), False),
    ],
)
def test_tags(
    newest: Path, kubectl: Path, top: Path, arguments: tuple[str, ...], waits: bool
) -> None:
    with serving(DONE) as cluster:
        played = play(newest, top, cluster, kubectl, *arguments)
    assert (played.code, cluster.asked) == (0, int(waits)), played.output


@pytest.mark.parametrize(("timeout", "interval", "asked"), [(0, 0, 2), ("3", "2", 3), (-5, -1, 2)])
def test_odd_times(
    newest: Path, kubectl: Path, top: Path, timeout: object, interval: object, asked: int
) -> None:
    """It looks at least twice, and at least as long as it is told to."""
    with serving(NEW) as cluster:
        played = play(
            newest, top, cluster, kubectl,
            external_cloud_controller_wait_timeout=timeout,
            external_cloud_controller_wait_interval=interval,
        )  # fmt: skip
    assert (played.code, cluster.asked) == (2, asked), played.output


def test_without_guards_in_the_tree(newest: Path, kubectl: Path, tmp_path: Path) -> None:
    """As later releases write it, with defaults for both variables."""
    top = lay(patched(tree(guarded=False)), tmp_path)
    with serving(NEW, DONE) as cluster:
        played = play(newest, top, cluster, kubectl, external_cloud_provider="hcloud")
    assert (played.code, cluster.asked) == (0, 2), played.output
    assert played.ran("Put in hcloud") == ["node1"]
