"""`patch`: from a tree to a verified git patch."""

from __future__ import annotations

from pathlib import Path

import click

from generator.commands.options import (
    NamedPath,
    choice_options,
    opened,
    tell_outcomes,
    tree_options,
)
from generator.commands.talk import say
from generator.engine.patch import SemanticPatch
from generator.engine.series import Series, plan
from generator.model.kubespray import Kubespray
from generator.tree.base import Tree
from generator.tree.locate import Wanted


@click.command(short_help="Print the git patch that a Kubespray tree needs.")
@tree_options
@choice_options
@click.option(
    "--format", "style", type=click.Choice(["mail", "diff", "json"]), default="mail",
    show_default=True, help="Mails for git am, one diff for git apply, or a report.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=NamedPath(), metavar="DIR/",
    help="Write numbered files and `series` into this directory.",
)  # fmt: skip
@click.option("--apply", "write", is_flag=True, help="Change the files of TREE.")
@click.option("--commit", is_flag=True, help="Commit in TREE, one commit a semantic patch.")
@click.option("--force", is_flag=True, help="With --apply: change files with uncommitted changes.")
@click.option(
    "--relative-to-repo", is_flag=True,
    help="Write paths from the top of the repository where Kubespray lies below it.",
)  # fmt: skip
def command(
    wanted: Wanted,
    patches: tuple[SemanticPatch, ...],
    style: str,
    output: Path | None,
    write: bool,
    commit: bool,
    force: bool,
    relative_to_repo: bool,
) -> None:
    """Print the git patch that a Kubespray tree needs.

    TREE is a git work tree, a bare repository (with --rev) or a plain directory; the current
    directory if left out. The patched tree is analysed again before anything is printed, and
    nothing is touched unless --apply or --commit says so.

    \b
    Examples:
      kubespray-patchgen patch ~/kubespray | git -C ~/kubespray am
      kubespray-patchgen patch --release v2.24.0 > ccm.patch
      kubespray-patchgen patch --rev release-2.26 --format diff
      kubespray-patchgen patch vendor/kubespray --apply

    \b
    Exit codes:
      0    done, or nothing needed (then the output is empty)
      2    wrong usage, not a Kubespray tree, an unreadable file, an unknown revision
      3    a patch applies, but could not be done or verified safely
      130  interrupted
    """
    if sum([output is not None, write, commit]) > 1:
        raise click.UsageError("choose one of -o, --apply and --commit.")
    if force and not write:
        raise click.UsageError("--force goes with --apply.")
    if (write or commit or output is not None) and style == "diff":
        raise click.UsageError("--format diff is printed; leave out -o, --apply and --commit.")
    if relative_to_repo and (write or commit):
        raise click.UsageError("--relative-to-repo goes with a printed patch or with -o.")
    tree = opened(wanted)
    series = plan(Kubespray(tree), patches)
    tell_outcomes(series)
    if any(b"\r\n" in (change.after or b"") for change in series.files):
        say("Some lines end in CR LF: use `git am --keep-cr`.")
    prefix = tree.prefix if relative_to_repo else ""
    if write:
        _apply(tree, series, force)
    elif commit:
        _commit(tree, series)
    elif output is not None:
        _write(tree, series, output, prefix)
    if style == "json":
        _print_json(series, prefix)
    elif output is None and not write and not commit:
        _print(tree, series, style, prefix)


def _apply(tree: Tree, series: Series, force: bool) -> None:
    from generator.emit.worktree import apply_series

    for path in apply_series(tree, series, force):
        say(f"changed {path}")


def _commit(tree: Tree, series: Series) -> None:
    from generator.emit.message import subject
    from generator.emit.worktree import commit_series

    if not series.applied:
        return
    for applied, made in zip(series.applied, commit_series(tree, series), strict=True):
        say(f"committed {made[:12]} {subject(applied)}")


def _write(tree: Tree, series: Series, directory: Path, prefix: str) -> None:
    from generator.emit.files import write_series
    from generator.emit.mail import mails
    from generator.emit.worktree import uncommitted

    if not series.applied and not directory.exists():
        return
    written = mails(series, prefix, bool(uncommitted(tree, series)))
    names = write_series(directory, [applied.patch.id for applied in series.applied], written)
    for name in [*names, "series"]:
        say(f"wrote {directory / name}")


def _print(tree: Tree, series: Series, style: str, prefix: str) -> None:
    from generator.emit.mail import diff, mails
    from generator.emit.worktree import uncommitted

    if style == "diff":
        data = diff(series, prefix)
    else:
        data = b"\n".join(mails(series, prefix, bool(uncommitted(tree, series))))
    click.echo(data, nl=False)


def _print_json(series: Series, prefix: str) -> None:
    from generator.emit.report import patch_report, to_json

    click.echo(to_json(patch_report(series, prefix)))
