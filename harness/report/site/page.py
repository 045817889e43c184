"""What the site is made of: pages of text or bytes, and files that are copied as they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.gathering import Publication


@dataclass(frozen=True, slots=True)
class Page:
    """A file to write. `path`: relative to the site's folder, with forward slashes. Text is written as UTF-8."""

    path: str
    content: str | bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """A file to write piece by piece, of which only a piece is in memory. `pieces` gives the same bytes each time,
    whole lines of text."""

    path: str
    pieces: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to copy to `path` (a wav beside a run, say)."""

    path: str
    source: Path


@dataclass(frozen=True, slots=True)
class Made:
    """What made the page: the harness's version, its commit, and whether files differed from that."""

    version: str
    commit: str | None
    dirty: bool | None


def made_with(publication: Publication) -> Made:
    return Made(publication.version, publication.commit, publication.dirty)
