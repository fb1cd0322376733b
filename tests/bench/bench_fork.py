"""How long `fork status` takes over all releases, as ratios to what one would do instead.

Run `python tests/bench/bench_fork.py [TURNS]` with KUBESPRAY_URL set (5 turns if not said). The
repositories are bare clones of the tests' mirror that borrow its objects: in one the branches are
missing, in the other one all are there. All processes are cold, and all commands are run in turn;
a ratio is taken within each turn, because a machine's speed drifts. Nothing is asserted.

What one more release costs is the difference between all of them and the first few, for each one
more. Behind it, for comparison: how many releases upstream's own commit fits as a text.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.timing import Command

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

UPSTREAM = "71a323039fe1fe3e97a08aff5333ce2d4d73419d"
CHECKED = "v2.24.0"
FEW = 3
LAST_WITHOUT = (2, 27)
"""The last minor release whose order is wrong."""

WORKTREES = r"""
set -e
for release in $RELEASES; do
  git worktree add --quiet --detach "$PLACE/tree" "$release"
  git worktree remove --force "$PLACE/tree"
done
"""


def main() -> None:
    from bench.timing import in_turns, ratios, spread
    from oracles.checkout import mirror

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("turns", nargs="?", type=int, default=5)
    turns = parser.parse_args().turns
    url = os.environ.get("KUBESPRAY_URL") or "https://github.com/kubernetes-sigs/kubespray"
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        variables = settings(here)
        missing, synced = (clone(mirror(url), here / name) for name in ("missing", "synced"))
        releases = releases_of(missing)
        subprocess.run(
            [sys.executable, "-m", "generator", "fork", "sync", str(synced)],
            cwd=here, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        table = in_turns(commands(missing, synced, releases, here, variables), turns)
        print(f"{len(releases)} releases, {turns} turns; median (least to most)")
        status = table["status, branches missing"]
        for name, rows in table.items():
            print(
                f"  {name:31} wall s {spread([row.wall for row in rows])}  "
                f"cpu s {spread([row.cpu for row in rows])}  "
                f"MiB {max(row.memory for row in rows):5.0f}  "
                f"status/this {spread(ratios(status, rows), 3)}"
            )
        for kind in ("missing", "synced"):
            pairs = zip(
                table[f"status, branches {kind}"], table[f"the same of {FEW}, {kind}"], strict=True
            )
            more = [(all_of.wall - few.wall) / (len(releases) - FEW) for all_of, few in pairs]
            of_check = [
                one / row.wall for one, row in zip(more, table["check of one"], strict=True)
            ]
            print(f"  one more release, {kind}: s {spread(more, 3)}  checks {spread(of_check, 3)}")
        print_baseline(missing, releases, here)


def settings(home: Path) -> dict[str, str]:
    """Return the variables of a machine without settings, and with a name."""
    return {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.org",
        "GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.org",
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }  # fmt: skip


def clone(origin: Path, target: Path) -> Path:
    """Return a bare clone that borrows the origin's objects."""
    words = ["git", "clone", "--quiet", "--shared", "--bare", str(origin), str(target)]
    subprocess.run(words, check=True)
    return target


def releases_of(repository: Path) -> list[str]:
    """Return the releases that `fork` looks at unasked, the oldest first."""
    listed = git(repository, "tag", "--list", "--sort=version:refname", "v*").split()
    return [name for name in listed if numbers(name) >= (2, 22)]


def numbers(name: str) -> tuple[int, ...]:
    """Return the major and minor number of a release, nothing for what is none."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+", name)
    return (int(found[1]), int(found[2])) if found else ()


def commands(
    missing: Path, synced: Path, releases: Sequence[str], here: Path, variables: Mapping[str, str]
) -> dict[str, Command]:
    """Return all that is measured."""
    from bench.timing import Command

    done = frozenset({0, 1})
    program = [sys.executable, "-m", "generator"]
    few = [f"--releases={name}" for name in releases[:FEW]]

    def status(repository: Path, *more: str) -> Command:
        return Command([*program, "fork", "status", str(repository), *more], here, variables, done)

    check = [*program, "check", str(missing), "--rev", CHECKED]
    places = {**variables, "RELEASES": " ".join(releases), "PLACE": str(here)}
    return {
        "status, branches missing": status(missing),
        "status, branches synced": status(synced),
        f"the same of {FEW}, missing": status(missing, *few),
        f"the same of {FEW}, synced": status(synced, *few),
        "check of one": Command(check, here, variables, done),
        "a worktree for each": Command(["sh", "-c", WORKTREES], missing, places),
    }


def print_baseline(repository: Path, releases: Iterable[str], here: Path) -> None:
    """Print how many releases with the wrong order upstream's commit fits, as git applies it.

    Three ways need the blobs that the commit was made on, which the repository has.
    """
    wrong = [name for name in releases if numbers(name) <= LAST_WITHOUT]
    try:
        patch = git(repository, "diff", "--full-index", "--binary", f"{UPSTREAM}^", UPSTREAM)
    except subprocess.CalledProcessError:
        print("  the repository does not have upstream's commit")
        return
    for words in (["apply"], ["apply", "--3way"]):
        fitting = [name for name in wrong if applies(repository, name, patch, words, here)]
        print(f"  git {' '.join(words)} of {UPSTREAM[:9]}: {len(fitting)} of {len(wrong)} releases")


def applies(repository: Path, release: str, patch: str, words: Sequence[str], here: Path) -> bool:
    """Tell whether git applies a patch to a release, in an index of its own."""
    index = {"GIT_INDEX_FILE": str(here / "index")}
    git(repository, "read-tree", release, variables=index)
    done = subprocess.run(
        ["git", *words, "--cached"], cwd=repository, env={**os.environ, **index},
        input=patch.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode == 0


def git(repository: Path, *words: str, variables: Mapping[str, str] | None = None) -> str:
    """Run git, which must work, and return what it prints."""
    return subprocess.run(
        ["git", *words], cwd=repository, env={**os.environ, **(variables or {})},
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip


if __name__ == "__main__":
    main()
