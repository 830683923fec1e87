"""What an engine has folded, into a new SQLite database.

Comes in: Parquet of stories with readings, and of events, each by id. Goes out: a database as a
local import and fold would have left it, so that every other verb works on it. The rows go through
the functions that a local pass stores with, some thousands in a transaction; the memory does not
grow with them.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pyarrow import dataset

from pipeline.fold_pass import KEEP_READINGS
from pipeline.relate import relate_changed
from pipeline.scale import columns
from storage.database import transaction
from storage.events import Saved, new_event_id, save_events
from storage.readings import drop_old_readings, save_readings
from storage.sources import add_source
from storage.stories import save_folded, set_copies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Source

    Row = dict[str, Any]

AT_ONCE = 2_000  # rows of a transaction
EVERY = 20_000  # rows between two words of progress


def fill(
    db: Database,
    stories: Path,
    events: Path,
    sources: Iterable[Source],
    *,
    now: datetime,
    run_id: int,
    say: Callable[[str], None],
) -> None:
    """Store all of it; the database is new, and nobody else sees it yet."""
    with transaction(db):
        for source in sources:
            add_source(db, source)
    for rows in _told(stories, "stories", say):
        with transaction(db):
            save_folded(db, (columns.story(row, row["id"]) for row in rows), now)
            save_readings(db, (columns.reading(row) for row in rows))
    for rows in _told(events, "events", say):
        with transaction(db):
            _save_events(db, rows, now, run_id)
    with transaction(db):
        drop_old_readings(db, KEEP_READINGS.total_seconds())
    say("relating events")
    relate_changed(db)


def _save_events(db: Database, rows: list[Row], now: datetime, run_id: int) -> None:
    for row in rows:
        new_event_id(db, row["headline_story"], row["id"])
    save_events(
        db,
        [
            Saved(
                columns.event(row),
                row["source_count"],
                columns.matches(row),
                {name["name"]: name["mentions"] for name in row["names"]},
            )
            for row in rows
        ],
        now,
        run_id,
    )
    members = (member for row in rows for member in row["members"])
    set_copies(db, ((m["story_id"], m["copy_of"]) for m in members if m["copy_of"] is not None))


def _told(folder: Path, what: str, say: Callable[[str], None]) -> Iterator[list[Row]]:
    """The rows of a folder of Parquet files, in the order of their names."""
    files = dataset.dataset(sorted(map(str, folder.glob("*.parquet"))))
    rows = (row for batch in files.to_batches(batch_size=AT_ONCE) for row in batch.to_pylist())
    count = 0
    while some := list(islice(rows, AT_ONCE)):
        yield some
        count += len(some)
        if count % EVERY < AT_ONCE:
            say(f"{count} {what} stored")
