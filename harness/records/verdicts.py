"""What is concluded: an estimate with its interval and counts, and a verdict with its evidence."""

import math
from dataclasses import dataclass

from harness.records.runs import Deviation
from harness.records.words import Evidence, Outcome


@dataclass(frozen=True, slots=True)
class Counts:
    """How many generations there are of each kind. `planned` = questions x repeats.

    correct + incorrect + no_answer + truncated + unscored + errored = judged generations (complete rounds).
    """

    planned: int
    generated: int
    correct: int = 0
    incorrect: int = 0
    no_answer: int = 0
    truncated: int = 0
    unscored: int = 0
    errored: int = 0

    @property
    def scored(self) -> int:
        """Generations with a number: failures of the instrument are not among them."""
        return self.correct + self.incorrect + self.no_answer + self.truncated

    @property
    def judged(self) -> int:
        return self.scored + self.unscored + self.errored


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number over many scores.

    `value`, `low`, `high` are fractions in [0, 1] for scores, else in `unit`. `within` is V, the mean of
    p_i(1-p_i) over questions (STATISTICS §1). `lost_share` is t: the truncated or failed share, counted wrong.
    `population_low/high`: the second line, about such questions in general; never used for "reproduced?".
    """

    value: float
    low: float | None
    high: float | None
    method: str
    level: float = 0.95
    unit: str = "fraction"
    questions: int = 0
    rounds: int = 0
    within: float | None = None
    lost_share: float = 0.0
    population_low: float | None = None
    population_high: float | None = None
    counts: Counts | None = None

    @property
    def standard_error(self) -> float | None:
        """Of the fixed set's score, √(V / generations); None where V is not known."""
        generations = self.questions * self.rounds
        return math.sqrt(self.within / generations) if self.within is not None and generations else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion on one check of one claim, with everything a sceptic would ask for.

    `claimed` and `measured` are display texts ("79.8", "3.2 billion"); `claimed_from` says whose number it is
    ("article" or a reference id). `reason` is one sentence. `more`: generations that would decide it.
    `command` and `hardware`: how to get (stronger) evidence. `check` is the position in the claim's checks;
    -1 for the claim as a whole.
    """

    claim: str
    check: int
    title: str
    model: str
    precision: str
    outcome: Outcome
    evidence: Evidence
    claimed: str = ""
    claimed_from: str = ""
    measured: str = ""
    estimate: Estimate | None = None
    tolerance: float | None = None
    reason: str = ""
    qualifiers: tuple[str, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    more: int | None = None
    command: str | None = None
    hardware: str | None = None
    sources: tuple[str, ...] = ()
    run: str | None = None
    scorer: str | None = None
    informative: bool = False
