"""The files in `group_vars` and `host_vars` beside an inventory.

Source: Ansible documentation, "How to build your inventory", "Organizing host and group
variables", and the page of the plugin `ansible.builtin.host_group_vars`.
"""

from __future__ import annotations

from collections.abc import Iterator

from generator.exits import UnusableInput
from generator.model.inventory import files
from generator.model.inventory.content import load
from generator.model.inventory.setting import FileProblem, Setting, Unread, brief
from generator.model.inventory.statement import SetVariable
from generator.text.yaml import MAX_DEPTH

EXTENSIONS = ("", ".yml", ".yaml", ".json")
"""How names of variable files may end; of files that differ in that alone, the first counts."""

MAX_FILES = 10_000
"""As many entries of folders are looked at for one inventory."""

ENCRYPTED = "encrypted with ansible-vault."


class Adjacent:
    """Reads the variable files beside an inventory; `unread` and `vaulted` tell what is missing."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.unread: list[Unread] = []
        self.vaulted = False
        self._looked_at = 0

    def variables(self, kind: str, owner: str) -> dict[str, Setting]:
        """Return the variables of a group or host; `kind` is `group_vars` or `host_vars`.

        Raises UnusableInput where there are too many files.
        """
        top = files.join(self.folder, kind)
        if not files.exists(top) or owner.startswith("/"):
            return {}
        if not files.is_folder(top):
            self._note(files.problem(top, "it is no folder."))
            return {}
        if "/" in owner or "\0" in owner or owner in (".", ".."):
            what = f"The variables of {brief(owner)} are left out: no file has such a name."
            self.unread.append((files.start_of(top), what))
            return {}
        found: dict[str, Setting] = {}
        for path in self._files(files.join(top, owner)):
            found.update(self._read(path, owner))
        return found

    def _files(self, stem: str) -> Iterator[str]:
        for ending in EXTENSIONS:
            path = f"{stem}{ending}"
            if files.is_folder(path):
                yield from self._below(path, ())
                return
            if files.exists(path):
                yield path
                if not files.is_dangling(path):
                    return

    def _below(self, folder: str, outer: tuple[tuple[int, int], ...]) -> Iterator[str]:
        """Give the files in a folder and those in it, sorted as Ansible sorts them."""
        try:
            itself = files.identity(folder)
            if itself in outer or len(outer) > MAX_DEPTH:
                raise files.problem(folder, "the folder is inside itself, through a link.")
            names = files.names(folder)
        except FileProblem as problem:
            self._note(problem)
            return
        for name in names:
            self._looked_at += 1
            if self._looked_at > MAX_FILES:
                raise UnusableInput(
                    f"{files.start_of(folder).path}: there are more than {MAX_FILES} files with "
                    "variables beside the inventory."
                )
            if name.startswith(".") or name.endswith("~"):
                continue
            path, ending = files.join(folder, name), files.extension(name)
            if not files.is_folder(path):
                if ending in EXTENSIONS:
                    yield path
            elif not ending:
                yield from self._below(path, (*outer, itself))

    def _read(self, path: str, owner: str) -> dict[str, Setting]:
        try:
            data = files.read(path)
            if data.startswith(files.VAULT):
                self.vaulted = True
                raise files.problem(path, ENCRYPTED)
            content = load(path, data)
            if not content.data:
                return {}
            if not isinstance(content.data, dict):
                raise files.problem(path, "variables are expected, as a mapping.")
        except FileProblem as problem:
            self._note(problem)
            return {}
        self.unread.extend(content.unread)
        found: dict[str, Setting] = {}
        for entry in content.variables(owner, content.data):
            if isinstance(entry, SetVariable):
                found[entry.name] = entry.setting
            else:
                self.unread.append(entry)
        return found

    def _note(self, problem: FileProblem) -> None:
        self.unread.append(problem.left_out())
