"""The pages in a real browser: nothing stored runs, keys reach everything, nothing overflows.

Skipped where no Chromium is installed; CI installs Debian's.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from pipeline.web.serve import application
from tests.browser import NEEDS_BROWSER
from tests.hostile_words import WORDS, hostile_database
from tests.web import SECRET, event_of, folded, stories_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = NEEDS_BROWSER
PHONE, DESK = {"width": 320, "height": 600}, {"width": 1280, "height": 900}


@contextmanager
def served(database: Path) -> Iterator[str]:
    """The pages of a database on a free port of this machine."""
    app = application(database, secret=SECRET).app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folded(tmp_path_factory.mktemp("browser") / "news.db")


@pytest.fixture(scope="module")
def site(database: Path) -> Iterator[str]:
    with served(database) as address:
        yield address


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(hostile_database(tmp_path_factory.mktemp("hostile") / "news.db")) as address:
        yield address


@contextmanager
def page_of(browser: Browser, **settings: Any) -> Iterator[Page]:
    context = browser.new_context(**{"viewport": DESK, **settings})
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("without_policy", [False, True])
def test_nothing_that_is_stored_runs(
    browser: Browser, hostile_site: str, without_policy: bool
) -> None:
    """Also with our policy taken away: escaping alone has to hold."""
    ran: list[object] = []
    asked: list[str] = []
    paths = ["/news/-/events", "/news/-/events?page=2", "/news/stories", "/news/events/1"]
    paths += [f"/news/-/events/{number}" for number in range(1, len(WORDS) + 1, 2)]
    paths += [f"/news/-/stories/{2 * number}" for number in range(2, len(WORDS) + 1, 2)]
    with page_of(browser, bypass_csp=without_policy) as page:
        page.expose_function("ran", lambda number: ran.append(number))
        page.on("dialog", lambda dialog: ran.append(dialog.message))
        page.on("pageerror", lambda error: ran.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for path in paths if without_policy else paths[:8]:
            page.goto(hostile_site + path, wait_until="domcontentloaded")
            poke(page)
        assert ran == []
        assert [url for url in asked if not url.startswith(hostile_site)] == []


def test_the_watch_would_see_something_run(browser: Browser, site: str) -> None:
    ran: list[object] = []
    with page_of(browser, bypass_csp=True) as page:
        page.expose_function("ran", lambda number: ran.append(number))
        page.goto(f"{site}/news/-/events")
        page.evaluate("w => document.body.insertAdjacentHTML('beforeend', w)", WORDS[3])
        page.wait_for_function("() => document.querySelector('img').complete")
        page.wait_for_timeout(100)
    assert ran == [4]


def poke(page: Page) -> None:
    """Open and touch what could hide something that runs."""
    page.evaluate(
        """() => {
          document.querySelectorAll('details').forEach(each => { each.open = true; });
          document.querySelectorAll('a, [tabindex], input').forEach(each => {
            each.focus(); each.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
          });
        }"""
    )


def test_a_script_that_got_into_a_page_would_not_run(browser: Browser, site: str) -> None:
    with page_of(browser) as page:
        page.goto(f"{site}/news/-/events")
        page.evaluate(
            """() => { const s = document.createElement('script');
            s.textContent = 'window.ran = true'; document.body.append(s);
            document.body.insertAdjacentHTML('beforeend', '<p onclick="window.ran = true">x</p>');
            document.body.lastChild.click(); }"""
        )
        assert page.evaluate("window.ran") is None


def test_datasettes_own_scripts_run_under_its_policy(browser: Browser, site: str) -> None:
    with page_of(browser) as page:
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text))
        for path in ("/news", "/news/events", "/news?sql=select+1", "/news/events/1"):
            page.goto(site + path)
        assert refused == []
        page.goto(f"{site}/news?sql=select+1")
        assert page.locator(".CodeMirror").count() == 1  # the editor that a script makes


def test_reading_needs_no_script(browser: Browser, site: str, database: Path) -> None:
    with page_of(browser, java_script_enabled=False) as page:
        page.goto(site)
        page.get_by_role("searchbox", name="Search").fill("ferry")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Court lets Merriden").click()
        assert page.url.endswith(f"/events/{event_of(database, 'court')}")
        page.get_by_role("link", name="text as stored").first.click()
        assert "Osterhaven" in page.locator("article").inner_text()


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_is_wider_than_the_window(
    browser: Browser, site: str, hostile_site: str, database: Path, size: dict[str, int]
) -> None:
    ours = ("events", f"events/{event_of(database, 'dam')}", "stories/1")
    with page_of(browser, viewport=size) as page:
        addresses = [f"{site}/news/-/{path}" for path in ours]
        addresses += [f"{site}/-/newsfold/sign-in", f"{hostile_site}/news/-/events"]
        addresses += [f"{hostile_site}/news/-/events/{number}" for number in (7, 9, 12)]
        for address in addresses:
            page.goto(address)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], address


# What a screen reader and a keyboard need, as far as a program can tell.
AUDIT = """() => {
  const faults = [];
  const name = e => (e.getAttribute('aria-label') || e.textContent || e.value || '').trim()
    || (e.querySelector && e.querySelector('title') || {}).textContent || '';
  if (!document.documentElement.lang) faults.push('no language');
  if (!document.title) faults.push('no title');
  if (document.querySelectorAll('main').length !== 1) faults.push('main');
  if (document.querySelectorAll('h1').length !== 1) faults.push('h1');
  let level = 0;
  for (const h of document.querySelectorAll('h1,h2,h3,h4')) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) faults.push('heading jumps: ' + h.textContent);
    level = now;
  }
  for (const e of document.querySelectorAll('a[href], button, summary'))
    if (!name(e)) faults.push('no name: ' + e.outerHTML);
  for (const e of document.querySelectorAll('input:not([type=hidden]), select'))
    if (!e.labels.length) faults.push('no label: ' + e.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) faults.push('ids twice: ' + ids);
  for (const e of document.querySelectorAll('[aria-labelledby]'))
    if (!document.getElementById(e.getAttribute('aria-labelledby'))) faults.push('label gone');
  for (const list of document.querySelectorAll('ul, ol'))
    for (const e of list.children) if (e.tagName !== 'LI') faults.push('list: ' + e.tagName);
  return faults;
}"""
# Text against what is behind it, by the formula of WCAG 2; what is clipped away is not seen.
CONTRAST = """() => {
  const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = rgb(c).map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e)
    .backgroundColor; if (rgb(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
  const faults = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || e.closest('svg, option')) continue;
    const a = light(getComputedStyle(e).color), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faults.push(ratio.toFixed(2) + ' ' + e.textContent.trim().slice(0, 40));
  }
  return faults;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_landmarks_headings_names_and_contrast(
    browser: Browser, site: str, database: Path, scheme: str
) -> None:
    with page_of(browser, color_scheme=scheme) as page:
        sign_in(page, site)
        for path in ("events", f"events/{event_of(database, 'phone')}", "stories/1", "events/99"):
            page.goto(f"{site}/news/-/{path}")
            page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
            assert page.evaluate(AUDIT) == [], path
            assert page.evaluate(CONTRAST) == [], path


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/-/newsfold/sign-in")
    page.get_by_label("Your name").fill("ada")
    page.get_by_label("The secret").fill(SECRET)
    page.get_by_role("button", name="Sign in").click()


def test_keys_reach_everything_and_show_where_they_are(browser: Browser, site: str) -> None:
    with page_of(browser) as page:
        page.goto(f"{site}/news/-/events")
        page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert skip.evaluate("e => e === document.activeElement")
        assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.goto(f"{site}/news/-/events")
        count = page.locator("a[href], button, input:not([type=hidden]), select").count()
        reached = set()
        for _ in range(count):
            page.keyboard.press("Tab")
            here = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                const hit = e.querySelector && e.querySelector('.hit');
                return [[...document.querySelectorAll('*')].indexOf(e),
                  s.outlineStyle !== 'none' || !!(hit && getComputedStyle(hit).strokeWidth)]; }"""
            )
            assert here[1], "focus is not seen"
            reached.add(here[0])
        assert len(reached) == count


def test_a_correction_from_the_page_and_back(browser: Browser, tmp_path: Path) -> None:
    database = folded(tmp_path / "news.db")
    owl, court = event_of(database, "owl"), event_of(database, "court")
    with served(database) as site, page_of(browser, java_script_enabled=False) as page:
        page.goto(f"{site}/news/-/events/{owl}")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Your name").fill("ada")
        page.get_by_label("The secret").fill(SECRET)
        page.get_by_role("button", name="Sign in").click()
        assert page.url == f"{site}/news/-/events/{owl}"  # back where it began
        page.get_by_text("Another event is the same happening").click()
        page.get_by_label("Numbers of the events").fill(str(court))
        page.locator("#note-merge").fill("one and the same")
        page.get_by_role("button", name="Merge into this one").click()
        assert "one and the same" in page.locator("main").inner_text()
        assert event_of(database, "owl") == event_of(database, "court")
        page.get_by_role("button", name="Undo").click()
        assert "Undone by ada" in page.locator("main").inner_text()
        assert event_of(database, "owl") != event_of(database, "court")
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{site}/news/-/events/{owl}")
        assert page.get_by_role("heading", name="Correct", exact=True).count() == 0
    assert len(stories_of(database, "owl")) == 1
