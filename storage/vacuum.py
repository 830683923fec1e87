"""Give free room back and tidy the indexes, beside readers and writers.

    full-text indexes merged -> free pages handed back -> the write-ahead log emptied

Comes in: a database. Goes out: what its file holds now. All goes in small transactions with pauses;
only `full` makes the file anew, and lets writers wait for that long. Rows are never changed.

A database of before 0.1.0 was not made for handing back pages; a full vacuum changes that once.
"""

from __future__ import annotations

import shutil
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import create_or_open, must_exist, transaction, trim_log
from storage.errors import NewsfoldError
from storage.runs import folding, only_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlite_utils import Database

INDEXES = ("stories_search", "events_search", "stories_unspaced", "events_unspaced")
MERGE_PAGES = 200  # of an index that one step writes: some .05 s
FREE_PAGES = 500  # that one step hands back: others wait some .06 s for it
PAUSE = 0.1  # seconds between two steps; who waits for the database looks every .1 s
INCREMENTAL = 2  # of PRAGMA auto_vacuum
A_WORD_EVERY = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a file holds before and after, in bytes."""

    before: int
    after: int
    free: int  # in the file still: the next writes use it
    log: int  # the write-ahead log beside it; more than 0 where a reader has held it


def vacuum(
    database: Path,
    *,
    full: bool = False,
    say: Callable[[str], None] = lambda words: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Vacuumed:
    """Tidy a database. Raises NewsfoldError where a full vacuum lacks the room on the disk."""
    must_exist(database)
    with only_one(database, work="vacuum"), closing(create_or_open(database)) as db:
        before = database.stat().st_size
        for index in INDEXES:
            _merge(db, index, say, sleep)
        # A pass would only wait; and one that waits too long gives up.
        with only_one(database, wait=True) if full else nullcontext():
            if full:
                _make_anew(db, database, say)
            elif _number(db, "auto_vacuum") == INCREMENTAL:
                _hand_back(db, say, sleep)
            else:
                say(
                    "this file was not made for handing back room in steps; once, while no pass has"
                    f" to run: newsfold vacuum --full {database}"
                )
        log = trim_log(db)
        free = _number(db, "freelist_count") * _number(db, "page_size")
        return Vacuumed(before, database.stat().st_size, free, log)


def _merge(
    db: Database, index: str, say: Callable[[str], None], sleep: Callable[[float], None]
) -> None:
    """Put the parts of a full-text index together. A first step with a negative number of pages
    begins that, the others go on; one that writes nothing says that all is done."""
    pages, told = -MERGE_PAGES, time.monotonic()
    while True:
        started = db.conn.total_changes
        with transaction(db):
            db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))
        if db.conn.total_changes - started < 2:  # the statement itself counts as one
            return
        pages = MERGE_PAGES
        if time.monotonic() - told > A_WORD_EVERY:
            told = time.monotonic()
            say(f"merging {index}")
        sleep(PAUSE)


def _hand_back(db: Database, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    told = time.monotonic()
    while free := _number(db, "freelist_count"):
        # Not execute(): that takes one page alone.
        db.conn.executescript(f"PRAGMA incremental_vacuum({min(free, FREE_PAGES)})")
        if _number(db, "freelist_count") >= free:
            return  # others filled or freed more meanwhile; the next call goes on
        if time.monotonic() - told > A_WORD_EVERY:
            told = time.monotonic()
            say(f"{free * _number(db, 'page_size') / 1e6:.0f} MB to hand back")
        sleep(PAUSE)


def _make_anew(db: Database, database: Path, say: Callable[[str], None]) -> None:
    with folding(database):
        size = _number(db, "page_count") * _number(db, "page_size")
        room = shutil.disk_usage(database.parent).free
        if room < 2 * size:  # the new file, and the log through which it comes
            raise NewsfoldError(
                f"{database}: a full vacuum needs {2 * size / 1e6:.0f} MB of free room beside it,"
                f" there are {room / 1e6:.0f}; free some, or leave out --full"
            )
        say(f"making {size / 1e6:.0f} MB anew; whoever writes waits for it, readers do not")
        trim_log(db)
        db.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        db.execute("VACUUM")


def _number(db: Database, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])
