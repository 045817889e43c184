"""A medium's bytes: opened, named in errors, and hashed."""

import hashlib
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import BinaryIO

from harness.errors import MediaError
from harness.records import Media

_WORDS = {"image": "image", "audio": "sound", "video": "film"}
_BLOCK = 1 << 20


def name_of(media: Media) -> str:
    """How errors call it: its file, its first frame, or what kind of thing it is."""
    if media.path:
        return media.path
    if media.frames:
        return f"the film of {len(media.frames)} frames from {media.frames[0]}"
    return f"the {_WORDS.get(media.kind, 'medium')} of {len(media.data)} bytes"


@contextmanager
def opened(media: Media) -> Iterator[BinaryIO]:
    """Its bytes as a file that can be sought in. Raises MediaError if there are none."""
    if media.data:
        yield BytesIO(media.data)
        return
    if not media.path:
        raise MediaError(f"A medium of kind {media.kind!r} names no file and holds no bytes.")
    _state(media.path)
    try:
        file = open(media.path, "rb")  # noqa: SIM115 - closed below; what the reader raises is not this file's fault
    except OSError as error:
        raise MediaError(f"{media.path} cannot be read ({error.strerror or error}).") from error
    with file:
        yield file


def digest(media: Media) -> str:
    """sha256 (hex) of the content and of the piece and reading of it that is meant.

    Files are hashed once for each path, time of change and size. Raises MediaError for a file that cannot be read.
    """
    meant = (content_hash(media), media.kind, media.fps, media.start, media.end, media.sound)
    return hashlib.sha256(repr(meant).encode()).hexdigest()


def content_hash(media: Media) -> str:
    """sha256 (hex) of the bytes alone; of a film given as frames, over all of them in order."""
    if media.data:
        return hashlib.sha256(media.data).hexdigest()
    if media.path:
        return _hash_of_files((_state(media.path),))
    if media.frames:
        return _hash_of_files(tuple(_state(frame) for frame in media.frames))
    raise MediaError(f"A medium of kind {media.kind!r} names no file and holds no bytes.")


def piece_told(media: Media) -> str:
    """` from 10 s to 30 s`; "" where the whole of it is meant."""
    if media.start is None and media.end is None:
        return ""
    return f" from {media.start or 0:g} s" + ("" if media.end is None else f" to {media.end:g} s")


def check_piece(media: Media) -> None:
    """Raises MediaError unless start and end are two times in order."""
    start, end = media.start or 0.0, math.inf if media.end is None else media.end
    if not (0 <= start < math.inf and start < end):
        raise MediaError(f"{name_of(media)}: the piece from {media.start} s to {media.end} s is empty.")


def _state(path: str) -> tuple[str, int, int]:
    """Path, time of change and size of a regular file with something in it."""
    if "://" in path:
        raise MediaError(f"{path} is an address: download it first, media are read from files.")
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise MediaError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise MediaError(f"{path!r} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    if stat.S_ISDIR(found.st_mode):
        raise MediaError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{path} is no regular file.")
    if found.st_size == 0:
        raise MediaError(f"{path} is empty.")
    return path, found.st_mtime_ns, found.st_size


# about 500 bytes each
@lru_cache(maxsize=16384)
def _hash_of_files(states: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    for path, _, _ in states:
        try:
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    total.update(block)
        except OSError as error:
            raise MediaError(f"{path} cannot be read ({error.strerror or error}).") from error
    return total.hexdigest()
