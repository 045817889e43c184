"""Rows of a printed table that are taller than a page can bear: parted into several that look like one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from harness.report.escaping import clean
from harness.report.inline import Cell, Indent, Line, Piece


def parted(cells: Sequence[Cell], widths: Sequence[float], most: int) -> tuple[tuple[Cell, ...], ...]:
    """The row as rows of at most `most` printed lines each; `widths`: how many characters fit on a line of each cell.

    Between lines if possible, within a line between words; a cell without more to say is empty in the later rows.
    """
    chunks = [_moved(list(_chunks(cell, width, most))) for cell, width in zip(cells, widths, strict=True)]
    height = max((len(found) for found in chunks), default=1)
    return tuple(tuple(found[i] if i < len(found) else () for found in chunks) for i in range(max(height, 1)))


def lines_in(cell: Cell, width: float) -> int:
    """About how many printed lines a cell takes; an empty one takes one."""
    return sum(_lines(line, width) for line in cell) or 1


def _moved(chunks: list[Cell]) -> list[Cell]:
    """The later ones moved to the right where the first one is."""
    if not chunks[0] or not isinstance(chunks[0][0][0], Indent):
        return chunks
    return [chunks[0], *(((Indent(), *first), *others) for first, *others in chunks[1:])]


def _chunks(cell: Cell, width: float, most: int) -> Iterator[Cell]:
    held: list[Line] = []
    used = 0
    shortened = (short for whole in cell for short in _shortened(whole, int(width * most * 0.8)))
    for line in shortened:
        taken = _lines(line, width)
        if held and used + taken > most:
            yield tuple(held)
            held, used = [], 0
        held.append(line)
        used += taken
    yield tuple(held)


def _shortened(line: Line, most: int) -> Iterator[Line]:
    """The line as lines of at most `most` columns, where a piece of it is longer."""
    held: list[Piece] = []
    if not any(isinstance(part, Piece) and columns_of(part.text) > most for part in line):
        yield line
        return
    for part in line:
        if not isinstance(part, Piece):
            yield (*held, part)
            held = []
            continue
        yield from ((piece,) for piece in held)
        *pieces, last = (Piece(text, part.style) for text in _broken(clean(part.text), most))
        yield from ((piece,) for piece in pieces)
        held = [last]
    yield from ((piece,) for piece in held)


def _broken(text: str, most: int) -> Iterator[str]:
    """Pieces of at most `most` columns, between words where there are any."""
    while columns_of(text) > most:
        end = used = 0
        while used < most:
            used += columns_of(text[end])
            end += 1
        space = text.rfind(" ", 1, end)
        end = space if space > 0 else end
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def lines_of(columns: int, width: float) -> int:
    """About how many printed lines a text of so many columns takes: words do not fill their lines."""
    return max(1, -(-int(columns * 1.15) // max(int(width), 1)))


def columns_of(text: str) -> int:
    """Characters, Japanese ones counted twice."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _lines(line: Line, width: float) -> int:
    return lines_of(sum(columns_of(clean(p.text)) + 1 if isinstance(p, Piece) else 3 for p in line), width)
