"""What the commands print with `--format json`; the schemas are in docs/json.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from generator.engine.patch import SemanticPatch
from generator.engine.series import Applied, Series, Skipped
from generator.model.step import Order, Step
from generator.text.document import Place
from generator.tree.base import Base


def to_json(report: dict[str, Any]) -> str:
    """Return a report as text, readable and with its keys in their order."""
    return json.dumps(report, indent=2, ensure_ascii=False)


def patch_report(series: Series, prefix: str = "") -> dict[str, Any]:
    """Return what `patch` found and did; `prefix` is put before every path."""
    return {
        "schema": "kubespray-patchgen/patch/1",
        "base": _base(series.base),
        "patches": [_outcome(outcome, prefix) for outcome in series.outcomes],
        "files": [prefix + change.path for change in series.files],
    }


def order_report(base: Base, orders: Iterable[Order]) -> dict[str, Any]:
    """Return the steps of playbooks."""
    return {
        "schema": "kubespray-patchgen/order/1",
        "base": _base(base),
        "playbooks": [
            {
                "playbook": order.playbook,
                "files": list(order.files),
                "plays": [
                    {
                        "number": number,
                        "name": play.name,
                        "hosts": play.hosts,
                        "serial": list(play.serial),
                        **_place(play.place),
                    }
                    for number, play in enumerate(order.plays, start=1)
                ],
                "steps": [_step(step) for step in order.steps],
            }
            for order in orders
        ],
    }


def patches_report(patches: Iterable[SemanticPatch]) -> dict[str, Any]:
    """Return the semantic patches."""
    return {
        "schema": "kubespray-patchgen/patches/1",
        "patches": [
            {
                "id": patch.id,
                "version": patch.version,
                "date": patch.date,
                "title": patch.title,
                "default": patch.default,
                "why": patch.why,
                "references": list(patch.references),
                "needs_roles": list(patch.needs_roles),
                "excludes": list(patch.excludes),
                "comes_with": list(patch.comes_with),
                "obsolete_since": patch.obsolete.since if patch.obsolete else None,
                "leaves_alone": [
                    {"playbook": left.playbook, "why": left.why} for left in patch.leaves_alone
                ],
                "operations": [operation.describe() for operation in patch.operations],
                "components": [
                    {"name": component.name, "unwise": component.unwise}
                    for component in patch.components
                ],
            }
            for patch in patches
        ],
    }


def _base(base: Base) -> dict[str, Any]:
    return {"name": base.name, "commit": base.commit}


def _outcome(outcome: Applied | Skipped, prefix: str) -> dict[str, Any]:
    applied = isinstance(outcome, Applied)
    return {
        "id": outcome.patch.id,
        "version": outcome.patch.version,
        "needed": applied,
        "reasons": list(outcome.found if isinstance(outcome, Applied) else outcome.reasons),
        "files": [prefix + c.path for c in outcome.files] if isinstance(outcome, Applied) else [],
        "components": list(outcome.components) if isinstance(outcome, Applied) else [],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "play": step.play_number,
        "role": step.role,
        "kind": step.use.kind,
        "name": step.use.name,
        "depth": len(step.chain) - 1,
        "through": list(step.roles[:-1] if step.unresolved is None else step.roles),
        "tags": list(step.tags),
        "when": list(step.when),
        "parameters": dict(step.use.params),
        "repeats": step.repeats,
        "unresolved": step.unresolved,
        **_place(step.place),
    }


def _place(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}
