"""Column sets, digits, languages, parquet; every format of the table carries the same words and numbers."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_report import CLAIMS, COUNTS, ESTIMATE, GOLDEN, HOSTILE, VERDICTS, table, verdict
from test_report_formats import HEADINGS, TEX_HOSTILE, everywhere, read_tex, unstyled

from harness import places
from harness.claims import load_claims
from harness.errors import UnknownName
from harness.records import (
    Against,
    BenchmarkCheck,
    Counts,
    Deviation,
    Estimate,
    Evidence,
    FactCheck,
    Figure,
    Outcome,
    StructureCheck,
    Verdict,
)
from harness.report import as_json, digits, escaping, junit, latex, markdown, parquet, tall, terminal
from harness.report.columns import COLUMN_SETS, column_set
from harness.report.csv_file import NUMBERS, TEXTS, comparison_csv, value_of
from harness.report.inline import Cell, Cited, Indent, Marks, Notes, Piece, letters, plain
from harness.report.lexicon import LANGUAGES, Language, lexicon
from harness.report.rows import Row, conclusions, rows
from harness.report.words import NOTHING
from harness.verdicts.published import judge_published

JA = lexicon("ja")


def japanese() -> tuple[Row, ...]:
    return rows(VERDICTS, CLAIMS, JA)


# -- goldens


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("table.csv", lambda: comparison_csv(table())),
        ("table_ja.md", lambda: markdown.verdict_document(japanese(), HEADINGS, JA)),
        ("paper.md", lambda: markdown.verdict_document(table(), HEADINGS, columns="paper")),
        ("paper.tex", lambda: latex.comparison_tex(table(), HEADINGS, columns="paper")),
        ("paper_ja.tex", lambda: latex.comparison_tex(japanese(), HEADINGS, JA, "paper")),
        ("brief.md", lambda: markdown.verdict_document(conclusions(table()), HEADINGS, columns="brief")),
        ("verdicts.json", lambda: as_json.dumps(as_json.document("report", VERDICTS)) + "\n"),
        ("claims_ja.xml", lambda: junit.claims_junit(conclusions(japanese()), HEADINGS, JA)),
    ],
)
def test_goldens(name: str, made: Any) -> None:
    assert made() == (GOLDEN / name).read_text(encoding="utf-8")


# -- digits


@pytest.mark.parametrize(
    ("error", "places"),
    [
        # the Particle Data Group's own: 0.827 ± 0.119 is 0.83 ± 0.12, 0.827 ± 0.367 is 0.8 ± 0.4
        (0.119, 2), (0.367, 1),
        (0.354, 2), (0.355, 1), (0.949, 1), (0.95, 1), (0.999, 1), (1.0, 1), (3.54, 1), (3.55, 0), (9.49, 0), (9.5, 0),
        (11.0, 0), (40.0, 0), (0.00001, 4), (0.0, 1), (float("nan"), 1),
    ],
)  # fmt: skip
def test_the_error_decides_the_decimals(error: float, places: int) -> None:
    assert digits.places_of(error) == places


@pytest.mark.parametrize(
    ("value", "low", "high", "held_to", "printed"),
    [
        (0.795, 0.784, 0.806, (), ("79.5", "78.4–80.6")),
        (0.7951, 0.7939, 0.7963, (), ("79.51", "79.39–79.63")),
        (0.7951, 0.74, 0.85, (), ("80", "74–85")),
        # 80 would hide that the upper end lies below the edge
        (0.7451, 0.69, 0.7996, (77.0, 80.0), ("74.51", "69.00–79.96")),
        (0.7951, None, None, (), ("79.5", "")),
        (0.7951, 0.7839, None, (), ("79.5", "≥ 78.4")),
        (1.0, 1.0, 1.0, (), ("100.0", "100.0–100.0")),
    ],
)
def test_scores_have_the_digits_their_interval_bears(
    value: float, low: float | None, high: float | None, held_to: tuple[float, ...], printed: tuple[str, str]
) -> None:
    made = digits.as_printed(Estimate(value, low, high, "m"), held_to)
    assert (made.value, made.interval) == printed


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 100), st.floats(0, 0.1))
@settings(max_examples=300)
def test_rounding_loses_no_more_than_the_interval_hides_and_crosses_no_edge(
    three: list[float], claimed: float, tolerance: float
) -> None:
    low, value, high = sorted(three)
    held_to = digits.edges(claimed, tolerance)
    estimate = Estimate(value, low, high, "m")
    places = digits.decimals_for(estimate, held_to)
    assert 0 <= places <= digits.MOST
    half = 100 * (high - low) / 2
    if places < digits.MOST and half >= 0.01:
        # one digit is worth 355 of 1,000 parts at most: half of it is the most that rounding moves
        assert 0.5 * 10**-places <= max(0.5, half / 2)
    for end in (value, low, high):
        for edge in held_to:
            shown = round(100 * end, places)
            if places < digits.MOST and abs(100 * end - edge) > 1e-9:
                assert (shown > edge) == (100 * end > edge) and shown != edge


def test_a_row_prints_a_score_to_its_digits_and_leaves_other_texts_alone() -> None:
    close = replace(ESTIMATE, value=0.7951, low=0.7939, high=0.7963)
    base = replace(VERDICTS[0], measured="79.5", estimate=close)
    (row,) = rows((base,), CLAIMS)
    assert (row.measured, row.interval, row.claimed) == ("79.51", "79.39–79.63", "79.8")
    assert row.why == "The interval does not decide. Needs 1,234 more generations."
    (row,) = rows((replace(base, measured="24 of 30"),), CLAIMS)
    assert row.measured == "24 of 30"
    (row,) = rows((replace(base, measured="", estimate=Estimate(1500.0, 1400.0, 1600.0, "m", unit="ms")),), CLAIMS)
    assert (row.measured, row.interval, row.numbers.measured_value) == ("1,500 ms", "1,400–1,600 ms", 1500.0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("79.8", 79.8), ("32,763,876,352", 32763876352.0), ("-1", -1.0), ("1,00", None), ("79.8 %", None), ("", None),
     ("nan", None), ("１２", None), ("2025-01-28", None), ("32億", None)],
)  # fmt: skip
def test_a_text_is_a_number_only_if_it_is_nothing_else(text: str, number: float | None) -> None:
    assert digits.number_in(text) == number


# -- column sets


def test_unknown_columns_are_named() -> None:
    with pytest.raises(UnknownName, match="There is no column set 'papr'; nearest: 'paper'"):
        markdown.verdict_document(table(), columns="papr")
    with pytest.raises(UnknownName, match="no column set"):
        latex.comparison_tex(table(), columns="")
    assert COLUMN_SETS == ("full", "paper", "brief")


def test_a_paper_says_in_notes_what_its_cells_leave_out() -> None:
    page = markdown.verdict_document(table(), columns="paper")
    row = next(line for line in page.splitlines() if "AIME24 |" in line)
    cells = [c.strip() for c in row.strip("|").split("|")]
    assert cells == [
        "C082", "&nbsp;&nbsp;&nbsp;&nbsp;AIME24", "qwq-32b (nf4)", "79.8 (deepseek-r1)",
        "79.5 \\[78.4–80.6\\][^b]", "30 × 64[^c]", "**inconclusive**[^d] [^e]", "measured[^2] [^3]",
    ]  # fmt: skip
    notes = dict(re.findall(r"^\[\^(\w+)\]: (.*)$", page, re.M))
    assert notes["b"] == "quantization ↓: nf4 instead of bf16"
    assert notes["c"] == (
        "1,920 generations: 30 (1.6 %) truncated, 12 (0.6 %) without an answer, "
        "12 unscored, 3 of them without any output"
    )
    assert notes["d"] == "The interval does not decide. Needs 1,234 more generations."
    assert notes["e"] == "a fortiori: found despite quantization"
    assert notes["3"] == "https://example.org/R1"
    cited = set(re.findall(r"\[\^(\w+)\](?!:)", page))
    assert cited == set(notes)


def test_another_level_than_the_usual_one_is_a_remark_in_a_paper() -> None:
    lines = rows((replace(VERDICTS[0], estimate=replace(ESTIMATE, level=0.9917)),), CLAIMS)
    assert lines[0].interval == "78.4–80.6 (99.17 %)"
    page = markdown.verdict_document(lines, columns="paper")
    assert "| 79.5 \\[78.4–80.6\\][^a] [^b] |" in page and "[^a]: interval of 99.17 %" in page


def test_columns_that_nothing_applies_to_are_left_out_of_a_paper() -> None:
    none_counted = tuple(r for r in table() if not r.scored)
    page = markdown.verdict_document(none_counted, columns="paper")
    assert "| n |" not in page and "| No. | Claim | Model | Claimed |" in page
    paper = column_set("paper", lexicon("en"))
    assert [c.key for c in paper.columns if c not in paper.used(none_counted).columns] == ["claim", "n"]  # wider; gone
    assert paper.used(table()) == paper.used(()) == paper


def test_notes_are_counted_once_and_lettered_beyond_z() -> None:
    notes = Notes()
    assert notes.lettered(["x", "", "y", "x"]) == ("a", "b")
    assert notes.cited(["s", "\u200b", "t", "s"]) == (1, 2)
    assert (notes.lettered(["y"]), notes.cited(["t"])) == (("b",), (2,))
    assert notes.listed() == (("a", "x"), ("b", "y"), ("1", "s"), ("2", "t"))
    assert [letters(n) for n in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]


# -- languages


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_tables_is_there_in_every_language_with_the_same_places(language: Language) -> None:
    def texts(words: Any) -> dict[str, set[str]]:
        return {k: set(re.findall(r"\{(\w+)\}", t)) for k, t in words._texts.items() if k.startswith("table.")}

    assert texts(lexicon(language)) == texts(lexicon("en"))


def test_a_japanese_table_has_the_same_numbers_and_speaks_japanese() -> None:
    for ours, theirs in zip(table(), japanese(), strict=True):
        assert ours.numbers == theirs.numbers
        assert (ours.interval, ours.scored) == (theirs.interval, theirs.scored)
        assert theirs.measured == JA.figure(JA.prose(ours.measured))
        assert (ours.outcome, ours.evidence) == (theirs.outcome, theirs.evidence)
        assert ours.verdict != theirs.verdict and ours.evidence_word != theirs.evidence_word
        assert theirs.says.endswith("(日本語)")
    page = markdown.verdict_document(japanese(), HEADINGS, JA)
    for text in ("主張4件：再現1（実測）", "**判定不能**", "## 記事003：QwQ-32B & the boom", "（記事）", "## 凡例"):
        assert text in page, text
    assert "**inconclusive**" not in page and "whole claim" not in page
    out = io.StringIO()
    from rich.console import Console

    for width in (60, 100, 160, 240):
        Console(file=out, width=width).print(terminal.comparison_table(japanese(), width, HEADINGS, JA))
    shown = out.getvalue()
    assert "判定不能" in shown and "inconclusive" not in shown and "実測" in shown and "measured" not in shown


# -- tall rows


@given(
    st.lists(st.lists(st.text(max_size=700), max_size=6), min_size=1, max_size=4),
    st.integers(4, 40),
    st.integers(2, 30),
)
@settings(max_examples=60, deadline=None)
def test_a_parted_row_says_the_same_and_no_part_is_tall(texts: list[list[str]], width: int, most: int) -> None:
    cells: list[Cell] = [tuple((Piece(t), Marks(("a",))) for t in lines) for lines in texts]
    parts = tall.parted(cells, [width] * len(cells), most)
    for position, whole in enumerate(cells):
        again = "".join(plain(part[position]) for part in parts)
        assert again.replace(" ", "") == plain(whole).replace(" ", "")
        assert sum(isinstance(p, Marks) for part in parts for line in part[position] for p in line) == len(whole)
    # one more for what hangs on the last piece
    assert all(tall.lines_in(cell, width) <= most + 1 for part in parts for cell in part)


def test_a_row_taller_than_a_page_breaks(tmp_path: Path) -> None:
    if shutil.which("xelatex") is None:
        pytest.skip("xelatex is not installed")
    many = tuple(f"remark {n}: " + "it goes on and on, " * 20 for n in range(120))
    (row,) = rows((replace(VERDICTS[0], qualifiers=many),), CLAIMS)
    for columns in ("full", "paper"):
        (tmp_path / "t.tex").write_text(latex.comparison_tex((row,), columns=columns), encoding="utf-8")
        run = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
        subprocess.run(run, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        log = (tmp_path / "t.log").read_text(encoding="utf-8", errors="replace")
        assert "Overfull \\vbox" not in log and "Float too large" not in log
        pages = re.search(r"\((\d+) pages?", log)
        assert pages is not None and int(pages[1]) > 1


# -- the same in every format

TEXT = st.one_of(
    st.text(st.characters(), max_size=40),
    st.sampled_from([*HOSTILE, *TEX_HOSTILE, "=cmd()", "|", "\x00", "\ud800", "שלום 12.5", "[^1]", "&emsp;", "", " "]),
)
SHARES = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted)


@st.composite
def estimates(draw: Any) -> Estimate:
    low, value, high = draw(SHARES)
    each = [draw(st.integers(0, 2000)) for _ in range(6)]
    counts = Counts(sum(each) + draw(st.integers(0, 9)), sum(each), *each)
    bounds = draw(st.sampled_from([(low, high), (low, None), (None, high), (None, None)]))
    return Estimate(
        value, *bounds, "m", draw(st.sampled_from([0.95, 0.99])), questions=draw(st.integers(1, 500)),
        rounds=draw(st.integers(1, 64)), counts=draw(st.sampled_from([counts, None])),
    )  # fmt: skip


@st.composite
def some_verdicts(draw: Any) -> tuple[Verdict, ...]:
    found = []
    for check in range(-1, draw(st.integers(0, 2))):
        found.append(
            Verdict(
                draw(st.sampled_from(["C082", "C080", "Z9"])), check, draw(TEXT), draw(TEXT), draw(TEXT),
                draw(st.sampled_from(get_args(Outcome))), draw(st.sampled_from(get_args(Evidence))),
                claimed=draw(st.one_of(TEXT, st.sampled_from(["79.8", "1,000"]))),
                claimed_from=draw(st.one_of(TEXT, st.sampled_from(["article", "chosen", "claim file", "a/b"]))),
                measured=draw(st.one_of(TEXT, st.just(""))), estimate=draw(st.one_of(st.none(), estimates())),
                tolerance=draw(st.sampled_from([None, 0.01, 0.03])), reason=draw(TEXT),
                qualifiers=tuple(draw(st.lists(TEXT, max_size=2))),
                deviations=tuple(draw(st.lists(st.builds(
                    Deviation, TEXT, st.sampled_from(["down", "up", "unknown"]), TEXT), max_size=2))),
                more=draw(st.sampled_from([None, 1234])), command=draw(st.one_of(st.none(), TEXT)),
                hardware=draw(st.one_of(st.none(), TEXT)), sources=tuple(draw(st.lists(TEXT, max_size=2))),
                run=draw(st.one_of(st.none(), TEXT)), scorer=draw(st.one_of(st.none(), TEXT)),
                informative=draw(st.booleans()) and check >= 0,
            )
        )  # fmt: skip
    return tuple(found)


def expected(table: Sequence[Row], columns: str, words: Any) -> tuple[list[list[Cell]], Notes]:
    """What a reader finds in the cells, and the footnotes."""
    notes, shown = Notes(), column_set(columns, words)
    shown = shown if shown.sections else shown.used(table)
    return [list(shown.filled(row, notes)) for row in table], notes


def said(cell: Cell, mark: str = "[^{}]", source: str = "[^{}]") -> str:
    """A cell's texts with its marks, spaces left out."""
    text = ""
    for part in (part for line in cell for part in line):
        match part:
            case Piece():
                text += escaping.clean(part.text).replace("`", "'")
            case Marks():
                text += "".join(mark.format(label) for label in part.labels)
            case Cited():
                text += source.format(part.number)
    return squeezed(text) or NOTHING


def squeezed(text: str) -> str:
    return "".join(text.replace("`", "'").split())


def markdown_cells(page: str) -> list[list[str]]:
    """The cells of the claims' tables as a Markdown parser reads them; tables of counts have their numbers aligned."""
    found = []
    bodies = re.findall(r"^\|[^\n]*\n\| --- (?:\| --- )+\|\n((?:\|[^\n]*\n)*)", page + "\n", re.M)
    heads = re.findall(r"^(\|[^\n]*\n\| --- (?:\| --- )+\|\n)", page + "\n", re.M)
    for head, body in zip(heads, bodies, strict=True):
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(head + body)
        assert tokens[0].type == "table_open" and tokens[-1].type == "table_close"
        row: list[str] = []
        for before, token in pairwise(tokens):
            if before.type == "td_open":
                assert {c.type for c in token.children} <= {
                    "text", "text_special", "code_inline", "html_inline", "strong_open", "strong_close", "em_open",
                    "em_close",
                }, token.content  # fmt: skip
                assert {c.content for c in token.children if c.type == "html_inline"} <= {"<br>"}
                row.append("".join(c.content for c in token.children if c.type != "html_inline"))
            elif token.type == "tr_close" and row:
                found.append(row)
                row = []
    return found


def tex_cells(document: str) -> list[list[str]]:
    """The cells of the claims' tables as LaTeX prints them, parted rows made one."""
    found: list[list[str]] = []
    bodies = re.findall(r"\\endfoot\n(.*?)\\end\{longtable\}", document, re.DOTALL)
    bodies += re.findall(r"\\midrule\n([^\n]*(?<!\\\\)\n.*?)\\bottomrule\n\\end\{tabular\}\n\\par", document, re.DOTALL)
    if r"\begin{table*}" in document:
        bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule\n\\end\{tabular\}", document, re.DOTALL)
    for body in bodies:
        goes_on = False
        for line in body.splitlines():
            if line == "% goes on":
                goes_on = True
                continue
            cells = [tex_text(c.strip()) for c in re.split(r"(?:^|(?<= ))(?<!\\)&(?= )", line.removesuffix(r"\\"))]
            if goes_on:
                found[-1] = [a + b for a, b in zip(found[-1], cells, strict=True)]
            else:
                found.append(cells)
            goes_on = False
    return found


def tex_text(cell: str) -> str:
    cell = re.sub(r"\\textsuperscript\{(\w+),?\}(?:\\allowbreak(?=\\textsuperscript))?", r"(\1)", cell)
    return read_tex(unstyled(cell.replace(r"\newline ", " ").replace(latex._INDENT, "")))


@given(some_verdicts(), st.sampled_from(COLUMN_SETS), st.sampled_from(LANGUAGES))
@settings(max_examples=80, deadline=None)
def test_markdown_and_latex_print_the_same_cells(
    verdicts: tuple[Verdict, ...], columns: str, language: Language
) -> None:
    words = lexicon(language)
    lines = rows(verdicts, CLAIMS, words)
    cells, notes = expected(lines, columns, words)
    page = markdown.verdict_document(lines, None, words, columns)
    assert [[squeezed(c) for c in row] for row in markdown_cells(page)] == [[said(c) for c in row] for row in cells]
    document = latex.comparison_tex(lines, None, words, columns)
    assert document.isascii()
    found = [[squeezed(c) for c in row] for row in tex_cells(document)]
    assert found == [[said(c, "({})", "[{}]") for c in row] for row in cells]
    for _, note in (*notes.listed(), *((claim, text) for claim, texts in notes.by_claim() for text in texts)):
        assert squeezed(escaping.clean(note.rstrip(".。"), 100_000)) in squeezed(unescaped(page))


def unescaped(page: str) -> str:
    return re.sub(r"\\(.)", r"\1", page).replace("&amp;", "&")


@given(some_verdicts())
@settings(max_examples=40, deadline=None)
def test_csv_and_parquet_carry_the_texts_and_the_numbers(verdicts: tuple[Verdict, ...]) -> None:
    import pyarrow.parquet as pq

    lines = rows(verdicts, CLAIMS)
    read = list(csv.DictReader(io.StringIO(comparison_csv(lines), newline="")))
    made = pq.read_table(io.BytesIO(parquet.comparison_parquet(lines))).to_pylist()
    assert len(read) == len(made) == len(lines)
    for row, text, typed in zip(lines, read, made, strict=True):
        assert list(text) == list(typed) == [*TEXTS, *NUMBERS]
        for name in TEXTS:
            value = value_of(row, name)
            whole = escaping.clean("; ".join(value) if isinstance(value, tuple) else str(value), 32_000)
            assert text[name].removeprefix("'") == whole.removeprefix("'")
            assert text[name][:1] not in ("=", "@") and not re.match(r"[-+](?![\d.,])", text[name])
            parts = list(value) if isinstance(value, tuple) else value
            assert typed[name] == json.loads(re.sub(r"\\ud[89a-f]..", "\ufffd", json.dumps(parts))) or paired(parts)
        for name in NUMBERS:
            number = getattr(row.numbers, name)
            assert typed[name] == number and type(typed[name]) is type(number)
            assert (float(text[name]) if text[name] else None) == number


def paired(parts: Any) -> bool:
    """Characters beyond the first 65,536 are pairs of surrogates in JSON, so that the test cannot tell."""
    return any(ord(c) > 0xFFFF for c in "".join(parts))


@given(some_verdicts())
@settings(max_examples=30, deadline=None)
def test_json_holds_all_that_the_rows_are_made_of(verdicts: tuple[Verdict, ...]) -> None:
    text = as_json.dumps(as_json.document("report", verdicts))
    again = tuple(verdict_of(v) for v in json.loads(text.encode("utf-8"))["data"])
    assert rows(again, CLAIMS) == rows(verdicts, CLAIMS)
    assert [v.measured for v in again] == [rows((v,), CLAIMS)[0].measured for v in verdicts]


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    made = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    made["deviations"] = tuple(Deviation(**d) for d in data["deviations"])
    if data["estimate"]:
        counts = data["estimate"]["counts"]
        made["estimate"] = Estimate(**{**data["estimate"], "counts": Counts(**counts) if counts else None})
    return Verdict(**made)


# -- units


def judged(check: object, **known: object) -> Row:
    """The row of one verdict on a claim with this check."""
    made = CLAIMS["C082"].model_copy(update={"checks": (check,)})
    (row,) = rows((verdict("C082", 0, evidence="published", **known),), {"C082": made})
    return row


RATIO = StructureCheck(check="structure", property="parameters.total", relation="equals", value=0.05)
DAYS = FactCheck(check="fact", fact="a/b", minus="a/c", relation="equals", value=60)
RATED = BenchmarkCheck(check="benchmark", benchmark="x", relation="on_par", against=Against(value=4.51, unit="rating"))
SCORED = CLAIMS["C082"].checks[0]


@pytest.mark.parametrize(
    ("row", "unit", "tolerance", "tolerance_unit"),
    [
        (lambda: rows(VERDICTS[:1], CLAIMS)[0], "percent", 3.0, "percentage points"),
        (lambda: judged(SCORED, measured="79.5", tolerance=0.03), "percent", 3.0, "percentage points"),
        (lambda: judged(RATED, measured="4.46", claimed="4.51", tolerance=0.1), "rating", 0.1, "rating"),
        (lambda: judged(RATIO, measured="0.04883", claimed="0.05", tolerance=0.1), "", 0.1, "relative"),
        (lambda: judged(RATIO.model_copy(update={"unit": "GB"}), measured="21", tolerance=0.0), "GB", 0.0, "relative"),
        (lambda: judged(DAYS, measured="a against b", claimed="60", tolerance=7.0), "days", 7.0, "days"),
        (lambda: judged(RATIO, measured="3"), "", None, ""),
        (lambda: judged(SCORED), "", None, ""),
    ],
)
def test_a_row_says_in_what_unit_its_numbers_are(
    row: Any, unit: str, tolerance: float | None, tolerance_unit: str
) -> None:
    made = row()
    assert (made.unit, made.numbers.tolerance, made.tolerance_unit) == (unit, tolerance, tolerance_unit)


def test_a_claim_as_a_whole_has_the_unit_of_the_check_whose_value_it_took() -> None:
    made = CLAIMS["C082"].model_copy(update={"checks": (DAYS, RATIO)})
    part = verdict("C082", 1, measured="0.04883", claimed="0.05", tolerance=0.1)
    other = verdict("C082", 0, measured="x against y", claimed="60", tolerance=7.0)
    found = rows((part, other, replace(part, check=-1)), {"C082": made})
    told = [(r.level, r.numbers.tolerance, r.tolerance_unit) for r in found]
    assert told == [("claim", 0.1, "relative"), ("check", 7.0, "days"), ("check", 0.1, "relative")]


def test_articles_survive_a_reader_that_looks_for_numbers() -> None:
    import pandas as pd

    read = pd.read_csv(io.StringIO(comparison_csv(table())))
    assert set(read.article.dropna()) == {"article 000", "article 003"} and read.article.isna().sum() == 1


# -- what stands beneath a printed table


def test_remarks_of_one_kind_share_a_note_and_readings_stand_under_their_claim() -> None:
    about = ("samples per question behind {}: unstated, 1 assumed", "{} for AIME24 is from one secondary source")
    close = "The published figure for MMMU is {}, 0.6 points above a published 58.6; the tolerance is 1.0 points."
    parts = [
        verdict(
            "C082",
            n,
            title=f"part {n}",
            outcome="inconclusive",
            evidence="published",
            reason=close.format(figure),
            qualifiers=("read as: on a par", *(q.format(figure) for q in about)),
        )
        for n, figure in enumerate((59.2, 61))
    ]
    whole = verdict(
        "C082",
        outcome="inconclusive",
        reason="0 of 2 parts decided: part 0 inconclusive, part 1 inconclusive.",
        qualifiers=tuple(f"{p.title}: {q}" for p in parts for q in p.qualifiers[1:]),
    )
    found = rows((*parts, whole), CLAIMS)
    notes = Notes()
    for row in found:
        column_set("paper", lexicon("en")).filled(row, notes)
    keys = ("parts_decided", "samples", "second_hand", "too_close")
    assert list(notes.remarks) == [lexicon("en").text(f"table.note_{key}") for key in keys]
    assert notes.by_claim() == (("C082", ("read as: on a par",)),)
    assert "- **C082**: read as: on a par." in markdown.verdict_document(found, columns="paper")
    assert r"\textbf{C082}~read as: on a par." in latex.comparison_tex(found, columns="paper")


def test_the_verdicts_own_sentences_are_of_the_kinds_that_share_a_note() -> None:
    own = Figure(id="x", label="x", benchmark="x", metric="x", value=59.2, questions=900, source="made", confidence="B")
    finding = judge_published(own, "on_par", own.model_copy(update={"value": 59.6}))
    assert finding.outcome == "inconclusive"
    made = verdict("C082", 0, outcome="inconclusive", reason=finding.reason, qualifiers=finding.qualifiers)
    (row,) = rows((made,), CLAIMS)
    assert row.printed.shared == tuple(lexicon("en").text(f"table.note_{k}") for k in ("too_close", "samples"))


def test_a_claim_as_a_whole_shows_the_value_that_decides_it() -> None:
    parts = (
        verdict("C082", 0, outcome="contradicted", measured="32,763,876,352"),
        verdict("C082", 1, outcome="contradicted", measured="32億 (003:15); QwQ-32B (003:5)"),
    )
    whole = verdict("C082", outcome="contradicted", claimed="32億", measured="0 of 2 parts hold")
    first, *_ = rows((*parts, whole), CLAIMS)
    cells = [plain(c) for c in column_set("brief", lexicon("en")).filled(first, Notes())]
    assert cells[1:3] == ["32億 (3,200,000,000)", "32,763,876,352 (0 of 2 parts hold)"]
    both = rows((parts[0], replace(parts[0], check=1), whole), CLAIMS)[0]
    assert both.printed.deciding == "" and both.measured == "0 of 2 parts hold"
    kept = rows((*parts, replace(whole, outcome="supported")), CLAIMS)[0]
    assert kept.printed.deciding == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32億", ("exact", 3_200_000_000)), ("約1.5兆", ("about", 1_500_000_000_000)), ("1兆超", ("more", 10**12)),
        ("2万以上", ("least", 20_000)), ("約2万以上", None), ("32", None),
        ("32億個", None), ("数億", None), ("１億", None),
    ],
)  # fmt: skip
def test_numbers_printed_in_japanese_are_counted(text: str, value: tuple[str, int] | None) -> None:
    assert digits.counted(text) == value


def test_a_source_that_names_several_addresses_is_several() -> None:
    notes = Notes()
    assert notes.cited(["https://a.org x; y; https://b.org", "https://b.org"]) == (1, 2)
    assert list(notes.sources) == ["https://a.org x; y", "https://b.org"]


def test_a_row_that_goes_on_stays_moved_to_the_right() -> None:
    whole: Cell = ((Indent(), Piece("word " * 200)),)
    parts = tall.parted([whole], [20], 10)
    assert len(parts) > 1 and all(isinstance(cell[0][0], Indent) for (cell,) in parts)


# -- parquet


def test_parquet_is_typed_and_reads_back_by_pandas() -> None:
    import pandas as pd

    read = pd.read_parquet(io.BytesIO(parquet.comparison_parquet(table())))
    assert list(read.columns) == [*TEXTS, *NUMBERS]
    measured = read[read.check == "AIME24"].iloc[0]
    assert (measured.measured_value, measured.interval_low, measured.claimed_value) == (79.5, 78.4, 79.8)
    assert (measured.planned, measured.unscored_count) == (COUNTS.planned, 12)
    assert read.measured_value.dtype == float and read.planned.dropna().apply(float.is_integer).all()
    assert list(measured.sources) == list(VERDICTS[0].sources)
    assert read.first.dtype == bool


def test_parquet_says_what_it_is_and_is_the_same_twice() -> None:
    import pyarrow.parquet as pq

    made = parquet.comparison_parquet(table())
    assert made == parquet.comparison_parquet(table())
    schema = pq.read_schema(io.BytesIO(made))
    assert schema.metadata[b"harness_version"]
    assert (
        schema.field("tolerance").metadata[b"meaning"]
        == b"the verdict's, in `tolerance_unit`: percentage points for scores"
    )
    empty = pq.read_table(io.BytesIO(parquet.comparison_parquet(())))
    assert empty.num_rows == 0 and empty.schema.equals(schema)


# -- LaTeX for a paper


@pytest.mark.parametrize("columns", ["paper", "brief"])
def test_a_long_table_breaks_and_a_short_one_floats(columns: str) -> None:
    short = latex.comparison_tex(table(), columns=columns)
    long = latex.comparison_tex(table() * 12, columns=columns)
    assert r"\begin{table*}" in short and r"\begin{longtable}" not in short
    assert r"\begin{table*}" not in long and r"\endfirsthead" in long
    for document in (short, long):
        assert document.count(r"\caption{") == document.count(r"\label{tab:claims}") == 1


@pytest.mark.parametrize("engine", ["pdflatex", "xelatex"])
@pytest.mark.parametrize("columns", ["paper", pytest.param("brief", marks=pytest.mark.full)])
def test_the_tables_for_papers_compile(engine: str, columns: str, tmp_path: Path) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    hostile = tuple(row for text in (*HOSTILE, *TEX_HOSTILE) for row in everywhere(text))
    for number, (lines, words) in enumerate(((table(), None), (japanese(), JA), (hostile, None), ((), None))):
        made = latex.comparison_tex(lines, None, words, columns)
        (tmp_path / "t.tex").write_text(made, encoding="utf-8")
        run = [engine, "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
        done = subprocess.run(run, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 0, (number, done.stdout.decode("utf-8", "replace")[-1500:])
        log = (tmp_path / "t.log").read_text(encoding="utf-8", errors="replace")
        if number < 2 and (engine, number) != ("pdflatex", 1):
            assert "Overfull" not in log and "Font Warning" not in log, number
        (tmp_path / "t.aux").unlink()


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("columns", COLUMN_SETS)
def test_nothing_of_the_committed_verdicts_sticks_out_of_its_column(
    columns: str, language: Language, tmp_path: Path
) -> None:
    if shutil.which("xelatex") is None:
        pytest.skip("xelatex is not installed")
    told = json.loads((places.results() / "report" / "verdicts.json").read_text(encoding="utf-8"))["data"]
    words = lexicon(language)
    made = rows([verdict_of(v) for v in told], {c.id: c for c in load_claims()}, words)
    (tmp_path / "t.tex").write_text(latex.comparison_tex(made, None, words, columns), encoding="utf-8")
    run = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    subprocess.run(run, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    log = (tmp_path / "t.log").read_text(encoding="utf-8", errors="replace")
    assert "Overfull" not in log and "Font Warning" not in log


def test_every_field_of_a_row_is_in_the_files_for_machines() -> None:
    assert {f.name for f in fields(Row)} - set(TEXTS) == {"recorded", "numbers", "printed"}
    assert verdict("C082").estimate is None
