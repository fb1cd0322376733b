"""Whether a patched tree is what the patch promises, before anything of it is emitted.

Each edit was held against the data that it means when it was made (generator/text/edit.py).
Here the tree as a whole is held against the patch: its orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from generator.engine.patch import OrderEffect, Promise, SemanticPatch
from generator.exits import Unsafe, UnusableInput
from generator.model.facts import providing_steps
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.role import same_role
from generator.model.step import Order, Step
from generator.model.use import Use
from generator.tree.base import find


def verify(patch: SemanticPatch, before: Kubespray, after: Kubespray, files: Iterable[str]) -> None:
    """Hold the orders of a patched tree against what the patch says of them.

    Raises Unsafe naming the file and line where a playbook's order changed that should not,
    changed otherwise than promised, or can no longer be read.
    """
    made_of = {
        playbook: [find(before.tree, path) for path in before.imported_files(playbook)]
        for playbook in before.playbooks()
    }
    of_playbooks = {path for paths in made_of.values() for path in paths}
    changed = set(files)
    in_roles = {
        path for path in changed - of_playbooks if _brings(before, path) != _brings(after, path)
    }
    concerned = [
        playbook for playbook, paths in made_of.items() if in_roles or changed & set(paths)
    ]
    # A file that another of them imports is part of the other's order.
    imported = {path for playbook in concerned for path in made_of[playbook][1:]}
    whole = [playbook for playbook in concerned if find(before.tree, playbook) not in imported]
    # A play's order depends on its own file and on roles alone. Where only playbook files changed,
    # one order speaks for every other in which nothing is left that it did not show.
    shown: set[str] = set()
    for playbook in whole:
        shows = _shows(patch, made_of[playbook], changed)
        if in_roles or not shows or not shows <= shown:
            verified = _verify_playbook(patch, before, after, playbook)
            shown |= shows if verified else set()


def _shows(patch: SemanticPatch, files: Sequence[str | None], changed: set[str]) -> set[str]:
    """Return what the order of a playbook made of files can show: changed files, and promises.

    Nothing for a playbook whose order must not change at all.
    """
    if patch.order is None or not _within(patch, patch.order, files):
        return set()
    promised = {f"promise in {promise.playbook}" for promise in _promises(patch.order, files)}
    return (changed & set(files)) | promised


def _verify_playbook(
    patch: SemanticPatch, before: Kubespray, after: Kubespray, playbook: str
) -> bool:
    """Verify one order; tell whether it could be worked out before the patch."""
    try:
        old = before.order(playbook)
    except UnusableInput:
        return False
    try:
        new = after.order(playbook)
    except UnusableInput as error:
        raise Unsafe(f"after '{patch.id}' {playbook} can no longer be read: {error}") from None
    effect = patch.order
    if effect is None or not _within(patch, effect, old.files):
        _same(patch, playbook, list(old.steps), list(new.steps))
        return True
    _same(patch, playbook, _others(effect, old), _others(effect, new))
    for promise in _promises(effect, old.files):
        _after_all(patch, new, promise.role, promise.after)
    return True


def _within(patch: SemanticPatch, effect: OrderEffect, files: Sequence[str | None]) -> bool:
    """Tell whether a playbook made of files is, or imports, one in which the order may change.

    One that the patch leaves alone is none, whatever it imports.
    """
    if effect.within is None:
        return True
    if _stems(files[:1]) & {playbook_stem(left.playbook) for left in patch.leaves_alone}:
        return False
    return bool(_stems(files) & {playbook_stem(name) for name in effect.within})


def _promises(effect: OrderEffect, files: Sequence[str | None]) -> list[Promise]:
    """Return the promises that hold for a playbook made of files."""
    stems = _stems(files)
    return [promise for promise in effect.promises if playbook_stem(promise.playbook) in stems]


def _stems(files: Sequence[str | None]) -> set[str]:
    return {playbook_stem(file) for file in files if file}


def _others(effect: OrderEffect, order: Order) -> list[Step]:
    """Return the steps that are neither of the role that moves nor brought by it."""
    return [
        step for step in order.steps
        if not any(same_role(role, effect.moves) for role in step.roles)
    ]  # fmt: skip


def _same(patch: SemanticPatch, playbook: str, old: list[Step], new: list[Step]) -> None:
    for index in range(max(len(old), len(new))):
        one = old[index] if index < len(old) else None
        other = new[index] if index < len(new) else None
        if one is None or other is None or _meaning(one) != _meaning(other):
            step = one or other
            assert step is not None
            raise Unsafe(
                f"{step.place}: semantic patch '{patch.id}' would change more of the order of "
                f"{playbook} than it promises, at role '{step.role}'. Nothing was emitted."
            )


def _meaning(step: Step) -> tuple[Any, ...]:
    use = step.use
    # A dependency's parameters are values (what Helm is given, say); they have no say in orders.
    params = use.params if use.kind == "role" else ()
    return (
        step.play_number, step.play.hosts, step.role, step.unresolved, step.tags, step.when,
        use.kind, params, use.tasks_from, [used.name for used in step.chain],
    )  # fmt: skip


def _after_all(patch: SemanticPatch, order: Order, role: str, facts: tuple[str, ...]) -> None:
    for step in order.of_role(role):
        for fact in facts:
            for provider in providing_steps(order, fact):
                if provider.number > step.number:
                    raise Unsafe(
                        f"{step.place}: after '{patch.id}' role '{role}' would still run before "
                        f"'{provider.role}' ({provider.place}), which provides {fact}. "
                        "Nothing was emitted."
                    )


def _brings(kubespray: Kubespray, path: str) -> list[Any]:
    """Return what a file of a role brings into orders.

    A change that leaves this alone leaves every order alone.
    """
    return [
        (use.kind, use.name, use.tags, use.when, use.tasks_from, use.apply_tags)
        for use in _uses(kubespray, path)
    ]  # fmt: skip


def _uses(kubespray: Kubespray, path: str) -> Iterator[Use]:
    if not kubespray.exists(path) or not path.endswith((".yml", ".yaml")):
        return
    role, _, name = path.rpartition("/")
    role, _, folder = role.rpartition("/")
    if folder == "meta" and name.startswith("main."):
        yield from kubespray.meta(role).dependencies
    elif "/tasks/" in path:
        yield from kubespray.task_uses(path)
