"""What all tests share: one thread a worker, no network, and the tiny checkpoints, made once."""

import os
import signal
from pathlib import Path

import pytest
from browsing import browser, chromium  # noqa: F401  # fixtures
from hypothesis import settings

# a busy machine is no failure of the code: no example has a time limit
settings.register_profile("harness", deadline=None)
settings.load_profile("harness")

# before anything imports torch: its threads fight each other on small models
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# started in the background, a shell has Ctrl-C ignored by all its children; some tests send it to theirs
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_checkpoints() -> Path:
    """The folder with tiny-qwen2, tiny-qwen2-trained, tiny-qwen3 and tiny-qwen3-moe.

    It is places.checkpoints(): made when missing (about 25 s), under a lock, so that two workers share it.
    """
    import torch

    from harness.engines.tiny_models import ensure_tiny_checkpoints

    torch.set_num_threads(1)
    return ensure_tiny_checkpoints()


@pytest.fixture(scope="session")
def tiny_omni() -> Path:
    """The folder of tiny-omni: the whole of Qwen2.5-Omni at small sizes, with random weights (a few seconds)."""
    from harness.engines.tiny_models import ensure_tiny_omni

    return ensure_tiny_omni()


@pytest.fixture(scope="session")
def tiny_omni_trained() -> Path:
    """The folder of tiny-omni-trained, which knows the skills of harness.library.omni.tiny_media (41 s of one core)."""
    import torch

    from harness.engines.tiny_models import ensure_tiny_omni_trained

    torch.set_num_threads(1)
    return ensure_tiny_omni_trained()
