"""One sitting with a run: what it was made with, and how long it took."""

from dataclasses import dataclass
from typing import Literal

Purpose = Literal["generating", "judging", "listening", "comparing"]
"""What a sitting was for: the run's own outputs; or another model's opinions of them, transcripts of spoken ones,
comparisons of voices."""


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting with a run, from the first request of one start to its end; loading the model is no part of it.

    `started`: UTC, ISO 8601, to the second. `seconds`: wall time to the end of the last output. `generated`: outputs,
    or answers judged, heard or compared. `devices`: accelerators used, 0 on a CPU. `command`: as typed, without
    secrets. `commit` and `dirty` are those of the harness's own checkout; None where it is none. `packages`: (name,
    version). `hardware`: in words. `by`: the name under which another model's work is stored, "" where the run's own
    model worked. `ended`: False where a kill cut it off, so that it took longer than `seconds` says.
    """

    started: str
    seconds: float
    generated: int
    devices: int
    command: str
    version: str
    commit: str | None
    dirty: bool | None
    python: str
    packages: tuple[tuple[str, str], ...]
    hardware: str
    purpose: Purpose = "generating"
    by: str = ""
    ended: bool = True
