"""The hooks as pre-commit itself installs and runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from generator.tree.sample import sample_files

from . import CACHE_VARIABLE, cache_dir, pre_commit
from .checkout import URL, export

CLUSTER = "playbooks/cluster.yml"
META = "roles/kubernetes-apps/kubelet-csr-approver/meta/main.yml"
ORDER, FIX, TOLERATIONS = (
    "kubespray-ccm-order",
    "kubespray-ccm-order-fix",
    "kubespray-ccm-tolerations",
)

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: []\n"
TOLERANT = """\
  tolerations:
    - key: node.cloudprovider.kubernetes.io/uninitialized
      operator: Exists
      effect: NoSchedule
"""

# Hooks of Kubespray's own configuration that a package index has under the same version; entry
# and files are those of the packages' own commands.
_PACKAGES = {
    "pre-commit-hooks": "pre-commit-hooks",
    "yamllint": "yamllint",
}
_ENTRIES = {
    "check-added-large-files": ("check-added-large-files", ["file"]),
    "check-case-conflict": ("check-case-conflict", ["file"]),
    "check-executables-have-shebangs": ("check-executables-have-shebangs", ["text", "executable"]),
    "check-merge-conflict": ("check-merge-conflict", ["text"]),
    "detect-private-key": ("detect-private-key", ["text"]),
    "end-of-file-fixer": ("end-of-file-fixer", ["text"]),
    "trailing-whitespace": ("trailing-whitespace-fixer", ["text"]),
    "yamllint": ("yamllint", ["yaml"]),
}
# Local ones that need nothing but what the machine has, or a package.
_LOCAL = ("jinja-syntax-check", "ci-matrix", "check-galaxy-version")


_OFFLINE = re.compile(r".*(?:No matching distribution|Temporary failure|Connection|unreachable).*")


@dataclass(frozen=True)
class Machine:
    """What pre-commit is run with, and a repository for it."""

    variables: dict[str, str]
    repo: Path

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git, whose hook may run pre-commit; it may fail."""
        return subprocess.run(
            ["git", *arguments], cwd=self.repo, env=self.variables, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=300, check=False,
        )  # fmt: skip

    def done(self, *arguments: str) -> str:
        """Run git, which must work; return what it prints."""
        result = self.git(*arguments)
        assert result.returncode == 0, (arguments, result.stdout)
        return result.stdout.strip()

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return pre_commit.run(self.repo, *arguments, variables=self.variables)

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.repo / path).parent.mkdir(parents=True, exist_ok=True)
            (self.repo / path).write_text(text, encoding="utf-8")

    def configure(self, hooks: str, more: str = "") -> None:
        """Write and commit a configuration with our hooks, and have git run pre-commit."""
        self.write({".pre-commit-config.yaml": f"{configuration(hooks)}{more}"})
        self.done("add", "--all")
        self.done("commit", "--quiet", "--message=Configure")
        result = self.pre_commit("install")
        assert result.returncode == 0, result.stdout


def configuration(hooks: str) -> str:
    """Return a configuration with our hooks; `hooks` are entries as they stand in one."""
    lines = "".join(f"      {line}\n" for line in hooks.splitlines())
    return (
        f"repos:\n  - repo: {pre_commit.checkout()}\n    rev: {pre_commit.revision()}\n"
        f"    hooks:\n{lines}"
    )


def outcomes(printed: str) -> dict[str, str]:
    """Return what pre-commit says of each hook by its name, dots and reasons left out."""
    pattern = r"^(.+?)\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$"
    return {match[1]: match[2] for match in re.finditer(pattern, printed, re.MULTILINE)}


NAMES = {
    ORDER: "Kubespray blocks before the cloud controller manager",
    FIX: "Patch Kubespray for the cloud provider's taint",
    TOLERATIONS: "Manifests that do not tolerate the cloud provider's taint",
}


def outcome(printed: str, hook: str) -> str:
    """Return what pre-commit says of one of our hooks."""
    return outcomes(printed).get(NAMES[hook], f"{hook} was not run:\n{printed}")


@pytest.fixture(scope="module")
def outside() -> dict[str, str]:
    """The variables of the session, which say how pip reaches packages."""
    return dict(os.environ)


@pytest.fixture(scope="module", autouse=True)
def _available(outside: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """pre-commit is there, and has installed what our hooks need, if packages can be had."""
    program = pre_commit.pre_commit()
    if isinstance(program, str):
        pytest.skip(program)
    machine = Machine(pre_commit.environment(outside), tmp_path_factory.mktemp("install"))
    machine.done("init", "--quiet", "--template=")
    machine.write({".pre-commit-config.yaml": configuration(f"- id: {ORDER}")})
    installed(machine, "ours")


def installed(machine: Machine, name: str) -> None:
    """Have pre-commit install all hooks; skip where no package can be had, fail otherwise.

    It does so for a copy of the configuration that stays, because it forgets what belongs to a
    configuration that is gone.
    """
    kept = pre_commit.home().with_name(f"{name}.yaml")
    kept.write_bytes((machine.repo / ".pre-commit-config.yaml").read_bytes())
    result = machine.pre_commit("install-hooks", "--config", str(kept))
    if result.returncode and (gone := _OFFLINE.search(result.stdout)):
        pytest.skip(f"pre-commit cannot install hooks: {gone[0]}")
    assert result.returncode == 0, result.stdout


@pytest.fixture
def machine(outside: dict[str, str], sealed_git: dict[str, str], tmp_path: Path) -> Machine:
    """A repository with the sample tree."""
    variables = pre_commit.environment(outside) | {CACHE_VARIABLE: str(cache_dir())}
    machine = Machine(variables, tmp_path / "repo")
    machine.repo.mkdir()
    for path, data in sample_files().items():
        (machine.repo / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.repo / path).write_bytes(data)
    machine.done("init", "--quiet", "--template=")
    machine.done("add", "--all")
    machine.done("commit", "--quiet", "--message=Sample")
    return machine


def test_try_repo(machine: Machine) -> None:
    """All three at once, as somebody tries them: nothing is configured, nothing is staged."""
    result = machine.pre_commit("try-repo", str(pre_commit.checkout()), "--all-files")
    assert result.returncode == 1
    assert outcome(result.stdout, ORDER) == "Failed"
    assert "[deadlock-order]" in result.stdout and "Checked what is staged" in result.stdout
    assert outcome(result.stdout, FIX) == "Failed"
    assert "- files were modified by this hook" in result.stdout
    assert f"changed {CLUSTER}" in result.stdout and f"changed {META}" in result.stdout
    assert outcome(result.stdout, TOLERATIONS) == "Skipped"
    assert set(machine.done("diff", "--name-only").split()) == {CLUSTER, META}


def test_check_then_fix_then_commit(machine: Machine) -> None:
    machine.configure(f"- id: {FIX}\n- id: {ORDER}")
    machine.write({"ansible.cfg": "[defaults]\n"})
    machine.done("add", "ansible.cfg")
    first = machine.git("commit", "--message=One")
    assert first.returncode == 1
    assert (outcome(first.stdout, FIX), outcome(first.stdout, ORDER)) == ("Failed", "Failed")
    assert "Traceback" not in first.stdout
    machine.done("add", "--update")
    second = machine.git("commit", "--message=One")
    assert second.returncode == 0, second.stdout
    assert (outcome(second.stdout, FIX), outcome(second.stdout, ORDER)) == ("Passed", "Passed")
    everything = machine.pre_commit("run", "--all-files")
    assert everything.returncode == 0, everything.stdout
    assert set(outcomes(everything.stdout).values()) == {"Passed"}


def test_other_commits_are_skipped(machine: Machine) -> None:
    machine.configure(f"- id: {FIX}\n- id: {ORDER}")
    machine.write({"README.md": "more\n", "docs/cluster.md": "text\n"})
    machine.done("add", "--all")
    result = machine.git("commit", "--message=Words")
    assert result.returncode == 0
    assert (outcome(result.stdout, FIX), outcome(result.stdout, ORDER)) == ("Skipped", "Skipped")


def test_everything_while_something_else_is_staged(machine: Machine) -> None:
    machine.configure(f"- id: {ORDER}")
    machine.write({"README.md": "more\n"})
    machine.done("add", "--all")
    result = machine.pre_commit("run", "--all-files")
    assert result.returncode == 1 and outcome(result.stdout, ORDER) == "Failed"
    assert machine.pre_commit("run").returncode == 0


def test_between_two_revisions(machine: Machine) -> None:
    """As a server does it: --from-ref and --to-ref choose the files, the checkout is looked at."""
    machine.configure(f"- id: {ORDER}")
    machine.write({"README.md": "more\n"})
    machine.done("commit", "--quiet", "--all", "--no-verify", "--message=Words")
    between = ("run", "--from-ref", "HEAD~1", "--to-ref", "HEAD")
    assert outcome(machine.pre_commit(*between).stdout, ORDER) == "Skipped"
    machine.write({"ansible.cfg": "[defaults]\n"})
    machine.done("commit", "--quiet", "--all", "--no-verify", "--message=More")
    assert outcome(machine.pre_commit(*between).stdout, ORDER) == "Failed"


def test_what_is_not_staged(machine: Machine) -> None:
    """pre-commit puts it aside; the fix is not mixed with it, and nothing of it is lost."""
    machine.configure(f"- id: {FIX}\n- id: {ORDER}")
    text = (machine.repo / CLUSTER).read_text()
    machine.write({"ansible.cfg": "[defaults]\n"})
    machine.done("add", "ansible.cfg")
    machine.write({CLUSTER: f"{text}# not staged\n"})
    result = machine.git("commit", "--message=One")
    assert result.returncode == 1 and outcome(result.stdout, FIX) == "Failed"
    now = (machine.repo / CLUSTER).read_text()
    assert now.endswith("# not staged\n")
    assert "<<<<<<<" not in now


def test_options_and_a_submodule(machine: Machine, tmp_path: Path) -> None:
    """The usual name wakes the hooks; the path of the submodule is all that pre-commit sees."""
    outer = Machine(machine.variables, tmp_path / "outer")
    outer.repo.mkdir()
    outer.done("init", "--quiet", "--template=")
    outer.done("submodule", "--quiet", "add", str(machine.repo), "vendor/kubespray")
    below = "--tree, vendor/kubespray"
    outer.configure(
        f"- id: {ORDER}\n  args: [{below}]\n"
        f"- id: {ORDER}\n  name: Without a cloud\n  args: [{below}, --set, cloud_provider=]"
    )
    inner = Machine(machine.variables, outer.repo / "vendor/kubespray")
    inner.write({"README.md": "more\n"})
    inner.done("commit", "--quiet", "--all", "--message=Words")
    outer.done("add", "vendor/kubespray")
    result = outer.git("commit", "--message=Submodule")
    assert result.returncode == 1 and outcome(result.stdout, ORDER) == "Failed"
    assert outcomes(result.stdout)["Without a cloud"] == "Passed"
    assert inner.done("rev-parse", "HEAD") in result.stdout


def test_tolerations(machine: Machine) -> None:
    """Only files that the user names are looked at, and their names are handed over."""
    machine.configure(f"- id: {TOLERATIONS}\n  files: ^manifests/")
    machine.write({
        "manifests/bad.yaml": POD, "manifests/good.yaml": POD + TOLERANT, "other/bad.yaml": POD,
        "manifests/notes.txt": "kind: Pod\n",
    })  # fmt: skip
    machine.done("add", "--all")
    result = machine.git("commit", "--message=Pods")
    assert result.returncode == 1 and outcome(result.stdout, TOLERATIONS) == "Failed"
    assert "manifests/bad.yaml" in result.stdout and "other/bad" not in result.stdout
    assert (machine.repo / "manifests/bad.yaml").read_text() == POD
    machine.write({"manifests/bad.yaml": POD + TOLERANT})
    machine.done("add", "--all")
    result = machine.git("commit", "--message=Pods")
    assert result.returncode == 0 and outcome(result.stdout, TOLERATIONS) == "Passed"


def test_the_files_of_this_repository_are_valid() -> None:
    """pre-commit's own schemas, for what others are given and for what we use."""
    top = pre_commit.TOP
    for kind, name in (
        ("manifest", ".pre-commit-hooks.yaml"), ("config", ".pre-commit-config.yaml"),
    ):  # fmt: skip
        result = pre_commit.run(top, f"validate-{kind}", name, variables=dict(os.environ))
        assert result.returncode == 0 and not result.stdout, result.stdout


def test_the_configurations_of_the_page_are_valid(tmp_path: Path) -> None:
    page = (pre_commit.TOP / "docs/ci.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(repos:\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for text in blocks:
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        result = pre_commit.run(
            tmp_path, "validate-config", "config.yaml", variables=dict(os.environ)
        )
        assert result.returncode == 0 and not result.stdout, result.stdout


def kubespray_hooks(text: str) -> str:
    """Return those hooks of Kubespray's configuration that can be had, as local ones.

    The same hooks with the same arguments, from packages of the same version: their repositories
    are not needed then.
    """
    data = YAML(typ="safe").load(text)
    entries: list[dict[str, object]] = []
    for repository in data["repos"]:
        package = _PACKAGES.get(Path(repository["repo"]).name.removesuffix(".git"))
        own = repository["repo"].split("/")[-2:][0] in ("pre-commit", "adrienverge")
        for hook in repository["hooks"]:
            if package and own and hook["id"] in _ENTRIES:
                entry, types = _ENTRIES[hook["id"]]
                version = str(repository["rev"]).removeprefix("v")
                entries.append({
                    "name": hook["id"], "entry": entry, "language": "python", "types": types,
                    "additional_dependencies": [f"{package}=={version}"], **hook,
                })  # fmt: skip
            elif hook["id"] in _LOCAL and hook["language"] == "python":
                entries.append(dict(hook))
    lines = ["  - repo: local\n    hooks:\n"]
    for entry_fields in entries:
        pairs = [f"{key}: {_json(value)}" for key, value in entry_fields.items()]
        lines.append(f"      - {pairs[0]}\n" + "".join(f"        {pair}\n" for pair in pairs[1:]))
    return "".join(lines)


def _json(value: object) -> str:
    return json.dumps(value)


@pytest.mark.releases
@pytest.mark.parametrize("revision", ["v2.27.1"])
def test_beside_the_hooks_of_a_real_release(
    revision: str,
    mirror: Path,
    outside: dict[str, str],
    sealed_git: dict[str, str],
    tmp_path: Path,
) -> None:
    """Kubespray's own hooks and ours: ours finds and fixes, and then all pass on the change."""
    machine = Machine(pre_commit.environment(outside), tmp_path / "kubespray")
    export(URL, revision, machine.repo)
    machine.done("init", "--quiet", "--template=")
    machine.done("add", "--all", "--force")
    machine.done("commit", "--quiet", "--message=Release")
    theirs = kubespray_hooks((machine.repo / ".pre-commit-config.yaml").read_text("utf-8"))
    assert theirs.count("entry: ") >= 8 and "yamllint" in theirs
    machine.configure(f"- id: {FIX}\n- id: {ORDER}", theirs)
    installed(machine, f"kubespray-{revision}")
    before = machine.pre_commit("run", "--all-files", ORDER)
    assert outcome(before.stdout, ORDER) == "Failed", before.stdout
    fixed = machine.pre_commit("run", "--all-files", FIX)
    assert outcome(fixed.stdout, FIX) == "Failed" and "Traceback" not in fixed.stdout
    changed = set(machine.done("diff", "--name-only").split())
    assert changed == {CLUSTER, META}
    machine.done("add", "--update")
    result = machine.git("commit", "--message=Patched")
    assert result.returncode == 0, result.stdout
    told = outcomes(result.stdout)
    assert told[NAMES[ORDER]] == told[NAMES[FIX]] == told["yamllint"] == "Passed"
    assert told["trailing-whitespace"] == told["end-of-file-fixer"] == "Passed"
    assert "Failed" not in told.values()
    again = machine.pre_commit("run", "--all-files", ORDER)
    assert outcome(again.stdout, ORDER) == "Passed", again.stdout
