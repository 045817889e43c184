"""Checks, figures and facts in the words of a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from harness.records import (
    BenchmarkCheck,
    Check,
    ConsistencyCheck,
    Fact,
    FactCheck,
    Figure,
    ProbeCheck,
    StructureCheck,
)
from harness.records.settings import Settings
from harness.report.lexicon import Lexicon
from harness.report.words import number, percentage

_STORED = "(stored copy of a public page)"
"""What configs/references/ writes behind a source without an address."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of `stated` or `chosen`. `free`: the value is a sentence in English."""

    label: str
    value: str
    free: bool


@dataclass(frozen=True, slots=True)
class FigureLine:
    """A published figure as a line of a table. `value` is empty where the figure is not recorded. `conditions` are
    words of the page's language, `settings` the source's own."""

    name: str
    label: str
    value: str
    conditions: str
    metric: str
    settings: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class FactLine:
    """A recorded fact as a line of a table. `value` is empty where it is not recorded."""

    name: str
    value: str
    basis: str
    source: str
    note: str


def describe(check: Check, words: Lexicon) -> str:
    """What a check compares, in one line."""

    def text(key: str, **places: str) -> str:
        return words.text(f"site.check_{key}", relation=words.text(f"site.relation_{relation}"), **places)

    relation = "equals" if isinstance(check, ConsistencyCheck) else check.relation
    match check:
        case BenchmarkCheck():
            right = check.against.reference or _with_unit(check.against.value, check.against.unit, words)
            return text("benchmark", benchmark=check.benchmark, value=right)
        case StructureCheck():
            right = _with_unit(check.value, check.unit, words)
            if check.ratio_to:
                return text("structure_ratio", property=words.prose(check.property), other=check.ratio_to, value=right)
            return text("structure", property=words.prose(check.property), value=right)
        case FactCheck():
            right = plain(check.value, words)
            if check.minus:
                return text("fact_minus", fact=check.fact, other=check.minus, value=right)
            return text("fact", fact=check.fact, value=right)
        case ConsistencyCheck():
            return text("consistency", contradiction=check.contradiction)
        case ProbeCheck():
            right = _with_unit(check.value, check.unit, words)
            name = f"{check.probe} {check.measures}" if check.measures else str(check.probe)
            if check.ratio_to:
                return text("probe_ratio", probe=name, other=check.ratio_to, value=right)
            return text("probe", probe=name, value=right)
        case _:
            assert_never(check)


def plain(value: object, words: Lexicon) -> str:
    """Numbers with thousands separators, yes and no, days as ISO 8601, several values joined."""
    if isinstance(value, bool):
        return words.text("site.yes" if value else "site.no")
    if isinstance(value, tuple):
        return words.text("site.joined").join(plain(v, words) for v in value)
    if isinstance(value, date):
        return value.isoformat()
    return words.figure(number(value)) if isinstance(value, int | float) else words.prose(str(value))


def settings_of(settings: Settings, words: Lexicon) -> tuple[Setting, ...]:
    free = ("bar", "reading", "counts")
    return tuple(
        Setting(words.text(f"site.setting_{key}"), plain(value, words), key in free)
        for key, value in settings.given().items()
    )


def figure_line(name: str, figure: Figure | None, words: Lexicon) -> FigureLine:
    if figure is None:
        return FigureLine(name, name, "", "", "", "", "", "", "")
    behind = []
    if figure.questions:
        behind.append(words.text("site.behind_questions", count=f"{figure.questions:,}"))
    if figure.repeats:
        once = "site.behind_repeats_one" if figure.repeats == 1 else "site.behind_repeats"
        behind.append(words.text(once, count=f"{figure.repeats:,}"))
    return FigureLine(
        name=name,
        label=figure.label,
        value=_figure_value(figure),
        conditions=words.text("site.joined").join(behind),
        metric=figure.metric,
        settings=figure.settings or "",
        source=figure.source.replace(_STORED, words.text("site.stored_copy")),
        confidence=f"{figure.confidence}{words.text('site.colon')}{words.text(f'site.confidence_{figure.confidence}')}"
        if len(figure.confidence) == 1
        else words.text(f"site.confidence_{figure.confidence}"),
        note=figure.note or "",
    )


def fact_line(name: str, fact: Fact | None, words: Lexicon) -> FactLine:
    if fact is None:
        return FactLine(name, "", "", "", "")
    basis = [words.text(f"site.fact_{fact.basis}")]
    if fact.as_of:
        basis.append(words.text("site.as_of", date=fact.as_of.isoformat()))
    return FactLine(name, plain(fact.value, words), words.text("site.joined").join(basis), fact.source, fact.note or "")


def figures_named(check: Check) -> Iterator[str]:
    """The published figures ("<model>/<figure>") a check names: its own model's first."""
    if isinstance(check, BenchmarkCheck):
        yield from dict.fromkeys(r for r in (check.reference, check.against.reference) if r)


def facts_named(check: Check) -> Iterator[str]:
    """The facts ("<subject>/<property>") a check names."""
    if isinstance(check, ConsistencyCheck):
        yield from check.facts
    elif isinstance(check, FactCheck):
        yield from (name for name in (check.fact, check.minus) if name)


def _figure_value(figure: Figure) -> str:
    if isinstance(figure.value, str):
        return figure.value
    shown = percentage(figure.value) if figure.unit == "percent" else number(figure.value)
    return f"{shown} %" if figure.unit == "percent" else shown


def _with_unit(value: object, unit: str | None, words: Lexicon) -> str:
    if unit in ("percent", None) or value is None:
        return plain(value, words) + (" %" if unit == "percent" else "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{plain(value, words)} {unit}"
    return words.figure(words.prose(f"{number(value)} {unit}"))
