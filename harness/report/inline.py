"""What stands in one cell of a table, whatever the table is written in: lines of text pieces and marks of footnotes.

Pieces of a line are parted by one space; marks hang on the piece before them. Texts are raw: whatever writes a cell
(harness.report.markdown, harness.report.latex, `html` below) escapes them for its medium.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.report.escaping import clean

Style = Literal["plain", "strong", "emphasis", "code"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in one style."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Cited:
    """A reference to a source, by its number; set apart like a word."""

    number: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of footnotes, raised, on what stands before them: letters of remarks, numbers of sources."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indent:
    """What follows belongs to the row above."""


Inline = Piece | Cited | Marks | Indent
Line = tuple[Inline, ...]
Cell = tuple[Line, ...]
"""Lines, one under the other; none: nothing applies."""
_ADDRESSES = re.compile(r"; (?=https?://)")


@dataclass(slots=True)
class Notes:
    """The footnotes of one document, each text once: sources are numbered, remarks lettered, in the order in
    which they are first mentioned; what holds for one claim alone stands under the claim's number."""

    sources: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    claims: dict[str, dict[str, None]] = field(default_factory=dict)

    def cited(self, sources: Sequence[str]) -> tuple[int, ...]:
        """The numbers of these sources, of those that name several addresses one for each; blank ones have none."""
        each = (part for source in sources for part in _ADDRESSES.split(source))
        shown = dict.fromkeys(s for s in each if clean(s))
        return tuple(self.sources.setdefault(source, len(self.sources) + 1) for source in shown)

    def lettered(self, remarks: Sequence[str]) -> tuple[str, ...]:
        """The letters of these remarks; blank ones have none."""
        shown = dict.fromkeys(r for r in remarks if clean(r))
        return tuple(self.remarks.setdefault(remark, letters(len(self.remarks))) for remark in shown)

    def of_claim(self, claim: str, texts: Sequence[str]) -> None:
        """Enters texts under the number of a claim."""
        for text in texts:
            if clean(text):
                self.claims.setdefault(claim, {})[text] = None

    def by_claim(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(claim, its texts), in the order in which the claims come."""
        return tuple((claim, tuple(texts)) for claim, texts in self.claims.items())

    def listed(self) -> tuple[tuple[str, str], ...]:
        """(label, text) of all that have a label, remarks first."""
        return (
            *((letter, text) for text, letter in self.remarks.items()),
            *((str(number), text) for text, number in self.sources.items()),
        )


def letters(position: int) -> str:
    """0 → a, 25 → z, 26 → aa, 27 → ab."""
    text = ""
    position += 1
    while position:
        position, letter = divmod(position - 1, 26)
        text = chr(ord("a") + letter) + text
    return text


def line(*parts: str | Inline) -> Line:
    """The parts that say something, plain texts among them as they are."""
    pieces = (Piece(part) if isinstance(part, str) else part for part in parts)
    return tuple(p for p in pieces if _says(p))


def cell(*lines: Line) -> Cell:
    """The lines that hold something."""
    return tuple(found for found in lines if found)


def plain(found: Cell) -> str:
    """What a cell says, without its marks, on one line."""
    return " ".join(clean(part.text) for line_ in found for part in line_ if isinstance(part, Piece))


def _says(part: Inline) -> bool:
    if isinstance(part, Piece):
        return bool(clean(part.text))
    return bool(part.labels) if isinstance(part, Marks) else True
