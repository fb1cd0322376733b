"""`check` on what is broken or hostile: a warning that names the file, or exit 2; never more.

Every run has a gigabyte of memory and ten seconds of processor time, and is ended beyond them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Result, environment, listing, write_tree
from cli.test_check import (
    APPROVER,
    DEFAULTS,
    FILES,
    HOSTS,
    PLAYBOOK,
    VSPHERE,
    applying,
    found,
)

META = f"{APPROVER}/meta/main.yml"
VALUES = f"{APPROVER}/defaults/main.yml"
CCM = f"{VSPHERE}/templates/ccm.yml.j2"
ROLE = "roles/kubernetes-apps/ansible"
TASKS = f"{ROLE}/tasks/main.yml"
TEMPLATE = f"{ROLE}/templates/coredns.yml.j2"

MEGABYTES, SECONDS = 1024, 10

SERVER = """
import json, os, resource, sys
sys.path.insert(0, sys.argv[1])
import generator.commands.check, generator.emit.check_json, generator.engine.check
import generator.model.inventory, jinja2, ruamel.yaml
from generator.cli import main
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        for number, path in ((1, asked["out"]), (2, asked["err"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.dup2(os.open(asked["in"], os.O_RDONLY), 0)
        size, seconds = asked["limits"]
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size << 20, size << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        sys.argv = ["kubespray-patchgen", *asked["words"]]
        main()
    _, status, used = os.wait4(child, 0)
    print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)
"""
"""Starts the program many times, each in a limited process, without importing it each time."""

Limited = Callable[..., Result]
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def _server() -> Iterator[subprocess.Popen[str]]:
    home = environment()["PYTHONPATH"]
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def limited(_server: subprocess.Popen[str], tmp_path: Path) -> Limited:
    """Return a function that runs the program as a limited process of its own."""
    pipes = {name: str(tmp_path / f"std{name}") for name in ("in", "out", "err")}

    def run_limited(*words: str | Path, stdin: bytes = b"") -> Result:
        assert _server.stdin is not None and _server.stdout is not None
        for path in pipes.values():
            Path(path).unlink(missing_ok=True)
        Path(pipes["in"]).write_bytes(stdin)
        asked = {**pipes, "words": [*map(str, words)], "limits": [MEGABYTES, SECONDS]}
        print(json.dumps(asked), file=_server.stdin, flush=True)
        code = json.loads(_server.stdout.readline())
        out, err = (Path(pipes[name]).read_bytes() for name in ("out", "err"))
        assert code >= 0, f"ended by signal {-code}: more than {SECONDS} s\n{err.decode()}"
        assert b"Traceback" not in err and b"MemoryError" not in err, err.decode()
        assert code in (0, 1, 2), err.decode()
        return Result(code, out, err.decode())

    return run_limited


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a plain directory with the small tree of test_check."""
    write_tree(tmp_path / "tree", FILES)
    return tmp_path / "tree"


def put(path: str, text: str | bytes) -> Change:
    """Return what writes a file."""

    def change(top: Path) -> None:
        write_tree(top, {path: text if isinstance(text, bytes) else text.encode()})

    return change


def add(path: str, text: str | bytes) -> Change:
    """Return what writes behind a file's end."""

    def change(top: Path) -> None:
        with (top / path).open("ab") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())

    return change


def tasks(text: str | bytes) -> Change:
    """Return what adds tasks to a role."""
    return add(TASKS, text)


def link(path: str, target: str) -> Change:
    """Return what makes a file a symbolic link."""

    def change(top: Path) -> None:
        (top / path).unlink(missing_ok=True)
        (top / path).symlink_to(target)

    return change


def fifo(path: str) -> Change:
    """Return what makes a file a pipe: to open it for reading would wait for ever."""

    def change(top: Path) -> None:
        (top / path).unlink(missing_ok=True)
        os.mkfifo(top / path)

    return change


def folder(path: str) -> Change:
    """Return what makes a file a folder."""

    def change(top: Path) -> None:
        (top / path).unlink()
        (top / path).mkdir()

    return change


def huge(path: str) -> Change:
    """Return what makes a file larger than any that is read."""

    def change(top: Path) -> None:
        with (top / path).open("ab") as stream:
            stream.truncate(100_000_000)

    return change


def all_of(*changes: Change) -> Change:
    """Return what makes several changes."""

    def change(top: Path) -> None:
        for one in changes:
            one(top)

    return change


def bomb(indent: str = "") -> str:
    """Return lists under the keys a0 to a30: expanded, the last has 9 ** 30 items."""
    rows = [f"{indent}a0: &a0 [x]\n"]
    for number in range(1, 31):
        rows.append(f"{indent}a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n")
    return "".join(rows)


def deployment(tolerations: str) -> str:
    """Return a template of a Deployment with something as its tolerations."""
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: coredns}\nspec:\n  template:\n"
        f"    spec:\n      tolerations: {tolerations}\n"
    )


@dataclass(frozen=True)
class Case:
    """A change of the tree, and the file that warnings must name; none where there are none.

    `finds` tells whether the deadlock of cluster.yml is still found; `blind` that nothing can be
    said of the approver without the file, so that the check must not pass.
    """

    change: Change
    warned: str | None = None
    finds: bool = True
    blind: bool = False


KIND = "kind: Deployment\n"

TEMPLATES = {
    "statement without end": Case(put(TEMPLATE, KIND + "{% if x\n"), TEMPLATE),
    "quote without end": Case(put(TEMPLATE, KIND + "{{ 'abc }}\n{% endif %}\n"), TEMPLATE),
    "comment without end": Case(put(TEMPLATE, KIND + "{# " + "x" * 1000), TEMPLATE),
    "raw without end": Case(put(TEMPLATE, KIND + "{% raw %}" + "x" * 1000), TEMPLATE),
    "if without end": Case(put(TEMPLATE, KIND + "{% if a %}\nb: c\n"), TEMPLATE),
    "no YAML": Case(put(TEMPLATE, KIND + "foo: [\n"), TEMPLATE),
    "no UTF-8": Case(put(TEMPLATE, KIND.encode() + b"# \xe9\n"), TEMPLATE),
    "UTF-16": Case(put(TEMPLATE, KIND.encode("utf-16")), TEMPLATE),
    "binary": Case(put(TEMPLATE, KIND.encode() + bytes(range(256)) * 4000), TEMPLATE),
    "NUL": Case(put(TEMPLATE, KIND + "\0\0"), TEMPLATE),
    "bomb": Case(put(TEMPLATE, KIND + bomb())),
    "bomb as tolerations": Case(put(TEMPLATE, bomb() + deployment("*a30"))),
    "ring of aliases": Case(put(TEMPLATE, deployment("&r [*r]"))),
    "long line": Case(put(TEMPLATE, KIND + "x: " + "y" * 2_000_000 + "\n")),
    "long expression": Case(
        put(TEMPLATE, KIND + "x: {{ " + "+".join(["1"] * 1_000_000) + " }}\n"), TEMPLATE
    ),
    "long tolerations": Case(put(TEMPLATE, deployment("'{{ " + "[1]+" * 20_000 + "[] }}'"))),
    "deep expression": Case(
        put(TEMPLATE, deployment("'{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}'"))
    ),
    "many ifs": Case(
        put(TEMPLATE, KIND + "{% if x %}\na: 1\n{% endif %}\n" * 50_000), TEMPLATE
    ),
    "nested ifs": Case(
        put(TEMPLATE, KIND + "{% if x %}\n" * 5000 + "{% endif %}\n" * 5000), TEMPLATE
    ),
    "nested loops": Case(
        put(TEMPLATE, "".join(f"{{% for i{n} in range(10000) %}}\n" for n in range(9))
            + deployment("[]") + "{% endfor %}\n" * 9)
    ),
    "many branches": Case(
        put(TEMPLATE, KIND + "{% if a %}\nz: 1\n"
            + "".join(f"{{% elif a{n} %}}\nz: {n}\n" for n in range(20_000)) + "{% endif %}\n"),
        TEMPLATE,
    ),
    "doubling": Case(
        put(TEMPLATE, "".join(f"{{% set a{n + 1} = a{n} ~ a{n} %}}\n" for n in range(3000))
            + deployment("'{{ a3000 }}'"))
    ),
    "multiplying": Case(
        put(TEMPLATE, "{% set a = 'x' * 1000000 %}\n{% set b = a * 1000000 %}\n"
            + deployment("'{{ b }}'"))
    ),
    "many documents": Case(put(TEMPLATE, (deployment("[]") + "---\n") * 30_000), TEMPLATE),
    "many broken documents": Case(
        put(TEMPLATE, (deployment("[]") + "---\nx: [\n---\n") * 20_000), TEMPLATE
    ),
    "many lines": Case(put(TEMPLATE, KIND + "a: b\n" * 400_000)),
    "too many lines": Case(put(TEMPLATE, KIND + "a: b\n" * 1_600_000), TEMPLATE),
    "thousands of documents": Case(put(TEMPLATE, (deployment("[]") + "---\n") * 5000), TEMPLATE),
    "thousands of broken documents": Case(
        put(TEMPLATE, (deployment("[]") + "---\nx: [\n---\n") * 5000), TEMPLATE
    ),
    "deep brackets": Case(put(TEMPLATE, KIND + "x: " + "[" * 100_000), TEMPLATE),
    "deep blocks": Case(
        put(TEMPLATE, KIND + "".join(" " * n + "a:\n" for n in range(3000))), TEMPLATE
    ),
    "huge": Case(huge(TEMPLATE), TEMPLATE),
    "huge one that nothing applies": Case(
        all_of(put(f"{ROLE}/templates/x.j2", ""), huge(f"{ROLE}/templates/x.j2"))
    ),
    "dangling link": Case(link(TEMPLATE, "nothing"), TEMPLATE),
    "link to itself": Case(link(TEMPLATE, "coredns.yml.j2"), TEMPLATE),
    "link to a device": Case(link(TEMPLATE, "/dev/zero"), TEMPLATE),
    "link that leads out": Case(link(TEMPLATE, "/etc/passwd"), TEMPLATE),
    "pipe": Case(fifo(TEMPLATE), TEMPLATE),
    "folder": Case(folder(TEMPLATE), TEMPLATE),
    "folder in itself": Case(link(f"{ROLE}/templates/again", ".")),
    "binary that nothing applies": Case(put(f"{ROLE}/templates/x.j2", os.urandom(500_000))),
    "binary that is applied": Case(
        all_of(put(f"{ROLE}/templates/img.j2", KIND.encode() + b"\xff\xfe\0" * 300_000),
               tasks(applying("img"))),
        f"{ROLE}/templates/img.j2",
    ),
    "the provider's": Case(put(CCM, "kind: DaemonSet\n{% if x\n"), CCM),
    "odd manifests": Case(
        put(TEMPLATE, "kind: [Deployment]\n---\nkind: Deployment\nspec: 5\n---\n- kind: Pod\n---\n"
            "kind: List\nitems: {a: b}\n---\nkind: List\nitems: [5, {kind: Deployment}]\n---\n"
            "kind: Deployment\nmetadata: [a]\nspec: {template: {metadata: {labels: [x]}, "
            "spec: {hostNetwork: [1], volumes: [5, {hostPath: x}], tolerations: [5, [x], "
            "{key: [a], operator: {}}, null]}}}\n---\nkind: CronJob\nspec: {jobTemplate: []}\n")
    ),
}  # fmt: skip

TASK_FILES = {
    "role that does not exist": Case(
        add(PLAYBOOK, "    - { role: nothing-such }\n"), f"{PLAYBOOK}:13"
    ),
    "dependency that does not exist": Case(
        add("roles/kubernetes-apps/meta/main.yml", "  - role: nothing-such\n"),
        "roles/kubernetes-apps/meta/main.yml:4",
    ),
    "ring of roles": Case(
        put(f"{ROLE}/meta/main.yml", "dependencies: [{role: kubernetes-apps}]\n"),
        "roles/kubernetes-apps/meta/main.yml:2",
    ),
    "role in itself": Case(
        put(f"{ROLE}/meta/main.yml", "dependencies: [{role: kubernetes-apps/ansible}]\n"),
        f"{ROLE}/meta/main.yml:1",
    ),
    "name that only a machine knows": Case(add(PLAYBOOK, "    - { role: '{{ x }}' }\n")),
    "task file that does not exist": Case(
        tasks("- ansible.builtin.include_tasks: nothing.yml\n"), f"{TASKS}:7"
    ),
    "task file in itself": Case(tasks("- ansible.builtin.import_tasks: main.yml\n"), f"{TASKS}:7"),
    "task file that repeats itself": Case(tasks("- ansible.builtin.include_tasks: main.yml\n")),
    "included role that does not exist": Case(
        tasks("- ansible.builtin.include_role: {name: nothing}\n"), f"{TASKS}:7"
    ),
    "task file outside": Case(
        tasks("- ansible.builtin.include_tasks: /etc/passwd\n"), f"{TASKS}:7"
    ),
    "task file above": Case(
        tasks(f"- ansible.builtin.include_tasks: {'../' * 30}etc/passwd\n"), f"{TASKS}:7"
    ),
    "no YAML": Case(tasks("- name: [\n"), f"{TASKS}:8"),
    "mapping": Case(put(TASKS, "command: kubectl apply -f x\n"), TASKS),
    "text": Case(put(TASKS, "just a word: kubectl\n"), TASKS),
    "empty": Case(put(TASKS, "")),
    "binary": Case(put(TASKS, b"kubectl" + bytes(range(256))), TASKS),
    "no UTF-8": Case(tasks(b"- debug: {msg: \xe9}\n"), f"{TASKS}:7"),
    "dangling link": Case(link(TASKS, "nothing"), TASKS),
    "pipe": Case(fifo(TASKS), TASKS),
    "folder": Case(folder(TASKS), TASKS),
    "huge": Case(huge(TASKS), TASKS),
    "key that stands twice": Case(
        tasks("- name: x\n  name: y\n  command: 'true'\n"), f"{TASKS}:8"
    ),
    "no tasks": Case(
        tasks("-\n- 5\n- []\n- {}\n- {name: x}\n- {name: x, when: {}}\n- {? [a]: b, debug: }\n"
              "- {command: {a: b}}\n- {command: [a, b]}\n- {command: 5}\n- {command: null}\n")
    ),
    "bomb": Case(
        tasks("- command: '{{ a30 }}'\n  vars:\n" + bomb("    ") + "  when: a30\n"
              "  loop: '{{ a30 }}'\n")
    ),
    "many": Case(
        tasks("- command: kubectl -n kube-system rollout status deployment/coredns\n" * 30_000),
        TASKS,
    ),
    "deep blocks": Case(
        tasks("".join(" " * (2 * n) + "- block:\n" for n in range(400))
              + " " * 800 + "- debug: {msg: x}\n"),
        TASKS,
    ),
    "arguments that are none": Case(
        tasks("- kube: 5\n- kube: {name: [a], filename: {b: c}}\n- kubernetes.core.k8s:\n"
              "- kubernetes.core.k8s: {definition: [1, null, {kind: Deployment}, {kind: [x]}]}\n"
              "- kubernetes.core.k8s: {src: /etc/passwd}\n- kubernetes.core.k8s: {template: x.j2}\n"
              "- kubernetes.core.k8s_info: {wait: true, wait_timeout: [x],"
              " label_selectors: {a: b}}\n"
              "- kubernetes.core.helm: {wait: true, wait_timeout: {a: b},"
              " values: [x], name: {x: y}}\n"
              f"- kubernetes.core.helm: {{wait: true, timeout: {'9' * 60}h}}\n- wait_for:\n"
              "- wait_for: {path: [a]}\n- template: {src: [a], dest: {b: c}}\n"
              "- copy: {content: [a]}\n"
              "- set_fact: [a]\n- set_fact: {1: 2}\n")
    ),
    "command lines that are none": Case(
        tasks("- command: \"kubectl apply -f 'open\"\n- shell: \"kubectl $(cat <<E\\n) | | && ;\"\n"
              "- shell: kubectl rollout status\n- command: kubectl wait --for\n- command: helm\n"
              "- command: helm install\n- command: kubectl wait --timeout=zz pod -l a in (\n"
              "- command: {argv: {a: b}}\n- command: {argv: [kubectl, [apply], {x: y}, null]}\n"
              "- command: kubectl get pods\n  until: x\n  retries: [a]\n")
    ),
    "long command line": Case(tasks("- shell: kubectl apply " + "x " * 2_000_000 + "\n")),
    "many commands": Case(tasks("- shell: " + "kubectl apply -f x; " * 50_000 + "\n")),
    "lookups": Case(
        tasks("- kube: {filename: \"{{ lookup('template', '../../../../../etc/passwd') }}\"}\n"
              "- kubernetes.core.k8s: {definition: \"{{ lookup('file', '/dev/zero') }}\"}\n"
              "- command: \"{{ lookup('pipe', 'touch marker') }}\"\n")
    ),
}  # fmt: skip

EXPRESSIONS = {
    "long loop": "- command: kubectl apply -f {{ item }}\n  loop:\n"
    + "".join(f"  - a{number}\n" for number in range(100_000)),
    "endless range": "- command: x {{ item }}\n  loop: '{{ range(1000000000) | list }}'\n",
    "nested range": "- command: kubectl apply -f {{ item }}\n"
    "  with_items: '{{ [range(9999) | list] * 1000 }}'\n",
    "many loops": "- command: kubectl apply -f {{ item }}\n"
    "  loop: '{{ range(500) | list }}'\n" * 500,
    "long text": "- command: kubectl apply -f {{ 'a' * 10**9 }}\n"
    "  when: \"('a' * 10**9) | length > 3\"\n",
    "large power": "- command: kubectl apply -f x\n  when: 10**10**10 > 3 or 9**9**9**9 == 1\n",
    "power of powers": "- command: x\n  when: (2 ** 100000) ** 100000 > 1\n",
    "widths": "- command: kubectl apply -f {{ '%999999999d' | format(3) }} "
    "{{ '{:999999999}'.format(1) }} {{ 'a'.ljust(10**10) }} {{ 'x' | indent(10**10) }} "
    "{{ 'a'.center(10**10) }} {{ 'a' | center(10**10) }} {{ 'x'.zfill(10**10) }}\n",
    "patterns": "- command: x\n  when: \"('a' * 40 ~ 'b') is match('(a|aa)+$') or "
    "('a' * 40) | regex_search('(a+)+$b')\"\n",
    "product": '- command: x\n  when: "range(9999) | product(range(9999)) | list"\n'
    '- command: x\n  when: "range(30) | permutations | list | length > 3"\n',
    "join": "- command: x\n"
    "  when: \"(range(9999) | map('string') | list * 1000) | join('x' * 100000)\"\n",
    "many filters": '- command: x\n  vars: {d: {a: {b: 1}}}\n  when: "d'
    + " | combine(d, recursive=true)" * 5000
    + '"\n',
    "deep not": '- command: x\n  when: "' + "not " * 50_000 + 'x"\n',
    "deep parentheses": f'- command: x\n  when: "{"(" * 50_000}x{")" * 50_000}"\n',
    "deep lists": f'- command: x\n  when: "{"[" * 50_000}x{"]" * 50_000}"\n',
    "deep members": '- command: x\n  when: "x' + ".a" * 100_000 + '"\n',
    "deep if": '- command: x\n  when: "x' + " if a else b" * 50_000 + '"\n',
    "long and": '- command: x\n  when: "' + " and ".join(["x"] * 100_000) + '"\n',
    "insides of Python": "- command: x\n  when: \"''.__class__.__mro__[1].__subclasses__() and "
    'x.__init__.__globals__ and lipsum.__globals__.os.system(1)"\n',
    "failures": "- command: x\n  when: 1/0 or 1//0 or 1%0 or ('a' % 3) or ([] | first) or "
    "({} | int) or (None | length) or ('x' | int(base=99)) or [1] < ['a']\n",
    "no expressions": "- command: kubectl apply -f {{ }}\n  when: 'and and'\n"
    "- command: '{% if %}'\n- command: '{{'\n- command: '{%'\n- command: '{#'\n"
    "- command: '{{ a b c }}'\n"
    "  loop: '{{ ) }}'\n",
    "variable that grows": "- set_fact: {q: 'xxxxxxxxxxxxxxxx'}\n"
    + "- set_fact: {q: '{{ q }}{{ q }}'}\n" * 200
    + "- command: kubectl apply -f {{ q }}\n",
    "list that grows": "- set_fact: {q: [1]}\n"
    + "- set_fact: {q: '{{ q + q }}'}\n- set_fact: {q: '{{ [q, q] }}'}\n" * 100
    + "- command: kubectl apply -f {{ q }}\n",
    "mapping that grows": "- set_fact: {q: {a: 1}}\n"
    + "- set_fact: {q: {a: '{{ q }}', b: '{{ q }}'}}\n" * 200
    + "- command: kubectl apply -f {{ q }}\n",
    "variable of itself": "- set_fact: {q: '{{ q + q }}'}\n- command: kubectl apply -f {{ q }}\n",
}

USES_ZZ = tasks("- command: kubectl apply -f {{ zz }}\n  when: zz\n  loop: '{{ zz }}'\n")


def defaults(text: str | bytes) -> Change:
    """Return what adds defaults, among them `zz`, which a task needs."""
    return all_of(add(DEFAULTS, text), USES_ZZ)


VARIABLES = {
    "of itself": Case(defaults('zz: "{{ zz }}"\n')),
    "in a ring": Case(defaults('zz: "{{ yy }}"\nyy: "{{ zz }}"\n')),
    "of a long chain": Case(
        defaults("".join(f'v{n}: "{{{{ v{n + 1} }}}}"\n' for n in range(5000))
                 + 'v5000: true\nzz: "{{ v0 }}"\n')
    ),
    "of a chain that doubles": Case(
        defaults("".join(f'v{n}: "{{{{ v{n + 1} }}}}{{{{ v{n + 1} }}}}"\n' for n in range(60))
                 + 'v60: xxxxxxxx\nzz: "{{ v0 }}"\n')
    ),
    "of lists that double": Case(
        defaults("".join(f'v{n}: ["{{{{ v{n + 1} }}}}", "{{{{ v{n + 1} }}}}"]\n' for n in range(60))
                 + 'v60: x\nzz: "{{ v0 }}"\n')
    ),
    "bomb": Case(defaults(bomb() + 'zz: "{{ a30 }}"\n'), DEFAULTS),
    "bomb itself": Case(defaults(bomb().replace("a30:", "zz:")), DEFAULTS),
    "ring of aliases": Case(defaults("zz: &r [*r]\n"), ""),
    "merged keys": Case(defaults("x1: &x1 {a: 1}\nzz: {<<: *x1, <<: [*x1, *x1]}\n"), ""),
    "that stands twice": Case(defaults("zz: 1\nzz: 2\n"), f"{DEFAULTS}:8"),
    "no YAML": Case(defaults("zz: [\n"), f"{DEFAULTS}:8"),
    "no UTF-8": Case(defaults(b"zz: \xe9\n"), f"{DEFAULTS}:7"),
    "long line": Case(defaults("zz: " + "x" * 6_000_000 + "\n")),
    "huge": Case(huge(DEFAULTS), DEFAULTS),
    "Python's tag": Case(defaults("zz: !!python/object/apply:os.system ['touch marker']\n")),
    "vault": Case(defaults("zz: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n")),
    "long number": Case(defaults("zz: " + "9" * 100_000 + "\nyy: 0x" + "f" * 50_000 + "\n")),
    "no date": Case(defaults("zz: 2020-99-99\nyy: .inf\nxx: 1e999\n")),
    "half a character": Case(defaults('zz: "\\ud800"\n'), ""),
    "lookups": Case(
        defaults("zz: \"{{ lookup('pipe', 'touch marker') or lookup('file', '/dev/zero') }}\"\n")
    ),
    "odd keys": Case(defaults("? [a, b]\n: c\n1: 2\n~: 3\ntrue: 1\nzz: 1\n")),
    "list": Case(put(DEFAULTS, "- a\n- b\n"), DEFAULTS),
    "pipe": Case(fifo(DEFAULTS), DEFAULTS),
    "dangling link": Case(link(DEFAULTS, "nothing"), DEFAULTS),
    "pipe among them": Case(
        all_of(lambda top: (top / DEFAULTS).unlink(),
               lambda top: (top / DEFAULTS).with_suffix("").mkdir(),
               fifo(f"{DEFAULTS.removesuffix('.yml')}/a.yml")),
        f"{DEFAULTS.removesuffix('.yml')}/a.yml",
    ),
    "deep values": Case(
        put(VALUES, "kubelet_csr_approver_enabled: true\nkubelet_csr_approver_values: "
            + "{a: " * 90 + "1" + "}" * 90 + "\n")
    ),
    "too deep values": Case(
        put(VALUES, "kubelet_csr_approver_enabled: true\nkubelet_csr_approver_values: "
            + "{a: " * 5000 + "1" + "}" * 5000 + "\n"), VALUES,
    ),
    "odd tolerations": Case(
        put(VALUES, "kubelet_csr_approver_enabled: true\nkubelet_csr_approver_values: "
            "{tolerations: [1, null, {key: [a]}, {operator: {}}, [x], {key: a, effect: 5}]}\n")
    ),
}  # fmt: skip

PLAYBOOKS = {
    "without tasks": Case(
        add(PLAYBOOK, "- hosts: all\n- hosts: all\n  tasks:\n- hosts: all\n  tasks: {}\n"
            "- hosts: all\n  roles:\n- {}\n")
    ),
    "odd variables": Case(
        add(PLAYBOOK, "- hosts: all\n  vars: [a, b]\n"
            "  vars_files: [/etc/passwd, x.yml, '{{ x }}']\n"
            "  tasks: [{command: 'kubectl apply -f {{ a }}', vars: [1]}]\n")
    ),
    "bomb": Case(
        add(PLAYBOOK, "- hosts: all\n  vars:\n" + bomb("    ")
            + "  tasks: [{command: 'kubectl apply -f {{ a30 }}', when: a30}]\n")
    ),
    "role with a long name": Case(
        add(PLAYBOOK, f"- hosts: all\n  roles: [{'x' * 300}, {'y' * 10_000}]\n"), PLAYBOOK
    ),
    "task file with a long name": Case(
        add(PLAYBOOK, f"- hosts: all\n  tasks: [{{include_tasks: {'x' * 10_000}.yml}}]\n"), PLAYBOOK
    ),
    "many plays": Case(add(PLAYBOOK, "- hosts: all\n  roles: [kubernetes-apps]\n" * 1000)),
    "meta is no YAML": Case(put(META, "dependencies: [\n"), f"{META}:2", finds=False, blind=True),
    "meta is a pipe": Case(fifo(META), META, finds=False, blind=True),
    "meta is a mapping": Case(put(META, "dependencies: {a: b}\n"), META, finds=False, blind=True),
    "meta is a bomb": Case(
        put(META, bomb() + "dependencies: *a30\n"), META, finds=False, blind=True
    ),
    "meta is odd": Case(
        put(META, "dependencies:\n  - 5\n  - null\n  - {}\n  - role: [a]\n  - {role: helm-apps, "
            "releases: 5}\n  - {role: helm-apps, releases: [5, null, {name: 1}]}\n"),
        META,
    ),
    "many folders": Case(
        all_of(*(put(f"roles/d{n}/templates/{n}/x", "") for n in range(300)))
    ),
    "deep folders": Case(
        lambda top: (top / ROLE / ("templates/" + "a/" * 400)).mkdir(parents=True)
    ),
    "roles in themselves": Case(all_of(*(link(f"roles/again{n}", ".") for n in range(8)))),
    "plugins": Case(
        put(f"{ROLE}/filter_plugins/evil.py", "open('marker', 'w')\n")
    ),
}  # fmt: skip

CASES = {
    **{f"template: {name}": case for name, case in TEMPLATES.items()},
    **{f"tasks: {name}": case for name, case in TASK_FILES.items()},
    **{f"expression: {name}": Case(tasks(text)) for name, text in EXPRESSIONS.items()},
    **{f"variable: {name}": case for name, case in VARIABLES.items()},
    **{f"playbook: {name}": case for name, case in PLAYBOOKS.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_goes_on(tree: Path, limited: Limited, name: str) -> None:
    """What is broken is named and left out; the rest is checked as before."""
    case = CASES[name]
    case.change(tree)
    before = listing(tree)
    result = limited("check", tree, "-p", "cluster", "--format", "json")
    assert result.code == (1 if case.finds else 2 if case.blind else 0), result.err
    data: dict[str, Any] = json.loads(result.out)
    assert (("deadlock-order", "error", "cluster.yml") in found(data)) is case.finds
    lines = result.err.splitlines()
    if case.blind:
        assert lines.pop().startswith("Nothing can be said of the approver's order")
    assert all(char.isprintable() for line in lines for char in line)
    assert all(len(line) < 600 for line in lines)
    if case.warned is None:
        assert (lines, data["unread"]) == ([], [])
    elif case.warned:
        named, _, number = case.warned.partition(":")
        assert any(line.startswith((f"{case.warned}:", f"{named} ")) for line in lines), lines
        places = {(left["path"], left["line"]) for left in data["unread"]}
        assert any(path == named and (not number or int(number) == at) for path, at in places)
        assert len(data["unread"]) == len(lines)
        for left, line in zip(data["unread"], lines, strict=True):
            assert line.startswith(left["path"]) and line.endswith(left["message"])
    assert listing(tree) == before


def test_strict_counts_what_was_left_out(tree: Path, limited: Limited) -> None:
    """A check that could not read everything has not shown that nothing is wrong."""
    words = ("check", tree, "-p", "scale")
    assert [limited(*words).code, limited(*words, "--strict").code] == [0, 0]
    add("playbooks/scale.yml", "- hosts: all\n  roles: [{ role: nothing-such }]\n")(tree)
    assert [limited(*words).code, limited(*words, "--strict").code] == [0, 1]


REFUSED = {
    "empty": (put(PLAYBOOK, ""), PLAYBOOK),
    "binary": (put(PLAYBOOK, bytes(range(256))), PLAYBOOK),
    "no YAML": (put(PLAYBOOK, "- hosts: [\n"), f"{PLAYBOOK}:2"),
    "mapping": (put(PLAYBOOK, "hosts: all\n"), f"{PLAYBOOK}:1"),
    "no plays": (put(PLAYBOOK, "- 5\n"), f"{PLAYBOOK}:1"),
    "ring": (put(PLAYBOOK, "- import_playbook: cluster.yml\n"), PLAYBOOK),
    "import of nothing": (put(PLAYBOOK, "- import_playbook: x.yml\n"), f"{PLAYBOOK}:1"),
    "import from outside": (put(PLAYBOOK, "- import_playbook: /etc/passwd\n"), f"{PLAYBOOK}:1"),
    "huge": (huge(PLAYBOOK), PLAYBOOK),
    "pipe": (fifo(PLAYBOOK), "cluster.yml"),
    "dangling link": (link(PLAYBOOK, "nothing"), "cluster.yml"),
    "deep": (put(PLAYBOOK, "- a: " + "[" * 100_000), f"{PLAYBOOK}:1"),
    "fan of roles": (
        all_of(*(
            put(f"roles/r{n}/meta/main.yml", "dependencies:\n"
                + "".join(f"  - {{ role: r{n + 1}, x: {k} }}\n" for k in range(3)))
            for n in range(20)
        ), add(PLAYBOOK, "    - { role: r0 }\n")),
        "steps",
    ),
    "fan of task files": (
        all_of(*(
            put(f"{ROLE}/tasks/f{n}.yml", f"- include_tasks: f{n + 1}.yml\n" * 10)
            for n in range(12)
        ), tasks("- include_tasks: f0.yml\n")),
        "steps",
    ),
    "no roles": (lambda top: shutil.rmtree(top / "roles"), "is not a Kubespray tree"),
    "roles is a file": (
        all_of(lambda top: shutil.rmtree(top / "roles"), put("roles", "x")),
        "is not a Kubespray tree",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tree: Path, limited: Limited, name: str) -> None:
    """Where the playbook itself cannot be followed there is nothing to say."""
    change, words = REFUSED[name]
    change(tree)
    for style in ("text", "json"):
        result = limited("check", tree, "-p", "cluster", "--format", style)
        assert (result.code, result.out) == (2, b""), result.err
        assert result.err.startswith("kubespray-patchgen: ") and result.err.count("\n") == 1
        assert words in result.err


ALL = "group_vars/all.yml"

INVENTORIES: dict[str, tuple[Change, str | None]] = {
    "Python's tag": (put(ALL, "x: !!python/object/apply:os.system ['touch marker']\n"), ALL),
    "Python's tag in the hosts": (
        add("hosts.yml", "  vars: {x: !!python/name:os.system }\n"), "hosts.yml",
    ),
    "no UTF-8": (put(ALL, b"x: \xe9\n"), ALL),
    "UTF-16": (put(ALL, "x: 1\n".encode("utf-16")), ALL),
    "no YAML": (put(ALL, "x: [\n"), ALL),
    "list": (put(ALL, "- a\n"), ALL),
    "key that stands twice": (put(ALL, "x: 1\nx: 2\n"), ALL),
    "bomb": (put(ALL, bomb() + "kube_network_plugin: *a30\n"), ALL),
    "ring of aliases": (put(ALL, "kube_network_plugin: &r [*r]\n"), ALL),
    "deep": (put(ALL, "x: " + "[" * 100_000), ALL),
    "deep in braces": (put(ALL, "x: " + "{a: " * 150 + "1" + "}" * 150 + "\n"), None),
    "huge": (all_of(put(ALL, ""), huge(ALL)), ALL),
    "long line": (put(ALL, "x: " + "y" * 5_000_000 + "\n"), None),
    "many variables": (put(ALL, "".join(f"v{n}: {n}\n" for n in range(20_000))), None),
    "pipe": (all_of(put(ALL, ""), fifo(ALL)), ALL),
    "dangling link": (all_of(put(ALL, ""), link(ALL, "nothing")), ALL),
    "folder in itself": (
        all_of(put("group_vars/all/x.yml", "x: 1\n"), link("group_vars/all/again", ".")), "again",
    ),
    "variable of itself": (put(ALL, 'kube_network_plugin: "{{ kube_network_plugin }}"\n'), None),
    "long text": (put(ALL, "kube_network_plugin: \"{{ 'a' * 10**9 }}\"\n"), None),
    "values that double": (
        put(ALL, "".join(f'v{n}: ["{{{{ v{n + 1} }}}}", "{{{{ v{n + 1} }}}}"]\n' for n in range(60))
            + 'v60: x\nkube_network_plugin: "{{ v0 }}"\n'), None,
    ),
    "values that are none": (
        put(ALL, "cloud_provider: [external]\nexternal_cloud_provider: {a: b}\n"
            "kubelet_csr_approver_values: [5]\nkube_network_plugin: 5\ndns_mode: null\n"), "",
    ),
    "tolerations that are none": (
        put(ALL, "cloud_provider: external\nexternal_cloud_provider: vsphere\n"
            "kubelet_rotate_server_certificates: true\nkubelet_csr_approver_values: "
            "{tolerations: [1, null, [x], {key: [a]}, {operator: {}}]}\n"), "",
    ),
}  # fmt: skip
"""Changes of an inventory, and the file that must be named; empty where it does not matter."""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Return the folder of an inventory."""
    write_tree(tmp_path / "inventory", {"hosts.yml": HOSTS.encode()})
    return tmp_path / "inventory"


@pytest.mark.parametrize("name", INVENTORIES)
def test_inventory_goes_on(tree: Path, inventory: Path, limited: Limited, name: str) -> None:
    change, named = INVENTORIES[name]
    change(inventory)
    before = listing(inventory)
    words = ("check", tree, "-i", inventory / "hosts.yml", "-p", "cluster", "--format", "json")
    result = limited(*words)
    assert result.code in (0, 1), result.err
    data = json.loads(result.out)
    lines = result.err.splitlines()
    assert all(char.isprintable() for line in lines for char in line)
    if named is None:
        assert (lines, data["unread"]) == ([], [])
    elif named:
        assert any(line.startswith(str(inventory)) and named in line for line in lines), lines
        assert any(named in left["path"] for left in data["unread"])
    assert listing(inventory) == before


HOSTS_FILES: dict[str, tuple[str, str | bytes]] = {
    "no UTF-8": ("hosts.yml", b"all:\n  hosts: {\xe9: {}}\n"),
    "no UTF-8 in INI": ("hosts.ini", b"[all]\nn\xe9\n"),
    "no YAML": ("hosts.yml", "all: [\n"),
    "list": ("hosts.yml", "- a\n"),
    "empty": ("hosts.yml", ""),
    "no host": ("hosts.yml", "all: {}\n"),
    "no host in INI": ("hosts.ini", "[all]\n"),
    "bomb": ("hosts.yml", bomb() + "all: {hosts: *a30}\n"),
    "deep": ("hosts.yml", "all: " + "{children: " * 50_000),
    "program": ("hosts", "#!/bin/sh\ntouch marker\n"),
    "plugin": ("hosts.yml", "plugin: amazon.aws.aws_ec2\n"),
    "TOML": ("hosts.toml", "[all]\nhosts = ['a']\n"),
    "vault": ("hosts.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n"),
    "no INI": ("hosts.ini", "[all\nnode1 ansible_host=\n"),
    "binary": ("hosts", bytes(range(256)) * 1000),
    "many hosts": ("hosts.ini", "[all]\nnode[1:999999999]\n"),
    "many ranges": ("hosts.ini", "[all]\nn[1:9999][1:9999][1:9999]\n"),
    "long line": ("hosts.ini", "[all]\n" + "x" * 5_000_000 + "=" + "\n"),
}


@pytest.mark.parametrize("name", HOSTS_FILES)
def test_inventory_refused(tree: Path, tmp_path: Path, limited: Limited, name: str) -> None:
    """Without a host there is no scenario."""
    file, text = HOSTS_FILES[name]
    put(file, text)(tmp_path / "other")
    path = tmp_path / "other" / file
    result = limited("check", tree, "-i", path)
    assert (result.code, result.out) == (2, b""), result
    assert result.err.startswith(f"kubespray-patchgen: {path}") and result.err.count("\n") == 1
    assert all(char.isprintable() for char in result.err[:-1]) and len(result.err) < 700
    assert not (tmp_path / "other/marker").exists()


@pytest.mark.parametrize("make", [fifo, folder, lambda name: link(name, "nothing"), huge],
                         ids=["pipe", "folder", "dangling link", "huge"])  # fmt: skip
def test_inventory_is_no_file(
    tree: Path, inventory: Path, limited: Limited, make: Callable[[str], Change]
) -> None:
    make("hosts.yml")(inventory)
    result = limited("check", tree, "-i", inventory / "hosts.yml")
    assert (result.code, result.out) == (2, b"")
    assert f"{inventory}/hosts.yml" in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": ' * 100_000,
        b'{"all": {"hosts": [' + b'"x",' * 200_000 + b'"x"]}}',
        b'{"_meta": {"hostvars": {"n": {"x": ' + b"9" * 100_000 + b'}}}, "all": {"hosts": ["n"]}}',
        b'{"_meta": {"hostvars": [5]}, "all": {"children": ["all"], "hosts": ["n"]}}',
        b'{"all": {"children": ["a"]}, "a": {"children": ["b"]}, "b": {"children": ["a"]}}',
    ],
    ids=["deep", "many hosts", "long number", "group in itself", "ring of groups"],
)
def test_listing(tree: Path, limited: Limited, data: bytes) -> None:
    result = limited("check", tree, "-i", "-", stdin=data)
    assert result.code in (0, 2)
    assert (result.code == 2) is (result.out == b"")
    assert result.code == 0 or result.err.startswith("kubespray-patchgen: ")


GIVEN = {
    "deep": "[" * 50_000,
    "ring": "&a [*a]",
    "bomb": "{{ 'a' * 10**9 }}",
    "tag": "!!python/name:os.system",
    "half a character": "\ud800",
    "no UTF-8": "\udcff",
    "number": "9" * 60_000,
    "itself": "{{ kube_network_plugin }}",
    "alias": "*a",
    "two documents": "--- a\n--- b",
    "escape": "\x1b[31m",
    "text": "x" * 100_000,
}


@pytest.mark.parametrize("value", GIVEN.values(), ids=GIVEN.keys())
def test_set(tree: Path, limited: Limited, value: str) -> None:
    """Any text may be a value; as always, it is one of YAML where it can be read as one."""
    result = limited("check", tree, "-p", "cluster", "--set", f"kube_network_plugin={value}")
    assert result.code in (0, 1), result.err
    assert b"Checked" in result.out and "\x1b" not in result.out.decode() + result.err


@pytest.mark.parametrize(("limit", "value"), [("MEGABYTES", 100), ("SECONDS", 1)])
def test_the_limits_hold(
    tree: Path, inventory: Path, limited: Limited, monkeypatch: pytest.MonkeyPatch, limit: str,
    value: int,
) -> None:  # fmt: skip
    """Were there none, all the tests above would prove little."""
    put(ALL, "".join(f"v{n}: {n}\n" for n in range(100_000)))(inventory)
    monkeypatch.setitem(globals(), limit, value)
    with pytest.raises(AssertionError):
        limited("check", tree, "-i", inventory / "hosts.yml")
