"""The face of torch.cuda that cards would have: what can be asked of them without computing (see stand_in_card)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from stand_in_memory import Memory
from stand_in_tensors import settled

NAME = "Stand-in card"
CAPABILITY = (9, 0)


class Stream:
    """Everything is in order and done at once."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.device = torch.device("cuda", 0)

    def synchronize(self) -> None:
        pass

    wait_stream = wait_event = lambda self, other: None

    def record_event(self, event: Any = None) -> Any:
        event = event or Event(enable_timing=True)
        event.record()
        return event

    def query(self) -> bool:
        return True

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


class Event:
    def __init__(self, enable_timing: bool = False, **_: Any) -> None:
        self._timed, self._at = enable_timing, 0.0

    def record(self, stream: Any = None) -> None:
        self._at = time.perf_counter()

    def synchronize(self) -> None:
        pass

    wait = record

    def query(self) -> bool:
        return True

    def elapsed_time(self, end: Event) -> float:
        if not (self._timed and end._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        return (end._at - self._at) * 1000


def _number(device: Any = None) -> int:
    """Of the card that is meant; the first, where none is said."""
    return device if isinstance(device, int) else 0 if device is None else torch.device(device).index or 0


def faces(cards: list[Memory]) -> contextlib.AbstractContextManager[Any]:
    """torch.cuda with these cards, until the end. Raises IndexError for a card that is not there."""

    def asked(work: Callable[[Memory], Any]) -> Callable[..., Any]:
        def face(device: Any = None) -> Any:
            return work(cards[_number(device)])

        return face

    def emptied() -> None:
        for card in cards:
            card.empty_cache()

    def properties(of: Memory) -> Any:
        return SimpleNamespace(
            name=NAME, total_memory=of.total, major=CAPABILITY[0], minor=CAPABILITY[1], multi_processor_count=132,
            warp_size=32, is_integrated=False, max_threads_per_multi_processor=2048, uuid="stand-in", L2_cache_size=0,
            regs_per_multiprocessor=65536, shared_memory_per_block=49152, gcnArchName="",
        )  # fmt: skip

    answers: dict[str, Any] = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "device_count": lambda: len(cards),
        "current_device": lambda: 0,
        "set_device": asked(lambda of: None),
        "init": lambda: None,
        "_lazy_init": lambda: None,
        "_lazy_call": lambda work, **_: None,
        "_is_in_bad_fork": lambda: False,
        "get_device_name": asked(lambda of: NAME),
        "get_device_capability": asked(lambda of: CAPABILITY),
        "get_device_properties": asked(properties),
        "get_arch_list": lambda: ["sm_90"],
        "mem_get_info": asked(lambda of: (max(of.total - of.others - of.reserved, 0), of.total)),
        "memory_allocated": asked(lambda of: of.allocated),
        "max_memory_allocated": asked(lambda of: of.peak),
        "memory_reserved": asked(lambda of: of.reserved),
        "max_memory_reserved": asked(lambda of: of.peak_reserved),
        "reset_peak_memory_stats": asked(lambda of: of.forget_peak()),
        "memory_stats": asked(lambda of: {"allocated_bytes.all.current": of.allocated}),
        "empty_cache": emptied,
        "synchronize": asked(lambda of: None),
        "Event": Event,
        "Stream": Stream,
        "stream": lambda stream: stream or contextlib.nullcontext(),
        "current_stream": lambda device=None: Stream(),
        "default_stream": lambda device=None: Stream(),
        "device": lambda device: contextlib.nullcontext(),
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        # what is drawn on the card comes from the generator of the processor
        "get_rng_state": lambda device="cuda": torch.get_rng_state(),
        "set_rng_state": lambda state, device="cuda": torch.set_rng_state(state),
        "ipc_collect": lambda: None,
    }
    return _patched(answers)


@contextlib.contextmanager
def _patched(answers: dict[str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as inside:
        for name, answer in answers.items():
            inside.enter_context(mock.patch.object(torch.cuda, name, answer))
        inside.enter_context(mock.patch.object(torch.version, "cuda", "12.8"))
        parse = torch._C._nn._parse_to

        def parsed(*args: Any, **kwargs: Any) -> Any:
            given = {name: settled(value) if name == "device" else value for name, value in kwargs.items()}
            return parse(*(settled(one) for one in args), **given)

        inside.enter_context(mock.patch.object(torch._C._nn, "_parse_to", parsed))
        yield
