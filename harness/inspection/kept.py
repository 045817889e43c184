"""Counts of the recorded architectures, kept in results/inspections/ so that asking costs no torch import.

A record holds the sha256 of the architecture it was counted from, and is used only while that is the architecture
in configs/models/. `write_inspections` makes them anew.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import places
from harness.errors import ModelError
from harness.inspection.counting import Tally, tally
from harness.library.architectures import library_version, parameters_of
from harness.models import load_models
from harness.records import ModelSpec


def architecture_sha256(architecture: Mapping[str, Any]) -> str:
    """sha256 of the architecture as JSON with sorted keys: the order of keys in a file does not matter."""
    return hashlib.sha256(json.dumps(architecture, sort_keys=True).encode()).hexdigest()


def kept_tally(spec: ModelSpec) -> Tally | None:
    """The kept counts of this model; None if there are none, or they are of another architecture."""
    if spec.architecture is None:
        return None
    try:
        record = json.loads(_path(spec).read_text(encoding="utf-8"))
        if record["architecture_sha256"] != architecture_sha256(spec.architecture):
            return None
        return Tally(**record["counts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, or not a record of ours: the caller counts again


def count_again(spec: ModelSpec) -> Tally:
    """Counts of the recorded architecture, from the meta device (imports torch: seconds)."""
    if spec.architecture is None:
        raise ModelError(f"{spec.name} has no recorded architecture to count.")
    return tally(parameters_of(spec.architecture), spec.architecture)


def write_inspections() -> tuple[Path, ...]:
    """Counts every recorded architecture and writes results/inspections/<id>.json. Returns the files written."""
    written = []
    for spec in load_models().values():
        if spec.architecture is None:
            continue
        record = {
            "model": spec.id,
            "architecture_sha256": architecture_sha256(spec.architecture),
            "counted_by": f"{library_version()} on the meta device",
            "counts": dataclasses.asdict(count_again(spec)),
        }
        path = _path(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)


def _path(spec: ModelSpec) -> Path:
    return places.results() / "inspections" / f"{spec.id}.json"
