"""What a picture shows, before anything is measured, placed or written.

All texts in here are as they stand in the tree: the writers make them harmless, see `words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["early", "late", "harmful", "never", "doubtful"]
"""How a need is met: in time; too late, so that the deployment fails; late with less harm; by
nobody, so that it fails; by nobody with less harm."""

MarkKind: TypeAlias = Literal[
    "provides", "waits", "fails", "harm", "pending", "moved", "added", "spared"
]

Verdict: TypeAlias = Literal["blocks", "warns", "fine"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line in a box that says what is special about a step."""

    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """A step that is shown in full, or nobody.

    `key` is unique in its sheet. `title` is the role, `through` the role in the play that brings
    it, empty where the play names it itself. `place` is where its own entry stands. `roles` are
    the names on the way to it.
    """

    key: str
    title: str
    through: str
    place: str
    marks: tuple[Mark, ...]
    roles: tuple[str, ...] = ()
    nobody: bool = False

    def has(self, *kinds: MarkKind) -> bool:
        """Tell whether the box has a mark of one of some kinds."""
        return any(mark.kind in kinds for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Fold:
    """Steps between the boxes, none of which provides or waits; `names` are their roles."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A play, or a run of plays that hold no box; `numbers` are those of its plays, from 1."""

    numbers: tuple[int, ...]
    name: str
    hosts: str
    rows: tuple[Box | Fold, ...]

    @property
    def is_folded(self) -> bool:
        """Tell whether this stands for several plays, or one of which nothing is shown."""
        return not any(isinstance(row, Box) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Arrow:
    """Leads from the box that provides facts to the one that needs them.

    `cured` tells that it comes in time in this sheet but did not in the one before.
    """

    source: str
    target: str
    facts: tuple[str, ...]
    state: State
    cured: bool = False

    @property
    def is_told(self) -> bool:
        """Tell whether the arrow is what the picture is about, and has its words beside it."""
        return self.cured or self.state != "early"


@dataclass(frozen=True, slots=True)
class Listed:
    """A step in the list of all steps: its depth below the play, and its marks if it is shown."""

    play: int
    depth: int
    title: str
    place: str
    repeats: bool
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A playbook's run once: before the patches or after them."""

    heading: str
    verdict: Verdict
    sentence: str
    bands: tuple[Band, ...]
    arrows: tuple[Arrow, ...]
    plays: tuple[tuple[str, str], ...]
    steps: tuple[Listed, ...]

    def boxes(self) -> dict[str, Box]:
        """Return the boxes by key, in their order."""
        rows = (row for band in self.bands for row in band.rows)
        return {row.key: row for row in rows if isinstance(row, Box)}


@dataclass(frozen=True, slots=True)
class Picture:
    """A playbook's runs beside each other; `said` tells why there is only one, if so.

    `tree` names the tree, `scenario` are variables as `name=value`. `advice` are sentences on
    what was found before the patches, each with its place.
    """

    playbook: str
    tree: str
    scenario: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    said: str
    advice: tuple[str, ...] = ()
