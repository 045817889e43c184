"""The machine a probe runs on, described; no model library is loaded unless there is a GPU."""

from harness.plan.machine import gpu_memory
from harness.provenance import hardware
from harness.records.probes import MachineFacts


def this_machine(device: str = "auto") -> MachineFacts:
    """What a reader wants to know beside a time. `device` "cpu": cards are left out, for nothing ran on them."""
    if device == "cpu" or not gpu_memory():
        return hardware("cpu")
    import torch  # noqa: F401  the cards are described by it

    return hardware("cuda")
