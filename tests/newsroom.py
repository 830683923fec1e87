"""A database in which events are written as folding would have written them, and digests of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.configuration import Digest, Profile
from pipeline.editions import Edition, next_edition, remember
from storage.database import in_memory, transaction
from storage.events import Saved, new_event_id, record_lineage, save_events
from storage.models import Event, Figure, Member, Source, Story
from storage.sources import save_source
from storage.stories import save_story, stories_by_id

if TYPE_CHECKING:
    from sqlite_utils import Database

MORNING = datetime(2026, 4, 9, 6, tzinfo=UTC)
DAY = timedelta(days=1)
PLAIN = Digest()


class Newsroom:
    """Events and the digests of a profile, day after day."""

    def __init__(self, db: Database | None = None) -> None:
        self.db: Database = db or in_memory()
        self.now = MORNING
        self._events: dict[int, list[tuple[int, str]]] = {}
        self._figures: dict[int, list[Figure]] = {}
        self._count = 0

    def report(
        self,
        event_id: int | None,
        source: str,
        title: str,
        *,
        figure: str = "",
        role: str = "original",
        ago: timedelta = timedelta(hours=2),
    ) -> int:
        """One more story of an event, or of a new one; the id of the event."""
        with transaction(self.db):
            save_source(self.db, Source(source, source.title(), "", "en", source))
            self._count += 1
            url = f"https://{source}.example/{self._count}"
            story = Story(url, title, title, self.now - ago, "minute", source)
            save_story(self.db, story, self.now)
            (story_id,) = self.db.execute("SELECT id FROM stories WHERE url = ?", (url,)).fetchone()
            if event_id is None:
                event_id = new_event_id(self.db, story_id)
            self._events.setdefault(event_id, []).append((story_id, role))
            if figure:
                self._figures.setdefault(event_id, []).append(_figure(story_id, figure))
            self.save(event_id)
        return event_id

    def edit(self, event_id: int, title: str, *, figure: str = "") -> None:
        """The first story of an event has other words now."""
        with transaction(self.db):
            [story] = stories_by_id(self.db, [self._events[event_id][0][0]])
            save_story(self.db, replace(story, title=title, text=title), self.now)
            if figure:
                edited = _figure(story.stored_id, figure)
                self._figures.setdefault(event_id, []).append(edited)
            self.save(event_id)

    def save(self, event_id: int) -> None:
        members = self._events[event_id]
        stories = stories_by_id(self.db, [id_ for id_, _ in members])
        times = [story.published for story in stories if story.published]
        event = Event(
            event_id,
            next(story.title for story in stories if story.id == members[0][0]),
            members[0][0],
            tuple(Member(id_, role) for id_, role in members),  # type: ignore[arg-type]
            min(times),
            max(times),
            category="lawsuit",
            figures=tuple(self._figures.get(event_id, ())),
            independent=len({s.source_id for s in stories}),
        )
        save_events(self.db, [Saved(event, len(members), [], {})], self.now, self._run())

    def merge(self, event_id: int, into: int) -> None:
        self._events[into] += self._events.pop(event_id)
        self._figures.setdefault(into, []).extend(self._figures.pop(event_id, ()))
        with transaction(self.db):
            self.save(into)
            record_lineage(self.db, event_id, "merged", into, self._run(), self.now)

    def split(self, event_id: int, count: int) -> int:
        """The last stories of an event become one of their own."""
        gone = self._events[event_id][-count:]
        del self._events[event_id][-count:]
        with transaction(self.db):
            other = new_event_id(self.db, gone[0][0])
            self._events[other] = gone
            self.save(other)
            self.save(event_id)
            record_lineage(self.db, event_id, "split", other, self._run(), self.now)
        return other

    def _run(self) -> int:
        cursor = self.db.execute(
            "INSERT INTO runs (verb, started, counts, version) VALUES ('fold', '', '{}', '')"
        )
        return int(cursor.lastrowid or 0)

    def edition(self, profile: Profile | None = None) -> Edition:
        return next_edition(self.db, "daily", profile or Profile(), PLAIN, self.now)

    def send(self, profile: Profile | None = None) -> Edition:
        """The digest of this morning, remembered; it is then the next one."""
        edition = self.edition(profile)
        remember(self.db, edition, "text", b"", {})
        self.now += DAY
        return edition


def _figure(story_id: int, shown: str) -> Figure:
    value = float(shown.strip("€M")) * 1e6
    said = f"Morvik asks for {shown} in damages."
    return Figure(story_id, f"EUR {value:.0f}", value, "EUR", shown, shown, said, "damages")
