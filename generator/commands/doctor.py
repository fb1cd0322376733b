"""`doctor`: who is uninitialised in a cluster, who waits for what, and what to do."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.options import NamedPath
from generator.commands.talk import printable, say
from generator.exits import FOUND, OK, UNUSABLE, UnusableInput

if TYPE_CHECKING:
    from generator.doctor.cluster import Cluster
    from generator.doctor.diagnosis import Diagnosis
    from generator.doctor.live import Live

STANDARD_INPUT = "standard input"

_PATIENCE = 600.0
_ANSWER = 30.0


class _Seconds(click.FloatRange):
    """A number of seconds above zero; neither infinite nor none."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=10_000_000)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds; a usage error where they are no number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail("this is not a number.", param, ctx)
        return number


@click.command(short_help="Tell who is uninitialised in a cluster, and why.")
@click.option("--from", "dump", type=NamedPath(), metavar="FILE",
    help="Read a saved dump instead of a live cluster; `-` is standard input.",
)  # fmt: skip
@click.option("--kubeconfig", type=NamedPath(), metavar="PATH",
    help="The kubeconfig; default KUBECONFIG, ~/.kube/config, or the pod's own cluster.",
)  # fmt: skip
@click.option("--context", metavar="NAME", help="The kubeconfig's context to use.")
@click.option("--watch", "follow", is_flag=True,
    help="Follow the nodes until all are initialised.",
)  # fmt: skip
@click.option("--timeout", type=_Seconds(), metavar="SECONDS",
    help="With --watch, give up after this time (600); else wait so long for an answer (30).",
)  # fmt: skip
@click.option("--interval", type=_Seconds(), default=5.0, show_default=True, metavar="SECONDS",
    help="With --watch, the time between two looks.",
)  # fmt: skip
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text",
    help="How to print the result.",
)  # fmt: skip
@click.option("--rbac", is_flag=True, help="Print the ClusterRole that the doctor needs.")
def command(
    dump: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    follow: bool,
    timeout: float | None,
    interval: float,
    shape: str,
    rbac: bool,
) -> int:
    """Tell who is uninitialised in a cluster, who waits for what, and what to do.

    Looks at nodes, the cloud controller manager, pods that are Pending because of the cloud
    provider's taint, and kubelet's requests for serving certificates; names the causes, the root
    first, and the command to run next. Nothing is changed, and no secret is read.

    A live cluster needs the official client: pip install 'kubespray-patchgen[cluster]'.

    \b
    Examples:
      kubespray-patchgen doctor
      kubespray-patchgen doctor --watch --timeout 900
      kubectl get nodes,pods,deployments,daemonsets,csr,events -A -o json > dump.json
      kubespray-patchgen doctor --from dump.json --format json
      kubespray-patchgen doctor --rbac | kubectl apply -f -

    \b
    Exit codes:
      0    all nodes are initialised, and nothing is stuck
      1    something is stuck; with --watch: not initialised in time
      2    wrong usage, an unreadable dump, or an API server that is not reached
      130  interrupted
    """
    if rbac:
        from generator.doctor.rights import cluster_role

        click.echo(cluster_role(), nl=False)
        return OK
    if dump is not None:
        if follow or kubeconfig is not None or context is not None:
            raise click.UsageError("--from reads a file; it goes with --format only.")
        return _show(_diagnosed(_dumped(dump)), shape)
    from generator.doctor.live import connect

    live = connect(kubeconfig, context, _ANSWER if follow or timeout is None else timeout)
    if follow:
        return _watch(live, _PATIENCE if timeout is None else timeout, interval, shape)
    return _show(_diagnosed(live.snapshot()), shape)


def _watch(live: Live, timeout: float, interval: float, shape: str) -> int:
    from generator.doctor.watch import watch

    with ExitStack() as stack:
        done = watch(live.nodes, _progress(stack), timeout, interval)
    if not done:
        say(f"Gave up after {timeout:g} seconds.")
    code = _show(_diagnosed(live.snapshot()), shape)
    return OK if done else (code or FOUND)


def _progress(stack: ExitStack) -> Callable[[Cluster], None]:
    """Return what shows how far the nodes are: a bar on a terminal, lines where it changes."""
    from generator.doctor.report import progress_line

    if _on_terminal():
        return _bar(stack)
    last: list[tuple[str, ...]] = []

    def line(cluster: Cluster) -> None:
        stuck = tuple(node.name for node in cluster.nodes if not node.initialized)
        state = (str(len(cluster.nodes)), *stuck)
        if last != [state]:
            last[:] = [state]
            say(progress_line(cluster.nodes, cluster.now))

    return line


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _bar(stack: ExitStack) -> Callable[[Cluster], None]:
    bar = stack.enter_context(
        click.progressbar(length=1, label="Nodes initialised", file=sys.stderr, show_eta=False,
                          show_pos=True)
    )  # fmt: skip

    def show(cluster: Cluster) -> None:
        # Nodes come and go meanwhile.
        bar.length = max(len(cluster.nodes), 1)
        bar.update(sum(node.initialized for node in cluster.nodes) - bar.pos)
        bar.render_progress()

    return show


def _dumped(path: Path) -> Cluster:
    from generator.doctor.dump import HOW, MAX_DUMP, cluster_of_dump

    if str(path) == "-":
        if sys.stdin is None:
            raise UnusableInput("standard input is closed; hand a dump over there, or name a file.")
        return cluster_of_dump(STANDARD_INPUT, sys.stdin.buffer.read(MAX_DUMP + 1))
    if not path.exists():
        raise UnusableInput(f"{path} is not there; save a dump with {HOW}.")
    if path.is_dir():
        raise UnusableInput(f"{path} is a directory; name the file of a dump, saved with {HOW}.")
    with path.open("rb") as stream:
        return cluster_of_dump(str(path), stream.read(MAX_DUMP + 1))


def _diagnosed(cluster: Cluster) -> Diagnosis:
    from generator.doctor.diagnose import diagnose

    return diagnose(cluster)


def _show(diagnosis: Diagnosis, shape: str) -> int:
    """Print a diagnosis and return the exit code that it means."""
    cluster = diagnosis.findings.cluster
    for right in cluster.rights:
        say(f"You have no right to {right}; what depends on it is left out (--rbac).")
    if cluster.unread and not cluster.rights:
        say(f"{cluster.source} holds no {', no '.join(cluster.unread)}; what depends on them is "
            "left out.")  # fmt: skip
    if shape == "json":
        from generator.doctor.report import doctor_report
        from generator.emit.report import to_json

        click.echo(_escaped(to_json(doctor_report(diagnosis))))
    else:
        from generator.doctor.report import doctor_text

        for line in doctor_text(diagnosis):
            click.echo(printable(line))
    if not diagnosis.causes and "nodes" in cluster.unread:
        return UNUSABLE
    return OK if diagnosis.healthy else FOUND


def _escaped(text: str) -> str:
    """Return JSON in which what a terminal may act on is an escape, as JSON allows in texts."""
    return "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )
