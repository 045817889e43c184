"""A benchmark check: the claimed number or the comparator's, the tolerance, and every value there is of the subject."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import verdicts
from harness.gathering import CheckStory, ClaimStory, Rescored
from harness.records import BenchmarkCheck, Figure
from harness.report import words as forms
from harness.report.digits import decimals_for, edges, number_in
from harness.report.lexicon import Lexicon
from harness.report.pictures.names import model_name
from harness.report.pictures.records import Kind, Mark
from harness.report.pictures.shown import Shown
from harness.tasks.scorers import ERROR_RATES
from harness.verdicts.trials import Trial

WHOSE = {"chosen": "pictures.bar", "claim file": "pictures.claimed_in_file"}
"""Whose number it is, where it is not the article's."""
_ERRORS = re.compile(r"\b(WER|CER)\b|error rate", re.IGNORECASE)
_PLUS_MINUS = " ±"
# what a rival's number begins with where it was run here: "<model>, measured here"
_RUN_HERE = re.compile(r"(.+), measured here")


def benchmark(story: CheckStory, check: BenchmarkCheck, claim: ClaimStory, words: Lexicon) -> Shown | None:
    """None where the check is held against no number."""
    scores = _Scores(story, check, claim, words)
    claimed = scores.claimed()
    if claimed is None:
        return None
    marks = (claimed, *scores.rival(), *scores.measured(), *scores.own(), *scores.rescored(), *scores.independent())
    tolerance = story.verdict.tolerance
    band, text = None, ""
    if tolerance:
        centre = next((m.value for m in marks if m.kind == "comparator" and m.label == scores.run_here), claimed.value)
        wide = tolerance * scores.times
        band = (centre - wide, centre + wide)
        if scores.percent:
            band = (max(band[0], 0.0), min(band[1], 100.0) if not scores.errors else band[1])
        places = _places(wide, claimed.value) if scores.percent else 0
        low, high = (f"{end:.{places}f}" if scores.percent else scores.printed(end) for end in band)
        text = words.text("pictures.from_to", low=low, high=high)
    return Shown(
        marks,
        scores.named_unit,
        band,
        text,
        percent=scores.percent,
        lower_is_better=scores.errors,
        remark=words.text("pictures.space").join(scores.reckoned(marks)),
    )


@dataclass(frozen=True, slots=True)
class _Scores:
    story: CheckStory
    check: BenchmarkCheck
    claim: ClaimStory
    words: Lexicon

    @property
    def subject(self) -> str:
        return model_name(self.story.verdict.model)

    @property
    def against(self) -> Figure | None:
        return self._figure(self.check.against.reference)

    @property
    def figure(self) -> Figure | None:
        """The subject's own published figure."""
        return self._figure(self.check.reference)

    @property
    def unit(self) -> str:
        """Percent wherever a score was made here; else as the figures are."""
        if self.story.verdict.estimate is not None or self.story.registration is not None:
            return "percent"
        return next((f.unit for f in (self.against, self.figure) if f), self.check.against.unit or "percent")

    @property
    def percent(self) -> bool:
        return self.unit == "percent"

    @property
    def times(self) -> float:
        """What a fraction is multiplied with on this axis."""
        return 100.0 if self.percent else 1.0

    @property
    def errors(self) -> bool:
        metrics = [f.metric for f in (self.against, self.figure) if f]
        return self.story.verdict.scorer in ERROR_RATES or any(map(_ERRORS.search, metrics))

    @property
    def named_unit(self) -> str:
        if self.percent:
            return self.words.text("pictures.percent_wrong" if self.errors else "pictures.percent")
        return "" if self.unit == "other" else self.words.text(f"pictures.unit_{self.unit}")

    @property
    def run_here(self) -> str:
        """The label of a rival whose own run the verdict compares with; "" where there is none."""
        found = _RUN_HERE.fullmatch(self.story.verdict.claimed_from)
        return self.words.text("pictures.measured", name=model_name(found[1])) if found else ""

    def printed(self, value: float) -> str:
        """A number of this axis that nobody printed: one decimal of a percentage, four digits of anything else."""
        return f"{value:.1f}" if self.percent else forms.number(value)

    def claimed(self) -> Mark | None:
        """The number that the check is held to, with its own error; another model's is a `comparator`."""
        verdict, registration, figure = self.story.verdict, self.story.registration, self.against
        value = self._value(figure) if figure else self.check.against.value
        text = verdict.claimed if figure is None or self.run_here else None
        if registration is not None:
            # what the run was held to, whatever the claim file says now
            fixed = 100 * registration.claimed
            same = value is not None and abs(value - fixed) < 1e-6
            value, text = fixed, text if same and not self.run_here else forms.percentage(round(fixed, 9))
        if value is None:
            return None
        error = self._claimed_error()
        text = text or (self._text(figure) if figure else self.printed(value))
        rival = self.check.against.reference is not None and self.check.against.reference.partition("/")[0]
        kind: Kind = "comparator" if rival and rival != verdict.model else "claimed"
        if kind == "comparator":
            label = self.words.text("pictures.published", name=model_name(str(rival)))
        elif rival:
            label = self.words.text("pictures.claimed_of", name=model_name(str(rival)))
        else:
            label = self.words.text(WHOSE.get(verdict.claimed_from, "pictures.claimed"))
        return self._mark(kind, label, value, error, text, self._sample(figure))

    def rival(self) -> Iterator[Mark]:
        """Our own run of the other model, where the verdict compares with that."""
        if self.run_here:
            value = float(self.story.verdict.claimed.replace(",", ""))
            yield Mark("comparator", self.run_here, value, self.story.verdict.claimed)

    def measured(self) -> Iterator[Mark]:
        """The run's score with the interval that the verdict shows."""
        verdict = self.story.verdict
        made = verdict.estimate
        if made is None:
            return
        times = 100.0 if made.unit == "fraction" else 1.0
        # the level stands in the note
        places = decimals_for(made, edges(number_in(verdict.claimed), verdict.tolerance))
        interval = forms.interval(made.low, made.high, made.unit, places=places)
        text = forms.number(made.value, made.unit, places) + (f" [{interval}]" if interval else "")
        kind: Kind = "rescored" if verdict.evidence == "rescored" else "measured"
        label = self.words.text(f"pictures.{kind}", name=self.subject)
        note = self.words.text("pictures.rounds", questions=f"{made.questions:,}", rounds=f"{made.rounds:,}")
        level = self.words.text("pictures.level", level=f"{100 * made.level:.4g}") if interval else ""
        note = self.words.text("pictures.joined").join(part for part in (verdict.precision, note, level) if part)
        low = None if made.low is None else times * made.low
        high = None if made.high is None else times * made.high
        yield Mark(kind, label, times * made.value, text, low, high, note)

    def own(self) -> Iterator[Mark]:
        """The subject's published figure, unless that is what it is held to."""
        figure = self.figure
        value = self._value(figure)
        if figure is not None and value is not None and self.check.reference != self.check.against.reference:
            label = self.words.text("pictures.published", name=self.subject)
            yield self._mark("published", label, value, self._error(figure), self._text(figure), self._sample(figure))

    def rescored(self) -> Iterator[Mark]:
        """Recorded outputs of the subject or of the other model, graded by us."""
        both = (self.story.verdict.model, (self.check.against.reference or "").partition("/")[0])
        yield from (self._regraded(item) for item in self.story.rescored if item.model in both)

    def independent(self) -> Iterator[Mark]:
        """Third parties' figures of the subject."""
        for ref, figure in self.story.independent:
            value = self._value(figure)
            if value is not None and figure.unit in (self.unit, "fraction", "percent"):
                name, who = model_name(ref.partition("/")[0]), figure.id.partition("@")[2]
                key = "pictures.independent_by" if who else "pictures.independent"
                label, note = self.words.text(key, name=name, who=who), self._sample(figure)
                yield self._mark("independent", label, value, self._error(figure), self._text(figure), note)

    def reckoned(self, marks: Sequence[Mark]) -> Iterator[str]:
        """What each ± rests on: no source prints one (harness.verdicts.published, and .trials beside a run)."""
        held, others = marks[0], [m for m in marks[1:] if _PLUS_MINUS in m.text]
        of_run = self._by_run and _PLUS_MINUS in held.text
        if of_run:
            yield self.words.text("pictures.reckoned_run")
        if not others and (of_run or _PLUS_MINUS not in held.text):
            return
        yield self.words.text("pictures.reckoned_others" if of_run else "pictures.reckoned")
        named = (self.figure, *(figure for _, figure in self.story.independent), None if of_run else self.against)
        shown = [f for f in named if self._value(f) is not None and f is not None and self._error(f)]
        if any(f.questions is None for f in shown):
            yield self.words.text("pictures.reckoned_questions", n=f"{self._questions:,}")
        if any(f.repeats is None for f in shown):
            yield self.words.text("pictures.reckoned_repeats")

    def _regraded(self, item: Rescored) -> Mark:
        value = self.times * item.value
        low = None if item.low is None else self.times * item.low
        high = None if item.high is None else self.times * item.high
        text = self.printed(value)
        if low is not None and high is not None:
            text += f" [{self.printed(low)}–{self.printed(high)}]"
        label = self.words.text("pictures.rescored", name=model_name(item.model))
        return Mark("rescored", label, value, text, low, high, f"{item.title}, {item.scorer}")

    def _mark(self, kind: Kind, label: str, value: float, error: float | None, text: str, note: str) -> Mark:
        """`error`: half the interval, in the axis' unit."""
        if not error:
            return Mark(kind, label, value, text, note=note)
        low, high = value - error, value + error
        if self.percent:
            low, high = max(low, 0.0), min(high, 100.0)
        return Mark(kind, label, value, f"{text}{_PLUS_MINUS}{self.printed(error)}", low, high, note)

    def _claimed_error(self) -> float | None:
        """As the verdict takes it: from the run's noise where there is one, else from the figure's own sample. An
        article's number alone has none."""
        made, registration = self.story.verdict.estimate, self.story.registration
        if self._by_run and made is not None and registration is not None:
            trial = Trial(made, registration, (), max(made.rounds, 1), 1)
            return 100 * trial.claimed_error
        return self._error(self.against)

    def _error(self, figure: Figure | None) -> float | None:
        """A figure's own sampling error; an error rate has none that could be computed."""
        if figure is None or self.errors:
            return None
        error = verdicts.sampling_error(figure, self._questions)
        return None if error is None else self.times * error

    @property
    def _questions(self) -> int | None:
        """How many are taken for a figure that names no number of its own."""
        return next((f.questions for f in (self.figure, self.against) if f and f.questions), None)

    @property
    def _by_run(self) -> bool:
        """Whether the claimed number's error comes from a run's noise."""
        made = self.story.verdict.estimate
        return made is not None and made.counts is not None and self.story.registration is not None

    def _figure(self, reference: str | None) -> Figure | None:
        return self.claim.figures.get(reference) if reference else None

    def _value(self, figure: Figure | None) -> float | None:
        """In the axis' unit; None for a text."""
        if figure is None or isinstance(figure.value, str):
            return None
        if figure.unit == "fraction" and self.percent:
            return 100 * figure.value
        return figure.value / 100 if figure.unit == "percent" and self.unit == "fraction" else float(figure.value)

    def _text(self, figure: Figure) -> str:
        """As its source prints it, where the axis has the same unit."""
        value = self._value(figure)
        assert value is not None
        return forms.percentage(value) if self.unit in ("percent", "points") else f"{value:g}"

    def _sample(self, figure: Figure | None) -> str:
        """What is known of the sample behind a figure."""
        if figure is None:
            return ""
        asked = figure.questions and self.words.text("pictures.questions", n=f"{figure.questions:,}")
        once = "pictures.repeats_one" if figure.repeats == 1 else "pictures.repeats"
        times = figure.repeats and self.words.text(once, n=f"{figure.repeats:,}")
        return self.words.text("pictures.joined").join(part for part in (asked, times) if part)


def _places(*numbers: float) -> int:
    """Decimals that write all of these percentages without rounding; one at least, four at most."""
    return max([1, *(len(f"{n:.4f}".rstrip("0").partition(".")[2]) for n in numbers)])
