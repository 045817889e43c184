"""What a report tells: every claim with all that bears on it, every run with what it took."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.judging.courses import CoursePoint
from harness.judging.runs import LocalRun
from harness.records import (
    Article,
    Check,
    Claim,
    Estimate,
    Fact,
    Figure,
    MediaUse,
    Message,
    PinnedData,
    Registration,
    Score,
    Verdict,
)
from harness.records.sessions import Purpose, Session


@dataclass(frozen=True, slots=True)
class Rescored:
    """What somebody else's recorded outputs of a model give under our graders: fractions."""

    recording: str
    title: str
    model: str
    scorer: str
    value: float
    low: float | None
    high: float | None
    questions: int
    source: str


@dataclass(frozen=True, slots=True)
class CheckStory:
    """One check of a claim. `independent`: figures of third parties ("<model>/<figure>") for the same model and
    benchmark. `rescored`: others' outputs for a figure that the check names (`model` says whose), or for its own
    benchmark. `course`: of the run that the verdict rests on; empty without one. `registration`: what was fixed before
    that run.
    """

    number: int
    check: Check
    verdict: Verdict
    independent: tuple[tuple[str, Figure], ...] = ()
    rescored: tuple[Rescored, ...] = ()
    course: tuple[CoursePoint, ...] = ()
    registration: Registration | None = None


@dataclass(frozen=True, slots=True)
class ClaimStory:
    """One claim. `figures` ("<model>/<figure>") and `facts` ("<subject>/<property>") are those its checks name.
    `rescored`: recorded outputs that bear on the claim and measure something else than its checks do."""

    claim: Claim
    article: Article | None
    whole: Verdict
    checks: tuple[CheckStory, ...]
    figures: Mapping[str, Figure]
    facts: Mapping[str, Fact]
    rescored: tuple[Rescored, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took. `seconds`: wall time of all its sessions; `device_seconds`: that times the accelerators of each;
    None where it is not recorded (outputs of others, runs of earlier versions), or nothing was accelerated. `at_least`:
    a session was cut off, so that it took longer. `others`: what judges, listeners and speaker models took beside it,
    which is no part of the run's own."""

    generations: int
    prompt_tokens: int | None
    output_tokens: int | None
    seconds: float | None
    device_seconds: float | None
    at_least: bool = False
    others: "OtherCost | None" = None


@dataclass(frozen=True, slots=True)
class OtherCost:
    """What other models took with a run's answers; as in Cost."""

    seconds: float
    device_seconds: float | None
    at_least: bool


@dataclass(frozen=True, slots=True)
class Instrument:
    """Another model whose work a run is scored by. `name`: what that is stored under; `description`: all that can
    change it; `scorer`: which one reads it ("" for a listener's transcripts, which all do). `wording`: what a judge was
    asked, with {question}, {target} and {answer} in it; None where that was not kept, or nothing is asked in words."""

    purpose: Purpose
    name: str
    description: str
    scorer: str = ""
    wording: str | None = None


OWN_CLAIM = "the claim's file"
"""Where the number of a registration comes from whose claim stands in no article."""
UNSTATED = "unstated"
"""The end of a recorded output that the recording does not tell."""
# what a recording's run has from us: which outputs these are, and how they were read and judged
_OURS = frozenset(
    {"model", "task", "task_version", "dataset", "questions", "repeats", "limit", "engine", "engine_version"}
    | {"verdicts", "deviations"}
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a replay's outputs come from, in the recording's words; "" where that was not kept.

    `stated`: the fields of the specification (`precision`, `sampling.top_p`) that the recording states, and `finish`,
    where it tells how outputs ended; all others hold what stands for nothing. `graded`: when they were first stored
    and graded here (ISO 8601).
    """

    title: str
    source: str
    licence: str
    stated: frozenset[str]
    graded: str | None = None

    def states(self, name: str) -> bool:
        """Whether this field of the specification is known."""
        return name in _OURS or name in self.stated


@dataclass(frozen=True, slots=True)
class RunStory:
    """One stored run. `claims`: ids of those it bears on. `scorers`: (name, version), the judging one first.
    `withheld`: why neither questions nor outputs may be shown; "" where they may. `other_sessions`: of judges,
    listeners and speaker models, `instruments`: those of them whose work the run is scored by. `question_error`: the
    standard error of the score as a mean over such questions in general (s/√K); None where there is none. `early`: of
    a run that ended before its plan and was looked at on the way, the score with the interval that holds at any look;
    None for all others. `recorded`: of outputs that others generated, where they are from. `data`: the pinned data sets
    its questions are from."""

    run: LocalRun
    spec_hash: str
    claims: tuple[str, ...]
    scorers: tuple[tuple[str, str], ...]
    cost: Cost
    sessions: tuple[Session, ...]
    withheld: str = ""
    other_sessions: tuple[Session, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    question_error: float | None = None
    early: Estimate | None = None
    recorded: Recorded | None = None
    data: tuple[PinnedData, ...] = ()

    def knows(self, name: str) -> bool:
        """Whether a field of the specification (`seed`, `sampling.top_p`) is known: of a run of ours they all are."""
        return self.recorded is None or self.recorded.states(name)

    @property
    def estimate(self) -> Estimate | None:
        """The run's score with the one interval that holds: what every page shows of it."""
        return self.early or self.run.estimate


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything a report tells. `version`, `commit`, `dirty`: the harness's own, and whether files differed from it.
    `written`: when it is put down, where a form has to say so; else the same records make the same files."""

    stories: tuple[ClaimStory, ...]
    articles: Mapping[str, Article]
    runs: tuple[RunStory, ...]
    version: str
    commit: str | None
    dirty: bool | None
    written: datetime | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of every check, and of every claim as a whole."""
        return tuple(v for story in self.stories for v in (*(c.verdict for c in story.checks), story.whole))

    @property
    def claims(self) -> Mapping[str, Claim]:
        return {story.claim.id: story.claim for story in self.stories}


@dataclass(frozen=True, slots=True)
class OpinionStory:
    """What a judge said about one output, for one scorer. `text` as it came, a thought in it included; `ask` counts
    the opinions on one answer, `attempt` the tries to get one that can be read. `readable`: whether the scorer finds a
    mark in it. `reason`: what is to be known of the reply (it was cut at the judge's limit)."""

    scorer: str
    judge: str
    ask: int
    attempt: int
    text: str
    readable: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OutputStory:
    """One output as stored. `thought` and `answer`: the text parted where the thought ends; `answer` None: the thought
    never ended; `raw`: the text whole, with the tags of the thought. Of a recorded output nobody says more than its
    text, and maybe how it ended: `finish` is `UNSTATED` else, and the numbers are None. `speech`: the wav file of a
    spoken answer, `heard` its transcript. `opinions`: of those judges whose opinions the run is scored by."""

    repeat: int
    thought: str
    answer: str | None
    finish: str
    error: str | None
    prompt_tokens: int | None
    output_tokens: int | None
    seconds: float | None
    attempt: int | None
    scores: tuple[Score, ...]
    speech: Path | None = None
    heard: str | None = None
    opinions: tuple[OpinionStory, ...] = ()
    raw: str = ""


@dataclass(frozen=True, slots=True)
class SampleStory:
    """One question with all its outputs. `messages` as they went into the chat template (system prompt included), or
    `prompt`, the raw text; both empty where the run is of a version that did not store questions. Media in `messages`
    are named, not held; `given`: what of them reached the model in the first output, with sizes."""

    position: int
    id: str
    messages: tuple[Message, ...]
    prompt: str | None
    choices: tuple[str, ...]
    target: str | None
    outputs: tuple[OutputStory, ...]
    given: tuple[MediaUse, ...] = ()

    def mean(self, scorer: str, rounds: int | None = None) -> float | None:
        """The mean of this scorer's values over the outputs, by their weights where there are any; None without a
        value. With `rounds`, over so many first outputs, each of which must have a value."""
        chosen = [output for output in self.outputs if rounds is None or output.repeat < rounds]
        found = [score for output in chosen for score in output.scores if score.scorer == scorer]
        valued = [(score.value, score.weight) for score in found if score.value is not None]
        if not valued or (rounds is not None and len(valued) != rounds):
            return None
        if not any(weight for _, weight in valued):
            valued = [(value, 1.0) for value, _ in valued]
        return math.fsum(v * w for v, w in valued) / math.fsum(w for _, w in valued)
