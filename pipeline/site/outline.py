"""Which pages a site has, and what stands on each.

Comes in: events in brief and the present. Goes out: days, months, categories, and the events of
the front page. Nothing is read and nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import prod
from typing import TYPE_CHECKING

from pipeline.digest.choose import importance
from pipeline.site.addresses import category_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.outline import EventRow

DAY = timedelta(days=1)
WRONG_CLOCK = timedelta(hours=1)  # what is dated later than this after now is no news yet
WEEK = timedelta(days=7)  # of the feed: who reads it once a week misses nothing of weight
ON_PAGE = 200  # events of a part of a day
OF_MONTH = 25  # events that a month's page names
OF_CATEGORY = 30  # events of a category's page, and entries of its feed
IN_FEED = 40  # entries
LOOKED_AT = 100  # events that are read whole to choose from


@dataclass(frozen=True, slots=True)
class Outline:
    """Events that are told, by what lists them: the best first, but the latest in a category."""

    told: list[EventRow]
    days: dict[date, list[EventRow]]
    months: dict[date, list[EventRow]]
    categories: dict[str, list[EventRow]]

    @property
    def last_day(self) -> date | None:
        return max(self.days, default=None)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, and the events in it that are worth a closer look."""

    since: datetime
    until: datetime
    rows: list[EventRow]
    count: int  # of all events in it


def outlined(rows: Iterable[EventRow], now: datetime) -> Outline:
    """Without what an analyst has called no event, and what is dated ahead of its time."""
    told = [row for row in rows if not row.event.not_an_event and row.broke <= now + WRONG_CLOCK]
    told.sort(key=lambda row: (-row.event.independent, -row.stories, row.broke, row.id))
    days, months, categories = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in told:
        day = row.broke.date()
        days[day].append(row)
        months[day.replace(day=1)].append(row)
        categories[row.event.category].append(row)
    for listed in categories.values():
        listed.sort(key=lambda row: (row.broke, row.id), reverse=True)
    return Outline(
        told, dict(sorted(days.items())), dict(sorted(months.items())), _one_each(categories)
    )


def _one_each(categories: dict[str, list[EventRow]]) -> dict[str, list[EventRow]]:
    """By name; of two whose addresses would be the same, the one with more events."""
    by_address: dict[str, str] = {}
    for name in sorted(categories, key=lambda name: (-len(categories[name]), name)):
        by_address.setdefault(category_page(name), name)
    return {name: categories[name] for name in sorted(by_address.values())}


def front_span(outline: Outline, now: datetime) -> Span:
    """The last 24 hours; when nothing was told in them, the latest day that has anything."""
    latest = _within(outline, now - DAY, now)
    if latest.rows or outline.last_day is None:
        return latest
    midnight = datetime.combine(outline.last_day, time(), UTC)
    return _within(outline, midnight, midnight + DAY - timedelta(seconds=1))


def feed_span(outline: Outline, now: datetime) -> Span:
    """The last seven days, or the latest ones that have anything."""
    last = outline.last_day
    latest = datetime.combine(last, time(), UTC) + DAY if last else now
    until = min(now, latest)
    return _within(outline, until - WEEK, until)


def _within(outline: Outline, since: datetime, until: datetime) -> Span:
    """Events with a report in a span, ranked by importance, as far as one without its members
    tells."""
    rows = [
        row
        for row in outline.told
        if row.broke <= until + WRONG_CLOCK and (row.event.last_published or row.broke) >= since
    ]
    rows.sort(key=lambda row: (-prod(importance(row.event, until, since).values()), row.id))
    return Span(since, until, rows[:LOOKED_AT], len(rows))


def parts_of(rows: Sequence[EventRow]) -> list[Sequence[EventRow]]:
    """A day in parts that a browser shows at once."""
    return [rows[start : start + ON_PAGE] for start in range(0, len(rows), ON_PAGE)]
