"""robots.txt files as rows: kept from pass to pass, a bounded amount of them."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.database import transaction
from storage.models import Robots
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database

KEEP = timedelta(days=30)  # RFC 9309's measure of how long a copy may stand in for its site
MOST_BYTES = 64 * 1024 * 1024  # of all files as they are stored; usual ones have less than 1 KB
A_ROW = 200  # bytes that a row takes beside its file


def robots_of(db: Database, site: str) -> Robots | None:
    """What is kept of a site."""
    row = next(iter(db.query("SELECT * FROM robots WHERE site = ?", (site,))), None)
    if row is None:
        return None
    confirmed, due = from_iso(row["confirmed"]), from_iso(row["due"])
    assert confirmed and due  # the columns are NOT NULL
    body = None if row["body"] is None else zlib.decompress(row["body"])
    return Robots(site, body, confirmed, due, row["etag"], row["last_modified"])


def keep_robots(db: Database, site: str, robots: Robots | None) -> None:
    """Keep this of a site; nothing, when there is nothing to keep."""
    with transaction(db):
        if robots is None:
            db.execute("DELETE FROM robots WHERE site = ?", (site,))
            return
        db.execute(
            "INSERT OR REPLACE INTO robots (site, confirmed, due, etag, last_modified, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                site,
                to_iso(robots.confirmed),
                to_iso(robots.due),
                robots.etag,
                robots.last_modified,
                None if robots.body is None else zlib.compress(robots.body),
            ),
        )


def drop_old_robots(db: Database, now: datetime, most: int = MOST_BYTES) -> int:
    """Forget what nobody has confirmed for long, and the oldest beyond so many bytes."""
    with transaction(db):
        dropped = db.execute(
            "DELETE FROM robots WHERE confirmed < ? OR site IN (SELECT site FROM"
            " (SELECT site, sum(coalesce(length(body), 0) + ?) OVER (ORDER BY confirmed DESC, site)"
            " AS total FROM robots) WHERE total > ?)",
            (to_iso(now - KEEP), A_ROW, most),
        )
    return int(dropped.rowcount)
