"""`harness plan`, `harness run`, `harness score`: what needs a model, and judging its outputs again."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from harness import claims, judging, plan, scoring
from harness.cli.output import Json, console, note, show, write_json
from harness.errors import HarnessError, UnknownName
from harness.records import Precision, Verdict
from harness.store import RunStore

Targets = Annotated[
    list[str] | None, typer.Argument(help="Claims (C082), a model (qwq-32b, a folder, a hub id) or a suite.")
]
SuiteName = Annotated[str | None, typer.Option("--suite", help="A suite of configs/suites, e.g. smoke.")]
PrecisionName = Annotated[str | None, typer.Option("--precision", help="bf16, fp16, fp32 …; the model's own otherwise.")]
EngineName = Annotated[str | None, typer.Option("--engine", help="transformers (default) or scripted.")]
Repeats = Annotated[int | None, typer.Option("--repeats", min=1, help="Generations per question.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N questions: no verdict then.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="Instead of the claims' own, e.g. greedy.")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", min=1, help="Output tokens, instead of the protocol's.")]
TaskNames = Annotated[list[str] | None, typer.Option("--task", help="A task (ours or any of lm-eval's); may repeat.")]
TasksDir = Annotated[Path | None, typer.Option("--tasks-dir", help="A folder with lm-eval task YAMLs of your own.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="A folder with the datasets' files.")]
Rows = Annotated[int | None, typer.Option("--rows", min=1, help="Generations at a time.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command("plan")(show_plan)
    app.command("run")(run)
    app.command("score")(score)


def show_plan(
    targets: Targets = None, suite: SuiteName = None, precision: PrecisionName = None, engine: EngineName = None,
    repeats: Repeats = None, limit: Limit = None, device: Device = "auto", protocol: ProtocolName = None,
    max_tokens: MaxTokens = None, task: TaskNames = None, tasks_dir: TasksDir = None, data_dir: DataDir = None,
    rows: Rows = None, as_json: Json = False,
) -> None:  # fmt: skip
    """What would be run, whether it fits this machine, and what it would decide; nothing is loaded."""
    options = _options(locals())
    made = plan.make_plan(_some(targets, suite), suite, options)
    lines = [_plan_line(run, made.options) for run in made.runs]
    without = [c.id for c in made.claims if not any(w.claim.id == c.id for r in made.runs for w in r.wanted)]
    if as_json:
        write_json("plan", {"runs": lines, "claims_without_run": without})
        return
    from harness.report.machine import plan_table

    show(plan_table(lines, console(stderr=False).width))
    if without:
        note(f"No run is needed, or possible, for: {', '.join(without)} (harness report {without[0]} …).")


def run(
    targets: Targets = None, suite: SuiteName = None, precision: PrecisionName = None, engine: EngineName = None,
    repeats: Repeats = None, limit: Limit = None, device: Device = "auto", protocol: ProtocolName = None,
    max_tokens: MaxTokens = None, task: TaskNames = None, tasks_dir: TasksDir = None, data_dir: DataDir = None,
    rows: Rows = None,
    resume: Annotated[str | None, typer.Option(help="Continue this run; refused if the settings differ.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Runs what decides the targets, scores it and prints the verdicts. An interrupted run goes on by itself."""
    options = _options(locals())
    made = plan.make_plan(_some(targets, suite), suite, options)
    finished = _execute(made, resume, quiet or as_json)
    found = judging.judge_claims(made.claims, judging.local_runs())
    _print_verdicts(found, finished, made, as_json)
    blocked = [r for r in made.runs if r.blocked]
    if blocked and not finished and len(blocked) == len(made.runs):
        raise typer.Exit(1)


def score(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or its unique beginning.")],
    scorer: Annotated[str | None, typer.Option(help="Another of the task's scorers, beside the judging one.")] = None,
    tasks_dir: TasksDir = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Judges a run's stored generations with the present graders; no model is loaded."""
    with RunStore.open(name) as store:
        task = scoring.task_of(store, tasks_dir, data_dir)
        used = scoring.score_run(store, task, scorer)
        estimate, counts = scoring.measured(store, task.version, used)
        registered = [r.claim for r, _ in store.registrations()]
        payload = {"run": store.name, "scorer": used, "version": task.version, "estimate": estimate, "counts": counts}
    if as_json:
        write_json("score", payload)
        return
    value = "no complete round" if estimate is None else f"{estimate.value:.2%}"
    note(f"{payload['run']}: {used} {value}, {counts.scored:,} scored of {counts.planned:,}")
    if registered:
        from harness.cli.see_commands import print_table

        chosen = [claims.find_claim(c) for c in dict.fromkeys(registered)]
        print_table(judging.judge_claims(chosen, judging.local_runs()))


def _execute(made: plan.Plan, resume: str | None, quiet: bool) -> list[str]:
    """Runs and scores what can be run; names what cannot. Returns the names of the runs."""
    from harness import runner
    from harness.report.progress import RunProgress

    runnable = [r for r in made.runs if not r.blocked]
    for blocked in made.runs:
        if blocked.blocked:
            note(f"{blocked.model.id} on {blocked.task} is not run: {blocked.blocked}")
    if resume and len(runnable) != 1:
        raise HarnessError(f"--resume continues one run, but these targets make {len(runnable)}.")
    names = []
    for planned in runnable:
        watch = RunProgress(quiet=quiet)
        done = runner.execute(planned, made.options, watch, name=resume, again=_again())
        with RunStore.open(done.name) as store:
            scoring.score_run(store, plan.open_task(planned, made.options))
        names.append(done.name)
    return names


def _print_verdicts(
    found: Sequence[Verdict], finished: Sequence[str], made: plan.Plan, as_json: bool
) -> None:
    loose = [_loose(name) for name in finished]
    if as_json:
        write_json("run", {"runs": loose, "verdicts": found})
        return
    if found:
        from harness.cli.see_commands import print_table

        print_table(found)
    for entry in loose:
        value = "no complete round" if entry["estimate"] is None else f"{entry['estimate'].value:.2%}"
        note(f"{entry['run']}: {entry['scorer']} {value}, {entry['counts'].scored:,}/{entry['counts'].planned:,} scored")


def _loose(name: str) -> dict[str, Any]:
    with RunStore.open(name) as store:
        local = judging.local_run(store)
    assert local is not None
    return {
        "run": name, "folder": str(store.folder), "spec": local.spec, "scorer": local.scorer,
        "estimate": local.estimate, "counts": local.counts,
    }  # fmt: skip


def _some(targets: list[str] | None, suite: str | None) -> list[str]:
    if not targets and not suite:
        raise HarnessError("Name what to run: a claim (C082), a model (qwq-32b) or --suite smoke.")
    return targets or []


def _options(given: dict[str, Any]) -> plan.Options:
    precision = given["precision"]
    if precision is not None and precision not in get_args(Precision):
        raise UnknownName.of("precision", precision, get_args(Precision))
    return plan.Options(
        precision=cast(Precision | None, precision),
        engine=given["engine"],
        repeats=given["repeats"],
        limit=given["limit"],
        device=given["device"],
        protocol=given["protocol"],
        max_tokens=given["max_tokens"],
        tasks=tuple(given["task"] or ()),
        tasks_dir=given["tasks_dir"],
        data_dir=given["data_dir"],
        rows=given["rows"],
    )


def _again() -> str:
    return shlex.join(["harness", *sys.argv[1:]])


def _plan_line(run: plan.PlannedRun, options: plan.Options) -> Any:
    from harness.report.machine import PlanLine

    difference = plan.smallest_difference(run)
    fits, why = plan.fits(run)
    return PlanLine(
        run=f"{run.model.id}-{run.precision}-{run.task}",
        model=run.model.id,
        precision=run.precision,
        task=run.task,
        questions=run.questions or 0,
        repeats=run.repeats,
        generations=run.generations or 0,
        weights_gb=run.memory.weights / 1e9 if run.memory else None,
        kv_gb=run.memory.sequence / 1e9 if run.memory else None,
        fits=fits,
        fits_why=why,
        eta="",
        decides=tuple(dict.fromkeys(w.claim.id for w in run.wanted)),
        smallest_difference=None if difference is None else difference * 100,
        blocked_by=run.blocked or "",
        command=f"harness run {run.wanted[0].claim.id}" if run.wanted else f"harness run {run.model.id} --task {run.task}",
    )
