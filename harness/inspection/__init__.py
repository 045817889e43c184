"""Checks that need no generation: what a checkpoint consists of, read off its weights or its architecture."""

from harness.inspection.counting import Tally, tally
from harness.inspection.inspect import Inspection, inspect_model, structure_value
from harness.inspection.kept import architecture_sha256, count_again, kept_tally, write_inspections

__all__ = [
    "Inspection",
    "Tally",
    "architecture_sha256",
    "count_again",
    "inspect_model",
    "kept_tally",
    "structure_value",
    "tally",
    "write_inspections",
]
