"""ansible-lint, asked about the files that a patch adds to a role."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import ansible

REQUIREMENT = f"ansible-lint\n{ansible.NEWEST}"
"""Without the collections that come with Ansible it would want to fetch some."""

_SECONDS = 300


def linter() -> Path | None:
    """The directory of ansible-lint, installed at most once into the cache; None without it."""
    return ansible.ansible_for(REQUIREMENT)


def why_not() -> str:
    """Why ``linter`` gives None, as one line for pytest.skip; empty where it doesn't."""
    return ansible.why_not(REQUIREMENT)


def complaints(bin_dir: Path, top: Path, path: str) -> list[str]:
    """What the profile `production` says of the files below a path, one line each."""
    scratch = top / ".scratch"
    scratch.mkdir(exist_ok=True)
    done = subprocess.run(
        [bin_dir / "ansible-lint", "--offline", "--nocolor", "--profile", "production", "--strict",
         "--format", "pep8", "-q", path],
        cwd=top, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL,
        env={
            "ANSIBLE_HOME": str(scratch),
            "HOME": str(scratch),
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join((str(bin_dir), os.environ.get("PATH", os.defpath))),
            "XDG_CACHE_HOME": str(scratch),
        },
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith(f"{path}/")]
    if bool(found) != bool(done.returncode):
        raise AssertionError(
            f"ansible-lint ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return found
