"""Words for pictures, and a tree's own texts made harmless in them."""

from __future__ import annotations

from collections.abc import Iterable

FACTS = {
    "nodes-initialized": "initialized nodes",
    "nodes-ready": "ready nodes",
    "dns": "DNS in the cluster",
    "helm": "Helm",
    "apiserver": "the API server",
}
"""What people call what a step provides."""

EXPLAINED = {
    "nodes-initialized": "A new node carries the taint node.cloudprovider.kubernetes.io/"
    "uninitialized until the cloud controller manager takes it off; then it is initialized.",
    "nodes-ready": "A node is ready once the network plugin runs on it.",
}
"""What a reader may not know of these facts."""

LONGEST = 200
"""A longer text of the tree is cut in the middle, wherever it is shown."""


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text on one line, cut to a length, with nothing in it that acts on a reader.

    Control characters, marks that turn the direction of writing, and what is no character are
    written out (Unicode's classes Cc, Cf, Cs, Co, Cn, Zl and Zp, which `str.isprintable` names).
    """
    # What is longer is cut first, so that a huge text costs no more than a short one.
    text = cut(" ".join(cut(text, 4 * longest).split()), longest)
    return cut("".join(map(_written_out, text)), longest)


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters; what is left out of its middle is '…'."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}"


def fact_words(facts: Iterable[str]) -> str:
    """Return facts as people call them: `initialized nodes and Helm`."""
    return listed([FACTS.get(fact, fact) for fact in facts])


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count(number: int, word: str) -> str:
    """Return a number with its word: `1 role`, `2 roles`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def short(role: str) -> str:
    """Return the part of a role's name that tells it from others nearby."""
    first, _, rest = role.partition("/")
    return rest if first in ("kubernetes-apps", "network_plugin") and rest else role


def _written_out(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()
