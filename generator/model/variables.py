"""What a variable is where a task runs, by Ansible's rules of precedence.

Source: Ansible documentation, "Understanding variable precedence". Which machine a task runs on
is not known, so what hangs on that alone is unknown and counts as possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from generator.exits import UnusableInput
from generator.model.expression import render, render_data
from generator.model.kubespray import Kubespray
from generator.model.playbook import Play
from generator.model.role import role_file
from generator.model.scenario import Scenario
from generator.model.step import TaskRun
from generator.model.use import Use
from generator.model.value import Undefined, Unknown, Value
from generator.text.document import Document, Node, Place, Scalar
from generator.text.document import Mapping as MappingNode
from generator.text.plain import Dangling, TooMuch, plain
from generator.text.yaml import decode, parse
from generator.tree.base import find, names, read

_OF_THE_MACHINE = re.compile(
    r"inventory_hostname.*|groups|group_names|hostvars|ansible_.*|playbook_dir|role_path|omit|"
    r"inventory_dir|inventory_file|play_hosts|role_name|environment|vars"
)
"""Variables of Ansible's own (Ansible documentation, "Special Variables") and facts."""

_MAX_PARTS = 20_000
"""The largest value of upstream's, that of `downloads`, has fewer than 2,000."""

_OF_LOOPS = frozenset({"item", "ansible_loop", "ansible_index_var"})

_ENDINGS = (".yml", ".yaml", ".json")

_TOP_KEY = re.compile(rb"^[\"']?([A-Za-z_]\w*)[\"']?[ \t]*:", re.MULTILINE)

Leaves = frozenset[tuple[str, str]]
"""Names of variables with their values as text: what a value was worked out from."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where a variable is written in a role's file; `start` and `end` count bytes."""

    path: str
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Known:
    """A value, what it was worked out from, and the names that no task had set then."""

    value: Value
    leaves: Leaves
    unset: frozenset[str]


@dataclass
class Files:
    """The variables in a tree's own files; each file is read once, each variable parsed once.

    `asked` are the names of all variables that were ever looked up.
    """

    kubespray: Kubespray
    unread: Callable[[Place, str], None]
    asked: set[str] = field(default_factory=set)
    _written: dict[tuple[str, str], Mapping[str, Written]] = field(default_factory=dict)
    _of_plays: dict[tuple[Place, str], Mapping[str, Written]] = field(default_factory=dict)
    _values: dict[Written, Value] = field(default_factory=dict)
    _parameters: dict[int, Mapping[str, tuple[Document, Node]]] = field(default_factory=dict)
    _by_tasks: dict[str, bool] = field(default_factory=dict)
    _in_plays: dict[Place, Mapping[str, tuple[Document, Node]]] = field(default_factory=dict)
    _known: dict[object, dict[object, Known]] = field(default_factory=dict)
    _task_texts: tuple[bytes, ...] | None = None

    def written(self, role: str, folder: str) -> Mapping[str, Written]:
        """Return where the variables of a role's `defaults` or `vars` are written."""
        key = (role, folder)
        if key not in self._written:
            found: dict[str, Written] = {}
            for path in self._paths(role, folder):
                try:
                    found.update(self._written_in(path, read(self.kubespray.tree, path)))
                except UnusableInput as error:
                    self.unread(Place(path, 1), str(error))
            self._written[key] = found
        return self._written[key]

    def written_in_play(self, play: Play, basedir: str, folder: str) -> Mapping[str, Written]:
        """Return where the `defaults` or `vars` of all roles of a play are; later ones count."""
        key = (play.place, folder)
        if key not in self._of_plays:
            found: dict[str, Written] = {}
            for role in self.kubespray.roles_of_play(play, basedir):
                found.update(self.written(role, folder))
            self._of_plays[key] = found
        return self._of_plays[key]

    def value(self, written: Written, name: str) -> Value:
        """Return a variable's value as it is written.

        Only its own lines are parsed, because upstream's files of defaults are long; the whole
        file where those lines alone are no YAML.
        """
        if written not in self._values:
            self._values[written] = self._parsed(written, name)
        return self._values[written]

    def parameters(self, use: Use) -> Mapping[str, tuple[Document, Node]]:
        """Return the parameters and `vars` of a role's or task file's use."""
        if id(use) not in self._parameters:
            self._parameters[id(use)] = self._parameters_of(use)
        return self._parameters[id(use)]

    def of_play(self, play: Play) -> Mapping[str, tuple[Document, Node]]:
        """Return the `vars` of a play."""
        if play.place not in self._in_plays:
            document = self.kubespray.document(play.place.path)
            node = document.node(play.route) if document else None
            found = {}
            if document is not None and isinstance(node, MappingNode):
                found = {
                    key.value: (document, value) for key, value in _pairs_of_vars(document, node)
                    if isinstance(key, Scalar)
                }  # fmt: skip
            self._in_plays[play.place] = found
        return self._in_plays[play.place]

    def known(self, run: TaskRun) -> dict[object, Known]:
        """Return what is known already where a task runs, for all tasks that see the same.

        They do in any run of any playbook, with one scenario: what they see hangs on the play, the
        roles on the way, and the uses on the way that set something.
        """
        uses = tuple(use for use in run.chain if self.parameters(use))
        return self._known.setdefault((run.play.place, run.basedir, run.folders, uses), {})

    def set_by_task(self, name: str) -> bool:
        """Tell whether some task of the tree may set a variable (`register`, `set_fact`)."""
        if name not in self._by_tasks:
            word = re.escape(name.encode())
            written = rb"register: *[\"']?%b\b|(?:^ +|[{, ])[\"']?%b[\"']? *(?::|=(?!=))"
            pattern = re.compile(written % (word, word), re.M)
            texts = (text for text in self._setting_tasks() if name.encode() in text)
            self._by_tasks[name] = any(pattern.search(text) for text in texts)
        return self._by_tasks[name]

    def _written_in(self, path: str, data: bytes) -> dict[str, Written]:
        """Return where the keys at the top of a file are; of a repeated one the last counts."""
        starts = [(match.start(), match[1].decode()) for match in _TOP_KEY.finditer(data)]
        if not starts:
            return self._written_otherwise(path, data)
        ends = [*(start for start, _ in starts[1:]), len(data)]
        found: dict[str, Written] = {}
        line, counted = 1, 0
        for (start, name), end in zip(starts, ends, strict=True):
            line, counted = line + data.count(b"\n", counted, start), start
            if name in found:
                self.unread(Place(path, line), repeated_key(Place(path, line), name))
            found[name] = Written(path, start, end, line)
        return found

    def _written_otherwise(self, path: str, data: bytes) -> dict[str, Written]:
        """Return where the variables are in a file of which no line begins with a plain key."""
        document = parse(path, decode(path, data))
        root = document.roots[0] if document.roots else None
        if isinstance(root, MappingNode):
            return {name: Written(path, 0, len(data), 1) for name in root.key_names()}
        if root is not None and not (isinstance(root, Scalar) and not root.value):
            text = f"{path}: a mapping of variables is expected there; this is none."
            self.unread(Place(path, 1), text)
        return {}

    def _paths(self, role: str, folder: str) -> list[str]:
        tree = self.kubespray.tree
        single = role_file(tree, role, folder)
        if single:
            return [single]
        listed = sorted(names(tree, f"{role}/{folder}/main"))
        found = (find(tree, f"{role}/{folder}/main/{name}") for name in listed)
        return [path for path in found if path and path.endswith(_ENDINGS)]

    def _parsed(self, written: Written, name: str) -> Value:
        path = written.path
        data = read(self.kubespray.tree, path)[written.start : written.end]
        try:
            return _top_value(parse(path, decode(path, data)), name, strict=True)
        except (UnusableInput, Dangling):
            pass
        try:
            document = self.kubespray.document(path)
            return _top_value(document, name) if document else Unknown(frozenset({name}))
        except UnusableInput as error:
            self.unread(Place(path, written.line), str(error))
            return Unknown(frozenset({name}))

    def _parameters_of(self, use: Use) -> Mapping[str, tuple[Document, Node]]:
        in_roles = use.kind in ("role", "dependency")
        if in_roles and not use.params:
            return {}
        document = self.kubespray.document(use.place.path)
        node = document.follow(document.node(use.route)) if document else None
        if document is None or not isinstance(node, MappingNode):
            return {}
        if in_roles:
            found = {name for name, _ in use.params}
            pairs = [*node.pairs, *_pairs_of_vars(document, node)]
            return {
                key.value: (document, value) for key, value in pairs
                if isinstance(key, Scalar) and key.value in found
            }  # fmt: skip
        blocks = (document.node(use.route[:at]) for at, part in enumerate(use.route)
                  if isinstance(part, str))  # fmt: skip
        return {
            key.value: (document, value)
            for holder in (*map(document.follow, blocks), node) if isinstance(holder, MappingNode)
            for key, value in _pairs_of_vars(document, holder) if isinstance(key, Scalar)
        }  # fmt: skip

    def _setting_tasks(self) -> tuple[bytes, ...]:
        if self._task_texts is None:
            texts = self.kubespray.task_texts()
            self._task_texts = tuple(t for t in texts if b"set_fact" in t or b"register" in t)
        return self._task_texts


NOT_SET = object()
"""What a value to be worked out later comes to where the task that sets it does not run."""


@dataclass
class Memory:
    """What tasks of a run have set so far: facts and registered results.

    A value that is a function is worked out when it is asked for.
    """

    values: dict[str, Value | Callable[[], Value]] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """Return what was set; NOT_SET where that turns out to be nothing."""
        value = self.values.get(name, NOT_SET)
        if callable(value):
            value = self.values[name] = value()
        return value


@dataclass
class Scope:
    """The variables as the tasks at one place of a run see them.

    Called with a name it gives the variable's value, Undefined where nobody sets it. What a value
    was worked out from is noted in `leaves`. Values are kept, but not those that hang on what
    changes from task to task (`passing`).
    """

    files: Files
    scenario: Scenario
    memory: Memory
    run: TaskRun
    items: Mapping[str, Value] = field(default_factory=dict)
    leaves: set[tuple[str, str]] = field(default_factory=set)
    passing: bool = False
    unset: set[str] = field(default_factory=set)
    _known: dict[object, Known] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    @classmethod
    def at(cls, files: Files, scenario: Scenario, memory: Memory, run: TaskRun) -> Scope:
        """Return the variables as a task sees them; what others know that see the same, it knows.

        Not with variables of the task's own, or of a block around it.
        """
        scope = cls(files, scenario, memory, run)
        if not any(holder.get("vars") for holder in (run.task.node, *run.task.around)):
            scope._known = files.known(run)
        return scope

    def __call__(self, name: str) -> Value:
        """Return a variable's value."""
        if name in self._under_way:
            return Unknown(frozenset({name}))
        self._under_way.add(name)
        value, leaves = self.traced(name, lambda: self._value(name))
        self._under_way.discard(name)
        self.leaves |= leaves
        return value

    def inside_loop(self, items: Mapping[str, Value]) -> Scope:
        """Return the same scope for one turn of a loop."""
        turn = Scope(self.files, self.scenario, self.memory, self.run, {**self.items, **items})
        turn._known = self._known
        return turn

    def frozen(self) -> Scope:
        """Return the same scope with the memory as it is now."""
        memory = Memory(dict(self.memory.values))
        still = Scope(self.files, self.scenario, memory, self.run, self.items)
        still._known = self._known
        return still

    def traced(self, key: object, work: Callable[[], Value]) -> tuple[Value, Leaves]:
        """Return what some work gives and what it was worked out from; kept under a key."""
        known = self._known.get(key)
        if known is not None and known.unset.isdisjoint(self.memory.values):
            self.unset |= known.unset
            return known.value, known.leaves
        before = self.leaves, self.passing, self.unset
        self.leaves, self.passing, self.unset = set(), False, set()
        value = work()
        if is_huge(value):
            value = Unknown(frozenset({str(key)})) if isinstance(key, str) else Unknown()
        leaves = frozenset(self.leaves)
        if not self.passing:
            self._known[key] = Known(value, leaves, frozenset(self.unset))
        before[2].update(self.unset)
        self.leaves, self.passing, self.unset = before[0], before[1] or self.passing, before[2]
        return value, leaves

    def _value(self, name: str) -> Value:
        if name in self.items or name in _OF_LOOPS:
            self.passing = True
            return self.items.get(name, Undefined(name))
        self.files.asked.add(name)
        given = self.scenario.given.get(name)
        if given is not None:
            return self._leaf(name, given.value)
        for raw in self._of_the_run(name):
            return render_data(raw, self)
        if name in self.memory.values:
            self.passing = True
            value = self.memory.value(name)
            if value is not NOT_SET:
                return value
        self.unset.add(name)
        for raw in self._of_the_task(name):
            return render_data(raw, self)
        base = self.scenario.base.get(name)
        if base is not None:
            return self._leaf(name, base.value)
        written = self.default(name)
        if written is not None:
            return self._leaf(name, self.files.value(written, name))
        if _OF_THE_MACHINE.fullmatch(name):
            return Unknown()
        if self.files.set_by_task(name):
            return Unknown(frozenset({result_of(name)}))
        self.leaves.add((name, ""))
        return Undefined(name)

    def _leaf(self, name: str, raw: Value) -> Value:
        """Return a variable's value; where it is no template, it is a leaf."""
        before = len(self.leaves)
        value = render_data(raw, self)
        if len(self.leaves) == before:
            self.leaves.add((name, as_text(value)))
        return value

    def _of_the_run(self, name: str) -> Iterator[Value]:
        """Give what the uses that lead here set, the innermost first."""
        for use in reversed(self.run.chain):
            found = self.files.parameters(use).get(name)
            if found is not None:
                yield _safe(*found, name)

    def _of_the_task(self, name: str) -> Iterator[Value]:
        task = self.run.task
        for holder in (task.node, *reversed(task.around)):
            yield from _in_vars(task.document, holder, name)
        for folder in reversed(self.run.folders):
            written = self.files.written(folder, "vars").get(name)
            if written is not None:
                yield self.files.value(written, name)
        shared = self.files.written_in_play(self.run.play, self.run.basedir, "vars").get(name)
        if shared is not None:
            yield self.files.value(shared, name)
        of_play = self.files.of_play(self.run.play).get(name)
        if of_play is not None:
            yield _safe(*of_play, name)

    def default(self, name: str) -> Written | None:
        """Return where the default of a variable is written, None without one."""
        for folder in reversed(self.run.folders):
            written = self.files.written(folder, "defaults").get(name)
            if written is not None:
                return written
        return self.files.written_in_play(self.run.play, self.run.basedir, "defaults").get(name)


def repeated_key(place: Place, name: str) -> str:
    """Return what is said of a key that stands in its mapping for a second time."""
    return f"{place}: the key '{name}' stands twice; Ansible takes the last one."


def naming(scenario: Scenario, files: Files) -> Callable[[str, TaskRun], str | None]:
    """Return what works out names of roles and task files; what tasks set is not known to it."""

    def name(template: str, run: TaskRun) -> str | None:
        value = render(template, Scope.at(files, scenario, Memory(), run))
        return value if isinstance(value, str) else None

    return name


def is_huge(value: Value) -> bool:
    """Tell whether a value, written out, has more parts than anybody writes.

    Values share parts in memory, so that a few lines can stand for gigabytes.
    """
    pending, count = [value], 0
    while pending:
        part = pending.pop()
        if isinstance(part, dict | list):
            count += len(part)
            if count > _MAX_PARTS:
                return True
            pending += part.values() if isinstance(part, dict) else part
    return False


def result_of(name: str) -> str:
    """Return the name under which Unknown lists what hangs on the result of a task."""
    return f"<{name}>"


def is_result(name: str) -> bool:
    """Tell whether a name in Unknown stands for the result of a task, not for a variable."""
    return name.startswith("<")


def as_text(value: Value) -> str:
    """Return a value as people write it: `true`, `[]`, `external`, `""`."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return value or '""'
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _top_value(document: Document, name: str, strict: bool = False) -> Value:
    root = document.roots[0] if document.roots else None
    node = root.get(name) if isinstance(root, MappingNode) else None
    if node is None or document.follow(node) is None:
        raise UnusableInput(f"{document.path}: '{name}' does not stand at the top of the file.")
    if getattr(node, "tag", None):
        return Unknown(frozenset({name}))
    try:
        return plain(document, node, strict=strict)
    except TooMuch:
        raise UnusableInput(
            f"{document.path}: '{name}' has aliases that stand for too much to be read."
        ) from None


def _pairs_of_vars(document: Document, holder: MappingNode) -> tuple[tuple[Node, Node], ...]:
    variables = document.value(holder, "vars")
    return variables.pairs if isinstance(variables, MappingNode) else ()


def _in_vars(document: Document, holder: MappingNode, name: str) -> Iterator[Value]:
    variables = document.value(holder, "vars") if holder.get("vars") else None
    node = variables.get(name) if isinstance(variables, MappingNode) else None
    if node is not None:
        yield _safe(document, node, name)


def _safe(document: Document, node: Node, name: str) -> Value:
    try:
        return plain(document, node)
    except TooMuch:
        return Unknown(frozenset({name}))
