"""Many crawlers: pages a second with none, one and two of them, and what a page takes in Redis.

    python -m tests.benchmarks.many_crawlers --hosts 60 --pages 20 --wait 0.4 --seats 16

A made web on loopback whose every answer takes `--wait` seconds, as far ones do, and a Redis of its
own. `alone` is a crawl that fetches by itself, with so many requests in flight (`--seats`); then
come one and two crawlers with so many each. Pages have 120 KB and are sent gzipped; none is read.
Pages a second are counted from the first page's request to the last one's; CPU is of whole
processes, their start included. Bytes are what Redis says that a stream of answers takes, by its
length, the median of many looks; `most` is what it held at most.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tabulate import tabulate

from crawlers.shared.address import settings_for
from storage.models import Feed
from tests.benchmarks.web import NAMES, WORDS
from tests.loopback import Reply, Web, rss, save_feeds, serve
from tests.redis_server import RedisServer, serve_redis

CRAWL = """
import json, sys
from pathlib import Path
from crawlers.crawl import crawl
crawl(Path(sys.argv[1]), settings=json.loads(sys.argv[2]))
"""
WORK = """
import json, sys
from crawlers.shared.working import work
work(sys.argv[1], settings=json.loads(sys.argv[2]))
"""


def fill(web: Web, database: Path, hosts: int, pages: int, wait: float) -> None:
    chance = random.Random(7)
    text = " ".join(chance.choice([*WORDS, *NAMES]) for _ in range(18_000))
    html = f"<!doctype html><html><body><p>{text}</p></body></html>".encode()
    packed, told = gzip.compress(html), {"Content-Encoding": "gzip"}
    print(f"a page: {len(html):,} bytes, {len(packed):,} as it is sent", file=sys.stderr)
    for host in (f"host{number}.test" for number in range(hosts)):
        links = [f"http://{host}/{number}" for number in range(pages)]
        web.add(f"http://{host}/feed", rss(*((link, link) for link in links)))
        for link in links:
            web.pages[link] = Reply(packed, headers=told, wait=wait)
        save_feeds(database, Feed(f"http://{host}/feed", host))


def start(code: str, where: str, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", code, where, json.dumps(settings)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL)


def cpu_of(process: subprocess.Popen[bytes]) -> float:
    """Seconds, of one that has ended or is about to."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a process ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def watched(redis: RedisServer, writer: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What Redis holds until the writer ends."""
    looks: list[float] = []
    most = most_bytes = 0
    before = redis.client.info("memory")["used_memory"]
    while not os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        for stream in redis.client.keys("newsfold:answers:*"):
            length = redis.client.xlen(stream)
            taken = redis.client.memory_usage(stream, samples=0)
            if length > 1 and taken:
                looks.append(taken / length)
        most = max(most, redis.queued())
        most_bytes = max(most_bytes, redis.client.info("memory")["used_memory"] - before)
        time.sleep(0.1)
    a_page = round(statistics.median(looks)) if looks else None
    return {"bytes a page": a_page, "most": most, "most MB": round(most_bytes / 1e6, 1)}


def measure(crawlers: int, given: argparse.Namespace) -> dict[str, Any]:
    with serve() as web, serve_redis() as redis, tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "news.db"
        fill(web, database, given.hosts, given.pages, given.wait)
        proxy = {"NEWSFOLD_PROXY": web.address, "CONCURRENT_REQUESTS": given.seats}
        working = [start(WORK, redis.url, proxy) for _ in range(crawlers)]
        while redis.client.zcard("newsfold:crawlers") < crawlers:
            time.sleep(0.1)
        fetch = settings_for(redis.url, database) if crawlers else proxy
        writer = start(CRAWL, str(database), {"DOWNLOAD_DELAY": 0.01, **fetch})
        held = watched(redis, writer)
        writer_cpu = cpu_of(writer)
        for each in working:
            each.terminate()
        crawler_cpu = sum(cpu_of(each) for each in working)
        times = [when for when, url, _ in web.asked if url.rpartition("/")[2].isdigit()]
        pages = given.hosts * given.pages
        assert len(times) == pages, f"{len(times)} pages were asked, not {pages}"
        return {
            "crawlers": crawlers or "alone",
            "pages/s": round(pages / (max(times) - min(times) + given.wait), 1),
            "writer, CPU ms a page": round(1000 * writer_cpu / pages, 1),
            "crawlers, CPU ms a page": round(1000 * crawler_cpu / pages, 1),
            **held,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=60)
    parser.add_argument("--pages", type=int, default=20, help="of each host")
    parser.add_argument("--wait", type=float, default=0.4, help="seconds that an answer takes")
    parser.add_argument("--seats", type=int, default=16, help="requests in flight of a crawler")
    given = parser.parse_args()
    rows = [measure(crawlers, given) for crawlers in (0, 1, 2)]
    print(tabulate(rows, headers="keys"))


if __name__ == "__main__":
    main()
