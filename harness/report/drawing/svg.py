"""Shapes to SVG for a page: presentation attributes and classes, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.drawing.canvas import TEXT, Canvas, Circle, Line, Rect, Shape, Text
from harness.report.escaping import clean

if TYPE_CHECKING:
    from markupsafe import Markup

_LONGEST = 6000
# the two that `clean` leaves and XML cannot hold
_NO_XML = {0xFFFE: None, 0xFFFF: None}


def svg(canvas: Canvas, title: str, sentence: str, kind: str) -> Markup:
    """The whole drawing; `title` and `sentence` are for those who do not see it, `kind` is its second class."""
    from markupsafe import Markup

    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture {kind}" role="img" '
        f'viewBox="0 0 {_short(canvas.width)} {_short(canvas.height)}" font-size="{_short(TEXT)}">'
        f"<title>{_inert(title)}</title><desc>{_inert(sentence)}</desc>"
    )
    # numbers, names of ours, and texts that are escaped
    return Markup(head + "".join(map(_element, canvas.shapes)) + "</svg>")


def _element(shape: Shape) -> str:
    if isinstance(shape, Text):
        anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
        size = "" if shape.size == TEXT else f' font-size="{_short(shape.size)}"'
        look = "" if shape.look == "t" else f' class="{shape.look}"'
        return f'<text{look} x="{_short(shape.x)}" y="{_short(shape.y)}"{anchor}{size}>{_escaped(shape.text)}</text>'
    if isinstance(shape, Line):
        end = "z" if shape.closed else ""
        return f'<path class="{shape.look}" d="{"".join(map(_stroke, shape.strokes))}{end}"/>'
    if isinstance(shape, Circle):
        return (
            f'<circle class="{shape.look}" cx="{_short(shape.x)}" cy="{_short(shape.y)}" r="{_short(shape.radius)}"/>'
        )
    assert isinstance(shape, Rect)
    size = f'width="{_short(shape.width)}" height="{_short(shape.height)}"'
    return f'<rect class="{shape.look}" x="{_short(shape.x)}" y="{_short(shape.y)}" {size}/>'


def _stroke(points: tuple[tuple[float, float], ...]) -> str:
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)


def _short(value: float) -> str:
    """A tenth of a unit is enough for the eye."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _inert(text: str) -> str:
    return _escaped(clean(text, _LONGEST))


def _escaped(text: str) -> str:
    """Of a text without controls (a canvas holds no others)."""
    from markupsafe import escape

    return str(escape(text.translate(_NO_XML)))
