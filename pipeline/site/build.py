"""A database becomes a site, or brings the one that is there up to date.

Comes in: a database, a folder, the present. Goes out: files. A page is made anew only when what it
shows has changed. New pages are written first, the changed ones after them, so that a build which
is killed leaves no link to a page that is not there.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.digest.charts import Bar
from pipeline.digest.choose import choose
from pipeline.digest.feeds import FeedHead
from pipeline.digest.render import cleaned
from pipeline.digest.view import DigestView
from pipeline.show import Shown, reasons
from pipeline.site import addresses as at
from pipeline.site.calendar import weeks_of
from pipeline.site.entries import Entries
from pipeline.site.files import SiteFiles, claim
from pipeline.site.outline import (
    IN_FEED,
    OF_CATEGORY,
    OF_MONTH,
    feed_span,
    front_span,
    outlined,
    parts_of,
)
from pipeline.site.pages import members_of
from pipeline.site.sitemap import robots, sitemap
from pipeline.views import event_views, views_with_stories
from storage.database import open_existing
from storage.discussions import discussions_of
from storage.events import events_by_id
from storage.outline import (
    all_lineage,
    answers,
    digest,
    events_of_sources,
    outline,
    source_marks,
)
from storage.runs import only_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.digest.view import EventView
    from pipeline.site.outline import Outline, Span
    from pipeline.site.pages import Pages
    from storage.events import Became
    from storage.models import Event
    from storage.outline import EventRow

AT_ONCE = 100  # events that are read together
KEPT = 1_500  # views that are kept for the lists that come soon after
ON_FRONT = 20  # events
BARS = 14  # days beside them
OF_WEEK = 15  # other events of the week below them


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did, in files."""

    pages: int  # that the site has
    written: int  # new, or saying something else than before
    removed: int


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the site: where, a mark of what it shows, and how it is made."""

    path: str
    mark: str
    make: Callable[[], str]
    event_id: int | None = None  # of the page of an event


def build_site(
    database: Path,
    folder: Path,
    pages: Pages,
    *,
    now: datetime,
    rebuild: bool = False,
    prune: bool = False,
    with_robots: bool = False,
    llm: str | None = None,
) -> Built:
    """`llm` is the model whose TL;DRs are shown where it has written one for a digest. Raises
    NewsfoldError for a folder that is not ours, a broken template, or when another build is at it.
    """
    db = open_existing(database)
    claim(folder)
    with only_one(folder / ".newsfold" / "site"):
        files = SiteFiles(folder, f"{pages.mark}{llm or ''}", rebuild=rebuild)
        db.execute("BEGIN")  # a pass may write meanwhile: all pages are of one moment
        try:
            site = _Site(db, pages, files, now, with_robots, llm)
            gc.freeze()  # what is known of all events stays: not to be looked through all the time
            _write(site, files, prune=prune)
            files.finish(site.sources, site.entries.kept, prune=prune)
        finally:
            gc.unfreeze()
            db.conn.rollback()
            db.close()
    return Built(files.wanted, files.written, files.removed)


def _write(site: _Site, files: SiteFiles, *, prune: bool) -> None:
    plan = list(site.plan())
    if not prune:
        plan = [*site.left_empty(set(files.known) - {page.path for page in plan}), *plan]
    due = [page for page in plan if files.is_due(page.path, page.mark)]
    there = {page.path for page in due if (files.folder / page.path).is_file()}
    for is_there in (False, True):
        step = [page for page in due if (page.path in there) == is_there]
        site.will_need([page.event_id for page in step if page.event_id is not None])
        for page in step:
            files.write(page.path, page.mark, page.make())


class _Site:
    """What there is to show, and the pages that show it."""

    def __init__(
        self,
        db: Database,
        pages: Pages,
        files: SiteFiles,
        now: datetime,
        with_robots: bool,
        llm: str | None,
    ) -> None:
        self._db = db
        self._pages = pages
        self._now = now
        self._with_robots = with_robots
        self._llm = llm
        self._rows = {row.id: row for row in outline(db)}
        self._outline: Outline = outlined(self._rows.values(), now)
        self._listed = {row.id for row in self._outline.told}
        self._beside_day = _neighbours(list(self._outline.days))
        self._lineage = all_lineage(db)
        self._lineage_of: dict[int, list[Became]] = defaultdict(list)
        for became in self._lineage:
            for id_ in {became.event_id, became.other_event}:
                self._lineage_of[id_].append(became)
        self.sources = source_marks(db)
        self._renamed = self._of_renamed_sources(files)
        self.entries = Entries(files.entries, self._whole, now)
        self._shown: dict[int, dict[str, Any]] = {}
        self._views: dict[int, EventView] = {}
        self._coming: list[int] = []

    def plan(self) -> Iterator[Page]:
        """Every page, in the order in which new ones are written: the front page last."""
        yield Page(at.STYLE, "", lambda: self._pages.styles)
        yield self._page("not_found", at.NOT_FOUND, "", dict)
        for day, rows in self._outline.days.items():
            yield from map(self._event_page, rows)
            yield from self._day_pages(day, rows)
        yield from (self._event_page(r) for r in self._rows.values() if r.id not in self._listed)
        yield from self._ended_pages()
        yield from self._month_pages()
        yield from self._category_pages()
        yield self._archive_page()
        yield from self._sitemap()
        yield from self._feeds(at.FEED, at.JSON_FEED, "latest", at.FRONT, self._latest())
        yield self._front_page()

    def left_empty(self, paths: Iterable[str]) -> Iterator[Page]:
        """Lists that were there and have nothing to list any more; their addresses still answer."""
        for path in sorted(paths):
            if path.endswith(".html") and not path.startswith("events/"):
                yield self._page("gone", path, "gone", dict)

    def will_need(self, event_ids: list[int]) -> None:
        """The events whose pages are made next, in this order: they are read together."""
        self._coming = list(reversed(event_ids))

    # --- events ---

    def _event_page(self, row: EventRow) -> Page:
        mark = f"{row.mark} {row.id in self._listed} {self._renamed.get(row.id)}"
        return Page(at.event_page(row.id), mark, lambda: self._event_html(row), row.id)

    def _event_html(self, row: EventRow) -> str:
        if row.id not in self._shown:
            self._read_on(row.id)
        shown = self._shown.pop(row.id)
        members = members_of(shown)
        source_of = {member["url"]: member["source"] for member in members}
        return self._pages.page(
            "event",
            at.event_page(row.id),
            event=shown["view"],
            members=members,
            names={member["story"]: member["source"] for member in members},
            source_of_headline=source_of.get(shown["view"]["url"], "its source"),
            discussions=shown["discussions"],
            lineage=shown["lineage"],
            not_an_event=row.event.not_an_event,
            day=row.broke.date() if row.id in self._listed else None,
        )

    def _read_on(self, event_id: int) -> None:
        """Read this event and those that come after it."""
        ids = [event_id]
        while self._coming and len(ids) < AT_ONCE:
            coming = self._coming.pop()
            if coming not in ids:
                ids.append(coming)
        self._shown.clear()
        events = self._events(ids)
        for event, (whole, stories) in zip(
            events, views_with_stories(self._db, events), strict=True
        ):
            view = replace(whole, sections=())  # the publisher's text stays the publisher's
            shown = Shown(
                event.id,
                view,
                reasons(event, stories),
                tuple(discussions_of(self._db, (source.url for source in view.sources))),
                tuple(self._lineage_of.get(event.id, ())),
            )
            self._shown[event.id] = cleaned(shown)
            self._keep(view)

    def _events(self, ids: Sequence[int]) -> list[Event]:
        found = events_by_id(self._db, ids)
        if self._llm is None or not found:
            return found
        from pipeline.summaries import as_told

        return as_told(self._db, found, self._llm)

    def _keep(self, view: EventView) -> None:
        self._views[view.event_id] = view
        while len(self._views) > KEPT:
            del self._views[next(iter(self._views))]

    def _whole(self, ids: Sequence[int], known: Sequence[Event] = ()) -> list[EventView]:
        """Views of these events, in their order."""
        missing = [id_ for id_ in ids if id_ not in self._views]
        read = {event.id: event for event in known}
        events = [read.get(i, e) for i, e in self._read(missing, read)]
        found = {id_: self._views[id_] for id_ in ids if id_ in self._views}
        for view in event_views(self._db, events):
            bare = replace(view, sections=())
            found[view.event_id] = bare
            self._keep(bare)
        return [found[id_] for id_ in ids if id_ in found]

    def _read(self, ids: Sequence[int], known: dict[int, Event]) -> Iterator[tuple[int, Event]]:
        other = {e.id: e for e in self._events([i for i in ids if i not in known])}
        for id_ in ids:
            event = known.get(id_) or other.get(id_)
            if event is not None:
                yield id_, event

    def _brief(self, rows: Sequence[EventRow]) -> list[dict[str, Any]]:
        """Events as lists show them."""
        missing = [row.id for row in rows if row.id not in self._views]
        events = self._events(missing)
        found = {view.event_id: view for view in event_views(self._db, events, brief=True)}
        views = (self._views.get(row.id) or found.get(row.id) for row in rows)
        return [cleaned(replace(v, figures=(), related=())) for v in views if v]

    def _of_renamed_sources(self, files: SiteFiles) -> dict[int, str]:
        """Events whose sources tell something else of themselves since the last build."""
        renamed = [
            id_ for id_, mark in self.sources.items() if files.sources.get(id_, mark) != mark
        ]
        return dict.fromkeys(events_of_sources(self._db, renamed), "renamed")

    # --- events that have ended ---

    def _ended_pages(self) -> Iterator[Page]:
        for ended, target in answers(self._rows, self._lineage).items():
            row = self._rows.get(target) if target is not None else None
            told = self._lineage_of[ended]
            mark = digest((target, row.event.title if row else "", told))
            yield self._page(
                "moved",
                at.event_page(ended),
                mark,
                lambda ended=ended, row=row, told=told: {  # type: ignore[misc]
                    "event_id": ended,
                    "target": row.id if row else None,
                    "headline": row.event.title if row else "",
                    "language": row.event.language if row else "en",
                    "lineage": [cleaned(became) for became in told],
                },
            )

    # --- lists ---

    def _day_pages(self, day: date, rows: list[EventRow]) -> Iterator[Page]:
        earlier, later = self._beside_day[day]
        parts = parts_of(rows)
        for number, part in enumerate(parts, 1):
            mark = self._mark(part, earlier, later, len(rows), len(parts))
            yield self._page(
                "day",
                at.day_page(day, number),
                mark,
                lambda part=part, number=number: {  # type: ignore[misc]
                    "day": day,
                    "earlier": earlier,
                    "later": later,
                    "count": len(rows),
                    "part": number,
                    "parts": len(parts),
                    "events": self._brief(part),
                },
            )

    def _month_pages(self) -> Iterator[Page]:
        beside = _neighbours(list(self._outline.months))
        for month, rows in self._outline.months.items():
            earlier, later = beside[month]
            counts = {day: len(own) for day, own in self._days_of(month)}
            mark = self._mark(rows[:OF_MONTH], earlier, later, counts)
            yield self._page(
                "month",
                at.month_page(month),
                mark,
                lambda month=month, rows=rows, earlier=earlier, later=later, counts=counts: {  # type: ignore[misc]
                    "month": month,
                    "earlier": earlier,
                    "later": later,
                    "count": len(rows),
                    "events": self._brief(rows[:OF_MONTH]),
                    "weeks": weeks_of(month, counts),
                },
            )

    def _days_of(self, month: date) -> list[tuple[date, list[EventRow]]]:
        days = self._outline.days.items()
        return [(day, rows) for day, rows in days if day.replace(day=1) == month]

    def _category_pages(self) -> Iterator[Page]:
        for name, rows in self._outline.categories.items():
            listed = rows[:OF_CATEGORY]
            page = at.category_page(name)
            yield from self._feeds(
                at.category_page(name, "xml"),
                at.category_page(name, "json"),
                f"category/{name}",
                page,
                listed,
            )
            yield self._page(
                "category",
                page,
                self._mark(listed, len(rows)),
                lambda name=name, rows=rows, listed=listed: {  # type: ignore[misc]
                    "name": name,
                    "count": len(rows),
                    "events": self._brief(listed),
                },
            )
        told = [(name, len(rows), rows[0].event) for name, rows in self._categories_by_size()]
        mark = digest([(name, count, event.id, event.title) for name, count, event in told])
        yield self._page("categories", at.CATEGORIES, mark, lambda: {"categories": told})

    def _categories_by_size(self) -> list[tuple[str, list[EventRow]]]:
        categories = self._outline.categories.items()
        return sorted(categories, key=lambda item: (-len(item[1]), item[0]))

    def _archive_page(self) -> Page:
        counts = {month: len(rows) for month, rows in self._outline.months.items()}
        years: dict[int, list[tuple[date, int]]] = defaultdict(list)
        for month, count in counts.items():
            years[month.year].append((month, count))
        told = [
            {
                "year": year,
                "months": months,
                "bars": [_month_bar(date(year, n, 1), dict(months)) for n in range(1, 13)],
            }
            for year, months in sorted(years.items(), reverse=True)
        ]
        return self._page(
            "archive",
            at.ARCHIVE,
            digest(counts),
            lambda: {"years": told, "count": sum(counts.values())},
        )

    def _front_page(self) -> Page:
        span = front_span(self._outline, self._now)
        chosen = self._chosen(span, ON_FRONT)
        last = self._outline.last_day
        bars = self._day_bars(last) if last else []
        categories = [(name, len(rows)) for name, rows in self._categories_by_size()]
        view = DigestView(span.since, span.until, (), span.count - len(chosen), self._pages.title)
        period = (span.since.date(), span.until.date())
        earlier = self._of_the_week(chosen)
        mark = self._mark([*chosen, *earlier], period, bars, categories, view.left_out)
        return self._page(
            "front",
            at.FRONT,
            mark,
            lambda: {
                "digest": {**cleaned(view), "events": self._brief(chosen)},
                "last_day": last,
                "first_day": last - timedelta(days=BARS - 1) if last else None,
                "earlier": [(row.event, row.broke) for row in earlier],
                "coverage": bars,
                "categories": categories,
            },
        )

    def _of_the_week(self, shown: list[EventRow]) -> list[EventRow]:
        """The most important others, for who comes once a week."""
        ids = {row.id for row in shown}
        return [row for row in self._week if row.id not in ids][:OF_WEEK]

    def _day_bars(self, last: date) -> list[Bar]:
        days = [last - timedelta(days=back) for back in reversed(range(BARS))]
        counts = {day: len(self._outline.days.get(day, ())) for day in days}
        return [
            Bar(f"{day.day} {day:%B}", count, at.day_page(day) if count else "", day == last)
            for day, count in counts.items()
        ]

    def _chosen(self, span: Span, most: int) -> list[EventRow]:
        events = self._events([row.id for row in span.rows])
        chosen = choose(events, span.until, span.since, most)
        return [self._rows[choice.event.id] for choice in chosen]

    @cached_property
    def _week(self) -> list[EventRow]:
        """The most important events of the week."""
        return self._chosen(feed_span(self._outline, self._now), IN_FEED)

    def _latest(self) -> list[EventRow]:
        """The events of the feed, the latest first."""
        return sorted(self._week, key=lambda row: (row.broke, row.id), reverse=True)

    # --- for programs ---

    def _feeds(
        self, atom: str, json: str, name: str, home: str, rows: list[EventRow]
    ) -> Iterator[Page]:
        title = self._pages.title
        if name.startswith("category/"):
            title = f"{title}: {name.removeprefix('category/')}"
        self.entries.want({row.id: self._mark([row]) for row in rows})
        updated = max((row.event.updated_at for row in rows if row.event.updated_at), default=None)
        for path, form in ((atom, "atom"), (json, "jsonfeed")):
            head = FeedHead(
                title,
                name,
                self._pages.tag,
                site=self._pages.base_url,
                own_url=self._pages.whole(path),
                home=self._pages.whole(home),
                templates=self._pages.templates,
            )
            yield Page(
                path,
                self._mark(rows),
                lambda form=form, head=head: self.entries.feed(  # type: ignore[misc]
                    [row.id for row in rows], form, head, updated
                ),
            )

    def _sitemap(self) -> Iterator[Page]:
        if not self._pages.base_url:
            return
        for path, text in sitemap(list(self._map()), self._pages.base_url):
            yield Page(path, digest(text), lambda text=text: text)  # type: ignore[misc]
        if self._with_robots:
            yield Page(at.ROBOTS, "", lambda: robots(self._pages.base_url))

    def _map(self) -> Iterator[tuple[str, datetime | None]]:
        """What changes all the time comes first, then events by id: new ones are at the end."""
        whole = self._pages.whole
        for path in (at.FRONT, at.ARCHIVE, at.CATEGORIES):
            yield whole(path), None
        yield from ((whole(at.category_page(name)), None) for name in self._outline.categories)
        yield from ((whole(at.month_page(month)), None) for month in self._outline.months)
        for day, rows in self._outline.days.items():
            for number in range(1, len(parts_of(rows)) + 1):
                yield whole(at.day_page(day, number)), None
        for id_ in sorted(self._listed):
            yield whole(at.event_page(id_)), self._rows[id_].event.updated_at

    def _page(self, name: str, path: str, mark: str, told: Callable[[], dict[str, Any]]) -> Page:
        return Page(path, mark, lambda: self._pages.page(name, path, **told()))

    def _mark(self, rows: Iterable[EventRow], *beside: object) -> str:
        return digest(([(row.mark, self._renamed.get(row.id)) for row in rows], *beside))


def _neighbours(dates: list[date]) -> dict[date, tuple[date | None, date | None]]:
    """The dates before and after each."""
    whole = [None, *dates, None]
    return {day: (whole[n], whole[n + 2]) for n, day in enumerate(dates)}


def _month_bar(month: date, counts: dict[date, int]) -> Bar:
    count = counts.get(month, 0)
    return Bar(f"{month:%B %Y}", count, at.month_page(month) if count else "")
