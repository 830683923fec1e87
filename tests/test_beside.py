"""Reading beside a crawl: pages are read as they come in, each once, whatever ends the crawl."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from crawlers import extraction
from crawlers.beside import ExtractionBeside
from crawlers.extraction import LOOK_EVERY, PAGES_A_WORKER, extract_waiting
from crawlers.pool import each
from crawlers.urls import canonical_url
from storage.database import create_or_open
from storage.models import Entry, Feed, Page, Source
from storage.pages import count_waiting_pages, save_entries, save_page
from storage.sources import due_feeds, save_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

NOW = datetime(2026, 4, 8, 18, tzinfo=UTC)
LINE = "<p>Paragraph {} of the {} story on the quay, long enough to be read as one by anybody.</p>"


def clock() -> datetime:
    return NOW


@pytest.fixture
def news(tmp_path: Path) -> Path:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    feed = Feed("https://news.example.com/feed", "example")
    save_sources(db, [Source("example", "Example", "https://news.example.com", "en", "E", (feed,))])
    (feed,) = due_feeds(db, "feed", NOW)
    entries = [Entry(url=f"https://news.example.com/{n}", title=f"Story {n}") for n in range(60)]
    save_entries(db, feed, ((entry, canonical_url(entry.url)) for entry in entries), NOW)
    db.close()
    return path


def store(path: Path, numbers: Iterable[int], word: str = "first") -> None:
    """What a crawl does: the pages of these entries."""
    db = create_or_open(path)
    for number in numbers:
        body = "".join(LINE.format(line, word) for line in range(6))
        html = f"<title>Story {number}</title><article><h1>Story {number}</h1>{body}</article>"
        url = f"https://news.example.com/{number}"
        save_page(db, Page(number + 1, url, f"<html>{html}</html>".encode(), NOW))
    db.close()


def waiting(path: Path) -> int:
    db = create_or_open(path)
    try:
        return count_waiting_pages(db)
    finally:
        db.close()


def stories(path: Path) -> int:
    db = create_or_open(path)
    try:
        return int(db.execute("SELECT count(*) FROM stories").fetchone()[0])
    finally:
        db.close()


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pages_are_read_while_they_come_in(news: Path) -> None:
    store(news, range(PAGES_A_WORKER))
    with ExtractionBeside(news, now=clock) as beside:
        wait_until(lambda: beside.done == PAGES_A_WORKER)
        store(news, range(PAGES_A_WORKER, 30))
        store(news, [3], "second")  # asked for again: its page has an earlier place than the others
        wait_until(lambda: beside.done == 31)
        assert waiting(news) == 0
        report = beside.finish()
    assert (report.new, report.changed, report.known, report.no_article) == (30, 1, 0, {})


def test_few_pages_start_no_process_before_the_crawl_has_ended(
    news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    pool = extraction.each

    def counted(*told: object, workers: int, **more: object) -> object:
        started.append(workers)
        return pool(*told, workers=workers, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(extraction, "each", counted)
    with ExtractionBeside(news, now=clock) as beside:
        store(news, range(3))
        time.sleep(4 * LOOK_EVERY)
        assert started == []
        assert beside.finish().new == 3
    assert started == [1]


def test_a_crawl_that_fails_leaves_the_rest_waiting(news: Path) -> None:
    store(news, range(60))
    with pytest.raises(RuntimeError), ExtractionBeside(news, now=clock) as beside:
        wait_until(lambda: beside.done > 0)
        raise RuntimeError
    read = stories(news)
    assert 0 < read == 60 - waiting(news) < 60
    assert extract_waiting(news, now=clock).new == 60 - read


def test_no_page_is_begun_when_the_time_is_up(news: Path) -> None:
    with ExtractionBeside(news, now=clock) as beside:
        store(news, range(3))
        assert beside.finish(seconds=0).new == 0
    assert waiting(news) == 3


def test_progress_is_told_of_what_the_crawl_has_left(news: Path) -> None:
    told: list[tuple[int, int]] = []
    with ExtractionBeside(news, now=clock) as beside:
        store(news, range(3))
        beside.finish(progress=lambda *state: told.append(state))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_its_own_failure_is_raised_where_the_report_is_asked_for(
    news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(extraction, "create_or_open", broken)
    with (
        ExtractionBeside(news, now=clock) as beside,
        pytest.raises(sqlite3.OperationalError, match="full"),
    ):
        beside.finish()


def test_results_come_while_there_is_no_job() -> None:
    seen: list[object] = []

    def jobs() -> Iterator[int | None]:
        yield -1
        while not seen:
            yield None
        yield -2

    for _, result in each(abs, jobs(), workers=1, seconds=5):
        seen.append(result)
    assert seen == [1, 2]
