"""One engine from its files in a process of its own, answering mixed requests: its memory, as one JSON object."""

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def measured(folder: Path, precision: str, shape: str, count: int, media: Path) -> dict[str, Any]:
    import torch
    from omni_shapes import SHAPES
    from omni_work import make_jobs
    from precision_child import Peak, own_mb

    from harness.engines import Setup, open_engine
    from harness.library.modeling import transformers
    from harness.records import ModelSpec

    assert transformers.Qwen2_5OmniThinkerForConditionalGeneration
    torch.set_num_threads(1)
    jobs = make_jobs("mixed", SHAPES[shape], count, media)
    libraries = own_mb()
    spec = ModelSpec(id="bench", name="Bench", developer="us", weights="open", engine="omni")
    with Peak("cpu") as loading:
        engine: Any = open_engine("omni", spec=spec, folder=folder, setup=Setup(precision=precision, device="cpu"))
        weights = engine.sizing().weights / 1e6
    loaded = own_mb() - libraries
    began = time.process_time()
    with Peak("cpu") as answering:
        tokens = answered(engine, jobs)
    seconds = time.process_time() - began
    return {
        "libraries_mb": libraries, "weights_mb": weights, "load_peak_mb": loading.found, "loaded_mb": loaded,
        "peak_mb": loaded + answering.found, "cpu_seconds": seconds,
        "tokens": tokens, "requests": count,
    }  # fmt: skip


def answered(engine: Any, jobs: Iterable[Any]) -> int:
    """Tokens of all answers, none of which is kept: a run writes each down. Raises RuntimeError for a failure."""
    tokens = 0
    for one in engine.generate(job.request() for job in jobs):
        if one.error is not None:
            raise RuntimeError(f"request {one.sample_id} failed: {one.error}")
        tokens += one.output_tokens
    return tokens


def main() -> None:
    from harness.errors import HarnessError

    os.environ["HF_HUB_OFFLINE"] = "1"
    folder, precision, shape, count, media = sys.argv[1:]
    try:
        found = measured(Path(folder), precision, shape, int(count), Path(media))
    except HarnessError as error:
        found = {"refused": str(error).replace(folder, "this checkpoint")}
    print(json.dumps(found))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
