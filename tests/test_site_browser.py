"""The site in a real browser, opened from disk: filters, sorting, links, themes, keyboard, phones, paper."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Browsing
from told_site import ledger, many, measured_story, publication, small, untold_story, written

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install '.[dev]')")
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger's site, in a folder whose name needs quoting."""
    home = tmp_path_factory.mktemp("site") / "a report #1 日本"
    written(home, ledger())
    return home


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hostile")
    written(home, small())
    return home


def lines(page: "Page") -> int:
    return page.locator("table.claims tbody tr").count()


def first(page: "Page", column: int = 1) -> str:
    return page.locator(f"table.claims tbody tr:first-child td:nth-child({column})").inner_text()


def choice(page: "Page", name: str) -> "Locator":
    return page.get_by_role("combobox", name=name)


def head(page: "Page", name: str) -> "Locator":
    return page.locator("table.claims").get_by_role("columnheader", name=name)


def test_it_opens_from_disk_without_asking_anybody(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    expect(page.locator("h1")).to_have_text("Claims about Qwen models")
    assert lines(page) == len(ledger().stories)
    page.locator(".marks a").nth(3).click()
    expect(page.locator("article h1")).to_be_visible()
    page.locator("a[rel=next]").click()
    page.locator("p.over a").click()
    expect(page.locator("p.over")).to_have_text("Article 000")
    page.locator(".home").click()
    expect(page.locator("table.claims")).to_be_visible()
    browser.assert_quiet(folder)


def test_filters_narrow_the_table_and_say_so(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    expected = sum(s.whole.outcome == "contradicted" for s in ledger().stories)
    choice(page, "Verdict").select_option("contradicted")
    status = page.get_by_role("status")
    expect(status).to_have_text(f"{expected} of {len(ledger().stories)} claims")
    assert lines(page) == expected
    page.get_by_role("searchbox").fill("qwq PARAMETERS")
    expect(status).to_have_text(f"1 of {len(ledger().stories)} claims")
    assert first(page).startswith("C079")
    page.get_by_role("searchbox").fill("no such words at all")
    expect(status).to_have_text("No claim fits all of these filters.")
    assert lines(page) == 0
    page.get_by_role("button", name="Clear filters").click()
    assert lines(page) == len(ledger().stories)
    expect(choice(page, "Verdict")).to_have_value("")
    browser.assert_quiet(folder)


def test_every_filter_agrees_with_the_stories(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    stories = ledger().stories
    for label, value, expected in (
        ("Evidence", "inspected", sum(s.whole.evidence == "inspected" for s in stories)),
        ("Article", "003", sum(s.claim.article == "003" for s in stories)),
        ("Model", "qwen3-max", sum(s.whole.model == "qwen3-max" for s in stories)),
        ("Kind", "structure", sum(s.claim.kind == "structure" for s in stories)),
    ):
        choice(page, label).select_option(value)
        expect(page.get_by_role("status")).to_have_text(f"{expected} of {len(stories)} claims")
        choice(page, label).select_option("")


def test_columns_sort_both_ways_and_back(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    verdict = head(page, "Verdict")
    expect(verdict).to_have_attribute("aria-sort", "none")
    at_first = page.locator("table.claims tbody").inner_text()
    verdict.get_by_role("button").click()
    expect(verdict).to_have_attribute("aria-sort", "ascending")
    assert first(page, 7) == "supported", "verdicts sort as the records order them"
    verdict.get_by_role("button").click()
    expect(verdict).to_have_attribute("aria-sort", "descending")
    assert first(page, 7) == "untestable"
    verdict.get_by_role("button").click()
    assert page.locator("table.claims tbody").inner_text() == at_first
    head(page, "Claimed").get_by_role("button").click()
    cells = page.locator("table.claims td:nth-child(5)").all_inner_texts()
    shown = [re.sub(r" \([a-z].*\)$", "", text) for text in cells]
    assert shown != cells, "whose a number is stands behind it, and sorts nothing"
    numbers = [float(t.replace(",", "")) for t in shown if re.fullmatch(r"[\d,.]*\d", t)]
    assert len(numbers) > 20
    assert numbers == sorted(numbers)
    last = max(at for at, text in enumerate(shown) if re.fullmatch(r"[\d,.]*\d", text))
    assert last < min(at for at, text in enumerate(shown) if re.match(r"\w", text) and not re.match(r"\d", text))
    browser.assert_quiet(folder)


def test_a_view_is_an_address_and_back_undoes_it(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html", fragment="verdict=not%20run&sort=-claim")
    expected = sum(s.whole.outcome == "not_run" for s in ledger().stories)
    assert lines(page) == expected
    expect(choice(page, "Verdict")).to_have_value("not run")
    names = [text.split()[0] for text in page.locator("table.claims td:first-child").all_inner_texts()]
    assert names == sorted(names, reverse=True)
    choice(page, "Article").select_option("000")
    narrowed = lines(page)
    assert 0 < narrowed < expected
    assert "article=000" in page.url
    page.go_back()
    assert lines(page) == expected
    expect(choice(page, "Article")).to_have_value("")
    page.go_forward()
    assert lines(page) == narrowed
    page.reload()
    assert lines(page) == narrowed
    browser.assert_quiet(folder)


def test_counts_lead_to_the_claims_they_count(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    for cell in page.locator("table.numbers td a").all():
        count = int(cell.inner_text())
        cell.click()
        assert lines(page) == count
    page.locator("table.bars th a").first.click()
    assert lines(page) == int(page.locator("table.bars td.n").first.inner_text())
    browser.assert_quiet(folder)


def test_dark_follows_the_system_and_the_reader(browser: Browsing, folder: Path) -> None:
    def ground(page: "Page") -> str:
        return str(page.locator("html").evaluate("e => getComputedStyle(e).backgroundColor"))

    white, page = "rgb(255, 255, 255)", browser.open(folder / "index.html")
    assert ground(page) == white
    button = page.get_by_role("button", name="Dark")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert ground(page) != white
    page.locator(".marks a").first.click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert ground(page) != white, "the choice holds on the next page"
    page.get_by_role("button", name="Dark").click()
    assert ground(page) == white
    dark = browser.open(folder / "index.html", dark=True)
    expect(dark.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert ground(dark) != white
    browser.assert_quiet(folder)


@pytest.mark.parametrize("name", ["index.html", "claims/C082.html", "claims/C079.html", "articles/003.html"])
def test_no_page_scrolls_sideways(browser: Browsing, folder: Path, name: str) -> None:
    page = browser.open(folder / name)
    for width in (1280, 1060, 768, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator("html").evaluate("e => e.scrollWidth") <= width
        assert clipped(page) == []


def clipped(page: "Page") -> list[str]:
    """What reaches beyond the right edge without a box of its own to scroll in."""
    return list(
        page.locator("main").evaluate(
            """main => Array.from(main.querySelectorAll('h1, h2, h3, p, dd, td, th, .v, a'))
        .filter(e => e.getClientRects().length && !e.closest('.scrolls, .unseen, .marks, svg, thead, pre'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
        .map(e => e.outerHTML.slice(0, 120))"""
        )
    )


def test_a_phone_shows_claims_as_cards(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html", width=390)
    row = page.locator("table.claims tbody tr").nth(2)
    assert row.evaluate("e => getComputedStyle(e).display") == "grid"
    label = row.locator("td:nth-child(3)").evaluate("e => getComputedStyle(e, '::before').content")
    assert label == '"Model"'


def test_it_reads_without_scripts(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html", javascript=False)
    assert lines(page) == len(ledger().stories)
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator("button.theme")).to_be_hidden()
    assert page.locator("table.claims th button").count() == 0
    page.locator("table.claims tbody a").first.click()
    expect(page.locator("article h1")).to_be_visible()
    expect(page.locator("button.copy")).to_have_count(page.locator("button.copy").count())
    for button in page.locator("button").all():
        expect(button).to_be_hidden()


def test_the_keyboard_reaches_everything(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    assert page.locator(".skip").evaluate("e => e.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("searchbox").focus()
    assert page.get_by_role("searchbox").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.type("C082")
    expect(page.get_by_role("status")).to_have_text(f"1 of {len(ledger().stories)} claims")
    head(page, "Model").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head(page, "Model")).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Tab")
    expect(head(page, "Kind").get_by_role("button")).to_be_focused()


def test_paper_has_every_claim_and_no_controls(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html", dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator("button.theme")).to_be_hidden()
    assert page.locator("html").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_counts_of_verdicts_are_never_cut_off_on_a_desk_or_on_paper(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "index.html")
    beside = page.locator(".scrolls:has(table.numbers)")
    for width in (1280, 1150, 1100, 1000, 960, 900):
        page.set_viewport_size({"width": width, "height": 900})
        assert beside.evaluate("e => e.scrollWidth <= e.clientWidth"), width
    # the room between the margins of A4
    page.set_viewport_size({"width": 672, "height": 900})
    page.emulate_media(media="print")
    low, top = (page.locator(f"table.{name}").bounding_box() for name in ("numbers", "bars"))
    assert low is not None and top is not None and low["y"] + low["height"] <= top["y"], "one lies over the other"


def test_names_of_figures_break_where_people_would(browser: Browsing, folder: Path) -> None:
    page = browser.open(folder / "claims/C083.html", width=390)
    names = page.locator("table.sources tbody th")
    heights = names.evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert len(heights) > 3 and max(heights) < 50, "two lines at most"


def test_hostile_texts_do_nothing(browser: Browsing, hostile: Path) -> None:
    for name in ("index.html", "claims/C901.html", "claims/C902.html", "claims/T01.html", "articles/003.html"):
        page = browser.open(hostile / name)
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img").count() == 0
        assert page.locator("html").evaluate("e => e.scrollWidth") <= 1280
    page = browser.open(hostile / "index.html")
    page.get_by_role("searchbox").fill("<script>")
    expect(page.get_by_role("status")).to_have_text("1 of 3 claims")
    choice(page, "Model").select_option(index=3)
    browser.assert_quiet(hostile)


@pytest.mark.full
def test_two_thousand_claims_answer_at_once(browser: Browsing, tmp_path: Path) -> None:
    written(tmp_path, many(2000))
    page = browser.open(tmp_path / "index.html")
    assert lines(page) == 150
    page.get_by_role("button", name="Show all 2,000").click()
    assert lines(page) == 2000
    page.get_by_role("searchbox").fill("A7")
    expect(page.get_by_role("status")).to_have_text("100 of 2,000 claims")
    browser.assert_quiet(tmp_path)


def test_japanese_pages_open_too(browser: Browsing, tmp_path: Path) -> None:
    written(tmp_path, publication(measured_story(), untold_story()), "ja", [("CSV", "表.csv")])
    page = browser.open(tmp_path / "index.html")
    choice(page, "判定").select_option("判定不能")
    expect(page.get_by_role("status")).to_have_text("主張2件中1件")
    page.locator("table.claims a").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    browser.assert_quiet(tmp_path)
