"""All score checks on one axis, a row each: label, strip, the number claimed and the one found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.report.drawing.axes import LINE, across, legend, place
from harness.report.drawing.canvas import SMALL, TEXT, Canvas
from harness.report.drawing.lettering import LEADING, width, wrapped
from harness.report.lexicon import Lexicon
from harness.report.pictures import KINDS, Kind, Mark, Overview, OverviewGroup, OverviewRow

WIDE = 720.0
"""The width of a page's text in a paper."""
_TALLEST = 900.0
# shares of the width: the labels, the number held against, the number found
_LABEL, _HELD, _SCORE = 0.35, 0.12, 0.19
_ROW = 16.0
_GAP = 10.0
_MOST_CLAIMS = 3
# what stands in the column of numbers found: the strongest evidence there is
_FOUND: tuple[Kind, ...] = ("measured", "rescored", "published", "independent")


@dataclass(frozen=True, slots=True)
class _Line:
    """A heading or a row, with its height."""

    height: float
    heading: str = ""
    row: OverviewRow | None = None
    label: tuple[str, ...] = ()


def laid_overview(
    overview: Overview, words: Lexicon, wide: float = WIDE, tallest: float = _TALLEST
) -> tuple[Canvas, ...]:
    """One canvas for each page that is needed; a model's heading is repeated on the page where its rows go on."""
    pages: list[list[_Line]] = [[]]
    room = tallest - 4 * LINE
    used = 0.0
    for group in overview.groups:
        heading = _Line(TEXT * LEADING + 6, heading=group.model)
        for number, line in enumerate(_lines(group, wide)):
            needed = line.height + (heading.height if number == 0 else 0.0)
            if used + needed > room and pages[-1]:
                pages.append([])
                used, needed = 0.0, line.height + heading.height
            if number == 0 or not pages[-1]:
                pages[-1].append(heading)
            pages[-1].append(line)
            used += needed
    return tuple(_page(overview, lines, words, wide) for lines in pages)


def _lines(group: OverviewGroup, wide: float) -> Iterator[_Line]:
    for row in group.rows:
        some = ", ".join(row.claims[:_MOST_CLAIMS]) + (" …" if len(row.claims) > _MOST_CLAIMS else "")
        label = wrapped(f"{row.label} ({some})", _LABEL * wide - _GAP, SMALL)
        yield _Line(max(_ROW, len(label) * LINE + 2), row=row, label=label)


def _page(overview: Overview, lines: list[_Line], words: Lexicon, wide: float) -> Canvas:
    canvas = Canvas(wide)
    left, right = _LABEL * wide, (1 - _HELD - _SCORE) * wide - _GAP
    kinds = [k for k in KINDS if any(m.kind == k for line in lines if line.row for m in line.row.marks)]
    named: list[tuple[str, str]] = [(k, words.text(f"pictures.key_{k}")) for k in kinds]
    if any(line.row and line.row.band for line in lines):
        named.append(("band", words.text("pictures.band")))
    top = legend(canvas, named, 0.0) + 6
    for column, key in ((1 - _SCORE, "pictures.column_claimed"), (1.0, "pictures.column_found")):
        canvas.text(words.text(key), column * wide, top, "q", size=SMALL, anchor="end")
    start = top
    for line in lines:
        if line.row is None:
            top += 6
            canvas.text(line.heading, 0.0, top, "b")
            top += TEXT * LEADING
            continue
        canvas.paragraph(line.label, top + (line.height - len(line.label) * LINE) / 2, size=SMALL)
        _strip(canvas, overview, line.row, (left, right, top + line.height / 2))
        middle = top + (line.height - LINE) / 2
        _number(canvas, line.row.marks[0], ((1 - _SCORE) * wide, middle), _HELD * wide)
        _number(canvas, _found(line.row), (wide, middle), _SCORE * wide)
        top += line.height
    below = across(canvas, overview.axis, max(top, start + LINE) + 2, left, right)
    unit = wrapped(overview.unit, right - left, SMALL)[0]
    canvas.text(unit, right, below, "q", size=SMALL, anchor="end")
    canvas.height = below + LINE + 2
    return canvas


def _number(canvas: Canvas, mark: Mark | None, where: tuple[float, float], column: float) -> None:
    """Of a number with its interval what has room in the column; `where`: its right end and its top."""
    if mark is None:
        return
    room = column - _GAP
    right, top = where
    fitting = [t for t in (mark.text, mark.text.partition(" ")[0]) if width(t, SMALL) <= room]
    for text in fitting[:1]:
        canvas.text(text, right, top, "n", size=SMALL, anchor="end")


def _found(row: OverviewRow) -> Mark | None:
    others = row.marks[1:]
    return next((m for kind in _FOUND for m in others if m.kind == kind), None)


def _strip(canvas: Canvas, overview: Overview, row: OverviewRow, where: tuple[float, float, float]) -> None:
    left, right, y = where
    if row.band:
        low, high = (place(overview.axis, end, left, right) for end in row.band)
        canvas.rect("band", low, y - 6, max(high - low, 1.0), 12)
    canvas.line("grid", (left, y), (right, y))
    # what was found lies on top of what was claimed
    for mark in row.marks:
        low, high = (place(overview.axis, end, left, right) for end in mark.reach)
        canvas.reach(mark.kind, low, high, y, 3.0)
    for mark in row.marks:
        canvas.mark(mark.kind, place(overview.axis, mark.value, left, right), y, 0.72)
