"""Is the hub there? Unasked, its client retries for 24 seconds before an offline machine gets an answer."""

import contextlib
import functools
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 3


@functools.cache
def reachable() -> bool:
    """Whether a connection to the hub's host can be opened; taken for granted behind a proxy. Asked once a process."""
    from huggingface_hub import constants

    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    place = urlsplit(constants.ENDPOINT)
    try:
        with socket.create_connection((place.hostname, place.port or 443), timeout=_SECONDS):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def offline_if_unreachable(*settings: Any) -> Iterator[None]:
    """While inside, and if the hub is out of reach, its client reads its cache only.

    `settings`: further modules with a HF_HUB_OFFLINE of their own (`datasets.config`).
    """
    from huggingface_hub import constants

    modules = [] if reachable() else [constants, *settings]
    before = [module.HF_HUB_OFFLINE for module in modules]
    for module in modules:
        module.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for module, value in zip(modules, before, strict=True):
            module.HF_HUB_OFFLINE = value
