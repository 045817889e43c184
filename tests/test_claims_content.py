"""What the claims of articles 003 and 004, the suites, and the ledger as a whole have to hold."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.places import configs
from harness.reading import read_record, read_records, yaml_files
from harness.records import (
    BenchmarkCheck,
    Check,
    Claim,
    ConsistencyCheck,
    FactCheck,
    Facts,
    Figures,
    StructureCheck,
    Suite,
)

ARTICLES = Path(__file__).resolve().parents[2] / "shared" / "articles"
LONG = 20  # characters: a run of this length that also stands in an article is a quotation, not our own words


def ledger() -> dict[str, Claim]:
    return {c.id: c for path in yaml_files(configs() / "claims") for c in read_records(path, Claim)}


def checks_of(claims: dict[str, Claim]) -> Iterator[tuple[Claim, Check]]:
    return ((claim, check) for claim in claims.values() for check in claim.checks)


def of_articles(*articles: str) -> dict[str, Claim]:
    return {c.id: c for article in articles for c in read_records(configs() / "claims" / f"{article}.yaml", Claim)}


def suites() -> dict[str, Suite]:
    return {path.stem: read_record(path, Suite) for path in yaml_files(configs() / "suites")}


def article_lines() -> dict[str, list[str]]:
    if not ARTICLES.is_dir():
        pytest.skip("the articles are not beside this checkout")
    return {p.name[:3]: p.read_text(encoding="utf-8").split("\n") for p in sorted(ARTICLES.glob("[0-9]*.txt"))}


@pytest.mark.parametrize(("article", "first", "last"), [("003", 78, 95), ("004", 96, 122)])
def test_an_article_has_all_its_claims_and_each_says_where_it_stands(article: str, first: int, last: int) -> None:
    claims = of_articles(article)
    assert sorted(claims) == [f"C{n:03d}" for n in range(first, last + 1)]
    for claim in claims.values():
        assert claim.article == article, claim.id
        assert claim.where, claim.id


def test_locators_and_printed_words_are_the_articles_own() -> None:
    lines = article_lines()
    for claim in of_articles("003", "004").values():
        texts = [lines[claim.article or ""][place.line - 1] for place in claim.where]
        for place, text in zip(claim.where, texts, strict=True):
            assert hashlib.sha256(text.encode()).hexdigest() == place.sha256, (claim.id, place.line)
        assert claim.printed is None or any(claim.printed in text for text in texts), (claim.id, claim.printed)
    for claim, check in checks_of(of_articles("003", "004")):
        for side in check.places if isinstance(check, ConsistencyCheck) else ():
            text = lines[side.article][side.line - 1]
            assert hashlib.sha256(text.encode()).hexdigest() == side.sha256, (claim.id, side)
            assert side.printed in text, (claim.id, side)


def test_no_claim_repeats_an_article() -> None:
    quoted = {
        line[i : i + LONG] for lines in article_lines().values() for line in lines for i in range(len(line) - LONG + 1)
    }
    for claim in ledger().values():
        for words in (claim.says.ja, claim.says.en):
            runs = {words[i : i + LONG] for i in range(len(words) - LONG + 1)}
            assert not runs & quoted, (claim.id, sorted(runs & quoted)[:1])


def test_facts_and_figures_behind_the_claims_are_recorded() -> None:
    facts = {
        f"{file.subject}/{fact.property}"
        for file in (read_record(path, Facts) for path in yaml_files(configs() / "facts"))
        for fact in file.facts
    }
    figures = {
        f"{file.model}/{figure.id}"
        for file in (read_record(path, Figures) for path in yaml_files(configs() / "references"))
        for figure in file.figures
    }
    for claim, check in checks_of(of_articles("003", "004")):
        named_facts: tuple[str | None, ...] = ()
        named_figures: tuple[str | None, ...] = ()
        if isinstance(check, FactCheck):
            named_facts = (check.fact, check.minus)
        elif isinstance(check, ConsistencyCheck):
            named_facts = check.facts
        elif isinstance(check, BenchmarkCheck):
            named_figures = (check.reference, check.against.reference)
        assert {n for n in named_facts if n} <= facts, (claim.id, named_facts)
        assert {n for n in named_figures if n} <= figures, (claim.id, named_figures)


def test_every_contradiction_is_shown_somewhere() -> None:
    shown = {check.contradiction for _, check in checks_of(ledger()) if isinstance(check, ConsistencyCheck)}
    # X17 is about the maker's own sources among themselves: no article prints either side
    assert {f"X{n}" for n in range(1, 19) if n != 17} <= shown


def test_the_factor_of_ten_counts() -> None:
    """The two wrong sizes are judged by the architecture and by the contradiction, neither only for information."""
    claims = of_articles("003")
    for claim, printed in (("C079", 3.2e9), ("C086", 67.1e9)):
        counted = [check for check in claims[claim].checks if not check.informative]
        assert [type(check) for check in counted] == [StructureCheck, ConsistencyCheck]
        assert isinstance(counted[0], StructureCheck)
        assert counted[0].value == printed


def test_suites_name_existing_claims_once() -> None:
    claims = ledger()
    assert {"smoke", "structure", "headline", "omni", "full"} <= set(suites())
    for name, suite in suites().items():
        assert suite.id == name
        assert set(suite.claims) <= set(claims), (name, sorted(set(suite.claims) - set(claims)))
        assert len(set(suite.claims)) == len(suite.claims), name


def test_the_smoke_suite_has_a_true_a_false_and_a_vague_claim() -> None:
    claims = of_articles("smoke")
    assert suites()["smoke"].claims == ("S01", "S02", "S03")
    said = {}
    for claim in claims.values():
        (check,) = claim.checks
        assert isinstance(check, BenchmarkCheck)
        said[claim.id] = (check.benchmark, check.against.value, check.chosen.claimed_repeats)
    assert said == {"S01": ("smoke-sums", 70, 64), "S02": ("smoke-sums", 90, 64), "S03": ("smoke-sums", 64, 1)}


def test_suites_are_complete() -> None:
    """`structure`: decided by inspection alone; `omni`: all of that model; `full`: all claims of articles."""
    claims = ledger()
    by_structure = set()
    for claim in claims.values():
        counted = [check for check in claim.checks if not check.informative]
        kinds = {check.check for check in counted}
        if "structure" in kinds and kinds <= {"structure", "consistency"}:
            by_structure.add(claim.id)
    assert set(suites()["structure"].claims) == by_structure
    assert set(suites()["omni"].claims) == {c.id for c in claims.values() if c.subject == "qwen2.5-omni-7b"}
    assert set(suites()["full"].claims) == {c.id for c in claims.values() if c.article}
