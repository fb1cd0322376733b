"""What the tests of the program have in common: a sealed machine, sample trees, ways to run it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import generator
from generator.cli import main
from generator.tree.sample import sample_files

CLUSTER = "playbooks/cluster.yml"
META = "roles/kubernetes-apps/kubelet-csr-approver/meta/main.yml"
CHANGED = [CLUSTER, META]
"""What the default series changes in the sample, in the order of its patches."""

TITLES = [
    "Run kubelet-csr-approver after the cloud controller manager",
    "Let kubelet-csr-approver run on nodes that are not initialized yet",
]

GITCONFIG = """\
[user]
    name = Jane Tester
    email = jane@example.org
[init]
    defaultBranch = main
[protocol "file"]
    allow = always
[gc]
    auto = 0
"""

DATE = "2026-01-02T03:04:05+0000"


_FOREIGN = ("GIT_", "XDG_", "KUBESPRAY_", "LC_")
"""How variables begin that a test must not get from outside."""

_KEPT = (
    "README.md", "ansible.cfg", "cluster.yml", "playbooks/cluster.yml",
    "playbooks/ansible_version.yml", "playbooks/boilerplate.yml", "playbooks/facts.yml",
    "playbooks/install_etcd.yml", "roles/helm-apps/", "roles/kubespray-defaults/",
    "roles/network_plugin/meta/", "roles/kubernetes-apps/ansible/",
    "roles/kubernetes-apps/external_cloud_controller/meta/",
    "roles/kubernetes-apps/external_cloud_controller/vsphere/", "roles/kubernetes-apps/helm/",
    "roles/kubernetes-apps/kubelet-csr-approver/", "roles/kubernetes-apps/meta/",
    "roles/kubernetes-apps/network_plugin/calico/", "roles/kubernetes-apps/network_plugin/meta/",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """How a run of the program ended."""

    code: int
    out: bytes
    err: str


@pytest.fixture(autouse=True)
def _sealed_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give each test a HOME, a git configuration, a cache and dates of its own."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    for name, value in sealed(tmp_path_factory.mktemp("home")).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """Return what tests work on: those files of the sample that matter for the default series.

    The whole sample has four times as many, and all its playbooks are held against the patch.
    """
    kept = {path: data for path, data in sample_files().items() if path.startswith(_KEPT)}
    assert CLUSTER in kept and META in kept and len(kept) < 40
    return kept


@pytest.fixture(scope="session")
def _origin(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Path:
    """Return a repository that is copied for each test."""
    top = tmp_path_factory.mktemp("origin") / "repo"
    write_tree(top, files)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    seal = sealed(tmp_path_factory.mktemp("home"))
    for words in (
        "init --quiet --template=", "add --all", "commit --quiet --message=Sample", "tag v1",
    ):  # fmt: skip
        subprocess.run(["git", *words.split()], cwd=top, env=outside | seal, check=True)
    return top


@pytest.fixture
def plain(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Return a plain directory that holds the tree."""
    write_tree(tmp_path / "plain", files)
    return tmp_path / "plain"


@pytest.fixture
def repo(_origin: Path, tmp_path: Path) -> Path:
    """Return a repository whose only commit is the tree, tagged v1."""
    top = shutil.copytree(_origin, tmp_path / "repo")
    # The index holds the times of the files that were copied.
    git(top, "update-index", "-q", "--refresh")
    return top


def sealed(home: Path) -> dict[str, str]:
    """Return the variables that give a test's processes a machine of their own."""
    (home / "gitconfig").write_text(GITCONFIG)
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "80",
    }


def write_tree(top: Path, files: dict[str, bytes]) -> None:
    """Write files below a directory."""
    for path, data in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)


def git(where: Path, *arguments: str, data: bytes | None = None) -> str:
    """Run git, which must work, and return what it prints without spaces around."""
    done = subprocess.run(
        ["git", *arguments], cwd=where, input=data, capture_output=True, timeout=60
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout.decode().strip()


def commit_all(
    where: Path, message: str = "Add the sample", init: bool = False, options: tuple[str, ...] = ()
) -> str:
    """Commit everything below a directory; return the commit."""
    if init:
        git(where, "init", "--quiet", *options)
    git(where, "add", "--all", "--force")
    git(where, "commit", "--quiet", "--message", message)
    return git(where, "rev-parse", "HEAD")


def run(*arguments: str | Path, cwd: Path | None = None) -> Result:
    """Run the program within this process, as its command line does."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before, there = sys.argv, Path.cwd()
    sys.argv = ["kubespray-patchgen", *map(str, arguments)]
    try:
        os.chdir(cwd or there)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
        os.chdir(there)
    assert isinstance(code, int)
    return Result(code, _bytes(out), _bytes(err).decode())


def patch(*arguments: str | Path, cwd: Path | None = None) -> bytes:
    """Run `patch`, which must work, and return what it prints."""
    result = run("patch", *arguments, cwd=cwd)
    assert result.code == 0, result.err
    return result.out


def command(*arguments: str | Path) -> list[str]:
    """Return the words that start the program in a process of its own."""
    return [sys.executable, "-m", "generator", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of such a process, wherever it is started."""
    home = Path(generator.__file__).resolve().parents[1]
    return {**os.environ, "PYTHONPATH": str(home), **more}


def start(
    *arguments: str | Path, cwd: Path | None = None, timeout: int = 60, **more: str
) -> Result:
    """Run the program in a process of its own; `more` are variables of the environment."""
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment(**more), capture_output=True, timeout=timeout
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def listing(top: Path) -> dict[str, tuple[int, str]]:
    """Return all that lies below a directory: path to mode and hash (or target of a link)."""
    found: dict[str, tuple[int, str]] = {}
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        mode = path.lstat().st_mode
        if path.is_symlink():
            found[name] = (mode, str(path.readlink()))
        elif path.is_file():
            found[name] = (mode, hashlib.sha256(path.read_bytes()).hexdigest())
        else:
            found[name] = (mode, "")
    return found


def tree_id(where: Path, revision: str = "HEAD") -> str:
    """Return the id of a revision's tree."""
    return git(where, "rev-parse", f"{revision}^{{tree}}")


def am(where: Path, mails: bytes, *options: str) -> str:
    """Apply mails to a work tree by git am; return the id of the tree that results."""
    git(where, "am", "--quiet", *options, data=mails)
    return tree_id(where)


def clone(origin: Path | str, target: Path, *options: str) -> Path:
    """Clone a repository."""
    git(target.parent, "clone", "--quiet", *options, str(origin), str(target))
    return target


def patched(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the sample's two files as the default series leaves them, worked out by hand."""
    use = b"    - { role: kubernetes-apps/kubelet-csr-approver, tags: kubelet-csr-approver }\n"
    last = b"    - { role: kubernetes-apps, tags: apps }\n"
    cluster, meta = files[CLUSTER], files[META]
    assert cluster.count(use) == 1 and cluster.count(last) == 1
    values = b'        values: "{{ kubelet_csr_approver_values }}"\n'
    assert meta.count(values) == 1
    merged = b"""\
        values: >-
          {{ kubelet_csr_approver_values | default({}, true) | combine({'tolerations': [
            {'key': 'node-role.kubernetes.io/master', 'operator': 'Equal', 'effect': 'NoSchedule'},
            {'key': 'node-role.kubernetes.io/control-plane', 'operator': 'Equal',\
 'effect': 'NoSchedule'},
            {'key': 'node.cloudprovider.kubernetes.io/uninitialized', 'operator': 'Exists',\
 'effect': 'NoSchedule'},
          ] | union(kubelet_csr_approver_values.tolerations | default([], true))}) }}
"""
    return {
        CLUSTER: cluster.replace(use, b"").replace(last, last + use),
        META: meta.replace(values, merged),
    }


def _bytes(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()
