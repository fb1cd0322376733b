"""Roles: which folder a name means, and what the role brings besides its own tasks.

Source: Ansible documentation, "Roles" (where roles are looked for, role dependencies).
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.use import Use, role_uses, words_of
from generator.text.document import Document, Mapping, Scalar, Sequence
from generator.tree.base import Tree, find, normal, read, resolve

_YAML = (".yml", ".yaml", "")


@dataclass(frozen=True)
class Meta:
    """What a role's meta/main.yml says of running it."""

    dependencies: tuple[Use, ...] = ()
    allow_duplicates: bool = False


def meta_of(document: Document | None) -> Meta:
    """Return what a role's meta file says; nothing where there is no such file."""
    root = document.root if document else None
    if document is None or not isinstance(root, Mapping):
        return Meta()
    listed = document.value(root, "dependencies")
    if isinstance(listed, Mapping):
        raise UnusableInput(
            f"{document.place(listed)}: a list of role dependencies is expected; this is none."
        )
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(document.follow(item), Sequence):
            raise UnusableInput(
                f"{document.place(item)}: a role dependency is a name or a mapping; this is a list."
            )
    words = words_of(document, document.value(root, "allow_duplicates"))
    return Meta(
        tuple(role_uses(document, listed, ("dependencies",), "dependency")),
        [word.lower() for word in words] in (["true"], ["yes"], ["on"]),
    )


def roles_path(tree: Tree) -> tuple[str, ...]:
    """Return the folders of the tree where its ansible.cfg looks for roles; `roles` without one."""
    if find(tree, "ansible.cfg") is None:
        return ("roles",)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read(tree, "ansible.cfg").decode("utf-8", "replace"))
    except configparser.Error:
        return ("roles",)
    given = parser.get("defaults", "roles_path", fallback="roles").split(":")
    inside = [normal(part.strip()) for part in given if "$" not in part and "~" not in part]
    return tuple(dict.fromkeys([*(part for part in inside if part), "roles"]))


def collection_name(document: Document | None) -> str | None:
    """Return `namespace.name` as galaxy.yml states it, None where it does not."""
    root = document.root if document else None
    if document is None or not isinstance(root, Mapping):
        return None
    namespace, name = (root.get(key) for key in ("namespace", "name"))
    if namespace is None or name is None:
        return None
    return f"{getattr(namespace, 'value', '')}.{getattr(name, 'value', '')}"


def collection_version(document: Document | None) -> str | None:
    """Return the version that galaxy.yml states, None where it does not."""
    root = document.root if document else None
    version = root.get("version") if isinstance(root, Mapping) else None
    return version.value if isinstance(version, Scalar) else None


def locate_role(
    tree: Tree, name: str, folders: Iterable[str], collection: str | None
) -> str | None:
    """Return the folder of the role that a name means, None where the tree has no such role.

    A folder that is a link keeps its name: it is what the role is called. `folders` are
    searched in order. A name that begins with the tree's own collection is looked for as if it
    did not.
    """
    if collection and name.startswith(f"{collection}."):
        name = name.removeprefix(f"{collection}.").replace(".", "/")
    for folder in folders:
        path = normal(posixpath.join(folder, name))
        if path and is_role(tree, path):
            return path
    return None


def is_role(tree: Tree, path: str) -> bool:
    """Tell whether a folder of the tree is a role: it has one of a role's own folders."""
    real = resolve(tree, path)
    if not real:
        return False
    return bool({"tasks", "meta", "defaults", "vars", "handlers"} & set(tree.names(real)))


def role_file(tree: Tree, role: str, folder: str, name: str = "main") -> str | None:
    """Return the path of a role's file (`main` of `tasks`, say), None where it has none."""
    for ending in _YAML:
        path = find(tree, f"{role}/{folder}/{name}{ending}")
        if path is not None:
            return path
    return None


def role_name(path: str) -> str:
    """Return a role's name, which is its path below the folder `roles`."""
    match = re.match(r"(?:.*?/)?roles/(.+)", path)
    return match[1] if match else path


def same_role(one: str, other: str) -> bool:
    """Tell whether two names mean one role; upstream has turned dashes into underscores."""
    return one.replace("-", "_") == other.replace("-", "_")


def could_mean(template: str, role: str) -> bool:
    """Tell whether a role name made by a template could come out as a role's name."""
    first, *middle, last = re.split(r"(?:\{\{.*?\}\}|\{%.*?%\})+", template, flags=re.DOTALL)
    if not role.startswith(first) or not role.endswith(last):
        return False
    at, end = len(first), len(role) - len(last)
    for part in middle:
        at = role.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end
