"""An event as it stood at some moment: `newsfold show NEWS.DB EVENT --as-of DATE`.

    who was in it then -> their words of then -> described as any event is

Comes in: an event and a moment. Goes out: the same as show.py makes of an event of today. Who was
in it is kept (storage/history.py), and so are words that were replaced; what the event said follows
from these, as it does in a fold. What came later, be it a correction, plays no part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.constraints import Constraints, settle
from pipeline.digest.view import build_view
from pipeline.enrich.describe import describe
from pipeline.fold_pass import corrected
from pipeline.folding import fold_readings
from pipeline.reading import read_all
from pipeline.show import Shown, reasons
from storage.corrections import corrections_that_hold
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import lineage_of
from storage.history import members_at, span_of_event
from storage.pruning import closed_events
from storage.sources import all_sources
from storage.stories import revisions_of, stories_by_id

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import Story


def event_as_of(db: Database, event_id: int, moment: datetime) -> Shown:
    """Raises NewsfoldError when the event had no stories at that moment, and says when it had; and
    when the words of then were pruned."""
    ids = members_at(db, event_id, moment)
    if not ids:
        raise NewsfoldError(_no_event(db, event_id, moment), WRONG_CALL)
    closed = closed_events(db, ids)
    if closed:
        [when, *_] = closed.values()
        raise NewsfoldError(
            f"the words of event {event_id} were pruned on {when:%Y-%m-%d}: what it said at"
            f" {moment:%Y-%m-%d %H:%M} UTC cannot be worked out any more. In it were the stories"
            f" {', '.join(map(str, sorted(ids)))}; as it stands now:"
            f" newsfold show NEWS.DB {event_id}"
        )
    stories = {
        story.stored_id: _as_of(db, story, moment) for story in stories_by_id(db, sorted(ids))
    }
    together = Constraints(together=(frozenset(ids),))
    folded = fold_readings(list(read_all(stories.values())), constraints=together)
    sources = {source.id: source for source in all_sources(db)}
    [group] = folded.groups
    said, _ = settle(corrections_that_hold(db, moment))
    event = corrected(describe(event_id, group, stories, folded.copy_of, sources), said)
    lineage = tuple(became for became in lineage_of(db, event_id) if became.at <= moment)
    view = build_view(event, stories, sources, {})
    return Shown(event_id, view, reasons(event, stories), (), lineage, moment)


def _as_of(db: Database, story: Story, moment: datetime) -> Story:
    """A story in its words of then."""
    later = (old for old in revisions_of(db, story.stored_id) if old.replaced_at > moment)
    old = next(later, None)
    if old is None:
        return story
    return replace(story, title=old.title, text=old.text, sections=())


def _no_event(db: Database, event_id: int, moment: datetime) -> str:
    began, ended = span_of_event(db, event_id)
    said = f"event {event_id} had no stories at {moment:%Y-%m-%d %H:%M} UTC"
    if began is None and ended is None:
        return f"{said}; see what became of it with: newsfold show NEWS.DB {event_id}"
    told = [f"it began at {began}"] if began else []
    told += [f"it ended at {ended}"] if ended else []
    return f"{said}; {' and '.join(told)}"
