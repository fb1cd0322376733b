"""What tags select, which tag is chosen, and when stages help, on small trees of our own."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import (
    APPROVER,
    CCM,
    Tree,
    ignored,
    kubespray,
    kubespray_like,
    patches,
    play,
    role,
    scenario,
    text,
)

from generator.engine.detect.approver import ROLE
from generator.exits import Unsafe, UnusableInput
from generator.model.facts import INITIALIZED, READY
from generator.model.flatten import Following
from generator.model.variables import naming
from generator.model.written import Files
from generator.stage.decide import Asked, Needless, Staged, decide
from generator.stage.imported import imported
from generator.stage.runbook import Setting, runbook_playbook, runbook_text, stage_report
from generator.stage.selection import Tagged, order_with_tags, tagged
from generator.stage.tag import choose_tag
from generator.text.document import Place

TAG = "kubelet-csr-approver"
USE = f"{{role: {APPROVER}, tags: {TAG}}}"
SETTING = Setting(None, None, 600, 10)


def made(*tags: str, outer: tuple[str, ...] | None = None) -> Tagged:
    around = () if outer is None else (frozenset(outer),)
    return Tagged("the task 'T'", Place("t.yml", 1), frozenset(tags), around, ())


@pytest.mark.parametrize(
    ("task", "usual", "first", "third"),
    [
        (made(), True, True, False),
        (made("x"), True, False, True),
        (made("y"), True, True, False),
        (made("x", "y"), True, False, True),
        (made("always"), True, True, True),
        (made("always", "x"), True, False, True),
        (made("never"), False, False, False),
        (made("never", "x"), False, False, True),
        (made("never", "always"), False, False, True),
        (made("x", outer=()), True, False, False),
        (made(outer=("x",)), True, False, False),
        (made("x", outer=("x",)), True, False, True),
        (made("x", outer=("always",)), True, False, True),
        (made("always", outer=("y",)), True, True, False),
    ],
)  # fmt: skip
def test_selected(task: Tagged, usual: bool, first: bool, third: bool) -> None:
    """Worked out by hand from Ansible's documentation."""
    assert (task.runs(), task.runs(skip="x"), task.runs(only="x")) == (usual, first, third)


def all_tagged(files: Tree, playbook: str = "cluster.yml", **given: Any) -> list[Tagged]:
    tree, wanted = kubespray(files), scenario(given)
    following = Following(naming(wanted, Files(tree, ignored)), ignored)
    order = order_with_tags(tree, playbook, following)
    return list(tagged(order, tree, following.naming))


def tags_of(files: Tree, name: str, **given: Any) -> set[frozenset[str]]:
    found = all_tagged(files, **given)
    return {task.tags for task in found if task.what == f"the task '{name}'"}


class TestInherited:
    def test_from_import_play_role_dependency_block_and_task(self) -> None:
        files = {
            "cluster.yml": "- import_playbook: more.yml\n  tags: a\n",
            "more.yml": play("{role: one, tags: [c, d]}", more="tags: b"),
            **role("one", meta="dependencies: [{role: two, tags: 'e, f'}]"),
            **role("two", tasks="- {block: [{name: T, debug: , tags: h}], tags: g}\n"),
        }
        assert tags_of(files, "T") == {frozenset("abcdefgh")}

    def test_imported_tasks_inherit_and_included_ones_do_not(self) -> None:
        files = {
            "cluster.yml": play("{role: one, tags: a}"),
            **role(
                "one",
                tasks="""
                - {import_tasks: static.yml, tags: b}
                - {include_tasks: dynamic.yml, tags: c}
                - include_tasks: {file: applied.yml, apply: {tags: d}}
                """,
            ),
            "roles/one/tasks/static.yml": "- {name: S, debug: , tags: x}\n",
            "roles/one/tasks/dynamic.yml": "- {name: D, debug: , tags: x}\n",
            "roles/one/tasks/applied.yml": "- {name: A, debug: , tags: x}\n",
        }
        assert tags_of(files, "S") == {frozenset("abx")}
        assert tags_of(files, "D") == {frozenset("ax")}
        assert tags_of(files, "A") == {frozenset("adx")}
        (dynamic,) = (one for one in all_tagged(files) if one.what == "the task 'D'")
        assert dynamic.outer == (frozenset("ac"),)

    def test_a_file_without_tags_is_seen(self) -> None:
        files = {
            "cluster.yml": play("{role: one}"),
            **role("one", tasks="- {include_tasks: dynamic.yml, tags: c}\n"),
            "roles/one/tasks/dynamic.yml": "- debug:\n",
        }
        found = [one for one in all_tagged(files) if "dynamic.yml" in one.what]
        assert [one.outer for one in found] == [(frozenset("c"),)]

    def test_templates(self) -> None:
        files = {
            "cluster.yml": play("{role: kubespray-defaults}", "{role: one}"),
            **role("kubespray-defaults", defaults="kube_network_plugin: calico"),
            **role(
                "one",
                tasks="""
                - include_role: {name: two, apply: {tags: ["{{ kube_network_plugin }}"]}}
                - include_role: {name: "{{ item.role }}", apply: {tags: ["{{ item.role }}"]}}
                  loop: [{role: two}, {role: three}]
                - {name: T, debug: , tags: "{{ nobody_knows }}"}
                """,
            ),
            **role("two", tasks="- {name: Two, debug: , tags: t}\n"),
            **role("three", tasks="- {name: Three, debug: , tags: t}\n"),
        }
        assert tags_of(files, "Two") == {
            frozenset({"calico", "t"}), frozenset({"two", "three", "t"})
        }  # fmt: skip
        assert tags_of(files, "Three") == {frozenset({"two", "three", "t"})}
        (unknown,) = (one for one in all_tagged(files) if one.what == "the task 'T'")
        assert unknown.may_have(TAG)
        assert not any(one.may_have(TAG) for one in all_tagged(files) if one != unknown)

    def test_unreadable(self) -> None:
        files = {"cluster.yml": play("one"), "roles/one/tasks/main.yml": "- tags: [\n"}
        with pytest.raises(UnusableInput, match=r"roles/one/tasks/main\.yml"):
            all_tagged(files)


def chosen(files: Tree, **given: Any) -> str:
    tree, wanted = kubespray(files), scenario(given)
    following = Following(naming(wanted, Files(tree, ignored)), ignored)
    order = order_with_tags(tree, "cluster.yml", following)
    return choose_tag(order, tagged(order, tree, following.naming), ROLE).tag


def like(**changes: str) -> Tree:
    return kubespray_like() | {
        path.replace("__", "/"): text(data) for path, data in changes.items()
    }


def with_use(use: str) -> Tree:
    files = kubespray_like()
    assert files["cluster.yml"].count(USE) == 1
    return files | {"cluster.yml": files["cluster.yml"].replace(USE, use)}


class TestTag:
    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            (TAG, TAG),
            ("own", "own"),
            ("[network, own]", "own"),
            ("[own, network]", "own"),
            ("[own, other]", "other"),
            ("'own, all'", "own"),
            ("mit Leerzeichen", "mit Leerzeichen"),
        ],
    )
    def test_found(self, tags: str, expected: str) -> None:
        assert chosen(with_use(f"{{role: {APPROVER}, tags: {tags}}}")) == expected

    @pytest.mark.parametrize(
        "tags",
        ["network", "apps", "[]", "all", "always", "never", "tagged", "untagged", "-x", "'{{x}}'"],
    )
    def test_none(self, tags: str) -> None:
        with pytest.raises(Unsafe):
            chosen(with_use(f"{{role: {APPROVER}, tags: {tags}}}"))

    @pytest.mark.parametrize(
        ("path", "data", "reason"),
        [
            ("network_plugin", f"- {{name: T, debug: , tags: [{TAG}, always]}}", "out of stage 1"),
            ("network_plugin", f"- {{name: T, debug: , tags: [{TAG}, never]}}", "run in stage 3"),
            ("network_plugin", "- {name: T, debug: , tags: '{{ mine }}'}", "made by a template"),
            ("network_plugin", f"- {{include_tasks: x.yml, tags: {TAG}}}", "out of stage 1, too"),
            ("helm-apps", "- {name: T, debug: , tags: never}", "a whole run leaves it out"),
        ],
    )
    def test_more_is_selected(self, path: str, data: str, reason: str) -> None:
        files = kubespray_like() | {
            f"roles/{path}/tasks/main.yml": f"{data}\n",
            "roles/network_plugin/tasks/x.yml": "- debug:\n",
        }
        with pytest.raises(Unsafe, match=reason):
            chosen(files)

    @pytest.mark.parametrize(
        "data",
        [
            "- {name: T, debug: , tags: always}",
            "- {name: T, debug: , tags: never}",
            "- {name: T, debug: , tags: '{{ kube_network_plugin }}'}",
            "- {name: T, debug: , tags: 'other-{{ mine }}'}",
            "- {include_tasks: x.yml, tags: [a, always]}",
            "- {include_role: {name: nowhere}}",
        ],
    )
    def test_others_may_have_tags(self, data: str) -> None:
        files = kubespray_like() | {
            "roles/network_plugin/tasks/main.yml": f"{data}\n",
            "roles/network_plugin/tasks/x.yml": "- {debug: , tags: [b]}\n",
        }
        assert chosen(files) == TAG

    def test_included_by_a_task(self) -> None:
        """What is included has no tag of the task that includes it, so --tags finds nothing."""
        task = f"- {{include_role: {{name: {APPROVER}}}, tags: {TAG}}}\n"
        files = with_use("{role: caller}") | role("caller", tasks=task)
        with pytest.raises(Unsafe, match="would not run in stage 3"):
            chosen(files)

    def test_included_by_a_task_that_applies_the_tag(self) -> None:
        task = f"- {{include_role: {{name: {APPROVER}, apply: {{tags: {TAG}}}}}, tags: %s}}\n"
        files = with_use("{role: caller}")
        assert chosen(files | role("caller", tasks=task % TAG)) == TAG
        with pytest.raises(Unsafe, match="would not run in stage 3"):
            chosen(files | role("caller", tasks=task % "other"))

    def test_among_the_applications(self) -> None:
        files = with_use("{role: kubernetes-apps/none}") | {
            "roles/kubernetes-apps/meta/main.yml": (
                f"dependencies: [kubernetes-apps/ansible, {{role: {APPROVER}, tags: own}}]\n"
            )
        }
        assert chosen(files | role("kubernetes-apps/none")) == "own"

    def test_twice(self) -> None:
        files = kubespray_like()
        again = play(f"{{role: {APPROVER}, tags: [%s]}}", hosts="kube_control_plane")
        both = files["cluster.yml"] + again % f"{TAG}, x"
        assert chosen(files | {"cluster.yml": both}) == TAG
        with pytest.raises(Unsafe):
            chosen(files | {"cluster.yml": files["cluster.yml"] + again % "x"})


def asked(files: Tree, own_ccm: bool = False, nodes: str | None = None, **given: Any) -> Asked:
    shipped = tuple(patches().values())
    return Asked(kubespray(files), "cluster.yml", scenario(given, None, nodes), shipped, own_ccm)


class TestDecide:
    def test_staged(self) -> None:
        found = decide(asked(kubespray_like()))
        assert isinstance(found, Staged)
        assert found.chosen.tag == TAG and found.needs == {INITIALIZED}
        assert str(found.controller.workload if found.controller else "") == "DaemonSet vsphere-ccm"
        assert "cloud_provider=external" in found.conditions

    @pytest.mark.parametrize(
        ("files", "given"),
        [
            (kubespray_like(approver_first=False), {}),
            (kubespray_like(), {"kubelet_rotate_server_certificates": False}),
            (kubespray_like(), {"kubelet_csr_approver_enabled": False}),
            (kubespray_like(), {"cloud_provider": ""}),
        ],
    )
    def test_needless(self, files: Tree, given: dict[str, Any]) -> None:
        found = decide(asked(files, **given))
        assert isinstance(found, Needless) and found.others == ()

    def test_the_network_comes_later(self) -> None:
        found = decide(asked(kubespray_like(plugin_last=True), cloud_provider=""))
        assert isinstance(found, Staged) and found.needs == {READY}
        assert "every node is ready" in runbook_text(found, SETTING)
        found = decide(asked(kubespray_like(plugin_last=True)))
        assert isinstance(found, Staged) and found.needs == {READY, INITIALIZED}
        assert "and all are ready" in " ".join(runbook_text(found, SETTING).split())

    def test_a_controller_that_cannot_run(self) -> None:
        """Its pods do not tolerate the taint, so no stage 2 would ever end."""
        with pytest.raises(Unsafe):
            decide(asked(kubespray_like(ccm=())))

    def test_manual(self) -> None:
        with pytest.raises(Unsafe, match="--own-ccm"):
            decide(asked(kubespray_like(), external_cloud_provider="manual"))
        found = decide(asked(kubespray_like(), True, external_cloud_provider="manual"))
        assert isinstance(found, Staged) and found.own_ccm

    def test_own_ccm_is_not_needed(self) -> None:
        found = decide(asked(kubespray_like(), own_ccm=True))
        assert isinstance(found, Staged) and not found.own_ccm

    def test_another_wait_in_the_same_role_list(self) -> None:
        task = "- {name: W, command: kubectl rollout status deployment/slow -n kube-system}\n"
        apply = "- template: {src: slow.yml.j2, dest: /etc/slow.yml}\n"
        apply += "- kube: {filename: /etc/slow.yml, state: latest}\n"
        slow = kubespray_like()[f"roles/{CCM}/vsphere/templates/controller.yml.j2"]
        slow = slow.replace("DaemonSet", "Deployment").replace("vsphere-ccm", "slow")
        slow = slow.replace("{operator: Exists}", "")
        files = with_use(f"slow\n    - {USE}") | role("slow", tasks=apply + task)
        files |= {"roles/slow/templates/slow.yml.j2": slow}
        with pytest.raises(Unsafe, match="Deployment slow is waited for"):
            decide(asked(files))


class TestImported:
    def test_conditions_come_along(self) -> None:
        meta = (
            "dependencies:\n  - kubernetes-apps/ansible\n"
            f"  - {{role: {APPROVER}, tags: {TAG}, when: [a is defined, b is defined]}}\n"
        )
        files = with_use("{role: none}") | role("none")
        files |= {"roles/kubernetes-apps/meta/main.yml": meta}
        question = asked(files, True, external_cloud_provider="manual", a=1, b=1)
        found = decide(question)
        assert isinstance(found, Staged)
        made_of = imported(question, found, "cluster.yml")
        assert made_of.roles == (
            {"role": "kubespray-defaults"},
            {"role": APPROVER, "when": ["a is defined", "b is defined"]},
        )
        assert made_of.hosts == "kube_control_plane"

    @pytest.mark.parametrize(
        "change",
        [
            ("  roles:\n", "  vars_files: [x.yml]\n  roles:\n"),
            (USE, f"{{role: {APPROVER}, tags: {TAG}, mine: 1}}"),
        ],
    )
    def test_refused(self, change: tuple[str, str]) -> None:
        files = kubespray_like()
        files["cluster.yml"] = files["cluster.yml"].replace(*change, 1)
        question = asked(files)
        found = decide(question)
        assert isinstance(found, Staged)
        with pytest.raises(Unsafe, match="--format sh"):
            imported(question, found, "cluster.yml")

    @pytest.mark.parametrize("more", ["  vars: {a: b}\n", "  when: a\n"])
    def test_an_import_with_more(self, more: str) -> None:
        files = kubespray_like()
        files["whole.yml"] = files["cluster.yml"]
        files["cluster.yml"] = "- import_playbook: whole.yml\n" + more
        question = asked(files)
        found = decide(question)
        assert isinstance(found, Staged)
        with pytest.raises(Unsafe, match="imported under a condition"):
            imported(question, found, "cluster.yml")

    @pytest.mark.parametrize("path", ["a b.yml", "{{ x }}.yml", "~/x.yml", "", "a\nb.yml"])
    def test_paths(self, path: str) -> None:
        question = asked(kubespray_like())
        found = decide(question)
        assert isinstance(found, Staged)
        with pytest.raises(Unsafe, match="--format sh"):
            imported(question, found, path)

    def test_keywords_are_data(self) -> None:
        files = kubespray_like()
        odd = "  environment: \"{{ a | default('x: y # z') }}\"\n  gather_facts: no\n  roles:\n"
        files["cluster.yml"] = files["cluster.yml"].replace("  roles:\n", odd, 1)
        question = asked(files)
        found = decide(question)
        assert isinstance(found, Staged)
        page = runbook_playbook(found, SETTING, imported(question, found, "cluster.yml"))
        from ruamel.yaml import YAML

        plays = YAML(typ="safe").load(page)
        assert plays[2]["environment"] == "{{ a | default('x: y # z') }}"
        assert plays[2]["gather_facts"] is False


def test_report() -> None:
    found = decide(asked(kubespray_like()))
    report = stage_report(found, Setting(None, "-odd", 5, 1))
    assert report["stages"][2]["command"] == [
        "ansible-playbook", "-i", "-odd", "cluster.yml", "--tags", TAG
    ]  # fmt: skip
    assert report["stages"][1]["timeout"] == 5
