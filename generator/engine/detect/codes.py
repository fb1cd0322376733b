"""The codes of findings, with the reasoning behind each, read from codes.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generator.engine.finding import Severity
from generator.text.document import data_of
from generator.text.yaml import parse


@dataclass(frozen=True, slots=True)
class Code:
    """A code: `severity` is that of its findings without more, `text` paragraphs."""

    code: str
    title: str
    severity: Severity
    text: str
    references: tuple[str, ...]


@cache
def codes() -> Mapping[str, Code]:
    """Return all codes, the worst first."""
    path = Path(__file__).with_name("codes.yml")
    data = data_of(parse(path.name, path.read_text("utf-8")).root)
    return {
        code: Code(code, said["title"], said["severity"], said["text"], tuple(said["references"]))
        for code, said in data.items()
    }
