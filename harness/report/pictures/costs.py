"""What scores cost."""

from __future__ import annotations

from harness.gathering import Publication, RunStory
from harness.report.digits import as_printed
from harness.report.lexicon import Lexicon
from harness.report.pictures.names import model_name
from harness.report.pictures.records import CostPanel, CostPicture, CostPoint
from harness.report.pictures.scales import log_axis, percent_axis
from harness.report.words import NOTHING

_FEWEST = 2


def costs_of(publication: Publication, words: Lexicon) -> CostPicture | None:
    """Score with interval against generations, device seconds and output tokens, one point for each stored run.

    None for fewer than two runs with a score: one point is no comparison. A cost that no run recorded has no panel.
    """
    stories = [s for s in publication.runs if s.estimate is not None and s.cost.generations > 0]
    if len(stories) < _FEWEST:
        return None
    stories.sort(key=lambda s: (s.run.spec.model, s.run.spec.task, s.run.name))
    points = tuple(_point(n, story, words) for n, story in enumerate(stories, 1))
    kinds: dict[str, list[float | None]] = {
        "generations": [float(s.cost.generations) for s in stories],
        "seconds": [s.cost.device_seconds for s in stories],
        "tokens": [None if s.cost.output_tokens is None else float(s.cost.output_tokens) for s in stories],
    }
    panels = []
    for kind, found in kinds.items():
        places = tuple(v if v is not None and v > 0 else None for v in found)
        known = [v for v in places if v is not None]
        if known:
            panels.append(CostPanel(words.text(f"pictures.cost_{kind}"), log_axis(known, words), places))
    each = [
        words.text(
            "pictures.cost_one",
            label=p.label,
            text=p.text,
            n=f"{s.cost.generations:,}",
            tokens=NOTHING if s.cost.output_tokens is None else f"{s.cost.output_tokens:,}",
        )
        for p, s in zip(points, stories, strict=True)
    ]
    title = words.text("pictures.cost_title")
    return CostPicture(
        title=title,
        unit=words.text("pictures.percent"),
        axis=percent_axis([end for p in points for end in (p.low, p.value, p.high)]),
        panels=tuple(panels),
        points=points,
        sentence=words.text("pictures.listed", title=title, marks=words.text("pictures.between").join(each)),
    )


def _point(number: int, story: RunStory, words: Lexicon) -> CostPoint:
    spec, made = story.run.spec, story.estimate
    assert made is not None
    printed = as_printed(made)
    text = printed.value + (f" [{printed.interval}]" if printed.interval else "")
    label = f"{model_name(spec.model)} {spec.precision}, {spec.task}"
    low = made.value if made.low is None else made.low
    high = made.value if made.high is None else made.high
    return CostPoint(number, label, text, 100 * made.value, 100 * low, 100 * high)
