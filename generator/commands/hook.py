"""`hook`: what the pre-commit hooks run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import NamedPath, later_choice_options
from generator.commands.scenario import scenario_of, scenario_options
from generator.commands.talk import printable, say
from generator.exits import FOUND, OK

if TYPE_CHECKING:
    from generator.engine.patch import SemanticPatch

_tree = click.option(
    "--tree", "folder", type=NamedPath(), default=Path(), metavar="PATH",
    help="Kubespray's folder, where it is not the top of the repository.",
)  # fmt: skip


@click.group(short_help="Check or fix what is being committed, for pre-commit.")
def command() -> None:
    """Check or fix what is being committed, for pre-commit.

    Both read the index: what the commit will hold, whatever else lies in the work tree. A commit
    that changes nothing which can matter ends at once.

    \b
    Examples:
      kubespray-patchgen hook check
      kubespray-patchgen hook fix --tree vendor/kubespray

    \b
    Exit codes:
      0    nothing was found
      1    check: errors were found; fix: files were changed, or are to be staged whole
      2    wrong usage, no work tree, not a Kubespray tree, an unreadable file
      3    fix: a patch applies, but could not be done safely
      130  interrupted
    """


@command.command(short_help="Fail where what is staged would block.")
@_tree
@scenario_options
@click.option(
    "--strict", is_flag=True, help="Fail for warnings, too, and for files that could not be read."
)
@click.pass_obj
def check(
    outside: dict[str, str] | None,
    folder: Path,
    given: tuple[str, ...],
    inventory: str | None,
    strict: bool,
) -> int:
    """Fail where a deployment of what is staged would block, as `check` finds it.

    An inventory (-i) is read from the work tree.

    \b
    Examples:
      kubespray-patchgen hook check
      kubespray-patchgen hook check --tree kubespray -i inventory/prod/hosts.yml

    \b
    Exit codes:
      0    no errors, or nothing is staged that can matter
      1    errors were found (with --strict: or warnings, or something could not be read)
      2    wrong usage, no work tree, not a Kubespray tree, an unreadable file
      130  interrupted
    """
    from generator.hook.staged import can_matter, commit_at, staged_paths

    commit = commit_at(folder, outside or {})
    if not _woken() and not can_matter(commit, staged_paths(commit), inventory):
        return OK
    from generator.commands.check import checked, outcome, printed, tell_left_out
    from generator.commands.options import all_patches
    from generator.hook.staged import staged_tree
    from generator.model.kubespray import Kubespray
    from generator.tree.index import IndexTree

    scenario, left_out = scenario_of(given, inventory)
    patches = tuple(all_patches(()).values())
    tree = staged_tree(commit)
    try:
        report = checked(Kubespray(tree), (), scenario, patches)
    finally:
        tree.close()
    report = replace(report, unread=(*left_out, *report.unread))
    code = outcome(report, strict)
    if code != OK:
        for line in printed(report, patches, "text", "").removesuffix("\n").split("\n"):
            click.echo(printable(line))
    # A hook that passes is quiet, but for what its user has named.
    tell_left_out(report if code != OK else replace(report, unread=left_out))
    if (
        code == FOUND
        and isinstance(tree, IndexTree)
        and any(found.fixed_by and not found.requests for found in report.findings)
    ):
        where = f" {commit.prefix}" if commit.prefix else ""
        say(f"`kubespray-patchgen patch{where} --apply` makes the change.")
    return code


@command.command(short_help="Apply the patches to the work tree where what is staged needs them.")
@_tree
@later_choice_options
@click.pass_obj
def fix(
    outside: dict[str, str] | None,
    folder: Path,
    choose_patches: Callable[[], tuple[SemanticPatch, ...]],
) -> int:
    """Apply the patches to the work tree where what is staged needs them.

    Fails where it changed something: look at the change, stage it, and commit again. A file that
    has other content in the work tree than is staged is left alone.

    \b
    Examples:
      kubespray-patchgen hook fix
      kubespray-patchgen hook fix --tree kubespray --only approver-tolerations

    \b
    Exit codes:
      0    nothing to do
      1    files were changed, or would be if they were staged whole
      2    wrong usage, no work tree, not a Kubespray tree, a submodule that needs a patch
      3    a patch applies, but could not be done or verified safely
      130  interrupted
    """
    from generator.hook.staged import can_matter, commit_at, staged_paths

    commit = commit_at(folder, outside or {})
    if not _woken() and not can_matter(commit, staged_paths(commit), None):
        return OK
    from generator.hook.fix import fix as fixed

    done = fixed(commit, choose_patches())
    for applied in done.series.applied:
        say(f"{applied.patch.id}: {'; '.join(applied.found)}.")
    for path in done.changed:
        say(f"changed {commit.prefix}{path}")
    for reason in done.left:
        say(f"{reason}, so this patch was left out. Stage the whole file first.")
    return FOUND if done.changed or done.left else OK


def _woken() -> bool:
    """Tell whether pre-commit runs the hook: it has looked at the paths, or shall look at all.

    Its documentation, "Running in hooks": PRE_COMMIT=1 is set while it runs.
    """
    return os.environ.get("PRE_COMMIT") == "1"
