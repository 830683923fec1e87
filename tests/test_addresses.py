"""Where else a story stands: discussions that name a redirect or a short link find it, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from loopback import Web, article, crawl, rows, rss, save_feeds, serve
from sqlite_utils import Database

from crawlers.addresses import MOST, other_addresses
from crawlers.entries import read_entries
from crawlers.extraction import extract_waiting
from storage.addresses import KEEP, drop_old_addresses, follow_story, story_at_address
from storage.database import in_memory
from storage.discussions import save_discussions
from storage.migrations import migrations
from storage.models import Discussion, Entry, Feed, Source
from storage.pages import save_entries
from storage.sources import save_sources
from storage.stories import save_story
from tests.stories import MORNING, story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "https://a.example/2026/model-7"
ALIAS = "https://a.example/?p=7"
THERE = "https://a.example/2026/model-8"


@pytest.mark.parametrize(
    ("seen", "claimed", "expected"),
    [
        (["http://sho.rt/1", "https://a.example/x?utm_source=hn"], [],
         ("https://sho.rt/1", "https://a.example/x")),
        ([None, "http://a.example:80/2026/model-7"], [None], ()),  # the story's own
        ([], ["/?p=7", "https://www.a.example/amp/model-7"],
         (ALIAS, "https://www.a.example/amp/model-7")),
        ([], ["https://big.example/story", "https://aa.example/"], ()),  # of other sites
        (["https://sho.rt/"], ["/", "https://a.example"], ()),  # front pages
        (["ftp://a.example/x", "http://[", "javascript:x"], ["http://a.example:x/"], ()),
        ([], [f"/{n}" for n in range(99)], tuple(f"https://a.example/{n}" for n in range(MOST))),
    ],
)  # fmt: skip
def test_what_other_addresses_are_believed(
    seen: list[str | None], claimed: list[str | None], expected: tuple[str, ...]
) -> None:
    assert other_addresses(HERE, seen, claimed) == expected


@pytest.mark.parametrize(
    ("link", "feed_url", "through"),
    [
        ("http://feedproxy.google.com/~r/a/~3/x/", "http://feeds.feedburner.com/a",
         "http://feedproxy.google.com/~r/a/~3/x/"),
        ("http://feeds.a.example/~r/x/", "http://feeds.a.example/a", "http://feeds.a.example/~r/x/"),
        ("https://big.example/story", "http://feeds.a.example/a", None),
        (HERE, "http://feeds.a.example/a", None),
    ],
)  # fmt: skip
def test_the_link_of_a_service(link: str, feed_url: str, through: str | None) -> None:
    body = (
        '<rss version="2.0" xmlns:f="http://rssnamespace.org/feedburner/ext/1.0"><channel><item>'
        f"<title>T</title><link>{link}</link><f:origLink>{HERE}</f:origLink></item></channel></rss>"
    )
    [entry] = read_entries(body.encode(), feed_url, "feed", now=MORNING)
    assert (entry.url, entry.through) == (HERE, through)


# As rows


@pytest.fixture
def db() -> Database:
    db = in_memory()
    feeds = (Feed("https://hn.example/rss", "hn", kind="discussion", id=1),)
    save_sources(db, [Source("hn", "HN", "https://hn.example/", "en", "hn", feeds)])
    return db


def discuss(db: Database, link: str) -> None:
    [feed] = db.query("SELECT id FROM feeds")
    hn = Feed("https://hn.example/rss", "hn", kind="discussion", id=feed["id"])
    save_discussions(db, hn, [Discussion(f"https://hn.example/{link}", link, 5, 2)], MORNING)


def about(db: Database) -> list[str]:
    return [row["story_url"] for row in db.query("SELECT story_url FROM discussions ORDER BY id")]


@pytest.mark.parametrize("first", [True, False])
def test_a_discussion_finds_its_story_before_and_after(db: Database, first: bool) -> None:
    if first:
        discuss(db, ALIAS)
        assert about(db) == [ALIAS]
    follow_story(db, None, HERE, [ALIAS], MORNING)
    if not first:
        discuss(db, ALIAS)
    assert about(db) == [HERE]


def test_an_address_of_two_stories_tells_nothing(db: Database) -> None:
    """A page that asks for consent, say: all stories are reached through it."""
    discuss(db, ALIAS)
    for told in (HERE, THERE, HERE):
        follow_story(db, None, told, [ALIAS], MORNING)
    assert about(db) == [ALIAS]
    assert story_at_address(db, ALIAS) == ALIAS


def test_a_claim_takes_no_address_from_a_story_that_stands_there(db: Database) -> None:
    discuss(db, THERE)
    save_story(db, replace(story(THERE, "Model 8"), source_id="hn"), MORNING)
    follow_story(db, None, HERE, [THERE], MORNING)
    assert about(db) == [THERE]
    # One that comes to stand there takes it back.
    discuss(db, ALIAS)
    follow_story(db, None, HERE, [ALIAS], MORNING)
    follow_story(db, None, ALIAS, [], MORNING)
    assert about(db) == [THERE, ALIAS]


def test_what_the_words_of_a_feed_told_moves_with_the_story(db: Database) -> None:
    given = "https://a.example/go/7"
    feed = Feed("https://hn.example/rss", "hn", id=1)
    [entry] = save_entries(db, feed, [(Entry(given, "Model 7"), given)], MORNING)
    follow_story(db, None, given, [ALIAS], MORNING)
    for link in (ALIAS, given):
        discuss(db, link)
    assert about(db) == [given, given]
    follow_story(db, entry, HERE, [ALIAS, given], MORNING)
    assert about(db) == [HERE, HERE]


def test_addresses_are_kept_for_some_time_only(db: Database) -> None:
    follow_story(db, None, HERE, [ALIAS], MORNING)
    assert drop_old_addresses(db, MORNING + KEEP) == 0
    assert drop_old_addresses(db, MORNING + KEEP + timedelta(seconds=1)) == 1


def test_what_an_older_newsfold_knew_is_taken_over() -> None:
    db = Database(memory=True)
    migrations.apply(db, stop_before="0009_addresses")
    db.execute("INSERT INTO sources VALUES ('a', 'A', '', 'en', 'A')")
    db.execute("INSERT INTO feeds (id, source_id, url, kind) VALUES (1, 'a', 'f', 'feed')")
    db.execute(
        "INSERT INTO entries (feed_id, url, canonical_url, title, summary, published_precision,"
        " first_seen, status, story_url)"
        f" VALUES (1, '', '{ALIAS}', '', '', 'day', '2026-11-20T12:00:00Z', 'fetched', '{HERE}')"
    )
    db.execute(
        "INSERT INTO discussions (url, story_url, feed_id, first_seen, last_seen)"
        f" VALUES ('https://hn.example/1', '{HERE}', 1, '', '')"
    )
    migrations.apply(db)
    assert story_at_address(db, ALIAS) == HERE
    assert [row["link"] for row in db.query("SELECT link FROM discussions")] == [HERE]


# Over HTTP


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as served:
        yield served


def test_a_discussion_of_any_known_address_finds_the_story(web: Web, tmp_path: Path) -> None:
    """sho.rt/7 -> a.test/go?id=7 -> a.test/model-7?ref=rss, whose canonical URL is /model-7; nobody
    asks any of these a second time, nor what else is discussed."""
    database = tmp_path / "news.db"
    head = (
        '<link rel="canonical" href="/model-7"><link rel="shortlink" href="http://a.test/?p=7">'
        '<link rel="amphtml" href="/amp/model-7"><link rel="shortlink" href="http://big.test/8">'
    )
    page = article("Maker ships Model 7").replace(b"<title>", head.encode() + b"<title>")
    web.add("http://a.test/feed", rss(("Model 7", "http://sho.rt/7")))
    web.add("http://sho.rt/7", status=301, Location="http://a.test/go?id=7")
    web.add("http://a.test/go?id=7", status=302, Location="/model-7?ref=rss")
    web.add("http://a.test/model-7?ref=rss", page)
    links = ("sho.rt/7", "a.test/go?id=7", "a.test/?p=7", "a.test/amp/model-7", "a.test/model-7")
    others = ("big.test/8", "sho.rt/8")
    items = "".join(
        f"<item><link>http://{link}</link><comments>http://hn.test/{n}</comments></item>"
        for n, link in enumerate((*links, *others))
    )
    web.add("http://hn.test/rss", f'<rss version="2.0"><channel>{items}</channel></rss>')
    save_feeds(
        database,
        Feed("http://a.test/feed", "a"),
        Feed("http://hn.test/rss", "hn", kind="discussion"),
    )
    crawl(database, web)
    extract_waiting(database, now=lambda: MORNING, workers=0)
    found = rows(database, "SELECT link, story_url FROM discussions ORDER BY id")
    assert [row["story_url"] for row in found[: len(links)]] == ["https://a.test/model-7"] * 5
    assert [row["story_url"] for row in found[len(links) :]] == [
        f"https://{link}" for link in others
    ]
    assert sorted(url for url in web.urls() if "robots.txt" not in url) == [
        "http://a.test/feed",
        "http://a.test/go?id=7",
        "http://a.test/model-7?ref=rss",
        "http://hn.test/rss",
        "http://sho.rt/7",
    ]
