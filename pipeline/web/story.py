"""One story, whole: its words, how its date was found, what was edited, what is said of it.

Comes in: a database and a story's number. Goes out: a StoryView. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.changes import changes_of
from pipeline.show import reason_of
from storage.discussions import discussions_of
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import events_by_id, known_groups
from storage.front import names_of_sources
from storage.models import Section
from storage.stories import copies_of, date_claims_of, stories_by_id

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.changes import Change
    from pipeline.show import Reason
    from storage.models import DateClaim, Discussion


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story as a reader sees it."""

    story_id: int
    url: str
    title: str
    source_id: str
    source: str
    authors: tuple[str, ...]
    language: str
    published: datetime | None
    precision: str  # minute, day or guessed
    updated: datetime | None
    first_seen: datetime | None
    paywalled: bool | None
    text_from: str  # page, feed or import
    sections: tuple[Section, ...]
    copy_of: int | None
    event_id: int | None
    event: str  # its title
    reason: Reason | None  # why it is in the event
    through: str  # the source of the story through which it came in
    dates: tuple[DateClaim, ...]
    changes: tuple[Change, ...]
    discussions: tuple[Discussion, ...]
    pruned: datetime | None  # when its words were dropped


def story_view(db: Database, story_id: int) -> StoryView:
    """Raises NewsfoldError for a number that no story has."""
    found = stories_by_id(db, [story_id])
    if not found:
        raise NewsfoldError(f"there is no story {story_id}", WRONG_CALL)
    [story] = found
    names = {id_: name for id_, name, _ in names_of_sources(db)}
    event = next(iter(events_by_id(db, known_groups(db, [story_id]))), None)
    reason = reason_of(db, event, story_id) if event else None
    through = stories_by_id(db, [reason.through_story]) if reason and reason.through_story else []
    return StoryView(
        story_id=story_id,
        url=story.url,
        title=story.title,
        source_id=story.source_id,
        source=names.get(story.source_id, story.source_id),
        authors=story.authors,
        language=story.language,
        published=story.published,
        precision=story.published_precision if story.published else "guessed",
        updated=story.updated,
        first_seen=story.first_seen,
        paywalled=story.paywalled,
        text_from=story.text_from,
        sections=story.sections or (Section("", story.text),),
        copy_of=copies_of(db, [story_id]).get(story_id),
        event_id=event.id if event else None,
        event=event.title if event else "",
        reason=reason,
        through="".join(names.get(other.source_id, other.source_id) for other in through),
        dates=date_claims_of(db, story_id),
        changes=changes_of(db, str(story_id), str).changes,
        discussions=tuple(discussions_of(db, [story.url])),
        pruned=story.pruned,
    )
