"""Faults: answers that fail in every way, and passes that are killed, change nothing in the end.

A crawl over a web where 30 % of all answers fail, whose passes are killed at random, ends with the
same stories in the same events as an untroubled one. By default some passes are killed; with
NEWSFOLD_KILLS=50 in the environment so many are, five a crawl, and pages are read by a pool of
processes as always.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from loopback import Reply, Web, rows, rss, save_feeds, serve

from storage.models import Feed
from storage.times import from_iso, to_iso
from tests.processes import Started
from tests.stories import HAPPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FULL = "NEWSFOLD_KILLS" in os.environ
KILLS = int(os.environ.get("NEWSFOLD_KILLS", "3"))
KILLS_A_CRAWL = 5
SHARE = 0.3  # of answers that fail
MOST_PASSES = 60  # until all has been fetched; a page is asked for during four days
BETWEEN = timedelta(hours=2)  # from pass to pass, or until the next feed is due
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TIMEOUT = 1.0  # seconds that the crawler waits for an answer

# As `newsfold run` does it. Starting the processes that read pages would cost more than the rest.
PASS = """
import json, sys
from pathlib import Path
from crawlers import extraction
from pipeline.output import Voice
from pipeline.passes import run_pass
from storage.times import from_iso
given = json.loads(sys.argv[1])
if given["readers"] is not None:
    extraction._processes = lambda *_: given["readers"]
exec(given["before"])
run_pass(
    Path(given["database"]),
    voice=Voice(quiet=True),
    now=lambda: from_iso(given["now"]),
    settings={"NEWSFOLD_NOW": given["now"], **given["settings"]},
)
"""


class Passes:
    """One pass after another over one database, each some hours later."""

    def __init__(self, database: Path, web: Web, timeout: float = TIMEOUT) -> None:
        self.database = database
        self._web = web
        self._timeout = timeout
        self._now = NOON

    def run(
        self,
        kill_after: float | None = None,
        *,
        readers: int | None = None if FULL else 0,
        before: str = "",
    ) -> bool:
        """Whether the pass was killed. So many processes read its pages, and `before` is run
        first in it."""
        given = {
            "database": str(self.database),
            "now": to_iso(self._now),
            "readers": readers,
            "before": before,
            "settings": {
                "NEWSFOLD_PROXY": self._web.address,
                "DOWNLOAD_DELAY": 0.01,
                "DOWNLOAD_TIMEOUT": self._timeout,
                "NEWSFOLD_ROBOTS_TIMEOUT": self._timeout,
                "NEWSFOLD_SITEMAP_DAYS": 365,  # it may fail until its story is older than usual
                "LOG_LEVEL": "CRITICAL",
            },
        }
        process = Started(PASS, json.dumps(given))
        process.wait(kill_after)
        process.kill()
        _, errors = process.communicate()
        if process.returncode not in (0, -signal.SIGKILL):
            pytest.fail(errors)
        self._now = max(self._now + BETWEEN, self._idle_until())
        return process.returncode != 0

    def _idle_until(self) -> datetime:
        """Failures put a feed off, up to a day: with no page left to ask for, nothing happens
        before the first one is due."""
        [due] = rows(self.database, NEXT_DUE)
        return from_iso(due["next_due"]) or NOON


# The web

OWLS = (
    " The snowy owl sat on a bench by the pond for most of the day. It came from the far north,"
    " said the bird watchers, and will stay in the city park until the ice melts."
)


def page(title: str, text: str, hour: int) -> bytes:
    head = (
        f"<title>{title}</title><meta property='article:published_time'"
        f" content='2026-11-20T{hour:02}:00:00Z'><meta name='author' content='Ada Quill'>"
    )
    words = "".join(f"<p>{sentence}.</p>" for sentence in text.rstrip(".").split(". "))
    words += f"<p>People who were there told it so: {title}. Nobody denies it, so far.</p>"
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body><article><h1>{title}</h1>"
        f"{words}</article></body></html>"
    ).encode()


def with_etag(body: bytes) -> Callable[[dict[str, str]], Reply]:
    def answer(headers: dict[str, str]) -> Reply:
        if headers.get("if-none-match") == '"1"':
            return Reply(status=304, headers={"ETag": '"1"'})
        return Reply(body, headers={"ETag": '"1"', "Content-Type": "application/rss+xml"})

    return answer


def fill(web: Web) -> None:
    listed: dict[str, list[tuple[str, str]]] = {}
    told = HAPPENINGS | {"owl": [(title, text + OWLS) for title, text in HAPPENINGS["owl"]]}
    for hour, (happening, reports) in enumerate(told.items(), start=3):
        for number, (title, text) in enumerate(reports):
            host = f"source{number}.test"
            listed.setdefault(host, []).append((title, f"http://{host}/{happening}"))
            web.add(f"http://{host}/{happening}", page(title, text, hour + number))
    web.add("http://source0.test/old", status=301, Location="http://source0.test/feed")
    web.pages["http://source0.test/feed"] = with_etag(rss(*listed["source0.test"]))
    web.pages["http://source1.test/feed"] = with_etag(
        rss(
            *listed["source1.test"],
            ("Gone for good", "/gone"),
            ("Forbidden here", "/private/1"),
            ("The owl of the park", "/go/owl"),
        )
    )
    web.add("http://source1.test/robots.txt", "User-agent: *\nDisallow: /private/\n")
    web.add("http://source1.test/private/1", page("Forbidden here", "Nobody may see this. " * 9, 9))
    web.add("http://source1.test/gone", status=410)
    web.add("http://source1.test/go/owl", status=302, Location="http://source1.test/owl")
    web.add("http://source1.test/owl", page("The owl of the park", "It sits there." + OWLS, 9))
    [(title, link)] = listed["source2.test"]
    web.add(
        "http://source2.test/map.xml",
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
        f"<url><loc>{link}</loc><news:news><news:title>{title}</news:title>"
        "<news:publication_date>2026-11-20T05:00:00Z</news:publication_date></news:news></url>"
        "</urlset>",
        Content_Type="text/xml",
    )
    web.add("http://source3.test/", "<html><article><a href='/5'>Quill</a></article></html>")
    web.add(
        "http://source3.test/5",
        page(
            "Nine days on one charge: Tolvane's Quill 5",
            "Tolvane has shown the Quill 5 with its screen like paper. The phone lasts nine days"
            " on one charge and is sold from May. Tolvane asks 420 euros for the Quill 5.",
            11,
        ),
    )
    web.add("http://source4.test/feed", status=410)


FEEDS = (
    Feed("http://source0.test/old", "source0"),
    Feed("http://source1.test/feed", "source1"),
    Feed("http://source2.test/map.xml", "source2", kind="sitemap"),
    Feed("http://source3.test/", "source3", kind="section", links="article a"),
    Feed("http://source4.test/feed", "source4"),
)


# Its faults


def _cut(reply: Reply, chance: random.Random) -> bytes:
    return reply.body[: chance.randrange(len(reply.body) or 1)]


FAULTS: dict[str, Any] = {
    "reset": lambda reply, chance: Reply(reset=True),
    "timeout": lambda reply, chance: Reply(reply.body, wait=TIMEOUT * 1.5),
    "slow": lambda reply, chance: Reply(reply.body, reply.status, reply.headers, wait=0.2),
    "truncated": lambda reply, chance: Reply(
        _cut(reply, chance), reply.status, reply.headers, length=len(reply.body) + 1
    ),
    "too long a length": lambda reply, chance: Reply(
        reply.body, reply.status, reply.headers, length=len(reply.body) + 99
    ),
    "too short a length": lambda reply, chance: Reply(
        _cut(reply, chance), reply.status, reply.headers
    ),
    "garbage": lambda reply, chance: Reply(b"\0" + chance.randbytes(chance.randrange(400))),
    "server error": lambda reply, chance: Reply(b"broken", chance.choice((500, 502, 504))),
    "closed": lambda reply, chance: Reply(b"closed", 503),
    "too many": lambda reply, chance: Reply(b"slowly", 429, {"Retry-After": "5400"}),
    "not found": lambda reply, chance: Reply(b"not here", 404),
}


def possible(url: str) -> list[str]:
    """Not all faults are faults everywhere: some are answers that count."""
    if url.endswith("/robots.txt"):
        # Without an end of its own a robots.txt that was cut is another robots.txt; 404 is one
        # that allows everything.
        return [fault for fault in FAULTS if fault not in ("too short a length", "not found")]
    if any(url == feed.url for feed in FEEDS) or url.endswith("/feed"):
        return list(FAULTS)
    return [fault for fault in FAULTS if fault != "not found"]  # that withdraws an article


def trouble(web: Web, seed: int) -> Counter[str]:
    """Let 30 % of answers fail, each address in an order of its own; how often what happened."""
    asked: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    robots = {f"http://source{n}.test/robots.txt": Reply(b"", 404) for n in range(5)}

    def troubled(url: str, good: Reply | Callable[[dict[str, str]], Reply]) -> None:
        def answer(headers: dict[str, str]) -> Reply:
            asked[url] += 1
            chance = random.Random(f"{seed} {url} {asked[url]}")
            reply = good(headers) if callable(good) else good
            if chance.random() >= SHARE:
                happened["none"] += 1
                return reply
            fault = chance.choice(possible(url))
            happened[fault] += 1
            return FAULTS[fault](reply, chance)

        web.pages[url] = answer

    for url, good in (robots | web.pages).items():
        troubled(url, good)
    return happened


# What came of it

# A story stays that the feed's words have told, since its page had failed so often before it was
# gone. An untroubled crawl knows at once that the page is gone, and never tells it.
NOT_TOLD_BEFORE_GONE = """
NOT (text_from = 'feed' AND url IN (SELECT canonical_url FROM entries WHERE status = 'gone'))
"""
STORIES = f"""
SELECT s.url, s.source_id, s.title, s.text, s.sections, s.summary, s.authors, s.published,
 s.published_precision, s.language, s.text_from, o.url AS copy_of
FROM (SELECT * FROM stories WHERE {NOT_TOLD_BEFORE_GONE}) AS s
 LEFT JOIN stories AS o ON o.id = s.copy_of ORDER BY s.url
"""
EVENTS = f"""
SELECT e.title, e.category, e.tldr, e.first_published, e.last_published, e.first_source,
 e.independent_count, group_concat(m.told, ', ') AS members
FROM events AS e JOIN (SELECT event_id, url || ' ' || role AS told FROM event_stories
 JOIN stories ON id = story_id WHERE {NOT_TOLD_BEFORE_GONE} ORDER BY url) AS m ON m.event_id = e.id
GROUP BY e.id ORDER BY members
"""
ENTRIES = "SELECT canonical_url, title, published, status FROM entries ORDER BY canonical_url"
NEXT_DUE = """
SELECT min(next_due) AS next_due FROM feeds WHERE retired IS NULL AND NOT EXISTS
 (SELECT 1 FROM entries WHERE status IN ('waiting', 'failed'))
"""
FETCHED_FEEDS = "SELECT source_id, url, retired IS NULL AS polled FROM feeds ORDER BY source_id"


def outcome(database: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        "stories": rows(database, STORIES),
        "events": rows(database, EVENTS),
        "entries": rows(database, ENTRIES),
        "feeds": rows(database, FETCHED_FEEDS),
    }


@pytest.fixture(scope="module")
def untroubled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    database = tmp_path_factory.mktemp("untroubled") / "news.db"
    with serve() as web:
        fill(web)
        save_feeds(database, *FEEDS)
        Passes(database, web).run()
    return outcome(database)


def test_an_untroubled_crawl_brings_all(untroubled: dict[str, list[dict[str, Any]]]) -> None:
    from_page = [story["url"] for story in untroubled["stories"] if story["text_from"] == "page"]
    assert len(from_page) == sum(map(len, HAPPENINGS.values())) + 2
    assert len(untroubled["stories"]) == len(from_page) + 1  # the forbidden one
    members = [event["members"].count("http") for event in untroubled["events"]]
    assert sum(1 for count in members if count > 1) >= len(HAPPENINGS) - 1


@pytest.mark.long
@pytest.mark.parametrize("before", range(0, max(KILLS, 1), KILLS_A_CRAWL))
def test_faults_and_kills_change_nothing_in_the_end(
    untroubled: dict[str, list[dict[str, Any]]], tmp_path: Path, before: int
) -> None:
    database = tmp_path / "news.db"
    kills = min(KILLS - before, KILLS_A_CRAWL)
    chance = random.Random(before)
    with serve() as web:
        fill(web)
        happened = trouble(web, before)
        save_feeds(database, *FEEDS)
        passes = Passes(database, web)
        killed = done = 0
        lasted = 3.0  # seconds that a pass takes, as far as we know
        while done < MOST_PASSES and (killed < kills or outcome(database) != untroubled):
            if killed < kills and passes.run(kill_after=chance.uniform(0, lasted)):
                killed += 1
                continue
            started = time.monotonic()
            passes.run()
            done += 1
            lasted = time.monotonic() - started
        passes.run()  # and so it stays
    print(f"{killed} passes killed, {done} done; answers: {dict(happened)}")
    assert killed == kills
    assert outcome(database) == untroubled
    assert happened["none"] and len(happened) > 4


KILLED_WHILE_READING = """
import os, signal
extraction.PAGES_A_WORKER = 2  # so many wait when reading begins
save, saved = extraction._save, []
def save_three(*page):
    saved.append(save(*page))
    if len(saved) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return saved[-1]
extraction._save = save_three
"""


@pytest.mark.long
def test_killed_while_pages_are_read_beside_the_crawl_the_next_pass_comes_to_the_same(
    untroubled: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    database, late, killed = tmp_path / "news.db", "http://source0.test/dam", Event()
    with serve() as web:
        fill(web)
        told = web.pages[late]
        assert isinstance(told, Reply)

        def when_killed(_: dict[str, str]) -> Reply:
            killed.wait(60)  # until then the crawl is not done
            return told

        web.pages[late] = when_killed
        save_feeds(database, *FEEDS)
        passes = Passes(database, web, timeout=60)
        assert passes.run(readers=1, before=KILLED_WHILE_READING)
        killed.set()
        assert rows(database, "SELECT count(*) AS count FROM stories") == [{"count": 3}]
        [entry] = rows(database, f"SELECT status, attempts FROM entries WHERE url = '{late}'")
        assert entry == {"status": "waiting", "attempts": 0}
        assert not passes.run()
    assert outcome(database) == untroubled
