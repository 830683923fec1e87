"""What relating looks at in an event, at hand: its names as numbers, and what else counts.

A cache, as readings are of stories: an event that changes loses its row, and relating makes it
anew. What the bytes mean is known to pipeline/enrich/related.py alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.rows import to_json
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database

# id, names as numbers, last report, category, title, how much its names say in all
Marked = tuple[int, bytes, "datetime", str, str, float]


def save_event_marks(db: Database, marked: Iterable[Marked]) -> None:
    db.conn.executemany(
        "INSERT OR REPLACE INTO event_marks"
        " (event_id, marks, last_published, category, title, length) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (event_id, marks, to_iso(last), category, title, length)
            for event_id, marks, last, category, title, length in marked
        ),
    )


def events_naming(
    db: Database, names: Iterable[str], since: datetime, until: datetime
) -> tuple[list[Marked], set[int]]:
    """Events that use one of the names, with a last report between the two times; and the ids of
    those of which nothing is at hand, of whatever time."""
    rows = db.execute(
        "SELECT id, marks, last_published, category, title, length FROM"
        " (SELECT DISTINCT n.event_id AS id FROM json_each(?) AS wanted"
        " CROSS JOIN event_names AS n ON n.name = wanted.value)"
        " LEFT JOIN event_marks AS m ON m.event_id = id"
        " WHERE m.event_id IS NULL OR last_published BETWEEN ? AND ? ORDER BY id",
        (to_json(sorted(names)), to_iso(since), to_iso(until)),
    )
    found: list[Marked] = []
    missing: set[int] = set()
    for event_id, marks, last, category, title, length in rows:
        moment = from_iso(last) if last else None
        if moment is None:
            missing.add(event_id)
        else:
            found.append((event_id, marks, moment, category, title, length))
    return found, missing
