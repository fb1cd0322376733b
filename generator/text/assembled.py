"""What a template gives in one choice of its branches, expressions apart.

Statements, comments and the whitespace around them go as Jinja2 takes them out (its template
designer documentation, "Whitespace Control"); nothing is evaluated. So two versions of a template
can be held against each other as YAML, for every choice that there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from generator.text.template import Decide, Expression, Loop, Template

STAND_IN = "\ue000"
"""What stands for the value of an expression: a letter of nobody's, which YAML allows."""

_HEADER = re.compile(r"#jinja2:[^\n]*")
_SETTING = re.compile(r"\b(trim_blocks|lstrip_blocks)\s*:\s*(\w+)")
_NEWLINE = re.compile(r"\r?\n")
_MARGIN = re.compile(r"[ \t]*\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of text that comes out as it stands, or of an expression."""

    start: int
    end: int
    expression: Expression | None = None


def pieces(template: Template) -> tuple[Piece, ...]:
    """Return what a template gives where all its branches are taken, in the file's order.

    Ansible's template module trims the newline behind statements and keeps the blanks before
    them; a first line `#jinja2:` changes that (Ansible documentation, module template).
    """
    trim, lstrip = _settings(template.text)
    return tuple(_pieces(template, trim, lstrip))


def assembled(
    template: Template,
    parts: tuple[Piece, ...],
    span: tuple[int, int],
    decide: Decide,
    stand_in: Callable[[Expression], str],
) -> str:
    """Return the text that a span of a template gives, with line feeds alone.

    A branch is left out where one of its conditions does not hold, and the body of a loop where
    `for` and what follows it does not, as if there were nothing to go through; otherwise a body
    comes out once. What `decide` does not know counts as true.
    """
    known: dict[str, bool] = {}

    def holds(source: str, wanted: bool) -> bool:
        if source not in known:
            known[source] = decide(source) is not False
        return known[source] == wanted

    hidden = [
        (branch.start, branch.end) for branch in template.branches
        if not all(holds(*condition) for condition in branch.conditions)
    ]  # fmt: skip
    hidden += [
        (loop.start, loop.end) for loop in template.loops if not holds(loop_sign(loop), True)
    ]
    texts = []
    for part in parts:
        start, end = max(part.start, span[0]), min(part.end, span[1])
        if start >= end or any(low <= part.start < high for low, high in hidden):
            continue
        texts.append(stand_in(part.expression) if part.expression else template.text[start:end])
    return "".join(texts).replace("\r\n", "\n")


def loop_sign(loop: Loop) -> str:
    """Return what `assembled` asks of a loop: whether there is something to go through."""
    return f"for {loop.source}"


def _settings(text: str) -> tuple[bool, bool]:
    header = _HEADER.match(text)
    given = dict(_SETTING.findall(header[0])) if header else {}
    return (
        given.get("trim_blocks", "true").lower() in ("true", "yes"),
        given.get("lstrip_blocks", "false").lower() in ("true", "yes"),
    )


def _constructs(template: Template) -> list[Piece]:
    """Return statements, comments, silent text and expressions, none inside another."""
    spans = [Piece(start, end) for start, end in template.blanks]
    spans += [Piece(one.start, one.end, one) for one in template.expressions]
    found: list[Piece] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not found or span.start >= found[-1].end:
            found.append(span)
    return found


def _pieces(template: Template, trim: bool, lstrip: bool) -> Iterator[Piece]:
    text = template.text
    ends = Piece(0, 0), Piece(len(text), len(text))
    for before, after in pairwise([ends[0], *_constructs(template), ends[1]]):
        if before.expression is not None:
            yield before
        start, end = before.end, after.start
        signs, opening = text[before.start : before.end], text[after.start : after.end]
        if signs.endswith(("-%}", "-}}", "-#}")):
            start = end - len(text[start:end].lstrip())
        elif trim and signs.endswith(("%}", "#}")) and not signs.endswith(("+%}", "+#}")):
            newline = _NEWLINE.match(text, start, end)
            start = newline.end() if newline else start
        if opening.startswith(("{%-", "{{-", "{#-")):
            end = start + len(text[start:end].rstrip())
        elif lstrip and opening.startswith(("{%", "{#")) and opening[2:3] != "+":
            margin = _MARGIN.search(text, start, end)
            begins = margin is not None and (
                margin.start() == 0 or text[margin.start() - 1] == "\n"
            )
            end = margin.start() if margin is not None and begins else end
        if start < end:
            yield Piece(start, end)
