"""Holds a changed manifest against the one before it, in every choice of branches.

What both give is parsed and compared as data: they may differ by the toleration, in the pod
specifications that it is meant for, and by nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any, TypeAlias

from generator.engine.operations.workload.site import Site
from generator.engine.operations.workload.spec import PodSpec, pod_specs
from generator.exits import UnusableInput
from generator.model.toleration import UNINITIALIZED, Toleration, toleration_from
from generator.text import document as nodes
from generator.text.assembled import STAND_IN, assembled, loop_sign, pieces
from generator.text.document import Document, Node, data_of
from generator.text.template import Expression, Template
from generator.text.yaml import dump, parse

MAX_QUESTIONS = 8
"""More conditions and lists that decide over tolerations are not tried in all their choices."""

MAX_TEXT = 8 * 1024 * 1024
"""Nor are choices that give more text than this; upstream's give a hundredth of it."""

Guards: TypeAlias = "Mapping[str, tuple[str, str]]"
"""Conditions written anew: what each was, and the list that must have entries now, too."""

_Span: TypeAlias = "tuple[int, int]"

_Choice: TypeAlias = "Mapping[str, bool]"

_DOCUMENT = re.compile(r"^---(?=\s)", re.MULTILINE)
_LIST = "entries in "
_EMPTY = ("''", '""')


@dataclass(frozen=True)
class Manifest:
    """A manifest and the sites in it that matter; `masked` is the text that it was read from."""

    template: Template
    masked: str
    sites: tuple[Site, ...]

    @cached_property
    def spans(self) -> tuple[_Span, ...]:
        """The spans of the file's YAML documents."""
        marks = [mark.start() for mark in _DOCUMENT.finditer(self.masked) if mark.start()]
        return tuple(pairwise([0, *marks, len(self.masked)]))

    @cached_property
    def lists(self) -> dict[int, str]:
        """The lists that expressions insert into tolerations, by where the expressions begin."""
        return {
            expression.start: known.value
            for site in self.sites for key, _ in site.pod.tolerations()
            for expression, known in site.lists_in(key)
        }  # fmt: skip

    def questions(self, span: _Span) -> set[str]:
        """Return what decides over the tolerations in a span: conditions, loops and lists."""
        found = {_LIST + value for at, value in self.lists.items() if span[0] <= at < span[1]}
        for site in self.sites:
            if not span[0] <= site.pod.key.start < span[1]:
                continue
            keys = [site.region(key) for key, _ in site.pod.tolerations()]
            for part in keys or [(site.pod.key.start, site.pod.key.end)]:
                found |= {source for b in site.branches_of(part) for source, _ in b.conditions}
                found |= {loop_sign(loop) for loop in site.loops_of(part)}
        return found

    def given(self, span: _Span, choice: _Choice, guards: Guards, others: bool) -> str:
        """Return what the template gives in a choice; conditions not in it are all `others`.

        Each YAML document is looked at by itself: in one release a trimmed newline leaves the
        `---` behind one inside a line.
        """

        def decide(source: str) -> bool:
            if source in guards:
                old, value = guards[source]
                return decide(old) and decide(_LIST + value)
            return choice.get(source, choice.get(_LIST + source, others))

        def stand_in(expression: Expression) -> str:
            if expression.source in _EMPTY:
                return ""
            if not expression.alone:
                return STAND_IN
            if expression.start not in self.lists:
                return f"#{STAND_IN}\n"
            value = self.lists[expression.start]
            return f"- {{{STAND_IN}: {value!r}}}\n" if decide(_LIST + value) else "[]\n"

        return assembled(self.template, self._pieces, span, decide, stand_in)

    @cached_property
    def _pieces(self) -> Any:
        return pieces(self.template)


def tolerated(manifest: Manifest, names: tuple[str, ...], entry: Mapping[str, Any]) -> bool:
    """Tell whether pods tolerate what an entry does, in every case.

    Asked of the workloads of some names in the YAML documents of the manifest's sites.
    """
    wanted = toleration_from(entry)
    for span in manifest.spans:
        if not any(span[0] <= site.pod.key.start < span[1] for site in manifest.sites):
            continue
        seen = False
        for choice, others in product(
            _choices(manifest.questions(span), span) or (), (True, False)
        ):
            document = _parsed(manifest.given(span, choice, {}, others))
            for pod in _pods(document, names) if document else ():
                seen = True
                if wanted is None or not _has(pod, wanted):
                    return False
        if not seen:
            return False
    return True


def comes_out(
    manifest: Manifest, names: tuple[str, ...], value: str, holding: frozenset[str]
) -> bool:
    """Tell whether a list comes out as tolerations in every case in which some conditions hold."""
    seen = False
    sure = {*holding, value, _LIST + value}
    for span in manifest.spans:
        if not any(span[0] <= site.pod.key.start < span[1] for site in manifest.sites):
            continue
        for choice, others in product(
            _choices(manifest.questions(span), span) or (), (True, False)
        ):
            if not all(answer for source, answer in choice.items() if source in sure):
                continue
            document = _parsed(manifest.given(span, choice, {}, others))
            for pod in _pods(document, names) if document else ():
                seen = True
                if not _stands_in(pod):
                    return False
    return seen


def _stands_in(pod: PodSpec) -> bool:
    """Tell whether what stands for a list is the value of a pod's tolerations, or an entry."""
    listed = pod.tolerations()
    value = listed[-1][1] if listed else None
    items = value.items if isinstance(value, nodes.Sequence) else (value,)
    words = [
        name for item in items
        for name in ((item,) if isinstance(item, nodes.Scalar) else _keys(item))
    ]  # fmt: skip
    return any(isinstance(word, nodes.Scalar) and word.value == STAND_IN for word in words)


def _keys(node: Node | None) -> tuple[Node, ...]:
    return tuple(key for key, _ in node.pairs) if isinstance(node, nodes.Mapping) else ()


def gives_pods(manifest: Manifest, names: tuple[str, ...]) -> bool:
    """Tell whether what a manifest gives is YAML with workloads of the names, in any case.

    In v2.23.0 of Kubespray one for Hubble never is.
    """
    for site in manifest.sites:
        for span in manifest.spans:
            if not span[0] <= site.pod.key.start < span[1]:
                continue
            choices = _choices(manifest.questions(span), span)
            if choices is None:
                return True
            for choice, others in product(choices, (True, False)):
                document = _parsed(manifest.given(span, choice, {}, others))
                if document and _pods(document, names):
                    return True
    return False


def difference(
    before: Manifest, after: Manifest, names: tuple[str, ...], entry: Mapping[str, Any],
    guards: Guards, everywhere: bool = True,
) -> str | None:  # fmt: skip
    """Return why a manifest is not the one before it with the entry added, None where it is.

    `everywhere` where all workloads of the names must have it, not only those that are changed.
    """
    wanted = _Wanted(
        names, toleration_from(entry), everywhere,
        tuple(_frozen(parse("entry", write(dict(entry))).root, ()) for write in (dump, json.dumps)),
    )  # fmt: skip
    if len(before.spans) != len(after.spans):
        return "the result would hold other YAML documents"
    for old, new in zip(before.spans, after.spans, strict=True):
        if before.template.text[slice(*old)] == after.template.text[slice(*new)]:
            continue
        asked = before.questions(old) | (after.questions(new) - guards.keys())
        choices = _choices(asked, new)
        if choices is None:
            return "too many conditions decide over its tolerations to try them all"
        seen: set[tuple[str, bool]] = set()
        for choice, others in product(choices, (True, False)):
            one = _parsed(before.given(old, choice, {}, others))
            if one is None:
                continue
            seen |= set(choice.items())
            other = _parsed(after.given(new, choice, guards, others))
            if other is None:
                return "the result would not be YAML in every case"
            why = _differ(one, other, wanted)
            if why is not None:
                return why
        if not all(_is_seen(source, seen) for source in _asked(asked)):
            return "not all that it can give is YAML"
    return None


def _is_seen(source: str, seen: set[tuple[str, bool]]) -> bool:
    """Tell whether a question was tried either way; an empty list may not fit in at all."""
    return {(source, True), *(() if source.startswith(_LIST) else ((source, False),))} <= seen


def _asked(questions: set[str]) -> list[str]:
    return sorted(source for source in questions if _LIST + source not in questions)


def _choices(questions: set[str], span: _Span) -> list[_Choice] | None:
    """Return all choices of answers, None where they are too many.

    A list that is a condition, too, is asked for once.
    """
    asked = _asked(questions)
    if len(asked) > MAX_QUESTIONS or (span[1] - span[0]) * 2 ** len(asked) > MAX_TEXT:
        return None
    answers = product((True, False), repeat=len(asked))
    return [dict(zip(asked, answer, strict=True)) for answer in answers]


def _parsed(text: str) -> Document | None:
    try:
        return parse("manifest", text)
    except UnusableInput:
        return None


def _pods(document: Document, names: tuple[str, ...]) -> list[PodSpec]:
    return list(pod_specs(document, names, document.text, STAND_IN))


@dataclass(frozen=True)
class _Wanted:
    """What must come: for whom, what it tolerates, whether all must have it, and its forms."""

    names: tuple[str, ...]
    toleration: Toleration | None
    everywhere: bool
    forms: tuple[Any, ...]


def _differ(one: Document, other: Document, wanted: _Wanted) -> str | None:
    before, after = _pods(one, wanted.names), _pods(other, wanted.names)
    specs = tuple(id(pod.spec) for pod in (*before, *after))
    rest = [[_frozen(root, specs) for root in document.roots] for document in (one, other)]
    if rest[0] != rest[1] or len(before) != len(after):
        return "the result would hold other data than intended"
    for old, now in zip(before, after, strict=True):
        if len(now.tolerations()) > max(len(old.tolerations()), 1):
            return "the key 'tolerations' would stand twice"
        entries, result = _entries(old), _entries(now)
        if entries is None or result is None:
            return "its tolerations are not a list in every case"
        if wanted.everywhere and not (wanted.toleration and _has(now, wanted.toleration)):
            return "the entry would be missing in some case"
        if result != entries and _without(result, wanted.forms) != entries:
            return "the result would hold other data than intended"
    return None


def _without(entries: list[Any], new: tuple[Any, ...]) -> list[Any]:
    """Return entries without the first one that is new, in whatever quotes."""
    at = next((at for at, entry in enumerate(entries) if entry in new), len(entries))
    return entries[:at] + entries[at + 1 :]


def _entries(pod: PodSpec) -> list[Any] | None:
    listed = pod.tolerations()
    value = listed[-1][1] if listed else None
    if value is None or _is_null(value):
        return []
    if not isinstance(value, nodes.Sequence):
        return None
    return [_frozen(item, ()) for item in value.items]


def _has(pod: PodSpec, wanted: Toleration) -> bool:
    listed = pod.tolerations()
    value = listed[-1][1] if listed else None
    return isinstance(value, nodes.Sequence) and any(covers(item, wanted) for item in value.items)


def covers(item: Node, wanted: Toleration) -> bool:
    """Tell whether an entry tolerates all that a wanted one does.

    For the cloud provider's taint it need not tolerate more than that: its value is known.
    """
    try:
        found = toleration_from(data_of(item))
    except UnusableInput:
        return False
    if found is None:
        return False
    if wanted.key == UNINITIALIZED.key and wanted.matches(UNINITIALIZED):
        return found.matches(UNINITIALIZED)
    return found.subsumes(wanted)


def _is_null(node: Node) -> bool:
    words = ("", "~", "null", "Null", "NULL")
    return isinstance(node, nodes.Scalar) and not node.style and node.value in words


def _frozen(node: Node | None, specs: tuple[int, ...]) -> Any:
    """Return a node as comparable data; of pod specifications without their tolerations."""
    if isinstance(node, nodes.Sequence):
        return ("list", node.tag, node.anchor, *(_frozen(item, specs) for item in node.items))
    if isinstance(node, nodes.Mapping):
        own = id(node) in specs
        pairs = [
            (_frozen(key, specs), _frozen(value, specs)) for key, value in node.pairs
            if not (own and isinstance(key, nodes.Scalar) and key.value == "tolerations")
        ]  # fmt: skip
        return ("mapping", node.tag, node.anchor, *pairs)
    if isinstance(node, nodes.Scalar):
        return (node.value, bool(node.style), node.tag, node.anchor)
    return None if node is None else ("alias", node.name)
