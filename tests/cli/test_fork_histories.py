"""`fork` on forks that changed the same files themselves: what it finds, does, and leaves alone.

Most forks here are branches of one repository, each with one commit of the fork's own on top of a
release, and go through the same life: the series is put on them, others commit on its branches,
the release branches move on. What each must hold in the end is worked out by hand. Histories that
are more than one commit have tests of their own below.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import CLUSTER, META, commit_all, git, patched, run, sealed, write_tree
from generator.model.kubespray import Kubespray
from generator.tree.locate import Wanted, open_tree

ORDER, TOLERATION = "approver-after-ccm", "approver-tolerations"
APPROVER, CCM = "kubernetes-apps/kubelet-csr-approver", "kubernetes-apps/external_cloud_controller"
ROLE = f"roles/{APPROVER}"
APPS = "roles/kubernetes-apps/meta/main.yml"
DEFAULTS = f"{ROLE}/defaults/main.yml"

USE = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
BEFORE_IT = b"    - { role: network_plugin, tags: network }\n"
CCM_USE = (
    b"    - { role: kubernetes-apps/external_cloud_controller, tags: external-cloud-controller }\n"
)
BEHIND_CCM = b"    - { role: kubernetes-apps/network_plugin, tags: network }\n"
LAST = b"    - { role: kubernetes-apps, tags: apps }\n"
VALUES = b'        values: "{{ kubelet_csr_approver_values }}"\n'
CCM_PLAY = b"- name: Deploy what runs inside the cluster\n"
FINAL_PLAY = b"- name: Let the hosts use the cluster's DNS\n"
TASK = b"---\n- name: Do what Acme wants\n  ansible.builtin.debug:\n    msg: acme\n"

# Upstream's form of the order: the dependency that kubernetes-apps has from v2.28.0 on.
METALLB = b"  - role: kubernetes-apps/metallb\n"
DEPENDENCY = b"""\
  - role: kubernetes-apps/kubelet-csr-approver
    when:
      - kubelet_csr_approver_enabled
      - inventory_hostname == groups['kube_control_plane'][0]
    tags:
      - kubelet-csr-approver
"""

Files = dict[str, bytes]


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return data with the one place of some bytes exchanged."""
    assert data.count(old) == 1, (old, data.count(old))
    return data.replace(old, new)


def moved(data: bytes, use: bytes, behind: bytes) -> bytes:
    """Return a playbook with some lines behind other ones."""
    return swapped(swapped(data, use, b""), behind, behind + use)


@dataclass(frozen=True)
class History:
    """A fork's own state of a release, and what its branch must hold in the end.

    `own` and `after` are files by path, None for one that is not there: what the fork changed, and
    what the series is to change in that. `states` of the two patches; `allowed` is how the fork's
    own playbook is wrong or right, where it is not the usual.
    """

    own: Mapping[str, bytes | None]
    after: Mapping[str, bytes] = field(default_factory=dict)
    states: tuple[str, str] = ("needed", "needed")
    playbook: str = "playbooks/cluster.yml"


Make = Callable[[Files], History]
HISTORIES: dict[str, Make] = {}


def history(make: Make) -> Make:
    HISTORIES[make.__name__.removeprefix("_").replace("_", "-")] = make
    return make


def merged(files: Files) -> bytes:
    """Return the approver's meta as the series leaves it."""
    return patched(files)[META]


def usual(files: Files, cluster: bytes, use: bytes = USE, behind: bytes = LAST) -> History:
    """Return a fork that changed cluster.yml, where the approver's lines move as they are."""
    return History({CLUSTER: cluster}, {CLUSTER: moved(cluster, use, behind), META: merged(files)})


# The approver's line, and what stands around it.


@history
def _untouched(files: Files) -> History:
    return usual(files, files[CLUSTER])


@history
def _roles_between(files: Files) -> History:
    """Roles of the fork's own on both sides of the approver, of the CCM and of the applications."""
    acme = {name: f"    - {{ role: acme/{name}, tags: acme }}\n".encode() for name in "abcdef"}
    cluster = swapped(files[CLUSTER], USE, acme["a"] + USE + acme["b"])
    cluster = swapped(cluster, CCM_USE, acme["c"] + CCM_USE + acme["d"])
    cluster = swapped(cluster, LAST, acme["e"] + LAST + acme["f"])
    # DNS comes with kubernetes-apps: behind it, and before what the fork runs last.
    done = usual(files, cluster)
    tasks = {f"roles/acme/{name}/tasks/main.yml": TASK for name in acme}
    return History({**done.own, **tasks}, done.after)


@history
def _tagged(files: Files) -> History:
    use = USE.replace(b"tags: kubelet-csr-approver", b"tags: [kubelet-csr-approver, acme, certs]")
    return usual(files, swapped(files[CLUSTER], USE, use), use)


@history
def _conditional(files: Files) -> History:
    use = USE.replace(b" }", b', when: "acme_signs | default(true)" }')
    return usual(files, swapped(files[CLUSTER], USE, use), use)


@history
def _commented(files: Files) -> History:
    """The fork does not run the approver from cluster.yml: there is no order to repair.

    The role is still there, and upgrade_cluster.yml or a playbook of the fork's may use it.
    """
    cluster = swapped(files[CLUSTER], USE, b"    #" + USE[4:])
    return History({CLUSTER: cluster}, {META: merged(files)}, ("inapplicable", "needed"))


@history
def _with_a_comment_behind_it(files: Files) -> History:
    use = USE[:-1] + b"  # acme: see OPS-12, \xc3\xa4\n"
    return usual(files, swapped(files[CLUSTER], USE, use), use)


@history
def _with_a_comment_above_it(files: Files) -> History:
    """A comment on lines of its own right above the use belongs to it, and goes with it."""
    use = b"    # acme: kubelets want their certificates\n" + USE
    return usual(files, swapped(files[CLUSTER], USE, use), use)


@history
def _with_parameters(files: Files) -> History:
    """As a block, with variables of the fork's own in the role's use."""
    use = (
        b"    - role: kubernetes-apps/kubelet-csr-approver\n"
        b"      vars:\n"
        b"        kubelet_csr_approver_namespace: acme   # ours\n"
        b"\n"
        b"      tags:\n"
        b"        - kubelet-csr-approver\n"
    )
    return usual(files, swapped(files[CLUSTER], USE, use), use)


# Plays.

OWN_PLAY = b"- name: Sign certificates\n  hosts: kube_control_plane\n"
SETTINGS = (
    b'  gather_facts: false\n  any_errors_fatal: true\n  environment: "{{ proxy_disable_env }}"\n'
)
ROLES, NO_ROLES = b"  roles:\n", b"  roles: []\n"


@history
def _play_between(files: Files) -> History:
    play = (
        b"- name: Acme's own\n  hosts: kube_control_plane\n  roles:\n"
        b"    - { role: acme/a, tags: acme }\n\n"
    )
    cluster = swapped(files[CLUSTER], CCM_PLAY, play + CCM_PLAY)
    done = usual(files, cluster)
    return History({**done.own, "roles/acme/a/tasks/main.yml": TASK}, done.after)


@history
def _play_of_its_own_before(files: Files) -> History:
    """The approver alone in a play of the fork's, still before the CCM, with what that play has.

    A play cannot be left with an empty list of roles by taking a line away.
    """
    cluster = swapped(files[CLUSTER], USE, b"")
    cluster = swapped(cluster, CCM_PLAY, OWN_PLAY + SETTINGS + ROLES + USE + b"\n" + CCM_PLAY)
    after = swapped(cluster, OWN_PLAY + SETTINGS + ROLES + USE, OWN_PLAY + SETTINGS + NO_ROLES)
    after = swapped(after, LAST, LAST + USE)
    return History({CLUSTER: cluster}, {CLUSTER: after, META: merged(files)})


@history
def _play_without_the_proxy(files: Files) -> History:
    """The same without the environment of the CCM's play: there the role would meet another one."""
    cluster = swapped(files[CLUSTER], USE, b"")
    cluster = swapped(cluster, CCM_PLAY, OWN_PLAY + ROLES + USE + b"\n" + CCM_PLAY)
    return History({CLUSTER: cluster}, {}, ("conflict", "needed"))


@history
def _play_of_its_own_behind(files: Files) -> History:
    """The approver alone in a play behind all that it needs: the fork has cured the order."""
    play = OWN_PLAY + ROLES + USE + b"\n"
    cluster = swapped(swapped(files[CLUSTER], USE, b""), FINAL_PLAY, play + FINAL_PLAY)
    return History({CLUSTER: cluster}, {META: merged(files)}, ("in", "needed"))


@history
def _used_twice(files: Files) -> History:
    """Once where upstream has it and once more at the end: which one the fork means, who knows."""
    cluster = swapped(files[CLUSTER], LAST, LAST + USE)
    return History({CLUSTER: cluster}, {}, ("conflict", "needed"))


@history
def _templated_role(files: Files) -> History:
    """A name that a template makes may mean the approver; no order can be promised."""
    use = b'    - { role: "kubernetes-apps/{{ acme_role }}", tags: acme }\n'
    cluster = swapped(files[CLUSTER], USE, USE + use)
    return History({CLUSTER: cluster}, {}, ("conflict", "needed"))


# Where the fork has moved the approver itself.


@history
def _moved_to_a_right_place(files: Files) -> History:
    cluster = moved(files[CLUSTER], USE, LAST)
    return History({CLUSTER: cluster}, {META: merged(files)}, ("in", "needed"))


@history
def _moved_before_the_ccm(files: Files) -> History:
    """Into the CCM's play, but before the CCM."""
    cluster = swapped(swapped(files[CLUSTER], USE, b""), CCM_USE, USE + CCM_USE)
    return usual(files, cluster)


@history
def _moved_before_dns(files: Files) -> History:
    """Behind the CCM and the network, but before CoreDNS, by which the approver looks names up."""
    cluster = moved(files[CLUSTER], USE, BEHIND_CCM)
    return usual(files, cluster)


@history
def _backported(files: Files) -> History:
    """Upstream's own change, picked: in the tree, though the release is older than v2.28.0."""
    own = {
        CLUSTER: swapped(files[CLUSTER], USE, b""),
        APPS: swapped(files[APPS], METALLB, DEPENDENCY + METALLB),
    }
    return History(own, {META: merged(files)}, ("in", "needed"))


@history
def _applications_extended(files: Files) -> History:
    """Dependencies of the fork's own in kubernetes-apps/meta, one with the approver's condition."""
    first = b"  - role: acme/a\n    when: kubelet_csr_approver_enabled\n    tags: [acme]\n"
    last = b"  - role: acme/b   # last\n"
    apps = swapped(files[APPS], METALLB, first + METALLB) + last
    own = {APPS: apps, "roles/acme/a/tasks/main.yml": TASK, "roles/acme/b/tasks/main.yml": TASK}
    cluster = moved(files[CLUSTER], USE, LAST)
    return History(own, {CLUSTER: cluster, META: merged(files)})


# Reformatted.


@history
def _wider_indentation(files: Files) -> History:
    cluster = files[CLUSTER].replace(b"    - {", b"        - {")
    return usual(files, cluster, b"    " + USE, b"    " + LAST)


@history
def _no_indentation(files: Files) -> History:
    """Lists at the column of their key, as some formatters want it."""
    cluster = files[CLUSTER].replace(b"    - {", b"  - {")
    return usual(files, cluster, USE[2:], LAST[2:])


@history
def _block_mappings(files: Files) -> History:
    cluster = b"".join(map(_as_block, files[CLUSTER].splitlines(keepends=True)))
    return usual(files, cluster, _as_block(USE), _as_block(LAST))


def _as_block(line: bytes) -> bytes:
    """Return `- { role: x, tags: y }` as two lines; longer ones and all others as they are."""
    if not line.startswith(b"    - { ") or line.count(b": ") != 2 or b", tags: " not in line:
        return line
    inner = line.strip().removeprefix(b"- { ").removesuffix(b" }")
    role, _, tags = inner.partition(b", tags: ")
    return b"    - " + role + b"\n      tags: " + tags + b"\n"


@history
def _mapping_over_lines(files: Files) -> History:
    use = (
        b"    - {\n"
        b"        role: kubernetes-apps/kubelet-csr-approver,\n"
        b"        tags: kubelet-csr-approver\n"
        b"      }\n"
    )
    return usual(files, swapped(files[CLUSTER], USE, use), use)


@history
def _quoted(files: Files) -> History:
    use = (
        b"    - {\"role\": 'kubernetes-apps/kubelet-csr-approver', "
        b'tags: ["kubelet-csr-approver"]}\n'
    )
    cluster = swapped(files[CLUSTER], USE, use).replace(b"tags: network }", b"tags: 'network' }")
    return usual(files, cluster, use)


@history
def _carriage_returns(files: Files) -> History:
    own = {path: files[path].replace(b"\n", b"\r\n") for path in (CLUSTER, META)}
    after = {path: data.replace(b"\n", b"\r\n") for path, data in patched(files).items()}
    return History(own, after)


@history
def _byte_order_mark_and_no_last_newline(files: Files) -> History:
    """The CCM's play is the last one, and ends without a newline."""
    whole = files[CLUSTER]
    at = whole.index(FINAL_PLAY)
    cluster = b"\xef\xbb\xbf" + whole[:at].rstrip(b"\n")
    after = swapped(cluster, USE, b"") + b"\n" + USE[:-1]
    return History({CLUSTER: cluster}, {CLUSTER: after, META: merged(files)})


# Moved and renamed.


@history
def _playbooks_at_the_top(files: Files) -> History:
    """As before v2.22: cluster.yml itself is at the top, and so is what it imports."""
    old = {path: None for path in files if path.startswith("playbooks/")}
    new = {path.removeprefix("playbooks/"): files[path] for path in old}
    after = {"cluster.yml": moved(files[CLUSTER], USE, LAST), META: merged(files)}
    return History({**old, **new}, after, playbook="cluster.yml")


@history
def _role_renamed(files: Files) -> History:
    """With underscores, as a rule of ansible-lint asks for; the release keeps its name in Helm."""
    here = ROLE.replace("kubelet-csr-approver", "kubelet_csr_approver")
    old = {path: None for path in files if path.startswith(f"{ROLE}/")}
    new = {path.replace(ROLE, here): files[path] for path in old}
    use = USE.replace(b"/kubelet-csr-approver", b"/kubelet_csr_approver")
    cluster = swapped(files[CLUSTER], USE, use)
    meta = META.replace(ROLE, here)
    after = {CLUSTER: moved(cluster, use, LAST), meta: merged(files)}
    return History({**old, **new, CLUSTER: cluster}, after)


# The toleration.

KEY = b"node.cloudprovider.kubernetes.io/uninitialized"
ONLY_ORDER = ("needed", "in")


@history
def _tolerated_in_the_default(files: Files) -> History:
    """An inventory that gives the variable replaces the default whole, so this does not hold."""
    default = b"kubelet_csr_approver_values: {}\n"
    more = (
        b"kubelet_csr_approver_values:\n  tolerations:\n    - key: " + KEY + b"\n"
        b"      operator: Exists\n      effect: NoSchedule\n"
    )
    own = {DEFAULTS: swapped(files[DEFAULTS], default, more)}
    return History(own, patched(files))


def _values(text: bytes) -> bytes:
    return b"        values:\n          tolerations:\n" + text


def _toleration(key: bytes, *more: bytes) -> bytes:
    return b"".join(
        [b"            - key: " + key + b"\n", *(b"              " + row + b"\n" for row in more)]
    )


def _only_order(files: Files, values: bytes) -> History:
    own = {META: swapped(files[META], VALUES, values)}
    return History(own, {CLUSTER: patched(files)[CLUSTER]}, ONLY_ORDER)


@history
def _tolerated_in_meta(files: Files) -> History:
    entry = _toleration(KEY, b"operator: Exists", b"effect: NoSchedule")
    return _only_order(files, _values(entry))


@history
def _tolerated_with_the_value(files: Files) -> History:
    """The taint's value is the text "true"."""
    return _only_order(files, _values(_toleration(KEY, b"operator: Equal", b'value: "true"')))


@history
def _everything_tolerated(files: Files) -> History:
    """No key, Exists: every taint."""
    return _only_order(files, _values(b"            - operator: Exists\n"))


@history
def _tolerated_by_an_expression(files: Files) -> History:
    values = (
        b"        values: \"{{ kubelet_csr_approver_values | combine({'tolerations': [{'key': '"
        + KEY + b"', 'operator': 'Exists'}]}) }}\"\n"
    )  # fmt: skip
    return _only_order(files, values)


@history
def _tolerated_without_the_value(files: Files) -> History:
    """Equal without a value does not match the taint: ours is needed beside it.

    The list replaces the chart's own already, so what the chart tolerated is missing, too.
    """
    theirs = _values(_toleration(KEY, b"operator: Equal", b"effect: NoSchedule"))
    own = {META: swapped(files[META], VALUES, theirs)}
    ours = b"".join(
        _toleration(key, b"operator: " + operator, b"effect: NoSchedule")
        for key, operator in (
            (b"node-role.kubernetes.io/master", b"Equal"),
            (b"node-role.kubernetes.io/control-plane", b"Equal"),
            (KEY, b"Exists"),
        )
    )
    after = {META: swapped(own[META], theirs, theirs + ours)}
    return History(own, {CLUSTER: patched(files)[CLUSTER], **after})


@history
def _both_cured(files: Files) -> History:
    entry = _toleration(KEY, b"operator: Exists", b"effect: NoSchedule")
    own = {
        CLUSTER: patched(files)[CLUSTER],
        META: swapped(files[META], VALUES, _values(entry)),
    }
    return History(own, {}, ("in", "in"))


# The life of all those branches.

Refs = dict[str, str]
BASE = "release-2.24.0-{}-acme"
CONFLICTS = {"play-without-the-proxy", "templated-role", "used-twice"}
NOTHING = {"both-cured"}
CARRIED = sorted(HISTORIES.keys() - CONFLICTS - NOTHING)


@dataclass(frozen=True)
class Stage:
    """What one run of `fork` said and left: exit code, JSON, and all refs behind it."""

    code: int
    said: dict[str, Any]
    refs: Refs

    def revision(self, name: str) -> dict[str, Any]:
        """What `status` said on one release branch."""
        (found,) = (one for one in self.said["revisions"] if one["release"] == name)
        return dict(found)

    def branch(self, name: str) -> dict[str, Any]:
        """What `sync` said on one branch of ours."""
        (found,) = (one for one in self.said["branches"] if one["branch"] == name)
        return dict(found)


def refs_of(top: Path) -> Refs:
    rows = git(top, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)").splitlines()
    return {name: commit for name, _, commit in (row.partition(" ") for row in rows)}


def fork(top: Path, action: str, *arguments: str) -> Stage:
    done = run("fork", action, top, *arguments, "--format", "json")
    assert done.out, done.err
    return Stage(done.code, json.loads(done.out), refs_of(top))


ONTO = ("--onto", "release-*-acme")


def committed(top: Path, commits: Mapping[str, Mapping[str, bytes | None]], message: str) -> None:
    """Commit files on top of branches, without a checkout; new branches begin at v2.24.0."""
    known = refs_of(top)
    rows: list[bytes] = []
    for branch, files in commits.items():
        start = known.get(branch) or known["v2.24.0"]
        rows.append(
            f"commit refs/heads/{branch}\n"
            "committer Joe Fork <joe@example.com> 1767300000 +0100\n"
            f"data {len(message.encode())}\n{message}\nfrom {start}\n".encode()
        )
        for path, data in files.items():
            if data is None:
                rows.append(f"D {path}\n".encode())
            else:
                rows.append(f"M 644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    git(top, "fast-import", "--quiet", data=b"".join(rows))


@dataclass(frozen=True)
class Life:
    """All that was said over the life of the branches."""

    top: Path
    cases: dict[str, History]
    stages: dict[str, Stage]


OTHERS = {"roles/acme/theirs/tasks/main.yml": TASK}


@pytest.fixture(scope="module")
def life(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sealed(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        top = tmp_path_factory.mktemp("life") / "fork"
        write_tree(top, files)
        commit_all(top, init=True)
        git(top, "tag", "v2.24.0")
        cases = {name: make(files) for name, make in HISTORIES.items()}
        committed(top, {BASE.format(n): c.own for n, c in cases.items()}, "Make it ours")
        stages = {
            "before": fork(top, "status", *ONTO),
            "sync": fork(top, "sync", *ONTO),
            "again": fork(top, "sync", *ONTO),
        }
        ours = {f"{BASE.format(name)}-ccm": cases[name] for name in CARRIED}
        theirs = {
            branch: OTHERS | {
                path: b"# theirs\n" + data for path, data in case.after.items() if path == META
            }
            for branch, case in ours.items()
        }  # fmt: skip
        committed(top, theirs, "Work on top")
        stages["others"] = fork(top, "status", *ONTO)
        more = {BASE.format(name): {"ACME.md": b"More.\n"} for name in CARRIED}
        committed(top, more, "Move on")
        stages["left alone"] = fork(top, "sync", *ONTO)
        stages["forced"] = fork(top, "sync", *ONTO, "--force")
        yield Life(top, cases, stages)


def shown(top: Path, revision: str, path: str) -> bytes:
    return git_bytes(top, "cat-file", "blob", f"{revision}:{path}")


def git_bytes(top: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=top, capture_output=True, check=True, timeout=60
    ).stdout


def states(revision: Mapping[str, Any]) -> tuple[str, ...]:
    assert [patch["id"] for patch in revision["patches"]] == [ORDER, TOLERATION]
    return tuple(patch["state"] for patch in revision["patches"])


@pytest.mark.parametrize("name", HISTORIES)
def test_what_is_needed(life: Life, name: str) -> None:
    found = life.stages["before"].revision(BASE.format(name))
    assert states(found) == life.cases[name].states
    assert (found["error"] is not None) == (name in CONFLICTS)
    expected = "unneeded" if name in NOTHING else "missing"
    assert found["branch"]["state"] == expected
    assert all(patch["reasons"] for patch in found["patches"])


@pytest.mark.parametrize("name", HISTORIES)
def test_what_is_made(life: Life, name: str) -> None:
    """Every byte of the branch: the fork's own files, but for what the series is to change."""
    base, case = BASE.format(name), life.cases[name]
    stage = life.stages["sync"]
    made = stage.branch(f"{base}-ccm")
    if name in CONFLICTS | NOTHING:
        assert made["action"] == ("refuse" if name in CONFLICTS else "keep")
        assert made["after"] is None and f"{base}-ccm" not in stage.refs
        return
    assert made["action"] == "create"
    assert made["after"] == stage.refs[f"{base}-ccm"]
    old, new = stage.refs[base], made["after"]
    changed = git_bytes(life.top, "diff-tree", "-r", "--no-renames", "--name-status", old, new)
    assert changed.decode().splitlines() == [f"M\t{path}" for path in sorted(case.after)]
    for path, data in case.after.items():
        assert shown(life.top, new, path) == data, path
    count = sum(state == "needed" for state in case.states)
    assert git(life.top, "rev-list", "--count", f"{old}..{new}") == str(count)


@pytest.mark.parametrize("name", CARRIED)
def test_order_is_right(life: Life, name: str) -> None:
    """By the flattened order of what was committed, but for a fork that took the approver out."""
    commit = life.stages["sync"].refs[f"{BASE.format(name)}-ccm"]
    order = order_at(life.top, commit, life.cases[name].playbook)
    approvers = order.of_role(APPROVER)
    assert len(approvers) == (0 if name == "commented" else 1)
    for role in ("network_plugin", "kubernetes-apps/network_plugin", CCM,
                 "kubernetes-apps/ansible"):  # fmt: skip
        needed = order.of_role(role)
        assert needed, role
        assert all(step.number < late.number for step in needed for late in approvers), role


def order_at(top: Path, revision: str, playbook: str = CLUSTER) -> Any:
    return Kubespray(open_tree(Wanted(top, revision))).order(playbook)


@pytest.mark.parametrize("name", CARRIED)
def test_second_time(life: Life, name: str) -> None:
    again = life.stages["again"]
    assert again.branch(f"{BASE.format(name)}-ccm")["action"] == "keep"
    assert again.refs == life.stages["sync"].refs
    assert again.code == life.stages["sync"].code == 3


@pytest.mark.parametrize("name", CARRIED)
def test_commits_of_others_stay(life: Life, name: str) -> None:
    """One commit of another on top: the series is there; once the release has moved on, it lacks.

    Only --force moves the branch then, and its log still names what was there.
    """
    base = BASE.format(name)
    ours = f"{base}-ccm"
    others, left, forced = (life.stages[stage] for stage in ("others", "left alone", "forced"))
    found = others.revision(base)["branch"]
    assert (found["state"], found["others"]) == ("has", 1)
    assert others.refs[ours] != life.stages["again"].refs[ours]

    refused = left.branch(ours)
    assert (left.code, refused["action"]) == (3, "refuse")
    assert "1 commit of others" in refused["why"]
    assert left.refs[ours] == others.refs[ours] == refused["before"] == refused["after"]

    new = forced.refs[ours]
    assert forced.branch(ours)["action"] == "update" and forced.branch(ours)["after"] == new
    for path, data in life.cases[name].after.items():
        assert shown(life.top, new, path) == data, path
    assert shown(life.top, new, "ACME.md") == b"More.\n"
    assert git(life.top, "reflog", "--format=%H", ours).splitlines()[1] == left.refs[ours]


def test_release_branches_are_never_moved(life: Life) -> None:
    for name in HISTORIES:
        base = BASE.format(name)
        commits = {stage.refs[base] for stage in life.stages.values()}
        assert len(commits) == (2 if name in CARRIED else 1)


# Histories of more than one commit.

OWN, OURS = "release-2.24.0-acme", "release-2.24.0-acme-ccm"
RELEASE, CARRIER = "v2.24.0", "v2.24.0-ccm"
BACKPORT = ("--with", "backport-12141", "--without", ORDER)
THEIRS = {"ACME.md": b"Theirs.\n"}


@pytest.fixture
def upstream(repo: Path) -> Path:
    """A repository with the release v2.24.0, and nothing checked out."""
    git(repo, "tag", RELEASE)
    git(repo, "checkout", "--quiet", "--detach")
    return repo


def merge(top: Path, branch: str, *others: str, options: tuple[str, ...] = ()) -> str:
    """Merge into a branch, which must work without help; return the merge."""
    git(top, "checkout", "--quiet", branch)
    git(top, "merge", "--quiet", "--no-ff", "-m", "Merge", *options, *others)
    git(top, "checkout", "--quiet", "--detach")
    return git(top, "rev-parse", branch)


def branch_of(stage: Stage, release: str = RELEASE) -> tuple[str, int]:
    found = stage.revision(release)["branch"]
    return found["state"], found["others"]


def keeps_all(top: Path, *arguments: str, code: int = 0) -> Stage:
    """Check that `sync` moves nothing; return it."""
    before = refs_of(top)
    stage = fork(top, "sync", *arguments)
    assert (stage.code, stage.refs) == (code, before)
    return stage


def expect_series(top: Path, revision: str, files: Files) -> None:
    for path, data in patched(files).items():
        assert shown(top, revision, path) == data, path


def test_their_commit_between_ours(upstream: Path, files: Files) -> None:
    """Ours, theirs, ours: the second of ours was picked, so somebody's hand was on it as well."""
    second = fork(upstream, "sync").refs[CARRIER]
    git(upstream, "update-ref", f"refs/heads/{CARRIER}", f"{second}~1")
    committed(upstream, {CARRIER: THEIRS}, "Theirs")
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "cherry-pick", second)
    git(upstream, "checkout", "--quiet", "--detach")
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (0, "has", 2)
    keeps_all(upstream)
    expect_series(upstream, CARRIER, files)


def test_their_commit_below_ours(upstream: Path, files: Files) -> None:
    """They began the branch. It lacks all; what they take from `patch` is theirs, too."""
    committed(upstream, {CARRIER: THEIRS}, "Theirs")
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (1, "differs", 1)
    assert f"lacks {ORDER}, {TOLERATION}" in status.revision(RELEASE)["branch"]["why"]
    refused = keeps_all(upstream, code=3).branch(CARRIER)
    assert refused["action"] == "refuse" and "--force" in refused["why"]
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "am", "--quiet", data=run("patch", upstream).out)
    git(upstream, "checkout", "--quiet", "--detach")
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (0, "has", 3)
    keeps_all(upstream)
    expect_series(upstream, CARRIER, files)


def test_ours_squashed_into_one_commit(upstream: Path, files: Files) -> None:
    tip = fork(upstream, "sync").refs[CARRIER]
    git(upstream, "update-ref", f"refs/heads/{CARRIER}", RELEASE)
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "merge", "--quiet", "--squash", tip)
    git(upstream, "commit", "--quiet", "--no-edit")
    git(upstream, "checkout", "--quiet", "--detach")
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (0, "has", 1)
    keeps_all(upstream)


@pytest.mark.parametrize(
    ("commit", "lacks", "left"), [("", TOLERATION, ORDER), ("~1", ORDER, TOLERATION)]
)
def test_revert_of_one_of_ours(
    upstream: Path, files: Files, commit: str, lacks: str, left: str
) -> None:
    """Somebody does not want a part of the series: that is told, and not undone."""
    tip = fork(upstream, "sync").refs[CARRIER]
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "revert", "--no-edit", tip + commit)
    git(upstream, "checkout", "--quiet", "--detach")
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (1, "differs", 1)
    assert status.revision(RELEASE)["branch"]["why"] == f"lacks {lacks}"
    keeps_all(upstream, code=3)
    # Without the patch that they took out, the branch has all that it shall have.
    assert fork(upstream, "status", "--only", left).code == 0
    keeps_all(upstream, "--only", left)
    assert run("fork", "verify", upstream).code == 1
    # The revert reverted.
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "revert", "--no-edit", "HEAD")
    git(upstream, "checkout", "--quiet", "--detach")
    assert branch_of(fork(upstream, "status")) == ("has", 2)
    keeps_all(upstream)
    expect_series(upstream, CARRIER, files)


def test_force_lets_commits_of_others_go(upstream: Path, files: Files) -> None:
    """A branch that only lacks something: with --force it is what a first sync would make."""
    tip = fork(upstream, "sync").refs[CARRIER]
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "revert", "--no-edit", tip)
    git(upstream, "checkout", "--quiet", "--detach")
    forced = fork(upstream, "sync", "--force")
    assert (forced.code, forced.refs[CARRIER]) == (0, tip)
    assert forced.branch(CARRIER)["action"] == "update"


def test_another_choice_of_patches(upstream: Path, files: Files) -> None:
    """Ours alone on a branch follow the choice, there and back, by the same commits."""
    both = fork(upstream, "sync").refs[CARRIER]
    status = fork(upstream, "status", "--only", ORDER)
    assert (status.code, *branch_of(status)) == (1, "behind", 0)
    one = fork(upstream, "sync", "--only", ORDER).refs[CARRIER]
    assert git(upstream, "rev-parse", f"{both}~1") == one
    assert shown(upstream, one, META) == files[META]
    assert branch_of(fork(upstream, "status")) == ("behind", 0)
    assert fork(upstream, "sync").refs[CARRIER] == both


def test_ours_on_another_release(upstream: Path) -> None:
    """The branch stands on the release before: it moves, for nothing on it is of others."""
    committed(upstream, {"next": {"ACME.md": b"v2.24.1\n"}}, "The next release")
    git(upstream, "tag", "v2.24.1", "next")
    first = fork(upstream, "sync")
    git(upstream, "update-ref", "refs/heads/v2.24.1-ccm", first.refs[CARRIER])
    status = fork(upstream, "status", "--releases", "v2.24.1")
    assert (status.code, *branch_of(status, "v2.24.1")) == (1, "behind", 0)
    assert fork(upstream, "sync").refs == first.refs


def test_ours_on_a_later_release(upstream: Path) -> None:
    """The branch for v2.24.0 has the next release below ours: all is there, and more."""
    committed(upstream, {"next": {"ACME.md": b"v2.24.1\n"}}, "The next release")
    git(upstream, "tag", "v2.24.1", "next")
    first = fork(upstream, "sync")
    git(upstream, "update-ref", f"refs/heads/{CARRIER}", first.refs["v2.24.1-ccm"])
    status = fork(upstream, "status")
    assert (status.code, *branch_of(status)) == (0, "has", 1)
    keeps_all(upstream)


def test_release_tagged_anew(upstream: Path, files: Files) -> None:
    """The tag has moved to a commit of another root; nobody can tell whose the old one is.

    What the branch's own tree has is what counts then.
    """
    first = fork(upstream, "sync")
    tree = git(upstream, "rev-parse", f"{RELEASE}^{{tree}}")
    anew = git(upstream, "commit-tree", tree, "-m", "The release, made anew")
    git(upstream, "tag", "--force", RELEASE, anew)
    assert branch_of(fork(upstream, "status")) == ("has", 1)
    keeps_all(upstream)
    assert refs_of(upstream)[CARRIER] == first.refs[CARRIER]


def test_amended_below_ours(upstream: Path) -> None:
    """The fork's release branch was rebased: its old commit is on our branch, and is not ours."""
    committed(upstream, {OWN: THEIRS}, "Theirs")
    fork(upstream, "sync", *ONTO)
    git(upstream, "update-ref", f"refs/heads/{OWN}", RELEASE)
    committed(upstream, {OWN: {"ACME.md": b"Better.\n"}}, "Theirs, amended")
    status = fork(upstream, "status", *ONTO)
    assert (status.code, *branch_of(status, OWN)) == (1, "behind", 1)
    keeps_all(upstream, *ONTO, code=3)
    forced = fork(upstream, "sync", *ONTO, "--force")
    assert (forced.code, branch_of(fork(upstream, "status", *ONTO), OWN)) == (0, ("has", 0))
    assert shown(upstream, forced.refs[OURS], "ACME.md") == b"Better.\n"


def later_release(top: Path, files: Files) -> None:
    """Make v2.28.0 on top of v2.24.0: upstream's own change of the order, and its version."""
    later = {
        CLUSTER: swapped(files[CLUSTER], USE, b""),
        APPS: swapped(files[APPS], METALLB, DEPENDENCY + METALLB),
        "galaxy.yml": b"---\nnamespace: kubernetes_sigs\nname: kubespray\nversion: 2.28.0\n",
    }
    committed(top, {"later": later}, "The release v2.28.0")
    git(top, "tag", "v2.28.0", "later")
    git(top, "branch", "--quiet", "-D", "later")


def test_later_release_merged_below(upstream: Path, files: Files) -> None:
    """The fork merges v2.28.0: the order became obsolete, the toleration did not."""
    later_release(upstream, files)
    theirs = {**THEIRS, CLUSTER: files[CLUSTER].replace(BEFORE_IT, b"    # acme\n" + BEFORE_IT)}
    committed(upstream, {OWN: theirs}, "Theirs")
    fork(upstream, "sync", *ONTO)
    merge(upstream, OWN, "v2.28.0")
    status = fork(upstream, "status", *ONTO)
    assert states(status.revision(OWN)) == ("obsolete", "needed")
    assert (status.code, *branch_of(status, OWN)) == (1, "behind", 0)
    new = fork(upstream, "sync", *ONTO).refs[OURS]
    assert git(upstream, "diff", "--name-only", OWN, new) == META
    assert shown(upstream, new, META) == merged(files)
    assert b"    # acme\n" in shown(upstream, new, CLUSTER)
    assert_order(upstream, new)
    keeps_all(upstream, *ONTO)


def assert_order(top: Path, revision: str) -> None:
    order = order_at(top, revision)
    first = min(step.number for step in order.of_role(APPROVER))
    for role in (CCM, "network_plugin", "kubernetes-apps/ansible"):
        assert max(step.number for step in order.of_role(role)) < first, role


def test_later_release_merged_into_ours(upstream: Path, files: Files) -> None:
    """Somebody merges v2.28.0 into our branch for v2.24.0, and keeps both forms of the order.

    The approver runs twice then, both times behind what it needs: nothing is missing.
    """
    later_release(upstream, files)
    fork(upstream, "sync")
    git(upstream, "checkout", "--quiet", CARRIER)
    git(upstream, "merge", "--quiet", "-m", "Merge", "-X", "theirs", "v2.28.0")
    git(upstream, "checkout", "--quiet", "--detach")
    status = fork(upstream, "status")
    state, others = branch_of(status)
    # The release's commit and the merge.
    assert (state, others) == ("has", 2)
    assert_order(upstream, CARRIER)
    keeps_all(upstream)


def test_backport_merges_with_later_releases(upstream: Path, files: Files) -> None:
    """With upstream's own form of the order, a later release merges without a conflict.

    The fork has a dependency of its own where ours goes.
    """
    later_release(upstream, files)
    first = b"  - role: acme/a\n    tags: [acme]\n"
    apps = swapped(files[APPS], b"  - role: kubernetes-apps/helm\n", first
                   + b"  - role: kubernetes-apps/helm\n")  # fmt: skip
    committed(upstream, {OWN: {APPS: apps, "roles/acme/a/tasks/main.yml": TASK}}, "Theirs")
    synced = fork(upstream, "sync", *ONTO, *BACKPORT)
    assert synced.code == 0
    changed = git(upstream, "diff", "--name-only", OWN, OURS).splitlines()
    assert changed == [CLUSTER, META, APPS]
    assert shown(upstream, OURS, CLUSTER) == swapped(files[CLUSTER], USE, b"")
    assert shown(upstream, OURS, APPS) == swapped(apps, METALLB, DEPENDENCY + METALLB)
    assert_order(upstream, OURS)
    # Both forms cure the order, so neither choice finds the other one lacking.
    assert branch_of(fork(upstream, "status", *ONTO, *BACKPORT), OWN) == ("has", 0)
    merge(upstream, OURS, "v2.28.0")
    status = fork(upstream, "status", *ONTO, *BACKPORT)
    assert branch_of(status, OWN) == ("has", 2)
    assert_order(upstream, OURS)


def test_squashed_import(upstream: Path, files: Files, tmp_path: Path) -> None:
    """Kubespray as one commit without a history, its branch beside upstream's tags.

    Nothing says what the import was made of, so its tree is asked; it is never moved.
    """
    top = tmp_path / "fork"
    write_tree(top, files | THEIRS)
    commit_all(top, "Import Kubespray", init=True)
    git(top, "branch", CARRIER)
    seen = ("--upstream", str(upstream))
    status = fork(top, "status", *seen)
    assert (status.code, *branch_of(status)) == (1, "differs", 1)
    refused = fork(top, "sync", *seen)
    assert refused.code == 3 and refused.refs == status.refs
    git(top, "checkout", "--quiet", CARRIER)
    git(top, "am", "--quiet", data=run("patch", top).out)
    git(top, "checkout", "--quiet", "main")
    status = fork(top, "status", *seen)
    assert (status.code, *branch_of(status)) == (0, "has", 3)
    keeps_all(top, *seen)
    expect_series(top, CARRIER, files)


def test_squashed_import_as_a_release_branch(files: Files, tmp_path: Path) -> None:
    """The same import as a base: it has no tag and no release, and needs none."""
    top = tmp_path / "fork"
    write_tree(top, files | THEIRS)
    commit_all(top, "Import Kubespray", init=True)
    git(top, "branch", OWN)
    synced = fork(top, "sync", *ONTO)
    assert synced.code == 0
    assert git(top, "rev-parse", f"{OURS}~2") == git(top, "rev-parse", OWN)
    expect_series(top, OURS, files)
    keeps_all(top, *ONTO)
    # The next import, without a history again, is another base.
    (top / "ACME.md").write_bytes(b"The next one.\n")
    git(top, "checkout", "--quiet", "--orphan", "next")
    commit_all(top, "Import Kubespray once more")
    git(top, "branch", "--force", OWN)
    status = fork(top, "status", *ONTO)
    assert branch_of(status, OWN)[1] == 1
    assert fork(top, "sync", *ONTO).refs[OURS] == synced.refs[OURS]


def test_release_branch_takes_our_branch(upstream: Path) -> None:
    """By fast-forward, then by a merge: nothing is left to carry, and nothing is moved."""
    committed(upstream, {OWN: THEIRS}, "Theirs")
    ours = fork(upstream, "sync", *ONTO).refs[OURS]
    git(upstream, "update-ref", f"refs/heads/{OWN}", ours)
    status = fork(upstream, "status", *ONTO)
    assert states(status.revision(OWN)) == ("in", "in")
    assert (status.code, *branch_of(status, OWN)) == (0, "unneeded", 0)
    keeps_all(upstream, *ONTO)
    git(upstream, "update-ref", f"refs/heads/{OWN}", f"{ours}~2")
    committed(upstream, {OWN: {"MORE.md": b"More.\n"}}, "More")
    merge(upstream, OWN, OURS)
    status = fork(upstream, "status", *ONTO)
    assert states(status.revision(OWN)) == ("in", "in")
    assert (status.code, *branch_of(status, OWN)) == (0, "unneeded", 0)
    keeps_all(upstream, *ONTO)


def crossed(top: Path) -> None:
    """Merge the release branch and ours into each other: two merges, two common ancestors."""
    committed(top, {OWN: THEIRS}, "Theirs")
    fork(top, "sync", *ONTO)
    committed(top, {OWN: {"MORE.md": b"More.\n"}}, "More")
    theirs, ours = (git(top, "rev-parse", name) for name in (OWN, OURS))
    merge(top, OWN, ours)
    merge(top, OURS, theirs)
    assert len(git(top, "merge-base", "--all", OWN, OURS).splitlines()) == 2


def expect_unneeded(top: Path) -> None:
    """Check that the release branch needs nothing, and that our branch is left as it is."""
    status = fork(top, "status", *ONTO)
    assert states(status.revision(OWN)) == ("in", "in")
    assert (status.code, branch_of(status, OWN)[0]) == (0, "unneeded")
    keeps_all(top, *ONTO)
    keeps_all(top, *ONTO, "--force")


def test_criss_cross(upstream: Path, files: Files) -> None:
    """The release branch has the series by a merge, so nothing is to be carried.

    Whatever ours has beside it, there is nothing to do, and nothing to move by force. Merged once
    more, both are the same.
    """
    crossed(upstream)
    expect_unneeded(upstream)
    merge(upstream, OURS, OWN)
    assert fork(upstream, "status", *ONTO).code == 0
    keeps_all(upstream, *ONTO)
    expect_series(upstream, OURS, files)
    expect_series(upstream, OWN, files)


def test_criss_cross_without_the_series(upstream: Path, files: Files) -> None:
    """Our branch and another one of theirs cross; the release branch itself stays."""
    committed(upstream, {OWN: THEIRS}, "Theirs")
    fork(upstream, "sync", *ONTO)
    committed(upstream, {"topic": {"TOPIC.md": b"Topic.\n"}}, "A topic")
    ours, topic = (git(upstream, "rev-parse", name) for name in (OURS, "topic"))
    merge(upstream, OURS, topic)
    merge(upstream, "topic", ours)
    merge(upstream, OURS, "topic")
    status = fork(upstream, "status", *ONTO)
    # The topic's commit and the merges.
    assert (status.code, *branch_of(status, OWN)) == (0, "has", 4)
    keeps_all(upstream, *ONTO)
    expect_series(upstream, OURS, files)


def test_cured_release_branch_with_work_of_others_beside_it(upstream: Path, files: Files) -> None:
    """Our branch never had the series, and the release branch needs it no more."""
    theirs = {OWN: {**THEIRS, **patched(files)}, OURS: {"MORE.md": b"More.\n"}}
    committed(upstream, theirs, "Theirs")
    expect_unneeded(upstream)


def test_one_patch_where_the_other_is_refused(upstream: Path, files: Files) -> None:
    """A fork that uses the approver twice can have the toleration all the same."""
    case = HISTORIES["used-twice"](files)
    committed(upstream, {OWN: case.own}, "Use it twice")
    assert keeps_all(upstream, *ONTO, code=3).branch(OURS)["action"] == "refuse"
    only = (*ONTO, "--only", TOLERATION)
    assert fork(upstream, "sync", *only).code == 0
    assert git(upstream, "diff", "--name-only", OWN, OURS) == META
    assert branch_of(fork(upstream, "status", *only), OWN) == ("has", 0)
    keeps_all(upstream, *only)


@pytest.mark.parametrize("pattern", ["release-{version}-acme", "acme/{release}"])
def test_release_branches_by_the_names_of_releases(upstream: Path, pattern: str) -> None:
    """Only releases that have such a branch are meant."""
    committed(upstream, {"next": THEIRS}, "The next release")
    git(upstream, "tag", "v2.24.1", "next")
    own = pattern.format(version="2.24.0", release=RELEASE)
    committed(upstream, {own: THEIRS}, "Theirs")
    synced = fork(upstream, "sync", "--onto", pattern)
    assert synced.code == 0
    assert [one["branch"] for one in synced.said["branches"]] == [f"{own}-ccm"]
    assert git(upstream, "rev-parse", f"{own}-ccm~2") == git(upstream, "rev-parse", own)


def test_nothing_says_that_work_of_others_can_be_deleted(upstream: Path, files: Files) -> None:
    """Their commit lies below ours; then the release branch is cured otherwise."""
    committed(upstream, {OWN: THEIRS}, "Theirs")
    ours = fork(upstream, "sync", *ONTO).refs[OURS]
    git(upstream, "update-ref", f"refs/heads/{OWN}", RELEASE)
    committed(upstream, {OWN: patched(files)}, "Cure it")
    status = fork(upstream, "status", *ONTO)
    found = status.revision(OWN)["branch"]
    assert (status.code, found["state"]) == (0, "unneeded")
    assert "delete" not in (found["why"] or "")
    assert keeps_all(upstream, *ONTO).refs[OURS] == ours
    # Where the release branch has it as well, ours is of no use any more.
    merge(upstream, OWN, f"{ours}~2")
    found = fork(upstream, "status", *ONTO).revision(OWN)["branch"]
    assert (found["state"], found["why"]) == ("unneeded", "can be deleted")


def test_commits_of_ours_changed_under_their_old_dates(upstream: Path) -> None:
    """Whoever amends and keeps both dates leaves nothing but the content to tell by."""
    assert run("fork", "sync", upstream, "--releases", "v2.24.0").code == 0
    git(upstream, "switch", "--quiet", "v2.24.0-ccm")
    date = git(upstream, "log", "-1", "--format=%cd", "--date=raw")
    (upstream / "ours.txt").write_text("ours\n")
    git(upstream, "add", "ours.txt")
    amend = ("commit", "--amend", "--no-edit", "--quiet")
    subprocess.run(
        ["git", *amend], cwd=upstream, check=True, env={**os.environ, "GIT_COMMITTER_DATE": date}
    )
    tip = git(upstream, "rev-parse", "HEAD")
    git(upstream, "switch", "--quiet", "--detach")
    refused = run("fork", "sync", upstream, "--releases", "v2.24.0")
    assert refused.code == 3 and b"commits of others" in refused.out
    assert git(upstream, "rev-parse", "v2.24.0-ccm") == tip
    assert run("fork", "sync", upstream, "--releases", "v2.24.0", "--force").code == 0
    assert git(upstream, "rev-parse", "v2.24.0-ccm@{1}") == tip
