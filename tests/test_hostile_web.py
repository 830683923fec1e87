"""What the web may try on a crawl: bombs, floods, doors into the private network, odd words.

Each host tries one thing; the feed that lists them, and the host next door, are crawled as if
nothing had happened.
"""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Reply, Web, article, crawl, keyed, rows, rss, save_feeds, serve
from test_crawl_manners import RESOLVE

from crawlers.articles import NoArticle, read_article
from crawlers.entries import FeedError, read_entries
from crawlers.sources import load_opml
from storage.errors import NewsfoldError
from storage.models import Entry, Feed, Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SIZE = 3_000_000  # bytes; the bound of this crawl, longer than its longest feed
LARGE = b" " * (2 * SIZE)
TWICE = gzip.compress(gzip.compress(LARGE))

BODIES = {
    "gzip": (gzip.compress(LARGE), "gzip"),
    "deflate": (zlib.compress(LARGE), "deflate"),
    "brotli": (brotli.compress(LARGE), "br"),
    "twice": (TWICE, "gzip, gzip"),
}
LAYERS = 2000
HEADERS: dict[str, dict[str, str]] = {
    "many lines": {f"X-{number}": "y" * 200 for number in range(3000)},
    "long line": {"X": "y" * 100_000},
    "nul": {"X": "a\0b", "Content-Type": "text/html\0\x01"},
    "charset": {"Content-Type": "text/html; charset=\x80\xff" + "u" * 3000},
}
LOCATIONS = {
    "router": "http://192.168.0.1/",
    "decimal": "http://2130706433/",
    "mapped": "http://[::ffff:10.0.0.1]/",
    "link-local": "http://[fe80::1]/",
    "metadata": "http://169.254.169.254/latest/",
    "named metadata": "http://metadata.google.internal/",
    "user": "http://public.test@10.0.0.1/",
    "other letters": "http://①⓪.0.0.1/",
    "no scheme": "//10.0.0.1/",
    "backslashes": "http:\\\\10.0.0.1\\",
    "ftp": "ftp://files.test/",
    "file": "file:///etc/passwd",
    "data": "data:text/html,hello",
    "script": "javascript:alert(1)",
    "broken": "http://[::1",
    "itself": "/page",
    "long": "http://long.test/" + "a" * 100_000,
}
ROBOTS = {
    "robots flood": Reply(b"User-agent: *\nDisallow: /page\n" * 500, drip=0.0001),
    "robots drip": Reply(b"U", drip=0.05),
    "robots bomb": Reply(gzip.compress(LARGE), headers={"Content-Encoding": "gzip"}),
    "robots binary": Reply(bytes(range(256)) * 1000),
    "robots elsewhere": Reply(status=302, headers={"Location": "http://10.0.0.1/robots.txt"}),
    "robots in a circle": Reply(status=302, headers={"Location": "/robots.txt"}),
    "robots stars": Reply(b"User-agent: *\n" + (b"Disallow: /" + b"*a" * 500 + b"b$\n") * 200),
    "robots page": Reply(article("No robots here")),
    "robots slow": Reply(b"User-agent: *\nCrawl-delay: 1e999\nCrawl-delay: 99999999\n"),
    "robots long": Reply(b"User-agent: *\nDisallow: /page\n" + b"#" * (SIZE - 100)),
}
READ = {"nul", "charset", "robots stars", "robots page", "robots slow", "good"}


def host(name: str) -> str:
    return name.replace(" ", "-") + ".test"


def fill(web: Web) -> None:
    for name, (body, encoding) in BODIES.items():
        web.pages[f"http://{host(name)}/page"] = Reply(body, headers={"Content-Encoding": encoding})
    for name, headers in HEADERS.items():
        web.pages[f"http://{host(name)}/page"] = Reply(article(name), headers=headers)
    for name, location in LOCATIONS.items():
        sent = location.encode().decode("latin-1")
        web.pages[f"http://{host(name)}/page"] = Reply(status=302, headers={"Location": sent})
    for name, reply in ROBOTS.items():
        web.pages[f"http://{host(name)}/robots.txt"] = reply
        web.add(f"http://{host(name)}/page", article(name))
    for hop in range(3):
        web.add(f"http://hop{hop}.test/page", status=302, Location=f"http://hop{hop + 1}.test/page")
    web.add("http://hop3.test/page", status=302, Location="http://10.0.0.1/")
    web.add("http://good.test/page", article("good"))
    layers = Reply(gzip.compress(b""), headers={"Content-Encoding": ", ".join(["gzip"] * LAYERS)})
    web.pages["http://layers.test/page"] = layers
    names = [*BODIES, *HEADERS, *LOCATIONS, *ROBOTS, "good"]
    listed = [(name, f"http://{host(name)}/page") for name in names]
    web.add(
        "http://feed.test/feed",
        rss(*listed, ("hops", "http://hop0.test/page"), ("layers", "http://layers.test/page")),
    )
    web.pages["http://bomb.test/feed"] = Reply(
        gzip.compress(LARGE), headers={"Content-Encoding": "gzip"}
    )
    web.add("http://odd.test/feed", ODD_FEED, Content_Type="text/xml")


ODD_FEED = (
    b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
    b"<item><title>" + b"T" * 1_000_000 + b"</title><guid>" + b"g" * 1_000_000 + b"</guid>"
    b"<link>http://good.test/long</link></item>"
    b"<item><title>A\0B\x07C \x1b[31mD \xff\xfe caf\xe9 caf\xc3\xa9 \xe2\x80\xaeE</title>"
    b"<guid>\0\x01g</guid><link>http://good.test/od\0d</link></item></channel></rss>"
)


class Crawled(NamedTuple):
    report: dict[str, Any]
    urls: list[str]
    entries: dict[str, dict[str, Any]]
    odd: list[dict[str, Any]]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    database = tmp_path_factory.mktemp("hostile") / "news.db"
    with serve() as web:
        fill(web)
        save_feeds(
            database, *(Feed(f"http://{name}.test/feed", name) for name in ("feed", "bomb", "odd"))
        )
        bounds = {
            "DOWNLOAD_TIMEOUT": 10,
            "NEWSFOLD_ROBOTS_TIMEOUT": 2,
            "DOWNLOAD_MAXSIZE": SIZE,
            "NEWSFOLD_MAX_CRAWL_DELAY": 0.1,
        }
        report = crawl(database, web, settings=bounds)
        odd = rows(database, "SELECT * FROM entries WHERE url LIKE '%/odd' OR guid LIKE 'gg%'")
        yield Crawled(report, web.urls(), keyed(database, "SELECT title, * FROM entries"), odd)


def test_a_good_page_among_them_is_read(crawled: Crawled) -> None:
    fetched = {name for name, entry in crawled.entries.items() if entry["status"] == "fetched"}
    assert fetched == READ


@pytest.mark.parametrize("name", BODIES)
def test_what_is_too_large_unpacked_is_not_read(crawled: Crawled, name: str) -> None:
    assert crawled.entries[name]["error"] == "the answer is too large"


def test_what_is_packed_again_and_again_is_not_unpacked(crawled: Crawled) -> None:
    assert crawled.entries["layers"]["error"] == "the answer is packed too many times"


def test_a_feed_that_is_too_large_unpacked_is_a_failure_of_its_own(crawled: Crawled) -> None:
    failed = {source: reason for source, _, reason in crawled.report["feeds_failed"]}
    assert failed == {"bomb": "the answer is too large"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("many lines", "the header of the answer is too large"),
        ("long line", "the connection failed"),
    ],
)
def test_headers_are_bounded(crawled: Crawled, name: str, reason: str) -> None:
    assert reason in crawled.entries[name]["error"]


@pytest.mark.parametrize("name", [*LOCATIONS, "hops"])
def test_a_redirect_leads_to_no_private_host_and_no_other_protocol(
    crawled: Crawled, name: str
) -> None:
    assert crawled.entries[name]["status"] == "failed"
    assert crawled.entries[name]["error"]


def test_only_the_public_web_was_asked(crawled: Crawled) -> None:
    assert {url for url in crawled.urls if not url.startswith("http://")} == set()
    assert {url for url in crawled.urls if ".test/" not in url[:60]} == set()


@pytest.mark.parametrize("name", sorted(ROBOTS.keys() - READ))
def test_a_site_whose_robots_txt_is_hostile_is_not_asked(crawled: Crawled, name: str) -> None:
    assert f"http://{host(name)}/page" not in crawled.urls


def test_odd_entries_are_stored_within_bounds(crawled: Crawled) -> None:
    long, odd = crawled.odd
    assert long["title"] == "T" * 1000
    assert long["guid"] == "g" * 1000
    assert odd["title"].startswith("AB") and odd["title"].endswith("E")
    assert odd["title"].isprintable()
    assert odd["guid"] == "g"
    assert odd["url"] == "http://good.test/odd"


# Names that lead to IPv6 addresses


class _Six(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_a_host_with_ipv6_alone_is_reached_unless_it_is_private(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404 if "robots" in self.path else 200)
            self.end_headers()
            self.wfile.write(rss())

        def log_message(self, *args: Any) -> None:
            pass

    with _Six(("::1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://six.example:{server.server_address[1]}/feed"
        save_feeds(tmp_path / "news.db", Feed(url, "six"))
        before = RESOLVE.format(address="::1")
        refused = crawl(tmp_path / "news.db", None, before=before)
        asked_then = list(asked)
        reached = crawl(
            tmp_path / "news.db",
            None,
            before=before,
            everything=True,
            settings={"NEWSFOLD_PUBLIC_HOSTS_ONLY": False},
        )
        server.shutdown()
    ((_, _, reason),) = refused["feeds_failed"]
    assert reason == "six.example leads to the private address ::1; only public hosts are asked"
    assert asked_then == []
    assert reached["feeds_failed"] == []
    assert asked == ["/robots.txt", "/feed"]


# Markup: stories hold plain text. What is no text of a page or a feed never becomes one.

SECRET = "sesame"
TRICKS = (
    "<script>{0}</script>",
    "<SCRIPT SRC=x>{0}</SCRIPT >",
    "<style>p::after {{content: '{0}'}}</style>",
    "<!-- {0} -->",
    "<img src=x onerror='{0}'>",
    "<a href='javascript:{0}' onclick={0}>link</a>",
    "<svg onload={0}><script>{0}</script></svg>",
    "<iframe srcdoc='<script>{0}</script>'></iframe>",
    "<template>{0}</template>",
    "<noscript><img src='{0}'></noscript>",
    "<object data='{0}'></object>",
    "<b style='background: url({0})'>bold</b>",
    "<?php {0} ?>",
)
WORDS = "The owls of the old observatory have moved into the new dome, said the keeper."


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TRICKS), max_size=4), st.lists(st.sampled_from(TRICKS), max_size=4))
def test_markup_never_becomes_text(before: list[str], within: list[str]) -> None:
    put = [trick.format(SECRET) for trick in within]
    paragraphs = "".join(f"<p>{n}: {WORDS} {WORDS} {''.join(put)}</p>" for n in range(6))
    above = "".join(trick.format(SECRET) for trick in before)
    head = "<title>Owls &lt;b&gt;in&lt;/b&gt; the dome</title>"
    page = f"<!doctype html><html><head>{head}</head><body>{above}<h1>Owls in the dome"
    html = f"{page} {''.join(put)}</h1><article>{paragraphs}</article></body></html>".encode()
    entry = Entry("https://a.example/1", first_seen=NOW)
    try:
        story = read_article(Page(1, entry.url, html, NOW), entry)
    except NoArticle:
        return
    assert WORDS in story.text
    for told in (story.title, story.text, story.summary, *story.authors):
        assert SECRET not in told
    assert "<" not in story.title


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TRICKS), min_size=1, max_size=4))
def test_markup_of_a_feed_never_becomes_text(tricks: list[str]) -> None:
    markup = f"<p>{WORDS}</p>{''.join(trick.format(SECRET) for trick in tricks)}<p>{WORDS}</p>"
    feed = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='https://a.example/1'/>"
        f"<title type='html'><![CDATA[Owls {markup}]]></title>"
        f"<summary type='html'><![CDATA[{markup}]]></summary></entry></feed>"
    )
    (entry,) = read_entries(feed.encode(), "https://a.example/feed", "feed", now=NOW)
    assert entry.summary.startswith(WORDS)
    assert SECRET not in entry.title + entry.summary
    assert "<" not in entry.title + entry.summary


# Entities

LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "laugh"}">' for n in range(12)
)  # a trillion of them


def test_a_list_of_sources_that_laughs_a_billion_times(tmp_path: Path) -> None:
    path = tmp_path / "list.opml"
    path.write_text(
        f'<!DOCTYPE opml [{LAUGHS}]><opml version="2.0"><body><outline text="&l11;" type="rss"'
        ' xmlUrl="https://a.example/feed"/></body></opml>'
    )
    with pytest.raises(NewsfoldError, match="OPML"):
        load_opml(path)


@pytest.mark.parametrize("kind", ["feed", "sitemap", "section"])
def test_entities_of_its_own_are_not_expanded(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    outside = f"<!ENTITY x SYSTEM '{(tmp_path / 'secret').as_uri()}'>"
    for feed in (
        "<rss version='2.0'><channel><item><title>&l11;&x;</title>"
        "<link>https://a.example/1</link></item></channel></rss>",
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'"
        " xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'><url>"
        "<loc>https://a.example/1</loc><n:news><n:title>&l11;&x;</n:title></n:news></url></urlset>",
        "<a href='https://a.example/1'>&l11;&x;</a>",
    ):
        body = f"<?xml version='1.0'?><!DOCTYPE r [{LAUGHS}{outside}]>{feed}".encode()
        try:
            found = read_entries(body, "https://a.example/feed", kind, now=NOW, links="a")
        except FeedError:
            continue
        assert all(SECRET not in entry.title for entry in found)
        assert all("laugh" not in entry.title for entry in found)
