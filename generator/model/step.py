"""Steps: one role use each, in the flattened order of a playbook run."""

from __future__ import annotations

from dataclasses import dataclass, field

from generator.model.playbook import Play
from generator.model.role import same_role
from generator.model.task import Task
from generator.model.use import Use
from generator.text.document import Place, Route


@dataclass(frozen=True, slots=True)
class Step:
    """One role use in the order in which Ansible runs a playbook.

    `number` and `play_number` count from 1, plays as `ansible-playbook --list-tasks` does.
    `role` is the role's name below `roles/`, or as written where `unresolved` says why it
    could not be followed. `chain` are the uses that lead here from the play, the outermost
    first, the step's own last; `roles` are the names of the roles on that way. `tags` and
    `when` include all that is inherited. `repeats` is the number of the earlier step of the
    play that makes Ansible skip this one.
    """

    number: int
    play_number: int
    play: Play
    role: str
    path: str | None
    chain: tuple[Use, ...]
    roles: tuple[str, ...]
    tags: tuple[str, ...]
    when: tuple[str, ...]
    repeats: int | None = None
    unresolved: str | None = None

    @property
    def use(self) -> Use:
        """The step's own entry."""
        return self.chain[-1]

    @property
    def place(self) -> Place:
        """Where the step's own entry stands."""
        return self.use.place

    @property
    def entry(self) -> Route:
        """The route of the play's entry that leads here, in the play's own file."""
        return self.chain[0].route[: len(self.play.route) + 2]

    @property
    def entry_place(self) -> Place:
        """Where the play's entry that leads here stands."""
        return self.chain[0].place


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task in the order in which Ansible runs a playbook.

    `step_number` is the number of the last step that began before it, 0 before the first one.
    `chain` are the uses that lead to it from the play, the outermost first, none for a task of
    the play itself; `roles` and `folders` are the names and folders of the roles on that way.
    `when` includes all that is inherited. `basedir` is the playbook's folder.
    """

    task: Task
    step_number: int
    play_number: int
    play: Play
    basedir: str
    chain: tuple[Use, ...]
    roles: tuple[str, ...]
    folders: tuple[str, ...]
    when: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """The steps of a playbook run; `files` are the playbook files that it is made of.

    `tasks` are there where they were asked for; tasks that can have no say are left out.
    """

    playbook: str
    steps: tuple[Step, ...]
    files: tuple[str, ...]
    plays: tuple[Play, ...] = field(default=())
    tasks: tuple[TaskRun, ...] = ()

    @property
    def resolved(self) -> tuple[Step, ...]:
        """The steps whose role is known."""
        return tuple(step for step in self.steps if step.unresolved is None)

    def of_role(self, role: str) -> tuple[Step, ...]:
        """Return the steps of a role."""
        return tuple(step for step in self.resolved if same_role(step.role, role))
