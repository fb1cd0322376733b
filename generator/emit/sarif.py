"""What `check` found, as SARIF 2.1.0 in the form that GitHub code scanning takes.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub
documentation, "SARIF support for code scanning".
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import quote

from generator import __version__
from generator.emit.check_json import prefixed
from generator.emit.check_text import one_line
from generator.engine.finding import Finding, Report, Severity, Unread, worst_first
from generator.text.document import Place

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_ROOT = "%SRCROOT%"
_TAGS = ("ansible", "deployment", "kubernetes", "kubespray")
_PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}
"""GitHub's own words for how severe a rule is."""

_LIMIT = 1024
"""GitHub shows no more characters of a rule's descriptions."""


class Rule(Protocol):
    """What a code of a finding means: a title, and a text of paragraphs apart by blank lines."""

    @property
    def code(self) -> str:
        """The code as findings have it."""

    @property
    def title(self) -> str:
        """One sentence."""

    @property
    def severity(self) -> Severity:
        """How severe a finding is where nothing else is said."""

    @property
    def text(self) -> str:
        """What it means and what to do."""

    @property
    def references(self) -> tuple[str, ...]:
        """Addresses, or names of issues and documents."""


def sarif(report: Report, rules: Iterable[Rule], prefix: str = "") -> dict[str, Any]:
    """Return a report as a SARIF log, with the worst result first.

    `rules` are all that are known, whether found or not. `prefix` is put before paths as
    `prefixed` does it; code scanning wants them relative to the repository's top. A finding
    that is in no file is placed at the top of the first playbook, because code scanning takes
    no result without a place. Braces stay single, as everybody writes and shows them, though
    the standard would have them doubled.
    """
    known = list(rules)
    index = {rule.code: number for number, rule in enumerate(known)}
    home = Place(prefix + report.playbooks[0].playbook, 1) if report.playbooks else None
    report = prefixed(report, prefix)
    fingerprints = _Fingerprints()
    run = {
        "tool": {
            "driver": {
                "name": "kubespray-patchgen",
                "version": __version__,
                "rules": [_rule(rule) for rule in known],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(left) for left in report.unread],
            }
        ],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, index.get(finding.code), home, fingerprints.take(finding))
            for finding in worst_first(report.findings)
        ],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


class _Fingerprints:
    """Names for results that stay when lines shift; equal results are counted."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, finding: Finding) -> str:
        message = re.sub(r"(?<=:)\d+|(?<=\bline )\d+", "", one_line(finding.message))
        parts = (finding.code, finding.playbook or "", finding.place.path, message)
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._taken[digest] += 1
        return f"{digest}:{self._taken[digest]}"


def _rule(rule: Rule) -> dict[str, Any]:
    title = one_line(rule.title)
    paragraphs = [one_line(part) for part in rule.text.split("\n\n") if part.strip()] or [title]
    text, references = "\n\n".join(paragraphs), [one_line(named) for named in rule.references]
    more = "\n\nReferences\n\n" + "\n".join(f"- {named}" for named in references)
    more_markdown = "\n\n## References\n\n" + "\n".join(f"- {named}" for named in references)
    return {
        "id": rule.code,
        "name": "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", rule.code)),
        "shortDescription": {"text": title[:_LIMIT]},
        "fullDescription": {"text": paragraphs[0][:_LIMIT]},
        "help": {
            "text": text + (more if references else ""),
            "markdown": text + (more_markdown if references else ""),
        },
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"problem.severity": _PROBLEM[rule.severity], "tags": list(_TAGS)},
    }


def _result(
    finding: Finding, rule: int | None, home: Place | None, fingerprint: str
) -> dict[str, Any]:
    place = finding.place if finding.place.path else home
    result: dict[str, Any] = {"ruleId": finding.code}
    if rule is not None:
        result["ruleIndex"] = rule
    result |= {
        "level": finding.severity,
        "message": _message(finding),
        "locations": [_location(place)] if place else [],
    }
    if finding.evidence:
        result["relatedLocations"] = [
            {**_location(seen.place), "message": {"text": _plain(seen.text)}}
            for seen in finding.evidence
        ]
    return result | {
        # The one key by which GitHub knows a result again. Its own hash, of the line alone,
        # would make one of two playbooks' findings at the same line.
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        "properties": {
            "playbook": finding.playbook,
            "blocking": finding.blocking,
            "conditions": list(finding.conditions),
            "fixedBy": list(finding.fixed_by),
            "references": list(finding.references),
        },
    }


def _message(finding: Finding) -> dict[str, str]:
    sentences = [finding.message, finding.why, finding.cure]
    if finding.conditions:
        sentences.append(f"Holds when: {'; '.join(finding.conditions)}.")
    if finding.playbook is not None:
        sentences.append(f"Playbook: {finding.playbook}.")
    return {"text": " ".join(_plain(sentence) for sentence in sentences if sentence)}


def _plain(words: str) -> str:
    """Return a text that no viewer takes for a link."""
    return one_line(words).replace("](", "] (")


def _notification(left: Unread) -> dict[str, Any]:
    return {
        "level": "warning",
        "message": {"text": _plain(left.message)},
        "locations": [_location(left.place)] if left.place.path else [],
    }


def _location(place: Place) -> dict[str, Any]:
    # A path may hold any byte, those that are no UTF-8 as surrogates.
    uri = quote(place.path, errors="surrogateescape")
    inside = {"uri": uri, "uriBaseId": _ROOT}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": f"file://{uri}"} if uri.startswith("/") else inside,
            "region": {"startLine": max(1, place.line), "startColumn": max(1, place.column)},
        }
    }
