"""How the series stands on each revision of a fork, and on the branch that is to carry it."""

from __future__ import annotations

import re

from generator.engine.patch import SemanticPatch
from generator.engine.series import Applied, Refused, Series, Skipped, plan, try_each
from generator.exits import PatchgenError, Unsafe, UnusableInput
from generator.fork.branch import judged
from generator.fork.repository import Fork
from generator.fork.select import Target
from generator.fork.standing import BranchOn, PatchOn, PatchState, Standing
from generator.model.kubespray import Kubespray


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
        branch = judged(fork, target, patches, tree, series)
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
    found = re.match(r"v?([0-9]{1,6}(?:\.[0-9]{1,6})*)(?![0-9])", version)
    return tuple(map(int, found[1].split("."))) if found else ()
