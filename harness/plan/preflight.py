"""Whether this machine can do it, said before anything is loaded."""

import math
import shutil
import subprocess
from typing import Literal

import psutil

from harness.errors import HarnessError
from harness.inspection import inspect_model
from harness.plan.planned import Memory, PlannedRun
from harness.records import ModelSpec, Precision

_GB = 1e9
# Tokens a prompt may take, when only the output's bound is known.
_PROMPT = 2048


def memory(model: ModelSpec, precision: Precision, max_tokens: int) -> Memory | None:
    """Bytes of the weights and of one full sequence's KV cache; None where the architecture is not known."""
    try:
        inspection = inspect_model(model)
    except HarnessError:
        return None
    weights = inspection.bytes_by_precision.get(precision)
    if weights is None:
        return None
    length = min(inspection.context or max_tokens + _PROMPT, max_tokens + _PROMPT)
    return Memory(int(weights), int(inspection.kv_bytes_per_token or 0) * length)


def hardware_for(model: ModelSpec, max_tokens: int = 32768) -> str:
    """What running a model at its native precision needs, in one phrase."""
    return _phrase(memory(model, model.native_precision, max_tokens), model.native_precision)


def _phrase(need: Memory | None, precision: str) -> str:
    if need is None:
        return "unknown: its architecture is not recorded"
    if need.least < _GB:
        return "any CPU"
    return (
        f"about {need.least / _GB:.0f} GB of GPU memory at {precision} "
        f"({need.weights / _GB:.1f} GB of weights and one full sequence)"
    )


def fits(run: PlannedRun) -> tuple[Literal["yes", "no", "unknown"], str]:
    """Whether weights and one full sequence fit the memory of the device asked for, and the sum behind it."""
    if run.memory is None:
        return "unknown", "the architecture is not recorded"
    cards = [] if run.device == "cpu" else gpu_memory()
    if run.device == "cuda" and not cards:
        return "no", "no GPU on this machine"
    have, where = (sum(cards), "GPU") if cards else (psutil.virtual_memory().available, "free")
    need = run.memory.least
    return ("yes" if need <= have else "no"), f"{need / _GB:,.1f} of {have / _GB:,.0f} GB {where} memory"


def gpu_memory() -> list[int]:
    """Bytes of memory of every NVIDIA card, without loading torch (which takes seconds)."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return [int(line) * 2**20 for line in done.stdout.split() if line.isdigit()] if done.returncode == 0 else []


def smallest_difference(run: PlannedRun) -> float | None:
    """The smallest distance of the true score from a band's edge that the run shows with 80 % power, as a fraction.

    (z(0.0125) + z(0.2)) * sqrt(V / (K m)), STATISTICS §4, with V = 0.1: an assumption until the run has measured
    its within-question variance.
    """
    if not run.generations:
        return None
    return (2.2414 + 0.8416) * math.sqrt(0.1 / run.generations)
