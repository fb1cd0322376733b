"""Properties of `tolerate`, held against manifests in drawn styles and an oracle of its own.

The oracle is the YAML library's pure loader, which generator/ does not use where libyaml is
there, and the json module.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from generator.exits import PatchgenError
from generator.model.toleration import UNINITIALIZED, Taint, tolerates
from generator.tolerate.diff import unified_diff
from generator.tolerate.files import Outcome, tolerate_manifests, tolerate_values
from generator.tolerate.inject import Wish

pytestmark = pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")

DEDICATED = Taint("dedicated", "NoExecute", "1")
KEY = UNINITIALIZED.key
ENTRY = {"key": KEY, "operator": "Exists", "effect": "NoSchedule"}
SECOND = {"key": "dedicated", "operator": "Equal", "value": "1", "effect": "NoExecute"}

ROUTES = {
    "Deployment": ["spec", "template", "spec"],
    "Pod": ["spec"],
    "CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
    "PodTemplate": ["template", "spec"],
    "Service": [],
}

TAILS = st.sampled_from(["", "", "", " ", "  # behind", " #\ttab # - x: []"])
BETWEEN = st.sampled_from([[], [], [], [""], ["# about"], ["", "  # further in", ""]])
ENTRIES = st.sampled_from(
    [
        [f"- key: {KEY}", "  operator: Exists"],
        [f"- {{key: {KEY}, effect: NoSchedule}}"],
        ["- key: 'a'  # why", '  operator: "Exists"'],
        ["-", "  key: a"],
        ["- key: dedicated", "  value: '1'", "  effect:"],
        ["- {operator: Exists, effect: NoExecute}"],
        ["- &own {key: b}"],
    ]
)
FLOWS = ["[]", "[ ]", "[{key: a}]", "[{ key: a },  { key: b } , ]", "", "null", "~",
         f"[{{key: {KEY}, operator: Exists}}]"]  # fmt: skip
OTHERS = [
    ["nodeName: x"], ["hostNetwork: true"], ["note: |", "  some", "", "  # text"],
    ["note: >-", "  folded", "  text"], ["note: |+", "  kept", "", ""], ["labels: {a: b, c: [d]}"],
    ['note: "two', '  lines"'], ["note: plain", "  lines"], ["empty:"], ["été: '😀'"],
    ["anchored: &used x", "again: *used"], ["? complex", ": key"],
]  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How a drawn file is written."""

    newline: str
    final: bool
    bom: bool
    margin: int


LAYOUTS = st.builds(
    Layout,
    newline=st.sampled_from(["\n", "\r\n"]),
    final=st.booleans(),
    bom=st.booleans(),
    margin=st.sampled_from([0, 2, 3]),
)


def shifted(margin: int, lines: list[str]) -> list[str]:
    return [" " * margin + line if line else "" for line in lines]


@st.composite
def specs(draw: st.DrawFn, layout: Layout) -> list[str]:
    """Draw the lines of a pod's specification in block style."""
    margin, tail = " " * layout.margin, draw(TAILS)
    drawn = st.lists(
        st.sampled_from(OTHERS), min_size=1, max_size=3, unique_by=lambda part: part[0][:4]
    )
    parts = [list(part) for part in draw(drawn)]
    if draw(st.booleans()):
        parts.append([f"containers:{tail}", f"{margin}- name: a", f"{margin}  args: [x]"])
    kind = draw(st.sampled_from(["none", "block", "flow"]))
    if kind == "block":
        entries = draw(st.lists(ENTRIES, min_size=1, max_size=3))
        gap = draw(st.sampled_from([[], [], [""], ["# between"]]))
        lines = [line for entry in entries for line in [*gap, *entry]]
        parts.append([f"tolerations:{tail}", *shifted(layout.margin, lines)])
    elif kind == "flow":
        parts.append([f"tolerations: {draw(st.sampled_from(FLOWS))}{tail}"])
    return [
        line for part in draw(st.permutations(parts)) for line in [*part, *draw(BETWEEN)]
    ]  # fmt: skip


@st.composite
def objects(draw: st.DrawFn, layout: Layout) -> list[str]:
    """Draw the lines of an object."""
    kind = draw(st.sampled_from(list(ROUTES)))
    if draw(st.integers(0, 3)) == 0:
        return [f"{draw(flows(kind))}{draw(TAILS)}"]
    route = ROUTES[kind] or ["spec"]
    lines = draw(specs(layout))
    for key in reversed(route):
        lines = [f"{key}:{draw(TAILS)}", *shifted(draw(st.sampled_from([1, 2, 4])), lines)]
    return [f"kind: {kind}{draw(TAILS)}", *lines]


@st.composite
def flows(draw: st.DrawFn, kind: str) -> str:
    """Draw an object in flow style."""
    pad = draw(st.sampled_from(["", " "]))
    listed = f"tolerations: {draw(st.sampled_from(FLOWS))}"
    pairs = draw(st.permutations(["a: b", listed, "c: [d]"]))
    inner = ", ".join(pairs[: draw(st.integers(0, 3))])
    for key in reversed(ROUTES[kind] or ["spec"]):
        inner = f"{key}: {{{pad}{inner}{pad}}}"
    return f"{{kind: {kind}, {inner}}}"


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a file of several documents, some of them lists."""
    layout = draw(LAYOUTS)
    heads = st.sampled_from([[], ["# Drawn."], ["%YAML 1.1", "---"], ["---", ""]])
    lines: list[str] = list(draw(heads))
    count = draw(st.integers(1, 3))
    for number in range(count):
        if number:
            lines += draw(st.sampled_from([["---"], ["--- # next"], ["...", "# c", "---"]]))
        if draw(st.booleans()):
            lines = [*lines, *draw(objects(layout))]
        else:
            lines = [*lines, "kind: List", "items:"]
            for item in draw(st.lists(objects(layout), min_size=1, max_size=3)):
                inner = shifted(layout.margin + 2, item)
                inner[0] = " " * layout.margin + "- " + item[0]
                lines += inner
    text = layout.newline.join(lines) + (layout.newline if layout.final else "")
    return ("\ufeff" if layout.bom else "") + text


def oracle(data: bytes) -> list[Any]:
    text = data.decode().removeprefix("\ufeff")
    return list(YAML(typ="safe", pure=True).load_all(text))


def pods(documents: list[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List":
            yield from pods(document["items"])
        elif isinstance(document, dict) and ROUTES.get(document.get("kind", "")):
            spec = document
            for key in ROUTES[document["kind"]]:
                spec = spec.get(key) if isinstance(spec, dict) else None  # type: ignore[assignment]
            if isinstance(spec, dict):
                yield spec


def wanted(documents: list[Any]) -> list[Any]:
    """Return what the documents shall hold, worked out on plain data."""
    result = copy.deepcopy(documents)
    for pod in pods(result):
        entries = pod.get("tolerations") or []
        new = [entry for taint, entry in ((UNINITIALIZED, ENTRY), (DEDICATED, SECOND))
               if not tolerates(entries, taint)]  # fmt: skip
        if new:
            pod["tolerations"] = [*entries, *new]
    return result


def run(data: bytes, fix: bool = False) -> Outcome:
    return tolerate_manifests("a.yaml", data, Wish((UNINITIALIZED, DEDICATED), fix))


def only_inserted(outcome: Outcome) -> bool:
    """Tell whether nothing is taken away but what says that a list is empty."""
    removed = (outcome.before[edit.start : edit.end] for edit in outcome.edits)
    return all(part.replace(b" ", b"") in (b"", b"[]", b"null", b"~") for part in removed)


@settings(max_examples=100, deadline=None)
@given(files())
def test_manifests_in_any_style(text: str) -> None:
    """The data is as meant, nothing but entries is put in, and once is enough."""
    data = text.encode()
    before = oracle(data)
    try:
        outcome = run(data)
    except PatchgenError as error:
        # The one place where text at the end of a file leaves no room.
        assert "without a newline" in str(error) and not text.endswith("\n"), error
        event("refused")
        return
    after = outcome.after()
    assert oracle(after) == wanted(before)
    assert only_inserted(outcome)
    assert run(after).edits == ()
    assert outcome.changed + outcome.tolerant == len(list(pods(before)))
    assert after.endswith(b"\n") == data.endswith(b"\n") or not outcome.edits
    if "\r\n" in text:
        assert after.count(b"\n") == after.count(b"\r\n")
    kept = [line for line in data.decode().splitlines() if "tolerations" not in line]
    remaining = iter(after.decode().splitlines())
    assert all(any(line == other or "{" in line for other in remaining) for line in kept)
    event("changed" if outcome.edits else "nothing to do")


@settings(max_examples=60, deadline=None)
@given(files())
def test_corrected_entries_tolerate(text: str) -> None:
    data = text.encode()
    try:
        outcome = run(data, fix=True)
    except PatchgenError as error:
        assert "without a newline" in str(error) or "anchor" in str(error), error
        return
    for pod in pods(oracle(outcome.after())):
        assert tolerates(pod["tolerations"], UNINITIALIZED)
        assert tolerates(pod["tolerations"], DEDICATED)
        assert len(pod["tolerations"]) <= 5
    assert run(outcome.after(), fix=True).edits == ()


NAMES = st.text(max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | NAMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=3),
    st.sampled_from([None, [], [{"key": "a"}], [{"operator": "Exists"}], "missing"]),
    st.sampled_from([None, 1, 2, "\t"]),
    st.booleans(),
)
def test_json_stays_json(spec: dict[str, Any], present: Any, indent: Any, ascii_only: bool) -> None:
    spec.pop("tolerations", None)
    if present != "missing":
        spec["tolerations"] = present
    data = {
        "kind": "List",
        "items": [{"kind": "Pod", "spec": spec}, {"kind": "x", "a": dict(spec)}],
    }
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    try:
        outcome = run(text.encode())
    except PatchgenError as error:
        # Characters that JSON takes and YAML does not; a key `<<`, or what looks like an alias.
        event(str(error).split(":")[-1][:40])
        assert "not valid YAML" in str(error) or "<<" in spec, error
        return
    after = json.loads(outcome.after())
    assert after == wanted([data])[0]
    assert only_inserted(outcome)
    if indent is not None and spec and present != []:
        assert outcome.after().decode() == json.dumps(after, indent=indent, ensure_ascii=ascii_only)


@settings(max_examples=80, deadline=None)
@given(LAYOUTS, st.data())
def test_values_in_any_style(layout: Layout, data: st.DataObject) -> None:
    """A path of any depth gets the list, and all else stays."""
    lines = shifted(0, data.draw(specs(layout)))
    text = layout.newline.join(lines) + (layout.newline if layout.final else "")
    path = data.draw(st.sampled_from([("tolerations",), ("new", "list"), ("labels", "x", "y")]))
    before = oracle(text.encode())[0]
    try:
        outcome = tolerate_values("v.yaml", text.encode(), Wish((UNINITIALIZED,)), path)
    except PatchgenError as error:
        assert "without a newline" in str(error) and not text.endswith("\n"), error
        return
    holder = expected = copy.deepcopy(before)
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    entries = holder.get(path[-1]) or []
    if not tolerates(entries, UNINITIALIZED):
        holder[path[-1]] = [*entries, ENTRY]
    assert oracle(outcome.after())[0] == expected
    assert only_inserted(outcome)
    again = tolerate_values("v.yaml", outcome.after(), Wish((UNINITIALIZED,)), path)
    assert again.edits == ()


@settings(max_examples=60, deadline=None)
@given(files())
def test_a_diff_says_exactly_what_changes(text: str) -> None:
    """The lines of the diff, put into the file by their numbers, give the result."""
    try:
        outcome = run(text.encode())
    except PatchgenError:
        return
    assert applied(outcome.before, unified_diff(outcome)) == outcome.after()


def applied(before: bytes, diff: bytes) -> bytes:
    """Apply a unified diff as its format says, with all context held against the file."""
    result, at = list[bytes](), 0
    lines = [part + b"\n" for part in before.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    rows = [row + b"\n" for row in diff.split(b"\n")[2:-1]]
    for number, row in enumerate(rows):
        if row.startswith(b"\\"):
            continue
        if number + 1 < len(rows) and rows[number + 1].startswith(b"\\"):
            row = row[:-1]
        if row.startswith(b"@@"):
            start = int(row.split()[1][1:].split(b",")[0]) - 1
            result += lines[at:start]
            at = max(start, 0)
        elif row.startswith(b"+"):
            result.append(row[1:])
        else:
            assert lines[at] == row[1:]
            at += 1
            result += [row[1:]] if row.startswith(b" ") else []
    return b"".join([*result, *lines[at:]])


WORDS = st.sampled_from(
    ["x", "~", "''", "*a", "1", "true", "Pod", "List", "Exists", KEY, "{{ x }}", "&a", "[]", "{}"]
)
KEYS = st.sampled_from(
    ["kind", "spec", "template", "items", "tolerations", "key", "operator", "value", "<<", "effect"]
)


@st.composite
def nonsense(draw: st.DrawFn, depth: int = 0) -> str:
    """Draw YAML in flow style that is made of Kubernetes' words, in any wrong order."""
    kind = draw(st.sampled_from(["text", "list", "mapping", "pod"])) if depth < 5 else "text"
    if kind == "text":
        return draw(WORDS)
    inner = draw(st.lists(nonsense(depth + 1), max_size=3))
    anchor = draw(st.sampled_from(["", "", "", "&a "]))
    if kind == "list":
        return f"{anchor}[{', '.join(inner)}]"
    pairs = ", ".join(f"{draw(KEYS)}: {value}" for value in inner)
    return f"{anchor}{{kind: Pod, spec: {{{pairs}}}}}" if kind == "pod" else f"{anchor}{{{pairs}}}"


@settings(max_examples=150, deadline=None)
@given(nonsense() | st.text(max_size=40), st.booleans())
@example("kind: Pod\nspec: {tolerations: &a [*a]}\n", True)
@example("&a {kind: List, items: [*a]}", False)
@example(f"kind: Pod\nspec: {{tolerations: [&a {{key: {KEY}, operator: *a}}]}}", True)
def test_nothing_but_refusals_from_any_text(text: str, fix: bool) -> None:
    data = text.encode("utf-8", "surrogatepass")
    wish = Wish((UNINITIALIZED,), fix)
    for path in ((), ("spec", "list"), ("tolerations",)):
        try:
            outcome = tolerate_values("v.yaml", data, wish, path) if path else run(data, fix)
        except PatchgenError as error:
            assert str(error)
        else:
            assert only_inserted(outcome) or fix or b"{}" in data
