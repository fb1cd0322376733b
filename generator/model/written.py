"""Where a tree's own files set variables, and what they set: defaults, vars, parameters.

Source: Ansible documentation, "Roles" (variables of a role can be seen in the whole play).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from generator.exits import UnusableInput
from generator.model.kubespray import Kubespray
from generator.model.playbook import Play
from generator.model.role import role_file
from generator.model.step import TaskRun
from generator.model.use import Use
from generator.model.value import Known, Unknown, Value
from generator.text.document import Document, Node, Place, Scalar
from generator.text.document import Mapping as MappingNode
from generator.text.plain import Dangling, TooMuch, plain
from generator.text.yaml import decode, parse
from generator.tree.base import find, names, read

_ENDINGS = (".yml", ".yaml", ".json")

_TOP_KEY = re.compile(rb"^[\"']?([A-Za-z_]\w*)[\"']?[ \t]*:", re.MULTILINE)


_IN_WORD = re.compile(rb"\w")
_BEHIND_KEY = re.compile(rb"[\"']? *(?::|=(?!=))")


@dataclass(frozen=True, slots=True)
class Written:
    """Where a variable is written in a role's file; `start` and `end` count bytes."""

    path: str
    start: int
    end: int
    line: int


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
                    key.value: (document, value) for key, value in pairs_of_vars(document, node)
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
            word = name.encode()
            self._by_tasks[name] = any(_sets(text, word) for text in self._setting_tasks())
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
        found = []
        for name in sorted(names(tree, f"{role}/{folder}/main")):
            path = f"{role}/{folder}/main/{name}"
            real = find(tree, path)
            if real is not None and real.endswith(_ENDINGS):
                found.append(real)
            elif real is None and name.endswith(_ENDINGS):
                text = f"{path}: this is no file that can be read; it is left out."
                self.unread(Place(path, 1), text)
        return found

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
            pairs = [*node.pairs, *pairs_of_vars(document, node)]
            return {
                key.value: (document, value) for key, value in pairs
                if isinstance(key, Scalar) and key.value in found
            }  # fmt: skip
        blocks = (document.node(use.route[:at]) for at, part in enumerate(use.route)
                  if isinstance(part, str))  # fmt: skip
        return {
            key.value: (document, value)
            for holder in (*map(document.follow, blocks), node) if isinstance(holder, MappingNode)
            for key, value in pairs_of_vars(document, holder) if isinstance(key, Scalar)
        }  # fmt: skip

    def _setting_tasks(self) -> tuple[bytes, ...]:
        if self._task_texts is None:
            texts = self.kubespray.task_texts()
            self._task_texts = tuple(t for t in texts if b"set_fact" in t or b"register" in t)
        return self._task_texts


def _sets(text: bytes, name: bytes) -> bool:
    """Tell whether a task file may set a variable.

    Without a pattern for each name: to compile them would take longer than all the searching.
    """
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        before = text[at - 1 : at]
        if before in (b'"', b"'"):
            before = text[at - 2 : at - 1]
        if before and before in b"{, :":
            line = text[text.rfind(b"\n", 0, at) + 1 : at]
            registers = line.rstrip(b"\"'").rstrip(b" ").endswith(b"register:")
            if registers and not _IN_WORD.match(text, end):
                return True
            if before != b":" and _BEHIND_KEY.match(text, end):
                return True
        at = text.find(name, end)
    return False


def repeated_key(place: Place, name: str) -> str:
    """Return what is said of a key that stands in its mapping for a second time."""
    return f"{place}: the key '{name}' stands twice; Ansible takes the last one."


def value_at(document: Document, node: Node, name: str) -> Value:
    """Return a variable's value as it is written at a node; Unknown where that is too much."""
    try:
        return plain(document, node)
    except TooMuch:
        return Unknown(frozenset({name}))


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


def pairs_of_vars(document: Document, holder: MappingNode) -> tuple[tuple[Node, Node], ...]:
    """Return the pairs under a play's, a task's or a block's `vars`."""
    variables = document.value(holder, "vars")
    return variables.pairs if isinstance(variables, MappingNode) else ()
