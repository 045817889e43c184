"""The interval of a run over its rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report.drawing.axes import across, caption, legend, upright
from harness.report.drawing.canvas import PAGE, SMALL, Canvas, Circle
from harness.report.drawing.lettering import width
from harness.report.drawing.svg import svg
from harness.report.lexicon import Lexicon
from harness.report.pictures import CoursePicture

if TYPE_CHECKING:
    from markupsafe import Markup

_PLOT = 150.0


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where rounds and scores stand."""

    picture: CoursePicture
    left: float
    right: float
    top: float
    bottom: float

    def x(self, rounds: float) -> float:
        return self.left + self.picture.rounds.share(rounds) * (self.right - self.left)

    def y(self, value: float) -> float:
        """What is beyond the axis ends at it: early intervals are wider than anything that follows."""
        share = min(max(self.picture.axis.share(value), 0.0), 1.0)
        return self.bottom - share * (self.bottom - self.top)


def drawn_course(picture: CoursePicture, words: Lexicon) -> Markup:
    """The picture as SVG for a page."""
    return svg(laid_course(picture, words), picture.title, picture.sentence, "course")


def laid_course(picture: CoursePicture, words: Lexicon, wide: float = PAGE) -> Canvas:
    """Score as a line in the area of its interval, the claimed number and its tolerance across, and the round that
    decided."""
    canvas = Canvas(wide)
    value, interval, claimed, band = picture.named
    named = [("line", value), ("reach", interval), ("held", claimed)] + ([("band", band)] if picture.band else [])
    if picture.decided is not None:
        named.append(("decided", words.text("pictures.course_decided_at", round=f"{picture.decided:,}")))
    top = legend(canvas, named, 0.0) + 8
    left = max((width(t.text, SMALL) for t in picture.axis.ticks), default=0.0) + 8
    frame = _Frame(picture, left, canvas.right, top, top + _PLOT)
    _areas(canvas, frame)
    upright(canvas, picture.axis, top, frame.bottom, left)
    _lines(canvas, frame)
    below = across(canvas, picture.rounds, frame.bottom, left)
    canvas.height = caption(canvas, words.text("pictures.course_rounds"), below) + 2
    return canvas


def _areas(canvas: Canvas, frame: _Frame) -> None:
    picture = frame.picture
    if picture.band:
        low, high = (frame.y(end) for end in picture.band)
        canvas.rect("band", frame.left, high, frame.right - frame.left, max(low - high, 1.0))
    above = [(frame.x(p.rounds), frame.y(100 * p.high)) for p in picture.points]
    below = [(frame.x(p.rounds), frame.y(100 * p.low)) for p in reversed(picture.points)]
    canvas.area("reach", [*above, *below])


def _lines(canvas: Canvas, frame: _Frame) -> None:
    picture = frame.picture
    y = frame.y(picture.claimed)
    canvas.line("held", (frame.left, y), (frame.right, y))
    values = [(frame.x(p.rounds), frame.y(100 * p.value)) for p in picture.points]
    canvas.line("line", *values)
    if picture.decided is not None:
        x = frame.x(picture.decided)
        canvas.line("decided", (x, frame.top), (x, frame.bottom))
    canvas.shapes.append(Circle("m-measured", *values[-1], 4.0))
