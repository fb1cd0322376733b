"""What `check` found, as text for people.

Texts and paths of a tree are hostile until shown otherwise. Here each stays on one line; the
command writes control characters out before a terminal sees them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence

from generator.emit.wrap import paragraphs
from generator.engine.finding import SEVERITIES, Assumption, Finding, Report, worst_first
from generator.text.document import Place

_WIDTH = 96
_COLUMN = 40
"""A name or value longer than this pushes its own line's next column, not everybody's."""

_NODES = {"new": "all nodes new", "initialized": "nodes initialized, running cluster"}


def text(report: Report, on_request: Collection[str] = ()) -> str:
    """Return a report for people: what was assumed, then the findings of each playbook.

    `on_request` are the ids of semantic patches that are not applied by default; where no other
    fixes a finding, the hint names the option too.
    """
    by_playbook: dict[str | None, list[Finding]] = {}
    for finding in worst_first(report.findings):
        by_playbook.setdefault(finding.playbook, []).append(finding)
    parts = [f"Checked {path_line(report.base.name)}"]
    if report.assumptions:
        parts.append("Assumed\n" + _assumed(report.assumptions))
    for checked in report.playbooks:
        heading = f"{path_line(checked.playbook)} ({_NODES.get(checked.nodes, checked.nodes)})"
        parts.append(_section(heading, by_playbook.pop(checked.playbook, []), on_request))
    variables = by_playbook.pop(None, [])
    for playbook, findings in by_playbook.items():
        parts.append(_section(path_line(playbook or ""), findings, on_request))
    if variables:
        parts.append(_section("Variables", variables, on_request))
    if report.unread:
        parts.append(
            "Left out because it could not be understood\n"
            + _items(((left.place, left.message) for left in report.unread), "  ")
        )
    parts.append(summary(report))
    return "\n\n".join(parts) + "\n"


def summary(report: Report) -> str:
    """Return how much was found, in one line; what there is none of is not named."""
    counts = ((report.count(severity), severity) for severity in SEVERITIES)
    named = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
    if named:
        return ", ".join(named) + "."
    return "Nothing found in what could be read." if report.unread else "Nothing found."


def one_line(words: str) -> str:
    """Return a text on one line, with single spaces."""
    return " ".join(words.split())


def path_line(path: str) -> str:
    """Return a path on one line, its spaces kept and every other white space written out."""
    return "".join(
        char.encode("unicode_escape").decode() if char.isspace() and char != " " else char
        for char in path
    )


def place_line(place: Place) -> str:
    """Return a place on one line; of one that is in no file, such as an option, its name."""
    return f"{path_line(place.path)}:{place.line}" if place.line > 0 else path_line(place.path)


def _assumed(assumptions: Sequence[Assumption]) -> str:
    rows = [(one_line(a.name), one_line(a.value), one_line(a.source)) for a in assumptions]
    name_width, value_width = (
        max((len(row[column]) for row in rows if len(row[column]) <= _COLUMN), default=0)
        for column in (0, 1)
    )
    return "\n".join(
        f"  {name:{name_width}}  {value:{value_width}}  {source}".rstrip()
        for name, value, source in rows
    )


def _section(heading: str, findings: list[Finding], on_request: Collection[str]) -> str:
    if not findings:
        return f"{heading}: nothing found."
    blocks = [_finding(found, on_request) for found in findings if found.severity != "note"]
    notes = [found for found in findings if found.severity == "note"]
    if notes:
        blocks.append("notes:\n" + _notes(notes))
    return f"{heading}\n" + textwrap.indent("\n\n".join(blocks), "  ")


def _finding(finding: Finding, on_request: Collection[str]) -> str:
    lines = [_hanging(f"{finding.severity}: {finding.message} [{finding.code}]", 0)]
    if finding.place.path:
        lines.append(f"  at {place_line(finding.place)}")
    lines += [
        _hanging(f"{label}: {words}", 2)
        for label, words in (
            ("why", finding.why),
            ("cure", finding.cure),
            ("fixed by", _fixed_by(finding, on_request)),
            ("holds when", "; ".join(finding.conditions)),
        )
        if words
    ]
    if finding.evidence:
        lines.append("  seen at:")
        lines.append(_items(((seen.place, seen.text) for seen in finding.evidence), "    "))
    return "\n".join(lines)


def _fixed_by(finding: Finding, on_request: Collection[str]) -> str:
    ids = finding.fixed_by
    if not ids:
        return ""
    option = f" --with {ids[0]}" if all(patch_id in on_request for patch_id in ids) else ""
    if finding.requests:
        option = f" --with {finding.requests[0].option}"
    return f"{', '.join(ids)} (kubespray-patchgen patch{option})"


def _notes(notes: Iterable[Finding]) -> str:
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for note in notes:
        key = (note.code, note.message, note.conditions, note.requests)
        alike.setdefault(key, []).append(note)
    return "\n".join(_note(found) for found in alike.values())


def _note(alike: list[Finding]) -> str:
    """Return notes that differ in their places only."""
    note = alike[0]
    lines = _hanging(f"- {note.message} [{note.code}]", 2)
    places = dict.fromkeys(place_line(found.place) for found in alike if found.place.path)
    if places:
        *others, last = places
        for number, words in enumerate([*(f"{place}," for place in others), last]):
            words = words if number else f"at {words}"
            lines = _joined(lines, words, f"    {words}")
    for request in note.requests:
        # A note does no harm: what is unwise is no cure for it.
        if request.unwise is None:
            words = f"(cure: --with {request.option})"
            lines = _joined(lines, words, _hanging(words, 4))
    if note.conditions:
        words = one_line(f"(holds when {'; '.join(note.conditions)})")
        lines = _joined(lines, words, _hanging(words, 4))
    return lines


def _joined(lines: str, words: str, below: str) -> str:
    """Put words behind the last line where they fit, or else the line made of them below it."""
    room = _WIDTH - 2 - (len(lines) - lines.rfind("\n") - 1)
    return f"{lines} {words}" if len(words) < room else f"{lines}\n{below}"


def _items(seen: Iterable[tuple[Place, str]], indent: str) -> str:
    """Return places and what stands there as a list; places are never broken over lines."""
    items = []
    for place, words in seen:
        item = f"- {place_line(place)}:"
        filled = textwrap.indent(paragraphs(one_line(words), _WIDTH - 8), "  ")
        fits = len(item) + 1 + len(one_line(words)) <= _WIDTH - 6
        items.append(f"{item} {one_line(words)}" if fits else f"{item}\n{filled}")
    return textwrap.indent("\n".join(items), indent)


def _hanging(words: str, indent: int) -> str:
    """Fill a text whose first line stands out to the left by two more columns."""
    filled = textwrap.indent(paragraphs(one_line(words), _WIDTH - indent - 4), " " * (indent + 2))
    return " " * indent + filled.lstrip(" ")
