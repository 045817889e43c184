"""A process that loads a model, gives one answer, and says how much memory that took: python -m harness.probes.child.

A job comes as JSON on stdin; the last line of stdout is the answer, or {"error": …} with a HarnessError's sentence.
"""

import contextlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from harness import engines, models
from harness.errors import HarnessError
from harness.probes import material, opening
from harness.records import ModelSpec, Request, Sampling

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Job:
    """One answer. `model`: as the user named it; `medium` as in harness.probes.wanted."""

    model: str
    precision: str
    engine: str
    device: str
    medium: str
    size: tuple[int, int]
    speech: bool
    voice: str | None
    max_tokens: int
    seed: int


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes: `used` at most, `taken` at most (the same on a CPU), `before` anything was loaded."""

    used: int
    taken: int
    before: int
    engine: str
    version: str
    device: str
    weights: str
    prompt_tokens: int
    output_tokens: int
    speech_seconds: float | None
    text: str


def answer(job: Job) -> Peak:
    """Raises HarnessError."""
    before = psutil.Process().memory_info().rss
    spec = models.find_model(job.model)
    scripted = job.engine.partition(":")[0] == "scripted"
    folder = None if scripted else opening.folder_of(spec)
    request = _request(job, folder)
    setup = engines.Setup(precision=job.precision, device=job.device, rows=1, speech=job.speech)
    if not scripted:
        spec = _short(spec, job, folder, request, setup)
    engine = engines.open_engine(job.engine, spec=spec, folder=folder, setup=setup)
    with contextlib.closing(engine):
        found = list(engine.generate([request]))
        generation = opening.checked(found[0] if found else None, request)
        info = engine.describe()
        used, taken = _most(info.device)
    return Peak(
        used=used,
        taken=taken,
        before=before,
        engine=info.name,
        version=info.version,
        device=info.device,
        weights=models.fingerprint(folder) if folder else "",
        prompt_tokens=generation.prompt_tokens,
        output_tokens=generation.output_tokens,
        speech_seconds=generation.speech.seconds if generation.speech else None,
        text=generation.text,
    )


def _request(job: Job, folder: Path | None) -> Request:
    messages = material.question(job.medium, job.size, spoken=job.speech)
    voice = None
    if job.speech and folder is not None:
        from harness.library.omni.voices import read_voices

        voice = job.voice or next(iter(read_voices(opening.source_at(folder))))
    return Request(
        "memory", 0, Sampling(temperature=0.0, max_tokens=job.max_tokens), job.seed, messages=messages, voice=voice
    )


def _short(spec: ModelSpec, job: Job, folder: Path | None, request: Request, setup: engines.Setup) -> ModelSpec:
    """The model with no more context than this answer takes: a cache for more would be counted as needed."""
    counting = engines.open_engine(job.engine, spec=spec, folder=folder, setup=setup)
    with contextlib.closing(counting):
        tokens = counting.prompt_tokens(request) + job.max_tokens
    return spec.model_copy(update={"context": min(tokens, spec.context or tokens)})


def _most(device: str) -> tuple[int, int]:
    """Bytes used and taken at most by this process: of the GPUs, or resident."""
    if device.startswith("cuda"):
        import torch

        from harness.engines.memory import most_on

        cards = [most_on(card) for card in range(torch.cuda.device_count())]
        return sum(used for used, _ in cards), sum(taken for _, taken in cards)
    most = _resident()
    return most, most


def _resident() -> int:
    """The most resident memory since this program began. Not getrusage's, which on Linux begins with that of whoever
    started the process."""
    if _STATUS.is_file():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    plain = json.load(sys.stdin)
    job = Job(**plain | {"size": tuple(plain["size"])})
    try:
        # libraries may print; only the last line is ours
        with contextlib.redirect_stdout(sys.stderr):
            told = asdict(answer(job))
    except HarnessError as error:
        told = {"error": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
