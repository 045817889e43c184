"""Asking an engine for everything a run still misses, in one stream over all its rounds.

A generation that fails, or is never answered, is asked for once more in the same stream and then stored as failed:
it stays in the denominator. One whose prompt leaves no room in the context would fail again and is stored at once.
What an engine gives up (`cancelled`) is not stored: it is still missing, and a later start asks for it again.
Rounds are judged whole (STATISTICS §2) but not run one by one: the places of a batch that the last long answers of
a round leave empty are filled from the next.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Protocol as Interface

from harness import engines
from harness.asking.missing import Missing, Stream
from harness.asking.requests import question_of, request_for, seed_for
from harness.discretion import without_secrets
from harness.errors import EngineError
from harness.records import Generation, Request
from harness.store import RunStore

__all__ = ["Enough", "Missing", "Watch", "generate", "question_of", "request_for", "seed_for"]

_ATTEMPTS = 2
# A run whose first generations all fail is a broken set-up, not a weak model.
_GIVE_UP_AFTER = 20


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

    def __init__(self, stream: Stream, store: RunStore, watch: Watch, context: int) -> None:
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
    stream, rounds = Stream(missing), _Rounds(store)
    if enough is not None and rounds.complete and enough(store):
        return
    taking = _Taking(stream, store, watch, engine.describe().context)
    while True:
        with contextlib.closing(_answers(engine, iter(stream))) as answers:
            for generation in map(_told, answers):
                stored = taking.take(generation)
                if stored and rounds.grew(generation.repeat) and enough is not None and enough(store):
                    engine.cancel(stream.end())
                _give_up_if_nothing_works(stream, store, generation)
        for asked in stream.unanswered():
            taking.take(engines.failed(asked.request, "the engine gave no answer"))
        if not stream.goes_on():
            return


def _told(generation: Generation) -> Generation:
    """What an engine or a server says went wrong may hold a token."""
    return replace(generation, error=without_secrets(generation.error)) if generation.error else generation


def _give_up_if_nothing_works(stream: Stream, store: RunStore, last: Generation) -> None:
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
