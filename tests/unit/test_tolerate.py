"""`tolerate`: what is edited where, in every style, and what is refused with its line."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from generator.exits import Unsafe, UnusableInput
from generator.model.toleration import UNINITIALIZED, Taint
from generator.text.edit import Edit
from generator.tolerate import stream
from generator.tolerate.diff import unified_diff
from generator.tolerate.files import (
    ByteEdit,
    Outcome,
    limited,
    read_file,
    tolerate_manifests,
    tolerate_values,
)
from generator.tolerate.inject import Wish, joined
from generator.tolerate.selector import Selector, selector_from
from generator.tolerate.stream import pieces
from generator.tolerate.taints import taint_from, wanted_taints
from generator.tolerate.values import path_from

KEY = "node.cloudprovider.kubernetes.io/uninitialized"
ONE_LINE = f"{{key: {KEY}, operator: Exists, effect: NoSchedule}}"


def text(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


def outcome(
    source: str, *taints: str, fix: bool = False, selectors: tuple[str, ...] = ()
) -> Outcome:
    wish = Wish(wanted_taints(map(taint_from, taints)), fix)
    return tolerate_manifests("a.yaml", source.encode(), wish, map(selector_from, selectors))


def after(source: str, *taints: str, fix: bool = False) -> str:
    """Return the result, after making sure that a second run has nothing to do."""
    first = outcome(source, *taints, fix=fix).after().decode()
    again = outcome(first, *taints, fix=fix)
    assert again.edits == () and again.after().decode() == first
    return first


def values(source: str, path: str, *taints: str, fix: bool = False) -> Outcome:
    wish = Wish(wanted_taints(map(taint_from, taints)), fix)
    return tolerate_values("values.yaml", source.encode(), wish, path_from(path))


def block(margin: int) -> str:
    pad = " " * margin
    return f"{pad}- key: {KEY}\n{pad}  operator: Exists\n{pad}  effect: NoSchedule\n"


def pod(spec: str) -> str:
    return "kind: Pod\nspec:\n" + textwrap.indent(text(spec), "  ")


TEMPLATED = (
    "Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job",
)  # fmt: skip
PATHS = {
    **{kind: ["spec", "template", "spec"] for kind in TEMPLATED},
    "CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
    "Pod": ["spec"],
    "PodTemplate": ["template", "spec"],
}


@pytest.mark.parametrize("kind", PATHS)
def test_every_kind_gets_it_in_its_pod_specification(kind: str) -> None:
    path = PATHS[kind]
    lines = [f"kind: {kind}"] + ["  " * depth + f"{key}:" for depth, key in enumerate(path)]
    margin = 2 * len(path)
    source = "\n".join([*lines, " " * margin + "nodeName: x", "other: y", ""])
    added = " " * margin + "tolerations:\n" + block(margin + 2)
    assert after(source) == source.replace("other: y", "@").replace("@", "other: y").replace(
        "nodeName: x\n", "nodeName: x\n" + added
    )


@pytest.mark.parametrize(
    "source",
    [
        "kind: ConfigMap\nspec:\n  template:\n    spec:\n      a: b\n",
        "apiVersion: batch.example.org/v1\nkind: Job\nspec: {template: {spec: {a: b}}}\n",
        "kind: Deployment\nspec:\n  replicas: 3\n",
        "kind: Deployment\nspec:\n",
        "kind: PodList\nitems:\n- kind: Service\n  spec: {a: b}\n",
        "- kind: Pod\n  spec: {a: b}\n",
        "# nothing\n",
        "",
        "---\n---\n...\n",
    ],
)
def test_what_holds_no_pod_is_left_alone(source: str) -> None:
    assert outcome(source).edits == ()


@pytest.mark.parametrize("version", ["v1", "apps/v1", "batch/v1", "extensions/v1beta1"])
def test_the_groups_of_kubernetes_itself_count(version: str) -> None:
    assert outcome(f"apiVersion: {version}\nkind: Pod\nspec: {{a: b}}\n").changed == 1


def test_items_of_lists_with_and_without_a_kind_of_their_own() -> None:
    source = text("""
        kind: List
        items:
          - kind: Pod
            spec: {}
          - kind: DeploymentList
            items:
              - spec: {template: {spec: {a: b}}}
              - kind: Service
                spec: {template: {spec: {a: b}}}
    """)
    tolerations = f"tolerations: [{ONE_LINE}]"
    expected = source.replace("spec: {}", f"spec: {{{tolerations}}}")
    assert after(source) == expected.replace("a: b", f"a: b, {tolerations}", 1)


def test_lists_stand_where_the_pods_other_lists_do() -> None:
    containers = "containers:\n{0}- name: a\n{0}  args: [x]\n"
    for margin in (0, 1, 2, 4):
        source = pod(containers.format(" " * margin) + "nodeName: x\n")
        added = "  tolerations:\n" + block(2 + margin)
        assert after(source) == source + added
    elsewhere = "metadata:\n  finalizers:\n  - x\n" + pod("nodeName: x\n")
    assert after(elsewhere) == elsewhere + "  tolerations:\n" + block(2)


def test_what_follows_the_last_key_stays_behind() -> None:
    source = text("""
        # head
        kind: Pod
        spec:
          containers: []   # \tbehind

          # tolerations: []

        # tail
        ---
        kind: Other
    """)
    line = "  containers: []   # \tbehind\n"
    assert after(source) == source.replace(line, f"{line}  tolerations:\n{block(4)}")


@pytest.mark.parametrize("header", ["|", ">-", "|+", "|2+", ">+ # c"])
def test_a_text_at_the_end_keeps_its_blank_lines(header: str) -> None:
    source = f"kind: Pod\nspec:\n  note: {header}\n    some\n    text\n\n\nstatus: x\n"
    result = after(source)
    place = "status" if "+" in header else "\n\nstatus"
    added = f"  tolerations:\n{block(4)}"
    assert result == source.replace(place, added + place)


def test_a_text_that_ends_with_the_file_is_refused() -> None:
    with pytest.raises(Unsafe, match=r"a.yaml:3: .*without a newline"):
        outcome("kind: Pod\nspec:\n  note: |\n    text")


@pytest.mark.parametrize("final", ["\n", ""])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("marker", ["", "---\n", "%YAML 1.1\n---\n"])
def test_line_ends_and_marks_of_the_file_stay(final: str, bom: str, marker: str) -> None:
    source = bom + (marker + "kind: Pod\nspec:\n  a: b").replace("\n", "\r\n")
    added = f"\n  tolerations:\n{block(4)}".removesuffix("\n").replace("\n", "\r\n")
    end = final.replace("\n", "\r\n")
    assert after(source + end) == source + added + end


@pytest.mark.parametrize("empty", ["", " []", " null", " ~", " [ ]", " [\n  ]"])
@pytest.mark.parametrize("tail", ["", "  # none"])
def test_an_empty_list_is_replaced(empty: str, tail: str) -> None:
    source = pod(f"tolerations:{empty}{tail}\nnodeName: x\n")
    if not source.startswith(f"kind: Pod\nspec:\n  tolerations:{empty}"):
        source = f"kind: Pod\nspec:\n  tolerations:{empty}{tail}\n  nodeName: x\n"
    assert after(source) == f"kind: Pod\nspec:\n  tolerations:{tail}\n{block(4)}  nodeName: x\n"


def test_a_list_in_block_style_grows_in_its_own_layout() -> None:
    source = pod("""
        tolerations:
            # first
            - {key: a, operator: Exists}   # behind

            -
              key: b
            # - key: off
        nodeName: x
    """)
    added = "\n" + block(6)
    assert after(source) == source.replace("key: b\n", "key: b\n" + added)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("[{key: a}]", f"[{{key: a}}, {ONE_LINE}]"),
        ("[{ key: a },{ key: b },]",
         "[{ key: a },{ key: b },{ key: @, operator: Exists, effect: NoSchedule },]"),
        ("[\n    {key: a},\n    {key: b}  # c\n  ]",
         f"[\n    {{key: a}},\n    {{key: b}},\n    {ONE_LINE}  # c\n  ]"),
        ('[{"key":"a"}]', '[{"key":"a"},{"key":"@","operator":"Exists","effect":"NoSchedule"}]'),
    ],
)  # fmt: skip
def test_a_list_in_flow_style_grows_in_its_own_style(before: str, wanted: str) -> None:
    source = f"kind: Pod\nspec:\n  tolerations: {before}\n  x: y\n"
    assert after(source) == source.replace(before, wanted.replace("@", KEY))


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("{a: b}", "{a: b, tolerations: [@]}"),
        ("{ a: b }", "{ a: b, tolerations: [@] }"),
        ("{a: b, }", "{a: b, tolerations: [@], }"),
        ("{a: b,\n  c: d # e\n  }", "{a: b,\n  c: d,\n  tolerations: [@] # e\n  }"),
        ("{tolerations: , a: b}", "{tolerations: [@], a: b}"),
        ("{tolerations: null}", "{tolerations: [@]}"),
        ("{tolerations: [], a: [b]}", "{tolerations: [@], a: [b]}"),
        ("{a}", "{a, tolerations: [@]}"),
    ],
)
def test_a_specification_in_flow_style(before: str, wanted: str) -> None:
    source = f"kind: Pod\nspec: {before}\n"
    entry = ONE_LINE if "{ a" not in before else ONE_LINE.replace("{", "{ ").replace("}", " }")
    assert after(source) == source.replace(before, wanted.replace("@", entry))


ENTRY = {"key": KEY, "operator": "Exists", "effect": "NoSchedule"}


JSON_STYLES = [(None, (", ", ": ")), (None, (",", ":")), *((i, (",", ": ")) for i in (2, 4, "\t"))]
TOLERATIONS = [[], None, [{"key": "a", "effect": "NoExecute"}], "missing"]


@pytest.mark.parametrize(("indent", "separators"), JSON_STYLES)
@pytest.mark.parametrize("present", TOLERATIONS)
def test_json_is_written_as_json_writes_it(indent: Any, separators: Any, present: Any) -> None:
    """The result is exactly what json.dumps gives for the new data."""
    spec = {"nodeName": "\N{GRINNING FACE}", "tolerations": present}
    if present == "missing":
        del spec["tolerations"]
    data = {"items": [{"kind": "Pod", "spec": spec}], "kind": "List"}
    source = json.dumps(data, indent=indent, separators=separators)
    spec["tolerations"] = [*(present if isinstance(present, list) else []), ENTRY]
    assert after(source) == json.dumps(data, indent=indent, separators=separators)


def test_a_json_surrogate_that_is_escaped_text_stays_text() -> None:
    source = '{"kind": "Pod", "metadata": {"name": "\\\\ud83d"}, "spec": {"a": "\\ud83d\\ude00"}}'
    found = outcome(source)
    assert json.loads(found.after())["spec"]["tolerations"] == [ENTRY]
    assert "Pod/\\ud83d" in found.lines[0]


@pytest.mark.parametrize(
    "entry",
    [
        f"{{key: {KEY}, operator: Exists, effect: NoSchedule}}",
        f"{{key: {KEY}, operator: Exists}}",
        f"{{key: {KEY}, operator: Equal, value: 'true', effect: ''}}",
        f'{{key: {KEY}, value: "true", effect: }}',
        "{operator: Exists}",
    ],
)
def test_what_tolerates_is_left_alone(entry: str) -> None:
    found = outcome(f"kind: Pod\nspec:\n  tolerations: [{entry}]\n", fix=True)
    assert (found.edits, found.lines, found.tolerant) == ((), (), 1)


@pytest.mark.parametrize(
    ("entry", "why", "fixed"),
    [
        ("- key: @\n  effect: NoSchedule\n", "it has none",
         "- key: @\n  operator: Exists\n  effect: NoSchedule\n"),
        ("- operator: 'Equal' # c\n  key: @\n", "it has none",
         "- operator: 'Exists' # c\n  key: @\n"),
        ("- operator: Equal\n  value: 'false' # c\n  # d\n  key: @\n", '"false"',
         "- operator: Exists\n  # d\n  key: @\n"),
        ("- value: x\n  key: @\n  operator: Equal\n", '"x"', "- key: @\n  operator: Exists\n"),
        ("- value: x\n  key: @\n", '"x"', "- operator: Exists\n  key: @\n"),
        ("- operator:\n  key: @\n", "it has none", "- operator: Exists\n  key: @\n"),
        ("- key: @\n  operator: exists\n", "operator is exists", "- key: @\n  operator: Exists\n"),
        ("- key: @\n  operator: Exists\n  value: x\n", "no value",
         "- key: @\n  operator: Exists\n"),
        ("- {key: @}\n", "it has none", "- {key: @, operator: Exists}\n"),
        ("- {value: x, key: @, operator: Equal}\n", '"x"', "- {key: @, operator: Exists}\n"),
        ("- {key: @, operator: Equal, value: x}\n", '"x"', "- {key: @, operator: Exists}\n"),
        ('- {"key":"@","value":"x"}\n', '"x"', '- {"key":"@","operator":"Exists"}\n'),
        ("- {tolerationSeconds: 3, key: @, operator: , effect: NoSchedule}\n", "it has none",
         "- {tolerationSeconds: 3, key: @, operator: Exists, effect: NoSchedule}\n"),
    ],
)  # fmt: skip
def test_what_looks_like_it_is_named_and_corrected(entry: str, why: str, fixed: str) -> None:
    head, tail = "kind: Pod\nspec:\n  tolerations:\n", "  x: y\n"
    lines = textwrap.indent(entry.replace("@", KEY), "  ")
    found = outcome(head + lines + tail)
    assert found.lines[0].startswith("a.yaml:4: ") and why in found.lines[0]
    assert after(head + lines + tail) == head + lines + block(2) + tail
    corrected = textwrap.indent(fixed.replace("@", KEY), "  ")
    assert after(head + lines + tail, fix=True) == head + corrected + tail
    assert "corrected" in outcome(head + lines + tail, fix=True).lines[0]


def test_a_correction_at_the_end_of_a_file_without_a_final_newline() -> None:
    source = f"kind: Pod\nspec:\n  tolerations:\n  - key: {KEY}\n    operator: Equal\n    value: x"
    wanted = source.replace("Equal\n    value: x", "Exists")
    assert after(source, fix=True) == wanted
    assert after(f"kind: Pod\nspec:\n  tolerations:\n  - key: {KEY}", fix=True) == (
        f"kind: Pod\nspec:\n  tolerations:\n  - key: {KEY}\n    operator: Exists"
    )


def test_another_effect_is_named_and_gets_an_entry_beside_it() -> None:
    entry = f"  - key: {KEY}\n    operator: Exists\n    effect: NoExecute\n"
    source = f"kind: Pod\nspec:\n  tolerations:\n{entry}"
    for fix in (False, True):
        assert after(source, fix=fix) == source + block(2)
        assert "its effect is NoExecute" in outcome(source, fix=fix).lines[0]


def test_more_taints_are_added_in_their_order() -> None:
    source = "kind: Pod\nspec:\n  tolerations:\n  - key: b\n    effect: NoSchedule\n"
    more = text("""
        - key: a
          operator: Equal
          value: "1"
          effect: NoExecute
        - key: "123"
          operator: Exists
          effect: PreferNoSchedule
    """)
    # An entry without a value matches a taint without one.
    taints = ("a=1:NoExecute", "b:NoSchedule", "123:PreferNoSchedule", f"{KEY}:NoSchedule")
    assert after(source, *taints) == source + block(2) + textwrap.indent(more, "  ")


def test_an_entry_for_another_value_is_never_corrected_for_a_taint_with_a_value() -> None:
    entries = "  - operator: Exists\n    effect: NoSchedule\n  - key: a\n    value: x\n"
    source = f"kind: Pod\nspec:\n  tolerations:\n{entries}"
    added = '  - key: a\n    operator: Equal\n    value: "y"\n    effect: NoExecute\n'
    assert after(source, "a=y:NoExecute", fix=True) == source + added


@pytest.mark.parametrize(
    "wrong",
    ["a", "a:", "a:noschedule", ":NoSchedule", "a b:NoSchedule", "a=b c:NoSchedule",
     "/a:NoSchedule", "a:NoSchedule\n", "-a:NoExecute"],
)  # fmt: skip
def test_a_taint_that_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no taint"):
        taint_from(wrong)


def test_taints_as_kubectl_writes_them() -> None:
    assert taint_from("a.b/c=:NoExecute") == Taint("a.b/c", "NoExecute")
    assert wanted_taints([taint_from(f"{KEY}=x:NoSchedule")]) == (UNINITIALIZED,)


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("spec: &s\n  a: b\nother: *s", 2, "&s"),
        ("spec:\n  tolerations: &t\n  - key: a\nother: *t", 3, "&t"),
        ("spec:\n  tolerations: &t []\nother: *t", 3, "&t"),
        ("spec:\n  tolerations: &t []", 3, "anchor or tag"),
        ("spec:\n  tolerations: !!seq []", 3, "anchor or tag"),
        ("spec:\n  tolerations: [ # none\n  ]", 3, "comment"),
        ("base: &b\n  a: b\nspec: *b", 4, r"\*b is a YAML alias"),
        ("base: &b\n- key: a\nspec:\n  tolerations: *b", 5, r"\*b is a YAML alias"),
        ("base: &b\n  spec: {a: b}\n<<: *b", 4, "<<"),
        ("base: &b {tolerations: [{key: a}]}\nspec:\n  <<: *b", 4, "<<"),
        ("base: &b {a: b}\nspec:\n  <<: *b\n  c: d", 4, "<<"),
        ("spec:\n  a: b\nspec:\n  a: c", 5, "stands twice"),
        ("spec:\n  tolerations: []\n  tolerations:\n  - key: a", 5, "stands twice"),
        ("spec:\n  ? tolerations\n  : []", 4, "colon"),
    ],
)
def test_a_place_that_others_share_is_refused_with_its_line(
    source: str, line: int, why: str
) -> None:
    with pytest.raises(
        Unsafe, match=rf"^a.yaml:{line}: a toleration cannot be added safely: .*{why}"
    ):
        outcome(f"kind: Pod\n{source}\n")


@pytest.mark.parametrize(
    "source",
    [
        "a: &a {kind: Pod, spec: {b: c}}\nkind: List\nitems: [*a]\n",
        "kind: List\nitems: &i\n- {kind: Pod, spec: {b: c}}\nother: *i\n",
        "kind: List\nitems:\n- &i {kind: Pod, spec: {b: c}}\n- *i\n",
        "kind: List\nitems: &x\n- &l {kind: List, items: [*l]}\n",
        "a: &a {kind: List, items: []}\nkind: List\nitems: [*a, *a]\n",
    ],
)
def test_shared_objects_and_lists_of_themselves_are_refused(source: str) -> None:
    with pytest.raises(Unsafe, match=r"^a.yaml:\d: "):
        outcome(source)


def test_an_anchor_that_nobody_uses_is_no_obstacle() -> None:
    source = "kind: Pod\nspec: &s\n  tolerations: !!seq\n    - &e {key: a}\n"
    assert after(source) == source + block(4)
    source = "kind: Pod\nspec: !!map\n  a: &b b\n  c: *b\n"
    assert after(source) == source + "  tolerations:\n" + block(4)


def test_what_tolerates_through_an_alias_is_left_alone() -> None:
    source = f"a: &a\n- &e {{key: {KEY}, operator: Exists}}\nkind: Pod\nspec:\n  tolerations: *a\n"
    assert outcome(source).tolerant == 1
    assert outcome(source.replace(": *a", ": [*e]")).tolerant == 1
    assert outcome(source.replace("  tolerations: *a", "  <<: {tolerations: *a}")).tolerant == 1


@pytest.mark.parametrize("entry", ["*e", "{<<: *e}", "&f {key: @}\n  other: *f"])
def test_a_shared_entry_is_not_corrected(entry: str) -> None:
    source = (
        f"a: &e {{key: {KEY}}}\nkind: Pod\nspec:\n  tolerations:\n  - {entry.replace('@', KEY)}\n"
    )
    assert outcome(source).changed == 1
    with pytest.raises(Unsafe, match=r"^a.yaml:5: "):
        outcome(source, fix=True)


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("kind: Pod\nspec:\n  tolerations: x\n", 3, "no list"),
        ("kind: Pod\nspec:\n  tolerations: {}\n", 3, "no list"),
        ("kind: Pod\nspec:\n  tolerations:\n  - x\n", 4, "no mapping"),
        ("kind: Pod\nspec:\n  tolerations:\n  -\n", 4, "no mapping"),
        ("kind: Pod\nspec:\n  tolerations:\n  - key: a\n    value: true\n", 5,
         'put it in quotes \\("true"'),
        ("kind: Pod\nspec:\n  tolerations:\n  - key: [a]\n", 4, "no text"),
        ("kind: Pod\nspec: x\n", 2, "spec of this Pod is no mapping"),
        ("kind: Job\nspec:\n  template: []\n", 3, "spec.template of this Job is no mapping"),
        ("kind: Pod\nspec: [\n", 3, "not valid YAML"),
        ("a: b\n---\nc: d\n---\nkind: Pod\n a: b\n", 6, "not valid YAML"),
        ("kind: Pod\nspec: {{ .Values.spec }}\n", 2, "this is a template"),
        ("a: b\n---\nkind: Pod\n{{- if .Values.x }}\nspec: x\n{{- end }}\n", 4,
         "this is a template"),
        ("{% if x %}\nkind: Pod\n{% endif %}\n", 1, "this is a template"),
        ("a: \0\n", 0, "binary"),
    ],
)  # fmt: skip
def test_unusable_input_names_its_line(source: str, line: int, why: str) -> None:
    where = f"a.yaml:{line}:" if line else "a.yaml "
    with pytest.raises(UnusableInput, match=f"^{where}.*{why}"):
        outcome(source)


def test_what_is_not_utf_8_names_its_line() -> None:
    with pytest.raises(UnusableInput, match=r"^a.yaml:4: the file is not UTF-8"):
        tolerate_manifests("a.yaml", b"a: b\n---\n\nc: \xff\n", Wish((UNINITIALIZED,)))


def test_expressions_in_texts_are_no_template() -> None:
    source = "kind: Pod\nspec:\n  a: '{{ x }}'\n  b: |\n    {{- if x }}\n"
    assert after(source) == source + "  tolerations:\n" + block(4)


def test_limits_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"a.yaml is too large: the limit is 64 MiB"):
        limited("a.yaml", b"x" * (stream.MAX_STREAM + 1))
    monkeypatch.setattr(stream, "MAX_BYTES", 100)
    document = b"a: b\n" * 10 + b"---\n"
    assert len(list(pieces("a.yaml", document * 100))) == 101
    with pytest.raises(UnusableInput, match=r"a.yaml:11: a document of 119 bytes .* 8 MiB"):
        list(pieces("a.yaml", document + b"a: b\n" * 23))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.yml.j2").write_text("a: b\n")
    with pytest.raises(UnusableInput, match="this is a template"):
        read_file(tmp_path / "a.yml.j2")
    with pytest.raises(UnusableInput, match="is a directory"):
        read_file(tmp_path)
    with pytest.raises(UnusableInput, match="no regular file"):
        read_file(Path("/dev/zero"))
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("source", "cuts"),
    [
        ("a\n---\nb\n", ["a\n", "---\nb\n"]),
        ("--- a\n---b\n--- |\n ---\n", ["--- a\n---b\n", "--- |\n ---\n"]),
        ("%YAML 1.1\n# c\n---\na\n...\n\n%TAG ! x\n---\nb\n",
         ["%YAML 1.1\n# c\n---\na\n...\n\n", "%TAG ! x\n---\nb\n"]),
        ("a: b\n---\r\nc: d\r\n---", ["a: b\n", "---\r\nc: d\r\n", "---"]),
    ],
)  # fmt: skip
def test_a_file_is_cut_where_its_documents_begin(source: str, cuts: list[str]) -> None:
    data = b"\xef\xbb\xbf" + source.encode()
    starts = [3 + sum(map(len, cuts[:number])) for number in range(len(cuts))]
    assert [(p.start, p.document.text) for p in pieces("a", data)] == list(
        zip(starts, cuts, strict=True)
    )


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("Deployment", 2), ("deployment/*", 2), ("kind=Deployment,name=web-*", 1), ("*/web-1", 1),
        ("name=web-?,namespace=prod", 1), ("prod/*/*", 2), ("namespace=", 0), ("dev/Pod/*", 0),
    ],
)  # fmt: skip
def test_selectors(selector: str, count: int) -> None:
    source = "---\n".join(
        f"kind: {kind}\nmetadata: {{name: {name}{more}}}\nspec: {{template: {{spec: {{a: b}}}}}}\n"
        for kind, name, more in [
            ("Deployment", "web-1", ", namespace: prod"), ("Deployment", "db", ""),
            ("DaemonSet", "agent", ", namespace: prod"),
        ]
    )  # fmt: skip
    if selector == "namespace=":
        with pytest.raises(ValueError, match="empty part"):
            selector_from(selector)
        return
    found = outcome(source, selectors=(selector,))
    assert (found.changed, found.unselected) == (count, 3 - count)
    assert outcome(source, selectors=(selector, "DaemonSet")).changed >= 1


@pytest.mark.parametrize(
    "wrong", ["a/b/c/d", "x=y", "kind=Pod,kind=Job", "Pods", "kind=Pod,", "Pod/"]
)
def test_selectors_that_are_none(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"write kind=|no workload is of kind"):
        selector_from(wrong)
    assert selector_from("prod/Pod/x") == Selector("Pod", "x", "prod")


TWO = block(2)


@pytest.mark.parametrize(
    ("source", "path", "wanted"),
    [
        ("a: b\n", "tolerations", "a: b\ntolerations:\n" + TWO),
        ("", "tolerations", "tolerations:\n" + TWO),
        ("# none\n", "a.tolerations", "# none\na:\n  tolerations:\n" + block(4)),
        ("# none", "tolerations", "# none\ntolerations:\n" + TWO.removesuffix("\n")),
        ("---\n# none\n", "tolerations", "---\n# none\ntolerations:\n" + TWO),
        ("--- # none\n", "a.t", "--- # none\na:\n  t:\n" + block(4)),
        ("{}\n", "tolerations", f"{{tolerations: [{ONE_LINE}]}}\n"),
        ("a: {} # c\nd: e\n", "a.tolerations", "a: # c\n  tolerations:\n" + block(4) + "d: e\n"),
        ("a:\nd: e\n", "a.b.t", "a:\n  b:\n    t:\n" + block(6) + "d: e\n"),
        ("a:\n    b: c\nd:\n- e\n", "a.x.t",
         "a:\n    b: c\n    x:\n        t:\n" + block(8) + "d:\n- e\n"),
        ("a: {b: c}\n", "a.t", f"a: {{b: c, t: [{ONE_LINE}]}}\n"),
        ("a: {b: c}\n", "a.x.t", f"a: {{b: c, x: {{t: [{ONE_LINE}]}}}}\n"),
        ("a.b: c\n", r"a\.b\.c.t", "a.b: c\na.b.c:\n  t:\n" + block(4)),
        ("a:\n  tolerations: []\n", "a.tolerations", "a:\n  tolerations:\n" + block(4)),
    ],
)  # fmt: skip
def test_values(source: str, path: str, wanted: str) -> None:
    found = values(source, path)
    assert found.after().decode() == wanted
    (told,) = (line for line in found.lines if "Helm replaces lists" in line)
    assert told.startswith("values.yaml:")
    assert values(wanted, path).edits == ()


def test_values_that_have_a_list_keep_it() -> None:
    source = "tolerations:\n- key: a\n  operator: Exists\nb: c\n"
    found = values(source, "tolerations")
    assert found.after().decode() == source.replace("b: c", block(0) + "b: c")
    assert not any("replaces" in line for line in found.lines)


@pytest.mark.parametrize(
    ("source", "path", "error", "why"),
    [
        ("a: b\n", "a.t", UnusableInput, "values.yaml:1: the value of 'a' is no mapping"),
        ("a: b\n", "a", UnusableInput, "values.yaml:1: a: the tolerations are no list"),
        ("a: []\n", "a.t", UnusableInput, "values.yaml:1: the value of 'a' is no mapping"),
        ("- a\n", "t", UnusableInput, "values.yaml:1: the values are no mapping"),
        ("a: b\n---\nc: d\n", "t", UnusableInput, "values.yaml holds 2 YAML documents"),
        ("a: &a {b: c}\nd: *a\n", "d.t", Unsafe, "values.yaml:2: "),
        ("a: &a {b: c}\nd: *a\n", "a.t", Unsafe, "values.yaml:1: "),
        ("a: &a\nd: *a\n", "a.t", Unsafe, "values.yaml:1: "),
        ("a: {}\na: {}\n", "a.t", Unsafe, "values.yaml:2: "),
        ("a: {{ x }}\n", "t", UnusableInput, "values.yaml:1: this is a template"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_used(
    source: str, path: str, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=f"^{why}"):
        values(source, path)


@pytest.mark.parametrize("wrong", ["", ".", "a.", ".a", "a..b"])
def test_paths_that_are_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="empty part"):
        path_from(wrong)


def test_edits_that_overlap_are_never_made() -> None:
    assert joined("abcd", [Edit(2, 2, "x"), Edit(1, 2, "")]) == "axcd"
    with pytest.raises(ValueError, match="overlap"):
        joined("abcd", [Edit(0, 2, ""), Edit(1, 3, "")])


def test_a_diff_of_the_lines_that_change() -> None:
    before = "".join(f"{number}\n" for number in range(20)).encode()
    edits = (
        ByteEdit(0, 0, b"new\n"),
        ByteEdit(2, 3, b"ONE"),
        ByteEdit(len(before), len(before), b"end"),
    )
    found = unified_diff(Outcome("/x/a b.yaml", before, edits, ()))
    assert found.decode() == text("""
        --- a/x/a b.yaml\t
        +++ b/x/a b.yaml\t
        @@ -1,5 +1,6 @@
        +new
         0
        -1
        +ONE
         2
         3
         4
        @@ -18,3 +19,4 @@
         17
         18
         19
        +end
        \\ No newline at end of file
    """)
    assert unified_diff(Outcome("a", b"", (ByteEdit(0, 0, b"a\n"),), ())) == (
        b"--- a/a\n+++ b/a\n@@ -0,0 +1,1 @@\n+a\n"
    )
    assert unified_diff(Outcome("a", b"x", (), ())) == b""
