"""How far a long transfer or check of files is, on standard error."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

EVERY = 30.0
"""Seconds between two lines where there is no terminal."""
_REFRESH = 0.25
# on a terminal too, what takes no longer is not worth a line
_PATIENCE = 1.0


class ByteProgress:
    """Counts bytes of `total`, from any thread: on a terminal one line that is written over and disappears in the end,
    elsewhere a line every half minute. `done` bytes were there before and count for no rate. Use it as a context.
    """

    def __init__(
        self,
        what: str,
        total: int,
        *,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._total = total
        self._before = self._done = done
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._clock = clock
        self._began = clock()
        self._next = self._began + (_PATIENCE if self._live else EVERY)
        self._shown = False
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many bytes more; negative for bytes that have to be fetched once more."""
        with self._lock:
            self._done += count
            now = self._clock()
            if now < self._next:
                return
            self._next = now + (_REFRESH if self._live else EVERY)
            self._shown = True
            self._stream.write(f"\r\x1b[K{self.line(now)}" if self._live else f"{self.line(now)}\n")
            self._stream.flush()

    def line(self, now: float) -> str:
        """`Fetching x: 12.3 of 65.5 GB, 850 MB/s, 1:03 left`."""
        total = max(self._total, self._done)
        parts = [f"{self._what}: {self._done / 1e9:.1f} of {total / 1e9:.1f} GB"]
        rate = (self._done - self._before) / max(now - self._began, 1e-9)
        if rate > 0:
            # how much a packed file will give is not known before
            left = max(round((self._total - self._done) / rate), 0)
            hours = f"{left // 3600}:{left // 60 % 60:02}" if left >= 3600 else f"{left // 60}"
            parts.append(f"{rate / 1e6:,.0f} MB/s")
            parts.append(f"{hours}:{left % 60:02} left")
        return ", ".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
