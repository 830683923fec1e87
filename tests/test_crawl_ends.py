"""How a crawl ends: in order, by Ctrl-C, by a kill, without a network, and when called wrongly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from loopback import (
    NOW,
    Reply,
    Web,
    article,
    crawl,
    keyed,
    report_of,
    rows,
    rss,
    save_feeds,
    serve,
    start_crawl,
)

from crawlers.crawl import crawl as crawl_here
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.models import Feed
from storage.runs import AlreadyRunningError, only_one
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = 30


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Web]:
    """A feed with many pages that each take a while."""
    with serve() as web:
        web.add("http://a.test/feed", rss(*((str(n), f"/{n}") for n in range(PAGES))))
        for number in range(PAGES):
            web.pages[f"http://a.test/{number}"] = Reply(article(str(number)), wait=0.1)
        save_feeds(tmp_path / "news.db", Feed("http://a.test/feed", "a"))
        yield web


def wait_for_pages(web: Web, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(web.asked) < count + 2:  # robots.txt and the feed came first
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stored(database: Path) -> int:
    return int(rows(database, "SELECT count(*) AS count FROM pages")[0]["count"])


def test_ctrl_c_ends_in_order_and_the_next_pass_does_the_rest(slow: Web, tmp_path: Path) -> None:
    process = start_crawl(tmp_path / "news.db", slow, settings={"CONCURRENT_REQUESTS": 4})
    wait_for_pages(slow, 3)
    process.send_signal(signal.SIGINT)
    report = report_of(process)
    assert report["interrupted"]
    assert 1 <= report["pages_stored"] < PAGES
    assert stored(tmp_path / "news.db") == report["pages_stored"]
    finished = crawl(tmp_path / "news.db", slow, everything=True)
    assert not finished["interrupted"]
    assert report["pages_stored"] + finished["pages_stored"] == PAGES


@pytest.mark.long
def test_a_kill_loses_nothing_stored_and_the_next_pass_finishes(slow: Web, tmp_path: Path) -> None:
    process = start_crawl(tmp_path / "news.db", slow)
    wait_for_pages(slow, 4)
    process.kill()
    process.communicate()
    before = stored(tmp_path / "news.db")
    assert before >= 1
    finished = crawl(tmp_path / "news.db", slow, everything=True)
    assert before + finished["pages_stored"] == PAGES


def test_without_a_network_it_ends_soon_and_blames_no_feed(tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    save_feeds(database, *(Feed(f"http://h{n}.example/feed", f"s{n}") for n in range(110)))
    nowhere = (
        "import socket\ndef fail(*_): raise socket.gaierror('no name')\nsocket.getaddrinfo = fail\n"
    )
    report = crawl(database, None, before=nowhere)
    assert report["offline"]
    assert report["seconds"] < 10
    assert report["stderr"] == ""
    failed = keyed(database, "SELECT id, * FROM feeds WHERE last_error IS NOT NULL")
    assert {feed["failures"] for feed in failed.values()} == {0}
    assert {feed["next_due"] for feed in failed.values()} == {"2026-11-20T12:10:00Z"}


def test_one_dead_host_is_a_failure_of_its_feed(tmp_path: Path) -> None:
    with serve() as web:
        web.add(f"{web.address}/feed", rss())
        database = tmp_path / "news.db"
        save_feeds(database, Feed("http://dead.example/feed", "dead"))
        report = crawl(database, None, settings={"NEWSFOLD_PUBLIC_HOSTS_ONLY": False})
    assert not report["offline"]
    assert report["feeds_failed"] == [
        ["dead", "http://dead.example/feed", "there is no such host, or no name service"]
    ]
    assert keyed(database, "SELECT source_id, * FROM feeds")["dead"]["failures"] == 1


def test_a_full_disk_stops_the_crawl_and_says_so(slow: Web, tmp_path: Path) -> None:
    full = """
import sqlite3, crawlers.item_pipelines as pipelines
def save_page(db, page): raise sqlite3.OperationalError("database or disk is full")
pipelines.save_page = save_page
"""
    with pytest.raises(AssertionError, match="the disk is full"):
        crawl(tmp_path / "news.db", slow, before=full)
    assert len(slow.asked) < PAGES


def test_it_runs_once_a_process(slow: Web, tmp_path: Path) -> None:
    again = f"""
from pathlib import Path
from crawlers.crawl import crawl
once = dict(settings={{"NEWSFOLD_PROXY": {slow.address!r}, "NEWSFOLD_PAGES_A_FEED": 1}})
crawl(Path({str(tmp_path / "news.db")!r}), **once)
try:
    crawl(Path({str(tmp_path / "news.db")!r}), everything=True, **once)
except RuntimeError as error:
    sys.stderr.write(str(error))
sys.exit(5)
"""
    process = start_crawl(tmp_path / "news.db", slow, before="import sys\n" + again)
    assert process.communicate(timeout=60)[1] == "crawl() can be called once in a process"


def test_nothing_due_is_a_crawl_that_does_nothing(tmp_path: Path) -> None:
    create_or_open(tmp_path / "news.db").close()
    assert crawl_here(tmp_path / "news.db").feeds_polled == 0


def test_a_source_that_nobody_knows_is_named(tmp_path: Path) -> None:
    create_or_open(tmp_path / "news.db").close()
    with pytest.raises(NewsfoldError, match="no source is called 'nobody'"):
        crawl_here(tmp_path / "news.db", sources=["nobody"])


def scrapy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.long
def test_it_is_a_scrapy_project_like_any_other(slow: Web, tmp_path: Path) -> None:
    assert scrapy("list").stdout.split() == ["discussions", "feeds", "sections", "sitemaps"]
    checked = scrapy("check")
    assert checked.returncode == 0
    assert "Ran 0 contracts" in checked.stderr
    done = scrapy(*spider(slow, tmp_path / "news.db"), "-a", "sources=a")
    assert (done.returncode, done.stderr) == (0, "")
    assert stored(tmp_path / "news.db") == PAGES


def spider(web: Web, database: Path, name: str = "feeds") -> tuple[str, ...]:
    """The words that start a spider by itself."""
    settings = (f"NEWSFOLD_PROXY={web.address}", "DOWNLOAD_DELAY=0.01", f"NEWSFOLD_NOW={NOW}")
    named = [word for setting in settings for word in ("-s", setting)]
    return ("crawl", name, "-a", f"database={database}", *named)


def test_a_spider_by_itself_leaves_at_once_while_a_pass_works(slow: Web, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    with only_one(database):
        left = scrapy(*spider(slow, database))
    assert left.returncode == 0
    assert f"{database}: another newsfold pass is working on it; left to it" in left.stderr
    assert "Traceback" not in left.stderr
    assert slow.asked == []
    [feed] = rows(database, "SELECT next_due, last_error FROM feeds")
    assert feed == {"next_due": None, "last_error": None}


@pytest.mark.long
def test_a_pass_leaves_at_once_while_a_spider_by_itself_works(slow: Web, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    pages = [f"http://a.test/{number}" for number in range(PAGES)]
    slow.pages |= {url: Reply(wait=600) for url in pages}  # it works until it is killed
    words = [sys.executable, "-m", "scrapy", *spider(slow, database)]
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as alone:
        wait_for_pages(slow, 1)
        with pytest.raises(AlreadyRunningError), only_one(database):
            pass
        other = scrapy(*spider(slow, database, "sitemaps"))
        assert (other.returncode, "left to it" in other.stderr) == (0, True)
        alone.kill()
    slow.pages |= {url: Reply(article(url)) for url in pages}
    with only_one(database):  # the system frees the lock of one that was killed
        pass
    assert scrapy(*spider(slow, database)).returncode == 0
    assert stored(database) == PAGES
    assert all(slow.urls().count(f"http://a.test/{n}") <= 2 for n in range(PAGES))


def test_without_a_database_the_spider_says_what_to_write() -> None:
    done = scrapy("crawl", "feeds")
    assert done.returncode == 1
    assert "scrapy crawl feeds -a database=news.db" in done.stderr
