"""What an analyst says of the grouping, kept for ever and brought about at once.

    verdict -> demands on stories -> checked against those that hold -> stored -> folded

Comes in: events and stories by id, who says it, and why. Goes out: the correction's id and the
events that hold its stories now. A verdict is stored before anything is folded, and waits for no
pass: when one is at work, the next one brings it about. What corrections demand of a fold is
worked out in constraints.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.configuration import read_configuration
from pipeline.constraints import settle
from pipeline.embedders import configured
from pipeline.enrich.categories import labels
from pipeline.find import find_event_id
from pipeline.fold_pass import fold_pass
from pipeline.text import visible
from storage.corrections import (
    correction_by_id,
    corrections_that_hold,
    release,
    save_correction,
    stories_of_correction,
    undo_correction,
)
from storage.database import create_or_open, must_exist, transaction
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import known_groups, members_of
from storage.pruning import closed_events
from storage.runs import AlreadyRunningError, folding, only_one
from storage.stories import copies_of
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.constraints import Clash
    from storage.models import CorrectionVerb, Part

LONGEST_TITLE = 300  # characters


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of a verdict. `folded` is false when a pass is at work and the next one brings
    it about; `event_ids` are those of the events that hold its stories now."""

    correction_id: int
    event_ids: tuple[int, ...]
    folded: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an analyst says. `moving` are the stories for which it goes before earlier ones when
    it is to replace them."""

    verb: CorrectionVerb
    event_id: int
    stories: Mapping[Part, frozenset[int]]
    moving: frozenset[int]
    title: str | None = None
    category: str | None = None


def merge(
    database: Path,
    event_ids: Sequence[int],
    *,
    by: str,
    note: str = "",
    replace: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """These events report one happening: all their stories are one event from now on.

    Raises NewsfoldError for fewer than two events, and when earlier corrections clash with it;
    with `replace` these give way.
    """

    def verdict(db: Database) -> Verdict:
        current = sorted({find_event_id(db, event_id) for event_id in event_ids})
        if len(current) < 2:
            raise NewsfoldError(
                f"name at least two events to merge: {_listed(event_ids)} is one", WRONG_CALL
            )
        stories = frozenset(chain.from_iterable(members_of(db, current).values()))
        return Verdict("merge", current[0], {"together": stories}, stories)

    return _keep(database, verdict, by=by, note=note, replace=replace, now=now)


def split(
    database: Path,
    event_id: int,
    story_ids: Collection[int],
    *,
    by: str,
    note: str = "",
    replace: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """These stories of an event report another happening than the others. Copies of them that are
    not named go with them.

    Raises NewsfoldError when none or all of its stories are named, and as merge() does.
    """

    def verdict(db: Database) -> Verdict:
        current = find_event_id(db, event_id)
        members = members_of(db, [current])[current]
        leaving = _members_named(current, members, story_ids)
        leaving = leaving | _copies_of(db, leaving, members)
        if leaving == members:
            raise NewsfoldError(
                f"event {current} has no other stories; name fewer, so that some stay", WRONG_CALL
            )
        stay = frozenset(members) - leaving
        parts: dict[Part, frozenset[int]] = {"together": leaving, "apart": stay}
        return Verdict("split", current, parts, leaving)

    return _keep(database, verdict, by=by, note=note, replace=replace, now=now)


def move(
    database: Path,
    story_id: int,
    event_id: int,
    *,
    by: str,
    note: str = "",
    replace: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """This story belongs to that event, and not to the one that it is in. Copies of it come along.

    Raises NewsfoldError when it is there already, or in no event yet, and as merge() does.
    """

    def verdict(db: Database) -> Verdict:
        target = find_event_id(db, event_id)
        [(former, members)] = known_groups(db, [story_id]).items() or [(0, set())]
        if not former:
            raise NewsfoldError(f"story {story_id} is in no event yet; fold first", WRONG_CALL)
        if former == target:
            raise NewsfoldError(f"story {story_id} is in event {target} already", WRONG_CALL)
        moving = frozenset({story_id}) | _copies_of(db, {story_id}, members)
        [(headline,)] = db.execute("SELECT headline_story FROM events WHERE id = ?", (target,))
        parts: dict[Part, frozenset[int]] = {"together": moving | {headline}}
        parts["apart"] = frozenset(members) - moving
        return Verdict("move", target, parts, moving)

    return _keep(database, verdict, by=by, note=note, replace=replace, now=now)


def pin_title(
    database: Path,
    event_id: int,
    title: str,
    *,
    by: str,
    note: str = "",
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """The event is called so from now on: it is the event of the story that names it today.

    Raises NewsfoldError for a title that is empty or too long.
    """
    words = " ".join(visible(title).split())
    if not 0 < len(words) <= LONGEST_TITLE:
        raise NewsfoldError(f"a title has 1 to {LONGEST_TITLE} characters", WRONG_CALL)

    def verdict(db: Database) -> Verdict:
        current = find_event_id(db, event_id)
        [(headline,)] = db.execute("SELECT headline_story FROM events WHERE id = ?", (current,))
        return Verdict("pin title", current, {"title": frozenset({headline})}, frozenset(), words)

    return _keep(database, verdict, by=by, note=note, replace=False, now=now)


def pin_category(
    database: Path,
    event_id: int,
    category: str,
    *,
    by: str,
    note: str = "",
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """The event is a happening of this kind from now on: it is the event of the story that names
    it today. A category that it has already may be pinned, too: that says that it is right.

    Raises NewsfoldError for a category that there is not.
    """
    known = labels()
    spelled = next((label for label in known if label == category.strip().casefold()), None)
    if spelled is None:
        raise NewsfoldError(
            f"there is no category {visible(category)!r}; there are: {', '.join(known)}",
            WRONG_CALL,
        )

    def verdict(db: Database) -> Verdict:
        current = find_event_id(db, event_id)
        [(headline,)] = db.execute("SELECT headline_story FROM events WHERE id = ?", (current,))
        parts: dict[Part, frozenset[int]] = {"category": frozenset({headline})}
        return Verdict("pin category", current, parts, frozenset(), category=spelled)

    return _keep(database, verdict, by=by, note=note, replace=False, now=now)


def not_an_event(
    database: Path,
    event_id: int,
    *,
    by: str,
    note: str = "",
    replace: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """Nothing happened: its stories are by themselves from now on, and lists leave them out.

    Raises NewsfoldError as merge() does.
    """

    def verdict(db: Database) -> Verdict:
        current = find_event_id(db, event_id)
        stories = frozenset(members_of(db, [current])[current])
        return Verdict("not-an-event", current, {"alone": stories}, stories)

    return _keep(database, verdict, by=by, note=note, replace=replace, now=now)


def undo(
    database: Path,
    correction_id: int,
    *,
    by: str,
    now: Callable[[], datetime] = utc_now,
) -> Corrected:
    """Take a correction back; what it made others give way for holds again.

    Raises NewsfoldError for one that is not there, or was taken back already.
    """
    must_exist(database)
    db = create_or_open(database)
    try:
        with transaction(db):
            known = correction_by_id(db, correction_id)
            if known is None or known.undone_at is not None:
                what = "there is no" if known is None else "it is undone already:"
                raise NewsfoldError(
                    f"{what} correction {correction_id}; see: newsfold corrections list {database}",
                    WRONG_CALL,
                )
            stories = stories_of_correction(db, correction_id)
            undo_correction(db, correction_id, by=by, now=now())
        return _brought_about(db, database, correction_id, stories, now)
    finally:
        db.close()


def _keep(
    database: Path,
    verdict_of: Callable[[Database], Verdict],
    *,
    by: str,
    note: str,
    replace: bool,
    now: Callable[[], datetime],
) -> Corrected:
    must_exist(database)
    db = create_or_open(database)
    try:
        with transaction(db):
            verdict = verdict_of(db)
            _must_be_open(db, verdict)
            correction_id = save_correction(
                db,
                verdict.verb,
                verdict.event_id,
                verdict.stories,
                by=" ".join(visible(by).split()) or "somebody",
                now=now(),
                note=visible(note).strip(),
                title=verdict.title,
                category=verdict.category,
            )
            _settle(db, database, correction_id, verdict.moving if replace else None)
        stories = set(chain.from_iterable(verdict.stories.values()))
        return _brought_about(db, database, correction_id, stories, now)
    finally:
        db.close()


def _must_be_open(db: Database, verdict: Verdict) -> None:
    """Raises NewsfoldError where words that a fold would need were dropped after years."""
    closed = closed_events(db, chain.from_iterable(verdict.stories.values()))
    for event_id, when in closed.items():
        raise NewsfoldError(
            f"event {event_id} is closed: the words of its stories were pruned on {when:%Y-%m-%d},"
            " and without them it cannot be folded again. Nothing was changed"
        )


def _settle(
    db: Database, database: Path, correction_id: int, moving: frozenset[int] | None
) -> None:
    """Let earlier corrections say nothing of the `moving` stories any more, as far as they clash
    with this one. Raises NewsfoldError when it clashes (None), or still does."""
    given_way: set[int] = set()
    while clash := _clash(db, correction_id):
        others = {other.id for other in clash.others} - given_way
        if moving is None or not others:
            raise NewsfoldError(_told(clash, database))
        for other in sorted(others):
            release(db, other, moving, correction_id)
        given_way |= others


def _clash(db: Database, correction_id: int) -> Clash | None:
    _, clashes = settle(corrections_that_hold(db))
    return next((clash for clash in clashes if clash.of.id == correction_id), None)


def _told(clash: Clash, database: Path) -> str:
    """What is refused, by what, and what can be done."""
    told = "; ".join(other.with_note for other in clash.others)
    undo = " or ".join(f"newsfold corrections undo {database} {other.id}" for other in clash.others)
    return (
        f"this {clash.of.verb} clashes with {told}. Nothing was changed. Let it win for these"
        f" stories with --replace, or first: {undo}"
    )


def _brought_about(
    db: Database,
    database: Path,
    correction_id: int,
    stories: Collection[int],
    now: Callable[[], datetime],
) -> Corrected:
    """Fold what the correction is about, unless a pass is at work."""
    folded = True
    try:
        with only_one(database), folding(database):
            fold_pass(
                db,
                now=now,
                embedding=configured(database),
                threshold=read_configuration(database).fold.threshold,
                corrections_only=True,
            )
    except AlreadyRunningError:
        folded = False
    return Corrected(correction_id, tuple(sorted(known_groups(db, stories))), folded)


def _members_named(event_id: int, members: set[int], named: Collection[int]) -> frozenset[int]:
    strangers = sorted(set(named) - members)
    if strangers or not named:
        what = f"story {strangers[0]} is not in event {event_id}" if strangers else "name a story"
        raise NewsfoldError(f"{what}; see: newsfold show NEWS.DB {event_id}", WRONG_CALL)
    return frozenset(named)


def _copies_of(db: Database, stories: Collection[int], members: Collection[int]) -> frozenset[int]:
    """The copies of these stories among the members."""
    return frozenset(
        copy for copy, original in copies_of(db, members).items() if original in stories
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "nothing"
