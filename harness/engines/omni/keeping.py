"""What is kept of a benchmark's questions for when they come again, within a bound in bytes."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    nbytes: int
    age: int


class Kept(Generic[V]):
    """Values by name, `most` bytes of them together.

    Questions come round after round in one order. Whoever kept those asked for last would have given each up just
    before its turn, and of random ones few outlast a round; a fixed choice is found again in its whole share. So where
    there is no room for all, those with the first names stay, which are as good as drawn, since names begin with a
    hash; before them goes what only earlier streams of requests have asked for.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.nbytes = 0
        self._entries: dict[str, _Entry[V]] = {}
        # (streams since, counted down; name): who stands last goes first
        self._order: list[tuple[int, str]] = []
        self._age = 0

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self) -> None:
        """Another stream of requests."""
        self._age -= 1

    def find(self, name: str) -> V | None:
        """From any thread; whoever goes on using the value puts it again."""
        found = self._entries.get(name)
        return None if found is None else found.value

    def put(self, name: str, value: V, nbytes: int) -> None:
        """A value that is new, or was just used again. It may be one that is not kept."""
        old = self._entries.get(name)
        if old is not None and old.value is value and (old.nbytes, old.age) == (nbytes, self._age):
            return
        if old is not None:
            self._drop(name, old)
        if nbytes > self.most:
            return  # else everybody else would go first
        self._entries[name] = _Entry(value, nbytes, self._age)
        insort(self._order, (self._age, name))
        self.nbytes += nbytes
        while self.nbytes > self.most:
            last = self._order[-1][1]
            self._drop(last, self._entries[last])

    def clear(self) -> None:
        self._entries.clear()
        self._order.clear()
        self.nbytes = 0

    def _drop(self, name: str, entry: _Entry[V]) -> None:
        del self._order[bisect_left(self._order, (entry.age, name))]
        del self._entries[name]
        self.nbytes -= entry.nbytes
