"""A score: measured here, else published, else how to measure it."""

from collections.abc import Sequence
from dataclasses import replace

from harness import claims, models, plan, tasks, verdicts
from harness.judging.runs import LocalRun
from harness.records import BenchmarkCheck, Claim, Figure, Registration, Verdict


def judge_benchmark(base: Verdict, claim: Claim, check: BenchmarkCheck, runs: Sequence[LocalRun]) -> Verdict:
    """The verdict on one benchmark check; `base` says which check of which claim."""
    against = claims.find_figure(check.against.reference) if check.against.reference else None
    base = replace(
        base,
        claimed=_figure_text(against) if against else f"{check.against.value:g}",
        claimed_from=check.against.reference or ("article" if claim.article else "claim file"),
        sources=tuple(dict.fromkeys(f.source for f in (_own(check), against) if f)),
    )
    base = _with_way(base, claim, check)
    measured = _measured(base, claim, check, runs)
    return measured or _published(base, check, against)


def _with_way(base: Verdict, claim: Claim, check: BenchmarkCheck) -> Verdict:
    """The command and hardware that would measure it, where there are weights and a task."""
    model = models.find_model(base.model)
    if model.weights == "closed":
        return replace(base, hardware=f"an API: the weights of {model.name} are closed")
    hardware = plan.hardware_for(model)
    if plan.task_of(check) not in tasks.task_names() and "task" not in check.chosen:
        return replace(base, hardware=f"{hardware}; and a task for {check.benchmark}, which there is none yet")
    return replace(base, command=f"harness run {claim.id}", hardware=hardware)


def _measured(base: Verdict, claim: Claim, check: BenchmarkCheck, runs: Sequence[LocalRun]) -> Verdict | None:
    """The verdict of the run that tells most about the check, with the other runs named."""
    fitting = [
        run
        for run in runs
        if run.spec.model == base.model and run.spec.task == plan.task_of(check) and run.estimate is not None
    ]
    if not fitting:
        return None
    registered = {r.name: (found, before) for r in fitting for found, before in r.registrations if _is(found, base)}
    fitting = [run for run in fitting if run.name in registered]
    if not fitting:
        return None
    native = models.find_model(base.model).native_precision
    best = max(fitting, key=lambda r: (r.spec.limit is None, r.spec.precision == native, r.counts.judged, r.name))
    registration, before = registered[best.name]
    assert best.estimate is not None
    finding = verdicts.judge_measured(
        best.estimate,
        registration,
        deviations=best.spec.deviations,
        planned_rounds=best.spec.repeats,
        family=len(best.registrations),
    )
    late = (f"registered after {before:,} generations",) if before else ()
    others = tuple(f"also run: {r.name}" for r in fitting if r is not best)
    return replace(
        base,
        precision=best.spec.precision,
        outcome=finding.outcome,
        evidence="measured",
        measured=f"{best.estimate.value * 100:.1f}",
        estimate=best.estimate,
        tolerance=finding.tolerance,
        reason=finding.reason,
        qualifiers=finding.qualifiers + late + others,
        deviations=best.spec.deviations,
        more=finding.more,
        command=base.command if finding.more else None,
        hardware=base.hardware if finding.more else None,
        run=best.name,
        scorer=best.scorer,
    )


def _is(registration: Registration, base: Verdict) -> bool:
    return (registration.claim, registration.check) == (base.claim, base.check)


def _published(base: Verdict, check: BenchmarkCheck, against: Figure | None) -> Verdict:
    own = _own(check)
    if own is None:
        return replace(base, reason="Not measured here, and no figure of its own is published.")
    finding = verdicts.judge_published(
        own, check.relation, against or _printed(check), tolerance=_own_tolerance(check, own)
    )
    return replace(
        base,
        outcome=finding.outcome,
        evidence="published",
        measured=_figure_text(own),
        tolerance=finding.tolerance,
        reason=finding.reason,
        qualifiers=finding.qualifiers,
    )


def _own(check: BenchmarkCheck) -> Figure | None:
    return claims.find_figure(check.reference) if check.reference else None


def _printed(check: BenchmarkCheck) -> float:
    assert check.against.value is not None
    return check.against.value


def _own_tolerance(check: BenchmarkCheck, figure: Figure) -> float | None:
    """The claim's own tolerance, where it sets one: percentage points as a fraction, else in the figure's unit."""
    points = check.chosen.get("tolerance", check.stated.get("tolerance"))
    if points is None:
        return None
    return float(points) / 100 if figure.unit in ("percent", "fraction") else float(points)


def _figure_text(figure: Figure) -> str:
    if isinstance(figure.value, str):
        return figure.value
    return (
        f"{figure.value:.1f}"
        if figure.unit in ("percent", "points") and figure.value == round(figure.value, 1)
        else f"{figure.value:g}"
    )
