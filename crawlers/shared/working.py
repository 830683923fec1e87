"""A crawler's side: tasks come in from the queue, what the web answers goes back to it.

It knows no database and decides nothing; the spiders do, where the database is. It refuses hosts
that are not public, since only it learns where their names lead, bounds what it reads, and asks no
host without its lease. Killed anywhere, it leaves its tasks to the other crawlers.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from redis.exceptions import LockError, RedisError
from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import IgnoreRequest

from crawlers.crawl import crawl_settings, name_trusted_certificates
from crawlers.shared import address, wire
from crawlers.shared.queue import MOST_DELIVERIES, OLD, Queue, Taken, give_back, host_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from redis.asyncio.lock import Lock
    from scrapy.crawler import Crawler
    from scrapy.settings import Settings

BLOCK = 500  # milliseconds that a look for tasks waits
AT_ONCE = 4  # tasks taken at a time, so that crawlers share what there is
PAUSE = 1.0  # seconds, while Redis is away
STRANGE_EVERY = 100  # tasks that are none, between two words about them
# All of the rules have been applied where the database is; these are a crawler's own.
SETTINGS: dict[str, Any] = {
    "ROBOTSTXT_OBEY": False,
    "DOWNLOADER_MIDDLEWARES_BASE": {
        "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750
    },
    "DOWNLOADER_MIDDLEWARES": {
        "crawlers.middlewares.ThroughProxy": 40,
        "crawlers.middlewares.PublicHostsOnly": 50,
    },
    "DOWNLOAD_DELAY": 0,  # the lease of a host keeps it
    "ITEM_PIPELINES": {},
}


def work(
    url: str,
    *,
    settings: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> int:
    """Fetch what the queue at `url` asks for, until SIGTERM or Ctrl-C: what is being fetched is
    finished then. How many requests were answered. Raises NewsfoldError when Redis stays away."""
    chosen = crawl_settings({**SETTINGS, **(settings or {})})
    name_trusted_certificates()
    hands = Hands(url, chosen, say)
    process = _Process(chosen)
    process.hands = hands
    crawling: Any = process.crawl(Worker, hands=hands)
    process.start()
    if hands.failure:
        raise hands.failure
    if crawling.done():
        crawling.result()  # raises what went wrong before it began
    return hands.answered


class _Process(AsyncCrawlerProcess):
    hands: Hands

    async def stop(self) -> None:
        """SIGTERM or Ctrl-C: no more tasks are taken; those in hand are finished."""
        self.hands.stop()
        if self.hands.began:
            await self.hands.ended.wait()
        await super().stop()


class Worker(Spider):
    """A spider without a start of its own: it gives Scrapy's way of fetching to Hands."""

    name = "worker"

    def __init__(self, hands: Hands, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hands = hands

    async def start(self) -> AsyncIterator[Any]:
        await self.hands.work(self.crawler)
        return
        yield  # a generator, as Scrapy wants it


class Hands:
    """What one crawler has in hand."""

    def __init__(self, url: str, settings: Settings, say: Callable[[str], None]) -> None:
        self.answered = 0
        self._dropped = 0  # tasks that are none
        self.failure: Exception | None = None
        self.began = False
        self.ended = asyncio.Event()
        self._url = url
        self._say = say
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._seats = settings.getint("CONCURRENT_REQUESTS")
        self._late = settings.getfloat("NEWSFOLD_CRAWLER_LATE")
        self._patience = settings.getfloat("NEWSFOLD_QUEUE_PATIENCE")
        self._running: dict[asyncio.Task[None], str] = {}  # each with its entry in the stream
        self._leases: set[Lock] = set()
        self._stopping = asyncio.Event()
        self._good = time.monotonic()  # when Redis was last there

    def stop(self) -> None:
        self._stopping.set()

    async def work(self, crawler: Crawler) -> None:
        """Until it is stopped, or Redis stays away."""
        self.began = True
        self._crawler = crawler
        self._queue = Queue(self._url)
        beating = asyncio.ensure_future(self._keep_beating())
        try:
            await self._keep_taking()
            if self._running and not self.failure:
                await asyncio.wait(self._running)
            with suppress(RedisError, OSError):
                await self._queue.leave(self._name)
        except Exception as error:
            self.failure = error  # Scrapy would only log it
        finally:
            beating.cancel()
            for task in self._running:
                task.cancel()
            await self._queue.close()
            self.ended.set()

    async def _keep_taking(self) -> None:
        joined = False
        while not self._stopping.is_set():
            try:
                if not joined:
                    await self._queue.join()
                    await self._queue.beat(self._name, (), self._late)
                    joined = True
                    self._say(f"at {address.shown(self._url)}, waiting for tasks")
                await self._take()
                self._good = time.monotonic()
            except (RedisError, OSError) as error:
                joined = False  # it may have come back without its data
                if time.monotonic() - self._good > self._patience:
                    self.failure = address.unusable(self._url, error)
                    return
                await asyncio.sleep(PAUSE)

    async def _take(self) -> None:
        free = min(self._seats - len(self._running), AT_ONCE)
        if free <= 0:
            await asyncio.wait(self._running, timeout=PAUSE, return_when=asyncio.FIRST_COMPLETED)
            return
        inherited = await self._queue.inherit(self._name, free, self._late)
        for taken, deliveries in inherited:
            self._begin(taken, deliveries)
        if not inherited:
            for taken in await self._queue.take(self._name, free, block=BLOCK):
                self._begin(taken, 0)

    def _begin(self, taken: Taken, deliveries: int) -> None:
        if taken.entry in self._running.values():
            return  # Redis was away so long that it was late
        task = asyncio.ensure_future(self._tried(taken, deliveries))
        self._running[task] = taken.entry
        task.add_done_callback(self._running.pop)

    async def _tried(self, taken: Taken, deliveries: int) -> None:
        with suppress(RedisError, OSError):
            try:
                task = wire.unpacked(taken.packed)
            except wire.StrangeError as error:
                await self._queue.drop(taken)
                self._dropped += 1
                if self._dropped % STRANGE_EVERY == 1:
                    self._say(f"dropped what is {error}; {self._dropped} so far")
                return
            await self._do(taken, task, deliveries)

    async def _do(self, taken: Taken, task: wire.Task, deliveries: int) -> None:
        if deliveries >= MOST_DELIVERIES:
            error = IgnoreRequest(f"given up: {deliveries} crawlers have died over it")
            await self._until_done(lambda: self._queue.answer(taken, *wire.failed(error)))
            return
        if await self._until_done(self._queue.milliseconds) - taken.milliseconds > OLD * 1000:
            await self._until_done(lambda: self._queue.drop(taken))
            return
        lease = self._queue.lease(host_of(task.url), self._late)
        while not await self._until_done(partial(lease.acquire, blocking_timeout=PAUSE)):
            if self._stopping.is_set():
                await self._queue.leave_to_others(self._name, taken, deliveries)
                return
        self._leases.add(lease)
        began = time.monotonic()
        try:
            head, body = await self._fetch(task)
            ours = await self._until_done(lambda: self._queue.answer(taken, head, body))
            self.answered += bool(ours)
        finally:
            self._leases.discard(lease)
            with suppress(RedisError, OSError):  # then it ends by itself
                await give_back(lease, task.gap - (time.monotonic() - began))

    async def _fetch(self, task: wire.Task) -> tuple[bytes, bytes]:
        assert self._crawler.engine is not None  # it has started the spider
        try:
            return wire.answered(await self._crawler.engine.download_async(wire.request_of(task)))
        except Exception as error:
            return wire.failed(error)

    async def _until_done(self, step: Callable[[], Any]) -> Any:
        """Do a step with Redis, again and again while that is away; what was fetched is not to be
        fetched twice."""
        while True:
            try:
                return await step()
            except (RedisError, OSError):
                if self._stopping.is_set():
                    raise  # it is left to the others
                await asyncio.sleep(PAUSE)

    async def _keep_beating(self) -> None:
        """Be seen, and keep what is in hand, as long as this process lives."""
        while True:
            await asyncio.sleep(self._late / 5)
            with suppress(RedisError, OSError):
                await self._queue.beat(self._name, list(self._running.values()), self._late)
                for lease in list(self._leases):
                    if lease in self._leases:  # it may have been given back meanwhile
                        with suppress(LockError):
                            await lease.extend(self._late, replace_ttl=True)
