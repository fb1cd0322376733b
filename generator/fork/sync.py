"""Creating and moving the branches of a fork that carry the series."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from generator.engine.series import Series
from generator.fork.commits import ANY_DATE, Chain, drafted, install, signed
from generator.fork.repository import Fork
from generator.fork.standing import Standing
from generator.tree.git import feed_git
from generator.tree.refs import HEADS

Action = Literal["create", "update", "keep", "refuse"]


@dataclass(frozen=True)
class Step:
    """What is done to one branch.

    `create` and `update` (from `before` to `after`, full ids); `keep` where it has its series or
    needs none; `refuse` where it is left alone though it lacks something: `why` says so.
    """

    standing: Standing
    action: Action
    why: str = ""
    before: str | None = None
    after: str | None = None

    @property
    def branch(self) -> str:
        """The branch's name."""
        return self.standing.target.branch

    @property
    def moves(self) -> bool:
        """Whether the branch is created or moved."""
        return self.action in ("create", "update")


def decide(standing: Standing, force: bool, checked_out: dict[str, str]) -> Step:
    """Return what is to be done to the branch of a revision.

    `checked_out` are the branches of work trees, by full name, with their places.
    """
    target, branch = standing.target, standing.branch
    local = target.carrier is not None and target.carrier.name.startswith(HEADS)
    before = target.carrier.commit if target.carrier is not None and local else None
    if standing.is_done:
        why = branch.why or ("nothing to carry" if branch.state == "unneeded" else "")
        return Step(standing, "keep", why, before)
    if standing.series is None:
        return Step(standing, "refuse", standing.error or branch.why, before)
    if branch.state == "unreadable" and not force:
        return Step(standing, "refuse", branch.why, before)
    if target.is_own_branch:
        return Step(standing, "refuse", "it is the revision itself", before)
    if branch.others and not force:
        return Step(standing, "refuse", _others(branch.others), before)
    place = checked_out.get(f"{HEADS}{target.branch}")
    if place is not None:
        return Step(standing, "refuse", f"it is checked out in {place}", before)
    return Step(standing, "update" if local else "create", branch.why, before)


def carry_out(fork: Fork, steps: Iterable[Step], dry_run: bool, sign: bool) -> tuple[Step, ...]:
    """Make the commits and move the branches, all in one go; return what was done.

    With `dry_run` nothing is written; the ids are those that would be. Raises UnusableInput where
    a branch cannot be moved; then none is.
    """
    planned = tuple(steps)
    moving = [step for step in planned if step.moves]
    if not moving:
        return planned
    wanted = [(step.standing.target.commit, _series(step)) for step in moving]
    with ExitStack() as stack:
        drafts = stack.enter_context(drafted(fork, wanted))
        tips = [chain.tip for chain in drafts.chains]
        if not dry_run:
            install(fork, drafts)
            tips = [_final(fork, chain, sign) for chain in drafts.chains]
            _move(fork, list(zip(moving, tips, strict=True)))
    made = {step.branch: tip for step, tip in zip(moving, tips, strict=True)}
    # A signature holds the time of signing: its commit's id is not known before.
    known = not (dry_run and sign)
    return tuple(
        replace(step, after=made[step.branch]) if step.moves and known else step
        for step in planned
    )  # fmt: skip


def _final(fork: Fork, chain: Chain, sign: bool) -> str:
    return signed(fork, chain) if sign else chain.tip


def _series(step: Step) -> Series:
    assert step.standing.series is not None
    return step.standing.series


def _move(fork: Fork, moves: list[tuple[Step, str]]) -> None:
    """Move branches in one transaction of git, each only from where it was seen."""
    nowhere = "0" * (64 if fork.repository.hash_name == "sha256" else 40)
    rows = [
        f"update {HEADS}{step.branch}\0{tip}\0{step.before or nowhere}\0" for step, tip in moves
    ]
    transaction = "".join(["start\0", *rows, "prepare\0", "commit\0"])
    feed_git(
        fork.repository.directory, transaction.encode(), "update-ref", "--no-deref", "-m",
        "kubespray-patchgen: fork sync", "--stdin", "-z", env=ANY_DATE,
    )  # fmt: skip


def _others(count: int) -> str:
    commits = "1 commit" if count == 1 else f"{count} commits"
    return f"it has {commits} of others, which would be lost; --force moves it all the same"
