"""Asking a judge about a run's answers, one after the other; each reply is stored before the next is taken.

An answer with nothing in it to judge (the engine failed, the thought was not ended, it is empty) is never shown to a
judge. What the judge fails on stays unasked: the next start tries it again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from harness import recordings, tasks
from harness.asking import seed_for
from harness.errors import EngineError, StoreError, TaskError, UnknownName
from harness.opinions.judges import Judge
from harness.records import Generation, Request, Sample
from harness.store import RunStore
from harness.store.opinions import Opinion
from harness.tasks.scorers import JUDGED, load_scorer
from harness.tasks.scorers.opinions import OpinionScorer

# a judge that fails on so many requests and answers none is broken
_GIVE_UP_AFTER = 20

# Told how many opinions there are now, and how many are wanted at most.
Watch = Callable[[int, int], None]


def unwatched(done: int, total: int) -> None:
    """For when nobody looks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session with a judge gave: `asked` opinions in `seconds` of the judge's time.

    `spared`: answers about which nobody had to be asked. `failed` requests are still to be made.
    """

    scorer: str
    judge: str
    asked: int = 0
    spared: int = 0
    failed: int = 0
    seconds: float = 0.0
    first_failure: str | None = None


def ask_judge(
    store: RunStore, task: tasks.Task, judge: Judge, watch: Watch = unwatched, *, scorer: str | None = None
) -> Asked:
    """Asks about every stored answer that this judge has not been asked about; from now on the run is scored on what it
    said. `scorer`: which of the task's scorers wants it (None: the first that wants a judge).

    Raises TaskError where no scorer of the task wants one, UnknownName, StoreError (a spoken answer that nobody has
    written down), EngineError where the judge answers nothing.
    """
    session = _Session(store, task, judge, _wanting(task, scorer), watch)
    for generation in judge.engine.generate(session.requests()):
        session.take(generation)
    store.choose_opinions(session.scorer.name, session.by)
    return session.result


def _wanting(task: tasks.Task, scorer: str | None) -> OpinionScorer:
    wanting = [name for name in task.scorers if name in JUDGED]
    if not wanting:
        raise TaskError(f"{task.id} is scored by rules ({', '.join(task.scorers)}): no judge has to be asked.")
    if scorer is not None and scorer not in wanting:
        raise UnknownName.of(f"scorer of {task.id} that wants a judge", scorer, wanting)
    return cast(OpinionScorer, load_scorer(scorer or wanting[0]))


class _Session:
    """Gives the engine what is to be judged and stores what it said."""

    def __init__(self, store: RunStore, task: tasks.Task, judge: Judge, scorer: OpinionScorer, watch: Watch) -> None:
        self._store = store
        self._task = task
        self._judge = judge
        self._watch = watch
        self._listener = _listener(store, task)
        self.scorer = scorer
        self.by = judge.asked(scorer.name, scorer.protocol, self._listener)
        self._sampling = judge.sampling(scorer.protocol)
        self._total = store.generated() * scorer.protocol.asks - store.count_opinions(self.by.name)
        self.result = Asked(scorer.name, self.by.name)
        watch(0, self._total)

    def requests(self) -> Iterator[Request]:
        """One for every opinion that is missing, made as they are taken."""
        asks = self.scorer.protocol.asks
        for sample, generation in self._pairs():
            answer = self._answer(sample, generation)
            if answer is None or self.scorer.settled(sample, answer) is not None:
                self._total -= asks
                self.result = replace(self.result, spared=self.result.spared + 1)
                continue
            known = {o.ask for o in self._store.opinions(self.by.name, sample.id, generation.repeat)}
            messages = self.scorer.protocol.request(self.scorer.parts(sample, answer), self._judge.wording)
            for ask in range(asks):
                if ask not in known:
                    place = generation.repeat * asks + ask
                    seed = seed_for(self._store.spec.seed, f"{self.scorer.name}/{sample.id}", place)
                    yield Request(sample.id, place, self._sampling, seed, messages=messages)

    def take(self, generation: Generation) -> None:
        """Stores what was said; counts what was not. Raises EngineError where the judge says nothing at all."""
        done = self.result
        if generation.finish_reason in ("error", "cancelled"):
            first = done.first_failure or generation.error or generation.finish_reason
            self.result = replace(done, failed=done.failed + 1, first_failure=first)
            if self.result.failed >= _GIVE_UP_AFTER and not done.asked:
                raise EngineError(f"The judge {self.by.name} failed on all of {self.result.failed} requests: {first}")
            return
        repeat, ask = divmod(generation.repeat, self.scorer.protocol.asks)
        reason = "the reply reached the judge's limit" if generation.finish_reason == "length" else None
        self._store.add_opinion(
            Opinion(
                generation.sample_id, repeat, self.by.name, ask, generation.text, generation.seconds, reason
            )
        )  # fmt: skip
        self.result = replace(done, asked=done.asked + 1, seconds=done.seconds + generation.seconds)
        self._watch(self.result.asked, self._total)

    def _pairs(self) -> Iterator[tuple[Sample, Generation]]:
        """Every stored answer with its sample: both come in the questions' order."""
        samples = self._task.samples(self._store.spec.limit)
        sample: Sample | None = None
        for generation in self._store.generations():
            while sample is None or sample.id != generation.sample_id:
                sample = next(samples, None)
                if sample is None:
                    raise StoreError(f"The task {self._task.id} has no question {generation.sample_id} any more.")
            yield sample, generation

    def _answer(self, sample: Sample, generation: Generation) -> str | None:
        """The text that scoring would give the scorer; None where there is none to judge."""
        if generation.finish_reason in ("error", "cancelled"):
            return None
        text: str | None = generation.text
        if self._listener:
            transcript = self._store.transcript(self._listener, sample.id, generation.repeat)
            text = transcript.text if transcript else None
        elif self._task.scored_text == "answer":
            text = tasks.split_thinking(generation.text, cast(tasks.Policy, self._store.spec.thinking)).answer
        return text if text and text.strip() else None


def _listener(store: RunStore, task: tasks.Task) -> str:
    """Whose transcripts are judged; "" where the answers are written. Raises StoreError before anybody has listened."""
    if task.scored_text != "speech" or store.spec.engine == recordings.ENGINE:
        return ""
    listener = store.listener()
    if listener is None:
        raise StoreError(f"Nobody has listened to {store.name} yet: harness listen {store.name} comes first.")
    return listener
