"""The table as LaTeX, the claims as JUnit XML, and `harness report --fail-on`."""

import csv
import io
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_report import CLAIMS, GOLDEN, HOSTILE, VERDICTS, table, verdict

from harness import cli
from harness.gathering import CheckStory, ClaimStory, Publication
from harness.publishing import Asked
from harness.records import Deviation, Outcome, Verdict
from harness.report import escaping, junit, latex, markdown, words
from harness.report.columns import column_set
from harness.report.lexicon import lexicon
from harness.report.rows import Row, conclusions, rows

FULL = column_set("full", lexicon("en")).columns
HEADINGS = {"003": "QwQ-32B & the boom"}
TEX_HOSTILE = (
    r"\input{/etc/passwd} \write18{rm -rf x} \end{document} \catcode`\%=12",
    "100% of $5 & #1 _x_ {y} ~ ^^5e ^^4d \"q\" 'r' `s` -- --- ,, <<>> ?` !` fi",
    "[2em] * [",
    "\\\\ [9cm] \\\\* & & & \\hline",
    "}}} {{{ \\\\\\",
    "<< title >> <% for x in y %> <# c #> {{ 7*7 }}",
    "日本語 é Ω 😀 \U000f0000 \ufffe \uffff \u0301",
)
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ANY_TEXT = st.text(st.characters(), max_size=60)  # surrogates and controls too
# what each command of ours prints
PRINTS = {escaped: plain for plain, escaped in escaping._TEX.items()} | {"{}": "", r"\allowbreak{}": ""}
TOKEN = re.compile(
    r"\\harnesschar\{(?P<code>[0-9A-F]{4,6})\}|" + "|".join(re.escape(e) for e in sorted(PRINTS, key=len, reverse=True))
)


def read_tex(text: str) -> str:
    """What LaTeX prints of escaped text; fails on anything it would obey."""
    left = TOKEN.sub("x", text)
    assert left.isascii() and left.isprintable()
    assert not re.search(r"[\\{}$&#_%^~<>|\"'`\[*]|--|,,", left), left
    return TOKEN.sub(lambda m: chr(int(m["code"], 16)) if m["code"] else PRINTS[m.group()], text)


def tex_lines(document: str) -> list[list[str]]:
    """The cells of all rows of the longtables, their commands taken away."""
    found = []
    for body in re.findall(r"\\endfoot\n(.*?)\\end\{longtable\}", document, re.DOTALL):
        for line in body.splitlines():
            cells = re.split(r" (?<!\\)& ", unstyled(line.removesuffix(r" \\")))
            found.append([read_tex(cell.replace(r" \newline ", " ")) for cell in cells])
    return found


def unstyled(text: str) -> str:
    """`text` without our `\\textbf{…}`, `\\textit{…}` and `\\texttt{…}`."""
    out, styles = "", [False]
    for part in re.findall(r"\\text(?:bf|it|tt)\{|\\.|[^\\]", text):
        if part.startswith(r"\text") and part.endswith("{"):
            styles.append(True)
        elif part == "{":
            styles.append(False)
            out += part
        elif part == "}":
            out += "" if styles.pop() else part
        else:
            out += part
    assert styles == [False], text
    return out


def everywhere(text: str) -> tuple[Row, ...]:
    """Rows in which everything that others write is `text`."""
    bad = replace(
        VERDICTS[0], title=text, model=text, claimed=text, claimed_from=text, measured=text, reason=text,
        qualifiers=(text,), deviations=(Deviation(text, "down", text),), sources=(text,), run=text, command=text,
        hardware=text,
    )  # fmt: skip
    says = CLAIMS["C082"].model_copy(update={"says": CLAIMS["C082"].says.model_copy(update={"en": text})})
    return rows((bad, VERDICTS[1], VERDICTS[2], replace(bad, check=-1)), {**CLAIMS, "C082": says})


def whole() -> tuple[Row, ...]:
    return rows([v for v in VERDICTS if v.check < 0], CLAIMS)


# -- LaTeX


def test_golden_tex() -> None:
    assert latex.comparison_tex(table(), HEADINGS) == (GOLDEN / "table.tex").read_text(encoding="utf-8")


@given(ANY_TEXT)
def test_escaped_tex_prints_the_text_and_obeys_nothing(text: str) -> None:
    assert read_tex(escaping.tex(text)) == escaping.clean(text)
    code = escaping.tex_code(text)
    assert not code or read_tex(code.removeprefix(r"\texttt{")[:-1]) == escaping.clean(text)


@pytest.mark.parametrize("text", [*HOSTILE, *TEX_HOSTILE])
def test_hostile_text_changes_no_tex_table(text: str) -> None:
    document = latex.comparison_tex(everywhere(text), {"003": text})
    assert document.isascii()
    assert {len(cells) for cells in tex_lines(document)} == {len(FULL)}
    for command in (r"\input", r"\write", r"\catcode", r"\hline"):
        assert command not in document
    assert document.count(r"\end{document}") == 1 and document.endswith("\\end{document}\n")
    assert tex_lines(document)[0][4] == (escaping.clean(text) or words.NOTHING)


def test_no_heading_of_a_table_is_lost_and_the_widths_fill_the_sheet() -> None:
    document = latex.comparison_tex(table())
    head = " & ".join(escaping.tex(c.title) for c in FULL) + " \\\\\n\\midrule\n\\endhead"
    assert document.count(head) == document.count(r"\begin{longtable}") == 3
    # A3 is 420 mm wide, with margins of 10 mm and 1.2 mm on both sides of what separates two columns
    assert sum(c.width for c in FULL) + 2.4 * (len(FULL) - 1) <= 400
    for name in ("paper", "brief"):  # A4 with margins of 15 mm
        columns = column_set(name, lexicon("en")).columns
        assert 170 < sum(c.width for c in columns) + 2.4 * (len(columns) - 1) <= 180, name


@pytest.mark.parametrize("brief", [False, True])
def test_tex_markdown_and_csv_carry_the_same_figures(brief: bool) -> None:
    lines = conclusions(table()) if brief else table()
    from_tex = tex_lines(latex.comparison_tex(lines))
    from_csv = list(csv.DictReader(io.StringIO(markdown.comparison_csv(lines))))
    page = [line for line in markdown.verdict_document(lines).splitlines() if re.match(r"\| \**[CS]\d", line)]
    from_markdown = [[re.sub(r"\\(.)", r"\1", c.strip(" *")) for c in line[1:-1].split(" | ")] for line in page]
    assert len(from_tex) == len(from_csv) == len(from_markdown) == len(lines) > 3
    where = ("measured", "interval", "scored", "truncated", "no_answer")
    for tex, markdown_, row in zip(from_tex, from_markdown, from_csv, strict=True):
        assert tex[4:9] == markdown_[4:9] == [row[name] or words.NOTHING for name in where]
        assert tex[1] == markdown_[1] == row["model"]
        assert tex[3] == markdown_[3] and tex[3].startswith(row["claimed"] or words.NOTHING)
        assert tex[9:12] == [c.strip("*") for c in markdown_[9:12]]
        assert tex[10] == row["outcome"].replace("_", " ") and tex[11] == row["evidence"]


@pytest.mark.parametrize("engine", ["pdflatex", "xelatex"])
def test_the_tex_document_compiles(engine: str, tmp_path: Path) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    hostile = tuple(row for text in (*HOSTILE, *TEX_HOSTILE) for row in everywhere(text))
    for number, lines in enumerate((table(), (), hostile)):
        made = latex.comparison_tex(lines, {"003": " ".join(TEX_HOSTILE)})
        (tmp_path / "t.tex").write_text(made, encoding="utf-8")
        done = subprocess.run(
            [engine, "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (number, done.stdout.decode("utf-8", "replace")[-1500:])
        (tmp_path / "t.pdf").unlink()
        (tmp_path / "t.aux").unlink()


# -- JUnit


def test_golden_junit() -> None:
    assert junit.claims_junit(whole(), HEADINGS) == (GOLDEN / "claims.xml").read_text(encoding="utf-8")


def test_every_verdict_has_a_state_and_every_claim_one_case() -> None:
    assert set(junit.STATES) == set(get_args(Outcome))
    lines = rows([verdict(f"C{n:03}", outcome=o, reason="because") for n, o in enumerate(get_args(Outcome))], CLAIMS)
    root = ET.fromstring(junit.claims_junit(lines))
    cases = {case.get("name", "").split()[0]: [child.tag for child in case] for case in root.iter("testcase")}
    assert list(cases) == [row.claim for row in lines]
    for row in lines:
        (tag,) = cases[row.claim]
        assert tag == {"passed": "system-out"}.get(junit.STATES[row.outcome], junit.STATES[row.outcome])
    assert [e.get("message") for e in root.iter("failure")] == [
        "lower: because", "higher: because", "contradicted: because"
    ]  # fmt: skip
    assert [e.get("message") for e in root.iter("skipped")] == [
        "inconclusive: because", "not run: because", "untestable: because"
    ]  # fmt: skip


def check_structure(text: str) -> ET.Element:
    """What readers of JUnit XML rely on: names, and counts that are those of the cases."""
    root = ET.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites" and {suite.tag for suite in root} <= {"testsuite"}
    for suite in root:
        assert suite.get("name") and {case.tag for case in suite} == {"testcase"}
        assert all(case.get("name") and case.get("classname") for case in suite)
    for level in (root, *root):
        counted = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
        assert {k: level.get(k) for k in counted} == {k: str(len(list(level.iter(t)))) for k, t in counted.items()}
    return root


@given(ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_junit_is_xml_whatever_the_texts_are(text: str) -> None:
    lines = rows([verdict("C082", outcome="lower", reason=text, title=text, measured=text, sources=(text,))], CLAIMS)
    made = junit.claims_junit(lines, {"003": text})
    assert not NO_XML.search(made)
    root = check_structure(made)
    message = next(root.iter("failure")).get("message")
    assert message in ("lower", f"lower: {escaping.xml(text)}".rstrip(), escaping.xml(f"lower: {text}"))


@pytest.mark.parametrize("text", [*HOSTILE, *TEX_HOSTILE, "]]><failure/>", "a\x00\x08\ufffe\uffffb"])
def test_hostile_text_stays_text_in_junit(text: str) -> None:
    lines = [r for r in everywhere(text) if r.level == "claim"]
    root = check_structure(junit.claims_junit(lines, {"003": text}))
    (skipped,) = root.iter("skipped")
    assert len(list(root.iter())) == 4
    assert f"measured: {escaping.xml(text)}" in (skipped.text or "")


# -- the command


class Said(NamedTuple):
    code: int
    out: str
    err: str


Harness = Callable[..., Said]


def gathered_of(monkeypatch: pytest.MonkeyPatch, verdicts: Sequence[Verdict]) -> None:
    """Makes the command report these verdicts, whatever it is asked."""
    stories = []
    for whole in (v for v in verdicts if v.check < 0):
        claim = CLAIMS[whole.claim]
        parts = sorted((v for v in verdicts if v.claim == claim.id and v.check >= 0), key=lambda v: v.check)
        checks = tuple(CheckStory(number=v.check, check=claim.checks[v.check], verdict=v) for v in parts)
        stories.append(ClaimStory(claim=claim, article=None, whole=whole, checks=checks, figures={}, facts={}))
    made = Publication(stories=tuple(stories), articles={}, runs=(), version="", commit=None, dirty=None)
    monkeypatch.setattr(Asked, "gathered", lambda *_: made)


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Harness:
    """`harness report --recorded` in this process, on the made-up verdicts."""
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "1000")
    gathered_of(monkeypatch, VERDICTS)

    def say(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["harness", "report", "--recorded", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
            raise SystemExit(0)
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return say


def test_the_formats_are_printed_and_written(harness: Harness, tmp_path: Path) -> None:
    for form, name in (("tex", "o.tex"), ("junit", "o.xml")):
        said = harness("--format", form)
        assert said.code == 0 and said.err == ""
        assert harness("--format", form, "--out", tmp_path / name).code == 0
        assert (tmp_path / name).read_text(encoding="utf-8") == said.out
    assert check_structure(said.out).get("tests") == "4"
    assert harness("--format", "junit", "--brief").out == said.out
    assert (
        len(tex_lines(harness("--format", "tex", "--brief").out)) == 4 < len(tex_lines(harness("--format", "tex").out))
    )


@pytest.mark.parametrize(
    ("words_", "code", "named"),
    [
        (None, 0, ""),
        ("lower", 0, ""),
        ("supported", 0, ""),  # a check of C082 is, no claim is
        ("contradicted", 1, "C080 contradicted."),
        ("contradicted,lower", 1, "C080 contradicted."),
        (" Contradicted , inconclusive,", 1, "C080 contradicted"),
        ("inconclusive", 1, "C082 inconclusive."),
    ],
)
def test_fail_on(harness: Harness, tmp_path: Path, words_: str | None, code: int, named: str) -> None:
    options = [] if words_ is None else ["--fail-on", words_]
    for form in ("terminal", "md", "csv", "tex", "junit", "json"):
        said = harness("--format", form, *options)
        assert (said.code, bool(said.out)) == (code, True) and named in said.err
        assert said.out == harness("--format", form).out
    said = harness("--format", "junit", "--out", tmp_path / "o.xml", *options)
    assert said.code == code and (tmp_path / "o.xml").exists()


@pytest.mark.parametrize("word", ["not run", "not_run"])
def test_fail_on_takes_a_verdict_as_it_is_spoken_and_as_it_is_stored(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    assert harness("--fail-on", word).code == 0
    gathered_of(monkeypatch, (verdict("C082"),))
    said = harness("--fail-on", word)
    assert said.code == 1 and "C082 not run." in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fail-on", "contradictd"], "There is no verdict 'contradictd'; nearest: 'contradicted'"),
        (["--fail-on", "lower,wrong"], "There is no verdict 'wrong'"),
        (["--fail-on", " , "], "--fail-on wants verdicts, as in --fail-on contradicted,lower."),
        (["--fail-on", "lower", "--disagreements", "r"], "give one of the two"),
    ],
)
def test_mistakes_get_one_sentence(harness: Harness, arguments: list[str], sentence: str) -> None:
    said = harness(*arguments)
    assert (said.code, said.out) == (1, "") and sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
