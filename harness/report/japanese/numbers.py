"""Large numbers as Japanese readers count them: in 万 (10^4), 億 (10^8) and 兆 (10^12), the plain number beside."""

from __future__ import annotations

import re
from decimal import Decimal

_POWERS = ((12, "兆"), (8, "億"), (4, "万"))
_DIGITS = 4
"""Significant digits of the number in 万, 億 or 兆."""
# grouped by thousands, so no year, date, hash or token id; behind no letter, digit, hyphen, quotation mark or 億
_GROUPED = r"(?<![\w.,:/#@'‘「-])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w.,:/'’」-]*[\d億兆])"
# plain digits count something where a unit says so
_COUNTED = r"(?<![\w.,:/#@-])\d{5,}(?= ?(?:トークン|パラメータ|バイト|文字|tokens|parameters|bytes|characters)\b)"
_LARGE = re.compile(f"(?P<number>{_GROUPED}|{_COUNTED})(?P<unit> ?(?:トークン|パラメータ|バイト|文字|層))?")
_PERCENT = re.compile(r"\s?[%％]")


def figure(text: str) -> str:
    """`327.6億 (32,763,876,352)` for `32,763,876,352`; numbers below 10,000 and everything that is no count stay."""
    return _LARGE.sub(_told, text)


def _told(found: re.Match[str]) -> str:
    plain, unit = found["number"], found["unit"] or ""
    value = Decimal(plain.replace(",", ""))
    if value < 10_000 or _PERCENT.match(found.string, found.end()):
        return found.group()
    return f"{in_powers(value)}{unit.strip()} ({plain})"


def in_powers(value: Decimal) -> str:
    """`327.6億` for 32,763,876,352: at most four significant digits, no zeros at the end; from 10,000 on."""
    power, sign = next((p, s) for p, s in _POWERS if value >= Decimal(10) ** p)
    scaled = value.scaleb(-power)
    # 99,995,000 rounds to 10000万, which is 1億
    rounded = _rounded(scaled)
    higher = next((one for one in reversed(_POWERS) if one[0] > power), None)
    if rounded >= 10_000 and higher is not None:
        return f"{_plain(_rounded(value.scaleb(-higher[0])))}{higher[1]}"
    return f"{_plain(rounded)}{sign}"


def _rounded(value: Decimal) -> Decimal:
    return Decimal(f"{value:.{_DIGITS}g}")


def _plain(value: Decimal) -> str:
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
