"""Any record as plain JSON values, and the document every `--json` prints."""

import json
import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from harness.records import Verdict
from harness.records.settings import Settings
from harness.report.digits import told

SCHEMA_VERSION = 1


def to_plain(value: Any) -> Any:
    """Dataclasses and pydantic records → dicts in the order of their fields (of settings only those given),
    mappings → dicts sorted by key, tuples and lists → lists, sets → sorted lists, dates → ISO text, paths → text with
    forward slashes. What a verdict measured becomes the text that the tables print.

    Numbers that JSON does not have (NaN, infinities) become null. Raises TypeError for anything else, naming its
    type, rather than writing a text nobody can read back.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        record = _as_printed(value) if isinstance(value, Verdict) else value
        return {f.name: to_plain(getattr(record, f.name)) for f in fields(record)}
    if isinstance(value, BaseModel):
        return {name: to_plain(getattr(value, name)) for name in _fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Set):
        return sorted((to_plain(item) for item in value), key=repr)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _as_printed(verdict: Verdict) -> Verdict:
    """With the text that the tables print for a score: no two forms of one report may disagree. The number itself
    stands in the estimate."""
    estimate = verdict.estimate
    return replace(verdict, measured=told(verdict).value) if estimate and estimate.unit == "fraction" else verdict


def _fields(record: BaseModel) -> Iterable[str]:
    return sorted(record.given()) if isinstance(record, Settings) else type(record).model_fields


def document(kind: str, payload: Any) -> dict[str, Any]:
    """What a command prints under `--json`: the kind in `schema`, the payload under `data`.

    `schema_version` rises when a key changes its meaning or goes.
    """
    return {"schema": f"harness/{kind}", "schema_version": SCHEMA_VERSION, "data": to_plain(payload)}


def dumps(plain: Any) -> str:
    """JSON text of plain values, Japanese readable. A lone surrogate (broken UTF-8 in a recording) stays a JSON
    escape."""
    text = json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
