"""The machine a probe runs on, described; no model library is loaded unless there is a GPU."""

import os
import platform
from pathlib import Path

import psutil

from harness.plan.machine import gpu_memory
from harness.provenance import processor
from harness.records.probes import MachineFacts

_CGROUP = Path("/sys/fs/cgroup")


def this_machine(device: str = "auto") -> MachineFacts:
    """What a reader wants to know beside a time. `device` "cpu": cards are left out, for nothing ran on them."""
    cards = _cards() if device != "cpu" else ()
    return MachineFacts(
        system=f"{platform.system()} {platform.release()}",
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=round(memory_bytes() / 1e9, 1),
        cards=tuple(name for name, _ in cards),
        card_gb=tuple(round(size / 1e9, 1) for _, size in cards),
    )


def memory_bytes(root: Path = _CGROUP, own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes this process may use: the machine's, or those of the narrowest control group (v2) it is in."""
    found = [int(psutil.virtual_memory().total)]
    group = root / _group(own)
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        limit = folder / "memory.max"
        if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
            found.append(int(text))
    return min(found)


def _group(own: Path) -> str:
    """This process's control group below the root; "" where there are none."""
    if not own.is_file():
        return ""
    lines = own.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("0::").lstrip("/") for line in lines if line.startswith("0::")), "")


def _cards() -> tuple[tuple[str, int], ...]:
    """(name, bytes) of every GPU this process may use."""
    if not gpu_memory():
        return ()
    import torch

    found = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    return tuple((str(card.name), int(card.total_memory)) for card in found)
