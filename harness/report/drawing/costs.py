"""Scores against what they took: a panel for each kind of cost, one list of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.drawing.axes import LINE, across, caption, place, upright
from harness.report.drawing.canvas import PAGE, SMALL, TEXT, Anchor, Box, Canvas
from harness.report.drawing.lettering import width, wrapped
from harness.report.drawing.svg import svg
from harness.report.lexicon import Lexicon
from harness.report.pictures import CostPanel, CostPicture

if TYPE_CHECKING:
    from markupsafe import Markup

_PLOT = 130.0
_BETWEEN = 14.0
# where a number may stand beside its point: anchor, and how far right and down its top is
_BESIDE: tuple[tuple[Anchor, float, float], ...] = (
    ("start", 7.0, -16.0),
    ("end", -7.0, -16.0),
    ("start", 7.0, 2.0),
    ("end", -7.0, 2.0),
    ("start", 8.0, -7.0),
    ("end", -8.0, -7.0),
)
_SIDES: tuple[tuple[Anchor, float], ...] = (("start", 1.0), ("end", -1.0))
# farther off, where a thin line leads to it
_FARTHER = tuple(
    (anchor, sign * dx, dy - LINE / 2)
    for dx in (16.0, 26.0, 38.0, 52.0, 68.0)
    for dy in (0.0, -16.0, 16.0, -32.0, 32.0, -52.0, 52.0)
    for anchor, sign in _SIDES
)


def drawn_costs(picture: CostPicture, words: Lexicon) -> Markup:
    """The picture as SVG for a page."""
    return svg(laid_costs(picture, words), picture.title, picture.sentence, "costs")


def laid_costs(picture: CostPicture, words: Lexicon, wide: float = PAGE) -> Canvas:
    """Score with interval against each cost, on axes by factors of ten; the numbers beside the points are those of the
    list below. A number that has no room beside its point is left out there."""
    canvas = Canvas(wide)
    top = 0.0
    left = max((width(t.text, SMALL) for t in picture.axis.ticks), default=0.0) + 8
    for panel in picture.panels:
        bottom = top + 8 + _PLOT
        upright(canvas, picture.axis, top + 8, bottom, left)
        _points(canvas, picture, panel, (left, top + 8, bottom))
        title = words.text("pictures.cost_axis", cost=panel.title, unit=picture.unit)
        top = caption(canvas, title, across(canvas, panel.axis, bottom, left)) + _BETWEEN
    indent = width(f"{len(picture.points)}", TEXT, bold=True) + 10
    for point in picture.points:
        canvas.text(f"{point.number}", indent - 8, top, "b n", anchor="end")
        shown = wrapped(f"{point.label}: {point.text}", wide - indent, TEXT)
        top = canvas.paragraph(shown, top, x=indent)
    canvas.height = top + 2
    return canvas


def _points(canvas: Canvas, picture: CostPicture, panel: CostPanel, frame: tuple[float, float, float]) -> None:
    left, top, bottom = frame
    taken: list[Box] = []
    at: list[tuple[str, float, float]] = []
    for point, where in zip(picture.points, panel.places, strict=True):
        if where is None:
            continue
        x = place(panel.axis, where, left, canvas.right)
        low, y, high = (bottom - picture.axis.share(v) * (bottom - top) for v in (point.low, point.value, point.high))
        if low > high:
            ends = [((x - 3, end), (x + 3, end)) for end in (low, high)]
            canvas.lines("reach-measured", *ends, ((x, low), (x, high)))
        canvas.mark("measured", x, y)
        taken.append((x - 6, min(y - 6, high), x + 6, max(y + 6, low)))
        at.append((f"{point.number}", x, y))
    for number, x, y in at:
        wide = width(number, SMALL)
        for anchor, dx, dy in (*_BESIDE, *_FARTHER):
            start = x + dx if anchor == "start" else x + dx - wide
            box = (start, y + dy, start + wide, y + dy + LINE)
            inside = box[0] >= left and box[2] <= canvas.width and box[1] >= top - 8 and box[3] <= bottom
            far = (anchor, dx, dy) in _FARTHER
            kept = (box[0] - 6, box[1] - 2, box[2] + 6, box[3] + 2) if far else box
            if inside and not any(_touch(kept, other) for other in taken):
                if far:
                    canvas.line("axis", (x, y), (x + dx - (1.5 if dx > 0 else -1.5), y + dy + LINE / 2))
                canvas.text(number, x + dx, y + dy, "q n", size=SMALL, anchor=anchor)
                taken.append(box)
                break


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
