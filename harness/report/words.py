"""Numbers, units, deviations and sampling as text."""

from harness.records import Deviation, Sampling

COMBINED = {"all": "all of", "majority": "majority of", "each": "each of", "strongest": "strongest of"}
_ARROWS = {"down": "↓", "up": "↑", "unknown": "?"}
DIRECTIONS = "↓ can only lower the score, ↑ can only raise it, ? direction unknown"
NOTHING = "–"
"""A cell to which nothing applies; never a zero."""


def spoken(outcome: str) -> str:
    """`not_run` as people write it."""
    return outcome.replace("_", " ")


def number(value: float, unit: str = "", places: int = 1) -> str:
    """Fractions as percent with `places` decimals and no sign, all else with thousands separators and its unit."""
    if unit == "fraction":
        return f"{100 * value:.{places}f}"
    spec = ",.0f" if float(value).is_integer() else ",.4g" if abs(value) < 1000 else ",.1f"
    return f"{value:{spec}} {unit}".rstrip()


def percentage(value: float) -> str:
    """A percentage as a source prints it: one decimal, or as many as it has."""
    return f"{value:.1f}" if round(value, 1) == value else f"{value:g}"


def share(part: int, whole: int) -> str:
    """`12 (0.6 %)`; without the share where there is no whole."""
    return f"{part:,} ({100 * part / whole:.1f} %)" if part and whole else f"{part:,}"


def interval(low: float | None, high: float | None, unit: str, level: float = 0.95, places: int = 1) -> str:
    """`78.4–80.6`, `≥ 78.4`, `≤ 80.6` or nothing; another level than 95 % is named, as is the unit. `places`: the
    decimals of fractions, as for `number`."""
    bare = unit if unit == "fraction" else ""
    if low is not None and high is not None:
        # a dash between negative numbers reads like a minus
        text = (" to " if low < 0 or high < 0 else "–").join((number(low, bare, places), number(high, bare, places)))
    elif high is not None:
        text = f"≤ {number(high, bare, places)}"
    elif low is not None:
        text = f"≥ {number(low, bare, places)}"
    else:
        return ""
    return text + ("" if bare else f" {unit}").rstrip() + at_level(level)


def at_level(level: float) -> str:
    """` (99.17 %)`, what follows an interval of another level than the usual 95 %; nothing after that one."""
    return "" if abs(level - 0.95) < 1e-9 else f" ({100 * level:.4g} %)"


def deviation(item: Deviation) -> str:
    """Name and the direction in which it can push the score."""
    return f"{item.name} {_ARROWS[item.direction]}"


def drawing(sampling: Sampling) -> str:
    """`temperature 0.6, top_p 0.95, top_k 40, 32,768 tokens`; what switches nothing on is left out."""
    parts = [f"temperature {sampling.temperature:g}"]
    parts += [f"top_p {sampling.top_p:g}"] * (sampling.top_p < 1)
    parts += [f"top_k {sampling.top_k}"] * (sampling.top_k > 0)
    parts += [f"min_p {sampling.min_p:g}"] * (sampling.min_p > 0)
    return ", ".join((*parts, f"{sampling.max_tokens:,} tokens"))


def size(count: float) -> str:
    """Bytes as GB (10^9) or MB (10^6), one decimal; below a megabyte in bytes."""
    if count >= 1e9:
        return f"{count / 1e9:,.1f} GB"
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count:,.0f} B"


def duration(seconds: float | None) -> str:
    """`1 h 05 min`, `4 min 10 s`, `12 s`; a dash when unknown."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"
