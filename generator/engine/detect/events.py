"""What happens in a playbook run as far as the cluster can see it."""

from __future__ import annotations

from dataclasses import dataclass

from generator.model.step import TaskRun
from generator.model.value import Leaves, Value
from generator.model.wait import Wait
from generator.model.workload import Workload
from generator.text.document import Place


@dataclass(frozen=True, slots=True)
class Moment:
    """When and under which conditions something happens.

    `at` counts the tasks of the run from 0. `unsure` are conditions that may hold or not, as
    they stand in the tree; `leaves` are the variables that the others were worked out from.
    `hangs_on_result` tells that a condition asks for the result of an earlier task, so for what is
    on the machines already.
    """

    at: int
    run: TaskRun
    unsure: tuple[str, ...] = ()
    leaves: Leaves = frozenset()
    hangs_on_result: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A role begins; `role` is its name below `roles/`.

    `lost` tells that it cannot be followed, so nothing is known of what it does.
    """

    role: str
    moment: Moment
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """A workload is put into the cluster by a task."""

    workload: Workload
    moment: Moment


@dataclass(frozen=True, slots=True)
class Released:
    """A Helm release, or one of a program like Helm, is installed by a task.

    `chart` is the chart's reference, `values` what it is given; both may be unknown.
    """

    name: str | None
    namespace: str | None
    chart: str | None
    values: Value
    place: Place
    moment: Moment


@dataclass(frozen=True, slots=True)
class Waited:
    """A task waits."""

    wait: Wait
    moment: Moment


@dataclass(frozen=True)
class Events:
    """All that happens in a run, in order."""

    begun: tuple[Begun, ...]
    applied: tuple[Applied, ...]
    waited: tuple[Waited, ...]
    released: tuple[Released, ...]
