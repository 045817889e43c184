"""Does everything that a claim names exist? Slow (reads every file), so it is for tests and not for each start."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import places, reading
from harness.claims.articles import load_articles
from harness.claims.ledger import load_claims
from harness.claims.published import find_fact, find_figure
from harness.claims.suites import load_suite, suite_names
from harness.errors import UnknownName
from harness.records import BenchmarkCheck, Check, Claim, ConsistencyCheck, FactCheck, StructureCheck


@dataclass(frozen=True, slots=True)
class _Known:
    """The names there are. Models and protocols by file name: their loaders belong to later rooms."""

    articles: frozenset[str]
    models: frozenset[str]
    protocols: frozenset[str]
    subjects: frozenset[str]


def check_ledger() -> tuple[str, ...]:
    """One sentence per name that leads nowhere: articles, subjects, figures, facts, models, protocols, claims.

    Also reports an article line that is recorded with two different sha256. Raises ConfigError as the loaders do.
    """
    claims = load_claims()
    known = _known()
    found = [problem for claim in claims for problem in _claim(claim, known)]
    found.extend(_lines(claims))
    ids = {claim.id for claim in claims}
    for name in suite_names():
        found.extend(f"Suite {name}: there is no claim {c!r}." for c in load_suite(name).claims if c not in ids)
    return tuple(found)


def _known() -> _Known:
    configs = places.configs()
    models = _stems(configs / "models")
    return _Known(
        articles=frozenset(load_articles()),
        models=models,
        protocols=_stems(configs / "protocols"),
        subjects=models | _stems(configs / "facts") | _stems(configs / "references"),
    )


def _stems(folder: Path) -> frozenset[str]:
    return frozenset(path.stem for path in reading.yaml_files(folder))


def _claim(claim: Claim, known: _Known) -> Iterator[str]:
    if claim.article is not None and claim.article not in known.articles:
        yield f"{claim.id}: there is no record of article {claim.article!r}."
    if claim.subject not in known.subjects:
        yield f"{claim.id}: nothing is recorded of the subject {claim.subject!r} (no model, facts or figures)."
    for number, check in enumerate(claim.checks, start=1):
        for problem in _check(check, claim, known):
            yield f"{claim.id}, check {number}: {problem}"


def _check(check: Check, claim: Claim, known: _Known) -> Iterator[str]:
    if check.subject is not None and check.subject not in known.subjects:
        yield f"nothing is recorded of the subject {check.subject!r}."
    protocol = check.chosen.get("protocol", check.stated.get("protocol"))
    if protocol is not None and protocol not in known.protocols:
        yield f"there is no protocol {protocol!r}."
    for model in _models(check, claim.subject):
        if model not in known.models:
            yield f"there is no model {model!r} to inspect or run."
    if isinstance(check, ConsistencyCheck):
        for article in sorted({place.article for place in check.places} - known.articles):
            yield f"there is no record of article {article!r}."
    for find, ref in _published(check):
        try:
            find(ref)
        except UnknownName as error:
            yield str(error)
    if isinstance(check, BenchmarkCheck):
        yield from _other_benchmark(check)


def _other_benchmark(check: BenchmarkCheck) -> Iterator[str]:
    """A subject's figure on one benchmark says nothing against a rival's on another."""
    if check.reference and check.against.reference:
        try:
            own, other = find_figure(check.reference), find_figure(check.against.reference)
        except UnknownName:
            return  # said already
        if own.benchmark != other.benchmark:
            yield f"{check.reference} is of {own.benchmark}, but {check.against.reference} of {other.benchmark}."


def _models(check: Check, subject: str) -> Iterator[str]:
    """The checkpoints a check is about: these need a file in configs/models, a mere subject does not."""
    if isinstance(check, BenchmarkCheck | StructureCheck):
        yield check.subject or subject
    if isinstance(check, StructureCheck) and check.ratio_to is not None:
        yield check.ratio_to


def _published(check: Check) -> Iterator[tuple[Callable[[str], object], str]]:
    """The figures and facts that a check names, each with what looks it up."""
    if isinstance(check, BenchmarkCheck):
        yield from ((find_figure, ref) for ref in (check.reference, check.against.reference) if ref)
    elif isinstance(check, FactCheck):
        yield from ((find_fact, ref) for ref in (check.fact, check.minus) if ref)
    elif isinstance(check, ConsistencyCheck):
        yield from ((find_fact, ref) for ref in check.facts)


def _lines(claims: tuple[Claim, ...]) -> Iterator[str]:
    first: dict[tuple[str, int], tuple[str, str]] = {}
    for claim in claims:
        for article, line, sha in _recorded_lines(claim):
            other, before = first.setdefault((article, line), (claim.id, sha))
            if sha != before:
                yield f"{claim.id}: line {line} of article {article} has another sha256 than in {other}."


def _recorded_lines(claim: Claim) -> Iterator[tuple[str, int, str]]:
    if claim.article is not None:
        yield from ((claim.article, place.line, place.sha256) for place in claim.where)
    for check in claim.checks:
        if isinstance(check, ConsistencyCheck):
            yield from ((side.article, side.line, side.sha256) for side in check.places)
