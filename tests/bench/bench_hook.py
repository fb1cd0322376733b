"""What the pre-commit hooks cost, as ratios: for a commit that concerns them, and for another.

Run `python tests/bench/bench_hook.py [TURNS]`; with KUBESPRAY_URL set the tree is a real release,
else the sample. All commands are run in turn, TURNS times (9 if not said), after one run that is
not counted; a ratio is taken within each turn, because a machine's speed drifts.

An unaffected commit is compared with starting Python and importing click, which is the least that
the program can cost (aim: at most 3), an affected one with `check` of the same tree.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.timing import Command, in_turns, ratios, spread
from oracles.checkout import export

from generator.tree.sample import sample_files

REVISION = "v2.24.0"
TOP = Path(__file__).resolve().parents[2]
TOUCHED = "ansible.cfg"


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    url = os.environ.get("KUBESPRAY_URL", "")
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        unaffected = repository(url, here / "unaffected", "README.md")
        affected = repository(url, here / "affected", TOUCHED)
        table = in_turns(commands(unaffected, affected), turns)
    print(f"{turns} turns, {REVISION if url else 'the sample'}; median (least to most)")
    base, check = table["python, import click"], table["check"]
    for name, runs in table.items():
        print(
            f"{name:24} wall s {spread([run.wall for run in runs], 3)}  "
            f"cpu s {spread([run.cpu for run in runs], 3)}  "
            f"MiB {max(run.memory for run in runs):5.0f}  "
            f"/click {spread(ratios(runs, base))}  /check {spread(ratios(runs, check))}"
        )


def commands(unaffected: Path, affected: Path) -> dict[str, Command]:
    """Return what is measured; a check that finds errors has done its work."""
    variables = {"PYTHONPATH": str(TOP)}
    program = (sys.executable, "-m", "generator")
    found = frozenset({0, 1})
    return {
        "python, import click": Command((sys.executable, "-c", "import click"), unaffected),
        "hook check, unaffected": Command((*program, "hook", "check"), unaffected, variables),
        "hook fix, unaffected": Command((*program, "hook", "fix"), unaffected, variables),
        "git diff --cached": Command(("git", "diff", "--cached", "--name-only"), unaffected),
        "hook check, affected": Command((*program, "hook", "check"), affected, variables, found),
        "check": Command((*program, "check"), affected, variables, found),
    }


def repository(url: str, top: Path, touched: str) -> Path:
    """Return a repository with the tree and one file that is staged."""
    if url:
        export(url, REVISION, top)
    else:
        for path, data in sample_files().items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data)
    git(top, "init", "--quiet", "--template=")
    git(top, "add", "--all", "--force")
    git(top, "commit", "--quiet", "--message=Tree")
    with (top / touched).open("a") as file:
        file.write("\n# touched\n")
    git(top, "add", touched)
    return top


def git(where: Path, *arguments: str) -> None:
    """Run git, which must work, without the user's settings."""
    names = {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}
    variables = dict.fromkeys(names, "test@example.org") | {"GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=where, env=os.environ | variables, check=True)


if __name__ == "__main__":
    main()
