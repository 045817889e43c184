"""The comparison table as a LaTeX document that compiles as it stands; the same rows give the same bytes anywhere.

The columns `full` make a landscape sheet with everything, the other sets one table with caption and notes for a paper.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, assert_never

from jinja2 import Environment, StrictUndefined, Template

from harness.report import latex_documents
from harness.report.columns import ColumnSet, column_set
from harness.report.escaping import clean, tex, tex_code
from harness.report.inline import Cell, Cited, Indent, Inline, Line, Marks, Notes, Piece
from harness.report.lexicon import Lexicon, lexicon
from harness.report.markdown import article_title, caption, legend, told_of
from harness.report.rows import Row, by_article, tally
from harness.report.tall import columns_of, lines_in, lines_of, parted
from harness.report.words import NOTHING

# the first of these that is installed prints what the text font lacks; those with a bold of their own come first
_FONTS = (
    "Harano Aji Mincho",
    "Noto Serif CJK JP",
    "Hiragino Mincho ProN",
    "Noto Sans CJK JP",
    "IPAexMincho",
    "MS Mincho",
)
# no Japanese line begins with one of these, or ends with one of those (JIS X 4051)
_CLOSING = [f"{ord(c):04X}" for c in "、。，．：；？！）］｝」』】〕〉》・ーぁぃぅぇぉっゃゅょァィゥェォッャュョ％"]
_OPENING = [f"{ord(c):04X}" for c in "（［｛「『【〔〈《"]
# a name that no column has the width for
_LONG = re.compile(r"(?=[^\s/]*/)\S{15}")
_TRILLIONS = re.compile(r"\d{1,3}(?:,\d{3}){4,}")
# moves all lines of the cell, not the first alone
_INDENT = r"\hangindent=1em\hangafter=0 "
# mm that a character takes on the average: of \scriptsize on the big sheet, of \footnotesize in a paper
_SHEET, _PAPER = 1.25, 1.4
# printed lines, which are about a third of a page: a taller row is parted, so that it can go on overleaf
_TALL = 24
# printed lines of a table with its notes that still fit on one page
_PAGE = 48
_NOTE_WIDTH = 170


class Ready(str):
    """LaTeX of ours. Every other text is escaped when the document is filled in."""


@dataclass(frozen=True, slots=True)
class _Article:
    title: str
    lines: tuple[str, ...]


def comparison_tex(
    table: Sequence[Row],
    headings: Mapping[str, str] | None = None,
    words: Lexicon | None = None,
    columns: str = "full",
) -> str:
    """A whole document. `full`: counts, a longtable per article, legend, sources. Other `columns`: one table with
    caption, label and notes; it floats where it fits on a page and breaks across pages where it does not.

    `headings`: article id → what follows "Article 003: ". In English unless `words` say otherwise. The text is ASCII,
    whatever the verdicts hold. Raises UnknownName for unknown columns.
    """
    words = words or lexicon("en")
    shown = column_set(columns, words)
    return _sheet(table, shown, headings, words) if shown.sections else _printed(table, shown, words)


def cell_tex(found: Cell) -> str:
    """A cell of a LaTeX table; a dash where nothing applies."""
    return r" \newline ".join(_line_of(line) for line in found) or tex(NOTHING)


def _sheet(table: Sequence[Row], shown: ColumnSet, headings: Mapping[str, str] | None, words: Lexicon) -> str:
    notes, counts = Notes(), tally(table)
    articles = [
        _Article(article_title(article, headings, words), tuple(_lines(group, shown, notes, _SHEET)))
        for article, group in by_article(table)
    ]
    explained = words.text("table.legend_columns").replace("`", "")
    return _template(latex_documents.FULL).render(
        title=words.text("table.title"),
        summary=counts.sentence(words),
        counts=counts.grid(words),
        articles=articles,
        columns=[c.title for c in shown.columns],
        widths=[c.width for c in shown.columns],
        preamble=_preamble(),
        legend_title=words.text("table.legend"),
        legend=legend(words),
        explained=Ready(tex(explained, limit=len(explained))),
        notes_title=words.text("table.sources"),
        notes=[_breakable(source) for source in notes.sources],
    )


def _printed(table: Sequence[Row], shown: ColumnSet, words: Lexicon) -> str:
    notes, shown = Notes(), shown.used(table)
    over = caption(table, shown, words.text("table.title"), words)
    lines = list(_lines(table, shown, notes, _PAPER))
    return _template(latex_documents.PAPER).render(
        columns_name=shown.name,
        preamble=_preamble(),
        floats=_height(table, shown, notes) <= _PAGE,
        caption=Ready(tex(over, limit=len(over) + 1)),
        columns=[c.title for c in shown.columns],
        widths=[c.width for c in shown.columns],
        lines=lines,
        footnotes=_footnotes(notes, words),
    )


def _lines(group: Iterable[Row], shown: ColumnSet, notes: Notes, character: float) -> Iterable[str]:
    """The rows as lines of LaTeX, a tall row as several; a comment tells where one goes on."""
    widths = [column.width / character for column in shown.columns]
    for row in group:
        first, *others = parted(shown.filled(row, notes), widths, _TALL)
        yield _joined([cell_tex(found) for found in first])
        for cells in others:
            yield "% goes on"
            yield _joined([cell_tex(found) if found else "" for found in cells])


def _height(table: Sequence[Row], shown: ColumnSet, notes: Notes) -> int:
    """About how many lines the table and its notes take; `notes` has been filled by the same rows."""
    widths = [column.width / _PAPER for column in shown.columns]
    rows = (max(map(lines_in, shown.filled(row, notes), widths)) for row in table)
    own = sum(columns_of(text) for _, texts in notes.by_claim() for text in texts)
    return sum(rows) + sum(lines_of(columns_of(text), _NOTE_WIDTH) for _, text in notes.listed()) + own // _NOTE_WIDTH


def _footnotes(notes: Notes, words: Lexicon) -> str:
    """Remarks and sources, a paragraph each; between them, in one paragraph, what holds for single claims."""
    shown = [
        rf"\hangindent=1.2em\hangafter=1 \textsuperscript{{{label}}}\,{_breakable(text)}\par"
        for label, text in notes.listed()
    ]
    if not shown and not notes.claims:
        return ""
    own = [rf"\textbf{{{tex(claim)}}}~{_breakable(told_of(texts, words))}" for claim, texts in notes.by_claim()]
    if own:
        shown.insert(len(notes.remarks), "\n".join((tex(words.text("table.of_claims")), *own, r"\par")))
    return "\n".join((r"\par\medskip", r"{\scriptsize\raggedright", *shown, "}"))


@cache
def _template(document: str) -> Template:
    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_escaped,
    )
    environment.globals.update(line=_heads, ready=Ready, letters="abcdefgh")
    return environment.from_string(document)


@cache
def _preamble() -> str:
    return _template(latex_documents.PREAMBLE).render(fonts=_FONTS, closing=_CLOSING, opening=_OPENING)


def _escaped(value: Any) -> str:
    return value if isinstance(value, Ready) else tex(str(value))


def _heads(texts: Sequence[str]) -> Ready:
    return Ready(" & ".join(tex(text) for text in texts))


def _joined(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _breakable(text: str) -> Ready:
    shown = tex(text, len(text) + 1).replace("/", r"/\allowbreak{}")
    return Ready(_TRILLIONS.sub(lambda number: number.group().replace(",", r",\allowbreak{}"), shown))


def _line_of(line: Line) -> str:
    text = ""
    for part in line:
        text += "" if isinstance(part, Marks) or not text or text == _INDENT else " "
        text += _part(part)
    return text


def _parted(labels: Sequence[str]) -> Iterable[str]:
    """Each with a comma, so that many of them break over lines."""
    return (*(f"{label}," for label in labels[:-1]), labels[-1])


def _part(part: Inline) -> str:
    match part:
        case Marks():
            return r"\allowbreak".join(rf"\textsuperscript{{{label}}}" for label in _parted(part.labels))
        case Cited():
            return f"{{[}}{part.number}]"
        case Indent():
            return _INDENT
        case Piece(text, "code"):
            return tex_code(text)
        case Piece(text, "strong"):
            return rf"\textbf{{{tex(text)}}}"
        case Piece(text, "emphasis"):
            return rf"\textit{{{tex(text)}}}"
        case Piece(text, _):
            return _breakable(clean(text)) if _LONG.search(text) or _TRILLIONS.search(text) else tex(text)
        case _:
            assert_never(part)
