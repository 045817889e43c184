"""A real browser for tests of pages: Debian's Chromium, driven by playwright, cut off from every network.

A test takes the fixture `browser`. The pages it opens are logged together: errors on the console, errors thrown, and
every address asked for, also of what the page's own policy then refused.

To wait for something on a page, use playwright's `expect(locator)`: its `wait_for_function` evaluates text, which the
policy of our pages forbids.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# how long a wait for something on a page lasts before it is a failure; a busy machine needs some
_PATIENCE_MS = 20_000


@dataclass
class Browsing:
    """What one test does with the browser. `errors` and `requests` gather over all its pages, in order."""

    chromium: Chromium
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def new_page(
        self, width: int = 1280, height: int = 900, *, dark: bool = False, javascript: bool = True, **options: Any
    ) -> Page:
        """An empty page in a profile of its own. `options`: of playwright's `new_context` (`locale`, `has_touch`).

        Without `javascript`, Chromium still leaves <noscript> out: a page that says something then says it outside.
        """
        context = self.chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            offline=True,
            **options,
        )
        context.set_default_timeout(_PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        return page

    def open(self, path: Path, *, fragment: str = "", **options: Any) -> Page:
        """The file in a page of its own (`new_page`'s options); `fragment` is what stands behind the #."""
        page = self.new_page(**options)
        page.goto(path.resolve().as_uri() + (f"#{fragment}" if fragment else ""))
        return page

    def outside(self, folder: Path) -> list[str]:
        """The addresses asked for that are not files of the folder (nor data of the page itself)."""
        home = folder.resolve().as_uri() + "/"
        return [url for url in self.requests if not url.startswith((home, "data:", "blob:"))]

    def assert_quiet(self, folder: Path) -> None:
        """Fails where a page said an error, or asked for something outside the folder."""
        assert self.errors == []
        assert self.outside(folder) == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """The running browser. Of one module, not of the session: while it runs, no other event loop can in this thread."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install '.[dev]')")
    playwright.expect.set_options(timeout=_PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        # no sandbox of its own: it cannot have one under root, and the pages are ours
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browsing]:
    """A browser with an empty log; its pages are closed after the test."""
    yield Browsing(chromium)
    for context in chromium.contexts:
        context.close()
