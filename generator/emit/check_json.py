"""What `check` found, for programs; the schema is in docs/json.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from generator.engine.finding import SEVERITIES, Finding, Report, worst_first
from generator.text.document import Place


def check_report(report: Report, prefix: str = "") -> dict[str, Any]:
    """Return a report as plain data, with the worst finding first.

    `prefix` is put before paths as `prefixed` does it; the paths of playbooks stay as they are
    called on the command line, relative to the tree.
    """
    report = prefixed(report, prefix)
    return {
        "schema": "kubespray-patchgen/check/1",
        "base": {"name": report.base.name, "commit": report.base.commit},
        "scenario": [
            {"name": variable.name, "value": variable.value, "source": variable.source}
            for variable in report.assumptions
        ],
        "playbooks": [
            {"playbook": checked.playbook, "nodes": checked.nodes} for checked in report.playbooks
        ],
        "findings": [_finding(finding) for finding in worst_first(report.findings)],
        "unread": [{**_place(left.place), "message": left.message} for left in report.unread],
        "summary": {severity: report.count(severity) for severity in SEVERITIES},
    }


def prefixed(report: Report, prefix: str) -> Report:
    """Return a report whose places are named from above the tree, such as a repository's top.

    `prefix` (the tree's path there, with a final slash) is put before the paths of all places in
    the tree. Those in an inventory keep theirs, as absolute paths do anywhere.
    """
    if not prefix:
        return report

    def moved(place: Place) -> Place:
        absolute = not place.path or place.path.startswith("/")
        return place if absolute else replace(place, path=prefix + place.path)

    def moved_finding(finding: Finding) -> Finding:
        if finding.outside:
            return finding
        evidence = tuple(replace(seen, place=moved(seen.place)) for seen in finding.evidence)
        return replace(finding, place=moved(finding.place), evidence=evidence)

    return replace(
        report,
        findings=tuple(moved_finding(finding) for finding in report.findings),
        unread=tuple(
            left if left.outside else replace(left, place=moved(left.place))
            for left in report.unread
        ),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "playbook": finding.playbook,
        **_place(finding.place),
        "message": finding.message,
        "why": finding.why,
        "cure": finding.cure,
        "blocking": finding.blocking,
        "conditions": list(finding.conditions),
        "fixed_by": list(finding.fixed_by),
        "with": [request.option for request in finding.requests],
        "references": list(finding.references),
        "evidence": [{**_place(seen.place), "text": seen.text} for seen in finding.evidence],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}
