"""A graphics card that is not there: under `card()` torch believes in a CUDA card, and computes on the processor.

What it proves: the Python of a path for cards runs; tensors of card and computer are not mixed (an operation that CUDA
would refuse is refused here, as is `numpy()` of a tensor on the card); the memory of the card is asked for, bounded and
given back; and the outputs are those of the processor. What it does not: that CUDA's kernels exist for what is asked,
round as expected or are fast, and how much memory they take inside. Streams and graphs are not touched, nor is what is
compiled for cards alone (bitsandbytes, flash attention) or asks tensors for their class (torchao's precisions).

A tensor on a card is a wrapper that says `cuda:0` and holds a tensor of the processor, on which every operation is
done. The wrapper knows no more than what goes through torch's dispatcher: memory that one operation takes and frees
inside is not counted. Two modes of the thread see to whatever begins without a wrapper (torch.zeros(device="cuda")) and
to names of devices; threads begun meanwhile have them, too. Other programs, and whatever they start, are run under a
card by `python tests/stand_in_card.py [--gb N] PROGRAM …`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from stand_in_cuda import faces
from stand_in_memory import CARDS, Memory
from stand_in_tensors import Mixed, OnCard, modes
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["GB", "Memory", "Mixed", "OnCard", "card", "cards", "environment"]

GB = 10**9


def _guarded() -> None:
    """Torch for the processor has no guard for CUDA, and does not index without one: it gets that of `meta`, which does
    nothing."""
    c10 = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    guards = (ctypes.c_void_p * 20).in_dll(c10, "_ZN3c104impl26device_guard_impl_registryE")
    if not guards[1]:
        guards[1] = guards[14]
    torch._C._ensureCUDADeviceGuardSet()


def _biased() -> None:
    """A causal bias is an empty tensor that torch makes past its dispatcher, so no mode may make it."""
    from torch.nn.attention.bias import CausalBias

    def new(cls: Any, *args: Any) -> Any:
        with _disable_current_modes():
            return torch.Tensor.__new__(cls)

    CausalBias.__new__ = new


@contextlib.contextmanager
def card(total: int = 16 * GB) -> Iterator[Memory]:
    """One card with so many bytes, in this process, until the end."""
    with cards(total) as found:
        yield found[0]


@contextlib.contextmanager
def cards(*totals: int) -> Iterator[list[Memory]]:
    """As many cards, with so many bytes each."""
    _guarded()
    _biased()
    begun = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]  # where a thread's own work begins

    def with_modes(thread: Any) -> None:
        with modes():
            begun(thread)

    with contextlib.ExitStack() as inside:
        inside.callback(CARDS.__setitem__, slice(None), list(CARDS))
        CARDS[:] = [Memory(total) for total in totals]
        inside.enter_context(faces(CARDS))
        threading.Thread._bootstrap_inner = with_modes  # type: ignore[attr-defined]
        inside.callback(setattr, threading.Thread, "_bootstrap_inner", begun)
        # else a module that moves lets go of the wrappers and keeps the names of their devices
        inside.callback(
            torch.__future__.set_overwrite_module_params_on_conversion,
            torch.__future__.get_overwrite_module_params_on_conversion(),
        )
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        inside.enter_context(modes())
        yield list(CARDS)


def environment(gb: float = 16) -> dict[str, str]:
    """Of a program that is to see one card, and so are those that it starts."""
    here = str(Path(__file__).resolve().parent / "on_card")
    first = {name: os.pathsep.join([here, *filter(None, [os.environ.get(name)])]) for name in ("PYTHONPATH", "PATH")}
    return {**os.environ, "STAND_IN_CARD_GB": f"{gb:g}", **first}


def main() -> None:
    words = sys.argv[1:]
    gb = float(words.pop(1)) if words[:1] == ["--gb"] else 16.0
    command = words[1:] if words[:1] == ["--gb"] else words
    if not command:
        raise SystemExit("stand_in_card: name a program to run under a card that is not there")
    if command[0].endswith(".py") or command[0] == "-m":
        command = [sys.executable, *command]
    os.execvpe(command[0], command, environment(gb))


if __name__ == "__main__":
    main()
