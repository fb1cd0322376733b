"""Fixtures and the command-line behaviour that all tests share.

Tests on real releases carry the marker `releases` and run where KUBESPRAY_URL names a
repository. Those that take the argument `revision` run once for each release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from oracles import CACHE_VARIABLE, ansible, cache_dir, checkout
from oracles.checkout import URL

if TYPE_CHECKING:
    from releases import Release

# In CI the same examples are drawn every time; elsewhere each run looks at others.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

HOW = (
    "set KUBESPRAY_URL=https://github.com/kubernetes-sigs/kubespray "
    "to run the tests on real releases"
)

# The releases before the first one with the approver, and the first one whose patches count.
WITHOUT_APPROVER = ("v2.20.0", "v2.21.0")
FIRST = (2, 22)

_TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_BRANCH = re.compile(r"release-(\d+)\.(\d+)")
# Names of what tests record for the summary; a test that takes `revision` records it unasked.
_COVERED = "kubespray revision"
_COMPARED = "order compared with ansible"
_OUTCOMES = (("passed",), ("failed", "error"))


def revisions(names: list[str]) -> list[str]:
    """Those of a repository's tags and branches that the tests cover, the oldest first.

    Every release from v2.22.0 on is taken, also one that came after these tests.
    """
    tags = [match for match in map(_TAG.fullmatch, names) if match]
    branches = [match for match in map(_BRANCH.fullmatch, names) if match]
    return [
        *(name for name in WITHOUT_APPROVER if name in names),
        *(match[0] for match in sorted(tags, key=_numbers) if _numbers(match)[:2] >= FIRST),
        *(match[0] for match in sorted(branches, key=_numbers) if _numbers(match) >= FIRST),
        *(name for name in ("master",) if name in names),
    ]


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, match.groups()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "revision" not in metafunc.fixturenames or _is_parametrized(metafunc.definition):
        return
    found = revisions(checkout.names(URL)) if URL else ["no-release"]
    metafunc.parametrize("revision", found, scope="session")


def _is_parametrized(definition: pytest.Item) -> bool:
    marks = definition.iter_markers("parametrize")
    return any("revision" in str(mark.args[0]).split(",") for mark in marks)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not any(item.get_closest_marker(name) for name in ("releases", "ansible")):
        return
    if not URL:
        pytest.skip(HOW)
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if "revision" in parameters:
        item.user_properties.append((_COVERED, parameters["revision"]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which real releases were covered; one with a failed test is not."""
    _summarize(terminalreporter, _COVERED, "real releases covered")
    _summarize(terminalreporter, _COMPARED, "releases whose order was compared with Ansible's own")


def _summarize(reporter: pytest.TerminalReporter, key: str, title: str) -> None:
    passed, failed = (_recorded(reporter, *outcomes, key=key) for outcomes in _OUTCOMES)
    if not passed | failed:
        return
    # A commit that a head has left is no name, and its release is counted already.
    covered = [name for name in revisions(sorted(passed | failed)) if name in passed - failed]
    span = f" ({covered[0]} ... {covered[-1]})" if covered else ""
    reporter.write_line(f"{title}: {len(covered)}{span}")
    if failed:
        reporter.write_line(f"{title}, failed: {', '.join(sorted(failed))}")


def _recorded(reporter: pytest.TerminalReporter, *outcomes: str, key: str) -> set[str]:
    return {
        str(value)
        for outcome in outcomes
        for report in reporter.stats.get(outcome, ())
        for name, value in getattr(report, "user_properties", ())
        if name == key
    }


@pytest.fixture(scope="session")
def url() -> str:
    """The repository of the real releases."""
    if not URL:
        pytest.skip(HOW)
    return URL


@pytest.fixture(scope="session")
def mirror(url: str) -> Path:
    """A bare mirror of that repository, kept between sessions; not to be written to."""
    return checkout.mirror(url)


@pytest.fixture(scope="session")
def git_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which git knows neither the user nor the machine.

    Name, mail address and dates are fixed. Nothing reaches a network with it: cloning honours
    the user's settings, which `mirror` uses.
    """
    home = tmp_path_factory.mktemp("home")
    configuration = home / ".gitconfig"
    configuration.write_text(
        "[user]\n\tname = Test\n\temail = test@example.org\n"
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[advice]\n\tdetachedHead = false\n",
        encoding="utf-8",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z",
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        CACHE_VARIABLE: str(cache_dir()),
    }


@pytest.fixture
def sealed_git(
    git_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Put this process, too, into `git_environment`, for tests that run git from inside."""
    for name in set(os.environ) - set(git_environment):
        monkeypatch.delenv(name)
    for name, value in git_environment.items():
        monkeypatch.setenv(name, value)
    yield git_environment


@pytest.fixture(scope="session")
def release(revision: str, mirror: Path) -> Iterator[Release]:
    """The revision as the program reads it; planned once, and closed behind its last test."""
    from releases import Release

    opened = Release(revision, mirror)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ansible_pins(url: str) -> Mapping[str, str]:
    """What each release in ansible.ASKED wants of Ansible; all that can be are installed."""
    pins = {name: _pin(url, name) for name in ansible.ASKED if name in checkout.names(url)}
    ansible.install_all([*pins.values(), ansible.NEWEST])
    return pins


def _pin(url: str, name: str) -> str:
    text = checkout.show(url, name, "requirements.txt").decode()
    # In v2.22 it is a symbolic link.
    linked = re.fullmatch(r"requirements\S*\.txt", text.strip())
    return ansible.pinned(checkout.show(url, name, linked[0]).decode() if linked else text)
