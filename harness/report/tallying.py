"""How many conclusions there are of each outcome and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, get_args

from harness.records import EVIDENCE_ORDER, Evidence, Outcome
from harness.report.lexicon import Lexicon, lexicon

if TYPE_CHECKING:
    from harness.report.rows import Row


@dataclass(frozen=True, slots=True)
class Tally:
    """How many conclusions of each outcome and evidence; only those that exist, in the order of the records."""

    claims: int
    conclusions: int
    counts: tuple[tuple[Outcome, Evidence, int], ...]

    def of(self, outcome: Outcome, evidence: Evidence | None = None) -> int:
        return sum(n for o, e, n in self.counts if o == outcome and evidence in (None, e))

    def sentence(self, words: Lexicon | None = None) -> str:
        """`5 claims: 2 supported (1 inspected, 1 published), 3 not run`; in English unless `words` say otherwise."""
        words = words or lexicon("en")
        head = words.text("table.claims_one" if self.claims == 1 else "table.claims_many", n=f"{self.claims:,}")
        if self.conclusions != self.claims:
            key = "table.verdicts_one" if self.conclusions == 1 else "table.verdicts_many"
            head = words.text(key, n=f"{self.conclusions:,}", claims=head)
        if not self.counts:
            return head
        parts = words.text("table.tally_listing").join(self._parts(words))
        return words.text("table.tally", head=head, parts=parts)

    def grid(self, words: Lexicon) -> tuple[tuple[str, ...], ...]:
        """The counts as a table of texts: a heading, then a line per outcome with a column per evidence and their sum;
        nothing where nothing was counted."""
        if not self.counts:
            return ()
        used = [e for e in EVIDENCE_ORDER if any(c[1] == e for c in self.counts)]
        heading = (words.text("table.verdict"), *(words.evidence(e) for e in used), words.text("table.all"))
        lines = (
            (words.outcome(o), *(str(self.of(o, e)) for e in used), str(self.of(o)))
            for o in get_args(Outcome)
            if self.of(o)
        )
        return (heading, *lines)

    def _parts(self, words: Lexicon) -> Iterable[str]:
        for outcome, group in groupby(self.counts, key=lambda c: c[0]):
            by_evidence = [(e, n) for _, e, n in group]
            total = sum(n for _, n in by_evidence)
            part = words.text("table.tally_part", n=f"{total:,}", word=words.outcome(outcome))
            named = [
                words.text("table.tally_part", n=f"{n:,}", word=words.evidence(e))
                for e, n in by_evidence
                if e != "none"
            ]
            if len(by_evidence) == 1 and named:
                named = [words.evidence(by_evidence[0][0])]
            listed = words.text("table.tally_listing").join(named)
            yield words.text("table.tally_by", part=part, evidence=listed) if named else part


def conclusions(table: Sequence[Row]) -> tuple[Row, ...]:
    """What is counted: the rows of claims as a whole; for claims without one, their counted checks."""
    whole = {r.claim for r in table if r.level == "claim"}
    return tuple(r for r in table if r.level == "claim" or (r.level == "check" and r.claim not in whole))


def tally(table: Sequence[Row]) -> Tally:
    """Counts conclusions, never informative checks and never the checks behind a claim's own row."""
    counted = conclusions(table)
    found = [(r.outcome, r.evidence) for r in counted]
    cells = ((o, e, found.count((o, e))) for o in get_args(Outcome) for e in EVIDENCE_ORDER)
    return Tally(len({r.claim for r in counted}), len(counted), tuple(c for c in cells if c[2]))
