"""Discussions as rows: what is said elsewhere of a story, whether it is ours yet or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.addresses import story_at_address
from storage.database import transaction
from storage.models import Discussion
from storage.rows import chunks, marks
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import Feed


def save_discussions(
    db: Database, feed: Feed, discussions: Iterable[Discussion], now: datetime
) -> int:
    """Store discussions, or how they stand now; how many were new.

    What one feed does not tell of a discussion, another may have told: it stays.
    """
    new = 0
    with transaction(db):
        for each in discussions:
            known = db.execute("SELECT 1 FROM discussions WHERE url = ?", (each.url,)).fetchone()
            new += known is None
            db.execute(
                "INSERT INTO discussions (url, link, story_url, feed_id, points, comments,"
                " first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (url) DO"
                " UPDATE SET points = coalesce(excluded.points, points),"
                " comments = coalesce(excluded.comments, comments), last_seen = excluded.last_seen",
                (
                    each.url,
                    each.story_url,
                    story_at_address(db, each.story_url),
                    feed.id,
                    each.points,
                    each.comments,
                    to_iso(now),
                    to_iso(now),
                ),
            )
    return new


def discussions_of(db: Database, story_urls: Iterable[str]) -> list[Discussion]:
    """What is said elsewhere of the stories at these canonical URLs, most discussed first."""
    found: list[Discussion] = []
    for chunk in chunks(story_urls):
        rows = db.query(
            "SELECT d.url, d.story_url, d.points, d.comments, s.name AS site"
            " FROM discussions AS d JOIN feeds AS f ON f.id = d.feed_id"
            f" JOIN sources AS s ON s.id = f.source_id WHERE d.story_url IN ({marks(chunk)})",
            tuple(chunk),
        )
        found += [Discussion(**row) for row in rows]
    return sorted(found, key=lambda each: (-(each.comments or 0), -(each.points or 0), each.url))
