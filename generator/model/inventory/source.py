"""Which inventory files there are, and the format of each.

Source: Ansible documentation, "How to build your inventory", "Organizing inventory in a
directory", and the settings INVENTORY_IGNORE_EXTS, INVENTORY_ENABLED and
YAML_FILENAME_EXTENSIONS in "Ansible Configuration Settings".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.inventory import files
from generator.model.inventory.adjacent import ENCRYPTED, MAX_FILES
from generator.model.inventory.content import Content, load, load_json
from generator.model.inventory.graph import Graph
from generator.model.inventory.ini import read_ini
from generator.model.inventory.listing import is_listing, read_listing
from generator.model.inventory.setting import FileProblem, Unread, encodable
from generator.model.inventory.statement import Statement
from generator.model.inventory.yaml_groups import read_groups
from generator.text.document import Place
from generator.text.yaml import MAX_DEPTH

STANDARD_INPUT = "standard input"

_MAX_LISTING = 32 * 1024 * 1024
"""A listing repeats what all hosts have in common, so it may be larger than a file."""

_YAML = (".yml", ".yaml", ".json")
_FORMATS = (*_YAML, ".ini")

_IGNORED = re.compile(
    # Ansible's own default; then what Kubespray's ansible.cfg adds.
    r"\.|(?:group_vars|host_vars|vars_plugins)\Z"
    r"|.*(?:~|\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry))\Z"
    r"|.*\.(?:creds|gpg)\Z|.*(?:artifacts|credentials)",
    re.DOTALL,
)

_SECTION = re.compile(rb"^[ \t]*\[[^\]\n]+\][ \t]*\r?$", re.MULTILINE)
_KEY = re.compile(rb"^(?:---|[ \t]*[^\s\[#;={][^=\n]*:[ \t]*(?:[{&#].*)?)\r?$", re.MULTILINE)
"""What tells an INI file and a YAML file to a reader, where neither can be read."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one inventory file says; a `listing` has Ansible's merging behind it."""

    statements: tuple[Statement, ...]
    unread: tuple[Unread, ...] = ()
    listing: bool = False


class Folder:
    """Reads the inventory files of a folder into a graph, as Ansible does, in sorted order.

    `unread` and `vaulted` tell what is missing.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.unread: list[Unread] = []
        self.vaulted = False
        self._looked_at = 0

    def read(self, folder: str, outer: tuple[tuple[int, int], ...] = ()) -> None:
        """Read the files of a folder and of those in it.

        Raises UnusableInput where a file is a program, and where the folder cannot be listed.
        """
        itself = files.identity(folder)
        if itself in outer or len(outer) > MAX_DEPTH:
            raise files.problem(folder, "the folder is inside itself, through a link.")
        for name in files.names(folder):
            self._looked_at += 1
            if self._looked_at > MAX_FILES:
                raise files.problem(folder, f"there are more than {MAX_FILES} files.")
            path = files.join(folder, name)
            if _IGNORED.match(name):
                continue
            if files.is_folder(path):
                self.read(path, (*outer, itself))
            elif name.endswith(".ini"):
                reason = "in a folder, Kubespray's ansible.cfg excludes .ini files; name it itself."
                self.unread.append(files.problem(path, reason).left_out())
            else:
                self._file(path)

    def _file(self, path: str) -> None:
        try:
            data = files.read(path)
            refuse_programs(path, data)
            if data.startswith(files.VAULT):
                self.vaulted = True
                raise files.problem(path, ENCRYPTED)
            said = read_file(path, data, self.graph.group_names)
        except Program:
            raise
        except FileProblem as problem:
            self.unread.append(problem.left_out())
            return
        self.unread.extend(said.unread)
        self.graph.apply(said.statements)


class Program(FileProblem):
    """An inventory that only running something would give."""

    def __init__(self, path: str, what: str) -> None:
        advice = f"run `ansible-inventory -i {encodable(path)} --list` yourself and hand over"
        super().__init__(files.start_of(path), f"this is {what}; {advice} its output with `-i -`.")


def refuse_programs(path: str, data: bytes) -> None:
    """Raise Program where Ansible would run a file to get the inventory."""
    ending = files.extension(path)
    if data.startswith(b"#!") or (ending not in _FORMATS and files.is_program(path)):
        raise Program(path, "a program")
    if ending == ".toml":
        raise Program(path, "a TOML file")


def read_file(path: str, data: bytes, known: Iterable[str]) -> Said:
    """Return what an inventory file says; `known` are the groups of the files before it.

    Without an ending it is YAML or JSON where that gives a mapping, else INI, as Ansible's
    plugins try it in turn. Raises FileProblem where it cannot be read.
    """
    ending = files.extension(path)
    if ending and ending not in _YAML:
        return Said(read_ini(path, data, known))
    try:
        content = load(path, data)
        if content.data is None:
            return Said((), content.unread)
        if not isinstance(content.data, dict):
            raise FileProblem(content.start, "an inventory in YAML is a mapping of groups.")
    except FileProblem as problem:
        if ending:
            raise
        return Said(_ini_after(problem, path, data, known))
    return _groups(path, content)


def _ini_after(
    problem: FileProblem, path: str, data: bytes, known: Iterable[str]
) -> tuple[Statement, ...]:
    """Read as INI what is no YAML; where it is none either, tell what it seems to be."""
    try:
        return read_ini(path, data, known)
    except FileProblem:
        if _SECTION.search(data) or not _KEY.search(data):
            raise
        raise problem from None


def _groups(path: str, content: Content) -> Said:
    if content.data.get("plugin"):
        raise Program(path, "the configuration of an inventory plugin")
    if is_listing(content):
        return Said(read_listing(content), content.unread, listing=True)
    statements, unread = read_groups(content)
    return Said(statements, (*content.unread, *unread))


def read_standard_input(stdin: Callable[[], bytes]) -> Said:
    """Return what the listing on standard input says; raises FileProblem where it is none."""
    data = stdin()
    place = Place(STANDARD_INPUT, 1)
    if len(data) > _MAX_LISTING:
        raise FileProblem(place, f"there are {len(data)} bytes; the limit is 32 MiB.")
    content = load_json(STANDARD_INPUT, data)
    if not isinstance(content.data, dict):
        raise FileProblem(place, "the JSON of `ansible-inventory --list` is expected.")
    return _groups(STANDARD_INPUT, content)


def read_named(path: str, known: Iterable[str]) -> Said:
    """Return what the file says that the user named; `known` are the groups that always are.

    Raises UnusableInput where it is a program, is encrypted, or cannot be read.
    """
    if not files.exists(path):
        raise UnusableInput(f"{encodable(path)}: there is no such inventory; name a file, or -.")
    data = files.read(path)
    refuse_programs(path, data)
    if data.startswith(files.VAULT):
        raise Program(path, "a file that ansible-vault encrypted")
    return read_file(path, data, known)
