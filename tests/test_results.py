"""Committed results are what the code says today, and documents tell what the commands print."""

import json
import re
from pathlib import Path

import pytest

from harness import claims, inspection, models, places, plan
from harness.judging.ledger import judge_claims
from harness.judging.recorded import as_recorded, verdicts_file
from harness.publishing import check
from harness.records import DECIDED, Verdict
from harness.report.rows import rows, tally

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def verdicts() -> tuple[Verdict, ...]:
    return judge_claims(plan.claims_of([]))


def test_the_committed_report_is_what_its_records_give(verdicts: tuple[Verdict, ...]) -> None:
    """When this fails: ./scripts/table, and look at what changed before committing it."""
    assert [difference.sentence() for difference in check(places.results() / "report")] == []
    shown = json.loads((places.results() / "report" / "verdicts.json").read_text(encoding="utf-8"))["data"]
    decided = {v["claim"]: v["outcome"] for v in shown if v["check"] < 0}
    assert decided == {v.claim: v.outcome for v in verdicts if v.check < 0} | _expected("smoke", "omni-smoke")
    assert verdicts_file().read_text(encoding="utf-8") == as_recorded(verdicts)


def _expected(*suites: str) -> dict[str, str]:
    return {claim: outcome for name in suites for claim, outcome in claims.load_suite(name).expect.items()}


def test_every_claim_has_its_row_and_says_why_it_is_not_decided(verdicts: tuple[Verdict, ...]) -> None:
    whole = {v.claim: v for v in verdicts if v.check < 0}
    assert len(whole) == 122
    for verdict in whole.values():
        assert verdict.reason, verdict.claim
        assert (verdict.evidence == "none") == (verdict.outcome in ("not_run", "untestable")), verdict.claim
    for verdict in verdicts:
        if verdict.check >= 0 and verdict.outcome == "not_run":
            assert verdict.command or verdict.hardware, f"{verdict.claim} check {verdict.check} says no way"


@pytest.mark.parametrize(("claim", "outcome", "evidence", "word"), [
    ("C079", "contradicted", "inspected", "10.2 times"),  # 32.8 billion printed as 3.2 billion
    ("C086", "contradicted", "inspected", ""),  # 671 billion printed as 67.1 billion
    ("C084", "supported", "inspected", ""),  # a twentieth of R1
    ("C055", "contradicted", "inspected", "53 % more"),  # "7B" for 10.7 billion
    ("C082", "supported", "published", ""),
    ("C035", "contradicted", "published", ""),  # two AIME25 scores for one model
    ("C116", "supported", "inspected", "57"),  # two months between releases
    ("C095", "untestable", "none", ""),
])  # fmt: skip
def test_what_can_be_said_today(
    verdicts: tuple[Verdict, ...], claim: str, outcome: str, evidence: str, word: str
) -> None:
    mine = [v for v in verdicts if v.claim == claim]
    whole = next(v for v in mine if v.check < 0)
    assert (whole.outcome, whole.evidence) == (outcome, evidence)
    assert word in " ".join(v.reason for v in mine)


def test_no_verdict_claims_a_measurement_without_a_run(verdicts: tuple[Verdict, ...]) -> None:
    assert not [v.claim for v in verdicts if v.evidence in ("measured", "rescored")]
    assert not [v.claim for v in verdicts if v.outcome in DECIDED and v.evidence == "none"]


def test_contradictions_show_both_places(verdicts: tuple[Verdict, ...]) -> None:
    shown = [v for v in verdicts if v.title.startswith("consistency") or "cannot all be right" in v.reason]
    assert len(shown) >= 10
    for verdict in shown:
        assert verdict.claimed and verdict.measured


@pytest.mark.parametrize("model", ["qwq-32b", "qwen2.5-omni-7b"])
def test_committed_inspections_are_what_the_library_counts(model: str) -> None:
    spec = models.find_model(model)
    assert inspection.count_again(spec) == inspection.kept_tally(spec)


def test_readme_commands_exist() -> None:
    """Every `harness …` and `./scripts/…` line of the README names commands and options that exist."""
    from typer.main import get_command

    from harness.cli import app

    root = get_command(app)
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    fenced = [line for block in re.findall(r"```(?:bash|console)\n(.*?)```", text, re.S) for line in block.splitlines()]
    lines = [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in fenced]
    scripts = {word for line in lines for word in line.split() if word.startswith("./scripts/")}
    assert {"./scripts/run", "./scripts/test"} <= scripts
    assert all((CHECKOUT / script).is_file() for script in scripts)
    spoken = [line.split()[1:] for line in lines if line.split()[:1] == ["harness"]]
    assert len(spoken) >= 10
    for words in spoken:
        if words[0] == "lm-eval":  # its options are lm-eval's: test_lm_eval_model.py
            continue
        command, rest = root, list(words)
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        used = {word.split("=")[0] for word in rest if word.startswith("--")}
        assert used <= known, f"harness {' '.join(words)}: {used - known}"


def test_readme_shows_what_the_command_prints(
    verdicts: tuple[Verdict, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first table, to the letter at 100 columns; the second comes from a run, so only its verdicts are held."""
    from harness.cli.see_commands import print_table

    monkeypatch.setenv("COLUMNS", "100")
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"`harness report --brief --recorded ([C\d\s]+)`", text)
    first, second = re.findall(r"```text\n(.*?)```", text, re.S)
    assert told is not None
    shown = told.group(1).split()
    print_table([v for v in verdicts if v.claim in shown], brief=True)
    assert _lines(first) == _lines(capsys.readouterr().out)
    expected = claims.load_suite("smoke").expect
    for claim, outcome in expected.items():
        assert re.search(rf"^ {claim} .* {outcome} +measured", second, re.M), claim


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_readme_figures_are_those_of_the_results(verdicts: tuple[Verdict, ...]) -> None:
    """The tally in the README is the committed table's, to the letter."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert tally(rows(verdicts, {c.id: c for c in claims.load_claims()})).sentence() in text
    bench = CHECKOUT / "results" / "bench"
    for name in re.findall(r"results/bench/(\w+)\.(?:json|txt)", text):
        assert json.loads((bench / f"{name}.json").read_text(encoding="utf-8"))["figures"]
