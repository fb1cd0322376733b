"""Ansible as an oracle for inventories: what it lists, and what a plain word of YAML is to it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import ansible

_SECONDS = 120

# What of Kubespray's own configuration bears on inventories.
_CONFIGURATION = """\
[defaults]
force_valid_group_names = ignore
inventory_ignore_extensions = ~, .orig, .bak, .ini, .cfg, .retry, .pyc, .pyo, .creds, .gpg
[inventory]
ignore_patterns = artifacts, credentials
"""

_WORDS = """\
import json, sys, yaml
def read(word):
    try:
        value = yaml.safe_load("- " + word)[0]
    except Exception as error:
        return ["error", str(error)]
    return [type(value).__name__, repr(value)]
json.dump([read(word) for word in json.load(sys.stdin)], sys.stdout)
"""


def listed(bin_dir: Path, directory: Path, source: str) -> dict[str, Any]:
    """What ``ansible-inventory --list`` says about ``source`` in ``directory``."""
    with tempfile.TemporaryDirectory(prefix="oracle-inventory-") as scratch:
        configuration = Path(scratch, "kubespray.cfg")
        configuration.write_text(_CONFIGURATION, encoding="utf-8")
        environment = ansible._sealed(bin_dir, Path(scratch), configuration)
        done = subprocess.run(
            [str(bin_dir / "ansible-inventory"), "-i", source, "--list"],
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode or "Unable to parse" in done.stderr:
        raise AssertionError(f"Ansible can't list {source}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def words(bin_dir: Path, plain: Sequence[str]) -> list[tuple[str, str]]:
    """Type and representation of plain words as the YAML library of this Ansible reads them.

    The type is ``error`` where it refuses a word.
    """
    done = subprocess.run(
        [str(bin_dir / "python"), "-c", _WORDS],
        input=json.dumps(list(plain)),
        capture_output=True,
        encoding="utf-8",
        timeout=_SECONDS,
        check=True,
    )
    return [(kind, shown) for kind, shown in json.loads(done.stdout)]
