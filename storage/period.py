"""What ranking must know of all events of a period: few columns of many rows, never a text.

Comes in: a span of time and what the events are narrowed to. Goes out: tuples. Whole events are
read by storage/events.py, of those alone that were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.rows import marks
from storage.times import to_iso

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Period:
    """Events with a story in a span of time; those without any date count as of now, those that an
    analyst has called none do not count. What is left empty does not narrow; `edited` lets in those
    of which a story was edited then, however old."""

    since: datetime
    until: datetime
    categories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # at least one of them reports it
    edited: bool = False

    @property
    def where(self) -> tuple[str, tuple[str | None, ...]]:
        """The condition on `events AS e`, and its values."""
        span = [to_iso(self.since), to_iso(self.until)]
        values: list[str | None] = [*span]
        of_then = "e.last_published IS NULL OR (e.last_published >= ? AND e.first_published <= ?)"
        if self.edited:
            of_then += (
                " OR e.id IN (SELECT n.event_id FROM revisions AS v JOIN event_stories AS n"
                " ON n.story_id = v.story_id WHERE v.replaced_at >= ? AND v.replaced_at <= ?)"
            )
            values += span
        told = f"NOT e.not_an_event AND ({of_then})"
        for column, wanted in (("category", self.categories), ("language", self.languages)):
            if wanted:
                told += f" AND e.{column} IN ({marks(wanted)})"
                values += wanted
        if self.sources:
            told += (
                " AND EXISTS (SELECT 1 FROM event_stories AS n JOIN stories AS t"
                f" ON t.id = n.story_id WHERE n.event_id = e.id"
                f" AND t.source_id IN ({marks(self.sources)}))"
            )
            values += self.sources
        return told, tuple(values)


def categories_there(db: Database) -> set[str]:
    """The categories of all events."""
    return {row[0] for row in db.execute("SELECT DISTINCT category FROM events")}


def events_of(db: Database, period: Period) -> list[tuple[Any, ...]]:
    """Id, category, language, first and last report, independent sources, comments."""
    where, values = period.where
    return db.execute(
        "SELECT e.id, e.category, e.language, e.first_published, e.last_published,"
        f" e.independent_count, e.comments FROM events AS e WHERE {where} ORDER BY e.id",
        values,
    ).fetchall()


def reports_of(db: Database, period: Period) -> list[tuple[int, str, str, str | None]]:
    """Every story of those events: event, source, role, time."""
    where, values = period.where
    return db.execute(
        "SELECT e.id, s.source_id, m.role, coalesce(s.published, s.first_seen)"
        " FROM events AS e JOIN event_stories AS m ON m.event_id = e.id"
        f" JOIN stories AS s ON s.id = m.story_id WHERE {where}",
        values,
    ).fetchall()


def relations_of(db: Database, period: Period, score: float) -> list[tuple[int, int]]:
    """Which of those events are related to which other ones, from this score on."""
    where, values = period.where
    return db.execute(
        "SELECT e.id, r.related_id FROM events AS e JOIN related_events AS r"
        f" ON r.event_id = e.id AND r.score >= ? WHERE {where}",
        (score, *values),
    ).fetchall()
