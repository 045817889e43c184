"""In what unit the numbers of a row are, and what its tolerance is held against."""

from __future__ import annotations

from dataclasses import dataclass

from harness import claims
from harness.records import BenchmarkCheck, Check, FactCheck, ProbeCheck, StructureCheck, Verdict
from harness.records.values import as_number, as_period
from harness.report.digits import percent

POINTS = "percentage points"
RELATIVE = "relative"
DAYS = "days"


@dataclass(frozen=True, slots=True)
class Measure:
    """`unit`: that of the measured value, its interval and the claimed value, `percent` for scores; empty where they
    have none (counts, names) or none is recorded. `tolerance` is in `tolerance_unit`: `percentage points`, `relative`
    (a share of the claimed value), `days`, or the values' own unit; `as published`: on the source's scale, which has no
    name.
    """

    unit: str = ""
    tolerance: float | None = None
    tolerance_unit: str = ""


def measure_of(verdict: Verdict, check: Check | None) -> Measure:
    """Of a verdict and the check that it judges; without a check only what an estimate tells.

    A verdict holds the tolerance as the rules use it: a fraction for shares (harness.verdicts.scores and .published),
    days between dates, relative for every other recorded or inspected value (harness.verdicts.facts), else in the
    figure's unit. Raises UnknownName where the check names a figure that is not published.
    """
    unit = _unit(verdict, check)
    tolerance = verdict.tolerance
    if tolerance is None:
        return Measure(unit)
    if unit == "percent":
        return Measure(unit, percent(tolerance), POINTS)
    if isinstance(check, BenchmarkCheck) or check is None:
        return Measure(unit, tolerance, unit)
    if isinstance(check, FactCheck) and (check.minus is not None or _is_a_time(check.value)):
        return Measure(unit, tolerance, DAYS)
    return Measure(unit, tolerance, RELATIVE)


def _unit(verdict: Verdict, check: Check | None) -> str:
    estimate = verdict.estimate
    if estimate is not None:
        return "percent" if estimate.unit == "fraction" else estimate.unit
    if isinstance(check, BenchmarkCheck):
        return _figures_unit(check)
    if isinstance(check, StructureCheck | ProbeCheck):
        return check.unit or ""
    return DAYS if isinstance(check, FactCheck) and check.minus is not None else ""


def _figures_unit(check: BenchmarkCheck) -> str:
    """The published figures' unit; a number without one is held against a score in percent."""
    reference = check.reference or check.against.reference
    unit = claims.find_figure(reference).unit if reference else check.against.unit or "percent"
    return "as published" if unit == "other" else unit


def _is_a_time(value: object) -> bool:
    return as_number(value) is None and as_period(value) is not None
