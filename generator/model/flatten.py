"""From a playbook to its steps: imports expanded, dependencies first, as Ansible runs them.

Source: Ansible documentation, "Roles" and "Tags"; what is dynamic (include_role,
include_tasks) takes the tags of what is around it, not those of the including task.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from generator.exits import UnusableInput
from generator.model.playbook import Import, Play
from generator.model.role import Meta, role_name
from generator.model.step import Order, Step, TaskRun
from generator.model.task import LOST, Task, role_task
from generator.model.use import Use
from generator.text.document import Place

MAX_STEPS = 20_000
"""More plays, steps and task files than this are refused; upstream has fewer than 1,000 steps."""

_MAX_CHAIN = 40


class Source(Protocol):
    """Where a flattening reads playbooks and roles; each file is read and parsed once."""

    def entries(self, playbook: str) -> tuple[Play | Import, ...]:
        """Return the plays and imports of a playbook file; raises UnusableInput if it is none."""

    def playbook_path(self, name: str, basedir: str) -> str | None:
        """Return the playbook that an import in a folder names, None where there is none."""

    def role_path(self, name: str, basedir: str, role: str | None) -> str | None:
        """Return the folder of the role that a name means in a playbook's folder, or a role."""

    def meta(self, role: str) -> Meta:
        """Return what a role's meta says; an empty one where it has none."""

    def unreadable(self, role: str) -> Iterable[str]:
        """Give the paths of a role's main files that are there but cannot be read as files."""

    def task_file(self, role: str, name: str) -> str | None:
        """Return the path of a role's task file, None where it has none of that name."""

    def task_path(self, name: str, folder: str, basedir: str, role: str | None) -> str | None:
        """Return the task file that a task in a folder names, None where there is none.

        `basedir` is the playbook's folder and `role` that of the role around the task.
        """

    def task_uses(self, path: str) -> tuple[Use, ...]:
        """Return the uses in a task file."""

    def task_items(self, path: str) -> tuple[Use | Task, ...]:
        """Return the uses and tasks in a task file."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a use inherits, and where names in it are looked for."""

    play: Play
    play_number: int
    basedir: str
    tags: tuple[str, ...]
    when: tuple[str, ...]
    chain: tuple[Use, ...] = ()
    roles: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    role: str | None = None


@dataclass(frozen=True)
class Following:
    """How a run is followed down to its tasks.

    `naming` works out a name of a role or task file that a template makes, for the moment of a
    run; None where it cannot. `unread` is told of what cannot be read and is left out.
    """

    naming: Callable[[str, TaskRun], str | None]
    unread: Callable[[Place, str], None]


def flatten(source: Source, playbook: str, following: Following | None = None) -> Order:
    """Return the order of a playbook; with `following` the order of its tasks as well.

    Raises UnusableInput where a playbook file is missing, empty or not a playbook, where
    playbooks import each other in a ring, or where there are more than MAX_STEPS steps.
    """
    run = _Run(source, following)
    run.playbook(playbook, (), (), ())
    files = tuple(dict.fromkeys(run.files))
    return Order(playbook, tuple(run.steps), files, tuple(run.plays), tuple(run.tasks))


@dataclass(slots=True)
class _Run:
    """The state of one flattening."""

    source: Source
    following: Following | None = None
    tasks: list[TaskRun] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    seen: dict[object, int] = field(default_factory=dict)
    visited: int = 0

    def playbook(
        self, path: str, tags: tuple[str, ...], when: tuple[str, ...], importers: tuple[str, ...]
    ) -> None:
        """Add the plays of a playbook file."""
        self._count(Place(path, 1))
        if path in importers:
            raise UnusableInput(f"{path} imports itself through {importers[-1]}.")
        self.files.append(path)
        basedir = posixpath.dirname(path)
        for entry in self.source.entries(path):
            if isinstance(entry, Import):
                self._import(entry, basedir, tags, when, (*importers, path))
                continue
            self._count(entry.place)
            play = replace(entry, tags=(*tags, *entry.tags), when=when)
            self.plays.append(play)
            self.seen = {}
            self._items(play.items, Around(play, len(self.plays), basedir, play.tags, when))

    def _import(
        self,
        entry: Import,
        basedir: str,
        tags: tuple[str, ...],
        when: tuple[str, ...],
        importers: tuple[str, ...],
    ) -> None:
        target = self.source.playbook_path(entry.name, basedir)
        if target is None:
            reason = "made by a template" if "{{" in entry.name else "not in the tree"
            raise UnusableInput(
                f"{entry.place}: the imported playbook '{entry.name}' is {reason}; "
                "the order behind it cannot be known."
            )
        self.playbook(target, (*tags, *entry.tags), (*when, *entry.when), importers)

    def _count(self, place: Place) -> None:
        """Count a play, step or task file; raise UnusableInput where there are too many."""
        self.visited += 1
        if self.visited > MAX_STEPS:
            raise UnusableInput(
                f"{place}: the playbook has more than {MAX_STEPS} plays, steps and task files; "
                "it is not read on."
            )

    def _items(self, items: Sequence[Use | Task], around: Around) -> None:
        for item in items:
            if isinstance(item, Task):
                self._count(item.place)
                self.tasks.append(_task_run(item, around, len(self.steps)))
                continue
            use = self._named(item, around)
            if use.is_role:
                self._role(use, around)
            else:
                self._task_file(use, around)

    def _named(self, use: Use, around: Around) -> Use:
        """Return a use with its name worked out, as it is where that cannot be done."""
        if self.following is None or not use.is_template:
            return use
        inner = replace(around, chain=(*around.chain, use))
        here = _task_run(role_task(use.place), inner, len(self.steps))
        name = self.following.naming(use.name, here)
        return use if name is None else replace(use, name=name)

    def _role(self, use: Use, around: Around) -> None:
        if use.is_template or not use.name:
            self._add(use, around, unresolved=_nameless(use))
            return
        path = self.source.role_path(use.name, around.basedir, around.role)
        if path is None:
            self._add(use, around, unresolved="the tree has no such role")
            return
        if len(around.chain) >= _MAX_CHAIN or any(used is use for used in around.chain):
            self._add(use, around, unresolved="it brings itself in a ring")
            return
        inner = _inside(use, around, path)
        if self.following is not None:
            self.tasks.append(_task_run(role_task(use.place), inner, len(self.steps)))
        if self.following is not None:
            for odd in self.source.unreadable(path):
                text = f"{odd}: this is no file that can be read; it is left out."
                self.following.unread(Place(odd, 1), text)
        meta = self._meta(path)
        self._items(meta.dependencies, inner)
        self._add(use, around, path, repeats=self._repeats(use, path, meta))
        tasks = self.source.task_file(path, use.tasks_from)
        if tasks is not None:
            self._items(self._items_in(tasks), inner)

    def _task_file(self, use: Use, around: Around) -> None:
        self._count(use.place)
        if use.is_template or not use.name:
            self._add(use, around, unresolved=_nameless(use))
            return
        folder = posixpath.dirname(use.place.path)
        path = self.source.task_path(use.name, folder, around.basedir, around.role)
        if path is None:
            self._add(use, around, unresolved="the tree has no such task file")
        elif len(around.chain) >= _MAX_CHAIN or any(used is use for used in around.chain):
            self._add(use, around, unresolved="it brings itself in a ring")
        else:
            self._items(self._items_in(path), _inside(use, around, around.role))

    def _items_in(self, path: str) -> Sequence[Use | Task]:
        if self.following is None:
            return self.source.task_uses(path)
        try:
            return self.source.task_items(path)
        except UnusableInput as error:
            self.following.unread(Place(path, 1), str(error))
            return ()

    def _meta(self, path: str) -> Meta:
        try:
            return self.source.meta(path)
        except UnusableInput as error:
            if self.following is None:
                raise
            self.following.unread(Place(f"{path}/meta/main.yml", 1), str(error))
            return Meta()

    def _add(
        self,
        use: Use,
        around: Around,
        path: str | None = None,
        repeats: int | None = None,
        unresolved: str | None = None,
    ) -> None:
        """Add the step of a use; `path` is the folder of the role that it brings, if known."""
        self._count(use.place)
        written = use.name if use.is_role else role_name(around.role or "")
        role = role_name(path) if path is not None else written
        if self.following is not None and unresolved is not None:
            lost = _inside(use, around, around.role)
            lost = replace(lost, roles=(*around.roles, role))
            self.tasks.append(_task_run(role_task(use.place, LOST), lost, len(self.steps)))
        self.steps.append(
            Step(
                number=len(self.steps) + 1,
                play_number=around.play_number,
                play=around.play,
                role=role,
                path=path,
                chain=(*around.chain, use),
                roles=around.roles if path is None else (*around.roles, role),
                tags=_joined(around.tags, use.tags),
                when=(*around.when, *use.when),
                repeats=repeats,
                unresolved=unresolved,
            )
        )

    def _repeats(self, use: Use, path: str, meta: Meta) -> int | None:
        """Return the number of the earlier step that this one repeats within its play."""
        if use.kind not in ("role", "dependency") or meta.allow_duplicates:
            return None
        number = len(self.steps) + 1
        first = self.seen.setdefault((path, use.params, use.when, use.tags), number)
        return first if first != number else None


def _nameless(use: Use) -> str:
    """Return why a use without a constant name cannot be followed."""
    return "its name is made by a template" if use.is_template else "it has no name"


def _inside(use: Use, around: Around, role: str | None) -> Around:
    """Return what the uses inside a role or task file inherit.

    What is included at run time takes the tags around the including task, not that task's own.
    """
    own = use.apply_tags if use.is_dynamic else use.tags
    return Around(
        play=around.play,
        play_number=around.play_number,
        basedir=around.basedir,
        tags=_joined(around.tags, own),
        when=(*around.when, *use.when),
        chain=(*around.chain, use),
        roles=(*around.roles, role_name(role)) if use.is_role and role else around.roles,
        folders=(*around.folders, role) if use.is_role and role else around.folders,
        role=role,
    )


def _task_run(task: Task, around: Around, step_number: int) -> TaskRun:
    """Return a task with what it inherits."""
    return TaskRun(
        task=task,
        step_number=step_number,
        play_number=around.play_number,
        play=around.play,
        basedir=around.basedir,
        chain=around.chain,
        roles=around.roles,
        folders=around.folders,
        when=(*around.when, *task.when),
    )


def _joined(tags: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*tags, *more))) if more else tags
