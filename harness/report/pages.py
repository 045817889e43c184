"""One claim on a page, with everything that decides it; one inspected model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.records import (
    Article,
    BenchmarkCheck,
    Check,
    Claim,
    ConsistencyCheck,
    Fact,
    FactCheck,
    Figure,
    ProbeCheck,
    Scalar,
    StructureCheck,
    Verdict,
)
from harness.records.settings import Settings
from harness.report import words
from harness.report.as_json import to_plain
from harness.report.cells import cell, command, outcome, prose

_RELATIONS = {
    "equals": "equals",
    "at_least": "is at least",
    "at_most": "is at most",
    "greater": "is greater than",
    "less": "is less than",
    "on_par": "is on a par with",
    "before": "is before",
    "after": "is after",
    "contains": "contains",
    "lacks": "lacks",
}
CONFIDENCE = {
    "A": "the maker and a second source",
    "B": "the maker only",
    "C": "two or more secondary sources",
    "D": "one secondary source",
    "independent": "measured by a third party",
    "config-derived": "computed from a configuration",
}


def claim_page(
    claim: Claim,
    article: Article | None,
    figures: Mapping[str, Figure],
    facts: Mapping[str, Fact],
    verdicts: Sequence[Verdict],
) -> RenderableType:
    """`figures` ("<model>/<figure id>") and `facts` ("<subject>/<property>") may hold more than the claim needs;
    one that a check names and that is missing is said to be missing. `verdicts`: this claim's are picked out.
    """
    mine = [v for v in verdicts if v.claim == claim.id]
    whole = [v for v in mine if v.check < 0]
    parts: list[RenderableType] = [
        Text(f"{claim.id}  {claim.kind}, {claim.subject}", "bold"),
        prose(claim.says.en),
        prose(claim.says.ja),
        Text(),
        *_article(claim, article),
    ]
    for number, check in enumerate(claim.checks):
        own = [v for v in mine if v.check == number]
        parts += [Text(), *_check(number, check, figures, facts), *(line for v in own for line in _verdict(v))]
    parts += [Text(), Text(f"Verdict so far{_combined(claim)}", "bold")]
    parts += [line for v in whole for line in _verdict(v)] or [_in(Text("none: nothing has judged this claim yet"))]
    if claim.untestable and not any(v.outcome == "untestable" for v in whole):
        parts.append(_in(prose(f"untestable: {claim.untestable}")))
    if claim.note:
        parts.append(_in(prose(f"note: {claim.note}")))
    parts += _stronger(whole or mine)
    return Group(*parts)


def inspection_page(found: Any) -> RenderableType:
    """Everything an inspection (a record or a mapping) holds, in its order; parts of a part are indented.

    Counts have thousands separators, bytes are told in GB too, what is empty is "not recorded".
    """
    plain = to_plain(found)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value, depth in _lines(plain, 0, in_bytes=False):
        grid.add_row(Text("  " * depth).append_text(cell(label, style="" if depth else "bold")), prose(value))
    return grid


def _lines(values: Mapping[str, Any], depth: int, *, in_bytes: bool) -> Iterable[tuple[str, str, int]]:
    for key, value in values.items():
        bytes_here = in_bytes or "bytes" in key.split("_")
        label = words.spoken(key)
        if isinstance(value, dict) and value:
            yield label, "", depth
            yield from _lines(value, depth + 1, in_bytes=bytes_here)
        elif isinstance(value, list) and any(" " in str(item) for item in value):
            yield from ((label if not position else "", str(item), depth) for position, item in enumerate(value))
        elif key == "folder" and value is None:
            yield label, "not on this machine", depth
        else:
            yield label, _value(value, bytes_here), depth


def _value(value: Any, in_bytes: bool) -> str:
    if value is None or value == "":
        return "not recorded"
    if isinstance(value, list | dict):
        return ", ".join(_value(item, in_bytes) for item in value) or "none"
    text = _plain(value)
    return f"{text} ({words.size(value)})" if in_bytes and isinstance(value, int) and value >= 1_000_000 else text


def describe(check: Check) -> str:
    """What a check compares, in one line."""
    match check:
        case BenchmarkCheck():
            right = check.against.reference or _scalar(check.against.value, check.against.unit)
            return f"score on {check.benchmark} {_RELATIONS[check.relation]} {right}"
        case StructureCheck():
            ratio = f" divided by that of {check.ratio_to}" if check.ratio_to else ""
            right = _scalar(check.value, check.unit)
            return f"{check.property}{ratio} {_RELATIONS[check.relation]} {right}"
        case FactCheck():
            minus = f" minus {check.minus}, in days," if check.minus else ""
            many = check.value if isinstance(check.value, tuple) else (check.value,)
            right = ", ".join(v if isinstance(v, str) else _plain(v) for v in many)
            return f"{check.fact}{minus} {_RELATIONS[check.relation]} {right}"
        case ConsistencyCheck():
            return f"{check.contradiction}: the places agree with each other"
        case ProbeCheck():
            return f"{check.probe} {_RELATIONS[check.relation]} {_scalar(check.value, check.unit)}"
        case _:
            assert_never(check)


def _article(claim: Claim, article: Article | None) -> Iterable[RenderableType]:
    if claim.article is None:
        yield prose("Not from an article: a claim of our own about a checkpoint made on the spot.")
        return
    name = article.file if article else claim.article
    if article is not None:
        day = article.outlet_date.isoformat() if article.outlet_date else "undated"
        yield prose(f"Article {article.id}: {article.title} ({day})")
        yield prose(f"address: {article.address}")
    for position, place in enumerate(claim.where):
        printed = f"  prints {claim.printed}" if claim.printed and not position else ""
        yield prose(f"{name}:{place.line}{printed}")
    if not claim.printed:
        yield prose("No figure is printed.")


def _check(
    number: int, check: Check, figures: Mapping[str, Figure], facts: Mapping[str, Fact]
) -> Iterable[RenderableType]:
    kind = f"{check.check}, shown but not counted" if check.informative else check.check
    yield prose(f"Check {number + 1} ({kind}): {check.title or describe(check)}", "bold")
    if check.title:
        yield _in(prose(describe(check)))
    if check.subject:
        yield _in(prose(f"of: {check.subject}"))
    yield _in(prose(f"stated by the article: {_settings(check.stated) or 'nothing'}"))
    yield _in(prose(f"chosen by us: {_settings(check.chosen) or 'nothing'}"))
    if isinstance(check, BenchmarkCheck):
        for reference in dict.fromkeys(r for r in (check.reference, check.against.reference) if r):
            yield _in(prose(_figure(reference, figures.get(reference))))
    if isinstance(check, ConsistencyCheck):
        for place in check.places:
            means = f", which means {_plain(place.means)}"
            yield _in(prose(f"{place.article}:{place.line} prints {place.printed}{means}"))
    for name in _fact_names(check):
        yield _in(prose(_fact(name, facts.get(name))))
    if isinstance(check, ProbeCheck):
        yield _in(prose(f"needs: {check.needs}"))
    if check.note:
        yield _in(prose(f"note: {check.note}"))


def _fact_names(check: Check) -> tuple[str, ...]:
    if isinstance(check, ConsistencyCheck):
        return check.facts
    if isinstance(check, FactCheck):
        return (check.fact, check.minus) if check.minus else (check.fact,)
    return ()


def _figure(name: str, figure: Figure | None) -> str:
    if figure is None:
        return f"published figure {name}: not recorded"
    value = figure.value if isinstance(figure.value, str) else words.number(figure.value)
    if figure.unit == "percent" and isinstance(figure.value, float):
        value = words.percentage(figure.value)
    behind = f"{figure.questions:,} questions" if figure.questions else ""
    repeats = f"{figure.repeats:,} generations per question" if figure.repeats else ""
    said = "; ".join(p for p in (figure.metric, behind, repeats, figure.settings) if p)
    ending = f"; source: {figure.source}; confidence {figure.confidence} ({CONFIDENCE[figure.confidence]})"
    return f"published figure {name}: {value} {figure.unit} ({said}){ending}" + (
        f"; {figure.note}" if figure.note else ""
    )


def _fact(name: str, fact: Fact | None) -> str:
    if fact is None:
        return f"recorded fact {name}: not recorded"
    many = fact.value if isinstance(fact.value, tuple) else (fact.value,)
    day = f", as of {fact.as_of.isoformat()}" if fact.as_of else ""
    note = f"; {fact.note}" if fact.note else ""
    return f"recorded fact {name}: {', '.join(_plain(v) for v in many)} ({fact.basis}{day}; {fact.source}){note}"


def _verdict(verdict: Verdict) -> Iterable[RenderableType]:
    model = f"{verdict.model} ({verdict.precision})" if verdict.precision else verdict.model
    head = Text("→ ").append_text(outcome(verdict.outcome))
    head.append(f", evidence {verdict.evidence}" if verdict.evidence != "none" else "")
    yield _in(head.append(", ").append_text(prose(model, "dim")))
    whose = f" ({verdict.claimed_from})" if verdict.claimed_from else ""
    figures = [f"claimed {verdict.claimed}{whose}"] if verdict.claimed else []
    figures += [f"measured {verdict.measured}"] if verdict.measured else []
    estimate = verdict.estimate
    if estimate is not None:
        if verdict.tolerance is not None:
            figures.append(f"tolerance {words.number(verdict.tolerance, estimate.unit)} points")
        spans = (
            ("interval", estimate.low, estimate.high),
            ("for such questions in general", estimate.population_low, estimate.population_high),
        )
        for name, low, high in spans:
            span = words.interval(low, high, estimate.unit, estimate.level)
            figures += [f"{name} {span}"] if span else []
        figures += _counts(verdict)
    texts = ("; ".join(figures), verdict.reason, *(f"qualified: {q}" for q in verdict.qualifiers))
    texts += tuple(f"deviation: {words.deviation(d)} {d.detail}" for d in verdict.deviations)
    texts += (f"run: {verdict.run}" if verdict.run else "",)
    yield from (_in(prose(t), 4) for t in texts if t)


def _counts(verdict: Verdict) -> list[str]:
    counts = verdict.estimate.counts if verdict.estimate else None
    if counts is None:
        return []
    names = ("truncated", "no_answer", "unscored", "errored")
    lost = (f"{getattr(counts, name):,} {words.spoken(name)}" for name in names)
    return [f"{counts.scored:,} of {counts.planned:,} generations scored, {', '.join(lost)}"]


def _stronger(verdicts: Sequence[Verdict]) -> list[RenderableType]:
    ways = list(dict.fromkeys((v.command or "", v.hardware or "") for v in verdicts if v.command or v.hardware))
    if not ways:
        return []
    parts: list[RenderableType] = [Text(), Text("Stronger evidence", "bold")]
    for typed, hardware in ways:
        parts += [_in(command(typed))] if typed else []
        parts += [_in(prose(f"needs {hardware}"))] if hardware else []
    return parts


def _combined(claim: Claim) -> str:
    counted = sum(not c.informative for c in claim.checks)
    return f" ({words.COMBINED[claim.combine]} {counted} checks)" if counted > 1 else ""


def _settings(settings: Settings) -> str:
    return "; ".join(f"{key} = {_plain(value)}" for key, value in settings.given().items())


def _scalar(value: Scalar, unit: str | None) -> str:
    return f"{_plain(value)} {unit or ''}".rstrip()


def _plain(value: object) -> str:
    """Numbers with thousands separators, yes and no, everything else as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.number(value) if isinstance(value, int | float) else str(value)


def _in(what: Text, by: int = 2) -> Padding:
    return Padding(what, (0, 0, 0, by))
