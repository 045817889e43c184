"""The whole site but its run pages: the front page, a page for each claim and each article, and what they load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from harness.gathering import ClaimStory, Publication
from harness.records import EVIDENCE_ORDER, Article, Claim, Evidence, Outcome
from harness.report.drawing import drawn_costs
from harness.report.lexicon import Lexicon
from harness.report.pictures import costs_of
from harness.report.rows import Row
from harness.report.site.claimed import check_view, ways
from harness.report.site.front import front, ordered
from harness.report.site.marks import CODES, bar, classes
from harness.report.site.page import Page, made_with
from harness.report.site.rendering import FOLDER, render

COLUMNS = ("claim", "place", "model", "kind", "claimed", "measured", "verdict", "evidence")
"""Of the table of claims, left to right."""


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """One claim on its article's page. `lines`: where it stands ("5, 15")."""

    id: str
    lines: str
    says: str
    printed: str
    outcome: Outcome
    evidence: Evidence
    classes: str


@dataclass(frozen=True, slots=True)
class Other:
    """The claim in the other language."""

    lang: str
    says: str


def pages(
    publication: Publication,
    words: Lexicon,
    downloads: Sequence[tuple[str, str]] = (),
    table: Sequence[Row] | None = None,
) -> Iterator[Page]:
    """Every page of the site but those of runs (harness.report.site.samples), one after the other, and the assets.

    `downloads`: (label, path relative to the site) of the same tables in other formats; `table`: their rows, where they
    are made already. Where the publication holds
    several runs, their pages are linked as `runs/<name>/index.html`, so whoever writes the folder has to write those.
    """
    stories = ordered(publication.stories)
    made = made_with(publication)
    yield from assets(words)
    yield Page("index.html", _index(publication, words, downloads, table))
    ids = [story.claim.id for story in stories]
    runs = frozenset(run.run.name for run in publication.runs)
    for story, before, after in zip(stories, ["", *ids], [*ids[1:], ""], strict=False):
        common = {"made": made, "previous": before, "next": after}
        path = f"claims/{story.claim.id}.html"
        yield Page(path, render("claim.html", words, path, {**common, **_claim(story, words, runs)}))
    for article, members in _by_article(stories):
        path = f"articles/{article.id}.html"
        values = _article(article, members, words)
        others = list(dict.fromkeys(s.article.id for s in stories if s.article))
        yield Page(path, render("article.html", words, path, {"made": made, "articles": others, **values}))


def assets(words: Lexicon) -> Iterator[Page]:
    """Style sheets and scripts, and the column titles that a narrow table shows beside each cell."""
    for path in sorted((FOLDER / "assets").iterdir()):
        if path.is_file():
            yield Page(f"assets/{path.name}", path.read_bytes())
    yield Page("assets/labels.css", _labels(words))


def _index(
    publication: Publication, words: Lexicon, downloads: Sequence[tuple[str, str]], table: Sequence[Row] | None
) -> str:
    costs = costs_of(publication, words)
    values = {
        "made": made_with(publication),
        "page": front(publication, words, table),
        "columns": COLUMNS,
        "costs": drawn_costs(costs, words) if costs else None,
        "verdict_words": [(CODES[o], words.outcome(o), words.outcome_meaning(o)) for o in get_args(Outcome)],
        "evidence_words": [(words.evidence(e), words.evidence_meaning(e)) for e in EVIDENCE_ORDER],
        "downloads": tuple(downloads),
    }
    return render("index.html", words, "index.html", values)


def _claim(story: ClaimStory, words: Lexicon, runs: frozenset[str]) -> Mapping[str, object]:
    claim, whole = story.claim, story.whole
    counted = sum(not c.informative for c in claim.checks)
    other = Other("en", claim.says.en) if words.language == "ja" else Other("ja", claim.says.ja)
    return {
        "claim": claim,
        "article": story.article,
        "whole": whole,
        "classes": classes(whole.outcome, whole.evidence),
        "other": other,
        "combined": words.text(f"site.combined_{claim.combine}", count=counted) if counted > 1 else "",
        "checks": [check_view(check, story, words, runs) for check in story.checks],
        "ways": ways(story),
    }


def _article(article: Article, members: Sequence[ClaimStory], words: Lexicon) -> Mapping[str, object]:
    lines = [
        ReadingLine(
            id=story.claim.id,
            lines=", ".join(str(n) for n in _lines(story.claim)),
            says=words.says(story.claim),
            printed=story.claim.printed or "",
            outcome=story.whole.outcome,
            evidence=story.whole.evidence,
            classes=classes(story.whole.outcome, story.whole.evidence),
        )
        for story in sorted(members, key=lambda s: _lines(s.claim))
    ]
    return {"article": article, "claims": lines, "pieces": bar(members, len(members), words)}


def _lines(claim: Claim) -> tuple[int, ...]:
    return tuple(place.line for place in claim.where)


def _by_article(stories: Iterable[ClaimStory]) -> Iterator[tuple[Article, Sequence[ClaimStory]]]:
    found: dict[str, tuple[Article, list[ClaimStory]]] = {}
    for story in stories:
        if story.article is not None:
            found.setdefault(story.article.id, (story.article, []))[1].append(story)
    yield from found.values()


def _labels(words: Lexicon) -> str:
    """A rule per column, in the language of the page; texts are ours."""
    rules = []
    for position, column in enumerate(COLUMNS, 1):
        label = words.text(f"site.column_{column}").replace("\\", "").replace('"', "")
        rules.append(f'.claims td:nth-child({position}) {{ --label: "{label}"; }}\n')
    return "".join(rules)
