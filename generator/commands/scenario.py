"""Options that say which variables a check assumes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from generator.exits import UnusableInput

if TYPE_CHECKING:
    from generator.engine.finding import Unread
    from generator.model.scenario import Scenario
    from generator.model.value import Value


def scenario_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --set and -i; the function gets them as `given` and `inventory`, see `scenario_of`."""
    return _given(_inventory(function))


_given = click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE",
    help="A variable of the scenario; beats all others, as -e does with Ansible. May be repeated. "
    "An empty value is the empty text. nodes=new or nodes=initialized says what nodes every "
    "playbook starts with.",
)  # fmt: skip

_inventory = click.option(
    "-i", "--inventory", metavar="INVENTORY",
    help="Take the variables from an inventory instead of the reported case: a file or directory "
    "as Ansible reads it (nothing of it is run), or the output of `ansible-inventory --list` "
    "(- for standard input).",
)  # fmt: skip


def scenario_of(given: Iterable[str], inventory: str | None) -> tuple[Scenario, tuple[Unread, ...]]:
    """Return the scenario that options describe, and what of an inventory could not be read.

    Raises a usage error where a `--set` is none, UnusableInput where the inventory is unusable.
    """
    from generator.model.scenario import NODES, Scenario, Setting, reported

    settings = {}
    nodes = None
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"--set {text}: write NAME=VALUE; NAME is a variable's name.")
        if name == NODES:
            if value not in ("new", "initialized"):
                raise click.UsageError(f"--set {text}: nodes is new or initialized.")
            nodes = value
        else:
            settings[name] = Setting(_value(value), f"--set {text}")
    if inventory is None:
        return Scenario(settings, reported(), nodes), ()
    from generator.engine.finding import Unread
    from generator.model.inventory import read_inventory

    read = read_inventory(inventory, _standard_input)
    base = {
        name: Setting(setting.value, f"inventory, host {read.host}", setting.place)
        for name, setting in read.settings.items()
    }
    return Scenario(settings, base, nodes), tuple(
        Unread(*left, outside=True) for left in read.unread
    )


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise UnusableInput("standard input is closed; hand the inventory over there, or name it.")
    return sys.stdin.buffer.read()


def _value(value: str) -> Value:
    """Return a value as YAML reads it; what is empty is the empty text."""
    from generator.text.document import Scalar
    from generator.text.plain import Dangling, TooMuch, plain
    from generator.text.yaml import parse

    if not value:
        return ""
    if value.lstrip().startswith(("{{", "{%")):
        return value
    try:
        document = parse("--set", value)
        root = document.root
    except (UnusableInput, UnicodeError):
        return value
    if root is None or (isinstance(root, Scalar) and root.value == "" and not root.style):
        return value
    try:
        return plain(document, root, strict=True)
    except (Dangling, TooMuch):
        return value
