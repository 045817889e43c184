"""The claims as JUnit XML: one test case each, so that a CI shows which of them do not hold."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Literal

from harness.records import Outcome
from harness.report.escaping import xml
from harness.report.lexicon import Lexicon, lexicon
from harness.report.markdown import article_title
from harness.report.rows import Row, by_article

State = Literal["passed", "failure", "skipped"]
STATES: dict[Outcome, State] = {
    "reproduced": "passed",
    "supported": "passed",
    "lower": "failure",
    "higher": "failure",
    "contradicted": "failure",
    "inconclusive": "skipped",
    "not_run": "skipped",
    "untestable": "skipped",
}


def claims_junit(table: Sequence[Row], headings: Mapping[str, str] | None = None, words: Lexicon | None = None) -> str:
    """JUnit XML of `table`, which has one row per claim: a suite per article, a case per claim.

    Nothing of it differs from one call to the next: times and the name of the machine are left out. A failure or a
    skipped case says why in `message` and carries the figures as its text. In English unless `words` say otherwise.
    """
    words = words or lexicon("en")
    root = ET.Element("testsuites", {"name": "harness report", **_counts(table)})
    for article, group in by_article(table):
        name = article_title(article, headings, words)
        suite = ET.SubElement(root, "testsuite", {"name": xml(name), **_counts(group)})
        for row in group:
            _add_case(suite, row, words)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode("utf-8") + "\n"


def _counts(group: Sequence[Row]) -> dict[str, str]:
    states = [STATES[row.outcome] for row in group]
    numbers = {"tests": len(states), "failures": states.count("failure"), "errors": 0}
    return {key: str(value) for key, value in (numbers | {"skipped": states.count("skipped")}).items()}


def _add_case(suite: ET.Element, row: Row, words: Lexicon) -> None:
    article = f"article-{row.article}" if row.article else "no-article"
    name = xml(f"{row.claim} {row.says}")
    case = ET.SubElement(suite, "testcase", {"classname": xml(f"claims.{article}"), "name": name})
    state, figures = STATES[row.outcome], "\n".join(_figures(row, words))
    if state == "passed":
        ET.SubElement(case, "system-out").text = figures
        return
    message = xml(f"{row.verdict}: {row.why}" if row.why else row.verdict)
    said = ET.SubElement(case, state, {"message": message, "type": row.outcome})
    said.text = figures


def _figures(row: Row, words: Lexicon) -> list[str]:
    whose = words.text("table.whose", whose=row.whose) if row.whose else ""
    verdict = words.text("table.tally_by", part=row.verdict, evidence=row.evidence_word)
    told = (
        ("verdict", verdict),
        ("model", row.model),
        ("claimed", " ".join(part for part in (row.claimed, whose) if part)),
        ("measured", row.measured),
        ("interval", row.interval),
        ("scored", row.scored),
        ("truncated", row.truncated),
        ("no_answer", row.no_answer),
        ("unscored", row.lost),
        ("why", row.why),
        *(("qualified", qualifier) for qualifier in row.qualifiers),
        ("deviations", row.deviations),
        ("command", row.command),
        ("needs", row.hardware),
        ("run", row.run),
        *(("source", source) for source in row.sources),
    )
    return [f"{words.text(f'table.junit_{name}')}: {xml(text)}" for name, text in told if text]
