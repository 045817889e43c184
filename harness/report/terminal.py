"""The comparison table and the list of claims for a terminal of any width.

Columns are merged as the terminal gets narrower; verdict and evidence have fixed columns and are never cut.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from harness.records import DECIDED, Claim
from harness.report.cells import Fitted, cell, dash, frame, outcome
from harness.report.lexicon import Lexicon, lexicon
from harness.report.rows import Row, by_article, tally
from harness.report.words import NOTHING

# "inconclusive", "contradicted"; "published"
_VERDICT, _EVIDENCE, _CLAIM = 12, 9, 5
_NARROW, _MEDIUM, _WIDE = 80, 130, 190


@dataclass(frozen=True, slots=True)
class _Column:
    """`width`: fixed. `ratio`: share of what the fixed columns leave. `heading`: takes the article's name."""

    title: str
    fill: Callable[[Row], Text]
    width: int | None = None
    ratio: int | None = None
    heading: bool = False


def comparison_table(
    table: Sequence[Row],
    width: int | None = None,
    headings: Mapping[str, str] | None = None,
    words: Lexicon | None = None,
) -> RenderableType:
    """Claimed against measured at `width` columns (None: as wide as what it is printed on), a section per article.

    `headings`: article id → what to call it beside "Article 003". Below 80 columns verdict and evidence share a
    column; from 130 counts and interval have their own; from 190 the sources are shown. In English unless `words`,
    in whose language the rows are, say otherwise.
    """
    if width is None:
        return Fitted(lambda found: comparison_table(table, found, headings, words))
    words = words or lexicon("en")
    columns = _Columns(words).of(width, any(r.scored for r in table), any(r.interval for r in table))
    shown = frame(width, *((c.title, c.width, c.ratio) for c in columns))
    for article, group in by_article(table):
        name = words.text("table.article", id=article) if article else words.text("table.no_article")
        title = (headings or {}).get(article, "")
        shown.add_row(*(cell(name, title, style="bold") if c.heading else "" for c in columns))
        for row in group:
            style = "dim" if row.level == "informative" else None
            shown.add_row(*(c.fill(row) for c in columns), style=style, end_section=row is group[-1])
    return shown


def summary_line(table: Sequence[Row], words: Lexicon | None = None) -> Text:
    """`122 claims: 31 supported (20 inspected, 11 published), …`."""
    return Text(tally(table).sentence(words), "bold")


def claims_list(
    claims: Sequence[Claim],
    so_far: Mapping[str, Mapping[str, Any]],
    *,
    japanese: bool = False,
    width: int | None = None,
) -> RenderableType:
    """What the articles claim, in our words, with what can be said of each so far.

    `so_far`: claim id → its `outcome` and `evidence` as recorded; a claim without one gets a dash.
    """
    if width is None:
        return Fitted(lambda found: claims_list(claims, so_far, japanese=japanese, width=found))
    wide, narrow = width >= _MEDIUM, width < 100
    shown = frame(
        width,
        ("Claim", _CLAIM, None),
        ("Line", 7, None),
        ("Subject", 14, None) if narrow else ("Subject", None, 3 if wide else 4),
        *(() if narrow else (("Kind", 12, None),)),
        ("What it says, in our words", None, 10),
        ("Printed", None, 3),
        ("So far", _VERDICT, None),
        *((("Evidence", _EVIDENCE, None),) if wide else ()),
    )
    for claim in claims:
        verdict = so_far.get(claim.id, {})
        word = outcome(str(verdict.get("outcome") or NOTHING))
        evidence = str(verdict.get("evidence") or "none").replace("none", "")
        if not wide and evidence:
            word.append("\n").append_text(cell(evidence, style="dim"))
        place = f"{claim.article}:{','.join(str(p.line) for p in claim.where)}" if claim.article else NOTHING
        subject = (cell(claim.subject, claim.kind),) if narrow else (cell(claim.subject), cell(claim.kind))
        says = claim.says.ja if japanese else claim.says.en
        texts = (cell(claim.id), cell(place), *subject, cell(says), cell(dash(claim.printed or "")))
        shown.add_row(*texts, word, *((cell(dash(evidence)),) if wide else ()))
    return shown


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns in one language."""

    words: Lexicon

    def of(self, width: int, counted: bool, intervals: bool) -> list[_Column]:
        title = self._title
        verdict = _Column(title("verdict"), lambda r: outcome(r.outcome, r.verdict), _VERDICT)
        evidence = _Column(title("evidence"), lambda r: cell(r.evidence_word), _EVIDENCE)
        claim = _Column(title("claim"), lambda r: cell(r.claim, style="bold" if r.level == "claim" else ""), _CLAIM)
        if width < _NARROW:
            both = _Column(title("verdict"), _both, _VERDICT)
            return [claim, _Column(title("check"), self._everything, ratio=1, heading=True), both]
        claimed = _Column(title("claimed"), lambda r: cell(dash(r.claimed), *_whose(r)), ratio=3)
        if width < _MEDIUM:
            return [
                claim,
                _Column(title("check_model"), lambda r: cell(*_check(r), r.model, r.deviations), ratio=5, heading=True),
                claimed,
                _Column(title("measured"), self._found, ratio=4),
                verdict,
                evidence,
            ]
        model = _Column(title("model"), lambda r: cell(r.model), 18)
        check = _Column(title("check"), lambda r: cell(*_check(r)), ratio=4, heading=True)
        measured = _Column(title("measured"), lambda r: cell(dash(r.measured)), 14)
        optional = [_Column(title("at_terminal_interval"), lambda r: cell(dash(r.interval)), 12)] if intervals else []
        if counted:
            scored = _Column(title("scored"), lambda r: cell(dash(r.scored), *self._counts(r)[1:]), 16)
            optional.append(scored)
        columns = [claim, model, check, claimed, measured, *optional, verdict, evidence]
        columns.append(_Column(title("why_deviations"), self._because, ratio=6))
        if width >= _WIDE:
            columns.append(_Column(title("source"), lambda r: cell(*r.sources, r.run, under=""), ratio=5))
        return columns

    def _title(self, key: str) -> str:
        return self.words.text(f"table.{key}")

    def _counts(self, row: Row) -> list[str]:
        """Scored first, then every kind of loss; a kind without a case is not mentioned."""
        if not row.scored:
            return []
        named = (("truncated", row.truncated), ("no_answer", row.no_answer), ("unscored", row.unscored))
        losses = (self.words.text(f"table.{kind}_of", count=count) for kind, count in named if count != "0")
        return [self.words.text("table.scored_of", scored=row.scored), *losses]

    def _found(self, row: Row) -> Text:
        """Where nothing is decided, the narrow table has room beneath the measured value to say why; what recordings
        of the model say stands there too."""
        why = (row.why, row.command) if row.outcome not in DECIDED else ()
        return cell(dash(row.measured), row.interval, *self._counts(row), *why, *row.recorded)

    def _because(self, row: Row) -> Text:
        needs = self.words.text("table.needs", what=row.hardware) if row.hardware else ""
        ways = (row.command, needs) if row.asks_to_run else ()
        return cell(row.why, row.deviations, *row.qualifiers, *ways)

    def _everything(self, row: Row) -> Text:
        figures = self.words.text(
            "table.figures", claimed=dash(row.claimed), measured=dash(row.measured), interval=row.interval
        )
        return cell(*_check(row), row.model, row.deviations, figures, *self._counts(row))


def _both(row: Row) -> Text:
    return outcome(row.outcome, row.verdict).append(f"\n{row.evidence_word}", "dim")


def _check(row: Row) -> tuple[str, ...]:
    """How it is checked; on a claim's first row what is claimed, above it."""
    return (row.says, row.check) if row.first and row.says else (row.check,)


def _whose(row: Row) -> tuple[str, ...]:
    """A long reference breaks after its slash, not in the middle of a word."""
    model, slash, figure = row.whose.partition("/")
    return (model + slash, figure) if len(row.whose) > 14 else (row.whose,)
