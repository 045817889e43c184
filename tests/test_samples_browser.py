"""Run pages in a real browser, opened from disk: read, filter, search, link, and stay inert."""

import dataclasses
import re
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from browsing import Browsing
from told_runs import output, sample, told_run, written

from harness.gathering import OpinionStory, SampleStory
from harness.records import Media, Message, Score, ScoreStatus, turn
from harness.report.site import samples as told

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install '.[dev]')")
from playwright.sync_api import Page, expect

MARKS: Sequence[ScoreStatus] = ("correct", "incorrect", "truncated", "no_answer", "unscored", "errored")
QUESTIONS = 60


def stories() -> Iterator[SampleStory]:
    """60 questions, two outputs of each; question i has the marks i and i + 1 of MARKS."""
    for i in range(QUESTIONS):
        yield sample(
            i,
            [
                output(r, f"Answer {i}.{r} ends here.", status=MARKS[(i + r) % 6], thought=f"Musing{i}x{r} about it")
                for r in range(2)
            ],
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several shards and several files of the index."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(told, "QUESTIONS", 10)
        patch.setattr(told, "INDEXED", 20)
        written(folder, stories(), told_run(QUESTIONS, 2))
    return folder


@pytest.fixture
def run_page(site: Path) -> Path:
    return next(site.glob("runs/*/index.html"))


def heading(page: Page) -> Any:
    return page.locator(".pane h3")


def found(page: Page) -> Any:
    return page.locator(".found")


def search(page: Page, text: str) -> None:
    page.fill("input[name=needle]", text)
    page.press("input[name=needle]", "Enter")
    expect(page.locator(".search progress")).to_be_hidden()


def test_it_opens_from_disk_and_shows_the_first_output(browser: Browsing, site: Path, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(heading(page)).to_have_text("Question 0 id-0")
    expect(found(page)).to_have_text("Outputs shown: 120, of 60 questions")
    pane = page.locator(".pane")
    for text in ("What is question 0?", "Be brief.", "Answer 0.0 ends here.", "because of it", "204", "12, 34"):
        expect(pane).to_contain_text(text)
    expect(pane.locator("details", has_text="Thought").locator(".text")).to_be_hidden()
    pane.locator("summary", has_text="Thought").click()
    expect(pane).to_contain_text("Musing0x0")
    expect(page.locator(".without-script")).to_have_count(0)
    browser.assert_quiet(site)


def test_shards_are_loaded_when_they_are_looked_at(browser: Browsing, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(found(page)).to_contain_text("120")
    assert [url.rsplit("/")[-1] for url in browser.requests if "/0" in url] == ["0000.js"]
    page.locator(".list").evaluate("list => list.scrollTop = 30 * list.querySelector('.row').offsetHeight")
    page.locator("#row-35").click()
    expect(heading(page)).to_have_text("Question 35 id-35")
    assert [url.rsplit("/")[-1] for url in browser.requests if "/0" in url] == ["0000.js", "0003.js"]


def test_filters_by_mark(browser: Browsing, site: Path, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(found(page)).to_contain_text("120")
    for code, word in (("t", "truncated"), ("e", "errored")):
        expect(page.locator(f"[data-mark={code}]")).to_contain_text(f"{word} 20")
    page.click("[data-mark=t]")
    expect(found(page)).to_have_text("Outputs shown: 20, of 20 questions")
    expect(page.locator("[data-mark=t]")).to_be_focused()
    expect(heading(page)).to_have_text("Question 1 id-1")
    expect(page.locator(".outcome")).to_contain_text("truncated")
    page.click("[data-mark=e]")
    expect(found(page)).to_have_text("Outputs shown: 40, of 40 questions")
    page.click("[data-mark=all]")
    expect(found(page)).to_have_text("Outputs shown: 120, of 60 questions")
    browser.assert_quiet(site)


def test_keys_go_from_output_to_output(browser: Browsing, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(heading(page)).to_have_text("Question 0 id-0")

    def at(position: int, repeat: int) -> None:
        expect(heading(page)).to_have_text(f"Question {position} id-{position}")
        expect(page.locator(".pane")).to_contain_text(f"Answer {position}.{repeat} ends")
        assert page.evaluate("location.hash") == f"#q={position}&r={repeat}"

    for key, place in (("j", (0, 1)), ("j", (1, 0)), ("k", (0, 1)), ("J", (1, 0)), ("J", (2, 0)), ("K", (1, 0))):
        page.keyboard.press(key)
        at(*place)
    page.click("[data-mark=t]")
    for key, place in (("j", (2, 0)), ("j", (7, 1)), ("k", (2, 0))):
        page.keyboard.press(key)
        at(*place)
    page.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    at(7, 1)
    expect(page.locator(".list")).to_have_attribute("aria-activedescendant", "row-7")
    # keys typed into the search are letters
    page.keyboard.press("/")
    page.keyboard.type("jk")
    expect(page.locator("input[name=needle]")).to_have_value("jk")
    at(7, 1)


@pytest.mark.parametrize("position", [20, 59])
def test_a_link_opens_its_output(browser: Browsing, site: Path, run_page: Path, position: int) -> None:
    page = browser.open(run_page, fragment=f"q={position}&r=1")
    expect(heading(page)).to_have_text(f"Question {position} id-{position}")
    expect(page.locator(".pane")).to_contain_text(f"Answer {position}.1 ends")
    expect(page.locator(f"#row-{position}")).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"#row-{position}")).to_be_in_viewport()
    browser.assert_quiet(site)


def test_a_link_to_nothing_says_so(browser: Browsing, site: Path, run_page: Path) -> None:
    page = browser.open(run_page, fragment="q=60&r=0")
    for fragment in ("q=60&r=0", "q=x", "q=1&r=9", "q=-1&r=0", "q=3&r=<img src=x>"):
        page.evaluate("fragment => { location.hash = fragment; }", fragment)
        expect(page.locator(".pane")).to_have_text("There is no such output in this run.")
        page.evaluate("() => { location.hash = 'q=0&r=0'; }")
        expect(heading(page)).to_have_text("Question 0 id-0")
    browser.assert_quiet(site)


def test_links_work_in_an_open_page_and_can_be_copied(browser: Browsing, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(heading(page)).to_have_text("Question 0 id-0")
    page.evaluate("location.hash = '#q=41&r=1'")
    expect(page.locator(".pane")).to_contain_text("Answer 41.1 ends")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("button.copy").click()
    expect(page.locator("button.copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{run_page.as_uri()}#q=41&r=1"


def test_where_the_clipboard_is_closed_the_link_is_shown(browser: Browsing, run_page: Path) -> None:
    page = browser.open(run_page)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.locator("button.copy").click()
    expect(page.locator(".by-hand input")).to_have_value(f"{run_page.as_uri()}#q=0&r=0")


def test_search_looks_through_every_output(browser: Browsing, site: Path, run_page: Path) -> None:
    page = browser.open(run_page)
    search(page, "MUSING47X1")
    expect(found(page)).to_have_text("Outputs shown: 1, of 1 questions")
    expect(heading(page)).to_have_text("Question 47 id-47")
    # the thought it was found in is open, and the place is marked
    expect(page.locator(".pane mark").first).to_have_text("Musing47x1")
    expect(page.locator(".pane mark").first).to_be_visible()
    search(page, "Answer 5")
    expect(found(page)).to_have_text("Outputs shown: 22, of 11 questions")
    page.click("[data-mark=t]")
    expect(found(page)).to_contain_text("Outputs shown: 3,")
    page.click("[data-mark=t]")
    search(page, "What is question 33?")
    expect(found(page)).to_have_text("Outputs shown: 2, of 1 questions")
    search(page, "Answer .*")
    expect(found(page)).to_have_text("No output holds it.")
    page.fill("input[name=needle]", "")
    expect(found(page)).to_have_text("Outputs shown: 120, of 60 questions")
    browser.assert_quiet(site)


def test_a_search_can_be_stopped(browser: Browsing, run_page: Path) -> None:
    page = browser.open(run_page)
    expect(found(page)).to_contain_text("120")
    page.evaluate(
        """() => {  // every file but the first takes a while
            const add = document.head.append.bind(document.head);
            document.head.append = (one) => one.src.endsWith("0002.js") ? (window.held = one) : add(one);
        }"""
    )
    page.fill("input[name=needle]", "ends here")
    page.press("input[name=needle]", "Enter")
    expect(page.locator(".search .stop")).to_be_visible()
    page.locator(".search .stop").click()
    expect(page.locator(".search progress")).to_be_hidden()
    # what was found before stays: one shard or two
    expect(found(page)).to_have_text(re.compile(r"Outputs shown: (20|40), of (10|20) questions"))


# -- hostile outputs

LINE = "x" * 1_000_000
HOSTILE = {
    "script": "</script><script>window.hacked = 1</script>",
    "image": "<img src=x onerror='window.hacked = 1'><svg onload=window.hacked=1>",
    "link": "javascript:window.hacked=1 <a href='javascript:window.hacked=1'>x</a> https://example.com/x",
    "bidi": "user\u202e gpj.exe \u2066x\u2069",
    "controls": "a\x00b\x1b[31mred\x1b[0m\x7f\x9b bell\x07 cr\r end",
    "surrogates": "\ud800 lone \udc00",
    "invisible": "zero\u200bwidth\ufeff tag\U000e0041",
    "template": "{{ 7 * 7 }} ${7 * 7} {% raw %}",
    "line": LINE,
    "nulls": "\x00" * 50_000,
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")

    def stories() -> Iterator[SampleStory]:
        for i, (name, text) in enumerate(HOSTILE.items()):
            score = Score("q", 0, text[:300], "incorrect", 0.0, text, text)
            one = output(0, text, thought=text, scores=(score,), error=text, heard=text)
            turns = (Message("user", text), turn("user", Media("image", path=text[:300])))
            yield sample(i, [one], id=f"{name} {text[:300]}", messages=turns, choices=(text,), target=text)

    run = told_run()
    return written(folder, stories(), dataclasses.replace(run, scorers=()))


SHOWN = {
    "bidi": ("U+202E", "U+2066"),
    "controls": ("␀", "␛", "␡", "U+009B", "␇", "␍"),
    "surrogates": ("U+D800",),
    "invisible": ("U+200B", "U+FEFF", "U+E0041"),
    "nulls": ("␀",),
    "script": ("<script>window.hacked = 1",),
    "image": ("<img src=x onerror=",),
    "template": ("{{ 7 * 7 }}",),
}


def test_hostile_outputs_are_inert_and_visible(browser: Browsing, hostile: Path) -> None:
    page = browser.open(hostile)
    pane = page.locator(".pane")
    for position, name in enumerate(HOSTILE):
        page.evaluate("position => { location.hash = `q=${position}&r=0`; }", position)
        expect(heading(page)).to_contain_text(f"Question {position} {name}")
        if not position:
            # once opened, it stays so
            pane.locator("summary", has_text="Thought").click()
        assert page.evaluate("window.hacked") is None, name
        assert pane.locator("a, img, svg, script, iframe, object, style, form, link").count() == 0, name
        shown = pane.inner_text()
        for character in "\x00\x1b\x07\x7f\x9b\u202e\u2066\u200b\ufeff\ud800\udc00\U000e0041":
            assert character not in shown, name
        for mark in SHOWN.get(name, ()):
            # of prompt, choice, target, error, thought, answer, transcript and scores
            assert shown.count(mark) >= 8, (name, mark)
    assert page.locator(".list a, .list img, .list script").count() == 0
    browser.assert_quiet(hostile.parents[2])


def test_a_line_of_a_million_characters_is_shown_in_steps(browser: Browsing, hostile: Path) -> None:
    page = browser.open(hostile, fragment=f"q={list(HOSTILE).index('line')}&r=0", width=390, height=800)
    answer = page.locator(".pane > .text").nth(0)
    expect(answer).to_be_visible()

    def length() -> int:
        return sum(len(text) for text in answer.locator(".piece").all_text_contents())

    assert 10_000 < length() < 20_000
    answer.get_by_role("button", name="Show more").click()
    assert 120_000 < length() < 150_000
    answer.get_by_role("button", name="Show all 1,000,000 characters").click()
    assert length() == 1_000_000
    expect(answer.locator(".grow")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# -- less than everything


def test_without_scripts_provenance_can_be_read(browser: Browsing, site: Path, run_page: Path) -> None:
    page = browser.open(run_page, javascript=False)
    expect(page.locator(".without-script")).to_contain_text("60 questions")
    expect(page.locator("#reader")).to_be_hidden()
    expect(page.locator("#made-with")).to_contain_text("harness run C082")
    browser.assert_quiet(site)


def test_withheld_runs_show_marks(browser: Browsing, tmp_path: Path) -> None:
    run = told_run(2, withheld="The data set's licence forbids it.")
    page = browser.open(written(tmp_path, [sample(0, [output(answer="SECRET")]), sample(1)], run))
    expect(heading(page)).to_have_text("Question 0 id-0")
    expect(page.locator("#samples")).to_contain_text("licence forbids it")
    expect(page.locator(".pane .scores")).to_contain_text("boxed_integer")
    assert page.locator(".search").count() == 0
    assert "SECRET" not in page.content()
    page.keyboard.press("j")
    expect(heading(page)).to_have_text("Question 1 id-1")
    browser.assert_quiet(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_file_is_named(browser: Browsing, tmp_path: Path, damage: str) -> None:
    path = written(tmp_path, [sample()])
    shard = path.parent / "0000.js"
    if damage == "missing":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:60] + b'");' if damage == "cut" else b"1;")
    page = browser.open(path)
    expect(page.locator(".pane")).to_have_text("0000.js is missing or damaged: make the report again.")


def test_spoken_answers_can_be_played(browser: Browsing, tmp_path: Path) -> None:
    wav = tmp_path / "answer.wav"
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24000)
        file.writeframes(bytes(2 * 12000))
    page = browser.open(written(tmp_path / "site", [sample(0, [output(speech=wav, heard="forty-two")])]))
    expect(page.locator(".pane")).to_contain_text("forty-two")
    duration = page.locator("audio").evaluate(
        """audio => new Promise((resolve, reject) => {
            audio.addEventListener("loadedmetadata", () => resolve(audio.duration));
            audio.addEventListener("error", () => reject(new Error("not playable")));
            audio.preload = "metadata";
            audio.load();
        })"""
    )
    assert duration == 0.5
    browser.assert_quiet(tmp_path / "site")


@pytest.mark.parametrize(("width", "dark"), [(360, True), (820, False), (1440, True)])
def test_it_fits_its_window_and_can_be_read(
    browser: Browsing, site: Path, run_page: Path, width: int, dark: bool
) -> None:
    page = browser.open(run_page, width=width, dark=dark)
    expect(heading(page)).to_have_text("Question 0 id-0")
    expect(found(page)).to_contain_text("120")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for mark in ("c", "i", "t", "u"):
        assert contrast(page, f".sift .m-{mark}") >= 4.5
    for place in (".pane .quiet", ".keys" if width > 800 else ".found", ".output-facts dt", ".row .position"):
        assert contrast(page, place) >= 4.5, place


def contrast(page: Page, selector: str) -> float:
    """WCAG 2.2's contrast ratio of an element's text with what lies behind it."""
    ink, paper = page.locator(selector).first.evaluate(
        """element => {
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            let behind = element;
            while (behind && rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
            return [rgb(getComputedStyle(element).color), rgb(getComputedStyle(behind).backgroundColor)];
        }"""
    )

    def luminance(colour: Sequence[float]) -> float:
        parts = [c / 255 for c in colour[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_japanese_pages_speak_japanese(browser: Browsing, tmp_path: Path) -> None:
    page = browser.open(written(tmp_path, [sample()], language="ja"))
    expect(heading(page)).to_have_text("問題 0 id-0")
    expect(page.locator(".outcome")).to_contain_text("正解")
    expect(found(page)).to_have_text("表示中：出力1件（1問）")
    browser.assert_quiet(tmp_path)


def test_what_judges_said_is_read_as_text(browser: Browsing, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)><b>0.5</b>"
    two = (
        OpinionStory("mm-vet", "qwen-1", 0, 1, hostile, readable=False, reason="it was cut"),
        OpinionStory("mm-vet", "qwen-1", 0, 2, "0.5", readable=True),
    )
    page = browser.open(written(tmp_path, [sample(0, [output(0, opinions=two)]), sample(1)]))
    opinions = page.locator(".pane .opinion")
    expect(opinions).to_have_count(2)
    expect(opinions.nth(0)).to_contain_text(hostile)
    expect(opinions.nth(0)).to_contain_text("could not be read")
    expect(opinions.nth(1)).to_contain_text("attempt 2")
    assert page.locator(".pane img").count() == 0
    page.locator("[name=needle]").fill("onerror")
    page.locator("[name=needle]").press("Enter")
    expect(found(page)).to_contain_text("1")
