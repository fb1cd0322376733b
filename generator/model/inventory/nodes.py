"""YAML nodes as data, as Ansible reads them, within bounds.

Source: YAML 1.1 with merge keys, Ansible documentation "YAML Syntax", and for the tags
"Using encrypted variables and files" (`!vault`) and "Advanced playbook syntax" (`!unsafe`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

from generator.model.inventory.setting import FileProblem, Unread, brief
from generator.model.value import Unknown, Value
from generator.text import words
from generator.text.document import Alias, Document, Mapping, Node, Scalar, Sequence
from generator.text.yaml import MAX_DEPTH

MAX_FOLLOWED = 100_000
"""As many nodes of a file may be reached through aliases and merge keys."""

_STANDARD = "tag:yaml.org,2002:"
_VAULT = ("!vault", "!vault-encrypted")
_TRANSPARENT = (None, "!", "!unsafe")

_CONVERTED: dict[str, Callable[[str], Value]] = {
    "str": str,
    "int": words.whole,
    "float": words.broken,
    "bool": words.boolean,
    "null": lambda word: None,
}


_Pairs: TypeAlias = "list[tuple[Node, Node, bool]]"


class NodeReader:
    """Reads the nodes of one file; `unread` and `offsets` grow while it does.

    `offsets` has, for each mapping that was made (by its id), where each of its keys stands.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.offsets: dict[int, dict[Any, int]] = {}
        self.unread: dict[Unread, None] = {}
        self._followed = 0

    def data(self, node: Node, depth: int = 0, followed: bool = False) -> Value:
        """Return a node as data.

        Values of `!vault`, and of tags that nobody knows, are Unknown. Raises FileProblem where
        aliases lead nowhere, in circles, or to too much, and for a key that cannot be one.
        """
        if followed:
            self._charge(node, 1)
        self._go_down(node, depth)
        if isinstance(node, Alias):
            return self.data(self._target(node), depth + 1, True)
        if isinstance(node, Scalar):
            return self._scalar(node)
        if not self._is_plain_collection(node):
            return self._unknown(node)
        if isinstance(node, Sequence):
            return [self.data(item, depth + 1, followed) for item in node.items]
        return self._mapping(node, depth, followed)

    def _scalar(self, node: Scalar) -> Value:
        if node.tag is None:
            return node.value if node.style else words.plain(node.value)
        if node.tag in _TRANSPARENT:
            return node.value
        convert = _CONVERTED.get(node.tag.removeprefix(_STANDARD))
        if convert is None or not node.tag.startswith(_STANDARD):
            return self._unknown(node)
        try:
            return convert(node.value)
        except (ValueError, OverflowError):
            return self._unknown(node)

    def _is_plain_collection(self, node: Mapping | Sequence) -> bool:
        kind = "map" if isinstance(node, Mapping) else "seq"
        return node.tag in (*_TRANSPARENT, f"{_STANDARD}{kind}")

    def _unknown(self, node: Scalar | Sequence | Mapping) -> Unknown:
        if node.tag not in _VAULT:
            tag = str(node.tag).replace(_STANDARD, "!!", 1)
            what = f"The value with the tag {brief(tag)} counts as unknown."
            self.unread[self.document.place(node), what] = None
        return Unknown()

    def _mapping(self, node: Mapping, depth: int, followed: bool) -> dict[Any, Value]:
        merged, own = self._flat(node, depth, followed)
        found: dict[Any, tuple[Node, Node, bool]] = {}
        for key, value, through in merged:
            found[self._key(key, depth, through)] = key, value, through
        seen: set[Any] = set()
        for key, value, through in own:
            name = self._key(key, depth, through)
            if name in seen:
                what = f"The key {brief(name)} stands twice; the last one counts."
                self.unread[self.document.place(key), what] = None
            seen.add(name)
            found[name] = key, value, through
        result = {
            name: self.data(value, depth + 1, through)
            for name, (_, value, through) in found.items()
        }
        self.offsets[id(result)] = {name: key.start for name, (key, _, _) in found.items()}
        return result

    def _key(self, node: Node, depth: int, followed: bool) -> Hashable:
        name = self.data(node, depth + 1, followed)
        if isinstance(name, (dict, list, Unknown)):
            raise self._problem(node, "a list, a mapping or a tagged value cannot be a key.")
        key: Hashable = name
        return key

    def _flat(self, mapping: Mapping, depth: int, followed: bool) -> tuple[_Pairs, _Pairs]:
        """Return the pairs that merge keys bring, the strongest last, and the mapping's own.

        With each pair goes whether it was reached through an alias.
        """
        self._go_down(mapping, depth)
        if followed:
            self._charge(mapping, len(mapping.pairs) + 1)
        merged: _Pairs = []
        own: _Pairs = []
        for key, value in mapping.pairs:
            if isinstance(key, Scalar) and (key.value, key.style, key.tag) == ("<<", "", None):
                for source, through in reversed(self._sources(value, followed)):
                    for pairs in self._flat(source, depth + 1, through):
                        merged += pairs
            else:
                own.append((key, value, followed))
        return merged, own

    def _sources(self, value: Node, followed: bool) -> list[tuple[Mapping, bool]]:
        """Return the mappings that a merge key names, the strongest first."""
        target, through = self._through(value, followed)
        nodes = target.items if isinstance(target, Sequence) else (target,)
        found = []
        for node in nodes:
            source, further = self._through(node, through)
            if not isinstance(source, Mapping):
                raise self._problem(value, "<< needs a mapping or a list of mappings.")
            found.append((source, further))
        return found

    def _through(self, node: Node, followed: bool) -> tuple[Node, bool]:
        return (self._target(node), True) if isinstance(node, Alias) else (node, followed)

    def _target(self, alias: Alias) -> Node:
        target = self.document.follow(alias)
        if target is None:
            raise self._problem(alias, f"the alias *{brief(alias.name)} stands for nothing.")
        return target

    def _charge(self, node: Node, count: int) -> None:
        self._followed += count
        if self._followed > MAX_FOLLOWED:
            reason = f"its aliases stand for more than {MAX_FOLLOWED} nodes"
            raise self._problem(node, f"{reason}, which looks like an alias bomb.")

    def _go_down(self, node: Node, depth: int) -> None:
        if depth > MAX_DEPTH:
            reason = f"with its aliases it is nested deeper than {MAX_DEPTH} levels"
            raise self._problem(node, f"{reason}, or an alias stands inside its own anchor.")

    def _problem(self, node: Node, reason: str) -> FileProblem:
        return FileProblem(self.document.place(node), reason)
