"""What the harness itself costs per sample: a local task through the scripted engine, every generation stored with
fsync and scored, against lm-eval with its dummy model on the same task, in turn.

The cost of a sample is the slope between two sizes, so that start-up does not count for either.
"""

import itertools
import shutil
import tempfile
from pathlib import Path

from measuring import BIN, CHECKOUT, Cost, measure, median, write

TASK = "echo_sums"
SIZES = (1000, 5000, 20000)
ROUNDS = 3


def ours(size: int, folder: Path) -> Cost:
    shutil.rmtree(folder, ignore_errors=True)
    command = [BIN / "harness", "run", "tiny-qwen2", "--task", TASK, "--engine", "scripted", "--repeats", "1"]
    return measure([*command, "--limit", str(size), "--quiet"], {"HARNESS_RUNS": str(folder)})


def theirs(size: int, folder: Path) -> Cost:
    command = [BIN / "lm_eval", "--model", "dummy", "--tasks", TASK, "--include_path", CHECKOUT / "configs" / "tasks"]
    return measure([*command, "--limit", str(size), "--output_path", folder, "--log_samples"])


def main() -> None:
    costs: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(ROUNDS):
            for size in SIZES:
                costs.setdefault(f"harness {size}", []).append(ours(size, folder / "ours"))
                costs.setdefault(f"lm_eval {size}", []).append(theirs(size, folder / "theirs"))
    medians = {key: median(found) for key, found in costs.items()}
    lines = [
        f"{key:<14} {c.wall:7.2f} s wall  {c.cpu:7.2f} s CPU  {c.peak_mb:6.0f} MB peak" for key, c in medians.items()
    ]
    slopes = {}
    for tool in ("harness", "lm_eval"):
        for low, high in itertools.pairwise(SIZES):
            slope = (medians[f"{tool} {high}"].cpu - medians[f"{tool} {low}"].cpu) / (high - low) * 1000
            slopes[f"{tool} {low}-{high}"] = slope
            lines.append(f"{tool}: {slope:.2f} ms of CPU per sample from {low:,} to {high:,}")
        growth = medians[f"{tool} {SIZES[-1]}"].peak_mb - medians[f"{tool} {SIZES[0]}"].peak_mb
        lines.append(f"{tool}: peak memory grows by {growth:.0f} MB from {SIZES[0]:,} to {SIZES[-1]:,} samples")
    write("overhead", medians | {"cpu_ms_per_sample": slopes}, lines)


if __name__ == "__main__":
    main()
