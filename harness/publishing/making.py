"""From what was asked for to a report in its folder."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import places, plan
from harness.errors import HarnessError, UnknownName
from harness.gathering import Publication, gather
from harness.gathering.samples import samples_of
from harness.probes import keeping
from harness.publishing.forms import FORMS, File, Look, Told, files
from harness.publishing.manifest import Manifest
from harness.publishing.writing import Written, content_of, write
from harness.records import Claim
from harness.store import RunStore, find_run


def unheard(sentence: str) -> None:
    """For when nobody wants to know what was left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to be about. `targets`: claims, models and suites; without any, and without `runs`, the claims
    of all articles. `runs`: names of stored runs; the claims registered with them come in. `recorded`: without this
    machine's runs and probes."""

    targets: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    recorded: bool = False

    @classmethod
    def of(cls, names: tuple[str, ...], *, recorded: bool = False) -> "Asked":
        """Parts what was typed into runs and the rest. Raises UnknownName for what is neither."""
        targets, runs = [], []
        for name in names:
            try:
                plan.claims_of([name])
                targets.append(name)
            except UnknownName as unknown:
                try:
                    runs.append(find_run(name))
                except UnknownName:
                    raise unknown from None
        if runs and recorded:
            raise HarnessError(f"--recorded leaves this machine's runs out, and {runs[0]} is one: give one of the two.")
        return cls(tuple(targets), tuple(runs), recorded)

    def gathered(self, left_out: Callable[[str], None] = unheard) -> Publication:
        """All that there is to tell about it."""
        return gather(self._claims(), runs=self.runs, recorded=self.recorded, left_out=left_out)

    def _claims(self) -> tuple[Claim, ...]:
        """Those of the targets, then those registered with the runs; each once."""
        named = plan.claims_of(list(self.targets)) if self.targets or not self.runs else ()
        known = {claim.id for claim in named}
        fed: dict[str, None] = {}
        for run in self.runs:
            with RunStore.open(run) as store:
                fed |= {r.claim: None for r, _ in store.registrations() if r.claim not in known}
        return (*named, *(plan.claims_of(list(fed)) if fed else ()))


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
    asked, publication = report.asked, report.publication
    kept = tuple(run.run.name for run in publication.runs) if keep else ()

    def made() -> Iterator[File]:
        for file in files(report.told, forms):
            watch(file)
            yield file

    def manifest(sums: Mapping[str, str]) -> Manifest:
        return Manifest(
            targets=asked.targets,
            runs=asked.runs,
            recorded=asked.recorded,
            forms=forms,
            look=report.look,
            version=publication.version,
            commit=publication.commit,
            dirty=publication.dirty,
            kept=kept,
            files=sums,
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
    if keeping.folder().is_dir():
        shutil.copytree(keeping.folder(), records / keeping.folder().relative_to(places.runs()))
