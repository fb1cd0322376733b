"""One turn of one task, with what actions need to know and what they tell."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from generator.engine.detect.events import Applied, Begun, Moment, Released, Waited
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.placed import Placed, Source
from generator.exits import UnusableInput
from generator.model.expression import render, render_data, truth
from generator.model.kubespray import Kubespray
from generator.model.step import TaskRun
from generator.model.value import FileText, OpenMapping, Undefined, Unknown, Value
from generator.model.variables import Memory, Scope
from generator.model.wait import Target, Wait
from generator.model.workload import Workload
from generator.text.document import Mapping, Place
from generator.text.plain import TooMuch, plain
from generator.text.template import lex
from generator.tree.base import find, names, normal


@dataclass
class Doing:
    """One turn of a task: what it knows, and in the lists what it does."""

    kubespray: Kubespray
    manifests: Manifests
    memory: Memory
    placed: Placed
    scope: Scope
    run: TaskRun
    moment: Moment
    begun: list[Begun] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    waited: list[Waited] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)

    def arguments(self) -> dict[str, Value] | Unknown:
        """Return the module's arguments as they are written; Unknown where a template makes all.

        A text is free form: under `_raw`, and taken apart where it holds `name=value` words.
        """
        task = self.run.task
        raw = self._plain(task.key)
        more = self._plain("args")
        given = dict(more) if isinstance(more, dict) else {}
        if isinstance(raw, dict):
            return given | raw
        if not isinstance(raw, str):
            return given
        if _is_one_expression(raw):
            value = render(raw, self.scope)
            if isinstance(value, dict):
                return given | value
            if isinstance(value, Unknown | Undefined):
                return Unknown()
        return given | {"_raw": raw} | _pairs(raw)

    def value(self, raw: Value) -> Value:
        """Return an argument with its templates worked out."""
        value = render_data(raw, self.scope)
        return Unknown(frozenset({value.name})) if isinstance(value, Undefined) else value

    def source(self, kind: str, name: Value) -> str | None:
        """Return the tree's file that a task means by a name; `kind` is `templates` or `files`.

        Source: Ansible documentation, "Search paths in Ansible".
        """
        if not isinstance(name, str) or not name or name.startswith("/"):
            return None
        for folder in (*reversed(self.run.folders), self.run.basedir):
            for inside in (kind, "", "tasks"):
                path = normal(posixpath.join(folder, inside, name))
                if path and find(self.kubespray.tree, path) is not None:
                    return path
                if path and posixpath.basename(path) in names(
                    self.kubespray.tree, posixpath.dirname(path)
                ):
                    text = f"{path}: this is no file that can be read; it is left out."
                    self.manifests.unread(Place(path, 1), text)
        return None

    def place_file(self, kind: str, name: Value, destination: Value) -> None:
        """Note that a file of the tree is laid down on the machine.

        Where its name is not known, it may be any of the role's manifests.
        """
        if isinstance(name, Unknown):
            self._place_any(name)
            return
        path = self.source(kind, name)
        if path is None:
            return
        source = None
        if self.kubespray.has_workloads(path):
            source = Source(path, kind == "templates", self.scope, self.moment)
        self.placed.put(destination if isinstance(destination, str) else None, path, source)

    def _place_any(self, name: Unknown) -> None:
        texts = (f"{one.strip('<>')} is not known" for one in sorted(name.names))
        moment = replace(self.moment, unsure=(*self.moment.unsure, *texts))
        for folder in self.run.folders[-1:]:
            for path in self.kubespray.manifests(folder):
                rendered = path.startswith(f"{folder}/templates/")
                self.placed.put(None, path, Source(path, rendered, self.scope, moment))

    def apply_path(self, path: Value) -> None:
        """Put in the manifest that lies at a path of the machine.

        Where the path is not known, all that the role has laid down and not put in so far.
        """
        if isinstance(path, str):
            source = self.placed.at(path)
            sources = [source] if source else []
            if not self.placed.knows(path):
                self.lose()
        else:
            sources = self.placed.left_by(self.run.folders[-1]) if self.run.folders else []
        for source in sources:
            self._apply_source(source)

    def lose(self) -> None:
        """Note that something happens here of which nothing is known."""
        role = self.run.roles[-1] if self.run.roles else ""
        self.begun.append(Begun(role, self.moment, lost=True))

    def apply_text(self, text: Value) -> None:
        """Put in what a task hands over as text: a file of the tree that it looks up."""
        if isinstance(text, FileText):
            kind = "templates" if text.rendered else "files"
            path = self.source(kind, text.name)
            if path is not None:
                self._apply_source(Source(path, text.rendered, self.scope, self.moment))

    def apply(self, workloads: Iterable[Workload]) -> None:
        """Put in workloads."""
        self.applied += [Applied(workload, self.moment) for workload in workloads]

    def wait(
        self, target: Target, how: str, seconds: int | None, place: Place | None = None
    ) -> None:
        """Wait for something at most so long."""
        wait = Wait(target, how, place or self.run.task.place, seconds, self.fatal())
        self.waited.append(Waited(wait, self.moment))

    def fatal(self) -> bool:
        """Tell whether the play ends where the task fails."""
        if self.run.task.rescued or self._plain("failed_when") is False:
            return False
        return truth(self.value(self._plain("ignore_errors"))) is not True

    def retries(self) -> int | None:
        """Return how many seconds the task's `until` goes on; None where that is not known.

        Without more it is 3 retries, 5 seconds apart (Ansible documentation, "Loops").
        """
        numbers = [self.value(self._plain(key)) for key in ("retries", "delay")]
        whole = [_number(number, default) for number, default in zip(numbers, (3, 5), strict=True)]
        return None if None in whole else (whole[0] or 0) * (whole[1] or 0)

    def written(self, keyword: str) -> str:
        """Return the text of one of the task's keywords, as it stands in the file."""
        document = self.run.task.document
        node = document.value(self.run.task.node, keyword)
        return document.text[node.start : node.end] if node is not None else ""

    def has(self, keyword: str) -> bool:
        """Tell whether the task has a keyword."""
        return self.run.task.node.get(keyword) is not None

    def _apply_source(self, source: Source) -> None:
        for found in self.manifests.workloads(source.path, source.scope, source.rendered):
            unsure = (*source.moment.unsure, *self.moment.unsure, *found.unsure)
            moment = Moment(
                self.moment.at, self.run, tuple(dict.fromkeys(unsure)),
                source.moment.leaves | self.moment.leaves,
            )  # fmt: skip
            self.applied.append(Applied(found.workload, moment))
        if source.path in self.manifests.broken:
            self.lose()

    def _plain(self, key: str) -> Value:
        task = self.run.task
        try:
            return plain(task.document, task.document.value(task.node, key))
        except TooMuch:
            return Unknown()


def key_place(doing: Doing, key: str) -> Place:
    """Return where an argument of the task's module stands, or the task."""
    task = doing.run.task
    arguments = task.document.value(task.node, task.key)
    for pairs in (arguments.pairs if isinstance(arguments, Mapping) else (), task.node.pairs):
        for name, _ in pairs:
            if getattr(name, "value", None) == key:
                return task.document.place(name)
    return task.place


def text_of(value: Value) -> str | None:
    """Return a text that is not empty, None for anything else."""
    return value if isinstance(value, str) and value else None


def item_of(mapping: Value, *keys: str) -> Value:
    """Return what a mapping has under the first of its keys that is there; None without."""
    if isinstance(mapping, Unknown):
        return mapping
    for key in keys:
        if isinstance(mapping, dict) and key in mapping:
            return mapping[key]
    return Unknown() if isinstance(mapping, OpenMapping) else None


def _is_one_expression(text: str) -> bool:
    """Tell whether a template is one expression from end to end."""
    bare = text.strip()
    if not (bare.startswith("{{") and bare.endswith("}}")):
        return False
    try:
        expressions = lex("", bare).expressions
    except UnusableInput:
        return False
    return len(expressions) == 1 and expressions[0].end - expressions[0].start == len(bare)


def _pairs(text: str) -> dict[str, Value]:
    """Return the `name=value` words of a free form; empty where it is none."""
    if "=" not in text.split("{{")[0]:
        return {}
    try:
        words = shlex.split(text)
    except ValueError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def _number(value: Value, default: int) -> int | None:
    if value is None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
