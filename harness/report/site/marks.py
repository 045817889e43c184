"""Verdicts as marks: a class, a glyph (both in assets/site.css), and always the word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from harness.gathering import ClaimStory
from harness.records import EVIDENCE_ORDER, Evidence, Outcome
from harness.report.lexicon import Lexicon

CODES: Mapping[Outcome, str] = {
    "reproduced": "r",
    "supported": "s",
    "higher": "h",
    "lower": "l",
    "contradicted": "c",
    "inconclusive": "i",
    "not_run": "n",
    "untestable": "u",
}
"""Classes of verdicts; letters, since an index repeats them thousands of times."""
_SEEN: Mapping[Evidence, str] = {"measured": "f", "rescored": "f", "inspected": "f", "published": "p", "none": ""}
"""Classes of evidence: filled, where the thing itself was looked at; pale, where a source says so; hollow."""
WIDTH = 100
"""Units of a bar's whole width."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`name`: what it says in words ("C082: supported, published")."""

    claim: str
    classes: str
    name: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: so many claims of one verdict, from `x`, `width` wide (of WIDTH)."""

    code: str
    word: str
    count: int
    x: str
    width: str


def classes(outcome: Outcome, evidence: Evidence) -> str:
    """The classes that colour, shape and fill a mark."""
    return f"{CODES[outcome]} {_SEEN[evidence]}".rstrip()


def mark(story: ClaimStory, words: Lexicon) -> Mark:
    whole = story.whole
    parts = [words.outcome(whole.outcome)] + ([words.evidence(whole.evidence)] if whole.evidence != "none" else [])
    name = words.text("site.colon").join((story.claim.id, words.text("site.joined").join(parts)))
    return Mark(story.claim.id, classes(whole.outcome, whole.evidence), name)


def counted(stories: Iterable[ClaimStory]) -> Mapping[tuple[Outcome, Evidence], int]:
    """Claims by verdict and evidence, in the order of the records; only those that exist."""
    found: dict[tuple[Outcome, Evidence], int] = {(o, e): 0 for o in get_args(Outcome) for e in EVIDENCE_ORDER}
    for story in stories:
        found[story.whole.outcome, story.whole.evidence] += 1
    return {key: count for key, count in found.items() if count}


def bar(stories: Sequence[ClaimStory], longest: int, words: Lexicon) -> tuple[Piece, ...]:
    """The verdicts of these claims side by side; `longest`: how many claims fill the whole width."""
    counts: dict[Outcome, int] = {}
    for (outcome, _), count in counted(stories).items():
        counts[outcome] = counts.get(outcome, 0) + count
    pieces, before = [], 0
    for outcome, count in counts.items():
        x, width = WIDTH * before / longest, WIDTH * count / longest
        pieces.append(Piece(CODES[outcome], words.outcome(outcome), count, f"{x:.4g}", f"{width:.4g}"))
        before += count
    return tuple(pieces)
