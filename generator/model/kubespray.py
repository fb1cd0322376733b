"""A Kubespray as the features see it: documents parsed once, playbooks, orders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from generator.exits import UnusableInput
from generator.model.flatten import Following, flatten
from generator.model.playbook import Import, Play, entries_of, is_playbook
from generator.model.role import (
    Meta,
    collection_name,
    collection_version,
    is_role,
    locate_role,
    meta_of,
    role_file,
    roles_path,
    same_role,
)
from generator.model.shelf import Key, Shelf
from generator.model.step import Order
from generator.model.task import Task, task_items, task_uses
from generator.model.use import Use
from generator.model.workload import KINDS
from generator.text.document import Document, Node, Place, Scalar, Sequence
from generator.text.yaml import decode, parse
from generator.tree.base import Tree, find, names, normal, read
from generator.tree.memory import ChangedTree

Parsed = TypeVar("Parsed")

_PLAYBOOK_FOLDERS = ("", "playbooks", "extra_playbooks")

_SIGNS_OF_USE = (b"_role", b"_tasks", b"include:")
"""A task file without any of these brings nothing, so it need not be parsed."""

_CLUSTER = rb"kubectl|\bkube:|\bhelm\b|helm:|\bk8s(?:_info)?:|cilium|--wait"
_SIGNS_OF_CLUSTER = re.compile(_CLUSTER)
"""Only a role with one of these in a task file can put something into the cluster, or wait."""

_KINDS = "|".join((*KINDS, "List"))
WORKLOAD = re.compile(rf"kind[\"']?[ \t]*:[ \t]*[\"']?(?:(?:{_KINDS})\b|\{{\{{|x{{5}})")
"""What the manifest of a workload holds; its kind may be made by a template, masked or not."""

_WORKLOAD = re.compile(WORKLOAD.pattern.encode())
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MANIFESTS = (".yml", ".yaml", ".json", ".j2")

_SIGNS_OF_ACTION = re.compile(_CLUSTER + rb"|wait_for|set_fact|template|copy|_role|_tasks|include:")
"""A task file of such a role without any of these need not be parsed."""

_LIST = re.compile(rb"(?:[ \t]*(?:#[^\n]*|---[^\n]*)?\r?\n)*(?:[ \t]*-[ \t\r\n]|[ \t]*\Z)")

_MAX_FOLDERS = 4
"""Upstream has task files at most one folder below `tasks`."""


class Kubespray:
    """One tree with its documents; whatever is asked twice is read and parsed once.

    Trees that are given the same shelf parse the files that they have in common once.
    """

    def __init__(
        self,
        tree: Tree,
        known: Mapping[str, Document] | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self.tree = tree
        self._shelf = shelf or Shelf()
        self._documents: dict[str, Document] = dict(known or {})
        self._found: dict[str, str | None] = {}
        self._orders: dict[str, Order] = {}
        self._entries: dict[str, tuple[Play | Import, ...]] = {}
        self._unreadable: dict[str, tuple[str, ...]] = {}
        self._metas: dict[str, tuple[str | None, Meta]] = {}
        self._task_uses: dict[str, tuple[Use, ...]] = {}
        self._task_items: dict[str, tuple[Use | Task, ...]] = {}
        self._task_folders: dict[str, bool] = {}
        self._manifests: dict[str, tuple[str, ...]] = {}
        self._roles_of_plays: dict[tuple[str, int], tuple[str, ...]] = {}
        self._named: dict[str, str | None] = {}
        self._role_paths: dict[tuple[str, str, str | None], str | None] = {}
        self._task_paths: dict[tuple[str, str, str, str | None], str | None] = {}
        self._roots: tuple[tuple[str, ...], str | None] | None = None

    def changed(self, files: Mapping[str, bytes | None]) -> Kubespray:
        """Return the same Kubespray with some files changed, added or (None) deleted."""
        known = {path: doc for path, doc in self._documents.items() if path not in files}
        other = Kubespray(ChangedTree(self.tree, files), known, self._shelf)
        if any(data is None or not self.tree.mode(path) for path, data in files.items()):
            return other
        other._named = dict(self._named)
        other._role_paths = dict(self._role_paths)
        other._task_paths = dict(self._task_paths)
        other._task_uses = {
            path: uses for path, uses in self._task_uses.items()
            if find(self.tree, path) not in files
        }  # fmt: skip
        other._metas = {role: meta for role, meta in self._metas.items() if meta[0] not in files}
        other._entries = {
            playbook: entries for playbook, entries in self._entries.items()
            if find(self.tree, playbook) not in files
        }  # fmt: skip
        return other

    def document(self, path: str) -> Document | None:
        """Return the parsed file at a path, None where there is no such file.

        Raises UnusableInput where it is not UTF-8 or not YAML.
        """
        real = self._real(path)
        if real is None:
            return None
        if real not in self._documents:
            self._documents[real] = self._shelved(
                self._shelf.documents, real,
                lambda: parse(real, decode(real, self.tree.raw(real))),
            )  # fmt: skip
        return self._documents[real]

    def _shelved(
        self, shelf: dict[Key, Parsed], path: str | None, make: Callable[[], Parsed]
    ) -> Parsed:
        """Return what the file at a path is parsed to, from the shelf where it is there."""
        content = self.tree.content_id(path) if path is not None else None
        if path is None or content is None:
            return make()
        if (path, content) not in shelf:
            shelf[path, content] = make()
        return shelf[path, content]

    def repeated_keys(self) -> Iterator[tuple[Place, str]]:
        """Give the keys that stand twice in their mapping, in the files parsed so far."""
        for document in self._documents.values():
            for key in document.repeated:
                yield document.place(key), key.value

    def playbooks(self) -> tuple[str, ...]:
        """Return the paths of the tree's playbooks, those at the top first."""
        return tuple(path for path in self._playbook_paths() if self._is_playbook(path))

    def _playbook_paths(self) -> Iterator[str]:
        """Give the paths of the files that may be playbooks, those at the top first."""
        for folder in _PLAYBOOK_FOLDERS:
            for name in names(self.tree, folder):
                if name.endswith((".yml", ".yaml")):
                    yield f"{folder}/{name}" if folder else name

    def playbook_named(self, name: str) -> str | None:
        """Return the path of a playbook by its path or its name, spelled either way.

        `cluster`, `cluster.yml` and `playbooks/cluster.yml` all name one; the top is searched
        first, and dashes and underscores are the same (upstream has both).
        """
        if find(self.tree, name) is not None:
            return name
        wanted = playbook_stem(name)
        same = (path for path in self._playbook_paths() if playbook_stem(path) == wanted)
        return next((path for path in same if self._is_playbook(path)), None)

    def order(self, playbook: str) -> Order:
        """Return the steps of a playbook; raises UnusableInput where it cannot be flattened."""
        if playbook not in self._orders:
            self.tree.read_ahead(_matters)
            self._orders[playbook] = flatten(self, playbook)
        return self._orders[playbook]

    def run(self, playbook: str, following: Following) -> Order:
        """Return the order of a playbook with its tasks; raises UnusableInput as `order` does.

        Task files and metas of roles that cannot be read are left out instead, and told of.
        """
        self.tree.read_ahead(_matters)
        return flatten(self, playbook, following)

    def imported_files(self, playbook: str) -> tuple[str, ...]:
        """Return the playbook files that a playbook is made of, its own first.

        Cheaper than the order. An import that leads nowhere, or to a file that cannot be read, is
        not followed.
        """
        found: dict[str, None] = {}
        pending = [playbook]
        while pending:
            path = pending.pop(0)
            if path in found:
                continue
            found[path] = None
            try:
                entries = self.entries(path)
            except UnusableInput:
                continue
            for entry in entries:
                if isinstance(entry, Import):
                    target = self.playbook_path(entry.name, posixpath.dirname(path))
                    pending += [target] if target else []
        return tuple(found)

    def role_named(self, role: str) -> str | None:
        """Return the folder of a role by its name below `roles/`, None where there is none.

        Dashes and underscores are the same in every part of it: upstream and forks rename.
        """
        if role not in self._named:
            folders, _ = self._surroundings()
            found = (self._descend(folder, role.split("/")) for folder in folders)
            self._named[role] = next((path for path in found if path is not None), None)
        return self._named[role]

    def _descend(self, folder: str, parts: list[str]) -> str | None:
        if not parts:
            return folder if is_role(self.tree, folder) else None
        exact_first = sorted(names(self.tree, folder), key=lambda name: name != parts[0])
        for name in exact_first:
            if same_role(name, parts[0]):
                path = self._descend(f"{folder}/{name}", parts[1:])
                if path is not None:
                    return path
        return None

    def roles_below(self, folder: str) -> tuple[str, ...]:
        """Return the names of the roles right below a role's folder."""
        return tuple(name for name in names(self.tree, folder)
                     if is_role(self.tree, f"{folder}/{name}"))  # fmt: skip

    def entries(self, playbook: str) -> tuple[Play | Import, ...]:
        """Return the plays and imports of a playbook file; raises UnusableInput if it is none."""
        if playbook not in self._entries:
            document = self.document(playbook)
            if document is None:
                raise UnusableInput(f"{playbook}: there is no such playbook.")
            self._entries[playbook] = self._shelved(
                self._shelf.entries, document.path, lambda: tuple(entries_of(document))
            )
        return self._entries[playbook]

    def playbook_path(self, name: str, basedir: str) -> str | None:
        """Return the playbook that an import in a folder names, None where there is none."""
        _, collection = self._surroundings()
        if collection and name.startswith(f"{collection}."):
            name = name.removeprefix(f"{collection}.").replace(".", "/") + ".yml"
            basedir = "playbooks"
        path = normal(posixpath.join(basedir, name))
        return path if path and self.exists(path) else None

    def role_path(self, name: str, basedir: str, role: str | None) -> str | None:
        """Return the folder of the role that a name means in a playbook's folder, or a role."""
        key = (name, basedir, role)
        if key not in self._role_paths:
            roles, collection = self._surroundings()
            folders = [posixpath.join(basedir, "roles"), *roles]
            folders += [posixpath.dirname(role)] if role else []
            self._role_paths[key] = locate_role(self.tree, name, [*folders, basedir], collection)
        return self._role_paths[key]

    def meta(self, role: str) -> Meta:
        """Return what a role's meta says; an empty one where it has none."""
        if role not in self._metas:
            path = role_file(self.tree, role, "meta")
            real = self._real(path) if path else None
            meta = self._shelved(
                self._shelf.metas, real,
                lambda: meta_of(self.document(real) if real else None),
            )  # fmt: skip
            self._metas[role] = (path, meta)
        return self._metas[role][1]

    def task_file(self, role: str, name: str) -> str | None:
        """Return the path of a role's task file, None where it has none of that name."""
        key = (name, "", "", role)
        if key not in self._task_paths:
            stem = name.removesuffix(".yml").removesuffix(".yaml")
            self._task_paths[key] = role_file(self.tree, role, "tasks", stem)
        return self._task_paths[key]

    def task_path(self, name: str, folder: str, basedir: str, role: str | None) -> str | None:
        """Return the task file that a task in a folder names, None where there is none.

        `basedir` is the playbook's folder and `role` that of the role around the task.
        """
        key = (name, folder, basedir, role)
        if key not in self._task_paths:
            places = [f"{role}/tasks", folder, basedir] if role else [folder, basedir]
            candidates = (normal(posixpath.join(place, name)) for place in places)
            found = (path for path in candidates if path and self.exists(path))
            self._task_paths[key] = next(found, None)
        return self._task_paths[key]

    def task_uses(self, path: str) -> tuple[Use, ...]:
        """Return the uses in a task file; one that can hold none is not parsed."""
        if path not in self._task_uses:
            real = find(self.tree, path)
            self._task_uses[path] = self._shelved(
                self._shelf.task_uses, real, lambda: self._uses_in(real)
            )
        return self._task_uses[path]

    def _uses_in(self, real: str | None) -> tuple[Use, ...]:
        if real is None or not any(sign in self.tree.raw(real) for sign in _SIGNS_OF_USE):
            return ()
        document = self.document(real)
        return tuple(task_uses(document, document.root, ())) if document else ()

    def task_items(self, path: str) -> tuple[Use | Task, ...]:
        """Return the uses and tasks in a task file.

        Only the uses where no task file beside it has to do with the cluster.
        """
        if path not in self._task_items:
            folder, found, _ = path.partition("/tasks/")
            if found and not self.concerns_cluster(folder):
                self._task_items[path] = self.task_uses(path)
            elif self.exists(path) and _has_no_say(read(self.tree, path)):
                self._task_items[path] = ()
            else:
                self._task_items[path] = self._items_in(path)
        return self._task_items[path]

    def applies(self, role: str) -> bool:
        """Tell whether a role's own tasks seem to put something into the cluster, or wait."""
        return self._concerns_cluster(f"{role}/tasks")

    def concerns_cluster(self, role: str) -> bool:
        """Tell whether a role can put something into the cluster, or wait for it."""
        return self._concerns_cluster(f"{role}/tasks") or bool(self.manifests(role))

    def _items_in(self, path: str) -> tuple[Use | Task, ...]:
        document = self.document(path)
        root = document.follow(document.root) if document else None
        if document is None or (root is None and document.root is None):
            return ()
        if not isinstance(root, Sequence) and not _is_null(root):
            raise UnusableInput(f"{path}: a list of tasks is expected there; this is none.")
        return tuple(task_items(document, root, ()))

    @property
    def version(self) -> str | None:
        """The version that the tree gives itself (galaxy.yml), None where it gives none.

        On a branch it is the one of the next release; v2.22.0 forgot to raise it.
        """
        return collection_version(self.document("galaxy.yml"))

    def unreadable(self, role: str) -> tuple[str, ...]:
        """Return the paths of a role's main files that are there but are no files to read.

        They are links that lead nowhere or out of the tree, folders, or devices.
        """
        if role not in self._unreadable:
            self._unreadable[role] = tuple(
                f"{role}/{folder}/{name}" for folder in ("meta", "tasks", "defaults", "vars")
                for name in names(self.tree, f"{role}/{folder}")
                if name in ("main.yml", "main.yaml")
                and not self.exists(f"{role}/{folder}/{name}")
            )  # fmt: skip
        return self._unreadable[role]

    def manifests(self, role: str) -> tuple[str, ...]:
        """Return the templates and files of a role that hold manifests of workloads."""
        if role not in self._manifests:
            folders = (f"{role}/templates", f"{role}/files")
            self._manifests[role] = tuple(
                path for folder in folders for path in self._workloads_below(folder, 0)
            )
        return self._manifests[role]

    def _workloads_below(self, folder: str, depth: int) -> Iterator[str]:
        for name in names(self.tree, folder) if depth < _MAX_FOLDERS else ():
            path = f"{folder}/{name}"
            if name.endswith(_MANIFESTS):
                if self.has_workloads(path):
                    yield path
            elif not self.exists(path):
                yield from self._workloads_below(path, depth + 1)

    def has_workloads(self, path: str) -> bool:
        """Tell whether a file may hold the manifest of a workload.

        So may one that cannot be read; whoever reads it will say why.
        """
        try:
            data = read(self.tree, path)
        except UnusableInput:
            return True
        return _WORKLOAD.search(data) is not None or data.startswith(_UTF16)

    def task_texts(self) -> Iterator[bytes]:
        """Give the bytes of all task files of the tree's roles."""
        for folder in self._surroundings()[0]:
            yield from self._texts_below(folder, 0)

    def _texts_below(self, folder: str, depth: int) -> Iterator[bytes]:
        for name in names(self.tree, folder):
            path = f"{folder}/{name}"
            if name.endswith((".yml", ".yaml")):
                if "/tasks/" in path and self.exists(path):
                    yield read(self.tree, path)
            elif "." not in name and depth < 2 * _MAX_FOLDERS:
                yield from self._texts_below(path, depth + 1)

    def roles_of_play(self, play: Play, basedir: str) -> tuple[str, ...]:
        """Return the folders of the roles in a play's `roles`, each behind its dependencies.

        Their defaults can be seen in the whole play (Ansible documentation, "Roles").
        """
        key = (play.place.path, play.place.line)
        if key not in self._roles_of_plays:
            found: dict[str, None] = {}
            uses = [item for item in play.items if isinstance(item, Use) and item.kind == "role"]
            self._add_roles(uses, basedir, None, found)
            self._roles_of_plays[key] = tuple(found)
        return self._roles_of_plays[key]

    def _dependencies(self, role: str) -> tuple[Use, ...]:
        try:
            return self.meta(role).dependencies
        except UnusableInput:
            # Whoever follows the run tells of it.
            return ()

    def _add_roles(
        self, uses: Iterable[Use], basedir: str, role: str | None, found: dict[str, None]
    ) -> None:
        for use in uses:
            path = None if use.is_template else self.role_path(use.name, basedir, role)
            if path is not None and path not in found:
                found[path] = None
                self._add_roles(self._dependencies(path), basedir, path, found)
                # What comes later counts more, and a role more than its dependencies.
                del found[path]
                found[path] = None

    def _concerns_cluster(self, folder: str, depth: int = 0) -> bool:
        if folder not in self._task_folders:
            paths = [f"{folder}/{name}" for name in names(self.tree, folder)]
            files = [path for path in paths if self.exists(path)]
            self._task_folders[folder] = any(
                _SIGNS_OF_CLUSTER.search(read(self.tree, path)) for path in files
            ) or any(
                self._concerns_cluster(path, depth + 1)
                for path in paths if depth < _MAX_FOLDERS and path not in files
            )  # fmt: skip
        return self._task_folders[folder]

    def exists(self, path: str) -> bool:
        """Tell whether the tree has a file."""
        return self._real(path) is not None

    def _real(self, path: str) -> str | None:
        """Return the path of the regular file that a path names, None where there is none."""
        if path not in self._found:
            self._found[path] = find(self.tree, path)
        return self._found[path]

    def _surroundings(self) -> tuple[tuple[str, ...], str | None]:
        """Where the tree looks for roles, and the collection that it is."""
        if self._roots is None:
            galaxy = self.document("galaxy.yml")
            self._roots = (roles_path(self.tree), collection_name(galaxy))
        return self._roots

    def _is_playbook(self, path: str) -> bool:
        if find(self.tree, path) is None:
            return False
        try:
            document = self.document(path)
        except UnusableInput:
            return False
        return document is not None and is_playbook(document)


def _matters(path: str) -> bool:
    """Tell whether a file can have a say in an order, by its path alone."""
    if not path.endswith((".yml", ".yaml")) or "/molecule/" in path:
        return False
    folder = path.rpartition("/")[0]
    inside_role = path.startswith("roles/") and ("/tasks/" in path or folder.endswith("/meta"))
    return inside_role or folder in _PLAYBOOK_FOLDERS


def _has_no_say(data: bytes) -> bool:
    """Tell whether a task file can have no say: it looks like a list, and has no sign of action."""
    return _SIGNS_OF_ACTION.search(data) is None and _LIST.match(data) is not None


def _is_null(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value in ("", "~", "null") and not node.style


def playbook_stem(path: str) -> str:
    """Return a playbook's name without folder and ending, dashes as underscores."""
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return name.replace("-", "_")
