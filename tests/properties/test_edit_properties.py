"""Properties of edits, held against playbooks in drawn layouts and an oracle of its own.

The oracle is the YAML library's pure loader, which generator/ does not use where libyaml is there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from generator.exits import PatchgenError, Unsafe
from generator.model.kubespray import Kubespray
from generator.model.playbook import entries_of
from generator.model.role import meta_of
from generator.model.task import task_uses
from generator.text.document import Document, data_of
from generator.text.sequence import insert, item_of, remove, take
from generator.text.shape import shape
from generator.text.yaml import decode, parse
from generator.tree.memory import MemoryTree

WHAT = "edit the example"

WORDS = st.sampled_from(
    ["one", "two/three", "'quoted'", '"double \\" # x"', "été", "\N{GRINNING FACE}x", "a#b", "12"]
)
TAILS = st.sampled_from(["", "", "", " ", "  # behind", " # - not an item"])
BETWEEN = st.sampled_from(["", "# about it", "# - { role: off }", "#", "  # further in"])
PLAIN_BETWEEN = st.sampled_from(["# about it", "# - { role: off }"])


@dataclass(frozen=True)
class Layout:
    """How a drawn playbook is written."""

    newline: str
    final: bool
    margin: int
    spaced: bool


LAYOUTS = st.builds(
    Layout,
    newline=st.sampled_from(["\n", "\r\n"]),
    final=st.booleans(),
    margin=st.sampled_from([0, 2, 4]),
    spaced=st.booleans(),
)


@st.composite
def items(draw: st.DrawFn) -> list[str]:
    """Draw the lines of one item, its dash in column 0."""
    kind = draw(st.sampled_from(["plain", "flow", "flow over lines", "block", "text", "below"]))
    name, tail = draw(WORDS), draw(TAILS)
    if kind == "plain":
        return [f"- {name}{tail}"]
    if kind == "flow":
        return [f"- {{ role: {name}, tags: [a, {draw(WORDS)}] }}{tail}"]
    if kind == "flow over lines":
        return [f"- {{ role: {name},{tail}", f"    tags: a }}{draw(TAILS)}"]
    if kind == "below":
        return [f"-{tail}", f"  role: {name}"]
    lines = [
        f"- role: {name}{tail}",
        *draw(st.sampled_from([[], ["  tags:", "    - a", "    - b"]])),
    ]
    if kind == "text":
        lines += [draw(st.sampled_from(["  text: |", "  text: >-"])), "    - no item"]
        lines += draw(st.sampled_from([[], ["", "    # no comment"]]))
    else:
        lines += draw(st.sampled_from([[], ["  # inside", "  when: x == 'y'"], ["  empty:"]]))
    return lines


@st.composite
def lists(draw: st.DrawFn, layout: Layout, least: int = 1) -> list[str]:
    """Draw the lines of a list of items, its dashes in column 0."""
    lines: list[str] = []
    for number, item in enumerate(draw(st.lists(items(), min_size=least, max_size=4))):
        if number and layout.spaced:
            lines.append("")
        if draw(st.integers(0, 3)) == 0:
            lines += draw(st.lists(BETWEEN, max_size=2))
        lines += item
    return lines


@st.composite
def playbooks(draw: st.DrawFn) -> tuple[str, Layout]:
    """Draw two plays with `roles`, and what may stand around them."""
    layout = draw(LAYOUTS)
    lines = draw(st.sampled_from([[], ["---"], ["# Drawn.", "---", ""]]))
    for number in range(2):
        margin = " " * (layout.margin + 2)
        lines = [*lines, f"- hosts: h{number}{draw(TAILS)}", "  roles:" + draw(TAILS)]
        lines += [margin + line if line else "" for line in draw(lists(layout))]
        lines += draw(st.sampled_from([[], ["  tasks: []"], ["  vars:", "    a: b"]]))
        lines += draw(st.sampled_from([[], [""], ["", "# The next play."]]))
    text = layout.newline.join(lines) + (layout.newline if layout.final else "")
    return text, layout


def oracle(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def rows(text: str) -> list[str]:
    return text.split("\n")


def bare_rows(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def common_prefix(one: list[str], other: list[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def commented_out(lines: list[str]) -> int:
    return sum(line.lstrip().startswith("# - { role: off }") for line in lines)


def is_subsequence(part: list[str], whole: list[str]) -> bool:
    remaining = iter(whole)
    return all(line in remaining for line in part)


def route(data: st.DataObject, document: Document, length: int = 0) -> tuple[Any, ...]:
    """Draw an item of one of the two lists; with `length`, a place up to the list's end."""
    play = data.draw(st.integers(0, 1), "play")
    count = len(getattr(document.node((play, "roles")), "items", ()))
    return play, "roles", data.draw(st.integers(0, count - 1 + length), "index")


@settings(max_examples=70, deadline=None)
@given(playbooks(), st.data())
def test_remove(drawn: tuple[str, Layout], data: st.DataObject) -> None:
    """What is not removed stays as it is, byte for byte and in order; the data is as meant."""
    text, _ = drawn
    document = parse("a.yml", text)
    where = route(data, document)
    wanted = oracle(text)
    was_only = len(wanted[where[0]]["roles"]) == 1
    del wanted[where[0]]["roles"][where[2]]
    result = remove(document, where, WHAT).text
    assert oracle(result) == wanted
    before, after = bare_rows(text), bare_rows(result)
    if was_only:
        key = [n for n, line in enumerate(before) if line.startswith("  roles:")][where[0]]
        before[key] = before[key].replace("  roles:", "  roles: []", 1)
    same = common_prefix(before, after), common_prefix(before[::-1], after[::-1])
    assert sum(same) >= len(after), "more than one run of lines is gone"
    assert commented_out(before) == commented_out(after)
    assert result.endswith("\n") == text.endswith("\n")
    assert result.count("\r") == (result.count("\n") if "\r" in text else 0)


@settings(max_examples=70, deadline=None)
@given(playbooks(), st.data())
def test_insert(drawn: tuple[str, Layout], data: st.DataObject) -> None:
    """Every line of before stays; the data is as meant."""
    text, layout = drawn
    document = parse("a.yml", text)
    play, key, index = route(data, document, 1)
    new = data.draw(st.sampled_from(["new", {"role": "new", "tags": ["x", "y"]}, {"a": "1: #"}]))
    lines, item = item_of(new, 2)
    result = insert(document, (play, key), index, lines, item, WHAT).text
    wanted = oracle(text)
    wanted[play]["roles"].insert(index, new)
    assert oracle(result) == wanted
    before, after = rows(text), rows(result)
    if not layout.final:
        before, after = before[:-1], [line.removesuffix("\r") for line in after]
        before = [line.removesuffix("\r") for line in before]
    assert is_subsequence(before, after)
    if layout.newline == "\r\n" and "\n" in text:
        assert result.count("\n") == result.count("\r\n")
    assert result.endswith("\n") == text.endswith("\n")


@settings(max_examples=70, deadline=None)
@given(playbooks(), st.data())
def test_insert_then_remove_gives_the_bytes_back(
    drawn: tuple[str, Layout], data: st.DataObject
) -> None:
    text, _ = drawn
    document = parse("a.yml", text)
    play, key, index = route(data, document, 1)
    lines, item = item_of({"role": "new", "tags": "x"}, 2)
    between = insert(document, (play, key), index, lines, item, WHAT)
    # A comment may stand above the new item's place: taken for the item's own, it would go too.
    node = between.node((play, key, index))
    above = between.text[: between.line_start(node.start)].rstrip("\r\n").rsplit("\n", 1)[-1]
    assume(not above.lstrip().startswith("#"))
    spaced = text.count("\n\n") or text.count("\r\n\r\n")
    event("spaced" if spaced else "dense")
    assert remove(between, (play, key, index), WHAT).text == text


@settings(max_examples=70, deadline=None)
@given(playbooks(), st.data())
def test_move_keeps_every_line(drawn: tuple[str, Layout], data: st.DataObject) -> None:
    """A moved item leaves the lines as they were, up to indentation, and the data as meant."""
    text, _ = drawn
    document = parse("a.yml", text)
    where = route(data, document)
    target = 1 - where[0]
    index = data.draw(st.integers(0, len(oracle(text)[target]["roles"])), "target")
    moved, item = take(document, where, WHAT), shape(document.node(where))
    try:
        with_both = insert(document, (target, "roles"), index, moved, item, WHAT)
        result = remove(with_both, where, WHAT).text
    except Unsafe:
        # A comment line in the item that is further out than the item's text may not fit.
        event("refused")
        return
    wanted = oracle(text)
    wanted[target]["roles"].insert(index, wanted[where[0]]["roles"].pop(where[2]))
    assert oracle(result) == wanted

    def stripped(whole: str) -> Counter[str]:
        found = Counter(line.strip() for line in rows(whole) if line.strip())
        for line in list(found):
            if line.startswith("roles:"):
                del found[line]
        return found

    assert stripped(result) == stripped(text)


def only_refused(call: Any, *arguments: Any) -> Any:
    """Call, and let nothing pass but the errors that a user is told."""
    try:
        return call(*arguments)
    except PatchgenError as error:
        assert str(error)
        return None


KEYS = st.sampled_from(
    ["hosts", "roles", "tasks", "pre_tasks", "name", "role", "tags", "when", "import_playbook",
     "import_role", "include_role", "ansible.builtin.import_tasks", "include_tasks", "block",
     "loop", "with_items", "args", "apply", "vars", "dependencies", "allow_duplicates", "<<",
     "tasks_from", "item", "include", "rescue"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["x", "a.yml", "name=x", "name='x", "{{ x }}", "'{{ item }}'", "'x/{{ item.y }}'", "~", "''",
     "../x", "/x", "'{% x'", "'='", "file=a.yml tags=b", "all:!x", "1", "true", "*a", "'\\'"]
)  # fmt: skip


@st.composite
def flows(draw: st.DrawFn, depth: int = 0) -> str:
    """Draw YAML in flow style that is made of Ansible's words, in any wrong order."""
    kind = draw(st.sampled_from(["text", "list", "mapping"])) if depth < 5 else "text"
    if kind == "text":
        return draw(TEXTS)
    anchor = draw(st.sampled_from(["", "", "", "&a "]))
    inner = draw(st.lists(flows(depth + 1), max_size=3))
    if kind == "list":
        return f"{anchor}[{', '.join(inner)}]"
    return f"{anchor}{{{', '.join(f'{draw(KEYS)}: {value}' for value in inner)}}}"


@settings(max_examples=100, deadline=None)
@given(st.lists(flows(), min_size=1, max_size=3))
@example(["{import_playbook: a.yml}"])
@example(["{hosts: x, roles: [a]}"])
def test_only_refusals_from_reading_ansible(drawn: list[str]) -> None:
    text = "".join(f"- {line}\n" for line in drawn)
    document = only_refused(parse, "a.yml", text)
    if document is None:
        return
    only_refused(lambda: list(entries_of(document)))
    only_refused(lambda: list(task_uses(document, document.root, ())))
    only_refused(data_of, document.root)
    files = {
        "a.yml": text.encode(),
        "roles/x/tasks/main.yml": text.encode(),
        "roles/x/meta/main.yml": b"dependencies:\n" + text.encode(),
        "b.yml": b"- hosts: all\n  roles: [x]\n",
        "galaxy.yml": drawn[0].encode(),
        "ansible.cfg": text.encode(),
    }
    for playbook in ("a.yml", "b.yml"):
        only_refused(Kubespray(MemoryTree(files, "drawn")).order, playbook)
    only_refused(Kubespray(MemoryTree(files, "drawn")).playbooks)


@settings(max_examples=100, deadline=None)
@given(st.lists(flows(), min_size=1, max_size=3), st.data())
def test_only_refusals_from_edits(drawn: list[str], data: st.DataObject) -> None:
    text = "".join(f"- {line}\n" for line in drawn)
    document = only_refused(parse, "a.yml", text)
    if document is None:
        return
    where = tuple(data.draw(st.lists(st.integers(0, 2) | KEYS, max_size=3)))
    lines, item = item_of({"role": "new"}, 2)
    only_refused(insert, document, where, 0, lines, item, WHAT)
    found = document.roots[0]
    for index in range(len(getattr(found, "items", ()))):
        only_refused(remove, document, (index,), WHAT)
        only_refused(take, document, (index,), WHAT)


@settings(max_examples=70, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
@example(b"\xef\xbb\xbf- hosts: a\n")
@example(b"- hosts: \xff\n")
@example(b"[main\n")
def test_only_refusals_from_any_bytes(data: bytes) -> None:
    document = only_refused(lambda: parse("a.yml", decode("a.yml", data)))
    if document is not None:
        only_refused(lambda: list(entries_of(document)))
        only_refused(lambda: list(task_uses(document, document.root, ())))
        only_refused(meta_of, document)
    for path in ("galaxy.yml", "ansible.cfg", "roles/x/tasks/main.yml", "roles/x/meta/main.yml"):
        files = {"a.yml": b"- hosts: all\n  roles: [x]\n", "roles/x/vars/main.yml": b"", path: data}
        only_refused(Kubespray(MemoryTree(files, "drawn")).order, "a.yml")
