"""An address comes in, the feed to poll for it comes out: itself, or one that its site has.

It asks as every crawl does (robots.txt, public hosts only, one request at a time), some ten
addresses at most, and ends with the first that is a feed. It stores nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from lxml import etree, html
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http.request import NO_CALLBACK
from w3lib.encoding import http_content_type_encoding

from crawlers import answers
from crawlers.characters import decode, one_line
from crawlers.clock import clock
from crawlers.crawl import crawl_settings, name_trusted_certificates
from crawlers.entries import (
    About,
    FeedError,
    absolute,
    nested_sitemaps,
    read_about,
    read_entries,
)
from crawlers.sources import LANGUAGE
from crawlers.spiders.base import explained, header
from crawlers.urls import same_site
from storage.robots import keep_robots, robots_of
from storage.sources import held_hosts, hold_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import FeedKind, Robots

MOST_REQUESTS = 10
MAX_NAME = 80  # characters of a feed's title that name a source
MOST_SITEMAPS = 2  # of those that robots.txt names
FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json")
WELL_KNOWN = ("/feed", "/rss", "/feed.xml", "/rss.xml", "/atom.xml", "/index.xml")
# In a path or a query: /rss, /feeds/all, news.rss, feed.json, ?feed=rss2; not /feedback.
_LOOKS_LIKE_FEED = re.compile(r"(^|[/._=-])(rss2?|atom|rdf|feeds?)([/._&-]|$)", re.IGNORECASE)
_COMMENTS = re.compile("comment|kommentar|commentaire|comentario", re.IGNORECASE)
_SITEMAP_LINE = re.compile(r"^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


class NotSeenError(Exception):
    """An address gave nothing to look at; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered."""

    url: str  # where the redirects ended
    body: bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that is a feed, or may be one."""

    url: str
    why: str  # how it was found, in words
    kind: FeedKind = "feed"
    title: str = ""


NOTHING_SAID = About()


@dataclass(frozen=True, slots=True)
class Found:
    """What was found at an address. Without a feed, `reason` says what was tried."""

    feed: Candidate | None = None
    about: About = NOTHING_SAID
    others: tuple[Candidate, ...] = ()  # not looked at
    reason: str = ""


async def find_feed(url: str, get: Callable[[str], Awaitable[Fetched]], now: datetime) -> Found:
    """The feed at an address, or on its site. `get` raises NotSeenError."""
    look = _Look(get, now)
    found = await look.at([Candidate(url, "the address itself")])
    if not look.pages:
        return found
    for _ in range(2):  # what looks like a feed may be a page that lists feeds
        if not found.feed:
            found = await look.at(look.candidates())
    if not found.feed:
        found = await look.at(await look.sitemaps(look.pages[0].url))
    if not found.feed:
        found = await look.at(_well_known(look.pages[0].url))
    if not found.feed:
        return Found(reason=f"no feed was found there, at {look.asked} addresses")
    rest = [each for each in look.candidates() if each.url != found.feed.url]
    return replace(found, others=tuple(rest))


class _Look:
    """One search: what it has asked, and the pages that it has seen."""

    def __init__(self, get: Callable[[str], Awaitable[Fetched]], now: datetime) -> None:
        self._get = get
        self._now = now
        self._seen: set[str] = set()
        self.asked = 0
        self.pages: list[Fetched] = []

    async def at(self, candidates: list[Candidate]) -> Found:
        """The first of these addresses that is a feed."""
        reason = ""
        for candidate in candidates:
            if candidate.url in self._seen:
                continue
            try:
                fetched = await self._fetch(candidate.url)
            except NotSeenError as error:
                reason = reason or str(error)
                continue
            kind = feed_kind(fetched, self._now)
            if kind:
                about = _about(fetched) if kind == "feed" else NOTHING_SAID
                return Found(replace(candidate, kind=kind), about)
            self.pages.append(fetched)
        return Found(reason=reason)

    async def _fetch(self, url: str) -> Fetched:
        if self.asked >= MOST_REQUESTS:
            raise NotSeenError("enough was asked of this site")
        self._seen.add(url)
        self.asked += 1
        return await self._get(url)

    def candidates(self) -> list[Candidate]:
        """What the pages seen so far name or link as feeds, the most likely first."""
        found: dict[str, Candidate] = {}
        for page in self.pages:
            for candidate in candidates_of(page):
                found.setdefault(candidate.url, candidate)
        return sorted(found.values(), key=_is_of_comments)

    async def sitemaps(self, url: str) -> list[Candidate]:
        """The news sitemaps that robots.txt names."""
        try:
            robots = await self._fetch(urljoin(url, "/robots.txt"))
        except NotSeenError:
            return []
        named = _SITEMAP_LINE.findall(robots.body[:500_000].decode("utf-8", "replace"))
        news = (absolute(url, each) for each in named if "news" in urlsplit(each).path.lower())
        found = [Candidate(each, "named by robots.txt", "sitemap") for each in news if each]
        return found[:MOST_SITEMAPS]


def _well_known(url: str) -> list[Candidate]:
    path = urlsplit(url).path.rstrip("/")
    paths = ([f"{path}/feed"] if path else []) + list(WELL_KNOWN)
    return [Candidate(urljoin(url, each), "where feeds often are") for each in paths]


def feed_kind(fetched: Fetched, now: datetime) -> FeedKind | None:
    """What kind of feed an answer is; None when it is none."""
    kinds: tuple[FeedKind, ...] = ("feed", "sitemap")
    for kind in kinds:
        try:
            listed = read_entries(
                fetched.body, fetched.url, kind, now=now, content_type=fetched.content_type
            )
            if kind == "feed" or listed or nested_sitemaps(fetched.body, fetched.url):
                return kind
        except FeedError:
            continue
    return None


def candidates_of(page: Fetched) -> Iterator[Candidate]:
    """The feeds that a page names (rel=alternate), then the links on it that look like feeds."""
    try:
        text = decode(page.body, http_content_type_encoding(page.content_type))
        document = html.document_fromstring(text.encode(), parser=_HTML)
    except (etree.LxmlError, ValueError):
        return
    base = urljoin(page.url, str(document.xpath("string(//base/@href)")))
    for link in document.iter("link"):
        url = absolute(base, link.get("href")) if _names_feed(link) else None
        if url:
            yield Candidate(url, "named by the page", title=one_line(link.get("title") or "", 100))
    for anchor in document.iter("a"):
        url = absolute(base, anchor.get("href"))
        if url and same_site(url, page.url) and _looks_like_feed(url):
            yield Candidate(url, "linked from the page", title=one_line(anchor.text_content(), 100))


def _names_feed(link: Any) -> bool:
    kind = (link.get("type") or "").partition(";")[0].strip().lower()
    # WordPress names each page's JSON as an alternate: only JSON that says feed is one.
    is_feed = kind in FEED_TYPES or (kind == "application/json" and "feed" in link.get("href", ""))
    return is_feed and bool({"alternate", "feed"} & set((link.get("rel") or "").lower().split()))


def _looks_like_feed(url: str) -> bool:
    parts = urlsplit(url)
    return bool(_LOOKS_LIKE_FEED.search(parts.path) or _LOOKS_LIKE_FEED.search(parts.query))


def _is_of_comments(candidate: Candidate) -> bool:
    return bool(_COMMENTS.search(candidate.title) or _COMMENTS.search(urlsplit(candidate.url).path))


def _about(fetched: Fetched) -> About:
    try:
        return read_about(fetched.body, fetched.url, fetched.content_type)
    except FeedError:
        return NOTHING_SAID


_HTML = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)


def source_words(found: Found, url: str) -> dict[str, str]:
    """What a source is told by: name, home and language as its feed has them, where it does."""
    about = found.about
    at_page = found.feed is not None and found.feed.url != url
    home = url if at_page else about.home if about.home and same_site(about.home, url) else None
    language = about.language if LANGUAGE.fullmatch(about.language or "") else None
    given = {"name": about.title[:MAX_NAME].strip(), "home": home, "language": language}
    return {key: value for key, value in given.items() if value}


# Over the network


def discover(db: Database, url: str, settings: Mapping[str, Any] | None = None) -> Found:
    """find_feed through the crawler's own way out; hosts that asked to be left alone, as the
    database knows, are. Can be called once in a process, and not beside crawl()."""
    chosen = crawl_settings(settings)
    chosen.set("ITEM_PIPELINES", {}, priority="cmdline")
    name_trusted_certificates()
    outcome: list[Found | Exception] = []
    process = AsyncCrawlerProcess(chosen)
    process.crawl(_Discovery, db=db, url=url, outcome=outcome)
    process.start()
    if not outcome:
        raise KeyboardInterrupt
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


class _Discovery(Spider):
    name = "discovery"

    def __init__(
        self, db: Database, url: str, outcome: list[Found | Exception], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.db = db
        self.url = url
        self.outcome = outcome

    def now(self) -> datetime:
        return clock(self.crawler.settings)()

    def robots_of(self, site: str) -> Robots | None:
        return robots_of(self.db, site)

    def keep_robots(self, site: str, robots: Robots | None) -> None:
        keep_robots(self.db, site, robots)

    def held_hosts(self) -> dict[str, datetime]:
        return held_hosts(self.db, self.now())

    def host_held(self, host: str, until: datetime) -> None:
        hold_host(self.db, host, until, self.now())

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.outcome.append(await find_feed(self.url, self._get, self.now()))
        except Exception as error:
            self.outcome.append(error)
        return
        yield  # an iterator, as Scrapy wants it, without requests of its own

    async def _get(self, url: str) -> Fetched:
        is_robots = urlsplit(url).path == "/robots.txt"  # asked for what it names
        meta = {"dont_retry": True, "dont_obey_robotstxt": is_robots}
        request = Request(url, callback=NO_CALLBACK, dont_filter=True, meta=meta)
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:
            raise NotSeenError(explained(error)) from error
        if response.status != 200:
            raise NotSeenError(answers.explained(response.status))
        return Fetched(response.url, response.body, header(response, "Content-Type"))
