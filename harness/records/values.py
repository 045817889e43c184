"""What a recorded or printed value can be held against: numbers, days, months, years."""

import re
from datetime import date, datetime, timedelta

Period = tuple[date, date]

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?")


def as_number(value: object) -> float | None:
    """Whole numbers stay exact; yes and no are no numbers."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_date(value: object) -> date | None:
    """A date, also as ISO text."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_period(value: object) -> Period | None:
    """First and last day of a date, a month ("2025-09") or a year ("2025", 2025)."""
    day = as_date(value)
    if day is not None:
        return day, day
    match = _PERIOD.fullmatch(str(value)) if isinstance(value, str | int) else None
    if match is None:
        return None
    year, month = int(match[1]), int(match[2] or 0)
    if not 1 <= year <= 9998 or month > 12 or match[2] == "00":
        return None
    if not month:
        return date(year, 1, 1), date(year, 12, 31)
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, 1), following - timedelta(days=1)


def has_order(value: object) -> bool:
    """Is it a number or a time, so that something can be more, less, before or after?"""
    return as_number(value) is not None or as_period(value) is not None


def comparable(value: object, other: object) -> bool:
    """Are both numbers, or both times?"""
    numbers = as_number(value) is not None and as_number(other) is not None
    return numbers or (as_period(value) is not None and as_period(other) is not None)
