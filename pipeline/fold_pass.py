"""One fold pass over a database: new stories into events.

    waiting stories -> read -> beside those of the window -> fold -> ids kept -> described -> stored

A pass takes the waiting stories in the order of their times, some thousands at a step. Each step
reads and decides first; then one transaction writes everything. A pass that is killed has written
whole steps, and the next one does the rest. Only new stories are read: of those before them the
readings are kept. Which stories belong together is decided in folding.py, which ids they keep in
lineage.py.
"""

from __future__ import annotations

import time
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from operator import add
from typing import TYPE_CHECKING

from pipeline.configuration import fingerprint_beside
from pipeline.constraints import settle
from pipeline.crew import Crew, crew, one_thread, seldom_collected
from pipeline.embeddings import meaning_of
from pipeline.folding import WINDOW, Folded, Group, Scored, fold_readings
from pipeline.lineage import Assignment, assign, revived
from pipeline.pinned_categories import model_of_pins, relabelled
from pipeline.reading import Reading, is_current, when_of
from pipeline.relate import relate_changed
from storage.corrections import (
    corrections_that_hold,
    no_more_pending,
    pending_corrections,
    stories_of_correction,
)
from storage.database import LONG_LOG, transaction, trim_log
from storage.events import (
    Saved,
    forget_matches,
    incomplete_events,
    known_groups,
    members_of,
    new_event_id,
    record_lineage,
    save_events,
)
from storage.history import ended_events
from storage.readings import (
    drop_old_readings,
    readings_between,
    readings_of,
    readings_seen,
    save_readings,
    without_reading,
)
from storage.runs import TIME_IS_UP, recorded
from storage.stories import (
    copies_of,
    mark_folded,
    set_copies,
    times_of,
    wait_again,
    waiting_ids,
)
from storage.times import to_iso
from storage.vectors import drop_other_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.constraints import Constraints
    from pipeline.crew import Described
    from pipeline.embeddings import Embedding, Meaning
    from pipeline.enrich.learned import Model
    from storage.models import Event
    from storage.readings import Row
    from storage.runs import Run

    Meant = Callable[[Iterable[Reading]], Meaning | None]

STEP = 40_000  # stories that are folded at once: bounds the memory, and what a kill can undo
EPOCH = datetime.fromtimestamp(0, UTC)
KEEP_READINGS = timedelta(days=30)  # before the latest story; older ones are read again if needed


@dataclass(frozen=True, slots=True)
class FoldReport:
    """What a pass did: stories looked at, and events that are new, changed, merged or split."""

    waiting: int = 0
    window: int = 0
    new: int = 0
    changed: int = 0
    merged: int = 0
    split: int = 0

    def __add__(self, other: FoldReport) -> FoldReport:
        return FoldReport(*map(add, astuple(self), astuple(other)))


def fold_pass(
    db: Database,
    *,
    now: Callable[[], datetime],
    rebuild: bool = False,
    progress: Callable[[str], None] = lambda what: None,
    path: Path | None = None,
    embedding: Embedding | None = None,
    seconds: float | None = None,
    part_of: Run | None = None,
    threshold: float | None = None,
    corrections_only: bool = False,
) -> FoldReport:
    """Fold what waits into events; with `rebuild` all stories again. Nothing waiting, nothing
    changed. With its `path`, other processes help when much is waiting; with an `embedding` the
    meaning of stories counts too. After so many `seconds` no other step is begun, and the rest
    waits on. What analysts have corrected holds, and what of it cannot hold is told in the errors
    of the run; with `corrections_only` nothing is folded but what new corrections are about.
    `threshold` is another one than the model's."""
    started = time.monotonic()
    with transaction(db):
        pending = pending_corrections(db)
        concerned = {id_ for each in pending for id_ in stories_of_correction(db, each.id)}
        wait_again(db, None if rebuild else sorted(concerned))
        constraints, clashes = settle(corrections_that_hold(db))
    waiting = waiting_ids(db)
    if corrections_only:
        waiting = [id_ for id_ in waiting if id_ in concerned]
    if not waiting:
        relate_changed(db)  # of a pass that was killed
        return FoldReport()
    report = FoldReport()
    settled = fingerprint_beside(path) if path else None
    with (
        one_thread(),
        seldom_collected(),
        recorded(db, "fold", now, part_of=part_of, configuration=settled) as run,
        crew(db, path, len(waiting)) as hands,
    ):
        run.errors += [{"reason": clash.in_words} for clash in clashes]
        for clash in clashes:
            progress(f"{clash.in_words}; the earlier hold")
        meaning = partial(_meaning, db, embedding, progress)
        learned = model_of_pins(db, constraints, now())
        scored = None
        for ids, begun in _read_ahead(hands, waiting, progress):
            step = _Step(db, hands, now(), run, meaning, constraints, threshold, learned)
            done, scored = step.fold(ids, begun, scored)
            trim_log(db, LONG_LOG)
            report += done
            run.counts = asdict(report)
            is_late = seconds is not None and time.monotonic() - started >= seconds
            if is_late and report.waiting < len(waiting):
                run.stopped = TIME_IS_UP
                break
        else:
            with transaction(db):
                no_more_pending(db, pending)
        with transaction(db):
            drop_old_readings(db, KEEP_READINGS.total_seconds())
        if rebuild and embedding is not None:
            drop_other_models(db, embedding.embedder.name)
        progress("relating events")
        relate_changed(db)
    return report


def _read_ahead(
    hands: Crew, waiting: Sequence[int], progress: Callable[[str], None]
) -> Iterator[tuple[Sequence[int], Iterator[Reading]]]:
    """The stories of each step and their readings, which others begin to make. Those of the next
    one are begun before this one is folded."""
    steps = [waiting[start : start + STEP] for start in range(0, len(waiting), STEP)]
    begun = hands.read(steps[0])
    for number, step in enumerate(steps, start=1):
        mine, begun = begun, hands.read(steps[number]) if number < len(steps) else iter(())
        progress(f"folding {(number - 1) * STEP + len(step)} of {len(waiting)} stories")
        yield step, mine


def _meaning(
    db: Database,
    embedding: Embedding | None,
    progress: Callable[[str], None],
    readings: Iterable[Reading],
) -> Meaning | None:
    """What the readings mean. It is kept at once: a pass that is killed need not embed again."""
    if embedding is None:
        return None
    return meaning_of(db, readings, embedding, progress=progress)


class _Step:
    """Some of the waiting stories, folded at once."""

    def __init__(
        self,
        db: Database,
        hands: Crew,
        now: datetime,
        run: Run,
        meaning: Meant,
        constraints: Constraints,
        threshold: float | None,
        learned: Model | None,
    ) -> None:
        self._learned = learned
        self._db, self._hands, self._now, self._run = db, hands, now, run
        self._meaning, self._constraints, self._threshold = meaning, constraints, threshold

    def fold(
        self, ids: Sequence[int], begun: Iterator[Reading], scored: Scored | None
    ) -> tuple[FoldReport, Scored]:
        """Fold the stories of these ids; their readings are on their way. `scored` is what the step
        before gave back: what was compared then is not again."""
        around, event_of = self._around(ids)
        new = {reading.id: reading for reading in begun}
        readings, known = self._window(new, around, event_of)
        in_window = list(readings.values())
        folded = fold_readings(
            in_window,
            new.keys(),
            known,
            self._meaning(in_window),
            scored,
            self._constraints,
            self._threshold,
        )
        touched = {id_ for group in folded.groups for id_ in group.story_ids}
        known = {event: ids for event, ids in known.items() if not touched.isdisjoint(ids)}
        assignment = assign([group.story_ids for group in folded.groups], known)
        other_copies = self._other_copies(folded, touched)
        numbers = _changed(folded.groups, assignment, known, new.keys() | other_copies)
        described = self._hands.describe([folded.groups[i] for i in numbers], folded.copy_of)
        told = list(described)
        labelled = relabelled(self._db, (event for event, _, _ in told), self._learned)
        events = {
            number: (corrected(event, self._constraints), names, sources)
            for number, event, (_, names, sources) in zip(numbers, labelled, told, strict=True)
        }
        with transaction(self._db):
            save_readings(self._db, new.values())
            _Writer(self._db, folded, self._now, self._run.id).write(events, assignment)
            set_copies(self._db, [(i, folded.copy_of.get(i)) for i in sorted(other_copies)])
            mark_folded(self._db, new)
        report = FoldReport(
            waiting=len(new),
            window=len(readings),
            new=sum(assignment.ids[number] is None for number in numbers),
            changed=sum(assignment.ids[number] is not None for number in numbers),
            merged=len(assignment.merged),
            split=len(assignment.split),
        )
        return report, folded.scored

    def _around(self, ids: Sequence[int]) -> tuple[dict[int, Reading], dict[int, int]]:
        """What the stories of these ids could be folded with, by id, and the event that each is in:
        what lies in the window around them, and what has no date and came to us about when they
        did. Where they were folded before, they are in there, too."""
        times = [
            (when_of(published, precision, seen, text_from), seen or EPOCH)
            for published, precision, seen, text_from in times_of(self._db, ids)
        ]
        spans = _spans([(when or seen).timestamp() for when, seen in times])
        for since, until in spans:  # where they were dropped, or never made
            self._read_again(without_reading(self._db, _iso(since), _iso(until)))
        rows = list(readings_between(self._db, spans))
        for undated in (False, True):
            # What has no date is held against what came to us about when it did.
            moments = [seen.timestamp() for when, seen in times if undated == (when is None)]
            for since, until in _spans(moments):
                rows += readings_seen(self._db, since, until, undated_only=not undated)
        rows += readings_of(self._db, ids)
        event_of = {row[0]: event for row, event in rows if event is not None}
        return {r.id: r for r in self._current(row for row, _ in rows)}, event_of

    def _window(
        self, new: dict[int, Reading], around: dict[int, Reading], event_of: Mapping[int, int]
    ) -> tuple[dict[int, Reading], dict[int, set[int]]]:
        """The new stories and all that they could be folded with, by id: what is around them, and
        every other member of the events of these; and these events, each with its stories."""
        readings = around | new
        # Those of edited ones and of their partners were kept however long ago.
        known = known_groups(self._db, new.keys() | self._constraints.partners(new.keys()))
        for id_, event in event_of.items():
            known.setdefault(event, set()).add(id_)
        incomplete = incomplete_events(self._db, {e: len(ids) for e, ids in known.items()})
        known |= members_of(self._db, incomplete)
        beyond = set(chain.from_iterable(known[event] for event in incomplete)) - readings.keys()
        readings |= {reading.id: reading for reading in self._kept_or_read(beyond)}
        return readings, known

    def _read_again(self, ids: Sequence[int]) -> list[Reading]:
        """Read stories whose reading is not kept, and keep it."""
        made = list(self._hands.read(ids))
        if made:
            with transaction(self._db):
                save_readings(self._db, made)
        return made

    def _kept_or_read(self, ids: set[int]) -> list[Reading]:
        kept = self._current(row for row, _ in readings_of(self._db, ids))
        return kept + self._read_again(sorted(ids - {reading.id for reading in kept}))

    def _current(self, rows: Iterable[Row]) -> list[Reading]:
        """Kept readings; what another version of newsfold wrote is read again."""
        found, outdated = [], []
        for row in rows:
            if is_current(row):
                found.append(Reading(*row))
            else:
                outdated.append(row[0])
        return found + self._read_again(sorted(outdated))

    def _other_copies(self, folded: Folded, touched: set[int]) -> set[int]:
        """Stories that carry another text now than they were stored to carry."""
        stored = copies_of(self._db, touched)
        return {id_ for id_ in touched if stored.get(id_) != folded.copy_of.get(id_)}


def corrected(event: Event, constraints: Constraints) -> Event:
    """An event with what analysts say of it as a whole: its title, its category, or that it is
    none."""
    ids = {member.story_id for member in event.members}
    title = constraints.title_of(ids)
    pinned = constraints.category_of(ids)
    category, because = event.category, event.category_because
    if pinned is not None:
        category, because = pinned[0], f"pinned by {pinned[1]}"
    return replace(
        event,
        title=title or event.title,
        category=category,
        category_because=because,
        not_an_event=not ids.isdisjoint(constraints.alone),
    )


def _iso(seconds: float) -> str:
    # The year 1 and the year 9999 have no week before or after them.
    bounded = min(max(seconds, -62_135_596_800.0), 253_402_300_799.0)
    return to_iso(EPOCH + timedelta(seconds=bounded)) or ""


def _spans(times: Iterable[float]) -> list[tuple[float, float]]:
    """The spans that lie within the window of any of the times (seconds): one old story among
    new ones must not bring in all that lies between."""
    window = WINDOW.total_seconds()
    spans: list[tuple[float, float]] = []
    for moment in sorted(times):
        since = moment - window
        if spans and since <= spans[-1][1]:
            since = spans.pop()[0]
        spans.append((since, moment + window))
    return spans


def _changed(
    groups: Sequence[Group],
    assignment: Assignment,
    known: Mapping[int, set[int]],
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
    """Writes the groups of one step; to be used inside a transaction."""

    def __init__(self, db: Database, folded: Folded, now: datetime, run_id: int) -> None:
        self._db, self._folded, self._now, self._run_id = db, folded, now, run_id

    def write(self, events: Mapping[int, Described], assignment: Assignment) -> None:
        """`events` holds the described event of each group that changed, by its number."""
        ids = {number: id_ for number, id_ in enumerate(assignment.ids) if id_ is not None}
        groups = self._folded.groups
        again = self._revived({number: groups[number].story_ids for number in assignment.split})
        for number in events:
            if number not in ids:
                first = groups[number].belongings[0].story_id
                ids[number] = new_event_id(self._db, first, again.get(number))
        forget_matches(self._db, (id_ for number in events for id_ in groups[number].story_ids))
        saved = [
            Saved(
                replace(event, id=ids[number]),
                sources,
                [b.match for b in groups[number].belongings if b.match is not None],
                names,
            )
            for number, (event, names, sources) in events.items()
        ]
        save_events(self._db, saved, self._now, self._run_id)
        self._tell_lineage(ids, assignment)

    def _revived(self, split: Mapping[int, frozenset[int]]) -> dict[int, int]:
        """Groups that come out of an event and had been one before: a merge that is undone."""
        if not split:
            return {}
        return revived(split, ended_events(self._db, frozenset().union(*split.values())))

    def _tell_lineage(self, ids: dict[int, int], assignment: Assignment) -> None:
        for event, number in assignment.merged.items():
            record_lineage(self._db, event, "merged", ids[number], self._run_id, self._now)
        for number, event in assignment.split.items():
            record_lineage(self._db, event, "split", ids[number], self._run_id, self._now)
