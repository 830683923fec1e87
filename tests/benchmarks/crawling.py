"""Crawling: what fetching and reading cost together, beside others, and whether it stays level.

    python -m tests.benchmarks.crawling compare --sites 20 --pages 100 --rounds 3
                                                [--peers-python ENV/bin/python]
    python -m tests.benchmarks.crawling level   --sites 500 --pages 100 --kind small

A web of made sites on loopback (tests/benchmarks/web.py) is fetched and read. Ours run as users run
them, from due feeds to stories in the database; only politeness is switched off, by settings (the
delay between two requests to a host, and how many at a time). `compare`, each in processes of their
own, one after another, all bound to the same two cores, the web's server as well:

    crawl             our crawl alone: feeds polled, robots.txt obeyed, pages stored
    extract           our extraction alone, over the pages that `crawl` has stored
    newsfold          `newsfold crawl`: both
    scrapy            a spider of ten lines that reads the feeds and fetches the pages; no more
    scrapy+reader     the same, which reads pages in its callback by trafilatura, as most do
    trafilatura       its own downloads and reading: `trafilatura -i LIST --parallel 2`
    news-please       its own: `NewsPlease.from_urls(LIST)`, in batches of 50, no pictures

Seconds are of the clock, from start to end with the start of Python; CPU seconds are of all
processes of a run. `one` is the highest resident size of the largest process, `all` the highest sum
(proportional share, looked at twice a second), in MB of 2^20 bytes. `reactor late` is by how much a
timer of the crawler's reactor came too late, in half and in 99 of 100 of its looks. Rounds go
through all of them in turn, and medians are told. The share is that of what `extract` alone
reaches. trafilatura and news-please are given the addresses; the others find them in the feeds.
Install these two in an environment of their own:
pip install trafilatura news-please

`level` is one crawl, and tells pages a second and memory for each 5 000 pages of it (the
database keeps whole seconds).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tabulate import tabulate

from storage.database import create_or_open
from storage.models import Feed, Source
from storage.sources import save_sources
from storage.times import utc_now
from tests.benchmarks.folding import _family, _share
from tests.benchmarks.web import Web, address, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
LOOK_EVERY = 0.5  # seconds between two looks at memory
CORES = 2
BEAT = 0.05  # seconds between two looks at the reactor
IMPOLITE = {
    "DOWNLOAD_DELAY": 0.001,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "EXTENSIONS": {"tests.benchmarks.crawling.Pulse": 0},
}
SLICE = 5_000  # pages of a row of `level`


# --- a run in processes of its own -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """Memory at a moment of a run, in megabytes."""

    at: float
    one: float
    all: float


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did and took. `told` is what the run itself says of it."""

    seconds: float
    cpu: float
    server_cpu: float
    started: float
    looks: list[Look]
    told: dict[str, Any]

    @property
    def pages_a_second(self) -> float:
        return float(self.told["pages"] / self.seconds)


def watched(command: Sequence[str], web: Web | None, env: dict[str, str] | None = None) -> Ran:
    """Run a command to its end; the last line it prints is JSON about what it did."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as said:
        server_before = _cpu_of(web.process) if web else 0.0
        before, started, looks = time.perf_counter(), time.time(), list[Look]()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=said, env={**os.environ, **(env or {})}
        )
        looked, ended = before, 0  # wait4 gives 0 while it runs
        while not ended:
            time.sleep(0.02)
            if time.perf_counter() - looked > LOOK_EVERY:
                looked = time.perf_counter()
                family = _family(process.pid)
                shares = sum(map(_share, family))
                looks.append(Look(looked - before, max(map(_resident, family)), shares))
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0), said.seek(0)
        lines, errors = output.read().splitlines(), said.read()
    if process.returncode or not lines:
        raise RuntimeError(f"{' '.join(command)[:200]}: {errors[-2000:]}")
    cpu = used.ru_utime + used.ru_stime
    server_cpu = _cpu_of(web.process) - server_before if web else 0.0
    return Ran(seconds, cpu, server_cpu, started, looks, json.loads(lines[-1]))


def _resident(process: int) -> float:
    try:
        told = Path(f"/proc/{process}/statm").read_text("ascii")
    except OSError:
        return 0.0
    return int(told.split()[1]) * resource.getpagesize() / 2**20


def _cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- what runs there ---------------------------------------------------------------------------


class Pulse:
    """A Scrapy extension that looks, twenty times a second, how late the reactor is."""

    late: ClassVar[list[float]] = []  # seconds

    @classmethod
    def from_crawler(cls, crawler: Any) -> Pulse:
        from scrapy import signals

        pulse = cls()
        crawler.signals.connect(pulse.begin, signal=signals.spider_opened)
        crawler.signals.connect(pulse.end, signal=signals.spider_closed)
        return pulse

    def begin(self) -> None:
        self._task = asyncio.ensure_future(self._beat())

    def end(self) -> None:
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self.late.append(time.monotonic() - due)


def child_crawl(database: str, proxy: str) -> dict[str, Any]:
    from crawlers.crawl import crawl

    report = crawl(Path(database), settings={**IMPOLITE, "NEWSFOLD_PROXY": proxy})
    return {"pages": report.pages_stored, "stories": 0}


def child_extract(database: str, _: str) -> dict[str, Any]:
    from crawlers.extraction import extract_waiting

    report = extract_waiting(Path(database), now=utc_now, workers=CORES)
    stories = report.new + report.changed + report.known
    return {"pages": stories + sum(report.no_article.values()), "stories": report.new}


def child_newsfold(database: str, proxy: str) -> dict[str, Any]:
    from pipeline.output import Voice
    from pipeline.passes import crawl_pass

    settings = {**IMPOLITE, "NEWSFOLD_PROXY": proxy}
    crawl_pass(Path(database), (), everything=False, voice=Voice(True), settings=settings)
    db = sqlite3.connect(database)
    (pages,) = db.execute("SELECT count(*) FROM pages WHERE extracted IS NOT NULL").fetchone()
    (stories,) = db.execute("SELECT count(*) FROM stories").fetchone()
    return {"pages": pages, "stories": stories}


def child_scrapy(sites: str, proxy: str, read: Callable[[Any], bool] | None = None) -> Any:
    from scrapy import Request, Spider
    from scrapy.crawler import CrawlerProcess

    done = {"pages": 0, "stories": 0}

    class Bare(Spider):
        name = "bare"

        async def start(self) -> Any:
            for site in range(int(sites)):
                yield Request(f"http://{host(site)}/feed", meta={"proxy": proxy})

        def parse(self, response: Any) -> Any:
            for url in response.xpath("//item/link/text()").getall():
                yield Request(url, self.read, meta={"proxy": proxy})

        def read(self, response: Any) -> Any:
            done["pages"] += 1
            done["stories"] += bool(read and read(response))

    quiet = {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, "ROBOTSTXT_OBEY": True}
    process = CrawlerProcess({**quiet, "CONCURRENT_REQUESTS": 32, **IMPOLITE})
    process.crawl(Bare)
    process.start()
    return done


def child_scrapy_reader(sites: str, proxy: str) -> Any:
    import trafilatura

    def read(response: Any) -> bool:
        document = trafilatura.bare_extraction(
            response.body, url=response.url, with_metadata=True, include_comments=False
        )
        return document is not None

    return child_scrapy(sites, proxy, read)


CHILD = (sys.executable, "-m", "tests.benchmarks.crawling", "child")
PEERS = Path(__file__).parent / "peers" / "crawlers.py"
OTHERS = ("trafilatura", "news-please")
CHILDREN: dict[str, Callable[[str, str], Any]] = {
    "crawl": child_crawl,
    "extract": child_extract,
    "newsfold": child_newsfold,
    "scrapy": child_scrapy,
    "scrapy+reader": child_scrapy_reader,
}


# --- compare -----------------------------------------------------------------------------------


def host(site: int) -> str:
    return f"paper-{site}.test"


def fill(database: Path, sites: int) -> None:
    """A database whose sources are the made sites."""
    db = create_or_open(database)
    names = [host(site) for site in range(sites)]
    feeds = {name: Feed(f"http://{name}/feed", name) for name in names}
    save_sources(
        db, [Source(name, name, f"http://{name}/", "en", name, (feeds[name],)) for name in names]
    )
    db.close()


def run_compare(given: argparse.Namespace) -> None:
    wanted = given.only or [*CHILDREN, *(OTHERS if given.peers_python else ())]
    rounds: dict[str, list[Ran]] = {name: [] for name in wanted}
    with serve(given.pages, given.kind, given.sites) as web:
        for number in range(given.rounds):
            for name in wanted:
                rounds[name].append(_run(name, web, given))
                print(f"round {number + 1}: {_told(name, rounds[name][-1])}", file=sys.stderr)
    print(f"{given.sites} sites of {given.pages} pages ({given.kind}), {_machine()}\n")
    print(_compared(rounds))


def _run(name: str, web: Web, given: argparse.Namespace) -> Ran:
    stored, fresh = given.folder / "stored.db", given.folder / "fresh.db"
    if name in OTHERS:
        return _run_other(name, web, given)
    if name == "extract":
        if not stored.exists():
            raise SystemExit("extract reads what crawl has stored: run crawl before it")
        shutil.copy(stored, fresh)
    elif not name.startswith("scrapy"):
        for path in given.folder.glob("fresh.db*"):
            path.unlink()
        fill(fresh, given.sites)
    told = str(given.sites) if name.startswith("scrapy") else str(fresh)
    ran = watched((*CHILD, name, told, web.proxy), None if name == "extract" else web)
    if name == "crawl":
        shutil.copy(fresh, stored)
    return ran


def _run_other(name: str, web: Web, given: argparse.Namespace) -> Ran:
    """news-please goes through the proxy, as would whatever else it asks for; trafilatura knows
    SOCKS proxies only, so it gets sites with addresses of their own."""
    if name == "trafilatura":
        hosts, env = [f"{address(site)}:{web.port}" for site in range(given.sites)], {}
    else:
        hosts = [host(site) for site in range(given.sites)]
        env = dict.fromkeys(("http_proxy", "https_proxy"), web.proxy)
    pages = range(1, given.pages + 1)
    addresses = given.folder / f"{name}.txt"
    addresses.write_text("\n".join(f"http://{at}/story-{n}" for n in pages for at in hosts))
    return watched((given.peers_python, str(PEERS), name, str(addresses)), web, env)


def _told(name: str, ran: Ran) -> str:
    return (
        f"{name}: {ran.told['pages']} pages, {ran.told['stories']} stories,"
        f" {ran.seconds:.1f} s, {ran.pages_a_second:.1f} pages/s, CPU {ran.cpu:.1f} s"
    )


def _main_cpu(ran: Ran) -> float:
    return float(ran.told.get("main_cpu", ran.cpu))


def _late(runs: list[Ran]) -> str:
    """Half of the looks, and 99 of 100, found it late by at most so much."""
    late = sorted(seconds for ran in runs for seconds in ran.told.get("late", ()))
    if not late:
        return ""
    return " / ".join(f"{1000 * late[int(part * len(late))]:.0f}" for part in (0.5, 0.99))


def _compared(rounds: dict[str, list[Ran]]) -> str:
    def median(name: str, of: Callable[[Ran], float]) -> float:
        return statistics.median(map(of, rounds[name]))

    alone = median("extract", lambda ran: ran.pages_a_second) if "extract" in rounds else None
    rows = []
    for name, runs in rounds.items():
        pages = runs[0].told["pages"]
        speed = median(name, lambda ran: ran.pages_a_second)
        rows.append(
            {
                "what": name,
                "pages": pages,
                "stories": runs[0].told["stories"],
                "pages/s": f"{speed:.1f}",
                "from..to": "..".join(
                    f"{end(ran.pages_a_second for ran in runs):.0f}" for end in (min, max)
                ),
                "share": f"{speed / alone:.2f}" if alone else "",
                "CPU ms a page": f"{1000 * median(name, lambda ran: ran.cpu) / pages:.1f}",
                "in the first process": f"{1000 * median(name, _main_cpu) / pages:.1f}",
                "reactor late, ms": _late(runs),
                "server ms": f"{1000 * median(name, lambda ran: ran.server_cpu) / pages:.2f}",
                "one MB": f"{max(look.one for ran in runs for look in ran.looks):.0f}",
                "all MB": f"{max(look.all for ran in runs for look in ran.looks):.0f}",
            }
        )
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


# --- level -------------------------------------------------------------------------------------


def run_level(given: argparse.Namespace) -> None:
    database = given.folder / "level.db"
    fill(database, given.sites)
    with serve(given.pages, given.kind) as web:
        ran = watched((*CHILD, given.what, str(database), web.proxy), web)
    print(f"{given.sites} sites of {given.pages} pages ({given.kind}), {_machine()}")
    print(f"{_told(given.what, ran)}\n")
    column = "extracted" if given.what == "newsfold" else "fetched_at"
    db = sqlite3.connect(database)
    times = [
        datetime.fromisoformat(told).timestamp() - ran.started
        for (told,) in db.execute(f"SELECT {column} FROM pages ORDER BY {column}")
    ]
    rows, before = [], 0.0
    for first in range(0, len(times), given.slice):
        pages = times[first : first + given.slice]
        looks = [look for look in ran.looks if before <= look.at <= pages[-1]]
        rows.append(
            {
                "pages": f"{first + len(pages)}",
                "seconds": f"{pages[-1]:.0f}",
                "pages/s": f"{len(pages) / max(pages[-1] - before, 1):.1f}",
                "one MB": f"{max((look.one for look in looks), default=0):.0f}",
                "all MB": f"{max((look.all for look in looks), default=0):.0f}",
            }
        )
        before = pages[-1]
    print(tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True))
    print(f"\nthe database: {database.stat().st_size / 1e6:.0f} MB")


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{CORES} cores, load {load:.1f} at the end, Python {sys.version.split()[0]}"


def imported() -> type[Pulse]:
    """The class that Scrapy has loaded: this file, run as a program, is another module."""
    from tests.benchmarks import crawling

    return crawling.Pulse


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        name, *told = sys.argv[2:]
        done = CHILDREN[name](*told)
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime
        print(json.dumps({**done, "main_cpu": cpu, "late": imported().late}))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("verb", choices=("compare", "level"))
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--pages", type=int, default=100, help="of each site; 100 a pass is ours")
    parser.add_argument("--kind", choices=("real", "small"), default="real")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers-python", help="has trafilatura and news-please")
    parser.add_argument("--only", nargs="+", choices=[*CHILDREN, *OTHERS], help="of compare")
    parser.add_argument(
        "--what", choices=("newsfold", "crawl"), default="newsfold", help="of level"
    )
    parser.add_argument("--slice", type=int, default=SLICE, help="pages of a row of level")
    parser.add_argument("--folder", type=Path, help="where databases are kept")
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    keep, given.folder = given.folder, given.folder or Path(tempfile.mkdtemp(prefix="newsfold-"))
    try:
        {"compare": run_compare, "level": run_level}[given.verb](given)
    finally:
        if keep is None:
            shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
