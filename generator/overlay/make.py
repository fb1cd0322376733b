"""From a series to the files of an overlay; and from those to a directory, all at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from generator.emit.templates import template
from generator.engine.series import Applied, Series
from generator.exits import Unsafe, UnusableInput
from generator.overlay.manifest import (
    NAME,
    Manifest,
    OverlayBase,
    OverlayFile,
    OverlayPatch,
    manifest_of,
    manifest_text,
    read_manifest,
)
from generator.overlay.stored import ATTRIBUTES, FILES, ORIGINALS, PARTS, README
from generator.tree.base import EXECUTABLE
from generator.tree.ids import blob_id

_BYTE_FOR_BYTE = b"# Whatever core.autocrlf says, git keeps these files byte for byte.\n* -text\n"

_WAITING = ".kubespray-patchgen-"

Contents: TypeAlias = "dict[str, Content]"
"""What a directory shall hold, by path."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file of an overlay."""

    data: bytes
    executable: bool = False


def manifest_for(series: Series, base: OverlayBase) -> Manifest:
    """Return what `overlay.yml` says of a series made for a base."""
    patches = tuple(
        OverlayPatch(
            outcome.patch.id,
            outcome.patch.version,
            isinstance(outcome, Applied),
            outcome.patch.chosen,
        )
        for outcome in series.outcomes
    )
    files = (
        OverlayFile(
            change.path,
            change.mode,
            None if change.before is None else blob_id(change.before, base.hash_name),
            None if change.after is None else blob_id(change.after, base.hash_name),
        )
        for change in series.files
    )
    return Manifest(base, patches, tuple(file for file in files if file.before != file.after))


def contents(series: Series, manifest: Manifest) -> Contents:
    """Return all files of the overlay of a series, by path in the overlay.

    Raises Unsafe where a path could not be read back.
    """
    text = manifest_text(manifest).encode()
    try:
        same = manifest_of(NAME, text) == manifest
    except UnusableInput as error:
        raise Unsafe(f"the series cannot be kept as an overlay: {error}") from None
    if not same:
        raise Unsafe("the series cannot be kept as an overlay: a name in it cannot be written.")
    found = {
        NAME: Content(text),
        README: Content(readme(series, manifest).encode()),
        ATTRIBUTES: Content(_BYTE_FOR_BYTE),
    }
    kept = {file.path for file in manifest.files}
    for change in series.files:
        for folder, data in ((FILES, change.after), (ORIGINALS, change.before)):
            if data is not None and change.path in kept:
                found[f"{folder}/{change.path}"] = Content(data, change.mode == EXECUTABLE)
    return found


def readme(series: Series, manifest: Manifest) -> str:
    """Return the text of the overlay's README."""
    files = manifest.files
    return template("overlay-readme.md.j2").render(
        base=manifest.base,
        outcomes=[(outcome.patch, isinstance(outcome, Applied)) for outcome in series.outcomes],
        changed=[file.path for file in files if file.before and file.after],
        added=[file.path for file in files if not file.before],
        deleted=[file.path for file in files if not file.after],
    )


def require_ours(out: Path) -> bool:
    """Tell whether an overlay is in a directory already; raises UnusableInput where it is not ours.

    An empty directory, and a path where nothing is, may be used.
    """
    if not os.path.lexists(out):
        return False
    if not out.is_dir():
        raise UnusableInput(f"{out} is there and is no directory; name another path.")
    try:
        names = sorted(os.listdir(out))  # noqa: PTH208
    except OSError as error:
        raise UnusableInput(f"{out}: cannot be read ({error.strerror}).") from None
    foreign = [name for name in names if name not in PARTS]
    if foreign:
        raise UnusableInput(
            f"{out} holds '{foreign[0]}', which is no part of an overlay; "
            "name a new or empty directory."
        )
    if names and NAME not in names:
        raise UnusableInput(
            f"{out} has no {NAME}, so it is no overlay; name a new or empty directory."
        )
    if names:
        read_manifest(out / NAME)
    return bool(names)


def is_same(out: Path, files: Contents) -> bool:
    """Tell whether the overlay's README and `overlay.yml` are those wanted already."""
    try:
        return all((out / name).read_bytes() == files[name].data for name in (NAME, README))
    except OSError:
        return False


def replace_directory(out: Path, files: Contents) -> None:
    """Put a directory with these files in the place of `out`, at once.

    It is made beside and moved; one that is there waits aside and comes back where that fails.
    Raises UnusableInput where it cannot be written; then `out` is as before.
    """
    out = out.resolve()
    made = [parent for parent in out.parents if not parent.exists()]
    staging: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=_WAITING, dir=out.parent))
        _write(staging / "new", files)
        _exchange(out, staging / "new", staging / "old")
    except OSError as error:
        _remove_empty(made, staging)
        raise UnusableInput(
            f"{out} cannot be written ({error.strerror or error}); nothing was changed."
        ) from None
    except BaseException:
        _remove_empty(made, staging)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _exchange(out: Path, new: Path, old: Path) -> None:
    try:
        if os.path.lexists(out):
            out.rename(old)
        new.rename(out)
    except BaseException:
        if old.exists() and not os.path.lexists(out):
            old.rename(out)
        raise


def _write(top: Path, files: Mapping[str, Content]) -> None:
    top.mkdir()
    for path, content in files.items():
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.data)
        target.chmod(0o755 if content.executable else 0o644)


def _remove_empty(made: list[Path], staging: Path | None) -> None:
    if staging is not None:
        shutil.rmtree(staging, ignore_errors=True)
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            return
