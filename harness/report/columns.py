"""The columns of the comparison table, in sets with names: what stands in a cell, for every format alike.

full     everything, with the reason and how to get stronger evidence
paper    what an author prints; deviations, qualifiers and sources are notes, readings stand under the claim's number
brief    claim, claimed, measured, verdict, evidence
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.errors import UnknownName
from harness.report.digits import counted
from harness.report.escaping import clean
from harness.report.inline import Cell, Cited, Indent, Marks, Notes, Piece, cell, line
from harness.report.lexicon import Lexicon
from harness.report.rows import Row
from harness.report.words import NOTHING, at_level

Fill = Callable[[Row, Notes], Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """`title` in the language of the set. `width` in mm on the sheet of the set."""

    key: str
    title: str
    fill: Fill
    width: int


@dataclass(frozen=True, slots=True)
class ColumnSet:
    """`sections`: a table per article, with counts before and a legend behind them; otherwise one table with a caption,
    as it stands in a paper."""

    name: str
    columns: tuple[Column, ...]
    sections: bool

    def used(self, table: Sequence[Row]) -> ColumnSet:
        """Without the columns that nothing applies to in any of the rows; the widest one gets their width."""
        kept = [c for c in self.columns if not table or any(c.fill(row, Notes()) for row in table)]
        # between two columns lie 2.4 mm
        spare = sum(c.width for c in self.columns) - sum(c.width for c in kept)
        spare += int(2.4 * (len(self.columns) - len(kept)))
        widest = max(kept, key=lambda c: c.width, default=None)
        return replace(self, columns=tuple(replace(c, width=c.width + spare * (c is widest)) for c in kept))

    def filled(self, row: Row, notes: Notes) -> tuple[Cell, ...]:
        """The row's cells, from left to right; its footnotes are entered in `notes`."""
        return tuple(column.fill(row, notes) for column in self.columns)


def column_set(name: str, words: Lexicon) -> ColumnSet:
    """The set of this name, its texts in the language of `words`. Raises UnknownName."""
    made = _SETS.get(name)
    if made is None:
        raise UnknownName.of("column set", name, _SETS)
    columns = tuple(Column(k, words.text(f"table.{title}"), f, width) for k, title, f, width in made(_Cells(words)))
    return ColumnSet(name, columns, sections=name == "full")


@dataclass(frozen=True, slots=True)
class _Cells:
    """How a row fills the cells that need words of ours."""

    words: Lexicon

    def claim(self, row: Row, _: Notes) -> Cell:
        if not row.first:
            return cell(line(row.claim))
        number = row.place.partition(":")[2]
        place = self.words.text("table.line", line=number) if number else ""
        return cell(line(Piece(row.claim, "strong"), place, row.says))

    def named(self, row: Row, notes: Notes) -> Cell:
        """The claim where no section names its article and no column its check."""
        if not row.first:
            return cell(line(Indent(), row.claim, *(part for found in check(row, notes) for part in found)))
        place = self.words.text("table.whose", whose=row.place) if row.place else ""
        return cell(line(Piece(row.claim, "strong"), place, row.says))

    def claimed(self, row: Row, _: Notes) -> Cell:
        return cell(
            line(self._in_figures(row.claimed), self.words.text("table.whose", whose=row.whose) if row.whose else "")
        )

    def why(self, row: Row, _: Notes) -> Cell:
        reasons = (line(row.why), *(line(qualifier) for qualifier in row.qualifiers))
        if not row.asks_to_run:
            return cell(*reasons)
        needs = self.words.text("table.needs", what=row.hardware) if row.hardware else ""
        return cell(*reasons, line(Piece(row.command, "code")), line(needs))

    def number(self, row: Row, _: Notes) -> Cell:
        """The claim's own, so that every row can be cited; beneath the first one its article and line."""
        if not row.first:
            return cell(line(row.claim))
        return cell(line(Piece(row.claim, "strong")), line(row.place))

    def statement(self, row: Row, _: Notes) -> Cell:
        """The claim in words; beneath it what its checks are called."""
        if row.first:
            return cell(line(row.says or row.claim))
        return cell(line(Indent(), *check(row, _)[0])) if clean(row.check) else ()

    def printed(self, row: Row, notes: Notes) -> Cell:
        """The claimed number; whose it is, unless it is the article's."""
        if not row.claimed:
            return ()
        model, slash, _ = row.claimed_from.partition("/")
        whose = self.words.text("table.whose", whose=model) if slash else ""
        return cell(line(self._in_figures(row.claimed), whose, Marks(notes.lettered([self._bar(row)]))))

    def found(self, row: Row, notes: Notes) -> Cell:
        """What was measured, its interval; as remarks another level than 95 % and what the protocol differed in. Of a
        claim as a whole the value that decides it, before how many of its parts hold."""
        text, span = row.measured, row.interval
        level = at_level(row.numbers.interval_level or 0.95)
        if text and span:
            text = self.words.text("table.between", value=text, interval=span.removesuffix(level))
        named = self.words.text("table.note_level", level=level.strip(" ()")) if level and text else ""
        marks = Marks(notes.lettered([named, *row.remarks]))
        if row.printed.deciding:
            parts = self.words.text("table.whose", whose=text)
            return cell(line(self.words.figure(row.printed.deciding), parts, marks))
        return cell(line(text or (NOTHING if marks.labels else ""), marks))

    def size(self, row: Row, notes: Notes) -> Cell:
        """Questions and generations of each, with what was lost as a remark."""
        numbers = row.numbers
        if not numbers.questions:
            return ()
        times = f" × {numbers.rounds:,}" if numbers.rounds and numbers.rounds > 1 else ""
        return cell(line(f"{numbers.questions:,}{times}", Marks(notes.lettered([self._lost(row)]))))

    def _in_figures(self, text: str) -> str:
        """A number printed in Japanese, the same in figures beside it for readers of another language."""
        found = counted(text) if self.words.language != "ja" else None
        if found is None:
            return text
        nearness, value = found
        figures = self.words.text(f"table.counted_{nearness}", n=f"{value:,}")
        return f"{text} {self.words.text('table.whose', whose=figures)}"

    def _bar(self, row: Row) -> str:
        """What to say of a number that no source and no article has."""
        if row.claimed_from == "chosen":
            return self.words.text("table.note_chosen")
        return self.words.text("table.note_chosen_of_ours") if row.claimed_from == "claim file" else ""

    def _lost(self, row: Row) -> str:
        numbers = row.numbers
        errors = "errored" if numbers.errored_count else "unscored"
        kinds = (
            ("truncated", row.truncated, numbers.truncated_count),
            ("no_answer", row.no_answer, numbers.no_answer_count),
            (errors, row.unscored, numbers.unscored_count),
        )
        told = ((kind, text) for kind, text, count in kinds if count)
        parts = [self.words.text(f"table.note_{kind}", count=text, errored=row.errored) for kind, text in told]
        judged = (numbers.scored_count or 0) + (numbers.unscored_count or 0)
        listed = self.words.text("table.note_listing").join(parts)
        return self.words.text("table.note_lost", judged=f"{judged:,}", parts=listed) if parts else ""


def check(row: Row, _: Notes) -> Cell:
    """How it is checked; in italics what is shown and not counted."""
    return cell(line(Piece(row.check, "emphasis" if row.level == "informative" else "plain")))


def verdict(row: Row, _: Notes) -> Cell:
    return cell(line(Piece(row.verdict, "strong")))


def qualified(row: Row, notes: Notes) -> Cell:
    """The verdict; its qualifiers as remarks, with the reason where it is open. How the claim was read stands under its
    number."""
    notes.of_claim(row.claim, row.printed.own)
    return cell(line(Piece(row.verdict, "strong"), Marks(notes.lettered(row.printed.shared))))


def evidence(row: Row, _: Notes) -> Cell:
    return cell(line(row.evidence_word))


def sourced(row: Row, notes: Notes) -> Cell:
    """The evidence, its sources as marks."""
    return cell(line(row.evidence_word, Marks(tuple(map(str, notes.cited(row.sources))))))


def source(row: Row, notes: Notes) -> Cell:
    return cell(line(Piece(row.run, "code"), *(Cited(number) for number in notes.cited(row.sources))))


def _text(field: str) -> Fill:
    """A cell that holds one text of the row."""
    return lambda row, _: cell(line(str(getattr(row, field))))


_Made = tuple[tuple[str, str, Fill, int], ...]
"""Of each column its key, the key of its title, what fills it, its width."""


def _full(cells: _Cells) -> _Made:
    """For an A3 sheet on its side."""
    return (
        ("claim", "claim", cells.claim, 45),
        ("model", "model", _text("model"), 22),
        ("check", "check", check, 27),
        ("claimed", "claimed", cells.claimed, 30),
        ("measured", "measured", _text("measured"), 24),
        ("interval", "interval", _text("interval"), 17),
        ("scored", "scored", _text("scored"), 16),
        ("truncated", "truncated", _text("truncated"), 14),
        ("no_answer", "no_answer", _text("no_answer"), 13),
        ("unscored", "unscored", _text("lost"), 15),
        ("verdict", "verdict", verdict, 19),
        ("evidence", "evidence", evidence, 15),
        ("why", "why", cells.why, 68),
        ("deviations", "deviations", _text("deviations"), 15),
        ("source", "source", source, 26),
    )


def _paper(cells: _Cells) -> _Made:
    """For an A4 sheet."""
    return (
        ("number", "number", cells.number, 12),
        ("claim", "claim", cells.statement, 33),
        ("model", "model_alone", _text("model"), 18),
        ("claimed", "claimed", cells.printed, 25),
        ("measured", "found_interval", cells.found, 25),
        ("n", "questions", cells.size, 12),
        ("verdict", "verdict", qualified, 22),
        ("evidence", "evidence", sourced, 16),
    )


def _brief(cells: _Cells) -> _Made:
    """For an A4 sheet."""
    return (
        ("claim", "claim", cells.named, 70),
        ("claimed", "claimed", cells.claimed, 33),
        ("measured", "found_interval", cells.found, 32),
        ("verdict", "verdict", verdict, 20),
        ("evidence", "evidence", evidence, 15),
    )


_SETS: dict[str, Callable[[_Cells], _Made]] = {"full": _full, "paper": _paper, "brief": _brief}
COLUMN_SETS: tuple[str, ...] = tuple(_SETS)
