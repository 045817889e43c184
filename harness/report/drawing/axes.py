"""The edges of a drawing: ticks with their numbers, what is counted, and what the signs mean."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.drawing.canvas import EDGE, SMALL, Canvas
from harness.report.drawing.lettering import LEADING, width, wrapped
from harness.report.pictures import KINDS, Axis

LINE = SMALL * LEADING
"""The height of a line of small text."""
_GAP = 8.0
_SWATCH = 26.0
_BETWEEN = 16.0


def place(axis: Axis, value: float, left: float, right: float) -> float:
    """Where the value stands between `left` and `right`."""
    return left + axis.share(value) * (right - left)


def across(canvas: Canvas, axis: Axis, top: float, left: float = EDGE, right: float | None = None) -> float:
    """A horizontal axis; numbers that would touch their neighbour are left out. The top of what follows."""
    right = canvas.right if right is None else right
    canvas.line("axis", (left, top), (right, top))
    end = -_GAP
    # the last one first: it may be the number of all rounds
    last = axis.ticks[-1] if axis.ticks else None
    limit = canvas.width
    if last is not None:
        limit = _tick(canvas, last.text, place(axis, last.value, left, right), top) - _GAP
    for tick in axis.ticks[:-1]:
        x, half = place(axis, tick.value, left, right), width(tick.text, SMALL) / 2
        centre = max(x, half)
        if centre - half >= end + _GAP and centre + half <= limit:
            _tick(canvas, tick.text, x, top)
            end = centre + half
    return top + 5 + LINE


def _tick(canvas: Canvas, text: str, x: float, top: float) -> float:
    """A number at the end is moved in. Returns where its text begins."""
    half = width(text, SMALL) / 2
    centre = min(max(x, half), canvas.width - half)
    canvas.line("axis", (x, top), (x, top + 4))
    canvas.text(text, centre, top + 5, "q n", size=SMALL, anchor="middle")
    return centre - half


def upright(canvas: Canvas, axis: Axis, top: float, bottom: float, left: float) -> None:
    """A vertical axis as thin lines across, with the numbers left of them."""
    end = bottom + LINE
    for tick in axis.ticks:
        y = bottom - axis.share(tick.value) * (bottom - top)
        canvas.line("grid", (left, y), (canvas.right, y))
        if y + LINE / 2 <= end:
            canvas.text(tick.text, left - 5, y - LINE / 2, "q n", size=SMALL, anchor="end")
            end = y - LINE / 2 - 2


def caption(canvas: Canvas, text: str, top: float) -> float:
    """What an axis counts, right-aligned. The top of what follows."""
    for line in wrapped(text, canvas.width, SMALL) if text else ():
        canvas.text(line, canvas.width, top, "q", size=SMALL, anchor="end")
        top += LINE
    return top


def legend(canvas: Canvas, named: Sequence[tuple[str, str]], top: float) -> float:
    """Signs with their meaning, in lines: (a look or a kind of mark, text). The top of what follows."""
    x = 0.0
    for look, text in named:
        lines = wrapped(text, canvas.width - _SWATCH, SMALL)
        wide = _SWATCH + max(width(line, SMALL) for line in lines)
        if x and x + wide > canvas.width:
            x, top = 0.0, top + LINE + 3
        _swatch(canvas, look, x, top + LINE / 2)
        canvas.paragraph(lines, top, "q", x=x + _SWATCH, size=SMALL)
        x += wide + _BETWEEN
        if len(lines) > 1:
            x, top = 0.0, top + len(lines) * LINE + 3
    return top + (LINE if x else 0.0)


def _swatch(canvas: Canvas, look: str, x: float, y: float) -> None:
    if look in KINDS:
        canvas.mark(next(k for k in KINDS if k == look), x + 10, y)
    elif look in ("band", "reach"):
        canvas.rect(look, x, y - 5, 20, 10)
    else:
        canvas.line(look, (x, y), (x + 20, y))
