"""What benchmarks share: cold runs of commands in turn, and ratios taken within each turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds by the clock and of processor time, peak memory in MiB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Command:
    """A command to be measured.

    `variables` are set in its environment besides those of this process, and `codes` are the exit
    codes with which it has done its work.
    """

    words: Sequence[str]
    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({0})


def measure(command: Command) -> Run:
    """Run a command to its end; raises SystemExit with its complaint where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command.words,
        cwd=command.directory,
        env=environment(command.variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.codes:
        raise SystemExit(f"{' '.join(command.words[:4])}: exit {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with some variables, and with bytecode kept.

    An installed program has its bytecode; so has ours from the second run on.
    """
    kept = {**os.environ, **variables}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


def in_turns(commands: Mapping[str, Command], turns: int) -> dict[str, list[Run]]:
    """Measure all commands `turns` times in turn, after one run of each that is not counted.

    Each turn begins with another command, so that none always follows the same one.
    """
    table: dict[str, list[Run]] = {name: [] for name in commands}
    names = list(commands)
    for name in names:
        measure(commands[name])
    for turn in range(turns):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            table[name].append(measure(commands[name]))
    return table


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median of some values with the least and the greatest one."""
    least, most = min(values), max(values)
    middle = statistics.median(values)
    return f"{middle:7.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def ratios(ours: Sequence[Run], others: Sequence[Run]) -> list[float]:
    """Return how long ours took for each second of the other's in the same turn."""
    return [mine.wall / other.wall for mine, other in zip(ours, others, strict=True)]
