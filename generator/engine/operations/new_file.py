"""Files that are to be added, and YAML files that say nothing yet."""

from __future__ import annotations

from generator.engine.operations.base import Changed
from generator.exits import Unsafe
from generator.model.kubespray import Kubespray
from generator.text.document import Document, Scalar
from generator.text.edit import Edit, apply, newline_at
from generator.text.shape import shape
from generator.text.yaml import parse
from generator.tree.base import resolve


def check_free(kubespray: Kubespray, path: str, what: str) -> None:
    """Raise Unsafe where something has the name of a file that shall be added, or is in its way."""
    if resolve(kubespray.tree, path) != path:
        raise Unsafe(f"{path}:1: cannot {what} safely: a link is in its path.")
    parts = path.split("/")
    parents = ("/".join(parts[:length]) for length in range(1, len(parts)))
    if kubespray.tree.names(path) or any(kubespray.exists(parent) for parent in parents):
        raise Unsafe(
            f"{path}:1: cannot {what} safely: a folder has its name, or a file that of one of its "
            "folders."
        )


def new_file(kubespray: Kubespray, path: str, text: str, what: str) -> Changed:
    """Return a YAML file that the tree lacks, with the lines of `text`.

    Raises Unsafe where something has its name, or is in its way.
    """
    check_free(kubespray, path, what)
    return Changed({path: f"---\n{text}\n".encode()}, f"{path} is missing")


def is_empty(document: Document) -> bool:
    """Tell whether a YAML file says nothing: it is empty, holds comments only, or null."""
    root = document.root
    null = isinstance(root, Scalar) and root.value == "" and not root.style and not root.anchor
    return root is None or null


def onto_empty(document: Document, text: str, what: str) -> Document:
    """Return an empty YAML file with the lines of `text` at its end."""
    end = len(document.text)
    newline = newline_at(document, end)
    begin = newline if document.text and not document.text.endswith("\n") else ""
    new = begin + "".join(line + newline for line in text.split("\n"))
    return apply(document, [Edit(end, end, new)], shape(parse("the text", text).root), what)
