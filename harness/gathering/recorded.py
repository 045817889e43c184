"""Whose outputs a replay holds, and what of its specification anybody stated."""

from dataclasses import replace

from harness.discretion import fit_to_show
from harness.gathering.records import UNSTATED, OutputStory, Recorded
from harness.recordings import ENGINE
from harness.records import RunSpec, Sampling
from harness.replaying.filling import OF_NO_PROTOCOL, UNSTATED_PRECISION
from harness.store import RunStore


def recorded_of(store: RunStore) -> Recorded | None:
    """Where the outputs of a replay come from; None for a run of ours.

    A replay of an earlier version kept neither title nor source; what it has otherwise than by default was stated.
    """
    spec = store.spec
    if spec.engine != ENGINE:
        return None
    noted = store.noted("stated")
    return Recorded(
        title=fit_to_show(store.noted("title") or ""),
        source=fit_to_show(store.noted("source") or ""),
        licence=fit_to_show(store.noted("licence") or ""),
        stated=frozenset(_otherwise(spec) if noted is None else noted.split()),
        graded=store.noted("graded"),
    )


def _otherwise(spec: RunSpec) -> list[str]:
    usual = Sampling()
    names = [f"sampling.{n}" for n in Sampling.model_fields if getattr(spec.sampling, n) != getattr(usual, n)]
    names += ["precision"] * (spec.precision != UNSTATED_PRECISION)
    return names + ["protocol"] * (spec.protocol != OF_NO_PROTOCOL)


def as_recorded(output: OutputStory, recorded: Recorded) -> OutputStory:
    """An output without the numbers that no recording gives, and without an end that it does not tell."""
    told = output.finish != "stop" or "finish" in recorded.stated
    return replace(
        output,
        finish=output.finish if told else UNSTATED,
        prompt_tokens=None,
        output_tokens=None,
        seconds=None,
        attempt=None,
    )
