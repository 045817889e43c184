"""A drawing as a list of shapes with places: what SVG pages and figures for papers are both made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.report.drawing.lettering import LEADING, width
from harness.report.escaping import clean
from harness.report.pictures import Kind

TEXT, SMALL = 13.0, 11.0
EDGE = 12.0
"""Room left and right of an axis, for a mark at its end."""
PAGE = 440.0
"""The width of a drawing for a page; everything scales with it."""

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Line:
    """One or more lines through points; `closed`: an area. `look` names what it is (assets/pictures.css)."""

    look: str
    strokes: tuple[tuple[Point, ...], ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Rect:
    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Circle:
    look: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Text:
    """One line. `y` is the baseline."""

    look: str
    text: str
    x: float
    y: float
    size: float
    anchor: Anchor
    box: Box


Shape = Line | Rect | Circle | Text


@dataclass(slots=True)
class Canvas:
    """Shapes in the order they are drawn; `height` is set when all are there."""

    width: float = PAGE
    height: float = 0.0
    shapes: list[Shape] = field(default_factory=list)

    @property
    def right(self) -> float:
        """Where horizontal axes end."""
        return self.width - EDGE

    def line(self, look: str, *points: Point) -> None:
        self.shapes.append(Line(look, (points,)))

    def lines(self, look: str, *strokes: Sequence[Point]) -> None:
        self.shapes.append(Line(look, tuple(map(tuple, strokes))))

    def area(self, look: str, points: Sequence[Point]) -> None:
        self.shapes.append(Line(look, (tuple(points),), closed=True))

    def rect(self, look: str, x: float, y: float, width: float, height: float) -> None:
        self.shapes.append(Rect(look, x, y, width, height))

    def text(
        self, text: str, x: float, top: float, look: str = "t", *, size: float = TEXT, anchor: Anchor = "start"
    ) -> None:
        """One line, whose top is at `top`; stripped of controls. `look`: t, b (bold), q (quiet), n (digits alike)."""
        text = clean(text)
        wide = width(text, size, bold=look.startswith("b"))
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
        box = (left, top, left + wide, top + size * LEADING)
        self.shapes.append(Text(look, text, x, top + size, size, anchor, box))

    def paragraph(
        self, lines: Sequence[str], top: float, look: str = "t", *, x: float = 0.0, size: float = TEXT
    ) -> float:
        """Lines below one another; the top of what follows."""
        for line in lines:
            self.text(line, x, top, look, size=size)
            top += size * LEADING
        return top

    def mark(self, kind: Kind, x: float, y: float, scale: float = 1.0) -> None:
        """Claimed ◇, comparator □, measured ●, rescored ◉, published ○, independent ×: told apart without colour."""
        look, s = f"m-{kind}", scale
        if kind == "claimed":
            self.area(look, ((x, y - 6 * s), (x + 6 * s, y), (x, y + 6 * s), (x - 6 * s, y)))
        elif kind == "comparator":
            self.rect(look, x - 4.5 * s, y - 4.5 * s, 9 * s, 9 * s)
        elif kind == "independent":
            d = 4.5 * s
            self.lines(look, ((x - d, y - d), (x + d, y + d)), ((x - d, y + d), (x + d, y - d)))
        else:
            self.shapes.append(Circle(look, x, y, 5 * s))
            if kind == "rescored":
                self.shapes.append(Circle("m-measured", x, y, 2 * s))

    def reach(self, kind: Kind, low: float, high: float, y: float, half: float = 4.0) -> None:
        """An interval from `low` to `high` with its ends marked; nothing where it has no width."""
        if high > low:
            ends = [((end, y - half), (end, y + half)) for end in (low, high)]
            self.lines(f"reach-{kind}", *ends, ((low, y), (high, y)))

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where texts stand, at most."""
        return tuple(shape.box for shape in self.shapes if isinstance(shape, Text))
