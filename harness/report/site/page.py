"""What the site is made of: pages of text or bytes, and files that are copied as they are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Page:
    """A file to write. `path`: relative to the site's folder, with forward slashes. Text is written as UTF-8."""

    path: str
    content: str | bytes


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to copy to `path` (a wav beside a run, say)."""

    path: str
    source: Path
