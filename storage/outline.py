"""What a site is made from, in few and cheap questions: every event in brief, with a mark that
changes when its page would.

Comes in: a database. Goes out: rows, ids that have ended and what answers for them. Texts of
stories are not read here: whole events are read only where a page is made anew.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from storage.events import Became
from storage.models import Event
from storage.rows import chunks, marks
from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in brief."""

    event: Event  # without members, figures and relations
    broke: datetime  # its first report; where nobody dates it, when we first saw it
    stories: int
    mark: str  # of all that its page shows

    @property
    def id(self) -> int:
        return self.event.id


def outline(db: Database) -> list[EventRow]:
    """All events, by id."""
    rows = db.execute(
        f"SELECT {', '.join(f'e.{name}' for name in _SHOWN)}, (SELECT first_seen FROM stories"
        " WHERE id = e.headline_story) FROM events AS e WHERE e.updated_at > '' ORDER BY e.id"
    ).fetchall()
    own = {row[0]: digest(row) for row in rows}
    beside = _beside(db, own)
    return [_row(row, digest((own[row[0]], beside.get(row[0])))) for row in rows]


_SHOWN = (
    "id", "title", "headline_story", "category", "category_because", "tldr_from", "language",
    "first_published", "last_published", "story_count", "independent_count", "comments",
    "not_an_event", "updated_at", "pruned",
)  # fmt: skip


def _row(row: tuple[Any, ...], mark: str) -> EventRow:
    told = dict(zip(_SHOWN, row, strict=False))
    first, last = from_iso(told["first_published"]), from_iso(told["last_published"])
    updated = from_iso(told["updated_at"])
    broke = first or last or from_iso(row[-1]) or updated
    assert broke is not None
    event = Event(
        id=told["id"],
        title=told["title"],
        headline_story=told["headline_story"],
        members=(),
        category=told["category"],
        language=told["language"],
        first_published=first,
        last_published=last,
        independent=told["independent_count"],
        comments=told["comments"],
        not_an_event=bool(told["not_an_event"]),
        updated_at=updated,
    )
    return EventRow(event, broke, told["story_count"], mark)


def _beside(db: Database, own: dict[int, str]) -> dict[int, list[object]]:
    """What the page of an event shows that is not in its row."""
    found: dict[int, list[object]] = defaultdict(list)
    for event_id, other, *rest in db.execute(
        "SELECT event_id, related_id, because FROM related_events"
        " ORDER BY event_id, score DESC, related_id"
    ):
        found[event_id].append((own.get(other), *rest))
    for became in all_lineage(db):
        found[became.event_id].append(became)
        found[became.other_event].append(became)
    for event_id, *rest in db.execute(
        "SELECT m.event_id, d.url, d.points, d.comments FROM discussions AS d"
        " JOIN stories AS s ON s.url = d.story_url JOIN event_stories AS m ON m.story_id = s.id"
        " ORDER BY m.event_id, d.url"
    ):
        found[event_id].append(rest)
    for event_id, *rest in db.execute(
        "SELECT event_id, model, max(made_at) FROM summaries GROUP BY event_id, model"
    ):
        found[event_id].append(rest)
    return found


def all_lineage(db: Database) -> list[Became]:
    """What became of every event, oldest first."""
    rows = db.execute("SELECT event_id, kind, other_event, at FROM lineage ORDER BY id")
    return [Became(id_, kind, other, from_iso(at)) for id_, kind, other, at in rows]  # type: ignore[arg-type]


def answers(alive: Iterable[int], lineage: Iterable[Became]) -> dict[int, int | None]:
    """For every id that has ended, the event that answers for it today; None where no merge tells,
    because its stories went to several."""
    living = set(alive)
    told = {became.event_id for became in lineage} | {became.other_event for became in lineage}
    merged = {b.event_id: b.other_event for b in lineage if b.kind == "merged"}
    return {ended: _last(ended, merged, living) for ended in sorted(told - living)}


def _last(event_id: int, merged: dict[int, int], living: set[int]) -> int | None:
    seen: set[int] = set()
    while event_id not in living:
        if event_id in seen or event_id not in merged:
            return None
        seen.add(event_id)
        event_id = merged[event_id]
    return event_id


def source_marks(db: Database) -> dict[str, str]:
    """For every source a mark of what pages tell of it."""
    return {row[0]: digest(row) for row in db.execute("SELECT id, name, owner FROM sources")}


def events_of_sources(db: Database, source_ids: Iterable[str]) -> set[int]:
    """The events that any of these sources reports."""
    found: set[int] = set()
    for ids in chunks(source_ids):
        rows = db.execute(
            "SELECT m.event_id FROM event_stories AS m JOIN stories AS s ON s.id = m.story_id"
            f" WHERE s.source_id IN ({marks(ids)})",
            ids,
        )
        found |= {row[0] for row in rows}
    return found


def digest(told: object) -> str:
    """The same for the same, in this and in any later process."""
    return blake2b(repr(told).encode("utf-8", "replace"), digest_size=9).hexdigest()
