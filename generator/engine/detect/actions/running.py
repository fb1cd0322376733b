"""Tasks that run programs: kubectl, Helm, and those that install a chart of their own."""

from __future__ import annotations

from generator.engine.detect.actions.doing import Doing
from generator.engine.detect.actions.releasing import HELM_SECONDS
from generator.engine.detect.command import UNSURE, Command, commands, known, seconds, targets
from generator.engine.detect.events import Released
from generator.exits import UnusableInput
from generator.model.expression import render, render_as_data
from generator.model.toleration import UNINITIALIZED
from generator.model.value import Undefined, Unknown, Value
from generator.model.wait import Target
from generator.text.template import lex

_OWN_CHART = {"cilium": "cilium"}
"""Programs that install one chart of their own, with Helm's flags."""

_PROGRAMS = frozenset({"kubectl", "helm", *_OWN_CHART})

_KUBECTL_SECONDS = 30
"""How long `kubectl wait` waits without more (reference of kubectl)."""

_NO_PODS = ("delete", "create", "condition=established", "condition=namesaccepted")

_WAITABLE = ("pods", "nodes", "Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job")


def run_command(doing: Doing) -> None:
    """`command`, `shell`: what the programs put into the cluster, or wait for."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown):
        return
    argv = arguments.get("argv")
    raw = argv if isinstance(argv, list) else arguments.get("cmd") or arguments.get("_raw") or ""
    text = " ".join(map(str, raw)) if isinstance(raw, list) else str(raw)
    shell = doing.run.task.module == "shell"
    for command in commands(spliced(text, doing), _PROGRAMS, shell):
        if command.program == "kubectl":
            _kubectl(doing, command, arguments.get("stdin"))
        else:
            _installer(doing, command, arguments.get("stdin"))


def spliced(text: str, doing: Doing) -> str:
    """Return a text with its expressions worked out one by one, UNSURE for what is not known."""
    if "{{" not in text and "{%" not in text:
        return text
    whole = render(text, doing.scope)
    if isinstance(whole, str):
        return whole
    try:
        template = lex(doing.run.task.place.path, text)
    except UnusableInput:
        return UNSURE
    if template.branches or template.loops:
        return UNSURE
    parts: list[str] = []
    at = 0
    for expression in template.expressions:
        parts.append(text[at : expression.start])
        value = render(text[expression.start : expression.end], doing.scope)
        parts.append(UNSURE if isinstance(value, Unknown | Undefined) else str(value))
        at = expression.end
    return "".join([*parts, text[at:]])


def _kubectl(doing: Doing, command: Command, stdin: Value) -> None:
    verb = command.words[0] if command.words else ""
    if verb in ("apply", "create", "replace"):
        for name, path in command.flags:
            if name in ("-f", "--filename"):
                if path == "-":
                    doing.apply_text(doing.value(stdin))
                else:
                    doing.apply_path(Unknown() if UNSURE in path else path)
    elif verb == "wait":
        condition = (command.flag("--for") or "").lower()
        if not condition.startswith(_NO_PODS):
            limit = command.flag("--timeout")
            _wait(doing, command, "kubectl wait",
                  _KUBECTL_SECONDS if limit is None else seconds(limit))  # fmt: skip
    elif verb == "rollout" and "status" in command.words:
        _wait(doing, command, "kubectl rollout status", seconds(command.flag("--timeout")))
    elif verb == "get" and doing.has("until"):
        until = doing.written("until")
        words = " ".join(command.all_words())
        if UNINITIALIZED.key in f"{until} {words}":
            doing.wait(Target("initialized nodes"), "the task's until loop", doing.retries())
            return
        # Only a loop that looks at what is printed waits for more than the API server's answer,
        # and what filters by containerStatuses prints nothing for pods that no node has taken.
        if "stdout" in until and "containerStatuses" not in words:
            asks_ready = "ready" in f"{until} {words}".lower()
            _wait(doing, command, "the task's until loop", doing.retries(), asks_ready)


def _wait(
    doing: Doing, command: Command, how: str, limit: int | None, for_nodes: bool = True
) -> None:
    for target in targets(command):
        if target.kind in _WAITABLE and (for_nodes or target.kind != "nodes"):
            doing.wait(target, how, limit)


def _installer(doing: Doing, command: Command, stdin: Value) -> None:
    verb, *rest = command.words or ("",)
    own = _OWN_CHART.get(command.program)
    if verb == "status" and own is not None and command.has("--wait"):
        doing.wait(Target("release", own), f"{command.program} status --wait", HELM_SECONDS)
    # A verb that is not known may be one of these: upstream works it out while it runs.
    if verb not in ("install", "upgrade", UNSURE):
        return
    name, chart = (own, own) if own is not None else _named(rest)
    values = None if own is not None else _values(doing, command, stdin)
    namespace = known(command.flag("-n", "--namespace"))
    place, moment = doing.run.task.place, doing.moment
    doing.released.append(Released(name, namespace, chart, values, place, moment))
    waiting = [flag for flag in ("--wait", "--atomic") if command.has(flag)]
    if waiting:
        limit = command.flag("--timeout")
        how = f"{command.program} {verb} {' '.join(waiting)}"
        doing.wait(Target("release", name), how, HELM_SECONDS if limit is None else seconds(limit))


def _values(doing: Doing, command: Command, stdin: Value) -> Value:
    """Return the values that a Helm command line gives: those on standard input can be known."""
    files = [value for name, value in command.flags if name in ("-f", "--values")]
    if command.has("--set", "--set-string", "--set-file", "--set-json"):
        return Unknown()
    if files == ["-"] and isinstance(stdin, str):
        return render_as_data(stdin, doing.scope)
    return Unknown() if files else None


def _named(words: list[str]) -> tuple[str | None, str | None]:
    """Return release and chart of `helm install RELEASE CHART`."""
    name, chart = [*map(known, words[:2]), None, None][:2]
    return name, chart
