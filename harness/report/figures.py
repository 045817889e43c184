"""The pictures as figures for papers: SVG and PDF by matplotlib, the same bytes from the same records.

    figure_bytes   one picture
    figures        all of a publication: the overview first, costs, courses, then every check

Shapes are those of harness.report.drawing at the size of print: one column wide (3.4 inches), the overview as wide as
a page's text, letters of 7.5 to 9 points. Colours are Okabe and Ito's (Color Universal Design, 2008), which people
with any colour vision tell apart; marks differ by shape as well. Letters of a PDF are embedded as TrueType; those of
an SVG are shapes, so that it looks alike everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import HarnessError, MissingExtra
from harness.gathering import Publication
from harness.report.drawing import laid, laid_costs, laid_course, laid_overview
from harness.report.drawing.canvas import Canvas, Circle, Line, Rect, Shape, Text
from harness.report.escaping import xml
from harness.report.lexicon import Lexicon
from harness.report.pictures import (
    CostPicture,
    CoursePicture,
    Picture,
    costs_of,
    course_of,
    overview_of,
    picture_of,
)
from harness.report.typefaces import Typeface, japanese_font, typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Form = Literal["svg", "pdf"]
COLUMN = 354.0
"""The width of a drawing that is to be one column wide."""
# points for a unit: 13 units are 9 points, 11 units 7.6
_POINT = 9 / 13
_MARGIN = 3.0
# Okabe and Ito, with tints of them for areas
_BLUE, _ORANGE, _GREEN, _VERMILION, _PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
_INK, _QUIET, _RULE, _PAPER = "#000000", "#4d4d4d", "#d9d9d9", "#ffffff"
_OF_KIND = {
    "claimed": _INK, "comparator": _VERMILION, "measured": _BLUE, "rescored": _GREEN, "published": _QUIET,
    "independent": _PURPLE,
}  # fmt: skip
# look → colour, width in points, dashes
_STROKES: dict[str, tuple[str, float, Any]] = {
    "axis": (_QUIET, 0.6, "solid"),
    "grid": (_RULE, 0.5, "solid"),
    "held": (_INK, 0.8, (0, (1.6, 1.6))),
    "line": (_BLUE, 1.1, "solid"),
    "decided": (_QUIET, 0.8, "solid"),
    **{f"reach-{kind}": (colour, 0.9, "solid") for kind, colour in _OF_KIND.items()},
    **{f"m-{kind}": (colour, 1.1, "solid") for kind, colour in _OF_KIND.items()},
}
_SETTINGS: dict[str, Any] = {
    "backend": "agg",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    # names inside the file come from a hash: of the shapes, not of chance
    "svg.hashsalt": "harness",
    "text.parse_math": False,
    "path.simplify": False,
}
_FILLS: dict[str, Any] = {"band": "#fbe9c6", "reach": (0.0, 0.45, 0.7, 0.18), "m-measured": _BLUE}


def figures(publication: Publication, form: Form, words: Lexicon, *, each: bool = True) -> Iterator[tuple[str, bytes]]:
    """Name without ending, and bytes: `overview` (`overview-1`, … where it needs several pages), `costs`,
    `course-C082-0`, and with `each` a picture of every check: `C082-0`. Raises as `figure_bytes` does."""
    drawings = list(_drawings(publication, words, each=each))
    face = _face([drawing.canvas for drawing in drawings], words) if drawings else None
    for drawing in drawings:
        assert face is not None
        yield drawing.name, _rendered(drawing, form, face)


def figure_bytes(picture: Picture | CoursePicture | CostPicture, form: Form, words: Lexicon) -> bytes:
    """One picture, one column wide. Raises MissingExtra without matplotlib, HarnessError where a report in Japanese
    finds no Japanese font, ValueError for another form."""
    drawing = _Drawing("", picture.title, _laid(picture, words))
    return _rendered(drawing, form, _face([drawing.canvas], words))


@dataclass(frozen=True, slots=True)
class _Drawing:
    name: str
    title: str
    canvas: Canvas


def _drawings(publication: Publication, words: Lexicon, *, each: bool) -> Iterator[_Drawing]:
    overview = overview_of(publication, words)
    if overview is not None:
        pages = laid_overview(overview, words)
        for number, page in enumerate(pages, 1):
            yield _Drawing(f"overview-{number}" if len(pages) > 1 else "overview", overview.title, page)
    costs = costs_of(publication, words)
    if costs is not None:
        yield _Drawing("costs", costs.title, _laid(costs, words))
    checks = []
    for story in publication.stories:
        for check in story.checks:
            name = f"{story.claim.id}-{check.number}"
            if (course := course_of(check, words)) is not None:
                yield _Drawing(f"course-{name}", course.title, _laid(course, words))
            if each and (picture := picture_of(check, story, words)) is not None:
                checks.append(_Drawing(name, picture.title, _laid(picture, words)))
    yield from checks


def _laid(picture: Picture | CoursePicture | CostPicture, words: Lexicon) -> Canvas:
    if isinstance(picture, Picture):
        return laid(picture, words, COLUMN)
    if isinstance(picture, CoursePicture):
        return laid_course(picture, words, COLUMN)
    return laid_costs(picture, words, COLUMN)


def _face(canvases: Iterable[Canvas], words: Lexicon) -> Typeface:
    """Fonts for all texts of these drawings."""
    try:
        import matplotlib as _  # noqa: F401 - whether it is there
    except ImportError:
        raise MissingExtra.of("Figures for papers", "plots") from None
    if words.language == "ja" and japanese_font() is None:
        raise HarnessError(
            "Figures in Japanese need a Japanese font and none is installed: install one (Debian: fonts-noto-cjk), or "
            "take --lang en."
        )
    return typeface(shape.text for canvas in canvases for shape in canvas.shapes if isinstance(shape, Text))


def _rendered(drawing: _Drawing, form: Form, face: Typeface) -> bytes:
    if form not in ("svg", "pdf"):
        raise ValueError(f"figures are svg or pdf, not {form!r}")
    import matplotlib
    from matplotlib.figure import Figure

    canvas = drawing.canvas
    wide, high = ((length + 2 * _MARGIN) * _POINT / 72 for length in (canvas.width, canvas.height))
    # whatever the user's own matplotlibrc says
    settings: Any = {**matplotlib.rcParamsDefault, **_SETTINGS}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(wide, high))
        axes = _sheet(figure, canvas)
        for depth, shape in enumerate(canvas.shapes, 1):
            _put(axes, shape, depth, face)
        out = io.BytesIO()
        dates = {"Date": None} if form == "svg" else {"CreationDate": None}
        metadata = {"Title": xml(drawing.title), "Creator": "qwen-claim-harness", **dates}
        figure.savefig(out, format=form, metadata=metadata)
    return out.getvalue()


def _sheet(figure: Figure, canvas: Canvas) -> Axes:
    """The whole figure in the drawing's units, y downwards."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-_MARGIN, canvas.width + _MARGIN)
    axes.set_ylim(canvas.height + _MARGIN, -_MARGIN)
    axes.set_axis_off()
    return axes


def _put(axes: Axes, shape: Shape, depth: int, face: Typeface) -> None:
    """`depth` grows with every shape: later ones lie on top. A sign that no font here has becomes an empty box."""
    from matplotlib import patches
    from matplotlib.collections import LineCollection

    if isinstance(shape, Text):
        align: Any = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        axes.text(
            shape.x,
            shape.y,
            "".join(c if c in face.characters else "□" for c in shape.text),
            ha=align,
            va="baseline",
            size=shape.size * _POINT,
            color=_QUIET if "q" in shape.look.split() else _INK,
            family=list(face.bold if shape.look.startswith("b") else face.plain),
            zorder=depth,
        )
        return
    if isinstance(shape, Line) and not shape.closed:
        colour, wide, dashes = _STROKES[shape.look]
        strokes = [list(stroke) for stroke in shape.strokes]
        axes.add_collection(
            LineCollection(strokes, colors=colour, linewidths=wide, linestyles=dashes, zorder=depth), autolim=False
        )
        return
    edge, wide, _ = _STROKES.get(shape.look, ("none", 0.0, "solid"))
    look: dict[str, Any] = {"facecolor": _FILLS.get(shape.look, _PAPER), "edgecolor": edge, "linewidth": wide}
    if isinstance(shape, Line):
        axes.add_patch(patches.Polygon(shape.strokes[0], closed=True, zorder=depth, **look))
    elif isinstance(shape, Rect):
        axes.add_patch(patches.Rectangle((shape.x, shape.y), shape.width, shape.height, zorder=depth, **look))
    else:
        assert isinstance(shape, Circle)
        axes.add_patch(patches.Circle((shape.x, shape.y), shape.radius, zorder=depth, **look))
