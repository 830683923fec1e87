"""The asker's side: a Scrapy download handler that gives requests to crawlers and awaits answers.

Comes in: a request whose turn it is, by all rules of crawlers/settings.py. Goes out: its answer, or
what the crawler's fetch failed with. The database is the truth: what it does not hold is asked for
again, so that a pass may be killed anywhere. Answers that a killed pass has not read are taken over
by the next one, and tasks that Redis has lost are submitted again.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from scrapy.exceptions import DownloadCancelledError

from crawlers.middlewares import WAITING_DROPPED, NotAskedError
from crawlers.shared import address
from crawlers.shared.queue import OLD, Answered, Queue
from crawlers.shared.wire import Task, response_of, task_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from storage.errors import NewsfoldError

LOOK_EVERY = 1.0  # seconds between two looks whether crawlers are there and no task was lost
BLOCK = 500  # milliseconds that a read waits for answers


@dataclass
class _Awaited:
    task: Task
    answer: asyncio.Future[Answered]
    since: float = field(default_factory=time.monotonic)


class AskCrawlers:
    """Scrapy makes one for each scheme; each has its own stream of answers."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._most_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._late = settings.getfloat("NEWSFOLD_CRAWLER_LATE")
        self._patience = settings.getfloat("NEWSFOLD_QUEUE_PATIENCE")
        self._url: str = settings["NEWSFOLD_QUEUE"]
        self._answers: str = settings["NEWSFOLD_QUEUE_ANSWERS"]
        self._queue = Queue(self._url)
        self._awaited: dict[str, _Awaited] = {}
        self._before: set[str] = set()  # under way for an earlier pass
        self._early: dict[str, Answered] = {}  # answers that nobody has asked for yet
        self._last = "0"  # the answer that was read last
        self._oldest = 0  # milliseconds: what came before nobody waits for any more
        self._done: list[str] = []  # answers that Redis may forget
        self._work: asyncio.Task[None] | None = None
        self._began = asyncio.Event()
        self._closed = False
        self._ending: NotAskedError | None = None  # why nothing more is asked
        self._ended = 0.0  # since when
        self._seen = 0.0  # when a crawler was last there
        crawler.signals.connect(self.withdraw, signal=WAITING_DROPPED)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> AskCrawlers:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        if self._work is None:
            self._answers += f":{urlsplit(request.url).scheme}"
            self._work = asyncio.ensure_future(self._work_on())
        task = task_of(request, timeout=self._timeout, gap=self._gap(request))
        answer = await self._ask(task)
        if len(answer.body) > self._most_bytes:
            raise DownloadCancelledError(f"{len(answer.body)} bytes")
        return response_of(answer.head, answer.body, request)

    async def close(self) -> None:
        self._closed = True
        if self._work:
            self._work.cancel()  # which a reply that comes at that moment may swallow
            await asyncio.wait([self._work])
        await self._queue.close()

    def withdraw(self, error: NotAskedError) -> None:
        """Nothing more is to be asked: take back what no crawler has taken yet."""
        if self._ending is None:
            self._ending, self._ended = error, time.monotonic()
        if self._awaited:
            self._withdrawing = asyncio.ensure_future(self._withdraw())

    def _gap(self, request: Request) -> float:
        """The shortest pause that the rules would make after this request."""
        downloader: Any = self._crawler.engine.downloader if self._crawler.engine else None
        slot = downloader.slots[request.meta["download_slot"]]
        return max(0.0, float(slot.delay * (1 - slot.jitter)))

    async def _ask(self, task: Task) -> Answered:
        await self._began.wait()
        if self._ending:
            raise self._ending
        same = self._awaited.get(task.id)
        if same:
            return await asyncio.shield(same.answer)
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._awaited[task.id] = _Awaited(task, answer)
        early = self._early.pop(task.id, None)
        if early:
            self._deliver(early)
        elif task.id in self._before:
            self._before.remove(task.id)
        else:
            with suppress(RedisError, OSError):  # then it is submitted at the next look
                await self._queue.submit(task, self._answers)
        return await answer

    async def _work_on(self) -> None:
        try:
            await self._keep_reading()
        except Exception as error:  # whoever awaits an answer would wait for ever
            self._give_up(address.unusable(self._url, error))
            raise

    async def _keep_reading(self) -> None:
        """Deliver answers as they come. Redis may be away for a while."""
        self._seen = looked = good = time.monotonic()
        while not self._closed:
            try:
                if not self._began.is_set():
                    await self._begin()
                await self._read(block=BLOCK)
                if time.monotonic() - looked > LOOK_EVERY:
                    looked = time.monotonic()
                    await self._look()
                    good = time.monotonic()
            except (RedisError, OSError) as error:
                if time.monotonic() - good > self._patience:
                    self._give_up(address.unusable(self._url, error))
                    return
                await asyncio.sleep(BLOCK / 1000)

    async def _begin(self) -> None:
        await self._queue.join()
        self._oldest = await self._queue.milliseconds() - int(OLD * 1000)
        self._before = await self._queue.under_way(self._answers)
        await self._read_all()  # what an earlier pass has left
        self._began.set()

    async def _read(self, *, block: int | None) -> bool:
        """Whether there were answers to read."""
        found = await self._queue.read(self._answers, self._last, block=block)
        for answered in found:
            self._last = answered.entry
            self._deliver(answered)
        if self._done:
            await self._queue.forget(self._answers, *self._done)
            self._done.clear()
        return bool(found)

    async def _read_all(self) -> None:
        while await self._read(block=None):
            pass

    def _deliver(self, answered: Answered) -> None:
        """Hand an answer to who awaits it; another is kept as long as it is fresh, and no more of
        them than a pass asks for."""
        awaited = self._awaited.pop(answered.task, None)
        fresh = answered.milliseconds > self._oldest and len(self._early) < address.IN_FLIGHT
        if awaited is None and fresh:
            self._early[answered.task] = answered
            return
        self._done.append(answered.entry)
        if awaited and not awaited.answer.done():
            awaited.answer.set_result(answered)

    async def _look(self) -> None:
        """Whether crawlers are there, and whether every task that is awaited is under way."""
        now = time.monotonic()
        if self._ending and now - self._ended > self._patience:
            self._fail_all(self._ending)  # a crawler may wait long for a host; its answer is kept
            return
        waiting = {id_ for id_, each in self._awaited.items() if now - each.since > LOOK_EVERY}
        if not waiting or await self._queue.crawlers(self._late):
            self._seen = now
        elif now - self._seen > self._patience:
            self._give_up(address.nobody_there(self._url, self._patience))
            return
        if not waiting:
            return
        under_way = await self._queue.under_way(self._answers)
        await self._read_all()  # a task that is not under way has its answer here, or is lost
        for id_ in (waiting - under_way) & set(self._awaited):
            if self._ending:
                self._fail(id_, self._ending)
            else:
                await self._queue.submit(self._awaited[id_].task, self._answers)

    async def _withdraw(self) -> None:
        assert self._ending is not None  # set by who calls this
        try:
            taken = await self._queue.withdraw(self._awaited)
        except (RedisError, OSError):
            taken = set()
        for id_ in set(self._awaited) - taken:
            self._fail(id_, self._ending)

    def _give_up(self, error: NewsfoldError) -> None:
        self._ending = NotAskedError(str(error))
        self._began.set()
        self._fail_all(self._ending)
        spider: Any = self._crawler.spider
        spider.give_up(error)

    def _fail_all(self, error: NotAskedError) -> None:
        for id_ in list(self._awaited):
            self._fail(id_, error)

    def _fail(self, id_: str, error: NotAskedError) -> None:
        awaited = self._awaited.pop(id_, None)
        if awaited and not awaited.answer.done():
            awaited.answer.set_exception(error)
