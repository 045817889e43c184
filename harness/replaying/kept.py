"""Results of replays as committed records, results/rescored/<recording>.json: without outputs, questions or answers."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from harness import places
from harness.errors import ConfigError
from harness.replaying.records import Agreement, Replayed

UNEXPLAINED = "not explained"


@dataclass(frozen=True, slots=True)
class KeptFigure:
    """A published figure and ours, as fractions; `printed` as it was printed, in `unit`; `computed`: nobody printed it.
    `graded` False: the recorded marks were only added up.
    """

    name: str
    scorer: str
    printed: float
    unit: str
    claimed: float
    ours: float
    low: float | None
    high: float | None
    outcome: str
    reason: str
    source: str
    graded: bool
    computed: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """Outputs on which our scorer and the recorded marks differ for the same reason."""

    cause: str
    outputs: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KeptReplay:
    """One recording's result. `means`: scorer → (version, mean, low, high), None where there is no mean.

    `data` is the sha256 over the recording's files (and the task's rows). `compared` outputs have a recorded mark.
    """

    recording: str
    title: str
    model: str
    task: str
    questions: int
    repeats: int
    data: str
    tally: dict[str, int]
    means: Mapping[str, tuple[str, float | None, float | None, float | None]]
    counts: dict[str, dict[str, int]]
    figures: tuple[KeptFigure, ...]
    compared: int
    judge: str
    differences: tuple[Cause, ...]
    groups: dict[str, tuple[int, float]]
    source: str
    licence: str

    @property
    def same(self) -> int:
        return self.compared - sum(c.outputs for c in self.differences)


def as_kept(made: Replayed) -> KeptReplay:
    """What is committed of a replay: numbers rounded to what survives another machine's arithmetic."""
    figures = tuple(
        KeptFigure(
            f.name, f.published.scorer, f.published.value, f.published.unit, _round(f.claimed), _round(f.ours),
            _rounded(f.low), _rounded(f.high), f.outcome, f.reason, f.published.source,
            f.graded, f.published.computed,
        )
        for f in made.figures
    )  # fmt: skip
    means = {
        s.scorer: (s.version, *_three(s.estimate.value, s.estimate.low, s.estimate.high))
        if s.estimate
        else (s.version, None, None, None)
        for s in made.scorers
    }
    return KeptReplay(
        recording=made.recording,
        title=made.title,
        model=made.model,
        task=made.task,
        questions=made.questions,
        repeats=made.repeats,
        data=made.data,
        tally=asdict(made.tally),
        means=means,
        counts={s.scorer: asdict(s.counts) for s in made.scorers},
        figures=figures,
        compared=made.agreement.compared if made.agreement else 0,
        judge=made.agreement.first if made.agreement else "",
        differences=_by_cause(made.agreement) if made.agreement else (),
        groups={g.name: (g.questions, _round(g.value)) for g in made.groups},
        source=made.source,
        licence=made.licence,
    )


def _by_cause(agreement: Agreement) -> tuple[Cause, ...]:
    found: dict[str, list[str]] = {}
    for difference in agreement.differences:
        found.setdefault(difference.cause or UNEXPLAINED, []).append(difference.sample)
    return tuple(Cause(cause, len(s), tuple(dict.fromkeys(s))) for cause, s in sorted(found.items()))


def _round(value: float) -> float:
    return round(value, 6)


def _rounded(value: float | None) -> float | None:
    return None if value is None else _round(value)


def _three(a: float, b: float | None, c: float | None) -> tuple[float, float | None, float | None]:
    return _round(a), _rounded(b), _rounded(c)


def folder() -> Path:
    """results/rescored."""
    return places.results() / "rescored"


def write_kept(made: Replayed) -> Path:
    """Writes results/rescored/<recording>.json."""
    path = folder() / f"{made.recording}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(as_kept(made)), indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path


@cache
def _read(path: Path, changed: int) -> KeptReplay:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        figures = tuple(KeptFigure(**f) for f in data.pop("figures"))
        differences = tuple(Cause(d["cause"], d["outputs"], tuple(d["samples"])) for d in data.pop("differences"))
        means = {name: tuple(value) for name, value in data.pop("means").items()}
        groups = {name: tuple(value) for name, value in data.pop("groups").items()}
        return KeptReplay(**data, figures=figures, differences=differences, means=means, groups=groups)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not a kept replay ({error}); harness replay --all --record writes it anew."
        ) from error


def kept_replays() -> tuple[KeptReplay, ...]:
    """All committed results, by recording. Raises ConfigError for a file that is none."""
    place = folder()
    if not place.is_dir():
        return ()
    with os.scandir(place) as entries:
        found = sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.name.endswith(".json"))
    return _all(place, tuple(found))


@lru_cache(maxsize=1)
def _all(place: Path, files: tuple[tuple[str, int], ...]) -> tuple[KeptReplay, ...]:
    """`files`: name and time of change of each; verdicts ask for them hundreds of times."""
    return tuple(_read(place / name, changed) for name, changed in files)
