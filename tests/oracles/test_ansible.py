"""The oracle that asks Ansible: its parser on listings of our own, and one real run."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import ansible as oracle
from . import checkout
from .checkout import URL

LISTING = """
playbook: site.yml

  play #1 (all): Prepare	TAGS: [always,early]
    tasks:
      Say hello	TAGS: [always, early]
      base/os : Look around	TAGS: [always, early, facts]

  play #2 (web[0]:&live,~db(1|2)): Serve (twice): now	TAGS: []
    tasks:
      proxy : Wait : for it	TAGS: []
      Note | this : that	TAGS: [x]
      ansible.builtin.meta	TAGS: []

  play #3 (): Nothing	TAGS: []
    tasks:
"""


def tags(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_plays_have_number_hosts_name_and_tags() -> None:
    plays = oracle.parse_listing(LISTING)
    assert [(play.number, play.hosts, play.name, play.tags) for play in plays] == [
        (1, "all", "Prepare", tags("always", "early")),
        (2, "web[0]:&live,~db(1|2)", "Serve (twice): now", tags()),
        (3, "", "Nothing", tags()),
    ]


def test_a_role_has_no_space_in_its_name() -> None:
    first, second, third = (play.tasks for play in oracle.parse_listing(LISTING))
    assert first == (
        oracle.ListedTask(None, "Say hello", tags("always", "early")),
        oracle.ListedTask("base/os", "Look around", tags("always", "early", "facts")),
    )
    assert second == (
        oracle.ListedTask("proxy", "Wait : for it", tags()),
        oracle.ListedTask(None, "Note | this : that", tags("x")),
        oracle.ListedTask(None, "ansible.builtin.meta", tags()),
    )
    assert third == ()


def test_a_name_may_go_over_lines() -> None:
    listing = (
        "  play #1 (all): A	TAGS: []\n    tasks:\n      r : one\n\n      two	TAGS: [t]\n"
    )
    (play,) = oracle.parse_listing(listing)
    assert play.tasks == (oracle.ListedTask("r", "one\n\n      two", tags("t")),)


@pytest.mark.parametrize("listing", ["      r : no play	TAGS: []\n", "  play #1 (all): cut"])
def test_anything_else_is_refused(listing: str) -> None:
    with pytest.raises(AssertionError):
        oracle.parse_listing(listing)


def test_an_empty_listing_has_no_plays() -> None:
    assert oracle.parse_listing("\nplaybook: nothing.yml\n") == []


def test_the_pin_is_found_among_other_requirements() -> None:
    text = "# for CI\nansible-core == 2.1.2 # why\njinja2==1\nansible==3.4\nansible-lint==5\n"
    assert oracle.pinned(text) == "ansible-core== 2.1.2\nansible==3.4"


def test_requirements_without_ansible_are_refused() -> None:
    with pytest.raises(LookupError, match="other-file"):
        oracle.pinned("other-file.txt")


def test_what_does_not_install_has_a_reason_and_no_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []

    def build(*command: str, required: bool = True) -> None:
        calls.append(command)
        if "pip" in command:
            raise AssertionError("some talk\nno such version")

    monkeypatch.setenv("KUBESPRAY_PATCHGEN_TEST_CACHE", str(tmp_path))
    monkeypatch.setattr(oracle, "_run_builder", build)
    assert oracle.ansible_for("ansible==0.0.0") is None
    assert oracle.why_not("ansible==0.0.0").startswith("ansible-0.0.0 on Python 3.")
    assert oracle.why_not("ansible==0.0.0").endswith("no such version")
    assert [command[2] for command in calls] == ["venv", "pip"]
    assert not list(tmp_path.rglob("complete"))


@pytest.mark.ansible
@pytest.mark.releases
def test_the_real_thing(tmp_path: Path) -> None:
    tree = checkout.export(URL, "v2.27.0", tmp_path / "tree")
    requirement = oracle.pinned((tree / "requirements.txt").read_text(encoding="utf-8"))
    bin_dir = oracle.ansible_for(requirement)
    if bin_dir is None:
        pytest.skip(oracle.why_not(requirement))
    before = sorted(tree.rglob("*"))

    plays = oracle.list_tasks(bin_dir, tree, "cluster.yml")
    approver = [
        (play.number, task.role)
        for play in plays
        for task in play.tasks
        if "kubelet-csr-approver" in task.tags and task.role == "helm-apps"
    ]
    assert approver
    assert [play.number for play in plays] == list(range(1, len(plays) + 1))
    only = oracle.list_tasks(bin_dir, tree, "cluster.yml", "--tags", "kubelet-csr-approver")
    assert sum(len(play.tasks) for play in only) < sum(len(play.tasks) for play in plays)
    with pytest.raises(AssertionError, match=r"absent\.yml"):
        oracle.list_tasks(bin_dir, tree, "absent.yml")
    assert sorted(tree.rglob("*")) == before

    merged = "{{ base | combine({'n': [2]}, recursive=True, list_merge='append_rp') }}"
    cases: list[tuple[object, dict[str, object]]] = [
        (merged, {"base": {"n": [1], "s": "{{ word }}"}, "word": "true"}),
        ([{"a": "{{ word }}"}, 1, None, "é 😀"], {"word": "no"}),
        ("{{ loop }}", {"loop": "{{ loop }}"}),
        ("{{ absent }}", {}),
        ('["text"]', {}),
    ]
    results = oracle.attempt_many(bin_dir, cases)
    assert results[:2] == [{"n": [1, 2], "s": "true"}, [{"a": "no"}, 1, None, "é 😀"]]
    assert all(isinstance(result, oracle.Refused) for result in results[2:4])
    assert oracle.evaluate(bin_dir, *cases[1]) == results[1]
    with pytest.raises(AssertionError, match="absent"):
        oracle.evaluate(bin_dir, *cases[3])
