"""Overlays on real releases: laid and taken off on each, and taken from one to the next."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Result, listing, run
from oracles import checkout

from generator.emit.mail import mails
from generator.overlay.manifest import read_manifest

from . import META, Release

pytestmark = pytest.mark.releases

ORDER, TOLERATIONS = "approver-after-ccm", "approver-tolerations"
CLUSTER = "playbooks/cluster.yml"


@pytest.fixture(autouse=True)
def _sealed(sealed_git: dict[str, str]) -> None:
    """The program runs within this process."""


def do(*arguments: str | Path) -> Result:
    return run("overlay", *arguments)


def ok(*arguments: str | Path) -> bytes:
    result = do(*arguments)
    assert result.code == 0, result.err
    return result.out


def state(*arguments: str | Path) -> str:
    result = do("verify", *arguments, "--format", "json")
    report: dict[str, Any] = json.loads(result.out)
    assert result.code == (0 if report["state"] in ("clean", "applied") else 1), report
    return str(report["state"])


def git(directory: Path, *arguments: str, environment: Mapping[str, str], data: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=dict(environment), input=data, capture_output=True
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.decode().strip()


def exported(url: str, revision: str, top: Path) -> Path:
    top.mkdir()
    return checkout.export(url, revision, top)


def test_there_and_back(release: Release, url: str, tmp_path: Path) -> None:
    """create, verify, apply, verify, revert: on the files of a release as they are unpacked."""
    top, out = exported(url, release.name, tmp_path / "tree"), tmp_path / "overlay"
    before = listing(top)
    ok("create", top, out)
    if not release.has_approver:
        assert not out.exists()
        return
    manifest = read_manifest(out / "overlay.yml")
    assert manifest.base.tree == git(
        release.mirror, "rev-parse", f"{release.name}^{{tree}}", environment=os.environ
    )
    needed = [one.id for one in manifest.patches if one.needed]
    assert needed == [ORDER] * release.order_is_wrong + [TOLERATIONS]
    assert [file.path for file in manifest.files] == [c.path for c in release.series.files]
    assert state(out, top) == "clean"
    # The revision itself stands to the overlay as its files do.
    assert state(out, release.mirror, "--rev", release.name) == "clean"
    ok("apply", out, top)
    assert state(out, top) == "applied"
    for change in release.series.files:
        assert (top / change.path).read_bytes() == change.after
    ok("revert", out, top)
    assert state(out, top) == "clean"
    assert listing(top) == before


@pytest.mark.only_on(("v2.22.2", "v2.27.1", "v2.31.0"))
def test_as_git_am(release: Release, git_environment: dict[str, str], tmp_path: Path) -> None:
    """The series as mails and as an overlay give one tree."""
    top, out = tmp_path / "clone", tmp_path / "overlay"
    options = ("clone", "--quiet", "--shared", "--no-checkout", str(release.mirror), str(top))
    git(tmp_path, *options, environment=git_environment)
    git(top, "checkout", "--quiet", "--detach", release.name, environment=git_environment)
    ok("create", top, out)
    ok("apply", out, top)
    git(top, "add", "--all", environment=git_environment)
    laid = git(top, "write-tree", environment=git_environment)
    git(top, "reset", "--quiet", "--hard", environment=git_environment)
    data = b"\n".join(mails(release.series))
    git(top, "am", "--quiet", "--keep-cr", environment=git_environment, data=data)
    assert git(top, "rev-parse", "HEAD^{tree}", environment=git_environment) == laid
    assert state(out, top) == "applied"


def refreshed(out: Path, mirror: Path, revision: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(
        ok("refresh", out, mirror, "--rev", revision, "--format", "json")
    )
    return report


def became(report: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["state"] for one in report["patches"]}


def test_from_release_to_release(mirror: Path, tmp_path: Path) -> None:
    """v2.24.0, v2.27.1, v2.28.0, where upstream has the order, and back to the same bytes."""
    out = tmp_path / "overlay"
    ok("create", "--rev", "v2.24.0", mirror, out)
    first = listing(out)
    assert state(out, mirror, "--rev", "v2.27.1") == "stale"

    to_27 = refreshed(out, mirror, "v2.27.1")
    assert became(to_27) == {ORDER: "still needed", TOLERATIONS: "still needed"}
    assert to_27["base"]["from"]["name"] == "v2.24.0" and to_27["base"]["to"]["name"] == "v2.27.1"
    assert to_27["files"]["changed"] == [CLUSTER, META]
    second = listing(out)

    to_28 = refreshed(out, mirror, "v2.28.0")
    assert became(to_28) == {ORDER: "unnecessary now", TOLERATIONS: "still needed"}
    reasons = {one["id"]: one["reasons"] for one in to_28["patches"]}
    assert "upstream has it since v2.28.0" in reasons[ORDER]
    assert (to_28["files"]["dropped"], to_28["empty"]) == ([CLUSTER], False)
    assert state(out, mirror, "--rev", "v2.28.0") == "clean"
    assert not refreshed(out, mirror, "v2.28.0")["replaced"]

    to_27 = refreshed(out, mirror, "v2.27.1")
    assert became(to_27) == {ORDER: "needed again", TOLERATIONS: "still needed"}
    assert to_27["files"]["added"] == [CLUSTER]
    assert listing(out) == second
    refreshed(out, mirror, "v2.24.0")
    assert listing(out) == first


def test_the_next_release_below_it(url: str, mirror: Path, tmp_path: Path) -> None:
    """An update of the submodule is noticed, and refused until the overlay is refreshed."""
    out = tmp_path / "overlay"
    ok("create", "--rev", "v2.26.0", mirror, out)
    top = exported(url, "v2.27.1", tmp_path / "tree")
    before = listing(top)
    assert state(out, top) == "stale"
    refused = do("apply", out, top)
    assert (refused.code, listing(top)) == (3, before) and META in refused.err
    ok("refresh", out, top)
    ok("apply", out, top)
    assert state(out, top) == "applied"


def test_three_way_to_the_next_release(url: str, mirror: Path, tmp_path: Path) -> None:
    """What git merges from v2.24.0's overlay into v2.24.3 is what is planned for v2.24.3."""
    out, fresh = tmp_path / "overlay", tmp_path / "fresh"
    ok("create", "--rev", "v2.24.0", mirror, out)
    top = exported(url, "v2.24.3", tmp_path / "tree")
    before = listing(top)
    ok("create", top, fresh)
    merged = do("apply", out, top, "--3way")
    assert merged.code == 0, merged.err
    assert state(fresh, top) == "applied"
    assert listing(top) != before
