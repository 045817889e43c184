"""The requests that have not yet found a place in the batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from harness.engines.rows import Row
from harness.errors import PromptTooLong
from harness.records import Generation, Request

# failed requests are handed out after so many at the latest, so that they do not pile up
FAILED_AT_ONCE = 64


class Waiting:
    """The requests not yet admitted, looked at one ahead; those that fail at once are put aside."""

    def __init__(self, requests: Iterator[Request], check: Callable[[Request], Row | Generation]) -> None:
        self._requests = requests
        self._check = check
        self._next: Row | None = None
        self._failed: deque[Generation] = deque()
        self.stopped: PromptTooLong | None = None
        self.ended = False

    def peek(self) -> Row | None:
        """The next row; None at the end, at a prompt that is too long (the end, too), or after many failures."""
        while self._next is None and not self.ended and len(self._failed) < FAILED_AT_ONCE:
            request = next(self._requests, None)
            if request is None:
                self.ended = True
                break
            try:
                checked = self._check(request)
            except PromptTooLong as error:
                self.stopped = error
                self.ended = True
                break
            if isinstance(checked, Row):
                self._next = checked
            else:
                self._failed.append(checked)
        return self._next

    def take(self) -> Row:
        """The row that peek showed, from now on counting its time."""
        row = self._next
        assert row is not None
        self._next = None
        row.began = time.perf_counter()
        return row

    def failures(self) -> Iterator[Generation]:
        while self._failed:
            yield self._failed.popleft()
