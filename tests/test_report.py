"""Verdicts in, text out: golden tables, hostile text, narrow and wide terminals, JSON, progress."""

import io
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from harness.engines import Live
from harness.records import (
    Against,
    Article,
    BenchmarkCheck,
    Claim,
    ConsistencyCheck,
    Counts,
    Deviation,
    Estimate,
    Fact,
    FactCheck,
    Figure,
    Generation,
    Place,
    PrintedPlace,
    Verdict,
    Words,
)
from harness.report import as_json, escaping, machine, markdown, pages, terminal, words
from harness.report.meter import Meter
from harness.report.progress import EVERY, RunProgress
from harness.report.rows import Numbers, Row, conclusions, rows, tally

GOLDEN = Path(__file__).parent / "golden" / "report"
HASH = "0" * 64
COUNTS = Counts(
    planned=1920, generated=1920, correct=1500, incorrect=366, no_answer=12, truncated=30, unscored=9, errored=3
)
ESTIMATE = Estimate(0.795, 0.784, 0.806, "stratified", questions=30, rounds=64, counts=COUNTS)


def claim(name: str, article: str | None, says: str, checks: int = 0, printed: str | None = None) -> Claim:
    check = BenchmarkCheck(check="benchmark", benchmark="aime24", relation="on_par", against=Against(value=79.8))
    return Claim(
        id=name,
        article=article,
        where=(Place(line=9, sha256=HASH),) if article else (),
        subject="qwq-32b",
        kind="comparison",
        says=Words(en=says, ja=f"{says}(日本語)"),
        printed=printed,
        checks=(check,) * checks,
        untestable=None if checks else "no benchmark or threshold is named",
    )


CLAIMS = {
    c.id: c
    for c in (
        claim("C080", "003", "QwQ-32B has 3.2 billion parameters.", 1, "32億"),
        claim("C082", "003", "In mathematical reasoning QwQ-32B equals DeepSeek-R1.", 3, "同等"),
        claim("C009", "000", "The launch changes the market."),
        claim("S01", None, "The small checkpoint adds correctly in 70 percent of cases.", 1),
    )
}


def verdict(name: str, check: int = -1, **known: object) -> Verdict:
    base = Verdict(name, check, "", "qwq-32b", "", "not_run", "none")
    return replace(base, **known)  # type: ignore[arg-type]  # tests name fields freely


VERDICTS = (
    verdict(
        "C082",
        0,
        title="AIME24",
        precision="nf4",
        outcome="inconclusive",
        evidence="measured",
        claimed="79.8",
        claimed_from="deepseek-r1/aime24",
        measured="79.5",
        estimate=ESTIMATE,
        tolerance=0.03,
        reason="The interval does not decide.",
        qualifiers=("a fortiori: found despite quantization",),
        deviations=(Deviation("quantization", "down", "nf4 instead of bf16"),),
        more=1234,
        command="harness run C082",
        hardware="one 80 GB GPU",
        sources=("https://example.org/QwQ (commit 620a5ead) README.md", "https://example.org/R1"),
        run="qwq-32b-nf4-aime24-0123456789",
        scorer="math",
    ),
    verdict(
        "C082",
        1,
        title="AIME25",
        outcome="supported",
        evidence="published",
        claimed="70.0",
        claimed_from="deepseek-r1/aime25",
        measured="69.5",
        reason="Within the error of both figures.",
        command="harness run C082",
        hardware="one 80 GB GPU",
        sources=("https://example.org/QwQ (commit 620a5ead) README.md",),
    ),
    verdict("C082", 2, title="LiveBench", reason="No figure.", informative=True),
    verdict(
        "C082",
        outcome="inconclusive",
        evidence="measured",
        reason="AIME24 is undecided.",
        command="harness run C082",
        hardware="one 80 GB GPU",
    ),
    verdict(
        "C080",
        0,
        title="parameters.total",
        outcome="contradicted",
        evidence="inspected",
        claimed="3,200,000,000",
        claimed_from="article",
        measured="32,763,876,352",
        reason="Off by a factor of 10.2.",
        sources=("config.json of Qwen/QwQ-32B",),
    ),
    verdict("C080", outcome="contradicted", evidence="inspected"),
    verdict("C009", model="alibaba", outcome="untestable", reason="No benchmark or threshold is named."),
    verdict(
        "S01",
        0,
        title="smoke-sums",
        model="tiny-qwen2-trained",
        precision="fp32",
        outcome="reproduced",
        evidence="measured",
        claimed="70.0",
        claimed_from="article",
        estimate=replace(ESTIMATE, value=0.704, low=0.69, high=0.72, counts=Counts(64, 64, correct=45, incorrect=19)),
        run="tiny-qwen2-trained-fp32-smoke-sums-0123456789",
        scorer="sums",
    ),
    verdict("S01", model="tiny-qwen2-trained", precision="fp32", outcome="reproduced", evidence="measured"),
)


def printed(what: RenderableType, width: int, *, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    console.print(what)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def flat(text: str) -> str:
    return " ".join(text.split())


def table() -> tuple[Row, ...]:
    return rows(VERDICTS, CLAIMS)


# -- rows


def test_a_claim_has_its_own_row_only_when_its_one_check_does_not_say_it_all() -> None:
    levels = [(r.claim, r.check, r.level) for r in table()]
    assert levels == [
        ("C009", "no check", "claim"),
        ("C080", "parameters.total", "check"),
        ("C082", "whole claim: all of 3 checks", "claim"),
        ("C082", "AIME24", "check"),
        ("C082", "AIME25", "check"),
        ("C082", "LiveBench (informative)", "informative"),
        ("S01", "smoke-sums", "check"),
    ]
    assert [r.claim for r in table() if r.first] == ["C009", "C080", "C082", "S01"]


def test_a_conclusion_that_differs_from_the_only_check_is_not_swallowed() -> None:
    differing = (VERDICTS[4], verdict("C080", outcome="inconclusive", evidence="inspected"))
    assert [r.outcome for r in rows(differing, CLAIMS)] == ["inconclusive", "contradicted"]


@given(st.permutations(VERDICTS))
@settings(max_examples=30)
def test_the_order_of_verdicts_does_not_matter(shuffled: Sequence[Verdict]) -> None:
    assert rows(shuffled, CLAIMS) == table()


def test_a_row_says_whose_number_it_is_and_counts_everything() -> None:
    row = next(r for r in table() if r.check == "AIME24")
    assert (row.model, row.claimed, row.claimed_from) == ("qwq-32b (nf4)", "79.8", "deepseek-r1/aime24")
    assert (row.measured, row.interval, row.scored) == ("79.5", "78.4–80.6", "1,908/1,920")
    assert (row.truncated, row.no_answer, row.unscored, row.errored) == ("30 (1.6 %)", "12 (0.6 %)", "12", "3")
    assert row.why == "The interval does not decide. Needs 1,234 more generations."
    assert row.deviations == "quantization ↓"


def test_the_number_of_missing_generations_is_not_said_twice() -> None:
    told = replace(VERDICTS[0], reason="Needs 1,234 more generations.")
    assert rows((told,), CLAIMS)[0].why == told.reason


def test_a_measured_value_without_text_comes_from_the_estimate_in_percent() -> None:
    assert next(r for r in table() if r.claim == "S01").measured == "70.4"


def test_verdicts_on_unknown_claims_are_shown() -> None:
    (row,) = rows((verdict("Z99", 0, title="x"),), {})
    assert (row.claim, row.article, row.says) == ("Z99", "", "")


def test_the_tally_counts_claims_and_never_their_checks() -> None:
    counts = tally(table())
    assert counts.sentence() == (
        "4 claims: 1 reproduced (measured), 1 contradicted (inspected), 1 inconclusive (measured), 1 untestable"
    )
    assert (counts.of("inconclusive"), counts.of("supported"), counts.of("contradicted", "published")) == (1, 0, 0)
    assert sum(n for _, _, n in counts.counts) == len(conclusions(table())) == counts.claims


def test_without_a_conclusion_on_the_claim_its_counted_checks_are_counted() -> None:
    assert tally(rows(VERDICTS[:3], CLAIMS)).sentence() == (
        "2 verdicts on 1 claim: 1 supported (published), 1 inconclusive (measured)"
    )
    assert tally(()).sentence() == "0 claims"


@pytest.mark.parametrize(
    ("low", "high", "unit", "level", "text"),
    [
        (0.784, 0.806, "fraction", 0.95, "78.4–80.6"),
        (0.784, None, "fraction", 0.95, "≥ 78.4"),
        (None, 0.806, "fraction", 0.975, "≤ 80.6 (97.5 %)"),
        (-0.01, 0.02, "fraction", 0.95, "-1.0 to 2.0"),
        (1200.0, 1300.5, "ms", 0.95, "1,200–1,300.5 ms"),
        (None, None, "fraction", 0.95, ""),
    ],
)
def test_intervals(low: float | None, high: float | None, unit: str, level: float, text: str) -> None:
    assert words.interval(low, high, unit, level) == text


# -- the terminal


@pytest.mark.parametrize("width", [100, 160])
def test_golden_terminal(width: int) -> None:
    shown = printed(terminal.comparison_table(table(), width), width)
    shown += printed(terminal.summary_line(table()), width)
    assert shown == (GOLDEN / f"table_{width}.txt").read_text(encoding="utf-8")


@given(st.integers(40, 240))
@settings(max_examples=40, deadline=None)
def test_no_width_loses_a_verdict_or_its_evidence(width: int) -> None:
    shown = printed(terminal.comparison_table(table(), width), width)
    assert all(cell_len(line) <= width for line in shown.splitlines())
    for row in table():
        assert shown.count(row.verdict) >= sum(r.verdict == row.verdict for r in table())
        assert shown.count(row.evidence) >= sum(r.evidence == row.evidence for r in table())


def test_without_a_width_the_table_fits_what_it_is_printed_on() -> None:
    fixed = printed(terminal.comparison_table(table(), 120), 120)
    assert printed(terminal.comparison_table(table()), 120) == fixed


def test_wide_tables_say_why_and_where_from() -> None:
    shown = flat(printed(terminal.comparison_table(table(), 500), 500))
    assert "commit 620a5ead" in shown
    assert "a fortiori" in shown
    assert "one 80 GB GPU" in shown


def test_articles_are_named() -> None:
    shown = printed(terminal.comparison_table(table(), 160, {"003": "QwQ-32B and the boom"}), 160)
    assert "Article 003" in shown
    assert "QwQ-32B and the" in shown
    assert "Not from an" in shown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_list_of_claims(width: int) -> None:
    so_far = {"C080": {"outcome": "contradicted", "evidence": "inspected"}, "C082": {"outcome": "not_run"}}
    shown = printed(terminal.claims_list(tuple(CLAIMS.values()), so_far, width=width), width)
    for text in ("C080", "003:9", "contradicted", "inspected", "not run", "32億", "comparison"):
        assert text in shown
    assert "日本語" not in shown
    assert "日本語" in printed(terminal.claims_list(tuple(CLAIMS.values()), {}, japanese=True), width)


# -- pages


def the_page(chosen: Claim, verdicts: Sequence[Verdict] = VERDICTS) -> str:
    article = Article(
        id="003", file="003_x.txt", title="QwQ and the boom", address="https://x.example", sha256=HASH, lines=9,
        out_of_scope=1,
    )  # fmt: skip
    figure = Figure(
        id="aime24", benchmark="AIME24", label="AIME24", metric="pass@1", value=79.0, source="https://x.example/card",
        confidence="A", repeats=64, questions=30, settings="T=0.6",
    )  # fmt: skip
    fact = Fact(property="released", value=date(2025, 3, 6), basis="inspected", source="https://x.example/blog")
    return flat(
        printed(
            pages.claim_page(chosen, article, {"qwq-32b/aime24": figure}, {"qwq-32b/released": fact}, verdicts), 100
        )
    )


def test_the_page_of_a_claim_tells_what_decides_it() -> None:
    check = BenchmarkCheck(
        check="benchmark",
        benchmark="aime24",
        relation="on_par",
        against=Against(reference="deepseek-r1/aime24"),
        reference="qwq-32b/aime24",
        chosen={"protocol": "qwq-official"},
    )
    shown = the_page(CLAIMS["C082"].model_copy(update={"checks": (check, check)}))
    for text in (
        "003_x.txt:9 prints 同等",
        "score on aime24 is on a par with deepseek-r1/aime24",
        "stated by the article: nothing",
        "chosen by us: protocol = qwq-official",
        "published figure qwq-32b/aime24: 79.0 percent (pass@1; 30 questions; 64 generations per question; T=0.6)",
        "source: https://x.example/card; confidence A (the maker and a second source)",
        "published figure deepseek-r1/aime24: not recorded",
        "→ inconclusive, evidence measured, qwq-32b (nf4)",
        "claimed 79.8 (deepseek-r1/aime24); measured 79.5; tolerance 3.0 points; interval 78.4–80.6",
        "1,908 of 1,920 generations scored, 30 truncated, 12 no answer, 9 unscored, 3 errored",
        "qualified: a fortiori: found despite quantization",
        "deviation: quantization ↓ nf4 instead of bf16",
        "Verdict so far (all of 2 checks) → inconclusive",
        "Stronger evidence harness run C082 needs one 80 GB GPU",
    ):
        assert text in shown, text


def test_the_page_shows_facts_places_and_missing_verdicts() -> None:
    place = PrintedPlace(article="003", line=5, sha256=HASH, printed="32億", means=3_200_000_000)
    checks = (
        FactCheck(check="fact", fact="qwq-32b/released", relation="before", value=date(2025, 4, 1)),
        ConsistencyCheck(
            check="consistency", contradiction="X1", places=(place,), facts=("qwq-32b/size",), informative=True
        ),
    )
    shown = the_page(CLAIMS["C080"].model_copy(update={"checks": checks}), ())
    for text in (
        "qwq-32b/released is before 2025-04-01",
        "recorded fact qwq-32b/released: 2025-03-06 (inspected; https://x.example/blog)",
        "003:5 prints 32億, which means 3,200,000,000",
        "recorded fact qwq-32b/size: not recorded",
        "shown but not counted",
        "none: nothing has judged this claim yet",
    ):
        assert text in shown, text


def test_the_page_of_an_untestable_claim_says_why() -> None:
    assert "untestable: no benchmark or threshold is named" in the_page(CLAIMS["C009"], ())


@dataclass(frozen=True, slots=True)
class Inspected:
    id: str
    parameters_total: int
    components: dict[str, int]
    bytes_by_precision: dict[str, int]
    licence: str | None
    modalities: tuple[str, ...]
    folder: Path | None = None


def test_the_page_of_an_inspected_model() -> None:
    found = Inspected("omni", 10_732_225_408, {"talker": 1_351_360_256}, {"bf16": 21_464_450_816}, None, ("text",))
    shown = flat(printed(pages.inspection_page(found), 100))
    for text in (
        "parameters total 10,732,225,408",
        "talker 1,351,360,256",
        "bf16 21,464,450,816 (21.5 GB)",
        "licence not recorded",
        "folder not on this machine",
    ):
        assert text in shown, text


def test_the_plan_and_the_doctor_say_what_stands_in_the_way() -> None:
    line = machine.PlanLine(
        "r", "qwq-32b", "bf16", "aime24", 30, 64, 1920, 65.5, 8.6, "no", "74.1 of 15.6 GB", ("C080", "C082"), 1.2,
        "the weights", "harness run C082",
    )  # fmt: skip
    unknown = replace(line, weights_gb=None, kv_gb=None, fits="unknown", smallest_difference=None, blocked_by="")
    for width in (80, 100, 160):
        shown = flat(printed(machine.plan_table((line, unknown), width), width))
        for text in ("1,920", "30 × 64", "65.5 + 8.6 GB", "– + – GB", "1.2 pt", "waits for: the weights"):
            assert text in shown, text
    state = flat(printed(machine.doctor_table((machine.DoctorLine("torch", "fail", "missing", "./scripts/run"),)), 80))
    assert "fail torch missing ./scripts/run" in state


def test_a_plan_says_once_what_its_runs_have_alike() -> None:
    """The sum of a model in its first row, and how data are provided for all tasks; nothing of it is lost."""
    how = "which is not here: put it into a folder and pass --data-dir FOLDER."
    line = machine.PlanLine(
        "r", "omni", "bf16", "a", 30, 1, 30, 21.5, 0.2, "tight", "22.1 of 21.9 GB", ("C051",), None,
        f"Wanted is A, {how}", "harness run --suite omni",
    )  # fmt: skip
    others = (("b", f"Wanted is B, {how}"), ("c", f"Wanted is B, {how}"), ("d", "no task measures d"), ("e", ""))
    lines = [line, *(replace(line, task=task, blocked_by=why) for task, why in others)]
    lines.append(replace(line, model="other", fits="no", fits_why="9 of 8 GB", blocked_by=f"Wanted is A, {how}"))
    shown = flat(printed(machine.plan_table(lines, 100), 100))
    assert shown.count("22.1 of 21.9 GB") == shown.count("9 of 8 GB") == 1
    assert f"omni waits on 2 tasks; … stands for “{how}” a: Wanted is A, … b, c: Wanted is B, …" in shown
    assert "omni on d waits for: no task measures d" in shown and "e waits for" not in shown
    assert f"other on a waits for: Wanted is A, {how}" in shown


def test_endings_that_texts_share() -> None:
    from harness.report.repeating import by_ending

    tail = "one two three four five six seven"
    assert by_ending({"a": f"A {tail}", "b": f"B b {tail}", "c": "C", "d": "C"}) == [
        (tail, {"a": "A", "b": "B b"}),
        ("", {"c": "C", "d": "C"}),
    ]
    assert by_ending({"a": tail, "b": tail}) == [(tail, {"a": "", "b": ""})]
    assert by_ending({}) == []


# -- Markdown and CSV


def test_golden_markdown() -> None:
    shown = markdown.verdict_document(table(), {"003": "QwQ-32B and the boom"})
    assert shown == (GOLDEN / "table.md").read_text(encoding="utf-8")


def test_markdown_tables_are_rectangular_and_sources_are_found() -> None:
    text = markdown.verdict_document(table())
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| **")}
    assert widths == {16}
    noted = [line for line in text.splitlines() if line.startswith("[^")]
    assert len(noted) == len({s for r in table() for s in r.sources})
    assert all(f"[^{n + 1}]" in text.split("## Sources")[0] for n in range(len(noted)))


def test_csv_has_every_field_of_every_row() -> None:
    import csv

    read = list(csv.DictReader(io.StringIO(markdown.comparison_csv(table()))))
    assert [r["claim"] for r in read] == [r.claim for r in table()]
    assert [f for f in fields(Row) if f.name not in read[0]] == [
        f for f in fields(Row) if f.name in ("recorded", "numbers", "printed")
    ]
    assert [f.name for f in fields(Numbers) if f.name not in read[0]] == []
    numbers = ("measured_value", "interval_low", "interval_high", "claimed_value", "tolerance", "planned", "rounds")
    assert [read[3][name] for name in numbers] == ["79.5", "78.4", "80.6", "79.8", "3.0", "1920", "64"]
    assert read[4]["interval_low"] == "" and read[4]["claimed_value"] == "70.0"
    assert read[3]["interval"] == "78.4–80.6"


@pytest.mark.parametrize(
    ("text", "safe"),
    [("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("@x", "'@x"), ("-1.5", "-1.5"), ("+3.0 %", "+3.0 %"), ("79.8", "79.8")],
)
def test_spreadsheets_get_no_formulas(text: str, safe: str) -> None:
    assert escaping.spreadsheet(text) == safe


# -- hostile text

HOSTILE = (
    "[bold red]x[/bold red] [link=https://evil.example]y[/link] [/]",
    "a|b|c\n| d | e |",
    "\x1b[2J\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "79.8\u202e5.97",
    "<script>alert(1)</script><!-- & &lt; -->",
    "`code` **bold** _em_ ~~gone~~ $x$ ![i](https://evil.example)",
    "\ud800 lone \u200b zero width \u2028 line",
    "[^1]: not a footnote",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_everywhere(text: str) -> None:
    bad = replace(
        VERDICTS[0], title=text, model=text, claimed=text, claimed_from=text, measured=text, reason=text,
        qualifiers=(text,), deviations=(Deviation(text, "down", text),), sources=(text,), run=text, command=text,
        hardware=text,
    )  # fmt: skip
    hostile = rows((bad, VERDICTS[1], VERDICTS[3]), CLAIMS)
    for width in (60, 100, 160, 240):
        shown = printed(terminal.comparison_table(hostile, width), width)
        assert not any(c in shown for c in "\x1b\x07\u202e\u200b\u2028\ud800")
        assert "inconclusive" in shown
    coloured = printed(terminal.comparison_table(hostile, 240), 240, colour=True)
    assert "\x1b[2J" not in coloured
    assert "\x1b]8" not in coloured
    page = markdown.comparison_markdown(hostile, title=text)
    assert {line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| C082")} == {16}
    # what stands between two bare backticks is code, in which nothing is obeyed
    body = re.sub(r"`[^`]*`", "", page.replace("\\`", "").replace("<br>", ""))
    body = re.sub(r"\\.", "", body.partition("## Legend")[0])
    assert not re.search(r"[<$~]|!\[|\]\(|(?<!\*)\*(?!\*)", body.replace("[^", ""))
    assert not any(c in page for c in "\x1b\x07\u202e\u200b\u2028\ud800")
    page.encode("utf-8")


def test_markup_is_shown_not_obeyed() -> None:
    text = HOSTILE[0]
    (row,) = rows((verdict("C080", 0, title=text),), CLAIMS)
    assert text in flat(printed(terminal.comparison_table((row,), 300), 300))
    assert "\\[bold red\\]" in markdown.comparison_markdown((row,), title="t")


@given(st.text(max_size=60))
def test_clean_text_is_one_visible_line_and_stays_so(text: str) -> None:
    once = escaping.clean(text)
    assert "\n" not in once
    assert escaping.clean(once) == once
    once.encode("utf-8")
    assert "|" not in escaping.markdown(text).replace("\\|", "")


def test_clean_text_keeps_japanese_and_cuts_the_endless() -> None:
    assert escaping.clean(" 約1/20\n同等 ") == "約1/20 同等"
    assert escaping.clean("x" * 10_000, 10) == "x" * 9 + "…"
    assert escaping.markdown("qwen3_32b _em_") == "qwen3_32b \\_em\\_"


# -- JSON


def test_documents_survive_a_round_trip() -> None:
    payload = {
        "verdicts": VERDICTS,
        "claim": CLAIMS["C082"],
        "when": date(2025, 3, 6),
        "where": PurePosixPath("a/b"),
        "set": {"b", "a"},
        "nan": float("nan"),
        1: "key",
    }
    made = as_json.document("report", payload)
    read = json.loads(as_json.dumps(made))
    assert read == made
    assert (read["schema"], read["schema_version"]) == ("harness/report", 1)
    data = read["data"]
    assert list(data) == sorted(data)
    assert data["verdicts"][0]["estimate"]["counts"]["truncated"] == 30
    assert list(data["verdicts"][0]) == [f.name for f in fields(Verdict)]
    assert data["claim"]["says"]["en"] == CLAIMS["C082"].says.en
    assert Claim.model_validate(data["claim"]) == CLAIMS["C082"]
    assert (data["when"], data["where"], data["set"], data["nan"]) == ("2025-03-06", "a/b", ["a", "b"], None)


def test_json_keeps_japanese_and_survives_broken_text() -> None:
    text = as_json.dumps(as_json.document("x", {"a": "同等", "b": "\udc80"}))
    assert "同等" in text
    assert json.loads(text.encode("utf-8"))["data"]["b"] == "\udc80"


def test_json_refuses_what_nobody_could_read_back() -> None:
    with pytest.raises(TypeError, match="object"):
        as_json.to_plain({"x": object()})


# -- progress


class Time:
    """A clock that stands still unless told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Working:
    """An engine's `live`, with the figures it is given."""

    def __init__(self) -> None:
        self.now = Live()
        self.asked = 0

    def __call__(self) -> Live:
        self.asked += 1
        return self.now


def waiting(until: Callable[[], bool]) -> None:
    for _ in range(2000):
        if until():
            return
        time.sleep(0.005)
    raise AssertionError("in vain")


def progress(*, tty: bool = False, **how: Any) -> tuple[RunProgress, io.StringIO, Time]:
    out, clock = io.StringIO(), Time()
    console = Console(file=out, width=120, force_terminal=tty, color_system=None)
    return RunProgress(console=console, clock=clock, **how), out, clock


def generation(repeat: int, finish: str = "stop", tokens: int = 100) -> Generation:
    return Generation("q1", repeat, "", finish, output_tokens=tokens)  # type: ignore[arg-type]  # literal by hand


def test_plain_lines_come_now_and_then() -> None:
    watch, out, clock = progress()
    watch.start(total=1000, done=10, title="qwq-32b [bold]aime24[/bold]")
    for n in range(20):
        clock.now += 1
        watch.update(generation(n, "length" if n % 4 == 0 else "stop"))
    watch.finish()
    watch.finish()
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 + 20 // EVERY
    assert lines[0] == "qwq-32b [bold]aime24[/bold]: 10/1,000, going on"
    assert lines[1].endswith("20/1,000, 1.0/s, 100 tokens/s, 30.0 % truncated, 16 min 20 s left")
    assert lines[-1].endswith("30/1,000, 1.0/s, 100 tokens/s, 25.0 % truncated, 20 s, not complete")


def test_errors_are_counted_and_a_finished_run_says_so() -> None:
    watch, out, clock = progress(quiet=True)
    watch.start(2, 0, "r")
    clock.now += 60
    watch.update(generation(0, "error", 0))
    watch.update(generation(1, "stop", 0))
    watch.finish()
    assert out.getvalue() == "r: 2/2, 2.0/min, 0.0 % truncated, 1 error, 1 min 00 s\n"


def test_silence_is_silent_and_an_update_too_early_is_a_mistake() -> None:
    watch, out, _ = progress(silent=True)
    with watch:
        watch.start(2, 0, "r")
        watch.update(generation(0))
    assert out.getvalue() == ""
    with pytest.raises(RuntimeError, match="start"):
        watch.update(generation(0))


def test_a_terminal_gets_a_bar_and_is_itself_again_after_an_error() -> None:
    watch, out, clock = progress(tty=True)
    with pytest.raises(KeyboardInterrupt), watch:
        watch.start(10, 0, "first")
        clock.now += 2
        watch.update(generation(0))
        raise KeyboardInterrupt
    watch.start(4, 4, "second")
    watch.finish()
    shown = out.getvalue()
    assert "━" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 2, "the cursor is shown again"
    assert "first: 1/10, 30.0/min, 50 tokens/s, 0.0 % truncated, 2 s, not complete" in shown
    assert shown.rstrip().endswith("second: 4/4, 0 s")


ROWS = Live(running=62, waiting=120, tokens=0, kv_tokens=810, kv_capacity=1000, rows=64)


def test_the_engine_is_seen_working_while_nothing_ends() -> None:
    """Outputs of reasoning models end minutes apart."""
    watch, out, clock = progress(look=None)
    live = Working()
    watch.start(total=100, done=0, title="r", live=live, most=1000)
    for _ in range(25):
        clock.now += 1
        live.now = replace(ROWS, tokens=live.now.tokens + 500, preempted=3)
        watch.tick()
    watch.finish()
    lines = out.getvalue().splitlines()
    assert lines[0] == "r: 0/100, starting" and len(lines) == 2 + 25 // EVERY
    figures = "r: 0/100, 500 tokens/s, 62 of 64 running, 120 waiting, KV 81 %, 3 preempted"
    # 100 outputs of at most 1,000 tokens at 500 a second
    assert lines[1:3] == [f"{figures}, at most 3 min 20 s left"] * 2
    assert lines[-1] == "r: 0/100, 25 s, not complete"


def test_what_remains_is_told_by_tokens_unfinished_outputs_included() -> None:
    meter, clock = Meter("r", 100, 0, 100.0, clock := Time(), most=1000), clock
    meter.look(replace(ROWS, tokens=7000))
    assert (meter.made, meter.remaining) == (0, None), "tokens of an earlier run of the same engine are not ours"
    clock.now += 10
    meter.look(replace(ROWS, tokens=12000))
    assert (meter.remaining, meter.bounded) == (100 * 1000 / 500, True)
    meter.add(generation(0, tokens=50))
    # one of 50 tokens has ended, while 5,000 were made: the mean is not 50, and at most what is allowed
    assert (meter.remaining, meter.bounded) == (99 * 1000 / 500, False)
    for n in range(1, 20):
        meter.add(generation(n, tokens=100))
    assert meter.remaining == pytest.approx(80 * (5000 / 20) / 500)


def test_the_speed_is_that_of_the_last_half_minute() -> None:
    meter, clock = Meter("r", 100, 0, 100.0, clock := Time()), clock
    tokens = 0
    for second in range(200):
        meter.look(replace(ROWS, tokens=tokens))
        clock.now += 1
        tokens += 10 if second < 150 else 100
    assert meter.tokens_per_second == pytest.approx(100)
    for _ in range(60):
        meter.look(replace(ROWS, tokens=tokens))
        clock.now += 1
    assert 0 < meter.tokens_per_second < 100, "at a standstill the mean of the session is the best there is"


def test_choices_have_no_tokens_and_remain_by_time() -> None:
    meter, clock = Meter("r", 100, 0, 100.0, clock := Time()), clock
    meter.look(replace(ROWS, tokens=0))
    clock.now += 10
    meter.look(replace(ROWS, tokens=0))
    assert meter.remaining is None
    for n in range(20):
        meter.add(generation(n, tokens=0))
    assert meter.remaining == pytest.approx(80 * 10 / 20)


def test_an_engine_without_rows_is_shown_as_before() -> None:
    watch, out, clock = progress(look=None)
    watch.start(10, 0, "r", live=lambda: Live(tokens=5))
    clock.now += 11
    watch.update(generation(0))
    assert out.getvalue().splitlines()[-1] == "r: 1/10, 5.5/min, 9 tokens/s, 0.0 % truncated, 1 min 39 s left"
    watch.finish()


def test_an_engine_that_cannot_say_does_not_stop_a_run() -> None:
    def broken() -> Live:
        raise OSError("the worker is gone")

    watch, out, clock = progress(look=None)
    watch.start(10, 0, "r", live=broken)
    clock.now += 11
    watch.tick()
    watch.update(generation(0))
    watch.finish()
    assert len(out.getvalue().splitlines()) == 3


def test_a_thread_looks_by_itself_and_ends_with_the_run() -> None:
    before = threading.active_count()
    watch, out, clock = progress(look=0.005)
    live = Working()
    for title in ("first", "second"):
        watch.start(10, 0, title, live=live, most=100)
        clock.now += EVERY + 1
        lines = out.getvalue().count("\n")
        waiting(lambda lines=lines: out.getvalue().count("\n") > lines)
        watch.finish()
    assert "second: 0/10" in out.getvalue()
    waiting(lambda: threading.active_count() == before)
    said, asked = out.getvalue(), live.asked
    time.sleep(0.05)
    assert out.getvalue() == said and live.asked == asked


@pytest.mark.parametrize("how", [{"quiet": True}, {"silent": True}])
def test_who_shows_nothing_asks_nothing(how: dict[str, bool]) -> None:
    before = threading.active_count()
    watch, out, _ = progress(**how)
    with watch:
        watch.start(10, 0, "r", live=Working(), most=100)
        assert threading.active_count() == before
    assert len(out.getvalue().splitlines()) == how.get("quiet", 0)


def test_a_bar_shows_what_the_engine_does() -> None:
    watch, out, clock = progress(tty=True, look=None)
    live = Working()
    with watch:
        watch.start(10, 0, "r", live=live, most=100)
        for _ in range(3):
            clock.now += 1
            live.now = replace(ROWS, tokens=live.now.tokens + 50)
            watch.tick()
            time.sleep(0.3)  # the bar draws itself four times a second
    assert "62 of 64 running" in out.getvalue() and "at most" in out.getvalue()


# -- importing


def test_importing_the_room_loads_nothing() -> None:
    code = (
        "import sys; import harness.report as r; early = [m for m in ('rich', 'pydantic') if m in sys.modules]; "
        "r.document; late = 'rich' in sys.modules; r.comparison_table; print(early, late, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False True"


def test_every_name_the_room_promises_is_there() -> None:
    from harness import report

    assert all(callable(getattr(report, name)) for name in report.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        report.nothing  # noqa: B018  # reading it is the test
