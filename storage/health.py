"""What health is judged by, as rows: how feeds were polled, what they brought, how passes ended.

Comes in: a database, read only. Goes out: plain records. It never says whether something is well:
pipeline/health.py does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlite_utils import Database

LATEST_ENTRIES = 50  # of each feed: its rhythm


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """How a feed has been polled, and the times of its latest entries."""

    source_id: str
    url: str
    failures: int = 0
    last_error: str | None = None
    last_fetched: datetime | None = None
    next_due: datetime | None = None
    gone: datetime | None = None  # since when it answers 410
    last_new: datetime | None = None  # when it last brought anything new
    times: tuple[datetime, ...] = ()  # when its latest entries were published, as far as we know


@dataclass(frozen=True, slots=True)
class StoryRecord:
    """What we know of a story, without its words."""

    author: bool
    minute: bool  # its time is known to the minute
    page: bool  # its text comes from its page, not from the feed
    image: bool
    letters: int
    published: datetime | None
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class PassRecord:
    """How a pass over the whole of the sources went."""

    verb: str
    started: datetime
    finished: datetime | None
    exit_code: int | None
    stopped: str | None
    counts: Mapping[str, object] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)


def feed_records(db: Database) -> list[FeedRecord]:
    """Every feed that is polled, or was until its publisher ended it; by source."""
    rows = db.query(
        "SELECT * FROM feeds WHERE retired IS NULL OR retired NOT IN ('removed', 'moved')"
        " ORDER BY source_id, id"
    )
    return [_feed_record(row, _latest(db, row["id"])) for row in list(rows)]


def _feed_record(row: dict[str, Any], latest: list[tuple[datetime, datetime]]) -> FeedRecord:
    return FeedRecord(
        source_id=row["source_id"],
        url=row["url"],
        failures=row["failures"],
        last_error=row["last_error"],
        last_fetched=from_iso(row["last_fetched"]),
        next_due=from_iso(row["next_due"]),
        gone=from_iso(row["retired"]),
        last_new=max((seen for _, seen in latest), default=None),
        times=tuple(sorted(out for out, _ in latest)),
    )


def _latest(db: Database, feed_id: int) -> list[tuple[datetime, datetime]]:
    """When the latest that a feed listed was published, as far as we know, and when we first saw
    it. A date that lies ahead of that is not believed."""
    found = db.execute(
        "SELECT * FROM (SELECT min(coalesce(published, first_seen), first_seen), first_seen"
        "   FROM entries WHERE feed_id = :feed ORDER BY first_seen DESC LIMIT :most)"
        " UNION ALL SELECT * FROM (SELECT first_seen, first_seen"
        "   FROM discussions WHERE feed_id = :feed ORDER BY first_seen DESC LIMIT :most)",
        {"feed": feed_id, "most": LATEST_ENTRIES},
    )
    return [(_time(out), _time(seen)) for out, seen in found.fetchall()]


def crawled_sources(db: Database) -> list[str]:
    """The sources of the feeds that are polled."""
    found = db.execute("SELECT DISTINCT source_id FROM feeds WHERE retired IS NULL ORDER BY 1")
    return [source for (source,) in found.fetchall()]


def story_records(db: Database, source_id: str, count: int) -> list[StoryRecord]:
    """The latest stories of a source that were crawled, latest first; none without its words."""
    found = db.execute(
        "SELECT authors <> '[]', published_precision = 'minute' AND published IS NOT NULL,"
        " text_from = 'page', image IS NOT NULL, length(text), published, first_seen"
        " FROM stories WHERE source_id = ? AND text_from <> 'import' AND pruned IS NULL"
        " ORDER BY id DESC LIMIT ?",
        (source_id, count),
    )
    return [
        StoryRecord(
            author=bool(author),
            minute=bool(minute),
            page=bool(page),
            image=bool(image),
            letters=letters,
            published=from_iso(published),
            first_seen=_time(seen),
        )
        for author, minute, page, image, letters, published, seen in found.fetchall()
    ]


def events_between(
    db: Database, source_id: str, since: datetime, until: datetime
) -> tuple[int, int]:
    """Events whose latest story lies in that time and that two other sources or more report; and
    in how many of them the source is, too."""
    row = db.execute(
        "SELECT count(*), coalesce(sum(has_it), 0) FROM ("
        "  SELECT max(s.source_id = :it) AS has_it FROM events AS e"
        "  JOIN event_stories AS m ON m.event_id = e.id JOIN stories AS s ON s.id = m.story_id"
        "  WHERE e.last_published >= :since AND e.last_published < :until GROUP BY e.id"
        "  HAVING count(DISTINCT CASE WHEN s.source_id <> :it THEN s.source_id END) >= 2)",
        {"it": source_id, "since": to_iso(since), "until": to_iso(until)},
    ).fetchone()
    return int(row[0]), int(row[1])


def last_pass(db: Database) -> PassRecord | None:
    """The latest crawl or run that has ended; parts of a run are told by it."""
    rows = db.query(
        "SELECT * FROM runs WHERE verb IN ('run', 'crawl') AND part_of IS NULL"
        " AND finished IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    row = next(iter(rows), None)
    if row is None:
        return None
    return PassRecord(
        verb=row["verb"],
        started=_time(row["started"]),
        finished=from_iso(row["finished"]),
        exit_code=row["exit_code"],
        stopped=row["stopped"],
        counts=json.loads(row["counts"]),
        durations=json.loads(row["durations"]),
    )


def _time(text: str) -> datetime:
    moment = from_iso(text)
    assert moment is not None  # the column is NOT NULL
    return moment
