"""`check`: what waits for something that comes later, and under which variables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from generator.commands.options import all_patches, opened, playbook_paths, tree_options
from generator.commands.scenario import scenario_of, scenario_options
from generator.commands.talk import printable, say
from generator.engine.finding import Report
from generator.engine.patch import SemanticPatch
from generator.exits import FOUND, OK, UNUSABLE
from generator.model.kubespray import Kubespray
from generator.tree.locate import Wanted

if TYPE_CHECKING:
    from generator.model.scenario import Scenario


@click.command(short_help="Find what waits for something that comes later.")
@tree_options
@scenario_options
@click.option(
    "-p", "--playbook", "names", multiple=True, metavar="PLAYBOOK",
    help="A playbook of the tree; `all` for every one. May be repeated. Without, cluster, "
    "upgrade_cluster and recover_control_plane.",
)  # fmt: skip
@click.option(
    "--strict", is_flag=True, help="Exit 1 for warnings, too, and for files that could not be read."
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "sarif", "github"]), default="text",
    show_default=True, help="For people, as a report, for code scanning, as annotations.",
)  # fmt: skip
@click.option(
    "--relative-to-repo", is_flag=True,
    help="Give paths relative to the top of the repository (JSON, SARIF, GitHub).",
)  # fmt: skip
@click.option("--explain", metavar="CODE", help="Print the reasoning behind a code, and end.")
def command(
    wanted: Wanted,
    given: tuple[str, ...],
    inventory: str | None,
    names: tuple[str, ...],
    strict: bool,
    style: str,
    relative_to_repo: bool,
    explain: str | None,
) -> int:
    """Find what waits for something that comes later, and say under which variables.

    Runs through the tree's playbooks as Ansible would, with nothing executed: what each step puts
    into the cluster, what it waits for, and what the pods need before they can run. The scenario
    is the reported one (an external cloud provider, vsphere, with rotated serving certificates);
    --set changes it, and -i takes the variables from an inventory instead.

    \b
    An error is a wait that cannot end: the deployment fails there. A warning does harm, or
    blocks only where nodes are new; a note tells what stays Pending for a while.

    \b
    Examples:
      kubespray-patchgen check ~/kubespray
      kubespray-patchgen check --release v2.24.0
      kubespray-patchgen check --set external_cloud_provider=manual --set dns_mode=none
      kubespray-patchgen check kubespray -i inventory/prod/hosts.yml --format github
      ansible-inventory -i inventory.sh --list | kubespray-patchgen check kubespray -i -
      kubespray-patchgen check --explain deadlock-order

    \b
    Exit codes:
      0    no errors (with --strict: nor warnings, and everything could be read)
      1    errors were found (with --strict: or warnings, or something could not be read)
      2    wrong usage, not a Kubespray tree; an inventory, a playbook, or the approver's
           or the cloud controller manager's role cannot be read
      130  interrupted
    """
    if explain is not None:
        from generator.emit.explain import explanation

        click.echo(explanation(explain))
        return OK
    scenario, left_out = scenario_of(given, inventory)
    tree = opened(wanted)
    patches = tuple(all_patches(()).values())
    report = checked(Kubespray(tree), names, scenario, patches)
    report = replace(report, unread=(*left_out, *report.unread))
    prefix = tree.prefix if relative_to_repo else ""
    # By newlines only: Python's other ends of lines may stand inside the texts of JSON.
    for line in printed(report, patches, style, prefix).removesuffix("\n").split("\n"):
        click.echo(printable(line) if style == "text" else _encodable(line))
    tell_left_out(report)
    return outcome(report, strict)


def tell_left_out(report: Report) -> None:
    """Tell the user what could not be read, and which variables nothing asked for."""
    for left in report.unread:
        say(f"{left.place}: {left.message}")
    if report.blind and not report.count("error"):
        say("Nothing can be said of the approver's order without that; mend it first.")
    for name in report.unasked:
        say(f"--set {name}: nothing that was checked asks for this variable; is it misspelled?")


def outcome(report: Report, strict: bool) -> int:
    """Return the exit code of a check.

    It has failed by errors, with `strict` by warnings and unread files. Where a file that decides
    could not be read, and nothing else was found, it has not shown that nothing is wrong.
    """
    soft = report.count("warning") + len(report.unread)
    if report.count("error") or (strict and soft):
        return FOUND
    return UNUSABLE if report.blind else OK


def _encodable(line: str) -> str:
    """Return a line with bytes that are no UTF-8, in paths say, written out."""
    return line.encode("utf-8", "backslashreplace").decode()


def checked(
    kubespray: Kubespray,
    names: tuple[str, ...],
    scenario: Scenario,
    patches: tuple[SemanticPatch, ...],
) -> Report:
    """Return what a check finds; `names` are playbooks, without any the usual ones are meant."""
    from generator.engine.check import PLAYBOOKS, check

    wanted = names or [name for name in PLAYBOOKS if kubespray.playbook_named(name)]
    paths = playbook_paths(kubespray, wanted)
    return check(kubespray, paths, scenario, patches)


def printed(report: Report, patches: tuple[SemanticPatch, ...], style: str, prefix: str) -> str:
    """Return a report in a format of `--format`."""
    if style == "json":
        from generator.emit.check_json import check_report
        from generator.emit.report import to_json

        return to_json(check_report(report, prefix))
    if style == "sarif":
        from generator.emit.report import to_json
        from generator.emit.sarif import sarif
        from generator.engine.detect.codes import codes

        return to_json(sarif(report, codes().values(), prefix))
    if style == "github":
        from generator.emit.github import annotations

        return annotations(report, prefix)
    from generator.emit.check_text import text

    return text(report, [patch.id for patch in patches if not patch.default])
