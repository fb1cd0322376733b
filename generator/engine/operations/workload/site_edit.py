"""Ways to add a toleration to the text of a manifest, the best one first; nothing is verified here.

A manifest template is edited as its author would: an entry behind the last one that is always
there; where the key stands in an `if`, the key is moved out of it, or the `if` gets an `else`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from generator.engine.operations.workload.site import Site
from generator.engine.operations.workload.site_check import covers
from generator.engine.operations.workload.spec import TOLERATIONS
from generator.exits import Unsafe
from generator.model.toleration import toleration_from
from generator.text.document import Node, Scalar, Sequence
from generator.text.edit import Edit, newline_at, unsafe
from generator.text.sequence import has_anchor_or_alias, item_of
from generator.text.template import Branch
from generator.text.yaml import dump

_NULLS = ("", "~", "null", "Null", "NULL")
_NEEDS_PARENTHESES = re.compile(r"\b(?:or|if|else|not)\b")
_CONTAINERS = ("initContainers", "containers")
_COMMENT = re.compile(r"[ \t]*#")
_INCLUDE = re.compile(r"\{%[-+]?\s*(?:include|call)\b")
_TAG = re.compile(r"\{%[-+]?\s*(?:if|elif)\s")


@dataclass(frozen=True)
class Way:
    """Edits that add a toleration; `guards` are conditions written anew, by their new source.

    A guard says what the condition was, and which list must have entries now, too.
    """

    edits: tuple[Edit, ...]
    guards: dict[str, tuple[str, str]] = field(default_factory=dict)


def ways(site: Site, entry: dict[str, Any], what: str) -> Iterator[Way]:
    """Give the ways to add an entry to the tolerations of a site.

    Raises Unsafe where there is none.
    """
    writer = _Writer(site, entry, what)
    keys = [key for key, _ in site.pod.tolerations()]
    failed: Unsafe | None = None
    for hoist in (True, False):
        try:
            edits = writer.ensured((), keys, hoist)
        except Unsafe as error:
            failed = failed or error
            continue
        yield Way(_merged(edits))
        guards = dict(writer.guards(keys))
        if guards:
            edits += [edit for edit, _ in guards.values()]
            yield Way(_merged(edits), {new: guard for new, (_, guard) in guards.items()})
    if failed is not None:
        raise failed


@dataclass(frozen=True)
class _Writer:
    site: Site
    entry: dict[str, Any]
    what: str

    def ensured(self, level: tuple[Branch, ...], keys: list[Scalar], hoist: bool) -> list[Edit]:
        """Return the edits that bring the entry into a branch, or the whole specification.

        `keys` are the keys `tolerations` in it.
        """
        chains = {key.start: self.site.around(key.start) for key in keys}
        here = [key for key in keys if len(chains[key.start]) == len(level)]
        if len(here) > 1 or (here and len(keys) > 1):
            raise self.refuse(keys[1], "the key 'tolerations' stands there twice")
        if here:
            return self.into(here[0])
        if not keys:
            return self.added(level)
        blocks = {chains[key.start][len(level)].block for key in keys}
        if len(blocks) > 1:
            raise self.refuse(keys[1], "its tolerations stand in more than one 'if'")
        block = blocks.pop()
        moved = self.moved_out(block, keys[0]) if hoist and len(keys) == 1 else None
        if moved is not None:
            return moved
        edits: list[Edit] = []
        branches = self.site.blocks[block]
        for branch in branches:
            inside = [key for key in keys if branch.start <= key.start < branch.end]
            edits += self.ensured((*level, branch), inside, hoist=False)
        if branches[-1].conditions[-1][1]:
            edits += self.otherwise(branches[-1])
        return edits

    def into(self, key: Scalar) -> list[Edit]:
        """Return the edits that add the entry to the list under a key."""
        site, value = self.site, self.value(key)
        if has_anchor_or_alias(value):
            raise self.refuse(value, "the list holds a YAML anchor or alias")
        if isinstance(value, Sequence) and value.flow:
            return [self.into_flow(value)]
        if isinstance(value, Sequence):
            literal = [item for item in value.items if self.is_beside(item, key)]
            if literal:
                return [self.lines(self.line_end(literal[-1].end), self.items(key))]
            return [self.lines(self.line_end(key.end), self.items(key))]
        if not isinstance(value, Scalar) or "{{" in self.text(value):
            raise self.refuse(value, self.why_not(key))
        for expression, _ in site.lists_in(key):
            if len(site.around(expression.start)) == len(site.around(key.start)):
                raise self.refuse(key, self.why_not(key))
        if value.style or self.text(value) not in _NULLS:
            raise self.refuse(value, "its tolerations are not a list")
        below = self.lines(self.line_end(key.end), self.items(key))
        return [*self.emptied(key, value), below]

    def why_not(self, key: Scalar) -> str:
        """Return why a list that is an expression is not edited."""
        return "its tolerations come from an expression, not from a variable with a default here"

    def emptied(self, key: Scalar, value: Scalar) -> list[Edit]:
        """Return the edit that takes away a null that is written out."""
        if value.start == value.end:
            return []
        start = len(self.site.text[: value.start].rstrip(" \t"))
        return [Edit(start, value.end, "")]

    def into_flow(self, value: Sequence) -> Edit:
        """Return the edit that adds the entry to a list in brackets."""
        text = self.site.text
        literal = [item for item in value.items if self.is_beside(item, value)]
        quoted = any(text[item.start : item.end].startswith('{"') for item in literal)
        entry = json.dumps(self.entry) if quoted else flow_entry(self.entry)
        if literal:
            return Edit(literal[-1].end, literal[-1].end, f", {entry}")
        opening = text.index("[", value.start) + 1
        more = ", " if text[opening : value.end - 1].strip() else ""
        return Edit(opening, opening, entry + more)

    def is_beside(self, item: Node, key: Node) -> bool:
        """Tell whether an item is there wherever its key is."""
        site = self.site
        same = site.around(item.start) == site.around(key.start)
        return same and not site.in_loop(item.start, key.start)

    def added(self, level: tuple[Branch, ...]) -> list[Edit]:
        """Return the edit that adds the key to a branch without it, or to the specification."""
        site = self.site
        if self.includes():
            raise self.refuse(site.pod.key, "its pod specification includes another template")
        if level:
            end = level[-1].end
            return [self.lines(self.start_of_tag(end), self.whole())]
        if site.pod.spec.flow or not site.pod.spec.pairs:
            raise self.refuse(site.pod.spec, "its pod specification is written in braces")
        keys = [key for key, _ in site.pod.spec.pairs if self.is_always(key)]
        named = [key for key in keys if isinstance(key, Scalar) and key.value in _CONTAINERS]
        if not keys:
            raise self.refuse(site.pod.spec, "no key of it is there in every case")
        return [self.lines(self.above(min(named or keys, key=lambda key: key.start)), self.whole())]

    def is_always(self, key: Node) -> bool:
        """Tell whether a key of the specification is there in every case, on lines of its own."""
        site = self.site
        line = site.text[site.document.line_start(key.start) : key.start]
        return not line.strip(" ") and not site.around(key.start) and not site.in_loop(key.start)

    def above(self, key: Node) -> int:
        """Return where the lines of a key begin, the comments right above it included."""
        site = self.site
        place = site.document.line_start(key.start)
        while place > site.pod.key.end:
            line = site.document.line_start(place - 1)
            comment = _COMMENT.match(site.text, line, place)
            if (
                comment is None
                or comment.end() - line - 1 != site.column
                or "{" in site.text[line:place]
            ):
                break
            place = line
        return place

    def includes(self) -> bool:
        """Tell whether a statement in the specification brings text that is not seen here."""
        first, last = self.site.region(self.site.pod.key)
        return any(
            first <= start < last and _INCLUDE.match(self.site.text, start)
            for start, _ in self.site.template.blanks
        )

    def moved_out(self, block: int, key: Scalar) -> list[Edit] | None:
        """Return the edits that move a key out of the `if` that begins with it.

        None where the `if` has other branches, or begins otherwise.
        """
        site, document = self.site, self.site.document
        chain = [branch for branch in site.around(key.start) if branch.block >= block]
        single = all(len(site.blocks[branch.block]) == 1 for branch in chain)
        value, first = self.value(key), document.line_start(block)
        start, end = document.line_start(key.start), self.line_end(key.end)
        written = isinstance(value, Scalar) and value.start != value.end
        if not single or written or (isinstance(value, Sequence) and value.flow):
            return None
        between, place = site.text[first:start], first
        for branch in chain:
            if site.text[place : branch.block].strip():
                return None
            place = branch.start
        if site.text[place:start].strip() or not between.endswith("\n") or end > chain[-1].end:
            return None
        line = site.text[start:end].rstrip("\r\n")
        return [self.lines(first, [line, *self.items(key)]), Edit(start, end, "")]

    def otherwise(self, branch: Branch) -> list[Edit]:
        """Return the edits that give an `if` an `else` with the key and the entry."""
        site, end = self.site, branch.end
        place = self.start_of_tag(end)
        margin, sign = site.text[place:end], "-" if site.text[end : end + 3] == "{%-" else ""
        lines = [f"{margin}{{%{sign} else %}}", *self.whole()]
        # What was trimmed before the end is trimmed before the `else` now.
        return [self.lines(place, lines), *([Edit(end, end + 3, "{%")] if sign else [])]

    def start_of_tag(self, tag: int) -> int:
        """Return where the line of a statement begins; raises Unsafe where other text does."""
        place = self.site.document.line_start(tag)
        if self.site.text[place:tag].strip():
            line = self.site.document.line(tag)
            raise unsafe(self.site.document, line, self.what, "a statement begins inside a line")
        return place

    def guards(self, keys: list[Scalar]) -> Iterator[tuple[str, tuple[Edit, tuple[str, str]]]]:
        """Give conditions that ask for entries of the list that they insert, by their source.

        An empty list comes out as `[]`, which cannot stand below other entries.
        """
        site = self.site
        for expression, known in (found for key in keys for found in site.lists_in(key)):
            around = site.around(expression.start)
            source, wanted = around[-1].conditions[-1] if around else ("", False)
            if not wanted or source == known.value or source.endswith(f" and {known.value}"):
                continue
            tags = [start for start, end in site.template.blanks if end == around[-1].start]
            tag = _TAG.match(site.text, tags[-1]) if tags else None
            at = site.text.find(source, tag.end()) if tag else -1
            if tag is None or not tag.end() <= at < around[-1].start:
                continue
            old = f"({source})" if _NEEDS_PARENTHESES.search(source) else source
            new = f"{old} and {known.value}"
            yield new, (Edit(at, at + len(source), new), (source, known.value))

    def whole(self) -> list[str]:
        """Return the lines of the key with the entry."""
        margin = " " * self.site.column
        return [f"{margin}{TOLERATIONS}:", *self.items(None)]

    def items(self, key: Scalar | None) -> list[str]:
        """Return the lines of the entry, as they stand under a key or a new one."""
        site = self.site
        column = site.column + site.offset
        if key is not None:
            value, lists = self.value(key), site.lists_in(key)
            if isinstance(value, Sequence):
                column = site.document.column(value.start)
            elif lists:
                column = site.document.column(lists[0][0].start)
        lines, _ = item_of(self.entry, site.offset)
        return [" " * column + line for line in lines.lines]

    def lines(self, place: int, lines: list[str]) -> Edit:
        """Return the edit that puts lines where a line begins, or at the end of the text."""
        text, newline = self.site.text, newline_at(self.site.document, place)
        new = "".join(line + newline for line in lines)
        if place == len(text) and text and not text.endswith("\n"):
            new = newline + new.removesuffix(newline)
        return Edit(place, place, new)

    def line_end(self, offset: int) -> int:
        return self.site.document.line_end(offset)

    def value(self, key: Scalar) -> Node:
        return next(value for found, value in self.site.pod.tolerations() if found is key)

    def text(self, node: Node) -> str:
        return self.site.text[node.start : node.end]

    def refuse(self, node: Node, why: str) -> Unsafe:
        return unsafe(self.site.document, self.site.document.line(node.start), self.what, why)


def _merged(edits: list[Edit]) -> tuple[Edit, ...]:
    """Return edits with those made one that put something in at the same place."""
    found: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        last = found[-1] if found else None
        if last and edit.start == last.start == last.end == edit.end:
            found[-1] = Edit(last.start, last.end, last.new + edit.new)
        else:
            found.append(edit)
    return tuple(found)


def has_surely(site: Site, entry: dict[str, Any]) -> bool:
    """Tell whether an entry of a site that is always there does what a wanted one does."""
    listed, wanted = site.pod.tolerations(), toleration_from(entry)
    if len(listed) != 1 or site.around(listed[0][0].start) or wanted is None:
        return False
    key, value = listed[0]
    writer = _Writer(site, entry, "")
    items = value.items if isinstance(value, Sequence) else ()
    return any(writer.is_beside(item, key) and covers(item, wanted) for item in items)


def flow_entry(entry: dict[str, Any]) -> str:
    """Return an entry as YAML in braces."""
    pairs = [dump({key: value}).rstrip("\n") for key, value in entry.items()]
    if any(re.search(r"[\[\]{},\n]", pair) for pair in pairs):
        return json.dumps(entry)
    return "{" + ", ".join(pairs) + "}"
