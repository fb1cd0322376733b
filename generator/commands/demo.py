"""`demo`: the whole way, from what is wrong to what is right, on the embedded sample."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from generator.commands.options import NamedPath, all_patches
from generator.engine.choice import Choice, choose
from generator.engine.finding import worst_first
from generator.engine.series import Series, plan
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import Kubespray
from generator.model.step import Step
from generator.tree.base import Base
from generator.tree.directory import DirectoryTree
from generator.tree.sample import sample_files

_CHECKED = ("cluster.yml", "upgrade-cluster.yml")

_SHOWN = {
    "kubernetes-apps/kubelet-csr-approver": "waits until its pods run",
    "kubernetes-apps/external_cloud_controller": "takes the taint off the nodes",
    "kubernetes-apps/ansible": "starts the cluster's DNS",
}
"""The roles whose places tell the story, and what they do."""


@click.command(short_help="Show the whole way on an embedded sample tree.")
@click.option(
    "--keep", type=NamedPath(), metavar="DIR",
    help="Leave the sample here, patched, to look at; DIR must not exist yet.",
)  # fmt: skip
def command(keep: Path | None) -> None:
    """Show the whole way on an embedded sample tree: what is wrong, the patch, and all is right.

    The sample is shaped like Kubespray v2.24.0 and needs no network. It is written to a
    temporary directory, which is removed at the end.

    \b
    Examples:
      kubespray-patchgen demo
      kubespray-patchgen demo --keep /tmp/sample

    \b
    Exit codes:
      0    done
      2    DIR exists or cannot be written
      130  interrupted
    """
    if keep is not None and keep.exists():
        raise UnusableInput(f"{keep} exists already; name a directory that does not.")
    with tempfile.TemporaryDirectory(prefix="kubespray-patchgen-") as directory:
        _show(keep or Path(directory) / "sample")
    if keep is not None:
        click.echo(f"\nThe patched sample is in {keep}.")


def _show(top: Path) -> None:
    from generator.emit.mail import diff
    from generator.emit.worktree import apply_series

    _write_sample(top)
    tree = DirectoryTree(top, Base("the embedded sample"))
    patches = choose(all_patches(()), Choice())
    before = Kubespray(tree)
    series = plan(before, patches)

    _title("1. What is wrong")
    click.echo(_story(before))
    click.echo(_findings(before))

    _title("2. The patch")
    click.echo(diff(series), nl=False)

    _title("3. Applied, and checked again")
    for path in apply_series(tree, series):
        click.echo(f"changed {path}")
    after = Kubespray(DirectoryTree(top, tree.base))
    click.echo(_story(after))
    click.echo(_findings(after))
    _conclude(plan(after, patches))


def _write_sample(top: Path) -> None:
    try:
        for path, data in sample_files().items():
            target = top / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    except OSError as error:
        raise UnusableInput(f"{top} cannot be written ({error.strerror}).") from None


def _story(kubespray: Kubespray) -> str:
    """Return the places of the roles that matter, in the order in which they run."""
    order = kubespray.order("cluster.yml")
    first: list[Step] = [steps[0] for role in _SHOWN if (steps := order.of_role(role))]
    rows = [
        f"  step {step.number:3}  {step.role:45} {_SHOWN[step.role]}"
        for step in sorted(first, key=lambda step: step.number)
    ]
    return "\n".join([f"{order.playbook} runs, in this order:", *rows])


def _findings(kubespray: Kubespray) -> str:
    """Return what `check` finds in the sample's playbooks, a paragraph each."""
    from generator.emit.wrap import bullet
    from generator.engine.check import check
    from generator.model.scenario import Scenario, reported

    report = check(kubespray, _CHECKED, Scenario(base=reported()), all_patches(()).values())
    lines = [
        bullet(f"{found.severity} in {found.playbook}: {found.message} ({found.place})", 92)
        for found in worst_first(report.findings)
    ]
    return "\n".join(lines) or "check finds nothing in these playbooks any more."


def _conclude(again: Series) -> None:
    for skipped in again.skipped:
        click.echo(f"{skipped.patch.id}: nothing to do.")
    if again.applied:
        raise Unsafe("the patched sample needs another patch; please report this.")
    click.echo("\nNext, on the real thing: kubespray-patchgen patch --release v2.24.0")


def _title(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}\n")
