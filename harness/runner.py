"""Runs one planned run: opens the engine, names the run by its full specification, generates round by round.

Every generation is stored before the next is asked for. A failed generation is tried once more and then stored as
failed: it stays in the denominator. The same command continues an interrupted run where it stopped.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol as Interface

from harness import engines, models, tasks
from harness.errors import EngineError, HarnessError, Interrupted
from harness.models.hub import fetch_weights, weights_name
from harness.plan import Options, PlannedRun, open_task, run_seed
from harness.records import Generation, Message, Request, RunSpec, Sample, Sampling
from harness.store import RunStore

_ATTEMPTS = 2
# A run whose first generations all fail is a broken set-up, not a weak model.
_GIVE_UP_AFTER = 20
# Questions noted (and held in memory) at a time.
_CHUNK = 256
# Up to this many samples are kept between rounds; beyond it rows are read again for every round.
_KEEP = 2000


class Watch(Interface):
    """Whoever shows progress."""

    def start(self, total: int, done: int, title: str) -> None: ...

    def update(self, generation: Generation) -> None: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    name: str
    spec: RunSpec
    generated: int
    new: int


def seed_for(run_seed: int, sample_id: str, repeat: int) -> int:
    """The generation's own seed, 63 bits: it depends on nothing but (run seed, question, repeat)."""
    digest = hashlib.sha256(f"{run_seed}/{sample_id}/{repeat}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def execute(run: PlannedRun, options: Options, watch: Watch, *, name: str | None = None, again: str = "") -> Finished:
    """Generates what is missing of a run. `again` is the command that continues it, for the message on Ctrl-C.

    Raises HarnessError for everything that stops a run; what had finished is stored then.
    """
    task = open_task(run, options)
    if run.engine == "transformers" and run.folder is None:
        run = replace(run, folder=fetch_weights(run.model))
    engine = engines.open_engine(
        run.engine, spec=run.model, folder=run.folder, precision=run.precision, device=run.device, rows=options.rows
    )
    with contextlib.closing(engine):
        spec = complete_spec(run, task, engine)
        with RunStore.create_or_resume(spec, name=name) as store:
            store.register(run.registrations)
            before = store.generated()
            watch.start(spec.questions * spec.repeats, before, store.name)
            rows = _sample_source(task, spec)
            try:
                for repeat in range(spec.repeats):
                    _round(repeat, rows, spec, engine, store, watch)
            except KeyboardInterrupt:
                raise Interrupted(f"Stopped: {_so_far(store, spec)}; continue with: {again}") from None
            except HarnessError:
                raise
            except Exception as error:  # the libraries below raise whatever they like; nothing stored is lost
                why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
                raise EngineError(f"The engine stopped ({why}): {_so_far(store, spec)}; again: {again}") from error
            finally:
                watch.finish()
            return Finished(store.name, spec, store.generated(), store.generated() - before)


def _so_far(store: RunStore, spec: RunSpec) -> str:
    return f"{store.generated():,} of {spec.questions * spec.repeats:,} generations of {store.name} are stored"


def complete_spec(run: PlannedRun, task: tasks.Task, engine: engines.Engine) -> RunSpec:
    """The run's full specification, once the engine and the rows are there."""
    info = engine.describe()
    questions = task.questions()
    return RunSpec(
        model=run.model.id,
        weights=_weights(run, engine),
        precision=run.precision,
        task=run.task,
        task_version=task.version,
        dataset=task.dataset_fingerprint(),
        protocol=run.protocol.id if run.protocol else "task",
        system_prompt=run.protocol.system_prompt if run.protocol else None,
        chat_template=run.chat_template if run.chat_template is not None else bool(info.template_sha256),
        template=info.template_sha256,
        thinking=info.thinking,
        sampling=run.sampling or Sampling(),
        repeats=run.repeats,
        limit=run.limit if run.limit and run.limit < questions else None,
        seed=run_seed(),
        engine=info.name,
        engine_version=info.version,
        device=info.device,
        questions=min(questions, run.limit or questions),
        model_path=str(run.folder or ""),
        deviations=run.deviations,
    )


def _weights(run: PlannedRun, engine: engines.Engine) -> str:
    """Which weights these are: the hub's commit, a fingerprint of the folder, or the engine that needs none."""
    if run.folder is None:
        return engine.describe().name
    return weights_name(run.model, run.folder) or models.fingerprint(run.folder)


def request_for(sample: Sample, repeat: int, spec: RunSpec) -> Request:
    """The request of one sample in one round."""
    if not spec.chat_template:
        sample = tasks.without_template(sample)
    messages = sample.messages
    if spec.system_prompt and messages:
        messages = (Message("system", spec.system_prompt), *messages)
    return Request(
        sample_id=sample.id, repeat=repeat, sampling=spec.sampling, seed=seed_for(spec.seed, sample.id, repeat),
        messages=messages, prompt=sample.prompt, choices=sample.choices,
    )  # fmt: skip


def _round(repeat: int, rows: "Rows", spec: RunSpec, engine: engines.Engine, store: RunStore, watch: Watch) -> None:
    """One round: everything missing is asked for, what fails or is never answered once more, then stored as failed."""
    done = store.done(repeat)
    if len(done) == spec.questions:
        return
    failed = 0
    samples = _noted(rows(), store) if repeat == 0 else rows()
    for generation in _answers(engine, (request_for(s, repeat, spec) for s in samples if s.id not in done)):
        if generation.finish_reason == "error":
            failed += 1
            store.add_failed_attempt(generation)
            _give_up(failed, generation, store)
        else:
            _keep(generation, store, watch)
    done = store.done(repeat)
    if len(done) == spec.questions:
        return
    for generation in _answers(engine, (request_for(s, repeat, spec) for s in rows() if s.id not in done)):
        _keep(replace(generation, attempt=_ATTEMPTS), store, watch)
    done = store.done(repeat)
    for sample in (s for s in rows() if s.id not in done):
        request = request_for(sample, repeat, spec)
        _keep(replace(engines.failed(request, "the engine gave no answer"), attempt=_ATTEMPTS), store, watch)


def _keep(generation: Generation, store: RunStore, watch: Watch) -> None:
    store.add(generation)
    watch.update(generation)


def _give_up(failed: int, last: Generation, store: RunStore) -> None:
    if failed >= _GIVE_UP_AFTER and store.generated() == 0:
        raise EngineError(f"The first {failed} generations all failed, the last with: {last.error}")


def _answers(engine: engines.Engine, requests: Iterator[Request]) -> Iterator[Generation]:
    """Generations as they finish; requests with choices go to log-likelihoods."""
    head = list(itertools.islice(requests, 1))
    if not head:
        return
    every = itertools.chain(head, requests)
    yield from engine.loglikelihood(every) if head[0].choices else engine.generate(every)


Rows = Callable[[], Iterator[Sample]]


def _sample_source(task: tasks.Task, spec: RunSpec) -> Rows:
    """The run's samples, as often as there are rounds: kept in memory when they are few, else read again."""
    if spec.repeats > 1 and spec.questions <= _KEEP:
        kept = tuple(task.samples(spec.limit))
        return lambda: iter(kept)
    return lambda: task.samples(spec.limit)


def _noted(samples: Iterator[Sample], store: RunStore) -> Iterator[Sample]:
    """The same samples; their ids are stored chunk by chunk before they are used."""
    first = 0
    while chunk := list(itertools.islice(samples, _CHUNK)):
        store.add_questions(first, [sample.id for sample in chunk])
        first += len(chunk)
        yield from chunk
