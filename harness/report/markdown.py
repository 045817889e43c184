"""The comparison table as GitHub-flavoured Markdown; the same rows give the same bytes anywhere."""

import re
from collections.abc import Mapping, Sequence
from typing import assert_never, get_args

from harness.records import EVIDENCE_ORDER, Outcome
from harness.report.columns import ColumnSet, column_set
from harness.report.csv_file import comparison_csv
from harness.report.escaping import clean, markdown, markdown_code
from harness.report.inline import Cell, Cited, Indent, Inline, Line, Marks, Notes, Piece
from harness.report.lexicon import Lexicon, lexicon
from harness.report.rows import Row, by_article, tally
from harness.report.words import NOTHING

__all__ = ["article_title", "caption", "comparison_csv", "comparison_markdown", "legend", "told_of", "verdict_document"]

# no line ends in it
_INDENT = "&nbsp;" * 4
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def comparison_markdown(
    table: Sequence[Row],
    *,
    title: str,
    intro: Sequence[str] = (),
    headings: Mapping[str, str] | None = None,
    words: Lexicon | None = None,
    columns: str = "full",
) -> str:
    """A whole page: title, intro, counts, one table per article, legend, sources as footnotes. With other `columns`
    than `full` only one table, its caption and its footnotes.

    `intro` lines are Markdown of ours, one paragraph each; everything else is escaped. `headings`: article id → what
    follows "Article 003: ". In English unless `words` say otherwise. Raises UnknownName for unknown columns.
    """
    words = words or lexicon("en")
    shown, notes, counts = column_set(columns, words), Notes(), tally(table)
    if not shown.sections:
        return _printed(table, shown, title, words)
    parts = [f"# {markdown(title)}", *intro, f"**{markdown(counts.sentence(words))}**"]
    if counts.counts:
        parts.append(_aligned(counts.grid(words)))
    for article, group in by_article(table):
        parts += [f"## {markdown(article_title(article, headings, words))}", _table(group, shown, notes)]
    parts += [f"## {words.text('table.legend')}", _legend(words)]
    if notes.sources:
        parts += [f"## {words.text('table.sources')}", _footnotes(notes)]
    return "\n\n".join(parts) + "\n"


def verdict_document(
    table: Sequence[Row],
    headings: Mapping[str, str] | None = None,
    words: Lexicon | None = None,
    columns: str = "full",
) -> str:
    """The page that stands in results/report/table.md."""
    words = words or lexicon("en")
    title, intro = words.text("table.title"), (words.text("table.intro"),)
    return comparison_markdown(table, title=title, intro=intro, headings=headings, words=words, columns=columns)


def cell_markdown(found: Cell) -> str:
    """A cell of a Markdown table; a dash where nothing applies."""
    return "<br>".join(_line(line) for line in found) or NOTHING


def article_title(article: str, headings: Mapping[str, str] | None, words: Lexicon) -> str:
    """`Article 003: QwQ-32B and the boom`; raw text."""
    name = words.text("table.article", id=article) if article else words.text("table.no_article")
    heading = (headings or {}).get(article, "")
    return words.text("table.heading", article=name, title=heading) if clean(heading) else name


def legend(words: Lexicon) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """(heading, its words with their meanings), raw texts."""
    verdicts = tuple((words.outcome(o), words.outcome_meaning(o)) for o in get_args(Outcome))
    evidence = tuple((words.evidence(e), words.evidence_meaning(e)) for e in EVIDENCE_ORDER)
    return (words.text("table.legend_verdicts"), verdicts), (words.text("table.legend_evidence"), evidence)


def _printed(table: Sequence[Row], shown: ColumnSet, title: str, words: Lexicon) -> str:
    notes, shown = Notes(), shown.used(table)
    under = caption(table, shown, title, words)
    parts = [_table(table, shown, notes), markdown(under, len(under) + 1), _own(notes, words), _footnotes(notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def caption(table: Sequence[Row], shown: ColumnSet, title: str, words: Lexicon) -> str:
    """What stands under (or over) a table of its own; raw text."""
    told = [words.text("table.caption", title=title, tally=tally(table).sentence(words))]
    if any(column.key == "number" for column in shown.columns):
        told.append(words.text("table.caption_number"))
    if words.language != "ja" and any(_JAPANESE.search(row.claimed) for row in table):
        told.append(words.text("table.caption_printed"))
    return words.text("table.caption_space").join(told)


def _own(notes: Notes, words: Lexicon) -> str:
    """What holds for one claim alone, as a list under the claims' numbers."""
    told = ((claim, told_of(texts, words)) for claim, texts in notes.by_claim())
    listed = [f"- **{markdown(claim)}**: {markdown(text, len(text) + 1)}" for claim, text in told]
    return "\n".join([words.text("table.of_claims"), "", *listed]) if listed else ""


def told_of(texts: Sequence[str], words: Lexicon) -> str:
    """What holds for one claim alone as one sentence; raw text."""
    return words.text("table.of_claims_listing").join(text.rstrip(".。") for text in texts) + words.text(
        "table.of_claims_end"
    )


def _table(group: Sequence[Row], shown: ColumnSet, notes: Notes) -> str:
    heads = [_row([c.title for c in shown.columns]), _row(["---"] * len(shown.columns))]
    return "\n".join([*heads, *(_row([cell_markdown(c) for c in shown.filled(row, notes)]) for row in group)])


def _aligned(grid: Sequence[Sequence[str]]) -> str:
    heading, *counted = grid
    return "\n".join([_row(heading), _row(["---"] + ["--:"] * (len(heading) - 1)), *(_row(c) for c in counted)])


def _legend(words: Lexicon) -> str:
    parts = []
    for heading, meanings in legend(words):
        parts += [heading, "", *(f"- **{word}**: {meaning}" for word, meaning in meanings), ""]
    return "\n".join([*parts, words.text("table.legend_columns")])


def _footnotes(notes: Notes) -> str:
    return "\n".join(f"[^{label}]: {markdown(text, len(text) + 1)}" for label, text in notes.listed())


def _line(line: Line) -> str:
    text = ""
    for part in line:
        text += "" if isinstance(part, Marks) or not text or text == _INDENT else " "
        text += _part(part)
    return text


def _part(part: Inline) -> str:
    match part:
        case Marks():
            # side by side 4 and 5 would read as 45
            return " ".join(f"[^{label}]" for label in part.labels)
        case Cited():
            return f"[^{part.number}]"
        case Indent():
            return _INDENT
        case Piece(text, "code"):
            return markdown_code(text)
        case Piece(text, "strong"):
            return f"**{markdown(text)}**"
        case Piece(text, "emphasis"):
            return f"*{markdown(text)}*"
        case Piece(text, _):
            return markdown(text)
        case _:
            assert_never(part)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
