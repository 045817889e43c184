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
from harness.errors import EngineError, HarnessError, Interrupted, TaskError
from harness.models.hub import fetch_weights, weights_name
from harness.plan import STOPS_DROPPED, Options, PlannedRun, open_task, run_seed
from harness.records import Deviation, Generation, Message, Request, RunSpec, Sample, Sampling
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
    template = _uses_template(run, task, info)
    # without the template nobody opens a thought for the model, but it may open one
    thinking = "output" if info.thinking == "prompt" and not template else info.thinking
    sampling, dropped = _without_stops(run, info) if template else (run.sampling or Sampling(), ())
    return RunSpec(
        model=run.model.id,
        weights=_weights(run, engine),
        precision=run.precision,
        task=run.task,
        task_version=task.version,
        dataset=task.dataset_fingerprint(),
        protocol=run.protocol.id if run.protocol else "task",
        system_prompt=run.protocol.system_prompt if run.protocol and template else None,
        chat_template=template,
        template=info.template_sha256,
        thinking=thinking,
        sampling=sampling,
        repeats=run.repeats,
        limit=run.limit if run.limit and run.limit < questions else None,
        seed=run_seed(),
        engine=info.name,
        engine_version=info.version,
        device=info.device,
        questions=min(questions, run.limit or questions),
        model_path=str(run.folder or ""),
        deviations=(*run.deviations, *dropped),
    )


def _uses_template(run: PlannedRun, task: tasks.Task, info: engines.EngineInfo) -> bool:
    """Whether prompts go through the chat template.

    Where nobody says, they do if there is one, but choices are compared behind the raw text, as in lm-eval. Behind
    a thought that the template has just opened no choice could be the answer. Raises TaskError for that.
    """
    sample = next(task.samples(1), None)
    if sample is not None and not sample.messages:
        return False
    choices = sample is not None and bool(sample.choices)
    template = run.chat_template if run.chat_template is not None else bool(info.template_sha256) and not choices
    if template and choices and info.thinking == "prompt":
        raise TaskError(
            f"The chat template of {run.model.id} opens a thought, so the likelihood of the choices of {run.task} "
            f"behind it says nothing: pass --no-chat-template."
        )
    return template


def _without_stops(run: PlannedRun, info: engines.EngineInfo) -> tuple[Sampling, tuple[Deviation, ...]]:
    """The run's sampling; of a model that only its template shows to think, without the task's stop strings."""
    sampling = run.sampling or Sampling()
    if run.protocol is not None or info.thinking == "none" or not sampling.stop:
        return sampling, ()
    return sampling.model_copy(update={"stop": ()}), (STOPS_DROPPED,)


def _weights(run: PlannedRun, engine: engines.Engine) -> str:
    """Which weights these are: the hub's commit, a fingerprint of the folder, or the engine that needs none."""
    if run.folder is None:
        return engine.describe().name
    return weights_name(run.model, run.folder) or models.fingerprint(run.folder)


def request_for(sample: Sample, repeat: int, spec: RunSpec) -> Request:
    """The request of one sample in one round."""
    sample = tasks.with_template(sample) if spec.chat_template else tasks.without_template(sample)
    messages = sample.messages
    if spec.system_prompt and messages:
        messages = _with_system(spec.system_prompt, messages)
    return Request(
        sample_id=sample.id, repeat=repeat, sampling=spec.sampling, seed=seed_for(spec.seed, sample.id, repeat),
        messages=messages, prompt=sample.prompt, choices=sample.choices,
    )  # fmt: skip


def _with_system(prompt: str, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation under a system prompt; a task's own description follows in the same turn, as in lm-eval."""
    if messages[0].role == "system":
        return (Message("system", f"{prompt}\n\n{messages[0].content}"), *messages[1:])
    return (Message("system", prompt), *messages)


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
