"""Events as rows: members with their reasons, matches, figures, lineage.

Comes in: events as dataclasses. Goes out: rows, and events again. Ids are made here and are
never used twice; an event that ended stays in `lineage`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from storage.models import Event, Figure, Match, Member, Related, Sentence, Signal
from storage.rows import chunks, marks, to_json
from storage.tallies import drop_empty, put_in, take_out
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlite_utils import Database

Part = TypeVar("Part")
Naming = tuple[int, dict[str, int], "datetime", str, str]  # id, names, last report, category, title

MOST_COUNTED = 5_000  # events with a name; beyond, it is common anyway


@dataclass(frozen=True, slots=True)
class Became:
    """One word of an event's lineage."""

    event_id: int
    kind: str  # merged: event_id became other_event; split: other_event came out of event_id
    other_event: int
    at: datetime


def known_groups(db: Database, story_ids: Iterable[int]) -> dict[int, set[int]]:
    """The events that any of these stories is in, each with all of its stories."""
    event_ids: set[int] = set()
    for ids in chunks(story_ids):
        event_ids.update(
            row[0]
            for row in db.execute(
                f"SELECT event_id FROM event_stories WHERE story_id IN ({marks(ids)})", ids
            )
        )
    return members_of(db, event_ids)


@dataclass(frozen=True, slots=True)
class Saved:
    """What is stored of an event beside what it says: in how many sources it stands, the matches
    through which its stories came in, and the names that these use, with how many use each."""

    event: Event
    source_count: int
    matches: Sequence[Match]
    names: Mapping[str, int]


def new_event_id(db: Database, headline_story: int, event_id: int | None = None) -> int:
    """An id that was never used before, or that of an event which had ended and is there again; its
    row is filled by save_events."""
    cursor = db.execute(
        "INSERT INTO events (id, title, headline_story, category, category_because, tldr,"
        " tldr_from, language, story_count, source_count, independent_count, updated_at)"
        " VALUES (?, '', ?, '', '', '', '[]', '', 0, 0, 0, '')",
        (event_id, headline_story),
    )
    return int(cursor.lastrowid or 0)


def save_events(
    db: Database, saved: Sequence[Saved], now: datetime, run_id: int | None = None
) -> None:
    """Write events with all that hangs on them; what they were before is replaced. Which stories
    came in with this is remembered with the time and the pass."""
    events = [one.event for one in saved]
    ids = [(event.id,) for event in events]
    take_out(db, (event.id for event in events))
    many = db.conn.executemany
    many(
        "UPDATE events SET title = ?, headline_story = ?, category = ?, category_because = ?,"
        " tldr = ?, tldr_from = ?, language = ?, first_published = ?, last_published = ?,"
        " first_source = ?, story_count = ?, source_count = ?, independent_count = ?,"
        " comments = ?, not_an_event = ?, updated_at = ? WHERE id = ?",
        (_row(one, now) for one in saved),
    )
    # A story is in one event: whichever it was in before, it leaves that with this statement.
    stays = "CASE WHEN event_id = excluded.event_id THEN {0} ELSE excluded.{0} END"
    many(
        "INSERT INTO event_stories"
        " (story_id, event_id, role, score, through_story, because, since, since_run)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (story_id) DO UPDATE SET"
        " event_id = excluded.event_id, role = excluded.role, score = excluded.score,"
        " through_story = excluded.through_story, because = excluded.because,"
        f" since = {stays.format('since')}, since_run = {stays.format('since_run')}",
        (
            (m.story_id, event.id, m.role, m.score, m.through, m.because, to_iso(now), run_id)
            for event in events
            for m in event.members
        ),
    )
    many(
        "INSERT OR REPLACE INTO matches (left_story, right_story, score, signals)"
        " VALUES (?, ?, ?, ?)",
        ((m.left, m.right, m.score, _signals(m)) for one in saved for m in one.matches),
    )
    many("DELETE FROM figures WHERE event_id = ?", ids)
    many(
        "INSERT INTO figures (event_id, story_id, key, value, unit, shown, quote, sentence, about)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (event.id, f.story_id, f.key, f.value, f.unit, f.shown, f.quote, f.sentence, f.about)
            for event in events
            for f in event.figures
        ),
    )
    many("INSERT OR IGNORE INTO unrelated VALUES (?)", ids)
    many("DELETE FROM event_marks WHERE event_id = ?", ids)
    many("DELETE FROM event_names WHERE event_id = ?", ids)
    many(
        "INSERT INTO event_names (event_id, name, mentions) VALUES (?, ?, ?)",
        (
            (one.event.id, name, mentions)
            for one in saved
            for name, mentions in sorted(one.names.items())
        ),
    )
    put_in(db, (event.id for event in events))


def _row(saved: Saved, now: datetime) -> tuple[object, ...]:
    event = saved.event
    return (
        event.title,
        event.headline_story,
        event.category,
        event.category_because,
        " ".join(sentence.text for sentence in event.tldr),
        to_json([{"text": one.text, "story_id": one.story_id} for one in event.tldr]),
        event.language,
        to_iso(event.first_published),
        to_iso(event.last_published),
        event.first_source,
        len(event.members),
        saved.source_count,
        event.independent,
        event.comments,
        event.not_an_event,
        to_iso(now),
        event.id,
    )


def _signals(match: Match) -> str:
    return to_json([{"name": s.name, "weight": s.weight, "words": s.words} for s in match.signals])


def forget_matches(db: Database, story_ids: Iterable[int]) -> None:
    """Drop the matches of stories that are folded again; those that still hold are saved anew."""
    for ids in chunks(story_ids):
        db.execute(
            f"DELETE FROM matches WHERE left_story IN ({marks(ids)})"
            f" OR right_story IN ({marks(ids)})",
            ids + ids,
        )


def record_lineage(
    db: Database, event_id: int, kind: str, other_event: int, run_id: int, now: datetime
) -> None:
    """Say what became of an event; a merged one gives up its row, never its id."""
    db.execute(
        "INSERT INTO lineage (event_id, kind, other_event, run_id, at) VALUES (?, ?, ?, ?, ?)",
        (event_id, kind, other_event, run_id, to_iso(now)),
    )
    if kind == "merged":
        take_out(db, [event_id])
        drop_empty(db)
        for table in ("figures", "event_names", "event_marks", "related_events", "unrelated"):
            db.execute(f"DELETE FROM {table} WHERE event_id = ?", (event_id,))
        db.execute("DELETE FROM related_events WHERE related_id = ?", (event_id,))
        db.execute("DELETE FROM events WHERE id = ?", (event_id,))


def save_related(db: Database, lists: Mapping[int, Sequence[Related]]) -> None:
    """Replace what events are related to."""
    many = db.conn.executemany
    many("DELETE FROM related_events WHERE event_id = ?", [(event_id,) for event_id in lists])
    many(
        "INSERT INTO related_events (event_id, related_id, score, because) VALUES (?, ?, ?, ?)",
        [
            (event_id, other.event_id, other.score, other.because)
            for event_id, related in lists.items()
            for other in related
        ],
    )


def count_events(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def unrelated_events(db: Database) -> set[int]:
    """Events that changed and wait to be related to others."""
    return {row[0] for row in db.execute("SELECT event_id FROM unrelated")}


def drop_unrelated(db: Database, event_ids: Iterable[int]) -> None:
    db.conn.executemany("DELETE FROM unrelated WHERE event_id = ?", [(id_,) for id_ in event_ids])


_NAMING = """SELECT id, (
    SELECT json_group_object(name, mentions) FROM event_names WHERE event_id = events.id
  ), last_published, category, title
FROM events WHERE last_published IS NOT NULL AND {events} ORDER BY id"""


def names_of_events(db: Database, event_ids: Iterable[int] | None = None) -> Iterator[Naming]:
    """Dated events (None: all) with their names. One without names is left out."""
    if event_ids is None:
        yield from _naming(db.execute(_NAMING.format(events="true")))
        return
    for ids in chunks(event_ids):
        yield from _naming(db.execute(_NAMING.format(events=f"id IN ({marks(ids)})"), ids))


def _naming(rows: Iterable[tuple[int, str, str, str, str]]) -> Iterator[Naming]:
    for event_id, told, last, category, title in rows:
        names, moment = json.loads(told), from_iso(last)
        assert moment is not None
        if names:
            yield event_id, names, moment, category, title


def name_counts(db: Database, names: Iterable[str] | None = None) -> dict[str, int]:
    """In how many events each name stands (None: every name), up to MOST_COUNTED."""
    if names is None:
        rows = db.execute("SELECT name, count(*) FROM event_names GROUP BY name")
        return {name: min(count, MOST_COUNTED) for name, count in rows}
    counted = (
        "SELECT value, (SELECT count(*) FROM"
        " (SELECT 1 FROM event_names WHERE name = value LIMIT ?)) FROM json_each(?)"
    )
    return dict(db.execute(counted, (MOST_COUNTED, to_json(sorted(names)))).fetchall())


def incomplete_events(db: Database, held: Mapping[int, int]) -> list[int]:
    """Those of the events that have other stories beside the so many that are held of each."""
    found: list[int] = []
    for ids in chunks(held):
        rows = db.execute(f"SELECT id, story_count FROM events WHERE id IN ({marks(ids)})", ids)
        found += [event_id for event_id, count in rows if count != held[event_id]]
    return found


def members_of(db: Database, event_ids: Iterable[int]) -> dict[int, set[int]]:
    """The ids of the stories of each event."""
    groups: dict[int, set[int]] = {}
    for ids in chunks(event_ids):
        for event_id, story_id in db.execute(
            f"SELECT event_id, story_id FROM event_stories WHERE event_id IN ({marks(ids)})", ids
        ):
            groups.setdefault(event_id, set()).add(story_id)
    return groups


def current_id(db: Database, event_id: int) -> int | None:
    """The event that answers for an id today: itself, or what it was merged into."""
    seen: set[int] = set()
    while event_id not in seen:
        seen.add(event_id)
        if db.execute("SELECT 1 FROM events WHERE id = ?", (event_id,)).fetchone():
            return event_id
        row = db.execute(
            "SELECT other_event FROM lineage WHERE event_id = ? AND kind = 'merged'"
            " ORDER BY id DESC LIMIT 1",
            (event_id,),
        ).fetchone()
        if row is None:
            return None
        event_id = row[0]
    return None


def lineage_of(db: Database, event_id: int) -> list[Became]:
    """Everything that is told about an event, oldest first."""
    rows = db.query(
        "SELECT * FROM lineage WHERE event_id = ? OR other_event = ? ORDER BY id",
        (event_id, event_id),
    )
    return [
        Became(row["event_id"], row["kind"], row["other_event"], from_iso(row["at"]))  # type: ignore[arg-type]
        for row in rows
    ]


def events_by_id(db: Database, event_ids: Iterable[int]) -> list[Event]:
    """Whole events, in the order of the ids given; ids that are not there are left out."""
    wanted = list(event_ids)
    found = {event.id: event for ids in chunks(wanted) for event in _events(db, ids)}
    return [found[event_id] for event_id in wanted if event_id in found]


def matches_of(db: Database, story_ids: Iterable[int]) -> list[Match]:
    """The stored matches between any two of these stories."""
    wanted = set(story_ids)
    found = []
    for ids in chunks(wanted):
        for row in db.query(f"SELECT * FROM matches WHERE left_story IN ({marks(ids)})", ids):
            if row["right_story"] in wanted:
                signals = tuple(Signal(**signal) for signal in json.loads(row["signals"]))
                found.append(Match(row["left_story"], row["right_story"], row["score"], signals))
    return found


def _events(db: Database, ids: Sequence[int]) -> list[Event]:
    members, figures, related = _members(db, ids), _figures(db, ids), _related(db, ids)
    rows = db.query(f"SELECT * FROM events WHERE id IN ({marks(ids)})", ids)
    return [_event(row, members[row["id"]], figures[row["id"]], related[row["id"]]) for row in rows]


def _event(
    row: Mapping[str, Any],
    members: Sequence[Member],
    figures: Sequence[Figure],
    related: Sequence[Related],
) -> Event:
    return Event(
        id=row["id"],
        title=row["title"],
        headline_story=row["headline_story"],
        members=tuple(members),
        first_published=from_iso(row["first_published"]),
        last_published=from_iso(row["last_published"]),
        first_source=row["first_source"],
        language=row["language"],
        category=row["category"],
        category_because=row["category_because"],
        tldr=tuple(Sentence(**sentence) for sentence in json.loads(row["tldr_from"])),
        figures=tuple(figures),
        related=tuple(related),
        independent=row["independent_count"],
        comments=row["comments"],
        not_an_event=bool(row["not_an_event"]),
        pruned=from_iso(row["pruned"]),
        updated_at=from_iso(row["updated_at"] or None),
    )


def _members(db: Database, event_ids: Sequence[int]) -> dict[int, list[Member]]:
    """Of each event, by time."""
    rows = db.execute(
        "SELECT m.event_id, m.story_id, m.role, m.score, m.through_story, m.because"
        " FROM event_stories AS m JOIN stories AS s ON s.id = m.story_id"
        f" WHERE m.event_id IN ({marks(event_ids)})"
        " ORDER BY coalesce(s.published, s.first_seen), s.url",
        event_ids,
    )
    return _by_event(rows, Member)


def _figures(db: Database, event_ids: Sequence[int]) -> dict[int, list[Figure]]:
    rows = db.execute(
        "SELECT event_id, story_id, key, value, unit, shown, quote, sentence, about"
        f" FROM figures WHERE event_id IN ({marks(event_ids)}) ORDER BY id",
        event_ids,
    )
    return _by_event(rows, Figure)


def related_from(db: Database, event_ids: Iterable[int]) -> set[int]:
    """The events that say that they are related to one of these."""
    found: set[int] = set()
    for ids in chunks(event_ids):
        rows = db.execute(
            f"SELECT event_id FROM related_events WHERE related_id IN ({marks(ids)})", ids
        )
        found.update(row[0] for row in rows)
    return found


def related_of(db: Database, event_ids: Iterable[int]) -> dict[int, tuple[Related, ...]]:
    """What each event is related to, the nearest first."""
    found: dict[int, tuple[Related, ...]] = {}
    for ids in chunks(event_ids):
        related = _related(db, ids)
        found |= {event_id: tuple(related[event_id]) for event_id in ids}
    return found


def _related(db: Database, event_ids: Sequence[int]) -> dict[int, list[Related]]:
    rows = db.execute(
        "SELECT event_id, related_id, score, because FROM related_events"
        f" WHERE event_id IN ({marks(event_ids)}) ORDER BY score DESC, related_id",
        event_ids,
    )
    return _by_event(rows, Related)


def _by_event(rows: Iterable[tuple[Any, ...]], make: Callable[..., Part]) -> dict[int, list[Part]]:
    """What is made of rows that begin with the id of an event; nothing for one without rows."""
    found: dict[int, list[Part]] = defaultdict(list)
    for event_id, *told in rows:
        found[event_id].append(make(*told))
    return found
