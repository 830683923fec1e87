"""What a request passes on its way out and its answer on the way back: who may be asked, what may
be asked, how often, and whether the answer is whole.

Comes in: every request, redirected ones too. Goes out: the request, or IgnoreRequest with the
reason in words. Nothing here reads pages or touches the database: the spider keeps what has to
outlast it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest, NotConfigured
from scrapy.http import Request
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

from crawlers import robots
from crawlers.answers import SLOW_DOWN, headers_of, shows_no_end
from crawlers.clock import clock
from crawlers.hosts import proxy_hosts, refusal, resolved_refusal
from crawlers.polling import held_until

if TYPE_CHECKING:
    from datetime import datetime

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

    from crawlers.robots import Verdict
    from storage.models import Robots


WAITING_DROPPED = object()  # a signal: nothing that still waits is to be asked
MOST_CODINGS = 5  # of one answer; curl unpacks as many


class HostRefusedError(IgnoreRequest):
    """Not a public host, or not http(s)."""


class RobotsForbiddenError(IgnoreRequest):
    """The site's robots.txt forbids this address."""


class RobotsUnknownError(IgnoreRequest):
    """The site's robots.txt could not be read, which RFC 9309 takes as a no to everything."""


class NotAskedError(IgnoreRequest):
    """The request was not sent; whatever it was for waits as before."""


class HostHeldError(NotAskedError):
    """The host has asked us to stay away for a while."""

    def __init__(self, host: str, until: datetime) -> None:
        super().__init__(f"{host} has asked us to stay away until {until:%Y-%m-%d %H:%M} UTC")
        self.until = until


class PackedTooOftenError(IgnoreRequest):
    """Nobody has a good reason to pack an answer so often."""


class CutShortError(IgnoreRequest):
    """Two answers for one address ended at different places, neither at its end."""


class ThroughProxy:
    """Sends every request through NEWSFOLD_PROXY."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ThroughProxy:
        proxy = crawler.settings.get("NEWSFOLD_PROXY")
        if not proxy:
            raise NotConfigured
        return cls(proxy)

    def process_request(self, request: Request) -> None:
        request.meta["proxy"] = self._proxy


class PublicHostsOnly:
    """Refuses what is not http(s), and hosts that are not public.

    Here names and literal addresses are checked; hosts.PublicResolver checks the addresses that
    names lead to. Through a proxy it is the proxy that resolves, so there only names count.
    """

    def __init__(self, *, public_only: bool, proxies: frozenset[str]) -> None:
        self._public_only = public_only
        self._proxies = proxies

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PublicHostsOnly:
        return cls(
            public_only=crawler.settings.getbool("NEWSFOLD_PUBLIC_HOSTS_ONLY"),
            proxies=proxy_hosts(crawler.settings),
        )

    def process_request(self, request: Request) -> None:
        url = urlparse_cached(request)
        if url.scheme not in ("http", "https"):
            raise HostRefusedError(f"{url.scheme} addresses are not fetched")
        if not self._public_only:
            return
        host = url.hostname or ""
        reason = f"{host} is our proxy" if host in self._proxies else refusal(host)
        if reason:
            raise HostRefusedError(f"{reason}; only public hosts are asked")

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Tell a name that the resolver refused from one that does not exist."""
        if self._public_only and isinstance(exception, CannotResolveHostError):
            reason = resolved_refusal(urlparse_cached(request).hostname or "")
            if reason:
                raise HostRefusedError(f"{reason}; only public hosts are asked") from exception


class ObeyRobots:
    """Lets no request by before its site's robots.txt is known; crawlers/robots.py says what that
    means. A spider with a database keeps these files, for the spiders and passes to come.

    Scrapy 2.14 to 2.19 let requests pass that wait while robots.txt loads: they share a Deferred,
    whose result the first of them takes away. Here they share a task, which answers all alike.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._now = clock(settings)
        self._name: str = settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"]
        self._timeout = settings.getfloat("NEWSFOLD_ROBOTS_TIMEOUT")
        self._max_delay = settings.getfloat("NEWSFOLD_MAX_CRAWL_DELAY")
        self._rules: dict[str, asyncio.Future[RobotParser | None]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ObeyRobots:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("dont_obey_robotstxt"):
            return
        rules = await self._rules_for(request)
        if rules and not rules.allowed(request.url, self._name):
            raise RobotsForbiddenError("robots.txt forbids it")

    async def _rules_for(self, request: Request) -> RobotParser | None:
        site = robots.site_of(request.url)
        if site not in self._rules:
            self._rules[site] = asyncio.ensure_future(self._load(site))
        # One that is cancelled must not take the answer from the others.
        return await asyncio.shield(self._rules[site])

    async def _load(self, site: str) -> RobotParser | None:
        spider: Any = self._crawler.spider
        kept: Robots | None = spider.robots_of(site) if hasattr(spider, "robots_of") else None
        if kept is not None and robots.is_fresh(kept, self._now()):
            return self._parsed(kept)
        verdict, error = await self._ask(site, kept)
        if verdict.kept != kept and hasattr(spider, "keep_robots"):
            spider.keep_robots(site, verdict.kept)
        if verdict.obeyed is None:
            raise RobotsUnknownError(verdict.reason) from error
        return self._parsed(verdict.obeyed)

    async def _ask(self, site: str, kept: Robots | None) -> tuple[Verdict, Exception | None]:
        """What becomes of a robots.txt that is not fresh, and the error when nothing answered.
        A host that is not to be asked at all is told as such."""
        request = self._request(site, kept)
        try:
            response = await self._crawler.engine.download_async(request)
        except (NotAskedError, HostRefusedError):
            raise
        except IgnoreRequest as error:
            return robots.unknown(kept, f"its robots.txt cannot be had: {error}", self._now()), None
        except Exception as error:  # the spider tells what it was, and whose
            reason = f"its robots.txt cannot be had: {error}"
            return robots.unknown(kept, reason, self._now()), error
        if response.status in SLOW_DOWN:
            host = urlparse_cached(request).hostname or ""
            raise HostHeldError(host, _until(response, self._now()))
        answer = robots.RobotsAnswer(response.status, headers_of(response), response.body)
        return robots.decide(site, kept, answer, self._now()), None

    def _request(self, site: str, kept: Robots | None) -> Request:
        validators = {
            "If-None-Match": kept.etag if kept else None,
            "If-Modified-Since": kept.last_modified if kept else None,
        }
        return Request(
            f"{site}/robots.txt",
            callback=NO_CALLBACK,
            headers={name: value for name, value in validators.items() if value},
            priority=1000,
            meta={
                "dont_obey_robotstxt": True,
                "dont_retry": True,
                "download_timeout": self._timeout,
            },
        )

    def _parsed(self, obeyed: Robots) -> RobotParser | None:
        if obeyed.body is None:
            return None
        rules = ProtegoRobotParser(obeyed.body, self._crawler.spider)
        self._slow_down(urlsplit(obeyed.site).hostname or "", rules)
        return rules

    def _slow_down(self, host: str, rules: RobotParser) -> None:
        """Keep the Crawl-delay of a site, where it is longer than ours."""
        asked = min(rules.crawl_delay(self._name) or 0.0, self._max_delay)
        downloader: Any = self._crawler.engine.downloader
        if asked <= self._crawler.settings.getfloat("DOWNLOAD_DELAY"):
            return
        # For slots to come (an idle one is thrown away after a minute), and for the present one.
        downloader.per_slot_settings[host] = {"delay": asked, "jitter": 0}
        slot = downloader.slots.get(host)
        if slot is not None:
            slot.delay, slot.jitter = asked, 0


class HoldHosts:
    """After 429 or 503 a host is left alone until the time that it named.

    A spider with a database keeps these times, for the spiders and passes to come.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._now = clock(crawler.settings)
        self._held: dict[str, datetime] = {}
        crawler.signals.connect(self.recall, signal=signals.spider_opened)
        # This signal comes before the next request to the host is sent; process_response after.
        crawler.signals.connect(self.hold, signal=signals.response_downloaded)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HoldHosts:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        # A redirected request carries the slot of the host that it came from: it must wait its
        # turn at the host that it goes to.
        request.meta.pop("download_slot", None)
        host = urlparse_cached(request).hostname or ""
        until = self._held.get(host)
        if until and self._now() < until:
            raise HostHeldError(host, until)

    def recall(self, spider: Any) -> None:
        if hasattr(spider, "held_hosts"):
            self._held = spider.held_hosts()

    def hold(self, response: Response, request: Request) -> None:
        if response.status not in SLOW_DOWN:
            return
        host, now = urlparse_cached(request).hostname or "", self._now()
        self._held[host] = max(_until(response, now), self._held.get(host, now))
        drop_waiting(self._crawler, HostHeldError(host, self._held[host]), host)
        spider: Any = self._crawler.spider
        if hasattr(spider, "host_held"):
            spider.host_held(host, self._held[host])


class FewCodings:
    """Refuses answers that are packed again and again: each layer is small, but ten thousand of
    them, which fit into a header, would hold up the crawl for half a minute."""

    def process_response(self, request: Request, response: Response) -> Response:
        named = b",".join(response.headers.getlist("Content-Encoding"))
        if named.count(b",") >= MOST_CODINGS:
            raise PackedTooOftenError("the answer is packed too many times")
        return response


class WholeAnswers:
    """A document without its end may have been cut on its way: it is asked for once more.

    Two answers of one length are believed; then the host is one that leaves the end out, and its
    other documents are not asked for twice.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._endless: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> WholeAnswers:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        host = urlparse_cached(request).hostname or ""
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if (
            response.status != 200
            or request.callback is NO_CALLBACK  # robots.txt
            or host in self._endless
            or not shows_no_end(response.body, kind)
        ):
            return response
        before = request.meta.get("newsfold_length")
        if before is None:
            meta = {**request.meta, "newsfold_length": len(response.body)}
            # Before what has not begun to wait: it will know then what the host is like.
            return request.replace(meta=meta, dont_filter=True, priority=request.priority + 1)
        if before != len(response.body):
            raise CutShortError("it was cut short: two answers ended at different places")
        self._endless.add(host)
        return response


def _until(response: Response, now: datetime) -> datetime:
    asked = (response.headers.get("Retry-After") or b"").decode("latin-1")
    return held_until(now, {"retry-after": asked})


def drop_waiting(crawler: Crawler, error: NotAskedError, host: str | None = None) -> None:
    """Fail the requests that wait for their turn at a host, or at any: they have passed all
    middlewares, so nothing else can hold them back."""
    slots: Any = crawler.engine.downloader.slots
    for key, slot in slots.items():
        if host is None or key == host:
            while slot.queue:
                _, waiting = slot.queue.popleft()
                waiting.errback(Failure(error))  # type: ignore[no-untyped-call]
    if host is None:  # what waits elsewhere, too
        crawler.signals.send_catch_log(signal=WAITING_DROPPED, error=error)
