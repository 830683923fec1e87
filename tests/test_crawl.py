"""Two passes over a web on loopback: every answer that a feed or a page can give."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from loopback import Reply, Web, article, crawl, keyed, rows, rss, save_feeds, serve

from storage.models import Feed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND_PASS = "2026-11-20T18:00:00Z"

INDEX = """<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>http://map.test/news.xml</loc></sitemap>
<sitemap><loc>http://map.test/broken.xml</loc></sitemap></sitemapindex>"""
SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>http://map.test/new</loc><news:news><news:publication><news:language>fr</news:language>
</news:publication><news:publication_date>2026-11-20T09:00:00Z</news:publication_date>
<news:title>New</news:title></news:news></url>
<url><loc>http://map.test/old</loc><news:news>
<news:publication_date>2026-11-01T09:00:00Z</news:publication_date>
<news:title>Old</news:title></news:news></url>
<url><loc>http://map.test/imprint</loc></url></urlset>"""
LISTING = """<html><body><nav><a href="/about">About</a></nav>
<article><a href="/a1">First</a></article><article><a href="/a2"><img alt="Second"></a></article>
<article><a href="http://elsewhere.test/ad">Advertisement</a></article></body></html>"""


def conditional(headers: dict[str, str]) -> Reply:
    if headers.get("if-none-match") == '"v1"':
        return Reply(status=304, headers={"ETag": '"v2"'})
    return Reply(
        rss(("One", "http://same.test/1?utm_source=rss"), ("Two", "http://same.test/2")),
        headers={"ETag": '"v1"', "Cache-Control": "max-age=7200"},
    )


def after(web: Web, asked: str, headers: dict[str, str]) -> Reply:
    """A feed that answers only when the page that it lists, too, has been asked for; a page that
    is known is not asked for again."""
    deadline = time.monotonic() + (0 if "if-none-match" in headers else 10)
    while time.monotonic() < deadline and not any(asked in url for url in web.urls()):
        time.sleep(0.01)
    return Reply(rss(("One again", "https://same.test/1")), headers={"ETag": '"known"'})


def fill(web: Web) -> None:
    web.pages["http://same.test/feed"] = conditional
    web.add("http://same.test/1?utm_source=rss", article("One"), ETag="x")
    web.pages["http://same.test/2"] = Reply(b"broken", 500)
    web.pages["http://twin.test/feed"] = lambda headers: after(web, "same.test/1", headers)
    web.add("http://moved.test/feed", status=301, Location="http://moved.test/b")
    web.add("http://moved.test/b", status=308, Location="http://moved.test/new")
    web.add("http://moved.test/new", rss(("M", "/m")))
    web.add("http://moved.test/m", article("M"), Content_Type="text/html; charset=koi8-r")
    web.add("http://lent.test/feed", status=301, Location="http://lent.test/b")
    web.add("http://lent.test/b", status=302, Location="http://lent.test/c")
    web.add("http://lent.test/c", rss(("L", "/l")))
    web.add("http://lent.test/l", status=302, Location="http://lent.test/l2")
    web.add("http://lent.test/l2", article("L"))
    web.add("http://kept.test/feed", rss())
    web.add("http://copy.test/feed", status=301, Location="http://kept.test/feed")
    web.add("http://gone.test/feed", status=410)
    web.add("http://lost.test/feed", article("Not found, but 200"))
    web.add("http://sick.test/feed", status=500)
    web.add("http://busy.test/feed", status=429, Retry_After="43200")
    web.add("http://round.test/feed", status=302, Location="http://round.test/feed")
    web.add(
        "http://odd.test/feed",
        rss(*((name, f"/{name}") for name in ("gone", "away", "pdf", "fake", "empty", "shut"))),
    )
    web.add("http://odd.test/gone", status=404)
    web.add("http://odd.test/away", status=410)
    web.add("http://odd.test/pdf", b"%PDF-1.7 " * 50, Content_Type="application/pdf")
    web.add("http://odd.test/fake", b"%PDF-1.7 " * 50)
    web.add("http://odd.test/shut", status=403)
    web.add("http://odd.test/empty", b" ")
    web.add("http://map.test/index.xml", INDEX, ETag="i", Content_Type="text/xml")
    web.add("http://map.test/news.xml", SITEMAP, Content_Type="text/xml")
    web.add("http://map.test/broken.xml", status=500)
    web.add("http://map.test/new", article("New"))
    web.add("http://list.test/", LISTING)
    web.add("http://list.test/a1", article("First"))
    web.add("http://list.test/a2", article("Second"))


class Crawled(NamedTuple):
    database: Path
    first: dict[str, Any]
    second: dict[str, Any]
    asked_first: list[str]
    asked_second: list[tuple[str, dict[str, str]]]
    feeds: dict[str, dict[str, Any]]  # after the first pass
    entries: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    database = tmp_path_factory.mktemp("crawl") / "news.db"
    hosts = [
        "same",
        "twin",
        "moved",
        "lent",
        "kept",
        "copy",
        "gone",
        "lost",
        "sick",
        "busy",
        "round",
        "odd",
    ]

    with serve() as web:
        fill(web)
        save_feeds(
            database,
            *(Feed(f"http://{host}.test/feed", host) for host in hosts),
            Feed("http://map.test/index.xml", "map", kind="sitemap"),
            Feed("http://list.test/", "list", kind="section", links="article a"),
        )
        first = crawl(database, web)
        asked = web.urls()
        web.asked.clear()
        feeds = keyed(database, "SELECT source_id, * FROM feeds")
        entries = keyed(database, "SELECT canonical_url, * FROM entries WHERE feed_id <> 2")
        web.pages["http://same.test/2"] = Reply(article("Two"))
        second = crawl(database, web, settings={"NEWSFOLD_NOW": SECOND_PASS})
        yield Crawled(
            database, first, second, asked, [(u, h) for _, u, h in web.asked], feeds, entries
        )


def test_the_report_counts_what_was_done(crawled: Crawled) -> None:
    report = crawled.first
    assert report["stderr"] == ""
    assert report["feeds_polled"] == 14
    assert report["entries_new"] == 2 + 1 + 1 + 1 + 6 + 1 + 2
    assert report["pages_stored"] == 1 + 1 + 1 + 1 + 2
    assert (report["pages_gone"], report["pages_failed"]) == (2, 1 + 4)
    assert {source for source, _, _ in report["feeds_failed"]} == {
        "gone", "lost", "sick", "busy", "round",
    }  # fmt: skip
    assert crawled.second["feeds_unchanged"] == 1


def test_entries_keep_the_link_and_get_an_identity(crawled: Crawled) -> None:
    entry = crawled.entries["https://same.test/1"]
    assert entry["url"] == "http://same.test/1?utm_source=rss"
    assert (entry["title"], entry["status"]) == ("One", "fetched")
    assert entry["published"] == "2026-11-20T10:00:00Z"


def test_a_page_that_two_feeds_list_is_fetched_once(crawled: Crawled) -> None:
    urls = crawled.asked_first + [url for url, _ in crawled.asked_second]
    assert sum("same.test/1" in url for url in urls) == 1


def test_pages_keep_their_bytes_where_redirects_ended_and_the_charset(crawled: Crawled) -> None:
    pages = keyed(crawled.database, "SELECT url, encoding FROM pages")
    assert pages["http://moved.test/m"]["encoding"] == "koi8-r"
    assert "http://lent.test/l2" in pages


def test_only_a_permanent_chain_moves_a_feed(crawled: Crawled) -> None:
    assert crawled.feeds["moved"]["url"] == "http://moved.test/new"
    assert crawled.feeds["lent"]["url"] == "http://lent.test/feed"


def test_a_feed_that_moves_to_where_another_is_polled_is_retired(crawled: Crawled) -> None:
    feed = crawled.feeds["copy"]
    assert feed["url"] == "http://copy.test/feed"
    assert feed["retired"] == "moved"
    assert feed["last_error"] == "it has moved to http://kept.test/feed, which is polled already"


def test_what_failed_says_why_and_when_it_is_tried_again(crawled: Crawled) -> None:
    feeds = crawled.feeds
    assert feeds["gone"]["retired"]
    assert "410" in feeds["gone"]["last_error"]
    assert feeds["lost"]["last_error"].startswith("a web page, not a feed")
    assert feeds["sick"]["last_error"] == "the server answered 500 Internal Server Error"
    assert feeds["sick"]["next_due"] == "2026-11-20T12:15:00Z"
    assert feeds["busy"]["next_due"] == "2026-11-21T00:00:00Z"
    assert "redirect" in feeds["round"]["last_error"]
    assert all(feeds[name]["failures"] == 1 for name in ("gone", "lost", "sick", "round"))


def test_a_good_answer_is_due_again_when_it_is_no_longer_fresh(crawled: Crawled) -> None:
    assert crawled.feeds["same"]["etag"] == '"v1"'
    assert crawled.feeds["same"]["interval_minutes"] == 30  # all was new
    assert crawled.feeds["same"]["next_due"] == "2026-11-20T14:00:00Z"  # max-age


def test_the_second_pass_asks_conditionally_and_keeps_the_newer_validator(
    crawled: Crawled,
) -> None:
    asked = dict(crawled.asked_second)
    assert asked["http://same.test/feed"]["if-none-match"] == '"v1"'
    assert rows(crawled.database, "SELECT etag FROM feeds WHERE source_id = 'same'") == [
        {"etag": '"v2"'}
    ]


def test_the_second_pass_leaves_alone_what_is_not_due(crawled: Crawled) -> None:
    urls = [url for url, _ in crawled.asked_second]
    assert "http://busy.test/feed" not in urls
    assert "http://gone.test/feed" not in urls
    assert "http://sick.test/feed" in urls


def test_a_page_that_failed_is_fetched_in_a_later_pass_even_after_a_304(crawled: Crawled) -> None:
    assert crawled.entries["https://same.test/2"]["status"] == "failed"
    assert crawled.entries["https://same.test/2"]["attempts"] == 1
    after = keyed(crawled.database, "SELECT canonical_url, status FROM entries")
    assert after["https://same.test/2"]["status"] == "fetched"


def test_every_page_that_could_not_be_had_says_why(crawled: Crawled) -> None:
    found = {
        url.rsplit("/", 1)[1]: (entry["status"], entry["error"])
        for url, entry in crawled.entries.items()
        if "odd.test" in url
    }
    assert found == {
        "gone": ("gone", "not found (404): it may have moved"),
        "away": ("gone", "the server answered 410 Gone"),
        "pdf": ("failed", "application/pdf, not a page"),
        "fake": ("failed", "a PDF, not a page"),
        "empty": ("failed", "the page is empty"),
        "shut": ("failed", "the server refuses us (403)"),
    }


def test_a_sitemap_index_leads_to_the_news_of_the_last_days(crawled: Crawled) -> None:
    found = [url for url in crawled.entries if "map.test" in url]
    assert found == ["https://map.test/new"]
    entry = crawled.entries["https://map.test/new"]
    assert (entry["title"], entry["language"], entry["status"]) == ("New", "fr", "fetched")
    assert crawled.feeds["map"]["last_error"] is None
    assert crawled.feeds["map"]["etag"] is None  # the index may stay while its sitemaps change


def test_a_section_gives_the_links_that_its_selector_finds(crawled: Crawled) -> None:
    titles = {url: e["title"] for url, e in crawled.entries.items() if "list.test" in url}
    assert titles == {"https://list.test/a1": "First", "https://list.test/a2": "Second"}
