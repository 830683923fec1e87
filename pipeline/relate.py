"""Relate the events that changed to others about the same names, in a database.

    events that wait -> others that share a rare name -> enrich/related.py -> stored at once

Few events that changed are looked up by their names; when most changed, all are compared at once.
What relates two events is decided in enrich/related.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.enrich.related import WINDOW, EventNames, beside, is_rare, relate_all
from storage.database import transaction
from storage.events import (
    count_events,
    drop_unrelated,
    events_naming,
    name_counts,
    names_of_events,
    related_from,
    related_of,
    save_related,
    unrelated_events,
)
from storage.models import Related

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlite_utils import Database

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOST = 0.2  # share of all events; with more that changed, to compare all is faster


def relate_changed(db: Database) -> None:
    """Relate all events that wait for it, and tell those that they are related to."""
    changed = unrelated_events(db)
    if not changed:
        return
    total = count_events(db)
    found = _among_all(db, total) if len(changed) > MOST * total else _near(db, changed, total)
    with transaction(db):
        for event_id, related in found.items():
            save_related(db, event_id, related)
        drop_unrelated(db, changed)


def _among_all(db: Database, total: int) -> dict[int, tuple[Related, ...]]:
    events = [EventNames(*row) for row in names_of_events(db)]
    frequency = name_counts(db)
    return relate_all(events, frequency, total)


def _near(db: Database, changed: Collection[int], total: int) -> dict[int, tuple[Related, ...]]:
    """The changed events are held against all that share a rare name with them. Others hear of
    it: those that they are near to now, and those that they were near to."""
    about = _beside(db, changed, total)
    found = relate_all(about, _frequency(db, about), total, changed)
    heard: dict[int, tuple[Related, ...]] = {}
    for event_id in sorted(changed):
        near = {related.event_id: related for related in found.get(event_id, ())}
        for other in sorted((near.keys() | related_from(db, event_id)) - set(changed)):
            told = near.get(other)
            back = Related(event_id, told.score, told.because) if told else None
            known = heard.get(other)
            heard[other] = beside(related_of(db, other) if known is None else known, event_id, back)
    return found | heard


def _beside(db: Database, event_ids: Iterable[int], total: int) -> list[EventNames]:
    """These events and all others that share a rare name with one of them and lie near enough."""
    events = [EventNames(*row) for row in names_of_events(db, event_ids)]
    if not events:
        return []
    frequency = _frequency(db, events)
    moments = [event.when for event in events]
    since = max(min(moments), FIRST + WINDOW) - WINDOW  # the years 1 and 9999 come up, too
    until = min(max(moments), LAST - WINDOW) + WINDOW
    rare = {name for name, count in frequency.items() if is_rare(name, frequency, total)}
    others = events_naming(db, rare, since, until) - {event.event_id for event in events}
    return events + [EventNames(*row) for row in names_of_events(db, others)]


def _frequency(db: Database, events: Iterable[EventNames]) -> dict[str, int]:
    return name_counts(db, {name for event in events for name in event.names})
