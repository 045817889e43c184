"""Scores of complete rounds -> one number with its interval, and what a printed figure says about its own sample.

The target is the fixed set (STATISTICS §1): theta = mean_i p_i, the model's expected score on exactly these K
questions under the run's settings, so that only the noise within questions counts: Var = V/(K m) with
V = mean_i p_i(1-p_i) and m rounds. Skill on such questions in general is the second line of an estimate.

Nothing here depends on the order of questions or rounds: every sum is exact (`math.fsum`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

from harness.errors import TaskError
from harness.records import Counts, Estimate, Registration, ScoreTable

STRATIFIED = "stratified"
WILSON = "wilson"
# the wealth process's, which holds whenever one looks (harness.wealth)
ANYTIME = "anytime"
# in the method of a figure whose interval is by t over its items: error rates and BLEU (harness.repeated)
BY_T = "t over"
LEVEL = 0.95
# Below this many questions the smoothed interval is too short (simulated: one question tried twice, p = 0.5: covers
# 50 %; eight questions and more behave), and stratifying gains nothing worth having.
FEW_QUESTIONS = 8
# How many samples per question a printed figure is tried with: twice the largest number in common use.
MOST_REPEATS = 128


def estimate(table: ScoreTable, counts: Counts) -> Estimate | None:
    """The mean over complete rounds with its fixed-set interval; None when no round is complete.

    `table`: m rounds of K questions, values in [0, 1]. A cell without a value (the instrument failed) counts as 0,
    and `lost_share` is the share of cells that failed or were truncated: the score with every output complete lies
    in [value, value + lost_share]. `counts` is passed through.

    Interval, 95 %, clipped to [0, 1]:
    - m >= 2: value +- z SE, SE² the larger of the smoothed stratified sum_i (x_i+½)(m-x_i+½) / ((m+1)²(m+1)) / K²
      (STATISTICS §1) and the unbiased sum_i x_i(m-x_i) / (m²(m-1)) / K². The first alone is too short for few
      rounds of questions that are all alike (simulated, 30 questions with p = 0.5: covers 86 % at m = 2, 88 % at
      m = 4, 92 % at m = 8; the larger of the two: 95, 95, 96 %). At 64 rounds they hardly differ.
    - m = 1, or fewer than 8 questions: Wilson with n = K m. Safe for the fixed set, because a sum over unlike
      questions varies less than a binomial one (Hoeffding 1956).

    Partial credit holds: x_i is the real-valued sum of question i's scores, and since X² <= X on [0, 1], x_i(m-x_i)
    can only overstate the variance, so the interval gets wider, never too short.

    `within` is V̂, defined by SE² = V̂/(K m). One round cannot show it: there it is the upper bound p(1-p) of the
    smoothed mean, which makes a claimed figure's own error larger, never smaller.

    `population_low/high`: mean +- t(K-1) s/√K over question means; None for one question.
    Raises TaskError for a value outside [0, 1] and ValueError for rows of different length.
    """
    questions, rounds = table.questions, table.rounds
    if not questions or not rounds:
        return None
    sums = _sums(table)
    value = min(max(math.fsum(sums) / (questions * rounds), 0.0), 1.0)
    lost = sum(
        v is None or gone
        for row, flags in zip(table.values, table.lost, strict=True)
        for v, gone in zip(row, flags, strict=True)
    )
    method = WILSON if rounds == 1 or questions < FEW_QUESTIONS else STRATIFIED
    within = _within(sums, rounds)
    low, high = _bounds(method, value, within, questions * rounds, (1 - LEVEL) / 2)
    population = _population([x / rounds for x in sums])
    return Estimate(
        value=value,
        low=low,
        high=high,
        method=method,
        level=LEVEL,
        questions=questions,
        rounds=rounds,
        within=within,
        lost_share=lost / (questions * rounds),
        population_low=population[0],
        population_high=population[1],
        counts=counts,
    )


def bounds(made: Estimate, tail: float) -> tuple[float, float]:
    """The interval that misses on either side with probability `tail`; `tail` 0.025 gives the estimate's own.

    `made` comes from `estimate` (the fixed set, clipped to [0, 1]), or is an error rate or BLEU of harness.repeated:
    there both halves of its interval are stretched as the t quantile over its items is, low not below 0.
    """
    if BY_T in made.method and made.low is not None and made.high is not None:
        stretch = _t_quantile(made.questions, tail) / _t_quantile(made.questions, (1 - LEVEL) / 2)
        return max(made.value - stretch * (made.value - made.low), 0.0), made.value + stretch * (made.high - made.value)
    if made.within is None or made.method not in (STRATIFIED, WILSON):
        raise ValueError(f"an estimate by {made.method!r} has no fixed-set interval")
    return _bounds(made.method, made.value, made.within, made.questions * made.rounds, tail)


@lru_cache(maxsize=64)
def normal_quantile(tail: float) -> float:
    """z with P(N(0,1) > z) = tail."""
    return NormalDist().inv_cdf(1 - tail)


@lru_cache(maxsize=1024)
def grim(printed: float, questions: int, decimals: int = 1, most: int = MOST_REPEATS) -> tuple[int, ...]:
    """The numbers of samples per question, up to `most`, for which a printed percentage is arithmetically possible.

    `printed` in percent with `decimals` digits after the point. n is possible if some whole number of right answers
    out of n x questions rounds to it; a share exactly between two printed values may have been rounded either way.
    79.5 on 30 questions: not 1 to 6, first 7. Holds for all-or-nothing scores only. After Brown & Heathers 2017
    (granularity-related inconsistency of means). Exact arithmetic; an empty tuple means that no n fits.
    """
    # the shortest decimal of the float is what was printed, not its binary neighbour
    middle, half = Fraction(repr(printed)) / 100, Fraction(1, 2) / 10**decimals / 100
    possible = []
    for n in range(1, most + 1):
        answers = n * questions
        least = max(math.ceil((middle - half) * answers), 0)
        if least <= min(math.floor((middle + half) * answers), answers):
            possible.append(n)
    return tuple(possible)


@dataclass(frozen=True, slots=True)
class ClaimedRepeats:
    """Samples per question behind a claimed figure, and how that is known.

    `stated` by the source; `least possible` for the printed digits (GRIM); `assumed` to be one.
    """

    repeats: int
    known: Literal["stated", "least possible", "assumed"]


def claimed_repeats_or_grim(
    registration: Registration, questions: int, *, all_or_nothing: bool = True
) -> ClaimedRepeats:
    """n_c of STATISTICS §4: as stated, else the smallest n the printed digits allow, else 1.

    `questions` is the run's K, used when the registration does not know the figure's own. `all_or_nothing` False
    (partial credit) skips GRIM, whose arithmetic does not hold there: 1 is the assumption that accuses least.
    """
    if registration.claimed_repeats is not None:
        return ClaimedRepeats(registration.claimed_repeats, "stated")
    if not all_or_nothing:
        return ClaimedRepeats(1, "assumed")
    printed = round(100 * registration.claimed, registration.printed_decimals)
    return least_repeats(printed, registration.claimed_questions or questions, registration.printed_decimals)


def least_repeats(printed: float, questions: int, decimals: int) -> ClaimedRepeats:
    """GRIM's smallest n for a printed percentage, or one assumed where nothing fits (or everything does)."""
    possible = grim(printed, questions, decimals)
    if not possible or possible[0] == 1:
        return ClaimedRepeats(1, "assumed")
    return ClaimedRepeats(possible[0], "least possible")


def _sums(table: ScoreTable) -> list[float]:
    """x_i: the sum of question i's scores over the rounds."""
    if any(len(row) != table.questions for row in table.values):
        raise ValueError("a round does not have one value per question")
    for row in table.values:
        for sample, value in zip(table.samples, row, strict=True):
            if value is not None and not 0.0 <= value <= 1.0:
                raise TaskError(
                    f"The score of sample {sample!r} is {value}, but a score must lie between 0 and 1: "
                    "use a metric of the task that does."
                )
    return [math.fsum(v for v in column if v is not None) for column in zip(*table.values, strict=True)]


def _within(sums: Sequence[float], rounds: int) -> float:
    """V̂ with SE² = V̂/(K m); see `estimate`."""
    questions, m = len(sums), rounds
    if m == 1:
        mean = (math.fsum(sums) + 0.5) / (questions + 1)
        return mean * (1 - mean)
    smoothed = math.fsum((x + 0.5) * (m - x + 0.5) for x in sums) * m / (m + 1) ** 3 / questions
    # rounding can take x past m by a hair for partial credit
    unbiased = math.fsum(x * max(m - x, 0.0) for x in sums) / (m * (m - 1)) / questions
    return max(smoothed, unbiased)


def _bounds(method: str, value: float, within: float, generations: int, tail: float) -> tuple[float, float]:
    z = normal_quantile(tail)
    if method == WILSON:
        low, high = _wilson(value, generations, z)
    else:
        half = z * math.sqrt(within / generations)
        low, high = value - half, value + half
    return max(min(low, value), 0.0), min(max(high, value), 1.0)


def _wilson(share: float, n: int, z: float) -> tuple[float, float]:
    """Wilson's score interval (1927)."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


@lru_cache(maxsize=64)
def _t_quantile(questions: int, tail: float) -> float:
    """t with P(T > t) = tail, for one degree of freedom less than there are questions; z where there is none."""
    if questions < 2:
        return normal_quantile(tail)
    from scipy.special import stdtrit  # starting up must stay light

    return float(stdtrit(questions - 1, 1 - tail))


def question_error(table: ScoreTable) -> float | None:
    """s/√K over the question means: the standard error of the score as a mean over such questions in general, as
    lm-eval's `mean_stderr`. None for fewer than two questions, or without a complete round."""
    if table.questions < 2 or not table.rounds:
        return None
    return _error([x / table.rounds for x in _sums(table)])


def error_of_interval(made: Estimate) -> float | None:
    """The standard error behind an error rate's or BLEU's interval over its items (value ± t SE), taken at the end that
    was not clipped; None where there is none, or both were."""
    if made.population_low is None or made.population_high is None or made.questions < 2:
        return None
    quantile = _t_quantile(made.questions, (1 - LEVEL) / 2)
    if made.population_low > 0:
        return (made.value - made.population_low) / quantile
    # only a rate of errors reaches above 1, and is not clipped there: its lower end is
    return (made.population_high - made.value) / quantile if made.population_high < 1 else None


def _population(means: Sequence[float]) -> tuple[float | None, float | None]:
    """Clustered interval: questions as a sample of such questions, t quantile with K-1 degrees of freedom."""
    k = len(means)
    if k < 2:
        return None, None
    from scipy.special import stdtrit  # starting up must stay light

    mean = math.fsum(means) / k
    half = float(stdtrit(k - 1, (1 + LEVEL) / 2)) * _error(means)
    return max(mean - half, 0.0), min(mean + half, 1.0)


def _error(means: Sequence[float]) -> float:
    """s/√K; for two or more."""
    k = len(means)
    mean = math.fsum(means) / k
    return math.sqrt(math.fsum((x - mean) ** 2 for x in means) / (k - 1) / k)
