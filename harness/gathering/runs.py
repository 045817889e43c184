"""Stored runs as a report tells of them: what they bear on, what they took, whether their questions may be shown."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness import plan
from harness.errors import StoreError
from harness.gathering.records import ClaimStory, Cost, RunStory
from harness.gathering.samples import scorers_of, why_withheld
from harness.judging.plans import questions_of
from harness.judging.runs import LocalRun, local_run
from harness.records import BenchmarkCheck
from harness.records.sessions import Session
from harness.specs import spec_hash
from harness.store import RunStore, find_run


def run_stories(
    stories: Sequence[ClaimStory], local: Sequence[LocalRun], named: Sequence[str], left_out: Callable[[str], None]
) -> tuple[RunStory, ...]:
    """Every scored run that bears on these claims, and those `named`, by name.

    A run bears on the claims registered with it, and on those about its task that name its model to be compared with;
    a rehearsal bears on none. Runs on the same questions come along: they share the error of the verdicts
    (harness.judging.plans). Raises UnknownName for a name that no run has, StoreError for a named run that cannot be
    read or is not scored.
    """
    wanted = {find_run(name) for name in named}
    known = {run.name for run in local}
    every = sorted((*local, *map(_scored, wanted - known)), key=lambda run: run.name)
    rivals = _rivals(stories)
    bears = {
        run.name: {r.claim for r, _ in run.registrations} | rivals.get((run.spec.model, run.spec.task), set())
        for run in every
        if not run.rehearsal or run.name in wanted
    }
    chosen = {story.claim.id for story in stories}
    told = {name for name, ids in bears.items() if name in wanted or ids & chosen}
    same = {questions_of(run.spec) for run in every if run.name in told and run.spec.verdicts}
    told |= {run.name for run in every if run.name in bears and run.spec.verdicts and questions_of(run.spec) in same}
    found = []
    for run in every:
        if run.name in told:
            try:
                found.append(_run_story(run, tuple(sorted(bears[run.name]))))
            except StoreError as error:
                left_out(str(error))
    return tuple(found)


def _rivals(stories: Sequence[ClaimStory]) -> dict[tuple[str, str], set[str]]:
    """(model, task) → claims in which that model's run would be compared with."""
    found: dict[tuple[str, str], set[str]] = {}
    for story in stories:
        for check in (told.check for told in story.checks):
            if isinstance(check, BenchmarkCheck) and check.against.reference and check.relation != "equals":
                rival = check.against.reference.partition("/")[0], plan.task_of(check)
                found.setdefault(rival, set()).add(story.claim.id)
    return found


def _scored(name: str) -> LocalRun:
    with RunStore.open(name) as store:
        run = local_run(store)
    if run is None:
        raise StoreError(f"The run {name} has no score: harness score {name} makes it.")
    return run


def _run_story(run: LocalRun, bears: tuple[str, ...]) -> RunStory:
    with RunStore.open(run.name) as store:
        sessions = store.sessions()
        return RunStory(
            # where the weights lie on this machine is nobody else's business
            run=replace(run, spec=replace(run.spec, model_path="")),
            spec_hash=spec_hash(run.spec),
            claims=bears,
            scorers=scorers_of(store),
            cost=_cost(store, sessions),
            sessions=sessions,
            withheld=why_withheld(store),
        )


def _cost(store: RunStore, sessions: Sequence[Session]) -> Cost:
    generations, asked, made = store.tokens()
    timed = store.timed()
    accelerated = [session.seconds * session.devices for session in sessions if session.devices]
    return Cost(
        generations=generations,
        prompt_tokens=asked,
        output_tokens=made,
        seconds=sum(session.seconds for session in sessions) if timed else None,
        device_seconds=sum(accelerated) if timed and accelerated else None,
    )
