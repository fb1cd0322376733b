"""An alias stands for the last node before it with its anchor (YAML 1.2.2, section 7.1)."""

from __future__ import annotations

from generator.text.document import Mapping
from generator.text.plain import plain
from generator.text.yaml import parse


def test_an_anchor_that_is_set_again() -> None:
    document = parse("x.yml", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    assert plain(document, document.root) == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_an_anchor_behind_the_alias_is_none() -> None:
    document = parse("x.yml", "a: *x\nb: &x 1\n")
    assert isinstance(document.root, Mapping)
    assert document.follow(document.root.get("a")) is None
