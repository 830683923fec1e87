"""Sources and their feeds as rows: what to poll, when it is due, and how the last polls went."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from storage.database import transaction
from storage.models import Feed, Hints, Source
from storage.rows import to_json
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database

UNFINISHED = timedelta(days=1)  # so long pages that nobody asked for are worth a pass of their own


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


def unfinished_feeds(
    db: Database, kind: str, now: datetime, only: tuple[str, ...] = ()
) -> list[Feed]:
    """Feeds that are not due but have pages that nobody has asked for yet: an earlier pass was
    killed, or its time was up. After a day the feed's own words tell the story."""
    rows = db.query(
        "SELECT * FROM feeds AS f WHERE kind = ? AND retired IS NULL AND next_due > ?"
        " AND EXISTS (SELECT 1 FROM entries AS e WHERE e.feed_id = f.id AND e.first_seen > ?"
        "   AND e.status = 'waiting'"
        "   AND NOT EXISTS (SELECT 1 FROM stories WHERE url = e.canonical_url)"
        "   AND NOT EXISTS (SELECT 1 FROM entries AS other WHERE other.status = 'fetched'"
        "     AND other.canonical_url = e.canonical_url)) ORDER BY id",
        (kind, to_iso(now), to_iso(now - UNFINISHED)),
    )
    return [_feed(row) for row in rows if not only or row["source_id"] in only]


def due_of_any_kind(db: Database, now: datetime, only: tuple[str, ...] = ()) -> list[Feed]:
    """The feeds of all kinds that may be polled now."""
    kinds = [row[0] for row in db.execute("SELECT DISTINCT kind FROM feeds ORDER BY kind")]
    return [feed for kind in kinds for feed in due_feeds(db, kind, now, only)]


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
    hints: Hints | None = None,
) -> None:
    """A poll that went well (200 or 304): new validators, the time of the next one; one row.

    Hints stay as they were when none are given.
    """
    values = {
        "last_fetched": to_iso(now),
        "next_due": to_iso(next_due),
        "interval_minutes": interval_minutes,
        "last_status": status,
        "etag": etag,
        "last_modified": last_modified,
        "last_error": None,
        "failures": 0,
        **_hint_columns(hints or feed.hints),
    }
    with transaction(db):
        places = ", ".join(f"{column} = ?" for column in values)
        db.execute(f"UPDATE feeds SET {places} WHERE id = ?", [*values.values(), feed.id])
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


def hold_host(db: Database, host: str, until: datetime, now: datetime) -> None:
    """A host has asked us to stay away; holds that are over are forgotten."""
    with transaction(db):
        db.execute("DELETE FROM held_hosts WHERE until <= ?", (to_iso(now),))
        db.execute(
            "INSERT INTO held_hosts (host, until) VALUES (?, ?)"
            " ON CONFLICT (host) DO UPDATE SET until = max(until, excluded.until)",
            (host, to_iso(until)),
        )


def held_hosts(db: Database, now: datetime) -> dict[str, datetime]:
    """The hosts that are not asked now, each with the time until which that is so."""
    rows = db.query("SELECT host, until FROM held_hosts WHERE until > ?", (to_iso(now),))
    return {row["host"]: until for row in rows if (until := from_iso(row["until"]))}


def _hint_columns(hints: Hints) -> dict[str, Any]:
    return {
        "poll_every": hints.every,
        "skip_hours": to_json(sorted(hints.skip_hours)) if hints.skip_hours else None,
        "skip_days": to_json(sorted(hints.skip_days)) if hints.skip_days else None,
        "hub": hints.hub,
        "hub_topic": hints.topic,
    }


def _hints(row: dict[str, Any]) -> Hints:
    return Hints(
        every=row["poll_every"],
        skip_hours=frozenset(json.loads(row["skip_hours"] or "[]")),
        skip_days=frozenset(json.loads(row["skip_days"] or "[]")),
        hub=row["hub"],
        topic=row["hub_topic"],
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
        hints=_hints(row),
    )
