"""One event, whole: what a reader sees of it, why each story is in it, what became of it.

Comes in: a database and the id of an event, also of one that has ended. Goes out: text or JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from textwrap import fill
from typing import TYPE_CHECKING, Any

from pipeline.configuration import threshold_beside
from pipeline.digest.render import event_body, event_text
from pipeline.digest.terminal import WIDTH, counted
from pipeline.find import find_event_id
from pipeline.kept_out import KeptOut, in_words, kept_out
from pipeline.text import visible
from pipeline.views import event_views
from pipeline.weights import MEANING_NAMES
from storage.corrections import corrections_of_event
from storage.discussions import discussions_of
from storage.events import events_by_id, lineage_of, matches_of
from storage.stories import stories_by_id
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.digest.view import EventView
    from storage.events import Became
    from storage.models import Correction, Discussion, Event, Match, Member, Story


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a story is in the event."""

    story: int
    url: str
    title: str
    role: str
    score: float
    through: str | None  # the story through which it came in
    because: str
    through_story: int | None = None
    kept_out: KeptOut | None = None  # what would have; None for the first report


@dataclass(frozen=True, slots=True)
class Shown:
    """An event with its reasons and its history. `asked` is the id that was asked for."""

    asked: int
    view: EventView
    members: tuple[Reason, ...]
    discussions: tuple[Discussion, ...]  # of its stories, on other sites
    lineage: tuple[Became, ...]
    as_of: datetime | None = None  # how it stood then; None: how it stands
    corrections: tuple[Correction, ...] = ()  # what analysts have said of it or its stories


def find_event(db: Database, event_id: int) -> Shown:
    """The event that answers for an id. Raises NewsfoldError for an id never handed out."""
    current = find_event_id(db, event_id)
    [event] = events_by_id(db, [current])
    [view] = event_views(db, [event])
    history = {became for id_ in (event_id, current) for became in lineage_of(db, id_)}
    lineage = sorted(history, key=lambda became: (became.at, became.event_id))
    stories = stories_by_id(db, (member.story_id for member in event.members))
    matches = matches_of(db, (member.story_id for member in event.members))
    by_id = {story.stored_id: story for story in stories}
    members = reasons(event, by_id, matches, _threshold(db, matches))
    discussions = discussions_of(db, (member.url for member in members))
    corrections = tuple(corrections_of_event(db, current))
    return Shown(
        event_id, view, members, tuple(discussions), tuple(lineage), corrections=corrections
    )


def reasons(
    event: Event,
    stories: Mapping[int, Story],
    matches: Iterable[Match] = (),
    threshold: float = 0.0,
) -> tuple[Reason, ...]:
    """Why each member is in an event. `stories` holds at least its members, by id; `matches` those
    through which they came in, where these are still kept; `threshold` is what a match needs."""
    kept = {(match.left, match.right): match for match in matches}
    return tuple(
        Reason(
            member.story_id,
            stories[member.story_id].url,
            stories[member.story_id].title,
            member.role,
            member.score,
            stories[member.through].url if member.through is not None else None,
            member.because,
            member.through,
            _kept_out(member, kept, threshold),
        )
        for member in event.members
    )


def _kept_out(
    member: Member, matches: Mapping[tuple[int, int], Match], threshold: float
) -> KeptOut | None:
    if member.through is None:
        return None
    left, right = sorted((member.story_id, member.through))
    match = matches.get((left, right))
    if match is None:
        return None
    return kept_out(match, threshold)


def reason_of(db: Database, event: Event, story_id: int) -> Reason | None:
    """Why one story is in the event; None when it is not."""
    members = tuple(member for member in event.members if member.story_id == story_id)
    wanted = {id_ for m in members for id_ in (m.story_id, m.through) if id_ is not None}
    stories = {story.stored_id: story for story in stories_by_id(db, wanted)}
    alone = replace(event, members=members)
    matches = matches_of(db, wanted)
    return next(iter(reasons(alone, stories, matches, _threshold(db, matches))), None)


def _threshold(db: Database, matches: Iterable[Match]) -> float:
    """What a match needs for one event; where its signals say so, with an embedding."""
    names = {signal.name for match in matches for signal in match.signals}
    return threshold_beside(db, embedded=not names.isdisjoint(MEANING_NAMES))


def as_body(shown: Shown) -> dict[str, Any]:
    """The event as in the JSON digest, with `members`, `discussions`, `lineage` and `corrections`
    besides."""
    return {
        "asked": shown.asked,
        **({"as_of": to_iso(shown.as_of)} if shown.as_of else {}),
        **event_body(shown.view),
        "members": [asdict(reason) for reason in shown.members],
        "discussions": [asdict(discussion) for discussion in shown.discussions],
        "lineage": [asdict(became) | {"at": to_iso(became.at)} for became in shown.lineage],
        "corrections": [correction_row(correction) for correction in shown.corrections],
    }


def as_json(shown: Shown) -> str:
    """The same as text."""
    return json.dumps(as_body(shown), ensure_ascii=False, indent=2)


def as_text(shown: Shown, *, colour: bool = False) -> str:
    """The event as in the digest, then the reasons and the history."""
    event_id = shown.view.event_id
    lines = [f"Event {event_id}"]
    if shown.as_of is not None:
        lines[0] += f" as it stood at {shown.as_of:%Y-%m-%d %H:%M} UTC"
    if shown.asked != event_id:
        lines[0] += f" (event {shown.asked} was merged into it)"
    category = f"{shown.view.category}: {shown.view.category_because}"
    if shown.view.pruned is not None:
        lines.append(
            f"Closed: the texts of its stories were dropped on {shown.view.pruned:%Y-%m-%d}."
            " All else is as it was then."
        )
    lines += [event_text(shown.view, colour=colour), "  What kind of happening it is"]
    lines.append(fill(visible(category), WIDTH, initial_indent="  ", subsequent_indent="    "))
    lines += ["", "  Why each story is in it"]
    source_of = {source.url: source.source for source in shown.view.sources}
    for reason in shown.members:
        said = visible(f"{source_of[reason.url]}, {reason.role}: {_because(reason, source_of)}")
        lines.append(fill(said, WIDTH, initial_indent="  ", subsequent_indent="    "))
        if reason.kept_out is not None:
            said = visible(in_words(reason.kept_out))
            lines.append(fill(said, WIDTH, initial_indent="    ", subsequent_indent="    "))
    if shown.discussions:
        lines += ["", "  Discussed", *(f"  {_said(each)}" for each in shown.discussions)]
    if shown.corrections:
        lines += ["", "  Corrections", *(f"  {_verdict(each)}" for each in shown.corrections)]
    if shown.lineage:
        lines += ["", "  What became of it"]
        lines += [f"  {_word(became)}" for became in shown.lineage]
    return "\n".join(lines)


def correction_row(correction: Correction) -> dict[str, object]:
    """A correction as JSON."""
    return {
        "id": correction.id,
        "verb": correction.verb,
        "event": correction.event_id,
        "title": correction.title,
        "category": correction.category,
        "by": correction.made_by,
        "made": to_iso(correction.made_at),
        "note": correction.note,
        "undone_by": correction.undone_by,
        "undone": to_iso(correction.undone_at),
        "stories": {part: sorted(ids) for part, ids in correction.stories.items()},
    }


def _verdict(correction: Correction) -> str:
    """`3: merge by ada, 2026-04-08 (undone): one affair`."""
    undone = " (undone)" if correction.undone_at else ""
    note = f": {correction.note}" if correction.note else ""
    said = f"{correction.id}: {correction.verb} by {correction.made_by}"
    return visible(f"{said}, {correction.made_at:%Y-%m-%d}{undone}{note}")


def _because(reason: Reason, source_of: dict[str, str]) -> str:
    if reason.through is None:
        return reason.because
    return f"{reason.score:.2f} with {source_of[reason.through]}: {reason.because}"


def _said(discussion: Discussion) -> str:
    """Hacker News, 215 points, 98 comments: https://…"""
    told = ((discussion.points, "point"), (discussion.comments, "comment"))
    facts = [counted(number, what) for number, what in told if number is not None]
    return visible(f"{', '.join([discussion.site, *facts])}: {discussion.url}")


def _word(became: Became) -> str:
    moment = f"{became.at:%Y-%m-%d %H:%M} UTC"
    if became.kind == "merged":
        return f"{moment}: event {became.event_id} became a part of event {became.other_event}"
    return f"{moment}: event {became.other_event} came out of event {became.event_id}"
