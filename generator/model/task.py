"""Tasks: what stands in task lists, in order, with blocks opened.

Source: Ansible documentation, "Blocks", "Playbook Keywords" and "Error handling in playbooks".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from generator.exits import UnusableInput
from generator.model.use import Use, short_name, tags_of, uses_of_task, when_of, words_of
from generator.text.document import Document, Mapping, Node, Place, Route, Sequence

_KEYWORDS = frozenset(
    """
    name tags when vars become become_user become_method become_flags become_exe delegate_to
    delegate_facts environment any_errors_fatal ignore_errors ignore_unreachable connection port
    remote_user no_log run_once check_mode diff debugger module_defaults collections throttle
    timeout args async poll changed_when failed_when delay retries until loop loop_control notify
    listen register local_action block rescue always
    """.split()  # noqa: SIM905
)

_SECTIONS = ("block", "rescue", "always")

_MAX_BLOCKS = 50

MAX_TASKS = 20_000
"""A file with more tasks is refused; upstream's longest have fewer than 100."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that runs a module of its own, with what the blocks around it add.

    `module` is the module's name, short where it is one of Ansible's own. `when` are the
    conditions of the blocks around and its own. `around` are the blocks that hold it, the
    outermost first. `rescued` tells that a failure does not end the play there: a block around
    ignores errors, or has a `rescue` section that does not end with a failure of its own.
    """

    module: str
    key: str
    node: Mapping
    document: Document = field(repr=False, compare=False)
    place: Place
    when: tuple[str, ...]
    around: tuple[Mapping, ...] = ()
    rescued: bool = False


ROLE, LOST = "role", "lost"
"""Stand in the place of a module: where a role begins, before its dependencies, and where a role
or task file should, but cannot be followed."""


def role_task(place: Place, module: str = ROLE) -> Task:
    """Return what stands for the beginning of a role that is used at a place."""
    nothing = Mapping(0, 0, (), flow=False)
    return Task(module, module, nothing, Document(place.path, "", (nothing,)), place, ())


def task_items(document: Document, node: Node | None, route: Route) -> Iterator[Use | Task]:
    """Give the tasks of a list, and the uses of roles and task files in it, in order."""
    outer = Use("include_tasks", "", Place("", 1), route)
    yield from _Items(document).of(node, outer, (), False)


def task_uses(document: Document, node: Node | None, route: Route) -> Iterator[Use]:
    """Give the uses of roles and task files in a list of tasks, blocks opened, in order."""
    return (item for item in task_items(document, node, route) if isinstance(item, Use))


class _Items:
    """Opens the task lists of one file; aliases can make a few lines stand for millions."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def of(
        self, node: Node | None, outer: Use, around: tuple[Mapping, ...], rescued: bool
    ) -> Iterator[Use | Task]:
        """Give what a list holds; `outer` has what the blocks around it add."""
        document = self._document
        node = document.follow(node)
        if not isinstance(node, Sequence) or len(around) > _MAX_BLOCKS:
            return
        for index, entry in enumerate(node.items):
            task = document.follow(entry)
            if not isinstance(task, Mapping):
                continue
            self._charge(entry)
            use = replace(
                outer,
                place=document.place(entry),
                route=(*outer.route, index),
                tags=(*outer.tags, *tags_of(document, task)),
                when=(*outer.when, *when_of(document, task)),
            )
            forgiving = rescued or _ignores(document, task)
            sections = [key for key in _SECTIONS if task.get(key) is not None]
            for section in sections:
                inner = replace(use, route=(*use.route, section))
                saved = forgiving or (section == "block" and _rescues(document, task))
                yield from self.of(document.value(task, section), inner, (*around, task), saved)
            uses = list(uses_of_task(document, task, use))
            yield from uses
            key = None if uses or sections else _module_key(task)
            if key is not None:
                yield Task(
                    short_name(key), key, task, document, use.place, use.when, around, forgiving
                )

    def _charge(self, entry: Node) -> None:
        self._count += 1
        if self._count > MAX_TASKS:
            place = self._document.place(entry)
            raise UnusableInput(
                f"{place}: the file has more than {MAX_TASKS} tasks, its aliases followed."
            )


def _module_key(task: Mapping) -> str | None:
    """Return the key that names the module, None where there is none."""
    for key in task.key_names():
        if key not in _KEYWORDS and not key.startswith("with_"):
            return key
    return None


def _rescues(document: Document, block: Mapping) -> bool:
    """Tell whether a block has a `rescue` section whose last task does not surely fail."""
    rescue = document.value(block, "rescue")
    if not isinstance(rescue, Sequence) or not rescue.items:
        return rescue is not None
    last = document.follow(rescue.items[-1])
    if not isinstance(last, Mapping) or short_name(_module_key(last) or "") != "fail":
        return True
    return last.get("when") is not None or _ignores(document, last)


def _ignores(document: Document, task: Mapping) -> bool:
    words = words_of(document, document.value(task, "ignore_errors"))
    return [word.lower() for word in words] in (["true"], ["yes"], ["on"])
