"""The story or event that somebody means: by its number, and a story by any of its addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import current_id
from storage.stories import stories_by_id, story_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

    from storage.models import Story

DIGITS = 18  # of SQLite's largest numbers


def find_story(db: Database, asked: str, canonical_url: Callable[[str], str] = str) -> Story:
    """Raises NewsfoldError when `asked` is neither the URL nor the number of a stored story."""
    if asked.isdecimal():
        found = stories_by_id(db, [int(asked)]) if len(asked) <= DIGITS else []
        story = found[0] if found else None
    else:
        try:
            story = story_at(db, asked) or story_at(db, canonical_url(asked))
        except ValueError as error:
            raise NewsfoldError(f"{asked}: {error}", WRONG_CALL) from error
    if story is None:
        raise NewsfoldError(
            f"{asked}: no story of this database has this address or number; see them with: "
            "newsfold stories NEWS.DB -t",
            WRONG_CALL,
        )
    return story


def find_event_id(db: Database, event_id: int) -> int:
    """The event that answers for an id today. Raises NewsfoldError for one never handed out."""
    current = current_id(db, event_id)
    if current is None:
        raise NewsfoldError(
            f"no event has had the id {event_id}; see them with: newsfold events NEWS.DB -t",
            WRONG_CALL,
        )
    return current
