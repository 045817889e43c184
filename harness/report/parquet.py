"""The rows of the comparison table as a typed table in a parquet file: the columns of the CSV, numbers as numbers."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from harness.report.csv_file import NUMBERS, TEXTS, value_of
from harness.report.rows import Numbers, Row

if TYPE_CHECKING:
    import pyarrow

_COUNTS = frozenset(f.name for f in fields(Numbers) if "int" in str(f.type))
_LISTS = ("qualifiers", "sources", "remarks")
_MEANINGS: Mapping[str, str] = {
    "unit": "of measured_value, interval_low, interval_high and claimed_value; empty: none is recorded",
    "tolerance_unit": "of tolerance; relative: a share of claimed_value",
    "measured_value": "in `unit`: percent for scores",
    "interval_low": "in `unit`",
    "interval_high": "in `unit`",
    "interval_level": "the confidence of the interval, a fraction",
    "claimed_value": "in `unit`; null where the claim is no number",
    "tolerance": "the verdict's, in `tolerance_unit`: percentage points for scores",
    "planned": "generations",
    "unscored_count": "generations that the instrument failed on, errored ones among them",
}


def table_of(table: Sequence[Row]) -> pyarrow.Table:
    """One row per Row: texts as strings, qualifiers, sources and remarks as lists of them, `first` as a truth value,
    numbers as float64 and int64 with nulls. The schema's metadata name the harness's version and the columns' units.

    Texts are what the rows hold; a lone surrogate, which UTF-8 has no form for, becomes U+FFFD.
    """
    import pyarrow as pa

    columns = {name: [_plain(value_of(row, name)) for row in table] for name in TEXTS}
    columns |= {name: [getattr(row.numbers, name) for row in table] for name in NUMBERS}
    about = {"harness_version": version("qwen-claim-harness")}
    schema = pa.schema([_field(pa, name) for name in columns], metadata=about)
    return pa.table(columns, schema=schema)


def comparison_parquet(table: Sequence[Row]) -> bytes:
    """The bytes of a parquet file; the same rows give the same bytes with the same pyarrow."""
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(table_of(table), out, compression="zstd")
    return out.getvalue()


def _field(pa: Any, name: str) -> Any:
    kinds = {"first": pa.bool_(), **dict.fromkeys(_COUNTS, pa.int64())}
    kinds |= dict.fromkeys((n for n in NUMBERS if n not in _COUNTS), pa.float64())
    kinds |= dict.fromkeys(_LISTS, pa.list_(pa.string()))
    about = {"meaning": _MEANINGS[name]} if name in _MEANINGS else None
    return pa.field(name, kinds.get(name, pa.string()), metadata=about)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(text) for text in value]
    if not isinstance(value, str) or value.isascii():
        return value
    return "".join("\ufffd" if unicodedata.category(c) == "Cs" else c for c in value)
