"""Reading the fields of a semantic patch file, strictly: unknown or missing ones are errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from generator.exits import UnusableInput
from generator.text.document import Document, Mapping, Node, Place, Scalar, Sequence, data_of


class Fields:
    """The fields of one mapping of a patch file; each can be taken as one type only."""

    def __init__(self, document: Document, node: Node | None, what: str) -> None:
        self._document = document
        self._what = what
        if not isinstance(node, Mapping):
            at = document.place(node) if node is not None else Place(document.path, 1)
            raise UnusableInput(f"{at}: {what} is a mapping of fields; this is not.")
        self._node = node

    def only(self, allowed: Iterable[str]) -> None:
        """Raise UnusableInput where there is a field that is not allowed, or twice the same."""
        known, seen = list(allowed), set()
        for key, _ in self._node.pairs:
            name = key.value if isinstance(key, Scalar) else "?"
            if name not in known:
                raise UnusableInput(
                    f"{self._document.place(key)}: unknown key '{name}' in {self._what}; "
                    f"known are {', '.join(known)}."
                )
            if name in seen:
                raise UnusableInput(f"{self._document.place(key)}: key '{name}' stands twice.")
            seen.add(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text field."""
        node = self._value(name, default is None)
        if node is None:
            return default or ""
        if not isinstance(node, Scalar) or not node.value.strip():
            raise self._wrong(node, name, "a text")
        return node.value.strip()

    def integer(self, name: str) -> int:
        """Return a whole number."""
        node = self._value(name, True)
        value = data_of(node)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(node, name, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false, false where the field is missing."""
        node = self._value(name, False)
        if node is None:
            return False
        value = data_of(node)
        if not isinstance(value, bool):
            raise self._wrong(node, name, "true or false")
        return value

    def texts(self, name: str, required: bool = False) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(text for text, _ in self._texts(name, required))

    def words(self, name: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """Return a list of texts, each of which must be one of those allowed."""
        known = list(allowed)
        for text, node in self._texts(name, True):
            if text not in known:
                raise self._wrong(node, name, f"a list of {', '.join(known)}")
        return self.texts(name)

    def data(self, name: str, required: bool = True) -> Any:
        """Return a field as plain data."""
        node = self._value(name, required)
        try:
            return data_of(node)
        except UnusableInput as error:
            raise self.wrong(name, f"plain data: {str(error).rstrip('.')}") from None

    def place(self, name: str) -> Place:
        """Return where a field stands."""
        return self._document.place(self._node.get(name) or self._node)

    def wrong(self, name: str, expected: str) -> UnusableInput:
        """Return the error for a field that is not what is expected."""
        return self._wrong(self._node.get(name), name, expected)

    def children(self, name: str, required: bool = True) -> tuple[Node, ...]:
        """Return the entries of a list."""
        node = self._value(name, required)
        if node is None:
            return ()
        if not isinstance(node, Sequence) or (required and not node.items):
            raise self._wrong(node, name, "a list that is not empty")
        return node.items

    def inner(self, name: str) -> Fields | None:
        """Return the fields of a mapping below this one, None where it is missing."""
        node = self._value(name, False)
        return Fields(self._document, node, f"'{name}'") if node is not None else None

    def has(self, name: str) -> bool:
        """Tell whether there is a field."""
        return self._node.get(name) is not None

    def each(self) -> Iterator[tuple[str, Fields]]:
        """Give each field, all of which are mappings, with its name."""
        self.only(self._node.key_names())
        for name in self._node.key_names():
            inner = self.inner(name)
            if inner is not None:
                yield name, inner

    def single(self) -> tuple[str, Node]:
        """Return the only key and its value."""
        if len(self._node.pairs) != 1 or not isinstance(self._node.pairs[0][0], Scalar):
            at = self._document.place(self._node)
            raise UnusableInput(f"{at}: {self._what} has one key, its kind; this has others.")
        key, value = self._node.pairs[0]
        assert isinstance(key, Scalar)
        return key.value, value

    def _texts(self, name: str, required: bool) -> list[tuple[str, Node]]:
        node = self._value(name, required)
        if node is None:
            return []
        items = node.items if isinstance(node, Sequence) else ()
        if not isinstance(node, Sequence) or not all(
            isinstance(item, Scalar) and item.value for item in items
        ):
            raise self._wrong(node, name, "a list of texts")
        return [(item.value, item) for item in items if isinstance(item, Scalar)]

    def _value(self, name: str, required: bool) -> Node | None:
        node = self._node.get(name)
        if node is None and required:
            at = self._document.place(self._node)
            raise UnusableInput(f"{at}: {self._what} lacks the key '{name}'.")
        return node

    def _wrong(self, node: Node | None, name: str, expected: str) -> UnusableInput:
        at = self._document.place(node if node is not None else self._node)
        return UnusableInput(f"{at}: '{name}' in {self._what} must be {expected}.")
