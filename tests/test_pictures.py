"""Pictures: their numbers are those of verdicts, nothing is cut or overlaps, and hostile text stays text."""

import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import Browsing
from hypothesis import given, settings
from hypothesis import strategies as st
from picturing import (
    ROUNDS,
    check,
    claim_of,
    cost_story,
    figure,
    measured_story,
    publication,
    verdict_of,
)

from harness import claims, verdicts
from harness.gathering import CheckStory, ClaimStory, gather
from harness.records import Against, ConsistencyCheck, Fact, FactCheck, PrintedPlace, StructureCheck
from harness.report import site
from harness.report.drawing import drawn, drawn_costs, drawn_course, laid, laid_costs, laid_course, laid_overview
from harness.report.drawing.canvas import Canvas
from harness.report.drawing.lettering import width, wrapped
from harness.report.lexicon import LANGUAGES, Language, Lexicon, lexicon
from harness.report.pictures import KINDS, Axis, Mark, Picture, costs_of, course_of, overview_of, picture_of
from harness.report.pictures.scales import log_axis, number_axis, percent_axis
from harness.verdicts.trials import Trial

EN, JA = lexicon("en"), lexicon("ja")
HOSTILE = '<script>alert(1)</script>" onload="x" \u202eabc\x00\ud800 & ]]> \ufffe 日本語'


def seen(story: CheckStory, claim: ClaimStory, words: Lexicon = EN) -> Picture:
    found = picture_of(story, claim, words)
    assert found is not None
    return found


def of_kind(picture: Picture, kind: str) -> Mark:
    return next(m for m in picture.marks if m.kind == kind)


def story_of(asked: object, **verdict: object) -> CheckStory:
    return CheckStory(0, asked, verdict_of(asked, **verdict))  # type: ignore[arg-type]  # any check


# what is shown


def test_a_measured_score_has_the_numbers_of_its_verdict() -> None:
    story, claim = measured_story()
    picture, made = seen(story, claim), story.verdict.estimate
    assert made is not None and made.low is not None and made.high is not None
    measured = of_kind(picture, "measured")
    assert (measured.value, measured.low, measured.high) == (100 * made.value, 100 * made.low, 100 * made.high)
    assert measured.text.split()[0] == story.verdict.measured
    assert picture.band == pytest.approx((76.5, 82.5))
    assert [m.kind for m in picture.marks] == [
        "claimed", "measured", "published", "rescored", "independent", "independent",
    ]  # fmt: skip


def test_the_claimed_numbers_own_error_is_the_verdicts() -> None:
    story, claim = measured_story()
    assert story.verdict.estimate is not None and story.registration is not None
    trial = Trial(story.verdict.estimate, story.registration, (), ROUNDS, 1)
    claimed = of_kind(seen(story, claim), "claimed")
    assert claimed.high is not None
    assert claimed.high - claimed.value == pytest.approx(100 * trial.claimed_error)


def test_a_published_pair_has_both_sampling_errors_and_they_are_those_of_the_verdict() -> None:
    ours, theirs = figure("aime24", 79.5, repeats=64), figure("aime24", 70.0, repeats=16)
    asked = check("greater", against=Against(reference="deepseek-r1/aime24"), reference="qwq-32b/aime24")
    finding = verdicts.judge_published(ours, "greater", theirs)
    story = story_of(asked, claimed_from="deepseek-r1/aime24", tolerance=finding.tolerance, evidence="published")
    figures = {"qwq-32b/aime24": ours, "deepseek-r1/aime24": theirs}
    picture = seen(story, ClaimStory(claim_of(asked), None, story.verdict, (story,), figures, {}))
    halves = [m.high - m.value for m in picture.marks if m.high is not None]
    assert [m.kind for m in picture.marks] == ["comparator", "published"]
    assert finding.claimed_error == pytest.approx(math.hypot(*halves) / 100)


def test_an_error_rate_says_that_lower_is_better_and_has_no_sampling_error() -> None:
    figures = {
        "a/wer": figure("wer", 2.14, benchmark="seed-tts", metric="WER %"),
        "b/wer": figure("wer", 2.33, benchmark="seed-tts", metric="WER %"),
    }
    asked = check("at_most", benchmark="seed-tts", against=Against(reference="a/wer"), reference="b/wer")
    story = story_of(asked, model="b", tolerance=0.001)
    picture = seen(story, ClaimStory(claim_of(asked), None, story.verdict, (story,), figures, {}))
    assert "lower is better" in picture.unit and "Lower is better." in picture.sentence
    assert all(m.low is None for m in picture.marks)
    # a tolerance of a tenth of a point must not round to nothing
    assert "2.04–2.24" in picture.sentence


def test_the_run_is_shown_against_what_was_registered_not_against_an_edited_claim_file() -> None:
    story, claim = measured_story()
    edited = replace(story, verdict=replace(story.verdict, claimed="85.0"), check=check(against=Against(value=85.0)))
    claimed = of_kind(seen(edited, claim), "claimed")
    assert (claimed.value, claimed.text.split()[0]) == (79.5, "79.5")


def test_a_rival_that_was_run_here_stands_beside_its_published_figure() -> None:
    story, claim = measured_story(relation="on_par", claimed=0.798)
    verdict = replace(story.verdict, claimed="78.8", claimed_from="deepseek-r1, measured here")
    picture = seen(replace(story, verdict=verdict), claim)
    assert [(m.value, m.label) for m in picture.marks if m.kind == "comparator"] == [
        (pytest.approx(79.8), "DeepSeek-R1, published"),
        (78.8, "DeepSeek-R1, measured here"),
    ]
    assert picture.band == pytest.approx((75.8, 81.8))


def test_structure_facts_days_and_places_are_numbers_too() -> None:
    structure = StructureCheck(check="structure", property="parameters.total", relation="equals", value=67_100_000_000)
    story = story_of(structure, claimed="67,100,000,000", measured="671,026,419,200", tolerance=0.05)
    picture = seen(story, ClaimStory(claim_of(structure), None, story.verdict, (story,), {}, {}))
    assert [m.value for m in picture.marks] == [67.1e9, 671_026_419_200]
    assert picture.unit == "billion parameters" and picture.axis.low == 0
    assert picture.band == pytest.approx((67.1e9 * 0.95, 67.1e9 * 1.05))
    days = FactCheck(check="fact", fact="a/released", minus="b/released", relation="equals", value=60)
    facts = {
        "a/released": Fact(property="released", value="2025-03-26", basis="inspected", source="the page"),
        "b/released": Fact(property="released", value="2025-01-28", basis="inspected", source="the page"),
    }
    story = story_of(days, evidence="inspected")
    picture = seen(story, ClaimStory(claim_of(days), None, story.verdict, (story,), {}, facts))
    assert [m.value for m in picture.marks] == [60, 57] and picture.unit == "days"
    printed = [PrintedPlace(article="001", line=n, sha256="0" * 64, printed=t, means=m) for n, t, m in (
        (1, "80.6%", 80.6), (2, "70億", 7_000_000_000),
    )]  # fmt: skip
    places = ConsistencyCheck(check="consistency", contradiction="X1", places=tuple(printed))
    story = story_of(places)
    picture = seen(story, ClaimStory(claim_of(places), None, story.verdict, (story,), {}, {}))
    assert [m.text for m in picture.marks] == ["80.6%", "70億 (7,000,000,000)"]


@pytest.mark.parametrize("value", ["open", True, "2025-09-24"])
def test_dates_words_and_yes_or_no_have_no_picture(value: object) -> None:
    asked = FactCheck(check="fact", fact="a/b", relation="equals", value=value)  # type: ignore[arg-type]  # any value
    facts = {"a/b": Fact(property="b", value=value, basis="inspected", source="the page")}  # type: ignore[arg-type]
    story = story_of(asked, measured="yes")
    assert picture_of(story, ClaimStory(claim_of(asked), None, story.verdict, (story,), {}, facts), EN) is None


def test_a_number_alone_or_the_same_twice_is_no_picture() -> None:
    alone = check(against=Against(value=79.5))
    story = story_of(alone)
    assert picture_of(story, ClaimStory(claim_of(alone), None, story.verdict, (story,), {}, {}), EN) is None
    counted = StructureCheck(check="structure", property="experts.active", relation="equals", value=8)
    story = story_of(counted, measured="8", tolerance=0.0)
    assert picture_of(story, ClaimStory(claim_of(counted), None, story.verdict, (story,), {}, {}), EN) is None


def test_the_sentence_holds_every_number_in_both_languages() -> None:
    story, claim = measured_story()
    for words in (EN, JA):
        picture = seen(story, claim, words)
        for mark in picture.marks:
            assert mark.text in picture.sentence and mark.label in picture.sentence
        assert "76.5" in picture.sentence and "82.5" in picture.sentence


def test_a_course_names_the_round_whose_interval_decided() -> None:
    story, claim = measured_story(share=0.6)
    assert claim.whole.outcome == story.verdict.outcome == "lower"
    picture = course_of(story, EN)
    assert picture is not None and picture.decided is not None
    refute = 0.795 - max(0.03, Trial(story.verdict.estimate, story.registration, (), ROUNDS, 1).claimed_error)  # type: ignore[arg-type]  # both are there
    first = next(p.rounds for p in story.course if p.high < refute)
    assert picture.decided == first < ROUNDS
    assert f"round {first}" in picture.sentence
    assert picture.points == story.course and picture.rounds.high == ROUNDS
    undecided = replace(story, verdict=replace(story.verdict, outcome="inconclusive"))
    shown = course_of(undecided, EN)
    assert shown is not None and shown.decided is None


def test_without_two_rounds_there_is_no_course() -> None:
    story, _ = measured_story()
    assert course_of(replace(story, course=story.course[:1]), EN) is None
    assert course_of(replace(story, registration=None), EN) is None


def test_costs_leave_out_what_nobody_recorded() -> None:
    runs = (cost_story(1, 0.6, 4), cost_story(2, 0.7, 64))
    picture = costs_of(publication(runs=runs), EN)
    assert picture is not None and [p.title for p in picture.panels] == ["generations", "output tokens"]
    assert picture.panels[0].places == (120.0, 1920.0)
    assert [p.value for p in picture.points] == [100 * s.run.estimate.value for s in runs if s.run.estimate]
    timed = costs_of(publication(runs=(*runs, cost_story(3, 0.7, 8, seconds=40.0))), EN)
    assert timed is not None and sorted(p.places.count(None) for p in timed.panels) == [0, 0, 2]
    assert costs_of(publication(runs=runs[:1]), EN) is None


def test_every_cost_has_its_number_even_where_points_lie_on_each_other() -> None:
    runs = tuple(cost_story(n, 0.6, 4) for n in range(1, 10))
    picture = costs_of(publication(runs=runs), EN)
    assert picture is not None
    canvas = laid_costs(picture, EN)
    clear(canvas)
    beside = Counter(text for text in _texts(canvas) if text.isdigit() and len(text) == 1)
    assert all(beside[f"{n}"] >= len(picture.panels) + 1 for n in range(1, 10)), beside


def test_costs_show_the_interval_that_holds() -> None:
    runs = (cost_story(1, 0.6, 4), cost_story(2, 0.7, 64))
    assert runs[0].run.estimate is not None
    held = replace(runs[0].run.estimate, low=0.3, high=0.9, method="anytime")
    picture = costs_of(publication(runs=(replace(runs[0], early=held), runs[1])), EN)
    assert picture is not None
    assert (picture.points[0].low, picture.points[0].high) == pytest.approx((30.0, 90.0))


def test_the_overview_joins_checks_that_say_the_same() -> None:
    story, claim = measured_story()
    other = replace(claim, claim=claim.claim.model_copy(update={"id": "C998"}))
    found = overview_of(publication(claim, other), EN)
    assert found is not None
    assert [(g.model, [r.claims for r in g.rows]) for g in found.groups] == [("QwQ-32B", [("C999", "C998")])]
    assert found.groups[0].rows[0].marks == seen(story, claim).marks


def test_every_picture_of_the_ledger_is_drawn_in_both_languages() -> None:
    told = gather([c for c in claims.load_claims() if c.id in ("C003", "C020", "C035", "C079", "C099", "C114", "C116")])
    for words in (EN, JA):
        found = [picture_of(k, s, words) for s in told.stories for k in s.checks]
        assert sum(p is not None for p in found) > 15
        for picture in filter(None, found):
            whole(drawn(picture, words))
            clear(laid(picture, words))
            assert all(picture.axis.low <= end <= picture.axis.high for m in picture.marks for end in m.reach)


def test_both_languages_have_the_same_texts() -> None:
    keys = [{k for k in lexicon(language)._texts if k.startswith("pictures.")} for language in LANGUAGES]
    assert keys[0] == keys[1] != set()


# axes

numbers = st.floats(-1e15, 1e15, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-9)


def inside(axis: Axis, values: list[float]) -> None:
    assert axis.low < axis.high
    assert all(axis.low <= v <= axis.high for v in values)
    assert all(axis.low <= t.value <= axis.high or math.isclose(t.value, axis.low, rel_tol=1e-6) or
               math.isclose(t.value, axis.high, rel_tol=1e-6) for t in axis.ticks)  # fmt: skip
    assert len({t.text for t in axis.ticks}) == len(axis.ticks)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_a_percent_axis_holds_all_marks_and_never_leaves_0_to_100(values: list[float]) -> None:
    axis = percent_axis(values)
    inside(axis, values)
    assert axis.low >= 0 and axis.high <= 100
    assert 2 <= len(axis.ticks) <= 12


@given(st.lists(numbers, min_size=1, max_size=8), st.sampled_from(LANGUAGES))
def test_any_numbers_have_an_axis(values: list[float], language: Language) -> None:
    axis, _ = number_axis(values, lexicon(language))
    inside(axis, values)


@given(st.lists(st.floats(1e-3, 1e15), min_size=1, max_size=8), st.sampled_from(LANGUAGES))
def test_costs_have_an_axis_by_factors(values: list[float], language: Language) -> None:
    axis = log_axis(values, lexicon(language))
    inside(axis, values)
    assert len(axis.ticks) >= 2


def test_large_numbers_are_counted_in_the_powers_of_their_language() -> None:
    for words, power in ((EN, "billion"), (JA, "億")):
        axis, named = number_axis([67.1e9, 671e9], words)
        assert named == power
        assert "600" in [t.text for t in axis.ticks] or "6,000" in [t.text for t in axis.ticks]


# drawings


def whole(svg: str) -> ET.Element:
    """Parses; one title, one description, and nothing the page's policy would refuse."""
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root[0].tag.endswith("title") and root[1].tag.endswith("desc")
    for element in root.iter():
        assert set(element.attrib) <= {
            "class", "role", "viewBox", "font-size", "d", "x", "y", "width", "height", "cx", "cy", "r", "text-anchor",
        }  # fmt: skip
        assert element.tag.rpartition("}")[2] in ("svg", "title", "desc", "path", "rect", "circle", "text")
    return root


def clear(canvas: Canvas) -> None:
    """No text leaves the drawing or lies on another."""
    boxes = canvas.boxes
    for left, top, right, bottom in boxes:
        assert left >= -0.01 and right <= canvas.width + 0.01 and top >= -0.01 and bottom <= canvas.height + 0.01
    for number, a in enumerate(boxes):
        for b in boxes[number + 1 :]:
            apart = a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01 or a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01
            assert apart, (a, b)


texts = st.text(min_size=0, max_size=90) | st.text("QwWm億数学の推論、 .", min_size=1, max_size=90)
shares = st.floats(0, 100)


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    ends = sorted(draw(st.tuples(shares, shares, shares)))
    low, high = draw(st.sampled_from([(None, None), (ends[0], ends[2])]))
    return Mark(draw(st.sampled_from(KINDS)), draw(texts), ends[1], draw(texts), low, high, draw(texts))


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    shown = tuple(draw(st.lists(marks(), min_size=1, max_size=5)))
    band = draw(st.none() | st.tuples(shares, shares).map(lambda b: (min(b), max(b))))
    axis = percent_axis([end for m in shown for end in m.reach] + list(band or ()))
    return Picture(draw(texts), draw(texts), axis, band, shown, draw(texts))


@settings(max_examples=150, deadline=None)
@given(pictures(), st.sampled_from(LANGUAGES), st.sampled_from((440.0, 354.0)))
def test_no_label_leaves_the_picture_or_overlaps(picture: Picture, language: Language, wide: float) -> None:
    clear(laid(picture, lexicon(language), wide))
    whole(drawn(picture, lexicon(language)))


@settings(max_examples=100, deadline=None)
@given(texts, st.floats(30, 440))
def test_wrapped_lines_fit_and_lose_nothing(text: str, room: float) -> None:
    from harness.report.escaping import clean

    lines = wrapped(text, room, 13.0)
    assert all(width(line, 13.0) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == clean(text, 400).replace(" ", "")


def test_courses_costs_and_the_overview_are_clear() -> None:
    story, claim = measured_story(share=0.6)
    runs = tuple(cost_story(n, 0.5 + 0.02 * n, 2**n % 61 + 1, seconds=3.0**n) for n in range(9))
    asked = claim.claim.checks
    stories = [
        replace(
            claim,
            claim=claim_of(*asked, name=f"C{n:03}"),
            checks=(replace(story, verdict=replace(story.verdict, tolerance=0.001 * n, model=f"model-{n // 5}")),),
        )
        for n in range(1, 120)
    ]
    for words in (EN, JA):
        course, costs = course_of(story, words), costs_of(publication(runs=runs), words)
        overview = overview_of(publication(*stories), words)
        assert course is not None and costs is not None and overview is not None
        whole(drawn_course(course, words))
        whole(drawn_costs(costs, words))
        pages = laid_overview(overview, words)
        assert len(pages) > 1
        for canvas in (laid_course(course, words), laid_costs(costs, words), *pages):
            clear(canvas)
        assert all(page.height < 940 for page in pages)
        rows = sum(text.count("AIME24 (") for page in pages for text in _texts(page))
        assert rows == 119


def _texts(canvas: Canvas) -> list[str]:
    from harness.report.drawing.canvas import Text

    return [shape.text for shape in canvas.shapes if isinstance(shape, Text)]


def test_hostile_text_stays_text() -> None:
    axis = percent_axis([1.0, 2.0])
    mark = Mark("published", HOSTILE, 1.0, HOSTILE, note=HOSTILE)
    svg = drawn(Picture(HOSTILE, HOSTILE, axis, None, (mark, replace(mark, value=2.0)), HOSTILE), EN)
    root = whole(svg)
    assert "<script" not in svg and "\u202e" not in svg and "\x00" not in svg
    assert "<script>" in "".join(root.itertext())
    assert not re.search(r'\sonload="', re.sub(r">[^<]*<", "><", svg))


def test_the_same_picture_gives_the_same_bytes_and_few_of_them() -> None:
    story, _ = measured_story()
    first, again = (drawn(seen(*measured_story()), EN) for _ in range(2))
    assert first == again
    assert len(first.encode()) < 6000
    course = course_of(story, EN)
    assert course is not None and len(drawn_course(course, EN).encode()) < 6000


def test_texts_keep_apart_in_a_browser_too(browser: Browsing, tmp_path: Path) -> None:
    """Widths are guessed without the fonts: here they are measured with those of this machine."""
    story, claim = measured_story(share=0.6)
    runs = tuple(cost_story(n, 0.5 + 0.02 * n, 2**n % 61 + 1, seconds=3.0**n) for n in range(5))
    parts = []
    for words in (EN, JA):
        course, costs = course_of(story, words), costs_of(publication(runs=runs), words)
        assert course is not None and costs is not None
        parts += [drawn(seen(story, claim, words), words), drawn_course(course, words), drawn_costs(costs, words)]
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><style>{_CSS.read_text()}</style>{"".join(parts)}', "utf-8")
    found = browser.open(page).evaluate(_MEASURED)
    assert len(found) == len(parts) and all(len(texts) > 4 for _, texts in found)
    for (wide, high), texts in found:
        for left, top, right, bottom in texts:
            assert left >= -0.5 and top >= -0.5 and right <= wide + 0.5 and bottom <= high + 1.5
        for number, a in enumerate(texts):
            for b in texts[number + 1 :]:
                # the boxes of a font hold the room for accents, which lines share
                assert a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 2.5 or b[3] <= a[1] + 2.5


_CSS = Path(site.__file__).parent / "assets" / "pictures.css"
_MEASURED = """() => [...document.querySelectorAll("svg")].map(s => [
  [s.viewBox.baseVal.width, s.viewBox.baseVal.height],
  [...s.querySelectorAll("text")].map(t => t.getBBox()).map(b => [b.x, b.y, b.x + b.width, b.y + b.height])])"""
