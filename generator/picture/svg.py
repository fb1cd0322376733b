"""Pictures as SVG: one file that needs nothing else, or one image for each sheet in a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from generator.picture.layout import BOX, Frame, body, frame, head, legend, sign
from generator.picture.measure import lines_of
from generator.picture.model import MarkKind, Picture, Sheet
from generator.picture.palette import svg_rules
from generator.picture.shapes import (
    Drawing,
    Group,
    Line,
    Rect,
    Shape,
    Text,
    moved,
    number,
)
from generator.picture.words import EXPLAINED, shown

_MARGIN, _BETWEEN = 20, 32
_TITLE, _SMALL = 19, 11.5


def svg(picture: Picture) -> str:
    """Return a picture as a file of its own: title, sheets beside each other, and a legend."""
    wide = frame(picture.sheets)
    sheets = [_sheet(sheet, wide) for sheet in picture.sheets]
    heads = max(drawn.height for drawn, _ in sheets)
    across = max(sum(one.width + _BETWEEN for _, one in sheets) - _BETWEEN, BOX + 60.0)
    shapes: list[Shape] = []
    y = float(_MARGIN + _TITLE)
    for line in lines_of(headline(picture), across, _TITLE * 1.1, most=3):
        shapes.append(Text(_MARGIN, y, line, "t bold", _TITLE, across))
        y += _TITLE * 1.35
    below = [", ".join(picture.scenario), picture.said]
    for words in filter(None, below):
        for line in lines_of(shown(words, 600), across, _SMALL, most=6):
            shapes.append(Text(_MARGIN, y, line, "m", _SMALL, across))
            y += _SMALL * 1.45
    x, bottom = float(_MARGIN), y
    for top, drawn in sheets:
        shapes += moved(top, x, y)
        shapes += moved(drawn, x, y + heads)
        x += drawn.width + _BETWEEN
        bottom = max(bottom, y + heads + drawn.height)
    signs = legend(across)
    shapes += moved(signs, _MARGIN, bottom + 8)
    bottom += 8 + signs.height
    for words in explained(picture):
        for line in lines_of(words, across, _SMALL, most=4):
            bottom += _SMALL * 1.45
            shapes.append(Text(_MARGIN, bottom, line, "m", _SMALL, across))
    width, height = across + 2 * _MARGIN, bottom + _MARGIN
    ground = Rect(0, 0, width, height, "page", 0)
    style = f"<style>\n{svg_rules()}\n</style>\n"
    drawing = Drawing(width, height, (ground, *shapes))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _image(
        drawing, headline(picture), description(picture.sheets), "picture", style
    )


def sheet_svg(sheet: Sheet, wide: Frame, title: str, name: str) -> str:
    """Return a sheet as an image in a page, which has the style rules; `name` is for its ids."""
    drawn = body(sheet, wide)
    # A line around a band is half outside it.
    inner = Drawing(drawn.width + 2, drawn.height + 2, moved(drawn, 1, 1))
    return _image(inner, title, description([sheet]), name, "")


def legend_svg(kind: MarkKind) -> str:
    """Return a sign of the legend as an image that says nothing by itself."""
    drawing = sign(kind)
    shapes = "".join(line for shape in drawing.shapes for line in _written(shape))
    return (
        f'<svg width="{number(drawing.width)}" height="{number(drawing.height)}" '
        f'aria-hidden="true">{shapes}</svg>'
    )


def headline(picture: Picture) -> str:
    """Return what a picture shows, in a line."""
    return f"What {shown(picture.playbook)} does in order: {shown(picture.tree)}"


def description(sheets: Iterable[Sheet]) -> str:
    """Return what a picture tells, for those who cannot see it."""
    return " ".join(f"{shown(sheet.heading)}: {shown(sheet.sentence, 400)}" for sheet in sheets)


def explained(picture: Picture) -> list[str]:
    """Return how to read a picture, and what one may not know of the facts in it."""
    facts = {fact for sheet in picture.sheets for arrow in sheet.arrows if arrow.is_told
             for fact in arrow.facts}  # fmt: skip
    read = "Steps run from top to bottom; an arrow leads from what provides to what needs it."
    return [read] + [words for fact, words in EXPLAINED.items() if fact in facts]


def _sheet(sheet: Sheet, wide: Frame) -> tuple[Drawing, Drawing]:
    return head(sheet, wide.width), body(sheet, wide)


def _image(drawing: Drawing, title: str, words: str, name: str, style: str) -> str:
    width, height = number(drawing.width), number(drawing.height)
    shapes = "\n".join(line for shape in drawing.shapes for line in _written(shape))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-words">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-words">{escape(words)}</desc>\n'
        f"{style}{shapes}\n</svg>\n"
    )


def _written(shape: Shape) -> Iterator[str]:
    if isinstance(shape, Group):
        yield "<g>"
        yield f"<title>{escape(shape.title)}</title>"
        for one in shape.shapes:
            yield from _written(one)
        yield "</g>"
    elif isinstance(shape, Rect):
        yield (
            f'<rect x="{number(shape.x)}" y="{number(shape.y)}" width="{number(shape.width)}" '
            f'height="{number(shape.height)}" rx="{number(shape.round)}" '
            f"class={quoteattr(shape.names)}/>"
        )
    elif isinstance(shape, Text):
        yield (
            f'<text x="{number(shape.x)}" y="{number(shape.y)}" '
            f'font-size="{number(shape.size)}" class={quoteattr(shape.names)}>'
            f"{escape(shape.text)}</text>"
        )
    else:
        yield _path(shape)


def _path(shape: Line) -> str:
    at = ""
    if shape.x or shape.y:
        at = f' transform="translate({number(shape.x)} {number(shape.y)})"'
    return f'<path d="{shape.path}"{at} class={quoteattr(shape.names)}/>'
