"""What `--tags` and `--skip-tags` select in a playbook run, worked out task by task.

Source: Ansible documentation, "Tags": what a static use (a role, a dependency, an import) has is
inherited; a dynamic one (an include) must be selected itself, and gives on what stands under
`apply`. `always` is selected with every tag unless it is skipped, `never` only by another tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.flatten import Following
from generator.model.kubespray import Kubespray
from generator.model.role import could_mean, same_role
from generator.model.step import Order, TaskRun
from generator.model.task import LOST, ROLE, Task
from generator.model.use import Use, tags_of
from generator.text.document import Document, Mapping, Place, Scalar, Sequence
from generator.tree.base import read

Naming = Callable[[str, TaskRun], str | None]
"""Works out a text that a template makes, for the moment of a run; None where it cannot."""

SPECIAL = frozenset({"all", "always", "never", "tagged", "untagged"})
"""Tags that mean something of their own to Ansible."""

_FILE = "task file"
"""Stands in the place of a module where a task file begins."""

_TAGS = b"tags"
"""A task file without this has no tags of its own, so all its tasks have those around it."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A task, or a role or task file that begins, with the tags that decide whether it runs.

    `tags` are its own and those that it inherits; `outer` those of each dynamic use that leads to
    it, which must be selected, too. `roles` are the roles on the way there.
    """

    what: str
    place: Place
    tags: frozenset[str]
    outer: tuple[frozenset[str], ...]
    roles: tuple[str, ...]

    def is_of(self, role: str) -> bool:
        """Tell whether a role, or what it brings, holds this."""
        return any(same_role(name, role) for name in self.roles)

    def runs(self, only: str | None = None, skip: str | None = None) -> bool:
        """Tell whether Ansible runs this with `--tags only` or `--skip-tags skip`."""
        return all(_selected(tags, only, skip) for tags in (*self.outer, self.tags))

    @property
    def is_always(self) -> bool:
        """Tell whether this runs whatever `--tags` says."""
        return all("always" in tags for tags in (*self.outer, self.tags))

    def may_have(self, tag: str) -> bool:
        """Tell whether a tag that a template makes, and that is not known, may come out as this."""
        every = (one for tags in (*self.outer, self.tags) for one in tags)
        return any(_is_template(one) and could_mean(one, tag) for one in every)

    def __str__(self) -> str:
        return f"{self.what} ({self.place})"


def _selected(tags: frozenset[str], only: str | None, skip: str | None) -> bool:
    """Tell whether something with these tags is selected, one tag of each option given."""
    if skip is not None and skip in tags:
        return False
    if only is None:
        return "never" not in tags
    return "always" in tags or only in tags


class _Tasks(Kubespray):
    """The tree with every task that has tags of its own, not only those that matter to a cluster.

    Each task file begins with a mark, so that one without tags is seen as well.
    """

    def task_items(self, path: str) -> tuple[Use | Task, ...]:
        """Return a mark, then the uses in a task file, and its tasks where any has tags."""
        nothing = Mapping(0, 0, (), flow=False)
        here = Place(path, 1)
        mark = Task(_FILE, _FILE, nothing, Document(path, "", (nothing,)), here, ())
        if self.exists(path) and _TAGS in read(self.tree, path):
            return (mark, *self._items_in(path))
        return (mark, *self.task_uses(path))


def order_with_tags(kubespray: Kubespray, playbook: str, naming: Naming) -> Order:
    """Return the order of a playbook with all tasks that `tagged` needs.

    Raises UnusableInput where the playbook cannot be flattened, or a task file not be read: what
    is left out could be selected.
    """

    def refuse(place: Place, message: str) -> None:
        text = message if message.startswith(place.path) else f"{place}: {message}"
        raise UnusableInput(text)

    return _Tasks(kubespray.tree).run(playbook, Following(naming, refuse))


def tagged(order: Order, kubespray: Kubespray, naming: Naming) -> Iterator[Tagged]:
    """Give all that a playbook runs with its tags; `order` is from `order_with_tags`.

    A tag that a template makes is worked out by `naming`, or from the literal loop around it;
    where neither can tell, it stays as it is written.
    """
    for run in order.tasks:
        tags = _known(run.play.tags, kubespray, naming, run)
        outer = []
        for use in run.chain:
            own = _known(use.tags, kubespray, naming, run, use)
            if use.is_dynamic:
                outer.append(tags | own)
                own = _known(use.apply_tags, kubespray, naming, run, use)
            tags |= own
        task = run.task
        written = [
            tag for node in (*task.around, task.node) for tag in tags_of(task.document, node)
        ]
        tags |= _known(written, kubespray, naming, run)
        yield Tagged(_name(run), task.place, tags, tuple(outer), run.roles)


def _known(
    tags: Iterable[str], kubespray: Kubespray, naming: Naming, run: TaskRun, use: Use | None = None
) -> frozenset[str]:
    found: set[str] = set()
    for tag in tags:
        if not _is_template(tag):
            found.add(tag)
            continue
        name = naming(tag, run)
        items = _of_loop(tag, kubespray, use) if name is None and use is not None else None
        found.update(_words(name) if name is not None else items or (tag,))
    return frozenset(found)


def _words(text: str) -> Iterator[str]:
    """Give the tags that a template has come to; Ansible splits them at commas."""
    return (word.strip() for word in text.split(","))


def _of_loop(tag: str, kubespray: Kubespray, use: Use) -> tuple[str, ...] | None:
    """Return what a tag that is an item of a literal loop can be, None where that is not known."""
    match = re.fullmatch(r"\{\{\s*item(?:\.(\w+))?\s*\}\}", tag)
    document = kubespray.document(use.place.path) if match is not None else None
    if match is None or document is None:
        return None
    try:
        task = document.follow(document.node(use.route))
    except KeyError:
        # The way there leads through an alias.
        return None
    loop = document.value(task, "loop") if isinstance(task, Mapping) else None
    if not isinstance(loop, Sequence):
        return None
    found = []
    for entry in loop.items:
        item = document.follow(entry)
        if match[1] and isinstance(item, Mapping):
            item = document.value(item, match[1])
        if not isinstance(item, Scalar) or _is_template(item.value):
            return None
        found.append(item.value)
    return tuple(found)


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def _name(run: TaskRun) -> str:
    """Return what people call a task: its name, else its module; or the role that begins."""
    task = run.task
    if task.module in (ROLE, LOST):
        return f"the role {run.roles[-1]}" if run.roles else f"what {task.place} brings"
    if task.module == _FILE:
        return f"the task file {task.place.path}"
    name = task.document.value(task.node, "name")
    words = " ".join(getattr(name, "value", "").split())
    return f"the task '{words}'" if words else f"a task with {task.module}"
