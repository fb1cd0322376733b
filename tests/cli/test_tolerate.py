"""`tolerate` as users run it: on files, as a filter, as a check; and what it refuses."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Result, environment, git, listing, run

KEY = "node.cloudprovider.kubernetes.io/uninitialized"
POD = b"kind: Pod\nmetadata:\n  name: a\nspec:\n  nodeName: x\n"
DONE = (
    POD + f"  tolerations:\n    - key: {KEY}\n      operator: Exists\n".encode() + b"      effect:"
    b" NoSchedule\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file to be changed and two that are fine."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_bytes(POD)
    (folder / "done.yaml").write_bytes(DONE)
    (folder / "other.json").write_bytes(b'{"kind": "Service"}')
    return folder


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def fed(monkeypatch: pytest.MonkeyPatch, data: bytes, *arguments: str) -> Result:
    """Run `tolerate` with something on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    return run("tolerate", *arguments)


def tolerate(folder: Path, *arguments: str) -> Result:
    return run("tolerate", *arguments, cwd=folder)


def test_files_are_changed_in_place_and_keep_their_modes(folder: Path) -> None:
    (folder / "a.yaml").chmod(0o640)
    before = listing(folder)
    result = tolerate(folder, "a.yaml", "done.yaml", "other.json")
    assert (result.code, result.out) == (0, b"")
    assert (folder / "a.yaml").read_bytes() == DONE
    assert result.err == (
        f"a.yaml:1: Pod/a: toleration of {KEY}=true:NoSchedule\n"
        "1 workload changed in 1 file; 1 tolerate already.\n"
    )
    after = listing(folder)
    assert after.pop("a.yaml")[0] == before.pop("a.yaml")[0]
    assert after == before
    again = tolerate(folder, "a.yaml")
    assert (again.code, again.out) == (0, b"")
    assert again.err == "Nothing to do: 1 tolerate already.\n"


def test_a_link_stays_and_its_target_is_written_once(folder: Path) -> None:
    (folder / "link.yaml").symlink_to("a.yaml")
    result = tolerate(folder, "link.yaml", "a.yaml", "./a.yaml")
    assert result.code == 0 and "1 workload changed in 1 file." in result.err
    assert (folder / "link.yaml").is_symlink() and (folder / "a.yaml").read_bytes() == DONE


def test_check_and_diff_write_nothing(folder: Path) -> None:
    before = listing(folder)
    check = tolerate(folder, "--check", "a.yaml", "done.yaml")
    assert (check.code, check.out) == (1, b"")
    assert "1 workload to be changed in 1 file" in check.err
    diff = tolerate(folder, "--diff", "a.yaml", "done.yaml")
    both = tolerate(folder, "--diff", "--check", "a.yaml", "done.yaml")
    assert (diff.code, both.code) == (0, 1) and both.out == diff.out
    assert listing(folder) == before
    assert tolerate(folder, "--check", "done.yaml", "other.json").code == 0
    git(folder, "apply", data=diff.out)
    assert (folder / "a.yaml").read_bytes() == DONE


def test_a_diff_of_every_change_applies(folder: Path) -> None:
    """Git takes the diff of many edits, and makes the same bytes of it."""
    pods = [POD, DONE, POD.replace(b"\n", b"\r\n"), b"# c\n" * 9, POD.removesuffix(b"\n")]
    (folder / "many more.yaml").write_bytes(b"---\n".join(pods))
    diff = tolerate(folder, "--diff", "many more.yaml").out
    git(folder, "init", "--quiet")
    copy = folder / "copy"
    copy.mkdir()
    (copy / "many more.yaml").write_bytes((folder / "many more.yaml").read_bytes())
    git(copy, "init", "--quiet")
    git(copy, "apply", data=diff)
    assert tolerate(folder, "many more.yaml").code == 0
    assert (copy / "many more.yaml").read_bytes() == (folder / "many more.yaml").read_bytes()


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_filter(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    result = fed(monkeypatch, POD, *arguments)
    assert (result.code, result.out) == (0, DONE)
    assert result.err.startswith("standard input:1: Pod/a: toleration of ")
    assert fed(monkeypatch, DONE, *arguments).out == DONE
    assert fed(monkeypatch, b"", *arguments).out == b""
    check = fed(monkeypatch, POD, *arguments, "--check")
    assert (check.code, check.out) == (1, b"")
    assert fed(monkeypatch, POD, *arguments, "--diff").out.startswith(b"--- a/standard input\t\n")
    values = fed(monkeypatch, b"a: b\n", *arguments, "--values", "tolerations")
    assert values.out.startswith(b"a: b\ntolerations:\n  - key: ")


def test_a_filter_gives_nothing_where_its_input_is_unusable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = fed(monkeypatch, POD + b"---\nkind: Pod\nspec: x\n")
    assert (result.code, result.out) == (2, b"")
    assert result.err == ("kubespray-patchgen: standard input:8: spec of this Pod is no mapping.\n")


def test_all_files_or_none(folder: Path) -> None:
    (folder / "wrong.yaml").write_bytes(b"kind: Pod\nspec: [\n")
    (folder / "shared.yaml").write_bytes(b"kind: Pod\nspec: &a {b: c}\nother: *a\n")
    before = listing(folder)
    assert tolerate(folder, "a.yaml", "wrong.yaml").code == 2
    unsafe = tolerate(folder, "a.yaml", "shared.yaml")
    assert (unsafe.code, unsafe.out) == (3, b"")
    assert "shared.yaml:2: " in unsafe.err and "&a" in unsafe.err
    assert listing(folder) == before
    # Tests may run as root, whom no mode stops: the check asks the system all the same.
    (folder / "b.yaml").write_bytes(POD)
    (folder / "b.yaml").chmod(0o444)
    result = tolerate(folder, "a.yaml", "b.yaml")
    if result.code:
        assert "nothing was changed" in result.err
        assert (folder / "a.yaml").read_bytes() == POD


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("x.yaml", b"\x7fELF\0\1", "is a binary file"),
        ("x.yaml", b"a: \xff\n", "x.yaml:1: the file is not UTF-8"),
        ("x.yaml", b"\xff\xfea\0", "is a binary file"),
        ("x.yaml", b"a: [\n", "x.yaml:2:1: this is not valid YAML"),
        ("x.yml.j2", b"a: b\n", "this is a template, not a manifest"),
        ("x.yaml", b"{{ if x }}\na: b\n{{ end }}\n", "x.yaml:1: this is a template"),
        ("x.yaml", b"a: b\n---\n" + b"[" * 5000, "x.yaml:3: nested deeper than 200 levels"),
        ("x.yaml", b"kind: Pod\nspec: {tolerations: 3}\n", "x.yaml:2: Pod/(no name): the tol"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(folder: Path, name: str, data: bytes, why: str) -> None:
    (folder / name).write_bytes(data)
    before = listing(folder)
    result = tolerate(folder, "a.yaml", name)
    assert (result.code, result.out) == (2, b"")
    assert why in result.err and result.err.count("\n") == 1
    assert listing(folder) == before


def test_too_large_a_file_is_refused_before_it_is_read_whole(folder: Path) -> None:
    with (folder / "large.yaml").open("wb") as file:
        file.truncate(2**40)
    result = tolerate(folder, "large.yaml")
    assert result.code == 2 and "the limit is 64 MiB" in result.err


def test_aliases_of_aliases_are_not_followed_far(folder: Path) -> None:
    rows = ["a0: &a0 {kind: List, items: []}"]
    for number in range(1, 60):
        inner = f"*a{number - 1}, " * 9
        rows.append(f"a{number}: &a{number} {{kind: List, items: [{inner}]}}")
    (folder / "bomb.yaml").write_text("\n".join([*rows, "kind: List", "items: [*a59]", ""]))
    result = tolerate(folder, "bomb.yaml")
    assert result.code == 3 and result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-", "a.yaml"], "`-` is a filter of its own"),
        (["--taint", "x", "a.yaml"], "is no taint"),
        (["--values", "a..b", "a.yaml"], "has an empty part"),
        (["--values", "a", "--selector", "Pod", "a.yaml"], "values have none"),
        (["--selector", "Pood", "a.yaml"], "no workload is of kind 'Pood'"),
        ([""], "the path is empty"),
        (["none.yaml"], "none.yaml cannot be read"),
        (["."], "is a directory"),
    ],
)
def test_wrong_usage(folder: Path, arguments: list[str], why: str) -> None:
    result = tolerate(folder, *arguments)
    assert (result.code, result.out) == (2, b"") and why in result.err


def test_a_terminal_without_a_file_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    result = run("tolerate")
    assert result.code == 2 and "name a FILE" in result.err
    monkeypatch.setattr(sys, "stdin", None)
    result = run("tolerate")
    assert result.code == 2 and "standard input is closed" in result.err


def test_selectors_and_taints(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(POD + b"---\n" + POD.replace(b"Pod", b"PodTemplate"))
    nothing = tolerate(folder, "--selector", "Deployment", "a.yaml")
    assert nothing.code == 0 and "no workload is selected (2 not selected)" in nothing.err
    result = tolerate(folder, "--selector", "Pod/*", "--taint", "a=b:NoExecute", "a.yaml")
    assert result.code == 0 and "1 workload changed in 1 file; 1 not selected." in result.err
    more = b'    - key: a\n      operator: Equal\n      value: "b"\n      effect: NoExecute\n'
    rest = b"---\n" + POD.replace(b"Pod", b"PodTemplate")
    assert (folder / "a.yaml").read_bytes() == DONE + more + rest


def test_fix_ineffective(folder: Path) -> None:
    wrong = DONE.replace(b"Exists", b"Equal")
    (folder / "a.yaml").write_bytes(wrong)
    named = tolerate(folder, "--diff", "a.yaml")
    assert "a.yaml:7: Pod/a: this does not tolerate" in named.err
    assert "--fix-ineffective" in named.err
    assert tolerate(folder, "--fix-ineffective", "a.yaml").code == 0
    assert (folder / "a.yaml").read_bytes() == DONE


def test_values(folder: Path) -> None:
    (folder / "values.yaml").write_text("replicas: 2  # two\n")
    hint = tolerate(folder, "values.yaml")
    assert hint.code == 0 and "use --values PATH" in hint.err
    result = tolerate(folder, "--values", "controller.tolerations", "values.yaml")
    assert result.code == 0 and result.err.count("Helm replaces lists") == 1
    assert (folder / "values.yaml").read_text() == (
        "replicas: 2  # two\ncontroller:\n  tolerations:\n"
        f"    - key: {KEY}\n      operator: Exists\n      effect: NoSchedule\n"
    )
    again = tolerate(folder, "--values", "controller.tolerations", "values.yaml")
    assert again.err == "Nothing to do: 1 tolerate already.\n"


def test_names_in_a_file_reach_no_terminal_raw(folder: Path) -> None:
    name = json.dumps("a\x1b[31m\n")
    (folder / "a.yaml").write_text(
        f'{{"kind": "Pod", "metadata": {{"name": {name}}}, "spec": {{}}}}'
    )
    result = tolerate(folder, "--check", "a.yaml")
    assert "\\x1b[31m\\n" in result.err and "\x1b" not in result.err


def test_help_says_what_it_does() -> None:
    result = run("tolerate", "--help")
    assert result.code == 0 and b"--fix-ineffective" in result.out and b"Exit codes" in result.out


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
def test_a_large_stream_stays_small_in_memory(tmp_path: Path) -> None:
    """Documents are handled one by one: much data needs little more than itself.

    Not by getrusage: there a new process begins with the peak of the one that started it.
    """
    document = POD + b"  note: " + b"x" * 10_000 + b"\n---\n"
    (tmp_path / "large.yaml").write_bytes(document * 2000)
    code = (
        "import pathlib, re, sys, generator.cli as cli\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "try: cli.main()\n"
        "finally: print(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "tolerate", "--check", "large.yaml"],
        cwd=tmp_path, env=environment(), capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert b"2000 workloads to be changed in 1 file." in done.stderr
    peak = int(done.stderr.split()[-1]) * 1024
    assert peak < 200 * 2**20, f"{peak / 2**20:.0f} MiB for 20 MB"
