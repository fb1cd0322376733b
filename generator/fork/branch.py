"""How the branch stands that is to carry the series for a revision."""

from __future__ import annotations

from dataclasses import replace

from generator.engine.patch import SemanticPatch
from generator.engine.series import Series, Skipped, plan, try_each
from generator.exits import Unsafe, UnusableInput
from generator.fork.history import (
    Carried,
    Commit,
    carried,
    components_of,
    is_ours,
    made_of,
    read_commit,
)
from generator.fork.repository import Fork
from generator.fork.select import Target
from generator.fork.standing import BranchOn
from generator.tree.base import FILE
from generator.tree.ids import blob_id
from generator.tree.refs import REMOTES, commits_between, have_common_history, is_ancestor
from generator.tree.revision import RevisionTree

_MOST = 1000
"""Commits of others are counted up to this number."""


def judged(
    fork: Fork,
    target: Target,
    patches: tuple[SemanticPatch, ...],
    base: RevisionTree,
    series: Series | None,
) -> BranchOn:
    """Return how the branch for a revision stands.

    `base` is the revision's tree, `series` what the branch is to carry, None where that cannot be
    made. Raises UnusableInput where the branch cannot be read.
    """
    nothing = series is not None and not series.applied
    if target.carrier is None:
        return BranchOn("unneeded") if nothing else BranchOn("missing")
    if target.is_own_branch:
        lacking = _lacking(fork, patches, target.carrier.commit, target.branch)
        return BranchOn("behind", f"lacks {lacking}") if lacking else BranchOn("has")
    tip = target.carrier.commit
    at = carried(fork.reader(tip), tip, target.commit)
    only_ours = at.below == target.commit or is_ancestor(fork.repository, at.below, target.commit)
    if nothing:
        found = BranchOn("unneeded", "can be deleted" if at.own and only_ours else "")
    elif only_ours:
        found = _of_ours(fork, target, base, series, at)
    elif at.own and target.commit in fork.elsewhere:
        return _named(target, BranchOn("behind", f"stands on another commit than {target.release}"))
    else:
        found = _with_others(fork, target, patches)
    if not only_ours:
        found = replace(found, others=_others(fork, target, tip))
    elif found.state == "behind" and _is_changed(fork, target, patches, at):
        found = replace(found, others=len(at.own))
    return _named(target, found)


def _of_ours(
    fork: Fork, target: Target, base: RevisionTree, series: Series | None, at: Carried
) -> BranchOn:
    """Return the state of a branch that has no commits but the revision's and the program's."""
    assert target.carrier is not None
    if not at.own:
        return BranchOn("behind", "has nothing of the series")
    if at.below != target.commit:
        return BranchOn("behind", f"stands on an older state of {target.release}")
    if series is None:
        return BranchOn("behind", "has another series than today's, which is refused")
    tree = fork.tree(target.carrier.commit, target.branch)
    if tree.entries == _expected(base, series):
        return BranchOn("has")
    return BranchOn("behind", "has another series than today's")


def _with_others(fork: Fork, target: Target, patches: tuple[SemanticPatch, ...]) -> BranchOn:
    """Return the state of a branch on which others have made commits."""
    assert target.carrier is not None
    tip = target.carrier.commit
    lacking = _lacking(fork, patches, tip, target.branch)
    if lacking:
        return BranchOn("differs", f"lacks {lacking}")
    if not is_ancestor(fork.repository, target.commit, tip) and _has_moved_on(fork, target, tip):
        return BranchOn("behind", f"lacks commits of {target.release}")
    return BranchOn("has")


def _is_changed(
    fork: Fork, target: Target, patches: tuple[SemanticPatch, ...], at: Carried
) -> bool:
    """Tell whether somebody changed the program's commits and left their dates as they were.

    That shows where they were made by the very patches of today, and hold something else.
    """
    assert target.carrier is not None
    today = {(patch.id, patch.version): patch for patch in patches}
    made_by = [_made_by(today.get(made_of(commit)), commit) for commit in reversed(at.own)]
    known = [patch for patch in made_by if patch is not None]
    if not known or len(known) < len(made_by):
        return False
    below = fork.tree(at.below, at.below)
    try:
        series = plan(fork.kubespray(below), known)
    except Unsafe:
        return True
    tip = fork.tree(target.carrier.commit, target.branch)
    return tip.entries != _expected(below, series)


def _made_by(patch: SemanticPatch | None, commit: Commit) -> SemanticPatch | None:
    """Return the patch as it made a commit of ours, whatever components are chosen today.

    None where it does not know them.
    """
    if patch is None or not patch.components:
        return patch
    names = components_of(commit)
    known = {component.name for component in patch.components}
    return patch.limited_to(names) if names and known.issuperset(names) else None


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


def _has_moved_on(fork: Fork, target: Target, tip: str) -> bool:
    """Tell whether a revision has commits that a branch made from it lacks.

    Not where they have no history in common: then the branch took the files over by a commit of
    its own, as a squashed subtree does.
    """
    if target.commit in fork.elsewhere:
        return target.moves
    return have_common_history(fork.repository, target.commit, tip)


def _others(fork: Fork, target: Target, tip: str) -> int:
    """Count the commits of others; at least one, also where a shallow history hides them."""
    try:
        found = commits_between(fork.repository, target.commit, tip, _MOST)
    except UnusableInput:
        return 1
    reader = fork.reader(tip)
    return max(1, sum(not is_ours(reader, read_commit(reader, commit)) for commit in found))


def _named(target: Target, found: BranchOn) -> BranchOn:
    """Return a branch's state with the name of the remote's branch, where only a remote has it."""
    assert target.carrier is not None
    if not target.carrier.name.startswith(REMOTES):
        return found
    return replace(found, why=f"{target.carrier.short} {found.why}".rstrip())
