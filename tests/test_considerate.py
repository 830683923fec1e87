"""What polling remembers from pass to pass: holds, hints, validators, pages that failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from loopback import NOW, Reply, Web, article, crawl, keyed, rows, rss, save_feeds, serve
from scrapy.settings import Settings

from crawlers.polling import Bounds
from crawlers.spiders.base import bounds
from storage.database import create_or_open, in_memory, transaction
from storage.errors import NewsfoldError
from storage.models import Entry, Feed, Hints, Source
from storage.pages import MAX_ATTEMPTS, TOLD_AFTER, entries_without_page, save_entries
from storage.sources import due_feeds, held_hosts, hold_host, record_answer, save_sources
from storage.stories import move_feed_story, save_story
from storage.times import from_iso, to_iso, utc_now
from tests.stories import MORNING, story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlite_utils import Database

LATER = "2026-11-20T12:10:00Z"  # the next pass
AN_HOUR_LATER = "2026-11-20T13:00:00Z"
HINTS = (
    '<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="http://hint.test/me"/>'
    "<ttl>240</ttl><skipHours><hour>16</hour><hour>17</hour></skipHours>"
)


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as served:
        yield served


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "news.db"


def feed_row(database: Path, source: str) -> dict[str, Any]:
    return keyed(database, "SELECT source_id, * FROM feeds")[source]


def with_a_feed() -> tuple[Database, Feed]:
    db = in_memory()
    feed = Feed("http://a.test/feed", "a.test")
    save_sources(db, [Source("a.test", "A", "http://a.test/", "en", "A", (feed,))])
    [feed] = due_feeds(db, "feed", MORNING)
    return db, feed


def test_a_host_is_left_alone_to_the_second_by_all_spiders_and_passes(
    web: Web, database: Path
) -> None:
    """Nothing of a host is asked until the time that it named, and then at once."""
    web.add("http://busy.test/feed", status=429, Retry_After="3600")
    web.add("http://busy.test/map.xml", "<urlset></urlset>", Content_Type="text/xml")
    web.add("http://open.test/feed", rss(("x", "http://full.test/x"), ("y", "http://full.test/y")))
    web.add("http://full.test/robots.txt", status=503, Retry_After="3600")
    web.add("http://full.test/x", article("x"))
    web.add("http://full.test/y", article("y"))
    save_feeds(
        database,
        Feed("http://busy.test/feed", "busy"),
        Feed("http://open.test/feed", "open"),
        Feed("http://busy.test/map.xml", "map", kind="sitemap"),
    )
    crawl(database, web)
    assert "http://busy.test/map.xml" not in web.urls()
    assert {row["host"]: row["until"] for row in rows(database, "SELECT * FROM held_hosts")} == {
        "busy.test": AN_HOUR_LATER,
        "full.test": AN_HOUR_LATER,
    }
    assert feed_row(database, "busy")["next_due"] == AN_HOUR_LATER
    assert feed_row(database, "map")["next_due"] == AN_HOUR_LATER
    assert feed_row(database, "map")["failures"] == 0
    assert feed_row(database, "open")["next_due"] == "2026-11-20T12:30:00Z"
    # A page that could not be asked for has had no attempt.
    assert {(e["status"], e["attempts"]) for e in rows(database, "SELECT * FROM entries")} == {
        ("waiting", 0)
    }

    web.asked.clear()
    almost = "2026-11-20T12:59:59Z"
    crawl(database, web, everything=True, settings={"NEWSFOLD_NOW": almost})
    assert {url.split("/")[2] for url in web.urls()} == {"open.test"}

    web.asked.clear()
    web.add("http://full.test/robots.txt", status=404)
    crawl(database, web, settings={"NEWSFOLD_NOW": AN_HOUR_LATER})
    asked = set(web.urls())
    assert {"http://busy.test/feed", "http://full.test/x", "http://full.test/y"} <= asked


def test_holds_that_are_over_are_forgotten() -> None:
    db = in_memory()
    now, later = from_iso(NOW), from_iso(LATER)
    assert now and later
    hold_host(db, "a.test", later, now)
    hold_host(db, "a.test", now, now)  # a shorter one changes nothing
    assert held_hosts(db, now) == {"a.test": later}
    hold_host(db, "b.test", later.replace(hour=23), later)
    assert held_hosts(db, now).keys() == {"b.test"}


def test_hints_are_kept_and_hold_after_a_304_too(web: Web, database: Path) -> None:
    def answer(headers: dict[str, str]) -> Reply:
        if "if-none-match" in headers:
            return Reply(status=304)
        hub = {"ETag": '"1"', "Link": '<http://hub.test/>; rel="hub"'}
        return Reply(rss(channel=HINTS), headers=hub)

    web.pages["http://hint.test/feed"] = answer
    save_feeds(database, Feed("http://hint.test/feed", "hint"))
    crawl(database, web)
    row = feed_row(database, "hint")
    assert row["next_due"] == "2026-11-20T18:00:00Z"  # 16:00 by the ttl, but then it sleeps
    assert (row["poll_every"], row["skip_hours"], row["skip_days"]) == (240, "[16, 17]", None)
    assert (row["hub"], row["hub_topic"]) == ("http://hub.test/", "http://hint.test/me")
    crawl(database, web, settings={"NEWSFOLD_NOW": "2026-11-20T18:30:00Z"})
    row = feed_row(database, "hint")
    assert (row["next_due"], row["poll_every"]) == ("2026-11-20T22:30:00Z", 240)
    assert row["hub"] == "http://hub.test/"


def test_no_poll_in_the_hours_to_skip_even_when_it_is_overdue(web: Web, database: Path) -> None:
    web.add("http://hint.test/feed", rss(channel=HINTS))
    save_feeds(database, Feed("http://hint.test/feed", "hint"))
    crawl(database, web)
    web.asked.clear()
    asleep = {"NEWSFOLD_NOW": "2026-11-22T16:30:00Z"}
    crawl(database, web, settings=asleep)
    assert web.asked == []
    crawl(database, web, settings=asleep, everything=True)
    assert "http://hint.test/feed" in web.urls()


def test_a_304_costs_one_changed_row(web: Web, database: Path) -> None:
    web.pages["http://same.test/feed"] = lambda headers: (
        Reply(status=304) if "if-none-match" in headers else Reply(body, headers={"ETag": '"1"'})
    )
    body = rss(*((str(number), f"/{number}") for number in range(5)), channel=HINTS)
    for number in range(5):
        web.add(f"http://same.test/{number}", article(str(number)))
    save_feeds(database, Feed("http://same.test/feed", "same"))
    crawl(database, web)
    tell = (
        "import sys\nfrom crawlers.spiders.base import FeedSpider\n"
        "closed = FeedSpider.closed\n"
        "def tell(self, reason):\n"
        "    sys.stderr.write(f'{self.db.conn.total_changes} changes')\n"
        "    closed(self, reason)\n"
        "FeedSpider.closed = tell\n"
    )
    report = crawl(database, web, before=tell, everything=True)
    assert (report["feeds_unchanged"], report["stderr"]) == (1, "1 changes")


def test_without_a_network_feeds_of_all_kinds_are_put_off(database: Path) -> None:
    save_feeds(
        database,
        *(Feed(f"http://h{n}.example/feed", f"s{n}") for n in range(20)),
        Feed("http://map.example/map.xml", "map", kind="sitemap"),
        Feed("http://list.example/", "list", kind="section", links="a"),
    )
    nowhere = (
        "import socket\ndef fail(*_): raise socket.gaierror('no name')\nsocket.getaddrinfo = fail\n"
    )
    report = crawl(database, None, before=nowhere)
    assert report["offline"]
    assert len(report["feeds_failed"]) == 22
    told = rows(database, "SELECT failures, next_due, last_error FROM feeds")
    assert {(row["failures"], row["next_due"]) for row in told} == {(0, LATER)}
    assert all(row["last_error"].endswith("is there a network?") for row in told)


def test_what_shows_no_end_is_asked_for_twice(web: Web, database: Path) -> None:
    whole = rss(("a", "/a"), ("b", "/b"))
    cuts = iter([whole[:150]])
    web.pages["http://cut.test/feed"] = lambda _: Reply(next(cuts, whole))
    pages = [article(name).removesuffix(b"</body></html>") for name in "ab"]
    web.add("http://cut.test/a", pages[0])
    web.add("http://cut.test/b", pages[1])
    lengths = iter(range(100, 200))
    web.add("http://odd.test/feed", rss(("c", "/c")))
    web.pages["http://odd.test/c"] = lambda _: Reply(article("c")[: next(lengths)])
    save_feeds(database, Feed("http://cut.test/feed", "cut"), Feed("http://odd.test/feed", "odd"))
    crawl(database, web, settings={"CONCURRENT_REQUESTS": 1})  # so that nothing waits already
    found = keyed(database, "SELECT title, status, attempts, error FROM entries")
    assert web.urls().count("http://cut.test/feed") == 2
    # The host leaves ends out: known after its first page.
    assert sorted(web.urls().count(f"http://cut.test/{name}") for name in "ab") == [1, 2]
    assert (found["a"]["status"], found["b"]["status"]) == ("fetched", "fetched")
    assert web.urls().count("http://odd.test/c") == 2
    assert (found["c"]["status"], found["c"]["attempts"]) == ("failed", 1)
    assert found["c"]["error"] == "it was cut short: two answers ended at different places"


def test_a_page_that_fails_is_asked_for_less_and_less_often(web: Web, database: Path) -> None:
    web.add("http://sick.test/feed", rss(("x", "/x")))
    web.add("http://sick.test/x", status=500)
    save_feeds(database, Feed("http://sick.test/feed", "sick"))
    attempts = []
    for time in ("20T12:00", "20T12:30", "20T13:00", "20T13:30", "20T15:00", "20T16:00"):
        crawl(database, web, everything=True, settings={"NEWSFOLD_NOW": f"2026-11-{time}:00Z"})
        [entry] = rows(database, "SELECT attempts FROM entries")
        attempts.append(entry["attempts"])
    assert attempts == [1, 2, 3, 3, 4, 4]


def test_a_garbled_robots_txt_forbids_for_now(web: Web, database: Path) -> None:
    web.add("http://a.test/robots.txt", b"\0\x9f\x03" * 50)
    web.add("http://a.test/feed", rss())
    web.add("http://b.test/feed", rss(("x", "http://c.test/x")))
    web.add("http://c.test/robots.txt", status=500)
    save_feeds(database, Feed("http://a.test/feed", "a"), Feed("http://b.test/feed", "b"))
    crawl(database, web)
    asked = [url for url in web.urls() if "b.test" not in url]
    assert sorted(asked) == ["http://a.test/robots.txt", "http://c.test/robots.txt"]
    assert feed_row(database, "a")["last_error"] == "its robots.txt is no text"
    # A page that could not be asked for has had no attempt, and its host is left alone.
    [entry] = rows(database, "SELECT status, attempts FROM entries")
    assert entry == {"status": "waiting", "attempts": 0}
    [held] = rows(database, "SELECT * FROM held_hosts")
    assert held == {"host": "c.test", "until": "2026-11-20T12:30:00Z"}


def test_the_intervals_are_bounded_by_the_settings(web: Web, database: Path) -> None:
    web.add("http://a.test/feed", rss())
    save_feeds(database, Feed("http://a.test/feed", "a"))
    crawl(
        database, web, settings={"NEWSFOLD_LONGEST_INTERVAL": 45, "NEWSFOLD_INTERVAL_WITH_NEWS": 30}
    )
    assert feed_row(database, "a")["interval_minutes"] == 45
    with pytest.raises(AssertionError, match="1 <= shortest <= with_news <= longest"):
        crawl(database, web, everything=True, settings={"NEWSFOLD_SHORTEST_INTERVAL": 0})


def test_the_usual_bounds_are_those_of_the_settings() -> None:

    settings = Settings()
    settings.setmodule("crawlers.settings")
    assert bounds(settings) == Bounds()
    settings.set("NEWSFOLD_LONGEST_INTERVAL", 5)
    with pytest.raises(NewsfoldError, match="longest"):
        bounds(settings)


def test_the_feed_tells_a_story_whose_page_cannot_be_had_for_a_day() -> None:
    db, feed = with_a_feed()
    names = ("new", "waiting", "failed", "given up")
    [save_entries(db, feed, [(Entry(f"http://a.test/{n}", n), f"https://a.test/{n}")], MORNING)
     for n in names]  # fmt: skip
    db.execute("UPDATE entries SET first_seen = '2026-04-07T09:00:00Z' WHERE title = 'waiting'")
    for name, attempts in (("failed", TOLD_AFTER), ("given up", MAX_ATTEMPTS)):
        db.execute(
            "UPDATE entries SET status = 'failed', attempts = ? WHERE title = ?", (attempts, name)
        )
    assert [entry.title for entry in entries_without_page(db, MORNING)] == list(names[1:])


def test_a_page_that_comes_late_takes_the_place_of_the_words_of_its_feed() -> None:
    db, feed = with_a_feed()
    given = "https://a.test/go/1"
    [entry] = save_entries(db, feed, [(Entry(given, "Short"), given)], MORNING)

    told = replace(story(given, "Short"), text_from="feed", language="en")
    page = replace(
        story("https://a.test/1", "Long", "All of it.", published=MORNING.replace(hour=23)),
        text_from="page",
        language="de",
    )
    save_story(db, told, MORNING)
    move_feed_story(db, entry, page.url)
    assert save_story(db, page, MORNING.replace(day=9)) == "changed"
    [row] = db.query("SELECT * FROM stories")
    assert (row["id"], row["url"], row["title"], row["language"]) == (1, page.url, "Long", "de")
    assert (row["published"], row["first_seen"]) == ("2026-04-08T23:00:00Z", "2026-04-08T09:00:00Z")
    assert db.execute("SELECT count(*) FROM revisions").fetchone()[0] == 0
    # Words of a feed never replace a page, and a page's own address is left alone.
    assert save_story(db, replace(told, url=page.url), MORNING) == "known"
    move_feed_story(db, entry, "https://a.test/other")
    assert [row["url"] for row in db.query("SELECT url FROM stories")] == [page.url]


def test_hints_are_part_of_the_one_row() -> None:
    db, feed = with_a_feed()
    hints = Hints(30, frozenset({1}), frozenset({0, 6}), "http://hub.test/", "http://a.test/me")
    before = db.conn.total_changes
    record_answer(
        db, feed, now=MORNING, next_due=MORNING, interval_minutes=60, status=200, hints=hints
    )
    assert db.conn.total_changes == before + 1
    [feed] = due_feeds(db, "feed", MORNING)
    assert feed.hints == hints


def test_every_request_says_who_asks_and_how_to_reach_them(web: Web, database: Path) -> None:
    web.add("http://a.test/feed", rss(("x", "/x")))
    web.add("http://a.test/x", article("x"))
    save_feeds(database, Feed("http://a.test/feed", "a"))
    contact = "import os\nos.environ['NEWSFOLD_CONTACT'] = 'mailto:us@a.example'\n"
    crawl(database, web, before=contact)
    assert len(web.asked) == 3
    for _, _, headers in web.asked:
        assert headers["user-agent"].startswith("newsfold/")
        assert headers["user-agent"].endswith(" (+mailto:us@a.example)")


def test_a_pass_waits_for_what_falls_due_in_a_moment(web: Web, database: Path) -> None:
    for name in ("soon", "late"):
        web.add(f"http://{name}.test/feed", rss())
        save_feeds(database, Feed(f"http://{name}.test/feed", name))
    due = {"soon": timedelta(seconds=4), "late": timedelta(seconds=90)}
    db = create_or_open(database)
    with transaction(db):
        for name, wait in due.items():
            moment = to_iso(utc_now() + wait)
            db.execute("UPDATE feeds SET next_due = ? WHERE source_id = ?", (moment, name))
    [soon] = [row["next_due"] for row in db.query("SELECT next_due FROM feeds WHERE id = 1")]
    db.close()
    crawl(database, web, settings={"NEWSFOLD_NOW": None})
    assert {url.split("/")[2] for url in web.urls()} == {"soon.test"}
    assert feed_row(database, "soon")["last_fetched"] >= soon
