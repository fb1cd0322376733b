"""Pictures as one page that needs nothing else and may do nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from generator.picture.layout import LEGEND, VERDICTS, frame
from generator.picture.model import Listed, Picture, Sheet
from generator.picture.palette import page_rules
from generator.picture.svg import explained, headline, legend_svg, sheet_svg
from generator.picture.words import count, shown
from generator.resources import resource_dir

if TYPE_CHECKING:
    from jinja2 import Template

_FORM = """\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;\
margin:0 auto;padding:1rem;max-width:76rem;overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.25rem}h3{font-size:1.1rem;margin-bottom:0}
p{margin:.3rem 0}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.sheets{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),34rem));\
gap:.3rem 2rem}
.sheets>div{display:grid;grid-row:span 3;grid-template-rows:subgrid;min-width:0;margin-top:.7rem}
.sheets h2,.sheets h3{margin:0}
svg{max-width:100%;height:auto;display:block;margin-top:.5rem}
figure{margin:0}
summary{cursor:pointer;padding:.3rem 0}
ol,ul{padding-left:1.5rem}
.d1{margin-left:1.2rem}.d2{margin-left:2.4rem}.d3{margin-left:3.6rem}
.signs{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;font-size:.9rem}
.signs svg{display:inline;margin:0 .4rem 0 0;vertical-align:-1px}
@media print{body{max-width:none;padding:0}.sheets>div svg{max-height:240mm}\
figure,section{break-inside:avoid-page}}"""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step as the template takes it; `level` is its depth below the play, 3 at most."""

    title: str
    place: str
    level: int
    notes: str


@dataclass(frozen=True, slots=True)
class _Play:
    """A play as the template takes it."""

    name: str
    hosts: str
    steps: tuple[_Step, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    """A sheet as the template takes it."""

    heading: str
    verdict: str
    words: str
    sentence: str
    svg: str
    plays: tuple[_Play, ...]
    steps: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A picture as the template takes it."""

    title: str
    scenario: str
    said: str
    sides: tuple[_Side, ...]
    advice: tuple[str, ...]
    explained: tuple[str, ...]


def html(pictures: Iterable[Picture]) -> str:
    """Return pictures, one below the other, as a page with a list of all steps for each."""
    parts = [_part(picture, f"p{at}") for at, picture in enumerate(pictures, start=1)]
    style = f"{page_rules()}\n{_FORM}\n"
    return _template().render(
        title=parts[0].title if len(parts) == 1 else f"{len(parts)} playbooks in order",
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        parts=parts,
        legend=[(legend_svg(kind), words) for kind, words in LEGEND],
    )


def _part(picture: Picture, name: str) -> _Part:
    wide = frame(picture.sheets)
    title = headline(picture)
    sides = tuple(
        _Side(
            heading=shown(sheet.heading),
            verdict=sheet.verdict,
            words=VERDICTS[sheet.verdict],
            sentence=shown(sheet.sentence, 400),
            svg=sheet_svg(sheet, wide, f"{title}: {shown(sheet.heading)}", f"{name}-{at}"),
            plays=tuple(_plays(sheet)),
            steps=count(len(sheet.steps), "step"),
        )
        for at, sheet in enumerate(picture.sheets, start=1)
    )
    return _Part(
        title=title,
        scenario=shown(", ".join(picture.scenario), 600),
        said=shown(picture.said, 600),
        sides=sides,
        advice=tuple(shown(line, 800) for line in picture.advice),
        explained=tuple(explained(picture)),
    )


def _plays(sheet: Sheet) -> Iterator[_Play]:
    steps: dict[int, list[_Step]] = {}
    for step in sheet.steps:
        steps.setdefault(step.play, []).append(_step(step))
    for at, (name, hosts) in enumerate(sheet.plays, start=1):
        yield _Play(f"Play {at}: {shown(name) or '(no name)'}", shown(hosts),
                    tuple(steps.get(at, ())))  # fmt: skip


def _step(step: Listed) -> _Step:
    again = ["skipped, for it ran in this play already"] if step.repeats else []
    notes = "; ".join([*again, *(shown(mark.text, 300) for mark in step.marks)])
    return _Step(shown(step.title), shown(step.place), min(step.depth, 3), notes)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource_dir("templates")),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("picture.html.j2")
