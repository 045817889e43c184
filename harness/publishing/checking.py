"""A written report held against its records: everything in it is made again and must come out the same."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.publishing.forms import File, files
from harness.publishing.making import Report, publish
from harness.publishing.manifest import RECORDS, digest_of, read_manifest
from harness.publishing.writing import Written, content_of, pieces_of
from harness.report.site.page import Streamed
from harness.verdicts.wording import count

_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a report is not what its records give. `where`: a line of the file, or a field of a verdict."""

    file: str
    where: str
    written: str
    again: str

    def sentence(self) -> str:
        """`table.md, line 12: written "79.9", the records give "79.8"`; of a file's sum, what it was when written."""
        place = f"{self.file}, {self.where}" if self.where else self.file
        if self.where == "sha256":
            return f"{self.file} is not the file that was written: its sha256 is {self.written}…, and was {self.again}…"
        return f"{place}: written {self.written}, the records give {self.again}"


def check(folder: Path) -> tuple[Difference, ...]:
    """Everything in the report of `folder` that its records (its own copies of runs, the repository's configs,
    inspections and replays) do not give, and every file that is not the one that was written; empty when all is well.

    Raises HarnessError where `folder` holds no report, or one of runs that were not kept with it.
    """
    manifest = read_manifest(folder)
    if manifest.rests_on and not manifest.records:
        raise HarnessError(
            f"{folder} rests on {count(len(manifest.rests_on), 'run')} without keeping them, so it cannot be made "
            "again elsewhere: write it with --keep-records."
        )
    found = [d for name, told in manifest.records.items() for d in _as_written(folder, name, told)]
    if found:
        # what is made of other records differs everywhere, which would only hide where it began
        return tuple(found)
    seen: set[str] = set()
    with _runs_in(folder / RECORDS):
        publication = manifest.asked.gathered()
        publication = replace(publication, version=manifest.version, commit=manifest.commit, dirty=manifest.dirty)
        publication = replace(publication, written=manifest.written)
        for file in files(Report(manifest.asked, publication, manifest.look).told, manifest.forms):
            seen.add(file.path)
            found += _compared(file, folder / file.path)
    named = {d.file for d in found}
    gone = sorted(set(manifest.files) - seen)
    found += [Difference(name, "", "a file", "none of this name") for name in gone]
    for name, told in manifest.files.items():
        found += _as_written(folder, name, told) if name not in named and name in seen else ()
    return tuple(found)


def _as_written(folder: Path, name: str, told: str) -> Iterator[Difference]:
    """Whether the file is the one whose sum the manifest has."""
    path = folder / name
    if not path.is_file():
        yield Difference(name, "", "nothing", "this file")
    elif (found := digest_of(path)) != told:
        yield Difference(name, "sha256", found[:16], told[:16])


def remake(folder: Path) -> Written:
    """Writes a report anew from its records, as it was asked for: what has changed since is the code, the configs and
    the other committed results. Raises as `check` and `publish` do."""
    manifest = read_manifest(folder)
    with _runs_in(folder / RECORDS):
        report = Report(manifest.asked, manifest.asked.gathered(), manifest.look)
        return publish(report, folder, manifest.forms, keep=bool(manifest.records))


@contextmanager
def _runs_in(folder: Path) -> Iterator[None]:
    """The report's own records in place of this machine's runs."""
    before = os.environ.get("HARNESS_RUNS")
    os.environ["HARNESS_RUNS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["HARNESS_RUNS"]
        else:
            os.environ["HARNESS_RUNS"] = before


def _compared(file: File, path: Path) -> Iterator[Difference]:
    name = file.path
    if not path.is_file():
        yield Difference(name, "", "nothing", "this file")
        return
    if _same(path, pieces_of(file)):
        return
    if isinstance(file, Streamed):
        yield from _long_lines(name, path, file)
        return
    written, again = path.read_bytes(), content_of(file)
    found = list(_fields(name, written, again)) if name.endswith(".json") else []
    yield from found or _lines(name, written, again)


def _same(path: Path, pieces: Iterator[bytes]) -> bool:
    """Whether the file holds these pieces, one after the other, and nothing else."""
    with path.open("rb") as written:
        return all(written.read(len(piece)) == piece for piece in pieces) and not written.read(1)


def _long_lines(name: str, path: Path, file: Streamed) -> Iterator[Difference]:
    """As `_lines`, with one line of each in memory. The pieces of such a file are whole lines."""
    with path.open("rb") as written:
        for number, (a, b) in enumerate(zip_longest(written, file.pieces()), start=1):
            if a != b:
                told = [None if line is None else line.decode(errors="replace") for line in (a, b)]
                yield Difference(name, f"line {number}", *_around(told[0], told[1]))


def _lines(name: str, written: bytes, again: bytes) -> Iterator[Difference]:
    try:
        texts = written.decode().splitlines(), again.decode().splitlines()
    except UnicodeDecodeError:
        yield Difference(name, "", f"{len(written):,} bytes", f"{len(again):,} other bytes")
        return
    for number, (a, b) in enumerate(zip_longest(*texts), start=1):
        if a != b:
            yield Difference(name, f"line {number}", *_around(a, b))


def _around(a: str | None, b: str | None) -> tuple[str, str]:
    """The piece of both lines in which they differ, with what stands around it."""
    if a is None or b is None:
        return _quoted(a), _quoted(b)
    first = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(first - 30, 0)
    return _quoted(a[start : start + _SHOWN]), _quoted(b[start : start + _SHOWN])


def _quoted(text: str | None) -> str:
    return "no such line" if text is None else json.dumps(text[:_SHOWN], ensure_ascii=False)


def _fields(name: str, written: bytes, again: bytes) -> Iterator[Difference]:
    """Verdict by verdict, field by field."""
    try:
        old, new = json.loads(written), json.loads(again)
    except ValueError:
        return
    yield from _differing(name, "", old, new)


def _differing(name: str, at: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differing(name, f"{at}.{key}".lstrip("."), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            label = a.get("claim") if isinstance(a, dict) else None
            place = f"{label} check {a.get('check')}" if label else f"{at}[{number}]"
            yield from _differing(name, place, a, b)
    elif old != new:
        yield Difference(name, at, _plain(old), _plain(new))


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
