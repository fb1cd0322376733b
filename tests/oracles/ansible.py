"""Ansible itself as an oracle: what it lists for a playbook, what it makes of an expression.

The program models how Ansible orders tasks and merges values. These functions ask the Ansible
that a Kubespray release pins, so that the tests compare the model with the real thing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cache_dir, locked

ASKED = (
    *("v2.22.2", "v2.23.3", "v2.24.0", "v2.24.3", "v2.25.1", "v2.26.1"),
    *("v2.27.1", "v2.28.1", "v2.29.1", "v2.30.0", "v2.31.0", "master"),
)
"""The releases about which the tests ask Ansible: with every Ansible that a release pins.

The oldest, which are the slowest to install, come first.
"""

NEWEST = "ansible>=12"
"""Newer than any release's: from ansible-core 2.19 on, templates are worked out in another way."""

_PIN = re.compile(r"^(ansible(?:-core|-base)?)\s*((?:[=<>!~]=|[<>]).*)$")
_PLAY = re.compile(r"  play #(?P<number>\d+) \((?P<hosts>.*?)\): (?P<name>.*)", re.DOTALL)
_ROLE = re.compile(r"(?P<role>\S+) : (?P<name>.*)", re.DOTALL)
_TAGGED = re.compile(r"(?P<text>.*)\tTAGS: \[(?P<tags>[^\t]*)\]", re.DOTALL)
_TASK_INDENT = " " * 6

_INSTALL_SECONDS = 1200
_RUN_SECONDS = 300

# Kubespray's groups, so that the patterns of its plays name something.
_INVENTORY = """\
node1 ansible_connection=local

[kube_control_plane]
node1

[etcd]
node1

[kube_node]
node1

[calico_rr]

[bastion]

[k8s_cluster:children]
kube_control_plane
kube_node
calico_rr
"""


@dataclass(frozen=True)
class ListedTask:
    """A task as ``--list-tasks`` shows it.

    Ansible prints a task without a name as its bare module name, without the role it is in:
    such tasks have ``role`` None too.
    """

    role: str | None
    name: str
    tags: frozenset[str]


@dataclass(frozen=True)
class ListedPlay:
    """A play as ``--list-tasks`` shows it; a task's tags include those of its play."""

    number: int
    hosts: str
    name: str
    tags: frozenset[str]
    tasks: tuple[ListedTask, ...]


@dataclass(frozen=True)
class Refused:
    """What takes the place of a value where Ansible could not work it out."""

    message: str


@dataclass(frozen=True)
class _Installation:
    bin_dir: Path | None
    reason: str


def pinned(requirements: str) -> str:
    """The lines of a release's requirements file that say which Ansible it wants.

    In v2.22 requirements.txt is a symbolic link: git shows its target's name as its text. Read
    the file that it names (requirements-2.12.txt), or read through the link in a work tree.
    """
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    found = [match.group(1) + match.group(2) for line in lines if (match := _PIN.match(line))]
    if not found:
        raise LookupError(f"no Ansible in these requirements: {requirements.strip()[:80]!r}")
    return "\n".join(found)


def ansible_for(requirement: str) -> Path | None:
    """The directory of the commands of the Ansible that ``requirement`` (from pinned) names.

    Installed at most once into the cache. None where it does not install, or does not run on
    this Python; ``why_not`` says why.
    """
    return _installation(requirement).bin_dir


def why_not(requirement: str) -> str:
    """Why ``ansible_for`` gives None, as one line for pytest.skip; empty where it doesn't."""
    return _installation(requirement).reason


def install_all(requirements: Iterable[str]) -> None:
    """``ansible_for`` many requirements, the first ones first, two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(ansible_for, dict.fromkeys(requirements)))


def list_tasks(bin_dir: Path, tree: Path, playbook: str, *arguments: str) -> list[ListedPlay]:
    """What ``ansible-playbook --list-tasks`` says about a playbook of a Kubespray tree.

    ``arguments`` go to ansible-playbook as they are, for instance ``--tags`` and its value.
    Ansible never lists what dynamic includes would bring in.
    """
    with tempfile.TemporaryDirectory(prefix="oracle-ansible-") as scratch:
        inventory = Path(scratch, "inventory")
        inventory.write_text(_INVENTORY, encoding="utf-8")
        configuration = tree.resolve() / "ansible.cfg"
        done = _ansible_playbook(
            bin_dir,
            ["-i", str(inventory), "--list-tasks", *arguments, playbook],
            _sealed(bin_dir, Path(scratch), configuration if configuration.exists() else None),
            tree,
        )
    if done.returncode:
        raise AssertionError(f"Ansible can't list {playbook} of {tree}:\n{_complaint(done)}")
    return parse_listing(done.stdout)


def parse_listing(output: str) -> list[ListedPlay]:
    """The plays of a ``--list-tasks`` output."""
    plays: list[tuple[re.Match[str], frozenset[str], list[ListedTask]]] = []
    for text, tags in _tagged_entries(output):
        if play := _PLAY.fullmatch(text):
            plays.append((play, tags, []))
        elif plays and text.startswith(_TASK_INDENT):
            plays[-1][2].append(_task(text[len(_TASK_INDENT) :], tags))
        else:
            raise AssertionError(f"neither a play nor a task in a listing: {text!r}")
    return [
        ListedPlay(int(play["number"]), play["hosts"], play["name"], tags, tuple(tasks))
        for play, tags, tasks in plays
    ]


def evaluate(bin_dir: Path, expression_value: object, variables: Mapping[str, object]) -> object:
    """What a role gets when ``expression_value`` is given to it as a parameter."""
    return evaluate_many(bin_dir, [(expression_value, variables)])[0]


def evaluate_many(
    bin_dir: Path, cases: Sequence[tuple[object, Mapping[str, object]]]
) -> list[object]:
    """``evaluate`` for many pairs of value and variables, in one run of Ansible."""
    results = attempt_many(bin_dir, cases)
    for (value, _), result in zip(cases, results, strict=True):
        if isinstance(result, Refused):
            raise AssertionError(f"Ansible can't evaluate {value!r}: {result.message}")
    return results


def attempt_many(
    bin_dir: Path, cases: Sequence[tuple[object, Mapping[str, object]]]
) -> list[object]:
    """``evaluate_many``, with a Refused for each value that Ansible can't work out.

    Values and variables may hold what JSON can. They reach Ansible as a role's parameter and as
    variables of the play, so they are templated when they are used, as in Kubespray; names
    that begin with ``oracle_`` are ours.
    """
    if not cases:
        return []
    with tempfile.TemporaryDirectory(prefix="oracle-ansible-") as scratch:
        directory = Path(scratch)
        _write_evaluation(directory, cases)
        environment = _sealed(bin_dir, directory, None)
        environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
        arguments = ["-i", "inventory", "playbook.yml"]
        done = _ansible_playbook(bin_dir, arguments, environment, directory)
    try:
        plays = json.loads(done.stdout)["plays"]
        results = [_result(play["tasks"][0]["hosts"]["localhost"]) for play in plays]
    except (ValueError, LookupError) as error:
        raise AssertionError(f"Ansible evaluated nothing:\n{_complaint(done)}") from error
    if len(results) != len(cases):
        raise AssertionError(f"Ansible stopped half-way:\n{_complaint(done)}")
    return results


def run_role(
    bin_dir: Path, directory: Path, role: str, variables: Mapping[str, object]
) -> list[dict[str, Any]]:
    """What each task of a play on this machine says that runs a role of ``directory``/roles.

    The host is in the group kube_control_plane; the playbook is written beside the roles.
    """
    play = {
        "hosts": "kube_control_plane",
        "gather_facts": False,
        "vars": dict(variables),
        "roles": [{"role": role}],
    }
    (directory / "run.yml").write_text(json.dumps([play]), encoding="utf-8")
    (directory / "inventory").write_text(_INVENTORY, encoding="utf-8")
    environment = _sealed(bin_dir, directory, None)
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
    done = _ansible_playbook(bin_dir, ["-i", "inventory", "run.yml"], environment, directory)
    try:
        plays = json.loads(done.stdout)["plays"]
        return [task["hosts"]["node1"] for play in plays for task in play["tasks"]]
    except (ValueError, LookupError) as error:
        raise AssertionError(f"Ansible ran nothing:\n{_complaint(done)}") from error


def _write_evaluation(
    directory: Path, cases: Sequence[tuple[object, Mapping[str, object]]]
) -> None:
    """A playbook with a play for each case, and the role whose parameter is wanted.

    The value is printed in base 64: Ansible would take printed JSON for data and convert it.
    Everything is written as JSON, which is YAML that no quoting rule can change.
    """
    task = {
        "name": "Show the parameter",
        "ansible.builtin.debug": {"msg": "{{ oracle_value | to_json | b64encode }}"},
        "ignore_errors": True,
    }
    plays = [
        {
            "name": f"Case {number}",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": dict(variables),
            "roles": [{"role": "oracle", "oracle_value": value}],
        }
        for number, (value, variables) in enumerate(cases)
    ]
    tasks = directory / "roles" / "oracle" / "tasks" / "main.yml"
    tasks.parent.mkdir(parents=True)
    tasks.write_text(json.dumps([task]), encoding="utf-8")
    playbook = json.dumps(plays, ensure_ascii=False)
    (directory / "playbook.yml").write_text(playbook, encoding="utf-8")
    (directory / "inventory").write_text("localhost ansible_connection=local\n", encoding="utf-8")


def _result(host: Mapping[str, object]) -> object:
    message = str(host["msg"])
    if host.get("failed"):
        return Refused(message)
    return json.loads(base64.b64decode(message))


def _tagged_entries(output: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The entries of a listing with their tags; a name may go over several lines."""
    pending: list[str] = []
    for line in output.split("\n"):
        if not pending and _is_heading(line):
            continue
        pending.append(line)
        if found := _TAGGED.fullmatch("\n".join(pending)):
            names = (name.strip() for name in found["tags"].split(","))
            yield found["text"], frozenset(filter(None, names))
            pending = []
    if pending:
        raise AssertionError(f"a listing ends without tags: {pending[0]!r}")


def _is_heading(line: str) -> bool:
    return not line.strip() or line.startswith("playbook: ") or line == "    tasks:"


def _task(text: str, tags: frozenset[str]) -> ListedTask:
    """Tell the role from the name: no role's name holds a space, so the first `` : `` counts."""
    if match := _ROLE.fullmatch(text):
        return ListedTask(match["role"], match["name"], tags)
    return ListedTask(None, text, tags)


@functools.cache
def _installation(requirement: str) -> _Installation:
    """Install where the cache lacks it, then prove that it runs on this Python.

    Old releases install on a Python that they can't run on, so only a run tells. Failures are
    kept in this process's memory alone: the next session may have a network.
    """
    directory = cache_dir() / "ansible" / _cache_name(requirement)
    try:
        with locked(directory):
            if not (directory / "complete").exists():
                _install(requirement, directory)
        _prove(directory / "bin")
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        version = ".".join(map(str, sys.version_info[:2]))
        last = str(error).strip().splitlines()[-1]
        return _Installation(None, f"{_short(requirement)} on Python {version}: {last}")
    return _Installation(directory / "bin", "")


def _cache_name(requirement: str) -> str:
    """A virtual environment works with the Python that made it only; so it is in the name."""
    identity = "\n".join((requirement, sys.version, sys.base_prefix))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return f"{_short(requirement)}-{sys.implementation.cache_tag}-{digest}"


def _short(requirement: str) -> str:
    return re.sub(r"[^\w.-]+", "-", requirement.splitlines()[0])


def _install(requirement: str, directory: Path) -> None:
    """Build the environment in place, for it can't be moved; the marker comes last.

    Ansible brings some ten thousand modules for managed hosts, which it never imports here:
    compiling only the rest halves the time.
    """
    shutil.rmtree(directory, ignore_errors=True)
    _run_builder(sys.executable, "-m", "venv", str(directory))
    python = str(directory / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile")
    _run_builder(*pip, "--disable-pip-version-check", *requirement.splitlines())
    for package in (directory / "lib").glob("python*/site-packages/*/"):
        if package.name != "ansible_collections":
            # A syntax that is not this Python's shows when the file is used, not here.
            _run_builder(python, "-m", "compileall", "-q", str(package), required=False)
    (directory / "complete").write_text(requirement, encoding="utf-8")


def _run_builder(*command: str, required: bool = True) -> None:
    """Run a step of the build with the user's settings, for these say how to reach packages."""
    unwanted = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    done = subprocess.run(
        command,
        env={name: value for name, value in os.environ.items() if name not in unwanted},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if required and done.returncode:
        raise AssertionError(done.stderr.strip() or done.stdout.strip() or "no output")


def _prove(bin_dir: Path) -> None:
    """Have it load a playbook, a role and a collection, and evaluate something."""
    if evaluate(bin_dir, "{{ [oracle_given] }}", {"oracle_given": 1}) != [1]:
        raise AssertionError("Ansible runs, but evaluates a list wrongly")


def _ansible_playbook(
    bin_dir: Path, arguments: Sequence[str], environment: Mapping[str, str], directory: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(bin_dir / "ansible-playbook"), *arguments],
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=_RUN_SECONDS,
        check=False,
    )


def _sealed(bin_dir: Path, scratch: Path, configuration: Path | None) -> dict[str, str]:
    """An environment where nothing of the user's counts, and nothing is written but scratch.

    Without PYTHONDONTWRITEBYTECODE Ansible would leave __pycache__ in the tree, beside its
    plugins; without a cache plugin of its own, facts where the tree's configuration says.
    """
    inherited = ("TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in inherited if name in os.environ}
    empty = scratch / "ansible.cfg"
    empty.touch()
    return kept | {
        "ANSIBLE_CACHE_PLUGIN": "memory",
        "ANSIBLE_COLLECTIONS_PATH": str(scratch / "collections"),
        "ANSIBLE_CONFIG": str(configuration or empty),
        "ANSIBLE_HOME": str(scratch / "ansible-home"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_LOCAL_TEMP": str(scratch / "ansible-tmp"),
        "ANSIBLE_NOCOLOR": "true",
        "HOME": str(scratch),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join((str(bin_dir), os.environ.get("PATH", os.defpath))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": str(bin_dir.parent),
    }


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}, no output"
