"""Tolerations in a file of Helm values, at a path that the user names.

Source: Helm documentation, "Values Files" and "The Format and Limitations of --set": the values
of a user replace lists of a chart whole, and a backslash takes a dot into a key.
"""

from __future__ import annotations

import re

from generator.text.document import Mapping, Node
from generator.text.edit import Edit, newline_at
from generator.tolerate.inject import Work, inject
from generator.tolerate.places import (
    is_empty,
    mapping_step,
    new_pair,
    new_value,
    offset_for,
    unsafe,
)
from generator.tolerate.stream import Piece
from generator.tolerate.taints import entry_for, is_null
from generator.tolerate.workloads import Obstacle
from generator.tolerate.written import Data, block_pair

_DOT = re.compile(r"(?<!\\)\.")


def path_from(text: str) -> tuple[str, ...]:
    r"""Return the keys of a dotted path; `\.` is a dot within a key.

    Raises ValueError with a sentence where one is empty.
    """
    keys = tuple(part.replace("\\.", ".") for part in _DOT.split(text))
    if not all(keys):
        raise ValueError(f"'{text}' has an empty part; write the keys with dots between them.")
    return keys


def inject_values(work: Work, path: tuple[str, ...]) -> bool:
    """Plan what makes the list at a path of the values tolerate the taints; tell whether any is.

    Mappings on the way are made where they are missing. Raises UnusableInput where something
    else stands there, and Unsafe where it cannot be edited.
    """
    piece, roots = work.piece, work.piece.document.roots
    if not roots or (roots[0].start == roots[0].end and is_null(roots[0])):
        _add_root(work, path)
        return True
    node: Node = roots[0]
    obstacle: Obstacle | None = None
    for depth, key in enumerate(path):
        if not isinstance(node, Mapping):
            raise piece.unusable(node, _no_mapping(path[:depth]))
        inner, blocked = work.search.step(node, key)
        obstacle = obstacle or work.search.shared(node) or blocked
        if depth == len(path) - 1:
            new = inner is None or is_empty(inner)
            changed = inject(work, node, key, ".".join(path), inner or node, obstacle)
            if new and changed:
                work.lines.append(_replaces(piece, inner or node, path))
            return changed
        if inner is None or is_empty(inner):
            _add_below(work, node, path[depth:], inner, obstacle)
            _tell(work, inner or node, path)
            return True
        node = inner
    raise AssertionError("a path has a last key")


def _no_mapping(keys: tuple[str, ...]) -> str:
    if not keys:
        return "the values are no mapping. For manifests, leave out --values."
    return f"the value of '{'.'.join(keys)}' is no mapping."


def _add_below(
    work: Work, holder: Mapping, keys: tuple[str, ...], present: Node | None, why: Obstacle | None
) -> None:
    """Plan a new list with the mappings on the way to it, in a mapping of the file."""
    piece, document = work.piece, work.piece.document
    if why is not None:
        raise unsafe(piece, why.node, why.why)
    if present is not None and not isinstance(present, Mapping) and not is_null(present):
        raise piece.unusable(present, f"the value of '{keys[0]}' is no mapping.")
    data, step = _nested(work, keys[1:]), mapping_step(document, document.roots[0])
    offset = offset_for(document, holder)
    if present is None:
        work.edits.append(new_pair(piece, holder, keys[0], data, offset, step))
        work.meant.added[id(holder)] = {keys[0]: data}
    else:
        work.edits.extend(new_value(piece, holder, keys[0], data, offset, step))
        work.meant.replaced[id(present)] = data


def _add_root(work: Work, path: tuple[str, ...]) -> None:
    """Plan the whole values of a file that has none, behind its comments."""
    document = work.piece.document
    data = _nested(work, path[1:])
    newline, end = newline_at(document, len(document.text)), len(document.text)
    new = "".join(line + newline for line in block_pair(path[0], data, 2, 2))
    if document.text and not document.text.endswith("\n"):
        new = newline + new.removesuffix(newline)
    work.edits.append(Edit(end, end, new))
    if document.roots:
        work.meant.replaced[id(document.roots[0])] = {path[0]: data}
    else:
        work.meant.root.append({path[0]: data})
    line = f"{document.path}:{work.piece.above + document.line(end)}"
    taints = ", ".join(str(taint) for taint in work.wish.taints)
    name = ".".join(path)
    work.lines.append(f"{line}: {name}: toleration of {taints}")
    work.lines.append(f"{line}: {_NEW.format(name)}")


def _nested(work: Work, keys: tuple[str, ...]) -> Data:
    data: Data = [dict(entry_for(taint)) for taint in work.wish.taints]
    for key in reversed(keys):
        data = {key: data}
    return data


def _tell(work: Work, node: Node, path: tuple[str, ...]) -> None:
    taints = ", ".join(str(taint) for taint in work.wish.taints)
    work.lines.append(f"{work.piece.where(node)}: {'.'.join(path)}: toleration of {taints}")
    work.lines.append(_replaces(work.piece, node, path))


_NEW = (
    "{} is a new list: Helm replaces lists, so what the chart tolerates by default is gone "
    "unless it is listed here, too."
)


def _replaces(piece: Piece, node: Node, path: tuple[str, ...]) -> str:
    return f"{piece.where(node)}: {_NEW.format('.'.join(path))}"
