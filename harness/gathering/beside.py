"""What others measured: independent figures, and recorded outputs graded by us."""

from collections.abc import Iterator, Sequence

from harness import claims, plan
from harness.gathering.records import Rescored
from harness.recordings import RECORDED
from harness.records import BenchmarkCheck, Claim, Figure, Recording
from harness.replaying.kept import KeptReplay


def independent_of(check: BenchmarkCheck, model: str) -> tuple[tuple[str, Figure], ...]:
    """("<model>/<figure>", figure) of third parties for the same model and benchmark, those that the check is decided
    by left out; they are shown anyway."""
    own = claims.find_figure(check.reference).benchmark if check.reference else check.benchmark
    named = {check.reference, check.against.reference}
    return tuple(
        (name, figure)
        for name, figure in claims.figures_of(model).items()
        if figure.confidence == "independent" and figure.benchmark in (check.benchmark, own) and name not in named
    )


Kept = Sequence[tuple[KeptReplay, Recording]]


def rescored_of(check: BenchmarkCheck, model: str, kept: Kept) -> tuple[Rescored, ...]:
    """Recorded outputs that measure a figure the check names, or answer the check's own task by its own model."""
    named = {check.reference, check.against.reference} - {None}
    task = plan.task_of(check)
    return _graded(
        replay
        for replay, recording in kept
        if recording.figure in named or (replay.model, recording.task) == (model, task)
    )


def rescored_beside(claim: Claim, kept: Kept) -> tuple[Rescored, ...]:
    """Recorded outputs that say they bear on the claim, whatever they measure."""
    return _graded(replay for replay, recording in kept if claim.id in recording.bears_on)


def _graded(replays: Iterator[KeptReplay]) -> tuple[Rescored, ...]:
    return tuple(made for kept in replays for made in _rescored(kept))


def _rescored(kept: KeptReplay) -> Sequence[Rescored]:
    """What we graded; nothing where the recorded marks are only handed on."""
    found = [(f.scorer, f.ours, f.low, f.high) for f in kept.figures if f.graded] or [
        (name, mean, low, high)
        for name, (_, mean, low, high) in kept.means.items()
        if mean is not None and not name.startswith(RECORDED)
    ]
    return [
        Rescored(
            recording=kept.recording,
            title=kept.title,
            model=kept.model,
            scorer=scorer,
            value=value,
            low=low,
            high=high,
            questions=kept.questions,
            source=kept.source,
        )
        for scorer, value, low, high in found[:1]
    ]
