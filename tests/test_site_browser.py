"""The static site in a real browser: it looks as it should from a disk too, nothing stored runs.

Skipped where no Chromium is installed; CI installs Debian's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import NEEDS_BROWSER
from tests.hostile_words import hostile_database
from tests.test_site import PAGES, build
from tests.web import folded, merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = NEEDS_BROWSER
PHONE = {"width": 400, "height": 800}
SHOWN = ("index.html", "events/1.html", "days/2026-04-08.html", "months/2026-04.html",
         "archive.html", "categories.html")  # fmt: skip


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it lies on a disk, without a server."""
    folder = tmp_path_factory.mktemp("site")
    build(folded(folder / "news.db"), folder / "public")
    return folder / "public"


def test_a_phone_need_not_scroll_aside_and_styles_are_there(site: Path, page: Page) -> None:
    for path in SHOWN:
        page.goto((site / path).as_uri())
        room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert room[0] <= room[1], path
        assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none", path


def test_keys_lead_to_the_content_first_and_then_everywhere(site: Path, page: Page) -> None:
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_drawing_has_a_name_and_words(site: Path, page: Page) -> None:
    page.goto((site / "events/1.html").as_uri())
    drawing = page.get_by_role("img", name="How it spread")
    drawing.wait_for()
    words = drawing.get_attribute("aria-describedby")
    assert "source0.example, original" in page.locator(f"#{words}").text_content()  # type: ignore[operator]
    assert drawing.locator("circle").count() == 3


def test_it_is_dark_where_that_is_wished_for(site: Path, browser: Browser) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        seen[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        context.close()
    assert seen["light"] != seen["dark"]


def test_the_page_of_a_merged_event_leads_on(tmp_path: Path, page: Page) -> None:
    database = folded(tmp_path / "news.db")
    stays, gone = merged(database, "dam", "phone")
    build(database, tmp_path / "public")
    page.goto((tmp_path / "public" / f"events/{gone}.html").as_uri())
    page.wait_for_url(f"**/events/{stays}.html")


def test_stored_words_never_run(tmp_path: Path, page: Page) -> None:
    build(hostile_database(tmp_path / "news.db"), tmp_path / "public", PAGES)
    ran: list[str] = []
    page.expose_function("ran", lambda number: ran.append(str(number)))
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    page.on("request", lambda request: ran.append(request.url) if "file:" not in request.url else 0)
    for path in ("index.html", "events/1.html", "events/9.html", "days/2026-04-08.html"):
        page.goto((tmp_path / "public" / path).as_uri())
        assert page.evaluate("getComputedStyle(document.querySelector('main')).display") == "block"
    assert ran == []
