"""`fork`: the series over many releases and branches, without a checkout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.options import NamedPath, choice_options, progress_bar
from generator.commands.talk import printable, say
from generator.engine.patch import SemanticPatch
from generator.exits import FOUND, OK, UNSAFE, UnusableInput

if TYPE_CHECKING:
    from generator.fork.repository import Fork
    from generator.fork.scope import Scope
    from generator.fork.standing import Standing


@click.group(short_help="Keep the series on the branches of a fork.")
def command() -> None:
    """Keep the series on the branches of a fork, over many releases, without a checkout.

    One branch carries the series for each release: v2.24.0-ccm for v2.24.0, or as you name them
    with --branch-template. Nothing is checked out, and nothing is ever pushed.

    \b
    Examples:
      kubespray-patchgen fork status ~/kubespray
      kubespray-patchgen fork sync ~/kubespray --dry-run
      kubespray-patchgen fork verify --onto 'release-*-acme'

    \b
    Exit codes:
      0    every branch has its series
      1    status, verify: a branch lacks its series
      2    wrong usage, no repository, a revision that is not there
      3    sync: a branch was left alone that lacks its series
      130  interrupted
    """


def _scope_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add REPO and the options that say which revisions; the function gets them as `scope`."""

    @click.argument("repo", type=NamedPath(), required=False)
    @click.option(
        "--releases", multiple=True, metavar="GLOB",
        help="Tags and branches, for instance 'v2.2[2-9].*'. May be repeated. Default: all "
        "releases from v2.22.0 on, and every revision whose branch is there.",
    )  # fmt: skip
    @click.option("--upstream", metavar="URL|REMOTE", help="The repository that has the releases.")
    @click.option(
        "--onto", metavar="PATTERN",
        help="Your own release branches, as a glob or with {release} or {version}: the series "
        "stands on them instead of on releases.",
    )  # fmt: skip
    @click.option(
        "--branch-template", metavar="NAME", default="{release}-ccm", show_default=True,
        help="The name of the branch for a revision.",
    )  # fmt: skip
    @wraps(function)
    def with_scope(
        *args: Any,
        repo: Path | None,
        releases: tuple[str, ...],
        upstream: str | None,
        onto: str | None,
        branch_template: str,
        **options: Any,
    ) -> Any:
        from generator.fork.scope import Scope
        from generator.fork.template import BranchTemplate

        if onto is not None and releases and "{" not in onto:
            raise click.UsageError("--releases goes with --onto where that holds {release}.")
        if onto is not None and "{" not in onto and upstream is not None:
            raise click.UsageError("--upstream goes with --onto where that holds {release}.")
        template = BranchTemplate.of(branch_template)
        scope = Scope(repo or Path(), releases, upstream, onto, template)
        return function(*args, scope=scope, **options)

    return with_scope


def _format(*styles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--format", "style", type=click.Choice(styles), default=styles[0], show_default=True,
        help="Lines for people, or a report.",
    )  # fmt: skip


@command.command(short_help="Show which releases need what, and how their branches stand.")
@_scope_options
@choice_options
@_format("text", "markdown", "json")
@click.pass_context
def status(
    ctx: click.Context, scope: Scope, patches: tuple[SemanticPatch, ...], style: str
) -> None:
    """Show for each release which semantic patches it needs, and how its branch stands.

    A patch is needed, already in (somebody put it there), obsolete (upstream has it), in
    conflict, or does not concern the release (-). A branch has its series, is behind (the release
    or the patches have moved on: sync moves it), differs (it holds commits of others and lacks
    something), is missing, or has nothing to carry.

    REPO is a clone of the fork, bare or not; the current directory if left out.

    \b
    Examples:
      kubespray-patchgen fork status ~/kubespray
      kubespray-patchgen fork status --releases 'v2.2[2-9].*' --releases 'release-2.2*'
      kubespray-patchgen fork status --upstream https://github.com/kubernetes-sigs/kubespray
      kubespray-patchgen fork status --onto 'release-*-acme' --format json

    \b
    Exit codes:
      0    every branch has its series, or needs none
      1    something is to be done
      2    wrong usage, no repository, a revision that is not there
      130  interrupted
    """
    with _surveyed(scope, patches, fetch=False) as (_, standings):
        _print_status("status", standings, style)
    if any(one.branch.state in ("missing", "behind") for one in standings):
        say("Next: `kubespray-patchgen fork sync` with the same options makes and moves them.")
    ctx.exit(OK if all(one.is_done for one in standings) else FOUND)


@command.command(short_help="Fail where a branch of the fork lacks its series.")
@_scope_options
@choice_options
@_format("markdown", "text", "json")
@click.pass_context
def verify(
    ctx: click.Context, scope: Scope, patches: tuple[SemanticPatch, ...], style: str
) -> None:
    """Fail where a branch of the fork lacks its series: for continuous integration.

    Only branches that are there are looked at, also those that only a remote has, as in a fresh
    clone. The output is Markdown that a comment on a pull request can show.

    With --branch-template '{release}' the revisions themselves must hold the series.

    \b
    Examples:
      kubespray-patchgen fork verify
      kubespray-patchgen fork verify --onto 'release-*-acme' > comment.md
      kubespray-patchgen fork verify --releases 'release-*-acme' --branch-template '{release}'

    \b
    Exit codes:
      0    every branch has its series
      1    a branch lacks something of its series
      2    wrong usage, no repository, no branch that fits the template
      130  interrupted
    """
    with _surveyed(scope, patches, fetch=False, there=True) as (_, standings):
        _print_status("verify", standings, style)
    ctx.exit(OK if all(one.is_done for one in standings) else FOUND)


@command.command(short_help="Create or update one branch for each release.")
@_scope_options
@choice_options
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--force", is_flag=True, help="Move branches that hold commits of others, too.")
@click.option("--sign", is_flag=True, help="Sign the commits, as git is set up to.")
@_format("text", "json")
@click.pass_context
def sync(
    ctx: click.Context,
    scope: Scope,
    patches: tuple[SemanticPatch, ...],
    dry_run: bool,
    force: bool,
    sign: bool,
    style: str,
) -> None:
    """Create or update one branch for each release, with the series on top of it.

    The commits are made in the object database, with your identity and dates that follow from the
    patches and the release: a second run gives the same ids and changes nothing. All branches
    move together or none does. A branch with commits of others is not moved without --force, one
    that is checked out never, and nothing is pushed.

    \b
    Examples:
      kubespray-patchgen fork sync ~/kubespray --dry-run
      kubespray-patchgen fork sync --releases 'v2.2[4-7].*'
      kubespray-patchgen fork sync --onto 'release-*-acme'
      kubespray-patchgen fork sync --upstream upstream --branch-template 'ccm/{release}'

    \b
    Exit codes:
      0    every branch has its series now
      2    wrong usage, no repository, a revision that is not there
      3    a branch was left alone that lacks its series; the others are done
      130  interrupted
    """
    from generator.fork.report import sync_data, sync_text
    from generator.fork.sync import carry_out, decide
    from generator.tree.refs import checked_out

    if scope.template.is_release:
        raise click.UsageError("--branch-template '{release}' names the release itself.")
    with _surveyed(scope, patches, fetch=not dry_run) as (fork, standings):
        places = checked_out(fork.repository)
        steps = [decide(one, force, places) for one in standings]
        done = carry_out(fork, steps, dry_run, sign)
    if style == "json":
        _print_json(sync_data(done, dry_run))
    else:
        _print_lines(sync_text(done, dry_run))
    refused = [step for step in done if step.action == "refuse"]
    if refused:
        say(f"Branches that lack their series and were left alone: {len(refused)}.")
    ctx.exit(UNSAFE if refused else OK)


@contextmanager
def _surveyed(
    scope: Scope, patches: tuple[SemanticPatch, ...], fetch: bool, there: bool = False
) -> Iterator[tuple[Fork, list[Standing]]]:
    """Give the fork and how each revision stands; with `there` only those that have a branch."""
    from platformdirs import user_cache_path

    from generator.fork.scope import opened
    from generator.fork.survey import standing

    cache = user_cache_path("kubespray-patchgen")
    with ExitStack() as stack:
        with ExitStack() as fetching:
            bar = progress_bar(fetching, "Fetching releases")
            fork, targets = stack.enter_context(opened(scope, fetch, cache, bar))
        if there:
            targets = tuple(target for target in targets if target.carrier is not None)
        if not targets:
            raise UnusableInput(
                f"no branch is called '{scope.template.branch('{release}')}' for any of the "
                "releases; make them with `kubespray-patchgen fork sync`, or fetch them."
            )
        standings = []
        with ExitStack() as reading:
            bar = progress_bar(reading, "Reading releases")
            for number, target in enumerate(targets, start=1):
                standings.append(standing(fork, target, patches))
                if bar is not None:
                    bar(number / len(targets))
        yield fork, standings


def _print_status(name: str, standings: list[Standing], style: str) -> None:
    from generator.fork.report import status_data, status_markdown, status_text

    if style == "json":
        _print_json(status_data(name, standings))
    else:
        text = status_markdown if style == "markdown" else status_text
        _print_lines(text(standings))


def _print_lines(text: str) -> None:
    for line in text.splitlines():
        click.echo(printable(line))


def _print_json(report: dict[str, Any]) -> None:
    from generator.emit.report import to_json

    click.echo(to_json(report))
