"""Qwen2.5-Omni in its published shape, from files: `loading.py [--device cpu|cuda] [--shape 7b] [--keep FOLDER]`.

Writes a checkpoint of random weights, with the published configuration and the published names of tensors, in shards
of 4 GB (21.5 GB on the disk), then opens it as a run does, the thinker alone, and asks once by each modality. Shown:
memory while loading beside the weights' bytes (on a CPU they are pages of the files, which are not the process's own),
and seconds to load and to the answer. What the answers say means nothing. On a CPU the engine computes with all cores.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import Record
from measuring import CHECKOUT
from omni import quiet
from omni_shapes import DTYPES, SHAPES, Shape, config_of, describe
from omni_work import MODALITIES, make_jobs
from precision import child

SHARD = 4 * 10**9
TOKENS = 4


def write_checkpoint(shape: Shape, folder: Path) -> int:
    """All tensors of the shape, random, in shards; their bytes. No more than one shard is in memory."""
    import torch
    from safetensors.torch import save_file

    from harness.library.modeling import transformers
    from harness.library.omni.tiny import omni_tokenizer

    tokenizer = omni_tokenizer()
    config = config_of(shape, tokenizer)
    describe(config, tokenizer, folder)
    (folder / "model.safetensors").unlink()
    with torch.device("meta"):
        model = transformers.Qwen2_5OmniForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
    draw = torch.Generator().manual_seed(0)
    placed: dict[str, str] = {}
    total = 0
    for number, names in enumerate(_shards(model), 1):
        file = f"model-{number:05d}.safetensors"
        held = {}
        for name, like in names:
            # as wide as a trained layer's, so that nothing overflows on its way through the layers
            random = torch.empty(like.shape, dtype=getattr(torch, DTYPES[shape.precision]))
            held[name] = random.fill_(1.0) if like.dim() == 1 else random.normal_(0, 0.02, generator=draw)
            placed[name] = file
            total += held[name].nbytes
        save_file(held, folder / file, metadata={"format": "pt"})
    index = {"metadata": {"total_size": total}, "weight_map": placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return total


def _shards(model: Any) -> Iterator[list[tuple[str, Any]]]:
    held: list[tuple[str, Any]] = []
    size = 0
    for name, tensor in model.state_dict().items():
        bytes_ = tensor.numel() * 2
        if held and size + bytes_ > SHARD:
            yield held
            held, size = [], 0
        held.append((name, tensor))
        size += bytes_
    yield held


def opened(folder: Path, shape: Shape, device: str, media: Path) -> dict[str, Any]:
    """The engine from the files, and one answer by each modality."""
    from precision_child import Peak, own_mb

    from harness.engines import Setup, open_engine
    from harness.library.modeling import transformers
    from harness.records import ModelSpec

    assert transformers.Qwen2_5OmniForConditionalGeneration
    libraries = own_mb()
    spec = ModelSpec(id="bench", name="Bench", developer="us", weights="open", engine="omni")
    began = time.perf_counter()
    with Peak(device) as loading:
        engine: Any = open_engine(
            "omni", spec=spec, folder=folder, setup=Setup(precision=shape.precision, device=device)
        )
        weights = engine.sizing().weights / 1e6
    found: dict[str, Any] = {
        "libraries_mb": libraries, "weights_mb": weights, "load_peak_mb": loading.found,
        "load_seconds": time.perf_counter() - began, "answers": {},
    }  # fmt: skip
    for kind in MODALITIES[:-1]:
        (job,) = make_jobs(kind, shape, 1, media, length=TOKENS)
        began = time.perf_counter()
        (answer,) = engine.generate([job.request()])
        found["answers"][kind] = {
            "seconds": time.perf_counter() - began, "prompt_tokens": answer.prompt_tokens,
            "output_tokens": answer.output_tokens, "error": answer.error,
        }  # fmt: skip
    return found


def lines_of(found: dict[str, Any]) -> list[str]:
    """The figures as they are printed."""
    if "answers" not in found:
        return [found["failed"]]
    lines = [
        f"weights {found['weights_mb']:,.0f} MB, most of its own while loading {found['load_peak_mb']:,.0f} MB, "
        f"loaded in {found['load_seconds']:.0f} s"
    ]
    for kind, row in found["answers"].items():
        said = row["error"] or f"{row['prompt_tokens']:,} tokens in, {row['output_tokens']} out"
        lines.append(f"{kind:<12} {row['seconds']:8.1f} s  {said}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--shape", choices=("7b", "tiny-omni"), default="7b")
    parser.add_argument("--keep", type=Path, help="write the checkpoint there, or take the one that is there")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    quiet()
    shape = SHAPES[asked.shape]
    if asked.child:
        folder, media = map(Path, asked.child)
        print(json.dumps(opened(folder, shape, asked.device, media)))  # noqa: T201 - the parent reads it
        return
    out = os.environ.get("OUT")
    name = "-".join(["loading"] + [asked.device] * (asked.device == "cuda") + [asked.shape] * (asked.shape != "7b"))
    record = Record(name, Path(out) if out else CHECKOUT / "results" / "bench", asked.device)
    with tempfile.TemporaryDirectory() as made:
        folder, media = asked.keep or Path(made) / "checkpoint", Path(made) / "media"
        media.mkdir()
        began = time.perf_counter()
        if not (folder / "model.safetensors.index.json").is_file():
            write_checkpoint(shape, folder)
        _say(f"# the checkpoint is there after {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        found = child(Path(__file__), "--device", asked.device, "--shape", asked.shape, "--child", folder, media)
        record.add(f"{asked.shape} from files", found, lines_of(found), time.perf_counter() - began)
    if "answers" not in found or any(row["error"] for row in found["answers"].values()):
        raise SystemExit("loading: not everything was answered")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
