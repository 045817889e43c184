"""Asking a judge about a run's answers, one after the other; each reply is stored before the next is taken.

An answer with nothing in it to judge (the engine failed, the thought was not ended, it is empty) is never shown to a
judge. What the judge fails on stays unasked: the next start tries it again. A reply that is not in the form asked for
is asked for again with another seed, as the official scripts do, up to AGAIN times; all of them are kept.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from harness import provenance, recordings, tasks
from harness.asking import seed_for
from harness.errors import EngineError, StoreError, TaskError, UnknownName
from harness.opinions.judges import AGAIN, Judge, sampling_again
from harness.opinions.reading import chains, current, readable, said_in
from harness.records import Generation, Request, Sample, Sampling
from harness.store import RunStore
from harness.store.opinions import Opinion
from harness.tasks.scorers import JUDGED, load_scorer
from harness.tasks.scorers.opinions import OpinionScorer
from harness.tasks.stored import answered

# a judge that fails on so many requests and answers none is broken
_GIVE_UP_AFTER = 20

# Told how many opinions there are now, and how many are wanted at most.
Watch = Callable[[int, int], None]


def unwatched(done: int, total: int) -> None:
    """For when nobody looks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session with a judge gave: `asked` opinions in `seconds` on the clock, `again` of them because a reply
    could not be read.

    `spared`: answers about which nobody had to be asked. `failed` requests are still to be made. `unreadable`: opinions
    of the whole run that could not be read, however often they were asked for. `chosen`: whether the run is scored on
    this judge from now on.
    """

    scorer: str
    judge: str
    asked: int = 0
    again: int = 0
    spared: int = 0
    failed: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    first_failure: str | None = None
    chosen: bool = False


def ask_judge(
    store: RunStore, task: tasks.Task, judge: Judge, watch: Watch = unwatched, *, scorer: str | None = None
) -> Asked:
    """Asks about every stored answer that this judge has not been asked about. From then on the run is scored on what
    it said; but one that failed on some of the answers does not take the place of another that was asked before.
    `scorer`: which of the task's scorers wants it (None: the first that wants a judge). No other process writes the
    run meanwhile.

    Raises TaskError where no scorer of the task wants one, UnknownName, StoreError (a spoken answer that nobody has
    written down, a run that is being written), ConfigError (a wording without what is asked about), EngineError where
    the judge answers nothing.
    """
    wanting = _wanting(task, scorer)
    judge.require_wording(wanting.protocol)
    store.hold()
    session = _Session(store, task, judge, wanting, watch)
    store.note_wording(session.by.name, judge.wording or wanting.protocol.wording)
    began = time.perf_counter()
    with provenance.other_sitting(store, "judging", session.by.name, judge.engine.describe()) as took:
        for attempt in range(2 + AGAIN):
            for generation in judge.engine.generate(session.requests(again=attempt > 0)):
                session.take(generation)
                if generation.finish_reason not in ("error", "cancelled"):
                    took(generation.seconds)
            if attempt and not session.requested:
                break
    session.require_some()
    before = current(store, wanting.name)
    chosen = not session.result.failed or before is None or before == session.by
    if chosen:
        store.choose_opinions(wanting.name, session.by)
    return replace(session.result, seconds=time.perf_counter() - began, chosen=chosen)


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
        self._scorer = scorer
        self._asks = scorer.protocol.asks
        # a request's repeat holds two numbers: the answer's repeat, and which reply about it this will be
        self._replies = self._asks * (1 + AGAIN)
        self._failed: set[tuple[str, int]] = set()
        self._sampling = judge.sampling(scorer.protocol)
        self.by = judge.asked(scorer.name, scorer.protocol, self._listener)
        self.requested = 0
        self._total = store.generated() * self._asks - store.count_opinions(self.by.name, self._asks)
        self.result = Asked(scorer.name, self.by.name)
        watch(0, self._total)

    def requests(self, *, again: bool) -> Iterator[Request]:
        """One for every opinion that is missing, or (`again`) could not be read; made as they are taken."""
        self.requested = 0
        self.result = replace(self.result, unreadable=0)
        for sample, generation in answered(self._store, self._task):
            answer = self._answer(sample, generation)
            if answer is None or self._scorer.settled(sample, answer) is not None:
                if not again:
                    self._total -= self._asks
                    self.result = replace(self.result, spared=self.result.spared + 1)
                continue
            messages = self._scorer.protocol.request(self._scorer.parts(sample, answer), self._judge.wording)
            for ask, times in self._missing(sample, generation.repeat, again=again):
                place = generation.repeat * self._replies + times * self._asks + ask
                if (sample.id, place) in self._failed:
                    continue
                self.requested += 1
                self._total += bool(times)
                yield Request(sample.id, place, self._how(times), self._seed(sample, generation, ask, times),
                              messages=messages)  # fmt: skip

    def _missing(self, sample: Sample, repeat: int, *, again: bool) -> Iterator[tuple[int, int]]:
        """Which opinions about an answer are to be asked for in this pass, and how often they were already."""
        known = self._store.opinions(self.by.name, sample.id, repeat)
        for ask, chain in enumerate(chains(known, self._asks)):
            if any(readable(self._scorer, sample, said_in(opinion, self.by.thinking)) for opinion in chain):
                continue
            if chain:
                self.result = replace(self.result, unreadable=self.result.unreadable + 1)
            if again == bool(chain) and len(chain) <= AGAIN:
                yield ask, len(chain)

    def _how(self, times: int) -> Sampling:
        return sampling_again(self._sampling, times) if times else self._sampling

    def _seed(self, sample: Sample, generation: Generation, ask: int, times: int) -> int:
        purpose = f"{self._scorer.name}/{sample.id}" + (f"/{times}" if times else "")
        return seed_for(self._store.spec.seed, purpose, generation.repeat * self._asks + ask)

    def take(self, generation: Generation) -> None:
        """Stores what was said; counts what was not. Raises EngineError where the judge says nothing at all."""
        done = self.result
        if generation.finish_reason in ("error", "cancelled"):
            self._failed.add((generation.sample_id, generation.repeat))
            first = done.first_failure or generation.error or generation.finish_reason
            self.result = replace(done, failed=len(self._failed), first_failure=first)
            if self.result.failed >= _GIVE_UP_AFTER:
                self.require_some()
            return
        repeat, ask = divmod(generation.repeat, self._replies)
        reason = "the reply reached the judge's limit" if generation.finish_reason == "length" else None
        self._store.add_opinion(
            Opinion(
                generation.sample_id, repeat, self.by.name, ask, generation.text, generation.seconds, reason
            )
        )  # fmt: skip
        self.result = replace(done, asked=done.asked + 1, again=done.again + (ask >= self._asks))
        self._watch(self.result.asked, self._total)

    def require_some(self) -> None:
        """Raises EngineError where there were requests and the judge failed on all of them."""
        done = self.result
        if done.failed and not done.asked:
            raise EngineError(f"The judge {self.by.name} failed on all of {done.failed} requests: {done.first_failure}")

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
