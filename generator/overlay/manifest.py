"""`overlay.yml`: what an overlay was made for, of which patches, and which files it holds.

An overlay lies in the user's repository and may have been edited: what is read here is checked
before anything is done with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engine.fields import Fields
from generator.engine.patch import ALL, is_word
from generator.exits import UnusableInput
from generator.text.yaml import MAX_BYTES, decode, dump, parse
from generator.tree.base import EXECUTABLE, FILE, normal

NAME = "overlay.yml"
SCHEMA = "kubespray-patchgen/overlay/1"

_ID_LENGTHS = {"sha1": 40, "sha256": 64}
_NULL = re.compile(r"^( +(?:describe|commit|url|before|after)):$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OverlayBase:
    """The tree that an overlay was made for.

    `tree` is the id that git gives to the folder of the Kubespray, `name` a name by which the
    tree is known everywhere, `describe` what git describe says of the commit. `uncommitted`
    tells that files of the overlay differed from the commit.
    """

    tree: str
    hash_name: str = "sha1"
    name: str | None = None
    describe: str | None = None
    commit: str | None = None
    url: str | None = None
    uncommitted: bool = False


@dataclass(frozen=True, slots=True)
class OverlayPatch:
    """A semantic patch that was chosen, and whether the base needed it.

    `components` are the names of those that were chosen, none for a patch that has none.
    """

    id: str
    version: int
    needed: bool
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OverlayFile:
    """A file of the tree with its blob ids; `before` is None for one added, `after` for deleted."""

    path: str
    mode: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `overlay.yml` holds."""

    base: OverlayBase
    patches: tuple[OverlayPatch, ...]
    files: tuple[OverlayFile, ...]


def base_data(base: OverlayBase) -> dict[str, Any]:
    """Return a base as it stands in `overlay.yml` and in reports."""
    return {
        **({"name": base.name} if base.name is not None else {}),
        "describe": base.describe,
        "commit": base.commit,
        "tree": base.tree,
        "object-format": base.hash_name,
        "url": base.url,
        **({"uncommitted": True} if base.uncommitted else {}),
    }


def manifest_text(manifest: Manifest) -> str:
    """Return the text of `overlay.yml`, the same for the same manifest."""
    data = {
        "schema": SCHEMA,
        "base": base_data(manifest.base),
        "patches": [
            {
                "id": patch.id,
                "version": patch.version,
                "needed": patch.needed,
                **({"components": list(patch.components)} if patch.components else {}),
            }
            for patch in manifest.patches
        ],
        "files": [
            {"path": file.path, "mode": file.mode, "before": file.before, "after": file.after}
            for file in manifest.files
        ],
    }
    # The library leaves the place of null empty, which people take for a mistake.
    return _NULL.sub(r"\1: null", dump(data))


def read_manifest(path: Path) -> Manifest:
    """Return what an `overlay.yml` holds.

    Raises UnusableInput, with what to do, where it cannot be read, or holds anything that this
    program would not have written.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise UnusableInput(f"{path}: this is no file.")
        if path.stat().st_size > MAX_BYTES:
            raise UnusableInput(f"{path}: the file is larger than 8 MiB, the limit.")
        return manifest_of(str(path), path.read_bytes())
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be read ({error.strerror}).") from None
    except UnusableInput as error:
        raise UnusableInput(
            f"{str(error).rstrip('.')}. Restore the file as it was committed, or delete the "
            "overlay and make it anew with `kubespray-patchgen overlay create`."
        ) from None


def manifest_of(name: str, data: bytes) -> Manifest:
    """Return the manifest in the bytes of a file called `name`; raises UnusableInput."""
    document = parse(name, decode(name, data))
    whole = Fields(document, document.root, "an overlay")
    whole.only(["schema", "base", "patches", "files"])
    if whole.data("schema") != SCHEMA:
        raise whole.wrong("schema", f"{SCHEMA} (a newer program may write another)")
    inner = whole.inner("base")
    if inner is None:
        raise UnusableInput(f"{name}:1: an overlay lacks the key 'base'.")
    base = _base(inner)
    patches = tuple(
        _patch(Fields(document, node, "a patch of the overlay"))
        for node in _children(whole, "patches")
    )
    files = tuple(
        _file(Fields(document, node, "a file of the overlay"), base.hash_name)
        for node in _children(whole, "files")
    )
    _once(whole, "patches", [patch.id for patch in patches])
    _once(whole, "files", [file.path for file in files])
    folders = {folder for file in files for folder in _folders(file.path)}
    for file in files:
        if file.path in folders:
            raise whole.wrong("files", f"files; '{file.path}' is also the folder of another")
    return Manifest(base, patches, files)


def check_path(path: str) -> bool:
    """Tell whether a path may stand in an overlay.

    It is relative and normal, never leaves the tree, and never names anything of git's own.
    """
    return (
        bool(path)
        and path.isprintable()
        and "\\" not in path
        and normal(path) == path
        and not any(part.lower() == ".git" for part in path.split("/"))
    )


def _children(fields: Fields, name: str) -> Iterable[Any]:
    if fields.data(name) is None:
        raise fields.wrong(name, "a list")
    return fields.children(name, required=False)


def _base(fields: Fields) -> OverlayBase:
    keys = ["name", "describe", "commit", "tree", "object-format", "url", "uncommitted"]
    fields.only(keys)
    hash_name = fields.data("object-format")
    if not isinstance(hash_name, str) or hash_name not in _ID_LENGTHS:
        raise fields.wrong("object-format", "sha1 or sha256")
    tree = _id(fields, "tree", hash_name)
    if tree is None:
        raise fields.wrong("tree", "the id of a tree")
    return OverlayBase(
        tree=tree,
        hash_name=hash_name,
        name=_line(fields, "name", required=False),
        describe=_line(fields, "describe"),
        commit=_id(fields, "commit", hash_name),
        url=_line(fields, "url"),
        uncommitted=fields.flag("uncommitted"),
    )


def _patch(fields: Fields) -> OverlayPatch:
    fields.only(["id", "version", "needed", "components"])
    identity, needed = fields.data("id"), fields.data("needed")
    if not isinstance(identity, str) or not is_word(identity):
        raise fields.wrong("id", "words with dashes between")
    if not isinstance(needed, bool):
        raise fields.wrong("needed", "true or false")
    return OverlayPatch(identity, fields.integer("version"), needed, _components(fields))


def _components(fields: Fields) -> tuple[str, ...]:
    if fields.data("components", required=False) is None:
        return ()
    names = fields.texts("components", required=True)
    if not names or not all(is_word(name) and name != ALL for name in names):
        raise fields.wrong("components", "a list of names, each of words with dashes between")
    _once(fields, "components", list(names))
    return names


def _file(fields: Fields, hash_name: str) -> OverlayFile:
    fields.only(["path", "mode", "before", "after"])
    path, mode = fields.data("path"), str(fields.data("mode"))
    if not isinstance(path, str) or not check_path(path):
        raise fields.wrong("path", "a plain path inside the tree")
    if mode not in (FILE, EXECUTABLE):
        raise fields.wrong("mode", f"'{FILE}' or '{EXECUTABLE}'")
    before, after = _id(fields, "before", hash_name), _id(fields, "after", hash_name)
    if before == after:
        raise fields.wrong("after", "another blob than 'before'")
    return OverlayFile(path, mode, before, after)


def _id(fields: Fields, name: str, hash_name: str) -> str | None:
    value = fields.data(name)
    length = _ID_LENGTHS[hash_name]
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
        raise fields.wrong(name, f"null or an id of {length} hexadecimal digits")
    return value


def _line(fields: Fields, name: str, required: bool = True) -> str | None:
    value = fields.data(name, required)
    if value is not None and (not isinstance(value, str) or not value or not value.isprintable()):
        raise fields.wrong(name, "null or a text of one line")
    return value


def _once(fields: Fields, name: str, values: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise fields.wrong(name, f"a list without repetition; '{value}' stands twice")
        seen.add(value)


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts)))
