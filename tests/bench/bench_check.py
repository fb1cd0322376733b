"""How long `check` takes, as ratios to Ansible's own commands, and where its time goes.

Run `python tests/bench/bench_check.py [TURNS] [RELEASE...]` with KUBESPRAY_URL set (5 turns of
v2.24.0 if not said). The trees are plain directories, all processes are cold, and all commands
are run in turn; a ratio is taken within each turn, because a machine's speed drifts. Nothing is
asserted.

ansible-lint has no collections to look modules up in unless `--collections` is given: it may
then end early, at a module that it does not know, which is the cheapest comparison. How many
files it has come to is printed. The tree's own settings for it are left out, for they are those
of another version.
"""

from __future__ import annotations

import argparse
import builtins
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

IMPORTS = "import click, git, ruamel.yaml, jinja2"
PARTS = (
    "imports", "reading", "YAML parsing", "Jinja2 lexing and parsing", "flattening",
    "interpretation", "detection", "output", "all else",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("turns", nargs="?", type=int, default=5)
    parser.add_argument("releases", nargs="*", default=["v2.24.0"])
    parser.add_argument("--collections", action="store_true", help="let ansible-lint know modules")
    parser.add_argument("--parts", type=Path, metavar="TREE", help="only where the time goes")
    options = parser.parse_args()
    if options.parts is not None:
        print_parts(options.parts)
        return
    for release in options.releases:
        compare(release, options.turns, options.collections)


def compare(release: str, turns: int, collections: bool) -> None:
    """Print the ratios for a release, then where the time goes."""
    from bench.timing import Command, environment, in_turns, ratios, spread
    from oracles.ansible import ansible_for, pinned, why_not
    from oracles.checkout import export

    url = os.environ.get("KUBESPRAY_URL") or "https://github.com/kubernetes-sigs/kubespray"
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        tree = export(url, release, here / "tree")
        home = {"HOME": scratch, "ANSIBLE_HOME": str(here / "ansible"), "ANSIBLE_NOCOLOR": "1"}
        ours = [sys.executable, "-m", "generator", "check", str(tree)]
        commands = {
            "(a) check": Command(ours, here, codes=frozenset({0, 1})),
            "(d) imports alone": Command([sys.executable, "-c", IMPORTS], here),
        }
        requirement = pinned((tree / "requirements.txt").read_text())
        ansible = ansible_for(requirement)
        if ansible is None:
            print(f"no --list-tasks: {why_not(requirement)}")
        else:
            listing = [str(ansible / "ansible-playbook"), "--list-tasks", "cluster.yml"]
            commands["(b) --list-tasks"] = Command([*listing, "-i", "localhost,"], tree, home)
        lint = lint_environment(collections)
        settings = here / "lint.yml"
        settings.write_text("{}\n")
        words = [str(lint / "ansible-lint"), "--offline", "--nocolor", "-c", str(settings)]
        variables = {**home, "PATH": f"{lint}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        linting = Command([*words, "cluster.yml"], tree, variables, frozenset({0, 2}))
        commands["(c) ansible-lint"] = linting
        table = in_turns(commands, turns)
        print(f"{release}, {turns} turns; median (least to most)")
        for name, rows in table.items():
            print(
                f"  {name:18} wall s {spread([row.wall for row in rows])}  "
                f"cpu s {spread([row.cpu for row in rows])}  "
                f"MiB {max(row.memory for row in rows):5.0f}  "
                f"check/this {spread(ratios(table['(a) check'], rows), 3)}"
            )
        print(f"  ansible-lint says: {_lint_summary(linting.words, tree, variables)}", flush=True)
        again = [sys.executable, __file__, "--parts", str(tree)]
        subprocess.run(again, cwd=here, env=environment({}), check=True)


def lint_environment(collections: bool) -> Path:
    """Return the directory of the commands of an ansible-lint, installed at most once."""
    from oracles import cache_dir, locked
    from oracles.ansible import ansible_for, why_not

    if collections:
        requirement = "ansible-lint\nansible>=12"
        found = ansible_for(requirement)
        if found is None:
            raise SystemExit(why_not(requirement))
        return Path(found)
    identity = f"{sys.version}\n{sys.base_prefix}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    directory: Path = cache_dir() / "ansible" / f"ansible-lint-alone-{digest}"
    with locked(directory):
        if not (directory / "complete").exists():
            python = str(directory / "bin" / "python")
            pip = [python, "-m", "pip", "install", "-qq", "--no-input"]
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
            subprocess.run([*pip, "ansible-lint"], check=True)
            (directory / "complete").write_text("ansible-lint", encoding="utf-8")
    return directory / "bin"


def _lint_summary(words: Any, tree: Path, variables: dict[str, str]) -> str:
    from bench.timing import environment

    done = subprocess.run(
        words, cwd=tree, env=environment(variables), capture_output=True, text=True, check=False
    )
    found = re.search(r"^(?:Passed|Failed):.*", done.stderr, re.MULTILINE)
    early = re.search(r"^syntax-check\S*.*", done.stdout, re.MULTILINE)
    return " ".join(match[0].partition(". ")[0] for match in (found, early) if match) or "nothing"


class Clock:
    """Seconds by part; a part inside of another one does not count for the outer one."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._parts = ["all else"]
        self._since = time.perf_counter()

    def enter(self, part: str) -> None:
        """Count for a part from now on."""
        self._count()
        self._parts.append(part)

    def leave(self) -> None:
        """Count for the part around again."""
        self._count()
        self._parts.pop()

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time counts for a part."""

        def measured(*arguments: Any, **keywords: Any) -> Any:
            if self._parts[-1] == part:
                return work(*arguments, **keywords)
            self.enter(part)
            try:
                return work(*arguments, **keywords)
            finally:
                self.leave()

        return measured

    def _count(self) -> None:
        now = time.perf_counter()
        self.seconds[self._parts[-1]] += now - self._since
        self._since = now


def print_parts(top: Path) -> None:
    """Run `check` in this process, which must not have done so yet, and print its parts."""
    clock, counts, seen = Clock(), Counter[str](), set[str]()
    importing = builtins.__import__
    builtins.__import__ = clock.timed("imports", importing)
    try:
        import generator.cli

        _instrument(clock, counts, seen)
        arguments = ["check", str(top), "--format", "json"]
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            generator.cli.cli.main(arguments, "kubespray-patchgen", standalone_mode=False)
        clock.enter("all else")
    finally:
        builtins.__import__ = importing
    for name, count in {"files read": len(seen), **counts}.items():
        print(f"  {count:6} {name}")
    total = sum(clock.seconds.values())
    for part in PARTS:
        print(f"  {clock.seconds[part]:6.3f} s {part} ({clock.seconds[part] / total:.0%})")
    print(f"  {total:6.3f} s in all, with what counting costs")


def _instrument(clock: Clock, counts: Counter[str], seen: set[str]) -> None:
    """Wrap what reads, parses and detects, in every module that has it by name."""
    import jinja2
    import jinja2.parser

    import generator.commands.check
    import generator.emit.check_json
    import generator.emit.report
    import generator.engine.check
    import generator.engine.detect.interpret
    import generator.text.template
    import generator.text.yaml
    import generator.tree.base
    from generator.model.kubespray import Kubespray
    from generator.tree.directory import DirectoryTree

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **keywords: Any) -> Any:
            counts[name] += 1
            return work(*arguments, **keywords)

        return counting

    def noted(tree: DirectoryTree, path: str) -> bytes:
        counts["readings of them"] += 1
        seen.add(path)
        return raw(tree, path)

    raw, mode = DirectoryTree.raw, DirectoryTree.mode
    DirectoryTree.raw = clock.timed("reading", noted)  # type: ignore[method-assign]
    # Too many calls to be timed without a distortion; most are inside of those timed below.
    DirectoryTree.mode = counted("looks at paths", mode)  # type: ignore[method-assign]
    base = generator.tree.base
    work: Callable[..., Any]
    for work in (base.find, base.read, base.names, base.resolve):
        _everywhere(work, clock.timed("reading", work))
    parse, lex = generator.text.yaml.parse, generator.text.template.lex
    jinja = "Jinja2 lexing and parsing"
    _everywhere(parse, clock.timed("YAML parsing", counted("YAML texts parsed", parse)))
    _everywhere(lex, clock.timed(jinja, counted("templates lexed", lex)))
    parser = jinja2.parser.Parser
    for name in ("parse", "parse_expression"):
        _only_outermost(parser, name, clock, jinja, counts)
    tokens = jinja2.Environment._tokenize
    jinja2.Environment._tokenize = clock.timed(jinja, tokens)  # type: ignore[method-assign]
    Kubespray.run = clock.timed("flattening", Kubespray.run)  # type: ignore[method-assign]
    run_through = generator.engine.detect.interpret.run_through
    _everywhere(run_through, clock.timed("interpretation", run_through))
    check = generator.engine.check.check
    _everywhere(check, clock.timed("detection", check))
    for work in (generator.emit.check_json.check_report, generator.emit.report.to_json):
        _everywhere(work, clock.timed("output", work))


def _only_outermost(parser: type, name: str, clock: Clock, part: str, counts: Counter[str]) -> None:
    """Count the calls of a method of Jinja2's parser, but not those that it makes itself."""
    work = getattr(parser, name)
    timed = clock.timed(part, work)

    def outermost(self: Any, *arguments: Any, **keywords: Any) -> Any:
        if getattr(self, "_is_counted", False):
            return work(self, *arguments, **keywords)
        self._is_counted = True
        counts["expressions and templates of values parsed"] += 1
        return timed(self, *arguments, **keywords)

    setattr(parser, name, outermost)


def _everywhere(work: Callable[..., Any], wrapped: Callable[..., Any]) -> None:
    """Put a wrapped function in the place of a function in all modules of the program."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and module.__name__.startswith("generator"):
            for name, value in list(vars(module).items()):
                if value is work:
                    setattr(module, name, wrapped)


if __name__ == "__main__":
    main()
