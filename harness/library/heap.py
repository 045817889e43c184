"""Memory that a library has freed, given back to the system. Only glibc is known; elsewhere nothing is done."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# mallopt(3): parameters, and the largest block that glibc by itself comes to keep in its heap
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_SMALL, _USUAL = 2**20, 32 * 2**20


@contextmanager
def given_back() -> Iterator[None]:
    """Inside, blocks above 1 MB go back to the system when they are freed; afterwards what is left over does.

    Quantizing while loading frees many blocks of a layer's size, and glibc keeps those up to 32 MB: measured on a
    checkpoint of 730 MB, a process came to hold 1,400 MB for 374 MB of int8 weights, and 370 MB with this.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _SMALL)
    try:
        yield
    finally:
        # as glibc ends up by itself: asking the system at every step would cost time
        libc.mallopt(_MMAP_THRESHOLD, _USUAL)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
        libc.malloc_trim(0)


def give_back() -> None:
    """Whatever has been freed goes back to the system, wherever in the heap it lies: some milliseconds.

    Blocks of many sizes that live for different times leave gaps, and glibc by itself gives back only what is free at
    the end of its heap.
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "malloc_trim") else None
