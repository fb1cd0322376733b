"""Workloads in manifests and their templates: which there are, and what their pods tolerate."""

from __future__ import annotations

from typing import Any

import pytest
from unit.trees import EXISTS, TAINT, Tree, applying, events, manifest, play, report, role, text

from generator.engine.detect.events import Applied
from generator.model.toleration import UNINITIALIZED
from generator.model.value import Unknown
from generator.model.workload import NOT_READY


def tree(template: str, defaults: str = "") -> Tree:
    """Return a tree whose only role applies this template."""
    return {
        "cluster.yml": play("app"),
        **role("app", applying(), defaults=defaults),
        "roles/app/templates/app.yml.j2": text(template),
    }


def put_in(template: str, defaults: str = "", /, **given: Any) -> list[Applied]:
    return list(events(tree(template, defaults), **given).applied)


def only(template: str, defaults: str = "", /, **given: Any) -> Applied:
    (applied,) = put_in(template, defaults, **given)
    return applied


def named(template: str, defaults: str = "", /, **given: Any) -> list[str]:
    return [str(one.workload) for one in put_in(template, defaults, **given)]


def spec(lines: str, kind: str = "Deployment") -> str:
    """Return a workload whose pods have these lines in their specification."""
    return manifest(kind, pod=lines)


def tolerates(template: str, defaults: str = "", /, **given: Any) -> bool | Unknown:
    return only(template, defaults, **given).workload.pod.tolerates(UNINITIALIZED)


def test_documents_of_one_file() -> None:
    service = "kind: Service\nmetadata: {name: x}\n"
    both = [manifest(name="one"), service, manifest("DaemonSet", "two")]
    template = "---\n" + "---\n".join(both)
    found = put_in(template)
    assert [str(one.workload) for one in found] == ["Deployment one", "DaemonSet two"]
    lines = template.splitlines()
    places = [one.workload.place for one in found]
    assert [lines[place.line - 1] for place in places] == ["kind: Deployment", "kind: DaemonSet"]
    assert {place.path for place in places} == {"roles/app/templates/app.yml.j2"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("kind: Pod\nmetadata: {name: a}\nspec: {tolerations: [{operator: Exists}]}\n", "Pod a"),
        ("kind: CronJob\nmetadata: {name: a}\nspec:\n  jobTemplate:\n    spec:\n      template:\n"
         "        spec: {tolerations: [{operator: Exists}]}\n", "CronJob a"),
        ("kind: Job\nmetadata: {name: a}\n"
         "spec: {template: {spec: {tolerations: [{operator: Exists}]}}}\n",
         "Job a"),
        ("{kind: StatefulSet, metadata: {name: a}, spec: {template: {spec: "
         "{tolerations: [{operator: Exists}]}}}}\n", "StatefulSet a"),
        ('{"kind": "ReplicaSet", "metadata": {"name": "a"}, "spec": {"template": {"spec": '
         '{"tolerations": [{"operator": "Exists"}]}}}}\n', "ReplicaSet a"),
        ("kind: List\nitems:\n  - kind: Service\n  - kind: Deployment\n    metadata: {name: a}\n"
         "    spec: {template: {spec: {tolerations: [{operator: Exists}]}}}\n", "Deployment a"),
    ],
)  # fmt: skip
def test_kinds_and_where_they_hold_their_pods(template: str, expected: str) -> None:
    found = only(template).workload
    assert str(found) == expected
    assert found.pod.tolerates(UNINITIALIZED) is True


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: deployments.example.org}
spec:
  names: {kind: Deployment, plural: deployments}
  versions:
    - schema:
        openAPIV3Schema:
          properties:
            tolerations: {type: array}
            kind: {type: string, default: Pod}
"""

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  kind: Deployment
  manifest.yml: |
    kind: Deployment
    metadata: {name: inner}
    spec:
      tolerations: []
"""


@pytest.mark.parametrize(
    "template",
    [
        CRD,
        CONFIG,
        "kind: Example\nspec: {kind: Deployment, tolerations: []}\n",
        "kind: deployment\nmetadata: {name: a}\n",
        "# kind: Deployment\nkind: Service\n",
        "metadata: {name: a}\nspec: {kind: Pod}\n",
        "- kind: Deployment\n",
        "kind: Deployment of something\n",
        "{# kind: Deployment #}\n",
        "{% raw %}{% endraw %}\nx: 'kind: Deployment'\n",
        "",
        "kind: Pod: x\n",
    ],
)
def test_what_only_mentions_workloads_is_none(template: str) -> None:
    assert named(template) == []


@pytest.mark.parametrize(
    ("given", "expected", "unsure"),
    [
        ({"wanted": True}, ["Deployment app", "Deployment second"], [(), ()]),
        ({"wanted": False}, ["Deployment app"], [()]),
        ({}, ["Deployment app", "Deployment second"], [(), ("wanted",)]),
    ],
)
def test_a_condition_around_a_document(
    given: dict[str, Any], expected: list[str], unsure: list[tuple[str, ...]]
) -> None:
    template = manifest() + "{% if wanted %}\n---\n" + manifest(name="second") + "{% endif %}\n"
    found = put_in(template, **given)
    assert [str(one.workload) for one in found] == expected
    assert [one.moment.unsure for one in found] == unsure


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"wanted": True}, [("one", ())]), ({"wanted": False}, [("two", ())]),
     ({}, [("one", ("wanted",)), ("two", ("not (wanted)",))])],
)  # fmt: skip
def test_both_branches_around_documents(given: dict[str, Any], expected: list[Any]) -> None:
    template = (
        "{% if wanted %}\n---\n" + manifest(name="one")
        + "{% else %}\n---\n" + manifest("DaemonSet", "two") + "{% endif %}\n"
    )  # fmt: skip
    found = put_in(template, **given)
    assert [(one.workload.name, one.moment.unsure) for one in found] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"wanted": True}, True), ({"wanted": False}, False), ({}, Unknown(frozenset({"wanted"})))],
)
@pytest.mark.parametrize(
    "lines",
    [
        # Around all of them.
        f"{{% if wanted %}}\ntolerations:\n  - {EXISTS}\n{{% endif %}}\n",
        f"{{% if wanted | default(false) or wanted %}}\ntolerations: [{EXISTS}]\n{{% endif %}}\n",
        # Around one entry.
        f"tolerations:\n  - key: a\n{{% if wanted %}}\n  - {EXISTS}\n{{% endif %}}\n",
        f"tolerations:\n  - key: a\n{{% if wanted %}}\n  - key: {TAINT}\n    operator: Exists\n"
        "{% endif %}\n",
        # One in each branch.
        f"tolerations:\n{{% if wanted %}}\n  - {EXISTS}\n{{% else %}}\n  - key: a\n{{% endif %}}\n",
        f"tolerations:\n{{% if not wanted %}}\n  - key: a\n{{% else %}}\n  - {EXISTS}\n"
        f"{{% endif %}}\n",
        f"{{% if not wanted %}}\ntolerations: [{{key: a}}]\n{{% else %}}\n"
        f"tolerations: [{EXISTS}]\n{{% endif %}}\n",
        # Inside one line.
        f"tolerations: [{{% if wanted %}}{EXISTS}{{% endif %}}]\n",
    ],
)
def test_conditions_around_tolerations(
    lines: str, given: dict[str, Any], expected: bool | Unknown
) -> None:
    assert tolerates(spec(lines), **given) == expected


ENTRY = f"[{{key: {TAINT}, operator: Exists}}]"


@pytest.mark.parametrize(
    "lines",
    [
        "tolerations: {{ mine }}\n",
        'tolerations: "{{ mine }}"\n',
        "tolerations: {{ mine | to_json }}\n",
        "tolerations:\n  {{ mine | to_nice_yaml | indent(2) }}\n",
        "tolerations:\n{{ mine | to_nice_yaml(indent=2) | indent(width=8, first=True) }}\n",
        "tolerations:\n  {{ mine | to_yaml(default_flow_style=True) | trim }}\nhostPID: true\n",
        "{% if mine %}\ntolerations:\n  {{ mine | to_nice_yaml | indent(2) }}\n{% endif %}\n",
        "{% if mine | length > 0 %}\ntolerations: {{ mine }}\n{% endif %}\n",
        "tolerations:\n  - key: a\n  {{ mine | to_nice_yaml | indent(2) }}\n",
        "tolerations:\n  {{ ([{'key': 'a'}] + mine) | to_nice_yaml | indent(2) }}\n",
        "{% set all = mine + [] %}\ntolerations: {{ all }}\n",
        "tolerations:\n  - {key: '{{ mine[0].key }}', operator: Exists}\n",
        "tolerations:\n  - key: {{ mine[0]['key'] }}\n    operator: {{ mine[0].operator }}\n",
        f"tolerations:\n  - key: {TAINT}\n    operator: Equal\n    value: 'true'\n"
        f"    effect: NoSchedule\n",
        f"tolerations:\n  - {{key: {TAINT}, value: true}}\n",
        "tolerations:\n  - effect: NoSchedule\n    operator: Exists\n",
        "tolerations:\n  - operator: Exists\n",
    ],
)  # fmt: skip
def test_tolerations_from_variables(lines: str) -> None:
    assert tolerates(spec(lines), f"mine: {ENTRY}\n") is True


@pytest.mark.parametrize(
    "lines",
    [
        "tolerations: {{ none_of_them }}\n",
        "tolerations:\n  {{ none_of_them | to_nice_yaml | indent(2) }}\n",
        "{% if none_of_them %}\ntolerations: {{ none_of_them }}\n{% endif %}\n",
        "tolerations: []\n",
        "tolerations:\n",
        "tolerations: null\n",
        "hostPID: true\n",
        f"tolerations:\n  - {{key: {TAINT}, operator: Equal}}\n",
        f"tolerations:\n  - {{key: {TAINT}}}\n",
        f"tolerations:\n  - {{key: {TAINT}, operator: Exists, effect: NoExecute}}\n",
        f"tolerations:\n  - {{key: {TAINT}, operator: Exists, value: 'true'}}\n",
        f"tolerations:\n  - {{key: {TAINT}, value: 'false'}}\n",
        "tolerations:\n  - {key: CriticalAddonsOnly, operator: Exists}\n",
        "tolerations:\n  - {key: node.cloudprovider.kubernetes.io, operator: Exists}\n",
        f"# tolerations: [{EXISTS}]\nhostPID: true\n",
        f"{{# tolerations: [{EXISTS}] #}}\nhostPID: true\n",
        f"affinity: {{tolerations: [{EXISTS}]}}\n",
    ],
)
def test_tolerations_that_do_not_match(lines: str) -> None:
    assert tolerates(spec(lines), "none_of_them: []\n") is False


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("tolerations: {{ theirs }}\n", {"theirs"}),
        ("tolerations:\n  {{ theirs | to_nice_yaml | indent(2) }}\n", {"theirs"}),
        ("tolerations:\n  - key: {{ theirs }}\n    operator: Exists\n", {"theirs"}),
        ("tolerations:\n{% for one in theirs %}\n  - {key: '{{ one }}'}\n{% endfor %}\n", set()),
    ],
)
def test_tolerations_that_are_not_known(lines: str, names: set[str]) -> None:
    value = tolerates(spec(lines))
    assert isinstance(value, Unknown)
    assert value.names >= names


def test_a_toleration_that_is_sure_counts_beside_one_that_is_not() -> None:
    lines = f"tolerations:\n  - {EXISTS}\n  - key: {{{{ theirs }}}}\n"
    assert tolerates(spec(lines)) is True


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("hostNetwork: true\n", True),
        ("hostNetwork: false\n", False),
        ("hostNetwork: yes\n", True),
        ("hostPID: true\n", False),
        ("hostNetwork: {{ mine }}\n", True),
        ("hostNetwork: {{ mine | bool | lower }}\n", True),
        ("hostNetwork: {{ theirs }}\n", None),
        ("{% if mine %}\nhostNetwork: true\n{% endif %}\n", True),
        ("{% if not mine %}\nhostNetwork: true\n{% endif %}\n", False),
        ("{% if theirs %}\nhostNetwork: true\n{% endif %}\n", None),
    ],
)
def test_the_network_of_the_host(lines: str, expected: bool | None) -> None:
    assert only(spec(lines), "mine: true\n").workload.pod.host_network is expected


def test_names_labels_and_paths() -> None:
    template = """
    kind: DaemonSet
    metadata:
      name: "{{ prefix }}-agent"
      namespace: {{ space }}
    spec:
      template:
        metadata:
          labels: {k8s-app: "{{ prefix }}-agent", tier: node, other: "{{ theirs }}"}
        spec:
          volumes:
            - name: a
              hostPath: {path: /opt/{{ prefix }}/bin, type: DirectoryOrCreate}
            - name: b
              hostPath:
                path: "{{ folder }}"
            - {name: c, emptyDir: {}}
            - {name: d, hostPath: {path: "{{ theirs }}"}}
            - d
    """
    defaults = "prefix: net\nspace: kube-system\nfolder: /etc/cni/net.d\n"
    found = only(template, defaults).workload
    assert (found.kind, found.name, found.namespace) == ("DaemonSet", "net-agent", "kube-system")
    labels = dict(found.pod.labels)
    assert isinstance(labels.pop("other"), Unknown)
    assert labels == {"k8s-app": "net-agent", "tier": "node"}
    assert found.pod.host_paths == ("/opt/net/bin", "/etc/cni/net.d")


def test_what_is_not_known_has_no_name() -> None:
    found = only(
        "kind: Pod\nmetadata: {name: '{{ theirs }}', namespace: 'a{{ theirs }}'}\n"
    ).workload
    assert (found.name, found.namespace) == (None, None)
    assert str(found) == "Pod (its name is made by a template)"


def test_a_kind_that_a_template_makes() -> None:
    template = "kind: {{ 'DaemonSet' if wanted else 'Deployment' }}\nmetadata: {name: a}\n"
    # The bytes must name a kind for the file to be looked at.
    template += "---\nkind: Pod\nmetadata: {name: b}\n"
    assert named(template, wanted=True) == ["DaemonSet a", "Pod b"]
    assert named(template, wanted=False) == ["Deployment a", "Pod b"]


def test_loops_over_documents() -> None:
    template = """
    {% for one in some %}
    ---
    kind: DaemonSet
    metadata: {name: "agent-{{ one }}"}
    spec: {template: {spec: {tolerations: [{operator: Exists}]}}}
    {% endfor %}
    """
    (found,) = put_in(template, "some: [a, b]\n")
    assert found.workload.kind == "DaemonSet"
    assert found.workload.pod.tolerates(UNINITIALIZED) is True


def test_anchors_and_merge_keys() -> None:
    template = f"""
    common: &pod
      hostNetwork: true
      tolerations: &tolerations
        - {EXISTS}
    kind: DaemonSet
    metadata: {{name: a}}
    spec: {{template: {{spec: {{tolerations: *tolerations}}}}}}
    """
    assert tolerates(template) is True


@pytest.mark.parametrize(
    "toleration",
    ["{operator: Exists}", "{key: node.kubernetes.io/not-ready, operator: Exists}",
     "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoSchedule}"],
)  # fmt: skip
def test_nodes_that_are_not_ready(toleration: str) -> None:
    pod = only(manifest(tolerations=[toleration])).workload.pod
    assert pod.tolerates(NOT_READY) is True


def test_no_execute_does_not_help_on_nodes_that_are_not_ready() -> None:
    entry = "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}"
    assert only(manifest(tolerations=[entry])).workload.pod.tolerates(NOT_READY) is False


BROKEN = [
    ("{% if x %}\n" + manifest(), "endif"),
    (manifest() + "{{ a", "Jinja2"),
    ("kind: Pod\n{% nonsense", ""),
    ("kind: Deployment\n  metadata: [\n", "YAML"),
    ("#jinja2: variable_start_string:'[%'\n" + manifest(), ""),
    ("{% if a %}" * 200 + "\nkind: Pod\n" + "{% endif %}" * 200, ""),
]


@pytest.mark.parametrize(("template", "said"), BROKEN)
def test_what_cannot_be_read_is_told_once_and_the_rest_goes_on(template: str, said: str) -> None:
    files = tree(template) | {
        "cluster.yml": play("app", "other", "app"),
        **role("other", applying(), app=manifest(name="other")),
    }
    assert "other" in {one.workload.name for one in events(files).applied}
    (unread,) = report(files).unread
    assert unread.place.path == "roles/app/templates/app.yml.j2"
    assert unread.place.path == "roles/app/templates/app.yml.j2"
    assert said in unread.message


def test_one_broken_document_does_not_hide_the_others() -> None:
    template = manifest(name="one") + "---\na: [\n---\n" + manifest(name="two")
    assert named(template) == ["Deployment one", "Deployment two"]


def test_a_manifest_that_is_not_utf_8() -> None:
    path = "roles/app/templates/app.yml.j2"
    found = report(tree("") | {path: b"kind: Deployment\nx: \xff\xfe\n"})
    assert [unread.place.path for unread in found.unread] == [path]


def test_many_aliases_are_not_followed() -> None:
    lines = "a0: &a0 [{key: a}]\n"
    lines += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    template = f"{lines}kind: Pod\nmetadata: {{name: a}}\nspec: {{tolerations: *a11}}\n"
    assert tolerates(template) is not True


def test_a_line_of_megabytes() -> None:
    template = f"# {'a' * 5_000_000}\n" + manifest()
    assert len(report(tree(template)).unread) <= 1


def test_a_value_of_megabytes() -> None:
    template = manifest(pod=f"x: '{'{{ a }}' * 20_000}'\n")
    assert named(template) in ([], ["Deployment app"])
