"""Asking an engine for everything a run still misses, in one stream over all its rounds.

A generation that fails, or is never answered, is asked for once more in the same stream and then stored as failed:
it stays in the denominator. One whose prompt leaves no room in the context would fail again and is stored at once.
What an engine gives up (`cancelled`) is not stored: it is still missing, and a later start asks for it again.
Rounds are judged whole (STATISTICS §2) but not run one by one: the places of a batch that the last long answers of
a round leave empty are filled from the next.
"""

import contextlib
import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Protocol as Interface

from harness import engines, tasks
from harness.engines.base import Key
from harness.errors import EngineError
from harness.records import Generation, Media, MediaLimits, Message, Request, RunSpec, Sample
from harness.records.questions import Question, named
from harness.store import RunStore

_ATTEMPTS = 2
# A run whose first generations all fail is a broken set-up, not a weak model.
_GIVE_UP_AFTER = 20
# Questions noted (and held in memory) at a time.
_CHUNK = 256
# Up to this many samples are kept between rounds; beyond it rows are read again for every round.
_KEEP = 2000


class Enough(Interface):
    """Whoever may end a run before its planned end."""

    def __call__(self, store: RunStore) -> bool:
        """Asked when one more round is complete: is what is stored enough?"""
        ...

    def horizon(self) -> int | None:
        """How many rounds may be begun, as far as is known; None: all that are planned."""
        ...


class Watch(Interface):
    """Whoever shows progress.

    `live` says what the engine is doing now; `most` is how many tokens an output may have (0: not known, or none
    are generated).
    """

    def start(
        self, total: int, done: int, title: str, live: Callable[[], engines.Live] | None = None, most: int = 0
    ) -> None: ...

    def update(self, generation: Generation) -> None: ...

    def finish(self) -> None: ...


def seed_for(run_seed: int, sample_id: str, repeat: int) -> int:
    """The generation's own seed, 63 bits: it depends on nothing but (run seed, question, repeat)."""
    digest = hashlib.sha256(f"{run_seed}/{sample_id}/{repeat}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def request_for(sample: Sample, repeat: int, spec: RunSpec, *, logprobs: bool = False) -> Request:
    """The request of one sample in one round. `logprobs` asks for those of the output's tokens; no output changes."""
    sample = tasks.with_template(sample) if spec.chat_template else tasks.without_template(sample)
    messages = _ordered(sample.messages, spec.media)
    if spec.system_prompt and messages:
        messages = _with_system(spec.system_prompt, messages)
    return Request(
        sample_id=sample.id, repeat=repeat, sampling=spec.sampling, seed=seed_for(spec.seed, sample.id, repeat),
        messages=messages, prompt=sample.prompt, choices=sample.choices, logprobs=logprobs,
        limits=spec.media, voice=spec.voice,
    )  # fmt: skip


def _ordered(messages: tuple[Message, ...], limits: MediaLimits | None) -> tuple[Message, ...]:
    """Media before or behind the texts of their turn, where the protocol says so."""
    if limits is None or limits.order == "as-written":
        return messages
    first = limits.order == "media-first"
    return tuple(
        replace(m, parts=tuple(sorted(m.parts, key=lambda part: isinstance(part, Media) != first))) for m in messages
    )


def _with_system(prompt: str, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation under a system prompt; a task's own description follows in the same turn, as in lm-eval."""
    if messages[0].role == "system":
        return (Message("system", f"{prompt}\n\n{messages[0].content}"), *messages[1:])
    return (Message("system", prompt), *messages)


def question_of(sample: Sample, spec: RunSpec) -> Question:
    """What the run asks about one sample, to be kept with it."""
    request = request_for(sample, 0, spec)
    messages = tuple(
        replace(m, parts=tuple(named(part) if isinstance(part, Media) else part for part in m.parts)) if m.parts else m
        for m in request.messages
    )
    return Question(sample.id, messages, request.prompt, request.choices, sample.target)


class Missing:
    """The requests a run still misses, round by round, question by question, made as they are taken."""

    def __init__(
        self,
        task: tasks.Task,
        spec: RunSpec,
        store: RunStore,
        *,
        logprobs: bool = False,
        horizon: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`horizon`: how many rounds may be begun now (None: all of them)."""
        self._horizon = horizon
        self.held = False
        """Whether the last iteration ended at the horizon, with more missing behind it."""
        self._task = task
        self._spec = spec
        self._store = store
        self._logprobs = logprobs
        self._kept: tuple[Sample, ...] | None = None

    def __iter__(self) -> Iterator[tuple[Request, int]]:
        """Each with the number of attempts that have failed before. May be begun again: what is stored is left out."""
        self.held = False
        for repeat in range(self._spec.repeats):
            done = self._store.done(repeat)
            if len(done) == self._spec.questions:
                continue
            allowed = self._horizon()
            if allowed is not None and repeat >= allowed:
                self.held = True
                return
            failures = self._store.failed_attempts(repeat)
            samples = self._noted() if repeat == 0 else self._samples()
            for sample in samples:
                if sample.id not in done:
                    request = request_for(sample, repeat, self._spec, logprobs=self._logprobs)
                    yield request, failures.get(sample.id, 0)

    def _samples(self) -> Iterator[Sample]:
        """The run's samples: kept in memory when they are few and there are several rounds, else read again."""
        if self._spec.repeats == 1 or self._spec.questions > _KEEP:
            return self._task.samples(self._spec.limit)
        if self._kept is None:
            self._kept = tuple(self._task.samples(self._spec.limit))
        return iter(self._kept)

    def _noted(self) -> Iterator[Sample]:
        """The same; their ids and what they ask are stored chunk by chunk before they are used."""
        samples, first = self._samples(), 0
        while chunk := list(itertools.islice(samples, _CHUNK)):
            asked = [question_of(sample, self._spec) for sample in chunk]
            self._store.add_questions(first, [sample.id for sample in chunk], asked)
            first += len(chunk)
            yield from chunk


@dataclass
class _Asked:
    """A request that is out. `earlier`: attempts that failed before this start; `tries`: those of this start."""

    request: Request
    earlier: int
    tries: int = 0


class _Stream:
    """What the engine takes its requests from: what failed comes again before anything new.

    While nothing has succeeded yet, new requests come first: a set-up in which everything fails is then noticed
    before any failure is final. The engine may take more requests than it runs, to choose among them.
    """

    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self._new = iter(missing)
        self._again: deque[_Asked] = deque()
        self._out: dict[Key, _Asked] = {}
        self.failed = 0
        self.hopeless = 0
        self.succeeded = False
        self._ended = False

    def __iter__(self) -> Iterator[Request]:
        while not self._ended and (asked := self._next()) is not None:
            asked.tries += 1
            self._out[asked.request.sample_id, asked.request.repeat] = asked
            yield asked.request

    def _next(self) -> _Asked | None:
        if self._again and self.succeeded:
            return self._again.popleft()
        found = next(self._new, None)
        if found is not None:
            return _Asked(*found)
        return self._again.popleft() if self._again else None

    def answered(self, generation: Generation) -> _Asked:
        """Takes the request of an answer back in."""
        asked = self._out.pop((generation.sample_id, generation.repeat), None)
        if asked is None:
            raise EngineError(
                f"The engine answered {generation.sample_id}, repeat {generation.repeat}, twice or without being asked."
            )
        if generation.finish_reason == "error":
            self.failed += 1
        elif generation.finish_reason != "cancelled":
            self.succeeded = True
        return asked

    def ask_again(self, asked: _Asked) -> None:
        self._again.append(asked)

    def end(self) -> tuple[Key, ...]:
        """Gives nothing more, not even what has failed; names what is out."""
        self._new = iter(())
        self._ended = True
        self._again.clear()
        return tuple(self._out)

    def unanswered(self) -> list[_Asked]:
        """What the engine was asked and never answered, once it says that it has finished."""
        return [] if self._ended else list(self._out.values())

    def goes_on(self) -> bool:
        """Whether more is to be given, now that everything given has come: what failed, and what was held back. What
        fails after `end` waits for another start."""
        if self._ended:
            return False
        if self._missing.held:
            self._new = iter(self._missing)
            return True
        return bool(self._again)


class _Rounds:
    """Notices when one more round is complete, without counting everything again for each generation."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._questions = store.spec.questions
        self._left: dict[int, int] = {}
        self.complete = store.complete_rounds()

    def grew(self, repeat: int) -> bool:
        """Whether there are more complete rounds now that one more generation of this round is stored."""
        if repeat in self._left:
            self._left[repeat] -= 1
        else:
            self._left[repeat] = self._questions - len(self._store.done(repeat))
        if self._left[repeat]:
            return False
        before, self.complete = self.complete, self._store.complete_rounds()
        return self.complete > before


class _Taking:
    """Stores what comes, shows it, and says when a failure is to be asked for again."""

    def __init__(self, stream: _Stream, store: RunStore, watch: Watch, context: int) -> None:
        self._stream = stream
        self._store = store
        self._watch = watch
        self._context = context

    def take(self, generation: Generation) -> bool:
        """Whether it is stored now, for good."""
        asked = self._stream.answered(generation)
        if generation.finish_reason == "cancelled":
            return False
        numbered = replace(generation, attempt=asked.earlier + asked.tries)
        if generation.finish_reason == "error":
            if self._never_fits(generation, asked.request):
                self._stream.hopeless += 1
            elif asked.tries < _ATTEMPTS:
                self._store.add_failed_attempt(numbered)
                self._stream.ask_again(asked)
                return False
        self._store.add(numbered)
        self._watch.update(numbered)
        return True

    def _never_fits(self, failure: Generation, request: Request) -> bool:
        """A failure that a second attempt only repeats: prompt and output are more than the context holds."""
        wanted = 1 if request.choices else request.sampling.max_tokens
        return failure.prompt_tokens > 0 and failure.prompt_tokens + wanted > self._context


def generate(
    engine: engines.Engine, missing: Missing, store: RunStore, watch: Watch, enough: Enough | None = None
) -> None:
    """Asks for everything missing and stores what comes, until nothing is missing.

    `enough` is asked at the start and whenever one more round is complete (never in the middle of one: which outputs
    are judged must not depend on how long they took). When it says yes, what is under way is cancelled; when it is
    near, `missing` begins no more rounds than its horizon allows, so that little has to be thrown away.
    """
    stream, rounds = _Stream(missing), _Rounds(store)
    if enough is not None and rounds.complete and enough(store):
        return
    taking = _Taking(stream, store, watch, engine.describe().context)
    while True:
        with contextlib.closing(_answers(engine, iter(stream))) as answers:
            for generation in answers:
                stored = taking.take(generation)
                if stored and rounds.grew(generation.repeat) and enough is not None and enough(store):
                    engine.cancel(stream.end())
                _give_up_if_nothing_works(stream, store, generation)
        for asked in stream.unanswered():
            taking.take(engines.failed(asked.request, "the engine gave no answer"))
        if not stream.goes_on():
            return


def _give_up_if_nothing_works(stream: _Stream, store: RunStore, last: Generation) -> None:
    if stream.succeeded or stream.failed < _GIVE_UP_AFTER or last.error is None:
        return
    if store.generated() == stream.hopeless:
        raise EngineError(f"The first {stream.failed} generations all failed, the last with: {last.error}")


def _answers(engine: engines.Engine, requests: Iterator[Request]) -> Generator[Generation, None, None]:
    """Generations as they finish; requests with choices go to log-likelihoods."""
    head = list(itertools.islice(requests, 1))
    if not head:
        return
    every = itertools.chain(head, requests)
    yield from engine.loglikelihood(every) if head[0].choices else engine.generate(every)
