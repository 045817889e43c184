"""What a report tells: every claim with all that bears on it, every run with what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.judging.courses import CoursePoint
from harness.judging.runs import LocalRun
from harness.records import Article, Check, Claim, Fact, Figure, MediaUse, Message, Registration, Score, Verdict
from harness.records.sessions import Session


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
    None where it is not recorded (outputs of others, runs of earlier versions), or nothing was accelerated."""

    generations: int
    prompt_tokens: int
    output_tokens: int
    seconds: float | None
    device_seconds: float | None


@dataclass(frozen=True, slots=True)
class RunStory:
    """One stored run. `claims`: ids of those it bears on. `scorers`: (name, version), the judging one first.
    `withheld`: why neither questions nor outputs may be shown; "" where they may."""

    run: LocalRun
    spec_hash: str
    claims: tuple[str, ...]
    scorers: tuple[tuple[str, str], ...]
    cost: Cost
    sessions: tuple[Session, ...]
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything a report tells. `made_with`: the harness's own version, commit and whether files differed from it."""

    stories: tuple[ClaimStory, ...]
    articles: Mapping[str, Article]
    runs: tuple[RunStory, ...]
    version: str
    commit: str | None
    dirty: bool | None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of every check, and of every claim as a whole."""
        return tuple(v for story in self.stories for v in (*(c.verdict for c in story.checks), story.whole))

    @property
    def claims(self) -> Mapping[str, Claim]:
        return {story.claim.id: story.claim for story in self.stories}


@dataclass(frozen=True, slots=True)
class OutputStory:
    """One output as stored. `thought` and `answer`: the text parted where the thought ends; `answer` None: the thought
    never ended. `speech`: the wav file of a spoken answer, `heard` its transcript."""

    repeat: int
    thought: str
    answer: str | None
    finish: str
    error: str | None
    prompt_tokens: int
    output_tokens: int
    seconds: float
    attempt: int
    scores: tuple[Score, ...]
    speech: Path | None = None
    heard: str | None = None


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
