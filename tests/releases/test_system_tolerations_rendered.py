"""What the patch `system-tolerations` does to manifests, asked of Ansible's own templating.

Every template of the roles that the patch touches is rendered before and after, with the tree's
own defaults and some other sets of variables: the manifests must differ by the toleration in the
pods of the chosen workloads, and by nothing else.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import yaml
from oracles import ansible, checkout, render
from oracles.ansible import Refused

from generator.engine.choice import Choice, choose
from generator.engine.patch import SemanticPatch, load_patches
from generator.engine.series import Applied, plan
from generator.resources import resource_dir

from . import Release
from .conftest import FEW

pytestmark = [pytest.mark.releases, pytest.mark.ansible]

ID = "system-tolerations"
ENTRY = {
    "key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists",
    "effect": "NoSchedule",
}  # fmt: skip

WORKLOADS: Mapping[str, frozenset[str]] = {
    name: frozenset(workloads.split())
    for name, workloads in {
        "calico-typha": "calico-typha",
        "calico-apiserver": "calico-apiserver",
        "calico-kube-controllers": "calico-kube-controllers",
        "coredns": "coredns",
        "dns-autoscaler": "dns-autoscaler",
        "hubble": "hubble-relay hubble-ui hubble-generate-certs",
        "kube-ovn-pinger": "kube-ovn-pinger",
        "metallb-controller": "controller",
        "metrics-server": "metrics-server",
        "cert-manager": "cert-manager cert-manager-cainjector cert-manager-webhook",
        "dashboard": "kubernetes-dashboard kubernetes-metrics-scraper",
        "ingress-nginx": "ingress-nginx-controller ingress-nginx-admission-create "
                         "ingress-nginx-admission-patch",
        "local-path-provisioner": "local-path-provisioner",
        "local-volume-provisioner": "local-volume-provisioner",
        "metallb-speaker": "speaker",
        "node-feature-discovery": "node-feature-discovery-master node-feature-discovery-worker "
                                  "node-feature-discovery-gc",
        "registry": "registry",
        "scheduler-plugins": "scheduler-plugins-controller scheduler-plugins-scheduler",
        "snapshot-controller": "snapshot-controller",
    }.items()
}  # fmt: skip
"""The workloads of each component by their names in the cluster, read from the manifests."""

KINDS = {"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob", "Pod"}
_WORKLOAD = re.compile(rf"^\s*kind:\s*[\"']?(?:{'|'.join(KINDS)})\b".encode(), re.MULTILINE)

Document = Any


class _Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A loader for which two lists of tolerations are an error; `=` is a plain word.

    Upstream's own manifests have other keys twice.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if keys.count("tolerations") > 1:
            raise yaml.constructor.ConstructorError(None, None, "two lists", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_Strict.add_constructor("tag:yaml.org,2002:value", _Strict.construct_yaml_str)


@dataclass(frozen=True)
class Chosen:
    """The patch with some components, done to a release."""

    applied: Applied
    files: Mapping[str, bytes]

    @property
    def workloads(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        return found.union(*(WORKLOADS[name] for name in self.applied.components))


def documents(text: str) -> list[Document]:
    """The documents of a manifest; raises yaml.YAMLError where it is none."""
    return [each for each in yaml.load_all(text, Loader=_Strict) if each is not None]


def is_broken(text: str) -> bool:
    """Tell whether a text is no YAML: with some switches, some of upstream's own are none."""
    try:
        documents(text)
    except yaml.YAMLError:
        return True
    return False


def only_adds(before: str, after: str) -> bool:
    """Tell whether nothing but lines of the entry were added to a text."""
    lines = {"tolerations:", *(f"{key}: {value}" for key, value in ENTRY.items())}
    old, new = before.split("\n"), after.split("\n")
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    added = [line for step, _, _, a, b in steps if step == "insert" for line in new[a:b]]
    return {step for step, *_ in steps} <= {"equal", "insert"} and all(
        line.strip(" -") in lines for line in added
    )


def pods(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod specification of a workload with the workload's name; of a list, all of them."""
    if not isinstance(document, dict):
        return
    if document.get("kind") == "List":
        for item in document.get("items") or []:
            yield from pods(item)
    if document.get("kind") in KINDS:
        spec = document["spec"]
        spec = spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec
        spec = spec if document["kind"] == "Pod" else spec["template"]["spec"]
        yield document["metadata"]["name"], spec


def without_entry(document: Document, names: frozenset[str]) -> Document:
    """A document without the entry in the pods of some workloads; the list goes with its last."""
    document = copy.deepcopy(document)
    for name, spec in pods(document):
        if name in names and ENTRY in (spec.get("tolerations") or []):
            rest = list(spec["tolerations"])
            rest.remove(ENTRY)
            assert ENTRY not in rest, f"{name}: the entry stands twice"
            spec["tolerations"] = rest
    return bare(document)


def bare(document: Document) -> Document:
    """A document in which a pod without tolerations has no list of them."""
    document = copy.deepcopy(document)
    for _, spec in pods(document):
        if not spec.get("tolerations"):
            spec.pop("tolerations", None)
    return document


@pytest.fixture(scope="session")
def known() -> Mapping[str, SemanticPatch]:
    return load_patches([resource_dir("patches")])


@pytest.fixture(scope="session")
def bin_dir(revision: str, ansible_pins: Mapping[str, str]) -> Path:
    """The Ansible of the last release of the revision's line: the newest that it was tried with."""
    line = re.findall(r"\d+", revision)[:2]
    pins = [pin for name, pin in ansible_pins.items() if re.findall(r"\d+", name)[:2] == line]
    pin = pins[-1] if pins else ansible_pins["master"]
    found = ansible.ansible_for(pin)
    if found is None:
        pytest.skip(ansible.why_not(pin))
    return found


@pytest.fixture(scope="session")
def tree(revision: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout.export(url, revision, tmp_path_factory.mktemp("rendered") / "tree")


@pytest.fixture(scope="session")
def states(release: Release, known: Mapping[str, SemanticPatch]) -> Mapping[str, Chosen]:
    """The patch with all components, and with each unwise one, where it changes anything."""
    names = ["all", *(one.name for one in known[ID].components if one.unwise is not None)]
    found = {}
    for name in names:
        patches = choose(known, Choice(only=(f"{ID}={name}",)))
        for applied in plan(release.before, patches).applied:
            files = {change.path: change.after for change in applied.files if change.after}
            found[name] = Chosen(applied, files)
    return found


@pytest.fixture(scope="session")
def templates(tree: Path) -> tuple[str, ...]:
    paths = (path.relative_to(tree).as_posix() for path in (tree / "roles").rglob("*.j2"))
    return tuple(sorted(path for path in paths if "/templates/" in path))


@pytest.fixture(scope="session")
def results(
    revision: str, bin_dir: Path, tree: Path, templates: tuple[str, ...],
    states: Mapping[str, Chosen],
) -> Mapping[str, Mapping[str, Mapping[str, str | Refused]]]:  # fmt: skip
    """What comes out, by state (`before` first), set of variables and template.

    Where neither a template nor a file of its role has changed, all that it is rendered with is
    the same; such ones are rendered on a few releases only. With other variables than the
    defaults, templates without workloads are left out.
    """
    wanted = {name: _concerned(chosen, templates) for name, chosen in states.items()}
    if revision in FEW and "all" in states:
        wanted["all"] = templates
    wanted["before"] = tuple(
        path for path in templates if any(path in paths for paths in wanted.values())
    )
    sources = {path: (tree / path).read_bytes() for path in wanted["before"]}
    asks = not any(
        b"if metallb_config.controller.tolerations %}" in each for each in sources.values()
    )
    sets = render.variants(render.toleration_names(sources.values()), asks)
    manifests = {path for path, source in sources.items() if _WORKLOAD.search(source)}
    asked = [
        render.State(
            name,
            {
                each: [path for path in wanted[name] if each == "defaults" or path in manifests]
                for each in sets
            },
            states[name].files if name in states else {},
        )
        for name in ("before", *states)
    ]
    return render.rendered(bin_dir, tree, asked, sets)


def _concerned(chosen: Chosen, templates: Sequence[str]) -> tuple[str, ...]:
    """The templates of the roles in which something changed."""
    roles = {re.split("/(?:templates|defaults|files)/", path)[0] for path in chosen.files}
    return tuple(path for path in templates if path.partition("/templates/")[0] in roles)


def compared(
    results: Mapping[str, Mapping[str, Mapping[str, str | Refused]]], states: Mapping[str, Chosen]
) -> Iterator[tuple[Chosen, str, str | Refused, str | Refused]]:
    """Each rendered template: the choice, where it is, and what comes out before and after."""
    for name, chosen in states.items():
        for variant, after in results[name].items():
            for path, text in after.items():
                yield chosen, f"{name}, {variant}: {path}", results["before"][variant][path], text


def test_nothing_else_changes(
    results: Mapping[str, Mapping[str, Mapping[str, str | Refused]]], states: Mapping[str, Chosen]
) -> None:
    changed = 0
    for chosen, where, before, after in compared(results, states):
        if before == after:
            continue
        assert isinstance(before, str) and isinstance(after, str), (where, before, after)
        changed += 1
        if is_broken(before):
            assert only_adds(before, after), where
            continue
        old, new = documents(before), documents(after)
        restored = [without_entry(document, chosen.workloads) for document in new]
        assert restored == [bare(document) for document in old], where
        assert new != old, f"{where}: only the text differs"
    assert changed or not states


def test_the_chosen_ones_tolerate_the_taint(
    results: Mapping[str, Mapping[str, Mapping[str, str | Refused]]], states: Mapping[str, Chosen]
) -> None:
    """With whatever variables they are rendered, but for those that replace the whole list.

    The manifest of MetalLB in v2.22.0 is no YAML, whatever the variables.
    """
    seen: dict[str, set[str]] = {name: set() for name in states}
    broken: dict[str, set[str]] = {name: set() for name in states}
    for name, chosen in states.items():
        paths = set(_concerned(chosen, list(results[name]["defaults"])))
        for variant, after in results[name].items():
            for path, text in after.items():
                before = results["before"][variant][path]
                if path not in paths or not isinstance(text, str) or not isinstance(before, str):
                    continue
                if not _WORKLOAD.search(text.encode()):
                    continue
                if is_broken(before):
                    assert path not in chosen.files or ENTRY["key"] in text, (name, variant, path)
                    broken[name].add(path)
                    continue
                for document in documents(text):
                    for workload, spec in pods(document):
                        if workload not in chosen.workloads:
                            continue
                        seen[name].add(workload)
                        entries = spec.get("tolerations") or []
                        there = ENTRY in entries or {"operator": "Exists"} in entries
                        replaced = variant == render.REPLACING and path not in chosen.files
                        assert there or replaced, f"{name}, {variant}: {workload} in {path}"
    for name, chosen in states.items():
        for component in chosen.applied.components:
            role = component.partition("-")[0]
            none = any(f"/{role}/" in path for path in broken[name])
            assert none or seen[name] & WORKLOADS[component], (
                f"{name}: {component} was not rendered"
            )


def test_what_changes_can_be_rendered(
    results: Mapping[str, Mapping[str, Mapping[str, str | Refused]]], states: Mapping[str, Chosen]
) -> None:
    """Of what the harness cannot render nothing is known: no such file may be changed."""
    for _, where, _, after in compared(results, states):
        chosen = states[where.partition(",")[0]]
        if where.partition(": ")[2] in chosen.files:
            assert isinstance(after, str), (where, after)


def test_the_results_are_valid(
    results: Mapping[str, Mapping[str, Mapping[str, str | Refused]]], states: Mapping[str, Chosen]
) -> None:
    """By Kubernetes' own schemas; a manifest that was not valid before has nothing to lose."""
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is missing")
    valid = 0
    for _, where, before, after in compared(results, states):
        if before == after or "defaults" not in where:
            continue
        assert isinstance(before, str) and isinstance(after, str)
        if is_broken(before):
            continue
        for old, new in zip(documents(before), documents(after), strict=True):
            if old == new:
                continue
            if _is_valid(validator, old):
                assert _is_valid(validator, new), where
                valid += 1
    assert valid or not states


def _is_valid(validator: Any, document: Document) -> bool:
    try:
        validator.validate(document, "1.32", strict=True)
    except (validator.ValidationError, validator.SchemaNotFoundError):
        return False
    return True


def test_every_component_is_one_that_the_table_knows(known: Mapping[str, SemanticPatch]) -> None:
    assert {component.name for component in known[ID].components} == WORKLOADS.keys()
