"""Claims to stories: the verdicts, and all that bears on them."""

from collections.abc import Callable, Mapping, Sequence

from harness import claims
from harness.gathering.records import CheckStory, ClaimStory, Publication
from harness.judging.ledger import facts_behind, figures_behind, judge_claims
from harness.judging.runs import LocalRun, local_runs
from harness.probes.keeping import stored
from harness.records import BenchmarkCheck, Check, Claim, Figure, Verdict


def gather(
    chosen: Sequence[Claim], *, recorded: bool = False, left_out: Callable[[str], None] = lambda _: None
) -> Publication:
    """Judges the claims and puts beside each what bears on it.

    `recorded`: without this machine's runs and probes. Why something stored is left out goes to `left_out`. Raises
    ConfigError as `judge_claims` does.
    """
    runs: tuple[LocalRun, ...] = () if recorded else local_runs(left_out)
    verdicts = judge_claims(chosen, runs, () if recorded else stored(left_out))
    articles = claims.load_articles()
    stories = tuple(_story(claim, [v for v in verdicts if v.claim == claim.id], articles) for claim in chosen)
    return Publication(stories=stories, articles=articles, runs=(), version="", commit=None, dirty=None)


def _story(claim: Claim, verdicts: Sequence[Verdict], articles: Mapping[str, object]) -> ClaimStory:
    whole = next(v for v in verdicts if v.check < 0)
    checks = tuple(
        CheckStory(
            number=number,
            check=check,
            verdict=next(v for v in verdicts if v.check == number),
            independent=_independent(check, check.subject or claim.subject),
        )
        for number, check in enumerate(claim.checks)
    )
    return ClaimStory(
        claim=claim,
        article=claims.load_articles().get(claim.article or ""),
        whole=whole,
        checks=checks,
        figures=figures_behind(claim),
        facts=facts_behind(claim),
    )


def _independent(check: Check, model: str) -> tuple[tuple[str, Figure], ...]:
    """What third parties measured of this model on this benchmark."""
    if not isinstance(check, BenchmarkCheck):
        return ()
    return ()
