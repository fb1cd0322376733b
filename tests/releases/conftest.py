"""Tests that are asked of a part of the releases only.

They keep the parameters of all others, so that each release is still read once for all tests.
"""

from __future__ import annotations

import pytest

LAST = (
    *("v2.22.2", "v2.23.3", "v2.24.3", "v2.25.1", "v2.26.1", "v2.27.1"),
    *("v2.28.1", "v2.29.1", "v2.30.0", "v2.31.0", "master"),
)
"""The last release of each line, without the ones before the approver."""

FEW = ("v2.22.2", "v2.24.3", "v2.27.1", "v2.29.1", "v2.31.0", "master")
"""Those of them that differ most."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only_on(revisions): of all revisions, only these are asked")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the revisions that a test is not asked of."""
    left = [item for item in items if not _is_wanted(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if _is_wanted(item)]


def _is_wanted(item: pytest.Item) -> bool:
    """Where no repository is named, the revision has no name either, and the test is skipped."""
    mark = item.get_closest_marker("only_on")
    revision = getattr(getattr(item, "callspec", None), "params", {}).get("revision")
    return mark is None or revision in (*mark.args[0], "no-release")
