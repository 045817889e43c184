"""The browser bench sees what it is there to see: errors, and requests that leave the folder."""

from pathlib import Path

import pytest
from browsing import Browsing


def written(folder: Path, body: str, script: str = "") -> Path:
    (folder / "page.js").write_text(script, encoding="utf-8")
    page = folder / "page.html"
    page.write_text(f"<!doctype html><title>t</title>{body}<script src=page.js></script>", encoding="utf-8")
    return page


def test_a_quiet_page_is_quiet(browser: Browsing, tmp_path: Path) -> None:
    page = browser.open(written(tmp_path, "<p>hello", "document.title = location.hash"), fragment="q=1")
    assert page.title() == "#q=1"
    browser.assert_quiet(tmp_path)
    assert len(browser.requests) == 2


@pytest.mark.parametrize("script", ["console.error('bad')", "throw new Error('bad')"])
def test_errors_are_seen(browser: Browsing, tmp_path: Path, script: str) -> None:
    browser.open(written(tmp_path, "", script))
    assert any("bad" in error for error in browser.errors)
    with pytest.raises(AssertionError):
        browser.assert_quiet(tmp_path)


@pytest.mark.parametrize("address", ["https://example.invalid/x.png", "../beside.png"])
def test_requests_that_leave_the_folder_are_seen(browser: Browsing, tmp_path: Path, address: str) -> None:
    (tmp_path / "site").mkdir()
    browser.open(written(tmp_path / "site", f"<img src={address}>"))
    assert len(browser.outside(tmp_path / "site")) == 1


def test_dark_narrow_and_without_scripts(browser: Browsing, tmp_path: Path) -> None:
    path = written(tmp_path, "<p>plain</p>", "document.title = 'ran'")
    page = browser.open(path, width=390, height=800, dark=True)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === 390")
    assert page.title() == "ran"
    assert browser.open(path, javascript=False).title() == "t"
