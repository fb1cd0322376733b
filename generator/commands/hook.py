"""`hook`: what the pre-commit hooks run."""

from __future__ import annotations

from pathlib import Path

import click

from generator.commands.options import NamedPath, choice_options
from generator.commands.scenario import scenario_of, scenario_options
from generator.commands.talk import printable, say
from generator.engine.patch import SemanticPatch
from generator.exits import FOUND, OK

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
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@click.pass_obj
def check(
    outside: dict[str, str] | None,
    folder: Path,
    given: tuple[str, ...],
    inventory: str | None,
    strict: bool,
) -> int:
    """Fail where a deployment of what is staged would block, as `check` finds it.

    \b
    Examples:
      kubespray-patchgen hook check
      kubespray-patchgen hook check --tree kubespray -i inventory/prod/hosts.yml

    \b
    Exit codes:
      0    no errors, or nothing is staged that can matter
      1    errors were found (with --strict: or warnings)
      2    wrong usage, no work tree, not a Kubespray tree, an unreadable file
      130  interrupted
    """
    from generator.hook.staged import can_matter, commit_at, staged_paths

    commit = commit_at(folder, outside or {})
    if not can_matter(commit, staged_paths(commit), inventory):
        return OK
    from generator.commands.check import checked, printed
    from generator.commands.options import all_patches
    from generator.hook.staged import staged_tree
    from generator.model.kubespray import Kubespray

    scenario, _ = scenario_of(given, inventory)
    patches = tuple(all_patches(()).values())
    tree = staged_tree(commit)
    try:
        report = checked(Kubespray(tree), (), scenario, patches)
    finally:
        tree.close()
    bad = report.count("error") + (report.count("warning") if strict else 0)
    if not bad:
        return OK
    for line in printed(report, patches, "text", "").removesuffix("\n").split("\n"):
        click.echo(printable(line))
    say("`kubespray-patchgen patch --apply` makes the change; so does the hook that fixes.")
    return FOUND


@command.command(short_help="Apply the patches to the work tree where what is staged needs them.")
@_tree
@choice_options
@click.pass_obj
def fix(outside: dict[str, str] | None, folder: Path, patches: tuple[SemanticPatch, ...]) -> int:
    """Apply the patches to the work tree where what is staged needs them.

    Fails where it changed something: look at the change, stage it, and commit again. A file of
    which only a part is staged is left alone.

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
    if not can_matter(commit, staged_paths(commit), None):
        return OK
    from generator.hook.fix import fix as fixed

    done = fixed(commit, patches)
    for applied in done.series.applied:
        say(f"{applied.patch.id}: {'; '.join(applied.found)}.")
    for path in done.changed:
        say(f"changed {commit.prefix}{path}")
    for reason in done.left:
        say(f"{reason}; it was left alone. Stage the whole file, or none of it.")
    return FOUND if done.changed or done.left else OK
