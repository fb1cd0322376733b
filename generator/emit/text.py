"""Orders and semantic patches as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from generator.emit.wrap import bullet, paragraphs
from generator.engine.operations.base import Component
from generator.engine.patch import ALL, SemanticPatch, component_of
from generator.model.step import Order, Step

_WIDTH = 96


def order_text(order: Order) -> str:
    """Return a playbook's order: a line a play, and below it a line a step."""
    lines = [f"{order.playbook}: {len(order.steps)} steps in {len(order.plays)} plays"]
    by_play: dict[int, list[Step]] = {}
    for step in order.steps:
        by_play.setdefault(step.play_number, []).append(step)
    for number, play in enumerate(order.plays, start=1):
        serial = f", serial {'/'.join(play.serial)}" if play.serial else ""
        lines.append("")
        lines.append(
            f"play {number}: {play.name or '(no name)'}  [{play.hosts}{serial}]  {play.place}"
        )
        lines += [_step_line(step) for step in by_play.get(number, [])]
    return "\n".join(lines) + "\n"


def patch_text(patch: SemanticPatch) -> str:
    """Return a semantic patch in full: what it does, why, and what it leaves alone."""
    asked = f"{patch.id}=NAME,..." if patch.components else patch.id
    parts = [
        f"{patch.id} (version {patch.version}, {patch.date})",
        patch.title + ".",
        "Applied by default." if patch.default else f"Applied only on request (--with {asked}).",
        f"Why\n{_indented(patch.why)}",
    ]
    own = [operation for operation in patch.operations if component_of(operation) is None]
    if own:
        parts.append("What it does\n" + _bullets(operation.describe() for operation in own))
    parts += _components(patch)
    for left in patch.leaves_alone:
        parts.append(f"Why it leaves {left.playbook} alone\n{_indented(left.why)}")
    if patch.needs_roles:
        parts.append("Needs these roles in the tree\n" + _bullets(patch.needs_roles))
    if patch.excludes:
        parts.append("Excludes\n" + _bullets(patch.excludes))
    if patch.comes_with:
        parts.append("Comes with\n" + _bullets(patch.comes_with))
    if patch.obsolete:
        parts.append(f"Obsolete since {patch.obsolete.since}\n{_indented(patch.obsolete.why)}")
    if patch.references:
        parts.append("References\n" + _bullets(patch.references))
    return "\n\n".join(parts) + "\n"


def patches_table(patches: list[SemanticPatch]) -> str:
    """Return the semantic patches, a line each; a star marks those applied by default."""
    width = max(len(patch.id) for patch in patches)
    rows = (
        f"{'*' if patch.default else ' '} {patch.id:{width}}  {patch.title}" for patch in patches
    )
    return "\n".join(rows) + "\n"


def _components(patch: SemanticPatch) -> Iterator[str]:
    """Give the components of a patch with what is done for each, the unwise ones apart."""
    for heading, is_unwise in (
        (f"Components, chosen by name (--with {patch.id}=NAME,...) or all (={ALL})", False),
        (f"Components that are unwise: only by name, not with ={ALL}", True),
    ):
        listed = [
            _component(patch, one) for one in patch.components if bool(one.unwise) is is_unwise
        ]
        if listed:
            yield "\n".join([heading, *listed])


def _component(patch: SemanticPatch, component: Component) -> str:
    operations = (patch.whole or patch).operations
    lines = [f"Unwise: {' '.join(component.unwise.split())}"] if component.unwise else []
    lines += [
        operation.describe() for operation in operations
        if (found := component_of(operation)) is not None and found.name == component.name
    ]  # fmt: skip
    return f"  {component.name}\n" + textwrap.indent(_bullets(lines), "  ")


def _step_line(step: Step) -> str:
    indent = "  " * len(step.chain)
    name = step.role if step.unresolved is None else f"? {step.use.kind} {step.use.name}"
    if step.repeats is not None:
        name = f"({name})"
    tags = f"  tags: {', '.join(step.tags)}" if step.tags else ""
    why = f"  ({step.unresolved})" if step.unresolved else ""
    return f"{step.number:5}{indent}{name}{why}{tags}  {step.place}"


def _indented(text: str) -> str:
    return textwrap.indent(paragraphs(text, _WIDTH - 2), "  ")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(textwrap.indent(bullet(line, _WIDTH - 2), "  ") for line in lines)
