"""Stories as rows: saved once at their canonical URL, read in the window that a fold asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from storage.database import transaction
from storage.models import DateClaim, Revision, Section, Story
from storage.rows import chunks, marks, to_json
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlite_utils import Database

Saved = Literal["new", "changed", "known"]


def save_story(db: Database, story: Story, now: datetime) -> Saved:
    """Store a story; what that did.

    A known URL keeps its id. What is told anew (words, authors, a better date) replaces what was
    told before, earlier words stay as a revision, and the story waits to be folded again; a
    feed's few words never replace those of the page. Of two published times the more precise is
    believed, then the earlier. A page that comes after its feed's words have told the story takes
    their place as if it had come first: nothing was edited. A story whose words were pruned stays
    as it is: it was told.
    """
    row = row_of(story, now)
    old = next(iter(db.query("SELECT * FROM stories WHERE url = ?", (story.url,))), None)
    if old is None:
        places = ", ".join("?" * len(row))
        statement = f"INSERT INTO stories ({', '.join(row)}) VALUES ({places})"
        with transaction(db):
            db.execute(statement, list(row.values()))
            _save_date_claims(db, story)
        return "new"
    if old["pruned"] or (story.text_from == "feed" and old["text_from"] != "feed"):
        return "known"
    came_late = old["text_from"] == "feed" and story.text_from == "page"
    changes = {**row, "first_seen": old["first_seen"]} if came_late else _changes(old, row)
    if all(old[column] == value for column, value in changes.items()):
        return "known"
    with transaction(db):
        if not came_late and (old["title"], old["text"]) != (story.title, story.text):
            db.execute(
                "INSERT INTO revisions (story_id, title, text, replaced_at) VALUES (?, ?, ?, ?)",
                (old["id"], old["title"], old["text"], to_iso(now)),
            )
        places = ", ".join(f"{column} = ?" for column in changes)
        db.execute(
            f"UPDATE stories SET {places} WHERE id = ?",
            [*changes.values(), old["id"]],
        )
        _save_date_claims(db, story)
    return "changed"


def save_folded(db: Database, stories: Iterable[Story], now: datetime) -> None:
    """Store new stories under the ids that they have, which wait for no fold any more."""
    rows = [{"id": story.stored_id, **row_of(story, now)} for story in stories]
    if not rows:
        return
    names, places = ", ".join(rows[0]), ", ".join(f":{name}" for name in rows[0])
    db.conn.executemany(f"INSERT INTO stories ({names}) VALUES ({places})", rows)
    mark_folded(db, (row["id"] for row in rows))


def _save_date_claims(db: Database, story: Story) -> None:
    """Keep the claims of a page; a story that has none leaves those that are there."""
    if not story.date_claims:
        return
    [(story_id,)] = db.execute("SELECT id FROM stories WHERE url = ?", (story.url,))
    db.execute("DELETE FROM date_claims WHERE story_id = ?", (story_id,))
    db.conn.executemany(
        "INSERT INTO date_claims VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (story_id, place, c.origin, c.said, to_iso(c.when), c.precision, c.verdict)
            for place, c in enumerate(story.date_claims, 1)
        ],
    )


def move_feed_story(db: Database, entry_id: int, url: str) -> None:
    """What the feed's words told at an entry's own address is the story that its page now tells
    at this canonical URL."""
    db.execute(
        "UPDATE OR IGNORE stories SET url = ? WHERE text_from = 'feed' AND url <> ?"
        " AND url = (SELECT canonical_url FROM entries WHERE id = ?)",
        (url, url, entry_id),
    )


PRECISIONS = ("minute", "day", "guessed")  # the most precise first
NEW_WORDS = ("title", "text", "sections", "summary", "text_from")
KEPT_WHEN_UNTOLD = ("updated", "image", "rubric", "comments", "canonical_claim")


def _changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What an edited story takes over from its newer state."""
    changes = {column: new[column] for column in NEW_WORDS}
    changes |= {column: new[column] or old[column] for column in KEPT_WHEN_UNTOLD}
    changes["paywalled"] = old["paywalled"] if new["paywalled"] is None else new["paywalled"]
    changes["authors"] = old["authors"] if new["authors"] == "[]" else new["authors"]
    told = [row for row in (old, new) if row["published"]]
    if told:
        best = min(
            told, key=lambda row: (PRECISIONS.index(row["published_precision"]), row["published"])
        )
        changes |= {key: best[key] for key in ("published", "published_precision")}
    return changes


def waiting_stories(db: Database) -> list[Story]:
    """Stories that are new or changed since they were last folded."""
    return stories_by_id(db, waiting_ids(db))


def waiting_ids(db: Database) -> list[int]:
    """The same as ids, in the order of the stories' times."""
    return [row[0] for row in db.execute("SELECT story_id FROM waiting ORDER BY at, story_id")]


def count_waiting(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM waiting").fetchone()[0])


def stories_by_id(db: Database, ids: Iterable[int]) -> list[Story]:
    """The stories of these ids, in the order of their URLs."""
    found: list[Story] = []
    for chunk in chunks(ids):
        found += _read(db, f"id IN ({marks(chunk)})", tuple(chunk))
    return sorted(found, key=lambda story: story.url)


def times_of(
    db: Database, ids: Iterable[int]
) -> Iterator[tuple[datetime | None, str, datetime | None, str]]:
    """Of these stories: when it was published, how precisely that is known, when it was first
    seen, and where its text is from."""
    for chunk in chunks(ids):
        for published, precision, first_seen, text_from in db.execute(
            "SELECT published, published_precision, first_seen, text_from FROM stories"
            f" WHERE id IN ({marks(chunk)})",
            chunk,
        ):
            yield from_iso(published), precision, from_iso(first_seen), text_from


def titles_of(db: Database, ids: Iterable[int]) -> dict[int, str]:
    """The headlines of these stories."""
    found: dict[int, str] = {}
    for chunk in chunks(ids):
        rows = db.execute(f"SELECT id, title FROM stories WHERE id IN ({marks(chunk)})", chunk)
        found.update(rows.fetchall())
    return found


def latest_story(db: Database) -> str | None:
    """The time of the latest story, as ISO 8601."""
    found: str | None = db.execute(
        "SELECT max(coalesce(published, first_seen)) FROM stories"
    ).fetchone()[0]
    return found


def story_at(db: Database, url: str) -> Story | None:
    """The story at a canonical URL."""
    found = _read(db, "url = ?", (url,))
    return found[0] if found else None


def revisions_of(db: Database, story_id: int) -> tuple[Revision, ...]:
    """The earlier words of a story, the earliest first."""
    rows = db.execute(
        "SELECT title, text, replaced_at FROM revisions WHERE story_id = ? ORDER BY id",
        (story_id,),
    )
    found = ((title, text, from_iso(at)) for title, text, at in rows)
    return tuple(Revision(title, text, at) for title, text, at in found if at)


def edited_since(db: Database, ids: Iterable[int], moment: datetime) -> frozenset[int]:
    """Those of the stories whose words were replaced after a moment."""
    return frozenset(
        row[0]
        for some in chunks(ids)
        for row in db.execute(
            "SELECT DISTINCT story_id FROM revisions"
            f" WHERE story_id IN ({marks(some)}) AND replaced_at > ?",
            [*some, to_iso(moment)],
        )
    )


def date_claims_of(db: Database, story_id: int) -> tuple[DateClaim, ...]:
    """Every time of publication that was claimed for a story, the most believed first."""
    rows = db.execute(
        "SELECT origin, said, at, precision, verdict FROM date_claims"
        " WHERE story_id = ? ORDER BY place",
        (story_id,),
    )
    return tuple(
        DateClaim(origin, said, from_iso(at), precision, verdict)
        for origin, said, at, precision, verdict in rows
    )


def is_told(db: Database, url: str) -> bool:
    """Whether a canonical URL is a story in more than a feed's few words, or was one."""
    found = db.execute(
        "SELECT 1 FROM stories WHERE url = ?"
        " AND (text_from <> 'feed' AND text <> '' OR pruned IS NOT NULL)",
        (url,),
    )
    return found.fetchone() is not None


def mark_folded(db: Database, ids: Iterable[int]) -> None:
    """These stories wait no more."""
    db.conn.executemany("DELETE FROM waiting WHERE story_id = ?", [(id_,) for id_ in ids])


def wait_again(db: Database, ids: Iterable[int] | None = None) -> None:
    """These stories (None: every one) wait to be folded again, but for those that were pruned."""
    again = (
        "INSERT OR REPLACE INTO waiting SELECT id, coalesce(published, first_seen) FROM stories"
        " WHERE pruned IS NULL"
    )
    if ids is None:
        db.execute(again)
        return
    db.conn.executemany(f"{again} AND id = ?", [(id_,) for id_ in ids])


def copies_of(db: Database, ids: Iterable[int]) -> dict[int, int]:
    """Those of the stories that are copies, with the story whose text each carries."""
    found: dict[int, int] = {}
    for chunk in chunks(ids):
        rows = db.execute(
            f"SELECT id, copy_of FROM stories WHERE copy_of IS NOT NULL AND id IN ({marks(chunk)})",
            chunk,
        )
        found.update(rows.fetchall())
    return found


def set_copies(db: Database, copy_of: Iterable[tuple[int, int | None]]) -> None:
    """Record for each story (first) whose text it carries (second, or None)."""
    db.conn.executemany(
        "UPDATE stories SET copy_of = ? WHERE id = ?",
        [(original, story_id) for story_id, original in copy_of],
    )


def _read(db: Database, where: str, parameters: tuple[Any, ...] = ()) -> list[Story]:
    rows = db.query(f"SELECT * FROM stories WHERE {where} ORDER BY url", parameters)
    return [story_of(row) for row in rows]


def row_of(story: Story, now: datetime) -> dict[str, Any]:
    """A story as a row of the table, but for its id."""
    return {
        "url": story.url,
        "source_id": story.source_id,
        "title": story.title,
        "text": story.text,
        "sections": to_json([{"heading": s.heading, "text": s.text} for s in story.sections]),
        "summary": story.summary,
        "authors": to_json(list(story.authors)),
        "published": to_iso(story.published),
        "published_precision": story.published_precision,
        "updated": to_iso(story.updated),
        "first_seen": to_iso(story.first_seen or now),
        "language": story.language,
        "image": story.image,
        "rubric": story.rubric,
        "comments": story.comments,
        "canonical_claim": story.canonical_claim,
        "text_from": story.text_from,
        "paywalled": story.paywalled,
        "extra": to_json(dict(story.extra)),
    }


def story_of(row: Mapping[str, Any]) -> Story:
    """The story of a whole row."""
    return Story(
        id=row["id"],
        url=row["url"],
        source_id=row["source_id"],
        title=row["title"],
        text=row["text"],
        sections=tuple(Section(s["heading"], s["text"]) for s in json.loads(row["sections"])),
        summary=row["summary"],
        authors=tuple(json.loads(row["authors"])),
        published=from_iso(row["published"]),
        published_precision=row["published_precision"],
        updated=from_iso(row["updated"]),
        first_seen=from_iso(row["first_seen"]),
        language=row["language"],
        image=row["image"],
        rubric=row["rubric"],
        comments=row["comments"],
        canonical_claim=row["canonical_claim"],
        text_from=row["text_from"],
        paywalled=None if row["paywalled"] is None else bool(row["paywalled"]),
        extra=json.loads(row["extra"]),
        pruned=from_iso(row["pruned"]),
    )
