"""Manifest templates: Jinja2 text as YAML with the same offsets.

Jinja2's own lexer tells statements, expressions and comments from text; nothing is rendered or
evaluated. Masking writes text of equal length in their place, so that a span of the masked text
is the same span of the template. All offsets count code points, end exclusive.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import chain, islice, pairwise, product
from typing import TYPE_CHECKING, TypeAlias

from generator.exits import UnusableInput
from generator.text.document import Document, Mapping, Node, Sequence
from generator.text.yaml import MAX_BYTES, parse

if TYPE_CHECKING:
    from jinja2.lexer import Lexer

MAX_TOKENS = 100_000
"""A template with more Jinja2 tokens is refused: the largest of upstream's has 4,000."""

MAX_NESTING = 100
"""Statements nested deeper, and longer chains of `elif`, are refused."""

CHUNK = 200
"""How far apart two constructs must stand for the text between them not to be lexed."""

MAX_DOCUMENTS = 1_000
"""A file with more YAML documents is not taken apart to save the good ones."""

Conditions: TypeAlias = "tuple[tuple[str, bool], ...]"
"""What must hold, outermost first: the source of an expression and its wanted truth."""

Decide: TypeAlias = "Callable[[str], bool | None]"
"""Tells the truth of an expression by its source, None where it is not known."""

_Span: TypeAlias = "tuple[int, int]"

_Token: TypeAlias = "tuple[int, str, str]"
"""A token of Jinja2's lexer: offset, kind, text."""

_SILENT = frozenset({"macro", "set"})
"""Blocks whose text does not come out where it stands."""

_BLOCKS = _SILENT | {"if", "for", "block", "call", "filter", "with", "autoescape"}
"""Statements that an `end...` must close (Jinja2's template designer documentation)."""

_OPENING = re.compile(r"\{[{%#]")
_OFFSET = re.compile(r" at \d+$")
_SPACES = re.compile(r"\s*")
_BESIDE_NEWLINES = re.compile(r"[^\r\n]")
_NOTHING = re.compile(r"[^\S\n]*(?:\n|\Z)|[^\S\n]+#")
"""What may stand behind an expression that is alone."""

_DOCUMENT = re.compile(r"^---(?=\s)", re.MULTILINE)
_HEAD = re.compile(r"((?<![^\s])[|>][-+]?[ \r]*\n)((?:[ \r]*\n)+)")
"""The end of a block scalar's first line, and the empty lines that follow it."""

_EMPTY = ("''", '""')
"""Ansible's `trim_blocks` takes the newline behind a statement; these keep it there."""

_HEADER = "#jinja2:"
"""Begins a first line by which Ansible's template module changes settings of Jinja2."""

_DELIMITERS = re.compile(r"_(string|prefix)\s*:")


@dataclass(frozen=True, slots=True)
class Branch:
    """The text between two statements of an `{% if %}`.

    `conditions` are those of the branches around it and its own: an `elif b` behind `if a` holds
    where a is false and b is true. `block` is where the `{% if %}` begins, the same for all
    branches of it; `inline` says that it ends on the line on which it begins.
    """

    start: int
    end: int
    conditions: Conditions
    block: int
    inline: bool


@dataclass(frozen=True, slots=True)
class Loop:
    """The body of a `{% for %}`, without its `{% else %}`; `source` is what follows `for`."""

    start: int
    end: int
    source: str


@dataclass(frozen=True, slots=True)
class Expression:
    """One `{{ ... }}`; `source` is its inside without signs and whitespace.

    `alone` says that no other text stands on its lines, but for a YAML comment behind it: it
    stands for lines that the template inserts.
    """

    start: int
    end: int
    source: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """One `{% set name = source %}`, with the span of the whole statement."""

    start: int
    end: int
    name: str
    source: str


@dataclass(frozen=True)
class Template:
    """The text of a template and what Jinja2 makes of it; everything in the file's order."""

    path: str
    text: str
    branches: tuple[Branch, ...]
    loops: tuple[Loop, ...]
    expressions: tuple[Expression, ...]
    assignments: tuple[Assignment, ...]
    blanks: tuple[_Span, ...] = field(repr=False)
    """Spans of statements, comments, and text that never comes out where it stands."""

    @cached_property
    def documents(self) -> dict[str, Document]:
        """What was parsed of it so far, by masked text: most decisions mask the same."""
        return {}

    @cached_property
    def _starts(self) -> list[int]:
        return [expression.start for expression in self.expressions]

    def conditions_at(self, offset: int) -> Conditions:
        """Return what must hold for the text at an offset to come out, outermost first."""
        around = (branch for branch in self.branches if branch.start <= offset < branch.end)
        # The branches around an offset are nested, and each begins behind the one around it.
        innermost = max(around, key=lambda branch: branch.start, default=None)
        return innermost.conditions if innermost else ()

    def expression_at(self, start: int, end: int) -> Expression | None:
        """Return the expression inside a span, None where there is none or more than one."""
        first = bisect.bisect_left(self._starts, start)
        found = self.expressions[first : first + 2]
        inside = [expression for expression in found if expression.end <= end]
        return inside[0] if len(inside) == 1 else None

    def masked(
        self, decide: Decide | None = None, *, first_only: bool = False, blank_lines: bool = False
    ) -> str:
        """Return YAML of the template's length, with every newline in its place.

        Statements and comments are blank, and so are branches that `decide` makes impossible.
        Of branches that stay possible all are visible, those of an `if` inside one line
        excepted: there, and with `first_only` everywhere, only the first possible one is.
        Expressions become words; one that is `alone` becomes a YAML comment, or blank with
        `blank_lines`; one that is an empty text becomes blank.
        """
        written = [(start, end, "") for start, end in self.blanks]
        written += [(start, end, "") for start, end in self._hidden(decide, first_only)]
        for one in self.expressions:
            nothing = one.source in _EMPTY or (one.alone and blank_lines)
            written.append((one.start, one.end, "" if nothing else _stand_in(self.text, one)))
        return _painted(self.text, written)

    def _hidden(self, decide: Decide | None, first_only: bool) -> Iterator[_Span]:
        known: dict[str, bool | None] = {}
        shown: set[int] = set()

        def truth(source: str) -> bool | None:
            if decide is not None and source not in known:
                known[source] = decide(source)
            return known.get(source)

        for branch in self.branches:
            possible = all(truth(source) in (None, wanted) for source, wanted in branch.conditions)
            alternative = branch.block in shown and (first_only or branch.inline)
            if not possible or alternative:
                yield branch.start, branch.end
            else:
                shown.add(branch.block)


def is_template(path: str) -> bool:
    """Tell whether a file is a template, by its name."""
    return path.endswith(".j2")


def lex(path: str, text: str) -> Template:
    """Take a template apart.

    Raises UnusableInput where Jinja2's lexer refuses it, where blocks do not match, where it is
    too large or nested too deep, and where its first line (Ansible's template module) gives
    Jinja2 other delimiters.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise UnusableInput(f"{path} has {size} bytes; the limit for a YAML file is 8 MiB.")
    header = text[: text.find("\n")] if text.startswith(_HEADER) and "\n" in text else ""
    if _DELIMITERS.search(header):
        raise UnusableInput(
            f"{path}:1: the first line gives Jinja2 other delimiters; such a template is not read."
        )
    reader = _Reader(path, text)
    for tag in _tags(path, text):
        reader.take(tag)
    return reader.template()


def parse_masked(
    template: Template, decide: Decide | None = None, about: re.Pattern[str] | None = None
) -> Document:
    """Parse the masked text of a template, with its offsets.

    Of several YAML documents those in which `about` is not found are left out, which saves most
    of the time where they are many. Where the branches of an undecided `if` make no YAML together,
    only the first possible one of each is taken; the document's text is the masked text that was
    read. Raises UnusableInput where none is YAML.
    """
    texts = _attempts(template, decide)
    if about is not None:
        texts = (_only(template.path, text, about) for text in texts)
    first = next(texts)
    if first not in template.documents:
        document = _parse_any(template.path, chain((first,), texts), 0, len(template.text))
        if document.text != first:
            return document
        template.documents[first] = document
    return template.documents[first]


def parse_each(
    template: Template, decide: Decide | None = None, about: re.Pattern[str] | None = None
) -> tuple[Document, tuple[UnusableInput, ...]]:
    """Parse as `parse_masked` does, but one YAML document of a template at a time.

    Gives the documents that are YAML, and the errors of those that are not: kubectl too applies
    the documents around one that it cannot read. Second choices are made for each on its own.
    """
    try:
        return parse_masked(template, decide, about), ()
    except UnusableInput as error:
        whole = error
    texts = list(_attempts(template, decide))
    if about is not None:
        texts = [_only(template.path, text, about) for text in texts]
    marks = [mark.start() for mark in _DOCUMENT.finditer(texts[0])]
    if not 0 < len(marks) <= MAX_DOCUMENTS:
        return Document(template.path, texts[0], ()), (whole,)
    roots: list[Node] = []
    errors: list[UnusableInput] = []
    for start, end in pairwise([0, *marks, len(texts[0])]):
        try:
            roots += _parse_any(template.path, texts, start, end).roots
        except UnusableInput as error:
            errors.append(error)
    return Document(template.path, texts[0], tuple(roots)), tuple(errors)


def _only(path: str, text: str, about: re.Pattern[str]) -> str:
    """Return a text with only those of its YAML documents in which a pattern is found."""
    marks = [0, *(mark.start() for mark in _DOCUMENT.finditer(text)), len(text)]
    parts = []
    kept = 0
    for start, end in pairwise(marks):
        if about.search(text, start, end):
            kept += 1
            parts.append(text[start:end])
        else:
            parts.append(_BESIDE_NEWLINES.sub(" ", text[start:end]))
    if kept > MAX_DOCUMENTS:
        raise UnusableInput(
            f"{path} holds {kept} YAML documents that matter; the limit is {MAX_DOCUMENTS}."
        )
    return "".join(parts)


def _attempts(template: Template, decide: Decide | None) -> Iterator[str]:
    """Give the masked texts to try, the one that shows most first."""
    given: set[str] = set()
    for first_only, blank_lines in product((False, True), (False, True)):
        text = template.masked(decide, first_only=first_only, blank_lines=blank_lines)
        if text not in given:
            given.add(text)
            yield text


def _parse_any(path: str, texts: Iterable[str], start: int, end: int) -> Document:
    """Parse a part of the first text in which it is YAML; the first text's error counts."""
    first: UnusableInput | None = None
    for text in texts:
        # Empty lines in place of what is above give errors their line.
        above = text.count("\n", 0, start)
        try:
            roots = _parse(path, "\n" * above + text[start:end]).roots
        except UnusableInput as error:
            first = first or error
        else:
            return Document(path, text, tuple(_moved(root, start - above) for root in roots))
    assert first is not None
    raise first


def _parse(path: str, masked: str) -> Document:
    """Parse a masked text.

    A statement at the head of a block scalar is a line of blanks that would set the scalar's
    indentation. Carriage returns in place of them are empty lines, for the parser alone.
    """
    return parse(path, _HEAD.sub(lambda head: head[1] + head[2].replace(" ", "\r"), masked))


def _moved(node: Node, by: int) -> Node:
    if by == 0:
        return node
    if isinstance(node, Sequence):
        items = tuple(_moved(item, by) for item in node.items)
        return replace(node, start=node.start + by, end=node.end + by, items=items)
    if isinstance(node, Mapping):
        pairs = tuple((_moved(key, by), _moved(value, by)) for key, value in node.pairs)
        return replace(node, start=node.start + by, end=node.end + by, pairs=pairs)
    return replace(node, start=node.start + by, end=node.end + by)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A construct of Jinja2 with its delimiters; `kind` is `block`, `variable` or `blank`.

    `name` is a statement's first word, `target` what stands before the `=` of a `set`, and
    `source` what follows, or the inside of an expression.
    """

    kind: str
    start: int
    end: int
    name: str = ""
    target: str = ""
    source: str = ""


@lru_cache(maxsize=1)
def _lexer() -> Lexer:
    from jinja2 import Environment

    return Environment(keep_trailing_newline=True).lexer


def _tokens(path: str, text: str) -> Iterator[_Token]:
    """Give the lexer's tokens of all constructs.

    The lexer is slow on plain text, so it reads only what stands around the constructs. Where a
    chunk ends in the middle of one, or not as Jinja2 wants it, all the rest is read at once.
    """
    source = _unified(text)
    for start, end in _chunks(source):
        try:
            tokens = list(islice(_located(path, source, start, end), MAX_TOKENS + 1))
        except UnusableInput:
            if end == len(source):
                raise
            tokens = []
        last = next((kind for _, kind, _ in reversed(tokens) if kind != "data"), "")
        if end != len(source) and not last.endswith("_end"):
            yield from _located(path, source, start, len(source))
            return
        yield from tokens


def _chunks(source: str) -> Iterator[_Span]:
    """Give the parts of a text that hold its constructs, without the plain text between them.

    Each ends behind its last closing brace, but an opening one behind that belongs to it.
    """
    starts = [found.start() for found in _OPENING.finditer(source)]
    far = [(last, start) for last, start in pairwise(starts) if start - last > CHUNK]
    begins = [*starts[:1], *(start for _, start in far)]
    limits = [*far, *((last, len(source)) for last in starts[-1:])]
    for begin, (last, limit) in zip(begins, limits, strict=True):
        yield begin, source.rfind("}", last, limit) + 1 or limit


def _located(path: str, source: str, start: int, end: int) -> Iterator[_Token]:
    """Give the lexer's tokens of a part of a text.

    The lexer drops whitespace before a minus sign, and only there; everything else that it
    gives stands in the text one behind the other.
    """
    from jinja2 import TemplateSyntaxError

    place = start
    try:
        for _, kind, token in _lexer().tokeniter(source[start:end], None):
            if not source.startswith(token, place):
                spaces = _SPACES.match(source, place)
                place = spaces.end() if spaces else place
            yield place, kind, token
            place += len(token)
    except TemplateSyntaxError as error:
        line = source.count("\n", 0, start) + error.lineno
        # Jinja2 adds an offset in what it was given, which is not the file.
        reason = _OFFSET.sub("", error.message or "")
        why = f"this is no Jinja2 template: {reason}"
        raise UnusableInput(f"{path}:{line}: {why}.") from None


def _tags(path: str, text: str) -> Iterator[_Tag]:
    """Give the constructs of a template; raises UnusableInput where the last one has no end."""
    opened: int | None = None
    inside: list[_Token] = []
    for number, (place, kind, token) in enumerate(_tokens(path, text)):
        if number == MAX_TOKENS:
            raise UnusableInput(
                f"{path}:{_line(text, place)}: the template holds more than {MAX_TOKENS} Jinja2 "
                f"tokens, which is too many to read."
            )
        if kind in ("raw_begin", "raw_end"):
            yield _Tag("blank", place, place + len(token.rstrip()))
        elif kind.endswith("_begin"):
            opened, inside = place, []
        elif kind.endswith("_end") and opened is not None:
            yield _tag(text, kind.removesuffix("_end"), opened, place, token, inside)
            opened = None
        elif kind not in ("whitespace", "data", "comment"):
            inside.append((place, kind, token))
    if opened is not None:
        raise UnusableInput(
            f"{path}:{_line(text, opened)}: this is no Jinja2 template: "
            f"'{text[opened : opened + 2]}' has no end."
        )


def _tag(text: str, kind: str, start: int, stop: int, closing: str, inside: list[_Token]) -> _Tag:
    end = stop + len(closing.rstrip())
    if kind == "comment" or not inside:
        return _Tag("blank", start, end)
    place, _, first = inside[0]
    if kind == "variable":
        return _Tag(kind, start, end, source=text[place:stop].strip())
    after = place + len(first)
    equals = _equals(inside) if first == "set" else None
    if equals is None:
        return _Tag(kind, start, end, first, source=text[after:stop].strip())
    target, source = text[after:equals].strip(), text[equals + 1 : stop].strip()
    return _Tag(kind, start, end, first, target, source)


def _equals(inside: list[_Token]) -> int | None:
    """Return where the `=` of a `set` stands, None in one that is a block."""
    depth = 0
    for place, kind, token in inside:
        if kind != "operator":
            continue
        if token == "=" and depth == 0:
            return place
        depth += (token in "([{") - (token in ")]}")
    return None


@dataclass(slots=True)
class _Block:
    """A statement whose end is not yet reached."""

    tag: _Tag
    part: int
    """Where the current branch begins."""

    own: Conditions
    """What must hold for the current branch."""

    parts: list[tuple[int, int, Conditions]]
    closed: bool = False
    """Whether `else` has come."""


class _Reader:
    """Puts the constructs of a template together."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._unified = _unified(text)
        self._open: list[_Block] = []
        self._branches: list[Branch] = []
        self._loops: list[Loop] = []
        self._variables: list[_Tag] = []
        self._assignments: list[Assignment] = []
        self._blanks: list[_Span] = []
        self._statements: list[_Span] = []

    def take(self, tag: _Tag) -> None:
        """Take the next construct."""
        if tag.kind == "variable":
            self._variables.append(tag)
            return
        self._statements.append((tag.start, tag.end))
        if tag.kind == "blank":
            return
        if tag.target:
            self._assignments.append(Assignment(tag.start, tag.end, tag.target, tag.source))
        elif tag.name in _BLOCKS:
            self._begin(tag)
        elif tag.name in ("elif", "else"):
            self._turn(tag)
        elif tag.name.startswith("end"):
            self._end(tag)

    def template(self) -> Template:
        """Return what was taken; raises UnusableInput where a block is still open."""
        if self._open:
            tag = self._open[-1].tag
            raise self._refuse(tag, f"'{tag.name}' has no 'end{tag.name}'")
        blanks = sorted(self._blanks + self._statements)
        return Template(
            path=self._path,
            text=self._text,
            branches=tuple(sorted(self._branches, key=lambda branch: (branch.start, -branch.end))),
            loops=tuple(sorted(self._loops, key=lambda loop: (loop.start, -loop.end))),
            expressions=tuple(self._expressions()),
            assignments=tuple(self._assignments),
            blanks=tuple(blanks),
        )

    def _begin(self, tag: _Tag) -> None:
        if len(self._open) >= MAX_NESTING:
            raise self._refuse(tag, f"nested deeper than {MAX_NESTING} levels")
        held = self._open[-1].own if self._open else ()
        own = (*held, (tag.source, True)) if tag.name == "if" else held
        self._open.append(_Block(tag, tag.end, self._bounded(tag, own), []))

    def _turn(self, tag: _Tag) -> None:
        block = self._open[-1] if self._open else None
        fits = ("if",) if tag.name == "elif" else ("if", "for")
        if block is None or block.tag.name not in fits or block.closed:
            raise self._refuse(tag, f"'{tag.name}' stands without 'if'")
        self._close_part(block, tag.start)
        block.part = tag.end
        block.closed = tag.name == "else"
        if block.tag.name == "if":
            own = (*block.own[:-1], (block.own[-1][0], False))
            own = own if block.closed else (*own, (tag.source, True))
            block.own = self._bounded(tag, own)

    def _end(self, tag: _Tag) -> None:
        name = tag.name.removeprefix("end")
        if not self._open or self._open[-1].tag.name != name:
            inner = f" inside '{self._open[-1].tag.name}'" if self._open else ""
            raise self._refuse(tag, f"'{tag.name}' stands without '{name}'{inner}")
        block = self._open.pop()
        self._close_part(block, tag.start)
        start = block.tag.start
        inline = "\n" not in self._unified[start : tag.start]
        if name == "if":
            self._branches += [Branch(*part, start, inline) for part in block.parts]
        elif name == "for":
            self._loops.append(Loop(*block.parts[0][:2], block.tag.source))
            self._blanks += [part[:2] for part in block.parts[1:] if inline]
        elif name in _SILENT:
            self._blanks.append((start, tag.end))

    def _close_part(self, block: _Block, end: int) -> None:
        block.parts.append((block.part, end, block.own))

    def _bounded(self, tag: _Tag, own: Conditions) -> Conditions:
        if len(own) > MAX_NESTING:
            raise self._refuse(tag, f"more than {MAX_NESTING} conditions hold here")
        return own

    def _expressions(self) -> Iterator[Expression]:
        """Give the expressions; a statement beside one brings no text and is not counted."""
        visible = _painted(self._unified, [(start, end, "") for start, end in self._statements])
        place = 0
        for tag in self._variables:
            *lines, before = visible[place : tag.start].split("\n")
            first = place == 0 or bool(lines)
            alone = first and not before.strip() and _NOTHING.match(visible, tag.end) is not None
            yield Expression(tag.start, tag.end, tag.source, alone)
            place = tag.end

    def _refuse(self, tag: _Tag, why: str) -> UnusableInput:
        return UnusableInput(
            f"{self._path}:{_line(self._text, tag.start)}: this is no Jinja2 template: {why}."
        )


def _painted(text: str, written: list[tuple[int, int, str]]) -> str:
    """Return a text with spans written over; an empty string stands for blanks.

    Spans are nested or apart; what is inside another one does not show.
    """
    parts: list[str] = []
    place = 0
    for start, end, new in sorted(written, key=lambda entry: (entry[0], -entry[1])):
        if start >= place:
            parts += (text[place:start], new or _BESIDE_NEWLINES.sub(" ", text[start:end]))
            place = end
    return "".join([*parts, text[place:]])


def _stand_in(text: str, expression: Expression) -> str:
    """Return what is written over an expression: the first line tells, further ones are blank."""
    inside = text[expression.start : expression.end]
    length = len(inside.splitlines()[0])
    first = "#".ljust(length, "x") if expression.alone else "x" * length
    return first + _BESIDE_NEWLINES.sub(" ", inside[length:])


def _unified(text: str) -> str:
    """Return a text of the same length in which every line ends with a line feed alone."""
    return text.replace("\r\n", " \n").replace("\r", "\n") if "\r" in text else text


def _line(text: str, offset: int) -> int:
    return _unified(text[:offset]).count("\n") + 1
