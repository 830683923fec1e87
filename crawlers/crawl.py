"""One crawl: a database comes in, its due feeds are polled and their pages stored in it.

The spiders run one after another in one reactor, so that no host is asked by two at a time. Never
more than one crawl a process: Twisted's reactor cannot be started again.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import certifi
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawlers.clock import clock
from crawlers.middlewares import NotAskedError, drop_waiting
from crawlers.polling import SOON
from crawlers.progress import Tally
from crawlers.spiders.discussions import DiscussionsSpider
from crawlers.spiders.feeds import FeedsSpider
from crawlers.spiders.sections import SectionsSpider
from crawlers.spiders.sitemaps import SitemapsSpider
from storage.database import create_or_open, explained
from storage.errors import WRONG_CALL, NewsfoldError
from storage.sources import all_sources, due_feeds, unfinished_feeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from crawlers.spiders.base import FeedSpider

SPIDERS: tuple[type[FeedSpider], ...] = (
    FeedsSpider,
    SitemapsSpider,
    SectionsSpider,
    DiscussionsSpider,
)


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """What a crawl did. A failed feed comes with its source, its URL and the reason in words."""

    feeds_polled: int = 0
    feeds_unchanged: int = 0
    feeds_failed: tuple[tuple[str, str, str], ...] = ()
    entries_new: int = 0
    pages_stored: int = 0
    pages_gone: int = 0
    pages_forbidden: int = 0
    pages_failed: int = 0
    seconds: float = 0.0
    offline: bool = False  # nothing could be reached: the crawl was given up early
    interrupted: bool = False  # by Ctrl-C; what was fetched is stored
    out_of_time: bool = False  # its seconds were up; the rest waits


def crawl(
    database: Path,
    *,
    sources: Sequence[str] = (),
    everything: bool = False,
    seconds: float | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[Tally], None] | None = None,
) -> CrawlReport:
    """Poll the due feeds of these sources (of all, when none is named) and store their pages.

    `everything` polls feeds that are not due, too. After so many `seconds` nothing more is asked:
    what is being fetched is finished, the rest waits. `settings` go over crawlers/settings.py.
    Can be called once in a process. Ctrl-C ends it in order, and again at once.
    """
    started = time.monotonic()
    tally = Tally(listener=progress)
    chosen = crawl_settings(settings)
    if seconds is not None:
        chosen.set("CLOSESPIDER_TIMEOUT", 0, priority="cmdline")  # it would know nothing of ours
    spiders = _with_due_feeds(database, tuple(sources), chosen, everything=everything)
    if spiders:
        name_trusted_certificates()
        arguments = {
            "database": str(database),
            "sources": ",".join(sources),
            "everything": "1" if everything else "",
            "tally": tally,
        }
        _run(spiders, arguments, chosen, None if seconds is None else started + seconds)
    if tally.database_error:
        raise explained(tally.database_error, database) from tally.database_error
    if tally.failure:
        raise tally.failure
    return _report(tally, time.monotonic() - started)


def crawl_settings(overrides: Mapping[str, Any] | None) -> Settings:
    """crawlers/settings.py with these over it."""
    settings = Settings()
    settings.setmodule("crawlers.settings", priority="project")
    settings.update(dict(overrides or {}), priority="cmdline")
    return settings


def name_trusted_certificates() -> None:
    """Tell OpenSSL where certificates are: Scrapy's own copy of it finds them on Linux only, and
    not where the package ca-certificates is missing."""
    if "SSL_CERT_FILE" not in os.environ and "SSL_CERT_DIR" not in os.environ:
        os.environ["SSL_CERT_FILE"] = ssl.get_default_verify_paths().cafile or certifi.where()


def _with_due_feeds(
    database: Path, only: tuple[str, ...], settings: Settings, *, everything: bool
) -> dict[type[FeedSpider], int]:
    """The spiders that have something to do, each with its number of feeds that are due or
    unfinished. Raises NewsfoldError for a source nobody knows."""
    now = clock(settings)()
    db = create_or_open(database)
    try:
        unknown = set(only) - {source.id for source in all_sources(db)}
        if unknown:
            raise NewsfoldError(
                f"no source is called {min(unknown)!r}; see: newsfold sources list {database}",
                WRONG_CALL,
            )
        due = {
            spider: len(due_feeds(db, spider.kind, now + SOON, only, everything=everything))
            + len(unfinished_feeds(db, spider.kind, now, only))
            for spider in SPIDERS
        }
        return {spider: feeds for spider, feeds in due.items() if feeds}
    finally:
        db.close()


class _Process(AsyncCrawlerProcess):
    async def stop(self) -> None:
        """Ctrl-C: what is being fetched is finished, what waits for its turn is left."""
        for crawler in self.crawlers:
            drop_waiting(crawler, NotAskedError("interrupted"))
        await super().stop()


def _deadline(end: float | None, feeds: int, of: int) -> float | None:
    """When a spider is to stop that polls so many of the feeds that are still to be polled: each
    kind has its part of the time that is left, or the last kind might never have any."""
    if end is None:
        return None
    now = time.monotonic()
    return now + (end - now) * feeds / of


def _run(
    spiders: Mapping[type[FeedSpider], int],
    arguments: dict[str, Any],
    chosen: Settings,
    end: float | None,
) -> None:
    process = _Process(chosen)
    from twisted.internet import reactor as installed
    from twisted.internet.error import ReactorNotRestartable

    reactor: Any = installed  # a module that AsyncCrawlerProcess has replaced by an object

    errors: list[Exception] = []

    async def one_after_another() -> None:
        tally: Tally = arguments["tally"]
        left = sum(spiders.values())
        try:
            for spider, feeds in spiders.items():
                tally.deadline = _deadline(end, feeds, left)
                left -= feeds
                await process.crawl(spider, **arguments)
                if tally.interrupted or tally.offline or tally.database_error or tally.failure:
                    return
        except Exception as error:
            errors.append(error)
        finally:
            if reactor.running:
                reactor.stop()

    task = asyncio.get_event_loop().create_task(one_after_another())
    try:
        process.start(stop_after_crawl=False)
    except ReactorNotRestartable:
        task.cancel()
        raise RuntimeError("crawl() can be called once in a process") from None
    if not task.done():  # a second Ctrl-C stopped the reactor under it
        arguments["tally"].interrupted = True
    if errors:
        raise errors[0]


def _report(tally: Tally, seconds: float) -> CrawlReport:
    return CrawlReport(
        feeds_polled=tally.feeds_polled,
        feeds_unchanged=tally.feeds_unchanged,
        feeds_failed=tuple(tally.feeds_failed),
        entries_new=tally.entries_new,
        pages_stored=tally.pages_stored,
        pages_gone=tally.pages_gone,
        pages_forbidden=tally.pages_forbidden,
        pages_failed=tally.pages_failed,
        seconds=round(seconds, 1),
        offline=tally.offline,
        interrupted=tally.interrupted,
        out_of_time=tally.out_of_time,
    )
