"""`tolerate`: plain manifests and Helm values that get the toleration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from generator.commands.options import NamedPath
from generator.commands.talk import say
from generator.exits import FOUND, OK, UnusableInput

if TYPE_CHECKING:
    from generator.tolerate.files import Outcome

STANDARD_INPUT = "standard input"

_STDIN = Path("-")

_Read = TypeVar("_Read")


@click.command(short_help="Give plain manifests and Helm values the toleration.")
@click.argument("files", type=NamedPath(), nargs=-1, metavar="[FILE]...")
@click.option(
    "--taint", "taints", multiple=True, metavar="KEY[=VALUE]:EFFECT",
    help="Tolerate this taint, too. May be repeated.",
)  # fmt: skip
@click.option(
    "--values", "values", metavar="PATH",
    help="FILE holds Helm values; the list is at this dotted path.",
)  # fmt: skip
@click.option(
    "--selector", "selectors", multiple=True, metavar="SELECTOR",
    help="Only these workloads: kind=K,name=N,namespace=S, or [S/]Kind/name. May be repeated.",
)  # fmt: skip
@click.option(
    "--fix-ineffective", "fix", is_flag=True,
    help="Correct entries that look right but do not match, instead of adding one.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file would change.")
@click.option("--diff", is_flag=True, help="Print the change as a diff; write nothing.")
def command(
    files: tuple[Path, ...],
    taints: tuple[str, ...],
    values: str | None,
    selectors: tuple[str, ...],
    fix: bool,
    check: bool,
    diff: bool,
) -> int:
    """Give plain manifests and Helm values the toleration.

    FILE is changed in place: pod specifications that do not tolerate the cloud provider's taint
    (node.cloudprovider.kubernetes.io/uninitialized:NoSchedule) get an entry, in YAML and JSON,
    in lists and in files of many documents; all other bytes stay. `-`, or no FILE with something
    on standard input, is a filter: the result goes to standard output. Either all files are
    written or none.

    SELECTOR is kind=K, name=N and namespace=S with commas between (all must hold), or short:
    Kind, Kind/name, namespace/Kind/name. `*` and `?` stand for parts of a name. One of several
    selectors suffices.

    \b
    Examples:
      kubespray-patchgen tolerate approver.yaml
      helm template csi charts/csi | kubespray-patchgen tolerate - | kubectl apply -f -
      helm install csi charts/csi --post-renderer ./run-tolerate.sh
      kubespray-patchgen tolerate --check manifests/*.yaml         # in CI
      kubespray-patchgen tolerate --values controller.tolerations values.yaml
      kubespray-patchgen tolerate --selector 'Deployment/web*' --taint a=b:NoExecute a.yaml

    \b
    Exit codes:
      0    done, or nothing to do
      1    with --check: a file would change
      2    wrong usage, or a file that is unreadable, no YAML or a template
      3    a toleration is missing, but could not be added or verified safely
      130  interrupted
    """
    outcomes = _outcomes(files, taints, values, selectors, fix)
    changed = {target: each for target, each in outcomes.items() if each.edits}
    _report(list(outcomes.values()), values is not None, written=not check and not diff)
    if diff:
        from generator.tolerate.diff import unified_diff

        for outcome in changed.values():
            click.echo(unified_diff(outcome), nl=False)
    elif not check and _STDIN in outcomes:
        click.echo(outcomes[_STDIN].after(), nl=False)
    elif not check and changed:
        from generator.emit.files import write_all

        write_all(Path("/"), {str(target): each.after() for target, each in changed.items()})
    return FOUND if check and changed else OK


def _outcomes(
    files: tuple[Path, ...],
    taints: tuple[str, ...],
    values: str | None,
    selectors: tuple[str, ...],
    fix: bool,
) -> dict[Path, Outcome]:
    """Return what becomes of each file, by the file itself; nothing is written before."""
    from generator.tolerate import files as work
    from generator.tolerate.inject import Wish
    from generator.tolerate.selector import selector_from
    from generator.tolerate.taints import taint_from, wanted_taints
    from generator.tolerate.values import path_from

    if values is not None and selectors:
        raise click.UsageError("--selector means workloads; values have none.")
    wish = Wish(wanted_taints(_usable(taint_from, text) for text in taints), fix)
    chosen = [_usable(selector_from, text) for text in selectors]
    keys = None if values is None else _usable(path_from, values)
    outcomes: dict[Path, Outcome] = {}
    for path in _named(files):
        target = path if path == _STDIN else work.resolved(path)
        if target in outcomes:
            continue
        if path == _STDIN:
            name, data = STANDARD_INPUT, _standard_input()
        else:
            name, data = str(path), work.read_file(path)
        if keys is not None:
            outcomes[target] = work.tolerate_values(name, data, wish, keys)
        else:
            outcomes[target] = work.tolerate_manifests(name, data, wish, chosen)
    return outcomes


def _named(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files that are named, or standard input where that is a filter's."""
    if not files:
        if sys.stdin is not None and sys.stdin.isatty():
            raise click.UsageError("name a FILE, or hand manifests over on standard input.")
        return (_STDIN,)
    if _STDIN in files and len(files) > 1:
        raise click.UsageError("`-` is a filter of its own; name no FILE beside it.")
    return files


def _standard_input() -> bytes:
    from generator.tolerate.files import limited
    from generator.tolerate.stream import MAX_STREAM

    if sys.stdin is None:
        raise UnusableInput("standard input is closed; hand manifests over there, or name a FILE.")
    return limited(STANDARD_INPUT, sys.stdin.buffer.read(MAX_STREAM + 1))


def _usable(read: Callable[[str], _Read], text: str) -> _Read:
    try:
        return read(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _report(outcomes: Sequence[Outcome], values: bool, written: bool) -> None:
    for outcome in outcomes:
        for line in outcome.lines:
            say(line)
    changed = sum(outcome.changed for outcome in outcomes)
    tolerant = sum(outcome.tolerant for outcome in outcomes)
    unselected = sum(outcome.unselected for outcome in outcomes)
    what = "list" if values else "workload"
    rest = [f"{tolerant} tolerate already"] if tolerant else []
    rest += [f"{unselected} not selected"] if unselected else []
    if changed:
        done = "changed" if written else "to be changed"
        count = sum(bool(outcome.edits) for outcome in outcomes)
        parts = [f"{_count(changed, what)} {done} in {_count(count, 'file')}", *rest]
        say(f"{'; '.join(parts)}.")
    elif tolerant:
        say(f"Nothing to do: {'; '.join(rest)}.")
    elif unselected:
        say(f"Nothing to do: no {what} is selected ({unselected} not selected).")
    else:
        say(f"Nothing to do: no {what} with a pod specification is there.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
