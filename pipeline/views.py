"""From the database to what a reader sees: reads rows, hands them to the pure builders.

Comes in: a database and what is asked for. Goes out: views that a form renders. It decides
nothing: which events and in which order stands in digest/choose.py, what an event says of itself
in digest/view.py.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.digest.choose import SAME_SAGA, USUAL, Chosen, Contender, Report, best
from pipeline.digest.view import DigestView, EventView, build_view
from storage.database import snapshot
from storage.events import events_by_id
from storage.period import Period, events_of, relations_of, reports_of
from storage.sources import all_sources
from storage.stories import stories_by_id
from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.digest.choose import Ranked, Weights
    from storage.models import Event, Story


def digest_view(
    chosen: Sequence[Chosen], db: Database, *, since: datetime, until: datetime, left_out: int
) -> DigestView:
    """The chosen events as a reader sees them, in their order."""
    views = event_views(db, [choice.event for choice in chosen])
    return DigestView(since=since, until=until, events=tuple(views), left_out=left_out)


def choose_events(
    db: Database, *, since: datetime, now: datetime, most: int, weights: Weights = USUAL
) -> tuple[list[Chosen], int]:
    """The most important events since a time, and how many others there were."""
    with snapshot(db):
        contenders = contenders_of(db, Period(since, now))
        ranked = best(contenders, now, since, most, weights)
        return chosen_events(db, ranked), len(contenders) - len(ranked)


def contenders_of(db: Database, period: Period) -> list[Contender]:
    """What ranks the events of a period. Whole events are read only of those that are chosen."""
    owners = {source.id: source.owner for source in all_sources(db)}
    reports: dict[int, list[Report]] = defaultdict(list)
    for event_id, source, role, at in reports_of(db, period):
        report = Report(source, owners.get(source) or source, role, from_iso(at))
        reports[event_id].append(report)
    related: dict[int, set[int]] = defaultdict(set)
    for event_id, other in relations_of(db, period, SAME_SAGA):
        related[event_id].add(other)
    return [
        Contender(
            id_,
            category,
            from_iso(first),
            from_iso(last),
            tuple(reports[id_]),
            independent,
            comments,
            language,
            frozenset(related[id_]),
        )
        for id_, category, language, first, last, independent, comments in events_of(db, period)
    ]


def chosen_events(db: Database, ranked: Sequence[Ranked]) -> list[Chosen]:
    """The whole events of those that were chosen, in their order."""
    events = {event.id: event for event in events_by_id(db, [one.contender.id for one in ranked])}
    return [
        Chosen(events[one.contender.id], one.importance, one.parts)
        for one in ranked
        if one.contender.id in events
    ]


def rank_row(choice: Chosen) -> dict[str, object]:
    """Why an event stands where it stands: the parts whose product is its importance."""
    parts = {name: f"{value:.2f}" for name, value in choice.parts.items()}
    return {"importance": f"{choice.importance:.3f}", **parts, "event": choice.event.title}


def event_views(db: Database, events: Sequence[Event], *, brief: bool = False) -> list[EventView]:
    """Events as a reader sees them, each with its stories and related events; brief ones without
    figures, sections and related events, as a list shows them."""
    return [view for view, _ in views_with_stories(db, events, brief=brief)]


def views_with_stories(
    db: Database, events: Sequence[Event], *, brief: bool = False
) -> list[tuple[EventView, dict[int, Story]]]:
    """The same, each with the stories that it was made of, by id."""
    sources = {source.id: source for source in all_sources(db)}
    related_ids = sorted({o.event_id for e in events for o in e.related} if not brief else ())
    others = events_by_id(db, related_ids)
    related = {event.id: event for event in others if not event.not_an_event}
    wanted = {member.story_id for event in events for member in event.members}
    wanted |= {event.headline_story for event in related.values()}
    stories = {story.id: story for story in stories_by_id(db, wanted) if story.id is not None}
    views = []
    for event in events:
        ids = {member.story_id for member in event.members}
        ids |= {related[o.event_id].headline_story for o in event.related if o.event_id in related}
        own = {id_: stories[id_] for id_ in ids if id_ in stories}
        views.append((build_view(event, own, sources, related, brief=brief), own))
    return views
