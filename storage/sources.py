"""Sources and their feeds as rows: what to poll, when it is due, and how the last polls went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.database import transaction
from storage.models import Feed, Source
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database


def save_sources(db: Database, sources: Iterable[Source]) -> int:
    """Add new sources and feeds, and bring known ones up to date; the number of sources.

    What polling learned about a feed (validators, next due time) is kept.
    """
    count = 0
    with transaction(db):
        for source in sources:
            save_source(db, source)
            for feed in source.feeds:
                db.execute(
                    "INSERT INTO feeds (source_id, url, kind, links) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (url) DO UPDATE SET source_id = excluded.source_id,"
                    " kind = excluded.kind, links = excluded.links,"
                    # Whoever adds a feed that was removed wants it again.
                    " retired = nullif(retired, 'removed')",
                    (source.id, feed.url, feed.kind, feed.links),
                )
            count += 1
    return count


def save_source(db: Database, source: Source) -> None:
    db.execute(
        "INSERT INTO sources (id, name, home, language, owner) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, home = excluded.home,"
        " language = excluded.language, owner = excluded.owner",
        (source.id, source.name, source.home, source.language, source.owner),
    )


def add_source(db: Database, source: Source) -> None:
    """Make a source known; one that is known already stays as it is."""
    db.execute(
        "INSERT OR IGNORE INTO sources (id, name, home, language, owner) VALUES (?, ?, ?, ?, ?)",
        (source.id, source.name, source.home, source.language, source.owner),
    )


def all_sources(db: Database) -> list[Source]:
    """Every source with the feeds that are polled, by id."""
    feeds: dict[str, list[Feed]] = {}
    for row in db.query("SELECT * FROM feeds WHERE retired IS NULL ORDER BY id"):
        feeds.setdefault(row["source_id"], []).append(_feed(row))
    return [
        Source(**row, feeds=tuple(feeds.get(row["id"], ())))
        for row in db.query("SELECT * FROM sources ORDER BY id")
    ]


def has_feeds(db: Database) -> bool:
    """Whether any feed has ever been added; stories that were imported have sources without."""
    return db.execute("SELECT 1 FROM feeds LIMIT 1").fetchone() is not None


def feed_rows(db: Database) -> list[dict[str, Any]]:
    """Every feed that is polled, with its source and how its last poll went."""
    return list(
        db.query(
            "SELECT s.id AS source, s.name, s.owner, s.language, f.kind, f.url, f.last_fetched,"
            " f.next_due, f.interval_minutes, f.failures, f.last_status, f.last_error"
            " FROM feeds AS f JOIN sources AS s ON s.id = f.source_id WHERE f.retired IS NULL"
            " ORDER BY s.id, f.id"
        )
    )


def remove_feeds(db: Database, source_id: str) -> int:
    """Stop polling a source; its stories and the source itself stay. The number of feeds."""
    with transaction(db):
        retired = db.execute(
            "UPDATE feeds SET retired = 'removed' WHERE source_id = ? AND retired IS NULL",
            (source_id,),
        )
    return int(retired.rowcount)


def due_feeds(
    db: Database, kind: str, now: datetime, only: tuple[str, ...] = (), *, everything: bool = False
) -> list[Feed]:
    """The feeds of one kind that may be polled now, longest waiting first.

    `only` names sources; `everything` asks for feeds that are not due yet, too.
    """
    rows = db.query(
        "SELECT * FROM feeds WHERE kind = ? AND retired IS NULL"
        " AND (? OR next_due IS NULL OR next_due <= ?) ORDER BY next_due, id",
        (kind, everything, to_iso(now)),
    )
    return [_feed(row) for row in rows if not only or row["source_id"] in only]


def record_answer(
    db: Database,
    feed: Feed,
    *,
    now: datetime,
    next_due: datetime,
    interval_minutes: int,
    status: int,
    etag: str | None = None,
    last_modified: str | None = None,
    moved_to: str | None = None,
) -> None:
    """A poll that went well (200 or 304): new validators, the time of the next one."""
    with transaction(db):
        db.execute(
            "UPDATE feeds SET last_fetched = ?, next_due = ?, interval_minutes = ?,"
            " last_status = ?, etag = ?, last_modified = ?, last_error = NULL, failures = 0"
            " WHERE id = ?",
            (to_iso(now), to_iso(next_due), interval_minutes, status, etag, last_modified, feed.id),
        )
        if moved_to and moved_to != feed.url:
            _move(db, feed, moved_to)


def _move(db: Database, feed: Feed, url: str) -> None:
    """Poll a feed where it has moved to. Where another feed is polled there already (an old list
    was imported again, or two feeds became one), this one is not needed any more."""
    moved = db.execute("UPDATE OR IGNORE feeds SET url = ? WHERE id = ?", (url, feed.id))
    if not moved.rowcount:
        db.execute(
            "UPDATE feeds SET retired = 'moved', last_error = ? WHERE id = ?",
            (f"it has moved to {url}, which is polled already"[:500], feed.id),
        )


def record_failure(
    db: Database,
    feed: Feed,
    *,
    next_due: datetime,
    error: str,
    status: int | None = None,
    retire: datetime | None = None,
) -> None:
    """A poll that failed: why, and when to try again; `retire` when it is gone for good."""
    with transaction(db):
        db.execute(
            "UPDATE feeds SET next_due = ?, last_status = ?, last_error = ?,"
            " failures = failures + 1, retired = coalesce(?, retired) WHERE id = ?",
            (to_iso(next_due), status, error[:500], to_iso(retire), feed.id),
        )


def postpone(db: Database, feed: Feed, *, next_due: datetime, error: str) -> None:
    """A poll that did not take place, or not to its end: why, and when to try again.

    It is nobody's failure, so it does not count as one, and validators stay.
    """
    with transaction(db):
        db.execute(
            "UPDATE feeds SET next_due = max(coalesce(next_due, ''), ?), last_error = ?"
            " WHERE id = ?",
            (to_iso(next_due), error[:500], feed.id),
        )


def _feed(row: dict[str, Any]) -> Feed:
    return Feed(
        url=row["url"],
        source_id=row["source_id"],
        kind=row["kind"],
        links=row["links"],
        id=row["id"],
        etag=row["etag"],
        last_modified=row["last_modified"],
        last_fetched=from_iso(row["last_fetched"]),
        next_due=from_iso(row["next_due"]),
        interval_minutes=row["interval_minutes"],
        failures=row["failures"],
    )
