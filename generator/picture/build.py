"""Pictures made from drafts: what is shown, what is folded, and what the patches changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from generator.engine.runs import Through
from generator.picture.draft import NOBODY, Draft, Spot, draft
from generator.picture.model import (
    Arrow,
    Band,
    Box,
    Fold,
    Listed,
    Mark,
    Picture,
    Sheet,
    State,
    Verdict,
)
from generator.picture.words import fact_words, short

_ORDER = ("moved", "added", "provides", "waits", "fails", "harm", "spared", "pending")
"""The order of marks in a box."""

_BAD: tuple[State, ...] = ("late", "never", "harmful", "doubtful")


@dataclass(frozen=True)
class Extra:
    """What only the comparison with the sheet before tells of one after the patches."""

    marks: dict[str, list[Mark]] = field(default_factory=dict)
    arrows: tuple[Arrow, ...] = ()


def picture(
    tree: str,
    before: Through | None,
    after: Through | None,
    said: str = "",
    everything: bool = False,
) -> Picture:
    """Return the picture of a playbook before some patches and after them.

    Where there is only one of the two, that alone is drawn. Where the patches change nothing that
    the picture shows, that of before, and the picture says so. `said` is what it says of the
    patches otherwise. With `everything` no step is folded.
    """
    drafts = [draft(through) for through in (before, after) if through is not None]
    first = drafts[0]
    headings = ["Before", "After the patch"]
    if len(drafts) == 1:
        headings = ["As it is" if after is None else "After the patch"]
    sheets = [_sheet(headings[0], first, Extra(), everything)]
    if len(drafts) == 2:
        extra = _compared(first, drafts[1])
        second = _sheet(headings[1], drafts[1], extra, everything)
        if _essence(sheets[0]) == _essence(second):
            sheets = [replace(sheets[0], heading="As it is, and as it stays")]
            said = "The chosen patches change nothing of this playbook's order or waits."
        else:
            sheets.append(second)
    ran = first.through.ran
    advice = tuple(
        f"{found.place}: {found.message} {found.cure}".strip() for found in first.through.findings
    )
    return Picture(ran.playbook, tree, _scenario(first), tuple(sheets), said, advice)


def _scenario(drawn: Draft) -> tuple[str, ...]:
    """Return the variables that decide most, and those that were given, as `name=value`."""
    ran = drawn.through.ran
    names = dict.fromkeys((
        "cloud_provider", "external_cloud_provider", "kubelet_rotate_server_certificates",
        "kube_network_plugin", *ran.scenario.given,
    ))  # fmt: skip
    nodes = "all nodes new" if ran.nodes == "new" else "nodes initialized, running cluster"
    return (*(f"{name}={ran.text_of(name)}" for name in names), nodes)


def _sheet(heading: str, drawn: Draft, extra: Extra, everything: bool) -> Sheet:
    marks = {
        key: tuple(sorted((*drawn.marks.get(key, ()), *extra.marks.get(key, ())), key=_rank))
        for key in {**drawn.marks, **extra.marks}
    }
    ran = drawn.through.ran
    arrows = _arrows(drawn, extra)
    bands = list(_bands(drawn, marks, everything))
    if any(arrow.source == NOBODY for arrow in arrows):
        lacking = fact_words(dict.fromkeys(
            fact for arrow in arrows if arrow.source == NOBODY for fact in arrow.facts
        ))  # fmt: skip
        box = Box(NOBODY, "nobody", "", "", (Mark("fails", f"no step provides {lacking}"),),
                  nobody=True)  # fmt: skip
        bands.append(Band((), "", "", (box,)))
    verdict, sentence = _verdict(drawn, arrows)
    return Sheet(
        heading=heading,
        verdict=verdict,
        sentence=sentence,
        bands=tuple(bands),
        arrows=arrows,
        plays=tuple((play.name, play.hosts) for play in ran.order.plays),
        steps=tuple(
            Listed(spot.play, spot.depth, spot.title, spot.place, spot.repeats,
                   marks.get(spot.key, ()))
            for spot in drawn.spots
        ),
    )  # fmt: skip


def _arrows(drawn: Draft, extra: Extra) -> tuple[Arrow, ...]:
    """Return a sheet's arrows, in the order of their ends; one that was late before is `cured`."""
    by_ends = {(one.source, one.target, one.state): one for one in drawn.arrows}
    by_ends |= {(one.source, one.target, one.state): one for one in extra.arrows}
    at = {spot.key: number for number, spot in enumerate(drawn.spots)}
    return tuple(sorted(
        by_ends.values(),
        key=lambda one: (at[one.target], at.get(one.source, len(at)), one.facts),
    ))  # fmt: skip


def _bands(drawn: Draft, marks: dict[str, tuple[Mark, ...]], everything: bool) -> Iterator[Band]:
    spots: dict[int, list[Spot]] = {}
    for spot in drawn.spots:
        spots.setdefault(spot.play, []).append(spot)
    idle: list[Band] = []
    for number, play in enumerate(drawn.through.ran.order.plays, start=1):
        rows = tuple(_rows(spots.get(number, []), marks, everything))
        band = Band((number,), play.name, play.hosts, rows)
        if band.is_folded and not everything:
            idle.append(band)
            continue
        yield from _together(idle)
        idle = []
        yield band
    yield from _together(idle)


def _together(idle: list[Band]) -> Iterator[Band]:
    """Give plays without boxes as one band."""
    if len(idle) == 1:
        yield idle[0]
    elif idle:
        names = (name for band in idle for row in band.rows if isinstance(row, Fold)
                 for name in row.names)  # fmt: skip
        rows = (Fold(tuple(dict.fromkeys(names))),)
        yield Band(tuple(number for band in idle for number in band.numbers), "", "", rows)


def _rows(
    spots: Iterable[Spot], marks: dict[str, tuple[Mark, ...]], everything: bool
) -> Iterator[Box | Fold]:
    folded: dict[str, None] = {}
    for spot in spots:
        if spot.key in marks or everything:
            if folded:
                yield Fold(tuple(folded))
                folded = {}
            yield Box(spot.key, spot.title, spot.through, spot.place, marks.get(spot.key, ()),
                      spot.roles)  # fmt: skip
        elif not spot.repeats and spot.helps not in marks:
            folded[spot.title] = None
    if folded:
        yield Fold(tuple(folded))


def _verdict(drawn: Draft, arrows: tuple[Arrow, ...]) -> tuple[Verdict, str]:
    """Return how bad a sheet is, as `check` says, and why in a sentence."""
    titles = {spot.key: short(spot.title) for spot in drawn.spots}
    findings = [found for found in drawn.through.findings if found.playbook is not None]
    worst: tuple[Verdict, tuple[State, ...], str] | None = None
    if any(found.severity == "error" for found in findings):
        worst = ("blocks", ("late", "never"), "error")
    elif any(found.severity == "warning" for found in findings):
        worst = ("warns", ("harmful", "doubtful"), "warning")
    if worst is None:
        return "fine", "Nothing waits for what comes later, or never."
    verdict, states, severity = worst
    for arrow in arrows:
        if arrow.state in states:
            return verdict, _blocking(arrow, titles, drawn.through.ran.nodes == "new")
    return verdict, next(found.message for found in findings if found.severity == severity)


def _blocking(arrow: Arrow, titles: dict[str, str], new: bool) -> str:
    who, what = titles[arrow.target], fact_words(arrow.facts)
    which = "which no step provides"
    if arrow.source != NOBODY:
        which = f"which only a later step provides: {titles[arrow.source]}"
    when = "" if new or arrow.state in ("late", "never") else "Only where nodes are new: "
    return f"{when}{who} needs {what}, {which}."


def _compared(before: Draft, after: Draft) -> Extra:
    """Return what the patches did: what they moved and added, and which needs they met."""
    extra: dict[str, list[Mark]] = {}
    pairs, moved = _aligned(before.spots, after.spots)
    plays = {spot.key: spot.play for spot in before.spots}
    for spot in after.spots:
        own = extra.setdefault(spot.key, [])
        old = pairs.get(spot.key)
        if old is None:
            own.append(Mark("added", "added by the patch"))
        elif spot.key in moved and not _comes_along(spot, after.spots, moved):
            way = f", from play {plays[old]}" if plays[old] != spot.play else ""
            own.append(Mark("moved", f"moved here by the patch{way}"))
        elif spot.key in moved and spot.key in after.marks:
            own.append(Mark("moved", "moved along by the patch"))
        spared = spot.key in after.spared and old not in before.spared
        if spared and old in before.marks:
            own.append(Mark("spared", "its pods tolerate the taint of new nodes now"))
    marks = {key: own for key, own in extra.items() if own}
    return Extra(marks, tuple(_cured(before, after, pairs)))


def _comes_along(spot: Spot, spots: tuple[Spot, ...], moved: set[str]) -> bool:
    """Tell whether a spot has moved only because the role that brings it has."""
    above = {one.roles for one in spots if one.key in moved and one.play == spot.play}
    return any(spot.roles[:end] in above for end in range(1, len(spot.roles)))


def _cured(before: Draft, after: Draft, pairs: dict[str, str]) -> Iterator[Arrow]:
    """Give an arrow for each need that was not met before and is now, in time."""
    late = [arrow for arrow in before.arrows if arrow.state in _BAD and arrow.source != NOBODY]
    lacking = {(arrow.target, fact) for arrow in before.arrows if arrow.state in _BAD
               for fact in arrow.facts}  # fmt: skip
    seen = set()
    for arrow in after.arrows:
        seen |= {(arrow.target, fact) for fact in arrow.facts}
        was = {(pairs.get(arrow.target), fact) for fact in arrow.facts}
        if arrow.state == "early" and was & lacking:
            yield replace(arrow, cured=True)
    at = {spot.key: number for number, spot in enumerate(after.spots)}
    back = {old: new for new, old in pairs.items()}
    for arrow in late:
        source, target = back.get(arrow.source), back.get(arrow.target)
        if source is None or target is None or at[source] > at[target]:
            continue
        facts = tuple(fact for fact in arrow.facts if (target, fact) not in seen)
        if facts:
            yield Arrow(source, target, facts, "early", cured=True)


def _aligned(before: tuple[Spot, ...], after: tuple[Spot, ...]) -> tuple[dict[str, str], set[str]]:
    """Return the spot before for each one after, by their keys, and those that have moved."""
    old, new = ([(spot.play, spot.title) for spot in spots] for spots in (before, after))
    head = next((at for at, (one, two) in enumerate(zip(old, new, strict=False)) if one != two),
                min(len(old), len(new)))  # fmt: skip
    matcher = SequenceMatcher(None, old[head:], new[head:], autojunk=False)
    pairs = {after[at].key: before[at].key for at in range(head)}
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            pairs[after[head + block.b + step].key] = before[head + block.a + step].key
    taken = set(pairs.values())
    left: dict[str, list[str]] = {}
    for spot in before:
        if spot.key not in taken:
            left.setdefault(spot.title, []).append(spot.key)
    moved = set()
    for spot in after:
        if spot.key not in pairs and left.get(spot.title):
            pairs[spot.key] = left[spot.title].pop(0)
            moved.add(spot.key)
    return pairs, moved


def _essence(sheet: Sheet) -> object:
    """Return what two sheets of one picture must differ in to be drawn both."""
    boxes = sheet.boxes().values()
    return (
        sheet.verdict,
        [(box.title, box.through, box.marks) for box in boxes],
        [(sheet.boxes()[arrow.target].title, arrow.facts, arrow.state) for arrow in sheet.arrows],
    )


def _rank(mark: Mark) -> int:
    return _ORDER.index(mark.kind)
