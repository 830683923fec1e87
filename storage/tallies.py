"""Tallies of events: what each source has of them, who was first, who reports with whom.

Comes in: ids of events. Goes out: rows of `event_sources`, `leads`, `source_days` and
`source_pairs`, in step with the events that they count. An event is taken out before it is
changed, and put in again when it is saved: so nothing is ever counted over all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.rows import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlite_utils import Database

# When a story was out at the latest: a date without a time of day is out by its end. Stories that
# were out at once stand in the order of their URLs.
_AT = "coalesce(s.published, s.first_seen)"
_APPEARED = (
    "CASE WHEN s.published IS NOT NULL AND s.published_precision = 'day'"
    f" THEN substr(s.published, 1, 10) || 'T23:59:59Z' ELSE {_AT} END || ' ' || s.url"
)
_PRECISION = "CASE WHEN s.published IS NULL THEN 'seen' ELSE s.published_precision END"
_MEMBERS = "event_stories AS m JOIN stories AS s ON s.id = m.story_id"

_SOURCES_IN = f"""INSERT INTO event_sources
SELECT event_id, source_id, category, id, at, precision, stories, originals, rewrites, copies FROM (
  SELECT m.event_id, s.source_id, e.category, s.id, {_AT} AS at, {_PRECISION} AS precision,
    count(*) AS stories, sum(m.role = 'original') AS originals,
    sum(m.role = 'rewrite') AS rewrites, sum(m.role = 'copy') AS copies,
    min({_APPEARED}) -- by which SQLite takes the columns above from the first story
  FROM {_MEMBERS} JOIN events AS e ON e.id = m.event_id
  WHERE {{chosen}} GROUP BY m.event_id, s.source_id
)"""

_LEADS_IN = f"""INSERT INTO leads
WITH told AS (
  SELECT m.event_id, s.id, s.source_id, m.role, o.owner, {_AT} AS at, {_PRECISION} AS precision,
    row_number() OVER (PARTITION BY m.event_id ORDER BY {_APPEARED}) AS place
  FROM events AS e CROSS JOIN {_MEMBERS} CROSS JOIN sources AS o
  WHERE e.source_count > 1 AND {{chosen}} AND m.event_id = e.id AND o.id = s.source_id
), followed AS (
  SELECT f.event_id, f.source_id, f.id, f.at, f.precision, n.source_id AS next_source,
    n.id AS next_id, n.at AS next_at, n.precision AS next_precision, min(n.place)
  FROM told AS f JOIN told AS n ON n.event_id = f.event_id
  WHERE f.place = 1 AND n.owner <> f.owner AND n.role <> 'copy' GROUP BY f.event_id
), judged AS (
  SELECT *, CASE
    WHEN precision = 'minute' AND next_precision = 'minute' THEN 'minute'
    WHEN precision IN ('minute', 'day') AND next_precision IN ('minute', 'day') THEN 'day'
    ELSE 'guessed' END AS certainty,
    strftime('%s', CASE precision WHEN 'day' THEN date(at, '+1 day') ELSE at END) AS out_by,
    strftime('%s', CASE next_precision WHEN 'day' THEN date(next_at) ELSE next_at END) AS next_from
  FROM followed
)
SELECT event_id, source_id, id, at, next_source, next_id, next_at, certainty,
  CASE WHEN certainty <> 'guessed' THEN max(0, (next_from - out_by) / 60) END FROM judged"""

_DAYS = """INSERT INTO source_days
SELECT substr(published, 1, 10) AS day, source_id, category, {sign}count(*), {sign}sum(stories),
  {sign}sum(originals), {sign}sum(rewrites), {sign}sum(copies)
FROM event_sources AS e WHERE {chosen} GROUP BY 1, 2, 3
ON CONFLICT (day, source_id, category) DO UPDATE SET events = events + excluded.events,
  stories = stories + excluded.stories, originals = originals + excluded.originals,
  rewrites = rewrites + excluded.rewrites, copies = copies + excluded.copies"""

# Each pair in both orders; a source with itself counts what it reports together with any other.
# What everybody reports says nothing of who reports with whom, and would be a million pairs.
_PAIRS = """INSERT INTO source_pairs
WITH told AS (
  SELECT e.event_id FROM event_sources AS e WHERE {chosen}
  GROUP BY e.event_id HAVING count(*) BETWEEN 2 AND {most}
)
SELECT e.source_id, o.source_id, {sign}count(*)
FROM told CROSS JOIN event_sources AS e ON e.event_id = told.event_id
  CROSS JOIN event_sources AS o ON o.event_id = told.event_id
GROUP BY 1, 2
ON CONFLICT (source_id, other_id) DO UPDATE SET events = events + excluded.events"""
MOST_PAIRED = 200  # sources of an event; views.sql and migrations.py tell of it


def take_out(db: Database, event_ids: Iterable[int]) -> None:
    """Count these events no more; to be called before they change."""
    for ids in chunks(event_ids):
        _count(db, "-", f"IN ({marks(ids)})", ids)
        for table in ("event_sources", "leads"):
            db.execute(f"DELETE FROM {table} WHERE event_id IN ({marks(ids)})", ids)


def put_in(db: Database, event_ids: Iterable[int]) -> None:
    """Count these events as they are now."""
    for ids in chunks(event_ids):
        _put_in(db, f"IN ({marks(ids)})", ids)
    drop_empty(db)


def drop_empty(db: Database) -> None:
    """Drop the tallies that nothing is left of."""
    for table in ("source_days", "source_pairs"):
        db.execute(f"DELETE FROM {table} WHERE events = 0")


def tally_everything(db: Database) -> None:
    """Count all events, where none was counted yet."""
    _put_in(db, "IS NOT NULL", ())


def pair_anew(db: Database) -> None:
    """Count who reports with whom over all events again."""
    db.execute("DELETE FROM source_pairs")
    db.execute(_PAIRS.format(sign="", chosen="true", most=MOST_PAIRED))


def _put_in(db: Database, which: str, ids: Sequence[int]) -> None:
    for statement in (_SOURCES_IN, _LEADS_IN):
        db.execute(statement.format(chosen=f"e.id {which}"), ids)
    _count(db, "", which, ids)


def _count(db: Database, sign: str, which: str, ids: Sequence[int]) -> None:
    for statement in (_DAYS, _PAIRS):
        chosen = f"e.event_id {which}"
        db.execute(statement.format(sign=sign, chosen=chosen, most=MOST_PAIRED), ids)
