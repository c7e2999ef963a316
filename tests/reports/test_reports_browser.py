"""The report in a browser: nothing that axe finds wrong, nothing wider than a phone, nothing fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


@pytest.fixture(params=SIZES)
def opened(chromium, full, page, request):
    width, height = SIZES[request.param]
    tab = chromium.new_page(viewport={"width": width, "height": height})
    asked: list[str] = []
    tab.on("request", lambda sent: asked.append(sent.url))
    tab.goto((Path(full.outputs) / "report.html").as_uri())
    yield tab, asked
    tab.close()


def test_axe_finds_nothing_wrong(opened):
    from axe_playwright_python.sync_playwright import Axe

    tab, _asked = opened
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(tab, options={"runOnly": {"type": "tag", "values": rules}})
    assert found.violations_count == 0, found.generate_report()


def test_the_page_is_never_wider_than_the_screen(opened):
    tab, _asked = opened
    width = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]


def test_it_fetches_nothing_and_runs_nothing(opened):
    _tab, asked = opened
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == 1


def test_the_keyboard_comes_first_to_the_way_past_the_contents(opened):
    tab, _asked = opened
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('href')") == "#main"


def test_charts_of_the_screen_are_the_ones_that_show(opened):
    tab, _asked = opened
    phone = tab.viewport_size["width"] < 500
    assert tab.locator(".narrow:visible").count() > 0 if phone else tab.locator(".wide:visible").count() > 0
    assert tab.locator(".wide:visible").count() * tab.locator(".narrow:visible").count() == 0


def test_it_prints(chromium, full, page):
    tab = chromium.new_page()
    tab.goto((Path(full.outputs) / "report.html").as_uri())
    assert tab.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    tab.close()
