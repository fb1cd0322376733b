"""`order`: the flattened order of a playbook's steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from generator.commands.options import (
    all_patches,
    choice_options,
    opened,
    playbook_paths,
    tree_options,
)
from generator.commands.scenario import scenario_of, scenario_options
from generator.commands.talk import printable, say
from generator.engine.patch import SemanticPatch
from generator.model.kubespray import Kubespray
from generator.tree.locate import Wanted

if TYPE_CHECKING:
    from generator.engine.finding import Unread
    from generator.engine.runs import Through
    from generator.engine.series import Series
    from generator.picture.model import Picture

_CHOICE = ("only", "also", "without", "patch_dir")
_OF_PICTURES = {"given": "--set", "inventory": "-i", "everything": "--all"}
_PICTURES = ("html", "svg", "mermaid")


@click.command(short_help="Show in which order a playbook runs its roles.")
@tree_options
@choice_options
@scenario_options
@click.option(
    "-p", "--playbook", "names", multiple=True, default=["cluster.yml"], show_default=True,
    metavar="PLAYBOOK",
    help="A playbook of the tree; `all` for every one. May be given several times (but svg and "
    "mermaid draw one).",
)  # fmt: skip
@click.option("--patched", is_flag=True, help="Show the order as the chosen patches make it.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json", *_PICTURES]), default="text",
    show_default=True,
    help="Lines for people, a report, or a picture: a page, an image, a Mermaid flowchart.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Fold no steps in a picture.")
def command(
    wanted: Wanted,
    patches: tuple[SemanticPatch, ...],
    given: tuple[str, ...],
    inventory: str | None,
    names: tuple[str, ...],
    patched: bool,
    style: str,
    everything: bool,
) -> None:
    """Show in which order a playbook runs its roles: imports expanded, dependencies first.

    Names that a template makes cannot be followed; they are listed with their place and marked
    with a question mark. A step that Ansible skips, because the same role ran earlier in the
    play, is in parentheses.

    A picture shows what provides, what waits, and what comes too late, before the chosen patches
    and after them (with --patched only after), for the scenario that `check` assumes; --set and
    -i change that. Steps that neither provide nor wait are folded.

    \b
    Examples:
      kubespray-patchgen order ~/kubespray
      kubespray-patchgen order --release v2.31.0 --playbook upgrade-cluster.yml
      kubespray-patchgen order --sample --patched
      kubespray-patchgen order --playbook all --format json
      kubespray-patchgen order --release v2.24.0 --format html > order.html
      kubespray-patchgen order kubespray --format svg --set external_cloud_provider=manual

    \b
    Exit codes:
      0    done
      2    wrong usage, not a Kubespray tree, no such playbook, an unreadable file
      3    with patches: one could not be done or verified safely
      130  interrupted
    """
    _check_usage(names, patched, style)
    if style in _PICTURES:
        _draw(wanted, patches, given, inventory, names, patched, style, everything)
        return
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


def _check_usage(names: tuple[str, ...], patched: bool, style: str) -> None:
    """Raise a usage error where options are given that mean nothing together."""
    source = click.get_current_context().get_parameter_source

    def typed(name: str) -> bool:
        return source(name) is ParameterSource.COMMANDLINE

    if style in _PICTURES:
        if style != "html" and (len(set(names)) > 1 or "all" in names):
            raise click.UsageError(
                f"--format {style} draws one playbook; name one with -p, or take --format html."
            )
        return
    if not patched and any(map(typed, _CHOICE)):
        raise click.UsageError("--only, --with, --without and --patch-dir go with --patched.")
    for name, option in _OF_PICTURES.items():
        if typed(name):
            raise click.UsageError(f"{option} goes with --format html, svg or mermaid.")


def _draw(
    wanted: Wanted,
    patches: tuple[SemanticPatch, ...],
    given: tuple[str, ...],
    inventory: str | None,
    names: tuple[str, ...],
    patched: bool,
    style: str,
    everything: bool,
) -> None:
    """Print a picture of each playbook that is named."""
    from generator.engine.runs import run_playbook
    from generator.engine.series import plan
    from generator.picture.build import picture

    scenario, left_out = scenario_of(given, inventory)
    tree = opened(wanted)
    kubespray = Kubespray(tree)
    paths = list(dict.fromkeys(playbook_paths(kubespray, names)))
    series = plan(kubespray, patches)
    cures = tuple(all_patches(()).values())
    through: list[Through] = []
    # A flowchart lists the names of folded steps in one node.
    unfolded = everything and style != "mermaid"
    pictures = []
    for path in paths:
        before = None if patched else run_playbook(kubespray, path, scenario, cures)
        drawn_after = patched or bool(series.applied)
        after = run_playbook(series.after, path, scenario, cures) if drawn_after else None
        through += [one for one in (before, after) if one is not None]
        pictures.append(picture(tree.base.name, before, after, _said(series), unfolded))
    click.echo(_written(pictures, style, everything).encode(), nl=False)
    _tell(through, left_out)


def _said(series: Series) -> str:
    """Return what the patches did, in a sentence for a picture."""
    if series.applied:
        return f"Patches: {', '.join(applied.patch.id for applied in series.applied)}."
    return "No patch is needed." if series.outcomes else "No patch was chosen."


def _written(pictures: list[Picture], style: str, everything: bool) -> str:
    if style == "html":
        from generator.picture.html import html

        return html(pictures)
    if style == "svg":
        from generator.picture.svg import svg

        return svg(pictures[0])
    from generator.picture.mermaid import mermaid, too_much

    text = mermaid(pictures[0], everything)
    if too_much(text):
        say("Mermaid refuses a diagram of this size with its usual settings; take svg or html.")
    return text


def _tell(through: list[Through], left_out: tuple[Unread, ...]) -> None:
    """Tell the user what could not be read, and which variables nothing asked for."""
    for left in dict.fromkeys((*left_out, *(left for one in through for left in one.unread))):
        say(f"{left.place}: {left.message}")
    for name in through[0].unasked if through else ():
        if all(name in one.unasked for one in through):
            say(f"--set {name}: nothing that was drawn asks for this variable; is it misspelled?")
