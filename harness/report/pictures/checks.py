"""One check as marks on an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.gathering import CheckStory, ClaimStory
from harness.records import BenchmarkCheck, ConsistencyCheck, FactCheck, ProbeCheck, StructureCheck
from harness.report.lexicon import Lexicon
from harness.report.pictures import recorded, scores
from harness.report.pictures.records import Mark, Picture
from harness.report.pictures.scales import number_axis, percent_axis
from harness.report.pictures.shown import Shown


def picture_of(story: CheckStory, claim: ClaimStory, words: Lexicon) -> Picture | None:
    """What stands against what in this check; None where there are no two numbers to look at (dates, words, nothing
    measured and nothing published, or the same number twice with nothing around it)."""
    shown = _shown(story, claim, words)
    if shown is None:
        return None
    marks = tuple(m for m in shown.marks if all(map(math.isfinite, m.reach)))
    band = shown.band if shown.band and all(map(math.isfinite, shown.band)) else None
    if len(marks) < 2 or (band is None and len({end for m in marks for end in m.reach}) == 1):
        return None
    ends = [end for m in marks for end in m.reach] + list(band or ())
    if shown.percent:
        axis, power = percent_axis(ends), ""
    else:
        axis, power = number_axis(ends, words)
    unit = " ".join(part for part in (power, shown.unit) if part) if words.language == "en" else power + shown.unit
    if shown.lower_is_better:
        unit = words.text("pictures.lower_is_better", unit=unit) if unit else words.text("pictures.lower_alone")
    title = words.prose(story.verdict.title)
    return Picture(title, unit, axis, band, marks, _sentence(title, marks, shown, words), shown.remark)


def _shown(story: CheckStory, claim: ClaimStory, words: Lexicon) -> Shown | None:
    check = story.check
    if isinstance(check, BenchmarkCheck):
        return scores.benchmark(story, check, claim, words)
    if isinstance(check, StructureCheck | ProbeCheck):
        return recorded.value(story, check, words)
    if isinstance(check, FactCheck):
        return recorded.fact(story, check, claim, words)
    assert isinstance(check, ConsistencyCheck)
    return recorded.places(story, check, claim, words)


def _sentence(title: str, marks: Sequence[Mark], shown: Shown, words: Lexicon) -> str:
    """Everything that is drawn, in words."""
    each = [words.text("pictures.one", label=m.label, text=m.text) for m in marks]
    parts = [words.text("pictures.listed", title=title, marks=words.text("pictures.between").join(each))]
    if shown.band_text:
        parts.append(words.text("pictures.tolerance", band=shown.band_text))
    if shown.lower_is_better:
        parts.append(words.text("pictures.lower_sentence"))
    return words.text("pictures.space").join(parts)
