"""What a claim's page shows of each check: its verdict's numbers, the figures behind it, the protocol, the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.gathering import CheckStory, ClaimStory, Rescored
from harness.records import (
    BenchmarkCheck,
    Check,
    Claim,
    ConsistencyCheck,
    Estimate,
    FactCheck,
    ProbeCheck,
    StructureCheck,
    Verdict,
)
from harness.report import words as formats
from harness.report.drawing import drawn, drawn_course
from harness.report.lexicon import Lexicon
from harness.report.pictures import course_of, picture_of
from harness.report.rows import Sides, sides_of
from harness.report.site.front import run_href
from harness.report.site.marks import classes
from harness.report.site.saying import (
    FactLine,
    FigureLine,
    Setting,
    describe,
    fact_line,
    facts_named,
    figure_line,
    figures_named,
    plain,
    settings_of,
)

if TYPE_CHECKING:
    from markupsafe import Markup

BOUNDS = frozenset({"at_least", "at_most", "greater", "less", "before", "after"})
"""Relations whose number is an end, not a value."""


@dataclass(frozen=True, slots=True)
class Number:
    """A labelled number of a verdict. `note`: whose it is, or of what. `minor`: how it was got, rather than what."""

    label: str
    value: str
    note: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class CountLine:
    """So many generations of a kind; `share` of the judged ones in percent, empty for planned and generated."""

    label: str
    count: str
    share: str


@dataclass(frozen=True, slots=True)
class CourseLine:
    rounds: str
    value: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class DeviationLine:
    name: str
    direction: str
    means: str
    detail: str


@dataclass(frozen=True, slots=True)
class RescoredLine:
    recording: str
    title: str
    scorer: str
    value: str
    interval: str
    questions: str
    source: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    article: str
    line: int
    printed: str
    means: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check as its section of the page. `title` is empty where the check has none, then `compares` is the heading.
    `run` is (name, href; "" without a page) or None; `remark` is said beneath the picture."""

    number: int
    title: str
    compares: str
    subject: str
    informative: bool
    verdict: Verdict
    classes: str
    numbers: tuple[Number, ...]
    counts: tuple[CountLine, ...]
    course: tuple[CourseLine, ...]
    figures: tuple[FigureLine, ...]
    independent: tuple[FigureLine, ...]
    rescored: tuple[RescoredLine, ...]
    facts: tuple[FactLine, ...]
    places: tuple[PlaceLine, ...]
    needs: str
    stated: tuple[Setting, ...]
    chosen: tuple[Setting, ...]
    deviations: tuple[DeviationLine, ...]
    sources: tuple[str, ...]
    note: str
    run: tuple[str, str] | None
    picture: Markup | None
    remark: str
    curve: Markup | None


@dataclass(frozen=True, slots=True)
class Way:
    """How to get stronger evidence."""

    command: str
    hardware: str


def check_view(check: CheckStory, story: ClaimStory, words: Lexicon, runs: frozenset[str]) -> CheckView:
    """One check with all that bears on it, in the page's words. `runs`: names of those that have a page."""
    asked, verdict, estimate = check.check, check.verdict, check.verdict.estimate
    figures = tuple(figure_line(name, story.figures.get(name), words) for name in figures_named(asked))
    facts = tuple(fact_line(name, story.facts.get(name), words) for name in facts_named(asked))
    picture, curve = picture_of(check, story, words), course_of(check, words)
    listed = {line.source for line in figures} | {line.source for line in facts}
    return CheckView(
        number=check.number + 1,
        title=asked.title or "",
        compares=describe(asked, words),
        subject=asked.subject or "",
        informative=asked.informative,
        verdict=verdict,
        classes=classes(verdict.outcome, verdict.evidence),
        numbers=tuple(numbers(verdict, story.claim, words)),
        counts=tuple(_counts(estimate, words)) if estimate else (),
        course=tuple(_course(check)),
        figures=figures,
        independent=tuple(figure_line(name, figure, words) for name, figure in check.independent),
        rescored=tuple(_rescored(one) for one in check.rescored),
        facts=facts,
        places=_places(asked, words) if isinstance(asked, ConsistencyCheck) else (),
        needs=asked.needs if isinstance(asked, ProbeCheck) else "",
        stated=settings_of(asked.stated, words),
        chosen=settings_of(asked.chosen, words),
        deviations=tuple(_deviations(verdict, words)),
        sources=tuple(s for s in verdict.sources if s.strip() and s not in listed),
        note=asked.note or "",
        run=(verdict.run, run_href(verdict.run) if verdict.run in runs else "") if verdict.run else None,
        picture=drawn(picture, words) if picture else None,
        remark=picture.remark if picture else "",
        curve=drawn_course(curve, words) if curve else None,
    )


def numbers(verdict: Verdict, claim: Claim, words: Lexicon) -> Iterator[Number]:
    """The verdict's numbers, each with what it needs to be understood."""
    sides = sides_of(verdict, claim, words)
    if sides.claimed:
        asked = claim.checks[verdict.check] if verdict.check >= 0 else None
        bound = _bound(sides.claimed, asked, words)
        note = whose(sides.claimed_from, words)
        if bound != sides.claimed and sides.claimed_from == "article" and claim.printed and len(claim.checks) == 1:
            # the article's own word for it: what it calls more than is held as at least where the source says the same
            note = words.text("site.claimed_article_as", printed=claim.printed)
        yield Number(words.text("site.claimed"), bound, note)
    if sides.measured:
        yield Number(words.text("site.measured"), sides.measured, words.evidence(verdict.evidence))
    if verdict.estimate is not None:
        yield from _spans(verdict.estimate, sides, words)
    tolerance = _tolerance(verdict, claim.checks[verdict.check] if verdict.check >= 0 else None, words)
    if tolerance:
        yield Number(words.text("site.tolerance"), tolerance)
    if verdict.more is not None:
        yield Number(words.text("site.more"), words.text("site.more_generations", count=f"{verdict.more:,}"))
    if verdict.precision:
        yield Number(words.text("site.precision"), verdict.precision, minor=True)
    if verdict.scorer:
        yield Number(words.text("site.scorer"), verdict.scorer, minor=True)


def _bound(claimed: str, check: Check | None, words: Lexicon) -> str:
    """An end as `more than 1,000`: it is no value that anybody claims."""
    if isinstance(check, StructureCheck | FactCheck | ProbeCheck) and check.relation in BOUNDS:
        return words.text(f"site.bound_{check.relation}", value=claimed)
    return claimed


def whose(origin: str, words: Lexicon) -> str:
    """Whose number a claimed one is."""
    known = {"article": "claimed_article", "chosen": "claimed_chosen", "claim file": "claimed_file"}
    if origin in known:
        return words.text(f"site.{known[origin]}")
    if "/" in origin and " " not in origin:
        return words.text("site.claimed_figure", name=origin)
    return words.prose(origin)


def ways(story: ClaimStory) -> tuple[Way, ...]:
    """What to run, and on what, for stronger evidence on the claim; each way once."""
    own = [story.whole] if story.whole.command or story.whole.hardware else [c.verdict for c in story.checks]
    found = dict.fromkeys((v.command or "", v.hardware or "") for v in own)
    return tuple(Way(command, hardware) for command, hardware in found if command or hardware)


def _spans(estimate: Estimate, sides: Sides, words: Lexicon) -> Iterator[Number]:
    behind = ""
    if estimate.questions:
        places = {"questions": f"{estimate.questions:,}", "rounds": f"{estimate.rounds:,}"}
        behind = words.text("site.questions_rounds", **places)
    if sides.interval:
        # tables name every level but the usual one beside the interval itself
        usual = abs(estimate.level - 0.95) < 1e-9
        yield Number(words.text("site.interval_95" if usual else "site.interval"), sides.interval, behind)
    general = formats.interval(estimate.population_low, estimate.population_high, estimate.unit)
    if general:
        yield Number(words.text("site.population"), general)


def _tolerance(verdict: Verdict, check: Check | None, words: Lexicon) -> str:
    """Percentage points for scores, percent of the printed value for sizes; others say theirs in the reason."""
    tolerance = verdict.tolerance
    if not tolerance:
        return ""
    if isinstance(check, StructureCheck):
        return f"± {100 * tolerance:.3g} %"
    if not isinstance(check, BenchmarkCheck):
        return ""
    if verdict.estimate is None and check.against.unit not in (None, "percent", "fraction"):
        return f"± {formats.number(tolerance)}"
    return words.text("site.points", number=formats.percentage(100 * tolerance))


def _counts(estimate: Estimate, words: Lexicon) -> Iterator[CountLine]:
    counts = estimate.counts
    if counts is None:
        return
    yield CountLine(words.text("site.count_planned"), f"{counts.planned:,}", "")
    yield CountLine(words.text("site.count_generated"), f"{counts.generated:,}", "")
    for name in ("correct", "incorrect", "no_answer", "truncated", "unscored", "errored"):
        count = getattr(counts, name)
        share = f"{100 * count / counts.judged:.1f} %" if counts.judged and count else ""
        yield CountLine(words.text(f"site.count_{name}"), f"{count:,}", share)


def _course(check: CheckStory) -> Iterator[CourseLine]:
    for point in check.course:
        value, low, high = (formats.number(x, "fraction") for x in (point.value, point.low, point.high))
        yield CourseLine(f"{point.rounds:,}", value, low, high)


def _rescored(one: Rescored) -> RescoredLine:
    return RescoredLine(
        recording=one.recording,
        title=one.title,
        scorer=one.scorer,
        value=formats.number(one.value, "fraction"),
        interval=formats.interval(one.low, one.high, "fraction"),
        questions=f"{one.questions:,}",
        source=one.source,
    )


def _deviations(verdict: Verdict, words: Lexicon) -> Iterator[DeviationLine]:
    arrows = {"down": "↓", "up": "↑", "unknown": "?"}
    for item in verdict.deviations:
        means = words.text(f"site.direction_{item.direction}")
        yield DeviationLine(item.name, arrows[item.direction], means, item.detail)


def _places(check: ConsistencyCheck, words: Lexicon) -> tuple[PlaceLine, ...]:
    return tuple(PlaceLine(p.article, p.line, p.printed, plain(p.means, words)) for p in check.places)
