"""From a run of a playbook to what a picture can show of it: steps, their marks, their needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from generator.engine.detect.approver import ROLE as APPROVER
from generator.engine.detect.deadlock import duration
from generator.engine.detect.provide import providing
from generator.engine.detect.ran import NEW, Ran
from generator.engine.detect.supply import Waiting, needs_of, pending_at, suppliers, waits_of
from generator.engine.finding import Severity
from generator.engine.runs import Through
from generator.model.facts import DNS, INITIALIZED
from generator.model.role import same_role
from generator.model.step import Step, TaskRun
from generator.model.use import Use
from generator.picture.model import Arrow, Mark, MarkKind, State
from generator.picture.words import count, fact_words, listed

NOBODY = "nobody"
"""The key of the box for what no step provides."""

_LATE: dict[Severity | None, tuple[State, State]] = {
    None: ("early", "early"),
    "error": ("late", "never"),
    "warning": ("harmful", "doubtful"),
    "note": ("harmful", "doubtful"),
}
"""How a need is met that something provides too late, and one that nothing provides."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A step, or a task that the play itself has, at its position in the run.

    `helps` is the key of the spot on whose behalf it runs, its own otherwise.
    """

    key: str
    play: int
    title: str
    through: str
    place: str
    depth: int
    roles: tuple[str, ...]
    repeats: bool
    helps: str


@dataclass
class Draft:
    """What a run gives for a picture. `marks` are by the key of a spot.

    `spared` are the spots that wait for pods which tolerate the cloud provider's taint.
    """

    through: Through
    spots: tuple[Spot, ...]
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    spared: set[str] = field(default_factory=set)

    def mark(self, key: str, mark: Mark) -> None:
        """Add a mark to a spot, once."""
        marks = self.marks.setdefault(key, [])
        if mark not in marks:
            marks.append(mark)


def draft(through: Through) -> Draft:
    """Return what a run gives for a picture."""
    ran = through.ran
    finder = _Finder(ran)
    drawn = Draft(through, tuple(finder.spots()))
    _supplies(drawn, finder)
    _waits(drawn, finder)
    _needs(drawn, finder)
    _pending(drawn, finder)
    _blocked(drawn, finder)
    for spot in drawn.spots:
        if same_role(spot.title, APPROVER) and spot.depth == 0:
            drawn.marks.setdefault(spot.key, [])
    return drawn


class _Finder:
    """Finds the spot of a task.

    A dependency that is given parameters runs on behalf of the role that gives them (helm-apps,
    say, which installs any chart): what it does is told of that role.
    """

    def __init__(self, ran: Ran) -> None:
        self._steps: dict[tuple[int, tuple[int, ...]], Step] = {}
        for step in ran.order.steps:
            self._steps.setdefault((step.play_number, _ids(step.chain)), step)
        self._ran = ran
        self._tasks: dict[tuple[int, int, str], TaskRun] = {}
        events = ran.events
        happened = (events.waited, events.applied, events.released)
        for run in (one.moment.run for kind in happened for one in kind):
            if self._step(run.play_number, run.chain) is None:
                self._tasks.setdefault(_own(run), run)

    def spots(self) -> Iterator[Spot]:
        """Give all spots in the order in which they run."""
        tasks = sorted(self._tasks)
        steps = list(self._ran.order.steps)
        while steps or tasks:
            if tasks and (not steps or tasks[0][:2] < (steps[0].play_number, steps[0].number)):
                own = tasks.pop(0)
                key = _task_key(own)
                yield Spot(key, own[0], "a task of the play", "", own[2], 0, (), False, key)
            else:
                yield self._spot(steps.pop(0))

    def key(self, run: TaskRun) -> str:
        """Return the key of the spot that a task is told of."""
        step = self._step(run.play_number, run.chain)
        return _task_key(_own(run)) if step is None else _key(step)

    def _spot(self, step: Step) -> Spot:
        unknown = f"? {step.use.name or step.role}"
        first = step.roles[0] if step.roles else ""
        helped = self._step(step.play_number, step.chain)
        return Spot(
            key=_key(step),
            play=step.play_number,
            title=step.role if step.unresolved is None else unknown,
            through=first if len(step.roles) > 1 and first != step.role else "",
            place=str(step.place),
            depth=len(step.chain) - 1,
            roles=step.roles,
            repeats=step.repeats is not None,
            helps=_key(helped or step),
        )

    def _step(self, play: int, chain: tuple[Use, ...]) -> Step | None:
        """Return the step that a chain of uses is told of, None where it holds no step."""
        ids = _ids(chain)
        for end in range(len(chain), 0, -1):
            step = self._steps.get((play, ids[:end]))
            use = chain[end - 1]
            helps = use.kind == "dependency" and bool(use.params) and end > 1
            if step is not None and not helps:
                return step
        return None


def _supplies(drawn: Draft, finder: _Finder) -> None:
    by_key: dict[str, list[tuple[str, str]]] = {}
    for fact, (run, workload) in suppliers(drawn.through.ran).items():
        by_key.setdefault(finder.key(run), []).append((fact, str(workload) if workload else ""))
    for key, given in by_key.items():
        workloads = listed(list(dict.fromkeys(name for _, name in given if name)))
        by = f" ({workloads})" if workloads else ""
        drawn.mark(key, Mark("provides", f"provides {fact_words(f for f, _ in given)}{by}"))


def _waits(drawn: Draft, finder: _Finder) -> None:
    needed = INITIALIZED in drawn.through.ran.needed
    hard: set[str] = set()
    for waiting in waits_of(drawn.through.ran):
        key = finder.key(waiting.waited.moment.run)
        drawn.mark(key, Mark("waits", _waiting(waiting)))
        if waiting.spared and needed:
            drawn.spared.add(key)
        else:
            hard.add(key)
    drawn.spared -= hard


def _waiting(waiting: Waiting) -> str:
    wait = waiting.waited.wait
    most = f" up to {duration(wait.seconds)}" if wait.seconds else ""
    return f"waits{most} for {waiting.workload or 'the nodes'}"


def _needs(drawn: Draft, finder: _Finder) -> None:
    facts: dict[tuple[str, str, State], list[str]] = {}
    for need in needs_of(drawn.through.ran):
        target = finder.key(need.moment.run)
        source = finder.key(need.supply) if need.supply is not None else NOBODY
        state = _LATE[need.severity][need.supply is None]
        if source != target or state != "early":
            found = facts.setdefault((source, target, state), [])
            if need.fact not in found:
                found.append(need.fact)
    for (source, target, state), found in facts.items():
        drawn.arrows.append(Arrow(source, target, tuple(sorted(found)), state))
    new = drawn.through.ran.nodes == NEW
    for arrow in drawn.arrows:
        if arrow.state != "early":
            drawn.mark(arrow.target, _failure(arrow, new))


def _failure(arrow: Arrow, new: bool) -> Mark:
    when = "come from no step" if arrow.state in ("never", "doubtful") else "come only later"
    if arrow.facts == (DNS,):
        return Mark("harm", "its lookups fail: DNS in the cluster comes only later")
    why = f"{fact_words(arrow.facts)} {when}"
    if arrow.state in ("late", "never"):
        return Mark("fails", f"the deployment fails here: {why}")
    if not new:
        return Mark("harm", f"would fail here on new nodes: {why}")
    return Mark("harm", f"waits in vain, then goes on: {why}")


def _pending(drawn: Draft, finder: _Finder) -> None:
    failing = {arrow.target for arrow in drawn.arrows if arrow.state != "early"}
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for applied, lacking in pending_at(drawn.through.ran):
        key = finder.key(applied.moment.run)
        if key not in failing:
            names = found.setdefault((key, lacking), [])
            if str(applied.workload) not in names:
                names.append(str(applied.workload))
    for (key, lacking), names in found.items():
        who = f"{names[0]} stays" if len(names) == 1 else f"{count(len(names), 'workload')} stay"
        drawn.mark(key, Mark("pending", f"{who} Pending until there are {fact_words(lacking)}"))


def _blocked(drawn: Draft, finder: _Finder) -> None:
    """Mark cloud controller managers that cannot run on the nodes that they shall initialize."""
    blocked = {found.place: found for found in drawn.through.findings
               if found.code == "ccm-blocked"}  # fmt: skip
    for provision in providing(drawn.through.ran.events, INITIALIZED):
        if provision.workload is not None and provision.workload.place in blocked:
            found = blocked[provision.workload.place]
            kind: MarkKind = "fails" if found.severity == "error" else "harm"
            drawn.mark(finder.key(provision.moment.run), Mark(kind, found.message.rstrip(".")))


def _ids(chain: tuple[Use, ...]) -> tuple[int, ...]:
    """Return what tells uses apart; equal ones may stand in several places."""
    return tuple(map(id, chain))


def _key(step: Step) -> str:
    return f"s{step.number}"


def _own(run: TaskRun) -> tuple[int, int, str]:
    """Return what tells a play's own task, or its own file of tasks, from others."""
    place = run.chain[0].place if run.chain else run.task.place
    return run.play_number, run.step_number + 1, str(place)


def _task_key(own: tuple[int, int, str]) -> str:
    return f"t{own[0]}-{own[1]}-{own[2]}"
