"""From what was asked for to a report in its folder."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness import places
from harness.errors import HarnessError
from harness.gathering import Publication
from harness.gathering.samples import samples_of
from harness.probes import keeping
from harness.publishing.asked import Asked
from harness.publishing.forms import FORMS, File, Look, Told, files
from harness.publishing.manifest import Manifest
from harness.publishing.writing import Written, content_of, write
from harness.store import RunStore

DATED = "eee"
"""The form whose records have to say when they were written."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report before it is written: what was asked for, what was gathered for that, and how it is to look."""

    asked: Asked
    publication: Publication
    look: Look

    @property
    def told(self) -> Told:
        return Told(self.publication, self.look, samples_of)


def text_of(report: Report, form: str) -> bytes:
    """The one file of a form that has only one. Raises HarnessError for the others."""
    if FORMS[form].one is None:
        raise HarnessError(f"--format {form} makes several files: name a folder for them with --out.")
    (file,) = files(report.told, [form])
    return content_of(file)


def publish(
    report: Report,
    folder: Path,
    forms: tuple[str, ...],
    *,
    keep: bool = False,
    watch: Callable[[File], None] = lambda _: None,
) -> Written:
    """Writes the report in all `forms` into `folder`.

    `keep`: with compact copies of the runs it tells of, so that it can be checked anywhere. `watch` is told of every
    file. Raises HarnessError where the folder cannot be written or holds something else.
    """
    publication = report.publication
    if DATED in forms:
        publication = replace(publication, written=publication.written or datetime.now(UTC).replace(microsecond=0))
        report = replace(report, publication=publication)
    rests_on = (*(run.run.name for run in publication.runs), *(() if report.asked.recorded else _probe_files()))

    def made() -> Iterator[File]:
        for file in files(report.told, forms):
            watch(file)
            yield file

    def manifest(sums: Mapping[str, str], records: Mapping[str, str]) -> Manifest:
        return Manifest(
            asked=report.asked,
            forms=forms,
            look=report.look,
            version=publication.version,
            commit=publication.commit,
            dirty=publication.dirty,
            rests_on=rests_on,
            written=publication.written,
            files=sums,
            records=records,
        )

    spoken = "html" in forms and report.look.samples
    return write(folder, made(), manifest, (lambda records: _keep(report, records, speech=spoken)) if keep else None)


def _keep(report: Report, records: Path, *, speech: bool) -> None:
    """Copies of the runs, without what the report does not show of them either."""
    records.mkdir(parents=True, exist_ok=True)
    for story in report.publication.runs:
        with RunStore.open(story.run.name) as store:
            shown = report.look.samples and not story.withheld
            store.copy_to(records / store.name, texts=shown, speech=speech and shown)
    for name in () if report.asked.recorded else _probe_files():
        place = records / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(places.runs() / name, place)


def _probe_files() -> tuple[str, ...]:
    """Results of probes, relative to the folder of runs."""
    return tuple(path.relative_to(places.runs()).as_posix() for path in sorted(keeping.folder().glob("*.json")))
