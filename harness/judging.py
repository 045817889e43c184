"""The ledger judged: for every check of every claim the strongest evidence there is, and the verdict it gives.

Gathers (runs on this machine, inspections, recorded facts, published figures) and leaves the rules to
harness.verdicts. What has no evidence says what would give it: the command and the hardware.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import claims, models, places, plan, scoring, tasks, verdicts
from harness.errors import HarnessError, StoreError
from harness.inspection import structure_value
from harness.records import (
    BenchmarkCheck,
    Check,
    Claim,
    ConsistencyCheck,
    Counts,
    Estimate,
    Fact,
    FactCheck,
    Figure,
    ProbeCheck,
    Registration,
    RunSpec,
    StructureCheck,
    Verdict,
)
from harness.store import RunStore, run_names


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A scored run of this machine, as far as judging needs it. `registrations`: with generations made before."""

    name: str
    spec: RunSpec
    scorer: str
    estimate: Estimate | None
    counts: Counts
    registrations: tuple[tuple[Registration, int], ...]


def local_runs() -> tuple[LocalRun, ...]:
    """Every scored run below the runs folder. A folder that cannot be read is left out (`harness doctor` names it)."""
    found = []
    for name in run_names():
        try:
            with RunStore.open(name) as store:
                run = local_run(store)
        except StoreError:
            continue
        if run is not None:
            found.append(run)
    return tuple(found)


def local_run(store: RunStore) -> LocalRun | None:
    """The run as scored by its judging scorer; None if it was not scored yet."""
    judge = store.judge()
    if judge is None:
        return None
    scorer, version = judge
    value, counts = scoring.measured(store, version, scorer)
    return LocalRun(store.name, store.spec, scorer, value, counts, store.registrations())


def judge_claims(chosen: Sequence[Claim], runs: Sequence[LocalRun] = ()) -> tuple[Verdict, ...]:
    """Verdicts of every check of every claim, each claim's own (check -1) after its checks."""
    found: list[Verdict] = []
    for claim in chosen:
        parts = [_judge_check(claim, number, runs) for number in range(len(claim.checks))]
        found += parts
        found.append(verdicts.combine(claim, parts))
    return tuple(found)


def _judge_check(claim: Claim, number: int, runs: Sequence[LocalRun]) -> Verdict:
    check = claim.checks[number]
    base = Verdict(
        claim=claim.id,
        check=number,
        title=check.title or _title(check),
        model=check.subject or claim.subject,
        precision="",
        outcome="not_run",
        evidence="none",
        informative=check.informative,
    )
    match check:
        case BenchmarkCheck():
            return _benchmark(base, claim, check, runs)
        case StructureCheck():
            return _structure(base, check)
        case FactCheck():
            return _fact(base, check)
        case ConsistencyCheck():
            return _consistency(base, check)
        case ProbeCheck():
            claimed = f"{check.value}{' ' + check.unit if check.unit else ''}"
            return replace(base, claimed=claimed, claimed_from="chosen", hardware=check.needs, reason=check.needs)


def _title(check: Check) -> str:
    match check:
        case BenchmarkCheck():
            return check.benchmark
        case StructureCheck():
            return check.property + (f" relative to {check.ratio_to}" if check.ratio_to else "")
        case FactCheck():
            return check.fact.split("/", 1)[-1] + (f" minus {check.minus}" if check.minus else "")
        case ConsistencyCheck():
            return f"consistency {check.contradiction}"
        case ProbeCheck():
            return f"probe: {check.probe}"


# -- benchmarks: measured, else published, else how to measure


def _benchmark(base: Verdict, claim: Claim, check: BenchmarkCheck, runs: Sequence[LocalRun]) -> Verdict:
    against = claims.find_figure(check.against.reference) if check.against.reference else None
    base = replace(
        base,
        claimed=_figure_text(against) if against else f"{check.against.value:g}",
        claimed_from=check.against.reference or "article",
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
    native = models.find_model(base.model).native_precision
    best = max(fitting, key=lambda r: (r.spec.limit is None, r.spec.precision == native, r.counts.judged, r.name))
    registered = {(r.claim, r.check): (r, before) for r, before in best.registrations}
    if (claim.id, base.check) not in registered:
        return None
    registration, before = registered[claim.id, base.check]
    assert best.estimate is not None
    finding = verdicts.judge_run(
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
        run=best.name,
        scorer=best.scorer,
    )


def _published(base: Verdict, check: BenchmarkCheck, against: Figure | None) -> Verdict:
    own = _own(check)
    if own is None:
        if base.command:
            return replace(base, reason="not measured here, and no figure of its own is published")
        return replace(base, outcome="untestable", reason=f"no published figure, and it needs {base.hardware}")
    finding = verdicts.judge_published(own, check.relation, against or _printed(check), tolerance=_points(check))
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


def _points(check: BenchmarkCheck) -> float | None:
    """The claim's own tolerance as a fraction, where it sets one (in percentage points)."""
    points = check.chosen.get("tolerance", check.stated.get("tolerance"))
    return None if points is None else float(points) / 100


def _figure_text(figure: Figure) -> str:
    return figure.value if isinstance(figure.value, str) else f"{figure.value:g}"


# -- what needs no generations


def _structure(base: Verdict, check: StructureCheck) -> Verdict:
    try:
        value = structure_value(models.find_model(base.model), check.property)
        if check.ratio_to:
            value = _number(value) / _number(structure_value(models.find_model(check.ratio_to), check.property))
    except HarnessError as error:
        return replace(base, outcome="untestable", reason=str(error))
    finding = verdicts.judge_structure(
        value, check.relation, check.value, tolerance=_tolerance(check), unit=check.unit or _unit(check)
    )
    sources = tuple(s for m in (base.model, check.ratio_to) if m for s in models.find_model(m).sources)
    return _settled(base, finding, "inspected", verdicts.shown(check.value), verdicts.shown(value), sources)


def _unit(check: StructureCheck) -> str:
    return "" if check.ratio_to else check.property.split(".")[0]


def _number(value: Any) -> float:
    if not isinstance(value, int | float):
        raise HarnessError(f"A ratio needs numbers, not {value!r}.")
    return float(value)


def _fact(base: Verdict, check: FactCheck) -> Verdict:
    fact = claims.find_fact(check.fact)
    other = claims.find_fact(check.minus) if check.minus else None
    finding = verdicts.judge_fact(
        fact.value, check.relation, check.value, minus=other.value if other else None, tolerance=_tolerance(check)
    )
    weakest = "published" if "published" in {f.basis for f in (fact, other) if f} else "inspected"
    measured = verdicts.shown(fact.value) + (f" against {verdicts.shown(other.value)}" if other else "")
    sources = (fact.source, *((other.source,) if other else ()))
    return _settled(base, finding, weakest, verdicts.shown(check.value), measured, sources)


def _consistency(base: Verdict, check: ConsistencyCheck) -> Verdict:
    sides = [(f"{p.article}:{p.line}", p.printed, p.means) for p in check.places]
    facts = [(ref, claims.find_fact(ref)) for ref in check.facts]
    sides += [(ref, verdicts.shown(fact.value), fact.value) for ref, fact in facts]
    finding = verdicts.judge_consistency(sides, tolerance=_tolerance(check))
    first, *rest = (f"{printed} ({label})" for label, printed, _ in sides)
    return _settled(base, finding, "inspected", first, "; ".join(rest), tuple(f.source for _, f in facts))


def _tolerance(check: StructureCheck | FactCheck | ConsistencyCheck) -> float | None:
    value = check.chosen.get("tolerance", check.stated.get("tolerance"))
    return None if value is None else float(value)


def _settled(
    base: Verdict, finding: verdicts.Finding, evidence: Any, claimed: str, measured: str, sources: tuple[str, ...]
) -> Verdict:
    return replace(
        base,
        outcome=finding.outcome,
        evidence=evidence,
        claimed=claimed,
        claimed_from="article",
        measured=measured,
        tolerance=finding.tolerance,
        reason=finding.reason,
        qualifiers=finding.qualifiers,
        sources=tuple(dict.fromkeys(sources)),
    )


# -- what stands behind a claim, and what was concluded before


def figures_behind(claim: Claim) -> dict[str, Figure]:
    """The published figures a claim's checks name, by reference."""
    checks = [c for c in claim.checks if isinstance(c, BenchmarkCheck)]
    names = [name for c in checks for name in (c.reference, c.against.reference) if name]
    return {name: claims.find_figure(name) for name in names}


def facts_behind(claim: Claim) -> dict[str, Fact]:
    """The recorded facts a claim's checks name, by reference."""
    names: list[str] = []
    for check in claim.checks:
        if isinstance(check, FactCheck):
            names += [check.fact, *([check.minus] if check.minus else [])]
        elif isinstance(check, ConsistencyCheck):
            names += check.facts
    return {name: claims.find_fact(name) for name in names}


def verdicts_file() -> Path:
    """The committed verdicts of all claims, without runs of any one machine."""
    return places.results() / "verdicts.json"


def as_recorded(found: Sequence[Verdict]) -> str:
    """The text of verdicts.json for verdicts reached without runs of any one machine."""
    whole = {v.claim: {"outcome": v.outcome, "evidence": v.evidence, "reason": v.reason} for v in found if v.check < 0}
    return json.dumps({"verdicts": whole}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_verdicts(found: Sequence[Verdict]) -> None:
    """Writes results/verdicts.json."""
    verdicts_file().write_text(as_recorded(found), encoding="utf-8")


def recorded_verdicts() -> Mapping[str, Mapping[str, Any]]:
    """claim id → {outcome, evidence, reason} as committed; empty before the file was ever made."""
    try:
        content: dict[str, Any] = json.loads(verdicts_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HarnessError(f"{verdicts_file()} cannot be read ({error}): harness table writes it anew.") from error
    found: dict[str, Mapping[str, Any]] = content["verdicts"]
    return found
