"""Relate the events that changed to others about the same names, in a database.

    events that wait -> others that share a rare name -> enrich/related.py -> stored at once

Few events that changed are looked up by their names; what counts of all others is kept at hand
(storage/event_marks.py). When most changed, all are compared at once. What relates two events is
decided in enrich/related.py.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.enrich.related import (
    ROUNDUP,
    WINDOW,
    EventNames,
    Near,
    everybody,
    first,
    is_rare,
    marks_of,
    relates,
    side_by_side,
)
from storage.database import transaction
from storage.event_marks import events_naming, save_event_marks
from storage.events import (
    count_events,
    drop_unrelated,
    name_counts,
    names_of_events,
    related_from,
    related_of,
    save_related,
    unrelated_events,
)
from storage.models import Related

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from sqlite_utils import Database

    from storage.event_marks import Marked
    from storage.events import Naming

    Lists = dict[int, tuple[Related, ...]]

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOST = 0.2  # share of all events; with more that changed, to compare all is faster


def relate_changed(db: Database) -> None:
    """Relate all events that wait for it, and tell those that they are related to."""
    changed = unrelated_events(db)
    if not changed:
        return
    total = count_events(db)
    if len(changed) > MOST * total:
        near = Near(_told(db), name_counts(db), total)
        found = dict.fromkeys(changed, ()) | everybody(near)
    else:
        near = _beside(db, changed, total)
        found = _related(db, near, changed)
    stored = related_of(db, found)
    with transaction(db):
        save_related(db, {i: told for i, told in found.items() if told != stored[i]})
        save_event_marks(db, _measured(near))
        drop_unrelated(db, changed)


def _beside(db: Database, event_ids: AbstractSet[int], total: int) -> Near:
    """These events and all others that share a rare name with one of them and lie near enough."""
    named = list(names_of_events(db, event_ids))
    if not named:
        return Near([], {}, total)
    frequency = name_counts(db, _names(named))
    moments = [moment for _, _, moment, _, _ in named]
    since = max(min(moments), FIRST + WINDOW) - WINDOW  # the years 1 and 9999 come up, too
    until = min(max(moments), LAST - WINDOW) + WINDOW
    rare = [name for name, count in frequency.items() if is_rare(name, frequency, total)]
    at_hand, missing = events_naming(db, rare, since, until)
    others = {row[0]: EventNames(*row) for row in at_hand}
    unmeasured = list(names_of_events(db, missing - event_ids))
    frequency |= name_counts(db, _names(unmeasured) - frequency.keys())
    known = others | {event.event_id: event for event in _marked([*named, *unmeasured])}
    return Near(known.values(), frequency, total)


def _measured(near: Near) -> Iterator[Marked]:
    """What is to be kept at hand, of events of which nothing was."""
    for event_id, event in near.known.items():
        if event.length is None:
            assert isinstance(event.names, bytes)
            length = near.lengths[event_id]
            yield event_id, event.names, event.when, event.category, event.title, length


def _related(db: Database, near: Near, changed: AbstractSet[int]) -> Lists:
    """What the changed events are related to; and what others are that are related to one of them,
    or were before."""
    relations = near.relations(near.known.keys() & changed)
    before = related_from(db, changed)
    events = _also(db, near.known, before)
    roundups = {event_id for event_id, event in events.items() if event.category == ROUNDUP}
    back: dict[int, list[Related]] = defaultdict(list)
    for event_id in sorted(relations.keys() - roundups):
        for other in relations[event_id]:
            back[other.event_id].append(Related(event_id, other.score, other.because))
    found = {
        event_id: first(r for r in relations.get(event_id, ()) if r.event_id not in roundups)
        for event_id in changed
    }
    for event_id, known in related_of(db, (before | back.keys()) - changed).items():
        kept = [related for related in known if related.event_id not in changed]
        found[event_id] = first([*kept, *back[event_id]])
    by_editor = {event_id: found[event_id] for event_id in roundups & found.keys()}
    told_of = {other.event_id for told in by_editor.values() for other in told}
    found |= related_of(db, told_of - found.keys())
    return side_by_side(found, by_editor, _also(db, events, told_of))


def _also(
    db: Database, known: Mapping[int, EventNames], event_ids: AbstractSet[int]
) -> dict[int, EventNames]:
    """What is known of events, and these, too."""
    return {**known, **{e.event_id: e for e in _told(db, event_ids - known.keys())}}


def _told(db: Database, event_ids: Iterable[int] | None = None) -> list[EventNames]:
    return list(_marked(names_of_events(db, event_ids)))


def _marked(named: Iterable[Naming]) -> Iterator[EventNames]:
    """As numbers at once: so many names take room."""
    for event_id, names, last, category, title in named:
        yield EventNames(event_id, marks_of(names), last, category, title)


def _names(named: Iterable[Naming]) -> set[str]:
    """What they name, without what everybody does."""
    return set(filter(relates, chain.from_iterable(names for _, names, *_ in named)))
