"""From a manifest, or the template of one, to the workloads in it.

A template is never rendered: it is read as YAML with its Jinja2 masked, and where an `if` cannot
be decided both branches count as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from generator.exits import UnusableInput
from generator.model.expression import condition, render, render_as_data
from generator.model.kubespray import WORKLOAD, Kubespray
from generator.model.value import Undefined, Unknown, Value
from generator.model.variables import Scope
from generator.model.workload import KINDS, Pod, Workload
from generator.text import words
from generator.text.document import Document, Mapping, Node, Place, Scalar, Sequence
from generator.text.plain import TooMuch, plain, scalar
from generator.text.template import Template, lex, parse_each, parse_masked
from generator.text.yaml import decode
from generator.tree.base import find, read

_POD_OF = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_POD_OF_OTHERS = ("spec", "template", "spec")


MAX_BYTES = 2 * 1024 * 1024
"""A larger manifest is left out; the largest of upstream's has 0.9 MiB."""


@dataclass(frozen=True, slots=True)
class Found:
    """A workload in a manifest; `unsure` are conditions in the template that may hold or not."""

    workload: Workload
    unsure: tuple[str, ...] = ()


@dataclass
class Manifests:
    """The manifests of a tree; each is read and lexed once.

    `broken` are those of which not everything could be read.
    """

    kubespray: Kubespray
    unread: Callable[[Place, str], None]
    broken: set[str] = field(default_factory=set)
    _templates: dict[str, Template | None] = field(default_factory=dict)

    def workloads(self, path: str, scope: Scope, rendered: bool) -> tuple[Found, ...]:
        """Return the workloads in a file of the tree; `rendered` where it is a template.

        A file that cannot be read, lexed or parsed is told to `unread` and has none.
        """
        template = self._template(path, rendered)
        if template is None:
            return ()
        decided: dict[str, bool | None] = {}

        def decide(source: str) -> bool | None:
            if source not in decided:
                value, _ = inside.traced(("if", path, source), lambda: condition(source, inside))
                decided[source] = None if isinstance(value, Unknown) else value
            return decided[source]

        inside = scope.inside_loop(_assigned(template, scope))
        document = self._document(template, decide)
        if document is None:
            return ()
        reader = _Reader(document, template, inside, decide)
        return tuple(found for root in document.roots for found in reader.workloads(root))

    def _template(self, path: str, rendered: bool) -> Template | None:
        if path not in self._templates:
            self._templates[path] = self._lexed(path, rendered)
        return self._templates[path]

    def _lexed(self, path: str, rendered: bool) -> Template | None:
        real = find(self.kubespray.tree, path)
        if real is None:
            return None
        try:
            if not self.kubespray.has_workloads(real):
                return None
            data = read(self.kubespray.tree, real)
            if len(data) > MAX_BYTES:
                raise UnusableInput(
                    f"{real}: the file has {len(data)} bytes; the limit for a manifest is 2 MiB."
                )
            text = decode(real, data)
            return lex(real, text) if rendered else Template(real, text, (), (), (), (), ())
        except UnusableInput as error:
            self.broken.add(path)
            self.unread(Place(real, 1), str(error))
            return None

    def _document(
        self, template: Template, decide: Callable[[str], bool | None]
    ) -> Document | None:
        """Return a manifest as YAML: what can be read of it, where a part is broken."""
        try:
            return parse_masked(template, decide, WORKLOAD)
        except UnusableInput as error:
            self.broken.add(template.path)
            self.unread(Place(template.path, 1), str(error))
        try:
            return parse_each(template, decide, WORKLOAD)[0]
        except UnusableInput:
            return None


def workloads_of(data: Value, place: Place) -> Iterator[Workload]:
    """Give the workloads in a manifest that a task holds as data."""
    if isinstance(data, list):
        for item in data:
            yield from workloads_of(item, place)
    if not isinstance(data, dict):
        return
    kind = data.get("kind")
    if kind == "List":
        yield from workloads_of(data.get("items"), place)
    if kind not in KINDS:
        return
    route = _POD_OF.get(kind, _POD_OF_OTHERS)
    about = data.get("metadata")
    about = about if isinstance(about, dict) else {}
    spec, template = _walk(data, route), _walk(data, route[:-1])
    entries = spec.get("tolerations") or [] if isinstance(spec, dict) else [Unknown()]
    labels = _walk(template, ("metadata", "labels"))
    host_network = spec.get("hostNetwork", False) if isinstance(spec, dict) else None
    pod = Pod(
        tuple(entries) if isinstance(entries, list) else (Unknown(),),
        host_network if isinstance(host_network, bool) else None,
        labels if isinstance(labels, dict) else {},
    )
    yield Workload(kind, _text(about.get("name")), _text(about.get("namespace")), place, pod)


def _walk(data: Value, route: tuple[str, ...]) -> Value:
    for key in route:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) and value else None


def _assigned(template: Template, scope: Scope) -> dict[str, Value]:
    """Return the variables that the template itself sets; those of loops are not known."""
    names: dict[str, Value] = {}
    for loop in template.loops:
        over = loop.source.partition(" in ")[0]
        names.update((name.strip(" ()"), Unknown()) for name in over.split(","))
    for assignment in template.assignments:
        again = assignment.name in names
        inside = scope.inside_loop(names)
        value = Unknown() if again else render_as_data(assignment.source, inside)
        names[assignment.name] = value
    return names


@dataclass(frozen=True)
class _Reader:
    """Reads the workloads of one document of a manifest."""

    document: Document
    template: Template
    scope: Scope
    decide: Callable[[str], bool | None]
    start: int | None = None
    """Where the workload begins that is being read: what holds for all of it is no condition."""

    def workloads(self, node: Node | None) -> Iterator[Found]:
        node = self.document.follow(node)
        if not isinstance(node, Mapping):
            return
        for key, value in node.pairs:
            if isinstance(key, Scalar) and key.value == "kind" and isinstance(value, Scalar):
                kind = self._value(value)
                if kind == "List":
                    items = self.document.value(node, "items")
                    for item in items.items if isinstance(items, Sequence) else ():
                        yield from self.workloads(item)
                if kind in KINDS:
                    yield self._workload(node, str(kind), key)

    def _workload(self, node: Mapping, kind: str, at: Scalar) -> Found:
        route = _POD_OF.get(kind, _POD_OF_OTHERS)
        about = self._inner(node, ("metadata",))
        spec, template = self._inner(node, route), self._inner(node, route[:-1])
        labels = self._inner(template, ("metadata", "labels")) if template else None
        inside = replace(self, start=at.start)
        pod = Pod(
            tuple(inside._tolerations(spec)) if spec else (Unknown(),),
            inside._host_network(spec) if spec else None,
            self._labels(labels),
            tuple(self._host_paths(spec)) if spec else (),
        )
        named = about or Mapping(0, 0, (), flow=False)
        name, namespace = (self._word(named, key) for key in ("name", "namespace"))
        place = Place(self.document.path, self.document.line(at.start),
                      self.document.column(at.start) + 1)  # fmt: skip
        return Found(Workload(kind, name, namespace, place, pod), self._unsure(at.start))

    def _possible(self, offset: int) -> bool:
        """Tell whether the text at an offset may come out."""
        conditions = self.template.conditions_at(offset)
        return all(self.decide(source) in (None, wanted) for source, wanted in conditions)

    def _unsure(self, offset: int) -> tuple[str, ...]:
        """Return the conditions around an offset that may hold or not."""
        found = []
        around = self.template.conditions_at(self.start) if self.start is not None else ()
        for source, wanted in self.template.conditions_at(offset)[len(around) :]:
            if self.decide(source) is None:
                found.append(source if wanted else f"not ({source})")
        return tuple(found)

    def _inner(self, node: Node | None, route: tuple[str, ...]) -> Mapping | None:
        for key in route:
            if not isinstance(node, Mapping):
                return None
            node = self.document.value(node, key)
        return node if isinstance(node, Mapping) else None

    def _word(self, node: Mapping, key: str) -> str | None:
        value = self._value(self.document.value(node, key))
        return str(value) if isinstance(value, str | int) and value != "" else None

    def _labels(self, node: Mapping | None) -> dict[str, Value]:
        if node is None:
            return {}
        return {
            key.value: self._value(self.document.follow(value))
            for key, value in node.pairs if isinstance(key, Scalar)
        }  # fmt: skip

    def _host_network(self, spec: Mapping) -> bool | None:
        values: set[bool | None] = set()
        for key, value in spec.pairs:
            if isinstance(key, Scalar) and key.value == "hostNetwork":
                data = self._value(self.document.follow(value))
                sure = isinstance(data, bool) and not self._unsure(key.start)
                values.add(data if sure else None)
        return values.pop() if len(values) == 1 else (None if values else False)

    def _host_paths(self, spec: Mapping) -> Iterator[str]:
        volumes = self.document.value(spec, "volumes")
        for volume in volumes.items if isinstance(volumes, Sequence) else ():
            mounted = self._inner(self.document.follow(volume), ("hostPath",))
            path = self._word(mounted, "path") if mounted else None
            if path:
                yield path

    def _tolerations(self, spec: Mapping) -> Iterator[Value]:
        """Give the entries under all keys `tolerations`, with those that expressions insert."""
        for at, (key, value) in enumerate(spec.pairs):
            if not isinstance(key, Scalar) or key.value != "tolerations":
                continue
            end = spec.pairs[at + 1][0].start if at + 1 < len(spec.pairs) else None
            listed = self.document.follow(value)
            if isinstance(listed, Sequence):
                for item in listed.items:
                    yield from self._entry(item)
            elif isinstance(listed, Scalar):
                data = self._value(listed)
                yield from data if isinstance(data, list) else [data] if data else []
            yield from self._inserted(key.end, end)

    def _entry(self, item: Node) -> Iterator[Value]:
        node = self.document.follow(item)
        data: Value
        if isinstance(node, Mapping):
            data = {
                key.value: self._value(self.document.follow(value))
                for key, value in node.pairs if isinstance(key, Scalar)
            }  # fmt: skip
        else:
            data = self._value(node)
        unsure = self._unsure(item.start)
        begin = self.start or 0
        in_loop = any(begin < loop.start <= item.start < loop.end for loop in self.template.loops)
        if unsure or in_loop:
            names = frozenset(name for text in unsure for name in self._names(text))
            yield (data, Unknown(names)) if isinstance(data, dict) else Unknown(names)
        elif isinstance(data, list):
            yield from data
        else:
            yield data

    def _inserted(self, start: int, end: int | None) -> Iterator[Value]:
        """Give the entries that expressions alone on their lines insert into a span."""
        until = end if end is not None else self._end_of_mapping(start)
        for expression in self.template.expressions:
            inside = expression.alone and start <= expression.start < until
            if inside and self._possible(expression.start):
                data = render_as_data(expression.source, self.scope)
                unsure = self._unsure(expression.start)
                if isinstance(data, list) and not unsure:
                    yield from data
                elif data:
                    yield data if isinstance(data, Unknown) else Unknown()

    def _end_of_mapping(self, start: int) -> int:
        """Return where the lines end that are indented at least like the key that ends there."""
        document, text = self.document, self.document.text
        key = text[document.line_start(start) : start]
        indent = len(key) - len(key.lstrip())
        at = document.line_end(start)
        while at < len(text):
            end = document.line_end(at)
            bare = text[at:end].strip()
            if bare and bare[0] != "#" and len(text[at:end]) - len(text[at:end].lstrip()) < indent:
                return at
            at = end
        return len(text)

    def _names(self, text: str) -> frozenset[str]:
        value = condition(text, self.scope)
        return value.names if isinstance(value, Unknown) else frozenset()

    def _value(self, node: Node | None) -> Value:
        """Return a node as data, its templates worked out."""
        if isinstance(node, Scalar):
            source = self.template.text[node.start : node.end]
            if "{{" not in source and "{%" not in source:
                return scalar(node)
            if node.style in ("|", ">"):
                return Unknown()
            only = self.template.expression_at(node.start, node.end)
            inner = source.strip("\"'" if node.style else "")
            if only is not None and inner.strip() == self.template.text[only.start : only.end]:
                value = render_as_data(only.source, self.scope)
            else:
                value = render(inner, self.scope)
            if isinstance(value, Undefined):
                return Unknown()
            # What comes out without quotes is read as YAML once more: the text `true` is a boolean.
            return words.plain(value) if isinstance(value, str) and not node.style else value
        try:
            return plain(self.document, node)
        except TooMuch:
            return Unknown()
