"""The command line: which commands there are, and how errors end the program.

A command's module is imported when the command is used, so that none pays for another.
"""

from __future__ import annotations

import gc
import importlib
import sys

import click

from generator import __version__
from generator.commands.talk import say
from generator.exits import INTERRUPTED, OK, UNUSABLE, PatchgenError, UnusableInput
from generator.tree.git import forget_other_repository

COMMANDS = {
    "check": "Find what waits for something that comes later.",
    "patch": "Print the git patch that a Kubespray tree needs.",
    "overlay": "Vendor the patch as files over a Kubespray, and notice drift.",
    "fork": "Keep the series on the branches of a fork.",
    "tolerate": "Give plain manifests and Helm values the toleration.",
    "hook": "Check or fix what is being committed, for pre-commit.",
    "stage": "Print a runbook for deploying in stages, without a patch.",
    "doctor": "Tell who is uninitialised in a cluster, and why.",
    "order": "Show in which order a playbook runs its roles.",
    "patches": "List the semantic patches, and why each exists.",
    "demo": "Show the whole way on an embedded sample tree.",
}
"""Every command with its line in the overview; the rest is in the module of its name."""


class _Commands(click.Group):
    """Commands that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"generator.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96}
)
@click.version_option(__version__, prog_name="kubespray-patchgen")
def cli() -> None:
    """Make git patches for Kubespray trees whose deployment blocks on the cloud provider's taint.

    With an external cloud provider, nodes carry a taint until the cloud controller manager has
    run. What Kubespray waits for before that never becomes ready. This program reads a Kubespray
    tree, finds what runs too early, and emits a patch that is verified before you see it.

    \b
    Exit codes, the same for every command:
      0    fine, or nothing to do
      1    the command found something; each command says what
      2    wrong usage, or input that cannot be used
      3    a patch applies, but could not be done or verified safely
      130  interrupted

    \b
    Start with:
      kubespray-patchgen demo
      kubespray-patchgen patch --release v2.24.0
    """


def main() -> None:
    """Run the command line and end the process with the command's exit code."""
    dropped = forget_other_repository()
    # A run is short and keeps what it builds: there is little garbage to look for.
    gc.set_threshold(100_000, 20, 100)
    sys.exit(_exit_code(dropped))


def _exit_code(dropped: dict[str, str]) -> int:
    try:
        if sys.stdout is None:
            raise UnusableInput("standard output is closed; redirect it to a file or a pipe.")
        code = cli.main(
            prog_name="kubespray-patchgen", standalone_mode=False, obj=dropped,
        )  # fmt: skip
    except PatchgenError as error:
        _say(str(error))
        return error.exit_code
    except click.UsageError as error:
        error.show()
        return UNUSABLE
    except click.ClickException as error:
        _say(error.format_message())
        return UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted.")
        return INTERRUPTED
    except SystemExit:
        # Click ends so in one case only: the reader of our output has gone (`| head`).
        return OK
    except OSError as error:
        _say(f"{error.filename or 'the system'}: {error.strerror or error}.")
        return UNUSABLE
    return code if isinstance(code, int) else OK


def _say(text: str) -> None:
    say(f"kubespray-patchgen: {text}")
