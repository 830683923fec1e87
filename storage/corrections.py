"""Corrections as rows: what analysts have said of the grouping, and what of it still holds.

Comes in: a verdict on stories. Goes out: Corrections, the oldest first. Nothing is ever deleted:
one that is taken back, or lets a later one win, says so. What they demand of a fold is worked out
in pipeline/constraints.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.models import Correction
from storage.rows import chunks, marks
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import CorrectionVerb, Part


def save_correction(
    db: Database,
    verb: CorrectionVerb,
    event_id: int,
    stories: Mapping[Part, Iterable[int]],
    *,
    by: str,
    now: datetime,
    note: str = "",
    title: str | None = None,
    category: str | None = None,
) -> int:
    """Store a correction; its id."""
    cursor = db.execute(
        "INSERT INTO corrections (verb, event_id, title, category, note, made_by, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (verb, event_id, title, category, note, by, to_iso(now)),
    )
    correction_id = int(cursor.lastrowid or 0)
    db.conn.executemany(
        "INSERT INTO correction_stories (correction_id, story_id, part) VALUES (?, ?, ?)",
        [(correction_id, id_, part) for part, ids in stories.items() for id_ in sorted(ids)],
    )
    return correction_id


def release(db: Database, correction_id: int, story_ids: Iterable[int], by: int) -> None:
    """Of these stories a correction says nothing any more, since a later one was let win."""
    for ids in chunks(story_ids):
        db.execute(
            "UPDATE correction_stories SET released_by = ? WHERE correction_id = ?"
            f" AND released_by IS NULL AND story_id IN ({marks(ids)})",
            (by, correction_id, *ids),
        )


def undo_correction(db: Database, correction_id: int, *, by: str, now: datetime) -> None:
    """Take a correction back. What it had released holds again."""
    db.execute(
        "UPDATE corrections SET undone_by = ?, undone_at = ?, pending = 1 WHERE id = ?",
        (by, to_iso(now), correction_id),
    )
    db.execute(
        "UPDATE correction_stories SET released_by = NULL WHERE released_by = ?", (correction_id,)
    )


def pending_corrections(db: Database) -> list[Correction]:
    """Those that no fold has brought about yet: made, or taken back, since the last one."""
    return _read(db, "pending")


def no_more_pending(db: Database, corrections: Iterable[Correction]) -> None:
    """A fold has brought these about. One that was taken back meanwhile goes on waiting."""
    db.conn.executemany(
        "UPDATE corrections SET pending = 0 WHERE id = ? AND undone_at IS ?",
        [(each.id, to_iso(each.undone_at)) for each in corrections],
    )


def all_corrections(db: Database) -> list[Correction]:
    """Every correction there ever was."""
    return _read(db, "1")


def corrections_that_hold(db: Database, at: datetime | None = None) -> list[Correction]:
    """Those that nobody has taken back; or had by then."""
    if at is None:
        return _read(db, "undone_at IS NULL")
    moment = to_iso(at)
    return _read(db, "made_at <= ? AND (undone_at IS NULL OR undone_at > ?)", (moment, moment))


def corrections_of_event(db: Database, event_id: int) -> list[Correction]:
    """Those about stories that are in the event now, or said of the event itself."""
    return _read(
        db,
        "event_id = ? OR id IN (SELECT c.correction_id FROM correction_stories AS c"
        " JOIN event_stories AS m ON m.story_id = c.story_id WHERE m.event_id = ?)",
        (event_id, event_id),
    )


def correction_by_id(db: Database, correction_id: int) -> Correction | None:
    return next(iter(_read(db, "id = ?", (correction_id,))), None)


def stories_of_correction(db: Database, correction_id: int) -> set[int]:
    """All stories that it was made about, and those of what it released."""
    rows = db.execute(
        "SELECT story_id FROM correction_stories WHERE correction_id = ? OR released_by = ?",
        (correction_id, correction_id),
    )
    return {row[0] for row in rows}


def _read(db: Database, where: str, parameters: tuple[object, ...] = ()) -> list[Correction]:
    rows = list(db.query(f"SELECT * FROM corrections WHERE {where} ORDER BY id", parameters))
    parts: dict[int, dict[Part, set[int]]] = {row["id"]: {} for row in rows}
    for ids in chunks(parts):
        for correction_id, story_id, part in db.execute(
            "SELECT correction_id, story_id, part FROM correction_stories"
            f" WHERE released_by IS NULL AND correction_id IN ({marks(ids)})",
            ids,
        ):
            parts[correction_id].setdefault(part, set()).add(story_id)
    return [
        Correction(
            id=row["id"],
            verb=row["verb"],
            event_id=row["event_id"],
            made_by=row["made_by"],
            made_at=_moment(row["made_at"]),
            stories={part: frozenset(ids) for part, ids in parts[row["id"]].items()},
            title=row["title"],
            category=row["category"],
            note=row["note"],
            undone_by=row["undone_by"],
            undone_at=from_iso(row["undone_at"]),
        )
        for row in rows
    ]


def _moment(text: str) -> datetime:
    moment = from_iso(text)
    assert moment is not None  # the column is never null
    return moment
