"""Where the program's own data lives: `templates/` and `patches/`.

Both stand at the top level of a checkout, and inside the package in an installed wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def resource_dir(name: Literal["templates", "patches"]) -> Path:
    """Return the directory of the program's own templates or semantic patches."""
    package = Path(__file__).resolve().parent
    for place in (package / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"the installation is incomplete: no {name}/ in or beside {package}")
