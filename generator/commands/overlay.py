"""`overlay`: the series as whole files beside a Kubespray, and what notices drift."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import (
    CHOSEN,
    NamedPath,
    all_patches,
    choice_options,
    opened,
    patch_dir_option,
    source_options,
    tell_outcomes,
    tell_unwise,
    tree_options,
)
from generator.commands.talk import printable, say
from generator.engine.patch import SemanticPatch
from generator.engine.series import Series, plan
from generator.exits import FOUND, OK, Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.tree.base import Tree
from generator.tree.directory import DirectoryTree
from generator.tree.locate import Wanted

if TYPE_CHECKING:
    from generator.overlay.manifest import Manifest, OverlayFile
    from generator.overlay.state import Verdict
    from generator.overlay.stored import Stored

_PROGRAM = ("kubespray-patchgen", "overlay")


@click.group(short_help="Vendor the patch as files over a Kubespray, and notice drift.")
def command() -> None:
    """Vendor the patch as files over a Kubespray, and notice drift.

    An overlay is a directory of your own repository: the changed files whole, the same files as
    they were, and a record of what they were made for. It is laid over a submodule, a subtree,
    a container image or an installed collection, and says when those change below it.

    \b
    Examples:
      kubespray-patchgen overlay create vendor/kubespray overlay
      kubespray-patchgen overlay apply overlay vendor/kubespray
      kubespray-patchgen overlay verify overlay vendor/kubespray
      kubespray-patchgen overlay refresh overlay vendor/kubespray

    \b
    Exit codes:
      0    done, or nothing to do
      1    verify: the tree is neither as before nor as the overlay has it
      2    wrong usage, not a Kubespray tree, an overlay that is not there or cannot be read
      3    stale or drifted, a conflict, or the result could not be verified
      130  interrupted
    """


_force_replace = click.option("--force", is_flag=True, help="Replace OUT though it was edited.")
_format = click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Lines for people, or a report.",
)  # fmt: skip
_out = click.argument("out", type=NamedPath())
_tree = click.argument("tree", type=NamedPath(), required=False)


@command.command("create", short_help="Make an overlay.")
@click.argument("paths", nargs=-1, required=True, type=NamedPath(), metavar="[TREE] OUT")
@source_options
@choice_options
@_force_replace
def create(
    paths: tuple[Path, ...],
    source: Callable[[Path | None], Wanted],
    patches: tuple[SemanticPatch, ...],
    force: bool,
) -> None:
    """Make an overlay: the directory OUT with the files that the patches change in TREE.

    TREE is the current directory if left out. An overlay that is in OUT already is replaced at
    once; anything else there is refused. The same tree gives the same bytes.

    \b
    Examples:
      kubespray-patchgen overlay create vendor/kubespray overlay
      kubespray-patchgen overlay create --release v2.24.0 overlay

    \b
    Exit codes:
      0    done, or nothing needed (then no OUT is made)
      2    wrong usage, not a Kubespray tree, OUT holds something else or cannot be written
      3    OUT was edited, or TREE holds it already; a patch could not be done safely
      130  interrupted
    """
    from generator.overlay.make import require_ours
    from generator.overlay.stored import stored_at

    if len(paths) > 2:
        raise click.UsageError("name TREE and OUT, or OUT alone.")
    out = paths[-1]
    wanted = source(paths[0] if len(paths) > 1 else None)
    stored = stored_at(out) if require_ours(out) else None
    tree = opened(wanted)
    if stored is not None and not force:
        _refuse_replacing(stored, tree, wanted)
    series = plan(Kubespray(tree), patches)
    tell_outcomes(series)
    if not series.files and not out.exists():
        return
    manifest, replaced = _make(tree, wanted, out, series, stored, {})
    _say_made(out, manifest, replaced)


@command.command("verify", short_help="Hold a tree against an overlay.")
@_out
@tree_options
@patch_dir_option
@_format
def verify(out: Path, wanted: Wanted, patches: dict[str, SemanticPatch], style: str) -> int:
    """Hold TREE against the overlay OUT, and the overlay against its own record.

    \b
    States, the worst first:
      missing  OUT, or a file of it, is not there
      drifted  a file of OUT was edited
      stale    TREE changed below the overlay
      partial  TREE has some of the overlay's files
      applied  TREE has the overlay's files
      clean    TREE is as the overlay was made for

    \b
    Examples:
      kubespray-patchgen overlay verify overlay vendor/kubespray
      kubespray-patchgen overlay verify overlay --release v2.27.1 --format json

    \b
    Exit codes:
      0    clean or applied
      1    any other state
      2    wrong usage, not a Kubespray tree, an overlay.yml that cannot be used
      130  interrupted
    """
    from generator.overlay.state import verdict
    from generator.overlay.stored import stored_at

    tree = opened(wanted)
    stored = stored_at(out)
    found = verdict(stored, tree, _known(stored.manifest, patches))
    following = _next(found, stored, out, tree, wanted)
    if style == "json":
        from generator.emit.report import to_json
        from generator.overlay.report import verify_report

        click.echo(to_json(verify_report(tree.base, stored.manifest, found, following)))
    else:
        from generator.overlay.report import verify_text

        for line in verify_text(found, following):
            click.echo(printable(line))
    return OK if found.state in ("clean", "applied") else FOUND


@command.command("apply", short_help="Lay an overlay over a tree.")
@_out
@_tree
@patch_dir_option
@click.option("--3way", "three_way", is_flag=True, help="Merge where TREE changed below OUT.")
@click.option("--force", is_flag=True, help="With --3way: merge into uncommitted changes, too.")
def apply(
    out: Path,
    tree: Path | None,
    patches: dict[str, SemanticPatch],
    three_way: bool,
    force: bool,
) -> None:
    """Lay the overlay OUT over TREE, a work tree or a plain directory: all of it, or nothing.

    With --3way, git merges what the overlay changes into files that upstream changed; the result
    is analysed before anything is written.

    \b
    Examples:
      kubespray-patchgen overlay apply overlay vendor/kubespray
      kubespray-patchgen overlay apply overlay vendor/kubespray --3way

    \b
    Exit codes:
      0    done, or TREE has the overlay already
      2    wrong usage, not a Kubespray tree, OUT is not there, TREE cannot be written
      3    TREE changed below the overlay, the overlay was edited, or the merge conflicts
      130  interrupted
    """
    from generator.overlay.lay import apply_overlay, require_whole
    from generator.overlay.state import verdict
    from generator.overlay.stored import stored_at

    if force and not three_way:
        raise click.UsageError("--force goes with --3way.")
    stored = stored_at(out)
    require_whole(stored)
    there = _on_disk(tree)
    known = _known(stored.manifest, patches)
    found = verdict(stored, there, known)
    merged = three_way and found.state == "stale"
    if merged:
        from generator.overlay.merge import merge_overlay

        paths = merge_overlay(stored, there, found, known, force)
    else:
        paths = apply_overlay(stored, there, found)
    _say_changed(stored, there, paths, "the tree has the overlay already")
    if merged and paths:
        say(
            "Merged files are not the overlay's own, so `overlay verify` calls the tree stale. "
            "`overlay refresh` for the tree before (with --rev HEAD, say) makes it whole again."
        )


@command.command("revert", short_help="Take an overlay off a tree.")
@_out
@_tree
def revert(out: Path, tree: Path | None) -> None:
    """Take the overlay OUT off TREE: the files get the bytes and modes from before.

    \b
    Example:
      kubespray-patchgen overlay revert overlay vendor/kubespray

    \b
    Exit codes:
      0    done, or TREE does not have the overlay
      2    wrong usage, not a Kubespray tree, OUT is not there, TREE cannot be written
      3    a file of TREE is no longer the overlay's, or a file from before was not kept
      130  interrupted
    """
    from generator.overlay.lay import require_there, revert_overlay
    from generator.overlay.state import looked_at
    from generator.overlay.stored import stored_at

    stored = stored_at(out)
    require_there(stored)
    there = _on_disk(tree)
    paths = revert_overlay(stored, there, looked_at(stored, there))
    _say_changed(stored, there, paths, "the tree does not have the overlay")


@command.command("refresh", short_help="Make an overlay anew for another base.")
@_out
@tree_options
@click.option(
    "--with", "also", multiple=True, metavar=CHOSEN,
    help="Add this semantic patch, or components. May be repeated.",
)  # fmt: skip
@click.option(
    "--without", multiple=True, metavar=CHOSEN,
    help="Drop this one, or some of its components. May be repeated.",
)  # fmt: skip
@click.option(
    "--patch-dir", multiple=True, type=NamedPath(), metavar="DIR",
    help="Read semantic patches of your own from this directory, too. May be repeated.",
)  # fmt: skip
@_force_replace
@_format
def refresh(
    out: Path,
    wanted: Wanted,
    also: tuple[str, ...],
    without: tuple[str, ...],
    patch_dir: tuple[Path, ...],
    force: bool,
    style: str,
) -> None:
    """Make the overlay OUT anew for TREE, with the same semantic patches, and say what changed.

    Where TREE has the overlay's files, they are seen as they were before. A patch that TREE does
    not need stays in the record, so that the overlay can go back to an older release.

    \b
    Examples:
      kubespray-patchgen overlay refresh overlay vendor/kubespray
      kubespray-patchgen overlay refresh overlay --release v2.28.0

    \b
    Exit codes:
      0    done, or nothing changed
      2    wrong usage, not a Kubespray tree, OUT is not there or cannot be written
      3    OUT was edited; a patch applies, but could not be done or verified safely
      130  interrupted
    """
    from generator.overlay.lay import require_there, require_unedited
    from generator.overlay.make import require_ours
    from generator.overlay.refresh import before, chosen_again, summary, undone
    from generator.overlay.stored import stored_at

    stored = stored_at(out)
    require_there(stored)
    require_ours(out)
    if not force:
        require_unedited(stored)
    assert stored.manifest is not None
    patches = all_patches(patch_dir)
    chosen = chosen_again(stored.manifest, patches, also, without)
    tell_unwise(chosen)
    tree = opened(wanted)
    held = undone(stored, tree) if _may_be_laid(wanted) else {}
    series = plan(Kubespray(before(stored, tree, held)), chosen)
    manifest, replaced = _make(tree, wanted, out, series, stored, held)
    found = summary(stored.manifest, manifest, series, patches, without)
    if style == "json":
        from generator.emit.report import to_json
        from generator.overlay.report import refresh_report

        click.echo(to_json(refresh_report(found, replaced)))
    else:
        from generator.overlay.report import refresh_text

        for line in refresh_text(found, replaced):
            click.echo(printable(line))
    if replaced:
        say(f"wrote {out}")


def _on_disk(path: Path | None) -> DirectoryTree:
    """Return the tree to be changed; raises UnusableInput where it has no files of its own."""
    from generator.tree.git import repository_at

    path = path or Path()
    repository = repository_at(path) if path.is_dir() else None
    if repository is not None and repository.top is None:
        raise UnusableInput(f"{path} is a bare repository: it has no files to change.")
    tree = opened(Wanted(path))
    assert isinstance(tree, DirectoryTree)
    return tree


def _known(
    manifest: Manifest | None, patches: dict[str, SemanticPatch]
) -> tuple[SemanticPatch, ...]:
    """Return the overlay's patches, and tell of those that are not known or not the same."""
    from generator.overlay.state import known_patches

    known, unknown = known_patches(manifest, patches)
    for identity in unknown:
        what = "component" if "=" in identity else "semantic patch"
        say(f"{identity}: this {what} is not known, so it is left out; see --patch-dir.")
    versions = {patch.id: patch.version for patch in manifest.patches} if manifest else {}
    for patch in known:
        if patch.version != versions[patch.id]:
            say(
                f"{patch.id}: the overlay has version {versions[patch.id]}, this program "
                f"{patch.version}; `overlay refresh` takes it."
            )
    return known


def _may_be_laid(wanted: Wanted) -> bool:
    """Tell whether an overlay can be in a tree: what upstream released is upstream's own."""
    return wanted.release is None and not wanted.sample


def _refuse_replacing(stored: Stored, tree: Tree, wanted: Wanted) -> None:
    from generator.overlay.lay import require_unedited
    from generator.overlay.refresh import is_held

    require_unedited(stored)
    if _may_be_laid(wanted) and is_held(stored, tree):
        raise Unsafe(
            f"{tree.base.name} holds the files of {stored.directory} already, so an overlay made "
            "for it would lack them. Run `kubespray-patchgen overlay refresh`, or use --force."
        )


def _make(
    tree: Tree,
    wanted: Wanted,
    out: Path,
    series: Series,
    stored: Stored | None,
    held: dict[str, OverlayFile],
) -> tuple[Manifest, bool]:
    """Put the overlay of a series in its place; tell whether anything changed there."""
    from generator.emit.worktree import uncommitted
    from generator.overlay.base import base_of
    from generator.overlay.make import contents, is_same, manifest_for, replace_directory

    differs = set(uncommitted(tree, series)) - held.keys()
    base = base_of(tree, wanted, out.resolve(), held, bool(differs))
    manifest = manifest_for(series, base)
    files = contents(series, manifest)
    if stored is not None and not stored.troubles and is_same(out, files):
        return manifest, False
    replace_directory(out, files)
    return manifest, True


def _next(found: Verdict, stored: Stored, out: Path, tree: Tree, wanted: Wanted) -> str | None:
    """Return the command that helps, None where none is needed."""
    words = [str(wanted.path)] if wanted.path != Path() else []
    for option, value in (("--rev", wanted.revision), ("--release", wanted.release)):
        words += [option, value] if value is not None else []
    words += ["--sample"] if wanted.sample else []
    if stored.manifest is None:
        return shlex.join([*_PROGRAM, "create", *words, str(out)])
    if found.state in ("missing", "drifted"):
        return shlex.join([*_PROGRAM, "refresh", "--force", str(out), *words])
    if found.state == "stale":
        return shlex.join([*_PROGRAM, "refresh", str(out), *words])
    if found.state in ("clean", "partial") and isinstance(tree, DirectoryTree):
        return shlex.join([*_PROGRAM, "apply", str(out), *words])
    return None


def _say_made(out: Path, manifest: Manifest, replaced: bool) -> None:
    if not replaced:
        say(f"{out} is up to date; nothing was changed.")
        return
    for file in manifest.files:
        what = "deleted" if file.after is None else "added" if file.before is None else "changed"
        say(f"{what}: {file.path}")
    say(f"wrote {out}" + ("" if manifest.files else ", without files"))


def _say_changed(stored: Stored, tree: DirectoryTree, paths: list[str], nothing: str) -> None:
    for path in paths:
        there = (tree.top / path).exists()
        say(f"{'changed' if there else 'removed'} {path}")
    if not paths:
        say(f"Nothing to do: {nothing}.")
