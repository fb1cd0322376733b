"""The shapes that a layout places; all measures are pixels, y grows downwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle with round corners; `names` are the classes of its style."""

    x: float
    y: float
    width: float
    height: float
    names: str
    round: float = 6

    @property
    def right(self) -> float:
        """Where it ends to the right."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends below."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is its base line, `room` the width that it may take."""

    x: float
    y: float
    text: str
    names: str
    size: float
    room: float

    @property
    def is_mono(self) -> bool:
        """Tell whether all its characters have the same width."""
        return "mono" in self.names.split()

    @property
    def is_bold(self) -> bool:
        """Tell whether it is set in bold."""
        return "bold" in self.names.split()


@dataclass(frozen=True, slots=True)
class Line:
    """A path, as SVG writes it, moved by (`x`, `y`)."""

    path: str
    names: str
    x: float = 0
    y: float = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Shapes that belong together; `title` says what they are, where a reader points at them."""

    title: str
    shapes: tuple[Shape, ...]


Shape: TypeAlias = Rect | Text | Line | Group


@dataclass(frozen=True, slots=True)
class Drawing:
    """Placed shapes, and the size that they take."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def number(value: float) -> str:
    """Return a measure as SVG takes it, the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")


def moved(drawing: Drawing, x: float, y: float) -> tuple[Shape, ...]:
    """Return a drawing's shapes moved to the right and down."""
    return tuple(_moved(shape, x, y) for shape in drawing.shapes)


def _moved(shape: Shape, x: float, y: float) -> Shape:
    if isinstance(shape, Group):
        return Group(shape.title, tuple(_moved(one, x, y) for one in shape.shapes))
    return replace(shape, x=shape.x + x, y=shape.y + y)
