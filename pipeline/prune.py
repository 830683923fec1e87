"""`newsfold prune`: what lies back longer than it is kept loses its words, step by step.

    ages -> ids of the next step -> weighed -> dropped, in one transaction -> a pause -> the next

Comes in: a database and how long each kind of thing is kept. Goes out: what was dropped, or would
be. Between two steps others write and fold; a prune that is killed has done whole steps, and the
next one does the rest. What goes and what stays is said in storage/pruning.py.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from storage.database import (
    LONG_LOG,
    create_or_open,
    must_exist,
    open_existing,
    snapshot,
    transaction,
    trim_log,
)
from storage.errors import WRONG_CALL, NewsfoldError
from storage.pruning import (
    KINDS,
    WORDS,
    Dropped,
    drop_old_summaries,
    has_vectors,
    old,
    old_summaries,
)
from storage.runs import folding, only_one, recorded
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Story
    from storage.pruning import HashOf, Kind

    Ages = Mapping[str, timedelta]

AT_ONCE = {"text": 100, "pages": 100, "entries": 1000, "runs": 500}  # rows of a step: some .1 s
LEAST_PAUSE, MOST_PAUSE = 0.1, 0.5  # seconds; who waits for the database looks every .1 s
A_WORD_EVERY = 10.0  # seconds


def prune(
    database: Path,
    ages: Ages,
    *,
    now: Callable[[], datetime] = utc_now,
    say: Callable[[str], None] = lambda words: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Dropped:
    """Drop what is older than these ages, by kind: text, pages, entries, runs."""
    _must_name_something(ages)
    must_exist(database)
    with only_one(database, work="prune"):
        db = create_or_open(database)
        try:
            with recorded(db, "prune", now) as run:
                total = Dropped()
                for kind in KINDS:
                    if kind.name in ages:
                        steps = _steps(db, database, kind, now() - ages[kind.name], now, sleep)
                        total = _told(steps, total, kind, say)
                        run.counts = asdict(total)
                if "text" in ages:
                    with transaction(db):
                        before = now() - ages["text"]
                        total += old_summaries(db, before)
                        drop_old_summaries(db, before)
                run.counts = asdict(total)
        finally:
            db.close()
    return total


def would_prune(database: Path, ages: Ages, *, now: Callable[[], datetime] = utc_now) -> Dropped:
    """What prune() would drop; nothing is written."""
    _must_name_something(ages)
    db = open_existing(database)
    total = Dropped()
    with snapshot(db):
        hash_of = _hash_of(db)
        for kind in KINDS:
            if kind.name not in ages:
                continue
            after = 0
            asked = partial(old, now() - ages[kind.name], now(), most=AT_ONCE[kind.name])
            while ids := kind.find(db, asked(after), None):
                total += kind.weigh(db, ids, hash_of)
                after = ids[-1]
        if "text" in ages:
            total += old_summaries(db, now() - ages["text"])
    return total


def _must_name_something(ages: Ages) -> None:
    if not ages:
        raise NewsfoldError(
            "nothing is dropped that is not named: say how long words are kept, such as"
            ' --keep-text 1y, or [keep] text = "1y" in newsfold.toml',
            WRONG_CALL,
        )


def _told(
    steps: Iterator[Dropped], total: Dropped, kind: Kind, say: Callable[[str], None]
) -> Dropped:
    told = time.monotonic()
    for step in steps:
        total += step
        if time.monotonic() - told > A_WORD_EVERY:
            told = time.monotonic()
            say(f"{kind.name}: {total.bytes / 1e6:.0f} MB of words dropped so far")
    return total


def _steps(
    db: Database,
    database: Path,
    kind: Kind,
    before: datetime,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> Iterator[Dropped]:
    hash_of = _hash_of(db)
    asked = partial(old, before, now(), most=AT_ONCE[kind.name])
    after = 0
    # What to drop is looked for before anybody has to wait, and once more when they do: meanwhile
    # a story may have been edited, or an event corrected.
    while ids := kind.find(db, asked(after), None):
        started = time.monotonic()
        with _undisturbed(database, kind), transaction(db):
            still = kind.find(db, asked(after), ids)
            dropped = kind.weigh(db, still, hash_of)
            kind.drop(db, still, now(), hash_of)
        trim_log(db, LONG_LOG)
        yield dropped
        after = ids[-1]
        sleep(min(max(time.monotonic() - started, LEAST_PAUSE), MOST_PAUSE))


@contextmanager
def _undisturbed(database: Path, kind: Kind) -> Iterator[None]:
    """A fold has read the words that it works with: no event is closed under it."""
    if kind is not WORDS:
        yield
        return
    with folding(database):
        yield


def _hash_of(db: Database) -> HashOf | None:
    """By what the vector of a story is found, where there are any."""
    if not has_vectors(db):
        return None
    from pipeline.embeddings import content_hash, embedded_words

    def hash_of(story: Story) -> str:
        return content_hash(embedded_words(story))

    return hash_of
