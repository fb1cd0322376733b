"""What tasks put into the cluster, and what they wait for, on small roles of our own."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import HELM_APPS, Tree, applying, events, manifest, play, role, text

from generator.engine.detect.events import Events, Waited
from generator.model.value import Unknown


def app(tasks: str, *, entry: str = "app", **more: Any) -> Tree:
    """Return a tree whose only play has the role `app` with these tasks and a template `app`."""
    given = {"app": manifest(), **more}
    return {"cluster.yml": play(entry), **role("app", tasks, **given)}


def put_in(found: Events) -> list[str]:
    """Return the workloads that a run puts in, as people call them."""
    return [str(one.workload) for one in found.applied]


def only_wait(found: Events) -> Waited:
    (waited,) = found.waited
    return waited


APPLIED = ["Deployment app"]

LAID = "- template: {src: app.yml.j2, dest: /etc/app.yml}\n"


@pytest.mark.parametrize(
    "tasks",
    [
        LAID + "- kube: {filename: /etc/app.yml, state: latest}\n",
        LAID + "- kube: {filename: /etc//x/../app.yml}\n",
        LAID + "- kube: {filename: '/etc/other.yml,/etc/app.yml'}\n",
        LAID + "- kube: {filename: [/etc/other.yml, /etc/app.yml]}\n",
        LAID + "- kube:\n    filename: '{{ folder }}/{{ item }}'\n  loop: [app.yml]\n",
        LAID + "- kube: filename=/etc/app.yml state=latest\n",
        LAID + "- command: kubectl apply -f /etc/app.yml\n",
        LAID + "- ansible.builtin.command: '{{ bin_dir }}/kubectl apply -f {{ folder }}/app.yml'\n",
        LAID + "- command:\n    cmd: kubectl create -f /etc/app.yml\n",
        LAID + "- command:\n    argv: [kubectl, --kubeconfig, /k, replace, -f, /etc/app.yml]\n",
        LAID + "- shell: |\n    set -e\n    kubectl get ns x || true\n"
        "    kubectl apply -f /etc/app.yml\n",
        LAID + "- kubernetes.core.k8s: {src: /etc/app.yml}\n",
        LAID + "- k8s: {src: /etc/app.yml, state: present}\n",
        "- template: {src: app.yml.j2, dest: /etc/}\n- kube: {filename: /etc/app.yml}\n",
        "- template: src=app.yml.j2 dest=/etc/app.yml\n- kube: {filename: /etc/app.yml}\n",
        "- ansible.builtin.template:\n    src: templates/app.yml.j2\n    dest: /etc/app.yml\n"
        "- kube: {filename: /etc/app.yml}\n",
        "- command: kubectl apply -f -\n  args:\n"
        "    stdin: \"{{ lookup('template', 'app.yml.j2') }}\"\n",
        "- command:\n    cmd: kubectl -n a apply -f -\n"
        "    stdin: \"{{ lookup('template', file) }}\"\n"
        "  vars: {file: app.yml.j2}\n",
        "- kubernetes.core.k8s: {template: app.yml.j2}\n",
        "- kubernetes.core.k8s: {template: [{path: app.yml.j2}]}\n",
        "- kubernetes.core.k8s: {template: [app.yml.j2], state: present}\n",
        "- kubernetes.core.k8s:\n    definition:\n      kind: Deployment\n"
        "      metadata: {name: app}\n",
        "- kubernetes.core.k8s:\n    definition:\n      kind: List\n      items:\n"
        "        - {kind: Deployment, metadata: {name: app}}\n        - {kind: Service}\n",
        "- kubernetes.core.k8s:\n"
            "    definition: \"{{ lookup('template', 'app.yml.j2') | from_yaml }}\"\n",
        "- block:\n    - block:\n        - template: {src: app.yml.j2, dest: /a.yml}\n"
        "  always:\n    - kube: {filename: /a.yml}\n",
    ],
)  # fmt: skip
def test_ways_to_put_a_manifest_in(tasks: str) -> None:
    found = events(app(tasks, defaults="folder: /etc\n"))
    assert put_in(found) == APPLIED
    assert found.applied[0].workload.place.path == "roles/app/templates/app.yml.j2" or (
        "definition" in tasks
    )
    assert found.applied[0].moment.unsure == ()
    assert found.waited == ()


@pytest.mark.parametrize(
    "tasks",
    [
        LAID,
        LAID + "- kube: {filename: /etc/app.yml, state: absent}\n",
        LAID + "- kube: {filename: /etc/app.yml}\n  when: false\n",
        LAID + "- kube: {filename: /etc/app.yml}\n  when: [app_enabled, true]\n",
        LAID + "- command: kubectl delete -f /etc/app.yml\n",
        LAID + "- command: kubectl get -f /etc/app.yml\n",
        LAID + "- command: cat /etc/app.yml\n",
        "- template: {src: app.yml.j2, dest: /etc/app.yml}\n  when: app_enabled\n"
        "- kube: {filename: /etc/app.yml}\n",
        "- kubernetes.core.k8s: {template: app.yml.j2, state: absent}\n",
        "- kubernetes.core.k8s: {src: /etc/app.yml}\n",
        "- block:\n    - template: {src: app.yml.j2, dest: /a.yml}\n"
        "    - kube: {filename: /a.yml}\n"
        "  when: app_enabled | bool\n",
        LAID + "- block:\n    - debug:\n  when: app_enabled\n  rescue:\n"
        "    - kube: {filename: /etc/app.yml}\n",
    ],
)  # fmt: skip
def test_nothing_is_put_in(tasks: str) -> None:
    assert put_in(events(app(tasks, defaults="app_enabled: false\n"))) == []


def test_a_copy_is_a_manifest_as_it_is() -> None:
    tasks = "- copy: {src: app.yml, dest: /etc/app.yml}\n- kube: {filename: /etc/app.yml}\n"
    files = app(tasks) | {"roles/app/files/app.yml": manifest("DaemonSet", "copied")}
    assert put_in(events(files)) == ["DaemonSet copied"]
    files = app(tasks.replace("src:", "remote_src: true, src:")) | {
        "roles/app/files/app.yml": manifest("DaemonSet", "copied")
    }
    assert put_in(events(files)) == []


def test_loops_over_registered_results() -> None:
    tasks = """
    - template: {src: "{{ item.file }}.j2", dest: "/etc/{{ item.file }}"}
      loop:
        - {file: app.yml, wanted: true}
        - {file: second.yml, wanted: false}
        - {file: third.yml, wanted: true}
      register: laid
      when: item.wanted
    - kube: {filename: "/etc/{{ item.item.file }}"}
      loop: "{{ laid.results }}"
      when: item is not skipped
    """
    more = {name: manifest(name=name) for name in ("second", "third")}
    assert put_in(events(app(tasks, **more))) == ["Deployment app", "Deployment third"]


@pytest.mark.parametrize("keyword", ["loop", "with_items", "with_list"])
def test_loops_with_a_variable_of_their_own(keyword: str) -> None:
    tasks = f"""
    - template: {{src: "{{{{ one.name }}}}.yml.j2", dest: "/etc/{{{{ one.name }}}}.yml"}}
      {keyword}: "{{{{ all_of_them }}}}"
      loop_control: {{loop_var: one, label: "{{{{ one.name }}}}"}}
    - kube: {{filename: "/etc/{{{{ item.name }}}}.yml"}}
      {keyword}: "{{{{ all_of_them }}}}"
    """
    files = app(tasks, second=manifest(name="second"),
                defaults="all_of_them: [{name: app}, {name: second}]\n")  # fmt: skip
    assert put_in(events(files)) == ["Deployment app", "Deployment second"]


def test_with_items_opens_lists_one_level_deep() -> None:
    tasks = """
    - template: {src: "{{ item }}.yml.j2", dest: "/etc/{{ item }}.yml"}
      with_items: ["{{ some }}", third]
    - kube: {filename: "/etc/{{ item }}.yml"}
      with_items: ["{{ some }}", [third]]
    """
    more = {name: manifest(name=name) for name in ("second", "third")}
    files = app(tasks, defaults="some: [app, second]\n", **more)
    assert put_in(events(files)) == ["Deployment app", "Deployment second", "Deployment third"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["Deployment app"]),
        ({"second": True}, ["Deployment app", "Deployment second"]),
        ({"second": True, "third": True}, [f"Deployment {n}" for n in ("app", "second", "third")]),
        ({"third": True}, ["Deployment app", "Deployment third"]),
    ],
)
def test_lists_that_grow_under_conditions(wanted: dict[str, bool], expected: list[str]) -> None:
    tasks = """
    - set_fact: {chosen: [app]}
    - set_fact:
        chosen: "{{ chosen + ['second'] }}"
      when: second
    - ansible.builtin.set_fact:
        chosen: "{{ chosen + [named] }}"
      vars: {named: third}
      when: third | bool
    - template: {src: "{{ item }}.yml.j2", dest: "/etc/{{ item }}.yml"}
      loop: "{{ chosen }}"
      register: laid
    - kube: {filename: "/etc/{{ item.item }}.yml"}
      with_items: "{{ laid.results }}"
    """
    more = {name: manifest(name=name) for name in ("second", "third")}
    files = app(tasks, defaults="second: false\nthird: false\n", **more)
    assert put_in(events(files, **wanted)) == expected


def test_a_fact_is_what_it_was_when_it_was_set() -> None:
    tasks = """
    - set_fact: {which: app}
    - set_fact: {kept: "{{ which }}"}
    - set_fact: {which: second}
    - kubernetes.core.k8s: {template: "{{ kept }}.yml.j2"}
    - kubernetes.core.k8s: {template: "{{ which }}.yml.j2"}
    """
    found = events(app(tasks, second=manifest(name="second")))
    assert put_in(found) == ["Deployment app", "Deployment second"]


def test_a_path_that_is_not_known_takes_what_the_role_has_laid_down() -> None:
    tasks = LAID + "- kube: {filename: '{{ ansible_env.HOME }}/{{ item }}'}\n  loop: [a, b]\n"
    assert put_in(events(app(tasks))) == APPLIED


def test_what_was_applied_by_its_path_is_not_applied_again_for_one_unknown() -> None:
    tasks = (
        LAID
        + "- kube: {filename: /etc/app.yml}\n"
        + "- kube: {filename: '{{ ansible_env.HOME }}/other.yml'}\n"
    )
    assert put_in(events(app(tasks))) == APPLIED


def test_a_loop_over_what_is_not_known_is_one_turn() -> None:
    tasks = LAID + "- kube: {filename: '/etc/{{ item }}'}\n  loop: '{{ groups.all }}'\n"
    assert put_in(events(app(tasks))) == APPLIED


def test_conditions_that_are_not_known_are_told() -> None:
    tasks = """
    - template: {src: app.yml.j2, dest: /etc/app.yml}
      when: nobody_sets_this
    - kube: {filename: /etc/app.yml}
      when:
        - inventory_hostname == groups['kube_control_plane'][0]
        - enabled
        - enabled and    nor_this
    """
    (found,) = events(app(tasks, defaults="enabled: true\n")).applied
    assert found.moment.unsure == ("nobody_sets_this", "enabled and nor_this")
    assert ("enabled", "true") in found.moment.leaves


@pytest.mark.parametrize(
    ("tasks", "how", "seconds", "target"),
    [
        ("- command: kubectl -n a rollout status deploy/app --timeout=90s\n",
         "kubectl rollout status", 90, "Deployment app"),
        ("- command: kubectl rollout status deploy/app\n", "kubectl rollout status", None,
         "Deployment app"),
        ("- command: kubectl wait --for=condition=ready pod -l a=b,c=d --timeout=2m\n",
         "kubectl wait", 120, "pods with a=b,c=d"),
        ("- shell: kubectl wait --for=condition=ready pod -l a=b && echo yes\n",
         "kubectl wait", 30, "pods with a=b"),
        ("- command: kubectl wait --for=condition=available --timeout={{ limit }} "
         "deploy/{{ name }}\n",
         "kubectl wait", 45, "Deployment app"),
        ("- command: kubectl wait --for=condition=available --timeout={{ open }} deploy/app\n",
         "kubectl wait", None, "Deployment app"),
        ("- command: kubectl wait --for=jsonpath='{.status.phase}'=Running pod/app\n",
         "kubectl wait", 30, "pods app"),
        ("- command: kubectl get pods -l a=b -o jsonpath='{.status}'\n  register: pods\n"
         "  until: pods.stdout == 'ready'\n  retries: 10\n  delay: 6\n",
         "the task's until loop", 60, "pods with a=b"),
        ("- command: kubectl get pods -l a=b\n  register: pods\n"
         "  until: pods.stdout is search('1/1')\n",
         "the task's until loop", 15, "pods with a=b"),
        ("- command: kubectl get ds app -o name\n  register: ds\n"
         "  until: ds.stdout_lines | length\n"
         "  retries: '{{ limit }}'\n  delay: 2\n",
         "the task's until loop", 90, "DaemonSet app"),
        ("- kubernetes.core.k8s_info: {kind: Pod, label_selectors: [a=b], wait: true}\n",
         "k8s_info", 120, "pods with a=b"),
        ("- kubernetes.core.k8s_info: {kind: Pod, label_selectors: ['a = b'], wait: yes, "
            "wait_timeout: 10}\n", "k8s_info", 10, "pods with a=b"),
        ("- kubernetes.core.k8s_info: {kind: Deployment, name: app}\n  register: x\n"
         "  until: x.resources[0].status.ready\n  retries: 4\n  delay: 3\n",
         "k8s_info", 12, "Deployment app"),
        ("- wait_for: {path: /opt/a/b, timeout: 20}\n", "wait_for", 20, "file /opt/a/b"),
        ("- wait_for: path=/opt/a/b\n", "wait_for", 300, "file /opt/a/b"),
        ("- wait_for:\n    path: '{{ folder }}/b'\n    timeout: '{{ limit }}'\n", "wait_for", 45,
         "file /opt/a/b"),
        ("- cilium_thing:\n- command: cilium status --wait\n", "cilium status --wait", 300,
         "Helm release cilium"),
    ],
)  # fmt: skip
def test_waits(tasks: str, how: str, seconds: int | None, target: str) -> None:
    defaults = "limit: 45\nname: app\nfolder: /opt/a\nopen: '{{ ansible_timeout }}'\n"
    wait = only_wait(events(app(tasks, defaults=defaults))).wait
    assert (wait.how, wait.seconds, str(wait.target)) == (how, seconds, target)
    assert wait.fatal
    assert wait.place.path == "roles/app/tasks/main.yml"


@pytest.mark.parametrize(
    "tasks",
    [
        # kubectl's reference: --wait of apply waits for deleted objects only.
        LAID + "- kube: {filename: /etc/app.yml, wait: true}\n",
        LAID + "- command: kubectl apply -f /etc/app.yml --wait\n",
        "- command: kubectl wait --for=delete pod/app --timeout=60s\n",
        "- command: kubectl wait --for=condition=established crd/x.example.org\n",
        "- command: kubectl wait --for condition=Established crd x.example.org\n",
        "- command: kubectl wait --for=create pod/app\n",
        "- command: kubectl wait --for=jsonpath='{.status.loadBalancer}' service/x\n",
        "- command: kubectl rollout restart deploy/app\n",
        "- command: kubectl get pods -l a=b\n",
        "- command: kubectl get pods -l a=b\n  register: x\n  until: x.rc == 0\n",
        "- command: kubectl get pods -l a=b\n  register: x\n  until: x is succeeded\n",
        "- command: kubectl get nodes\n  register: x\n  until: x.stdout\n",
        "- command: echo kubelet\n  register: x\n  until: x.stdout\n",
        "- kubernetes.core.k8s_info: {kind: Pod, label_selectors: [a=b]}\n",
        "- kubernetes.core.k8s_info: {kind: Pod, wait: false}\n",
        "- wait_for: {port: 6443}\n",
        "- wait_for: {path: /a/b, state: absent}\n",
        "- wait_for: port=6443 host=a\n",
        "- wait_for_connection:\n",
        "- pause: {seconds: 10}\n",
        "- command: kubectl wait pod/app\n  when: false\n",
        "- command: cilium status\n",
        "- command: cilium version --wait\n",
    ],
)  # fmt: skip
def test_what_is_no_wait_for_pods(tasks: str) -> None:
    assert events(app(tasks)).waited == ()


@pytest.mark.parametrize(
    "tasks",
    [
        "- command: kubectl wait pod/app\n  ignore_errors: true\n",
        "- command: kubectl wait pod/app\n  ignore_errors: yes\n",
        "- command: kubectl wait pod/app\n  ignore_errors: '{{ ignore }}'\n",
        "- command: kubectl wait pod/app\n  failed_when: false\n",
        "- command: kubectl wait pod/app\n  failed_when: no\n",
        "- block:\n    - command: kubectl wait pod/app\n  rescue:\n    - debug:\n",
        "- block:\n    - block:\n        - command: kubectl wait pod/app\n  rescue:\n"
        "    - debug:\n",
        "- block:\n    - command: kubectl wait pod/app\n  ignore_errors: true\n",
    ],
)
def test_waits_whose_failure_ends_nothing(tasks: str) -> None:
    assert not only_wait(events(app(tasks, defaults="ignore: true\n"))).wait.fatal


@pytest.mark.parametrize(
    "tasks",
    [
        "- command: kubectl wait pod/app\n  ignore_errors: false\n",
        "- command: kubectl wait pod/app\n  ignore_errors: '{{ ansible_check_mode }}'\n",
        "- command: kubectl wait pod/app\n  register: x\n  failed_when: x.rc != 0\n",
        "- block:\n    - debug:\n  rescue:\n    - command: kubectl wait pod/app\n",
        "- block:\n    - command: kubectl wait pod/app\n  always:\n    - debug:\n",
        "- command: kubectl wait pod/app\n  any_errors_fatal: true\n",
    ],
)
def test_waits_that_end_the_play(tasks: str) -> None:
    assert only_wait(events(app(tasks))).wait.fatal


@pytest.mark.parametrize(
    ("arguments", "wait"),
    [
        ("wait: true", ("wait", 120)),
        ("wait: yes, wait_timeout: 30", ("wait", 30)),
        ("wait: '{{ enabled }}'", ("wait", 120)),
        ("wait: '{{ nobody_sets_this }}'", ("wait", 120)),
        ("wait: true, wait_timeout: '{{ limit }}'", ("wait", 45)),
        ("wait: false", None),
        ("wait: '{{ not enabled }}'", None),
        ("state: present", None),
        ("wait: true, state: absent", None),
    ],
)
def test_objects_that_are_waited_for(arguments: str, wait: tuple[str, int] | None) -> None:
    tasks = f"- kubernetes.core.k8s: {{template: app.yml.j2, {arguments}}}\n"
    found = events(app(tasks, defaults="enabled: true\nlimit: 45\n")).waited
    told = [(one.wait.how, one.wait.seconds, str(one.wait.target)) for one in found]
    assert told == ([(*wait, "Deployment app")] if wait else [])


RELEASE = "name: rel, chart_ref: repo/some, release_namespace: a"


@pytest.mark.parametrize(
    ("arguments", "how", "seconds"),
    [
        ("wait: true", "Helm's wait", 300),
        ("atomic: true", "Helm's atomic", 300),
        ("wait: true, atomic: true", "Helm's wait and atomic", 300),
        ("wait: false, atomic: true", "Helm's atomic", 300),
        ("wait: true, wait_timeout: 10m", "Helm's wait", 600),
        ("wait: true, timeout: 90s", "Helm's wait", 90),
        ("wait: true, wait_timeout: '{{ limit }}'", "Helm's wait", 45),
        ("wait: true, wait_timeout: '{{ nobody_sets_this }}'", "Helm's wait", None),
        ("wait: '{{ enabled }}'", "Helm's wait", 300),
        ("wait: '{{ nobody_sets_this }}'", "Helm's wait", 300),
        ("wait: '{{ plugin != \"cni\" }}'", "Helm's wait", 300),
        ("wait: false", None, None),
        ("wait: '{{ not enabled }}', atomic: no", None, None),
        ("create_namespace: true", None, None),
    ],
)
def test_releases_of_helm(arguments: str, how: str | None, seconds: int | None) -> None:
    tasks = f"- kubernetes.core.helm: {{{RELEASE}, {arguments}}}\n"
    found = events(app(tasks, defaults="enabled: true\nlimit: 45s\nplugin: calico\n"))
    (released,) = found.released
    assert (released.name, released.namespace, released.chart) == ("rel", "a", "repo/some")
    told = [(one.wait.how, one.wait.seconds, str(one.wait.target)) for one in found.waited]
    assert told == ([(how, seconds, "Helm release rel")] if how else [])


def test_a_release_that_goes_is_none() -> None:
    for key in ("state", "release_state"):
        tasks = f"- kubernetes.core.helm: {{{RELEASE}, wait: true, {key}: absent}}\n"
        found = events(app(tasks))
        assert (found.released, found.waited) == ((), ())


def test_values_of_a_release() -> None:
    tasks = f"""
    - kubernetes.core.helm:
        {{{RELEASE}, values: {{a: "{{{{ one }}}}", b: {{c: "{{{{ nobody_sets_this }}}}"}}}}}}
    - kubernetes.core.helm: {{{RELEASE}, values: {{a: 1}}, values_files: [/etc/values.yml]}}
    """
    first, second = events(app(tasks, defaults="one: [1]\n")).released
    assert first.values == {"a": [1], "b": {"c": Unknown(frozenset({"nobody_sets_this"}))}}
    assert isinstance(second.values, Unknown)


THROUGH_A_ROLE = {
    "cluster.yml": play("app"),
    **role(
        "app",
        defaults="app_values: {a: 1}\nwaits: true\n",
        meta="""
        dependencies:
          - role: helm-apps
            when: app_enabled | default(true)
            release_common_opts: {wait_timeout: 2m}
            releases:
              - name: first
                namespace: a
                chart_ref: repo/first
                wait: "{{ waits }}"
                values: "{{ app_values }}"
              - {name: second, namespace: b, chart_ref: repo/second, atomic: false}
        """,
    ),
    **HELM_APPS,
}


def test_releases_as_parameters_of_a_role() -> None:
    found = events(THROUGH_A_ROLE)
    assert [(one.name, one.namespace, one.chart, one.values) for one in found.released] == [
        ("first", "a", "repo/first", {"a": 1}),
        ("second", "b", "repo/second", None),
    ]
    # helm-apps itself waits for all: atomic is its default, which the second switches off.
    assert [(one.wait.how, one.wait.seconds, one.wait.target.name) for one in found.waited] == [
        ("Helm's wait and atomic", 120, "first")
    ]
    place = found.waited[0].wait.place
    lines = THROUGH_A_ROLE[place.path].splitlines()
    assert (place.path, lines[place.line - 1].strip()) == (
        "roles/app/meta/main.yml", 'wait: "{{ waits }}"',
    )  # fmt: skip
    assert found.released[1].place.path == "roles/app/meta/main.yml"
    assert "second" in lines[found.released[1].place.line - 1]


def test_releases_under_the_condition_of_the_dependency() -> None:
    found = events(THROUGH_A_ROLE, app_enabled=False)
    assert (found.released, found.waited) == ((), ())
    assert len(events(THROUGH_A_ROLE, waits=False).waited) == 1
    atomic_off = THROUGH_A_ROLE["roles/helm-apps/vars/main.yml"].replace("atomic: true", "x: 1")
    files = THROUGH_A_ROLE | {"roles/helm-apps/vars/main.yml": atomic_off}
    assert events(files, waits=False).waited == ()


@pytest.mark.parametrize(
    ("command", "release", "wait"),
    [
        ("helm upgrade --install rel repo/some --wait --timeout 2m -n a", ("rel", "a", "repo/some"),
         ("helm upgrade --wait", 120)),
        ("helm install rel ./some --atomic", ("rel", None, "./some"),
         ("helm install --atomic", 300)),
        ("helm upgrade rel some", ("rel", None, "some"), None),
        ("helm upgrade rel some --wait=false", ("rel", None, "some"), None),
        ("cilium install --version 1.15 --wait", ("cilium", None, "cilium"),
         ("cilium install --wait", 300)),
        ("{{ bin_dir }}/cilium {{ action }} --wait --timeout 10m", ("cilium", None, "cilium"),
         ("cilium upgrade --wait", 600)),
        ("cilium upgrade", ("cilium", None, "cilium"), None),
        ("{{ bin_dir }}/cilium {{ action }} -f x.yaml", ("cilium", None, "cilium"), None),
        ('helm "{{ action }}" rel some', ("rel", None, "some"), None),
    ],
)  # fmt: skip
def test_installers_on_the_command_line(
    command: str, release: tuple[Any, ...], wait: tuple[str, int] | None
) -> None:
    defaults = "action: upgrade\nbin_dir: /usr/local/bin\n"
    found = events(app(f"- command: '{command}'\n", defaults=defaults))
    (released,) = found.released
    assert (released.name, released.namespace, released.chart) == release
    told = [(one.wait.how, one.wait.seconds) for one in found.waited]
    assert told == ([wait] if wait else [])


@pytest.mark.parametrize(
    "command",
    [
        "helm repo add a b",
        "helm uninstall rel --wait",
        "helm list",
        "cilium uninstall --wait",
        "helm",
    ],
)
def test_commands_that_install_nothing(command: str) -> None:
    found = events(app(f"- command: {command}\n"))
    assert (found.released, found.waited) == ((), ())


# How tasks come to run.

WAIT = "- command: kubectl wait pod/app\n"


@pytest.mark.parametrize(
    "playbook",
    [
        "- hosts: all\n  tasks:\n    - command: kubectl wait pod/app\n",
        "- hosts: all\n  pre_tasks:\n    - command: kubectl wait pod/app\n",
        "- hosts: all\n  post_tasks:\n    - command: kubectl wait pod/app\n",
        "- hosts: all\n  roles: [app]\n",
        "- hosts: all\n  roles:\n    - {role: app, when: enabled}\n",
        "- hosts: all\n  tasks:\n    - include_role: {name: '{{ prefix }}p'}\n",
        "- hosts: all\n  tasks:\n    - import_role: {name: app}\n",
        "- hosts: all\n  tasks:\n    - include_tasks: other.yml\n",
        "- hosts: all\n  tasks:\n    - include_tasks: '{{ file }}.yml'\n"
        "      vars: {file: other}\n",
        "- hosts: all\n  tasks:\n    - include_tasks: {file: '{{ item }}.yml'}\n"
        "      loop: [other]\n",
        "- import_playbook: second.yml\n",
        "- import_playbook: second.yml\n  when: enabled\n",
    ],
)
def test_ways_to_a_task(playbook: str) -> None:
    files = {
        "cluster.yml": playbook, "other.yml": WAIT, "second.yml": play("app"), **role("app", WAIT),
    }  # fmt: skip
    found = events(files, enabled=True, prefix="ap")
    assert str(only_wait(found).wait.target) == "pods app"
    assert only_wait(found).moment.unsure == ()


@pytest.mark.parametrize(
    "playbook",
    [
        "- hosts: all\n  roles:\n    - {role: app, when: enabled}\n",
        "- hosts: all\n  roles:\n    - {role: app, when: [true, 'enabled | bool']}\n",
        "- import_playbook: second.yml\n  when: enabled\n",
        "- hosts: all\n  tasks:\n    - include_role: {name: app}\n      when: enabled\n",
        "- hosts: all\n  tasks:\n    - block:\n        - import_role: {name: app}\n"
        "      when: enabled\n",
        "- hosts: all\n  tasks:\n    - include_tasks: other.yml\n      when: wanted\n"
        "      vars: {wanted: '{{ enabled }}'}\n",
    ],
)
def test_conditions_on_the_way_to_a_task(playbook: str) -> None:
    files = {
        "cluster.yml": playbook, "other.yml": WAIT, "second.yml": play("app"), **role("app", WAIT),
    }  # fmt: skip
    assert events(files, enabled=False).waited == ()
    assert len(events(files, enabled=True).waited) == 1


def test_variables_given_on_the_way_are_seen_inside() -> None:
    files = {
        "cluster.yml": "- hosts: all\n  tasks:\n    - include_role: {name: app}\n"
        "      vars: {pod: first}\n    - include_tasks: other.yml\n      vars: {pod: second}\n"
        "    - import_tasks: other.yml\n      vars: {pod: third}\n",
        "other.yml": "- command: kubectl wait pod/{{ pod }}\n",
        **role("app", "- command: kubectl wait pod/{{ pod }}\n", defaults="pod: none\n"),
    }
    assert [one.wait.target.name for one in events(files).waited] == ["first", "second", "third"]


def test_a_task_file_that_includes_itself_ends() -> None:
    files = app(WAIT + "- include_tasks: main.yml\n  when: not_yet\n")
    found = events(files)
    assert 1 <= len(found.waited) <= 3
    assert any(begun.lost for begun in found.begun)


def test_only_roles_that_provide_something_by_themselves_begin() -> None:
    by_itself = "network_plugin/macvlan"
    files = {
        "cluster.yml": play("top", f"{{role: {by_itself}, when: false}}", "missing", by_itself),
        **role("top"),
        **role(by_itself),
    }
    begun = [(one.role, one.lost) for one in events(files).begun]
    assert begun == [("missing", True), (by_itself, False)]


def test_a_file_is_looked_for_in_the_role_and_in_those_around_it() -> None:
    files = {
        "cluster.yml": play("outer"),
        **role("outer", meta="dependencies: [inner]\n", app=manifest(name="outer"),
               other=manifest(name="only-outer")),
        **role("inner", applying() + applying("other"), app=manifest(name="inner")),
    }  # fmt: skip
    assert put_in(events(files)) == ["Deployment inner", "Deployment only-outer"]


def test_a_file_that_stands_beside_the_playbook() -> None:
    files = {
        "cluster.yml": play(more="tasks:\n  - kubernetes.core.k8s: {template: app.yml.j2}"),
        "templates/app.yml.j2": manifest(),
    }
    assert put_in(events(files)) == APPLIED


@pytest.mark.parametrize("name", ["/etc/app.yml.j2", "../../../app.yml.j2", "", "{{ x }}", "a\\b"])
def test_names_that_lead_out_of_the_tree(name: str) -> None:
    files = app(f"- kubernetes.core.k8s: {{template: '{name}'}}\n", defaults="x: [1]\n")
    assert put_in(events(files | {"app.yml.j2": manifest(name="top")})) in ([], ["Deployment top"])


@pytest.mark.parametrize(
    "tasks",
    [
        "- kube:\n", "- kube: 1\n", "- kube: [a]\n", "- kube: {}\n", "- kube: '{{ x }}'\n",
        "- template: {src: [a], dest: {b: c}}\n", "- copy: '{{ x }}'\n", "- set_fact:\n",
        "- set_fact: a\n", "- set_fact: '{{ x }}'\n", "- set_fact: {[a]: b}\n",
        "- kubernetes.core.helm: []\n", "- kubernetes.core.helm: '{{ x }}'\n",
        "- kubernetes.core.helm: {name: [a], chart_ref: {b: c}, wait: {}}\n",
        "- kubernetes.core.k8s: {definition: 5}\n",
        "- kubernetes.core.k8s: {definition: [[], 1]}\n",
        "- kubernetes.core.k8s: {definition: {kind: [Pod]}}\n",
        "- kubernetes.core.k8s: {definition: {kind: Pod, spec: 3}}\n",
        "- kubernetes.core.k8s: {definition: {kind: Pod, metadata: [], spec: {tolerations: a}}}\n",
        "- kubernetes.core.k8s: {template: 5, src: [a]}\n",
        "- kubernetes.core.k8s_info: {kind: [a], label_selectors: a=b, wait: true}\n",
        "- kubernetes.core.k8s_info: '{{ x }}'\n",
        "- command:\n", "- command: {argv: kubectl}\n", "- command: {argv: [1, kubectl, null]}\n",
        "- shell: [kubectl]\n", "- command: {cmd: [kubectl]}\n", "- command: kubectl {% if %}\n",
        "- command: kubectl {{ \n", "- command: 'kubectl {{ 1/0 }} wait pod/x'\n",
        "- wait_for: {path: [a]}\n", "- wait_for: 5\n", "- wait_for: {path: a, timeout: b}\n",
        "- command: kubectl wait pod/x\n  loop: {a: b}\n", "- command: kubectl\n  loop: 5\n",
        "- command: kubectl wait pod/x\n  loop_control: [a]\n  loop: [1]\n",
        "- command: kubectl wait pod/x\n  register: [a]\n",
        "- command: kubectl get pods\n  until: [a, stdout]\n  retries: a\n",
        "- command: kubectl wait pod/x\n"
        "  vars: [a]\n", "- command: kubectl wait pod/x\n  when: {a: b}\n",
        "- command: kubectl wait pod/x\n"
        "  when: 5\n", "- command: kubectl wait pod/x\n  when: '{{'\n",
        "- template: {src: app.yml.j2, dest: '../../x'}\n- kube: {filename: '../../x'}\n",
        "- template: {src: 'app.yml.j2', dest: \"a\\0b\"}\n- kube: {filename: \"a\\0b\"}\n",
        "- kubectl: {}\n- kube: {filename: !vault x}\n- kube: !unsafe a\n",
        "5\n", "- 5\n", "- [a]\n", "a: b\n", "- {}\n", "- block: 5\n", "- {when: x}\n",
        "- &a\n  kube: *a\n",
    ],
)  # fmt: skip
def test_tasks_that_make_no_sense_do_no_harm(tasks: str) -> None:
    events(app(tasks + "# kubectl\n", defaults="x: 5\n"))


def test_a_loop_over_many_things_is_one_turn() -> None:
    tasks = "- command: kubectl wait pod/x\n  loop: '{{ range(0, 100000) | list }}'\n"
    assert len(events(app(tasks)).waited) == 1


def test_a_line_of_megabytes() -> None:
    tasks = "- command: kubectl wait pod/x " + "a" * 5_000_000 + "\n- command: kubectl wait pod/y\n"
    assert [one.wait.target.name for one in events(app(text(tasks))).waited] == ["y"]
