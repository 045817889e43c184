"""The rows of the comparison table as CSV: the display texts, and the numbers behind them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from harness.report.escaping import spreadsheet
from harness.report.rows import Numbers, Row

TEXTS: tuple[str, ...] = tuple(f.name for f in fields(Row) if f.name not in ("recorded", "numbers"))
NUMBERS: tuple[str, ...] = tuple(f.name for f in fields(Numbers))
# a spreadsheet's cell holds 32,767 characters
_LIMIT = 32_000


def comparison_csv(table: Sequence[Row]) -> str:
    """One line per row: every text of Row, those with several parts joined by "; ", then the numbers, empty where there
    is none. A number reads back as the same float."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*TEXTS, *NUMBERS))
    for row in table:
        texts = (spreadsheet(joined(getattr(row, name)), _LIMIT) for name in TEXTS)
        numbers = (getattr(row.numbers, name) for name in NUMBERS)
        writer.writerow([*texts, *("" if n is None else repr(n) for n in numbers)])
    return out.getvalue()


def joined(value: object) -> str:
    """A field of Row as one text."""
    return "; ".join(value) if isinstance(value, tuple) else str(value)
