"""Pages waiting in the database -> stories.

HTML is read in a pool of processes, after the crawl that brings it or beside it (beside.py); the
database is written by this process alone, a story and the mark on its page in one transaction. So
a pass that is killed anywhere loses nothing, and the next one goes on where it ended. Entries
whose page gives no story are told by the feed's own words. It never fetches anything.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from crawlers.pool import Lost, each
from storage.addresses import follow_story
from storage.database import create_or_open, transaction
from storage.pages import (
    count_waiting_pages,
    entries_without_page,
    is_told_by_another,
    mark_extracted,
    waiting_pages,
)
from storage.stories import move_feed_story, save_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Entry, Page, Story
    from storage.stories import Saved

    Job = tuple[int, Page, Entry]
    Clock = Callable[[], datetime]

SECONDS_A_PAGE = 30.0  # a thousand times the usual; then a page is given up
PAGES_A_WORKER = 25  # below this, another worker costs more to start than it saves
LOOK_EVERY = 0.1  # seconds between two looks for pages that a crawl has stored


@dataclass
class Inflow:
    """What an extraction is told while it works: whether more pages are coming, and when (by
    time.monotonic()) it is to begin no other page."""

    coming: bool = False
    end: float = math.inf

    def in_time(self, _: object = None) -> bool:
        return time.monotonic() < self.end


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """What a pass made of the pages that waited."""

    new: int
    changed: int
    known: int
    no_article: Mapping[str, int]  # pages without a story, by reason
    from_feed: int  # stories told by the feed's own words
    seconds: float


def extract_waiting(
    database: Path,
    *,
    now: Clock,
    workers: int | None = None,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExtractionReport:
    """Make stories of all pages that wait; `progress` is told how many of how many are done.
    After so many `seconds` no other page is begun, and the rest waits on.

    `workers` is the number of processes, by default one a processor; with 0 pages are read in
    this process, where a hostile page can take the pass down with it.
    """
    end = math.inf if seconds is None else time.monotonic() + seconds
    return extract(database, Inflow(end=end), now=now, workers=workers, progress=progress)


def extract(
    database: Path,
    inflow: Inflow,
    *,
    now: Clock,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExtractionReport:
    """The same of all pages that wait or come in."""
    started = time.perf_counter()
    db = create_or_open(database)
    try:
        saved, reasons = _from_pages(db, now, workers, inflow, progress)
        from_feed = _from_entries(db, now)
    finally:
        db.close()
    return ExtractionReport(
        new=saved["new"],
        changed=saved["changed"],
        known=saved["known"],
        no_article=dict(reasons),
        from_feed=from_feed,
        seconds=time.perf_counter() - started,
    )


def _from_pages(
    db: Database,
    now: Clock,
    workers: int | None,
    inflow: Inflow,
    progress: Callable[[int, int], None] | None,
) -> tuple[Counter[Saved], Counter[str]]:
    saved: Counter[Saved] = Counter()
    reasons: Counter[str] = Counter()
    flying: set[int] = set()
    total = _worth_a_start(db, inflow)
    processes = _processes(total, inflow) if workers is None else workers
    jobs = takewhile(inflow.in_time, _jobs(db, inflow, flying))
    results = each(_read, jobs, workers=processes, seconds=SECONDS_A_PAGE)
    for done, ((page_id, page, _), result) in enumerate(results, 1):
        if isinstance(result, Lost | str):
            reason = result.reason if isinstance(result, Lost) else result
            with transaction(db):
                mark_extracted(db, page_id, now(), reason)
            reasons[reason] += 1
        else:
            saved[_save(db, page_id, page.entry_id, result, now())] += 1
        flying.discard(page_id)
        if done > total:
            total = done + count_waiting_pages(db)
        if progress:
            progress(done, total)
    return saved, reasons


def _worth_a_start(db: Database, inflow: Inflow) -> int:
    """How many pages wait, once they are enough for a worker or no more are coming."""
    while inflow.coming and count_waiting_pages(db) < PAGES_A_WORKER:
        time.sleep(LOOK_EVERY)
    return count_waiting_pages(db)


def _jobs(db: Database, inflow: Inflow, flying: set[int]) -> Iterator[Job | None]:
    """Pages to read; None while more are coming, but none is there. `flying` are being read."""
    coming = True
    while coming:
        coming = inflow.coming  # asked first: what comes in before the answer is no is seen below
        for batch in waiting_pages(db, besides=flying):
            for job in batch:
                flying.add(job[0])
                yield job
        if coming:
            time.sleep(LOOK_EVERY)
            yield None


def _read(job: Job) -> Story | str:
    """A page's story, or why there is none; runs in a worker."""
    from crawlers.articles import NoArticle, read_article

    _, page, entry = job
    try:
        return read_article(page, entry)
    except NoArticle as nothing:
        return nothing.reason


def _save(db: Database, page_id: int, entry_id: int, story: Story, now: datetime) -> Saved:
    with transaction(db):
        known = is_told_by_another(db, entry_id, story.url)
        if not known:
            move_feed_story(db, entry_id, story.url)
        saved: Saved = "known" if known else save_story(db, story, now)
        mark_extracted(db, page_id, now)
        follow_story(db, entry_id, story.url, story.also_at, now)
    return saved


def _from_entries(db: Database, now: Clock) -> int:
    from crawlers.articles import story_from_entry

    entries = entries_without_page(db, now())
    with transaction(db):
        saved = [_save_told(db, story_from_entry(entry), now()) for entry in entries]
    return saved.count("new")


def _save_told(db: Database, story: Story, now: datetime) -> Saved:
    follow_story(db, None, story.url, story.also_at, now)
    return save_story(db, story, now)


def _processes(pages: int, inflow: Inflow) -> int:
    processors = int(getattr(os, "process_cpu_count", os.cpu_count)() or 1)
    return processors if inflow.coming else min(processors, -(-pages // PAGES_A_WORKER))
