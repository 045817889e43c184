"""Two stored runs as one series of differences, and a claim about two models of which both were run here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.judging.runs import LocalRun
from harness.records import Deviation, Evidence, Registration, ScoreTable, Verdict
from harness.store import RunStore
from harness.tasks.scorers import AFTERWARDS, CIRCULAR, ERROR_RATES, JUDGED, WEIGHTED
from harness.tasks.scorers.options import together
from harness.verdicts.trials import rounding

if TYPE_CHECKING:
    from harness.verdicts.finding import Finding
    from harness.verdicts.shifts import Differences, Shift

Deviations = tuple[Deviation, ...]


def why_not_paired(first: LocalRun, second: LocalRun) -> str:
    """Why these two say nothing about one another question by question; empty where they do."""
    a, b = first.spec, second.spec
    both = f"{first.name} and {second.name}"
    if first.name == second.name:
        return f"{first.name} is one run: name another to compare it with."
    if a.task != b.task:
        return f"{both} answer other questions: one is a run of {a.task}, one of {b.task}."
    if (a.task_version, a.dataset) != (b.task_version, b.dataset):
        return (
            f"{both} are of two versions of {a.task} ({a.task_version}, rows {a.dataset}; {b.task_version}, rows "
            f"{b.dataset}): run one of them again."
        )
    if a.questions != b.questions:
        return f"{both} have other questions ({a.questions:,} and {b.questions:,}): use the same --limit for both."
    if first.version is None or second.version is None:
        bare = second.name if first.version else first.name
        return f"{bare} has no score: harness score {bare} makes it."
    if (first.scorer, first.version) != (second.scorer, second.version) or first.waits or second.waits:
        return _judged_otherwise(first, second)
    if first.scorer in ERROR_RATES or first.scorer in WEIGHTED:
        return f"{first.scorer} is no mean of scores between 0 and 1, so the differences of {both} have no bounds."
    if not first.estimate or not second.estimate:
        empty = second.name if first.estimate else first.name
        return f"{both} have no round in common: {empty} has none that is complete."
    return ""


def _judged_otherwise(first: LocalRun, second: LocalRun) -> str:
    """Why the scores of these two are not of one kind, and what makes them so."""
    both = f"{first.name} and {second.name}"
    if first.waits or second.waits:
        run = first if first.waits else second
        return f"{run.name} is not judged yet: {run.waits} comes first."
    if first.scorer == second.scorer and first.scorer in AFTERWARDS:
        asked = "harness judge RUN --by MODEL" if first.scorer in JUDGED else "harness listen RUN --speaker MODEL"
        return (
            f"{both} are not judged by the same model ({first.version} and {second.version}): {asked} asks one model "
            "about each of them, then harness score RUN."
        )
    return (
        f"{both} are not judged alike (by {first.scorer} {first.version} and {second.scorer} {second.version}): "
        "harness score RUN judges each of them anew."
    )


def differences_of(first: LocalRun, second: LocalRun, names: tuple[str, str]) -> Differences:
    """First minus second in the rounds that both have whole. Raises StoreError where they do not pair."""
    from harness.verdicts.shifts import differences

    why = why_not_paired(first, second)
    if why:
        raise StoreError(why)
    one, other = _table(first), _table(second)
    if set(one.samples) != set(other.samples):
        missing = len(set(one.samples) ^ set(other.samples))
        raise StoreError(
            f"{first.name} and {second.name} have other questions ({missing:,} are in one of them only): "
            "use the same rows for both."
        )
    planned = min(first.spec.repeats, second.spec.repeats)
    try:
        return replace(differences(one, other, planned=planned), names=names)
    except ValueError as error:
        raise StoreError(f"{first.name} and {second.name} cannot be compared: {error}.") from error


def _table(run: LocalRun) -> ScoreTable:
    assert run.version is not None  # only scored runs come here
    with RunStore.open(run.name) as store:
        table = store.score_table(run.scorer, run.version)
    return together(table) if run.scorer in CIRCULAR else table


@dataclass(frozen=True, slots=True)
class AgainstRun:
    """A claim about two models, decided by runs of both."""

    rival: LocalRun
    finding: Finding
    shift: Shift
    mean: float


def against_run(
    run: LocalRun,
    rivals: Sequence[LocalRun],
    registration: Registration,
    deviations: tuple[Deviations, Sequence[Deviations]],
    *,
    one_of: int = 1,
) -> AgainstRun | None:
    """The claim that was registered with `run`, judged by the first of `rivals` that pairs with it; None: none does.

    `deviations`: of the run, and of each rival.
    """
    from harness.verdicts.paired import judge_paired

    own, of_rival = deviations
    for rival, theirs in zip(rivals, of_rival, strict=True):
        if why_not_paired(run, rival):
            continue
        try:
            found = differences_of(run, rival, (run.spec.model, rival.spec.model))
        except StoreError:
            # not the same rows: as if it had not been run
            continue
        finding, shift = judge_paired(
            found,
            registration.relation,
            max(registration.tolerance, rounding(registration.printed_decimals)),
            family=run.family,
            one_of=one_of,
            deviations=(own, theirs),
        )
        return AgainstRun(rival, finding, shift, found.means[1])
    return None


def with_rival(base: Verdict, paired: AgainstRun) -> Verdict:
    """What the claim is held against is now measured too."""
    model, published = paired.rival.spec.model, f"{base.claimed} ({base.claimed_from})"
    remark = f"compared with our own run of {model} ({paired.rival.name}), not with the published {published}"
    return replace(
        base,
        claimed=f"{100 * paired.mean:.1f}",
        claimed_from=f"{model}, measured here",
        qualifiers=(remark, *base.qualifiers),
    )


def weaker(run: LocalRun, paired: AgainstRun | None) -> Evidence:
    """A verdict that needs two runs is as strong as the weaker of them."""
    kinds = {run.evidence, paired.rival.evidence if paired else run.evidence}
    return "rescored" if "rescored" in kinds else "measured"
