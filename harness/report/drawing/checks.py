"""One check: a strip for each value, all on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.drawing.axes import across, caption, legend, place
from harness.report.drawing.canvas import EDGE, PAGE, SMALL, TEXT, Canvas
from harness.report.drawing.lettering import width, wrapped
from harness.report.drawing.svg import svg
from harness.report.lexicon import Lexicon
from harness.report.pictures import Mark, Picture

if TYPE_CHECKING:
    from markupsafe import Markup

_STRIP = 18.0
_BETWEEN = 8.0
_GAP = 14.0
# the text of a number takes no more of a line than this; else it has a line of its own
_SHARE = 0.6


def drawn(picture: Picture, words: Lexicon) -> Markup:
    """The picture as SVG for a page."""
    return svg(laid(picture, words), picture.title, picture.sentence, "check")


def laid(picture: Picture, words: Lexicon, wide: float = PAGE) -> Canvas:
    """Label and number over a strip that holds the mark, its interval, and the tolerance around the claimed value."""
    canvas = Canvas(wide)
    top = 0.0
    for mark in picture.marks:
        top = _named(canvas, mark, top) + 2
        _strip(canvas, picture, mark, top + _STRIP / 2)
        top += _STRIP + _BETWEEN
    top = across(canvas, picture.axis, top) + 2
    named = words.text("pictures.band") if picture.band else ""
    beside = width(named, SMALL) + 26 + _GAP + width(picture.unit, SMALL) <= wide
    below = legend(canvas, (("band", named),), top) if named else top
    canvas.height = caption(canvas, picture.unit, top if beside else below)
    canvas.height = max(canvas.height, below) + 2
    return canvas


def _named(canvas: Canvas, mark: Mark, top: float) -> float:
    """Label left and number right where both fit on a line; below one another where not; then the note."""
    number = wrapped(mark.text, canvas.width, TEXT, bold=True)
    wide = width(number[0], TEXT, bold=True)
    if len(number) == 1 and wide <= _SHARE * canvas.width:
        canvas.text(number[0], canvas.width, top, "b", anchor="end")
        top = canvas.paragraph(wrapped(mark.label, canvas.width - wide - _GAP, TEXT), top)
    else:
        top = canvas.paragraph(wrapped(mark.label, canvas.width, TEXT), top)
        top = canvas.paragraph(number, top, "b")
    return canvas.paragraph(wrapped(mark.note, canvas.width, SMALL), top, "q", size=SMALL) if mark.note else top


def _strip(canvas: Canvas, picture: Picture, mark: Mark, y: float) -> None:
    def at(value: float) -> float:
        return place(picture.axis, value, EDGE, canvas.right)

    if picture.band:
        low, high = (at(end) for end in picture.band)
        canvas.rect("band", low, y - _STRIP / 2, max(high - low, 1.0), _STRIP)
    canvas.line("grid", (EDGE, y), (canvas.right, y))
    held = picture.marks[0]
    if mark is not held:
        canvas.line("held", (at(held.value), y - _STRIP / 2), (at(held.value), y + _STRIP / 2))
    low, high = (at(end) for end in mark.reach)
    canvas.reach(mark.kind, low, high, y)
    canvas.mark(mark.kind, at(mark.value), y)
