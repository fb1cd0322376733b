"""`backport-12141` against upstream's own commit, and on every release."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracles import checkout

from . import APPROVER, CCM, Release, order_of

pytestmark = pytest.mark.releases

ID = "backport-12141"
UPSTREAM = "71a323039fe1fe3e97a08aff5333ce2d4d73419d"
FILES = ("playbooks/cluster.yml", "roles/kubernetes-apps/meta/main.yml")


def test_equals_upstreams_commit(url: str, mirror: Path) -> None:
    """On the commit's parent the result is the commit, byte for byte."""
    try:
        checkout.resolve(url, f"{UPSTREAM}^")
    except LookupError:
        pytest.skip(f"the repository has no commit {UPSTREAM} with its parent")
    release = Release(f"{UPSTREAM}^", mirror)
    try:
        series = release.planned(ID)
        assert {change.path: change.after for change in series.files} == {
            path: checkout.show(url, UPSTREAM, path) for path in FILES
        }
        assert [change.before for change in series.files] == [
            checkout.show(url, f"{UPSTREAM}^", path) for path in FILES
        ]
    finally:
        release.close()


def test_applies_where_the_order_is_wrong(release: Release) -> None:
    series = release.planned(ID)
    if not release.order_is_wrong:
        assert not series.applied and not series.files
        return
    assert [applied.patch.id for applied in series.applied] == [ID]
    assert tuple(change.path for change in series.files) == FILES
    order = order_of(series.after, "cluster")
    (approver,) = order.of_role(APPROVER)
    assert "kubernetes-apps" in approver.roles
    for role in (CCM, "network_plugin", "kubernetes-apps/network_plugin"):
        needed = order.of_role(role)
        assert needed and all(step.number < approver.number for step in needed)
    # Upstream's own form is the same from v2.28.0 on, so a later merge has no conflict here.
    upgrade = order_of(series.after, "upgrade_cluster").of_role(APPROVER)
    before = order_of(release.before, "upgrade_cluster").of_role(APPROVER)
    assert len(upgrade) > len(before)
