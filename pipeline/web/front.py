"""Which events the front page shows, and what stands beside them.

Comes in: what was asked in the address, and the present. Goes out: a Front: the events in their
order as brief views, coverage by day, the days beside it, what can be filtered by. Without a
question it is the last 24 hours, or the latest day that has any event, by importance; filters
without a span go through all of it, the latest first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import ceil, prod
from typing import TYPE_CHECKING

from pipeline.digest.choose import choose, importance
from pipeline.views import event_views
from storage.asking import Filter, list_events
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import events_by_id
from storage.front import (
    WRONG_CLOCK,
    Span,
    categories_of_events,
    events_in_span,
    last_report,
    names_of_sources,
    next_report,
    stories_by_span,
)
from storage.times import since as parse_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database

    from pipeline.digest.view import EventView
    from storage.models import Event

ON_PAGE = 30  # events
MOST_RANKED = 300  # events of a span that are put in order by importance; then by sources
MOST_LISTED = 150  # of a search, or of all there is
DAYS = 14  # of coverage beside the list
DAY = timedelta(days=1)
EVER = datetime(1, 1, 1, tzinfo=UTC)
MAX_PAGE = 100
FIRST_YEAR, LAST_YEAR = 1900, 9000  # days around them can be reckoned with


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says, as it was written; it is also what the form shows."""

    q: str = ""
    day: str = ""
    since: str = ""
    category: str = ""
    source: str = ""
    language: str = ""
    sources: str = ""  # at least so many independent ones
    page: str = ""

    def given(self, **changes: str) -> dict[str, str]:
        """Its fields that say something, with some changed: the words of an address."""
        changed = replace(self, page="") if "page" not in changes else self
        changed = replace(changed, **changes)
        return {name: value for name in FIELDS if (value := getattr(changed, name))}

    @property
    def filters(self) -> int:
        """How many filters are set."""
        return sum(
            bool(each)
            for each in (self.since, self.category, self.source, self.language, self.sources)
        )


FIELDS = tuple(Asked.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Bar:
    """The stories of one day."""

    day: date
    stories: int
    shown: bool  # whether the list is of this day


@dataclass(frozen=True, slots=True)
class Front:
    """What the front page tells."""

    asked: Asked
    since: datetime
    until: datetime
    events: tuple[EventView, ...]
    snippets: Mapping[int, str]  # by the ids of events: the words around what was searched for
    found: int  # events in all
    page: int
    pages: int
    is_of_now: bool  # the last 24 hours
    fell_back: bool  # nothing in them, so it is the latest day that has any
    earlier: date | None  # the nearest days with events
    later: date | None
    bars: tuple[Bar, ...]
    categories: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]


def front(db: Database, asked: Asked, now: datetime) -> Front:
    """Raises NewsfoldError for a day, time or number that is none."""
    since, until, is_of_now = _span(asked, now)
    fell_back = False
    if is_of_now and (last_report(db, until) or EVER) < since:
        latest = last_report(db, until)
        if latest is not None:
            fell_back, is_of_now = True, False
            since, until = _day(latest.date())
    wanted = Span(
        since,
        until,
        asked.category or None,
        asked.source or None,
        asked.language or None,
        _number(asked.sources, "sources", 1_000_000),
    )
    page = _number(asked.page, "page", MAX_PAGE)
    listed = _listed(db, asked.q, wanted, page)
    events = events_by_id(db, listed.ids)
    if listed.ranked:
        events = [each.event for each in choose(events, until, since, len(events))]
    last = min(until - timedelta(seconds=1), now) if asked.day else last_report(db, until) or now
    names = names_of_sources(db)
    return Front(
        asked=asked,
        since=since,
        until=until,
        events=tuple(event_views(db, events, brief=True)),
        snippets=listed.snippets,
        found=listed.found,
        page=page,
        pages=max(1, min(MAX_PAGE, ceil(listed.found / ON_PAGE))),
        is_of_now=is_of_now,
        fell_back=fell_back,
        earlier=_date(last_report(db, since)) if since > EVER else None,
        later=_date(next_report(db, until)) if until < now else None,
        bars=_bars(db, last.date(), (since, until)),
        categories=tuple(categories_of_events(db)),
        sources=tuple((id_, name) for id_, name, _ in names),
        languages=tuple(sorted({language[:2].lower() for _, _, language in names})),
    )


def _span(asked: Asked, now: datetime) -> tuple[datetime, datetime, bool]:
    """From when to when events are asked for, and whether that is the last 24 hours."""
    until = now + WRONG_CLOCK
    if asked.since:
        try:
            return parse_since(asked.since, now), until, False
        except (ValueError, OverflowError) as error:
            raise NewsfoldError(
                f"{asked.since!r} is no time; write 2026-04-08, 12h, 3d or 2w", WRONG_CALL
            ) from error
    if asked.day:
        try:
            day = date.fromisoformat(asked.day)
            if not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise ValueError(day)
            return (*_day(day), False)
        except (ValueError, OverflowError) as error:
            raise NewsfoldError(f"{asked.day!r} is no day; write 2026-04-08", WRONG_CALL) from error
    if asked.q or asked.filters:
        return EVER, until, False
    return now - DAY, until, True


def _day(day: date) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time(), UTC)
    return midnight, midnight + DAY


def _number(text: str, name: str, most: int) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) >= 1):
        raise NewsfoldError(f"{name} is a number from 1 on, not {text!r}", WRONG_CALL)
    return min(int(text), most)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The events of one page, how many there are on all pages, and whether they are to be put in
    order by importance once more, now that all is known of them."""

    ids: list[int]
    found: int
    snippets: Mapping[int, str]
    ranked: bool


def _listed(db: Database, words: str, wanted: Span, page: int) -> _Listed:
    first, end = (page - 1) * ON_PAGE, page * ON_PAGE
    if words or wanted.since == EVER:
        rows = list(list_events(db, _filter(words, wanted), MOST_LISTED))
        shown = rows[first:end]
        snippets = {row["id"]: row["snippet"] for row in shown if words}
        return _Listed([row["id"] for row in shown], len(rows), snippets, ranked=False)
    light, found = events_in_span(db, wanted, max(MOST_RANKED, end))
    since = max(wanted.since, wanted.until - 31 * DAY)
    ranked = sorted(light[:MOST_RANKED], key=lambda event: _rank(event, wanted.until, since))
    ordered = [event.id for event in (ranked + light[MOST_RANKED:])[first:end]]
    return _Listed(ordered, found, {}, ranked=True)


def _filter(words: str, wanted: Span) -> Filter:
    """What goes through all there is: what fits the words best, or the latest."""
    bounded = wanted.since > EVER
    return Filter(
        since=wanted.since if bounded else None,
        until=wanted.until if bounded else None,
        category=wanted.category,
        source=wanted.source,
        language=wanted.language,
        min_sources=wanted.min_sources,
        search=words or None,
        sort=None if words else "latest",
    )


def _rank(event: Event, now: datetime, since: datetime) -> tuple[float, int]:
    """By importance, as far as an event without its members tells."""
    return (-prod(importance(event, now, since).values()), event.id)


def _bars(db: Database, last: date, span: tuple[datetime, datetime]) -> tuple[Bar, ...]:
    days = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    counts = stories_by_span(db, [_day(day) for day in days])
    return tuple(
        Bar(day, count, span[0] < _day(day)[1] and _day(day)[0] < span[1])
        for day, count in zip(days, counts, strict=True)
    )


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
