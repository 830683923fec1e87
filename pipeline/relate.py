"""Relate the events that changed to others about the same names, in a database.

    events that wait -> others that share a rare name -> enrich/related.py -> stored at once

Few events that changed are looked up by their names; when most changed, all are compared at once.
What relates two events is decided in enrich/related.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.enrich.related import EventNames, is_rare, relate_all
from storage.database import transaction
from storage.events import (
    count_events,
    drop_unrelated,
    events_naming,
    name_counts,
    names_of_events,
    save_related,
    unrelated_events,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlite_utils import Database

    from storage.models import Related

MOST = 0.2  # share of all events; with more that changed, to compare all is faster


def relate_changed(db: Database) -> None:
    """Relate all events that wait for it, and those near to them."""
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
    """The changed events are held against all that share a rare name with them; so are then those
    that turn out to be near, since a new neighbour can push out an old one."""
    about = _beside(db, changed, total)
    first = relate_all(about, _frequency(db, about), total, changed)
    about = _beside(db, first.keys() | set(changed), total)
    return relate_all(about, _frequency(db, about), total, changed)


def _beside(db: Database, event_ids: Iterable[int], total: int) -> list[EventNames]:
    """These events and all others that share a rare name with one of them."""
    events = [EventNames(*row) for row in names_of_events(db, event_ids)]
    frequency = _frequency(db, events)
    rare = {name for name, count in frequency.items() if is_rare(name, frequency, total)}
    others = events_naming(db, rare) - {event.event_id for event in events}
    return events + [EventNames(*row) for row in names_of_events(db, others)]


def _frequency(db: Database, events: Iterable[EventNames]) -> dict[str, int]:
    return name_counts(db, {name for event in events for name in event.names})
