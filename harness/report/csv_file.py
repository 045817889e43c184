"""The rows of the comparison table as CSV: the display texts, and the numbers behind them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from harness.report.escaping import spreadsheet
from harness.report.rows import Numbers, Row

TEXTS: tuple[str, ...] = tuple(f.name for f in fields(Row) if f.name not in ("recorded", "numbers", "printed"))
NUMBERS: tuple[str, ...] = tuple(f.name for f in fields(Numbers))
# a spreadsheet's cell holds 32,767 characters
_LIMIT = 32_000


def comparison_csv(table: Sequence[Row]) -> str:
    """One line per row: every text of Row, those with several parts joined by "; ", then the numbers, empty where there
    is none. A number reads back as the same float, in the row's `unit` and `tolerance_unit`; articles are named in
    words (`article 003`), so that no reader takes 003 for 3."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*TEXTS, *NUMBERS))
    for row in table:
        texts = (spreadsheet(joined(value_of(row, name)), _LIMIT) for name in TEXTS)
        numbers = (getattr(row.numbers, name) for name in NUMBERS)
        writer.writerow([*texts, *("" if n is None else repr(n) for n in numbers)])
    return out.getvalue()


def value_of(row: Row, name: str) -> object:
    """What stands in this column of the files for machines, before several parts are joined."""
    value: object = getattr(row, name)
    return f"article {value}" if name == "article" and value else value


def joined(value: object) -> str:
    """A field of Row as one text."""
    return "; ".join(value) if isinstance(value, tuple) else str(value)
