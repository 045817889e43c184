"""The requests that a run still misses, and the stream of them that an engine takes."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness import tasks
from harness.asking.requests import question_of, request_for
from harness.engines.base import Key
from harness.errors import EngineError
from harness.records import Generation, Request, RunSpec, Sample
from harness.store import RunStore

# Questions noted (and held in memory) at a time.
_CHUNK = 256
# Up to this many samples are kept between rounds; beyond it rows are read again for every round.
_KEEP = 2000


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
class Asked:
    """A request that is out. `earlier`: attempts that failed before this start; `tries`: those of this start."""

    request: Request
    earlier: int
    tries: int = 0


class Stream:
    """What the engine takes its requests from: what failed comes again before anything new.

    While nothing has succeeded yet, new requests come first: a set-up in which everything fails is then noticed
    before any failure is final. The engine may take more requests than it runs, to choose among them.
    """

    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self._new = iter(missing)
        self._again: deque[Asked] = deque()
        self._out: dict[Key, Asked] = {}
        self.failed = 0
        self.hopeless = 0
        self.succeeded = False
        self._ended = False

    def __iter__(self) -> Iterator[Request]:
        while not self._ended and (asked := self._next()) is not None:
            asked.tries += 1
            self._out[asked.request.sample_id, asked.request.repeat] = asked
            yield asked.request

    def _next(self) -> Asked | None:
        if self._again and self.succeeded:
            return self._again.popleft()
        found = next(self._new, None)
        if found is not None:
            return Asked(*found)
        return self._again.popleft() if self._again else None

    def answered(self, generation: Generation) -> Asked:
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

    def ask_again(self, asked: Asked) -> None:
        self._again.append(asked)

    def end(self) -> tuple[Key, ...]:
        """Gives nothing more, not even what has failed; names what is out."""
        self._new = iter(())
        self._ended = True
        self._again.clear()
        return tuple(self._out)

    def unanswered(self) -> list[Asked]:
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
