"""What needs no generations, as marks: an inspected, recorded or probed number against the one asked for."""

from __future__ import annotations

import re

from harness.gathering import CheckStory, ClaimStory
from harness.records import ConsistencyCheck, FactCheck, ProbeCheck, StructureCheck
from harness.records.values import as_date, as_number
from harness.report.lexicon import Lexicon
from harness.report.pictures.names import model_name
from harness.report.pictures.records import Kind, Mark
from harness.report.pictures.scores import WHOSE
from harness.report.pictures.shown import Shown
from harness.verdicts.wording import number

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
_FIRST = re.compile(_NUMBER)
# `0.82 s (0.7 to 0.9, 6 repetitions)`, as a probe's verdict has it
_SPAN = re.compile(rf"\(({_NUMBER}) to ({_NUMBER})")
# relations that a tolerance widens
_WIDENED = ("equals", "at_least", "at_most")


def value(story: CheckStory, check: StructureCheck | ProbeCheck, words: Lexicon) -> Shown | None:
    """An inspected or probed number against the bound."""
    verdict, bound = story.verdict, as_number(check.value)
    found = _FIRST.match(verdict.measured)
    if bound is None or found is None:
        return None
    span = _SPAN.search(verdict.measured) if isinstance(check, ProbeCheck) else None
    low, high = (_float(span[1]), _float(span[2])) if span else (None, None)
    kind = "probed" if isinstance(check, ProbeCheck) else "inspected"
    label = words.text(f"pictures.{kind}", name=model_name(verdict.model))
    text = verdict.measured if span else words.figure(found[0])
    mark = Mark("measured", label, _float(found[0]), text, low, high)
    ratio = check.ratio_to and words.text("pictures.ratio", name=model_name(check.ratio_to))
    unit = ratio or words.prose(check.unit or "") or _counted(check, words)
    return _against(_asked(story, check, words), mark, check.relation, verdict.tolerance, unit)


def fact(story: CheckStory, check: FactCheck, claim: ClaimStory, words: Lexicon) -> Shown | None:
    """A recorded number, or the days between two recorded dates, against the article's."""
    first, second = claim.facts.get(check.fact), claim.facts.get(check.minus or "")
    bound = as_number(check.value)
    if first is None or bound is None or (check.minus and second is None):
        return None
    kind: Kind = "published" if story.verdict.evidence == "published" else "measured"
    label = _recorded(check.fact, words)
    if second is not None:
        one, other = as_date(first.value), as_date(second.value)
        if one is None or other is None:
            return None
        days = (one - other).days
        mark = Mark(kind, label, days, number(days), note=f"{other.isoformat()} → {one.isoformat()}")
        # a tolerance between dates is in days
        slack = check.settings.tolerance
        relative = abs(slack / bound) if slack and bound else None
        return _against(_asked(story, check, words), mark, check.relation, relative, words.text("pictures.days"))
    found = as_number(first.value)
    if found is None:
        return None
    mark = Mark(kind, label, found, words.figure(number(found)))
    return _against(_asked(story, check, words), mark, check.relation, story.verdict.tolerance, "")


def places(story: CheckStory, check: ConsistencyCheck, claim: ClaimStory, words: Lexicon) -> Shown | None:
    """Two places of the articles, or a place and a fact, that should mean the same number."""
    marks = []
    for place in check.places:
        meant = as_number(place.means)
        if meant is None:
            return None
        label = words.text("pictures.place", article=place.article, line=place.line)
        marks.append(Mark("claimed", label, meant, _as_printed(place.printed, meant)))
    for name in check.facts:
        known = claim.facts.get(name)
        found = as_number(known.value) if known else None
        if found is None:
            return None
        label = _recorded(name, words)
        marks.append(Mark("published", label, found, words.figure(number(found))))
    return Shown(tuple(marks), "")


def _as_printed(printed: str, meant: float) -> str:
    plain = number(meant)
    return printed if plain in printed else f"{printed} ({plain})"


def _asked(story: CheckStory, check: StructureCheck | ProbeCheck | FactCheck, words: Lexicon) -> Mark:
    bound = as_number(check.value)
    assert bound is not None
    label = words.text(WHOSE.get(story.verdict.claimed_from, "pictures.claimed"))
    relation = "" if check.relation == "equals" else words.text(f"pictures.relation_{check.relation}")
    return Mark("claimed", label, bound, words.figure(number(bound)), note=relation)


def _against(asked: Mark, mark: Mark, relation: str, tolerance: float | None, unit: str) -> Shown:
    """`tolerance`: relative to what is asked."""
    if not tolerance or relation not in _WIDENED:
        return Shown((asked, mark), unit)
    wide = tolerance * abs(asked.value)
    band = (asked.value - wide, asked.value + wide)
    return Shown((asked, mark), unit, band, f"{number(band[0])}–{number(band[1])}")


def _recorded(ref: str, words: Lexicon) -> str:
    """`QwQ-32B, recorded: parameters stated` for `qwq-32b/parameters-stated`."""
    subject, _, what = ref.partition("/")
    return words.text("pictures.recorded", name=model_name(subject), what=what.replace("-", " "))


def _counted(check: StructureCheck | ProbeCheck, words: Lexicon) -> str:
    """What a property of the architecture is a number of."""
    if isinstance(check, ProbeCheck):
        return ""
    group = check.property.partition(".")[0]
    return words.text("pictures.parameters") if group == "parameters" else words.prose(check.property)


def _float(text: str) -> float:
    return float(text.replace(",", ""))
