"""Rows for the tasks in this folder, made here: the same every time, without network or files."""

from random import Random
from typing import Any

import datasets


def sums(rows: int, **_: Any) -> dict[str, datasets.Dataset]:
    """`rows` pairs of numbers from 1 to 999 with their total."""
    random = Random(20250306)
    pairs = [(random.randint(1, 999), random.randint(1, 999)) for _ in range(rows)]
    columns = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs], "total": [a + b for a, b in pairs]}
    return {"test": datasets.Dataset.from_dict(columns)}


def parity(rows: int, **_: Any) -> dict[str, datasets.Dataset]:
    """The numbers 11, 18, 25 …: odd and even in turn."""
    return {"test": datasets.Dataset.from_dict({"number": [11 + 7 * i for i in range(rows)]})}
