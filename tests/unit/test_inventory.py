"""Inventories: formats, precedence, which host counts, and what no inventory may do to us."""

from __future__ import annotations

import json
import math
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.exits import UnusableInput
from generator.model.inventory import Inventory, read_inventory
from generator.model.inventory.hosts import HostPatterns
from generator.model.inventory.ini import literal, split_words
from generator.model.value import Unknown
from generator.text.document import Place
from generator.text.words import plain

HOST = "kube_control_plane: {hosts: {n1: {}}}\n"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def no_input() -> bytes:
    raise AssertionError("standard input was read")


def write(texts: Mapping[str, str | bytes]) -> None:
    for path, text in texts.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        Path(path).write_bytes(data)


def read(named: str, texts: Mapping[str, str | bytes]) -> Inventory:
    write(texts)
    return read_inventory(named, no_input)


def values(found: Inventory) -> dict[str, Any]:
    return {name: setting.value for name, setting in found.settings.items()}


def places(found: Inventory) -> dict[str, str]:
    return {name: str(setting.place) for name, setting in found.settings.items()}


def notes(found: Inventory) -> list[str]:
    return [f"{place}: {why}" for place, why in found.unread]


def refusal(named: str, texts: Mapping[str, str | bytes]) -> str:
    with pytest.raises(UnusableInput) as caught:
        read(named, texts)
    return str(caught.value)


# Which host.


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("[kube_control_plane]\nb\na\n[kube-master]\nc\n[k8s_cluster]\nd\n", "b"),
        ("[kube_control_plane]\n[kube-master]\nc\n[k8s_cluster]\nd\n", "c"),
        ("[k8s_cluster]\nd\n[kube_master]\ne\n", "e"),
        ("x\n[k8s_cluster:children]\nl\nk\n[k]\nk1\n[l]\nl1\n", "k1"),
        ("x\n[k8s-cluster]\nd\n", "d"),
        ("x\n[other]\nd\n", "x"),
        ("[other]\nd\nx\n", "d"),
        ("[kube_control_plane:children]\nlower\n[lower]\nl\n[all]\nx\n", "l"),
    ],
)
def test_host(text: str, host: str) -> None:
    assert read("hosts", {"hosts": text}).host == host


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "[kube_control_plane]\n", "---\n", "all: {hosts: }", "{}", "all:"]
)
@pytest.mark.parametrize("name", ["hosts", "hosts.yml"])
def test_no_host(text: str, name: str) -> None:
    if not (name == "hosts.yml" and text.startswith("[")):
        assert refusal(name, {name: text}).startswith(f"{name}: the inventory has no host")


# Precedence and places.

LAYERS = (
    ("inv/hosts.yml", "all: {vars: {NAME: 0}}"),
    ("inv/hosts.yml", "k8s_cluster: {vars: {NAME: 1}}"),
    ("inv/hosts.yml", "kube_control_plane: {vars: {NAME: 2}}"),
    ("inv/group_vars/all.yml", "NAME: 3"),
    ("inv/group_vars/k8s_cluster.yml", "NAME: 4"),
    ("inv/group_vars/kube_control_plane.yml", "NAME: 5"),
    ("inv/hosts.yml", "n1: NAME: 6"),
    ("inv/host_vars/n1.yml", "NAME: 7"),
)
"""Where a variable can be set, the weakest first; a variable vA_B is set at A and B."""


def test_precedence() -> None:
    variables: list[list[str]] = [[] for _ in LAYERS]
    for low in range(len(LAYERS)):
        for high in range(low + 1, len(LAYERS)):
            for layer in (low, high):
                variables[layer].append(f"v{low}_{high}: {{at: {layer}, own{layer}: 1}}")
    flow = ["{" + ", ".join(lines) + "}" for lines in variables]
    found = read(
        "inv/hosts.yml",
        {
            "inv/hosts.yml": f"all:\n  vars: {flow[0]}\nk8s_cluster:\n  vars: {flow[1]}\n"
            f"  children: {{kube_control_plane: }}\nkube_control_plane:\n  vars: {flow[2]}\n"
            f"  hosts: {{n1: {flow[6]}}}\n",
            **{LAYERS[layer][0]: flow[layer] for layer in (3, 4, 5, 7)},
        },
    )
    assert len(found.settings) == 28
    for name, setting in found.settings.items():
        winner = int(name.rpartition("_")[2])
        assert setting.value == {"at": winner, f"own{winner}": 1}, name
        assert setting.place.path == LAYERS[winner][0]


def test_places_name_the_line() -> None:
    found = read(
        "./inv/hosts.ini",
        {
            "inv/hosts.ini": "[kube_control_plane]\n\nn1 a=1\n[all:vars]\n  b = 2\n",
            "inv/group_vars/all/x.yml": "---\n# comment\nc: 3\nd:\n  - 4\n",
            "inv/group_vars/all/y.yml": "base: &b\n  e: 1\n<<: *b\n",
        },
    )
    assert places(found) == {
        "a": "./inv/hosts.ini:3",
        "b": "./inv/hosts.ini:5",
        "c": "./inv/group_vars/all/x.yml:3",
        "d": "./inv/group_vars/all/x.yml:4",
        "base": "./inv/group_vars/all/y.yml:1",
        "e": "./inv/group_vars/all/y.yml:2",
    }


@pytest.mark.parametrize("named", ["inv", "inv/", "./inv", "{cwd}/inv"])
def test_paths_begin_as_named(named: str, tmp_path: Path) -> None:
    named = named.format(cwd=tmp_path)
    found = read(named, {"inv/hosts": "n1 a=1\n", "inv/group_vars/all.yml": "b: 1"})
    top = named.rstrip("/")
    assert places(found) == {"a": f"{top}/hosts:1", "b": f"{top}/group_vars/all.yml:1"}


def test_priority_depth_and_name() -> None:
    text = (
        "a: {hosts: {n: }, vars: {v: a, ansible_group_priority: 2}}\n"
        "b: {hosts: {n: }, vars: {v: b, w: b}}\nc: {hosts: {n: }, vars: {w: c}}\n"
        "p: {children: {q: {hosts: {n: }, vars: {x: q}}}, "
        "vars: {x: p, ansible_group_priority: 9}}\n"
        "d: {hosts: {n: }, vars: {ansible_group_priority: much}}\n"
    )
    found = read("h.yml", {"h.yml": text})
    assert values(found) == {"v": "a", "w": "c", "x": "q"}
    assert notes(found) == [
        "h.yml:5: The ansible_group_priority of the group d is left out: it is no whole number."
    ]


def test_first_of_the_files_for_a_group_counts() -> None:
    texts = {f"group_vars/all{ending}": f'{{"v": "{ending}"}}' for ending in (".json", ".yaml")}
    assert values(read("h", {"h": "n\n", **texts})) == {"v": ".yaml"}
    assert values(read("h", {"group_vars/all.yml": "v: yml"})) == {"v": "yml"}
    assert values(read("h", {"group_vars/all/1/x": "w: 1", "group_vars/all/1.yml": "w: 2"})) == {
        "w": 2
    }


def test_kubespray_makes_its_groups_when_it_runs() -> None:
    text = "[kube_control_plane]\nb\na\n[kube_node]\nc\n"
    found = read("h", {"h": text, "group_vars/k8s_cluster.yml": "v: 1"})
    assert values(found) == {"v": 1}
    assert found.groups["k8s_cluster"] == ("a", "b", "c")
    old = read("h", {"h": "[kube-master]\nz\na\n", "group_vars/kube_control_plane.yml": "w: 1"})
    assert (old.host, values(old)) == ("z", {"v": 1, "w": 1})


def test_groups() -> None:
    text = "u\n[a]\nx[1:2]\n[b:children]\na\nc\n[c]\ny\nx2\n[e]\n"
    assert read("h", {"h": text}).groups == {
        "all": ("u", "x1", "x2", "y"),
        "ungrouped": ("u",),
        "a": ("x1", "x2"),
        "b": ("x1", "x2", "y"),
        "c": ("x2", "y"),
        "e": (),
    }


# Values.


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, True) for word in ("yes", "Yes", "YES", "on", "On", "ON", "true", "True")),
        *((word, False) for word in ("no", "No", "NO", "off", "OFF", "false", "FALSE")),
        *(
            (word, word)
            for word in ("y", "n", "yES", "tRUE", "0o644", "08", "1e3", "v1.2", "1.2.3")
        ),
        *((word, None) for word in ("", "~", "null", "NULL")),
        *(("0644", 420), ("0x1F", 31), ("0b11", 3), ("-5", -5), ("1_000", 1000), ("1:30", 90)),
        *(("1.5", 1.5), ("1.", 1.0), ("1.0e+3", 1000.0), ("-.inf", -math.inf), ("1:30.5", 90.5)),
        ("9" * 5000, "9" * 5000),
        ("2024-01-31", "2024-01-31"),
        ("0x_", "0x_"),
    ],
)
def test_plain_words(word: str, value: object) -> None:
    assert plain(word) == value
    assert type(plain(word)) is type(value)


@given(st.text())
def test_plain_never_fails(word: str) -> None:
    assert isinstance(plain(word), (str, int, float, bool, type(None)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("5", 5), ("1.5", 1.5), ("True", True), ("true", "true"), ("None", None), ("", "")),
        *(("'a b'", "a b"), ("[1, 'x']", [1, "x"]), ("(1, (2,))", [1, [2]])),
        *(("{'a': []}", {"a": []}), ("{[]: 1}", "{[]: 1}")),
        *(("a b # c", "a b # c"), ("5 # c", 5), ("0o17", 15), ("017", "017"), ("1+2j", "(1+2j)")),
        *(("b'x'", "x"), ("...", "..."), ("__import__('os')", "__import__('os')")),
        *((text, text) for text in ("-" * 9000 + "1", "[" * 5000, "'\\d", "9" * 9000, "\0")),
        ("'\\ud800'", "\ufffd"),
    ],
)  # fmt: skip
def test_literals(text: str, value: object) -> None:
    assert literal(text) == value


@given(st.text(alphabet="ab= \t\n\r\u00a0\\'\"#"))
def test_words_are_split_as_a_shell_does(line: str) -> None:
    try:
        expected = shlex.split(line, comments=True)
    except ValueError:
        with pytest.raises(ValueError):
            split_words(line)
    else:
        assert split_words(line) == expected


@given(st.text())
def test_literal_never_fails(text: str) -> None:
    json.dumps(literal(text), default=repr)


def test_tags_and_quotes() -> None:
    text = (
        'kept: "yes"\nvault: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n'
        "inside: [1, {x: !vault abc}]\nunsafe: !unsafe '{{ x }}'\nunsafe_word: !unsafe yes\n"
        "text: !!str 5\nnumber: !!int '0x10'\nbad: !!int seven\n"
        "python: !!python/object/apply:os.system ['touch owned']\njinja: '{{ a }}'\n"
    )
    found = read("h", {"h": "n\n", "group_vars/all.yml": text})
    assert values(found) == {
        "kept": "yes",
        "vault": Unknown(frozenset({"vault"})),
        "inside": [1, {"x": Unknown(frozenset({"inside"}))}],
        "unsafe": "{{ x }}",
        "unsafe_word": "yes",
        "text": "5",
        "number": 16,
        "bad": Unknown(frozenset({"bad"})),
        "python": Unknown(frozenset({"python"})),
        "jinja": "{{ a }}",
    }
    assert notes(found) == [
        "group_vars/all.yml:10: The value with the tag !!int counts as unknown.",
        "group_vars/all.yml:11: The value with the tag !!python/object/apply:os.system counts as "
        "unknown.",
    ]
    assert not Path("owned").exists()
    assert not found.vaulted


def test_merge_keys_and_duplicates() -> None:
    text = (
        "a: &x {k: 1, l: 1}\nb: &x {k: 2}\nc: {<<: *x, m: 3}\nd: {<<: [*x, {k: 9, n: 9}], n: 4}\n"
        "e: 1\ne: 2\n'<<': text\n"
    )
    found = read("h", {"h": "n\n", "group_vars/all.yml": text})
    assert values(found) == {
        "a": {"k": 1, "l": 1},
        "b": {"k": 2},
        "c": {"k": 2, "m": 3},
        "d": {"k": 2, "n": 4},
        "e": 2,
        "<<": "text",
    }
    assert notes(found) == ["group_vars/all.yml:6: The key e stands twice; the last one counts."]
    assert found.settings["e"].place == Place("group_vars/all.yml", 6, 1)


def test_json_is_no_yaml() -> None:
    found = read(
        "h",
        {"h": "n\n", "group_vars/all.yml": '{"a": 1e3, "b": "\\ud83d\\ude00", "b2": "\\ud800"}'},
    )
    assert values(found) == {"a": 1000.0, "b": "\U0001f600", "b2": "\ufffd"}


# Formats.


@pytest.mark.parametrize(
    ("pattern", "hosts", "port"),
    [
        ("node[1:3]", ["node1", "node2", "node3"], None),
        ("n[08:10]x", ["n08x", "n09x", "n10x"], None),
        ("n[1:9:4]", ["n1", "n5", "n9"], None),
        ("n[:1]", ["n0", "n1"], None),
        ("[a:c]", ["a", "b", "c"], None),
        ("[a:b]-[1:2]", ["a-1", "a-2", "b-1", "b-2"], None),
        ("host:22", ["host"], 22),
        ("n[1:2].example.org:2222", ["n1.example.org", "n2.example.org"], 2222),
        ("[::1]:22", ["::1"], 22),
        ("[host]:22", ["host"], 22),
        ("fe80::1", ["fe80::1"], None),
        ("10.0.0.1:22", ["10.0.0.1"], 22),
        ("node-:22", ["node-:22"], None),
    ],
)
def test_host_patterns(pattern: str, hosts: list[str], port: int | None) -> None:
    assert HostPatterns().expand(pattern) == (hosts, port)


@pytest.mark.parametrize(
    "pattern",
    [
        *("n[1:99999]", "n[1:200][1:200]", "n[1:" + "9" * 5000 + "]", "n[1:2", "n[x]", "n[c:a]"),
        *("n[1:a]", "n[1:2:0]", "n[01:100]", "n[1:]", "[1:1]" * 100, "[::]", "n[1:2:3:4]"),
    ],
)
def test_bad_host_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        HostPatterns().expand(pattern)


def test_ranges_of_a_file_are_counted_together() -> None:
    text = "".join(f"a{number}x[1:6000]\n" for number in range(2))
    assert "more than 10000 hosts" in refusal("h", {"h": text})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[a]\nx\n[b:children]\nmissing\n", 4, "missing, which is declared nowhere"),
        ("[a]\nx\n[b:vars]\nv=1\n", 3, "[b:vars] names the group b"),
        ("[a]\nx\n[a:vars]\nno equals sign\n", 4, "name=value is expected"),
        ("[a]\nx stray\n", 2, "name=value is expected, not stray"),
        ("[a]\nx v='open\n", 2, "No closing quotation"),
        ("[a b]\nx\n", 1, "is no section"),
        ("[a:other]\nx\n", 1, "not other"),
        ("[a]\nx:\n", 2, "is no host"),
        ("[a]\n" + "x" * 20_000, 2, "longer than"),
    ],
)
def test_bad_ini(text: str, line: int, words: str) -> None:
    message = refusal("h.ini", {"h.ini": text})
    assert message.startswith(f"h.ini:{line}: ")
    assert words in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("all:\n  hosts: [n1]\n", 2, "the hosts of the group all must be a mapping"),
        ("all:\n  hosts:\n    5: {}\n", 3, "must be text, not 5"),
        ("all:\n  hosts:\n    n: [x]\n", 3, "the variables of the host n must be a mapping"),
        ("all:\n  children: 5\n", 2, "the children of the group all"),
        ("1:\n  hosts: n\n", 1, "a group's name must be text"),
        ("- a\n- b\n", 1, "a mapping of groups"),
        ("all: {\n", 2, "not valid YAML"),
        ("all:\n  hosts: *nothing\n", 2, "stands for nothing"),
        ("all: {}\n---\nall: {}\n", 3, "a second YAML document"),
        ("all: &a\n  children: *a\n", 1, "inside its own anchor"),
        ("all:\n  ? [x]\n  : 1\n", 2, "cannot be a key"),
        ("all:\n  <<: 5\n", 2, "<< needs a mapping"),
        ("all:\n  hosts: {'n[1:99999]': }\n", 2, "more than 10000 hosts"),
    ],
)
def test_bad_yaml(text: str, line: int, words: str) -> None:
    message = refusal("h.yml", {"h.yml": text})
    assert message.startswith(f"h.yml:{line}:")
    assert words in message


def test_yaml_says_what_it_ignores() -> None:
    text = "all:\n  hosts: n1\n  vers: {a: 1}\nk8s: text\nempty:\n  other:\n"
    assert notes(read("h.yml", {"h.yml": text})) == [
        "h.yml:3: vers in the group all is left out: only hosts, vars and children count.",
        "h.yml:4: k8s is left out: it is no group.",
    ]


def test_endings_decide() -> None:
    assert values(read("h.ini", {"h.ini": "x a=1"})) == {"a": 1}
    assert values(read("h.prod", {"h.prod": "x a=2"})) == {"a": 2}
    assert values(read("h", {"h": '{"all": {"hosts": {"x": {"a": 3}}}}'})) == {"a": 3}
    assert "mapping of groups" in refusal("h.yml", {"h.yml": "x a=1"})
    assert "[a b] is no section" in refusal("h", {"h": "[a b]\nx\n"})
    assert "not valid YAML" in refusal("h", {"h": "all:\n  hosts: {n: \n"})


def test_loops() -> None:
    for text in ("[a:children]\nb\n[b:children]\na\n", "[a:children]\na\n", "[a:children]\nall\n"):
        assert "part of each other" in refusal("h", {"h": f"x\n{text}"})


# Listings.

LISTING = {
    "_meta": {"hostvars": {"n1": {"a": 1, "v": {"__ansible_vault": "x"}}, "n2": {"a": 2}}},
    "all": {
        "children": ["ungrouped", "kube_control_plane", "k8s_cluster"],
        "vars": {"a": 0, "b": 0},
    },
    "k8s_cluster": {"children": ["kube_control_plane"]},
    "kube_control_plane": {"hosts": ["n2", "n1"], "vars": {"u": {"__ansible_unsafe": "{{ x }}"}}},
}


def piped(listing: object) -> Inventory:
    return read_inventory("-", lambda: json.dumps(listing).encode())


def test_listing_on_standard_input() -> None:
    write({"group_vars/all.yml": "beside: 1"})
    found = piped(LISTING)
    assert (found.source, found.host) == ("-", "n2")
    assert values(found) == {"a": 2, "b": 0, "u": "{{ x }}"}
    assert str(found.settings["a"].place) == "standard input:1"
    assert found.groups["all"] == ("n1", "n2")
    assert not found.unread


def test_listing_in_a_file_is_complete() -> None:
    text = json.dumps(LISTING).replace('["n2", "n1"]', '["n1", "n2"]')
    found = read("list.json", {"list.json": text, "group_vars/all.yml": "beside: 1"})
    assert values(found)["v"] == Unknown(frozenset({"v"}))
    assert "beside" not in found.settings
    assert str(found.settings["v"].place) == "list.json:1"


def test_listing_without_the_groups_that_kubespray_makes() -> None:
    found = piped({"kube_control_plane": {"hosts": ["n"]}, "_meta": {"hostvars": {}}})
    assert notes(found)[0].startswith("standard input:1: The listing was made without k8s_cluster,")


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"5", b"\xff", b'{"a": 5}', b'{"a": {"hosts": [5]}}', b"[" * 100_000),
        *(b'{"_meta": []}', b'{"_meta": {"hostvars": []}, "a": ["n"]}', b'{"a": {"vars": [1]}}'),
        *(b'{"a":' * 100_000, b'{"a": {"hosts": ["n"]}, "b": ' + b"9" * 5000 + b"}"),
        *(b'{"_meta": {"hostvars": {"n": 5}}, "a": ["n"]}', b" " * (33 * 1024 * 1024)),
        b'{"a": {"hosts": ["n"], "vars": {"x": ' + b"[" * 500 + b"]" * 500 + b"}}}",
    ],
)
def test_bad_listings(data: bytes) -> None:
    with pytest.raises(UnusableInput, match="standard input"):
        read_inventory("-", lambda: data)


# Folders.


def test_folder() -> None:
    found = read(
        "inv",
        {
            "inv/b.yml": "all: {hosts: {n: {v: b, w: b}}}",
            "inv/c": "n v=c\n",
            "inv/a/hosts": "[all:vars]\nx=1\n",
            "inv/d.ini": "n v=d\n",
            "inv/e.bak": "n v=e\n",
            "inv/.f": "n v=f\n",
            "inv/README.md": "n v=g\n",
            "inv/credentials/x.creds": "n v=h\n",
            "inv/artifacts/kubectl.sh": "#!/bin/sh\n",
            "inv/z.yml": "- a list\n",
            "inv/host_vars/n.yml": "y: 1",
            "inv/a/host_vars/n.yml": "not: read",
        },
    )
    assert values(found) == {"v": "c", "w": "b", "x": 1, "y": 1}
    assert notes(found) == [
        "inv/d.ini:1: The file is left out: in a folder, Kubespray's ansible.cfg excludes .ini "
        "files; name it itself.",
        "inv/z.yml:1: The file is left out: an inventory in YAML is a mapping of groups.",
    ]


def test_folder_of_ini_files_says_what_to_do() -> None:
    assert "name it itself" in refusal("inv", {"inv/hosts.ini": "n\n"})


def test_links_into_circles() -> None:
    write({"h": "n\n", "group_vars/all/x.yml": "a: 1", "inv/h": "n\n"})
    Path("group_vars/all/loop").symlink_to(".")
    Path("inv/loop").symlink_to("..")
    assert values(read_inventory("h", no_input)) == {"a": 1}
    assert "through a link" in notes(read_inventory("h", no_input))[0]
    with pytest.raises(UnusableInput, match="through a link"):
        read_inventory("inv", no_input)


# What is never done, and what is left out.


@pytest.mark.parametrize(
    ("name", "text", "mode"),
    [
        ("hosts", "#!/bin/sh\ntouch owned\n", 0o755),
        ("hosts.yml", "#!/bin/sh\ntouch owned\n", 0o644),
        ("hosts.py", "print()\n", 0o755),
        ("hosts", "n\n", 0o700),
        ("hosts.yml", "plugin: aws_ec2\nregions: []\n", 0o644),
        ("hosts.toml", "[all]\n", 0o644),
        ("hosts.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n", 0o644),
    ],
)
@pytest.mark.parametrize("folder", ["", "inv"])
def test_programs_are_not_run(name: str, text: str, mode: int, folder: str) -> None:
    path = f"{folder}/{name}" if folder else name
    write({path: text})
    Path(path).chmod(mode)
    with pytest.raises(UnusableInput) as caught:
        read_inventory(folder or name, no_input)
    if not (folder and "VAULT" in text):
        assert f"run `ansible-inventory -i {path} --list` yourself" in str(caught.value)
        assert "`-i -`" in str(caught.value)
    assert not Path("owned").exists()


def test_executable_file_with_an_inventory_ending_is_data() -> None:
    write({"h.yml": HOST})
    Path("h.yml").chmod(0o755)
    assert read_inventory("h.yml", no_input).host == "n1"


def test_vault_files() -> None:
    found = read(
        "h.yml",
        {
            "h.yml": HOST,
            "group_vars/all/plain.yml": "a: 1",
            "group_vars/all/vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        },
    )
    assert found.vaulted
    assert values(found) == {"a": 1}
    assert notes(found) == [
        "group_vars/all/vault.yml:1: The file is left out: encrypted with ansible-vault."
    ]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: {\n", 2, "not valid YAML"),
        (b"a: 1\n\x07: 2\n", 2, "not valid YAML"),
        (b"- a\n", 1, "as a mapping"),
        (b"text\n", 1, "as a mapping"),
        (b"!vault abc\n", 1, "as a mapping"),
        (b"a: 1\n---\nb: 1\n", 3, "a second YAML document"),
        (b"a: " + b"[" * 300, 1, "nested deeper"),
        (b'{"a": ' + b"[" * 100_000, 1, "nested deeper"),
        (b"a: *b\n", 1, "stands for nothing"),
        (b"a: 1\nb: &b [*b]\n", 2, "inside its own anchor"),
        (b"a: &a\n  <<: *a\n", 1, "inside its own anchor"),
        (b"x: 1\n" * 2_000_000, 1, "8 MiB"),
    ],
)
def test_bad_variable_files_are_left_out(data: bytes, line: int, words: str) -> None:
    found = read("h", {"h": "n1\n", "group_vars/all.yml": data, "host_vars/n1.yml": "ok: 1"})
    assert values(found) == {"ok": 1}
    (note,) = notes(found)
    assert note.startswith(f"group_vars/all.yml:{line}: The file is left out: ")
    assert words in note
    assert note.endswith(".")


def test_special_files_are_left_out() -> None:
    write({"h": "n1\n", "group_vars/all/z.yml": "ok: 1"})
    os.mkfifo("group_vars/all/fifo.yml")
    Path("group_vars/all/gone.yml").symlink_to("nowhere")
    Path("group_vars/all/null.yml").symlink_to("/dev/zero")
    Path("group_vars/all/secret.yml").write_text("a: 1")
    Path("group_vars/all/secret.yml").chmod(0)
    Path("host_vars").write_text("no folder")
    found = read_inventory("h", no_input)
    assert found.settings["ok"].value == 1
    text = "\n".join(notes(found))
    for name, why in (
        ("group_vars/all/fifo.yml", "it is neither a file nor"),
        ("group_vars/all/gone.yml", "it is a symbolic link to nothing"),
        ("group_vars/all/null.yml", "it is neither a file nor"),
        *(() if ROOT else (("group_vars/all/secret.yml", "it cannot be read"),)),
        ("host_vars", "it is no folder"),
    ):
        assert f"{name}:1: The file is left out: {why}" in text


def test_dangling_link_does_not_hide_the_next_file() -> None:
    write({"h": "n1\n", "group_vars/all.yaml": "ok: 1"})
    Path("group_vars/all.yml").symlink_to("nowhere")
    found = read_inventory("h", no_input)
    assert values(found) == {"ok": 1}
    assert len(found.unread) == 1


@pytest.mark.parametrize(
    "named", ["", "missing", "fifo", "gone", "large", "latin", "\0", "x" * 300, "h1,", "h/x"]
)
def test_unusable_inventories(named: str) -> None:
    write({"large": b"x\n" * 5_000_000, "latin": b"[a]\n\xe4\n", "h": "n\n"})
    os.mkfifo("fifo")
    Path("gone").symlink_to("nowhere")
    with pytest.raises(UnusableInput):
        read_inventory(named, no_input)


@pytest.mark.parametrize("name", ["../secret", "..", "a/b", "/etc/passwd", ".", "x" * 1000])
def test_names_do_not_lead_out_of_the_folder(name: str) -> None:
    write({"secret.yml": "leak: 1", "group_vars/x": "", "host_vars/x": ""})
    group = json.dumps(name)
    found = read("h.yml", {"h.yml": f"{group}: {{hosts: {{n1: }}}}\nall: {{hosts: {{n1: }}}}"})
    assert not found.settings
    found = read("h.yml", {"h.yml": f"all: {{hosts: {{{group}: }}}}"})
    assert not found.settings


def test_control_characters_stay_out_of_messages() -> None:
    message = refusal("h.yml", {"h.yml": 'all: {hosts: {"\\e[31mx": [1]}}'})
    assert message.isprintable()
    found = read("h.yml", {"h.yml": 'all: {hosts: {n: {}}}\n"\\e[31mx": 5\n'})
    assert all(note.isprintable() for note in notes(found))


def test_name_that_is_not_utf8() -> None:
    name = os.fsdecode(b"\xff.yml")
    try:
        write({"h": "n\n", f"group_vars/all/{name}": "a: 1"})
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    place = read_inventory("h", no_input).settings["a"].place
    assert str(place) == "group_vars/all/\ufffd.yml:1"


def bombs() -> Iterator[Any]:
    steps = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    yield pytest.param(f"a0: &a0 [x]\n{steps}", "alias bomb", id="lists")
    merges = "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: 1}}\n" for n in range(1, 30)
    )
    yield pytest.param(f"a0: &a0 {{x: 1}}\n{merges}", "alias bomb", id="merges")
    wide = "".join(f"k{n}: 1, " for n in range(5000))
    many = "".join(f"b{n}: {{<<: *a}}\n" for n in range(5000))
    yield pytest.param(f"a: &a {{{wide}}}\n{many}", "alias bomb", id="wide merges")
    chain = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000))
    yield pytest.param(f"a0: &a0 [x]\n{chain}", "nested deeper", id="chain")
    merged = "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 5000))
    yield pytest.param(f"a0: &a0 {{x: 1}}\n{merged}", "nested deeper", id="merge chain")


@pytest.mark.parametrize(("text", "words"), list(bombs()))
def test_alias_bombs(text: str, words: str) -> None:
    begin = time.monotonic()
    found = read("h", {"h": "n1\n", "group_vars/all.yml": text, "host_vars/n1.yml": "ok: 1"})
    assert values(found) == {"ok": 1}
    assert words in notes(found)[0]
    assert words in refusal("h.yml", {"h.yml": text})
    assert time.monotonic() - begin < 5


def test_ordinary_aliases_and_many_nodes_are_read() -> None:
    text = "a: &a [1, 2]\n" + "".join(f"k{n}: *a\n" for n in range(2000))
    many = "list: [" + "1, " * 150_000 + "1]\n"
    found = read("h", {"h": "n1\n", "group_vars/all.yml": text + many})
    assert len(found.settings) == 2002
    assert not found.unread


def test_too_many_memberships() -> None:
    chain = "".join(f"[g{n}:children]\ng{n + 1}\n[g{n}]\nh{n}\n" for n in range(2000))
    assert "more than 1000000 hosts in all" in refusal("h", {"h": f"{chain}[g2000]\n"})


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for name in ("h", "h.yml", "h.ini", "h.json"):
        Path(name).write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8")
        try:
            read_inventory(name, no_input)
        except UnusableInput as error:
            assert str(error)
    with suppress(UnusableInput):
        read_inventory("-", lambda: text.encode("utf-8", "replace"))


@given(
    st.lists(
        st.sampled_from(
            ("[a]", "[a:vars]", "[b:children]", "a", "b", "n1", "n[1:2] x=1", "k=v", "[all:vars]")
        ),
        max_size=8,
    )
)
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    Path("h").write_text("\n".join(lines), encoding="utf-8")
    try:
        found = read_inventory("h", no_input)
    except UnusableInput:
        return
    assert found.host in found.groups["all"]
