"""How the series stands on each revision of a fork, and on the branch that is to carry it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from generator.engine.patch import SemanticPatch
from generator.engine.series import Applied, Refused, Series, Skipped, plan, try_each
from generator.exits import PatchgenError, Unsafe, UnusableInput
from generator.fork.history import carried
from generator.fork.repository import Fork
from generator.fork.select import Target
from generator.model.kubespray import Kubespray
from generator.tree.base import FILE
from generator.tree.ids import blob_id
from generator.tree.refs import (
    REMOTES,
    count_commits,
    have_common_history,
    is_ancestor,
)
from generator.tree.revision import RevisionTree

PatchState = Literal["needed", "in", "obsolete", "inapplicable", "conflict"]

BranchState = Literal["has", "behind", "differs", "missing", "unneeded", "unreadable"]


@dataclass(frozen=True)
class PatchOn:
    """How a semantic patch stands on a revision.

    `needed`; `in` where the tree has it; `obsolete` where upstream has it; `inapplicable` where it
    does not concern the tree; `conflict` where it applies but cannot be done safely.
    """

    patch: SemanticPatch
    state: PatchState
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class BranchOn:
    """How the branch for a revision stands.

    `has` its series; `behind`: the program's own commits on it are not those of today, or the
    revision has moved on; `differs`: it has commits of others and lacks something of the series;
    `missing`; `unneeded`: nothing is to be carried; `unreadable`. `others` counts the commits that
    are neither the revision's nor the program's; `why` is a sentence, or empty.
    """

    state: BranchState
    why: str = ""
    others: int = 0


@dataclass(frozen=True)
class Standing:
    """One revision, its patches, and its branch.

    `series` is what the branch is to carry, None where that cannot be made; `error` says why.
    """

    target: Target
    patches: tuple[PatchOn, ...]
    branch: BranchOn
    series: Series | None = field(repr=False)
    error: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do for the revision."""
        return self.branch.state in ("has", "unneeded")


def standing(fork: Fork, target: Target, patches: tuple[SemanticPatch, ...]) -> Standing:
    """Return how the patches stand on one revision and on the branch that is to carry them.

    What cannot be read or done is part of the answer.
    """
    try:
        tree = fork.tree(target.commit, target.release)
        kubespray = fork.kubespray(tree)
        series, outcomes, error = _planned(kubespray, patches)
        states = tuple(_state(outcome, kubespray) for outcome in outcomes)
    except UnusableInput as problem:
        branch = BranchOn("unreadable", str(problem))
        return Standing(target, (), branch, None, str(problem))
    try:
        branch = _branch(fork, target, patches, tree, series)
    except PatchgenError as problem:
        branch = BranchOn("unreadable", str(problem))
    return Standing(target, states, branch, series, error)


def _planned(
    kubespray: Kubespray, patches: tuple[SemanticPatch, ...]
) -> tuple[Series | None, tuple[Applied | Skipped | Refused, ...], str | None]:
    try:
        series = plan(kubespray, patches)
        return series, series.outcomes, None
    except Unsafe as error:
        return None, try_each(kubespray, patches), str(error)


def _state(outcome: Applied | Skipped | Refused, kubespray: Kubespray) -> PatchOn:
    if isinstance(outcome, Applied):
        return PatchOn(outcome.patch, "needed", outcome.found)
    if isinstance(outcome, Refused):
        return PatchOn(outcome.patch, "conflict", (str(outcome.error),))
    if not outcome.already:
        return PatchOn(outcome.patch, "inapplicable", outcome.reasons)
    state: PatchState = "obsolete" if _is_upstreams(outcome.patch, kubespray) else "in"
    return PatchOn(outcome.patch, state, outcome.reasons)


def _is_upstreams(patch: SemanticPatch, kubespray: Kubespray) -> bool:
    """Tell whether upstream has what a patch does, in the version that a tree is of."""
    if patch.obsolete is None:
        return False
    version = kubespray.version or kubespray.tree.base.revision or ""
    return _numbers(version) >= _numbers(patch.obsolete.since) > ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("-")[0]))


def _branch(
    fork: Fork,
    target: Target,
    patches: tuple[SemanticPatch, ...],
    base: RevisionTree,
    series: Series | None,
) -> BranchOn:
    nothing = series is not None and not series.applied
    if target.carrier is None:
        return BranchOn("unneeded") if nothing else BranchOn("missing")
    if target.is_own_branch:
        lacking = _lacking(fork, patches, target.commit, target.branch)
        return BranchOn("behind", f"lacks {lacking}") if lacking else BranchOn("has")
    tip = target.carrier.commit
    at = carried(fork.reader(tip), tip)
    where = _where(target)
    if at.below == target.commit or _is_part(fork, at.below, target.commit):
        return _of_ours(fork, target, base, series, at.below, bool(at.own), where)
    if at.own and target.commit in fork.elsewhere:
        return BranchOn("behind", f"{where}stands on another commit than {target.release}'s")
    contained = _is_part(fork, target.commit, tip)
    others = _others(fork, target, at.below)
    lacking = _lacking(fork, patches, tip, target.branch)
    if lacking:
        return BranchOn("differs", f"{where}lacks {lacking}", others)
    moved_on = not contained and _have_common_history(fork, target.commit, tip)
    if moved_on:
        return BranchOn("behind", f"{where}lacks commits of {target.release}", others)
    return BranchOn("has", where, others)


def _of_ours(
    fork: Fork,
    target: Target,
    base: RevisionTree,
    series: Series | None,
    below: str,
    has_own: bool,
    where: str,
) -> BranchOn:
    """Return the state of a branch that has no commits but the revision's and the program's."""
    assert target.carrier is not None
    if series is not None and not series.applied:
        return BranchOn("unneeded", where + ("can be deleted" if has_own else ""))
    if not has_own:
        return BranchOn("behind", f"{where}has nothing of the series")
    if below != target.commit:
        return BranchOn("behind", f"{where}stands on an older state of {target.release}")
    tree = fork.tree(target.carrier.commit, target.branch)
    if series is not None and tree.entries == _expected(base, series):
        return BranchOn("has", where)
    if series is None:
        return BranchOn("behind", f"{where}has another series than today's, which is refused")
    return BranchOn("behind", f"{where}has another series than today's")


def _expected(base: RevisionTree, series: Series) -> dict[str, tuple[str, str]]:
    """Return what a tree holds with a series: paths to mode and blob id."""
    entries = dict(base.entries)
    for change in series.files:
        if change.after is None:
            entries.pop(change.path, None)
        else:
            entries[change.path] = (change.mode or FILE, blob_id(change.after, base.base.hash_name))
    return entries


def _lacking(fork: Fork, patches: tuple[SemanticPatch, ...], tip: str, branch: str) -> str:
    """Return which patches a branch's own tree still needs, as a text; empty for none."""
    outcomes = try_each(fork.kubespray(fork.tree(tip, branch)), patches)
    return ", ".join(outcome.patch.id for outcome in outcomes if not isinstance(outcome, Skipped))


def _is_part(fork: Fork, older: str, newer: str) -> bool:
    return is_ancestor(fork.repository, older, newer)


def _have_common_history(fork: Fork, one: str, other: str) -> bool:
    return have_common_history(fork.repository, one, other)


def _others(fork: Fork, target: Target, below: str) -> int:
    """Count the commits of others; at least one, also where a shallow history hides them."""
    try:
        return max(1, count_commits(fork.repository, target.commit, below))
    except UnusableInput:
        return 1


def _where(target: Target) -> str:
    """Return how a sentence on the branch begins: with the remote's name where only it has it."""
    assert target.carrier is not None
    return f"{target.carrier.short} " if target.carrier.name.startswith(REMOTES) else ""
