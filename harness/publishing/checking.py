"""A written report held against its records: everything in it is made again and must come out the same."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.publishing.forms import files
from harness.publishing.making import Report, publish
from harness.publishing.manifest import RECORDS, read_manifest
from harness.publishing.writing import Written, content_of

_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a report is not what its records give. `where`: a line of the file, or a field of a verdict."""

    file: str
    where: str
    written: str
    again: str

    def sentence(self) -> str:
        """`table.md, line 12: written "79.9", the records give "79.8"`."""
        place = f"{self.file}, {self.where}" if self.where else self.file
        return f"{place}: written {self.written}, the records give {self.again}"


def check(folder: Path) -> tuple[Difference, ...]:
    """Everything in the report of `folder` that its records (its own copies of runs, the repository's configs,
    inspections and replays) do not give; empty when all is as written.

    Raises HarnessError where `folder` holds no report.
    """
    manifest = read_manifest(folder)
    found: list[Difference] = []
    seen: set[str] = set()
    with _runs_in(folder / RECORDS):
        publication = manifest.asked.gathered()
        publication = replace(publication, version=manifest.version, commit=manifest.commit, dirty=manifest.dirty)
        for file in files(Report(manifest.asked, publication, manifest.look).told, manifest.forms):
            seen.add(file.path)
            found += _compared(file.path, folder / file.path, content_of(file))
    gone = sorted(set(manifest.files) - seen)
    return (*found, *(Difference(name, "", "a file", "none of this name") for name in gone))


def remake(folder: Path) -> Written:
    """Writes a report anew from its records, as it was asked for: what has changed since is the code, the configs and
    the other committed results. Raises as `check` and `publish` do."""
    manifest = read_manifest(folder)
    with _runs_in(folder / RECORDS):
        report = Report(manifest.asked, manifest.asked.gathered(), manifest.look)
        return publish(report, folder, manifest.forms, keep=(folder / RECORDS).is_dir())


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


def _compared(name: str, path: Path, again: bytes) -> Iterator[Difference]:
    if not path.is_file():
        yield Difference(name, "", "nothing", "this file")
        return
    written = path.read_bytes()
    if written == again:
        return
    found = list(_fields(name, written, again)) if name.endswith(".json") else []
    yield from found or _lines(name, written, again)


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
