"""`stage`: a runbook for deploying in stages, without a patch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import (
    NamedPath,
    all_patches,
    opened,
    playbook_paths,
    tree_options,
)
from generator.commands.scenario import scenario_of, scenario_options
from generator.commands.talk import printable, say
from generator.exits import UnusableInput

if TYPE_CHECKING:
    from generator.stage.decide import Asked, Needless, Staged
    from generator.stage.runbook import Setting
    from generator.tree.locate import Wanted

_DAY = 24 * 60 * 60


@click.command(short_help="Print a runbook for deploying in stages, without a patch.")
@tree_options
@scenario_options
@click.option(
    "-p", "--playbook", "name", default="cluster.yml", show_default=True, metavar="PLAYBOOK",
    help="The playbook of the tree to run in stages.",
)  # fmt: skip
@click.option(
    "--own-ccm", is_flag=True,
    help="You install a cloud controller manager yourself behind stage 1.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.IntRange(1, _DAY), default=600, show_default=True, metavar="SECONDS",
    help="How long stage 2 waits.",
)  # fmt: skip
@click.option(
    "--interval", type=click.IntRange(1, _DAY), default=10, show_default=True, metavar="SECONDS",
    help="The time between two looks.",
)  # fmt: skip
@click.option(
    "--format", "style", type=click.Choice(["text", "sh", "playbook", "json"]), default="text",
    show_default=True, help="For people, as a script, as an Ansible playbook, as a report.",
)  # fmt: skip
@click.option(
    "--absolute", is_flag=True,
    help="Let the Ansible playbook import the tree's by its absolute path. Without, the path is "
    "relative to FILE, or to the top of the tree where no FILE is given.",
)  # fmt: skip
@click.option(
    "-o", "--output", "output", type=NamedPath(), metavar="FILE",
    help="Write it there; a script becomes executable.",
)  # fmt: skip
def command(
    wanted: Wanted,
    given: tuple[str, ...],
    inventory: str | None,
    name: str,
    own_ccm: bool,
    timeout: int,
    interval: int,
    style: str,
    absolute: bool,
    output: Path | None,
) -> None:
    """Print a runbook for deploying in three stages, without a patch.

    Stage 1 runs the tree's playbook without kubelet-csr-approver, stage 2 waits until all nodes
    are initialised, stage 3 runs the approver alone. By which tag it is left out is found in the
    tree, and checked task by task: nothing else is left out, and nothing else is run later.

    It says where stages do not help, and prints none then: where nobody installs a cloud
    controller manager, in an upgrade, and where something else blocks, too. Where the approver
    does not block there is nothing to stage.

    \b
    The script (--format sh) notes which stages are done and goes on after a failure; what is
    given to it goes to ansible-playbook: bash stage.sh -i inventory/prod/hosts.yml --become

    \b
    Examples:
      kubespray-patchgen stage ~/kubespray -i inventory/prod/hosts.yml
      kubespray-patchgen stage --release v2.24.0 --format sh -o stage.sh
      kubespray-patchgen stage kubespray --format playbook -o kubespray/stage.yml
      kubespray-patchgen stage kubespray --set external_cloud_provider=manual --own-ccm

    \b
    Exit codes:
      0    printed; or there is nothing to stage, which is said on standard error
      2    wrong usage, not a Kubespray tree, an inventory or playbook that cannot be read
      3    stages do not help, or the approver cannot be selected by a tag of its own
      130  interrupted
    """
    if absolute and style != "playbook":
        raise click.UsageError("--absolute goes with --format playbook.")
    if name == "all":
        raise click.UsageError("--playbook all: name one playbook.")
    from generator.model.kubespray import Kubespray
    from generator.stage.decide import Asked, Needless, decide
    from generator.stage.runbook import Setting

    scenario, left_out = scenario_of(given, inventory)
    kubespray = Kubespray(opened(wanted))
    (path,) = playbook_paths(kubespray, [name])
    told = {f"{left.place}: {left.message}": None for left in left_out}
    asked = Asked(
        kubespray, path, scenario, tuple(all_patches(()).values()), own_ccm,
        lambda place, message: told.setdefault(_message(str(place), message)),
    )  # fmt: skip
    try:
        found = decide(asked)
    finally:
        for line in told:
            say(line)
    setting = Setting(_directory(wanted), _ansible_inventory(inventory), timeout, interval)
    if isinstance(found, Needless):
        say(f"Nothing to stage: {found.reason}")
        for other in found.others:
            say(f"{other.place}: {other.message} Stages would not cure that; see check.")
    text = _printed(found, asked, setting, style, output, absolute)
    if output is not None and text:
        _write(output, text, executable=style == "sh")
    elif style in ("text", "json"):
        for line in text.splitlines():
            click.echo(printable(line) if style == "text" else line)
    else:
        # A name may hold any bytes, and a script must have them as they are.
        click.echo(os.fsencode(text), nl=False)


def _printed(
    found: Staged | Needless,
    asked: Asked,
    setting: Setting,
    style: str,
    output: Path | None,
    absolute: bool,
) -> str:
    """Return what is printed in a format; nothing where there is nothing to stage, but in JSON."""
    from generator.stage import runbook
    from generator.stage.decide import Needless

    if style == "json":
        from generator.emit.report import to_json

        return to_json(runbook.stage_report(found, setting)) + "\n"
    if isinstance(found, Needless):
        return ""
    if style == "sh":
        return runbook.runbook_script(found, setting)
    if style == "playbook":
        from generator.stage.imported import imported

        path = _import_path(found.playbook, setting.tree, output, absolute)
        return runbook.runbook_playbook(found, setting, imported(asked, found, path))
    return runbook.runbook_text(found, setting)


def _message(place: str, message: str) -> str:
    return message if message.startswith(place.split(":")[0]) else f"{place}: {message}"


def _directory(wanted: Wanted) -> str | None:
    """Return the directory of the tree; None where it is a revision, which lies nowhere."""
    if wanted.revision is not None or wanted.release is not None or wanted.sample:
        return None
    return str(wanted.path.absolute())


def _ansible_inventory(named: str | None) -> str | None:
    """Return the path of an inventory for Ansible; None for a listing, which it does not read."""
    if named is None or named == "-":
        return None
    if not Path(named).is_dir():
        from generator.model.inventory.graph import Graph
        from generator.model.inventory.source import read_named

        if read_named(named, Graph().group_names).listing:
            return None
    return str(Path(named).absolute())


def _import_path(playbook: str, tree: str | None, output: Path | None, absolute: bool) -> str:
    """Return the path by which a playbook of the stages imports the tree's own."""
    if absolute or output is not None:
        if tree is None:
            raise UnusableInput(
                "where the tree will lie is not known; name its directory, or leave -o and "
                "--absolute out and put the playbook at the top of the tree."
            )
        if absolute:
            return str(Path(tree) / playbook)
        if output is not None:
            folder = os.path.realpath(output.absolute().parent)
            return os.path.relpath(Path(os.path.realpath(tree)) / playbook, folder)
    return playbook


def _write(output: Path, text: str, executable: bool) -> None:
    from generator.emit.files import written

    data = {output.name: os.fsencode(text)}
    with written(output.absolute().parent, data, (output.name,) if executable else ()):
        pass
    say(f"Wrote {output}.")
