"""Pages waiting in the database -> stories: whatever dies, nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crawlers import extraction
from crawlers.extraction import extract_waiting
from crawlers.pool import Lost, each
from crawlers.urls import canonical_url
from storage.database import create_or_open
from storage.models import Entry, Feed, Page, Source
from storage.pages import record_page_failure, save_entries, save_page
from storage.sources import due_feeds, save_sources

if TYPE_CHECKING:
    from sqlite_utils import Database

NOW = datetime(2026, 4, 8, 18, tzinfo=UTC)
LINE = "<p>Paragraph {} of the story on the quay, long enough to be read as one by anybody.</p>"


def clock() -> datetime:
    return NOW


def html(title: str, *, canonical: str = "", extra: str = "") -> bytes:
    link = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    body = "".join(LINE.format(number) for number in range(6))
    page = f"<head><title>{title}</title>{link}</head><article><h1>{title}</h1>{body}{extra}"
    return f"<!DOCTYPE html><html lang='en'>{page}</article></html>".encode()


def fill(path: Path, pages: dict[str, bytes | None], **entry: str) -> None:
    """A database with one feed and these pages; None for one that is forbidden to fetch."""
    db = create_or_open(path)
    feed = Feed("https://news.example.com/feed", "example")
    save_sources(db, [Source("example", "Example", "https://news.example.com", "en", "E", (feed,))])
    (feed,) = due_feeds(db, "feed", NOW)
    entries = [Entry(url=url, title=f"Feed title of {url[-1]}", **entry) for url in pages]
    ids = save_entries(db, feed, ((each, canonical_url(each.url)) for each in entries), NOW)
    for entry_id, (url, body) in zip(ids, pages.items(), strict=True):
        if body is None:
            record_page_failure(db, entry_id, "forbidden", "robots.txt")
        else:
            save_page(db, Page(entry_id, url, body, NOW))
    db.close()


def numbered(count: int) -> dict[str, bytes | None]:
    return {f"https://news.example.com/{n}": html(f"Story number {n}") for n in range(count)}


def stories(path: Path) -> list[tuple[str, str, str]]:
    db = create_or_open(path)
    rows = db.execute("SELECT url, title, text_from FROM stories ORDER BY id").fetchall()
    db.close()
    return rows


def everything(path: Path) -> list[str]:
    db: Database = create_or_open(path)
    lines = list(db.conn.iterdump())
    db.close()
    return lines


def test_pages_become_stories_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    news = tmp_path / "news.db"
    fill(news, numbered(3))
    told: list[tuple[int, int]] = []
    report = extract_waiting(news, now=clock, progress=lambda *state: told.append(state))
    assert (report.new, report.changed, report.known, report.no_article) == (3, 0, 0, {})
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert sorted(title for _, title, _ in stories(news)) == [f"Story number {n}" for n in range(3)]
    before = everything(news)
    again = extract_waiting(news, now=clock)
    assert (again.new, again.changed, again.known, again.from_feed) == (0, 0, 0, 0)
    assert everything(news) == before


def test_processes_and_this_process_give_the_same(tmp_path: Path) -> None:
    for name, workers in (("here.db", 0), ("there.db", 2)):
        fill(tmp_path / name, numbered(6))
        extract_waiting(tmp_path / name, now=clock, workers=workers)
    assert sorted(stories(tmp_path / "here.db")) == sorted(stories(tmp_path / "there.db"))


def test_pages_without_an_article_are_counted_by_reason(tmp_path: Path) -> None:
    news = tmp_path / "news.db"
    pages = {f"https://news.example.com/{name}": b"%PDF-1.7" for name in "ab"}
    fill(news, {**pages, "https://news.example.com/c": b"<html><p>Log in</p></html>"})
    report = extract_waiting(news, now=clock, workers=0)
    assert report.no_article == {"not HTML": 2, "too little text": 1}
    assert stories(news) == []
    assert extract_waiting(news, now=clock, workers=0).no_article == {}


def test_entries_without_a_page_are_told_by_the_feed(tmp_path: Path) -> None:
    news = tmp_path / "news.db"
    pages: dict[str, bytes | None] = {
        "https://news.example.com/a": None,
        "https://news.example.com/b": b"%PDF-1.7",
        "https://news.example.com/c": html("The page of c"),
    }
    fill(news, pages, summary="What the feed says.")
    report = extract_waiting(news, now=clock, workers=0)
    assert (report.new, report.from_feed) == (1, 2)
    assert stories(news) == [
        ("https://news.example.com/c", "The page of c", "page"),
        ("https://news.example.com/a", "Feed title of a", "feed"),
        ("https://news.example.com/b", "Feed title of b", "feed"),
    ]
    assert extract_waiting(news, now=clock, workers=0).from_feed == 0


def test_one_article_at_two_addresses_is_one_story(tmp_path: Path) -> None:
    news = tmp_path / "news.db"
    own = "https://news.example.com/story"
    mobile = html("The story", canonical=own, extra="<p>A paragraph for small screens only.</p>")
    fill(news, {own: html("The story"), f"{own}/amp": mobile})
    report = extract_waiting(news, now=clock, workers=0)
    assert (report.new, report.changed, report.known) == (1, 0, 1)
    assert [url for url, _, _ in stories(news)] == [own]


def test_a_page_replaces_the_words_of_the_feed(tmp_path: Path) -> None:
    news = tmp_path / "news.db"
    fill(news, {"https://news.example.com/a": None}, summary="What the feed says.")
    extract_waiting(news, now=clock, workers=0)
    db = create_or_open(news)
    save_page(db, Page(1, "https://news.example.com/a", html("The page of a"), NOW))
    db.close()
    assert extract_waiting(news, now=clock, workers=0).changed == 1
    assert stories(news) == [("https://news.example.com/a", "The page of a", "page")]


def deadly_read(job: extraction.Job) -> object:
    """Stands in for the reading of a page where some pages kill or stop their process."""
    body = job[1].html
    if b"kills" in body:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"hangs" in body:
        time.sleep(60)
    return extraction_read(job)


extraction_read = extraction._read


@pytest.mark.long
def test_a_page_that_kills_its_worker_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_read", deadly_read)
    monkeypatch.setattr(extraction, "SECONDS_A_PAGE", 6.0)  # a busy machine reads slowly
    news = tmp_path / "news.db"
    pages = numbered(9)
    pages["https://news.example.com/3"] = html("It kills")
    pages["https://news.example.com/6"] = html("It hangs")
    fill(news, pages)
    report = extract_waiting(news, now=clock, workers=2)
    assert report.no_article == {"killed its process": 1, "took over 6 seconds": 1}
    assert (report.new, len(stories(news))) == (7, 7)
    again = extract_waiting(news, now=clock)
    assert (again.new, again.no_article) == (0, {})


def test_jobs_are_not_blamed_when_no_process_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawlers.pool._begin", broken_begin)
    from concurrent.futures.process import BrokenProcessPool

    with pytest.raises(BrokenProcessPool):
        list(each(abs, [-1, -2], workers=1, seconds=5))


def broken_begin() -> None:
    os._exit(3)


def test_results_of_a_pool() -> None:
    found = dict(each(abs, range(-20, 0), workers=2, seconds=5))
    assert found == {number: -number for number in range(-20, 0)}
    assert list(each(abs, [], workers=2, seconds=5)) == []
    assert not isinstance(found[-1], Lost)


KILLED = """
import multiprocessing, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from crawlers.extraction import extract_waiting

def kill_at_five(done, total):
    if done == 5:
        workers = [child.pid for child in multiprocessing.active_children()]
        Path(sys.argv[2]).write_text(" ".join(map(str, workers)))
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    now = lambda: datetime(2026, 4, 8, 18, tzinfo=UTC)
    extract_waiting(Path(sys.argv[1]), now=now, workers=2, progress=kill_at_five)
"""


def test_a_killed_pass_loses_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    news, script, pids = tmp_path / "news.db", tmp_path / "killed.py", tmp_path / "pids"
    fill(news, numbered(20))
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    killed = subprocess.run(
        [sys.executable, script, news, pids], env=environment, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(stories(news)) == 5
    report = extract_waiting(news, now=clock)
    assert report.new == 15
    assert len({url for url, _, _ in stories(news)}) == 20
    workers = [int(pid) for pid in pids.read_text().split()]
    assert workers
    assert all(_ends(pid) for pid in workers)


def _ends(pid: int) -> bool:
    """Whether a process that lost its parent ends soon."""
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        try:
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False
