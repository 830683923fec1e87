"""What a front page asks of events: those of a span of time, the days beside it, filters.

Comes in: a span and filters. Goes out: light events (rows without members, figures and relations),
counts and names. Every question here follows an index or is bounded by a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from storage.models import Event
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlite_utils import Database

MOST_LOOKED_AT = 5_000  # events of a span, the latest ones; nobody reads further
WRONG_CLOCK = timedelta(hours=1)  # what is dated later than this after now is no news yet


@dataclass(frozen=True, slots=True)
class Span:
    """Which events are asked for; what is left out does not restrict."""

    since: datetime
    until: datetime  # not included
    category: str | None = None
    source: str | None = None
    language: str | None = None  # its first letters
    min_sources: int = 1


def events_in_span(db: Database, wanted: Span, most: int) -> tuple[list[Event], int]:
    """The events with a last report in the span, those in most sources first, and how many there
    are of them in all (up to MOST_LOOKED_AT, the latest ones)."""
    conditions, parameters = _conditions(wanted)
    bounded = (
        f"SELECT {_LIGHT} FROM events AS e WHERE {' AND '.join(conditions)}"
        f" ORDER BY last_published DESC LIMIT {MOST_LOOKED_AT}"
    )
    rows = list(
        db.query(
            f"SELECT *, count(*) OVER () AS found FROM ({bounded})"
            " ORDER BY independent_count DESC, source_count DESC, last_published DESC, id LIMIT ?",
            (*parameters, most),
        )
    )
    return [light_event(row) for row in rows], rows[0]["found"] if rows else 0


_LIGHT = (
    "id, title, headline_story, category, language, first_published, last_published,"
    " independent_count, source_count, comments"
)


def light_event(row: Mapping[str, Any]) -> Event:
    """An event as its row tells it."""
    return Event(
        id=row["id"],
        title=row["title"],
        headline_story=row["headline_story"],
        members=(),
        category=row["category"],
        language=row["language"],
        first_published=from_iso(row["first_published"]),
        last_published=from_iso(row["last_published"]),
        independent=row["independent_count"],
        comments=row["comments"],
    )


def _conditions(wanted: Span) -> tuple[list[str], list[object]]:
    conditions = ["last_published >= ?", "last_published < ?", "NOT not_an_event"]
    parameters: list[object] = [to_iso(wanted.since), to_iso(wanted.until)]
    if wanted.min_sources > 1:
        conditions.append("independent_count >= ?")
        parameters.append(wanted.min_sources)
    if wanted.category is not None:
        conditions.append("category = ?")
        parameters.append(wanted.category)
    if wanted.language is not None:  # pt asks for pt-BR, too
        conditions.append("substr(language || '-', 1, length(?) + 1) = ? || '-' COLLATE NOCASE")
        parameters += [wanted.language, wanted.language]
    if wanted.source is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM event_sources AS c WHERE c.event_id = e.id AND c.source_id = ?)"
        )
        parameters.append(wanted.source)
    return conditions, parameters


def is_no_event(db: Database, event_id: int) -> bool:
    """Whether an analyst says that nothing happened."""
    found = db.execute("SELECT not_an_event FROM events WHERE id = ?", (event_id,)).fetchone()
    return bool(found and found[0])


def last_report(db: Database, before: datetime) -> datetime | None:
    """When the last event before a time was last reported."""
    return _moment(db, "max", "<", before)


def next_report(db: Database, since: datetime) -> datetime | None:
    """When the first event from a time on was last reported."""
    return _moment(db, "min", ">=", since)


def _moment(db: Database, extreme: str, compared: str, moment: datetime) -> datetime | None:
    found = db.execute(
        f"SELECT {extreme}(last_published) FROM events WHERE last_published {compared} ?",
        (to_iso(moment),),
    ).fetchone()
    return from_iso(found[0])


def stories_by_span(db: Database, bounds: Iterable[tuple[datetime, datetime]]) -> list[int]:
    """How many stories there are in each span; answered by the index alone."""
    counted = (
        "SELECT count(*) FROM stories WHERE coalesce(published, first_seen) >= ?"
        " AND coalesce(published, first_seen) < ?"
    )
    return [
        int(db.execute(counted, (to_iso(since), to_iso(until))).fetchone()[0])
        for since, until in bounds
    ]


def categories_of_events(db: Database) -> list[str]:
    """Every category that an event has, jumping from one to the next along the index."""
    rows = db.execute(
        "WITH RECURSIVE known(category) AS (SELECT min(category) FROM events UNION ALL"
        " SELECT (SELECT min(category) FROM events WHERE category > known.category)"
        " FROM known WHERE known.category IS NOT NULL)"
        " SELECT category FROM known WHERE category > ''"
    )
    return [row[0] for row in rows]


def names_of_sources(db: Database) -> list[tuple[str, str, str]]:
    """Id, name and language of every source, by name."""
    rows = db.execute("SELECT id, name, language FROM sources ORDER BY name COLLATE NOCASE, id")
    return [(row[0], row[1], row[2]) for row in rows]
