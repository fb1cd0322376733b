"""What changes nothing in the cluster itself: roles, files on the machine, facts."""

from __future__ import annotations

from generator.engine.detect.actions.doing import Doing
from generator.engine.detect.events import Begun
from generator.model.value import Unknown


def begin_role(doing: Doing) -> None:
    """A role begins, whether or not its tasks have to do with the cluster."""
    doing.begun.append(Begun(doing.run.roles[-1], doing.moment))


def lose(doing: Doing) -> None:
    """A role or task file that cannot be followed should begin."""
    doing.lose()


def place_template(doing: Doing) -> None:
    """`template`: a file of the tree is rendered and laid down."""
    _place(doing, "templates")


def place_copy(doing: Doing) -> None:
    """`copy`: a file of the tree is laid down as it is."""
    _place(doing, "files")


def set_fact(doing: Doing) -> None:
    """`set_fact`: variables for all later tasks."""
    arguments = doing.arguments()
    if isinstance(arguments, Unknown):
        return
    for name, raw in arguments.items():
        if name not in ("cacheable", "_raw"):
            doing.memory.values[name] = doing.value(raw)


def _place(doing: Doing, kind: str) -> None:
    arguments = doing.arguments()
    if not isinstance(arguments, Unknown) and not arguments.get("remote_src"):
        source, destination = (doing.value(arguments.get(key)) for key in ("src", "dest"))
        doing.place_file(kind, source, destination)
