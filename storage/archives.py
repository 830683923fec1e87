"""Web archives as rows: which were read to their end, so that none is read twice.

Comes in: the name of an archive and what tells one state of it from another. Goes out: whether it
is done. What is in it is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.database import transaction
from storage.rows import to_json
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlite_utils import Database


def is_done(db: Database, name: str, size: int | None, etag: str | None) -> bool:
    """Whether an archive was read to its end in this state."""
    found = db.execute(
        "SELECT 1 FROM archives WHERE name = ? AND finished IS NOT NULL AND error IS NULL"
        " AND size IS ? AND etag IS ?",
        (name, size, etag),
    )
    return found.fetchone() is not None


def etag_when_done(db: Database, name: str) -> str | None:
    """What the server of an archive that is done called the state that was read."""
    row = db.execute(
        "SELECT etag FROM archives WHERE name = ? AND finished IS NOT NULL AND error IS NULL",
        (name,),
    ).fetchone()
    return row[0] if row else None


def begin_archive(
    db: Database, name: str, size: int | None, etag: str | None, now: datetime
) -> None:
    """It is being read. One that was being read when a pass was killed begins anew."""
    with transaction(db):
        db.execute(
            "INSERT OR REPLACE INTO archives (name, size, etag, begun, counts)"
            " VALUES (?, ?, ?, ?, '{}')",
            (name, size, etag, to_iso(now)),
        )


def end_archive(
    db: Database, name: str, counts: Mapping[str, int], now: datetime, error: str | None = None
) -> None:
    """All of it was read and stored; or `error` says why it could not be."""
    with transaction(db):
        db.execute(
            "INSERT INTO archives (name, begun, counts) VALUES (?, ?, '{}')"
            " ON CONFLICT (name) DO NOTHING",
            (name, to_iso(now)),
        )
        db.execute(
            "UPDATE archives SET finished = ?, counts = ?, error = ? WHERE name = ?",
            (to_iso(now), to_json(dict(counts)), error, name),
        )
