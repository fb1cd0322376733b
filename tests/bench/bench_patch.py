"""How long `patch --rev v2.24.0` takes, as ratios to what one would do instead.

Run `python tests/bench/bench_patch.py [RUNS]` with KUBESPRAY_URL set. All commands are run in
turn, RUNS times (7 if not said), after one run that is not counted; a ratio is taken within
each turn, because a machine's speed drifts. Printed are medians, with minimum and maximum.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles.ansible import ansible_for, pinned
from oracles.checkout import export, mirror

REVISION = "v2.24.0"
URL = "https://github.com/kubernetes-sigs/kubespray"

IMPORTS = "import click, git, ruamel.yaml, jinja2"
BY_HAND = r"""
set -e
git -C "$1" worktree add --quiet --detach "$2/tree" "$3"
sed -i -e '/role: kubernetes-apps\/kubelet-csr-approver/{h;d}' -e '/role: kubernetes-apps,/G' \
  "$2/tree/playbooks/cluster.yml"
git -C "$2/tree" diff
git -C "$1" worktree remove --force "$2/tree"
"""


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds by the clock and of processor time, peak memory in MiB."""

    wall: float
    cpu: float
    memory: float


def measure(command: list[str], cwd: Path) -> Run:
    """Run a command to its end; raises where it fails."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(cwd / ".ansible")}
    # An installed program has its bytecode; so has ours from the second run on.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command[:3])} failed")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    url = os.environ.get("KUBESPRAY_URL") or URL
    repository = mirror(url)
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        tree = export(url, REVISION, here / "exported")
        commands = {
            "patch --rev": [
                sys.executable, "-m", "generator", "patch", str(repository), "--rev", REVISION
            ],
            "(a) worktree, edit, diff": [
                "sh", "-c", BY_HAND, "sh", str(repository), str(here), REVISION
            ],
            "(c) imports alone": [sys.executable, "-c", IMPORTS],
        }  # fmt: skip
        ansible = ansible_for(pinned((tree / "requirements.txt").read_text()))
        if ansible is not None:
            listing = [str(ansible / "ansible-playbook"), "--list-tasks", "cluster.yml"]
            commands["(b) ansible --list-tasks"] = [*listing, "-i", "localhost,"]
        table: dict[str, list[Run]] = {name: [] for name in commands}
        for turn in range(runs + 1):
            for name, command in commands.items():
                run = measure(command, tree)
                if turn:
                    table[name].append(run)
    ours = table["patch --rev"]
    print(f"{runs} turns, {REVISION}; median (least to most)")
    for name, rows in table.items():
        ratios = [mine.wall / other.wall for mine, other in zip(ours, rows, strict=True)]
        print(
            f"{name:26} wall s {spread([row.wall for row in rows])}  "
            f"cpu s {spread([row.cpu for row in rows])}  "
            f"MiB {max(row.memory for row in rows):5.0f}  patch/this {spread(ratios)}"
        )


if __name__ == "__main__":
    main()
