"""How much room a text takes, before a browser has chosen the font.

Widths are those of DejaVu Sans, the widest of the usual sans-serif fonts, so that whatever is shown fits.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from harness.report.escaping import clean

# of a line, in sizes of the font
LEADING = 1.35
_LONGEST = 400
# advance width in ems, rounded up, of the ASCII characters
_WIDTHS = {
    0.3: "IJijl", 0.35: " ,./:;\\|", 0.4: "()-[]ft'", 0.45: "!r", 0.5: '"*_`', 0.55: "?csz", 0.6: "FLkvxy",
    0.65: "$0123456789EPSTYabdeghnopqu{}", 0.7: "ABCKRVXZ", 0.75: "NU", 0.8: "&DGHOQ", 0.85: "#+<=>^w~", 0.9: "M",
    1.0: "%@Wm",
}  # fmt: skip
_ADVANCE = {character: width for width, characters in _WIDTHS.items() for character in characters}
_BOLD = 1.12
# of characters that are neither ASCII nor wide
_OTHER = 0.85


_NEVER_FIRST = "、。)」』〕】〜ー・%ぁぃぅぇぉっゃゅょァィゥェォッャュョ"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """An upper bound, in the drawing's units."""
    return sum(map(_advance, text)) * size * (_BOLD if bold else 1)


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> tuple[str, ...]:
    """Lines that fit into `room`; words break where they are longer than that, and East Asian text anywhere."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(clean(text, _LONGEST)):
        if width((line + piece).strip(), size, bold=bold) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.strip())
        line = ""
        for character in piece:
            if line and width(line + character, size, bold=bold) > room:
                lines.append(line.strip())
                line = ""
            line += character
    lines.append(line.strip())
    return tuple(part for part in lines if part) or ("",)


def _pieces(text: str) -> Iterable[str]:
    """Where a line may break: behind spaces and Japanese commas, and before an East Asian character that may begin a
    line."""
    piece = ""
    for character in text:
        if piece and _wide(character) and character not in _NEVER_FIRST:
            yield piece
            piece = ""
        piece += character
        if character in " 、。":
            yield piece
            piece = ""
    yield piece


@lru_cache(maxsize=4096)
def _advance(character: str) -> float:
    known = _ADVANCE.get(character)
    if known is not None:
        return known
    if unicodedata.combining(character):
        return 0.0
    # ambiguous ones (Greek, arrows, box signs) are wide in Japanese fonts
    return 1.0 if unicodedata.east_asian_width(character) in ("W", "F", "A") else _OTHER


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
