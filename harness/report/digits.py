"""How many decimals a measured score deserves: as many as its interval bears.

The rule is the Particle Data Group's (Review of Particle Physics, Introduction, section 5.3 "Rounding"; PTEP 2022,
083C01): of the error's three leading digits, 100 to 354 keep two digits, 355 to 949 keep one, 950 to 999 become 1000
and keep two; the value and both ends of its interval are printed to that decimal place. The error is half the width of
the interval, in percentage points. Whole points are never rounded away.

A table must not hide what decided a verdict: there are as many decimals more as it takes for the value and for both
ends to lie on the printed side of the tolerance's edges where they lie unrounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from harness.records import Estimate, Verdict
from harness.report.words import interval, number

Nearness = Literal["exact", "about", "more", "least"]
MOST = 4
"""No score is printed with more decimals than these."""
USUAL = 1
"""Decimals of a score without an interval."""
_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
# as Japanese articles print large numbers: about, more than, or exactly so many times a power of ten
_COUNTED = re.compile(r"(約)?(\d{1,4}(?:\.\d{1,4})?)(万|億|兆)(超|以上)?", re.ASCII)
_NEARNESS: dict[str, Nearness] = {"": "exact", "約": "about", "超": "more", "以上": "least"}
_POWERS = {"万": 4, "億": 8, "兆": 12}


@dataclass(frozen=True, slots=True)
class Printed:
    """A score of ours as tables print it, in percent and without the sign; `interval` may be empty."""

    value: str
    interval: str


def as_printed(estimate: Estimate, held_to: Iterable[float] = ()) -> Printed:
    """A score (`estimate.unit` is `fraction`) to the decimals of `decimals_for`."""
    places = decimals_for(estimate, held_to)
    text = interval(estimate.low, estimate.high, estimate.unit, estimate.level, places)
    return Printed(number(estimate.value, estimate.unit, places), text)


def told(verdict: Verdict) -> Printed:
    """What a verdict on a score measured, as every form prints it. The verdict's own text is printed anew, to the
    digits it bears, and held against the claimed number; any other text stays. Raises ValueError without a score."""
    estimate = verdict.estimate
    if estimate is None or estimate.unit != "fraction":
        raise ValueError("only a score has digits of its own")
    made = as_printed(estimate, edges(number_in(verdict.claimed), verdict.tolerance))
    same = verdict.measured in ("", number(estimate.value, estimate.unit))
    return made if same else Printed(verdict.measured, made.interval)


def decimals_for(estimate: Estimate, held_to: Iterable[float] = ()) -> int:
    """The decimals of a score in percent; `held_to`: numbers that rounding must not carry it across."""
    # as verdict sentences take it, so that a table never rounds a half the other way
    ends = [100 * end for end in (estimate.low, estimate.high) if end is not None]
    value = 100 * estimate.value
    if not ends:
        places = USUAL
    elif len(ends) == 2:
        places = places_of(abs(ends[1] - ends[0]) / 2)
    else:
        places = places_of(abs(value - ends[0]))
    held = tuple(held_to)
    while places < MOST and any(_crosses(x, edge, places) for x in (value, *ends) for edge in held):
        places += 1
    return places


def places_of(error: float) -> int:
    """Decimals of a value with this error (0 or more), by the rule above; at least 0 and at most `MOST`."""
    if not math.isfinite(error) or error <= 0:
        return USUAL
    leading, _, exponent = f"{error:.2e}".partition("e")
    digits = int(leading.replace(".", ""))
    # 950 to 999 become 1.0 of the next power of ten: its second digit stands where their first one did
    places = -int(exponent) + (1 if digits < 355 else 0)
    return min(max(places, 0), MOST)


def edges(claimed: float | None, tolerance: float | None) -> tuple[float, ...]:
    """The edges of the tolerance (a fraction) around the claimed number, in percent as they are; none where one of the
    two is missing."""
    if claimed is None or tolerance is None:
        return ()
    middle, width = Decimal(repr(claimed)), Decimal(repr(float(tolerance))).scaleb(2)
    return float(middle - width), float(middle + width)


def percent(fraction: float) -> float:
    """100 times a fraction without binary noise: 0.57 gives 57.0, not 56.99999999999999."""
    return float(Decimal(repr(float(fraction))).scaleb(2))


def number_in(text: str) -> float | None:
    """The number that a display text is, thousands separated or not; None where it is anything else."""
    return float(text.replace(",", "")) if text.isascii() and _NUMBER.fullmatch(text) else None


def counted(text: str) -> tuple[Nearness, int] | None:
    """The number that `32億`, `約1.5兆` or `1兆超` prints, and how near to it; None where a text is anything else."""
    match = _COUNTED.fullmatch(text)
    if match is None or (match[1] and match[4]):
        return None
    return _NEARNESS[match[1] or match[4] or ""], int(Decimal(match[2]).scaleb(_POWERS[match[3]]))


def _crosses(x: float, edge: float, places: int) -> bool:
    """Whether `x`, rounded, no longer lies where it lies; what equals an edge to within a billionth lies on it."""
    if abs(x - edge) < 1e-9:
        return False
    printed = round(x, places)
    return printed <= edge if x > edge else printed >= edge
