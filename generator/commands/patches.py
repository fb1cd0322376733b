"""`patches`: the semantic patches and why each exists."""

from __future__ import annotations

import click

from generator.commands.options import patch_dir_option
from generator.engine.patch import SemanticPatch
from generator.exits import UnusableInput


@click.group(short_help="List the semantic patches, and why each exists.")
def command() -> None:
    """List the semantic patches, and why each exists.

    \b
    Examples:
      kubespray-patchgen patches list
      kubespray-patchgen patches show approver-after-ccm

    \b
    Exit codes:
      0    done
      2    wrong usage, an unknown id, a patch file with an error
      130  interrupted
    """


_format = click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Lines for people, or a report.",
)  # fmt: skip


@command.command("list", short_help="List them; a star marks those applied by default.")
@patch_dir_option
@_format
def list_(patches: dict[str, SemanticPatch], style: str) -> None:
    """List the semantic patches; a star marks those that are applied by default.

    \b
    Example:
      kubespray-patchgen patches list --patch-dir ./patches

    \b
    Exit codes:
      0    done
      2    wrong usage, a patch file with an error
      130  interrupted
    """
    _show(list(patches.values()), style, table=True)


@command.command("show", short_help="Show one: what it does, why, what it leaves alone.")
@click.argument("identity", metavar="ID")
@patch_dir_option
@_format
def show(identity: str, patches: dict[str, SemanticPatch], style: str) -> None:
    """Show one semantic patch: what it does, why, and what it leaves alone on purpose.

    \b
    Example:
      kubespray-patchgen patches show approver-after-ccm

    \b
    Exit codes:
      0    done
      2    wrong usage, an unknown id, a patch file with an error
      130  interrupted
    """
    if identity not in patches:
        raise UnusableInput(
            f"there is no semantic patch '{identity}'; there are {', '.join(patches)}."
        )
    _show([patches[identity]], style, table=False)


def _show(patches: list[SemanticPatch], style: str, table: bool) -> None:
    if style == "json":
        from generator.emit.report import patches_report, to_json

        click.echo(to_json(patches_report(patches)))
        return
    from generator.emit.text import patch_text, patches_table

    text = patches_table(patches) if table else patch_text(patches[0])
    click.echo(text, nl=False)
