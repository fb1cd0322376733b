"""What a semantic patch can do to a tree: one operation a module.

An operation says of a tree that it has nothing to do there (`NotNeeded`, with the reason), or
which files change (`Changed`, with what it found); it raises Unsafe where it applies but
cannot be done for sure.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generator.engine.fields import Fields
from generator.engine.operations.add_defaults import AddDefaults
from generator.engine.operations.add_file import AddFile
from generator.engine.operations.add_role_dependency import AddRoleDependency
from generator.engine.operations.add_task import AddTask
from generator.engine.operations.add_toleration import AddToleration
from generator.engine.operations.base import Changed, NotNeeded, Operation
from generator.engine.operations.merge_value import MergeValue
from generator.engine.operations.move_role_use import MoveRoleUse
from generator.engine.operations.remove_role_dependency import RemoveRoleDependency
from generator.engine.operations.remove_role_use import RemoveRoleUse
from generator.engine.operations.tolerate_workload import TolerateWorkload

OPERATIONS: dict[str, Callable[[Fields, Path], Operation]] = {
    "move-role-use": MoveRoleUse.read,
    "remove-role-use": RemoveRoleUse.read,
    "add-role-dependency": AddRoleDependency.read,
    "remove-role-dependency": RemoveRoleDependency.read,
    "merge-value": MergeValue.read,
    "add-toleration": AddToleration.read,
    "tolerate-workload": TolerateWorkload.read,
    "add-file": AddFile.read,
    "add-task": AddTask.read,
    "add-defaults": AddDefaults.read,
}
"""How each operation is called in a patch file, and what reads its fields.

The path is the folder of the patch file.
"""

__all__ = ["OPERATIONS", "Changed", "NotNeeded", "Operation"]
