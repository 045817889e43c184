"""Fonts for figures on paper, cut down to the characters in use.

Embedding a font makes matplotlib cut it down for every figure anew, and takes fonts without TrueType outlines (most
Japanese ones) as Type 3, which many conferences refuse. So each font is cut down once for all figures of a call,
without layout tables, and its outlines are made TrueType's where they are not.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

# the first of these that is installed has the Japanese signs; name of the family, beginning of the file's name
JAPANESE = (
    ("Noto Sans CJK JP", "NotoSansCJK-Regular"),
    ("Noto Sans CJK JP", "NotoSansCJKjp-Regular"),
    ("Noto Sans JP", "NotoSansJP"),
    ("Source Han Sans JP", "SourceHanSansJP-Regular"),
    ("IPAexGothic", "ipaexg"),
    ("IPAGothic", "ipag"),
    ("TakaoGothic", "TakaoGothic"),
    ("VL Gothic", "VL-Gothic"),
    ("Yu Gothic", "YuGothR"),
    ("Hiragino Sans", "ヒラギノ角ゴシック W3"),
)
# how far a TrueType outline may be from the font's own, in thousandths of the letter's size
_ERROR = 1.0


@dataclass(frozen=True, slots=True)
class Typeface:
    """Families that matplotlib knows by name, in the order they are asked, and the characters they have. Each is of one
    weight: a family asked for a weight that it lacks would be complained about."""

    plain: tuple[str, ...]
    bold: tuple[str, ...]
    characters: frozenset[str]


def typeface(texts: Iterable[str]) -> Typeface:
    """DejaVu Sans, which matplotlib brings along, and a Japanese font where one is installed and needed."""
    wanted = frozenset("".join(texts)) | {"□"}
    return _typeface(wanted)


@cache
def japanese_font() -> Path | None:
    """The file of an installed font with Japanese signs."""
    from matplotlib import font_manager

    installed = sorted(map(Path, font_manager.findSystemFonts()))
    return next((p for _, stem in JAPANESE for p in installed if p.stem.startswith(stem)), None)


@cache
def _typeface(wanted: frozenset[str]) -> Typeface:
    import matplotlib

    bundled = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain, known = _registered(bundled / "DejaVuSans.ttf", wanted)
    bold, _ = _registered(bundled / "DejaVuSans-Bold.ttf", wanted)
    missing, source = wanted - known, japanese_font()
    if not missing or source is None:
        return Typeface((plain,), (bold,), known)
    other, more = _registered(source, missing)
    return Typeface((plain, other), (bold, other), known | more)


def _registered(source: Path, wanted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """A font of these characters, made known to matplotlib: its family's name and what it has of them."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from matplotlib import font_manager

    options = subset.Options(
        layout_features=[], hinting=False, notdef_outline=True, recalc_timestamp=False, legacy_kern=True
    )
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "MATH", "FFTM", "BASE", "JSTF", "vhea", "vmtx", "VORG"]
    with TTFont(source, fontNumber=0, recalcTimestamp=False) as font:
        known = frozenset(c for c in wanted if ord(c) in font.getBestCmap())
        cut = subset.Subsetter(options)
        cut.populate(text="".join(sorted(known)))
        cut.subset(font)
        if "glyf" not in font:
            _make_truetype(font)
        # the same characters of the same font give the same name, and with it the same bytes
        sign = hashlib.sha256("".join(sorted(known)).encode("utf-8", "surrogatepass")).hexdigest()[:8]
        family = f"{font['name'].getBestFamilyName()} {font['name'].getBestSubFamilyName()} {sign}"
        _rename(font, family)
        path = _folder() / f"{source.stem}-{sign}.ttf"
        font.save(path)
    font_manager.fontManager.addfont(path)
    return family, known


def _rename(font: TTFont, family: str) -> None:
    """A family of its own, whose one weight is the usual."""
    plain = family.replace(" ", "")
    font["OS/2"].usWeightClass, font["OS/2"].fsSelection, font["head"].macStyle = 400, 1 << 6, 0
    for name in (16, 17, 21, 22):
        font["name"].removeNames(nameID=name)
    for number, text in ((1, family), (2, "Regular"), (3, plain), (4, family), (6, plain)):
        font["name"].setName(text, number, 3, 1, 0x409)
        font["name"].setName(text, number, 1, 0, 0)


def _make_truetype(font: TTFont) -> None:
    """Cubic outlines (CFF) to quadratic ones, within a thousandth of the letter's size."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    order, drawn = font.getGlyphOrder(), font.getGlyphSet()
    glyphs: dict[str, Any] = {}
    for name in order:
        pen = TTGlyphPen(drawn)
        drawn[name].draw(Cu2QuPen(pen, _ERROR * font["head"].unitsPerEm / 1000, reverse_direction=True))
        glyphs[name] = pen.glyph()
    outlines = newTable("glyf")
    outlines.glyphOrder, outlines.glyphs = order, glyphs
    font["loca"], font["glyf"] = newTable("loca"), outlines
    profile = font["maxp"]
    profile.tableVersion = 0x00010000
    for field in (
        "maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements",
        "maxSizeOfInstructions", "maxComponentElements", "maxPoints", "maxContours", "maxCompositePoints",
        "maxCompositeContours", "maxComponentDepth",
    ):  # fmt: skip
        setattr(profile, field, 1 if field == "maxZones" else 0)
    for name, metrics in font["hmtx"].metrics.items():
        glyph = glyphs[name]
        glyph.recalcBounds(outlines)
        font["hmtx"].metrics[name] = (metrics[0], getattr(glyph, "xMin", 0))
    font["post"].formatType = 2.0
    font["post"].extraNames, font["post"].mapping, font["post"].glyphOrder = [], {}, order
    for table in ("CFF ", "CFF2"):
        if table in font:
            del font[table]
    font.sfntVersion = "\000\001\000\000"


@cache
def _folder() -> Path:
    """Kept until the process ends: matplotlib reads the files when it draws."""
    folder = Path(tempfile.mkdtemp(prefix="harness-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
