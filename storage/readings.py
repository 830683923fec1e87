"""Readings as rows: what folding keeps of each story, so that a pass need not read texts again.

Comes in and goes out: tuples in the order of COLUMNS. What the bytes in them mean is known to
pipeline/reading.py alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.rows import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlite_utils import Database

COLUMNS = (
    "story_id",
    "at",
    "dated",
    "seen",
    "out_by",
    "url",
    "source_id",
    "language",
    "claims_home",
    "content_hash",
    "marks",
    "said",
    "sketch",
)
Row = tuple[Any, ...]
WRONG_DATES = 20  # so many stories may claim to be of the future
MOST_SEEN = 50_000  # stories that an undated one is compared with: an import can bring millions
_SELECT = f"SELECT {', '.join('r.' + column for column in COLUMNS)}, m.event_id FROM readings AS r"
_JOIN = " LEFT JOIN event_stories AS m ON m.story_id = r.story_id"


def save_readings(db: Database, rows: Iterable[Row]) -> None:
    """Keep readings; those of the same stories are replaced."""
    places = ", ".join("?" * len(COLUMNS))
    db.conn.executemany(f"INSERT OR REPLACE INTO readings VALUES ({places})", rows)


def readings_between(
    db: Database, spans: Sequence[tuple[float, float]]
) -> Iterator[tuple[Row, int | None]]:
    """Readings of stories whose time lies in one of the spans; each with the event of its story.
    Where both ends of a span are included, spans do not overlap."""
    for since, until in spans:
        yield from _read(db, "WHERE r.at BETWEEN ? AND ?", (since, until))


def readings_seen(
    db: Database, since: float, until: float, *, undated_only: bool
) -> Iterator[tuple[Row, int | None]]:
    """The same for stories that came to us in a span of time, the MOST_SEEN latest of them."""
    where = "WHERE r.seen BETWEEN ? AND ?" + (" AND NOT r.dated" if undated_only else "")
    yield from _read(
        db, f"{where} ORDER BY r.seen DESC, r.story_id LIMIT ?", (since, until, MOST_SEEN)
    )


def readings_of(db: Database, ids: Iterable[int]) -> Iterator[tuple[Row, int | None]]:
    """The kept readings of these stories."""
    for chunk in chunks(ids):
        yield from _read(db, f"WHERE r.story_id IN ({marks(chunk)})", chunk)


def without_reading(db: Database, since: str, until: str) -> list[int]:
    """Folded stories of a span of time (ISO 8601) whose reading is not kept any more."""
    return [
        row[0]
        for row in db.execute(
            "SELECT s.id FROM stories AS s LEFT JOIN readings AS r ON r.story_id = s.id"
            " LEFT JOIN waiting AS w ON w.story_id = s.id"
            " WHERE coalesce(s.published, s.first_seen) BETWEEN ? AND ?"
            # In this order: the row of a story, with its text, is read of these few alone.
            " AND coalesce(r.story_id, w.story_id, s.pruned) IS NULL",
            (since, until),
        )
    ]


def drop_old_readings(db: Database, keep: float) -> None:
    """Drop the readings of stories that lie more than `keep` seconds before the latest ones."""
    # Not before the very latest one: a date that is wrong by a year would drop all others.
    db.execute(
        "DELETE FROM readings WHERE at <"
        " (SELECT at FROM readings ORDER BY at DESC LIMIT 1 OFFSET ?) - ?",
        (WRONG_DATES, keep),
    )


def _read(
    db: Database, where: str, parameters: Sequence[object]
) -> Iterator[tuple[Row, int | None]]:
    for row in db.execute(f"{_SELECT}{_JOIN} {where}", parameters):
        yield row[:-1], row[-1]
