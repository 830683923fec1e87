"""What all spiders do alike: due feeds come in from the database, entries and pages go back to it.

    due feeds ─▶ one conditional request each ─▶ entries saved ─▶ pages of waiting entries ─▶ Page

A spider adds how the body of its kind of feed is read. It never extracts a story, and never
decides what an answer means: crawlers/answers.py does.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from w3lib.encoding import http_content_type_encoding

from crawlers import answers
from crawlers.answers import Answer, Listing, headers_of
from crawlers.clock import clock
from crawlers.entries import FeedError, read_entries
from crawlers.hints import read_hints
from crawlers.middlewares import (
    HostHeldError,
    NotAskedError,
    RobotsForbiddenError,
    RobotsUnknownError,
    drop_waiting,
)
from crawlers.polling import HOLD, SOON, Bounds, is_skipped, page_due
from crawlers.progress import Tally
from crawlers.urls import canonical_url
from storage.database import create_or_open, transaction
from storage.errors import WRONG_CALL, NewsfoldError
from storage.models import Page
from storage.pages import record_page_failure, save_entries, waiting_entries
from storage.robots import drop_old_robots, keep_robots, robots_of
from storage.runs import AlreadyRunningError, only_one
from storage.sources import (
    due_feeds,
    due_of_any_kind,
    held_hosts,
    hold_host,
    postpone,
    record_answer,
    record_failure,
    unfinished_feeds,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from sqlite_utils import Database
    from twisted.python.failure import Failure

    from crawlers.answers import Decision
    from storage.models import Entry, EntryStatus, Feed, FeedKind, Hints, Robots

FEEDS_FIRST = 10  # priority of feeds over pages, so that every feed is polled within a short pass
# The first so many feeds are a probe: when none of them can be reached, it is our network. Fewer
# than half of CONCURRENT_REQUESTS, since each waits together with its robots.txt.
OFFLINE_AFTER = 15
NOT_ASKED = f"not asked, since none of the first {OFFLINE_AFTER} feeds could be reached"
_UNREACHABLE = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError)


class FeedSpider(Spider):
    """Polls the due feeds of one kind. Arguments: -a database=news.db [-a sources=a,b]
    [-a everything=1]

    Started by itself (scrapy crawl, scrapyd) it is a pass of its own and takes the lock of passes,
    or leaves at once; crawl() hands in a tally, and whoever calls that holds the lock.
    """

    kind: ClassVar[FeedKind]
    path: Path  # of the database
    db: Database
    alone: bool
    tally: Tally
    now: Callable[[], datetime]  # the settings may freeze the time
    bounds: Bounds

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> FeedSpider:
        database = kwargs.pop("database", "")
        if not database:
            raise NewsfoldError(
                f"which database? Say: scrapy crawl {cls.name} -a database=news.db", WRONG_CALL
            )
        tally = kwargs.pop("tally", None)
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.now = clock(crawler.settings)
        spider.bounds = bounds(crawler.settings)
        spider.path = Path(database)
        spider.db = create_or_open(spider.path)
        spider.alone = tally is None
        spider.tally = tally or Tally()
        crawler.signals.connect(spider.stop_when_database_fails, signal=signals.spider_error)
        crawler.signals.connect(spider.stop_when_database_fails, signal=signals.item_error)
        return spider

    def __init__(self, sources: str = "", everything: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.only = tuple(name.strip() for name in sources.split(",") if name.strip())
        self.everything = everything.lower() in ("1", "true", "yes", "on")
        self._asked: set[str] = set()  # canonical URLs whose page this spider has requested
        self._reached = False  # whether anything has answered yet
        self._due: list[Feed] = []
        self._unreached: list[tuple[Feed, str]] = []
        self._polls = 0
        self._network_known = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._robots_changed = False
        self._lock = ExitStack()

    async def start(self) -> AsyncIterator[Any]:
        if self.alone and not self._has_the_lock():
            return
        if self.tally.deadline is not None:
            left = self.tally.deadline - time.monotonic()
            self._alarm = asyncio.get_running_loop().call_later(left, self._stop_in_time)
        soon = self.now() + SOON
        due = due_feeds(self.db, self.kind, soon, self.only, everything=self.everything)
        if not self.everything:  # a feed may be due since before the hours that it wants skipped
            due = [feed for feed in due if not is_skipped(self.now(), feed.hints)]
        self._due = due
        self.tally.feeds_due += len(due)
        self.tally.changed()
        for number, feed in enumerate(due):
            if number == OFFLINE_AFTER:
                await self._network_known.wait()
            if feed.next_due and not self.everything:
                await asyncio.sleep(max(0.0, (feed.next_due - self.now()).total_seconds()))
            yield self.feed_request(feed)
        polled = {feed.id for feed in due}
        for feed in unfinished_feeds(self.db, self.kind, self.now(), self.only):
            if feed.id not in polled:
                for request in self.page_requests(feed):
                    yield request

    def closed(self, reason: str) -> None:
        self.tally.interrupted |= reason == "shutdown"
        if self._alarm:
            self._alarm.cancel()
        self._settle_unreached(offline=self.tally.offline)
        if self._robots_changed:
            with suppress(sqlite3.Error):  # a full disk has been told; these can wait
                drop_old_robots(self.db, self.now())
        self.db.close()
        self._lock.close()

    def _has_the_lock(self) -> bool:
        """Take it until the spider closes; False, and a word, when another pass has it."""
        try:
            self._lock.enter_context(only_one(self.path))
        except AlreadyRunningError as error:
            self.logger.warning(str(error))
            return False
        return True

    def stop_when_database_fails(self, failure: Failure) -> None:
        """Fetching what cannot be stored only costs the publishers."""
        if isinstance(failure.value, sqlite3.Error) and self.tally.database_error is None:
            self.tally.database_error = failure.value
            self._stop("database")

    def give_up(self, failure: NewsfoldError) -> None:
        """Whoever fetches for us cannot be had: all stays as it is, for the next pass."""
        self.tally.failure = self.tally.failure or failure
        self._stop("queue")

    def _stop_in_time(self) -> None:
        """What is being fetched is finished; feeds stay due, entries go on waiting."""
        self.tally.out_of_time = True
        self._stop("time is up")

    def _stop(self, reason: str) -> None:
        drop_waiting(self.crawler, NotAskedError(reason))
        closing = self.crawler.engine.close_spider_async(reason=reason)
        self._stopping = asyncio.ensure_future(closing)  # kept, or it may be collected half-way

    # Feeds

    def feed_request(self, feed: Feed) -> Request:
        headers = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
        return Request(
            feed.url,
            callback=self.read_feed,
            errback=self.feed_failed,
            cb_kwargs={"feed": feed},
            headers={name: value for name, value in headers.items() if value},
            meta={"dont_retry": True},  # it has its next poll
            priority=FEEDS_FIRST,
            dont_filter=True,
        )

    def read_feed(self, response: Response, feed: Feed) -> Iterator[Any]:
        """The callback of a feed's own answer."""
        self.network_answered()
        answer = answer_of(response)
        listed = new = 0
        if answer.status == 200:
            try:
                listed, new = self.store(response, feed)
            except FeedError as error:
                self.record(feed, self._failed(feed, str(error)), answer)
                return
        listing = Listing(listed, new, self.hints_of(response, answer))
        self.record(feed, answers.decide(feed, answer, self.now(), listing, self.bounds), answer)
        yield from self.page_requests(feed)

    def store(self, response: Response, feed: Feed) -> tuple[int, int]:
        """Store what a 200 lists; how many that were, and how many of them new. FeedError when
        it cannot be read."""
        return self.save(feed, self.entries_of(response, feed))

    def hints_of(self, response: Response, answer: Answer) -> Hints:
        """How the feed asks to be polled; only feeds in the narrow sense can say it in their
        bodies."""
        says = self.kind not in ("sitemap", "section") and answer.status == 200
        return read_hints(response.body if says else b"", answer.headers, response.url)

    def entries_of(self, response: Response, feed: Feed) -> list[Entry]:
        """The entries of a 200; FeedError when it cannot be read."""
        return read_entries(
            response.body,
            response.url,
            self.kind,
            now=self.now(),
            links=feed.links,
            content_type=header(response, "Content-Type"),
        )

    def save(self, feed: Feed, entries: list[Entry]) -> tuple[int, int]:
        """Store entries; how many were listed, and how many of them were new."""
        named = [(entry, canonical_url(entry.url)) for entry in entries]
        new = len(save_entries(self.db, feed, named, self.now()))
        self.tally.entries_new += new
        return len(named), new

    def record(self, feed: Feed, decision: Decision, answer: Answer) -> None:
        """Do what was decided about a feed that answered."""
        if decision.outcome == "answered":
            record_answer(
                self.db,
                feed,
                now=self.now(),
                next_due=decision.next_due,
                interval_minutes=decision.interval_minutes,
                status=answer.status,
                etag=decision.etag,
                last_modified=decision.last_modified,
                moved_to=decision.moved_to,
                hints=decision.hints,
            )
            self.tally.feeds_unchanged += answer.status == 304
        else:
            retire = self.now() if decision.outcome == "retired" else None
            self._record_failure(feed, decision, status=answer.status, retire=retire)
        self._polled()

    def feed_failed(self, failure: Failure) -> None:
        """The errback of a feed: no answer at all, or none that we may have."""
        feed: Feed = failure.request.cb_kwargs["feed"]  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, RobotsUnknownError):
            error = error.__cause__ or error  # for a host that is not there, robots.txt is not it
        reason = explained(error)
        if isinstance(error, NotAskedError):
            self.feed_not_asked(feed, error)
        elif isinstance(error, _UNREACHABLE) and not self._reached:
            self._unreached.append((feed, reason))
        else:
            self._record_failure(feed, self._failed(feed, reason))
        self._polled()

    def _failed(self, feed: Feed, reason: str) -> Decision:
        return answers.failed(feed, reason, self.now(), bounds=self.bounds)

    def feed_not_asked(self, feed: Feed, error: NotAskedError) -> None:
        """It stays due; if its host has asked us to stay away, it is due when that is over."""
        if isinstance(error, HostHeldError):
            postpone(self.db, feed, next_due=error.until, error=str(error))
            self.tally.feeds_failed.append((feed.source_id, feed.url, str(error)))

    def _record_failure(
        self,
        feed: Feed,
        decision: Decision,
        *,
        status: int | None = None,
        retire: datetime | None = None,
    ) -> None:
        record_failure(
            self.db,
            feed,
            next_due=decision.next_due,
            error=decision.reason,
            status=status,
            retire=retire,
        )
        self.tally.feeds_failed.append((feed.source_id, feed.url, decision.reason))

    def _polled(self) -> None:
        self.tally.feeds_polled += 1
        self.tally.changed()
        self._polls += 1
        if len(self._unreached) == OFFLINE_AFTER:
            self.tally.offline = True
            self._stop("offline")
        elif self._polls == OFFLINE_AFTER:
            self._network_known.set()

    # Pages

    def page_requests(self, feed: Feed) -> Iterator[Request]:
        """Requests for the pages of waiting entries; each page once in a crawl."""
        assert feed.id is not None  # it came from the database
        left = self.settings.getint("NEWSFOLD_PAGES_A_FEED")
        now = self.now()
        for entry, url in waiting_entries(self.db, feed.id):
            if left <= 0:
                return
            if url not in self._asked and page_due(entry.first_seen or now, entry.attempts) <= now:
                self._asked.add(url)
                self.tally.pages_asked += 1
                left -= 1
                yield self.page_request(feed, entry)

    def page_request(self, feed: Feed, entry: Entry) -> Request:
        return Request(
            entry.url,
            callback=self.read_page,
            errback=self.page_failed,
            cb_kwargs={"feed": feed, "entry": entry},
            dont_filter=True,
        )

    def read_page(self, response: Response, feed: Feed, entry: Entry) -> Iterator[Page]:
        """The callback of a page."""
        self.network_answered()
        assert entry.id is not None  # it came from the database
        verdict = answers.page_verdict(response.status)
        content_type = header(response, "Content-Type")
        if verdict == "waiting":
            # Counted as an attempt: a page that is always too busy is told by its feed in the end.
            self.page_lost(entry.id, "failed", answers.explained(response.status))
        elif verdict != "fetched":
            self.page_lost(entry.id, verdict, answers.explained(response.status))
        elif not _may_be_page(content_type):
            self.page_lost(entry.id, "failed", f"{content_type}, not a page")
        else:
            yield Page(
                entry_id=entry.id,
                url=response.url,
                html=response.body,
                fetched_at=self.now(),
                encoding=http_content_type_encoding(content_type),
                redirects=tuple(response.meta.get("redirect_urls", ())),
            )

    def page_failed(self, failure: Failure) -> None:
        """The errback of a page."""
        entry: Entry = failure.request.cb_kwargs["entry"]  # type: ignore[attr-defined]
        error = failure.value
        assert entry.id is not None  # it came from the database
        if isinstance(error, NotAskedError):
            return
        if isinstance(error, RobotsUnknownError):
            if not isinstance(error.__cause__, _UNREACHABLE):
                # It was not asked for, so that is no attempt; but its host is left alone.
                host = urlsplit(failure.request.url).hostname or ""  # type: ignore[attr-defined]
                hold_host(self.db, host, self.now() + HOLD, self.now())
                return
            error = error.__cause__
        status: EntryStatus = "forbidden" if isinstance(error, RobotsForbiddenError) else "failed"
        self.page_lost(entry.id, status, explained(error))

    def page_lost(self, entry_id: int, status: EntryStatus, reason: str) -> None:
        record_page_failure(self.db, entry_id, status, reason)
        self.tally.pages_gone += status == "gone"
        self.tally.pages_forbidden += status == "forbidden"
        self.tally.pages_failed += status == "failed"
        self.tally.changed()

    # Hosts that have asked us to stay away: the middleware holds them, here they are kept

    def held_hosts(self) -> dict[str, datetime]:
        return held_hosts(self.db, self.now())

    def host_held(self, host: str, until: datetime) -> None:
        hold_host(self.db, host, until, self.now())
        for feed in self._due:
            if urlsplit(feed.url).hostname == host:
                reason = f"{host} has asked us to slow down"
                postpone(self.db, feed, next_due=until, error=reason)

    # robots.txt: the middleware obeys it, here it is kept

    def robots_of(self, site: str) -> Robots | None:
        return robots_of(self.db, site)

    def keep_robots(self, site: str, robots: Robots | None) -> None:
        keep_robots(self.db, site, robots)
        self._robots_changed = True

    # The network

    def network_answered(self) -> None:
        if not self._reached:
            self._reached = True
            self._network_known.set()
            self._settle_unreached(offline=False)

    def _settle_unreached(self, *, offline: bool) -> None:
        """Whose failure it was that feeds could not be reached, now that it is known."""
        if offline:
            self._postpone_all()
        else:
            for feed, reason in self._unreached:
                self._record_failure(feed, self._failed(feed, reason))
        self._unreached.clear()

    def _postpone_all(self) -> None:
        """There is no network: no feed is to blame, and all of them are due again soon, those of
        the spiders to come, too."""
        reasons = {feed.url: reason for feed, reason in self._unreached}
        soon = self.now() + timedelta(minutes=self.bounds.shortest)
        others = due_of_any_kind(self.db, self.now(), self.only)
        due = {feed.id: feed for feed in [*self._due, *others]}
        with transaction(self.db):
            for feed in due.values():
                reason = f"{reasons.get(feed.url, NOT_ASKED)}; is there a network?"
                postpone(self.db, feed, next_due=soon, error=reason)
                self.tally.feeds_failed.append((feed.source_id, feed.url, reason))


def bounds(settings: BaseSettings) -> Bounds:
    """The bounds of the intervals between polls, as set. Raises NewsfoldError for odd ones."""
    try:
        return Bounds(
            settings.getint("NEWSFOLD_SHORTEST_INTERVAL"),
            settings.getint("NEWSFOLD_LONGEST_INTERVAL"),
            settings.getint("NEWSFOLD_INTERVAL_WITH_NEWS"),
        )
    except ValueError as error:
        raise NewsfoldError(str(error), WRONG_CALL) from error


def explained(error: BaseException | None) -> str:
    """What Scrapy or our middlewares raised, in words."""
    if isinstance(error, IgnoreRequest):
        too_large = "DOWNLOAD_MAXSIZE" in str(error)  # while it was unpacked
        return "the answer is too large" if too_large else str(error) or "not fetched"
    if isinstance(error, CannotResolveHostError):
        return "there is no such host, or no name service"
    if isinstance(error, DownloadConnectionRefusedError):
        return "the host refuses connections"
    if isinstance(error, DownloadTimeoutError):
        return "no answer in time"
    if isinstance(error, DownloadCancelledError):
        return "the answer is too large"
    said = str(error) or type(error).__name__
    if "HeaderTooLargeError" in said:
        return "the header of the answer is too large"
    if "certificate verify failed" in said or "VerificationError" in said:
        return "its certificate is not valid"
    return f"the connection failed: {said}"


def _may_be_page(content_type: str | None) -> bool:
    kind = (content_type or "").partition(";")[0].strip().lower()
    return not kind or kind.startswith("text/") or kind.endswith(("html", "+xml", "/xml"))


def answer_of(response: Response) -> Answer:
    hops = response.meta.get("redirect_reasons", ())
    return Answer(response.status, headers_of(response), response.url, hops)


def header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
