"""Who was in which event when: at a moment, after a pass, or as a trial would have it.

Comes in: an event, a moment or a pass. Goes out: ids of stories and of their events. What is from
before this was kept counts as always there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.rows import chunks, marks
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlite_utils import Database

TRIAL = "trial"  # the verb of a fold that was tried and not kept


def members_at(db: Database, event_id: int, moment: datetime) -> set[int]:
    """The stories that were in an event at a moment; none, before it began and after it ended."""
    at = to_iso(moment)
    rows = db.execute(
        "SELECT story_id FROM event_stories WHERE event_id = ? AND coalesce(since, '') <= ?"
        " UNION SELECT story_id FROM past_members"
        " WHERE event_id = ? AND coalesce(since, '') <= ? AND until > ?",
        (event_id, at, event_id, at, at),
    )
    return {row[0] for row in rows}


def span_of_event(db: Database, event_id: int) -> tuple[str | None, str | None]:
    """When the first story came into an event, and when the last one left it; None for the first
    when that was not kept, for the last when some are still there."""
    rows = db.execute(
        "SELECT since, NULL FROM event_stories WHERE event_id = ?"
        " UNION ALL SELECT since, until FROM past_members WHERE event_id = ?",
        (event_id, event_id),
    ).fetchall()
    began = [row[0] for row in rows]
    ended = [row[1] for row in rows]
    return (
        None if not began or None in began else min(began),
        None if not ended or None in ended else max(ended),
    )


def ended_events(db: Database, story_ids: Iterable[int]) -> dict[int, set[int]]:
    """Events that have ended in which these stories were, each with the stories that it held in
    its end."""
    found: dict[int, set[int]] = {}
    for ids in chunks(story_ids):
        rows = db.execute(
            "SELECT DISTINCT p.event_id FROM past_members AS p LEFT JOIN events AS e"
            f" ON e.id = p.event_id WHERE e.id IS NULL AND p.story_id IN ({marks(ids)})",
            ids,
        )
        found.update((row[0], set()) for row in rows.fetchall())
    for event_id, stories in found.items():
        rows = db.execute(
            "SELECT story_id FROM past_members WHERE event_id = ? AND until_run ="
            " (SELECT max(until_run) FROM past_members WHERE event_id = ?)",
            (event_id, event_id),
        )
        stories.update(row[0] for row in rows)
    return found


def grouping_now(db: Database) -> dict[int, int]:
    """The event of each story."""
    return dict(db.execute("SELECT story_id, event_id FROM event_stories").fetchall())


def grouping_after(db: Database, run_id: int) -> dict[int, int]:
    """The event of each story when a pass had ended, or as a trial would have it."""
    # A pass of several parts is known by the last of them.
    last = db.execute(
        "SELECT max(id) FROM runs WHERE id = ? OR part_of = ?", (run_id, run_id)
    ).fetchone()[0]
    grouping = _grouping(db, last)
    if _is_trial(db, run_id):
        rows = db.execute(
            "SELECT story_id, event_id FROM trial_members WHERE run_id = ?", (run_id,)
        )
        grouping.update(rows.fetchall())
    return grouping


def grouping_before(db: Database, run_id: int) -> dict[int, int]:
    """The event of each story when a pass began."""
    return _grouping(db, run_id - 1)


def _is_trial(db: Database, run_id: int) -> bool:
    return bool(db.execute("SELECT verb FROM runs WHERE id = ?", (run_id,)).fetchone() == (TRIAL,))


def _grouping(db: Database, last: int) -> dict[int, int]:
    rows = db.execute(
        "SELECT story_id, event_id FROM event_stories WHERE coalesce(since_run, 0) <= ?"
        " UNION ALL SELECT story_id, event_id FROM past_members"
        " WHERE coalesce(since_run, 0) <= ? AND until_run > ?",
        (last, last, last),
    )
    return dict(rows.fetchall())


def save_trial(
    db: Database, run_id: int, before: Mapping[int, int], after: Mapping[int, int]
) -> None:
    """Keep where a trial would put stories, of those that it would put elsewhere. Events that would
    be new have numbers below zero: no id is handed out for what was only tried."""
    known = set(before.values())
    new: dict[int, int] = {}
    rows = []
    for story_id, event_id in sorted(after.items()):
        if before.get(story_id) == event_id:
            continue
        if event_id not in known:
            event_id = new.setdefault(event_id, -1 - len(new))
        rows.append((run_id, story_id, event_id))
    db.conn.executemany("INSERT INTO trial_members VALUES (?, ?, ?)", rows)
