"""Better, worse, on a par, at least: a measured model against a published figure (STATISTICS §5).

Where both models were measured on the same questions, harness.verdicts.paired says more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.records import Deviation, Estimate, Registration
from harness.verdicts.finding import Finding
from harness.verdicts.scores import judge_score
from harness.verdicts.trials import (
    Trial,
    before_the_planned_end,
    conclude,
    generations_missing,
    open_trial,
)
from harness.verdicts.weighing import Leaning, weigh
from harness.verdicts.wording import count, points

if TYPE_CHECKING:
    from harness.wealth import Course

# relation -> (is it about being at least as high?, does a difference within the tolerance already support it?)
RELATIONS = {
    "greater": (True, False),
    "at_least": (True, True),
    "on_par": (True, True),
    "at_most": (False, True),
    "less": (False, False),
}


def judge_measured(
    estimate: Estimate | None,
    registration: Registration,
    *,
    deviations: tuple[Deviation, ...] = (),
    planned_rounds: int,
    family: int = 1,
    course: Course | None = None,
) -> Finding:
    """The verdict on a run for any relation: `judge_score` for `equals`, `judge_against_figure` for the others."""
    judge = judge_score if registration.relation == "equals" else judge_against_figure
    return judge(
        estimate, registration, deviations=deviations, planned_rounds=planned_rounds, family=family, course=course
    )


def judge_against_figure(
    estimate: Estimate | None,
    registration: Registration,
    *,
    deviations: tuple[Deviation, ...] = (),
    planned_rounds: int,
    family: int = 1,
    course: Course | None = None,
) -> Finding:
    """Does the model stand in `registration.relation` to a figure b that was not measured here?

    b = `registration.claimed`: another model's published figure, or a bar the article prints; its questions and
    repeats are the registration's. With d = theta - b, delta the tolerance and h_b the figure's own 95 % error:

    - greater: supported if d > 0 is shown, contradicted if d < -max(delta, h_b) is.
    - at_least, on_par (non-inferiority): supported if d > -delta, contradicted if d < -max(delta, h_b); on_par
      adds "and higher" if d > delta is shown.
    - less, at_most: the mirror images.

    "Shown" is by the fixed-set bounds at the planned end or the wealth process, as in `judge_score`, with the same
    obstacles, deviations and treatment of lost outputs. Numbers are compared as numbers, whatever they measure. A
    verdict against somebody else's figure (`claimed_source` other than "article") carries "not measured here". Raises
    ValueError for `equals`, and as `judge_score` does.
    """
    if registration.relation not in RELATIONS:
        raise ValueError(f"judge_against_figure judges {', '.join(RELATIONS)}, not {registration.relation!r}")
    trial = open_trial(estimate, registration, deviations, planned_rounds, family, course)
    found = trial if isinstance(trial, Finding) else _decide(trial)
    if registration.claimed_source == "article":
        return found
    remark = f"compared with a published figure ({registration.claimed_source}), not measured here"
    return replace(found, qualifiers=(remark, *found.qualifiers))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Where d, turned so that more is what the relation wants, supports and contradicts it."""

    supports: float
    contradicts: float
    up: bool

    def place(self, figure: float, edge: float) -> float:
        """The score at which the turned difference equals `edge`."""
        return figure + edge if self.up else figure - edge

    def leaning(self, *, supporting: bool) -> Leaning:
        return "above" if supporting == self.up else "below"


def _decide(trial: Trial) -> Finding:
    high_wanted, margin_supports = RELATIONS[trial.registration.relation]
    figure, tolerance = trial.registration.claimed, trial.tolerance
    edges = _Edges(
        supports=-tolerance if margin_supports else 0.0,
        contradicts=-max(tolerance, trial.claimed_error),
        up=high_wanted,
    )
    low, high = trial.interval
    worst, best = (low - figure, high - figure) if edges.up else (figure - high, figure - low)
    measured = f"Measured {points(trial.estimate.value)}, interval {trial.interval_text}, against {points(figure)}"
    side = "above" if edges.up else "below"
    if worst > edges.supports:
        what = f"no more than {points(tolerance)} points {_opposite(side)} it" if margin_supports else f"{side} it"
        if trial.registration.relation == "on_par" and worst > tolerance:
            what = f"on a par, and {'higher' if edges.up else 'lower'} by more than {points(tolerance)} points"
        found = conclude(trial, "supported", f"{measured}: {what}.")
        return weigh(trial, found, edges.leaning(supporting=True), edges.place(figure, edges.supports))
    if best < edges.contradicts:
        reason = f"{measured}: {_opposite(side)} it by more than {points(-edges.contradicts)} points."
        found = conclude(trial, "contradicted", reason)
        return weigh(trial, found, edges.leaning(supporting=False), edges.place(figure, edges.contradicts))
    if trial.ended:
        return _undecided(trial, edges)
    # shown to lie between the edges: more rounds would only say so again
    between = edges.contradicts < worst and best < edges.supports
    return replace(_undecided(trial, edges), settled=True) if between else before_the_planned_end(trial)


def _undecided(trial: Trial, edges: _Edges) -> Finding:
    figure, value = trial.registration.claimed, trial.estimate.value
    gap = value - figure if edges.up else figure - value
    measured = f"Measured {points(value)}, {points(abs(value - figure))} points "
    measured += f"{'above' if value > figure else 'below'} {points(figure)}"
    if edges.contradicts < gap < edges.supports:
        h = trial.claimed_error
        why = (
            f"the figure's own error is ±{points(h)} points"
            if h > trial.tolerance
            else f"the difference is within the tolerance of {points(trial.tolerance)} points"
        )
        return conclude(trial, "inconclusive", f"Too close to tell: {why}. {measured}.")
    distance = max(gap - edges.supports, edges.contradicts - gap)
    more = generations_missing(trial, distance)
    reason = f"{measured}: the interval {trial.interval_text} does not decide; "
    return conclude(trial, "inconclusive", f"{reason}needs about {count(more, 'more generation')}.", more=more)


def _opposite(side: str) -> str:
    return "below" if side == "above" else "above"
