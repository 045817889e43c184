"""Two published figures, or one and a printed number: nothing was run here (evidence `published`)."""

import math
from dataclasses import dataclass

from harness.estimates import least_repeats
from harness.records import Figure, Outcome
from harness.verdicts.comparisons import RELATIONS
from harness.verdicts.finding import Finding
from harness.verdicts.scores import default_tolerance
from harness.verdicts.trials import CLAIM_QUANTILE, rounding
from harness.verdicts.wording import number, points, unique

# The within-question share of p(1-p) that is taken where no model was run: the upper end of the shares the rule was
# tested with (.2 to .5), which makes the larger error, so the fewer accusations.
WITHIN_SHARE = 0.5
# Without the number of questions there is no sampling error: then the widest of the usual tolerances.
WIDEST_TOLERANCE = 0.03
# figures are decimal fractions: 79.8 - 79.5 must not miss 0.3 by a rounding error
HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both sides as numbers in one unit. `error` 0: none can be computed, or (`bar`) only the first has one."""

    a: float
    b: float
    tolerance: float
    rounding: float
    error: float
    bar: bool
    plain: bool
    remarks: tuple[str, ...] = ()
    decimals: int = 1

    def text(self, value: float) -> str:
        """In points, with the digits the sources print: 6.54 against 6.42 must not read as 6.5 against 6.4."""
        return number(value) if self.plain else f"{100 * value:.{self.decimals}f}"

    @property
    def noise(self) -> float:
        """What a difference has to exceed. Unknown questions are no certainty: there it is the tolerance."""
        return self.error if self.error or self.plain or self.bar else self.tolerance

    @property
    def measure(self) -> str:
        return "" if self.plain else " points"

    def tenths(self, value: float) -> str:
        """A width in points; computed, not printed anywhere, so one decimal will do."""
        return number(value) if self.plain else points(value)


def judge_published(
    a: Figure | None,
    relation: str,
    b: Figure | float | None,
    *,
    tolerance: float | None = None,
    lower_is_better: bool = False,
    ours: bool = False,
) -> Finding:
    """Do published figures bear out that `a` stands in `relation` to `b`?

    `b` as a number is what the article prints (`ours`: a bar we chose, and the reason says so), in the unit of `a`
    (79.5 for percent), and is taken as exact.
    `tolerance` is a fraction for percentages and fractions, else in the figures' unit; default: by the number of
    questions as in `default_tolerance`, 3 points if that is unknown.

    Percentages and fractions, d = a - b, h = √(h_a² + h_b²) with h_x = 1.96 √(ω x(1-x)/(K n_x)); ω = 0.5, n_x as
    stated, else the smallest the printed digits allow (GRIM), else 1; without K h cannot be computed, a qualifier tells
    it, and between two figures it is taken as wide as the tolerance (less knowledge must not make a stronger verdict):

    - equals: supported if |d| <= max(printed rounding, tolerance), contradicted beyond max(tolerance, h).
    - two figures: greater is supported if d > h; at_least and on_par (non-inferiority) if d - h >= -tolerance.
    - a figure against a printed number: greater if d > 0, at_least if d >= -rounding, on_par if d >= -tolerance.
    - all of these are contradicted if d < -max(tolerance, h); less and at_most are the mirror images.

    Other units (judge scores, ratings, sums), and error rates (`lower_is_better`: the relation then speaks of
    quality, greater = better = the lower number): no sampling error can be computed, and the printed figures decide
    by their plain difference, with the tolerance if one is given: greater d > 0, at_least and on_par
    d >= -tolerance; on_par without a tolerance is inconclusive for d < 0.

    Missing or text-valued figures, different units or different benchmarks are inconclusive. Raises ValueError for
    an unknown relation.
    """
    if relation != "equals" and relation not in RELATIONS:
        raise ValueError(f"unknown relation {relation!r}")
    wrong = _incomparable(a, b)
    if wrong:
        return Finding("inconclusive", wrong)
    assert a is not None and b is not None
    pair = _pair(a, b, tolerance, lower_is_better)
    up = relation == "equals" or RELATIONS[relation][0] != lower_is_better
    outcome = _equal(pair) if relation == "equals" else _ordered(pair, relation, up, tolerance is not None)
    return Finding(
        outcome,
        _reason(pair, a, _other(pair, b, ours), outcome, ahead=relation == "on_par" and _ahead(pair, up)),
        qualifiers=pair.remarks,
        tolerance=pair.tolerance,
        claimed_error=None if pair.plain or pair.error == 0 else pair.error,
    )


def sampling_error(figure: Figure, questions: int | None = None) -> float | None:
    """h_x of `judge_published`: the figure's own 95 % sampling error as a fraction, over its own number of questions
    or else `questions`. None where none can be computed: no number of questions, a text, a unit that is no share."""
    known = figure.questions or questions
    if isinstance(figure.value, str) or figure.unit not in ("percent", "fraction") or known is None:
        return None
    share = _share(figure)
    return _error(figure, share, known, []) if 0 <= share <= 1 else None


def _incomparable(a: Figure | None, b: Figure | float | None) -> str | None:
    """Why there is nothing to compare, in one sentence."""
    if a is None or b is None:
        return "No figure is published for one of the sides."
    for figure in (a, b):
        if isinstance(figure, Figure) and isinstance(figure.value, str):
            return f"The published figure for {figure.label} is {figure.value!r}, which is not one number."
    if isinstance(b, Figure):
        if a.benchmark != b.benchmark:
            return f"The figures are of different benchmarks, {a.label} and {b.label}, and cannot be compared."
        if a.unit != b.unit and not {a.unit, b.unit} <= {"percent", "fraction"}:
            return f"The figures are in different units, {a.unit} and {b.unit}, and cannot be compared."
    return None


def _pair(a: Figure, b: Figure | float, tolerance: float | None, lower_is_better: bool) -> _Pair:
    bar = not isinstance(b, Figure)
    other = b if isinstance(b, Figure) else a.model_copy(update={"value": float(b), "repeats": None})
    if a.unit not in ("percent", "fraction") or lower_is_better:
        what = "an error rate" if lower_is_better else "this unit"
        plain = f"no sampling error can be computed for {what}"
        step = max(_step(_value(a)), _step(_value(other))) / 2
        return _Pair(_value(a), _value(other), tolerance or 0.0, step, 0.0, bar, True, (plain,))
    x, y = _share(a), _share(other)
    k = a.questions or other.questions
    remarks = []
    if a.questions and other.questions and a.questions != other.questions:
        k = min(a.questions, other.questions)
        remarks.append(f"the figures are over {a.questions:,} and {other.questions:,} questions")
    error = 0.0
    if k is None:
        doubt = "" if bar else "; taken to be as wide as the tolerance"
        remarks.append(f"no sampling error can be computed: the number of questions is unknown{doubt}")
    else:
        error = math.hypot(_error(a, x, k, remarks), 0.0 if bar else _error(other, y, k, remarks))
    steps = max(rounding(_decimals(100 * x)), rounding(_decimals(100 * y)))
    allowed = tolerance
    if allowed is None:
        allowed = max(default_tolerance(k) if k else WIDEST_TOLERANCE, steps)
    decimals = max(1, _decimals(100 * x), _decimals(100 * y))
    return _Pair(x, y, allowed, steps, error, bar, False, unique(remarks), decimals)


def _error(figure: Figure, share: float, questions: int, remarks: list[str]) -> float:
    """1.96 √(ω p(1-p)/(K n)), p half an answer away from 0 and 1; says what had to be assumed about n."""
    repeats = figure.repeats
    if repeats is None:
        least = least_repeats(100 * share, questions, _decimals(100 * share))
        repeats = least.repeats
        how = "the fewest that the printed digits allow" if least.known == "least possible" else "assumed"
        remarks.append(f"samples per question behind {number(_value(figure))}: unstated, {repeats} {how}")
    n = questions * repeats
    p = min(max(share, 0.5 / n), 1 - 0.5 / n)
    return CLAIM_QUANTILE * math.sqrt(WITHIN_SHARE * p * (1 - p) / n)


def _equal(pair: _Pair) -> Outcome:
    gap = abs(pair.a - pair.b)
    if gap <= max(pair.rounding, pair.tolerance) + HAIR:
        return "supported"
    return "contradicted" if gap > max(pair.tolerance, pair.error) + HAIR else "inconclusive"


def _ordered(pair: _Pair, relation: str, up: bool, margin_given: bool) -> Outcome:
    """Every relation but `equals`; d is turned so that more is what the relation wants."""
    d = pair.a - pair.b if up else pair.b - pair.a
    strict = not RELATIONS[relation][1]
    if strict:
        supported = d > pair.noise + HAIR if not pair.bar else d > HAIR
    elif pair.plain:
        supported = d >= -pair.tolerance - HAIR
    elif pair.bar and relation != "on_par":
        supported = d >= -pair.rounding - HAIR
    else:
        supported = d - (0.0 if pair.bar else pair.noise) >= -pair.tolerance - HAIR
    if supported:
        return "supported"
    if pair.plain and relation == "on_par" and not margin_given:
        return "inconclusive"
    return "contradicted" if d < -max(pair.tolerance, pair.error) - HAIR else "inconclusive"


def _ahead(pair: _Pair, up: bool) -> bool:
    """Better than on a par: a lead is no contradiction of it, and is told (§5: "and higher")."""
    return (pair.a - pair.b if up else pair.b - pair.a) > max(pair.tolerance, pair.noise) + HAIR


@dataclass(frozen=True, slots=True)
class _Other:
    """What a figure is held against, in words; `sampled` if it has a sampling error of its own."""

    text: str
    sampled: bool


def _other(pair: _Pair, b: Figure | float, ours: bool) -> _Other:
    whose = "a published" if isinstance(b, Figure) else "the bar set here," if ours else "the printed"
    return _Other(f"{whose} {pair.text(pair.b)}", isinstance(b, Figure))


def _reason(pair: _Pair, a: Figure, b: _Other, outcome: Outcome, *, ahead: bool) -> str:
    gap = pair.a - pair.b
    if abs(gap) <= HAIR:
        compared = f"The published figure for {a.label} is {pair.text(pair.a)}, the same as {b.text}"
    else:
        side = "above" if gap > 0 else "below"
        compared = (
            f"The published figure for {a.label} is {pair.text(pair.a)}, "
            f"{pair.text(abs(gap))}{pair.measure} {side} {b.text}"
        )
    if pair.error > 0 and (outcome == "inconclusive" or b.sampled):
        whose = "their" if b.sampled else "its"
        compared += f"; {whose} own sampling error is ±{pair.tenths(pair.error)} points"
    if outcome == "inconclusive" and pair.plain and gap:
        compared += "; no margin is known within which this unit would count as equal"
    elif pair.tolerance > 0 and abs(gap) > HAIR:
        compared += f"; the tolerance is {pair.tenths(pair.tolerance)}{pair.measure}"
        compared += ", so it is on a par and ahead" if ahead else ""
    return compared + "."


def _value(figure: Figure) -> float:
    assert not isinstance(figure.value, str)  # _incomparable looked
    return float(figure.value)


def _share(figure: Figure) -> float:
    """As a fraction."""
    return _value(figure) / 100 if figure.unit == "percent" else _value(figure)


def _decimals(printed: float) -> int:
    """Digits after the point; a whole number may have been printed without any, which allows the most."""
    text = f"{printed:.10g}"
    return len(text.partition(".")[2]) if "e" not in text else 0


def _step(printed: float) -> float:
    return 10.0 ** -_decimals(printed)
