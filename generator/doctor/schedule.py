"""Why a pod is not scheduled, from the nodes' taints and the pod's tolerations.

The scheduler's message is not asked: since Kubernetes 1.34.2 it no longer names the taint.
Source: Kubernetes documentation, "Taints and Tolerations" and "Assigning Pods to Nodes".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from generator.doctor.cluster import Node, Requirement, Rules, Term, Workload
from generator.model.toleration import UNINITIALIZED, Taint, Toleration

_HARD = ("NoSchedule", "NoExecute")

_DAEMON = tuple(
    Toleration(f"node.kubernetes.io/{key}", "Exists", "", effect)
    for key, effect in (
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"), ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
    )
)  # fmt: skip
"""What the DaemonSet controller adds to its pods (Kubernetes documentation, "DaemonSet")."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a pod may run.

    `allowed` counts the nodes that its node selector and affinity allow, `free` those of them
    that it tolerates; `taints` are what it does not tolerate on the others. `waits` is true
    where no node is free and the cloud provider's taint is an obstacle on one of them;
    `ineffective` are the tolerations that name that taint and do not match it.
    """

    allowed: int
    free: int
    taints: tuple[Taint, ...]
    waits: bool
    ineffective: tuple[Toleration, ...]


def judge(rules: Iterable[Rules], nodes: tuple[Node, ...]) -> Mapping[Rules, Verdict]:
    """Return the verdict on each of the rules; equal rules are judged once."""
    named = {node.name: node for node in nodes}
    alike: dict[tuple[Taint, ...], list[Node]] = {}
    for node in nodes:
        alike.setdefault(node.taints, []).append(node)
    return {each: _verdict(each, named, alike) for each in set(rules)}


def workload_rules(workload: Workload) -> Rules:
    """Return the rules of a workload's pods, with what the DaemonSet controller adds."""
    rules = workload.rules
    if workload.kind != "DaemonSet":
        return rules
    return Rules(rules.tolerations + _DAEMON, rules.selector, rules.terms)


def untolerated(rules: Rules, taints: Iterable[Taint]) -> tuple[Taint, ...]:
    """Return those taints that keep a pod off a node."""
    return tuple(
        taint
        for taint in taints
        if taint.effect in _HARD and not any(each.matches(taint) for each in rules.tolerations)
    )


def allows(rules: Rules, node: Node) -> bool:
    """Tell whether node selector and required node affinity allow a node."""
    if any(node.labels.get(key) != value for key, value in rules.selector):
        return False
    return rules.terms is None or any(_holds(term, node) for term in rules.terms)


def _verdict(
    rules: Rules, named: Mapping[str, Node], alike: Mapping[tuple[Taint, ...], list[Node]]
) -> Verdict:
    groups: Iterable[tuple[tuple[Taint, ...], list[Node]]] = alike.items()
    names = _named_only(rules)
    if names is not None:
        # A DaemonSet's pod: asking all nodes for each would take nodes times pods.
        groups = [(named[name].taints, [named[name]]) for name in sorted(names & set(named))]
    allowed = free = 0
    kept: dict[Taint, None] = {}
    waits = False
    ineffective: dict[Toleration, None] = {}
    for taints, nodes in groups:
        count = sum(allows(rules, node) for node in nodes) if _picky(rules) else len(nodes)
        if not count:
            continue
        allowed += count
        obstacles = untolerated(rules, taints)
        free += 0 if obstacles else count
        kept |= dict.fromkeys(obstacles)
        if any(taint.key == UNINITIALIZED.key for taint in obstacles):
            waits = True
            same = (each for each in rules.tolerations if each.key == UNINITIALIZED.key)
            ineffective |= dict.fromkeys(same)
    waits = waits and not free
    return Verdict(
        allowed=allowed,
        free=free,
        taints=tuple(sorted(kept, key=str)),
        waits=waits,
        ineffective=tuple(ineffective) if waits else (),
    )


def _picky(rules: Rules) -> bool:
    return bool(rules.selector) or rules.terms is not None


def _named_only(rules: Rules) -> frozenset[str] | None:
    """Return the only nodes that the affinity can allow by name, None where it names none."""
    if not rules.terms:
        return None
    names: set[str] = set()
    for term in rules.terms:
        by_name = [v for key, operator, v in term.fields if (key, operator) == _NAME_IN]
        if not by_name:
            return None
        names.update(by_name[0])
    return frozenset(names)


_NAME_IN = ("metadata.name", "In")


def _holds(term: Term, node: Node) -> bool:
    if not term.labels and not term.fields:
        # An empty term allows no node (API reference, NodeSelectorTerm).
        return False
    name = {"metadata.name": node.name}
    return all(_meets(each, node.labels) for each in term.labels) and all(
        _meets(each, name) for each in term.fields
    )


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement
    value = labels.get(key)
    if operator in ("In", "NotIn"):
        return (value in values) is (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) is (operator == "Exists")
    numbers = [_whole(value or ""), *(_whole(each) for each in values)]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return False
    if operator == "Gt":
        return numbers[0] > numbers[1]
    return operator == "Lt" and numbers[0] < numbers[1]


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    # No label is longer than 63 characters.
    return int(text) if digits.isascii() and digits.isdigit() and len(text) < 64 else None
