"""Many crawlers for one database: a real Redis, a web on loopback, and processes that are killed.

Skipped where there is no Redis (apt-get install redis-server, or valkey-server).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import shlex
import signal
import time
from collections import Counter
from functools import partial
from itertools import pairwise
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from loopback import Reply, Web, article, rows, rss, save_feeds, serve, start_crawl
from scrapy import Request
from scrapy.exceptions import DownloadTimeoutError, IgnoreRequest
from scrapy.http import HtmlResponse
from test_faults import (  # noqa: F401 - untroubled is a fixture
    FEEDS,
    MOST_PASSES,
    Passes,
    fill,
    outcome,
    trouble,
    untroubled,
)

from crawlers.middlewares import HostRefusedError
from crawlers.shared import wire
from crawlers.shared.address import check, settings_for, shown
from crawlers.shared.queue import MOST_DELIVERIES, Queue
from pipeline.cli import cli
from storage.errors import NewsfoldError
from storage.models import Feed
from tests.processes import ROOT, Started
from tests.redis_server import PROGRAM, RedisServer, serve_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server")

LATE = 4.0  # seconds until a crawler that says nothing is taken for dead
DELAY = 0.3
WORK = """
import json, sys
from crawlers.shared.working import work
print(work(sys.argv[1], settings=json.loads(sys.argv[2])))
"""
RUN = """
import json, sys
from pathlib import Path
from crawlers import extraction
from crawlers.shared.address import settings_for
from pipeline.output import Voice
from pipeline.passes import run_pass
from storage.times import from_iso
extraction._processes = lambda *_: 0
database, queue, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if queue:
    settings |= settings_for(queue, Path(database)) | settings
run_pass(
    Path(database),
    voice=Voice(quiet=True),
    now=lambda: from_iso(settings["NEWSFOLD_NOW"]),
    settings=settings,
)
"""


def crawler(redis: RedisServer, web: Web, **settings: Any) -> Started:
    """`newsfold worker`."""
    chosen = {"NEWSFOLD_PROXY": web.address, "NEWSFOLD_CRAWLER_LATE": LATE, **settings}
    return Started(WORK, redis.url, json.dumps(chosen))


def crawl_through(redis: RedisServer, database: Path, **settings: Any) -> Started:
    """A crawl that leaves fetching to others."""
    return start_through(redis, database, settings)


def start_through(
    redis: RedisServer, database: Path, settings: dict[str, Any] | None = None, **more: Any
) -> Started:
    usual = {"NEWSFOLD_CRAWLER_LATE": LATE, "NEWSFOLD_QUEUE_PATIENCE": 20}
    chosen = settings_for(redis.url, database) | usual | (settings or {})
    return start_crawl(database, None, settings=chosen, **more)


def stop(process: Started) -> int:
    """SIGTERM; how many requests a crawler says that it has answered."""
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(30)
    assert process.returncode == 0, errors
    return int(output)


def done(process: Started) -> dict[str, Any]:
    output, errors = process.communicate(60)
    assert process.returncode == 0, errors
    report: dict[str, Any] = json.loads(output)
    return report


def until(happened: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with serve_redis() as server:
        yield server


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as served:
        yield served


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "news.db"


class Blocked:
    """A page that answers when it is told to."""

    def __init__(self, web: Web, url: str) -> None:
        self.url = url
        self._web = web
        self._open = Event()
        web.pages[url] = self._answer

    def _answer(self, _: dict[str, str]) -> Reply:
        self._open.wait(60)
        return Reply(article("The one that waits"))

    def is_asked(self) -> bool:
        return self.url in self._web.urls()

    def release(self) -> None:
        self._open.set()


def sources(web: Web, database: Path, *, hosts: int, pages: int) -> list[str]:
    """So many feeds of so many pages; the addresses of the pages."""
    told: list[str] = []
    for host in (f"host{number}.test" for number in range(hosts)):
        links = [f"http://{host}/{number}" for number in range(pages)]
        web.add(f"http://{host}/feed", rss(*((f"Story at {link}", link) for link in links)))
        for link in links:
            web.add(link, article(f"Story at {link}"))
        save_feeds(database, Feed(f"http://{host}/feed", host))
        told += links
    return told


def fetched(database: Path) -> set[str]:
    return {
        row["url"] for row in rows(database, "SELECT url FROM entries WHERE status = 'fetched'")
    }


# Two crawlers


class Shared(NamedTuple):
    web: Web
    answered: list[int]
    left: int
    outcome: dict[str, Any]
    alone: dict[str, Any]


def also_busy(web: Web) -> tuple[Feed, ...]:
    """A host that asks to be left alone, beside the web of test_faults.py."""
    links = [(f"Busy {number}", f"http://busy.test/{number}") for number in range(4)]
    web.add("http://busy.test/feed", rss(*links))
    for _, link in links:
        web.add(link, status=429, Retry_After="7200")
    return (*FEEDS, Feed("http://busy.test/feed", "busy"))


def run_over(database: Path, redis: RedisServer | None, web: Web, *, slowly: bool) -> Started:
    fill(web)
    save_feeds(database, *also_busy(web))
    for url, reply in web.pages.items():
        if slowly and isinstance(reply, Reply):
            web.pages[url] = Reply(reply.body, reply.status, reply.headers, wait=0.1)
    settings = {"DOWNLOAD_DELAY": DELAY, "NEWSFOLD_NOW": "2026-11-20T12:00:00Z"}
    if redis is None:
        settings |= {"NEWSFOLD_PROXY": web.address, "DOWNLOAD_DELAY": 0.01}
    return Started(RUN, str(database), redis.url if redis else "", json.dumps(settings))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    with serve() as other:
        alone = run_over(folder / "alone.db", None, other, slowly=False)
        _, errors = alone.communicate()
        assert alone.returncode == 0, errors
    with serve() as web, serve_redis() as redis:
        crawlers = [crawler(redis, web) for _ in range(2)]
        until(lambda: redis.client.zcard("newsfold:crawlers") == 2, "both crawlers are there")
        writer = run_over(folder / "news.db", redis, web, slowly=True)
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors
        answered = [stop(each) for each in crawlers]
        found = outcome(folder / "news.db"), outcome(folder / "alone.db")
        yield Shared(web, answered, redis.queued(), *found)


@pytest.mark.long
@needs_redis
def test_both_crawlers_fetch_and_nothing_is_left_in_redis(shared: Shared) -> None:
    assert min(shared.answered) > 0
    assert sum(shared.answered) == len(shared.web.asked)
    assert shared.left == 0


@pytest.mark.long
@needs_redis
def test_every_address_is_asked_once_between_them(shared: Shared) -> None:
    asked = Counter(shared.web.urls())
    # A redirect leads here, as it does for a single machine; nothing else is asked twice.
    twice = {url for url, times in asked.items() if times > 1}
    assert twice <= {"http://source1.test/owl"}
    assert len([url for url in asked if url.endswith("/robots.txt")]) == len(
        {urlsplit(url).hostname for url in asked}
    )


@pytest.mark.long
@needs_redis
def test_no_host_is_asked_by_two_at_a_time_nor_without_its_pause(shared: Shared) -> None:
    spans: dict[str, list[tuple[float, float]]] = {}
    for begin, end, url in sorted(shared.web.spans):
        spans.setdefault(urlsplit(url).hostname or "", []).append((begin, end))
    pairs = [pair for each in spans.values() for pair in pairwise(each)]
    assert len(pairs) > 10
    assert {headers["connection"] for _, _, headers in shared.web.asked} == {"close"}
    for (begin, end), (next_begin, _) in pairs:
        assert end <= next_begin
        assert next_begin - begin > DELAY * 0.4  # Scrapy varies it by half; and a busy machine


@pytest.mark.long
@needs_redis
def test_a_host_that_asks_to_be_left_alone_is_left_alone_by_both(shared: Shared) -> None:
    pages = [url for url in shared.web.urls() if url.startswith("http://busy.test/")]
    assert sum(url[-1].isdigit() for url in pages) == 1


@pytest.mark.long
@needs_redis
def test_what_comes_of_it_is_what_one_machine_makes(shared: Shared) -> None:
    assert len(shared.outcome["stories"]) > 10
    assert shared.outcome == shared.alone


# Deaths


class Middle(NamedTuple):
    """A crawl in its middle: one of these pages is being fetched, and waits to be released."""

    links: list[str]
    late: Blocked
    crawler: Started
    writer: Started


def in_the_middle(redis: RedisServer, web: Web, database: Path, **settings: Any) -> Middle:
    links = sources(web, database, hosts=3, pages=3)
    late = Blocked(web, links[0])
    one = crawler(redis, web, **settings)
    until(lambda: redis.client.zcard("newsfold:crawlers") == 1, "the crawler is there")
    writer = crawl_through(redis, database, **settings)
    until(late.is_asked, "the page is being fetched")
    return Middle(links, late, one, writer)


@needs_redis
def test_the_tasks_of_a_killed_crawler_go_to_another(
    redis: RedisServer, web: Web, database: Path
) -> None:
    links, late, killed, writer = in_the_middle(redis, web, database)
    killed.kill()
    other = crawler(redis, web)
    late.release()
    assert done(writer)["pages_stored"] == len(links)
    assert fetched(database) == set(links)
    asked = Counter(web.urls())
    assert asked[late.url] == 2  # once by the one that was killed over it
    assert stop(other) > 0
    assert redis.queued() == 0


@pytest.mark.long
@needs_redis
def test_a_crawler_that_is_told_to_stop_finishes_what_it_has_in_hand(
    redis: RedisServer, web: Web, database: Path
) -> None:
    links = sources(web, database, hosts=1, pages=2)
    last = Blocked(web, links[1])
    one = crawler(redis, web)
    writer = crawl_through(redis, database)
    until(last.is_asked, "the page is being fetched")
    one.send_signal(signal.SIGTERM)
    last.release()
    assert done(writer)["pages_stored"] == 2
    output, errors = one.communicate(30)
    assert (one.returncode, int(output)) == (0, len(web.asked)), errors
    assert redis.client.zcard("newsfold:crawlers") == 0


@pytest.mark.long
@needs_redis
def test_what_waits_for_its_host_goes_to_others_when_a_crawler_is_told_to_stop(
    redis: RedisServer, web: Web
) -> None:
    web.add("http://a.test/1", article("The one that waits"))
    redis.client.set("newsfold:host:a.test", "another crawler's", ex=600)
    one = crawler(redis, web)
    in_queue(redis, lambda queue: queue.submit(task("http://a.test/1"), "answers"))
    taken = partial(redis.client.xpending_range, "newsfold:tasks", "crawlers", "-", "+", 9)
    until(taken, "the task is taken")
    assert stop(one) == 0
    assert [row["times_delivered"] for row in taken()] == [0]  # nobody has died over it
    other = crawler(redis, web, NEWSFOLD_CRAWLER_LATE=600)  # it need not be taken for dead
    redis.client.delete("newsfold:host:a.test")
    until(lambda: redis.client.xlen("answers"), "it is answered")
    assert stop(other) == 1


@needs_redis
def test_a_killed_writer_finds_what_was_fetched_meanwhile(
    redis: RedisServer, web: Web, database: Path
) -> None:
    links, late, one, writer = in_the_middle(redis, web, database)
    until(lambda: fetched(database) > set(links[3:]), "the pages of other hosts are stored")
    writer.kill()
    writer.wait()
    late.release()
    until(lambda: redis.client.xlen("newsfold:tasks") == 0, "the page is in Redis")
    done(crawl_through(redis, database))
    assert fetched(database) == set(links)
    asked = Counter(web.urls())
    assert {asked[link] for link in links} == {1}
    stop(one)


@pytest.mark.long
@needs_redis
def test_redis_may_lose_everything_in_the_middle(
    redis: RedisServer, web: Web, database: Path
) -> None:
    links, late, one, writer = in_the_middle(redis, web, database)
    redis.kill()
    late.release()
    redis.start()
    assert done(writer)["pages_stored"] == len(links)
    assert fetched(database) == set(links)
    stop(one)


@pytest.mark.long
@needs_redis
def test_when_redis_stays_away_all_say_so_and_the_next_pass_goes_on(
    redis: RedisServer, web: Web, database: Path
) -> None:
    links, late, one, writer = in_the_middle(redis, web, database, NEWSFOLD_QUEUE_PATIENCE=3)
    redis.kill()
    for process in (writer, one):
        _, errors = process.communicate(30)
        assert process.returncode == 1
        assert f"NewsfoldError: redis://127.0.0.1:{redis.port}/0 cannot be used" in (
            errors.replace("storage.errors.", "").replace("\n", " ")
        )
    assert rows(database, "SELECT max(attempts) AS most FROM entries WHERE status = 'waiting'") == [
        {"most": 0}
    ]
    late.release()
    redis.start()
    other = crawler(redis, web)
    done(crawl_through(redis, database))
    assert fetched(database) == set(links)
    stop(other)


@needs_redis
def test_without_any_crawler_it_is_said_how_to_start_one(
    redis: RedisServer, web: Web, database: Path
) -> None:
    sources(web, database, hosts=1, pages=1)
    writer = crawl_through(redis, database, NEWSFOLD_QUEUE_PATIENCE=1)
    _, errors = writer.communicate(30)
    assert writer.returncode == 1
    assert "start one, on any machine, with: newsfold worker redis://127.0.0.1" in errors
    [feed] = rows(database, "SELECT failures, last_error FROM feeds")
    assert feed == {"failures": 0, "last_error": None}


@needs_redis
def test_what_no_crawler_has_taken_when_time_is_up_is_taken_back(
    redis: RedisServer, web: Web, database: Path
) -> None:
    sources(web, database, hosts=2, pages=1)
    report = done(start_through(redis, database, seconds=2))
    assert report["out_of_time"]
    assert not report["feeds_failed"]
    assert redis.queued() == 0


@pytest.mark.long
@needs_redis
def test_redis_holds_no_more_than_the_requests_in_flight(
    redis: RedisServer, web: Web, database: Path
) -> None:
    pages = sources(web, database, hosts=6, pages=2)
    blocked = [Blocked(web, url) for url in pages[::2]]
    one = crawler(redis, web)
    writer = crawl_through(redis, database, CONCURRENT_REQUESTS=3)
    most = 0

    def all_that_may_be_asked() -> bool:
        nonlocal most
        most = max(most, redis.queued())
        return sum(each.is_asked() for each in blocked) == 3

    until(all_that_may_be_asked, "three pages are being fetched")
    assert redis.queued() == 3
    for each in blocked:
        each.release()
    done(writer)
    assert most <= 3
    assert fetched(database) == set(pages)
    stop(one)


@pytest.mark.long
@needs_redis
def test_a_full_redis_is_told_as_such(redis: RedisServer, web: Web, database: Path) -> None:
    sources(web, database, hosts=1, pages=1)
    redis.client.config_set("maxmemory", "1")
    writer = crawl_through(redis, database, NEWSFOLD_QUEUE_PATIENCE=1)
    _, errors = writer.communicate(30)
    assert writer.returncode == 1
    assert "Redis is full" in errors
    assert "give it more maxmemory" in errors


THROUGH = """
from crawlers.shared.address import settings_for
given["settings"] |= settings_for({url!r}, Path(given["database"])) | {more!r}
"""


@pytest.mark.long
@needs_redis
def test_faults_and_kills_of_all_change_nothing_in_the_end(
    untroubled: dict[str, Any],  # noqa: F811
    redis: RedisServer,
    web: Web,
    database: Path,
) -> None:
    """As in test_faults.py, where 30 % of answers fail; crawlers, passes and Redis are killed."""
    fill(web)
    happened = trouble(web, 0)
    save_feeds(database, *FEEDS)
    chance = random.Random(0)
    crawlers = [crawler(redis, web) for _ in range(2)]
    passes = Passes(database, web)
    more = {"NEWSFOLD_CRAWLER_LATE": LATE}
    before = THROUGH.format(url=redis.url, more=more)
    killed = done = 0
    while done < MOST_PASSES and outcome(database) != untroubled:
        victim = Timer(chance.uniform(0.3, 2), crawlers[0].kill)
        victim.start()
        if killed < 3 and passes.run(kill_after=chance.uniform(0.5, 3), before=before):
            killed += 1
        else:
            passes.run(before=before)
            done += 1
        victim.join()
        crawlers = [crawlers[1], crawler(redis, web)]
        if done % 4 == 3:
            redis.kill()
            redis.start()
    print(f"{killed} passes killed, {done} done; answers: {dict(happened)}")
    assert outcome(database) == untroubled
    assert happened["none"]
    assert len(happened) > 4
    for each in crawlers:
        each.kill()


# The queue by itself


def in_queue(redis: RedisServer, steps: Callable[[Queue], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        queue = Queue(redis.url)
        await queue.join()
        try:
            await steps(queue)
        finally:
            await queue.close()

    asyncio.run(run())


def task(url: str = "http://a.test/1") -> wire.Task:
    return wire.Task(url, (), timeout=5.0, gap=0.0)


@needs_redis
def test_of_two_answers_to_one_task_the_first_counts(redis: RedisServer) -> None:
    async def steps(queue: Queue) -> None:
        await queue.submit(task(), "answers")
        [taken] = await queue.take("slow", 5, block=100)
        assert await queue.inherit("other", 5, 60) == []  # nobody is late yet
        [(again, times)] = await queue.inherit("other", 5, 0)
        assert (again, times) == (taken, 1)
        assert await queue.answer(again, b"{}", b"other")
        assert not await queue.answer(taken, b"{}", b"slow")
        assert [each.body for each in await queue.read("answers", "0", block=None)] == [b"other"]

    in_queue(redis, steps)


@needs_redis
def test_a_task_is_taken_back_while_nobody_has_taken_it(redis: RedisServer) -> None:
    async def steps(queue: Queue) -> None:
        first, second = task("http://a.test/1"), task("http://a.test/2")
        await queue.submit(first, "answers")
        await queue.take("one", 1, block=100)
        await queue.submit(second, "answers")
        assert await queue.withdraw([first.id, second.id]) == {first.id}
        assert await queue.under_way("answers") == {first.id}

    in_queue(redis, steps)


@needs_redis
def test_a_crawler_that_beats_keeps_its_tasks(redis: RedisServer) -> None:
    async def steps(queue: Queue) -> None:
        await queue.submit(task(), "answers")
        [taken] = await queue.take("one", 1, block=100)
        await asyncio.sleep(0.3)
        await queue.beat("one", [taken.entry], 0.2)
        assert await queue.inherit("other", 1, 0.2) == []
        assert await queue.crawlers(0.2) == 1

    in_queue(redis, steps)


@pytest.mark.long
@needs_redis
def test_what_kills_crawlers_is_given_up_and_what_is_private_refused(
    redis: RedisServer, web: Web
) -> None:
    web.add("/secret", article("Ours"))
    deadly, private = task("http://a.test/deadly"), task(f"{web.address}/secret")

    async def prepare(queue: Queue) -> None:
        await queue.submit(deadly, "answers")
        await queue.take("killed", 1, block=100)
        for number in range(1, MOST_DELIVERIES):
            await queue.inherit(f"killed {number}", 1, 0)
        await queue.submit(private, "answers")

    async def look(queue: Queue) -> None:
        heads = {each.task: each.head for each in await queue.read("answers", "0", block=None)}
        with pytest.raises(HostRefusedError, match="private address"):
            wire.response_of(heads[private.id], b"", Request(private.url))
        with pytest.raises(IgnoreRequest, match=f"given up: {MOST_DELIVERIES} crawlers have died"):
            wire.response_of(heads[deadly.id], b"", Request(deadly.url))

    in_queue(redis, prepare)
    one = crawler(redis, web, NEWSFOLD_PROXY=None)
    until(lambda: redis.client.xlen("answers") == 2, "both are answered")
    stop(one)
    in_queue(redis, look)
    assert web.asked == []


# What travels


def test_a_request_travels_without_what_is_the_crawlers_own() -> None:
    request = Request(
        "http://a.test/?q=ü",
        headers={"If-None-Match": '"ü"', "Proxy-Authorization": "Basic secret"},
        meta={"download_timeout": 7, "proxy": "http://user:secret@proxy.test/"},
    )
    packed = wire.task_of(request, timeout=30, gap=0.5).packed()
    assert b"secret" not in packed
    arrived = wire.request_of(wire.unpacked(packed))
    assert arrived.url == request.url
    assert arrived.headers.to_unicode_dict() == {"If-None-Match": '"ü"', "Connection": "close"}
    assert arrived.meta["download_timeout"] == 7.0


def test_a_task_is_the_same_for_the_same_request_alone() -> None:
    plain = wire.task_of(Request("http://a.test/"), timeout=1, gap=1)
    later = wire.task_of(Request("http://a.test/", headers={"User-Agent": "b"}), timeout=2, gap=2)
    asked = wire.task_of(
        Request("http://a.test/", headers={"ETag": "", "If-None-Match": "1"}), timeout=1, gap=1
    )
    assert plain.id == later.id
    assert plain.id != asked.id


def test_an_answer_comes_back_as_it_was() -> None:
    response = HtmlResponse(
        "http://a.test/2",
        status=203,
        headers={"Content-Type": "text/html", "Set-Cookie": ["a", "b"], "X": b"\xff"},
        body=b"<p>\x1f\x8b\x00",
        flags=["cached"],
        protocol="HTTP/1.1",
    )
    request = Request("http://a.test/2")
    back = wire.response_of(*wire.answered(response), request)
    assert isinstance(back, HtmlResponse)
    for name in ("url", "status", "headers", "body", "flags", "protocol"):
        assert getattr(back, name) == getattr(response, name)
    assert back.request is request


DEEP = b"[" * 100_000 + b"]" * 100_000
TASK = {"url": "http://a.test/", "headers": [], "timeout": 5, "gap": 0}
ANSWER = {"url": "http://a.test/", "status": 200, "headers": [], "flags": [], "protocol": None}


def written(good: dict[str, Any], *wrong: dict[str, Any]) -> list[bytes]:
    return [json.dumps(good | each).encode() for each in wrong]


@pytest.mark.parametrize(
    "packed",
    [
        b"", b"\xff", b"null", b"[]", b'{"url": 1}', DEEP, b"1" * 5000,
        *written(TASK, {"url": "http://[::1"}, {"headers": 1}, {"headers": ["abc"]}),
        *written(TASK, {"timeout": -5}, {"timeout": float("nan")}, {"timeout": 10**400}),
        *written(TASK, {"gap": -1}, {"gap": float("nan")}, {"gap": "soon"}),
    ],
)  # fmt: skip
def test_what_is_no_task_is_told_as_such(packed: bytes) -> None:
    with pytest.raises(wire.StrangeError, match="no task"):
        wire.unpacked(packed)


def test_no_task_holds_a_crawler_or_a_host_longer_than_anybody_waits() -> None:
    [packed] = written(TASK, {"timeout": float("inf"), "gap": 1e300})
    assert wire.unpacked(packed) == wire.Task("http://a.test/", (), 600.0, 600.0)


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\xff", b"null", b"1", b"[]", b'"error"', DEEP, b'{"error": "IgnoreRequest"}',
        b'{"error": [], "said": 1}', b'{"error": "IgnoreRequest", "said": {}}',
        *written(ANSWER, {"url": "http://other.test/"}, {"url": None}, {"url": "file:///a"}),
        *written(ANSWER, {"status": -1}, {"status": 10**400}, {"status": "200"}, {"status": True}),
        *written(ANSWER, {"headers": 1}, {"headers": [[1, 2]]}, {"headers": [["\u4e00", "x"]]}),
        *written(ANSWER, {"headers": [["ETag", "1\r\nX: y"]]}, {"flags": 1}, {"protocol": [1]}),
    ],
)  # fmt: skip
def test_what_is_no_answer_fails_as_a_broken_connection_does(head: bytes) -> None:
    with pytest.raises(wire.StrangeError, match="answer cannot be read") as raised:
        wire.response_of(head, b"<p>Planted", Request("http://a.test/"))
    assert isinstance(raised.value, wire.FAILURES["DownloadFailedError"])


NO_ENTRIES: tuple[dict[str, Any], ...] = (
    {"foo": "bar"},
    {"id": b"\xff", "answers": b"\xff", "task": b"\xff", "head": b"\xff", "body": b"\xff"},
    {"task": "unknown", "head": DEEP, "body": "x"},
    {"id": "x", "answers": "answers", "task": DEEP},
)


@needs_redis
def test_what_others_write_into_the_queue_stops_no_crawler_and_no_pass(
    redis: RedisServer, web: Web, database: Path
) -> None:
    told = sources(web, database, hosts=2, pages=2)
    answers = f"{settings_for(redis.url, database)['NEWSFOLD_QUEUE_ANSWERS']}:http"
    planted = wire.Task(told[0], (), 1, 0).id
    foreign = json.dumps(ANSWER | {"url": "http://other.test/"})
    redis.client.xadd(answers, {"task": planted, "head": foreign, "body": article("Planted")})
    for fields in NO_ENTRIES:
        redis.client.xadd(answers, fields)
        redis.client.xadd("newsfold:tasks", fields | {"answers": answers})
        redis.client.xadd("newsfold:tasks", fields)
    one = crawler(redis, web)
    done(crawl_through(redis, database, DOWNLOAD_DELAY=0.01))
    assert fetched(database) == set(told)
    titles = {row["title"] for row in rows(database, "SELECT title FROM stories")}
    assert "Planted" not in titles
    until(lambda: redis.client.xlen("newsfold:tasks") == 0, "what is no task is dropped")
    stop(one)


@needs_redis
def test_a_pass_that_is_over_waits_for_no_crawler_that_waits_for_a_host(
    redis: RedisServer, web: Web, database: Path
) -> None:
    sources(web, database, hosts=1, pages=1)
    redis.client.set("newsfold:host:host0.test", "somebody's", px=60_000)
    one = crawler(redis, web)
    report = done(start_through(redis, database, {"NEWSFOLD_QUEUE_PATIENCE": 3}, seconds=2))
    assert (report["out_of_time"], report["feeds_failed"], web.asked) == (True, [], [])
    one.kill()
    one.communicate()


class _StrangeError(DownloadTimeoutError):
    pass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_StrangeError("too slow"), DownloadTimeoutError),
        (HostRefusedError("a.test leads to the private address 10.0.0.1"), HostRefusedError),
        *((kind("so it is"), kind) for kind in wire.FAILURES.values()),
        (ZeroDivisionError("no idea"), wire.FAILURES["DownloadFailedError"]),
    ],
)
def test_a_failure_comes_back_as_one_that_is_known(error: Exception, kind: type) -> None:
    with pytest.raises(kind, match=str(error)) as raised:
        wire.response_of(*wire.failed(error), Request("http://a.test/"))
    assert type(raised.value) is kind


def test_no_password_is_shown() -> None:
    assert shown("rediss://user:secret@redis.test:6379/2?password=other") == (
        "rediss://redis.test:6379/2"
    )


@pytest.mark.parametrize("url", ["http://redis.test", "news.db", "redis://redis.test:port"])
def test_what_is_no_address_of_a_queue_is_a_wrong_call(url: str) -> None:
    with pytest.raises(NewsfoldError, match="no address of a queue") as raised:
        check(url)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("verb", ["run", "crawl", "worker"])
def test_where_no_redis_is_the_work_fails_with_its_remedy(
    newsfold: Callable[..., tuple[int, str, str]], database: Path, verb: str
) -> None:
    queue = "redis://:secret@127.0.0.1:1"
    words = [verb, queue] if verb == "worker" else [verb, database, "--queue", queue]
    code, output, errors = newsfold(*words)
    assert (code, output) == (1, "")
    assert "see that Redis runs there" in errors
    assert "secret" not in errors


def test_without_the_extra_the_error_names_it(
    newsfold: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    code, _, errors = newsfold("worker", "redis://127.0.0.1:1")
    assert code == 1
    assert "pip install 'newsfold[redis]'" in errors


SCALE = (ROOT / "docs/scale.md").read_text("utf-8")


@pytest.mark.parametrize(
    "line", re.findall(r"^newsfold (?:worker|run news.db --queue).*", SCALE, re.M)
)
def test_the_lines_of_the_page_can_be_called(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    cli.commands[words[0]].make_context(words[0], words[1:])


def test_the_unit_of_the_page_names_its_queue_as_the_command_reads_it() -> None:
    [unit] = [block for block in re.findall(r"```ini\n(.*?)```", SCALE, re.S) if "worker" in block]
    [queue] = re.findall(r"^Environment=(\w+)=redis:", unit, re.M)
    context = cli.commands["worker"].make_context("worker", [], resilient_parsing=True)
    [argument] = [each for each in context.command.params if each.name == "queue"]
    assert argument.envvar == queue


@needs_redis
def test_a_closed_redis_says_what_to_write(redis: RedisServer) -> None:
    redis.client.config_set("requirepass", "secret")
    with pytest.raises(NewsfoldError, match="write redis://USER:PASSWORD@host"):
        check(redis.url)
    redis.client.auth("secret")
    check(redis.url.replace("//", "//:secret@"))
