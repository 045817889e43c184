"""Which runs leave the harness, and what every export has to know of them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.gathering.records import Publication, RunStory
from harness.records import Estimate, ModelSpec, RunSpec, Verdict
from harness.records.sessions import Session
from harness.verdicts.trials import FAILED_LIMIT

_PINNED = re.compile(r"hub:(?P<repo>[^@\s]+)@(?P<revision>[0-9a-f]{40})/(?P<file>.+)")

LeftOut = Callable[[str], None]
OTHERS = "recorded by others, graded here"
"""What a record says of outputs that are not of ours."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A dataset's file at one commit of its repository on the hub; of several, their patterns joined with `+`."""

    repo: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with a figure. `estimate`: with the interval the verdicts give, where there are any. `model`: as
    configured; None where it no longer is. `verdicts`: those that rest on the run."""

    story: RunStory
    estimate: Estimate
    model: ModelSpec | None
    verdicts: tuple[Verdict, ...]

    @property
    def name(self) -> str:
        return self.story.run.name

    @property
    def spec(self) -> RunSpec:
        return self.story.run.spec

    @property
    def scorer(self) -> str:
        return self.story.run.scorer

    @property
    def hub(self) -> str | None:
        """The model's repository on the hub, whatever copy of it was run."""
        return self.model.repository.hub if self.model and self.model.repository else None

    @property
    def revision(self) -> str | None:
        """The commit of that repository whose weights answered; None where they are known by another fingerprint."""
        pinned = self.model.repository.revision if self.model and self.model.repository else None
        return pinned if pinned is not None and self.spec.weights == pinned else None

    @property
    def model_name(self) -> str:
        return self.hub or self.spec.model

    @property
    def dataset(self) -> PinnedFile | None:
        """Where the questions are from; None where they are known by the hash of their content alone."""
        found = _PINNED.fullmatch(self.spec.dataset)
        if found is None:
            return None
        repo, revision, file = found["repo"], found["revision"], found["file"]
        # parts of one set are joined with `+`; parts of several have no one place
        file = file.replace(f"+hub:{repo}@{revision}/", "+")
        return None if "+hub:" in file else PinnedFile(repo, revision, file)

    @property
    def first(self) -> Session | None:
        return self.story.sessions[0] if self.story.sessions else None

    @property
    def last(self) -> Session | None:
        return self.story.sessions[-1] if self.story.sessions else None

    @property
    def started(self) -> datetime | None:
        return moment(self.first.started) if self.first else None

    @property
    def ended(self) -> datetime | None:
        return moment(self.last.started) + timedelta(seconds=self.last.seconds) if self.last else None

    @property
    def recorded_at(self) -> datetime | None:
        """When the run was there to be told of: at its end, or, of others' outputs, when they were graded here. None
        where nobody wrote that down."""
        graded = self.story.recorded.graded if self.story.recorded else None
        return self.ended or (moment(graded) if graded else None)


def measured_runs(publication: Publication, models: Mapping[str, ModelSpec], left_out: LeftOut) -> tuple[Measured, ...]:
    """The runs that are evidence of a model and have a figure, by name; why others are left out goes to `left_out`."""
    found = []
    for story in sorted(publication.runs, key=lambda story: story.run.name):
        run = story.run
        resting = tuple(v for v in publication.verdicts if v.run == run.name and v.check >= 0)
        shown = next((v.estimate for v in resting if v.estimate is not None), run.estimate)
        if run.rehearsal:
            left_out(f"{run.name}: a rehearsal, answered by the scripted engine and not by a model.")
        elif run.evidence is None:
            left_out(f"{run.name}: its marks are handed on as they were recorded; nothing was graded here.")
        elif run.waits:
            left_out(f"{run.name}: not judged yet, so there is no figure: {run.waits} comes first.")
        elif shown is not None and shown.counts is not None and _failed(shown) > FAILED_LIMIT:
            left_out(
                f"{run.name}: an incident and no figure: {100 * _failed(shown):.1f} % of its generations failed or "
                "could not be scored."
            )
        elif shown is None:
            left_out(f"{run.name}: no round is complete, so there is no figure yet.")
        else:
            found.append(Measured(story, shown, models.get(run.spec.model), resting))
    return tuple(found)


def _failed(made: Estimate) -> float:
    """The share of generations for which the instrument gave no score."""
    assert made.counts is not None  # asked for where there are counts
    return (made.counts.unscored + made.counts.errored) / max(made.counts.judged, 1)


def moment(text: str) -> datetime:
    """An ISO 8601 time, UTC where it names no zone."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def epoch(when: datetime) -> str:
    """Whole seconds since 1970, as text."""
    return str(int(when.timestamp()))


def versions(run: Measured) -> Iterator[tuple[str, str]]:
    """The scorers whose figures go out, the judging one first, with the version each judged in."""
    known = dict(run.story.scorers)
    yield run.scorer, known.get(run.scorer) or run.story.run.version or ""
    for name, _ in run.story.run.others:
        yield name, known.get(name, "")
