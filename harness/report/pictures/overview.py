"""Every score check of a publication on one axis: the figure for a paper."""

from __future__ import annotations

import re

from harness.gathering import ClaimStory, Publication
from harness.records import BenchmarkCheck
from harness.report.lexicon import Lexicon
from harness.report.pictures.checks import picture_of
from harness.report.pictures.names import model_name
from harness.report.pictures.records import Overview, OverviewGroup, OverviewRow, Picture
from harness.report.pictures.scales import percent_axis

_REMARK = re.compile(r" \(| = ")


def overview_of(publication: Publication, words: Lexicon) -> Overview | None:
    """The score checks in percent that have two numbers, by model; those that say the same share a row. None: no such.

    Error rates are left out: on an axis where more is better they would be read the wrong way round.
    """
    found: dict[str, dict[tuple[object, ...], OverviewRow]] = {}
    unit = words.text("pictures.percent")
    for story in publication.stories:
        for check in story.checks:
            if not isinstance(check.check, BenchmarkCheck):
                continue
            picture = picture_of(check, story, words)
            if picture is None or picture.unit != unit:
                continue
            rows = found.setdefault(check.verdict.model, {})
            label = _label(check.check, story, picture, words)
            key = (label, picture.band, tuple((m.kind, m.label, m.value, m.low, m.high) for m in picture.marks))
            same = rows.get(key)
            claims = tuple(dict.fromkeys((*(same.claims if same else ()), story.claim.id)))
            rows[key] = OverviewRow(label, claims, picture.band, picture.marks)
    if not found:
        return None
    groups = tuple(OverviewGroup(model_name(model), tuple(rows.values())) for model, rows in sorted(found.items()))
    drawn = [row for group in groups for row in group.rows]
    title = words.text("pictures.overview_title")
    ends = [end for row in drawn for m in row.marks for end in m.reach]
    ends += [end for row in drawn for end in row.band or ()]
    count = words.text("pictures.overview_sentence", rows=len(drawn), models=len(groups))
    return Overview(title, unit, percent_axis(ends), groups, count)


def _label(check: BenchmarkCheck, story: ClaimStory, picture: Picture, words: Lexicon) -> str:
    """`AIME24 against DeepSeek-R1`."""
    figure = story.figures.get(check.reference or "") or story.figures.get(check.against.reference or "")
    # what stands behind the name (a window, a chart) is on the claim's page
    benchmark = _REMARK.split(figure.label)[0] if figure else check.benchmark
    rival = next((m for m in picture.marks if m.kind == "comparator"), None)
    if rival is None or check.against.reference is None:
        return benchmark
    other = model_name(check.against.reference.partition("/")[0])
    return words.text("pictures.against", benchmark=benchmark, name=other)
