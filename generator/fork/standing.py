"""What is said of a revision of a fork, its patches, and the branch that is to carry them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from generator.engine.patch import SemanticPatch
from generator.engine.series import Series
from generator.fork.select import Target

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
