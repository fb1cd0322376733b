"""Real releases of Kubespray, read from the mirror: what the tests in this package share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from generator.engine.choice import Choice, choose
from generator.engine.patch import load_patches
from generator.engine.series import Series, plan
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.step import Order
from generator.resources import resource_dir
from generator.tree.base import Tree, find, read
from generator.tree.locate import Wanted, open_tree

APPROVER = "kubernetes-apps/kubelet-csr-approver"
CCM = "kubernetes-apps/external_cloud_controller"
META = f"roles/{APPROVER}/meta/main.yml"
NEWEST = (10**6, 0)

_HELM_VALUES = ("releases", APPROVER, "helm-apps")


@dataclass(frozen=True)
class Release:
    """One revision of the mirror, as the program reads it, with the program's default series."""

    name: str
    mirror: Path

    @cached_property
    def tree(self) -> Tree:
        return open_tree(Wanted(self.mirror, self.name))

    @cached_property
    def before(self) -> Kubespray:
        return Kubespray(self.tree)

    @cached_property
    def series(self) -> Series:
        return self.planned()

    def planned(self, *only: str) -> Series:
        """The series of the default patches, or of these only."""
        return plan(self.before, chosen(*only))

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor number of a tag or a release branch; master is newer than all."""
        match = re.fullmatch(r"(?:v|release-)(\d+)\.(\d+)(?:\.\d+)?", self.name)
        return (int(match[1]), int(match[2])) if match else NEWEST

    @property
    def has_approver(self) -> bool:
        return self.version >= (2, 22)

    @property
    def order_is_wrong(self) -> bool:
        """Whether cluster.yml has the approver before the CCM: upstream's fix came in v2.28.0."""
        return (2, 22) <= self.version < (2, 28)

    def data(self, path: str) -> Any:
        """A file of the release, loaded by a parser that is not the program's."""
        return loaded(read(self.tree, path))

    def close(self) -> None:
        """End the process that reads objects, where one was started."""
        if "tree" in self.__dict__:
            close = getattr(self.tree, "close", None)
            if close:
                close()


def chosen(*only: str) -> tuple[Any, ...]:
    """The default semantic patches, or these only."""
    return choose(load_patches([resource_dir("patches")]), Choice(only=only))


def loaded(data: bytes) -> Any:
    """The data of a YAML file; some of upstream's hold a key twice, and the last one counts."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    return yaml.load(data.decode("utf-8"))


def contents(tree: Tree, paths: Iterator[str] | list[str]) -> dict[str, bytes | None]:
    """The bytes of some files of a tree."""
    return {path: read(tree, path) if find(tree, path) else None for path in paths}


def order_of(kubespray: Kubespray, name: str) -> Order:
    """The order of the playbook of that name, however the release spells it."""
    path = kubespray.playbook_named(name)
    assert path is not None, f"no playbook {name}"
    return kubespray.order(path)


def meanings(order: Order) -> list[tuple[object, ...]]:
    """What an order says about running, without the places where that is written.

    What the approver gives to Helm is left out: that is not order, and the patch changes it.
    """
    return [
        (
            step.play_number,
            step.play.hosts,
            step.role,
            step.tags,
            step.when,
            step.repeats,
            step.unresolved,
            step.use.kind,
            [pair for pair in step.use.params if (pair[0], *step.roles[-2:]) != _HELM_VALUES],
            [use.name for use in step.chain],
        )
        for step in order.steps
    ]


def stems(order: Order) -> set[str]:
    """The names of the playbook files that an order is made of."""
    return {playbook_stem(path) for path in order.files}


def helm_release(meta: Any) -> dict[str, Any]:
    """The approver's Helm release in the data of its role's meta file."""
    (dependency,) = (item for item in meta["dependencies"] if item["role"] == "helm-apps")
    found: dict[str, Any]
    (found,) = dependency["releases"]
    return found
