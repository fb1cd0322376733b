"""Values that are worked out from the tree, for the templates of files that a patch adds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.engine.fields import Fields
from generator.engine.operations.base import order_of
from generator.engine.operations.only_on import limits
from generator.exits import Unsafe
from generator.model.expression.parse import parse_expression
from generator.model.kubespray import Kubespray
from generator.model.role import role_file, role_name, same_role
from generator.model.use import Use
from generator.text.document import Document, Mapping, Node, Scalar, Sequence
from generator.text.words import plain

_EQUALS = re.compile(r"""([A-Za-z_]\w*)\s*==\s*("[^"'\\{}]*"|'[^"'\\{}]*')""")


@dataclass(frozen=True, slots=True)
class Deployment:
    """When and with which tags dependencies run: all of `when` must hold."""

    when: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DependenciesOf:
    """When any of the dependencies of `role` runs that put something into the cluster.

    Those on roles `without` do not count. `on` is the host, as `group[0]`, to which the conditions
    are limited where those of the dependencies are not. With `behind` there are conditions only
    where the playbook `playbook` uses `role`, for the first time, behind the role of that name.
    """

    role: str
    on: str = ""
    without: tuple[str, ...] = ()
    behind: str = ""
    playbook: str = ""

    @classmethod
    def read(cls, fields: Fields) -> DependenciesOf:
        """Read the value from a patch file."""
        fields.only(["dependencies-of", "on", "without", "behind", "in"])
        on, behind, playbook = (
            fields.text(name) if fields.has(name) else "" for name in ("on", "behind", "in")
        )
        if on and not re.fullmatch(r"[A-Za-z_]\w*\[[0-9]{1,4}\]", on):
            raise fields.wrong("on", "a host of a group, as group[0]")
        if bool(behind) != bool(playbook):
            raise fields.wrong("behind", "a role, with the playbook that has it as 'in'")
        return cls(fields.text("dependencies-of"), on, fields.texts("without"), behind, playbook)

    def of(self, kubespray: Kubespray) -> Deployment:
        """Return the value for a tree.

        Raises Unsafe naming the place where the conditions cannot be told.
        """
        if self.behind and not self._comes_behind(kubespray):
            return Deployment((), ())
        folder = kubespray.role_named(self.role)
        meta = role_file(kubespray.tree, folder, "meta") if folder else None
        document = kubespray.document(meta) if meta else None
        at = meta or f"{folder or self.role}/meta/main.yml"
        listed = kubespray.meta(folder).dependencies if folder else ()
        uses = [use for use in listed if folder and self._deploys(kubespray, use, folder)]
        if document is None or not uses:
            if self.behind:
                return Deployment((), ())
            raise Unsafe(
                f"{at}:1: cannot tell when role '{self.role}' deploys anything: it has no "
                "dependency here that does. Add this by hand."
            )
        when = _any_of([_conditions(document, use) for use in uses])
        if self.on and not any(limits(condition, self.on) for condition in when):
            group, _, index = self.on.removesuffix("]").partition("[")
            when = (*when, f"inventory_hostname == groups['{group}'][{index}]")
        return Deployment(when, tuple(dict.fromkeys(tag for use in uses for tag in use.tags)))

    def _comes_behind(self, kubespray: Kubespray) -> bool:
        order = order_of(kubespray, self.playbook)
        if order is None:
            return False
        steps = [order.of_role(role) for role in (self.behind, self.role)]
        return all(steps) and steps[0][0].number < steps[1][0].number

    def _deploys(self, kubespray: Kubespray, use: Use, folder: str) -> bool:
        """Tell whether a dependency can put something into the cluster; one out of the tree can."""
        path = None if use.is_template else kubespray.role_path(use.name, "", folder)
        name = role_name(path) if path else use.name
        if any(same_role(name, other) for other in self.without):
            return False
        if path is None:
            return True
        return kubespray.concerns_cluster(path) or bool(kubespray.meta(path).dependencies)


def _conditions(document: Document, use: Use) -> tuple[str, ...]:
    """Return the conditions of a dependency, each on one line."""
    entry = document.follow(document.node(use.route))
    node = document.value(entry, "when") if isinstance(entry, Mapping) else None
    nodes = node.items if isinstance(node, Sequence) else (node,) if node is not None else ()
    found = tuple(_condition(document, item) for item in nodes)
    if not any(found):
        raise Unsafe(
            f"{use.place}: cannot tell when role '{use.name}' is deployed: it has no `when`. "
            "Give it one, or add this by hand."
        )
    return tuple(text for text in found if text)


def _condition(document: Document, node: Node) -> str:
    scalar = document.follow(node)
    text = " ".join(scalar.value.split()) if isinstance(scalar, Scalar) else ""
    if isinstance(scalar, Scalar) and not scalar.style and isinstance(plain(text), bool):
        return str(plain(text)).lower()
    templated = any(mark in text for mark in ("{{", "{%", "{#"))
    if not isinstance(scalar, Scalar) or templated or (text and parse_expression(text) is None):
        raise Unsafe(
            f"{document.place(node)}: cannot tell when this role is deployed: this condition "
            "cannot be understood. Write it as an expression without braces."
        )
    return text


def _any_of(alternatives: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return conditions, all of which hold where all those of any alternative hold.

    What the alternatives have in common comes first, in its order, for it may guard the rest
    (`x is defined`).
    """
    common = [
        condition for condition in dict.fromkeys(alternatives[0])
        if all(condition in others for others in alternatives)
    ]  # fmt: skip
    rests = [tuple(one for one in each if one not in common) for each in alternatives]
    if not all(rests):
        return tuple(common)
    return (*common, _either(list(dict.fromkeys(rests))))


def _either(rests: list[tuple[str, ...]]) -> str:
    equal = [_EQUALS.fullmatch(rest[0]) if len(rest) == 1 else None for rest in rests]
    names = {match[1] for match in equal if match}
    if all(equal) and len(names) == 1:
        values = ", ".join(f"'{match[2][1:-1]}'" for match in equal if match)
        return f"{names.pop()} in [{values}]"
    return " or ".join(_all_of([f"({one})" for one in rest]) for rest in rests)


def _all_of(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' and '.join(conditions)})"
