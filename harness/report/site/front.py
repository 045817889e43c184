"""What the front page shows: every claim as a mark and as a line, and how many there are of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import quote

from harness.gathering import ClaimStory, Publication, RunStory
from harness.records import EVIDENCE_ORDER, Article, Evidence, Outcome
from harness.report.digits import as_printed
from harness.report.lexicon import Lexicon
from harness.report.rows import Row, conclusions, rows
from harness.report.site.marks import CODES, Mark, Piece, bar, classes, counted, mark


@dataclass(frozen=True, slots=True)
class Strip:
    """One article's claims as marks, in the order of their lines. `article` is None for claims of no article."""

    article: Article | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One line of the table of verdicts by evidence; `counts` (0 included) follow `Front.evidence`."""

    code: str
    word: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model: how many claims, and their verdicts as a bar."""

    model: str
    total: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One claim in the table; texts are of the page's language and raw. `whose`: whose the claimed number is, as the
    other tables say it; empty for the article's own."""

    claim: str
    classes: str
    says: str
    place: str
    model: str
    kind: str
    claimed: str
    whose: str
    measured: str
    interval: str
    outcome: str
    evidence: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """One stored run. `score` is a percentage with its interval, empty where nothing is scored; `early`: it ended
    before its plan, and its interval holds at any look."""

    name: str
    href: str
    model: str
    precision: str
    task: str
    outputs: str
    score: str
    interval: str
    early: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer, in the page's words."""

    outcomes: tuple[str, ...]
    evidence: tuple[str, ...]
    articles: tuple[str, ...]
    models: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Front:
    """The front page. `evidence`: the words of those kinds that occur, strongest first. `from_articles`: how many of
    the claims an article makes."""

    strips: tuple[Strip, ...]
    evidence: tuple[str, ...]
    outcomes: tuple[OutcomeLine, ...]
    models: tuple[ModelLine, ...]
    lines: tuple[Line, ...]
    runs: tuple[RunLine, ...]
    choices: Choices
    claims: int
    articles: int
    from_articles: int


def ordered(stories: Sequence[ClaimStory]) -> tuple[ClaimStory, ...]:
    """By article and number; claims of no article come last."""

    def place(story: ClaimStory) -> tuple[bool, str, str, int]:
        name, article = story.claim.id, story.claim.article
        return article is None, article or "", name[:1], int(name[1:])

    return tuple(sorted(stories, key=place))


def front(publication: Publication, words: Lexicon, table: Sequence[Row] | None = None) -> Front:
    """Everything on the front page; its counts are those of every other table (`rows.tally`). `table`: the rows of the
    publication in these words, where they are made already."""
    stories = ordered(publication.stories)
    counts = counted(stories)
    used = [e for e in EVIDENCE_ORDER if any(evidence == e for _, evidence in counts)]
    spoken = _speaking(rows(publication.verdicts, publication.claims, words) if table is None else table)
    lines = tuple(_line(story, spoken[story.claim.id], words) for story in stories)
    return Front(
        strips=_strips(stories, words),
        evidence=tuple(words.evidence(e) for e in used),
        outcomes=tuple(_outcomes(counts, used, words)),
        models=_models(stories, words),
        lines=lines,
        runs=tuple(_run(run) for run in publication.runs),
        choices=_choices(lines, [words.evidence(e) for e in used], words),
        claims=len(stories),
        articles=len({s.claim.article for s in stories if s.claim.article}),
        from_articles=sum(bool(s.claim.article) for s in stories),
    )


def _strips(stories: Sequence[ClaimStory], words: Lexicon) -> tuple[Strip, ...]:
    by_article: dict[str, list[ClaimStory]] = {}
    for story in stories:
        by_article.setdefault(story.claim.article or "", []).append(story)
    return tuple(
        Strip(members[0].article, tuple(mark(story, words) for story in members)) for members in by_article.values()
    )


def _outcomes(
    counts: Mapping[tuple[Outcome, Evidence], int], used: Sequence[Evidence], words: Lexicon
) -> list[OutcomeLine]:
    found = []
    for outcome in get_args(Outcome):
        each = tuple(counts.get((outcome, evidence), 0) for evidence in used)
        if any(each):
            found.append(OutcomeLine(CODES[outcome], words.outcome(outcome), each, sum(each)))
    return found


def _models(stories: Sequence[ClaimStory], words: Lexicon) -> tuple[ModelLine, ...]:
    """The most spoken of first."""
    by_model: dict[str, list[ClaimStory]] = {}
    for story in stories:
        by_model.setdefault(story.whole.model, []).append(story)
    groups = sorted(by_model.items(), key=lambda item: (-len(item[1]), item[0]))
    longest = max((len(members) for _, members in groups), default=1)
    return tuple(ModelLine(model, len(members), bar(members, longest, words)) for model, members in groups)


def _line(story: ClaimStory, row: Row, words: Lexicon) -> Line:
    whole = story.whole
    return Line(
        claim=story.claim.id,
        classes=classes(whole.outcome, whole.evidence),
        says=row.says,
        place=row.place,
        model=whole.model,
        kind=words.text(f"site.kind_{story.claim.kind}"),
        claimed=row.claimed,
        whose="" if row.claimed_from == "article" or not row.claimed else words.text("table.whose", whose=row.whose),
        measured=row.measured,
        interval=row.interval,
        outcome=words.outcome(whole.outcome),
        evidence=words.evidence(whole.evidence),
    )


def _speaking(table: Sequence[Row]) -> Mapping[str, Row]:
    """Claim id → the line that speaks for it in every table: its own, or that of its only counted check."""
    found: dict[str, Row] = {}
    for row in conclusions(table):
        found.setdefault(row.claim, row)
    return found


def run_href(name: str) -> str:
    """The way from the site's folder to a run's page."""
    return f"runs/{quote(name, safe='', errors='replace')}/index.html"


def _run(story: RunStory) -> RunLine:
    run = story.run
    score = as_printed(story.estimate) if story.estimate else None
    return RunLine(
        name=run.name,
        href=run_href(run.name),
        model=run.spec.model,
        precision=run.spec.precision,
        task=run.spec.task,
        outputs=f"{story.cost.generations:,}",
        score=score.value if score else "",
        interval=score.interval if score else "",
        early=story.early is not None,
    )


def _choices(lines: Sequence[Line], evidence: Sequence[str], words: Lexicon) -> Choices:
    occurring = {line.outcome for line in lines}
    return Choices(
        outcomes=tuple(w for w in (words.outcome(o) for o in get_args(Outcome)) if w in occurring),
        evidence=tuple(evidence),
        articles=tuple(sorted({line.place.partition(":")[0] for line in lines} - {""})),
        models=tuple(sorted({line.model for line in lines})),
        kinds=tuple(sorted({line.kind for line in lines})),
    )
