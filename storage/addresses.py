"""Where else stories stand, as rows: what leads to a story is about that story."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.database import transaction
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database

KEEP = timedelta(days=60)  # what is news is discussed within days


def story_at_address(db: Database, url: str) -> str:
    """The canonical URL of the story at an address; the address itself where none is known."""
    found = db.execute(
        "SELECT story_url FROM addresses WHERE url = ? AND story_url IS NOT NULL", (url,)
    ).fetchone()
    return str(found[0]) if found else url


def follow_story(
    db: Database, entry_id: int | None, url: str, others: Iterable[str], now: datetime
) -> None:
    """The page of an entry turned out to be the story at `url`, which is known to stand at
    `others`, too. What is said of these addresses is said of that story."""
    _forget(db, url)
    own = db.execute(
        "SELECT canonical_url FROM entries WHERE id = ? AND canonical_url <> ?", (entry_id, url)
    ).fetchone()
    if own:
        # What was told by the feed's words stood there.
        for table in ("addresses", "discussions"):
            db.execute(f"UPDATE {table} SET story_url = ? WHERE story_url = ?", (url, own[0]))
        db.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?, ?)", (own[0], url, to_iso(now)))
        _settle(db, own[0])
    for other in others:
        if not own or other != own[0]:
            _claim(db, other, url, now)


def drop_old_addresses(db: Database, now: datetime) -> int:
    """Forget what was not told for long."""
    with transaction(db):
        dropped = db.execute("DELETE FROM addresses WHERE seen < ?", (to_iso(now - KEEP),))
    return int(dropped.rowcount)


def _forget(db: Database, url: str) -> None:
    """A story stands there itself."""
    if db.execute("DELETE FROM addresses WHERE url = ?", (url,)).rowcount:
        _settle(db, url)


def _claim(db: Database, other: str, url: str, now: datetime) -> None:
    """An address at which an entry or a story stands is known better than by a claim; one that is
    told of two stories tells nothing."""
    taken = db.execute(
        "SELECT 1 FROM entries WHERE canonical_url = ?1"
        " UNION ALL SELECT 1 FROM stories WHERE url = ?1",
        (other,),
    ).fetchone()
    if taken:
        return
    db.execute(
        "INSERT INTO addresses VALUES (?, ?, ?) ON CONFLICT (url) DO UPDATE SET"
        " story_url = CASE WHEN story_url = excluded.story_url THEN story_url END,"
        " seen = excluded.seen",
        (other, url, to_iso(now)),
    )
    _settle(db, other)


def _settle(db: Database, link: str) -> None:
    """Discussions that link to an address are about what is known to stand there now."""
    db.execute(
        "UPDATE discussions SET story_url = ? WHERE link = ?", (story_at_address(db, link), link)
    )
