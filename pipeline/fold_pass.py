"""One fold pass over a database: new stories into events.

    waiting stories -> the window around them -> fold -> ids kept -> described -> stored at once

Reading and deciding come first; then one transaction writes everything. A pass that is killed
has written nothing, and the next one does its work. Which stories belong together is decided in
folding.py, which ids they keep in lineage.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipeline.enrich.describe import describe, event_names
from pipeline.enrich.related import WINDOW as RELATED_WINDOW
from pipeline.enrich.related import EventNames, relate_all
from pipeline.folding import WINDOW, Folded, Group, fold
from pipeline.lineage import Assignment, assign
from storage.database import transaction
from storage.events import (
    forget_matches,
    known_groups,
    names_between,
    new_event_id,
    record_lineage,
    save_event,
    save_related,
    time_span,
)
from storage.runs import recorded
from storage.sources import all_sources
from storage.stories import (
    copies_of,
    mark_folded,
    set_copies,
    stories_between,
    stories_by_id,
    undated_imports,
    wait_again,
    waiting_stories,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from storage.models import Source, Story
    from storage.runs import Run


@dataclass(frozen=True, slots=True)
class FoldReport:
    """What a pass did: stories looked at, and events that are new, changed, merged or split."""

    waiting: int = 0
    window: int = 0
    new: int = 0
    changed: int = 0
    merged: int = 0
    split: int = 0


def fold_pass(
    db: Database,
    *,
    now: Callable[[], datetime],
    rebuild: bool = False,
    progress: Callable[[str], None] = lambda what: None,
) -> FoldReport:
    """Fold what waits into events; with `rebuild` all stories again. Nothing waiting, nothing
    changed."""
    if rebuild:
        with transaction(db):
            wait_again(db)
    waiting = waiting_stories(db)
    if not waiting:
        return FoldReport()
    with recorded(db, "fold", now) as run:
        report = _fold_waiting(db, waiting, now(), run, progress)
        run.counts = asdict(report)
    return report


def _fold_waiting(
    db: Database, waiting: list[Story], now: datetime, run: Run, progress: Callable[[str], None]
) -> FoldReport:
    stories, known = _window(db, waiting)
    progress(f"folding {len(waiting)} new stories beside {len(stories) - len(waiting)} known ones")
    folded = fold(stories.values())
    assignment = assign([group.story_ids for group in folded.groups], known)
    other_copies = _other_copies(db, folded, stories)
    touched = {story.stored_id for story in waiting} | other_copies
    changed = _changed(folded.groups, assignment, known, touched)
    progress(f"describing {len(changed)} events")
    with transaction(db):
        ids = _Writer(db, stories, folded, now, run.id).write(changed, assignment)
        set_copies(db, [(id_, folded.copy_of.get(id_)) for id_ in sorted(other_copies)])
        mark_folded(db, (story.stored_id for story in waiting), now)
        _relate(db, ids)
    return FoldReport(
        waiting=len(waiting),
        window=len(stories),
        new=sum(assignment.ids[number] is None for number in changed),
        changed=sum(assignment.ids[number] is not None for number in changed),
        merged=len(assignment.merged),
        split=len(assignment.split),
    )


def _window(db: Database, waiting: Sequence[Story]) -> tuple[dict[int, Story], dict[int, set[int]]]:
    """The waiting stories and all that they could be folded with, by id: what lies in the window
    around them, what has no date, and every other member of the events of these; and these
    events, each with its stories."""
    near = list(waiting) + undated_imports(db)
    for since, until in _spans([story.when for story in waiting if story.when is not None]):
        near += stories_between(db, since, until)
    stories = {story.stored_id: story for story in near}
    known = known_groups(db, stories)
    members = set().union(*known.values())
    stories.update(
        {story.stored_id: story for story in stories_by_id(db, members - stories.keys())}
    )
    return stories, known


def _other_copies(db: Database, folded: Folded, stories: Iterable[int]) -> set[int]:
    """Stories that carry another text now than they were stored to carry."""
    stored = copies_of(db, stories)
    return {id_ for id_ in stories if stored.get(id_) != folded.copy_of.get(id_)}


def _spans(times: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """The spans that lie within the window of any of the times: one old story among new ones
    must not bring in all that lies between."""
    spans: list[tuple[datetime, datetime]] = []
    for moment in sorted(times):
        since = moment - WINDOW
        if spans and since <= spans[-1][1]:
            since = spans.pop()[0]
        spans.append((since, moment + WINDOW))
    return spans


def _changed(
    groups: Sequence[Group],
    assignment: Assignment,
    known: dict[int, set[int]],
    touched: set[int],
) -> list[int]:
    """Numbers of the groups that are not stored as they are: what an event says follows from
    its stories alone, so one with the same, unchanged stories is left as it is."""
    return [
        number
        for number, group in enumerate(groups)
        if group.story_ids & touched
        or frozenset(known.get(assignment.ids[number] or 0, ())) != group.story_ids
    ]


class _Writer:
    """Writes the groups of one pass; to be used inside a transaction."""

    def __init__(
        self, db: Database, stories: dict[int, Story], folded: Folded, now: datetime, run_id: int
    ) -> None:
        self._db = db
        self._stories = stories
        self._folded = folded
        self._now = now
        self._run_id = run_id
        self._sources: dict[str, Source] = {source.id: source for source in all_sources(db)}
        self._source_names = frozenset(source.name for source in self._sources.values())

    def write(self, changed: Sequence[int], assignment: Assignment) -> list[int]:
        """Ids of the events that were written."""
        ids = {number: id_ for number, id_ in enumerate(assignment.ids) if id_ is not None}
        for number in changed:
            group = self._folded.groups[number]
            if number not in ids:
                ids[number] = new_event_id(self._db, group.belongings[0].story_id)
        forget_matches(
            self._db, (id_ for number in changed for id_ in self._folded.groups[number].story_ids)
        )
        for number in changed:
            self._save(ids[number], self._folded.groups[number])
        self._tell_lineage(ids, assignment)
        return sorted(ids[number] for number in changed)

    def _save(self, event_id: int, group: Group) -> None:
        event = describe(event_id, group, self._stories, self._folded.copy_of, self._sources)
        members = [self._stories[member.story_id] for member in event.members]
        save_event(
            self._db,
            event,
            source_count=len({story.source_id for story in members}),
            matches=[b.match for b in group.belongings if b.match is not None],
            names=event_names(members, self._source_names),
            now=self._now,
        )

    def _tell_lineage(self, ids: dict[int, int], assignment: Assignment) -> None:
        for event, number in assignment.merged.items():
            record_lineage(self._db, event, "merged", ids[number], self._run_id, self._now)
        for number, event in assignment.split.items():
            record_lineage(self._db, event, "split", ids[number], self._run_id, self._now)


def _relate(db: Database, event_ids: Sequence[int]) -> None:
    """Say which events are about the same names, for all that these could have a say in."""
    span = time_span(db, event_ids)
    if span is None:
        return
    first, last = span[0] - RELATED_WINDOW, span[1] + RELATED_WINDOW
    # What lies at the edge of the span has neighbours beyond it: they are read, too.
    events = [
        EventNames(*row) for row in names_between(db, first - RELATED_WINDOW, last + RELATED_WINDOW)
    ]
    frequency = Counter(name for event in events for name in event.names)
    when = {event.event_id: event.when for event in events}
    for event_id, found in relate_all(events, frequency, len(events)).items():
        if first <= when[event_id] <= last:
            save_related(db, event_id, found)
