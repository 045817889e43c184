"""The nouns of pictures, frozen."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from harness.gathering import CoursePoint

Kind = Literal["claimed", "comparator", "measured", "rescored", "published", "independent"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands there."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with ticks inside; `log`: by factors."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Where the value lies between the ends: 0 at `low`, 1 at `high`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Mark:
    """One value. `low` and `high`: its interval, or its own sampling error; None where there is none. `text`: the
    number as the tables print it, with its interval. `note`: what a reader should know of it, or nothing."""

    kind: Kind
    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the largest that is drawn of it."""
        return min(self.value, *self._ends), max(self.value, *self._ends)

    @property
    def _ends(self) -> tuple[float, float]:
        return (self.value if self.low is None else self.low), (self.value if self.high is None else self.high)


@dataclass(frozen=True, slots=True)
class Picture:
    """One check. `title` is the check's, `unit` says what the axis counts; `band`: the tolerance around the claimed
    number, in the axis' unit. `sentence`: the same for those who do not see it. `remark`: what a ± beside a number is
    reckoned from, where there is one."""

    title: str
    unit: str
    axis: Axis
    band: tuple[float, float] | None
    marks: tuple[Mark, ...]
    sentence: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class CoursePicture:
    """A run's score (percent) over its complete rounds, with the interval that holds at any look. `decided`: the first
    round whose interval decides, as the verdict does. `named`: how the legend names score, interval, claimed number
    and tolerance."""

    title: str
    unit: str
    rounds: Axis
    axis: Axis
    points: tuple[CoursePoint, ...]
    claimed: float
    band: tuple[float, float] | None
    decided: int | None
    named: tuple[str, str, str, str]
    sentence: str


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A run's score in percent with its interval; `number` is its place in the list of runs."""

    number: int
    label: str
    text: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CostPanel:
    """One kind of cost. `places`: of each point on the axis; None: not recorded."""

    title: str
    axis: Axis
    places: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class CostPicture:
    """Scores against what they took."""

    title: str
    unit: str
    axis: Axis
    panels: tuple[CostPanel, ...]
    points: tuple[CostPoint, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One score check, or several that say the same. `claims`: their ids."""

    label: str
    claims: tuple[str, ...]
    band: tuple[float, float] | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class OverviewGroup:
    """The rows of one model."""

    model: str
    rows: tuple[OverviewRow, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Score checks grouped by model, in percent on one axis."""

    title: str
    unit: str
    axis: Axis
    groups: tuple[OverviewGroup, ...]
    sentence: str
