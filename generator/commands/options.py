"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.talk import printable, say
from generator.exits import UnusableInput
from generator.resources import resource_dir

# What reads patches and trees is heavy, and a hook that has nothing to do shall not wait for it.
if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from generator.engine.patch import SemanticPatch
    from generator.engine.series import Series
    from generator.model.kubespray import Kubespray
    from generator.tree.base import Tree
    from generator.tree.locate import Wanted
    from generator.tree.release import Progress


CHOSEN = "ID[=NAME,...]"
"""How an option names a semantic patch, or some components of it."""


class NamedPath(click.Path):
    """A path that is not empty: `--apply "$TREE"` must not mean the current directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; a usage error where it is empty."""
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


def tree_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add TREE, --rev, --release and --sample; the function gets them as `wanted`."""

    @click.argument("tree", type=NamedPath(), required=False)
    @source_options
    @wraps(function)
    def with_tree(
        *args: Any, tree: Path | None, source: Callable[[Path | None], Wanted], **options: Any
    ) -> Any:
        return function(*args, wanted=source(tree), **options)

    return with_tree


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --rev, --release and --sample; the function gets `source`.

    That takes the path of a tree, or None where none is named, and returns what is wanted; it
    raises a usage error where the options do not go together.
    """

    @click.option(
        "--rev", "revision", metavar="REV", help="Read a revision; nothing is checked out."
    )
    @click.option(
        "--release",
        metavar="TAG",
        help="Read a release of upstream (KUBESPRAY_URL), fetched once into your cache.",
    )
    @click.option("--sample", is_flag=True, help="Read the embedded sample tree.")
    @wraps(function)
    def with_source(
        *args: Any, revision: str | None, release: str | None, sample: bool, **options: Any
    ) -> Any:
        def source(tree: Path | None) -> Wanted:
            from generator.tree.locate import Wanted

            named = [tree is not None, release is not None, sample]
            if sum(named) > 1 or (revision is not None and (release is not None or sample)):
                raise click.UsageError(
                    "name one tree: TREE (with or without --rev), --release or --sample."
                )
            return Wanted(tree or Path(), revision, release, sample)

        return function(*args, source=source, **options)

    return with_source


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --only, --with, --without and --patch-dir; the function gets the chosen `patches`."""

    @later_choice_options
    @wraps(function)
    def with_choice(
        *args: Any, choose_patches: Callable[[], tuple[SemanticPatch, ...]], **options: Any
    ) -> Any:
        return function(*args, patches=choose_patches(), **options)

    return with_choice


def later_choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same options; the function gets `choose_patches`, which reads and chooses them."""

    @click.option(
        "--only",
        multiple=True,
        metavar=CHOSEN,
        help="Apply this semantic patch only; of one with components, those named, or `all` that "
        "are not unwise. May be repeated.",
    )
    @click.option(
        "--with",
        "also",
        multiple=True,
        metavar=CHOSEN,
        help="Apply this one, too. May be repeated.",
    )
    @click.option(
        "--without", multiple=True, metavar=CHOSEN,
        help="Leave this one out, or only some of its components. May be repeated.",
    )  # fmt: skip
    @_patch_dir
    @wraps(function)
    def with_later_choice(
        *args: Any,
        only: tuple[str, ...],
        also: tuple[str, ...],
        without: tuple[str, ...],
        patch_dir: tuple[Path, ...],
        **options: Any,
    ) -> Any:
        def choose_patches() -> tuple[SemanticPatch, ...]:
            from generator.engine.choice import Choice, choose

            chosen = choose(all_patches(patch_dir), Choice(only, also, without))
            tell_unwise(chosen)
            return chosen

        return function(*args, choose_patches=choose_patches, **options)

    return with_later_choice


def patch_dir_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --patch-dir; the function gets all semantic patches by id as `patches`."""

    @_patch_dir
    @wraps(function)
    def with_patches(*args: Any, patch_dir: tuple[Path, ...], **options: Any) -> Any:
        return function(*args, patches=all_patches(patch_dir), **options)

    return with_patches


def all_patches(directories: tuple[Path, ...]) -> dict[str, SemanticPatch]:
    """Return the program's own semantic patches and those of the user's directories, by id."""
    from generator.engine.patch import load_patches

    return load_patches([resource_dir("patches"), *directories])


def tell_unwise(patches: Iterable[SemanticPatch]) -> None:
    """Tell the user of each unwise component that was chosen why it is so."""
    from generator.engine.choice import unwise

    for patch, component in unwise(patches):
        reason = " ".join((component.unwise or "").split())
        say(f"{patch.id}: {component.name} is unwise: {reason}")


def opened(wanted: Wanted) -> Tree:
    """Return the tree that the options name; its reading processes end with the command."""
    from generator.tree.locate import open_tree

    with ExitStack() as stack:
        tree = open_tree(wanted, progress_bar(stack, f"Fetching {printable(wanted.release or '')}"))
    close = getattr(tree, "close", None)
    if close is not None:
        click.get_current_context().call_on_close(close)
    return tree


def tell_outcomes(series: Series) -> None:
    """Tell the user what each patch of a series found, or why it has nothing to do."""
    from generator.engine.series import Applied

    for outcome in series.outcomes:
        if isinstance(outcome, Applied):
            say(f"{outcome.patch.id}: {'; '.join(outcome.found)}.")
            for name, reason in outcome.idle:
                say(f"{outcome.patch.id}: nothing to do for {name}: {reason}.")
        else:
            say(f"{outcome.patch.id}: nothing to do: {'; '.join(outcome.reasons)}.")
    if not series.applied:
        say("Nothing to do: no patch is needed.")


def progress_bar(stack: ExitStack, label: str) -> Progress | None:
    """Return what shows a progress bar from the first time that it is told of progress.

    None where standard error is no terminal.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    bars: list[ProgressBar[int]] = []

    def show(done: float) -> None:
        if not bars:
            bar = click.progressbar(length=1000, label=label, file=sys.stderr)
            bars.append(stack.enter_context(bar))
        bars[0].update(int(done * 1000) - bars[0].pos)

    return show


def playbook_paths(kubespray: Kubespray, names: Iterable[str]) -> list[str]:
    """Return the paths of the playbooks that are named; `all` names every one of the tree.

    Raises UnusableInput where the tree has none of a name.
    """
    if "all" in names:
        return list(kubespray.playbooks())
    paths = []
    for name in names:
        path = kubespray.playbook_named(name)
        if path is None:
            known = ", ".join(kubespray.playbooks())
            raise UnusableInput(f"the tree has no playbook '{name}'; it has {known}.")
        paths.append(path)
    return paths


_patch_dir = click.option(
    "--patch-dir", multiple=True, type=NamedPath(), metavar="DIR",
    help="Read semantic patches of your own from this directory, too. May be repeated.",
)  # fmt: skip
