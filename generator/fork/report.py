"""What `fork` found and did, as text for people and as plain data for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from generator.fork.standing import BranchOn, Standing
from generator.fork.sync import Step

_STATES = {
    "has": "has its series",
    "behind": "is behind",
    "differs": "differs",
    "missing": "missing",
    "unneeded": "nothing to carry",
    "unreadable": "cannot be judged",
}
_COUNTED = {
    "has": "with their series",
    "behind": "behind",
    "differs": "differing",
    "missing": "missing",
    "unneeded": "with nothing to carry",
    "unreadable": "that cannot be judged",
}
_ACTIONS = {
    "create": ("created", "would be created"),
    "update": ("updated", "would be updated"),
    "keep": ("unchanged", "would stay"),
    "refuse": ("left alone", "would be left alone"),
}


def status_text(standings: Sequence[Standing]) -> str:
    """Return a table of revisions, what each patch is there, and how the branch stands."""
    head = ["release", *_patch_ids(standings), "branch"]
    rows = [
        [one.target.release, *_patch_cells(one, head[1:-1]), _branch_cell(one)]
        for one in standings
    ]  # fmt: skip
    return "\n".join([*_table([head, *rows]), *_reasons(standings), "", summary(standings)])


def status_markdown(standings: Sequence[Standing]) -> str:
    """Return the same as a comment on a pull request can show it."""
    head = ["release", *_patch_ids(standings), "branch", "state"]
    rows = [
        [_code(one.target.release), *_patch_cells(one, head[1:-2]), _code(one.target.branch),
         _mark(one) + _escaped(_state(one.branch))]
        for one in standings
    ]  # fmt: skip
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    reasons = [f"- {_escaped(line)}" for line in _reasons(standings) if line]
    reasons = ["", *reasons] if reasons else []
    title = "### Kubespray branches and their series"
    return "\n".join([title, "", *lines, *reasons, "", _escaped(summary(standings))])


def status_data(name: str, standings: Sequence[Standing]) -> dict[str, Any]:
    """Return the same as plain data, for `fork status` or `fork verify` as `name` says."""
    return {
        "schema": f"kubespray-patchgen/fork-{name}/1",
        "done": all(one.is_done for one in standings),
        "revisions": [_revision(one) for one in standings],
    }


def sync_text(steps: Sequence[Step], dry_run: bool) -> str:
    """Return what was done to each branch, or with `dry_run` would be."""
    rows = [["branch", "release", "commit", "what"]]
    for step in steps:
        what = _ACTIONS[step.action][dry_run]
        rows.append([
            step.branch, step.standing.target.release, (step.after or step.before or "-")[:12],
            f"{what}: {step.why}" if step.why else what,
        ])  # fmt: skip
    return "\n".join(_table(rows))


def sync_data(steps: Sequence[Step], dry_run: bool) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "schema": "kubespray-patchgen/fork-sync/1",
        "dry_run": dry_run,
        "branches": [
            {
                "branch": step.branch,
                "release": step.standing.target.release,
                "action": step.action,
                "why": step.why or None,
                "before": step.before,
                "after": step.after if step.moves else step.before,
            }
            for step in steps
        ],
    }


def summary(standings: Sequence[Standing]) -> str:
    """Return one line that counts how the branches stand."""
    states = [one.branch.state for one in standings]
    said = [f"{states.count(state)} {words}" for state, words in _COUNTED.items()
            if state in states]  # fmt: skip
    return f"Revisions: {len(standings)}; branches: {', '.join(said)}."


def _revision(one: Standing) -> dict[str, Any]:
    return {
        "release": one.target.release,
        "commit": one.target.commit,
        "error": one.error,
        "patches": [
            {"id": on.patch.id, "version": on.patch.version, "state": on.state,
             "reasons": list(on.reasons)}
            for on in one.patches
        ],
        "branch": {
            "name": one.target.branch,
            "state": one.branch.state,
            "commit": one.target.carrier.commit if one.target.carrier else None,
            "ref": one.target.carrier.name if one.target.carrier else None,
            "others": one.branch.others,
            "why": one.branch.why or None,
        },
    }  # fmt: skip


def _patch_ids(standings: Iterable[Standing]) -> list[str]:
    return list(dict.fromkeys(on.patch.id for one in standings for on in one.patches))


def _patch_cells(one: Standing, ids: Iterable[str]) -> list[str]:
    states = {on.patch.id: on.state for on in one.patches}
    words = {"in": "already in", "inapplicable": "-"}
    return [words.get(state, state) for state in (states.get(name, "?") for name in ids)]


def _branch_cell(one: Standing) -> str:
    return f"{one.target.branch}: {_state(one.branch)}"


def _state(branch: BranchOn) -> str:
    words = _STATES[branch.state]
    details = [branch.why] if branch.why and branch.state != "unreadable" else []
    if branch.others:
        details.append(f"commits of others: {branch.others}")
    return f"{words} ({'; '.join(details)})" if details else words


def _reasons(standings: Iterable[Standing]) -> list[str]:
    """Return why what could not be made or judged could not."""
    lines = []
    for one in standings:
        error = one.error or (one.branch.why if one.branch.state == "unreadable" else None)
        if error:
            lines.append(f"{one.target.release}: {error}")
    return ["", *lines] if lines else []


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _mark(one: Standing) -> str:
    return "✅ " if one.is_done else "❌ "


def _code(name: str) -> str:
    # CommonMark, "Code spans": a fence of more backticks than any within, and spaces beside those.
    fence = "`" * (1 + max(map(len, re.findall("`+", name)), default=0))
    space = " " if "`" in (name[:1], name[-1:]) else ""
    return f"{fence}{space}{name}{space}{fence}".replace("|", "\\|")


def _escaped(text: str) -> str:
    for char in "\\|*_<>`[]":
        text = text.replace(char, f"\\{char}")
    return text
