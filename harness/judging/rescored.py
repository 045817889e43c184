"""What committed replays say beside a claim: independent outputs of the same model, graded by us."""

from collections.abc import Sequence
from functools import lru_cache

from harness.recordings import RECORDED, load_recording, recording_names
from harness.records import BenchmarkCheck, Claim, Recording
from harness.replaying.kept import KeptReplay, kept_replays

Kept = Sequence[tuple[KeptReplay, Recording]]
"""Committed replays, each with its recording."""


def beside_check(check: BenchmarkCheck, replays: Kept) -> tuple[str, ...]:
    """One line for each recording that is another measurement of a figure the check names."""
    named = {check.reference, check.against.reference} - {None}
    return tuple(_line(kept, recording) for kept, recording in replays if recording.figure in named)


def beside_claim(claim: Claim, replays: Kept) -> tuple[str, ...]:
    """One line for each recording that says it bears on this claim."""
    return tuple(_line(kept, recording) for kept, recording in replays if claim.id in recording.bears_on)


def kept_recordings() -> Kept:
    """All of them."""
    return _paired(kept_replays())


@lru_cache(maxsize=1)
def _paired(kept: tuple[KeptReplay, ...]) -> tuple[tuple[KeptReplay, Recording], ...]:
    known = set(recording_names())
    return tuple((k, load_recording(k.recording)[0]) for k in kept if k.recording in known)


def _line(kept: KeptReplay, recording: Recording) -> str:
    """`rescored: IFEval, strict, o1-mini (o1-mini): 79.1 by prompt_strict over 541 questions; results/rescored.md`.

    What we graded comes before marks that are only handed on.
    """
    graded = [f"{100 * f.ours:.1f} by {f.scorer}" for f in kept.figures if f.graded][:1] or [
        f"{100 * mean:.1f} by {name}"
        for name, (_, mean, _, _) in kept.means.items()
        if mean is not None and not name.startswith(RECORDED)
    ][:1]
    added = [f"the recorded marks add up to {100 * f.ours:.1f}" for f in kept.figures if not f.graded][:1]
    found = ", ".join((*graded, *added)) or "no mean"
    word = "rescored" if graded else "as recorded"
    return f"{word}: {kept.title} ({kept.model}): {found} over {kept.questions:,} questions; results/rescored.md"
