"""Publications made by hand for tests of pages: one measured claim with everything, one of hostile text, the ledger."""

import dataclasses
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

from told_runs import told_run

from harness import claims
from harness.gathering import CheckStory, ClaimStory, CoursePoint, Publication, Rescored, gather
from harness.records import (
    Against,
    Article,
    BenchmarkCheck,
    Claim,
    Counts,
    Deviation,
    Estimate,
    Fact,
    FactCheck,
    Figure,
    Place,
    Registration,
    Verdict,
    Words,
)
from harness.records.settings import Settings
from harness.report.lexicon import Language, lexicon
from harness.report.site.page import Page
from harness.report.site.pages import pages

HASH = "0" * 64
EVIL = (
    "<script>window.hurt=1</script><img src=x onerror=window.hurt=1> '\"><svg onload=window.hurt=1> {{ 7*7 }} "
    '\u202eevil\u202c \x00\x1b[31m javascript:window.hurt=1 https://evil.example/"onmouseover=window.hurt=1 '
    "&lt;b&gt; </td></table></script>"
)
COUNTS = Counts(
    planned=1920, generated=1920, correct=1500, incorrect=366, no_answer=12, truncated=30, unscored=9, errored=3
)


BROKEN = f"{EVIL} \ud800"
"""What only a verdict can hold: a record refuses halves of characters."""


def told_claim(name: str, article: str | None, says: str, checks: Sequence[BenchmarkCheck | FactCheck] = ()) -> Claim:
    return Claim(
        id=name,
        article=article,
        where=(Place(line=9, sha256=HASH),) if article else (),
        subject="qwq-32b",
        kind="comparison",
        says=Words(en=says, ja=f"{says}(日本語)"),
        printed="79.8" if checks else None,
        checks=tuple(checks),
        untestable=None if checks else "no benchmark is named",
        note="A note.",
    )


def measured_story() -> ClaimStory:
    """A claim that a run decided, with everything that a page can show of a check."""
    check = BenchmarkCheck(
        check="benchmark",
        title="AIME24",
        benchmark="aime24",
        relation="on_par",
        against=Against(reference="deepseek-r1/aime24"),
        reference="qwq-32b/aime24",
        stated=Settings(claimed_repeats=64),
        chosen=Settings(protocol="qwq-official", reading="as the maker measures it"),
        note="A note on the check.",
    )
    estimate = Estimate(
        0.795,
        0.784,
        0.806,
        "stratified",
        questions=30,
        rounds=64,
        counts=COUNTS,
        population_low=0.7,
        population_high=0.9,
    )
    verdict = Verdict(
        "C901", 0, "AIME24", "qwq-32b", "nf4", "inconclusive", "measured",
        claimed="79.8", claimed_from="deepseek-r1/aime24", measured="79.5", estimate=estimate, tolerance=0.03,
        reason="The interval does not decide.", qualifiers=("found despite quantization",),
        deviations=(Deviation("quantization", "down", "nf4 instead of bf16"),), more=1234,
        command="harness run C901", hardware="one 80 GB GPU", sources=("https://example.org/QwQ (commit 620a5ead)",),
        run=told_run().run.name, scorer="math",
    )  # fmt: skip
    whole = dataclasses.replace(verdict, check=-1, title="", claimed="", claimed_from="", estimate=None, deviations=())
    course = tuple(CoursePoint(n, 0.79 + n / 10000, 0.6 + n / 1000, 0.95 - n / 1000) for n in (1, 8, 32, 64))
    checks = (
        CheckStory(
            number=0,
            check=check,
            verdict=verdict,
            independent=(("qwq-32b/aime24@someone", figure("aime24@someone", 78.1, confidence="independent")),),
            rescored=(Rescored("rec", "recorded by others", "qwq-32b", "math", 0.79, 0.77, 0.81, 30, "a repository"),),
            course=course,
            registration=Registration("C901", 0, "on_par", 0.798, "deepseek-r1/aime24", 0.03),
        ),
    )
    figures = {"qwq-32b/aime24": figure("aime24", 79.5), "deepseek-r1/aime24": figure("aime24", 79.8)}
    claim = told_claim("C901", "003", "QwQ-32B equals DeepSeek-R1.", [check])
    return ClaimStory(claim, told_article(), whole, checks, figures, {})


def hostile_story() -> ClaimStory:
    """A claim all of whose free texts try to be more than text."""
    first = BenchmarkCheck(
        check="benchmark", title=EVIL, benchmark=EVIL, relation="on_par", against=Against(reference=EVIL),
        reference=EVIL, subject=EVIL, chosen=Settings(protocol=EVIL, reading=EVIL), note=EVIL,
    )  # fmt: skip
    second = FactCheck(check="fact", title=EVIL, fact=EVIL, relation="contains", value=EVIL)
    verdict = Verdict(
        "C902", 0, BROKEN, BROKEN, BROKEN, "contradicted", "published", claimed=BROKEN,
        # with a score, whose unit is known: of a figure that nobody published there is none
        claimed_from=BROKEN, measured=BROKEN, reason=BROKEN, estimate=Estimate(0.5, 0.4, 0.6, BROKEN),
        qualifiers=(BROKEN,), deviations=(Deviation(BROKEN, "up", BROKEN),), command=BROKEN,
        hardware=BROKEN, sources=(BROKEN,), run=BROKEN, scorer=BROKEN,
    )  # fmt: skip
    claim = told_claim("C902", "003", EVIL, [first, second]).model_copy(update={"printed": EVIL, "subject": EVIL})
    evil = figure("aime24", 1.0).model_copy(
        update={name: EVIL for name in ("label", "metric", "value", "settings", "source", "note")}
    )
    fact = Fact(property="p", value=EVIL, basis="inspected", source=EVIL, note=EVIL)
    checks = (
        CheckStory(0, first, verdict, independent=((EVIL, evil),)),
        CheckStory(1, second, dataclasses.replace(verdict, check=1)),
    )
    whole = dataclasses.replace(verdict, check=-1)
    return ClaimStory(claim, told_article(EVIL), whole, checks, {EVIL: evil}, {EVIL: fact})


def told_article(text: str = "QwQ-32B and the boom") -> Article:
    return Article(
        id="003", file=text, title=text, address=text, original=text, outlet_date=date(2025, 3, 6), sha256=HASH,
        lines=37, out_of_scope=2, note=text,
    )  # fmt: skip


def figure(name: str, value: float, **changes: object) -> Figure:
    known: dict[str, object] = {
        "id": name, "benchmark": "aime24", "label": "AIME24", "metric": "pass@1", "value": value,
        "source": "https://example.org/card, https://example.org/report", "confidence": "A", "repeats": 64,
        "questions": 30, "settings": "T=0.6", "note": "a note",
    }  # fmt: skip
    return Figure.model_validate({**known, **changes})


def untold_story() -> ClaimStory:
    """A claim of no article that nothing decides."""
    claim = told_claim("T01", None, "Nothing decides this.")
    whole = Verdict("T01", -1, "", "alibaba", "", "untestable", "none", reason="No benchmark is named.")
    return ClaimStory(claim, None, whole, (), {}, {})


def publication(*stories: ClaimStory) -> Publication:
    run = told_run()
    return Publication(stories, {"003": told_article()}, (run,), "0.1.0", "abc1234", True)


def small() -> Publication:
    return publication(measured_story(), hostile_story(), untold_story())


@cache
def ledger() -> Publication:
    """The committed claims, without what is stored on this machine."""
    return gather(claims.load_claims(), recorded=True)


def many(count: int) -> Publication:
    """So many claims, each like one of the ledger."""
    found = ledger().stories
    return dataclasses.replace(ledger(), stories=tuple(_renamed(found[n % len(found)], n) for n in range(count)))


def _renamed(story: ClaimStory, position: int) -> ClaimStory:
    name = f"{chr(65 + position // 1000)}{position % 1000:03d}"
    checks = tuple(
        dataclasses.replace(check, verdict=dataclasses.replace(check.verdict, claim=name)) for check in story.checks
    )
    claim = story.claim.model_copy(update={"id": name})
    return dataclasses.replace(story, claim=claim, checks=checks, whole=dataclasses.replace(story.whole, claim=name))


def written(
    folder: Path, of: Publication, language: Language = "en", downloads: Sequence[tuple[str, str]] = ()
) -> tuple[Page, ...]:
    """Writes the site, with a file in the place of every run's page."""
    made = tuple(pages(of, lexicon(language), downloads))
    runs = tuple(Page(f"runs/{run.run.name}/index.html", "") for run in of.runs)
    for page in (*made, *runs):
        path = folder / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page.content.encode() if isinstance(page.content, str) else page.content)
    return made
