"""The wealth process: an interval that holds at every look (STATISTICS §3).

Somebody bets, round after round, that the score theta = mean_i p_i lies above a boundary b. Before round r the guess
for question i is g_ri, made from earlier rounds alone. With X_ri the score that then comes, K questions and a bet l,

    W_r+(b) = (1/3) sum_l  prod_{s<=r}  prod_i (1 + l (X_si - g_si))  /  (1 + l (b - g_s))^K,      g_s = mean_i g_si

and W- with -l bets that it lies below. Why the wealth may be believed: given the past, the X_i of a round are
independent with means p_i, so E prod_i (1 ± l (X_i - g_i)) = prod_i (1 ± l (p_i - g_i)), which by the inequality of
the arithmetic and the geometric mean (all factors are positive, for |X - g| <= 1 and l <= 0.9) is at most
(1 ± l (mean_i p_i - g))^K. If theta = b (or less, for +), W never grows on average: it is a non-negative
supermartingale that starts at 1, and by Ville's inequality (1939) it reaches 1/a with probability a at most, at
whatever round one looks and whenever one stops, for any p_i. The bets are fixed by the plan, the guesses by the past;
nothing is tuned afterwards.

W+ falls in b. The largest b at which it has reached 1/a is therefore a lower bound of theta that is wrong with
probability a at most, over all rounds together; W- gives the upper one. Guessing question by question is what makes
the bets pay: what differs between questions is known after a few rounds and no longer counts as noise.

After Waudby-Smith and Ramdas 2024 (betting confidence sequences) and Spertus, Sridhar and Stark 2024 (stratified).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Side = Literal[1, -1]
ABOVE: Side = 1
BELOW: Side = -1

# a bet of 1 could lose everything at once
_LARGEST = 0.9
_MULTIPLES = (1.0, 2.0, 3.0)
# the share of p(1-p) that is noise within questions, as bets take it to be
_WITHIN = 0.4
_EDGE = 0.05
# bounds are found to this
_PRECISION = 1e-9


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is fixed before the first round: the bets, and the wealth that decides.

    `tail`: the probability a of a wrong bound, per side, over all looks together.
    """

    bets: tuple[float, ...]
    tail: float

    @classmethod
    def of(cls, claimed: float, *, questions: int, rounds: int, tail: float) -> "Stakes":
        """For a figure `claimed` in [0, 1] that is to be decided within `rounds` rounds of `questions` questions.

        Bets l* (1, 2, 3), l* = √(2 ln(1/a) / v), v = 0.4 K R c(1-c) with c in [.05, .95]: about the best ones if a
        distance is found that just takes the whole plan, half of it, or a third. Raises ValueError.
        """
        if not 0.0 <= claimed <= 1.0 or questions < 1 or rounds < 1 or not 0.0 < tail < 1.0:
            raise ValueError(f"no stakes for {claimed=}, {questions=}, {rounds=}, {tail=}")
        middle = min(max(claimed, _EDGE), 1 - _EDGE)
        variance = _WITHIN * questions * rounds * middle * (1 - middle)
        best = math.sqrt(2 * math.log(1 / tail) / variance)
        return cls(tuple(min(_LARGEST, multiple * best) for multiple in _MULTIPLES), tail)

    @property
    def needed(self) -> float:
        """ln(1/a): the logarithm of the wealth that decides."""
        return math.log(1 / self.tail)


def guesses(scores: Floats) -> Floats:
    """g [..., rounds, questions] for scores of that shape: what earlier rounds say of each question.

    (its sum so far + the overall mean so far) / (rounds so far + 1); the overall mean is (sum + ½) / (r K + 1).
    """
    before = np.cumsum(scores, axis=-2) - scores
    rounds = np.arange(scores.shape[-2])[:, None]
    overall = (before.sum(-1, keepdims=True) + 0.5) / (rounds * scores.shape[-1] + 1)
    return np.asarray((before + overall) / (rounds + 1))


def log_wealth(scores: Floats, boundary: float, side: Side, bets: Sequence[float]) -> Floats:
    """ln W after each round, [..., rounds], for scores [..., rounds, questions]: many runs at once."""
    guessed = guesses(scores)
    surprise, middle = scores - guessed, guessed.mean(-1)
    questions = scores.shape[-1]
    each = [
        np.cumsum(np.log1p(side * bet * surprise).sum(-1) - questions * np.log1p(side * bet * (boundary - middle)), -1)
        for bet in bets
    ]
    return np.asarray(np.logaddexp.reduce(each, axis=0) - math.log(len(bets)))


class Course:
    """The wealth of one run as its rounds come in, against every boundary at once.

    What a boundary changes is only the denominator, so that a round is K logarithms for each bet and side, and a
    boundary one for each round, bet and side.
    """

    def __init__(self, stakes: Stakes, questions: int) -> None:
        """Raises ValueError for no questions."""
        if questions < 1:
            raise ValueError("a course needs a question at least")
        self.stakes = stakes
        self.questions = questions
        self._bets = np.array(stakes.bets)
        self._sums = np.zeros(questions)
        # numerators: their logarithms, by side and bet
        self._won = {ABOVE: np.zeros(len(stakes.bets)), BELOW: np.zeros(len(stakes.bets))}
        self._middles: list[float] = []
        self.means: list[float] = []
        """The mean of all scores after each round."""
        self._low, self._high = 0.0, 1.0
        self.bounds: list[tuple[float, float]] = []
        """The interval after each round; it never widens."""

    @property
    def rounds(self) -> int:
        return len(self._middles)

    @property
    def interval(self) -> tuple[float, float]:
        """theta lies in it, each side wrong with probability `tail` at most whenever one looks; (0, 1) at first.

        Where the scores cannot be (they contradict one another more than chance allows), low may pass high.
        """
        return self._low, self._high

    def add(self, scores: Sequence[float]) -> None:
        """One more complete round. Raises ValueError for another number of scores, or one outside [0, 1]."""
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != (self.questions,) or not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"a round needs {self.questions} scores between 0 and 1")
        done = self.rounds
        overall = (self._sums.sum() + 0.5) / (done * self.questions + 1)
        guessed = (self._sums + overall) / (done + 1)
        for side, won in self._won.items():
            won += np.log1p(side * self._bets[:, None] * (values - guessed)).sum(1)
        self._middles.append(float(guessed.mean()))
        self._sums += values
        self.means.append(float(self._sums.mean()) / (done + 1))
        self._low = max(self._low, self._bound(ABOVE))
        self._high = min(self._high, self._bound(BELOW))
        self.bounds.append((self._low, self._high))

    def log_wealth(self, boundary: float, side: Side) -> float:
        """ln W now, of the bet that theta lies above (below) the boundary."""
        if not self._middles:
            return 0.0
        middles = np.array(self._middles)
        lost = self.questions * np.log1p(side * self._bets[:, None] * (boundary - middles)).sum(1)
        return float(np.logaddexp.reduce(self._won[side] - lost) - math.log(len(self._bets)))

    def odds(self, boundary: float, side: Side) -> float:
        """The wealth itself, as odds: 40 means 40 to 1 that theta lies beyond the boundary, were one to stop here."""
        return math.exp(min(self.log_wealth(boundary, side), 700.0))

    def _bound(self, side: Side) -> float:
        """The boundary at which the present wealth is just what decides; 0 or 1 where there is none."""
        inside, outside = (0.0, 1.0) if side == ABOVE else (1.0, 0.0)
        if self.log_wealth(inside, side) < self.stakes.needed:
            return inside
        while abs(outside - inside) > _PRECISION:
            middle = (inside + outside) / 2
            if self.log_wealth(middle, side) >= self.stakes.needed:
                inside = middle
            else:
                outside = middle
        return inside
