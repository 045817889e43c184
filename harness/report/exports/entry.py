"""The one way out: a publication as the files of one kind of export."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Literal, get_args

from harness import models
from harness.errors import UnknownName
from harness.gathering.records import Publication, SampleStory
from harness.report.exports import eee, eee_published, hub, lm_eval_files
from harness.report.exports.chosen import measured_runs
from harness.report.site.page import Page, Streamed

Kind = Literal["lm-eval", "hf", "eee"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_ABOUT: dict[Kind, str] = {
    "lm-eval": "Results and samples in the files of lm-eval 0.4.13: one pair for each run, in the model's folder.",
    "hf": "For model repositories on the hub: `.eval_results/*.yaml` as they are, and cards whose `model-index` is to "
    "be merged into the model's own.",
    "eee": "Records of Every Eval Ever, schema 0.3.0: our runs, and others' recorded outputs that were graded here, as "
    "`evaluation_run`; what articles and published sources state as `documentation`. `retrieved_timestamp` is to say "
    "when a record was created: that is the end of a run, the first grading of recorded outputs, and for what is "
    "stated the time at which this folder was written. The folder `data` is laid out as its datastore is.",
}


def exports(
    kind: Kind,
    publication: Publication,
    samples: Callable[[str], Iterable[SampleStory]],
    *,
    source: str | None = None,
    made: datetime | None = None,
    left_out: Callable[[str], None] = lambda _: None,
) -> Iterator[Page | Streamed]:
    """The files of one kind, below a folder of that name; a README.md in it, last, says what was left out and why.

    `samples`: the questions and outputs of a run. `source`: an address where the report can be read, for the hub.
    `made`: when the records are, for a format that has to say so (else the publication's `written`). The same sentences
    go to `left_out`, as they come up. Raises UnknownName for another kind.
    """
    if kind not in KINDS:
        raise UnknownName.of("kind of export", kind, KINDS)
    told: list[str] = []

    def tell(sentence: str) -> None:
        # what is made anew says the same anew
        if sentence not in told:
            told.append(sentence)
            left_out(sentence)

    known = models.load_models()
    runs = measured_runs(publication, known, tell)
    if kind == "lm-eval":
        yield from lm_eval_files.pages(runs, samples, tell)
    elif kind == "hf":
        yield from hub.pages(runs, source, tell)
    else:
        when = made or publication.written
        yield from eee.pages(publication, runs, samples, tell)
        if when is None:
            tell("What articles and published sources state: a record must say when it was made, and nobody did.")
        else:
            yield from eee_published.pages(publication, known, when, tell)
    yield Page(f"{kind}/README.md", _readme(kind, told))


def _readme(kind: Kind, told: list[str]) -> str:
    left = "\n".join(f"- {sentence}" for sentence in told) or "Nothing."
    return f"# {kind}\n\n{_ABOUT[kind]}\n\n## Left out\n\n{left}\n"
