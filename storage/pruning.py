"""What is dropped after years, and how it is found: a step at a time, so that others get between.

Comes in: what to drop, from which time on, and where the last step ended. Goes out: the ids of the
next step, what stands in them, and the rows without it. It decides no age, and takes no lock.

An event and all of its stories lose their words together, and are closed with that: no fold reads
them, none changes them. What they say (title, TL;DR, figures, names), who is in them and why, their
lineage and what digests told of them stay for ever. Events that wait for a fold, and those of which
a correction holds, keep their words: a correction must hold in every later fold.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from storage.pages import MAX_ATTEMPTS
from storage.rows import chunks, marks
from storage.stories import stories_by_id
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import Story

    HashOf = Callable[[Story], str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that lost their words or went, and the bytes of these words (the indexes free more)."""

    events: int = 0  # that are closed now
    stories: int = 0  # that lost text, sections and summary
    revisions: int = 0
    date_claims: int = 0
    vectors: int = 0
    summaries: int = 0  # that a language model wrote: a cache
    pages: int = 0
    entries: int = 0  # that lost title, summary and author
    runs: int = 0
    bytes: int = 0

    def __add__(self, other: Dropped) -> Dropped:
        return Dropped(*(sum(pair) for pair in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that grows. `find` gives the ids of the next step after an id, of what is older
    than a time; given ids, it says which of these still are. `weigh` says what stands in them,
    `drop` takes it out. Each step is to be one transaction."""

    name: str
    find: Callable[[Database, dict[str, Any], Sequence[int] | None], list[int]]
    weigh: Callable[[Database, Sequence[int], HashOf | None], Dropped]
    drop: Callable[[Database, Sequence[int], datetime, HashOf | None], None]


def closed_events(db: Database, story_ids: Iterable[int]) -> dict[int, datetime]:
    """Of the events of these stories those that were pruned, and when."""
    found: dict[int, datetime] = {}
    for ids in chunks(story_ids):
        rows = db.execute(
            "SELECT DISTINCT e.id, e.pruned FROM event_stories AS m JOIN events AS e"
            f" ON e.id = m.event_id WHERE e.pruned IS NOT NULL AND m.story_id IN ({marks(ids)})",
            ids,
        )
        found.update((id_, from_iso(at)) for id_, at in rows)  # type: ignore[misc]
    return found


def old(before: datetime, now: datetime, after: int = 0, most: int = 100) -> dict[str, Any]:
    """What `find` is asked: what is older than `before`, the first `most` after an id."""
    return {"before": to_iso(before), "now": to_iso(now), "after": after, "most": most}


def _finder(
    select: str, id_column: str
) -> Callable[[Database, dict[str, Any], Sequence[int] | None], list[int]]:
    def find(db: Database, asked: dict[str, Any], ids: Sequence[int] | None = None) -> list[int]:
        among = "" if ids is None else f" AND {id_column} IN ({','.join(map(str, ids))})"
        rows = db.execute(
            f"{select} AND {id_column} > :after{among} ORDER BY {id_column} LIMIT :most", asked
        )
        return [row[0] for row in rows]

    return find


# Words: of events, and of all their stories with them. A date that lies ahead is wrong; then, as
# for what has none, our own first sight tells how old a story is. It also keeps what was imported
# yesterday of years ago.
_OLD_EVENTS = """SELECT e.id FROM events AS e WHERE e.pruned IS NULL
  AND (e.last_published IS NULL OR e.last_published < :before OR e.last_published > :now)
  AND NOT EXISTS (SELECT 1 FROM event_stories AS m JOIN stories AS s ON s.id = m.story_id
    WHERE m.event_id = e.id AND s.first_seen >= :before)
  AND NOT EXISTS (SELECT 1 FROM event_stories AS m JOIN waiting AS w ON w.story_id = m.story_id
    WHERE m.event_id = e.id)
  AND NOT EXISTS (SELECT 1 FROM event_stories AS m
    JOIN correction_stories AS p ON p.story_id = m.story_id
    JOIN corrections AS c ON c.id = p.correction_id
    WHERE m.event_id = e.id AND c.undone_at IS NULL)"""


def _members(db: Database, event_ids: Sequence[int]) -> list[int]:
    rows = db.execute(
        f"SELECT story_id FROM event_stories WHERE event_id IN ({marks(event_ids)})"
        " ORDER BY story_id",
        list(event_ids),
    )
    return [row[0] for row in rows]


def _bytes(*columns: str) -> str:
    """How much stands in these columns."""
    return " + ".join(f"coalesce(length(CAST({each} AS BLOB)), 0)" for each in columns)


_WORDS = _bytes("text", "sections", "summary")
_HANGS_ON_STORIES = {
    "revisions": _bytes("title", "text"),
    "date_claims": _bytes("origin", "said", "at", "verdict"),
}


def _weigh_words(db: Database, ids: Sequence[int], hash_of: HashOf | None) -> Dropped:
    told = {"events": len(ids), "stories": 0, "bytes": 0}
    for some in chunks(_members(db, ids)):
        told["stories"] += len(some)
        told["bytes"] += _sum(db, "stories", _WORDS, "id", some)
        for table, size in _HANGS_ON_STORIES.items():
            told[table] = told.get(table, 0) + _count(db, table, "story_id", some)
            told["bytes"] += _sum(db, table, size, "story_id", some)
        for vectors in _vectors(db, some, hash_of):
            told["vectors"] = told.get("vectors", 0) + len(vectors)
            told["bytes"] += _sum(db, "vectors", "length(vector)", "rowid", vectors)
    return Dropped(**told)


def _drop_words(db: Database, ids: Sequence[int], now: datetime, hash_of: HashOf | None) -> None:
    for some in chunks(_members(db, ids)):
        for vectors in _vectors(db, some, hash_of):
            _delete(db, "vectors", "rowid", vectors)
        db.execute(
            "UPDATE stories SET text = '', sections = '[]', summary = '', pruned = ?"
            f" WHERE id IN ({marks(some)})",
            [to_iso(now), *some],
        )
        for table in (*_HANGS_ON_STORIES, "readings"):
            _delete(db, table, "story_id", some)
    db.execute(f"UPDATE events SET pruned = ? WHERE id IN ({marks(ids)})", [to_iso(now), *ids])


def _vectors(db: Database, story_ids: Sequence[int], hash_of: HashOf | None) -> Iterator[list[int]]:
    """The rows of what embeddings made of these stories, model by model; a younger story in the
    same words is embedded anew."""
    if hash_of is None:
        return
    hashes = sorted({hash_of(story) for story in stories_by_id(db, story_ids)})
    for model in _models(db):
        rows = db.execute(
            f"SELECT rowid FROM vectors WHERE model = ? AND content_hash IN ({marks(hashes)})",
            [model, *hashes],
        )
        yield [row[0] for row in rows.fetchall()]


def _models(db: Database) -> list[str]:
    """The models of the vectors, without reading all of these."""
    rows = db.execute(
        "WITH RECURSIVE found (model) AS (SELECT min(model) FROM vectors UNION ALL"
        " SELECT (SELECT min(model) FROM vectors WHERE model > found.model) FROM found"
        " WHERE found.model IS NOT NULL) SELECT model FROM found WHERE model IS NOT NULL"
    )
    return [row[0] for row in rows.fetchall()]


# What a feed said of an entry. The row stays: a feed that still lists it would bring it as new.
_OLD_ENTRIES = f"""SELECT id FROM entries WHERE first_seen < :before
  AND (title <> '' OR summary <> '' OR author IS NOT NULL OR error IS NOT NULL)
  AND (status IN ('fetched', 'gone', 'forbidden')
    OR status = 'failed' AND attempts >= {MAX_ATTEMPTS})
  AND NOT EXISTS (SELECT 1 FROM pages WHERE entry_id = entries.id AND extracted IS NULL)"""
_SAID = _bytes("title", "summary", "author", "error")


def _weigh_entries(db: Database, ids: Sequence[int], _: HashOf | None) -> Dropped:
    return Dropped(entries=len(ids), bytes=_sum(db, "entries", _SAID, "id", ids))


def _drop_entries(db: Database, ids: Sequence[int], _: datetime, __: HashOf | None) -> None:
    db.execute(
        "UPDATE entries SET title = '', summary = '', author = NULL, error = NULL"
        f" WHERE id IN ({marks(ids)})",
        list(ids),
    )


_OLD_PAGES = "SELECT id FROM pages WHERE extracted < :before"


def _weigh_pages(db: Database, ids: Sequence[int], _: HashOf | None) -> Dropped:
    return Dropped(pages=len(ids), bytes=_sum(db, "pages", "length(html)", "id", ids))


def _drop_pages(db: Database, ids: Sequence[int], _: datetime, __: HashOf | None) -> None:
    _delete(db, "pages", "id", ids)


# Passes, whole ones with their parts; those that lineage names stay, and the latest: its number
# must not be used again. So does the last crawl that has ended: health tells how long ago that was.
_OLD_RUNS = """SELECT id FROM runs AS r WHERE part_of IS NULL AND started < :before
  AND id < (SELECT max(id) FROM runs)
  AND id IS NOT (SELECT max(id) FROM runs WHERE verb IN ('run', 'crawl') AND part_of IS NULL
    AND finished IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM lineage WHERE run_id = r.id)
  AND NOT EXISTS (SELECT 1 FROM runs AS p JOIN lineage AS l ON l.run_id = p.id
    WHERE p.part_of = r.id)
  AND NOT EXISTS (SELECT 1 FROM runs WHERE part_of = r.id AND id = (SELECT max(id) FROM runs))"""

_TOLD = _bytes("counts", "durations", "errors", "versions")


def _with_parts(db: Database, ids: Sequence[int]) -> list[int]:
    rows = db.execute(f"SELECT id FROM runs WHERE part_of IN ({marks(ids)})", list(ids))
    return [row[0] for row in rows] + list(ids)


def _weigh_runs(db: Database, ids: Sequence[int], _: HashOf | None) -> Dropped:
    all_ids = _with_parts(db, ids)
    return Dropped(runs=len(all_ids), bytes=_sum(db, "runs", _TOLD, "id", all_ids))


def _drop_runs(db: Database, ids: Sequence[int], _: datetime, __: HashOf | None) -> None:
    all_ids = _with_parts(db, ids)  # parts first
    _delete(db, "trial_members", "run_id", all_ids)
    _delete(db, "runs", "part_of", ids)
    _delete(db, "runs", "id", ids)


WORDS = Kind("text", _finder(_OLD_EVENTS, "e.id"), _weigh_words, _drop_words)
PAGES = Kind("pages", _finder(_OLD_PAGES, "id"), _weigh_pages, _drop_pages)
ENTRIES = Kind("entries", _finder(_OLD_ENTRIES, "id"), _weigh_entries, _drop_entries)
RUNS = Kind("runs", _finder(_OLD_RUNS, "r.id"), _weigh_runs, _drop_runs)
KINDS = (PAGES, ENTRIES, RUNS, WORDS)


def old_summaries(db: Database, before: datetime) -> Dropped:
    """The TL;DRs of language models that were made before a time."""
    count, size = db.execute(
        "SELECT count(*), coalesce(sum(length(kept) + length(dropped)), 0) FROM summaries"
        " WHERE made_at < ?",
        (to_iso(before),),
    ).fetchone()
    return Dropped(summaries=count, bytes=size)


def drop_old_summaries(db: Database, before: datetime) -> None:
    db.execute("DELETE FROM summaries WHERE made_at < ?", (to_iso(before),))


def has_vectors(db: Database) -> bool:
    return db.execute("SELECT 1 FROM vectors LIMIT 1").fetchone() is not None


def _sum(db: Database, table: str, what: str, column: str, keys: Sequence[object]) -> int:
    asked = f"SELECT coalesce(sum({what}), 0) FROM {table} WHERE {column} IN ({marks(keys)})"
    return int(db.execute(asked, list(keys)).fetchone()[0])


def _count(db: Database, table: str, column: str, keys: Sequence[object]) -> int:
    return _sum(db, table, "1", column, keys)


def _delete(db: Database, table: str, column: str, keys: Sequence[object]) -> None:
    db.execute(f"DELETE FROM {table} WHERE {column} IN ({marks(keys)})", list(keys))
