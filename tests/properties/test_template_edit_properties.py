"""Drawn templates: a toleration added in them changes what Jinja2 renders by itself alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from oracles.rendered_jinja import documents, render
from ruamel.yaml.error import YAMLError

from generator.engine.operations import Changed, NotNeeded
from generator.engine.operations.base import Component
from generator.engine.operations.tolerate_workload import TolerateWorkload
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.text.assembled import assembled, pieces
from generator.text.template import lex
from generator.tree.memory import MemoryTree

ENTRY = {"key": "taint", "operator": "Exists", "effect": "NoSchedule"}
OPERATION = TolerateWorkload(Component("app"), "app", ("app",), ENTRY)
PATH, DEFAULTS = "roles/app/templates/a.yml.j2", "roles/app/defaults/main.yml"
HEAD = """\
kind: Deployment
metadata:
  name: app{{ '' }}
spec:
  replicas: 1
  template:
    spec:
"""
FLAGS = ("a", "b", "c")
LISTS = ("more", "listed")

MARGIN = "      "
ITEMS = st.sampled_from(
    ["- key: one", "- key: two\n  operator: Exists", "- {key: three}  # short", "# a comment",
     "- key: '{{ word }}'", "\n# blank above\n- effect: NoExecute\n  operator: Exists"]
)  # fmt: skip
PAIRS = st.sampled_from(
    ["hostPID: true", "# about it", "nodeSelector:\n  os: '{{ word }}'", "dnsPolicy: {{ word }}",
     "affinity: {}", "securityContext:\n  fsGroup: 1  # {{ word }}", "{# nothing #}", "",
     "volumes:\n  - name: x\n    text: |\n      tolerations:\n        - a"]
)  # fmt: skip
TRIMMED_END = st.sampled_from(["{% endif %}", "{%- endif %}", "{% endif -%}", "{%+ endif %}"])
CONDITIONS = st.sampled_from(["a", "b", "not a", "a and c", "b or c"])


@dataclass(frozen=True)
class Drawn:
    """A template, the defaults beside it, and whether every choice of values is tried."""

    text: str
    defaults: str


def indented(lines: str, by: str) -> str:
    return "".join(
        f"{line}\n" if line.startswith(("{%", "{#")) or not line else f"{by}{line}\n"
        for line in lines.split("\n")
    )


@st.composite
def in_an_if(draw: st.DrawFn, inner: str, other: str | None) -> str:
    """Lines in an `if`, with others in its `else`, or none."""
    condition = draw(CONDITIONS)
    otherwise = "" if other is None else f"{{% else %}}\n{other}"
    return f"{{% if {condition} %}}\n{inner}{otherwise}{draw(TRIMMED_END)}\n"


@st.composite
def tolerations(draw: st.DrawFn) -> tuple[str, str]:
    """The lines that give tolerations in some way, and the defaults that they need."""
    by = draw(st.sampled_from([MARGIN, MARGIN + "  "]))
    kind = draw(
        st.sampled_from(["none", "list", "flow", "empty", "appended", "loop", "variable", "ifs"])
    )
    event(kind)
    key, defaults = f"{MARGIN}tolerations:\n", "---\nother: 1\n"
    items = draw(st.lists(ITEMS, min_size=1, max_size=3))
    block = "".join(indented(item, by) for item in items)
    extra = indented(f"{{{{ more | list | to_nice_yaml(indent=2) | indent({len(by)}) }}}}", by)
    if kind == "none":
        return "", defaults
    if kind == "flow":
        return f"{MARGIN}tolerations: [{{key: one}}, {{key: '{{{{ word }}}}'}}]\n", defaults
    if kind == "empty":
        return f"{MARGIN}tolerations: {draw(st.sampled_from(['[]', 'null', '~', '']))}\n", defaults
    if kind == "appended":
        end = draw(st.sampled_from(["{% endif %}", "{%- endif %}"]))
        inside = f"{{% if more is defined and more %}}\n{extra}{end}\n"
        return key + block + inside, defaults
    if kind == "loop":
        loop = indented("{% for one in listed %}\n- key: {{ one.key }}\n{% endfor %}", by)
        return key + draw(st.sampled_from(["", block])) + loop, defaults
    if kind == "variable":
        value = draw(st.sampled_from(["[]", "null", "[{key: d}]", "\n  - key: d", "\n- key: d"]))
        inside = key + extra.replace("more | list", "listed")
        wrapped = draw(st.sampled_from(["{% if listed %}\n", ""]))
        value = value if wrapped or value != "null" else "[]"
        end = "{% endif %}\n" if wrapped else ""
        return f"{wrapped}{inside}{end}", f"{defaults}listed: {value}\nlast: 1\n"
    parts = [draw(in_an_if(indented(item, by), None)) for item in items]
    return key + "".join(parts), defaults


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """A template of one workload."""
    lines, defaults = draw(tolerations())
    pairs = [indented(pair, MARGIN) for pair in draw(st.lists(PAIRS, max_size=2, unique=True))]
    pairs = [draw(st.sampled_from([pair, draw(in_an_if(pair, None))])) for pair in pairs]
    where = draw(st.sampled_from(["plain", "if", "if with more", "if and else"]))
    event(where)
    if where != "plain" and lines:
        before = f"{MARGIN}hostIPC: true\n" if where == "if with more" else ""
        other = f"{MARGIN}hostNetwork: true\n" if where == "if and else" else None
        lines = draw(in_an_if(before + lines, other))
    body = [*pairs, f"{MARGIN}containers:\n{MARGIN}  - name: x\n", lines]
    order = draw(st.permutations(range(len(body))))
    text = HEAD + "".join(body[at] for at in order)
    tail = draw(st.sampled_from(["", "---\nkind: Service\nmetadata:\n  name: app\n", "\n\n"]))
    text += tail
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text, defaults = text.replace("\n", "\r\n"), defaults.replace("\n", "\r\n")
    return Drawn(text, defaults)


def kubespray(template: str, defaults: str) -> Kubespray:
    files = {PATH: template, DEFAULTS: defaults, "roles/app/tasks/main.yml": "[]\n"}
    return Kubespray(MemoryTree({path: text.encode() for path, text in files.items()}, "it"))


def rendered_text(template: str, variables: dict[str, Any]) -> str:
    """What a template gives with some variables; no YAML where it does not render."""
    try:
        return render(template, variables, StrictUndefined)
    except TypeError:
        return "{"


def parsed(text: str) -> list[Any] | None:
    """The documents of a text, None where it is no YAML."""
    try:
        return documents(text)
    except YAMLError:
        return None


def has_pods(found: list[Any] | None) -> bool:
    return bool(found and ((found[0].get("spec") or {}).get("template") or {}).get("spec"))


def choices(defaults: str) -> list[dict[str, Any]]:
    """Values to render with: those of the defaults, and lists with and without entries."""
    given = documents(defaults)[0]
    found = []
    for flags in product((True, False), repeat=len(FLAGS)):
        for lists in product(([{"key": "m"}], []), repeat=len(LISTS)):
            values = dict(zip((*FLAGS, *LISTS), (*flags, *lists), strict=True))
            found.append({"word": "w", **values, **given})
    return found


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_manifests_differ_by_the_toleration_alone(one: Drawn) -> None:
    before = kubespray(one.text, one.defaults)
    try:
        outcome = OPERATION.apply(before)
    except Unsafe as error:
        event("refused")
        assert f"{PATH}:" in str(error)
        return
    if isinstance(outcome, NotNeeded):
        event("never YAML")
        assert outcome.reason.endswith("is never YAML")
        values = choices(one.defaults)
        assert not any(has_pods(parsed(rendered_text(one.text, each))) for each in values)
        return
    event("changed")
    assert isinstance(outcome, Changed)
    after = before.changed(outcome.files)
    assert isinstance(OPERATION.apply(after), NotNeeded)
    template, defaults = (after.tree.raw(path).decode() for path in (PATH, DEFAULTS))
    tried: set[tuple[str, str]] = set()
    rendered = 0
    for old, new in zip(choices(one.defaults), choices(defaults), strict=True):
        texts = rendered_text(one.text, old), rendered_text(template, new)
        was = parsed(texts[0])
        if was is None or texts in tried:
            continue
        tried.add(texts)
        rendered += 1
        now = parsed(texts[1])
        assert now is not None, (template, new)
        spec, other = (found[0]["spec"]["template"]["spec"] for found in (now, was))
        assert spec["tolerations"].count(ENTRY) == 1
        spec["tolerations"].remove(ENTRY)
        for each in (spec, other):
            each["tolerations"] = each.get("tolerations") or []
        assert now == was
    # A newline trimmed before the next document leaves no YAML, nor does `[]` below its key.
    assert rendered or "{%-" in one.text or f"\n{MARGIN}{{{{ listed" in one.text
    assert_bytes_kept(one.text, template)


def assert_bytes_kept(before: str, after: str) -> None:
    """Lines that give no tolerations and hold no statement stay, in their order."""

    def kept(text: str) -> list[str]:
        return [
            line for line in text.split("\n")
            if not line.lstrip().startswith(("{%", "tolerations:"))
        ]  # fmt: skip

    lines = iter(kept(after))
    assert all(line in lines or line + "\r" in kept(after) for line in kept(before) if line)


@settings(max_examples=60, deadline=None)
@given(drawn(), st.tuples(*[st.booleans()] * 5))
def test_what_is_assembled_is_what_jinja_renders(one: Drawn, truths: tuple[bool, ...]) -> None:
    sources = ("a", "b", "not a", "a and c", "b or c")
    values = dict(zip(FLAGS, truths, strict=False))
    answers = {source: bool(eval(source, {}, values)) for source in sources}
    template = lex(PATH, one.text)

    def decide(source: str) -> bool:
        return answers.get(source, source.startswith("for "))

    text = assembled(template, pieces(template), (0, len(one.text)), decide, lambda _: "<>")
    variables: dict[str, Any] = {**values, "word": "<>", "more": [], "listed": [{"key": "<>"}]}
    bare = one.text.replace("{{ '' }}", "{{ word }}").replace("{% if listed %}", "{% if false %}")
    for source in ("more | list", "listed"):
        for width in (6, 8):
            old = f"{{{{ {source} | to_nice_yaml(indent=2) | indent({width}) }}}}"
            bare = bare.replace(old, "{{ word }}")
    assert text == render(bare, variables, StrictUndefined)
