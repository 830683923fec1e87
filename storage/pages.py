"""Entries and the pages fetched for them, as rows: the waiting room between web and stories."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from storage.database import transaction
from storage.models import Entry, Page
from storage.rows import to_json
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import EntryStatus, Feed

TOLD_AFTER = 3  # fetches of a page that failed before the feed's own words tell the story
TOLD_WITHIN = timedelta(days=1)  # the same for pages that could not even be asked for
MAX_ATTEMPTS = 9  # fetches of a page before it is asked for no more
EDITED_WITHIN = timedelta(days=3)  # later edits of a headline are no news
COMPRESSION = 3  # of zlib: half the time of the usual 6, for a ninth more bytes


def save_entries(
    db: Database, feed: Feed, entries: Iterable[tuple[Entry, str]], now: datetime
) -> list[int]:
    """Store the entries of one answer; the ids of those that were new, in the feed's order.

    Each entry comes with its canonical URL. An entry that is known keeps its row; only its
    headline (for some days) and its number of comments follow the feed.
    """
    new: list[int] = []
    with transaction(db):
        for entry, canonical_url in entries:
            cursor = db.execute(
                "INSERT INTO entries (feed_id, url, canonical_url, guid, through, title, summary,"
                " author, published, published_precision, comments, language, first_seen, status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')"
                " ON CONFLICT (feed_id, canonical_url) DO NOTHING",
                (
                    feed.id,
                    entry.url,
                    canonical_url,
                    entry.guid,
                    entry.through,
                    entry.title,
                    entry.summary,
                    entry.author,
                    to_iso(entry.published),
                    entry.published_precision,
                    entry.comments,
                    entry.language,
                    to_iso(now),
                ),
            )
            if cursor.rowcount:
                new.append(int(cursor.lastrowid or 0))
                continue
            _follow_edit(db, feed, canonical_url, entry, now)
            if entry.comments is not None:
                _follow_comments(db, feed, canonical_url, entry.comments)
    return new


def _follow_edit(db: Database, feed: Feed, canonical_url: str, entry: Entry, now: datetime) -> None:
    """A new headline of a young entry: its page was edited, and is fetched once more."""
    db.execute(
        "UPDATE entries SET title = ?, status = 'waiting' WHERE feed_id = ? AND canonical_url = ?"
        " AND title <> ? AND status = 'fetched' AND first_seen > ?",
        (entry.title, feed.id, canonical_url, entry.title, to_iso(now - EDITED_WITHIN)),
    )


def _follow_comments(db: Database, feed: Feed, canonical_url: str, comments: int) -> None:
    db.execute(
        "UPDATE entries SET comments = ? WHERE feed_id = ? AND canonical_url = ?",
        (comments, feed.id, canonical_url),
    )
    db.execute("UPDATE stories SET comments = ? WHERE url = ?", (comments, canonical_url))


def waiting_entries(db: Database, feed_id: int) -> list[tuple[Entry, str]]:
    """Entries of a feed whose pages are still to be fetched, with canonical URLs, oldest first.

    An address that another feed's entry has fetched already, or that is a story already, is
    left out: every page is fetched once. An entry whose page we have waits because that was
    edited.
    """
    rows = db.query(
        "SELECT * FROM entries AS e WHERE feed_id = ? AND"
        " (status = 'waiting' OR (status = 'failed' AND attempts < ?))"
        " AND (status = 'waiting' AND EXISTS (SELECT 1 FROM pages WHERE entry_id = e.id)"
        "   OR NOT EXISTS (SELECT 1 FROM stories WHERE url = e.canonical_url"
        "     AND text_from <> 'feed')"
        "   AND NOT EXISTS (SELECT 1 FROM entries AS other WHERE other.status = 'fetched'"
        "     AND other.canonical_url = e.canonical_url))"
        " ORDER BY id",
        (feed_id, MAX_ATTEMPTS),
    )
    return [(_entry(row), row["canonical_url"]) for row in rows]


def save_page(db: Database, page: Page) -> None:
    """Keep a fetched page until a story has been made of it; its entry counts as fetched."""
    with transaction(db):
        db.execute(
            "INSERT INTO pages (entry_id, url, redirects, fetched_at, encoding, html)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (entry_id) DO UPDATE SET url = excluded.url, html = excluded.html,"
            " redirects = excluded.redirects, fetched_at = excluded.fetched_at,"
            " encoding = excluded.encoding, extracted = NULL, error = NULL",
            (
                page.entry_id,
                page.url,
                to_json(list(page.redirects)) if page.redirects else None,
                to_iso(page.fetched_at),
                page.encoding,
                zlib.compress(page.html, COMPRESSION),
            ),
        )
        _set_status(db, page.entry_id, "fetched", None)


def record_page_failure(db: Database, entry_id: int, status: EntryStatus, error: str) -> None:
    """A page that could not be had, and why."""
    with transaction(db):
        _set_status(db, entry_id, status, error[:500])


def _set_status(db: Database, entry_id: int, status: EntryStatus, error: str | None) -> None:
    db.execute(
        "UPDATE entries SET status = ?, error = ?, attempts = attempts + 1 WHERE id = ?",
        (status, error, entry_id),
    )


def waiting_pages(
    db: Database, batch: int = 50, *, besides: Container[int] = ()
) -> Iterator[list[tuple[int, Page, Entry]]]:
    """Pages that no story has been made of, in batches: page id, page, and its entry. `besides`
    are ids that are being read already."""
    last = 0
    while True:
        rows = list(
            db.query(
                "SELECT p.id AS page_id, p.url AS page_url, p.redirects, p.fetched_at, p.encoding,"
                " p.html, e.*, f.source_id, coalesce(e.language, s.language) AS language"
                " FROM pages AS p JOIN entries AS e ON e.id = p.entry_id"
                " JOIN feeds AS f ON f.id = e.feed_id JOIN sources AS s ON s.id = f.source_id"
                " WHERE p.extracted IS NULL AND p.id > ?"
                " ORDER BY p.id LIMIT ?",
                (last, batch),
            )
        )
        if not rows:
            return
        last = rows[-1]["page_id"]
        found = [row for row in rows if row["page_id"] not in besides]
        yield [(row["page_id"], _page(row), _entry(row)) for row in found]


def count_waiting_pages(db: Database) -> int:
    """How many pages no story has been made of."""
    waiting = db.execute("SELECT count(*) FROM pages WHERE extracted IS NULL")
    return int(waiting.fetchone()[0])


def is_told_by_another(db: Database, entry_id: int, url: str) -> bool:
    """Whether the story at a canonical URL was made of the page of another entry, the one that
    stands at that very address. Then this entry's page has nothing to add to it."""
    found = db.execute(
        "SELECT 1 FROM stories AS s JOIN entries AS e ON e.canonical_url = s.url"
        " JOIN pages AS p ON p.entry_id = e.id WHERE s.url = ? AND s.text_from = 'page'"
        " AND e.id <> ? AND p.extracted IS NOT NULL AND p.error IS NULL",
        (url, entry_id),
    )
    return found.fetchone() is not None


def entries_without_page(db: Database, now: datetime) -> list[Entry]:
    """Entries that are no story yet and whose page gives none for now: forbidden, failed a few
    times, not to be asked for since a day, or without an article in it. What the feed itself says
    of them is all there is; a page that comes later after all takes its place.

    Only a feed's own words count there: a link found on a page that then held no article was
    none to an article.
    """
    rows = db.query(
        "SELECT e.*, f.source_id, coalesce(e.language, s.language) AS language"
        " FROM entries AS e JOIN feeds AS f ON f.id = e.feed_id"
        " JOIN sources AS s ON s.id = f.source_id"
        " WHERE e.id IN (SELECT id FROM entries WHERE status = 'forbidden'"
        "   UNION SELECT id FROM entries WHERE status = 'failed' AND attempts >= ?"
        "   UNION SELECT id FROM entries WHERE status = 'waiting' AND first_seen <= ?"
        "   UNION SELECT o.id FROM pages AS p JOIN entries AS o ON o.id = p.entry_id"
        "     JOIN feeds AS g ON g.id = o.feed_id"
        "     WHERE p.error IS NOT NULL AND g.kind = 'feed' AND o.summary <> '')"
        " AND e.title <> '' AND NOT EXISTS (SELECT 1 FROM stories WHERE url = e.canonical_url)"
        " ORDER BY e.id",
        (TOLD_AFTER, to_iso(now - TOLD_WITHIN)),
    )
    return [_entry(row) for row in rows]


def mark_extracted(db: Database, page_id: int, now: datetime, error: str | None = None) -> None:
    """The page was read: a story was made of it, or `error` says why none could be."""
    db.execute(
        "UPDATE pages SET extracted = ?, error = ? WHERE id = ?", (to_iso(now), error, page_id)
    )


def entry_counts(db: Database) -> list[dict[str, Any]]:
    """What each feed listed: number of entries, how many dated, the newest, and its error."""
    return list(
        db.query(
            "SELECT f.source_id AS source, f.url, f.kind, count(e.id) +"
            " (SELECT count(*) FROM discussions AS d WHERE d.feed_id = f.id) AS entries,"
            " count(e.published) AS dated, max(e.published) AS newest, f.last_status AS status,"
            " f.last_error AS error"
            " FROM feeds AS f LEFT JOIN entries AS e ON e.feed_id = f.id"
            " GROUP BY f.id ORDER BY f.source_id, f.id"
        )
    )


def drop_old_pages(db: Database, now: datetime, keep: timedelta) -> int:
    """Forget the HTML of pages that were read longer than `keep` ago."""
    with transaction(db):
        dropped = db.execute("DELETE FROM pages WHERE extracted < ?", (to_iso(now - keep),))
    return int(dropped.rowcount)


def _page(row: dict[str, Any]) -> Page:
    fetched_at = from_iso(row["fetched_at"])
    assert fetched_at is not None  # the column is NOT NULL
    return Page(
        entry_id=row["id"],
        url=row["page_url"],
        html=zlib.decompress(row["html"]),
        fetched_at=fetched_at,
        encoding=row["encoding"],
        redirects=tuple(json.loads(row["redirects"] or "[]")),
    )


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        url=row["url"],
        title=row["title"],
        guid=row["guid"],
        through=row["through"],
        summary=row["summary"],
        author=row["author"],
        published=from_iso(row["published"]),
        published_precision=row["published_precision"],
        comments=row["comments"],
        language=row["language"],
        id=row["id"],
        feed_id=row["feed_id"],
        source_id=row.get("source_id"),
        first_seen=from_iso(row["first_seen"]),
        attempts=row["attempts"],
    )
