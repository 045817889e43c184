"""The properties that a structure check may name (harness.inspection reads them), and what each can be held against."""

import math
from collections.abc import Iterable
from typing import get_args

from pydantic_core import PydanticKnownError

from harness.records.models import Modality, Precision
from harness.records.values import as_number

PROPERTIES = (
    "parameters.total",
    "parameters.non_embedding",
    "parameters.active",
    "parameters.component.<name>",
    "weight_gb.<precision>",
    "kv_kib_per_token",
    "context.max",
    "experts.total",
    "experts.active",
    "modalities.takes",
    "modalities.gives",
)
_PRECISION, _COMPONENT = "weight_gb.", "parameters.component."


def require_property(name: str) -> None:
    """Raises pydantic's error for a name that is none of PROPERTIES. Components differ by model, so any will do."""
    if name.startswith(_PRECISION):
        if name.removeprefix(_PRECISION) not in get_args(Precision):
            raise _none_of(_PRECISION + precision for precision in get_args(Precision))
    elif name not in PROPERTIES and not (name.startswith(_COMPONENT) and len(name) > len(_COMPONENT)):
        raise _none_of(PROPERTIES)


def require_value(name: str, relation: str, value: object) -> None:
    """Raises ValueError, or pydantic's error, where a property cannot stand in this relation to this value."""
    if is_list(name):
        if relation not in ("contains", "lacks"):
            raise ValueError(f"{name} is a list of words, so the relation is contains or lacks, not {relation}")
        if value not in get_args(Modality):
            raise _none_of(get_args(Modality))
        return
    number = as_number(value)
    if number is None or not math.isfinite(number):
        raise ValueError(f"{name} is a number, so it cannot be held against {value!r}")
    if relation in ("contains", "lacks"):
        raise ValueError(f"{name} is a number, which {relation} nothing")


def is_list(name: str) -> bool:
    """All others are numbers."""
    return name.startswith("modalities.")


def _none_of(known: Iterable[str]) -> PydanticKnownError:
    return PydanticKnownError("literal_error", {"expected": ", ".join(repr(name) for name in known)})
