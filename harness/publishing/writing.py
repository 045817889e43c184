"""Writing a report into a folder, file by file, so that a stopped or failed one leaves the old report whole."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.publishing.forms import File
from harness.publishing.manifest import NAME, RECORDS, Manifest, digest, read_manifest
from harness.report.site.page import Page

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many files and bytes, and below which folder."""

    folder: Path
    files: int
    size: int


def content_of(file: File) -> bytes:
    """The bytes of a file of a report. A lone surrogate (broken text in an output) becomes U+FFFD."""
    if not isinstance(file, Page):
        return file.source.read_bytes()
    text = file.content
    return text if isinstance(text, bytes) else _SURROGATE.sub("\ufffd", text).encode()


def write(
    folder: Path,
    made: Iterable[File],
    manifest: Callable[[Mapping[str, str]], Manifest],
    keep: Callable[[Path], None] | None = None,
) -> Written:
    """Writes all files and the manifest that `manifest` makes of their sums; `keep` fills the folder of records.

    They are collected beside `folder` and put in its place at the end. Files of an earlier report that are no longer
    made are removed; what is no report's is left alone. Raises HarnessError where `folder` cannot be written, or holds
    something that is no report.
    """
    old = _earlier(folder)
    sums: dict[str, str] = {}
    size = 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            target = Path(beside)
            for file in made:
                content = content_of(file)
                sums[file.path] = digest(content)
                size += len(content)
                _put(target / file.path, content)
            if keep is not None:
                keep(target / RECORDS)
            _put(target / NAME, manifest(sums).text().encode())
            _replace(folder, target, old - set(sums))
    except OSError as error:
        raise HarnessError(f"{folder} cannot be written ({error.strerror or error}).") from error
    return Written(folder, len(sums) + 1, size)


def _earlier(folder: Path) -> set[str]:
    """The files of the report that lies there. Raises HarnessError where something else does."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise HarnessError(f"{folder} is a file: --out wants a folder for more than one file.")
    if not (folder / NAME).exists():
        if any(folder.iterdir()):
            raise HarnessError(f"{folder} holds something that is no report: name an empty or a new folder.")
        return set()
    return set(read_manifest(folder).files)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _replace(folder: Path, fresh: Path, gone: Iterable[str]) -> None:
    folder.mkdir(exist_ok=True)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    if (fresh / RECORDS).exists():
        shutil.rmtree(folder / RECORDS, ignore_errors=True)
    for path in sorted(fresh.rglob("*")):
        place = folder / path.relative_to(fresh)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            path.replace(place)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
