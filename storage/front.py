"""What a front page asks of events: those of a span of time, the days beside it, filters.

Comes in: a span and filters. Goes out: light events (rows without members, figures and relations),
counts and names. Every question here follows an index or is bounded by a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from storage.models import Event
from storage.rows import chunks, marks
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlite_utils import Database

MOST_LOOKED_AT = 5_000  # events of a span, the latest ones; nobody reads further
WRONG_CLOCK = timedelta(hours=1)  # what is dated later than this after now is no news yet


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for; what is left out does not restrict."""

    since: datetime
    until: datetime  # not included
    category: str | None = None
    source: str | None = None
    language: str | None = None  # its first letters
    min_sources: int = 1
    latest_first: bool = False  # else those in most sources first


def light_events(db: Database, wanted: Wanted, most: int) -> tuple[list[Event], int]:
    """The first events with a last report in the span, and how many there are of them in all (up
    to MOST_LOOKED_AT)."""
    conditions, parameters = _conditions(wanted)
    bounded = (
        f"SELECT {_LIGHT}, source_count FROM events AS e WHERE {' AND '.join(conditions)}"
        f" ORDER BY last_published DESC LIMIT {MOST_LOOKED_AT}"
    )
    order = "" if wanted.latest_first else "independent_count DESC, source_count DESC,"
    rows = db.execute(
        f"SELECT {_LIGHT}, count(*) OVER () FROM ({bounded})"
        f" ORDER BY {order} last_published DESC, id LIMIT ?",
        (*parameters, most),
    ).fetchall()
    return [_light(row) for row in rows], rows[0][-1] if rows else 0


def light_events_by_id(db: Database, event_ids: Sequence[int], wanted: Wanted) -> list[Event]:
    """Those of these events that are asked for, in the order of the ids."""
    conditions, parameters = _conditions(wanted)
    found: dict[int, Event] = {}
    for ids in chunks(event_ids):
        where = " AND ".join([f"e.id IN ({marks(ids)})", *conditions])
        rows = db.execute(f"SELECT {_LIGHT} FROM events AS e WHERE {where}", (*ids, *parameters))
        found |= {row[0]: _light(row) for row in rows}
    return [found[id_] for id_ in event_ids if id_ in found]


_LIGHT = (
    "id, title, headline_story, category, language, first_published, last_published,"
    " independent_count, comments"
)


def _light(row: Sequence[Any]) -> Event:
    id_, title, headline, category, language, first, last, independent, comments = row[:9]
    return Event(
        id=id_,
        title=title,
        headline_story=headline,
        members=(),
        category=category,
        language=language,
        first_published=from_iso(first),
        last_published=from_iso(last),
        independent=independent,
        comments=comments,
    )


def _conditions(wanted: Wanted) -> tuple[list[str], list[object]]:
    conditions = ["last_published >= ?", "last_published < ?", "NOT not_an_event"]
    parameters: list[object] = [to_iso(wanted.since), to_iso(wanted.until)]
    if wanted.min_sources > 1:
        conditions.append("independent_count >= ?")
        parameters.append(wanted.min_sources)
    if wanted.category is not None:
        conditions.append("category = ?")
        parameters.append(wanted.category)
    if wanted.language is not None:
        conditions.append("substr(language, 1, 2) = ?")
        parameters.append(wanted.language)
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
