"""The stages as text, as a shell script, as an Ansible playbook, and as data."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from generator.emit.templates import template
from generator.emit.wrap import paragraphs
from generator.engine.detect.ran import Ran
from generator.model.facts import INITIALIZED, READY
from generator.model.toleration import UNINITIALIZED
from generator.stage.decide import Needless, Staged
from generator.stage.imported import Imported
from generator.text.document import Place

_WIDTH = 88

_COLUMNS = (
    "custom-columns=NAME:.metadata.name,"
    'READY:.status.conditions[?(@.type=="Ready")].status,TAINTS:.spec.taints[*].key'
)
"""What kubectl shall print of each node: one line, without blanks in any column."""

_SYSTEM = "kube-system"


@dataclass(frozen=True)
class Setting:
    """Where the user runs the stages, and how long stage 2 waits, in seconds.

    `tree` is the directory of the tree, `inventory` the path of an inventory that Ansible reads;
    None where they are not known.
    """

    tree: str | None
    inventory: str | None
    timeout: int
    interval: int


def runbook_text(staged: Staged, setting: Setting) -> str:
    """Return the stages for people; the commands are one a line, quoted for a shell."""
    return _rendered("stage.txt.j2", staged, setting)


def runbook_script(staged: Staged, setting: Setting) -> str:
    """Return a shell script that does the stages, and goes on where it ended."""
    return _rendered("stage.sh.j2", staged, setting)


def runbook_playbook(staged: Staged, setting: Setting, imported: Imported) -> str:
    """Return an Ansible playbook that does the stages; its values are JSON, which is YAML."""
    return _rendered("stage.yml.j2", staged, setting, imported=imported)


def stage_report(found: Staged | Needless, setting: Setting) -> dict[str, Any]:
    """Return the stages, or that there are none, as data; the schema is in docs/json.md."""
    report: dict[str, Any] = {
        "schema": "kubespray-patchgen/stage/1",
        "base": {"name": found.base.name, "commit": found.base.commit},
        "playbook": found.playbook,
        "needed": isinstance(found, Staged),
        "reason": found.reason if isinstance(found, Needless) else _reason(found),
    }
    if isinstance(found, Needless):
        return report | {"stages": []}
    return report | {
        "tag": found.chosen.tag,
        "conditions": list(found.conditions),
        "brings": list(found.chosen.brings),
        "places": [_place(place) for place in found.chosen.places],
        "stages": [
            {
                "number": 1,
                "does": "deploy",
                "command": [*_command(found, setting), "--skip-tags", found.chosen.tag],
            },
            {
                "number": 2,
                "does": "wait",
                "command": ["kubectl", "get", "nodes", "--no-headers", "-o", _COLUMNS],
                "taint": UNINITIALIZED.key,
                "ready": READY in found.needs,
                "timeout": setting.timeout,
                "interval": setting.interval,
                "own_ccm": found.own_ccm,
            },
            {
                "number": 3,
                "does": "approve",
                "command": [*_command(found, setting), "--tags", found.chosen.tag],
            },
        ],
    }


def _rendered(name: str, staged: Staged, setting: Setting, **more: Any) -> str:
    words = [shlex.quote(word) for word in _command(staged, setting)]
    if setting.inventory is None:
        words.insert(1, "-i INVENTORY")
    context = {
        "staged": staged,
        "setting": setting,
        "title": _line(staged.base.name),
        "reason": _reason(staged),
        "command": " ".join(words),
        "tag": shlex.quote(staged.chosen.tag),
        "also": _also(staged),
        "helm_first": _helm_first(staged.run),
        "taint": UNINITIALIZED.key,
        "columns": _COLUMNS,
        "ready": READY in staged.needs,
        "tainted": INITIALIZED in staged.needs,
        "look": _look(staged),
        "kind": _kind(staged),
        "pattern": _pattern(staged),
        "identity": _identity(staged, setting),
        "json": _json,
        "line": _line,
        "fill": _fill,
    }
    return template(name).render(**context, **more)


def _command(staged: Staged, setting: Setting) -> list[str]:
    """Return the words that both runs of Ansible begin with."""
    inventory = ["-i", setting.inventory] if setting.inventory is not None else []
    return ["ansible-playbook", *inventory, _relative(staged.playbook)]


def _relative(path: str) -> str:
    return f"./{path}" if path.startswith(("-", "@")) else path


def _reason(staged: Staged) -> str:
    return " ".join(dict.fromkeys(finding.message for finding in staged.findings))


def _also(staged: Staged) -> list[str]:
    """Return the roles that come and go with the approver."""
    return [role for role in staged.chosen.brings if not role.endswith("csr-approver")]


def _helm_first(run: Ran) -> bool:
    """Tell whether Helm is installed by a step of its own, which is part of stage 1."""
    scope = run.scope()
    return scope is not None and scope("helm_enabled") is True


def _kind(staged: Staged) -> str:
    """Return the controller as kubectl names it, empty where it is not known."""
    workload = staged.controller.workload if staged.controller is not None else None
    if workload is None or not workload.name or workload.kind == "Helm release":
        return ""
    name = f"{workload.kind.lower()}/{workload.name}"
    return name if all(char.isalnum() or char in "-./" for char in name) else ""


def _look(staged: Staged) -> list[str]:
    """Return the commands that tell why a node stays uninitialised; none needs quoting."""
    namespace = _SYSTEM
    workload = staged.controller.workload if staged.controller is not None else None
    if workload is not None and (workload.namespace or "").replace("-", "").isalnum():
        namespace = workload.namespace or namespace
    kind = _kind(staged)
    commands = [f"kubectl -n {namespace} get pods -o wide"]
    if kind:
        commands.append(f"kubectl -n {namespace} logs {kind} --tail=50")
    return [*commands, "kubectl describe nodes", "kubespray-patchgen doctor"]


def _pattern(staged: Staged) -> str:
    """Return a regular expression for the lines of nodes that are not as they should be."""
    tainted = rf"[\s,]{re.escape(UNINITIALIZED.key)}(?:[\s,]|$)"
    return rf"{tainted}|^\S+\s+(?!True\s)" if READY in staged.needs else tainted


def _identity(staged: Staged, setting: Setting) -> str:
    """Return what tells the state of one script's run from that of another's."""
    parts = [setting.tree, setting.inventory, staged.playbook, staged.chosen.tag]
    text = "\0".join(part or "" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _line(text: str) -> str:
    """Return a text on one line, which ends no comment and moves no terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def _fill(text: str, indent: int = 0) -> str:
    """Fill a text; lines behind the first are indented."""
    return paragraphs(_line(text), _WIDTH - indent).replace("\n", "\n" + " " * indent)


def _place(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}
