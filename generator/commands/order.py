"""`order`: the flattened order of a playbook's steps."""

from __future__ import annotations

import click
from click.core import ParameterSource

from generator.commands.options import choice_options, opened, playbook_paths, tree_options
from generator.commands.talk import printable, say
from generator.engine.patch import SemanticPatch
from generator.model.kubespray import Kubespray
from generator.tree.locate import Wanted

_CHOICE = ("only", "also", "without", "patch_dir")


@click.command(short_help="Show in which order a playbook runs its roles.")
@tree_options
@choice_options
@click.option(
    "-p", "--playbook", "names", multiple=True, default=["cluster.yml"], show_default=True,
    metavar="PLAYBOOK",
    help="A playbook of the tree; `all` for every one. May be given several times.",
)  # fmt: skip
@click.option("--patched", is_flag=True, help="Show the order as the chosen patches make it.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Lines for people, or a report.",
)  # fmt: skip
def command(
    wanted: Wanted,
    patches: tuple[SemanticPatch, ...],
    names: tuple[str, ...],
    patched: bool,
    style: str,
) -> None:
    """Show in which order a playbook runs its roles: imports expanded, dependencies first.

    Names that a template makes cannot be followed; they are listed with their place and marked
    with a question mark. A step that Ansible skips, because the same role ran earlier in the
    play, is in parentheses.

    \b
    Examples:
      kubespray-patchgen order ~/kubespray
      kubespray-patchgen order --release v2.31.0 --playbook upgrade-cluster.yml
      kubespray-patchgen order --sample --patched
      kubespray-patchgen order --playbook all --format json

    \b
    Exit codes:
      0    done
      2    wrong usage, not a Kubespray tree, no such playbook, an unreadable file
      3    with --patched: a patch could not be done or verified safely
      130  interrupted
    """
    given = click.get_current_context().get_parameter_source
    if not patched and any(given(name) is ParameterSource.COMMANDLINE for name in _CHOICE):
        raise click.UsageError("--only, --with, --without and --patch-dir go with --patched.")
    tree = opened(wanted)
    kubespray = Kubespray(tree)
    if patched:
        from generator.engine.series import plan

        kubespray = plan(kubespray, patches).after
    orders = [kubespray.order(path) for path in playbook_paths(kubespray, names)]
    if style == "json":
        from generator.emit.report import order_report, to_json

        click.echo(to_json(order_report(tree.base, orders)))
        return
    from generator.emit.text import order_text

    for line in "\n".join(order_text(order) for order in orders).splitlines():
        click.echo(printable(line))
    unresolved = sum(step.unresolved is not None for order in orders for step in order.steps)
    if unresolved:
        say(f"Steps that could not be followed: {unresolved}; each says why.")
