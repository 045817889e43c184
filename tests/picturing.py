"""Stories made by hand for the tests of pictures: a run with its course, figures of others, costs."""

from __future__ import annotations

import random
from typing import Any

from stored_runs import BASE

from harness import estimates, verdicts
from harness.gathering import CheckStory, ClaimStory, Cost, CoursePoint, Publication, Rescored, RunStory
from harness.judging.runs import LocalRun
from harness.records import (
    Against,
    BenchmarkCheck,
    Check,
    Claim,
    Counts,
    Estimate,
    Figure,
    Registration,
    RunSpec,
    ScoreTable,
    Verdict,
    Words,
)

QUESTIONS, ROUNDS = 30, 64


def figure(name: str, value: float | str, **more: Any) -> Figure:
    given = {"benchmark": "aime24", "label": "AIME24", "metric": "pass@1, %", "source": "the card", "confidence": "A"}
    return Figure(**{"id": name, "value": value, "questions": QUESTIONS, **given, **more})


def check(relation: str = "equals", **more: Any) -> BenchmarkCheck:
    return BenchmarkCheck(
        **{"check": "benchmark", "benchmark": "aime24", "relation": relation, "against": Against(value=79.5), **more}
    )


def claim_of(*checks: Check, name: str = "C999", subject: str = "qwq-32b") -> Claim:
    says = Words(en="QwQ-32B scores 79.5 on AIME24.", ja="QwQ-32BはAIME24で79.5点。")
    return Claim(id=name, subject=subject, kind="score", says=says, checks=checks)


def table(share: float, rounds: int = ROUNDS, seed: int = 7) -> ScoreTable:
    """Scores of questions of unlike difficulty."""
    drawn = random.Random(seed)
    hard = [min(max(drawn.gauss(share, 0.3), 0.02), 0.98) for _ in range(QUESTIONS)]
    values = tuple(tuple(float(drawn.random() < p) for p in hard) for _ in range(rounds))
    return ScoreTable(tuple(map(str, range(QUESTIONS))), values, tuple((False,) * QUESTIONS for _ in values))


def estimate_of(scores: ScoreTable) -> Estimate:
    right = int(sum(map(sum, scores.values)))  # type: ignore[arg-type]  # every cell has a value
    made = len(scores.values) * QUESTIONS
    counts = Counts(planned=QUESTIONS * ROUNDS, generated=made, correct=right, incorrect=made - right)
    found = estimates.estimate(scores, counts)
    assert found is not None
    return found


def course_points(scores: ScoreTable, claimed: float) -> tuple[CoursePoint, ...]:
    from harness.wealth import Course, Stakes

    course = Course(Stakes.of(claimed, questions=QUESTIONS, rounds=ROUNDS, tail=0.0125), QUESTIONS)
    points, total = [], 0.0
    for number, row in enumerate(scores.values, 1):
        course.add([v or 0.0 for v in row])
        total += sum(v or 0.0 for v in row)
        points.append(CoursePoint(number, total / number / QUESTIONS, *course.interval))
    return tuple(points)


def verdict_of(asked: Check, **more: Any) -> Verdict:
    given = {"claim": "C999", "check": 0, "title": "AIME24", "model": "qwq-32b", "precision": "", "evidence": "none"}
    return Verdict(**{**given, "outcome": "not_run", "claimed": "79.5", "claimed_from": "article", **more})


def measured_story(
    share: float = 0.79, *, relation: str = "equals", claimed: float = 0.795, **more: Any
) -> tuple[CheckStory, ClaimStory]:
    """A finished run of 30 x 64 with everything around it: its course, figures of others, recorded outputs."""
    against = Against(value=100 * claimed) if relation == "equals" else Against(reference="deepseek-r1/aime24")
    asked = check(relation, against=against, reference="qwq-32b/aime24")
    scores = table(share)
    made = estimate_of(scores)
    registration = Registration("C999", 0, relation, claimed, "article", 0.03)
    finding = verdicts.judge_measured(made, registration, planned_rounds=ROUNDS)
    verdict = verdict_of(
        asked,
        outcome=finding.outcome,
        evidence="measured",
        precision="bf16",
        claimed=f"{100 * claimed:.1f}",
        claimed_from="article" if relation == "equals" else "deepseek-r1/aime24",
        measured=f"{100 * made.value:.1f}",
        estimate=made,
        tolerance=finding.tolerance,
        reason=finding.reason,
    )
    story = CheckStory(
        number=0,
        check=asked,
        verdict=verdict,
        independent=(
            ("qwq-32b/aime24@sglang", figure("aime24@sglang", 79.74, confidence="independent")),
            ("qwq-32b/aime24@nemo-skills", figure("aime24@nemo-skills", 78.1, confidence="independent")),
        ),
        rescored=(
            Rescored("qwq", "QwQ-32B on AIME 2024, 64 samples", "qwq-32b", "math", 0.7891, 0.78, 0.798, 30, "the hub"),
        ),
        course=course_points(scores, claimed),
        registration=registration,
    )
    figures = {
        "qwq-32b/aime24": figure("aime24", 79.5, repeats=64),
        "deepseek-r1/aime24": figure("aime24", 100 * claimed),
    }
    return story, ClaimStory(claim_of(asked), None, verdict, (story,), figures, {})


def cost_story(
    number: int, share: float, rounds: int, model: str = "qwq-32b", seconds: float | None = None
) -> RunStory:
    made = estimate_of(table(share, rounds, seed=number))
    spec = RunSpec(**{**BASE, "model": model, "task": f"aime2{number % 3}", "repeats": rounds, "questions": QUESTIONS})
    assert made.counts is not None
    run = LocalRun(f"run-{number}", spec, "math", made, made.counts, ())
    generations = QUESTIONS * rounds
    cost = Cost(generations, 200 * generations, 9_000 * generations, seconds, seconds)
    return RunStory(run, f"{number:064x}", (), (("math", "1"),), cost, ())


def publication(*stories: ClaimStory, runs: tuple[RunStory, ...] = ()) -> Publication:
    return Publication(stories, {}, runs, "0.1.0", None, None)
