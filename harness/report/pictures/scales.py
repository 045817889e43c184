"""Axes: where they begin and end, and which numbers stand on them."""

import math
from collections.abc import Iterable

from harness.report.lexicon import Lexicon
from harness.report.pictures.records import Axis, Tick

# with three steps of 1, 2 or 5 at least, so that two ticks can be told from the ends
_FEWEST_STEPS = 3
_MARGIN = 0.05
# an axis of numbers whose least is below this share of the largest begins at nothing
_FROM_NOTHING = 0.4
# differences below this share of what ticks count are none
_LEAST = 1e-6
# below this a number is written out
_WRITTEN_OUT = 1e6
# words for powers of ten, the largest first
_POWERS = {"en": (12, 9, 6), "ja": (12, 8, 4)}


def percent_axis(values: Iterable[float]) -> Axis:
    """Percentages: never below 0; above 100 only where a value is (error rates can be)."""
    found = list(values)
    return _axis(found, 0.0 if min(found) >= 0 else -math.inf, 100.0 if max(found) <= 100 else math.inf, 1.0)


def number_axis(values: Iterable[float], words: Lexicon) -> tuple[Axis, str]:
    """Any numbers, with the power of ten that the ticks are counted in, as a word ("" for ones)."""
    found = list(values)
    largest = max(abs(v) for v in found)
    floor = 0.0 if min(found) >= 0 else -math.inf
    if 0 <= min(found) < _FROM_NOTHING * largest:
        found.append(0.0)
    power = next((p for p in _POWERS[words.language] if largest >= max(10.0**p, _WRITTEN_OUT)), 0)
    return _axis(found, floor, math.inf, 10.0**power), words.text(f"pictures.power_{power}") if power else ""


def log_axis(values: Iterable[float], words: Lexicon) -> Axis:
    """Positive numbers by factors of ten, by 1-2-5 where they span less than a hundred; wide enough for two ticks."""
    found = list(values)
    low, high = min(found), max(found)
    while True:
        start, end = low / 1.3, high * 1.3
        exponents = range(math.floor(math.log10(start)), math.ceil(math.log10(end)) + 1)
        steps = (1,) if end / start >= 100 else (1, 2, 5)
        every = max(1, len(exponents) // 6)
        at = [s * 10.0**e for e in exponents if e % every == 0 for s in steps]
        at = [v for v in at if start <= v <= end]
        if len(at) > 1:
            return Axis(start, end, tuple(Tick(v, short(v, words)) for v in at), log=True)
        low, high = low / 1.5, high * 1.5


def short(value: float, words: Lexicon) -> str:
    """`500`, `20,000`, `3 million`, `300万`: a round number for a tick."""
    power = next((p for p in _POWERS[words.language] if value >= max(10.0**p, 100_000)), 0)
    text = f"{value / 10.0**power:,.10g}"
    if not power:
        return text
    return text + ("" if words.language == "ja" else " ") + words.text(f"pictures.power_{power}")


def _axis(values: list[float], floor: float, ceiling: float, one: float) -> Axis:
    """Around all values with a margin, inside `floor` and `ceiling`; `one`: what the ticks count."""
    low, high = min(values), max(values)
    span = high - low
    # equal values, or a difference that no tick could tell
    if span <= max(1e-9 * max(abs(low), abs(high)), _LEAST * one):
        span = max(abs(low) * 0.1, _LEAST * one)
        low, high = low - span / 2, high + span / 2
    low, high = max(low - _MARGIN * span, floor), min(high + _MARGIN * span, ceiling)
    step = _step((high - low) / _FEWEST_STEPS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step / one) + 1e-9))
    ticks = [n * step for n in range(first, last + 1)]
    return Axis(low, high, tuple(Tick(t, _text(t / one, decimals)) for t in ticks))


def _step(most: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(f * power for f in (1, 2, 5) if f * power <= most * (1 + 1e-9)) if power <= most else power / 2


def _text(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    # no negative zero, and a minus as long as the plus
    return (text if float(text.replace(",", "")) else text.lstrip("-")).replace("-", "−")
