"""Findings: what `check` has to say, each with the places that it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from generator.text.document import Place
from generator.tree.base import Base

Severity: TypeAlias = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the worst to the mildest."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place that a finding rests on, and what stands there."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What asks for a cure that nobody gets by default: the value of the option `--with`.

    `unwise` is a sentence on why to leave it, None where nothing speaks against it.
    """

    option: str
    unwise: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a playbook run, or in the inventory, that blocks or does harm.

    `playbook` is the path of the playbook that was run through, None for a finding about
    variables. `place` is the line to look at first. `message` says what is wrong, `why` how it
    comes to that, `cure` what to do; each is one or more whole sentences on one line. `blocking`
    is true where a task waits and the deployment fails. `conditions` are the variables under
    which it holds. `fixed_by` are ids of semantic patches; `requests` ask for them where they are
    limited to components. `outside` tells that its places are in the user's inventory, not in the
    tree.
    """

    code: str
    severity: Severity
    playbook: str | None
    place: Place
    message: str
    why: str
    cure: str
    blocking: bool = False
    conditions: tuple[str, ...] = ()
    fixed_by: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    outside: bool = False
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Assumption:
    """A variable of the scenario: its value as text, and who says so."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of one, that could not be understood and was left out.

    `outside` tells that it is one of the user's inventory, not of the tree.
    """

    place: Place
    message: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A playbook that was run through; `nodes` is "new" or "initialized"."""

    playbook: str
    nodes: str


@dataclass(frozen=True)
class Report:
    """All that a check has to say.

    `unasked` are variables given by the user that nothing asked for: misspelled, perhaps.
    `blind` are those of `unread` without which nothing can be said of the order: files of the
    approver's role, or of those that provide a cloud controller manager, which Ansible must
    parse, too.
    """

    base: Base
    assumptions: tuple[Assumption, ...]
    playbooks: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...] = ()
    unasked: tuple[str, ...] = ()
    blind: tuple[Unread, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings are as severe as this."""
        return sum(finding.severity == severity for finding in self.findings)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which people want to read them."""
    return sorted(
        findings,
        key=lambda finding: (
            SEVERITIES.index(finding.severity), not finding.blocking, finding.playbook or "",
            finding.place.path, finding.place.line, finding.code,
        ),
    )  # fmt: skip
