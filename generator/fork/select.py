"""Which revisions a fork's series is kept over, and the branch that goes with each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from generator.exits import UnusableInput
from generator.fork.template import BranchTemplate
from generator.tree.refs import HEADS, REMOTES, TAGS, Ref

FIRST = (2, 22)
"""The first minor release with kubelet-csr-approver; without a pattern, those from it on count."""

_RELEASE = re.compile(r"v([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")
_ORIGIN = f"{REMOTES}origin/"


@dataclass(frozen=True)
class Target:
    """A revision that the series is made for, and the name of the branch that is to carry it.

    `carrier` is the ref that the branch is at, None where there is no such branch yet; a branch
    that only a remote has counts. `is_own_branch` where the revision itself is that branch;
    `moves` where the revision is a branch, not a tag.
    """

    release: str
    commit: str
    branch: str
    carrier: Ref | None
    is_own_branch: bool = False
    moves: bool = False


def select(
    refs: Iterable[Ref], own: Iterable[Ref], patterns: tuple[str, ...], template: BranchTemplate
) -> tuple[Target, ...]:
    """Return the revisions among `refs` that patterns name, the oldest release first.

    `own` are the fork's own refs, where its branches are. A pattern is a glob over names of tags
    and branches, one with a slash over names with their remote, too. Without a pattern all
    releases from v2.22.0 on are meant, and all whose branch is there. Raises UnusableInput where
    a pattern matches nothing, or two revisions would have the same branch.
    """
    fork = tuple(own)
    known = _by_name(refs)
    branches = _branches(fork)
    revisions = known.keys() | {ref.alone for ref in fork}
    candidates = {
        name: ref for name, ref in known.items()
        if template.release(ref.alone) not in revisions
    }  # fmt: skip
    names = _named(candidates, patterns) if patterns else _usual(candidates, branches, template)
    targets = [_target(name, candidates[name], branches, template) for name in names]
    _require_different(targets)
    return tuple(sorted(targets, key=lambda target: natural(target.release)))


def _target(name: str, ref: Ref, branches: Mapping[str, Ref], template: BranchTemplate) -> Target:
    branch = template.branch(ref.alone)
    return Target(
        name, ref.commit, branch, branches.get(branch), template.is_release,
        moves=not ref.name.startswith(TAGS),
    )  # fmt: skip


def natural(name: str) -> tuple[object, ...]:
    """Return a key that sorts tags of releases first, by number, and names without one last."""
    first, *rest = re.split(r"([0-9]+)", name)
    # By their length first: a name may hold a number that is too long to read.
    numbers = [(len(digits.lstrip("0")), digits.lstrip("0")) for digits in rest[::2]]
    parts = list(zip(numbers, rest[1::2], strict=True))
    return (not _RELEASE.fullmatch(name), not parts, first, parts)


def onto_patterns(pattern: str, releases: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of the fork's own release branches.

    `{release}` and `{version}` (without the v) stand for each of the releases; a pattern without
    them is a glob by itself.
    """
    if "{release}" not in pattern and "{version}" not in pattern:
        return (pattern,)
    return tuple(
        pattern.replace("{release}", name).replace("{version}", name[1:])
        for name in releases if _RELEASE.fullmatch(name)
    )  # fmt: skip


def _by_name(refs: Iterable[Ref]) -> dict[str, Ref]:
    """Return refs by the names that a user may call them; a tag counts before a branch."""
    found: dict[str, Ref] = {}
    for ref in sorted(refs, key=_rank):
        found.setdefault(ref.alone, ref)
    for ref in refs:
        if ref.name.startswith(REMOTES):
            found.setdefault(ref.short, ref)
    return found


def _branches(own: Iterable[Ref]) -> dict[str, Ref]:
    """Return the fork's branches by name, its local ones before those of remotes."""
    found: dict[str, Ref] = {}
    for ref in sorted(own, key=_rank):
        if not ref.name.startswith(TAGS):
            found.setdefault(ref.alone, ref)
    return found


def _rank(ref: Ref) -> tuple[int, str]:
    order = (TAGS, HEADS, _ORIGIN, REMOTES)
    return next(rank for rank, kind in enumerate(order) if ref.name.startswith(kind)), ref.name


def _named(candidates: Mapping[str, Ref], patterns: tuple[str, ...]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in patterns:
        matching = [name for name, ref in candidates.items() if _matches(name, ref, pattern)]
        if not matching:
            raise UnusableInput(
                f"no tag and no branch is called '{pattern}'; fetch them, or name the repository "
                "that has them with --upstream."
            )
        found.update(dict.fromkeys(matching))
    return list(found)


def _matches(name: str, ref: Ref, pattern: str) -> bool:
    with_remote = ref.name.startswith(REMOTES) and name == ref.short
    return fnmatchcase(name, pattern) and (not with_remote or "/" in pattern)


def _usual(
    candidates: Mapping[str, Ref], branches: Mapping[str, Ref], template: BranchTemplate
) -> list[str]:
    names = [
        name for name, ref in candidates.items()
        if name == ref.alone and (_counts(name) or _has_branch(ref, branches, template))
    ]  # fmt: skip
    if not names:
        raise UnusableInput(
            "the repository has no release of Kubespray (a tag such as v2.24.0); fetch the tags, "
            "name the repository that has them with --upstream, or name revisions with --releases."
        )
    return names


def _counts(name: str) -> bool:
    release = _RELEASE.fullmatch(name)
    return release is not None and (int(release[1]), int(release[2])) >= FIRST


def _has_branch(ref: Ref, branches: Mapping[str, Ref], template: BranchTemplate) -> bool:
    return not template.is_release and template.branch(ref.alone) in branches


def _require_different(targets: Iterable[Target]) -> None:
    taken: dict[str, Target] = {}
    for target in targets:
        other = taken.setdefault(target.branch, target)
        if other is not target:
            raise UnusableInput(
                f"{other.release} and {target.release} would both have the branch "
                f"'{target.branch}'; name one of them with --releases."
            )
