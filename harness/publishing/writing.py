"""Writing a report into a folder, file by file, so that a stopped or failed one leaves the old report whole."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.publishing.forms import File
from harness.publishing.manifest import NAME, RECORDS, Manifest, digest_of, read_manifest
from harness.report.site.page import Page, Streamed

_SURROGATE = re.compile("[\ud800-\udfff]")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many files and bytes, and below which folder."""

    folder: Path
    files: int
    size: int


def content_of(file: File) -> bytes:
    """The bytes of a file of a report, all at once."""
    return b"".join(pieces_of(file))


def pieces_of(file: File) -> Iterator[bytes]:
    """The same piece by piece. A lone surrogate (broken text in an output) becomes U+FFFD."""
    if isinstance(file, Streamed):
        yield from file.pieces()
    elif isinstance(file, Page):
        text = file.content
        yield text if isinstance(text, bytes) else _SURROGATE.sub("\ufffd", text).encode()
    else:
        with file.source.open("rb") as source:
            while piece := source.read(_PIECE):
                yield piece


def write(
    folder: Path,
    made: Iterable[File],
    manifest: Callable[[Mapping[str, str], Mapping[str, str]], Manifest],
    keep: Callable[[Path], None] | None = None,
) -> Written:
    """Writes all files, the records that `keep` puts into a folder of theirs, and the manifest that `manifest` makes of
    the sums of both.

    They are collected beside `folder` and put in its place at the end. Files of an earlier report that are no longer
    made are removed; what is no report's is left alone. Raises HarnessError where `folder` cannot be written, or holds
    something that is no report or stands in a file's way.
    """
    old = _earlier(folder)
    sums: dict[str, str] = {}
    size = 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            target = Path(beside)
            for file in made:
                sums[file.path], written = _put(target / file.path, pieces_of(file))
                size += written
            records = {}
            if keep is not None:
                keep(target / RECORDS)
                paths = sorted(p for p in (target / RECORDS).rglob("*") if p.is_file())
                records = {p.relative_to(target).as_posix(): digest_of(p) for p in paths}
            _put(target / NAME, [manifest(sums, records).text().encode()])
            fresh = {*sums, *records, NAME}
            _not_in_the_way(folder, fresh - old)
            _replace(folder, target, fresh, gone=old - fresh)
    except OSError as error:
        raise HarnessError(f"{folder} cannot be written ({error.strerror or error}).") from error
    return Written(folder, len(sums) + 1, size)


def _earlier(folder: Path) -> set[str]:
    """The files of the report that lies there. Raises HarnessError where something else does."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise HarnessError(f"{folder} is a file, and a report of several files wants a folder: name one with --out.")
    if not (folder / NAME).exists():
        if any(folder.iterdir()):
            raise HarnessError(f"{folder} holds something that is no report: name an empty or a new folder.")
        return set()
    return {*read_manifest(folder).everything, NAME}


def _put(path: Path, pieces: Iterable[bytes]) -> tuple[str, int]:
    """Writes the file; its sha256, in hex, and its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            found.update(piece)
            size += len(piece)
    return found.hexdigest(), size


def _not_in_the_way(folder: Path, names: Iterable[str]) -> None:
    stranger = next((name for name in sorted(names) if (folder / name).exists()), None)
    if stranger is not None:
        raise HarnessError(f"{folder / stranger} is no file of the report there and would be lost: move it away.")


def _replace(folder: Path, fresh: Path, names: Iterable[str], *, gone: Iterable[str]) -> None:
    """Moves the files `names` from `fresh` to `folder` and removes those that are `gone`, with folders left empty."""
    names = sorted(names)
    for parent in sorted({(folder / name).parent for name in names}):
        parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (fresh / name).replace(folder / name)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
        for parent in (folder / name).parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()
