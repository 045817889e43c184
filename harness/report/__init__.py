"""Verdicts in, text out: pure rendering. No file is read here and no engine is known.

    rows        verdicts and claims → Row, the display strings of one line of the table, and their tally
    terminal    the comparison table, the list of claims                   (rich)
    pages       one claim, one inspected model, each on a page             (rich)
    machine     the plan of a run, the doctor's list                       (rich)
    progress    the bar of a long run                                      (rich)
    meter       the figures beside it: speed, what the engine does, what remains
    replays     a replayed recording, the outputs two scorers differ on    (rich)
    rescored    all replayed recordings as Markdown
    columns     what stands in the table's cells, in sets with names; `inline` is what a cell is made of
    digits      how many decimals a score deserves
    units       in what unit a row's numbers and its tolerance are
    remarks     what a printed table says beneath itself, once for all rows alike
    markdown    the comparison table as GitHub-flavoured Markdown
    latex       the same as a LaTeX document: a big sheet, or a table for a paper
    csv_file, parquet    its texts with the numbers behind them
    junit       one test case per claim, for a CI
    as_json     any record → plain JSON values, and the document every --json prints
    lexicon     the words of a report in one language
    words       numbers and units as text
    cells, escaping    text of others made harmless for a terminal, for Markdown, for a spreadsheet, TeX and XML

The names below are looked up when they are first used, so that `import harness.report` costs nothing and a JSON
document does not load rich.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.report.as_json import document, dumps, to_plain
    from harness.report.junit import claims_junit
    from harness.report.latex import comparison_tex
    from harness.report.machine import DoctorLine, PlanLine, doctor_table, plan_table
    from harness.report.markdown import comparison_csv, comparison_markdown, verdict_document
    from harness.report.pages import claim_page, inspection_page
    from harness.report.parquet import comparison_parquet
    from harness.report.progress import RunProgress
    from harness.report.terminal import claims_list, comparison_table, summary_line

_WHERE = {
    "as_json": ("document", "dumps", "to_plain"),
    "junit": ("claims_junit",),
    "latex": ("comparison_tex",),
    "machine": ("DoctorLine", "PlanLine", "doctor_table", "plan_table"),
    "markdown": ("comparison_csv", "comparison_markdown", "verdict_document"),
    "pages": ("claim_page", "inspection_page"),
    "parquet": ("comparison_parquet",),
    "progress": ("RunProgress",),
    "terminal": ("claims_list", "comparison_table", "summary_line"),
}

__all__ = [
    "DoctorLine",
    "PlanLine",
    "RunProgress",
    "claim_page",
    "claims_junit",
    "claims_list",
    "comparison_csv",
    "comparison_markdown",
    "comparison_parquet",
    "comparison_table",
    "comparison_tex",
    "doctor_table",
    "document",
    "dumps",
    "inspection_page",
    "plan_table",
    "summary_line",
    "to_plain",
    "verdict_document",
]


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"harness.report.{module}"), name)
    raise AttributeError(f"module 'harness.report' has no attribute {name!r}")
