"""The feed of a site is found: what a page names, links, or keeps where feeds often are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from crawlers.discovery import (
    MOST_REQUESTS,
    Fetched,
    Found,
    NotSeenError,
    candidates_of,
    find_feed,
    source_words,
)
from tests import processes
from tests.loopback import rows, rss, serve

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SITE = "https://site.example/"
FEED = rss(("One", "https://site.example/1"), channel="<language>pt-BR</language>")
ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Site</title></feed>'
JSON_FEED = b'{"version": "https://jsonfeed.org/version/1.1", "title": "Site", "items": []}'
NEWS = (
    b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    b'xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://site.example/1'
    b"</loc><n:news><n:title>One</n:title></n:news></url></urlset>"
)


def page(head: str = "", body: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


def look(web: dict[str, bytes], url: str = SITE) -> tuple[Found, list[str]]:
    """What is found on a web of these pages, and what was asked for."""
    asked: list[str] = []

    async def get(url: str) -> Fetched:
        asked.append(url)
        if url not in web:
            raise NotSeenError("404")
        return Fetched(url, web[url])

    return asyncio.run(find_feed(url, get, NOW)), asked


@pytest.mark.parametrize(
    ("body", "kind"), [(FEED, "feed"), (ATOM, "feed"), (JSON_FEED, "feed"), (NEWS, "sitemap")]
)
def test_a_feed_is_its_own(body: bytes, kind: str) -> None:
    found, asked = look({SITE: body})
    assert found.feed is not None
    assert (found.feed.url, found.feed.kind, asked) == (SITE, kind, [SITE])


ALTERNATE = '<link rel="alternate" type="application/rss+xml" title="{}" href="{}">'


def test_the_page_names_its_feeds_and_that_of_comments_comes_last() -> None:
    head = ALTERNATE.format("Comments Feed", "/comments/feed/")
    head += ALTERNATE.format("News", "/news/feed/") + ALTERNATE.format("AI", "/ai/feed/")
    head += '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">'
    head += '<link rel="alternate" hreflang="de" href="/de/">'
    found, asked = look({SITE: page(head), f"{SITE}news/feed/": FEED})
    assert found.feed is not None
    assert (found.feed.url, found.feed.title) == (f"{SITE}news/feed/", "News")
    assert [each.url for each in found.others] == [f"{SITE}ai/feed/", f"{SITE}comments/feed/"]
    assert asked == [SITE, f"{SITE}news/feed/"]


def test_a_named_feed_that_is_none_is_passed_over() -> None:
    head = ALTERNATE.format("Old", "/old.xml") + ALTERNATE.format("New", "/new.xml")
    found, _ = look({SITE: page(head), f"{SITE}old.xml": page(), f"{SITE}new.xml": FEED})
    assert found.feed is not None
    assert found.feed.url == f"{SITE}new.xml"


def test_links_that_look_like_feeds() -> None:
    body = """<a href="/feedback">x</a><a href="/rss/all">x</a><a href="/?feed=rss2">x</a>
        <a href="/news.rss">x</a><a href="/atom.xml">x</a><a href="/feeds">x</a>
        <a href="https://other.example/rss">x</a><a href="/press">x</a><a href="mailto:a@b.c">x</a>
        <a href="javascript:feed">x</a>"""
    found = [each.url for each in candidates_of(Fetched(SITE, page(body=body)))]
    expected = ("rss/all", "?feed=rss2", "news.rss", "atom.xml", "feeds")
    assert found == [SITE + each for each in expected]


def test_a_page_of_feeds_leads_on() -> None:
    web = {SITE: page(body='<a href="/rss">RSS</a>'), f"{SITE}rss": page()}
    web[f"{SITE}rss"] = page(body='<a href="/rss/top.xml">Top</a>')
    web[f"{SITE}rss/top.xml"] = FEED
    found, _ = look(web)
    assert found.feed is not None
    assert found.feed.url == f"{SITE}rss/top.xml"


def test_robots_txt_names_a_news_sitemap() -> None:
    robots = b"User-agent: *\nSitemap: /sitemap.xml\nsitemap: https://site.example/news-map.xml\n"
    web = {SITE: page(), f"{SITE}robots.txt": robots, f"{SITE}news-map.xml": NEWS}
    found, asked = look(web)
    assert found.feed is not None
    assert (found.feed.kind, found.feed.why) == ("sitemap", "named by robots.txt")
    assert f"{SITE}sitemap.xml" not in asked


def test_where_feeds_often_are() -> None:
    at = f"{SITE}blog/"
    found, _ = look({at: page(), f"{SITE}blog/feed": FEED, f"{SITE}feed": FEED}, at)
    assert found.feed is not None
    assert found.feed.url == f"{SITE}blog/feed"


def test_a_site_is_asked_a_handful_of_times_and_never_twice_for_one_address() -> None:
    links = "".join(f'<a href="/rss/{number}">x</a>' for number in range(50))
    found, asked = look({SITE: page(body=links)})
    assert found.feed is None
    assert len(asked) == len(set(asked)) == MOST_REQUESTS
    assert "no feed was found" in found.reason


def test_an_address_that_does_not_answer_says_why() -> None:
    found, asked = look({})
    assert (found.feed, found.reason, asked) == (None, "404", [SITE])


def test_the_source_is_told_by_its_feed() -> None:
    found, _ = look({SITE: page(ALTERNATE.format("", "/f")), f"{SITE}f": FEED})
    assert source_words(found, SITE) == {"name": "T", "home": SITE, "language": "pt-BR"}


# The command line as users have it, in a process of its own: a reactor starts only once.
_ADD = """
import sys
from crawlers import settings
settings.NEWSFOLD_PROXY, settings.DOWNLOAD_DELAY = sys.argv[1], 0.01
from pipeline.cli import main
main(["sources", "add", *sys.argv[2:]])
"""


def add(proxy: str, *words: str) -> CompletedProcess[str]:
    return processes.run(_ADD, proxy, *words)


def test_sources_add_finds_the_feed_of_a_site_and_obeys_robots_txt(tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    head = ALTERNATE.format("Closed", "/closed.xml") + ALTERNATE.format("Open", "/open.xml")
    head += ALTERNATE.format("More", "/more.xml")
    with serve() as web:
        web.add("http://site.test/", b"", 301, Location="http://www.site.test/")
        web.add("http://www.site.test/", page(head))
        web.add("http://www.site.test/robots.txt", "User-agent: *\nDisallow: /closed.xml")
        web.add("http://www.site.test/closed.xml", FEED)
        web.add("http://www.site.test/open.xml", FEED)
        done = add(web.address, str(database), "http://site.test/", "--owner", "House")
        asked = web.urls()
        assert done.returncode == 0, done.stderr
        assert "taken: http://www.site.test/open.xml (named by the page)" in done.stderr
        assert "not taken: http://www.site.test/more.xml More" in done.stderr
        assert "http://www.site.test/closed.xml" not in asked
        [source] = rows(database, "SELECT id, name, home, language, owner FROM sources")
        assert tuple(source.values()) == ("site-test", "T", "http://site.test/", "pt-BR", "House")
        [feed] = rows(database, "SELECT url, kind FROM feeds")
        assert feed == {"url": "http://www.site.test/open.xml", "kind": "feed"}
        web.add("http://bare.test/", page())
        done = add(web.address, str(database), "http://bare.test/")
        assert done.returncode == 1
        assert "--kind section --links" in done.stderr
        assert len(rows(database, "SELECT id FROM feeds")) == 1


def test_sources_add_asks_public_hosts_only(tmp_path: Path) -> None:
    with serve() as web:
        web.add(f"{web.address}/", FEED)
        done = add("", str(tmp_path / "news.db"), f"{web.address}/")
        assert web.asked == []
    assert done.returncode == 1
    assert "only public hosts" in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(tmp_path / "news.db", "SELECT id FROM feeds") == []
