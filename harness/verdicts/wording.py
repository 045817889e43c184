"""How numbers are written in reasons: one place, so that all verdicts speak alike."""

import math
from collections.abc import Iterable, Sequence
from datetime import date


def points(fraction: float) -> str:
    """0.795 -> '79.5'; more digits only where one would show nothing but zero."""
    value = 100 * fraction
    return f"{value:.1f}" if abs(value) >= 0.05 or value == 0 else f"{value:.2g}"


def span(low: float, high: float) -> str:
    """An interval of fractions, in points."""
    return f"{points(low)} to {points(high)}"


def number(value: float) -> str:
    """A number as people print it: thousands separated, no tail of zeros, at most four significant decimals."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def count(n: int, noun: str) -> str:
    """'1 generation', '2,400 generations'."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def shown(value: object) -> str:
    """Any recorded value as text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(v) for v in value) or "nothing"
    return str(value)


def with_unit(value: object, unit: str | None) -> str:
    """'32,763,876,352 parameters'."""
    return f"{shown(value)} {unit}" if unit else shown(value)


def factor(ratio: float) -> str:
    """How many times as large: 10.24 -> '10.2 times', 0.0976 -> '1/10.2 of'."""
    if ratio >= 1:
        return f"{_factor(ratio)} times"
    return f"1/{_factor(1 / ratio)} of"


def _factor(ratio: float) -> str:
    """A tenth is enough for a factor of ten, but not for a ratio near one."""
    return f"{ratio:.1f}" if ratio >= 2 else f"{ratio:.3g}"


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order of first appearance; empty ones dropped."""
    return tuple(dict.fromkeys(t for t in texts if t))
