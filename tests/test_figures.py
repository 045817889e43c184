"""Figures for papers: they parse, embed their fonts, are the same bytes twice, and ask for what they need."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from picturing import cost_story, measured_story, publication

from harness.errors import HarnessError, MissingExtra
from harness.gathering import Publication
from harness.report import figures, typefaces
from harness.report.lexicon import lexicon
from harness.report.pictures import Mark, Picture, costs_of, course_of, picture_of
from harness.report.pictures.scales import percent_axis

pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")
EN, JA = lexicon("en"), lexicon("ja")
needs_japanese = pytest.mark.skipif(typefaces.japanese_font() is None, reason="no Japanese font is installed here")


def told() -> Publication:
    _, claim = measured_story(share=0.6)
    runs = (cost_story(1, 0.6, 4, seconds=30.0), cost_story(2, 0.7, 64, seconds=900.0))
    return publication(claim, runs=runs)


def picture() -> Picture:
    found = picture_of(*measured_story(), EN)
    assert found is not None
    return found


def test_all_figures_of_a_publication() -> None:
    for form in ("svg", "pdf"):
        found = dict(figures.figures(told(), form, EN))
        assert list(found) == ["overview", "costs", "course-C999-0", "C999-0"]
        for made in found.values():
            assert made.startswith(b"%PDF" if form == "pdf" else b"<?xml")
            if form == "svg":
                assert ET.fromstring(made).tag.endswith("svg")
    assert list(dict(figures.figures(told(), "svg", EN, each=False))) == ["overview", "costs", "course-C999-0"]
    assert list(figures.figures(publication(), "svg", EN)) == []


def test_fonts_are_embedded_as_truetype() -> None:
    made = figures.figure_bytes(picture(), "pdf", EN)
    assert b"/CIDFontType2" in made and b"/FontFile2" in made and b"/Type3" not in made
    assert re.search(rb"/BaseFont /[A-Z]{6}\+DejaVuSans", made)


def test_the_same_picture_gives_the_same_bytes() -> None:
    for form in ("svg", "pdf"):
        first, again = (figures.figure_bytes(picture(), form, EN) for _ in range(2))
        assert first == again
        assert b"Date" not in first


@pytest.mark.full
def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    """Hashes of texts differ between processes; files must not."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_figures import *; import hashlib; "
        "print(*[hashlib.sha256(figures.figure_bytes(picture(), f, EN)).hexdigest() for f in ('svg', 'pdf')])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(tmp_path)},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_a_figure_is_one_column_wide_and_an_overview_a_page() -> None:
    def wide(svg: bytes) -> float:
        return float((ET.fromstring(svg).get("width") or "").removesuffix("pt")) / 72

    assert wide(figures.figure_bytes(picture(), "svg", EN)) == pytest.approx(3.46, abs=0.05)
    pages = dict(figures.figures(told(), "svg", EN, each=False))
    assert wide(pages["overview"]) == pytest.approx(6.98, abs=0.05)


def test_a_users_own_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib

    usual = figures.figure_bytes(picture(), "svg", EN)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "none", "axes.facecolor": "red"}):
        assert figures.figure_bytes(picture(), "svg", EN) == usual
        assert matplotlib.rcParams["font.size"] == 30


def test_hostile_text_is_drawn_not_obeyed() -> None:
    hostile = "$\\frac{1}{0}$ <b>&\u202e\x00 \ud800 \U0001f600"
    marks = tuple(Mark("published", hostile, value, hostile, note=hostile) for value in (1.0, 2.0))
    made = Picture(hostile, hostile, percent_axis([1.0, 2.0]), None, marks, hostile)
    ET.fromstring(figures.figure_bytes(made, "svg", EN))
    assert figures.figure_bytes(made, "pdf", EN).startswith(b"%PDF")


@needs_japanese
def test_japanese_letters_are_embedded_as_truetype_too() -> None:
    found = picture_of(*measured_story(), JA)
    assert found is not None
    made = figures.figure_bytes(found, "pdf", JA)
    assert b"/Type3" not in made and b"/FontFile3" not in made
    assert len(re.findall(rb"/BaseFont /[A-Z]{6}\+", made)) >= 3
    texts = [m.label + m.note for m in found.marks]
    assert "主" in "".join(texts) and typefaces.typeface(texts).characters >= set("".join(texts))


def test_without_a_japanese_font_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "japanese_font", lambda: None)
    with pytest.raises(HarnessError, match="fonts-noto-cjk"):
        figures.figure_bytes(picture(), "pdf", JA)


def test_without_matplotlib_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match="extra 'plots'"):
        figures.figure_bytes(picture(), "pdf", EN)


def test_another_form_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="'png'"):
        figures.figure_bytes(picture(), "png", EN)  # type: ignore[arg-type]  # that is the point


def test_all_looks_have_a_colour_in_print_and_on_the_page() -> None:
    """A shape without one would be black here and invisible there."""
    from harness.report.drawing import laid, laid_costs, laid_course
    from harness.report.drawing.canvas import Text

    story, claim = measured_story(share=0.6)
    rival, other = measured_story(relation="greater", claimed=0.6)
    costs, course = costs_of(told(), EN), course_of(story, EN)
    shown = [picture_of(replace(rival), other, EN), picture_of(story, claim, EN)]
    assert costs is not None and course is not None
    canvases = [laid_costs(costs, EN), laid_course(course, EN), *(laid(p, EN) for p in shown if p is not None)]
    looks = {shape.look for canvas in canvases for shape in canvas.shapes if not isinstance(shape, Text)}
    assert looks <= {*figures._STROKES, *figures._FILLS}
    css = (Path(figures.__file__).parent / "site" / "assets" / "pictures.css").read_text(encoding="utf-8")
    assert [look for look in looks if not look.startswith("reach-") and f".{look} " not in css] == []
