"""Renders templates of a Kubespray tree; run by the Python of an Ansible, which it imports.

Takes a job as JSON on standard input, see ``render.py``, and prints the results as JSON.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader  # type: ignore[import-not-found]
from ansible.plugins.loader import lookup_loader  # type: ignore[import-not-found]
from ansible.template import Templar  # type: ignore[import-not-found]

_UNDEFINED = re.compile(r"'(?:ansible_facts\.)?(\w+)' is undefined")
_TRIES = 40

Results = dict[str, dict[str, list[str]]]


def main() -> None:
    with contextlib.suppress(ImportError, AttributeError):
        from ansible.plugins.loader import init_plugin_loader

        init_plugin_loader()
    job = json.load(sys.stdin)
    tree = Path(job["tree"])
    made_up: dict[tuple[str, str], dict[str, str]] = {}
    read: dict[Path, Any] = {}
    found: dict[str, Results] = {}
    for state in job["states"]:
        with _changed(tree, state["files"]):
            roles = _Roles(tree, read, {tree / path for path in state["files"]})
            found[state["name"]] = _rendered(roles, job, state["templates"], made_up)
    json.dump(found, sys.stdout)


@contextlib.contextmanager
def _changed(tree: Path, files: dict[str, str]) -> Iterator[None]:
    """Give the tree with some files as they shall be."""
    before = {path: (tree / path).read_bytes() for path in files if (tree / path).exists()}
    try:
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(text.encode("utf-8"))
        yield
    finally:
        for path in files:
            if path in before:
                (tree / path).write_bytes(before[path])
            else:
                (tree / path).unlink()


def _rendered(
    roles: _Roles,
    job: dict[str, Any],
    wanted: dict[str, list[str]],
    made_up: dict[tuple[str, str], dict[str, str]],
) -> Results:
    """Templates in each variant: ``["text", what comes out]`` or ``["refused", why]``.

    What is made up for a template once is so in each state: it must not hang on its neighbours.
    """
    found: Results = {}
    for name, templates in wanted.items():
        found[name] = {}
        overriding = roles.trusted(_overriding(roles.everywhere, job["variants"][name]))
        for template in templates:
            variables = {**roles.variables(template, job["variables"]), **overriding}
            more = made_up.setdefault((name, template), {})
            found[name][template] = _render(roles.loader, roles.tree, template, variables, more)
    return found


def _overriding(defaults: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """The variables of a variant: those given, and what holds for all of a kind."""
    values: dict[str, Any] = {}
    for name, value in defaults.items():
        if isinstance(value, bool) and overrides.get("booleans") is not None:
            values[name] = (not value) if overrides["booleans"] == "other" else True
        if "tolerations" in overrides and "toleration" in name:
            values[name] = overrides["tolerations"]
    for name in overrides.get("toleration_names", ()):
        values[name] = overrides["tolerations"]
    values.update(overrides.get("values", {}))
    return copy.deepcopy(values)


def _render(
    loader: Any, tree: Path, template: str, variables: dict[str, Any], made_up: dict[str, str]
) -> list[str]:
    """Render a template by Ansible's lookup; what nobody sets gets a made-up value, and again."""
    path = tree / template
    role = str(path).partition("/templates/")[0]
    # The lookup copies `variables`, but not what it is given for the template.
    search = {"ansible_search_path": [role, str(path.parent)]}
    message = ""
    for _ in range(_TRIES):
        given = {**made_up, **variables, **search}
        templar = Templar(loader=loader, variables=given)
        lookup = lookup_loader.get("template", loader=loader, templar=templar)
        try:
            (text,) = lookup.run([str(path)], variables=dict(search), template_vars=given)
        except Exception as error:
            message = " ".join(str(error).split())
            names = [name for name in _UNDEFINED.findall(message) if name not in given]
            if not names:
                break
            made_up.update({name: f"made-up-{name}" for name in names})
        else:
            return ["text", str(text)]
    return ["refused", message.replace(str(tree), "")]


class _Roles:
    """The defaults of a tree's roles, as Ansible would lay them over one another.

    What was ``read`` before is not read again, but for the files that are ``changed``.
    """

    def __init__(self, tree: Path, read: dict[Path, Any], changed: set[Path]) -> None:
        self.tree = tree
        self._kept, self._changed = read, changed
        self.loader = DataLoader()
        self.loader.set_basedir(str(tree))
        self._own: dict[Path, dict[str, Any]] = {}
        self._known: dict[Path, dict[str, Any]] = {}
        folders = sorted(
            path.parent for path in (tree / "roles").rglob("*")
            if path.name in ("defaults", "vars", "meta", "templates") and path.is_dir()
        )  # fmt: skip
        self.everywhere: dict[str, Any] = {}
        for folder in dict.fromkeys(folders):
            self.everywhere.update(self._read(folder, "defaults"))
        for kind in ("defaults", "vars"):
            for name in ("download", "kubespray-defaults", "kubespray_defaults"):
                self.everywhere.update(self._read(tree / "roles" / name, kind))

    def variables(self, template: str, given: dict[str, Any]) -> dict[str, Any]:
        """The variables as a template sees them: its role's, over those of all others."""
        folder = self.tree / template.partition("/templates/")[0]
        if folder not in self._known:
            found = dict(self.everywhere)
            for role in (*self._parents(folder), folder):
                found.update(self._read(role, "defaults"))
            found.update(self.trusted(given))
            found.update(self._read(folder, "vars"))
            self._known[folder] = found
        return dict(self._known[folder])

    def trusted(self, data: dict[str, Any]) -> dict[str, Any]:
        """Data of the job, of which texts may be templates."""
        try:
            from ansible.template import trust_as_template
        except ImportError:
            return data

        def trust(value: Any) -> Any:
            if isinstance(value, str):
                return trust_as_template(value)
            if isinstance(value, list):
                return [trust(item) for item in value]
            if isinstance(value, dict):
                return {key: trust(item) for key, item in value.items()}
            return value

        return {key: trust(value) for key, value in data.items()}

    def _parents(self, folder: Path) -> list[Path]:
        """The roles that a role's meta file names as dependencies, those of theirs first."""
        found: list[Path] = []
        meta = self._load(folder / "meta" / "main.yml")
        listed = meta.get("dependencies") if isinstance(meta, dict) else None
        for entry in listed or []:
            name = entry.get("role") if isinstance(entry, dict) else entry
            role = self.tree / "roles" / str(name)
            if "{{" not in str(name) and role.is_dir() and role != folder:
                found += [*(one for one in self._parents(role) if one not in found), role]
        return found

    def _read(self, folder: Path, kind: str) -> dict[str, Any]:
        key = folder / kind
        if key not in self._own:
            found: dict[str, Any] = {}
            several = (key / "main").is_dir()
            names = sorted((key / "main").rglob("*")) if several else sorted(key.glob("main.*"))
            for name in names:
                data = self._load(name) if name.suffix in (".yml", ".yaml") else {}
                found.update(data if isinstance(data, dict) else {})
            self._own[key] = found
        return self._own[key]

    def _load(self, path: Path) -> Any:
        if path in self._kept and path not in self._changed:
            return self._kept[path]
        if not path.is_file():
            return {}
        known = inspect.signature(self.loader.load_from_file).parameters
        more = {"trusted_as_template": True} if "trusted_as_template" in known else {}
        data = self.loader.load_from_file(str(path), **more)
        if path not in self._changed:
            self._kept[path] = data
        return data


if __name__ == "__main__":
    main()
