"""Where the tolerations of one pod specification stand in a manifest, and inside which branches."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property

from generator.engine.operations.workload.inserted import Inserted, inserted
from generator.engine.operations.workload.spec import PodSpec
from generator.text.document import Document, Node, Place, Scalar, Sequence
from generator.text.sequence import sequence_offset
from generator.text.template import Branch, Expression, Loop, Template


@dataclass(frozen=True)
class Site:
    """A pod specification in a template; `document` is the masked text that it was read from."""

    template: Template
    document: Document
    pod: PodSpec

    @property
    def text(self) -> str:
        """The text of the template."""
        return self.template.text

    @cached_property
    def column(self) -> int:
        """The column of the specification's keys."""
        return self.document.column(self.pod.spec.pairs[0][0].start)

    @cached_property
    def offset(self) -> int:
        """How far lists stand to the right of their keys, here or in the whole file."""
        for key, value in self.pod.spec.pairs:
            if isinstance(value, Sequence) and not value.flow:
                return max(self.document.column(value.start) - self.document.column(key.start), 0)
        return sequence_offset(self.document)

    @cached_property
    def blocks(self) -> dict[int, tuple[Branch, ...]]:
        """The branches of each `if`, by where it begins."""
        found: dict[int, tuple[Branch, ...]] = {}
        for branch in self.template.branches:
            found[branch.block] = (*found.get(branch.block, ()), branch)
        return found

    def place(self, node: Node) -> Place:
        """Return where a node begins."""
        return self.document.place(node)

    def around(self, offset: int) -> tuple[Branch, ...]:
        """Return the branches inside the specification around an offset, outermost first."""
        return tuple(
            branch for branch in self.template.branches
            if branch.start <= offset < branch.end and branch.block >= self.pod.key.start
        )  # fmt: skip

    def in_loop(self, offset: int, since: int | None = None) -> bool:
        """Tell whether a loop that begins inside the specification, or behind it, goes around."""
        begin = self.pod.key.start if since is None else since
        return any(begin <= loop.start <= offset < loop.end for loop in self.template.loops)

    def region(self, key: Scalar) -> tuple[int, int]:
        """Return the span from a key to where its value must end, by the indentation of lines."""
        document, column = self.document, self.document.column(key.start)
        at = document.line_end(key.end)
        while at < len(document.text):
            end = document.line_end(at)
            bare = document.text[at:end].strip()
            margin = len(document.text[at:end]) - len(document.text[at:end].lstrip())
            if bare and bare[0] != "#" and (margin, bare[0] == "-") < (column, True):
                break
            if bare and bare[0] != "#" and margin == column and bare[0] != "-":
                break
            at = end
        return key.start, at

    def lists_in(self, key: Scalar) -> tuple[tuple[Expression, Inserted], ...]:
        """Return the expressions that insert a list below a key, over lines of their own."""
        start, end = self.region(key)
        column = self.document.column(key.start)
        found = []
        for expression in self._expressions(start, end):
            known = inserted(expression.source)
            if not expression.alone or known is None:
                continue
            margin = self.document.column(expression.start)
            if margin > column or (margin == column and self._is_first(key, expression)):
                found.append((expression, known))
        return tuple(found)

    def _is_first(self, key: Scalar, expression: Expression) -> bool:
        """Tell whether nothing but comments stands between a key and an expression."""
        lines = self.document.text[key.end : expression.start].lstrip(" \t:").split("\n")
        return all(not line.strip() or line.lstrip().startswith("#") for line in lines)

    def _expressions(self, start: int, end: int) -> tuple[Expression, ...]:
        found = self.template.expressions
        low = bisect.bisect_left(found, start, key=lambda one: one.start)
        high = bisect.bisect_left(found, end, key=lambda one: one.start)
        return found[low:high]

    def branches_of(self, span: tuple[int, int]) -> tuple[Branch, ...]:
        """Return the branches that a span touches, those around the whole workload included."""
        start, end = span
        return tuple(b for b in self.template.branches if b.start < end and start < b.end)

    def loops_of(self, span: tuple[int, int]) -> tuple[Loop, ...]:
        """Return the loops that begin in a span."""
        return tuple(loop for loop in self.template.loops if span[0] < loop.start < span[1])
