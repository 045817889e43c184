"""Runs and samples as a report tells of them, made by hand, and a folder to look at them in."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from stored_runs import BASE

from harness.gathering import Cost, OutputStory, RunStory, SampleStory
from harness.judging.runs import LocalRun
from harness.records import Counts, Deviation, Estimate, Message, Registration, RunSpec, Score, ScoreStatus
from harness.records.sessions import Session
from harness.report.lexicon import Language, lexicon
from harness.report.site.page import Attached, Page
from harness.report.site.rendering import FOLDER
from harness.report.site.samples import run_pages

NAME = "tiny-fp32-sums-0123456789"
SCORERS = (("boxed_integer", "2"), ("official", "1"))
VALUES: dict[ScoreStatus, float | None] = {"correct": 1.0, "unscored": None, "errored": None}


def told_run(questions: int = 3, repeats: int = 1, **changes: Any) -> RunStory:
    """A run with a score, a session and everything else a page may tell. `changes`: of the RunStory."""
    counts = Counts(planned=questions * repeats, generated=questions * repeats, correct=questions * repeats)
    spec = RunSpec(
        **{
            **BASE,
            "questions": questions,
            "repeats": repeats,
            "model_path": "/home/somebody/weights",
            "deviations": (Deviation("precision int8", "down", "the claim does not say which"),),
        }
    )
    local = LocalRun(
        name=NAME,
        spec=spec,
        scorer="boxed_integer",
        estimate=Estimate(0.7833, 0.7491, 0.8124, "clustered", questions=questions, rounds=repeats, counts=counts),
        counts=counts,
        registrations=((Registration("C082", 0, "on_par", 0.798, "deepseek-r1/aime24", 0.03), 0),),
        others=(("official", 0.78),),
        version="2",
    )
    session = Session(
        started="2026-11-20T08:00:00Z", seconds=5400.0, generated=questions, devices=1,
        command="harness run C082", version="0.1.0", commit="abc1234", dirty=True, python="3.11.9",
        packages=(("torch", "2.13.0"),), hardware="one accelerator, 16 cores",
    )  # fmt: skip
    cost = Cost(questions * repeats, 1200, 90000, 5400.0, None)
    story = RunStory(local, "f" * 64, ("C082",), SCORERS, cost, (session,))
    return dataclasses.replace(story, **changes)


def output(repeat: int = 0, answer: str | None = "It is 42.", **changes: Any) -> OutputStory:
    """One output; `status` is the judging scorer's mark."""
    status: ScoreStatus = changes.pop("status", "correct")
    value = VALUES.get(status, 0.0)
    scores = tuple(Score("q", repeat, name, status, value, "42", "because of it") for name, _ in SCORERS)
    base = OutputStory(repeat, "a thought", answer, "stop", None, 12, 34, 1.25, 1, scores)
    return dataclasses.replace(base, **changes)


def sample(position: int = 0, outputs: Sequence[OutputStory] | None = None, **changes: Any) -> SampleStory:
    turns = (Message("system", "Be brief."), Message("user", f"What is question {position}?"))
    found = tuple(outputs) if outputs is not None else (output(),)
    return dataclasses.replace(SampleStory(position, f"id-{position}", turns, None, (), "204", found), **changes)


def written(
    folder: Path, samples: Iterable[SampleStory], run: RunStory | None = None, language: Language = "en"
) -> Path:
    """Writes the run's page with the site's assets into `folder`. Returns the page."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for asset in (FOLDER / "assets").iterdir():
        (folder / "assets" / asset.name).write_bytes(asset.read_bytes())
    for file in run_pages(run or told_run(), samples, lexicon(language)):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(file))
    return folder / "runs" / NAME / "index.html"


def content(file: Page | Attached) -> bytes:
    found = file.source.read_bytes() if isinstance(file, Attached) else file.content
    return found.encode() if isinstance(found, str) else found
