"""Inventories as the program merges them against what the real `ansible-inventory` says."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from oracles import ansible, inventory

from generator.model.inventory import Inventory, read_inventory
from generator.text.words import plain

pytestmark = pytest.mark.ansible

VERSIONS = ("v2.22.2", "v2.27.1", "v2.31.0", "newest")

ALPHABETS = ("0123456789+-._:eExXbBoOaAfFnNyYtTrRuUsSlL~ ", "015:._+-ex")
SPELLINGS = (
    *(
        "y",
        "n",
        "yes",
        "Yes",
        "YES",
        "yEs",
        "no",
        "No",
        "on",
        "OFF",
        "true",
        "tRUE",
        "null",
        "Null",
    ),
    *("~", "nUll", "-0", "+1", "1_000", "0644", "0o644", "08", "0x1F", "0XFF", "0b101", "1:30"),
    *("190:20:30", "1:60", "-1:30", "1.5", "1.", ".5", "-.5", "1e3", "1.0e3", "1.0e+3", "1.e-2"),
    *(".inf", "-.inf", "+.INF", ".Inf", ".nan", "1:30.5", "12e03", "1_0.5_0", "0_", "00", "01"),
)

YAML = """\
all:
  vars:
    level: all
    only_all: [1, two, 3.0, {deep: yes}]
    dictionary: {a: 1, b: 2}
    template: "{{ level }} of {{ inventory_hostname }}"
  hosts:
    first: {own: 1, level: host}
    node[1:3]:2222:
      ranged: true
  children:
    kube_control_plane:
      hosts:
        node2: {level: node2, "quoted": "yes", plain: yes}
        node1:
      vars: &shared
        from_group: control
        dictionary: {c: 3}
    k8s_cluster:
      vars:
        <<: *shared
        cluster: true
        from_group: cluster
      children:
        kube_control_plane:
        kube_node: {}
    kube_node:
      hosts: node3
      vars: {from_group: node}
    aaa:
      hosts: {node2: null, 'node[a:c]-x': null}
      vars: {tie: aaa, prioritized: aaa, ansible_group_priority: 10}
    zzz:
      hosts: {node2: }
      vars: {tie: zzz, prioritized: zzz, deep_group: zzz}
    top:
      children:
        middle:
          children:
            bottom: {hosts: {node2: null}, vars: {deep_group: bottom}}
          vars: {deep_group: middle, only_middle: 0x10}
"""

INI = """\
# what stands before any section is in no group
alone one=1
node1 ansible_host=10.0.0.1 text="with space" list="[1, 'two', {'a': True}]" hash=a#b ip=10.3
[all]
node2:2222 port_before=1
[k8s_cluster:children]
kube_node
kube_control_plane  # declared below
[kube_node]
node[1:2]
other-[a:c:2]
pad[08:11]
[kube_control_plane]
node2 later=yes quoted='"x"' empty= none=None octal=0o17 number=1_000 neg=-5 float=1.5 esc=a\\ b
node1
; a comment
[kube_control_plane:vars]
a_text = some words # and no comment
a_number = 5 # a comment
a_bool = true
a_Bool = True
a_list = ['x', ("y", 1)]
equals = a=b=c
empty =
[k8s_cluster:vars]
a_number = 6
other = cluster
[all:vars]
other = all
last = "quoted"
"""

VARIABLES = """\
level: group_vars
base: &base {one: 1, two: 2}
merged: {<<: *base, two: 3}
many: {<<: [{x: 1, y: 1}, {x: 2, z: 2}], z: 3}
again: *base
nothing:
text: |
  several
  lines
folded: >-
  one
  line
date: 2024-01-31
version: 1.30
tagged: !!str 5
number: !!int "7"
floating: !!float 3
unicode: "\\u00e4\\x41"
1: left out
"""

CASES: dict[str, tuple[str, str, dict[str, str]]] = {
    "yaml": (
        "inv/hosts.yaml",
        "node2",
        {
            "inv/hosts.yaml": YAML,
            "inv/group_vars/all.yml": VARIABLES.replace("1: left out\n", ""),
            "inv/group_vars/k8s_cluster/b.yml": "order: b\nfrom_group: file\n",
            "inv/group_vars/k8s_cluster/a.yaml": "order: a\nfirst_file: a\n",
            "inv/group_vars/k8s_cluster/.hidden.yml": "hidden: 1\n",
            "inv/group_vars/k8s_cluster/c.yml~": "backup: 1\n",
            "inv/group_vars/k8s_cluster/d.txt": "other_ending: 1\n",
            "inv/group_vars/k8s_cluster/sub/deep.json": '{"exp": 1e3, "yes": "yes", "n": null}',
            "inv/group_vars/k8s_cluster/sub.d/x.yml": "folder_with_ending: 1\n",
            "inv/group_vars/bottom": "no_ending: true\n",
            "inv/group_vars/zzz/x.yml": "of_zzz: folder\n",
            "inv/group_vars/zzz.yml": "of_zzz: file\nnever: read\n",
            "inv/group_vars/aaa.yml": "tie: file aaa\nprioritized: file aaa\n",
            "inv/group_vars/ungrouped.yml": "ungrouped: 1\n",
            "inv/host_vars/node2.yml": "ranged: [of, host]\n",
            "inv/host_vars/node1.yml": "ranged: other\n",
        },
    ),
    "ini": (
        "./inv/inventory.ini",
        "node2",
        {
            "inv/inventory.ini": INI,
            "inv/group_vars/all/all.yml": "other: file\na_number: '7'\nloaded: file\n",
            "inv/host_vars/node2/vars": "{loaded: host_vars, later: no}\n",
        },
    ),
    "no ending, INI": ("hosts", "node2", {"hosts": INI, "group_vars/all.json": '{"a_list": {}}'}),
    "no ending, YAML": ("hosts", "node2", {"hosts": YAML}),
    "no ending, JSON": (
        "hosts",
        "n",
        {"hosts": '{"all": {"hosts": {"n": {"x": 1e2, "y": "on"}}, "vars": {"z": [null]}}}'},
    ),
    "folder": (
        "inv/",
        "a2",
        {
            "inv/10-base.yml": "kube_control_plane: {hosts: {a2: {from: 10}, a1: }, vars: {v: 1}}",
            "inv/20-more": "[kube_control_plane]\na0 from=20\na2 from=20\n[extra]\na2\n",
            "inv/30-last.yml": "extra: {vars: {v: 30, w: 30}}\n",
            "inv/05-first/hosts": "[extra:vars]\nw=5\n[extra]\n",
            "inv/40.ini": "[all:vars]\nini=1\n",
            "inv/50.bak": "[all:vars]\nbak=1\n",
            "inv/60.cfg": "nonsense [\n",
            "inv/artifacts/x.yml": "all: {vars: {artifact: 1}}\n",
            "inv/.hidden.yml": "all: {vars: {hidden: 1}}\n",
            "inv/group_vars/extra.yml": "g: extra\n",
            "inv/05-first/group_vars/all.yml": "nested: 1\n",
        },
    ),
    "in a loose order": (
        "x.yml",
        "h",
        {
            "x.yml": "b: {children: {c: {hosts: {h: {}}}}}\nz: {hosts: {h: }, vars: {v: z}}\n"
            "c: {vars: {v: c}}\na: {children: {b: {vars: {v: b}}}}\nall: {vars: {v: all}}\n",
            "group_vars/z.yml": "v: file\n",
        },
    ),
}


@pytest.fixture(scope="module", params=VERSIONS)
def bin_dir(request: pytest.FixtureRequest, ansible_pins: Mapping[str, str]) -> Path:
    wanted = ansible.NEWEST if request.param == "newest" else ansible_pins.get(request.param, "")
    found = ansible.ansible_for(wanted) if wanted else None
    if found is None:
        pytest.skip(ansible.why_not(wanted) if wanted else f"there is no {request.param}")
    return found


def written(directory: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, encoding="utf-8")


def no_input() -> bytes:
    raise AssertionError("standard input was read")


def data_of(found: Inventory) -> dict[str, Any]:
    values = {name: setting.value for name, setting in found.settings.items()}
    result: dict[str, Any] = json.loads(json.dumps(values))
    return result


def hosts_in(listing: Mapping[str, Any], group: str) -> set[str]:
    own = set(listing.get(group, {}).get("hosts", ()))
    return own.union(
        *(hosts_in(listing, kid) for kid in listing.get(group, {}).get("children", ()))
    )


@pytest.mark.parametrize("name", CASES)
def test_same_variables_and_groups(
    bin_dir: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, host, texts = CASES[name]
    written(tmp_path, texts)
    monkeypatch.chdir(tmp_path)
    listing = inventory.listed(bin_dir, tmp_path, source)
    ours = read_inventory(source, no_input)
    assert (ours.host, data_of(ours)) == (host, listing["_meta"]["hostvars"][host])
    for group in ours.groups:
        if group in listing:
            assert set(ours.groups[group]) == hosts_in(listing, group)
    assert data_of(ours)

    again = read_inventory("-", lambda: json.dumps(listing).encode())
    assert data_of(again) == listing["_meta"]["hostvars"][again.host]


def test_same_words(bin_dir: Path) -> None:
    draw = random.Random(1)
    drawn = (
        "".join(draw.choices(draw.choice(ALPHABETS), k=draw.randint(1, 7))).strip()
        for _ in range(20_000)
    )
    plain_words = list(dict.fromkeys([*SPELLINGS, *(word for word in drawn if word)]))
    compared = 0
    for word, (kind, shown) in zip(plain_words, inventory.words(bin_dir, plain_words), strict=True):
        if kind in ("int", "float", "bool", "NoneType", "str"):
            value = plain(word)
            if kind == "str" and isinstance(value, str):
                continue  # Spaces and comments in it are the parser's affair.
            assert (type(value).__name__, repr(value)) == (kind, shown), word
            compared += 1
    assert compared > 400


def test_comparison_can_fail(bin_dir: Path, tmp_path: Path) -> None:
    """A host_vars file that Ansible sees, and the program does not, makes a difference."""
    source, host, texts = CASES["no ending, YAML"]
    written(tmp_path, texts)
    ours = data_of(read_inventory(str(tmp_path / source), no_input))
    written(tmp_path, {f"host_vars/{host}.yml": "more: 1\n"})
    assert ours != inventory.listed(bin_dir, tmp_path, source)["_meta"]["hostvars"][host]
