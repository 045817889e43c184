"""One sitting of a run: what it was made with, and how long it took."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting of a run, from the first generation to the last of one start; loading the model is no part of it.

    `started`: UTC, ISO 8601, to the second. `seconds`: wall time from the beginning of the first output that was stored
    to the end of the last. `devices`: accelerators used, 0 on a CPU. `command`:
    as typed, without secrets. `commit` and `dirty` are those of the harness's own checkout; None where it is none.
    `packages`: (name, version). `hardware`: in words.
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
