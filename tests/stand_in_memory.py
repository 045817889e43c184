"""The memory of cards that are not there (see stand_in_card, whose part this is)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import torch


class Block:
    """A storage on the card; freed with the last tensor that has it."""

    def __init__(self, memory: Memory, nbytes: int) -> None:
        self._memory, self._nbytes = memory, nbytes

    def __del__(self) -> None:
        self._memory.freed(self._nbytes)


@dataclass
class Memory:
    """Bytes of a card, of which other programs have `others`. `refuses(bytes)`: whether an allocation is to fail;
    `lacks` counts those that failed.

    As torch's allocator does, it keeps what is freed (`reserved`) until the cache is emptied.
    """

    total: int
    others: int = 0
    allocated: int = 0
    peak: int = 0
    reserved: int = 0
    peak_reserved: int = 0
    lacks: int = 0
    refuses: Callable[[int], bool] = lambda nbytes: False
    _lock: Any = field(default_factory=threading.RLock)
    _blocks: WeakValueDictionary[int, Block] = field(default_factory=WeakValueDictionary)

    def block(self, storage: torch.UntypedStorage) -> Block:
        """Raises torch.OutOfMemoryError."""
        with self._lock:
            found = self._blocks.get(storage._cdata)
            if found is not None:
                return found
            nbytes = storage.nbytes()
            if self.others + self.allocated + nbytes > self.total or self.refuses(nbytes):
                self.lacks += 1
                raise torch.OutOfMemoryError(
                    f"CUDA out of memory. Tried to allocate {nbytes} bytes. GPU 0 has a total capacity of {self.total} "
                    f"bytes of which {self.total - self.others - self.allocated} bytes is free."
                )
            self.allocated += nbytes
            self.peak = max(self.peak, self.allocated)
            self.reserved = max(self.reserved, self.allocated)
            self.peak_reserved = max(self.peak_reserved, self.reserved)
            made = self._blocks[storage._cdata] = Block(self, nbytes)
            return made

    def freed(self, nbytes: int) -> None:
        with self._lock:
            self.allocated -= nbytes

    def empty_cache(self) -> None:
        self.reserved = self.allocated

    def forget_peak(self) -> None:
        self.peak, self.peak_reserved = self.allocated, self.reserved


# of every card, by its number
CARDS: list[Memory] = []
