"""robots.txt over the passes: what is obeyed, what is kept, and how seldom it is asked for."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from loopback import Reply, Web, article, crawl, keyed, rows, rss, save_feeds, serve

from crawlers.robots import (
    A_DAY,
    A_PASS,
    MAX_BYTES,
    RobotsAnswer,
    decide,
    is_fresh,
    site_of,
    unknown,
)
from storage.database import in_memory
from storage.models import Feed, Robots
from storage.robots import KEEP, drop_old_robots, keep_robots, robots_of
from tests.stories import MORNING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = "https://a.example"
RULES = b"User-agent: *\nDisallow: /private/\n"
HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)
YESTERDAY = MORNING - A_DAY
COPY = Robots(SITE, RULES, YESTERDAY, MORNING, etag='"1"', last_modified="Tue")
NONE_THERE = Robots(SITE, None, YESTERDAY, MORNING)
NEW = b"User-agent: *\nDisallow:\n"


def fresh(body: bytes | None, wait: timedelta = A_DAY, **validators: str) -> Robots:
    return Robots(SITE, body, MORNING, MORNING + wait, **validators)


def answer(status: int, body: bytes = b"", **headers: str) -> RobotsAnswer:
    return RobotsAnswer(
        status, {name.replace("_", "-"): said for name, said in headers.items()}, body
    )


@pytest.mark.parametrize(
    ("kept", "given", "obeyed"),
    [
        (None, answer(200, RULES), fresh(RULES)),
        (None, answer(200, RULES, etag='"1"'), fresh(RULES, etag='"1"')),
        (COPY, answer(200, NEW), fresh(NEW)),  # the validators belong to the older file
        (COPY, answer(304), fresh(RULES, etag='"1"', last_modified="Tue")),
        (COPY, answer(304, etag='"2"', cache_control="max-age=3600"),
         fresh(RULES, HOUR, etag='"2"', last_modified="Tue")),
        (None, answer(200, RULES, cache_control="max-age=3600"), fresh(RULES, HOUR)),
        (None, answer(200, RULES, cache_control="max-age=3600", age="3000"),
         fresh(RULES, timedelta(minutes=10))),
        (None, answer(200, RULES, cache_control="max-age=31536000"), fresh(RULES)),
        (None, answer(200, RULES, cache_control="no-cache"), fresh(RULES, A_PASS)),
        (None, answer(200, RULES, expires="0"), fresh(RULES, A_PASS)),
        (None, answer(204), fresh(b"")),
        (None, answer(200, b"#" * (MAX_BYTES + 9)), fresh(b"#" * MAX_BYTES)),
        (None, answer(404), fresh(None)),
        (None, answer(403, b"go away", etag='"1"'), fresh(None)),
        (COPY, answer(410), fresh(None)),
        (NONE_THERE, answer(404, cache_control="max-age=60"), fresh(None, A_PASS)),
        (NONE_THERE, answer(200, RULES), fresh(RULES)),
        (COPY, answer(500), replace(COPY, due=MORNING + HALF)),
        (COPY, answer(302), replace(COPY, due=MORNING + HALF)),  # to nowhere
        (COPY, answer(200, b"\0\1\2"), replace(COPY, due=MORNING + HALF)),
        (replace(COPY, confirmed=MORNING - KEEP + HOUR), answer(502),
         replace(COPY, confirmed=MORNING - KEEP + HOUR, due=MORNING + HALF)),
        (None, answer(500), "answered with 500"),
        (None, answer(304), "answered with 304"),
        (None, answer(200, b"\0\1\2"), "no text"),
        (NONE_THERE, answer(500), "answered with 500"),
        (replace(COPY, confirmed=MORNING - KEEP), answer(500), "answered with 500"),
        (replace(COPY, confirmed=MORNING + HOUR), answer(500), "answered with 500"),
    ],
)  # fmt: skip
def test_what_an_answer_means(
    kept: Robots | None, given: RobotsAnswer, obeyed: Robots | str
) -> None:
    verdict = decide(SITE, kept, given, MORNING)
    if isinstance(obeyed, str):
        assert (verdict.obeyed, verdict.kept) == (None, None)
        assert obeyed in verdict.reason
    else:
        assert verdict.obeyed == verdict.kept == obeyed


def test_what_must_not_be_stored_is_obeyed_and_not_kept() -> None:
    verdict = decide(SITE, COPY, answer(200, NEW, cache_control="no-store"), MORNING)
    assert (verdict.obeyed, verdict.kept) == (fresh(NEW, A_PASS), None)


def test_no_answer_is_like_a_failing_server() -> None:
    assert unknown(COPY, "no answer in time", MORNING).obeyed == replace(COPY, due=MORNING + HALF)
    assert unknown(None, "no answer in time", MORNING).obeyed is None


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (None, False),
        (fresh(RULES), True),
        (fresh(None), True),
        (COPY, False),
        (fresh(RULES, timedelta(0)), False),
        (replace(COPY, confirmed=MORNING + HOUR, due=MORNING + A_DAY), False),  # a clock went back
    ],
)
def test_when_it_is_asked_for_again(kept: Robots | None, expected: bool) -> None:
    assert is_fresh(kept, MORNING) is expected


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://a.example/x?y", "https://a.example"),
        ("https://A.Example:443/", "https://a.example"),
        ("http://a.example.:80/", "http://a.example"),
        ("http://a.example:443/", "http://a.example:443"),
        ("https://me:word@a.example/", "https://a.example"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080"),
    ],
)
def test_a_site_has_one_name(url: str, site: str) -> None:
    assert site_of(url) == site


def test_files_are_kept_as_they_are_and_a_bounded_amount_of_them() -> None:
    db = in_memory()
    noise = random.Random(1).randbytes(5_000)
    for age in range(4):
        kept = Robots(f"http://{age}.example", noise, MORNING - age * HOUR, MORNING, '"1"', "Tue")
        keep_robots(db, kept.site, kept)
        assert robots_of(db, kept.site) == kept
    none_there = Robots("http://none.example", None, MORNING, MORNING)
    keep_robots(db, none_there.site, none_there)
    assert robots_of(db, none_there.site) == none_there
    assert drop_old_robots(db, MORNING, 12_000) == 2  # the oldest
    left = {row["site"] for row in db.query("SELECT site FROM robots")}
    assert left == {"http://0.example", "http://1.example", "http://none.example"}
    assert drop_old_robots(db, MORNING + KEEP) == 1
    keep_robots(db, none_there.site, None)
    assert robots_of(db, none_there.site) is None


# Over HTTP

PASSES = ("20T12:00", "20T12:10", "20T18:00", "21T11:59")


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as served:
        served.add("http://open.test/feed", rss(("in", "http://a.test/private/1")))
        served.add("http://a.test/feed", rss())
        served.add("http://a.test/private/1", article("Forbidden"))
        yield served


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "news.db"
    save_feeds(path, Feed("http://a.test/feed", "a"))
    return path


def one_pass(database: Path, web: Web, time: str) -> list[str]:
    """What a pass at that time in November 2026 asks of the site."""
    web.asked.clear()
    crawl(database, web, everything=True, settings={"NEWSFOLD_NOW": f"2026-11-{time}:00Z"})
    return [url.removeprefix("http://a.test") for url in web.urls() if "//a.test" in url]


@pytest.mark.long
def test_a_host_is_asked_for_its_robots_txt_once_a_day(web: Web, database: Path) -> None:
    web.pages["http://a.test/robots.txt"] = lambda headers: (
        Reply(status=304)
        if headers.get("if-none-match") == '"1"'
        else Reply(RULES, headers={"ETag": '"1"'})
    )
    assert one_pass(database, web, PASSES[0]) == ["/robots.txt", "/feed"]
    for time in PASSES[1:]:
        assert one_pass(database, web, time) == ["/feed"]
    assert one_pass(database, web, "21T12:00") == ["/robots.txt", "/feed"]  # answered with a 304
    [kept] = rows(database, "SELECT * FROM robots")
    assert (kept["etag"], kept["due"]) == ('"1"', "2026-11-22T12:00:00Z")
    assert one_pass(database, web, "21T12:10") == ["/feed"]


def test_cache_control_shortens_the_day(web: Web, database: Path) -> None:
    web.add("http://a.test/robots.txt", RULES, Cache_Control="max-age=900")
    asked = [one_pass(database, web, time)[0] for time in ("20T12:00", "20T12:10", "20T12:20")]
    assert asked == ["/robots.txt", "/feed", "/robots.txt"]


def test_spiders_of_one_pass_share_what_must_not_be_cached(web: Web, database: Path) -> None:
    web.add("http://a.test/robots.txt", RULES, Cache_Control="no-cache")
    web.add("http://a.test/map.xml", "<urlset></urlset>", Content_Type="text/xml")
    save_feeds(database, Feed("http://a.test/map.xml", "a", kind="sitemap"))
    for time in PASSES[:2]:
        assert one_pass(database, web, time) == ["/robots.txt", "/feed", "/map.xml"]


def test_the_forbidden_stays_so_when_the_copy_is_old(web: Web, database: Path) -> None:
    """While it loads anew, and when the site then has no answer."""
    web.add("http://a.test/robots.txt", RULES)
    one_pass(database, web, "20T12:00")
    save_feeds(database, Feed("http://open.test/feed", "open"))
    web.pages["http://a.test/robots.txt"] = Reply(status=500, wait=0.5)
    assert sorted(one_pass(database, web, "22T12:00")) == ["/feed", "/robots.txt"]
    assert keyed(database, "SELECT title, status FROM entries")["in"]["status"] == "forbidden"
    assert one_pass(database, web, "22T12:10") == ["/feed"]  # not asked for again so soon
    assert one_pass(database, web, "22T12:30") == ["/robots.txt", "/feed"]
    # After thirty days nobody knows any more what it said.
    web.asked.clear()
    crawl(database, web, everything=True, settings={"NEWSFOLD_NOW": "2026-12-20T12:00:00Z"})
    assert [url for url in web.urls() if "//a.test" in url] == ["http://a.test/robots.txt"]
    assert rows(database, "SELECT * FROM robots WHERE site = 'http://a.test'") == []


def test_new_rules_hold_from_the_day_on(web: Web, database: Path) -> None:
    web.add("http://a.test/robots.txt", status=404)
    assert one_pass(database, web, "20T12:00") == ["/robots.txt", "/feed"]
    web.add("http://a.test/robots.txt", b"User-agent: *\nDisallow: /\n")
    assert one_pass(database, web, "20T23:00") == ["/feed"]
    assert one_pass(database, web, "21T12:00") == ["/robots.txt"]
    assert one_pass(database, web, "21T12:10") == []


def test_crawl_delay_holds_without_asking_again(web: Web, database: Path) -> None:
    web.add("http://a.test/robots.txt", b"User-agent: *\nCrawl-delay: 0.4\n")
    one_pass(database, web, "20T12:00")
    web.add("http://a.test/feed", rss(*((str(n), f"/{n}") for n in range(3))))
    assert "/robots.txt" not in one_pass(database, web, "20T12:10")
    times = [moment for moment, url, _ in web.asked]
    assert len(times) == 4
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.35
