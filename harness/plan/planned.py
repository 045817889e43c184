"""What a user may ask of a run, and what a planned run is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.records import Claim, Deviation, ModelSpec, Precision, Protocol, Registration, Sampling


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may set for a run; None leaves it to the model and the protocol."""

    precision: Precision | None = None
    engine: str | None = None
    repeats: int | None = None
    limit: int | None = None
    device: str = "auto"
    protocol: str | None = None
    chat_template: bool | None = None
    max_tokens: int | None = None
    tasks: tuple[str, ...] = ()
    tasks_dir: Path | None = None
    data_dir: Path | None = None
    rows: int | None = None
    retry_failed: bool = False


class Wanted(NamedTuple):
    """One check of one claim that a run would decide."""

    claim: Claim
    check: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: the weights at the run's precision, and the KV cache of one sequence of full length."""

    weights: int
    sequence: int

    @property
    def least(self) -> int:
        """Weights, one full sequence and a tenth for activations and fragmentation."""
        return int((self.weights + self.sequence) * 1.1)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run as far as it is known without loading the model. `blocked` says in one sentence why it cannot start.

    `chat_template` None: used if the checkpoint has one.
    """

    model: ModelSpec
    task: str
    protocol: Protocol | None
    chat_template: bool | None
    sampling: Sampling | None
    precision: Precision
    engine: str
    repeats: int
    limit: int | None
    device: str
    questions: int | None
    folder: Path | None
    memory: Memory | None
    wanted: tuple[Wanted, ...] = ()
    registrations: tuple[Registration, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    blocked: str | None = None

    @property
    def generations(self) -> int | None:
        return None if self.questions is None else self.questions * self.repeats


@dataclass(frozen=True, slots=True)
class Plan:
    """Planned runs, and the claims that need none (inspection, recorded facts, published figures) or cannot be run."""

    runs: tuple[PlannedRun, ...]
    claims: tuple[Claim, ...]
    options: Options = field(default_factory=Options)
