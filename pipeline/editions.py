"""The next digest of a profile, and its memory: what is told in it is not told again.

    what is due -> events of the period -> ranked -> what was told is held against what is known
      -> views -> one form -> remembered, in one step

Comes in: a database, a profile, a time. Goes out: an Edition, or a digest that is stored. What is
news is decided in digest/choose.py and digest/since_then.py; mails leave in mailing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pipeline.configuration import FILE
from pipeline.digest.choose import Chosen, Weights, rank, share_of_news, usual_kinds
from pipeline.digest.come_back import Before, came_back, state_of
from pipeline.digest.since_then import News, Told, news_since, union
from pipeline.digest.view import DigestView
from pipeline.views import contenders_of, event_views
from storage.database import snapshot
from storage.digests import StoredDigest, ToldEvent, last_digest, save_digest, told_events
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import events_by_id
from storage.period import Period, categories_there
from storage.sources import all_sources
from storage.stories import edited_since, stories_by_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.configuration import Digest, Profile
    from pipeline.digest.choose import Contender, Ranked
    from pipeline.digest.since_then import Now
    from pipeline.digest.view import EventView
    from storage.models import Event, Source, Story

# A report can reach us hours after it was published, an edit be folded after the digest was made:
# what was not told then is looked at again.
LATE = timedelta(hours=6)
DUE_AFTER = 0.5  # periods since the last one: a scheduler that comes late or twice is no matter


@dataclass(frozen=True, slots=True)
class Edition:
    """A digest of a profile that has not been remembered yet."""

    profile: str
    view: DigestView
    told: tuple[ToldEvent, ...]  # of each event of the view
    chosen: tuple[Chosen, ...]

    def first(self, count: int) -> Edition:
        """The same with its first events only."""
        left_out = self.view.left_out + len(self.view.events) - count
        view = replace(self.view, events=self.view.events[:count], left_out=left_out)
        return replace(self, view=view, told=self.told[:count], chosen=self.chosen[:count])


def is_due(last: StoredDigest | None, span: timedelta, now: datetime) -> bool:
    """Whether a profile's next digest may be made."""
    return last is None or now - last.until >= DUE_AFTER * span


def next_edition(
    db: Database,
    name: str,
    profile: Profile,
    settings: Digest,
    now: datetime,
    *,
    since: datetime | None = None,
    retold: Callable[[list[Event]], list[Event]] | None = None,
) -> Edition:
    """What a profile's digest says now: all that is news since its last one (or since `since`),
    and of what was told already only what is new. Nothing is written. Raises NewsfoldError for a
    source or category that is none: a digest would be empty, or weighed as nobody meant it.
    `retold` gives events other TL;DRs."""
    with snapshot(db):
        _check_names(db, name, profile, settings)
        last = last_digest(db, name)
        begins = since or (last.until if last else now - profile.span)
        period = Period(
            begins - LATE if last and since is None else begins,
            now,
            profile.categories,
            profile.languages,
            profile.sources,
            edited=True,
        )
        contenders = contenders_of(db, period)
        weights = Weights(settings.categories, settings.sources)
        desk = _Desk(db, told_events(db, name, period.since), period)
        taken, passed = _take(contenders, period, profile.most, weights, desk)
    events = [item.chosen.event for item in taken]
    views = event_views(db, retold(events) if retold else events)
    return Edition(
        name,
        DigestView(
            since=begins,
            until=now,
            events=tuple(desk.narrowed(v, item) for v, item in zip(views, taken, strict=True)),
            left_out=len(contenders) - len(taken) - passed,
            title=profile.title,
        ),
        tuple(desk.remembered(v, item) for v, item in zip(views, taken, strict=True)),
        tuple(item.chosen for item in taken),
    )


def remember(
    db: Database, edition: Edition, form: str, body: bytes, mails: Mapping[str, str]
) -> StoredDigest:
    """Store what was told, as it was written, and to whom it is to go; all of it or nothing."""
    view = edition.view
    made = StoredDigest(0, edition.profile, view.until, view.since, view.until, form, body)
    return replace(made, id=save_digest(db, made, edition.told, view.left_out, mails))


def _check_names(db: Database, name: str, profile: Profile, settings: Digest) -> None:
    known = {
        "source": {source.id for source in all_sources(db)},
        "category": usual_kinds() | categories_there(db),
    }
    for kind, where, told in (
        ("source", f"[digest.{name}] sources", profile.sources),
        ("category", f"[digest.{name}] categories", profile.categories),
        ("source", "[digest.sources]", settings.sources),
        ("category", "[digest.categories]", settings.categories),
    ):
        for one in told:
            if one not in known[kind]:
                near = get_close_matches(one, sorted(known[kind]), 3)
                hint = f"; is it {' or '.join(near)}?" if near else ""
                raise NewsfoldError(
                    f"{FILE}: {where}: no {kind} is called {one!r}{hint}", WRONG_CALL
                )


@dataclass(frozen=True, slots=True)
class _Item:
    """An event that goes into a digest."""

    chosen: Chosen
    state: Now
    stories: Mapping[int, Story]
    before: Before | None = None
    news: News | None = None

    @property
    def anew(self) -> int:
        """Owners who report it anew."""
        fresh = self.state.fresh(self.before.stories if self.before else frozenset())
        return sum(bool(stories & fresh) for stories in self.state.voices.values())

    def ranked(self, ranked: Ranked) -> _Item:
        """The same in another place."""
        return replace(self, chosen=Chosen(self.chosen.event, ranked.importance, ranked.parts))


class _Desk:
    """Where each event that ranks high is held against what readers have been told of it."""

    def __init__(
        self, db: Database, told: Mapping[int, Sequence[ToldEvent]], period: Period
    ) -> None:
        self._db, self._told, self._period = db, told, period
        self._sources: dict[str, Source] = {source.id: source for source in all_sources(db)}

    def item(self, ranked: Ranked) -> _Item | None:
        """The event as it goes into the digest; None when nothing of it is new."""
        [event] = events_by_id(self._db, [ranked.contender.id])
        stories = {
            story.stored_id: story
            for story in stories_by_id(self._db, [member.story_id for member in event.members])
        }
        state = state_of(event, stories, self._sources)
        chosen = Chosen(event, ranked.importance, ranked.parts)
        before = self._before(event)
        if not before:
            return _Item(chosen, state, stories) if self._is_of_the_period(event) else None
        last = before[-1]
        assert last.told_at is not None  # it was read from the database
        told = [_told(one) for one in before]
        state = replace(state, edited=edited_since(self._db, state.stories, last.told_at - LATE))
        news = news_since(told, state)
        if news is None:
            return None
        then = Before(last.digest_id, last.told_at, last.headline, last.url, union(told).stories)
        return _Item(chosen, state, stories, then, news)

    def _is_of_the_period(self, event: Event) -> bool:
        """Not only by an edit, which is no news of what nobody was told of."""
        return event.last_published is None or event.last_published >= self._period.since

    def _before(self, event: Event) -> list[ToldEvent]:
        """What was told of it. Under another id it is the same event as far as it has a story that
        was told: of two that came out of one, the other may be about something else."""
        members = {member.story_id for member in event.members}
        return [
            one
            for one in self._told.get(event.id, ())
            if one.event_id == event.id or members.intersection(one.told["stories"])
        ]

    def narrowed(self, view: EventView, item: _Item) -> EventView:
        if item.before is None or item.news is None:
            return view
        return came_back(
            view,
            item.chosen.event,
            item.state,
            item.news,
            item.before,
            item.stories,
            self._sources,
        )

    def remembered(self, view: EventView, item: _Item) -> ToldEvent:
        told = item.state.told
        content = {
            "stories": sorted(told.stories),
            "figures": sorted(told.figures),
            "voices": sorted(told.voices),
            "steps": sorted(told.steps),
        }
        news = None if item.news is None else _news(item.news)
        return ToldEvent(view.event_id, view.headline, view.url, view.category, content, news)


def _take(
    contenders: list[Contender], period: Period, most: int, weights: Weights, desk: _Desk
) -> tuple[list[_Item], int]:
    """The events that fill the page, and how many were passed over since nothing of them is new."""
    taken: list[_Item] = []
    passed = 0
    looked: dict[int, _Item] = {}  # those that come back, in their new place
    ranking = rank(contenders, period.until, period.since, most, weights)
    ranked = next(ranking, None)
    while ranked is not None and len(taken) < most:
        id_ = ranked.contender.id
        item = looked[id_].ranked(ranked) if id_ in looked else desk.item(ranked)
        answer: bool | float = item is not None
        if item is None:
            passed += 1
        elif item.news is not None and id_ not in looked:
            looked[id_] = item
            answer = share_of_news(ranked.contender, item.anew)
        else:
            taken.append(item)
        try:
            ranked = ranking.send(answer)
        except StopIteration:
            break
    return taken, passed


def _news(news: News) -> dict[str, object]:
    return {
        "figures": sorted({key for keys in news.figures for key in keys}),
        "voices": sorted(news.voices),
        "steps": sorted(news.steps),
    }


def _told(one: ToldEvent) -> Told:
    content = one.told
    return Told(
        frozenset(content["stories"]),
        frozenset(content["figures"]),
        frozenset(content["voices"]),
        frozenset((affair, step) for affair, step in content["steps"]),
    )
