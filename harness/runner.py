"""Runs one planned run: opens the engine, names the run by its full specification, generates what is missing.

Every generation is stored before the next is asked for. The same command continues an interrupted run where it
stopped.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from harness import engines, hub, models, tasks
from harness.asking import Enough, Missing, Watch, generate
from harness.discretion import without_secrets
from harness.errors import EngineError, HarnessError, Interrupted, TaskError
from harness.models.fetching import fetch_weights, weights_name
from harness.plan import STOPS_DROPPED, Options, PlannedRun, open_task, run_seed
from harness.provenance import Sitting
from harness.records import Deviation, MediaLimits, Registration, RunSpec, Sampling
from harness.specs import run_name, verdicts_hash
from harness.store import RunStore, run_names


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    name: str
    spec: RunSpec
    generated: int
    new: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A run about to begin: its engine is open, and `left` generations are still missing."""

    run: PlannedRun
    spec: RunSpec
    engine: engines.Engine
    left: int


# Told of every run before its first generation; may use the engine, which is idle.
Prepare = Callable[[Ready], None]
# Makes what may end a run early, of its task, its specification and the claims registered with it.
Decide = Callable[[tasks.Task, RunSpec, Sequence[Registration]], Enough]


def unprepared(ready: Ready) -> None:
    """For when nothing is to be done before."""


class Bench:
    """Keeps the engine of the last run open, for the next one may need the same: weights are loaded once.

    As a context it closes the engine.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._wants: tuple[object, ...] = ()
        self._engine: engines.Engine | None = None

    def prepared(self, run: PlannedRun) -> tuple[PlannedRun, engines.Engine]:
        """The run with its weights on this machine, and an engine for it.

        Raises HubError (weights that cannot be had), ModelError (a checkpoint that cannot be used), UnknownName,
        ConfigError.
        """
        if run.local:
            folder = run.folder or fetch_weights(run.model)
            hub.verify(folder)
            run = replace(run, folder=folder)
        setup, wants = self._setup(run), engine_key(run)
        if self._engine is None or wants != self._wants:
            self.close()
            self._engine = engines.open_engine(run.engine, spec=run.model, folder=run.folder, setup=setup)
            self._wants = wants
        return run, self._engine

    def _setup(self, run: PlannedRun) -> engines.Setup:
        options = self._options
        return engines.Setup(
            precision=run.precision,
            device=run.device,
            rows=options.rows,
            kv_precision=options.kv_precision,
            yarn=options.yarn,
            replicas=options.replicas,
            speech=run.speaks,
        )

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def engine_key(run: PlannedRun) -> tuple[object, ...]:
    """Runs of one command for which this is equal can share an engine."""
    return run.engine, run.model.id, run.precision, run.device, run.speaks


def execute(run: PlannedRun, options: Options, watch: Watch, *, name: str | None = None, again: str = "") -> Finished:
    """Generates what is missing of a run. `again` is the command that continues it, for the message on Ctrl-C.

    Raises HarnessError for everything that stops a run; what had finished is stored then.
    """
    with Bench(options) as bench:
        return Runner(bench, options, watch, again=again).execute(run, name=name)


class Runner:
    """Runs planned runs, one after another."""

    def __init__(
        self,
        bench: Bench,
        options: Options,
        watch: Watch,
        *,
        again: str = "",
        prepare: Prepare = unprepared,
        decide: Decide | None = None,
    ) -> None:
        """`decide` None: every run goes to its planned end."""
        self._decide = decide
        self._bench = bench
        self._options = options
        self._watch = watch
        self._again = again
        self._prepare = prepare

    def execute(self, run: PlannedRun, *, name: str | None = None) -> Finished:
        """As the function of this name; `name`: the stored run to go on with, refused if it is another."""
        options = self._options
        task = open_task(run, options)
        # before the weights: what cannot be fetched is known sooner, and no card waits for a download
        for pin in tasks.awaited(task):
            pin.fetch()
        run, engine = self._bench.prepared(run)
        spec = complete_spec(run, task, engine)
        with RunStore.create_or_resume(spec, name=name) as store:
            store.register(run.registrations)
            if options.retry_failed:
                store.reopen_failed()
            before, total = store.generated(), spec.questions * spec.repeats
            registered = [registration for registration, _ in store.registrations()]
            enough = self._decide(task, spec, registered) if self._decide and registered else None
            missing = Missing(
                task, spec, store, logprobs=options.logprobs, horizon=enough.horizon if enough else lambda: None
            )
            with _stopping(store, spec, self._again):
                # nothing is measured for a run that has nothing to do
                watch = self._watch
                if before < total and not (enough and store.complete_rounds() and enough(store)):
                    self._prepare(Ready(run, spec, engine, total - before))
                    watch = Sitting(store, engine.describe(), options.replicas, watch)
                watch.start(total, before, store.name, engine.live, spec.sampling.max_tokens if run.generates else 0)
                try:
                    generate(engine, missing, store, watch, enough)
                finally:
                    watch.finish()
            return Finished(store.name, spec, store.generated(), store.generated() - before)


def missing_of(run: PlannedRun, options: Options, engine: engines.Engine) -> int:
    """How many generations a run still misses that this engine would make."""
    spec = complete_spec(run, open_task(run, options), engine)
    total = spec.questions * spec.repeats
    if run_name(spec) not in run_names():
        return total
    with RunStore.open(run_name(spec)) as store:
        return total - store.generated()


@contextlib.contextmanager
def _stopping(store: RunStore, spec: RunSpec, again: str) -> Iterator[None]:
    """Whatever ends a run early says what is stored and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        stopped: HarnessError = Interrupted(f"Stopped: {_so_far(store, spec)}; continue with: {again}")
    except HarnessError as error:
        error.run = store.name
        raise
    except Exception as error:  # noqa: BLE001  the libraries below raise whatever they like; nothing stored is lost
        why = without_secrets(f"{type(error).__name__}: {error}".strip().splitlines()[0])
        stopped = EngineError(f"The engine stopped ({why}): {_so_far(store, spec)}; again: {again}")
        stopped.__cause__ = error
    else:
        return
    stopped.run = store.name
    raise stopped


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
        system_prompt=_system_prompt(run) if template else None,
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
        kv_precision=info.kv_precision,
        yarn=info.yarn,
        media=_media_limits(run, task),
        voice=_voice(run),
        verdicts=verdicts_hash(run.registrations),
    )


def _system_prompt(run: PlannedRun) -> str | None:
    return run.protocol.system_prompts.get(run.task, run.protocol.system_prompt) if run.protocol else None


def _media_limits(run: PlannedRun, task: tasks.Task) -> MediaLimits | None:
    """The protocol's limits, or the defaults, of a task that shows or plays something; its first sample tells."""
    sample = next(task.samples(1), None)
    if sample is None or not any(message.media for message in sample.messages):
        return None
    return (run.protocol.media if run.protocol else None) or MediaLimits()


def _voice(run: PlannedRun) -> str | None:
    """The voice of spoken answers. Raises TaskError when they are judged and no voice is named."""
    if not run.speaks:
        return None
    voice = run.protocol.voice if run.protocol else None
    if voice is None:
        raise TaskError(f"{run.task} judges spoken answers: run it under a protocol that names a voice (--protocol).")
    return voice


def _uses_template(run: PlannedRun, task: tasks.Task, info: engines.EngineInfo) -> bool:
    """Whether prompts go through the chat template.

    Where nobody says, they do if there is one, but choices are compared behind the raw text, as in lm-eval. Behind
    a thought that the template has just opened no choice could be the answer. Raises TaskError for that.
    """
    sample = next(task.samples(1), None)
    if sample is not None and not sample.messages:
        return False
    choices = sample is not None and bool(sample.choices)
    media = sample is not None and any(message.media for message in sample.messages)
    if media and run.chat_template is False:
        raise TaskError(
            f"{run.task} shows or plays media, which stand in the chat template: leave out --no-chat-template."
        )
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
